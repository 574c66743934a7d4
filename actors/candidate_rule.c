/* actors/candidate_rule.c - by how much a rule is broken; see candidate_tally.h.
 *
 * Of numbers, the excess is that of the worst one, over the limit's size (or 1): so it does not
 * depend on units, and extremes are enough.  Of strings, it is how many are too many or too few. */
#include "actors/candidate_tally.h"

#include <math.h>

#include "actors/candidate_value.h"

/* Numbers this near to a limit, in parts of it (or of 1), are at it.  Sums depend on the order in
 * which tickets came, in their last digits; who checks a match must find what who made it found. */
#define NEARLY 1e-9

static double scale_of(double limit)
{
    double size = fabs(limit);
    return size > 1 ? size : 1;
}

/* By how much a value is above a limit, or below it; 0: it is not. */
static double above(double value, double limit)
{
    double excess = (value - limit) / scale_of(limit);
    return excess > NEARLY ? excess : 0;
}

static double below(double value, double limit)
{
    double excess = (limit - value) / scale_of(limit);
    return excess > NEARLY ? excess : 0;
}

static double outside(double value, double min, double max)
{
    return fmax(min > -HUGE_VAL ? below(value, min) : 0, max < HUGE_VAL ? above(value, max) : 0);
}

/* The reference of a rule, in the scratch; whether there is one: an empty list is none. */
static bool read_reference(const struct mu_candidate *candidate, const struct mu_rule *rule,
                           int64_t age_ms)
{
    struct mu_value *reference = &candidate->scratch->reference;
    mu_value_of(candidate, &rule->reference, rule->aggregation, false, reference);
    if (rule->reference.kind == MU_EXPRESSION_NUMBER) {
        reference->numbers[0] = mu_limit_at(&rule->reference_number, age_ms);
    }
    if (reference->kind != MU_VALUE_SYMBOLS) {
        return reference->count > 0;
    }
    uint32_t strings = 0;
    for (uint32_t i = 0; i < reference->count; i++) {
        strings += reference->spans[i].count;
    }
    return strings > 0;
}

static double distance(const struct mu_candidate *candidate, const struct mu_rule *rule,
                       const struct mu_expression *measure, int64_t age_ms)
{
    double min = mu_limit_at(&rule->min, age_ms);
    double max = mu_limit_at(&rule->max, age_ms);
    struct mu_value *value = &candidate->scratch->measure;
    /* What is farthest away is an extreme; what is nearest may be any. */
    mu_value_of(candidate, measure, rule->aggregation, min <= 0, value);
    double from = candidate->scratch->reference.numbers[0];
    double worst = 0;
    for (uint32_t i = 0; i < value->count && value->kind == MU_VALUE_NUMBERS; i++) {
        worst = fmax(worst, outside(fabs(value->numbers[i] - from), min, max));
    }
    return worst;
}

static double compare_number(double value, double with, enum mu_operation operation)
{
    double difference = (value - with) / scale_of(with);
    bool equal = fabs(difference) <= NEARLY;
    switch (operation) {
    case MU_OPERATION_LESS: return equal ? NEARLY : fmax(difference, 0);
    case MU_OPERATION_LESS_EQUAL: return equal ? 0 : fmax(difference, 0);
    case MU_OPERATION_EQUAL: return equal ? 0 : fabs(difference);
    case MU_OPERATION_NOT_EQUAL: return equal ? 1 : 0;
    case MU_OPERATION_GREATER_EQUAL: return equal ? 0 : fmax(-difference, 0);
    case MU_OPERATION_GREATER: return equal ? NEARLY : fmax(-difference, 0);
    case MU_OPERATION_NONE:
    case MU_OPERATION_INTERSECTION:
    case MU_OPERATION_CONTAINS:
    case MU_OPERATION_REFERENCE_INTERSECTION_COUNT: break;
    }
    return 0;
}

/* How many strings differ from the reference, or do not. */
static double compare_strings(const struct mu_value *value, const struct mu_value *with,
                              enum mu_operation operation)
{
    if (with->kind != MU_VALUE_SYMBOLS) {
        return 1; /* a string is no number */
    }
    const struct mu_span *one = with->spans;
    while (one->count == 0) {
        one++; /* there is one: see read_reference() */
    }
    uint64_t symbol = one->symbols[0];
    double broken = 0;
    for (uint32_t i = 0; i < value->count; i++) {
        const struct mu_span *span = &value->spans[i];
        for (uint32_t j = 0; j < span->count; j++) {
            bool equal = span->symbols[j] == symbol;
            broken += equal == (operation == MU_OPERATION_NOT_EQUAL) ? 1 : 0;
        }
    }
    return broken;
}

