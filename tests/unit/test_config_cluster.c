/* tests/unit/test_config_cluster.c - the section `cluster` of a configuration: what it says,
 * what is refused and in which words, and who finds which part of it. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>

#include "tests/unit/config_text.h"

static const char whole[] =
    "cluster:\n"
    "  brokers:\n"
    "    - {name: a, endpoint: \"tcp://10.77.0.1:5570\", bind: \"tcp://0.0.0.0:5570\"}\n"
    "    - {name: b, endpoint: \"tcp://[fd00::2]:5570\", key: "
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff}\n"
    "    - {name: c, endpoint: \"ipc:///run/muster/c\", bind: \"tcp://127.0.0.1:*\"}\n"
    "  store: {data: /var/lib/muster/store}\n"
    "  gateways:\n"
    "    - {name: edge-1, listen: \"10.77.0.3:8080\", admin: \"127.0.0.1:8090\"}\n"
    "    - {name: edge-2, listen: \"[::]:0\", admin: \"[::]:0\"}\n"
    "  keys: /etc/muster/keys\n"
    "  peers: /etc/muster/peers.yaml\n";

static void test_all_of_it(void **state)
{
    (void)state;
    static struct mu_config defaults;
    const struct mu_config_cluster *cluster = &config.cluster;
    mu_config_default(&defaults);
    int r = load(whole);
    assert_string_equal(error, "");
    assert_int_equal(r, 0);
    assert_int_equal(cluster->brokers_count, 3);
    assert_string_equal(cluster->brokers[0].name, "a");
    assert_string_equal(cluster->brokers[0].endpoint, "tcp://10.77.0.1:5570");
    assert_string_equal(cluster->brokers[0].bind, "tcp://0.0.0.0:5570");
    assert_string_equal(cluster->brokers[1].endpoint, "tcp://[fd00::2]:5570");
    assert_string_equal(cluster->brokers[1].bind, "");
    assert_string_equal(cluster->brokers[1].key,
                        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
    assert_string_equal(cluster->brokers[0].key, "");
    assert_string_equal(cluster->brokers[2].bind, "tcp://127.0.0.1:*");
    assert_string_equal(cluster->store_data, "/var/lib/muster/store");
    assert_int_equal(cluster->gateways_count, 2);
    assert_string_equal(cluster->gateways[0].name, "edge-1");
    assert_string_equal(cluster->gateways[0].listen, "10.77.0.3:8080");
    assert_string_equal(cluster->gateways[0].admin, "127.0.0.1:8090");
    assert_string_equal(cluster->gateways[1].admin, "[::]:0"); /* any two ports */
    assert_string_equal(cluster->keys, "/etc/muster/keys");
    assert_string_equal(cluster->peers, "/etc/muster/peers.yaml");
    /* Who runs where is not what all must agree on. */
    assert_true(config.hash == defaults.hash);
    assert_int_equal(load("settings: {elo_k: 31}\ncluster: {keys: /k}\n"), 0);
    assert_true(config.hash != defaults.hash);
}

static void test_nothing_of_it(void **state)
{
    static const char *const empty[] = { "settings: {}\n", "cluster: {}\n",
                                         "cluster: {brokers: [], gateways: [], store: {}}\n",
                                         "cluster: {keys: \"\", store: {data: \"\"}}\n" };
    static struct mu_config defaults;
    (void)state;
    mu_config_default(&defaults);
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        assert_int_equal(load(empty[i]), 0);
        assert_memory_equal(&config, &defaults, sizeof config);
    }
}

/* Loads as `muster config check` does. */
static int load_to_start(const char *text)
{
    const struct mu_config_sources sources = {
        .path = "c.yaml", .text = (const uint8_t *)text, .text_bytes = strlen(text), .start = true
    };
    return mu_config_load_sources(&sources, &config, NULL, error, sizeof error);
}

#define KEY_A    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_B    "10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define API_KEYS "keys: [{id: shop, role: backend, hash: " KEY_A "}]\n"

