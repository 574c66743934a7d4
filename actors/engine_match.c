/* actors/engine_match.c - which tickets to try, in which order, and when next.
 *
 * A match can newly be possible only for a ticket that has changed (it came, or its moment did:
 * its window has reached another one) and its neighbours.  These are marked, sorted into the order
 * of service, and tried; one failure is final, for what others take away only makes less possible.
 * Those that changed and still wait get their next moment. */
#include "actors/engine_pool.h"

#include <string.h>

#include "core/actor.h"

enum {
    FAILURES_MAX = 4096, /* tickets tried in vain in one call, so that no call takes long */
    BULK_MIN = 64,       /* changed tickets from which marking everybody can be cheaper */
    SIZES_STEPS = 4096,  /* spent on whether the sizes can do at all */
};

/* Marking. */

static void mark(struct mu_pool *pool, uint32_t slot)
{
    struct mu_hot *hot = &pool->hot[slot];
    if (!hot->anchor) {
        assert(pool->anchors_count < pool->slots.capacity);
        hot->anchor = true;
        pool->anchors[pool->anchors_count++] =
            (struct mu_anchor){ .key = mu_pool_key(hot), .slot = slot };
    }
}

/* Drops what was done with, and the tickets that have gone since the last call was stopped. */
static void compact_anchors(struct mu_pool *pool)
{
    uint32_t kept = 0;
    for (uint32_t i = pool->anchors_next; i < pool->anchors_count; i++) {
        if (pool->hot[pool->anchors[i].slot].anchor) {
            pool->anchors[kept++] = pool->anchors[i];
        }
    }
    pool->anchors_count = kept;
    pool->anchors_next = 0;
}

static void mark_all(struct mu_pool *pool)
{
    for (uint32_t size = 1; size <= pool->sizes_count; size++) {
        int32_t at = mu_pool_up(pool, size, 0);
        while (at >= 0) {
            uint32_t slot = pool->buckets[size - 1][at].head;
            while (slot != MU_SLOT_NONE) {
                mark(pool, slot);
                slot = pool->hot[slot].next;
            }
            at = mu_pool_up(pool, size, at + 1);
        }
    }
    for (uint32_t i = 0; i < pool->changed_count; i++) {
        pool->hot[pool->changed[i]].considered = true;
    }
}

/* Marks a ticket and all that accept it, and are accepted. */
static void mark_around(struct mu_pool *pool, uint32_t slot, int64_t now_ms)
{
    const struct mu_hot *hot = &pool->hot[slot];
    struct mu_walk walk;
    mu_walk_begin(&walk, pool, slot, hot->regions,
                  mu_engine_window(pool->mode, now_ms - hot->since_ms), now_ms);
    bool any = false;
    for (uint32_t i = 0; i < pool->neighbours_max; i++) {
        uint32_t other = mu_walk_next(&walk);
        if (other == MU_SLOT_NONE) {
            break;
        }
        mark(pool, other);
        any = true;
    }
    if (any || pool->players_min == 1 || hot->players >= pool->players_min) {
        mark(pool, slot);
    }
}

/* Whether a changed ticket can be in a match now.  May say yes wrongly, never no. */
static bool is_possible(struct mu_pool *pool, uint32_t slot, int64_t now_ms)
{
    if (pool->pair) {
        return true; /* looking is as cheap as asking */
    }
    if (pool->mode->team_min < pool->mode->team_max) {
        return true; /* an older neighbour may do with fewer than this one */
    }
    struct mu_plan plan;
    uint32_t slots[MU_MATCH_PLAYERS_MAX];
    uint32_t count;
    return mu_pool_form(pool, slot, now_ms, &plan, slots, &count);
}

/* Whether the parties that wait, all together, could make one match by their sizes. */
static bool sizes_suffice(const struct mu_pool *pool)
{
    struct mu_plan plan;
    struct mu_parties parties = { { 0 } };
    const struct mu_mode *mode = pool->mode;
    const struct mu_fill any = { mode->teams, mode->team_min, mode->team_max, 0 };
    uint32_t steps = SIZES_STEPS;
    for (uint32_t size = 1; size <= pool->sizes_count; size++) {
        uint32_t count = pool->size_counts[size];
        parties.count[size] = (uint16_t)(count < UINT16_MAX ? count : UINT16_MAX);
    }
    return mu_compose_fill(&parties, &any, &steps, &plan) || steps == 0;
}