/* How far numbers of a list are from being all equal, or how many are there again. */
static double same_numbers(const struct mu_value *value, uint32_t begin, uint32_t end, bool equal)
{
    const double *numbers = value->numbers;
    double min = HUGE_VAL;
    double max = -HUGE_VAL;
    double again = 0;
    for (uint32_t i = begin; i < end; i++) {
        min = fmin(min, numbers[i]);
        max = fmax(max, numbers[i]);
        for (uint32_t j = begin; j < i && !equal; j++) {
            again += compare_number(numbers[i], numbers[j], MU_OPERATION_NOT_EQUAL);
        }
    }
    return !equal ? again : end > begin ? above(max, min) : 0;
}

/* How many strings of a list are not the one that is there most often; or how many are there
 * again. */
static double same_strings(const struct mu_candidate *candidate, const struct mu_value *value,
                           uint32_t begin, uint32_t end, bool equal)
{
    struct mu_symbols *symbols = &candidate->scratch->symbols;
    struct mu_value *list = &candidate->scratch->reference; /* not used by such a rule */
    uint32_t strings = 0;
    list->count = 0;
    for (uint32_t i = begin; i < end; i++) {
        strings += value->spans[i].count;
        list->spans[list->count++] = value->spans[i];
    }
    mu_symbols_fill(symbols, list);
    if (!equal) {
        return (double)(strings - symbols->count);
    }
    if (symbols->count <= 1) {
        return 0;
    }
    uint32_t most = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        for (uint32_t j = 0; j < list->spans[i].count; j++) {
            uint32_t times = ++mu_symbols_find(symbols, list->spans[i].symbols[j])->seen;
            most = times > most ? times : most;
        }
    }
    return (double)(strings - most);
}

/* A comparison without a reference: within each innermost list. */
static double same(const struct mu_candidate *candidate, const struct mu_value *value, bool equal)
{
    double excess = 0;
    uint32_t begin = 0;
    for (uint32_t i = 0; i < value->lists_count; i++) {
        uint32_t end = value->ends[i];
        if (value->kind == MU_VALUE_NUMBERS) {
            excess = fmax(excess, same_numbers(value, begin, end, equal));
        } else if (value->kind == MU_VALUE_SYMBOLS) {
            excess += same_strings(candidate, value, begin, end, equal);
        }
        for (uint32_t j = begin; j < end && value->kind == MU_VALUE_SETS; j++) {
            excess += same_strings(candidate, value, j, j + 1, equal);
        }
        begin = end;
    }
    return excess;
}

static double comparison(const struct mu_candidate *candidate, const struct mu_rule *rule,
                         const struct mu_expression *measure)
{
    const struct mu_value *reference = &candidate->scratch->reference;
    struct mu_value *value = &candidate->scratch->measure;
    bool alone = rule->reference.kind == MU_EXPRESSION_NONE;
    mu_value_of(candidate, measure, rule->aggregation, rule->operation != MU_OPERATION_NOT_EQUAL,
                value);
    if (alone) {
        return same(candidate, value, rule->operation == MU_OPERATION_EQUAL);
    }
    if (value->kind != MU_VALUE_NUMBERS) {
        return compare_strings(value, reference, rule->operation);
    }
    if (reference->kind != MU_VALUE_NUMBERS) {
        return value->count > 0 ? 1 : 0;
    }
    double worst = 0;
    for (uint32_t i = 0; i < value->count; i++) {
        worst =
            fmax(worst, compare_number(value->numbers[i], reference->numbers[0], rule->operation));
    }
    return worst;
}

/* How often the reference's strings occur in each list that is not empty. */
static double contains(const struct mu_candidate *candidate, const struct mu_value *value,
                       double min, double max)
{
    struct mu_symbols *symbols = &candidate->scratch->symbols;
    double excess = 0;
    uint32_t begin = 0;
    for (uint32_t i = 0; i < value->lists_count; i++) {
        double found = 0;
        uint32_t items = 0;
        for (uint32_t j = begin; j < value->ends[i]; j++) {
            const struct mu_span *span = &value->spans[j];
            for (uint32_t k = 0; k < span->count; k++) {
                found += mu_symbols_find(symbols, span->symbols[k]) != NULL ? 1 : 0;
            }
            items += value->kind == MU_VALUE_SETS ? 1 : span->count;
        }
        excess += items > 0 ? outside(found, min, max) : 0;
        begin = value->ends[i];
    }
    return excess;
}

