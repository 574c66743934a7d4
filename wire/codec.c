/* wire/codec.c - one table-driven codec for every message of wire/messages.def. */
#include "wire/msg.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "wire/scan.h"
#include "wire/utf8.h"

/* Scratch of the msgpack library's object tree: 24 bytes a value.  One chunk holds all but the
 * largest messages, and is kept from message to message. */
enum { ZONE_BYTES = 64 * 1024 };

struct mu_decoder {
    msgpack_zone zone;
};

struct mu_decoder *mu_decoder_create(void)
{
    struct mu_decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder != NULL && !msgpack_zone_init(&decoder->zone, ZONE_BYTES)) {
        free(decoder);
        return NULL;
    }
    return decoder;
}

void mu_decoder_destroy(struct mu_decoder *decoder)
{
    if (decoder != NULL) {
        msgpack_zone_destroy(&decoder->zone);
        free(decoder);
    }
}

/* Where msgpack-c's packer writes: the caller's buffer, never beyond it. */
struct sink {
    uint8_t *bytes;
    size_t used;
    size_t cap;
};

static int sink_write(void *data, const char *bytes, size_t size)
{
    struct sink *sink = data;
    if (size > sink->cap - sink->used) {
        return -1;
    }
    memcpy(sink->bytes + sink->used, bytes, size);
    sink->used += size;
    return 0;
}

static uint32_t read_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the table nests, never on data */
static int pack_fields(msgpack_packer *packer, const struct mu_layout *layout, const uint8_t *base);

static int pack_string(msgpack_packer *packer, const struct mu_field *field, const char *text)
{
    size_t length = strnlen(text, (size_t)field->max + 1);
    assert(length <= field->max);
    return msgpack_pack_str_with_body(packer, text, length);
}

static int pack_list(msgpack_packer *packer, const struct mu_field *field, const uint8_t *base)
{
    const struct mu_layout *item = mu_msg_layout(field->item);
    uint32_t count = read_u32(base + field->count_offset);
    assert(count <= field->max);
    int r = msgpack_pack_array(packer, count);
    for (uint32_t i = 0; i < count && r == 0; i++) {
        r = pack_fields(packer, item, base + field->offset + (size_t)i * field->item_bytes);
    }
    return r;
}

static int pack_bytes(msgpack_packer *packer, const struct mu_field *field, const uint8_t *at)
{
    struct mu_slice slice;
    memcpy(&slice, at, sizeof slice);
    assert(slice.size <= field->max);
    return msgpack_pack_bin_with_body(packer, slice.size > 0 ? slice.data : at, slice.size);
}

static int pack_number(msgpack_packer *packer, const struct mu_field *field, const uint8_t *at)
{
    if (field->type == MU_FIELD_UINT) {
        uint64_t value;
        memcpy(&value, at, sizeof value);
        assert(value <= field->max);
        return msgpack_pack_uint64(packer, value);
    }
    if (field->type == MU_FIELD_INT) {
        int64_t value;
        memcpy(&value, at, sizeof value);
        assert(value >= field->min && value <= (int64_t)field->max);
        return msgpack_pack_int64(packer, value);
    }
    double value;
    memcpy(&value, at, sizeof value);
    assert(isfinite(value));
    return msgpack_pack_double(packer, value);
}

static bool enum_has(const struct mu_enum_text *texts, uint32_t value)
{
    while (texts->text != NULL && texts->value != value) {
        texts++;
    }
    return texts->text != NULL;
}

static int pack_enum(msgpack_packer *packer, const struct mu_field *field, const uint8_t *at)
{
    assert(enum_has(field->texts, read_u32(at)));
    return msgpack_pack_uint32(packer, read_u32(at));
}

static int pack_field(msgpack_packer *packer, const struct mu_field *field, const uint8_t *base)
{
    const uint8_t *at = base + field->offset;
    switch (field->type) {
    case MU_FIELD_STR: return pack_string(packer, field, (const char *)at);
    case MU_FIELD_UINT:
    case MU_FIELD_INT:
    case MU_FIELD_REAL: return pack_number(packer, field, at);
    case MU_FIELD_BOOL: return *at != 0 ? msgpack_pack_true(packer) : msgpack_pack_false(packer);
    case MU_FIELD_ENUM: return pack_enum(packer, field, at);
    case MU_FIELD_BYTES: return pack_bytes(packer, field, at);
    case MU_FIELD_LIST: return pack_list(packer, field, base);
    case MU_FIELD_ONE: return pack_fields(packer, mu_msg_layout(field->item), at);
    case MU_FIELD_END: break;
    }
    return 0;
}

