/* The composer: fillings, choices, surplus, bounds; and pools of many kinds, too large to try
 * every way. */
#include <math.h>

#include "actors/compose_private.h"
#include "tests/unit/compose_kinds.h"

enum { NOW_MS = 1000000, POOLS = 60 };

static uint64_t seed;

static const char duel[] = "{\"teams\": [{\"name\": \"solo\", \"minPlayers\": 1, \"maxPlayers\": 1,"
                           " \"quantity\": 2}]}";
static const char fours[] =
    "{\"teams\": [{\"name\": \"four\", \"minPlayers\": 4, \"maxPlayers\": 4, \"quantity\": 2}]}";
static const char hunt[] =
    "{\"algorithm\": {\"strategy\": \"balanced\"},"
    " \"teams\": [{\"name\": \"monsters\", \"minPlayers\": 5, \"maxPlayers\": 5},"
    "  {\"name\": \"hunters\", \"minPlayers\": 12, \"maxPlayers\": 15, \"quantity\": 10}]}";

static void add_many(uint32_t count, int32_t rating)
{
    for (uint32_t i = 0; i < count; i++) {
        (void)world_add(1, rating, NOW_MS, "");
    }
}

/* Teams below their minimum first, among them the one with the most open slots. */
static void test_filling(void **state)
{
    (void)state;
    static const struct {
        uint32_t players;
        uint32_t monsters;
        uint32_t hunters; /* of each of the ten teams */
    } stages[] = { { 10, 0, 1 },   { 100, 0, 10 }, { 122, 2, 12 }, { 125, 5, 12 },
                   { 135, 5, 13 }, { 155, 5, 15 }, { 160, 5, 15 } };
    world_rules(hunt);
    for (uint32_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        world_clear();
        add_many(stages[i].players, 1000);
        struct mu_compose_request request = {
            .rules = world.book.shapes[0],
            .regions_count = world.config.regions_count,
            .now_ms = NOW_MS,
            .entrants = world.pointers,
            .count = world.count,
        };
        mu_compose_begin(world.composer, &request, world.candidate);
        mu_compose_fill(world.composer, UINT32_MAX);
        assert_int_equal(mu_candidate_team_players(world.candidate, 0), stages[i].monsters);
        for (uint32_t team = 1; team <= 10; team++) {
            assert_int_equal(mu_candidate_team_players(world.candidate, team), stages[i].hunters);
        }
    }
}

static bool is_in(uint32_t entrant)
{
    for (uint32_t i = 0; i < world.result.count; i++) {
        if (world.result.entrants[i] == entrant) {
            assert_ptr_equal(mu_candidate_entrant(world.candidate, i), world.pointers[entrant]);
            return true;
        }
    }
    return false;
}

static void test_result(void **state)
{
    (void)state;
    world_rules(fours);
    world_clear();
    add_many(7, 1000);
    assert_false(world_compose(NOW_MS, NULL));
    add_many(3, 1000);
    assert_true(world_compose(NOW_MS, NULL));
    assert_int_equal(world.result.players, 8);
    assert_int_equal(world.result.count, 8);
    assert_int_equal(mu_candidate_count(world.candidate), 8);
    assert_true(world.result.surplus >= 0 && world.result.surplus <= 0);
    assert_true(world.result.quality > 0.99);
    for (uint32_t i = 0; i < 8; i++) {
        assert_true(is_in(i)); /* the first are wanted most */
    }
}

/* Of equally large matches the better one; the anchor is always in it. */
static void test_quality(void **state)
{
    (void)state;
    world_rules(duel);
    world_clear();
    (void)world_add(1, 1000, NOW_MS, "");
    (void)world_add(1, 1500, NOW_MS, "");
    (void)world_add(1, 1490, NOW_MS, "");
    (void)world_add(1, 1100, NOW_MS, "");
    (void)world_add(1, 1300, NOW_MS, "");
    assert_true(world_compose(NOW_MS, NULL));
    assert_true(is_in(0) && is_in(3));

    world_rules(fours);
    world_clear();
    for (uint32_t i = 0; i < 8; i++) {
        (void)world_add(1, i < 4 ? 800 : 1600, NOW_MS, "");
    }
    assert_true(world_compose(NOW_MS, NULL));
    assert_true(mu_candidate_win_probability(world.candidate) < 0.501); /* two and two each */
}

static void test_surplus(void **state)
{
    (void)state;
    double reservations[] = { 0.5, 0.9, 0.2 };
    world_rules(duel);
    world_clear();
    add_many(3, 1000);
    assert_true(world_compose(NOW_MS, reservations));
    assert_true(is_in(2)); /* who is content with less leaves more */
    assert_true(fabs(world.result.surplus - (world.result.quality - 0.35)) < 1e-9);
    double choosy[] = { 0.9, 1.2, 1.3 };
    assert_false(world_compose(NOW_MS, choosy));
    struct mu_compose_request request = {
        .rules = world.book.shapes[0],
        .regions_count = world.config.regions_count,
        .now_ms = NOW_MS,
        .entrants = world.pointers,
        .reservations = choosy,
        .count = world.count,
        .any = true,
    };
    assert_true(mu_compose(world.composer, &request, world.candidate, &world.result));
    assert_true(is_in(1));
    assert_true(world.result.surplus < 0);
}

