/* actors/engine.c - the pool: tickets in and out; see actors/engine_pool.h. */
#include "actors/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "actors/engine_pool.h"

enum { LINK_STEPS_MAX = 32 }; /* looked at from either end of a bucket for a ticket's place */

/* Buckets. */

bool mu_pool_before(const struct mu_pool *pool, uint32_t a, uint32_t b)
{
    int64_t key_a = mu_pool_key(&pool->hot[a]);
    int64_t key_b = mu_pool_key(&pool->hot[b]);
    if (key_a != key_b) {
        return key_a < key_b;
    }
    return strcmp(pool->cold[a].id, pool->cold[b].id) < 0;
}

int32_t mu_pool_up(const struct mu_pool *pool, uint32_t size, int32_t from)
{
    if (from >= MU_POOL_RATINGS) {
        return -1;
    }
    uint32_t word = (uint32_t)from / 64;
    uint64_t bits = pool->occupied[size - 1][word] & (UINT64_MAX << ((uint32_t)from % 64));
    while (bits == 0) {
        if (++word == MU_POOL_WORDS) {
            return -1;
        }
        bits = pool->occupied[size - 1][word];
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

int32_t mu_pool_down(const struct mu_pool *pool, uint32_t size, int32_t from)
{
    if (from < 0) {
        return -1;
    }
    uint32_t word = (uint32_t)from / 64;
    uint64_t bits = pool->occupied[size - 1][word] & (UINT64_MAX >> (63 - (uint32_t)from % 64));
    while (bits == 0) {
        if (word-- == 0) {
            return -1;
        }
        bits = pool->occupied[size - 1][word];
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
    assert(hot->players >= 1 && hot->players <= pool->sizes_count);
    return &pool->buckets[hot->players - 1][hot->rating - MU_RATING_MIN];
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
    uint32_t at = (uint32_t)(hot->rating - MU_RATING_MIN);
    pool->occupied[hot->players - 1][at / 64] |= UINT64_C(1) << (at % 64);
    pool->size_counts[hot->players]++;
    pool->waiting_count++;
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
        uint32_t at = (uint32_t)(hot->rating - MU_RATING_MIN);
        pool->occupied[hot->players - 1][at / 64] &= ~(UINT64_C(1) << (at % 64));
    }
    hot->next = MU_SLOT_NONE;
    hot->prev = MU_SLOT_NONE;
    assert(pool->waiting_count > 0);
    pool->size_counts[hot->players]--;
    pool->waiting_count--;
}

void mu_pool_change(struct mu_pool *pool, uint32_t slot)
{
    struct mu_hot *hot = &pool->hot[slot];
    if (hot->changed_at == MU_SLOT_NONE) {
        hot->changed_at = pool->changed_count;
        pool->changed[pool->changed_count++] = slot;
    }
}

void mu_pool_unchange(struct mu_pool *pool, uint32_t slot)
{
    struct mu_hot *hot = &pool->hot[slot];
    if (hot->changed_at != MU_SLOT_NONE) {
        uint32_t last = pool->changed[--pool->changed_count];
        pool->changed[hot->changed_at] = last;
        pool->hot[last].changed_at = hot->changed_at;
        hot->changed_at = MU_SLOT_NONE;
    }
}

/* Life. */

static void forget_all(struct mu_pool *pool)
{
    memset(pool->occupied, 0, sizeof pool->occupied);
    memset(pool->size_counts, 0, sizeof pool->size_counts);
    for (uint32_t size = 0; size < pool->sizes_count; size++) {
        for (uint32_t i = 0; i < MU_POOL_RATINGS; i++) {
            pool->buckets[size][i] = (struct mu_bucket){ MU_SLOT_NONE, MU_SLOT_NONE };
        }
    }
    pool->waiting_count = 0;
    pool->taken_count = 0;
    pool->changed_count = 0;
    pool->anchors_count = 0;
    pool->anchors_next = 0;
    pool->parked = false;
}

/* Enlarges *array to `count` items of `bytes` each, the new ones zero. */
static int enlarge(void **array, uint32_t old_count, uint32_t count, size_t bytes)
{
    char *larger = realloc(*array, count * bytes);
    if (larger == NULL) {
        return -ENOMEM;
    }
    memset(larger + old_count * bytes, 0, (count - old_count) * bytes);
    *array = larger;
    return 0;
}

/* Enlarges all arrays but the slots to `count`; on failure some are larger than needed. */
static int enlarge_all(struct mu_pool *pool, uint32_t old_count, uint32_t count)
{
    struct mu_heap *moments = mu_heap_create(count);
    void *hot = pool->hot;
    void *cold = pool->cold;
    void *changed = pool->changed;
    void *anchors = pool->anchors;
    void *spare = pool->spare;
    int r = moments == NULL ? -ENOMEM : 0;
    r = r != 0 ? r : enlarge(&hot, old_count, count, sizeof *pool->hot);
    r = r != 0 ? r : enlarge(&cold, old_count, count, sizeof *pool->cold);
    r = r != 0 ? r : enlarge(&changed, old_count, count, sizeof *pool->changed);
    r = r != 0 ? r : enlarge(&anchors, old_count, count, sizeof *pool->anchors);
    r = r != 0 ? r : enlarge(&spare, old_count, count, sizeof *pool->spare);
    pool->hot = hot;
    pool->cold = cold;
    pool->changed = changed;
    pool->anchors = anchors;
    pool->spare = spare;
    if (r != 0) {
        mu_heap_destroy(moments);
        return r;
    }
    while (old_count > 0 && mu_heap_first(pool->moments) != MU_HEAP_NONE) {
        int64_t deadline = mu_heap_deadline(pool->moments);
        mu_heap_set(moments, mu_heap_pop_due(pool->moments, deadline), deadline);
    }
    mu_heap_destroy(pool->moments);
    pool->moments = moments;
    return 0;
}

static int grow(struct mu_pool *pool)
{
    uint32_t old_count = pool->slots.capacity;
    uint32_t count = mu_slots_capacity_next(&pool->slots);
    if (count == old_count) {
        return -ENOBUFS;
    }
    int r = enlarge_all(pool, old_count, count);
    return r != 0 ? r : mu_slots_grow(&pool->slots, pool->cold[0].id, sizeof pool->cold[0]);
}

struct mu_pool *mu_pool_create(const struct mu_config *config, uint32_t mode, uint32_t capacity_max,
                               uint64_t seed)
{
    assert(mode < config->modes_count);
    assert(capacity_max >= 1 && capacity_max <= MU_POOL_CAPACITY_MAX);
    struct mu_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) {
        return NULL;
    }
    const struct mu_mode *rules = &config->modes[mode];
    pool->config = config;
    pool->mode = rules;
    pool->mode_index = mode;
    pool->players_min = rules->teams * rules->team_min;
    pool->players_max = rules->teams * rules->team_max;
    assert(pool->players_min >= 1 && pool->players_max <= MU_MATCH_PLAYERS_MAX);
    pool->pair = rules->teams == 2 && rules->team_max == 1;
    pool->sizes_count =
        rules->team_max < MU_TICKET_PLAYERS_MAX ? rules->team_max : MU_TICKET_PLAYERS_MAX;
    pool->neighbours_max = 4 * pool->players_max;
    if (pool->neighbours_max < MU_POOL_NEIGHBOURS_MAX) {
        pool->neighbours_max = MU_POOL_NEIGHBOURS_MAX;
    }
    uint32_t capacity =
        capacity_max < MU_POOL_CAPACITY_FIRST ? capacity_max : MU_POOL_CAPACITY_FIRST;
    pool->buckets = calloc(pool->sizes_count, sizeof *pool->buckets);
    if (pool->buckets == NULL || mu_slots_init(&pool->slots, capacity, capacity_max, seed) != 0 ||
        enlarge_all(pool, 0, capacity) != 0) {
        mu_pool_destroy(pool);
        return NULL;
    }
    forget_all(pool);
    return pool;
}

void mu_pool_destroy(struct mu_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    mu_slots_release(&pool->slots);
    mu_heap_destroy(pool->moments);
    free(pool->hot);
    free(pool->cold);
    free(pool->changed);
    free(pool->anchors);
    free(pool->spare);
    free(pool->buckets);
    free(pool);
}

void mu_pool_clear(struct mu_pool *pool)
{
    mu_slots_clear(&pool->slots);
    mu_heap_clear(pool->moments);
    memset(pool->hot, 0, pool->slots.capacity * sizeof *pool->hot);
    memset(pool->cold, 0, pool->slots.capacity * sizeof *pool->cold);
    forget_all(pool);
}

/* Tickets. */

static uint32_t regions_of(const struct mu_pool *pool, const struct mu_engine_ticket *ticket)
{
    uint32_t regions = 0;
    uint32_t bound = pool->mode->latency_max_ms;
    for (uint32_t i = 0; i < pool->config->regions_count; i++) {
        uint32_t ms = ticket->reach_ms[i];
        if (ms != MU_REACH_NONE && (bound == 0 || ms <= bound)) {
            regions |= UINT32_C(1) << i;
        }
    }
    return regions;
}

int mu_pool_add(struct mu_pool *pool, const struct mu_engine_ticket *ticket)
{
    if (ticket->rating < MU_RATING_MIN || ticket->rating > MU_RATING_MAX || ticket->players < 1 ||
        ticket->players > MU_TICKET_PLAYERS_MAX || ticket->priority > 100 ||
        ticket->id[0] == '\0') {
        return -EINVAL;
    }
    (void)mu_pool_remove(pool, ticket->id); /* replaces */
    if (mu_slots_count(&pool->slots) == pool->slots.capacity) {
        int r = grow(pool);
        if (r != 0) {
            return r;
        }
    }
    uint32_t slot = mu_slots_put(&pool->slots, ticket->id);
    assert(slot != MU_SLOT_NONE);
    struct mu_cold *cold = &pool->cold[slot];
    memcpy(cold->id, ticket->id, sizeof cold->id);
    cold->version = ticket->version;
    memcpy(cold->reach_ms, ticket->reach_ms, sizeof cold->reach_ms);
    struct mu_hot *hot = &pool->hot[slot];
    *hot = (struct mu_hot){
        .since_ms = ticket->since_ms,
        .next = MU_SLOT_NONE,
        .prev = MU_SLOT_NONE,
        .regions = regions_of(pool, ticket),
        .changed_at = MU_SLOT_NONE,
        .rating = (int16_t)ticket->rating,
        .players = (uint8_t)ticket->players,
        .priority = (uint8_t)ticket->priority,
        .state = MU_HOT_IDLE,
    };
    if (hot->regions != 0 && hot->players <= pool->sizes_count) {
        hot->state = MU_HOT_WAITING;
        pool->parked = false;
        mu_pool_link(pool, slot);
        mu_pool_change(pool, slot);
    }
    return 0;
}

bool mu_pool_remove(struct mu_pool *pool, const char *id)
{
    uint32_t slot = mu_slots_get(&pool->slots, id);
    if (slot == MU_SLOT_NONE) {
        return false;
    }
    struct mu_hot *hot = &pool->hot[slot];
    assert(hot->state != MU_HOT_FREE);
    if (hot->state == MU_HOT_WAITING) {
        mu_pool_unlink(pool, slot);
        mu_pool_unchange(pool, slot);
    } else if (hot->state == MU_HOT_TAKEN) {
        pool->taken_count--;
    }
    (void)mu_heap_remove(pool->moments, slot);
    hot->state = MU_HOT_FREE;
    hot->anchor = false;
    mu_slots_remove(&pool->slots, id);
    pool->cold[slot].id[0] = '\0';
    return true;
}

bool mu_pool_find(const struct mu_pool *pool, const char *id, struct mu_engine_ticket *ret)
{
    uint32_t slot = mu_slots_get(&pool->slots, id);
    if (slot == MU_SLOT_NONE) {
        return false;
    }
    if (ret != NULL) {
        const struct mu_cold *cold = &pool->cold[slot];
        const struct mu_hot *hot = &pool->hot[slot];
        memcpy(ret->id, cold->id, sizeof ret->id);
        ret->version = cold->version;
        ret->since_ms = hot->since_ms;
        ret->rating = hot->rating;
        ret->players = hot->players;
        ret->priority = hot->priority;
        memcpy(ret->reach_ms, cold->reach_ms, sizeof ret->reach_ms);
    }
    return true;
}

uint32_t mu_pool_count(const struct mu_pool *pool)
{
    return mu_slots_count(&pool->slots);
}

uint32_t mu_pool_taken(const struct mu_pool *pool)
{
    return pool->taken_count;
}

/* Invariants. */

static uint32_t check_buckets(const struct mu_pool *pool)
{
    uint32_t members = 0;
    for (uint32_t size = 1; size <= pool->sizes_count; size++) {
        for (uint32_t at = 0; at < MU_POOL_RATINGS; at++) {
            const struct mu_bucket *bucket = &pool->buckets[size - 1][at];
            bool occupied = (pool->occupied[size - 1][at / 64] >> (at % 64) & 1) != 0;
            assert(occupied == (bucket->head != MU_SLOT_NONE));
            uint32_t prev = MU_SLOT_NONE;
            uint32_t slot = bucket->head;
            while (slot != MU_SLOT_NONE) {
                const struct mu_hot *hot = &pool->hot[slot];
                assert(hot->state == MU_HOT_WAITING && hot->prev == prev);
                assert(hot->players == size);
                assert((uint32_t)(hot->rating - MU_RATING_MIN) == at);
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

void mu_pool_check(const struct mu_pool *pool)
{
    uint32_t used = 0;
    uint32_t waiting = 0;
    uint32_t taken = 0;
    mu_slots_check(&pool->slots);
    mu_heap_check(pool->moments);
    for (uint32_t i = 0; i < pool->slots.capacity; i++) {
        const struct mu_hot *hot = &pool->hot[i];
        assert((hot->state == MU_HOT_FREE) == (pool->cold[i].id[0] == '\0'));
        if (hot->state == MU_HOT_FREE) {
            assert(!mu_heap_has(pool->moments, i));
            continue;
        }
        used++;
        waiting += hot->state == MU_HOT_WAITING;
        taken += hot->state == MU_HOT_TAKEN;
        assert(mu_slots_get(&pool->slots, pool->cold[i].id) == i);
        if (hot->changed_at != MU_SLOT_NONE) {
            assert(hot->state == MU_HOT_WAITING && hot->changed_at < pool->changed_count);
            assert(pool->changed[hot->changed_at] == i);
        }
    }
    assert(used == mu_slots_count(&pool->slots));
    assert(waiting == pool->waiting_count && waiting == check_buckets(pool));
    assert(taken == pool->taken_count);
    assert(pool->anchors_next <= pool->anchors_count);
}
