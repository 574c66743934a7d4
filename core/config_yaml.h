/* core/config_yaml.h - reads the configuration of a cluster from a YAML file.
 *
 * A host file: the only one of ours that reads the file.  The file's form is
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
 *     jwt:                              # none by default; all three together
 *       keys: /etc/muster/jwks.json     # gateway/jwks.h
 *       issuer: https://id.game.example
 *       audience: muster
 *     settings:                         # of core/settings.def; what is left out keeps its default
 *       elo_k: 24
 *     cluster:                          # who runs where; may be left out, as each part of it
 *       brokers:                        # up to three; bind and public key may be left out
 *         - {name: a, endpoint: "tcp://10.77.0.1:5570", bind: "tcp://0.0.0.0:5570", key: ...}
 *       store: {data: /var/lib/muster/store}
 *       gateways:                       # admin may be left out
 *         - {name: edge-1, listen: "10.77.0.3:8080", admin: "127.0.0.1:8090"}
 *       keys: /etc/muster/keys          # folder of this host's own key files
 *       peers: /etc/muster/peers.yaml   # the public keys of all who may join
 *
 * Numbers are digits alone (no sign, 0x, _ or leading zero), booleans are `true` or `false`.
 * Refused: unknown and repeated fields, aliases (&a, *a) and tags, several documents, and what is
 * above the limits below. */
#ifndef MU_CORE_CONFIG_YAML_H
#define MU_CORE_CONFIG_YAML_H

#include <stddef.h>

#include "core/config.h"
#include "core/config_origins.h"

#define MU_CONFIG_BYTES_MAX  (1024 * 1024) /* of the file */
#define MU_CONFIG_FAULTS_MAX 32            /* told of at once */
#define MU_CONFIG_ERROR_MAX  8192          /* bytes that hold the longest error text */

/* Loads, checks and seals a configuration.
 *
 * sources      all that it is made of, besides the defaults
 * ret          untouched on failure
 * ret_origins  where each value comes from, to be released by the caller, and borrowing the
 *              sources; untouched on failure; or NULL
 * error        [error_size] one fault a line, "muster.yaml:12: modes[0].teams: is \"x\", must be a
 *              whole number", or with the origin of what stands above the file in the place of file
 *              and line; without a newline at the end; cut to fit; empty when all is well
 *
 * Returns 0; -EINVAL: faults; -EFBIG: the file is above MU_CONFIG_BYTES_MAX; -ENOMEM; or what
 * open(2) or read(2) said.  Syntax and form are told one fault at a time; then all that is wrong
 * with the values. */
int mu_config_load_sources(const struct mu_config_sources *sources, struct mu_config *ret,
                           struct mu_config_origins *ret_origins, char *error, size_t error_size);

/* The same of a file alone.
 *
 * path  of the file; NULL: the defaults alone, for which only memory can be missing */
int mu_config_load(const char *path, struct mu_config *ret, char *error, size_t error_size);

#endif /* MU_CORE_CONFIG_YAML_H */
