/* tools/dev_plan.h - the processes that make up the cluster of `muster dev`, and their command
 * lines. */
#ifndef MU_TOOLS_DEV_PLAN_H
#define MU_TOOLS_DEV_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "core/placement.h"
#include "tools/cluster.h"
#include "tools/dev_folder.h"

#define MU_DEV_MATCHERS_MAX 16

/* Filled in by who makes it: the first part by the caller, the strings by mu_dev_plan_make().  The
 * children's command lines borrow from it: it must outlive the cluster. */
struct mu_dev_plan {
    const struct mu_config *config;     /* in force */
    const struct mu_dev_folder *folder; /* open */
    const char *config_path;            /* of that configuration; NULL: the defaults */
    const char *key_path;               /* of the file with the bots' key */
    uint64_t bots;                      /* players; 0: none */
    uint64_t matchers;                  /* 1..MU_DEV_MATCHERS_MAX */
    bool logs;                          /* children write logs; else to our stderr */

    char broker[MU_PATH_BYTES]; /* programs */
    char actor[MU_PATH_BYTES];
    char gateway[MU_PATH_BYTES];
    char self[MU_PATH_BYTES];
    char port[8];       /* of the API */
    char admin_port[8]; /* of health and metrics */
    char address[32];   /* "127.0.0.1:8080" */
    char bots_count[16];
    char queues[MU_REGIONS_MAX][MU_ADDRESS_MAX + 1];
    char lobbies[MU_LOBBIES_MAX][MU_ADDRESS_MAX + 1];
    char matcher_names[MU_DEV_MATCHERS_MAX][MU_CHILD_NAME_MAX + 1];
};

/* Finds the programs, and ports that are free; plan->matchers is in its range (asserted).
 *
 * port            of the API; 0: any
 * ret_admin_port  of health and metrics
 *
 * Returns 0, or the exit code with which to end after it said why on stderr. */
int mu_dev_plan_make(struct mu_dev_plan *plan, uint16_t port, uint16_t *ret_admin_port);

/* Adds the processes of the cluster, but for the bots. */
void mu_dev_plan_cluster(const struct mu_dev_plan *plan, struct mu_cluster *cluster);

/* Adds the bots, if there are any. */
void mu_dev_plan_bots(const struct mu_dev_plan *plan, struct mu_cluster *cluster);

#endif /* MU_TOOLS_DEV_PLAN_H */
