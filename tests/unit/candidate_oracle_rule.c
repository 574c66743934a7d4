/* tests/unit/candidate_oracle_rule.c - by how much a rule is broken; see candidate_oracle.h. */
#include <math.h>

#include "tests/unit/candidate_oracle_private.h"

#define NEARLY 1e-9

static double excess_over(double value, double limit)
{
    double size = fmax(fabs(limit), 1);
    return (value - limit) / size > NEARLY ? (value - limit) / size : 0;
}

static double excess_outside(double value, double min, double max)
{
    double size = fmax(fabs(min), 1);
    double under = isinf(min) || (min - value) / size <= NEARLY ? 0 : (min - value) / size;
    return fmax(under, isinf(max) ? 0 : excess_over(value, max));
}

static double distance_excess(const struct value *value, double reference, double min, double max)
{
    double worst = 0;
    const struct tree *leaves = tree_leaves(value->tree);
    for (const struct tree *leaf = leaves->first; leaf != NULL; leaf = leaf->next) {
        worst = fmax(worst, excess_outside(fabs(leaf->number - reference), min, max));
    }
    return worst;
}

static double pair_excess(const struct tree *leaf, const struct tree *with,
                          enum mu_operation operation)
{
    bool strings = leaf->kind == TREE_STRING;
    double difference = strings ? 0 : (leaf->number - with->number) / fmax(fabs(with->number), 1);
    bool equal = strings ? leaf->symbol == with->symbol : fabs(difference) <= NEARLY;
    if (operation == MU_OPERATION_EQUAL) {
        return equal ? 0 : strings ? 1 : fabs(difference);
    }
    if (operation == MU_OPERATION_NOT_EQUAL) {
        return equal ? 1 : 0;
    }
    bool less = operation == MU_OPERATION_LESS || operation == MU_OPERATION_LESS_EQUAL;
    bool or_equal = operation == MU_OPERATION_LESS_EQUAL || operation == MU_OPERATION_GREATER_EQUAL;
    if (equal) {
        return or_equal ? 0 : NEARLY;
    }
    return fmax(less ? difference : -difference, 0);
}

/* With a reference: the worst number, or how many strings. */
static double comparison_excess(const struct value *value, const struct tree *with,
                                enum mu_operation operation)
{
    double sum = 0;
    double worst = 0;
    const struct tree *leaves = tree_leaves(value->tree);
    for (const struct tree *leaf = leaves->first; leaf != NULL; leaf = leaf->next) {
        sum += pair_excess(leaf, with, operation);
        worst = fmax(worst, pair_excess(leaf, with, operation));
    }
    return leaves->first != NULL && leaves->first->kind == TREE_STRING ? sum : worst;
}

