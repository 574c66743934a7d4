#include "gateway/fields.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/parse.h"
#include "gateway/json_tree.h"

static const char letters_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/* Appends `text` to a string of `cap` bytes, cut to fit. */
static void append(char *to, size_t cap, const char *text)
{
    size_t used = strlen(to);
    (void)snprintf(to + used, cap - used, "%s", text);
}

/* Appends "/" and a key, escaped as RFC 6901 wants. */
static void append_key(char *to, size_t cap, const char *key)
{
    append(to, cap, "/");
    for (; *key != '\0'; key++) {
        char plain[2] = { *key, '\0' };
        append(to, cap, *key == '~' ? "~0" : *key == '/' ? "~1" : plain);
    }
}

/* Cuts a UTF-8 text that was cut to fit back to whole characters. */
static void trim_utf8(char *text)
{
    size_t end = strlen(text);
    size_t tail = 0;
    while (tail < end && tail < 4 && ((unsigned char)text[end - 1 - tail] & 0xC0u) == 0x80u) {
        tail++;
    }
    if (tail == end) {
        return;
    }
    unsigned char lead = (unsigned char)text[end - 1 - tail];
    size_t want = lead >= 0xF0u ? 3 : lead >= 0xE0u ? 2 : lead >= 0xC0u ? 1 : 0;
    if (tail < want) {
        text[end - 1 - tail] = '\0';
    }
}

static void fault_at(struct mu_faults *faults, const char *pointer, enum mu_error code,
                     const char *format, va_list args) __attribute__((format(printf, 4, 0)));

static void fault_at(struct mu_faults *faults, const char *pointer, enum mu_error code,
                     const char *format, va_list args)
{
    if (faults->count == MU_FAULTS_MAX) {
        return;
    }
    struct mu_fault *fault = &faults->at[faults->count++];
    fault->code = code;
    (void)snprintf(fault->pointer, sizeof fault->pointer, "%s", pointer);
    (void)vsnprintf(fault->detail, sizeof fault->detail, format, args);
    trim_utf8(fault->pointer);
    trim_utf8(fault->detail);
}

void mu_fields_fault(struct mu_fields *fields, const char *name, enum mu_error code,
                     const char *format, ...)
{
    char pointer[MU_POINTER_MAX + 1];
    memcpy(pointer, fields->pointer, sizeof pointer);
    if (name[0] != '\0') {
        append_key(pointer, sizeof pointer, name);
    }
    va_list args;
    va_start(args, format);
    fault_at(fields->faults, pointer, code, format, args);
    va_end(args);
}

void mu_fields_init(struct mu_fields *fields, const struct mu_json *json, struct mu_faults *faults)
{
    *fields = (struct mu_fields){ .json = json, .node = 0, .faults = faults };
    assert(json->count > 0);
    if (json->nodes[0].type != MU_JSON_OBJECT) {
        fields->node = MU_JSON_NONE;
        mu_fields_fault(fields, "", MU_ERROR_BAD_REQUEST, "must be an object");
    }
}

/* The node of a field, or NULL; a fault when it is needed. */
static const struct mu_json_node *find(struct mu_fields *fields, const char *name,
                                       enum mu_need need)
{
    if (fields->node == MU_JSON_NONE) {
        return NULL; /* that there is no object was told already */
    }
    uint32_t node = mu_json_member(fields->json, fields->node, name);
    if (node != MU_JSON_NONE && fields->json->nodes[node].type != MU_JSON_NULL) {
        return &fields->json->nodes[node];
    }
    if (need == MU_REQUIRED) {
        mu_fields_fault(fields, name, MU_ERROR_VALIDATION_FAILED, "is required");
    }
    return NULL;
}

