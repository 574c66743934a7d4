/* actors/rules_compile_derive.c - what follows from a rule set: which rules are lasting and sized,
 * and what of a ticket must be read. */
#include "actors/rules_compile_read.h"

#include <math.h>

/* How a list changes when players join the match. */
enum change {
    CHANGE_NONE,    /* it is the same; others may come beside it */
    CHANGE_GROWS,   /* it gains elements */
    CHANGE_SHRINKS, /* it loses elements */
    CHANGE_ANY,
};

static bool lists_strings(const struct mu_rules *rules, const struct mu_expression *expression)
{
    return expression->property == MU_PROPERTY_ATTRIBUTE &&
           rules->attributes[expression->attribute].type == MU_ATTRIBUTE_STRINGS;
}

/* Of the lists of strings that an expression results in. */
static enum change change_of(const struct mu_rules *rules, const struct mu_expression *expression)
{
    if (expression->kind == MU_EXPRESSION_STRINGS)
        return CHANGE_NONE;
    if (expression->kind != MU_EXPRESSION_PLAYERS)
        return CHANGE_ANY;
    bool each = lists_strings(rules, expression);
    if (expression->reduces_count == 0)
        return each ? CHANGE_NONE : CHANGE_GROWS;
    if (expression->reduces_count > 1)
        return CHANGE_ANY;
    if (expression->reduces[0] == MU_REDUCE_FLATTEN)
        return CHANGE_GROWS;
    return each && expression->reduces[0] == MU_REDUCE_INTERSECTION ? CHANGE_SHRINKS : CHANGE_ANY;
}

/* Whether a count that is out of bounds stays out of them when it can only grow, or shrink. */
static bool count_lasts(const struct mu_rule *rule, bool grows, bool shrinks)
{
    bool below = !isinf(rule->min.value);
    bool above = !isinf(rule->max.value);
    return (!below || !grows) && (!above || !shrinks);
}

static bool collection_lasts(const struct mu_rules *rules, const struct mu_rule *rule, uint32_t i)
{
    const struct mu_expression *measure = &rule->measures[i];
    enum change lists = change_of(rules, measure);
    enum change reference = change_of(rules, &rule->reference);
    switch (rule->operation) {
    case MU_OPERATION_INTERSECTION: return lists == CHANGE_NONE && count_lasts(rule, false, true);
    case MU_OPERATION_CONTAINS:
        return (lists == CHANGE_NONE || lists == CHANGE_GROWS) && count_lasts(rule, true, false);
    case MU_OPERATION_REFERENCE_INTERSECTION_COUNT:
        return lists != CHANGE_ANY && reference != CHANGE_ANY &&
               count_lasts(rule, lists == CHANGE_GROWS || reference == CHANGE_GROWS,
                           lists == CHANGE_SHRINKS || reference == CHANGE_SHRINKS);
    case MU_OPERATION_NONE:
    case MU_OPERATION_LESS:
    case MU_OPERATION_LESS_EQUAL:
    case MU_OPERATION_EQUAL:
    case MU_OPERATION_NOT_EQUAL:
    case MU_OPERATION_GREATER:
    case MU_OPERATION_GREATER_EQUAL: break;
    }
    return false;
}

/* A comparison of what only moves one way as players join. */
static bool comparison_lasts(const struct mu_rule *rule, const struct mu_expression *measure)
{
    bool constant = rule->reference.kind == MU_EXPRESSION_NUMBER ||
                    rule->reference.kind == MU_EXPRESSION_STRINGS ||
                    rule->reference.kind == MU_EXPRESSION_NONE;
    if (!constant || measure->kind != MU_EXPRESSION_PLAYERS)
        return false;
    if (measure->reduces_count == 0)
        return true; /* each player for himself, or any two of them */
    if (measure->reduces_count > 1 || rule->reference.kind != MU_EXPRESSION_NUMBER)
        return false;
    bool falls = measure->reduces[0] == MU_REDUCE_MIN;
    bool rises = measure->reduces[0] == MU_REDUCE_MAX || measure->reduces[0] == MU_REDUCE_COUNT;
    bool above =
        rule->operation == MU_OPERATION_GREATER || rule->operation == MU_OPERATION_GREATER_EQUAL;
    bool below = rule->operation == MU_OPERATION_LESS || rule->operation == MU_OPERATION_LESS_EQUAL;
    return (falls && above) || (rises && below);
}

/* Whether a and b are the extremes of one list: their distance only grows. */
static bool spans(const struct mu_expression *a, const struct mu_expression *b)
{
    if (a->kind != MU_EXPRESSION_PLAYERS || b->kind != MU_EXPRESSION_PLAYERS ||
        a->reduces_count != 1 || b->reduces_count != 1 || a->by_team || b->by_team)
        return false;
    bool extremes = (a->reduces[0] == MU_REDUCE_MAX && b->reduces[0] == MU_REDUCE_MIN) ||
                    (a->reduces[0] == MU_REDUCE_MIN && b->reduces[0] == MU_REDUCE_MAX);
    struct mu_expression same = *b;
    same.reduces[0] = a->reduces[0];
    return extremes && mu_expression_equal(a, &same);
}

