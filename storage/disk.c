/* storage/disk.c - LMDB, with a sum on every record and a tally of every table. */
#include "storage/disk.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "storage/bytes.h"
#include "storage/disk_private.h"
#include "storage/range.h"
#include "storage/record.h"

/* Gives the reader a snapshot, if it has none. */
static int read_begin(struct mu_disk *disk)
{
    assert(disk->writer == NULL);
    if (disk->reading)
        return 0;
    int r = disk->reader == NULL ? mdb_txn_begin(disk->env, NULL, MDB_RDONLY, &disk->reader)
                                 : mdb_txn_renew(disk->reader);
    disk->reading = r == 0;
    return mu_disk_map_error(r);
}

static void read_end(struct mu_disk *disk)
{
    mu_disk_scan_end(disk);
    if (disk->reading)
        mdb_txn_reset(disk->reader);
    disk->reading = false;
}

void mu_disk_close(struct mu_disk *disk)
{
    if (disk == NULL)
        return;
    mu_disk_abort(disk);
    read_end(disk);
    if (disk->reader != NULL)
        mdb_txn_abort(disk->reader);
    if (disk->env != NULL)
        mdb_env_close(disk->env);
    free(disk);
}

uint64_t mu_disk_journal_first(const struct mu_disk *disk)
{
    return disk->state.applied + 1;
}

uint64_t mu_disk_journal_last(const struct mu_disk *disk)
{
    return disk->state.last;
}

int mu_disk_get(struct mu_disk *disk, uint8_t table, struct mu_slice key, struct mu_slice *ret)
{
    int r = read_begin(disk);
    if (r != 0)
        return r;
    MDB_val key_val = mu_disk_to_val(key);
    MDB_val val;
    r = mu_disk_map_error(mdb_get(disk->reader, disk->dbis[table], &key_val, &val));
    return r != 0 ? r : mu_record_open(table, key, mu_disk_from_val(val), ret);
}

int mu_disk_journal_get(struct mu_disk *disk, uint64_t number, struct mu_slice *ret)
{
    uint8_t key[8];
    mu_bytes_put64(key, number);
    int r = mu_disk_get(disk, MU_RECORD_TABLE_JOURNAL, (struct mu_slice){ key, sizeof key }, ret);
    return r == -ENOENT ? -EBADMSG : r;
}

static int scan_step(struct mu_disk *disk, MDB_val *key, MDB_cursor_op op,
                     struct mu_disk_record *ret)
{
    MDB_val val;
    int r = mu_disk_map_error(mdb_cursor_get(disk->scan, key, &val, op));
    if (r != 0)
        return r;
    *ret = (struct mu_disk_record){ mu_disk_from_val(*key), mu_disk_from_val(val) };
    return 0;
}

int mu_disk_scan_begin(struct mu_disk *disk, uint8_t table, struct mu_slice from, bool after,
                       struct mu_disk_record *ret)
{
    assert(disk->scan == NULL);
    int r = read_begin(disk);
    if (r == 0)
        r = mu_disk_map_error(mdb_cursor_open(disk->reader, disk->dbis[table], &disk->scan));
    if (r != 0)
        return r;
    MDB_val key = mu_disk_to_val(from);
    /* LMDB takes no empty key for SET_RANGE. */
    r = scan_step(disk, &key, from.size == 0 ? MDB_FIRST : MDB_SET_RANGE, ret);
    if (r == 0 && after && mu_range_compare(ret->key, from) == 0)
        r = mu_disk_scan_next(disk, ret);
    return r;
}

int mu_disk_scan_next(struct mu_disk *disk, struct mu_disk_record *ret)
{
    assert(disk->scan != NULL);
    MDB_val key;
    return scan_step(disk, &key, MDB_NEXT, ret);
}

void mu_disk_scan_end(struct mu_disk *disk)
{
    if (disk->scan != NULL)
        mdb_cursor_close(disk->scan);
    disk->scan = NULL;
}

int mu_disk_begin(struct mu_disk *disk)
{
    assert(disk->writer == NULL);
    read_end(disk);
    disk->staged = disk->state;
    return mu_disk_map_error(mdb_txn_begin(disk->env, NULL, 0, &disk->writer));
}

