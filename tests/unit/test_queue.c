/* The queue shard: starting, its pools, and requests. */
#include <errno.h>

#include "tests/unit/queue_world.h"

/* Starting. */

static void test_create(void **state)
{
    (void)state;
    static struct mu_config config;
    struct mu_actor *actor = NULL;
    mu_config_default(&config);
    struct mu_actor_env env = { .partition = "queue/atlantis",
                                .incarnation = 1,
                                .config = &config };
    assert_int_equal(mu_queue_ops.create(&env, &actor), -EINVAL);
    env.partition = "lobby/0";
    assert_int_equal(mu_queue_ops.create(&env, &actor), -EINVAL);
    assert_null(actor);
    mu_queue_ops.destroy(NULL);
}

static void test_starting(void **state)
{
    (void)state;
    log_seq = 10;
    rig_begin(&rig, &mu_queue_ops, "queue/eu-west-1");
    assert_int_equal(rig.actor->ops->epoch(rig.actor), 0);
    add_begin("ranked", "eu-west-1");
    assert_int_equal(add_refused(), MU_ERROR_STARTING);
    look("tkt_a");
    assert_true(rig_find(&rig, MU_OP_ERROR, 0));
    assert_int_equal(rig.msg.error.code, MU_ERROR_STARTING);
    rig_clear(&rig);
    rig_batch_end(&rig);
    assert_int_equal(rig.out->count, 0); /* no pool before all tickets are known */
    serve();
    assert_int_equal(rig.actor->ops->epoch(rig.actor), EPOCH);
    rig_batch_end(&rig);
    assert_int_equal(counter(MU_COUNTER_MATCHERS), 0);
    assert_false(shown.ready);
    rig_clear(&rig);
    rig_advance(&rig, MU_QUEUE_ASK_MS); /* nobody is there */
    assert_int_equal(rig_count(&rig, MU_OP_POOL_SYNC), 0);
    assign_all();
    assert_int_equal(counter(MU_COUNTER_MATCHERS), 1);
    assert_true(shown.ready);
    rig_end(&rig);
}

static void test_fenced(void **state)
{
    (void)state;
    begin();
    push_two();
    propose_pair("tkt_a", "tkt_b");
    uint64_t sequence = asked(MU_OP_MATCH_COMMIT);
    memset(&rig.msg.error, 0, sizeof rig.msg.error);
    rig.msg.op = MU_OP_ERROR;
    rig.msg.error.code = MU_ERROR_FENCED;
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), -ESTALE);
    rig_end(&rig);
}

/* The pool and its matcher. */

static void test_pool_follows_the_log(void **state)
{
    (void)state;
    begin();
    push_two();
    assert_true(find_sync("ranked", 0));
    assert_int_equal(rig.msg.pool_sync.seq, 3);
    assert_true(rig.msg.pool_sync.ready);
    assert_int_equal(rig.msg.pool_sync.joins[0].rating, 1000);
    assert_int_equal(rig.msg.pool_sync.joins[0].reach_count, 2);
    assert_int_equal(rig.msg.pool_sync.joins[0].reach[0].region, 0);
    assert_int_equal(rig.msg.pool_sync.joins[0].reach[0].ms, 90);
    rig_clear(&rig);
    struct mu_msg_ticket cancelled = ticket_of("tkt_a", "ranked", 1000, 0);
    cancelled.state = MU_TICKET_CANCELLED;
    cancelled.version = 2;
    push(&cancelled);
    push_ranked("tkt_c", 1000, 0);
    struct mu_msg_ticket gone = ticket_of("tkt_c", "ranked", 1000, 0);
    gone.state = MU_TICKET_EXPIRED;
    gone.version = 2;
    push(&gone); /* came and went in one batch */
    rig_batch_end(&rig);
    assert_true(sync_quits("tkt_a"));
    assert_false(sync_has("tkt_a", false));
    assert_false(sync_has("tkt_c", true));
    assert_false(is_known("tkt_a"));
    assert_true(is_known("tkt_b"));
    assert_int_equal(counter(MU_COUNTER_TICKETS_CANCELLED), 1);
    assert_int_equal(counter(MU_COUNTER_TICKETS_EXPIRED), 1);

    /* A repeated push of the past changes nothing. */
    struct mu_msg_ticket past = ticket_of("tkt_a", "ranked", 1000, 0);
    log_seq -= 3;
    push(&past);
    log_seq += 2;
    assert_false(is_known("tkt_a"));
    rig_end(&rig);
}

