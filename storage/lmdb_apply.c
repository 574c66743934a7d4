/* storage/lmdb_apply.c - moves the sealed overlay into the tables, slice by slice. */
#include <assert.h>
#include <errno.h>

#include "storage/lmdb_private.h"

#define SLICE_ENTRIES_MIN 16
#define SLICE_ENTRIES_MAX 8192

static bool applying(const struct mu_lmdb *lmdb)
{
    return lmdb->sealed_last >= mu_disk_journal_first(lmdb->disk);
}

/* Turns the active overlay into the sealed one.  All of it must be journaled. */
static void seal(struct mu_lmdb *lmdb)
{
    assert(lmdb->batch.count == 0);
    assert(mu_memtable_count(lmdb->sealed) == 0);
    struct mu_memtable *empty = lmdb->sealed;
    lmdb->sealed = lmdb->active;
    lmdb->active = empty;
    lmdb->sealed_last = mu_disk_journal_last(lmdb->disk);
}

/* Stages up to `limit` steps: entries of the sealed overlay, or, when there is none, journal
 * records to drop.  ret_entries: how many of the steps were entries. */
static int stage_slice(struct mu_lmdb *lmdb, uint64_t limit, uint64_t *ret_steps,
                       uint64_t *ret_entries)
{
    int r = 0;
    uint64_t steps = 0;
    struct mu_memtable_place place = { 0, 0 };
    const struct mu_memtable_entry *entry = mu_memtable_at(lmdb->sealed, place);
    while (r == 0 && entry != NULL && steps < limit) {
        struct mu_slice key = mu_memtable_key(entry);
        r = entry->buried ? mu_disk_remove(lmdb->disk, entry->table, key)
                          : mu_disk_put(lmdb->disk, entry->table, key, mu_memtable_value(entry));
        steps++;
        place = mu_memtable_next(lmdb->sealed, place);
        entry = mu_memtable_at(lmdb->sealed, place);
    }
    *ret_entries = steps;
    uint64_t left = lmdb->sealed_last + 1 - mu_disk_journal_first(lmdb->disk);
    while (r == 0 && entry == NULL && steps < limit && left > 0) {
        r = mu_disk_journal_drop(lmdb->disk);
        steps++;
        left--;
    }
    *ret_steps = steps;
    return r;
}

/* Moves one slice, sized to take about `budget_us`.  Returns whether it moved one. */
static bool apply_slice(struct mu_lmdb *lmdb, int64_t budget_us)
{
    assert(applying(lmdb));
    double fit = (double)budget_us / lmdb->entry_us;
    uint64_t limit = fit >= SLICE_ENTRIES_MAX ? SLICE_ENTRIES_MAX : (uint64_t)fit;
    if (limit < SLICE_ENTRIES_MIN)
        limit = SLICE_ENTRIES_MIN;
    int64_t begin_us = mu_lmdb_clock_us();
    uint64_t steps = 0;
    uint64_t entries = 0;
    int r = mu_disk_begin(lmdb->disk);
    if (r == 0)
        r = stage_slice(lmdb, limit, &steps, &entries);
    if (r == 0)
        r = mu_disk_commit(lmdb->disk);
    if (r != 0) {
        mu_disk_abort(lmdb->disk);
        /* No room is found out before the meta page is written: nothing has changed, and there
         * may be room later. */
        lmdb->stuck = r == -ENOSPC;
        lmdb->failed = !lmdb->stuck;
        return false;
    }
    lmdb->room_bytes = lmdb->room_bytes_max + 1; /* it took pages: look again */
    mu_memtable_remove_first(lmdb->sealed, entries);
    double cost_us = (double)(mu_lmdb_clock_us() - begin_us) / (double)steps;
    if (steps >= SLICE_ENTRIES_MIN) /* a short one is all sync, and would teach the wrong price */
        lmdb->entry_us += (cost_us - lmdb->entry_us) / 4;
    lmdb->debt -= steps < lmdb->debt ? steps : lmdb->debt;
    return true;
}

void mu_lmdb_keep_pace(struct mu_lmdb *lmdb, size_t writes)
{
    size_t active = mu_memtable_bytes(lmdb->active);
    if (!applying(lmdb) && active >= lmdb->overlay_bytes / 2)
        seal(lmdb);
    if (!applying(lmdb)) {
        lmdb->debt = 0;
        return;
    }
    /* Twice what came in: one for the entry, one for the journal record to drop.  The sealed
     * part is then through before the active one is as large. */
    lmdb->debt += 2 * writes + 1;
    uint64_t slice = (uint64_t)((double)lmdb->slice_us / lmdb->entry_us);
    if (lmdb->stuck || lmdb->debt < slice)
        return;
    bool over = active > lmdb->overlay_bytes; /* then memory counts, not time */
    bool more = apply_slice(lmdb, lmdb->slice_us);
    while (over && more && applying(lmdb) && lmdb->debt > 0)
        more = apply_slice(lmdb, lmdb->slice_us);
}

bool mu_lmdb_work(struct mu_store *store, int64_t budget_ms)
{
    struct mu_lmdb *lmdb = (struct mu_lmdb *)store;
    int64_t end_us = mu_lmdb_clock_us() + budget_ms * 1000;
    int64_t left_us = budget_ms * 1000;
    bool more = !lmdb->failed;
    while (more && left_us > 0) {
        if (lmdb->stuck && mu_lmdb_room(store) == MU_STORE_ROOM_NONE)
            return false;
        if (!applying(lmdb)) {
            if (mu_memtable_count(lmdb->active) == 0 || lmdb->batch.count > 0)
                return false;
            seal(lmdb);
        }
        more = apply_slice(lmdb, left_us < lmdb->slice_us ? left_us : lmdb->slice_us);
        left_us = end_us - mu_lmdb_clock_us();
    }
    return more && (applying(lmdb) || mu_memtable_count(lmdb->active) > 0);
}
