/* broker/peers.h - the peers that a broker lets in: their keys, and what each may do.
 *
 * The list of the peers file (broker/peers_file.h), as plain data.  Who somebody is follows from
 * the key alone that his connection proved, never from what he says. */
#ifndef MU_BROKER_PEERS_H
#define MU_BROKER_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/roles.h"
#include "core/public_key.h"
#include "wire/msg.h"

#define MU_PEERS_MAX           512 /* peers of a list */
#define MU_PEER_NAME_MAX       31  /* bytes of a name, NUL not counted */
#define MU_PEER_KEYS_MAX       2   /* of one peer: a second one while it changes over */
#define MU_PEER_PARTITIONS_MAX 8   /* that a peer may be limited to */

/* Who a peer is. */
struct mu_identity {
    char name[MU_PEER_NAME_MAX + 1]; /* letters, digits, - and . */
    enum mu_peer_role role;
    uint32_t partitions_count;                                   /* 0: any of its role */
    char partitions[MU_PEER_PARTITIONS_MAX][MU_ADDRESS_MAX + 1]; /* that it may own */
};

struct mu_listed_peer {
    struct mu_identity who;
    uint32_t keys_count; /* 1..MU_PEER_KEYS_MAX */
    uint8_t keys[MU_PEER_KEYS_MAX][MU_PUBLIC_KEY_BYTES];
};

/* A key and whose it is: index into the list. */
struct mu_peers_key {
    uint8_t key[MU_PUBLIC_KEY_BYTES];
    uint32_t peer;
};

struct mu_peers {
    uint32_t count;
    struct mu_listed_peer peers[MU_PEERS_MAX]; /* in the order of the file */
    /* of mu_peers_seal(): */
    uint32_t keys_count;
    struct mu_peers_key keys[MU_PEERS_MAX * MU_PEER_KEYS_MAX]; /* ascending */
};

/* After the last change: makes the list ready for mu_peers_find().  The keys must all differ
 * (asserted).  O(n log n). */
void mu_peers_seal(struct mu_peers *peers);

/* Whose key that is, or NULL.  Borrowed from the sealed list.  O(log n). */
const struct mu_listed_peer *mu_peers_find(const struct mu_peers *peers,
                                           const uint8_t key[MU_PUBLIC_KEY_BYTES]);

/* The peer of that name, or NULL.  O(n). */
const struct mu_listed_peer *mu_peers_named(const struct mu_peers *peers, const char *name);

/* What is wrong with a peer's name, or with a partition for a role; NULL: nothing. */
const char *mu_peer_name_fault(const char *name);
const char *mu_peer_partition_fault(enum mu_peer_role role, const char *partition);

/* Whether a peer may own `partition`: it is of its role, and among its partitions if it has any. */
bool mu_identity_may_own(const struct mu_identity *who, const char *partition);

/* Whether the two say the same. */
bool mu_identity_equal(const struct mu_identity *a, const struct mu_identity *b);

#endif /* MU_BROKER_PEERS_H */
