/* storage/merge.c - a scan over two memtables and the table beneath. */
#include "storage/merge.h"

#include <assert.h>
#include <errno.h>

#include "storage/range.h"
#include "storage/record.h"

/* The heads of the three layers that a scan merges, newest first. */
struct merge {
    const struct mu_memtable *tables[2];
    struct mu_memtable_place places[2];
    const struct mu_memtable_entry *entries[2]; /* NULL at the end */
    struct mu_disk_record record;
    bool on_disk; /* `record` is set */
};

static void merge_load(struct merge *merge, int layer, uint8_t table)
{
    const struct mu_memtable_entry *entry =
        mu_memtable_at(merge->tables[layer], merge->places[layer]);
    merge->entries[layer] = entry != NULL && entry->table == table ? entry : NULL;
}

/* The smallest key of the heads; false at the end. */
static bool merge_key(const struct merge *merge, struct mu_slice *ret)
{
    bool found = merge->on_disk;
    if (found)
        *ret = merge->record.key;
    for (int i = 0; i < 2; i++) {
        if (merge->entries[i] == NULL)
            continue;
        struct mu_slice key = mu_memtable_key(merge->entries[i]);
        if (!found || mu_range_compare(key, *ret) < 0)
            *ret = key;
        found = true;
    }
    return found;
}

static bool entry_is(const struct mu_memtable_entry *entry, struct mu_slice key)
{
    return entry != NULL && mu_range_compare(mu_memtable_key(entry), key) == 0;
}

/* The newest value under `key`, the smallest one.  Returns 0, -ENOENT (removed) or -EBADMSG. */
static int merge_value(const struct merge *merge, uint8_t table, struct mu_slice key,
                       struct mu_slice *ret)
{
    for (int i = 0; i < 2; i++) {
        if (!entry_is(merge->entries[i], key))
            continue;
        *ret = mu_memtable_value(merge->entries[i]);
        return merge->entries[i]->buried ? -ENOENT : 0;
    }
    return mu_record_open(table, key, merge->record.record, ret);
}

/* Moves every head that stands at `key` on. */
static int merge_advance(struct mu_disk *disk, struct merge *merge, uint8_t table,
                         struct mu_slice key)
{
    bool on_disk = merge->on_disk && mu_range_compare(merge->record.key, key) == 0;
    bool moves[2] = { entry_is(merge->entries[0], key), entry_is(merge->entries[1], key) };
    for (int i = 0; i < 2; i++) {
        if (!moves[i])
            continue;
        merge->places[i] = mu_memtable_next(merge->tables[i], merge->places[i]);
        merge_load(merge, i, table);
    }
    int r = on_disk ? mu_disk_scan_next(disk, &merge->record) : 0;
    merge->on_disk = merge->on_disk && r == 0;
    return r == -ENOENT ? 0 : r;
}

static int64_t merge_run(struct mu_disk *disk, struct merge *merge,
                         const struct mu_store_range *range, mu_store_scan_fn *visit, void *context)
{
    uint8_t table = (uint8_t)range->table;
    int64_t visited = 0;
    struct mu_slice key;
    while (merge_key(merge, &key) && mu_range_holds(range, key)) {
        struct mu_slice value = { NULL, 0 };
        int r = merge_value(merge, table, key, &value);
        if (r == 0) {
            visited++;
            if (!visit(context, key, value) || visited == range->limit)
                break;
        } else if (r != -ENOENT) {
            return r;
        }
        r = merge_advance(disk, merge, table, key);
        if (r != 0)
            return r;
    }
    return visited;
}

int64_t mu_merge_scan(const struct mu_merge_layers *layers, const struct mu_store_range *range,
                      mu_store_scan_fn *visit, void *context)
{
    assert(mu_range_table_known(range->table));
    uint8_t table = (uint8_t)range->table;
    struct mu_slice from;
    bool after = mu_range_start(range, &from);
    struct merge merge = { .tables = { layers->newer, layers->older } };
    for (int i = 0; i < 2; i++) {
        merge.places[i] = mu_memtable_seek(merge.tables[i], table, from, after);
        merge_load(&merge, i, table);
    }
    int r = mu_disk_scan_begin(layers->disk, table, from, after, &merge.record);
    merge.on_disk = r == 0;
    int64_t visited = r;
    if (r == 0 || r == -ENOENT)
        visited = merge_run(layers->disk, &merge, range, visit, context);
    mu_disk_scan_end(layers->disk);
    return visited;
}
