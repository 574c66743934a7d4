/* Any bytes as a configuration file: refused with faults that can be shown, or a configuration that
 * passes its own check, and that reads back equal when it is printed. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config_print.h"
#include "core/config_yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int load(const uint8_t *text, size_t bytes, struct mu_config *ret,
                struct mu_config_origins *ret_origins)
{
    static char error[MU_CONFIG_ERROR_MAX];
    static const struct mu_config_override above = { "settings.elo_k", "40", "test" };
    const struct mu_config_sources sources = {
        .path = "c.yaml",
        .text = text,
        .text_bytes = bytes,
        .overrides = &above,
        .overrides_count = 1,
    };
    int r = mu_config_load_sources(&sources, ret, ret_origins, error, sizeof error);
    assert((r == 0) == (error[0] == '\0'));
    for (const char *c = error; *c != '\0'; c++) {
        assert((unsigned char)*c >= 0x20 || *c == '\n');
    }
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t none[1] = { 0 }; /* a text of no bytes still has an address */
    static struct mu_config config;
    static struct mu_config again;
    struct mu_config_origins origins;
    if (load(size > 0 ? data : none, size, &config, &origins) != 0) {
        return 0;
    }
    assert(mu_config_check(&config, NULL, 0) == 0);
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    assert(stream != NULL);
    mu_config_print(stream, &config, &origins);
    int r = fclose(stream);
    assert(r == 0);
    mu_config_origins_release(&origins);
    r = load((const uint8_t *)text, bytes, &again, NULL);
    assert(r == 0);
    assert(memcmp(&config, &again, sizeof config) == 0);
    free(text);
    return 0;
}
