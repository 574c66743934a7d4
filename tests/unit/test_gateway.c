/* tests/unit/test_gateway.c - players, queue and lobbies over HTTP through the pure gateway. */
#include "tests/unit/rig.h"

#include <string.h>

#include "gateway/access.h"

#define PLAYER "ply_01ARYZ6S41TSV4RRFFQ69G5FAV"
#define OTHER  "ply_01ARYZ6S41TSV4RRFFQ69G5FAW"
#define TICKET "tkt_01ARYZ6S41TSV4RRFFQ69G5FAV"
#define LOBBY  "lob_01ARYZ6S41TSV4RRFFQ69G5FAV"
#define MATCH  "mch_01ARYZ6S41TSV4RRFFQ69G5FAV"
#define SERVER "srv_01ARYZ6S41TSV4RRFFQ69G5FAV"

static uint64_t seed;

static void fill_player(struct rig *rig)
{
    rig->answer.op = MU_OP_PLAYER;
    rig->answer.player = (struct mu_msg_player){
        .id = PLAYER,
        .username = "The Fox",
        .region = "eu-west-1",
        .rating = 1650,
        .wins = 2,
        .losses = 1,
        .streak = -1,
        .streak_max = 2,
        .latency_max_ms = 80,
        .preferences = "{\"a\":[1]}",
        .created_ms = 951782400000, /* 2000-02-29 */
        .updated_ms = 1795500000123,
        .engaged = MU_ENGAGED_TICKET,
        .engagement = TICKET,
    };
}

static struct mu_msg_ticket ticket_of(enum mu_ticket_state ticket_state)
{
    return (struct mu_msg_ticket){
        .id = TICKET,
        .version = 1,
        .state = ticket_state,
        .mode = "ranked",
        .region = "eu-west-1",
        .players_count = 1,
        .players = { { .id = PLAYER, .username = "The Fox", .rating = 1200 } },
        .enqueued_ms = RIG_WALL_MS - 7500,
        .wait_max_ms = 300000,
    };
}

static void test_registers_a_player(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    rig_call(rig, MU_HTTP_POST, "/v1/players/register",
             "{\"username\":\"The Fox\",\"region\":\"eu-west\",\"preferredGameMode\":\"ranked\","
             "\"maxAcceptableLatency\":80,\"preferences\":{\"a\":[1]},\"unknown\":true}");
    const struct mu_msg_envelope *envelope = rig_asked(rig, MU_OP_PLAYER_REGISTER, "store");
    assert_int_equal(envelope->budget_ms, 5000);
    assert_int_equal(strlen(envelope->idempotency_key), MU_ACCESS_HASH_HEX);
    assert_int_equal(strlen(envelope->trace), 55);
    assert_string_equal(rig->msg.player_register.username, "The Fox");
    assert_string_equal(rig->msg.player_register.region, "eu-west-1");
    assert_string_equal(rig->msg.player_register.mode, "ranked");
    assert_string_equal(rig->msg.player_register.preferences, "{\"a\":[1]}");
    assert_int_equal(rig->msg.player_register.latency_max_ms, 80);
    assert_int_equal(rig->replies, 0);
    fill_player(rig);
    rig_answer(rig, 0);
    rig_expect_status(rig, 201, NULL);
    assert_int_equal(rig->replies, 1);
    assert_true(rig_header(rig, "Content-Type: application/json"));
    assert_true(rig_header(rig, "Muster-Mode: open"));
    assert_true(rig_header(rig, "Cache-Control: no-store"));
    assert_non_null(rig_at(rig, "message"));
    assert_string_equal(
        rig->body + strcspn(rig->body, ",") + 1,
        "\"player\":{\"playerId\":\"" PLAYER "\",\"username\":\"The Fox\",\"skillRating\":1650,"
        "\"tier\":\"PLATINUM\",\"wins\":2,\"losses\":1,\"draws\":0,\"winRate\":0.6667,"
        "\"matchesPlayed\":3,\"region\":\"eu-west-1\",\"status\":\"IN_QUEUE\","
        "\"engagementId\":\"" TICKET "\",\"currentStreak\":-1,\"maxStreak\":2,"
        "\"preferredGameMode\":null,\"maxAcceptableLatency\":80,\"preferences\":{\"a\":[1]},"
        "\"createdAt\":\"2000-02-29T00:00:00.000Z\",\"updatedAt\":\"2026-11-24T06:00:00.123Z\"}}");
    assert_int_equal(mu_gateway_pending(rig->gw), 0);
    rig_destroy(rig);
}

