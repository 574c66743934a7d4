/* The matching engine against slow, obvious versions of itself, by the modes of engine_world.h.
 *
 * usage: test_engine_properties [SEED [TIMES]]   TIMES: how often all of it (1) */
#include <string.h>

#include "tests/unit/engine_world.h"

/* Slow, obvious versions. */

static int64_t window_of(const struct mu_engine_ticket *ticket)
{
    const struct mu_mode *mode = &world.settings;
    int64_t points = (int64_t)mode->window_points +
                     (int64_t)mode->window_per_second * (world.now_ms - ticket->since_ms) / 1000;
    return points < (int64_t)mode->window_max ? points : (int64_t)mode->window_max;
}

/* What a mode asks of a match, in its own words. */
static void judge_mode(const struct mu_engine_match *match)
{
    const struct mu_mode *mode = &world.settings;
    uint32_t sizes[MU_TEAMS_MAX] = { 0 };
    uint32_t players = 0;
    uint32_t playing = 0;
    int64_t age_max_ms = 0;
    for (uint32_t i = 0; i < match->count; i++) {
        const struct mu_engine_member *a = &match->members[i];
        assert_true(a->team < mode->teams); /* all of a party on one */
        sizes[a->team] += a->ticket->players;
        players += a->ticket->players;
        uint32_t reach_ms = a->ticket->reach_ms[match->region];
        assert_true(reach_ms != MU_REACH_NONE);
        assert_true(mode->latency_max_ms == 0 || reach_ms <= mode->latency_max_ms);
        int64_t age_ms = world.now_ms - a->ticket->since_ms;
        age_max_ms = age_ms > age_max_ms ? age_ms : age_max_ms;
        for (uint32_t j = 0; j < match->count; j++) {
            int64_t distance = (int64_t)a->ticket->rating - match->members[j].ticket->rating;
            assert_true(distance <= window_of(a->ticket) && -distance <= window_of(a->ticket));
            assert_true(i == j || strcmp(a->ticket->id, match->members[j].ticket->id) != 0);
        }
    }
    for (uint32_t i = 0; i < mode->teams; i++) {
        bool away = sizes[i] == 0 && mode->teams_min < mode->teams;
        playing += sizes[i] > 0;
        assert_true(away || (sizes[i] >= mode->team_min && sizes[i] <= mode->team_max));
    }
    assert_true(playing >= mode->teams_min);
    assert_true(players == mode->teams * mode->team_max || age_max_ms >= mode->fill_ms);
}

static bool seats_are_legal(const struct mu_engine_ticket *const *chosen, uint32_t count,
                            uint64_t way, uint32_t region, int64_t now_ms)
{
    struct mu_engine_member members[16];
    for (uint32_t i = 0; i < count; i++) {
        members[i] = (struct mu_engine_member){
            .ticket = chosen[i],
            .team = (uint32_t)(way % modes[world.mode].teams),
        };
        way /= modes[world.mode].teams;
    }
    return legal(members, count, region, now_ms) == MU_ENGINE_LEGAL;
}

/* Whether the chosen tickets can play somewhere in some teams. */
static bool subset_is_legal(const struct mu_engine_ticket *const *chosen, uint32_t count,
                            int64_t now_ms)
{
    uint64_t ways = 1;
    for (uint32_t i = 0; i < count; i++) {
        ways *= modes[world.mode].teams;
    }
    for (uint32_t region = 0; region < config.regions_count; region++) {
        bool all_reach = true;
        for (uint32_t i = 0; i < count; i++) {
            all_reach = all_reach && chosen[i]->reach_ms[region] != MU_REACH_NONE;
        }
        for (uint64_t way = 0; all_reach && way < ways; way++) {
            if (seats_are_legal(chosen, count, way, region, now_ms)) {
                return true;
            }
        }
    }
    return false;
}

/* Whether any set of the tickets that wait can play at that time; with one that has waited for
 * age_min_ms, when that is > 0. */
static bool anything_left(int64_t now_ms, int64_t age_min_ms)
{
    const struct mu_mode *mode = &modes[world.mode];
    assert_true(world.tickets_count <= 14);
    for (uint32_t set = 1; set < UINT32_C(1) << world.tickets_count; set++) {
        const struct mu_engine_ticket *chosen[16];
        uint32_t count = 0;
        uint32_t players = 0;
        bool old = age_min_ms == 0;
        for (uint32_t i = 0; i < world.tickets_count; i++) {
            if ((set >> i & 1) != 0) {
                const struct mu_engine_ticket *ticket = &world.tickets[i];
                players += ticket->players;
                old |= now_ms - ticket->since_ms + 1000 * (int64_t)ticket->priority >= age_min_ms;
                chosen[count++] = ticket;
            }
        }
        if (old && players >= mode->teams_min * mode->team_min &&
            players <= mode->teams * mode->team_max && subset_is_legal(chosen, count, now_ms)) {
            return true;
        }
    }
    return false;
}

