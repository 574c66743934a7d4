/* tests/unit/candidate_oracle.h - a candidate's verdict, from the words of actors/rules.h and
 * actors/candidate.h: slow, from scratch, with lists as lists.  It reads the plain values of
 * tickets, not their facts. */
#ifndef MU_TESTS_UNIT_CANDIDATE_ORACLE_H
#define MU_TESTS_UNIT_CANDIDATE_ORACLE_H

#include "tests/unit/candidate_world.h"

enum { ORACLE_UNITS_MAX = 64 };

struct oracle_unit {
    const struct world_ticket *ticket;
    uint32_t player; /* MU_RULES_NONE: all */
    uint32_t team;   /* MU_RULES_NONE: a backfill */
};

struct oracle_match {
    const struct world *world;
    uint32_t units_count;
    struct oracle_unit units[ORACLE_UNITS_MAX];
};

struct oracle_verdict {
    struct mu_verdict verdict; /* violation is not computed */
    int64_t age_ms;
    double quality;
    double probability; /* of the favourite of the most uneven pair */
    double excess[MU_RULES_COUNT_MAX];
    uint32_t regions_lasting;          /* what more tickets cannot bring back is left out */
    uint32_t choices;                  /* sum of ranks of roles, when roles are possible */
    bool roles_hopeless[MU_TEAMS_MAX]; /* not even with more players */
    uint32_t players;                  /* in it */
    uint32_t team_players[MU_TEAMS_MAX];
};

void oracle_judge(const struct oracle_match *match, struct oracle_verdict *ret);

/* Whether the last unit may stand, as mu_candidate_add() says; *verdict is that with it. */
bool oracle_may_stand(const struct oracle_match *match, const struct oracle_verdict *verdict);

/* The region of those in `regions` (not 0) that mu_candidate_region() must choose. */
uint32_t oracle_region(const struct oracle_match *match, uint32_t regions);

/* Whether a player plays a role, and how far down in his list it stands. */
bool oracle_rank(const struct mu_rules *rules, const struct world_player *player, uint64_t role,
                 uint32_t *ret_rank);

/* The lasting rules that stand and are broken. */
uint64_t oracle_lasting(const struct oracle_match *match, const struct oracle_verdict *verdict);

#endif /* MU_TESTS_UNIT_CANDIDATE_ORACLE_H */
