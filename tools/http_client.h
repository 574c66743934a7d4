/* tools/http_client.h - a small HTTP client on libevent, for one server.
 *
 * A few connections that stay open, requests spread over them, answers through callbacks.  For
 * our own tools against our own gateway: no TLS, no redirects.  One thread. */
#ifndef MU_TOOLS_HTTP_CLIENT_H
#define MU_TOOLS_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#define MU_CLIENT_CONNECTIONS_MAX 16
#define MU_CLIENT_PENDING_MAX     4096               /* requests without an answer */
#define MU_CLIENT_ANSWER_MAX      (16 * 1024 * 1024) /* bytes of an answer; more: it failed */
#define MU_CLIENT_SECONDS         10                 /* without an answer: it failed */

struct event_base;
struct mu_client;

/* The answer.
 *
 * status  HTTP status; 0: none came, and what the request did is not known
 * body    NUL behind it; borrowed; "" for none */
typedef void mu_client_done_fn(void *context, int status, const char *body, size_t body_bytes);

struct mu_client_request {
    const char *method; /* "GET", "POST", ... */
    const char *path;   /* with query */
    const char *body;   /* JSON; NULL: none */
    const char *once;   /* Idempotency-Key; NULL: none */
    const char *key;    /* of this request, instead of the client's; NULL: the client's */
    mu_client_done_fn *done;
    void *context; /* of done */
};

/* address      as text, "127.0.0.1"; host names are not looked up
 * key          sent as `Authorization: Bearer`; "" for none; copied
 * connections  1..MU_CLIENT_CONNECTIONS_MAX
 *
 * Connects with the first request.  NULL when out of memory. */
struct mu_client *mu_client_create(struct event_base *base, const char *address, uint16_t port,
                                   const char *key, uint32_t connections);

/* Cuts what is under way; its callbacks are not called.  NULL is a no-op. */
void mu_client_destroy(struct mu_client *client);

/* Sends a request; everything is copied.
 * Returns 0, and then calls `done` once, later; -EBUSY: too many are pending; or -ENOMEM. */
int mu_client_send(struct mu_client *client, const struct mu_client_request *request);

/* Requests without an answer. */
uint32_t mu_client_pending(const struct mu_client *client);

#endif /* MU_TOOLS_HTTP_CLIENT_H */
