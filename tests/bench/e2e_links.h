/* tests/bench/e2e_links.h - many client connections to one gateway: HTTP or WebSocket, one thread.
 *
 * The load generator shares the machine with what it loads, so it must be cheap: one epoll, one
 * recv for what has arrived, one send a message, no allocation after creation.  It knows only what
 * it needs: answers with Content-Length, unmasked frames that are not fragmented, and a masking
 * key of zero, which RFC 6455 forbids to browsers (5.3) and no server can tell from chance. */
#ifndef MU_TESTS_BENCH_E2E_LINKS_H
#define MU_TESTS_BENCH_E2E_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mu_links;

/* Something came, or a connection was lost.
 *
 * status  of the HTTP answer; 101: a WebSocket's text message; 0: the connection is gone
 * text    body or message, NUL behind it; borrowed */
typedef void mu_links_fn(void *context, uint32_t link, int status, const char *text, size_t bytes);

/* Opens `count` connections to 127.0.0.1:port; with `sockets`, shakes hands for WebSockets.
 *
 * Blocks until all are open.  NULL after saying why on stderr. */
struct mu_links *mu_links_create(uint16_t port, uint32_t count, bool sockets, mu_links_fn *take,
                                 void *context);

/* Closes all; NULL is a no-op. */
void mu_links_destroy(struct mu_links *links);

/* Sends a text message on a WebSocket.  Returns 0, or -EPIPE when the connection is gone or its
 * buffer is full. */
int mu_links_say(struct mu_links *links, uint32_t link, const char *text, size_t bytes);

/* Sends a request; body NULL: none.  Returns as mu_links_say(). */
int mu_links_ask(struct mu_links *links, uint32_t link, const char *method, const char *path,
                 const char *body);

/* Handles what arrives until the moment `until_ns` of mu_bench_now_ns(), but at least what is there
 * now; returns early once *stop (may be NULL) is set by a callback. */
void mu_links_run(struct mu_links *links, int64_t until_ns, const bool *stop);

#endif /* MU_TESTS_BENCH_E2E_LINKS_H */
