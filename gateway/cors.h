/* gateway/cors.h - which web pages may call: an allow-list of origins (Fetch standard).
 *
 * In open mode pages of this machine (http://localhost, http://127.0.0.1, http://[::1], any port)
 * may call too, and no other page may change anything: without keys, the browser's address is all
 * that tells a stranger's page from the user. */
#ifndef MU_GATEWAY_CORS_H
#define MU_GATEWAY_CORS_H

#include <stdbool.h>

#include "core/config.h"
#include "gateway/edge.h"

#define MU_CORS_MAX_AGE "600" /* seconds for which a browser may keep a preflight */

/* Whether a page of `origin` may call; "" (no browser) may. */
bool mu_cors_allows(const struct mu_config *config, const char *origin);

/* Adds the fields of an answer to a request from `origin`: Vary always, and the rest when it may
 * read it.  `preflight_allow` is the Allow list of a preflight's path, else NULL. */
void mu_cors_headers(const struct mu_config *config, const char *origin,
                     const char *preflight_allow, struct mu_http_reply *reply);

/* Appends one header; there is room (asserted).  Borrows both texts. */
void mu_reply_header(struct mu_http_reply *reply, const char *name, const char *value);

#endif /* MU_GATEWAY_CORS_H */
