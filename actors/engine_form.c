/* actors/engine_form.c - the best match of one ticket: its neighbours, and who looks among them. */
#include "actors/engine_pool.h"

#include <math.h>

#include "core/actor.h"

enum {
    GRAIN_MS = 250, /* a ticket in vain is not tried again sooner, but in a pool of pairs */
    GRAIN_CROWD_MS = 1000,
    AGAIN_MS = 10000,      /* nor much later while something is legal: others come and go */
    AGAIN_EACH_MS = 4,     /* but no more than so often in a pool: so much for each that waits */
    FIRST_AGAIN_MS = 1000, /* one that is served first, but for which there is nothing yet */
    EFFORT_SPARE = 6000,   /* of the composer, when a generator finds nothing legal */
};

void mu_form_gather(struct mu_pool *pool, uint32_t anchor, int64_t now_ms, uint32_t wanted)
{
    assert(wanted >= 1 && wanted <= MU_POOL_NEIGHBOURS_MAX);
    struct mu_walk walk;
    uint32_t count = 0;
    uint32_t slot = anchor;
    mu_walk_begin(&walk, pool, anchor, mu_pool_reach(pool), false);
    while (slot != MU_SLOT_NONE && count < wanted) {
        const struct mu_cold *cold = &pool->cold[slot];
        pool->neighbours[count++] = (struct mu_neighbour){
            .slot = slot,
            .players = pool->hot[slot].players,
            .mean = pool->hot[slot].mean,
            .sum = cold->sum,
            .squares = cold->squares,
            .variance = cold->variance,
            .bid = mu_pool_bid(pool, &pool->hot[slot], now_ms),
            .left = mu_pool_left(pool, &pool->hot[slot], now_ms),
        };
        slot = mu_walk_next(&walk);
    }
    pool->neighbours_count = count;
}

uint32_t mu_form_region(const struct mu_pool *pool, uint32_t slot, uint32_t *left)
{
    assert(*left != 0);
    const float *nearness = mu_pool_nearness(pool, slot);
    uint32_t best = MU_REGIONS_MAX;
    for (uint32_t i = 0; i < pool->regions_count; i++) {
        if ((*left >> i & 1) != 0 && (best == MU_REGIONS_MAX || nearness[i] > nearness[best])) {
            best = i;
        }
    }
    assert(best < MU_REGIONS_MAX);
    *left &= ~(UINT32_C(1) << best);
    return best;
}

/* Sets the surplus, a sum over all players.  Returns whether the match is worth forming. */
static bool is_worth(double surplus, struct mu_proposal *ret)
{
    assert(ret->players > 0);
    ret->surplus = (int64_t)llround(surplus / (double)ret->players * 1e9);
    return ret->surplus > 0 || ret->first;
}

/* Makes *moment earlier for a match that will be worth forming at `at`. */
static enum mu_found try_again(const struct mu_pool *pool, int64_t now_ms, int64_t at,
                               int64_t *moment)
{
    int64_t grain = pool->generator == MU_GENERATE_GROUP ? GRAIN_MS : GRAIN_CROWD_MS;
    int64_t again = now_ms + AGAIN_MS + AGAIN_EACH_MS * (int64_t)pool->waiting_count;
    at = at < again ? at : again;
    at = at > now_ms + grain ? at : now_ms + grain;
    *moment = at < *moment ? at : *moment;
    return MU_FOUND_EARLY;
}

enum mu_found mu_form_price(const struct mu_pool *pool, int64_t now_ms, struct mu_proposal *ret,
                            int64_t *moment)
{
    double worth = 0;
    double bids = 0;
    for (uint32_t i = 0; i < ret->count; i++) {
        const struct mu_hot *hot = &pool->hot[ret->slots[i]];
        double nearness = (double)mu_pool_nearness(pool, ret->slots[i])[ret->region];
        double share = hot->players * mu_pool_left(pool, hot, now_ms);
        worth += share * ret->quality * nearness;
        bids += share * mu_pool_bid(pool, hot, now_ms);
    }
    if (is_worth(worth - bids, ret)) {
        return MU_FOUND_MATCH;
    }
    int64_t at = mu_pool_crossing_left(pool, ret->slots, ret->count, worth, now_ms);
    return try_again(pool, now_ms, at, moment);
}

