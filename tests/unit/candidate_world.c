/* tests/unit/candidate_world.c - random rule sets and tickets; see candidate_world.h. */
#include "tests/unit/candidate_world.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "actors/rules_compile_read.h"

uint32_t world_below(struct world *world, uint32_t bound)
{
    return (uint32_t)mu_rng_below(&world->rng, bound);
}

bool world_chance(struct world *world, uint32_t percent)
{
    return mu_rng_below(&world->rng, 100) < percent;
}

static struct mu_limit fixed(double value)
{
    return (struct mu_limit){ .value = value };
}

/* A limit that may change with age, by whole steps. */
static struct mu_limit limit(struct world *world, double value, double step)
{
    struct mu_limit ret = fixed(value);
    if (world_chance(world, 25)) {
        ret.steps_count = 1 + world_below(world, 2);
        for (uint32_t i = 0; i < ret.steps_count; i++) {
            value = fmax(0, value + step * ((double)world_below(world, 3) - 0.5));
            ret.steps[i] =
                (struct mu_limit_step){ .at_ms = 5000 * (int64_t)(i + 1), .value = floor(value) };
        }
    } else if (world_chance(world, 10)) {
        ret.every_ms = 3000;
        ret.delta = step;
        ret.bound = value + 3 * step;
    }
    return ret;
}

static void make_attributes(struct mu_rules *rules)
{
    static const enum mu_attribute_type types[WORLD_ATTRIBUTES] = {
        MU_ATTRIBUTE_NUMBER, MU_ATTRIBUTE_NUMBER, MU_ATTRIBUTE_STRING, MU_ATTRIBUTE_STRINGS,
        MU_ATTRIBUTE_STRINGS
    };
    rules->attributes_count = WORLD_ATTRIBUTES;
    for (uint32_t i = 0; i < WORLD_ATTRIBUTES; i++) {
        (void)snprintf(rules->attributes[i].name, sizeof rules->attributes[i].name, "a%u",
                       (unsigned)i);
        rules->attributes[i].type = types[i];
        rules->attributes[i].has_default = true;
        rules->attributes[i].number = 3;
        rules->attributes[i].symbols_count = 1;
        rules->attributes[i].symbols[0] = world_symbol(0);
    }
}

static void make_quotas(struct world *world, struct mu_team *team)
{
    team->quotas_count = 1 + world_below(world, 3);
    for (uint32_t i = 0; i < team->quotas_count; i++) {
        uint32_t min = world_below(world, 2);
        team->quotas[i] = (struct mu_quota){ .symbol = world_symbol(i),
                                             .min = min,
                                             .max = min + world_below(world, 3) };
    }
}

static void make_teams(struct world *world, struct mu_rules *rules)
{
    rules->teams_count = 1 + world_below(world, world_chance(world, 10) ? 9 : 3);
    rules->alike = rules->teams_count == 1 || world_chance(world, 50);
    rules->for_all = rules->teams_count == 1 && world_chance(world, 60);
    rules->teams_min = rules->teams_count;
    bool roles = world_chance(world, 15);
    rules->roles_attribute = roles ? 3 + world_below(world, 2) : MU_RULES_NONE;
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        struct mu_team *team = &rules->teams[i];
        if (i > 0 && rules->alike) {
            *team = rules->teams[0];
        } else {
            double min = (double)world_below(world, 3);
            double max = min + (double)world_below(world, rules->for_all ? 6 : 3);
            team->players_min = limit(world, min, 1);
            team->players_max = limit(world, max < 1 ? 1 : max, 1);
            if (roles && world_chance(world, 80)) {
                make_quotas(world, team);
            }
        }
        team->like = rules->alike ? 0 : i;
        (void)snprintf(team->name, sizeof team->name, "t%u", (unsigned)i);
    }
    if (rules->alike && rules->teams_count > 1 && world_chance(world, 50)) {
        rules->teams_min = 1 + world_below(world, rules->teams_count - 1);
    }
    rules->prefer = fixed(HUGE_VAL);
    if (world_chance(world, 15)) {
        rules->prefer = fixed(2 + (double)world_below(world, 4));
        rules->prefer.steps_count = 1;
        rules->prefer.steps[0] = (struct mu_limit_step){ .at_ms = 6000, .value = HUGE_VAL };
    }
    rules->fill_ms = world_chance(world, 15) ? 8000 : 0;
    rules->parties = (enum mu_party_policy)world_below(world, 3);
}

