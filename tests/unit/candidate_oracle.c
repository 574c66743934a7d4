/* tests/unit/candidate_oracle.c - a candidate's verdict, slowly; see candidate_oracle.h. */
#include "tests/unit/candidate_oracle.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "tests/unit/candidate_oracle_private.h"

static void take_seats(struct oracle *oracle)
{
    const struct oracle_match *match = oracle->match;
    for (uint32_t i = 0; i < match->units_count; i++) {
        const struct oracle_unit *unit = &match->units[i];
        for (uint32_t j = 0; j < unit->ticket->entrant.players; j++) {
            const struct world_player *player = &unit->ticket->players[j];
            if (unit->player == MU_RULES_NONE || unit->player == j) {
                uint32_t team = unit->team == MU_RULES_NONE ? player->team : unit->team;
                oracle->seats[oracle->seats_count++] = (struct seat){ unit->ticket, player, team };
                oracle->team_players[team]++;
            }
        }
    }
}

bool oracle_may_stay_away(const struct mu_rules *rules)
{
    return rules->teams_min < rules->teams_count;
}

static int64_t age_of(const struct oracle *oracle)
{
    const struct oracle_match *match = oracle->match;
    int64_t age_ms = 0;
    for (uint32_t i = 0; i < match->units_count; i++) {
        int64_t age = match->world->now_ms - match->units[i].ticket->entrant.since_ms;
        bool takes = oracle->rules->oldest_age ? age > age_ms : age < age_ms;
        age_ms = i == 0 || takes ? age : age_ms;
    }
    return age_ms;
}

static bool sizes_hold(const struct oracle *oracle)
{
    const struct mu_rules *rules = oracle->rules;
    uint32_t playing = 0;
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        uint32_t players = oracle->team_players[i];
        playing += players > 0 ? 1 : 0;
        if (players == 0 && oracle_may_stay_away(rules)) {
            continue;
        }
        if (players < mu_team_min(rules, i, oracle->age_ms) ||
            players > mu_team_max(rules, i, oracle->age_ms)) {
            return false;
        }
    }
    return oracle->seats_count > 0 && (!oracle_may_stay_away(rules) || playing >= rules->teams_min);
}

static bool fill_holds(const struct oracle *oracle)
{
    const struct mu_rules *rules = oracle->rules;
    const struct oracle_match *match = oracle->match;
    uint32_t full = mu_rules_players_max(rules, oracle->age_ms);
    bool waits = rules->fill_ms > 0 && match->units_count > 0;
    for (uint32_t i = 0; i < match->units_count; i++) {
        int64_t age = match->world->now_ms - match->units[i].ticket->entrant.since_ms;
        waits = waits && age < rules->fill_ms;
    }
    double prefer = mu_limit_at(&rules->prefer, oracle->age_ms);
    bool wanted = isinf(prefer) || (double)oracle->seats_count >= prefer;
    return oracle->seats_count >= full || (!waits && wanted);
}

/* Every pair accepts each other's rating. */
static bool window_holds(const struct oracle *oracle)
{
    const struct oracle_match *match = oracle->match;
    const struct mu_window *window = &oracle->rules->window;
    for (uint32_t i = 0; i < match->units_count && window->used; i++) {
        const struct mu_entrant *entrant = &match->units[i].ticket->entrant;
        int64_t age = match->world->now_ms - entrant->since_ms;
        int64_t points = window->points + window->per_second * (age > 0 ? age : 0) / 1000;
        points = points < window->max ? points : window->max;
        for (uint32_t j = 0; j < match->units_count; j++) {
            int64_t other = match->units[j].ticket->entrant.rating;
            if (other > entrant->rating + points || other < entrant->rating - points) {
                return false;
            }
        }
    }
    return true;
}

static bool is_split(const struct oracle_unit *unit)
{
    return unit->player != MU_RULES_NONE && unit->ticket->entrant.players > 1;
}

static bool parties_hold(const struct oracle *oracle)
{
    const struct oracle_match *match = oracle->match;
    for (uint32_t i = 0; i < match->units_count; i++) {
        const struct oracle_unit *unit = &match->units[i];
        if (!is_split(unit)) {
            continue;
        }
        if (oracle->rules->parties == MU_PARTY_ONE_TEAM) {
            return false;
        }
        for (uint32_t player = 0; player < unit->ticket->entrant.players; player++) {
            bool there = false;
            for (uint32_t j = 0; j < match->units_count; j++) {
                const struct oracle_unit *other = &match->units[j];
                there = there || (other->ticket == unit->ticket && other->player == player);
                if (other->ticket != unit->ticket &&
                    oracle->rules->parties == MU_PARTY_SELF_CONTAINED) {
                    return false;
                }
            }
            if (!there) {
                return false;
            }
        }
    }
    return true;
}

