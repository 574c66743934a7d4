/* core/config_print.h - writes a configuration in the form in which it is read. */
#ifndef MU_CORE_CONFIG_PRINT_H
#define MU_CORE_CONFIG_PRINT_H

#include <stdio.h>

#include "core/config.h"
#include "core/config_origins.h"

/* Writes all that holds, the defaults included, as YAML which mu_config_load() reads as equal.
 * Keys are in it as their hashes, as in the file.
 *
 * origins  of its load: each line ends in a comment that says where its value comes from; or NULL
 *
 * Errors are the file's: ferror(3). */
void mu_config_print(FILE *file, const struct mu_config *config,
                     const struct mu_config_origins *origins);

#endif /* MU_CORE_CONFIG_PRINT_H */
