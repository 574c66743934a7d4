/* The lobby actor's matches: following, deadlines, allocation. */
#include "tests/unit/lobby_host.h"

#include <errno.h>
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
#define SERVER_C "srv_01CCCCCCCCCCCCCCCCCCCCCCCC"

/* Following. */

static void test_starting(void **state)
{
    (void)state;
    lobby_host_boot(&host);
    lobby_host_beat(&host, SERVER_A, "");
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_STARTING);
    lobby_host_forget(&host);
    lobby_host_wait(&host, 400); /* the scan is asked for again */
    assert_int_equal(host.lobby->ops->epoch(host.lobby), LOBBY_HOST_EPOCH);
    const struct mu_msg_envelope *scan = lobby_host_find(&host, MU_OP_FOLLOW_SCAN, 0);
    assert_non_null(scan);
    assert_int_equal(scan->fence, LOBBY_HOST_EPOCH);
}

/* A follower that fell behind scans anew: what is not in the snapshot has ended meanwhile. */
static void test_rescan(void **state)
{
    (void)state;
    static struct mu_msg ready;
    serve();
    (void)lobby_host_match(&host, MATCH_A, 1, MU_MATCH_FORMED);
    lobby_host_push_record(&host);
    (void)lobby_host_server(&host, SERVER_A, 1, "us-east-1", (struct lobby_host_load){ 4, 0 });
    lobby_host_push_record(&host);
    (void)lobby_host_server(&host, SERVER_B, 1, "us-east-1", (struct lobby_host_load){ 4, 0 });
    ready = host.record;
    lobby_host_push_record(&host);
    lobby_host_forget(&host);
    host.msg.op = MU_OP_CHANGES;
    host.msg.changes.snapshot = false;
    host.msg.changes.more = false;
    host.msg.changes.forgotten = false;
    host.msg.changes.head = host.seq + 5; /* so there is a gap */
    host.msg.changes.changes_count = 0;
    lobby_host_event(&host, 0xbb);
    const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_FOLLOW_SINCE, 0);
    assert_non_null(asked);
    host.seq += 5;
    host.msg.changes.head = host.seq;
    host.msg.changes.forgotten = true;
    lobby_host_answer(&host, asked);
    const struct mu_msg_envelope *scan = lobby_host_find(&host, MU_OP_FOLLOW_SCAN, 0);
    assert_non_null(scan);
    lobby_host_snapshot(&host, (const struct mu_msg *[]){ &ready }, 1);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_WAITING), 0);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_SERVERS), 1);
    lobby_host_wait(&host, 10500);
    assert_int_equal(lobby_host_count(&host, MU_OP_SERVER_STATE), 1);
    assert_non_null(lobby_host_find(&host, MU_OP_SERVER_STATE, 0));
    assert_string_equal(host.got.server_state_set.server, SERVER_B);
    lobby_host_wait(&host, 20000);
    assert_int_equal(lobby_host_count(&host, MU_OP_MATCH_ABORT), 0);
}

static void test_fenced(void **state)
{
    (void)state;
    serve();
    (void)lobby_host_match(&host, MATCH_A, 1, MU_MATCH_FORMED);
    lobby_host_push_record(&host);
    lobby_host_wait(&host, 20000);
    const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_MATCH_ABORT, 0);
    assert_non_null(asked);
    lobby_host_error(&host, asked, MU_ERROR_FENCED);
    assert_int_equal(host.result, -ESTALE);
}

/* Acceptance. */

