/* tests/sim/node.c - a simulated process: what the hosts do, in virtual time. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "sim.h"
#include "storage/mem.h"

enum { STATS_MS = 1000 };
enum { RESTART_MS = 100, RESTART_MAX_MS = 2000, AWAY_MAX_MS = 6000 };
enum { CREDIT = 256, CREDIT_MATCHER = 4 };

static int emit(void *context, uint32_t broker, struct mu_slice header, struct mu_slice body)
{
    struct node *node = context;
    return hub_send(node->sim, node, broker, header, body);
}

static struct mu_bus *bus_create(struct sim *sim, struct node *node)
{
    const char *kind = node->ops != NULL ? node->ops->kind : "gateway";
    struct mu_bus_options options = {
        .service = kind,
        .partition = node->partition,
        .build = SIM_BUILD,
        .incarnation = node->life,
        .seed = mu_rng_next(&sim->rng),
        .credit = strcmp(kind, "matcher") == 0 ? CREDIT_MATCHER : CREDIT,
        .heartbeat_ms = (uint32_t)sim->config.settings.heartbeat_ms,
        .missed_max = (uint32_t)sim->config.settings.heartbeats_missed_max,
        .brokers_count = sim->brokers_count,
        .brokers = { "sim://broker-0", "sim://broker-1", "sim://broker-2" },
        .emit = emit,
        .context = node,
    };
    return mu_bus_create(&options);
}

/* One event into the actor; a failure kills the process, as the host would end it. */
static void step(struct sim *sim, struct node *node, const struct mu_event *ev)
{
    sim->events++;
    int r = node->ops->step(node->actor, ev, node->out);
    if (r != 0) {
        char why[64];
        (void)snprintf(why, sizeof why, "step returned %d", r);
        node_die(sim, node, why);
    }
}

static struct mu_event event(const struct sim *sim, enum mu_event_type type)
{
    return (struct mu_event){ .type = type, .now_ms = sim->now_ms, .wall_ms = sim_wall(sim) };
}

static void trace_out(const struct sim *sim, const struct node *node,
                      const struct mu_outbox_entry *entry, struct mu_slice body)
{
    static struct mu_msg msg; /* only while tracing */
    static char text[600];
    if (mu_msg_decode(sim->decoder, (uint32_t)entry->envelope.op, body.data, body.size, &msg) ==
        0) {
        mu_msg_print(&msg, text, sizeof text);
        sim_trace(sim, node->name, "-> %s  %s", entry->envelope.destination, text);
    }
}

static bool is_store(const struct node *node)
{
    return node->ops != NULL && strcmp(node->ops->kind, "store") == 0;
}

static void flush(struct sim *sim, struct node *node)
{
    struct mu_outbox *out = node->out;
    for (uint32_t i = 0; i < out->notes_count; i++) {
        sim_trace(sim, node->name, "   (%s)", out->notes[i]);
        if (sim->plan->noted != NULL) {
            sim->plan->noted(sim, node, out->notes[i]);
        }
    }
    for (uint32_t i = 0; i < out->count; i++) {
        struct mu_slice body = { out->bytes + out->entries[i].offset, out->entries[i].size };
        sim_mix(sim, body.data, body.size);
        if (sim->trace) {
            trace_out(sim, node, &out->entries[i], body);
        }
        if (is_store(node)) {
            checks_answered(sim, &out->entries[i].envelope, body);
        }
        (void)mu_bus_send(node->bus, sim->now_ms, &out->entries[i].envelope, body);
    }
    mu_outbox_clear(out);
}

void node_start(struct sim *sim, struct node *node)
{
    assert(!node->up);
    node->life = mu_public_key_incarnation(node->key, mu_rng_next(&sim->rng));
    node->up = true;
    node->turn_due = false;
    node->draining = false;
    node->still_until_ms = 0;
    node->stats_ms = sim->now_ms;
    node->out->incarnation = node->life;
    node->out->sequence = 0;
    mu_outbox_clear(node->out);
    node->bus = bus_create(sim, node);
    assert(node->bus != NULL);
    for (uint32_t i = 0; i < sim->brokers_count; i++) {
        hub_connect(sim, node, i);
    }
    sim_trace(sim, node->name, "starts");
    checks_started(sim, node);
    if (node->ops == NULL) {
        node->gateway = gate_create(sim, node);
        assert(node->gateway != NULL);
    } else {
        struct mu_actor_env env = {
            .partition = node->partition,
            .name = node->name,
            .seed = mu_rng_next(&sim->rng),
            .incarnation = node->life,
            .config = &sim->config,
            .store = is_store(node) ? sim->store : NULL,
        };
        int r = node->ops->create(&env, &node->actor);
        assert(r == 0);
        struct mu_event ev = event(sim, MU_EV_START);
        step(sim, node, &ev);
    }
    if (node->up) {
        node_turn(sim, node);
    }
}

