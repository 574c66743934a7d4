/* storage/lmdb.c - the journal, the overlay, and the slices that move one into the tables. */
#include "storage/lmdb.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "storage/lmdb_private.h"
#include "storage/merge.h"
#include "storage/pages.h"
#include "storage/range.h"

#define ROOM_AGE_US          1000000 /* how long an answer of room() holds, */
#define ROOM_SHARE           200     /* or until this part of the map was written */
#define ENTRY_US_FIRST_GUESS 60      /* of applying one write: a random page (DESIGN 8) */
#define FREE_LOW_PERMILLE    80
#define FREE_NONE_PERMILLE   30
#define MAP_LOW_PERCENT      80
#define MAP_NONE_PERCENT     95

static struct mu_lmdb *self(struct mu_store *store)
{
    assert(store != NULL);
    return (struct mu_lmdb *)store;
}

int64_t mu_lmdb_clock_us(void)
{
    struct timespec now;
    int r = clock_gettime(CLOCK_MONOTONIC, &now);
    assert(r == 0);
    (void)r;
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Room */

static enum mu_store_room find_room(struct mu_lmdb *lmdb)
{
    uint64_t used = 0;
    uint64_t map = 0;
    mu_disk_usage(lmdb->disk, &used, &map);
    unsigned free_permille = mu_place_free_permille(&lmdb->place, 0);
    if (free_permille < FREE_NONE_PERMILLE || used > map / 100 * MAP_NONE_PERCENT)
        return MU_STORE_ROOM_NONE;
    if (free_permille < FREE_LOW_PERMILLE || used > map / 100 * MAP_LOW_PERCENT)
        return MU_STORE_ROOM_LOW;
    return MU_STORE_ROOM_OK;
}

enum mu_store_room mu_lmdb_room(struct mu_store *store)
{
    struct mu_lmdb *lmdb = self(store);
    if (lmdb->failed)
        return MU_STORE_ROOM_NONE;
    int64_t now_us = mu_lmdb_clock_us();
    if (now_us - lmdb->room_us > ROOM_AGE_US || lmdb->room_bytes > lmdb->room_bytes_max) {
        lmdb->room_bytes = 0;
        lmdb->room = find_room(lmdb);
        lmdb->room_us = now_us;
        lmdb->stuck = lmdb->stuck && lmdb->room == MU_STORE_ROOM_NONE;
    }
    return lmdb->room;
}

/* Writes */

static int stage(struct mu_lmdb *lmdb, const struct mu_journal_write *write)
{
    if (lmdb->failed)
        return -EIO;
    if (lmdb->refused)
        return -ENOSPC;
    if (lmdb->batch.count == 0 && mu_lmdb_room(&lmdb->base) == MU_STORE_ROOM_NONE)
        return -ENOSPC;
    size_t size = lmdb->batch.size;
    int r = -ENOSPC;
    if (size + write->key.size + write->value.size <= MU_LMDB_BATCH_BYTES_MAX)
        r = mu_journal_append(&lmdb->batch, write);
    if (r == 0) {
        r = write->removes ? mu_memtable_bury(lmdb->active, write->table, write->key)
                           : mu_memtable_set(lmdb->active, write->table, write->key, write->value);
        if (r != 0) { /* what is not seen must not be journaled */
            lmdb->batch.size = size;
            lmdb->batch.count--;
        }
    }
    lmdb->refused = r != 0 && lmdb->batch.count > 0;
    lmdb->stats.writes += r == 0;
    return r == 0 ? 0 : -ENOSPC;
}

static int lmdb_put(struct mu_store *store, enum mu_table table, struct mu_slice key,
                    struct mu_slice value)
{
    assert(mu_range_table_known(table));
    assert(key.size >= 1 && key.size <= MU_STORE_KEY_MAX);
    assert(value.size <= MU_STORE_VALUE_MAX);
    return stage(self(store),
                 &(struct mu_journal_write){ .table = (uint8_t)table, .key = key, .value = value });
}

static int lmdb_del(struct mu_store *store, enum mu_table table, struct mu_slice key)
{
    assert(mu_range_table_known(table));
    assert(key.size >= 1 && key.size <= MU_STORE_KEY_MAX);
    return stage(self(store), &(struct mu_journal_write){
                                  .table = (uint8_t)table, .removes = true, .key = key });
}

/* Reads */

static int lmdb_get(struct mu_store *store, enum mu_table table, struct mu_slice key,
                    struct mu_slice *ret)
{
    struct mu_lmdb *lmdb = self(store);
    assert(mu_range_table_known(table));
    assert(key.size >= 1 && key.size <= MU_STORE_KEY_MAX);
    if (lmdb->failed)
        return -EIO;
    lmdb->stats.reads++;
    const struct mu_memtable_entry *entry = mu_memtable_find(lmdb->active, (uint8_t)table, key);
    if (entry == NULL)
        entry = mu_memtable_find(lmdb->sealed, (uint8_t)table, key);
    if (entry == NULL)
        return mu_disk_get(lmdb->disk, (uint8_t)table, key, ret);
    if (entry->buried)
        return -ENOENT;
    *ret = mu_memtable_value(entry);
    return 0;
}

static int64_t lmdb_scan(struct mu_store *store, const struct mu_store_range *range,
                         mu_store_scan_fn *visit, void *context)
{
    struct mu_lmdb *lmdb = self(store);
    if (lmdb->failed)
        return -EIO;
    struct mu_merge_layers layers = { lmdb->active, lmdb->sealed, lmdb->disk };
    int64_t visited = mu_merge_scan(&layers, range, visit, context);
    lmdb->stats.reads += visited > 0 ? (uint64_t)visited : 0;
    return visited;
}

/* The journal */

static int journal_batch(struct mu_lmdb *lmdb)
{
    int r = mu_disk_begin(lmdb->disk);
    if (r != 0)
        return r;
    size_t offset = 0;
    while (r == 0 && offset < lmdb->batch.size) {
        struct mu_slice chunk = mu_journal_chunk(&lmdb->batch, offset);
        r = mu_disk_journal_append(lmdb->disk, chunk);
        offset += chunk.size;
    }
    if (r == 0)
        return mu_disk_commit(lmdb->disk);
    mu_disk_abort(lmdb->disk);
    return r;
}

static int lmdb_commit(struct mu_store *store)
{
    struct mu_lmdb *lmdb = self(store);
    if (lmdb->failed)
        return -EIO;
    if (lmdb->refused) {
        lmdb->failed = true;
        return -ENOSPC;
    }
    size_t writes = lmdb->batch.count;
    if (writes == 0)
        return 0;
    int r = journal_batch(lmdb);
    if (r != 0) {
        lmdb->failed = true;
        return r;
    }
    lmdb->stats.commits++;
    lmdb->room_bytes += lmdb->batch.size;
    mu_journal_clear(&lmdb->batch);
    mu_lmdb_keep_pace(lmdb, writes);
    return 0;
}

static int replay_record(struct mu_lmdb *lmdb, struct mu_slice payload)
{
    uint32_t offset = 0;
    struct mu_journal_write write;
    int r = mu_journal_decode(payload, &offset, &write);
    while (r == 0) {
        r = write.removes ? mu_memtable_bury(lmdb->active, write.table, write.key)
                          : mu_memtable_set(lmdb->active, write.table, write.key, write.value);
        if (r == 0)
            r = mu_journal_decode(payload, &offset, &write);
    }
    return r == -ENOENT ? 0 : r;
}

static int replay(struct mu_lmdb *lmdb)
{
    uint64_t last = mu_disk_journal_last(lmdb->disk);
    for (uint64_t i = mu_disk_journal_first(lmdb->disk); i <= last; i++) {
        struct mu_slice payload;
        int r = mu_disk_journal_get(lmdb->disk, i, &payload);
        if (r == 0)
            r = replay_record(lmdb, payload);
        if (r != 0)
            return r;
    }
    return 0;
}

/* The rest of the port */

static void lmdb_stats(const struct mu_store *store, struct mu_store_stats *ret)
{
    const struct mu_lmdb *lmdb = (const struct mu_lmdb *)store;
    *ret = lmdb->stats;
    ret->journal_behind = mu_memtable_count(lmdb->active) + mu_memtable_count(lmdb->sealed);
    uint64_t map = 0;
    mu_disk_usage(lmdb->disk, &ret->bytes_used, &map);
}

/* Checks the pages of data.mdb before LMDB, which trusts them, reads them. */
static int check_pages(struct mu_lmdb *lmdb, char *ret_error, size_t error_size)
{
    const uint8_t *image = NULL;
    size_t size = 0;
    int r = mu_place_map(&lmdb->place, &image, &size);
    if (r != 0)
        return r;
    if (size > 0) {
        r = mu_pages_check(image, size, ret_error, error_size);
    } else if (lmdb->place.settled) {
        r = -ENODATA;
    }
    mu_place_unmap(image, size);
    if (r != -ENODATA)
        return r;
    (void)snprintf(ret_error, error_size, "data.mdb is gone or empty: restore a backup");
    return -EBADMSG;
}

static int verify_all(struct mu_lmdb *lmdb, char *ret_error, size_t error_size)
{
    int r = check_pages(lmdb, ret_error, error_size);
    return r != 0 ? r : mu_disk_verify(lmdb->disk, ret_error, error_size);
}

static int lmdb_verify(struct mu_store *store)
{
    struct mu_lmdb *lmdb = self(store);
    if (lmdb->failed)
        return -EIO;
    char error[MU_LMDB_ERROR_MAX];
    mu_memtable_check(lmdb->active);
    mu_memtable_check(lmdb->sealed);
    return verify_all(lmdb, error, sizeof error);
}

/* Whether a copy of all that is in use leaves the disk with room for new work. */
static bool copy_fits(struct mu_lmdb *lmdb)
{
    uint64_t used = 0;
    uint64_t map = 0;
    mu_disk_usage(lmdb->disk, &used, &map);
    return mu_place_free_permille(&lmdb->place, used) >= FREE_LOW_PERMILLE;
}

static int lmdb_backup(struct mu_store *store, const char *name)
{
    struct mu_lmdb *lmdb = self(store);
    if (lmdb->failed)
        return -EIO;
    int r = mu_copy_check(&lmdb->copy, name);
    if (r != 0)
        return r;
    if (mu_lmdb_room(store) != MU_STORE_ROOM_OK || !copy_fits(lmdb))
        return -ENOSPC;
    return mu_copy_begin(&lmdb->copy, lmdb->disk, name);
}

static int lmdb_backup_poll(struct mu_store *store, uint64_t *ret_bytes)
{
    return mu_copy_poll(&self(store)->copy, ret_bytes);
}

static void lmdb_destroy(struct mu_store *store)
{
    if (store == NULL)
        return;
    struct mu_lmdb *lmdb = self(store);
    mu_copy_release(&lmdb->copy); /* waits: it reads from the disk */
    mu_disk_close(lmdb->disk);
    mu_place_close(&lmdb->place);
    mu_journal_release(&lmdb->batch);
    mu_memtable_destroy(lmdb->active);
    mu_memtable_destroy(lmdb->sealed);
    free(lmdb);
}

static const struct mu_store_ops lmdb_ops = {
    .name = "lmdb",
    .get = lmdb_get,
    .put = lmdb_put,
    .del = lmdb_del,
    .scan = lmdb_scan,
    .commit = lmdb_commit,
    .work = mu_lmdb_work,
    .room = mu_lmdb_room,
    .stats = lmdb_stats,
    .verify = lmdb_verify,
    .backup = lmdb_backup,
    .backup_poll = lmdb_backup_poll,
    .destroy = lmdb_destroy,
};

/* Everything of an open after the memory is there. */
static int start(struct mu_lmdb *lmdb, const struct mu_lmdb_options *options, char *ret_error,
                 size_t error_size)
{
    int r = mu_place_open(options->folder, options->any_filesystem, &lmdb->place, ret_error,
                          error_size);
    if (r == 0 && !options->skip_verify)
        r = check_pages(lmdb, ret_error, error_size);
    if (r != 0)
        return r;
    uint64_t map_bytes = options->map_bytes != 0 ? options->map_bytes : MU_LMDB_MAP_BYTES_DEFAULT;
    lmdb->room_bytes_max = map_bytes / ROOM_SHARE;
    r = mu_copy_init(&lmdb->copy, options->folder);
    if (r != 0)
        return r;
    r = mu_disk_open(options->folder, map_bytes, &lmdb->disk, ret_error, error_size);
    if (r == 0)
        r = mu_place_settle(&lmdb->place);
    if (r == 0 && !options->skip_verify)
        r = mu_disk_verify(lmdb->disk, ret_error, error_size);
    if (r == 0)
        r = replay(lmdb);
    return r;
}

int mu_lmdb_open(const struct mu_lmdb_options *options, struct mu_store **ret, char *ret_error,
                 size_t error_size)
{
    assert(options->folder != NULL);
    assert(ret_error != NULL && error_size > 0);
    ret_error[0] = '\0';
    struct mu_lmdb *lmdb = calloc(1, sizeof *lmdb);
    if (lmdb == NULL)
        return -ENOMEM;
    *lmdb = (struct mu_lmdb){
        .base.ops = &lmdb_ops,
        .place = { .folder_fd = -1, .lock_fd = -1 },
        .overlay_bytes =
            options->overlay_bytes != 0 ? options->overlay_bytes : MU_LMDB_OVERLAY_BYTES_DEFAULT,
        .slice_us =
            1000 * (int64_t)(options->slice_ms != 0 ? options->slice_ms : MU_LMDB_SLICE_MS_DEFAULT),
        .entry_us = ENTRY_US_FIRST_GUESS,
        .room_us = -2 * ROOM_AGE_US,
        .active = mu_memtable_create(),
        .sealed = mu_memtable_create(),
    };
    int r = -ENOMEM;
    if (lmdb->active != NULL && lmdb->sealed != NULL)
        r = start(lmdb, options, ret_error, error_size);
    if (r == 0) {
        *ret = &lmdb->base;
        return 0;
    }
    if (ret_error[0] == '\0') {
        (void)snprintf(ret_error, error_size, "cannot open the store: %s",
                       r == -EBADMSG ? "a record is damaged: restore a backup" : strerror(-r));
    }
    lmdb_destroy(&lmdb->base);
    return r;
}
