/* actors/queue.h - the queue shard: owns the tickets of one region.
 *
 * It knows its tickets only through the store's log (core/follow.h), so its picture is never
 * ahead of the truth; gives each mode's pool to a matcher, re-checks what comes back, commits it
 * in the store with the same match id until the answer is definite, expires tickets, and offers
 * those that wait long to neighbour regions.  Every safety rule is the store's compare; whatever
 * is lost, repeated or late here costs time only.
 *
 * TICKET_LOOK is answered with what the shard keeps of a ticket: id, version, state, modes,
 * region, enqueued_ms, wait_max_ms, priority; not its players.  Positions are exact to 1/8192 of
 * the longest waiting time of any mode.
 *
 * Without any matcher tickets are still taken; then `ready` in STATS is false and MATCHERS is 0. */
#ifndef MU_ACTORS_QUEUE_H
#define MU_ACTORS_QUEUE_H

#include "core/actor.h"

#define MU_QUEUE_FORWARDS_MAX   4096 /* requests that were passed on; more: OVERLOADED */
#define MU_QUEUE_COMMITS_MAX    4096 /* matches being committed; more proposals wait */
#define MU_QUEUE_EXPIRIES_MAX   1024 /* tickets being expired */
#define MU_QUEUE_EXPLAINS_MAX   8    /* tickets being explained: matchers have better to do */
#define MU_QUEUE_RETRY_MS       500  /* before a commit or an expiry is sent again; grows */
#define MU_QUEUE_RETRY_MS_MAX   4000 /* the longest */
#define MU_QUEUE_ASK_MS         1000 /* for a matcher to answer a new pool */
#define MU_QUEUE_KEEPALIVE_MS   500  /* between two POOL_SYNCs when nothing happens */
#define MU_QUEUE_SILENCE_MS     2000 /* without a sign: slices go to another matcher; grows */
#define MU_QUEUE_SILENCE_MS_MAX 3000 /* of a matcher that was silent and not gone: whole in 5 s */
#define MU_QUEUE_DOUBT_MS       100  /* an acknowledged ticket must be in the log by then */

extern const struct mu_actor_ops mu_queue_ops;

#endif /* MU_ACTORS_QUEUE_H */
