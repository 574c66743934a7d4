/* tests/unit/test_restore.c - stores from backups: whole, fenced off from the life before, or
 * refused. */
#include "tests/unit/lmdb_folder.h"

#include <sched.h>
#include <sys/stat.h>

#include "actors/generation.h"
#include "tests/unit/played.h"
#include "tools/restoration.h"

#define UTC_S UINT64_C(1800001000) /* of the restore */

enum { FLIPS = 60 };

static struct mu_rng rng;
static struct store_folder folder;
static char backup[2 * STORE_FOLDER_MAX];
static char target[2 * STORE_FOLDER_MAX];
static char error[MU_RESTORATION_ERROR_MAX];
static struct mu_restoration done;

static struct mu_store *open_store(const char *path)
{
    const struct mu_lmdb_options options = { .folder = path, .any_filesystem = true };
    return lmdb_open_with(&options);
}

/* Writes a backup; `backup` is then its folder. */
static void write_backup(struct mu_store *store, const char *name)
{
    uint64_t bytes = 0;
    assert_int_equal(store->ops->backup(store, name), 0);
    while (store->ops->backup_poll(store, &bytes) == -EINPROGRESS) {
        (void)sched_yield();
    }
    assert_int_equal(store->ops->backup_poll(store, &bytes), 0);
    (void)snprintf(backup, sizeof backup, "%s/live/backups/%s", folder.path, name);
}

/* A world that was played and backed up, and goes on. */
static int setup(void **state)
{
    char live[2 * STORE_FOLDER_MAX];
    store_folder_create(&folder);
    (void)snprintf(live, sizeof live, "%s/live", folder.path);
    (void)snprintf(target, sizeof target, "%s/restored", folder.path);
    struct world *world = world_create_on(open_store(live), mu_rng_next(&rng));
    played_make(world);
    write_backup(world->store, "b");
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    world_destroy(*state);
    store_folder_remove(&folder);
    return 0;
}

static bool exists(const char *path, const char *name)
{
    char whole[4 * STORE_FOLDER_MAX];
    struct stat about;
    (void)snprintf(whole, sizeof whole, "%s%s", path, name);
    return lstat(whole, &about) == 0;
}

static void test_serves_what_was_backed_up(void **state)
{
    (void)state;
    struct played played;
    assert_int_equal(mu_restore(backup, target, UTC_S, &done, error), 0);
    assert_int_equal(done.players, PLAYED_PLAYERS);
    assert_int_equal(done.matches, 3);
    assert_int_equal(done.generation.former, 0);
    assert_int_equal(done.generation.now, UTC_S);
    assert_int_equal(done.generation.partitions, 2); /* the lobby's and a queue's */
    assert_false(exists(target, ".part"));
    struct world *world = world_create_on(open_store(target), mu_rng_next(&rng));
    played_find(world, &played);
    played_go_on(world, &played);
    world_destroy(world);
}

static void ask_with_fence(struct world *world, const char *partition, uint64_t fence)
{
    struct mu_msg msg = { .op = MU_OP_FOLLOW_SINCE };
    msg.follow_since = (struct mu_msg_follow_since){ .seq = 0 };
    (void)snprintf(msg.follow_since.partition, sizeof msg.follow_since.partition, "%s", partition);
    (void)world_ask_with(world, &msg, (struct world_with){ .fence = fence });
}

/* What still runs of the life before the restore: it took epochs after the backup was made. */
static void test_fences_the_life_before(void **state)
{
    struct world *before = *state;
    uint64_t stale = 0;
    for (int i = 0; i < 50; i++) {
        stale = world_epoch(before, "queue/eu-west-1");
    }
    /* Nobody had taken this one when the backup was made. */
    uint64_t stale_new = world_epoch(before, "queue/us-east-1");
    assert_int_equal(mu_restore(backup, target, UTC_S, &done, error), 0);

    struct world *world = world_create_on(open_store(target), mu_rng_next(&rng));
    ask_with_fence(world, "queue/eu-west-1", stale);
    world_expect_error(world, MU_ERROR_FENCED);
    ask_with_fence(world, "queue/us-east-1", stale_new);
    world_expect_error(world, MU_ERROR_FENCED);
    uint64_t epoch = world_epoch(world, "queue/us-east-1");
    assert_true(epoch > UTC_S);
    ask_with_fence(world, "queue/us-east-1", epoch);
    world_expect(world, MU_OP_CHANGES);
    world_destroy(world);
}

