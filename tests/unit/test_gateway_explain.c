/* The gateway's part of explaining a ticket: whom it asks, what it shows, what it refuses. */
#include <string.h>

#include "tests/unit/rig_cases.h"

static const char ticket_id[] = "tkt_01ARYZ6S41TSV4RRFFQ69G5FAV";
static const char path[] = "/v1/tickets/tkt_01ARYZ6S41TSV4RRFFQ69G5FAV/explain";

static void call(struct rig *rig, const char *query)
{
    struct mu_http_request request = rig_request(rig, MU_HTTP_GET, path, NULL);
    request.query = query;
    rig_send(rig, &request);
}

/* The store says how the ticket is. */
static void answer_ticket(struct rig *rig, enum mu_ticket_state ticket_state)
{
    (void)rig_asked(rig, MU_OP_TICKET_GET, "store");
    assert_string_equal(rig->msg.ticket_get.ticket, ticket_id);
    rig->answer.op = MU_OP_TICKET;
    rig->answer.ticket = (struct mu_msg_ticket){
        .version = 1,
        .state = ticket_state,
        .mode = "ranked",
        .region = "us-east-1",
        .players_count = 1,
        .players = { { .id = "ply_a", .username = "Anna", .rating = 1300 } },
        .others_count = 1,
        .others = { { .id = "duel" } },
    };
    memcpy(rig->answer.ticket.id, ticket_id, sizeof ticket_id);
    if (ticket_state == MU_TICKET_MATCHED) {
        memcpy(rig->answer.ticket.match, RIG_MATCH, sizeof RIG_MATCH);
    }
    rig_answer(rig, 0);
}

/* Checks that the ticket's shard is asked, for that mode. */
static void expect_asked(struct rig *rig, const char *mode)
{
    (void)rig_asked(rig, MU_OP_TICKET_EXPLAIN, "queue/us-east-1");
    assert_string_equal(rig->msg.ticket_explain.ticket, ticket_id);
    assert_string_equal(rig->msg.ticket_explain.mode, mode);
}

static void answer_explanation(struct rig *rig)
{
    rig->answer.op = MU_OP_EXPLANATION;
    rig->answer.explanation = (struct mu_msg_explanation){
        .mode = "duel",
        .rules = 4,
        .state = "WAITING",
        .waited_ms = 34000,
        .reserves = true,
        .reserve = 0.62,
        .falls = 0.05,
        .any_ms = 130000,
        .first_ms = -1,
        .estimate_ms = 45000,
        .players_min = 2,
        .players_max = 8,
        .fill_ms = 1500,
        .limits_count = 2,
        .limits = { { .target = "window",
                      .bounded = true,
                      .value = 340,
                      .next_ms = 100,
                      .next_bounded = true,
                      .next_value = 341 },
                    { .target = "prefer", .next_ms = -1 } },
        .limits_left_off = 3,
        .next = { .target = "window", .bounded = true, .value = 340, .next_ms = 100 },
        .others = 12,
        .looked = 11,
        .able = 1,
        .able_players = 2,
        .builtins_count = 1,
        .builtins = { { .name = "region", .pairs = true, .passed = 11 } },
        .counts_count = 1,
        .counts = { { .name = "close", .passed = 3, .failed = 8, .alone = 6 } },
        .missed = true,
        .miss_distance = 112,
        .miss_against = 2,
        .miss_rule = "close",
        .miss_numbered = true,
        .miss_by = 12.5,
        .miss_opens_ms = 8000,
    };
    memcpy(rig->answer.explanation.ticket, ticket_id, sizeof ticket_id);
    rig_answer(rig, 0);
}

static void expect_type(struct rig *rig, const char *at, enum mu_json_type type)
{
    const struct mu_json_node *node = rig_at(rig, at);
    assert_non_null(node);
    assert_int_equal(node->type, type);
}

