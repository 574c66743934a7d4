/* actors/candidate_roles.c - who plays which role; see actors/candidate.h.
 *
 * A team's players and its quotas are an assignment problem: each player takes a role of his list,
 * no role has more than its max, each has its min, and the sum over players of how far down in his
 * list his role stands is least.  Players are assigned one after the other, each along the
 * cheapest chain of changes (successive shortest paths), which keeps the assignment of those that
 * are in optimal; a place below a role's min is cheaper than any sum of choices, so as many as
 * can be are filled.  There are few roles: a chain is found over roles, not players. */
#include "actors/candidate.h"

#include <string.h>

#include "actors/candidate_tally.h"
#include "actors/candidate_value.h"
#include "actors/facts_layout.h"

#define RANK_NEVER UINT8_MAX /* he does not play it */
#define COST_NEVER INT32_MAX
#define COST_MIN   (-1000000) /* of a place below min: less than any sum of ranks is much */
static_assert(MU_FACTS_STRINGS_MAX < RANK_NEVER, "a rank fits into a byte");
static_assert(MU_FACTS_STRINGS_MAX * MU_MATCH_PLAYERS_MAX < -COST_MIN, "min comes first");

/* The assignment of one team. */
struct solution {
    const struct mu_quota *quotas;
    uint32_t quotas_count;
    uint32_t count;                     /* players, in the scratch's ranks and role_of */
    uint32_t used[MU_RULES_QUOTAS_MAX]; /* players of each role */
    struct mu_scratch *scratch;
};

/* The cheapest changes: from role i to role j, and who makes it. */
struct changes {
    int32_t cost[MU_RULES_QUOTAS_MAX][MU_RULES_QUOTAS_MAX];
    uint8_t who[MU_RULES_QUOTAS_MAX][MU_RULES_QUOTAS_MAX];
};

/* How far down each role stands in the list of a player; one without a list plays anything. */
static void read_ranks(const struct solution *solution, const struct mu_facts *facts,
                       uint32_t player, uint32_t attribute, uint8_t *ret)
{
    uint32_t count;
    const uint64_t *roles = mu_facts_symbols(facts, player, attribute, &count, NULL);
    for (uint32_t i = 0; i < solution->quotas_count; i++) {
        ret[i] = count == 0 ? 0 : RANK_NEVER;
        for (uint32_t j = 0; j < count && ret[i] == RANK_NEVER; j++) {
            ret[i] = roles[j] == solution->quotas[i].symbol ? (uint8_t)j : RANK_NEVER;
        }
    }
}

static void find_changes(const struct solution *solution, struct changes *ret)
{
    const struct mu_scratch *scratch = solution->scratch;
    for (uint32_t i = 0; i < solution->quotas_count; i++) {
        for (uint32_t j = 0; j < solution->quotas_count; j++) {
            ret->cost[i][j] = COST_NEVER;
            ret->who[i][j] = 0;
        }
    }
    for (uint32_t k = 0; k < solution->count; k++) {
        uint32_t from = scratch->role_of[k];
        if (from == RANK_NEVER) {
            continue;
        }
        for (uint32_t j = 0; j < solution->quotas_count; j++) {
            int32_t cost = scratch->ranks[k][j] - scratch->ranks[k][from];
            if (scratch->ranks[k][j] != RANK_NEVER && cost < ret->cost[from][j]) {
                ret->cost[from][j] = cost;
                ret->who[from][j] = (uint8_t)k;
            }
        }
    }
}

/* What one more player in a role costs beyond his rank. */
static int32_t place_cost(const struct solution *solution, uint32_t role)
{
    if (solution->used[role] < solution->quotas[role].min) {
        return COST_MIN;
    }
    return solution->used[role] < solution->quotas[role].max ? 0 : COST_NEVER;
}

/* Cheapest ways into each role for the next player (Bellman-Ford); before[i]: the role from which
 * somebody makes room, or i itself. */
static void find_ways(const struct solution *solution, const struct changes *changes, int32_t *cost,
                      uint32_t *before)
{
    const uint8_t *ranks = solution->scratch->ranks[solution->count];
    uint32_t roles = solution->quotas_count;
    for (uint32_t i = 0; i < roles; i++) {
        cost[i] = ranks[i] == RANK_NEVER ? COST_NEVER : ranks[i];
        before[i] = i;
    }
    for (uint32_t round = 1; round < roles; round++) {
        for (uint32_t i = 0; i < roles; i++) {
            for (uint32_t j = 0; j < roles && cost[i] != COST_NEVER; j++) {
                if (changes->cost[i][j] != COST_NEVER && cost[i] + changes->cost[i][j] < cost[j]) {
                    cost[j] = cost[i] + changes->cost[i][j];
                    before[j] = i;
                }
            }
        }
    }
}

