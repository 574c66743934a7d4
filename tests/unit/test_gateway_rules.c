/* The gateway's part of rule sets and queues: documents go through as they are. */
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

static void call(struct rig *rig, enum mu_http_method method, const char *path, const char *key,
                 const char *body)
{
    struct mu_http_request request = rig_request(rig, method, path, body);
    request.authorization = key;
    rig_send(rig, &request);
}

static void call_version(struct rig *rig, const char *query)
{
    struct mu_http_request request = rig_request(rig, MU_HTTP_GET, "/v1/rulesets/ranked", NULL);
    request.authorization = "Bearer " RIG_BACKEND_KEY;
    request.query = query;
    rig_send(rig, &request);
}

static const char operator_key[] = "Bearer " RIG_OPERATOR_KEY;
static const char backend_key[] = "Bearer " RIG_BACKEND_KEY;
static const char document[] = "{ // five against five\n  \"teams\": [], \"teams\": 7 }\n";

static void answer_ruleset(struct rig *rig, bool created, const char *text)
{
    rig->answer.op = MU_OP_RULESET;
    rig->answer.ruleset = (struct mu_msg_ruleset){
        .name = "ranked",
        .version = 2,
        .active = 2,
        .newest = 4,
        .hash = "abc",
        .created_ms = RIG_WALL_MS,
        .created = created,
        .text = { (const uint8_t *)text, (uint32_t)strlen(text) },
    };
    rig_answer(rig, 0);
}

static void test_put(void **state)
{
    struct rig *rig = *state;
    call(rig, MU_HTTP_PUT, "/v1/rulesets/ranked", backend_key, document);
    const struct mu_msg_envelope *envelope = rig_asked(rig, MU_OP_RULES_PUT, "store");
    assert_string_not_equal(envelope->idempotency_key, "");
    assert_string_equal(rig->msg.rules_put.name, "ranked");
    assert_int_equal(rig->msg.rules_put.text.size, strlen(document)); /* as it was sent */
    assert_memory_equal(rig->msg.rules_put.text.data, document, strlen(document));
    answer_ruleset(rig, true, "");
    rig_expect_status(rig, 201, NULL);
    rig_expect_text(rig, "ruleSet.name", "ranked");
    rig_expect_number(rig, "ruleSet.version", 2);
    rig_expect_number(rig, "ruleSet.newestVersion", 4);
    assert_null(rig_at(rig, "ruleSet.document"));
    struct mu_http_request request = rig_request(rig, MU_HTTP_PUT, "/v1/rulesets/ranked", document);
    request.authorization = operator_key;
    request.content_type = "text/plain";
    rig_send(rig, &request);
    (void)rig_asked(rig, MU_OP_RULES_PUT, "store");
    answer_ruleset(rig, false, "");
    rig_expect_status(rig, 200, NULL);
}

/* The largest body goes through, and is asked again when nobody answers. */
static void test_put_largest(void **state)
{
    struct rig *rig = *state;
    char *text = malloc(MU_HTTP_BODY_MAX + 2);
    memset(text, 'x', MU_HTTP_BODY_MAX + 1);
    text[MU_HTTP_BODY_MAX + 1] = '\0';
    call(rig, MU_HTTP_PUT, "/v1/rulesets/ranked", backend_key, text);
    rig_expect_status(rig, 413, "PAYLOAD_TOO_LARGE");
    text[MU_HTTP_BODY_MAX] = '\0';
    call(rig, MU_HTTP_PUT, "/v1/rulesets/ranked", backend_key, text);
    (void)rig_asked(rig, MU_OP_RULES_PUT, "store");
    rig_clear(rig);
    rig_pass(rig, (int64_t)rig->config.settings.request_budget_ms / 2);
    bool again = false;
    for (uint32_t i = 0; i < rig_count(rig); i++) {
        if (rig_sent(rig, i)->op == MU_OP_RULES_PUT) {
            assert_int_equal(rig->msg.rules_put.text.size, MU_HTTP_BODY_MAX);
            again = true;
        }
    }
    assert_true(again);
    free(text);
}

