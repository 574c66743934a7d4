/* actors/candidate_value.c - expressions of rules into values; see candidate_value.h. */
#include "actors/candidate_value.h"

#include <math.h>
#include <string.h>

#include "actors/facts_layout.h"

void mu_symbols_fill(struct mu_symbols *symbols, const struct mu_value *value)
{
    uint32_t strings = 0;
    for (uint32_t i = 0; i < value->count; i++) {
        strings += value->spans[i].count;
    }
    uint32_t cells = 16;
    while (cells < MU_SYMBOLS_CELLS && cells < 4 * strings) {
        cells *= 2;
    }
    symbols->mask = cells - 1;
    symbols->count = 0;
    symbols->epoch++;
    if (symbols->epoch == 0) {
        memset(symbols->cells, 0, sizeof symbols->cells);
        symbols->epoch = 1;
    }
    for (uint32_t i = 0; i < value->count; i++) {
        const struct mu_span *span = &value->spans[i];
        for (uint32_t j = 0; j < span->count; j++) {
            uint32_t at = (uint32_t)span->symbols[j] & symbols->mask;
            while (symbols->cells[at].epoch == symbols->epoch &&
                   symbols->cells[at].symbol != span->symbols[j]) {
                at = (at + 1) & symbols->mask;
            }
            symbols->count += symbols->cells[at].epoch != symbols->epoch ? 1 : 0;
            symbols->cells[at] =
                (struct mu_symbols_cell){ .symbol = span->symbols[j], .epoch = symbols->epoch };
        }
    }
    assert(symbols->count <= symbols->mask); /* a look-up ends */
}

struct mu_symbols_cell *mu_symbols_find(struct mu_symbols *symbols, uint64_t symbol)
{
    uint32_t at = (uint32_t)symbol & symbols->mask;
    while (symbols->cells[at].epoch == symbols->epoch) {
        if (symbols->cells[at].symbol == symbol) {
            return &symbols->cells[at];
        }
        at = (at + 1) & symbols->mask;
    }
    return NULL;
}

static void push_number(struct mu_value *value, double number)
{
    assert(value->count < sizeof value->numbers / sizeof value->numbers[0]);
    value->numbers[value->count++] = number;
}

static void end_list(struct mu_value *value)
{
    assert(value->lists_count < MU_TEAMS_MAX);
    value->ends[value->lists_count++] = value->count;
}

/* Whether a team counts in an expression.  Where teams may stay away, those that do are not there;
 * else an empty team is an empty list. */
static bool counts(const struct mu_candidate *candidate, const struct mu_expression *expression,
                   uint32_t team)
{
    const struct mu_rules *rules = candidate->rules;
    if (!expression->all_teams && (expression->teams[team / 8] >> (team % 8) & 1) == 0) {
        return false;
    }
    return candidate->teams[team].players > 0 || rules->teams_min == rules->teams_count;
}

/* The strings of a seat. */
static struct mu_span span_of(const struct mu_candidate *candidate, const struct mu_seat *seat,
                              const struct mu_expression *expression,
                              enum mu_aggregation aggregation)
{
    const struct mu_entrant *entrant = candidate->units[seat->unit].entrant;
    const struct mu_facts *facts = entrant->facts;
    struct mu_span span = { .count = 1 };
    if (expression->property == MU_PROPERTY_ID) {
        span.symbols = &mu_facts_ids(facts)[seat->player];
    } else if (mu_facts_type(facts, expression->attribute) == MU_ATTRIBUTE_STRING) {
        span.symbols = &mu_facts_slot(facts, seat->player, expression->attribute)->symbol;
    } else if (entrant->backfill) {
        span.symbols = mu_facts_set(facts, seat->player, expression->attribute, &span.count);
    } else {
        span.symbols = mu_facts_party_set(facts, expression->attribute,
                                          aggregation == MU_AGGREGATE_INTERSECTION, &span.count);
    }
    return span;
}

/* The number of a seat. */
static double number_of(const struct mu_candidate *candidate, const struct mu_seat *seat,
                        uint32_t source)
{
    uint32_t count = candidate->sources_count;
    const struct mu_entrant *entrant = candidate->units[seat->unit].entrant;
    if (!entrant->backfill) {
        return candidate->numbers[(size_t)seat->unit * count + source];
    }
    double numbers[MU_SOURCES_MAX];
    mu_tally_numbers(candidate, entrant->facts, seat->player, numbers);
    return numbers[source];
}

/* What a function makes of teams' sums and extremes. */
struct merged {
    uint32_t players;
    double sum;
    double min;
    double max;
};

static void push_merged(struct mu_value *value, const struct merged *merged, enum mu_reduce reduce)
{
    double players = (double)merged->players;
    if (reduce == MU_REDUCE_COUNT) {
        push_number(value, players);
    } else if (reduce == MU_REDUCE_SUM) {
        push_number(value, merged->sum);
    } else if (merged->players > 0) {
        double extreme = reduce == MU_REDUCE_MIN ? merged->min : merged->max;
        push_number(value, reduce == MU_REDUCE_AVG ? merged->sum / players : extreme);
    }
}

