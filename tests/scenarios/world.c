/* tests/scenarios/world.c - the processes of a scenario, and time. */
#include "world.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../sim/checks.h"
#include "actors/lobby.h"
#include "actors/matcher.h"
#include "actors/queue.h"
#include "actors/store.h"
#include "core/address.h"
#include "core/parse.h"
#include "gateway/gateway.h"

enum { SEED = 1, WAIT_MAX_MS = 86400000 };

/* The defaults that people get, but for what costs time or is there to slow clients down. */
static void configure(struct sim *sim)
{
    struct mu_config *config = &sim->config;
    mu_config_default(config);
    struct mu_settings *s = &config->settings;
    s->rate_ip_per_minute = 0;
    s->rate_player_per_hour = 0;
    s->rate_socket_per_second = 0;
    s->password_memory_kib = 8;
    s->password_passes = 1;
    s->tickets_max = 1000;
    mu_config_seal(config);
}

void world_brokers(struct world *world, uint32_t count)
{
    hub_create(&world->sim, count);
    for (uint32_t i = 0; i < count; i++) {
        world->sim.brokers[i].back_ms = MU_NEVER;
    }
}

static void populate(struct sim *sim)
{
    char name[MU_ADDRESS_MAX + 1];
    (void)sim_add_node(sim, &mu_store_actor_ops, "store", "");
    for (uint32_t i = 0; i < sim->config.regions_count; i++) {
        mu_address_queue(sim->config.regions[i].name, name);
        (void)sim_add_node(sim, &mu_queue_ops, name, name);
    }
    (void)sim_add_node(sim, &mu_lobby_ops, "lobby/0", "lobby/0");
    (void)sim_add_node(sim, &mu_queue_ops, "queue/eu-west-1#2", "queue/eu-west-1");
    (void)sim_add_node(sim, &mu_lobby_ops, "lobby/0#2", "lobby/0");
    for (uint32_t i = 0; i < 2; i++) {
        (void)snprintf(name, sizeof name, "matcher-%" PRIu32, i);
        (void)sim_add_node(sim, &mu_matcher_ops, name, "");
        (void)snprintf(name, sizeof name, "gateway-%" PRIu32, i);
        (void)sim_add_node(sim, NULL, name, "");
    }
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        sim->nodes[i].back_ms = MU_NEVER;
    }
}

static struct world *world_of(struct sim *sim)
{
    return (struct world *)(void *)sim; /* its first member */
}

/* The sender of a message that it was not to send is dead before it was sent. */
static void die_of_it(struct sim *sim, struct item *item)
{
    struct node *node = &sim->nodes[item->node];
    node_die(sim, node, "killed");
    node->back_ms = MU_NEVER;
}

/* Whether a message is one that a rule says is lost; `from` is its sender, `to` whom it reaches
 * or, on its way to the broker, SIM_NOBODY. */
static bool rule_takes(struct world *world, uint32_t from, uint32_t to, uint64_t op)
{
    for (uint32_t i = 0; i < world->rules_count; i++) {
        struct rule *rule = &world->rules[i];
        bool applies = rule->from == from && rule->to == to && rule->left > 0;
        if (!applies || (uint64_t)rule->op != op) {
            continue;
        }
        if (to != SIM_NOBODY) {
            rule->left--;
            world_say(world, "* %s to %s is lost: %s", world->sim.nodes[from].name,
                      world->sim.nodes[to].name, mu_msg_layout(rule->op)->name);
            return true;
        }
        rule->left = 0;
        struct item *item = agenda_add(&world->sim.agenda, world->sim.now_ms, NULL, 0, NULL, 0);
        item->run = die_of_it;
        item->node = from;
        world->sim.nodes[from].cut_until_ms = world->sim.now_ms + 1; /* nothing leaves any more */
        return true;
    }
    return false;
}

