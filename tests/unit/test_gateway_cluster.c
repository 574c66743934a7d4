/* tests/unit/test_gateway_cluster.c - what operators see of the cluster, and how they end parts of
 * it: /v1/admin/cluster, /v1/admin/drain, and a gateway that is asked to end itself. */
#include <string.h>

#include "tests/unit/rig.h"

static uint64_t seed;

static int setup(void **state)
{
    *state = rig_create(seed, true);
    return 0;
}

static int teardown(void **state)
{
    rig_destroy(*state);
    return 0;
}

/* One process. */
struct member {
    const char *source;
    const char *kind;
    const char *partition;
    const char *name;
    const char *build;
    uint64_t epoch;
    enum mu_life state;
    bool ready;
    uint32_t brokers;
};

/* It says how it is, and by which configuration it runs (0: not that); a shard has a queue of seven
 * tickets. */
static void hear_by(struct rig *rig, const struct member *member, uint64_t config_hash)
{
    struct mu_msg_envelope envelope = { .version = 1, .frame = MU_FRAME_EVENT, .op = MU_OP_STATS };
    struct mu_msg_stats *stats = &rig->answer.stats;
    rig->answer.op = MU_OP_STATS;
    *stats = (struct mu_msg_stats){
        .ready = member->ready,
        .uptime_ms = 1500,
        .epoch = member->epoch,
        .state = member->state,
        .brokers = member->brokers,
        .config_hash = config_hash,
        .counters_count = 2,
        .counters = { { MU_COUNTER_MESSAGES_IN, 42 }, { MU_COUNTER_STEP_MS_MAX, 9 } },
    };
    (void)snprintf(envelope.source, sizeof envelope.source, "%s", member->source);
    (void)snprintf(stats->kind, sizeof stats->kind, "%s", member->kind);
    (void)snprintf(stats->partition, sizeof stats->partition, "%s", member->partition);
    (void)snprintf(stats->name, sizeof stats->name, "%s", member->name);
    (void)snprintf(stats->build, sizeof stats->build, "%s", member->build);
    if (strcmp(member->kind, "queue") == 0 && member->ready) {
        stats->pools_count = 1;
        stats->pools[0] = (struct mu_msg_pool_stats){
            .mode = "duel", .tickets = 7, .players = 9, .slices = 2, .oldest_ms = 1234
        };
        (void)snprintf(stats->pools[0].region, 32, "%s", member->partition + 6);
    }
    rig_message(rig, &envelope);
}

static void hear(struct rig *rig, const struct member *member)
{
    hear_by(rig, member, 0);
}

static const struct member store = { "#1", "store",         "",   "store-0", "9.8.0",
                                     0,    MU_LIFE_SERVING, true, 1 };
static const struct member owner = { "#4",    "queue", "queue/eu-west-1", "eu-a",
                                     "9.8.0", 8,       MU_LIFE_SERVING,   true,
                                     3 };
static const struct member standby = { "#5",    "queue", "queue/eu-west-1", "eu-b",
                                       "9.7.0", 0,       MU_LIFE_STANDBY,   false,
                                       2 };

/* A call on a listener, with a key. */
static void call(struct rig *rig, bool admin, const char *key, const char *path, const char *body)
{
    struct mu_http_request request =
        rig_request(rig, body == NULL ? MU_HTTP_GET : MU_HTTP_POST, path, body);
    request.admin = admin;
    request.authorization = key;
    rig_send(rig, &request);
}

static void see(struct rig *rig)
{
    call(rig, true, "Bearer " RIG_OPERATOR_KEY, "/v1/admin/cluster", NULL);
    rig_expect_status(rig, 200, NULL);
}

static void drain(struct rig *rig, const char *body)
{
    rig_clear(rig);
    call(rig, true, "Bearer " RIG_OPERATOR_KEY, "/v1/admin/drain", body);
}

static void test_only_operators_may(void **state)
{
    static const char *const paths[] = { "/v1/admin/cluster", "/v1/admin/drain" };
    struct rig *rig = *state;
    hear(rig, &store);
    for (int i = 0; i < 2; i++) {
        const char *body = i == 0 ? NULL : "{\"name\":\"store-0\"}";
        call(rig, true, "", paths[i], body);
        rig_expect_status(rig, 401, "UNAUTHORIZED");
        call(rig, true, "Bearer " RIG_BACKEND_KEY, paths[i], body);
        rig_expect_status(rig, 403, "FORBIDDEN");
        call(rig, false, "Bearer " RIG_OPERATOR_KEY, paths[i], body);
        rig_expect_status(rig, 404, "NOT_FOUND");
    }
    assert_int_equal(rig_count(rig), 0);
}

