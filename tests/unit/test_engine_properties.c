/* The matching engine against slow, obvious versions of itself. */
#include <string.h>

#include "tests/unit/engine_world.h"

/* Slow, obvious versions. */

/* Whether the chosen tickets can play somewhere in some teams. */
static bool subset_is_legal(const struct mu_engine_ticket *const *chosen, uint32_t count,
                            int64_t now_ms)
{
    const struct mu_mode *mode = &config.modes[world.mode];
    struct mu_engine_member members[16];
    uint64_t ways = 1;
    for (uint32_t i = 0; i < count; i++) {
        ways *= mode->teams;
        members[i].ticket = chosen[i];
    }
    for (uint32_t region = 0; region < config.regions_count; region++) {
        bool all_reach = true;
        for (uint32_t i = 0; i < count; i++) {
            all_reach = all_reach && chosen[i]->reach_ms[region] != MU_REACH_NONE;
        }
        for (uint64_t way = 0; all_reach && way < ways; way++) {
            uint64_t rest = way;
            for (uint32_t i = 0; i < count; i++) {
                members[i].team = (uint32_t)(rest % mode->teams);
                rest /= mode->teams;
            }
            if (mu_engine_legal(&config, world.mode, members, count, region, now_ms) ==
                MU_ENGINE_LEGAL) {
                return true;
            }
        }
    }
    return false;
}

/* Whether any set of the tickets that wait can play at that time. */
static bool anything_left(int64_t now_ms)
{
    const struct mu_mode *mode = &config.modes[world.mode];
    uint32_t least = mode->teams * mode->team_min;
    uint32_t most = mode->teams * mode->team_max;
    assert_true(world.tickets_count <= 14);
    for (uint32_t set = 1; set < UINT32_C(1) << world.tickets_count; set++) {
        const struct mu_engine_ticket *chosen[16];
        uint32_t count = 0;
        uint32_t players = 0;
        for (uint32_t i = 0; i < world.tickets_count; i++) {
            if ((set >> i & 1) != 0) {
                players += world.tickets[i].players;
                chosen[count++] = &world.tickets[i];
            }
        }
        if (players >= least && players <= most && subset_is_legal(chosen, count, now_ms)) {
            return true;
        }
    }
    return false;
}

static bool pair_is_legal(const struct mu_engine_ticket *a, const struct mu_engine_ticket *b,
                          int64_t now_ms)
{
    const struct mu_engine_ticket *both[] = { a, b };
    return subset_is_legal(both, 2, now_ms);
}

static int64_t key_of(const struct mu_engine_ticket *ticket)
{
    return ticket->since_ms - 1000 * (int64_t)ticket->priority;
}

static bool is_before(const struct mu_engine_ticket *a, const struct mu_engine_ticket *b)
{
    return key_of(a) != key_of(b) ? key_of(a) < key_of(b) : strcmp(a->id, b->id) < 0;
}

/* First fit in the order of service, nearest partner: what a pool of two must equal. */
static uint32_t naive_pairs(char ret[MATCHES_MAX][2][MU_ID_MAX + 1])
{
    static struct mu_engine_ticket left[TICKETS_MAX];
    uint32_t n = world.tickets_count;
    uint32_t pairs = 0;
    memcpy(left, world.tickets, n * sizeof left[0]);
    for (uint32_t i = 1; i < n; i++) {
        struct mu_engine_ticket ticket = left[i];
        uint32_t at = i;
        while (at > 0 && is_before(&ticket, &left[at - 1])) {
            left[at] = left[at - 1];
            at--;
        }
        left[at] = ticket;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t best = n;
        for (uint32_t j = i + 1; left[i].players > 0 && j < n; j++) {
            if (left[j].players > 0 && pair_is_legal(&left[i], &left[j], world.now_ms) &&
                (best == n ||
                 abs(left[j].rating - left[i].rating) < abs(left[best].rating - left[i].rating))) {
                best = j;
            }
        }
        if (best < n) {
            memcpy(ret[pairs][0], left[i].id, sizeof ret[0][0]);
            memcpy(ret[pairs++][1], left[best].id, sizeof ret[0][0]);
            left[i].players = 0; /* taken */
            left[best].players = 0;
        }
    }
    return pairs;
}

/* Properties. */

static void test_pairs_equal_naive(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 60; round++) {
        static char expected[MATCHES_MAX][2][MU_ID_MAX + 1];
        world_begin(DUEL);
        uint32_t n = 1 + (uint32_t)mu_rng_below(&rng, 200);
        for (uint32_t i = 0; i < n; i++) {
            world_add(random_ticket(1, 200 + 26 * (int32_t)round, 30000));
        }
        uint32_t pairs = naive_pairs(expected);
        assert_int_equal(world_match(), pairs);
        for (uint32_t i = 0; i < pairs; i++) {
            assert_string_equal(world.matches[i].members[0].ticket->id, expected[i][0]);
            assert_string_equal(world.matches[i].members[1].ticket->id, expected[i][1]);
        }
        world_end();
    }
}

