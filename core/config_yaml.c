#include "core/config_yaml.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/config_raw.h"
#include "core/parse.h"
#include "core/yaml_lines.h"

/* One load on its way. */
struct load {
    const char *path;
    struct mu_yaml_lines *lines;
    struct mu_config config; /* what is being filled */
    char *error;
    size_t error_size;
    size_t error_used;
    uint32_t faults;
};

static void append(struct load *load, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void append(struct load *load, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t room = load->error_size - load->error_used;
    int n = vsnprintf(load->error + load->error_used, room, format, args);
    va_end(args);
    if (n > 0) {
        load->error_used += (size_t)n < room ? (size_t)n : room - 1;
    }
}

/* Line of `where`, or of the nearest thing around it; 0 when there is none. */
static uint32_t line_of(const struct load *load, const char *where)
{
    char path[MU_YAML_PATH_MAX + 1];
    (void)snprintf(path, sizeof path, "%s", where);
    for (;;) {
        uint32_t line = load->lines != NULL ? mu_yaml_lines_find(load->lines, path) : 0;
        size_t length = strlen(path);
        if (line > 0 || length == 0) {
            return line;
        }
        while (length > 0 && path[length - 1] != '.' && path[length - 1] != '[') {
            length--;
        }
        path[length > 0 ? length - 1 : 0] = '\0';
    }
}

static void tell(struct load *load, uint32_t line, const char *where, const char *what)
{
    if (++load->faults > MU_CONFIG_FAULTS_MAX) {
        return;
    }
    append(load, "%s%s:", load->error_used > 0 ? "\n" : "", load->path);
    if (line > 0) {
        append(load, "%u:", line);
    }
    append(load, where[0] != '\0' ? " %s: %s" : "%s %s", where, what);
}

static void fault(struct load *load, const char *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void fault(struct load *load, const char *where, const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    tell(load, line_of(load, where), where, what);
}

/* Joins "modes", 2 and "teams" to "modes[2].teams"; no field: "modes[2]". */
static void place(const char *list, uint32_t index, const char *field,
                  char ret[MU_YAML_PATH_MAX + 1])
{
    (void)snprintf(ret, MU_YAML_PATH_MAX + 1, "%s[%u]%s%s", list, index,
                   field[0] != '\0' ? "." : "", field);
}

static void take_text(struct load *load, const char *where, const char *raw, size_t ret_bytes,
                      char *ret)
{
    if (raw == NULL) {
        fault(load, where, "is missing");
    } else if (strlen(raw) >= ret_bytes) {
        fault(load, where, "is longer than %zu bytes", ret_bytes - 1);
    } else {
        (void)snprintf(ret, ret_bytes, "%s", raw);
    }
}

static void take_number(struct load *load, const char *where, const char *raw, uint32_t *ret)
{
    uint64_t number = 0;
    if (raw == NULL) {
        fault(load, where, "is missing; needs a whole number");
    } else if (mu_parse_u64(raw, 0, UINT32_MAX, &number) != 0) {
        fault(load, where, "is \"%.40s\", must be a whole number", raw);
    } else {
        *ret = (uint32_t)number;
    }
}

static void take_flag(struct load *load, const char *where, const char *raw, bool *ret)
{
    if (raw == NULL) {
        fault(load, where, "is missing; needs true or false");
    } else if (strcmp(raw, "true") != 0 && strcmp(raw, "false") != 0) {
        fault(load, where, "is \"%.40s\", must be true or false", raw);
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
        place("modes", i, "name", where);
        take_text(load, where, raw->modes[i].name, sizeof mode->name, mode->name);
#define NUMBER(field)                                                                              \
    place("modes", i, #field, where);                                                              \
    take_number(load, where, raw->modes[i].field, &mode->field);
#define FLAG(field)                                                                                \
    place("modes", i, #field, where);                                                              \
    take_flag(load, where, raw->modes[i].field, &mode->field);
#define OPTION(field)                                                                              \
    mode->field = UINT32_MAX;                                                                      \
    if (raw->modes[i].field != NULL) {                                                             \
        place("modes", i, #field, where);                                                          \
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
        place("regions", i, "name", where);
        take_text(load, where, from->name, sizeof region->name, region->name);
        region->aliases_count = from->aliases_count;
        for (uint32_t k = 0; k < from->aliases_count; k++) {
            char field[24];
            (void)snprintf(field, sizeof field, "aliases[%u]", k);
            place("regions", i, field, where);
            take_text(load, where, from->aliases[k], sizeof region->aliases[k], region->aliases[k]);
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
        place("origins", i, "", where);
        take_text(load, where, raw->origins[i], sizeof load->config.origins[i], origin);
        if (!origin_valid(raw->origins[i])) {
            fault(load, where, "must be a scheme and a host, as https://game.example");
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
        place("keys", i, "id", where);
        take_text(load, where, from->id, sizeof key->id, key->id);
        place("keys", i, "hash", where);
        take_text(load, where, from->hash, sizeof key->hash, key->hash);
        place("keys", i, "role", where);
        if (from->role != NULL && strcmp(from->role, "backend") == 0) {
            key->role = MU_ROLE_BACKEND;
        } else if (from->role != NULL && strcmp(from->role, "operator") == 0) {
            key->role = MU_ROLE_OPERATOR;
        } else {
            fault(load, where, "is \"%.40s\", must be backend or operator",
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
        fault(load, where, "is \"%.40s\", must be a whole number, %llu to %llu %s", raw,           \
              (unsigned long long)(min), (unsigned long long)(max), unit);                         \
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
    if (load->faults > 0) {
        return; /* half-read values would only make mu_config_check() tell of more */
    }
    struct mu_config_fault found[MU_CONFIG_FAULTS_MAX];
    uint32_t count = mu_config_check(&load->config, found, MU_CONFIG_FAULTS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const struct mu_config_fault *f = &found[i < MU_CONFIG_FAULTS_MAX ? i : 0];
        tell(load, line_of(load, f->where), f->where, f->what);
    }
}

static int take_file(struct load *load, const uint8_t *bytes, size_t size)
{
    struct mu_yaml_fault found;
    struct mu_raw_config *raw = NULL;
    int r = mu_yaml_lines_create(bytes, size, &load->lines, &found);
    if (r == -EINVAL) {
        tell(load, found.line, found.where, found.what);
    }
    if (r != 0 || mu_yaml_lines_count(load->lines) == 0) {
        return r;
    }
    r = mu_config_raw_create(bytes, size, &raw, &found);
    if (r == -EINVAL) {
        tell(load, line_of(load, found.where), found.where, found.what);
    }
    if (r != 0) {
        return r;
    }
    take_config(load, raw);
    mu_config_raw_destroy(raw);
    return load->faults > 0 ? -EINVAL : 0;
}

/* Reads the whole file.  Returns 0, -EFBIG, -ENOMEM or -errno; *ret is the caller's to free. */
static int read_file(const char *path, uint8_t **ret, size_t *ret_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    uint8_t *bytes = malloc(MU_CONFIG_BYTES_MAX + 1);
    size_t size = 0;
    int r = bytes == NULL ? -ENOMEM : 0;
    while (r == 0 && size <= MU_CONFIG_BYTES_MAX) {
        ssize_t n = read(fd, bytes + size, MU_CONFIG_BYTES_MAX + 1 - size);
        if (n == 0) {
            break;
        }
        if (n > 0) {
            size += (size_t)n;
        } else if (errno != EINTR) {
            r = -errno;
        }
    }
    (void)close(fd); /* read only: nothing can be lost */
    if (r == 0 && size > MU_CONFIG_BYTES_MAX) {
        r = -EFBIG;
    }
    if (r != 0) {
        free(bytes);
        return r;
    }
    *ret = bytes;
    *ret_size = size;
    return 0;
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
    *load = (struct load){ .path = path, .error = error, .error_size = error_size };
    mu_config_default(&load->config);
    uint8_t *bytes = NULL;
    size_t size = 0;
    int r = read_file(path, &bytes, &size);
    if (r == -EFBIG) {
        fault(load, "", "is larger than %d bytes", MU_CONFIG_BYTES_MAX);
    } else if (r == 0) {
        r = take_file(load, bytes, size);
    }
    if (r != 0 && load->faults == 0) {
        fault(load, "", "%s", strerror(-r));
    }
    if (load->faults > MU_CONFIG_FAULTS_MAX) {
        append(load, "\n%s: and %u more", path, load->faults - MU_CONFIG_FAULTS_MAX);
    }
    if (r == 0) {
        mu_config_seal(&load->config);
        *ret = load->config;
    }
    free(bytes);
    mu_yaml_lines_destroy(load->lines);
    free(load);
    return r;
}