static void mark_changed(struct mu_pool *pool, int64_t now_ms)
{
    if (pool->changed_count >= BULK_MIN && pool->changed_count >= pool->waiting_count / 4) {
        mark_all(pool);
        return;
    }
    for (uint32_t i = 0; i < pool->changed_count; i++) {
        struct mu_hot *hot = &pool->hot[pool->changed[i]];
        if (!hot->considered) {
            hot->considered = true;
            if (is_possible(pool, pool->changed[i], now_ms)) {
                mark_around(pool, pool->changed[i], now_ms);
            }
        }
    }
}

/* Order. */

static bool sorted_before(const struct mu_pool *pool, const struct mu_anchor *a,
                          const struct mu_anchor *b)
{
    if (a->key != b->key) {
        return a->key < b->key;
    }
    return strcmp(pool->cold[a->slot].id, pool->cold[b->slot].id) < 0;
}

static bool is_sorted(const struct mu_pool *pool)
{
    for (uint32_t i = 1; i < pool->anchors_count; i++) {
        if (sorted_before(pool, &pool->anchors[i], &pool->anchors[i - 1])) {
            return false;
        }
    }
    return true;
}

/* A stable merge sort from below: no recursion, no allocation, O(n) when sorted already. */
static void sort_anchors(struct mu_pool *pool)
{
    if (is_sorted(pool)) {
        return;
    }
    uint32_t count = pool->anchors_count;
    for (uint32_t width = 1; width < count; width *= 2) {
        for (uint32_t from = 0; from < count; from += 2 * width) {
            uint32_t a = from;
            uint32_t a_end = from + width < count ? from + width : count;
            uint32_t b = a_end;
            uint32_t b_end = a_end + width < count ? a_end + width : count;
            for (uint32_t i = from; i < b_end; i++) {
                bool take_b = a == a_end || (b < b_end && sorted_before(pool, &pool->anchors[b],
                                                                        &pool->anchors[a]));
                pool->spare[i] = take_b ? pool->anchors[b++] : pool->anchors[a++];
            }
        }
        struct mu_anchor *sorted = pool->spare;
        pool->spare = pool->anchors;
        pool->anchors = sorted;
    }
}

/* Moments. */

/* When two tickets accept each other, whose windows reach so far at that age. */
static int64_t crossing(const struct mu_hot *a, const struct mu_hot *b, int64_t age)
{
    return (a->since_ms > b->since_ms ? a->since_ms : b->since_ms) + age;
}

/* The first time after now at which this ticket and another one accept each other.  In a mode of
 * more than two, each pair is watched by the later of the two, and whatever becomes possible
 * becomes so when a pair does. */
static int64_t next_crossing(const struct mu_pool *pool, uint32_t slot, int64_t now_ms)
{
    const struct mu_hot *hot = &pool->hot[slot];
    struct mu_walk walk;
    int64_t best = MU_NEVER;
    mu_walk_begin(&walk, pool, slot, hot->regions, pool->mode->window_max, MU_NEVER);
    for (uint32_t i = 0; i < pool->neighbours_max; i++) {
        uint32_t other = mu_walk_next(&walk);
        if (other == MU_SLOT_NONE) {
            return best;
        }
        int64_t distance = (int64_t)pool->hot[other].rating - hot->rating;
        int64_t age = mu_engine_window_age(pool->mode, distance < 0 ? -distance : distance);
        if (age == MU_NEVER || (best != MU_NEVER && hot->since_ms + age >= best)) {
            return best; /* those further away come later still */
        }
        int64_t at = crossing(hot, &pool->hot[other], age);
        if (at > now_ms && at < best) {
            best = at;
        }
    }
    return best;
}

static int64_t next_moment_of(const struct mu_pool *pool, uint32_t slot, int64_t now_ms)
{
    int64_t moment = next_crossing(pool, slot, now_ms);
    int64_t filled_at = pool->hot[slot].since_ms + (int64_t)pool->mode->fill_ms;
    bool may_be_partial = pool->mode->team_min < pool->mode->team_max;
    return may_be_partial && filled_at > now_ms && filled_at < moment ? filled_at : moment;
}

static void set_moments(struct mu_pool *pool, int64_t now_ms)
{
    while (pool->changed_count > 0) {
        uint32_t slot = pool->changed[pool->changed_count - 1];
        mu_pool_unchange(pool, slot);
        int64_t moment = next_moment_of(pool, slot, now_ms);
        assert(moment > now_ms);
        if (moment == MU_NEVER) {
            (void)mu_heap_remove(pool->moments, slot);
        } else {
            mu_heap_set(pool->moments, slot, moment);
        }
    }
}

/* Matching. */

