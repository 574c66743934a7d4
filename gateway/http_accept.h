/* gateway/http_accept.h - listeners, and a connection's way into and out of the table. */
#ifndef MU_GATEWAY_HTTP_ACCEPT_H
#define MU_GATEWAY_HTTP_ACCEPT_H

#include "gateway/transport_state.h"

/* Listens on address:port with transport->options' backlog; server->transport and ->admin are
 * set by the caller.  Returns 0, -EINVAL (address), -ENOMEM, or -errno of bind and listen. */
int mu_http_listen(struct mu_http_server *server, const char *address, uint16_t port);

/* Stops accepting, or frees everything of the server, its connections included. */
void mu_http_listen_stop(struct mu_http_server *server);
void mu_http_server_release(struct mu_http_server *server);

/* Takes what was accepted in this turn into the table, or turns it away. */
void mu_http_admit(struct mu_transport *transport);

/* Accepts again after a failure of accept(). */
void mu_http_listen_resume(struct mu_http_server *server);

#endif /* MU_GATEWAY_HTTP_ACCEPT_H */
