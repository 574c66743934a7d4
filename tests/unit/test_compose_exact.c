/* The composer against every way there is, for small pools of many kinds; and for those that are a
 * little too large for it to try every way itself.
 *
 * usage: test_compose_exact [SEED [POOLS]]   POOLS: of each kind (240), an eighth of them larger */
#include <math.h>

#include "tests/unit/compose_kinds.h"

enum { UNITS_MAX = 12 };

static uint64_t seed;
static uint64_t pools = 240;

/* The best of all ways. */
struct best {
    bool found;
    uint32_t players;
    double quality; /* or, where tickets wait, surplus a player */
};

/* What each waits for; NULL: nobody does. */
static const double *bids;

struct unit {
    uint32_t ticket;
    uint32_t player;
};

/* What the match is worth, its quality in its region, less what its players wait for; -INFINITY: it
 * is none. */
static double worth(void)
{
    struct mu_verdict verdict;
    mu_candidate_judge(world.candidate, &verdict);
    if (!verdict.legal) {
        return -HUGE_VAL;
    }
    uint32_t region = mu_candidate_region(world.candidate, verdict.regions);
    double nearness = 0;
    double waits = 0;
    for (uint32_t i = 0; i < mu_candidate_count(world.candidate); i++) {
        const struct mu_entrant *entrant = mu_candidate_entrant(world.candidate, i);
        bool whole = mu_candidate_player(world.candidate, i) == MU_RULES_NONE;
        uint32_t players = whole ? entrant->players : 1;
        nearness += (double)entrant->nearness[region] * players;
        for (uint32_t k = 0; k < world.count && bids != NULL; k++) {
            waits += world.pointers[k] == entrant ? bids[k] * players : 0;
        }
    }
    double players = mu_candidate_players(world.candidate);
    return (mu_candidate_quality(world.candidate) * nearness - waits) / players;
}

/* Judges one way: units with teams, `teams` for out; the one whose age counts comes first. */
static void judge(const struct unit *units, const uint32_t *choices, uint32_t count, int64_t now_ms,
                  struct best *best)
{
    const struct mu_rules *rules = world.book.shapes[0];
    uint32_t first = count;
    mu_candidate_begin(world.candidate, rules, world.config.regions_count, now_ms);
    for (uint32_t i = 0; i < count; i++) {
        bool in = choices[i] < rules->teams_count;
        if (units[i].ticket == 0 && !in) {
            return;
        }
        if (i > 0 && units[i].ticket == units[i - 1].ticket &&
            in != (choices[i - 1] < rules->teams_count)) {
            return; /* not all of a party */
        }
        int64_t since = world.tickets[units[i].ticket].entrant.since_ms;
        int64_t other = first == count ? 0 : world.tickets[units[first].ticket].entrant.since_ms;
        if (in && (first == count || (rules->oldest_age ? since < other : since > other))) {
            first = i;
        }
    }
    for (uint32_t i = 0; i <= count; i++) {
        uint32_t unit = i == 0 ? first : i - 1;
        if ((i > 0 && unit == first) || choices[unit] == rules->teams_count) {
            continue;
        }
        if (!mu_candidate_add(world.candidate, world.pointers[units[unit].ticket],
                              units[unit].player, choices[unit])) {
            return;
        }
    }
    double quality = worth();
    uint32_t players = mu_candidate_players(world.candidate);
    bool larger = bids == NULL && players > best->players;
    bool as_large = bids != NULL || players == best->players;
    if (isfinite(quality) && (!best->found || larger || (as_large && quality > best->quality))) {
        *best = (struct best){ true, players, quality };
    }
}

static struct best try_all(int64_t now_ms)
{
    const struct mu_rules *rules = world.book.shapes[0];
    struct best best = { 0 };
    struct unit units[32];
    uint32_t choices[32] = { 0 };
    uint32_t count = 0;
    for (uint32_t i = 0; i < world.count; i++) {
        bool apart = rules->parties == MU_PARTY_MAY_SPAN && world.pointers[i]->players > 1;
        for (uint32_t k = 0; k < (apart ? world.pointers[i]->players : 1); k++) {
            units[count++] = (struct unit){ i, apart ? k : MU_RULES_NONE };
        }
    }
    assert_true(count <= UNITS_MAX);
    for (uint32_t at = 0; at < count;) {
        judge(units, choices, count, now_ms, &best);
        for (at = 0; at < count && choices[at] == rules->teams_count; at++) {
            choices[at] = 0;
        }
        if (at < count) {
            choices[at]++;
        }
    }
    return best;
}

/* What came of the pools of one kind. */
struct tally {
    uint32_t legal;
    uint32_t missed;
    uint32_t smaller;
    double quality; /* the least, of those that are as large, in parts of the best */
    double sum;     /* of the same */
    uint64_t steps;
};

/* Whether the composer tries every way as well: then nothing is better than what it finds. */
static bool is_few(void)
{
    const struct mu_rules *rules = world.book.shapes[0];
    double ways = 1;
    for (uint32_t i = 0; i < world.count; i++) {
        bool apart = rules->parties == MU_PARTY_MAY_SPAN;
        ways *= pow(rules->teams_count + 1, apart ? world.pointers[i]->players : 1);
    }
    return ways <= 6561;
}

