#include "gateway/fleet.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mu_fleet {
    struct mu_fleet_member members[MU_FLEET_MAX];
};

struct mu_fleet *mu_fleet_create(void)
{
    return calloc(1, sizeof(struct mu_fleet));
}

void mu_fleet_destroy(struct mu_fleet *fleet)
{
    free(fleet);
}

/* The slot of an instance: its own, or a free one, or that of the one heard longest ago. */
static struct mu_fleet_member *slot_of(struct mu_fleet *fleet, const char *instance)
{
    struct mu_fleet_member *best = &fleet->members[0];
    for (uint32_t i = 0; i < MU_FLEET_MAX; i++) {
        struct mu_fleet_member *member = &fleet->members[i];
        if (strcmp(member->instance, instance) == 0) {
            return member;
        }
        bool is_free = member->instance[0] == '\0';
        bool best_free = best->instance[0] == '\0';
        if ((is_free && !best_free) ||
            (is_free == best_free && member->heard_ms < best->heard_ms)) {
            best = member;
        }
    }
    return best;
}

void mu_fleet_hear(struct mu_fleet *fleet, const char *instance, const struct mu_msg_stats *stats,
                   int64_t now_ms)
{
    if (instance[0] == '\0') {
        return; /* a sender without a name cannot be told from another */
    }
    struct mu_fleet_member *member = slot_of(fleet, instance);
    (void)snprintf(member->instance, sizeof member->instance, "%s", instance);
    member->heard_ms = now_ms;
    member->stats = *stats;
}

const struct mu_fleet_member *mu_fleet_at(const struct mu_fleet *fleet, uint32_t i, int64_t now_ms)
{
    assert(i < MU_FLEET_MAX);
    const struct mu_fleet_member *member = &fleet->members[i];
    bool shown = member->instance[0] != '\0' && now_ms - member->heard_ms <= MU_FLEET_FORGET_MS;
    return shown ? member : NULL;
}

bool mu_fleet_ready(const struct mu_fleet *fleet, const char *kind, const char *partition,
                    int64_t now_ms)
{
    for (uint32_t i = 0; i < MU_FLEET_MAX; i++) {
        const struct mu_fleet_member *member = &fleet->members[i];
        if (member->instance[0] != '\0' && member->stats.ready &&
            now_ms - member->heard_ms <= MU_FLEET_FRESH_MS &&
            strcmp(member->stats.kind, kind) == 0 &&
            (partition[0] == '\0' || strcmp(member->stats.partition, partition) == 0)) {
            return true;
        }
    }
    return false;
}

bool mu_fleet_speaks(const struct mu_fleet *fleet, uint32_t i, int64_t now_ms)
{
    const struct mu_fleet_member *member = mu_fleet_at(fleet, i, now_ms);
    if (member == NULL || member->stats.pools_count == 0) {
        return false;
    }
    for (uint32_t j = 0; j < MU_FLEET_MAX; j++) {
        const struct mu_fleet_member *other = mu_fleet_at(fleet, j, now_ms);
        if (other == NULL || j == i || other->stats.pools_count == 0 ||
            strcmp(other->stats.partition, member->stats.partition) != 0) {
            continue;
        }
        if (other->heard_ms > member->heard_ms || (other->heard_ms == member->heard_ms && j < i)) {
            return false;
        }
    }
    return true;
}
