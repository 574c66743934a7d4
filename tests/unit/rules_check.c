/* tests/unit/rules_check.c - the invariants of compiled rule sets, asserted. */
#include "tests/unit/rules_check.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static void check_limit(const struct mu_limit *limit)
{
    assert(!isnan(limit->value));
    assert(limit->steps_count <= MU_RULES_STEPS_MAX);
    int64_t before = -1;
    for (uint32_t i = 0; i < limit->steps_count; i++) {
        assert(!isnan(limit->steps[i].value));
        assert(limit->steps[i].at_ms > before);
        before = limit->steps[i].at_ms;
    }
    assert(limit->every_ms >= 0);
    assert(limit->every_ms == 0 || (isfinite(limit->delta) && !isnan(limit->bound)));
    int64_t age = 0;
    for (uint32_t i = 0; i < 40 && age != MU_NEVER; i++) {
        int64_t next = mu_limit_next(limit, age);
        assert(next > age);
        assert(next == MU_NEVER || mu_limit_at(limit, next) < mu_limit_at(limit, age) ||
               mu_limit_at(limit, next) > mu_limit_at(limit, age));
        assert(next == MU_NEVER || !(mu_limit_at(limit, next - 1) < mu_limit_at(limit, age)));
        assert(next == MU_NEVER || !(mu_limit_at(limit, next - 1) > mu_limit_at(limit, age)));
        age = next;
    }
}

static void check_expression(const struct mu_rules *rules, const struct mu_expression *expression)
{
    assert(expression->symbols_count <= MU_RULES_SYMBOLS_MAX);
    assert(expression->reduces_count <= MU_RULES_REDUCES_MAX);
    assert((expression->kind == MU_EXPRESSION_STRINGS) == (expression->symbols_count > 0));
    if (expression->kind != MU_EXPRESSION_PLAYERS)
        return;
    uint32_t teams = 0;
    for (uint32_t i = 0; i < MU_TEAMS_MAX; i++) {
        bool named = (expression->teams[i / 8] >> i % 8 & 1u) != 0;
        assert(!named || i < rules->teams_count);
        teams += named;
    }
    assert((teams == 0) == expression->all_teams);
    assert(teams < rules->teams_count);
    assert(expression->property != MU_PROPERTY_ATTRIBUTE ||
           (expression->attribute < rules->attributes_count &&
            rules->attributes[expression->attribute].type <= MU_ATTRIBUTE_MAP));
    /* A bare list of players is good for nothing but to be counted. */
    assert(expression->property != MU_PROPERTY_PLAYER ||
           (expression->reduces_count > 0 && expression->reduces[0] == MU_REDUCE_COUNT));
}

static void check_statement(const struct mu_rules *rules, const struct mu_rule *rule)
{
    uint32_t depth = 0;
    for (uint32_t i = 0; i < rule->ops_count; i++) {
        const struct mu_logic_op *op = &rule->ops[i];
        if (op->logic == MU_LOGIC_RULE) {
            assert(op->operand < rules->rules_count);
            assert(rules->rules[op->operand].child);
            assert(rules->rules[op->operand].type != MU_RULE_COMPOUND);
            depth++;
            continue;
        }
        assert(op->operand >= 1 && op->operand <= depth);
        assert(op->logic != MU_LOGIC_NOT || op->operand == 1);
        depth -= op->operand - 1;
    }
    assert(depth == (rule->type == MU_RULE_COMPOUND));
}

static void check_rule(const struct mu_rules *rules, const struct mu_rule *rule)
{
    bool compound = rule->type == MU_RULE_COMPOUND;
    bool latency = rule->type == MU_RULE_LATENCY;
    assert(rule->name[0] != '\0' && memchr(rule->name, '\0', sizeof rule->name) != NULL);
    assert(rule->weight >= 0.0 && rule->optional_after_ms > 0);
    assert(!rule->child || (rule->optional_after_ms == MU_NEVER && !(rule->weight > 0.0)));
    assert((rule->measures_count == 0) == (compound || latency));
    assert(rule->measures_count <= MU_RULES_MEASURES_MAX);
    for (uint32_t i = 0; i < rule->measures_count; i++) {
        check_expression(rules, &rule->measures[i]);
        assert(rule->measures[i].kind == MU_EXPRESSION_PLAYERS ||
               rule->measures[i].kind == MU_EXPRESSION_WIN_PROBABILITY ||
               rule->measures[i].kind == MU_EXPRESSION_QUALITY);
    }
    check_expression(rules, &rule->reference);
    check_limit(&rule->reference_number);
    check_limit(&rule->min);
    check_limit(&rule->max);
    check_limit(&rule->distance);
    assert(rule->type != MU_RULE_COLLECTION || rule->aggregation >= MU_AGGREGATE_UNION);
    assert(rule->type == MU_RULE_COLLECTION || rule->aggregation <= MU_AGGREGATE_MAX);
    check_statement(rules, rule);
}

