/* actors/rules_compile_alike.c - which teams are no different from each other.
 *
 * Two teams are alike when exchanging them changes nothing: their sizes and roles are the same, and
 * the rules, with the two exchanged in every expression, are the same rules again. */
#include "actors/rules_compile_read.h"

#include <string.h>

static bool has_team(const struct mu_expression *expression, uint32_t team)
{
    return expression->all_teams || ((unsigned)expression->teams[team / 8] >> team % 8 & 1u) != 0;
}

/* Written without comparing doubles by ==, which would be right but looks like a mistake. */
static bool same_number(double a, double b)
{
    return !(a < b) && !(b < a);
}

bool mu_expression_equal(const struct mu_expression *a, const struct mu_expression *b)
{
    if (a->kind != b->kind || !same_number(a->number, b->number) ||
        a->symbols_count != b->symbols_count || a->all_teams != b->all_teams ||
        a->by_team != b->by_team || a->property != b->property || a->attribute != b->attribute ||
        a->reduces_count != b->reduces_count)
        return false;
    return memcmp(a->symbols, b->symbols, a->symbols_count * sizeof a->symbols[0]) == 0 &&
           memcmp(a->teams, b->teams, sizeof a->teams) == 0 &&
           memcmp(a->reduces, b->reduces, a->reduces_count * sizeof a->reduces[0]) == 0;
}

/* Two teams that are exchanged. */
struct exchange {
    uint32_t a;
    uint32_t b;
};

static struct mu_expression exchanged(const struct mu_expression *expression,
                                      struct exchange exchange)
{
    struct mu_expression ret = *expression;
    if (has_team(expression, exchange.a) == has_team(expression, exchange.b))
        return ret;
    ret.teams[exchange.a / 8] ^= (uint8_t)(1u << exchange.a % 8);
    ret.teams[exchange.b / 8] ^= (uint8_t)(1u << exchange.b % 8);
    return ret;
}

static bool tells_apart(const struct mu_rule *rule, struct exchange exchange)
{
    if (has_team(&rule->reference, exchange.a) != has_team(&rule->reference, exchange.b))
        return true;
    for (uint32_t i = 0; i < rule->measures_count; i++) {
        if (has_team(&rule->measures[i], exchange.a) != has_team(&rule->measures[i], exchange.b))
            return true;
    }
    return false;
}

static bool same_limit(const struct mu_limit *a, const struct mu_limit *b)
{
    if (!same_number(a->value, b->value) || a->steps_count != b->steps_count ||
        a->every_ms != b->every_ms || !same_number(a->delta, b->delta) ||
        !same_number(a->bound, b->bound))
        return false;
    for (uint32_t i = 0; i < a->steps_count; i++) {
        if (a->steps[i].at_ms != b->steps[i].at_ms ||
            !same_number(a->steps[i].value, b->steps[i].value))
            return false;
    }
    return true;
}

static bool same_team(const struct mu_team *a, const struct mu_team *b)
{
    if (!same_limit(&a->players_min, &b->players_min) ||
        !same_limit(&a->players_max, &b->players_max) || a->quotas_count != b->quotas_count)
        return false;
    for (uint32_t i = 0; i < a->quotas_count; i++) {
        if (a->quotas[i].symbol != b->quotas[i].symbol || a->quotas[i].min != b->quotas[i].min ||
            a->quotas[i].max != b->quotas[i].max)
            return false;
    }
    return true;
}

/* Everything of two rules but their expressions and names. */
static bool same_terms(const struct mu_rule *a, const struct mu_rule *b)
{
    return a->type == b->type && same_number(a->weight, b->weight) &&
           a->optional_after_ms == b->optional_after_ms && a->operation == b->operation &&
           a->aggregation == b->aggregation && a->measures_count == b->measures_count &&
           same_limit(&a->min, &b->min) && same_limit(&a->max, &b->max) &&
           same_limit(&a->reference_number, &b->reference_number);
}

static bool has_measure(const struct mu_rule *rule, const struct mu_expression *measure)
{
    for (uint32_t i = 0; i < rule->measures_count; i++) {
        if (mu_expression_equal(&rule->measures[i], measure))
            return true;
    }
    return false;
}

/* Whether the measurements of a, exchanged, are those of b, and back. */
static bool same_measures(const struct mu_rule *a, const struct mu_rule *b,
                          struct exchange exchange)
{
    for (uint32_t i = 0; i < a->measures_count; i++) {
        struct mu_expression there = exchanged(&a->measures[i], exchange);
        struct mu_expression back = exchanged(&b->measures[i], exchange);
        if (!has_measure(b, &there) || !has_measure(a, &back))
            return false;
    }
    return true;
}

/* Whether a measurement and the reference may change places. */
static bool is_mutual(const struct mu_rule *rule)
{
    bool equality =
        rule->operation == MU_OPERATION_EQUAL || rule->operation == MU_OPERATION_NOT_EQUAL;
    return rule->measures_count == 1 &&
           (rule->type == MU_RULE_DISTANCE || (rule->type == MU_RULE_COMPARISON && equality));
}

/* Whether a, with the teams exchanged, is b. */
static bool becomes(const struct mu_rule *a, const struct mu_rule *b, struct exchange exchange)
{
    if (!same_terms(a, b))
        return false;
    struct mu_expression reference = exchanged(&a->reference, exchange);
    if (same_measures(a, b, exchange) && mu_expression_equal(&reference, &b->reference))
        return true;
    struct mu_expression measure = exchanged(&a->measures[0], exchange);
    return is_mutual(a) && mu_expression_equal(&reference, &b->measures[0]) &&
           mu_expression_equal(&measure, &b->reference);
}

/* Whether a rule, with the teams exchanged, is itself or another one; a part of a compound must be
 * itself, for its place in there. */
static bool is_kept(const struct mu_rules *rules, uint32_t index, struct exchange exchange)
{
    const struct mu_rule *rule = &rules->rules[index];
    if (!tells_apart(rule, exchange) || becomes(rule, rule, exchange))
        return true;
    for (uint32_t i = 0; i < rules->rules_count && !rule->child; i++) {
        if (!rules->rules[i].child && becomes(rule, &rules->rules[i], exchange))
            return true;
    }
    return false;
}

static bool are_alike(const struct mu_rules *rules, struct exchange exchange)
{
    if (!same_team(&rules->teams[exchange.a], &rules->teams[exchange.b]))
        return false;
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        if (!is_kept(rules, i, exchange))
            return false;
    }
    return true;
}

void mu_rules_find_alike(struct mu_rules *rules)
{
    rules->alike = true;
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        uint32_t k = 0;
        /* Being alike is transitive, so the first one of each kind speaks for all of it. */
        while (k < i && (rules->teams[k].like != k ||
                         !are_alike(rules, (struct exchange){ .a = k, .b = i })))
            k++;
        rules->teams[i].like = k;
        rules->alike = rules->alike && k == 0;
    }
}