static void test_waiting(void **state)
{
    struct rig *rig = *state;
    call(rig, "queue=duel");
    answer_ticket(rig, MU_TICKET_QUEUED);
    expect_asked(rig, "duel");
    answer_explanation(rig);
    rig_expect_status(rig, 200, NULL);
    rig_expect_text(rig, "explanation.ticketId", ticket_id);
    rig_expect_text(rig, "explanation.queue", "duel");
    rig_expect_text(rig, "explanation.status", "WAITING");
    rig_expect_text(rig, "explanation.ageThatCounts", "newest");
    rig_expect_number(rig, "explanation.rulesVersion", 4);
    rig_expect_number(rig, "explanation.waitedMs", 34000);
    rig_expect_number(rig, "explanation.estimatedWaitMs", 45000);
    rig_expect_number(rig, "explanation.reservation.quality", 0.62);
    rig_expect_number(rig, "explanation.reservation.fallsPerMinute", 0.05);
    rig_expect_number(rig, "explanation.reservation.anyInMs", 130000);
    expect_type(rig, "explanation.reservation.servedFirstInMs", MU_JSON_NULL); /* never */
    rig_expect_number(rig, "explanation.players.max", 8);
    rig_expect_number(rig, "explanation.players.fullForMs", 1500);
    rig_expect_text(rig, "explanation.limits.0.target", "window");
    rig_expect_number(rig, "explanation.limits.0.value", 340);
    rig_expect_number(rig, "explanation.limits.0.changesInMs", 100);
    rig_expect_number(rig, "explanation.limits.0.then", 341);
    expect_type(rig, "explanation.limits.1.value", MU_JSON_NULL); /* none */
    expect_type(rig, "explanation.limits.1.changesInMs", MU_JSON_NULL);
    assert_null(rig_at(rig, "explanation.limits.1.then"));
    rig_expect_number(rig, "explanation.limitsLeftOff", 3);
    expect_type(rig, "explanation.nextChange.then", MU_JSON_NULL); /* to none */
    rig_expect_number(rig, "explanation.others.waiting", 12);
    rig_expect_number(rig, "explanation.others.lookedAt", 11);
    rig_expect_number(rig, "explanation.others.able", 1);
    rig_expect_number(rig, "explanation.others.ablePlayers", 2);
    rig_expect_text(rig, "explanation.builtIn.0.name", "region");
    expect_type(rig, "explanation.builtIn.0.ofEveryPair", MU_JSON_TRUE);
    rig_expect_text(rig, "explanation.rules.0.name", "close");
    rig_expect_number(rig, "explanation.rules.0.passed", 3);
    rig_expect_number(rig, "explanation.rules.0.failed", 8);
    rig_expect_number(rig, "explanation.rules.0.failedAlone", 6);
    expect_type(rig, "explanation.rules.0.ofEveryPair", MU_JSON_FALSE);
    rig_expect_number(rig, "explanation.nearestMiss.ratingDistance", 112);
    rig_expect_number(rig, "explanation.nearestMiss.against", 2);
    rig_expect_text(rig, "explanation.nearestMiss.rule", "close");
    rig_expect_number(rig, "explanation.nearestMiss.by", 12.5);
    rig_expect_number(rig, "explanation.nearestMiss.opensInMs", 8000);
}

/* Without ?queue= the first of its modes, which the shard knows; and what is not there is null. */
static void test_little(void **state)
{
    struct rig *rig = *state;
    call(rig, "");
    answer_ticket(rig, MU_TICKET_QUEUED);
    expect_asked(rig, "");
    rig->answer.op = MU_OP_EXPLANATION;
    rig->answer.explanation = (struct mu_msg_explanation){ .state = "TAKEN", .oldest_age = true };
    rig_answer(rig, 0);
    rig_expect_status(rig, 200, NULL);
    rig_expect_text(rig, "explanation.status", "TAKEN");
    rig_expect_text(rig, "explanation.ageThatCounts", "oldest");
    expect_type(rig, "explanation.reservation", MU_JSON_NULL);
    expect_type(rig, "explanation.nextChange", MU_JSON_NULL);
    expect_type(rig, "explanation.nearestMiss", MU_JSON_NULL);
    assert_int_equal(rig_at(rig, "explanation.limits")->count, 0);
    assert_int_equal(rig_at(rig, "explanation.rules")->count, 0);
}

/* No name, one that is none, and longer than one can be. */
static void test_unknown_queue(void **state)
{
    struct rig *rig = *state;
    static const char *const queries[] = {
        "queue=chess",
        "queue=",
        "queue=a%20b",
        "queue=abcdefghijklmnopqrstuvwxyzabcdefghijklmnopq",
    };
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        call(rig, queries[i]);
        rig_expect_status(rig, 400, "GAME_MODE_NOT_FOUND");
        assert_int_equal(rig_count(rig), 0);
    }
}

