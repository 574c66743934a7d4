/* actors/compose_private.h - inside the composer: what its files share.  Others use
 * actors/compose.h.
 *
 * An entrant is an index into the request's; its rank says how much it is wanted, 0: the anchor.
 * The state of an attempt is the candidate, with the entrant of each of its units beside it.  A
 * state is *clean*: no lasting rule is broken in it, no team is too large, somewhere all may play.
 * Steps that would make it unclean are taken back at once, so that every state can be made again by
 * adding its units. */
#ifndef MU_ACTORS_COMPOSE_PRIVATE_H
#define MU_ACTORS_COMPOSE_PRIVATE_H

#include <assert.h>

#include "actors/compose.h"

enum {
    MU_COMPOSE_CLASSES_MAX = 64, /* of teams that differ; all beyond share the last */
    MU_COMPOSE_NEAR_MAX = 64,    /* neighbours outside the candidate that one step looks at */
};

/* How good a state is. */
struct mu_compose_score {
    bool legal;
    double violation; /* of a state that is not; else 0 */
    double size;      /* players, or minus the distance from those that are preferred; 0 with
                       * reservations */
    double worth;     /* mean quality; surplus per player with reservations */
    double order;     /* sum of its players' ranks: less is better */
    double quality;   /* mean over its players, 0..1 */
    uint32_t players;
    uint32_t region; /* when legal */
};

/* A state to go back to. */
struct mu_compose_kept {
    struct mu_compose_score score;
    uint32_t count;                          /* units; 0: there is none */
    uint16_t entrants[MU_MATCH_PLAYERS_MAX]; /* [count] */
    uint16_t players[MU_MATCH_PLAYERS_MAX];  /* [count]: which player, MU_COMPOSE_WHOLE: all */
    uint16_t teams[MU_MATCH_PLAYERS_MAX];    /* [count] */
};
#define MU_COMPOSE_WHOLE UINT16_MAX

/* Where an entrant that was taken out had been. */
struct mu_compose_place {
    uint32_t entrant;
    uint32_t count;                          /* units */
    uint32_t players[MU_TICKET_PLAYERS_MAX]; /* MU_RULES_NONE: all */
    uint32_t teams[MU_TICKET_PLAYERS_MAX];   /* of each unit */
};

struct mu_composer {
    const struct mu_compose_request *request;
    const struct mu_rules *rules;
    struct mu_candidate *candidate;
    uint32_t steps;
    uint32_t steps_max;   /* of what goes on now; at most the request's effort */
    uint64_t lasting;     /* bit i: rule i is hard, stands alone, and is lasting */
    bool sorted;          /* sort rules say who is wanted */
    bool parties;         /* some entrant has several players */
    uint32_t players_all; /* of all entrants */
    uint32_t classes_count;
    uint8_t class_of[MU_TEAMS_MAX];              /* [teams] */
    uint8_t class_first[MU_COMPOSE_CLASSES_MAX]; /* [classes]: a team of it */
    uint16_t wanted[MU_COMPOSE_ENTRANTS_MAX];    /* [count] entrants, the anchor first */
    uint16_t rank[MU_COMPOSE_ENTRANTS_MAX];      /* [count]: inverse of wanted */
    double sort_keys[MU_COMPOSE_ENTRANTS_MAX];   /* [count]: of one sort rule */
    uint32_t regions[MU_COMPOSE_ENTRANTS_MAX];   /* [count]: where it may play; when known */
    bool regions_known;
    uint64_t breaks[MU_COMPOSE_ENTRANTS_MAX]; /* [count]: rules that it and the anchor break, just
                                               * the two; mu_compose_breaks() */

    /* Of the attempt. */
    bool complete;     /* nothing is better than the best so far, every way has been tried */
    bool elsewhere;    /* the best so far may be bettered in another region, whatever its size */
    bool apart;        /* the anchor's players are units */
    uint32_t backfill; /* the one that may be in, or MU_RULES_NONE */
    bool eligible[MU_COMPOSE_ENTRANTS_MAX]; /* [count]: may be in as far as this search goes */
    bool usable[MU_COMPOSE_ENTRANTS_MAX];   /* [count]: of them, may be in this attempt */
    uint64_t fits[MU_COMPOSE_ENTRANTS_MAX]; /* [count]: bit: may stand in a team of that class */
    uint32_t teams_first;                   /* teams_open at the beginning */
    uint32_t teams_open;                    /* the first ones may be filled */
    bool bounds_known;
    int64_t bounds_age_ms;                /* of team_min and team_max, when bounds_known */
    uint16_t team_min[MU_TEAMS_MAX];      /* [teams] */
    uint16_t team_max[MU_TEAMS_MAX];      /* [teams] */
    bool in[MU_COMPOSE_ENTRANTS_MAX];     /* [count]: is in the candidate */
    uint16_t units[MU_MATCH_PLAYERS_MAX]; /* [units of the candidate]: its entrant */

    struct mu_compose_kept best;       /* of all attempts, legal */
    struct mu_compose_kept here;       /* of the attempt: where it stands */
    struct mu_compose_kept mended;     /* of mending: the nearest to legal */
    struct mu_compose_kept omitted;    /* of leaving one out: the best */
    struct mu_compose_kept shifted[2]; /* of one exchange: before, after */
    struct mu_compose_kept trial;      /* of one step */
};

/* compose.c. */

/* Sets up everything for a request, with an empty candidate. */
void mu_compose_begin(struct mu_composer *composer, const struct mu_compose_request *request,
                      struct mu_candidate *candidate);

/* Whether the best so far leaves nothing to be wished for. */
bool mu_compose_ideal(const struct mu_composer *composer);

/* compose_attempt.c. */

