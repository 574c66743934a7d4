#include "core/config_origins.h"

#include <stdio.h>
#include <string.h>

void mu_config_origins_release(struct mu_config_origins *origins)
{
    mu_yaml_lines_destroy(origins->lines);
    origins->lines = NULL;
}

const struct mu_config_override *mu_config_origins_override(const struct mu_config_origins *origins,
                                                            const char *where)
{
    for (uint32_t i = origins->sources.overrides_count; i > 0; i--) {
        const struct mu_config_override *override = &origins->sources.overrides[i - 1];
        size_t length = strlen(override->path);
        if (strncmp(where, override->path, length) == 0 &&
            (where[length] == '\0' || where[length] == '.' || where[length] == '[')) {
            return override;
        }
    }
    return NULL;
}

static uint32_t line_of(const struct mu_config_origins *origins, const char *where)
{
    return origins->lines == NULL ? 0 : mu_yaml_lines_find(origins->lines, where);
}

uint32_t mu_config_origins_line(const struct mu_config_origins *origins, const char *where)
{
    return mu_yaml_lines_near(origins->lines, where);
}

void mu_config_origins_say(const struct mu_config_origins *origins, const char *where,
                           char ret[MU_CONFIG_ORIGIN_MAX + 1])
{
    const struct mu_config_override *override = mu_config_origins_override(origins, where);
    uint32_t line = line_of(origins, where);
    if (override != NULL) {
        (void)snprintf(ret, MU_CONFIG_ORIGIN_MAX + 1, "%s", override->origin);
    } else if (line > 0) {
        (void)snprintf(ret, MU_CONFIG_ORIGIN_MAX + 1, "%s:%u", origins->sources.path, line);
    } else {
        (void)snprintf(ret, MU_CONFIG_ORIGIN_MAX + 1, "default");
    }
    for (char *c = ret; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) { /* a file may be called anything */
            *c = '?';
        }
    }
}
