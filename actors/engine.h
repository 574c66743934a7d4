/* actors/engine.h - the matching engine: which waiting tickets play together.
 *
 * A pure library: clock, configuration and tickets in, matches out; the same calls give the same
 * matches.  The matcher calls it to propose, the queue shard calls mu_engine_legal() to re-check,
 * tests, benchmarks and the simulator call both.
 *
 * The rule.  A ticket accepts ratings within its window: window_points + window_per_second for
 * each second that it has waited, at most window_max, on both sides of its own rating.  A match is
 * legal when every pair of its tickets accepts each other, every ticket reaches the match's region
 * within the mode's bound, every party is on one team, and the teams are full; or, once its
 * oldest ticket has waited fill_ms, all have at least team_min players.  The ticket that has
 * waited longest (priority counts as waiting) is served first, with its nearest by rating; equal
 * ones by time, then by id.  The widening is computed with whole points and milliseconds, so that
 * both sides of the cluster agree on it.
 *
 * A pool is exact where it can be: mu_pool_match() leaves no pair of a two-player mode and, within
 * MU_POOL_NEIGHBOURS_MAX neighbours, no set of a small team mode that could legally play.
 *
 * Costs: adding and removing are O(log n); matching is O(log n + neighbours) for each ticket that
 * came or whose window has reached somebody.  Nothing ever passes over all tickets, but when most
 * of them are new. */
#ifndef MU_ACTORS_ENGINE_H
#define MU_ACTORS_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "wire/msg.h"

#define MU_RATING_MIN          100        /* points */
#define MU_RATING_MAX          3000       /* points */
#define MU_TICKET_PLAYERS_MAX  8          /* of one party */
#define MU_REACH_NONE          UINT16_MAX /* may not play in that region */
#define MU_POOL_NEIGHBOURS_MAX 256  /* tickets that one attempt looks at; larger modes: more */
#define MU_POOL_TAKEN_MS       2000 /* a proposed ticket of which nothing is heard is free */
#define MU_POOL_GRAIN_MS       50   /* moments of modes above 2 players are rounded up to it */
#define MU_POOL_CAPACITY_MAX   (1u << 24) /* tickets of one pool */

/* A ticket as the engine sees it. */
struct mu_engine_ticket {
    char id[MU_ID_MAX + 1];
    uint64_t version;                  /* as last heard */
    int64_t since_ms;                  /* began to wait, on the clock of now_ms; may be < 0 */
    int32_t rating;                    /* mean of its players, MU_RATING_MIN..MU_RATING_MAX */
    uint32_t players;                  /* 1..MU_TICKET_PLAYERS_MAX */
    uint32_t priority;                 /* 0..100: served as if it had waited that many s more */
    uint16_t reach_ms[MU_REGIONS_MAX]; /* by region index; MU_REACH_NONE: not there */
};

/* One ticket of a match, with its team. */
struct mu_engine_member {
    const struct mu_engine_ticket *ticket; /* borrowed */
    uint32_t team;                         /* 0..teams-1 */
};

struct mu_engine_match {
    uint32_t region; /* index; the best that all reach */
    double quality;  /* 0 bad .. 1 perfect: mu_engine_quality() */
    uint32_t count;  /* tickets */
    struct mu_engine_member members[MU_MATCH_PLAYERS_MAX]; /* the oldest ticket first */
};

/* Why a match is not legal. */
enum mu_engine_fault {
    MU_ENGINE_LEGAL,
    MU_ENGINE_TEAMS,  /* a team has too few or too many players, or does not exist */
    MU_ENGINE_FILL,   /* not full, and nobody has waited long enough for that */
    MU_ENGINE_WINDOW, /* a pair does not accept each other's rating */
    MU_ENGINE_REGION, /* a ticket does not reach the region within the mode's bound */
    MU_ENGINE_TICKET, /* a ticket is impossible in itself, or is there twice */
};

/* Checks a match against the hard rules, at both sides' widening.
 *
 * members  [count], count 0..MU_MATCH_PLAYERS_MAX; in any order; any values
 * region   index; any value
 *
 * Returns MU_ENGINE_LEGAL or the first fault found.  O(count^2) in the comparison of ids, else
 * O(count); no allocation. */