static int64_t key_of(const struct mu_engine_ticket *ticket)
{
    return ticket->since_ms - 1000 * (int64_t)ticket->priority;
}

static bool is_before(const struct mu_engine_ticket *a, const struct mu_engine_ticket *b)
{
    return key_of(a) != key_of(b) ? key_of(a) < key_of(b) : strcmp(a->id, b->id) < 0;
}

static float nearness_of(const struct mu_engine_ticket *ticket, uint32_t region)
{
    uint32_t ms = ticket->reach_ms[region];
    return ms == MU_REACH_NONE || ms > 150 ? 0 : ms <= 40 ? 1 : (float)(260 - ms) / 220;
}

/* What a pair is worth by the formulas of struct mu_objective, certain ratings and 1 as exponents;
 * < 0: it is not legal. */
static double worth_of(const struct mu_engine_ticket *a, const struct mu_engine_ticket *b)
{
    const struct mu_engine_ticket *both[] = { a, b };
    if (!subset_is_legal(both, 2, world.now_ms)) {
        return -1;
    }
    float best[2] = { 0, 0 };
    double latency = 0;
    for (uint32_t i = 0; i < config.regions_count; i++) {
        best[0] = fmaxf(best[0], nearness_of(a, i));
        best[1] = fmaxf(best[1], nearness_of(b, i));
    }
    for (uint32_t i = 0; i < config.regions_count; i++) {
        if (nearness_of(a, i) > 0 && nearness_of(b, i) > 0) {
            latency = fmax(latency, (double)(nearness_of(a, i) / best[0]) +
                                        (double)(nearness_of(b, i) / best[1]));
        }
    }
    double distance = a->sum - b->sum;
    return latency * erfc(fabs(distance) / 400) / (1 + distance * distance / 360000);
}

/* In the order of service everybody takes the best partner.  Returns how many pairs. */
static uint32_t naive_pairs(double ret[MATCHES_MAX])
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
        double best_worth = -1;
        for (uint32_t j = i + 1; left[i].players > 0 && j < n; j++) {
            double worth = left[j].players > 0 ? worth_of(&left[i], &left[j]) : -1;
            if (worth > best_worth) {
                best = j;
                best_worth = worth;
            }
        }
        if (best < n) {
            ret[pairs++] = best_worth;
            left[i].players = 0; /* taken */
            left[best].players = 0;
        }
    }
    return pairs;
}

/* Properties of a queue where nobody waits for a better match. */

static void test_pairs_equal_naive(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 60; round++) {
        double expected[MATCHES_MAX];
        world_begin(DUEL, 0);
        uint32_t n = 1 + (uint32_t)mu_rng_below(&rng, 60);
        for (uint32_t i = 0; i < n; i++) {
            world_add(random_ticket(1, 200 + 26 * (int32_t)round, 30000));
        }
        uint32_t pairs = naive_pairs(expected);
        assert_int_equal(world_match(), pairs);
        for (uint32_t i = 0; i < pairs; i++) {
            const struct mu_engine_member *members = world.matches[i].members;
            assert_true(fabs(worth_of(members[0].ticket, members[1].ticket) - expected[i]) < 1e-5);
        }
        world_end();
    }
}

/* Tickets come and go one by one: nothing legal is ever left, and nothing becomes legal before
 * the moment that the pool named.  Teams of parties are looked for in every way among eight
 * tickets; among more something may be missed. */
static void run_incrementally(uint32_t mode, uint32_t players_max, int32_t spread, uint32_t steps)
{
    uint32_t tickets_max = modes[mode].teams > 1 && modes[mode].team_max > 2 ? 8 : 11;
    world_begin(mode, 0);
    for (uint32_t i = 0; i < steps; i++) {
        uint64_t choice = mu_rng_below(&rng, 10);
        int64_t moment = mu_pool_next_moment(world.pool);
        assert_true(moment != INT64_MIN);
        if (choice < 6 && world.tickets_count < tickets_max) {
            world_add(random_ticket(players_max, spread, 3000));
        } else if (choice < 8 && world.tickets_count > 0) {
            world_cancel((uint32_t)mu_rng_below(&rng, world.tickets_count));
        } else if (moment != MU_NEVER) {
            assert_true(moment > world.now_ms);
            assert_false(anything_left(moment - 1, 0));
            world.now_ms = moment;
        }
        (void)world_match_all();
        assert_false(anything_left(world.now_ms, 0));
        world_commit();
        assert_int_equal(mu_pool_taken(world.pool), 0);
        assert_int_equal(mu_pool_count(world.pool), world.tickets_count);
    }
    world_end();
}

