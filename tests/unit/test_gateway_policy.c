/* tests/unit/test_gateway_policy.c - who may call and how often, web pages, idempotency and
 * retries of the pure gateway. */
#include "tests/unit/rig.h"

#include <string.h>

#include "gateway/access.h"

#define PLAYER "ply_01ARYZ6S41TSV4RRFFQ69G5FAV"
#define OTHER  "ply_01ARYZ6S41TSV4RRFFQ69G5FAW"
#define MATCH  "mch_01ARYZ6S41TSV4RRFFQ69G5FAV"

static uint64_t seed;

/* Calls with an Authorization, and returns the status, or 0 when an actor was asked. */
static int call_as(struct rig *rig, const char *authorization, enum mu_http_method method,
                   const char *path)
{
    struct mu_http_request request = rig_request(rig, method, path, NULL);
    request.authorization = authorization;
    rig->status = 0;
    rig_send(rig, &request);
    rig_clear(rig);
    if (rig->status == 0) {
        mu_gateway_request_gone(rig->gw, request.id);
    }
    return rig->status;
}

static void test_knows_callers(void **state)
{
    static const char *const bad[] = {
        "Bearer",
        "Bearer ",
        "Bearer mu_shop_0123456789abcdee",
        "Bearer mu_shop_0123456789abcdef ",
        "Bearer mu_nobody_0123456789abcdef",
        "Bearer mu_shop",
        "Bearer mu__0123456789abcdef",
        "Basic mu_shop_0123456789abcdef",
        "mu_shop_0123456789abcdef",
        "Bearer mu_srv_shop.00112233445566778899aabbccddeeff.00",
        "Bearer mu_ply_shop." PLAYER ".9999999999.00",
        "Bearer mu_srv_0123456789abcdef",
    };
    struct rig *rig = rig_create(seed, true);
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(call_as(rig, bad[i], MU_HTTP_GET, "/v1/players/" PLAYER), 401);
        assert_true(rig_header(rig, "WWW-Authenticate: Bearer"));
    }
    assert_int_equal(call_as(rig, "", MU_HTTP_GET, "/v1/players/" PLAYER), 401);
    assert_int_equal(call_as(rig, "", MU_HTTP_GET, "/livez"), 200);
    assert_int_equal(call_as(rig, "bearer " RIG_BACKEND_KEY, MU_HTTP_GET, "/v1/players/" PLAYER),
                     0);
    assert_int_equal(call_as(rig, "Bearer " RIG_OPERATOR_KEY, MU_HTTP_GET, "/v1/players/" PLAYER),
                     0);
    assert_int_equal(call_as(rig, "Bearer " RIG_BACKEND_KEY, MU_HTTP_GET, "/metrics"), 404);
    rig_destroy(rig);
}

