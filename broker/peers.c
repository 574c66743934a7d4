#include "broker/peers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/address.h"

static int compare(const void *a, const void *b)
{
    return memcmp(((const struct mu_peers_key *)a)->key, ((const struct mu_peers_key *)b)->key,
                  MU_PUBLIC_KEY_BYTES);
}

void mu_peers_seal(struct mu_peers *peers)
{
    assert(peers->count <= MU_PEERS_MAX);
    peers->keys_count = 0;
    for (uint32_t i = 0; i < peers->count; i++) {
        const struct mu_listed_peer *peer = &peers->peers[i];
        assert(peer->keys_count >= 1 && peer->keys_count <= MU_PEER_KEYS_MAX);
        for (uint32_t k = 0; k < peer->keys_count; k++) {
            struct mu_peers_key *key = &peers->keys[peers->keys_count++];
            memcpy(key->key, peer->keys[k], sizeof key->key);
            key->peer = i;
        }
    }
    qsort(peers->keys, peers->keys_count, sizeof peers->keys[0], compare);
    for (uint32_t k = 1; k < peers->keys_count; k++) {
        assert(compare(&peers->keys[k - 1], &peers->keys[k]) < 0);
    }
}

const struct mu_listed_peer *mu_peers_find(const struct mu_peers *peers,
                                           const uint8_t key[MU_PUBLIC_KEY_BYTES])
{
    struct mu_peers_key wanted = { .peer = 0 };
    memcpy(wanted.key, key, sizeof wanted.key);
    const struct mu_peers_key *found =
        bsearch(&wanted, peers->keys, peers->keys_count, sizeof peers->keys[0], compare);
    return found == NULL ? NULL : &peers->peers[found->peer];
}

const struct mu_listed_peer *mu_peers_named(const struct mu_peers *peers, const char *name)
{
    for (uint32_t i = 0; i < peers->count; i++) {
        if (strcmp(peers->peers[i].who.name, name) == 0) {
            return &peers->peers[i];
        }
    }
    return NULL;
}

const char *mu_peer_name_fault(const char *name)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";
    size_t length = strnlen(name, MU_PEER_NAME_MAX + 1);
    if (length == 0 || length > MU_PEER_NAME_MAX || strspn(name, set) != length || name[0] == '.' ||
        name[0] == '-') {
        return "must be 1 to 31 letters, digits, - and ., and begin with neither of the last two";
    }
    return NULL;
}

/* Whether `partition` is written "<role>/...". */
static bool is_of_role(enum mu_peer_role role, const char *partition)
{
    const char *name = mu_peer_role_name(role);
    size_t length = strlen(name);
    return strncmp(partition, name, length) == 0 && partition[length] == '/';
}

const char *mu_peer_partition_fault(enum mu_peer_role role, const char *partition)
{
    if (role != MU_PEER_ROLE_QUEUE && role != MU_PEER_ROLE_LOBBY) {
        return "only a queue and a lobby own partitions";
    }
    if (mu_address_kind(partition) != MU_ADDRESS_PARTITION || !is_of_role(role, partition)) {
        return "must be the role, a slash and a name, as queue/eu-west-1";
    }
    return NULL;
}

bool mu_identity_may_own(const struct mu_identity *who, const char *partition)
{
    if (mu_peer_partition_fault(who->role, partition) != NULL) {
        return false;
    }
    for (uint32_t i = 0; i < who->partitions_count; i++) {
        if (strcmp(who->partitions[i], partition) == 0) {
            return true;
        }
    }
    return who->partitions_count == 0;
}

bool mu_identity_equal(const struct mu_identity *a, const struct mu_identity *b)
{
    if (strcmp(a->name, b->name) != 0 || a->role != b->role ||
        a->partitions_count != b->partitions_count) {
        return false;
    }
    for (uint32_t i = 0; i < a->partitions_count; i++) {
        if (strcmp(a->partitions[i], b->partitions[i]) != 0) {
            return false;
        }
    }
    return true;
}
