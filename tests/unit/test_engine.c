/* The matching engine's rules, case by case. */
#include <errno.h>
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
    struct mu_engine_member split[] = { { .ticket = &two, .team = MU_TEAM_SPAN, .teams = { 0, 1 } },
                                        { .ticket = &other,
                                          .team = MU_TEAM_SPAN,
                                          .teams = { 0, 1 } } };
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

/* Reservations. */

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

/* Having waited for first_ms a ticket gets whatever is legal, of others as well that came just now. */
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
            assert_true(mu_pool_remove(world.pool, tickets[i].id, MU_LEAVE_ELSEWHERE,
                                       world.now_ms));
        }
        (void)mu_pool_match(world.pool, world.now_ms, emitted, &world);
        estimates[kind] = mu_pool_estimate(world.pool, last.id);
        world_end();
    }
    assert_true(estimates[0] > 0);
    assert_int_equal(estimates[0], estimates[1]);
    assert_int_equal(estimates[0], estimates[2]);
}

/* The pool. */

static void test_extremes(void **state)
{
    (void)state;
    world_begin(HUGE_FREE, 0);
    world_add(ticket_of(-100000000, 1, 0)); /* the index ends, ratings do not */
    world_add(ticket_of(100000000, 8, 0));
    assert_int_equal(world_match(), 0);
    struct mu_engine_ticket bad = ticket_of(1500, 1, 0);
    bad.players = 0;
    assert_int_equal(mu_pool_add(world.pool, &bad, world.now_ms), -EINVAL);
    bad.players = 9;
    assert_int_equal(mu_pool_add(world.pool, &bad, world.now_ms), -EINVAL);
    bad = ticket_of(1500, 1, 0);
    bad.sum = NAN;
    assert_int_equal(mu_pool_add(world.pool, &bad, world.now_ms), -EINVAL);
    bad = ticket_of(1500, 1, 0);
    bad.since_ms = INT64_MIN;
    assert_int_equal(mu_pool_add(world.pool, &bad, world.now_ms), -EINVAL);
    bad = ticket_of(1500, 1, 0);
    bad.priority = 101;
    assert_int_equal(mu_pool_add(world.pool, &bad, world.now_ms), -EINVAL);
    bad = ticket_of(1500, 1, 0);
    bad.backfill = true; /* and nothing said about its players */
    assert_int_equal(mu_pool_add(world.pool, &bad, world.now_ms), -EINVAL);
    bad = ticket_of(1500, 1, 0);
    bad.id[0] = '\0';
    assert_int_equal(mu_pool_add(world.pool, &bad, world.now_ms), -EINVAL);

    struct mu_pool *small = mu_pool_create(&config, &world.book, 3, 1);
    for (uint32_t i = 0; i < 4; i++) {
        struct mu_engine_ticket ticket = ticket_of(1500, 1, 0);
        assert_int_equal(mu_pool_add(small, &ticket, world.now_ms), i < 3 ? 0 : -ENOBUFS);
    }
    assert_int_equal(mu_pool_count(small), 3);
    mu_pool_clear(small);
    assert_int_equal(mu_pool_count(small), 0);
    mu_pool_check(small);
    mu_pool_destroy(small);
    mu_pool_destroy(NULL);
    world_end();
}

