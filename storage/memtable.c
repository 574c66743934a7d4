/* storage/memtable.c - sorted blocks under a sorted array. */
#include "storage/memtable.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/range.h"

#define BLOCK_ENTRIES_MAX 128

struct block {
    uint32_t count; /* 1..BLOCK_ENTRIES_MAX */
    struct mu_memtable_entry *entries[BLOCK_ENTRIES_MAX];
};

struct mu_memtable {
    struct block **blocks;    /* [blocks_count], ascending, none empty */
    uint32_t blocks_count;    /* in use */
    uint32_t blocks_capacity; /* allocated */
    size_t count;             /* entries */
    size_t bytes;             /* of the entries, headers included */
};

struct mu_memtable *mu_memtable_create(void)
{
    return calloc(1, sizeof(struct mu_memtable));
}

void mu_memtable_destroy(struct mu_memtable *memtable)
{
    if (memtable == NULL)
        return;
    for (uint32_t i = 0; i < memtable->blocks_count; i++) {
        for (uint32_t k = 0; k < memtable->blocks[i]->count; k++)
            free(memtable->blocks[i]->entries[k]);
        free(memtable->blocks[i]);
    }
    free(memtable->blocks);
    free(memtable);
}

static int compare(const struct mu_memtable_entry *entry, uint8_t table, struct mu_slice key)
{
    if (entry->table != table)
        return entry->table < table ? -1 : 1;
    return mu_range_compare(mu_memtable_key(entry), key);
}

/* The first place whose entry is >= (table, key); at most one behind the last of its block, so
 * that an insertion goes to the end of a block rather than to the front of the next.
 * ret_found: whether the entry there is equal. */
static struct mu_memtable_place locate(const struct mu_memtable *memtable, uint8_t table,
                                       struct mu_slice key, bool *ret_found)
{
    *ret_found = false;
    uint32_t low = 0; /* the last block whose first entry is <= key, or block 0 */
    uint32_t high = memtable->blocks_count;
    while (low + 1 < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare(memtable->blocks[middle]->entries[0], table, key) <= 0) {
            low = middle;
        } else {
            high = middle;
        }
    }
    struct mu_memtable_place place = { low, 0 };
    if (memtable->blocks_count == 0)
        return place;
    const struct block *block = memtable->blocks[low];
    uint32_t end = block->count;
    while (place.index < end) {
        uint32_t middle = place.index + (end - place.index) / 2;
        int order = compare(block->entries[middle], table, key);
        *ret_found = *ret_found || order == 0;
        if (order < 0) {
            place.index = middle + 1;
        } else {
            end = middle;
        }
    }
    return place;
}

/* Puts `block` at `at` in the array of blocks. */
static int insert_block(struct mu_memtable *memtable, uint32_t at, struct block *block)
{
    if (memtable->blocks_count == memtable->blocks_capacity) {
        uint32_t capacity = memtable->blocks_capacity * 2 + 8;
        struct block **grown = realloc(memtable->blocks, sizeof(struct block *) * capacity);
        if (grown == NULL)
            return -ENOMEM;
        memtable->blocks = grown;
        memtable->blocks_capacity = capacity;
    }
    struct block **slot = memtable->blocks + at;
    memmove(slot + 1, slot, (memtable->blocks_count - at) * sizeof(struct block *));
    *slot = block;
    memtable->blocks_count++;
    return 0;
}

