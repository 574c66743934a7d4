/* actors/candidate_reduce.c - functions of expressions over lists; see candidate_value.h. */
#include "actors/candidate_value.h"

#include <math.h>
#include <string.h>

/* In place; Shell's sort, with gaps that are enough for a match. */
static void sort_numbers(double *numbers, uint32_t count)
{
    static const uint32_t gaps[] = { 132, 57, 23, 10, 4, 1 };
    for (uint32_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {
        uint32_t gap = gaps[i];
        for (uint32_t j = gap; j < count; j++) {
            double number = numbers[j];
            uint32_t at = j;
            for (; at >= gap && numbers[at - gap] > number; at -= gap) {
                numbers[at] = numbers[at - gap];
            }
            numbers[at] = number;
        }
    }
}

/* A function over a list that is not empty; sorts it. */
static double reduce_numbers(double *numbers, uint32_t count, enum mu_reduce reduce)
{
    double n = (double)count;
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += numbers[i];
    }
    double squares = 0;
    switch (reduce) {
    case MU_REDUCE_AVG: return sum / n;
    case MU_REDUCE_SUM: return sum;
    case MU_REDUCE_COUNT: return n;
    case MU_REDUCE_STDDEV:
        for (uint32_t i = 0; i < count; i++) {
            squares += (numbers[i] - sum / n) * (numbers[i] - sum / n);
        }
        return sqrt(squares / n);
    case MU_REDUCE_MIN:
    case MU_REDUCE_MAX:
    case MU_REDUCE_MEDIAN:
    case MU_REDUCE_FLATTEN:
    case MU_REDUCE_INTERSECTION: break;
    }
    sort_numbers(numbers, count);
    if (reduce == MU_REDUCE_MEDIAN) {
        return (numbers[(count - 1) / 2] + numbers[count / 2]) / 2;
    }
    return numbers[reduce == MU_REDUCE_MIN ? 0 : count - 1];
}

/* Replaces the innermost lists by one number each. */
static void reduce_lists(struct mu_value *value, enum mu_reduce reduce)
{
    double results[MU_TEAMS_MAX];
    uint32_t count = 0;
    uint32_t begin = 0;
    for (uint32_t i = 0; i < value->lists_count; i++) {
        uint32_t items = value->ends[i] - begin;
        if (items > 0) {
            results[count++] = reduce_numbers(&value->numbers[begin], items, reduce);
        } else if (reduce == MU_REDUCE_COUNT || reduce == MU_REDUCE_SUM) {
            results[count++] = 0;
        }
        begin = value->ends[i];
    }
    memcpy(value->numbers, results, count * sizeof results[0]);
    value->count = count;
    value->levels -= value->levels > 0 ? 1 : 0;
    value->lists_count = 1;
    value->ends[0] = count;
}

/* Counts strings: of each set, or of each innermost list. */
static void count_strings(struct mu_value *value)
{
    bool sets = value->kind == MU_VALUE_SETS;
    uint32_t begin = 0;
    for (uint32_t i = 0; i < value->lists_count; i++) {
        double strings = 0;
        for (uint32_t j = begin; j < value->ends[i]; j++) {
            if (sets) {
                value->numbers[j] = (double)value->spans[j].count;
            } else {
                strings += (double)value->spans[j].count;
            }
        }
        begin = value->ends[i];
        if (!sets) {
            value->numbers[i] = strings;
        }
    }
    value->kind = MU_VALUE_NUMBERS;
    if (!sets) {
        value->count = value->lists_count;
        value->levels -= value->levels > 0 ? 1 : 0;
        value->lists_count = 1;
        value->ends[0] = value->count;
    }
}

/* Keeps of a set what is in a span too; both ascend.  Returns how many are left. */
static uint32_t keep_shared(uint64_t *set, uint32_t count, const struct mu_span *span)
{
    uint32_t kept = 0;
    uint32_t j = 0;
    for (uint32_t i = 0; i < count; i++) {
        while (j < span->count && span->symbols[j] < set[i]) {
            j++;
        }
        if (j < span->count && span->symbols[j] == set[i]) {
            set[kept++] = set[i];
        }
    }
    return kept;
}