static void test_put_refused(void **state)
{
    struct rig *rig = *state;
    call(rig, MU_HTTP_PUT, "/v1/rulesets/ranked", backend_key, document);
    rig->answer.op = MU_OP_RULES_REFUSED;
    rig->answer.rules_refused.faults_count = 2;
    rig->answer.rules_refused.faults[0] =
        (struct mu_msg_fault){ .pointer = "/teams/0", .detail = "has no name" };
    rig->answer.rules_refused.faults[1] =
        (struct mu_msg_fault){ .pointer = "/rules/3/type", .detail = "is no type of rule" };
    rig_answer(rig, 0);
    rig_expect_status(rig, 422, "RULESET_INVALID");
    assert_true(rig_header(rig, "Content-Type: application/problem+json"));
    rig_expect_text(rig, "errors.0.pointer", "/teams/0");
    rig_expect_text(rig, "errors.1.detail", "is no type of rule");
    call(rig, MU_HTTP_PUT, "/v1/rulesets/ranked", backend_key, document);
    rig->answer.op = MU_OP_RULES_REFUSED;
    rig->answer.rules_refused.faults_count = 1;
    rig->answer.rules_refused.faults[0] =
        (struct mu_msg_fault){ .pointer = "", .detail = "must be an object" };
    rig_answer(rig, 0);
    rig_expect_text(rig, "detail", "The document must be an object");
}

static void test_get(void **state)
{
    struct rig *rig = *state;
    call(rig, MU_HTTP_GET, "/v1/rulesets/ranked", backend_key, NULL);
    (void)rig_asked(rig, MU_OP_RULES_GET, "store");
    assert_int_equal(rig->msg.rules_get.version, 0);
    answer_ruleset(rig, false, document);
    rig_expect_status(rig, 200, NULL);
    rig_expect_text(rig, "ruleSet.document", document);
    call_version(rig, "version=3");
    (void)rig_asked(rig, MU_OP_RULES_GET, "store");
    assert_int_equal(rig->msg.rules_get.version, 3);
    rig_answer_error(rig, 0, MU_ERROR_RULESET_NOT_FOUND, "ranked has no version 3");
    rig_expect_status(rig, 404, "RULESET_NOT_FOUND");
    call_version(rig, "version=new");
    rig_expect_status(rig, 400, "VALIDATION_FAILED");
}

static void test_document(void **state)
{
    struct rig *rig = *state;
    call(rig, MU_HTTP_GET, "/v1/rulesets/ranked/document", backend_key, NULL);
    (void)rig_asked(rig, MU_OP_RULES_GET, "store");
    answer_ruleset(rig, false, document);
    assert_int_equal(rig->status, 200);
    assert_string_equal(rig->body, document); /* byte for byte */
    assert_true(rig_header(rig, "Content-Type: text/plain; charset=utf-8"));
}

static void test_list(void **state)
{
    struct rig *rig = *state;
    call(rig, MU_HTTP_GET, "/v1/rulesets", operator_key, NULL);
    (void)rig_asked(rig, MU_OP_RULES_LIST, "store");
    rig->answer.op = MU_OP_RULES_LISTED;
    rig->answer.rules_listed.rulesets_count = 1;
    rig->answer.rules_listed.rulesets[0] =
        (struct mu_msg_ruleset){ .name = "duel", .version = 5, .active = 5, .newest = 6 };
    rig_answer(rig, 0);
    rig_expect_status(rig, 200, NULL);
    rig_expect_text(rig, "ruleSets.0.name", "duel");
    rig_expect_number(rig, "ruleSets.0.activeVersion", 5);
}

static void test_rollback(void **state)
{
    struct rig *rig = *state;
    call(rig, MU_HTTP_POST, "/v1/rulesets/ranked/rollback", operator_key, "{\"version\":2}");
    (void)rig_asked(rig, MU_OP_RULES_ACTIVATE, "store");
    assert_int_equal(rig->msg.rules_activate.version, 2);
    answer_ruleset(rig, false, "");
    rig_expect_status(rig, 200, NULL);
    call(rig, MU_HTTP_POST, "/v1/rulesets/ranked/rollback", operator_key,
         "{\"version\":0,\"to\":1}");
    rig_expect_status(rig, 400, "VALIDATION_FAILED");
    rig_expect_text(rig, "errors.0.pointer", "/to");
    rig_expect_text(rig, "errors.1.pointer", "/version");
}