static void test_tells_all_that_is_wrong(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    rig_call(rig, MU_HTTP_POST, "/v1/players/register",
             "{\"username\":\"x\",\"region\":\"mars\",\"preferences\":[]}");
    rig_expect_status(rig, 400, "VALIDATION_FAILED");
    rig_expect_text(rig, "errors.0.pointer", "/username");
    rig_expect_text(rig, "errors.1.pointer", "/region");
    rig_expect_text(rig, "errors.1.code", "REGION_NOT_SUPPORTED");
    rig_expect_text(rig, "errors.2.pointer", "/preferences");
    rig_expect_text(rig, "type", "/problems/VALIDATION_FAILED");
    assert_non_null(rig_at(rig, "message"));
    assert_non_null(rig_at(rig, "error"));
    assert_int_equal(strlen(rig_at(rig, "traceId")->text), 32);

    rig_call(rig, MU_HTTP_POST, "/v1/players/register",
             "{\"username\":\"The Fox\",\"region\":\"mars\"}");
    rig_expect_status(rig, 400, "REGION_NOT_SUPPORTED");
    rig_call(rig, MU_HTTP_POST, "/v1/players/register", "{\"username\":");
    rig_expect_status(rig, 400, "BAD_REQUEST");
    rig_call(rig, MU_HTTP_POST, "/v1/players/register", "[]");
    rig_expect_status(rig, 400, "BAD_REQUEST");
    rig_call(rig, MU_HTTP_POST, "/v1/players/register", NULL);
    rig_expect_status(rig, 400, "VALIDATION_FAILED");
    rig_call(rig, MU_HTTP_PUT, "/v1/players/" PLAYER "/stats",
             "{\"matchResult\":\"win\",\"opponentRating\":5000}");
    rig_expect_status(rig, 400, "INVALID_SKILL_RANGE");
    rig_call(rig, MU_HTTP_GET, "/v1/players/a%20b", NULL);
    rig_expect_status(rig, 400, "VALIDATION_FAILED");
    struct mu_http_request request = rig_request(rig, MU_HTTP_POST, "/v1/players/register", "a=1");
    request.content_type = "application/x-www-form-urlencoded";
    rig_send(rig, &request);
    rig_expect_status(rig, 415, "UNSUPPORTED_MEDIA_TYPE");
    request.content_type = "application/json; charset=utf-8";
    rig_send(rig, &request);
    rig_expect_status(rig, 400, "BAD_REQUEST");
    assert_int_equal(rig_count(rig), 0);
    assert_int_equal(mu_gateway_counters(rig->gw)->values[MU_COUNTER_HTTP_ERRORS], rig->replies);
    rig_destroy(rig);
}

static void test_knows_its_paths(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    rig_call(rig, MU_HTTP_GET, "/v1/nothing", NULL);
    rig_expect_status(rig, 404, "NOT_FOUND");
    rig_call(rig, MU_HTTP_DELETE, "/v1/players/" PLAYER, NULL);
    rig_expect_status(rig, 405, "METHOD_NOT_ALLOWED");
    assert_true(rig_header(rig, "Allow: GET, HEAD, PATCH, OPTIONS"));
    rig_call(rig, MU_HTTP_OPTIONS, "/v1/lobbies", NULL);
    rig_expect_status(rig, 204, NULL);
    assert_true(rig_header(rig, "Allow: POST, OPTIONS"));
    rig_call(rig, MU_HTTP_GET, "/problems/LOBBY_FULL", NULL);
    rig_expect_status(rig, 200, NULL);
    rig_expect_number(rig, "status", 409);
    rig_call(rig, MU_HTTP_GET, "/problems/NO_SUCH", NULL);
    rig_expect_status(rig, 404, "NOT_FOUND");
    rig_call(rig, MU_HTTP_GET, "/version", NULL);
    rig_expect_text(rig, "mode", "open");
    rig_call(rig, MU_HTTP_HEAD, "/livez", NULL);
    rig_expect_status(rig, 200, NULL);
    rig_destroy(rig);
}

