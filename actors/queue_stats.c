/* actors/queue_stats.c - how it goes: waits, spreads, and what STATS shows. */
#include "actors/queue_shard.h"

#include <stdio.h>
#include <string.h>

enum { ESTIMATE_EVERY = 16 }; /* new waits before the estimate is made anew */

void mu_queue_stats_waited(struct queue_pool *pool, int64_t waited_ms)
{
    int64_t bounded = waited_ms < 0 ? 0 : waited_ms;
    pool->waits_ms[pool->waits_count++ % MU_QUEUE_WAITS_MAX] =
        bounded < UINT32_MAX ? (uint32_t)bounded : UINT32_MAX;
    double waited_s = (double)bounded / 1000;
    pool->waits[mu_histogram_bucket(mu_wait_bounds, MU_WAIT_BUCKETS - 1, waited_s)]++;
    pool->wait_sum += waited_s;
}

void mu_queue_stats_matched(struct queue_pool *pool, uint32_t players, double spread,
                            double quality)
{
    pool->qualities[mu_histogram_bucket(mu_quality_bounds, MU_QUALITY_BUCKETS - 1, quality)]++;
    pool->quality_sum += quality;
    pool->spreads[pool->matches % MU_QUEUE_SPREADS_MAX] = spread;
    pool->matches++;
    pool->matched_players += players;
}

/* Copies the recent waits, the shortest first.  Returns how many. */
static uint32_t sorted_waits(const struct queue_pool *pool, uint32_t ret[MU_QUEUE_WAITS_MAX])
{
    uint32_t count =
        pool->waits_count < MU_QUEUE_WAITS_MAX ? (uint32_t)pool->waits_count : MU_QUEUE_WAITS_MAX;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;
        while (at > 0 && ret[at - 1] > pool->waits_ms[i]) {
            ret[at] = ret[at - 1];
            at--;
        }
        ret[at] = pool->waits_ms[i];
    }
    return count;
}

/* The value that `percent` of 100 do not exceed; 0 of none. */
static uint32_t percentile(const uint32_t *sorted, uint32_t count, uint32_t percent)
{
    return count == 0 ? 0 : sorted[(count - 1) * percent / 100];
}

uint32_t mu_queue_stats_estimate(struct queue_pool *pool)
{
    if (pool->waits_count > pool->estimate_count + ESTIMATE_EVERY ||
        (pool->estimate_count == 0 && pool->waits_count > 0)) {
        uint32_t sorted[MU_QUEUE_WAITS_MAX];
        uint32_t count = sorted_waits(pool, sorted);
        pool->estimate_ms = percentile(sorted, count, 50);
        pool->estimate_count = pool->waits_count;
    }
    return pool->estimate_ms < 86400000 ? pool->estimate_ms : 86400000;
}

static void fill_pool(const struct queue_shard *shard, uint32_t index, int64_t now_ms,
                      struct mu_msg_pool_stats *ret)
{
    const struct queue_pool *pool = &shard->pools[index];
    uint32_t sorted[MU_QUEUE_WAITS_MAX];
    uint32_t count = sorted_waits(pool, sorted);
    uint32_t spreads =
        pool->matches < MU_QUEUE_SPREADS_MAX ? (uint32_t)pool->matches : MU_QUEUE_SPREADS_MAX;
    double spread = 0;
    bool matched = false;
    for (uint32_t i = 0; i < pool->edges.slices; i++) {
        matched = matched || mu_queue_slice_lives(&pool->slices[i]);
    }
    for (uint32_t i = 0; i < spreads; i++) {
        spread += pool->spreads[i] / (double)spreads;
    }
    *ret = (struct mu_msg_pool_stats){
        .tickets = pool->tickets,
        .players = pool->players,
        .matches = pool->matches,
        .matched_players = pool->matched_players,
        .oldest_ms = (uint64_t)(now_ms - mu_ages_oldest(&pool->ages, now_ms)),
        .wait_p50_ms = percentile(sorted, count, 50),
        .wait_p90_ms = percentile(sorted, count, 90),
        .wait_p99_ms = percentile(sorted, count, 99),
        .spread = spread,
        .rules = pool->rules_version,
        .waits_count = MU_WAIT_BUCKETS,
        .wait_sum = pool->wait_sum,
        .qualities_count = MU_QUALITY_BUCKETS,
        .quality_sum = pool->quality_sum,
        .slices = matched ? pool->edges.slices : 0,
    };
    for (uint32_t i = 0; i < MU_WAIT_BUCKETS; i++) {
        ret->waits[i].count = pool->waits[i];
    }
    for (uint32_t i = 0; i < MU_QUALITY_BUCKETS; i++) {
        ret->qualities[i].count = pool->qualities[i];
    }
    memcpy(ret->mode, shard->config->modes[index].name, sizeof ret->mode);
    memcpy(ret->region, shard->config->regions[shard->region].name, sizeof ret->region);
}

void mu_queue_stats_fill(const struct queue_shard *shard, int64_t now_ms, struct mu_msg_stats *ret)
{
    struct mu_counters counters = shard->counters;
    counters.values[MU_COUNTER_MATCHERS] = mu_queue_matchers_working(shard);
    ret->counters_count = 0;
    (void)snprintf(ret->kind, sizeof ret->kind, "%s", shard->actor.ops->kind);
    memcpy(ret->partition, shard->partition, sizeof ret->partition);
    ret->ready = mu_queue_closed(shard) == NULL && counters.values[MU_COUNTER_MATCHERS] > 0;
    ret->uptime_ms = (uint64_t)(now_ms - shard->started_ms);
    mu_counters_export(&counters, ret);
    /* Who stands by must not speak for the partition: it knows nothing of it. */
    bool owns = shard->follow.epoch > 0;
    ret->pools_count = owns ? shard->config->modes_count : 0;
    for (uint32_t i = 0; i < ret->pools_count; i++) {
        fill_pool(shard, i, now_ms, &ret->pools[i]);
    }
}
