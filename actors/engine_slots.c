#include "actors/engine_slots.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "wire/msg.h"

int mu_slots_init(struct mu_slots *slots, uint32_t capacity, uint32_t capacity_max, uint64_t seed)
{
    assert(capacity >= 1 && capacity <= capacity_max);
    assert(capacity_max <= MU_MAP_CAPACITY_MAX);
    struct mu_map *map = mu_map_create(capacity, MU_ID_MAX, seed);
    uint32_t *free_slots = calloc(capacity, sizeof *free_slots);
    if (map == NULL || free_slots == NULL) {
        mu_map_destroy(map);
        free(free_slots);
        return -ENOMEM;
    }
    *slots = (struct mu_slots){
        .map = map,
        .free = free_slots,
        .capacity = capacity,
        .capacity_max = capacity_max,
        .seed = seed,
    };
    mu_slots_clear(slots);
    return 0;
}

void mu_slots_release(struct mu_slots *slots)
{
    mu_map_destroy(slots->map);
    free(slots->free);
    *slots = (struct mu_slots){ 0 };
}

uint32_t mu_slots_count(const struct mu_slots *slots)
{
    return slots->capacity - slots->free_count;
}

void mu_slots_clear(struct mu_slots *slots)
{
    mu_map_clear(slots->map);
    for (uint32_t i = 0; i < slots->capacity; i++) {
        slots->free[i] = slots->capacity - 1 - i; /* slot 0 is taken first */
    }
    slots->free_count = slots->capacity;
}

uint32_t mu_slots_capacity_next(const struct mu_slots *slots)
{
    return slots->capacity > slots->capacity_max / 2 ? slots->capacity_max : slots->capacity * 2;
}

int mu_slots_grow(struct mu_slots *slots, const char *ids, size_t stride)
{
    uint32_t capacity = mu_slots_capacity_next(slots);
    if (capacity == slots->capacity) {
        return -ENOBUFS;
    }
    struct mu_map *map = mu_map_create(capacity, MU_ID_MAX, slots->seed);
    uint32_t *free_slots = calloc(capacity, sizeof *free_slots);
    if (map == NULL || free_slots == NULL) {
        mu_map_destroy(map);
        free(free_slots);
        return -ENOMEM;
    }
    uint32_t free_count = 0;
    for (uint32_t i = capacity; i > slots->capacity; i--) {
        free_slots[free_count++] = i - 1;
    }
    for (uint32_t i = slots->capacity; i > 0; i--) {
        const char *id = ids + (size_t)(i - 1) * stride;
        if (id[0] == '\0') {
            free_slots[free_count++] = i - 1;
            continue;
        }
        int r = mu_map_put(map, id, i - 1);
        assert(r == 0);
    }
    mu_map_destroy(slots->map);
    free(slots->free);
    slots->map = map;
    slots->free = free_slots;
    slots->free_count = free_count;
    slots->capacity = capacity;
    assert(mu_map_count(map) + free_count == capacity);
    return 0;
}

uint32_t mu_slots_get(const struct mu_slots *slots, const char *id)
{
    return mu_map_get(slots->map, id);
}

uint32_t mu_slots_put(struct mu_slots *slots, const char *id)
{
    assert(slots->free_count > 0);
    uint32_t count = mu_map_count(slots->map);
    uint32_t slot = slots->free[slots->free_count - 1];
    if (mu_map_put(slots->map, id, slot) != 0) {
        return MU_SLOT_NONE;
    }
    assert(mu_map_count(slots->map) == count + 1);
    slots->free_count--;
    return slot;
}

void mu_slots_remove(struct mu_slots *slots, const char *id)
{
    uint32_t slot = mu_map_remove(slots->map, id);
    assert(slot != MU_SLOT_NONE);
    slots->free[slots->free_count++] = slot;
}

void mu_slots_check(const struct mu_slots *slots)
{
    mu_map_check(slots->map);
    assert(mu_map_count(slots->map) + slots->free_count == slots->capacity);
    assert(slots->capacity <= slots->capacity_max);
    for (uint32_t i = 0; i < slots->free_count; i++) {
        assert(slots->free[i] < slots->capacity);
    }
}