static void test_gives_players_only_their_own(void **state)
{
    struct rig *rig = rig_create(seed, true);
    char bearer[400];
    (void)state;
    struct mu_http_request request =
        rig_request(rig, MU_HTTP_POST, "/v1/players/" PLAYER "/tokens", "{\"expiresIn\":60}");
    request.authorization = "Bearer " RIG_BACKEND_KEY;
    rig_send(rig, &request);
    rig_expect_status(rig, 201, NULL);
    (void)snprintf(bearer, sizeof bearer, "Bearer %s", rig_at(rig, "token")->text);
    assert_int_equal(call_as(rig, bearer, MU_HTTP_GET, "/v1/players/" PLAYER), 0);
    assert_int_equal(call_as(rig, bearer, MU_HTTP_DELETE, "/v1/matchmaking/queue/" PLAYER), 0);
    assert_int_equal(call_as(rig, bearer, MU_HTTP_GET, "/v1/players/" OTHER), 403);
    assert_int_equal(call_as(rig, bearer, MU_HTTP_PUT, "/v1/players/" PLAYER "/stats"), 403);
    assert_int_equal(call_as(rig, bearer, MU_HTTP_POST, "/v1/matches/" MATCH "/end"), 403);
    assert_int_equal(call_as(rig, bearer, MU_HTTP_POST, "/v1/players/" PLAYER "/tokens"), 403);
    assert_int_equal(call_as(rig, bearer, MU_HTTP_GET, "/v1/matches/" MATCH), 0);
    request = rig_request(rig, MU_HTTP_POST, "/v1/matchmaking/queue",
                          "{\"playerId\":\"" OTHER "\",\"gameMode\":\"duel\"}");
    request.authorization = bearer;
    rig_send(rig, &request);
    rig_expect_status(rig, 403, "FORBIDDEN");
    rig->wall_ms += 61000;
    assert_int_equal(call_as(rig, bearer, MU_HTTP_GET, "/v1/players/" PLAYER), 401);
    rig->wall_ms -= 61000;
    size_t n = strlen(bearer);
    for (size_t i = strlen("Bearer "); i < n; i++) { /* no bit of it may be changed */
        char kept = bearer[i];
        bearer[i] = kept == 'a' ? 'b' : 'a';
        assert_int_equal(call_as(rig, bearer, MU_HTTP_GET, "/v1/players/" PLAYER), 401);
        bearer[i] = kept;
        rig->now_ms += 2000; /* no more than may be wrong in a minute */
    }
    rig_destroy(rig);
}

static void test_server_keys_bind_to_their_maker(void **state)
{
    struct rig *rig = rig_create(seed, true);
    struct mu_caller shop = { .role = MU_ROLE_BACKEND, .trusted = true, .key = 0 };
    struct mu_caller caller;
    char key[MU_ACCESS_KEY_MAX + 1];
    char hash[MU_ACCESS_HASH_HEX + 1];
    char bearer[400];
    (void)state;
    mu_access_server_key(&rig->config, &shop, "00112233445566778899aabbccddeeff", key, hash);
    (void)snprintf(bearer, sizeof bearer, "Bearer %s", key);
    assert_null(mu_access_identify(&rig->config, NULL, bearer, 0, &caller));
    assert_int_equal(caller.role, MU_ROLE_SERVER);
    assert_true(caller.trusted); /* heartbeats are not to be throttled */
    assert_string_equal(caller.key_hash, hash);
    assert_int_equal(mu_access_allows(&caller, MU_ROUTE_SERVERS), MU_OK);
    assert_int_equal(mu_access_allows(&caller, MU_ROUTE_CLIENTS), MU_ERROR_FORBIDDEN);
    assert_int_equal(mu_access_allows(&caller, MU_ROUTE_BACKENDS), MU_ERROR_FORBIDDEN);
    rig->config.keys[0].hash[0] ^= 1; /* its maker's key was replaced */
    assert_non_null(mu_access_identify(&rig->config, NULL, bearer, 0, &caller));
    rig->config.keys[0].hash[0] ^= 1;
    rig_destroy(rig);
}