static void test_not_waiting(void **state)
{
    struct rig *rig = *state;
    call(rig, "");
    answer_ticket(rig, MU_TICKET_MATCHED);
    rig_expect_status(rig, 409, "TICKET_MATCHED");
    rig_expect_text(rig, "matchId", RIG_MATCH);
    assert_int_equal(rig_count(rig), 0);
    call(rig, "");
    answer_ticket(rig, MU_TICKET_CANCELLED);
    rig_expect_status(rig, 409, "CONFLICT");
    call(rig, "");
    answer_ticket(rig, MU_TICKET_EXPIRED);
    rig_expect_status(rig, 409, "CONFLICT");
    call(rig, "");
    rig_answer_error(rig, 0, MU_ERROR_TICKET_NOT_FOUND, ticket_id);
    rig_expect_status(rig, 404, "TICKET_NOT_FOUND");
}

/* Matched between the store's answer and the shard's: the ticket is read anew. */
static void test_matched_meanwhile(void **state)
{
    struct rig *rig = *state;
    call(rig, "");
    answer_ticket(rig, MU_TICKET_QUEUED);
    expect_asked(rig, "");
    rig_answer_error(rig, 0, MU_ERROR_TICKET_NOT_FOUND, "It does not wait here.");
    answer_ticket(rig, MU_TICKET_MATCHED);
    rig_expect_status(rig, 409, "TICKET_MATCHED");
    call(rig, "");
    for (int i = 0; i < 4; i++) { /* the shard never finds it */
        answer_ticket(rig, MU_TICKET_QUEUED);
        expect_asked(rig, "");
        rig_answer_error(rig, 0, MU_ERROR_TICKET_NOT_FOUND, "It does not wait here.");
    }
    rig_expect_status(rig, 404, "TICKET_NOT_FOUND");
}

/* The shard refuses, or says to ask again, until the time is over. */
static void test_shard_refuses(void **state)
{
    struct rig *rig = *state;
    call(rig, "queue=casual");
    answer_ticket(rig, MU_TICKET_QUEUED);
    expect_asked(rig, "casual");
    rig_answer_error(rig, 0, MU_ERROR_GAME_MODE_NOT_FOUND, "It does not wait for that game mode.");
    rig_expect_status(rig, 400, "GAME_MODE_NOT_FOUND");
    uint32_t replies = rig->replies;
    call(rig, "");
    answer_ticket(rig, MU_TICKET_QUEUED);
    expect_asked(rig, "");
    rig_answer_error(rig, 0, MU_ERROR_STARTING, "");
    assert_int_equal(rig->replies, replies);
    rig_pass(rig, 60000); /* nobody answers any more */
    assert_int_equal(rig->replies, replies + 1);
    rig_expect_status(rig, 503, NULL);
}

static void call_as(struct rig *rig, enum mu_http_method method, const char *where,
                    const char *authorization, const char *body)
{
    struct mu_http_request request = rig_request(rig, method, where, body);
    request.authorization = authorization;
    rig_send(rig, &request);
}

/* The store is asked for a ticket of that player, and says that there is none if it is not his. */
static void test_players(void **state)
{
    struct rig *rig = *state;
    char bearer[256];
    call_as(rig, MU_HTTP_POST, "/v1/players/ply_a/tokens", "Bearer " RIG_BACKEND_KEY, "{}");
    rig_expect_status(rig, 201, NULL);
    (void)snprintf(bearer, sizeof bearer, "Bearer %s", rig_at(rig, "token")->text);
    call_as(rig, MU_HTTP_GET, path, bearer, NULL);
    (void)rig_asked(rig, MU_OP_TICKET_GET, "store");
    assert_string_equal(rig->msg.ticket_get.player, "ply_a");
    rig_answer_error(rig, 0, MU_ERROR_TICKET_NOT_FOUND, "");
    rig_expect_status(rig, 404, "TICKET_NOT_FOUND");
    call_as(rig, MU_HTTP_GET, path, bearer, NULL);
    answer_ticket(rig, MU_TICKET_QUEUED);
    expect_asked(rig, "");
    answer_explanation(rig);
    rig_expect_status(rig, 200, NULL);
    call_as(rig, MU_HTTP_GET, path, "Bearer " RIG_BACKEND_KEY, NULL);
    (void)rig_asked(rig, MU_OP_TICKET_GET, "store");
    assert_string_equal(rig->msg.ticket_get.player, "");
    rig_answer_error(rig, 0, MU_ERROR_TICKET_NOT_FOUND, "");
    call_as(rig, MU_HTTP_GET, path, "", NULL);
    rig_expect_status(rig, 401, "UNAUTHORIZED");
    assert_int_equal(rig_count(rig), 0);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        CASE(waiting),           CASE(little),        CASE(unknown_queue), CASE(not_waiting),
        CASE(matched_meanwhile), CASE(shard_refuses), CASE_KEYS(players),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