static void test_snapshot_in_chunks(void **state)
{
    (void)state;
    char id[16];
    begin();
    for (uint32_t i = 0; i < 5000; i++) {
        (void)snprintf(id, sizeof id, "tkt_%05u", i);
        push_ranked(id, 100 + (int64_t)mu_rng_below(&rng, 2901), 0);
        if (i % 50 == 0) {
            rig_batch_end(&rig);
            rig_clear(&rig);
        }
    }
    rig_batch_end(&rig);
    rig_clear(&rig);
    ack("ranked", generation, 3, true); /* the matcher has lost it */
    rig_batch_end(&rig);
    assert_true(find_sync("ranked", 0));
    assert_string_equal(rig.envelope->destination, matcher);
    assert_int_equal(rig.msg.pool_sync.generation, generation + 1);
    assert_int_equal(rig.msg.pool_sync.joins_count, 0);
    generation++;
    uint64_t acked = 1;
    uint32_t joined = 0;
    bool ready = false;
    for (uint32_t round = 0; round < 20 && !ready; round++) {
        rig_clear(&rig);
        ack("ranked", generation, acked, false);
        rig_batch_end(&rig);
        uint32_t chunks = 0;
        for (; find_sync("ranked", chunks); chunks++) {
            assert_int_equal(rig.msg.pool_sync.seq, ++acked);
            joined += rig.msg.pool_sync.joins_count;
            assert_false(ready);
            ready = rig.msg.pool_sync.ready;
        }
        assert_true(chunks > 0 && chunks <= 32);
    }
    assert_true(ready);
    assert_int_equal(joined, 5000);
    rig_end(&rig);
}

static void test_silent_matcher(void **state)
{
    (void)state;
    begin();
    push_two();
    rig_clear(&rig);
    rig_advance(&rig, MU_QUEUE_KEEPALIVE_MS);
    assert_true(find_sync("ranked", 0)); /* a sign of life */
    assert_int_equal(rig.msg.pool_sync.seq, 4);
    assert_string_equal(rig.envelope->destination, matcher);
    ack("ranked", generation, 4, false);
    rig_clear(&rig);
    rig_advance(&rig, MU_QUEUE_SILENCE_MS);
    bool over = false;
    for (uint32_t i = 0; find_sync("ranked", i); i++) {
        over = over || rig.msg.pool_sync.over;
    }
    assert_true(over); /* it may be slow only */
    assert_int_equal(counter(MU_COUNTER_MATCHERS), 0);
    assert_false(shown.ready);
    rig_clear(&rig);
    propose_pair("tkt_a", "tkt_b"); /* the old one wakes up: too late */
    assert_int_equal(rig_count(&rig, MU_OP_MATCH_COMMIT), 0);
    assert_int_equal(counter(MU_COUNTER_PROPOSALS_STALE), 1);
    rig_end(&rig);
}

/* Requests. */

/* What can never match is for the store to refuse: it knows whether its key was answered before. */
static void add_refused_by_store(void)
{
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_REQUEST, "#6a7e", 0), 0);
    uint64_t sequence = asked(MU_OP_TICKET_ADD);
    assert_true(rig.msg.ticket_add.refusal[0] != '\0');
    rig.msg.op = MU_OP_ERROR;
    memset(&rig.msg.error, 0, sizeof rig.msg.error);
    rig.msg.error.code = MU_ERROR_VALIDATION_FAILED;
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    assert_true(rig_find(&rig, MU_OP_ERROR, 0));
    assert_int_equal(rig.msg.error.code, MU_ERROR_VALIDATION_FAILED);
    assert_string_equal(rig.envelope->destination, "#6a7e");
}

static void test_add_is_checked(void **state)
{
    (void)state;
    begin();
    add_begin("chess", "eu-west-1");
    assert_int_equal(add_refused(), MU_ERROR_GAME_MODE_NOT_FOUND);
    add_begin("ranked", "us-east-1");
    assert_int_equal(add_refused(), MU_ERROR_REGION_NOT_SUPPORTED);
    add_begin("ranked", "eu-west-1");
    rig.msg.ticket_add.players_count = 2;
    add_refused_by_store();
    add_begin("ranked", "eu-west-1");
    rig.msg.ticket_add.players_count = 0;
    add_refused_by_store();
    add_begin("ranked", "eu-west-1");
    rig.msg.ticket_add.latencies_count = 2;
    rig.msg.ticket_add.latencies[0] = (struct mu_msg_latency){ "eu-west-1", 151 };
    rig.msg.ticket_add.latencies[1] = (struct mu_msg_latency){ "atlantis", 10 };
    assert_int_equal(add_refused(), MU_ERROR_HIGH_LATENCY);
    rig.config.settings.tickets_max = 2;
    push_two();
    add_begin("ranked", "eu-west-1");
    assert_int_equal(add_refused(), MU_ERROR_OVERLOADED);
    assert_true(rig.msg.error.retry_after_ms > 0);
    assert_int_equal(counter(MU_COUNTER_REFUSED), 6);
    rig_end(&rig);
}