/* Which players an expression is about. */
static void make_scope(struct world *world, struct mu_expression *ret)
{
    uint32_t teams = world->rules.teams_count;
    ret->kind = MU_EXPRESSION_PLAYERS;
    ret->all_teams = world_chance(world, 60);
    ret->by_team = world_chance(world, 60);
    for (uint32_t i = 0; i < teams && !ret->all_teams; i++) {
        if (world_chance(world, 50)) {
            ret->teams[i / 8] = (uint8_t)(ret->teams[i / 8] | 1u << (i % 8));
        }
    }
}

static void add_reduce(struct mu_expression *expression, enum mu_reduce reduce)
{
    expression->reduces[expression->reduces_count++] = reduce;
}

/* Numbers; depth: how many lists are left. */
static void make_numbers(struct world *world, uint32_t depth, struct mu_expression *ret)
{
    static const enum mu_property properties[] = { MU_PROPERTY_ATTRIBUTE, MU_PROPERTY_ATTRIBUTE,
                                                   MU_PROPERTY_RATING, MU_PROPERTY_DEVIATION,
                                                   MU_PROPERTY_PLAYER };
    static const enum mu_reduce reduces[] = { MU_REDUCE_MIN,    MU_REDUCE_MAX, MU_REDUCE_AVG,
                                              MU_REDUCE_MEDIAN, MU_REDUCE_SUM, MU_REDUCE_STDDEV,
                                              MU_REDUCE_COUNT };
    memset(ret, 0, sizeof *ret);
    make_scope(world, ret);
    ret->property = properties[world_below(world, depth < 2 ? 5 : 4)];
    ret->attribute = world_below(world, 2);
    ret->by_team = depth == 2 || ret->by_team;
    uint32_t levels = ret->by_team ? 2 : 1;
    if (ret->property == MU_PROPERTY_PLAYER) {
        ret->by_team = depth == 1 || ret->by_team;
        levels = ret->by_team ? 1 : 0;
        add_reduce(ret, MU_REDUCE_COUNT);
    } else if (depth == 0 && world_chance(world, 10)) { /* how many strings all share */
        ret->property = MU_PROPERTY_ATTRIBUTE;
        ret->attribute = 3;
        ret->by_team = false;
        levels = 0;
        add_reduce(ret, MU_REDUCE_INTERSECTION);
        add_reduce(ret, MU_REDUCE_COUNT);
    }
    for (; levels > depth; levels--) {
        add_reduce(ret, reduces[world_below(world, 7)]);
    }
}

/* Strings, with at least depth lists. */
static void make_strings(struct world *world, uint32_t depth, struct mu_expression *ret)
{
    memset(ret, 0, sizeof *ret);
    make_scope(world, ret);
    ret->property = world_chance(world, 70) ? MU_PROPERTY_ATTRIBUTE : MU_PROPERTY_ID;
    ret->attribute = 2 + world_below(world, 3);
    bool sets = ret->property == MU_PROPERTY_ATTRIBUTE && ret->attribute > 2;
    uint32_t levels = (ret->by_team ? 2u : 1u) + (sets ? 1u : 0u);
    if (levels < depth) {
        ret->by_team = true;
        levels++;
    }
    while (levels > depth && levels >= 2 && world_chance(world, 40)) {
        add_reduce(ret, world_chance(world, 50) ? MU_REDUCE_FLATTEN : MU_REDUCE_INTERSECTION);
        levels--;
        if (ret->reduces[0] == MU_REDUCE_FLATTEN && ret->by_team) {
            ret->by_team = false; /* as the compiler does it */
            ret->reduces_count--;
        }
    }
}

static void make_reference_number(struct world *world, struct mu_rule *rule)
{
    if (world_chance(world, 60)) {
        rule->reference.kind = MU_EXPRESSION_NUMBER;
        rule->reference_number = limit(world, (double)world_below(world, 7), 1);
        rule->reference.number = rule->reference_number.value;
    } else if (world_chance(world, 85)) {
        make_numbers(world, 0, &rule->reference);
    } else {
        rule->reference.kind =
            world_chance(world, 50) ? MU_EXPRESSION_WIN_PROBABILITY : MU_EXPRESSION_QUALITY;
    }
}

static void make_distance(struct world *world, struct mu_rule *rule)
{
    rule->type = MU_RULE_DISTANCE;
    rule->measures_count = 1 + (world_chance(world, 20) ? 1 : 0);
    for (uint32_t i = 0; i < rule->measures_count; i++) {
        make_numbers(world, world_below(world, 3), &rule->measures[i]);
    }
    make_reference_number(world, rule);
    rule->min = world_chance(world, 30) ? limit(world, 1, 1) : fixed(-HUGE_VAL);
    rule->max = world_chance(world, 80) || isinf(rule->min.value)
                    ? limit(world, 1 + (double)world_below(world, 5), 2)
                    : fixed(HUGE_VAL);
}