/* Makes room for one more entry in the block of *place, which moves along. */
static int make_room(struct mu_memtable *memtable, struct mu_memtable_place *place)
{
    if (memtable->blocks_count > 0 && memtable->blocks[place->block]->count < BLOCK_ENTRIES_MAX)
        return 0;
    struct block *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL)
        return -ENOMEM;
    uint32_t at = memtable->blocks_count == 0 ? 0 : place->block + 1;
    int r = insert_block(memtable, at, fresh);
    if (r != 0) {
        free(fresh);
        return r;
    }
    if (at == 0)
        return 0;
    struct block *full = memtable->blocks[place->block];
    /* Ascending keys are the common case: then the full block stays full. */
    uint32_t keep = place->index == full->count ? full->count : full->count / 2;
    fresh->count = full->count - keep;
    memcpy(fresh->entries, full->entries + keep, fresh->count * sizeof(struct mu_memtable_entry *));
    full->count = keep;
    if (place->index >= keep) {
        place->block = at;
        place->index -= keep;
    }
    return 0;
}

static size_t entry_bytes(const struct mu_memtable_entry *entry)
{
    return sizeof *entry + entry->key_size + entry->value_capacity;
}

static struct mu_memtable_entry *entry_create(uint8_t table, struct mu_slice key,
                                              struct mu_slice value, bool buried)
{
    struct mu_memtable_entry *entry = malloc(sizeof *entry + key.size + value.size);
    if (entry == NULL)
        return NULL;
    *entry = (struct mu_memtable_entry){
        .value_size = value.size,
        .value_capacity = value.size,
        .key_size = (uint16_t)key.size,
        .table = table,
        .buried = buried,
    };
    if (key.size > 0)
        memcpy(entry->bytes, key.data, key.size);
    if (value.size > 0)
        memcpy(entry->bytes + key.size, value.data, value.size);
    return entry;
}

static int write_entry(struct mu_memtable *memtable, uint8_t table, struct mu_slice key,
                       struct mu_slice value, bool buried)
{
    assert(key.size <= UINT16_MAX);
    bool found = false;
    struct mu_memtable_place place = locate(memtable, table, key, &found);
    if (found) {
        struct mu_memtable_entry *old = memtable->blocks[place.block]->entries[place.index];
        if (old->value_capacity >= value.size) {
            if (value.size > 0)
                memmove(old->bytes + old->key_size, value.data, value.size);
            old->value_size = value.size;
            old->buried = buried;
            return 0;
        }
    }
    struct mu_memtable_entry *entry = entry_create(table, key, value, buried);
    if (entry == NULL)
        return -ENOMEM;
    if (found) {
        struct mu_memtable_entry *old = memtable->blocks[place.block]->entries[place.index];
        memtable->bytes = memtable->bytes - entry_bytes(old) + entry_bytes(entry);
        memtable->blocks[place.block]->entries[place.index] = entry;
        free(old); /* only now: `value` may point into it */
        return 0;
    }
    int r = make_room(memtable, &place);
    if (r != 0) {
        free(entry);
        return r;
    }
    struct block *block = memtable->blocks[place.block];
    struct mu_memtable_entry **slot = block->entries + place.index;
    memmove(slot + 1, slot, (block->count - place.index) * sizeof(struct mu_memtable_entry *));
    *slot = entry;
    block->count++;
    memtable->count++;
    memtable->bytes += entry_bytes(entry);
    return 0;
}

int mu_memtable_set(struct mu_memtable *memtable, uint8_t table, struct mu_slice key,
                    struct mu_slice value)
{
    return write_entry(memtable, table, key, value, false);
}

int mu_memtable_bury(struct mu_memtable *memtable, uint8_t table, struct mu_slice key)
{
    return write_entry(memtable, table, key, (struct mu_slice){ NULL, 0 }, true);
}

static void remove_blocks(struct mu_memtable *memtable, uint32_t at, uint32_t count)
{
    for (uint32_t i = at; i < at + count; i++)
        free(memtable->blocks[i]);
    struct block **slot = memtable->blocks + at;
    memmove(slot, slot + count, (memtable->blocks_count - at - count) * sizeof(struct block *));
    memtable->blocks_count -= count;
}

