#include "gateway/schema.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/attributes.h"
#include "gateway/bounds.h"
#include "gateway/exchange.h"
#include "gateway/fleet.h"
#include "gateway/present.h"

enum shape_kind {
    SHAPE_ID,         /* an id */
    SHAPE_CODE,       /* the name of an error */
    SHAPE_TEXT,       /* by a rule */
    SHAPE_NAME,       /* any text, bytes_max long */
    SHAPE_WORD,       /* one of words */
    SHAPE_CHOICE,     /* a text of an enumeration */
    SHAPE_INTEGER,    /* in a range */
    SHAPE_NUMBER,     /* in a range, to be rounded */
    SHAPE_COUNT,      /* a whole number from 0 */
    SHAPE_WHOLE,      /* a whole number */
    SHAPE_REAL,       /* a number */
    SHAPE_SHARE,      /* a number, 0..1 */
    SHAPE_FLAG,       /* true or false */
    SHAPE_TIME,       /* RFC 3339, UTC */
    SHAPE_OBJECT,     /* any object */
    SHAPE_ATTRIBUTES, /* gateway/attributes.h */
    SHAPE_LATENCIES,  /* region -> ms */
    SHAPE_PART,       /* another schema */
};

struct shape {
    enum shape_kind kind;
    bool or_null;
    uint32_t items_max; /* above 0: a list of such */
    uint32_t bytes_max; /* NAME */
    struct mu_text_rule rule;
    struct mu_range range;
    const char *words;                  /* WORD: "A|B" */
    const struct mu_enum_text *choices; /* CHOICE */
    enum mu_schema_id part;             /* PART, and of ALSO and OPTION rows */
};

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
    struct shape shape;
};

/* clang-format off */
#define ALWAYS          true
#define SOMETIMES       false
#define ID              .kind = SHAPE_ID
#define CODE            .kind = SHAPE_CODE
#define TEXT(bound)     .kind = SHAPE_TEXT, .rule = bound
#define NAME(bytes)     .kind = SHAPE_NAME, .bytes_max = bytes
#define WORD(list)      .kind = SHAPE_WORD, .words = list
#define CHOICE(name)    .kind = SHAPE_CHOICE, .choices = mu_##name##_texts
#define INTEGER(bound)  .kind = SHAPE_INTEGER, .range = bound
#define NUMBER(bound)   .kind = SHAPE_NUMBER, .range = bound
#define COUNT           .kind = SHAPE_COUNT
#define WHOLE           .kind = SHAPE_WHOLE
#define REAL            .kind = SHAPE_REAL
#define SHARE           .kind = SHAPE_SHARE
#define FLAG            .kind = SHAPE_FLAG
#define TIME            .kind = SHAPE_TIME
#define MODE            NAME(MU_ID_MAX)
#define REGION          NAME(MU_ID_MAX)
#define OBJECT          .kind = SHAPE_OBJECT
#define ATTRIBUTES      .kind = SHAPE_ATTRIBUTES
#define LATENCIES       .kind = SHAPE_LATENCIES
#define PART(name)      .kind = SHAPE_PART, .part = MU_SCHEMA_##name
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
    return rows[head_of(id)].name;
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

/* Shapes. */

static void put_type(struct mu_json_writer *writer, const char *type, bool or_null)
{
    mu_json_key(writer, "type");
    if (!or_null) {
        mu_json_string(writer, type);
        return;
    }
    mu_json_array_begin(writer);
    mu_json_string(writer, type);
    mu_json_string(writer, "null");
    mu_json_array_end(writer);
}

/* Bytes are what is checked, characters what JSON Schema counts: a character has up to four. */
static void put_rule(struct mu_json_writer *writer, const struct mu_text_rule *rule)
{
    static const char *const patterns[] = {
        [MU_CHARSET_TEXT] = "^[^\\x00-\\x1F\\x7F]*$",
        [MU_CHARSET_USERNAME] = "^[A-Za-z0-9_.-]([A-Za-z0-9_. -]*[A-Za-z0-9_.-])?$",
        [MU_CHARSET_STATUS] = "^[A-Z_]*$",
        [MU_CHARSET_ADDRESS] = "^[A-Za-z0-9.:-]*$",
        [MU_CHARSET_WORD] = "^[A-Za-z0-9_.-]*$",
    };
    bool wide = rule->charset == MU_CHARSET_TEXT;
    mu_put_u64(writer, "minLength", wide ? (rule->bytes_min + 3) / 4 : rule->bytes_min);
    mu_put_u64(writer, "maxLength", rule->bytes_max);
    mu_put_text(writer, "pattern", patterns[rule->charset]);
}

