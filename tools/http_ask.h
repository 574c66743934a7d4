/* tools/http_ask.h - one request to a gateway, asked until the answer is definite. */
#ifndef MU_TOOLS_HTTP_ASK_H
#define MU_TOOLS_HTTP_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "core/parse.h"
#include "tools/key_file.h"

/* Whom to ask, and for how long. */
struct mu_ask_gateway {
    char host[MU_HOST_MAX + 1];
    uint16_t port;
    char key[MU_KEY_FILE_MAX + 1]; /* empty: none */
    int64_t wait_ms;               /* gives up after that */
};

/* What came. */
struct mu_ask_answer {
    int status; /* HTTP; 0: no answer came */
    char *body; /* owned: NUL-terminated; free() it; never NULL after mu_ask() */
    size_t body_bytes;
};

/* Asks; silence, 429 and 503 are asked again, with one Idempotency-Key, until wait_ms is over.
 *
 * method  "GET", "PUT", "POST";  path  with query;  body  NULL: none
 *
 * Returns 0 with *ret, whose status may be an error's, or -ENOMEM.  Blocks. */
int mu_ask(const struct mu_ask_gateway *gateway, const char *method, const char *path,
           const char *body, struct mu_ask_answer *ret);

#endif /* MU_TOOLS_HTTP_ASK_H */
