/* tests/unit/test_gateway_health.c - /readyz and /metrics of the pure gateway. */
#include "tests/unit/rig.h"

#include <string.h>

#include "core/histogram.h"

static uint64_t seed;

/* One process says how it is. */
static void report(struct rig *rig, const char *source, const char *kind, const char *partition)
{
    struct mu_msg_envelope envelope = { .version = 1, .frame = MU_FRAME_EVENT, .op = MU_OP_STATS };
    (void)snprintf(envelope.source, sizeof envelope.source, "%s", source);
    rig->answer.op = MU_OP_STATS;
    rig->answer.stats = (struct mu_msg_stats){
        .ready = true,
        .uptime_ms = 1500,
        .counters_count = 1,
        .counters = { { MU_COUNTER_MESSAGES_IN, 42 } },
    };
    (void)snprintf(rig->answer.stats.kind, sizeof rig->answer.stats.kind, "%s", kind);
    (void)snprintf(rig->answer.stats.partition, sizeof rig->answer.stats.partition, "%s",
                   partition);
    if (strcmp(kind, "queue") == 0) {
        rig->answer.stats.pools_count = 1;
        rig->answer.stats.pools[0] = (struct mu_msg_pool_stats){
            .mode = "duel",
            .tickets = 7,
            .players = 9,
            .wait_p50_ms = 1250,
            .spread = 12.5,
            .waits_count = MU_WAIT_BUCKETS,
            .waits = { { 3 }, { 2 }, [11] = { 1 } },
            .wait_sum = 907.5,
            .qualities_count = MU_QUALITY_BUCKETS,
            .qualities = { [8] = { 2 }, [9] = { 4 } },
            .quality_sum = 5.5,
            .rules = 3,
            .slices = 4,
        };
        (void)snprintf(rig->answer.stats.pools[0].region, 32, "%s", partition + 6);
    }
    if (strcmp(kind, "matcher") == 0) {
        rig->answer.stats.rules_count = 1;
        rig->answer.stats.rules[0] = (struct mu_msg_rule_stats){
            .mode = "duel", .rule = "a \"fair\" one", .passed = 30, .failed = 4
        };
    }
    rig_message(rig, &envelope);
}

static void report_all(struct rig *rig)
{
    report(rig, "#1", "store", "");
    report(rig, "#2", "lobby", "lobby/0");
    report(rig, "#3", "matcher", "");
    report(rig, "#4", "queue", "queue/us-east-1");
    report(rig, "#5", "queue", "queue/us-west-2");
    report(rig, "#6", "queue", "queue/ap-southeast-1");
}

static void test_tells_its_health(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    rig_call(rig, MU_HTTP_GET, "/readyz", NULL);
    rig_expect_status(rig, 503, NULL);
    rig_expect_text(rig, "failing.0", "broker");
    report_all(rig);
    rig_call(rig, MU_HTTP_GET, "/readyz", NULL);
    rig_expect_status(rig, 503, NULL);
    rig_expect_text(rig, "failing.0", "queue/eu-west-1");
    report(rig, "#7", "queue", "queue/eu-west-1");
    rig_call(rig, MU_HTTP_GET, "/readyz", NULL);
    rig_expect_status(rig, 200, NULL);
    rig_expect_text(rig, "status", "ready");
    rig->now_ms += 3001;
    rig_call(rig, MU_HTTP_GET, "/readyz", NULL);
    rig_expect_status(rig, 503, NULL);
    report_all(rig);
    report(rig, "#7", "queue", "queue/eu-west-1");
    mu_gateway_drain(rig->gw);
    rig_call(rig, MU_HTTP_GET, "/readyz", NULL);
    rig_expect_status(rig, 503, NULL);
    rig_expect_text(rig, "failing.0", "draining");
    rig_destroy(rig);
}

/* A process that stands by does not make the service less ready, nor ready. */
static void test_standby(void **state)
{
    struct rig *rig = rig_create(seed, false);
    struct mu_msg_envelope envelope = { .version = 1, .frame = MU_FRAME_EVENT, .op = MU_OP_STATS };
    (void)state;
    memcpy(envelope.source, "#8", sizeof "#8");
    report_all(rig);
    for (uint32_t i = 0; i < 2; i++) {
        rig->answer.op = MU_OP_STATS;
        rig->answer.stats = (struct mu_msg_stats){ .kind = "queue",
                                                   .partition = "queue/eu-west-1",
                                                   .state = MU_LIFE_STANDBY };
        rig_message(rig, &envelope);
        rig_call(rig, MU_HTTP_GET, "/readyz", NULL);
        rig_expect_status(rig, i == 0 ? 503 : 200, NULL);
        if (i == 0) {
            report(rig, "#7", "queue", "queue/eu-west-1");
        }
    }
    rig->now_ms += 10;
    rig_message(rig, &envelope); /* heard later than the owner, and yet it does not speak for it */
    rig_call(rig, MU_HTTP_GET, "/v1/queues", NULL);
    rig_expect_status(rig, 200, NULL);
    assert_non_null(strstr(rig->body, "\"region\":\"eu-west-1\""));
    rig_destroy(rig);
}

