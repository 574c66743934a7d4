/* Facts of tickets: symbols, what details may say, and what they may not. */
#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

#include "actors/facts.h"

static struct mu_rules rules;
static struct mu_config config;
static uint64_t block[MU_FACTS_BYTES_MAX / 8];

static void add_attribute(const char *name, enum mu_attribute_type type)
{
    struct mu_attribute *attribute = &rules.attributes[rules.attributes_count++];
    (void)snprintf(attribute->name, sizeof attribute->name, "%s", name);
    attribute->type = type;
}

static int set_up(void **state)
{
    (void)state;
    mu_config_default(&config);
    (void)snprintf(config.regions[0].name, sizeof config.regions[0].name, "eu");
    (void)snprintf(config.regions[1].name, sizeof config.regions[1].name, "us");
    config.regions_count = 2;
    config.regions[0].aliases_count = 0;
    config.regions[1].aliases_count = 1;
    (void)snprintf(config.regions[1].aliases[0], sizeof config.regions[1].aliases[0], "us-east-1");
    memset(&rules, 0, sizeof rules);
    rules.teams_count = 2;
    (void)snprintf(rules.teams[0].name, sizeof rules.teams[0].name, "red");
    (void)snprintf(rules.teams[1].name, sizeof rules.teams[1].name, "blue");
    add_attribute("skill", MU_ATTRIBUTE_NUMBER);
    add_attribute("mode", MU_ATTRIBUTE_STRING);
    add_attribute("maps", MU_ATTRIBUTE_STRINGS);
    add_attribute("levels", MU_ATTRIBUTE_MAP);
    rules.attributes[0].has_default = true;
    rules.attributes[0].number = 10;
    rules.attributes[2].has_default = true;
    rules.attributes[2].symbols_count = 2;
    rules.attributes[2].symbols[0] = mu_symbol("b", 1);
    rules.attributes[2].symbols[1] = mu_symbol("a", 1);
    rules.attributes[3].has_default = true;
    return 0;
}

static const struct mu_facts_player players[3] = { { "ply_a", 1500, 200 },
                                                   { "ply_b", 1600, 100 },
                                                   { "ply_c", 1700, 0 } };

static const struct mu_facts *facts(void)
{
    const void *at = block;
    return at;
}

static int read_bytes(uint32_t count, const char *details, size_t size,
                      struct mu_facts_fault *fault)
{
    void *at = block;
    return mu_facts_read(&rules, &config, players, count, details, size, fault, at, sizeof block);
}

static void read_good(uint32_t count, const char *details)
{
    struct mu_facts_fault fault = { .player = 0 };
    int r = read_bytes(count, details, strlen(details), &fault);
    if (r != 0) {
        fail_msg("%s: player %u: %s", details, (unsigned)fault.player, fault.what);
    }
}

static uint64_t symbol(const char *text)
{
    return mu_symbol(text, strlen(text));
}

static void test_symbols(void **state)
{
    (void)state;
    assert_true(symbol("a") == symbol("a"));
    assert_true(symbol("a") != symbol("b"));
    assert_true(symbol("") != 0 && symbol("") != symbol("a"));
    assert_true(mu_symbol("ab", 1) == symbol("a"));
    /* Stored facts and rule sets depend on it: it may never be another. */
    assert_true(symbol("medic") == UINT64_C(0xad34eb99700c42d2));
}

static void test_everything(void **state)
{
    (void)state;
    read_good(2, "[{\"attributes\":{\"skill\":2.5,\"mode\":\"duel\",\"maps\":[\"b\",\"c\",\"b\"],"
                 "\"levels\":{\"x\":1,\"y\":-2},\"unknown\":[[true]]},"
                 "\"latencies\":{\"eu\":20,\"us-east-1\":99.6},\"team\":\"blue\"},"
                 "{\"attributes\":{\"mode\":\"race\"}}]");
    const struct mu_facts *got = facts();
    assert_int_equal(got->players_count, 2);
    assert_int_equal(got->bytes % 8, 0);
    assert_true(mu_facts_id(got, 1) == symbol("ply_b"));
    assert_true(mu_facts_rating(got, 0) == 1500 && mu_facts_deviation(got, 1) == 100);
    assert_true(mu_facts_number(got, 0, 0) == 2.5 && mu_facts_number(got, 1, 0) == 10);
    assert_int_equal(mu_facts_latency(got, 0, 0), 20);
    assert_int_equal(mu_facts_latency(got, 0, 1), 100);
    assert_int_equal(mu_facts_latency(got, 1, 0), MU_LATENCY_NONE);
    assert_int_equal(mu_facts_team(got, 0), 1);
    assert_int_equal(mu_facts_team(got, 1), MU_RULES_NONE);
    uint32_t count = 0;
    const double *numbers = NULL;
    const uint64_t *symbols = mu_facts_symbols(got, 0, 1, &count, NULL);
    assert_true(count == 1 && symbols[0] == symbol("duel"));
    symbols = mu_facts_symbols(got, 0, 2, &count, NULL); /* ranked, each once */
    assert_true(count == 2 && symbols[0] == symbol("b") && symbols[1] == symbol("c"));
    symbols = mu_facts_symbols(got, 1, 2, &count, NULL); /* the default */
    assert_true(count == 2 && symbols[0] == symbol("b") && symbols[1] == symbol("a"));
    symbols = mu_facts_symbols(got, 0, 3, &count, &numbers);
    assert_int_equal(count, 2);
    uint32_t x = symbols[0] == symbol("x") ? 0 : 1;
    assert_true(symbols[0] < symbols[1] && symbols[x] == symbol("x"));
    assert_true(numbers[x] == 1 && numbers[1 - x] == -2);
    (void)mu_facts_symbols(got, 1, 3, &count, &numbers);
    assert_int_equal(count, 0);
}