static bool charset_holds(enum mu_charset charset, const char *text, const char **ret_needs)
{
    size_t n = strlen(text);
    size_t ok = 0;
    switch (charset) {
    case MU_CHARSET_TEXT:
        *ret_needs = "must not hold control characters";
        for (size_t i = 0; i < n; i++) {
            if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F) {
                return false;
            }
        }
        return true;
    case MU_CHARSET_USERNAME:
        *ret_needs = "may hold letters, digits, _ . - and spaces inside";
        while (ok < n &&
               (strchr(letters_digits, text[ok]) != NULL || strchr("_.- ", text[ok]) != NULL)) {
            ok++;
        }
        return ok == n && (n == 0 || (text[0] != ' ' && text[n - 1] != ' '));
    case MU_CHARSET_STATUS:
        *ret_needs = "may hold A-Z and _";
        return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == n;
    case MU_CHARSET_ADDRESS:
        *ret_needs = "must be an IP address or a host name";
        while (ok < n &&
               (strchr(letters_digits, text[ok]) != NULL || strchr(".:-", text[ok]) != NULL)) {
            ok++;
        }
        return ok == n;
    case MU_CHARSET_WORD:
        *ret_needs = "may hold letters, digits, _ . and -";
        while (ok < n &&
               (strchr(letters_digits, text[ok]) != NULL || strchr("_.-", text[ok]) != NULL)) {
            ok++;
        }
        return ok == n;
    }
    return false;
}

bool mu_client_id_valid(const char *id)
{
    const char *needs;
    size_t n = strlen(id);
    return n >= 1 && n <= MU_CLIENT_ID_MAX && charset_holds(MU_CHARSET_WORD, id, &needs);
}

/* The string of a field that keeps the rule, or NULL. */
static const char *text_of(struct mu_fields *fields, const char *name, enum mu_need need,
                           const struct mu_text_rule *rule)
{
    const struct mu_json_node *node = find(fields, name, need);
    const char *needs = "";
    if (node == NULL) {
        return NULL;
    }
    if (node->type != MU_JSON_STRING) {
        mu_fields_fault(fields, name, MU_ERROR_VALIDATION_FAILED, "must be a string");
        return NULL;
    }
    size_t n = strlen(node->text);
    if (n < rule->bytes_min || n > rule->bytes_max) {
        mu_fields_fault(fields, name, MU_ERROR_VALIDATION_FAILED,
                        "must have %zu to %zu bytes, has %zu", rule->bytes_min, rule->bytes_max, n);
        return NULL;
    }
    if (!charset_holds(rule->charset, node->text, &needs)) {
        mu_fields_fault(fields, name, MU_ERROR_VALIDATION_FAILED, "%s", needs);
        return NULL;
    }
    return node->text;
}

bool mu_field_text(struct mu_fields *fields, const char *name, enum mu_need need,
                   const struct mu_text_rule *rule, char *ret)
{
    const char *text = text_of(fields, name, need, rule);
    if (text == NULL) {
        return false;
    }
    memcpy(ret, text, strlen(text) + 1);
    return true;
}

bool mu_field_id(struct mu_fields *fields, const char *name, enum mu_need need,
                 char ret[MU_ID_MAX + 1])
{
    static const struct mu_text_rule rule = { 1, MU_CLIENT_ID_MAX, MU_CHARSET_WORD };
    const char *text = text_of(fields, name, need, &rule);
    if (text == NULL) {
        return false;
    }
    (void)snprintf(ret, MU_ID_MAX + 1, "%.*s", MU_ID_MAX, text);
    return true;
}

/* A number field as a double, or false; `whole` refuses fractions. */
static bool number_of(struct mu_fields *fields, const char *name, enum mu_need need, bool whole,
                      double *ret)
{
    const struct mu_json_node *node = find(fields, name, need);
    if (node == NULL) {
        return false;
    }
    if (node->type != MU_JSON_INTEGER && node->type != MU_JSON_REAL) {
        mu_fields_fault(fields, name, MU_ERROR_VALIDATION_FAILED, "must be a number");
        return false;
    }
    if (whole && node->type == MU_JSON_REAL && node->real != floor(node->real)) {
        mu_fields_fault(fields, name, MU_ERROR_VALIDATION_FAILED, "must be a whole number");
        return false;
    }
    *ret = node->real;
    return true;
}

