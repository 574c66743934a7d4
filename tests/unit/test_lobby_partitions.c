/* tests/unit/test_lobby_partitions.c - several lobby actors: each minds its own partition, and all
 * of them give servers away. */
#include "tests/unit/lobby_host.h"

#include <string.h>

#include "core/counters.h"
#include "core/placement.h"

static struct lobby_host host;  /* of lobby/1 of two */
static struct lobby_host other; /* of lobby/0 */
static uint64_t seed;

static int setup(void **state)
{
    (void)state;
    lobby_host_create_in(&host, seed, 1, 2);
    lobby_host_create_in(&other, seed, 0, 2);
    lobby_host_boot(&host);
    lobby_host_snapshot(&host, NULL, 0);
    lobby_host_boot(&other);
    lobby_host_snapshot(&other, NULL, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lobby_host_destroy(&host);
    lobby_host_destroy(&other);
    return 0;
}

/* The nth id of that prefix in lobby/<index>. */
static const char *id_in(const char *prefix, uint32_t index, uint32_t nth)
{
    static char ids[16][MU_ID_MAX + 1];
    static uint32_t next;
    char *id = ids[next++ % 16];
    uint32_t found = 0;
    for (uint32_t i = 0;; i++) {
        (void)snprintf(id, MU_ID_MAX + 1, "%s01%024u", prefix, i);
        if (mu_placement_id(id, 2) == index && found++ == nth) {
            return id;
        }
    }
}

static void push_server(struct lobby_host *to, const char *id, uint64_t version,
                        struct lobby_host_load load)
{
    (void)lobby_host_server(to, id, version, "us-east-1", load);
    lobby_host_push_record(to);
}

static void push_match(struct lobby_host *to, const char *id, uint64_t version,
                       enum mu_match_state state, const char *server)
{
    struct mu_msg_match *match = lobby_host_match(to, id, version, state);
    (void)snprintf(match->server.id, sizeof match->server.id, "%s", server);
    lobby_host_push_record(to);
}

/* What a change shows to be another partition's is not kept: nothing is done for it. */
static void test_minds_its_own(void **state)
{
    (void)state;
    push_match(&host, id_in("mch_", 0, 0), 1, MU_MATCH_FORMED, "");
    push_match(&host, id_in("mch_", 1, 0), 2, MU_MATCH_LIVE, id_in("srv_", 0, 0));
    (void)lobby_host_room(&host, id_in("lob_", 0, 5), 1, "", 2);
    lobby_host_push_record(&host);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_WAITING), 0);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_LIVE), 0);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_LOBBIES), 0);
    lobby_host_wait(&host, 30000);
    assert_int_equal(lobby_host_count(&host, MU_OP_MATCH_ABORT), 0);

    push_match(&host, id_in("mch_", 1, 1), 1, MU_MATCH_FORMED, "");
    (void)lobby_host_room(&host, id_in("lob_", 1, 5), 1, "", 2);
    lobby_host_push_record(&host);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_WAITING), 1);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_LOBBIES), 1);
    lobby_host_wait(&host, 20000);
    assert_int_equal(lobby_host_count(&host, MU_OP_MATCH_ABORT), 1);
}

/* A match that is played goes to where its server is at home, with all that is under way here. */
static void test_match_goes(void **state)
{
    (void)state;
    const char *match = id_in("mch_", 1, 0);
    const char *far = id_in("srv_", 0, 0);
    push_server(&host, far, 1, (struct lobby_host_load){ 4, 0 });
    push_match(&host, match, 1, MU_MATCH_ALLOCATING, "");
    const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_MATCH_ALLOCATE, 0);
    assert_non_null(asked);
    assert_string_equal(host.got.match_allocate.server, far);
    push_server(&host, far, 2, (struct lobby_host_load){ 4, 1 });
    push_match(&host, match, 2, MU_MATCH_LIVE, far);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_LIVE), 0);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_WAITING), 0);
    const struct mu_msg_envelope request = *asked;
    lobby_host_forget(&host);
    (void)lobby_host_match(&host, match, 2, MU_MATCH_LIVE);
    memcpy(host.record.match.server.id, far, MU_ID_MAX);
    lobby_host_answer_record(&host, &request); /* late */
    lobby_host_wait(&host, 20000);
    assert_int_equal(lobby_host_count(&host, MU_OP_MATCH_ALLOCATE), 0);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_LIVE), 0);
}

