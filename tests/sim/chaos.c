/* tests/sim/chaos.c - what goes wrong, and when it stops. */
#include <inttypes.h>

#include "client.h"
#include "sim.h"
#include "storage/mem.h"

enum { ROUND_MS = 100, CUT_MS = 4000, STILL_MS = 3000, HOUR_MS = 3600000 };
enum { PART_MS = 8000, SLOW_MS = 5000, SLOWNESS_MS = 400, CRASH_MS = 4000 };

/* One of the strengths, the first being "not at all". */
static uint32_t draw(struct sim *sim, uint32_t a, uint32_t b, uint32_t c)
{
    const uint32_t strengths[] = { 0, a, b, c };
    return strengths[sim_below(sim, 4)];
}

void chaos_draw(struct sim *sim)
{
    sim->faults = (struct faults){
        .drop_ppm = draw(sim, 1000, 20000, 150000),
        .repeat_ppm = draw(sim, 1000, 20000, 200000),
        .delay_max_ms = draw(sim, 3, 30, 300),
        .cut_ppm = draw(sim, 500, 2000, 8000),
        .way_ppm = draw(sim, 200, 1000, 3000),
        .slow_ppm = draw(sim, 200, 1000, 3000),
        .part_ppm = draw(sim, 1000, 4000, 10000),
        .crash_ppm = draw(sim, 500, 1000, 3000),
        .kill_ppm = draw(sim, 500, 2000, 8000),
        .drain_ppm = draw(sim, 500, 2000, 8000),
        .pause_ppm = draw(sim, 500, 2000, 8000),
        .commit_ppm = draw(sim, 1000, 5000, 30000),
        .clock_ppm = draw(sim, 1000, 5000, 20000),
        .client_ppm = draw(sim, 1000, 20000, 150000),
        .socket_ppm = draw(sim, 500, 5000, 20000),
        .garbage_ppm = draw(sim, 1000, 20000, 200000),
    };
}

/* Cuts a way for a while. */
static void cut(struct sim *sim, struct way *way, uint32_t most_ms)
{
    way->cut_until_ms = sim->now_ms + sim_below(sim, most_ms);
    way->stalls = sim_below(sim, 2) != 0;
}

/* One of two ways or both. */
static void cut_some(struct sim *sim, struct way *first, struct way *second, uint32_t most_ms)
{
    uint32_t which = sim_below(sim, 3);
    if (which != 0) {
        cut(sim, first, most_ms);
    }
    if (which != 1) {
        cut(sim, second, most_ms);
    }
}

static void trouble_links(struct sim *sim, struct node *node)
{
    for (uint32_t i = 0; i < sim->brokers_count; i++) {
        struct way *ways = node->links[i].ways;
        if (sim_chance(sim, sim->faults.way_ppm)) {
            cut_some(sim, &ways[UP], &ways[DOWN], CUT_MS);
            sim_trace(sim, node->name, "%s: up is cut until %" PRId64 ", down until %" PRId64 "",
                      sim->brokers[i].name, sim_since(sim, ways[UP].cut_until_ms),
                      sim_since(sim, ways[DOWN].cut_until_ms));
        }
        if (sim_chance(sim, sim->faults.slow_ppm)) {
            struct way *way = &ways[sim_below(sim, DIRECTIONS)];
            way->slow_until_ms = sim->now_ms + sim_below(sim, SLOW_MS);
            way->slow_ms = sim_below(sim, SLOWNESS_MS);
        }
    }
}

/* All that lives on a host dies at once, and is away for as long. */
static void crash(struct sim *sim, uint32_t host)
{
    int64_t back_ms = sim->now_ms + 1 + sim_below(sim, CRASH_MS);
    for (uint32_t i = 0; i < sim->brokers_count; i++) {
        if (sim->brokers[i].host == host) {
            hub_die(sim, &sim->brokers[i]);
            sim->brokers[i].back_ms = back_ms;
        }
    }
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        if (sim->nodes[i].host == host) {
            node_die(sim, &sim->nodes[i], "its host crashed");
            sim->nodes[i].back_ms = back_ms;
        }
    }
}

