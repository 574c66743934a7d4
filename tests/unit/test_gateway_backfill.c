/* The gateway's part of backfills: what is asked of the store, shown and refused. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/rig_cases.h"

static const char backfill_id[] = "bkf_01ARYZ6S41TSV4RRFFQ69G5FAV";
static const char path[] = "/v1/backfills/bkf_01ARYZ6S41TSV4RRFFQ69G5FAV";

static const char body[] =
    "{\"matchId\":\"" RIG_MATCH "\",\"leaseSeconds\":30,\"leavers\":[\"ply_c\"],\"players\":["
    "{\"playerId\":\"ply_a\",\"attributes\":{\"skill\":10.5},\"latencies\":{\"eu-west\":20}},"
    "{\"playerId\":\"ply_b\"}]}";

/* What the store answers. */
static void fill_backfill(struct rig *rig, enum mu_backfill_state backfill_state)
{
    struct mu_msg_backfill *backfill = &rig->answer.backfill;
    rig->answer.op = MU_OP_BACKFILL;
    *backfill = (struct mu_msg_backfill){
        .version = 1,
        .state = backfill_state,
        .match = RIG_MATCH,
        .mode = "team_match",
        .region = "eu-west-1",
        .players_count = 2,
        .players = { { .id = "ply_a", .rating = 1300, .deviation = 90, .team = 0 },
                     { .id = "ply_b", .rating = 1200, .deviation = 350, .team = 1 } },
        .teams = 2,
        .team_names_count = 2,
        .team_names = { { "red" }, { "blue" } },
        .created_ms = RIG_WALL_MS - 4000,
        .lease_ms = 30000,
        .lease_until_ms = RIG_WALL_MS + 26000,
    };
    memcpy(backfill->id, backfill_id, sizeof backfill_id);
    if (backfill_state == MU_BACKFILL_FILLED) {
        backfill->joined_count = 1;
        backfill->joined[0] = (struct mu_msg_id){ .id = "ply_d" };
        backfill->ended_ms = RIG_WALL_MS;
    }
}

static void test_add(void **state)
{
    struct rig *rig = *state;
    rig_call(rig, MU_HTTP_POST, "/v1/backfills", body);
    const struct mu_msg_envelope *envelope = rig_asked(rig, MU_OP_BACKFILL_ADD, "store");
    assert_string_not_equal(envelope->idempotency_key, "");
    const struct mu_msg_backfill_add *add = &rig->msg.backfill_add;
    assert_string_equal(add->match, RIG_MATCH);
    assert_string_equal(add->key_hash, "");
    assert_int_equal(add->lease_ms, 30000);
    assert_int_equal(add->leavers_count, 1);
    assert_string_equal(add->leavers[0].id, "ply_c");
    assert_int_equal(add->players_count, 2);
    assert_string_equal(add->players[1].id, "ply_b");
    static const char details[] =
        "[{\"attributes\":{\"skill\":10.5},\"latencies\":{\"eu-west-1\":20}},{}]";
    assert_int_equal(add->details.size, sizeof details - 1);
    assert_memory_equal(add->details.data, details, sizeof details - 1);
    fill_backfill(rig, MU_BACKFILL_QUEUED);
    rig->answer.backfill.created = true;
    rig_answer(rig, 0);
    rig_expect_status(rig, 201, NULL);
    rig_expect_text(rig, "backfill.backfillId", backfill_id);
    rig_expect_text(rig, "backfill.matchId", RIG_MATCH);
    rig_expect_text(rig, "backfill.gameMode", "team_match");
    rig_expect_text(rig, "backfill.region", "eu-west-1");
    rig_expect_text(rig, "backfill.status", "SEARCHING");
    rig_expect_text(rig, "backfill.players.1.playerId", "ply_b");
    rig_expect_text(rig, "backfill.players.1.team", "TEAM_B");
    rig_expect_text(rig, "backfill.players.1.teamName", "blue");
    rig_expect_number(rig, "backfill.leaseSeconds", 30);
    rig_expect_text(rig, "backfill.leaseUntil", "2026-11-24T06:00:26.123Z");
    rig_expect_text(rig, "backfill.createdAt", "2026-11-24T05:59:56.123Z");
    rig_call(rig, MU_HTTP_POST, "/v1/backfills", "{\"matchId\":\"" RIG_MATCH "\"}");
    (void)rig_asked(rig, MU_OP_BACKFILL_ADD, "store");
    assert_int_equal(rig->msg.backfill_add.players_count, 0);
    assert_int_equal(rig->msg.backfill_add.details.size, 0);
    assert_int_equal(rig->msg.backfill_add.lease_ms, 0);
    fill_backfill(rig, MU_BACKFILL_QUEUED);
    rig_answer(rig, 0);
    rig_expect_status(rig, 200, NULL); /* the one that there was */
}