static void put_range(struct mu_json_writer *writer, struct mu_range range)
{
    mu_put_i64(writer, "minimum", range.min);
    mu_put_i64(writer, "maximum", range.max);
}

static void put_words(struct mu_json_writer *writer, const char *words)
{
    mu_json_key(writer, "enum");
    mu_json_array_begin(writer);
    while (*words != '\0') {
        size_t n = strcspn(words, "|");
        mu_json_string_n(writer, words, n);
        words += n + (words[n] == '|' ? 1 : 0);
    }
    mu_json_array_end(writer);
}

static void put_choices(struct mu_json_writer *writer, const struct mu_enum_text *choices)
{
    mu_json_key(writer, "enum");
    mu_json_array_begin(writer);
    for (; choices->text != NULL; choices++) {
        mu_json_string(writer, choices->text);
    }
    mu_json_array_end(writer);
}

/* An object whose values, under any name, are numbers in a range. */
static void put_numbers(struct mu_json_writer *writer, struct mu_range range)
{
    mu_put_text(writer, "type", "object");
    mu_json_key(writer, "additionalProperties");
    mu_json_object_begin(writer);
    mu_put_text(writer, "type", "number");
    put_range(writer, range);
    mu_json_object_end(writer);
}

static void put_attributes(struct mu_json_writer *writer)
{
    char text[640];
    int n = snprintf(text, sizeof text,
                     "{\"anyOf\":[{\"type\":\"number\"},{\"type\":\"string\",\"maxLength\":%d},"
                     "{\"type\":\"array\",\"maxItems\":%d,"
                     "\"items\":{\"type\":\"string\",\"maxLength\":%d}},"
                     "{\"type\":\"object\",\"maxProperties\":%d,"
                     "\"propertyNames\":{\"maxLength\":%d},"
                     "\"additionalProperties\":{\"type\":\"number\"}}]}",
                     MU_ATTRIBUTE_TEXT_MAX, MU_ATTRIBUTE_ITEMS_MAX, MU_ATTRIBUTE_TEXT_MAX,
                     MU_ATTRIBUTE_ITEMS_MAX, MU_ATTRIBUTE_NAME_MAX);
    assert(n > 0 && (size_t)n < sizeof text);
    mu_put_text(writer, "type", "object");
    mu_put_u64(writer, "maxProperties", MU_ATTRIBUTES_MAX);
    mu_json_key(writer, "propertyNames");
    mu_json_object_begin(writer);
    mu_put_u64(writer, "minLength", 1);
    mu_put_u64(writer, "maxLength", MU_ATTRIBUTE_NAME_MAX);
    mu_json_object_end(writer);
    mu_json_key(writer, "additionalProperties");
    mu_json_raw(writer, text, (size_t)n);
}

