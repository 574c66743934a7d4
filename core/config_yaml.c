#include "core/config_yaml.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config_raw.h"
#include "core/file.h"
#include "core/parse.h"
#include "core/yaml_faults.h"
#include "core/yaml_lines.h"

/* One load on its way. */
struct load {
    struct mu_yaml_faults faults;
    struct mu_yaml_lines *lines;
    struct mu_config config; /* what is being filled */
};

static void take_number(struct load *load, const char *where, const char *raw, uint32_t *ret)
{
    uint64_t number = 0;
    if (raw == NULL) {
        mu_yaml_faults_add(&load->faults, where, "is missing; needs a whole number");
    } else if (mu_parse_u64(raw, 0, UINT32_MAX, &number) != 0) {
        mu_yaml_faults_add(&load->faults, where, "is \"%.40s\", must be a whole number", raw);
    } else {
        *ret = (uint32_t)number;
    }
}

static void take_flag(struct load *load, const char *where, const char *raw, bool *ret)
{
    if (raw == NULL) {
        mu_yaml_faults_add(&load->faults, where, "is missing; needs true or false");
    } else if (strcmp(raw, "true") != 0 && strcmp(raw, "false") != 0) {
        mu_yaml_faults_add(&load->faults, where, "is \"%.40s\", must be true or false", raw);
    } else {
        *ret = raw[0] == 't';
    }
}