/* A block is bytes: it may be anywhere. */
static void test_copy(void **state)
{
    (void)state;
    static uint64_t copy[512];
    read_good(1, "[{\"attributes\":{\"mode\":\"duel\",\"maps\":[\"z\"]}}]");
    assert_true(facts()->bytes <= sizeof copy);
    memcpy(copy, block, facts()->bytes);
    memset(block, 0xee, sizeof block);
    const void *at = copy;
    uint32_t count = 0;
    assert_true(mu_facts_symbols(at, 0, 2, &count, NULL)[0] == symbol("z"));
}

static void test_no_details(void **state)
{
    (void)state;
    struct mu_facts_fault fault = { .player = 7 };
    assert_int_equal(read_bytes(1, "", 0, &fault), -EINVAL);
    assert_int_equal(fault.player, 0);
    assert_string_equal(fault.what, "attribute \"mode\" (string) is missing and has no default");
    rules.attributes[1].has_default = true;
    rules.attributes[1].symbols[0] = symbol("any");
    rules.attributes[1].symbols_count = 1;
    read_good(3, "");
    uint32_t count = 0;
    assert_true(mu_facts_symbols(facts(), 2, 1, &count, NULL)[0] == symbol("any"));
}

/* What is refused, with what is said of it. */
static const struct {
    uint32_t player;
    const char *details;
    const char *what;
} bad[] = {
    { 0, "[", "details are not JSON: " },
    { 0, "[{}]\n]", "details are not JSON: " },
    { 0, "{}", "details must be an array of 2 objects, one for each player" },
    { 0, "[{}]", "details must be an array of 2 objects, one for each player" },
    { 0, "[{},{},{}]", "details must be an array of 2 objects, one for each player" },
    { 0, "[1,{}]", "details of a player must be an object" },
    { 0, "[{\"team\":\"red\",\"team\":\"red\"},{}]", "details are not JSON: duplicate object key" },
    { 0, "[{\"attributs\":{}},{}]", "unknown field \"attributs\" (attributes, latencies, team)" },
    { 0, "[{\"attributes\":[]},{}]", "attributes must be an object" },
    { 0, "[{\"attributes\":{\"mode\":1}},{}]", "attribute \"mode\" must be a string" },
    { 0, "[{\"attributes\":{\"mode\":null}},{}]", "attribute \"mode\" must be a string" },
    { 1, "[{\"attributes\":{\"mode\":\"a\"}},{\"attributes\":{\"skill\":\"1\"}}]",
      "attribute \"skill\" must be a number from -1e12 to 1e12" },
    { 0, "[{\"attributes\":{\"skill\":1.1e12}},{}]",
      "attribute \"skill\" must be a number from -1e12 to 1e12" },
    { 0, "[{\"attributes\":{\"skill\":1e999}},{}]", "details are not JSON: " },
    { 0, "[{\"attributes\":{\"skill\":true}},{}]",
      "attribute \"skill\" must be a number from -1e12 to 1e12" },
    { 0, "[{\"attributes\":{\"mode\":\"a\",\"maps\":\"b\"}},{}]",
      "attribute \"maps\" must be a list of at most 100 strings" },
    { 0, "[{\"attributes\":{\"mode\":\"a\",\"maps\":[\"b\",2]}},{}]",
      "attribute \"maps\": element 1 is not a string" },
    { 0, "[{\"attributes\":{\"mode\":\"a\",\"levels\":[]}},{}]",
      "attribute \"levels\" must map at most 100 strings to numbers" },
    { 0, "[{\"attributes\":{\"mode\":\"a\",\"levels\":{\"x\":\"1\"}}},{}]",
      "attribute \"levels\": each value must be a number from -1e12 to 1e12" },
    { 0, "[{\"latencies\":[]},{}]", "latencies must map regions to ms" },
    { 0, "[{\"latencies\":{\"mars\":1}},{}]", "latencies: there is no region \"mars\"" },
    { 0, "[{\"latencies\":{\"m\xc3\xa4rs\":1}},{}]", "latencies: there is no region \"m??rs\"" },
    { 0, "[{\"latencies\":{\"eu\":-1}},{}]", "latencies: \"eu\" must be a number from 0 to 65534" },
    { 0, "[{\"latencies\":{\"eu\":65535}},{}]",
      "latencies: \"eu\" must be a number from 0 to 65534" },
    { 0, "[{\"latencies\":{\"us\":1,\"us-east-1\":1}},{}]",
      "latencies: region \"us-east-1\" is there twice, as an alias" },
    { 0, "[{\"team\":1},{}]", "team must be a string" },
    { 0, "[{\"team\":\"green\"},{}]", "there is no team \"green\"" },
    { 0, "[{\"attributes\":{\"x\":[[[[[[[[1]]]]]]]]}},{}]", "details are nested more than 8 deep" },
    { 1, "[{\"attributes\":{\"mode\":\"a\"}},{}]",
      "attribute \"mode\" (string) is missing and has no default" },
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct mu_facts_fault fault = { .player = 99 };
        size_t size = strlen(bad[i].details);
        assert_int_equal(read_bytes(2, bad[i].details, size, &fault), -EINVAL);
        if (strncmp(fault.what, bad[i].what, strlen(bad[i].what)) != 0 ||
            fault.player != bad[i].player) {
            fail_msg("%s: player %u: %s", bad[i].details, (unsigned)fault.player, fault.what);
        }
        assert_int_equal(read_bytes(2, bad[i].details, size, NULL), -EINVAL);
    }
    struct mu_facts_fault fault;
    assert_int_equal(read_bytes(1, "[{}]\0", 5, &fault), -EINVAL);
    assert_string_equal(fault.what, "details are not JSON: a NUL byte");
}

