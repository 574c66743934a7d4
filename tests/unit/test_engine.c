/* The matching engine's rules, case by case. */
#include <errno.h>
#include <string.h>

#include "tests/unit/engine_world.h"

/* The rules. */

static void test_window(void **state)
{
    (void)state;
    const struct mu_mode *mode = &modes[DUEL];
    assert_int_equal(mu_engine_window(mode, -5), 50);
    assert_int_equal(mu_engine_window(mode, 0), 50);
    assert_int_equal(mu_engine_window(mode, 99), 50);
    assert_int_equal(mu_engine_window(mode, 100), 51);
    assert_int_equal(mu_engine_window(mode, 35000), 400);
    assert_int_equal(mu_engine_window(mode, INT64_MAX), 400);
    for (int64_t distance = 0; distance <= 401; distance++) {
        int64_t age = mu_engine_window_age(mode, distance);
        if (distance > 400) {
            assert_int_equal(age, MU_NEVER);
            continue;
        }
        assert_true(mu_engine_window(mode, age) >= distance);
        assert_true(age == 0 || mu_engine_window(mode, age - 1) < distance);
    }
    assert_int_equal(mu_engine_window_age(&modes[RANGE], 500), 0);
    assert_int_equal(mu_engine_window_age(&modes[RANGE], 501), MU_NEVER);
}

static enum mu_engine_fault legal_pair(struct mu_engine_ticket *a, struct mu_engine_ticket *b,
                                       uint32_t region)
{
    struct mu_engine_member members[] = { { a, 0 }, { b, 1 } };
    return mu_engine_legal(&config, DUEL, members, 2, region, world.now_ms);
}

static void test_legal(void **state)
{
    (void)state;
    world_begin(DUEL);
    struct mu_engine_ticket a = ticket_of(1000, 1, 10000); /* window 150 */
    struct mu_engine_ticket b = ticket_of(1100, 1, 5000);  /* window 100 */
    assert_int_equal(legal_pair(&a, &b, 0), MU_ENGINE_LEGAL);
    b.rating = 1101; /* a accepts, b does not */
    assert_int_equal(legal_pair(&a, &b, 0), MU_ENGINE_WINDOW);
    b.rating = 899;
    assert_int_equal(legal_pair(&a, &b, 0), MU_ENGINE_WINDOW);
    b.rating = 1000;
    b.reach_ms[0] = 151;
    assert_int_equal(legal_pair(&a, &b, 0), MU_ENGINE_REGION);
    b.reach_ms[0] = 150;
    assert_int_equal(legal_pair(&a, &b, 0), MU_ENGINE_LEGAL);
    assert_int_equal(legal_pair(&a, &b, 1), MU_ENGINE_REGION);
    assert_int_equal(legal_pair(&a, &b, 31), MU_ENGINE_REGION);
    assert_int_equal(legal_pair(&a, &b, UINT32_MAX), MU_ENGINE_REGION);
    assert_int_equal(legal_pair(&a, &a, 0), MU_ENGINE_TICKET);
    b.players = 2;
    assert_int_equal(legal_pair(&a, &b, 0), MU_ENGINE_TEAMS);
    b.players = 0;
    assert_int_equal(legal_pair(&a, &b, 0), MU_ENGINE_TICKET);
    b.players = 1;
    struct mu_engine_member same[] = { { &a, 1 }, { &b, 1 } };
    assert_int_equal(mu_engine_legal(&config, DUEL, same, 2, 0, world.now_ms), MU_ENGINE_TEAMS);
    same[0].team = 2;
    assert_int_equal(mu_engine_legal(&config, DUEL, same, 2, 0, world.now_ms), MU_ENGINE_TEAMS);
    assert_int_equal(mu_engine_legal(&config, DUEL, same, 0, 0, world.now_ms), MU_ENGINE_TEAMS);
    struct mu_engine_member few[] = { { &a, 0 }, { &b, 0 } };
    a.since_ms = world.now_ms - 8000;
    b.since_ms = world.now_ms;
    assert_int_equal(mu_engine_legal(&config, CASUAL, few, 2, 0, world.now_ms), MU_ENGINE_LEGAL);
    assert_int_equal(mu_engine_legal(&config, CASUAL, few, 2, 0, world.now_ms - 1), MU_ENGINE_FILL);
    assert_string_equal(mu_engine_fault_text(MU_ENGINE_FILL), "fill");
    world_end();
}

