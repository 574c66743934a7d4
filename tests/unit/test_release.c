/* tests/unit/test_release.c - the stores of all releases: each is opened, checked, and served.
 *
 *     test_release SEED FOLDER VERSION    FOLDER/<release>/data.mdb: a backup of a played store
 *
 * With UPDATE=1 the store of VERSION is made, if there is none: once, when it is released.  What a
 * release wrote is never written again.  A change that fails here needs a migration. */
#include "tests/unit/lmdb_folder.h"

#include <dirent.h>
#include <sched.h>
#include <sys/stat.h>

#include "actors/audit.h"
#include "tests/unit/played.h"
#include "tools/restoration.h"

static uint64_t seed;
static const char *releases;
static const char *version;

static struct mu_store *open_store(const char *folder)
{
    const struct mu_lmdb_options options = { .folder = folder, .any_filesystem = true };
    return lmdb_open_with(&options);
}

/* A copy of the release's store in `folder`, which is new. */
static struct mu_store *open_release(const char *release, const char *folder)
{
    char from[1024];
    char error[MU_RESTORATION_ERROR_MAX];
    struct mu_restoration done;
    (void)snprintf(from, sizeof from, "%s/%s", releases, release);
    int r = mu_restore(from, folder, 1800000100, &done, error);
    if (r != 0) {
        fail_msg("%s: %s", release, error);
    }
    return open_store(folder);
}

static void check_release(const char *release)
{
    char error[256];
    char copy[STORE_FOLDER_MAX + 8];
    struct store_folder folder;
    struct played played;
    print_message("release %s\n", release);
    store_folder_create(&folder);
    (void)snprintf(copy, sizeof copy, "%s/copy", folder.path);
    struct mu_store *store = open_release(release, copy);
    assert_int_equal(store->ops->verify(store), 0);
    struct world *world = world_create_on(store, ~seed); /* other ids than when it was made */
    played_find(world, &played);
    played_go_on(world, &played);
    lmdb_settle(store);
    assert_int_equal(store->ops->verify(store), 0);
    world_destroy(world);

    store = open_store(copy);
    if (mu_store_audit(store, error, sizeof error) != 0) {
        fail_msg("%s: %s", release, error);
    }
    store->ops->destroy(store);
    store_folder_remove(&folder);
}

static void test_every_release_is_served(void **state)
{
    (void)state;
    uint32_t count = 0;
    DIR *folder = opendir(releases);
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') {
            check_release(entry->d_name);
            count++;
        }
    }
    (void)closedir(folder);
    assert_true(count >= 1);
}

static int copy_file(const char *from, const char *to)
{
    char bytes[4096];
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    size_t n = sizeof bytes;
    bool good = in != NULL && out != NULL;
    while (good && n > 0) {
        n = fread(bytes, 1, sizeof bytes, in);
        good = fwrite(bytes, 1, n, out) == n;
    }
    good = (out == NULL || fclose(out) == 0) && good;
    good = (in == NULL || fclose(in) == 0) && good;
    return good ? 0 : -EIO;
}

/* The records of a release: half in the tables, half in the journal. */
static int make_release(void)
{
    char path[1024];
    char from[STORE_FOLDER_MAX + 32];
    struct stat about;
    struct store_folder folder;
    uint64_t bytes = 0;
    (void)snprintf(path, sizeof path, "%s/%s", releases, version);
    if (stat(path, &about) == 0) {
        (void)fprintf(stderr, "%s stands\n", path);
        return 0;
    }
    store_folder_create(&folder);
    struct mu_store *store = open_store(folder.path);
    struct world *world = world_create_on(store, 1);
    char player[MU_ID_MAX + 1];
    world_register(world, "in-the-tables", player);
    lmdb_settle(store);
    played_make(world);
    int r = store->ops->backup(store, "release");
    while (r == 0 && store->ops->backup_poll(store, &bytes) == -EINPROGRESS) {
        (void)sched_yield();
    }
    r = r == 0 ? store->ops->backup_poll(store, &bytes) : r;
    world_destroy(world);
    (void)snprintf(from, sizeof from, "%s/backups/release/data.mdb", folder.path);
    if (r == 0 && mkdir(path, 0755) == 0) {
        (void)strncat(path, "/data.mdb", sizeof path - strlen(path) - 1);
        r = copy_file(from, path);
    }
    store_folder_remove(&folder);
    (void)fprintf(stderr, "%s: %llu bytes\n", path, (unsigned long long)bytes);
    return r;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        (void)fprintf(stderr, "usage: test_release SEED FOLDER VERSION\n");
        return 64;
    }
    seed = unit_seed(argc, argv);
    releases = argv[2];
    version = argv[3];
    if (getenv("UPDATE") != NULL && make_release() != 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_release_is_served) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
