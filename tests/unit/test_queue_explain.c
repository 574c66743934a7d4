/* The queue shard: why a ticket still waits, asked of the matcher of its pool. */
#include "tests/unit/queue_world.h"

enum { ANSWER_MS = 2000 }; /* for so long the matcher may take */

static void explain(const char *ticket, const char *mode)
{
    rig_clear(&rig);
    memset(&rig.msg.ticket_explain, 0, sizeof rig.msg.ticket_explain);
    rig.msg.op = MU_OP_TICKET_EXPLAIN;
    (void)snprintf(rig.msg.ticket_explain.ticket, sizeof rig.msg.ticket_explain.ticket, "%s",
                   ticket);
    (void)snprintf(rig.msg.ticket_explain.mode, sizeof rig.msg.ticket_explain.mode, "%s", mode);
    assert_int_equal(rig_send(&rig, MU_FRAME_REQUEST, "#6a7e", 0), 0);
    rig.actor->ops->check(rig.actor);
}

/* Checks that the matcher is asked, of that pool.  Returns the request's sequence. */
static uint64_t expect_asked(const char *ticket, const char *mode)
{
    assert_int_equal(rig.out->count, 1);
    assert_true(rig_find(&rig, MU_OP_POOL_EXPLAIN, 0));
    assert_string_equal(rig.envelope->destination, matcher);
    assert_int_equal(rig.envelope->frame, MU_FRAME_REQUEST);
    assert_int_equal(rig.envelope->budget_ms, ANSWER_MS);
    assert_string_equal(rig.msg.pool_explain.ticket, ticket);
    assert_string_equal(rig.msg.pool_explain.mode, mode);
    return rig.envelope->sequence;
}

static void expect_refused(enum mu_error error)
{
    assert_int_equal(rig.out->count, 1);
    assert_true(rig_find(&rig, MU_OP_ERROR, 0));
    assert_string_equal(rig.envelope->destination, "#6a7e");
    assert_int_equal(rig.msg.error.code, error);
}

/* The matcher answers. */
static void answer(uint64_t sequence)
{
    rig.msg.op = MU_OP_EXPLANATION;
    rig.msg.explanation = (struct mu_msg_explanation){
        .ticket = "tkt_a", .mode = "ranked", .state = "WAITING", .waited_ms = 77
    };
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, matcher, sequence), 0);
    rig.actor->ops->check(rig.actor);
}

static void test_answer_is_relayed(void **state)
{
    (void)state;
    begin();
    push_two();
    explain("tkt_a", "");
    uint64_t sequence = expect_asked("tkt_a", "ranked");
    answer(sequence);
    assert_int_equal(rig.out->count, 1);
    assert_true(rig_find(&rig, MU_OP_EXPLANATION, 0));
    assert_string_equal(rig.envelope->destination, "#6a7e");
    assert_int_equal(rig.envelope->frame, MU_FRAME_REPLY);
    assert_int_equal(rig.msg.explanation.waited_ms, 77);
    answer(sequence); /* repeated */
    assert_int_equal(rig.out->count, 0);

    explain("tkt_b", "ranked");
    sequence = expect_asked("tkt_b", "ranked");
    memset(&rig.msg.error, 0, sizeof rig.msg.error);
    rig.msg.op = MU_OP_ERROR;
    rig.msg.error.code = MU_ERROR_UNAVAILABLE;
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, matcher, sequence), 0);
    expect_refused(MU_ERROR_UNAVAILABLE);
    rig_end(&rig);
}

