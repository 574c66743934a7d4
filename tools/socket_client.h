/* tools/socket_client.h - a WebSocket client (RFC 6455) on libevent, framed by wslay.
 *
 * For our own tools against our own gateway: ws:// only, text messages only, and the server's
 * Sec-WebSocket-Accept is not recomputed, as tests/unit/test_transport_ws.c does.  One thread. */
#ifndef MU_TOOLS_SOCKET_CLIENT_H
#define MU_TOOLS_SOCKET_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#define MU_SOCKET_MESSAGE_MAX (256 * 1024) /* bytes of a message; more: closed with 1009 */

struct event_base;
struct mu_socket;

struct mu_socket_handler {
    void *context; /* handed to each function */

    /* The handshake is done; messages may be sent. */
    void (*opened)(void *context);

    /* A text message; NUL behind it; borrowed. */
    void (*text)(void *context, const char *text, size_t text_bytes);

    /* It is closed, or never opened; told once, unless it was destroyed before.  Destroy it,
     * here or later. */
    void (*closed)(void *context);
};

/* Begins to connect; no handler is called before it returns.
 *
 * address  as text, "127.0.0.1"
 * key      sent as `Authorization: Bearer`; "" for none
 * handler  copied
 *
 * NULL when out of memory or of sockets. */
struct mu_socket *mu_socket_open(struct event_base *base, const char *address, uint16_t port,
                                 const char *path, const char *key,
                                 const struct mu_socket_handler *handler);

/* Cuts the connection; may be called from a handler.  NULL is a no-op. */
void mu_socket_destroy(struct mu_socket *socket);

/* Sends a text message; before the handshake is done, or when it is closed, it is dropped.
 * Returns 0, -ENOTCONN or -ENOMEM. */
int mu_socket_send(struct mu_socket *socket, const char *text);

#endif /* MU_TOOLS_SOCKET_CLIENT_H */
