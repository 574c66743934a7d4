/* actors/compose_order.c - in which order neighbours are wanted: the sort rules, and where they do
 * not tell two apart the order of the request. */
#include "actors/compose_private.h"

#include <math.h>

/* What the players of a party have together; NAN when nobody has anything. */
struct together {
    enum mu_aggregation aggregation;
    double value;
    uint32_t count;
};

static void include(struct together *together, double value)
{
    if (together->count == 0) {
        together->value = value;
    } else if (together->aggregation == MU_AGGREGATE_MIN) {
        together->value = fmin(together->value, value);
    } else if (together->aggregation == MU_AGGREGATE_MAX) {
        together->value = fmax(together->value, value);
    } else {
        together->value += value;
    }
    together->count++;
}

static double result(const struct together *together)
{
    if (together->count == 0) {
        return (double)NAN;
    }
    bool extreme =
        together->aggregation == MU_AGGREGATE_MIN || together->aggregation == MU_AGGREGATE_MAX;
    return extreme ? together->value : together->value / together->count;
}

/* The value of a party's players under `key` of a map. */
static double map_value(const struct mu_facts *facts, const struct mu_rule *rule, uint64_t key)
{
    struct together together = { .aggregation = rule->aggregation };
    for (uint32_t i = 0; i < facts->players_count; i++) {
        const double *numbers;
        uint32_t count;
        const uint64_t *keys =
            mu_facts_symbols(facts, i, rule->measures[0].attribute, &count, &numbers);
        for (uint32_t k = 0; k < count; k++) {
            if (keys[k] == key) {
                include(&together, numbers[k]);
            }
        }
    }
    return result(&together);
}

/* The key under which the anchor's value is the least, or the greatest; 0: it has none. */
static uint64_t map_key(const struct mu_facts *facts, const struct mu_rule *rule)
{
    uint64_t best = 0;
    double best_value = 0;
    for (uint32_t i = 0; i < facts->players_count; i++) {
        uint32_t count;
        const uint64_t *keys =
            mu_facts_symbols(facts, i, rule->measures[0].attribute, &count, NULL);
        for (uint32_t k = 0; k < count; k++) {
            double value = map_value(facts, rule, keys[k]);
            bool beyond = rule->map_max ? value > best_value : value < best_value;
            if (best == 0 || beyond ||
                (value <= best_value && value >= best_value && keys[k] < best)) {
                best = keys[k];
                best_value = value;
            }
        }
    }
    return best;
}

/* The value that a ticket is sorted by; NAN: none. */
static double value_of(const struct mu_composer *composer, const struct mu_rule *rule,
                       uint32_t entrant, uint64_t key)
{
    const struct mu_facts *facts = mu_compose_entrant(composer, entrant)->facts;
    const struct mu_expression *measure = &rule->measures[0];
    assert(facts != NULL);
    if (measure->property == MU_PROPERTY_ATTRIBUTE &&
        composer->rules->attributes[measure->attribute].type == MU_ATTRIBUTE_MAP) {
        return key == 0 ? (double)NAN : map_value(facts, rule, key);
    }
    struct together together = { .aggregation = rule->aggregation };
    for (uint32_t i = 0; i < facts->players_count; i++) {
        if (measure->property == MU_PROPERTY_RATING) {
            include(&together, mu_facts_rating(facts, i));
        } else if (measure->property == MU_PROPERTY_DEVIATION) {
            include(&together, mu_facts_deviation(facts, i));
        } else if (composer->rules->attributes[measure->attribute].type == MU_ATTRIBUTE_NUMBER) {
            include(&together, mu_facts_number(facts, i, measure->attribute));
        }
    }
    return result(&together);
}

/* What neighbours are sorted by, ascending: INFINITY for those that have no value. */
static void set_keys(struct mu_composer *composer, const struct mu_rule *rule)
{
    const struct mu_facts *facts = mu_compose_entrant(composer, 0)->facts;
    const struct mu_expression *measure = &rule->measures[0];
    uint64_t key = 0;
    if (measure->property == MU_PROPERTY_ATTRIBUTE &&
        composer->rules->attributes[measure->attribute].type == MU_ATTRIBUTE_MAP) {
        key = map_key(facts, rule);
    }
    double own = value_of(composer, rule, 0, key);
    for (uint32_t i = 0; i < composer->request->count; i++) {
        double value = value_of(composer, rule, i, key);
        value = rule->type == MU_RULE_DISTANCE_SORT ? fabs(value - own) : value;
        value = rule->descending ? -value : value;
        composer->sort_keys[i] = isnan(value) ? HUGE_VAL : value;
    }
}

/* A stable merge sort of all but the anchor, from below. */
static void sort(struct mu_composer *composer)
{
    uint16_t *from = composer->wanted;
    uint16_t *to = composer->rank;
    const double *keys = composer->sort_keys;
    uint32_t count = composer->request->count;
    for (uint32_t width = 1; width < count; width *= 2) {
        to[0] = from[0];
        for (uint32_t start = 1; start < count; start += 2 * width) {
            uint32_t middle = start + width < count ? start + width : count;
            uint32_t end = middle + width < count ? middle + width : count;
            uint32_t a = start;
            uint32_t b = middle;
            for (uint32_t i = start; i < end; i++) {
                bool take_b = a == middle || (b < end && keys[from[b]] < keys[from[a]]);
                to[i] = take_b ? from[b++] : from[a++];
            }
        }
        uint16_t *swapped = from;
        from = to;
        to = swapped;
    }
    for (uint32_t i = 0; i < count && from != composer->wanted; i++) {
        composer->wanted[i] = from[i];
    }
}

void mu_compose_order(struct mu_composer *composer)
{
    const struct mu_rules *rules = composer->rules;
    composer->sorted = false;
    for (uint32_t i = 0; i < composer->request->count; i++) {
        composer->wanted[i] = (uint16_t)i;
    }
    /* The first rule matters most, so it sorts last. */
    for (uint32_t i = rules->rules_count; i > 0; i--) {
        const struct mu_rule *rule = &rules->rules[i - 1];
        if (rule->type == MU_RULE_DISTANCE_SORT || rule->type == MU_RULE_ABSOLUTE_SORT) {
            set_keys(composer, rule);
            sort(composer);
            composer->sorted = true;
        }
    }
    for (uint32_t i = 0; i < composer->request->count; i++) {
        composer->rank[composer->wanted[i]] = (uint16_t)i;
    }
}
