/* tests/unit/test_limit.c - token buckets: never too many, never too few, bounded. */
#include "gateway/limit.h"

#include "tests/unit/unit.h"

#include <string.h>

static struct mu_rng rng;

static void test_gives_the_quota_and_refills(void **state)
{
    struct mu_limit_state s;
    int64_t full_ns = 0;
    (void)state;
    for (uint64_t i = 0; i < 100; i++) {
        assert_true(mu_bucket_take(&full_ns, 100, 60000, 5000, &s));
        assert_int_equal(s.left, 99 - i);
    }
    assert_false(mu_bucket_take(&full_ns, 100, 60000, 5000, &s));
    assert_int_equal(s.left, 0);
    assert_int_equal(s.wait_ms, 600); /* 60 s for 100: one each 600 ms */
    assert_int_equal(s.full_ms, 60000);
    assert_false(mu_bucket_take(&full_ns, 100, 60000, 5599, &s));
    assert_int_equal(s.wait_ms, 1);
    assert_true(mu_bucket_take(&full_ns, 100, 60000, 5600, &s));
    assert_false(mu_bucket_take(&full_ns, 100, 60000, 5600, &s));
    assert_true(mu_bucket_take(&full_ns, 100, 60000, 5600 + 60000, &s));
    assert_int_equal(s.left, 99);
}

/* Whatever the quota, no window of its length lets through more than twice the quota, and one
 * that waits as told is served. */
static void test_holds_for_any_quota(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        uint64_t quota = 1 + mu_rng_below(&rng, round % 2 == 0 ? 20 : 100000);
        int64_t window_ms = 1000 + (int64_t)mu_rng_below(&rng, 100000);
        int64_t now_ms = (int64_t)mu_rng_below(&rng, 1u << 30);
        int64_t full_ns = 0;
        uint64_t taken = 0;
        struct mu_limit_state s;
        while (mu_bucket_take(&full_ns, quota, window_ms, now_ms, &s)) {
            taken++;
            assert_true(taken <= quota);
        }
        assert_int_equal(taken, quota);
        assert_true(s.wait_ms >= 1 && (s.wait_ms - 1) * (int64_t)quota <= window_ms);
        assert_true(mu_bucket_take(&full_ns, quota, window_ms, now_ms + s.wait_ms, &s));
    }
}

static void test_knows_no_limit_of_zero(void **state)
{
    struct mu_limit *limit = mu_limit_create(2, 0, 1000, 1);
    struct mu_limit_state s;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_true(mu_limit_take(limit, "a", 5, &s));
        assert_int_equal(s.quota, 0);
    }
    assert_int_equal(mu_limit_count(limit), 0);
    mu_limit_destroy(limit);
}

static void test_keeps_keys_apart_and_forgets_the_oldest(void **state)
{
    struct mu_limit *limit = mu_limit_create(3, 1, 1000, rng.state);
    struct mu_limit_state s;
    (void)state;
    assert_true(mu_limit_take(limit, "a", 5, &s));
    assert_true(mu_limit_take(limit, "b", 5, &s));
    assert_true(mu_limit_take(limit, "c", 5, &s));
    assert_false(mu_limit_take(limit, "a", 5, &s)); /* used last now */
    assert_true(mu_limit_take(limit, "d", 5, &s));  /* pushes b out */
    mu_limit_check(limit);
    assert_int_equal(mu_limit_count(limit), 3);
    assert_false(mu_limit_take(limit, "a", 5, &s));
    assert_false(mu_limit_take(limit, "c", 5, &s));
    assert_true(mu_limit_take(limit, "b", 5, &s));
    for (int i = 0; i < 5000; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%u", (unsigned)mu_rng_below(&rng, 10));
        (void)mu_limit_take(limit, key, 5 + i, &s);
        mu_limit_check(limit);
    }
    mu_limit_destroy(limit);
}

static void test_takes_a_site_of_ipv6_as_one(void **state)
{
    static const char *const same[][2] = {
        { "192.0.2.7", "192.0.2.7" },
        { "2001:db8:1:2::1", "2001:0db8:0001:0002::/64" },
        { "2001:db8:1:2:ffff::9", "2001:0db8:0001:0002::/64" },
        { "::ffff:192.0.2.7", "192.0.2.7" },
        { "", "?" },
        { "not an address, and far too long to be kept as the key of a bucket",
          "not an address, and far too long to be kept as " },
    };
    char key[MU_LIMIT_KEY_MAX + 1];
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        mu_limit_address_key(same[i][0], key);
        assert_string_equal(key, same[i][1]);
    }
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gives_the_quota_and_refills),
        cmocka_unit_test(test_holds_for_any_quota),
        cmocka_unit_test(test_knows_no_limit_of_zero),
        cmocka_unit_test(test_keeps_keys_apart_and_forgets_the_oldest),
        cmocka_unit_test(test_takes_a_site_of_ipv6_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
