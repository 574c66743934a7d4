/* The gateway's part of tickets: what is asked of shard and store, shown and refused. */
#include <string.h>

#include "tests/unit/rig_cases.h"

static const char ticket_id[] = "tkt_01ARYZ6S41TSV4RRFFQ69G5FAV";

static const char party_body[] =
    "{\"queues\":[\"team_match\"],\"region\":\"eu-west\",\"maxWaitSeconds\":90,\"players\":["
    "{\"playerId\":\"ply_a\",\"attributes\":{\"skill\":10.5,\"role\":\"tank\",\"maps\":[\"x\","
    "\"y\"],"
    "\"tastes\":{\"ctf\":3}},\"latencies\":{\"eu-west\":20.4,\"us-east-1\":90}},"
    "{\"playerId\":\"ply_b\",\"latencies\":{\"eu-west-1\":40}}]}";

static struct mu_msg_ticket a_ticket(enum mu_ticket_state state)
{
    struct mu_msg_ticket ticket = {
        .version = 1,
        .state = state,
        .mode = "team_match",
        .region = "eu-west-1",
        .players_count = 2,
        .players = { { .id = "ply_a", .username = "Anna", .rating = 1300, .deviation = 90 },
                     { .id = "ply_b", .username = "Bob", .rating = 1200, .deviation = 350 } },
        .enqueued_ms = RIG_WALL_MS - 4500,
        .wait_max_ms = 90000,
    };
    memcpy(ticket.id, ticket_id, sizeof ticket_id);
    if (state == MU_TICKET_MATCHED) {
        memcpy(ticket.match, RIG_MATCH, sizeof RIG_MATCH);
    }
    return ticket;
}

static void test_add(void **state)
{
    struct rig *rig = *state;
    rig_call(rig, MU_HTTP_POST, "/v1/tickets", party_body);
    const struct mu_msg_envelope *envelope = rig_asked(rig, MU_OP_TICKET_ADD, "queue/eu-west-1");
    assert_string_not_equal(envelope->idempotency_key, "");
    const struct mu_msg_ticket_add *add = &rig->msg.ticket_add;
    assert_string_equal(add->mode, "team_match");
    assert_string_equal(add->region, "eu-west-1");
    assert_int_equal(add->wait_max_ms, 90000);
    assert_int_equal(add->players_count, 2);
    assert_string_equal(add->players[1].id, "ply_b");
    assert_int_equal(add->latencies_count, 1); /* what both report, the worse of them */
    assert_string_equal(add->latencies[0].region, "eu-west-1");
    assert_int_equal(add->latencies[0].ms, 40);
    assert_string_equal(add->details,
                        "[{\"attributes\":{\"skill\":10.5,\"role\":\"tank\",\"maps\":[\"x\",\"y\"],"
                        "\"tastes\":{\"ctf\":3}},\"latencies\":{\"us-east-1\":90,"
                        "\"eu-west-1\":20}},{\"latencies\":{\"eu-west-1\":40}}]");
    rig->answer.op = MU_OP_TICKET_ADDED;
    rig->answer.ticket_added = (struct mu_msg_ticket_added){
        .ticket = a_ticket(MU_TICKET_QUEUED), .position = 7, .estimate_ms = 1500, .rules = 3
    };
    rig_answer(rig, 0);
    rig_expect_status(rig, 201, NULL);
    rig_expect_text(rig, "ticket.ticketId", ticket_id);
    rig_expect_text(rig, "ticket.status", "SEARCHING");
    rig_expect_text(rig, "ticket.queues.0", "team_match");
    rig_expect_text(rig, "ticket.players.1.username", "Bob");
    rig_expect_number(rig, "ticket.players.0.ratingDeviation", 90);
    rig_expect_number(rig, "ticket.queuePosition", 7);
    rig_expect_number(rig, "ticket.estimatedWaitSeconds", 2);
    rig_expect_number(rig, "ticket.rulesVersion", 3);
    rig_expect_number(rig, "ticket.waitedSeconds", 4);
    rig_expect_number(rig, "ticket.maxWaitSeconds", 90);
}

