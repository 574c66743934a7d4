/* actors/matcher_state.h - inside the matcher: what its files share.
 *
 *   matcher.c          events, proposing
 *   matcher_leases.c   the pools it has, as shards tell of them
 *   matcher_explain.c  why a ticket still waits */
#ifndef MU_ACTORS_MATCHER_STATE_H
#define MU_ACTORS_MATCHER_STATE_H

#include <assert.h>

#include "actors/explain.h"
#include "actors/matcher.h"
#include "actors/roster.h"
#include "core/config.h"
#include "core/counters.h"
#include "core/map.h"

enum {
    MU_MATCHER_KEY_MAX = MU_ADDRESS_MAX + 1 + MU_ID_MAX + 3, /* shard, '/', mode, '/', slice */
    MU_MATCHER_MATCHES_MAX = 64,                             /* of one PROPOSALS */
    MU_MATCHER_TICKETS_MAX = 512,                            /* of one PROPOSALS */
};
static_assert(MU_MATCHER_KEY_MAX <= MU_MAP_KEY_MAX, "a pool's key is a map key");
static_assert(MU_MATCHER_TICKETS_MAX >= MU_MATCH_PLAYERS_MAX,
              "the largest match fits into one message");

/* One slice of one pool of one shard. */
struct lease {
    char key[MU_MATCHER_KEY_MAX + 1]; /* "": not in use */
    char shard[MU_ADDRESS_MAX + 1];
    uint32_t mode;       /* index */
    uint32_t slice;      /* number */
    uint64_t generation; /* of the shard's assignment */
    uint64_t seq;        /* last POOL_SYNC that was applied */
    bool ready;          /* the snapshot is complete */
    bool resync;         /* something is missing: wait for a new generation */
    bool ack_due;        /* in this batch */
    int64_t heard_ms;    /* last POOL_SYNC */
    struct mu_rulebook book;
    uint64_t rules_version; /* of the book */
    struct mu_pool *pool;   /* NULL before the first generation */
};

struct matcher {
    struct mu_actor actor;
    const struct mu_config *config;
    uint64_t seed;
    int64_t started_ms;
    int64_t now_ms;        /* of the last event */
    struct mu_map *by_key; /* lease key -> index */
    struct lease leases[MU_MATCHER_POOLS_MAX];
    uint32_t leases_count; /* in use: 0..leases_end */
    uint32_t leases_end;   /* one above the highest in use */
    uint32_t turn;         /* index of the lease that the next batch begins with */
    struct mu_counters counters;
    bool draining;                     /* everything is to be handed over */
    int64_t here_ms;                   /* when it says next that it is here */
    int64_t here_last_ms;              /* when it said so last */
    uint64_t work;                     /* looks and steps since then */
    uint32_t messages_left;            /* PROPOSALS that this batch may still send */
    struct lease *current;             /* while it proposes */
    uint64_t work_end;                 /* of its pool: then the next batch goes on */
    struct mu_outbox *out;             /* while it proposes */
    struct mu_blocks *blocks;          /* of a roster that is being read */
    struct mu_facts *facts;            /* [MU_FACTS_BYTES_MAX] of the ticket that is being read */
    struct mu_explanation explanation; /* scratch */
    struct mu_msg msg;                 /* scratch: PROPOSALS being filled, then any */
};

/* matcher_leases.c. */

/* A POOL_SYNC. */
void mu_matcher_take_sync(struct matcher *matcher, const struct mu_event *ev,
                          struct mu_outbox *out);

/* The lease of a slice of a shard's pool, or NULL. */
struct lease *mu_matcher_lease(struct matcher *matcher, const char *shard, const char *mode,
                               uint64_t slice);

/* Forgets it. */
void mu_matcher_lease_end(struct matcher *matcher, struct lease *lease);

/* matcher_explain.c. */

/* A POOL_EXPLAIN. */
void mu_matcher_explain(struct matcher *matcher, const struct mu_event *ev, struct mu_outbox *out);

#endif /* MU_ACTORS_MATCHER_STATE_H */