static void test_match_tokens_are_for_one_match(void **state)
{
    struct rig *rig = rig_create(seed, true);
    const struct mu_caller shop = { .role = MU_ROLE_BACKEND, .trusted = true, .key = 0 };
    char token[MU_ACCESS_KEY_MAX + 1];
    char bearer[MU_ACCESS_KEY_MAX + 8];
    (void)state;
    mu_access_match_token(&rig->config, &shop, MATCH, token);
    (void)snprintf(bearer, sizeof bearer, "Bearer %s", token);
    assert_int_equal(call_as(rig, bearer, MU_HTTP_GET, "/v1/matches/" MATCH), 0);
    assert_int_equal(call_as(rig, bearer, MU_HTTP_PUT, "/v1/matches/" MATCH), 400); /* no body */
    assert_int_equal(call_as(rig, bearer, MU_HTTP_GET, "/livez"), 200);
    static const struct {
        enum mu_http_method method;
        const char *path;
    } refused[] = {
        { MU_HTTP_GET, "/v1/matches/mch_01ARYZ6S41TSV4RRFFQ69G5FAW" },
        { MU_HTTP_PUT, "/v1/matches/mch_01ARYZ6S41TSV4RRFFQ69G5FAW" },
        { MU_HTTP_GET, "/v1/matches/" MATCH "x" },
        { MU_HTTP_POST, "/v1/matches/mch_01ARYZ6S41TSV4RRFFQ69G5FAW/end" },
        { MU_HTTP_POST, "/v1/servers/" MATCH "/heartbeat" },
        { MU_HTTP_POST, "/v1/backfills" },
        { MU_HTTP_GET, "/v1/players/" PLAYER },
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_int_equal(call_as(rig, bearer, refused[i].method, refused[i].path), 403);
    }
    struct mu_http_request request =
        rig_request(rig, MU_HTTP_POST, "/v1/matches/" MATCH "/end", "{\"winningTeam\":\"DRAW\"}");
    request.authorization = bearer;
    rig_send(rig, &request);
    assert_int_equal(rig_count(rig), 1); /* asks for the match, then ends it */
    rig_clear(rig);
    mu_gateway_request_gone(rig->gw, request.id);
    size_t n = strlen(bearer);
    for (size_t i = strlen("Bearer "); i < n; i++) { /* no bit of it may be changed */
        char kept = bearer[i];
        bearer[i] = kept == 'a' ? 'b' : 'a';
        assert_int_equal(call_as(rig, bearer, MU_HTTP_GET, "/v1/matches/" MATCH), 401);
        bearer[i] = kept;
        rig->now_ms += 2000;
    }
    rig_destroy(rig);
}

static void test_trusts_everybody_without_keys(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    assert_int_equal(call_as(rig, "", MU_HTTP_PUT, "/v1/players/" PLAYER "/stats"), 400);
    assert_int_equal(
        call_as(rig, "Bearer mu_dev_0123456789abcdef", MU_HTTP_GET, "/v1/players/" PLAYER), 0);
    assert_int_equal(call_as(rig, "Bearer what", MU_HTTP_GET, "/v1/players/" PLAYER), 401);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(call_as(rig, "", MU_HTTP_GET, "/v1/players/" PLAYER), 0);
    }
    assert_int_equal(call_as(rig, "", MU_HTTP_GET, "/metrics"), 200);
    rig_destroy(rig);
}

static void test_limits_addresses_and_players(void **state)
{
    struct rig *rig = rig_create(seed, true);
    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(call_as(rig, "", MU_HTTP_GET, "/v1/players/" PLAYER), 401);
    }
    assert_true(rig_header(rig, "RateLimit-Policy: \"ip\";q=100;w=60"));
    assert_true(rig_header(rig, "RateLimit: \"ip\";r=0;t=60"));
    assert_int_equal(call_as(rig, "", MU_HTTP_GET, "/v1/players/" PLAYER), 429);
    rig_expect_status(rig, 429, "RATE_LIMITED");
    assert_true(rig_header(rig, "Retry-After: 1"));
    rig_expect_number(rig, "retryAfterMs", 600);
    assert_int_equal(call_as(rig, "", MU_HTTP_GET, "/livez"), 200);
    assert_int_equal(call_as(rig, "", MU_HTTP_GET, "/nothing"), 429);
    assert_int_equal(call_as(rig, "Bearer " RIG_BACKEND_KEY, MU_HTTP_GET, "/v1/players/" PLAYER),
                     0);
    rig->now_ms += 600;
    assert_int_equal(call_as(rig, "", MU_HTTP_GET, "/v1/players/" PLAYER), 401);
    assert_int_equal(call_as(rig, "", MU_HTTP_GET, "/v1/players/" PLAYER), 429);

    char token[MU_ACCESS_KEY_MAX + 1];
    char bearer[400];
    struct mu_caller shop = { .role = MU_ROLE_BACKEND, .trusted = true, .key = 0 };
    mu_access_player_token(&rig->config, &shop, PLAYER, RIG_WALL_MS / 1000 + 100000, token);
    (void)snprintf(bearer, sizeof bearer, "Bearer %s", token);
    for (int i = 0; i < 1000; i++) {
        char address[40];
        struct mu_http_request request = rig_request(rig, MU_HTTP_GET, "/v1/players/" PLAYER, NULL);
        (void)snprintf(address, sizeof address, "2001:db8:%x::1", i % 50);
        request.address = address;
        request.authorization = bearer;
        rig_send(rig, &request);
        mu_gateway_request_gone(rig->gw, request.id);
        rig_clear(rig);
    }
    assert_int_equal(rig->status, 429); /* of before: the 1000 all went through */
    rig->now_ms += 3000;
    assert_int_equal(call_as(rig, bearer, MU_HTTP_GET, "/v1/players/" PLAYER), 429);
    assert_true(strstr(rig->headers, "\"player\";q=1000;w=3600") != NULL);
    rig_destroy(rig);
}

