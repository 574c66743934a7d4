/* One pool cut into slices, with the real matchers: who joins takes a part, who leaves hands it on,
 * nobody is lost in between, and nobody waits for ever because an edge is in the way. */
#include "tests/unit/slices_world.h"

enum { LEAST = 50 };

/* Three against three, and any rating will do: two parties of three fit, parties of two never. */
static void threes(struct mu_config *config)
{
    struct mu_mode *mode = &config->modes[RANKED];
    mode->team_min = 3;
    mode->team_max = 3;
    mode->window_points = 2900;
    mode->window_max = 2900;
    mode->latency_max_ms = 0;
    mode->spill_ms = 0;
    mode->wait_max_ms = 3600000;
    config->settings.slice_tickets_min = LEAST;
}

/* One against one, who are nearly equal: few fit. */
static void equals(struct mu_config *config)
{
    struct mu_mode *mode = &config->modes[RANKED];
    mode->window_points = 2;
    mode->window_per_second = 0;
    mode->window_max = 2;
    mode->spill_ms = 0;
    mode->wait_max_ms = 3600000;
    config->settings.slice_tickets_min = 20;
}

static int64_t any_rating(void)
{
    return 100 + (int64_t)mu_rng_below(&rng, 2901);
}

/* Those that fit nobody. */
static void keep_twos(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        (void)keep_ticket(any_rating(), 2);
        if (i % 50 == 49) {
            pass(TURN_MS);
        }
    }
}

static uint32_t slices(void)
{
    (void)counter(MU_COUNTER_MATCHERS);
    return (uint32_t)shown.pools[RANKED].slices;
}

static void check_even(void)
{
    const struct queue_pool *pool = the_pool();
    uint32_t each = pool->edges.count / pool->edges.slices;
    for (uint32_t i = 0; i < pool->edges.slices; i++) {
        assert_in_range(pool->slices[i].tickets, each / 2, each * 2);
    }
}

/* A matcher that comes has a part of the one hot queue within a second; when it goes, others. */
static void test_share(void **state)
{
    (void)state;
    world_begin(threes);
    assert_int_equal(slices(), 0);
    worker_start(0);
    keep_twos(400);
    pass(500);
    assert_int_equal(slices(), 1);
    for (uint32_t i = 1; i < 6; i++) {
        worker_start(i);
        pass(1000);
        assert_int_equal(slices(), i + 1);
        assert_int_equal(counter(MU_COUNTER_MATCHERS), i + 1);
        check_even();
        check_views();
    }
    worker_kill(3);
    pass(MU_QUEUE_SILENCE_MS + 1000);
    assert_int_equal(slices(), 6); /* it may come back */
    check_views();
    pass(8000);
    assert_int_equal(slices(), 5);
    check_even();
    check_views();
    assert_int_equal(rig_event(&workers[0].rig, MU_EV_DRAIN), 0);
    assert_false(mu_matcher_ops.drained(workers[0].rig.actor));
    pass(100);
    assert_true(mu_matcher_ops.drained(workers[0].rig.actor));
    pass(900);
    check_views();
    world_end();
}

/* One that was cut off now and then is waited for longer, but not so long that its end is noticed
 * late: another one has its slice in time for full service within 5 s. */
static void test_cut_off_often(void **state)
{
    (void)state;
    world_begin(threes);
    worker_start(0);
    keep_twos(10);
    for (uint32_t i = 0; i < 4; i++) {
        pass(1000);
        assert_int_equal(worker_leases(0), rig.config.modes_count);
        workers[0].lost = true;
        pass(MU_QUEUE_SILENCE_MS_MAX + 500);
        workers[0].lost = false;
    }
    pass(1000);
    worker_start(1);
    pass(1000);
    assert_in_range(worker_leases(0), 1, rig.config.modes_count);
    worker_kill(0);
    pass(4000);
    assert_int_equal(worker_leases(1), rig.config.modes_count);
    check_views();
    world_end();
}