/* How far an innermost list is from all equal, or from all different. */
static double list_excess(const struct tree *list, bool equal)
{
    double again = 0;
    double min = HUGE_VAL;
    double max = -HUGE_VAL;
    double most = 0;
    for (const struct tree *item = list->first; item != NULL; item = item->next) {
        min = fmin(min, item->number);
        max = fmax(max, item->number);
        double like = 0;
        for (const struct tree *other = list->first; other != NULL; other = other->next) {
            like += other->kind == TREE_STRING && other->symbol == item->symbol ? 1 : 0;
        }
        most = fmax(most, like);
        bool seen = false;
        for (const struct tree *other = list->first; other != item; other = other->next) {
            double same = pair_excess(other, item, MU_OPERATION_NOT_EQUAL);
            again += item->kind == TREE_NUMBER ? same : 0;
            seen = seen || same > 0;
        }
        again += item->kind == TREE_STRING && seen ? 1 : 0;
    }
    if (!equal || list->first == NULL) {
        return equal ? 0 : again;
    }
    if (list->first->kind == TREE_STRING) {
        return (double)tree_count(list) - most;
    }
    return excess_over(max, min);
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the rules of candidate_world.c nest, which is three */

/* Each innermost list by itself. */
static double lists_excess(const struct tree *tree, uint32_t depth, bool equal)
{
    if (depth == 1) {
        return list_excess(tree, equal);
    }
    double sum = 0;
    double worst = 0;
    bool strings = false;
    for (const struct tree *item = tree->first; item != NULL; item = item->next) {
        double excess = lists_excess(item, depth - 1, equal);
        const struct tree *leaves = tree_leaves(item);
        strings = strings || (leaves->first != NULL && leaves->first->kind == TREE_STRING);
        sum += excess;
        worst = fmax(worst, excess);
    }
    return strings ? sum : worst;
}

/* Lists of players (depth 1, or 2 when the players have sets). */
static double contains_excess(const struct tree *tree, uint32_t depth, bool sets,
                              const struct tree *reference, const double bounds[2])
{
    if (depth > (sets ? 2u : 1u)) {
        double sum = 0;
        for (const struct tree *item = tree->first; item != NULL; item = item->next) {
            sum += contains_excess(item, depth - 1, sets, reference, bounds);
        }
        return sum;
    }
    double found = 0;
    const struct tree *leaves = tree_leaves(tree);
    for (const struct tree *leaf = leaves->first; leaf != NULL; leaf = leaf->next) {
        found += tree_has(reference, leaf->symbol) ? 1 : 0;
    }
    return tree->first == NULL && !tree->set ? 0 : excess_outside(found, bounds[0], bounds[1]);
}

/* Innermost lists. */
static double shares_excess(const struct tree *tree, uint32_t depth, const struct tree *reference,
                            const double bounds[2])
{
    double sum = 0;
    if (depth > 1) {
        for (const struct tree *item = tree->first; item != NULL; item = item->next) {
            sum += shares_excess(item, depth - 1, reference, bounds);
        }
        return sum;
    }
    double found = 0;
    const struct tree *seen = tree_leaves(reference);
    for (const struct tree *item = seen->first; item != NULL; item = item->next) {
        bool before = false;
        for (const struct tree *other = seen->first; other != item; other = other->next) {
            before = before || other->symbol == item->symbol;
        }
        found += !before && tree_has(tree, item->symbol) ? 1 : 0;
    }
    return tree->first == NULL && !tree->set ? 0 : excess_outside(found, bounds[0], bounds[1]);
}

/* Lists of lists. */
static double intersection_excess(const struct tree *tree, uint32_t depth, const double bounds[2])
{
    if (depth > 2) {
        double sum = 0;
        for (const struct tree *item = tree->first; item != NULL; item = item->next) {
            sum += intersection_excess(item, depth - 1, bounds);
        }
        return sum;
    }
    const struct tree *shared = tree_shared(tree);
    return shared == NULL ? 0 : excess_outside((double)tree_count(shared), bounds[0], bounds[1]);
}

static double measure_excess(const struct oracle *oracle, const struct mu_rule *rule,
                             const struct mu_expression *measure, const struct value *reference)
{
    struct value value = oracle_value(oracle, measure, rule->aggregation);
    if (value.tree == NULL) {
        return 0;
    }
    double bounds[2] = { mu_limit_at(&rule->min, oracle->age_ms),
                         mu_limit_at(&rule->max, oracle->age_ms) };
    bool alone = rule->reference.kind == MU_EXPRESSION_NONE;
    if (rule->type == MU_RULE_DISTANCE) {
        return distance_excess(&value, reference->tree->number, bounds[0], bounds[1]);
    }
    if (rule->type == MU_RULE_COMPARISON && alone) {
        return lists_excess(value.tree, value.depth, rule->operation == MU_OPERATION_EQUAL);
    }
    if (rule->type == MU_RULE_COMPARISON) {
        const struct tree *with = tree_leaves(reference->tree)->first;
        return comparison_excess(&value, with, rule->operation);
    }
    bool sets = measure->property == MU_PROPERTY_ATTRIBUTE &&
                oracle->rules->attributes[measure->attribute].type == MU_ATTRIBUTE_STRINGS;
    for (uint32_t i = 0; i < measure->reduces_count; i++) {
        sets = sets && measure->reduces[i] != MU_REDUCE_FLATTEN;
    }
    if (rule->operation == MU_OPERATION_CONTAINS) {
        sets = sets && value.depth > 1;
        return contains_excess(value.tree, value.depth, sets, tree_leaves(reference->tree), bounds);
    }
    if (rule->operation == MU_OPERATION_INTERSECTION) {
        return intersection_excess(value.tree, value.depth, bounds);
    }
    return shares_excess(value.tree, value.depth, tree_leaves(reference->tree), bounds);
}

static double batch_excess(const struct oracle *oracle, const struct mu_rule *rule)
{
    struct value value = oracle_value(oracle, &rule->measures[0], rule->aggregation);
    const struct tree *leaves = tree_leaves(value.tree);
    if (leaves->first == NULL || leaves->first->kind == TREE_STRING) {
        return list_excess(leaves, true);
    }
    double min = HUGE_VAL;
    double max = -HUGE_VAL;
    for (const struct tree *leaf = leaves->first; leaf != NULL; leaf = leaf->next) {
        min = fmin(min, leaf->number);
        max = fmax(max, leaf->number);
    }
    return excess_outside(max - min, -HUGE_VAL, mu_limit_at(&rule->max, oracle->age_ms));
}

/* A player's latency: that of his party; INFINITY: not all of it have one. */
static double latency_of(const struct seat *seat, uint32_t region, enum mu_aggregation aggregation)
{
    const struct world_player *party;
    uint32_t count = oracle_party(seat, &party);
    double values[WORLD_PLAYERS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        if (party[i].latency[region] == MU_LATENCY_NONE) {
            return HUGE_VAL;
        }
        values[i] = (double)party[i].latency[region];
    }
    return oracle_aggregate(values, count, aggregation);
}

double oracle_region_excess(const struct oracle *oracle, const struct mu_rule *rule,
                            uint32_t region)
{
    double best = HUGE_VAL;
    double sum = 0;
    for (uint32_t i = 0; i < oracle->seats_count; i++) {
        double ms = latency_of(&oracle->seats[i], region, rule->aggregation);
        best = fmin(best, ms);
        sum += ms;
    }
    double from = rule->reference_average ? sum / (double)oracle->seats_count : best;
    double worst = 0;
    for (uint32_t i = 0; i < oracle->seats_count; i++) {
        double ms = latency_of(&oracle->seats[i], region, rule->aggregation);
        if (isinf(ms)) {
            return HUGE_VAL;
        }
        worst = fmax(worst, excess_outside(ms, -HUGE_VAL, mu_limit_at(&rule->max, oracle->age_ms)));
        worst =
            fmax(worst, isinf(from) ? 0
                                    : excess_outside(ms - from, -HUGE_VAL,
                                                     mu_limit_at(&rule->distance, oracle->age_ms)));
    }
    return worst;
}

static double latency_excess(const struct oracle *oracle, const struct mu_rule *rule)
{
    double least = HUGE_VAL;
    for (uint32_t i = 0; i < WORLD_REGIONS; i++) {
        least = fmin(least, oracle_region_excess(oracle, rule, i));
    }
    return least;
}

/* Evaluates postfix from its end: *at is the last operation of what is evaluated. */
static double postfix_excess(const struct oracle *oracle, const struct mu_rule *rule, uint32_t *at)
{
    struct mu_logic_op op = rule->ops[--*at];
    if (op.logic == MU_LOGIC_RULE) {
        return oracle_rule_excess(oracle, op.operand);
    }
    double sum = 0;
    double least = MU_RULES_NONE;
    uint32_t holding = 0;
    for (uint32_t i = 0; i < op.operand; i++) {
        double excess = postfix_excess(oracle, rule, at);
        sum += excess;
        least = fmin(least, excess);
        holding += excess == 0 ? 1 : 0;
    }
    switch (op.logic) {
    case MU_LOGIC_AND: return fmin(sum, 1000);
    case MU_LOGIC_OR: return least;
    case MU_LOGIC_XOR: return holding == 1 ? 0 : holding == 0 ? least : 1;
    case MU_LOGIC_NOT: return holding == 1 ? 1 : 0;
    case MU_LOGIC_RULE: break;
    }
    return 0;
}

double oracle_rule_excess(const struct oracle *oracle, uint32_t index)
{
    const struct mu_rule *rule = &oracle->rules->rules[index];
    if (rule->type == MU_RULE_COMPOUND) {
        uint32_t at = rule->ops_count;
        return at == 0 ? 0 : postfix_excess(oracle, rule, &at);
    }
    if (rule->type == MU_RULE_LATENCY) {
        return fmin(latency_excess(oracle, rule), 1000);
    }
    if (rule->type == MU_RULE_BATCH_DISTANCE) {
        return fmin(batch_excess(oracle, rule), 1000);
    }
    struct value reference = oracle_value(oracle, &rule->reference, rule->aggregation);
    if (rule->reference.kind == MU_EXPRESSION_NUMBER) {
        reference.tree->number = mu_limit_at(&rule->reference_number, oracle->age_ms);
    }
    const struct tree *with = reference.tree;
    bool empty = with == NULL || (with->kind == TREE_LIST && with->first == NULL && !with->set);
    if (rule->reference.kind != MU_EXPRESSION_NONE && empty) {
        return 0;
    }
    double worst = 0;
    for (uint32_t i = 0; i < rule->measures_count; i++) {
        worst = fmax(worst, measure_excess(oracle, rule, &rule->measures[i], &reference));
    }
    return fmin(worst, 1000);
}

/* NOLINTEND(misc-no-recursion) */
