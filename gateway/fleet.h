/* gateway/fleet.h - what the actors of the cluster last said of themselves (STATS). */
#ifndef MU_GATEWAY_FLEET_H
#define MU_GATEWAY_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/msg.h"

#define MU_FLEET_MAX       256   /* processes; the one heard longest ago makes room */
#define MU_FLEET_FRESH_MS  3000  /* heard within: it is alive */
#define MU_FLEET_FORGET_MS 15000 /* silent for longer: it is not shown any more */

/* One process. */
struct mu_fleet_member {
    char instance[MU_ADDRESS_MAX + 1]; /* "#9f3c..."; empty: the slot is free */
    int64_t heard_ms;                  /* now_ms of its last STATS */
    struct mu_msg_stats stats;
};

struct mu_fleet;

struct mu_fleet *mu_fleet_create(void); /* NULL when out of memory */
void mu_fleet_destroy(struct mu_fleet *fleet);

/* Takes one report.  O(members). */
void mu_fleet_hear(struct mu_fleet *fleet, const char *instance, const struct mu_msg_stats *stats,
                   int64_t now_ms);

/* Member `i` of 0..MU_FLEET_MAX-1, or NULL when there is none or it is forgotten. */
const struct mu_fleet_member *mu_fleet_at(const struct mu_fleet *fleet, uint32_t i, int64_t now_ms);

/* Whether a process of `kind` (and `partition`, unless that is empty) is alive and ready. */
bool mu_fleet_ready(const struct mu_fleet *fleet, const char *kind, const char *partition,
                    int64_t now_ms);

/* Whether member `i` is a shard, and the one to believe about its partition: of several (an owner
 * and the one it took over from), the one heard last.  O(members). */
bool mu_fleet_speaks(const struct mu_fleet *fleet, uint32_t i, int64_t now_ms);

#endif /* MU_GATEWAY_FLEET_H */
