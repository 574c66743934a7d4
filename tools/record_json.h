/* tools/record_json.h - any message or record as JSON, by wire/messages.def.  Pure. */
#ifndef MU_TOOLS_RECORD_JSON_H
#define MU_TOOLS_RECORD_JSON_H

#include "gateway/json_write.h"
#include "wire/msg.h"

/* Writes an object with the fields by their names in the table; enumerations as their texts. */
void mu_record_json(struct mu_json_writer *writer, const struct mu_msg *msg);

/* Writes bytes as a string: printable ASCII as it is, '%' and all else as %XX. */
void mu_record_bytes(struct mu_json_writer *writer, struct mu_slice bytes);

#endif /* MU_TOOLS_RECORD_JSON_H */
