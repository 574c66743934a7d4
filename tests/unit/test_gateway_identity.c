/* tests/unit/test_gateway_identity.c - players' tokens of an identity service at the gateway, and
 * what happens to addresses that are wrong too often. */
#include "tests/unit/rig.h"

#include <string.h>

#include "gateway/access.h"
#include "tests/unit/jwt_text.h"

#define PLAYER "ply_01ARYZ6S41TSV4RRFFQ69G5FAV"
#define OTHER  "ply_01ARYZ6S41TSV4RRFFQ69G5FAW"
#define PATH   "/v1/players/" PLAYER

static uint64_t seed;
static uint32_t verified; /* signatures that were looked at */

static bool verify(void *context, const struct mu_jwt_signature *signature)
{
    verified++;
    return jwt_verify(context, signature);
}

/* A gateway with keys that also takes tokens. */
static struct rig *create(void)
{
    const struct mu_jwt_keys keys = { .verify = verify };
    struct rig *rig = rig_create(seed, true);
    rig->config.jwt = (struct mu_config_jwt){
        .keys = "jwks.json",
        .issuer = "https://id.example",
        .audience = "muster",
    };
    mu_gateway_set_jwt_keys(rig->gw, &keys);
    verified = 0;
    return rig;
}

/* Writes a token for a player that is good for so many seconds. */
static void write_token(const char *player, int seconds, const char *signature, char *ret)
{
    char payload[300];
    (void)snprintf(
        payload, sizeof payload,
        "{\"iss\":\"https://id.example\",\"aud\":\"muster\",\"sub\":\"%s\",\"exp\":%lld}", player,
        (long long)(RIG_WALL_MS / 1000 + seconds));
    jwt_write(JWT_HEADER, payload, signature, ret);
}

/* Calls with a key or token; returns the status, or 0 when an actor was asked. */
static int call_with(struct rig *rig, const char *key, const char *address, const char *path)
{
    char bearer[MU_JWT_MAX + 8];
    (void)snprintf(bearer, sizeof bearer, "Bearer %s", key);
    struct mu_http_request request = rig_request(rig, MU_HTTP_GET, path, NULL);
    request.authorization = bearer;
    request.address = address;
    rig->status = 0;
    rig_send(rig, &request);
    if (rig->status == 0) {
        mu_gateway_request_gone(rig->gw, request.id);
    }
    return rig->status;
}

static void test_knows_players_by_token(void **state)
{
    char token[MU_JWT_MAX + 1];
    struct rig *rig = create();
    (void)state;
    write_token(PLAYER, 60, "good", token);
    assert_int_equal(call_with(rig, token, "192.0.2.1", PATH), 0);
    assert_int_equal(call_with(rig, token, "192.0.2.1", "/v1/players/" OTHER), 403);
    assert_int_equal(call_with(rig, token, "192.0.2.1", "/v1/rulesets"), 403);
    assert_int_equal(call_with(rig, RIG_BACKEND_KEY, "192.0.2.1", PATH), 0);
    rig->wall_ms += 89000;
    assert_int_equal(call_with(rig, token, "192.0.2.1", PATH), 0); /* the leeway */
    assert_int_equal(verified, 4);                                 /* each time anew */
    rig->wall_ms += 1000;
    assert_int_equal(call_with(rig, token, "192.0.2.1", PATH), 401);
    rig_expect_text(rig, "detail", "The token has expired.");
    write_token(PLAYER, 60, "bad!", token);
    assert_int_equal(call_with(rig, token, "192.0.2.1", PATH), 401);
    assert_null(strstr(rig->body, token));
    rig_destroy(rig);

    struct rig *without = rig_create(seed, true); /* nobody said whose tokens are good */
    write_token(PLAYER, 60, "good", token);
    assert_int_equal(call_with(without, token, "192.0.2.1", PATH), 401);
    rig_destroy(without);
}