/* Members of a shape that is no reference. */
static void put_shape(struct mu_json_writer *writer, const struct shape *shape)
{
    static const struct mu_text_rule id_rule = { 1, MU_CLIENT_ID_MAX, MU_CHARSET_WORD };
    static const struct mu_range latency_range = MU_BOUND_LATENCY_MS;
    static const char *const types[] = {
        [SHAPE_ID] = "string",       [SHAPE_CODE] = "string",   [SHAPE_TEXT] = "string",
        [SHAPE_NAME] = "string",     [SHAPE_WORD] = "string",   [SHAPE_CHOICE] = "string",
        [SHAPE_INTEGER] = "integer", [SHAPE_NUMBER] = "number", [SHAPE_COUNT] = "integer",
        [SHAPE_WHOLE] = "integer",   [SHAPE_REAL] = "number",   [SHAPE_SHARE] = "number",
        [SHAPE_FLAG] = "boolean",    [SHAPE_TIME] = "string",   [SHAPE_OBJECT] = "object",
        [SHAPE_ATTRIBUTES] = NULL,   [SHAPE_LATENCIES] = NULL,  [SHAPE_PART] = NULL,
    };
    if (types[shape->kind] != NULL) {
        put_type(writer, types[shape->kind], shape->or_null);
    }
    switch (shape->kind) {
    case SHAPE_ID: put_rule(writer, &id_rule); break;
    case SHAPE_CODE: mu_put_text(writer, "pattern", "^[A-Z_]+$"); break;
    case SHAPE_TEXT: put_rule(writer, &shape->rule); break;
    case SHAPE_NAME: mu_put_u64(writer, "maxLength", shape->bytes_max); break;
    case SHAPE_WORD: put_words(writer, shape->words); break;
    case SHAPE_CHOICE: put_choices(writer, shape->choices); break;
    case SHAPE_INTEGER:
    case SHAPE_NUMBER: put_range(writer, shape->range); break;
    case SHAPE_COUNT: mu_put_u64(writer, "minimum", 0); break;
    case SHAPE_SHARE: put_range(writer, (struct mu_range){ 0, 1 }); break;
    case SHAPE_TIME:
        mu_put_text(writer, "format", "date-time");
        mu_put_text(writer, "pattern",
                    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$");
        break;
    case SHAPE_ATTRIBUTES: put_attributes(writer); break;
    case SHAPE_LATENCIES: put_numbers(writer, latency_range); break;
    case SHAPE_WHOLE:
    case SHAPE_REAL:
    case SHAPE_FLAG:
    case SHAPE_OBJECT:
    case SHAPE_PART: break;
    }
}

/* Members of one value, which is no list. */
static void put_value(struct mu_json_writer *writer, const struct shape *shape)
{
    if (shape->kind != SHAPE_PART) {
        put_shape(writer, shape);
        return;
    }
    if (shape->or_null) {
        mu_json_key(writer, "anyOf");
        mu_json_array_begin(writer);
        mu_schema_refer(writer, shape->part);
        mu_json_object_begin(writer);
        mu_put_text(writer, "type", "null");
        mu_json_object_end(writer);
        mu_json_array_end(writer);
        return;
    }
    char path[128];
    (void)snprintf(path, sizeof path, "#/components/schemas/%s", mu_schema_name(shape->part));
    mu_put_text(writer, "$ref", path);
}

/* A value: the schema of one field. */
static void put_field(struct mu_json_writer *writer, const struct row *row)
{
    mu_json_object_begin(writer);
    if (row->doc[0] != '\0') {
        mu_put_text(writer, "description", row->doc);
    }
    if (row->shape.items_max > 0) {
        mu_put_text(writer, "type", "array");
        mu_put_u64(writer, "maxItems", row->shape.items_max);
        mu_json_key(writer, "items");
        mu_json_object_begin(writer);
        put_value(writer, &row->shape);
        mu_json_object_end(writer);
    } else {
        put_value(writer, &row->shape);
    }
    mu_json_object_end(writer);
}

void mu_schema_of_id(struct mu_json_writer *writer)
{
    static const struct row id = { ROW_FIELD, "", "", true, { .kind = SHAPE_ID } };
    put_field(writer, &id);
}

/* Schemas. */

/* What put_fields() writes. */
enum what { THE_FIELDS, NAMES_OF_REQUIRED };

static void put_one(struct mu_json_writer *writer, const struct row *row, enum what what)
{
    if (what == THE_FIELDS) {
        mu_json_key(writer, row->name);
        put_field(writer, row);
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
            if (rows[k].shape.kind == SHAPE_PART && !wanted[rows[k].shape.part]) {
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
        struct row bare = rows[i];
        bare.doc = "";
        mu_json_object_begin(writer);
        mu_put_text(writer, "name", rows[i].name);
        mu_put_text(writer, "in", "query");
        mu_put_text(writer, "description", rows[i].doc);
        mu_json_key(writer, "schema");
        put_field(writer, &bare);
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
            bool only = row->shape.kind == SHAPE_WORD && strchr(row->shape.words, '|') == NULL;
            return only ? row->shape.words : NULL;
        }
    }
    return NULL;
}
