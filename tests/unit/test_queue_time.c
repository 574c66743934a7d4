/* The queue shard: expiry, offers, and a log that was forgotten. */
#include <errno.h>

#include "tests/unit/queue_world.h"

/* Time. */

static void test_expiry(void **state)
{
    (void)state;
    begin();
    struct mu_msg_ticket ticket = ticket_of("tkt_a", "ranked", 1000, 1000);
    ticket.wait_max_ms = 5000;
    ticket.latencies_count = 0; /* at home only: nothing is offered */
    push(&ticket);
    rig_batch_end(&rig);
    rig_clear(&rig);
    rig_advance(&rig, 3999);
    assert_int_equal(rig_count(&rig, MU_OP_TICKET_EXPIRE), 0);
    rig_advance(&rig, 1);
    (void)asked(MU_OP_TICKET_EXPIRE);
    assert_string_equal(rig.msg.ticket_expire.ticket, "tkt_a");
    assert_int_equal(rig.msg.ticket_expire.version, 1);
    rig_clear(&rig);
    rig_advance(&rig, MU_QUEUE_RETRY_MS);
    uint64_t sequence = asked(MU_OP_TICKET_EXPIRE); /* until there is an answer */
    ticket.state = MU_TICKET_EXPIRED;
    ticket.version = 2;
    rig.msg.op = MU_OP_TICKET;
    rig.msg.ticket = ticket;
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    assert_false(is_known("tkt_a"));
    assert_int_equal(counter(MU_COUNTER_TICKETS_EXPIRED), 1);
    push(&ticket);
    assert_int_equal(counter(MU_COUNTER_TICKETS_EXPIRED), 1);

    /* One that goes by the log while its expiry is out. */
    ticket = ticket_of("tkt_b", "ranked", 1000, 400000);
    push(&ticket);
    rig_clear(&rig);
    rig_advance(&rig, 1);
    (void)asked(MU_OP_TICKET_EXPIRE);
    ticket.state = MU_TICKET_CANCELLED;
    ticket.version = 2;
    push(&ticket);
    rig_clear(&rig);
    rig_advance(&rig, 10000);
    assert_int_equal(rig_count(&rig, MU_OP_TICKET_EXPIRE), 0);

    /* A mode that is not in the configuration any more. */
    ticket = ticket_of("tkt_c", "chess", 1000, 0);
    push(&ticket);
    rig_advance(&rig, 1000);
    (void)asked(MU_OP_TICKET_EXPIRE);
    rig_end(&rig);
}

static void test_offers(void **state)
{
    (void)state;
    begin();
    struct mu_msg_ticket ticket = ticket_of("tkt_a", "ranked", 1000, 0);
    ticket.latencies_count = 3;
    ticket.latencies[2] = (struct mu_msg_latency){ "us-west-2", 60 };
    push(&ticket);
    rig_batch_end(&rig);
    rig_clear(&rig);
    rig_advance(&rig, 9999);
    assert_int_equal(rig_count(&rig, MU_OP_OFFER), 0);
    rig_advance(&rig, 1);
    assert_true(offer_has("queue/us-west-2", "tkt_a", false)); /* the nearest first */
    assert_false(offer_has("queue/us-east-1", "tkt_a", false));
    assert_int_equal(rig.msg.offer.tickets_count, 1);
    assert_int_equal(rig.msg.offer.tickets[0].waited_ms, 10000);
    rig_clear(&rig);
    rig_advance(&rig, 3000);
    assert_true(offer_has("queue/us-east-1", "tkt_a", false)); /* then the other */
    rig_clear(&rig);
    rig_advance(&rig, 3000);
    assert_true(offer_has("queue/us-west-2", "tkt_a", false)); /* and again */
    assert_int_equal(counter(MU_COUNTER_OFFERS), 3);
    rig_clear(&rig);
    ticket.state = MU_TICKET_CANCELLED;
    ticket.version = 2;
    push(&ticket);
    rig_batch_end(&rig);
    assert_true(offer_has("queue/us-west-2", "tkt_a", true));
    assert_true(offer_has("queue/us-east-1", "tkt_a", true));
    rig_end(&rig);
}

