/* gateway/linger.h - the end of a connection: the last bytes out, the rest of the input away.
 *
 * Closing at once would answer the bytes that the client still sends with a reset, which can
 * destroy the answer on its way; so the output is flushed, our half closed, and input thrown away
 * until the client closes too, or linger_ms have passed. */
#ifndef MU_GATEWAY_LINGER_H
#define MU_GATEWAY_LINGER_H

#include "gateway/transport_state.h"

/* Takes the connection's stream away from evhttp or the WebSocket.  Ids stay valid until the
 * close, so that what is owed to the handler can still be told. */
void mu_linger_begin(struct mu_connection *connection);

/* Answers what is arriving or pending with an error of the transport's own as
 * application/problem+json, and lingers.  What evhttp has put into the output is dropped.
 *
 * status  400, 413, 414, 417, 426, 429, 431, 501, 503, 504 or 505 (asserted)
 * detail  one sentence for the developer of the client */
void mu_linger_refuse(struct mu_connection *connection, int status, const char *detail);

/* The bytes of such an answer.  ret [ret_size].  Returns their number, or 0 if it is too small. */
size_t mu_linger_problem(int status, const char *detail, bool head, char *ret, size_t ret_size);

/* The connection that a stream was taken over for.  Callbacks of such streams must ask this:
 * evhttp may call a replaced read callback once more with an argument of its own, from the
 * deferred read of pipelined bytes. */
struct mu_connection *mu_linger_connection(struct bufferevent *stream);

/* The reason phrase of a status: "Not Found". */
const char *mu_linger_phrase(int status);

#endif /* MU_GATEWAY_LINGER_H */
