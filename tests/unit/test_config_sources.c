/* tests/unit/test_config_sources.c - what stands above a configuration's file, where each value is
 * said to come from, and that what is printed reads back equal. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>

#include "core/config_print.h"
#include "tests/unit/config_text.h"

static struct mu_rng rng;

static const char file[] =
    "settings:\n"
    "  elo_k: 24\n"
    "  cooldown_ms: 7\n"
    "cluster:\n"
    "  brokers:\n"
    "    - {name: a, endpoint: \"tcp://10.0.0.1:1\", bind: \"tcp://0.0.0.0:1\"}\n"
    "    - {name: b, endpoint: \"tcp://10.0.0.2:1\"}\n"
    "  store: {data: /file}\n"
    "  keys: /file/keys\n";

static const struct mu_config_override above[] = {
    { "settings.elo_k", "40", "environment MUSTER_ELO_K" },
    { "settings.events_keep", "9", "environment MUSTER_EVENTS_KEEP" },
    { "cluster.brokers", "tcp://10.0.0.2:1", "environment MUSTER_BROKERS" },
    { "cluster.brokers", "tcp://10.0.0.9:1", "environment MUSTER_BROKERS" },
    { "cluster.store.data", "/environment", "environment MUSTER_DATA" },
    { "cluster.peers", "/environment/peers", "environment MUSTER_PEERS" },
    { "settings.elo_k", "41", "--set elo_k" },
};

enum { ABOVE_COUNT = sizeof above / sizeof above[0] };

/* Command line, environment, file, default: each where nothing of more weight says otherwise. */
static void test_precedence(void **state)
{
    (void)state;
    assert_int_equal(load_above(file, above, ABOVE_COUNT, NULL), 0);
    assert_int_equal(config.settings.elo_k, 41);
    assert_int_equal(config.settings.events_keep, 9);
    assert_int_equal(config.settings.cooldown_ms, 7);
    assert_int_equal(config.settings.heartbeat_ms, 500);
    assert_string_equal(config.cluster.store_data, "/environment");
    assert_string_equal(config.cluster.keys, "/file/keys");
    assert_string_equal(config.cluster.peers, "/environment/peers");
    assert_int_equal(load_above(file, above, ABOVE_COUNT - 1, NULL), 0);
    assert_int_equal(config.settings.elo_k, 40);
    /* Settings are in the hash, whoever said them. */
    uint64_t hash = config.hash;
    assert_int_equal(load("settings: {elo_k: 40, cooldown_ms: 7, events_keep: 9}\n"), 0);
    assert_true(config.hash == hash);
}

static void test_brokers_take_the_place_of_the_list(void **state)
{
    const struct mu_config_cluster *cluster = &config.cluster;
    const struct mu_config_override four[] = {
        { "cluster.brokers", "ipc://1", "--broker" },
        { "cluster.brokers", "ipc://2", "--broker" },
        { "cluster.brokers", "ipc://3", "--broker" },
        { "cluster.brokers", "ipc://4", "--broker" },
    };
    (void)state;
    assert_int_equal(load_above(file, above, ABOVE_COUNT, NULL), 0);
    assert_int_equal(cluster->brokers_count, 2);
    assert_string_equal(cluster->brokers[0].name, "b"); /* the file's, as it stands there */
    assert_string_equal(cluster->brokers[0].endpoint, "tcp://10.0.0.2:1");
    assert_string_equal(cluster->brokers[1].name, "2");
    assert_string_equal(cluster->brokers[1].endpoint, "tcp://10.0.0.9:1");
    assert_string_equal(cluster->brokers[1].bind, "");
    assert_int_equal(load_above(file, four, 3, NULL), 0);
    assert_int_equal(cluster->brokers_count, 3);
    assert_string_equal(cluster->brokers[2].endpoint, "ipc://3");
    assert_int_equal(load_above(file, four, 4, NULL), -EINVAL);
    assert_string_equal(error, "--broker: cluster.brokers: are too many: at most 3 can be");
}

