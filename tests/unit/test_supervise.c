/* tests/unit/test_supervise.c - when the supervisor starts a child again. */
#include "tools/supervise.h"

#include "tests/unit/unit.h"

static struct mu_rng rng;

/* Starts the child when it is due and lets it run for `ran_ms`; returns the pause after it. */
static int64_t run(struct mu_supervise *supervise, int64_t ran_ms)
{
    int64_t start = supervise->due_ms;
    mu_supervise_started(supervise, start);
    mu_supervise_check(supervise);
    assert_int_equal(supervise->due_ms, MU_SUPERVISE_NEVER);
    mu_supervise_ended(supervise, start + ran_ms, false);
    mu_supervise_check(supervise);
    return supervise->due_ms - (start + ran_ms);
}

static void test_pauses_double_to_the_longest(void **state)
{
    (void)state;
    static const int64_t pauses[] = { 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000 };
    struct mu_supervise supervise;
    mu_supervise_init(&supervise, 77);
    assert_int_equal(supervise.due_ms, 77);
    for (uint32_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
        assert_int_equal(run(&supervise, 999), pauses[i]);
    }
    assert_int_equal(supervise.starts, sizeof pauses / sizeof pauses[0]);
}

static void test_a_second_of_life_sets_the_pause_back(void **state)
{
    (void)state;
    struct mu_supervise supervise;
    mu_supervise_init(&supervise, 0);
    (void)run(&supervise, 0);
    (void)run(&supervise, 0);
    assert_int_equal(run(&supervise, 0), 400);
    assert_int_equal(run(&supervise, 1000), 100);
    assert_int_equal(run(&supervise, 0), 200);
}

static void test_who_was_called_wrongly_is_given_up(void **state)
{
    (void)state;
    struct mu_supervise supervise;
    mu_supervise_init(&supervise, 0);
    mu_supervise_started(&supervise, 0);
    mu_supervise_ended(&supervise, 5, true);
    mu_supervise_check(&supervise);
    assert_true(supervise.given_up);
    assert_int_equal(supervise.due_ms, MU_SUPERVISE_NEVER);
}

static void test_what_cannot_be_started_waits_too(void **state)
{
    (void)state;
    struct mu_supervise supervise;
    mu_supervise_init(&supervise, 0);
    mu_supervise_ended(&supervise, 10, false);
    assert_int_equal(supervise.due_ms, 110);
    assert_int_equal(supervise.starts, 0);
}

static void test_a_stop_is_final(void **state)
{
    (void)state;
    struct mu_supervise supervise;
    mu_supervise_init(&supervise, 0);
    mu_supervise_started(&supervise, 0);
    mu_supervise_stop(&supervise);
    mu_supervise_check(&supervise);
    mu_supervise_ended(&supervise, 3000, false);
    mu_supervise_check(&supervise);
    assert_int_equal(supervise.due_ms, MU_SUPERVISE_NEVER);
}

/* Whatever a child does: never two starts within 100 ms of each other, never a pause above 5 s. */
static void test_random_lives(void **state)
{
    (void)state;
    struct mu_supervise supervise;
    mu_supervise_init(&supervise, (int64_t)mu_rng_below(&rng, 1000));
    for (uint32_t i = 0; i < 10000; i++) {
        int64_t pause = run(&supervise, (int64_t)mu_rng_below(&rng, 3000));
        assert_in_range(pause, MU_SUPERVISE_PAUSE_MS, MU_SUPERVISE_PAUSE_MS_MAX);
    }
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pauses_double_to_the_longest),
        cmocka_unit_test(test_a_second_of_life_sets_the_pause_back),
        cmocka_unit_test(test_who_was_called_wrongly_is_given_up),
        cmocka_unit_test(test_what_cannot_be_started_waits_too),
        cmocka_unit_test(test_a_stop_is_final),
        cmocka_unit_test(test_random_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