static void test_not_accepted(void **state)
{
    (void)state;
    serve();
    (void)lobby_host_match(&host, MATCH_A, 1, MU_MATCH_FORMED);
    lobby_host_push_record(&host);
    lobby_host_wait(&host, 10000);
    (void)lobby_host_match(&host, MATCH_A, 2,
                           MU_MATCH_FORMED); /* one has accepted: no new deadline */
    lobby_host_push_record(&host);
    lobby_host_wait(&host, 9999);
    assert_int_equal(lobby_host_count(&host, MU_OP_MATCH_ABORT), 0);
    lobby_host_wait(&host, 1);
    const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_MATCH_ABORT, 0);
    assert_non_null(asked);
    assert_string_equal(host.got.match_abort.match, MATCH_A);
    assert_int_equal(host.got.match_abort.reason, MU_REASON_NOT_ACCEPTED);
    assert_int_equal(asked->fence, LOBBY_HOST_EPOCH);
    assert_string_equal(asked->destination, "store");

    /* Not definite: asked again, and after silence too. */
    lobby_host_error(&host, asked, MU_ERROR_UNAVAILABLE);
    lobby_host_wait(&host, 1000);
    assert_int_equal(lobby_host_count(&host, MU_OP_MATCH_ABORT), 2);
    lobby_host_wait(&host, 1000);
    assert_int_equal(lobby_host_count(&host, MU_OP_MATCH_ABORT), 3);

    asked = lobby_host_find(&host, MU_OP_MATCH_ABORT, 2);
    lobby_host_match(&host, MATCH_A, 3, MU_MATCH_ABORTED)->reason = MU_REASON_NOT_ACCEPTED;
    lobby_host_answer_record(&host, asked);
    lobby_host_wait(&host, 60000);
    assert_int_equal(lobby_host_count(&host, MU_OP_MATCH_ABORT), 3);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_ABORTED), 1);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_WAITING), 0);
}

/* The last one accepts just when time is up: the store's answer is what counts. */
static void test_accepted_meanwhile(void **state)
{
    (void)state;
    serve();
    (void)lobby_host_server(&host, SERVER_A, 1, "us-east-1", (struct lobby_host_load){ 1, 0 });
    lobby_host_push_record(&host);
    (void)lobby_host_match(&host, MATCH_A, 1, MU_MATCH_FORMED);
    lobby_host_push_record(&host);
    for (uint32_t i = 0; i < 20; i++) {
        lobby_host_beat(&host, SERVER_A, "");
        lobby_host_wait(&host, 1000);
    }
    const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_MATCH_ABORT, 0);
    assert_non_null(asked);
    (void)lobby_host_match(&host, MATCH_A, 2, MU_MATCH_ALLOCATING);
    lobby_host_answer_record(&host, asked);
    assert_non_null(lobby_host_find(&host, MU_OP_MATCH_ALLOCATE, 0));
    assert_string_equal(host.got.match_allocate.match, MATCH_A);
    assert_string_equal(host.got.match_allocate.server, SERVER_A);
    lobby_host_wait(&host, 900);
    assert_int_equal(lobby_host_count(&host, MU_OP_MATCH_ABORT), 1);
}

/* An answer that is definite but makes no sense to us: paced, never a tight loop. */
static void test_strange_answers(void **state)
{
    (void)state;
    serve();
    (void)lobby_host_match(&host, MATCH_A, 1, MU_MATCH_FORMED);
    lobby_host_push_record(&host);
    lobby_host_wait(&host, 20000);
    for (uint32_t i = 0; i < 10; i++) {
        const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_MATCH_ABORT, i);
        assert_non_null(asked);
        if (i % 2 == 0) {
            lobby_host_error(&host, asked, MU_ERROR_CONFLICT);
        } else {
            (void)lobby_host_match(&host, MATCH_A, 1, MU_MATCH_FORMED);
            lobby_host_answer_record(&host, asked);
        }
        lobby_host_wait(&host, 999);
        assert_int_equal(lobby_host_count(&host, MU_OP_MATCH_ABORT), i + 1);
        lobby_host_wait(&host, 1);
    }
    lobby_host_push(&host, MU_TABLE_MATCH, MATCH_A, NULL); /* it is not there at all */
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_WAITING), 0);
}

/* Allocation. */

/* The server that the nth MATCH_ALLOCATE asks for. */
static const char *asked_server(uint32_t nth)
{
    return lobby_host_find(&host, MU_OP_MATCH_ALLOCATE, nth) != NULL
               ? host.got.match_allocate.server
               : "none";
}

static void test_least_loaded(void **state)
{
    (void)state;
    serve();
    (void)lobby_host_server(&host, SERVER_C, 1, "us-east-1", (struct lobby_host_load){ 4, 1 });
    lobby_host_push_record(&host);
    (void)lobby_host_server(&host, SERVER_B, 1, "us-east-1",
                            (struct lobby_host_load){ 8, 2 }); /* the same share: the smaller id */
    lobby_host_push_record(&host);
    lobby_host_server(&host, SERVER_A, 1, "us-east-1", (struct lobby_host_load){ 8, 0 })->state =
        MU_SERVER_DRAINING;
    lobby_host_push_record(&host);
    (void)lobby_host_match(&host, MATCH_A, 1, MU_MATCH_ALLOCATING);
    lobby_host_push_record(&host);
    assert_string_equal(asked_server(0), SERVER_B);
    (void)lobby_host_match(&host, MATCH_B, 1,
                           MU_MATCH_ALLOCATING); /* what is asked for counts as used */
    lobby_host_push_record(&host);
    assert_string_equal(asked_server(1), SERVER_C);
}

