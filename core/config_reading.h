/* core/config_reading.h - one load of a configuration on its way; private to config_yaml.c, which
 * leads it, and config_take.c, which turns texts into values. */
#ifndef MU_CORE_CONFIG_READING_H
#define MU_CORE_CONFIG_READING_H

#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "core/config_origins.h"
#include "core/config_raw.h"
#include "core/config_yaml.h"

struct mu_config_reading {
    struct mu_config_origins origins;
    struct mu_config config; /* what is being filled, from the defaults */
    char *error;             /* [error_size] */
    size_t error_size;
    size_t error_used; /* without the NUL */
    uint32_t faults;   /* told, and those for which there was no room */
    char told[MU_CONFIG_FAULTS_MAX][MU_YAML_PATH_MAX + 1]; /* where faults were while reading */
};

/* Tells of a fault of the value at `where` ("modes[2].teams"; empty: of the file as a whole), with
 * the place where it was said. */
void mu_config_reading_fault(struct mu_config_reading *reading, const char *where,
                             const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Takes all that the file says.  Lists that it gives, even empty, stand in for the defaults. */
void mu_config_take_file(struct mu_config_reading *reading, const struct mu_raw_config *raw);

/* Takes what stands above the file, in its order. */
void mu_config_take_overrides(struct mu_config_reading *reading);

#endif /* MU_CORE_CONFIG_READING_H */
