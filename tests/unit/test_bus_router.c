/* tests/unit/test_bus_router.c - buses and routers together, on a bad network, in virtual time.
 *
 * Two brokers, two gateways, three workers and an owner of a partition.  While it storms, frames
 * are lost, repeated and late, brokers and processes start anew.  All the time: every invariant
 * holds, nobody gets a message twice, a reply only reaches the process that asked.  After the
 * storm: everybody is registered everywhere, and every request is answered. */
#include "broker/router.h"
#include "core/bus.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum {
    BROKERS = 2,
    NODES = 6,
    GATEWAYS = 2, /* nodes 0 and 1; 5 owns the partition; the others are workers */
    OWNER = 5,
    CONNECTIONS = 64, /* peer numbers of a broker */
    FLIGHT_MAX = 20000,
    FRAME_MAX = 640,
    STORM_MS = 12000,
    CALM_MS = 12000,
    INCARNATIONS_MAX = 300, /* processes of all kinds in one run */
    SEQUENCES_MAX = 4096,   /* messages of each */
};

/* A frame that is under way. */
struct flight {
    int64_t at_ms;
    uint64_t order;
    bool up; /* from node to broker */
    uint32_t broker;
    uint32_t node;
    uint32_t connection; /* of that node with that broker, as it was sent */
    uint32_t header_bytes;
    uint32_t body_bytes;
    uint8_t bytes[FRAME_MAX];
};

struct node {
    struct mu_bus *bus;
    uint64_t incarnation;
    uint64_t sequence;
    uint64_t epoch;
    uint32_t connection[BROKERS]; /* peer number there, or CONNECTIONS: none */
    uint64_t first;               /* sequence of the first request in the calm; 0: none yet */
    uint32_t asked;               /* requests in the calm */
    uint32_t answered;
};

struct world {
    int64_t now_ms;
    uint64_t order;
    uint64_t incarnations;
    bool storm;
    uint32_t delivered;
    struct mu_router *routers[BROKERS];
    uint32_t node_of[BROKERS][CONNECTIONS]; /* NODES: free */
    struct node nodes[NODES];
    bool seen[NODES][INCARNATIONS_MAX][SEQUENCES_MAX]; /* what each node was handed */
    uint32_t flights_count;
    struct flight flights[FLIGHT_MAX];
};

static struct mu_rng rng;

/* What the callbacks of a node or broker need. */
struct end {
    struct world *world;
    uint32_t index;
};

static struct end node_ends[NODES];
static struct end broker_ends[BROKERS];

static void post(struct world *world, const struct flight *flight, struct mu_slice header,
                 struct mu_slice body)
{
    uint32_t copies = 1;
    if (world->storm) {
        copies = mu_rng_chance_ppm(&rng, 80000) ? 0 : mu_rng_chance_ppm(&rng, 80000) ? 2 : 1;
    }
    for (uint32_t i = 0; i < copies; i++) {
        assert_true(world->flights_count < FLIGHT_MAX);
        struct flight *at = &world->flights[world->flights_count++];
        *at = *flight;
        at->order = world->order++;
        at->at_ms = world->now_ms + 1;
        if (world->storm) {
            at->at_ms += (int64_t)mu_rng_below(&rng, mu_rng_chance_ppm(&rng, 50000) ? 800 : 20);
        }
        assert_true(header.size + body.size <= FRAME_MAX);
        at->header_bytes = header.size;
        at->body_bytes = body.size;
        memcpy(at->bytes, header.data, header.size);
        memcpy(at->bytes + header.size, body.data, body.size);
    }
}

static int emit(void *context, uint32_t broker, struct mu_slice header, struct mu_slice body)
{
    const struct end *end = context;
    struct world *world = end->world;
    uint32_t connection = world->nodes[end->index].connection[broker];
    if (connection == CONNECTIONS || (world->storm && mu_rng_chance_ppm(&rng, 20000))) {
        return -EAGAIN;
    }
    post(world,
         &(struct flight){
             .up = true, .broker = broker, .node = end->index, .connection = connection },
         header, body);
    return 0;
}

static int sink(void *context, uint32_t peer, struct mu_slice header, struct mu_slice body)
{
    const struct end *end = context;
    struct world *world = end->world;
    uint32_t node = world->node_of[end->index][peer];
    if (node == NODES) {
        return -EHOSTUNREACH;
    }
    if (world->storm && mu_rng_chance_ppm(&rng, 20000)) {
        return -EAGAIN;
    }
    post(world,
         &(struct flight){ .up = false, .broker = end->index, .node = node, .connection = peer },
         header, body);
    return 0;
}

/* The router forgets a connection; the node may still use it, and then is asked WHO. */
static void gone(void *context, uint32_t peer)
{
    (void)context;
    assert_true(peer < CONNECTIONS);
}