/* Every process is there, this gateway too, by kind, partition and name, not by who came first. */
static void test_shows_processes(void **state)
{
    struct rig *rig = *state;
    hear(rig, &store);
    hear(rig, &standby);
    hear(rig, &owner);
    mu_gateway_set_brokers(rig->gw, 5);
    rig->now_ms += 70;
    see(rig);
    rig_expect_text(rig, "status", "not ready");
    rig_expect_text(rig, "gateway", "#000000000000004d");
    rig_expect_text(rig, "at", "2026-11-24T06:00:00.123Z");
    rig_expect_text(rig, "processes.0.kind", "gateway");
    rig_expect_text(rig, "processes.0.name", RIG_NAME);
    rig_expect_text(rig, "processes.0.state", "serving");
    rig_expect_number(rig, "processes.0.heartbeatAgeMs", 0);
    rig_expect_number(rig, "processes.0.brokers.0", 0);
    rig_expect_number(rig, "processes.0.brokers.1", 2);
    rig_expect_text(rig, "processes.1.name", "eu-a");
    rig_expect_text(rig, "processes.1.instance", "#4");
    rig_expect_text(rig, "processes.1.partition", "queue/eu-west-1");
    rig_expect_number(rig, "processes.1.epoch", 8);
    rig_expect_number(rig, "processes.1.heartbeatAgeMs", 70);
    rig_expect_number(rig, "processes.1.uptimeMs", 1500);
    rig_expect_number(rig, "processes.1.messagesIn", 42);
    rig_expect_number(rig, "processes.1.stepMsMax", 9);
    rig_expect_text(rig, "processes.2.name", "eu-b");
    rig_expect_text(rig, "processes.2.state", "standby");
    rig_expect_text(rig, "processes.2.build", "9.7.0");
    rig_expect_text(rig, "processes.3.kind", "store");
    assert_int_equal(rig_at(rig, "processes.3.partition")->type, MU_JSON_NULL);
    assert_int_equal(rig_at(rig, "processes")->count, 4);
}

/* A process is judged by the store's configuration, and this gateway too; one that does not say
 * by which it runs is not judged. */
static void test_shows_other_configurations(void **state)
{
    struct rig *rig = *state;
    rig->config.hash = 0xa;
    hear(rig, &standby);
    hear_by(rig, &owner, 0xb);
    see(rig);
    rig_expect_text(rig, "processes.0.configuration", "000000000000000a");
    assert_int_equal(rig_at(rig, "processes.0.otherConfiguration")->type, MU_JSON_FALSE);
    rig_expect_text(rig, "processes.1.configuration", "000000000000000b");
    assert_int_equal(rig_at(rig, "processes.1.otherConfiguration")->type, MU_JSON_TRUE);
    assert_int_equal(rig_at(rig, "processes.2.configuration")->type, MU_JSON_NULL);
    assert_int_equal(rig_at(rig, "processes.2.otherConfiguration")->type, MU_JSON_FALSE);
    hear_by(rig, &store, 0xb);
    see(rig);
    assert_int_equal(rig_at(rig, "processes.0.otherConfiguration")->type, MU_JSON_TRUE);
    assert_int_equal(rig_at(rig, "processes.1.otherConfiguration")->type, MU_JSON_FALSE);
    assert_int_equal(rig_at(rig, "processes.3.otherConfiguration")->type, MU_JSON_FALSE);
}