static void test_faults(void **state)
{
    struct rig *rig = *state;
    rig_call(rig, MU_HTTP_POST, "/v1/backfills",
             "{\"leaseSeconds\":4,\"match\":1,\"leavers\":[1],\"players\":["
             "{\"playerId\":\"a b\",\"team\":\"red\"},{\"attributes\":{\"x\":true}},"
             "{\"playerId\":\"ply_a\",\"latencies\":{\"pluto\":1}},7]}");
    rig_expect_status(rig, 400, "VALIDATION_FAILED");
    static const char *const pointers[] = {
        "/match",
        "/matchId",
        "/players/0/team",
        "/players/0/playerId",
        "/players/1/playerId",
        "/players/1/attributes/x",
        "/players/2/latencies/pluto",
        "/players/3",
        "/leavers",
        "/leaseSeconds",
    };
    for (uint32_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        char at[32];
        (void)snprintf(at, sizeof at, "errors.%u.pointer", i);
        rig_expect_text(rig, at, pointers[i]);
    }
    assert_int_equal(rig_count(rig), 0);
    rig_call(rig, MU_HTTP_POST, "/v1/backfills", "[]");
    rig_expect_status(rig, 400, NULL);
}

/* A whole match of players, and one more. */
static void test_bounds(void **state)
{
    struct rig *rig = *state;
    enum { PLAYERS = 200 };
    char *text = malloc(65536);
    assert_non_null(text);
    int n = snprintf(text, 65536, "{\"matchId\":\"m\",\"players\":[");
    for (uint32_t i = 0; i < PLAYERS; i++) {
        n += snprintf(text + n, 65536 - (size_t)n,
                      "%s{\"playerId\":\"p%u\",\"attributes\":{\"a\":\"%0*d\"}}", i == 0 ? "" : ",",
                      i, 240, 0);
    }
    n += snprintf(text + n, 65536 - (size_t)n, "]}");
    rig_call(rig, MU_HTTP_POST, "/v1/backfills", text);
    (void)rig_asked(rig, MU_OP_BACKFILL_ADD, "store");
    assert_int_equal(rig->msg.backfill_add.players_count, PLAYERS);
    rig_answer_error(rig, 0, MU_ERROR_MATCH_NOT_FOUND, "");
    rig_expect_status(rig, 404, "MATCH_NOT_FOUND");
    text[n - 2] = '\0'; /* one more player */
    n = (int)strlen(text);
    (void)snprintf(text + n, 65536 - (size_t)n, ",{\"playerId\":\"p200\"}]}");
    rig_call(rig, MU_HTTP_POST, "/v1/backfills", text);
    rig_expect_status(rig, 400, "VALIDATION_FAILED");
    free(text);
}

static void test_others(void **state)
{
    static const struct {
        enum mu_http_method method;
        enum mu_op op;
        enum mu_backfill_state ended;
        const char *text;
        bool keyed;
    } cases[] = {
        { MU_HTTP_GET, MU_OP_BACKFILL_GET, MU_BACKFILL_QUEUED, "SEARCHING", false },
        { MU_HTTP_GET, MU_OP_BACKFILL_GET, MU_BACKFILL_FILLED, "FILLED", false },
        { MU_HTTP_PUT, MU_OP_BACKFILL_RENEW, MU_BACKFILL_QUEUED, "SEARCHING", false },
        { MU_HTTP_PUT, MU_OP_BACKFILL_RENEW, MU_BACKFILL_EXPIRED, "TIMED_OUT", false },
        { MU_HTTP_PUT, MU_OP_BACKFILL_RENEW, MU_BACKFILL_ENDED, "MATCH_ENDED", false },
        { MU_HTTP_DELETE, MU_OP_BACKFILL_CANCEL, MU_BACKFILL_CANCELLED, "CANCELLED", true },
        { MU_HTTP_DELETE, MU_OP_BACKFILL_CANCEL, MU_BACKFILL_FILLED, "FILLED", true },
    };
    struct rig *rig = *state;
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rig_call(rig, cases[i].method, path, NULL);
        const struct mu_msg_envelope *envelope = rig_asked(rig, cases[i].op, "store");
        assert_int_equal(envelope->idempotency_key[0] != '\0', cases[i].keyed);
        assert_string_equal(rig->msg.backfill_get.id, backfill_id); /* the first field of all */
        fill_backfill(rig, cases[i].ended);
        rig_answer(rig, 0);
        rig_expect_status(rig, 200, NULL);
        rig_expect_text(rig, "backfill.status", cases[i].text);
        if (cases[i].ended == MU_BACKFILL_FILLED) {
            rig_expect_text(rig, "backfill.joined.0", "ply_d");
            rig_expect_text(rig, "backfill.endedAt", "2026-11-24T06:00:00.123Z");
        }
    }
    rig_call(rig, MU_HTTP_PUT, path, "{\"lease\":1}");
    rig_expect_status(rig, 400, "VALIDATION_FAILED");
    rig_call(rig, MU_HTTP_GET, path, NULL);
    rig_answer_error(rig, 0, MU_ERROR_BACKFILL_NOT_FOUND, backfill_id);
    rig_expect_status(rig, 404, "BACKFILL_NOT_FOUND");
}