/* Of several modes the first unless one is named. */
static void test_modes(void **state)
{
    (void)state;
    begin();
    struct mu_msg_ticket ticket = ticket_of("tkt_two", "ranked", 1000, 0);
    ticket.others_count = 1;
    (void)snprintf(ticket.others[0].id, sizeof ticket.others[0].id, "duel");
    push(&ticket);
    rig_batch_end(&rig);
    explain("tkt_two", "");
    answer(expect_asked("tkt_two", "ranked"));
    explain("tkt_two", "duel");
    answer(expect_asked("tkt_two", "duel"));
    explain("tkt_two", "casual");
    expect_refused(MU_ERROR_GAME_MODE_NOT_FOUND);
    explain("tkt_two", "chess");
    expect_refused(MU_ERROR_GAME_MODE_NOT_FOUND);
    rig_end(&rig);
}

static void test_unknown_ticket(void **state)
{
    (void)state;
    begin();
    push_two();
    explain("tkt_none", "");
    expect_refused(MU_ERROR_TICKET_NOT_FOUND);
    offer_begin();
    offer_ticket("tkt_far", 1000, 1);
    offer_send();
    explain("tkt_far", ""); /* a neighbour's: its own shard explains it */
    expect_refused(MU_ERROR_TICKET_NOT_FOUND);
    rig_end(&rig);
}

static void test_starting(void **state)
{
    (void)state;
    log_seq = 10;
    rig_begin(&rig, &mu_queue_ops, "queue/eu-west-1");
    explain("tkt_a", "");
    expect_refused(MU_ERROR_STARTING);
    serve();
    explain("tkt_a", "");
    expect_refused(MU_ERROR_TICKET_NOT_FOUND);
    rig_end(&rig);
}

static void test_no_matcher(void **state)
{
    (void)state;
    log_seq = 10;
    rig_begin(&rig, &mu_queue_ops, "queue/eu-west-1");
    serve();
    push_ranked("tkt_a", 1000, 0);
    explain("tkt_a", "");
    expect_refused(MU_ERROR_UNAVAILABLE);
    rig_batch_end(&rig);
    assign_all();
    explain("tkt_a", "");
    answer(expect_asked("tkt_a", "ranked"));
    rig_clear(&rig);
    ack("ranked", generation, pool_seq, true); /* the matcher has lost the pool */
    explain("tkt_a", "");
    expect_refused(MU_ERROR_UNAVAILABLE);
    rig_end(&rig);
}

/* Whoever asked gives up by himself, or asks again. */
static void test_no_answer(void **state)
{
    (void)state;
    begin();
    push_two();
    explain("tkt_a", "");
    uint64_t sequence = expect_asked("tkt_a", "ranked");
    advance_acknowledging(ANSWER_MS - 1);
    answer(sequence); /* just in time */
    assert_int_equal(rig_count(&rig, MU_OP_EXPLANATION), 1);
    explain("tkt_a", "");
    sequence = expect_asked("tkt_a", "ranked");
    advance_acknowledging(ANSWER_MS);
    assert_int_equal(rig_count(&rig, MU_OP_ERROR), 0);
    answer(sequence); /* too late */
    assert_int_equal(rig.out->count, 0);
    rig_end(&rig);
}

/* As many as it can remember; and again when nobody has answered those: nothing is left of them. */
static void test_many(void **state)
{
    (void)state;
    begin();
    push_two();
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < MU_QUEUE_EXPLAINS_MAX; i++) {
            rig_clear(&rig);
            rig.msg.op = MU_OP_TICKET_EXPLAIN;
            rig.msg.ticket_explain = (struct mu_msg_ticket_explain){ .ticket = "tkt_a" };
            assert_int_equal(rig_send(&rig, MU_FRAME_REQUEST, "#6a7e", 0), 0);
            assert_int_equal(rig_count(&rig, MU_OP_POOL_EXPLAIN), 1);
        }
        explain("tkt_a", "");
        expect_refused(MU_ERROR_OVERLOADED);
        advance_acknowledging(ANSWER_MS);
    }
    explain("tkt_a", "");
    answer(expect_asked("tkt_a", "ranked"));
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_is_relayed),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_unknown_ticket),
        cmocka_unit_test(test_starting),
        cmocka_unit_test(test_no_matcher),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