static void trouble_hosts(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->hosts_count; i++) {
        struct host *host = &sim->hosts[i];
        if (sim->hosts_count > 1 && sim_chance(sim, sim->faults.part_ppm)) {
            cut_some(sim, &host->in, &host->out, PART_MS);
            sim_trace(sim, "world", "host %u: in is cut until %" PRId64 ", out until %" PRId64 "",
                      i, sim_since(sim, host->in.cut_until_ms),
                      sim_since(sim, host->out.cut_until_ms));
        }
        if (sim_chance(sim, sim->faults.crash_ppm)) {
            crash(sim, i);
        }
    }
}

static void trouble_brokers(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->brokers_count; i++) {
        struct broker *broker = &sim->brokers[i];
        if (sim_chance(sim, sim->faults.kill_ppm)) {
            hub_die(sim, broker);
        }
        if (sim_chance(sim, sim->faults.pause_ppm)) {
            broker->still_until_ms = sim->now_ms + sim_below(sim, STILL_MS);
            sim_trace(sim, broker->name, "stands still");
        }
    }
}

static void trouble_node(struct sim *sim, struct node *node)
{
    if (sim_chance(sim, sim->faults.kill_ppm)) {
        node_die(sim, node, "killed");
    }
    if (node->up && node->ops != NULL && sim_chance(sim, sim->faults.drain_ppm)) {
        node_drain(sim, node);
    }
    if (sim_chance(sim, sim->faults.cut_ppm)) {
        node->cut_until_ms = sim->now_ms + sim_below(sim, CUT_MS);
        sim_trace(sim, node->name, "is cut off");
    }
    if (sim_chance(sim, sim->faults.pause_ppm)) {
        node->still_until_ms = sim->now_ms + sim_below(sim, STILL_MS);
        sim_trace(sim, node->name, "stands still");
    }
}

static void round_of_faults(struct sim *sim, struct item *item)
{
    (void)item;
    if (!sim_faulty(sim)) {
        return;
    }
    trouble_hosts(sim);
    trouble_brokers(sim);
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        trouble_node(sim, &sim->nodes[i]);
        trouble_links(sim, &sim->nodes[i]);
    }
    if (sim_chance(sim, sim->faults.commit_ppm)) {
        mu_mem_fail_next_commit(sim->store,
                                sim_below(sim, 2) == 0 ? MU_MEM_FAULT_LOST : MU_MEM_FAULT_DURABLE);
    }
    if (sim_chance(sim, sim->faults.clock_ppm)) {
        sim->wall_skew_ms += (int64_t)sim_below(sim, 2 * HOUR_MS) - HOUR_MS;
    }
    if (sim_chance(sim, sim->faults.garbage_ppm)) {
        hub_garbage(sim);
    }
    if (sim_chance(sim, sim->faults.commit_ppm)) {
        static const enum mu_store_room rooms[] = { MU_STORE_ROOM_LOW, MU_STORE_ROOM_NONE,
                                                    MU_STORE_ROOM_OK, MU_STORE_ROOM_OK };
        mu_mem_set_room(sim->store, rooms[sim_below(sim, 4)]);
    }
    for (uint32_t i = 0; i < sim->clients_count; i++) {
        if (sim_chance(sim, sim->faults.socket_ppm)) {
            client_hang_up(sim, sim->clients[i]);
        }
    }
    chaos_schedule(sim);
}

void chaos_schedule(struct sim *sim)
{
    struct item *item = agenda_add(&sim->agenda, sim->now_ms + ROUND_MS, NULL, 0, NULL, 0);
    item->run = round_of_faults;
}

/* The calm begins: all links carry, all processes run, the disk has room. */
void chaos_end(struct sim *sim)
{
    sim_trace(sim, "world", "CALM");
    mu_mem_fail_next_commit(sim->store, MU_MEM_FAULT_NONE);
    mu_mem_set_room(sim->store, MU_STORE_ROOM_OK);
    net_heal(sim);
    int64_t soon_ms = sim->now_ms + ROUND_MS;
    for (uint32_t i = 0; i < sim->brokers_count; i++) {
        struct broker *broker = &sim->brokers[i];
        broker->still_until_ms = 0;
        broker->back_ms = broker->back_ms < soon_ms ? broker->back_ms : soon_ms;
    }
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        struct node *node = &sim->nodes[i];
        node->still_until_ms = 0;
        node->back_ms = node->back_ms < soon_ms ? node->back_ms : soon_ms;
    }
}
