/* storage/memtable.h - an ordered map in memory: (table, key) -> value or tombstone.
 *
 * Entries lie in sorted blocks of pointers under one sorted array of blocks: two binary searches
 * a look-up, short moves an insertion, and no balancing.  At 200,000 entries an insertion takes
 * about 1 us; it stays practical to some millions. */
#ifndef MU_STORAGE_MEMTABLE_H
#define MU_STORAGE_MEMTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/slice.h"

/* One entry.  Borrowed until the next change of the memtable. */
struct mu_memtable_entry {
    uint32_t value_size;     /* bytes; 0 for a tombstone */
    uint32_t value_capacity; /* bytes reserved behind the key */
    uint16_t key_size;       /* bytes */
    uint8_t table;           /* enum mu_table */
    bool buried;             /* a tombstone: the key was removed */
    uint8_t bytes[];         /* key, then value */
};

/* A place in the order; good until the next change. */
struct mu_memtable_place {
    uint32_t block; /* index of the block */
    uint32_t index; /* within the block */
};

struct mu_memtable;

/* Returns an empty memtable, or NULL when there is no memory. */
struct mu_memtable *mu_memtable_create(void);
void mu_memtable_destroy(struct mu_memtable *memtable); /* NULL is a no-op */

/* Sets the value; copies both slices, which may point into this memtable.
 * Returns 0 or -ENOMEM, and then nothing changed. */
int mu_memtable_set(struct mu_memtable *memtable, uint8_t table, struct mu_slice key,
                    struct mu_slice value);

/* Puts a tombstone in place of the key, be it there or not.  Returns as _set. */
int mu_memtable_bury(struct mu_memtable *memtable, uint8_t table, struct mu_slice key);

/* Forgets the key.  Returns whether it was there. */
bool mu_memtable_remove(struct mu_memtable *memtable, uint8_t table, struct mu_slice key);

/* Forgets the first `count` entries (all, if there are fewer). */
void mu_memtable_remove_first(struct mu_memtable *memtable, size_t count);

/* The entry of the key, tombstone included, or NULL. */
const struct mu_memtable_entry *mu_memtable_find(const struct mu_memtable *memtable, uint8_t table,
                                                 struct mu_slice key);

/* The place of the first entry >= (table, key), or > it with `after`. */
struct mu_memtable_place mu_memtable_seek(const struct mu_memtable *memtable, uint8_t table,
                                          struct mu_slice key, bool after);

/* The entry at `place`, or NULL at the end. */
const struct mu_memtable_entry *mu_memtable_at(const struct mu_memtable *memtable,
                                               struct mu_memtable_place place);

/* The place behind `place`, which is not the end. */
struct mu_memtable_place mu_memtable_next(const struct mu_memtable *memtable,
                                          struct mu_memtable_place place);

size_t mu_memtable_count(const struct mu_memtable *memtable); /* entries and tombstones */
size_t mu_memtable_bytes(const struct mu_memtable *memtable); /* held by the entries */

/* Asserts that blocks are filled and keys ascend.  O(entries). */
void mu_memtable_check(const struct mu_memtable *memtable);

static inline struct mu_slice mu_memtable_key(const struct mu_memtable_entry *entry)
{
    return (struct mu_slice){ entry->bytes, entry->key_size };
}

static inline struct mu_slice mu_memtable_value(const struct mu_memtable_entry *entry)
{
    return (struct mu_slice){ entry->bytes + entry->key_size, entry->value_size };
}

#endif /* MU_STORAGE_MEMTABLE_H */
