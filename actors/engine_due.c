/* actors/engine_due.c - the tickets that are to be tried, and their reservations. */
#include "actors/engine_pool.h"

#include <math.h>

enum { ROUSED_MAX = 8 }; /* backfills, for each ticket that comes */

void mu_pool_due(struct mu_pool *pool, uint32_t slot)
{
    struct mu_hot *hot = &pool->hot[slot];
    assert(hot->state == MU_HOT_WAITING);
    if (hot->due_at != MU_SLOT_NONE) {
        return;
    }
    if (pool->due_count == pool->slots.capacity) {
        mu_pool_compact_due(pool);
    }
    assert(pool->due_count < pool->slots.capacity);
    hot->due_at = pool->due_count;
    pool->due[pool->due_count++] = slot;
}

void mu_pool_undue(struct mu_pool *pool, uint32_t slot)
{
    struct mu_hot *hot = &pool->hot[slot];
    if (hot->due_at == MU_SLOT_NONE) {
        return;
    }
    pool->due[hot->due_at] = MU_SLOT_NONE;
    hot->due_at = MU_SLOT_NONE;
    while (pool->due_count > 0 && pool->due[pool->due_count - 1] == MU_SLOT_NONE) {
        pool->due_count--;
    }
}

void mu_pool_compact_due(struct mu_pool *pool)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < pool->due_count; i++) {
        uint32_t slot = pool->due[i];
        if (slot != MU_SLOT_NONE) {
            pool->hot[slot].due_at = kept;
            pool->due[kept++] = slot;
        }
    }
    pool->due_count = kept;
}

/* When somebody comes, the backfills that are near him are to be tried: he may be who they need. */
static void rouse_backfills(struct mu_pool *pool, uint32_t slot)
{
    struct mu_walk walk;
    mu_walk_begin(&walk, pool, slot, MU_POOL_RATINGS, true);
    for (uint32_t i = 0; i < ROUSED_MAX; i++) {
        uint32_t backfill = mu_walk_next(&walk);
        if (backfill == MU_SLOT_NONE) {
            break;
        }
        mu_pool_due(pool, backfill);
    }
}

/* Not when a ticket comes, but when it is first tried: by then all have been counted that came at
 * the same time, and their order does not matter. */
static void estimate(struct mu_pool *pool, uint32_t slot, int64_t now_ms)
{
    struct mu_hot *hot = &pool->hot[slot];
    struct mu_reservation reservation;
    const struct mu_arrival arrival = mu_pool_arrival(pool, slot);
    mu_reserve_estimate(pool->reserve, &arrival, now_ms, &reservation);
    hot->reserve = reservation.value;
    hot->predicted = reservation.predicted;
    hot->expected_ms = reservation.expected_ms;
}

void mu_pool_receive_due(struct mu_pool *pool, int64_t now_ms)
{
    uint32_t count = pool->due_count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = pool->due[i];
        const struct mu_hot *hot = &pool->hot[slot];
        if (pool->backfills_count > 0 && hot->tried == 0 && hot->shelf > 0) {
            rouse_backfills(pool, slot);
        }
        if (pool->reserve != NULL && isnan(hot->predicted)) {
            estimate(pool, slot, now_ms);
        }
    }
}

void mu_pool_learn(struct mu_pool *pool, uint32_t slot, double quality, int64_t now_ms)
{
    const struct mu_hot *hot = &pool->hot[slot];
    double waited = (double)(now_ms - hot->since_ms) / pool->rules->objective.wait_ms;
    if (hot->expected_ms > 0) {
        mu_reserve_learn(pool->reserve, hot->mean, (double)hot->predicted, quality - waited);
    }
}
