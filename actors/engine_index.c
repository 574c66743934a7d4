/* actors/engine_index.c - who waits, by rating; and a ticket's neighbours, nearest first: a merge
 * of one list up and one down for each party size. */
#include "actors/engine_pool.h"

#include <string.h>

enum {
    LINK_STEPS_MAX = 32, /* looked at from either end of a bucket for a ticket's place */
    VISITS_MAX = 4096,   /* tickets looked at in one walk, wanted or not */
};

/* Buckets. */

int32_t mu_pool_rank(const struct mu_pool *pool, uint32_t slot)
{
    if (pool->hot[slot].shelf > 0 || pool->rules->backfill == MU_BACKFILL_NORMAL) {
        return 0;
    }
    return pool->rules->backfill == MU_BACKFILL_HIGH ? -1 : 1;
}

bool mu_pool_before(const struct mu_pool *pool, uint32_t a, uint32_t b)
{
    int32_t rank_a = mu_pool_rank(pool, a);
    int32_t rank_b = mu_pool_rank(pool, b);
    if (rank_a != rank_b) {
        return rank_a < rank_b;
    }
    int64_t key_a = mu_pool_key(&pool->hot[a]);
    int64_t key_b = mu_pool_key(&pool->hot[b]);
    if (key_a != key_b) {
        return key_a < key_b;
    }
    return strcmp(pool->cold[a].id, pool->cold[b].id) < 0;
}

/* What a ticket is sorted by; strings only so that equal ones come together. */
static double sort_number(const struct mu_facts *facts, uint32_t attribute)
{
    double sum = 0;
    for (uint32_t i = 0; i < facts->players_count; i++) {
        sum += mu_facts_number(facts, i, attribute);
    }
    return sum / facts->players_count;
}

bool mu_pool_chooses_before(const struct mu_pool *pool, uint32_t a, uint32_t b)
{
    const struct mu_rules *rules = pool->rules;
    const struct mu_facts *facts_a = pool->cold[a].facts;
    const struct mu_facts *facts_b = pool->cold[b].facts;
    bool sorted =
        facts_a != NULL && facts_b != NULL && mu_pool_rank(pool, a) == mu_pool_rank(pool, b);
    for (uint32_t i = 0; sorted && i < rules->sort_count; i++) {
        uint32_t attribute = rules->sort[i];
        if (rules->attributes[attribute].type == MU_ATTRIBUTE_NUMBER) {
            double ahead = sort_number(facts_a, attribute) - sort_number(facts_b, attribute);
            if (ahead < 0 || ahead > 0) {
                return ahead < 0;
            }
            continue;
        }
        uint32_t count;
        uint64_t symbol_a = *mu_facts_symbols(facts_a, 0, attribute, &count, NULL);
        uint64_t symbol_b = *mu_facts_symbols(facts_b, 0, attribute, &count, NULL);
        if (symbol_a != symbol_b) {
            return symbol_a < symbol_b;
        }
    }
    return mu_pool_before(pool, a, b);
}

static int32_t occupied_up(const struct mu_pool *pool, uint32_t shelf, int32_t from)
{
    if (from >= MU_POOL_RATINGS) {
        return -1;
    }
    uint32_t word = (uint32_t)from / 64;
    uint64_t bits = pool->occupied[shelf][word] & (UINT64_MAX << ((uint32_t)from % 64));
    while (bits == 0) {
        if (++word == MU_POOL_WORDS) {
            return -1;
        }
        bits = pool->occupied[shelf][word];
    }
    uint32_t bit = 0;
    for (uint32_t step = 32; step > 0; step /= 2) {
        if ((bits << (64 - step)) == 0) { /* the lowest `step` bits are zero */
            bits >>= step;
            bit += step;
        }
    }
    return (int32_t)(word * 64 + bit);
}

