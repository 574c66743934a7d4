/* tests/unit/test_peers_file.c - the peers file: what is read, what is refused, and where. */
#include "broker/peers_file.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

/* Public keys of the secrets 1, 2, 3 (32 bytes, the rest 0): any points will do. */
#define A "0900000000000000000000000000000000000000000000000000000000000000"
#define B "2fe57da347cd62431528daac5fbb290730fff684afc4cfc2ed90995f58cb3b74"
#define C "0a00000000000000000000000000000000000000000000000000000000000000"

static struct mu_peers peers;
static char error[MU_PEERS_ERROR_MAX];

static int parse(const char *text)
{
    return mu_peers_parse("p.yaml", (const uint8_t *)text, strlen(text), &peers, error,
                          sizeof error);
}

static const struct mu_listed_peer *find(const char *hex)
{
    uint8_t key[MU_PUBLIC_KEY_BYTES];
    assert_int_equal(mu_public_key_parse(hex, key), 0);
    return mu_peers_find(&peers, key);
}

static void test_reads_a_list(void **state)
{
    (void)state;
    assert_int_equal(parse("# who\n"
                           "peers:\n"
                           "  - {name: store-1, role: store, key: " A "}\n"
                           "  - name: queue.eu\n"
                           "    role: queue\n"
                           "    key: '" B "'\n"
                           "    next: " C "\n"
                           "    partitions: [queue/eu-west-1, queue/eu-north-1]\n"),
                     0);
    assert_string_equal(error, "");
    assert_int_equal(peers.count, 2);
    assert_int_equal(peers.keys_count, 3);
    assert_string_equal(find(A)->who.name, "store-1");
    assert_int_equal(find(A)->who.role, MU_PEER_ROLE_STORE);
    assert_ptr_equal(find(B), find(C)); /* both are let in, as the same */
    assert_int_equal(find(C)->who.partitions_count, 2);
    assert_true(mu_identity_may_own(&find(B)->who, "queue/eu-west-1"));
    assert_false(mu_identity_may_own(&find(B)->who, "queue/us-east-1"));
    assert_false(mu_identity_may_own(&find(A)->who, "queue/eu-west-1"));
    assert_ptr_equal(mu_peers_named(&peers, "queue.eu"), find(B));
    assert_null(mu_peers_named(&peers, "queue"));
    assert_int_equal(parse("peers: []"), 0); /* nobody */
    assert_null(find(A));
}

static void test_tells_all_faults(void **state)
{
    (void)state;
    assert_int_equal(parse("peers:\n"
                           "  - {name: store-1, role: store, key: " A "}\n"
                           "  - name: store-1\n"
                           "    role: broker\n"
                           "    key: " A "\n"
                           "  - {name: 'a b', role: matcher, key: 12}\n"
                           "  - role: queue\n"
                           "    name: q\n"
                           "    next: " B "\n"
                           "    partitions: [lobby/0]\n"
                           "  - {name: m, role: matcher, partitions: [queue/eu], key: "
                           "0000000000000000000000000000000000000000000000000000000000000000}\n"),
                     -EINVAL);
    assert_string_equal(
        error,
        "p.yaml:3: peers[1].name: is the name of peers[0] too\n"
        "p.yaml:4: peers[1].role: is \"broker\", must be one of: store, queue, matcher, lobby, "
        "gateway, tool\n"
        "p.yaml:5: peers[1].key: is listed already, for peers[0] store-1\n"
        "p.yaml:6: peers[2].name: is \"a b\": must be 1 to 31 letters, digits, - and ., and begin "
        "with neither of the last two\n"
        "p.yaml:6: peers[2].key: must be the 64 hex digits that muster keygen prints\n"
        "p.yaml:7: peers[3].key: is missing\n"
        "p.yaml:10: peers[3].partitions[0]: is \"lobby/0\": must be the role, a slash and a name, "
        "as queue/eu-west-1\n"
        "p.yaml:11: peers[4].key: is a key that has no secret\n"
        "p.yaml:11: peers[4].partitions[0]: is \"queue/eu\": only a queue and a lobby own "
        "partitions");
}

static void test_refuses_what_is_no_list(void **state)
{
    static const char *const bad[][2] = {
        { "", "p.yaml: has no list of peers; to let nobody in: peers: []" },
        { "# cut off\n", "p.yaml: has no list of peers; to let nobody in: peers: []" },
        { "peers:\n  - {name: a, rôle: x}\n", "p.yaml:2: peers[0].rôle: is not known; known are "
                                              "name, role, key, next, partitions" },
        { "peer: []\n", "p.yaml:1: has no list of peers; to let nobody in: peers: []" },
        { "peers: [\n", NULL },
        { "peers: yes\n", NULL },
        { "peers: &a []\n", NULL },
        { "peers: []\n---\npeers: []\n", NULL },
        { "peers: []\npeers: []\n", NULL },
    };
    (void)state;
    assert_int_equal(parse("peers:\n  - {name: kept, role: store, key: " A "}\n"), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(parse(bad[i][0]), -EINVAL);
        assert_true(strlen(error) > 0);
        if (bad[i][1] != NULL) {
            assert_string_equal(error, bad[i][1]);
        }
        assert_string_equal(find(A)->who.name, "kept"); /* untouched */
    }
}

static void test_limits(void **state)
{
    enum { TEXT_MAX = 128 * 1024 };
    char *text = calloc(1, TEXT_MAX);
    (void)state;
    assert_non_null(text);
    size_t used = (size_t)snprintf(text, TEXT_MAX, "peers:\n");
    for (uint32_t i = 0; i <= MU_PEERS_MAX; i++) { /* one too many */
        used += (size_t)snprintf(text + used, TEXT_MAX - used,
                                 "  - {name: m%u, role: matcher, key: %056x00000009}\n", i, i + 1);
    }
    assert_int_equal(parse(text), -EINVAL);
    assert_non_null(strstr(error, "peers"));
    char *last = strstr(text, "  - {name: m512,");
    assert_non_null(last);
    *last = '\0';
    assert_int_equal(parse(text), 0);
    assert_int_equal(peers.count, MU_PEERS_MAX);
    free(text);
    assert_int_equal(mu_peers_read("/nonexistent/peers.yaml", &peers, error, sizeof error),
                     -ENOENT);
    assert_string_equal(error, "/nonexistent/peers.yaml: No such file or directory");
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_a_list),
        cmocka_unit_test(test_tells_all_faults),
        cmocka_unit_test(test_refuses_what_is_no_list),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
