/* actors/compose.h - the match of one ticket under any rules.
 *
 * One ticket, the anchor, and those that wait near it come in; the best legal match with the
 * anchor that was found comes out.  How it is looked for:
 *
 *   compose.c          which attempts are made: teams of the anchor, regions, ages; the best of all
 *   compose_attempt.c  one of them
 *   compose_order.c    distanceSort, absoluteSort: in which order neighbours are wanted
 *   compose_units.c    the state of an attempt: whole tickets, or players of them, in and out
 *   compose_fill.c     a first filling: teams below their minimum first, the most open slots first
 *   compose_plan.c     which party sizes make full teams, when that filling does not
 *   compose_mend.c     from there towards legal: moves, exchanges, additions, omissions ...
 *   compose_improve.c  from legal towards good, by the same steps
 *   compose_exact.c    every way there is, when there are few
 *   compose_large.c    matches of 41 players and more: region, filling, evenness of an attribute
 *
 * Without reservations, of two legal matches the one is better that has more players (or is
 * nearer to rules->prefer), then the one of higher quality, then the one of neighbours that are
 * wanted more.  With reservations it is the one of the larger surplus per player.
 *
 * The search is heuristic, but exact when the neighbours are few (compose_exact.c: eight tickets
 * for two teams): then nothing legal is missed, and nothing is better.  With one or two more than
 * that, in 2,590 pools of fourteen kinds with a legal match none was missed, 6 were found that
 * could have been larger, and the quality was 0.997 of the best on the average, 0.70 at least
 * (docs/CAMPAIGNS.md).  It is deterministic and bounded.  Taken for granted is that
 * limits only widen with age: a neighbour who may not stand beside the anchor at the age that they
 * have together is left out, unless older ones may decide (`oldest_age`). */
#ifndef MU_ACTORS_COMPOSE_H
#define MU_ACTORS_COMPOSE_H

#include "actors/candidate.h"

#define MU_COMPOSE_ENTRANTS_MAX 1024  /* of one request */
#define MU_COMPOSE_EFFORT       16000 /* steps when the request does not say: 1 to 3 ms */
#define MU_COMPOSE_EFFORT_MAX   1000000

struct mu_composer; /* opaque: scratch of one request; about 50 KB */

/* Returns NULL when out of memory.  One is used again and again; nothing of a request stays. */
struct mu_composer *mu_composer_create(void);
void mu_composer_destroy(struct mu_composer *composer); /* NULL is a no-op */

/* What is looked for.  effort: steps at most; a step is a change of the candidate or a verdict on
 * it.  0: MU_COMPOSE_EFFORT, and four times as many for large matches.  When neighbours are few,
 * trying every way may take twice as many again, but at most 24000. */
struct mu_compose_request {
    const struct mu_rules *rules; /* one shape; the caller tries several, one request each */
    uint32_t regions_count;       /* 1..MU_REGIONS_MAX */
    int64_t now_ms;
    const struct mu_entrant *const *entrants; /* [count]; [0] is the anchor, then the most wanted
                                               * first: the nearest, or the oldest.  None twice */
    const double *reservations; /* [count]: what waiting is worth to each player of that entrant,
                                 * as a quality; finite, may be < 0.  NULL: nobody waits */
    uint32_t count;             /* 1..MU_COMPOSE_ENTRANTS_MAX; several times the largest match */
    bool any;                   /* with reservations: a surplus that is not positive will do */
    uint32_t effort;            /* 0..MU_COMPOSE_EFFORT_MAX */
};

struct mu_compose_result {
    uint32_t region;                         /* index */
    double quality;                          /* mean over its players, 0..1 */
    double surplus;                          /* per player; 0 without reservations */
    uint32_t players;                        /* in it */
    uint32_t steps;                          /* taken; also when nothing was found */
    uint32_t count;                          /* units of the candidate */
    uint16_t entrants[MU_MATCH_PLAYERS_MAX]; /* [count]: of each unit, index into the request's */
};

/* Looks for the anchor's match.
 *
 * request  asserted as its comments say
 * ret      the match: units with teams, as candidate.h has them; when nothing is found, anything
 * result   of it; when nothing is found, only `steps`
 *
 * Returns whether there is one: legal, with the anchor, and of positive surplus when there are
 * reservations.  O(effort * (rules * teams + players)); usually far less: O(count) when there are
 * too few players, some hundred to four thousand steps (0.05 to 0.5 ms) when the first filling is
 * legal, most of them for quality. */
bool mu_compose(struct mu_composer *composer, const struct mu_compose_request *request,
                struct mu_candidate *ret, struct mu_compose_result *result);

#endif /* MU_ACTORS_COMPOSE_H */