static void test_who(void **state)
{
    struct rig *rig = *state;
    char bearer[256];
    call(rig, MU_HTTP_POST, "/v1/players/ply_a/tokens", backend_key, "{}");
    (void)snprintf(bearer, sizeof bearer, "Bearer %s", rig_at(rig, "token")->text);
    call(rig, MU_HTTP_PUT, "/v1/rulesets/ranked", bearer, document);
    rig_expect_status(rig, 403, "FORBIDDEN");
    call(rig, MU_HTTP_GET, "/v1/rulesets/ranked", bearer, NULL);
    rig_expect_status(rig, 403, "FORBIDDEN");
    call(rig, MU_HTTP_POST, "/v1/rulesets/ranked/rollback", "", "{\"version\":1}");
    rig_expect_status(rig, 401, "UNAUTHORIZED");
    assert_int_equal(rig_count(rig), 0);
    call(rig, MU_HTTP_GET, "/v1/queues", bearer, NULL);
    rig_expect_status(rig, 200, NULL);
}

/* A shard says how its queues do. */
static void hear(struct rig *rig, const char *region, uint64_t tickets, uint64_t rules)
{
    struct mu_msg_envelope envelope = {
        .version = 1, .frame = MU_FRAME_EVENT, .op = MU_OP_STATS, .incarnation = 9, .sequence = 1
    };
    (void)snprintf(envelope.source, sizeof envelope.source, "#00000000000000%02zx", strlen(region));
    rig->answer.op = MU_OP_STATS;
    memset(&rig->answer.stats, 0, sizeof rig->answer.stats);
    (void)snprintf(rig->answer.stats.kind, sizeof rig->answer.stats.kind, "queue");
    (void)snprintf(rig->answer.stats.partition, sizeof rig->answer.stats.partition, "queue/%s",
                   region);
    rig->answer.stats.pools_count = 1;
    rig->answer.stats.pools[0] = (struct mu_msg_pool_stats){ .mode = "ranked",
                                                             .tickets = tickets,
                                                             .players = tickets,
                                                             .rules = rules,
                                                             .wait_p90_ms = 2500 };
    (void)snprintf(rig->answer.stats.pools[0].region, MU_ID_MAX + 1, "%s", region);
    rig_message(rig, &envelope);
}

static void test_queues(void **state)
{
    struct rig *rig = *state;
    uint32_t ranked = (uint32_t)mu_config_mode(&rig->config, "ranked");
    char path[64];
    hear(rig, "eu-west-1", 3, 2);
    hear(rig, "ap-southeast-1", 4, 2);
    call(rig, MU_HTTP_GET, "/v1/queues", backend_key, NULL);
    rig_expect_status(rig, 200, NULL);
    (void)snprintf(path, sizeof path, "queues.%u.gameMode", ranked);
    rig_expect_text(rig, path, "ranked");
    (void)snprintf(path, sizeof path, "queues.%u.tickets", ranked);
    rig_expect_number(rig, path, 7);
    (void)snprintf(path, sizeof path, "queues.%u.rulesVersion", ranked);
    rig_expect_number(rig, path, 2);
    (void)snprintf(path, sizeof path, "queues.%u.regions.0.waitSeconds.p90", ranked);
    rig_expect_number(rig, path, 2.5);
    hear(rig, "eu-west-1", 3, 3); /* the other one has not heard of it yet */
    call(rig, MU_HTTP_GET, "/v1/queues", backend_key, NULL);
    (void)snprintf(path, sizeof path, "queues.%u.rulesVersion", ranked);
    assert_int_equal(rig_at(rig, path)->type, MU_JSON_NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        CASE(put),      CASE(put_largest), CASE(put_refused), CASE(get),      CASE(list),
        CASE(rollback), CASE(who),         CASE(queues),      CASE(document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
