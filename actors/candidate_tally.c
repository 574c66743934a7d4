/* actors/candidate_tally.c - sums and extremes of teams and of the match; see candidate_tally.h. */
#include "actors/candidate_tally.h"

#include <math.h>
#include <string.h>

#include "actors/candidate_value.h"
#include "actors/facts_layout.h"

bool mu_tally_is_number(const struct mu_rules *rules, const struct mu_expression *expression)
{
    switch (expression->property) {
    case MU_PROPERTY_ATTRIBUTE:
        return rules->attributes[expression->attribute].type == MU_ATTRIBUTE_NUMBER;
    case MU_PROPERTY_ID: return false;
    case MU_PROPERTY_PLAYER:
    case MU_PROPERTY_RATING:
    case MU_PROPERTY_DEVIATION: return true;
    }
    return false;
}

/* The property as sources number it; there is one. */
static uint32_t source_property(const struct mu_expression *expression)
{
    if (expression->property == MU_PROPERTY_ATTRIBUTE) {
        return expression->attribute;
    }
    return MU_RULES_ATTRIBUTES_MAX + (expression->property == MU_PROPERTY_DEVIATION ? 1 : 0);
}

/* How numbers of a party are aggregated: avg, where a rule speaks of lists. */
static enum mu_aggregation of_numbers(enum mu_aggregation aggregation)
{
    return aggregation <= MU_AGGREGATE_MAX ? aggregation : MU_AGGREGATE_AVG;
}

uint32_t mu_tally_source(const struct mu_candidate *candidate,
                         const struct mu_expression *expression, enum mu_aggregation aggregation)
{
    uint32_t property = source_property(expression);
    uint32_t source = candidate->source_of[property][of_numbers(aggregation)];
    assert(source < candidate->sources_count);
    return source;
}

static void prepare_source(struct mu_candidate *candidate, const struct mu_expression *expression,
                           enum mu_aggregation aggregation)
{
    if (expression->kind != MU_EXPRESSION_PLAYERS || expression->property == MU_PROPERTY_PLAYER ||
        !mu_tally_is_number(candidate->rules, expression)) {
        return;
    }
    uint32_t property = source_property(expression);
    enum mu_aggregation numbers = of_numbers(aggregation);
    uint8_t *source = &candidate->source_of[property][numbers];
    if (*source == MU_SOURCE_NONE) {
        *source = (uint8_t)candidate->sources_count;
        candidate->sources[candidate->sources_count++] =
            (struct mu_source){ .property = property, .aggregation = numbers };
    }
}

void mu_tally_prepare(struct mu_candidate *candidate)
{
    const struct mu_rules *rules = candidate->rules;
    candidate->sources_count = 0;
    candidate->latencies = 0;
    candidate->hard = 0;
    candidate->soft = 0;
    candidate->lasting = 0;
    if (rules->rules_count == 0) {
        return;
    }
    memset(candidate->source_of, MU_SOURCE_NONE, sizeof candidate->source_of);
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        const struct mu_rule *rule = &rules->rules[i];
        if (rule->type == MU_RULE_DISTANCE_SORT || rule->type == MU_RULE_ABSOLUTE_SORT) {
            continue; /* an order of tickets; nothing here */
        }
        uint64_t bit = UINT64_C(1) << i;
        if (!rule->child) {
            candidate->soft |= rule->weight > 0 ? bit : 0;
            candidate->hard |= rule->weight > 0 ? 0 : bit;
            candidate->lasting |= rule->weight <= 0 && rule->lasting ? bit : 0;
        }
        if (rule->type == MU_RULE_LATENCY) {
            candidate->latencies |= 1u << of_numbers(rule->aggregation);
        }
        for (uint32_t j = 0; j < rule->measures_count; j++) {
            prepare_source(candidate, &rule->measures[j], rule->aggregation);
        }
        prepare_source(candidate, &rule->reference, rule->aggregation);
    }
}