/* A cursor of the writer in `table`; kept while one table is written in key order. */
static int cursor_in(struct mu_disk *disk, uint8_t table)
{
    assert(disk->writer != NULL);
    if (disk->cursor != NULL && disk->cursor_table == table)
        return 0;
    if (disk->cursor != NULL)
        mdb_cursor_close(disk->cursor);
    disk->cursor = NULL;
    disk->cursor_table = table;
    return mu_disk_map_error(mdb_cursor_open(disk->writer, disk->dbis[table], &disk->cursor));
}

static void untally(struct mu_disk *disk, uint8_t table, struct mu_slice key, MDB_val record)
{
    struct mu_state_tally *tally = &disk->staged.tallies[table];
    tally->count--;
    tally->digest ^= mu_record_hash(table, key, mu_disk_from_val(record));
}

/* Writes header and payload into the room that LMDB gives, and tallies the record. */
static int write_record(struct mu_disk *disk, uint8_t table, struct mu_slice key,
                        struct mu_slice payload, unsigned flags)
{
    MDB_val key_val = mu_disk_to_val(key);
    MDB_val val = { MU_RECORD_HEADER_BYTES + payload.size, NULL };
    int r = mu_disk_map_error(mdb_cursor_put(disk->cursor, &key_val, &val, flags | MDB_RESERVE));
    if (r != 0)
        return r;
    mu_record_seal(table, key, payload, val.mv_data);
    if (payload.size > 0)
        memcpy((uint8_t *)val.mv_data + MU_RECORD_HEADER_BYTES, payload.data, payload.size);
    struct mu_state_tally *tally = &disk->staged.tallies[table];
    tally->count++;
    tally->digest ^= mu_record_hash(table, key, mu_disk_from_val(val));
    return 0;
}

int mu_disk_put(struct mu_disk *disk, uint8_t table, struct mu_slice key, struct mu_slice value)
{
    int r = cursor_in(disk, table);
    if (r != 0)
        return r;
    MDB_val found = mu_disk_to_val(key);
    MDB_val old;
    unsigned flags = 0;
    r = mu_disk_map_error(mdb_cursor_get(disk->cursor, &found, &old, MDB_SET_RANGE));
    if (r == -ENOENT) {
        flags = MDB_APPEND; /* above all others: fills pages, where a split would halve them */
    } else if (r != 0) {
        return r;
    } else if (mu_range_compare(mu_disk_from_val(found), key) == 0) {
        untally(disk, table, key, old);
    }
    return write_record(disk, table, key, value, flags);
}

int mu_disk_remove(struct mu_disk *disk, uint8_t table, struct mu_slice key)
{
    int r = cursor_in(disk, table);
    if (r != 0)
        return r;
    MDB_val key_val = mu_disk_to_val(key);
    MDB_val old;
    r = mu_disk_map_error(mdb_cursor_get(disk->cursor, &key_val, &old, MDB_SET_KEY));
    if (r != 0)
        return r == -ENOENT ? 0 : r;
    untally(disk, table, key, old);
    return mu_disk_map_error(mdb_cursor_del(disk->cursor, 0));
}

int mu_disk_journal_append(struct mu_disk *disk, struct mu_slice payload)
{
    int r = cursor_in(disk, MU_RECORD_TABLE_JOURNAL);
    if (r != 0)
        return r;
    uint8_t key[8];
    mu_bytes_put64(key, ++disk->staged.last);
    return write_record(disk, MU_RECORD_TABLE_JOURNAL, (struct mu_slice){ key, sizeof key },
                        payload, MDB_APPEND);
}

int mu_disk_journal_drop(struct mu_disk *disk)
{
    if (disk->staged.applied == disk->staged.last)
        return -ENOENT;
    uint8_t key[8];
    mu_bytes_put64(key, disk->staged.applied + 1);
    int r = cursor_in(disk, MU_RECORD_TABLE_JOURNAL);
    if (r != 0)
        return r;
    MDB_val key_val = { sizeof key, key };
    MDB_val old;
    r = mu_disk_map_error(mdb_cursor_get(disk->cursor, &key_val, &old, MDB_SET_KEY));
    if (r != 0)
        return r == -ENOENT ? -EBADMSG : r;
    untally(disk, MU_RECORD_TABLE_JOURNAL, (struct mu_slice){ key, sizeof key }, old);
    r = mu_disk_map_error(mdb_cursor_del(disk->cursor, 0));
    disk->staged.applied += r == 0;
    return r;
}