/* The first function, from what is kept of teams. */
static void reduce_teams(const struct mu_candidate *candidate,
                         const struct mu_expression *expression, enum mu_aggregation aggregation,
                         enum mu_reduce reduce, struct mu_value *ret)
{
    bool players_only = expression->property == MU_PROPERTY_PLAYER;
    uint32_t source = players_only ? 0 : mu_tally_source(candidate, expression, aggregation);
    struct merged all = { .min = HUGE_VAL, .max = -HUGE_VAL };
    for (uint32_t i = 0; i < candidate->rules->teams_count; i++) {
        if (!counts(candidate, expression, i)) {
            continue;
        }
        struct merged team = { .players = candidate->teams[i].players };
        if (!players_only && team.players > 0) {
            const struct mu_cell *cell =
                &candidate->cells[(size_t)i * candidate->sources_count + source];
            team = (struct merged){ team.players, cell->sum, cell->min, cell->max };
        }
        if (ret->levels == 2) {
            push_merged(ret, &team, reduce);
        } else if (team.players > 0) {
            all.players += team.players;
            all.sum += team.sum;
            all.min = team.min < all.min ? team.min : all.min;
            all.max = team.max > all.max ? team.max : all.max;
        }
    }
    if (ret->levels == 1) {
        push_merged(ret, &all, reduce);
    }
    ret->levels--;
    end_list(ret);
}

/* Numbers of players, or the extremes of teams. */
static void list_numbers(const struct mu_candidate *candidate,
                         const struct mu_expression *expression, uint32_t source, bool extremes,
                         struct mu_value *ret)
{
    const uint16_t *first = NULL;
    const struct mu_seat *seats = extremes ? NULL : mu_tally_seats(candidate, &first);
    for (uint32_t i = 0; i < candidate->rules->teams_count; i++) {
        if (!counts(candidate, expression, i)) {
            continue;
        }
        if (extremes && candidate->teams[i].players > 0) {
            const struct mu_cell *cell =
                &candidate->cells[(size_t)i * candidate->sources_count + source];
            push_number(ret, cell->min);
            push_number(ret, cell->max);
        }
        for (uint32_t j = extremes ? 0 : first[i]; !extremes && j < first[i + 1]; j++) {
            push_number(ret, number_of(candidate, &seats[j], source));
        }
        if (ret->levels == 2) {
            end_list(ret);
        }
    }
    if (ret->levels == 1) {
        end_list(ret);
    }
}

static void list_spans(const struct mu_candidate *candidate, const struct mu_expression *expression,
                       enum mu_aggregation aggregation, struct mu_value *ret)
{
    const uint16_t *first;
    const struct mu_seat *seats = mu_tally_seats(candidate, &first);
    for (uint32_t i = 0; i < candidate->rules->teams_count; i++) {
        if (!counts(candidate, expression, i)) {
            continue;
        }
        for (uint32_t j = first[i]; j < first[i + 1]; j++) {
            ret->spans[ret->count++] = span_of(candidate, &seats[j], expression, aggregation);
        }
        if (ret->levels == 2) {
            end_list(ret);
        }
    }
    if (ret->levels == 1) {
        end_list(ret);
    }
}

/* Whether a function's result is among what is kept of teams. */
static bool is_kept(enum mu_reduce reduce)
{
    return reduce == MU_REDUCE_MIN || reduce == MU_REDUCE_MAX || reduce == MU_REDUCE_AVG ||
           reduce == MU_REDUCE_SUM || reduce == MU_REDUCE_COUNT;
}

/* The property of players, before any function; or after the first one, if that is kept.  Returns
 * how many functions are done. */
static uint32_t list_players(const struct mu_candidate *candidate,
                             const struct mu_expression *expression,
                             enum mu_aggregation aggregation, bool extremes, struct mu_value *ret)
{
    const enum mu_reduce *reduces = expression->reduces;
    uint32_t count = expression->reduces_count;
    ret->levels = expression->by_team ? 2 : 1;
    if (!mu_tally_is_number(candidate->rules, expression)) {
        bool list = expression->property == MU_PROPERTY_ATTRIBUTE &&
                    candidate->rules->attributes[expression->attribute].type != MU_ATTRIBUTE_STRING;
        ret->kind = list ? MU_VALUE_SETS : MU_VALUE_SYMBOLS;
        list_spans(candidate, expression, aggregation, ret);
        return 0;
    }
    uint32_t done = 0;
    if (count > 0 && reduces[0] == MU_REDUCE_FLATTEN) {
        ret->levels = 1;
        done = 1;
    }
    if (count > done && is_kept(reduces[done])) {
        reduce_teams(candidate, expression, aggregation, reduces[done], ret);
        return done + 1;
    }
    assert(expression->property != MU_PROPERTY_PLAYER); /* they are counted only */
    uint32_t source = mu_tally_source(candidate, expression, aggregation);
    list_numbers(candidate, expression, source, extremes && count == done, ret);
    return done;
}

void mu_value_of(const struct mu_candidate *candidate, const struct mu_expression *expression,
                 enum mu_aggregation aggregation, bool extremes, struct mu_value *ret)
{
    ret->kind = MU_VALUE_NUMBERS;
    ret->levels = 0;
    ret->count = 0;
    ret->lists_count = 0;
    ret->heap_used = 0;
    double probability;
    switch (expression->kind) {
    case MU_EXPRESSION_NONE: break;
    case MU_EXPRESSION_NUMBER: push_number(ret, expression->number); break;
    case MU_EXPRESSION_STRINGS:
        ret->kind = MU_VALUE_SYMBOLS;
        ret->levels = 1;
        ret->spans[ret->count++] =
            (struct mu_span){ .symbols = expression->symbols, .count = expression->symbols_count };
        break;
    case MU_EXPRESSION_WIN_PROBABILITY:
        probability = mu_candidate_win_probability(candidate);
        push_number(ret, probability);
        break;
    case MU_EXPRESSION_QUALITY: push_number(ret, mu_candidate_quality_plain(candidate)); break;
    case MU_EXPRESSION_PLAYERS: {
        uint32_t done = list_players(candidate, expression, aggregation, extremes, ret);
        for (uint32_t i = done; i < expression->reduces_count; i++) {
            mu_value_apply(ret, expression->reduces[i]);
        }
        return;
    }
    }
    end_list(ret);
}
