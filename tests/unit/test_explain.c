/* Why tickets wait, in numbers. */
#include <math.h>
#include <string.h>

#include "actors/explain.h"
#include "actors/rules_compile.h"
#include "core/actor.h"
#include "tests/unit/unit.h"

enum { CAPACITY = 256 };

static struct mu_explanation got;
static struct mu_config config;
static struct mu_pool *pool;
static struct mu_rulebook small;
static uint64_t facts[CAPACITY][256];
static uint32_t ids;

static void begin(const char *rules)
{
    struct mu_rules_fault faults[4];
    struct mu_rulebook mode;
    mu_config_default(&config);
    assert_int_equal(mu_rules_from_mode(&config, 0, &mode), 0);
    int r = mu_rules_compile(rules, strlen(rules), mode.shapes[0], 1, faults, 4, &small);
    if (r != 0) {
        fail_msg("%s %s", faults[0].pointer, faults[0].what);
    }
    mu_rulebook_release(&mode);
    pool = mu_pool_create(&config, &small, CAPACITY, 7);
    assert_non_null(pool);
    ids = 0;
}

static void end(void)
{
    mu_pool_check(pool);
    mu_pool_destroy(pool);
    mu_rulebook_release(&small);
}

/* Adds ticket "a", "b" ... of one player, 20 ms from region 0. */
static void come(int32_t rating, const char *details, int64_t since_ms)
{
    static const int32_t certain = 0;
    struct mu_engine_ticket ticket = { .version = 1, .since_ms = since_ms, .players = 1 };
    struct mu_facts *block = (void *)facts[ids];
    (void)snprintf(ticket.id, sizeof ticket.id, "%c", (char)('a' + ids));
    const struct mu_facts_player player = { .id = ticket.id, .rating = rating };
    assert_int_equal(mu_facts_read(small.shapes[0], &config, &player, 1, details, strlen(details),
                                   NULL, block, sizeof facts[ids]),
                     0);
    ticket.facts = block;
    mu_engine_ticket_rate(&ticket, &small.shapes[0]->objective, &rating, &certain, 1);
    for (uint32_t i = 0; i < MU_REGIONS_MAX; i++) {
        ticket.reach_ms[i] = i == 0 ? 20 : MU_REACH_NONE;
    }
    assert_int_equal(mu_pool_add(pool, &ticket, since_ms), 0);
    ids++;
}

static const struct mu_explain_limit *limit_of(const char *target)
{
    uint32_t i = 0;
    while (i < got.limits_count && strcmp(got.limits[i].target, target) != 0) {
        i++;
    }
    assert_true(i < got.limits_count); /* or there is no such limit */
    return &got.limits[i];
}

#define PAIR      "\"teams\":[{\"name\":\"t\",\"minPlayers\":1,\"maxPlayers\":1,\"quantity\":2}]"
#define SKILL     "\"playerAttributes\": [{\"name\": \"skill\", \"type\": \"number\"}]"
#define AT(skill) "[{\"attributes\": {\"skill\": " skill "}}]"

static const char near[] =
    "{" SKILL "," PAIR ","
    "\"rules\": [{\"name\": \"near\", \"type\": \"batchDistance\", \"batchAttribute\": \"skill\","
    "\"maxDistance\": 10}], \"expansions\": [{\"target\": \"rules[near].maxDistance\","
    "\"steps\": [{\"waitTimeSeconds\": 5, \"value\": 15}, {\"waitTimeSeconds\": 9, \"value\": "
    "50}]}]}";

static bool ignore(void *owner, const struct mu_engine_match *match)
{
    return owner != NULL && match->count > 0;
}