static void test_joins_the_queue(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    rig_call(rig, MU_HTTP_POST, "/v1/matchmaking/queue",
             "{\"playerId\":\"" PLAYER "\",\"gameMode\":\"ranked\",\"region\":\"eu-west\","
             "\"latency\":20.4,\"latencies\":{\"us-east\":90,\"us-west-2\":150},"
             "\"maxWaitTime\":60}");
    (void)rig_asked(rig, MU_OP_TICKET_ADD, "queue/eu-west-1");
    const struct mu_msg_ticket_add *ask = &rig->msg.ticket_add;
    assert_int_equal(ask->players_count, 1);
    assert_string_equal(ask->players[0].id, PLAYER);
    assert_string_equal(ask->mode, "ranked");
    assert_int_equal(ask->wait_max_ms, 60000);
    assert_int_equal(ask->latencies_count, 3);
    assert_string_equal(ask->latencies[0].region, "eu-west-1");
    assert_int_equal(ask->latencies[0].ms, 20);
    assert_string_equal(ask->latencies[1].region, "us-east-1");
    assert_int_equal(ask->latencies[2].ms, 150);
    rig->answer.op = MU_OP_TICKET_ADDED;
    rig->answer.ticket_added = (struct mu_msg_ticket_added){
        .ticket = ticket_of(MU_TICKET_QUEUED),
        .position = 3,
        .estimate_ms = 12001,
    };
    rig_answer(rig, 0);
    rig_expect_status(rig, 201, NULL);
    rig_expect_text(rig, "queueData.playerId", PLAYER);
    rig_expect_text(rig, "queueData.ticketId", TICKET);
    rig_expect_text(rig, "queueData.gameMode", "ranked");
    rig_expect_number(rig, "queueData.queuePosition", 3);
    rig_expect_number(rig, "queueData.estimatedWaitTime", 13);

    rig_call(rig, MU_HTTP_POST, "/v1/matchmaking/queue",
             "{\"playerId\":\"" PLAYER "\",\"gameMode\":\"chess\",\"latencies\":{\"mars\":1,"
             "\"us-east\":1001},\"maxWaitTime\":0}");
    rig_expect_status(rig, 400, "VALIDATION_FAILED");
    rig_expect_text(rig, "errors.0.pointer", "/gameMode");
    rig_expect_text(rig, "errors.1.pointer", "/latencies/mars");
    rig_expect_text(rig, "errors.2.pointer", "/latencies/us-east");
    rig_expect_text(rig, "errors.3.pointer", "/maxWaitTime");
    rig_destroy(rig);
}

static void test_joins_the_queue_at_home(void **state)
{
    struct rig *rig = rig_create(seed, false);
    static char body[3000];
    (void)state;
    (void)snprintf(body, sizeof body,
                   "{\"playerId\":\"" PLAYER "\",\"gameMode\":\"duel\",\"latency\":33,"
                   "\"padding\":\"%02500d\"}",
                   0); /* more than a slot keeps: a block */
    rig_call(rig, MU_HTTP_POST, "/v1/matchmaking/queue", body);
    const struct mu_msg_envelope *envelope = rig_asked(rig, MU_OP_PLAYER_GET, "store");
    char key[128];
    memcpy(key, envelope->idempotency_key, sizeof key);
    fill_player(rig);
    rig_answer(rig, 0);
    envelope = rig_asked(rig, MU_OP_TICKET_ADD, "queue/eu-west-1");
    assert_string_equal(envelope->idempotency_key, key);
    assert_string_equal(rig->msg.ticket_add.mode, "duel");
    assert_int_equal(rig->msg.ticket_add.latencies_count, 1);
    assert_string_equal(rig->msg.ticket_add.latencies[0].region, "eu-west-1");
    assert_int_equal(rig->msg.ticket_add.latencies[0].ms, 33);
    rig->answer.op = MU_OP_ERROR;
    rig->answer.error = (struct mu_msg_error){
        .code = MU_ERROR_PLAYER_IN_MATCH,
        .engaged = MU_ENGAGED_MATCH,
        .subject = MATCH,
    };
    rig_answer(rig, 0);
    rig_expect_status(rig, 409, "PLAYER_IN_MATCH");
    rig_expect_text(rig, "engagement.kind", "match");
    rig_expect_text(rig, "engagement.id", MATCH);
    rig_expect_text(rig, "matchId", MATCH);
    rig_destroy(rig);
}

