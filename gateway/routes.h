/* gateway/routes.h - from method and path to the entry of gateway/routes.def. */
#ifndef MU_GATEWAY_ROUTES_H
#define MU_GATEWAY_ROUTES_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/edge.h"
#include "wire/msg.h"

#define MU_ROUTE_PARAMS_MAX 2  /* {...} of a pattern */
#define MU_ROUTE_PARAM_MAX  64 /* bytes of one, decoded; more: no such thing */
#define MU_ROUTE_ALLOW_MAX  63 /* bytes of an Allow field */

enum mu_route_id {
#define ROUTE(method, pattern, name, where, who, rate, key, doc) MU_ROUTE_##name,
#define LOCAL                                                    ROUTE
#include "gateway/routes.def"
#undef ROUTE
#undef LOCAL
    MU_ROUTES_COUNT
};

enum mu_route_where { MU_ROUTE_PUBLIC, MU_ROUTE_ADMIN, MU_ROUTE_BOTH };

/* Who may call. */
enum mu_route_who {
    MU_ROUTE_ANYONE,   /* no credentials */
    MU_ROUTE_EVERYONE, /* any credentials */
    MU_ROUTE_CLIENTS,  /* players and backends */
    MU_ROUTE_SERVERS,  /* game servers and backends */
    MU_ROUTE_BACKENDS, /* and operators */
    MU_ROUTE_OPERATORS,
};

struct mu_route {
    enum mu_route_id id;
    enum mu_http_method method;
    const char *pattern;
    const char *doc;
    enum mu_route_where where;
    enum mu_route_who who;
    bool limited; /* counts against the rate limits */
    bool keyed;   /* carries an idempotency key */
    bool text;    /* its body is a document, taken as it is */
    bool local;   /* answered at once, without the bus */
};

enum mu_route_result {
    MU_ROUTE_FOUND,
    MU_ROUTE_NOT_FOUND,   /* no pattern fits the path: 404 */
    MU_ROUTE_NOT_ALLOWED, /* one does, but not for this method: 405 with Allow */
    MU_ROUTE_OPTIONS,     /* OPTIONS of a path that exists: 204 with Allow */
};

struct mu_routed {
    const struct mu_route *route; /* FOUND; its method may be GET for a HEAD */
    uint32_t params_count;
    char params[MU_ROUTE_PARAMS_MAX][MU_ROUTE_PARAM_MAX + 1]; /* FOUND: decoded, not checked */
    char allow[MU_ROUTE_ALLOW_MAX + 1]; /* NOT_ALLOWED, OPTIONS: "GET, HEAD, OPTIONS" */
};

const struct mu_route *mu_route_at(enum mu_route_id id);

/* Finds the route of a raw (percent-encoded) path.
 *
 * admin  it came in on the admin listener;  open  everybody is trusted (open mode)
 *
 * A fixed segment must be written plainly; a parameter is decoded and must not be empty.
 * O(routes * length), no allocation. */
enum mu_route_result mu_route_find(enum mu_http_method method, const char *path, bool admin,
                                   bool open, struct mu_routed *ret);

#endif /* MU_GATEWAY_ROUTES_H */