/* What a match shows of it. */
static void test_match(void **state)
{
    struct rig *rig = *state;
    rig_call(rig, MU_HTTP_GET, "/v1/matches/" RIG_MATCH, NULL);
    rig_fill_match(rig, MU_MATCH_LIVE, 2, 4);
    rig->answer.match.players[1].freed = true;
    memcpy(rig->answer.match.backfill, backfill_id, sizeof backfill_id);
    rig_answer(rig, 0);
    rig_expect_status(rig, 200, NULL);
    rig_expect_text(rig, "match.backfillId", backfill_id);
    assert_int_equal(rig_at(rig, "match.players.1.freed")->type, MU_JSON_TRUE);
}

/* Game servers and backends; the store hears with which key. */
static void test_roles(void **state)
{
    struct rig *rig = *state;
    char bearer[256];
    struct mu_http_request request =
        rig_request(rig, MU_HTTP_POST, "/v1/players/ply_a/tokens", "{}");
    request.authorization = "Bearer " RIG_BACKEND_KEY;
    rig_send(rig, &request);
    (void)snprintf(bearer, sizeof bearer, "Bearer %s", rig_at(rig, "token")->text);
    request = rig_request(rig, MU_HTTP_POST, "/v1/backfills", body);
    request.authorization = bearer;
    rig_send(rig, &request);
    rig_expect_status(rig, 403, "FORBIDDEN");
    request = rig_request(rig, MU_HTTP_POST, "/v1/backfills", body);
    rig_send(rig, &request);
    rig_expect_status(rig, 401, "UNAUTHORIZED");
    assert_int_equal(rig_count(rig), 0);

    request = rig_request(rig, MU_HTTP_POST, "/v1/servers",
                          "{\"ip\":\"192.0.2.7\",\"port\":7777,\"region\":\"eu-west-1\"}");
    request.authorization = "Bearer " RIG_BACKEND_KEY;
    rig_send(rig, &request);
    (void)rig_asked(rig, MU_OP_SERVER_REGISTER, "store");
    char key_hash[65];
    memcpy(key_hash, rig->msg.server_register.key_hash, sizeof key_hash);
    rig->answer.op = MU_OP_SERVER;
    rig->answer.server = (struct mu_msg_server){ .id = "srv_x", .port = 7777, .slots = 1 };
    rig_answer(rig, 0);
    rig_expect_status(rig, 201, NULL);
    (void)snprintf(bearer, sizeof bearer, "Bearer %s", rig_at(rig, "serverKey")->text);
    request = rig_request(rig, MU_HTTP_POST, "/v1/backfills", body);
    request.authorization = bearer;
    rig_send(rig, &request);
    (void)rig_asked(rig, MU_OP_BACKFILL_ADD, "store");
    assert_string_equal(rig->msg.backfill_add.key_hash, key_hash);
    rig_answer_error(rig, 0, MU_ERROR_FORBIDDEN, "");
    request = rig_request(rig, MU_HTTP_PUT, path, NULL);
    request.authorization = bearer;
    rig_send(rig, &request);
    (void)rig_asked(rig, MU_OP_BACKFILL_RENEW, "store");
    assert_string_equal(rig->msg.backfill_renew.key_hash, key_hash);
    rig_answer_error(rig, 0, MU_ERROR_FORBIDDEN, "");
    rig_expect_status(rig, 403, "FORBIDDEN");
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        CASE(add), CASE(faults), CASE(bounds), CASE(others), CASE(match), CASE_KEYS(roles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
