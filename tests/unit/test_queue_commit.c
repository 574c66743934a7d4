/* The queue shard: proposals, commits, and any sequence of messages at all. */
#include <errno.h>

#include "tests/unit/queue_world.h"

/* Commits. */

static void test_commit(void **state)
{
    (void)state;
    begin();
    push_two();
    rig_advance(&rig, 400);
    propose_pair("tkt_a", "tkt_b");
    uint64_t sequence = asked(MU_OP_MATCH_COMMIT);
    assert_int_equal(rig.envelope->fence, EPOCH);
    assert_string_equal(rig.msg.match_commit.mode, "ranked");
    assert_string_equal(rig.msg.match_commit.region, "eu-west-1");
    assert_string_equal(rig.msg.match_commit.shard, "queue/eu-west-1");
    assert_int_equal(rig.msg.match_commit.tickets_count, 2);
    assert_string_equal(rig.msg.match_commit.tickets[0].id, "tkt_a");
    assert_int_equal(rig.msg.match_commit.tickets[0].version, 1);
    assert_int_equal(rig.msg.match_commit.tickets[1].team, 1);
    assert_true(sync_has("tkt_a", false) && sync_has("tkt_b", false));
    assert_true(is_known("tkt_a")); /* until it is definite */

    propose_pair("tkt_a", "tkt_b"); /* repeated: taken already */
    assert_int_equal(rig_count(&rig, MU_OP_MATCH_COMMIT), 0);
    assert_true(sync_has("tkt_a", false));
    assert_int_equal(counter(MU_COUNTER_PROPOSALS_STALE), 1);

    answer_commit(sequence, true);
    assert_false(is_known("tkt_a") || is_known("tkt_b"));
    assert_int_equal(counter(MU_COUNTER_MATCHES_COMMITTED), 1);
    uint32_t ranked = (uint32_t)mu_config_mode(&rig.config, "ranked");
    assert_int_equal(shown.pools[ranked].matches, 1);
    assert_int_equal(shown.pools[ranked].matched_players, 2);
    assert_int_equal(shown.pools[ranked].wait_p50_ms, 400);
    assert_true(shown.pools[ranked].spread == 25.0);
    answer_commit(sequence, true); /* repeated */
    assert_int_equal(counter(MU_COUNTER_MATCHES_COMMITTED), 1);

    /* The log tells the same, later; then one of them comes back, as its match was dissolved. */
    struct mu_msg_ticket ticket = ticket_of("tkt_a", "ranked", 1000, 400);
    ticket.state = MU_TICKET_MATCHED;
    ticket.version = 2;
    push(&ticket);
    assert_false(is_known("tkt_a"));
    ticket.state = MU_TICKET_QUEUED;
    ticket.version = 3;
    ticket.priority = 1;
    push(&ticket);
    rig_batch_end(&rig);
    assert_true(sync_has("tkt_a", true));
    assert_true(is_known("tkt_a"));
    assert_int_equal(rig.msg.ticket_added.ticket.version, 3);
    rig_end(&rig);
}

static void test_commit_is_repeated(void **state)
{
    (void)state;
    char match[MU_ID_MAX + 1];
    begin();
    push_two();
    propose_pair("tkt_a", "tkt_b");
    uint64_t first = asked(MU_OP_MATCH_COMMIT);
    memcpy(match, rig.msg.match_commit.match, sizeof match);
    uint64_t last = first;
    for (uint32_t i = 0; i < 5; i++) {
        rig_clear(&rig);
        rig_advance(&rig, MU_QUEUE_RETRY_MS_MAX);
        last = asked(MU_OP_MATCH_COMMIT);
        assert_string_equal(rig.msg.match_commit.match, match); /* the same match */
        assert_int_equal(rig.msg.match_commit.tickets_count, 2);
        assert_int_equal(rig.msg.match_commit.tickets[0].version, 1);
    }
    memset(&rig.msg.error, 0, sizeof rig.msg.error);
    rig.msg.op = MU_OP_ERROR;
    rig.msg.error.code = MU_ERROR_OVERLOADED; /* says nothing of the match */
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", last), 0);
    rig_clear(&rig);
    rig_advance(&rig, MU_QUEUE_RETRY_MS_MAX);
    last = asked(MU_OP_MATCH_COMMIT);
    answer_commit(first, false); /* late: a newer attempt is out */
    assert_true(is_known("tkt_a"));
    answer_commit(last, true);
    assert_false(is_known("tkt_a"));
    rig_end(&rig);
}