/* A fault is told where it was said; all of all sources at once. */
static void test_faults_of_all_sources(void **state)
{
    const struct mu_config_override bad[] = {
        { "settings.elo_k", "0", "environment MUSTER_ELO_K" },
        { "settings.heartbeat_ms", "5s", "--set heartbeat_ms" },
        { "settings.cooldwon_ms", "5", "--set cooldwon_ms" },
        { "settings.x", "5", "--set x" },
        { "cluster.brokers", "tcp://10.0.0.1", "environment MUSTER_BROKERS" },
        { "cluster.store.data", "here", "environment MUSTER_DATA" },
        { "cluster.keys", "/a\nb", "environment MUSTER_KEYS" },
        { "cluster.peers", "/\xff", "environment MUSTER_PEERS" },
    };
    (void)state;
    assert_int_equal(
        load_above("settings: {events_keep: 1}\n", bad, sizeof bad / sizeof bad[0], NULL), -EINVAL);
    assert_string_equal(
        error,
        "--set heartbeat_ms: settings.heartbeat_ms: is \"5s\", must be a whole number, 50 to 10000 "
        "ms\n"
        "--set cooldwon_ms: settings.cooldwon_ms: there is no such setting; did you mean "
        "cooldown_ms\n"
        "--set x: settings.x: there is no such setting; muster config print shows all\n"
        "environment MUSTER_KEYS: cluster.keys: holds control bytes, or is not UTF-8\n"
        "environment MUSTER_PEERS: cluster.peers: holds control bytes, or is not UTF-8\n"
        "environment MUSTER_BROKERS: cluster.brokers[0].endpoint: is \"tcp://10.0.0.1\": a TCP "
        "endpoint is written tcp://127.0.0.1:7600\n"
        "environment MUSTER_DATA: cluster.store.data: is \"here\": write the whole path, as "
        "/var/lib/muster/store, since a program may be started in any folder\n"
        "environment MUSTER_ELO_K: settings.elo_k: is 0, must be 1 to 256 points\n"
        "c.yaml:1: settings.events_keep: is 1, must be 8 to 65536 events");
    /* Without a file, too. */
    const struct mu_config_sources sources = { .overrides = bad, .overrides_count = 1 };
    assert_int_equal(mu_config_load_sources(&sources, &config, NULL, error, sizeof error), -EINVAL);
    assert_string_equal(error,
                        "environment MUSTER_ELO_K: settings.elo_k: is 0, must be 1 to 256 points");
}

static void test_origins(void **state)
{
    static const struct {
        const char *where;
        const char *origin;
    } expected[] = {
        { "settings.elo_k", "--set elo_k" },
        { "settings.events_keep", "environment MUSTER_EVENTS_KEEP" },
        { "settings.cooldown_ms", "c.yaml:3" },
        { "settings.heartbeat_ms", "default" },
        { "cluster.brokers[0].endpoint", "environment MUSTER_BROKERS" },
        { "cluster.store.data", "environment MUSTER_DATA" },
        { "cluster.keys", "c.yaml:9" },
        { "modes[0].teams", "default" },
        { "cluster.keyss", "default" },
    };
    char origin[MU_CONFIG_ORIGIN_MAX + 1];
    struct mu_config_origins origins;
    (void)state;
    assert_int_equal(load_above(file, above, ABOVE_COUNT, &origins), 0);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        mu_config_origins_say(&origins, expected[i].where, origin);
        assert_string_equal(origin, expected[i].origin);
    }
    mu_config_origins_release(&origins);
    /* A file may be called anything; its name must end no comment. */
    const struct mu_config_sources odd = { .path = "a\nb",
                                           .text = (const uint8_t *)"settings: {elo_k: 2}\n",
                                           .text_bytes = 21 };
    assert_int_equal(mu_config_load_sources(&odd, &config, &origins, error, sizeof error), 0);
    mu_config_origins_say(&origins, "settings.elo_k", origin);
    assert_string_equal(origin, "a?b:1");
    mu_config_origins_release(&origins);
}

/* Prints `config`, and reads it back over what was there. */
static char *print(const struct mu_config_origins *origins)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    assert_non_null(stream);
    mu_config_print(stream, &config, origins);
    assert_int_equal(fclose(stream), 0);
    return text;
}

