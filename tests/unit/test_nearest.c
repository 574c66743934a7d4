/* tests/unit/test_nearest.c - which name was meant. */
#include "core/nearest.h"

#include "tests/unit/unit.h"

#include <string.h>

static const char *nearest(const char *typed, const char *const *names)
{
    struct mu_nearest nearest = { .typed = typed };
    for (; *names != NULL; names++) {
        mu_nearest_offer(&nearest, *names);
    }
    return nearest.name;
}

static void test_slips_are_understood(void **state)
{
    static const char *const names[] = { "dev", "status", "elo_k", "key", NULL };
    (void)state;
    assert_string_equal(nearest("dev", names), "dev");
    assert_string_equal(nearest("dve", names), "dev");
    assert_string_equal(nearest("de", names), "dev");
    assert_string_equal(nearest("stauts", names), "status");
    assert_string_equal(nearest("status2", names), "status");
    assert_string_equal(nearest("elo", names), "elo_k");
    assert_null(nearest("sta", names));
    assert_null(nearest("x", names));
    assert_null(nearest("", names));
    assert_null(nearest("something else", names));
}

/* The nearer one wins, of equals the first; and the letters are counted. */
static void test_the_nearest_wins(void **state)
{
    static const char *const names[] = { "heartbeat_m", "heartbeat_ms", "heartbeat_mx", NULL };
    (void)state;
    assert_string_equal(nearest("heartbeat_ms", names), "heartbeat_ms");
    assert_string_equal(nearest("heartbeat_my", names), "heartbeat_m");
    struct mu_nearest nearest = { .typed = "heartbeatms" };
    mu_nearest_offer(&nearest, "heartbeat_ms");
    assert_int_equal(nearest.letters, 1);
    mu_nearest_offer(&nearest, "heartbeat_msec");
    assert_string_equal(nearest.name, "heartbeat_ms");
}

/* Beyond the limit names are compared as far as it goes; nothing is read beyond their ends. */
static void test_any_length(void **state)
{
    char *left = malloc(1001);
    char *right = malloc(1001);
    (void)state;
    assert_non_null(left);
    assert_non_null(right);
    for (size_t bytes = 0; bytes <= 1000; bytes += 25) {
        memset(left, 'a', bytes);
        memset(right, 'a', bytes);
        left[bytes] = '\0';
        right[bytes] = '\0';
        if (bytes > 0) {
            right[bytes - 1] = 'b';
        }
        struct mu_nearest nearest = { .typed = left };
        mu_nearest_offer(&nearest, right);
        assert_string_equal(nearest.name, right);
        assert_int_equal(nearest.letters, bytes > 0 && bytes <= MU_NEAREST_BYTES_MAX ? 1 : 0);
    }
    free(left);
    free(right);
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slips_are_understood),
        cmocka_unit_test(test_the_nearest_wins),
        cmocka_unit_test(test_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
