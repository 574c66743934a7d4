/* tests/sim/sim.c - the world: who is in it, and how its time goes on. */
#include "sim.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/lobby.h"
#include "actors/matcher.h"
#include "actors/queue.h"
#include "actors/store.h"
#include "broker/router.h"
#include "checks.h"
#include "client.h"
#include "core/address.h"
#include "core/placement.h"
#include "storage/mem.h"

enum {
    START_MS = 1000000,
    FAULTS_MS = 20000, /* how long faults happen */
    CALM_MS = 45000,   /* how long the world then has to settle */
    STRICT_MS = 12000, /* of them, until every request must succeed ... */
    BUSY_MS = 12000,   /* for which players then begin new things, */
    DRILL_MS = 14000,  /* ... and until something goes wrong all the same (drill.c) */
    WORST_MS = 8000,   /* later that is not mended yet */
};

bool sim_faulty(const struct sim *sim)
{
    return sim->now_ms < sim->faults_until_ms;
}

bool sim_busy(const struct sim *sim)
{
    return sim_faulty(sim) ||
           (sim->now_ms >= sim->strict_ms && sim->now_ms < sim->strict_ms + BUSY_MS);
}

int64_t sim_wall(const struct sim *sim)
{
    return SIM_WALL_MS + sim->now_ms + sim->wall_skew_ms;
}

int64_t sim_since(const struct sim *sim, int64_t at_ms)
{
    (void)sim;
    return at_ms - START_MS;
}

bool sim_hot(const struct sim *sim)
{
    return !sim->plan->steady && sim->seed % 4 == 0;
}

bool sim_chance(struct sim *sim, uint32_t ppm)
{
    return mu_rng_chance_ppm(&sim->rng, ppm);
}

uint32_t sim_random(struct sim *sim, uint32_t n)
{
    return n > 1 ? (uint32_t)mu_rng_below(&sim->rng, n) : 0;
}

uint32_t sim_below(struct sim *sim, uint32_t n)
{
    return sim->plan->steady ? 0 : sim_random(sim, n);
}

void sim_fail(struct sim *sim, const char *format, ...)
{
    if (sim->bad[0] != '\0') {
        return;
    }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sim->bad, sizeof sim->bad, format, args);
    va_end(args);
    sim_trace(sim, "CHECK", "%s", sim->bad);
}

void sim_trace(const struct sim *sim, const char *who, const char *format, ...)
{
    if (!sim->trace) {
        return;
    }
    (void)printf("[%6" PRId64 "] %-16s ", sim->now_ms - START_MS, who);
    va_list args;
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)putchar('\n');
}

void sim_mix(struct sim *sim, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++) { /* FNV-1a */
        sim->hash = (sim->hash ^ at[i]) * UINT64_C(1099511628211);
    }
}

/* Modes and settings as production has them, but quicker, so that a minute holds much. */
static void configure(struct sim *sim)
{
    struct mu_config *config = &sim->config;
    mu_config_default(config);
    config->regions_count = 2 + sim_below(sim, 2);
    for (uint32_t i = 0; i < config->modes_count; i++) {
        struct mu_mode *mode = &config->modes[i];
        mode->accept_ms = sim_below(sim, 4) == 0 ? 0 : 2000 + sim_below(sim, 3000);
        mode->window_per_second *= 10;
        mode->window_max = 2900;
        mode->fill_ms = mode->fill_ms > 0 ? 1000 : 0;
        mode->spill_ms = 1000 + sim_below(sim, 2000);
        mode->wait_max_ms = 8000 + sim_below(sim, 60000);
        mode->wait_cost_ms = sim_below(sim, 4) == 0 ? 0 : 2000 + sim_below(sim, 10000);
        mode->serve_first_ms = 1000 + sim_below(sim, 3000);
    }
    struct mu_settings *s = &config->settings;
    s->rate_ip_per_minute = 0;
    s->rate_player_per_hour = 0;
    s->rate_socket_per_second = 0;
    s->cooldown_ms = 200;
    s->cooldown_max_ms = 1000;
    s->spill_again_ms = 500;
    s->server_wait_ms = 1000;
    s->server_give_up_ms = 4000;
    s->server_silence_ms = 3000;
    s->match_duration_max_ms = 15000;
    s->lobby_grace_ms = 2000;
    s->idempotency_keep_ms = 604800000; /* longer than all steps of the clock */
    s->events_keep = 1024;
    s->log_keep = 256 + sim_below(sim, 2000);
    s->password_memory_kib = 8;
    s->password_passes = 1;
    s->tickets_max = 1000;
    s->slice_tickets_min = sim_hot(sim) ? 1 + sim_below(sim, 3) : 1 + sim_below(sim, 1000);
    s->drain_ms = sim_below(sim, 3000);
    uint32_t lobbies = sim_below(sim, 8);
    s->lobbies = 1 + lobbies / 4 + lobbies / 7; /* 1 to 3 */
    mu_config_seal(config);
}

