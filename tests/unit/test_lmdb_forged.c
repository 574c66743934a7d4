/* tests/unit/test_lmdb_forged.c - stores that are sound but not ours to open: newer schemas,
 * records that were added, lost or replaced behind the engine's back, unfit folders. */
#include "tests/unit/lmdb_folder.h"

#include <lmdb.h>
#include <sys/statfs.h>

#include "storage/bytes.h"
#include "storage/record.h"
#include "storage/state.h"

/* A hand that writes past the engine, and leaves everything sealed and in order. */
struct forger {
    MDB_env *env;
    MDB_txn *txn;
};

static void forge_begin(const char *folder, struct forger *ret)
{
    assert_int_equal(mdb_env_create(&ret->env), 0);
    assert_int_equal(mdb_env_set_maxdbs(ret->env, 4), 0);
    assert_int_equal(mdb_env_open(ret->env, folder, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(ret->env, NULL, 0, &ret->txn), 0);
}

static MDB_dbi forge_table(struct forger *forger, const char *name)
{
    MDB_dbi table;
    assert_int_equal(mdb_dbi_open(forger->txn, name, 0, &table), 0);
    return table;
}

/* Puts a sealed record; `name` is its key, `id` that of the table. */
static void forge_put(struct forger *forger, MDB_dbi table, uint8_t id, MDB_val key,
                      struct mu_slice payload)
{
    uint8_t record[MU_RECORD_HEADER_BYTES + MU_STATE_BYTES_MAX];
    mu_record_seal(id, (struct mu_slice){ key.mv_data, (uint32_t)key.mv_size }, payload, record);
    memcpy(record + MU_RECORD_HEADER_BYTES, payload.data, payload.size);
    MDB_val value = { MU_RECORD_HEADER_BYTES + payload.size, record };
    assert_int_equal(mdb_put(forger->txn, table, &key, &value, 0), 0);
}

/* Gives the state record the number of this transaction, and commits. */
static void forge_end(struct forger *forger)
{
    uint8_t name[] = MU_STATE_KEY;
    uint8_t bytes[MU_STATE_BYTES_MAX];
    MDB_dbi table = forge_table(forger, MU_STATE_ENGINE_TABLE);
    MDB_val key = { sizeof name - 1, name };
    MDB_val old;
    struct mu_state state;
    assert_int_equal(mdb_get(forger->txn, table, &key, &old), 0);
    struct mu_slice payload = { (uint8_t *)old.mv_data + MU_RECORD_HEADER_BYTES,
                                (uint32_t)old.mv_size - MU_RECORD_HEADER_BYTES };
    assert_int_equal(mu_state_decode(payload, &state), 0);
    state.transaction = mdb_txn_id(forger->txn);
    uint32_t size = mu_state_encode(&state, bytes);
    forge_put(forger, table, MU_RECORD_TABLE_ENGINE, key, (struct mu_slice){ bytes, size });
    assert_int_equal(mdb_txn_commit(forger->txn), 0);
    mdb_env_close(forger->env);
}

static void forge_schema(const char *folder, uint16_t major)
{
    uint8_t name[] = MU_STATE_SCHEMA_KEY;
    uint8_t schema[4] = { (uint8_t)(major >> 8), (uint8_t)major, 0, 0 };
    struct forger forger;
    forge_begin(folder, &forger);
    MDB_dbi table = forge_table(&forger, MU_STATE_ENGINE_TABLE);
    forge_put(&forger, table, MU_RECORD_TABLE_ENGINE, (MDB_val){ sizeof name - 1, name },
              (struct mu_slice){ schema, sizeof schema });
    forge_end(&forger);
}

enum forgery { FORGE_NOTHING, FORGE_LOST, FORGE_EXTRA, FORGE_OTHER, FORGE_GAP, FORGERIES };

/* Changes the first record of the player table, or of the journal. */
static void forge_records(const char *folder, enum forgery forgery)
{
    struct forger forger;
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    uint8_t copy[16];
    forge_begin(folder, &forger);
    MDB_dbi table = forge_table(&forger, forgery == FORGE_GAP ? MU_STATE_JOURNAL_TABLE : "player");
    assert_int_equal(mdb_cursor_open(forger.txn, table, &cursor), 0);
    assert_int_equal(mdb_cursor_get(cursor, &key, &value, MDB_FIRST), 0);
    assert_int_equal(key.mv_size, 8);
    memcpy(copy, key.mv_data, key.mv_size);
    key.mv_data = copy;
    if (forgery == FORGE_LOST || forgery == FORGE_GAP) {
        assert_int_equal(mdb_cursor_del(cursor, 0), 0);
    }
    mdb_cursor_close(cursor);
    if (forgery == FORGE_EXTRA) {
        copy[key.mv_size++] = 0;
    }
    if (forgery == FORGE_EXTRA || forgery == FORGE_OTHER) {
        forge_put(&forger, table, MU_TABLE_PLAYER, key,
                  (struct mu_slice){ (const uint8_t *)"well sealed", 11 });
    }
    forge_end(&forger);
}

/* Sums and pages are right, and yet it is not what was written: the tallies know. */
static void test_lost_extra_and_other_records_are_seen(void **state)
{
    static const char *const words[FORGERIES] = { "", "table player", "table player",
                                                  "table player", "table ~journal" };
    (void)state;
    for (enum forgery forgery = 0; forgery < FORGERIES; forgery++) {
        struct store_folder folder;
        store_folder_create(&folder);
        struct mu_lmdb_options options = lmdb_options_for(folder.path);
        struct mu_store *store = lmdb_open_with(&options);
        lmdb_write_batches(store, 1, 10);
        lmdb_settle(store);
        lmdb_write_batches(store, 11, 13);
        store->ops->destroy(store);
        forge_records(folder.path, forgery);
        if (forgery == FORGE_NOTHING) {
            store = lmdb_open_with(&options);
            assert_int_equal(history_compare(store, 13), 0);
            store->ops->destroy(store);
        } else {
            lmdb_expect_refusal(&options, -EBADMSG, words[forgery]);
        }
        store_folder_remove(&folder);
    }
}

static void test_newer_schema_is_refused(void **state)
{
    struct store_folder folder;
    (void)state;
    store_folder_create(&folder);
    struct mu_lmdb_options options = lmdb_options_for(folder.path);
    struct mu_store *store = lmdb_open_with(&options);
    lmdb_write_batches(store, 1, 5);
    store->ops->destroy(store);
    forge_schema(folder.path, MU_STATE_SCHEMA_MAJOR + 1);
    lmdb_expect_refusal(&options, -EPROTONOSUPPORT, "start the version that wrote it");
    options.skip_verify = true;
    lmdb_expect_refusal(&options, -EPROTONOSUPPORT, "schema 2.0");
    options.skip_verify = false;
    forge_schema(folder.path, MU_STATE_SCHEMA_MAJOR); /* the refusals have changed nothing */
    store = lmdb_open_with(&options);
    assert_int_equal(history_compare(store, 5), 0);
    store->ops->destroy(store);
    store_folder_remove(&folder);
}

static void test_memory_file_system_is_refused(void **state)
{
    struct statfs stat;
    (void)state;
    if (statfs("/dev/shm", &stat) != 0 || (uint32_t)stat.f_type != 0x01021994u ||
        access("/dev/shm", W_OK) != 0) {
        skip();
    }
    struct mu_lmdb_options options = lmdb_options_for("/dev/shm/muster-test-store");
    options.any_filesystem = false;
    lmdb_expect_refusal(&options, -ENOTSUP, "tmpfs");
    store_folder_remove_path(options.folder);
}

static void test_missing_parent_is_refused(void **state)
{
    (void)state;
    struct mu_lmdb_options options = lmdb_options_for("/nonexistent/muster/store");
    lmdb_expect_refusal(&options, -ENOENT, "cannot use the folder");
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_newer_schema_is_refused),
        cmocka_unit_test(test_lost_extra_and_other_records_are_seen),
        cmocka_unit_test(test_memory_file_system_is_refused),
        cmocka_unit_test(test_missing_parent_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