static bool distance_lasts(const struct mu_rule *rule, const struct mu_expression *measure)
{
    if (rule->reference.kind == MU_EXPRESSION_NUMBER)
        return measure->kind == MU_EXPRESSION_PLAYERS && measure->reduces_count == 0;
    return isinf(rule->min.value) && spans(measure, &rule->reference);
}

static bool measures_last(const struct mu_rules *rules, const struct mu_rule *rule)
{
    for (uint32_t i = 0; i < rule->measures_count; i++) {
        const struct mu_expression *measure = &rule->measures[i];
        bool lasts = rule->type == MU_RULE_COLLECTION   ? collection_lasts(rules, rule, i)
                     : rule->type == MU_RULE_COMPARISON ? comparison_lasts(rule, measure)
                                                        : distance_lasts(rule, measure);
        if (!lasts)
            return false;
    }
    return true;
}

/* and() and or() of rules that last do; a rule that is broken may mend not() and xor(). */
static bool compound_lasts(const struct mu_rules *rules, const struct mu_rule *rule)
{
    for (uint32_t i = 0; i < rule->ops_count; i++) {
        const struct mu_logic_op *op = &rule->ops[i];
        if (op->logic == MU_LOGIC_NOT || op->logic == MU_LOGIC_XOR ||
            (op->logic == MU_LOGIC_RULE && !rules->rules[op->operand].lasting))
            return false;
    }
    return true;
}

static bool is_lasting(const struct mu_rules *rules, const struct mu_rule *rule)
{
    switch (rule->type) {
    case MU_RULE_DISTANCE:
    case MU_RULE_COMPARISON:
    case MU_RULE_COLLECTION: return measures_last(rules, rule);
    /* Regions only get fewer; but an average reference may rise and let one in again. */
    case MU_RULE_LATENCY: return isinf(rule->distance.value) || !rule->reference_average;
    case MU_RULE_BATCH_DISTANCE: return true;
    case MU_RULE_DISTANCE_SORT:
    case MU_RULE_ABSOLUTE_SORT: return false;
    case MU_RULE_COMPOUND: return compound_lasts(rules, rule);
    }
    return false;
}

/* Whether an expression is a constant or counts players. */
static bool is_sized(const struct mu_expression *expression)
{
    return expression->kind == MU_EXPRESSION_NUMBER || expression->kind == MU_EXPRESSION_NONE ||
           (expression->kind == MU_EXPRESSION_PLAYERS &&
            expression->property == MU_PROPERTY_PLAYER);
}

static bool rule_is_sized(const struct mu_rules *rules, const struct mu_rule *rule)
{
    for (uint32_t i = 0; i < rule->ops_count; i++) {
        if (rule->ops[i].logic == MU_LOGIC_RULE && !rules->rules[rule->ops[i].operand].sized)
            return false;
    }
    for (uint32_t i = 0; i < rule->measures_count; i++) {
        if (!is_sized(&rule->measures[i]))
            return false;
    }
    return is_sized(&rule->reference) && rule->type != MU_RULE_LATENCY;
}

static bool reads_players(const struct mu_expression *expression)
{
    return expression->kind == MU_EXPRESSION_PLAYERS && expression->property != MU_PROPERTY_PLAYER;
}

static uint32_t needs_of(const struct mu_rules *rules)
{
    uint32_t needs = rules->roles_attribute != MU_RULES_NONE ? MU_NEEDS_ROLES : 0;
    bool attributes = rules->balanced != MU_RULES_NONE || rules->sort_count > 0;
    for (uint32_t i = 0; i < rules->attributes_count; i++)
        attributes = attributes || !rules->attributes[i].has_default;
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        const struct mu_rule *rule = &rules->rules[i];
        if (rule->type == MU_RULE_LATENCY)
            needs |= MU_NEEDS_LATENCIES;
        attributes = attributes || reads_players(&rule->reference);
        for (uint32_t k = 0; k < rule->measures_count; k++)
            attributes = attributes || reads_players(&rule->measures[k]);
    }
    return needs | (attributes ? MU_NEEDS_ATTRIBUTES : 0);
}

void mu_rules_derive(struct mu_rules *rules)
{
    /* Compounds only name rules that are none. */
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < rules->rules_count; i++) {
            struct mu_rule *rule = &rules->rules[i];
            if ((rule->type == MU_RULE_COMPOUND) != (pass == 1))
                continue;
            rule->lasting = is_lasting(rules, rule);
            rule->sized = rule_is_sized(rules, rule);
        }
    }
    rules->needs = needs_of(rules);
}