static void test_shows_the_queue(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    rig_call(rig, MU_HTTP_GET, "/v1/matchmaking/queue/" PLAYER, NULL);
    const struct mu_msg_envelope *envelope = rig_asked(rig, MU_OP_TICKET_GET, "store");
    assert_string_equal(envelope->idempotency_key, "");
    assert_string_equal(rig->msg.ticket_get.player, PLAYER);
    rig->answer.op = MU_OP_TICKET;
    rig->answer.ticket = ticket_of(MU_TICKET_QUEUED);
    rig_answer(rig, 0);
    (void)rig_asked(rig, MU_OP_TICKET_LOOK, "queue/eu-west-1");
    assert_string_equal(rig->msg.ticket_look.ticket, TICKET);
    rig->answer.op = MU_OP_TICKET_ADDED;
    rig->answer.ticket_added =
        (struct mu_msg_ticket_added){ .ticket = ticket_of(MU_TICKET_QUEUED), .position = 2 };
    rig_answer(rig, 0);
    rig_expect_status(rig, 200, NULL);
    rig_expect_number(rig, "queueData.queuePosition", 2);
    rig_expect_number(rig, "queueData.waitedSeconds", 7);
    rig_expect_text(rig, "queueData.status", "SEARCHING");

    /* The shard starts, then keeps silent: the ticket is shown without its place. */
    for (int silent = 0; silent < 2; silent++) {
        rig_call(rig, MU_HTTP_GET, "/v1/matchmaking/queue/" PLAYER, NULL);
        rig->answer.op = MU_OP_TICKET;
        rig->answer.ticket = ticket_of(MU_TICKET_QUEUED);
        rig_answer(rig, 0);
        if (silent == 0) {
            rig_answer_error(rig, 0, MU_ERROR_STARTING, "");
        } else {
            rig_clear(rig);
            rig_pass(rig, 1250);
            while (rig->out->entries[0].envelope.op != MU_OP_TICKET_GET) { /* own STATS */
                memmove(rig->out->entries, rig->out->entries + 1,
                        --rig->out->count * sizeof rig->out->entries[0]);
            }
        }
        assert_int_equal(rig_sent(rig, 0)->op, MU_OP_TICKET_GET);
        rig->answer.op = MU_OP_TICKET;
        rig->answer.ticket = ticket_of(MU_TICKET_MATCHED);
        (void)snprintf(rig->answer.ticket.match, sizeof rig->answer.ticket.match, MATCH);
        rig_answer(rig, 0);
        rig_expect_status(rig, 200, NULL);
        rig_expect_text(rig, "queueData.status", "MATCHED");
        rig_expect_text(rig, "queueData.matchId", MATCH);
        rig_expect_text(rig, "queueData.lobbyId", LOBBY);
    }
    rig_destroy(rig);
}

