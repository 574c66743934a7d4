/* The matching engine where tickets wait for a good match: reservations, case by case. */
#include <string.h>

#include "tests/unit/engine_world.h"

enum { MINUTE_MS = 60000 };

/* Fills the sample with others who come and go, one each `every_ms`. */
static void warm(uint32_t count, int64_t every_ms, int32_t spread)
{
    for (uint32_t i = 0; i < count; i++) {
        world_add(random_ticket(1, spread, 0));
        world_cancel(world.tickets_count - 1);
        world.now_ms += every_ms;
    }
}

/* How far apart two may be that are matched when they have just met. */
static int32_t tolerance(uint32_t count, int64_t every_ms)
{
    int32_t distance = 0;
    for (int32_t low = 0, high = 1000; low + 1 < high; distance = low) {
        int32_t middle = (low + high) / 2;
        config.modes[DUEL].window_points = 2900;
        config.modes[DUEL].window_max = 2900;
        config.modes[DUEL].latency_max_ms = 0;
        world_begin(DUEL, 240000);
        uint64_t seed = rng.state;
        rng.state = 5;
        warm(count, every_ms, 800);
        rng.state = seed;
        world_add(ticket_of(1500, 1, 0));
        world_add(ticket_of(1500 + middle, 1, 0));
        bool matched = world_match() == 1;
        low = matched ? middle : low;
        high = matched ? high : middle;
        world_end();
    }
    config.modes[DUEL] = modes[DUEL];
    return distance;
}

static void test_demanding_where_many_come(void **state)
{
    (void)state;
    int32_t busy = tolerance(200, 100);
    int32_t calm = tolerance(200, 2000);
    int32_t thin = tolerance(30, 30000);
    assert_true(busy < calm);
    assert_true(calm < thin);
    assert_true(thin < 600);
}

/* Two who are too far apart for now are matched when that is worth more than waiting, at the moment
 * that the pool named, and not before. */
static void test_patience_falls(void **state)
{
    (void)state;
    config.modes[DUEL].window_points = 2900;
    config.modes[DUEL].window_max = 2900;
    world_begin(DUEL, 240000);
    config.modes[DUEL] = modes[DUEL];
    warm(100, 500, 400);
    world_add(ticket_of(1450, 1, 0));
    world_add(ticket_of(1750, 1, 0));
    assert_int_equal(world_match(), 0);
    int64_t moment = mu_pool_next_moment(world.pool);
    assert_true(moment > world.now_ms + 1000 && moment <= world.now_ms + 480000);
    world.now_ms = moment - 1;
    assert_int_equal(world_match(), 0);
    world.now_ms = moment;
    assert_int_equal(world_match(), 1);
    assert_true(world.matches[0].surplus >= 0 && world.matches[0].surplus < 0.01);
    world_end();
}

/* Having waited for first_ms a ticket gets whatever is legal, of others as well that came just
 * now. */
static void test_served_first(void **state)
{
    (void)state;
    static const uint32_t tried[] = { DUEL, TWOS, FIVES, EIGHTS };
    for (uint32_t i = 0; i < 4; i++) {
        config.modes[tried[i]].window_points = 2900;
        config.modes[tried[i]].window_max = 2900;
        config.modes[tried[i]].serve_first_ms = 20000;
        world_begin(tried[i], 240000);
        config.modes[tried[i]] = modes[tried[i]];
        warm(200, 50, 100);
        uint32_t players = 2 * modes[tried[i]].team_max;
        world_add(ticket_of(2900, 1, 0)); /* as far off as can be */
        int64_t since_ms = world.now_ms;
        world.now_ms += 20000 - 1;
        for (uint32_t k = 1; k < players; k++) {
            world_add(ticket_of(200 + (int32_t)k, 1, 0));
        }
        assert_int_equal(world_match(), 0);
        assert_int_equal(mu_pool_next_moment(world.pool), since_ms + 20000);
        world.now_ms = since_ms + 20000;
        assert_int_equal(world_match(), 1);
        world_end();
    }
}

static void test_estimate(void **state)
{
    (void)state;
    world_begin(DUEL, 240000);
    world_add(ticket_of(1500, 1, 0));
    (void)world_match();
    assert_int_equal(mu_pool_estimate(world.pool, world.tickets[0].id), 0); /* nobody else yet */
    assert_int_equal(mu_pool_estimate(world.pool, "tkt_nobody"), 0);
    world_cancel(0);
    warm(100, 1000, 400);
    world_add(ticket_of(1500, 1, 0));
    (void)world_match();
    int64_t usual = mu_pool_estimate(world.pool, world.tickets[0].id);
    world_add(ticket_of(2600, 1, 0)); /* nobody like that comes */
    (void)world_match();
    int64_t rare = mu_pool_estimate(world.pool, world.tickets[1].id);
    assert_true(usual > 0 && usual < rare && rare < 20 * MINUTE_MS);
    world_end();
}

/* What a restarted matcher is told counts as it came. */
static void test_snapshot_counts_arrivals_once(void **state)
{
    (void)state;
    int64_t estimates[3];
    for (uint32_t kind = 0; kind < 3; kind++) {
        rng.state = 9;
        world_begin(DUEL, 240000);
        struct mu_engine_ticket tickets[40];
        for (uint32_t i = 0; i < 40; i++) {
            tickets[i] = random_ticket(1, 800, 0);
            tickets[i].since_ms = world.now_ms + 2000 * (int64_t)i;
            tickets[i].reach_ms[0] = 20;
        }
        world.now_ms += 80000;
        for (uint32_t i = 0; i < 40; i++) {
            uint32_t which = kind == 1 ? 39 - i : i; /* in any order */
            assert_int_equal(mu_pool_add(world.pool, &tickets[which], world.now_ms), 0);
            if (kind == 2) { /* and again */
                tickets[which].version++;
                assert_int_equal(mu_pool_add(world.pool, &tickets[which], world.now_ms), 0);
            }
        }
        struct mu_engine_ticket last = ticket_of(1500, 1, 0);
        (void)snprintf(last.id, sizeof last.id, "tkt_last");
        assert_int_equal(mu_pool_add(world.pool, &last, world.now_ms), 0);
        for (uint32_t i = 0; i < 40; i++) {
            assert_true(
                mu_pool_remove(world.pool, tickets[i].id, MU_LEAVE_ELSEWHERE, world.now_ms));
        }
        (void)mu_pool_match(world.pool, world.now_ms, emitted, &world);
        estimates[kind] = mu_pool_estimate(world.pool, last.id);
        world_end();
    }
    assert_true(estimates[0] > 0);
    assert_int_equal(estimates[0], estimates[1]);
    assert_int_equal(estimates[0], estimates[2]);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_demanding_where_many_come),
        cmocka_unit_test(test_patience_falls),
        cmocka_unit_test(test_served_first),
        cmocka_unit_test(test_estimate),
        cmocka_unit_test(test_snapshot_counts_arrivals_once),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
