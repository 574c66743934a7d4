/* actors/candidate.h - a match in the making: whether these tickets on these teams may play.
 *
 * Tickets are added one by one, and may be taken out or moved.  The candidate keeps counts, sums
 * and extremes of all numbers that rules measure, team by team, so that adding a ticket costs
 * O(rules * its players), not a look at the whole match; a removal recomputes the teams that it
 * touched.  mu_candidate_judge() then costs O(rules * teams).  Only what needs single values looks
 * at all players: strings, medians, standard deviations, minDistance, != .
 *
 * A unit is what stays on one team: a ticket, or (MU_PARTY_MAY_SPAN, and a full party that plays
 * itself) one player of it.  Ages: see rules.h.
 *
 * What rules measure (what they ask is in rules.h):
 *   - Each player of a party counts with what the whole ticket has, even when it is split: avg, min
 *     or max of numbers, union or intersection of string lists.  Single strings and ids are each
 *     player's own.  The players of a backfill are no party: each counts for himself.
 *   - Where teams may stay away (teams_min < teams_count), an empty team is not there.  Elsewhere
 *     it is an empty list.
 *   - Numbers within a billionth part of a limit (of 1, when it is smaller) are at it, so that the
 *     order in which tickets came, which changes the last digits of a sum, decides nothing.
 *   - A latency counts for a ticket only if all of its players have one.  Latency rules inside of a
 *     compound hold when they leave a region; only those that stand alone restrict the regions.
 *   - An empty list is neither measured nor a reference; but a player's own empty list of strings,
 *     or what is shared by several, is a set of nothing and counts as such.
 *   - quality() is without soft rules and roles.  winProbability() of less than two sides is 0.5.
 *
 * By how much a rule is broken, its *excess*: of a number, how far it is beyond the limit, over the
 * limit's size (at least 1), for the worst number; of strings, how many are too many or too few; of
 * latencies, that of the least bad region; not() and a xor() of too many: 1; and(): the sum; or():
 * the least.  At most 1000.
 *
 * What a soft rule leaves of the quality is (1 / (1 + excess))^weight. */
#ifndef MU_ACTORS_CANDIDATE_H
#define MU_ACTORS_CANDIDATE_H

#include "actors/facts.h"

/* What the candidate reads of a ticket; borrowed while it is in. */
struct mu_entrant {
    int64_t since_ms;         /* began to wait */
    uint32_t players;         /* 1..MU_MATCH_PLAYERS_MAX */
    int32_t rating;           /* mean of its players, points: what a mode's window compares */
    bool backfill;            /* players that play already; seats are fixed by its facts */
    double sum;               /* of its players' effective ratings (party bonus included) */
    double squares;           /* of them */
    double variance;          /* sum of its players' squared deviations */
    const uint16_t *reach_ms; /* [regions]: the worst of its players, MU_LATENCY_NONE: not there */
    const float *nearness; /* [regions]: latency quality over its best, 0..1, to `nearness` power */
    const struct mu_facts *facts; /* NULL when rules->needs is 0 */
};

struct mu_candidate; /* opaque: 3 MB of address space, most of it touched by large rules only */

/* Returns NULL when out of memory.  One is used again and again. */
struct mu_candidate *mu_candidate_create(void);
void mu_candidate_destroy(struct mu_candidate *candidate); /* NULL is a no-op */

/* Empties it, for a match of `rules` at now_ms. */
void mu_candidate_begin(struct mu_candidate *candidate, const struct mu_rules *rules,
                        uint32_t regions_count, int64_t now_ms);

/* Adds a unit: a whole ticket, or player `player` of it (MU_RULES_NONE: all of it).
 * Returns whether it may stand; otherwise it is not added.  It may when more units could still make
 * a match of it, at the same age: its team has room, and each player there a role; all accept
 * everybody's rating; a region is left; there is one backfill at most; no lasting rule is broken.
 *
 * A backfill is added whole; `team` is ignored, as its facts say who plays where; one whose players
 * are not all on teams of these rules may not stand.  It may not be moved or exchanged.
 *
 * The unit's number is the count before.  O(rules * players of it); with lasting rules over
 * strings, O(players) for each of those. */
bool mu_candidate_add(struct mu_candidate *candidate, const struct mu_entrant *entrant,
                      uint32_t player, uint32_t team);

/* Adds a unit without asking whether it may stand, so that mu_candidate_judge() can say what stands
 * against it.  Returns whether it was added: not when the match would be too large altogether, or a
 * backfill's players are on teams that there are not. */
bool mu_candidate_put(struct mu_candidate *candidate, const struct mu_entrant *entrant,
                      uint32_t player, uint32_t team);

/* What of a candidate no further unit can mend, at the same age. */
struct mu_standing {
    bool room;        /* no team has too many players */
    bool roles;       /* each player has a role on his team, and those that lack may still come;
                       * of teams that have room */
    bool window;      /* each accepts everybody's rating */
    bool backfill;    /* there is one at most */
    uint64_t broken;  /* bit i: lasting rule i is broken */
    uint32_t reach;   /* bit i: all tickets reach region i; 0: they have none in common */
    uint32_t regions; /* of them, what lasting latency rules leave */
};

/* Why mu_candidate_add() would have refused what mu_candidate_put() put; of teams, it looks at all.
 * Returns whether nothing stands against more units.  O(rules * teams), or O(rules * players) with
 * rules over strings. */
