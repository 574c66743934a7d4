/* actors/explain_pair.c - two tickets in one match: where the least stands against them. */
#include <math.h>

#include "actors/explain_private.h"

void mu_explain_side_read(const struct mu_pool *pool, uint32_t slot, struct mu_explain_side *ret)
{
    ret->slot = slot;
    mu_pool_read(pool, slot, &ret->ticket);
    ret->entrant = mu_engine_entrant(&ret->ticket);
}

/* What is put on one team of a ticket: all of it, or its first player when others may be elsewhere;
 * each counts with what the whole party has. */
static uint32_t part_of(const struct mu_rules *rules, const struct mu_entrant *entrant)
{
    bool spans = rules->parties == MU_PARTY_MAY_SPAN && entrant->players > 1 && !entrant->backfill;
    return spans ? 0 : MU_RULES_NONE;
}

/* The rules that can be asked of a candidate at that age: those that nobody could mend; in a full
 * match, all. */
static uint64_t askable(const struct mu_candidate *candidate, int64_t age_ms)
{
    const struct mu_rules *rules = candidate->rules;
    bool full = candidate->totals.split == 0 &&
                candidate->totals.players == mu_rules_players_max(rules, age_ms);
    for (uint32_t i = 0; i < rules->teams_count && full; i++) {
        full = candidate->teams[i].players >= mu_team_min(rules, i, age_ms);
    }
    uint64_t asked = full ? candidate->hard : candidate->lasting;
    for (uint64_t rest = asked; rest != 0; rest &= rest - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(rest);
        asked &= age_ms < rules->rules[i].optional_after_ms ? UINT64_MAX : ~(UINT64_C(1) << i);
    }
    return asked;
}

/* The latency rules of a set. */
static uint64_t latencies(const struct mu_rules *rules, uint64_t set)
{
    uint64_t found = 0;
    for (uint64_t rest = set; rest != 0; rest &= rest - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(rest);
        found |= rules->rules[i].type == MU_RULE_LATENCY ? UINT64_C(1) << i : 0;
    }
    return found;
}

/* What is against two units that are in the candidate. */
static void judge(struct mu_candidate *candidate, struct mu_explain_pair *ret)
{
    struct mu_standing standing;
    int64_t age_ms = mu_candidate_age(candidate);
    (void)mu_candidate_stands(candidate, &standing); /* it says the same in parts */
    ret->asked = askable(candidate, age_ms);
    ret->broken = standing.broken;
    for (uint64_t rest = ret->asked & ~candidate->lasting; rest != 0; rest &= rest - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(rest);
        const struct mu_rule *rule = &candidate->rules->rules[i];
        bool broken = mu_candidate_excess(candidate, i, age_ms) > 0;
        ret->broken |= broken ? UINT64_C(1) << i : 0;
        if (rule->type == MU_RULE_LATENCY) {
            standing.regions &= mu_candidate_latency_regions(candidate, rule, age_ms);
        }
    }
    /* Latency rules that each leave a region may leave none together. */
    bool apart = standing.reach == 0 ||
                 (standing.regions == 0 && latencies(candidate->rules, ret->broken) == 0);
    ret->builtins =
        (apart ? 1u << MU_EXPLAIN_REGION : 0) | (standing.window ? 0 : 1u << MU_EXPLAIN_WINDOW) |
        (standing.room ? 0 : 1u << MU_EXPLAIN_SIZE) | (standing.roles ? 0 : 1u << MU_EXPLAIN_ROLES);
}

/* Puts both on their teams and judges them.  Two that cannot be in one match at all are too
 * many. */
static void try_place(const struct mu_pool *pool, const struct mu_explain_side *side,
                      const struct mu_explain_side *other, int64_t now_ms,
                      struct mu_explain_pair *ret)
{
    struct mu_candidate *candidate = mu_desk_candidate(pool);
    const struct mu_rules *rules = pool->book->shapes[ret->shape];
    mu_candidate_begin(candidate, rules, pool->regions_count, now_ms);
    ret->builtins = 1u << MU_EXPLAIN_SIZE;
    ret->asked = 0;
    ret->broken = 0;
    if (mu_candidate_put(candidate, &side->entrant, part_of(rules, &side->entrant), ret->team) &&
        mu_candidate_put(candidate, &other->entrant, part_of(rules, &other->entrant), ret->other)) {
        judge(candidate, ret);
    }
    ret->against =
        (uint32_t)(__builtin_popcount(ret->builtins) + __builtin_popcountll(ret->broken));
}

