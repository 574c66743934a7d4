/* actors/compose_survey.c - before a search: who is of use at all, and where. */
#include "actors/compose_private.h"

#include <math.h>

enum {
    STEPS_EACH = 8, /* beside the anchor alone so many cost as much as one in a full match */
    TEAMS_MAX = 8,  /* of a class, tried beside a backfill */
};

int64_t mu_compose_age_max(const struct mu_composer *composer)
{
    const struct mu_compose_request *request = composer->request;
    int64_t since = request->entrants[0]->since_ms;
    for (uint32_t i = 1; i < request->count && composer->rules->oldest_age; i++) {
        since = request->entrants[i]->since_ms < since ? request->entrants[i]->since_ms : since;
    }
    return request->now_ms - since;
}

/* Whether it may stand on some team of the class.  Of teams that are no different two say what all
 * would, the anchor's and another one; unless a backfill makes a difference. */
static bool may_stand(struct mu_composer *composer, uint32_t entrant, uint32_t class)
{
    uint32_t player = mu_compose_spans(composer, entrant) ? 0 : MU_RULES_NONE;
    if (class == MU_COMPOSE_CLASSES_MAX - 1) {
        return true; /* teams that differ share it */
    }
    uint32_t tries = composer->backfill == MU_RULES_NONE ? 2 : TEAMS_MAX;
    for (uint32_t i = composer->class_first[class]; i < composer->rules->teams_count; i++) {
        if (composer->class_of[i] != class) {
            continue;
        }
        if (tries-- == 0) {
            return false;
        }
        if (mu_compose_add(composer, entrant, player, i)) {
            mu_compose_remove(composer, mu_candidate_count(composer->candidate) - 1);
            return true;
        }
    }
    return false;
}

void mu_compose_survey(struct mu_composer *composer)
{
    uint32_t steps = composer->steps;
    for (uint32_t i = 1; i < composer->request->count; i++) {
        if (!composer->usable[i] || composer->in[i]) {
            continue;
        }
        composer->fits[i] = 0;
        for (uint32_t k = 0; k < composer->classes_count; k++) {
            composer->fits[i] |= may_stand(composer, i, k) ? UINT64_C(1) << k : 0;
        }
        composer->usable[i] = composer->fits[i] != 0;
    }
    composer->steps = steps + (composer->steps - steps) / STEPS_EACH;
}

void mu_compose_breaks(struct mu_composer *composer)
{
    struct mu_compose_place place;
    struct mu_verdict verdict;
    uint32_t steps = composer->steps;
    mu_compose_clear(composer);
    bool anchored = mu_compose_put(composer, 0, MU_RULES_NONE);
    for (uint32_t i = 1; i < composer->request->count; i++) {
        if (!composer->eligible[i]) {
            continue;
        }
        composer->eligible[i] = anchored && mu_compose_put(composer, i, MU_RULES_NONE);
        if (composer->eligible[i]) {
            composer->steps++;
            mu_candidate_judge(composer->candidate, &verdict);
            composer->breaks[i] = verdict.broken;
            mu_compose_take(composer, i, &place);
        }
    }
    composer->steps = steps + (composer->steps - steps) / STEPS_EACH;
}

bool mu_compose_short(struct mu_composer *composer)
{
    uint32_t needed[MU_COMPOSE_CLASSES_MAX] = { 0 };
    uint32_t there[MU_COMPOSE_CLASSES_MAX] = { 0 };
    int64_t age_ms = mu_compose_age_max(composer);
    for (uint32_t i = 0; i < composer->rules->teams_min; i++) {
        uint32_t class = composer->class_of[i];
        needed[class] += mu_team_min(composer->rules, i, age_ms);
        there[class] += mu_candidate_team_players(composer->candidate, i);
    }
    uint32_t players = mu_candidate_players(composer->candidate);
    for (uint32_t i = 1; i < composer->request->count; i++) {
        if (!composer->usable[i] || composer->in[i]) {
            continue;
        }
        players += mu_compose_entrant(composer, i)->players;
        for (uint32_t k = 0; k < composer->classes_count; k++) {
            bool fits = (composer->fits[i] >> k & 1) != 0;
            there[k] += fits ? mu_compose_entrant(composer, i)->players : 0;
        }
    }
    for (uint32_t k = 0; k < composer->classes_count; k++) {
        if (there[k] < needed[k]) {
            return true;
        }
    }
    return players < mu_rules_players_min(composer->rules, age_ms);
}

/* Where an entrant may play, as far as he alone says.  The rules on latency of a party may ask for
 * less than the worst of its players: then it is let pass. */
static uint32_t regions_of(const struct mu_composer *composer, uint32_t i, int64_t age_ms)
{
    const struct mu_rules *rules = composer->rules;
    const struct mu_entrant *entrant = mu_compose_entrant(composer, i);
    uint32_t regions = 0;
    for (uint32_t k = 0; k < composer->request->regions_count; k++) {
        double reach = entrant->reach_ms[k] == MU_LATENCY_NONE ? HUGE_VAL : entrant->reach_ms[k];
        bool may =
            reach < HUGE_VAL && (rules->latency_max_ms == 0 || reach <= rules->latency_max_ms);
        for (uint32_t r = 0; r < rules->rules_count && may; r++) {
            const struct mu_rule *rule = &rules->rules[r];
            may = rule->type != MU_RULE_LATENCY || !mu_rule_stands(rules, r, age_ms) ||
                  (entrant->players > 1 && rule->aggregation != MU_AGGREGATE_MAX) ||
                  reach <= mu_limit_at(&rule->max, age_ms);
        }
        regions |= may ? UINT32_C(1) << k : 0;
    }
    return regions;
}

void mu_compose_regions(struct mu_composer *composer)
{
    if (composer->regions_known) {
        return;
    }
    int64_t age_ms = mu_compose_age_max(composer);
    for (uint32_t i = 0; i < composer->request->count; i++) {
        composer->regions[i] = regions_of(composer, i, age_ms);
    }
    composer->regions_known = true;
}