static void test_starts(void **state)
{
    static const char *const good[] = {
        "settings: {}\n",
        "cluster:\n"
        "  brokers:\n"
        "    - {name: a, endpoint: \"tcp://10.0.0.1:1\", bind: \"tcp://0.0.0.0:1\", key: " KEY_A
        "}\n"
        "    - {name: b, endpoint: \"tcp://10.0.0.2:1\", key: " KEY_B "}\n"
        "  gateways:\n"
        "    - {name: e, listen: \"10.0.0.3:80\", admin: \"127.0.0.1:81\"}\n"
        "    - {name: f, listen: \"10.0.0.4:80\", admin: \"127.0.0.1:81\"}\n"
        "    - {name: g, listen: \"0.0.0.0:82\"}\n"
        "    - {name: h, listen: \"0.0.0.0:82\"}\n" /* of another host */
        "  keys: /k\n"
        "  peers: /p\n" API_KEYS,
        "cluster:\n"
        "  brokers: [{name: a, endpoint: \"tcp://127.0.0.1:1\"}, {name: b, endpoint: "
        "\"ipc:///b\"}]\n"
        "  gateways: [{name: e, listen: \"127.0.0.1:80\"}, {name: f, listen: \"[::1]:80\"}]\n",
        /* With --key on the command line. */
        "cluster: {brokers: [{name: a, endpoint: \"tcp://10.0.0.1:1\", key: " KEY_A "}]}\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int r = load_to_start(good[i]);
        assert_string_equal(error, "");
        assert_int_equal(r, 0);
    }
}

static void test_would_not_start(void **state)
{
    static const char without[] =
        "cluster:\n"
        "  brokers:\n"
        "    - {name: a, endpoint: \"tcp://broker-a:1\"}\n"
        "    - {name: b, endpoint: \"tcp://10.0.0.2:1\"}\n"
        "    - {name: c, endpoint: \"tcp://127.0.0.1:1\", bind: \"tcp://0.0.0.0:1\"}\n"
        "  gateways:\n"
        "    - {name: e, listen: \"10.0.0.3:80\"}\n"
        "    - {name: f, listen: \"10.0.0.3:80\"}\n"
        "  peers: /p\n";
    static const char half[] = "cluster:\n"
                               "  brokers:\n"
                               "    - {name: a, endpoint: \"tcp://10.0.0.1:1\", key: " KEY_A "}\n"
                               "    - {name: b, endpoint: \"tcp://10.0.0.2:1\"}\n"
                               "    - {name: c, endpoint: \"tcp://10.0.0.3:1\", key: " KEY_A "}\n"
                               "  keys: /k\n";
    static const char far[] =
        "without keys only this host can be served (127.0.0.1, [::1], ipc://): "
        "for other hosts make keys, docs/KEYS.md";
    static char expected[4096];
    (void)state;
    assert_int_equal(load(without), 0); /* a program may be told more by its command line */
    assert_int_equal(load_to_start(without), -EINVAL);
    (void)snprintf(
        expected, sizeof expected,
        "c.yaml:3: cluster.brokers[0].endpoint: is \"tcp://broker-a:1\": an address is written in "
        "numbers, as 10.0.0.7 or [fd00::7]: names are not looked up\n"
        "c.yaml:4: cluster.brokers[1].endpoint: is \"tcp://10.0.0.2:1\": %s\n"
        "c.yaml:5: cluster.brokers[2].bind: is \"tcp://0.0.0.0:1\": %s\n"
        "c.yaml:7: cluster.gateways[0].listen: is 10.0.0.3:80: " MU_CLUSTER_API_KEYS_HOW "\n"
        "c.yaml:8: cluster.gateways[1].listen: is 10.0.0.3:80: " MU_CLUSTER_API_KEYS_HOW "\n"
        "c.yaml:8: cluster.gateways[1].listen: is where cluster.gateways[0] listens, too: take "
        "another port\n"
        "c.yaml:9: cluster.peers: is of no use without cluster.keys, the folder of the processes' "
        "own keys: muster keygen makes them",
        far, far);
    assert_string_equal(error, expected);
    assert_int_equal(load(half), 0);
    assert_int_equal(load_to_start(half), -EINVAL);
    assert_string_equal(
        error,
        "c.yaml:4: cluster.brokers[1].key: is missing: where there are keys, each broker's public "
        "key is needed, as muster keygen prints it\n"
        "c.yaml:5: cluster.brokers[2].key: is that of cluster.brokers[0], too: each broker has its "
        "own\n"
        "c.yaml:6: cluster.keys: is of no use without cluster.peers, the list of whom brokers let "
        "in: muster peers writes it");
}