enum mu_found mu_form_weigh(const struct mu_pool *pool, int64_t now_ms, double worth, double bids,
                            struct mu_proposal *ret, int64_t *moment)
{
    if (is_worth(worth - bids, ret)) {
        return MU_FOUND_MATCH;
    }
    int64_t at = mu_pool_crossing(pool, ret->slots, ret->count, worth, now_ms);
    return try_again(pool, now_ms, at, moment);
}

/* Whether those who wait for the anchor's window, and it for them, could be enough for a match. */
static bool are_enough(struct mu_pool *pool, uint32_t anchor, int64_t now_ms)
{
    const struct mu_hot *hot = &pool->hot[anchor];
    uint32_t players = hot->players;
    struct mu_walk walk;
    mu_walk_begin(&walk, pool, anchor, mu_pool_reach(pool), false);
    while (players < pool->sizes.players_min) {
        uint32_t slot = mu_walk_next(&walk);
        if (slot == MU_SLOT_NONE) {
            return false;
        }
        players += mu_pool_accept(pool, anchor, slot, now_ms) ? pool->hot[slot].players : 0;
    }
    return true;
}

static enum mu_found generate(struct mu_pool *pool, int64_t now_ms, struct mu_proposal *ret,
                              int64_t *moment)
{
    enum mu_found found = MU_FOUND_NONE;
    bool backfill = pool->hot[ret->anchor].shelf == 0;
    if (backfill || pool->generator == MU_GENERATE_COMPOSE) {
        return mu_form_composed(pool, now_ms, 0, ret, moment);
    }
    if (pool->players_count < pool->sizes.players_min) {
        return MU_FOUND_NONE;
    }
    switch (pool->generator) {
    case MU_GENERATE_PAIR: return mu_form_pair(pool, now_ms, ret, moment);
    case MU_GENERATE_GROUP: found = mu_form_group(pool, now_ms, ret, moment); break;
    case MU_GENERATE_CROWD: found = mu_form_crowd(pool, now_ms, ret, moment); break;
    case MU_GENERATE_COMPOSE: break;
    }
    /* Party sizes and windows can be such that going by gain misses what is there. */
    if (found == MU_FOUND_NONE && ret->first && are_enough(pool, ret->anchor, now_ms)) {
        found = mu_form_composed(pool, now_ms, EFFORT_SPARE, ret, moment);
    }
    return found;
}

bool mu_pool_form(struct mu_pool *pool, uint32_t anchor, int64_t now_ms, struct mu_proposal *ret,
                  int64_t *moment)
{
    struct mu_hot *hot = &pool->hot[anchor];
    assert(hot->state == MU_HOT_WAITING);
    hot->tried = pool->calls;
    ret->anchor = anchor;
    ret->first = mu_pool_is_first(pool, hot, now_ms);
    ret->rank = mu_pool_rank(pool, anchor);
    ret->key = mu_pool_key(hot);
    ret->shape = 0;
    *moment = ret->first ? MU_NEVER : mu_pool_key(hot) + pool->rules->objective.first_ms;
    enum mu_found found = generate(pool, now_ms, ret, moment);
    if (found != MU_FOUND_MATCH) {
        if (ret->first && pool->reserve != NULL) {
            /* Others who come ask for more than to play with this one. */
            int64_t again = now_ms + FIRST_AGAIN_MS + AGAIN_EACH_MS * (int64_t)pool->waiting_count;
            *moment = again < *moment ? again : *moment;
        }
        int64_t opens = mu_pool_opens(pool, hot, now_ms);
        *moment = opens < *moment ? opens : *moment;
    }
    return found == MU_FOUND_MATCH;
}