/* Tickets come and go one by one: nothing legal is ever left, and nothing becomes legal before
 * the moment that the pool named. */
static void run_incrementally(uint32_t mode, uint32_t players_max, int32_t spread, uint32_t steps)
{
    int64_t grain = mode == DUEL ? 1 : MU_POOL_GRAIN_MS;
    world_begin(mode);
    for (uint32_t i = 0; i < steps; i++) {
        uint64_t choice = mu_rng_below(&rng, 10);
        int64_t moment = mu_pool_next_moment(world.pool);
        assert_true(moment != INT64_MIN);
        if (choice < 6 && world.tickets_count < 11) {
            world_add(random_ticket(players_max, spread, 3000));
        } else if (choice < 8 && world.tickets_count > 0) {
            uint32_t gone = (uint32_t)mu_rng_below(&rng, world.tickets_count);
            assert_true(mu_pool_remove(world.pool, world.tickets[gone].id));
            assert_false(mu_pool_remove(world.pool, world.tickets[gone].id));
            world_forget(gone);
        } else if (moment != MU_NEVER) {
            assert_true(moment > world.now_ms - grain);
            if (moment - grain >= world.now_ms) {
                assert_false(anything_left(moment - grain));
            }
            world.now_ms = moment > world.now_ms ? moment : world.now_ms;
        }
        (void)world_match();
        assert_false(anything_left(world.now_ms));
        for (uint32_t k = 0; k < world.matches_count; k++) {
            for (uint32_t m = 0; m < world.matches[k].count; m++) {
                assert_true(mu_pool_remove(world.pool, world.members[k][m].id));
            }
        }
        world.matches_count = 0;
        assert_int_equal(mu_pool_taken(world.pool), 0);
        assert_int_equal(mu_pool_count(world.pool), world.tickets_count);
    }
    world_end();
}

static void test_nothing_left_pairs(void **state)
{
    (void)state;
    run_incrementally(DUEL, 1, 1500, 800);
    run_incrementally(DUEL, 2, 300, 300); /* parties of two can never play a duel */
}

static void test_nothing_left_twos(void **state)
{
    (void)state;
    run_incrementally(TWOS, 3, 600, 400);
}

static void test_nothing_left_fives(void **state)
{
    (void)state;
    run_incrementally(FIVES, 5, 800, 400);
}

static void test_nothing_left_eight(void **state)
{
    (void)state;
    run_incrementally(EIGHT, 8, 900, 300);
}

static void test_nothing_left_casual(void **state)
{
    (void)state;
    run_incrementally(CASUAL, 4, 2500, 300);
}

/* Whatever came and went before: only what waits decides. */
static void test_incremental_equals_scratch(void **state)
{
    (void)state;
    static struct mu_engine_ticket kept[TICKETS_MAX];
    static char expected[MATCHES_MAX][MU_ID_MAX + 1];
    static const uint32_t tried[] = { DUEL, TWOS, FIVES, CASUAL, EIGHT, RANGE };
    for (uint32_t round = 0; round < 60; round++) {
        uint32_t mode = tried[round % (sizeof tried / sizeof tried[0])];
        world_begin(mode);
        for (uint32_t i = 0; i < 200; i++) {
            world_add(
                random_ticket(modes[mode].team_max < 8 ? modes[mode].team_max : 8, 1200, 20000));
            if (mu_rng_chance_ppm(&rng, 400000)) {
                uint32_t gone = (uint32_t)mu_rng_below(&rng, world.tickets_count);
                assert_true(mu_pool_remove(world.pool, world.tickets[gone].id));
                world_forget(gone);
            }
        }
        uint32_t kept_count = world.tickets_count;
        memcpy(kept, world.tickets, sizeof kept);
        uint32_t matches = world_match();
        for (uint32_t i = 0; i < matches; i++) {
            memcpy(expected[i], world.matches[i].members[0].ticket->id, sizeof expected[i]);
        }
        int64_t now_ms = world.now_ms;
        world_begin(mode);
        world.now_ms = now_ms;
        for (uint32_t i = kept_count; i > 0; i--) {
            world_add(kept[i - 1]); /* in another order */
        }
        assert_int_equal(world_match(), matches);
        for (uint32_t i = 0; i < matches; i++) {
            assert_string_equal(world.matches[i].members[0].ticket->id, expected[i]);
        }
        world_end();
    }
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs_equal_naive),
        cmocka_unit_test(test_nothing_left_pairs),
        cmocka_unit_test(test_nothing_left_twos),
        cmocka_unit_test(test_nothing_left_fives),
        cmocka_unit_test(test_nothing_left_eight),
        cmocka_unit_test(test_nothing_left_casual),
        cmocka_unit_test(test_incremental_equals_scratch),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
