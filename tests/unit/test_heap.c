/* tests/unit/test_heap.c - the heap against a plain array of deadlines. */
#include "core/heap.h"

#include "tests/unit/unit.h"

#include <string.h>

#define SLOTS 200

static struct mu_rng rng;

/* The slot that must come first, by looking at all: earliest deadline, then lowest number. */
static uint32_t first_of(const int64_t *deadlines)
{
    uint32_t first = MU_HEAP_NONE;
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (deadlines[i] != MU_HEAP_NEVER &&
            (first == MU_HEAP_NONE || deadlines[i] < deadlines[first])) {
            first = i;
        }
    }
    return first;
}

/* 50,000 random changes; few distinct deadlines, so that ties are common. */
static void test_behaves_like_an_array(void **state)
{
    int64_t model[SLOTS];
    (void)state;
    struct mu_heap *heap = mu_heap_create(SLOTS);
    assert_non_null(heap);
    for (uint32_t i = 0; i < SLOTS; i++) {
        model[i] = MU_HEAP_NEVER;
    }
    for (uint32_t i = 0; i < 50000; i++) {
        uint32_t slot = (uint32_t)mu_rng_below(&rng, SLOTS);
        assert_int_equal(mu_heap_has(heap, slot), model[slot] != MU_HEAP_NEVER);
        if (mu_rng_chance_ppm(&rng, 550000)) {
            model[slot] = (int64_t)mu_rng_below(&rng, 50) - 10;
            mu_heap_set(heap, slot, model[slot]);
        } else if (mu_rng_chance_ppm(&rng, 700000)) {
            assert_int_equal(mu_heap_remove(heap, slot), model[slot] != MU_HEAP_NEVER);
            model[slot] = MU_HEAP_NEVER;
        } else {
            uint32_t due = first_of(model);
            due = due != MU_HEAP_NONE && model[due] <= 5 ? due : MU_HEAP_NONE;
            assert_int_equal(mu_heap_pop_due(heap, 5), due);
            if (due != MU_HEAP_NONE) {
                model[due] = MU_HEAP_NEVER;
            }
        }
        uint32_t first = first_of(model);
        assert_int_equal(mu_heap_first(heap), first);
        assert_true(mu_heap_deadline(heap) ==
                    (first == MU_HEAP_NONE ? MU_HEAP_NEVER : model[first]));
        if (i % 500 == 0) {
            mu_heap_check(heap);
        }
    }
    mu_heap_check(heap);
    mu_heap_destroy(heap);
}

static void test_comes_out_sorted(void **state)
{
    (void)state;
    struct mu_heap *heap = mu_heap_create(SLOTS);
    assert_non_null(heap);
    assert_int_equal(mu_heap_pop_due(heap, INT64_MAX), MU_HEAP_NONE);
    for (uint32_t i = 0; i < SLOTS; i++) {
        mu_heap_set(heap, SLOTS - 1 - i, (int64_t)mu_rng_below(&rng, 20));
    }
    assert_int_equal(mu_heap_count(heap), SLOTS);
    int64_t last = -1;
    uint32_t last_slot = 0;
    for (uint32_t i = 0; i < SLOTS; i++) {
        int64_t deadline = mu_heap_deadline(heap);
        assert_int_equal(mu_heap_pop_due(heap, deadline - 1), MU_HEAP_NONE);
        uint32_t slot = mu_heap_pop_due(heap, deadline);
        assert_true(deadline > last || (deadline == last && slot > last_slot));
        last = deadline;
        last_slot = slot;
    }
    assert_int_equal(mu_heap_count(heap), 0);
    assert_true(mu_heap_deadline(heap) == MU_HEAP_NEVER);
    mu_heap_destroy(heap);
}

static void test_clear_and_bounds(void **state)
{
    (void)state;
    struct mu_heap *heap = mu_heap_create(1);
    assert_non_null(heap);
    mu_heap_set(heap, 0, INT64_MIN);
    mu_heap_set(heap, 0, INT64_MAX);
    assert_int_equal(mu_heap_count(heap), 1);
    assert_int_equal(mu_heap_first(heap), 0);
    mu_heap_clear(heap);
    assert_int_equal(mu_heap_count(heap), 0);
    assert_false(mu_heap_has(heap, 0));
    assert_false(mu_heap_remove(heap, 0));
    mu_heap_check(heap);
    mu_heap_destroy(heap);
    mu_heap_destroy(NULL);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_behaves_like_an_array),
        cmocka_unit_test(test_comes_out_sorted),
        cmocka_unit_test(test_clear_and_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
