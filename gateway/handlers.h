/* gateway/handlers.h - what each route and action does; inside of the gateway.
 *
 * mu_handle_<route>() is given a request whose caller may make it, with the body parsed into
 * gw->fields; mu_done_<route>() the answer of the actor it asked, of the op it expected.
 * Both end the exchange or ask (on). */
#ifndef MU_GATEWAY_HANDLERS_H
#define MU_GATEWAY_HANDLERS_H

#include "gateway/exchange.h"

struct mu_gateway;

typedef void mu_handle_fn(struct mu_gateway *gw, struct mu_exchange *x,
                          const struct mu_http_request *request);
typedef void mu_done_fn(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg);

#define LOCAL(method, pattern, name, where, who, rate, key, doc) mu_handle_fn mu_handle_##name;
#define ROUTE(method, pattern, name, where, who, rate, key, doc)                                   \
    mu_handle_fn mu_handle_##name;                                                                 \
    mu_done_fn mu_done_##name;
#include "gateway/routes.def"
#undef LOCAL
#undef ROUTE

/* Shared by HTTP and WebSocket.  The player is checked already; the fields are in gw->fields. */
void mu_queue_join(struct mu_gateway *gw, struct mu_exchange *x, struct mu_slice body);
void mu_queue_leave(struct mu_gateway *gw, struct mu_exchange *x);

#endif /* MU_GATEWAY_HANDLERS_H */