static int pack_fields(msgpack_packer *packer, const struct mu_layout *layout, const uint8_t *base)
{
    int r = msgpack_pack_array(packer, layout->fields_count);
    for (uint32_t i = 0; i < layout->fields_count && r == 0; i++) {
        r = pack_field(packer, &layout->fields[i], base);
    }
    return r;
}
/* NOLINTEND(misc-no-recursion) */

int64_t mu_msg_encode(const struct mu_msg *msg, uint8_t *buf, size_t cap)
{
    const struct mu_layout *layout = mu_msg_layout(msg->op);
    assert(layout != NULL);
    struct sink sink = { buf, 0, cap };
    msgpack_packer packer;
    msgpack_packer_init(&packer, &sink, sink_write);
    if (pack_fields(&packer, layout, (const uint8_t *)&msg->envelope) != 0) {
        return -EMSGSIZE;
    }
    return (int64_t)sink.used;
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the table nests, never on data */
static bool take_fields(const msgpack_object *object, const struct mu_layout *layout,
                        uint8_t *base);

static bool take_string(const msgpack_object *object, const struct mu_field *field, uint8_t *at)
{
    if (object->type != MSGPACK_OBJECT_STR || object->via.str.size > field->max ||
        !mu_utf8_valid(object->via.str.ptr, object->via.str.size)) {
        return false;
    }
    if (object->via.str.size > 0) { /* the library may hand out NULL for an empty one */
        memcpy(at, object->via.str.ptr, object->via.str.size);
    }
    at[object->via.str.size] = '\0';
    return true;
}

static bool take_int(const msgpack_object *object, const struct mu_field *field, uint8_t *at)
{
    int64_t value;
    if (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER && object->via.u64 <= INT64_MAX) {
        value = (int64_t)object->via.u64;
    } else if (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
        value = object->via.i64;
    } else {
        return false;
    }
    if (value < field->min || value > (int64_t)field->max) {
        return false;
    }
    memcpy(at, &value, sizeof value);
    return true;
}

static bool take_uint(const msgpack_object *object, const struct mu_field *field, uint8_t *at)
{
    if (object->type != MSGPACK_OBJECT_POSITIVE_INTEGER || object->via.u64 > field->max) {
        return false;
    }
    memcpy(at, &object->via.u64, sizeof object->via.u64);
    return true;
}

static bool take_real(const msgpack_object *object, uint8_t *at)
{
    if (object->type != MSGPACK_OBJECT_FLOAT64 || !isfinite(object->via.f64)) {
        return false;
    }
    memcpy(at, &object->via.f64, sizeof object->via.f64);
    return true;
}

static bool take_enum(const msgpack_object *object, const struct mu_field *field, uint8_t *at)
{
    if (object->type != MSGPACK_OBJECT_POSITIVE_INTEGER || object->via.u64 > UINT32_MAX ||
        !enum_has(field->texts, (uint32_t)object->via.u64)) {
        return false;
    }
    uint32_t value = (uint32_t)object->via.u64;
    memcpy(at, &value, sizeof value);
    return true;
}

static bool take_bytes(const msgpack_object *object, const struct mu_field *field, uint8_t *at)
{
    if (object->type != MSGPACK_OBJECT_BIN || object->via.bin.size > field->max) {
        return false;
    }
    struct mu_slice slice = { (const uint8_t *)object->via.bin.ptr, object->via.bin.size };
    memcpy(at, &slice, sizeof slice);
    return true;
}

static bool take_list(const msgpack_object *object, const struct mu_field *field, uint8_t *base)
{
    if (object->type != MSGPACK_OBJECT_ARRAY || object->via.array.size > field->max) {
        return false;
    }
    const struct mu_layout *item = mu_msg_layout(field->item);
    for (uint32_t i = 0; i < object->via.array.size; i++) {
        uint8_t *at = base + field->offset + (size_t)i * field->item_bytes;
        memset(at, 0, field->item_bytes);
        if (!take_fields(&object->via.array.ptr[i], item, at)) {
            return false;
        }
    }
    memcpy(base + field->count_offset, &object->via.array.size, sizeof(uint32_t));
    return true;
}

static bool take_field(const msgpack_object *object, const struct mu_field *field, uint8_t *base)
{
    uint8_t *at = base + field->offset;
    switch (field->type) {
    case MU_FIELD_STR: return take_string(object, field, at);
    case MU_FIELD_UINT: return take_uint(object, field, at);
    case MU_FIELD_INT: return take_int(object, field, at);
    case MU_FIELD_REAL: return take_real(object, at);
    case MU_FIELD_BOOL:
        *at = object->type == MSGPACK_OBJECT_BOOLEAN && object->via.boolean;
        return object->type == MSGPACK_OBJECT_BOOLEAN;
    case MU_FIELD_ENUM: return take_enum(object, field, at);
    case MU_FIELD_BYTES: return take_bytes(object, field, at);
    case MU_FIELD_LIST: return take_list(object, field, base);
    case MU_FIELD_ONE: return take_fields(object, mu_msg_layout(field->item), at);
    case MU_FIELD_END: break;
    }
    return false;
}

/* Whether a field that the sender does not know may be left at zero. */
static bool may_miss(const struct mu_field *field)
{
    switch (field->type) {
    case MU_FIELD_ENUM: return enum_has(field->texts, 0);
    case MU_FIELD_INT: return field->min <= 0;
    case MU_FIELD_ONE: {
        const struct mu_layout *item = mu_msg_layout(field->item);
        for (uint32_t i = 0; i < item->fields_count; i++) {
            if (!may_miss(&item->fields[i])) {
                return false;
            }
        }
        return true;
    }
    case MU_FIELD_STR:
    case MU_FIELD_UINT:
    case MU_FIELD_REAL:
    case MU_FIELD_BOOL:
    case MU_FIELD_BYTES:
    case MU_FIELD_LIST:
    case MU_FIELD_END: break;
    }
    return true;
}

static bool take_fields(const msgpack_object *object, const struct mu_layout *layout, uint8_t *base)
{
    if (object->type != MSGPACK_OBJECT_ARRAY) {
        return false;
    }
    uint32_t count = object->via.array.size;
    for (uint32_t i = 0; i < layout->fields_count; i++) {
        const struct mu_field *field = &layout->fields[i];
        if (i < count ? !take_field(&object->via.array.ptr[i], field, base) : !may_miss(field)) {
            return false;
        }
    }
    return true;
}
/* NOLINTEND(misc-no-recursion) */

/* Zeroes a struct but for its lists' items: those behind the count are not defined anyway. */
static void clear(const struct mu_layout *layout, uint8_t *base)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < layout->fields_count; i++) {
        const struct mu_field *field = &layout->fields[i];
        if (field->type == MU_FIELD_LIST) {
            memset(base + at, 0, field->offset - at);
            at = field->offset + (uint32_t)field->max * field->item_bytes;
        }
    }
    memset(base + at, 0, layout->bytes - at);
}

int mu_msg_decode(struct mu_decoder *decoder, uint32_t op, const uint8_t *bytes, size_t size,
                  struct mu_msg *ret)
{
    const struct mu_layout *layout = mu_msg_layout((enum mu_op)op);
    if (layout == NULL) {
        return -ENOTSUP;
    }
    if (size > MU_BODY_MAX || !mu_scan(bytes, size)) {
        return -EBADMSG;
    }
    msgpack_zone_clear(&decoder->zone);
    msgpack_object root;
    size_t offset = 0;
    if (msgpack_unpack((const char *)bytes, size, &offset, &decoder->zone, &root) !=
            MSGPACK_UNPACK_SUCCESS ||
        offset != size) {
        return -EBADMSG;
    }
    ret->op = (enum mu_op)op;
    clear(layout, (uint8_t *)&ret->envelope);
    return take_fields(&root, layout, (uint8_t *)&ret->envelope) ? 0 : -EBADMSG;
}