static void make_comparison(struct world *world, struct mu_rule *rule)
{
    rule->type = MU_RULE_COMPARISON;
    rule->measures_count = 1;
    bool strings = world_chance(world, 40);
    bool alone = world_chance(world, 40);
    bool equality = strings || alone;
    rule->operation = (enum mu_operation)(MU_OPERATION_LESS + world_below(world, 6));
    if (equality) {
        rule->operation = world_chance(world, 50) ? MU_OPERATION_EQUAL : MU_OPERATION_NOT_EQUAL;
    }
    if (strings) {
        make_strings(world, 1, &rule->measures[0]);
    } else {
        make_numbers(world, (alone ? 1 : 0) + world_below(world, 2), &rule->measures[0]);
    }
    if (alone) {
        return;
    }
    if (strings) {
        rule->reference.kind = MU_EXPRESSION_STRINGS;
        rule->reference.symbols_count = 1;
        rule->reference.symbols[0] = world_symbol(world_below(world, WORLD_STRINGS));
    } else {
        make_reference_number(world, rule);
    }
}

static void make_collection(struct world *world, struct mu_rule *rule)
{
    rule->type = MU_RULE_COLLECTION;
    rule->measures_count = 1 + (world_chance(world, 20) ? 1 : 0);
    rule->operation = (enum mu_operation)(MU_OPERATION_INTERSECTION + world_below(world, 3));
    rule->aggregation = world_chance(world, 50) ? MU_AGGREGATE_UNION : MU_AGGREGATE_INTERSECTION;
    bool shared = rule->operation == MU_OPERATION_INTERSECTION;
    for (uint32_t i = 0; i < rule->measures_count; i++) {
        make_strings(world, shared ? 2 : 1, &rule->measures[i]);
    }
    rule->min =
        world_chance(world, 50) ? limit(world, (double)world_below(world, 3), 1) : fixed(-HUGE_VAL);
    rule->max =
        world_chance(world, 50) ? limit(world, (double)world_below(world, 4), 1) : fixed(HUGE_VAL);
    if (isinf(rule->min.value) && isinf(rule->max.value)) {
        rule->min = fixed(1);
    }
    if (shared) {
        return;
    }
    if (rule->operation == MU_OPERATION_REFERENCE_INTERSECTION_COUNT && world_chance(world, 60)) {
        make_strings(world, 1, &rule->reference);
        rule->reference.by_team = false;
        bool sets =
            rule->reference.property == MU_PROPERTY_ATTRIBUTE && rule->reference.attribute > 2;
        rule->reference.reduces_count = 0;
        if (sets) {
            add_reduce(&rule->reference,
                       world_chance(world, 50) ? MU_REDUCE_FLATTEN : MU_REDUCE_INTERSECTION);
        }
        return;
    }
    rule->reference.kind = MU_EXPRESSION_STRINGS;
    rule->reference.symbols_count =
        rule->operation == MU_OPERATION_CONTAINS ? 1 : 1 + world_below(world, 3);
    for (uint32_t i = 0; i < rule->reference.symbols_count; i++) {
        rule->reference.symbols[i] = world_symbol(i + world_below(world, 3));
    }
}

static void make_latency(struct world *world, struct mu_rule *rule)
{
    rule->type = MU_RULE_LATENCY;
    rule->max = fixed(HUGE_VAL);
    rule->distance = fixed(HUGE_VAL);
    bool both = world_chance(world, 30);
    if (both || world_chance(world, 60)) {
        rule->max = limit(world, 60 + (double)world_below(world, 60), 30);
    }
    if (both || isinf(rule->max.value)) {
        rule->distance = limit(world, 20 + (double)world_below(world, 40), 30);
        rule->reference_average = world_chance(world, 50);
    }
}

static void make_batch(struct world *world, struct mu_rule *rule)
{
    rule->type = MU_RULE_BATCH_DISTANCE;
    rule->measures_count = 1;
    rule->measures[0] = (struct mu_expression){ .kind = MU_EXPRESSION_PLAYERS,
                                                .all_teams = true,
                                                .property = MU_PROPERTY_ATTRIBUTE,
                                                .attribute = world_below(world, 3) };
    rule->max = fixed(HUGE_VAL);
    if (rule->measures[0].attribute < 2) {
        rule->max = limit(world, 1 + (double)world_below(world, 6), 2);
    }
}