struct node *sim_add_node(struct sim *sim, const struct mu_actor_ops *ops, const char *name,
                          const char *partition)
{
    assert(sim->nodes_count < SIM_NODES_MAX);
    struct node *node = &sim->nodes[sim->nodes_count++];
    node->sim = sim;
    node->ops = ops;
    node->host = sim_below(sim, sim->hosts_count);
    for (uint32_t i = 0; i < SIM_BROKERS_MAX; i++) {
        node->links[i].connection = SIM_NOBODY;
    }
    node->back_ms = sim->now_ms + sim_below(sim, 500);
    node->out = mu_outbox_create(1);
    assert(node->out != NULL);
    (void)snprintf(node->name, sizeof node->name, "%s", name);
    (void)snprintf(node->partition, sizeof node->partition, "%s", partition);
    (void)snprintf(node->who.name, sizeof node->who.name, "%.*s", MU_PEER_NAME_MAX, name);
    int r = mu_peer_role_parse(ops == NULL ? "gateway" : ops->kind, &node->who.role);
    assert(r == 0);
    return node;
}

/* The owner of a partition, and perhaps one that stands by. */
static void add_owners(struct sim *sim, const struct mu_actor_ops *ops, const char *partition)
{
    char second[MU_ADDRESS_MAX + 1];
    (void)sim_add_node(sim, ops, partition, partition);
    (void)snprintf(second, sizeof second, "%.60s#2", partition);
    if (sim_below(sim, 2) != 0) {
        (void)sim_add_node(sim, ops, second, partition);
    }
}

static void populate(struct sim *sim)
{
    char name[MU_ADDRESS_MAX + 1];
    chaos_draw(sim);
    sim->hosts_count = 1 + sim_below(sim, SIM_HOSTS_MAX);
    hub_create(sim, 1 + sim_below(sim, SIM_BROKERS_MAX));
    for (uint32_t i = 0; i < sim->brokers_count; i++) {
        sim->brokers[i].host = sim_below(sim, sim->hosts_count);
    }
    (void)sim_add_node(sim, &mu_store_actor_ops, "store", "");
    for (uint32_t i = 0; i < sim->config.regions_count; i++) {
        mu_address_queue(sim->config.regions[i].name, name);
        add_owners(sim, &mu_queue_ops, name);
    }
    uint32_t matchers = 1 + sim_below(sim, 4);
    for (uint32_t i = 0; i < matchers; i++) {
        (void)snprintf(name, sizeof name, "matcher-%u", i);
        (void)sim_add_node(sim, &mu_matcher_ops, name, "");
    }
    for (uint32_t i = 0; i < sim->config.settings.lobbies; i++) {
        mu_address_lobby(i, name);
        add_owners(sim, &mu_lobby_ops, name);
    }
    uint32_t gateways = 1 + sim_below(sim, 2);
    for (uint32_t i = 0; i < gateways; i++) {
        (void)snprintf(name, sizeof name, "gateway-%u", i);
        (void)sim_add_node(sim, NULL, name, "");
    }
    uint32_t players = sim_hot(sim) ? 24 + sim_below(sim, 13) : 4 + sim_below(sim, 13);
    for (uint32_t i = 0; i < players; i++) {
        player_add(sim, i);
    }
    uint32_t servers = sim->config.regions_count + sim_below(sim, 2); /* one each, at least */
    for (uint32_t i = 0; i < servers; i++) {
        server_add(sim, i);
    }
}

void sim_init(struct sim *sim, uint64_t seed, bool trace, const struct sim_plan *plan)
{
    *sim = (struct sim){
        .plan = plan,
        .seed = seed,
        .rng = { seed },
        .now_ms = START_MS,
        .trace = trace,
        .hash = UINT64_C(14695981039346656037),
        .next_socket = 1,
        .hosts_count = 1,
    };
    sim->faults_until_ms = START_MS;
    sim->strict_ms = MU_NEVER;
    sim->end_ms = MU_NEVER;
    sim->store = mu_mem_create();
    sim->decoder = mu_decoder_create();
    assert(sim->store != NULL && sim->decoder != NULL);
    plan->configure(sim);
    plan->populate(sim);
    sim->checks = checks_create(sim);
    assert(sim->checks != NULL);
}