static void take_modes(struct load *load, const struct mu_raw_config *raw)
{
    char where[MU_YAML_PATH_MAX + 1];
    memset(load->config.modes, 0, sizeof load->config.modes);
    load->config.modes_count = raw->modes_count;
    for (uint32_t i = 0; i < raw->modes_count; i++) {
        struct mu_mode *mode = &load->config.modes[i];
        mu_yaml_place("modes", i, "name", where);
        mu_yaml_take_text(&load->faults, where, raw->modes[i].name, sizeof mode->name, mode->name);
#define NUMBER(field)                                                                              \
    mu_yaml_place("modes", i, #field, where);                                                      \
    take_number(load, where, raw->modes[i].field, &mode->field);
#define FLAG(field)                                                                                \
    mu_yaml_place("modes", i, #field, where);                                                      \
    take_flag(load, where, raw->modes[i].field, &mode->field);
#define OPTION(field)                                                                              \
    mode->field = UINT32_MAX;                                                                      \
    if (raw->modes[i].field != NULL) {                                                             \
        mu_yaml_place("modes", i, #field, where);                                                  \
        take_number(load, where, raw->modes[i].field, &mode->field);                               \
    }
        MU_RAW_MODE_FIELDS(NUMBER, FLAG, OPTION)
#undef NUMBER
#undef FLAG
#undef OPTION
        mu_mode_complete(mode);
    }
}

static void take_regions(struct load *load, const struct mu_raw_config *raw)
{
    char where[MU_YAML_PATH_MAX + 1];
    memset(load->config.regions, 0, sizeof load->config.regions);
    load->config.regions_count = raw->regions_count;
    for (uint32_t i = 0; i < raw->regions_count; i++) {
        const struct mu_raw_region *from = &raw->regions[i];
        struct mu_region *region = &load->config.regions[i];
        mu_yaml_place("regions", i, "name", where);
        mu_yaml_take_text(&load->faults, where, from->name, sizeof region->name, region->name);
        region->aliases_count = from->aliases_count;
        for (uint32_t k = 0; k < from->aliases_count; k++) {
            char field[24];
            (void)snprintf(field, sizeof field, "aliases[%u]", k);
            mu_yaml_place("regions", i, field, where);
            mu_yaml_take_text(&load->faults, where, from->aliases[k], sizeof region->aliases[k],
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

static void take_origins(struct load *load, const struct mu_raw_config *raw)
{
    char where[MU_YAML_PATH_MAX + 1];
    load->config.origins_count = raw->origins_count;
    for (uint32_t i = 0; i < raw->origins_count; i++) {
        char *origin = load->config.origins[i];
        mu_yaml_place("origins", i, "", where);
        mu_yaml_take_text(&load->faults, where, raw->origins[i], sizeof load->config.origins[i],
                          origin);
        if (!origin_valid(raw->origins[i])) {
            mu_yaml_faults_add(&load->faults, where,
                               "must be a scheme and a host, as https://game.example");
        }
    }
}

static void take_keys(struct load *load, const struct mu_raw_config *raw)
{
    char where[MU_YAML_PATH_MAX + 1];
    load->config.keys_count = raw->keys_count;
    for (uint32_t i = 0; i < raw->keys_count; i++) {
        const struct mu_raw_key *from = &raw->keys[i];
        struct mu_api_key *key = &load->config.keys[i];
        mu_yaml_place("keys", i, "id", where);
        mu_yaml_take_text(&load->faults, where, from->id, sizeof key->id, key->id);
        mu_yaml_place("keys", i, "hash", where);
        mu_yaml_take_text(&load->faults, where, from->hash, sizeof key->hash, key->hash);
        mu_yaml_place("keys", i, "role", where);
        if (from->role != NULL && strcmp(from->role, "backend") == 0) {
            key->role = MU_ROLE_BACKEND;
        } else if (from->role != NULL && strcmp(from->role, "operator") == 0) {
            key->role = MU_ROLE_OPERATOR;
        } else {
            mu_yaml_faults_add(&load->faults, where, "is \"%.40s\", must be backend or operator",
                               from->role != NULL ? from->role : "");
        }
    }
}

static void take_setting(struct load *load, const char *name, const char *raw, uint64_t *ret)
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
        mu_yaml_faults_add(&load->faults, where,                                                   \
                           "is \"%.40s\", must be a whole number, %llu to %llu %s", raw,           \
                           (unsigned long long)(min), (unsigned long long)(max), unit);            \
    }
#include "core/settings.def"
#undef SETTING
}

/* Lists that the file gives, even empty, stand in for the defaults. */
static void take_config(struct load *load, const struct mu_raw_config *raw)
{
    if (mu_yaml_lines_find(load->lines, "modes") > 0) {
        take_modes(load, raw);
    }
    if (mu_yaml_lines_find(load->lines, "regions") > 0) {
        take_regions(load, raw);
    }
    take_origins(load, raw);
    take_keys(load, raw);
#define SETTING(name, default_value, min, max, unit, doc)                                          \
    take_setting(load, #name, raw->settings.name, &load->config.settings.name);
#include "core/settings.def"
#undef SETTING
    if (load->faults.count > 0) {
        return; /* half-read values would only make mu_config_check() tell of more */
    }
    struct mu_config_fault found[MU_YAML_FAULTS_MAX];
    uint32_t count = mu_config_check(&load->config, found, MU_YAML_FAULTS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const struct mu_config_fault *f = &found[i < MU_YAML_FAULTS_MAX ? i : 0];
        mu_yaml_faults_add(&load->faults, f->where, "%s", f->what);
    }
}

static int take_file(struct load *load, const uint8_t *bytes, size_t size)
{
    struct mu_yaml_fault found;
    struct mu_raw_config *raw = NULL;
    int r = mu_yaml_lines_create(bytes, size, &load->lines, &found);
    load->faults.lines = load->lines;
    if (r == -EINVAL) {
        mu_yaml_faults_found(&load->faults, &found);
    }
    if (r != 0 || mu_yaml_lines_count(load->lines) == 0) {
        return r;
    }
    r = mu_config_raw_create(bytes, size, &raw, &found);
    if (r == -EINVAL) {
        mu_yaml_faults_found(&load->faults, &found);
    }
    if (r != 0) {
        return r;
    }
    take_config(load, raw);
    mu_config_raw_destroy(raw);
    return load->faults.count > 0 ? -EINVAL : 0;
}

int mu_config_load(const char *path, struct mu_config *ret, char *error, size_t error_size)
{
    assert(error_size > 0);
    error[0] = '\0';
    if (path == NULL) {
        mu_config_default(ret);
        return 0;
    }
    struct load *load = calloc(1, sizeof *load);
    if (load == NULL) {
        return -ENOMEM;
    }
    load->faults =
        (struct mu_yaml_faults){ .path = path, .error = error, .error_size = error_size };
    mu_config_default(&load->config);
    uint8_t *bytes = NULL;
    size_t size = 0;
    int r = mu_file_read(path, MU_CONFIG_BYTES_MAX, &bytes, &size);
    if (r == -EFBIG) {
        mu_yaml_faults_add(&load->faults, "", "is larger than %d bytes", MU_CONFIG_BYTES_MAX);
    } else if (r == 0) {
        r = take_file(load, bytes, size);
    }
    if (r != 0 && load->faults.count == 0) {
        mu_yaml_faults_add(&load->faults, "", "%s", strerror(-r));
    }
    mu_yaml_faults_end(&load->faults);
    if (r == 0) {
        mu_config_seal(&load->config);
        *ret = load->config;
    }
    free(bytes);
    mu_yaml_lines_destroy(load->lines);
    free(load);
    return r;
}