static void test_commit_conflict(void **state)
{
    (void)state;
    begin();
    push_two();
    propose_pair("tkt_a", "tkt_b");
    uint64_t sequence = asked(MU_OP_MATCH_COMMIT);
    memset(&rig.msg.match_committed, 0, sizeof rig.msg.match_committed);
    rig.msg.op = MU_OP_MATCH_COMMITTED;
    rig.msg.match_committed.conflicts_count = 1;
    rig.msg.match_committed.conflicts[0] =
        (struct mu_msg_ticket_ref){ .id = "tkt_b", .version = 2, .state = MU_TICKET_CANCELLED };
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    rig_batch_end(&rig);
    assert_true(sync_has("tkt_a", true)); /* free again */
    assert_false(is_known("tkt_b"));
    assert_true(is_known("tkt_a"));
    assert_int_equal(counter(MU_COUNTER_COMMIT_CONFLICTS), 1);

    /* A ticket that changed and still waits: its new version is adopted. */
    push_ranked("tkt_c", 1000, 0);
    propose_pair("tkt_a", "tkt_c");
    sequence = asked(MU_OP_MATCH_COMMIT);
    rig.msg.op = MU_OP_MATCH_COMMITTED;
    memset(&rig.msg.match_committed, 0, sizeof rig.msg.match_committed);
    rig.msg.match_committed.conflicts_count = 1;
    rig.msg.match_committed.conflicts[0] =
        (struct mu_msg_ticket_ref){ .id = "tkt_c", .version = 3, .state = MU_TICKET_QUEUED };
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    assert_true(is_known("tkt_c"));
    assert_int_equal(rig.msg.ticket_added.ticket.version, 3);
    rig_end(&rig);
}

static void test_gone_while_committing(void **state)
{
    (void)state;
    begin();
    push_two();
    propose_pair("tkt_a", "tkt_b");
    (void)asked(MU_OP_MATCH_COMMIT); /* and again, below */
    struct mu_msg_ticket ticket = ticket_of("tkt_a", "ranked", 1000, 0);
    ticket.state = MU_TICKET_MATCHED; /* the log is faster than the answer */
    ticket.version = 2;
    push(&ticket);
    rig_batch_end(&rig);
    assert_false(is_known("tkt_a"));
    rig_clear(&rig);
    rig_advance(&rig, MU_QUEUE_RETRY_MS);
    uint64_t sequence = asked(MU_OP_MATCH_COMMIT);
    assert_int_equal(rig.msg.match_commit.tickets_count, 2); /* the same request */
    ticket.state = MU_TICKET_QUEUED; /* and the match is dissolved, before the answer */
    ticket.version = 3;
    push(&ticket);
    rig_batch_end(&rig);
    assert_true(is_known("tkt_a"));
    answer_commit(sequence, true);
    assert_true(is_known("tkt_a")); /* it waits again */
    assert_false(is_known("tkt_b"));
    rig_end(&rig);
}

static void test_bad_proposals(void **state)
{
    (void)state;
    begin();
    push_two();
    push_ranked("tkt_far", 2000, 0);
    propose_pair("tkt_a", "tkt_far"); /* against the rules */
    assert_int_equal(rig_count(&rig, MU_OP_MATCH_COMMIT), 0);
    assert_true(sync_has("tkt_a", true) && sync_has("tkt_far", true));
    propose_pair("tkt_a", "tkt_ghost");
    assert_int_equal(rig_count(&rig, MU_OP_MATCH_COMMIT), 0);
    assert_true(sync_has("tkt_a", true) && sync_has("tkt_ghost", false));
    propose_pair("tkt_a", "tkt_a");
    assert_int_equal(rig_count(&rig, MU_OP_MATCH_COMMIT), 0);
    propose_begin("ranked", 2);
    propose_ticket("tkt_a", 1, 0);
    propose_ticket("tkt_b", 9, 1); /* another version */
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, matcher, 0), 0);
    propose_begin("ranked", 3); /* nobody reaches that region */
    propose_ticket("tkt_a", 1, 0);
    propose_ticket("tkt_b", 1, 1);
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, matcher, 0), 0);
    propose_begin("duel", 2); /* of another pool */
    propose_ticket("tkt_a", 1, 0);
    propose_ticket("tkt_b", 1, 1);
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, matcher, 0), 0);
    propose_begin("ranked", 2); /* of somebody else */
    propose_ticket("tkt_a", 1, 0);
    propose_ticket("tkt_b", 1, 1);
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, "#bad", 0), 0);
    propose_begin("ranked", 2); /* of nothing */
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, matcher, 0), 0);
    rig_batch_end(&rig);
    assert_int_equal(rig_count(&rig, MU_OP_MATCH_COMMIT), 0);
    assert_int_equal(counter(MU_COUNTER_PROPOSALS_ILLEGAL), 3);
    assert_int_equal(counter(MU_COUNTER_PROPOSALS_STALE), 5);
    propose_pair("tkt_a", "tkt_b"); /* and a good one */
    assert_int_equal(rig_count(&rig, MU_OP_MATCH_COMMIT), 1);
    rig_end(&rig);
}

/* Anything. */