static uint64_t add_forwarded(void)
{
    rig_clear(&rig);
    add_begin("ranked", "eu-west"); /* an alias */
    assert_int_equal(rig_send(&rig, MU_FRAME_REQUEST, "#6a7e", 0), 0);
    uint64_t sequence = asked(MU_OP_TICKET_ADD);
    assert_string_equal(rig.envelope->idempotency_key, "key-1");
    assert_int_equal(rig.envelope->fence, EPOCH);
    assert_int_equal(rig.envelope->budget_ms, 5000);
    assert_string_equal(rig.msg.ticket_add.region, "eu-west-1");
    assert_string_equal(rig.msg.ticket_add.refusal, "");
    rig_clear(&rig);
    return sequence;
}

static void test_add_is_passed_on(void **state)
{
    (void)state;
    begin();
    push_two();
    uint64_t sequence = add_forwarded();
    rig.msg.op = MU_OP_TICKET;
    rig.msg.ticket = ticket_of("tkt_new", "ranked", 1200, 0);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    assert_true(rig_find(&rig, MU_OP_TICKET_ADDED, 0));
    assert_string_equal(rig.envelope->destination, "#6a7e");
    assert_string_equal(rig.msg.ticket_added.ticket.id, "tkt_new");
    assert_int_equal(rig.msg.ticket_added.position, 3);
    assert_int_equal(rig.msg.ticket_added.estimate_ms, 0);
    assert_int_equal(counter(MU_COUNTER_TICKETS_ADDED), 1);
    assert_false(is_known("tkt_new")); /* the log has not said so yet */
    rig_clear(&rig);
    rig_advance(&rig, MU_QUEUE_DOUBT_MS);
    (void)asked(MU_OP_FOLLOW_SINCE); /* its push was lost: ask */

    sequence = add_forwarded();
    memset(&rig.msg.error, 0, sizeof rig.msg.error);
    rig.msg.op = MU_OP_ERROR;
    rig.msg.error.code = MU_ERROR_PLAYER_IN_MATCH;
    rig.msg.error.engaged = MU_ENGAGED_MATCH;
    (void)snprintf(rig.msg.error.subject, sizeof rig.msg.error.subject, "mch_1");
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    assert_true(rig_find(&rig, MU_OP_ERROR, 0));
    assert_int_equal(rig.msg.error.code, MU_ERROR_PLAYER_IN_MATCH);
    assert_string_equal(rig.msg.error.subject, "mch_1");
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0); /* repeated */
    assert_int_equal(rig.out->count, 0);

    sequence = add_forwarded();
    rig_advance(&rig, 5000); /* nobody waits any more */
    rig_clear(&rig);
    rig.msg.op = MU_OP_TICKET;
    rig.msg.ticket = ticket_of("tkt_late", "ranked", 1200, 0);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    assert_int_equal(rig.out->count, 0);
    rig_end(&rig);
}

static void test_look(void **state)
{
    (void)state;
    begin();
    push_ranked("tkt_mid", 1000, 20000);
    push_ranked("tkt_old", 1500, 40000);
    push_ranked("tkt_new", 2000, 0);
    rig_batch_end(&rig);
    static const char *const order[] = { "tkt_old", "tkt_mid", "tkt_new" };
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(is_known(order[i]));
        assert_int_equal(rig.msg.ticket_added.position, i + 1);
        assert_int_equal(rig.msg.ticket_added.ticket.state, MU_TICKET_QUEUED);
        assert_string_equal(rig.msg.ticket_added.ticket.mode, "ranked");
    }
    rig_advance(&rig, 7000);
    assert_true(is_known("tkt_mid"));
    assert_int_equal(rig.msg.ticket_added.position, 2);
    look("tkt_none");
    assert_true(rig_find(&rig, MU_OP_ERROR, 0));
    assert_int_equal(rig.msg.error.code, MU_ERROR_TICKET_NOT_FOUND);
    uint64_t oldest_ms = 0;
    (void)counter(0);
    for (uint32_t i = 0; i < shown.pools_count; i++) {
        if (strcmp(shown.pools[i].mode, "ranked") == 0) {
            oldest_ms = shown.pools[i].oldest_ms;
            assert_int_equal(shown.pools[i].tickets, 3);
        }
    }
    assert_true(oldest_ms >= 47000 && oldest_ms < 47200);
    rig_end(&rig);
}

