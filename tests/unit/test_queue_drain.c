/* The queue shard that stands by, and the one that hands its partition over. */
#include "tests/unit/queue_world.h"

static void drain(void)
{
    rig_clear(&rig);
    assert_int_equal(rig_event(&rig, MU_EV_DRAIN), 0);
    assert_int_equal(rig.actor->ops->life(rig.actor), MU_LIFE_DRAINING);
}

static bool drained(void)
{
    return rig.actor->ops->drained(rig.actor);
}

/* Answers the EPOCH_RELEASE that must be out. */
static void give_back(void)
{
    uint64_t sequence = asked(MU_OP_EPOCH_RELEASE);
    assert_int_equal(rig.envelope->fence, EPOCH);
    assert_false(drained());
    rig.msg.op = MU_OP_EPOCH;
    rig.msg.epoch = (struct mu_msg_epoch){ .epoch = EPOCH };
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    assert_true(drained());
}

static void test_stands_by(void **state)
{
    (void)state;
    rig_begin(&rig, &mu_queue_ops, "queue/eu-west-1");
    assert_int_equal(rig_event(&rig, MU_EV_START), 0);
    assert_int_equal(rig.actor->ops->life(rig.actor), MU_LIFE_STARTING);
    uint64_t sequence = asked(MU_OP_EPOCH_TAKE);
    rig.msg.op = MU_OP_ERROR;
    rig.msg.error = (struct mu_msg_error){ .code = MU_ERROR_OWNED };
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    assert_int_equal(rig.actor->ops->life(rig.actor), MU_LIFE_STANDBY);
    assert_int_equal(rig.actor->ops->epoch(rig.actor), 0);
    rig.actor->ops->stats(rig.actor, rig.now_ms, &shown);
    assert_false(shown.ready);
    assert_int_equal(shown.pools_count, 0); /* the owner speaks for the partition */
    add_begin("ranked", "eu-west-1");
    assert_int_equal(add_refused(), MU_ERROR_STARTING);
    rig_clear(&rig);
    rig_advance(&rig, 1000);
    assert_int_equal(rig_count(&rig, MU_OP_EPOCH_TAKE), rig.out->count); /* and nothing else */
    assert_true(rig.out->count >= 3);
    drain();
    assert_true(drained());
    assert_int_equal(rig.out->count, 0);
    rig_end(&rig);
}

static void test_begins_nothing_new(void **state)
{
    (void)state;
    begin();
    push_two();
    push_ranked("tkt_old", 1000, 299000); /* about to have waited too long */
    rig_batch_end(&rig);
    add_begin("ranked", "eu-west-1");
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_REQUEST, "#6a7e", 0), 0);
    uint64_t add = asked(MU_OP_TICKET_ADD); /* it waits for the store */
    drain();
    assert_int_equal(rig_count(&rig, MU_OP_EPOCH_RELEASE), 0);
    add_begin("ranked", "eu-west-1");
    assert_int_equal(add_refused(), MU_ERROR_STARTING);
    look("tkt_a");
    assert_true(rig_find(&rig, MU_OP_ERROR, 0));
    propose_pair("tkt_a", "tkt_b");
    assert_int_equal(rig_count(&rig, MU_OP_MATCH_COMMIT), 0);
    rig.actor->ops->stats(rig.actor, rig.now_ms, &shown);
    assert_false(shown.ready);
    rig_clear(&rig);
    rig_advance(&rig, 2000);
    assert_int_equal(rig_count(&rig, MU_OP_TICKET_EXPIRE), 0);
    assert_int_equal(rig_count(&rig, MU_OP_OFFER), 0);
    rig_clear(&rig);
    rig.msg.op = MU_OP_TICKET;
    rig.msg.ticket = ticket_of("tkt_c", "ranked", 1000, 0);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", add), 0);
    assert_true(rig_find(&rig, MU_OP_TICKET_ADDED, 0)); /* he who asked is told */
    give_back();
    look("tkt_a");
    assert_true(rig_find(&rig, MU_OP_ERROR, 0));
    assert_int_equal(rig.msg.error.code, MU_ERROR_STARTING);
    rig_end(&rig);
}

/* Nobody knows whether a commit took place until the store has said so. */
static void test_waits_for_its_commits(void **state)
{
    (void)state;
    begin();
    push_two();
    propose_pair("tkt_a", "tkt_b");
    uint64_t sequence = asked(MU_OP_MATCH_COMMIT);
    drain();
    rig_advance(&rig, 1000);
    assert_true(rig_count(&rig, MU_OP_MATCH_COMMIT) > 0); /* asked again */
    assert_int_equal(rig_count(&rig, MU_OP_EPOCH_RELEASE), 0);
    for (uint32_t i = 0; rig_find(&rig, MU_OP_MATCH_COMMIT, i); i++) {
        sequence = rig.envelope->sequence;
    }
    answer_commit(sequence, true);
    give_back();
    rig_end(&rig);
}

static void test_with_nothing_under_way(void **state)
{
    (void)state;
    begin();
    drain();
    give_back();
    assert_int_equal(rig_event(&rig, MU_EV_STOP), 0);
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stands_by),
        cmocka_unit_test(test_begins_nothing_new),
        cmocka_unit_test(test_waits_for_its_commits),
        cmocka_unit_test(test_with_nothing_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