static void test_leaves_the_queue(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    rig_call(rig, MU_HTTP_DELETE, "/v1/matchmaking/queue/" PLAYER, NULL);
    (void)rig_asked(rig, MU_OP_TICKET_CANCEL, "store");
    rig->answer.op = MU_OP_TICKET;
    rig->answer.ticket = ticket_of(MU_TICKET_CANCELLED);
    rig_answer(rig, 0);
    rig_expect_status(rig, 200, NULL);
    rig_expect_text(rig, "queueData.status", "CANCELLED");

    rig_call(rig, MU_HTTP_DELETE, "/v1/matchmaking/queue/" PLAYER, NULL);
    rig->answer.op = MU_OP_TICKET;
    rig->answer.ticket = ticket_of(MU_TICKET_MATCHED);
    (void)snprintf(rig->answer.ticket.match, sizeof rig->answer.ticket.match, MATCH);
    rig_answer(rig, 0);
    rig_expect_status(rig, 409, "TICKET_MATCHED");
    rig_expect_text(rig, "matchId", MATCH);

    rig_call(rig, MU_HTTP_DELETE, "/v1/matchmaking/queue/" PLAYER, NULL);
    rig_answer_error(rig, 0, MU_ERROR_PLAYER_NOT_IN_QUEUE, "");
    rig_expect_status(rig, 404, "PLAYER_NOT_IN_QUEUE");
    rig_destroy(rig);
}

static void fill_lobby(struct rig *rig)
{
    rig->answer.op = MU_OP_LOBBY;
    rig->answer.lobby = (struct mu_msg_lobby){
        .id = LOBBY,
        .state = MU_LOBBY_OPEN,
        .name = "R\xC3\xB6"
                "om",
        .mode = "casual",
        .region = "eu-west-1",
        .host = PLAYER,
        .join_code = "ABC234",
        .password_hash = "0011:2233",
        .players_max = 4,
        .players_min = 2,
        .settings = "{\"map\":\"x\"}",
        .members_count = 1,
        .members = { { .id = PLAYER, .username = "The Fox", .rating = 1200, .joined_ms = 1 } },
    };
}

static void test_serves_lobbies(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    rig_call(rig, MU_HTTP_POST, "/v1/lobbies",
             "{\"hostPlayerId\":\"" PLAYER "\",\"gameMode\":\"casual\",\"name\":\"R\xC3\xB6om\","
             "\"maxPlayers\":4,\"isPrivate\":true,\"password\":\"geheim\",\"settings\":{\"map\":"
             "\"x\"}}");
    (void)rig_asked(rig, MU_OP_LOBBY_CREATE, "lobby/0");
    assert_string_equal(rig->msg.lobby_create.password, "geheim");
    assert_string_equal(rig->msg.lobby_create.custom_rules, "{}");
    assert_true(rig->msg.lobby_create.is_private);
    assert_int_equal(rig->msg.lobby_create.players_min, 2);
    fill_lobby(rig);
    rig_answer(rig, 0);
    rig_expect_status(rig, 201, NULL);
    rig_expect_text(rig, "lobby.lobbyId", LOBBY);
    rig_expect_text(rig, "lobby.joinCode", "ABC234");
    rig_expect_text(rig, "lobby.status", "WAITING");
    rig_expect_text(rig, "lobby.settings.map", "x");
    assert_int_equal(rig_at(rig, "lobby.hasPassword")->type, MU_JSON_TRUE);
    assert_int_equal(rig_at(rig, "lobby.players.0.isHost")->type, MU_JSON_TRUE);
    assert_null(strstr(rig->body, "geheim"));
    assert_null(strstr(rig->body, "2233"));

    rig_call(rig, MU_HTTP_POST, "/v1/lobbies",
             "{\"gameMode\":\"casual\",\"maxPlayers\":3,\"minPlayers\":4,\"password\":\"abc\"}");
    rig_expect_status(rig, 400, "VALIDATION_FAILED");
    rig_expect_text(rig, "errors.0.pointer", "/minPlayers");
    rig_expect_text(rig, "errors.1.pointer", "/password");
    rig_expect_text(rig, "errors.2.pointer", "/hostPlayerId");

    rig_call(rig, MU_HTTP_POST, "/v1/lobbies/" LOBBY "/join",
             "{\"playerId\":\"" OTHER "\",\"password\":\"no\"}");
    (void)rig_asked(rig, MU_OP_LOBBY_JOIN, "lobby/0");
    rig_answer_error(rig, 0, MU_ERROR_WRONG_PASSWORD, "");
    rig_expect_status(rig, 403, "WRONG_PASSWORD");

    rig_call(rig, MU_HTTP_POST, "/v1/lobbies/" LOBBY "/leave", "{\"playerId\":\"" OTHER "\"}");
    (void)rig_asked(rig, MU_OP_LOBBY_LEAVE, "store");
    assert_int_equal(rig->msg.lobby_leave.reason, MU_REASON_LEFT);
    fill_lobby(rig);
    rig_answer(rig, 0);
    rig_expect_status(rig, 200, NULL);

    rig_call(rig, MU_HTTP_POST, "/v1/lobbies/" LOBBY "/start", "{\"playerId\":\"" PLAYER "\"}");
    (void)rig_asked(rig, MU_OP_LOBBY_START, "lobby/0");
    rig_answer_error(rig, 0, MU_ERROR_INSUFFICIENT_PLAYERS, PLAYER "," OTHER);
    rig_expect_status(rig, 409, "INSUFFICIENT_PLAYERS");
    rig_expect_text(rig, "notReady.0", PLAYER);
    rig_expect_text(rig, "notReady.1", OTHER);
    rig_call(rig, MU_HTTP_POST, "/v1/lobbies/" LOBBY "/start", "{\"playerId\":\"" PLAYER "\"}");
    rig_fill_match(rig, MU_MATCH_LIVE, 2, 2);
    rig->answer.match.server =
        (struct mu_msg_game_server){ SERVER, "192.0.2.1", 7777, "eu-west-1" };
    rig_answer(rig, 0);
    rig_expect_status(rig, 200, NULL);
    rig_expect_text(rig, "match.gameServer.ip", "192.0.2.1");
    rig_expect_number(rig, "match.gameServer.port", 7777);
    rig_destroy(rig);
}

