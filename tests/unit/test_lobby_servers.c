/* The lobby actor's servers: heartbeats, sessions, and more of them than there is room for. */
#include "tests/unit/lobby_host.h"

#include <string.h>

#include "core/counters.h"

static struct lobby_host host;
static uint64_t seed;

static int setup(void **state)
{
    (void)state;
    lobby_host_create(&host, seed);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lobby_host_destroy(&host);
    return 0;
}

static void serve(void)
{
    lobby_host_boot(&host);
    lobby_host_snapshot(&host, NULL, 0);
}

#define MATCH_A  "mch_01AAAAAAAAAAAAAAAAAAAAAAAA"
#define MATCH_B  "mch_01BBBBBBBBBBBBBBBBBBBBBBBB"
#define SERVER_A "srv_01AAAAAAAAAAAAAAAAAAAAAAAA"
#define SERVER_B "srv_01BBBBBBBBBBBBBBBBBBBBBBBB"

static void test_snapshot(void **state)
{
    (void)state;
    static struct mu_msg live;
    static struct mu_msg formed;
    static struct mu_msg ready;
    memcpy(lobby_host_match(&host, MATCH_A, 3, MU_MATCH_LIVE)->server.id, SERVER_A,
           sizeof SERVER_A);
    live = host.record;
    (void)lobby_host_match(&host, MATCH_B, 1, MU_MATCH_FORMED);
    formed = host.record;
    (void)lobby_host_server(&host, SERVER_A, 2, "us-east-1", (struct lobby_host_load){ 4, 1 });
    ready = host.record;
    lobby_host_boot(&host);
    lobby_host_snapshot(&host, (const struct mu_msg *[]){ &live, &formed, &ready }, 3);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_LIVE), 1);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_WAITING), 1);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_SERVERS), 1);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_SERVER_SLOTS_FREE), 3);
    lobby_host_beat(&host, SERVER_A, "");
    assert_non_null(lobby_host_find(&host, MU_OP_SESSIONS, 0));
    assert_int_equal(host.got.sessions.matches_count, 1);
    assert_string_equal(host.got.sessions.matches[0].id, MATCH_A);
}

/* More servers than there is room for: the others are learned when there is. */
static void test_overflow(void **state)
{
    (void)state;
    static struct mu_msg late;
    char id[MU_ID_MAX + 1];
    serve();
    for (uint32_t i = 0; i <= MU_LOBBY_SERVERS_MAX; i++) {
        (void)snprintf(id, sizeof id, "srv_01%024u", i);
        (void)lobby_host_server(&host, id, 1, "us-east-1", (struct lobby_host_load){ 1, 1 });
        lobby_host_push_record(&host);
    }
    late = host.record;
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_SERVERS), MU_LOBBY_SERVERS_MAX);
    for (uint32_t i = 0; i < MU_LOBBY_SERVERS_MAX / 4; i++) {
        (void)snprintf(id, sizeof id, "srv_01%024u", i);
        lobby_host_push(&host, MU_TABLE_SERVER, id, NULL);
    }
    lobby_host_wait(&host, 0);
    lobby_host_beat(&host, SERVER_A, "");
    assert_non_null(lobby_host_find(&host, MU_OP_ERROR, 0));
    assert_int_equal(host.got.error.code, MU_ERROR_STARTING);
    lobby_host_snapshot(&host, (const struct mu_msg *[]){ &late }, 1);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_SERVERS), 1);
    lobby_host_beat(&host, late.server.id, "");
    assert_int_equal(lobby_host_count(&host, MU_OP_SESSIONS), 1);
}