bool mu_candidate_stands(struct mu_candidate *candidate, struct mu_standing *ret);

/* Takes unit out; the last one gets its number.  Moves it to another team.  Exchanges two.
 * These do not ask whether it may stand.  O(rules * players of the teams). */
void mu_candidate_remove(struct mu_candidate *candidate, uint32_t unit);
void mu_candidate_move(struct mu_candidate *candidate, uint32_t unit, uint32_t team);
void mu_candidate_exchange(struct mu_candidate *candidate, uint32_t a, uint32_t b);

/* How often a hard rule was asked where its answer decides: a lasting one, of each unit that
 * mu_candidate_add() was given, until one is broken; others, of each match with teams of the right
 * sizes that was judged. */
struct mu_rule_count {
    uint64_t passed;
    uint64_t failed;
};

/* [rules_count] by the index of rules, since the candidate was created: it counts one rule set. */
const struct mu_rule_count *mu_candidate_rule_counts(const struct mu_candidate *candidate);

uint32_t mu_candidate_count(const struct mu_candidate *candidate);   /* units */
uint32_t mu_candidate_players(const struct mu_candidate *candidate); /* players */
uint32_t mu_candidate_team_players(const struct mu_candidate *candidate, uint32_t team);
uint32_t mu_candidate_team(const struct mu_candidate *candidate, uint32_t unit); /* of a backfill:
                                                                                  MU_RULES_NONE */
const struct mu_entrant *mu_candidate_entrant(const struct mu_candidate *candidate, uint32_t unit);
uint32_t mu_candidate_player(const struct mu_candidate *candidate, uint32_t unit);

/* The age that counts: of the newest ticket in it, or of the oldest; of nobody, 0. */
int64_t mu_candidate_age(const struct mu_candidate *candidate);

/* What stands against it being a match. */
struct mu_verdict {
    bool legal;       /* nothing does */
    bool sizes;       /* each team has enough and not too many; the teams' number is right */
    bool fill;        /* it is full, or old enough not to be (fill_ms, prefer) */
    bool window;      /* each accepts everybody's rating (rules->window) */
    bool parties;     /* tickets that are split are whole, and their policy allows it */
    bool roles;       /* every team can fill its quotas */
    bool backfill;    /* at most one backfill, and not alone */
    uint64_t broken;  /* bit i: hard rule i is broken (children of compounds: as evaluated) */
    uint32_t regions; /* bit i: all may play in region i; 0: nowhere */
    double violation; /* 0 when legal; else how far from it: smaller is nearer */
};

/* Judges it as it stands.
 *
 * sizes      A team has players_min..players_max at the candidate's age.  Where teams may stay
 *            away, an empty one is no fault, and at least teams_min play.
 * fill       While the oldest ticket has waited less than fill_ms, the match must be full
 *            (mu_rules_players_max); else, while `prefer` is finite, have so many players, or be
 *            full.
 * broken     Hard rules that are not optional by then, and the children of their compounds.
 * regions    What reach_ms, latency_max_ms and the hard latency rules that stand leave.
 * violation  The sum of: players too few or too many, teams and fill; players and roles that lack
 *            each other; points out of the window, over its max; backfills too many, or one alone;
 *            1 for split parties; the excess of each standing hard rule; players who cannot play in
 *            the region that most can, at least 1, when there is none.
 * O(rules * teams), or O(rules * players) with rules over strings; more where none is left but a
 * violation is to be told. */
void mu_candidate_judge(struct mu_candidate *candidate, struct mu_verdict *ret);

/* The region in which it is best, of those in `regions` (not 0, asserted): with the largest sum of
 * nearness over players; in a large match, that is nearest for the most players, or (fastest) has
 * the least mean latency.  Equals: the least mean latency, then the first.
 * O(players * regions). */
uint32_t mu_candidate_region(const struct mu_candidate *candidate, uint32_t regions);

/* How good it is but for latency, 0..1: fairness, closeness, fullness (objective in rules.h), soft
 * rules, and 0.8 to the power of the mean choice of role (0: all have their first).  Multiplied by
 * an entrant's nearness in the region it is the quality for that ticket.  Nobody: 0.
 *
 * Fairness is over all pairs of teams that play (for_all: of players), exact up to 32 sides; more
 * are taken to be normally distributed.  Two teams are compared by the sums of their players'
 * ratings, so that one who is missing counts; but two of which one may have more players at that
 * age (five against one) by the means, times the mean of their sizes: what such numbers are worth,
 * the rules say, not the ratings.  Players of a ticket without facts all count with its mean.
 * O(teams^2) error functions up to 32 sides. */
double mu_candidate_quality(const struct mu_candidate *candidate);

/* The probability that the favourite of the most uneven pair of teams wins, 0.5..1. */
double mu_candidate_win_probability(const struct mu_candidate *candidate);

/* The role that each unit's players get (index into the quotas of their team, MU_RULES_NONE: it has
 * none); ret [players], units in order.  Only after a verdict with roles.
 *
 * Everybody on a team with quotas gets a role of his list, such that the sum over players of how
 * far down it stands there is least; a player without a list plays any. */
void mu_candidate_roles(const struct mu_candidate *candidate, uint32_t *ret);

#endif /* MU_ACTORS_CANDIDATE_H */