static void compare(bool found, const struct mu_compose_result *result, const struct best *best,
                    struct tally *tally)
{
    double quality = best->quality < 1e-6 ? 1 : result->quality / best->quality;
    bool smaller = found && result->players < best->players;
    assert_true(!found || best->found);
    assert_true(!found || result->players <= best->players);
    tally->legal += best->found ? 1 : 0;
    tally->missed += best->found && !found ? 1 : 0;
    tally->smaller += smaller ? 1 : 0;
    tally->steps += result->steps;
    if (found && !smaller) {
        tally->quality = fmin(tally->quality, quality);
        tally->sum += quality;
        assert_true(quality < 1 + 1e-9);
    }
    if (is_few()) {
        assert_true(found == best->found);
        assert_false(smaller);
        assert_true(!found || quality > 1 - 1e-6);
    }
}

/* Pools of one kind, of so many tickets at least and at most. */
static void try_kind(const struct kind *kind, uint64_t first, uint64_t count, uint32_t least,
                     uint32_t most, struct tally *tally)
{
    int64_t now_ms = 1000000;
    world_rules(kind->document);
    *tally = (struct tally){ .quality = 1 };
    for (uint64_t i = 0; i < count; i++) {
        rng = (struct mu_rng){ first + i };
        fill_world(kind, least + below(most - least + 1), now_ms);
        bool found = world_compose(now_ms, NULL);
        struct mu_compose_result result = world.result;
        if (found) {
            assert_true(fabs(worth() - result.quality) < 1e-9);
            assert_int_equal(result.players, mu_candidate_players(world.candidate));
        }
        struct best best = try_all(now_ms);
        compare(found, &result, &best, tally);
    }
    uint32_t same = tally->legal - tally->missed - tally->smaller;
    (void)fprintf(stderr,
                  "%-13s %u legal, %u missed, %u smaller, quality %.3f at least, %.4f mean, "
                  "%.0f steps\n",
                  kind->name, tally->legal, tally->missed, tally->smaller, tally->quality,
                  same == 0 ? 1 : tally->sum / same, (double)tally->steps / (double)count);
}

static void test_every_way(void **state)
{
    (void)state;
    struct tally tally;
    for (uint32_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        uint64_t first = seed * 1000003 + k * 100000;
        try_kind(&kinds[k], first, pools, 2, kinds[k].tickets_max, &tally);
        assert_true(tally.missed * 100 <= tally.legal);
        assert_true(tally.smaller * 50 <= tally.legal);
    }
}

/* One or two tickets more than it can try every way of. */
static void test_beyond(void **state)
{
    (void)state;
    for (uint32_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        struct tally tally;
        uint64_t first = seed * 1000033 + k * 100000;
        uint32_t least = kinds[k].tickets_max + (kinds[k].tickets_max < 5 ? 0 : 1);
        uint32_t more = kinds[k].party_max == 1 ? 1 : 0;
        try_kind(&kinds[k], first, pools / 8, least, least + more, &tally);
        uint32_t same = tally.legal - tally.missed - tally.smaller;
        assert_true(tally.missed * 50 <= tally.legal);
        assert_true(tally.smaller * 20 <= tally.legal + 20);
        assert_true(tally.sum >= 0.96 * same);
        assert_true(tally.quality > 0.5);
    }
}

/* Where tickets wait, the surplus counts, and a match is not one when it has none. */
static void test_surplus(void **state)
{
    (void)state;
    static double reservations[WORLD_ENTRANTS_MAX];
    int64_t now_ms = 1000000;
    for (uint32_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        uint32_t worthwhile = 0;
        uint32_t missed = 0;
        double found_sum = 0;
        double best_sum = 0;
        world_rules(kinds[k].document);
        for (uint64_t i = 0; i < pools / 2; i++) {
            rng = (struct mu_rng){ seed * 1000211 + k * 100000 + i };
            fill_world(&kinds[k], 2 + below(kinds[k].tickets_max - 1), now_ms);
            for (uint32_t j = 0; j < world.count; j++) {
                reservations[j] = 0.01 * below(60);
            }
            bool found = world_compose(now_ms, reservations);
            double surplus = world.result.surplus;
            bids = reservations;
            assert_true(!found || fabs(worth() - surplus) < 1e-9);
            struct best best = try_all(now_ms);
            bids = NULL;
            if (!best.found || best.quality <= 1e-6) {
                assert_false(found);
                continue;
            }
            assert_true(!found || surplus <= best.quality + 1e-9);
            worthwhile++;
            missed += found ? 0 : 1;
            found_sum += found ? surplus : 0;
            best_sum += best.quality;
        }
        (void)fprintf(stderr, "%-13s %u worthwhile, %u missed, surplus %.4f of the best\n",
                      kinds[k].name, worthwhile, missed, found_sum / best_sum);
        assert_true(found_sum > 0.95 * best_sum);
    }
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    if (argc > 2 && mu_parse_u64(argv[2], 8, 90000, &pools) != 0) {
        (void)fprintf(stderr, "usage: %s [seed [pools]]\n", argv[0]);
        return 64;
    }
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_way),
                                        cmocka_unit_test(test_beyond),
                                        cmocka_unit_test(test_surplus) };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