static int32_t occupied_down(const struct mu_pool *pool, uint32_t shelf, int32_t from)
{
    if (from < 0) {
        return -1;
    }
    uint32_t word = (uint32_t)from / 64;
    uint64_t bits = pool->occupied[shelf][word] & (UINT64_MAX >> (63 - (uint32_t)from % 64));
    while (bits == 0) {
        if (word-- == 0) {
            return -1;
        }
        bits = pool->occupied[shelf][word];
    }
    uint32_t bit = 63;
    for (uint32_t step = 32; step > 0; step /= 2) {
        if ((bits >> (64 - step)) == 0) { /* the highest `step` bits are zero */
            bits <<= step;
            bit -= step;
        }
    }
    return (int32_t)(word * 64 + bit);
}

static struct mu_bucket *bucket_of(struct mu_pool *pool, const struct mu_hot *hot)
{
    assert(hot->shelf <= pool->sizes_count);
    return &pool->buckets[hot->shelf][hot->index];
}

/* The member behind which `slot` belongs, or MU_SLOT_NONE for the front.  New tickets belong at
 * the end and requeued ones at the front; one from the middle of a very long bucket is put near
 * its place, which only matters to which of many equal neighbours is taken first. */
static uint32_t place_in(const struct mu_pool *pool, const struct mu_bucket *bucket, uint32_t slot)
{
    uint32_t after = bucket->tail;
    for (uint32_t i = 0; i < LINK_STEPS_MAX; i++) {
        if (after == MU_SLOT_NONE || mu_pool_before(pool, after, slot)) {
            return after;
        }
        after = pool->hot[after].prev;
    }
    uint32_t next = bucket->head;
    for (uint32_t i = 0; i < LINK_STEPS_MAX; i++) {
        if (mu_pool_before(pool, slot, next)) {
            return pool->hot[next].prev;
        }
        next = pool->hot[next].next;
        assert(next != MU_SLOT_NONE); /* those at the end were all found to be later */
    }
    return after;
}

void mu_pool_link(struct mu_pool *pool, uint32_t slot)
{
    struct mu_hot *hot = &pool->hot[slot];
    struct mu_bucket *bucket = bucket_of(pool, hot);
    uint32_t after = place_in(pool, bucket, slot);
    hot->prev = after;
    hot->next = after == MU_SLOT_NONE ? bucket->head : pool->hot[after].next;
    if (hot->prev == MU_SLOT_NONE) {
        bucket->head = slot;
    } else {
        pool->hot[hot->prev].next = slot;
    }
    if (hot->next == MU_SLOT_NONE) {
        bucket->tail = slot;
    } else {
        pool->hot[hot->next].prev = slot;
    }
    uint32_t at = (uint32_t)hot->index;
    pool->occupied[hot->shelf][at / 64] |= UINT64_C(1) << (at % 64);
    pool->waiting_count++;
    pool->backfills_count += hot->shelf == 0;
    pool->players_count += hot->shelf;
}

void mu_pool_unlink(struct mu_pool *pool, uint32_t slot)
{
    struct mu_hot *hot = &pool->hot[slot];
    struct mu_bucket *bucket = bucket_of(pool, hot);
    if (hot->prev == MU_SLOT_NONE) {
        bucket->head = hot->next;
    } else {
        pool->hot[hot->prev].next = hot->next;
    }
    if (hot->next == MU_SLOT_NONE) {
        bucket->tail = hot->prev;
    } else {
        pool->hot[hot->next].prev = hot->prev;
    }
    if (bucket->head == MU_SLOT_NONE) {
        uint32_t at = (uint32_t)hot->index;
        pool->occupied[hot->shelf][at / 64] &= ~(UINT64_C(1) << (at % 64));
    }
    hot->next = MU_SLOT_NONE;
    hot->prev = MU_SLOT_NONE;
    assert(pool->waiting_count > 0);
    pool->waiting_count--;
    pool->backfills_count -= hot->shelf == 0;
    pool->players_count -= hot->shelf;
}

