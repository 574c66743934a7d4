/* actors/explain.c - why a ticket still waits; see actors/explain.h. */
#include "actors/explain.h"

#include <math.h>
#include <string.h>

#include "actors/explain_private.h"
#include "core/actor.h"

const char *mu_explain_builtin_text(enum mu_explain_builtin builtin)
{
    switch (builtin) {
    case MU_EXPLAIN_REGION: return "region";
    case MU_EXPLAIN_WINDOW: return "window";
    case MU_EXPLAIN_SIZE: return "size";
    case MU_EXPLAIN_ROLES: return "roles";
    case MU_EXPLAIN_BUILTINS: break;
    }
    return "rule";
}

static void explain_reserve(const struct mu_pool *pool, uint32_t slot, int64_t now_ms,
                            struct mu_explanation *ret)
{
    const struct mu_objective *objective = &pool->rules->objective;
    const struct mu_hot *hot = &pool->hot[slot];
    int64_t waited_ms = now_ms - mu_pool_key(hot); /* priority counts as wait */
    ret->waits = objective->waits;
    ret->estimate_ms = mu_pool_estimate(pool, pool->cold[slot].id);
    if (!objective->waits) {
        return;
    }
    ret->reserve = mu_pool_bid(pool, hot, now_ms);
    ret->falls = objective->eta * 60000 / objective->wait_ms;
    ret->falls += waited_ms >= objective->urgent_ms ? objective->urgency : 0;
    if (ret->reserve > 0) {
        int64_t any_ms = mu_pool_crossing(pool, &slot, 1, 0, now_ms);
        ret->any_ms = any_ms == MU_NEVER ? MU_NEVER : any_ms - now_ms;
    }
    ret->first_ms = waited_ms < objective->first_ms ? objective->first_ms - waited_ms : 0;
}

static void explain_sizes(const struct mu_pool *pool, int64_t age_ms, struct mu_explanation *ret)
{
    for (uint32_t i = 0; i < pool->book->shapes_count; i++) {
        const struct mu_rules *rules = pool->book->shapes[i];
        uint32_t min = mu_rules_players_min(rules, age_ms);
        if (i == 0 || min < ret->players_min) {
            ret->players_min = min;
            ret->players_max = mu_rules_players_max(rules, age_ms);
            ret->fill_ms = age_ms < rules->fill_ms ? rules->fill_ms - age_ms : 0;
        }
    }
}

static enum mu_explain_state state_of(const struct mu_hot *hot)
{
    if (hot->state == MU_HOT_TAKEN) {
        return MU_EXPLAIN_TAKEN;
    }
    return hot->state == MU_HOT_WAITING ? MU_EXPLAIN_WAITING : MU_EXPLAIN_NEVER;
}

bool mu_pool_explain(const struct mu_pool *pool, const char *id, int64_t now_ms,
                     struct mu_explanation *ret)
{
    uint32_t slot = mu_slots_get(&pool->slots, id);
    if (slot == MU_SLOT_NONE) {
        return false;
    }
    const struct mu_hot *hot = &pool->hot[slot];
    memset(ret, 0, sizeof *ret); /* what is between the fields too: the same bytes each time */
    ret->state = state_of(hot);
    ret->waited_ms = now_ms > hot->since_ms ? now_ms - hot->since_ms : 0;
    ret->oldest_age = pool->rules->oldest_age;
    ret->others = pool->waiting_count - (hot->state == MU_HOT_WAITING ? 1 : 0);
    ret->miss.by = (double)NAN;
    ret->miss.opens_ms = MU_NEVER;
    explain_reserve(pool, slot, now_ms, ret);
    explain_sizes(pool, ret->waited_ms, ret);
    mu_explain_limits(pool, slot, now_ms, ret);
    if (ret->state == MU_EXPLAIN_WAITING) {
        mu_explain_others(pool, slot, now_ms, ret);
    }
    return true;
}