/* Without a region: the first player's home. */
static void test_add_at_home(void **state)
{
    struct rig *rig = *state;
    rig_call(rig, MU_HTTP_POST, "/v1/tickets",
             "{\"queues\":[\"team_match\"],\"players\":[{\"playerId\":\"ply_a\"},"
             "{\"playerId\":\"ply_b\"}]}");
    (void)rig_asked(rig, MU_OP_PLAYER_GET, "store");
    assert_string_equal(rig->msg.player_get.id, "ply_a");
    rig->answer.op = MU_OP_PLAYER;
    rig->answer.player = (struct mu_msg_player){ .id = "ply_a",
                                                 .username = "Anna",
                                                 .region = "us-east-1",
                                                 .rating = 1200,
                                                 .preferences = "{}" };
    rig_answer(rig, 0);
    (void)rig_asked(rig, MU_OP_TICKET_ADD, "queue/us-east-1");
    assert_string_equal(rig->msg.ticket_add.details, ""); /* nothing was said of anybody */
    assert_int_equal(rig->msg.ticket_add.latencies_count, 0);
    assert_int_equal(rig->msg.ticket_add.players_count, 2);
}

/* All faults of a request at once, each with its place. */
static void test_faults(void **state)
{
    struct rig *rig = *state;
    rig_call(
        rig, MU_HTTP_POST, "/v1/tickets",
        "{\"queues\":[\"chess\"],\"team\":1,\"region\":\"mars\",\"maxWaitSeconds\":0,"
        "\"players\":[{\"playerId\":\"a b\",\"role\":1},{\"playerId\":\"ply_b\","
        "\"attributes\":{\"x\":true,\"l\":[1],\"m\":{\"k\":\"v\"}},\"latencies\":{\"pluto\":1}},"
        "{\"playerId\":\"ply_b\"},7]}");
    rig_expect_status(rig, 400, "VALIDATION_FAILED");
    static const char *const pointers[] = {
        "/team",
        "/queues/0",
        "/players/0/role",
        "/players/0/playerId",
        "/players/1/attributes/x",
        "/players/1/attributes/l/0",
        "/players/1/attributes/m/k",
        "/players/1/latencies/pluto",
        "/players/2/playerId",
        "/players/3",
        "/region",
        "/maxWaitSeconds",
    };
    for (uint32_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "errors.%u.pointer", i);
        rig_expect_text(rig, path, pointers[i]);
    }
    assert_int_equal(rig_at(rig, "errors")->count, sizeof pointers / sizeof pointers[0]);
    assert_int_equal(rig_count(rig), 0);
}

static void expect_fault(struct rig *rig, const char *body, const char *code, const char *pointer)
{
    rig_call(rig, MU_HTTP_POST, "/v1/tickets", body);
    rig_expect_status(rig, 400, code);
    rig_expect_text(rig, "errors.0.pointer", pointer);
    assert_int_equal(rig_count(rig), 0);
}

static void test_bounds(void **state)
{
    struct rig *rig = *state;
    static char body[65536];
    expect_fault(rig, "{}", "VALIDATION_FAILED", "/queues");
    expect_fault(rig, "{\"queues\":[],\"players\":[{\"playerId\":\"a\"}]}", "VALIDATION_FAILED",
                 "/queues");
    expect_fault(rig, "{\"queues\":[\"ranked\",\"ranked\"],\"players\":[{\"playerId\":\"a\"}]}",
                 "VALIDATION_FAILED", "/queues/1");
    expect_fault(rig,
                 "{\"queues\":[\"ranked\",\"duel\",\"casual\",\"team_match\",\"tournament\"],"
                 "\"players\":[{\"playerId\":\"a\"}]}",
                 "VALIDATION_FAILED", "/queues");
    expect_fault(rig, "{\"queues\":[\"ranked\"],\"players\":[]}", "VALIDATION_FAILED", "/players");
    expect_fault(rig,
                 "{\"queues\":[\"team_match\"],\"players\":[{\"playerId\":\"a\",\"latencies\":"
                 "{\"eu-west-1\":1}},{\"playerId\":\"b\"}]}",
                 "VALIDATION_FAILED", "/players");
    expect_fault(rig,
                 "{\"queues\":[\"team_match\"],\"players\":[{\"playerId\":\"a\",\"latencies\":"
                 "{\"eu-west-1\":1}},{\"playerId\":\"b\",\"latencies\":{\"us-east-1\":1}}]}",
                 "VALIDATION_FAILED", "/players");
    size_t used = (size_t)snprintf(body, sizeof body,
                                   "{\"queues\":[\"ranked\"],\"players\":[{\"playerId\":\"a\","
                                   "\"attributes\":{");
    for (int i = 0; i < 33; i++) {
        used +=
            (size_t)snprintf(body + used, sizeof body - used, "%s\"a%d\":1", i > 0 ? "," : "", i);
    }
    (void)snprintf(body + used, sizeof body - used, "}}]}");
    expect_fault(rig, body, "VALIDATION_FAILED", "/players/0/attributes");
    used = (size_t)snprintf(body, sizeof body,
                            "{\"queues\":[\"ranked\"],\"players\":[{\"playerId\":\"a\","
                            "\"attributes\":{");
    for (int i = 0; i < 32; i++) {
        used += (size_t)snprintf(body + used, sizeof body - used, "%s\"a%d\":\"%0255d\"",
                                 i > 0 ? "," : "", i, 0);
    }
    (void)snprintf(body + used, sizeof body - used, "}}]}");
    expect_fault(rig, body, "VALIDATION_FAILED", "/players"); /* each is good, together too much */
}