static void check_teams(const struct mu_rules *rules)
{
    assert(rules->teams_count >= 1 && rules->teams_count <= MU_TEAMS_MAX);
    assert(rules->teams_min >= 1 && rules->teams_min <= rules->teams_count);
    assert(rules->teams_min == rules->teams_count || rules->alike);
    assert(!rules->for_all || rules->teams_count == 1);
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        const struct mu_team *team = &rules->teams[i];
        check_limit(&team->players_min);
        check_limit(&team->players_max);
        assert(mu_rules_team(rules, team->name) == i);
        assert(team->like <= i && rules->teams[team->like].like == team->like);
        assert(!rules->alike || team->like == 0);
        assert(team->quotas_count <= MU_RULES_QUOTAS_MAX);
        for (int64_t age = 0; age < 120000; age += 7919)
            assert(mu_team_min(rules, i, age) <= mu_team_max(rules, i, age));
    }
    uint32_t players = mu_rules_players_max(rules, 0);
    assert(players >= 1 && players <= MU_MATCH_PLAYERS_MAX);
    assert(mu_rules_players_min(rules, 0) <= players);
}

static void check_rules(const struct mu_rules *rules)
{
    check_teams(rules);
    check_limit(&rules->prefer);
    assert(rules->attributes_count <= MU_RULES_ATTRIBUTES_MAX);
    for (uint32_t i = 0; i < rules->attributes_count; i++)
        assert(mu_rules_attribute(rules, rules->attributes[i].name) == i);
    assert(rules->rules_count <= MU_RULES_COUNT_MAX);
    for (uint32_t i = 0; i < rules->rules_count; i++)
        check_rule(rules, &rules->rules[i]);
    assert(rules->party_max >= 1 && rules->party_max <= MU_TICKET_PLAYERS_MAX);
    assert(rules->roles_attribute == MU_RULES_NONE ||
           rules->attributes[rules->roles_attribute].type == MU_ATTRIBUTE_STRINGS);
    assert(rules->balanced == MU_RULES_NONE ||
           rules->attributes[rules->balanced].type == MU_ATTRIBUTE_NUMBER);
    assert(rules->objective.latency_bad_ms > rules->objective.latency_good_ms);
    assert(rules->sort_count <= sizeof rules->sort / sizeof rules->sort[0]);
    assert(mu_rules_next(rules, 0) > 0);
}

void rules_check_book(const struct mu_rulebook *book)
{
    assert(book->shapes_count >= 1 && book->shapes_count <= MU_RULES_SHAPES_MAX);
    for (uint32_t i = 0; i < book->shapes_count; i++) {
        check_rules(book->shapes[i]);
        assert(book->shapes[i]->rules_count == book->shapes[0]->rules_count);
        assert(book->shapes[i]->attributes_count == book->shapes[0]->attributes_count);
        assert(book->shapes[i]->hash == book->shapes[0]->hash);
    }
}

void rules_check_base(struct mu_rules *ret)
{
    *ret = (struct mu_rules){
        .name = "queue",
        .teams_count = 2,
        .teams_min = 2,
        .fill_ms = 20000,
        .latency_max_ms = 150,
        .wait_max_ms = 600000,
        .party_max = 5,
        .roles_attribute = MU_RULES_NONE,
        .balanced = MU_RULES_NONE,
        .objective = { .waits = true,
                       .beta = 200.0,
                       .imbalance_weight = 1.0,
                       .spread = 300.0,
                       .fairness = 1.0,
                       .closeness = 1.0,
                       .nearness = 1.0,
                       .latency_good_ms = 40.0,
                       .latency_bad_ms = 260.0,
                       .wait_ms = 240000.0,
                       .delta = 0.3,
                       .first_ms = 500000,
                       .sample_count = 240,
                       .sample_ms = 900000 },
    };
}
