/* gateway/handshake.h - the opening handshake of RFC 6455, section 4.2. */
#ifndef MU_GATEWAY_HANDSHAKE_H
#define MU_GATEWAY_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

#define MU_HANDSHAKE_ACCEPT_SIZE 29 /* bytes of a Sec-WebSocket-Accept with its NUL */

struct evkeyvalq;

/* What the headers of a handshake say. */
struct mu_handshake {
    int status;         /* 101, or with which to refuse: 400, 426 */
    const char *detail; /* refused: why */
    bool protocol;      /* MU_WS_PROTOCOL is among those offered */
    char accept[MU_HANDSHAKE_ACCEPT_SIZE];
};

/* Reads the headers of a GET. */
void mu_handshake_read(const struct evkeyvalq *headers, struct mu_handshake *ret);

/* The answer to a client's key: base64 of SHA-1 of the key and the protocol's GUID.
 *
 * key  24 characters
 * ret  [MU_HANDSHAKE_ACCEPT_SIZE] */
void mu_handshake_accept(const char *key, char *ret);

/* True when a comma-separated header value holds the word, compared without case. */
bool mu_handshake_has(const char *value, const char *word);

#endif /* MU_GATEWAY_HANDSHAKE_H */