/* How far down in a player's list a role stands, or -1. */
static int32_t rank_of(const struct world_player *player, uint32_t attribute, uint64_t role)
{
    int32_t rank = 0;
    for (uint32_t i = 0; i < player->strings_count[attribute]; i++) {
        bool again = false;
        for (uint32_t j = 0; j < i; j++) {
            again = again || player->strings[attribute][j] == player->strings[attribute][i];
        }
        if (!again && world_symbol(player->strings[attribute][i]) == role) {
            return rank;
        }
        rank += again ? 0 : 1;
    }
    return player->strings_count[attribute] == 0 ? 0 : -1;
}

bool oracle_rank(const struct mu_rules *rules, const struct world_player *player, uint64_t role,
                 uint32_t *ret_rank)
{
    int32_t rank = rank_of(player, rules->roles_attribute, role);
    *ret_rank = rank > 0 ? (uint32_t)rank : 0;
    return rank >= 0;
}

enum { ROLES_MAX = 3, PLACES_MAX = 4, STATES = PLACES_MAX * PLACES_MAX * PLACES_MAX };

/* Every way to place a team's players, one after the other: a state is how many each role has.
 * Returns the fewest places below min that stay empty, or -1: not all players have a role. */
static int32_t place_roles(const struct oracle *oracle, uint32_t index, uint32_t *ret_choices)
{
    const struct mu_team *team = &oracle->rules->teams[index];
    int32_t best[STATES];
    assert(team->quotas_count <= ROLES_MAX);
    memset(best, 0xff, sizeof best); /* -1: cannot be */
    best[0] = 0;
    static const uint32_t steps[ROLES_MAX] = { 1, PLACES_MAX, PLACES_MAX * PLACES_MAX };
    for (uint32_t i = 0; i < oracle->seats_count; i++) {
        if (oracle->seats[i].team != index) {
            continue;
        }
        int32_t next[STATES];
        memset(next, 0xff, sizeof next);
        for (uint32_t state = 0; state < STATES; state++) {
            for (uint32_t role = 0; role < ROLES_MAX && best[state] >= 0; role++) {
                int32_t rank = rank_of(oracle->seats[i].player, oracle->rules->roles_attribute,
                                       team->quotas[role].symbol);
                uint32_t used = state / steps[role] % PLACES_MAX;
                uint32_t to = state + steps[role];
                if (rank >= 0 && used < team->quotas[role].max &&
                    (next[to] < 0 || best[state] + rank < next[to])) {
                    next[to] = best[state] + rank;
                }
            }
        }
        memcpy(best, next, sizeof best);
    }
    int32_t least = -1;
    for (uint32_t state = 0; state < STATES; state++) {
        int32_t unfilled = 0;
        for (uint32_t role = 0; role < ROLES_MAX; role++) {
            uint32_t used = state / steps[role] % PLACES_MAX;
            uint32_t min = team->quotas[role].min;
            unfilled += used < min ? (int32_t)(min - used) : 0;
        }
        bool better = least < 0 || unfilled < least ||
                      (unfilled == least && (uint32_t)best[state] < *ret_choices);
        if (best[state] >= 0 && better) {
            least = unfilled;
            *ret_choices = (uint32_t)best[state];
        }
    }
    return least;
}

static void judge_roles(const struct oracle *oracle, struct oracle_verdict *ret)
{
    const struct mu_rules *rules = oracle->rules;
    ret->verdict.roles = true;
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        if (rules->teams[i].quotas_count == 0) {
            continue;
        }
        uint32_t choices = 0;
        int32_t unfilled = place_roles(oracle, i, &choices);
        int32_t free =
            (int32_t)mu_team_max(rules, i, oracle->age_ms) - (int32_t)oracle->team_players[i];
        bool away = oracle->team_players[i] == 0 && oracle_may_stay_away(rules);
        ret->verdict.roles = ret->verdict.roles && (away || unfilled == 0);
        ret->roles_hopeless[i] = unfilled < 0 || unfilled > free;
        ret->choices += choices;
    }
}

static double win_probability(double difference, double players, double variance,
                              const struct mu_objective *objective)
{
    double scale =
        sqrt(objective->beta * objective->beta * players + objective->uncertainty * variance);
    return 0.5 * erfc(-fabs(difference) / scale / sqrt(2.0));
}

