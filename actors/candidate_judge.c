/* actors/candidate_judge.c - what stands against a candidate being a match; see
 * actors/candidate.h. */
#include "actors/candidate.h"

#include <math.h>

#include "actors/candidate_tally.h"

static double number(uint32_t count)
{
    return (double)count;
}

/* Teams that have too few or too many players, and teams that are lacking: how many players that
 * are. */
static double judge_sizes(const struct mu_candidate *candidate, int64_t age_ms)
{
    const struct mu_rules *rules = candidate->rules;
    bool may_stay_away = rules->teams_min < rules->teams_count;
    uint32_t playing = 0;
    uint32_t wrong = 0;
    uint32_t min = 0;
    uint32_t max = 0;
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        if (i == 0 || !rules->alike) {
            min = mu_team_min(rules, i, age_ms);
            max = mu_team_max(rules, i, age_ms);
        }
        uint32_t players = candidate->teams[i].players;
        playing += players > 0 ? 1 : 0;
        if (players > 0 || !may_stay_away) {
            wrong += players < min ? min - players : 0;
            wrong += players > max ? players - max : 0;
        }
    }
    if (may_stay_away && playing < rules->teams_min) {
        wrong += (rules->teams_min - playing) * (min > 0 ? min : 1); /* all are alike */
    }
    if (candidate->totals.players == 0 && wrong == 0) {
        wrong = 1; /* nobody is no match */
    }
    return number(wrong);
}

/* How many players are missing for a match of that age to be made. */
static double judge_fill(const struct mu_candidate *candidate, int64_t age_ms)
{
    const struct mu_rules *rules = candidate->rules;
    double wanted = mu_limit_at(&rules->prefer, age_ms);
    wanted = isfinite(wanted) ? wanted : 0;
    bool waits = rules->fill_ms > 0 && candidate->totals.players > 0 &&
                 candidate->totals.age_max < rules->fill_ms;
    if (!waits && wanted <= 0) {
        return 0;
    }
    double full = number(mu_rules_players_max(rules, age_ms));
    wanted = waits || wanted > full ? full : wanted;
    return fmax(wanted - number(candidate->totals.players), 0);
}

/* By how much the most different ratings are out of the narrowest bands, in parts of the widest
 * band that there is. */
static double judge_window(const struct mu_candidate *candidate)
{
    const struct mu_totals *totals = &candidate->totals;
    if (!candidate->rules->window.used || candidate->units_count == 0) {
        return 0;
    }
    double low = (double)(totals->low_max - totals->rating_min);
    double high = (double)(totals->rating_max - totals->high_min);
    return (fmax(low, 0) + fmax(high, 0)) / fmax(number(candidate->rules->window.max), 1);
}

/* Split tickets that are not whole, or may not be split. */
static double judge_parties(const struct mu_candidate *candidate)
{
    uint32_t split = candidate->totals.split;
    if (split == 0) {
        return 0;
    }
    bool alone = true;  /* one ticket, and nobody else */
    uint32_t whole = 0; /* players of tickets that are */
    for (uint32_t i = 0; i < candidate->units_count; i++) {
        const struct mu_unit *unit = &candidate->units[i];
        alone = alone && unit->entrant == candidate->units[0].entrant;
        uint32_t found = 0; /* bit j: player j of it is there; each once, by its first player */
        for (uint32_t j = 0; j < candidate->units_count && unit->player == 0; j++) {
            const struct mu_unit *other = &candidate->units[j];
            if (other->entrant == unit->entrant && other->player < MU_TICKET_PLAYERS_MAX) {
                found |= 1u << other->player;
            }
        }
        uint32_t players = unit->entrant->players;
        if (players > 1 && players <= MU_TICKET_PLAYERS_MAX && found == (1u << players) - 1) {
            whole += players;
        }
    }
    switch (candidate->rules->parties) {
    case MU_PARTY_MAY_SPAN: return split == whole ? 0 : 1;
    case MU_PARTY_SELF_CONTAINED: return split == whole && alone ? 0 : 1;
    case MU_PARTY_ONE_TEAM: break;
    }
    return 1;
}

