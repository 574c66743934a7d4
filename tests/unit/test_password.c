/* actors/password.h: what was hashed is recognized, all else is not, bad hashes are refused. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "actors/password.h"

static struct mu_rng rng;

/* The cheapest: the test is about what is compared, not about the cost. */
static const struct mu_password_cost cheap = { .passes = 1, .kib = MU_PASSWORD_KIB_MIN };

static void make_salt(uint8_t ret[MU_PASSWORD_SALT_BYTES])
{
    for (uint32_t i = 0; i < MU_PASSWORD_SALT_BYTES; i++) {
        ret[i] = (uint8_t)mu_rng_below(&rng, 256);
    }
}

static void test_right_and_wrong(void **state)
{
    (void)state;
    static const char *const words[] = {
        "", "abcd", "pass word", "\xc3\xa4\xc3\xb6\xc3\xbc!",
        "0123456789012345678901234567890123456789012345678901234567890123"
    };
    const size_t count = sizeof words / sizeof words[0];
    for (size_t i = 0; i < count; i++) {
        uint8_t salt[MU_PASSWORD_SALT_BYTES];
        char hash[MU_PASSWORD_TEXT_MAX + 1];
        make_salt(salt);
        assert_int_equal(mu_password_hash(words[i], salt, cheap, hash), 0);
        for (size_t k = 0; k < count; k++) {
            assert_int_equal(mu_password_verify(words[k], hash), i == k ? 1 : 0);
        }
    }
}

/* The text is stored, so it may not change: argon2id, version 1.3, as libsodium 1.0.18 makes it. */
static void test_stays_readable(void **state)
{
    (void)state;
    uint8_t salt[MU_PASSWORD_SALT_BYTES] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
    char hash[MU_PASSWORD_TEXT_MAX + 1];
    assert_int_equal(mu_password_hash("correct horse", salt, cheap, hash), 0);
    assert_string_equal(hash, "argon2id:1:8:000102030405060708090a0b0c0d0e0f:"
                              "3bfa796a86260b73457e1290b51695931a17e266f601d0fb45563e282fb6865b");
    assert_int_equal(mu_password_verify("correct horse", hash), 1);
}

static void test_salt_and_cost_matter(void **state)
{
    (void)state;
    const struct mu_password_cost dearer = { .passes = 2, .kib = 64 };
    uint8_t salt[MU_PASSWORD_SALT_BYTES];
    char first[MU_PASSWORD_TEXT_MAX + 1];
    char second[MU_PASSWORD_TEXT_MAX + 1];
    make_salt(salt);
    assert_int_equal(mu_password_hash("secret", salt, cheap, first), 0);
    assert_int_equal(mu_password_hash("secret", salt, cheap, second), 0);
    assert_string_equal(first, second); /* pure */
    salt[0] ^= 1;
    assert_int_equal(mu_password_hash("secret", salt, cheap, second), 0);
    assert_string_not_equal(first, second);
    assert_int_equal(mu_password_hash("secret", salt, dearer, second), 0);
    assert_non_null(strstr(second, "argon2id:2:64:"));
    assert_int_equal(mu_password_verify("secret", second), 1);
}

static void test_malformed(void **state)
{
    (void)state;
    static const char salt[] = "000102030405060708090a0b0c0d0e0f";
    static const char half[] = "00112233445566778899aabbccddeeff";
    static const struct {
        const char *format; /* salt, half, half */
    } bad[] = {
        { "" },
        { "argon2id:" },
        { "argon2i:1:8:%s:%s%s" },
        { "argon2id:0:8:%s:%s%s" },
        { "argon2id:11:8:%s:%s%s" }, /* more passes than anybody may ask for */
        { "argon2id:1:7:%s:%s%s" },
        { "argon2id:1:1048577:%s:%s%s" }, /* more memory */
        { "argon2id:1:99999999999999999999:%s:%s%s" },
        { "argon2id:01:8:%s:%s%s" },
        { "argon2id:1:8:%s00:%s%s" },
        { "argon2id:1:8:%s:%s%s0" },
        { "argon2id:1:8:%s:%s%s:" },
        { "argon2id:1:8:%s%s%s" },
        { "argon2id:1:8::%s%s%s" },
        { "argon2id:1:8:x%s:%s%s" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char hash[256];
        const char *parts[] = { salt, half, half };
        size_t used = 0;
        size_t part = 0;
        for (const char *at = bad[i].format; *at != '\0'; at++) {
            bool placed = at[0] == '%' && at[1] == 's';
            used +=
                (size_t)snprintf(hash + used, sizeof hash - used, "%.*s",
                                 placed ? (int)strlen(parts[part]) : 1, placed ? parts[part] : at);
            part += placed ? 1 : 0;
            at += placed ? 1 : 0;
        }
        hash[used] = '\0';
        assert_int_equal(mu_password_verify("secret", hash), -EBADMSG);
    }
}

/* A hash with one character changed is refused or wrong, never right. */
static void test_damaged(void **state)
{
    (void)state;
    uint8_t salt[MU_PASSWORD_SALT_BYTES];
    char hash[MU_PASSWORD_TEXT_MAX + 1];
    make_salt(salt);
    assert_int_equal(mu_password_hash("secret", salt, cheap, hash), 0);
    size_t length = strlen(hash);
    for (uint32_t i = 0; i < 200; i++) {
        char bad[MU_PASSWORD_TEXT_MAX + 1];
        memcpy(bad, hash, sizeof bad);
        /* From behind the parameters: a changed one may ask for a gigabyte. */
        size_t at = 13 + mu_rng_below(&rng, length - 13);
        bad[at] = (char)(1 + mu_rng_below(&rng, 127));
        if (strcmp(bad, hash) != 0 && (bad[at] < 'A' || bad[at] > 'F')) {
            assert_true(mu_password_verify("secret", bad) <= 0);
        }
    }
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_and_wrong),
        cmocka_unit_test(test_stays_readable),
        cmocka_unit_test(test_salt_and_cost_matter),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
