/* tests/unit/edge_client.h - a transport with a small handler, and raw sockets to tease it with.
 *
 * Everything runs in one thread: the helpers turn the transport's loop while they wait. */
#ifndef MU_TESTS_UNIT_EDGE_CLIENT_H
#define MU_TESTS_UNIT_EDGE_CLIENT_H

#include "tests/unit/unit.h"

#include "gateway/transport.h"

#define EDGE_RECEIVED_MAX (1024 * 1024) /* bytes a client keeps */
#define EDGE_WAIT_MS      10000         /* until a helper fails the test */

/* What the handler saw and did. */
struct edge_server {
    struct mu_transport *transport;
    uint32_t requests, gone, opened, texts, closed;
    uint64_t held_id;       /* the last request that waits for its answer */
    uint64_t gone_id;       /* the last that went away */
    uint64_t socket;        /* opened last */
    uint64_t closed_socket; /* closed last */
    size_t text_bytes;      /* of the last text */
    bool mute;              /* does not echo texts */
};

/* Paths: /hold stays pending, /big answers with `size` bytes named by the query, /missing is 404,
 * everything else is 200 with one line about the request.  Sockets: ?refuse 403, ?hold pending,
 * ?welcome sends at once, ?goodbye sends and closes at once; texts are echoed, but for
 * "close CODE", "twice" (two answers) and "spam" (which sends until the socket is closed). */
void edge_start(struct edge_server *server, const struct mu_transport_options *options);
/* Only tries to create one, whose handler must not be called. */
int edge_try(const struct mu_transport_options *options, struct mu_transport **ret);
void edge_end(struct edge_server *server);

/* Short time bounds, so that a test of them takes little time. */
void edge_options(struct mu_transport_options *options);

/* Answers the request that is held. */
void edge_answer(struct edge_server *server, uint64_t id, const char *body);

struct edge_client {
    int fd;
    bool ended;  /* the server closed */
    size_t used; /* bytes received */
    char *received;
};

void edge_connect(struct edge_client *client, uint16_t port);
void edge_disconnect(struct edge_client *client);

/* Sends all, turning the loop.  False when the server has closed. */
bool edge_send(struct edge_server *server, struct edge_client *client, const char *bytes,
               size_t size);

/* Turns the loop once, at most wait_ms, and receives what there is. */
void edge_turn(struct edge_server *server, struct edge_client *client, int64_t wait_ms);

/* Turns until the server closes. */
void edge_until_end(struct edge_server *server, struct edge_client *client);

/* Turns until `text` was received. */
void edge_until(struct edge_server *server, struct edge_client *client, const char *text);

/* Sends a NUL-terminated text whole. */
void edge_text(struct edge_server *server, struct edge_client *client, const char *text);

/* Turns until *number is `value`; until so many connections are open. */
void edge_until_number(struct edge_server *server, const uint32_t *number, uint32_t value);
void edge_until_connections(struct edge_server *server, uint32_t count);

/* Makes edge_disconnect() reset the connection. */
void edge_reset(struct edge_client *client);

/* Starts with edge_options(). */
void edge_start_plain(struct edge_server *server);

/* Milliseconds of the monotonic clock. */
int64_t edge_now(void);

/* The statuses of the answers received, such as "200 400", without 100; "?" for what is no
 * answer.
 *
 * head  the requests were HEAD: the answers have no body
 * Returns how many there are; *ret_rest is where the bytes behind them begin. */
int edge_statuses(const struct edge_client *client, bool head, char *ret, size_t ret_size,
                  size_t *ret_rest);

#endif /* MU_TESTS_UNIT_EDGE_CLIENT_H */
