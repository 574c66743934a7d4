/* actors/engine.h - the matching engine: which waiting tickets play together.
 *
 * A pure library: clock, rules and tickets in, matches out; the same calls give the same matches.
 * The matcher calls it to propose, the queue shard calls mu_engine_legal() to re-check, `muster
 * simulate`, tests and benchmarks call both.
 *
 * How a match is formed (docs/MATCHING.md has the reasons and the figures):
 *   1. a ticket that comes gets a *reservation*: the quality that waiting is worth to it, from the
 *      last arrivals of its queue (engine_reserve.c).  It falls as the ticket waits.
 *   2. it is tried at once as *anchor*; otherwise at the next moment at which something can have
 *      changed (engine_moment.c).
 *   3. the anchor's *neighbours*, nearest by rating first, fill a match (engine_pair.c for two
 *      players, engine_group.c, engine_crowd.c for many teams), teams are evened out
 *      (engine_split.c), members exchanged while that helps, rules asked (candidate.h).
 *   4. a legal match whose *surplus*, the sum over its players of quality - reservation, each times
 *      what is left of the time in which a match is worth something to him, is positive is
 *      emitted; the best one of the anchor first.
 * A queue without reservations (objective.waits false) emits the best legal match of the oldest
 * anchor.  A ticket that has waited objective.first_ms is served before all others, with any legal
 * match.
 *
 * Costs: see docs/MATCHING.md; nothing ever passes over all tickets, but when most are new.  One
 * call of mu_pool_match() tries at most 4096 tickets in vain (two players), 256 (two teams), 64
 * (many teams), 16 (rules of a document), and one try looks at some thousand tickets at most, and
 * in an ordinary pool at some dozens (mu_pool_work(); tests/unit/test_engine_bounds.c). */
#ifndef MU_ACTORS_ENGINE_H
#define MU_ACTORS_ENGINE_H

#include "actors/candidate.h"
#include "actors/rules.h"
#include "wire/msg.h"

#define MU_RATING_MIN        100  /* points; what the index tells apart */
#define MU_RATING_MAX        3000 /* points */
#define MU_REACH_NONE        MU_LATENCY_NONE
#define MU_POOL_TAKEN_MS     2000       /* a proposed ticket of which nothing is heard is free */
#define MU_POOL_CAPACITY_MAX (1u << 24) /* tickets of one pool */

/* A ticket as the engine sees it. */
struct mu_engine_ticket {
    char id[MU_ID_MAX + 1];
    uint64_t version;  /* as last heard */
    int64_t since_ms;  /* began to wait, on the clock of now_ms; may be < 0 */
    uint32_t priority; /* 0..100: served as if it had waited that many s more */
    uint32_t players;  /* 1..MU_TICKET_PLAYERS_MAX; a backfill: those that play, any number */
    bool backfill;
    int32_t rating; /* mean of its players */
    double sum;     /* of its players' ratings with party bonus (mu_engine_ticket_rate) */
    double squares;
    double variance;                   /* sum of squared deviations */
    uint16_t reach_ms[MU_REGIONS_MAX]; /* by region index: worst of its players; MU_REACH_NONE */
    const struct mu_facts *facts;      /* borrowed; NULL when the rules need none */
};

/* Sets rating, sum, squares, variance from [count] ratings and deviations (points). */
void mu_engine_ticket_rate(struct mu_engine_ticket *ticket, const struct mu_objective *objective,
                           const int32_t *ratings, const int32_t *deviations, uint32_t count);

/* The ticket as a candidate reads it, which borrows it; without nearness: quality means nothing. */
struct mu_entrant mu_engine_entrant(const struct mu_engine_ticket *ticket);

/* One ticket of a match, with its team; or with the team of each of its players, when they span
 * several. */
struct mu_engine_member {
    const struct mu_engine_ticket *ticket; /* borrowed */
    uint32_t team;                         /* 0..teams-1; MU_TEAM_SPAN: see teams */
    uint8_t teams[MU_TICKET_PLAYERS_MAX];  /* MU_TEAM_SPAN only: each player's */
};
#define MU_TEAM_SPAN UINT32_MAX

struct mu_engine_match {
    uint32_t region; /* index */
    uint32_t shape;  /* index into the rule book */
    double quality;  /* 0 bad .. 1 perfect: mean over its players */
    double surplus;  /* per player; 0 in a queue without reservations */
    uint32_t count;  /* tickets */
    struct mu_engine_member members[MU_MATCH_PLAYERS_MAX]; /* the oldest ticket first */
};

/* Why a match is not legal. */
enum mu_engine_fault {
    MU_ENGINE_LEGAL,
    MU_ENGINE_TEAMS,    /* a team has too few or too many players, or does not exist */
    MU_ENGINE_FILL,     /* not full, and nobody has waited long enough for that */
    MU_ENGINE_WINDOW,   /* a pair does not accept each other's rating */
    MU_ENGINE_REGION,   /* a ticket does not reach the region */
    MU_ENGINE_TICKET,   /* a ticket is impossible in itself, or is there twice */
    MU_ENGINE_RULE,     /* a rule of the document is broken */
    MU_ENGINE_ROLES,    /* a team cannot fill its roles */
    MU_ENGINE_PARTY,    /* a party is split against the policy */
    MU_ENGINE_BACKFILL, /* two backfills, or one alone */
};