void node_die(struct sim *sim, struct node *node, const char *why)
{
    if (!node->up) {
        return;
    }
    sim_trace(sim, node->name, "DIES: %s", why);
    node->up = false;
    sim->kills++;
    node->deaths = node->deaths < 5 ? node->deaths + 1 : 5;
    int64_t back = (int64_t)RESTART_MS << node->deaths;
    node->back_ms = sim->now_ms + 1 + (back < RESTART_MAX_MS ? back : RESTART_MAX_MS) / 2 +
                    (int64_t)sim_below(sim, RESTART_MS);
    if (sim_faulty(sim) && sim_below(sim, 4) == 0) { /* so that others have to take over */
        node->back_ms += (int64_t)sim_below(sim, AWAY_MAX_MS);
    }
    if (node->ops == NULL) {
        gate_destroy(sim, node);
    } else {
        node->ops->destroy(node->actor);
        node->actor = NULL;
        if (is_store(node)) {
            /* What was not committed is gone; MU_MEM_FAULT_DURABLE is the commit that outlives
             * its answer. */
            mu_mem_crash(sim->store, false);
        }
    }
    mu_bus_destroy(node->bus);
    node->bus = NULL;
    for (uint32_t i = 0; i < sim->brokers_count; i++) {
        hub_disconnect(sim, node, i);
    }
}

/* Drains for that long; again: the sooner counts. */
static void drain_within(struct sim *sim, struct node *node, uint64_t patience_ms)
{
    int64_t end_ms = sim->now_ms + (int64_t)patience_ms;
    bool first = !node->draining;
    node->end_ms = first || end_ms < node->end_ms ? end_ms : node->end_ms;
    node->draining = true;
    if (first) {
        struct mu_event ev = event(sim, MU_EV_DRAIN);
        sim_trace(sim, node->name, "drains");
        step(sim, node, &ev);
    }
}

void node_drain(struct sim *sim, struct node *node)
{
    assert(node->up && node->ops != NULL);
    drain_within(sim, node, sim->config.settings.drain_ms);
    if (node->up) {
        node_turn_soon(sim, node);
    }
}

/* The request that the host answers for its actor. */
static void take_drain(struct sim *sim, struct node *node, const struct mu_msg_envelope *envelope)
{
    uint64_t patience_ms = sim->scratch.drain.patience_ms;
    sim->scratch.op = MU_OP_DRAINING;
    memset(&sim->scratch.draining, 0, sizeof sim->scratch.draining);
    (void)snprintf(sim->scratch.draining.name, sizeof sim->scratch.draining.name, "%s", node->name);
    mu_outbox_reply(node->out, envelope, &sim->scratch);
    drain_within(sim, node, patience_ms > 0 ? patience_ms : sim->config.settings.drain_ms);
}

/* The orderly end of one that has drained, or whose time for that is over. */
static void end_drained(struct sim *sim, struct node *node)
{
    struct mu_event stop = event(sim, MU_EV_STOP);
    struct mu_event batch_end = event(sim, MU_EV_BATCH_END);
    bool drained = node->ops->drained(node->actor);
    step(sim, node, &stop);
    if (node->up) {
        step(sim, node, &batch_end);
    }
    if (node->up) {
        flush(sim, node);
        mu_bus_bye(node->bus, "stopping");
        node_die(sim, node, drained ? "drained" : "asked to end");
    }
}

static void run_turn(struct sim *sim, struct item *item)
{
    struct node *node = &sim->nodes[item->node];
    if (node->up && node->life == item->life) {
        node->turn_due = false;
        node_turn(sim, node);
    }
}

/* What has arrived is handled as one batch: a few packets may come before it ends. */
void node_turn_soon(struct sim *sim, struct node *node)
{
    if (!node->turn_due) {
        struct item *item =
            agenda_add(&sim->agenda, sim->now_ms + sim_below(sim, 3), NULL, 0, NULL, 0);
        item->run = run_turn;
        item->node = (uint32_t)(node - sim->nodes);
        item->life = node->life;
        node->turn_due = true;
    }
}

/* Tells the gateways how it goes, once a second. */
static void tell_stats(struct sim *sim, struct node *node)
{
    node->stats_ms = sim->now_ms + STATS_MS;
    sim->scratch.op = MU_OP_STATS;
    struct mu_msg_stats *stats = &sim->scratch.stats;
    memset(stats, 0, sizeof *stats);
    node->ops->stats(node->actor, sim->now_ms, stats);
    stats->epoch = node->ops->epoch(node->actor);
    stats->state = node->draining ? MU_LIFE_DRAINING : node->ops->life(node->actor);
    for (uint32_t i = 0; i < sim->brokers_count; i++) {
        stats->brokers |= (uint64_t)mu_bus_registered(node->bus, i) << i;
    }
    (void)snprintf(stats->name, sizeof stats->name, "%s", node->name);
    (void)snprintf(stats->build, sizeof stats->build, "%s", SIM_BUILD);
    mu_outbox_event(node->out, "*gateway", &sim->scratch);
}

