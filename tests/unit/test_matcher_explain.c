/* The matcher: why a ticket still waits, told to the shard whose pool it is in. */
#include "tests/unit/matcher_world.h"

static void explain(const char *shard, const char *mode, const char *ticket)
{
    struct mu_msg_pool_explain *ask = &rig.msg.pool_explain;
    rig_clear(&rig);
    rig.msg.op = MU_OP_POOL_EXPLAIN;
    memset(ask, 0, sizeof *ask);
    (void)snprintf(ask->mode, sizeof ask->mode, "%s", mode);
    (void)snprintf(ask->ticket, sizeof ask->ticket, "%s", ticket);
    assert_int_equal(rig_send(&rig, MU_FRAME_REQUEST, shard, 0), 0);
    rig.actor->ops->check(rig.actor);
    assert_int_equal(rig.out->count, 1);
}

static void expect_refused(enum mu_error error)
{
    assert_true(rig_find(&rig, MU_OP_ERROR, 0));
    assert_int_equal(rig.msg.error.code, error);
}

static const struct mu_msg_explanation *expect_explained(const char *shard)
{
    assert_true(rig_find(&rig, MU_OP_EXPLANATION, 0));
    assert_int_equal(rig.envelope->frame, MU_FRAME_REPLY);
    assert_string_equal(rig.envelope->destination, shard);
    return &rig.msg.explanation;
}

static void expect_count(const struct mu_msg_explain_count *count, const char *name,
                         uint64_t passed, uint64_t failed, uint64_t alone)
{
    assert_string_equal(count->name, name);
    assert_int_equal(count->passed, passed);
    assert_int_equal(count->failed, failed);
    assert_int_equal(count->alone, alone);
}

/* A mode without a rule set: its window keeps them apart. */
static void test_window(void **state)
{
    (void)state;
    rig_begin(&rig, &mu_matcher_ops, "");
    sync_begin("ranked", 1, 1, true); /* 100 points, 10 a second */
    sync_join("tkt_a", 1000, 0);
    sync_join("tkt_b", 1130, 0);
    sync_join("tkt_c", 2000, 0);
    sync_send("#1");
    explain("#1", "ranked", "tkt_a");
    const struct mu_msg_explanation *told = expect_explained("#1");
    assert_string_equal(told->ticket, "tkt_a");
    assert_string_equal(told->mode, "ranked");
    assert_string_equal(told->state, "WAITING");
    assert_int_equal(told->rules, 0);
    assert_int_equal(told->waited_ms, 0);
    assert_int_equal(told->players_min, 2);
    assert_int_equal(told->players_max, 2);
    assert_string_equal(told->limits[0].target, "window");
    assert_true(told->limits[0].bounded);
    assert_true(told->limits[0].value > 99.9 && told->limits[0].value < 100.1);
    assert_string_equal(told->next.target, "window");
    assert_int_equal(told->next.next_ms, told->limits[0].next_ms);
    assert_int_equal(told->others, 2);
    assert_int_equal(told->looked, 2);
    assert_int_equal(told->able, 0);
    assert_int_equal(told->builtins_count, 4);
    expect_count(&told->builtins[0], "region", 2, 0, 0);
    expect_count(&told->builtins[1], "window", 0, 2, 2);
    expect_count(&told->builtins[2], "size", 2, 0, 0);
    expect_count(&told->builtins[3], "roles", 2, 0, 0);
    assert_int_equal(told->counts_count, 0);
    assert_true(told->missed);
    assert_int_equal(told->miss_distance, 130);
    assert_int_equal(told->miss_against, 1);
    assert_string_equal(told->miss_rule, "window");
    assert_true(told->miss_numbered);
    assert_true(told->miss_by > 29.9 && told->miss_by < 30.1);
    assert_int_equal(told->miss_opens_ms, 3000);
    rig_end(&rig);
}