static void test_quality(void **state)
{
    (void)state;
    world_begin(DUEL);
    struct mu_engine_ticket a = ticket_of(1000, 1, 0);
    struct mu_engine_ticket b = ticket_of(1000, 1, 0);
    struct mu_engine_member members[] = { { &a, 0 }, { &b, 1 } };
    double perfect = mu_engine_quality(&modes[DUEL], members, 2, 0);
    assert_true(perfect > 0.999);
    b.rating = 1100;
    double near = mu_engine_quality(&modes[DUEL], members, 2, 0);
    b.rating = 1400;
    double far = mu_engine_quality(&modes[DUEL], members, 2, 0);
    assert_true(perfect > near && near > far && far > 0);
    b.rating = 1000;
    b.reach_ms[0] = 260;
    a.reach_ms[0] = 260;
    assert_true(mu_engine_quality(&modes[DUEL], members, 2, 0) < 0.001);
    world_end();
}

static void test_ticket_travels(void **state)
{
    (void)state;
    world_begin(DUEL);
    for (uint32_t i = 0; i < 100; i++) {
        struct mu_engine_ticket ticket = random_ticket(5, 2800, 60000);
        struct mu_engine_ticket back;
        struct mu_msg_pool_ticket msg;
        mu_engine_ticket_to(&ticket, world.now_ms, &msg);
        mu_engine_ticket_from(&msg, world.now_ms, &back);
        assert_memory_equal(&ticket, &back, TICKET_BYTES);
    }
    world_end();
}

/* Cases. */

static void test_oldest_first(void **state)
{
    (void)state;
    world_begin(DUEL);
    struct mu_engine_ticket young = ticket_of(1000, 1, 0);
    struct mu_engine_ticket middle = ticket_of(1010, 1, 9000);
    struct mu_engine_ticket old = ticket_of(1040, 1, 10000);
    world_add(young);
    world_add(middle);
    world_add(old);
    assert_int_equal(world_match(), 1); /* the oldest chooses, and its nearest is the middle one */
    assert_string_equal(world.matches[0].members[0].ticket->id, old.id);
    assert_string_equal(world.matches[0].members[1].ticket->id, middle.id);

    world_begin(DUEL);
    struct mu_engine_ticket requeued = ticket_of(1000, 1, 9500);
    requeued.priority = 1; /* as if it had waited 10.5 s */
    struct mu_engine_ticket longer = ticket_of(1100, 1, 10000);
    world_add(longer);
    world_add(requeued);
    (void)world_match(); /* 100 apart: both windows are 145 and more */
    assert_string_equal(world.matches[0].members[0].ticket->id, requeued.id);
    world_end();
}

static void test_widening_is_mutual(void **state)
{
    (void)state;
    world_begin(DUEL);
    struct mu_engine_ticket old = ticket_of(1200, 1, 35000); /* accepts 400 points */
    struct mu_engine_ticket young = ticket_of(1000, 1, 0);   /* accepts 50, needs 15 s for 200 */
    world_add(old);
    world_add(young);
    assert_int_equal(world_match(), 0);
    assert_int_equal(mu_pool_next_moment(world.pool), world.now_ms + 15000);
    world.now_ms += 14999;
    assert_int_equal(world_match(), 0);
    world.now_ms += 1;
    assert_int_equal(world_match(), 1);
    world_end();
}

static void test_best_region(void **state)
{
    (void)state;
    world_begin(DUEL);
    struct mu_engine_ticket a = ticket_of(1000, 1, 0);
    struct mu_engine_ticket b = ticket_of(1000, 1, 0);
    a.reach_ms[0] = 20;
    a.reach_ms[1] = 60;
    a.reach_ms[2] = 10;
    b.reach_ms[0] = 140;
    b.reach_ms[1] = 70;
    b.reach_ms[2] = 151; /* above the mode's bound */
    world_add(a);
    world_add(b);
    assert_int_equal(world_match(), 1);
    assert_int_equal(world.matches[0].region, 1);
    world_end();
}

static void test_parties_whole(void **state)
{
    (void)state;
    world_begin(FIVES);
    /* 3+2 and 3+2 is the only way, and greed for the nearest does not find it. */
    world_add(ticket_of(1000, 3, 5000));
    world_add(ticket_of(1001, 1, 0));
    world_add(ticket_of(1002, 3, 0));
    world_add(ticket_of(1003, 2, 0));
    world_add(ticket_of(1004, 2, 0));
    assert_int_equal(world_match(), 1);
    assert_int_equal(world.matches[0].count, 4);
    assert_int_equal(world.tickets_count, 1);

    world_begin(FIVES);
    for (uint32_t i = 0; i < 100; i++) {
        world_add(ticket_of(1000, 3, 0)); /* threes alone never make five */
    }
    world_add(ticket_of(1000, 6, 0)); /* too large for a team */
    assert_int_equal(world_match(), 0);
    assert_int_equal(mu_pool_next_moment(world.pool), MU_NEVER);
    world_end();
}