static uint32_t best_region(const struct mu_pool *pool, const uint32_t *slots, uint32_t count)
{
    uint32_t common = UINT32_MAX;
    for (uint32_t i = 0; i < count; i++) {
        common &= pool->hot[slots[i]].regions;
    }
    assert(common != 0);
    uint32_t best = MU_REGIONS_MAX;
    uint64_t best_ms = 0;
    for (uint32_t region = 0; region < MU_REGIONS_MAX; region++) {
        if ((common >> region & 1) == 0) {
            continue;
        }
        uint64_t ms = 0;
        for (uint32_t i = 0; i < count; i++) {
            ms += (uint64_t)pool->cold[slots[i]].reach_ms[region] * pool->hot[slots[i]].players;
        }
        if (best == MU_REGIONS_MAX || ms < best_ms) {
            best = region;
            best_ms = ms;
        }
    }
    return best;
}

/* Fills pool->match, the oldest ticket first. */
static void describe(struct mu_pool *pool, const struct mu_plan *plan, uint32_t *slots,
                     uint32_t count)
{
    struct mu_engine_match *match = &pool->match;
    for (uint32_t i = 1; i < count; i++) {
        uint32_t slot = slots[i];
        uint32_t at = i;
        while (at > 0 && mu_pool_before(pool, slot, slots[at - 1])) {
            slots[at] = slots[at - 1];
            at--;
        }
        slots[at] = slot;
    }
    for (uint32_t i = 0; i < count; i++) {
        bool found = mu_pool_find(pool, pool->cold[slots[i]].id, &pool->tickets[i]);
        assert(found);
        match->members[i] = (struct mu_engine_member){ .ticket = &pool->tickets[i] };
    }
    match->count = count;
    match->region = best_region(pool, slots, count);
    mu_engine_split(pool->mode, plan, match->members, count);
    match->quality = mu_engine_quality(pool->mode, match->members, count, match->region);
}

static void take(struct mu_pool *pool, uint32_t slot, int64_t now_ms)
{
    struct mu_hot *hot = &pool->hot[slot];
    mu_pool_unlink(pool, slot);
    mu_pool_unchange(pool, slot);
    hot->state = MU_HOT_TAKEN;
    hot->anchor = false;
    pool->taken_count++;
    mu_heap_set(pool->moments, slot, now_ms + MU_POOL_TAKEN_MS);
}

static void wake(struct mu_pool *pool, int64_t now_ms)
{
    for (;;) {
        uint32_t slot = mu_heap_pop_due(pool->moments, now_ms);
        if (slot == MU_HEAP_NONE) {
            return;
        }
        if (pool->hot[slot].state == MU_HOT_TAKEN) {
            pool->taken_count--;
            pool->hot[slot].state = MU_HOT_WAITING;
            mu_pool_link(pool, slot);
        }
        mu_pool_change(pool, slot);
        pool->hot[slot].considered = false;
    }
}

uint32_t mu_pool_match(struct mu_pool *pool, int64_t now_ms, mu_pool_emit_fn *emit, void *owner)
{
    struct mu_plan plan;
    uint32_t slots[MU_MATCH_PLAYERS_MAX];
    uint32_t count;
    uint32_t matches = 0;
    wake(pool, now_ms);
    compact_anchors(pool);
    pool->parked = !pool->pair && pool->anchors_count == 0 && !sizes_suffice(pool);
    if (pool->parked) {
        return 0; /* whoever comes next finds those that have changed where they are */
    }
    mark_changed(pool, now_ms);
    sort_anchors(pool);
    uint32_t failures_left = FAILURES_MAX;
    while (pool->anchors_next < pool->anchors_count) {
        if (failures_left == 0) {
            return matches; /* the next call goes on */
        }
        uint32_t slot = pool->anchors[pool->anchors_next++].slot;
        if (!pool->hot[slot].anchor) {
            continue; /* taken with another one */
        }
        pool->hot[slot].anchor = false;
        if (!mu_pool_form(pool, slot, now_ms, &plan, slots, &count)) {
            failures_left--;
            continue;
        }
        describe(pool, &plan, slots, count);
        for (uint32_t i = 0; i < count; i++) {
            take(pool, slots[i], now_ms);
        }
        matches++;
        if (!emit(owner, &pool->match)) {
            return matches;
        }
    }
    set_moments(pool, now_ms);
    return matches;
}

int64_t mu_pool_next_moment(const struct mu_pool *pool)
{
    if (!pool->parked && (pool->changed_count > 0 || pool->anchors_next < pool->anchors_count)) {
        return INT64_MIN;
    }
    int64_t moment = mu_heap_deadline(pool->moments);
    if (moment == MU_HEAP_NEVER || pool->pair) {
        return moment;
    }
    int64_t over = (moment % MU_POOL_GRAIN_MS + MU_POOL_GRAIN_MS) % MU_POOL_GRAIN_MS;
    return over == 0 ? moment : moment + MU_POOL_GRAIN_MS - over;
}
