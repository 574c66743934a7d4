/* tests/unit/test_lmdb_damage.c - flipped bits, cut files and lost writes are refused or harmless.
 *
 *     test_lmdb_damage [seed] [flips]     defaults: 1 200; one in eight of all bits of the two meta
 *                                         pages comes on top
 *
 * Every damaged file is opened in a child, which also writes on if it may.  Neither wrong data nor
 * a crash is taken. */
#include "tests/unit/lmdb_folder.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/pages_format.h"

static struct mu_rng rng;
static uint32_t flips = 200;

enum verdict { HARMLESS, REFUSED_AT_OPEN, REFUSED_LATER, WRONG, CRASHED, VERDICTS };

static const char *const verdict_names[VERDICTS] = { "harmless", "refused at open", "refused later",
                                                     "wrong data", "crashed" };

struct image {
    uint8_t *bytes;
    size_t size;
    uint64_t last; /* batches in it */
};

static void data_path(const char *folder, char ret[STORE_FOLDER_MAX + 16])
{
    (void)snprintf(ret, STORE_FOLDER_MAX + 16, "%s/data.mdb", folder);
}

static struct image load_image(const char *folder, uint64_t last)
{
    char path[STORE_FOLDER_MAX + 16];
    data_path(folder, path);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    struct stat stat;
    assert_int_equal(fstat(fileno(file), &stat), 0);
    struct image image = { malloc((size_t)stat.st_size), (size_t)stat.st_size, last };
    assert_non_null(image.bytes);
    assert_int_equal(fread(image.bytes, 1, image.size, file), image.size);
    assert_int_equal(fclose(file), 0);
    return image;
}

static void store_image(const char *folder, const uint8_t *bytes, size_t size)
{
    char path[STORE_FOLDER_MAX + 16];
    data_path(folder, path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Opens what is in the folder, compares it, writes more, and compares again. */
static enum verdict judge(const char *folder, uint64_t last)
{
    struct mu_lmdb_options options = lmdb_options_for(folder);
    char error[MU_LMDB_ERROR_MAX] = "";
    struct mu_store *store = NULL;
    if (mu_lmdb_open(&options, &store, error, sizeof error) != 0) {
        return error[0] != '\0' ? REFUSED_AT_OPEN : WRONG; /* a refusal must say something */
    }
    int r = history_compare(store, last);
    for (uint64_t i = last + 1; r == 0 && i <= last + 4; i++) {
        history_write(store, i);
        r = store->ops->commit(store);
        while (r == 0 && store->ops->work(store, 100)) {}
        r = r != 0 ? r : history_compare(store, i);
        r = r != 0 ? r : store->ops->verify(store);
    }
    store->ops->destroy(store);
    return r == 0 ? HARMLESS : r < 0 ? REFUSED_LATER : WRONG;
}

static enum verdict judge_in_child(const char *folder, uint64_t last)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit none = { 0, 0 };
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)close(STDERR_FILENO);
        _exit((int)judge(folder, last));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) >= CRASHED) {
        return CRASHED;
    }
    return (enum verdict)WEXITSTATUS(status);
}

/* A store with everything in it: tables, journal, overflow pages, free pages. */
static struct image build_image(const char *folder)
{
    struct mu_store *store = lmdb_open_folder(folder);
    lmdb_write_batches(store, 1, 60);
    lmdb_settle(store);
    lmdb_write_batches(store, 61, 90);
    (void)store->ops->work(store, 1);
    lmdb_write_batches(store, 91, 97);
    assert_true(lmdb_behind(store) > 0);
    store->ops->destroy(store);
    return load_image(folder, 97);
}