/* A property of one player. */
static double property_of(const struct mu_facts *facts, uint32_t player, uint32_t property)
{
    if (property < MU_RULES_ATTRIBUTES_MAX) {
        return mu_facts_slot(facts, player, property)->number;
    }
    return property == MU_RULES_ATTRIBUTES_MAX ? mu_facts_ratings(facts)[player]
                                               : mu_facts_deviations(facts)[player];
}

void mu_tally_numbers(const struct mu_candidate *candidate, const struct mu_facts *facts,
                      uint32_t player, double *ret)
{
    bool party = player == MU_RULES_NONE;
    uint32_t first = party ? 0 : player;
    uint32_t last = party ? facts->players_count : player + 1;
    assert(last <= facts->players_count);
    for (uint32_t i = 0; i < candidate->sources_count; i++) {
        const struct mu_source *source = &candidate->sources[i];
        double sum = 0;
        double min = HUGE_VAL;
        double max = -HUGE_VAL;
        for (uint32_t j = first; j < last; j++) {
            double value = property_of(facts, j, source->property);
            sum += value;
            min = value < min ? value : min;
            max = value > max ? value : max;
        }
        if (source->aggregation == MU_AGGREGATE_AVG) {
            ret[i] = sum / (double)(last - first);
        } else {
            ret[i] = source->aggregation == MU_AGGREGATE_MIN ? min : max;
        }
    }
}

/* By how much each player of a ticket plays above his rating: the party's bonus. */
static double bonus_of(const struct mu_entrant *entrant)
{
    const double *ratings = mu_facts_ratings(entrant->facts);
    double sum = 0;
    for (uint32_t i = 0; i < entrant->players; i++) {
        sum += ratings[i];
    }
    return (entrant->sum - sum) / (double)entrant->players;
}

double mu_tally_player(const struct mu_entrant *entrant, uint32_t player, double *ret_variance)
{
    if (entrant->facts == NULL) {
        *ret_variance = entrant->variance / (double)entrant->players;
        return entrant->sum / (double)entrant->players;
    }
    double deviation = mu_facts_deviations(entrant->facts)[player];
    *ret_variance = deviation * deviation;
    return mu_facts_ratings(entrant->facts)[player] + bonus_of(entrant);
}

/* Half-width of the band of ratings that a ticket of that age accepts: whole points and ms, as
 * every process must get the same. */
static int64_t window_at(const struct mu_window *window, int64_t age_ms)
{
    int64_t age = age_ms < 0 ? 0 : age_ms;
    if (age > INT32_MAX) {
        age = INT32_MAX; /* 24 days: no overflow below */
    }
    int64_t points = (int64_t)window->points + (int64_t)window->per_second * age / 1000;
    return points < (int64_t)window->max ? points : (int64_t)window->max;
}

void mu_tally_unit(const struct mu_candidate *candidate, struct mu_unit *unit)
{
    const struct mu_rules *rules = candidate->rules;
    const struct mu_entrant *entrant = unit->entrant;
    if (unit->player == MU_RULES_NONE) {
        unit->players = entrant->players;
        unit->sum = entrant->sum;
        unit->squares = entrant->squares;
        unit->variance = entrant->variance;
    } else {
        unit->players = 1;
        unit->sum = mu_tally_player(entrant, unit->player, &unit->variance);
        unit->squares = entrant->facts != NULL ? unit->sum * unit->sum
                                               : entrant->squares / (double)entrant->players;
    }
    uint32_t cap = rules->latency_max_ms != 0 ? rules->latency_max_ms : MU_LATENCY_NONE - 1;
    unit->regions = 0;
    for (uint32_t i = 0; i < candidate->regions_count; i++) {
        uint32_t ms = entrant->reach_ms[i];
        unit->regions |= ms != MU_LATENCY_NONE && ms <= cap ? 1u << i : 0;
    }
    if (rules->window.used) {
        int64_t window = window_at(&rules->window, candidate->now_ms - entrant->since_ms);
        unit->low = entrant->rating - window;
        unit->high = entrant->rating + window;
    }
}