static void start_router(struct world *world, uint32_t i)
{
    mu_router_destroy(world->routers[i]);
    broker_ends[i] = (struct end){ world, i };
    const struct mu_router_options options = {
        .incarnation = ++world->incarnations,
        .seed = mu_rng_next(&rng),
        .peers_max = CONNECTIONS,
        .destinations_max = 8,
        .players_max = 50,
        .queue_messages = 32,
        .queue_bytes = 32768,
        .heartbeat_ms = 500,
        .missed_max = 4,
        .sink = sink,
        .gone = gone,
        .context = &broker_ends[i],
    };
    world->routers[i] = mu_router_create(&options);
    assert_non_null(world->routers[i]);
}

static void start_node(struct world *world, uint32_t i)
{
    struct node *node = &world->nodes[i];
    mu_bus_destroy(node->bus);
    uint64_t epoch = node->epoch;
    *node = (struct node){ .incarnation = ++world->incarnations, .epoch = epoch + 1 };
    node_ends[i] = (struct end){ world, i };
    memset(world->seen[i], 0, sizeof world->seen[i]);
    for (uint32_t b = 0; b < BROKERS; b++) {
        node->connection[b] = CONNECTIONS;
        for (uint32_t c = 0; c < CONNECTIONS; c++) {
            if (world->node_of[b][c] == i) {
                world->node_of[b][c] = NODES;
            }
        }
    }
    const struct mu_bus_options options = {
        .service = i < GATEWAYS ? "gateway"
                   : i == OWNER ? "queue"
                                : "worker",
        .partition = i == OWNER ? "queue/eu" : "",
        .build = "test",
        .incarnation = node->incarnation,
        .seed = mu_rng_next(&rng),
        .credit = 4,
        .heartbeat_ms = 500,
        .missed_max = 4,
        .brokers_count = BROKERS,
        .brokers = { "ipc://a", "ipc://b" },
        .emit = emit,
        .context = &node_ends[i],
    };
    node->bus = mu_bus_create(&options);
    assert_non_null(node->bus);
    mu_bus_set_epoch(node->bus, node->epoch);
}

/* A new connection; the number of one that is long gone is used again. */
static void connect_node(struct world *world, uint32_t i, uint32_t broker)
{
    struct node *node = &world->nodes[i];
    if (node->connection[broker] != CONNECTIONS) {
        world->node_of[broker][node->connection[broker]] = NODES;
    }
    uint32_t c = (uint32_t)(world->order % CONNECTIONS);
    while (world->node_of[broker][c] != NODES) {
        c = (c + 1) % CONNECTIONS;
    }
    mu_router_lost(world->routers[broker], c, world->now_ms);
    world->node_of[broker][c] = i;
    node->connection[broker] = c;
}

static struct mu_msg_envelope message(struct node *node, enum mu_frame frame, const char *to)
{
    struct mu_msg_envelope envelope = {
        .version = 1,
        .frame = frame,
        .op = MU_OP_TICKET_GET,
        .incarnation = node->incarnation,
        .sequence = ++node->sequence,
        .budget_ms = frame == MU_FRAME_REQUEST ? 3000 : 0,
    };
    (void)snprintf(envelope.destination, sizeof envelope.destination, "%s", to);
    return envelope;
}

static const struct mu_slice body = { (const uint8_t *)"\x91\xa0", 2 };

/* Nobody gets a message twice. */
static void expect_new(struct world *world, uint32_t node, const struct mu_msg_envelope *envelope)
{
    assert_true(envelope->incarnation < INCARNATIONS_MAX && envelope->sequence < SEQUENCES_MAX);
    bool *seen = &world->seen[node][envelope->incarnation][envelope->sequence];
    assert_false(*seen && envelope->sequence > 0);
    *seen = true;
}

static void deliver_down(struct world *world, struct flight *flight)
{
    struct node *node = &world->nodes[flight->node];
    struct mu_slice header = { flight->bytes, flight->header_bytes };
    struct mu_slice content = { flight->bytes + flight->header_bytes, flight->body_bytes };
    if (node->connection[flight->broker] != flight->connection) {
        return; /* that connection was closed */
    }
    const struct mu_msg_envelope *got =
        mu_bus_receive(node->bus, flight->broker, world->now_ms, header, content);
    if (got == NULL) {
        return;
    }
    world->delivered++;
    expect_new(world, flight->node, got);
    if (got->frame == MU_FRAME_REPLY) {
        assert_int_equal(got->answers_incarnation, node->incarnation);
        node->answered +=
            node->first > 0 && got->answers_sequence >= node->first && got->op != MU_OP_ERROR;
    } else if (got->frame == MU_FRAME_REQUEST) {
        assert_true(flight->node >= GATEWAYS);
        assert_true(got->budget_ms > 0 && got->budget_ms <= 3000);
        struct mu_msg_envelope reply = message(node, MU_FRAME_REPLY, got->source);
        reply.answers_incarnation = got->incarnation;
        reply.answers_sequence = got->sequence;
        (void)mu_bus_send(node->bus, world->now_ms, &reply, body); /* full: the asker retries */
    }
}