static const struct {
    const char *text;
    const char *error;
} refused[] = {
    { "cluster:\n  borkers: []\n",
      "c.yaml:2: cluster.borkers: is not known; known are brokers, store, gateways, keys, peers" },
    { "cluster:\n  store: {folder: /x}\n",
      "c.yaml:2: cluster.store.folder: is not known; known are data" },
    { "cluster:\n  brokers:\n    - {name: a, port: 1}\n",
      "c.yaml:3: cluster.brokers[0].port: is not known; known are name, endpoint, bind, key" },
    { "cluster:\n  gateways:\n    - {port: 1}\n",
      "c.yaml:3: cluster.gateways[0].port: is not known; known are name, listen, admin" },
    { "cluster: {brokers: a}\n",
      "c.yaml:1: cluster.brokers: Expecting SEQUENCE, got event: SCALAR" },
    /* All faults at once, of other sections, too. */
    { "settings:\n"
      "  elo_k: many\n"
      "  heartbeat_ms: 1\n"
      "cluster:\n"
      "  brokers:\n"
      "    - {name: a, endpoint: \"tcp://10.77.0.1:5570\"}\n"
      "    - {name: a, endpoint: \"tcp://10.77.0.1:5570\"}\n"
      "    - {endpoint: \"tcp://10.77.0.1\", bind: \"udp://0.0.0.0:1\"}\n"
      "  gateways:\n"
      "    - {name: \"x y\", listen: \"example.org:80\", admin: \"*:8090\"}\n"
      "    - {name: e, listen: \"10.77.0.3:8080\", admin: \"10.77.0.3:8080\"}\n"
      "    - {name: e}\n"
      "  store: {data: store}\n"
      "  keys: ./keys\n"
      "  peers: peers.yaml\n",
      "c.yaml:2: settings.elo_k: is \"many\", must be a whole number, 1 to 256 points\n"
      "c.yaml:7: cluster.brokers[1].name: \"a\" is the name of cluster.brokers[0], too: give each "
      "its own\n"
      "c.yaml:7: cluster.brokers[1].endpoint: is that of cluster.brokers[0], too: each broker has "
      "its own\n"
      "c.yaml:8: cluster.brokers[2].name: is missing: give 1 to 31 letters, digits, _ . or -\n"
      "c.yaml:8: cluster.brokers[2].endpoint: is \"tcp://10.77.0.1\": a TCP endpoint is written "
      "tcp://127.0.0.1:7600\n"
      "c.yaml:8: cluster.brokers[2].bind: is \"udp://0.0.0.0:1\": an endpoint starts with tcp:// "
      "or "
      "ipc://\n"
      "c.yaml:10: cluster.gateways[0].name: holds other characters: give 1 to 31 letters, digits, "
      "_ "
      ". or -\n"
      "c.yaml:10: cluster.gateways[0].listen: is \"example.org:80\": write an address of the host "
      "(0.0.0.0: all) and a port, as 10.77.0.3:8080 or [::1]:8080\n"
      "c.yaml:10: cluster.gateways[0].admin: is \"*:8090\": write an address of the host (0.0.0.0: "
      "all) and a port, as 10.77.0.3:8080 or [::1]:8080\n"
      "c.yaml:11: cluster.gateways[1].admin: is where the API listens: take another port\n"
      "c.yaml:12: cluster.gateways[2].name: \"e\" is the name of cluster.gateways[1], too: give "
      "each "
      "its own\n"
      "c.yaml:12: cluster.gateways[2].listen: is missing: say where clients find it, as "
      "10.77.0.3:8080\n"
      "c.yaml:13: cluster.store.data: is \"store\": write the whole path, as "
      "/var/lib/muster/store, since a program may be started in any folder\n"
      "c.yaml:14: cluster.keys: is \"./keys\": write the whole path, as /etc/muster/keys, since a "
      "program may be started in any folder\n"
      "c.yaml:15: cluster.peers: is \"peers.yaml\": write the whole path, as "
      "/etc/muster/peers.yaml, since a program may be started in any folder\n"
      "c.yaml:3: settings.heartbeat_ms: is 1, must be 50 to 10000 ms" },
    { "cluster:\n"
      "  brokers:\n"
      "    - {name: a, endpoint: \"tcp://0.0.0.0:5570\"}\n"
      "    - {name: b, endpoint: \"tcp://10.0.0.1:*\"}\n"
      "    - {name: c}\n"
      "    - {name: d, endpoint: \"tcp://10.0.0.1:1\"}\n",
      "c.yaml:2: cluster.brokers: are 4, at most 3 can be: every process connects to each of them\n"
      "c.yaml:3: cluster.brokers[0].endpoint: is \"tcp://0.0.0.0:5570\": nobody can connect to "
      "that; "
      "write the host's address and a port, and this as bind\n"
      "c.yaml:4: cluster.brokers[1].endpoint: is \"tcp://10.0.0.1:*\": nobody can connect to that; "
      "write the host's address and a port, and this as bind\n"
      "c.yaml:5: cluster.brokers[2].endpoint: is missing: say where the others find it, as "
      "tcp://10.77.0.1:5570" },
    { "cluster:\n"
      "  brokers:\n"
      "    - {name: a0123456789012345678901234567890, endpoint: \"tcp://10.0.0.1:0\"}\n",
      "c.yaml:3: cluster.brokers[0].name: is longer than 31 bytes\n"
      "c.yaml:3: cluster.brokers[0].endpoint: is \"tcp://10.0.0.1:0\": nobody can connect to that; "
      "write the host's address and a port, and this as bind" },
    { "cluster:\n"
      "  brokers:\n"
      "    - {name: a, endpoint: \"ipc://a\", key: 0011}\n"
      "    - {name: b, endpoint: \"ipc://b\", key: "
      "X0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff}\n"
      "    - {name: c, endpoint: \"ipc://c\", key: "
      "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0}\n",
      "c.yaml:5: cluster.brokers[2].key: is longer than 64 bytes\n"
      "c.yaml:3: cluster.brokers[0].key: must be its public key: 64 hex digits, small letters\n"
      "c.yaml:4: cluster.brokers[1].key: must be its public key: 64 hex digits, small letters" },
    { "cluster: {keys: \"/a\\u0085b\", peers: \"/a\\u2028b\"}\n",
      "c.yaml:1: cluster.keys: holds control bytes, or is not UTF-8\n"
      "c.yaml:1: cluster.peers: holds control bytes, or is not UTF-8" },
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        memset(&config, 0xa5, sizeof config);
        assert_int_equal(load(refused[i].text), -EINVAL);
        assert_string_equal(error, refused[i].error);
        assert_int_equal(config.modes_count, 0xa5a5a5a5);
    }
}

