#include "fill.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static uint64_t draw(struct mu_rng *rng, uint64_t max, uint64_t fixed)
{
    uint64_t value = rng == NULL ? fixed : mu_rng_next(rng) >> mu_rng_below(rng, 64);
    return value <= max ? value : max;
}

static void fill_string(const struct mu_field *field, struct mu_rng *rng, char *at)
{
    if (rng == NULL) {
        (void)snprintf(at, (size_t)field->max + 1, "%s", field->name);
        return;
    }
    static const char *const pieces[] = { "a", "Z", "0", "_", "\xc3\xa9", "\xe2\x82\xac", "-" };
    size_t size = (size_t)mu_rng_below(rng, field->max + 1);
    size_t used = 0;
    while (used < size) {
        const char *piece = pieces[mu_rng_below(rng, sizeof pieces / sizeof pieces[0])];
        if (used + strlen(piece) > size) {
            break;
        }
        memcpy(at + used, piece, strlen(piece));
        used += strlen(piece);
    }
    at[used] = '\0';
}

static void fill_number(const struct mu_field *field, struct mu_rng *rng, uint8_t *at)
{
    if (field->type == MU_FIELD_UINT) {
        uint64_t value = draw(rng, field->max, 7 + strlen(field->name));
        memcpy(at, &value, sizeof value);
    } else if (field->type == MU_FIELD_INT) {
        uint64_t span = field->max - (uint64_t)field->min;
        int64_t value = field->min + (int64_t)draw(rng, span, 1100);
        memcpy(at, &value, sizeof value);
    } else {
        double value = rng == NULL ? 0.75 : (double)mu_rng_below(rng, 1000000) / 999.0 - 500.0;
        memcpy(at, &value, sizeof value);
    }
}

static void fill_enum(const struct mu_field *field, struct mu_rng *rng, uint8_t *at)
{
    uint32_t count = 0;
    while (field->texts[count].text != NULL) {
        count++;
    }
    uint32_t value = field->texts[rng == NULL ? count - 1 : mu_rng_below(rng, count)].value;
    memcpy(at, &value, sizeof value);
}

/* NOLINTBEGIN(misc-no-recursion): as deep as wire/messages.def nests, which is two */
static void fill_fields(const struct mu_layout *layout, struct mu_rng *rng, uint32_t items_max,
                        uint8_t *base);

static void fill_field(const struct mu_field *field, struct mu_rng *rng, uint32_t items_max,
                       uint8_t *base)
{
    static const uint8_t bytes[] = { 0x00, 0xff, 0x7f, 0x80, 0x00 };
    uint8_t *at = base + field->offset;
    switch (field->type) {
    case MU_FIELD_STR: fill_string(field, rng, (char *)at); break;
    case MU_FIELD_UINT:
    case MU_FIELD_INT:
    case MU_FIELD_REAL: fill_number(field, rng, at); break;
    case MU_FIELD_BOOL: *at = rng == NULL || mu_rng_below(rng, 2) == 1; break;
    case MU_FIELD_ENUM: fill_enum(field, rng, at); break;
    case MU_FIELD_BYTES: {
        struct mu_slice slice = { bytes, (uint32_t)draw(rng, sizeof bytes, sizeof bytes) };
        memcpy(at, &slice, sizeof slice);
        break;
    }
    case MU_FIELD_LIST: {
        uint32_t most = field->max < items_max ? (uint32_t)field->max : items_max;
        uint32_t count = rng == NULL ? most : (uint32_t)mu_rng_below(rng, most + 1);
        memcpy(base + field->count_offset, &count, sizeof count);
        for (uint32_t i = 0; i < count; i++) {
            fill_fields(mu_msg_layout(field->item), rng, items_max,
                        at + (size_t)i * field->item_bytes);
        }
        break;
    }
    case MU_FIELD_ONE: fill_fields(mu_msg_layout(field->item), rng, items_max, at); break;
    case MU_FIELD_END: break;
    }
}

static void fill_fields(const struct mu_layout *layout, struct mu_rng *rng, uint32_t items_max,
                        uint8_t *base)
{
    for (uint32_t i = 0; i < layout->fields_count; i++) {
        fill_field(&layout->fields[i], rng, items_max, base);
    }
}
/* NOLINTEND(misc-no-recursion) */

void fill(enum mu_op op, struct mu_rng *rng, uint32_t items_max, struct mu_msg *ret)
{
    const struct mu_layout *layout = mu_msg_layout(op);
    assert(layout != NULL);
    memset(ret, 0, offsetof(struct mu_msg, envelope) + layout->bytes);
    ret->op = op;
    fill_fields(layout, rng, items_max, (uint8_t *)&ret->envelope);
}

void fill_each(void (*each)(enum mu_op op, void *context), void *context)
{
    for (uint32_t op = 1; op <= UINT16_MAX; op++) {
        if (mu_msg_layout((enum mu_op)op) != NULL) {
            each((enum mu_op)op, context);
        }
    }
}
