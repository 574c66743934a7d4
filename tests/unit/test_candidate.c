/* Candidates: known matches, and single rules; test_candidate_properties.c does the rest. */
#include <math.h>
#include <string.h>

#include "tests/unit/candidate_party.h"
#include "tests/unit/candidate_vectors.h"

/* Adds the tickets of a match as candidate_vectors.h writes it. */
static void add_match(const char *match)
{
    uint32_t index = 0;
    uint32_t team = 0;
    for (const char *at = match; *at != '\0';) {
        struct mu_entrant *entrant = make_party(index++, at);
        assert_true(mu_candidate_add(candidate, entrant, MU_RULES_NONE, team));
        at += strcspn(at, ",/");
        team += *at == '/' ? 1 : 0;
        at += *at != '\0' ? 1 : 0;
    }
}

static struct mu_verdict judge(void)
{
    struct mu_verdict verdict;
    mu_candidate_judge(candidate, &verdict);
    assert_int_equal(verdict.legal, verdict.violation == 0);
    return verdict;
}

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof candidate_vectors / sizeof candidate_vectors[0]; i++) {
        uint32_t teams = candidate_vectors[i].teams;
        uint32_t size = candidate_vectors[i].size;
        set_rules(teams, size, size);
        rules.teams_min = 1;
        begin(0);
        add_match(candidate_vectors[i].match);
        struct mu_verdict verdict = judge();
        assert_true(verdict.legal);
        double spread = candidate_vectors[i].spread / 300;
        rules.objective.closeness = 0;
        rules.objective.fullness = 0;
        double imbalance = 1 - mu_candidate_quality(candidate);
        assert_true(fabs(imbalance - candidate_vectors[i].imbalance) < 1e-9);
        rules.objective.fairness = 0;
        rules.objective.closeness = 1;
        assert_true(fabs(mu_candidate_quality(candidate) - 1 / (1 + spread * spread)) < 1e-9);
        rules.objective.closeness = 0;
        rules.objective.fullness = 1;
        assert_true(fabs(mu_candidate_quality(candidate) - candidate_vectors[i].fill) < 1e-9);
    }
}

/* Five of 1500 against one of that rating. */
static double five_to_one(const char *one)
{
    begin(0);
    for (uint32_t i = 0; i < 5; i++) {
        assert_true(mu_candidate_add(candidate, make_party(i, "1500"), MU_RULES_NONE, 0));
    }
    assert_true(mu_candidate_add(candidate, make_party(5, one), MU_RULES_NONE, 1));
    return 1 - mu_candidate_quality(candidate);
}

/* Where the rules want one to play against five, means are compared; where they could be as many,
 * one is no match for five. */
static void test_uneven(void **state)
{
    (void)state;
    set_rules(2, 1, 5);
    rules.objective.closeness = 0;
    rules.objective.fullness = 0;
    assert_true(five_to_one("1500") > 1 - 1e-9);
    rules.alike = false;
    rules.teams[1].players_max = fixed(1);
    rules.teams[1].like = 1;
    assert_true(fabs(five_to_one("1500")) < 1e-9);
    /* 100 points between the means of, on the average, three players each. */
    assert_true(fabs(five_to_one("1600") - erf(300 / (200 * sqrt(6)) / sqrt(2))) < 1e-9);
    assert_true(fabs(five_to_one("1400") - five_to_one("1600")) < 1e-9);
    assert_true(fabs(2 * mu_candidate_win_probability(candidate) - 1 - five_to_one("1400")) < 1e-9);
}

/* All against all is the same as teams of one. */
static void test_for_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof candidate_vectors / sizeof candidate_vectors[0]; i++) {
        if (candidate_vectors[i].size != 1) {
            continue;
        }
        set_rules(1, 2, candidate_vectors[i].teams);
        rules.for_all = true;
        begin(0);
        uint32_t index = 0;
        for (const char *at = candidate_vectors[i].match; *at != '\0';) {
            assert_true(mu_candidate_add(candidate, make_party(index++, at), MU_RULES_NONE, 0));
            at += strcspn(at, "/");
            at += *at != '\0' ? 1 : 0;
        }
        rules.objective.closeness = 0;
        rules.objective.fullness = 0;
        assert_true(fabs(1 - mu_candidate_quality(candidate) - candidate_vectors[i].imbalance) <
                    1e-9);
    }
}

