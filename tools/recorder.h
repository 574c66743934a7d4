/* tools/recorder.h - an actor that reads along in a cluster and keeps a recording.
 *
 * Follows the logs of all queues and lobbies as a reader (core/follow.h): it owns nothing, no
 * process of the cluster waits for it, and it may come and go.  It registers as a "tool".  States:
 *
 *   JOIN    reads what waits            -> RECORD when every partition is known
 *   RECORD                              -> FINISH when asked to stop, or after duration_ms
 *   FINISH  reads what is missing yet   -> ends, at the latest after MU_RECORDER_FINISH_MS
 *
 * Everything that happened until MU_RECORDER_MARGIN_MS before the last look at the partition that
 * was looked at least lately counts as known.  Clocks: the cluster's is this machine's, as the bus
 * does not leave it. */
#ifndef MU_TOOLS_RECORDER_H
#define MU_TOOLS_RECORDER_H

#include <signal.h>

#include "core/actor.h"
#include "core/config.h"
#include "tools/record_file.h"
#include "tools/recording.h"

#define MU_RECORDER_JOIN_MS   15000 /* without a word from the store: there is no cluster */
#define MU_RECORDER_FINISH_MS 5000  /* to learn of what happened just before the end */
#define MU_RECORDER_MARGIN_MS 1000  /* a batch of the store takes less */
#define MU_RECORDER_FLUSH_MS  1000  /* between two writes to the files */

/* What the actor is to do, and what became of it; the owner's. */
struct mu_recorder_job {
    struct mu_recording *recording;
    struct mu_record_file *tickets;     /* where the recording writes; flushed by the actor */
    struct mu_record_file *matches;     /* the same; NULL: none */
    int64_t duration_ms;                /* 0: until asked */
    const volatile sig_atomic_t *asked; /* not 0: to stop; written by a signal handler */

    volatile sig_atomic_t ended; /* the host is to end */
    bool begun;                  /* it recorded */
    int64_t start_ms;            /* UTC; begun */
    int64_t end_ms;              /* UTC; begun, and ended */
    int64_t missing_ms;          /* of the end, which could not be learned */
    uint32_t gaps;               /* times that a log was lost because it was not read in time */
    int failed;                  /* -errno of a write, or -ENOMEM; 0: none */
    char problem[384];           /* why it could not record; empty: it could */
};

/* What the host hands on to the actor as its configuration, with its job behind it: an actor is
 * given nothing else. */
struct mu_recorder_config {
    struct mu_config config; /* of the cluster; the first member */
    struct mu_recorder_job *job;
};

extern const struct mu_actor_ops mu_recorder_ops;

#endif /* MU_TOOLS_RECORDER_H */
