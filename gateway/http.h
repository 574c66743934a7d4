/* gateway/http.h - requests from evhttp up to the handler, and answers down.
 *
 * evhttp parses; gateway/http_scan.h watches every byte that evhttp will see and decides what is
 * acceptable; a request goes up only when both agree that it is complete and where it ends.
 * evhttp's own HTML errors are replaced by problem+json before they leave. */
#ifndef MU_GATEWAY_HTTP_H
#define MU_GATEWAY_HTTP_H

#include "gateway/transport_state.h"

struct evhttp_request;

/* evhttp's callback for every complete request; argument is the struct mu_http_server. */
void mu_http_on_request(struct evhttp_request *request, void *argument);

/* Begins to watch the streams of a connection that is new in the table.  False without memory. */
bool mu_http_watch(struct mu_connection *connection);

/* Stops watching: evhttp is done with the connection. */
void mu_http_unwatch(struct mu_connection *connection);

/* Answers the pending request of the connection. */
void mu_http_reply(struct mu_connection *connection, const struct mu_http_reply *reply);

/* Refuses what the scanner refused, and replaces what evhttp wrote by itself: MU_DIRTY_CHECK. */
void mu_http_check(struct mu_connection *connection);

#endif /* MU_GATEWAY_HTTP_H */