/* The end of a batch: the actor's part. */
static void end_batch(struct sim *sim, struct node *node)
{
    if (node->ops == NULL) {
        gate_tick(sim, node);
        return;
    }
    if (node->ops->deadline(node->actor) <= sim->now_ms) {
        struct mu_event ev = event(sim, MU_EV_TIMER);
        step(sim, node, &ev);
    }
    if (node->up) {
        struct mu_event ev = event(sim, MU_EV_BATCH_END);
        step(sim, node, &ev);
    }
    if (node->up) {
        mu_bus_set_epoch(node->bus, node->ops->epoch(node->actor));
        if (sim_random(sim, SIM_CHECK_EVERY) == 0) {
            node->ops->check(node->actor);
            mu_bus_check(node->bus);
        }
        if (node->stats_ms <= sim->now_ms) {
            tell_stats(sim, node);
        }
    }
}

void node_turn(struct sim *sim, struct node *node)
{
    if (node->still_until_ms > sim->now_ms) {
        return;
    }
    node->last_turn_ms = sim->now_ms;
    end_batch(sim, node);
    if (!node->up) {
        return;
    }
    flush(sim, node);
    mu_bus_handled(node->bus);
    uint32_t reopen = mu_bus_tick(node->bus, sim->now_ms);
    for (uint32_t i = 0; i < sim->brokers_count; i++) {
        if ((reopen & 1u << i) != 0) {
            hub_disconnect(sim, node, i);
            hub_connect(sim, node, i);
        }
    }
    if (mu_bus_superseded(node->bus)) {
        node_die(sim, node, "superseded");
    } else if (node->draining && (node->ops->drained(node->actor) || node->end_ms <= sim->now_ms)) {
        end_drained(sim, node);
    } else if (node->ops == NULL || node->ops->epoch(node->actor) > 0) {
        node->deaths = 0;
    }
}

int64_t node_deadline(const struct sim *sim, const struct node *node)
{
    if (!node->up) {
        return node->back_ms;
    }
    int64_t actor = node->ops != NULL ? node->ops->deadline(node->actor) : gate_deadline(node);
    int64_t bus = mu_bus_deadline(node->bus);
    int64_t at = actor < bus ? actor : bus;
    at = node->ops != NULL && node->stats_ms < at ? node->stats_ms : at;
    at = node->draining && node->end_ms < at ? node->end_ms : at;
    if (at <= node->last_turn_ms) {
        at = node->last_turn_ms + 1; /* virtual time has to go on */
    }
    (void)sim;
    return at > node->still_until_ms ? at : node->still_until_ms;
}

/* A packet of a connection that the node still has; it is a batch with those that come at once. */
static void arrive(struct sim *sim, struct node *node, struct item *item)
{
    struct mu_slice header = { item->bytes, item->sizes[0] };
    struct mu_slice body = { item->bytes + item->sizes[0], item->sizes[1] };
    const struct mu_msg_envelope *envelope =
        mu_bus_receive(node->bus, item->broker, sim->now_ms, header, body);
    node_turn_soon(sim, node);
    if (envelope == NULL) {
        return;
    }
    if (mu_msg_decode(sim->decoder, (uint32_t)envelope->op, body.data, body.size, &sim->scratch) !=
        0) {
        mu_bus_garbage(node->bus);
        return;
    }
    if (node->ops == NULL) {
        gate_event(sim, node, envelope, &sim->scratch);
        return;
    }
    if (is_store(node)) {
        checks_asked(sim, envelope);
    }
    struct mu_event ev = event(sim, MU_EV_MESSAGE);
    ev.envelope = envelope;
    ev.msg = &sim->scratch;
    if (envelope->op == MU_OP_DRAIN && envelope->frame == MU_FRAME_REQUEST) {
        take_drain(sim, node, envelope);
    } else {
        step(sim, node, &ev);
    }
    if (node->up && mu_outbox_full(node->out)) {
        node_turn(sim, node);
    }
}

void node_receive(struct sim *sim, struct item *item)
{
    struct node *node = &sim->nodes[item->node];
    if (!node->up || node->life != item->life ||
        node->links[item->broker].connection != item->peer) {
        return;
    }
    if (node->still_until_ms > sim->now_ms) { /* it waits in the socket */
        agenda_again(&sim->agenda, node->still_until_ms, item);
    } else {
        arrive(sim, node, item);
    }
}
