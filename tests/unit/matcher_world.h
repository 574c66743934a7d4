/* tests/unit/matcher_world.h - a matcher alone: the test plays the shard, and fills POOL_SYNCs. */
#ifndef MU_TESTS_UNIT_MATCHER_WORLD_H
#define MU_TESTS_UNIT_MATCHER_WORLD_H

#include "actors/matcher.h"
#include "tests/unit/queue_rig.h"

static struct rig rig;

static inline void sync_begin(const char *mode, uint64_t generation, uint64_t seq, bool ready)
{
    struct mu_msg_pool_sync *sync = &rig.msg.pool_sync;
    memset(sync, 0, sizeof *sync);
    rig.msg.op = MU_OP_POOL_SYNC;
    (void)snprintf(sync->mode, sizeof sync->mode, "%s", mode);
    sync->generation = generation;
    sync->seq = seq;
    sync->ready = ready;
    sync->config_hash = rig.config.hash;
}

/* Under a rule set; the text is borrowed. */
static inline void sync_rules(uint64_t version, const char *text)
{
    rig.msg.pool_sync.rules_version = version;
    rig.msg.pool_sync.rules = (struct mu_slice){ (const uint8_t *)text, (uint32_t)strlen(text) };
}

static inline void sync_join(const char *id, int64_t rating, uint64_t waited_ms)
{
    struct mu_msg_pool_ticket *join = &rig.msg.pool_sync.joins[rig.msg.pool_sync.joins_count++];
    memset(join, 0, sizeof *join);
    (void)snprintf(join->id, sizeof join->id, "%s", id);
    join->version = 3;
    join->players = 1;
    join->rating = rating;
    join->waited_ms = waited_ms;
    join->reach_count = 1;
    join->reach[0] = (struct mu_msg_reach){ .region = 1, .ms = 30 };
}

/* Sends it as a batch of its own. */
static inline void sync_send(const char *shard)
{
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, shard, 0), 0);
    rig_batch_end(&rig);
}

#endif /* MU_TESTS_UNIT_MATCHER_WORLD_H */
