/* tools/replay.h - plays a workload to a matcher in virtual time.
 *
 * The contract is the same for every matcher: events in the order of time, and at one moment first
 * those who give up, then those who arrive, then the matcher, at the times that it chose.  The
 * matcher never learns how patient anybody is.  It goes on for MU_WORKLOAD_DRAIN_S after the last
 * arrival.  The modes of a workload are queues of their own and are played one after another. */
#ifndef MU_TOOLS_REPLAY_H
#define MU_TOOLS_REPLAY_H

#include "core/actor.h"
#include "tools/outcome.h"

struct mu_replay;

/* A matcher of one queue.  Tickets are indices into the workload; times are ms.  Functions that
 * return int give 0 or -ENOMEM, which ends the replay. */
struct mu_replay_matcher {
    void *self;
    int (*arrive)(void *self, uint32_t ticket, int64_t now_ms);
    /* One that is in no match gives up. */
    void (*leave)(void *self, uint32_t ticket, int64_t now_ms);
    /* When it wants to be woken; at or before now: at once; MU_NEVER: only after events. */
    int64_t (*moment)(void *self);
    /* Forms matches: mu_replay_emit(). */
    int (*wake)(void *self, int64_t now_ms, struct mu_replay *replay);
};

/* A match of tickets that wait: they are gone for the driver; the matcher forgets them itself.
 *
 * region  index
 * seats   [count]: ticket and team; by team ascending from 0, none left out; whole tickets unless
 *         players is set
 *
 * Returns 0 or -ENOMEM. */
int mu_replay_emit(struct mu_replay *replay, uint32_t region, const struct mu_outcome_seat *seats,
                   uint32_t count);

/* Plays the tickets of one mode.
 *
 * progress  may be NULL: a terminal, where a line says how far it is
 * ret       matches are appended
 *
 * Returns 0 or -ENOMEM. */
int mu_replay_run(const struct mu_workload *workload, uint32_t mode,
                  const struct mu_replay_matcher *matcher, FILE *progress,
                  struct mu_outcome_list *ret);

#endif /* MU_TOOLS_REPLAY_H */
