/* tests/unit/test_rules_derive.c - limits at an age, and what follows from a rule set: which
 * teams are no different, which rules are lasting, which are about sizes only. */
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#include "tests/unit/rules_check.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct mu_rng rng;
static struct mu_rules base;
static struct mu_rules_fault faults[MU_RULES_FAULTS_MAX];
static struct mu_rulebook book;
static char rules_text[2048];
static char document[4096];

static int compile(void)
{
    int count =
        mu_rules_compile(document, strlen(document), &base, 7, faults, MU_RULES_FAULTS_MAX, &book);
    if (count == 0)
        rules_check_book(&book);
    return count;
}

/* Exact: none of these numbers is computed. */
static void assert_number(double is, double expected)
{
    if (is < expected || is > expected || isnan(is))
        fail_msg("%g is not %g", is, expected);
}

/* The value of a limit at the seconds 0, 5, 10 ... */
static void assert_limit(const struct mu_limit *limit, const double *expected, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_number(mu_limit_at(limit, (int64_t)i * 5000), expected[i]);
}

static void test_limits(void **state)
{
    (void)state;
    struct mu_limit limit = { .value = 10.0 };
    assert_number(mu_limit_at(&limit, -5), 10.0);
    assert_true(mu_limit_next(&limit, 0) == MU_NEVER);

    limit = (struct mu_limit){ .value = 10.0, .steps_count = 3 };
    limit.steps[0] = (struct mu_limit_step){ 5000, 50.0 };
    limit.steps[1] = (struct mu_limit_step){ 10000, 50.0 };
    limit.steps[2] = (struct mu_limit_step){ 15000, 100.0 };
    assert_limit(&limit, (double[]){ 10, 50, 50, 100, 100 }, 5);
    assert_number(mu_limit_at(&limit, 4999), 10.0);
    assert_true(mu_limit_next(&limit, -1) == 5000);
    assert_true(mu_limit_next(&limit, 4999) == 5000);
    assert_true(mu_limit_next(&limit, 5000) == 15000); /* the second one changes nothing */
    assert_true(mu_limit_next(&limit, 15000) == MU_NEVER);

    limit.every_ms = 2500;
    limit.delta = 30.0;
    limit.bound = 170.0;
    assert_limit(&limit, (double[]){ 10, 50, 50, 100, 160, 170, 170 }, 7);
    assert_true(mu_limit_next(&limit, 14999) == 15000);
    assert_true(mu_limit_next(&limit, 15000) == 17500);
    assert_true(mu_limit_next(&limit, 20000) == 22500);
    assert_true(mu_limit_next(&limit, 22500) == MU_NEVER);

    limit = (struct mu_limit){ .value = 8.0, .every_ms = 5000, .delta = -3.0, .bound = 1.0 };
    assert_limit(&limit, (double[]){ 8, 5, 2, 1, 1 }, 5);
    assert_true(mu_limit_next(&limit, 10000) == 15000);
    assert_true(mu_limit_next(&limit, INT64_MAX - 1) == MU_NEVER);
}

/* Rules about three like teams a, b, c, by what they measure; which teams are alike, as "aab". */
static const struct {
    const char *like;
    const char *rules;
} alike[] = {
    { "aaa", "" },
    { "aaa", "{'measurements': 'avg(teams[*].players.rating)', 'referenceValue': 5}" },
    { "abb", "{'measurements': 'avg(teams[a].players.rating)', 'referenceValue': 5}" },
    { "aaa", "{'measurements': ['avg(teams[a].players.rating)', 'avg(teams[b].players.rating)', "
             "'avg(teams[c].players.rating)'], 'referenceValue': 5}" },
    { "aac", "{'measurements': 'avg(teams[a, b].players.rating)', 'referenceValue': 5}" },
    { "aaa", "{'measurements': 'avg(teams[a, b, c].players.rating)', 'referenceValue': 5}" },
    { "aac", "{'measurements': 'avg(teams[b].players.rating)', "
             "'referenceValue': 'avg(teams[a].players.rating)'}" },
    { "abb", "{'measurements': 'avg(teams[b].players.rating)', "
             "'referenceValue': 'avg(teams[c].players.rating)'}" },
    { "abc", "{'measurements': 'avg(teams[a].players.rating)', "
             "'referenceValue': 'max(teams[b].players.rating)'}" },
    { "aac", "{'measurements': 'avg(teams[a].players.rating)', 'referenceValue': 5}, "
             "{'name': 's', 'measurements': 'avg(teams[b].players.rating)', 'referenceValue': 5}" },
    { "abc", "{'measurements': 'avg(teams[a].players.rating)', 'referenceValue': 5}, "
             "{'name': 's', 'measurements': 'avg(teams[b].players.rating)', 'referenceValue': 6}" },
    /* Parts of a compound have a place in it. */
    { "abc", "{'measurements': 'avg(teams[a].players.rating)', 'referenceValue': 5}, "
             "{'name': 's', 'measurements': 'avg(teams[b].players.rating)', 'referenceValue': 5}, "
             "{'name': 'both', 'type': 'compound', 'statement': 'and(r, not(s))'}" },
};

