/* tests/unit/test_gateway_lobbies.c - which lobby actor is asked, when there are several, and
 * whether all of them are there. */
#include "tests/unit/rig.h"

#include <string.h>

#include "core/id.h"
#include "core/placement.h"

static uint64_t seed;
static struct mu_rng rng;

#define PLAYER "ply_01ARYZ6S41TSV4RRFFQ69G5FAV"

/* The nth of the ids below, with that prefix. */
static void make_id(const char *prefix, uint32_t nth, char ret[MU_ID_MAX + 1])
{
    struct mu_id_source source = { .rng = rng };
    for (uint32_t i = 0; i <= nth; i++) {
        mu_id_make(&source, prefix, RIG_WALL_MS, ret);
    }
}

/* One message of `op` is on the bus, to the partition of `id`; it is refused. */
static void expect_asked(struct rig *rig, enum mu_op op, const char *id, uint32_t *seen)
{
    char to[MU_ADDRESS_MAX + 1];
    uint32_t index = mu_placement_id(id, rig->config.settings.lobbies);
    mu_address_lobby(index, to);
    (void)rig_asked(rig, op, to);
    *seen |= UINT32_C(1) << index;
    rig_answer_error(rig, 0, MU_ERROR_FORBIDDEN, "");
    rig_expect_status(rig, 403, NULL);
}

static void test_asks_where_they_live(void **state)
{
    struct rig *rig = rig_create(seed, false);
    char path[96];
    char body[128];
    char id[MU_ID_MAX + 1];
    uint32_t seen[4] = { 0 };
    (void)state;
    rig->config.settings.lobbies = 4;
    for (uint32_t i = 0; i < 40; i++) {
        make_id(MU_ID_PREFIX_LOBBY, i, id);
        (void)snprintf(path, sizeof path, "/v1/lobbies/%s/join", id);
        rig_call(rig, MU_HTTP_POST, path, "{\"playerId\":\"" PLAYER "\"}");
        expect_asked(rig, MU_OP_LOBBY_JOIN, id, &seen[0]);
        (void)snprintf(path, sizeof path, "/v1/lobbies/%s/start", id);
        rig_call(rig, MU_HTTP_POST, path, "{\"playerId\":\"" PLAYER "\"}");
        expect_asked(rig, MU_OP_LOBBY_START, id, &seen[1]);
        make_id(MU_ID_PREFIX_SERVER, i, id);
        (void)snprintf(path, sizeof path, "/v1/servers/%s/heartbeat", id);
        rig_call(rig, MU_HTTP_POST, path, NULL);
        expect_asked(rig, MU_OP_SERVER_BEAT, id, &seen[2]);
        make_id(MU_ID_PREFIX_PLAYER, i, id); /* the host's: the lobby has no id yet */
        (void)snprintf(body, sizeof body, "{\"hostPlayerId\":\"%s\",\"gameMode\":\"casual\"}", id);
        rig_call(rig, MU_HTTP_POST, "/v1/lobbies", body);
        expect_asked(rig, MU_OP_LOBBY_CREATE, id, &seen[3]);
    }
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(seen[i], 15); /* each partition was asked */
    }
    rig_destroy(rig);
}

/* Whatever stands in a path: it goes somewhere, which answers that there is none. */
static void test_strange_ids(void **state)
{
    static const char *const ids[] = { "x", "lob_", "lob_1", "0123456789012345678901234567890" };
    struct rig *rig = rig_create(seed, false);
    uint32_t seen = 0;
    (void)state;
    rig->config.settings.lobbies = MU_LOBBIES_MAX;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char path[96];
        (void)snprintf(path, sizeof path, "/v1/lobbies/%s/join", ids[i]);
        rig_call(rig, MU_HTTP_POST, path, "{\"playerId\":\"" PLAYER "\"}");
        expect_asked(rig, MU_OP_LOBBY_JOIN, ids[i], &seen);
    }
    rig_destroy(rig);
}

static void report(struct rig *rig, const char *instance, const char *partition, bool ready)
{
    struct mu_msg_envelope envelope = { .version = 1, .frame = MU_FRAME_EVENT, .op = MU_OP_STATS };
    (void)snprintf(envelope.source, sizeof envelope.source, "%s", instance);
    rig->answer.op = MU_OP_STATS;
    rig->answer.stats = (struct mu_msg_stats){ .kind = "lobby", .ready = ready };
    (void)snprintf(rig->answer.stats.partition, sizeof rig->answer.stats.partition, "%s",
                   partition);
    rig_message(rig, &envelope);
}

/* What /readyz says of a check: 1 ok, 0 not ok, -1 there is none. */
static int check_of(struct rig *rig, const char *name)
{
    char good[96];
    char bad[96];
    rig_call(rig, MU_HTTP_GET, "/readyz", NULL);
    rig_expect_status(rig, 503, NULL); /* there is nobody else */
    (void)snprintf(good, sizeof good, "{\"name\":\"%s\",\"ok\":true}", name);
    (void)snprintf(bad, sizeof bad, "{\"name\":\"%s\",\"ok\":false}", name);
    return strstr(rig->body, good) != NULL ? 1 : strstr(rig->body, bad) != NULL ? 0 : -1;
}

static void test_each_must_be_ready(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    assert_int_equal(check_of(rig, "lobby/0"), 0);
    assert_int_equal(check_of(rig, "lobby/1"), -1);
    rig->config.settings.lobbies = 2;
    report(rig, "#1", "lobby/1", true);
    assert_int_equal(check_of(rig, "lobby/0"), 0);
    assert_int_equal(check_of(rig, "lobby/1"), 1);
    assert_int_equal(check_of(rig, "lobby/2"), -1);
    report(rig, "#2", "lobby/0", false);
    assert_int_equal(check_of(rig, "lobby/0"), 0);
    report(rig, "#2", "lobby/0", true);
    assert_int_equal(check_of(rig, "lobby/0"), 1);
    rig->now_ms += 3001;
    assert_int_equal(check_of(rig, "lobby/1"), 0);
    rig_destroy(rig);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    rng.state = seed;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asks_where_they_live),
        cmocka_unit_test(test_strange_ids),
        cmocka_unit_test(test_each_must_be_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