static bool loses(struct sim *sim, const struct node *node, enum direction direction,
                  struct mu_slice header)
{
    static const enum mu_op envelope = MU_OP_ENVELOPE;
    struct world *world = world_of(sim);
    struct mu_msg msg;
    if (world->rules_count == 0 ||
        mu_msg_decode(sim->decoder, envelope, header.data, header.size, &msg) != 0) {
        return false;
    }
    uint32_t index = (uint32_t)(node - sim->nodes);
    if (direction == UP) {
        return rule_takes(world, index, SIM_NOBODY, msg.envelope.op);
    }
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        if (sim->nodes[i].up && sim->nodes[i].life == msg.envelope.incarnation) {
            return rule_takes(world, i, index, msg.envelope.op);
        }
    }
    return false;
}

static void noted(struct sim *sim, const struct node *node, const char *text)
{
    struct world *world = world_of(sim);
    if (world->notes_count == WORLD_NOTES_MAX) {
        sim_fail(sim, "too many notes");
        return;
    }
    struct note *note = &world->notes[world->notes_count++];
    note->node = (uint32_t)(node - sim->nodes);
    (void)snprintf(note->text, sizeof note->text, "%s", text);
}

void world_init(struct world *world, bool verbose)
{
    static const struct sim_plan plan = {
        .steady = true,
        .configure = configure,
        .populate = populate,
        .loses = loses,
        .noted = noted,
    };
    memset(world, 0, sizeof *world);
    sim_init(&world->sim, SEED, verbose, &plan);
    world_brokers(world, 1);
    world->trace.wall_ms = sim_wall(&world->sim);
}

void world_release(struct world *world)
{
    cast_release(world);
    sim_release(&world->sim);
    trace_release(&world->trace);
}

bool world_fail(struct world *world, const char *format, ...)
{
    if (world->error[0] == '\0') {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(world->error, sizeof world->error, format, args);
        va_end(args);
    }
    return false;
}

/* Processes that died by themselves stand in the trace, as those that were killed. */
static void tell_deaths(struct world *world)
{
    struct sim *sim = &world->sim;
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        if (world->was_up[i] && !sim->nodes[i].up) {
            const struct node *node = &sim->nodes[i];
            world_say(world, "* %s %s", node->name, node->draining ? "ends" : "dies");
        }
        world->was_up[i] = sim->nodes[i].up;
    }
}

bool world_wait(struct world *world, int64_t ms, world_met_fn *met, void *context)
{
    struct sim *sim = &world->sim;
    int64_t end_ms = sim->now_ms + ms;
    for (;;) {
        tell_deaths(world);
        if (sim->bad[0] != '\0') {
            return world_fail(world, "%s", sim->bad);
        }
        if (met != NULL && met(world, context)) {
            return true;
        }
        if (!sim_step(sim, end_ms + 1)) {
            sim->now_ms = end_ms;
            return false;
        }
    }
}

bool world_duration(struct world *world, const char *text, int64_t *ret_ms)
{
    return mu_parse_duration(text, 1, WAIT_MAX_MS, ret_ms) == 0 ||
           world_fail(world, "\"%s\" is no duration, as 500ms or 3s", text);
}

struct node *world_node(struct world *world, const char *name)
{
    struct sim *sim = &world->sim;
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        if (strcmp(sim->nodes[i].name, name) == 0) {
            return &sim->nodes[i];
        }
    }
    (void)world_fail(world, "there is no process \"%s\"", name);
    return NULL;
}

struct broker *world_broker(struct world *world, const char *name)
{
    struct sim *sim = &world->sim;
    for (uint32_t i = 0; i < sim->brokers_count; i++) {
        if (strcmp(sim->brokers[i].name, name) == 0) {
            return &sim->brokers[i];
        }
    }
    return NULL;
}

/* Starts what is down; to start what runs already is a mistake in the scenario. */
static bool start(struct world *world, const char *name)
{
    struct sim *sim = &world->sim;
    world->started = true;
    struct broker *broker = world_broker(world, name);
    if (broker != NULL && broker->router == NULL) {
        hub_start(sim, broker);
        return true;
    }
    if (broker != NULL) {
        return world_fail(world, "%s runs already", name);
    }
    struct node *node = world_node(world, name);
    if (node == NULL) {
        return false;
    }
    if (node->up) {
        return world_fail(world, "%s runs already", name);
    }
    node_start(sim, node);
    world->was_up[node - sim->nodes] = node->up;
    return true;
}