/* More sides than are compared pair by pair: nearly the same. */
static void check_crowd(double variance)
{
    char rating[16];
    set_rules(1, 2, 60);
    rules.for_all = true;
    rules.objective.closeness = 0;
    rules.objective.fullness = 0;
    rules.objective.uncertainty = 1;
    begin(0);
    double exact = 0;
    double scale = sqrt(2 * (2 * 200 * 200 + 2 * variance));
    for (uint32_t i = 0; i < 60; i++) {
        /* Nearly a normal distribution: a sum of three equal ones. */
        uint32_t value = 1000 + 7 * (i * 37 % 60) + 5 * (i * 23 % 60) + 6 * (i * 11 % 60);
        (void)snprintf(rating, sizeof rating, "%u", (unsigned)value);
        make_party(i, rating)->variance = variance;
        assert_true(mu_candidate_add(candidate, &entrants[i], MU_RULES_NONE, 0));
        for (uint32_t j = 0; j < i; j++) {
            exact += erf(fabs(entrants[i].sum - entrants[j].sum) / scale) / (60 * 59 / 2.0);
        }
    }
    assert_true(fabs(1 - mu_candidate_quality(candidate) - exact) < 0.02);
}

static void test_crowd(void **state)
{
    (void)state;
    check_crowd(0);
    check_crowd(40000);
}

static void test_uncertainty(void **state)
{
    (void)state;
    set_rules(2, 1, 1);
    begin(0);
    assert_true(mu_candidate_add(candidate, make_party(0, "1500"), MU_RULES_NONE, 0));
    assert_true(mu_candidate_add(candidate, make_party(1, "1700"), MU_RULES_NONE, 1));
    double certain = mu_candidate_win_probability(candidate);
    assert_true(fabs(certain - 0.5 * erfc(-0.5)) < 1e-12);
    entrants[0].variance = 40000;
    entrants[1].variance = 40000;
    rules.objective.uncertainty = 1;
    begin(0);
    assert_true(mu_candidate_add(candidate, &entrants[0], MU_RULES_NONE, 0));
    assert_true(mu_candidate_add(candidate, &entrants[1], MU_RULES_NONE, 1));
    double doubtful = mu_candidate_win_probability(candidate);
    assert_true(fabs(doubtful - 0.5 * erfc(-0.5 / sqrt(2.0))) < 1e-12);
    assert_true(doubtful < certain);
}

static void test_sizes(void **state)
{
    (void)state;
    set_rules(2, 1, 2);
    begin(0);
    assert_false(judge().sizes);
    assert_true(mu_candidate_add(candidate, make_party(0, "1500+1500"), MU_RULES_NONE, 0));
    assert_false(mu_candidate_add(candidate, make_party(1, "1500"), MU_RULES_NONE, 0));
    assert_int_equal(mu_candidate_count(candidate), 1);
    struct mu_verdict verdict = judge();
    assert_false(verdict.sizes);
    assert_true(verdict.violation == 1);
    assert_true(mu_candidate_add(candidate, &entrants[1], MU_RULES_NONE, 1));
    assert_true(judge().legal);
    mu_candidate_move(candidate, 1, 0);
    assert_true(judge().violation == 2); /* one too many, one too few */
}

static void test_fill(void **state)
{
    (void)state;
    set_rules(2, 1, 2);
    rules.fill_ms = 5000;
    begin(4999);
    assert_true(mu_candidate_add(candidate, make_party(0, "1500"), MU_RULES_NONE, 0));
    assert_true(mu_candidate_add(candidate, make_party(1, "1500"), MU_RULES_NONE, 1));
    entrants[1].since_ms = 4000;
    struct mu_verdict verdict = judge();
    assert_true(verdict.sizes && !verdict.fill && verdict.violation == 2);
    begin(5000);
    assert_true(mu_candidate_add(candidate, &entrants[0], MU_RULES_NONE, 0));
    assert_true(mu_candidate_add(candidate, &entrants[1], MU_RULES_NONE, 1));
    assert_true(judge().legal);
}

