/* tests/unit/test_rng.c - the generator against its reference, and its two helpers. */
#include "tests/unit/unit.h"

static struct mu_rng rng;

/* First outputs of the authors' splitmix64.c for the seed 1234567. */
static void test_matches_the_reference(void **state)
{
    static const uint64_t expected[] = { 6457827717110365317u, 3203168211198807973u,
                                         9817491932198370423u, 4593380528125082431u,
                                         16408922859458223821u };
    (void)state;
    struct mu_rng reference = { .state = 1234567 };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_true(mu_rng_next(&reference) == expected[i]);
    }
}

static void test_below_stays_below_and_reaches_all(void **state)
{
    uint32_t hits[7] = { 0 };
    (void)state;
    for (uint32_t i = 0; i < 70000; i++) {
        uint64_t draw = mu_rng_below(&rng, 7);
        assert_true(draw < 7);
        hits[draw]++;
    }
    for (uint32_t i = 0; i < 7; i++) {
        /* 10000 expected, standard deviation 93: 6 of them either way. */
        assert_in_range(hits[i], 9440, 10560);
    }
    assert_true(mu_rng_below(&rng, 1) == 0);
}

/* With bound 3 * 2^62 a plain remainder would fall below 2^62 twice as often as it should. */
static void test_below_is_unbiased_for_large_bounds(void **state)
{
    uint32_t low = 0;
    (void)state;
    for (uint32_t i = 0; i < 30000; i++) {
        low += mu_rng_below(&rng, UINT64_C(3) << 62) < UINT64_C(1) << 62;
    }
    assert_in_range(low, 9500, 10500);
}

static void test_chance(void **state)
{
    uint32_t hits = 0;
    (void)state;
    for (uint32_t i = 0; i < 100000; i++) {
        assert_false(mu_rng_chance_ppm(&rng, 0));
        assert_true(mu_rng_chance_ppm(&rng, 1000000));
        hits += mu_rng_chance_ppm(&rng, 250000);
    }
    assert_in_range(hits, 24150, 25850);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches_the_reference),
        cmocka_unit_test(test_below_stays_below_and_reaches_all),
        cmocka_unit_test(test_below_is_unbiased_for_large_bounds),
        cmocka_unit_test(test_chance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
