/* tests/sim/net.c - the faulty network between the nodes and the brokers.
 *
 * A packet gets lost, is late, comes twice or overtakes another; a way that is cut loses what is
 * sent, or keeps it until it carries again, as TCP does.  Each way fails alone: of a link, out of
 * a host, into a host. */
#include "sim.h"

/* The ways that a packet takes. */
enum { WAYS = 3 };

static uint32_t ways_of(struct sim *sim, struct node *node, uint32_t index,
                        enum direction direction, const struct way *ret[WAYS])
{
    uint32_t from = direction == UP ? node->host : sim->brokers[index].host;
    uint32_t to = direction == UP ? sim->brokers[index].host : node->host;
    ret[0] = &node->links[index].ways[direction];
    ret[1] = &sim->hosts[from].out;
    ret[2] = &sim->hosts[to].in;
    return from == to ? 1 : WAYS;
}

/* When a packet that is sent now sets out in fact: now, later when a way stalls, or never. */
static int64_t sets_out_ms(struct sim *sim, const struct node *node, const struct way *const *ways,
                           uint32_t ways_count)
{
    int64_t at_ms = sim->now_ms;
    if (node->cut_until_ms > sim->now_ms) {
        return MU_NEVER;
    }
    for (uint32_t i = 0; i < ways_count; i++) {
        if (ways[i]->cut_until_ms <= sim->now_ms) {
            continue;
        }
        if (!ways[i]->stalls) {
            return MU_NEVER;
        }
        at_ms = ways[i]->cut_until_ms > at_ms ? ways[i]->cut_until_ms : at_ms;
    }
    return at_ms;
}

static uint32_t slowness_ms(const struct sim *sim, const struct way *const *ways,
                            uint32_t ways_count)
{
    uint32_t slow_ms = 0;
    for (uint32_t i = 0; i < ways_count; i++) {
        slow_ms += ways[i]->slow_until_ms > sim->now_ms ? ways[i]->slow_ms : 0;
    }
    return slow_ms;
}

void net_post(struct sim *sim, struct node *node, uint32_t index, enum direction direction,
              const struct mu_slice packet[2])
{
    const struct way *ways[WAYS];
    uint32_t ways_count = ways_of(sim, node, index, direction, ways);
    int64_t sets_out = sets_out_ms(sim, node, ways, ways_count);
    bool lost = sim->plan->loses != NULL && sim->plan->loses(sim, node, direction, packet[0]);
    if (lost || sets_out == MU_NEVER ||
        (sim_faulty(sim) && sim_chance(sim, sim->faults.drop_ppm))) {
        sim->drops++;
        return;
    }
    uint32_t slow_ms = slowness_ms(sim, ways, ways_count);
    int copies = sim_faulty(sim) && sim_chance(sim, sim->faults.repeat_ppm) ? 2 : 1;
    for (; copies > 0; copies--) {
        uint32_t delay = sim_faulty(sim) ? sim_below(sim, sim->faults.delay_max_ms + 1) : 0;
        struct item *item = agenda_add(&sim->agenda, sets_out + slow_ms + delay, packet[0].data,
                                       packet[0].size, packet[1].data, packet[1].size);
        item->run = direction == UP ? hub_receive : node_receive;
        item->node = (uint32_t)(node - sim->nodes);
        item->broker = index;
        item->peer = node->links[index].connection;
        item->life = direction == UP ? sim->brokers[index].life : node->life;
    }
}

void net_heal(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->hosts_count; i++) {
        sim->hosts[i] = (struct host){ .in = { 0 } };
    }
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        struct node *node = &sim->nodes[i];
        node->cut_until_ms = 0;
        for (uint32_t b = 0; b < sim->brokers_count; b++) {
            node->links[b].ways[UP] = (struct way){ .cut_until_ms = 0 };
            node->links[b].ways[DOWN] = (struct way){ .cut_until_ms = 0 };
        }
    }
}