int mu_disk_commit(struct mu_disk *disk)
{
    assert(disk->writer != NULL);
    int r = mu_disk_state_put(disk, disk->writer, &disk->staged);
    if (r != 0) {
        mu_disk_abort(disk);
        return r;
    }
    if (disk->cursor != NULL)
        mdb_cursor_close(disk->cursor);
    disk->cursor = NULL;
    MDB_txn *txn = disk->writer;
    disk->writer = NULL; /* freed by the commit, whatever it returns */
    r = mu_disk_map_error(mdb_txn_commit(txn));
    if (r == 0)
        disk->state = disk->staged;
    return r;
}

void mu_disk_abort(struct mu_disk *disk)
{
    if (disk->writer == NULL)
        return;
    if (disk->cursor != NULL)
        mdb_cursor_close(disk->cursor);
    disk->cursor = NULL;
    mdb_txn_abort(disk->writer);
    disk->writer = NULL;
}

/* Walks one table by cursor, and compares it with its tally. */
static int verify_table(struct mu_disk *disk, uint8_t table, const char *name, char *ret_error,
                        size_t error_size)
{
    struct mu_state_tally tally = { 0 };
    struct mu_disk_record at;
    int r = mu_disk_scan_begin(disk, table, (struct mu_slice){ NULL, 0 }, false, &at);
    while (r == 0) {
        struct mu_slice payload;
        r = mu_record_open(table, at.key, at.record, &payload);
        if (r != 0) {
            mu_disk_say(ret_error, error_size, "table %s: record %llu is damaged: restore a backup",
                        name, (unsigned long long)tally.count);
            break;
        }
        tally.count++;
        tally.digest ^= mu_record_hash(table, at.key, at.record);
        r = mu_disk_scan_next(disk, &at);
    }
    mu_disk_scan_end(disk);
    if (r != -ENOENT)
        return r;
    const struct mu_state_tally *want = &disk->state.tallies[table];
    if (tally.count == want->count && tally.digest == want->digest)
        return 0;
    mu_disk_say(ret_error, error_size,
                "table %s: %llu records, not the %llu written: restore a backup", name,
                (unsigned long long)tally.count, (unsigned long long)want->count);
    return -EBADMSG;
}

int mu_disk_verify(struct mu_disk *disk, char *ret_error, size_t error_size)
{
    for (size_t i = 0; mu_disk_tables[i].name != NULL; i++) {
        if (mu_disk_tables[i].id == MU_RECORD_TABLE_ENGINE)
            continue; /* holds the tallies; read and checked at open */
        int r =
            verify_table(disk, mu_disk_tables[i].id, mu_disk_tables[i].name, ret_error, error_size);
        if (r != 0)
            return r;
    }
    const struct mu_state *state = &disk->state;
    if (state->tallies[MU_RECORD_TABLE_JOURNAL].count == state->last - state->applied)
        return 0;
    mu_disk_say(ret_error, error_size, "the journal has a gap: restore a backup");
    return -EBADMSG;
}

int mu_disk_copy(const struct mu_disk *disk, const char *path)
{
    return mu_disk_map_error(mdb_env_copy2(disk->env, path, MDB_CP_COMPACT));
}

/* Pages on LMDB's list of free ones: its table 0, whose records begin with their length. */
static uint64_t free_pages(struct mu_disk *disk)
{
    if (read_begin(disk) != 0)
        return 0;
    MDB_cursor *cursor = NULL;
    if (mdb_cursor_open(disk->reader, 0, &cursor) != 0)
        return 0;
    uint64_t pages = 0;
    MDB_val key;
    MDB_val val;
    while (mdb_cursor_get(cursor, &key, &val, MDB_NEXT) == 0) {
        size_t count = 0;
        if (val.mv_size >= sizeof count)
            memcpy(&count, val.mv_data, sizeof count);
        pages += count;
    }
    mdb_cursor_close(cursor);
    return pages;
}

void mu_disk_usage(struct mu_disk *disk, uint64_t *ret_used, uint64_t *ret_map)
{
    MDB_envinfo info;
    MDB_stat stat;
    *ret_used = disk->map_bytes;
    *ret_map = disk->map_bytes;
    if (mdb_env_info(disk->env, &info) != 0 || mdb_env_stat(disk->env, &stat) != 0)
        return;
    uint64_t pages = info.me_last_pgno + 1;
    *ret_map = info.me_mapsize;
    /* The list can be long, and matters only when the file has grown to much of the map. */
    if (pages * stat.ms_psize > info.me_mapsize / 2)
        pages -= free_pages(disk);
    *ret_used = pages * stat.ms_psize;
}