/* Rule sets. */

static const char document[] =
    "{ \"name\": \"two\", \"ruleLanguageVersion\": \"1.0\", \"teams\": [ { \"name\": \"side\","
    " \"minPlayers\": 1, \"maxPlayers\": 1, \"quantity\": 2 } ] }";

static void rules_add(uint64_t version)
{
    struct mu_msg_change *change = &rig.msg.changes.changes[0];
    record_msg.op = MU_OP_RULESET;
    record_msg.ruleset = (struct mu_msg_ruleset){
        .name = "ranked",
        .version = version,
        .active = version,
        .newest = 3,
        .text = { (const uint8_t *)document, sizeof document - 1 },
    };
    int64_t size = mu_msg_encode(&record_msg, record_bytes, sizeof record_bytes);
    assert_true(size > 0);
    rig.msg.changes.changes_count = 1;
    *change = (struct mu_msg_change){ .seq = rig.msg.changes.snapshot ? 0 : log_seq,
                                      .table = MU_TABLE_RULESET,
                                      .id = "ranked",
                                      .record = { record_bytes, (uint32_t)size } };
}

/* The store commits that a version holds, and pushes it. */
static void push_rules(uint64_t version)
{
    log_seq++;
    changes_begin(false);
    rules_add(version);
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, "#57", 0), 0);
}

static uint64_t rules_shown(const char *mode)
{
    (void)counter(0);
    for (uint32_t i = 0; i < shown.pools_count; i++) {
        if (strcmp(shown.pools[i].mode, mode) == 0) {
            return shown.pools[i].rules;
        }
    }
    return 0;
}

static void test_rules(void **state)
{
    (void)state;
    begin();
    push_ranked("tkt_a", 1000, 0);
    assert_true(is_known("tkt_a"));
    assert_int_equal(rig.msg.ticket_added.rules, 0);
    push_rules(3);
    assert_int_equal(rules_shown("ranked"), 3);
    assert_int_equal(rules_shown("duel"), 0);
    assert_true(is_known("tkt_a")); /* a rule set is no ticket, and takes none away */
    assert_int_equal(rig.msg.ticket_added.rules, 3);
    push_rules(2); /* rolled back */
    assert_int_equal(rules_shown("ranked"), 2);

    /* The store was restored from a time before them: a snapshot without. */
    rig_clear(&rig);
    rig_advance(&rig, 1100);
    uint64_t sequence = asked(MU_OP_FOLLOW_SINCE);
    changes_begin(false);
    rig.msg.changes.forgotten = true;
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    sequence = asked(MU_OP_FOLLOW_SCAN);
    changes_begin(true);
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    assert_int_equal(rules_shown("ranked"), 0);
    sequence = asked(MU_OP_FOLLOW_SINCE);
    changes_begin(false);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    rig_end(&rig);
}

/* They are in the snapshot with which a shard starts. */
static void test_rules_in_snapshot(void **state)
{
    (void)state;
    log_seq = 10;
    rig_begin(&rig, &mu_queue_ops, "queue/eu-west-1");
    assert_int_equal(rig_event(&rig, MU_EV_START), 0);
    uint64_t sequence = asked(MU_OP_EPOCH_TAKE);
    rig.msg.op = MU_OP_EPOCH;
    rig.msg.epoch =
        (struct mu_msg_epoch){ .epoch = EPOCH, .log_seq = log_seq, .incarnation = RIG_INCARNATION };
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    sequence = asked(MU_OP_FOLLOW_SCAN);
    changes_begin(true);
    rules_add(1);
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    assert_int_equal(rules_shown("ranked"), 1);
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_starting),
        cmocka_unit_test(test_fenced),
        cmocka_unit_test(test_pool_follows_the_log),
        cmocka_unit_test(test_snapshot_in_chunks),
        cmocka_unit_test(test_silent_matcher),
        cmocka_unit_test(test_add_is_checked),
        cmocka_unit_test(test_add_is_passed_on),
        cmocka_unit_test(test_look),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_rules_in_snapshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
