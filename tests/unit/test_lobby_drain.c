/* The lobby actor that stands by, and the one that hands its partition over. */
#include "tests/unit/lobby_host.h"

#include <string.h>

#include "core/counters.h"

#define MATCH_A  "mch_01AAAAAAAAAAAAAAAAAAAAAAAA"
#define MATCH_B  "mch_01BBBBBBBBBBBBBBBBBBBBBBBB"
#define SERVER_A "srv_01AAAAAAAAAAAAAAAAAAAAAAAA"
#define ROOM     "lob_01AAAAAAAAAAAAAAAAAAAAAAAA"

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

static bool drained(void)
{
    return host.lobby->ops->drained(host.lobby);
}

/* Answers the EPOCH_RELEASE that must be out. */
static void give_back(void)
{
    const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_EPOCH_RELEASE, 0);
    assert_non_null(asked);
    assert_int_equal(asked->fence, LOBBY_HOST_EPOCH);
    assert_false(drained());
    host.msg.op = MU_OP_EPOCH;
    host.msg.epoch = (struct mu_msg_epoch){ .epoch = LOBBY_HOST_EPOCH };
    lobby_host_answer(&host, asked);
    assert_true(drained());
}

static void test_stands_by(void **state)
{
    (void)state;
    lobby_host_tell(&host, MU_EV_START);
    assert_int_equal(host.lobby->ops->life(host.lobby), MU_LIFE_STARTING);
    lobby_host_error(&host, lobby_host_find(&host, MU_OP_EPOCH_TAKE, 0), MU_ERROR_OWNED);
    assert_int_equal(host.result, 0);
    assert_int_equal(host.lobby->ops->life(host.lobby), MU_LIFE_STANDBY);
    lobby_host_forget(&host);
    lobby_host_beat(&host, SERVER_A, "");
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_STARTING);
    lobby_host_wait(&host, 1000);
    assert_int_equal(lobby_host_count(&host, MU_OP_EPOCH_TAKE), host.sent_count);
    assert_true(host.sent_count >= 3);
    lobby_host_forget(&host);
    lobby_host_tell(&host, MU_EV_DRAIN);
    assert_true(drained());
    assert_int_equal(host.sent_count, 0);
}

static void test_waits_for_its_own_requests(void **state)
{
    (void)state;
    serve();
    (void)lobby_host_server(&host, SERVER_A, 1, "us-east-1", (struct lobby_host_load){ 4, 0 });
    lobby_host_push_record(&host);
    (void)lobby_host_match(&host, MATCH_A, 1, MU_MATCH_ALLOCATING);
    lobby_host_push_record(&host);
    assert_int_equal(lobby_host_count(&host, MU_OP_MATCH_ALLOCATE), 1);
    lobby_host_tell(&host, MU_EV_DRAIN);
    assert_int_equal(host.lobby->ops->life(host.lobby), MU_LIFE_DRAINING);
    (void)lobby_host_match(&host, MATCH_B, 1, MU_MATCH_ALLOCATING);
    lobby_host_push_record(&host);
    lobby_host_beat(&host, SERVER_A, "");
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_STARTING);
    lobby_host_wait(&host, 20000); /* no heartbeat comes, and the server is not given up */
    uint32_t tries = lobby_host_count(&host, MU_OP_MATCH_ALLOCATE);
    assert_true(tries > 1); /* of the one that was out */
    for (uint32_t i = 0; i < tries; i++) {
        (void)lobby_host_find(&host, MU_OP_MATCH_ALLOCATE, i);
        assert_string_equal(host.got.match_allocate.match, MATCH_A);
    }
    assert_int_equal(lobby_host_count(&host, MU_OP_SERVER_STATE), 0);
    assert_int_equal(lobby_host_count(&host, MU_OP_EPOCH_RELEASE), 0);
    memcpy(lobby_host_match(&host, MATCH_A, 2, MU_MATCH_LIVE)->server.id, SERVER_A,
           sizeof SERVER_A);
    lobby_host_answer_record(&host, lobby_host_find(&host, MU_OP_MATCH_ALLOCATE, tries - 1));
    give_back();
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_LIVE), 1);
}

/* Whoever asked before is answered still. */
static void test_waits_for_its_clients(void **state)
{
    (void)state;
    serve();
    host.msg.op = MU_OP_LOBBY_CREATE;
    host.msg.lobby_create = (struct mu_msg_lobby_create){
        .host = LOBBY_HOST_PLAYER,
        .mode = "duel",
        .region = "eu-west-1",
        .players_max = 4,
        .players_min = 2,
    };
    (void)lobby_host_request(&host, "key-1");
    lobby_host_tell(&host, MU_EV_DRAIN);
    assert_int_equal(lobby_host_count(&host, MU_OP_EPOCH_RELEASE), 0);
    (void)lobby_host_room(&host, ROOM, 1, "", 1);
    lobby_host_answer_record(&host, lobby_host_find(&host, MU_OP_LOBBY_CREATE, 0));
    assert_int_equal(lobby_host_count(&host, MU_OP_LOBBY), 1);
    give_back();
    lobby_host_tell(&host, MU_EV_STOP);
    assert_int_equal(host.result, 0);
}

/* A client's request ends with its time, answered or not. */
static void test_waits_no_longer_than_clients(void **state)
{
    (void)state;
    serve();
    host.msg.op = MU_OP_LOBBY_CREATE;
    host.msg.lobby_create = (struct mu_msg_lobby_create){
        .host = LOBBY_HOST_PLAYER, .mode = "duel", .region = "eu-west-1", .players_max = 4
    };
    (void)lobby_host_request(&host, "key-2");
    lobby_host_tell(&host, MU_EV_DRAIN);
    lobby_host_wait(&host, 4900);
    assert_int_equal(lobby_host_count(&host, MU_OP_EPOCH_RELEASE), 0);
    lobby_host_wait(&host, 200);
    give_back();
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_stands_by),
        TEST(test_waits_for_its_own_requests),
        TEST(test_waits_for_its_clients),
        TEST(test_waits_no_longer_than_clients),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
