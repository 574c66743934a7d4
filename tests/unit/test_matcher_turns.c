/* The matcher: a queue that is hard to match holds up no other one. */
#include "actors/matcher_state.h"
#include "tests/unit/matcher_world.h"

enum { HARD = 5, TICKETS = 192, JOINS = 64, MANY = 32768 };

/* No ten players have that average, and no rule says so of fewer of them. */
static const char document[] =
    "{\"name\": \"t\", \"ruleLanguageVersion\": \"1.0\", \"teams\": ["
    "{\"name\": \"red\", \"minPlayers\": 5, \"maxPlayers\": 5},"
    "{\"name\": \"blue\", \"minPlayers\": 5, \"maxPlayers\": 5}],"
    "\"rules\": [{\"name\": \"far\", \"type\": \"distance\", \"measurements\": "
    "[\"avg(teams[*].players.rating)\"], \"referenceValue\": 100000, \"maxDistance\": 1}]}";

static struct mu_rng rng;
/* Sends it beside others, in one batch. */
static void sync_put(uint32_t number)
{
    char shard[MU_ADDRESS_MAX + 1];
    (void)snprintf(shard, sizeof shard, "#%u", number);
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, shard, 0), 0);
}

/* A pool in which everybody waits in vain. */
static void send_hard(uint32_t number)
{
    for (uint32_t i = 0; i < TICKETS / JOINS; i++) {
        sync_begin("team_match", 1, i + 1, i + 1 == TICKETS / JOINS);
        sync_rules(1, document);
        for (uint32_t k = 0; k < JOINS; k++) {
            char id[MU_ID_MAX + 1];
            (void)snprintf(id, sizeof id, "tkt_%u", i * JOINS + k);
            sync_join(id, 1000 + (int64_t)(i * JOINS + k), 0);
        }
        sync_put(number);
    }
}

static uint64_t work_of(uint32_t number, const char *mode)
{
    char shard[MU_ADDRESS_MAX + 1];
    struct mu_pool_work work;
    (void)snprintf(shard, sizeof shard, "#%u", number);
    const struct lease *lease =
        mu_matcher_lease((struct matcher *)(void *)rig.actor, shard, mode, 0);
    assert_non_null(lease);
    mu_pool_work(lease->pool, &work);
    return work.looks + work.steps;
}

/* Each batch does a part of the work, each pool has its turn, and one that comes last waits for
 * all the others once at most. */
static void test_turns(void **state)
{
    uint64_t before[HARD] = { 0 };
    uint64_t most = 0; /* of one call */
    uint32_t batches = 0;
    bool matched = false;
    (void)state;
    rig_begin(&rig, &mu_matcher_ops, "");
    for (uint32_t i = 0; i < HARD; i++) {
        send_hard(i);
    }
    sync_begin("ranked", 1, 1, true);
    sync_join("tkt_0", 1000, 0);
    sync_join("tkt_1", 1001, 0);
    sync_put(HARD);
    while (!matched) {
        uint64_t done = 0;
        rig_clear(&rig);
        rig_batch_end(&rig);
        for (uint32_t i = 0; i < HARD; i++) {
            uint64_t part = work_of(i, "team_match") - before[i];
            before[i] += part;
            done += part;
            most = part > most ? part : most;
        }
        assert_in_range(done, 0, MU_MATCHER_WORK_MAX + most);
        matched = rig_count(&rig, MU_OP_PROPOSALS) > 0;
        assert_int_equal(rig_count(&rig, MU_OP_POOL_ACK), batches == 0 ? HARD + 1 : 0);
        assert_in_range(++batches, 1, HARD + 1);
        assert_true(matched || rig.actor->ops->deadline(rig.actor) == rig.now_ms);
    }
    assert_in_range(batches, 2, HARD + 1);
    for (uint32_t i = 0; i < HARD; i++) {
        assert_true(before[i] > 0);
    }
    rig_end(&rig);
}

/* Nor is it deaf while it matches very many who are easy to match: what it has found leaves. */
static void test_many(void **state)
{
    uint64_t before = 0;
    uint32_t batches = 0;
    uint32_t proposed = 0;
    (void)state;
    rig_begin(&rig, &mu_matcher_ops, "");
    for (uint32_t i = 0; i < MANY / JOINS; i++) {
        sync_begin("team_match", 1, i + 1, i + 1 == MANY / JOINS);
        for (uint32_t k = 0; k < JOINS; k++) {
            char id[MU_ID_MAX + 1];
            (void)snprintf(id, sizeof id, "tkt_%u", i * JOINS + k);
            sync_join(id, 1000 + (int64_t)mu_rng_below(&rng, 500), 0);
        }
        sync_put(0);
    }
    do {
        rig_clear(&rig);
        rig_batch_end(&rig);
        uint64_t done = work_of(0, "team_match") - before;
        assert_in_range(done, 0, 2 * MU_MATCHER_WORK_MAX);
        before += done;
        batches++;
        for (uint32_t i = 0; rig_find(&rig, MU_OP_PROPOSALS, i); i++) {
            proposed += rig.msg.proposals.tickets_count;
        }
    } while (rig.actor->ops->deadline(rig.actor) <= rig.now_ms);
    assert_in_range(proposed, MANY * 9 / 10, MANY);
    assert_in_range(batches, 3, MANY);
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
