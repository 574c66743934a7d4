/* The composer against every way there is, for small pools of many kinds. */
#include <math.h>

#include "tests/unit/compose_kinds.h"

enum { UNITS_MAX = 12, POOLS = 400 };

static uint64_t seed;

/* The best of all ways. */
struct best {
    bool found;
    uint32_t players;
    double quality;
};

struct unit {
    uint32_t ticket;
    uint32_t player;
};

/* What the match is worth, its quality in its region; < 0: it is none. */
static double worth(void)
{
    struct mu_verdict verdict;
    mu_candidate_judge(world.candidate, &verdict);
    if (!verdict.legal) {
        return -1;
    }
    uint32_t region = mu_candidate_region(world.candidate, verdict.regions);
    double nearness = 0;
    for (uint32_t i = 0; i < mu_candidate_count(world.candidate); i++) {
        const struct mu_entrant *entrant = mu_candidate_entrant(world.candidate, i);
        bool whole = mu_candidate_player(world.candidate, i) == MU_RULES_NONE;
        nearness += (double)entrant->nearness[region] * (whole ? entrant->players : 1);
    }
    return mu_candidate_quality(world.candidate) * nearness / mu_candidate_players(world.candidate);
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
    if (quality >= 0 && (!best->found || players > best->players ||
                         (players == best->players && quality > best->quality))) {
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
        assert_true(quality < 1 + 1e-9);
    }
    if (is_few()) {
        assert_true(found == best->found);
        assert_false(smaller);
        assert_true(!found || quality > 1 - 1e-6);
    }
}

static void test_every_way(void **state)
{
    (void)state;
    int64_t now_ms = 1000000;
    for (uint32_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        struct tally tally = { .quality = 1 };
        world_rules(kinds[k].document);
        for (uint32_t i = 0; i < POOLS; i++) {
            rng = (struct mu_rng){ seed * 1000003 + k * 1009 + i };
            fill_world(&kinds[k], 2 + below(kinds[k].tickets_max - 1), now_ms);
            bool found = world_compose(now_ms, NULL);
            struct mu_compose_result result = world.result;
            if (found) {
                assert_true(fabs(worth() - result.quality) < 1e-9);
                assert_int_equal(result.players, mu_candidate_players(world.candidate));
            }
            struct best best = try_all(now_ms);
            compare(found, &result, &best, &tally);
        }
        (void)fprintf(stderr, "%-13s %u legal, %u missed, %u smaller, quality %.3f, %.0f steps\n",
                      kinds[k].name, tally.legal, tally.missed, tally.smaller, tally.quality,
                      (double)tally.steps / POOLS);
        assert_true(tally.missed * 100 <= tally.legal);
        assert_true(tally.smaller * 50 <= tally.legal);
    }
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_way) };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