/* Sides, and what they make of the quality. */
static void rate(struct oracle *oracle)
{
    const struct mu_rules *rules = oracle->rules;
    const struct mu_objective *objective = &rules->objective;
    double sums[MU_MATCH_PLAYERS_MAX] = { 0 };
    double sizes[MU_MATCH_PLAYERS_MAX] = { 0 };
    double variances[MU_MATCH_PLAYERS_MAX] = { 0 };
    double mean = 0;
    double spread = 0;
    double n = (double)oracle->seats_count;
    for (uint32_t i = 0; i < oracle->seats_count; i++) {
        const struct seat *seat = &oracle->seats[i];
        double rating =
            (double)seat->player->rating + (seat->ticket->entrant.players > 1 ? 12.5 : 0);
        uint32_t side = rules->for_all ? i : seat->team;
        sums[side] += rating;
        sizes[side] += 1;
        variances[side] += (double)seat->player->deviation * (double)seat->player->deviation;
        mean += rating / n;
    }
    for (uint32_t i = 0; i < oracle->seats_count; i++) {
        const struct seat *seat = &oracle->seats[i];
        double rating =
            (double)seat->player->rating + (seat->ticket->entrant.players > 1 ? 12.5 : 0);
        spread += (rating - mean) * (rating - mean) / n;
    }
    double imbalance = 0;
    double pairs = 0;
    oracle->probability = 0.5;
    for (uint32_t i = 0; i < MU_MATCH_PLAYERS_MAX; i++) {
        for (uint32_t j = 0; j < i && sizes[i] > 0; j++) {
            if (sizes[j] > 0) {
                bool like = rules->for_all || mu_team_max(rules, i, oracle->age_ms) ==
                                                  mu_team_max(rules, j, oracle->age_ms);
                double difference =
                    like ? sums[i] - sums[j]
                         : (sums[i] / sizes[i] - sums[j] / sizes[j]) * (sizes[i] + sizes[j]) / 2;
                double probability = win_probability(difference, sizes[i] + sizes[j],
                                                     variances[i] + variances[j], objective);
                imbalance += 2 * probability - 1;
                pairs += 1;
                oracle->probability = fmax(oracle->probability, probability);
            }
        }
    }
    imbalance = pairs > 0 ? imbalance / pairs : 0;
    double full = (double)mu_rules_players_max(rules, oracle->age_ms);
    double close = 1 / (1 + spread / (objective->spread * objective->spread));
    oracle->plain = pow(1 - objective->imbalance_weight * imbalance, objective->fairness) *
                    pow(close, objective->closeness) * pow(fmin(n / full, 1), objective->fullness);
    oracle->plain = oracle->seats_count > 0 ? oracle->plain : 0;
}

static uint32_t regions_of(const struct oracle *oracle)
{
    uint32_t regions = 0;
    for (uint32_t i = 0; i < WORLD_REGIONS; i++) {
        bool all = true;
        for (uint32_t j = 0; j < oracle->match->units_count; j++) {
            uint32_t ms = oracle->match->units[j].ticket->reach_ms[i];
            uint32_t cap = oracle->rules->latency_max_ms;
            all = all && ms != MU_LATENCY_NONE && (cap == 0 || ms <= cap);
        }
        regions |= all ? 1u << i : 0;
    }
    return regions;
}

static bool backfills_hold(const struct oracle *oracle)
{
    uint32_t backfills = 0;
    for (uint32_t i = 0; i < oracle->match->units_count; i++) {
        backfills += oracle->match->units[i].ticket->entrant.backfill ? 1 : 0;
    }
    return backfills == 0 || (backfills == 1 && oracle->match->units_count > 1);
}

static void judge_rules(const struct oracle *oracle, struct oracle_verdict *ret)
{
    const struct mu_rules *rules = oracle->rules;
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        tree_reset();
        ret->excess[i] = oracle_rule_excess(oracle, i);
    }
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        const struct mu_rule *rule = &rules->rules[i];
        bool optional = oracle->age_ms >= rule->optional_after_ms;
        if (!rule->child && rule->weight > 0 && !optional) {
            ret->quality *= pow(1 / (1 + ret->excess[i]), rule->weight);
        }
        if (!mu_rule_stands(rules, i, oracle->age_ms)) {
            continue;
        }
        ret->verdict.broken |= ret->excess[i] > 0 ? UINT64_C(1) << i : 0;
        for (uint32_t j = 0; j < rule->ops_count; j++) {
            uint32_t child = rule->ops[j].operand;
            bool broken = rule->ops[j].logic == MU_LOGIC_RULE && ret->excess[child] > 0;
            ret->verdict.broken |= broken ? UINT64_C(1) << child : 0;
        }
        for (uint32_t j = 0; j < WORLD_REGIONS && rule->type == MU_RULE_LATENCY; j++) {
            if (oracle_region_excess(oracle, rule, j) > 0) {
                ret->verdict.regions &= ~(1u << j);
                ret->regions_lasting &= ~(rule->lasting ? 1u << j : 0);
            }
        }
    }
}