static void test_modes(void **state)
{
    (void)state;
    serve();
    struct mu_msg_server *duel =
        lobby_host_server(&host, SERVER_A, 1, "us-east-1", (struct lobby_host_load){ 8, 0 });
    duel->modes_count = 2;
    (void)snprintf(duel->modes[0].id, sizeof duel->modes[0].id, "duel");
    (void)snprintf(duel->modes[1].id, sizeof duel->modes[1].id, "unheard_of");
    lobby_host_push_record(&host);
    (void)lobby_host_match(&host, MATCH_A, 1, MU_MATCH_ALLOCATING);
    lobby_host_push_record(&host);
    assert_string_equal(asked_server(0), "none");
    struct mu_msg_server *ranked =
        lobby_host_server(&host, SERVER_B, 1, "us-east-1", (struct lobby_host_load){ 1, 0 });
    ranked->modes_count = 1;
    (void)snprintf(ranked->modes[0].id, sizeof ranked->modes[0].id, "ranked");
    lobby_host_push_record(&host);
    assert_string_equal(asked_server(0), SERVER_B);
}

static void test_conflict_chooses_again(void **state)
{
    (void)state;
    serve();
    (void)lobby_host_server(&host, SERVER_A, 1, "us-east-1", (struct lobby_host_load){ 1, 0 });
    lobby_host_push_record(&host);
    (void)lobby_host_server(&host, SERVER_B, 1, "us-east-1", (struct lobby_host_load){ 2, 1 });
    lobby_host_push_record(&host);
    (void)lobby_host_match(&host, MATCH_A, 1, MU_MATCH_ALLOCATING);
    lobby_host_push_record(&host);
    assert_string_equal(asked_server(0), SERVER_A);
    lobby_host_error(&host, lobby_host_find(&host, MU_OP_MATCH_ALLOCATE, 0), MU_ERROR_NO_SLOT);
    assert_string_equal(asked_server(1), SERVER_B);
    lobby_host_error(&host, lobby_host_find(&host, MU_OP_MATCH_ALLOCATE, 1), MU_ERROR_NO_SLOT);
    assert_string_equal(asked_server(2), "none");
    lobby_host_wait(&host, 999);
    assert_string_equal(asked_server(2), "none"); /* both have just refused */
    lobby_host_wait(&host, 1);
    assert_string_equal(asked_server(2), SERVER_A);
    memcpy(lobby_host_match(&host, MATCH_A, 2, MU_MATCH_LIVE)->server.id, SERVER_A,
           sizeof SERVER_A);
    lobby_host_answer_record(&host, lobby_host_find(&host, MU_OP_MATCH_ALLOCATE, 2));
    lobby_host_wait(&host, 5000);
    assert_int_equal(lobby_host_count(&host, MU_OP_MATCH_ALLOCATE), 3);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_LIVE), 1);
}

static void add_reach(struct mu_msg_match *to, uint32_t region, uint32_t ms)
{
    to->reach[to->reach_count++] = (struct mu_msg_reach){ .region = region, .ms = ms };
}

/* After server_wait_ms another region will do: the nearest that all reach within the bound. */
static void test_other_region(void **state)
{
    (void)state;
    static const char *const regions[] = { "us-west-2", "eu-west-1", "ap-southeast-1" };
    static const char *const servers[] = { SERVER_A, SERVER_B, SERVER_C };
    serve();
    for (uint32_t i = 0; i < 3; i++) {
        (void)lobby_host_server(&host, servers[i], 1, regions[i],
                                (struct lobby_host_load){ 4, i == 2 ? 0 : 3 });
        lobby_host_push_record(&host);
    }
    struct mu_msg_match *far = lobby_host_match(&host, MATCH_A, 1, MU_MATCH_ALLOCATING);
    add_reach(far, 0, 20);
    add_reach(far, 1, 140);
    add_reach(far, 2, 90);
    add_reach(far, 3, 151); /* ranked takes 150 */
    lobby_host_push_record(&host);
    (void)lobby_host_match(&host, MATCH_B, 1,
                           MU_MATCH_ALLOCATING); /* reaches its own region alone */
    lobby_host_push_record(&host);
    lobby_host_wait(&host, 4999);
    assert_string_equal(asked_server(0), "none");
    lobby_host_wait(&host, 1);
    assert_string_equal(asked_server(0), SERVER_B);
    lobby_host_error(&host, lobby_host_find(&host, MU_OP_MATCH_ALLOCATE, 0), MU_ERROR_NO_SLOT);
    assert_string_equal(asked_server(1), SERVER_A);
    assert_int_equal(lobby_host_count(&host, MU_OP_MATCH_ALLOCATE), 2);
}

