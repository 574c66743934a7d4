#include "gateway/cors.h"

#include <assert.h>
#include <string.h>

#include "gateway/access.h"

void mu_reply_header(struct mu_http_reply *reply, const char *name, const char *value)
{
    assert(reply->headers_count < MU_HTTP_REPLY_HEADERS_MAX);
    reply->headers[reply->headers_count++] = (struct mu_http_header){ name, value };
}

/* Whether the origin is a page of this machine: the host alone, or with digits as its port. */
static bool local_origin(const char *origin)
{
    static const char *const hosts[] = { "http://localhost", "http://127.0.0.1", "http://[::1]" };
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        size_t n = strlen(hosts[i]);
        if (strncmp(origin, hosts[i], n) != 0) {
            continue;
        }
        const char *port = origin + n;
        if (*port == '\0' ||
            (*port == ':' && port[1] != '\0' && port[1 + strspn(port + 1, "0123456789")] == '\0')) {
            return true;
        }
    }
    return false;
}

bool mu_cors_allows(const struct mu_config *config, const char *origin)
{
    if (origin[0] == '\0') {
        return true;
    }
    for (uint32_t i = 0; i < config->origins_count; i++) {
        if (strcmp(config->origins[i], origin) == 0) {
            return true;
        }
    }
    return mu_access_open(config) && local_origin(origin);
}

void mu_cors_headers(const struct mu_config *config, const char *origin,
                     const char *preflight_allow, struct mu_http_reply *reply)
{
    mu_reply_header(reply, "Vary", "Origin");
    if (origin[0] == '\0' || !mu_cors_allows(config, origin)) {
        return;
    }
    mu_reply_header(reply, "Access-Control-Allow-Origin", origin);
    if (preflight_allow != NULL) {
        mu_reply_header(reply, "Access-Control-Allow-Methods", preflight_allow);
        mu_reply_header(reply, "Access-Control-Allow-Headers",
                        "Authorization, Content-Type, Idempotency-Key, traceparent");
        mu_reply_header(reply, "Access-Control-Max-Age", MU_CORS_MAX_AGE);
    } else {
        mu_reply_header(reply, "Access-Control-Expose-Headers",
                        "Retry-After, RateLimit, RateLimit-Policy, Muster-Mode, traceparent");
    }
}
