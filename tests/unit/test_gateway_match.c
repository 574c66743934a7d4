/* tests/unit/test_gateway_match.c - matches, results, game servers and events over HTTP through
 * the pure gateway. */
#include "tests/unit/rig.h"

#include <string.h>

#include "gateway/access.h"

#define PLAYER "ply_01ARYZ6S41TSV4RRFFQ69G5FAV"
#define LOBBY  "lob_01ARYZ6S41TSV4RRFFQ69G5FAV"
#define MATCH  "mch_01ARYZ6S41TSV4RRFFQ69G5FAV"
#define SERVER "srv_01ARYZ6S41TSV4RRFFQ69G5FAV"

static uint64_t seed;

static void test_shows_matches(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    rig_call(rig, MU_HTTP_GET, "/v1/matches/" MATCH, NULL);
    (void)rig_asked(rig, MU_OP_MATCH_GET, "store");
    rig_fill_match(rig, MU_MATCH_ENDED, 2, 2);
    rig->answer.match.started_ms = RIG_WALL_MS;
    rig->answer.match.ended_ms = RIG_WALL_MS + 61500;
    rig->answer.match.ranking_count = 2;
    rig->answer.match.ranking[0] = (struct mu_msg_team_rank){ 1, 1 };
    rig->answer.match.ranking[1] = (struct mu_msg_team_rank){ 0, 2 };
    (void)snprintf(rig->answer.match.players[0].status, 24, "LEFT");
    rig_answer(rig, 0);
    rig_expect_status(rig, 200, NULL);
    rig_expect_text(rig, "match.matchId", MATCH);
    rig_expect_text(rig, "match.lobbyId", LOBBY);
    rig_expect_text(rig, "match.status", "COMPLETED");
    rig_expect_text(rig, "match.winningTeam", "TEAM_B");
    rig_expect_number(rig, "match.duration", 61);
    rig_expect_number(rig, "match.quality", 0.75);
    rig_expect_text(rig, "match.players.0.team", "TEAM_A");
    rig_expect_text(rig, "match.players.0.status", "LEFT");
    rig_expect_text(rig, "match.players.1.team", "TEAM_B");
    assert_int_equal(rig_at(rig, "match.gameServer")->type, MU_JSON_NULL);

    rig_fill_match(rig, MU_MATCH_LIVE, 1, 200); /* the largest there is */
    rig_call(rig, MU_HTTP_GET, "/v1/matches/" MATCH, NULL);
    rig_answer(rig, 0);
    rig_expect_status(rig, 200, NULL);
    rig_expect_text(rig, "match.players.199.team", "TEAM_200");
    rig_expect_text(rig, "match.players.2.team", "TEAM_C");
    rig_destroy(rig);
}

static void test_updates_matches(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    rig_call(rig, MU_HTTP_PUT, "/v1/matches/" MATCH,
             "{\"updates\":{\"scores\":[{\"playerId\":\"ply_0\",\"score\":-7}],"
             "\"playerStatus\":[{\"playerId\":\"ply_1\",\"status\":\"LEFT\"}]}}");
    (void)rig_asked(rig, MU_OP_MATCH_UPDATE, "store");
    assert_string_equal(rig->msg.match_update.key_hash, "");
    assert_int_equal(rig->msg.match_update.scores_count, 1);
    assert_int_equal(rig->msg.match_update.scores[0].score, -7);
    assert_string_equal(rig->msg.match_update.statuses[0].status, "LEFT");
    rig_fill_match(rig, MU_MATCH_LIVE, 2, 2);
    rig_answer(rig, 0);
    rig_expect_status(rig, 200, NULL);
    rig_call(rig, MU_HTTP_PUT, "/v1/matches/" MATCH,
             "{\"updates\":{\"scores\":[{\"score\":1e12}],\"playerStatus\":[{\"playerId\":"
             "\"a\",\"status\":\"left\"}]}}");
    rig_expect_status(rig, 400, "VALIDATION_FAILED");
    rig_expect_text(rig, "errors.0.pointer", "/updates/scores/0/playerId");
    rig_expect_text(rig, "errors.1.pointer", "/updates/scores/0/score");
    rig_expect_text(rig, "errors.2.pointer", "/updates/playerStatus/0/status");
    rig_destroy(rig);
}