static void test_even_teams(void **state)
{
    (void)state;
    /* 900 + 1100 + 1000 + 1000 + 1000, twice: sums can be equal. */
    static const int32_t ratings[] = { 900, 1100, 1000, 1000, 1000, 900, 1100, 1000, 1000, 1000 };
    world_begin(FIVES);
    for (uint32_t i = 0; i < 10; i++) {
        world_add(ticket_of(ratings[i], 1, 60000));
    }
    assert_int_equal(world_match(), 1);
    int32_t difference = 0;
    for (uint32_t i = 0; i < 10; i++) {
        const struct mu_engine_member *member = &world.matches[0].members[i];
        difference += member->team == 0 ? member->ticket->rating : -member->ticket->rating;
    }
    assert_int_equal(difference, 0);
    world_end();
}

static void test_fill(void **state)
{
    (void)state;
    world_begin(CASUAL);
    world_add(ticket_of(1500, 1, 0));
    world_add(ticket_of(1500, 2, 0));
    assert_int_equal(world_match(), 0); /* there might come more */
    assert_int_equal(mu_pool_next_moment(world.pool), world.now_ms + 8000);
    world.now_ms += 8000;
    assert_int_equal(world_match(), 1);
    assert_int_equal(world.matches[0].count, 2);

    world_begin(CASUAL);
    for (uint32_t i = 0; i < 10; i++) {
        world_add(ticket_of(1500, 1, 0));
    }
    assert_int_equal(world_match(), 1); /* full: at once */

    world_begin(RANGE); /* three teams of two to four */
    for (uint32_t i = 0; i < 10; i++) {
        world_add(ticket_of(1500 + (int32_t)i, 1, 5000));
    }
    assert_int_equal(world_match(), 1); /* 3+3+3 of ten */
    assert_int_equal(world.matches[0].count, 9);

    world_begin(RANGE);
    world_add(ticket_of(1500, 4, 5000));
    world_add(ticket_of(1500, 2, 0));
    world_add(ticket_of(1500, 3, 0));
    assert_int_equal(world_match(), 1); /* no equal sizes: 4+2+3 */
    world_end();
}

static void test_huge(void **state)
{
    (void)state;
    static const uint32_t huge[] = { HUGE_FREE, HUGE_TEAMS };
    for (uint32_t k = 0; k < 2; k++) {
        world_begin(huge[k]);
        for (uint32_t i = 0; i < 199; i++) {
            struct mu_engine_ticket ticket = random_ticket(1, 2800, 1000);
            ticket.reach_ms[2] = 50;
            world_add(ticket);
            assert_int_equal(world_match(), 0);
        }
        struct mu_engine_ticket last = ticket_of(MU_RATING_MAX, 1, 0);
        last.reach_ms[2] = 50;
        world_add(last);
        assert_int_equal(world_match(), 1);
        assert_int_equal(world.matches[0].count, 200);
        assert_int_equal(world.matches[0].region, 2);
        double sums[2] = { 0, 0 };
        for (uint32_t i = 0; i < 200; i++) {
            sums[world.matches[0].members[i].team] +=
                (double)world.matches[0].members[i].ticket->rating;
        }
        if (huge[k] == HUGE_TEAMS) {
            assert_true(abs((int)(sums[0] - sums[1])) <= 100); /* a point a player */
        }
        world_end();
    }
}

static void test_extremes(void **state)
{
    (void)state;
    world_begin(HUGE_FREE);
    world_add(ticket_of(MU_RATING_MIN, 1, 0));
    world_add(ticket_of(MU_RATING_MAX, 8, 0));
    assert_int_equal(world_match(), 0);
    struct mu_engine_ticket bad = ticket_of(MU_RATING_MIN - 1, 1, 0);
    assert_int_equal(mu_pool_add(world.pool, &bad), -EINVAL);
    bad = ticket_of(MU_RATING_MAX + 1, 1, 0);
    assert_int_equal(mu_pool_add(world.pool, &bad), -EINVAL);
    bad = ticket_of(1500, 0, 0);
    assert_int_equal(mu_pool_add(world.pool, &bad), -EINVAL);
    bad = ticket_of(1500, 9, 0);
    assert_int_equal(mu_pool_add(world.pool, &bad), -EINVAL);
    bad = ticket_of(1500, 1, 0);
    bad.id[0] = '\0';
    assert_int_equal(mu_pool_add(world.pool, &bad), -EINVAL);
    world_end();

    struct mu_pool *small = mu_pool_create(&config, DUEL, 3, 1);
    for (uint32_t i = 0; i < 4; i++) {
        struct mu_engine_ticket ticket = ticket_of(1500, 1, 0);
        assert_int_equal(mu_pool_add(small, &ticket), i < 3 ? 0 : -ENOBUFS);
    }
    assert_int_equal(mu_pool_count(small), 3);
    mu_pool_clear(small);
    assert_int_equal(mu_pool_count(small), 0);
    mu_pool_check(small);
    mu_pool_destroy(small);
    mu_pool_destroy(NULL);
}

