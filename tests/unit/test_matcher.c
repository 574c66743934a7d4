/* The matcher alone: POOL_SYNC in, POOL_ACK and PROPOSALS out. */
#include "core/counters.h"
#include "tests/unit/matcher_world.h"

static struct mu_rng rng;

static void sync_leave(const char *id)
{
    struct mu_msg_id *leave = &rig.msg.pool_sync.leaves[rig.msg.pool_sync.leaves_count++];
    (void)snprintf(leave->id, sizeof leave->id, "%s", id);
}

static void expect_ack(const char *shard, uint64_t generation, uint64_t seq, bool resync)
{
    assert_true(rig_find(&rig, MU_OP_POOL_ACK, 0));
    assert_string_equal(rig.envelope->destination, shard);
    assert_int_equal(rig.msg.pool_ack.generation, generation);
    assert_int_equal(rig.msg.pool_ack.seq, seq);
    assert_int_equal(rig.msg.pool_ack.resync, resync);
}

static uint64_t counter(uint32_t id)
{
    static struct mu_msg_stats stats;
    rig.actor->ops->stats(rig.actor, rig.now_ms, &stats);
    for (uint32_t i = 0; i < stats.counters_count; i++) {
        if (stats.counters[i].counter == id) {
            return stats.counters[i].value;
        }
    }
    return 0;
}

static void test_proposes(void **state)
{
    (void)state;
    rig_begin(&rig, &mu_matcher_ops, "");
    assert_int_equal(rig_event(&rig, MU_EV_START), 0);
    rig_batch_end(&rig);
    assert_true(rig_find(&rig, MU_OP_MATCHER_HERE, 0));
    assert_string_equal(rig.envelope->destination, "*queue");
    assert_int_equal(rig.actor->ops->deadline(rig.actor), rig.now_ms + MU_MATCHER_HERE_MS);
    sync_begin("ranked", 1, 1, false);
    sync_send("#1");
    expect_ack("#1", 1, 1, false);
    sync_begin("ranked", 1, 2, false);
    sync_join("tkt_a", 1000, 0);
    sync_join("tkt_b", 1050, 0);
    sync_send("#1");
    expect_ack("#1", 1, 2, false);
    assert_int_equal(rig_count(&rig, MU_OP_PROPOSALS), 0); /* the snapshot is not complete */
    sync_begin("ranked", 1, 3, true);
    sync_join("tkt_c", 1400, 500);
    sync_send("#1");
    assert_true(rig_find(&rig, MU_OP_PROPOSALS, 0));
    assert_string_equal(rig.envelope->destination, "#1");
    assert_string_equal(rig.msg.proposals.mode, "ranked");
    assert_int_equal(rig.msg.proposals.generation, 1);
    assert_int_equal(rig.msg.proposals.seq, 3);
    assert_int_equal(rig.msg.proposals.matches_count, 1);
    assert_int_equal(rig.msg.proposals.matches[0].region, 1);
    assert_int_equal(rig.msg.proposals.tickets_count, 2);
    assert_string_equal(rig.msg.proposals.tickets[0].id, "tkt_a");
    assert_int_equal(rig.msg.proposals.tickets[0].version, 3);
    assert_int_equal(rig.msg.proposals.tickets[0].team, 0);
    assert_int_equal(rig.msg.proposals.tickets[1].team, 1);
    assert_int_equal(counter(MU_COUNTER_POOLS), 1);
    assert_int_equal(counter(MU_COUNTER_POOL_TICKETS), 3);
    assert_int_equal(counter(MU_COUNTER_PROPOSED), 1);

    /* b is free again, a is gone; b and c accept each other when both windows are 350. */
    sync_begin("ranked", 1, 4, true);
    sync_join("tkt_b", 1050, 0);
    sync_leave("tkt_a");
    sync_leave("tkt_b"); /* leaves come before joins */
    sync_send("#1");
    assert_int_equal(rig_count(&rig, MU_OP_PROPOSALS), 0);
    for (uint64_t seq = 5; seq < 200 && rig_count(&rig, MU_OP_PROPOSALS) == 0; seq++) {
        sync_begin("ranked", 1, seq, true);
        sync_send("#1");
        rig_clear(&rig);
        rig_advance(&rig, 400);
    }
    assert_true(rig_find(&rig, MU_OP_PROPOSALS, 0));
    assert_string_equal(rig.msg.proposals.tickets[0].id, "tkt_c");
    assert_string_equal(rig.msg.proposals.tickets[1].id, "tkt_b");
    rig_end(&rig);
}

