/* actors/explain_private.h - inside of an explanation: its parts, each given the slot of a ticket
 * that waits, writing its own fields.  See actors/explain.h.
 *
 *   explain.c         state, reservation, sizes
 *   explain_limits.c  what the ticket asks for, and when that changes
 *   explain_others.c  who else waits: counts, and the nearest miss
 *   explain_pair.c    two tickets */
#ifndef MU_ACTORS_EXPLAIN_PRIVATE_H
#define MU_ACTORS_EXPLAIN_PRIVATE_H

#include "actors/candidate_tally.h"
#include "actors/engine_pool.h"
#include "actors/explain.h"

void mu_explain_limits(const struct mu_pool *pool, uint32_t slot, int64_t now_ms,
                       struct mu_explanation *ret);
void mu_explain_others(const struct mu_pool *pool, uint32_t slot, int64_t now_ms,
                       struct mu_explanation *ret);

/* A ticket in a pair. */
struct mu_explain_side {
    uint32_t slot;
    struct mu_engine_ticket ticket; /* its facts are borrowed from the pool */
    struct mu_entrant entrant;      /* borrows the ticket */
};

void mu_explain_side_read(const struct mu_pool *pool, uint32_t slot, struct mu_explain_side *ret);

/* Two tickets on two teams: what stands against them. */
struct mu_explain_pair {
    uint32_t shape;
    uint32_t team;     /* of the ticket */
    uint32_t other;    /* team of the other */
    uint32_t builtins; /* bit MU_EXPLAIN_...: it is against them */
    uint64_t asked;    /* bit i: hard rule i was asked */
    uint64_t broken;   /* bit i: and is broken */
    uint32_t against;  /* how many of both */
};

/* Finds the place where the least is against two tickets at that time, the first one of several; at
 * most *tries_left places, which are counted down.  Leaves the pool's candidate as that place. */
void mu_explain_pair_find(const struct mu_pool *pool, const struct mu_explain_side *side,
                          const struct mu_explain_side *other, int64_t now_ms, uint32_t *tries_left,
                          struct mu_explain_pair *ret);

/* By how much rule `index` is broken there, in its unit, or NAN; the candidate is as
 * mu_explain_pair_find() left it. */
double mu_explain_pair_by(const struct mu_pool *pool, uint32_t index);

#endif /* MU_ACTORS_EXPLAIN_PRIVATE_H */
