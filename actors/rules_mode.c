/* actors/rules_mode.c - the rules of a mode that has no document, and the objectives that suit
 * shapes of matches. */
#include "actors/rules_compile.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is asked of the quality and of waiting by shape, found by replaying workloads of each shape,
 * busy and thin (docs/MATCHING.md).  Neighbouring values score within 0.3 of these. */
struct preset {
    double imbalance_weight;
    double spread;
    double fairness;
    double closeness;
    double nearness;
    double fullness;
    double delta;
    double eta;
    double urgency;
    int64_t urgent_ms;
};

static const struct preset duel = { 1, 300, 1, 1, 1, 1, 0.4, 0.5, 0.3, 180000 };
static const struct preset twos = { 1, 300, 0.7, 1, 0.8, 1, 0.43, 0.35, 0.15, 200000 };
static const struct preset squads = { 1, 300, 0.9, 1.05, 0.9, 1, 0.42, 0.55, 0.15, 240000 };
static const struct preset many = { 0.4, 500, 1, 1, 0.5, 1, 0.47, 0.8, 0.3, 180000 };
static const struct preset all = { 0.4, 400, 1, 0.95, 0.65, 1.4, 0.35, 0.4, 0.3, 150000 };

static const struct preset *preset_of(uint32_t teams, uint32_t size)
{
    if (teams == 1) {
        return &all;
    }
    if (teams > 2) {
        return &many;
    }
    if (size == 1) {
        return &duel;
    }
    return size == 2 ? &twos : &squads;
}

void mu_objective_default(uint32_t teams, uint32_t size, int64_t wait_ms, struct mu_objective *ret)
{
    assert(teams >= 1 && size >= 1 && wait_ms > 0);
    const struct preset *preset = preset_of(teams, size);
    *ret = (struct mu_objective){
        .waits = true,
        .beta = 200,
        .uncertainty = 1,
        .imbalance_weight = preset->imbalance_weight,
        .spread = preset->spread,
        .fairness = preset->fairness,
        .closeness = preset->closeness,
        .nearness = preset->nearness,
        .fullness = preset->fullness,
        .latency_good_ms = 40,
        .latency_bad_ms = 260,
        .wait_ms = (double)wait_ms,
        .delta = preset->delta,
        .eta = preset->eta,
        .gamma = 0.5,
        .urgency = preset->urgency,
        .urgent_ms = preset->urgent_ms,
        .first_ms = 2 * wait_ms,
        .sample_count = 240,
        .sample_ms = 900000,
        .party_bonus = { 0, 0, 15, 30, 45, 60, 60, 60, 60 },
    };
}

static void set_team(struct mu_team *team, uint32_t number, const struct mu_mode *mode)
{
    static const char prefix[] = "team_";
    memcpy(team->name, prefix, sizeof prefix);
    size_t digits = sizeof prefix - 1;
    for (uint32_t unit = number < 10 ? 1 : number < 100 ? 10 : 100; unit > 0; unit /= 10) {
        team->name[digits++] = (char)('0' + number / unit % 10);
    }
    team->players_min = (struct mu_limit){ .value = mode->team_min };
    team->players_max = (struct mu_limit){ .value = mode->team_max };
    team->like = 0;
}

/* Two 64-bit words into one that depends on each bit of both (FNV-1a by words). */
static uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * UINT64_C(1099511628211);
}

static uint64_t hash_of(const struct mu_mode *mode)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *c = mode->name; *c != '\0'; c++) {
        hash = mix(hash, (uint64_t)*c);
    }
    const uint32_t values[] = {
        mode->teams,         mode->teams_min,         mode->team_min,     mode->team_max,
        mode->window_points, mode->window_per_second, mode->window_max,   mode->latency_max_ms,
        mode->fill_ms,       mode->wait_max_ms,       mode->wait_cost_ms, mode->serve_first_ms,
    };
    for (uint32_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        hash = mix(hash, values[i]);
    }
    return hash;
}

int mu_rules_from_mode(const struct mu_config *config, uint32_t mode, struct mu_rulebook *ret)
{
    assert(mode < config->modes_count);
    const struct mu_mode *from = &config->modes[mode];
    assert(from->teams >= 1 && from->teams <= MU_TEAMS_MAX && from->teams_min <= from->teams);
    struct mu_rules *rules = calloc(1, sizeof *rules);
    if (rules == NULL) {
        return -ENOMEM;
    }
    memcpy(rules->name, from->name, sizeof from->name);
    rules->hash = hash_of(from);
    rules->teams_count = from->teams;
    rules->teams_min = from->teams_min;
    rules->alike = true;
    rules->for_all = from->teams == 1;
    for (uint32_t i = 0; i < from->teams; i++) {
        set_team(&rules->teams[i], i + 1, from);
    }
    rules->prefer.value = HUGE_VAL;
    rules->fill_ms = from->fill_ms;
    rules->parties = MU_PARTY_ONE_TEAM;
    rules->party_max =
        from->team_max < MU_TICKET_PLAYERS_MAX ? from->team_max : MU_TICKET_PLAYERS_MAX;
    rules->roles_attribute = MU_RULES_NONE;
    rules->balanced = MU_RULES_NONE;
    rules->window = (struct mu_window){
        .used = true,
        .points = from->window_points,
        .per_second = from->window_per_second,
        .max = from->window_max,
    };
    rules->latency_max_ms = from->latency_max_ms;
    rules->wait_max_ms = from->wait_max_ms;
    int64_t wait_ms = from->wait_cost_ms > 0 ? from->wait_cost_ms : 1;
    uint32_t teams = from->team_max == 1 && from->teams > 2 ? 1 : from->teams;
    mu_objective_default(teams, from->team_max, wait_ms, &rules->objective);
    rules->objective.waits = from->wait_cost_ms > 0;
    rules->objective.first_ms = from->serve_first_ms;
    *ret = (struct mu_rulebook){ .shapes_count = 1, .shapes = { rules } };
    return 0;
}