static void test_prefer(void **state)
{
    (void)state;
    set_rules(2, 1, 2);
    rules.prefer = fixed(3);
    rules.prefer.steps_count = 1;
    rules.prefer.steps[0] = (struct mu_limit_step){ .at_ms = 2000, .value = HUGE_VAL };
    for (int64_t now_ms = 1999; now_ms <= 2000; now_ms++) {
        begin(now_ms);
        assert_true(mu_candidate_add(candidate, make_party(0, "1500"), MU_RULES_NONE, 0));
        assert_true(mu_candidate_add(candidate, make_party(1, "1500"), MU_RULES_NONE, 1));
        assert_int_equal(judge().fill, now_ms == 2000);
    }
    rules.prefer = fixed(100); /* more than there can be: full will do */
    begin(0);
    assert_true(mu_candidate_add(candidate, make_party(0, "1500+1500"), MU_RULES_NONE, 0));
    assert_true(mu_candidate_add(candidate, make_party(1, "1500+1500"), MU_RULES_NONE, 1));
    assert_true(judge().legal);
}

/* Both must accept: the one that waited long is not enough. */
static void test_window(void **state)
{
    (void)state;
    set_rules(2, 1, 1);
    rules.window = (struct mu_window){ .used = true, .points = 100, .per_second = 10, .max = 300 };
    begin(20000);
    make_party(0, "1500");
    make_party(1, "1700");
    entrants[1].since_ms = 10001;
    assert_true(mu_candidate_add(candidate, &entrants[0], MU_RULES_NONE, 0));
    assert_false(mu_candidate_add(candidate, &entrants[1], MU_RULES_NONE, 1));
    entrants[1].since_ms = 10000;
    assert_true(mu_candidate_add(candidate, &entrants[1], MU_RULES_NONE, 1));
    assert_true(judge().legal);
}

static void test_regions(void **state)
{
    (void)state;
    static const uint16_t only_second[REGIONS] = { MU_LATENCY_NONE, 90 };
    static const uint16_t only_first[REGIONS] = { 90, MU_LATENCY_NONE };
    set_rules(2, 1, 1);
    begin(0);
    assert_true(mu_candidate_add(candidate, make_party(0, "1500"), MU_RULES_NONE, 0));
    make_party(1, "1500")->reach_ms = only_second;
    assert_true(mu_candidate_add(candidate, &entrants[1], MU_RULES_NONE, 1));
    struct mu_verdict verdict = judge();
    assert_true(verdict.legal);
    assert_int_equal(verdict.regions, 2);
    assert_int_equal(mu_candidate_region(candidate, verdict.regions), 1);
    mu_candidate_remove(candidate, 0);
    entrants[0].reach_ms = only_first;
    assert_false(mu_candidate_add(candidate, &entrants[0], MU_RULES_NONE, 0));
    rules.latency_max_ms = 80;
    begin(0);
    assert_false(mu_candidate_add(candidate, &entrants[0], MU_RULES_NONE, 0));
}

/* Where an attribute "a" is a string list, or a number. */
static void set_attribute(enum mu_attribute_type type)
{
    rules.attributes_count = 1;
    rules.attributes[0] = (struct mu_attribute){ .name = "a", .type = type };
}

static void test_split(void **state)
{
    (void)state;
    for (uint32_t policy = 0; policy < 3; policy++) {
        set_rules(2, 1, 2);
        rules.parties = (enum mu_party_policy)policy;
        begin(0);
        struct mu_entrant *party = make_ticket(0, "1500+1700", "[{},{}]");
        assert_true(mu_candidate_add(candidate, party, 0, 0));
        assert_false(judge().parties); /* half of it */
        assert_true(mu_candidate_add(candidate, party, 1, 1));
        assert_int_equal(judge().legal, policy != MU_PARTY_ONE_TEAM);
        assert_true(mu_candidate_add(candidate, make_party(1, "1500"), MU_RULES_NONE, 1));
        assert_int_equal(judge().legal, policy == MU_PARTY_MAY_SPAN);
    }
}