/* Puts a rule's usual fields in front of what a table says, and quotes as JSON wants them. */
static void write_rules(const char *rules, const char *fields)
{
    size_t used = 0;
    for (; *rules != '\0'; rules++) {
        rules_text[used] = *rules;
        if (*rules == '\'')
            rules_text[used] = '"';
        used++;
        if (*rules == '{' && strncmp(rules, "{'name': 'both'", 15) != 0) {
            used += (size_t)snprintf(rules_text + used, 256, "%s%s", fields,
                                     strncmp(rules, "{'name'", 7) == 0 ? "" : "\"name\": \"r\", ");
        }
    }
    rules_text[used] = '\0';
}

static void test_alike(void **state)
{
    static const char fields[] = "\"type\": \"distance\", \"maxDistance\": 5, ";
    (void)state;
    for (size_t i = 0; i < COUNT(alike); i++) {
        write_rules(alike[i].rules, fields);
        (void)snprintf(document, sizeof document,
                       "{\"teams\": [{\"name\": \"a\", \"minPlayers\": 1, \"maxPlayers\": 2}, "
                       "{\"name\": \"b\", \"minPlayers\": 1, \"maxPlayers\": 2}, "
                       "{\"name\": \"c\", \"minPlayers\": 1, \"maxPlayers\": 2}], \"rules\": [%s]}",
                       rules_text);
        if (compile() != 0)
            fail_msg("%s: %s %s", document, faults[0].pointer, faults[0].what);
        char like[4] = "";
        for (uint32_t k = 0; k < 3; k++)
            like[k] = "abc"[book.shapes[0]->teams[k].like];
        if (strcmp(like, alike[i].like) != 0)
            fail_msg("%s: %s, not %s", alike[i].rules, like, alike[i].like);
        mu_rulebook_release(&book);
    }
}