static void test_limits(void **state)
{
    (void)state;
    static char details[MU_DETAILS_MAX + 2];
    struct mu_facts_fault fault;
    memset(details, ' ', sizeof details);
    assert_int_equal(read_bytes(1, details, MU_DETAILS_MAX + 1, &fault), -EINVAL);
    assert_string_equal(fault.what, "details have 8192 bytes, at most 8191");
    for (uint32_t strings = 100; strings <= 101; strings++) {
        int used = snprintf(details, sizeof details, "[{\"attributes\":{\"mode\":\"\",\"maps\":[");
        for (uint32_t i = 0; i < strings; i++) {
            used += snprintf(details + used, sizeof details - (size_t)used, "%s\"%u\"",
                             i > 0 ? "," : "", (unsigned)i);
        }
        used += snprintf(details + used, sizeof details - (size_t)used, "]}}]");
        assert_int_equal(read_bytes(1, details, (size_t)used, &fault), strings > 100 ? -EINVAL : 0);
    }
}

/* No room: never a byte behind it. */
static void test_room(void **state)
{
    (void)state;
    static const char details[] =
        "[{\"attributes\":{\"mode\":\"a\",\"maps\":[\"x\",\"y\"],\"levels\":{\"z\":1}}},"
        "{\"attributes\":{\"mode\":\"a\",\"maps\":[\"y\"]}}]";
    void *at = block;
    read_good(2, details);
    size_t need = facts()->bytes;
    for (size_t bytes = 0; bytes <= need; bytes += 8) {
        memset(block, 0xee, need + 8);
        int r =
            mu_facts_read(&rules, &config, players, 2, details, strlen(details), NULL, at, bytes);
        assert_int_equal(r, bytes < need ? -ENOBUFS : 0);
        assert_true(block[bytes / 8] == UINT64_C(0xeeeeeeeeeeeeeeee));
    }
}

/* The largest: a backfill, with default lists, which are there once. */
static void test_largest(void **state)
{
    (void)state;
    static struct mu_facts_player many[MU_MATCH_PLAYERS_MAX];
    for (uint32_t i = 0; i < MU_MATCH_PLAYERS_MAX; i++) {
        many[i] = players[i % 3];
    }
    while (rules.attributes_count < MU_RULES_ATTRIBUTES_MAX) {
        add_attribute("more", MU_ATTRIBUTE_STRINGS);
    }
    for (uint32_t i = 0; i < MU_RULES_ATTRIBUTES_MAX; i++) {
        rules.attributes[i].has_default = true;
        rules.attributes[i].symbols_count =
            rules.attributes[i].type == MU_ATTRIBUTE_STRINGS ? MU_RULES_SYMBOLS_MAX : 1;
        for (uint32_t j = 0; j < MU_RULES_SYMBOLS_MAX; j++) {
            rules.attributes[i].symbols[j] = 100 - j;
        }
    }
    config.regions_count = MU_REGIONS_MAX;
    void *at = block;
    assert_int_equal(
        mu_facts_read(&rules, &config, many, MU_MATCH_PLAYERS_MAX, NULL, 0, NULL, at, sizeof block),
        0);
    uint32_t count = 0;
    const uint64_t *symbols = mu_facts_symbols(facts(), 199, 31, &count, NULL);
    assert_true(count == MU_RULES_SYMBOLS_MAX && symbols[0] == 100);
    assert_true(facts()->bytes < 100 * 1024);
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_symbols, set_up),
        cmocka_unit_test_setup(test_everything, set_up),
        cmocka_unit_test_setup(test_copy, set_up),
        cmocka_unit_test_setup(test_no_details, set_up),
        cmocka_unit_test_setup(test_bad, set_up),
        cmocka_unit_test_setup(test_limits, set_up),
        cmocka_unit_test_setup(test_room, set_up),
        cmocka_unit_test_setup(test_largest, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