/* Looks for a match of those that are eligible, with the anchor on that team (MU_RULES_NONE: on
 * any); a better one than the best so far takes its place. */
void mu_compose_attempt(struct mu_composer *composer, uint32_t team);

/* compose_units.c. */

static inline const struct mu_entrant *mu_compose_entrant(const struct mu_composer *composer,
                                                          uint32_t entrant)
{
    assert(entrant < composer->request->count);
    return composer->request->entrants[entrant];
}

/* Whether the steps are used up. */
static inline bool mu_compose_spent(const struct mu_composer *composer)
{
    return composer->steps >= composer->steps_max;
}

/* Whether its players are units of their own. */
bool mu_compose_spans(const struct mu_composer *composer, uint32_t entrant);

/* Empties the candidate. */
void mu_compose_clear(struct mu_composer *composer);

/* Adds one unit: all of an entrant, or one player of it.  Returns whether it may stand. */
bool mu_compose_add(struct mu_composer *composer, uint32_t entrant, uint32_t player, uint32_t team);

/* Removes one unit; the last one gets its number. */
void mu_compose_remove(struct mu_composer *composer, uint32_t unit);

/* Players of a unit. */
uint32_t mu_compose_unit_players(const struct mu_composer *composer, uint32_t unit);

/* Puts an entrant in: into `team`, or into the first team that will have it of those that come to
 * mind (compose_fill.c) when it is MU_RULES_NONE; the players of one that spans each into such a
 * one.  Returns whether it is in. */
bool mu_compose_put(struct mu_composer *composer, uint32_t entrant, uint32_t team);

/* Takes an entrant out that is in, and puts it back where it was; nothing may have changed between
 * but what was taken back too. */
void mu_compose_take(struct mu_composer *composer, uint32_t entrant, struct mu_compose_place *ret);
void mu_compose_untake(struct mu_composer *composer, const struct mu_compose_place *place);

/* Judges the state.  Returns the violation, 0: legal; INFINITY: it is not even clean. */
double mu_compose_violation(struct mu_composer *composer);

/* Judges the state and says how good it is. */
void mu_compose_rate(struct mu_composer *composer, struct mu_compose_score *ret);

/* Whether a is better than b. */
bool mu_compose_better(const struct mu_compose_score *a, const struct mu_compose_score *b);

/* Remembers the state. */
void mu_compose_keep(const struct mu_composer *composer, const struct mu_compose_score *score,
                     struct mu_compose_kept *ret);

/* Makes a state again.  Returns whether that is possible: it is with all that are clean but for the
 * roles of their teams, which an exchange may have broken. */
bool mu_compose_restore(struct mu_composer *composer, const struct mu_compose_kept *kept);

/* Goes back to a state that has been one before. */
void mu_compose_return(struct mu_composer *composer, const struct mu_compose_kept *kept);

/* Whether the unit must stay where it is: of a backfill. */
bool mu_compose_fixed(const struct mu_composer *composer, uint32_t unit);

/* compose_fill.c. */

/* The teams' bounds at the candidate's age, in team_min and team_max. */
void mu_compose_bounds(struct mu_composer *composer);

/* Puts entrants in, in the order in which they are wanted, until all teams are full or
 * `tries_max` of those that were outside have been tried. */
void mu_compose_fill(struct mu_composer *composer, uint32_t tries_max);

/* Takes out what stands in teams that need not play and are too small. */
void mu_compose_trim(struct mu_composer *composer);

/* Tries the teams that come to mind for it.  Returns whether it is in one. */
bool mu_compose_place(struct mu_composer *composer, uint32_t entrant, uint32_t player);

/* compose_plan.c. */

/* Fills anew, so that the sizes of parties add up; the anchor is in already, alone.  Returns
 * whether sizes add up at all. */
bool mu_compose_plan(struct mu_composer *composer);

/* compose_mend.c. */

/* Goes towards legal from the state it is in.  Returns whether it is legal. */
bool mu_compose_mend(struct mu_composer *composer);

/* Exchanges or moves units between teams while that lowers the violation.  Returns what is left of
 * it. */
double mu_compose_shuffle(struct mu_composer *composer, double violation);

/* compose_improve.c. */

/* Goes from a legal state, which is composer->here, to better ones. */
void mu_compose_improve(struct mu_composer *composer);

/* Looks for better ones than the best so far, which need not be there, beyond its neighbourhood. */
void mu_compose_polish(struct mu_composer *composer);

/* compose_exact.c. */

/* Whether there are so few neighbours that every way can be tried; or nearly, when it is for want
 * of any. */
bool mu_compose_few(const struct mu_composer *composer, bool want);

/* Tries every way; the best legal one is in composer->best when it is better than what was. */
void mu_compose_exact(struct mu_composer *composer);

/* compose_survey.c. */

/* The greatest age that a match with the anchor can have. */
int64_t mu_compose_age_max(const struct mu_composer *composer);

/* Finds on which kinds of teams each neighbour may stand beside the anchor (which is in, alone but
 * for a backfill); those that may on none are not usable. */
void mu_compose_survey(struct mu_composer *composer);

/* Whether those that are usable are too few for some kind of team, or for the smallest match. */
bool mu_compose_short(struct mu_composer *composer);

/* Sets breaks, for those that are eligible; who cannot stand beside the anchor is not any more. */
void mu_compose_breaks(struct mu_composer *composer);

/* Sets regions, once a request. */
void mu_compose_regions(struct mu_composer *composer);

/* compose_large.c. */

/* Evens out the attribute of large matches (or the rating) over the teams by exchanges. */
void mu_compose_even(struct mu_composer *composer);

/* compose_order.c. */

/* Sets wanted and rank. */
void mu_compose_order(struct mu_composer *composer);

#endif /* MU_ACTORS_COMPOSE_PRIVATE_H */