static bool stop(struct world *world, const char *name)
{
    struct sim *sim = &world->sim;
    struct broker *broker = world_broker(world, name);
    if (broker != NULL && broker->router != NULL) {
        hub_die(sim, broker);
        broker->back_ms = MU_NEVER;
        world_say(world, "* %s dies", name);
        return true;
    }
    struct node *node = broker != NULL ? NULL : world_node(world, name);
    if (node == NULL || !node->up) {
        return world_fail(world, "%s does not run", name);
    }
    node_die(sim, node, "killed");
    node->back_ms = MU_NEVER;
    tell_deaths(world);
    return true;
}

bool world_start(struct world *world, const struct words *words)
{
    struct sim *sim = &world->sim;
    bool ok = true;
    for (uint32_t i = 1; i < words->count && ok; i++) {
        ok = start(world, words->at[i]);
    }
    if (words->count > 1) {
        return ok;
    }
    for (uint32_t i = 0; i < sim->brokers_count && ok; i++) {
        ok = start(world, sim->brokers[i].name);
    }
    for (uint32_t i = 0; i < sim->nodes_count && ok; i++) {
        const char *name = sim->nodes[i].name;
        bool second = strcmp(name, "matcher-1") == 0 || strcmp(name, "gateway-1") == 0 ||
                      strstr(name, "#2") != NULL;
        ok = second || start(world, sim->nodes[i].name);
    }
    return ok;
}

bool world_kill(struct world *world, const struct words *words)
{
    struct member *member = words->count == 2 ? world_member(world, words->at[1]) : NULL;
    if (member != NULL && member->server) {
        member->silent = true;
        return true;
    }
    if (words->count == 2) {
        return stop(world, words->at[1]);
    }
    struct broker *broker = world_broker(world, words->at[1]);
    if (broker != NULL && words->count == 3 && strcmp(words->at[2], "silently") == 0) {
        broker->silent = stop(world, words->at[1]);
        return broker->silent;
    }
    return words->count == 4 && strcmp(words->at[2], "before") == 0
               ? world_drop(world, words)
               : world_fail(world,
                            "kill NODE [silently], kill SERVER or kill NODE before OPERATION");
}

bool world_restart(struct world *world, const struct words *words)
{
    if (words->count != 2) {
        return world_fail(world, "restart NODE or restart SERVER");
    }
    struct member *member = world_member(world, words->at[1]);
    if (member != NULL && member->server) {
        member->silent = false;
        return true;
    }
    return stop(world, words->at[1]) && start(world, words->at[1]);
}

static bool is_down(struct world *world, void *context)
{
    const struct node *node = context;
    (void)world;
    return !node->up;
}

/* drain NODE: it hands over what it has; waits for its end. */
bool world_drain(struct world *world, const struct words *words)
{
    struct node *node = words->count == 2 ? world_node(world, words->at[1]) : NULL;
    if (node == NULL || !node->up || node->ops == NULL) {
        return world_fail(world, "drain NODE, an actor that runs");
    }
    int64_t patience_ms = (int64_t)world->sim.config.settings.drain_ms + 1000;
    node_drain(&world->sim, node);
    bool ended = world_wait(world, patience_ms, is_down, node);
    node->back_ms = MU_NEVER;
    return ended || world_fail(world, "%s does not end", node->name);
}

bool world_advance(struct world *world, const struct words *words)
{
    int64_t ms;
    if (words->count != 2) {
        return world_fail(world, "advance DURATION");
    }
    if (!world_duration(world, words->at[1], &ms)) {
        return false;
    }
    (void)world_wait(world, ms, NULL, NULL); /* nothing is waited for but time */
    return world->error[0] == '\0';
}

bool world_check(struct world *world, const struct words *words)
{
    struct sim *sim = &world->sim;
    (void)words;
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        const struct node *node = &sim->nodes[i];
        if (node->up && node->ops != NULL) {
            node->ops->check(node->actor);
        } else if (node->up) {
            mu_gateway_check(node->gateway);
        }
    }
    checks_final(sim);
    return sim->bad[0] == '\0' || world_fail(world, "%s", sim->bad);
}
