/* tests/unit/candidate_oracle_private.h - inside of the slow evaluation of candidates.
 *
 *   candidate_oracle.c        everything but rules: sizes, roles, quality ...
 *   candidate_oracle_value.c  what expressions measure
 *   candidate_oracle_rule.c   by how much a rule is broken */
#ifndef MU_TESTS_UNIT_CANDIDATE_ORACLE_PRIVATE_H
#define MU_TESTS_UNIT_CANDIDATE_ORACLE_PRIVATE_H

#include "tests/unit/candidate_oracle.h"
#include "tests/unit/candidate_tree.h"

/* A player on a team. */
struct seat {
    const struct world_ticket *ticket;
    const struct world_player *player;
    uint32_t team;
};

struct oracle {
    const struct oracle_match *match;
    const struct mu_rules *rules;
    int64_t age_ms;
    uint32_t seats_count;
    struct seat seats[MU_MATCH_PLAYERS_MAX];
    uint32_t team_players[MU_TEAMS_MAX];
    double plain; /* quality without soft rules and roles */
    double probability;
};

/* A value and how many lists are in each other in it. */
struct value {
    struct tree *tree; /* NULL: there is none */
    uint32_t depth;
};

/* The players that count for a player: his party, or himself.  Returns how many. */
uint32_t oracle_party(const struct seat *seat, const struct world_player **ret);

/* avg (or what is none of the others), min or max. */
double oracle_aggregate(const double *values, uint32_t count, enum mu_aggregation aggregation);

struct value oracle_value(const struct oracle *oracle, const struct mu_expression *expression,
                          enum mu_aggregation aggregation);

double oracle_rule_excess(const struct oracle *oracle, uint32_t index);

/* By how much a region is out of reach by a latency rule; INFINITY: for somebody entirely. */
double oracle_region_excess(const struct oracle *oracle, const struct mu_rule *rule,
                            uint32_t region);

/* Whether empty teams are not there. */
bool oracle_may_stay_away(const struct mu_rules *rules);

#endif /* MU_TESTS_UNIT_CANDIDATE_ORACLE_PRIVATE_H */
