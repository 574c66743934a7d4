#include "gateway/schema.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/attributes.h"
#include "gateway/bounds.h"
#include "gateway/exchange.h"
#include "gateway/fleet.h"
#include "gateway/present.h"
#include "gateway/shape.h"

enum row_kind {
    ROW_CLOSED, /* begins a schema: no other fields */
    ROW_OPEN,   /* begins a schema: others are ignored */
    ROW_EITHER, /* begins a schema: one of its options */
    ROW_FIELD,
    ROW_ALSO,
    ROW_OPTION,
};

struct row {
    enum row_kind kind;
    const char *name;
    const char *doc;
    bool always;
    struct mu_shape shape;
};

/* clang-format off */
#define ALWAYS          true
#define SOMETIMES       false
#define ID              .kind = MU_SHAPE_ID
#define CODE            .kind = MU_SHAPE_CODE
#define TEXT(bound)     .kind = MU_SHAPE_TEXT, .rule = bound
#define NAME(bytes)     .kind = MU_SHAPE_NAME, .bytes_max = bytes
#define WORD(list)      .kind = MU_SHAPE_WORD, .words = list
#define CHOICE(name)    .kind = MU_SHAPE_CHOICE, .choices = mu_##name##_texts
#define INTEGER(bound)  .kind = MU_SHAPE_INTEGER, .range = bound
#define NUMBER(bound)   .kind = MU_SHAPE_NUMBER, .range = bound
#define COUNT           .kind = MU_SHAPE_COUNT
#define WHOLE           .kind = MU_SHAPE_WHOLE
#define REAL            .kind = MU_SHAPE_REAL
#define SHARE           .kind = MU_SHAPE_SHARE
#define FLAG            .kind = MU_SHAPE_FLAG
#define TIME            .kind = MU_SHAPE_TIME
#define MODE            NAME(MU_ID_MAX)
#define REGION          NAME(MU_ID_MAX)
#define OBJECT          .kind = MU_SHAPE_OBJECT
#define ATTRIBUTES      .kind = MU_SHAPE_ATTRIBUTES
#define LATENCIES       .kind = MU_SHAPE_LATENCIES
#define PART(name)      .kind = MU_SHAPE_PART, .part = MU_SCHEMA_##name
#define LIST(shape, n)  shape, .items_max = n
#define OR_NULL(shape)  shape, .or_null = true
static const struct row rows[] = {
#define SCHEMA(name, kind, doc)       { ROW_##kind, #name, doc, false, { ID } },
#define FIELD(name, need, shape, doc) { ROW_FIELD, #name, doc, need, { shape } },
#define ALSO(name)                    { ROW_ALSO, #name, "", false, { PART(name) } },
#define OPTION(name)                  { ROW_OPTION, #name, "", false, { PART(name) } },
#include "gateway/schemas.def"
#undef SCHEMA
#undef FIELD
#undef ALSO
#undef OPTION
};
/* clang-format on */

enum { ROWS_COUNT = sizeof rows / sizeof rows[0] };

static bool begins(const struct row *row)
{
    return row->kind == ROW_CLOSED || row->kind == ROW_OPEN || row->kind == ROW_EITHER;
}

/* The row that begins a schema. */
static uint32_t head_of(enum mu_schema_id id)
{
    uint32_t i = 0;
    assert(id < MU_SCHEMAS_COUNT);
    for (uint32_t left = (uint32_t)id;; i++) {
        assert(i < ROWS_COUNT);
        if (begins(&rows[i]) && left-- == 0) {
            return i;
        }
    }
}

/* The row behind the last one of the schema that begins at `head`. */
static uint32_t end_of(uint32_t head)
{
    uint32_t i = head + 1;
    while (i < ROWS_COUNT && !begins(&rows[i])) {
        i++;
    }
    return i;
}

const char *mu_schema_name(enum mu_schema_id id)
{
    static const char *const names[] = {
#define SCHEMA(name, kind, doc) #name,
#define FIELD(name, need, shape, doc)
#define ALSO(name)
#define OPTION(name)
#include "gateway/schemas.def"
#undef SCHEMA
#undef FIELD
#undef ALSO
#undef OPTION
    };
    assert(id < MU_SCHEMAS_COUNT);
    return names[id];
}

const char *mu_schema_doc(enum mu_schema_id id)
{
    return rows[head_of(id)].doc;
}

void mu_schema_refer(struct mu_json_writer *writer, enum mu_schema_id id)
{
    char path[128];
    (void)snprintf(path, sizeof path, "#/components/schemas/%s", mu_schema_name(id));
    mu_json_object_begin(writer);
    mu_put_text(writer, "$ref", path);
    mu_json_object_end(writer);
}

void mu_schema_of_id(struct mu_json_writer *writer)
{
    static const struct mu_shape id = { .kind = MU_SHAPE_ID };
    mu_shape_write(writer, &id, NULL);
}

/* Schemas. */

/* What put_fields() writes. */
enum what { THE_FIELDS, NAMES_OF_REQUIRED };

