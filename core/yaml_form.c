#include "core/yaml_form.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/parse.h"

const cyaml_schema_value_t mu_yaml_text_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, CYAML_UNLIMITED),
};

/* What libcyaml logged: the first sentence, and the path of its backtrace. */
struct log {
    char what[200];
    char where[MU_YAML_PATH_MAX + 1];
};

/* Puts `part` in front of the path of a backtrace, which comes innermost first. */
static void log_prepend(struct log *log, const char *part, size_t part_bytes, bool entry)
{
    char rest[sizeof log->where];
    memcpy(rest, log->where, sizeof rest);
    unsigned long number = 0;
    if (entry) {
        uint64_t counted = 0;
        char digits[16];
        (void)snprintf(digits, sizeof digits, "%.*s", (int)part_bytes, part);
        if (mu_parse_u64(digits, 1, 1000000, &counted) != 0) {
            return;
        }
        number = (unsigned long)counted - 1; /* libcyaml counts from 1 */
    }
    const char *dot = rest[0] == '\0' || rest[0] == '[' ? "" : ".";
    char piece[48];
    if (entry) {
        (void)snprintf(piece, sizeof piece, "[%lu]%s", number, dot);
    } else {
        (void)snprintf(piece, sizeof piece, "%.*s%s", (int)part_bytes, part, dot);
    }
    size_t piece_bytes = strlen(piece);
    size_t room = sizeof log->where - piece_bytes;
    memcpy(log->where, piece, piece_bytes);
    (void)snprintf(log->where + piece_bytes, room, "%s", rest);
}

/* libcyaml's log: one sentence that says what is wrong, then the backtrace, innermost first. */
static void on_log(cyaml_log_t level, void *context, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void on_log(cyaml_log_t level, void *context, const char *format, va_list args)
{
    struct log *log = context;
    char text[200];
    (void)vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    const char *quote = strchr(text, '\'');
    const char *end = quote != NULL ? strchr(quote + 1, '\'') : NULL;
    if (level != CYAML_LOG_ERROR) {
        return;
    }
    if (strncmp(text, "  in ", 5) == 0) {
        if (end != NULL) {
            log_prepend(log, quote + 1, (size_t)(end - quote) - 1,
                        strncmp(text, "  in sequence entry", 19) == 0);
        }
    } else if (log->what[0] == '\0' && strstr(text, "Backtrace") == NULL) {
        const char *sentence = strncmp(text, "Load: ", 6) == 0 ? text + 6 : text;
        (void)snprintf(log->what, sizeof log->what, "%s", sentence);
    }
}

static const cyaml_schema_field_t *fields_at(const struct mu_yaml_form *form, const char *where)
{
    const struct mu_yaml_place *place = form->places;
    while (place->list != NULL && strncmp(where, place->list, strlen(place->list)) != 0) {
        place++;
    }
    return place->fields;
}

static const cyaml_config_t cyaml_settings = {
    .log_fn = on_log,
    .mem_fn = cyaml_mem,
    .log_level = CYAML_LOG_ERROR,
    .flags = CYAML_CFG_NO_ALIAS,
};

/* Writes what libcyaml found against the form of the file. */
static void tell_form(const struct mu_yaml_form *form, const struct log *log, cyaml_err_t err,
                      struct mu_yaml_fault *ret)
{
    static const char unknown[] = "Unexpected key: ";
    if (strncmp(log->what, unknown, sizeof unknown - 1) != 0) {
        (void)snprintf(ret->where, sizeof ret->where, "%s", log->where);
        char *entry = strrchr(ret->where, '[');
        if (err == CYAML_ERR_SEQUENCE_ENTRIES_MAX && entry != NULL) {
            *entry = '\0'; /* its number in the backtrace is not that of the one too many */
        }
        (void)snprintf(ret->what, sizeof ret->what, "%s",
                       log->what[0] != '\0' ? log->what : cyaml_strerror(err));
        return;
    }
    const char *key = log->what + sizeof unknown - 1;
    size_t where_bytes = strlen(log->where);
    memcpy(ret->where, log->where, sizeof ret->where);
    (void)snprintf(ret->where + where_bytes, sizeof ret->where - where_bytes, "%s%s",
                   where_bytes > 0 ? "." : "", key);
    size_t used = (size_t)snprintf(ret->what, sizeof ret->what, "is not known; known are");
    const cyaml_schema_field_t *field = fields_at(form, log->where);
    for (const char *comma = ""; field->key != NULL; field++, comma = ",") {
        if (used + strlen(field->key) + 3 > sizeof ret->what) {
            break;
        }
        used +=
            (size_t)snprintf(ret->what + used, sizeof ret->what - used, "%s %s", comma, field->key);
    }
}

int mu_yaml_form_load(const struct mu_yaml_form *form, const uint8_t *text, size_t bytes,
                      void **ret, struct mu_yaml_fault *ret_fault)
{
    struct log log = { .what = "" };
    cyaml_config_t config = cyaml_settings;
    config.log_ctx = &log;
    cyaml_data_t *data = NULL;
    cyaml_err_t err = cyaml_load_data(text, bytes, &config, form->value, &data, NULL);
    if (err == CYAML_OK && data != NULL) {
        *ret = data;
        return 0;
    }
    if (err == CYAML_ERR_OOM) {
        return -ENOMEM;
    }
    *ret_fault = (struct mu_yaml_fault){ .line = 0 };
    tell_form(form, &log, err, ret_fault);
    return -EINVAL;
}

void mu_yaml_form_free(const struct mu_yaml_form *form, void *data)
{
    if (data != NULL) {
        (void)cyaml_free(&cyaml_settings, form->value, data, 0); /* its own work: cannot fail */
    }
}
