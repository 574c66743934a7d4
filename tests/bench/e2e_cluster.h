/* tests/bench/e2e_cluster.h - a real cluster on this machine, for a benchmark: one process each of
 * broker, store, one shard, lobby, gateway, and a matcher when it is asked for.
 *
 * Loopback and a socket in its folder only.  The processes end with this one, however it ends. */
#ifndef MU_TESTS_BENCH_E2E_CLUSTER_H
#define MU_TESTS_BENCH_E2E_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MU_E2E_PATH   512
#define MU_E2E_REGION "bench-1"
#define MU_E2E_MODE   "ranked" /* 1 against 1, nobody is asked to accept, no server is needed */

enum mu_e2e_process {
    MU_E2E_BROKER,
    MU_E2E_STORE,
    MU_E2E_QUEUE,
    MU_E2E_LOBBY,
    MU_E2E_GATEWAY,
    MU_E2E_MATCHER,
    MU_E2E_PROCESSES,
};

struct mu_e2e {
    char build[MU_E2E_PATH];       /* folder that holds actors/muster-actor and so on */
    char folder[MU_E2E_PATH];      /* of everything; removed by _stop */
    char config[MU_E2E_PATH + 16]; /* in it */
    char data[MU_E2E_PATH + 16];
    char bus[MU_E2E_PATH + 16];
    char port_text[8];
    char admin_text[8];
    uint16_t port;
    uint16_t admin_port;
    pid_t pids[MU_E2E_PROCESSES]; /* 0: not started, or ended */
};

/* What /metrics says of the cluster: the store's own counts, and those it is compared with. */
struct mu_e2e_counts {
    double commits;
    double writes;
    double added;
    double cancelled;
    double expired;
    double committed; /* matches */
    double queued;    /* tickets, as the shard sees it */
    double routed;    /* messages */
    double dropped;   /* messages that the broker could not pass on: unknown, full, not read */
    bool ready;       /* store, lobby and shard serve; a matcher may be missing */
};

/* Starts all but the matcher in a new folder under `parent`, and waits until it answers.
 *
 * Returns 0, or -errno after saying why on stderr; then nothing is left behind. */
int mu_e2e_start(struct mu_e2e *e2e, const char *build, const char *parent);

/* Starts the matcher.  Returns 0 or -errno. */
int mu_e2e_start_matcher(struct mu_e2e *e2e);

/* Ends all, in order, and removes the folder. */
void mu_e2e_stop(struct mu_e2e *e2e);

/* Whether all that were started still run; says on stderr who does not. */
bool mu_e2e_alive(struct mu_e2e *e2e);

/* Seconds of processor that a process has used, all its threads, to the ns; 0: it does not run. */
double mu_e2e_cpu_s(const struct mu_e2e *e2e, enum mu_e2e_process process);

/* Bytes of memory that a process holds; 0: it does not run. */
double mu_e2e_rss(const struct mu_e2e *e2e, enum mu_e2e_process process);

const char *mu_e2e_name(enum mu_e2e_process process);

/* Reads /metrics; its figures are up to a second old.  Returns 0 or -EIO. */
int mu_e2e_counts(const struct mu_e2e *e2e, struct mu_e2e_counts *ret);

/* GETs 127.0.0.1:port/path and blocks for the whole answer, with its head.  Returns its bytes, NUL
 * behind them, or -EIO when it is not 200. */
int64_t mu_e2e_fetch(uint16_t port, const char *path, char *ret, size_t ret_bytes);

#endif /* MU_TESTS_BENCH_E2E_CLUSTER_H */
