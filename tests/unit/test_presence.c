/* tests/unit/test_presence.c - the presence map against a table, and its bounds. */
#include "broker/presence.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static struct mu_rng rng;

static void test_behaves_like_a_table(void **state)
{
    enum { PLAYERS = 60, PEERS = 4 };
    bool model[PLAYERS][PEERS];
    (void)state;
    memset(model, 0, sizeof model);
    struct mu_presence *presence = mu_presence_create(PLAYERS, mu_rng_next(&rng));
    assert_non_null(presence);
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t p = (uint32_t)mu_rng_below(&rng, PLAYERS);
        uint32_t peer = (uint32_t)mu_rng_below(&rng, PEERS);
        char id[16];
        (void)snprintf(id, sizeof id, "ply_%u", p);
        if (i % 200 == 199) {
            mu_presence_forget(presence, peer);
            for (uint32_t k = 0; k < PLAYERS; k++) {
                model[k][peer] = false;
            }
            mu_presence_check(presence);
        } else if (mu_rng_chance_ppm(&rng, 600000)) {
            assert_int_equal(mu_presence_join(presence, id, peer), 0);
            model[p][peer] = true;
        } else {
            mu_presence_leave(presence, id, peer);
            model[p][peer] = false;
        }
        uint32_t found[MU_PRESENCE_GATEWAYS];
        uint32_t n = mu_presence_find(presence, id, found);
        uint32_t expected = 0;
        for (uint32_t k = 0; k < PEERS; k++) {
            expected += model[p][k];
        }
        assert_int_equal(n, expected);
        for (uint32_t k = 0; k < n; k++) {
            assert_true(model[p][found[k]]);
        }
    }
    mu_presence_check(presence);
    mu_presence_destroy(presence);
}

/* An announcement of several messages: nobody who is there is unknown in between. */
static void test_reset_keeps_those_who_stay(void **state)
{
    uint32_t found[MU_PRESENCE_GATEWAYS];
    (void)state;
    struct mu_presence *presence = mu_presence_create(4, mu_rng_next(&rng));
    assert_non_null(presence);
    assert_int_equal(mu_presence_join(presence, "stays", 1), 0);
    assert_int_equal(mu_presence_join(presence, "stays", 2), 0);
    assert_int_equal(mu_presence_join(presence, "gone", 1), 0);
    mu_presence_reset(presence, 1);
    assert_int_equal(mu_presence_find(presence, "stays", found), 2);
    assert_int_equal(mu_presence_find(presence, "gone", found), 1);
    assert_int_equal(mu_presence_join(presence, "stays", 1), 0);
    mu_presence_reset(presence, 1);
    assert_int_equal(mu_presence_find(presence, "stays", found), 2);
    assert_int_equal(mu_presence_find(presence, "gone", found), 0);
    mu_presence_check(presence);
    mu_presence_reset(presence, 1); /* not announced again: the other gateway's stands */
    assert_int_equal(mu_presence_find(presence, "stays", found), 1);
    assert_int_equal(found[0], 2);
    mu_presence_check(presence);
    mu_presence_destroy(presence);
}

static void test_bounds(void **state)
{
    uint32_t found[MU_PRESENCE_GATEWAYS];
    (void)state;
    struct mu_presence *presence = mu_presence_create(2, mu_rng_next(&rng));
    assert_non_null(presence);
    assert_int_equal(mu_presence_join(presence, "", 1), -EINVAL);
    assert_int_equal(mu_presence_join(presence, "a", 1), 0);
    assert_int_equal(mu_presence_join(presence, "b", 1), 0);
    assert_int_equal(mu_presence_join(presence, "c", 1), -ENOBUFS);
    mu_presence_leave(presence, "a", 1);
    mu_presence_leave(presence, "a", 1);
    assert_int_equal(mu_presence_join(presence, "c", 1), 0);
    assert_int_equal(mu_presence_count(presence), 2);
    for (uint32_t peer = 2; peer < 7; peer++) { /* more than fit: the first make room */
        assert_int_equal(mu_presence_join(presence, "c", peer), 0);
    }
    assert_int_equal(mu_presence_find(presence, "c", found), MU_PRESENCE_GATEWAYS);
    assert_int_equal(found[0], 3);
    assert_int_equal(found[3], 6);
    assert_int_equal(mu_presence_find(presence, "nobody", found), 0);
    mu_presence_check(presence);
    mu_presence_destroy(presence);
    mu_presence_destroy(NULL);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_behaves_like_a_table),
        cmocka_unit_test(test_reset_keeps_those_who_stay),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
