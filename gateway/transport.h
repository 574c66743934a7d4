/* gateway/transport.h - HTTP/1.1 and WebSocket on one libevent loop.
 *
 * Listens, reads requests, guards the bounds of gateway/edge.h, and calls a handler; the handler
 * answers, at once or later, through struct mu_edge.  One thread: everything below must be
 * called from the thread that runs the loop.
 *
 * Calls into the handler come only from within mu_transport_run_once(), and never from within a
 * function of struct mu_edge: sending to a socket does not call back.  A handler may use the
 * edge in any call; it must not run, stop or destroy the transport.
 *
 * Of an answer's headers, Content-Length, Date and Connection are the transport's: the handler
 * gives none of them.  The body of an answer to HEAD is given, for its length, and not sent. */
#ifndef MU_GATEWAY_TRANSPORT_H
#define MU_GATEWAY_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/edge.h"

#define MU_WS_UNREAD_MAX               (256 * 1024)     /* bytes of output left unread: 4008 */
#define MU_WS_CLOSE_REASON_MAX         123              /* bytes of a close reason; more is cut */
#define MU_WS_PROTOCOL                 "muster.v1.json" /* the subprotocol that is agreed to */
#define MU_TRANSPORT_ADMIN_CONNECTIONS 16 /* slots beyond connections_max for the admin listener */

struct event_base;
struct mu_counters;
struct mu_transport;

/* What the pure gateway does with what arrives. */
struct mu_transport_handler {
    void *context; /* handed to each function */

    /* A request; answer it with edge.reply(request->id), now or later, once. */
    void (*request)(void *context, const struct mu_http_request *request);

    /* The client of the pending request `id` is gone, or was told 504 because the answer took
     * longer than pending_ms.  An answer would be dropped. */
    void (*request_gone)(void *context, uint64_t id);

    /* A well-formed WebSocket handshake (GET on /v1/ws or /ws) wants to become `socket`, which
     * equals upgrade->id.  True accepts; what was sent to the socket during the call follows the
     * handshake.  False leaves an ordinary pending request, to be refused with edge.reply. */
    bool (*socket_open)(void *context, uint64_t socket, const struct mu_http_request *upgrade);

    /* A text message: valid UTF-8, 0..MU_WS_MESSAGE_MAX bytes, and a NUL behind it. */
    void (*socket_text)(void *context, uint64_t socket, const char *text, size_t text_bytes);

    /* An opened socket is gone, whoever closed it; told once. */
    void (*socket_closed)(void *context, uint64_t socket);
};

struct mu_transport_options {
    const char *address;       /* to listen on, as text; borrowed for the call of _create */
    const char *admin_address; /* second listener, or NULL for none */
    uint16_t port;             /* 0: the system chooses */
    uint16_t admin_port;       /* 0: the system chooses */
    int backlog;               /* connections that the kernel keeps before accept, > 0 */
    uint32_t connections_max;  /* public connections at once, 1..2^20 - 16; more get 503 */
    uint32_t per_address_max;  /* of them from one IPv4 address or IPv6 /64, >= 1; more: 429 */
    uint32_t header_bytes_max; /* 1..MU_HTTP_HEADERS_MAX; more: 431 or 414 */
    uint32_t body_bytes_max;   /* 0..MU_HTTP_BODY_MAX; more: 413 */
    uint32_t unread_bytes_max; /* output that a socket leaves unread, > 0; more: close 4008 */
    int64_t request_ms;        /* from accept or its first byte, a request must be complete */
    int64_t idle_ms;           /* a kept-alive connection may rest */
    int64_t pending_ms;        /* the handler may take for its answer; then 504 */
    int64_t send_ms;           /* the client may take to read an answer */
    int64_t linger_ms;         /* a refused or closing client may take to close */
    int64_t ping_ms;           /* between WebSocket pings */
    int64_t pong_ms;           /* without a pong, a socket is dead */
    int64_t drain_ms;          /* after mu_transport_stop() everything is cut */
};

/* Since creation. */
struct mu_transport_counters {
    uint64_t accepted;         /* connections */
    uint64_t refused_total;    /* connections over connections_max: 503 */
    uint64_t refused_address;  /* connections over per_address_max: 429 */
    uint64_t requests;         /* handed to the handler, upgrades included */
    uint64_t requests_refused; /* answered with an error by the transport itself */
    uint64_t requests_gone;    /* their client left before the answer */
    uint64_t replies_dropped;  /* answers to a request that was gone, or was answered */
    uint64_t timeouts;         /* connections cut because a deadline passed */
    uint64_t sockets_opened;   /* WebSockets */
    uint64_t sockets_slow;     /* closed with 4008 */
    uint64_t sockets_dead;     /* cut because no pong came */
    uint64_t sockets_faulty;   /* closed with 1002, 1003, 1007 or 1009 */
    uint64_t sends_dropped;    /* messages to a socket that was gone or closing */
};

/* Fills in the defaults of API.md 4: 127.0.0.1, any port, no admin listener. */
void mu_transport_options_init(struct mu_transport_options *options);

/* Binds and listens; ignores SIGPIPE in the process, as libevent's writes need it.
 *
 * options, handler  borrowed for the call; copied
 *
 * Returns 0, -EINVAL (an address or a bound is wrong), -ENOMEM, or -errno of bind and listen. */
int mu_transport_create(const struct mu_transport_options *options,
                        const struct mu_transport_handler *handler, struct mu_transport **ret);

/* Cuts every connection and frees; calls no handler.  NULL is fine. */
void mu_transport_destroy(struct mu_transport *transport);

/* The functions through which the handler answers; lives as long as the transport. */
const struct mu_edge *mu_transport_edge(const struct mu_transport *transport);

/* The loop, for the host to add the file descriptors of other libraries to. */
struct event_base *mu_transport_base(const struct mu_transport *transport);

/* The ports listened on; 0 when there is no such listener. */
uint16_t mu_transport_port(const struct mu_transport *transport);
uint16_t mu_transport_admin_port(const struct mu_transport *transport);

/* Waits for events and handles one turn of them.
 *
 * wait_ms  0: does not wait; < 0: waits until something happens (at most a quarter of a second)
 *
 * Returns 0, or -EIO when the loop broke. */
int mu_transport_run_once(struct mu_transport *transport, int64_t wait_ms);

/* Begins to drain: listens no more, closes idle connections, closes sockets with 1001, answers
 * what is pending with `Connection: close`.  Run on until mu_transport_drained().  A second call
 * does nothing.
 *
 * patience_ms  after which all is cut; 0: options.drain_ms */
void mu_transport_stop(struct mu_transport *transport, uint32_t patience_ms);

/* True when no connection is left; at the latest when the patience is over. */
bool mu_transport_drained(const struct mu_transport *transport);

/* Connections open now, sockets included. */
uint32_t mu_transport_connections(const struct mu_transport *transport);

const struct mu_transport_counters *mu_transport_counters(const struct mu_transport *transport);

/* The same under the names of core/counters.def; writes only those. */
void mu_transport_export(const struct mu_transport *transport, struct mu_counters *ret);

/* Asserts the invariants of the tables.  O(connections_max). */
void mu_transport_check(const struct mu_transport *transport);

#endif /* MU_GATEWAY_TRANSPORT_H */