/* Partitions, with those that nobody has; of two owners the newer one is believed. */
static void test_shows_partitions(void **state)
{
    struct rig *rig = *state;
    struct member former = owner;
    hear(rig, &owner);
    hear(rig, &standby);
    former.source = "#3";
    former.name = "eu-old";
    former.epoch = 7;
    hear(rig, &former);
    see(rig);
    rig_expect_text(rig, "partitions.0.partition", "lobby/0");
    assert_int_equal(rig_at(rig, "partitions.0.owner")->type, MU_JSON_NULL);
    assert_int_equal(rig_at(rig, "partitions")->count, 5);
    rig_expect_text(rig, "partitions.3.partition", "queue/eu-west-1");
    rig_expect_text(rig, "partitions.3.owner", "eu-a");
    rig_expect_text(rig, "partitions.3.instance", "#4");
    rig_expect_number(rig, "partitions.3.epoch", 8);
    rig_expect_number(rig, "partitions.3.standbys", 1);
    rig->now_ms += 3001; /* silent: it may be gone, though it is shown still */
    see(rig);
    assert_int_equal(rig_at(rig, "partitions.3.owner")->type, MU_JSON_NULL);
    rig_expect_number(rig, "partitions.3.standbys", 0);
    rig_expect_number(rig, "processes.1.heartbeatAgeMs", 3001);
}

static void test_shows_every_lobby_partition(void **state)
{
    struct rig *rig = *state;
    rig->config.settings.lobbies = 3;
    see(rig);
    assert_int_equal(rig_at(rig, "partitions")->count, 3 + rig->config.regions_count);
    rig_expect_text(rig, "partitions.0.partition", "lobby/0");
    rig_expect_text(rig, "partitions.2.partition", "lobby/2");
    rig_expect_text(rig, "partitions.3.partition", "queue/us-east-1");
}

static void test_shows_queues_builds_and_totals(void **state)
{
    struct rig *rig = *state;
    hear(rig, &owner);
    hear(rig, &store);
    hear(rig, &standby);
    see(rig);
    rig_expect_text(rig, "queues.0.region", "eu-west-1");
    rig_expect_text(rig, "queues.0.gameMode", "duel");
    rig_expect_number(rig, "queues.0.tickets", 7);
    rig_expect_number(rig, "queues.0.players", 9);
    rig_expect_number(rig, "queues.0.slices", 2);
    rig_expect_number(rig, "queues.0.oldestMs", 1234);
    assert_int_equal(rig_at(rig, "queues")->count, 1);
    assert_int_equal(rig_at(rig, "mixedBuilds")->type, MU_JSON_TRUE);
    assert_int_equal(rig_at(rig, "builds")->count, 3); /* of this gateway, and the two above */
    rig_expect_text(rig, "builds.1.build", "9.8.0");
    rig_expect_number(rig, "builds.1.processes", 2);
    assert_true(rig_at(rig, "totals.httpRequests")->integer > 0);
    rig_expect_number(rig, "totals.matchesLive", 0);
}

/* A former version says neither how far it is, nor its name or build. */
static void test_understands_a_former_version(void **state)
{
    static const struct member members[] = {
        { "#6", "queue", "queue/eu-west-1", "", "", 0, MU_LIFE_UNKNOWN, true, 0 },
        { "#7", "lobby", "lobby/0", "", "", 0, MU_LIFE_UNKNOWN, false, 0 },
    };
    struct rig *rig = *state;
    hear(rig, &members[0]);
    hear(rig, &members[1]);
    see(rig);
    rig_expect_text(rig, "processes.1.state", "starting");
    rig_expect_text(rig, "processes.2.state", "serving");
    assert_int_equal(rig_at(rig, "processes.2.name")->type, MU_JSON_NULL);
    rig_expect_text(rig, "partitions.3.instance", "#6");
    assert_int_equal(rig_at(rig, "partitions.0.instance")->type, MU_JSON_NULL);
}

/* As many processes as can be known, each with the longest texts: the answer holds them all. */
static void test_has_room_for_all(void **state)
{
    static char text[64];
    struct rig *rig = *state;
    memset(text, '"', sizeof text - 1);
    for (uint32_t i = 0; i < 300; i++) {
        char source[32];
        struct member member = owner;
        (void)snprintf(source, sizeof source, "#%u", i);
        member.source = source;
        member.name = text;
        member.build = text;
        hear(rig, &member);
    }
    call(rig, true, "Bearer " RIG_OPERATOR_KEY, "/v1/admin/cluster", NULL);
    assert_int_equal(rig->status, 200);
    uint32_t shown = 0;
    for (const char *at = rig->body; (at = strstr(at, "\"heartbeatAgeMs\"")) != NULL; at++) {
        shown++;
    }
    assert_int_equal(shown, 257);
}

