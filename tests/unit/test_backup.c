/* tests/unit/test_backup.c - backups of a store that is in use: by the engine, and asked for
 * through the store actor.  Restoring them: test_restore.c. */
#include "tests/unit/lmdb_folder.h"

#include <sched.h>
#include <sys/stat.h>

#include "tests/unit/store_world.h"

static struct mu_rng rng;
static struct store_folder folder;
static char path[2 * STORE_FOLDER_MAX]; /* of a backup, or of something in the folder */

static int setup(void **state)
{
    (void)state;
    store_folder_create(&folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_folder_remove(&folder);
    return 0;
}

static const char *in_folder(const char *name)
{
    (void)snprintf(path, sizeof path, "%s/%s", folder.path, name);
    return path;
}

/* Waits until the backup has ended. */
static int finish(struct mu_store *store)
{
    uint64_t bytes = 0;
    int r = store->ops->backup_poll(store, &bytes);
    while (r == -EINPROGRESS) {
        (void)sched_yield();
        r = store->ops->backup_poll(store, &bytes);
    }
    assert_true(r != 0 || bytes > 0);
    return r;
}

/* Expects that the backup is a store with batches 1..last, and can be used as one. */
static void expect_store(const char *name, uint64_t last)
{
    struct mu_store *store = lmdb_open_folder(in_folder(name));
    assert_int_equal(history_last(store), last);
    assert_int_equal(history_compare(store, last), 0);
    assert_int_equal(store->ops->verify(store), 0);
    lmdb_write_batches(store, last + 1, last + 20);
    lmdb_settle(store);
    store->ops->destroy(store);
    store = lmdb_open_folder(path);
    assert_int_equal(history_compare(store, last + 20), 0);
    store->ops->destroy(store);
}

static void test_holds_what_was_committed(void **state)
{
    (void)state;
    struct mu_store *store = lmdb_open_folder(folder.path);
    uint64_t bytes = 0;
    assert_int_equal(store->ops->backup_poll(store, &bytes), -ENOENT);
    lmdb_write_batches(store, 1, 40);
    lmdb_settle(store);
    lmdb_write_batches(store, 41, 55);
    history_write(store, 56); /* staged: not in the copy */
    assert_int_equal(store->ops->backup(store, "one"), 0);
    assert_int_equal(finish(store), 0);
    assert_int_equal(store->ops->backup(store, "one"), -EEXIST);
    assert_int_equal(store->ops->commit(store), 0);
    lmdb_write_batches(store, 57, 60);
    assert_int_equal(store->ops->backup(store, "two"), 0);
    assert_int_equal(finish(store), 0);
    assert_int_equal(history_compare(store, 60), 0);
    store->ops->destroy(store);
    expect_store("backups/one", 55);
    expect_store("backups/two", 60);
}

/* Commits, slices and backups at once: each backup is the state after some commit, at least the
 * last one before it was asked for. */
static void test_under_commits_is_a_prefix(void **state)
{
    (void)state;
    uint64_t first[6];
    uint64_t end[6];
    uint64_t last = 200;
    struct mu_store *store = lmdb_open_folder(folder.path);
    lmdb_write_batches(store, 1, last);
    for (int i = 0; i < 6; i++) {
        char name[16];
        uint64_t bytes = 0;
        (void)snprintf(name, sizeof name, "b%d", i);
        first[i] = last;
        assert_int_equal(store->ops->backup(store, name), 0);
        if (i == 0) { /* one at a time; it may have ended already */
            int r = store->ops->backup(store, "other");
            assert_true(r == -EBUSY || r == 0);
        }
        while (store->ops->backup_poll(store, &bytes) == -EINPROGRESS) {
            last++;
            lmdb_write_batches(store, last, last);
            if (mu_rng_below(&rng, 3) == 0) {
                (void)store->ops->work(store, 1);
            }
        }
        end[i] = last;
        assert_int_equal(finish(store), 0);
    }
    store->ops->destroy(store);
    for (int i = 0; i < 6; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "backups/b%d", i);
        struct mu_store *copy = lmdb_open_folder(in_folder(name));
        int64_t held = history_last(copy);
        assert_in_range(held, first[i], end[i]);
        assert_int_equal(history_compare(copy, (uint64_t)held), 0);
        copy->ops->destroy(copy);
    }
}

static void test_refuses_other_names(void **state)
{
    static const char *const names[] = {
        "",
        ".",
        "..",
        ".part",
        ".hidden",
        "a/b",
        "../a",
        "a b",
        "\xC3\xA9",
        "a\n",
        "a:b",
        "*",
        "a123456789a123456789a123456789a123456789a123456789a123456789abcd",
    };
    (void)state;
    struct mu_store *store = lmdb_open_folder(folder.path);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(store->ops->backup(store, names[i]), -EINVAL);
    }
    assert_int_equal(store->ops->backup(
                         store, "a123456789a123456789a123456789a123456789a123456789a123456789abc"),
                     0);
    assert_int_equal(finish(store), 0);
    store->ops->destroy(store);
}

