#include "core/config_reading.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/nearest.h"
#include "core/parse.h"
#include "wire/utf8.h"

/* Joins "modes", 2 and "teams" to "modes[2].teams"; no field: "modes[2]". */
static void place(const char *list, uint32_t index, const char *field,
                  char ret[MU_YAML_PATH_MAX + 1])
{
    (void)snprintf(ret, MU_YAML_PATH_MAX + 1, "%s[%u]%s%s", list, index,
                   field[0] != '\0' ? "." : "", field);
}

/* Whether a text is UTF-8 that a terminal shows on one line, and YAML as it stands.  The file was
 * looked at by mu_yaml_lines_create(), but can write more as an escape, and not all text is the
 * file's. */
static bool shows(const char *text)
{
    static const char *const never[] = {
        "\xe2\x80\xa8", "\xe2\x80\xa9",                 /* ends of line and paragraph */
        "\xef\xbb\xbf", "\xef\xbf\xbe", "\xef\xbf\xbf", /* byte order marks, no character */
    };
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        if (strstr(text, never[i]) != NULL) {
            return false;
        }
    }
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c < 0x20 || *c == 0x7f || (*c == 0xc2 && c[1] < 0xa0)) {
            return false;
        }
    }
    return mu_utf8_valid(text, strlen(text));
}

static void take_text(struct mu_config_reading *reading, const char *where, const char *raw,
                      size_t ret_bytes, char *ret)
{
    if (raw == NULL) {
        mu_config_reading_fault(reading, where, "is missing");
    } else if (strlen(raw) >= ret_bytes) {
        mu_config_reading_fault(reading, where, "is longer than %zu bytes", ret_bytes - 1);
    } else if (!shows(raw)) {
        mu_config_reading_fault(reading, where, "holds control bytes, or is not UTF-8");
    } else {
        (void)snprintf(ret, ret_bytes, "%s", raw);
    }
}

static void take_number(struct mu_config_reading *reading, const char *where, const char *raw,
                        uint32_t *ret)
{
    uint64_t number = 0;
    if (raw == NULL) {
        mu_config_reading_fault(reading, where, "is missing; needs a whole number");
    } else if (mu_parse_u64(raw, 0, UINT32_MAX, &number) != 0) {
        mu_config_reading_fault(reading, where, "is \"%.40s\", must be a whole number", raw);
    } else {
        *ret = (uint32_t)number;
    }
}

static void take_flag(struct mu_config_reading *reading, const char *where, const char *raw,
                      bool *ret)
{
    if (raw == NULL) {
        mu_config_reading_fault(reading, where, "is missing; needs true or false");
    } else if (strcmp(raw, "true") != 0 && strcmp(raw, "false") != 0) {
        mu_config_reading_fault(reading, where, "is \"%.40s\", must be true or false", raw);
    } else {
        *ret = raw[0] == 't';
    }
}