static void test_silent_server(void **state)
{
    (void)state;
    serve();
    (void)lobby_host_server(&host, SERVER_A, 1, "us-east-1", (struct lobby_host_load){ 2, 1 });
    lobby_host_push_record(&host);
    memcpy(lobby_host_match(&host, MATCH_A, 3, MU_MATCH_LIVE)->server.id, SERVER_A,
           sizeof SERVER_A);
    lobby_host_push_record(&host);
    lobby_host_wait(&host, 9000);
    lobby_host_beat(&host, SERVER_A, "");
    lobby_host_forget(&host);
    lobby_host_wait(&host, 9999);
    assert_int_equal(lobby_host_count(&host, MU_OP_SERVER_STATE), 0);
    lobby_host_wait(&host, 1001);
    assert_int_equal(lobby_host_count(&host, MU_OP_SERVER_STATE), 2); /* asked again */
    char key[128];
    const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_SERVER_STATE, 0);
    assert_int_equal(host.got.server_state_set.state, MU_SERVER_GONE);
    assert_string_equal(host.got.server_state_set.server, SERVER_A);
    memcpy(key, asked->idempotency_key, sizeof key);
    asked = lobby_host_find(&host, MU_OP_SERVER_STATE, 1);
    assert_string_equal(asked->idempotency_key, key);
    lobby_host_server(&host, SERVER_A, 2, "us-east-1", (struct lobby_host_load){ 2, 1 })->state =
        MU_SERVER_GONE;
    lobby_host_answer_record(&host, asked);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_SERVERS), 0);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_LIVE), 1); /* is left alone */

    /* It is heard again: the store takes it back, and it learns what it is to play. */
    lobby_host_forget(&host);
    lobby_host_beat(&host, SERVER_A, "aabb");
    asked = lobby_host_find(&host, MU_OP_SERVER_STATE, 0);
    assert_non_null(asked);
    assert_int_equal(host.got.server_state_set.state, MU_SERVER_READY);
    assert_string_equal(host.got.server_state_set.key_hash, "aabb");
    assert_string_equal(asked->idempotency_key, "");
    (void)lobby_host_server(&host, SERVER_A, 3, "us-east-1", (struct lobby_host_load){ 2, 1 });
    lobby_host_answer_record(&host, asked);
    assert_non_null(lobby_host_find(&host, MU_OP_SESSIONS, 0));
    assert_int_equal(host.got.sessions.heartbeat_ms, 10000);
    assert_int_equal(host.got.sessions.matches_count, 1);
    assert_string_equal(host.got.sessions.matches[0].id, MATCH_A);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_SERVERS), 1);
}

static void test_beat_refused(void **state)
{
    (void)state;
    char key_hash[65];
    serve();
    (void)lobby_host_server(&host, SERVER_A, 1, "us-east-1", (struct lobby_host_load){ 2, 0 });
    memcpy(key_hash, host.record.server.key_hash, sizeof key_hash);
    lobby_host_push_record(&host);
    lobby_host_beat(&host, SERVER_A, key_hash);
    assert_int_equal(lobby_host_count(&host, MU_OP_SESSIONS), 1);
    key_hash[10] = 'f';
    lobby_host_beat(&host, SERVER_A, key_hash);
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_FORBIDDEN);
    lobby_host_forget(&host);
    lobby_host_beat(&host, "nonsense", key_hash);
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_SERVER_NOT_FOUND);
    assert_int_equal(lobby_host_count(&host, MU_OP_SERVER_STATE), 0);
    lobby_host_forget(&host);
    lobby_host_beat(&host, SERVER_B, "");
    const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_SERVER_STATE, 0);
    assert_non_null(asked);
    lobby_host_error(&host, asked, MU_ERROR_SERVER_NOT_FOUND);
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_SERVER_NOT_FOUND);
}

/* More sessions than one answer holds, learned in any order: the oldest come. */
static void test_sessions_order(void **state)
{
    (void)state;
    serve();
    (void)lobby_host_server(&host, SERVER_A, 1, "us-east-1", (struct lobby_host_load){ 1000, 300 });
    lobby_host_push_record(&host);
    for (uint32_t i = 0; i < 300; i++) {
        char id[MU_ID_MAX + 1];
        (void)snprintf(id, sizeof id, "mch_01%024u", (i * 7) % 300);
        memcpy(lobby_host_match(&host, id, 1, MU_MATCH_LIVE)->server.id, SERVER_A, sizeof SERVER_A);
        lobby_host_push_record(&host);
    }
    lobby_host_beat(&host, SERVER_A, "");
    assert_non_null(lobby_host_find(&host, MU_OP_SESSIONS, 0));
    assert_int_equal(host.got.sessions.matches_count, 256);
    assert_string_equal(host.got.sessions.matches[255].id, "mch_01000000000000000000000255");
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_snapshot),     TEST(test_overflow),       TEST(test_silent_server),
        TEST(test_beat_refused), TEST(test_sessions_order),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
