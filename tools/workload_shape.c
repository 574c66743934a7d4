/* tools/workload_shape.c - the shape of a workload's mode, from the rules that hold for it. */
#include "tools/workload.h"

#include "actors/rules.h"

#define AGE_MAX_MS 86400000 /* no ticket waits longer */
#define STEPS_MAX  1024     /* changes of a rule set that are looked at, beside its end */

/* The bounds of a shape at an age, into those of the mode. */
static void widen(const struct mu_rules *rules, int64_t age_ms, struct mu_workload_mode *mode)
{
    uint32_t players = mu_rules_players_max(rules, age_ms);
    uint32_t teams = rules->for_all ? players : rules->teams_count;
    uint32_t teams_min = rules->for_all ? mu_rules_players_min(rules, age_ms) : rules->teams_min;
    mode->teams = teams > mode->teams ? teams : mode->teams;
    mode->players_max = players > mode->players_max ? players : mode->players_max;
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        uint32_t min = rules->for_all ? 1 : mu_team_min(rules, i, age_ms);
        uint32_t max = rules->for_all ? 1 : mu_team_max(rules, i, age_ms);
        mode->team_min = min < mode->team_min ? min : mode->team_min;
        mode->team_max = max > mode->team_max ? max : mode->team_max;
        /* A team that may be empty need not play. */
        teams_min -= min == 0 && teams_min > 1 ? 1 : 0;
    }
    mode->teams_min = teams_min < mode->teams_min ? teams_min : mode->teams_min;
}

void mu_workload_mode_shape(struct mu_workload_mode *mode, const struct mu_rulebook *book)
{
    mode->teams = 0;
    mode->teams_min = UINT32_MAX;
    mode->team_min = UINT32_MAX;
    mode->team_max = 0;
    mode->players_max = 0;
    for (uint32_t i = 0; i < book->shapes_count; i++) {
        int64_t age_ms = 0;
        for (uint32_t step = 0; step < STEPS_MAX && age_ms < AGE_MAX_MS; step++) {
            widen(book->shapes[i], age_ms, mode);
            age_ms = mu_rules_next(book->shapes[i], age_ms);
        }
        widen(book->shapes[i], AGE_MAX_MS, mode);
    }
    mode->team_min = mode->team_min == 0 ? 1 : mode->team_min;
}
