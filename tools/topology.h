/* tools/topology.h - a cluster as /v1/admin/cluster tells it: processes, partitions, queues. */
#ifndef MU_TOOLS_TOPOLOGY_H
#define MU_TOOLS_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MU_TOPOLOGY_TEXT_MAX       63   /* bytes; longer texts are cut, control characters are ? */
#define MU_TOPOLOGY_PROCESSES_MAX  257  /* further ones are not shown, here and below */
#define MU_TOPOLOGY_PARTITIONS_MAX 64   /* */
#define MU_TOPOLOGY_QUEUES_MAX     1024 /* */
#define MU_TOPOLOGY_LIST_MAX       8    /* builds, failing checks */

struct mu_topology_text {
    char text[MU_TOPOLOGY_TEXT_MAX + 1];
};

struct mu_topology_process {
    struct mu_topology_text kind;
    struct mu_topology_text name;          /* empty: it has none */
    struct mu_topology_text instance;      /* "#9f3c..." */
    struct mu_topology_text partition;     /* empty: none */
    struct mu_topology_text state;         /* "serving", ... */
    struct mu_topology_text build;         /* empty: not known */
    struct mu_topology_text configuration; /* its hash, hex; empty: not known */
    bool other_configuration;              /* not the store's */
    bool ready;
    uint32_t brokers; /* bit i: registered with broker i */
    int64_t epoch;
    int64_t age_ms; /* since the gateway heard of it */
    int64_t uptime_ms;
    int64_t messages_in; /* since it started */
    int64_t messages_out;
    int64_t step_ms_max; /* the longest step of the last second */
    double in_per_s;     /* mu_topology_rates() */
    double out_per_s;
};

struct mu_topology_partition {
    struct mu_topology_text partition;
    struct mu_topology_text owner;    /* empty: none, or it has no name */
    struct mu_topology_text instance; /* of the owner; empty: nobody owns it */
    int64_t epoch;
    int64_t standbys;
};

struct mu_topology_queue {
    struct mu_topology_text region;
    struct mu_topology_text mode;
    int64_t tickets; /* waiting */
    int64_t players; /* waiting */
    int64_t slices;
    int64_t oldest_ms;
    int64_t matches; /* since the shard started */
    int64_t wait_p50_ms;
    int64_t wait_p99_ms;
    double per_s; /* matches; mu_topology_rates() */
};

struct mu_topology_totals {
    int64_t tickets_added;
    int64_t matches_waiting;
    int64_t matches_live;
    int64_t matches_ended;
    int64_t servers;
    int64_t lobbies;
    int64_t sockets;
    int64_t http_requests;
    double tickets_per_s; /* mu_topology_rates(), as the next */
    double matches_per_s;
    double requests_per_s;
};

struct mu_topology {
    int64_t at_ms; /* when it was read, monotonic */
    bool ready;
    bool rated; /* mu_topology_rates() was called */
    bool mixed; /* builds differ */
    uint32_t failing_count;
    uint32_t builds_count;
    uint32_t processes_count;
    uint32_t partitions_count;
    uint32_t queues_count;
    struct mu_topology_text failing[MU_TOPOLOGY_LIST_MAX];
    struct mu_topology_text builds[MU_TOPOLOGY_LIST_MAX]; /* "0.2.0 (12)" */
    struct mu_topology_process processes[MU_TOPOLOGY_PROCESSES_MAX];
    struct mu_topology_partition partitions[MU_TOPOLOGY_PARTITIONS_MAX];
    struct mu_topology_queue queues[MU_TOPOLOGY_QUEUES_MAX];
    struct mu_topology_totals totals;
};

/* Reads the answer of a gateway; what is missing is 0 or empty.
 *
 * now_ms  monotonic
 *
 * Returns 0, -EBADMSG (no JSON object), or -ENOMEM; *ret is then of no use. */
int mu_topology_read(const char *json, size_t bytes, int64_t now_ms, struct mu_topology *ret);

/* Fills the rates of `now`, from what stood there before.  Who was not there has none yet; who
 * started again counts from 0. */
void mu_topology_rates(const struct mu_topology *before, struct mu_topology *now);

#endif /* MU_TOOLS_TOPOLOGY_H */
