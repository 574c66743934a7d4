/* tests/sim/chaos.c - what goes wrong, and when it stops. */
#include "broker/router.h"
#include "client.h"
#include "sim.h"
#include "storage/mem.h"

enum { ROUND_MS = 100, CUT_MS = 4000, STILL_MS = 3000, HOUR_MS = 3600000 };

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
        .kill_ppm = draw(sim, 500, 2000, 8000),
        .pause_ppm = draw(sim, 500, 2000, 8000),
        .commit_ppm = draw(sim, 1000, 5000, 30000),
        .clock_ppm = draw(sim, 1000, 5000, 20000),
        .client_ppm = draw(sim, 1000, 20000, 150000),
        .socket_ppm = draw(sim, 500, 5000, 20000),
        .garbage_ppm = draw(sim, 1000, 20000, 200000),
    };
}

static void trouble_node(struct sim *sim, struct node *node)
{
    if (sim_chance(sim, sim->faults.kill_ppm)) {
        node_die(sim, node, "killed");
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
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        trouble_node(sim, &sim->nodes[i]);
    }
    if (sim_chance(sim, sim->faults.kill_ppm)) {
        hub_die(sim);
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
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        sim->nodes[i].cut_until_ms = 0;
        sim->nodes[i].still_until_ms = 0;
        if (!sim->nodes[i].up && sim->nodes[i].back_ms > sim->now_ms + ROUND_MS) {
            sim->nodes[i].back_ms = sim->now_ms + ROUND_MS;
        }
    }
}