static void add_cells(struct mu_candidate *candidate, uint32_t team, const double *numbers,
                      uint32_t players)
{
    uint32_t count = candidate->sources_count;
    struct mu_cell *cells = &candidate->cells[(size_t)team * count];
    bool first = candidate->teams[team].players == 0;
    for (uint32_t i = 0; i < count; i++) {
        double value = numbers[i];
        double sum = value * (double)players;
        if (first) {
            cells[i] = (struct mu_cell){ .sum = sum, .min = value, .max = value };
            continue;
        }
        cells[i].sum += sum;
        cells[i].min = value < cells[i].min ? value : cells[i].min;
        cells[i].max = value > cells[i].max ? value : cells[i].max;
    }
}

/* Adds to a team those players of a backfill that play there; all teams: MU_RULES_NONE. */
static void add_backfill(struct mu_candidate *candidate, const struct mu_unit *unit, uint32_t team)
{
    const struct mu_facts *facts = unit->entrant->facts;
    double bonus = bonus_of(unit->entrant);
    for (uint32_t i = 0; i < unit->players; i++) {
        uint32_t on = mu_facts_team(facts, i);
        if (team != MU_RULES_NONE && on != team) {
            continue;
        }
        double deviation = mu_facts_deviations(facts)[i];
        if (candidate->sources_count > 0) {
            double numbers[MU_SOURCES_MAX];
            mu_tally_numbers(candidate, facts, i, numbers);
            add_cells(candidate, on, numbers, 1);
        }
        candidate->teams[on].players += 1;
        candidate->teams[on].sum += mu_facts_ratings(facts)[i] + bonus;
        candidate->teams[on].variance += deviation * deviation;
    }
}

static void add_to_team(struct mu_candidate *candidate, uint32_t index)
{
    const struct mu_unit *unit = &candidate->units[index];
    struct mu_team_tally *team = &candidate->teams[unit->team];
    if (candidate->sources_count > 0) {
        const double *numbers = &candidate->numbers[(size_t)index * candidate->sources_count];
        add_cells(candidate, unit->team, numbers, unit->players);
    }
    team->players += unit->players;
    team->sum += unit->sum;
    team->variance += unit->variance;
}

/* Adds the latencies of a party, or of a player that is by himself. */
static void add_latencies(struct mu_candidate *candidate, const struct mu_facts *facts,
                          uint32_t player, uint32_t players)
{
    uint32_t first = player == MU_RULES_NONE ? 0 : player;
    uint32_t last = player == MU_RULES_NONE ? facts->players_count : player + 1;
    for (uint32_t i = 0; i < candidate->regions_count; i++) {
        double sum = 0;
        double min = HUGE_VAL;
        double max = 0;
        for (uint32_t j = first; j < last; j++) {
            uint32_t ms = mu_facts_latencies(facts, j)[i];
            double value = ms == MU_LATENCY_NONE ? HUGE_VAL : (double)ms;
            sum += value;
            min = value < min ? value : min;
            max = value > max ? value : max;
        }
        double avg = sum / (double)(last - first);
        /* All of a party must be able to play there, whoever speaks for it. */
        double values[3] = { avg, max < HUGE_VAL ? min : HUGE_VAL, max };
        for (uint32_t j = 0; j < 3; j++) {
            struct mu_latency_tally *tally = &candidate->latency[j][i];
            tally->best = values[j] < tally->best ? values[j] : tally->best;
            tally->worst = values[j] > tally->worst ? values[j] : tally->worst;
            tally->sum += values[j] * (double)players;
        }
    }
}

/* A unit's part of the totals. */
static void add_totals(struct mu_candidate *candidate, const struct mu_unit *unit)
{
    const struct mu_entrant *entrant = unit->entrant;
    struct mu_totals *totals = &candidate->totals;
    int64_t age_ms = candidate->now_ms - entrant->since_ms;
    totals->age_min = age_ms < totals->age_min ? age_ms : totals->age_min;
    totals->age_max = age_ms > totals->age_max ? age_ms : totals->age_max;
    totals->players += unit->players;
    totals->backfills += entrant->backfill ? 1 : 0;
    totals->split += unit->player != MU_RULES_NONE && entrant->players > 1 ? 1 : 0;
    totals->regions &= unit->regions;
    totals->squares += unit->squares;
    if (candidate->rules->window.used) {
        int64_t rating = entrant->rating;
        totals->low_max = unit->low > totals->low_max ? unit->low : totals->low_max;
        totals->high_min = unit->high < totals->high_min ? unit->high : totals->high_min;
        totals->rating_min = rating < totals->rating_min ? rating : totals->rating_min;
        totals->rating_max = rating > totals->rating_max ? rating : totals->rating_max;
    }
    if (candidate->latencies == 0) {
        return;
    }
    if (!entrant->backfill) {
        add_latencies(candidate, entrant->facts, MU_RULES_NONE, unit->players);
        return;
    }
    for (uint32_t i = 0; i < unit->players; i++) {
        add_latencies(candidate, entrant->facts, i, 1);
    }
}

