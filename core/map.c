/* core/map.c - open addressing with linear probing over small cells, keys kept apart.
 *
 * A cell is 8 bytes (32 bits of the hash, the key's entry), so a probe run stays in one or two
 * cache lines and touches a key only when 32 hash bits agree.  At least a third of the cells
 * is empty, which ends every run. */
#include "core/map.h"

#include <assert.h>
#include <errno.h>
#include <sodium/crypto_shorthash.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"

#define EMPTY UINT32_MAX

struct cell {
    uint32_t hash;  /* low 32 bits of the key's hash; its home is hash & mask */
    uint32_t entry; /* index into keys and slots, or EMPTY */
};

struct mu_map {
    uint32_t capacity;      /* as created */
    uint32_t count;         /* 0..capacity */
    uint32_t free_count;    /* entries in free_entries; capacity - count */
    uint32_t mask;          /* number of cells - 1; the number is a power of 2 */
    size_t stride;          /* bytes from key to key: key_max + 1 */
    struct cell *cells;     /* [mask + 1] */
    char *keys;             /* [capacity] strings of stride bytes each */
    uint32_t *slots;        /* [capacity] */
    uint32_t *free_entries; /* [capacity], of which the first free_count are free */
    unsigned char hash_key[crypto_shorthash_KEYBYTES];
};

static_assert(crypto_shorthash_KEYBYTES == 2 * sizeof(uint64_t), "the seed gives two words");
static_assert(crypto_shorthash_BYTES >= sizeof(uint32_t), "a cell keeps 32 bits of the hash");

static char *key_at(const struct mu_map *map, uint32_t entry)
{
    return map->keys + (size_t)entry * map->stride;
}

/* Bytes of the key, or 0 when it is not one that this map can hold. */
static size_t key_bytes(const struct mu_map *map, const char *key)
{
    size_t bytes = strnlen(key, map->stride);
    return bytes < map->stride ? bytes : 0;
}

static uint32_t hash_of(const struct mu_map *map, const char *key, size_t bytes)
{
    unsigned char hash[crypto_shorthash_BYTES];
    uint32_t low = 0;
    (void)crypto_shorthash(hash, (const unsigned char *)key, bytes, map->hash_key); /* always 0 */
    memcpy(&low, hash, sizeof low);
    return low;
}

/* The cell of `key`, or the empty cell where it would go. */
static uint32_t find(const struct mu_map *map, const char *key, size_t bytes, uint32_t hash)
{
    uint32_t at = hash & map->mask;
    for (;;) {
        const struct cell *cell = &map->cells[at];
        if (cell->entry == EMPTY) {
            return at;
        }
        if (cell->hash == hash && memcmp(key_at(map, cell->entry), key, bytes + 1) == 0) {
            return at;
        }
        at = (at + 1) & map->mask;
    }
}

/* Empties cell `hole` and moves later members of its run up, so that none is cut off from its
 * home.  Knuth, The Art of Computer Programming 3, 6.4, algorithm R. */
static void close_hole(struct mu_map *map, uint32_t hole)
{
    uint32_t at = hole;
    for (;;) {
        at = (at + 1) & map->mask;
        struct cell cell = map->cells[at];
        if (cell.entry == EMPTY) {
            break;
        }
        uint32_t from_home = (at - cell.hash) & map->mask;
        uint32_t from_hole = (at - hole) & map->mask;
        if (from_home >= from_hole) {
            map->cells[hole] = cell;
            hole = at;
        }
    }
    map->cells[hole] = (struct cell){ .entry = EMPTY };
}

