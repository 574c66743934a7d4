/* tools/replay_pool.h - our matching engine as a matcher of a replay.
 *
 * The same library as in a cluster: a pool as the matcher has it, and each match checked again with
 * mu_engine_legal() as the queue shard does. */
#ifndef MU_TOOLS_REPLAY_POOL_H
#define MU_TOOLS_REPLAY_POOL_H

#include "actors/engine.h"
#include "tools/replay.h"
#include "tools/replay_rules.h"

#define MU_REPLAY_NEVER_BYTES 224 /* of a sentence */

struct mu_replay_pool;

/* workload, rules  outlive it
 * Returns NULL without memory. */
struct mu_replay_pool *mu_replay_pool_create(const struct mu_workload *workload,
                                             const struct mu_replay_rules *rules, uint64_t seed);
void mu_replay_pool_destroy(struct mu_replay_pool *pool); /* NULL is a no-op */

/* For mu_replay_run(); valid as long as the pool. */
struct mu_replay_matcher mu_replay_pool_matcher(struct mu_replay_pool *pool);

/* Why a ticket can never match under the rules, see actors/admit.h.
 * Returns false when there is nothing against it that can be known of it alone. */
bool mu_replay_pool_never(struct mu_replay_pool *pool, uint32_t ticket,
                          char ret[MU_REPLAY_NEVER_BYTES]);

/* Proposals that were not legal, and what was wrong with the first; 0 unless the engine is
 * broken. */
uint32_t mu_replay_pool_illegal(const struct mu_replay_pool *pool, char ret[96]);

#endif /* MU_TOOLS_REPLAY_POOL_H */