static void test_answers_web_pages(void **state)
{
    struct rig *rig = rig_create(seed, true);
    (void)state;
    struct mu_http_request request = rig_request(rig, MU_HTTP_OPTIONS, "/v1/lobbies", NULL);
    request.origin = "https://game.example";
    request.request_method = "POST";
    rig_send(rig, &request);
    rig_expect_status(rig, 204, NULL);
    assert_int_equal(rig->body_bytes, 0);
    assert_true(rig_header(rig, "Vary: Origin"));
    assert_true(rig_header(rig, "Access-Control-Allow-Origin: https://game.example"));
    assert_true(rig_header(rig, "Access-Control-Allow-Methods: POST, OPTIONS"));
    assert_true(rig_header(rig, "Access-Control-Max-Age: 600"));
    request.id = 500;
    request.origin = "https://evil.example";
    rig_send(rig, &request);
    assert_true(rig_header(rig, "Vary: Origin"));
    assert_null(strstr(rig->headers, "Access-Control"));
    request = rig_request(rig, MU_HTTP_GET, "/livez", NULL);
    request.origin = "https://game.example";
    rig_send(rig, &request);
    assert_true(rig_header(rig, "Access-Control-Allow-Origin: https://game.example"));
    rig_destroy(rig);

    rig = rig_create(seed, false);
    request = rig_request(rig, MU_HTTP_POST, "/v1/lobbies", "{}");
    request.origin = "https://evil.example"; /* without keys, only this keeps it out */
    rig_send(rig, &request);
    rig_expect_status(rig, 403, "FORBIDDEN");
    request.id = 501;
    request.origin = "http://localhost.evil.example";
    rig_send(rig, &request);
    rig_expect_status(rig, 403, "FORBIDDEN");
    request.id = 502;
    request.origin = "http://localhost:3000";
    rig_send(rig, &request);
    rig_expect_status(rig, 400, "VALIDATION_FAILED");
    assert_true(rig_header(rig, "Access-Control-Allow-Origin: http://localhost:3000"));
    rig_destroy(rig);
}

static void test_makes_idempotency_keys(void **state)
{
    struct rig *rig = rig_create(seed, true);
    char keys[4][128];
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct mu_http_request request =
            rig_request(rig, MU_HTTP_POST, "/v1/players/register",
                        "{\"username\":\"The Fox\",\"region\":\"eu-west\"}");
        request.authorization = i == 2 ? "Bearer " RIG_OPERATOR_KEY : "Bearer " RIG_BACKEND_KEY;
        request.idempotency_key = i == 3 ? "" : "once";
        rig_send(rig, &request);
        memcpy(keys[i], rig_asked(rig, MU_OP_PLAYER_REGISTER, "store")->idempotency_key, 128);
        rig_answer_error(rig, 0, MU_ERROR_IDEMPOTENCY_KEY_REUSED, "");
        rig_expect_status(rig, 422, "IDEMPOTENCY_KEY_REUSED");
    }
    assert_string_equal(keys[0], keys[1]);
    assert_string_not_equal(keys[0], keys[2]); /* callers do not share theirs */
    assert_string_not_equal(keys[0], keys[3]);
    struct mu_http_request request = rig_request(rig, MU_HTTP_POST, "/v1/lobbies", "{}");
    request.authorization = "Bearer " RIG_BACKEND_KEY;
    request.idempotency_key = "\t";
    rig_send(rig, &request);
    rig_expect_status(rig, 400, "BAD_REQUEST");
    rig_destroy(rig);
}