/* How many strings of spans are in the reference, each counted once; mark: of these spans only. */
static double count_shared(struct mu_symbols *symbols, const struct mu_span *spans, uint32_t count,
                           uint32_t mark)
{
    double found = 0;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < spans[i].count; j++) {
            struct mu_symbols_cell *cell = mu_symbols_find(symbols, spans[i].symbols[j]);
            if (cell != NULL && cell->seen != mark) {
                cell->seen = mark;
                found += 1;
            }
        }
    }
    return found;
}

/* How many strings each innermost list shares with the reference. */
static double shares(const struct mu_candidate *candidate, const struct mu_value *value, double min,
                     double max)
{
    struct mu_symbols *symbols = &candidate->scratch->symbols;
    double excess = 0;
    uint32_t begin = 0;
    for (uint32_t i = 0; i < value->count && value->kind == MU_VALUE_SETS; i++) {
        excess += outside(count_shared(symbols, &value->spans[i], 1, i + 1), min, max);
    }
    for (uint32_t i = 0; i < value->lists_count && value->kind == MU_VALUE_SYMBOLS; i++) {
        const struct mu_span *spans = &value->spans[begin];
        uint32_t count = value->ends[i] - begin;
        uint32_t strings = 0;
        for (uint32_t j = 0; j < count; j++) {
            strings += spans[j].count;
        }
        double found = count_shared(symbols, spans, count, i + 1);
        excess += strings > 0 ? outside(found, min, max) : 0;
        begin = value->ends[i];
    }
    return excess;
}

static double collection(const struct mu_candidate *candidate, const struct mu_rule *rule,
                         const struct mu_expression *measure, int64_t age_ms)
{
    double min = mu_limit_at(&rule->min, age_ms);
    double max = mu_limit_at(&rule->max, age_ms);
    struct mu_value *value = &candidate->scratch->measure;
    mu_value_of(candidate, measure, rule->aggregation, false, value);
    if (value->kind == MU_VALUE_NUMBERS) {
        return 0; /* there is none like it */
    }
    if (rule->operation != MU_OPERATION_INTERSECTION) {
        mu_symbols_fill(&candidate->scratch->symbols, &candidate->scratch->reference);
        return rule->operation == MU_OPERATION_CONTAINS ? contains(candidate, value, min, max)
                                                        : shares(candidate, value, min, max);
    }
    mu_value_intersect(value);
    double excess = 0;
    for (uint32_t i = 0; i < value->count; i++) {
        excess += outside((double)value->spans[i].count, min, max);
    }
    return excess;
}

static double batch(const struct mu_candidate *candidate, const struct mu_rule *rule,
                    int64_t age_ms)
{
    struct mu_value *value = &candidate->scratch->measure;
    mu_value_of(candidate, &rule->measures[0], rule->aggregation, true, value);
    if (value->kind != MU_VALUE_NUMBERS) {
        return same_strings(candidate, value, 0, value->count, true);
    }
    double min = HUGE_VAL;
    double max = -HUGE_VAL;
    for (uint32_t i = 0; i < value->count; i++) {
        min = fmin(min, value->numbers[i]);
        max = fmax(max, value->numbers[i]);
    }
    return value->count > 0 ? outside(max - min, -HUGE_VAL, mu_limit_at(&rule->max, age_ms)) : 0;
}

/* By how much a region is out of reach for somebody; INFINITY: somebody does not know it. */
static double latency_excess(const struct mu_candidate *candidate, const struct mu_rule *rule,
                             uint32_t region, int64_t age_ms)
{
    enum mu_aggregation aggregation =
        rule->aggregation <= MU_AGGREGATE_MAX ? rule->aggregation : MU_AGGREGATE_AVG;
    const struct mu_latency_tally *tally = &candidate->latency[aggregation][region];
    if (tally->worst == HUGE_VAL || candidate->totals.players == 0) {
        return candidate->totals.players == 0 ? 0 : HUGE_VAL;
    }
    double average = tally->sum / (double)candidate->totals.players;
    double from = rule->reference_average ? average : tally->best;
    return fmax(outside(tally->worst, -HUGE_VAL, mu_limit_at(&rule->max, age_ms)),
                outside(tally->worst - from, -HUGE_VAL, mu_limit_at(&rule->distance, age_ms)));
}

uint32_t mu_candidate_latency_regions(const struct mu_candidate *candidate,
                                      const struct mu_rule *rule, int64_t age_ms)
{
    uint32_t regions = 0;
    for (uint32_t i = 0; i < candidate->regions_count; i++) {
        regions |= latency_excess(candidate, rule, i, age_ms) > 0 ? 0 : 1u << i;
    }
    return regions;
}

