/* actors/rules_compile_judge.c - what must fit together in a document, at every age. */
#include "actors/rules_compile_read.h"

#include <assert.h>
#include <math.h>

#define AGES_MAX 512 /* changes of two limits that are looked at, and then their end */

/* The largest value that a limit has at any age, or the smallest. */
static double extreme(const struct mu_limit *limit, bool largest)
{
    double value = limit->value;
    for (uint32_t i = 0; i < limit->steps_count; i++)
        value = largest ? fmax(value, limit->steps[i].value) : fmin(value, limit->steps[i].value);
    if (limit->every_ms > 0)
        value = largest ? fmax(value, limit->bound) : fmin(value, limit->bound);
    return value;
}

uint32_t mu_rules_team_largest(const struct mu_rules *rules, uint32_t team)
{
    assert(team < rules->teams_count);
    double players = extreme(&rules->teams[team].players_max, true);
    return players < MU_MATCH_PLAYERS_MAX ? (uint32_t)players : MU_MATCH_PLAYERS_MAX;
}

/* Whether low is above high at some age; *ret_ms is the first one. */
static bool crosses(const struct mu_limit *low, const struct mu_limit *high, int64_t *ret_ms)
{
    int64_t age = 0;
    for (uint32_t i = 0; i <= AGES_MAX && age != MU_NEVER; i++) {
        if (i == AGES_MAX)
            age = (int64_t)MU_RULES_SECONDS_MAX * 1000;
        *ret_ms = age;
        if (mu_limit_at(low, age) > mu_limit_at(high, age))
            return true;
        int64_t next_low = mu_limit_next(low, age);
        int64_t next_high = mu_limit_next(high, age);
        age = next_low < next_high ? next_low : next_high;
    }
    return false;
}

static void judge_bounds(struct mu_reader *reader, const struct mu_place *place, const char *fields,
                         const struct mu_limit *low, const struct mu_limit *high)
{
    int64_t age = 0;
    if (crosses(low, high, &age)) {
        mu_read_fault(reader, place,
                      "%s: the smallest (%.10g) is above the largest (%.10g) at %.10g s", fields,
                      mu_limit_at(low, age), mu_limit_at(high, age), (double)age / 1000.0);
    }
}

/* Whether a team's roles can be given to as many players as it has. */
static void judge_quotas(struct mu_reader *reader, const struct mu_place *place,
                         const struct mu_team *team)
{
    double least = 0.0, most = 0.0;
    double smallest = extreme(&team->players_min, false);
    double largest = extreme(&team->players_max, true);
    for (uint32_t i = 0; i < team->quotas_count; i++) {
        least += team->quotas[i].min;
        most += team->quotas[i].max;
    }
    if (team->quotas_count > 0 && least > largest) {
        mu_read_fault(reader, place, "its roles need %.10g players, it has at most %.10g", least,
                      largest);
    }
    if (team->quotas_count > 0 && most < smallest) {
        mu_read_fault(reader, place,
                      "its roles are for at most %.10g players, it has at least "
                      "%.10g: everybody gets a role",
                      most, smallest);
    }
}

static void judge_size(struct mu_reader *reader)
{
    const struct mu_rules *rules = reader->rules;
    const struct mu_place *teams = &reader->teams_place[reader->shape];
    uint32_t players = 0;
    for (uint32_t i = 0; i < rules->teams_count; i++)
        players += mu_rules_team_largest(rules, i);
    if (players > MU_MATCH_PLAYERS_MAX) {
        mu_read_fault(reader, teams, "are for up to %u players, at most %d are taken", players,
                      MU_MATCH_PLAYERS_MAX);
    }
    bool given = reader->strategy.json != NULL;
    const struct mu_place *strategy = given ? &reader->strategy.place : teams;
    if (!rules->large && players > MU_RULES_SMALL_MAX && (given || !rules->objective.waits)) {
        mu_read_fault(reader, strategy,
                      "up to %u players: above %d it takes strategy "
                      "\"balanced\", or \"quality\" and no strategy",
                      players, MU_RULES_SMALL_MAX);
    }
    if (rules->large && players > 0 && players <= MU_RULES_SMALL_MAX) {
        mu_read_fault(reader, strategy,
                      "\"balanced\" is for more than %d players, there are up to "
                      "%u: leave it out",
                      MU_RULES_SMALL_MAX, players);
    }
}

static void judge_rule(struct mu_reader *reader, uint32_t index)
{
    const struct mu_rule *rule = &reader->rules->rules[index];
    const struct mu_place *place = &reader->rules_node[index].place;
    bool large = rule->type == MU_RULE_LATENCY || rule->type == MU_RULE_BATCH_DISTANCE;
    if (reader->rules->large && !large) {
        mu_read_fault(reader, place,
                      "strategy \"balanced\" takes the types latency and "
                      "batchDistance only");
    }
    judge_bounds(reader, place,
                 rule->type == MU_RULE_COLLECTION ? "minCount and maxCount"
                                                  : "minDistance and maxDistance",
                 &rule->min, &rule->max);
}

void mu_read_judge(struct mu_reader *reader)
{
    const struct mu_rules *rules = reader->rules;
    const struct mu_shape_entries *shape = &reader->shapes[reader->shape];
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct mu_team_entry *entry = &shape->entries[i];
        const struct mu_team *team = &rules->teams[entry->first];
        judge_bounds(reader, &entry->place, "minPlayers and maxPlayers", &team->players_min,
                     &team->players_max);
        judge_quotas(reader, &entry->place, team);
    }
    if (rules->teams_count > 0)
        judge_size(reader);
    for (uint32_t i = 0; i < rules->rules_count; i++)
        judge_rule(reader, i);
}