struct mu_map *mu_map_create(uint32_t capacity, uint32_t key_max, uint64_t seed)
{
    assert(capacity >= 1 && capacity <= MU_MAP_CAPACITY_MAX);
    assert(key_max >= 1 && key_max <= MU_MAP_KEY_MAX);
    size_t cells = 2;
    while (cells < (size_t)capacity + capacity / 2 + 1) {
        cells *= 2;
    }
    struct mu_map *map = calloc(1, sizeof *map);
    if (map == NULL) {
        return NULL;
    }
    map->capacity = capacity;
    map->mask = (uint32_t)(cells - 1);
    map->stride = (size_t)key_max + 1;
    map->cells = calloc(cells, sizeof *map->cells);
    map->keys = calloc(capacity, map->stride);
    map->slots = calloc(capacity, sizeof *map->slots);
    map->free_entries = calloc(capacity, sizeof *map->free_entries);
    if (map->cells == NULL || map->keys == NULL || map->slots == NULL ||
        map->free_entries == NULL) {
        mu_map_destroy(map);
        return NULL;
    }
    struct mu_rng rng = { .state = seed };
    uint64_t words[2] = { mu_rng_next(&rng), mu_rng_next(&rng) };
    memcpy(map->hash_key, words, sizeof words);
    mu_map_clear(map);
    return map;
}

void mu_map_destroy(struct mu_map *map)
{
    if (map == NULL) {
        return;
    }
    free(map->cells);
    free(map->keys);
    free(map->slots);
    free(map->free_entries);
    free(map);
}

void mu_map_clear(struct mu_map *map)
{
    for (size_t i = 0; i <= map->mask; i++) {
        map->cells[i] = (struct cell){ .entry = EMPTY };
    }
    /* Taken from the end: the first key gets entry 0, and memory is touched as it fills. */
    for (uint32_t i = 0; i < map->capacity; i++) {
        map->free_entries[i] = map->capacity - 1 - i;
    }
    map->free_count = map->capacity;
    map->count = 0;
}

int mu_map_put(struct mu_map *map, const char *key, uint32_t slot)
{
    assert(slot != MU_MAP_NONE);
    size_t bytes = key_bytes(map, key);
    if (bytes == 0) {
        return -EINVAL;
    }
    uint32_t hash = hash_of(map, key, bytes);
    struct cell *cell = &map->cells[find(map, key, bytes, hash)];
    if (cell->entry != EMPTY) {
        map->slots[cell->entry] = slot;
        return 0;
    }
    if (map->count == map->capacity) {
        return -ENOBUFS;
    }
    assert(map->free_count > 0);
    uint32_t entry = map->free_entries[--map->free_count];
    *cell = (struct cell){ .hash = hash, .entry = entry };
    memcpy(key_at(map, entry), key, bytes + 1);
    map->slots[entry] = slot;
    map->count++;
    return 0;
}

uint32_t mu_map_get(const struct mu_map *map, const char *key)
{
    size_t bytes = key_bytes(map, key);
    if (bytes == 0) {
        return MU_MAP_NONE;
    }
    const struct cell *cell = &map->cells[find(map, key, bytes, hash_of(map, key, bytes))];
    return cell->entry == EMPTY ? MU_MAP_NONE : map->slots[cell->entry];
}

uint32_t mu_map_remove(struct mu_map *map, const char *key)
{
    size_t bytes = key_bytes(map, key);
    if (bytes == 0) {
        return MU_MAP_NONE;
    }
    uint32_t at = find(map, key, bytes, hash_of(map, key, bytes));
    uint32_t entry = map->cells[at].entry;
    if (entry == EMPTY) {
        return MU_MAP_NONE;
    }
    assert(map->count > 0);
    close_hole(map, at);
    map->free_entries[map->free_count++] = entry;
    map->count--;
    return map->slots[entry];
}

uint32_t mu_map_count(const struct mu_map *map)
{
    return map->count;
}

void mu_map_check(const struct mu_map *map)
{
    uint32_t used = 0;
    assert(map->count + map->free_count == map->capacity);
    for (uint32_t i = 0; i <= map->mask; i++) {
        uint32_t entry = map->cells[i].entry;
        if (entry == EMPTY) {
            continue;
        }
        assert(entry < map->capacity);
        const char *key = key_at(map, entry);
        size_t bytes = key_bytes(map, key);
        assert(bytes > 0);
        assert(map->cells[i].hash == hash_of(map, key, bytes));
        assert(find(map, key, bytes, map->cells[i].hash) == i);
        used++;
    }
    assert(used == map->count);
}