/* Another composer with another past finds the same. */
static void test_deterministic(void **state)
{
    (void)state;
    struct mu_composer *other = mu_composer_create();
    assert_non_null(other);
    struct mu_composer *first = world.composer;
    for (uint32_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        world_rules(kinds[k].document);
        rng = (struct mu_rng){ seed * 7919 + k };
        fill_world(&kinds[k], 20, NOW_MS);
        bool found = world_compose(NOW_MS, NULL);
        struct mu_compose_result result = world.result;
        world.composer = other;
        assert_true(world_compose(NOW_MS, NULL) == found);
        world.composer = first;
        assert_int_equal(result.steps, world.result.steps);
        assert_true(!found || result.count == world.result.count);
        for (uint32_t i = 0; found && i < result.count; i++) {
            assert_int_equal(result.entrants[i], world.result.entrants[i]);
        }
    }
    mu_composer_destroy(other);
}

/* The match in the candidate is what the result says. */
static void check_match(const double *reservations)
{
    struct mu_verdict verdict;
    double reservation = 0;
    bool anchored = false;
    uint32_t players = 0;
    mu_candidate_judge(world.candidate, &verdict);
    assert_true(verdict.legal);
    assert_true((verdict.regions >> world.result.region & 1) != 0);
    assert_int_equal(mu_candidate_count(world.candidate), world.result.count);
    for (uint32_t i = 0; i < world.result.count; i++) {
        uint32_t entrant = world.result.entrants[i];
        bool whole = mu_candidate_player(world.candidate, i) == MU_RULES_NONE;
        uint32_t own = whole ? world.pointers[entrant]->players : 1;
        assert_ptr_equal(mu_candidate_entrant(world.candidate, i), world.pointers[entrant]);
        anchored = anchored || entrant == 0;
        players += own;
        reservation += reservations == NULL ? 0 : own * reservations[entrant];
    }
    assert_true(anchored);
    assert_int_equal(players, world.result.players);
    double surplus = reservations == NULL ? 0 : world.result.quality - reservation / players;
    assert_true(fabs(surplus - world.result.surplus) < 1e-9);
    assert_true(reservations == NULL || surplus > 0);
}

static void test_many_kinds(void **state)
{
    (void)state;
    static double reservations[WORLD_ENTRANTS_MAX];
    for (uint32_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        uint32_t found = 0;
        world_rules(kinds[k].document);
        for (uint32_t i = 0; i < POOLS; i++) {
            rng = (struct mu_rng){ seed * 104729 + k * 1009 + i };
            fill_world(&kinds[k], 1 + below(60), NOW_MS);
            for (uint32_t j = 0; j < world.count; j++) {
                reservations[j] = 0.01 * below(60);
            }
            const double *bids = below(3) == 0 ? reservations : NULL;
            struct mu_compose_request request = {
                .rules = world.book.shapes[0],
                .regions_count = world.config.regions_count,
                .now_ms = NOW_MS,
                .entrants = world.pointers,
                .reservations = bids,
                .count = world.count,
                .effort = below(2) == 0 ? 0 : 1 + below(3000),
            };
            if (mu_compose(world.composer, &request, world.candidate, &world.result)) {
                found++;
                check_match(bids);
            }
        }
        (void)fprintf(stderr, "%-13s %u of %u\n", kinds[k].name, found, POOLS);
        assert_true(found > 0);
    }
}

/* Whatever the effort, the search ends soon behind it. */
static void test_effort(void **state)
{
    (void)state;
    static const uint32_t efforts[] = { 1, 2, 10, 100, 1000, 5000 };
    for (uint32_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        world_rules(kinds[k].document);
        rng = (struct mu_rng){ seed * 31 + k };
        fill_world(&kinds[k], 60, NOW_MS);
        for (uint32_t i = 0; i < sizeof efforts / sizeof efforts[0]; i++) {
            struct mu_compose_request request = {
                .rules = world.book.shapes[0],
                .regions_count = world.config.regions_count,
                .now_ms = NOW_MS,
                .entrants = world.pointers,
                .count = world.count,
                .effort = efforts[i],
            };
            if (mu_compose(world.composer, &request, world.candidate, &world.result)) {
                check_match(NULL);
            }
            assert_true(world.result.steps <= efforts[i] + 1500);
        }
    }
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filling),       cmocka_unit_test(test_result),
        cmocka_unit_test(test_quality),       cmocka_unit_test(test_surplus),
        cmocka_unit_test(test_deterministic), cmocka_unit_test(test_many_kinds),
        cmocka_unit_test(test_effort),
    };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
