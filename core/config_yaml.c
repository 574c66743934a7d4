#include "core/config_yaml.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config_faults.h"
#include "core/config_raw.h"
#include "core/config_reading.h"
#include "core/file.h"
#include "core/yaml_lines.h"

static void append(struct mu_config_reading *reading, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void append(struct mu_config_reading *reading, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t room = reading->error_size - reading->error_used;
    int n = vsnprintf(reading->error + reading->error_used, room, format, args);
    va_end(args);
    if (n > 0) {
        reading->error_used += (size_t)n < room ? (size_t)n : room - 1;
    }
}

/* line  in the file; 0: none */
static void tell(struct mu_config_reading *reading, uint32_t line, const char *where,
                 const char *what)
{
    const struct mu_config_override *override =
        mu_config_origins_override(&reading->origins, where);
    const char *path = reading->origins.sources.path;
    if (++reading->faults > MU_CONFIG_FAULTS_MAX) {
        return;
    }
    append(reading, "%s%s:", reading->error_used > 0 ? "\n" : "",
           override != NULL ? override->origin
           : path != NULL   ? path
                            : "default");
    if (line > 0 && override == NULL) {
        append(reading, "%u:", line);
    }
    append(reading, where[0] != '\0' ? " %s: %s" : "%s %s", where, what);
}

void mu_config_reading_fault(struct mu_config_reading *reading, const char *where,
                             const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (reading->faults < MU_CONFIG_FAULTS_MAX) {
        (void)snprintf(reading->told[reading->faults], sizeof reading->told[0], "%s", where);
    }
    tell(reading, mu_config_origins_line(&reading->origins, where), where, what);
}

/* Whether a fault only follows from one that was told while the values were read: it is of the same
 * value, or of another field of the same entry, whose bounds may depend on it.  What the fields of
 * the cluster may be does not depend on each other. */
static bool follows(const struct mu_config_reading *reading, uint32_t told, const char *where)
{
    bool alone = strncmp(where, "cluster.", strlen("cluster.")) == 0;
    for (uint32_t i = 0; i < told && i < MU_CONFIG_FAULTS_MAX; i++) {
        const char *before = reading->told[i];
        const char *entry_end = alone ? NULL : strchr(before, ']');
        if (entry_end == NULL ? strcmp(before, where) == 0
                              : strncmp(before, where, (size_t)(entry_end - before) + 1) == 0) {
            return true;
        }
    }
    return false;
}

static void check(struct mu_config_reading *reading)
{
    struct mu_config_fault found[MU_CONFIG_FAULTS_MAX];
    uint32_t told = reading->faults;
    uint32_t count = mu_config_check(&reading->config, found, MU_CONFIG_FAULTS_MAX);
    if (reading->origins.sources.start) {
        struct mu_config_faults faults = { found, MU_CONFIG_FAULTS_MAX, count };
        mu_config_start_check(&reading->config, &faults);
        count = faults.count;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (i >= MU_CONFIG_FAULTS_MAX) {
            reading->faults++;
        } else if (!follows(reading, told, found[i].where)) {
            tell(reading, mu_config_origins_line(&reading->origins, found[i].where), found[i].where,
                 found[i].what);
        }
    }
}

/* Returns 0, -EINVAL: it is not of the form, which was told; or -ENOMEM. */
static int take_text(struct mu_config_reading *reading, const uint8_t *bytes, size_t size)
{
    struct mu_yaml_fault found;
    struct mu_raw_config *raw = NULL;
    int r = mu_yaml_lines_create(bytes, size, &reading->origins.lines, &found);
    if (r == -EINVAL) {
        tell(reading, found.line, found.where, found.what);
    }
    if (r != 0 || mu_yaml_lines_count(reading->origins.lines) == 0) {
        return r;
    }
    r = mu_config_raw_create(bytes, size, &raw, &found);
    if (r == -EINVAL) {
        tell(reading, mu_config_origins_line(&reading->origins, found.where), found.where,
             found.what);
    }
    if (r == 0) {
        mu_config_take_file(reading, raw);
        mu_config_raw_destroy(raw);
    }
    return r;
}

/* Takes the file, if there is one, and what stands above it.  Returns 0 or -errno. */
static int take(struct mu_config_reading *reading)
{
    const struct mu_config_sources *sources = &reading->origins.sources;
    const uint8_t *text = sources->text;
    size_t text_bytes = sources->text_bytes;
    uint8_t *bytes = NULL;
    int r = 0;
    if (sources->path != NULL && text == NULL) {
        r = mu_file_read(sources->path, MU_CONFIG_BYTES_MAX, &bytes, &text_bytes);
        text = bytes;
    }
    if (r == -EFBIG || (r == 0 && text_bytes > MU_CONFIG_BYTES_MAX)) {
        r = -EFBIG;
        mu_config_reading_fault(reading, "", "is larger than %d bytes", MU_CONFIG_BYTES_MAX);
    } else if (r == 0 && text != NULL) {
        r = take_text(reading, text, text_bytes);
    }
    free(bytes);
    if (r == 0) {
        mu_config_take_overrides(reading);
        check(reading);
        r = reading->faults > 0 ? -EINVAL : 0;
    }
    if (r != 0 && reading->faults == 0) {
        mu_config_reading_fault(reading, "", "%s", strerror(-r));
    }
    return r;
}

int mu_config_load_sources(const struct mu_config_sources *sources, struct mu_config *ret,
                           struct mu_config_origins *ret_origins, char *error, size_t error_size)
{
    assert(error_size > 0);
    assert(sources->text == NULL || sources->path != NULL);
    error[0] = '\0';
    struct mu_config_reading *reading = calloc(1, sizeof *reading);
    if (reading == NULL) {
        return -ENOMEM;
    }
    reading->origins.sources = *sources;
    reading->error = error;
    reading->error_size = error_size;
    mu_config_default(&reading->config);
    int r = take(reading);
    if (reading->faults > MU_CONFIG_FAULTS_MAX) {
        append(reading, "\nand %u more", reading->faults - MU_CONFIG_FAULTS_MAX);
    }
    if (r == 0) {
        mu_config_seal(&reading->config);
        *ret = reading->config;
    }
    if (r == 0 && ret_origins != NULL) {
        *ret_origins = reading->origins;
    } else {
        mu_config_origins_release(&reading->origins);
    }
    free(reading);
    return r;
}

int mu_config_load(const char *path, struct mu_config *ret, char *error, size_t error_size)
{
    const struct mu_config_sources sources = { .path = path };
    return mu_config_load_sources(&sources, ret, NULL, error, error_size);
}
