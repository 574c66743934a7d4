/* core/config_faults.h - how the checks of a configuration tell what they find; private to them. */
#ifndef MU_CORE_CONFIG_FAULTS_H
#define MU_CORE_CONFIG_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"

/* Faults that were found; those beyond `max` are only counted. */
struct mu_config_faults {
    struct mu_config_fault *at; /* [max], borrowed */
    uint32_t max;
    uint32_t count;
};

/* Adds a fault at "list[index].field", or "list.field" when index is below 0. */
void mu_config_fault_add(struct mu_config_faults *faults, const char *list, int index,
                         const char *field, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Whether a name has at least one character, and only letters, digits, _ . and -. */
bool mu_config_name_valid(const char *name);

/* A path must be whole, since a program may be started anywhere; empty is none.
 * example  a good one, for the text */
void mu_config_check_path(const char *list, const char *field, const char *path,
                          const char *example, struct mu_config_faults *faults);

/* Finds every fault of the section `cluster`. */
void mu_config_cluster_check(const struct mu_config_cluster *cluster,
                             struct mu_config_faults *faults);

/* Finds what programs would refuse when they start with this file alone: brokers and gateways that
 * others reach without keys, and keys of which a part is missing or that two have.  A program may
 * be told more by its command line, and needs its own part only: so this is for who checks the file
 * of a whole cluster, beside mu_config_check(). */
void mu_config_start_check(const struct mu_config *config, struct mu_config_faults *faults);

#endif /* MU_CORE_CONFIG_FAULTS_H */
