/* core/config_yaml.h - reads the configuration of a cluster from a YAML file.
 *
 * A host file: the only one of ours that reads the file and knows libcyaml.  The file's form is
 * shown by muster.yaml, which also equals the defaults:
 *
 *     regions:                          # replaces the default list as a whole
 *       - name: eu-west-1
 *         aliases: [eu-west]            # may be left out
 *     modes:                            # likewise; every field of a mode is needed
 *       - {name: ranked, teams: 2, ...}
 *     origins: ["https://game.example"] # browsers that may call; none by default
 *     keys:                             # none by default
 *       - {id: shop, role: backend, hash: ...}
 *     settings:                         # of core/settings.def; what is left out keeps its default
 *       elo_k: 24
 *
 * Numbers are digits alone (no sign, 0x, _ or leading zero), booleans are `true` or `false`.
 * Refused: unknown and repeated fields, aliases (&a, *a) and tags, several documents, and what is
 * above the limits below. */
#ifndef MU_CORE_CONFIG_YAML_H
#define MU_CORE_CONFIG_YAML_H

#include <stddef.h>

#include "core/config.h"

#define MU_CONFIG_BYTES_MAX (1024 * 1024) /* of the file */
#define MU_CONFIG_ERROR_MAX 8192          /* bytes that hold the longest error text */

/* Loads, checks and seals a configuration.
 *
 * path   of the file; NULL: the defaults alone, which cannot fail
 * ret    untouched on failure
 * error  [error_size] one fault a line, "muster.yaml:12: modes[0].teams: is \"x\", must be a
 *        whole number", without a newline at the end; cut to fit; empty when all is well
 *
 * Returns 0; -EINVAL: faults in the file; -EFBIG: it is above MU_CONFIG_BYTES_MAX; -ENOMEM; or
 * what open(2) or read(2) said.  Syntax and form are told one fault at a time; then all values
 * that do not parse; then all that mu_config_check() finds. */
int mu_config_load(const char *path, struct mu_config *ret, char *error, size_t error_size);

#endif /* MU_CORE_CONFIG_YAML_H */