static void test_backfill(void **state)
{
    (void)state;
    set_rules(2, 1, 3);
    begin(0);
    struct mu_entrant *backfill =
        make_ticket(0, "1500+1500+1700", "[{\"team\":\"t1\"},{\"team\":\"t0\"},{\"team\":\"t1\"}]");
    backfill->backfill = true;
    assert_true(mu_candidate_add(candidate, backfill, MU_RULES_NONE, 0));
    assert_int_equal(mu_candidate_team(candidate, 0), MU_RULES_NONE);
    assert_int_equal(mu_candidate_team_players(candidate, 0), 1);
    assert_int_equal(mu_candidate_team_players(candidate, 1), 2);
    struct mu_verdict verdict = judge();
    assert_true(verdict.sizes && !verdict.backfill && !verdict.legal); /* alone */
    struct mu_entrant *second = make_ticket(1, "1500", "[{\"team\":\"t0\"}]");
    second->backfill = true;
    assert_false(mu_candidate_add(candidate, second, MU_RULES_NONE, 0));
    struct mu_entrant *nowhere = make_ticket(2, "1500", "[{}]");
    nowhere->backfill = true;
    mu_candidate_begin(candidate, &rules, REGIONS, 0);
    assert_false(mu_candidate_add(candidate, nowhere, MU_RULES_NONE, 0));
    assert_true(mu_candidate_add(candidate, backfill, MU_RULES_NONE, 0));
    assert_true(mu_candidate_add(candidate, make_party(3, "1500"), MU_RULES_NONE, 0));
    assert_true(judge().legal);
    assert_false(mu_candidate_add(candidate, make_party(4, "1500+1500"), MU_RULES_NONE, 1));
}

static void test_roles(void **state)
{
    (void)state;
    static const char *const roles[] = { "tank", "healer", "damage" };
    set_rules(1, 3, 3);
    set_attribute(MU_ATTRIBUTE_STRINGS);
    rules.roles_attribute = 0;
    rules.teams[0].quotas_count = 3;
    for (uint32_t i = 0; i < 3; i++) {
        rules.teams[0].quotas[i] = (struct mu_quota){
            .symbol = mu_symbol(roles[i], strlen(roles[i])), .min = i < 2 ? 1 : 0, .max = 1
        };
    }
    begin(0);
    /* Whoever comes last is the only one who heals, so the first must do his second choice. */
    make_ticket(0, "1500", "[{\"attributes\":{\"a\":[\"tank\",\"damage\"]}}]");
    make_ticket(1, "1500", "[{\"attributes\":{\"a\":[\"tank\"]}}]");
    make_ticket(2, "1500", "[{\"attributes\":{\"a\":[\"tank\",\"damage\",\"healer\"]}}]");
    make_ticket(3, "1500", "[{\"attributes\":{\"a\":[\"tank\"]}}]");
    assert_true(mu_candidate_add(candidate, &entrants[0], MU_RULES_NONE, 0));
    assert_true(mu_candidate_add(candidate, &entrants[1], MU_RULES_NONE, 0));
    assert_false(mu_candidate_add(candidate, &entrants[3], MU_RULES_NONE, 0)); /* two tanks */
    assert_false(judge().roles);
    assert_true(mu_candidate_add(candidate, &entrants[2], MU_RULES_NONE, 0));
    assert_true(judge().legal);
    uint32_t given[3];
    mu_candidate_roles(candidate, given);
    assert_int_equal(given[0], 2);
    assert_int_equal(given[1], 0);
    assert_int_equal(given[2], 1);
    /* Choices 1, 0 and 2: one in the mean. */
    assert_true(fabs(mu_candidate_quality(candidate) - 0.8) < 1e-12);
}

