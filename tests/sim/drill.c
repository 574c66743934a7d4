/* tests/sim/drill.c - in the calm one thing goes wrong all the same, and no request may fail. */
#include <string.h>

#include "client.h"
#include "sim.h"

enum {
    AWAY_MS = 9000,   /* longer than an owner may be silent, and a broker */
    SPLIT_MS = 14000, /* so long that a request that cannot get through must fail */
    FINDING_MS = 5000 /* for which requests may fail after the worst of them */
};

/* A process that stands by for a partition, and the one that serves it. */
struct pair {
    struct node *owner;
    struct node *standby;
};

static bool lives(const struct node *node, enum mu_life life)
{
    return node->up && node->partition[0] != '\0' && node->ops->life(node->actor) == life;
}

/* Returns whether there is such a pair. */
static bool pick_pair(struct sim *sim, struct pair *ret)
{
    struct pair pairs[SIM_NODES_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        for (uint32_t k = 0; k < sim->nodes_count && lives(&sim->nodes[i], MU_LIFE_STANDBY); k++) {
            if (lives(&sim->nodes[k], MU_LIFE_SERVING) &&
                strcmp(sim->nodes[k].partition, sim->nodes[i].partition) == 0) {
                pairs[count++] = (struct pair){ &sim->nodes[k], &sim->nodes[i] };
            }
        }
    }
    if (count > 0) {
        *ret = pairs[sim_below(sim, count)];
    }
    return count > 0;
}

static void cut(struct sim *sim, struct node *node, uint32_t index, bool up, bool down)
{
    int64_t until_ms = sim->now_ms + SPLIT_MS;
    struct way *ways = node->links[index].ways;
    ways[UP].cut_until_ms = up ? until_ms : 0;
    ways[DOWN].cut_until_ms = down ? until_ms : 0;
    sim_trace(sim, "world", "DRILL: %s and %s:%s%s", node->name, sim->brokers[index].name,
              up ? " cut up" : "", down ? " cut down" : "");
}

/* A broker dies, or stands still. */
static bool drill_broker(struct sim *sim)
{
    struct broker *broker = &sim->brokers[sim_below(sim, sim->brokers_count)];
    if (sim->brokers_count == 1) {
        return false;
    }
    sim_trace(sim, "world", "DRILL: %s", broker->name);
    if (sim_below(sim, 3) == 0) {
        broker->still_until_ms = sim->now_ms + AWAY_MS;
    } else {
        hub_die(sim, broker);
        broker->back_ms = sim->now_ms + AWAY_MS;
    }
    return true;
}

/* A link is cut, one way or both. */
static bool drill_link(struct sim *sim)
{
    struct node *node = &sim->nodes[sim_below(sim, sim->nodes_count)];
    uint32_t ways = sim_below(sim, 3);
    if (sim->brokers_count > 1) {
        cut(sim, node, sim_below(sim, sim->brokers_count), ways != 0, ways != 1);
    }
    return sim->brokers_count > 1;
}

/* An owner is killed, asked to end, stands still, or is not heard: who stands by takes over. */
static bool drill_owner(struct sim *sim)
{
    struct pair pair;
    int64_t until_ms = sim->now_ms + AWAY_MS;
    if (!pick_pair(sim, &pair)) {
        return false;
    }
    struct node *owner = pair.owner;
    memcpy(sim->drilled, owner->partition, sizeof sim->drilled);
    sim_trace(sim, "world", "DRILL: %s", owner->name);
    switch (sim_below(sim, 4)) {
    case 0:
        node_die(sim, owner, "killed");
        owner->back_ms = until_ms;
        break;
    case 1:
        node_drain(sim, owner);
        sim->handover_ms = sim->now_ms;
        break;
    case 2: owner->still_until_ms = until_ms; break;
    default: owner->cut_until_ms = until_ms; break;
    }
    return true;
}

/* The owner sees one broker only, the store and who stands by only the others, everybody else all:
 * who takes over must be found. */
static bool drill_split(struct sim *sim)
{
    struct pair pair;
    if (sim->brokers_count == 1 || !pick_pair(sim, &pair)) {
        return false;
    }
    uint32_t alone = sim_below(sim, sim->brokers_count);
    memcpy(sim->drilled, pair.owner->partition, sizeof sim->drilled);
    sim->excused_ms = sim->now_ms + FINDING_MS;
    cut(sim, &sim->nodes[0], alone, true, true); /* the store */
    cut(sim, pair.standby, alone, true, true);
    for (uint32_t i = 0; i < sim->brokers_count; i++) {
        if (i != alone) {
            cut(sim, pair.owner, i, true, true);
        }
    }
    return true;
}

void drill(struct sim *sim)
{
    static bool (*const kinds[])(struct sim * sim) = { drill_broker, drill_link, drill_owner,
                                                       drill_split };
    enum { KINDS = sizeof kinds / sizeof kinds[0] };
    uint32_t first = sim_below(sim, KINDS);
    for (uint32_t i = 0; i < KINDS && !kinds[(first + i) % KINDS](sim); i++) {}
}
