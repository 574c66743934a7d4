/* gateway/transport_state.h - what transport.c, http.c, http_accept.c, linger.c and websocket.c
 * share.  Nobody else includes this. */
#ifndef MU_GATEWAY_TRANSPORT_STATE_H
#define MU_GATEWAY_TRANSPORT_STATE_H

#include "gateway/connection.h"
#include "gateway/transport.h"

#define MU_ARRIVALS_MAX 64 /* connections accepted in one turn of the loop */

struct evbuffer;
struct evconnlistener;
struct evhttp;
struct evhttp_bound_socket;
struct wslay_frame_context;

/* One listening socket with its HTTP server. */
struct mu_http_server {
    struct mu_transport *transport;    /* that it is part of */
    struct evhttp *http;               /* owns the listener */
    struct evhttp_bound_socket *bound; /* evhttp's handle of the listener */
    struct evconnlistener *listener;   /* NULL: not listening */
    uint16_t port;                     /* bound */
    bool admin;                        /* the admin listener */
};

/* A bufferevent that was given to evhttp and whose connection is not in the table yet. */
struct mu_arrival {
    struct bufferevent *stream; /* holds one reference */
    struct mu_http_server *server;
};

struct mu_transport {
    struct mu_transport_options options;
    struct mu_transport_handler handler;
    struct mu_edge edge;
    struct mu_transport_counters counters;
    struct event_base *base;
    struct event *tick;  /* looks for deadlines that are due */
    struct event *dirty; /* runs the arrivals and the dirty list; only ever activated by hand */
    struct event *wake;  /* ends the wait of run_once */
    struct mu_connections *connections;
    struct mu_http_server public_server;
    struct mu_http_server admin_server;
    uint32_t arrivals_count;
    struct mu_arrival arrivals[MU_ARRIVALS_MAX];
    uint32_t public_count;                    /* connections that came in on the public listener */
    uint32_t dirty_first;                     /* slot, or MU_CONNECTION_NONE */
    uint32_t *slots_by_fd;                    /* [fds] the slot of an adopted file descriptor */
    uint32_t fds;                             /* size of slots_by_fd, grows with accept */
    struct mu_connection *opening;            /* the handshake being decided; NULL outside of it */
    bool opening_closed;                      /* the handler closed it already */
    struct evbuffer *opening_output;          /* frames for it */
    struct wslay_frame_context *sender;       /* writes whole frames, so it is always between two */
    struct evbuffer *sender_output;           /* where it writes */
    bool sender_failed;                       /* no memory for the frame */
    struct mu_websocket_reader *readers_free; /* cached, for whoever gets a message next */
    uint32_t readers_free_count;
    bool stopping;        /* draining */
    bool destroying;      /* no calls into the handler any more */
    int64_t drain_due_ms; /* when everything is cut */
    char *path;           /* [header_bytes_max + 1] path of the request being handled */
};

/* Milliseconds of the monotonic clock. */
int64_t mu_transport_now(void);

/* Puts the connection on the dirty list with one more MU_DIRTY_ bit. */
void mu_transport_mark(struct mu_connection *connection, uint32_t bit);

/* Asks for a run of the dirty handler in this turn of the loop. */
void mu_transport_poke(struct mu_transport *transport);

/* Frees the connection with all of its objects and tells the handler what it must know: never
 * to be called from within a function of struct mu_edge. */
void mu_http_close(const struct mu_connection *connection);

#endif /* MU_GATEWAY_TRANSPORT_STATE_H */