/* Who has ended without a match is forgotten, unless he comes again in the same message. */
static void test_quits(void **state)
{
    (void)state;
    rig_begin(&rig, &mu_matcher_ops, "");
    sync_begin("ranked", 1, 1, true);
    sync_join("tkt_a", 1000, 0);
    sync_join("tkt_b", 2000, 0);
    sync_send("#1");
    assert_int_equal(counter(MU_COUNTER_POOL_TICKETS), 2);
    sync_begin("ranked", 1, 2, true);
    rig.msg.pool_sync.quits_count = 2;
    memcpy(rig.msg.pool_sync.quits[0].id, "tkt_a", sizeof "tkt_a");
    memcpy(rig.msg.pool_sync.quits[1].id, "tkt_b", sizeof "tkt_b");
    sync_join("tkt_b", 2000, 0);
    sync_send("#1");
    assert_int_equal(counter(MU_COUNTER_POOL_TICKETS), 1);
    rig_end(&rig);
}

/* Players of a party that may be split have a seat each. */
static void test_seats(void **state)
{
    (void)state;
    rig_begin(&rig, &mu_matcher_ops, "");
    sync_begin("ranked", 1, 1, true);
    sync_rules(1, "{\"name\": \"two\", \"ruleLanguageVersion\": \"1.0\", \"parties\": \"may_span\","
                  "\"teams\": [{\"name\": \"side\", \"minPlayers\": 1, \"maxPlayers\": 1,"
                  "\"quantity\": 2}]}");
    sync_join("tkt_party", 1000, 0);
    struct mu_msg_pool_ticket *party = &rig.msg.pool_sync.joins[0];
    party->players = 2;
    party->members_count = 2;
    party->members[0] = (struct mu_msg_pool_player){ .id = "ply_a", .rating = 1000 };
    party->members[1] = (struct mu_msg_pool_player){ .id = "ply_b", .rating = 1000 };
    sync_send("#1");
    assert_true(rig_find(&rig, MU_OP_PROPOSALS, 0));
    assert_int_equal(rig.msg.proposals.tickets_count, 1);
    uint64_t seats = rig.msg.proposals.tickets[0].seats;
    assert_true(seats == 0x0102 || seats == 0x0201);
    rig_end(&rig);
}

/* Exactly at the moment, not at a tick. */
static void test_moment(void **state)
{
    (void)state;
    rig_begin(&rig, &mu_matcher_ops, "");
    sync_begin("ranked", 1, 1, true); /* 100 points, 10 a second */
    sync_join("tkt_a", 1000, 0);
    sync_join("tkt_b", 1130, 0);
    sync_send("#1");
    assert_int_equal(rig_count(&rig, MU_OP_PROPOSALS), 0);
    rig_advance(&rig, 2999);
    assert_int_equal(rig_count(&rig, MU_OP_PROPOSALS), 0);
    assert_int_equal(rig.actor->ops->deadline(rig.actor), rig.now_ms + 1);
    rig_advance(&rig, 1);
    assert_int_equal(rig_count(&rig, MU_OP_PROPOSALS), 1);
    rig_end(&rig);
}

/* A faulty shard does not end a matcher. */
static void test_no_generation(void **state)
{
    (void)state;
    rig_begin(&rig, &mu_matcher_ops, "");
    for (uint64_t seq = 0; seq < 3; seq++) {
        sync_begin("ranked", 0, seq, true);
        sync_join("tkt_one", 1200, 100);
        (void)snprintf(rig.msg.pool_sync.leaves[0].id, sizeof rig.msg.pool_sync.leaves[0].id,
                       "tkt_two");
        rig.msg.pool_sync.leaves_count = 1;
        sync_send("#1");
        assert_int_equal(rig_count(&rig, MU_OP_POOL_ACK), 0);
    }
    rig_end(&rig);
}