/* What a killed process left behind is no backup, and in nobody's way. */
static void test_removes_what_was_never_finished(void **state)
{
    (void)state;
    struct mu_store *store = lmdb_open_folder(folder.path);
    lmdb_write_batches(store, 1, 5);
    assert_int_equal(mkdir(in_folder("backups"), 0700), 0);
    assert_int_equal(mkdir(in_folder("backups/.part"), 0700), 0);
    FILE *file = fopen(in_folder("backups/.part/data.mdb"), "w");
    assert_non_null(file);
    assert_true(fputs("half", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(store->ops->backup(store, "whole"), 0);
    store->ops->destroy(store); /* waits for it */
    struct stat about;
    assert_int_equal(stat(in_folder("backups/.part"), &about), -1);
    assert_int_equal(stat(in_folder("backups/whole/lock.mdb"), &about), -1);
    assert_int_equal(stat(in_folder("backups/whole/data.mdb"), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    expect_store("backups/whole", 5);
}

/* A backup that fails takes nothing with it. */
static void test_failure_leaves_the_store_alone(void **state)
{
    (void)state;
    struct mu_store *store = lmdb_open_folder(folder.path);
    lmdb_write_batches(store, 1, 3);
    FILE *file = fopen(in_folder("backups"), "w"); /* a file where the folder should be */
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(store->ops->backup(store, "x"), -ENOTDIR);
    lmdb_write_batches(store, 4, 5);
    assert_int_equal(unlink(in_folder("backups")), 0);
    assert_int_equal(store->ops->backup(store, "x"), 0);
    assert_int_equal(finish(store), 0);
    assert_int_equal(history_compare(store, 5), 0);
    store->ops->destroy(store);
}

/* Through the store actor */

static struct mu_msg ask_for(const char *name)
{
    struct mu_msg msg = { .op = MU_OP_STORE_BACKUP };
    (void)snprintf(msg.store_backup.name, sizeof msg.store_backup.name, "%s", name);
    return msg;
}

/* Asks, and lets timers run until there is an answer: in world->reply. */
static void await(struct world *world, const char *name, const char *key)
{
    const struct mu_msg msg = ask_for(name);
    world->reply.op = MU_OP_NONE;
    assert_int_equal(world_step(world, &msg, (struct world_with){ .key = key }), 0);
    assert_int_equal(world_batch_end(world), 0);
    for (int i = 0; world->reply.op == MU_OP_NONE; i++) {
        assert_true(i < 100); /* half of the budget is over long before */
        world_advance(world, MU_STORE_BACKUP_POLL_MS);
    }
}

static void await_complete(struct world *world, const char *name, const char *key)
{
    await(world, name, key);
    while (world->reply.op == MU_OP_BACKUP && !world->reply.backup.complete) {
        (void)sched_yield();
        await(world, name, key); /* it takes longer: asked again */
    }
}

static void test_actor_answers_when_it_is_durable(void **state)
{
    (void)state;
    struct world *world = world_create_on(lmdb_open_folder(folder.path), rng.state);
    struct mu_msg_backup first;
    char player[MU_ID_MAX + 1];
    world_register(world, "before", player);
    await_complete(world, "daily", "key-1");
    world_expect(world, MU_OP_BACKUP);
    first = world->reply.backup;
    assert_string_equal(first.name, "daily");
    assert_true(first.complete && first.bytes > 0);

    await(world, "daily", "key-1"); /* the same request again: the same answer */
    assert_true(world->reply.backup.complete);
    assert_int_equal(world->reply.backup.bytes, first.bytes);
    await(world, "daily", "key-2"); /* another one of that name */
    world_expect_error(world, MU_ERROR_CONFLICT);
    await(world, "../daily", "key-3");
    world_expect_error(world, MU_ERROR_VALIDATION_FAILED);

    world_register(world, "after", player);
    await_complete(world, "", "key-4");
    world_expect(world, MU_OP_BACKUP);
    assert_true(mu_id_valid(world->reply.backup.name, MU_ID_PREFIX_BACKUP));
    char made[MU_STORE_BACKUP_NAME_MAX + 1];
    memcpy(made, world->reply.backup.name, sizeof made);
    await(world, "", "key-4");
    assert_string_equal(world->reply.backup.name, made);
    world_destroy(world);

    (void)snprintf(path, sizeof path, "%s/backups/daily", folder.path);
    world = world_create_on(lmdb_open_folder(path), rng.state + 1);
    world_register(world, "after", player); /* the name is free there */
    world_destroy(world);
}

/* While one is written the actor goes on, and refuses another. */
static void test_actor_goes_on_meanwhile(void **state)
{
    (void)state;
    struct world *world = world_create_on(lmdb_open_folder(folder.path), rng.state);
    char player[MU_ID_MAX + 1];
    const struct mu_msg msg = ask_for("slow");
    assert_int_equal(world_step(world, &msg, (struct world_with){ .key = "a" }), 0);
    assert_int_equal(world_batch_end(world), 0);
    assert_int_equal(world->replies_count, 0);
    world_register(world, "meanwhile", player); /* answered at once */
    const struct mu_msg other = ask_for("other");
    (void)world_ask_with(world, &other, (struct world_with){ .key = "b" });
    world_expect_error(world, MU_ERROR_CONFLICT);
    await_complete(world, "slow", "a");
    assert_string_equal(world->reply.backup.name, "slow");
    world_destroy(world);
}

static void test_actor_without_an_engine_that_can(void **state)
{
    (void)state;
    struct world *world = world_create(rng.state); /* in memory */
    const struct mu_msg msg = ask_for("x");
    (void)world_ask(world, &msg);
    world_expect_error(world, MU_ERROR_UNSUPPORTED);
    world_destroy(world);
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        CASE(holds_what_was_committed),
        CASE(under_commits_is_a_prefix),
        CASE(refuses_other_names),
        CASE(removes_what_was_never_finished),
        CASE(failure_leaves_the_store_alone),
        CASE(actor_answers_when_it_is_durable),
        CASE(actor_goes_on_meanwhile),
        CASE(actor_without_an_engine_that_can),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
