/* core/config_cluster.h - which processes a cluster has, and where: the section `cluster` of its
 * configuration.
 *
 * Every host has the same file, and each process finds its own part in it by its name.  What no
 * other process needs to agree on (a folder, a port) may differ between the files of two hosts:
 * nothing of this is in the configuration's hash. */
#ifndef MU_CORE_CONFIG_CLUSTER_H
#define MU_CORE_CONFIG_CLUSTER_H

#include <stdint.h>

#include "core/endpoint.h"
#include "core/parse.h"
#include "wire/msg.h"

#define MU_CLUSTER_BROKERS_MAX  3
#define MU_CLUSTER_GATEWAYS_MAX 64
#define MU_CLUSTER_PATH_MAX     255 /* bytes of a path, NUL not counted */
#define MU_LISTEN_MAX           63  /* bytes of "[ADDRESS]:PORT", NUL not counted */

struct mu_cluster_broker {
    char name[MU_ID_MAX + 1];           /* unique among brokers */
    char endpoint[MU_ENDPOINT_MAX + 1]; /* where the others find it */
    char bind[MU_ENDPOINT_MAX + 1];     /* where it listens; empty: at its endpoint */
    char key[65];                       /* its public key, 64 hex digits; empty: not said */
};

struct mu_cluster_gateway {
    char name[MU_ID_MAX + 1];       /* unique among gateways */
    char listen[MU_LISTEN_MAX + 1]; /* of the API, "10.77.0.3:8080" */
    char admin[MU_LISTEN_MAX + 1];  /* of health and metrics; empty: no such listener */
};

/* All of it may be empty: the programs are told by their command lines then. */
struct mu_config_cluster {
    uint32_t brokers_count;
    struct mu_cluster_broker brokers[MU_CLUSTER_BROKERS_MAX];
    uint32_t gateways_count;
    struct mu_cluster_gateway gateways[MU_CLUSTER_GATEWAYS_MAX];
    char store_data[MU_CLUSTER_PATH_MAX + 1]; /* the store's folder; empty: not said */
    char keys[MU_CLUSTER_PATH_MAX + 1];  /* folder of this host's own key files; empty: not said */
    char peers[MU_CLUSTER_PATH_MAX + 1]; /* file of the keys of all who may join; empty: not said */
};

/* What to do when a gateway may serve no other host, since there are no API keys. */
#define MU_CLUSTER_API_KEYS_HOW                                                                    \
    "without keys everybody is trusted, so only 127.0.0.1 or ::1 may be listened on; make one "    \
    "with `muster key new --id NAME`, and put the line that it prints under keys:"

/* Which broker or gateway a process is: the one of its name; without a name the only one there is,
 * or else the one that is called as its host.
 *
 * name  of the process; NULL: it has none
 * host  name of the machine
 *
 * Returns its index; -ENOENT: none has that name, or there is none at all; -ESRCH: there are
 * several, and nothing tells which. */
int mu_cluster_pick_broker(const struct mu_config_cluster *cluster, const char *name,
                           const char *host);
int mu_cluster_pick_gateway(const struct mu_config_cluster *cluster, const char *name,
                            const char *host);

/* Reads where to listen: "10.77.0.3:8080", "[::1]:0", "0.0.0.0:8080"; addresses only, no names.
 *
 * Returns 0, or -EINVAL, -ERANGE or -ENAMETOOLONG; outputs are untouched then. */
int mu_listen_parse(const char *text, char ret_address[MU_HOST_MAX + 1], uint16_t *ret_port);

#endif /* MU_CORE_CONFIG_CLUSTER_H */
