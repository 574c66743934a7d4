/* actors/rules.c - limits that change with age, and what a compiled rule set says of sizes. */
#include "actors/rules.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* When the linear part begins: with the last step, or at once. */
static int64_t linear_since(const struct mu_limit *limit)
{
    return limit->steps_count == 0 ? 0 : limit->steps[limit->steps_count - 1].at_ms;
}

/* Where the linear part begins. */
static double linear_from(const struct mu_limit *limit)
{
    return limit->steps_count == 0 ? limit->value : limit->steps[limit->steps_count - 1].value;
}

double mu_limit_at(const struct mu_limit *limit, int64_t age_ms)
{
    assert(limit->steps_count <= MU_RULES_STEPS_MAX);
    int64_t age = age_ms > 0 ? age_ms : 0;
    double value = limit->value;
    for (uint32_t i = 0; i < limit->steps_count && limit->steps[i].at_ms <= age; i++)
        value = limit->steps[i].value;
    if (limit->every_ms <= 0 || age < linear_since(limit))
        return value;
    int64_t times = (age - linear_since(limit)) / limit->every_ms;
    double moved = value + limit->delta * (double)times;
    return limit->delta > 0.0 ? fmin(moved, limit->bound) : fmax(moved, limit->bound);
}

int64_t mu_limit_next(const struct mu_limit *limit, int64_t age_ms)
{
    int64_t age = age_ms > 0 ? age_ms : 0;
    double now = mu_limit_at(limit, age);
    for (uint32_t i = 0; i < limit->steps_count; i++) {
        if (limit->steps[i].at_ms > age && limit->steps[i].value != now)
            return limit->steps[i].at_ms;
    }
    if (limit->every_ms <= 0)
        return MU_NEVER;
    double value = age < linear_since(limit) ? linear_from(limit) : now;
    if (limit->delta == 0.0 || (limit->delta > 0.0) != (value < limit->bound) ||
        value == limit->bound)
        return MU_NEVER;
    int64_t since = linear_since(limit);
    int64_t periods = age < since ? 0 : (age - since) / limit->every_ms;
    if (since > MU_NEVER / 2 || periods > MU_NEVER / 2 / limit->every_ms - 1)
        return MU_NEVER;
    return since + (periods + 1) * limit->every_ms;
}

/* A limit of players as a number of them. */
static uint32_t whole(double players)
{
    if (!(players > 0.0))
        return 0;
    return players < MU_MATCH_PLAYERS_MAX ? (uint32_t)players : MU_MATCH_PLAYERS_MAX;
}

uint32_t mu_team_min(const struct mu_rules *rules, uint32_t team, int64_t age_ms)
{
    assert(team < rules->teams_count);
    return whole(ceil(mu_limit_at(&rules->teams[team].players_min, age_ms)));
}

uint32_t mu_team_max(const struct mu_rules *rules, uint32_t team, int64_t age_ms)
{
    assert(team < rules->teams_count);
    return whole(floor(mu_limit_at(&rules->teams[team].players_max, age_ms)));
}

uint32_t mu_rules_players_max(const struct mu_rules *rules, int64_t age_ms)
{
    uint32_t players = 0;
    for (uint32_t i = 0; i < rules->teams_count; i++)
        players += mu_team_max(rules, i, age_ms);
    return players < MU_MATCH_PLAYERS_MAX ? players : MU_MATCH_PLAYERS_MAX;
}

uint32_t mu_rules_players_min(const struct mu_rules *rules, int64_t age_ms)
{
    assert(rules->teams_min <= rules->teams_count);
    uint32_t players = 0;
    for (uint32_t i = 0; i < rules->teams_min; i++)
        players += mu_team_min(rules, i, age_ms);
    if (players == 0)
        return 1; /* nobody is no match */
    return players < MU_MATCH_PLAYERS_MAX ? players : MU_MATCH_PLAYERS_MAX;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* An age at which something happens once. */
static int64_t once(int64_t at_ms, int64_t age_ms)
{
    return at_ms > age_ms && at_ms > 0 ? at_ms : MU_NEVER;
}

int64_t mu_rules_next(const struct mu_rules *rules, int64_t age_ms)
{
    int64_t age = age_ms > 0 ? age_ms : 0;
    int64_t next = sooner(mu_limit_next(&rules->prefer, age), once(rules->fill_ms, age));
    next = sooner(next, once(rules->region_turn_ms, age));
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        next = sooner(next, mu_limit_next(&rules->teams[i].players_min, age));
        next = sooner(next, mu_limit_next(&rules->teams[i].players_max, age));
    }
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        const struct mu_rule *rule = &rules->rules[i];
        next = sooner(next, mu_limit_next(&rule->reference_number, age));
        next = sooner(next, mu_limit_next(&rule->min, age));
        next = sooner(next, mu_limit_next(&rule->max, age));
        next = sooner(next, mu_limit_next(&rule->distance, age));
        next = sooner(next, once(rule->optional_after_ms, age));
    }
    return next;
}

bool mu_rules_fastest(const struct mu_rules *rules, int64_t age_ms)
{
    bool turned = rules->region_turn_ms > 0 && age_ms >= rules->region_turn_ms;
    return rules->fastest != turned;
}

bool mu_rule_stands(const struct mu_rules *rules, uint32_t index, int64_t age_ms)
{
    assert(index < rules->rules_count);
    const struct mu_rule *rule = &rules->rules[index];
    if (rule->child || rule->weight > 0.0 || age_ms >= rule->optional_after_ms)
        return false;
    return rule->type != MU_RULE_DISTANCE_SORT && rule->type != MU_RULE_ABSOLUTE_SORT;
}

uint32_t mu_rules_team(const struct mu_rules *rules, const char *name)
{
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        if (strcmp(rules->teams[i].name, name) == 0)
            return i;
    }
    return MU_RULES_NONE;
}

uint32_t mu_rules_attribute(const struct mu_rules *rules, const char *name)
{
    for (uint32_t i = 0; i < rules->attributes_count; i++) {
        if (strcmp(rules->attributes[i].name, name) == 0)
            return i;
    }
    return MU_RULES_NONE;
}