static void test_gaps_and_generations(void **state)
{
    (void)state;
    rig_begin(&rig, &mu_matcher_ops, "");
    sync_begin("duel", 7, 4, true); /* never heard of */
    sync_join("tkt_a", 1000, 0);
    sync_join("tkt_b", 1000, 0);
    sync_send("#1");
    expect_ack("#1", 7, 0, true);
    assert_int_equal(rig_count(&rig, MU_OP_PROPOSALS), 0);
    sync_begin("duel", 8, 1, true);
    sync_join("tkt_a", 1000, 0);
    sync_send("#1");
    expect_ack("#1", 8, 1, false);
    sync_begin("duel", 8, 1, true); /* repeated */
    sync_leave("tkt_a");
    sync_send("#1");
    expect_ack("#1", 8, 1, false);
    sync_begin("duel", 7, 5, true); /* of a former generation */
    sync_leave("tkt_a");
    sync_send("#1");
    assert_int_equal(rig.out->count, 0);
    assert_int_equal(counter(MU_COUNTER_POOL_TICKETS), 1);
    sync_begin("duel", 8, 3, true); /* 2 is missing */
    sync_join("tkt_b", 1000, 0);
    sync_send("#1");
    expect_ack("#1", 8, 1, true);
    assert_int_equal(rig_count(&rig, MU_OP_PROPOSALS), 0);
    sync_begin("duel", 8, 2, true); /* too late: a snapshot was asked for */
    sync_join("tkt_b", 1000, 0);
    sync_send("#1");
    expect_ack("#1", 8, 1, true);
    assert_int_equal(counter(MU_COUNTER_RESYNCS), 3);
    sync_begin("duel", 9, 1, true);
    sync_join("tkt_a", 1000, 0);
    sync_join("tkt_b", 1000, 0);
    sync_send("#1");
    expect_ack("#1", 9, 1, false);
    assert_int_equal(rig_count(&rig, MU_OP_PROPOSALS), 1);
    rig_end(&rig);
}

static void test_not_taken(void **state)
{
    (void)state;
    rig_begin(&rig, &mu_matcher_ops, "");
    rig_batch_end(&rig); /* it says that it is here */
    sync_begin("duel", 1, 1, true);
    rig.msg.pool_sync.config_hash++;
    sync_send("#1");
    assert_int_equal(rig.out->count, 0);
    sync_begin("chess", 1, 1, true);
    sync_send("#1");
    assert_int_equal(rig.out->count, 0);
    rig.msg.op = MU_OP_TICKET_GET;
    memset(&rig.msg.ticket_get, 0, sizeof rig.msg.ticket_get);
    assert_int_equal(rig_send(&rig, MU_FRAME_REQUEST, "#9", 0), 0);
    assert_true(rig_find(&rig, MU_OP_ERROR, 0));
    assert_int_equal(rig.msg.error.code, MU_ERROR_UNSUPPORTED);
    for (uint32_t i = 0; i <= MU_MATCHER_POOLS_MAX; i++) {
        char shard[16];
        (void)snprintf(shard, sizeof shard, "#%u", i + 10);
        sync_begin("duel", 1, 1, true);
        sync_send(shard);
        assert_int_equal(rig_count(&rig, MU_OP_POOL_ACK), i < MU_MATCHER_POOLS_MAX);
    }
    rig_end(&rig);
}

static void test_silence(void **state)
{
    (void)state;
    rig_begin(&rig, &mu_matcher_ops, "");
    sync_begin("duel", 1, 1, true);
    sync_join("tkt_a", 1000, 0);
    sync_send("#1");
    sync_begin("duel", 1, 1, true);
    sync_join("tkt_a", 1000, 0);
    sync_send("#2");
    assert_int_equal(counter(MU_COUNTER_POOLS), 2);
    rig_advance(&rig, 3000);
    sync_begin("duel", 1, 2, true);
    sync_send("#2");
    rig_advance(&rig, 2000);
    assert_int_equal(counter(MU_COUNTER_POOLS), 1); /* 1 is forgotten */
    sync_begin("duel", 1, 2, true);
    sync_send("#1");
    expect_ack("#1", 1, 0, true);
    rig_end(&rig);
}

