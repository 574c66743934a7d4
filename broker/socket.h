/* broker/socket.h - the broker's ROUTER socket and its options, which were measured.  Host code. */
#ifndef MU_BROKER_SOCKET_H
#define MU_BROKER_SOCKET_H

#include <stdbool.h>

#include "core/key_pair.h"

/* Makes a socket with everything set but its address.
 *
 * key   NULL: no keys, whoever connects is let in; else only who proves a key that the ZAP handler
 *       of the context (broker/zap.h) lets in: without a handler, nobody
 * ipv6  whether the address is one: else IPv4 addresses are shown as ::ffff:127.0.0.1
 *
 * Returns 0 and the socket, or -errno. */
int mu_broker_socket_create(void *zmq, const struct mu_key_pair *key, bool ipv6, void **ret);

/* Binds it; ret[MU_ENDPOINT_MAX + 1] says where, with the true port.  A UNIX socket that a dead
 * process left behind is replaced.
 *
 * Returns 0; -ENOTSOCK: at that path is something else, which stays; -EADDRINUSE: somebody listens
 * there; or another -errno. */
int mu_broker_socket_bind(void *socket, const char *endpoint, char *ret);

/* What to tell people when that failed; static. */
const char *mu_broker_bind_fault(int r);

/* Sets an int.  Returns 0 or -errno. */
int mu_broker_socket_set(void *socket, int option, int value);

#endif /* MU_BROKER_SOCKET_H */