/* Faults beyond the number that is told are counted. */
static void test_many_gateways(void **state)
{
    static char text[64 * 1024];
    size_t used = 0;
    (void)state;
    used += (size_t)snprintf(text, sizeof text, "cluster:\n  gateways:\n");
    for (uint32_t i = 0; i < MU_CLUSTER_GATEWAYS_MAX; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "    - {name: g%u, listen: \"10.0.0.1:%u\"}\n", i, i + 1);
    }
    assert_int_equal(load(text), 0);
    assert_int_equal(config.cluster.gateways_count, MU_CLUSTER_GATEWAYS_MAX);
    assert_string_equal(config.cluster.gateways[63].name, "g63");
    (void)snprintf(text + used, sizeof text - used,
                   "    - {name: more, listen: \"10.0.0.1:99\"}\n");
    assert_int_equal(load(text), -EINVAL);
    assert_non_null(strstr(error, "c.yaml:2: cluster.gateways: are 65, at most 64 can be"));

    used = (size_t)snprintf(text, sizeof text, "cluster:\n  gateways:\n");
    for (uint32_t i = 0; i < 40; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "    - {name: g%u}\n", i);
    }
    assert_int_equal(load(text), -EINVAL);
    assert_non_null(strstr(error, "cluster.gateways[31].listen: is missing"));
    assert_null(strstr(error, "cluster.gateways[32]"));
    assert_non_null(strstr(error, "\nand 8 more"));
}