static void test_foreign(void **state)
{
    (void)state;
    begin();
    push_ranked("tkt_a", 1000, 0);
    offer_begin();
    offer_ticket("tkt_f", 1050, 1);
    offer_ticket("tkt_a", 2000, 9); /* own: not a word of it is believed */
    offer_ticket("tkt_out", 1050, 1);
    rig.msg.offer.tickets[2].reach_count = 1; /* does not reach us */
    offer_send();
    assert_true(sync_has("tkt_f", true));
    assert_false(sync_has("tkt_out", true));
    assert_false(is_known("tkt_f")); /* nobody asks us about it */
    advance_acknowledging(7499);
    offer_begin();
    offer_ticket("tkt_f", 1050, 2); /* offered again, in time */
    offer_send();
    assert_true(sync_has("tkt_f", true)); /* its version is another */
    advance_acknowledging(7499);
    assert_false(sync_has("tkt_f", false));
    advance_acknowledging(1);
    assert_true(sync_has("tkt_f", false)); /* 2.5 times the interval: dropped */

    rig_end(&rig);
}

static void test_foreign_in_a_match(void **state)
{
    (void)state;
    begin();
    push_ranked("tkt_a", 1000, 0);
    offer_begin();
    offer_ticket("tkt_f", 1050, 1);
    offer_send();
    propose_pair("tkt_a", "tkt_f");
    uint64_t sequence = asked(MU_OP_MATCH_COMMIT);
    offer_begin();
    rig.msg.offer.withdrawn_count = 1;
    (void)snprintf(rig.msg.offer.withdrawn[0].id, sizeof rig.msg.offer.withdrawn[0].id, "tkt_f");
    offer_send(); /* withdrawn meanwhile: the store decides */
    offer_begin();
    offer_ticket("tkt_f", 1050, 1);
    offer_send(); /* and offered again by a late message */
    memset(&rig.msg.match_committed, 0, sizeof rig.msg.match_committed);
    rig.msg.op = MU_OP_MATCH_COMMITTED;
    rig.msg.match_committed.conflicts_count = 1;
    rig.msg.match_committed.conflicts[0] =
        (struct mu_msg_ticket_ref){ .id = "tkt_f", .version = 2, .state = MU_TICKET_MATCHED };
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    rig_batch_end(&rig);
    assert_true(sync_has("tkt_a", true));
    assert_false(sync_has("tkt_f", true));
    rig_end(&rig);
}

/* The log was forgotten: a new scan drops what is not in it. */
static void test_rescan(void **state)
{
    (void)state;
    begin();
    push_two();
    propose_pair("tkt_a", "tkt_b"); /* one more, in a commit */
    push_ranked("tkt_c", 2000, 0);
    rig_clear(&rig);
    rig_advance(&rig, 1000);
    uint64_t sequence = asked(MU_OP_FOLLOW_SINCE);
    log_seq += 100000;
    changes_begin(false);
    rig.msg.changes.forgotten = true;
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    sequence = asked(MU_OP_FOLLOW_SCAN);
    add_begin("ranked", "eu-west-1");
    assert_int_equal(add_refused(), MU_ERROR_STARTING);
    changes_begin(true);
    struct mu_msg_ticket ticket = ticket_of("tkt_c", "ranked", 2000, 0);
    changes_add(&ticket);
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    sequence = asked(MU_OP_FOLLOW_SINCE);
    changes_begin(false);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    rig_batch_end(&rig);
    assert_true(is_known("tkt_c"));
    assert_false(is_known("tkt_a"));
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expiry),  cmocka_unit_test(test_offers),
        cmocka_unit_test(test_foreign), cmocka_unit_test(test_foreign_in_a_match),
        cmocka_unit_test(test_rescan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