static void test_ends_sockets_with_their_token(void **state)
{
    char token[MU_JWT_MAX + 1];
    char text[MU_JWT_MAX + 100];
    struct rig *rig = create();
    (void)state;
    uint64_t socket = rig_open(rig);
    write_token(PLAYER, 60, "good", token);
    (void)snprintf(text, sizeof text,
                   "{\"action\":\"REGISTER\",\"playerId\":\"" PLAYER "\",\"token\":\"%s\"}", token);
    rig_text(rig, socket, text);
    assert_int_equal(rig_count(rig), 3); /* he is present, to both; and his events are asked for */
    rig_clear(rig);
    rig->wall_ms += 80000;
    rig_pass(rig, 1000);
    assert_int_equal(rig->close_code, 0);
    write_token(PLAYER, 200, "good", token); /* a newer one prolongs the stay */
    (void)snprintf(text, sizeof text,
                   "{\"action\":\"REGISTER\",\"playerId\":\"" PLAYER "\",\"token\":\"%s\"}", token);
    rig_text(rig, socket, text);
    write_token(OTHER, 9000, "good", token); /* another's does not */
    (void)snprintf(text, sizeof text,
                   "{\"action\":\"REGISTER\",\"playerId\":\"" PLAYER "\",\"token\":\"%s\"}", token);
    rig_text(rig, socket, text);
    rig_socket_json(rig, 0);
    rig_expect_text(rig, "code", "FORBIDDEN");
    rig->wall_ms = RIG_WALL_MS + 225000;
    rig_pass(rig, 2000);
    assert_int_equal(rig->close_code, 0);
    rig->wall_ms = RIG_WALL_MS + 230000;
    rig_pass(rig, 2000);
    assert_int_equal(rig->close_code, 4001);
    assert_int_equal(rig->close_socket, socket);
    rig_destroy(rig);
}

static void test_limits_wrong_ones(void **state)
{
    char good[MU_JWT_MAX + 1];
    char bad[MU_JWT_MAX + 1];
    struct rig *rig = create();
    const struct mu_counters *counters = mu_gateway_counters(rig->gw);
    (void)state;
    write_token(PLAYER, 60, "good", good);
    write_token(PLAYER, 60, "bad!", bad);
    for (uint64_t i = 0; i < rig->config.settings.rate_failures_per_minute; i++) {
        assert_int_equal(call_with(rig, bad, "192.0.2.1", PATH), 401);
    }
    uint32_t before = verified;
    assert_int_equal(call_with(rig, bad, "192.0.2.1", PATH), 429);
    assert_true(rig_header(rig, "Retry-After: 2"));
    assert_int_equal(call_with(rig, good, "192.0.2.1", PATH), 429); /* it is not even looked at */
    assert_int_equal(call_with(rig, "mu_shop_wrong-secret", "192.0.2.1", PATH), 429);
    assert_int_equal(verified, before);
    assert_int_equal(call_with(rig, RIG_BACKEND_KEY, "192.0.2.1", PATH), 0); /* backends go on */
    assert_int_equal(call_with(rig, good, "192.0.2.2", PATH), 0);            /* as do others */
    assert_int_equal(counters->values[MU_COUNTER_CREDENTIALS_REFUSED],
                     rig->config.settings.rate_failures_per_minute + 3);
    rig->now_ms += 2000;
    assert_int_equal(call_with(rig, good, "192.0.2.1", PATH), 0);
    assert_int_equal(call_with(rig, bad, "192.0.2.1", PATH), 401);
    assert_int_equal(call_with(rig, bad, "192.0.2.1", PATH), 429);
    rig_destroy(rig);
}

static void test_limits_wrong_ones_of_sockets(void **state)
{
    static const char wrong[] =
        "{\"action\":\"REGISTER\",\"playerId\":\"" PLAYER "\",\"token\":\"mu_shop_wrong-secret\"}";
    struct rig *rig = create();
    uint64_t socket = rig_open(rig);
    (void)state;
    rig->config.settings.rate_socket_per_second = 0;
    for (uint64_t i = 0; i < rig->config.settings.rate_failures_per_minute; i++) {
        rig_text(rig, socket, wrong);
        rig->sends = 0;
    }
    rig_text(rig, socket, wrong);
    rig_socket_json(rig, 0);
    rig_expect_text(rig, "code", "RATE_LIMITED");
    rig_destroy(rig);
}

static void test_warns_without_the_secret(void **state)
{
    static const char secret[] = "mu_shop_c4nary-c4nary-c4nary";
    char token[MU_JWT_MAX + 1];
    struct rig *rig = create();
    (void)state;
    write_token(PLAYER, 60, "bad!", token);
    assert_int_equal(call_with(rig, secret, "192.0.2.1", PATH), 401);
    assert_int_equal(call_with(rig, token, "192.0.2.1", PATH), 401);
    assert_int_equal(rig->out->notes_count, 2);
    assert_true(rig->out->warnings[0] && rig->out->warnings[1]);
    assert_string_equal(rig->out->notes[0],
                        "credentials refused: address 192.0.2.1: The key is not "
                        "one that is known here.");
    assert_string_equal(rig->out->notes[1],
                        "credentials refused: address 192.0.2.1: The token is not signed by a key "
                        "that is known here for its algorithm.");
    rig_destroy(rig);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_knows_players_by_token),
        cmocka_unit_test(test_ends_sockets_with_their_token),
        cmocka_unit_test(test_limits_wrong_ones),
        cmocka_unit_test(test_limits_wrong_ones_of_sockets),
        cmocka_unit_test(test_warns_without_the_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