/* The owner at the time of the backup is still there, and asks for his epoch once more. */
static void test_former_owner_is_not_the_owner(void **state)
{
    struct mu_msg take = { .op = MU_OP_EPOCH_TAKE };
    take.epoch_take = (struct mu_msg_epoch_take){ .partition = "lobby/0", .incarnation = 4711 };
    struct world *before = *state;
    (void)world_ask(before, &take);
    world_expect(before, MU_OP_EPOCH);
    write_backup(before->store, "c");
    assert_int_equal(mu_restore(backup, target, UTC_S, &done, error), 0);
    struct world *world = world_create_on(open_store(target), mu_rng_next(&rng));
    (void)world_ask(world, &take);
    world_expect_error(world, MU_ERROR_FENCED);
    take.epoch_take.incarnation = 4712;
    (void)world_ask(world, &take);
    world_expect(world, MU_OP_EPOCH);
    assert_true(world->reply.epoch.epoch > UTC_S);
    take.epoch_take.incarnation = 4711; /* too late for that, too */
    (void)world_ask(world, &take);
    world_expect_error(world, MU_ERROR_FENCED);
    world_destroy(world);
}

static uint64_t generation_of(const char *path)
{
    uint64_t ret = 0;
    struct mu_store *store = open_store(path);
    assert_int_equal(mu_generation_get(store, &ret), 0);
    store->ops->destroy(store);
    return ret;
}

/* The same backup twice, and a backup of what was restored, also when the clock is wrong. */
static void test_generations_grow(void **state)
{
    char second[2 * STORE_FOLDER_MAX];
    char third[2 * STORE_FOLDER_MAX];
    (void)state;
    (void)snprintf(second, sizeof second, "%s/second/", folder.path);
    (void)snprintf(third, sizeof third, "%s/third", folder.path);
    assert_int_equal(mu_restore(backup, target, UTC_S, &done, error), 0);
    assert_int_equal(mu_restore(backup, second, UTC_S + 60, &done, error), 0);
    assert_int_equal(generation_of(second), UTC_S + 60);
    assert_int_equal(mu_restore(second, third, 0, &done, error), 0);
    assert_int_equal(done.generation.former, UTC_S + 60);
    assert_int_equal(generation_of(third), UTC_S + 60 + MU_GENERATION_STEP);
    struct world *world = world_create_on(open_store(third), 1);
    assert_true(world_epoch(world, "lobby/0") > UTC_S + 60 + MU_GENERATION_STEP);
    world_destroy(world);
}

static void test_refuses_a_target_that_is_in_use(void **state)
{
    char name[4 * STORE_FOLDER_MAX];
    (void)state;
    assert_int_equal(mkdir(target, 0700), 0);
    (void)snprintf(name, sizeof name, "%s/precious", target);
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(mu_restore(backup, target, UTC_S, &done, error), -ENOTEMPTY);
    assert_non_null(strstr(error, "not empty"));
    assert_true(exists(target, "/precious"));
    assert_false(exists(target, "/data.mdb"));
    assert_int_equal(unlink(name), 0);
    assert_int_equal(mu_restore(backup, target, UTC_S, &done, error), 0); /* empty is fine */
    assert_int_equal(mu_restore(backup, target, UTC_S, &done, error), -ENOTEMPTY);
    assert_int_equal(mu_restore(backup, "/nonexistent/muster/store", UTC_S, &done, error), -ENOENT);
    assert_int_equal(mu_restore(folder.path, name, UTC_S, &done, error), -ENOENT);
}

static long size_of(const char *path)
{
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    return (long)about.st_size;
}

