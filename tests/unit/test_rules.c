/* tests/unit/test_rules.c - what the documents tests/unit/rules/NAME.json become.  What
 * is refused is in test_rules_faults.c.  Runs in the root of the sources. */
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#include "actors/facts.h"
#include "tests/unit/rules_check.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct mu_rng rng;
static struct mu_rules base;
static struct mu_rules_fault faults[MU_RULES_FAULTS_MAX];
static struct mu_rulebook book;
static char document[MU_RULES_TEXT_MAX + 64];

static size_t read_document(const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof path, "tests/unit/rules/%s.json", name);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("%s: cannot be read", path);
    size_t size = fread(document, 1, sizeof document - 1, file);
    assert_int_equal(fclose(file), 0);
    return size;
}

static int compile(const char *text, size_t size)
{
    int count = mu_rules_compile(text, size, &base, 7, faults, MU_RULES_FAULTS_MAX, &book);
    assert_true(count >= 0 && count <= MU_RULES_FAULTS_MAX);
    if (count == 0)
        rules_check_book(&book);
    return count;
}

/* Compiles a document that is good. */
static const struct mu_rules *load(const char *name)
{
    size_t size = read_document(name);
    if (compile(document, size) != 0)
        fail_msg("%s: %s: %s", name, faults[0].pointer, faults[0].what);
    return book.shapes[0];
}

static const struct mu_rule *rule_of(const struct mu_rules *rules, const char *name)
{
    uint32_t i = 0;
    while (i < rules->rules_count && strcmp(rules->rules[i].name, name) != 0)
        i++;
    assert_true(i < rules->rules_count);
    return &rules->rules[i];
}

