/* actors/candidate_tally.h - inside of a candidate: what is kept of its units, team by team.
 *
 *   candidate.c          units in and out
 *   candidate_tally.c    sums and extremes of teams and of the match
 *   candidate_value.c    expressions of rules into values
 *   candidate_reduce.c   their functions
 *   candidate_rule.c     by how much a rule is broken
 *   candidate_judge.c    the verdict
 *   candidate_quality.c  how good it is
 *   candidate_roles.c    who plays which role
 *
 * Numbers that rules measure come from *sources*: a property of players with a way to aggregate
 * parties.  For each source and team a cell keeps sum and extremes, so most measurements need no
 * look at players; strings are few and are looked at where they are. */
#ifndef MU_ACTORS_CANDIDATE_TALLY_H
#define MU_ACTORS_CANDIDATE_TALLY_H

#include <assert.h>

#include "actors/candidate.h"

/* A property of players: one of the attributes, the rating, or the deviation. */
#define MU_SOURCE_PROPERTIES (MU_RULES_ATTRIBUTES_MAX + 2)
#define MU_SOURCES_MAX       (MU_SOURCE_PROPERTIES * 3)
#define MU_SOURCE_NONE       UINT8_MAX
static_assert(MU_SOURCES_MAX < MU_SOURCE_NONE, "an index fits into a byte");

struct mu_source {
    uint32_t property;               /* attribute; or behind them the rating, the deviation */
    enum mu_aggregation aggregation; /* AVG, MIN or MAX */
};

/* A source over the players of a team, who are at least one. */
struct mu_cell {
    double sum;
    double min;
    double max;
};

struct mu_unit {
    const struct mu_entrant *entrant;
    uint32_t player; /* of it; MU_RULES_NONE: all */
    uint32_t team;   /* MU_RULES_NONE: a backfill, see its facts */
    uint32_t players;
    uint32_t regions; /* bit i: may play in region i, by reach and the mode's bound */
    int64_t low;      /* ratings that it accepts, points; with rules->window */
    int64_t high;
    double sum; /* of effective ratings */
    double squares;
    double variance;
};

struct mu_team_tally {
    uint32_t players;
    uint32_t unplaced; /* players for whom there is no role */
    uint32_t unfilled; /* roles that lack players */
    uint32_t choices;  /* sum over players of how far down in his list his role is */
    double sum;        /* of effective ratings */
    double variance;
};

/* What a whole match has of its units. */
struct mu_totals {
    int64_t age_min;
    int64_t age_max;
    uint32_t players;
    uint32_t backfills;
    uint32_t split;   /* units that are one player of a party */
    uint32_t regions; /* common to all units */
    int64_t low_max;  /* the narrowest bands */
    int64_t high_min;
    int64_t rating_min; /* of tickets' means */
    int64_t rating_max;
    double squares;
};

/* A region's latencies, each player with that of his party. */
struct mu_latency_tally {
    double best;
    double worst; /* INFINITY: somebody did not say */
    double sum;
};

/* A player's place on a team. */
struct mu_seat {
    uint16_t unit;
    uint16_t player; /* of the entrant */
};

struct mu_scratch;

struct mu_candidate {
    const struct mu_rules *rules;
    uint32_t regions_count;
    int64_t now_ms;
    uint32_t units_count;
    uint32_t sources_count;
    uint32_t latencies; /* bit MU_AGGREGATE_...: some rule asks for it */
    bool roles;         /* some team has quotas */
    uint64_t hard;      /* bit i: rule i counts on its own, until it is optional */
    uint64_t soft;      /* bit i: rule i lowers the quality, until it is optional */
    uint64_t lasting;   /* those of `hard` that are */
    struct mu_totals totals;
    uint8_t source_of[MU_SOURCE_PROPERTIES][3]; /* index of a source, or MU_SOURCE_NONE */
    struct mu_source sources[MU_SOURCES_MAX];
    struct mu_latency_tally latency[3][MU_REGIONS_MAX]; /* by aggregation */
    struct mu_team_tally teams[MU_TEAMS_MAX];
    struct mu_unit units[MU_MATCH_PLAYERS_MAX];
    struct mu_cell cells[MU_TEAMS_MAX * MU_SOURCES_MAX];   /* [teams][sources_count] */
    double numbers[MU_MATCH_PLAYERS_MAX * MU_SOURCES_MAX]; /* [units][sources_count] */
    struct mu_rule_count counts[MU_RULES_COUNT_MAX];
    struct mu_scratch *scratch; /* apart, as functions that only look need it too */
};

/* Reads rules: sources, and which rules count how.  O(rules); nothing when there are none. */
void mu_tally_prepare(struct mu_candidate *candidate);

/* The source of a numeric property for a rule; it exists. */
uint32_t mu_tally_source(const struct mu_candidate *candidate,
                         const struct mu_expression *expression, enum mu_aggregation aggregation);

/* Whether a property is a number (or only to be counted). */
bool mu_tally_is_number(const struct mu_rules *rules, const struct mu_expression *expression);

/* Fills in what follows from entrant, player and team of a unit. */
void mu_tally_unit(const struct mu_candidate *candidate, struct mu_unit *unit);

/* Reads the numbers of all sources for a player of facts, or for a whole party (MU_RULES_NONE);
 * ret [sources_count]. */
void mu_tally_numbers(const struct mu_candidate *candidate, const struct mu_facts *facts,
                      uint32_t player, double *ret);

/* Adds the last unit to its teams and to the totals. */
void mu_tally_add(struct mu_candidate *candidate);

/* Makes a team, or the totals, from scratch.  O(units). */
void mu_tally_team(struct mu_candidate *candidate, uint32_t team);
void mu_tally_totals(struct mu_candidate *candidate);

/* A player's effective rating (and squared deviation): his rating, and an equal part of what his
 * ticket plays above its ratings; without facts, the ticket's mean. */
double mu_tally_player(const struct mu_entrant *entrant, uint32_t player, double *ret_variance);

/* The seats of all teams: those of team i are ret_first[i] .. ret_first[i + 1] - 1; kept until the
 * candidate changes.  O(players + teams) when it has. */
const struct mu_seat *mu_tally_seats(const struct mu_candidate *candidate,
                                     const uint16_t **ret_first);

/* By how much rule `index` is broken at that age: 0 it holds, else > 0, at most MU_EXCESS_MAX. */
#define MU_EXCESS_MAX 1000.0
double mu_candidate_excess(const struct mu_candidate *candidate, uint32_t index, int64_t age_ms);

/* Forgets what mu_candidate_excess() has found: the candidate, or the age, is another. */
void mu_candidate_excess_reset(const struct mu_candidate *candidate);

/* Regions that a latency rule leaves at that age: bit i. */
uint32_t mu_candidate_latency_regions(const struct mu_candidate *candidate,
                                      const struct mu_rule *rule, int64_t age_ms);

/* Solves the roles of a team again. */
void mu_candidate_roles_update(struct mu_candidate *candidate, uint32_t team);

/* The quality without soft rules and roles. */
double mu_candidate_quality_plain(const struct mu_candidate *candidate);

#endif /* MU_ACTORS_CANDIDATE_TALLY_H */