static void get(struct rig *rig)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/v1/tickets/%s", ticket_id);
    rig_call(rig, MU_HTTP_GET, path, NULL);
}

static void answer_ticket(struct rig *rig, enum mu_ticket_state state)
{
    (void)rig_asked(rig, MU_OP_TICKET_GET, "store");
    assert_string_equal(rig->msg.ticket_get.ticket, ticket_id);
    rig->answer.op = MU_OP_TICKET;
    rig->answer.ticket = a_ticket(state);
    rig_answer(rig, 0);
}

static void test_get_queued(void **state)
{
    struct rig *rig = *state;
    get(rig);
    answer_ticket(rig, MU_TICKET_QUEUED);
    (void)rig_asked(rig, MU_OP_TICKET_LOOK, "queue/eu-west-1");
    rig->answer.op = MU_OP_TICKET_ADDED;
    rig->answer.ticket_added = (struct mu_msg_ticket_added){ .position = 2, .rules = 1 };
    rig->answer.ticket_added.ticket.state = MU_TICKET_QUEUED;
    rig_answer(rig, 0);
    rig_expect_status(rig, 200, NULL);
    rig_expect_text(rig, "ticket.players.0.username", "Anna"); /* the shard does not know them */
    rig_expect_number(rig, "ticket.queuePosition", 2);
}

/* It was matched between the two questions. */
static void test_get_changed(void **state)
{
    struct rig *rig = *state;
    get(rig);
    answer_ticket(rig, MU_TICKET_QUEUED);
    rig_answer_error(rig, 0, MU_ERROR_TICKET_NOT_FOUND, "");
    answer_ticket(rig, MU_TICKET_MATCHED);
    (void)rig_asked(rig, MU_OP_MATCH_GET, "store");
    rig_fill_match(rig, MU_MATCH_FORMED, 2, 4);
    rig_answer(rig, 0);
    rig_expect_status(rig, 200, NULL);
    rig_expect_text(rig, "ticket.status", "REQUIRES_ACCEPTANCE");
    rig_expect_text(rig, "ticket.matchId", RIG_MATCH);
}

/* Its shard cannot be had: it is shown without its place. */
static void test_get_without_shard(void **state)
{
    struct rig *rig = *state;
    get(rig);
    for (int i = 0; i < 3; i++) {
        answer_ticket(rig, MU_TICKET_QUEUED);
        rig_answer_error(rig, 0, MU_ERROR_STARTING, "");
    }
    answer_ticket(rig, MU_TICKET_QUEUED);
    rig_expect_status(rig, 200, NULL);
    assert_null(rig_at(rig, "ticket.queuePosition"));
}

static void test_get_final(void **state)
{
    struct rig *rig = *state;
    static const struct {
        enum mu_match_state match;
        const char *status;
    } matched[] = {
        { MU_MATCH_ALLOCATING, "PLACING" },
        { MU_MATCH_LIVE, "COMPLETED" },
        { MU_MATCH_ENDED, "COMPLETED" },
    };
    for (size_t i = 0; i < sizeof matched / sizeof matched[0]; i++) {
        get(rig);
        answer_ticket(rig, MU_TICKET_MATCHED);
        rig_fill_match(rig, matched[i].match, 2, 4);
        rig_answer(rig, 0);
        rig_expect_text(rig, "ticket.status", matched[i].status);
    }
    get(rig);
    answer_ticket(rig, MU_TICKET_EXPIRED);
    rig_expect_status(rig, 200, NULL);
    rig_expect_text(rig, "ticket.status", "TIMED_OUT");
    get(rig);
    rig_answer_error(rig, 0, MU_ERROR_TICKET_NOT_FOUND, ticket_id);
    rig_expect_status(rig, 404, "TICKET_NOT_FOUND");
}

