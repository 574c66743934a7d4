/* tests/unit/test_peers_edit.c - muster peers: changes to the list, and the file in one step. */
#include "tools/peers_edit.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/peers_file.h"

static struct mu_peers peers;
static char error[MU_PEERS_EDIT_ERROR_MAX];
static uint8_t keys[5][MU_PUBLIC_KEY_BYTES];

static const struct mu_identity store = { .name = "store-1", .role = MU_PEER_ROLE_STORE };
static const struct mu_identity eu = { .name = "eu",
                                       .role = MU_PEER_ROLE_QUEUE,
                                       .partitions_count = 2,
                                       .partitions = { "queue/eu", "queue/us" } };

static void test_changes_over(void **state)
{
    (void)state;
    peers.count = 0;
    mu_peers_seal(&peers);
    assert_int_equal(mu_peers_add(&peers, &store, keys[0], error), 0);
    assert_int_equal(mu_peers_add(&peers, &store, keys[1], error), -EINVAL);
    assert_non_null(strstr(error, "there is a peer store-1 already"));
    assert_int_equal(mu_peers_add(&peers, &eu, keys[0], error), -EINVAL);
    assert_string_equal(error, "that key is listed already, for store-1");
    assert_int_equal(mu_peers_add(&peers, &eu, keys[1], error), 0);
    assert_int_equal(mu_peers_rotate(&peers, "us", keys[2], error), -EINVAL);
    assert_int_equal(mu_peers_rotate(&peers, "eu", keys[0], error), -EINVAL);
    assert_int_equal(mu_peers_rotate(&peers, "eu", keys[2], error), 0);
    assert_int_equal(mu_peers_rotate(&peers, "eu", keys[3], error), -EINVAL);
    assert_string_equal(error, "eu has two keys already: revoke the old one first");
    assert_ptr_equal(mu_peers_find(&peers, keys[1]), mu_peers_find(&peers, keys[2]));
    assert_int_equal(mu_peers_revoke(&peers, "eu", keys[3], error), -EINVAL);
    assert_int_equal(mu_peers_revoke(&peers, "eu", keys[1], error), 0); /* the new one is left */
    assert_null(mu_peers_find(&peers, keys[1]));
    assert_string_equal(mu_peers_find(&peers, keys[2])->who.name, "eu");
    assert_int_equal(mu_peers_revoke(&peers, "store-1", NULL, error), 0);
    assert_int_equal(peers.count, 1);
    assert_null(mu_peers_find(&peers, keys[0]));
    assert_int_equal(mu_peers_revoke(&peers, "store-1", NULL, error), -EINVAL);
    assert_int_equal(mu_peers_revoke(&peers, "eu", keys[2], error), 0); /* with its last key */
    assert_int_equal(peers.count, 0);
}

static void test_writes_what_it_reads(void **state)
{
    static struct mu_peers read;
    static char text[MU_PEERS_ERROR_MAX];
    char folder[] = "muster-peers-XXXXXX";
    char path[64];
    char fresh[80];
    struct stat status;
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/p.yaml", folder);
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    peers.count = 0;
    mu_peers_seal(&peers);
    assert_int_equal(mu_peers_write(&peers, path, error), 0); /* nobody */
    assert_int_equal(mu_peers_read(path, &read, text, sizeof text), 0);
    assert_int_equal(read.count, 0);
    assert_int_equal(mu_peers_add(&peers, &store, keys[0], error), 0);
    assert_int_equal(mu_peers_add(&peers, &eu, keys[1], error), 0);
    assert_int_equal(mu_peers_rotate(&peers, "eu", keys[2], error), 0);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(mu_peers_write(&peers, path, error), 0);
    assert_int_equal(mu_peers_read(path, &read, text, sizeof text), 0);
    assert_int_equal(read.count, 2);
    for (uint32_t i = 0; i < read.count; i++) {
        assert_true(mu_identity_equal(&read.peers[i].who, &peers.peers[i].who));
        assert_int_equal(read.peers[i].keys_count, peers.peers[i].keys_count);
    }
    assert_memory_equal(read.keys, peers.keys, read.keys_count * sizeof read.keys[0]);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    assert_int_equal(link(path, fresh), 0); /* somebody else is writing */
    assert_int_equal(mu_peers_write(&peers, path, error), -EEXIST);
    assert_non_null(strstr(error, "remove muster-peers-"));
    assert_non_null(strstr(error, "/p.yaml.new"));
    assert_int_equal(unlink(fresh), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(mu_peers_write(&peers, path, error), -ENOENT);
}

static void test_a_link_stays(void **state)
{
    static struct mu_peers read;
    static char text[MU_PEERS_ERROR_MAX];
    char folder[] = "muster-peers-XXXXXX";
    char path[64];
    char target[64];
    struct stat status;
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/p.yaml", folder);
    (void)snprintf(target, sizeof target, "%s/true.yaml", folder);
    assert_int_equal(symlink("true.yaml", path), 0);
    peers.count = 0;
    mu_peers_seal(&peers);
    assert_int_equal(mu_peers_write(&peers, path, error), -ENOENT); /* it leads nowhere */
    assert_int_equal(mu_peers_write(&peers, target, error), 0);
    assert_int_equal(mu_peers_add(&peers, &store, keys[0], error), 0);
    assert_int_equal(mu_peers_write(&peers, path, error), 0);
    assert_int_equal(lstat(path, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(mu_peers_read(target, &read, text, sizeof text), 0);
    assert_int_equal(read.count, 1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(target), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* As on a full disk: the bytes do not fit, and the words are those of the system. */
static void test_no_room(void **state)
{
    char folder[] = "muster-peers-XXXXXX";
    char path[64];
    struct rlimit before;
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/p.yaml", folder);
    peers.count = 0;
    mu_peers_seal(&peers);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit none = { .rlim_cur = 0, .rlim_max = before.rlim_max };
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    int r = mu_peers_write(&peers, path, error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(r, -EFBIG);
    assert_non_null(strstr(error, path));
    assert_non_null(strstr(error, strerror(EFBIG)));
    assert_int_equal(rmdir(folder), 0); /* nothing is left behind */
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        keys[i][0] = (uint8_t)(9 + i);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes_over),
        cmocka_unit_test(test_writes_what_it_reads),
        cmocka_unit_test(test_a_link_stays),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