/* Asks for the end of a match and answers with the match; what was asked of the store is left in
 * rig->msg. */
static void end_match(struct rig *rig, const char *body, uint32_t teams, uint32_t players)
{
    rig_call(rig, MU_HTTP_POST, "/v1/matches/" MATCH "/end", body);
    (void)rig_asked(rig, MU_OP_MATCH_GET, "store");
    rig_fill_match(rig, MU_MATCH_LIVE, teams, players);
    rig_answer(rig, 0);
}

static void expect_ranking(struct rig *rig, uint32_t count, const uint64_t (*ranks)[2])
{
    (void)rig_asked(rig, MU_OP_MATCH_END, "store");
    assert_int_equal(rig->msg.match_end.ranking_count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(rig->msg.match_end.ranking[i].team, ranks[i][0]);
        assert_int_equal(rig->msg.match_end.ranking[i].rank, ranks[i][1]);
    }
}

static void test_ends_matches(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    end_match(rig, "{\"winningTeam\":\"TEAM_B\",\"leavers\":[\"ply_0\"]}", 2, 4);
    expect_ranking(rig, 2, (const uint64_t[][2]){ { 0, 2 }, { 1, 1 } });
    assert_int_equal(rig->msg.match_end.leavers_count, 1);
    assert_string_equal(rig->msg.match_end.leavers[0].id, "ply_0");
    rig->answer.op = MU_OP_MATCH_ENDED;
    rig->answer.match_ended = (struct mu_msg_match_ended){
        .match = MATCH,
        .winning_team = 1,
        .teams = 2,
        .duration_ms = 90500,
        .changes_count = 2,
        .changes = { { "ply_0", 1200, 1184, MU_OUTCOME_LOSS },
                     { "ply_1", 1200, 1216, MU_OUTCOME_WIN } },
    };
    rig_answer(rig, 0);
    rig_expect_status(rig, 200, NULL);
    rig_expect_text(rig, "results.winningTeam", "TEAM_B");
    rig_expect_number(rig, "results.duration", 90);
    rig_expect_text(rig, "results.winners.0", "ply_1");
    rig_expect_text(rig, "results.losers.0", "ply_0");
    rig_expect_number(rig, "results.ratings.1.after", 1216);

    end_match(rig, "{\"winningTeam\":\"DRAW\"}", 2, 2);
    expect_ranking(rig, 2, (const uint64_t[][2]){ { 0, 1 }, { 1, 1 } });
    rig_answer_error(rig, 0, MU_ERROR_RESULT_CONFLICT, "");
    rig_expect_status(rig, 409, "RESULT_CONFLICT");

    end_match(rig,
              "{\"ranking\":[{\"team\":\"TEAM_C\",\"rank\":1},{\"team\":\"TEAM_A\",\"rank\":2},"
              "{\"team\":\"TEAM_B\",\"rank\":2}]}",
              3, 3);
    expect_ranking(rig, 3, (const uint64_t[][2]){ { 2, 1 }, { 0, 2 }, { 1, 2 } });
    rig_answer_error(rig, 0, MU_ERROR_MATCH_NOT_LIVE, "");

    end_match(rig,
              "{\"ranking\":[{\"playerId\":\"ply_1\",\"rank\":1},{\"playerId\":\"ply_0\","
              "\"rank\":2}]}",
              1, 2);
    expect_ranking(rig, 2, (const uint64_t[][2]){ { 1, 1 }, { 0, 2 } });
    rig_answer_error(rig, 0, MU_ERROR_MATCH_NOT_LIVE, "");

    end_match(rig, "{\"winningTeam\":\"TEAM_C\"}", 1, 3); /* everybody is his own team */
    expect_ranking(rig, 3, (const uint64_t[][2]){ { 0, 2 }, { 1, 2 }, { 2, 1 } });
    rig_answer_error(rig, 0, MU_ERROR_MATCH_NOT_LIVE, "");
    rig_destroy(rig);
}