static void cancel(struct rig *rig)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/v1/tickets/%s", ticket_id);
    rig_call(rig, MU_HTTP_DELETE, path, NULL);
    (void)rig_asked(rig, MU_OP_TICKET_CANCEL, "store");
    assert_string_equal(rig->msg.ticket_cancel.ticket, ticket_id);
    assert_string_equal(rig->msg.ticket_cancel.player, "");
}

static void test_cancel(void **state)
{
    struct rig *rig = *state;
    cancel(rig);
    rig->answer.op = MU_OP_TICKET;
    rig->answer.ticket = a_ticket(MU_TICKET_CANCELLED);
    rig_answer(rig, 0);
    rig_expect_status(rig, 200, NULL);
    rig_expect_text(rig, "ticket.status", "CANCELLED");
    cancel(rig); /* the match won */
    rig->answer.op = MU_OP_ERROR;
    rig->answer.error = (struct mu_msg_error){ .code = MU_ERROR_TICKET_MATCHED,
                                               .engaged = MU_ENGAGED_MATCH,
                                               .subject = RIG_MATCH };
    rig_answer(rig, 0);
    rig_expect_status(rig, 409, "TICKET_MATCHED");
    rig_expect_text(rig, "matchId", RIG_MATCH);
}

/* Sends a request with credentials. */
static void call_as(struct rig *rig, enum mu_http_method method, const char *path,
                    const char *authorization, const char *body)
{
    struct mu_http_request request = rig_request(rig, method, path, body);
    request.authorization = authorization;
    rig_send(rig, &request);
}

/* A player acts for himself: no party of others, and no ticket without him. */
static void test_players(void **state)
{
    struct rig *rig = *state;
    static const char alone[] = "{\"queues\":[\"ranked\"],\"region\":\"eu-west-1\",\"players\":"
                                "[{\"playerId\":\"ply_a\"}]}";
    char bearer[256];
    call_as(rig, MU_HTTP_POST, "/v1/players/ply_a/tokens", "Bearer " RIG_BACKEND_KEY, "{}");
    rig_expect_status(rig, 201, NULL);
    (void)snprintf(bearer, sizeof bearer, "Bearer %s", rig_at(rig, "token")->text);
    call_as(rig, MU_HTTP_POST, "/v1/tickets", bearer, party_body);
    rig_expect_status(rig, 403, "FORBIDDEN");
    assert_int_equal(rig_count(rig), 0);
    call_as(rig, MU_HTTP_POST, "/v1/tickets", bearer, alone);
    (void)rig_asked(rig, MU_OP_TICKET_ADD, "queue/eu-west-1");
    rig_answer_error(rig, 0, MU_ERROR_OVERLOADED, "");
    call_as(rig, MU_HTTP_GET, "/v1/tickets/tkt_x", bearer, NULL);
    (void)rig_asked(rig, MU_OP_TICKET_GET, "store");
    assert_string_equal(rig->msg.ticket_get.player, "ply_a"); /* the store says whether it is his */
    rig_answer_error(rig, 0, MU_ERROR_TICKET_NOT_FOUND, "");
    call_as(rig, MU_HTTP_POST, "/v1/tickets", "Bearer " RIG_BACKEND_KEY, party_body);
    (void)rig_asked(rig, MU_OP_TICKET_ADD, "queue/eu-west-1");
    rig_answer_error(rig, 0, MU_ERROR_OVERLOADED, "");
    call_as(rig, MU_HTTP_POST, "/v1/tickets", "", alone);
    rig_expect_status(rig, 401, "UNAUTHORIZED");
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        CASE(add),
        CASE(add_at_home),
        CASE(faults),
        CASE(bounds),
        CASE(get_queued),
        CASE(get_changed),
        CASE(get_without_shard),
        CASE(get_final),
        CASE(cancel),
        CASE_KEYS(players),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