enum mu_engine_fault mu_engine_legal(const struct mu_config *config, uint32_t mode,
                                     const struct mu_engine_member *members, uint32_t count,
                                     uint32_t region, int64_t now_ms);

/* "window", "region", ...: for notes. */
const char *mu_engine_fault_text(enum mu_engine_fault fault);

/* How good a legal match is, 0..1: fairness * spread * latency of MATCHING.md 1. */
double mu_engine_quality(const struct mu_mode *mode, const struct mu_engine_member *members,
                         uint32_t count, uint32_t region);

/* Half-width of the band that a ticket of that age accepts, points.  age_ms < 0 counts as 0. */
int64_t mu_engine_window(const struct mu_mode *mode, int64_t age_ms);

/* The age at which the window is at least `distance` points, ms; MU_NEVER: it never is. */
int64_t mu_engine_window_age(const struct mu_mode *mode, int64_t distance);

/* Between a ticket and what travels.  Regions and reach above MU_REGIONS_MAX are left out. */
void mu_engine_ticket_from(const struct mu_msg_pool_ticket *msg, int64_t now_ms,
                           struct mu_engine_ticket *ret);
void mu_engine_ticket_to(const struct mu_engine_ticket *ticket, int64_t now_ms,
                         struct mu_msg_pool_ticket *ret);

/* The waiting tickets of one mode. */
struct mu_pool;

/* mode          index into config, which outlives the pool
 * capacity_max  tickets, 1..MU_POOL_CAPACITY_MAX (asserted); memory grows by doubling
 * seed          of a hash; changes no result
 * Returns NULL when out of memory. */
struct mu_pool *mu_pool_create(const struct mu_config *config, uint32_t mode, uint32_t capacity_max,
                               uint64_t seed);
void mu_pool_destroy(struct mu_pool *pool); /* NULL is a no-op */

/* Forgets all tickets. */
void mu_pool_clear(struct mu_pool *pool);

/* Adds a ticket, or replaces the one of that id; a taken one is free again.  Copies it.  One that
 * can never match (too many players, no region) is kept and never proposed.
 * Returns 0; -EINVAL for a value out of its range; -ENOBUFS at capacity_max; -ENOMEM.
 * O(log n); when the pool has to grow, O(n). */
int mu_pool_add(struct mu_pool *pool, const struct mu_engine_ticket *ticket);

/* Forgets a ticket, waiting or taken.  Returns whether it was there.  O(log n). */
bool mu_pool_remove(struct mu_pool *pool, const char *id);

/* Copies a ticket to *ret (may be NULL).  Returns whether it is there. */
bool mu_pool_find(const struct mu_pool *pool, const char *id, struct mu_engine_ticket *ret);

/* Tickets, waiting and taken; and those that are taken. */
uint32_t mu_pool_count(const struct mu_pool *pool);
uint32_t mu_pool_taken(const struct mu_pool *pool);

/* When mu_pool_match() can next find something: INT64_MIN when it has not been called since a
 * ticket was added (or it was stopped), else a time, or MU_NEVER.  O(1). */
int64_t mu_pool_next_moment(const struct mu_pool *pool);

/* Takes a match; *match is borrowed.  Its tickets are taken: they are in no other match until
 * they are added again or MU_POOL_TAKEN_MS are over.  Must not touch the pool.  Returns whether to
 * go on; if not, the next mu_pool_match() goes on from there. */
typedef bool mu_pool_emit_fn(void *owner, const struct mu_engine_match *match);

/* Forms every match that can be formed at now_ms (which never goes back).  Returns how many.
 * A call that has tried very many tickets in vain returns early: then mu_pool_next_moment() says
 * INT64_MIN, and the next call goes on. */
uint32_t mu_pool_match(struct mu_pool *pool, int64_t now_ms, mu_pool_emit_fn *emit, void *owner);

/* Asserts every invariant.  O(n). */
void mu_pool_check(const struct mu_pool *pool);

#endif /* MU_ACTORS_ENGINE_H */