/* What spans share, at least one; what is made is on the value's heap. */
static struct mu_span intersect(struct mu_value *value, uint32_t begin, uint32_t end)
{
    if (end - begin == 1) {
        return value->spans[begin];
    }
    uint64_t *set = &value->heap[value->heap_used];
    uint32_t count = value->spans[begin].count;
    assert(value->heap_used + count <= MU_VALUE_HEAP_MAX);
    memcpy(set, value->spans[begin].symbols, count * sizeof *set);
    for (uint32_t i = begin + 1; i < end && count > 0; i++) {
        count = keep_shared(set, count, &value->spans[i]);
    }
    value->heap_used += count;
    return (struct mu_span){ .symbols = set, .count = count };
}

/* Whether a string is among single ones. */
static bool is_among(const struct mu_value *value, uint32_t begin, uint32_t end, uint64_t symbol)
{
    for (uint32_t i = begin; i < end; i++) {
        if (value->spans[i].symbols[0] == symbol) {
            return true;
        }
    }
    return false;
}

/* Of lists of single strings: what is in all that are not empty. */
static void intersect_lists(struct mu_value *value)
{
    uint64_t *set = &value->heap[value->heap_used];
    uint32_t count = 0;
    uint32_t begin = 0;
    bool any = false;
    for (uint32_t i = 0; i < value->lists_count; i++) {
        uint32_t end = value->ends[i];
        for (uint32_t j = begin; j < end && !any; j++) {
            if (!is_among(value, begin, j, value->spans[j].symbols[0])) {
                set[count++] = value->spans[j].symbols[0];
            }
        }
        uint32_t kept = 0;
        for (uint32_t j = 0; j < count && end > begin; j++) {
            if (is_among(value, begin, end, set[j])) {
                set[kept++] = set[j];
            }
        }
        count = end > begin ? kept : count;
        any = any || end > begin;
        begin = end;
    }
    value->heap_used += count;
    value->spans[0] = (struct mu_span){ .symbols = set, .count = count };
    value->count = any ? 1 : 0;
    value->levels = 0;
}

void mu_value_intersect(struct mu_value *value)
{
    uint32_t count = 0;
    uint32_t begin = 0;
    if (value->levels == 0) {
        return;
    }
    if (value->kind == MU_VALUE_SYMBOLS) {
        assert(value->levels == 2); /* lists of lists */
        intersect_lists(value);
    }
    for (uint32_t i = 0; i < value->lists_count && value->kind == MU_VALUE_SETS; i++) {
        if (value->ends[i] > begin) {
            struct mu_span shared = intersect(value, begin, value->ends[i]);
            value->spans[count++] = shared;
        }
        begin = value->ends[i];
        value->count = count;
    }
    value->levels -= value->kind == MU_VALUE_SETS ? 1 : 0;
    value->kind = MU_VALUE_SETS;
    value->lists_count = 1;
    value->ends[0] = value->count;
}

/* A list of lists becomes one list; a list of sets, its strings. */
static void flatten(struct mu_value *value)
{
    if (value->levels < 2 && value->kind == MU_VALUE_SETS) {
        value->kind = MU_VALUE_SYMBOLS;
    }
    value->levels = 1;
    value->lists_count = 1;
    value->ends[0] = value->count;
}

void mu_value_apply(struct mu_value *value, enum mu_reduce reduce)
{
    if (reduce == MU_REDUCE_FLATTEN) {
        flatten(value);
    } else if (value->kind == MU_VALUE_NUMBERS) {
        reduce_lists(value, reduce);
    } else if (reduce == MU_REDUCE_COUNT) {
        count_strings(value);
    } else {
        mu_value_intersect(value);
    }
}