static void put_one(struct mu_json_writer *writer, const struct row *row, enum what what)
{
    if (what == THE_FIELDS) {
        mu_json_key(writer, row->name);
        mu_shape_write(writer, &row->shape, row->doc);
    } else if (row->always) {
        mu_json_string(writer, row->name);
    }
}

/* The fields of the schema that begins at `head`; ALSO is one level deep (asserted). */
static void put_fields(struct mu_json_writer *writer, uint32_t head, enum what what)
{
    for (uint32_t i = head + 1; i < end_of(head); i++) {
        if (rows[i].kind == ROW_FIELD) {
            put_one(writer, &rows[i], what);
        }
        uint32_t other = rows[i].kind == ROW_ALSO ? head_of(rows[i].shape.part) : head;
        for (uint32_t k = other + 1; other != head && k < end_of(other); k++) {
            assert(rows[k].kind == ROW_FIELD);
            put_one(writer, &rows[k], what);
        }
    }
}

static void put_schema(struct mu_json_writer *writer, uint32_t head)
{
    mu_json_object_begin(writer);
    mu_put_text(writer, "description", rows[head].doc);
    if (rows[head].kind == ROW_EITHER) {
        mu_json_key(writer, "oneOf");
        mu_json_array_begin(writer);
        for (uint32_t i = head + 1; i < end_of(head); i++) {
            mu_schema_refer(writer, rows[i].shape.part);
        }
        mu_json_array_end(writer);
        mu_json_object_end(writer);
        return;
    }
    mu_put_text(writer, "type", "object");
    mu_json_key(writer, "properties");
    mu_json_object_begin(writer);
    put_fields(writer, head, THE_FIELDS);
    mu_json_object_end(writer);
    mu_json_key(writer, "required");
    mu_json_array_begin(writer);
    put_fields(writer, head, NAMES_OF_REQUIRED);
    mu_json_array_end(writer);
    if (rows[head].kind == ROW_CLOSED) {
        mu_put_bool(writer, "additionalProperties", false);
    }
    mu_json_object_end(writer);
}

/* Marks what one schema refers to.  Returns whether any of it was not marked before. */
static bool mark(uint32_t head, bool wanted[MU_SCHEMAS_COUNT])
{
    bool more = false;
    for (uint32_t i = head + 1; i < end_of(head); i++) {
        uint32_t from = i;
        uint32_t to = i + 1;
        if (rows[i].kind == ROW_ALSO) { /* its fields are written here */
            from = head_of(rows[i].shape.part) + 1;
            to = end_of(from - 1);
        }
        for (uint32_t k = from; k < to; k++) {
            if (rows[k].shape.kind == MU_SHAPE_PART && !wanted[rows[k].shape.part]) {
                wanted[rows[k].shape.part] = true;
                more = true;
            }
        }
    }
    return more;
}

void mu_schemas_write(struct mu_json_writer *writer, const bool wanted[MU_SCHEMAS_COUNT])
{
    bool all[MU_SCHEMAS_COUNT];
    bool more = true;
    memcpy(all, wanted, sizeof all);
    while (more) { /* each round marks one more at least */
        more = false;
        for (uint32_t id = 0; id < MU_SCHEMAS_COUNT; id++) {
            more = (all[id] && mark(head_of((enum mu_schema_id)id), all)) || more;
        }
    }
    for (uint32_t id = 0; id < MU_SCHEMAS_COUNT; id++) {
        if (all[id]) {
            uint32_t head = head_of((enum mu_schema_id)id);
            mu_json_key(writer, rows[head].name);
            put_schema(writer, head);
        }
    }
}

void mu_schema_queries(struct mu_json_writer *writer, enum mu_schema_id id)
{
    uint32_t head = head_of(id);
    for (uint32_t i = head + 1; i < end_of(head); i++) {
        mu_json_object_begin(writer);
        mu_put_text(writer, "name", rows[i].name);
        mu_put_text(writer, "in", "query");
        mu_put_text(writer, "description", rows[i].doc);
        mu_json_key(writer, "schema");
        mu_shape_write(writer, &rows[i].shape, NULL);
        mu_json_object_end(writer);
    }
}

uint32_t mu_schema_options(enum mu_schema_id id)
{
    uint32_t head = head_of(id);
    return rows[head].kind == ROW_EITHER ? end_of(head) - head - 1 : 0;
}

enum mu_schema_id mu_schema_option(enum mu_schema_id id, uint32_t n)
{
    assert(n < mu_schema_options(id));
    return rows[head_of(id) + 1 + n].shape.part;
}

const char *mu_schema_only_word(enum mu_schema_id id, const char *name)
{
    uint32_t head = head_of(id);
    for (uint32_t i = head + 1; i < end_of(head); i++) {
        const struct row *row = &rows[i];
        if (row->kind == ROW_FIELD && strcmp(row->name, name) == 0) {
            bool only = row->shape.kind == MU_SHAPE_WORD && strchr(row->shape.words, '|') == NULL;
            return only ? row->shape.words : NULL;
        }
    }
    return NULL;
}
