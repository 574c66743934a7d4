/* storage/disk_open.c - opens LMDB, and tells a new file from an old, a newer or a damaged one. */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/bytes.h"
#include "storage/disk_private.h"
#include "storage/record.h"

#define TABLES_MAX 64 /* named tables in the file, those of newer versions included */
#define FILE_MODE  0600

const struct mu_disk_table mu_disk_tables[] = {
#define TABLE(id, NAME, name, doc) { (id), #name },
#include "core/tables.def"
#undef TABLE
    { MU_RECORD_TABLE_ENGINE, MU_STATE_ENGINE_TABLE },
    { MU_RECORD_TABLE_JOURNAL, MU_STATE_JOURNAL_TABLE },
    { 0, NULL },
};

static_assert(MU_TABLE_END <= MU_RECORD_TABLE_ENGINE, "ids of tables.def meet the engine's");
static_assert(sizeof mu_disk_tables / sizeof mu_disk_tables[0] <= TABLES_MAX,
              "more tables than LMDB is told of");

int mu_disk_map_error(int r)
{
    switch (r) {
    case MDB_SUCCESS: return 0;
    case MDB_NOTFOUND: return -ENOENT;
    case MDB_MAP_FULL: return -ENOSPC;
    case MDB_PAGE_NOTFOUND:
    case MDB_CORRUPTED:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE: return -EBADMSG;
    default: return r > 0 ? -r : -EIO;
    }
}

void mu_disk_say(char *ret, size_t size, const char *format, ...)
{
    if (ret == NULL || size == 0)
        return;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(ret, size, format, arguments); /* a cut message is still a message */
    va_end(arguments);
}

static struct mu_slice text_slice(const char *text)
{
    return (struct mu_slice){ (const uint8_t *)text, (uint32_t)strlen(text) };
}

/* Opens the tables in `txn`; with MDB_CREATE in `flags` those that are missing are created. */
static int open_tables(struct mu_disk *disk, MDB_txn *txn, unsigned flags)
{
    for (size_t i = 0; mu_disk_tables[i].name != NULL; i++) {
        int r = mdb_dbi_open(txn, mu_disk_tables[i].name, flags, &disk->dbis[mu_disk_tables[i].id]);
        if (r != 0)
            return mu_disk_map_error(r);
    }
    return 0;
}

/* Reads and checks a record of the engine's table.  Borrowed from `txn`. */
static int engine_get(struct mu_disk *disk, MDB_txn *txn, const char *name, struct mu_slice *ret)
{
    struct mu_slice key = text_slice(name);
    MDB_val key_val = mu_disk_to_val(key);
    MDB_val val;
    int r = mu_disk_map_error(mdb_get(txn, disk->dbis[MU_RECORD_TABLE_ENGINE], &key_val, &val));
    if (r != 0)
        return r;
    return mu_record_open(MU_RECORD_TABLE_ENGINE, key, mu_disk_from_val(val), ret);
}

static int engine_put(struct mu_disk *disk, MDB_txn *txn, const char *name, struct mu_slice payload)
{
    uint8_t bytes[MU_RECORD_HEADER_BYTES + MU_STATE_BYTES_MAX];
    assert(payload.size <= MU_STATE_BYTES_MAX);
    struct mu_slice key = text_slice(name);
    mu_record_seal(MU_RECORD_TABLE_ENGINE, key, payload, bytes);
    memcpy(bytes + MU_RECORD_HEADER_BYTES, payload.data, payload.size);
    MDB_val key_val = mu_disk_to_val(key);
    MDB_val val = { MU_RECORD_HEADER_BYTES + payload.size, bytes };
    return mu_disk_map_error(mdb_put(txn, disk->dbis[MU_RECORD_TABLE_ENGINE], &key_val, &val, 0));
}

int mu_disk_state_put(struct mu_disk *disk, MDB_txn *txn, struct mu_state *state)
{
    uint8_t bytes[MU_STATE_BYTES_MAX];
    state->transaction = mdb_txn_id(txn);
    uint32_t size = mu_state_encode(state, bytes);
    return engine_put(disk, txn, MU_STATE_KEY, (struct mu_slice){ bytes, size });
}

/* Whether the layout is one that this version can read. */
static int schema_check(struct mu_disk *disk, MDB_txn *txn, char *ret_error, size_t error_size)
{
    struct mu_slice payload;
    int r = engine_get(disk, txn, MU_STATE_SCHEMA_KEY, &payload);
    if (r != 0 || payload.size < 4) {
        mu_disk_say(ret_error, error_size,
                    "the schema record is missing or damaged: restore a backup");
        return -EBADMSG;
    }
    unsigned major = mu_bytes_get16(payload.data);
    unsigned minor = mu_bytes_get16(payload.data + 2);
    if (major == MU_STATE_SCHEMA_MAJOR)
        return 0;
    mu_disk_say(
        ret_error, error_size,
        "written with schema %u.%u, this version reads %u.x: start the version that wrote it, "
        "or restore a backup made with schema %u",
        major, minor, (unsigned)MU_STATE_SCHEMA_MAJOR, (unsigned)MU_STATE_SCHEMA_MAJOR);
    return -EPROTONOSUPPORT;
}