/* A proposal of which nothing is heard is made again. */
static void test_lost_proposal(void **state)
{
    (void)state;
    rig_begin(&rig, &mu_matcher_ops, "");
    sync_begin("duel", 1, 1, true);
    sync_join("tkt_a", 1000, 0);
    sync_join("tkt_b", 1000, 0);
    sync_send("#1");
    assert_int_equal(rig_count(&rig, MU_OP_PROPOSALS), 1);
    rig_clear(&rig);
    rig_advance(&rig, 1999);
    assert_int_equal(rig_count(&rig, MU_OP_PROPOSALS), 0);
    rig_advance(&rig, 1);
    assert_int_equal(rig_count(&rig, MU_OP_PROPOSALS), 1);
    rig_end(&rig);
}

static void sync_begin_slice(uint64_t slice, uint64_t generation, uint64_t seq)
{
    sync_begin("duel", generation, seq, true);
    rig.msg.pool_sync.slice = slice;
}

static void sync_over(uint64_t slice, uint64_t generation)
{
    sync_begin_slice(slice, generation, 9);
    rig.msg.pool_sync.over = true;
    sync_send("#1");
    assert_int_equal(rig_count(&rig, MU_OP_POOL_ACK), 0); /* there is nothing to follow any more */
}

/* Each slice of a pool is a pool of its own, until it is over. */
static void test_slices(void **state)
{
    (void)state;
    rig_begin(&rig, &mu_matcher_ops, "");
    for (uint64_t i = 0; i < 2; i++) {
        sync_begin_slice(5 * i, 1 + i, 1);
        sync_join(i == 0 ? "tkt_a" : "tkt_b", 1000, 0);
        sync_send("#1");
        expect_ack("#1", 1 + i, 1, false);
        assert_int_equal(rig.msg.pool_ack.slice, 5 * i);
        assert_int_equal(rig_count(&rig, MU_OP_PROPOSALS), 0);
    }
    assert_int_equal(counter(MU_COUNTER_POOLS), 2);
    sync_begin_slice(5, 2, 2);
    sync_join("tkt_c", 1000, 0);
    sync_send("#1");
    assert_true(rig_find(&rig, MU_OP_PROPOSALS, 0));
    assert_int_equal(rig.msg.proposals.slice, 5);
    assert_int_equal(rig.msg.proposals.generation, 2);
    assert_string_equal(rig.msg.proposals.tickets[0].id, "tkt_b");
    sync_over(5, 1); /* late: another generation has begun */
    assert_int_equal(counter(MU_COUNTER_POOLS), 2);
    sync_over(5, 2);
    assert_int_equal(counter(MU_COUNTER_POOLS), 1);
    sync_over(5, 2); /* repeated */
    sync_over(63, 1);
    assert_int_equal(counter(MU_COUNTER_POOLS), 1);
    assert_int_equal(counter(MU_COUNTER_POOL_TICKETS), 1);
    sync_begin_slice(5, 3, 1); /* it is given again */
    sync_send("#1");
    expect_ack("#1", 3, 1, false);
    rig_end(&rig);
}

static bool said_here(void)
{
    return rig_find(&rig, MU_OP_MATCHER_HERE, 0);
}