static void test_identical_and_incompatible(void **state)
{
    (void)state;
    world_begin(DUEL, 0);
    for (uint32_t i = 0; i < 200; i++) {
        world_add(ticket_of(1500, 1, 0));
    }
    assert_int_equal(world_match(), 100);
    for (uint32_t i = 0; i + 1 < 100; i++) {
        assert_true(strcmp(world.matches[i].members[0].ticket->id,
                           world.matches[i + 1].members[0].ticket->id) < 0);
    }
    world_end();
    world_begin(DUEL, 0);
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
    world_begin(DUEL, 0);
    struct mu_engine_ticket a = ticket_of(1500, 1, 100);
    struct mu_engine_ticket b = ticket_of(1500, 1, 0);
    world_add(a);
    world_add(b);
    assert_int_equal(world_match(), 1);
    assert_int_equal(mu_pool_taken(world.pool), 2);
    assert_int_equal(world_match(), 0);
    assert_int_equal(mu_pool_next_moment(world.pool), world.now_ms + MU_POOL_TAKEN_MS);
    struct mu_engine_ticket found;
    memset(&found, 0, sizeof found);
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
    world_begin(DUEL, 0);
    for (uint32_t i = 0; i < 200; i++) {
        world_add(ticket_of(1500, 1, 0));
    }
    for (uint32_t i = 0; i < 100; i++) {
        world.matches_max = world.matches_count + 1;
        assert_true(mu_pool_next_moment(world.pool) == INT64_MIN);
        if (i == 50) { /* things go on meanwhile */
            world_cancel(0);
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
    static const uint32_t kinds[] = { 0, 240000 };
    for (uint32_t k = 0; k < 2; k++) {
        uint64_t matched = 0;
        world_begin(TWOS, kinds[k]);
        for (uint32_t round = 0; round < 2; round++) {
            uint32_t first = ids + 1;
            for (uint32_t i = 0; i < 100000; i++) {
                struct mu_engine_ticket ticket =
                    ticket_of(1500, 3, (int64_t)mu_rng_below(&rng, MINUTE_MS)); /* never */
                assert_int_equal(mu_pool_add(world.pool, &ticket, world.now_ms), 0);
            }
            (void)mu_pool_match(world.pool, world.now_ms, count_only, &matched);
            assert_int_equal(matched, 0);
            for (uint32_t i = first; i <= ids; i++) {
                char id[MU_ID_MAX + 1];
                (void)snprintf(id, sizeof id, "tkt_%08u", i);
                assert_true(mu_pool_remove(world.pool, id, MU_LEAVE_GAVE_UP, world.now_ms));
            }
            assert_int_equal(mu_pool_count(world.pool), 0);
        }
        for (uint32_t i = 0; i < 30000; i++) {
            struct mu_engine_ticket ticket = random_ticket(2, 2800, MINUTE_MS);
            ticket.reach_ms[1] = 30;
            assert_int_equal(mu_pool_add(world.pool, &ticket, world.now_ms), 0);
        }
        while (mu_pool_next_moment(world.pool) == INT64_MIN) {
            (void)mu_pool_match(world.pool, world.now_ms, count_only, &matched);
        }
        assert_true(matched > 29000);
        world_end();
    }
}

/* Documents. */

static void world_begin_document(const char *document)
{
    struct mu_rulebook mode;
    struct mu_rulebook book;
    struct mu_rules_fault fault;
    config.modes[DUEL].wait_cost_ms = 0;
    assert_int_equal(mu_rules_from_mode(&config, DUEL, &mode), 0);
    config.modes[DUEL] = modes[DUEL];
    int faults = mu_rules_compile(document, strlen(document), mode.shapes[0], 1, &fault, 1, &book);
    if (faults != 0) {
        fail_msg("%s %s", fault.pointer, fault.what);
    }
    mu_rulebook_release(&mode);
    world_begin_book(&book);
}

/* A ticket that says something about its players; the facts are good until the next one. */
static struct mu_engine_ticket ticket_saying(uint32_t players, int64_t age_ms, const char *details)
{
    static uint64_t block[MU_FACTS_BYTES_MAX / 8];
    struct mu_engine_ticket ticket = ticket_of(1500, players, age_ms);
    struct mu_facts_player list[MU_TICKET_PLAYERS_MAX];
    struct mu_facts_fault fault;
    struct mu_facts *facts = (struct mu_facts *)(void *)block;
    for (uint32_t i = 0; i < players; i++) {
        list[i] = (struct mu_facts_player){ .id = ticket.id, .rating = 1500 };
    }
    int r = mu_facts_read(world.book.shapes[0], &config, list, players, details, strlen(details),
                          &fault, facts, sizeof block);
    if (r != 0) {
        fail_msg("%d %s in %s", r, fault.what, details);
    }
    ticket.facts = facts;
    return ticket;
}

static const char even_teams[] =
    "{\"playerAttributes\": [{\"name\": \"skill\", \"type\": \"number\", \"default\": 10}],"
    "\"teams\": [{\"name\": \"t\", \"minPlayers\": 4, \"maxPlayers\": 8, \"quantity\": 2}],"
    "\"rules\": [{\"name\": \"near\", \"type\": \"distance\", \"maxDistance\": 10,"
    "  \"measurements\": [\"avg(teams[*].players.attributes[skill])\"],"
    "  \"referenceValue\": \"avg(flatten(teams[*].players.attributes[skill]))\"}],"
    "\"expansions\": [{\"target\": \"rules[near].maxDistance\", \"steps\":"
    "  [{\"waitTimeSeconds\": 5, \"value\": 50}, {\"waitTimeSeconds\": 15, \"value\": 100}]}]}";

static void add_fours(const char *skill_a, const char *skill_b, int64_t later_ms)
{
    char details[2][256];
    const char *skills[] = { skill_a, skill_b };
    for (uint32_t i = 0; i < 2; i++) {
        (void)snprintf(details[i], sizeof details[i],
                       "[{\"attributes\": {\"skill\": %s}}, {\"attributes\": {\"skill\": %s}},"
                       " {\"attributes\": {\"skill\": %s}}, {\"attributes\": {\"skill\": %s}}]",
                       skills[i], skills[i], skills[i], skills[i]);
        struct mu_engine_ticket ticket = ticket_saying(4, 0, details[i]);
        world_add(ticket);
        world.tickets[world.tickets_count - 1].facts = NULL;
        if (i == 0) {
            (void)world_match();
            world.now_ms += later_ms;
        }
    }
}

/* A match is made when the limits for its newest ticket allow it, to the millisecond. */
static void test_document_expands(void **state)
{
    (void)state;
    static const struct {
        const char *skill;
        int64_t later_ms;
        int64_t matched_ms; /* after the second came */
    } cases[] = { { "0", 0, 0 }, { "100", 0, 5000 }, { "160", 0, 15000 }, { "100", 20000, 5000 } };
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        world_begin_document(even_teams);
        add_fours("0", cases[i].skill, cases[i].later_ms);
        int64_t start_ms = world.now_ms;
        assert_true(world_wait(start_ms + MINUTE_MS));
        assert_int_equal(world.now_ms - start_ms, cases[i].matched_ms);
        assert_int_equal(world.matches[0].count, 2);
        world_end();
    }
    world_begin_document(even_teams);
    add_fours("0", "500", 0);
    assert_false(world_wait(world.now_ms + MINUTE_MS));
    world_end();
}

static const char refill[] =
    "{\"algorithm\": {\"backfillPriority\": \"%s\"},"
    "\"teams\": [{\"name\": \"t\", \"minPlayers\": 1, \"maxPlayers\": 2, \"quantity\": 2}]}";

/* A match of three that lacks one; and two who could play it, or each other. */
static uint32_t refill_match(const char *priority, int64_t backfill_age_ms, bool *ret_backfilled)
{
    char document[512];
    (void)snprintf(document, sizeof document, refill, priority);
    world_begin_document(document);
    struct mu_engine_ticket backfill =
        ticket_saying(3, backfill_age_ms,
                      "[{\"team\": \"t_1\"}, {\"team\": \"t_1\"}, {\"team\": \"t_2\"}]");
    backfill.backfill = true;
    world_add(backfill);
    assert_int_equal(world_match(), 0); /* alone it is no match */
    for (uint32_t i = 0; i < 2; i++) {
        world_add(ticket_of(1500, 1, 1000));
    }
    uint32_t count = world_match_all();
    *ret_backfilled = false;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < world.matches[i].count; k++) {
            *ret_backfilled |= world.matches[i].members[k].ticket->backfill;
        }
    }
    uint32_t first = count > 0 ? world.matches[0].count : 0;
    world_end();
    return first;
}

static void test_backfill(void **state)
{
    (void)state;
    bool backfilled = false;
    assert_int_equal(refill_match("high", 0, &backfilled), 2);
    assert_true(backfilled);
    assert_int_equal(refill_match("low", MINUTE_MS, &backfilled), 2);
    assert_false(backfilled); /* the two play each other first */
    (void)refill_match("normal", MINUTE_MS, &backfilled);
    assert_true(backfilled); /* it is the oldest */
    (void)refill_match("normal", 0, &backfilled);
    assert_false(backfilled);
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
        cmocka_unit_test(test_demanding_where_many_come),
        cmocka_unit_test(test_patience_falls),
        cmocka_unit_test(test_served_first),
        cmocka_unit_test(test_estimate),
        cmocka_unit_test(test_snapshot_counts_arrivals_once),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_identical_and_incompatible),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_stop_and_go_on),
        cmocka_unit_test(test_many_joins_and_leaves),
        cmocka_unit_test(test_document_expands),
        cmocka_unit_test(test_backfill),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
