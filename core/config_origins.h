/* core/config_origins.h - where the values of a configuration come from: a file, and what stands
 * above it.
 *
 * Precedence: command line, environment, file, default.  The configuration's reader knows nothing
 * of the first two but that somebody hands in values by their path, each with a word for people on
 * who said so. */
#ifndef MU_CORE_CONFIG_ORIGINS_H
#define MU_CORE_CONFIG_ORIGINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/yaml_lines.h"

#define MU_CONFIG_ORIGIN_MAX 319 /* bytes of an origin in words, NUL not counted; cut to fit */

/* One value that stands above the file. */
struct mu_config_override {
    const char *path;   /* "settings.NAME", "cluster.brokers" (an endpoint; the first in a row takes
                         * the place of the file's list, the others add to it),
                         * "cluster.store.data", "cluster.keys" or "cluster.peers" */
    const char *value;  /* as the file would say it */
    const char *origin; /* "environment MUSTER_ELO_K", "--set elo_k" */
};

/* All that a configuration is made of, besides the defaults; borrowed. */
struct mu_config_sources {
    const char *path;                           /* of the file; NULL: none */
    const uint8_t *text;                        /* what is in it; NULL: it is read */
    size_t text_bytes;                          /* of the text, if there is one */
    const struct mu_config_override *overrides; /* [overrides_count], the later one holds */
    uint32_t overrides_count;
    bool start; /* tell also what programs would refuse at their start: mu_config_start_check() */
};

/* What is known of the origins when a configuration was loaded.  Borrows its sources. */
struct mu_config_origins {
    struct mu_config_sources sources;
    struct mu_yaml_lines *lines; /* of the file; owned; NULL: there is none */
};

/* Frees what it owns. */
void mu_config_origins_release(struct mu_config_origins *origins);

/* Who said the value at `where` ("cluster.brokers[0].endpoint"), above the file; or NULL.
 * O(overrides). */
const struct mu_config_override *mu_config_origins_override(const struct mu_config_origins *origins,
                                                            const char *where);

/* The line of `where` in the file, or of the nearest thing around it; 0: there is none. */
uint32_t mu_config_origins_line(const struct mu_config_origins *origins, const char *where);

/* Says where the value at `where` comes from: "default", "muster.yaml:12", or the origin of what
 * stands above the file.  O(values of the file). */
void mu_config_origins_say(const struct mu_config_origins *origins, const char *where,
                           char ret[MU_CONFIG_ORIGIN_MAX + 1]);

#endif /* MU_CORE_CONFIG_ORIGINS_H */
