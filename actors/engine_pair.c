/* actors/engine_pair.c - the best match of one ticket when a match is two players.
 *
 * Its nearest neighbours up and down, PARTNERS_MAX of them: for the pair the best common region,
 * and the surplus there.  No pass over all pairs is needed: whoever comes looks at his neighbours,
 * and each pair's surplus grows as time goes by, so that the moment at which it turns positive is
 * known; it is noted with the later of the two.  Taking the best for whoever is due, instead of a
 * maximum-weight matching of all, costs less than 0.1 of the score (docs/MATCHING.md). */
#include "actors/engine_pool.h"

#include <math.h>

#include "core/actor.h"

enum { PARTNERS_MAX = 64 };

struct pair {
    uint32_t other;
    uint32_t region;
    double quality; /* but for latency */
    double worth;   /* sum over both of quality, times what is left of their time */
    double surplus; /* that less their reservations, likewise */
};

/* The region of those in `regions`, which is not 0, where both are best off, each as it counts. */
static uint32_t best_region(const float *a, double left_a, const float *b, double left_b,
                            uint32_t regions)
{
    uint32_t best = MU_REGIONS_MAX;
    double most = 0;
    for (uint32_t i = 0; i < MU_REGIONS_MAX && regions >> i != 0; i++) {
        double nearness = left_a * (double)a[i] + left_b * (double)b[i];
        if ((regions >> i & 1) != 0 && (best == MU_REGIONS_MAX || nearness > most)) {
            best = i;
            most = nearness;
        }
    }
    return best;
}

static double pair_quality(const struct mu_pool *pool, uint32_t a, uint32_t b)
{
    const struct mu_objective *objective = &pool->rules->objective;
    double distance = pool->hot[a].mean - pool->hot[b].mean;
    if (objective->uncertainty == 0) {
        return mu_affinity_at(&pool->affinity, distance);
    }
    double variance = pool->cold[a].variance + pool->cold[b].variance;
    double imbalance = mu_quality_imbalance(objective, distance, 2, variance);
    return mu_quality_fairness(objective, imbalance) *
           mu_quality_closeness(objective, distance * distance / 4);
}

/* When these two can become a match that is made: at now_ms, if they can already. */
static int64_t pair_opens(const struct mu_pool *pool, const struct mu_proposal *proposal,
                          const struct pair *pair, int64_t now_ms)
{
    const uint32_t slots[] = { proposal->anchor, pair->other };
    const struct mu_hot *hot = &pool->hot[slots[0]];
    const struct mu_hot *other = &pool->hot[slots[1]];
    int64_t distance = (int64_t)hot->rating - other->rating;
    distance = distance < 0 ? -distance : distance;
    int64_t own = mu_pool_window_opens(pool, hot, distance);
    int64_t its = mu_pool_window_opens(pool, other, distance);
    int64_t opens = own > its ? own : its;
    int64_t made = now_ms;
    if (opens == MU_NEVER) {
        return MU_NEVER;
    }
    if (pair->surplus <= 0 && !proposal->first) {
        made = mu_pool_crossing_left(pool, slots, 2, pair->worth, now_ms);
    }
    return opens > made ? opens : made;
}

enum mu_found mu_form_pair(struct mu_pool *pool, int64_t now_ms, struct mu_proposal *ret,
                           int64_t *moment)
{
    const struct mu_hot *hot = &pool->hot[ret->anchor];
    const float *nearness = mu_pool_nearness(pool, ret->anchor);
    double left = mu_pool_left(pool, hot, now_ms);
    double bid = left * mu_pool_bid(pool, hot, now_ms);
    struct pair best = { .other = MU_SLOT_NONE };
    struct mu_walk walk;
    mu_walk_begin(&walk, pool, ret->anchor, mu_pool_reach(pool), false);
    for (uint32_t i = 0; i < PARTNERS_MAX; i++) {
        struct pair pair = { .other = mu_walk_next(&walk) };
        if (pair.other == MU_SLOT_NONE) {
            break;
        }
        const struct mu_hot *other = &pool->hot[pair.other];
        const float *its = mu_pool_nearness(pool, pair.other);
        double its_left = mu_pool_left(pool, other, now_ms);
        pair.region = best_region(nearness, left, its, its_left, hot->regions & other->regions);
        pair.quality = pair_quality(pool, ret->anchor, pair.other);
        pair.worth = pair.quality *
                     (left * (double)nearness[pair.region] + its_left * (double)its[pair.region]);
        pair.surplus = pair.worth - bid - its_left * mu_pool_bid(pool, other, now_ms);
        int64_t opens = pair_opens(pool, ret, &pair, now_ms);
        if (opens > now_ms) {
            *moment = opens < *moment ? opens : *moment;
        } else if (best.other == MU_SLOT_NONE || pair.surplus > best.surplus) {
            best = pair;
        }
    }
    if (best.other == MU_SLOT_NONE) {
        return MU_FOUND_EARLY;
    }
    ret->region = best.region;
    ret->quality = best.quality;
    ret->count = 2;
    ret->players = 2;
    ret->slots[0] = ret->anchor;
    ret->slots[1] = best.other;
    ret->seats[0] = 0;
    ret->seats[1] = 1;
    return mu_form_price(pool, now_ms, ret, moment);
}