/* Which rules are lasting, and which are about sizes only. */
static const struct {
    bool lasting;
    bool sized;
    const char *rule;
} derived[] = {
    { true, false,
      "'comparison', 'measurements': 'players.rating', 'operation': '<', "
      "'referenceValue': 5" },
    { true, false,
      "'comparison', 'measurements': 'max(players.rating)', 'operation': '<=', "
      "'referenceValue': 5" },
    { false, false,
      "'comparison', 'measurements': 'max(players.rating)', 'operation': '>', "
      "'referenceValue': 5" },
    { true, false,
      "'comparison', 'measurements': 'min(teams[*].players.rating)', "
      "'operation': '>=', 'referenceValue': 5" },
    { false, false,
      "'comparison', 'measurements': 'min(players.rating)', 'operation': '=', "
      "'referenceValue': 5" },
    { false, false,
      "'comparison', 'measurements': 'sum(players.rating)', 'operation': '<', "
      "'referenceValue': 5" },
    { false, false,
      "'comparison', 'measurements': 'players.rating', 'operation': '<', "
      "'referenceValue': 'avg(players.rating)'" },
    { true, true,
      "'comparison', 'measurements': 'count(teams[*].players)', 'operation': '<', "
      "'referenceValue': 5" },
    { false, true,
      "'comparison', 'measurements': 'count(teams[*].players[playerId])', "
      "'operation': '>', 'referenceValue': 5" },
    { false, true, "'comparison', 'measurements': 'count(teams[*].players)', 'operation': '='" },
    { false, false,
      "'comparison', 'measurements': 'count(players.attributes[maps])', "
      "'operation': '>', 'referenceValue': 'sum(count(players.attributes[maps]))'" },
    { true, false, "'comparison', 'measurements': 'players.rating', 'operation': '!='" },
    { false, false,
      "'distance', 'measurements': 'avg(players.rating)', 'referenceValue': 5, "
      "'maxDistance': 1" },
    { true, false,
      "'distance', 'measurements': 'players.rating', 'referenceValue': 5, "
      "'minDistance': 1" },
    { true, false,
      "'distance', 'measurements': 'min(players.rating)', "
      "'referenceValue': 'max(players.rating)', 'maxDistance': 1" },
    { false, false,
      "'distance', 'measurements': 'min(players.rating)', "
      "'referenceValue': 'max(players.rating)', 'minDistance': 1" },
    { false, false,
      "'distance', 'measurements': 'min(players.ratingDeviation)', "
      "'referenceValue': 'max(players.rating)', 'maxDistance': 1" },
    { true, false,
      "'collection', 'measurements': 'players.attributes[maps]', "
      "'operation': 'intersection', 'minCount': 1" },
    { false, false,
      "'collection', 'measurements': 'players.attributes[maps]', "
      "'operation': 'intersection', 'maxCount': 1" },
    { false, false,
      "'collection', 'measurements': 'players.attributes[maps]', "
      "'operation': 'contains', 'referenceValue': 'x'" },
    { true, false,
      "'collection', 'measurements': 'flatten(players.attributes[maps])', "
      "'operation': 'contains', 'referenceValue': 'x', 'maxCount': 1" },
    { true, false,
      "'collection', 'measurements': 'players.attributes[maps]', "
      "'operation': 'reference_intersection_count', 'referenceValue': ['x', 'y'], "
      "'minCount': 1, 'maxCount': 1" },
    { false, false,
      "'collection', 'measurements': 'players[playerId]', "
      "'operation': 'reference_intersection_count', 'referenceValue': ['x', 'y'], "
      "'minCount': 1" },
    { true, false,
      "'collection', 'measurements': 'set_intersection(players.attributes[maps])', "
      "'operation': 'reference_intersection_count', 'referenceValue': 'x'" },
    { false, false, "'latency', 'maxDistance': 5, 'distanceReference': 'avg'" },
    { true, false, "'latency', 'maxDistance': 5" },
    { true, false, "'batchDistance', 'batchAttribute': 'skill', 'maxDistance': 5" },
    { false, false, "'absoluteSort', 'sortAttribute': 'skill', 'sortDirection': 'ascending'" },
    { true, true, "'compound', 'statement': 'or(few, and(few))'" },
    { false, true, "'compound', 'statement': 'not(few)'" },
};

static void test_derived(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(derived); i++) {
        write_rules(derived[i].rule, "");
        (void)snprintf(
            document, sizeof document,
            "{\"playerAttributes\": [{\"name\": \"maps\", \"type\": \"string_list\"}, "
            "{\"name\": \"skill\", \"type\": \"number\"}], \"teams\": [{\"name\": \"a\", "
            "\"minPlayers\": 1, \"maxPlayers\": 2, \"quantity\": 3}], \"rules\": [{\"name\": "
            "\"few\", \"type\": \"comparison\", \"measurements\": \"count(players)\", "
            "\"operation\": \"<\", \"referenceValue\": 9}, {\"name\": \"r\", \"type\": %s}]}",
            rules_text);
        if (compile() != 0)
            fail_msg("%s: %s %s", document, faults[0].pointer, faults[0].what);
        const struct mu_rule *rule = &book.shapes[0]->rules[1];
        if (rule->lasting != derived[i].lasting || rule->sized != derived[i].sized)
            fail_msg("%s: lasting %d, sized %d", derived[i].rule, rule->lasting, rule->sized);
        mu_rulebook_release(&book);
    }
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    rules_check_base(&base);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_alike),
        cmocka_unit_test(test_derived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