static void test_shows_a_ready_check_as_a_lobby(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    rig_call(rig, MU_HTTP_GET, "/v1/lobbies/" LOBBY, NULL);
    (void)rig_asked(rig, MU_OP_LOBBY_GET, "store");
    rig_answer_error(rig, 0, MU_ERROR_LOBBY_NOT_FOUND, "");
    (void)rig_asked(rig, MU_OP_MATCH_GET, "store");
    assert_string_equal(rig->msg.match_get.id, MATCH);
    rig_fill_match(rig, MU_MATCH_FORMED, 2, 2);
    rig->answer.match.players[1].accept = MU_ACCEPT_ACCEPTED;
    rig_answer(rig, 0);
    rig_expect_status(rig, 200, NULL);
    rig_expect_text(rig, "lobby.lobbyId", LOBBY);
    rig_expect_text(rig, "lobby.status", "REQUIRES_ACCEPTANCE");
    rig_expect_number(rig, "lobby.ready", 1);

    rig_call(rig, MU_HTTP_GET, "/v1/lobbies/" LOBBY, NULL);
    rig_answer_error(rig, 0, MU_ERROR_LOBBY_NOT_FOUND, "");
    rig_answer_error(rig, 0, MU_ERROR_MATCH_NOT_FOUND, "");
    rig_expect_status(rig, 404, "LOBBY_NOT_FOUND");
    rig_call(rig, MU_HTTP_GET, "/v1/lobbies/no-such-lobby", NULL);
    rig_answer_error(rig, 0, MU_ERROR_LOBBY_NOT_FOUND, "");
    rig_expect_status(rig, 404, "LOBBY_NOT_FOUND");
    rig_destroy(rig);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registers_a_player),
        cmocka_unit_test(test_tells_all_that_is_wrong),
        cmocka_unit_test(test_knows_its_paths),
        cmocka_unit_test(test_joins_the_queue),
        cmocka_unit_test(test_joins_the_queue_at_home),
        cmocka_unit_test(test_shows_the_queue),
        cmocka_unit_test(test_leaves_the_queue),
        cmocka_unit_test(test_serves_lobbies),
        cmocka_unit_test(test_shows_a_ready_check_as_a_lobby),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