static bool ranged(struct mu_fields *fields, const char *name, double value, struct mu_range range,
                   int64_t *ret)
{
    /* Bounds are far below 2^53, so that the comparison as doubles is exact. */
    assert(range.min >= -(INT64_C(1) << 53) && range.max <= INT64_C(1) << 53);
    if (value < (double)range.min || value > (double)range.max) {
        mu_fields_fault(fields, name, MU_ERROR_VALIDATION_FAILED, "must be %lld to %lld",
                        (long long)range.min, (long long)range.max);
        return false;
    }
    *ret = (int64_t)value;
    return true;
}

bool mu_field_integer(struct mu_fields *fields, const char *name, enum mu_need need,
                      struct mu_range range, int64_t *ret)
{
    double value = 0;
    return number_of(fields, name, need, true, &value) && ranged(fields, name, value, range, ret);
}

bool mu_field_rounded(struct mu_fields *fields, const char *name, enum mu_need need,
                      struct mu_range range, int64_t *ret)
{
    double value = 0;
    return number_of(fields, name, need, false, &value) &&
           ranged(fields, name, floor(value + 0.5), range, ret);
}

bool mu_field_bool(struct mu_fields *fields, const char *name, enum mu_need need, bool *ret)
{
    const struct mu_json_node *node = find(fields, name, need);
    if (node == NULL) {
        return false;
    }
    if (node->type != MU_JSON_TRUE && node->type != MU_JSON_FALSE) {
        mu_fields_fault(fields, name, MU_ERROR_VALIDATION_FAILED, "must be true or false");
        return false;
    }
    *ret = node->type == MU_JSON_TRUE;
    return true;
}

/* A string field without any rule, for names that are looked up. */
static const char *name_of(struct mu_fields *fields, const char *name, enum mu_need need)
{
    const struct mu_json_node *node = find(fields, name, need);
    if (node == NULL) {
        return NULL;
    }
    if (node->type != MU_JSON_STRING) {
        mu_fields_fault(fields, name, MU_ERROR_VALIDATION_FAILED, "must be a string");
        return NULL;
    }
    return node->text;
}

bool mu_field_mode(struct mu_fields *fields, const char *name, enum mu_need need,
                   const struct mu_config *config, char ret[MU_ID_MAX + 1])
{
    const char *text = name_of(fields, name, need);
    if (text == NULL) {
        return false;
    }
    int32_t mode = mu_config_mode(config, text);
    if (mode < 0) {
        mu_fields_fault(fields, name, MU_ERROR_GAME_MODE_NOT_FOUND, "is no game mode: \"%.40s\"",
                        text);
        return false;
    }
    memcpy(ret, config->modes[mode].name, MU_ID_MAX + 1);
    return true;
}

bool mu_field_region(struct mu_fields *fields, const char *name, enum mu_need need,
                     const struct mu_config *config, char ret[MU_ID_MAX + 1])
{
    const char *text = name_of(fields, name, need);
    if (text == NULL) {
        return false;
    }
    int32_t region = mu_config_region(config, text);
    if (region < 0) {
        mu_fields_fault(fields, name, MU_ERROR_REGION_NOT_SUPPORTED, "is no region: \"%.40s\"",
                        text);
        return false;
    }
    memcpy(ret, config->regions[region].name, MU_ID_MAX + 1);
    return true;
}

bool mu_field_object_text(struct mu_fields *fields, const char *name, enum mu_need need,
                          char ret[MU_OBJECT_TEXT_MAX + 1])
{
    const struct mu_json_node *node = find(fields, name, need);
    if (node == NULL) {
        return false;
    }
    if (node->type != MU_JSON_OBJECT) {
        mu_fields_fault(fields, name, MU_ERROR_VALIDATION_FAILED, "must be an object");
        return false;
    }
    char text[MU_OBJECT_TEXT_MAX + 1];
    struct mu_json_writer writer;
    mu_json_writer_init(&writer, text, sizeof text - 1);
    mu_json_tree_write(&writer, fields->json, (uint32_t)(node - fields->json->nodes));
    if (writer.overflow) {
        mu_fields_fault(fields, name, MU_ERROR_VALIDATION_FAILED,
                        "must have at most %d bytes as compact JSON", MU_OBJECT_TEXT_MAX);
        return false;
    }
    memcpy(ret, text, writer.used);
    ret[writer.used] = '\0';
    return true;
}

