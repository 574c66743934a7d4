/* core/endpoint.h - which ZeroMQ endpoints this version may use.
 *
 * The bus is neither encrypted nor authenticated yet, and one peer can eat a broker's memory
 * whatever its limits say.  So it must not leave the host: loopback addresses, written as numbers
 * so that no name server decides, and UNIX sockets. */
#ifndef MU_CORE_ENDPOINT_H
#define MU_CORE_ENDPOINT_H

#define MU_ENDPOINT_MAX 255 /* bytes of an endpoint, NUL not counted */

/* Whether `endpoint` is "tcp://HOST:PORT" (PORT may be * or 0: any that is free, for a listener) or
 * "ipc://PATH", wherever it leads.
 *
 * Returns NULL when it is, else one sentence that says what is wrong.  O(length). */
const char *mu_endpoint_form_fault(const char *endpoint);

/* Whether `endpoint` is "tcp://127.x.y.z:PORT", "tcp://[::1]:PORT" (PORT may be * or 0: any that
 * is free, for a listener) or "ipc://PATH".
 *
 * Returns NULL when it is, else one sentence that says what is wrong.  O(length). */
const char *mu_endpoint_fault(const char *endpoint);

#endif /* MU_CORE_ENDPOINT_H */