static void deliver(struct world *world, struct flight *flight)
{
    if (!flight->up) {
        deliver_down(world, flight);
    } else if (world->node_of[flight->broker][flight->connection] == flight->node) {
        mu_router_receive(
            world->routers[flight->broker], flight->connection, world->now_ms,
            (struct mu_slice){ flight->bytes, flight->header_bytes },
            (struct mu_slice){ flight->bytes + flight->header_bytes, flight->body_bytes });
    }
}

/* Delivers all that is due, in order of time, then of sending. */
static void deliver_due(struct world *world)
{
    for (;;) {
        uint32_t best = world->flights_count;
        for (uint32_t i = 0; i < world->flights_count; i++) {
            const struct flight *at = &world->flights[i];
            const struct flight *other = best < world->flights_count ? &world->flights[best] : NULL;
            if (at->at_ms <= world->now_ms &&
                (other == NULL || at->at_ms < other->at_ms ||
                 (at->at_ms == other->at_ms && at->order < other->order))) {
                best = i;
            }
        }
        if (best == world->flights_count) {
            return;
        }
        struct flight flight = world->flights[best];
        world->flights[best] = world->flights[--world->flights_count];
        deliver(world, &flight);
    }
}

static void ask(struct world *world, uint32_t gateway)
{
    static const char *const destinations[] = { "worker", "queue/eu" };
    struct node *node = &world->nodes[gateway];
    struct mu_msg_envelope request =
        message(node, MU_FRAME_REQUEST, destinations[mu_rng_below(&rng, 2)]);
    if (mu_bus_send(node->bus, world->now_ms, &request, body) == 0 && !world->storm) {
        node->asked++;
        node->first = node->first > 0 ? node->first : request.sequence;
    }
    if (mu_rng_chance_ppm(&rng, 100000)) {
        struct mu_msg_envelope event = message(node, MU_FRAME_EVENT, "*gateway");
        (void)mu_bus_send(node->bus, world->now_ms, &event, body); /* may be lost */
    }
}

static void tick(struct world *world)
{
    for (uint32_t i = 0; i < NODES; i++) {
        struct node *node = &world->nodes[i];
        mu_bus_handled(node->bus);
        uint32_t reopen = mu_bus_tick(node->bus, world->now_ms);
        for (uint32_t b = 0; b < BROKERS; b++) {
            if ((reopen & 1u << b) != 0) {
                connect_node(world, i, b);
            }
        }
        mu_bus_check(node->bus);
    }
    for (uint32_t b = 0; b < BROKERS; b++) {
        mu_router_tick(world->routers[b], world->now_ms);
        mu_router_check(world->routers[b]);
    }
}

static void run(struct world *world, int64_t until_ms, uint32_t asks_ppm)
{
    for (; world->now_ms < until_ms; world->now_ms += 5) {
        deliver_due(world);
        for (uint32_t g = 0; g < GATEWAYS; g++) {
            if (mu_rng_chance_ppm(&rng, asks_ppm)) {
                ask(world, g);
            }
        }
        if (world->storm && mu_rng_chance_ppm(&rng, 1500)) {
            start_router(world, (uint32_t)mu_rng_below(&rng, BROKERS));
        }
        if (world->storm && mu_rng_chance_ppm(&rng, 1500)) {
            start_node(world, (uint32_t)mu_rng_below(&rng, NODES));
        }
        tick(world);
    }
}

static void test_weathers_a_storm(void **state)
{
    (void)state;
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->incarnations = 1;
    for (uint32_t b = 0; b < BROKERS; b++) {
        for (uint32_t c = 0; c < CONNECTIONS; c++) {
            world->node_of[b][c] = NODES;
        }
        start_router(world, b);
    }
    for (uint32_t i = 0; i < NODES; i++) {
        start_node(world, i);
    }
    world->storm = true;
    run(world, STORM_MS, 100000);
    uint32_t in_storm = world->delivered;
    world->storm = false;
    run(world, STORM_MS + CALM_MS / 2, 0);
    for (uint32_t i = 0; i < NODES; i++) {
        for (uint32_t b = 0; b < BROKERS; b++) {
            assert_true(mu_bus_registered(world->nodes[i].bus, b));
        }
    }
    run(world, STORM_MS + CALM_MS, 100000);
    run(world, STORM_MS + CALM_MS + 3000, 0);
    for (uint32_t g = 0; g < GATEWAYS; g++) {
        assert_true(world->nodes[g].asked > 50);
        assert_int_equal(world->nodes[g].answered, world->nodes[g].asked);
    }
    assert_true(in_storm > 100);
    for (uint32_t i = 0; i < NODES; i++) {
        mu_bus_destroy(world->nodes[i].bus);
    }
    for (uint32_t b = 0; b < BROKERS; b++) {
        mu_router_destroy(world->routers[b]);
    }
    free(world);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_weathers_a_storm) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
