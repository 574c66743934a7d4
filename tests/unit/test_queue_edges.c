/* Where a pool is cut: equal parts, bounded moves, and who stands near an edge meets the others. */
#include "actors/queue_edges.h"
#include "tests/unit/unit.h"

enum { TICKETS = 40000 };

static struct mu_rng rng;
static struct mu_edges edges;
static uint16_t cells[TICKETS]; /* of each ticket */

/* Ratings as people have them: the sum of three dice is near enough to a bell. */
static int64_t any_rating(void)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < 3; i++) {
        sum += (int64_t)mu_rng_below(&rng, 801);
    }
    return 300 + sum;
}

static void put(uint32_t ticket, int64_t rating)
{
    cells[ticket] = (uint16_t)mu_edges_cell(rating, ticket);
    mu_edges_add(&edges, cells[ticket]);
}

/* Moves all edges as far as they go.  Returns how many tickets changed hands. */
static uint64_t settle(void)
{
    uint64_t moved = 0;
    bool on = true;
    while (on) {
        on = false;
        for (uint32_t i = 1; i < edges.slices; i++) {
            struct mu_passage passage;
            while (mu_edges_next(&edges, i, &passage)) {
                assert_true(mu_edges_begin(&edges, i));
                assert_false(mu_edges_begin(&edges, i));
                assert_int_equal(mu_edges_slice(&edges, passage.cell), passage.to);
                mu_edges_check(&edges);
                mu_edges_pass(&edges, i);
                assert_int_equal(mu_edges_slice(&edges, passage.cell), passage.to);
                moved += edges.counts[passage.cell];
                on = true;
            }
        }
    }
    assert_true(mu_edges_settled(&edges));
    mu_edges_check(&edges);
    return moved;
}

static uint64_t count_of(uint32_t slice)
{
    uint32_t first;
    uint32_t end;
    uint64_t count = 0;
    mu_edges_range(&edges, slice, &first, &end);
    for (uint32_t i = first; i < end; i++) {
        assert_int_equal(mu_edges_slice(&edges, i), slice);
        count += edges.counts[i];
    }
    return count;
}

static void grow_to(uint32_t slices)
{
    while (edges.slices < slices) {
        mu_edges_grow(&edges);
        mu_edges_check(&edges);
    }
}

/* Each has its part: to the band, and to what one cell holds. */
static void check_even(uint32_t slices, uint32_t cell_max)
{
    uint64_t each = edges.count / slices;
    uint64_t band = each / 8 < MU_EDGES_BAND ? each / 8 : MU_EDGES_BAND;
    for (uint32_t i = 0; i < slices; i++) {
        uint64_t count = count_of(i);
        assert_true(count + band + cell_max + 1 >= each && count <= each + band + cell_max + 1);
    }
}

static void test_cells(void **state)
{
    (void)state;
    assert_int_equal(mu_edges_cell(MU_RATING_MIN, 0), 0);
    assert_int_equal(mu_edges_cell(INT64_MIN, 0), 0);
    assert_int_equal(mu_edges_cell(MU_RATING_MAX, 15), MU_EDGES_CELLS - 1);
    assert_int_equal(mu_edges_cell(INT64_MAX, UINT32_MAX), MU_EDGES_CELLS - 1);
    assert_true(mu_edges_cell(1000, 15) < mu_edges_cell(1000 + MU_EDGES_GRAIN, 0));
    mu_edges_init(&edges);
    mu_edges_check(&edges);
    assert_int_equal(mu_edges_slice(&edges, 0), 0);
    assert_int_equal(mu_edges_slice(&edges, MU_EDGES_CELLS - 1), 0);
    assert_false(mu_edges_shrink(&edges));
}

/* One more slice or one less moves half of all at most. */
static void test_equal_parts(void **state)
{
    (void)state;
    mu_edges_init(&edges);
    for (uint32_t i = 0; i < TICKETS; i++) {
        put(i, any_rating());
    }
    uint32_t cell_max = 0;
    for (uint32_t i = 0; i < MU_EDGES_CELLS; i++) {
        cell_max = edges.counts[i] > cell_max ? edges.counts[i] : cell_max;
    }
    static const uint32_t steps[] = { 2, 3, 4, 8, 7, 5, 64, 63, 4, 2, 1 };
    for (uint32_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        uint32_t before = edges.slices;
        grow_to(steps[i]);
        mu_edges_aim(&edges, steps[i], (i & 1) != 0);
        uint64_t moved = settle();
        while (edges.slices > steps[i]) {
            assert_true(mu_edges_shrink(&edges));
            mu_edges_check(&edges);
        }
        check_even(steps[i], cell_max);
        if (before + 1 == steps[i] || before == steps[i] + 1) {
            assert_true(moved <= TICKETS / 2 + steps[i] * (2 * MU_EDGES_BAND + cell_max));
        }
    }
    assert_int_equal(count_of(0), TICKETS);
}