static void test_a_rule(void **state)
{
    (void)state;
    begin(near);
    assert_false(mu_pool_explain(pool, "a", 0, &got));
    come(1500, AT("0"), 0);
    assert_true(mu_pool_explain(pool, "a", 1000, &got));
    assert_int_equal(got.state, MU_EXPLAIN_WAITING);
    assert_int_equal(got.waited_ms, 1000);
    assert_int_equal(got.others, 0);
    assert_false(got.miss.there);
    assert_false(got.waits);
    assert_int_equal(got.players_min, 2);
    assert_int_equal(got.players_max, 2);
    come(1520, AT("30"), 1000); /* too far in skill */
    come(1400, AT("90"), 1000); /* farther, in both */
    assert_int_equal(mu_pool_match(pool, 1000, ignore, pool), 0);
    assert_true(mu_pool_explain(pool, "a", 2000, &got));
    assert_int_equal(got.others, 2);
    assert_int_equal(got.looked, 2);
    assert_int_equal(got.able, 0);
    assert_int_equal(got.rules_count, 1);
    assert_string_equal(got.rules[0].name, "near");
    assert_true(got.rules[0].pairs);
    assert_int_equal(got.rules[0].count.failed, 2);
    assert_int_equal(got.rules[0].count.alone, 2);
    assert_int_equal(got.rules[0].count.passed, 0);
    assert_int_equal(got.builtins[MU_EXPLAIN_REGION].passed, 2);
    assert_true(got.miss.there);
    assert_int_equal(got.miss.distance, 20);
    assert_int_equal(got.miss.builtin, MU_EXPLAIN_BUILTINS);
    assert_string_equal(got.miss.rule, "near");
    assert_true(fabs(got.miss.by - 20) < 1e-9); /* 30 apart, 10 are allowed */
    assert_int_equal(got.miss.opens_ms, 8000);  /* when the younger has waited 9 s */
    const struct mu_explain_limit *limit = limit_of("rules[near].maxDistance");
    assert_true(limit->value == 10 && limit->next_value == 15);
    assert_int_equal(limit->next_ms, 3000); /* it has waited 2 s */
    assert_string_equal(got.next.target, "rules[near].maxDistance");
    assert_true(limit_of("teams[t_1].minPlayers")->value == 1);
    assert_int_equal(limit_of("teams[t_1].maxPlayers")->next_ms, MU_NEVER);
    /* A match that is being made. */
    come(1400, AT("91"), 2000);
    assert_int_equal(mu_pool_match(pool, 2000, ignore, pool), 1);
    assert_true(mu_pool_explain(pool, "c", 2000, &got));
    assert_int_equal(got.state, MU_EXPLAIN_TAKEN);
    assert_int_equal(got.looked, 0);
    assert_true(mu_pool_explain(pool, "a", 2000, &got));
    assert_int_equal(got.looked, 1);
    end();
}

/* As matches are looked for, rules are counted. */
static void test_counts(void **state)
{
    (void)state;
    begin(near);
    come(1500, AT("0"), 0);
    come(1500, AT("60"), 0);
    assert_int_equal(mu_pool_match(pool, 0, ignore, pool), 0);
    const struct mu_rule_count *counts = mu_pool_rule_counts(pool);
    assert_true(counts[0].failed > 0);
    uint64_t failed = counts[0].failed;
    uint64_t passed = counts[0].passed;
    assert_true(mu_pool_explain(pool, "a", 0, &got));
    assert_true(counts[0].failed == failed && counts[0].passed == passed);
    come(1500, AT("5"), 1);
    assert_int_equal(mu_pool_match(pool, 1, ignore, pool), 1);
    assert_true(counts[0].passed > passed);
    end();
}

/* A mode: windows of ratings, and nothing else. */
static void test_a_window(void **state)
{
    (void)state;
    struct mu_rulebook mode;
    mu_config_default(&config);
    config.modes[0] = (struct mu_mode){ .name = "duel",
                                        .teams = 2,
                                        .teams_min = 2,
                                        .team_min = 1,
                                        .team_max = 1,
                                        .window_points = 50,
                                        .window_per_second = 10,
                                        .window_max = 400,
                                        .latency_max_ms = 150,
                                        .wait_max_ms = 600000,
                                        .serve_first_ms = 480000 };
    assert_int_equal(mu_rules_from_mode(&config, 0, &mode), 0);
    pool = mu_pool_create(&config, &mode, CAPACITY, 7);
    small = mode;
    ids = 0;
    come(1500, "", 0);
    come(1620, "", 4000);
    assert_int_equal(mu_pool_match(pool, 5000, ignore, pool), 0);
    assert_true(mu_pool_explain(pool, "a", 5000, &got));
    assert_int_equal(got.builtins[MU_EXPLAIN_WINDOW].failed, 1);
    assert_int_equal(got.builtins[MU_EXPLAIN_WINDOW].alone, 1);
    assert_int_equal(got.builtins[MU_EXPLAIN_SIZE].passed, 1);
    assert_int_equal(got.miss.builtin, MU_EXPLAIN_WINDOW);
    assert_int_equal(got.miss.distance, 120);
    assert_true(got.miss.by == 60);            /* the younger accepts 60 */
    assert_int_equal(got.miss.opens_ms, 6000); /* it has waited 1 s, and needs 7 */
    assert_true(limit_of("window")->value == 100 && limit_of("window")->next_value == 101);
    assert_int_equal(limit_of("window")->next_ms, 100);
    assert_true(limit_of("maxLatency")->value == 150);
    assert_string_equal(got.next.target, "window");
    assert_int_equal(mu_pool_next_moment(pool), 11000);
    end();
}