static bool has_line(const struct rig *rig, const char *line)
{
    const char *at = strstr(rig->body, line);
    return at != NULL && (at == rig->body || at[-1] == '\n') && at[strlen(line)] == '\n';
}

static void test_shows_metrics(void **state)
{
    struct rig *rig = rig_create(seed, false);
    struct mu_counters bus = { .values = { [MU_COUNTER_MESSAGES_OUT] = 5 } };
    (void)state;
    struct mu_counters transport = { .values = { [MU_COUNTER_CONNECTIONS] = 3 } };
    mu_gateway_set_bus(rig->gw, &bus);
    mu_gateway_set_transport(rig->gw, &transport);
    report_all(rig);
    report(rig, "#8", "queue", "queue/us-east-1"); /* took over from #4, which still talks */
    rig->now_ms += 10;
    report(rig, "#9", "od\"d\\\n", "");
    rig_call(rig, MU_HTTP_GET, "/metrics", NULL);
    rig_expect_status(rig, 200, NULL);
    assert_true(rig_header(rig, "Content-Type: text/plain; version=0.0.4; charset=utf-8"));
    assert_true(has_line(rig, "# TYPE muster_messages_in_total counter"));
    assert_true(has_line(rig, "# HELP muster_messages_in_total messages handed to the actor."));
    assert_true(has_line(
        rig, "muster_messages_in_total{kind=\"store\",partition=\"\",instance_id=\"#1\"} 42"));
    assert_true(has_line(rig, "muster_messages_out_total{kind=\"gateway\",partition=\"\","
                              "instance_id=\"#000000000000004d\"} 5"));
    assert_true(has_line(rig, "# TYPE muster_connections gauge"));
    assert_true(has_line(rig, "muster_connections{kind=\"gateway\",partition=\"\","
                              "instance_id=\"#000000000000004d\"} 3"));
    assert_true(
        has_line(rig, "muster_ready{kind=\"od\\\"d\\\\?\",partition=\"\",instance_id=\"#9\"} 1"));
    assert_true(has_line(rig, "muster_queue_tickets{mode=\"duel\",region=\"us-west-2\"} 7"));
    assert_true(has_line(
        rig,
        "muster_queue_wait_seconds{mode=\"duel\",region=\"us-west-2\",quantile=\"0.5\"} 1.25"));
    static const char *const lines[] = {
        "# TYPE muster_queue_waited_seconds histogram",
        "muster_queue_waited_seconds_bucket{mode=\"duel\",region=\"us-west-2\",le=\"1\"} 3",
        "muster_queue_waited_seconds_bucket{mode=\"duel\",region=\"us-west-2\",le=\"2\"} 5",
        "muster_queue_waited_seconds_bucket{mode=\"duel\",region=\"us-west-2\",le=\"600\"} 5",
        "muster_queue_waited_seconds_bucket{mode=\"duel\",region=\"us-west-2\",le=\"+Inf\"} 6",
        "muster_queue_waited_seconds_sum{mode=\"duel\",region=\"us-west-2\"} 907.5",
        "muster_queue_waited_seconds_count{mode=\"duel\",region=\"us-west-2\"} 6",
        "muster_queue_quality_bucket{mode=\"duel\",region=\"us-west-2\",le=\"0.8\"} 0",
        "muster_queue_quality_bucket{mode=\"duel\",region=\"us-west-2\",le=\"0.9\"} 2",
        "muster_queue_quality_count{mode=\"duel\",region=\"us-west-2\"} 6",
        "muster_queue_rules_version{mode=\"duel\",region=\"us-west-2\"} 3",
        "muster_queue_slices{mode=\"duel\",region=\"us-west-2\"} 4",
        "muster_rule_evaluations_total{mode=\"duel\",rule=\"a \\\"fair\\\" "
        "one\",instance_id=\"#3\","
        "result=\"passed\"} 30",
        "muster_rule_evaluations_total{mode=\"duel\",rule=\"a \\\"fair\\\" "
        "one\",instance_id=\"#3\","
        "result=\"failed\"} 4",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_true(has_line(rig, lines[i]));
    }
    const char *first =
        strstr(rig->body, "muster_queue_tickets{mode=\"duel\",region=\"us-east-1\"");
    assert_non_null(first);
    assert_null(strstr(first + 1, "muster_queue_tickets{mode=\"duel\",region=\"us-east-1\""));
    rig->now_ms += 20000;
    rig_call(rig, MU_HTTP_GET, "/metrics", NULL);
    assert_null(strstr(rig->body, "queue"));
    rig_destroy(rig);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tells_its_health),
        cmocka_unit_test(test_standby),
        cmocka_unit_test(test_shows_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
