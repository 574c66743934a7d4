/* actors/compose_large.c - matches of 41 players and more: which region, and evenness of one
 * attribute over the teams.
 *
 * Their rules are on all players or on single ones, never on teams, so that exchanges between teams
 * cost nothing but a look at two numbers. */
#include "actors/compose_private.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum {
    EXCHANGES_MAX = 400, /* of one match */
    BUNDLES_MAX = 40,    /* of them, of a party for several smaller ones */
};

#define GAIN_SHARE 1e-3 /* of the widest gap at first: evenness beyond that is none */

/* What the teams have of the attribute; a copy, for all pairs are looked at again and again. */
struct balance {
    uint32_t count;                       /* units */
    double values[MU_MATCH_PLAYERS_MAX];  /* [units]: sum over its players */
    uint32_t sizes[MU_MATCH_PLAYERS_MAX]; /* [units]: players; 0: must stay */
    uint32_t homes[MU_MATCH_PLAYERS_MAX]; /* [units]: team */
    double sums[MU_TEAMS_MAX];            /* [teams] */
    double players[MU_TEAMS_MAX];         /* [teams] */
    double gain_min;
    uint32_t bundles; /* exchanged */
};

/* What a unit, or one player of it, has of the attribute. */
static double value_of(const struct mu_composer *composer, uint32_t unit, uint32_t only)
{
    const struct mu_candidate *candidate = composer->candidate;
    const struct mu_entrant *entrant = mu_candidate_entrant(candidate, unit);
    uint32_t attribute = composer->rules->balanced;
    uint32_t player = only != MU_RULES_NONE ? only : mu_candidate_player(candidate, unit);
    double share = player == MU_RULES_NONE ? 1 : 1.0 / entrant->players;
    if (attribute == MU_RULES_NONE || entrant->facts == NULL) {
        return entrant->sum * share;
    }
    double sum = 0;
    for (uint32_t i = 0; i < entrant->facts->players_count; i++) {
        if (player == MU_RULES_NONE || player == i) {
            sum += mu_facts_number(entrant->facts, i, attribute);
        }
    }
    return sum;
}

/* Counts the players of a backfill where they sit. */
static void seat(const struct mu_composer *composer, uint32_t unit, struct balance *balance)
{
    const struct mu_entrant *entrant = mu_candidate_entrant(composer->candidate, unit);
    for (uint32_t i = 0; i < entrant->players; i++) {
        uint32_t team = entrant->facts == NULL ? MU_RULES_NONE : mu_facts_team(entrant->facts, i);
        if (team < composer->rules->teams_count) {
            balance->sums[team] += value_of(composer, unit, i);
            balance->players[team] += 1;
        }
    }
}

static void weigh(const struct mu_composer *composer, struct balance *balance)
{
    memset(balance, 0, sizeof *balance);
    balance->count = mu_candidate_count(composer->candidate);
    for (uint32_t i = 0; i < balance->count; i++) {
        uint32_t team = mu_candidate_team(composer->candidate, i);
        uint32_t players = mu_compose_unit_players(composer, i);
        balance->values[i] = value_of(composer, i, MU_RULES_NONE);
        balance->homes[i] = team;
        if (mu_compose_fixed(composer, i)) {
            seat(composer, i, balance);
            continue;
        }
        balance->sizes[i] = players;
        balance->sums[team] += balance->values[i];
        balance->players[team] += players;
    }
}

static double mean(const struct balance *balance, uint32_t team)
{
    return balance->sums[team] / balance->players[team];
}

/* The difference of two teams' means when so much goes from a to b. */
static double gap(const struct balance *balance, uint32_t a, uint32_t b, double moved)
{
    return fabs((balance->sums[a] - moved) / balance->players[a] -
                (balance->sums[b] + moved) / balance->players[b]);
}

/* Makes the exchange between two teams after which their means are nearest.  Returns whether one
 * helped. */
static bool exchange(struct mu_composer *composer, struct balance *balance, uint32_t high,
                     uint32_t low)
{
    double least = gap(balance, high, low, 0) - balance->gain_min;
    uint32_t best_a = balance->count;
    uint32_t best_b = balance->count;
    for (uint32_t a = 0; a < balance->count; a++) {
        if (balance->homes[a] != high || balance->sizes[a] == 0) {
            continue;
        }
        for (uint32_t b = 0; b < balance->count; b++) {
            if (balance->homes[b] != low || balance->sizes[a] != balance->sizes[b]) {
                continue;
            }
            double with = gap(balance, high, low, balance->values[a] - balance->values[b]);
            if (with < least) {
                least = with;
                best_a = a;
                best_b = b;
            }
        }
    }
    if (best_a == balance->count) {
        return false;
    }
    double moved = balance->values[best_a] - balance->values[best_b];
    balance->sums[high] -= moved;
    balance->sums[low] += moved;
    balance->homes[best_a] = low;
    balance->homes[best_b] = high;
    composer->steps++;
    mu_candidate_exchange(composer->candidate, best_a, best_b);
    return true;
}

