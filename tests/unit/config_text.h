/* tests/unit/config_text.h - configurations that stand in a test as text. */
#ifndef MU_TESTS_UNIT_CONFIG_TEXT_H
#define MU_TESTS_UNIT_CONFIG_TEXT_H

#include <string.h>

#include "core/config_yaml.h"

static struct mu_config config;
static char error[MU_CONFIG_ERROR_MAX];

/* Loads `text`, called "c.yaml", with what stands above it.  Origins are the caller's to release,
 * unless NULL. */
static inline int load_above(const char *text, const struct mu_config_override *overrides,
                             uint32_t overrides_count, struct mu_config_origins *ret_origins)
{
    const struct mu_config_sources sources = {
        .path = "c.yaml",
        .text = (const uint8_t *)text,
        .text_bytes = strlen(text),
        .overrides = overrides,
        .overrides_count = overrides_count,
    };
    return mu_config_load_sources(&sources, &config, ret_origins, error, sizeof error);
}

static inline int load(const char *text)
{
    return load_above(text, NULL, 0, NULL);
}

#endif /* MU_TESTS_UNIT_CONFIG_TEXT_H */
