/* wire/print.c - messages as one line of text. */
#include "wire/msg.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
    char *at;
    size_t used; /* never above cap - 1 */
    size_t cap;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text->at + text->used, text->cap - text->used, format, args);
    va_end(args);
    if (n > 0) {
        size_t left = text->cap - 1 - text->used;
        text->used += (size_t)n < left ? (size_t)n : left;
    }
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the table nests, never on data */
static void print_fields(struct text *text, const struct mu_layout *layout, const uint8_t *base);

static void print_number(struct text *text, const struct mu_field *field, const uint8_t *at)
{
    if (field->type == MU_FIELD_UINT) {
        uint64_t value;
        memcpy(&value, at, sizeof value);
        if (value != 0) {
            add(text, " %s=%" PRIu64, field->name, value);
        }
    } else if (field->type == MU_FIELD_INT) {
        int64_t value;
        memcpy(&value, at, sizeof value);
        if (value != 0) {
            add(text, " %s=%" PRId64, field->name, value);
        }
    } else {
        double value;
        memcpy(&value, at, sizeof value);
        add(text, " %s=%.6g", field->name, value);
    }
}

static void print_list(struct text *text, const struct mu_field *field, const uint8_t *base)
{
    uint32_t count;
    memcpy(&count, base + field->count_offset, sizeof count);
    for (uint32_t i = 0; i < count; i++) {
        add(text, " %s[%" PRIu32 "]{", field->name, i);
        print_fields(text, mu_msg_layout(field->item),
                     base + field->offset + (size_t)i * field->item_bytes);
        add(text, " }");
    }
}

static void print_field(struct text *text, const struct mu_field *field, const uint8_t *base)
{
    const uint8_t *at = base + field->offset;
    switch (field->type) {
    case MU_FIELD_STR:
        if (*at != '\0') {
            add(text, " %s=%s", field->name, (const char *)at);
        }
        break;
    case MU_FIELD_UINT:
    case MU_FIELD_INT:
    case MU_FIELD_REAL: print_number(text, field, at); break;
    case MU_FIELD_BOOL:
        if (*at != 0) {
            add(text, " %s", field->name);
        }
        break;
    case MU_FIELD_ENUM: {
        uint32_t value;
        memcpy(&value, at, sizeof value);
        add(text, " %s=%s", field->name, mu_enum_text(field->texts, value));
        break;
    }
    case MU_FIELD_BYTES: {
        struct mu_slice slice;
        memcpy(&slice, at, sizeof slice);
        if (slice.size > 0) {
            add(text, " %s=(%" PRIu32 " bytes)", field->name, slice.size);
        }
        break;
    }
    case MU_FIELD_LIST: print_list(text, field, base); break;
    case MU_FIELD_ONE:
        add(text, " %s{", field->name);
        print_fields(text, mu_msg_layout(field->item), at);
        add(text, " }");
        break;
    case MU_FIELD_END: break;
    }
}

static void print_fields(struct text *text, const struct mu_layout *layout, const uint8_t *base)
{
    for (uint32_t i = 0; i < layout->fields_count; i++) {
        print_field(text, &layout->fields[i], base);
    }
}
/* NOLINTEND(misc-no-recursion) */

void mu_msg_print(const struct mu_msg *msg, char *buf, size_t cap)
{
    struct text text = { buf, 0, cap };
    if (cap == 0) {
        return;
    }
    buf[0] = '\0';
    const struct mu_layout *layout = mu_msg_layout(msg->op);
    if (layout == NULL) {
        add(&text, "?%d", (int)msg->op);
        return;
    }
    add(&text, "%s", layout->name);
    print_fields(&text, layout, (const uint8_t *)&msg->envelope);
}
