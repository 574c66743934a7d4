/* Candidates against a slow evaluation from scratch: random rule sets, tickets and changes.
 *
 * usage: test_candidate_properties [SEED [COUNT]]   COUNT: rule sets (5000) */
#include <math.h>
#include <string.h>

#include "tests/unit/unit.h"

#include "actors/candidate.h"
#include "tests/unit/candidate_oracle.h"

enum { STEPS = 24, EXTRA_MAX = 5 };

static struct world world;
static struct oracle_match match;
static struct mu_candidate *candidate;
static uint64_t seed;
static uint64_t count = 5000;
static uint64_t legal, refused, added, supersets;

/* Says which rule set it was. */
static void check(bool good, const char *what, uint64_t index)
{
    if (!good) {
        fail_msg("seed %llu, rule set %llu: %s", (unsigned long long)seed,
                 (unsigned long long)index, what);
    }
}

/* The roles that are given: within their bounds, and each as good as can be. */
static void check_roles(const struct oracle_verdict *want, uint64_t index)
{
    static uint32_t roles[MU_MATCH_PLAYERS_MAX];
    uint32_t used[MU_TEAMS_MAX][MU_RULES_QUOTAS_MAX] = { { 0 } };
    uint32_t at = 0;
    uint32_t choices = 0;
    mu_candidate_roles(candidate, roles);
    for (uint32_t i = 0; i < match.units_count; i++) {
        const struct oracle_unit *unit = &match.units[i];
        for (uint32_t j = 0; j < unit->ticket->entrant.players; j++) {
            const struct world_player *player = &unit->ticket->players[j];
            if (unit->player != MU_RULES_NONE && unit->player != j) {
                continue;
            }
            uint32_t team = unit->team == MU_RULES_NONE ? player->team : unit->team;
            const struct mu_team *quotas = &world.rules.teams[team];
            uint32_t role = roles[at++];
            check((role == MU_RULES_NONE) == (quotas->quotas_count == 0), "a role", index);
            if (role != MU_RULES_NONE) {
                uint32_t rank = 0;
                check(role < quotas->quotas_count, "role", index);
                check(oracle_rank(&world.rules, player, quotas->quotas[role].symbol, &rank),
                      "role in list", index);
                choices += rank;
                used[team][role]++;
            }
        }
    }
    check(choices == want->choices, "choices", index);
    for (uint32_t i = 0; i < world.rules.teams_count; i++) {
        for (uint32_t j = 0; j < world.rules.teams[i].quotas_count; j++) {
            const struct mu_quota *quota = &world.rules.teams[i].quotas[j];
            bool away = want->team_players[i] == 0;
            check(used[i][j] <= quota->max && (away || used[i][j] >= quota->min), "quota", index);
        }
    }
}

static void compare(uint64_t index)
{
    struct oracle_verdict want;
    struct mu_verdict got;
    oracle_judge(&match, &want);
    mu_candidate_judge(candidate, &got);
    check(got.sizes == want.verdict.sizes, "sizes", index);
    check(got.fill == want.verdict.fill, "fill", index);
    check(got.window == want.verdict.window, "window", index);
    check(got.parties == want.verdict.parties, "parties", index);
    check(got.roles == want.verdict.roles, "roles", index);
    check(got.backfill == want.verdict.backfill, "backfill", index);
    for (uint32_t i = 0; i < world.rules.rules_count; i++) {
        char what[96];
        (void)snprintf(what, sizeof what, "rule %u (type %u): got %u, want %u, excess %g",
                       (unsigned)i, (unsigned)world.rules.rules[i].type,
                       (unsigned)(got.broken >> i & 1), (unsigned)(want.verdict.broken >> i & 1),
                       want.excess[i]);
        check(((got.broken ^ want.verdict.broken) >> i & 1) == 0, what, index);
    }
    check(got.regions == want.verdict.regions, "regions", index);
    check(got.legal == want.verdict.legal, "legal", index);
    check(got.legal == (got.violation == 0) && got.violation >= 0, "violation", index);
    check(mu_candidate_age(candidate) == want.age_ms, "age", index);
    check(mu_candidate_players(candidate) == want.players, "players", index);
    check(mu_candidate_count(candidate) == match.units_count, "units", index);
    for (uint32_t i = 0; i < world.rules.teams_count; i++) {
        check(mu_candidate_team_players(candidate, i) == want.team_players[i], "team", index);
    }
    /* Without roles what is left of the quality is not defined; of many sides it is not exact. */
    if (got.roles && (!world.rules.for_all || want.players <= 32)) {
        double quality = mu_candidate_quality(candidate);
        check(fabs(quality - want.quality) < 1e-9, "quality", index);
        check_roles(&want, index);
    }
    double probability = mu_candidate_win_probability(candidate);
    check(fabs(probability - want.probability) < 1e-9, "win probability", index);
    if (got.regions != 0) {
        check(mu_candidate_region(candidate, got.regions) == oracle_region(&match, got.regions),
              "region", index);
    }
    legal += got.legal ? 1 : 0;
}

