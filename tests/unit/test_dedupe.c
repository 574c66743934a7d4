/* tests/unit/test_dedupe.c - the window against a list of all that was said, and its bounds. */
#include "core/dedupe.h"

#include "tests/unit/unit.h"

#include <string.h>

static struct mu_rng rng;

static void test_sees_each_message_once(void **state)
{
    (void)state;
    struct mu_dedupe *dedupe = mu_dedupe_create(4, mu_rng_next(&rng));
    assert_non_null(dedupe);
    for (uint64_t s = 1; s <= 5000; s++) {
        assert_false(mu_dedupe_seen(dedupe, 0, 7, s));
        assert_true(mu_dedupe_seen(dedupe, 0, 7, s));
        assert_false(mu_dedupe_seen(dedupe, 0, 8, s));
    }
    assert_int_equal(mu_dedupe_senders(dedupe), 2);
    mu_dedupe_check(dedupe);
    mu_dedupe_destroy(dedupe);
}

/* Any order within the window: exactly the repeats are found. */
static void test_matches_a_list(void **state)
{
    enum { SPAN = 30000 };
    static bool said[SPAN + MU_DEDUPE_WINDOW];
    (void)state;
    memset(said, 0, sizeof said);
    struct mu_dedupe *dedupe = mu_dedupe_create(1, mu_rng_next(&rng));
    assert_non_null(dedupe);
    uint64_t highest = 1;
    assert_false(mu_dedupe_seen(dedupe, 0, 99, highest));
    said[highest] = true;
    for (uint32_t i = 0; i < 40000; i++) {
        uint64_t low = highest >= MU_DEDUPE_WINDOW ? highest - MU_DEDUPE_WINDOW + 1 : 1;
        uint64_t s = mu_rng_chance_ppm(&rng, 500000) ? highest + 1 + mu_rng_below(&rng, 5)
                                                     : low + mu_rng_below(&rng, highest - low + 1);
        s = s < SPAN ? s : SPAN;
        assert_int_equal(mu_dedupe_seen(dedupe, 0, 99, s), said[s]);
        said[s] = true;
        highest = s > highest ? s : highest;
    }
    assert_int_equal(highest, SPAN);
    mu_dedupe_check(dedupe);
    mu_dedupe_destroy(dedupe);
}

static void test_lets_pass_what_it_cannot_judge(void **state)
{
    (void)state;
    struct mu_dedupe *dedupe = mu_dedupe_create(2, mu_rng_next(&rng));
    assert_non_null(dedupe);
    assert_false(mu_dedupe_seen(dedupe, 0, 1, 0)); /* not numbered */
    assert_false(mu_dedupe_seen(dedupe, 0, 1, 0));
    assert_int_equal(mu_dedupe_senders(dedupe), 0);
    assert_false(mu_dedupe_seen(dedupe, 0, 1, UINT64_MAX - 1));
    assert_false(mu_dedupe_seen(dedupe, 0, 1, UINT64_MAX));
    assert_true(mu_dedupe_seen(dedupe, 0, 1, UINT64_MAX - 1));
    assert_false(mu_dedupe_seen(dedupe, 0, 1, 5)); /* far below the window */
    assert_false(mu_dedupe_seen(dedupe, 0, 1, 5));
    assert_true(mu_dedupe_seen(dedupe, 0, 1, UINT64_MAX - 1));
    mu_dedupe_check(dedupe);
    mu_dedupe_destroy(dedupe);
}

/* The sender that was heard longest ago makes room; the others are remembered. */
static void test_forgets_the_oldest_sender(void **state)
{
    (void)state;
    struct mu_dedupe *dedupe = mu_dedupe_create(3, mu_rng_next(&rng));
    assert_non_null(dedupe);
    assert_false(mu_dedupe_seen(dedupe, 0, 1, 1));
    assert_false(mu_dedupe_seen(dedupe, 0, 2, 1));
    assert_false(mu_dedupe_seen(dedupe, 0, 3, 1));
    assert_true(mu_dedupe_seen(dedupe, 0, 1, 1));
    assert_false(mu_dedupe_seen(dedupe, 0, 4, 1)); /* 2 makes room */
    mu_dedupe_check(dedupe);
    assert_true(mu_dedupe_seen(dedupe, 0, 1, 1));
    assert_true(mu_dedupe_seen(dedupe, 0, 3, 1));
    assert_true(mu_dedupe_seen(dedupe, 0, 4, 1));
    assert_false(mu_dedupe_seen(dedupe, 0, 2, 1));
    assert_int_equal(mu_dedupe_senders(dedupe), 3);
    for (uint32_t i = 0; i < 20000; i++) {
        (void)mu_dedupe_seen(dedupe, 0, mu_rng_below(&rng, 9), 1 + mu_rng_below(&rng, 5000));
    }
    mu_dedupe_check(dedupe);
    mu_dedupe_destroy(dedupe);
    mu_dedupe_destroy(NULL);
}

static void test_knows_the_way(void **state)
{
    (void)state;
    struct mu_dedupe *dedupe = mu_dedupe_create(2, 1);
    assert_non_null(dedupe);
    assert_int_equal(mu_dedupe_way(dedupe, 7), MU_DEDUPE_NO_WAY);
    assert_false(mu_dedupe_seen(dedupe, 2, 7, 1));
    assert_int_equal(mu_dedupe_way(dedupe, 7), 2);
    assert_true(mu_dedupe_seen(dedupe, 1, 7, 1)); /* a repeat says nothing */
    assert_int_equal(mu_dedupe_way(dedupe, 7), 2);
    assert_false(mu_dedupe_seen(dedupe, 0, 7, 2));
    assert_int_equal(mu_dedupe_way(dedupe, 7), 0);
    assert_false(mu_dedupe_seen(dedupe, 1, 8, 1));
    assert_int_equal(mu_dedupe_way(dedupe, 7), 0);
    mu_dedupe_destroy(dedupe);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sees_each_message_once),
        cmocka_unit_test(test_matches_a_list),
        cmocka_unit_test(test_lets_pass_what_it_cannot_judge),
        cmocka_unit_test(test_forgets_the_oldest_sender),
        cmocka_unit_test(test_knows_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