static uint64_t symbol(const char *text)
{
    return mu_symbol(text, strlen(text));
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

static void assert_all(const struct mu_expression *expression, bool by_team,
                       enum mu_property property)
{
    assert_int_equal(expression->kind, MU_EXPRESSION_PLAYERS);
    assert_true(expression->all_teams);
    assert_int_equal(expression->by_team, by_team);
    assert_int_equal(expression->property, property);
}

static void assert_team(const struct mu_expression *expression, uint32_t team)
{
    assert_int_equal(expression->kind, MU_EXPRESSION_PLAYERS);
    assert_false(expression->all_teams || expression->by_team);
    for (uint32_t i = 0; i < MU_TEAMS_MAX; i++)
        assert_int_equal(expression->teams[i / 8] >> i % 8 & 1, i == team);
}

static void assert_reduces(const struct mu_expression *expression, uint32_t count,
                           enum mu_reduce first)
{
    assert_int_equal(expression->reduces_count, count);
    assert_true(count == 0 || expression->reduces[0] == first);
}

static void test_even_teams(void **state)
{
    (void)state;
    const struct mu_rules *rules = load("even_teams");
    assert_string_equal(rules->name, "queue");
    assert_int_equal(rules->version, 7);
    assert_true(rules->hash != 0);
    assert_int_equal(rules->teams_count, 2);
    assert_int_equal(rules->teams_min, 2);
    assert_true(rules->alike); /* who compares the sizes with whom does not tell them apart */
    assert_string_equal(rules->teams[1].name, "aliens");
    assert_int_equal(mu_rules_team(rules, "aliens"), 1);
    assert_int_equal(mu_rules_team(rules, "aliens_1"), MU_RULES_NONE);
    assert_int_equal(mu_rules_players_min(rules, 0), 8);
    assert_int_equal(mu_rules_players_max(rules, 0), 16);
    assert_int_equal(rules->attributes_count, 1);
    assert_int_equal(rules->attributes[0].type, MU_ATTRIBUTE_NUMBER);
    assert_number(rules->attributes[0].number, 10.0);
    assert_true(isinf(rules->prefer.value));

    const struct mu_rule *fair = rule_of(rules, "FairTeamSkill");
    assert_int_equal(fair->type, MU_RULE_DISTANCE);
    assert_all(&fair->measures[0], true, MU_PROPERTY_ATTRIBUTE);
    assert_reduces(&fair->measures[0], 1, MU_REDUCE_AVG);
    assert_all(&fair->reference, false, MU_PROPERTY_ATTRIBUTE);
    assert_reduces(&fair->reference, 1, MU_REDUCE_AVG);
    assert_limit(&fair->max, (double[]){ 10, 50, 50, 100, 100 }, 5);
    assert_true(isinf(fair->min.value));
    assert_int_equal(fair->aggregation, MU_AGGREGATE_AVG);
    assert_false(fair->lasting || fair->sized || fair->child);

    const struct mu_rule *equal = rule_of(rules, "EqualTeamSizes");
    assert_team(&equal->measures[0], 0);
    assert_team(&equal->reference, 1);
    assert_int_equal(equal->measures[0].property, MU_PROPERTY_PLAYER);
    assert_int_equal(equal->operation, MU_OPERATION_EQUAL);
    assert_true(equal->sized);
    assert_false(equal->lasting);

    /* What a document of the published language does not know: as documented there. */
    assert_false(rules->objective.waits || rules->window.used || rules->large);
    assert_true(rules->fill_ms == 0 && rules->latency_max_ms == 0);
    assert_true(rules->wait_max_ms == base.wait_max_ms);
    assert_int_equal(rules->party_max, 8);
    assert_int_equal(rules->needs, MU_NEEDS_ATTRIBUTES);
    assert_true(mu_rules_next(rules, 0) == 5000);
    assert_true(mu_rules_next(rules, 5000) == 15000);
    assert_true(mu_rules_next(rules, 15000) == MU_NEVER);
    mu_rulebook_release(&book);
    assert_int_equal(book.shapes_count, 0);
}

static void test_hunters(void **state)
{
    (void)state;
    const struct mu_rules *rules = load("hunters_and_monster");
    assert_false(rules->alike);
    assert_int_equal(rules->teams[1].like, 1);
    assert_int_equal(mu_team_min(rules, 0, 29999), 5);
    assert_int_equal(mu_team_min(rules, 0, 30000), 4);
    assert_int_equal(mu_team_min(rules, 0, 60000), 3);
    assert_int_equal(mu_team_max(rules, 0, 60000), 5);
    assert_int_equal(mu_rules_players_min(rules, 60000), 4);
    const struct mu_rule *monster = rule_of(rules, "MonsterSelection");
    assert_team(&monster->measures[0], 1);
    assert_reduces(&monster->measures[0], 0, MU_REDUCE_MIN);
    assert_int_equal(monster->reference.kind, MU_EXPRESSION_NUMBER);
    assert_number(mu_limit_at(&monster->reference_number, 0), 1.0);
    assert_true(monster->lasting);
    assert_true(rule_of(rules, "PlayerSelection")->lasting);
    const struct mu_rule *skill = rule_of(rules, "MonsterSkill");
    assert_team(&skill->measures[0], 1);
    assert_team(&skill->reference, 0);
    assert_reduces(&skill->reference, 1, MU_REDUCE_MAX);
    assert_int_equal(skill->operation, MU_OPERATION_GREATER_EQUAL);
    assert_false(skill->lasting);
    mu_rulebook_release(&book);
}

static void test_trio(void **state)
{
    (void)state;
    const struct mu_rules *rules = load("trio");
    assert_int_equal(rules->teams_count, 3);
    assert_string_equal(rules->teams[0].name, "trio_1");
    assert_string_equal(rules->teams[2].name, "trio_3");
    assert_true(rules->alike);
    assert_int_equal(rules->attributes[1].type, MU_ATTRIBUTE_STRING);
    assert_true(rules->attributes[1].symbols[0] == symbol("peasant"));
    const struct mu_rule *sizes = rule_of(rules, "CloseTeamSizes");
    assert_true(sizes->sized);
    assert_reduces(&sizes->measures[0], 2, MU_REDUCE_COUNT);
    assert_int_equal(sizes->measures[0].reduces[1], MU_REDUCE_MAX);
    assert_int_equal(sizes->measures[0].property, MU_PROPERTY_PLAYER);
    const struct mu_rule *medics = rule_of(rules, "OverallMedicLimit");
    assert_int_equal(medics->operation, MU_OPERATION_CONTAINS);
    assert_all(&medics->measures[0], false, MU_PROPERTY_ATTRIBUTE);
    assert_reduces(&medics->measures[0], 0, MU_REDUCE_MIN);
    assert_true(medics->reference.symbols[0] == symbol("medic"));
    assert_number(medics->max.value, 5.0);
    assert_true(isinf(medics->min.value));
    assert_true(medics->lasting);
    const struct mu_rule *fast = rule_of(rules, "FastConnection");
    assert_limit(&fast->max, (double[]){ 50, 50, 100, 100, 150 }, 5);
    assert_true(fast->lasting);
    assert_int_equal(rules->needs, MU_NEEDS_ATTRIBUTES | MU_NEEDS_LATENCIES);
    mu_rulebook_release(&book);
}

static void test_characters(void **state)
{
    (void)state;
    const struct mu_rules *rules = load("different_characters");
    assert_int_equal(rules->teams_count, 2);
    assert_true(rules->alike);
    assert_false(rules->attributes[2].has_default);
    const struct mu_rule *different = rule_of(rules, "DifferentCharacter");
    assert_int_equal(different->operation, MU_OPERATION_NOT_EQUAL);
    assert_int_equal(different->reference.kind, MU_EXPRESSION_NONE);
    assert_all(&different->measures[0], false, MU_PROPERTY_ATTRIBUTE);
    assert_true(different->lasting);
    assert_true(rule_of(rules, "SameGameMode")->lasting);
    assert_int_equal(rules->party_max, 1);
    mu_rulebook_release(&book);
}

static void test_large_match(void **state)
{
    (void)state;
    const struct mu_rules *rules = load("large_match");
    assert_int_equal(rules->teams_count, 11);
    assert_string_equal(rules->teams[0].name, "Monsters");
    assert_string_equal(rules->teams[10].name, "Hunters_10");
    assert_true(rules->large && rules->fastest && mu_rules_fastest(rules, 1000000));
    assert_int_equal(rules->balanced, 0);
    assert_int_equal(rules->teams[10].like, 1);
    assert_false(rules->alike);
    assert_int_equal(mu_rules_players_min(rules, 0), 125);
    assert_int_equal(mu_rules_players_min(rules, 15000), 105);
    assert_int_equal(mu_rules_players_min(rules, 20000), 85);
    assert_int_equal(mu_rules_players_max(rules, 20000), 155);
    mu_rulebook_release(&book);

    rules = load("large_default");
    assert_true(rules->large);
    assert_int_equal(rules->balanced, MU_RULES_NONE);
    assert_false(mu_rules_fastest(rules, 29999));
    assert_true(mu_rules_fastest(rules, 30000));
    assert_true(mu_rules_next(rules, 0) == 30000);
    assert_true(isinf(mu_limit_at(&rules->rules[0].max, 30000)));
    mu_rulebook_release(&book);
}

static void test_block_list(void **state)
{
    (void)state;
    const struct mu_rules *rules = load("block_list");
    const struct mu_rule *rule = &rules->rules[0];
    assert_int_equal(rule->operation, MU_OPERATION_REFERENCE_INTERSECTION_COUNT);
    assert_all(&rule->measures[0], false, MU_PROPERTY_ATTRIBUTE);
    assert_reduces(&rule->measures[0], 0, MU_REDUCE_MIN);
    assert_all(&rule->reference, false, MU_PROPERTY_ID);
    assert_number(rule->max.value, 0.0);
    assert_int_equal(rule->aggregation, MU_AGGREGATE_UNION);
    assert_true(rule->lasting);
    assert_true(rules->attributes[0].has_default);
    assert_int_equal(rules->attributes[0].symbols_count, 0);

    /* The built-in rule is the same one. */
    struct mu_expression measure = rule->measures[0];
    mu_rulebook_release(&book);
    static const char text[] = "{\"teams\": [{\"name\": \"red\", \"minPlayers\": 5, "
                               "\"maxPlayers\": 5, \"quantity\": 2}], "
                               "\"rules\": [{\"type\": \"blockList\"}]}";
    assert_int_equal(compile(text, strlen(text)), 0);
    rules = book.shapes[0];
    assert_string_equal(rules->rules[0].name, "blockList");
    assert_string_equal(rules->attributes[0].name, "blockList");
    assert_int_equal(rules->attributes[0].type, MU_ATTRIBUTE_STRINGS);
    assert_true(rules->attributes[0].has_default);
    assert_memory_equal(&rules->rules[0].measures[0], &measure, sizeof measure);
    assert_true(rules->rules[0].lasting);
    mu_rulebook_release(&book);
}

static void test_every_rule(void **state)
{
    (void)state;
    const struct mu_rules *rules = load("every_rule");
    assert_true(rules->oldest_age);
    assert_int_equal(rules->backfill, MU_BACKFILL_HIGH);
    assert_int_equal(rules->sort_count, 2);
    assert_int_equal(rules->sort[1], 1);
    assert_number(rules->attributes[0].number, 12.5);
    assert_int_equal(rules->attributes[2].symbols_count, 2);
    assert_true(rules->attributes[2].symbols[1] == symbol("river"));
    assert_number(rules->attributes[3].numbers[1], 4.0);
    assert_int_equal(rules->teams[1].like, 0);
    assert_int_equal(rules->teams[2].like, 2);
    assert_false(rules->alike);

    const struct mu_rule *bare = rule_of(rules, "Bare");
    assert_all(&bare->measures[0], false, MU_PROPERTY_ATTRIBUTE);
    assert_number(bare->reference.number, 500.0);
    assert_number(bare->max.value, 300.0);
    assert_int_equal(bare->aggregation, MU_AGGREGATE_MAX);
    assert_true(bare->lasting);
    assert_true(rule_of(rules, "Spread")->lasting);
    const struct mu_rule *median = rule_of(rules, "Median");
    assert_int_equal(median->measures_count, 2);
    assert_true(median->measures[0].by_team && !median->measures[0].all_teams);
    assert_int_equal(median->measures[0].teams[0], 3);
    assert_int_equal(median->measures[1].property, MU_PROPERTY_RATING);
    const struct mu_rule *common = rule_of(rules, "CommonMaps");
    assert_int_equal(common->aggregation, MU_AGGREGATE_INTERSECTION);
    assert_true(common->lasting);
    const struct mu_rule *known = rule_of(rules, "KnownMaps");
    assert_reduces(&known->measures[0], 1, MU_REDUCE_INTERSECTION);
    assert_int_equal(known->reference.symbols_count, 3);
    assert_true(known->reference.symbols[2] == symbol("hill"));
    assert_false(known->lasting); /* fewer may be too few, but also no longer too many */

    const struct mu_rule *choice = rule_of(rules, "Choice");
    static const struct mu_logic_op ops[] = {
        { MU_LOGIC_RULE, 3 }, { MU_LOGIC_RULE, 1 }, { MU_LOGIC_AND, 2 },  { MU_LOGIC_RULE, 4 },
        { MU_LOGIC_NOT, 1 },  { MU_LOGIC_RULE, 2 }, { MU_LOGIC_RULE, 3 }, { MU_LOGIC_RULE, 8 },
        { MU_LOGIC_XOR, 3 },  { MU_LOGIC_OR, 3 },
    };
    assert_int_equal(choice->ops_count, COUNT(ops));
    assert_memory_equal(choice->ops, ops, sizeof ops);
    assert_false(choice->lasting);
    assert_true(rule_of(rules, "Serious")->child && rule_of(rules, "Fast")->child);
    assert_false(mu_rule_stands(rules, 3, 0));
    assert_true(mu_rule_stands(rules, 0, 0));

    const struct mu_rule *fast = rule_of(rules, "Fast");
    assert_true(fast->reference_average && !fast->lasting);
    assert_number(fast->max.value, 90.0);
    assert_number(fast->distance.value, 30.0);
    const struct mu_rule *votes = rule_of(rules, "Votes");
    assert_true(votes->descending && votes->map_max);
    assert_int_equal(votes->measures[0].attribute, 3);
    assert_false(mu_rule_stands(rules, 12, 0));
    assert_int_equal(rule_of(rules, "Near")->aggregation, MU_AGGREGATE_MIN);
    assert_number(rule_of(rules, "Batch")->max.value, 500.0);
    assert_true(rule_of(rules, "SameMode")->lasting);
    mu_rulebook_release(&book);
}

static void assert_quality(const struct mu_objective *objective)
{
    assert_true(objective->waits);
    assert_number(objective->beta, 150.0);
    assert_number(objective->uncertainty, 0.5);
    assert_number(objective->imbalance_weight, 0.8);
    assert_number(objective->spread, 250.0);
    assert_number(objective->fairness, 1.5);
    assert_number(objective->closeness, 0.9);
    assert_number(objective->nearness, 0.7);
    assert_number(objective->fullness, 2.0);
    assert_number(objective->latency_good_ms, 30.0);
    assert_number(objective->latency_bad_ms, 200.0);
    assert_number(objective->wait_ms, 120000.0);
    assert_number(objective->delta, 0.25);
    assert_number(objective->eta, 0.4);
    assert_number(objective->gamma, 0.6);
    assert_number(objective->urgency, 0.2);
    assert_int_equal(objective->urgent_ms, 90000);
    assert_int_equal(objective->first_ms, 180000);
    assert_int_equal(objective->sample_count, 100);
    assert_int_equal(objective->sample_ms, 600000);
    static const double bonus[] = { 0, 0, 10, 25, 25, 25, 25, 25, 25 };
    for (size_t i = 0; i < COUNT(bonus); i++)
        assert_number(objective->party_bonus[i], bonus[i]);
}

static void assert_roles(const struct mu_rules *first, const struct mu_rules *second)
{
    assert_int_equal(first->roles_attribute, 1);
    assert_int_equal(first->teams[1].quotas_count, 3);
    assert_true(first->teams[1].quotas[0].symbol == symbol("tank"));
    assert_int_equal(first->teams[1].quotas[0].min, 1);
    assert_int_equal(first->teams[1].quotas[0].max, 1);
    assert_int_equal(first->teams[1].quotas[1].max, 2);
    assert_int_equal(first->teams[1].quotas[2].min, 0);
    assert_int_equal(second->teams[3].quotas_count, 2);
    assert_string_equal(second->teams[3].quotas[1].name, "damage");
    assert_int_equal(second->teams[3].quotas[1].max, MU_MATCH_PLAYERS_MAX);
}

static void test_extensions(void **state)
{
    (void)state;
    const struct mu_rules *first = load("extensions");
    const struct mu_rules *second = book.shapes[1];
    assert_int_equal(book.shapes_count, 2);
    assert_int_equal(first->teams_count, 2);
    assert_int_equal(first->teams_min, 2);
    assert_int_equal(second->teams_count, 4);
    assert_int_equal(second->teams_min, 3);
    assert_int_equal(mu_rules_players_min(second, 0), 6);
    assert_int_equal(mu_rules_players_max(second, 0), 8);
    assert_true(isinf(first->prefer.value));
    assert_number(mu_limit_at(&second->prefer, 44999), 6.0);
    assert_true(isinf(mu_limit_at(&second->prefer, 45000)));
    assert_int_equal(mu_team_min(first, 0, 19999), 3);
    assert_int_equal(mu_team_min(first, 1, 20000), 2);
    assert_roles(first, second);
    assert_quality(&first->objective);
    assert_quality(&second->objective);
    assert_int_equal(first->parties, MU_PARTY_SELF_CONTAINED);
    assert_int_equal(first->party_max, 6);
    assert_int_equal(first->wait_max_ms, 300000);
    assert_int_equal(first->fill_ms, 25500);
    assert_int_equal(first->latency_max_ms, 180);

    const struct mu_rule *language = rule_of(first, "Language");
    assert_number(language->weight, 0.5);
    assert_int_equal(language->optional_after_ms, 60000);
    assert_false(mu_rule_stands(first, 0, 0));
    const struct mu_rule *fair = rule_of(first, "Fair");
    assert_int_equal(fair->measures[0].kind, MU_EXPRESSION_WIN_PROBABILITY);
    assert_number(mu_limit_at(&fair->reference_number, 9999), 0.6);
    assert_number(mu_limit_at(&fair->reference_number, 10000), 0.7);
    assert_true(fabs(mu_limit_at(&fair->reference_number, 15000) - 0.75) < 1e-9);
    assert_number(mu_limit_at(&fair->reference_number, 500000), 1.0);
    assert_int_equal(rule_of(first, "Good")->measures[0].kind, MU_EXPRESSION_QUALITY);
    const struct mu_rule *settled = rule_of(first, "Settled");
    assert_all(&settled->measures[0], false, MU_PROPERTY_DEVIATION);
    assert_limit(&settled->reference_number, (double[]){ 200, 250, 300 }, 3);
    assert_true(settled->lasting);
    assert_int_equal(rule_of(first, "recentOpponents")->optional_after_ms, 30000);
    assert_true(mu_rule_stands(first, 5, 29999));
    assert_false(mu_rule_stands(first, 5, 30000));
    assert_int_equal(mu_rules_attribute(first, "lastMet"), 3);
    assert_int_equal(first->needs, MU_NEEDS_ATTRIBUTES | MU_NEEDS_ROLES);
    mu_rulebook_release(&book);
}

static void test_free_for_all(void **state)
{
    (void)state;
    const struct mu_rules *rules = load("free_for_all");
    assert_true(rules->for_all && rules->objective.waits);
    assert_false(rules->large); /* it says what quality is */
    assert_int_equal(rules->teams_count, 1);
    assert_int_equal(rules->parties, MU_PARTY_MAY_SPAN);
    assert_number(mu_limit_at(&rules->prefer, 0), 40.0);
    assert_number(mu_limit_at(&rules->prefer, 20000), 20.0);
    assert_true(isinf(mu_limit_at(&rules->prefer, 60000)));
    assert_int_equal(mu_team_min(rules, 0, 0), 6);
    assert_int_equal(mu_team_min(rules, 0, 30000), 3);
    assert_int_equal(mu_team_min(rules, 0, 3000000), 2);
    assert_number(rules->objective.beta, base.objective.beta);
    mu_rulebook_release(&book);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    rules_check_base(&base);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_even_teams),   cmocka_unit_test(test_hunters),
        cmocka_unit_test(test_trio),         cmocka_unit_test(test_characters),
        cmocka_unit_test(test_large_match),  cmocka_unit_test(test_block_list),
        cmocka_unit_test(test_every_rule),   cmocka_unit_test(test_extensions),
        cmocka_unit_test(test_free_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
