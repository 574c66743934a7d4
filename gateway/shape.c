#include "gateway/shape.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/attributes.h"
#include "gateway/bounds.h"
#include "gateway/present.h"

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
static void put_shape(struct mu_json_writer *writer, const struct mu_shape *shape)
{
    static const struct mu_text_rule id_rule = { 1, MU_CLIENT_ID_MAX, MU_CHARSET_WORD };
    static const struct mu_range latency_range = MU_BOUND_LATENCY_MS;
    static const char *const types[] = {
        [MU_SHAPE_ID] = "string",       [MU_SHAPE_CODE] = "string",   [MU_SHAPE_TEXT] = "string",
        [MU_SHAPE_NAME] = "string",     [MU_SHAPE_WORD] = "string",   [MU_SHAPE_CHOICE] = "string",
        [MU_SHAPE_INTEGER] = "integer", [MU_SHAPE_NUMBER] = "number", [MU_SHAPE_COUNT] = "integer",
        [MU_SHAPE_WHOLE] = "integer",   [MU_SHAPE_REAL] = "number",   [MU_SHAPE_SHARE] = "number",
        [MU_SHAPE_FLAG] = "boolean",    [MU_SHAPE_TIME] = "string",   [MU_SHAPE_OBJECT] = "object",
        [MU_SHAPE_ATTRIBUTES] = NULL,   [MU_SHAPE_LATENCIES] = NULL,  [MU_SHAPE_PART] = NULL,
    };
    if (types[shape->kind] != NULL) {
        put_type(writer, types[shape->kind], shape->or_null);
    }
    switch (shape->kind) {
    case MU_SHAPE_ID: put_rule(writer, &id_rule); break;
    case MU_SHAPE_CODE: mu_put_text(writer, "pattern", "^[A-Z_]+$"); break;
    case MU_SHAPE_TEXT: put_rule(writer, &shape->rule); break;
    case MU_SHAPE_NAME: mu_put_u64(writer, "maxLength", shape->bytes_max); break;
    case MU_SHAPE_WORD: put_words(writer, shape->words); break;
    case MU_SHAPE_CHOICE: put_choices(writer, shape->choices); break;
    case MU_SHAPE_INTEGER:
    case MU_SHAPE_NUMBER: put_range(writer, shape->range); break;
    case MU_SHAPE_COUNT: mu_put_u64(writer, "minimum", 0); break;
    case MU_SHAPE_SHARE: put_range(writer, (struct mu_range){ 0, 1 }); break;
    case MU_SHAPE_TIME:
        mu_put_text(writer, "format", "date-time");
        mu_put_text(writer, "pattern",
                    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$");
        break;
    case MU_SHAPE_ATTRIBUTES: put_attributes(writer); break;
    case MU_SHAPE_LATENCIES: put_numbers(writer, latency_range); break;
    case MU_SHAPE_WHOLE:
    case MU_SHAPE_REAL:
    case MU_SHAPE_FLAG:
    case MU_SHAPE_OBJECT:
    case MU_SHAPE_PART: break;
    }
}

/* Members of one value, which is no list. */
static void put_value(struct mu_json_writer *writer, const struct mu_shape *shape)
{
    if (shape->kind != MU_SHAPE_PART) {
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

void mu_shape_write(struct mu_json_writer *writer, const struct mu_shape *shape, const char *doc)
{
    mu_json_object_begin(writer);
    if (doc != NULL) {
        mu_put_text(writer, "description", doc);
    }
    if (shape->items_max > 0) {
        mu_put_text(writer, "type", "array");
        mu_put_u64(writer, "maxItems", shape->items_max);
        mu_json_key(writer, "items");
        mu_json_object_begin(writer);
        put_value(writer, shape);
        mu_json_object_end(writer);
    } else {
        put_value(writer, shape);
    }
    mu_json_object_end(writer);
}