static void test_refuses_wrong_results(void **state)
{
    static const char *const wrong[] = {
        "{\"winningTeam\":\"TEAM_C\"}",
        "{\"ranking\":[{\"team\":\"TEAM_A\",\"rank\":1}]}",
        "{\"ranking\":[{\"team\":\"TEAM_A\",\"rank\":1},{\"team\":\"TEAM_A\",\"rank\":2}]}",
        "{\"ranking\":[{\"playerId\":\"ply_0\",\"rank\":1},{\"playerId\":\"ply_1\",\"rank\":2}]}",
    };
    static const char *const malformed[] = {
        "{}",
        "{\"winningTeam\":\"A\"}",
        "{\"winningTeam\":\"TEAM_a\"}",
        "{\"winningTeam\":7}",
        "{\"ranking\":{}}",
        "{\"ranking\":[7]}",
        "{\"ranking\":[{\"rank\":1}]}",
        "{\"ranking\":[{\"team\":\"DRAW\",\"rank\":1}]}",
        "{\"ranking\":[{\"team\":\"TEAM_A\",\"rank\":0}]}",
        "{\"winningTeam\":\"DRAW\",\"leavers\":[7]}",
        "[]",
    };
    struct rig *rig = rig_create(seed, false);
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        end_match(rig, wrong[i], 2, 2);
        assert_int_equal(rig_count(rig), 0);
        rig_expect_status(rig, 400, "VALIDATION_FAILED");
    }
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        rig_call(rig, MU_HTTP_POST, "/v1/matches/" MATCH "/end", malformed[i]);
        assert_int_equal(rig_count(rig), 0);
        assert_int_equal(rig->status, 400);
    }
    rig_destroy(rig);
}

