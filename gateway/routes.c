#include "gateway/routes.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/parse.h"

/* clang-format off */
#define FREE    false
#define LIMITED true
#define PLAIN   0
#define KEYED   1
#define TEXT    2
static const struct mu_route routes[] = {
#define ENTRY(method, pattern, name, where, who, rate, key, doc, local) \
    { MU_ROUTE_##name, MU_HTTP_##method, pattern, doc, MU_ROUTE_##where, MU_ROUTE_##who, \
      rate, (key) != PLAIN, (key) == TEXT, local },
#define ROUTE(method, pattern, name, where, who, rate, key, doc) \
    ENTRY(method, pattern, name, where, who, rate, key, doc, false)
#define LOCAL(method, pattern, name, where, who, rate, key, doc) \
    ENTRY(method, pattern, name, where, who, rate, key, doc, true)
#include "gateway/routes.def"
#undef ROUTE
#undef LOCAL
};
#undef FREE
#undef LIMITED
#undef PLAIN
#undef KEYED
#undef TEXT
/* clang-format on */

static const char *const method_names[] = {
    [MU_HTTP_GET] = "GET",         [MU_HTTP_HEAD] = "HEAD",   [MU_HTTP_POST] = "POST",
    [MU_HTTP_PUT] = "PUT",         [MU_HTTP_PATCH] = "PATCH", [MU_HTTP_DELETE] = "DELETE",
    [MU_HTTP_OPTIONS] = "OPTIONS",
};

const struct mu_route *mu_route_at(enum mu_route_id id)
{
    assert(id < MU_ROUTES_COUNT && routes[id].id == id);
    return &routes[id];
}

/* Whether `path` has the form of `pattern`; decodes its parameters. */
static bool fits(const char *pattern, const char *path, struct mu_routed *ret)
{
    ret->params_count = 0;
    while (*pattern == '/' && *path == '/') {
        size_t want = strcspn(++pattern, "/");
        size_t have = strcspn(++path, "/");
        if (*pattern == '{') {
            assert(ret->params_count < MU_ROUTE_PARAMS_MAX);
            char *param = ret->params[ret->params_count++];
            if (have == 0 ||
                mu_parse_path_segment(path, have, MU_ROUTE_PARAM_MAX + 1, param) != 0) {
                return false;
            }
        } else if (want != have || memcmp(pattern, path, want) != 0) {
            return false;
        }
        pattern += want;
        path += have;
    }
    return *pattern == '\0' && *path == '\0';
}

static bool reachable(const struct mu_route *route, bool admin, bool open)
{
    switch (route->where) {
    case MU_ROUTE_PUBLIC: return !admin;
    case MU_ROUTE_ADMIN: return admin || open;
    case MU_ROUTE_BOTH: return true;
    }
    return false;
}

static void write_allow(const bool allowed[], char ret[MU_ROUTE_ALLOW_MAX + 1])
{
    size_t used = 0;
    for (size_t i = 0; i < sizeof method_names / sizeof method_names[0]; i++) {
        if (allowed[i]) {
            int n = snprintf(ret + used, MU_ROUTE_ALLOW_MAX + 1 - used, "%s%s",
                             used == 0 ? "" : ", ", method_names[i]);
            assert(n > 0);
            used += (size_t)n;
        }
    }
    assert(used <= MU_ROUTE_ALLOW_MAX);
}

enum mu_route_result mu_route_find(enum mu_http_method method, const char *path, bool admin,
                                   bool open, struct mu_routed *ret)
{
    enum mu_http_method wanted = method == MU_HTTP_HEAD ? MU_HTTP_GET : method;
    bool allowed[sizeof method_names / sizeof method_names[0]] = { false };
    bool exists = false;
    for (size_t i = 0; i < MU_ROUTES_COUNT; i++) {
        const struct mu_route *route = &routes[i];
        if (!reachable(route, admin, open) || !fits(route->pattern, path, ret)) {
            continue;
        }
        if (route->method == wanted) {
            ret->route = route;
            return MU_ROUTE_FOUND;
        }
        exists = true;
        allowed[route->method] = true;
    }
    if (!exists) {
        return MU_ROUTE_NOT_FOUND;
    }
    allowed[MU_HTTP_HEAD] = allowed[MU_HTTP_GET];
    allowed[MU_HTTP_OPTIONS] = true;
    write_allow(allowed, ret->allow);
    return method == MU_HTTP_OPTIONS ? MU_ROUTE_OPTIONS : MU_ROUTE_NOT_ALLOWED;
}
