/* Any bytes as a peers file: refused with faults that can be shown, or a list in which every key is
 * found and everything is within its limits; the same again the second time. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "broker/peers_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct mu_peers *peers)
{
    assert(peers->count <= MU_PEERS_MAX);
    for (uint32_t i = 0; i < peers->count; i++) {
        const struct mu_listed_peer *peer = &peers->peers[i];
        assert(mu_peer_name_fault(peer->who.name) == NULL);
        assert(peer->who.role > MU_PEER_ROLE_NONE && peer->who.role < MU_PEER_ROLES_END);
        assert(mu_peers_named(peers, peer->who.name) == peer);
        assert(peer->keys_count >= 1 && peer->keys_count <= MU_PEER_KEYS_MAX);
        for (uint32_t k = 0; k < peer->keys_count; k++) {
            assert(mu_peers_find(peers, peer->keys[k]) == peer);
        }
        assert(peer->who.partitions_count <= MU_PEER_PARTITIONS_MAX);
        for (uint32_t p = 0; p < peer->who.partitions_count; p++) {
            assert(mu_identity_may_own(&peer->who, peer->who.partitions[p]));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mu_peers peers;
    static char error[MU_PEERS_ERROR_MAX];
    static char again[MU_PEERS_ERROR_MAX];
    if (size > MU_PEERS_BYTES_MAX) {
        return 0;
    }
    int r = mu_peers_parse("p", data, size, &peers, error, sizeof error);
    assert((r == 0) == (error[0] == '\0'));
    if (r == 0) {
        check(&peers);
    }
    int second = mu_peers_parse("p", data, size, &peers, again, sizeof again);
    assert(second == r && strcmp(error, again) == 0);
    return 0;
}
