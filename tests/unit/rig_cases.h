/* tests/unit/rig_cases.h - tests that have a gateway each: CASE(name) in open mode, CASE_KEYS(name)
 * with keys, for test_name(). */
#ifndef MU_TESTS_UNIT_RIG_CASES_H
#define MU_TESTS_UNIT_RIG_CASES_H

#include "tests/unit/rig.h"

static uint64_t seed;

static inline int setup(void **state)
{
    *state = rig_create(seed, false);
    return 0;
}

static inline int setup_keys(void **state)
{
    *state = rig_create(seed, true);
    return 0;
}

static inline int teardown(void **state)
{
    rig_destroy(*state);
    return 0;
}

#define CASE(name)      cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
#define CASE_KEYS(name) cmocka_unit_test_setup_teardown(test_##name, setup_keys, teardown)

#endif /* MU_TESTS_UNIT_RIG_CASES_H */
