#include "core/placement.h"

#include <assert.h>
#include <sodium/crypto_shorthash.h>
#include <stdio.h>
#include <string.h>

#include "core/id.h"

uint32_t mu_placement_id(const char *id, uint64_t lobbies)
{
    static const unsigned char hash_key[crypto_shorthash_KEYBYTES] = { 0 }; /* nothing is secret */
    unsigned char hash[crypto_shorthash_BYTES];
    size_t length = strlen(id);
    size_t skip = length > MU_ID_PREFIX_BYTES ? MU_ID_PREFIX_BYTES : 0;
    uint64_t high = 0;
    assert(lobbies >= 1 && lobbies <= MU_LOBBIES_MAX);
    (void)crypto_shorthash(hash, (const unsigned char *)id + skip, length - skip, hash_key);
    for (uint32_t i = 0; i < 4; i++) {
        high = high << 8 | hash[i];
    }
    return (uint32_t)(high * lobbies >> 32);
}

const char *mu_placement_match(const struct mu_msg_match *match)
{
    bool placed = false;
    switch (match->state) {
    case MU_MATCH_NONE:
    case MU_MATCH_FORMED:
    case MU_MATCH_ALLOCATING:
    case MU_MATCH_ABORTED: break;
    case MU_MATCH_LIVE:
    case MU_MATCH_ENDED:
    case MU_MATCH_EXPIRED: placed = match->server.id[0] != '\0'; break;
    }
    return placed ? match->server.id : match->id;
}

int32_t mu_placement_index(const char *partition)
{
    for (uint32_t i = 0; i < MU_LOBBIES_MAX; i++) {
        char name[MU_ADDRESS_MAX + 1];
        mu_address_lobby(i, name);
        if (strcmp(name, partition) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

void mu_address_lobby(uint32_t index, char ret[MU_ADDRESS_MAX + 1])
{
    assert(index < MU_LOBBIES_MAX);
    (void)snprintf(ret, MU_ADDRESS_MAX + 1, "lobby/%u", (unsigned)index);
}
