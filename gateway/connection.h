/* gateway/connection.h - the table of client connections: slots, ids, counts per address and
 * deadlines.
 *
 * A connection lives in one slot from accept to close.  Each request (and each WebSocket) on it
 * gets an id made of the slot and a generation that only grows, so a late answer to something
 * that is gone finds nothing.  Pure: it holds the library's objects but never calls them.
 * All functions are O(1) and allocate nothing but for _create. */
#ifndef MU_GATEWAY_CONNECTION_H
#define MU_GATEWAY_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http_scan.h"

#define MU_CONNECTION_SLOTS_MAX 1048576u   /* slots of a table, at most */
#define MU_CONNECTION_NONE      UINT32_MAX /* no slot */

enum mu_connection_state {
    MU_CONNECTION_FREE,    /* the slot is unused */
    MU_CONNECTION_READING, /* a request is arriving, or the first is awaited */
    MU_CONNECTION_IDLE,    /* kept alive between requests */
    MU_CONNECTION_PENDING, /* the gateway has the request and owes an answer */
    MU_CONNECTION_SENDING, /* the answer is being written */
    MU_CONNECTION_SOCKET,  /* upgraded to WebSocket */
    MU_CONNECTION_LINGER,  /* the last bytes go out, input is thrown away */
};

/* What ends a connection when it takes too long.  Each kind has one duration, so each kind's
 * list is sorted by appending. */
enum mu_deadline {
    MU_DEADLINE_REQUEST, /* a whole request must have arrived */
    MU_DEADLINE_IDLE,    /* the next request must begin */
    MU_DEADLINE_PENDING, /* the gateway must have answered */
    MU_DEADLINE_SEND,    /* the client must have taken the answer */
    MU_DEADLINE_LINGER,  /* the client must have closed */
    MU_DEADLINE_PING,    /* time for the next WebSocket ping */
    MU_DEADLINE_COUNT,   /* none */
};

/* Work put off to the next turn of the dirty list; bits of mu_connection.dirty. */
#define MU_DIRTY_CHECK  1u /* refused by the scanner, written by evhttp, or too much */
#define MU_DIRTY_READ   2u /* bytes for the WebSocket are waiting in the input buffer */
#define MU_DIRTY_CLOSED 4u /* the gateway has to hear that the socket is closed */

struct bufferevent;
struct evbuffer_cb_entry;
struct evhttp_connection;
struct evhttp_request;
struct mu_transport;
struct mu_websocket_reader;

struct mu_connection {
    /* Owned by the table. */
    uint32_t slot;           /* own index, constant */
    uint32_t previous, next; /* neighbours in the deadline list or the free list */
    uint32_t peer;           /* the address's entry, or MU_CONNECTION_NONE */
    uint64_t generation;     /* of the newest id; survives the slot's reuse */
    enum mu_deadline deadline;
    int64_t deadline_ms; /* when it is due, monotonic */

    /* Owned by the transport; zero in a fresh connection. */
    enum mu_connection_state state;
    bool admin;          /* came in on the admin listener */
    bool ours;           /* what is being written now is our answer, not evhttp's own */
    bool owes_closed;    /* socket_open was answered with true, socket_closed not yet told */
    bool ended;          /* LINGER: the client sent its end */
    bool dirty_listed;   /* in the dirty list; survives the slot's reuse */
    uint32_t dirty;      /* MU_DIRTY_ bits */
    uint32_t dirty_next; /* next in the dirty list, or MU_CONNECTION_NONE */
    uint64_t unscanned;  /* bytes received behind the end of the scanned request */
    int64_t pong_ms;     /* SOCKET: when the last pong came, or the opening */
    struct mu_transport *transport; /* that serves it */
    struct evhttp_connection *http;
    struct bufferevent *stream;
    struct evhttp_request *request; /* PENDING, SENDING: the request; else NULL */
    struct evbuffer_cb_entry *input_watch;
    struct evbuffer_cb_entry *output_watch;
    struct mu_websocket_reader *reader; /* SOCKET: holds a partial message; else NULL */
    struct mu_http_scan scan;           /* of the request that arrives */
    char address[46];                   /* the peer's address as text */
};

struct mu_connections;

/* slots        1..MU_CONNECTION_SLOTS_MAX
 * per_address  connections of one IPv4 address or one IPv6 /64, >= 1
 * seed         secret; keeps clients from choosing addresses that share a hash chain
 * duration_ms  [MU_DEADLINE_COUNT], each >= 1
 *
 * Returns NULL without memory. */
struct mu_connections *mu_connections_create(uint32_t slots, uint32_t per_address, uint64_t seed,
                                             const int64_t *duration_ms);
void mu_connections_destroy(struct mu_connections *table);

/* Takes a slot for a connection from the 16-byte address (IPv4 mapped into ::ffff:0:0/96).
 *
 * limited  false: not counted for the address (the admin listener)
 *
 * Returns 0 and the connection in state READING with no deadline; -ENOSPC when all slots are
 * taken; -EDQUOT when the address has its share already. */
int mu_connections_add(struct mu_connections *table, const uint8_t *address, bool limited,
                       struct mu_connection **ret);

/* Frees the slot: every id of it is void from now on. */
void mu_connections_remove(struct mu_connections *table, struct mu_connection *connection);

/* A new id for the request or socket on the connection; older ids of it are void. */
uint64_t mu_connections_issue(struct mu_connection *connection);

/* The id issued last. */
uint64_t mu_connections_id(const struct mu_connection *connection);

/* The connection whose newest id this is, or NULL. */
struct mu_connection *mu_connections_find(struct mu_connections *table, uint64_t id);

/* The connection in a slot, used or not. */
struct mu_connection *mu_connections_at(struct mu_connections *table, uint32_t slot);

/* Slots in the table, and slots in use. */
uint32_t mu_connections_slots(const struct mu_connections *table);
uint32_t mu_connections_count(const struct mu_connections *table);

/* Starts deadline `kind` anew and stops the one that ran; MU_DEADLINE_COUNT only stops. */
void mu_connections_arm(struct mu_connections *table, struct mu_connection *connection,
                        enum mu_deadline kind, int64_t now_ms);

/* A connection whose deadline is due, or NULL.  It stays due until armed anew or removed. */
struct mu_connection *mu_connections_due(struct mu_connections *table, int64_t now_ms);

/* Asserts the table's invariants.  O(slots). */
void mu_connections_check(const struct mu_connections *table);

#endif /* MU_GATEWAY_CONNECTION_H */
