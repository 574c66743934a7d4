/* tests/sim/hub.c - the broker, and the faulty network between it and the nodes. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "broker/router.h"
#include "sim.h"

enum { PLAYERS_MAX = 1000, RESTART_MS = 300, GARBAGE_BYTES = 64 };
enum { GARBAGE_PEER = SIM_CONNECTIONS - 1 }; /* the connection of nobody's bytes */

/* A packet arrives at a node, if the connection it came by still is. */
static void to_node(struct sim *sim, struct item *item)
{
    struct node *node = &sim->nodes[item->node];
    if (!node->up || node->life != item->life || node->connection != item->peer) {
        return;
    }
    if (node->still_until_ms > sim->now_ms) { /* it waits in the socket */
        struct item *again =
            agenda_add(&sim->agenda, node->still_until_ms, item->bytes, item->sizes[0],
                       item->bytes + item->sizes[0], item->sizes[1]);
        again->run = to_node;
        again->node = item->node;
        again->peer = item->peer;
        again->life = item->life;
        return;
    }
    struct mu_slice header = { item->bytes, item->sizes[0] };
    struct mu_slice body = { item->bytes + item->sizes[0], item->sizes[1] };
    node_receive(sim, node, header, body);
}

static void to_router(struct sim *sim, struct item *item)
{
    if (sim->router == NULL || sim->router_life != item->life ||
        sim->connections[item->peer] != item->node) {
        return;
    }
    sim->events++;
    struct mu_slice header = { item->bytes, item->sizes[0] };
    struct mu_slice body = { item->bytes + item->sizes[0], item->sizes[1] };
    mu_router_identify(sim->router, item->peer, &sim->nodes[item->node].who);
    mu_router_receive(sim->router, item->peer, sim->now_ms, header, body);
}

/* Puts a packet of the link between `node` and the broker on its way: none, one or two times. */
static void post(struct sim *sim, const struct node *node, bool up, struct mu_slice header,
                 struct mu_slice body)
{
    bool lost = sim->plan->loses != NULL && sim->plan->loses(sim, node, up, header);
    if (lost || node->cut_until_ms > sim->now_ms ||
        (sim_faulty(sim) && sim_chance(sim, sim->faults.drop_ppm))) {
        sim->drops++;
        return;
    }
    int copies = sim_faulty(sim) && sim_chance(sim, sim->faults.repeat_ppm) ? 2 : 1;
    for (; copies > 0; copies--) {
        uint32_t delay = sim_faulty(sim) ? sim_below(sim, sim->faults.delay_max_ms + 1) : 0;
        struct item *item = agenda_add(&sim->agenda, sim->now_ms + delay, header.data, header.size,
                                       body.data, body.size);
        item->run = up ? to_router : to_node;
        item->node = (uint32_t)(node - sim->nodes);
        item->peer = node->connection;
        item->life = up ? sim->router_life : node->life;
    }
}

int hub_send(struct sim *sim, struct node *node, struct mu_slice header, struct mu_slice body)
{
    if (node->connection == SIM_NOBODY || sim->router == NULL) {
        return -EAGAIN;
    }
    post(sim, node, true, header, body);
    return 0;
}

static int sink(void *context, uint32_t peer, struct mu_slice header, struct mu_slice body)
{
    struct sim *sim = context;
    uint32_t index = sim->connections[peer];
    if (index == SIM_NOBODY || sim->nodes[index].connection != peer) {
        return -EHOSTUNREACH;
    }
    post(sim, &sim->nodes[index], false, header, body);
    return 0;
}

/* The router forgot the peer; a node that still has the connection may use it further: its next
 * frame makes it a new peer. */
static void gone(void *context, uint32_t peer)
{
    struct sim *sim = context;
    uint32_t index = sim->connections[peer];
    if (index != SIM_NOBODY && sim->nodes[index].connection != peer) {
        sim->connections[peer] = SIM_NOBODY;
    }
}

/* What the cluster itself sends is never against the rules for roles. */
static void refused(void *context, uint32_t peer, const char *note)
{
    struct sim *sim = context;
    uint32_t index = sim->connections[peer];
    sim_fail(sim, "the broker refused %s: %s",
             index == SIM_NOBODY ? "somebody" : sim->nodes[index].name, note);
}

void hub_start(struct sim *sim)
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
        .context = sim,
    };
    for (uint32_t i = 0; i < SIM_CONNECTIONS; i++) { /* no router remembers the abandoned ones */
        uint32_t index = sim->connections[i];
        if (index != SIM_NOBODY && sim->nodes[index].connection != i) {
            sim->connections[i] = SIM_NOBODY;
        }
    }
    sim->router_life = mu_rng_next(&sim->rng) | 1;
    sim->router = mu_router_create(&options);
    assert(sim->router != NULL);
    sim_trace(sim, "broker", "starts");
}

void hub_die(struct sim *sim)
{
    if (sim->router == NULL) {
        return;
    }
    sim_trace(sim, "broker", "DIES");
    mu_router_destroy(sim->router);
    sim->router = NULL;
    sim->kills++;
    sim->router_back_ms = sim->now_ms + 1 + sim_below(sim, RESTART_MS);
}

void hub_connect(struct sim *sim, struct node *node)
{
    for (uint32_t i = 0; i < GARBAGE_PEER; i++) {
        if (sim->connections[i] == SIM_NOBODY) {
            sim->connections[i] = (uint32_t)(node - sim->nodes);
            node->connection = i;
            return;
        }
    }
    assert(false); /* the router forgets silent peers long before */
}

/* Half of the time the broker hears of it at once, else it has to find out by the silence. */
void hub_disconnect(struct sim *sim, struct node *node)
{
    uint32_t connection = node->connection;
    node->connection = SIM_NOBODY;
    if (connection != SIM_NOBODY && sim->router != NULL && sim_below(sim, 2) == 0) {
        mu_router_lost(sim->router, connection, sim->now_ms);
        sim->connections[connection] = SIM_NOBODY;
    } else if (connection != SIM_NOBODY && sim->router == NULL) {
        sim->connections[connection] = SIM_NOBODY;
    }
}

/* Somebody sends the broker, or the broker's voice sends a node, bytes that mean nothing. */
void hub_garbage(struct sim *sim)
{
    uint8_t bytes[GARBAGE_BYTES];
    for (uint32_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)sim_random(sim, 256);
    }
    struct mu_slice header = { bytes, sim_random(sim, GARBAGE_BYTES / 2) };
    struct mu_slice body = { bytes + GARBAGE_BYTES / 2, sim_random(sim, GARBAGE_BYTES / 2) };
    static const struct mu_identity nobody = { .name = "nobody", .role = MU_PEER_ROLE_TOOL };
    struct node *node = &sim->nodes[sim_random(sim, sim->nodes_count)];
    if (sim_random(sim, 2) == 0 && node->up) {
        (void)mu_bus_receive(node->bus, 0, sim->now_ms, header, body);
    } else if (sim->router != NULL) {
        mu_router_identify(sim->router, GARBAGE_PEER, &nobody);
        mu_router_receive(sim->router, GARBAGE_PEER, sim->now_ms, header, body);
    }
}
