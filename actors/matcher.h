/* actors/matcher.h - the matcher: a stateless worker that proposes matches.
 *
 * It says to all queue shards every MU_MATCHER_HERE_MS that it is here (MATCHER_HERE), and each
 * gives it slices of pools (POOL_SYNC: a snapshot, then numbered changes); it keeps an engine pool
 * for each (shard instance, mode, slice) and answers PROPOSALS.  It owns nothing: whatever it
 * forgets or gets wrong, the shard re-checks, commits, and tells it the truth.
 *
 * A POOL_SYNC's leaves and quits are applied before its joins.  A gap in the numbers, or a slice
 * that is not known, is answered with resync in POOL_ACK; the shard begins a new generation.  One
 * that is over, or whose shard is silent for MU_MATCHER_SILENCE_MS, is forgotten.
 *
 * A slice takes some 4 MB, and what docs/MATCHING.md says for each ticket. */
#ifndef MU_ACTORS_MATCHER_H
#define MU_ACTORS_MATCHER_H

#include "core/actor.h"

#define MU_MATCHER_POOLS_MAX        256  /* slices of one matcher; more are not acknowledged */
#define MU_MATCHER_HERE_MS          250  /* between two MATCHER_HERE */
#define MU_MATCHER_SILENCE_MS       5000 /* without a POOL_SYNC: the slice is forgotten */
#define MU_MATCHER_DRAIN_SILENCE_MS 1500 /* the same while it drains */
#define MU_MATCHER_BATCH_MAX        64   /* PROPOSALS of one batch; the rest follows in the next */

/* Looks and steps of one batch (struct mu_pool_work): what is left then follows in the next, so
 * that a queue that is large or hard to match holds up no other one for long, nor what shards hear
 * of this matcher, nor the matches that it has found.  Some ten ms, and what mu_pool_match() tries
 * in vain in one call; of a pool with more tickets than that, one for each. */
#define MU_MATCHER_WORK_MAX 65536

extern const struct mu_actor_ops mu_matcher_ops;

#endif /* MU_ACTORS_MATCHER_H */