/* It says that it is here, and that it will not be: and goes on until it has nothing any more. */
static void test_drain(void **state)
{
    (void)state;
    rig_begin(&rig, &mu_matcher_ops, "");
    rig_batch_end(&rig);
    assert_true(said_here());
    assert_int_equal(rig.msg.matcher_here.slices, 0);
    for (uint64_t i = 0; i < 2; i++) {
        sync_begin_slice(i, 1, 1);
        sync_join("tkt_a", 1000, 0);
        sync_send("#1");
        assert_false(said_here()); /* not more often than that */
    }
    rig_clear(&rig);
    rig_advance(&rig, MU_MATCHER_HERE_MS);
    assert_int_equal(rig_count(&rig, MU_OP_MATCHER_HERE), 1);
    assert_true(said_here());
    assert_int_equal(rig.msg.matcher_here.slices, 2);
    assert_false(rig.msg.matcher_here.draining);
    assert_in_range(rig.msg.matcher_here.busy_permille, 0, 100);
    assert_int_equal(mu_matcher_ops.life(rig.actor), MU_LIFE_SERVING);
    rig_clear(&rig);
    assert_int_equal(rig_event(&rig, MU_EV_DRAIN), 0);
    rig_batch_end(&rig);
    assert_true(said_here()); /* at once */
    assert_true(rig.msg.matcher_here.draining);
    assert_int_equal(mu_matcher_ops.life(rig.actor), MU_LIFE_DRAINING);
    assert_false(mu_matcher_ops.drained(rig.actor));
    sync_begin_slice(0, 1, 2);
    sync_join("tkt_b", 1000, 0);
    sync_send("#1");
    assert_int_equal(rig_count(&rig, MU_OP_PROPOSALS), 1); /* it works still */
    sync_over(0, 1);
    assert_false(mu_matcher_ops.drained(rig.actor));
    rig_advance(&rig, MU_MATCHER_DRAIN_SILENCE_MS); /* that the other is over was lost */
    assert_true(mu_matcher_ops.drained(rig.actor));
    rig_end(&rig);
}

/* How busy it is: all of its time, when there is no end of what can be tried. */
static void test_busy(void **state)
{
    (void)state;
    uint64_t busy = 0;
    rig_begin(&rig, &mu_matcher_ops, "");
    for (uint64_t seq = 1; seq <= 60; seq++) {
        sync_begin("team_match", 1, seq, true);
        for (uint32_t i = 0; i < 64; i++) {
            char id[MU_ID_MAX + 1];
            (void)snprintf(id, sizeof id, "tkt_%u_%u", (unsigned)seq, i);
            sync_join(id, 100 + (int64_t)mu_rng_below(&rng, 2901), 50000);
        }
        sync_send("#1");
        rig_clear(&rig);
        rig_advance(&rig, 10);
        if (said_here()) {
            busy = rig.msg.matcher_here.busy_permille > busy ? rig.msg.matcher_here.busy_permille
                                                             : busy;
        }
    }
    assert_in_range(busy, 10, 1000);
    rig_end(&rig);
}

/* A whole region at once: in messages of bounded size, over several batches. */
static void test_many(void **state)
{
    (void)state;
    static char ids[12800][16];
    uint32_t proposed = 0;
    uint32_t batches = 0;
    rig_begin(&rig, &mu_matcher_ops, "");
    for (uint32_t i = 0; i < 12800; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "tkt_%05u", i);
    }
    for (uint64_t seq = 1; seq <= 200; seq++) {
        sync_begin("duel", 1, seq, seq == 200);
        for (uint32_t i = 0; i < 64; i++) {
            sync_join(ids[(seq - 1) * 64 + i], 100 + (int64_t)mu_rng_below(&rng, 2901), 50000);
        }
        rig_clear(&rig);
        assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, "#1", 0), 0);
        rig_batch_end(&rig);
    }
    for (;;) {
        batches++;
        assert_true(rig_count(&rig, MU_OP_PROPOSALS) <= MU_MATCHER_BATCH_MAX);
        for (uint32_t i = 0; rig_find(&rig, MU_OP_PROPOSALS, i); i++) {
            proposed += rig.msg.proposals.matches_count;
        }
        rig_clear(&rig);
        if (rig.actor->ops->deadline(rig.actor) > rig.now_ms) {
            break;
        }
        assert_int_equal(rig_event(&rig, MU_EV_TIMER), 0);
        rig_batch_end(&rig);
    }
    assert_true(proposed >= 6395); /* those left over are too far apart */
    assert_true(batches >= 2);
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proposes),      cmocka_unit_test(test_quits),
        cmocka_unit_test(test_seats),         cmocka_unit_test(test_moment),
        cmocka_unit_test(test_no_generation), cmocka_unit_test(test_gaps_and_generations),
        cmocka_unit_test(test_not_taken),     cmocka_unit_test(test_silence),
        cmocka_unit_test(test_lost_proposal), cmocka_unit_test(test_many),
        cmocka_unit_test(test_slices),        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
