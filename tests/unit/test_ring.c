/* tests/unit/test_ring.c - the ring against a plain list, and its bounds. */
#include "core/ring.h"

#include "tests/unit/unit.h"

#include <string.h>

#define BYTES   4096
#define RECORDS 40

static struct mu_rng rng;

/* A record's first word is its number, its second its size, the rest its number's low byte. */
static void fill(uint8_t *record, uint32_t number, uint32_t size)
{
    memset(record, (int)(number & 0xFF), size);
    memcpy(record, &number, sizeof number);
    memcpy(record + sizeof number, &size, sizeof size);
}

static void expect(const uint8_t *record, uint32_t number)
{
    uint32_t words[2];
    memcpy(words, record, sizeof words);
    assert_int_equal(words[0], number);
    for (uint32_t i = sizeof words; i < words[1]; i++) {
        assert_int_equal(record[i], number & 0xFF);
    }
    assert_int_equal((uintptr_t)record % MU_RING_ALIGN, 0);
}

static void test_keeps_records_in_order(void **state)
{
    (void)state;
    struct mu_ring *ring = mu_ring_create(RECORDS, BYTES);
    assert_non_null(ring);
    uint32_t next = 0;
    uint32_t oldest = 0;
    uint32_t refused = 0;
    for (uint32_t i = 0; i < 60000; i++) {
        bool fill_up = (i / 500) % 2 == 0;
        if (mu_rng_chance_ppm(&rng, fill_up ? 700000 : 300000)) {
            uint32_t size = 8 + (uint32_t)mu_rng_below(&rng, i % 7 == 0 ? 1500 : 100);
            uint8_t *record = mu_ring_push(ring, size);
            if (record != NULL) {
                fill(record, next++, size);
            }
            refused += record == NULL;
        } else if (oldest < next) {
            expect(mu_ring_at(ring, 0), oldest);
            mu_ring_pop(ring);
            oldest++;
        }
        assert_int_equal(mu_ring_count(ring), next - oldest);
        if (oldest < next) {
            uint32_t any = (uint32_t)mu_rng_below(&rng, next - oldest);
            expect(mu_ring_at(ring, any), oldest + any);
        }
        mu_ring_check(ring);
    }
    assert_true(refused > 0);
    mu_ring_destroy(ring);
}

static void test_bounds(void **state)
{
    (void)state;
    struct mu_ring *ring = mu_ring_create(3, 64);
    assert_non_null(ring);
    assert_null(mu_ring_push(ring, 65));
    assert_non_null(mu_ring_push(ring, 64));
    assert_null(mu_ring_push(ring, 1));
    mu_ring_pop(ring);
    assert_non_null(mu_ring_push(ring, 1));
    assert_non_null(mu_ring_push(ring, 1));
    assert_non_null(mu_ring_push(ring, 1));
    assert_null(mu_ring_push(ring, 1)); /* records, not bytes */
    mu_ring_pop(ring);
    assert_non_null(mu_ring_push(ring, 16));
    assert_null(mu_ring_push(ring, 16));
    mu_ring_check(ring);
    mu_ring_destroy(ring);
    mu_ring_destroy(NULL);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_records_in_order),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