bool mu_field_object(struct mu_fields *fields, const char *name, enum mu_need need,
                     struct mu_fields *ret)
{
    const struct mu_json_node *node = find(fields, name, need);
    if (node == NULL) {
        return false;
    }
    if (node->type != MU_JSON_OBJECT) {
        mu_fields_fault(fields, name, MU_ERROR_VALIDATION_FAILED, "must be an object");
        return false;
    }
    *ret = *fields;
    ret->node = (uint32_t)(node - fields->json->nodes);
    append_key(ret->pointer, sizeof ret->pointer, name);
    return true;
}

bool mu_field_array(struct mu_fields *fields, const char *name, enum mu_need need,
                    uint32_t count_max, uint32_t *ret)
{
    const struct mu_json_node *node = find(fields, name, need);
    if (node == NULL) {
        return false;
    }
    if (node->type != MU_JSON_ARRAY) {
        mu_fields_fault(fields, name, MU_ERROR_VALIDATION_FAILED, "must be an array");
        return false;
    }
    if (node->count > count_max) {
        mu_fields_fault(fields, name, MU_ERROR_VALIDATION_FAILED,
                        "must have at most %u items, has %u", count_max, node->count);
        return false;
    }
    *ret = (uint32_t)(node - fields->json->nodes);
    return true;
}

void mu_fields_below(const struct mu_fields *fields, const char *name, uint32_t node,
                     struct mu_fields *ret)
{
    *ret = *fields;
    append_key(ret->pointer, sizeof ret->pointer, name);
    ret->node = node;
}

void mu_fields_only(struct mu_fields *fields, const char *const *known, uint32_t count)
{
    if (fields->node == MU_JSON_NONE) {
        return; /* that there is no object was told already */
    }
    const struct mu_json_node *nodes = fields->json->nodes;
    for (uint32_t at = nodes[fields->node].first; at != MU_JSON_NONE; at = nodes[at].next) {
        uint32_t i = 0;
        while (i < count && strcmp(nodes[at].key, known[i]) != 0) {
            i++;
        }
        if (i == count) {
            mu_fields_fault(fields, nodes[at].key, MU_ERROR_VALIDATION_FAILED,
                            "is not a field of this request");
        }
    }
}

bool mu_fields_item(const struct mu_fields *fields, const char *name, uint32_t index, uint32_t node,
                    struct mu_fields *ret)
{
    *ret = *fields;
    append_key(ret->pointer, sizeof ret->pointer, name);
    char number[16];
    (void)snprintf(number, sizeof number, "%u", index);
    append_key(ret->pointer, sizeof ret->pointer, number);
    ret->node = node;
    if (fields->json->nodes[node].type != MU_JSON_OBJECT) {
        mu_fields_fault(ret, "", MU_ERROR_VALIDATION_FAILED, "must be an object");
        ret->node = MU_JSON_NONE;
        return false;
    }
    return true;
}

bool mu_field_query(struct mu_fields *fields, const char *query, const char *name, uint64_t max,
                    uint64_t *ret)
{
    char text[24];
    int r = mu_parse_query(query, name, sizeof text, text);
    if (r == -ENOENT || (r == 0 && mu_parse_u64(text, 0, max, ret) == 0)) {
        return true;
    }
    mu_fields_fault(fields, name, MU_ERROR_VALIDATION_FAILED,
                    "must be a whole number, 0 to %llu, in the query", (unsigned long long)max);
    return false;
}
