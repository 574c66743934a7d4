/* tests/unit/test_key_pair.c - key files: written for one reader, and refused when others may. */
#include "core/key_pair.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/dealer_keys.h"

enum { PATH_BYTES = 64 };

static char folder[] = "muster-keys-XXXXXX";
static char path[PATH_BYTES];
static char error[MU_KEY_PAIR_ERROR_MAX];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/a.key", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static void write_text(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static void test_comes_back(void **state)
{
    struct mu_key_pair *read = NULL;
    struct stat status;
    (void)state;
    struct mu_key_pair *made = mu_key_pair_create();
    struct mu_key_pair *other = mu_key_pair_create();
    assert_non_null(made);
    assert_non_null(other);
    assert_memory_not_equal(made->secret_key, other->secret_key, MU_SECRET_KEY_BYTES);
    assert_int_equal(mu_key_pair_write(made, "a", path), 0);
    assert_int_equal(mu_key_pair_write(other, "a", path), -EEXIST); /* and it stays */
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(mu_key_pair_read(path, &read, error), 0);
    assert_memory_equal(read->public_key, made->public_key, MU_PUBLIC_KEY_BYTES);
    assert_memory_equal(read->secret_key, made->secret_key, MU_SECRET_KEY_BYTES);
    mu_key_pair_destroy(read);
    mu_key_pair_destroy(made);
    mu_key_pair_destroy(other);
    mu_key_pair_destroy(NULL);
}

static void test_refuses_what_others_read(void **state)
{
    static const mode_t modes[] = { 0604, 0602, 0620, 0644, 0666, 0660 };
    struct mu_key_pair *read = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_int_equal(mu_key_pair_read(path, &read, error), -EPERM);
        assert_non_null(strstr(error, "a.key: others than its owner may read it: chmod 600"));
    }
    assert_int_equal(chmod(path, 0640), 0); /* root's own group: nobody but root is in it */
    bool roots = geteuid() == 0 && getegid() == 0;
    assert_int_equal(mu_key_pair_read(path, &read, error), roots ? 0 : -EPERM);
    mu_key_pair_destroy(read);
    assert_int_equal(chmod(path, 0400), 0);
    assert_int_equal(mu_key_pair_read(path, &read, error), 0);
    mu_key_pair_destroy(read);
    assert_int_equal(mu_key_pair_read(folder, &read, error), -EPERM); /* no file at all */
    assert_int_equal(mu_key_pair_read("nowhere/a.key", &read, error), -ENOENT);
    assert_string_equal(error, "nowhere/a.key: No such file or directory");
}

#define ONE    "0100000000000000000000000000000000000000000000000000000000000000"
#define OF_ONE "2fe57da347cd62431528daac5fbb290730fff684afc4cfc2ed90995f58cb3b74"

static void test_refuses_damage(void **state)
{
    static const char *const bad[] = {
        "",
        "public " OF_ONE "\n",
        "secret " ONE "\n",
        "public " OF_ONE "\nsecret " OF_ONE "\n", /* they do not belong together */
        "public " OF_ONE "\nsecret " ONE "0\n",
        "public " OF_ONE "\nsecret 01\n",
        "public " OF_ONE "\nsecret xx" ONE "\n",
        "public" OF_ONE "\nsecret" ONE "\n",
    };
    struct mu_key_pair *read = NULL;
    char *large = calloc(1, 4096);
    (void)state;
    assert_non_null(large);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_text(bad[i]);
        assert_int_equal(mu_key_pair_read(path, &read, error), -EBADMSG);
        assert_null(strstr(error, "0100000")); /* no part of a secret in any message */
    }
    memset(large, '#', 4095);
    write_text(large);
    assert_int_equal(mu_key_pair_read(path, &read, error), -EBADMSG);
    free(large);
    write_text("public " OF_ONE "\nsecret " ONE);
    assert_int_equal(mu_key_pair_read(path, &read, error), 0);
    mu_key_pair_destroy(read);
}

static void test_public_keys_as_text(void **state)
{
    static const char *const bad[] = {
        "",
        "0",
        OF_ONE "0",
        "2FE57DA347CD62431528DAAC5FBB290730FFF684AFC4CFC2ED90995F58CB3B74",
        "2fe57da347cd62431528daac5fbb290730fff684afc4cfc2ed90995f58cb3b7 ",
    };
    static const char *const weak[] = {
        "0000000000000000000000000000000000000000000000000000000000000000", ONE,
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* -1 */
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", /* of order 8 */
    };
    uint8_t key[MU_PUBLIC_KEY_BYTES] = { 7 };
    char text[MU_PUBLIC_KEY_HEX + 1];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(mu_public_key_parse(bad[i], key), -EINVAL);
    }
    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++) {
        assert_int_equal(mu_public_key_parse(weak[i], key), -EDOM);
    }
    assert_int_equal(key[0], 7);
    assert_int_equal(mu_public_key_parse(OF_ONE, key), 0);
    mu_public_key_print(key, text);
    assert_string_equal(text, OF_ONE);
}

static void test_words_of_a_command_line(void **state)
{
    static const char *const near[] = { "ipc:///run/a", "tcp://127.0.0.1:1" };
    static const char *const far[] = { "tcp://10.0.0.7:7600", "tcp://[fd00::7]:7600" };
    static const char *const named[] = { "tcp://broker-a:7600" };
    static const char *const keys[] = { OF_ONE, OF_ONE, "no key" };
    const struct {
        struct mu_dealer_words words;
        const char *fault; /* part of the error; NULL: it is taken */
    } cases[] = {
        { { NULL, 2, near, 0, NULL }, NULL },
        { { NULL, 2, far, 0, NULL }, "without keys only this host can be served" },
        { { path, 2, far, 2, keys }, NULL },
        { { path, 1, named, 1, keys }, "names are not looked up" },
        { { path, 2, far, 1, keys }, "each broker's is needed" },
        { { NULL, 2, near, 2, keys }, "are of no use without an own one" },
        { { path, 2, near, 2, keys + 1 }, "tcp://127.0.0.1:1: its --broker-key" },
        { { "nowhere/a.key", 1, near, 1, keys }, "No such file" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mu_dealer_keys loaded = { .own = NULL };
        int r = mu_dealer_keys_load(&cases[i].words, &loaded, error);
        assert_int_equal(r == 0, cases[i].fault == NULL);
        if (cases[i].fault != NULL && strstr(error, cases[i].fault) == NULL) {
            fail_msg("case %zu: %s", i, error);
        }
        assert_int_equal(loaded.own != NULL, r == 0 && cases[i].words.file != NULL);
        mu_dealer_keys_release(&loaded);
    }
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comes_back),
        cmocka_unit_test(test_refuses_what_others_read),
        cmocka_unit_test(test_refuses_damage),
        cmocka_unit_test(test_public_keys_as_text),
        cmocka_unit_test(test_words_of_a_command_line),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