/* What comes next: an agenda item, or the own deadline of a broker, a node or a client. */
struct next {
    int64_t at_ms;
    struct node *node;
    struct client *client;
    struct broker *broker;
};

static struct next find_next(struct sim *sim)
{
    struct next next = { .at_ms = agenda_next(&sim->agenda) };
    for (uint32_t i = 0; i < sim->brokers_count; i++) {
        int64_t at = hub_deadline(&sim->brokers[i]);
        if (at < next.at_ms) {
            next = (struct next){ .at_ms = at, .broker = &sim->brokers[i] };
        }
    }
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        int64_t at = node_deadline(sim, &sim->nodes[i]);
        if (at < next.at_ms) {
            next = (struct next){ .at_ms = at, .node = &sim->nodes[i] };
        }
    }
    for (uint32_t i = 0; i < sim->clients_count; i++) {
        int64_t at = client_deadline(sim->clients[i]);
        if (at < next.at_ms) {
            next = (struct next){ .at_ms = at, .client = sim->clients[i] };
        }
    }
    return next;
}

static void run_next(struct sim *sim, const struct next *next)
{
    if (next->at_ms > sim->now_ms) {
        sim->now_ms = next->at_ms;
    }
    if (next->node != NULL) {
        if (next->node->up) {
            node_turn(sim, next->node);
        } else {
            node_start(sim, next->node);
        }
    } else if (next->client != NULL) {
        client_run(sim, next->client);
    } else if (next->broker != NULL) {
        hub_tick(sim, next->broker);
    } else {
        struct item *item = agenda_take(&sim->agenda);
        item->run(sim, item);
        free(item);
    }
}

bool sim_step(struct sim *sim, int64_t until_ms)
{
    struct next next = find_next(sim);
    if (next.at_ms >= until_ms) {
        return false;
    }
    run_next(sim, &next);
    return true;
}

/* The faults end; the drill begins; it is at its worst. */
static void turn_of_events(struct sim *sim, struct item *item)
{
    static void (*const events[])(struct sim * sim) = { chaos_end, drill, liveness_seen };
    events[item->peer](sim);
}

static void schedule(struct sim *sim, uint32_t which, int64_t at_ms)
{
    struct item *item = agenda_add(&sim->agenda, at_ms, NULL, 0, NULL, 0);
    item->run = turn_of_events;
    item->peer = which;
}

bool sim_run(struct sim *sim, uint64_t seed, bool trace)
{
    static const struct sim_plan swarm = { .configure = configure, .populate = populate };
    sim_init(sim, seed, trace, &swarm);
    sim->faults_until_ms = START_MS + FAULTS_MS;
    sim->strict_ms = sim->faults_until_ms + STRICT_MS;
    sim->end_ms = sim->faults_until_ms + CALM_MS;
    chaos_schedule(sim);
    schedule(sim, 0, sim->faults_until_ms);
    schedule(sim, 1, sim->faults_until_ms + DRILL_MS);
    schedule(sim, 2, sim->faults_until_ms + DRILL_MS + WORST_MS);
    while (sim->bad[0] == '\0' && sim_step(sim, sim->end_ms)) {}
    if (sim->bad[0] == '\0') {
        liveness_check(sim);
    }
    sim_mix(sim, &sim->events, sizeof sim->events);
    return sim->bad[0] == '\0';
}

void sim_release(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        struct node *node = &sim->nodes[i];
        if (node->up) {
            if (node->ops != NULL) {
                node->ops->destroy(node->actor);
            } else {
                gate_destroy(sim, node);
            }
            mu_bus_destroy(node->bus);
        }
        mu_outbox_destroy(node->out);
    }
    for (uint32_t i = 0; i < sim->brokers_count; i++) {
        mu_router_destroy(sim->brokers[i].router);
    }
    for (uint32_t i = 0; i < sim->clients_count; i++) {
        client_destroy(sim->clients[i]);
    }
    checks_destroy(sim->checks);
    agenda_release(&sim->agenda);
    mu_decoder_destroy(sim->decoder);
    sim->store->ops->destroy(sim->store);
}
