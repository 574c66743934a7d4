/* tests/unit/test_map.c - the map against a plain array, and its bounds. */
#include "core/map.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define NAMES 600
#define SPACE 400 /* capacity: fewer than the names, so that "full" is met */

static struct mu_rng rng;

static void name_of(uint32_t i, char ret[16])
{
    (void)snprintf(ret, 16, "n%u", i);
}

/* 40,000 random puts, gets and removes, compared with an array after each. */
static void test_behaves_like_an_array(void **state)
{
    uint32_t model[NAMES];
    uint32_t count = 0;
    (void)state;
    struct mu_map *map = mu_map_create(SPACE, 15, mu_rng_next(&rng));
    assert_non_null(map);
    memset(model, 0xFF, sizeof model);
    for (uint32_t i = 0; i < 40000; i++) {
        uint32_t n = (uint32_t)mu_rng_below(&rng, NAMES);
        char name[16];
        name_of(n, name);
        assert_int_equal(mu_map_get(map, name), model[n]);
        if (mu_rng_chance_ppm(&rng, 600000)) {
            bool fits = model[n] != MU_MAP_NONE || count < SPACE;
            uint32_t slot = (uint32_t)mu_rng_below(&rng, MU_MAP_NONE);
            assert_int_equal(mu_map_put(map, name, slot), fits ? 0 : -ENOBUFS);
            count += fits && model[n] == MU_MAP_NONE;
            model[n] = fits ? slot : model[n];
        } else {
            count -= model[n] != MU_MAP_NONE;
            assert_int_equal(mu_map_remove(map, name), model[n]);
            model[n] = MU_MAP_NONE;
        }
        assert_int_equal(mu_map_count(map), count);
        if (i % 500 == 0) {
            mu_map_check(map);
        }
    }
    for (uint32_t n = 0; n < NAMES; n++) {
        char name[16];
        name_of(n, name);
        assert_int_equal(mu_map_get(map, name), model[n]);
    }
    mu_map_check(map);
    mu_map_destroy(map);
}

static void test_fills_to_its_capacity_and_clears(void **state)
{
    (void)state;
    struct mu_map *map = mu_map_create(1000, 15, mu_rng_next(&rng));
    assert_non_null(map);
    for (uint32_t round = 0; round < 2; round++) {
        char name[16];
        for (uint32_t i = 0; i < 1000; i++) {
            name_of(i, name);
            assert_int_equal(mu_map_put(map, name, i), 0);
        }
        name_of(1000, name);
        assert_int_equal(mu_map_put(map, name, 1), -ENOBUFS);
        assert_int_equal(mu_map_get(map, name), MU_MAP_NONE);
        name_of(7, name);
        assert_int_equal(mu_map_put(map, name, 77), 0); /* replacing needs no room */
        assert_int_equal(mu_map_get(map, name), 77);
        mu_map_check(map);
        mu_map_clear(map);
        assert_int_equal(mu_map_count(map), 0);
        assert_int_equal(mu_map_get(map, name), MU_MAP_NONE);
        mu_map_check(map);
    }
    mu_map_destroy(map);
}

static void test_refuses_keys_that_do_not_fit(void **state)
{
    (void)state;
    struct mu_map *map = mu_map_create(4, 5, mu_rng_next(&rng));
    assert_non_null(map);
    assert_int_equal(mu_map_put(map, "", 1), -EINVAL);
    assert_int_equal(mu_map_put(map, "123456", 1), -EINVAL);
    assert_int_equal(mu_map_put(map, "12345", 1), 0);
    assert_int_equal(mu_map_get(map, "12345"), 1);
    assert_int_equal(mu_map_get(map, "123456"), MU_MAP_NONE);
    assert_int_equal(mu_map_get(map, "1234"), MU_MAP_NONE);
    assert_int_equal(mu_map_get(map, ""), MU_MAP_NONE);
    assert_int_equal(mu_map_remove(map, "123456"), MU_MAP_NONE);
    assert_int_equal(mu_map_remove(map, ""), MU_MAP_NONE);
    assert_int_equal(mu_map_count(map), 1);
    mu_map_destroy(map);
    mu_map_destroy(NULL);
}

static void test_works_at_capacity_one(void **state)
{
    (void)state;
    struct mu_map *map = mu_map_create(1, MU_MAP_KEY_MAX, mu_rng_next(&rng));
    char longest[MU_MAP_KEY_MAX + 1];
    memset(longest, 'x', MU_MAP_KEY_MAX);
    longest[MU_MAP_KEY_MAX] = '\0';
    assert_non_null(map);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(mu_map_put(map, longest, i), 0);
        assert_int_equal(mu_map_put(map, "other", i), -ENOBUFS);
        assert_int_equal(mu_map_remove(map, longest), i);
        mu_map_check(map);
    }
    mu_map_destroy(map);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_behaves_like_an_array),
        cmocka_unit_test(test_fills_to_its_capacity_and_clears),
        cmocka_unit_test(test_refuses_keys_that_do_not_fit),
        cmocka_unit_test(test_works_at_capacity_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