/* Checks a match against the hard rules, at both sides' widening.
 *
 * members    [count], count 0..MU_MATCH_PLAYERS_MAX; in any order; any values
 * region     index; any value
 * candidate  scratch
 * ret_rule   may be NULL; MU_ENGINE_RULE: the index of the first broken rule
 *
 * Returns MU_ENGINE_LEGAL or the first fault found.  O(count log count + rules * players). */
enum mu_engine_fault mu_engine_legal(const struct mu_rules *rules, const struct mu_config *config,
                                     const struct mu_engine_member *members, uint32_t count,
                                     uint32_t region, int64_t now_ms,
                                     struct mu_candidate *candidate, uint32_t *ret_rule);

/* "window", "region", ...: for notes. */
const char *mu_engine_fault_text(enum mu_engine_fault fault);

/* The waiting tickets of one queue. */
struct mu_pool;

/* book, config  outlive the pool
 * capacity_max  tickets, 1..MU_POOL_CAPACITY_MAX (asserted); memory grows by doubling
 * seed          of a hash; changes no result
 * Returns NULL when out of memory. */
struct mu_pool *mu_pool_create(const struct mu_config *config, const struct mu_rulebook *book,
                               uint32_t capacity_max, uint64_t seed);
void mu_pool_destroy(struct mu_pool *pool); /* NULL is a no-op */

/* Forgets all tickets, and what was learnt from them. */
void mu_pool_clear(struct mu_pool *pool);

/* Adds a ticket, or replaces the one of that id; a taken one is free again.  Copies it with its
 * facts.  A new one counts as an arrival at its since_ms.  One that can never match is kept and
 * never proposed.
 * Returns 0; -EINVAL for a value out of its range; -ENOBUFS at capacity_max; -ENOMEM.
 * O(log n + sample). */
int mu_pool_add(struct mu_pool *pool, const struct mu_engine_ticket *ticket, int64_t now_ms);

/* Why a ticket leaves: what reservations learn from it. */
enum mu_leave {
    MU_LEAVE_MATCHED,   /* into a match of this pool or another */
    MU_LEAVE_GAVE_UP,   /* cancelled, or timed out */
    MU_LEAVE_ELSEWHERE, /* nothing is to be learnt */
};

/* Forgets a ticket, waiting or taken.  Returns whether it was there.  O(log n). */
bool mu_pool_remove(struct mu_pool *pool, const char *id, enum mu_leave why, int64_t now_ms);

/* Copies a ticket to *ret (may be NULL; its facts are borrowed until the pool changes).  Returns
 * whether it is there. */
bool mu_pool_find(const struct mu_pool *pool, const char *id, struct mu_engine_ticket *ret);

/* Tickets, waiting and taken; and those that are taken. */
uint32_t mu_pool_count(const struct mu_pool *pool);
uint32_t mu_pool_taken(const struct mu_pool *pool);

/* When mu_pool_match() can next find something: INT64_MIN when it has not been called since a
 * ticket was added (or it was stopped), else a time, or MU_NEVER.  O(1). */
int64_t mu_pool_next_moment(const struct mu_pool *pool);

/* Takes a match; *match is borrowed.  Its tickets are taken: they are in no other match until they
 * are added again or MU_POOL_TAKEN_MS are over.  Must not touch the pool.  Returns whether to go
 * on; if not, the next mu_pool_match() goes on from there. */
typedef bool mu_pool_emit_fn(void *owner, const struct mu_engine_match *match);

/* Forms every match that is worth forming at now_ms (which never goes back).  Returns how many. A
 * call that has tried very many tickets in vain returns early: then mu_pool_next_moment() says
 * INT64_MIN, and the next call goes on. */
uint32_t mu_pool_match(struct mu_pool *pool, int64_t now_ms, mu_pool_emit_fn *emit, void *owner);

/* What matching has cost so far, counted: what bounds it does not depend on how fast a machine
 * is. */
struct mu_pool_work {
    uint64_t anchors; /* tickets tried */
    uint64_t looks;   /* at neighbours, on the way through the index */
    uint64_t steps;   /* of the composer (compose.h), where a document has rules */
};
void mu_pool_work(const struct mu_pool *pool, struct mu_pool_work *ret);

/* Bytes that it has of the system but for a constant; they never shrink, and do not grow while no
 * more tickets are in it than ever before. */
size_t mu_pool_bytes(const struct mu_pool *pool);

/* How often each hard rule of the document let tickets and matches pass or not, while matches were
 * looked for, since the pool was created: see struct mu_rule_count.  [rules_count] by index; those
 * that exclude nothing stay 0. */
const struct mu_rule_count *mu_pool_rule_counts(const struct mu_pool *pool);

/* For how long a ticket will probably wait from its arrival on, ms; 0: not known. */
int64_t mu_pool_estimate(const struct mu_pool *pool, const char *id);

/* Asserts every invariant.  O(n). */
void mu_pool_check(const struct mu_pool *pool);

#endif /* MU_ACTORS_ENGINE_H */
