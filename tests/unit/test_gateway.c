/* tests/unit/test_gateway.c - HTTP through the pure gateway: each call of API.md, refusals too. */
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

static void fill_match(struct rig *rig, enum mu_match_state match_state, uint32_t teams,
                       uint32_t players)
{
    struct mu_msg_match *match = &rig->answer.match;
    rig->answer.op = MU_OP_MATCH;
    memset(match, 0, sizeof *match);
    (void)snprintf(match->id, sizeof match->id, MATCH);
    (void)snprintf(match->mode, sizeof match->mode, "ranked");
    (void)snprintf(match->region, sizeof match->region, "eu-west-1");
    match->state = match_state;
    match->teams = teams;
    match->players_count = players;
    match->quality = 0.75;
    match->created_ms = RIG_WALL_MS;
    for (uint32_t i = 0; i < players; i++) {
        (void)snprintf(match->players[i].id, sizeof match->players[i].id, "ply_%u", i);
        (void)snprintf(match->players[i].username, sizeof match->players[i].username, "p%u", i);
        match->players[i].rating = 1200;
        match->players[i].team = teams == 1 ? 0 : i % teams;
    }
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
    fill_match(rig, MU_MATCH_LIVE, 2, 2);
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
    fill_match(rig, MU_MATCH_FORMED, 2, 2);
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

static void test_shows_matches(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    rig_call(rig, MU_HTTP_GET, "/v1/matches/" MATCH, NULL);
    (void)rig_asked(rig, MU_OP_MATCH_GET, "store");
    fill_match(rig, MU_MATCH_ENDED, 2, 2);
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

    fill_match(rig, MU_MATCH_LIVE, 1, 200); /* the largest there is */
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
    fill_match(rig, MU_MATCH_LIVE, 2, 2);
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
    fill_match(rig, MU_MATCH_LIVE, teams, players);
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
        cmocka_unit_test(test_registers_a_player),
        cmocka_unit_test(test_tells_all_that_is_wrong),
        cmocka_unit_test(test_knows_its_paths),
        cmocka_unit_test(test_joins_the_queue),
        cmocka_unit_test(test_joins_the_queue_at_home),
        cmocka_unit_test(test_shows_the_queue),
        cmocka_unit_test(test_leaves_the_queue),
        cmocka_unit_test(test_serves_lobbies),
        cmocka_unit_test(test_shows_a_ready_check_as_a_lobby),
        cmocka_unit_test(test_shows_matches),
        cmocka_unit_test(test_updates_matches),
        cmocka_unit_test(test_ends_matches),
        cmocka_unit_test(test_refuses_wrong_results),
        cmocka_unit_test(test_serves_servers),
        cmocka_unit_test(test_shows_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
