/* tools/cluster.h - the processes of `muster dev`: started, started again, and ended in order. */
#ifndef MU_TOOLS_CLUSTER_H
#define MU_TOOLS_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/process.h"
#include "tools/supervise.h"

#define MU_CLUSTER_TRIES       6  /* starts of a child, about 3 s apart in all */
#define MU_CHILDREN_MAX        96 /* 32 shards, 16 matchers, 16 lobbies, and the rest */
#define MU_CHILD_ARGUMENTS     20
#define MU_CHILD_NAME_MAX      47
#define MU_CHILD_LOG_BYTES     (4 * 1024 * 1024) /* of a log; beyond, it begins anew */
#define MU_CLUSTER_PATIENCE_MS 12000 /* a process that was asked to end may take so long */

/* Who is ended before whom: those that depend on others first. */
enum mu_stage {
    MU_STAGE_BOTS,
    MU_STAGE_GATEWAY,
    MU_STAGE_WORKERS, /* shards, matchers, lobbies */
    MU_STAGE_STORE,
    MU_STAGE_BROKER,
    MU_STAGES_COUNT,
};

struct mu_child {
    char name[MU_CHILD_NAME_MAX + 1]; /* "queue/eu-west-1" */
    enum mu_stage stage;
    const char *argv[MU_CHILD_ARGUMENTS + 1]; /* NULL-terminated; borrowed strings */
    char log[MU_PATH_BYTES];                  /* "" for our stderr */
    struct mu_supervise supervise;
    pid_t pid; /* running: its id */
};

/* Told when a child ended that was not asked to.
 *
 * text  one line, as "store ended: killed by signal 9; starts again in 100 ms"
 * lost  it will not be started again: the cluster cannot go on */
typedef void mu_cluster_tell_fn(void *context, const char *text, bool lost);

struct mu_cluster {
    struct mu_child children[MU_CHILDREN_MAX]; /* in the order in which they are started */
    uint32_t children_count;
    bool stopping;
    enum mu_stage stage; /* stopping: that is being ended */
    int64_t patience_ms; /* stopping: when what is left of the stage is killed */
    mu_cluster_tell_fn *tell;
    void *context;
};

void mu_cluster_init(struct mu_cluster *cluster, mu_cluster_tell_fn *tell, void *context);

/* Adds a child, which mu_cluster_turn() starts.
 *
 * name  unique; cut to MU_CHILD_NAME_MAX
 * argv  [argv_count], 1..MU_CHILD_ARGUMENTS (asserted); the strings are borrowed for ever
 * logs  folder for its stderr; NULL: ours */
void mu_cluster_add(struct mu_cluster *cluster, const char *name, enum mu_stage stage,
                    const char *const *argv, const char *logs);

/* Takes note of who ended, starts who is due, goes on with stopping, bounds the logs. */
void mu_cluster_turn(struct mu_cluster *cluster, int64_t now_ms);

/* Begins to end all, in order; turn until mu_cluster_ended(). */
void mu_cluster_stop(struct mu_cluster *cluster, int64_t now_ms);

/* Ends all at once, the hard way, which the store survives, too. */
void mu_cluster_kill(struct mu_cluster *cluster);

/* Whether no child runs. */
bool mu_cluster_ended(const struct mu_cluster *cluster);

/* The name of a child that was started MU_CLUSTER_TRIES times, or NULL.  Asked before the cluster
 * was ever ready, it says that it will not be. */
const char *mu_cluster_hopeless(const struct mu_cluster *cluster);

/* Starts beyond the first, of all children. */
uint32_t mu_cluster_restarts(const struct mu_cluster *cluster);

#endif /* MU_TOOLS_CLUSTER_H */