static int state_load(struct mu_disk *disk, MDB_txn *txn, char *ret_error, size_t error_size)
{
    struct mu_slice payload;
    int r = engine_get(disk, txn, MU_STATE_KEY, &payload);
    if (r == 0)
        r = mu_state_decode(payload, &disk->state);
    /* A compacted copy starts its own count of transactions at 1. */
    uint64_t number = mdb_txn_id(txn);
    if (r == 0 && number != 1 && disk->state.transaction != number)
        r = -EBADMSG;
    if (r == 0)
        return 0;
    mu_disk_say(ret_error, error_size, "the state record is missing or damaged: restore a backup");
    return -EBADMSG;
}

/* Creates what is missing: in a new file everything, else the tables of a newer minor. */
static int create_tables(struct mu_disk *disk, bool fresh)
{
    MDB_txn *txn = NULL;
    int r = mu_disk_map_error(mdb_txn_begin(disk->env, NULL, 0, &txn));
    if (r != 0)
        return r;
    r = open_tables(disk, txn, MDB_CREATE);
    if (r == 0 && fresh) {
        uint8_t schema[4];
        mu_bytes_put16(schema, MU_STATE_SCHEMA_MAJOR);
        mu_bytes_put16(schema + 2, MU_STATE_SCHEMA_MINOR);
        r = engine_put(disk, txn, MU_STATE_SCHEMA_KEY, (struct mu_slice){ schema, sizeof schema });
    }
    if (r == 0)
        r = mu_disk_state_put(disk, txn, &disk->state);
    if (r == 0)
        return mu_disk_map_error(mdb_txn_commit(txn));
    mdb_txn_abort(txn);
    return r;
}

/* Whether the file holds no table at all. */
static int probe_fresh(struct mu_disk *disk, bool *ret)
{
    MDB_stat stat;
    int r = mu_disk_map_error(mdb_env_stat(disk->env, &stat));
    if (r == 0)
        *ret = stat.ms_entries == 0;
    return r;
}

static int load(struct mu_disk *disk, char *ret_error, size_t error_size)
{
    bool fresh = false;
    int r = probe_fresh(disk, &fresh);
    if (r == 0 && fresh)
        r = create_tables(disk, true);
    if (r != 0)
        return r;
    MDB_txn *txn = NULL;
    r = mu_disk_map_error(mdb_txn_begin(disk->env, NULL, MDB_RDONLY, &txn));
    if (r != 0)
        return r;
    /* The engine's table first: before the schema is known nothing else is touched. */
    r = mu_disk_map_error(
        mdb_dbi_open(txn, MU_STATE_ENGINE_TABLE, 0, &disk->dbis[MU_RECORD_TABLE_ENGINE]));
    if (r == -ENOENT) {
        mu_disk_say(ret_error, error_size,
                    "this is no store of muster, or its engine table is gone");
        r = -EBADMSG;
    }
    if (r == 0)
        r = schema_check(disk, txn, ret_error, error_size);
    if (r == 0)
        r = state_load(disk, txn, ret_error, error_size);
    bool complete = false;
    if (r == 0) {
        r = open_tables(disk, txn, 0);
        complete = r == 0;
        r = r == -ENOENT ? 0 : r;
    }
    if (r != 0) {
        mdb_txn_abort(txn);
        return r;
    }
    r = mu_disk_map_error(mdb_txn_commit(txn)); /* keeps the handles */
    return r == 0 && !complete ? create_tables(disk, false) : r;
}

int mu_disk_open(const char *folder, uint64_t map_bytes, struct mu_disk **ret, char *ret_error,
                 size_t error_size)
{
    assert(folder != NULL && ret != NULL);
    mu_disk_say(ret_error, error_size, "%s", "");
    struct mu_disk *disk = calloc(1, sizeof *disk);
    if (disk == NULL)
        return -ENOMEM;
    disk->map_bytes = map_bytes;
    int r = mu_disk_map_error(mdb_env_create(&disk->env));
    if (r == 0)
        r = mu_disk_map_error(mdb_env_set_maxdbs(disk->env, TABLES_MAX));
    if (r == 0)
        r = mu_disk_map_error(mdb_env_set_mapsize(disk->env, map_bytes));
    if (r == 0)
        r = mu_disk_map_error(mdb_env_open(disk->env, folder, 0, FILE_MODE));
    int dead = 0; /* slots of readers that were killed; they would pin old pages for ever */
    if (r == 0)
        r = mu_disk_map_error(mdb_reader_check(disk->env, &dead));
    if (r == 0)
        r = load(disk, ret_error, error_size);
    if (r == 0) {
        *ret = disk;
        return 0;
    }
    if (ret_error != NULL && error_size > 0 && ret_error[0] == '\0') {
        mu_disk_say(ret_error, error_size, "%s",
                    r == -EBADMSG ? "data.mdb is damaged: restore a backup" : strerror(-r));
    }
    mu_disk_close(disk);
    return r;
}
