/* The matching engine's rules, case by case. */
#include <string.h>

#include "tests/unit/engine_world.h"

enum { MINUTE_MS = 60000 };

/* Legality. */

static enum mu_engine_fault legal_pair(struct mu_engine_ticket *a, struct mu_engine_ticket *b,
                                       uint32_t region)
{
    struct mu_engine_member members[] = { { .ticket = a, .team = 0 }, { .ticket = b, .team = 1 } };
    return legal(members, 2, region, world.now_ms);
}

static void test_legal(void **state)
{
    (void)state;
    world_begin(DUEL, 0);
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
    b.players = 9;
    assert_int_equal(legal_pair(&a, &b, 0), MU_ENGINE_TICKET);
    b.players = 1;
    b.sum = NAN;
    assert_int_equal(legal_pair(&a, &b, 0), MU_ENGINE_TICKET);
    b.sum = 1000;
    struct mu_engine_member same[] = { { .ticket = &a, .team = 1 }, { .ticket = &b, .team = 1 } };
    assert_int_equal(legal(same, 2, 0, world.now_ms), MU_ENGINE_TEAMS);
    same[0].team = 2;
    assert_int_equal(legal(same, 2, 0, world.now_ms), MU_ENGINE_TEAMS);
    assert_int_equal(legal(same, 0, 0, world.now_ms), MU_ENGINE_TEAMS);
    world_end();
}

static void test_legal_parties(void **state)
{
    (void)state;
    world_begin(CASUAL, 0);
    struct mu_engine_ticket a = ticket_of(1000, 1, 8000);
    struct mu_engine_ticket b = ticket_of(1000, 1, 0);
    struct mu_engine_member few[] = { { .ticket = &a, .team = 0 }, { .ticket = &b, .team = 0 } };
    assert_int_equal(legal(few, 2, 0, world.now_ms), MU_ENGINE_LEGAL);
    assert_int_equal(legal(few, 2, 0, world.now_ms - 1), MU_ENGINE_FILL);
    assert_string_equal(mu_engine_fault_text(MU_ENGINE_FILL), "fill");
    world_end();

    world_begin(TWOS, 0);
    struct mu_engine_ticket two = ticket_of(1000, 2, 0);
    struct mu_engine_ticket other = ticket_of(1000, 2, 0);
    struct mu_engine_member split[] = {
        { .ticket = &two, .team = MU_TEAM_SPAN, .teams = { 0, 1 } },
        { .ticket = &other, .team = MU_TEAM_SPAN, .teams = { 0, 1 } }
    };
    assert_int_equal(legal(split, 2, 0, world.now_ms), MU_ENGINE_PARTY);
    split[1].teams[1] = 2;
    assert_int_equal(legal(split, 2, 0, world.now_ms), MU_ENGINE_TEAMS);
    world_end();
}

/* A queue where nobody waits for a better match. */