/* A party of one team for as many players of another one, who came in smaller ones. */
struct bundle {
    uint32_t party; /* unit */
    uint32_t count;
    uint32_t units[MU_TICKET_PLAYERS_MAX];
    double gap; /* of the two teams' means after the exchange */
};

/* The units of a team, by value a player, in ret.  Returns how many. */
static uint32_t sort_team(const struct balance *balance, uint32_t team,
                          uint32_t ret[MU_MATCH_PLAYERS_MAX])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < balance->count; i++) {
        if (balance->homes[i] != team || balance->sizes[i] == 0) {
            continue;
        }
        double value = balance->values[i] / balance->sizes[i];
        uint32_t at = count++;
        for (; at > 0 && value < balance->values[ret[at - 1]] / balance->sizes[ret[at - 1]]; at--) {
            ret[at] = ret[at - 1];
        }
        ret[at] = i;
    }
    return count;
}

/* Of units that follow on each other, from `first` on, those that are as many players as the party.
 * Returns whether they are. */
static bool bundle_up(const struct balance *balance, const uint32_t *sorted, uint32_t count,
                      uint32_t first, struct bundle *bundle)
{
    uint32_t left = balance->sizes[bundle->party];
    bundle->count = 0;
    for (uint32_t i = first; i < count && left > 0; i++) {
        uint32_t players = balance->sizes[sorted[i]];
        if (players <= left && players < balance->sizes[bundle->party]) {
            bundle->units[bundle->count++] = sorted[i];
            left -= players;
        }
    }
    return left == 0;
}

static double value_of_bundle(const struct balance *balance, const struct bundle *bundle)
{
    double value = 0;
    for (uint32_t i = 0; i < bundle->count; i++) {
        value += balance->values[bundle->units[i]];
    }
    return value;
}

/* Makes the best exchange of a party of team a for smaller ones of team b.  Returns whether one
 * helped. */
static bool exchange_bundle(struct mu_composer *composer, struct balance *balance, uint32_t a,
                            uint32_t b)
{
    uint32_t sorted[MU_MATCH_PLAYERS_MAX];
    uint32_t count = sort_team(balance, b, sorted);
    struct bundle best = { .gap = gap(balance, a, b, 0) - balance->gain_min };
    for (uint32_t i = 0; i < balance->count; i++) {
        struct bundle bundle = { .party = i };
        for (uint32_t k = 0; k < count && balance->homes[i] == a && balance->sizes[i] > 1; k++) {
            if (!bundle_up(balance, sorted, count, k, &bundle)) {
                break; /* nor from further on */
            }
            double moved = balance->values[i] - value_of_bundle(balance, &bundle);
            bundle.gap = gap(balance, a, b, moved);
            best = bundle.gap < best.gap ? bundle : best;
        }
    }
    if (best.count == 0) {
        return false;
    }
    double moved = balance->values[best.party] - value_of_bundle(balance, &best);
    balance->sums[a] -= moved;
    balance->sums[b] += moved;
    balance->homes[best.party] = b;
    mu_candidate_move(composer->candidate, best.party, b);
    for (uint32_t i = 0; i < best.count; i++) {
        balance->homes[best.units[i]] = a;
        mu_candidate_move(composer->candidate, best.units[i], a);
    }
    composer->steps += 1 + best.count;
    balance->bundles++;
    return true;
}

/* Tries the most uneven pair of teams, then each of the two with every other one. */
static bool even_once(struct mu_composer *composer, struct balance *balance)
{
    uint32_t teams = composer->rules->teams_count;
    uint32_t high = teams;
    uint32_t low = teams;
    for (uint32_t i = 0; i < teams; i++) {
        if (balance->players[i] <= 0) {
            continue;
        }
        high = high == teams || mean(balance, i) > mean(balance, high) ? i : high;
        low = low == teams || mean(balance, i) < mean(balance, low) ? i : low;
    }
    if (high == low) {
        return false;
    }
    if (balance->gain_min <= 0) {
        balance->gain_min = GAIN_SHARE * gap(balance, high, low, 0) + DBL_MIN;
    }
    if (exchange(composer, balance, high, low)) {
        return true;
    }
    if (composer->parties && balance->bundles < BUNDLES_MAX &&
        (exchange_bundle(composer, balance, high, low) ||
         exchange_bundle(composer, balance, low, high))) {
        return true;
    }
    for (uint32_t i = 0; i < teams; i++) {
        if (i == high || i == low || balance->players[i] <= 0) {
            continue;
        }
        if (exchange(composer, balance, high, i) || exchange(composer, balance, i, low)) {
            return true;
        }
    }
    return false;
}

void mu_compose_even(struct mu_composer *composer)
{
    struct balance balance;
    weigh(composer, &balance);
    for (uint32_t i = 0; i < EXCHANGES_MAX && even_once(composer, &balance); i++) {}
}