static void test_give_up(void **state)
{
    (void)state;
    serve();
    (void)lobby_host_match(&host, MATCH_A, 1, MU_MATCH_ALLOCATING);
    lobby_host_push_record(&host);
    lobby_host_wait(&host, 29999);
    assert_int_equal(lobby_host_count(&host, MU_OP_MATCH_ABORT), 0);
    lobby_host_wait(&host, 1);
    const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_MATCH_ABORT, 0);
    assert_non_null(asked);
    assert_int_equal(host.got.match_abort.reason, MU_REASON_NO_SERVER);
    (void)lobby_host_server(&host, SERVER_A, 1, "us-east-1",
                            (struct lobby_host_load){ 1, 0 }); /* too late: the question is put */
    lobby_host_push_record(&host);
    assert_string_equal(asked_server(0), "none");
    lobby_host_match(&host, MATCH_A, 2, MU_MATCH_ABORTED)->reason = MU_REASON_NO_SERVER;
    lobby_host_answer_record(&host, asked);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_WAITING), 0);
}

static void test_server_comes(void **state)
{
    (void)state;
    serve();
    (void)lobby_host_match(&host, MATCH_B, 1, MU_MATCH_ALLOCATING);
    lobby_host_push_record(&host);
    lobby_host_wait(&host, 10);
    (void)lobby_host_match(&host, MATCH_A, 1, MU_MATCH_ALLOCATING);
    lobby_host_push_record(&host);
    (void)lobby_host_server(&host, SERVER_A, 1, "us-east-1", (struct lobby_host_load){ 1, 0 });
    lobby_host_push_record(&host);
    assert_int_equal(lobby_host_count(&host, MU_OP_MATCH_ALLOCATE), 1);
    assert_non_null(lobby_host_find(&host, MU_OP_MATCH_ALLOCATE, 0));
    assert_string_equal(host.got.match_allocate.match, MATCH_B); /* it has waited longer */
    lobby_host_wait(&host, 1000);
    assert_int_equal(lobby_host_count(&host, MU_OP_MATCH_ALLOCATE), 2); /* asked again */
    assert_non_null(lobby_host_find(&host, MU_OP_MATCH_ALLOCATE, 1));
    assert_string_equal(host.got.match_allocate.match, MATCH_B);
}

/* Live. */

static void test_no_result(void **state)
{
    (void)state;
    serve();
    /* It has lasted an hour already, which a new lobby must not give it again. */
    lobby_host_match(&host, MATCH_A, 3, MU_MATCH_LIVE)->started_ms -= 3600000;
    lobby_host_push_record(&host);
    lobby_host_wait(&host, 1800000);
    lobby_host_forget(&host);
    lobby_host_match(&host, MATCH_A, 4, MU_MATCH_LIVE)->started_ms -=
        5400000; /* scores: no new time */
    lobby_host_push_record(&host);
    lobby_host_wait(&host, 1799999);
    assert_int_equal(lobby_host_count(&host, MU_OP_MATCH_ABORT), 0);
    lobby_host_wait(&host, 1);
    const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_MATCH_ABORT, 0);
    assert_non_null(asked);
    assert_int_equal(host.got.match_abort.reason, MU_REASON_NO_RESULT);
    (void)lobby_host_match(&host, MATCH_A, 5, MU_MATCH_EXPIRED);
    lobby_host_answer_record(&host, asked);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_LIVE), 0);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_starting),
        TEST(test_rescan),
        TEST(test_fenced),
        TEST(test_not_accepted),
        TEST(test_accepted_meanwhile),
        TEST(test_strange_answers),
        TEST(test_least_loaded),
        TEST(test_modes),
        TEST(test_other_region),
        TEST(test_give_up),
        TEST(test_conflict_chooses_again),
        TEST(test_server_comes),
        TEST(test_no_result),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