static void test_oldest_first(void **state)
{
    (void)state;
    world_begin(DUEL, 0);
    struct mu_engine_ticket young = ticket_of(1000, 1, 0);
    struct mu_engine_ticket middle = ticket_of(1010, 1, 9000);
    struct mu_engine_ticket old = ticket_of(1040, 1, 10000);
    world_add(young);
    world_add(middle);
    world_add(old);
    assert_int_equal(world_match(), 1); /* the oldest chooses, and its nearest is the middle one */
    assert_string_equal(world.matches[0].members[0].ticket->id, old.id);
    assert_string_equal(world.matches[0].members[1].ticket->id, middle.id);
    assert_true(world.matches[0].surplus == 0);
    world_end();

    world_begin(DUEL, 0);
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
    world_begin(DUEL, 0);
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

/* Groups look at a window that opens now and then, less often as it grows older. */
static void test_widening_of_groups(void **state)
{
    (void)state;
    config.modes[TWOS].window_points = 50;
    config.modes[TWOS].window_per_second = 10;
    world_begin(TWOS, 0);
    for (int32_t i = 0; i < 4; i++) {
        world_add(ticket_of(1000 + 100 * i, 1, 0)); /* 300 points: 25 s */
    }
    int64_t start_ms = world.now_ms;
    assert_true(world_wait(start_ms + MINUTE_MS));
    assert_true(world.now_ms >= start_ms + 25000);
    assert_true(world.now_ms <= start_ms + 25000 + 25000 / 8 + 1000);
    world_end();
    config.modes[TWOS] = modes[TWOS];
}

static void test_best_region(void **state)
{
    (void)state;
    static const uint32_t kinds[] = { 0, 240000 };
    for (uint32_t i = 0; i < 2; i++) {
        world_begin(DUEL, kinds[i]);
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
}

static void test_parties_whole(void **state)
{
    (void)state;
    world_begin(FIVES, 0);
    /* 3+2 and 3+2 is the only way, and greed for the nearest does not find it. */
    world_add(ticket_of(1000, 3, 5000));
    world_add(ticket_of(1001, 1, 0));
    world_add(ticket_of(1002, 3, 0));
    world_add(ticket_of(1003, 2, 0));
    world_add(ticket_of(1004, 2, 0));
    assert_int_equal(world_match(), 1);
    assert_int_equal(world.matches[0].count, 4);
    assert_int_equal(world.tickets_count, 1);
    world_end();

    world_begin(FIVES, 0);
    for (uint32_t i = 0; i < 100; i++) {
        world_add(ticket_of(1000, 3, 0)); /* threes alone never make five */
    }
    world_add(ticket_of(1000, 6, 0)); /* too large for a team */
    assert_int_equal(world_match_all(), 0);
    assert_int_equal(mu_pool_next_moment(world.pool), MU_NEVER);
    world_end();
}

static double difference_of(const struct mu_engine_match *match)
{
    double difference = 0;
    for (uint32_t i = 0; i < match->count; i++) {
        const struct mu_engine_member *member = &match->members[i];
        difference += member->team == 0 ? member->ticket->sum : -member->ticket->sum;
    }
    return fabs(difference);
}

static void test_even_teams(void **state)
{
    (void)state;
    /* 900 + 1100 + 1000 + 1000 + 1000, twice: sums can be equal. */
    static const int32_t ratings[] = { 900, 1100, 1000, 1000, 1000, 900, 1100, 1000, 1000, 1000 };
    static const uint32_t kinds[] = { 0, 240000 };
    for (uint32_t k = 0; k < 2; k++) {
        world_begin(FIVES, kinds[k]);
        for (uint32_t i = 0; i < 10; i++) {
            world_add(ticket_of(ratings[i], 1, MINUTE_MS));
        }
        assert_int_equal(world_match(), 1);
        assert_true(difference_of(&world.matches[0]) < 1e-6);
        world_end();
    }
}

static void test_fill(void **state)
{
    (void)state;
    world_begin(CASUAL, 0);
    world_add(ticket_of(1500, 1, 0));
    world_add(ticket_of(1500, 2, 0));
    assert_int_equal(world_match(), 0); /* there might come more */
    assert_int_equal(mu_pool_next_moment(world.pool), world.now_ms + 8000);
    world.now_ms += 8000;
    assert_int_equal(world_match(), 1);
    assert_int_equal(world.matches[0].count, 2);
    world_end();

    world_begin(CASUAL, 0);
    for (uint32_t i = 0; i < 10; i++) {
        world_add(ticket_of(1500, 1, 0));
    }
    assert_int_equal(world_match(), 1); /* full: at once */
    world_end();

    world_begin(RANGE, 0); /* three teams of two to four */
    for (uint32_t i = 0; i < 10; i++) {
        world_add(ticket_of(1500 + (int32_t)i, 1, 5000));
    }
    assert_int_equal(world_match(), 1); /* the largest: 4+3+3 */
    assert_int_equal(world.matches[0].count, 10);
    world_end();

    world_begin(RANGE, 0);
    world_add(ticket_of(1500, 4, 5000));
    world_add(ticket_of(1500, 2, 0));
    world_add(ticket_of(1500, 3, 0));
    assert_int_equal(world_match(), 1); /* no even sizes: 4+2+3 */
    world_end();
}

/* Fourteen to twenty teams of three, of parties that must be put together. */
static void test_many_teams(void **state)
{
    (void)state;
    world_begin(TRIOS, 0);
    for (int32_t i = 0; i < 10; i++) {
        world_add(ticket_of(1400 + 10 * i, 2, 0));
        world_add(ticket_of(1600 - 10 * i, 1, 0));
    }
    for (int32_t i = 0; i < 4; i++) {
        assert_int_equal(world_match(), 0); /* 10 teams and some are too few */
        world_add(ticket_of(1500 + i, 3, 0));
    }
    assert_int_equal(world_match(), 1);
    assert_int_equal(world.matches[0].count, 24);
    double sums[20] = { 0 };
    for (uint32_t i = 0; i < 24; i++) {
        sums[world.matches[0].members[i].team] += world.matches[0].members[i].ticket->sum;
    }
    for (uint32_t i = 0; i < 14; i++) {
        assert_true(fabs(sums[i] - 4600) < 250);
    }
    world_end();
}

static void test_huge(void **state)
{
    (void)state;
    static const uint32_t huge[] = { HUGE_FREE, HUGE_TEAMS };
    for (uint32_t k = 0; k < 2; k++) {
        world_begin(huge[k], 0);
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
        if (huge[k] == HUGE_TEAMS) {
            assert_true(difference_of(&world.matches[0]) <= 100); /* a point a player */
        }
        world_end();
    }
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_legal),
        cmocka_unit_test(test_legal_parties),
        cmocka_unit_test(test_oldest_first),
        cmocka_unit_test(test_widening_is_mutual),
        cmocka_unit_test(test_widening_of_groups),
        cmocka_unit_test(test_best_region),
        cmocka_unit_test(test_parties_whole),
        cmocka_unit_test(test_even_teams),
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_many_teams),
        cmocka_unit_test(test_huge),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