static void test_drains_by_name_or_instance(void **state)
{
    static const char *const bodies[] = { "{\"name\":\"eu-a\",\"patienceMs\":2500}",
                                          "{\"instance\":\"#4\"}" };
    struct rig *rig = *state;
    hear(rig, &owner);
    for (int i = 0; i < 2; i++) {
        drain(rig, bodies[i]);
        (void)rig_asked(rig, MU_OP_DRAIN, "#4");
        assert_int_equal(rig->msg.drain.patience_ms, i == 0 ? 2500 : 0);
        rig->answer.op = MU_OP_DRAINING;
        rig->answer.draining = (struct mu_msg_draining){ .name = "eu-a" };
        rig_answer(rig, 0);
        rig_expect_status(rig, 202, NULL);
        rig_expect_text(rig, "name", "eu-a");
        rig_expect_text(rig, "instance", "#4");
    }
}

static void test_refuses_what_it_cannot_drain(void **state)
{
    static const struct {
        const char *body;
        int status;
        const char *code;
    } cases[] = {
        { "{}", 400, "VALIDATION_FAILED" },
        { "{\"name\":\"eu-a\",\"instance\":\"#4\"}", 400, "VALIDATION_FAILED" },
        { "{\"name\":7}", 400, "VALIDATION_FAILED" },
        { "{\"name\":\"eu-a\",\"patienceMs\":600001}", 400, "VALIDATION_FAILED" },
        { "{\"name\":\"eu-c\"}", 404, "NOT_FOUND" },
        { "{\"instance\":\"#9\"}", 404, "NOT_FOUND" },
        { "{\"name\":\"twice\"}", 409, "CONFLICT" },
        { "{\"name\":\"broker-0\"}", 501, "UNSUPPORTED" },
    };
    static const struct member members[] = {
        { "#7", "matcher", "", "twice", "", 0, MU_LIFE_SERVING, true, 1 },
        { "#8", "matcher", "", "twice", "", 0, MU_LIFE_SERVING, true, 1 },
        { "#2", "broker", "", "broker-0", "", 0, MU_LIFE_SERVING, true, 0 },
    };
    struct rig *rig = *state;
    hear(rig, &owner);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        hear(rig, &members[i]);
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        drain(rig, cases[i].body);
        rig_expect_status(rig, cases[i].status, cases[i].code);
        assert_int_equal(rig_count(rig), 0);
    }
    rig->now_ms += 3001; /* who is silent for so long may be gone */
    drain(rig, "{\"name\":\"eu-a\"}");
    rig_expect_status(rig, 404, "NOT_FOUND");
}

/* Asked by the bus, a gateway says so, and leaves the end to its host. */
static void test_drains_itself(void **state)
{
    struct rig *rig = *state;
    uint32_t patience_ms = 7;
    struct mu_msg_envelope envelope = {
        .version = 1, .frame = MU_FRAME_REQUEST, .op = MU_OP_DRAIN, .sequence = 3, .incarnation = 8
    };
    (void)snprintf(envelope.source, sizeof envelope.source, "#8");
    drain(rig, "{\"name\":\"" RIG_NAME "\"}");
    (void)rig_asked(rig, MU_OP_DRAIN, "#000000000000004d");
    assert_false(mu_gateway_drain_asked(rig->gw, &patience_ms));
    assert_int_equal(patience_ms, 7);
    rig_clear(rig);
    rig->answer.op = MU_OP_DRAIN;
    rig->answer.drain = (struct mu_msg_drain){ .patience_ms = 900 };
    rig_message(rig, &envelope);
    const struct mu_msg_envelope *reply = rig_sent(rig, 0);
    assert_int_equal(reply->op, MU_OP_DRAINING);
    assert_string_equal(reply->destination, "#8");
    assert_string_equal(rig->msg.draining.name, RIG_NAME);
    assert_true(mu_gateway_drain_asked(rig->gw, &patience_ms));
    assert_int_equal(patience_ms, 900);
    mu_gateway_drain(rig->gw);
    see(rig);
    rig_expect_text(rig, "processes.0.state", "draining");
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_only_operators_may, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shows_processes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shows_other_configurations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shows_partitions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shows_every_lobby_partition, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shows_queues_builds_and_totals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_understands_a_former_version, setup, teardown),
        cmocka_unit_test_setup_teardown(test_has_room_for_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drains_by_name_or_instance, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses_what_it_cannot_drain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drains_itself, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
