/* tests/unit/test_lmdb.c - what only the engine on disk can suffer: kill -9, full maps, second
 * openers.  Damaged files: test_lmdb_damage.c; strange ones: test_lmdb_forged.c; backups:
 * test_backup.c.
 *
 *     test_lmdb [seed] [kills]     defaults: 1 12
 *
 * Children are forked while this process has no store open, as LMDB demands. */
#include "tests/unit/lmdb_folder.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/bytes.h"

static struct mu_rng rng;
static uint32_t kills = 12;

/* Journal and tables */

static void test_reopen_replays_the_journal(void **state)
{
    struct store_folder folder;
    (void)state;
    store_folder_create(&folder);
    struct mu_lmdb_options options = lmdb_options_for(folder.path);
    options.overlay_bytes = 0; /* nothing is applied but by work() */
    struct mu_store *store = lmdb_open_with(&options);
    lmdb_write_batches(store, 1, 60);
    assert_true(lmdb_behind(store) > 100);
    store->ops->destroy(store);

    store = lmdb_open_with(&options);
    assert_true(lmdb_behind(store) > 100);
    assert_int_equal(history_compare(store, 60), 0);
    lmdb_settle(store);
    assert_int_equal(lmdb_behind(store), 0);
    assert_int_equal(history_compare(store, 60), 0);
    assert_int_equal(store->ops->verify(store), 0);
    store->ops->destroy(store);

    store = lmdb_open_with(&options);
    assert_int_equal(lmdb_behind(store), 0);
    assert_int_equal(history_compare(store, 60), 0);
    store->ops->destroy(store);
    store_folder_remove(&folder);
}

/* Stops between the slices of one sealed overlay, again and again. */
static void test_reopen_in_the_middle_of_applying(void **state)
{
    struct store_folder folder;
    (void)state;
    store_folder_create(&folder);
    uint64_t last = 0;
    for (int round = 0; round < 25; round++) {
        struct mu_store *store = lmdb_open_folder(folder.path);
        assert_int_equal(history_last(store), (int64_t)last);
        assert_int_equal(history_compare(store, last), 0);
        lmdb_write_batches(store, last + 1, last + 20);
        last += 20;
        for (uint64_t n = mu_rng_below(&rng, 5); n > 0; n--) {
            (void)store->ops->work(store, 1);
        }
        assert_int_equal(history_compare(store, last), 0);
        history_write(store, last + 1); /* never committed */
        store->ops->destroy(store);
    }
    store_folder_remove(&folder);
}

/* Kill -9 */

/* Writes batches from `first` on, and one byte to `fd` after each commit, until killed. */
static void run_writer(const char *folder, uint64_t first, int fd)
{
    struct mu_lmdb_options options = lmdb_options_for(folder);
    char error[MU_LMDB_ERROR_MAX];
    struct mu_store *store = NULL;
    if (mu_lmdb_open(&options, &store, error, sizeof error) != 0) {
        _exit(1);
    }
    for (uint64_t i = first;; i++) {
        history_write(store, i);
        if (store->ops->commit(store) != 0 || write(fd, "", 1) != 1) {
            _exit(1);
        }
        if (i % 7 == 0) {
            (void)store->ops->work(store, 1);
        }
    }
}

/* Kills a writer after at least `acks` acknowledged commits.  Returns how many there were. */
static uint64_t kill_writer(const char *folder, uint64_t first, uint64_t acks)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        run_writer(folder, first, ends[1]);
        _exit(1);
    }
    assert_int_equal(close(ends[1]), 0);
    uint64_t seen = 0;
    char bytes[64];
    ssize_t n = 1;
    while (n > 0) {
        n = read(ends[0], bytes, sizeof bytes);
        seen += n > 0 ? (uint64_t)n : 0;
        if (seen >= acks) {
            assert_int_equal(kill(child, SIGKILL), 0);
            acks = UINT64_MAX; /* once; then drain what was acknowledged before it died */
        }
    }
    assert_int_equal(close(ends[0]), 0);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return seen;
}

static void test_kill_under_load(void **state)
{
    struct store_folder folder;
    (void)state;
    store_folder_create(&folder);
    uint64_t last = 0;
    uint64_t unacked = 0;
    for (uint32_t i = 0; i < kills; i++) {
        uint64_t acked = last + kill_writer(folder.path, last + 1, 1 + mu_rng_below(&rng, 120));
        struct mu_store *store = lmdb_open_folder(folder.path);
        int64_t found = history_last(store);
        assert_true(found >= (int64_t)acked);
        assert_true(found <= (int64_t)acked + 1); /* one commit may have been under way */
        unacked += (uint64_t)found - acked;
        last = (uint64_t)found;
        assert_int_equal(history_compare(store, last), 0);
        assert_int_equal(store->ops->verify(store), 0);
        store->ops->destroy(store);
    }
    print_message("%u kills: %llu commits, none lost, %llu durable but not acknowledged\n", kills,
                  (unsigned long long)last, (unsigned long long)unacked);
    store_folder_remove(&folder);
}

/* Who may open what */

