/* gateway/edge.h - the seam between the transport (libevent, wslay) and the pure gateway.
 *
 * The transport turns bytes into the structs below and calls the gateway's functions
 * (gateway/gateway.h); the gateway answers through struct mu_edge.  The simulator implements
 * struct mu_edge too.  Everything is borrowed for the length of the call.
 *
 * The transport guarantees, before the gateway hears of a request: one well-formed HTTP/1.1
 * request within the bounds below; no smuggling (rule 4 of the integration rules); each request
 * id is answered at most once, an answer to an id that is gone is dropped. */
#ifndef MU_GATEWAY_EDGE_H
#define MU_GATEWAY_EDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MU_HTTP_BODY_MAX          (64 * 1024) /* bytes of a request body; more: 413 */
#define MU_HTTP_HEADERS_MAX       (16 * 1024) /* bytes of a request's head; more: 431, 414 */
#define MU_WS_MESSAGE_MAX         (16 * 1024) /* bytes of a WebSocket message; more: close 1009 */
#define MU_HTTP_REPLY_HEADERS_MAX 16          /* headers of one reply */

enum mu_http_method {
    MU_HTTP_GET,
    MU_HTTP_HEAD,
    MU_HTTP_POST,
    MU_HTTP_PUT,
    MU_HTTP_PATCH,
    MU_HTTP_DELETE,
    MU_HTTP_OPTIONS,
};

/* One request.  Strings are NUL-terminated, "" when the header is absent. */
struct mu_http_request {
    uint64_t id; /* names the pending request; never reused in this process */
    enum mu_http_method method;
    bool admin;          /* came in on the admin listener */
    const char *path;    /* raw, still percent-encoded, without query; starts with '/' */
    const char *query;   /* raw, without '?' */
    const char *address; /* peer's address as text, "192.0.2.7" or "2001:db8::1" */
    const char *authorization;
    const char *content_type;
    const char *idempotency_key;
    const char *origin;
    const char *traceparent;
    const char *request_method; /* Access-Control-Request-Method of a preflight */
    const uint8_t *body;
    size_t body_bytes;
};

struct mu_http_header {
    const char *name;
    const char *value;
};

struct mu_http_reply {
    int status;
    uint32_t headers_count;
    struct mu_http_header headers[MU_HTTP_REPLY_HEADERS_MAX];
    const char *body; /* not terminated */
    size_t body_bytes;
};

/* What the gateway asks of its transport. */
struct mu_edge {
    void *context; /* handed to each function */

    /* Answers request `id` and forgets it. */
    void (*reply)(void *context, uint64_t id, const struct mu_http_reply *reply);

    /* Sends one text message to WebSocket `socket`; coalesced with others of this loop turn.
     * A socket with more than MU_WS_UNREAD_MAX unread bytes is closed with 4008. */
    void (*send)(void *context, uint64_t socket, const char *text, size_t text_bytes);

    /* Closes WebSocket `socket` after what was sent; mu_gateway_socket_closed() follows. */
    void (*close)(void *context, uint64_t socket, int code, const char *reason);
};

#endif /* MU_GATEWAY_EDGE_H */
