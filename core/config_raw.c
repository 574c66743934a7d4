#include "core/config_raw.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cyaml/cyaml.h>

#include "core/parse.h"

#define TEXT(structure, field)                                                                     \
    CYAML_FIELD_STRING_PTR(#field, CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, structure, field, 0,  \
                           CYAML_UNLIMITED)
#define ROWS(structure, field, entry, max)                                                         \
    CYAML_FIELD_SEQUENCE(#field, CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, structure, field,       \
                         entry, 0, max)

static const cyaml_schema_value_t text_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t mode_fields[] = {
    TEXT(struct mu_raw_mode, name),
#define FIELD(field) TEXT(struct mu_raw_mode, field),
    MU_RAW_MODE_FIELDS(FIELD, FIELD, FIELD)
#undef FIELD
        CYAML_FIELD_END,
};
static const cyaml_schema_value_t mode_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct mu_raw_mode, mode_fields),
};

static const cyaml_schema_field_t region_fields[] = {
    TEXT(struct mu_raw_region, name),
    ROWS(struct mu_raw_region, aliases, &text_value, MU_ALIASES_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t region_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct mu_raw_region, region_fields),
};

static const cyaml_schema_field_t key_fields[] = {
    TEXT(struct mu_raw_key, id),
    TEXT(struct mu_raw_key, role),
    TEXT(struct mu_raw_key, hash),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t key_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct mu_raw_key, key_fields),
};

static const cyaml_schema_field_t settings_fields[] = {
#define SETTING(name, default_value, min, max, unit, doc) TEXT(struct mu_raw_settings, name),
#include "core/settings.def"
#undef SETTING
    CYAML_FIELD_END,
};

/* How many brokers and gateways there may be is told by config_take.c, with more sense. */
static const cyaml_schema_field_t broker_fields[] = {
    TEXT(struct mu_raw_broker, name),
    TEXT(struct mu_raw_broker, endpoint),
    TEXT(struct mu_raw_broker, bind),
    TEXT(struct mu_raw_broker, key),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t broker_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct mu_raw_broker, broker_fields),
};

static const cyaml_schema_field_t gateway_fields[] = {
    TEXT(struct mu_raw_gateway, name),
    TEXT(struct mu_raw_gateway, listen),
    TEXT(struct mu_raw_gateway, admin),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t gateway_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct mu_raw_gateway, gateway_fields),
};

static const cyaml_schema_field_t store_fields[] = {
    TEXT(struct mu_raw_store, data),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t cluster_fields[] = {
    ROWS(struct mu_raw_cluster, brokers, &broker_value, CYAML_UNLIMITED),
    CYAML_FIELD_MAPPING("store", CYAML_FLAG_OPTIONAL, struct mu_raw_cluster, store, store_fields),
    ROWS(struct mu_raw_cluster, gateways, &gateway_value, CYAML_UNLIMITED),
    TEXT(struct mu_raw_cluster, keys),
    TEXT(struct mu_raw_cluster, peers),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t config_fields[] = {
    ROWS(struct mu_raw_config, modes, &mode_value, MU_MODES_MAX),
    ROWS(struct mu_raw_config, regions, &region_value, MU_REGIONS_MAX),
    ROWS(struct mu_raw_config, origins, &text_value, MU_ORIGINS_MAX),
    ROWS(struct mu_raw_config, keys, &key_value, MU_KEYS_MAX),
    CYAML_FIELD_MAPPING("settings", CYAML_FLAG_OPTIONAL, struct mu_raw_config, settings,
                        settings_fields),
    CYAML_FIELD_MAPPING("cluster", CYAML_FLAG_OPTIONAL, struct mu_raw_config, cluster,
                        cluster_fields),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t config_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct mu_raw_config, config_fields),
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

static const cyaml_schema_field_t *fields_at(const char *where)
{
    static const struct {
        const char *list;
        const cyaml_schema_field_t *fields;
    } places[] = {
        { "cluster.brokers", broker_fields },
        { "cluster.store", store_fields },
        { "cluster.gateways", gateway_fields },
        { "cluster", cluster_fields },
        { "modes", mode_fields },
        { "regions", region_fields },
        { "keys", key_fields },
        { "settings", settings_fields },
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (strncmp(where, places[i].list, strlen(places[i].list)) == 0) {
            return places[i].fields;
        }
    }
    return config_fields;
}

static const cyaml_config_t cyaml_settings = {
    .log_fn = on_log,
    .mem_fn = cyaml_mem,
    .log_level = CYAML_LOG_ERROR,
    .flags = CYAML_CFG_NO_ALIAS,
};

/* Writes what libcyaml found against the form of the file. */
static void tell_form(const struct log *log, cyaml_err_t err, struct mu_yaml_fault *ret)
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
    const cyaml_schema_field_t *field = fields_at(log->where);
    for (const char *comma = ""; field->key != NULL; field++, comma = ",") {
        if (used + strlen(field->key) + 3 > sizeof ret->what) {
            break;
        }
        used +=
            (size_t)snprintf(ret->what + used, sizeof ret->what - used, "%s %s", comma, field->key);
    }
}

int mu_config_raw_create(const uint8_t *text, size_t bytes, struct mu_raw_config **ret,
                         struct mu_yaml_fault *ret_fault)
{
    struct log log = { .what = "" };
    cyaml_config_t config = cyaml_settings;
    config.log_ctx = &log;
    cyaml_data_t *raw = NULL;
    cyaml_err_t err = cyaml_load_data(text, bytes, &config, &config_value, &raw, NULL);
    if (err == CYAML_OK && raw != NULL) {
        *ret = raw;
        return 0;
    }
    if (err == CYAML_ERR_OOM) {
        return -ENOMEM;
    }
    *ret_fault = (struct mu_yaml_fault){ .line = 0 };
    tell_form(&log, err, ret_fault);
    return -EINVAL;
}

void mu_config_raw_destroy(struct mu_raw_config *raw)
{
    if (raw != NULL) {
        (void)cyaml_free(&cyaml_settings, &config_value, raw, 0); /* its own work: cannot fail */
    }
}