/* The answer alone says so too, before the log does. */
static void test_answer_shows_that_it_went(void **state)
{
    (void)state;
    const char *match = id_in("mch_", 1, 0);
    const char *far = id_in("srv_", 0, 0);
    push_server(&host, far, 1, (struct lobby_host_load){ 4, 0 });
    push_match(&host, match, 1, MU_MATCH_ALLOCATING, "");
    const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_MATCH_ALLOCATE, 0);
    assert_non_null(asked);
    (void)lobby_host_match(&host, match, 2, MU_MATCH_LIVE);
    memcpy(host.record.match.server.id, far, MU_ID_MAX);
    lobby_host_answer_record(&host, asked);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_LIVE), 0);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_WAITING), 0);
}

/* One that was never here comes with its server: it is in SESSIONS, and expires here. */
static void test_match_comes(void **state)
{
    (void)state;
    const char *match = id_in("mch_", 0, 0);
    const char *server = id_in("srv_", 1, 0);
    push_server(&host, server, 1, (struct lobby_host_load){ 4, 1 });
    push_match(&host, match, 3, MU_MATCH_LIVE, server);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_LIVE), 1);
    lobby_host_beat(&host, server, "");
    assert_non_null(lobby_host_find(&host, MU_OP_SESSIONS, 0));
    assert_int_equal(host.got.sessions.matches_count, 1);
    assert_string_equal(host.got.sessions.matches[0].id, match);
    int64_t left_ms = (int64_t)host.config.settings.match_duration_max_ms;
    lobby_host_forget(&host);
    while (left_ms > 0) { /* it beats all the time */
        lobby_host_wait(&host, left_ms < 9000 ? left_ms : 9000);
        left_ms -= 9000;
        lobby_host_beat(&host, server, "");
        if (left_ms > 0) {
            assert_int_equal(lobby_host_count(&host, MU_OP_MATCH_ABORT), 0);
            lobby_host_forget(&host);
        }
    }
    assert_non_null(lobby_host_find(&host, MU_OP_MATCH_ABORT, 0));
    assert_int_equal(host.got.match_abort.reason, MU_REASON_NO_RESULT);
}

/* A server that is not at home here is never judged silent here, nor counted. */
static void test_silence_is_judged_at_home(void **state)
{
    (void)state;
    push_server(&host, id_in("srv_", 0, 0), 1, (struct lobby_host_load){ 4, 0 });
    push_server(&host, id_in("srv_", 1, 0), 1, (struct lobby_host_load){ 2, 0 });
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_SERVERS), 1);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_SERVER_SLOTS_FREE), 2);
    lobby_host_wait(&host, 10500);
    assert_int_equal(lobby_host_count(&host, MU_OP_SERVER_STATE), 1);
    assert_non_null(lobby_host_find(&host, MU_OP_SERVER_STATE, 0));
    assert_string_equal(host.got.server_state_set.server, id_in("srv_", 1, 0));
    /* Its home says that it is gone, and that it is back. */
    lobby_host_server(&host, id_in("srv_", 0, 0), 2, "us-east-1", (struct lobby_host_load){ 4, 0 })
        ->state = MU_SERVER_GONE;
    lobby_host_push_record(&host);
    push_server(&host, id_in("srv_", 0, 0), 3, (struct lobby_host_load){ 4, 0 });
    push_match(&host, id_in("mch_", 1, 0), 1, MU_MATCH_ALLOCATING, "");
    assert_non_null(lobby_host_find(&host, MU_OP_MATCH_ALLOCATE, 0));
    assert_string_equal(host.got.match_allocate.server, id_in("srv_", 0, 0));
}

/* Requests about what is elsewhere end at once: the store would fence them, and us with them. */
static void test_wrong_partition(void **state)
{
    (void)state;
    push_server(&host, id_in("srv_", 0, 0), 1, (struct lobby_host_load){ 4, 0 });
    lobby_host_forget(&host);
    lobby_host_beat(&host, id_in("srv_", 0, 0), "");
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_UNAVAILABLE);
    host.msg.op = MU_OP_LOBBY_JOIN;
    host.msg.lobby_join = (struct mu_msg_lobby_join){ .player = LOBBY_HOST_GUEST };
    memcpy(host.msg.lobby_join.lobby, id_in("lob_", 0, 0), MU_ID_MAX);
    (void)lobby_host_request(&host, "j");
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_UNAVAILABLE);
    host.msg.op = MU_OP_LOBBY_START;
    host.msg.lobby_start = (struct mu_msg_lobby_start){ .player = LOBBY_HOST_PLAYER };
    memcpy(host.msg.lobby_start.lobby, id_in("lob_", 0, 0), MU_ID_MAX);
    (void)lobby_host_request(&host, "s");
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_UNAVAILABLE);
    assert_int_equal(host.result, 0);
}

