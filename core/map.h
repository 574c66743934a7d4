/* core/map.h - a fixed-capacity hash map from short strings (ids, names) to slot numbers.
 *
 * The things themselves live in the caller's array; the map says at which index.  Players choose
 * names, so the hash is keyed (SipHash-2-4): nobody outside can pick names that collide.  For the
 * same reason there is no iteration here: walk your own array, whose order no seed changes.
 *
 * Invariants: count <= capacity; no allocation after create; a removed key leaves no tombstone,
 * so the cost does not grow with age.  All operations are O(1) expected. */
#ifndef MU_CORE_MAP_H
#define MU_CORE_MAP_H

#include <stdint.h>

#define MU_MAP_KEY_MAX      127        /* bytes of a key, NUL not counted: the upper bound */
#define MU_MAP_CAPACITY_MAX (1u << 28) /* keys of one map */
#define MU_MAP_NONE         UINT32_MAX /* "no such key"; not a slot number */

struct mu_map;

/* capacity  keys that fit at most, 1..MU_MAP_CAPACITY_MAX (asserted)
 * key_max   bytes of the longest key, 1..MU_MAP_KEY_MAX (asserted); MU_ID_MAX for ids
 * seed      of the hash key; changes no result, only which keys are neighbours
 *
 * Returns the map, or NULL when memory is short.  Takes about capacity * (key_max + 29) bytes. */
struct mu_map *mu_map_create(uint32_t capacity, uint32_t key_max, uint64_t seed);

/* NULL is a no-op. */
void mu_map_destroy(struct mu_map *map);

/* Makes the map empty.  O(capacity). */
void mu_map_clear(struct mu_map *map);

/* Puts slot (not MU_MAP_NONE, asserted) under `key`, in place of what was there.  Copies the key.
 *
 * Returns 0, -EINVAL when the key is empty or longer than key_max, or -ENOBUFS when the key is
 * new and the map is full. */
int mu_map_put(struct mu_map *map, const char *key, uint32_t slot);

/* The slot under `key`, or MU_MAP_NONE.  Any string may be asked for, also one too long. */
uint32_t mu_map_get(const struct mu_map *map, const char *key);

/* Forgets `key`.  Returns the slot that was under it, or MU_MAP_NONE. */
uint32_t mu_map_remove(struct mu_map *map, const char *key);

/* Keys in the map, 0..capacity. */
uint32_t mu_map_count(const struct mu_map *map);

/* Asserts every invariant.  O(capacity); for tests. */
void mu_map_check(const struct mu_map *map);

#endif /* MU_CORE_MAP_H */
