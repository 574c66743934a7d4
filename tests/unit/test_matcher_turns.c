/* The matcher: a queue that is hard to match holds up no other one. */
#include "actors/matcher.h"
#include "actors/matcher_state.h"
#include "tests/unit/queue_rig.h"

enum { HARD = 5, TICKETS = 192, JOINS = 64 };

/* No ten players have that average, and no rule says so of fewer of them. */
static const char document[] =
    "{\"name\": \"t\", \"ruleLanguageVersion\": \"1.0\", \"teams\": ["
    "{\"name\": \"red\", \"minPlayers\": 5, \"maxPlayers\": 5},"
    "{\"name\": \"blue\", \"minPlayers\": 5, \"maxPlayers\": 5}],"
    "\"rules\": [{\"name\": \"far\", \"type\": \"distance\", \"measurements\": "
    "[\"avg(teams[*].players.rating)\"], \"referenceValue\": 100000, \"maxDistance\": 1}]}";

static struct mu_rng rng;
static struct rig rig;

static void sync_begin(const char *mode, uint64_t seq, bool ready)
{
    memset(&rig.msg.pool_sync, 0, sizeof rig.msg.pool_sync);
    rig.msg.op = MU_OP_POOL_SYNC;
    (void)snprintf(rig.msg.pool_sync.mode, sizeof rig.msg.pool_sync.mode, "%s", mode);
    rig.msg.pool_sync.generation = 1;
    rig.msg.pool_sync.seq = seq;
    rig.msg.pool_sync.ready = ready;
    rig.msg.pool_sync.config_hash = rig.config.hash;
}

static void sync_join(uint32_t number)
{
    struct mu_msg_pool_ticket *join = &rig.msg.pool_sync.joins[rig.msg.pool_sync.joins_count++];
    memset(join, 0, sizeof *join);
    (void)snprintf(join->id, sizeof join->id, "tkt_%u", number);
    join->version = 1;
    join->players = 1;
    join->rating = 1000 + (int64_t)number;
    join->reach_count = 1;
    join->reach[0] = (struct mu_msg_reach){ .region = 1, .ms = 30 };
}

static void sync_send(uint32_t number)
{
    char shard[MU_ADDRESS_MAX + 1];
    (void)snprintf(shard, sizeof shard, "#%u", number);
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, shard, 0), 0);
}

/* A pool in which everybody waits in vain. */
static void send_hard(uint32_t number)
{
    for (uint32_t i = 0; i < TICKETS / JOINS; i++) {
        sync_begin("team_match", i + 1, i + 1 == TICKETS / JOINS);
        rig.msg.pool_sync.rules_version = 1;
        rig.msg.pool_sync.rules =
            (struct mu_slice){ (const uint8_t *)document, sizeof document - 1 };
        for (uint32_t k = 0; k < JOINS; k++) {
            sync_join(i * JOINS + k);
        }
        sync_send(number);
    }
}

static uint64_t work_of(uint32_t number)
{
    char shard[MU_ADDRESS_MAX + 1];
    struct mu_pool_work work;
    (void)snprintf(shard, sizeof shard, "#%u", number);
    const struct lease *lease =
        mu_matcher_lease((struct matcher *)(void *)rig.actor, shard, "team_match");
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
    sync_begin("ranked", 1, true);
    sync_join(0);
    sync_join(1);
    sync_send(HARD);
    while (!matched) {
        uint64_t done = 0;
        rig_clear(&rig);
        rig_batch_end(&rig);
        for (uint32_t i = 0; i < HARD; i++) {
            uint64_t part = work_of(i) - before[i];
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

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_turns) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