static void make_compound(struct world *world, struct mu_rule *rule, uint32_t index)
{
    static const enum mu_logic logics[] = { MU_LOGIC_AND, MU_LOGIC_OR, MU_LOGIC_XOR };
    rule->type = MU_RULE_COMPOUND;
    uint32_t depth = 0;
    uint32_t children = 2 + world_below(world, 2);
    for (uint32_t i = 0; i < children; i++) {
        uint32_t child = world_below(world, index);
        if (world->rules.rules[child].type == MU_RULE_COMPOUND) {
            continue;
        }
        world->rules.rules[child].child = true;
        rule->ops[rule->ops_count++] = (struct mu_logic_op){ MU_LOGIC_RULE, child };
        depth++;
        if (world_chance(world, 25)) {
            rule->ops[rule->ops_count++] = (struct mu_logic_op){ MU_LOGIC_NOT, 1 };
        }
    }
    if (depth > 0) {
        rule->ops[rule->ops_count++] = (struct mu_logic_op){ logics[world_below(world, 3)], depth };
    }
}

static void make_rule(struct world *world, uint32_t index)
{
    struct mu_rule *rule = &world->rules.rules[index];
    memset(rule, 0, sizeof *rule);
    rule->aggregation = (enum mu_aggregation)world_below(world, 3);
    rule->optional_after_ms = world_chance(world, 10) ? 7000 : MU_NEVER;
    rule->weight = world_chance(world, 20) ? 0.5 + (double)world_below(world, 2) : 0;
    rule->min = fixed(-HUGE_VAL);
    rule->max = fixed(HUGE_VAL);
    switch (world_below(world, index > 0 ? 9 : 8)) {
    case 0:
    case 1: make_distance(world, rule); break;
    case 2:
    case 3: make_comparison(world, rule); break;
    case 4:
    case 5: make_collection(world, rule); break;
    case 6: make_latency(world, rule); break;
    case 7: make_batch(world, rule); break;
    default: make_compound(world, rule, index); break;
    }
}

static void make_rules(struct world *world)
{
    struct mu_rules *rules = &world->rules;
    uint32_t count = rules->rules_count; /* those of the world before must be undone */
    memset(rules->rules, 0, count * sizeof rules->rules[0]);
    memset(rules->teams, 0, rules->teams_count * sizeof rules->teams[0]);
    make_attributes(rules);
    make_teams(world, rules);
    rules->rules_count = world_chance(world, 15) ? 0 : 1 + world_below(world, 6);
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        make_rule(world, i);
    }
    rules->window = (struct mu_window){
        .used = world_chance(world, 20), .points = 100, .per_second = 20, .max = 300
    };
    rules->latency_max_ms = world_chance(world, 20) ? 100 : 0;
    rules->oldest_age = world_chance(world, 50);
    rules->large = world_chance(world, 20);
    rules->fastest = world_chance(world, 50);
    rules->balanced = MU_RULES_NONE;
    rules->objective = (struct mu_objective){ .beta = 200,
                                              .uncertainty = world_chance(world, 50) ? 1 : 0,
                                              .imbalance_weight = 0.9,
                                              .spread = 300,
                                              .fairness = 0.7,
                                              .closeness = 1,
                                              .fullness = world_chance(world, 50) ? 1.5 : 0 };
    mu_rules_derive(rules);
}

static bool names_teams(const struct mu_expression *expression)
{
    return expression->kind == MU_EXPRESSION_PLAYERS && !expression->all_teams;
}

void world_name_teams(struct world *world)
{
    struct mu_rules *rules = &world->rules;
    bool named = false;
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        named = named || names_teams(&rules->rules[i].reference);
        for (uint32_t j = 0; j < rules->rules[i].measures_count; j++) {
            named = named || names_teams(&rules->rules[i].measures[j]);
        }
    }
    for (uint32_t i = 0; i < rules->teams_count && named; i++) {
        rules->teams[i].like = i;
    }
}

void world_make(struct world *world)
{
    world->config.regions_count = WORLD_REGIONS;
    for (uint32_t i = 0; i < WORLD_REGIONS; i++) {
        (void)snprintf(world->config.regions[i].name, sizeof world->config.regions[i].name, "r%u",
                       (unsigned)i);
    }
    make_rules(world);
    world->now_ms = 1000000;
    world->tickets_count = 4 + world_below(world, WORLD_TICKETS_MAX - 3);
    uint32_t id = 0;
    for (uint32_t i = 0; i < world->tickets_count; i++) {
        world_make_ticket(world, &id, &world->tickets[i]);
    }
}