void oracle_judge(const struct oracle_match *match, struct oracle_verdict *ret)
{
    static struct oracle oracle;
    memset(&oracle, 0, sizeof oracle);
    memset(ret, 0, sizeof *ret);
    oracle.match = match;
    oracle.rules = &match->world->rules;
    take_seats(&oracle);
    oracle.age_ms = age_of(&oracle);
    rate(&oracle);
    struct mu_verdict *verdict = &ret->verdict;
    ret->age_ms = oracle.age_ms;
    ret->quality = oracle.plain;
    ret->probability = oracle.probability;
    ret->players = oracle.seats_count;
    memcpy(ret->team_players, oracle.team_players, sizeof ret->team_players);
    verdict->sizes = sizes_hold(&oracle);
    verdict->fill = fill_holds(&oracle);
    verdict->window = window_holds(&oracle);
    verdict->parties = parties_hold(&oracle);
    verdict->backfill = backfills_hold(&oracle);
    verdict->regions = regions_of(&oracle);
    ret->regions_lasting = verdict->regions;
    judge_rules(&oracle, ret);
    judge_roles(&oracle, ret);
    if (verdict->roles && ret->players > 0) {
        ret->quality *= pow(0.8, (double)ret->choices / (double)ret->players);
    }
    verdict->legal = verdict->sizes && verdict->fill && verdict->window && verdict->parties &&
                     verdict->backfill && verdict->roles && verdict->regions != 0;
    for (uint32_t i = 0; i < oracle.rules->rules_count; i++) {
        bool stands = mu_rule_stands(oracle.rules, i, oracle.age_ms);
        verdict->legal = verdict->legal && !(stands && ret->excess[i] > 0);
    }
}

/* What a region is worth: the larger the better; `first` counts more. */
static void region_worth(const struct oracle *oracle, uint32_t region, double *ret_first,
                         double *ret_second)
{
    const struct mu_rules *rules = oracle->rules;
    *ret_first = 0;
    *ret_second = 0;
    for (uint32_t i = 0; i < oracle->seats_count; i++) {
        const struct world_ticket *ticket = oracle->seats[i].ticket;
        bool nearest = true;
        for (uint32_t j = 0; j < WORLD_REGIONS; j++) {
            uint16_t ms = ticket->reach_ms[j];
            nearest = nearest && (ms > ticket->reach_ms[region] ||
                                  (ms == ticket->reach_ms[region] && j >= region));
        }
        bool most = rules->large && !mu_rules_fastest(rules, oracle->age_ms);
        *ret_first += !rules->large ? (double)ticket->nearness[region] : most && nearest ? 1 : 0;
        *ret_second -= (double)ticket->reach_ms[region];
    }
}

uint32_t oracle_region(const struct oracle_match *match, uint32_t regions)
{
    static struct oracle oracle;
    memset(&oracle, 0, sizeof oracle);
    oracle.match = match;
    oracle.rules = &match->world->rules;
    take_seats(&oracle);
    oracle.age_ms = age_of(&oracle);
    uint32_t best = MU_RULES_NONE;
    double best_first = 0;
    double best_second = 0;
    for (uint32_t i = 0; i < WORLD_REGIONS; i++) {
        double first;
        double second;
        region_worth(&oracle, i, &first, &second);
        bool better = first > best_first || (first == best_first && second > best_second);
        if ((regions & 1u << i) != 0 && (best == MU_RULES_NONE || better)) {
            best = i;
            best_first = first;
            best_second = second;
        }
    }
    return best;
}

uint64_t oracle_lasting(const struct oracle_match *match, const struct oracle_verdict *verdict)
{
    const struct mu_rules *rules = &match->world->rules;
    uint64_t lasting = 0;
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        if (mu_rule_stands(rules, i, verdict->age_ms) && rules->rules[i].lasting &&
            verdict->excess[i] > 0) {
            lasting |= UINT64_C(1) << i;
        }
    }
    return lasting;
}

bool oracle_may_stand(const struct oracle_match *match, const struct oracle_verdict *verdict)
{
    const struct mu_rules *rules = &match->world->rules;
    const struct oracle_unit *unit = &match->units[match->units_count - 1];
    const struct mu_entrant *entrant = &unit->ticket->entrant;
    uint32_t backfills = 0;
    for (uint32_t i = 0; i < match->units_count; i++) {
        backfills += match->units[i].ticket->entrant.backfill ? 1 : 0;
    }
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        bool touched = unit->team == i || (entrant->backfill && verdict->team_players[i] > 0);
        if (touched && (verdict->team_players[i] > mu_team_max(rules, i, verdict->age_ms) ||
                        verdict->roles_hopeless[i])) {
            return false;
        }
    }
    return oracle_lasting(match, verdict) == 0 && verdict->verdict.window &&
           verdict->regions_lasting != 0 && backfills <= 1;
}