static void test_nothing_left_pairs(void **state)
{
    (void)state;
    run_incrementally(DUEL, 1, 1500, 600);
    run_incrementally(DUEL, 2, 300, 300); /* parties of two can never play a duel */
}

static void test_nothing_left_twos(void **state)
{
    (void)state;
    run_incrementally(TWOS, 3, 600, 300);
}

static void test_nothing_left_fives(void **state)
{
    (void)state;
    run_incrementally(FIVES, 5, 800, 200);
}

static void test_nothing_left_eight(void **state)
{
    (void)state;
    run_incrementally(EIGHT, 8, 900, 200);
}

static void test_nothing_left_casual(void **state)
{
    (void)state;
    run_incrementally(CASUAL, 4, 2500, 200);
}

/* Properties of a queue with reservations. */

static uint32_t party_max(uint32_t mode)
{
    return modes[mode].team_max < MU_TICKET_PLAYERS_MAX ? modes[mode].team_max
                                                        : MU_TICKET_PLAYERS_MAX;
}

/* Tickets come and go; whoever has waited for first_ms is in no legal match any more: he was
 * served. */
static void test_nobody_starves(void **state)
{
    (void)state;
    static const uint32_t tried[] = { DUEL, TWOS, FIVES, EIGHT, CASUAL };
    for (uint32_t k = 0; k < 5; k++) {
        config.modes[tried[k]].serve_first_ms = 30000;
        world_begin(tried[k], 60000);
        config.modes[tried[k]] = modes[tried[k]];
        for (uint32_t i = 0; i < 200; i++) {
            uint64_t choice = mu_rng_below(&rng, 10);
            int64_t moment = mu_pool_next_moment(world.pool);
            if (choice < 4 && world.tickets_count < 8) {
                world_add(random_ticket(party_max(tried[k]), 500, 0));
            } else if (choice < 5 && world.tickets_count > 0) {
                world_cancel((uint32_t)mu_rng_below(&rng, world.tickets_count));
            } else if (moment != MU_NEVER) {
                world.now_ms = moment;
            }
            int64_t until_ms = world.now_ms + 1200; /* those who are left are tried each second */
            while (world_wait(until_ms)) {
                world_commit();
            }
            assert_false(anything_left(world.now_ms, 30000));
        }
        world_end();
    }
}

static void spell_match(const struct mu_engine_match *match, char *ret, size_t size)
{
    size_t used = (size_t)snprintf(ret, size, "%u", (unsigned)match->region);
    for (uint32_t i = 0; i < match->count; i++) {
        assert_true(used < size);
        used += (size_t)snprintf(ret + used, size - used, " %s/%u", match->members[i].ticket->id,
                                 (unsigned)match->members[i].team);
    }
    assert_true(used < size);
}

/* Adds those that are kept, in some order, and spells the matches that come:
 * [matches_max][4096]. */
static uint32_t match_in_order(const struct mu_engine_ticket *kept, uint32_t *order, uint32_t n,
                               char (*ret)[4096])
{
    for (uint32_t i = 0; i < n; i++) {
        world_add(kept[order[i]]);
    }
    (void)world_match_all();
    world.now_ms += MU_POOL_TAKEN_MS - 1;
    (void)world_match_all();
    for (uint32_t i = 0; i < world.matches_count; i++) {
        spell_match(&world.matches[i], ret[i], sizeof ret[i]);
    }
    return world.matches_count;
}

/* Those who came at the same time: their order does not matter, but by id. */
static void test_order_of_arrivals(void **state)
{
    (void)state;
    static struct mu_engine_ticket kept[TICKETS_MAX];
    static uint32_t order[TICKETS_MAX];
    static char expected[MATCHES_MAX][4096];
    static char found[MATCHES_MAX][4096];
    static const uint32_t tried[] = { DUEL, TWOS, FIVES, EIGHTS, CASUAL, EIGHT, RANGE, TRIOS };
    for (uint32_t round = 0; round < 64; round++) {
        uint32_t mode = tried[round % 8];
        uint32_t wait_cost_ms = round % 16 < 8 ? 240000 : 0;
        uint32_t n = 20 + (uint32_t)mu_rng_below(&rng, 180);
        world_begin(mode, wait_cost_ms);
        for (uint32_t i = 0; i < n; i++) {
            kept[i] = random_ticket(party_max(mode), 1200, 20000);
            order[i] = i;
        }
        uint32_t matches = match_in_order(kept, order, n, expected);
        for (uint32_t pass = 0; pass < 3; pass++) {
            for (uint32_t i = 0; i < n; i++) { /* the other way round, then in any order */
                uint32_t with = pass == 0 ? n - 1 - i : (uint32_t)mu_rng_below(&rng, n);
                uint32_t kept_at = order[i];
                order[i] = i < with || pass > 0 ? order[with] : order[i];
                order[with] = i < with || pass > 0 ? kept_at : order[with];
            }
            world_end();
            world_begin(mode, wait_cost_ms);
            assert_int_equal(match_in_order(kept, order, n, found), matches);
            for (uint32_t i = 0; i < matches; i++) {
                assert_string_equal(found[i], expected[i]);
            }
        }
        world_end();
    }
}

