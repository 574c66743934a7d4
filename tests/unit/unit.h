/* tests/unit/unit.h - what every unit test includes: cmocka, and a seed that is printed.
 *
 *     static struct mu_rng rng;
 *     int main(int argc, char **argv)
 *     {
 *         rng.state = unit_seed(argc, argv);
 *         const struct CMUnitTest tests[] = { cmocka_unit_test(test_this) };
 *         return cmocka_run_group_tests(tests, NULL, NULL);
 *     }
 */
#ifndef MU_TESTS_UNIT_UNIT_H
#define MU_TESTS_UNIT_UNIT_H

/* cmocka.h needs these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/parse.h"
#include "core/rng.h"

/* The seed: the first argument, or 1.  Prints it, so that a failure can be repeated. */
static inline uint64_t unit_seed(int argc, char **argv)
{
    uint64_t seed = 1;
    if (argc > 1 && mu_parse_u64(argv[1], 0, UINT64_MAX, &seed) != 0) {
        (void)fprintf(stderr, "usage: %s [seed]\n", argv[0]);
        exit(64);
    }
    (void)fprintf(stderr, "%s: seed %llu\n", argv[0], (unsigned long long)seed);
    return seed;
}

#endif /* MU_TESTS_UNIT_UNIT_H */