static void test_each_finds_its_part(void **state)
{
    struct mu_config_cluster *cluster = &config.cluster;
    (void)state;
    assert_int_equal(load(whole), 0);
    assert_int_equal(mu_cluster_pick_broker(cluster, "b", "a"), 1); /* the name before the host */
    assert_int_equal(mu_cluster_pick_broker(cluster, NULL, "c"), 2);
    assert_int_equal(mu_cluster_pick_broker(cluster, "z", "a"), -ENOENT);
    assert_int_equal(mu_cluster_pick_broker(cluster, NULL, "edge-1"), -ESRCH);
    assert_int_equal(mu_cluster_pick_gateway(cluster, NULL, "edge-2"), 1);
    assert_int_equal(mu_cluster_pick_gateway(cluster, "a", "edge-2"), -ENOENT);
    cluster->brokers_count = 1;
    assert_int_equal(mu_cluster_pick_broker(cluster, NULL, "host"), 0);
    assert_int_equal(mu_cluster_pick_broker(cluster, "a", "host"), 0);
    assert_int_equal(mu_cluster_pick_broker(cluster, "b", "host"), -ENOENT); /* not any more */
    cluster->brokers_count = 0;
    assert_int_equal(mu_cluster_pick_broker(cluster, NULL, "a"), -ENOENT);
    assert_int_equal(mu_cluster_pick_broker(cluster, "a", "a"), -ENOENT);
}

static void test_where_to_listen(void **state)
{
    static const struct {
        const char *text;
        const char *address;
        uint16_t port;
    } good[] = {
        { "10.77.0.3:8080", "10.77.0.3", 8080 },
        { "0.0.0.0:0", "0.0.0.0", 0 },
        { "[::1]:65535", "::1", 65535 },
    };
    static const char *const bad[] = {
        "",
        ":80",
        "10.0.0.1",
        "10.0.0.1:",
        "10.0.0.1:65536",
        "*:80",
        "host:80",
        "10.0.0:80",
        "010.0.0.1:80",
        "::1:80",
        "[10.0.0.1]:80",
        "[::1]",
        "[x]:80",
        "10.0.0.1:+1",
        "[::1%lo]:80",
        "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:00]:1",
    };
    char address[MU_HOST_MAX + 1];
    uint16_t port;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(mu_listen_parse(good[i].text, address, &port), 0);
        assert_string_equal(address, good[i].address);
        assert_int_equal(port, good[i].port);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(address, sizeof address, "kept");
        port = 7;
        assert_true(mu_listen_parse(bad[i], address, &port) < 0);
        assert_string_equal(address, "kept");
        assert_int_equal(port, 7);
    }
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_it),
        cmocka_unit_test(test_nothing_of_it),
        cmocka_unit_test(test_starts),
        cmocka_unit_test(test_would_not_start),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_many_gateways),
        cmocka_unit_test(test_each_finds_its_part),
        cmocka_unit_test(test_where_to_listen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
