/* actors/candidate_quality.c - how good a candidate is; see actors/candidate.h. */
#include "actors/candidate.h"

#include <math.h>

#include "actors/candidate_tally.h"
#include "actors/candidate_value.h"
#include "actors/engine_quality.h"

/* Sides up to which the imbalance is the exact mean over all pairs; more are taken to be normally
 * distributed (within about 0.02 of it; exact would be 20000 error functions for 200 players). */
#define EXACT_SIDES_MAX 32

/* What is left when every player has his second choice of role. */
#define ROLE_FACTOR 0.8

/* One of those that play against each other: a team, or a player. */
struct side {
    double sum;
    double variance;
    double players;
    uint32_t full; /* players that its team may have; 1 of a player */
};

/* Single players of a match of all against all. */
static uint32_t read_players(const struct mu_candidate *candidate, struct side *ret)
{
    const uint16_t *first;
    const struct mu_seat *seats = mu_tally_seats(candidate, &first);
    for (uint32_t i = 0; i < candidate->totals.players; i++) {
        const struct mu_unit *unit = &candidate->units[seats[i].unit];
        ret[i].players = 1;
        ret[i].full = 1;
        if (unit->players == 1) {
            ret[i].sum = unit->sum;
            ret[i].variance = unit->variance;
        } else {
            ret[i].sum = mu_tally_player(unit->entrant, seats[i].player, &ret[i].variance);
        }
    }
    return candidate->totals.players;
}

/* Everybody that plays against somebody; ret [MU_MATCH_PLAYERS_MAX]. */
static uint32_t read_sides(const struct mu_candidate *candidate, struct side *ret)
{
    const struct mu_rules *rules = candidate->rules;
    if (rules->for_all) {
        return read_players(candidate, ret);
    }
    int64_t age_ms = mu_candidate_age(candidate);
    uint32_t count = 0;
    uint32_t full = 0;
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        const struct mu_team_tally *team = &candidate->teams[i];
        if (i == 0 || !rules->alike) {
            full = mu_team_max(rules, i, age_ms);
        }
        if (team->players > 0) {
            ret[count++] = (struct side){ team->sum, team->variance, (double)team->players, full };
        }
    }
    return count;
}

/* Where one may have more players than the other, how many each has is the rules' affair. */
static double pair_imbalance(const struct mu_objective *objective, const struct side *a,
                             const struct side *b)
{
    double players = a->players + b->players;
    double difference = a->sum - b->sum;
    if (a->full != b->full) {
        difference = (a->sum / a->players - b->sum / b->players) * players / 2;
    }
    return mu_quality_imbalance(objective, difference, players, a->variance + b->variance);
}

/* Whether all of them may have as many players. */
static bool are_of_one_size(const struct side *sides, uint32_t count)
{
    uint32_t i = 1;
    while (i < count && sides[i].full == sides[0].full) {
        i++;
    }
    return i >= count;
}

static double strength(const struct side *side, bool sum, double players)
{
    return sum ? side->sum : side->sum / side->players * players;
}

/* Many sides: by the standard deviation of their sums (of different sizes: of their means, times
 * the mean size), at their mean size; doubt about ratings is a wider performance. */
static double crowd_imbalance(const struct mu_objective *objective, const struct side *sides,
                              uint32_t count)
{
    double n = (double)count;
    double mean = 0;
    double players = 0;
    double variance = 0;
    bool sums = are_of_one_size(sides, count);
    for (uint32_t i = 0; i < count; i++) {
        players += sides[i].players / n;
        variance += sides[i].variance / n;
    }
    for (uint32_t i = 0; i < count; i++) {
        mean += strength(&sides[i], sums, players) / n;
    }
    double squares = 0;
    for (uint32_t i = 0; i < count; i++) {
        double beyond = strength(&sides[i], sums, players) - mean;
        squares += beyond * beyond / n;
    }
    double beta = objective->beta;
    double wider = sqrt(1 + objective->uncertainty * variance / (beta * beta * players));
    return mu_quality_imbalance_crowd(objective, sqrt(squares) / wider, players);
}

static double imbalance_of(const struct mu_candidate *candidate)
{
    struct side sides[MU_MATCH_PLAYERS_MAX];
    const struct mu_objective *objective = &candidate->rules->objective;
    uint32_t count = read_sides(candidate, sides);
    if (count < 2) {
        return 0;
    }
    if (count > EXACT_SIDES_MAX) {
        return crowd_imbalance(objective, sides, count);
    }
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            sum += pair_imbalance(objective, &sides[i], &sides[j]);
        }
    }
    return sum / ((double)count * (double)(count - 1) / 2);
}