/* What is asked of quality falls to nothing when it was told. */
static void test_a_reservation(void **state)
{
    (void)state;
    static struct mu_explanation later;
    begin("{" SKILL "," PAIR
          ", \"quality\": {\"waitSeconds\": 60}, \"serveFirstAfterSeconds\": 100}");
    for (uint32_t i = 0; i < 20; i++) {
        come(1000 + 50 * (int32_t)i, AT("0"), 1000 * (int64_t)i);
        (void)mu_pool_match(pool, 1000 * (int64_t)i, ignore, pool);
    }
    int64_t now_ms = 19000;
    uint32_t asking = 0;
    for (uint32_t i = 0; i < 20; i++) {
        const char id[] = { (char)('a' + i), '\0' };
        assert_true(mu_pool_explain(pool, id, now_ms, &got));
        assert_true(got.waits);
        assert_int_equal(got.first_ms, 1000 * (int64_t)i + 100000 - now_ms);
        assert_int_equal(got.estimate_ms, mu_pool_estimate(pool, id));
        if (got.reserve <= 0) {
            assert_int_equal(got.any_ms, 0);
            continue;
        }
        asking++;
        assert_true(mu_pool_explain(pool, id, now_ms + got.any_ms - 1, &later));
        assert_true(later.reserve >= 0);
        assert_true(mu_pool_explain(pool, id, now_ms + got.any_ms, &later));
        assert_true(later.reserve < 0);
        /* The same slope for a minute, when nothing is urgent. */
        assert_true(mu_pool_explain(pool, id, now_ms + 6000, &later));
        assert_true(fabs(got.reserve - later.reserve - got.falls / 10) < 1e-6);
    }
    assert_true(asking > 0);
    assert_true(mu_pool_explain(pool, "a", 100000, &got));
    assert_int_equal(got.first_ms, 0);
    end();
}

/* Several shapes, sizes that change, and rules that end. */
static void test_sizes(void **state)
{
    (void)state;
    begin("{\"shapes\": [{\"teams\": [{\"name\": \"five\", \"minPlayers\": 5, \"maxPlayers\": 5,"
          "\"quantity\": 2}]}, {\"teams\": [{\"name\": \"pair\", \"minPlayers\": 2, "
          "\"maxPlayers\": 3,"
          "\"quantity\": 2}]}], \"fillSeconds\": 20,"
          "\"rules\": [{\"name\": \"fair\", \"type\": \"comparison\", \"operation\": \"<=\","
          "\"measurements\": \"winProbability(teams)\", \"referenceValue\": 0.6,"
          "\"optionalAfterSeconds\": 30}], \"expansions\":"
          "[{\"target\": \"teams[five].minPlayers\", \"steps\":"
          "[{\"waitTimeSeconds\": 40, \"value\": 1}]}]}");
    come(1500, "", 0);
    come(1500, "", 0);
    assert_true(mu_pool_explain(pool, "a", 1000, &got));
    assert_int_equal(got.players_min, 4);
    assert_int_equal(got.players_max, 6);
    assert_int_equal(got.fill_ms, 19000);
    assert_int_equal(got.able, 1);
    assert_int_equal(got.able_players, 1);
    assert_false(got.rules[0].pairs); /* two are no full match */
    assert_int_equal(got.rules[0].count.passed + got.rules[0].count.failed, 0);
    assert_true(limit_of("shapes[0].teams[five_1].minPlayers")->value == 5);
    assert_int_equal(limit_of("shapes[0].teams[five_1].minPlayers")->next_ms, 39000);
    assert_true(limit_of("shapes[1].teams[pair_1].maxPlayers")->value == 3);
    assert_true(limit_of("rules[fair].referenceValue")->value == 0.6);
    assert_true(limit_of("rules[fair]")->value == 1 && limit_of("rules[fair]")->next_value == 0);
    assert_int_equal(limit_of("rules[fair]")->next_ms, 29000);
    assert_string_equal(got.next.target, "rules[fair]");
    assert_true(mu_pool_explain(pool, "a", 40000, &got));
    assert_int_equal(got.players_min, 2);
    assert_int_equal(got.fill_ms, 0);
    assert_true(limit_of("rules[fair]")->value == 0);
    assert_int_equal(limit_of("rules[fair]")->next_ms, MU_NEVER);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_rule),   cmocka_unit_test(test_counts),
        cmocka_unit_test(test_a_window), cmocka_unit_test(test_a_reservation),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