static void test_serves_servers(void **state)
{
    struct rig *rig = rig_create(seed, false);
    char hash[MU_ACCESS_HASH_HEX + 1];
    char key[256];
    (void)state;
    struct mu_http_request request = rig_request(
        rig, MU_HTTP_POST, "/v1/servers",
        "{\"ip\":\"192.0.2.1\",\"port\":7777,\"region\":\"eu-west\",\"gameModes\":[\"duel\"]}");
    request.idempotency_key = "once";
    rig_send(rig, &request);
    (void)rig_asked(rig, MU_OP_SERVER_REGISTER, "store");
    memcpy(hash, rig->msg.server_register.key_hash, sizeof hash);
    assert_int_equal(rig->msg.server_register.slots, 1);
    rig->answer.op = MU_OP_SERVER;
    rig->answer.server = (struct mu_msg_server){ .id = SERVER, .state = MU_SERVER_READY };
    memcpy(rig->answer.server.key_hash, hash, sizeof hash);
    rig_answer(rig, 0);
    rig_expect_status(rig, 201, NULL);
    rig_expect_text(rig, "server.serverId", SERVER);
    assert_null(strstr(rig->body, hash));
    (void)snprintf(key, sizeof key, "%s", rig_at(rig, "serverKey")->text);

    request.id = 1000; /* the same request again gets the same key */
    rig_send(rig, &request);
    (void)rig_asked(rig, MU_OP_SERVER_REGISTER, "store");
    assert_string_equal(rig->msg.server_register.key_hash, hash);
    rig_answer_error(rig, 0, MU_ERROR_STORAGE_FULL, "");
    rig_expect_status(rig, 503, "STORAGE_FULL");
    assert_true(rig_header(rig, "Retry-After: 1"));

    char authorization[300];
    (void)snprintf(authorization, sizeof authorization, "Bearer %s", key);
    request = rig_request(rig, MU_HTTP_POST, "/v1/servers/" SERVER "/heartbeat", NULL);
    request.authorization = authorization;
    rig_send(rig, &request);
    (void)rig_asked(rig, MU_OP_SERVER_BEAT, "lobby/0");
    assert_string_equal(rig->msg.server_beat.key_hash, hash);
    rig->answer.op = MU_OP_SESSIONS;
    rig->answer.sessions = (struct mu_msg_sessions){
        .server = SERVER, .heartbeat_ms = 10000, .matches_count = 1, .matches = { { MATCH } }
    };
    rig_answer(rig, 0);
    rig_expect_status(rig, 200, NULL);
    rig_expect_text(rig, "sessions.0.matchId", MATCH);
    rig_expect_number(rig, "heartbeatSeconds", 3);

    request = rig_request(rig, MU_HTTP_POST, "/v1/players/register",
                          "{\"username\":\"The Fox\",\"region\":\"eu-west\"}");
    request.authorization = authorization;
    rig_send(rig, &request);
    rig_expect_status(rig, 403, "FORBIDDEN");

    rig_call(rig, MU_HTTP_POST, "/v1/servers/" SERVER "/drain", NULL);
    (void)rig_asked(rig, MU_OP_SERVER_STATE, "store");
    assert_int_equal(rig->msg.server_state_set.state, MU_SERVER_DRAINING);
    rig_answer_error(rig, 0, MU_ERROR_SERVER_NOT_FOUND, "");
    rig_call(rig, MU_HTTP_DELETE, "/v1/servers/" SERVER, NULL);
    (void)rig_asked(rig, MU_OP_SERVER_STATE, "store");
    assert_int_equal(rig->msg.server_state_set.state, MU_SERVER_GONE);
    rig_answer_error(rig, 0, MU_ERROR_SERVER_NOT_FOUND, "");
    rig_expect_status(rig, 404, "SERVER_NOT_FOUND");
    rig_destroy(rig);
}

static void test_shows_events(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    struct mu_http_request request =
        rig_request(rig, MU_HTTP_GET, "/v1/players/" PLAYER "/events", NULL);
    request.query = "since=4&limit=3";
    rig_send(rig, &request);
    (void)rig_asked(rig, MU_OP_EVENTS_GET, "store");
    assert_int_equal(rig->msg.events_get.after, 4);
    assert_int_equal(rig->msg.events_get.limit, 3);
    rig->answer.op = MU_OP_EVENTS_END;
    rig->answer.events_end.last = 5;
    rig->answer.events_end.newest = 9;
    rig->answer.events_end.events_count = 1;
    rig->answer.events_end.events[0] = (struct mu_msg_event){
        .player = PLAYER,
        .seq = 5,
        .kind = MU_EVENT_MATCH_ENDED,
        .match = MATCH,
        .outcome = MU_OUTCOME_DRAW,
        .rating_before = 1200,
        .rating_after = 1201,
    };
    rig_answer(rig, 0);
    rig_expect_status(rig, 200, NULL);
    rig_expect_text(rig, "events.0.type", "MATCH_ENDED");
    rig_expect_number(rig, "events.0.seq", 5);
    rig_expect_text(rig, "events.0.result", "draw");
    rig_expect_number(rig, "events.0.rating.after", 1201);
    rig_expect_number(rig, "lastSeq", 5);
    rig_expect_number(rig, "newestSeq", 9);
    request.id = 1000;
    request.query = "since=-1&limit=x";
    rig_send(rig, &request);
    rig_expect_status(rig, 400, "VALIDATION_FAILED");
    rig_expect_text(rig, "errors.1.pointer", "/limit");
    rig_destroy(rig);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shows_matches),  cmocka_unit_test(test_updates_matches),
        cmocka_unit_test(test_ends_matches),   cmocka_unit_test(test_refuses_wrong_results),
        cmocka_unit_test(test_serves_servers), cmocka_unit_test(test_shows_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