static const char close_rules[] =
    "{ \"name\": \"near\", \"ruleLanguageVersion\": \"1.0\","
    " \"teams\": [ { \"name\": \"side\", \"minPlayers\": 1, \"maxPlayers\": 1, \"quantity\": 2 } ],"
    " \"rules\": [ { \"name\": \"close\", \"type\": \"distance\", \"measurements\":"
    " \"flatten(teams[*].players.rating)\", \"referenceValue\": 1000, \"maxDistance\": 50 } ],"
    " \"expansions\": [ { \"target\": \"rules[close].maxDistance\","
    " \"steps\": [ { \"waitTimeSeconds\": 10, \"value\": 200 } ] } ] }";

/* Under a rule set: its rules by name, its limits and when they change. */
static void test_rules(void **state)
{
    (void)state;
    rig_begin(&rig, &mu_matcher_ops, "");
    sync_begin("ranked", 1, 1, true);
    sync_rules(4, close_rules);
    sync_join("tkt_a", 1000, 2500);
    sync_join("tkt_b", 1120, 0);
    sync_join("tkt_c", 1900, 0);
    sync_send("#1");
    rig.now_ms += 500;
    explain("#1", "ranked", "tkt_a");
    const struct mu_msg_explanation *told = expect_explained("#1");
    assert_int_equal(told->rules, 4);
    assert_int_equal(told->waited_ms, 3000);
    assert_int_equal(told->others, 2);
    assert_int_equal(told->counts_count, 1);
    expect_count(&told->counts[0], "close", 0, 2, 2);
    assert_string_equal(told->next.target, "rules[close].maxDistance");
    assert_int_equal(told->next.next_ms, 7000);
    assert_true(told->next.value > 49.9 && told->next.value < 50.1);
    assert_true(told->next.next_value > 199 && told->next.next_value < 201);
    assert_true(told->missed);
    assert_string_equal(told->miss_rule, "close");
    assert_true(told->miss_by > 69.9 && told->miss_by < 70.1);
    assert_int_equal(told->miss_opens_ms, 9500); /* the newest's age counts */
    rig_end(&rig);
}

/* It is in a match that the shard has been told of. */
static void test_taken(void **state)
{
    (void)state;
    rig_begin(&rig, &mu_matcher_ops, "");
    sync_begin("ranked", 1, 1, true);
    sync_join("tkt_a", 1000, 0);
    sync_join("tkt_b", 1050, 0);
    sync_send("#1");
    explain("#1", "ranked", "tkt_a");
    const struct mu_msg_explanation *told = expect_explained("#1");
    assert_string_equal(told->state, "TAKEN");
    assert_int_equal(told->looked, 0);
    assert_false(told->missed);
    assert_int_equal(told->miss_opens_ms, -1);
    rig_end(&rig);
}

/* Pools that it lacks, and tickets that are in none. */
static void test_unknown(void **state)
{
    (void)state;
    rig_begin(&rig, &mu_matcher_ops, "");
    explain("#1", "ranked", "tkt_a");
    expect_refused(MU_ERROR_UNAVAILABLE);
    sync_begin("ranked", 1, 1, true);
    sync_join("tkt_a", 1000, 0);
    rig.msg.pool_sync.ready = false; /* the snapshot goes on */
    sync_send("#1");
    explain("#1", "ranked", "tkt_a");
    expect_refused(MU_ERROR_UNAVAILABLE);
    sync_begin("ranked", 1, 1, true);
    rig.msg.pool_sync.seq = 2;
    sync_send("#1");
    explain("#1", "ranked", "tkt_a");
    (void)expect_explained("#1");
    explain("#1", "ranked", "tkt_b");
    expect_refused(MU_ERROR_TICKET_NOT_FOUND);
    explain("#1", "duel", "tkt_a");
    expect_refused(MU_ERROR_UNAVAILABLE);
    explain("#2", "ranked", "tkt_a"); /* another shard's pool */
    expect_refused(MU_ERROR_UNAVAILABLE);
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
