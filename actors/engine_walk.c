/* actors/engine_walk.c - a ticket's neighbours, nearest first: a merge of one list up and one
 * down for each party size. */
#include "actors/engine_pool.h"

#include "core/actor.h"

enum { VISITS_MAX = 4096 }; /* tickets looked at in one walk, wanted or not */

/* Goes from bucket to bucket until one is occupied; ends beyond distance_max. */
static uint32_t next_bucket(struct mu_walk *walk, struct mu_walk_stream *stream, int32_t from)
{
    const struct mu_pool *pool = walk->pool;
    int32_t own = pool->hot[walk->anchor].rating - MU_RATING_MIN;
    int32_t at = stream->direction > 0 ? mu_pool_up(pool, stream->size, from)
                                       : mu_pool_down(pool, stream->size, from);
    if (at < 0) {
        return MU_SLOT_NONE;
    }
    stream->distance = at > own ? at - own : own - at;
    if (stream->distance > walk->distance_max) {
        return MU_SLOT_NONE;
    }
    return pool->buckets[stream->size - 1][at].head;
}

/* Whether the neighbour in `slot` is wanted at that distance. */
static bool wanted(const struct mu_walk *walk, uint32_t slot, int32_t distance)
{
    const struct mu_hot *hot = &walk->pool->hot[slot];
    if (slot == walk->anchor || (hot->regions & walk->regions) == 0) {
        return false;
    }
    return walk->now_ms == MU_NEVER ||
           mu_engine_window(walk->pool->mode, walk->now_ms - hot->since_ms) >= distance;
}

/* Moves a stream on to the first wanted neighbour at or behind `slot`. */
static void settle(struct mu_walk *walk, struct mu_walk_stream *stream, uint32_t slot)
{
    const struct mu_pool *pool = walk->pool;
    while (slot != MU_SLOT_NONE && !wanted(walk, slot, stream->distance)) {
        if (walk->visits_left == 0) {
            slot = MU_SLOT_NONE;
            break;
        }
        walk->visits_left--;
        int32_t at = pool->hot[slot].rating - MU_RATING_MIN;
        slot = pool->hot[slot].next;
        if (slot == MU_SLOT_NONE) {
            slot = next_bucket(walk, stream, at + stream->direction);
        }
    }
    stream->slot = slot;
}

void mu_walk_begin(struct mu_walk *walk, const struct mu_pool *pool, uint32_t anchor,
                   uint32_t regions, int64_t distance_max, int64_t now_ms)
{
    assert(pool->hot[anchor].state == MU_HOT_WAITING);
    walk->pool = pool;
    walk->anchor = anchor;
    walk->regions = regions;
    walk->distance_max = distance_max < MU_POOL_RATINGS ? (int32_t)distance_max : MU_POOL_RATINGS;
    walk->now_ms = now_ms;
    walk->visits_left = VISITS_MAX;
    walk->streams_count = 0;
    int32_t own = pool->hot[anchor].rating - MU_RATING_MIN;
    for (uint32_t size = 1; size <= pool->sizes_count; size++) {
        for (int32_t direction = 1; direction >= -1; direction -= 2) {
            struct mu_walk_stream *stream = &walk->streams[walk->streams_count];
            *stream = (struct mu_walk_stream){ .size = size, .direction = direction };
            int32_t from = direction > 0 ? own : own - 1;
            settle(walk, stream, next_bucket(walk, stream, from));
            if (stream->slot != MU_SLOT_NONE) {
                walk->streams_count++;
            }
        }
    }
}

uint32_t mu_walk_next(struct mu_walk *walk)
{
    struct mu_walk_stream *best = NULL;
    for (uint32_t i = 0; i < walk->streams_count; i++) {
        struct mu_walk_stream *stream = &walk->streams[i];
        if (best == NULL || stream->distance < best->distance ||
            (stream->distance == best->distance &&
             mu_pool_before(walk->pool, stream->slot, best->slot))) {
            best = stream;
        }
    }
    if (best == NULL) {
        return MU_SLOT_NONE;
    }
    uint32_t slot = best->slot;
    const struct mu_hot *hot = &walk->pool->hot[slot];
    uint32_t next = hot->next;
    if (next == MU_SLOT_NONE) {
        next = next_bucket(walk, best, hot->rating - MU_RATING_MIN + best->direction);
    }
    settle(walk, best, next);
    if (best->slot == MU_SLOT_NONE) {
        *best = walk->streams[--walk->streams_count];
    }
    return slot;
}