static void test_keeps_traces(void **state)
{
    static const char given[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    static const char *const bad[] = {
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "x",
    };
    struct rig *rig = rig_create(seed, false);
    (void)state;
    struct mu_http_request request = rig_request(rig, MU_HTTP_GET, "/v1/players/" PLAYER, NULL);
    request.traceparent = given;
    rig_send(rig, &request);
    assert_string_equal(rig_asked(rig, MU_OP_PLAYER_GET, "store")->trace, given);
    rig_answer_error(rig, 0, MU_ERROR_PLAYER_NOT_FOUND, "");
    rig_expect_text(rig, "traceId", "4bf92f3577b34da6a3ce929d0e0e4736");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        request.id++;
        request.traceparent = bad[i];
        rig_send(rig, &request);
        const char *trace = rig_asked(rig, MU_OP_PLAYER_GET, "store")->trace;
        assert_int_equal(strlen(trace), 55);
        assert_string_not_equal(trace, bad[i]);
        rig_answer_error(rig, 0, MU_ERROR_PLAYER_NOT_FOUND, "");
    }
    rig_destroy(rig);
}

/* Finds the one request on the bus beside the gateway's own messages; UINT32_MAX: none. */
static uint32_t find_request(struct rig *rig)
{
    uint32_t found = UINT32_MAX;
    for (uint32_t i = 0; i < rig_count(rig); i++) {
        if (rig_sent(rig, i)->frame == MU_FRAME_REQUEST) {
            assert_int_equal(found, UINT32_MAX);
            found = i;
        }
    }
    return found;
}

static void test_asks_again_until_the_answer_is_definite(void **state)
{
    struct rig *rig = rig_create(seed, false);
    char key[128];
    (void)state;
    rig_call(rig, MU_HTTP_DELETE, "/v1/matchmaking/queue/" PLAYER, NULL);
    memcpy(key, rig_asked(rig, MU_OP_TICKET_CANCEL, "store")->idempotency_key, sizeof key);
    rig_clear(rig);
    rig_pass(rig, 1249);
    assert_int_equal(find_request(rig), UINT32_MAX);
    rig_pass(rig, 1); /* a quarter of the budget in silence */
    uint32_t i = find_request(rig);
    const struct mu_msg_envelope *envelope = rig_sent(rig, i);
    assert_int_equal(envelope->op, MU_OP_TICKET_CANCEL);
    assert_string_equal(rig->msg.ticket_cancel.player, PLAYER);
    assert_string_equal(envelope->idempotency_key, key);
    assert_int_equal(envelope->budget_ms, 3750);
    static const enum mu_error again[] = { MU_ERROR_STARTING, MU_ERROR_UNAVAILABLE,
                                           MU_ERROR_EXPIRED, MU_ERROR_FENCED };
    for (size_t n = 0; n < sizeof again / sizeof again[0]; n++) {
        rig_answer_error(rig, i, again[n], "");
        assert_int_equal(rig->replies, 0);
        assert_int_equal(find_request(rig), UINT32_MAX);
        rig_pass(rig, 600); /* longer than any back-off so far */
        i = find_request(rig);
        assert_string_equal(rig_sent(rig, i)->idempotency_key, key);
    }
    struct mu_msg_envelope late = rig->out->entries[i].envelope;
    rig_answer_error(rig, i, MU_ERROR_PLAYER_NOT_IN_QUEUE, "");
    rig_expect_status(rig, 404, "PLAYER_NOT_IN_QUEUE");
    late = (struct mu_msg_envelope){ .frame = MU_FRAME_REPLY,
                                     .answers_incarnation = 77,
                                     .answers_sequence = late.sequence };
    rig_message(rig, &late); /* once more: dropped */
    assert_int_equal(rig->replies, 1);
    rig_destroy(rig);
}