/* Frees entries [at, at + count) of `block` and closes the gap. */
static void remove_entries(struct mu_memtable *memtable, struct block *block, uint32_t at,
                           uint32_t count)
{
    for (uint32_t i = at; i < at + count; i++) {
        memtable->bytes -= entry_bytes(block->entries[i]);
        free(block->entries[i]);
    }
    struct mu_memtable_entry **slot = block->entries + at;
    memmove(slot, slot + count, (block->count - at - count) * sizeof(struct mu_memtable_entry *));
    block->count -= count;
    memtable->count -= count;
}

bool mu_memtable_remove(struct mu_memtable *memtable, uint8_t table, struct mu_slice key)
{
    bool found = false;
    struct mu_memtable_place place = locate(memtable, table, key, &found);
    if (!found)
        return false;
    struct block *block = memtable->blocks[place.block];
    remove_entries(memtable, block, place.index, 1);
    if (block->count == 0)
        remove_blocks(memtable, place.block, 1);
    return true;
}

void mu_memtable_remove_first(struct mu_memtable *memtable, size_t count)
{
    uint32_t emptied = 0;
    while (count > 0 && emptied < memtable->blocks_count) {
        struct block *block = memtable->blocks[emptied];
        uint32_t part = count < block->count ? (uint32_t)count : block->count;
        remove_entries(memtable, block, 0, part);
        count -= part;
        emptied += block->count == 0;
    }
    remove_blocks(memtable, 0, emptied);
}

const struct mu_memtable_entry *mu_memtable_find(const struct mu_memtable *memtable, uint8_t table,
                                                 struct mu_slice key)
{
    bool found = false;
    struct mu_memtable_place place = locate(memtable, table, key, &found);
    return found ? memtable->blocks[place.block]->entries[place.index] : NULL;
}

/* A place behind the last entry of a block is the first of the next one. */
static struct mu_memtable_place normal(const struct mu_memtable *memtable,
                                       struct mu_memtable_place place)
{
    if (place.block < memtable->blocks_count && place.index == memtable->blocks[place.block]->count)
        return (struct mu_memtable_place){ place.block + 1, 0 };
    return place;
}

struct mu_memtable_place mu_memtable_seek(const struct mu_memtable *memtable, uint8_t table,
                                          struct mu_slice key, bool after)
{
    bool found = false;
    struct mu_memtable_place place = locate(memtable, table, key, &found);
    place.index += found && after;
    return normal(memtable, place);
}

const struct mu_memtable_entry *mu_memtable_at(const struct mu_memtable *memtable,
                                               struct mu_memtable_place place)
{
    if (place.block >= memtable->blocks_count)
        return NULL;
    assert(place.index < memtable->blocks[place.block]->count);
    return memtable->blocks[place.block]->entries[place.index];
}

struct mu_memtable_place mu_memtable_next(const struct mu_memtable *memtable,
                                          struct mu_memtable_place place)
{
    assert(place.block < memtable->blocks_count);
    place.index++;
    return normal(memtable, place);
}

size_t mu_memtable_count(const struct mu_memtable *memtable)
{
    return memtable->count;
}

size_t mu_memtable_bytes(const struct mu_memtable *memtable)
{
    return memtable->bytes;
}

void mu_memtable_check(const struct mu_memtable *memtable)
{
    size_t count = 0;
    size_t bytes = 0;
    const struct mu_memtable_entry *last = NULL;
    for (uint32_t i = 0; i < memtable->blocks_count; i++) {
        const struct block *block = memtable->blocks[i];
        assert(block->count >= 1);
        assert(block->count <= BLOCK_ENTRIES_MAX);
        for (uint32_t k = 0; k < block->count; k++) {
            const struct mu_memtable_entry *entry = block->entries[k];
            assert(entry->value_size <= entry->value_capacity);
            assert(last == NULL || compare(last, entry->table, mu_memtable_key(entry)) < 0);
            last = entry;
            count++;
            bytes += entry_bytes(entry);
        }
    }
    assert(count == memtable->count);
    assert(bytes == memtable->bytes);
}