static double latency(const struct mu_candidate *candidate, const struct mu_rule *rule,
                      int64_t age_ms)
{
    double least = HUGE_VAL;
    for (uint32_t i = 0; i < candidate->regions_count; i++) {
        least = fmin(least, latency_excess(candidate, rule, i, age_ms));
    }
    return least;
}

/* A rule that is not a compound. */
static double simple(const struct mu_candidate *candidate, const struct mu_rule *rule,
                     int64_t age_ms)
{
    switch (rule->type) {
    case MU_RULE_LATENCY: return latency(candidate, rule, age_ms);
    case MU_RULE_BATCH_DISTANCE: return batch(candidate, rule, age_ms);
    case MU_RULE_DISTANCE:
    case MU_RULE_COMPARISON:
    case MU_RULE_COLLECTION: break;
    case MU_RULE_DISTANCE_SORT:
    case MU_RULE_ABSOLUTE_SORT:
    case MU_RULE_COMPOUND: return 0;
    }
    bool referred = rule->reference.kind != MU_EXPRESSION_NONE;
    if (referred && !read_reference(candidate, rule, age_ms)) {
        return 0;
    }
    double excess = 0;
    for (uint32_t i = 0; i < rule->measures_count; i++) {
        const struct mu_expression *measure = &rule->measures[i];
        if (rule->type == MU_RULE_DISTANCE) {
            excess = fmax(excess, distance(candidate, rule, measure, age_ms));
        } else if (rule->type == MU_RULE_COMPARISON) {
            excess = fmax(excess, comparison(candidate, rule, measure));
        } else {
            excess = fmax(excess, collection(candidate, rule, measure, age_ms));
        }
    }
    return excess;
}

/* The excess of a rule that is not a compound; found once. */
static double known(const struct mu_candidate *candidate, uint32_t index, int64_t age_ms)
{
    struct mu_scratch *scratch = candidate->scratch;
    uint64_t bit = UINT64_C(1) << index;
    if ((scratch->known & bit) == 0) {
        double excess = simple(candidate, &candidate->rules->rules[index], age_ms);
        scratch->excess[index] = fmin(excess, MU_EXCESS_MAX);
        scratch->known |= bit;
    }
    return scratch->excess[index];
}

/* Combines the last `count` results of a stack. */
static double combine(const double *stack, uint32_t count, enum mu_logic logic)
{
    double sum = 0;
    double least = MU_EXCESS_MAX;
    uint32_t holding = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += stack[i];
        least = fmin(least, stack[i]);
        holding += stack[i] > 0 ? 0 : 1;
    }
    switch (logic) {
    case MU_LOGIC_AND: return fmin(sum, MU_EXCESS_MAX);
    case MU_LOGIC_OR: return least;
    case MU_LOGIC_XOR:
        if (holding == 1) {
            return 0;
        }
        return holding == 0 ? least : 1;
    case MU_LOGIC_NOT: return holding == 0 ? 0 : 1;
    case MU_LOGIC_RULE: break;
    }
    return 0;
}

static double compound(const struct mu_candidate *candidate, const struct mu_rule *rule,
                       int64_t age_ms)
{
    double stack[MU_RULES_OPS_MAX];
    uint32_t depth = 0;
    for (uint32_t i = 0; i < rule->ops_count; i++) {
        struct mu_logic_op op = rule->ops[i];
        if (op.logic == MU_LOGIC_RULE) {
            stack[depth++] = known(candidate, op.operand, age_ms);
            continue;
        }
        assert(op.operand >= 1 && op.operand <= depth);
        depth -= op.operand;
        stack[depth] = combine(&stack[depth], op.operand, op.logic);
        depth++;
    }
    return depth > 0 ? stack[depth - 1] : 0;
}

double mu_candidate_excess(const struct mu_candidate *candidate, uint32_t index, int64_t age_ms)
{
    assert(index < candidate->rules->rules_count);
    struct mu_scratch *scratch = candidate->scratch;
    uint64_t bit = UINT64_C(1) << index;
    const struct mu_rule *rule = &candidate->rules->rules[index];
    if (rule->type == MU_RULE_COMPOUND && (scratch->known & bit) == 0) {
        scratch->excess[index] = compound(candidate, rule, age_ms);
        scratch->known |= bit;
    }
    return known(candidate, index, age_ms);
}

void mu_candidate_excess_reset(const struct mu_candidate *candidate)
{
    candidate->scratch->known = 0;
}