/* Nobody who blocks somebody plays with him: whoever came first. */
static void test_block_list(void **state)
{
    (void)state;
    set_rules(2, 1, 2);
    set_attribute(MU_ATTRIBUTE_STRINGS);
    rules.rules_count = 1;
    rules.rules[0] = (struct mu_rule){
        .type = MU_RULE_COLLECTION,
        .operation = MU_OPERATION_REFERENCE_INTERSECTION_COUNT,
        .aggregation = MU_AGGREGATE_UNION,
        .lasting = true,
        .optional_after_ms = INT64_MAX,
        .measures_count = 1,
        .measures[0] = { .kind = MU_EXPRESSION_PLAYERS, .all_teams = true },
        .reference = { .kind = MU_EXPRESSION_PLAYERS,
                       .all_teams = true,
                       .property = MU_PROPERTY_ID },
        .min = fixed(-HUGE_VAL),
        .max = fixed(0),
    };
    make_ticket(0, "1500", "[{\"attributes\":{\"a\":[\"p1-0\"]}}]");
    make_ticket(1, "1500", "[{\"attributes\":{\"a\":[]}}]");
    make_ticket(2, "1500", "[{\"attributes\":{\"a\":[\"p9-0\"]}}]");
    for (uint32_t first = 0; first < 2; first++) {
        begin(0);
        assert_true(mu_candidate_add(candidate, &entrants[first], MU_RULES_NONE, 0));
        assert_false(mu_candidate_add(candidate, &entrants[1 - first], MU_RULES_NONE, 1));
        assert_true(mu_candidate_add(candidate, &entrants[2], MU_RULES_NONE, 1));
        assert_true(judge().legal);
    }
}

/* The largest that there is: 200 players, 64 rules. */
static void test_largest(void **state)
{
    (void)state;
    set_rules(2, 1, 100);
    set_attribute(MU_ATTRIBUTE_NUMBER);
    rules.rules_count = MU_RULES_COUNT_MAX;
    for (uint32_t i = 0; i < MU_RULES_COUNT_MAX; i++) {
        rules.rules[i] = (struct mu_rule){
            .type = MU_RULE_DISTANCE,
            .optional_after_ms = INT64_MAX,
            .measures_count = 1,
            .measures[0] = { .kind = MU_EXPRESSION_PLAYERS,
                             .all_teams = true,
                             .by_team = true,
                             .reduces_count = 1,
                             .reduces[0] = i % 2 == 0 ? MU_REDUCE_AVG : MU_REDUCE_MEDIAN },
            .reference = { .kind = MU_EXPRESSION_PLAYERS,
                           .all_teams = true,
                           .reduces_count = 1,
                           .reduces[0] = MU_REDUCE_AVG },
            .min = fixed(-HUGE_VAL),
            .max = fixed(i == 62 ? 1 : 200),
        };
    }
    begin(0);
    for (uint32_t i = 0; i < 200; i++) {
        char details[64];
        (void)snprintf(details, sizeof details, "[{\"attributes\":{\"a\":%u}}]", (unsigned)i);
        assert_true(
            mu_candidate_add(candidate, make_ticket(i, "1500", details), MU_RULES_NONE, i % 2));
    }
    assert_true(judge().legal); /* averages 99 and 100, and 99.5 of all */
    assert_false(mu_candidate_add(candidate, &entrants[0], MU_RULES_NONE, 0));
    mu_candidate_exchange(candidate, 0, 199); /* averages 100.99 and 98.01 */
    assert_true(judge().broken == UINT64_C(1) << 62);
    mu_candidate_exchange(candidate, 0, 199);
    assert_true(judge().legal);
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    candidate = mu_candidate_create();
    if (candidate == NULL) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),     cmocka_unit_test(test_for_all),
        cmocka_unit_test(test_uneven),      cmocka_unit_test(test_crowd),
        cmocka_unit_test(test_uncertainty), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_fill),        cmocka_unit_test(test_prefer),
        cmocka_unit_test(test_window),      cmocka_unit_test(test_regions),
        cmocka_unit_test(test_split),       cmocka_unit_test(test_backfill),
        cmocka_unit_test(test_roles),       cmocka_unit_test(test_block_list),
        cmocka_unit_test(test_largest),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mu_candidate_destroy(candidate);
    return failed;
}
