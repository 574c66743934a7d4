/* gateway/shape.h - what the value of one field may be, as JSON Schema; for gateway/schema.c. */
#ifndef MU_GATEWAY_SHAPE_H
#define MU_GATEWAY_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/fields.h"
#include "gateway/json_write.h"
#include "gateway/schema.h"
#include "wire/msg.h"

enum mu_shape_kind {
    MU_SHAPE_ID,         /* an id */
    MU_SHAPE_CODE,       /* the name of an error */
    MU_SHAPE_TEXT,       /* by a rule */
    MU_SHAPE_NAME,       /* any text, bytes_max long */
    MU_SHAPE_WORD,       /* one of words */
    MU_SHAPE_CHOICE,     /* a text of an enumeration */
    MU_SHAPE_INTEGER,    /* in a range */
    MU_SHAPE_NUMBER,     /* in a range, to be rounded */
    MU_SHAPE_COUNT,      /* a whole number from 0 */
    MU_SHAPE_WHOLE,      /* a whole number */
    MU_SHAPE_REAL,       /* a number */
    MU_SHAPE_SHARE,      /* a number, 0..1 */
    MU_SHAPE_FLAG,       /* true or false */
    MU_SHAPE_TIME,       /* RFC 3339, UTC */
    MU_SHAPE_OBJECT,     /* any object */
    MU_SHAPE_ATTRIBUTES, /* gateway/attributes.h */
    MU_SHAPE_LATENCIES,  /* region -> ms */
    MU_SHAPE_PART,       /* another schema */
};

struct mu_shape {
    enum mu_shape_kind kind;
    bool or_null;
    uint32_t items_max; /* above 0: a list of such */
    uint32_t bytes_max; /* NAME */
    struct mu_text_rule rule;
    struct mu_range range;
    const char *words;                  /* WORD: "A|B" */
    const struct mu_enum_text *choices; /* CHOICE */
    enum mu_schema_id part;             /* PART, and of ALSO and OPTION rows */
};

/* Writes a value: the schema of a field of that shape.
 *
 * doc  its description; NULL: none */
void mu_shape_write(struct mu_json_writer *writer, const struct mu_shape *shape, const char *doc);

#endif /* MU_GATEWAY_SHAPE_H */