static void test_identical_and_incompatible(void **state)
{
    (void)state;
    world_begin(DUEL);
    for (uint32_t i = 0; i < 200; i++) {
        world_add(ticket_of(1500, 1, 0));
    }
    assert_int_equal(world_match(), 100);
    for (uint32_t i = 0; i + 1 < 100; i++) {
        assert_true(strcmp(world.matches[i].members[0].ticket->id,
                           world.matches[i + 1].members[0].ticket->id) < 0);
    }
    world_begin(DUEL);
    for (uint32_t i = 0; i < 7; i++) {
        world_add(ticket_of(100 + 401 * (int32_t)i, 1, 0)); /* beyond the widest window */
    }
    assert_int_equal(world_match(), 0);
    assert_int_equal(mu_pool_next_moment(world.pool), MU_NEVER);
    world_end();
}

static void test_taken(void **state)
{
    (void)state;
    world_begin(DUEL);
    struct mu_engine_ticket a = ticket_of(1500, 1, 100);
    struct mu_engine_ticket b = ticket_of(1500, 1, 0);
    world_add(a);
    world_add(b);
    assert_int_equal(world_match(), 1);
    assert_int_equal(mu_pool_taken(world.pool), 2);
    assert_int_equal(world_match(), 0);
    assert_int_equal(mu_pool_next_moment(world.pool), world.now_ms + MU_POOL_TAKEN_MS);
    struct mu_engine_ticket found;
    assert_true(mu_pool_find(world.pool, a.id, &found));
    assert_memory_equal(&found, &a, TICKET_BYTES);
    world_add(a); /* free again; b is not */
    assert_int_equal(world_match(), 0);
    assert_int_equal(mu_pool_taken(world.pool), 1);
    world.now_ms += MU_POOL_TAKEN_MS;
    world.tickets[world.tickets_count++] = b;
    assert_int_equal(world_match(), 1); /* nothing was heard of b: both again */
    world_end();
}

static void test_stop_and_go_on(void **state)
{
    (void)state;
    world_begin(DUEL);
    for (uint32_t i = 0; i < 200; i++) {
        world_add(ticket_of(1500, 1, 0));
    }
    for (uint32_t i = 0; i < 100; i++) {
        world.matches_max = world.matches_count + 1;
        assert_true(mu_pool_next_moment(world.pool) == INT64_MIN);
        if (i == 50) { /* things go on meanwhile */
            assert_true(mu_pool_remove(world.pool, world.tickets[0].id));
            world_forget(0);
            world_add(ticket_of(1501, 1, 0));
        }
        assert_int_equal(world_match(), 1);
    }
    assert_int_equal(world.tickets_count, 0);
    (void)world_match();
    assert_true(mu_pool_next_moment(world.pool) > world.now_ms);
    world_end();
}

static bool count_only(void *owner, const struct mu_engine_match *match)
{
    *(uint64_t *)owner += match->count;
    return true;
}

static void test_many_joins_and_leaves(void **state)
{
    (void)state;
    uint64_t matched = 0;
    struct mu_pool *pool = mu_pool_create(&config, TWOS, 1000000, 3);
    world.now_ms = 1000000;
    for (uint32_t round = 0; round < 2; round++) {
        uint32_t first = ids + 1;
        for (uint32_t i = 0; i < 100000; i++) {
            struct mu_engine_ticket ticket =
                ticket_of(1500, 3, (int64_t)mu_rng_below(&rng, 60000)); /* never playable */
            assert_int_equal(mu_pool_add(pool, &ticket), 0);
        }
        assert_int_equal(mu_pool_match(pool, world.now_ms, count_only, &matched), 0);
        for (uint32_t i = first; i <= ids; i++) {
            char id[MU_ID_MAX + 1];
            (void)snprintf(id, sizeof id, "tkt_%08u", i);
            assert_true(mu_pool_remove(pool, id));
        }
        assert_int_equal(mu_pool_count(pool), 0);
    }
    for (uint32_t i = 0; i < 100000; i++) {
        struct mu_engine_ticket ticket = random_ticket(2, 2800, 60000);
        ticket.reach_ms[1] = 30;
        assert_int_equal(mu_pool_add(pool, &ticket), 0);
    }
    (void)mu_pool_match(pool, world.now_ms, count_only, &matched);
    assert_true(matched > 99000);
    mu_pool_check(pool);
    mu_pool_destroy(pool);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_legal),
        cmocka_unit_test(test_quality),
        cmocka_unit_test(test_ticket_travels),
        cmocka_unit_test(test_oldest_first),
        cmocka_unit_test(test_widening_is_mutual),
        cmocka_unit_test(test_best_region),
        cmocka_unit_test(test_parties_whole),
        cmocka_unit_test(test_even_teams),
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_huge),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_identical_and_incompatible),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_stop_and_go_on),
        cmocka_unit_test(test_many_joins_and_leaves),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
