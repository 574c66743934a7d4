/* actors/engine_slots.h - slot numbers for things with ids, growing by doubling.
 *
 * The owner keeps the things in arrays of its own, indexed by slot, and enlarges them when it
 * enlarges this.  A slot stays the same until it is released; released ones are used again, the
 * last released first, so the numbers depend on the sequence of calls and on nothing else. */
#ifndef MU_ACTORS_ENGINE_SLOTS_H
#define MU_ACTORS_ENGINE_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/map.h"

#define MU_SLOT_NONE MU_MAP_NONE

struct mu_slots {
    struct mu_map *map;    /* id -> slot */
    uint32_t *free;        /* [capacity], of which the first free_count are free */
    uint32_t free_count;   /* 0..capacity */
    uint32_t capacity;     /* now */
    uint32_t capacity_max; /* never more */
    uint64_t seed;         /* of the map's hash */
};

/* capacity: at first, 1..capacity_max (asserted).  Returns 0 or -ENOMEM. */
int mu_slots_init(struct mu_slots *slots, uint32_t capacity, uint32_t capacity_max, uint64_t seed);
void mu_slots_release(struct mu_slots *slots);

/* Slots in use, 0..capacity.  O(1). */
uint32_t mu_slots_count(const struct mu_slots *slots);

/* Makes all slots free.  O(capacity). */
void mu_slots_clear(struct mu_slots *slots);

/* What the capacity would be after mu_slots_grow(): the same when it is at its maximum. */
uint32_t mu_slots_capacity_next(const struct mu_slots *slots);

/* Doubles the capacity.  ids: the id of slot i at ids + i * stride, "" when the slot is free.
 * Returns 0, or -ENOBUFS at the maximum, or -ENOMEM; then nothing has changed.  O(capacity). */
int mu_slots_grow(struct mu_slots *slots, const char *ids, size_t stride);

/* The slot of `id`, or MU_SLOT_NONE.  O(1) expected. */
uint32_t mu_slots_get(const struct mu_slots *slots, const char *id);

/* A slot for `id`, which has none (asserted).  The owner has seen to a free one (asserted).
 * Returns the slot, or MU_SLOT_NONE for an id that is empty or longer than MU_ID_MAX.  O(1). */
uint32_t mu_slots_put(struct mu_slots *slots, const char *id);

/* Frees the slot of `id`, which has one (asserted).  O(1) expected. */
void mu_slots_remove(struct mu_slots *slots, const char *id);

/* Asserts every invariant.  O(capacity). */
void mu_slots_check(const struct mu_slots *slots);

#endif /* MU_ACTORS_ENGINE_SLOTS_H */