static void flip_and_count(const struct image *image, const char *folder, size_t bit,
                           uint32_t counts[VERDICTS])
{
    image->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    store_image(folder, image->bytes, image->size);
    enum verdict verdict = judge_in_child(folder, image->last);
    counts[verdict]++;
    if (verdict == WRONG || verdict == CRASHED) {
        print_error("bit %zu (page %zu, byte %zu): %s\n", bit, bit / 32768, bit / 8 % 4096,
                    verdict_names[verdict]);
    }
    image->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

static void print_counts(const char *what, const uint32_t counts[VERDICTS])
{
    print_message("%s:", what);
    for (int i = 0; i < VERDICTS; i++) {
        print_message(" %u %s%s", counts[i], verdict_names[i], i + 1 < VERDICTS ? "," : "\n");
    }
    assert_int_equal(counts[WRONG], 0);
    assert_int_equal(counts[CRASHED], 0);
}

static void test_flipped_bits(void **state)
{
    struct store_folder folder;
    (void)state;
    store_folder_create(&folder);
    struct image image = build_image(folder.path);
    uint32_t anywhere[VERDICTS] = { 0 };
    uint32_t heads[VERDICTS] = { 0 };
    uint32_t metas[VERDICTS] = { 0 };
    store_image(folder.path, image.bytes, image.size);
    assert_int_equal(judge_in_child(folder.path, image.last), HARMLESS);
    for (uint32_t i = 0; i < flips / 2; i++) {
        flip_and_count(&image, folder.path, mu_rng_below(&rng, image.size * 8), anywhere);
        /* The first 64 bytes of a page hold its header and its nodes' offsets. */
        size_t page = mu_rng_below(&rng, image.size / 4096);
        flip_and_count(&image, folder.path, page * 32768 + mu_rng_below(&rng, 512), heads);
    }
    for (size_t bit = mu_rng_below(&rng, 8); bit < 152 * 8; bit += 8) {
        flip_and_count(&image, folder.path, bit, metas);
        flip_and_count(&image, folder.path, 32768 + bit, metas);
    }
    print_counts("flips anywhere", anywhere);
    print_counts("flips in page heads", heads);
    print_counts("flips in meta pages", metas);
    free(image.bytes);
    store_folder_remove(&folder);
}

static void test_truncated_files(void **state)
{
    struct store_folder folder;
    (void)state;
    store_folder_create(&folder);
    struct image image = build_image(folder.path);
    uint32_t counts[VERDICTS] = { 0 };
    static const size_t sizes[] = { 0, 1, 16, 151, 152, 4095, 4096, 4247, 8191, 8192 };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        store_image(folder.path, image.bytes, sizes[i]);
        assert_int_equal(judge_in_child(folder.path, image.last), REFUSED_AT_OPEN);
    }
    for (uint32_t i = 0; i < 60; i++) {
        size_t size = mu_rng_below(&rng, image.size);
        size -= i % 2 == 0 ? size % 4096 : 0;
        store_image(folder.path, image.bytes, size);
        counts[judge_in_child(folder.path, image.last)]++;
    }
    print_counts("truncations", counts);
    char path[STORE_FOLDER_MAX + 16];
    data_path(folder.path, path);
    assert_int_equal(unlink(path), 0);
    struct mu_lmdb_options options = lmdb_options_for(folder.path);
    lmdb_expect_refusal(&options, -EBADMSG, "gone or empty");
    free(image.bytes);
    store_folder_remove(&folder);
}

/* An older but sound file in place of the newest pages: pages that were not written. */
static void test_lost_page_writes(void **state)
{
    struct store_folder folder;
    (void)state;
    store_folder_create(&folder);
    struct image old = build_image(folder.path);
    struct mu_store *store = lmdb_open_folder(folder.path);
    lmdb_write_batches(store, 98, 101);
    store->ops->destroy(store);
    struct image now = load_image(folder.path, 101);
    uint32_t counts[VERDICTS] = { 0 };
    size_t common = old.size < now.size ? old.size : now.size;
    for (size_t page = 0; page < common / 4096; page++) {
        uint8_t kept[4096];
        if (memcmp(now.bytes + page * 4096, old.bytes + page * 4096, 4096) == 0) {
            continue;
        }
        memcpy(kept, now.bytes + page * 4096, 4096);
        memcpy(now.bytes + page * 4096, old.bytes + page * 4096, 4096);
        store_image(folder.path, now.bytes, now.size);
        counts[judge_in_child(folder.path, now.last)]++;
        memcpy(now.bytes + page * 4096, kept, 4096);
    }
    print_counts("lost page writes", counts);
    free(old.bytes);
    free(now.bytes);
    store_folder_remove(&folder);
}