/* A rating that all have is cut as well. */
static void test_one_rating(void **state)
{
    (void)state;
    mu_edges_init(&edges);
    for (uint32_t i = 0; i < TICKETS; i++) {
        put(i, 1200);
    }
    grow_to(8);
    mu_edges_aim(&edges, 8, true);
    (void)settle();
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(count_of(i), TICKETS / 8);
    }
    /* 64 parts are more than there are cells: nobody is lost, and nothing overlaps. */
    grow_to(64);
    mu_edges_aim(&edges, 64, false);
    (void)settle();
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 64; i++) {
        sum += count_of(i);
    }
    assert_int_equal(sum, TICKETS);
}

/* Two rounds bring everybody near an edge together with those beyond it, for some hundred moves. */
static void test_rounds(void **state)
{
    (void)state;
    static uint8_t slices[2][TICKETS];
    static uint16_t sorted[TICKETS];
    static uint32_t starts[MU_EDGES_CELLS + 1];
    mu_edges_init(&edges);
    for (uint32_t i = 0; i < TICKETS; i++) {
        put(i, any_rating());
    }
    grow_to(8);
    mu_edges_aim(&edges, 8, true);
    (void)settle();
    for (uint32_t i = 0; i < MU_EDGES_CELLS; i++) {
        starts[i + 1] = starts[i] + edges.counts[i];
        for (uint32_t k = starts[i]; k < starts[i + 1]; k++) {
            sorted[k] = (uint16_t)i;
        }
    }
    for (uint32_t round = 0; round < 2; round++) {
        mu_edges_aim(&edges, 8, round == 1);
        uint64_t moved = settle();
        assert_true(moved <= UINT64_C(7) * (2 * MU_EDGES_BAND + 2 * 64));
        assert_true(moved >= UINT64_C(7) * MU_EDGES_BAND);
        for (uint32_t i = 0; i < TICKETS; i++) {
            slices[round][i] = (uint8_t)mu_edges_slice(&edges, sorted[i]);
        }
    }
    for (uint32_t i = 0; i + 200 < TICKETS; i++) { /* whoever is 200 places away, at most */
        for (uint32_t k = i + 1; k <= i + 200; k += 1 + k % 7) {
            assert_true(slices[0][i] == slices[0][k] || slices[1][i] == slices[1][k]);
        }
    }
}

/* Whatever is aimed at, added and removed in between, and however far edges have come. */
static void test_anything(void **state)
{
    (void)state;
    uint32_t count = 0;
    mu_edges_init(&edges);
    for (uint32_t i = 0; i < 20000; i++) {
        uint64_t dice = mu_rng_below(&rng, 100);
        if (dice < 40 && count < TICKETS) {
            put(count++, mu_rng_below(&rng, 3) == 0 ? 1200 : any_rating());
        } else if (dice < 60 && count > 0) {
            mu_edges_remove(&edges, cells[--count]);
        } else if (dice < 63 && edges.slices < MU_SLICES_MAX) {
            mu_edges_grow(&edges);
        } else if (dice < 66) {
            (void)mu_edges_shrink(&edges);
        } else if (dice < 70) {
            mu_edges_aim(&edges, 1 + (uint32_t)mu_rng_below(&rng, edges.slices), dice < 68);
        } else if (edges.slices > 1) {
            uint32_t edge = 1 + (uint32_t)mu_rng_below(&rng, edges.slices - 1);
            struct mu_passage passage;
            if (mu_edges_next(&edges, edge, &passage)) {
                (void)mu_edges_begin(&edges, edge);
                if (dice < 97) {
                    mu_edges_pass(&edges, edge);
                }
            }
        }
        mu_edges_check(&edges);
    }
    for (uint32_t i = 1; i < edges.slices; i++) { /* what had begun */
        if (edges.edges[i].passing != 0) {
            mu_edges_pass(&edges, i);
        }
    }
    mu_edges_aim(&edges, 1, false);
    (void)settle();
    while (mu_edges_shrink(&edges)) {}
    assert_int_equal(edges.slices, 1);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),      cmocka_unit_test(test_equal_parts),
        cmocka_unit_test(test_one_rating), cmocka_unit_test(test_rounds),
        cmocka_unit_test(test_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