/* What a group is worth by brute force: the best of all fours with that ticket. */
static double best_four(uint32_t anchor)
{
    double best = 0;
    for (uint32_t set = 0; set < UINT32_C(1) << world.tickets_count; set++) {
        const struct mu_engine_ticket *chosen[4];
        uint32_t count = 0;
        if ((set >> anchor & 1) == 0 || __builtin_popcount(set) != 4) {
            continue;
        }
        for (uint32_t i = 0; i < world.tickets_count; i++) {
            if ((set >> i & 1) != 0) {
                chosen[count++] = &world.tickets[i];
            }
        }
        double sum = 0;
        double squares = 0;
        double difference = INFINITY;
        for (uint32_t i = 0; i < count; i++) {
            sum += chosen[i]->sum;
            squares += chosen[i]->squares;
        }
        for (uint32_t i = 1; i < count; i++) {
            difference = fmin(difference, fabs(sum - 2 * (chosen[0]->sum + chosen[i]->sum)));
        }
        double variance = fmax(squares / 4 - sum * sum / 16, 0);
        const struct mu_objective *objective = &world.book.shapes[0]->objective;
        double fairness = pow(erfc(difference / (400 * sqrt(2))), objective->fairness);
        double closeness = pow(1 / (1 + variance / 90000), objective->closeness);
        best = fmax(best, fairness * closeness);
    }
    return best;
}

/* The oldest of four to twelve gets, nearly, the best four that there is. */
static void test_fours_nearly_best(void **state)
{
    (void)state;
    double found = 0;
    double possible = 0;
    for (uint32_t round = 0; round < 100; round++) {
        config.modes[TWOS].window_points = 2900;
        config.modes[TWOS].window_max = 2900;
        world_begin(TWOS, 0);
        config.modes[TWOS] = modes[TWOS];
        uint32_t n = 4 + (uint32_t)mu_rng_below(&rng, 9);
        for (uint32_t i = 0; i < n; i++) {
            int32_t rating = 1000 + (int32_t)mu_rng_below(&rng, 800);
            world_add(ticket_of(rating, 1, i == 0 ? 1000 : 0));
        }
        double best = best_four(0);
        (void)world_match();
        assert_true(world.matches[0].quality <= best + 1e-6);
        found += world.matches[0].quality;
        possible += best;
        world_end();
    }
    assert_true(found > 0.99 * possible);
}

/* A crowd of tickets, all modes, all kinds: every match is checked as it comes. */
static void test_soak(void **state)
{
    (void)state;
    for (uint32_t mode = 0; mode < MODES_COUNT; mode++) {
        world_begin(mode, mode % 2 == 0 ? 120000 : 0);
        for (uint32_t i = 0; i < 1000; i++) {
            uint64_t choice = mu_rng_below(&rng, 10);
            int64_t moment = mu_pool_next_moment(world.pool);
            if (choice < 7 && world.tickets_count < TICKETS_MAX) {
                world_add(random_ticket(party_max(mode), 1500, 0));
            } else if (choice < 8 && world.tickets_count > 0) {
                world_cancel((uint32_t)mu_rng_below(&rng, world.tickets_count));
            } else if (moment != MU_NEVER && moment > world.now_ms) {
                world.now_ms = moment < world.now_ms + 5000 ? moment : world.now_ms + 5000;
            }
            if (mu_rng_chance_ppm(&rng, 500000)) {
                (void)world_match_all();
                world_commit();
            }
        }
        world_end();
    }
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    uint64_t times = 1;
    if (argc > 2 && mu_parse_u64(argv[2], 1, 1000000, &times) != 0) {
        (void)fprintf(stderr, "usage: %s [seed [times]]\n", argv[0]);
        return 64;
    }
    world_judge = judge_mode;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs_equal_naive),  cmocka_unit_test(test_nothing_left_pairs),
        cmocka_unit_test(test_nothing_left_twos),  cmocka_unit_test(test_nothing_left_fives),
        cmocka_unit_test(test_nothing_left_eight), cmocka_unit_test(test_nothing_left_casual),
        cmocka_unit_test(test_nobody_starves),     cmocka_unit_test(test_order_of_arrivals),
        cmocka_unit_test(test_fours_nearly_best),  cmocka_unit_test(test_soak),
    };
    int failed = 0;
    for (uint64_t i = 0; i < times && failed == 0; i++) {
        failed = cmocka_run_group_tests(tests, setup, NULL);
    }
    return failed;
}
