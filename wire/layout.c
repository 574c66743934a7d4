/* wire/layout.c - the tables of wire/messages.def, enums.def and errors.def as data. */
#include "wire/msg.h"

#include <assert.h>
#include <stddef.h>

static_assert(sizeof(enum mu_ticket_state) == sizeof(uint32_t), "the codec copies enums as u32");

/* clang-format off */
#define ENUM_BEGIN(NAME, name) const struct mu_enum_text mu_##name##_texts[] = {
#define VALUE(NAME, number, VALUE, text) { (number), text },
#define ENUM_END(NAME, name) { 0, NULL } };
#include "wire/enums.def"
#undef ENUM_BEGIN
#undef VALUE
#undef ENUM_END

/* One function a message, so that offsetof() can say `body` for each. */
#define MSG(id, NAME, name, doc) static const struct mu_layout *layout_of_##name(void) { \
    typedef struct mu_msg_##name body; static const char about[] = doc; \
    static const struct mu_field fields[] = {
#define STR(f, m, d) { MU_FIELD_STR, #f, d, offsetof(body, f), 0, 0, MU_OP_NONE, m, 0, NULL },
#define UINT(f, m, d) { MU_FIELD_UINT, #f, d, offsetof(body, f), 0, 0, MU_OP_NONE, m, 0, NULL },
#define INT(f, l, m, d) { MU_FIELD_INT, #f, d, offsetof(body, f), 0, 0, MU_OP_NONE, m, l, NULL },
#define REAL(f, d) { MU_FIELD_REAL, #f, d, offsetof(body, f), 0, 0, MU_OP_NONE, 0, 0, NULL },
#define BOOL(f, d) { MU_FIELD_BOOL, #f, d, offsetof(body, f), 0, 0, MU_OP_NONE, 0, 0, NULL },
#define ENUM(f, N, n, d) \
    { MU_FIELD_ENUM, #f, d, offsetof(body, f), 0, 0, MU_OP_NONE, 0, 0, mu_##n##_texts },
#define BYTES(f, m, d) { MU_FIELD_BYTES, #f, d, offsetof(body, f), 0, 0, MU_OP_NONE, m, 0, NULL },
#define LIST(f, I, i, m, d) { MU_FIELD_LIST, #f, d, offsetof(body, f), \
    offsetof(body, f##_count), sizeof(struct mu_msg_##i), MU_OP_##I, m, 0, NULL },
#define ONE(f, I, i, d) \
    { MU_FIELD_ONE, #f, d, offsetof(body, f), 0, sizeof(struct mu_msg_##i), MU_OP_##I, 0, 0, NULL },
#define END(NAME, name) { MU_FIELD_END, NULL, NULL, 0, 0, 0, MU_OP_NONE, 0, 0, NULL } }; \
    static const struct mu_layout layout = { #NAME, about, sizeof(body), \
        sizeof fields / sizeof fields[0] - 1, fields }; \
    return &layout; }
#include "wire/messages.def"
#include "wire/undef.h"

const struct mu_layout *mu_msg_layout(enum mu_op op)
{
    switch (op) {
    case MU_OP_NONE: return NULL;
#define MSG(id, NAME, name, doc) case MU_OP_##NAME: return layout_of_##name();
#include "wire/ignore.h"
#include "wire/messages.def"
#include "wire/undef.h"
    }
    return NULL;
}

static const struct mu_error_info internal_info = { "INTERNAL", 500, "An error without a name." };

const struct mu_error_info *mu_error_info(uint32_t error)
{
    switch (error) {
#define ERROR(number, NAME, status, title) case (number): { \
        static const struct mu_error_info info = { #NAME, (status), title }; return &info; }
#include "wire/errors.def"
#undef ERROR
    default: return &internal_info;
    }
}
/* clang-format on */

const char *mu_enum_text(const struct mu_enum_text *texts, uint32_t value)
{
    for (; texts->text != NULL; texts++) {
        if (texts->value == value) {
            return texts->text;
        }
    }
    return "?";
}