static void check_round_trip(const struct mu_config_origins *origins)
{
    static struct mu_config before;
    char *text = print(origins);
    before = config;
    int r = load(text);
    assert_string_equal(error, "");
    assert_int_equal(r, 0);
    assert_memory_equal(&config, &before, sizeof config);
    free(text);
}

static void test_prints_what_reads_back(void **state)
{
    static const char odd[] = "regions:\n  - {name: \"-\", aliases: [\"--\", no, \"1\", \"~\"]}\n";
    static const char names[] =
        "regions:\n  - {name: \"-\", aliases: [\"--\", \"no\", \"1\", \"...\"]}\n"
        "origins: [\"https://a.example:8443\"]\n"
        "keys:\n  - {id: \"-\", role: operator, hash: "
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}\n"
        "cluster:\n"
        "  brokers:\n    - {name: \"-\", endpoint: \"ipc://a b\\\"c\\\\d: #e\"}\n"
        "  store: {data: \"/gr\xc3\xb6\xc3\x9f\x65/'x' # y\"}\n"
        "  gateways:\n    - {name: \"1\", listen: \"[::1]:1\"}\n";
    struct mu_config_origins origins;
    (void)state;
    mu_config_default(&config);
    check_round_trip(NULL);
    assert_int_equal(load_above(file, above, ABOVE_COUNT, &origins), 0);
    check_round_trip(NULL);
    check_round_trip(&origins);
    mu_config_origins_release(&origins);
    assert_int_equal(load(odd), -EINVAL);
    assert_int_equal(load(names), 0);
    check_round_trip(NULL);
}

static void test_prints_origins(void **state)
{
    struct mu_config_origins origins;
    (void)state;
    assert_int_equal(load_above(file, above, ABOVE_COUNT, &origins), 0);
    char *text = print(&origins);
    assert_non_null(strstr(text, "\n  elo_k: 41                               # --set elo_k\n"));
    assert_non_null(strstr(text, "\n  cooldown_ms: 7                          # c.yaml:3\n"));
    assert_non_null(strstr(text, "\n  heartbeat_ms: 500                       # default\n"));
    assert_non_null(strstr(text, "# environment MUSTER_BROKERS\n"));
    free(text);
    text = print(NULL);
    assert_null(strchr(text, '#'));
    free(text);
    mu_config_origins_release(&origins);
}

/* Whatever values hold: what is printed reads back equal. */
static void test_any_values_read_back(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 200; round++) {
        mu_config_default(&config);
#define SETTING(name, default_value, min, max, unit, doc)                                          \
    config.settings.name = (min) + mu_rng_below(&rng, (max) - (min) + 1);
#include "core/settings.def"
#undef SETTING
        struct mu_settings *settings = &config.settings;
        settings->heartbeats_missed_max = 2 + mu_rng_below(&rng, 49);
        uint64_t least_ms = settings->heartbeat_ms * settings->heartbeats_missed_max + 1000;
        settings->takeover_ms = least_ms + mu_rng_below(&rng, 600000 - least_ms + 1);
        struct mu_config_cluster *cluster = &config.cluster;
        cluster->brokers_count = (uint32_t)mu_rng_below(&rng, MU_CLUSTER_BROKERS_MAX + 1);
        for (uint32_t i = 0; i < cluster->brokers_count; i++) {
            (void)snprintf(cluster->brokers[i].name, sizeof cluster->brokers[i].name, "-%u", i);
            (void)snprintf(cluster->brokers[i].endpoint, sizeof cluster->brokers[i].endpoint,
                           "tcp://10.0.%u.%u:%u", i, (unsigned)mu_rng_below(&rng, 256),
                           1 + (unsigned)mu_rng_below(&rng, 65535));
        }
        size_t bytes = (size_t)mu_rng_below(&rng, MU_CLUSTER_PATH_MAX);
        cluster->keys[0] = '/';
        for (size_t i = 1; i <= bytes; i++) {
            cluster->keys[i] = (char)(0x20 + mu_rng_below(&rng, 0x5f));
        }
        mu_config_seal(&config);
        check_round_trip(NULL);
    }
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_brokers_take_the_place_of_the_list),
        cmocka_unit_test(test_faults_of_all_sources),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_prints_what_reads_back),
        cmocka_unit_test(test_prints_origins),
        cmocka_unit_test(test_any_values_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
