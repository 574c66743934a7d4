/* tests/unit/test_watched.c - a file is read when its content is another one, and only then. */
#include "core/watched.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/store_folder.h"

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void expect(struct mu_watched *watched, const char *text, bool judged)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    assert_int_equal(mu_watched_read(watched, &bytes, &size), 0);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(bytes, text, size);
    mu_watched_done(watched, bytes, size, judged);
}

static void test_reads_what_is_new(void **state)
{
    struct store_folder folder;
    char path[STORE_FOLDER_MAX + 8];
    uint8_t *bytes = NULL;
    size_t size = 0;
    (void)state;
    store_folder_create(&folder);
    (void)snprintf(path, sizeof path, "%s/file", folder.path);
    struct mu_watched watched = { .path = path, .bytes_max = 16 };
    assert_int_equal(mu_watched_read(&watched, &bytes, &size), -ENOENT);
    assert_int_equal(mu_watched_read(&watched, &bytes, &size), -EALREADY); /* told once */
    put(path, "one");
    expect(&watched, "one", false); /* not judged: again */
    expect(&watched, "one", true);
    assert_int_equal(mu_watched_read(&watched, &bytes, &size), -EALREADY);
    put(path, "one"); /* other dates, same content */
    assert_int_equal(mu_watched_read(&watched, &bytes, &size), -EALREADY);
    put(path, "more than sixteen bytes");
    assert_int_equal(mu_watched_read(&watched, &bytes, &size), -EFBIG);
    assert_int_equal(mu_watched_read(&watched, &bytes, &size), -EALREADY);
    put(path, "two");
    expect(&watched, "two", true);
    put(path, "one");
    expect(&watched, "one", true);
    assert_null(bytes);
    store_folder_remove_path(folder.path);
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_reads_what_is_new) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
