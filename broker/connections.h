/* broker/connections.h - which connection has which number, and whose it is.
 *
 * ZeroMQ names a connection by its routing id, which the other side may choose; with keys a
 * connection is what has that id and that key, so that nobody inherits what another was.
 *
 * Invariant: no allocation after create. */
#ifndef MU_BROKER_CONNECTIONS_H
#define MU_BROKER_CONNECTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "broker/peers.h"

#define MU_ROUTING_ID_MAX   63         /* bytes of a routing id; ZeroMQ's own have 5 */
#define MU_CONNECTIONS_NONE UINT32_MAX /* no connection */

struct mu_connection {
    uint8_t id[MU_ROUTING_ID_MAX];
    uint8_t id_bytes;                     /* 0: free */
    uint8_t key[MU_PUBLIC_KEY_BYTES];     /* with keys: the one that it proved */
    char key_text[MU_PUBLIC_KEY_HEX + 1]; /* the same as hex */
    struct mu_identity who;               /* with keys: whose that is */
    char text[2 * MU_ROUTING_ID_MAX + 1]; /* the routing id as hex */
};

struct mu_connections;

/* max: connections at a time, at least 1.  NULL when out of memory. */
struct mu_connections *mu_connections_create(uint32_t max, uint64_t seed);
void mu_connections_destroy(struct mu_connections *connections); /* NULL is a no-op */

/* The number of the connection with that routing id, or MU_CONNECTIONS_NONE.  O(1). */
uint32_t mu_connections_find(struct mu_connections *connections, const uint8_t *id,
                             size_t id_bytes);

/* Enters a new one, whose key and identity are zeroed.  Returns its number, or MU_CONNECTIONS_NONE
 * when there are too many, or the id is no routing id.  O(1). */
uint32_t mu_connections_add(struct mu_connections *connections, const uint8_t *id, size_t id_bytes);

/* Forgets a connection (asserted that there is one). */
void mu_connections_remove(struct mu_connections *connections, uint32_t number);

/* The connection of that number; id_bytes is 0 when there is none. */
struct mu_connection *mu_connections_at(struct mu_connections *connections, uint32_t number);

#endif /* MU_BROKER_CONNECTIONS_H */
