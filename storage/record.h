/* storage/record.h - the envelope around every record on disk.
 *
 *   [schema u8 = 1][flags u8 = 0][0 u16][crc32c u32 BE][payload]
 *
 * The sum covers schema, flags, the table's id, the key and the payload: so a record that turns up
 * under a wrong key or in a wrong table (a misplaced page) is as bad as one with a flipped bit. */
#ifndef MU_STORAGE_RECORD_H
#define MU_STORAGE_RECORD_H

#include <stdint.h>

#include "wire/slice.h"

#define MU_RECORD_HEADER_BYTES 8
#define MU_RECORD_SCHEMA       1

/* Ids of the engine's own tables; core/tables.def stays below them. */
#define MU_RECORD_TABLE_ENGINE  254
#define MU_RECORD_TABLE_JOURNAL 255

/* Writes the header for `payload` stored under (table, key).
 * ret  [MU_RECORD_HEADER_BYTES] */
void mu_record_seal(uint8_t table, struct mu_slice key, struct mu_slice payload, uint8_t *ret);

/* Checks what was read under (table, key).  ret_payload is borrowed from `record`.
 * Returns 0 or -EBADMSG (too short, newer schema, unknown flags, wrong sum). */
int mu_record_open(uint8_t table, struct mu_slice key, struct mu_slice record,
                   struct mu_slice *ret_payload);

/* A 64-bit hash of table, key and whole record; the XOR over a table is its digest, which does not
 * depend on order.  Against accidents, not against an enemy: it has no secret. */
uint64_t mu_record_hash(uint8_t table, struct mu_slice key, struct mu_slice record);

#endif /* MU_STORAGE_RECORD_H */