static void test_second_opener_is_refused(void **state)
{
    struct store_folder folder;
    (void)state;
    store_folder_create(&folder);
    struct mu_lmdb_options options = lmdb_options_for(folder.path);
    struct mu_store *store = lmdb_open_with(&options);
    lmdb_expect_refusal(&options, -EBUSY, "another process");
    lmdb_write_batches(store, 1, 3);
    store->ops->destroy(store);
    store = lmdb_open_with(&options);
    assert_int_equal(history_compare(store, 3), 0);
    store->ops->destroy(store);
    store_folder_remove(&folder);
}

static void test_opener_in_another_process_is_refused(void **state)
{
    struct store_folder folder;
    int ends[2];
    (void)state;
    store_folder_create(&folder);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        run_writer(folder.path, 1, ends[1]);
        _exit(1);
    }
    char byte;
    assert_int_equal(read(ends[0], &byte, 1), 1); /* it has opened and committed */
    struct mu_lmdb_options options = lmdb_options_for(folder.path);
    lmdb_expect_refusal(&options, -EBUSY, "stop it first");
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
    struct mu_store *store = lmdb_open_folder(folder.path);
    assert_true(history_last(store) >= 1);
    store->ops->destroy(store);
    store_folder_remove(&folder);
}

/* A full map */

static void test_full_map(void **state)
{
    struct store_folder folder;
    (void)state;
    store_folder_create(&folder);
    struct mu_lmdb_options options = lmdb_options_for(folder.path);
    options.map_bytes = 8 * 1024 * 1024; /* a slice takes less than the twentieth that is kept */
    struct mu_store *store = lmdb_open_with(&options);
    static uint8_t value[3000];
    bool low = false;
    uint32_t committed = 0;
    for (;; committed++) {
        uint8_t key[4];
        mu_bytes_put32(key, committed);
        low = low || store->ops->room(store) == MU_STORE_ROOM_LOW;
        int r = store->ops->put(store, MU_TABLE_MATCH, (struct mu_slice){ key, 4 },
                                (struct mu_slice){ value, sizeof value });
        if (r != 0) {
            assert_int_equal(r, -ENOSPC);
            break;
        }
        assert_int_equal(store->ops->commit(store), 0); /* room() warned in time */
        assert_true(committed < 10000);
    }
    assert_true(low);
    assert_int_equal(store->ops->room(store), MU_STORE_ROOM_NONE);
    assert_int_equal(store->ops->commit(store), 0);
    (void)store->ops->work(store, 100);
    store->ops->destroy(store);

    options.map_bytes = 16 * 1024 * 1024; /* the way out: a larger map */
    store = lmdb_open_with(&options);
    assert_int_not_equal(store->ops->room(store), MU_STORE_ROOM_NONE);
    for (uint32_t i = 0; i < committed; i++) {
        uint8_t key[4];
        struct mu_slice found;
        mu_bytes_put32(key, i);
        assert_int_equal(
            store->ops->get(store, MU_TABLE_MATCH, (struct mu_slice){ key, 4 }, &found), 0);
        assert_int_equal(found.size, sizeof value);
    }
    lmdb_write_batches(store, 1, 20);
    lmdb_settle(store);
    assert_int_equal(lmdb_behind(store), 0);
    assert_int_equal(store->ops->verify(store), 0);
    store->ops->destroy(store);
    store_folder_remove(&folder);
}

/* One batch that does not fit at all: the commit fails, nothing acknowledged is lost. */
static void test_commit_that_does_not_fit(void **state)
{
    struct store_folder folder;
    (void)state;
    store_folder_create(&folder);
    struct mu_lmdb_options options = lmdb_options_for(folder.path);
    options.map_bytes = 2 * 1024 * 1024;
    struct mu_store *store = lmdb_open_with(&options);
    lmdb_write_batches(store, 1, 10);
    static uint8_t value[MU_STORE_VALUE_MAX];
    for (uint32_t i = 0; i < 30; i++) {
        uint8_t key[4];
        mu_bytes_put32(key, i);
        assert_int_equal(store->ops->put(store, MU_TABLE_MATCH, (struct mu_slice){ key, 4 },
                                         (struct mu_slice){ value, sizeof value }),
                         0);
    }
    assert_int_equal(store->ops->commit(store), -ENOSPC);
    assert_int_equal(store->ops->commit(store), -EIO);
    assert_false(store->ops->work(store, 10));
    assert_int_equal(history_last(store), -EBADMSG); /* get answers -EIO */
    assert_int_equal(store->ops->room(store), MU_STORE_ROOM_NONE);
    store->ops->destroy(store);
    store = lmdb_open_with(&options);
    assert_int_equal(history_last(store), 10);
    assert_int_equal(history_compare(store, 10), 0);
    store->ops->destroy(store);
    store_folder_remove(&folder);
}

int main(int argc, char **argv)
{
    uint64_t number = 0;
    if (argc > 2 && mu_parse_u64(argv[2], 0, 100000, &number) == 0) {
        kills = (uint32_t)number;
    }
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reopen_replays_the_journal),
        cmocka_unit_test(test_reopen_in_the_middle_of_applying),
        cmocka_unit_test(test_kill_under_load),
        cmocka_unit_test(test_second_opener_is_refused),
        cmocka_unit_test(test_opener_in_another_process_is_refused),
        cmocka_unit_test(test_full_map),
        cmocka_unit_test(test_commit_that_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