/* Assigns the next player; false: there is no role for him. */
static bool assign(struct solution *solution)
{
    struct changes changes;
    int32_t cost[MU_RULES_QUOTAS_MAX];
    uint32_t before[MU_RULES_QUOTAS_MAX];
    find_changes(solution, &changes);
    find_ways(solution, &changes, cost, before);
    uint32_t best = MU_RULES_NONE;
    int32_t least = COST_NEVER;
    for (uint32_t i = 0; i < solution->quotas_count; i++) {
        int32_t place = place_cost(solution, i);
        if (cost[i] != COST_NEVER && place != COST_NEVER && cost[i] + place < least) {
            least = cost[i] + place;
            best = i;
        }
    }
    uint8_t *role_of = solution->scratch->role_of;
    uint32_t player = solution->count++;
    role_of[player] = RANK_NEVER;
    if (best == MU_RULES_NONE) {
        return false;
    }
    solution->used[best]++;
    uint32_t role = best;
    while (before[role] != role) {
        role_of[changes.who[before[role]][role]] = (uint8_t)role;
        role = before[role];
    }
    role_of[player] = (uint8_t)role;
    return true;
}

/* Assigns all of a team, in the order of its seats.  Returns how many have no role. */
static uint32_t solve(const struct mu_candidate *candidate, uint32_t team, struct solution *ret)
{
    const struct mu_rules *rules = candidate->rules;
    const uint16_t *first;
    const struct mu_seat *seats = mu_tally_seats(candidate, &first);
    *ret = (struct solution){ .quotas = rules->teams[team].quotas,
                              .quotas_count = rules->teams[team].quotas_count,
                              .scratch = candidate->scratch };
    uint32_t unplaced = 0;
    for (uint32_t i = first[team]; i < first[team + 1]; i++) {
        const struct mu_facts *facts = candidate->units[seats[i].unit].entrant->facts;
        read_ranks(ret, facts, seats[i].player, rules->roles_attribute,
                   ret->scratch->ranks[ret->count]);
        unplaced += assign(ret) ? 0 : 1;
    }
    return unplaced;
}

void mu_candidate_roles_update(struct mu_candidate *candidate, uint32_t team)
{
    struct mu_team_tally *tally = &candidate->teams[team];
    tally->unplaced = 0;
    tally->unfilled = 0;
    tally->choices = 0;
    if (candidate->rules->teams[team].quotas_count == 0) {
        return;
    }
    struct solution solution;
    tally->unplaced = solve(candidate, team, &solution);
    for (uint32_t i = 0; i < solution.quotas_count; i++) {
        uint32_t min = solution.quotas[i].min;
        tally->unfilled += solution.used[i] < min ? min - solution.used[i] : 0;
    }
    for (uint32_t i = 0; i < solution.count; i++) {
        uint32_t role = solution.scratch->role_of[i];
        tally->choices += role != RANK_NEVER ? solution.scratch->ranks[i][role] : 0;
    }
}

void mu_candidate_roles(const struct mu_candidate *candidate, uint32_t *ret)
{
    uint32_t begins[MU_MATCH_PLAYERS_MAX]; /* of each unit in ret */
    uint32_t players = 0;
    for (uint32_t i = 0; i < candidate->units_count; i++) {
        begins[i] = players;
        players += candidate->units[i].players;
    }
    for (uint32_t i = 0; i < candidate->rules->teams_count; i++) {
        struct solution solution = { .count = 0 };
        if (candidate->rules->teams[i].quotas_count > 0) {
            (void)solve(candidate, i, &solution); /* the verdict said that all have one */
        }
        const uint16_t *first;
        const struct mu_seat *seats = mu_tally_seats(candidate, &first);
        for (uint32_t j = first[i]; j < first[i + 1]; j++) {
            const struct mu_unit *unit = &candidate->units[seats[j].unit];
            uint32_t at = unit->player == MU_RULES_NONE ? seats[j].player : 0;
            uint32_t role = MU_RULES_NONE;
            if (solution.count > 0) {
                role = candidate->scratch->role_of[j - first[i]];
            }
            ret[begins[seats[j].unit] + at] = role;
        }
    }
}
