/* core/endpoint.h - which ZeroMQ endpoints may be used.
 *
 * Without keys everybody who can connect is trusted with everything, and one peer can eat a
 * broker's memory whatever its limits say: so the bus must not leave the host.  With keys
 * (core/key_pair.h) it may.  Addresses are written as numbers in both cases: libzmq looks names up
 * in the thread that serves all sockets, which a slow name server would stop. */
#ifndef MU_CORE_ENDPOINT_H
#define MU_CORE_ENDPOINT_H

#include <stdbool.h>

#define MU_ENDPOINT_MAX 255 /* bytes of an endpoint, NUL not counted */

/* Whether `endpoint` is "tcp://HOST:PORT" (PORT may be * or 0: any that is free, for a listener) or
 * "ipc://PATH", wherever it leads.
 *
 * Returns NULL when it is, else one sentence that says what is wrong.  O(length). */
const char *mu_endpoint_form_fault(const char *endpoint);

/* Whether an address, as text, is of this machine only: 127.0.0.0/8 or ::1. */
bool mu_address_loopback(const char *address);

/* Whether `endpoint` may be used: "ipc://PATH", "tcp://ADDRESS:PORT" or "tcp://[ADDRESS]:PORT" with
 * an IPv4 or IPv6 address in numbers, which without keys is a loopback one (127.x.y.z, ::1).  PORT
 * may be * or 0: any that is free, for a listener.
 *
 * keys  whether the bus is encrypted and authenticated
 *
 * Returns NULL when it may, else one sentence that says what is wrong.  O(length). */
const char *mu_endpoint_fault(const char *endpoint, bool keys);

#endif /* MU_CORE_ENDPOINT_H */
