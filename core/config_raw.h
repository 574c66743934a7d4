/* core/config_raw.h - the form of a configuration file, and its values as text.
 *
 * The libcyaml half of core/config_yaml.c: which fields there are and how they nest.  Every value
 * is loaded as text and parsed by config_yaml.c, because libcyaml takes 010 for 8 and "maybe" for
 * true.  NULL and count 0: not given.  A host file (libcyaml). */
#ifndef MU_CORE_CONFIG_RAW_H
#define MU_CORE_CONFIG_RAW_H

#include "core/config.h"
#include "core/yaml_lines.h"

/* The fields of a mode, of enum-free types: NUMBER (uint32_t) and FLAG (bool); OPTION is a number
 * that need not be given, UINT32_MAX then: mu_mode_complete(). */
#define MU_RAW_MODE_FIELDS(NUMBER, FLAG, OPTION)                                                   \
    NUMBER(teams)                                                                                  \
    OPTION(teams_min)                                                                              \
    NUMBER(team_min)                                                                               \
    NUMBER(team_max)                                                                               \
    FLAG(rated)                                                                                    \
    NUMBER(accept_ms)                                                                              \
    NUMBER(window_points)                                                                          \
    NUMBER(window_per_second)                                                                      \
    NUMBER(window_max)                                                                             \
    NUMBER(latency_max_ms)                                                                         \
    NUMBER(fill_ms)                                                                                \
    NUMBER(spill_ms)                                                                               \
    NUMBER(wait_max_ms)                                                                            \
    OPTION(wait_cost_ms)                                                                           \
    OPTION(serve_first_ms)

struct mu_raw_mode {
    char *name;
#define FIELD(field) char *field;
    MU_RAW_MODE_FIELDS(FIELD, FIELD, FIELD)
#undef FIELD
};

struct mu_raw_region {
    char *name;
    char **aliases;
    uint32_t aliases_count;
};

struct mu_raw_key {
    char *id;
    char *role;
    char *hash;
};

struct mu_raw_jwt {
    char *keys;
    char *issuer;
    char *audience;
};

struct mu_raw_settings {
#define SETTING(name, default_value, min, max, unit, doc) char *name;
#include "core/settings.def"
#undef SETTING
};

struct mu_raw_broker {
    char *name;
    char *endpoint;
    char *bind;
    char *key;
};

struct mu_raw_gateway {
    char *name;
    char *listen;
    char *admin;
};

struct mu_raw_store {
    char *data;
};

struct mu_raw_cluster {
    struct mu_raw_broker *brokers;
    uint32_t brokers_count;
    struct mu_raw_store store;
    struct mu_raw_gateway *gateways;
    uint32_t gateways_count;
    char *keys;
    char *peers;
};

struct mu_raw_config {
    struct mu_raw_mode *modes;
    uint32_t modes_count;
    struct mu_raw_region *regions;
    uint32_t regions_count;
    char **origins;
    uint32_t origins_count;
    struct mu_raw_key *keys;
    uint32_t keys_count;
    struct mu_raw_jwt jwt;
    struct mu_raw_settings settings;
    struct mu_raw_cluster cluster;
};

/* Loads the text, which mu_yaml_lines_create() has accepted and found not empty.
 *
 * ret        to be freed with mu_config_raw_destroy(); untouched on failure
 * ret_fault  filled when -EINVAL is returned: a field that is not known, a list where text is
 *            wanted or the other way round, a list that is too long; its line is not set
 *
 * Returns 0, -EINVAL or -ENOMEM. */
int mu_config_raw_create(const uint8_t *text, size_t bytes, struct mu_raw_config **ret,
                         struct mu_yaml_fault *ret_fault);
void mu_config_raw_destroy(struct mu_raw_config *raw); /* NULL is a no-op */

#endif /* MU_CORE_CONFIG_RAW_H */