/* The first team from `from` on that differs from all before it when only `taken` has players. */
static uint32_t next_team(const struct mu_rules *rules, uint32_t from, uint32_t taken)
{
    for (uint32_t team = from; team < rules->teams_count; team++) {
        uint32_t same = rules->teams[team].like; /* the first of them */
        while (same < team &&
               (same == taken || rules->teams[same].like != rules->teams[team].like)) {
            same++;
        }
        if (same == team || team == taken) {
            return team;
        }
    }
    return rules->teams_count;
}

void mu_explain_pair_find(const struct mu_pool *pool, const struct mu_explain_side *side,
                          const struct mu_explain_side *other, int64_t now_ms, uint32_t *tries_left,
                          struct mu_explain_pair *ret)
{
    struct mu_explain_pair best = { .against = UINT32_MAX };
    for (uint32_t shape = 0; shape < pool->book->shapes_count; shape++) {
        const struct mu_rules *rules = pool->book->shapes[shape];
        bool backfill = side->entrant.backfill || other->entrant.backfill; /* no teams are alike */
        uint32_t teams = side->entrant.backfill ? 1 : rules->teams_count;
        uint32_t others = other->entrant.backfill ? 1 : rules->teams_count;
        for (uint32_t team = 0; team < teams;
             team = backfill ? team + 1 : next_team(rules, team + 1, MU_RULES_NONE)) {
            for (uint32_t k = 0; k<others && * tries_left> 0 && best.against > 0;
                 k = backfill ? k + 1 : next_team(rules, k + 1, team)) {
                struct mu_explain_pair pair = { .shape = shape, .team = team, .other = k };
                (*tries_left)--;
                try_place(pool, side, other, now_ms, &pair);
                best = pair.against < best.against ? pair : best;
            }
        }
    }
    *ret = best;
    if (best.against > 0 && best.against != UINT32_MAX) {
        try_place(pool, side, other, now_ms, ret);
    }
}

/* The limit that an excess is in parts of, or NAN: there is none, or more than one. */
static double limit_of(const struct mu_rule *rule, int64_t age_ms)
{
    const struct mu_limit *limits[] = { &rule->min, &rule->max, &rule->distance };
    uint32_t count = rule->type == MU_RULE_LATENCY ? 3 : 2;
    double found = (double)NAN;
    if (rule->type == MU_RULE_COMPARISON) {
        bool number = rule->reference.kind == MU_EXPRESSION_NUMBER &&
                      rule->operation != MU_OPERATION_NOT_EQUAL;
        return number ? mu_limit_at(&rule->reference_number, age_ms) : found;
    }
    for (uint32_t i = 0; i < count; i++) {
        double limit = mu_limit_at(limits[i], age_ms);
        if (isfinite(limit) && !isnan(found)) {
            return (double)NAN;
        }
        found = isfinite(limit) ? limit : found;
    }
    return found;
}

/* Whether the excess of a rule is a number of strings. */
static bool counts_strings(const struct mu_rules *rules, const struct mu_rule *rule)
{
    const struct mu_expression *measure = &rule->measures[0];
    if ((rule->type != MU_RULE_COMPARISON && rule->type != MU_RULE_BATCH_DISTANCE) ||
        measure->kind != MU_EXPRESSION_PLAYERS) {
        return false;
    }
    bool counted = measure->reduces_count > 0 &&
                   measure->reduces[measure->reduces_count - 1] == MU_REDUCE_COUNT;
    return !counted && !mu_tally_is_number(rules, measure);
}

double mu_explain_pair_by(const struct mu_pool *pool, uint32_t index)
{
    struct mu_candidate *candidate = mu_desk_candidate(pool);
    const struct mu_rule *rule = &candidate->rules->rules[index];
    int64_t age_ms = mu_candidate_age(candidate);
    double excess = mu_candidate_excess(candidate, index, age_ms);
    if (rule->type == MU_RULE_COMPOUND || excess >= MU_EXCESS_MAX) {
        return (double)NAN;
    }
    if (counts_strings(candidate->rules, rule)) {
        return excess;
    }
    double limit = limit_of(rule, age_ms);
    return isnan(limit) ? limit : excess * fmax(fabs(limit), 1);
}