static void take_modes(struct mu_config_reading *reading, const struct mu_raw_config *raw)
{
    char where[MU_YAML_PATH_MAX + 1];
    memset(reading->config.modes, 0, sizeof reading->config.modes);
    reading->config.modes_count = raw->modes_count;
    for (uint32_t i = 0; i < raw->modes_count; i++) {
        struct mu_mode *mode = &reading->config.modes[i];
        place("modes", i, "name", where);
        take_text(reading, where, raw->modes[i].name, sizeof mode->name, mode->name);
#define NUMBER(field)                                                                              \
    place("modes", i, #field, where);                                                              \
    take_number(reading, where, raw->modes[i].field, &mode->field);
#define FLAG(field)                                                                                \
    place("modes", i, #field, where);                                                              \
    take_flag(reading, where, raw->modes[i].field, &mode->field);
#define OPTION(field)                                                                              \
    mode->field = UINT32_MAX;                                                                      \
    if (raw->modes[i].field != NULL) {                                                             \
        place("modes", i, #field, where);                                                          \
        take_number(reading, where, raw->modes[i].field, &mode->field);                            \
    }
        MU_RAW_MODE_FIELDS(NUMBER, FLAG, OPTION)
#undef NUMBER
#undef FLAG
#undef OPTION
        mu_mode_complete(mode);
    }
}

static void take_regions(struct mu_config_reading *reading, const struct mu_raw_config *raw)
{
    char where[MU_YAML_PATH_MAX + 1];
    memset(reading->config.regions, 0, sizeof reading->config.regions);
    reading->config.regions_count = raw->regions_count;
    for (uint32_t i = 0; i < raw->regions_count; i++) {
        const struct mu_raw_region *from = &raw->regions[i];
        struct mu_region *region = &reading->config.regions[i];
        place("regions", i, "name", where);
        take_text(reading, where, from->name, sizeof region->name, region->name);
        region->aliases_count = from->aliases_count;
        for (uint32_t k = 0; k < from->aliases_count; k++) {
            char field[24];
            (void)snprintf(field, sizeof field, "aliases[%u]", k);
            place("regions", i, field, where);
            take_text(reading, where, from->aliases[k], sizeof region->aliases[k],
                      region->aliases[k]);
        }
    }
}

/* "https://game.example:8443": what a browser sends as Origin has no path. */
static bool origin_valid(const char *origin)
{
    size_t scheme = strncmp(origin, "https://", 8) == 0  ? 8
                    : strncmp(origin, "http://", 7) == 0 ? 7
                                                         : 0;
    return scheme > 0 && origin[scheme] != '\0' &&
           strcspn(origin + scheme, "/?#*\" ") == strlen(origin + scheme);
}

static void take_origins(struct mu_config_reading *reading, const struct mu_raw_config *raw)
{
    char where[MU_YAML_PATH_MAX + 1];
    reading->config.origins_count = raw->origins_count;
    for (uint32_t i = 0; i < raw->origins_count; i++) {
        char *origin = reading->config.origins[i];
        place("origins", i, "", where);
        take_text(reading, where, raw->origins[i], sizeof reading->config.origins[i], origin);
        if (!origin_valid(raw->origins[i])) {
            mu_config_reading_fault(reading, where,
                                    "must be a scheme and a host, as https://game.example");
        }
    }
}

static void take_keys(struct mu_config_reading *reading, const struct mu_raw_config *raw)
{
    char where[MU_YAML_PATH_MAX + 1];
    reading->config.keys_count = raw->keys_count;
    for (uint32_t i = 0; i < raw->keys_count; i++) {
        const struct mu_raw_key *from = &raw->keys[i];
        struct mu_api_key *key = &reading->config.keys[i];
        place("keys", i, "id", where);
        take_text(reading, where, from->id, sizeof key->id, key->id);
        place("keys", i, "hash", where);
        take_text(reading, where, from->hash, sizeof key->hash, key->hash);
        place("keys", i, "role", where);
        if (from->role != NULL && strcmp(from->role, "backend") == 0) {
            key->role = MU_ROLE_BACKEND;
        } else if (from->role != NULL && strcmp(from->role, "operator") == 0) {
            key->role = MU_ROLE_OPERATOR;
        } else {
            mu_config_reading_fault(reading, where, "is \"%.40s\", must be backend or operator",
                                    from->role != NULL ? from->role : "");
        }
    }
}

static void take_setting(struct mu_config_reading *reading, const char *name, const char *raw,
                         uint64_t *ret)
{
    uint64_t number = 0;
    if (raw == NULL) {
        return;
    }
    if (mu_parse_u64(raw, 0, UINT64_MAX, &number) == 0) {
        *ret = number; /* its bounds: mu_config_check() */
        return;
    }
    char where[MU_YAML_PATH_MAX + 1];
    (void)snprintf(where, sizeof where, "settings.%s", name);
#define SETTING(setting, default_value, min, max, unit, doc)                                       \
    if (strcmp(name, #setting) == 0) {                                                             \
        mu_config_reading_fault(reading, where,                                                    \
                                "is \"%.40s\", must be a whole number, %llu to %llu %s", raw,      \
                                (unsigned long long)(min), (unsigned long long)(max), unit);       \
    }
#include "core/settings.def"
#undef SETTING
}

/* A text that need not be there. */
static void take_option(struct mu_config_reading *reading, const char *where, const char *raw,
                        size_t ret_bytes, char *ret)
{
    if (raw != NULL) {
        take_text(reading, where, raw, ret_bytes, ret);
    }
}

/* Takes how many entries a list of the cluster has. */
static uint32_t take_count(struct mu_config_reading *reading, const char *where, uint32_t count,
                           uint32_t max, const char *why)
{
    if (count <= max) {
        return count;
    }
    mu_config_reading_fault(reading, where, "are %u, at most %u can be: %s", count, max, why);
    return max;
}

/* What is missing of brokers and gateways is told by mu_config_check(), with all else. */
static void take_brokers(struct mu_config_reading *reading, const struct mu_raw_cluster *raw)
{
    struct mu_config_cluster *cluster = &reading->config.cluster;
    char where[MU_YAML_PATH_MAX + 1];
    cluster->brokers_count =
        take_count(reading, "cluster.brokers", raw->brokers_count, MU_CLUSTER_BROKERS_MAX,
                   "every process connects to each of them");
    for (uint32_t i = 0; i < cluster->brokers_count; i++) {
        struct mu_cluster_broker *broker = &cluster->brokers[i];
        const struct mu_raw_broker *from = &raw->brokers[i];
        place("cluster.brokers", i, "name", where);
        take_option(reading, where, from->name, sizeof broker->name, broker->name);
        place("cluster.brokers", i, "endpoint", where);
        take_option(reading, where, from->endpoint, sizeof broker->endpoint, broker->endpoint);
        place("cluster.brokers", i, "bind", where);
        take_option(reading, where, from->bind, sizeof broker->bind, broker->bind);
        place("cluster.brokers", i, "key", where);
        take_option(reading, where, from->key, sizeof broker->key, broker->key);
    }
}

static void take_gateways(struct mu_config_reading *reading, const struct mu_raw_cluster *raw)
{
    struct mu_config_cluster *cluster = &reading->config.cluster;
    char where[MU_YAML_PATH_MAX + 1];
    cluster->gateways_count =
        take_count(reading, "cluster.gateways", raw->gateways_count, MU_CLUSTER_GATEWAYS_MAX,
                   "those above need no entry, their command lines can tell them where to listen");
    for (uint32_t i = 0; i < cluster->gateways_count; i++) {
        struct mu_cluster_gateway *gateway = &cluster->gateways[i];
        const struct mu_raw_gateway *from = &raw->gateways[i];
        place("cluster.gateways", i, "name", where);
        take_option(reading, where, from->name, sizeof gateway->name, gateway->name);
        place("cluster.gateways", i, "listen", where);
        take_option(reading, where, from->listen, sizeof gateway->listen, gateway->listen);
        place("cluster.gateways", i, "admin", where);
        take_option(reading, where, from->admin, sizeof gateway->admin, gateway->admin);
    }
}

static void take_cluster(struct mu_config_reading *reading, const struct mu_raw_cluster *raw)
{
    struct mu_config_cluster *cluster = &reading->config.cluster;
    take_brokers(reading, raw);
    take_gateways(reading, raw);
    take_option(reading, "cluster.store.data", raw->store.data, sizeof cluster->store_data,
                cluster->store_data);
    take_option(reading, "cluster.keys", raw->keys, sizeof cluster->keys, cluster->keys);
    take_option(reading, "cluster.peers", raw->peers, sizeof cluster->peers, cluster->peers);
}

static void take_jwt(struct mu_config_reading *reading, const struct mu_raw_jwt *raw)
{
    struct mu_config_jwt *jwt = &reading->config.jwt;
    take_option(reading, "jwt.keys", raw->keys, sizeof jwt->keys, jwt->keys);
    take_option(reading, "jwt.issuer", raw->issuer, sizeof jwt->issuer, jwt->issuer);
    take_option(reading, "jwt.audience", raw->audience, sizeof jwt->audience, jwt->audience);
}

void mu_config_take_file(struct mu_config_reading *reading, const struct mu_raw_config *raw)
{
    if (mu_yaml_lines_find(reading->origins.lines, "modes") > 0) {
        take_modes(reading, raw);
    }
    if (mu_yaml_lines_find(reading->origins.lines, "regions") > 0) {
        take_regions(reading, raw);
    }
    take_origins(reading, raw);
    take_keys(reading, raw);
    take_jwt(reading, &raw->jwt);
#define SETTING(name, default_value, min, max, unit, doc)                                          \
    take_setting(reading, #name, raw->settings.name, &reading->config.settings.name);
#include "core/settings.def"
#undef SETTING
    take_cluster(reading, &raw->cluster);
}

static void override_setting(struct mu_config_reading *reading, const char *name, const char *raw)
{
    struct mu_nearest nearest = { .typed = name };
#define SETTING(setting, default_value, min, max, unit, doc)                                       \
    if (strcmp(name, #setting) == 0) {                                                             \
        take_setting(reading, #setting, raw, &reading->config.settings.setting);                   \
        return;                                                                                    \
    }                                                                                              \
    mu_nearest_offer(&nearest, #setting);
#include "core/settings.def"
#undef SETTING
    char where[MU_YAML_PATH_MAX + 1];
    (void)snprintf(where, sizeof where, "settings.%s", name);
    mu_config_reading_fault(reading, where, "there is no such setting%s%s",
                            nearest.name == NULL ? "; muster config print shows all"
                                                 : "; did you mean ",
                            nearest.name == NULL ? "" : nearest.name);
}

/* Adds the broker at an endpoint.  One that the file has is taken as it stands there; another is
 * called by its number, since names are for those who share the file. */
static void override_broker(struct mu_config_reading *reading, const char *endpoint,
                            const struct mu_config_cluster *file)
{
    struct mu_config_cluster *cluster = &reading->config.cluster;
    if (cluster->brokers_count == MU_CLUSTER_BROKERS_MAX) {
        mu_config_reading_fault(reading, "cluster.brokers", "are too many: at most %d can be",
                                MU_CLUSTER_BROKERS_MAX);
        return;
    }
    struct mu_cluster_broker *broker = &cluster->brokers[cluster->brokers_count++];
    for (uint32_t i = 0; i < file->brokers_count; i++) {
        if (strcmp(file->brokers[i].endpoint, endpoint) == 0) {
            *broker = file->brokers[i];
            return;
        }
    }
    *broker = (struct mu_cluster_broker){ .name = "" };
    (void)snprintf(broker->name, sizeof broker->name, "%u", cluster->brokers_count);
    take_text(reading, "cluster.brokers", endpoint, sizeof broker->endpoint, broker->endpoint);
}

void mu_config_take_overrides(struct mu_config_reading *reading)
{
    static const char settings[] = "settings.";
    struct mu_config_cluster *cluster = &reading->config.cluster;
    const struct mu_config_cluster file = *cluster;
    bool in_row = false; /* of brokers */
    for (uint32_t i = 0; i < reading->origins.sources.overrides_count; i++) {
        const struct mu_config_override *override = &reading->origins.sources.overrides[i];
        bool brokers = strcmp(override->path, "cluster.brokers") == 0;
        if (strncmp(override->path, settings, sizeof settings - 1) == 0) {
            override_setting(reading, override->path + sizeof settings - 1, override->value);
        } else if (brokers) {
            cluster->brokers_count = in_row ? cluster->brokers_count : 0;
            override_broker(reading, override->value, &file);
        } else if (strcmp(override->path, "cluster.store.data") == 0) {
            take_text(reading, override->path, override->value, sizeof cluster->store_data,
                      cluster->store_data);
        } else if (strcmp(override->path, "cluster.keys") == 0) {
            take_text(reading, override->path, override->value, sizeof cluster->keys,
                      cluster->keys);
        } else {
            assert(strcmp(override->path, "cluster.peers") == 0);
            take_text(reading, override->path, override->value, sizeof cluster->peers,
                      cluster->peers);
        }
        in_row = brokers;
    }
}
