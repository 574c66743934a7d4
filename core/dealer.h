/* core/dealer.h - the ZeroMQ sockets under a bus: one DEALER for each broker.
 *
 * Host code; knows nothing of messages but that each has two frames.  Never blocks.  The options
 * were measured: a broker that is away gets nothing queued for it (IMMEDIATE), no socket names
 * itself (a second of the same name is silently deaf), nothing lingers. */
#ifndef MU_CORE_DEALER_H
#define MU_CORE_DEALER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/dealer_keys.h"
#include "core/log.h"
#include "wire/slice.h"

#define MU_DEALER_BROKERS_MAX MU_BUS_BROKERS_MAX
#define MU_DEALER_HWM         4096 /* messages in a socket, each way */

struct mu_dealer;

/* endpoints  [count], 1..MU_DEALER_BROKERS_MAX, each without mu_endpoint_fault(); copied
 * keys       with which the brokers are spoken to; borrowed: reopening needs them again
 *
 * Nothing is opened yet.  NULL when out of memory or of sockets. */
struct mu_dealer *mu_dealer_create(const char *const *endpoints, uint32_t count,
                                   const struct mu_dealer_keys *keys);

/* Closes all; what was sent last (BYE) gets a moment to leave.  NULL is a no-op. */
void mu_dealer_destroy(struct mu_dealer *dealer);

/* Before brokers in the mask are opened anew: logs why they do not, or no longer, serve us, as far
 * as they or the handshake have said so. */
void mu_dealer_explain(struct mu_dealer *dealer, uint32_t mask, struct mu_bus *bus,
                       struct mu_log *log);

/* Call once per loop turn: logs a warning when a broker has not registered us for 2 s, once, and
 * when it has after all.  The process waits on, and this is all that says for what. */
void mu_dealer_tell_away(struct mu_dealer *dealer, const struct mu_bus *bus, int64_t now_ms,
                         struct mu_log *log);

/* Closes the sockets in the mask, which mu_bus_tick() returned, and opens them anew.
 * Returns 0 or -errno: the endpoint is bad, or there are too many sockets. */
int mu_dealer_reopen(struct mu_dealer *dealer, uint32_t mask);

/* Sends two frames; `context` is the struct mu_dealer: this is a mu_bus_emit_fn. */
int mu_dealer_emit(void *context, uint32_t broker, struct mu_slice header, struct mu_slice body);

/* Takes the next message of `broker`.  Returns 1 and both frames, borrowed until the next call;
 * 0: there is none; -EBADMSG: it had other than two frames and was dropped. */
int mu_dealer_receive(struct mu_dealer *dealer, uint32_t broker, struct mu_slice *ret_header,
                      struct mu_slice *ret_body);

/* The ZeroMQ socket of a broker, for zmq_poll() or ZMQ_FD; NULL while it is not open.  Asked again
 * after each reopening. */
void *mu_dealer_socket(const struct mu_dealer *dealer, uint32_t broker);

#endif /* MU_CORE_DEALER_H */