static void random_message(void)
{
    char id[16];
    char other[16];
    (void)snprintf(id, sizeof id, "tkt_%02u", (unsigned)mu_rng_below(&rng, 30));
    (void)snprintf(other, sizeof other, "tkt_%02u", (unsigned)mu_rng_below(&rng, 30));
    struct mu_msg_ticket ticket =
        ticket_of(id, mu_rng_chance_ppm(&rng, 900000) ? "ranked" : "duel",
                  1000 + (int64_t)mu_rng_below(&rng, 100), (int64_t)mu_rng_below(&rng, 20000));
    ticket.wait_max_ms = mu_rng_chance_ppm(&rng, 200000) ? 500 : 0;
    ticket.version = 1 + mu_rng_below(&rng, 4);
    switch (mu_rng_below(&rng, 7)) {
    case 0:
    case 1: push(&ticket); break;
    case 2:
        ticket.state = MU_TICKET_MATCHED + (enum mu_ticket_state)mu_rng_below(&rng, 3);
        push(&ticket);
        break;
    case 3:
        propose_begin("ranked", 2);
        propose_ticket(id, ticket.version, 0);
        propose_ticket(other, 1 + mu_rng_below(&rng, 4), 1);
        assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, matcher, 0), 0);
        break;
    case 4:
        offer_begin();
        offer_ticket(id, 1000, ticket.version);
        if (mu_rng_chance_ppm(&rng, 300000)) {
            rig.msg.offer.withdrawn_count = 1;
            (void)snprintf(rig.msg.offer.withdrawn[0].id, sizeof other, "%s", other);
        }
        assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, "#be", 0), 0);
        break;
    case 5: ack("ranked", generation, mu_rng_below(&rng, 4), mu_rng_chance_ppm(&rng, 50000)); break;
    default:
        add_begin("ranked", "eu-west-1");
        assert_int_equal(rig_send(&rig, MU_FRAME_REQUEST, "#6a7e", 0), 0);
        break;
    }
}

/* Answers some of the requests that were sent in this batch, rightly or not. */
static void random_answers(void)
{
    static uint64_t sequences[64];
    static enum mu_op ops[64];
    static char ids[64][MU_ID_MAX + 1];
    uint32_t count = 0;
    for (uint32_t i = 0; i < rig.out->count && count < 64; i++) {
        const struct mu_msg_envelope *envelope = &rig.out->entries[i].envelope;
        if (envelope->frame != MU_FRAME_REQUEST || mu_rng_chance_ppm(&rng, 300000)) {
            continue;
        }
        sequences[count] = envelope->sequence;
        ops[count] = (enum mu_op)envelope->op;
        assert_int_equal(mu_msg_decode(rig.decoder, (uint32_t)envelope->op,
                                       rig.out->bytes + rig.out->entries[i].offset,
                                       rig.out->entries[i].size, &rig.msg),
                         0);
        const char *id = rig.msg.op == MU_OP_TICKET_EXPIRE  ? rig.msg.ticket_expire.ticket
                         : rig.msg.op == MU_OP_MATCH_COMMIT ? rig.msg.match_commit.tickets[0].id
                                                            : "tkt_x";
        memcpy(ids[count], id, strlen(id) + 1);
        count++;
    }
    rig_clear(&rig);
    for (uint32_t i = 0; i < count; i++) {
        bool yes = mu_rng_chance_ppm(&rng, 500000);
        if (ops[i] == MU_OP_MATCH_COMMIT) {
            memset(&rig.msg.match_committed, 0, sizeof rig.msg.match_committed);
            rig.msg.op = MU_OP_MATCH_COMMITTED;
            rig.msg.match_committed.committed = yes;
            rig.msg.match_committed.conflicts_count = yes ? 0 : 1;
            rig.msg.match_committed.conflicts[0].version = 1 + mu_rng_below(&rng, 4);
            rig.msg.match_committed.conflicts[0].state =
                (enum mu_ticket_state)mu_rng_below(&rng, 5);
            memcpy(rig.msg.match_committed.conflicts[0].id, ids[i], sizeof ids[i]);
        } else if (ops[i] == MU_OP_FOLLOW_SINCE) {
            changes_begin(false);
        } else {
            rig.msg.op = MU_OP_TICKET;
            rig.msg.ticket = ticket_of(ids[i], "ranked", 1000, 0);
            rig.msg.ticket.version = 1 + mu_rng_below(&rng, 4);
            rig.msg.ticket.state = yes ? MU_TICKET_QUEUED : MU_TICKET_EXPIRED;
        }
        assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequences[i]), 0);
    }
}

static void test_anything(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 10; round++) {
        begin();
        for (uint32_t i = 0; i < 600; i++) {
            for (uint64_t k = mu_rng_below(&rng, 4); k > 0; k--) {
                random_message();
            }
            rig_batch_end(&rig);
            random_answers();
            for (uint32_t k = 0; find_sync("ranked", k); k++) {
                generation = rig.msg.pool_sync.generation;
            }
            rig_advance(&rig, (int64_t)mu_rng_below(&rng, 300));
            for (uint32_t k = 0; find_sync("ranked", k); k++) {
                generation = rig.msg.pool_sync.generation;
            }
            random_answers();
        }
        rig_end(&rig);
    }
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commit),          cmocka_unit_test(test_commit_is_repeated),
        cmocka_unit_test(test_commit_conflict), cmocka_unit_test(test_gone_while_committing),
        cmocka_unit_test(test_bad_proposals),   cmocka_unit_test(test_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
