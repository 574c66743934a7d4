/* actors/candidate_stands.c - what no further unit can mend; see mu_candidate_stands(). */
#include "actors/candidate.h"

#include "actors/candidate_tally.h"

/* Whether no team is too full, and whether each player of a team has a role. */
static void stand_teams(const struct mu_candidate *candidate, int64_t age_ms,
                        struct mu_standing *ret)
{
    for (uint32_t i = 0; i < candidate->rules->teams_count; i++) {
        const struct mu_team_tally *tally = &candidate->teams[i];
        if (tally->players == 0) {
            continue;
        }
        uint32_t max = mu_team_max(candidate->rules, i, age_ms);
        if (tally->players > max) {
            ret->room = false;
            continue; /* who would have to leave also decides about roles */
        }
        ret->roles = ret->roles && tally->unplaced == 0 && tally->unfilled <= max - tally->players;
    }
}

/* Which lasting rules are broken, and the regions that they leave. */
static void stand_rules(const struct mu_candidate *candidate, int64_t age_ms,
                        struct mu_standing *ret)
{
    mu_candidate_excess_reset(candidate);
    for (uint64_t rest = candidate->lasting; rest != 0; rest &= rest - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(rest);
        const struct mu_rule *rule = &candidate->rules->rules[i];
        if (age_ms >= rule->optional_after_ms) {
            continue;
        }
        if (mu_candidate_excess(candidate, i, age_ms) > 0) {
            ret->broken |= UINT64_C(1) << i;
        }
        if (rule->type == MU_RULE_LATENCY) {
            ret->regions &= mu_candidate_latency_regions(candidate, rule, age_ms);
        }
    }
}

bool mu_candidate_stands(struct mu_candidate *candidate, struct mu_standing *ret)
{
    const struct mu_totals *totals = &candidate->totals;
    int64_t age_ms = mu_candidate_age(candidate);
    *ret = (struct mu_standing){ .room = true,
                                 .roles = true,
                                 .window = true,
                                 .backfill = totals->backfills <= 1,
                                 .reach = totals->regions,
                                 .regions = totals->regions };
    if (candidate->rules->window.used && candidate->units_count > 0) {
        ret->window =
            totals->rating_min >= totals->low_max && totals->rating_max <= totals->high_min;
    }
    stand_teams(candidate, age_ms, ret);
    stand_rules(candidate, age_ms, ret);
    return ret->room && ret->roles && ret->window && ret->backfill && ret->regions != 0 &&
           ret->broken == 0;
}
