/* tests/unit/candidate_party.h - what the test of candidates makes its matches of: rules of a mode,
 * and parties from their ratings. */
#ifndef MU_TESTS_UNIT_CANDIDATE_PARTY_H
#define MU_TESTS_UNIT_CANDIDATE_PARTY_H

#include <math.h>
#include <string.h>

#include "actors/candidate.h"
#include "tests/unit/unit.h"

enum { REGIONS = 2, ENTRANTS_MAX = 200, FACTS_WORDS = 1024 };

static struct mu_rules rules;
static struct mu_config config;
static struct mu_candidate *candidate;
static const uint16_t reach_ms[REGIONS] = { 20, 60 };
static const float nearness[REGIONS] = { 1, 0.5f };
static struct mu_entrant entrants[ENTRANTS_MAX];
static uint64_t facts[ENTRANTS_MAX][FACTS_WORDS];

static inline struct mu_limit fixed(double value)
{
    return (struct mu_limit){ .value = value };
}

/* Rules of a mode: `teams` teams of min..max players. */
static inline void set_rules(uint32_t teams, uint32_t min, uint32_t max)
{
    memset(&rules, 0, sizeof rules);
    rules.teams_count = teams;
    rules.teams_min = teams;
    rules.alike = true;
    for (uint32_t i = 0; i < teams; i++) {
        rules.teams[i].players_min = fixed(min);
        rules.teams[i].players_max = fixed(max);
        (void)snprintf(rules.teams[i].name, sizeof rules.teams[i].name, "t%u", (unsigned)i);
    }
    rules.prefer = fixed(HUGE_VAL);
    rules.roles_attribute = MU_RULES_NONE;
    rules.balanced = MU_RULES_NONE;
    rules.objective = (struct mu_objective){ .beta = 200,
                                             .imbalance_weight = 1,
                                             .spread = 300,
                                             .fairness = 1,
                                             .closeness = 1,
                                             .fullness = 1 };
}

static inline void begin(int64_t now_ms)
{
    mu_candidate_begin(candidate, &rules, REGIONS, now_ms);
}

/* A party of players with these ratings, divided by '+', effective ones. */
static inline struct mu_entrant *make_party(uint32_t index, const char *ratings)
{
    static const double bonus[] = { 0, 0, 15, 30, 45, 60 };
    double values[MU_TICKET_PLAYERS_MAX];
    struct mu_entrant *entrant = &entrants[index];
    *entrant = (struct mu_entrant){ .reach_ms = reach_ms, .nearness = nearness };
    const char *at = ratings;
    double sum = 0;
    for (;;) {
        char *end;
        values[entrant->players++] = strtod(at, &end);
        sum += values[entrant->players - 1];
        if (*end != '+') {
            break;
        }
        at = end + 1;
    }
    entrant->rating = (int32_t)(sum / (double)entrant->players);
    for (uint32_t i = 0; i < entrant->players; i++) {
        double effective = values[i] + bonus[entrant->players];
        entrant->sum += effective;
        entrant->squares += effective * effective;
    }
    return entrant;
}

/* The same with facts, from details. */
static inline struct mu_entrant *make_ticket(uint32_t index, const char *ratings,
                                             const char *details)
{
    struct mu_entrant *entrant = make_party(index, ratings);
    struct mu_facts_player players[MU_TICKET_PLAYERS_MAX];
    char ids[MU_TICKET_PLAYERS_MAX][16];
    struct mu_facts_fault fault;
    for (uint32_t i = 0; i < entrant->players; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "p%u-%u", (unsigned)index, (unsigned)i);
        players[i] = (struct mu_facts_player){ .id = ids[i], .rating = entrant->rating };
    }
    void *block = facts[index];
    assert_int_equal(mu_facts_read(&rules, &config, players, entrant->players, details,
                                   strlen(details), &fault, block, sizeof facts[index]),
                     0);
    entrant->facts = block;
    return entrant;
}

#endif /* MU_TESTS_UNIT_CANDIDATE_PARTY_H */