uint32_t mu_pool_check_buckets(const struct mu_pool *pool)
{
    uint32_t members = 0;
    for (uint32_t shelf = 0; shelf <= pool->sizes_count; shelf++) {
        for (uint32_t at = 0; at < MU_POOL_RATINGS; at++) {
            const struct mu_bucket *bucket = &pool->buckets[shelf][at];
            bool occupied = (pool->occupied[shelf][at / 64] >> (at % 64) & 1) != 0;
            assert(occupied == (bucket->head != MU_SLOT_NONE));
            uint32_t prev = MU_SLOT_NONE;
            uint32_t slot = bucket->head;
            while (slot != MU_SLOT_NONE) {
                const struct mu_hot *hot = &pool->hot[slot];
                assert(hot->state == MU_HOT_WAITING && hot->prev == prev);
                assert(hot->shelf == shelf);
                assert((uint32_t)hot->index == at);
                prev = slot;
                slot = hot->next;
                members++;
                assert(members <= pool->slots.capacity);
            }
            assert(bucket->tail == prev);
        }
    }
    return members;
}

/* Neighbours. */

/* Goes from bucket to bucket until one is occupied; ends beyond distance_max. */
static uint32_t next_bucket(struct mu_walk *walk, struct mu_walk_stream *stream, int32_t from)
{
    const struct mu_pool *pool = walk->pool;
    int32_t own = pool->hot[walk->anchor].index;
    int32_t at = stream->direction > 0 ? occupied_up(pool, stream->shelf, from)
                                       : occupied_down(pool, stream->shelf, from);
    if (at < 0) {
        return MU_SLOT_NONE;
    }
    stream->distance = at > own ? at - own : own - at;
    if (stream->distance > walk->distance_max) {
        return MU_SLOT_NONE;
    }
    return pool->buckets[stream->shelf][at].head;
}

static bool wanted(const struct mu_walk *walk, uint32_t slot)
{
    return slot != walk->anchor && (walk->pool->hot[slot].regions & walk->regions) != 0;
}

/* Moves a stream on to the first wanted neighbour at or behind `slot`. */
static void settle(struct mu_walk *walk, struct mu_walk_stream *stream, uint32_t slot)
{
    const struct mu_pool *pool = walk->pool;
    while (slot != MU_SLOT_NONE && !wanted(walk, slot)) {
        if (walk->visits_left == 0) {
            slot = MU_SLOT_NONE;
            break;
        }
        walk->visits_left--;
        pool->work->looks++;
        int32_t at = pool->hot[slot].index;
        slot = pool->hot[slot].next;
        if (slot == MU_SLOT_NONE) {
            slot = next_bucket(walk, stream, at + stream->direction);
        }
    }
    stream->slot = slot;
}

void mu_walk_begin(struct mu_walk *walk, const struct mu_pool *pool, uint32_t anchor,
                   int32_t distance_max, bool backfills)
{
    mu_walk_begin_in(walk, pool, anchor, distance_max, backfills, pool->hot[anchor].regions);
}

void mu_walk_begin_in(struct mu_walk *walk, const struct mu_pool *pool, uint32_t anchor,
                      int32_t distance_max, bool backfills, uint32_t regions)
{
    walk->pool = pool;
    walk->anchor = anchor;
    walk->regions = regions;
    walk->distance_max = distance_max;
    walk->visits_left = VISITS_MAX;
    walk->streams_count = 0;
    int32_t own = pool->hot[anchor].index;
    uint32_t last = backfills ? 0 : pool->sizes_count;
    for (uint32_t shelf = backfills ? 0 : 1; shelf <= last; shelf++) {
        for (int32_t direction = 1; direction >= -1; direction -= 2) {
            struct mu_walk_stream *stream = &walk->streams[walk->streams_count];
            *stream = (struct mu_walk_stream){ .shelf = shelf, .direction = direction };
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
    walk->pool->work->looks++;
    uint32_t next = hot->next;
    if (next == MU_SLOT_NONE) {
        next = next_bucket(walk, best, hot->index + best->direction);
    }
    settle(walk, best, next);
    if (best->slot == MU_SLOT_NONE) {
        *best = walk->streams[--walk->streams_count];
    }
    return slot;
}
