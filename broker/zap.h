/* broker/zap.h - answers libzmq when it asks whether a key is let in (ZAP, RFC 27).
 *
 * It runs in the broker's own loop: a ROUTER socket at inproc://zeromq.zap.01, polled beside the
 * public one, so there is no thread, and what is let in changes between two messages and never
 * during one.  Whatever it does not understand it refuses.  Host code. */
#ifndef MU_BROKER_ZAP_H
#define MU_BROKER_ZAP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/public_key.h"

#define MU_ZAP_TURN_MAX 64 /* questions answered in one turn */

struct mu_zap;

/* Whether that key is let in.  `address` is where the connection comes from, as text; may be
 * empty. */
typedef bool mu_zap_judge_fn(void *context, const uint8_t key[MU_PUBLIC_KEY_BYTES],
                             const char *address);

/* Binds the handler of a ZeroMQ context; there is at most one.  NULL: out of memory or sockets, or
 * there is one. */
struct mu_zap *mu_zap_create(void *zmq, mu_zap_judge_fn *judge, void *context);
void mu_zap_destroy(struct mu_zap *zap); /* NULL is a no-op */

/* Answers what is asked now.  A message of a connection that was let in carries the key as 64 hex
 * digits in its property "User-Id".  Returns how many were answered, or -errno: it is broken. */
int mu_zap_turn(struct mu_zap *zap);

/* Its socket, for zmq_poll(). */
void *mu_zap_socket(const struct mu_zap *zap);

#endif /* MU_BROKER_ZAP_H */
