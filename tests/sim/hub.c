/* tests/sim/hub.c - the brokers, and the connections of the nodes to them. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "broker/router.h"
#include "sim.h"

enum { PLAYERS_MAX = 1000, RESTART_MS = 300, GARBAGE_BYTES = 64 };
enum { GARBAGE_PEER = SIM_CONNECTIONS - 1 }; /* the connection of nobody's bytes */

static uint32_t index_of(const struct broker *broker)
{
    return (uint32_t)(broker - broker->sim->brokers);
}

void hub_create(struct sim *sim, uint32_t count)
{
    assert(count >= 1 && count <= SIM_BROKERS_MAX);
    sim->brokers_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct broker *broker = &sim->brokers[i];
        *broker = (struct broker){ .sim = sim, .back_ms = sim->now_ms };
        (void)snprintf(broker->name, sizeof broker->name, count == 1 ? "broker" : "broker-%u", i);
        memset(broker->connections, 0xff, sizeof broker->connections);
    }
}

/* Whether a peer number belongs to a node that still has that connection. */
static bool is_live(const struct broker *broker, uint32_t peer)
{
    uint32_t index = broker->connections[peer];
    return index != SIM_NOBODY &&
           broker->sim->nodes[index].links[index_of(broker)].connection == peer;
}

static void arrive(struct sim *sim, struct item *item)
{
    struct broker *broker = &sim->brokers[item->broker];
    struct mu_slice header = { item->bytes, item->sizes[0] };
    struct mu_slice body = { item->bytes + item->sizes[0], item->sizes[1] };
    sim->events++;
    const struct node *node = &sim->nodes[item->node];
    mu_router_identify(broker->router, item->peer, &node->who, mu_public_key_mark(node->key));
    mu_router_receive(broker->router, item->peer, sim->now_ms, header, body);
}

void hub_receive(struct sim *sim, struct item *item)
{
    const struct broker *broker = &sim->brokers[item->broker];
    if (broker->router == NULL || broker->life != item->life ||
        broker->connections[item->peer] != item->node) {
        return;
    }
    if (broker->still_until_ms > sim->now_ms) { /* it waits in the socket */
        agenda_again(&sim->agenda, broker->still_until_ms, item);
    } else {
        arrive(sim, item);
    }
}

int hub_send(struct sim *sim, struct node *node, uint32_t index, struct mu_slice header,
             struct mu_slice body)
{
    const struct broker *broker = &sim->brokers[index];
    const struct link *link = &node->links[index];
    const struct mu_slice packet[2] = { header, body };
    if (link->connection == SIM_NOBODY) {
        return -EAGAIN;
    }
    if (broker->router != NULL) {
        net_post(sim, node, index, UP, packet);
        return 0;
    }
    if (!broker->silent || link->life != broker->life) {
        return -EAGAIN;
    }
    sim->drops++; /* its machine is gone: nobody says that the connection is, too */
    return 0;
}

static int sink(void *context, uint32_t peer, struct mu_slice header, struct mu_slice body)
{
    struct broker *broker = context;
    const struct mu_slice packet[2] = { header, body };
    if (!is_live(broker, peer)) {
        return -EHOSTUNREACH;
    }
    net_post(broker->sim, &broker->sim->nodes[broker->connections[peer]], index_of(broker), DOWN,
             packet);
    return 0;
}

/* The router forgot the peer; a node that still has the connection may use it further: its next
 * frame makes it a new peer. */
static void gone(void *context, uint32_t peer)
{
    struct broker *broker = context;
    if (!is_live(broker, peer)) {
        broker->connections[peer] = SIM_NOBODY;
    }
}

/* What the cluster itself sends is never against the rules for roles. */
static void refused(void *context, uint32_t peer, const char *note)
{
    struct broker *broker = context;
    uint32_t index = broker->connections[peer];
    sim_fail(broker->sim, "%s refused %s: %s", broker->name,
             index == SIM_NOBODY ? "somebody" : broker->sim->nodes[index].name, note);
}

