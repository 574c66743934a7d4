/* tests/unit/test_record_file.c - files of lines that grow: never over another, whole lines when
 * the disk is full. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/unit/store_folder.h"
#include "tools/record_file.h"

static struct store_folder folder;
static char path[STORE_FOLDER_MAX + 8];

static int setup(void **state)
{
    (void)state;
    store_folder_create(&folder);
    (void)snprintf(path, sizeof path, "%s/lines", folder.path);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_folder_remove_path(folder.path);
    return 0;
}

static void expect(const char *text)
{
    char held[4096];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(held, 1, sizeof held - 1, file);
    held[size] = '\0';
    assert_int_equal(fclose(file), 0);
    assert_string_equal(held, text);
}

static void test_lines_are_appended_and_patched(void **state)
{
    (void)state;
    struct mu_record_file file;
    struct stat about;
    assert_int_equal(mu_record_file_create(&file, path), 0);
    assert_int_equal(mu_record_file_write(&file, "one ___\n", 8), 0);
    expect(""); /* not yet */
    assert_int_equal(mu_record_file_flush(&file), 0);
    expect("one ___\n");
    assert_int_equal(mu_record_file_write(&file, "two\n", 4), 0);
    assert_int_equal(mu_record_file_patch(&file, 4, "1.5", 3), 0);
    assert_int_equal(mu_record_file_close(&file), 0);
    assert_int_equal(mu_record_file_close(&file), 0);
    expect("one 1.5\ntwo\n");
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
}

static void test_nothing_is_overwritten(void **state)
{
    (void)state;
    struct mu_record_file file;
    assert_int_equal(mu_record_file_create(&file, path), 0);
    assert_int_equal(mu_record_file_write(&file, "kept\n", 5), 0);
    assert_int_equal(mu_record_file_close(&file), 0);
    assert_int_equal(mu_record_file_create(&file, path), -EEXIST);
    assert_int_equal(mu_record_file_close(&file), 0);
    expect("kept\n");
    char nowhere[sizeof path + 8];
    (void)snprintf(nowhere, sizeof nowhere, "%s/lines", path);
    assert_int_equal(mu_record_file_create(&file, nowhere), -ENOTDIR);
}

/* The system's limit on a file's size stands for a full disk: a write is cut short, the next one
 * fails. */
static void test_a_full_disk_leaves_whole_lines(void **state)
{
    (void)state;
    struct mu_record_file file;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    const struct rlimit small = { .rlim_cur = 21, .rlim_max = before.rlim_max };
    assert_int_equal(mu_record_file_create(&file, path), 0);
    assert_int_equal(mu_record_file_write(&file, "first one\n", 10), 0);
    assert_int_equal(mu_record_file_flush(&file), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(mu_record_file_write(&file, "second\n", 7), 0);
    assert_int_equal(mu_record_file_write(&file, "the third one\n", 14), 0);
    int r = mu_record_file_flush(&file);
    int again = mu_record_file_write(&file, "fourth\n", 7);
    int closed = mu_record_file_close(&file);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(r, -EFBIG);
    assert_int_equal(again, -EFBIG);
    assert_int_equal(closed, -EFBIG);
    expect("first one\nsecond\n");
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lines_are_appended_and_patched, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_is_overwritten, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_disk_leaves_whole_lines, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