/* A pool that shrinks is one slice again; and small ones always are. */
static void test_small(void **state)
{
    (void)state;
    world_begin(threes);
    for (uint32_t i = 0; i < 4; i++) {
        worker_start(i);
    }
    keep_twos(2 * LEAST - 1);
    pass(2000);
    assert_int_equal(slices(), 1);
    keep_twos(2 * LEAST + 1);
    pass(4000);
    assert_int_equal(slices(), 4);
    for (uint32_t i = 0; i < kept_count - 2 * LEAST; i++) {
        cancel_ticket(i);
    }
    pass(10000);
    assert_int_equal(slices(), 4); /* not at once */
    for (uint32_t i = 0; i < kept_count - LEAST / 2; i++) {
        cancel_ticket(i);
    }
    pass(10000);
    assert_int_equal(slices(), 1);
    check_views();
    uint32_t leases = 0;
    for (uint32_t i = 0; i < 4; i++) {
        leases += worker_leases(i);
    }
    assert_int_equal(leases, MATCHER_MODES);
    world_end();
}

/* Two who fit only each other meet, wherever the edges are, though many fit nobody. */
static void test_far_apart(void **state)
{
    (void)state;
    world_begin(threes);
    for (uint32_t i = 0; i < 4; i++) {
        worker_start(i);
    }
    keep_twos(300);
    pass(6000);
    assert_int_equal(slices(), 4);
    for (uint32_t i = 0; i < 12; i++) {
        (void)keep_ticket(i == 0 ? 100 : any_rating(), 3);
        (void)keep_ticket(i == 0 ? 3000 : any_rating(), 3);
        uint32_t before = matched;
        for (uint32_t k = 0; k < 40 && matched == before; k++) {
            pass(1000);
        }
        assert_int_equal(matched, before + 2);
        assert_int_equal(slices(), 4);
    }
    check_views();
    world_end();
}

/* All that may happen; then all is as if nothing had. */
static void disturb(void)
{
    uint32_t number = (uint32_t)mu_rng_below(&rng, WORKERS_MAX);
    struct worker *worker = &workers[number];
    switch (mu_rng_below(&rng, 6)) {
    case 0:
    case 1:
        if (!worker->up) {
            worker_start(number);
        }
        break;
    case 2:
        if (worker->up) {
            worker_kill(number);
        }
        break;
    case 3:
        if (worker->up) {
            assert_int_equal(rig_event(&worker->rig, MU_EV_DRAIN), 0);
            pass(500);
            worker_kill(number);
        }
        break;
    case 4: worker->lost = worker->up && !worker->lost; break;
    default: loss_ppm = mu_rng_below(&rng, 2) == 0 ? 0 : 100000; break;
    }
}

static void test_anything(void **state)
{
    (void)state;
    world_begin(equals);
    worker_start(0);
    for (uint32_t epoch = 0; epoch < 6; epoch++) {
        for (uint32_t i = 0; i < 60; i++) {
            for (uint32_t k = (uint32_t)mu_rng_below(&rng, 20); k > 0; k--) {
                (void)keep_ticket(mu_rng_below(&rng, 4) == 0 ? 1200 : any_rating(), 1);
            }
            for (uint32_t k = (uint32_t)mu_rng_below(&rng, 8); k > 0 && kept_count > 0; k--) {
                cancel_ticket((uint32_t)mu_rng_below(&rng, kept_count));
            }
            if (mu_rng_below(&rng, 6) == 0) {
                disturb();
            }
            pass(10 * (int64_t)mu_rng_below(&rng, 30));
        }
        loss_ppm = 0;
        for (uint32_t i = 0; i < WORKERS_MAX; i++) {
            workers[i].lost = false;
            if (!workers[i].up && i < 2) {
                worker_start(i);
            }
        }
        pass(12000);
        check_views();
    }
    assert_true(matched > 100);
    world_end();
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share),    cmocka_unit_test(test_cut_off_often),
        cmocka_unit_test(test_small),    cmocka_unit_test(test_far_apart),
        cmocka_unit_test(test_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