/* A lobby that is to be may be anywhere: the answer does not make it ours. */
static void test_create_for_another(void **state)
{
    (void)state;
    host.msg.op = MU_OP_LOBBY_CREATE;
    host.msg.lobby_create =
        (struct mu_msg_lobby_create){ .host = LOBBY_HOST_PLAYER, .mode = "duel" };
    (void)lobby_host_request(&host, "c");
    const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_LOBBY_CREATE, 0);
    assert_non_null(asked);
    (void)lobby_host_room(&host, id_in("lob_", 0, 0), 1, "", 1);
    lobby_host_answer_record(&host, asked);
    assert_int_equal(lobby_host_count(&host, MU_OP_LOBBY), 1);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_LOBBIES), 0);
}

static const char *chosen(struct lobby_host *by, uint32_t nth)
{
    assert_non_null(lobby_host_find(by, MU_OP_MATCH_ALLOCATE, nth));
    return by->got.match_allocate.server;
}

/* Both choose at the same moment among the same servers: each those at home first, so that no one
 * is refused before there are too few; but a fuller one at home is no better than a freer one. */
static void test_choices_differ(void **state)
{
    (void)state;
    struct lobby_host *const both[] = { &other, &host };
    for (uint32_t i = 0; i < 2; i++) {
        for (uint32_t k = 0; k < 4; k++) {
            push_server(both[i], id_in("srv_", k % 2, k / 2), 1, (struct lobby_host_load){ 1, 0 });
        }
        push_match(both[i], id_in("mch_", i, 0), 1, MU_MATCH_ALLOCATING, "");
        push_match(both[i], id_in("mch_", i, 1), 1, MU_MATCH_ALLOCATING, "");
        push_match(both[i], id_in("mch_", i, 2), 1, MU_MATCH_ALLOCATING, "");
        assert_string_equal(chosen(both[i], 0), id_in("srv_", i, 0));
        assert_string_equal(chosen(both[i], 1), id_in("srv_", i, 1));
        assert_string_equal(chosen(both[i], 2), id_in("srv_", 1 - i, 0));
    }
    lobby_host_forget(&host);
    push_server(&host, id_in("srv_", 1, 7), 1, (struct lobby_host_load){ 4, 2 });
    push_server(&host, id_in("srv_", 0, 7), 1, (struct lobby_host_load){ 4, 1 });
    push_server(&host, id_in("srv_", 0, 1), 2, (struct lobby_host_load){ 1, 1 });
    push_match(&host, id_in("mch_", 1, 3), 1, MU_MATCH_ALLOCATING, "");
    assert_string_equal(chosen(&host, 0), id_in("srv_", 0, 7));
}

/* The other partition was first: the store says so, and another server is asked for. */
static void test_lost_race(void **state)
{
    (void)state;
    push_server(&host, id_in("srv_", 0, 0), 1, (struct lobby_host_load){ 2, 0 });
    push_server(&host, id_in("srv_", 0, 1), 1, (struct lobby_host_load){ 2, 1 });
    push_match(&host, id_in("mch_", 1, 0), 1, MU_MATCH_ALLOCATING, "");
    const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_MATCH_ALLOCATE, 0);
    assert_non_null(asked);
    assert_string_equal(host.got.match_allocate.server, id_in("srv_", 0, 0));
    lobby_host_error(&host, asked, MU_ERROR_NO_SLOT);
    assert_string_equal(chosen(&host, 1), id_in("srv_", 0, 1));
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_minds_its_own),
        TEST(test_match_goes),
        TEST(test_answer_shows_that_it_went),
        TEST(test_match_comes),
        TEST(test_silence_is_judged_at_home),
        TEST(test_wrong_partition),
        TEST(test_create_for_another),
        TEST(test_choices_differ),
        TEST(test_lost_race),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