void mu_tally_add(struct mu_candidate *candidate)
{
    assert(candidate->units_count > 0);
    uint32_t index = candidate->units_count - 1;
    const struct mu_unit *unit = &candidate->units[index];
    if (unit->team != MU_RULES_NONE) {
        add_to_team(candidate, index);
    } else {
        add_backfill(candidate, unit, MU_RULES_NONE);
    }
    add_totals(candidate, unit);
}

void mu_tally_team(struct mu_candidate *candidate, uint32_t team)
{
    candidate->teams[team] = (struct mu_team_tally){ .players = 0 };
    for (uint32_t i = 0; i < candidate->units_count; i++) {
        const struct mu_unit *unit = &candidate->units[i];
        if (unit->team == team) {
            add_to_team(candidate, i);
        } else if (unit->team == MU_RULES_NONE) {
            add_backfill(candidate, unit, team);
        }
    }
}

void mu_tally_totals(struct mu_candidate *candidate)
{
    uint32_t regions = candidate->regions_count;
    candidate->totals = (struct mu_totals){
        .age_min = INT64_MAX,
        .age_max = INT64_MIN,
        .regions = regions == 0 ? 0 : UINT32_MAX >> (32 - regions),
        .low_max = INT64_MIN,
        .high_min = INT64_MAX,
        .rating_min = INT64_MAX,
        .rating_max = INT64_MIN,
    };
    for (uint32_t i = 0; i < 3 && candidate->latencies != 0; i++) {
        for (uint32_t j = 0; j < regions; j++) {
            candidate->latency[i][j] = (struct mu_latency_tally){ .best = HUGE_VAL };
        }
    }
    for (uint32_t i = 0; i < candidate->units_count; i++) {
        add_totals(candidate, &candidate->units[i]);
    }
}

/* Writes a unit's players of one team behind each other; `next` is where. */
static void seat_unit(const struct mu_candidate *candidate, uint32_t index, uint16_t *next)
{
    const struct mu_unit *unit = &candidate->units[index];
    struct mu_seat *seats = candidate->scratch->seats;
    for (uint32_t i = 0; i < unit->players; i++) {
        uint32_t player = unit->player == MU_RULES_NONE ? i : unit->player;
        uint32_t team = unit->team;
        if (team == MU_RULES_NONE) {
            team = mu_facts_team(unit->entrant->facts, player);
        }
        seats[next[team]++] =
            (struct mu_seat){ .unit = (uint16_t)index, .player = (uint16_t)player };
    }
}

const struct mu_seat *mu_tally_seats(const struct mu_candidate *candidate,
                                     const uint16_t **ret_first)
{
    struct mu_scratch *scratch = candidate->scratch;
    *ret_first = scratch->first;
    if (scratch->seats_known) {
        return scratch->seats;
    }
    uint32_t teams = candidate->rules->teams_count;
    uint16_t next[MU_TEAMS_MAX];
    uint32_t players = 0;
    for (uint32_t i = 0; i < teams; i++) {
        scratch->first[i] = (uint16_t)players;
        next[i] = (uint16_t)players;
        players += candidate->teams[i].players;
    }
    scratch->first[teams] = (uint16_t)players;
    assert(players <= MU_MATCH_PLAYERS_MAX);
    for (uint32_t i = 0; i < candidate->units_count; i++) {
        seat_unit(candidate, i, next);
    }
    scratch->seats_known = true;
    return scratch->seats;
}