/* A key of a branch page has no sum of its own; a wrong one hides records from get(). */
static void test_flipped_branch_keys(void **state)
{
    struct store_folder folder;
    (void)state;
    store_folder_create(&folder);
    struct image image = build_image(folder.path);
    uint32_t counts[VERDICTS] = { 0 };
    for (size_t at = 8192; at + 4096 <= image.size; at += 4096) {
        const uint8_t *page = image.bytes + at;
        if (mu_pages_read64(page) != at / 4096 || mu_pages_read16(page + 10) != MU_PAGE_BRANCH) {
            continue;
        }
        uint32_t nodes = (mu_pages_read16(page + 12) - MU_PAGE_HEADER_BYTES) / 2u;
        for (uint32_t i = 1; i < nodes; i++) {
            size_t node = at + mu_pages_read16(page + MU_PAGE_HEADER_BYTES + 2 * i);
            size_t key_bits = 8u * mu_pages_read16(image.bytes + node + 6);
            for (size_t bit = mu_rng_below(&rng, 4); bit < key_bits; bit += 4) {
                flip_and_count(&image, folder.path, 8 * (node + MU_PAGES_NODE_HEADER_BYTES) + bit,
                               counts);
            }
        }
    }
    print_counts("flips in branch keys", counts);
    assert_true(counts[REFUSED_AT_OPEN] > 0);
    free(image.bytes);
    store_folder_remove(&folder);
}

/* A free page that is none would be overwritten later: every other number is refused. */
static void test_wrong_free_pages(void **state)
{
    struct store_folder folder;
    (void)state;
    store_folder_create(&folder);
    struct image image = build_image(folder.path);
    uint32_t counts[VERDICTS] = { 0 };
    const uint8_t *heads[2] = { image.bytes, image.bytes + 4096 };
    int newest = mu_pages_read64(heads[1] + 144) > mu_pages_read64(heads[0] + 144);
    struct mu_pages_tree list = mu_pages_read_tree(heads[newest] + 40, MU_PAGES_KIND_FREE);
    assert_int_equal(list.depth, 1);
    uint8_t *page = image.bytes + list.root * 4096;
    uint8_t *node = page + mu_pages_read16(page + MU_PAGE_HEADER_BYTES);
    assert_int_equal(mu_pages_read16(node + 4), 0); /* its data is in the page */
    uint8_t *numbers = node + 16;                   /* behind node header and 8-byte key */
    uint64_t count = mu_pages_read64(numbers);
    assert_true(count >= 1);
    uint8_t *lowest = numbers + 8 * count;
    uint64_t kept = mu_pages_read64(lowest);
    uint64_t limit = count > 1 ? mu_pages_read64(lowest - 8) : image.size / 4096;
    for (uint64_t number = 0; number < limit; number++) {
        memcpy(lowest, &number, sizeof number);
        store_image(folder.path, image.bytes, image.size);
        enum verdict verdict = judge_in_child(folder.path, image.last);
        counts[verdict]++;
        assert_int_equal(verdict, number == kept ? HARMLESS : REFUSED_AT_OPEN);
    }
    print_counts("wrong free pages", counts);
    free(image.bytes);
    store_folder_remove(&folder);
}

int main(int argc, char **argv)
{
    uint64_t number = 0;
    if (argc > 2 && mu_parse_u64(argv[2], 0, 1000000, &number) == 0) {
        flips = (uint32_t)number;
    }
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flipped_bits),     cmocka_unit_test(test_truncated_files),
        cmocka_unit_test(test_lost_page_writes), cmocka_unit_test(test_flipped_branch_keys),
        cmocka_unit_test(test_wrong_free_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