double mu_candidate_win_probability(const struct mu_candidate *candidate)
{
    struct side sides[MU_MATCH_PLAYERS_MAX];
    uint32_t count = read_sides(candidate, sides);
    double worst = 0;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            worst = fmax(worst, pair_imbalance(&candidate->rules->objective, &sides[i], &sides[j]));
        }
    }
    return (1 + worst) / 2;
}

double mu_candidate_quality_plain(const struct mu_candidate *candidate)
{
    const struct mu_rules *rules = candidate->rules;
    const struct mu_objective *objective = &rules->objective;
    if (candidate->totals.players == 0) {
        return 0;
    }
    double players = (double)candidate->totals.players;
    double sum = 0;
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        sum += candidate->teams[i].sum;
    }
    double mean = sum / players;
    double variance = fmax(candidate->totals.squares / players - mean * mean, 0);
    int64_t age_ms = mu_candidate_age(candidate);
    uint32_t full = rules->alike ? mu_team_max(rules, 0, age_ms) * rules->teams_count
                                 : mu_rules_players_max(rules, age_ms);
    return mu_quality_fairness(objective, imbalance_of(candidate)) *
           mu_quality_closeness(objective, variance) *
           mu_quality_fullness(objective, players, (double)full);
}

/* What soft rules leave of the quality. */
static double soft_factor(const struct mu_candidate *candidate)
{
    double factor = 1;
    int64_t age_ms = mu_candidate_age(candidate);
    for (uint64_t rest = candidate->soft; rest != 0; rest &= rest - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(rest);
        const struct mu_rule *rule = &candidate->rules->rules[i];
        if (age_ms < rule->optional_after_ms) {
            double excess = mu_candidate_excess(candidate, i, age_ms);
            factor *= excess > 0 ? pow(1 / (1 + excess), rule->weight) : 1;
        }
    }
    return factor;
}

double mu_candidate_quality(const struct mu_candidate *candidate)
{
    double quality = mu_candidate_quality_plain(candidate);
    if (candidate->soft != 0) {
        quality *= soft_factor(candidate);
    }
    uint32_t choices = 0;
    for (uint32_t i = 0; i < candidate->rules->teams_count && candidate->roles; i++) {
        choices += candidate->teams[i].choices;
    }
    if (choices > 0) {
        quality *= pow(ROLE_FACTOR, (double)choices / (double)candidate->totals.players);
    }
    return quality;
}

/* What a region is worth to a candidate: larger is better, in the first that differs. */
struct worth {
    double first;
    double second;
};

/* The region of a ticket with the lowest latency, of those that count. */
static uint32_t nearest(const struct mu_candidate *candidate, const struct mu_entrant *entrant)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < candidate->regions_count; i++) {
        best = entrant->reach_ms[i] < entrant->reach_ms[best] ? i : best;
    }
    return best;
}

/* Where it is nearest for the most players; or nearest on the whole; or best for its quality. */
static struct worth worth_of(const struct mu_candidate *candidate, uint32_t region)
{
    const struct mu_rules *rules = candidate->rules;
    bool most = rules->large && !mu_rules_fastest(rules, mu_candidate_age(candidate));
    struct worth worth = { 0, 0 };
    for (uint32_t i = 0; i < candidate->units_count; i++) {
        const struct mu_unit *unit = &candidate->units[i];
        const struct mu_entrant *entrant = unit->entrant;
        double players = (double)unit->players;
        worth.second -= players * (double)entrant->reach_ms[region];
        if (!rules->large) {
            worth.first += players * (double)entrant->nearness[region];
        } else if (most && nearest(candidate, entrant) == region) {
            worth.first += players;
        }
    }
    return worth;
}

uint32_t mu_candidate_region(const struct mu_candidate *candidate, uint32_t regions)
{
    assert(regions != 0);
    assert(candidate->regions_count == 32 || regions >> candidate->regions_count == 0);
    uint32_t best = MU_RULES_NONE;
    struct worth best_worth = { -HUGE_VAL, -HUGE_VAL };
    for (uint32_t i = 0; i < candidate->regions_count; i++) {
        if ((regions >> i & 1) == 0) {
            continue;
        }
        struct worth worth = worth_of(candidate, i);
        /* Sums of the same in another order must not choose another region. */
        double ahead = worth.first - best_worth.first;
        if (best == MU_RULES_NONE || ahead > 1e-9 ||
            (ahead >= -1e-9 && worth.second > best_worth.second)) {
            best = i;
            best_worth = worth;
        }
    }
    assert(best != MU_RULES_NONE);
    return best;
}
