#include "tools/record_json.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX  8    /* of records in records; wire/messages.def has 3 */
#define BYTES_PART 1024 /* bytes shown of one value; the rest is cut */

/* A struct that is being written. */
struct level {
    const struct mu_field *field; /* the next one */
    const uint8_t *base;          /* of the struct */
    const struct mu_field *list;  /* it is an item of this LIST; NULL: of none */
    const uint8_t *list_base;     /* of the struct that has the LIST */
    uint32_t index;               /* which item */
};

void mu_record_bytes(struct mu_json_writer *writer, struct mu_slice bytes)
{
    char text[3 * BYTES_PART + 1];
    size_t used = 0;
    for (size_t i = 0; i < bytes.size && i < BYTES_PART; i++) {
        uint8_t byte = bytes.data[i];
        if (byte > ' ' && byte < 0x7F && byte != '%') {
            text[used++] = (char)byte;
        } else {
            used += (size_t)snprintf(text + used, sizeof text - used, "%%%02X", byte);
        }
    }
    mu_json_string_n(writer, text, used);
}

static uint32_t count_of(const uint8_t *base, const struct mu_field *field)
{
    uint32_t count;
    memcpy(&count, base + field->count_offset, sizeof count);
    return count;
}

/* Writes a field that holds no struct. */
static void write_value(struct mu_json_writer *writer, const struct mu_field *field,
                        const uint8_t *at)
{
    union {
        uint64_t number;
        int64_t integer;
        double real;
        bool flag;
        uint32_t value;
        struct mu_slice bytes;
    } held;
    switch (field->type) {
    case MU_FIELD_STR: mu_json_string(writer, (const char *)at); break;
    case MU_FIELD_UINT:
        memcpy(&held.number, at, sizeof held.number);
        mu_json_u64(writer, held.number);
        break;
    case MU_FIELD_INT:
        memcpy(&held.integer, at, sizeof held.integer);
        mu_json_i64(writer, held.integer);
        break;
    case MU_FIELD_REAL:
        memcpy(&held.real, at, sizeof held.real);
        mu_json_real(writer, held.real);
        break;
    case MU_FIELD_BOOL:
        memcpy(&held.flag, at, sizeof held.flag);
        mu_json_bool(writer, held.flag);
        break;
    case MU_FIELD_ENUM:
        memcpy(&held.value, at, sizeof held.value);
        mu_json_string(writer, mu_enum_text(field->texts, held.value));
        break;
    case MU_FIELD_BYTES:
        memcpy(&held.bytes, at, sizeof held.bytes);
        mu_record_bytes(writer, held.bytes);
        break;
    case MU_FIELD_END:
    case MU_FIELD_LIST:
    case MU_FIELD_ONE: assert(false);
    }
}

/* The struct at `level` is written: goes on with the next item of its list, or a level up.
 * Returns the new depth. */
static uint32_t finish(struct mu_json_writer *writer, struct level *levels, uint32_t depth)
{
    struct level *level = &levels[depth - 1];
    mu_json_object_end(writer);
    if (level->list != NULL && ++level->index < count_of(level->list_base, level->list)) {
        level->field = mu_msg_layout(level->list->item)->fields;
        level->base =
            level->list_base + level->list->offset + (size_t)level->index * level->list->item_bytes;
        mu_json_object_begin(writer);
        return depth;
    }
    if (level->list != NULL) {
        mu_json_array_end(writer);
    }
    return depth - 1;
}

/* Opens the struct, or the first item of the list, of a field.  Returns the new depth. */
static uint32_t enter(struct mu_json_writer *writer, struct level *levels, uint32_t depth,
                      const struct mu_field *field)
{
    const uint8_t *base = levels[depth - 1].base;
    bool list = field->type == MU_FIELD_LIST;
    if (list) {
        mu_json_array_begin(writer);
        if (count_of(base, field) == 0) {
            mu_json_array_end(writer);
            return depth;
        }
    }
    assert(depth < DEPTH_MAX);
    levels[depth] = (struct level){
        .field = mu_msg_layout(field->item)->fields,
        .base = base + field->offset,
        .list = list ? field : NULL,
        .list_base = base,
    };
    mu_json_object_begin(writer);
    return depth + 1;
}

void mu_record_json(struct mu_json_writer *writer, const struct mu_msg *msg)
{
    struct level levels[DEPTH_MAX];
    const struct mu_layout *layout = mu_msg_layout(msg->op);
    assert(layout != NULL);
    uint32_t depth = 1;
    /* Every member of the union begins where the union begins. */
    levels[0] = (struct level){
        .field = layout->fields,
        .base = (const uint8_t *)&msg->envelope,
    };
    mu_json_object_begin(writer);
    while (depth > 0) {
        struct level *level = &levels[depth - 1];
        const struct mu_field *field = level->field;
        if (field->type == MU_FIELD_END) {
            depth = finish(writer, levels, depth);
            continue;
        }
        level->field++;
        mu_json_key(writer, field->name);
        if (field->type == MU_FIELD_LIST || field->type == MU_FIELD_ONE) {
            depth = enter(writer, levels, depth, field);
        } else {
            write_value(writer, field, level->base + field->offset);
        }
    }
}