void hub_start(struct sim *sim, struct broker *broker)
{
    uint64_t incarnation = mu_rng_next(&sim->rng) | 1; /* first: an initialiser has no order */
    uint64_t seed = mu_rng_next(&sim->rng);
    struct mu_router_options options = {
        .incarnation = incarnation,
        .seed = seed,
        .peers_max = SIM_CONNECTIONS,
        .destinations_max = 32,
        .players_max = PLAYERS_MAX,
        .queue_messages = 256,
        .queue_bytes = 1024 * 1024,
        .heartbeat_ms = (uint32_t)sim->config.settings.heartbeat_ms,
        .missed_max = (uint32_t)sim->config.settings.heartbeats_missed_max,
        .keys = true,
        .sink = sink,
        .gone = gone,
        .note = refused,
        .context = broker,
    };
    for (uint32_t i = 0; i < SIM_CONNECTIONS; i++) { /* no router remembers the abandoned ones */
        gone(broker, i);
    }
    broker->life = mu_rng_next(&sim->rng) | 1;
    broker->router = mu_router_create(&options);
    assert(broker->router != NULL);
    sim_trace(sim, broker->name, "starts");
}

void hub_die(struct sim *sim, struct broker *broker)
{
    if (broker->router == NULL) {
        return;
    }
    broker->silent = sim_below(sim, 2) != 0;
    sim_trace(sim, broker->name, "DIES%s", broker->silent ? ", silently" : "");
    mu_router_destroy(broker->router);
    broker->router = NULL;
    broker->still_until_ms = 0;
    sim->kills++;
    broker->back_ms = sim->now_ms + 1 + sim_below(sim, RESTART_MS);
}

void hub_tick(struct sim *sim, struct broker *broker)
{
    if (broker->router == NULL) {
        hub_start(sim, broker);
        return;
    }
    mu_router_tick(broker->router, sim->now_ms);
    if (sim_random(sim, SIM_CHECK_EVERY) == 0) {
        mu_router_check(broker->router);
    }
}

int64_t hub_deadline(const struct broker *broker)
{
    int64_t at = broker->router != NULL ? mu_router_deadline(broker->router) : broker->back_ms;
    return at > broker->still_until_ms ? at : broker->still_until_ms;
}

void hub_connect(struct sim *sim, struct node *node, uint32_t index)
{
    struct broker *broker = &sim->brokers[index];
    struct link *link = &node->links[index];
    for (uint32_t i = 0; i < GARBAGE_PEER; i++) {
        if (broker->connections[i] == SIM_NOBODY) {
            broker->connections[i] = (uint32_t)(node - sim->nodes);
            link->connection = i;
            link->life = broker->router != NULL ? broker->life : 0;
            return;
        }
    }
    sim_fail(sim, "%s has no connection left: some process starts again and again", broker->name);
}

/* Half of the time the broker hears of it at once, else it has to find out by the silence. */
void hub_disconnect(struct sim *sim, struct node *node, uint32_t index)
{
    struct broker *broker = &sim->brokers[index];
    uint32_t connection = node->links[index].connection;
    node->links[index].connection = SIM_NOBODY;
    if (connection != SIM_NOBODY && broker->router != NULL && sim_below(sim, 2) == 0) {
        mu_router_lost(broker->router, connection, sim->now_ms);
        broker->connections[connection] = SIM_NOBODY;
    } else if (connection != SIM_NOBODY && broker->router == NULL) {
        broker->connections[connection] = SIM_NOBODY;
    }
}

/* Somebody sends a broker, or a broker's voice sends a node, bytes that mean nothing. */
void hub_garbage(struct sim *sim)
{
    static const struct mu_identity nobody = { .name = "nobody", .role = MU_PEER_ROLE_TOOL };
    uint8_t bytes[GARBAGE_BYTES];
    for (uint32_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)sim_random(sim, 256);
    }
    struct mu_slice header = { bytes, sim_random(sim, GARBAGE_BYTES / 2) };
    struct mu_slice body = { bytes + GARBAGE_BYTES / 2, sim_random(sim, GARBAGE_BYTES / 2) };
    struct node *node = &sim->nodes[sim_random(sim, sim->nodes_count)];
    uint32_t index = sim_random(sim, sim->brokers_count);
    struct broker *broker = &sim->brokers[index];
    if (sim_random(sim, 2) == 0 && node->up) {
        (void)mu_bus_receive(node->bus, index, sim->now_ms, header, body);
    } else if (broker->router != NULL) {
        mu_router_identify(broker->router, GARBAGE_PEER, &nobody, 0);
        mu_router_receive(broker->router, GARBAGE_PEER, sim->now_ms, header, body);
    }
}