/* Changes bytes of a file: the byte at `at` by XOR. */
static void flip(const char *path, long at, uint8_t bits)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_true(byte != EOF);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ bits, file), byte ^ bits);
    assert_int_equal(fclose(file), 0);
}

static bool add_up(void *context, struct mu_slice key, struct mu_slice value)
{
    uint64_t *sum = context;
    for (uint32_t i = 0; i < key.size; i++) {
        *sum = (*sum ^ key.data[i]) * UINT64_C(0x100000001B3);
    }
    for (uint32_t i = 0; i < value.size; i++) {
        *sum = (*sum ^ value.data[i]) * UINT64_C(0x100000001B3);
    }
    return true;
}

/* A sum over all that is restored. */
static uint64_t content(const char *path)
{
    uint64_t sum = UINT64_C(0xCBF29CE484222325);
    struct mu_store *store = open_store(path);
    for (int table = 1; table < MU_TABLE_END; table++) {
        const struct mu_store_range all = { .table = (enum mu_table)table };
        assert_true(store->ops->scan(store, &all, add_up, &sum) >= 0);
    }
    store->ops->destroy(store);
    return sum;
}

/* A bit that flips anywhere: either it is refused, and leaves nothing behind, or it changed
 * nothing that counts. */
static void test_refuses_a_damaged_backup(void **state)
{
    char data[3 * STORE_FOLDER_MAX];
    uint32_t refused = 0;
    (void)state;
    (void)snprintf(data, sizeof data, "%s/data.mdb", backup);
    assert_int_equal(mu_restore(backup, target, UTC_S, &done, error), 0);
    const uint64_t wanted = content(target);
    store_folder_remove_path(target);
    for (int i = 0; i < FLIPS; i++) {
        long at = (long)mu_rng_below(&rng, (uint64_t)size_of(data));
        uint8_t bits = (uint8_t)(1u << mu_rng_below(&rng, 8));
        flip(data, at, bits);
        int r = mu_restore(backup, target, UTC_S, &done, error);
        if (r == 0) {
            assert_true(content(target) == wanted);
            store_folder_remove_path(target);
        } else {
            assert_true(strlen(error) > 0);
            refused++;
        }
        assert_false(exists(target, ""));
        assert_false(exists(target, ".part"));
        flip(data, at, bits);
    }
    print_message("%u of %d flipped bits refused, the others changed nothing\n", refused, FLIPS);
    assert_true(refused > FLIPS / 4);

    assert_int_equal(truncate(data, size_of(data) / 2), 0);
    assert_int_equal(mu_restore(backup, target, UTC_S, &done, error), -EBADMSG);
    assert_int_equal(truncate(data, 0), 0);
    assert_int_equal(mu_restore(backup, target, UTC_S, &done, error), -EBADMSG);
    assert_int_equal(unlink(data), 0);
    assert_int_equal(mu_restore(backup, target, UTC_S, &done, error), -ENOENT);
    assert_false(exists(target, ""));
    assert_false(exists(target, ".part"));
}

/* Sound records that contradict each other. */
static void test_refuses_contradictions(void **state)
{
    struct world *world = *state;
    struct mu_store *store = world->store;
    struct played played;
    played_find(world, &played);
    const struct mu_slice key = { (const uint8_t *)played.ticket, (uint32_t)strlen(played.ticket) };
    assert_int_equal(store->ops->del(store, MU_TABLE_TICKET, key), 0);
    assert_int_equal(store->ops->commit(store), 0);
    write_backup(store, "c");
    assert_int_equal(mu_restore(backup, target, UTC_S, &done, error), -EBADMSG);
    assert_non_null(strstr(error, played.ticket));
    assert_false(exists(target, ""));
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        CASE(serves_what_was_backed_up),       CASE(fences_the_life_before),
        CASE(former_owner_is_not_the_owner),   CASE(generations_grow),
        CASE(refuses_a_target_that_is_in_use), CASE(refuses_a_damaged_backup),
        CASE(refuses_contradictions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