static bool is_in(const struct world_ticket *ticket, uint32_t player)
{
    for (uint32_t i = 0; i < match.units_count; i++) {
        const struct oracle_unit *unit = &match.units[i];
        bool same =
            unit->player == MU_RULES_NONE || player == MU_RULES_NONE || unit->player == player;
        if (unit->ticket == ticket && same) {
            return true;
        }
    }
    return false;
}

/* Appends a random unit that is not in, to the slow match only.  Returns whether there is one. */
static bool append(void)
{
    const struct world_ticket *ticket = &world.tickets[world_below(&world, world.tickets_count)];
    uint32_t player = MU_RULES_NONE;
    uint32_t team = world_below(&world, world.rules.teams_count);
    if (!ticket->entrant.backfill && world_chance(&world, 20)) {
        player = world_below(&world, ticket->entrant.players);
    }
    if (is_in(ticket, player) || match.units_count == ORACLE_UNITS_MAX) {
        return false;
    }
    match.units[match.units_count++] = (struct oracle_unit){
        .ticket = ticket,
        .player = player,
        .team = ticket->entrant.backfill ? MU_RULES_NONE : team,
    };
    return true;
}

/* A rule that lasts, once it is broken, is broken whoever else comes, at the same age. */
static void check_supersets(uint64_t index)
{
    struct oracle_verdict before;
    struct oracle_verdict after;
    struct oracle_match kept = match;
    oracle_judge(&match, &before);
    uint64_t lasting = oracle_lasting(&match, &before);
    for (uint32_t i = 0; i < EXTRA_MAX && lasting != 0; i++) {
        if (!append()) {
            continue;
        }
        oracle_judge(&match, &after);
        if (after.age_ms == before.age_ms) {
            check((lasting & ~oracle_lasting(&match, &after)) == 0, "lasting", index);
            check(!after.verdict.legal, "legal again", index);
            supersets++;
        }
    }
    match = kept;
}

static void step_add(uint64_t index)
{
    struct oracle_verdict want;
    if (!append()) {
        return;
    }
    const struct oracle_unit unit = match.units[match.units_count - 1];
    uint32_t team = unit.team == MU_RULES_NONE ? 0 : unit.team;
    if (world_chance(&world, 15)) {
        check(mu_candidate_put(candidate, &unit.ticket->entrant, unit.player, team), "put", index);
        return;
    }
    oracle_judge(&match, &want);
    bool may = oracle_may_stand(&match, &want);
    bool did = mu_candidate_add(candidate, &unit.ticket->entrant, unit.player, team);
    check(did == may, did ? "added" : "refused", index);
    added += did ? 1 : 0;
    refused += did ? 0 : 1;
    if (!did) {
        check_supersets(index);
        match.units_count--;
    }
}

static void step_remove(void)
{
    uint32_t unit = world_below(&world, match.units_count);
    match.units[unit] = match.units[--match.units_count];
    mu_candidate_remove(candidate, unit);
}

static void step_move(void)
{
    uint32_t a = world_below(&world, match.units_count);
    uint32_t b = world_below(&world, match.units_count);
    uint32_t team = world_below(&world, world.rules.teams_count);
    if (match.units[a].team == MU_RULES_NONE || match.units[b].team == MU_RULES_NONE) {
        return;
    }
    if (world_chance(&world, 50)) {
        match.units[a].team = team;
        mu_candidate_move(candidate, a, team);
    } else {
        uint32_t team_a = match.units[a].team;
        match.units[a].team = match.units[b].team;
        match.units[b].team = team_a;
        mu_candidate_exchange(candidate, a, b);
    }
}

static void test_incremental(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < count; i++) {
        world.rng.state = seed * 1000003 + i;
        world_make(&world);
        match.world = &world;
        match.units_count = 0;
        mu_candidate_begin(candidate, &world.rules, WORLD_REGIONS, world.now_ms);
        for (uint32_t j = 0; j < STEPS; j++) {
            uint32_t what = world_below(&world, 10);
            if (what < 6 || match.units_count == 0) {
                step_add(i);
            } else if (what < 8) {
                step_remove();
            } else {
                step_move();
            }
            compare(i);
        }
    }
    (void)fprintf(stderr, "%llu rule sets: %llu legal, %llu added, %llu refused, %llu supersets\n",
                  (unsigned long long)count, (unsigned long long)legal, (unsigned long long)added,
                  (unsigned long long)refused, (unsigned long long)supersets);
    /* The worlds are worth testing only while all of this happens. */
    assert_true(legal > count / 10 && added > count && refused > count / 10);
    assert_true(supersets > count / 10);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    if (argc > 2 && mu_parse_u64(argv[2], 1, 100000000, &count) != 0) {
        (void)fprintf(stderr, "usage: %s [seed [rule sets]]\n", argv[0]);
        return 64;
    }
    candidate = mu_candidate_create();
    if (candidate == NULL) {
        return 1;
    }
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_incremental) };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mu_candidate_destroy(candidate);
    return failed;
}
