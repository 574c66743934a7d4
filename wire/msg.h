/* wire/msg.h - the structs of wire/messages.def, and their codec.
 *
 * A message owns nothing: strings and lists are stored inline, bytes are borrowed.  So it is
 * copied with `=` (large ones by pointer, please) and valid when zeroed.  A list's count stands
 * beside it and says how many of its items hold anything; the others are not defined. */
#ifndef MU_WIRE_MSG_H
#define MU_WIRE_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/slice.h"

#define MU_ID_MAX      31                /* bytes of an id, NUL not counted */
#define MU_ADDRESS_MAX 63                /* bytes of an address, NUL not counted */
#define MU_BODY_MAX    (4 * 1024 * 1024) /* bytes of one encoded body */
#define MU_HEADER_MAX  512               /* bytes of one encoded envelope */

/* clang-format off */
#define ENUM_BEGIN(NAME, name) enum mu_##name {
#define VALUE(NAME, number, VALUE, text) MU_##NAME##_##VALUE = (number),
#define ENUM_END(NAME, name) };
#include "wire/enums.def"
#undef ENUM_BEGIN
#undef VALUE
#undef ENUM_END

enum mu_error {
    MU_OK = 0,
#define ERROR(number, NAME, status, title) MU_ERROR_##NAME = (number),
#include "wire/errors.def"
#undef ERROR
};

enum mu_op {
    MU_OP_NONE = 0,
#define MSG(id, NAME, name, doc) MU_OP_##NAME = (id),
#include "wire/ignore.h"
#include "wire/messages.def"
#include "wire/undef.h"
};

#define MSG(id, NAME, name, doc) struct mu_msg_##name {
#define STR(field, max, doc) char field[(max) + 1];
#define UINT(field, max, doc) uint64_t field;
#define INT(field, min, max, doc) int64_t field;
#define REAL(field, doc) double field;
#define BOOL(field, doc) bool field;
#define ENUM(field, NAME, name, doc) enum mu_##name field;
#define BYTES(field, max, doc) struct mu_slice field;
#define LIST(field, ITEM, item, max, doc) uint32_t field##_count; struct mu_msg_##item field[max];
#define ONE(field, ITEM, item, doc) struct mu_msg_##item field;
#define END(NAME, name) };
#include "wire/messages.def"
#include "wire/undef.h"

/* Any message: `op` says which member of the union holds. */
struct mu_msg {
    enum mu_op op;
    union {
#define MSG(id, NAME, name, doc) struct mu_msg_##name name;
#include "wire/ignore.h"
#include "wire/messages.def"
#include "wire/undef.h"
    };
};
/* clang-format on */

/* What the table says of one field; for printers, JSON, documents and tests. */
enum mu_field_type {
    MU_FIELD_END,
    MU_FIELD_STR,
    MU_FIELD_UINT,
    MU_FIELD_INT,
    MU_FIELD_REAL,
    MU_FIELD_BOOL,
    MU_FIELD_ENUM,
    MU_FIELD_BYTES,
    MU_FIELD_LIST,
    MU_FIELD_ONE,
};

struct mu_field {
    enum mu_field_type type;
    const char *name;
    const char *doc;
    uint32_t offset;                  /* bytes from the start of the struct */
    uint32_t count_offset;            /* LIST: where its count is */
    uint32_t item_bytes;              /* LIST, ONE: bytes of one item */
    enum mu_op item;                  /* LIST, ONE: what an item is */
    uint64_t max;                     /* STR, BYTES: bytes; LIST: items; UINT: value; INT: value */
    int64_t min;                      /* INT: value */
    const struct mu_enum_text *texts; /* ENUM: its values, ended by text NULL */
};

struct mu_enum_text {
    uint32_t value;
    const char *text;
};

struct mu_layout {
    const char *name; /* "TICKET_ADD" */
    const char *doc;
    uint32_t bytes; /* of the struct */
    uint32_t fields_count;
    const struct mu_field *fields; /* [fields_count + 1], ended by MU_FIELD_END */
};

/* The layout of `op`, or NULL when there is no such message. */
const struct mu_layout *mu_msg_layout(enum mu_op op);

/* The text of `value`, or "?" when the enumeration does not have it. */
const char *mu_enum_text(const struct mu_enum_text *texts, uint32_t value);

/* The texts of each enumeration: mu_ticket_state_texts and so on. */
/* clang-format off */
#define ENUM_BEGIN(NAME, name) extern const struct mu_enum_text mu_##name##_texts[];
#define VALUE(NAME, number, VALUE, text)
#define ENUM_END(NAME, name)
#include "wire/enums.def"
#undef ENUM_BEGIN
#undef VALUE
#undef ENUM_END
/* clang-format on */

/* What wire/errors.def says of `error`; {"INTERNAL", 500, ...} for a number it does not have. */
struct mu_error_info {
    const char *name;  /* "LOBBY_FULL" */
    int status;        /* HTTP */
    const char *title; /* one sentence */
};
const struct mu_error_info *mu_error_info(uint32_t error);

/* Encodes *msg into buf.  Every value must be within its table's bounds (asserted): who fills a
 * message from outside data checks first.
 *
 * Returns the bytes written, or -EMSGSIZE when cap is too small; then buf is not defined.
 * O(fields), no allocation. */
int64_t mu_msg_encode(const struct mu_msg *msg, uint8_t *buf, size_t cap);

/* Scratch for decoding; one per thread that decodes. */
struct mu_decoder;
struct mu_decoder *mu_decoder_create(void); /* NULL when out of memory */
void mu_decoder_destroy(struct mu_decoder *decoder);

/* Decodes the body of a message whose envelope said `op`.
 *
 * Strict: one array, every field of its type and within its range, valid UTF-8, nothing behind
 * it.  Missing trailing fields are zero (if zero is one of their values), unknown trailing ones
 * are skipped: that is how N and N-1 of the software talk.
 *
 * ret   filled; its BYTES fields point into `bytes`
 *
 * Returns 0; -ENOTSUP for an unknown op; -EBADMSG otherwise, and leaves *ret undefined.
 * O(bytes); allocates only when a message needs more scratch than any before it. */
int mu_msg_decode(struct mu_decoder *decoder, uint32_t op, const uint8_t *bytes, size_t size,
                  struct mu_msg *ret);

/* Writes "TICKET_ADD mode=ranked ..." for logs, traces and golden files; cut at cap - 1.
 * Empty strings, zero numbers and empty lists are left out. */
void mu_msg_print(const struct mu_msg *msg, char *buf, size_t cap);

#endif /* MU_WIRE_MSG_H */