/* Players that lack a role, and roles that lack a player. */
static double judge_roles(const struct mu_candidate *candidate)
{
    uint32_t missing = 0;
    for (uint32_t i = 0; i < candidate->rules->teams_count && candidate->roles; i++) {
        bool away = candidate->teams[i].players == 0 &&
                    candidate->rules->teams_min < candidate->rules->teams_count;
        missing += away ? 0 : candidate->teams[i].unplaced + candidate->teams[i].unfilled;
    }
    return number(missing);
}

/* How many players cannot play in the region that the most of them can. */
static double judge_regions(const struct mu_candidate *candidate, uint32_t regions)
{
    uint32_t least = candidate->totals.players > 0 ? candidate->totals.players : 1;
    for (uint32_t i = 0; i < candidate->regions_count && regions == 0; i++) {
        uint32_t out = 0;
        for (uint32_t j = 0; j < candidate->units_count; j++) {
            const struct mu_unit *unit = &candidate->units[j];
            out += (unit->regions >> i & 1) == 0 ? unit->players : 0;
        }
        least = out < least ? out : least;
    }
    /* Each by himself reaches it, but a latency rule does not let them. */
    least = least > 0 ? least : 1;
    return regions == 0 ? number(least) : 0;
}

/* Rules of the document: what is broken, the regions that they leave, and by how much they are. */
static double judge_rules(struct mu_candidate *candidate, int64_t age_ms, struct mu_verdict *ret)
{
    const struct mu_rules *rules = candidate->rules;
    double violation = 0;
    for (uint64_t rest = candidate->hard; rest != 0; rest &= rest - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(rest);
        const struct mu_rule *rule = &rules->rules[i];
        if (age_ms >= rule->optional_after_ms) {
            continue;
        }
        double excess = mu_candidate_excess(candidate, i, age_ms);
        violation += excess;
        ret->broken |= excess > 0 ? UINT64_C(1) << i : 0;
        if (ret->sizes && !rule->lasting) {
            candidate->counts[i].failed += excess > 0 ? 1 : 0;
            candidate->counts[i].passed += excess > 0 ? 0 : 1;
        }
        if (rule->type == MU_RULE_LATENCY) {
            ret->regions &= mu_candidate_latency_regions(candidate, rule, age_ms);
        }
        for (uint32_t j = 0; j < rule->ops_count; j++) {
            uint32_t child = rule->ops[j].operand;
            bool broken = rule->ops[j].logic == MU_LOGIC_RULE &&
                          mu_candidate_excess(candidate, child, age_ms) > 0;
            ret->broken |= broken ? UINT64_C(1) << child : 0;
        }
    }
    return violation;
}

void mu_candidate_judge(struct mu_candidate *candidate, struct mu_verdict *ret)
{
    int64_t age_ms = mu_candidate_age(candidate);
    double sizes = judge_sizes(candidate, age_ms);
    double fill = judge_fill(candidate, age_ms);
    double window = judge_window(candidate);
    double parties = judge_parties(candidate);
    double roles = judge_roles(candidate);
    uint32_t backfills = candidate->totals.backfills;
    uint32_t others = candidate->units_count - backfills;
    double backfill = backfills > 1 ? number(backfills - 1) : 0;
    backfill += backfills > 0 && others == 0 ? 1 : 0;
    *ret = (struct mu_verdict){ .sizes = sizes == 0,
                                .fill = fill == 0,
                                .window = window == 0,
                                .parties = parties == 0,
                                .roles = roles == 0,
                                .backfill = backfill == 0,
                                .regions = candidate->totals.regions };
    double rules = 0;
    if (candidate->hard != 0) {
        mu_candidate_excess_reset(candidate);
        rules = judge_rules(candidate, age_ms, ret);
    }
    double regions = judge_regions(candidate, ret->regions);
    ret->violation = sizes + fill + window + parties + roles + backfill + rules + regions;
    ret->legal = ret->violation == 0;
}
