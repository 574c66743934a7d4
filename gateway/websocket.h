/* gateway/websocket.h - WebSocket (RFC 6455) on streams taken over from evhttp, framed by wslay.
 *
 * An idle socket holds no wslay context: a context with its message buffer (25 KB) is lent to
 * whoever has a message arriving and goes back to the pool at the message's end.  Outgoing frames
 * are written whole through one shared context, straight into the output buffer. */
#ifndef MU_GATEWAY_WEBSOCKET_H
#define MU_GATEWAY_WEBSOCKET_H

#include "gateway/transport_state.h"

/* Creates and frees what all sockets share.  Returns 0 or -ENOMEM; _release after a failed
 * _init, or after nothing, is fine. */
int mu_websocket_init(struct mu_transport *transport);
void mu_websocket_release(struct mu_transport *transport);

/* True for what mu_websocket_handshake() wants to see: GET on /v1/ws or /ws, not admin. */
bool mu_websocket_offered(const struct mu_connection *connection,
                          const struct mu_http_request *request);

/* Checks the handshake, asks the handler, and makes the pending connection a socket; or refuses
 * with 400 or 426. */
void mu_websocket_handshake(struct mu_connection *connection,
                            const struct mu_http_request *request);

/* Sends one text message; over unread_bytes_max the socket is closed with 4008. */
void mu_websocket_send(struct mu_connection *connection, const char *text, size_t text_bytes);

/* Sends a close frame and lingers; the handler is told in the next turn of the dirty list.
 *
 * code    1000..4999, one that may be sent
 * reason  UTF-8, cut to MU_WS_CLOSE_REASON_MAX */
void mu_websocket_close(struct mu_connection *connection, int code, const char *reason);

/* Reads what is waiting in the input buffer: MU_DIRTY_READ. */
void mu_websocket_read(struct mu_connection *connection);

/* MU_DEADLINE_PING: sends the next ping, or frees the connection when the pongs stopped. */
void mu_websocket_ping(struct mu_connection *connection);

/* The connection is being freed: gives back what it borrowed. */
void mu_websocket_forget(struct mu_connection *connection);

#endif /* MU_GATEWAY_WEBSOCKET_H */