static void test_gives_up_when_the_budget_is_used(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    rig_call(rig, MU_HTTP_GET, "/v1/players/" PLAYER, NULL);
    rig_pass(rig, 4999);
    assert_int_equal(rig->replies, 0);
    uint32_t requests = 0;
    for (uint32_t i = 0; i < rig_count(rig); i++) {
        requests += rig_sent(rig, i)->op == MU_OP_PLAYER_GET ? 1u : 0u;
    }
    assert_int_equal(requests, 4);
    rig_pass(rig, 1);
    rig_expect_status(rig, 503, "UNAVAILABLE");
    assert_true(rig_header(rig, "Retry-After: 1"));
    assert_int_equal(mu_gateway_pending(rig->gw), 0);

    rig_clear(rig);
    rig_call(rig, MU_HTTP_GET, "/v1/players/" PLAYER, NULL); /* an answer to something else */
    rig->answer.op = MU_OP_MATCH;
    rig_answer(rig, 0);
    rig_expect_status(rig, 500, "INTERNAL");
    rig_call(rig, MU_HTTP_GET, "/v1/players/" PLAYER, NULL);
    mu_gateway_request_gone(rig->gw, rig->next_id);
    mu_gateway_request_gone(rig->gw, rig->next_id);
    assert_int_equal(mu_gateway_pending(rig->gw), 0);
    rig_answer_error(rig, 0, MU_ERROR_PLAYER_NOT_FOUND, "");
    assert_int_equal(rig->replies, 2);
    rig_destroy(rig);
}

static void test_is_full_at_its_bounds(void **state)
{
    struct rig *rig = rig_create(seed, false);
    struct mu_turn turn = rig_turn(rig);
    (void)state;
    for (uint32_t i = 0; i < MU_GATEWAY_EXCHANGES_MAX; i++) {
        struct mu_http_request request = rig_request(rig, MU_HTTP_GET, "/v1/players/" PLAYER, NULL);
        mu_gateway_request(rig->gw, &turn, &request);
        rig_clear(rig);
    }
    assert_int_equal(rig->replies, 0);
    rig_call(rig, MU_HTTP_GET, "/v1/players/" PLAYER, NULL);
    rig_expect_status(rig, 503, "OVERLOADED");
    assert_true(rig_header(rig, "Retry-After: 1"));
    rig_clear(rig);
    for (int i = 0; i < 2000 && mu_gateway_pending(rig->gw) > 0; i++) {
        rig->now_ms += 100;
        turn = rig_turn(rig);
        mu_gateway_tick(rig->gw, &turn);
        assert_true(rig_count(rig) <= MU_OUTBOX_STEP_ENTRIES);
        rig_clear(rig);
    }
    assert_int_equal(mu_gateway_pending(rig->gw), 0);
    assert_int_equal(rig->replies, MU_GATEWAY_EXCHANGES_MAX + 1);
    rig_destroy(rig);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_knows_callers),
        cmocka_unit_test(test_gives_players_only_their_own),
        cmocka_unit_test(test_server_keys_bind_to_their_maker),
        cmocka_unit_test(test_match_tokens_are_for_one_match),
        cmocka_unit_test(test_trusts_everybody_without_keys),
        cmocka_unit_test(test_limits_addresses_and_players),
        cmocka_unit_test(test_answers_web_pages),
        cmocka_unit_test(test_makes_idempotency_keys),
        cmocka_unit_test(test_keeps_traces),
        cmocka_unit_test(test_asks_again_until_the_answer_is_definite),
        cmocka_unit_test(test_gives_up_when_the_budget_is_used),
        cmocka_unit_test(test_is_full_at_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
