#include "gateway/operations.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/access.h"
#include "gateway/present.h"
#include "gateway/problem.h"

/* One ANSWER, BODY or QUERY of gateway/operations.def. */
struct part {
    enum mu_route_id route;
    int status;           /* ANSWER */
    const char *text;     /* ANSWER: when */
    enum mu_schema_id id; /* MU_SCHEMAS_COUNT: plain text */
};

/* clang-format off */
#define BODY(route, schema)
#define QUERY(route, schema)
#define ANSWER(route, status, schema, when)
#define PLAIN_TEXT(route, what)
#define REFUSES(route, codes)
#define REPLY(action, schema)

static const struct part answers[] = {
#undef ANSWER
#undef PLAIN_TEXT
#define ANSWER(route, status, schema, when) { MU_ROUTE_##route, status, when, MU_SCHEMA_##schema },
#define PLAIN_TEXT(route, what)             { MU_ROUTE_##route, 200, what, MU_SCHEMAS_COUNT },
#include "gateway/operations.def"
#undef ANSWER
#undef PLAIN_TEXT
#define ANSWER(route, status, schema, when)
#define PLAIN_TEXT(route, what)
};

static const struct part bodies[] = {
#undef BODY
#define BODY(route, schema) { MU_ROUTE_##route, 0, NULL, MU_SCHEMA_##schema },
#include "gateway/operations.def"
#undef BODY
#define BODY(route, schema)
};

static const struct part queries[] = {
#undef QUERY
#define QUERY(route, schema) { MU_ROUTE_##route, 0, NULL, MU_SCHEMA_##schema },
#include "gateway/operations.def"
#undef QUERY
#define QUERY(route, schema)
};

static const char *const refusals[MU_ROUTES_COUNT] = {
#undef REFUSES
#define REFUSES(route, codes) [MU_ROUTE_##route] = (codes),
#include "gateway/operations.def"
#undef REFUSES
#define REFUSES(route, codes)
};

static const struct {
    const char *action;
    enum mu_schema_id id;
} replies[] = {
#undef REPLY
#define REPLY(action, schema) { #action, MU_SCHEMA_##schema },
#include "gateway/operations.def"
};

#undef BODY
#undef QUERY
#undef ANSWER
#undef PLAIN_TEXT
#undef REFUSES
#undef REPLY
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* The part of a route, or NULL. */
static const struct part *part_of(const struct part *parts, size_t count, enum mu_route_id route)
{
    for (size_t i = 0; i < count; i++) {
        if (parts[i].route == route) {
            return &parts[i];
        }
    }
    return NULL;
}

bool mu_operation_has_body(const struct mu_route *route)
{
    return route->method == MU_HTTP_POST || route->method == MU_HTTP_PUT ||
           route->method == MU_HTTP_PATCH;
}

enum mu_schema_id mu_operation_body(enum mu_route_id route)
{
    const struct part *body = part_of(bodies, COUNT(bodies), route);
    return body == NULL ? MU_SCHEMAS_COUNT : body->id;
}

enum mu_schema_id mu_operation_query(enum mu_route_id route)
{
    const struct part *query = part_of(queries, COUNT(queries), route);
    return query == NULL ? MU_SCHEMAS_COUNT : query->id;
}

bool mu_operation_answer(enum mu_route_id route, uint32_t n, struct mu_answer *ret)
{
    for (size_t i = 0; i < COUNT(answers); i++) {
        if (answers[i].route == route && n-- == 0) {
            *ret = (struct mu_answer){ answers[i].status, answers[i].text, answers[i].id };
            return true;
        }
    }
    return false;
}

enum mu_schema_id mu_operation_reply(const char *action)
{
    for (size_t i = 0; i < COUNT(replies); i++) {
        if (strcmp(replies[i].action, action) == 0) {
            return replies[i].id;
        }
    }
    return MU_SCHEMAS_COUNT;
}

/* Refusals. */

/* Roles. */

static const struct {
    enum mu_role role;
    const char *name;
    const char *doc;
} roles[MU_OPERATION_ROLES] = {
    { MU_ROLE_PLAYER, "player", "A player's token, of POST /v1/players/{playerId}/tokens." },
    { MU_ROLE_SERVER, "server", "A game server's key, of POST /v1/servers." },
    { MU_ROLE_BACKEND, "backend", "A key of the configuration." },
    { MU_ROLE_OPERATOR, "operator", "A key of the configuration, for operators." },
};

const char *mu_operation_role(uint32_t role)
{
    assert(role < MU_OPERATION_ROLES);
    return roles[role].name;
}

bool mu_operation_role_may(uint32_t role, enum mu_route_who who)
{
    assert(role < MU_OPERATION_ROLES);
    struct mu_caller caller = { .role = roles[role].role, .key = -1 };
    return mu_access_allows(&caller, who) == MU_OK;
}

void mu_operation_schemes(struct mu_json_writer *writer)
{
    mu_json_key(writer, "securitySchemes");
    mu_json_object_begin(writer);
    for (size_t i = 0; i < COUNT(roles); i++) {
        mu_json_key(writer, roles[i].name);
        mu_json_object_begin(writer);
        mu_put_text(writer, "type", "http");
        mu_put_text(writer, "scheme", "bearer");
        mu_put_text(writer, "description", roles[i].doc);
        mu_json_object_end(writer);
    }
    mu_json_object_end(writer);
}

/* Refusals. */

static void add(struct mu_codes *codes, uint32_t error)
{
    assert(error != 0);
    for (uint32_t i = 0; i < codes->count; i++) {
        if (codes->at[i] == error) {
            return;
        }
    }
    assert(codes->count < MU_CODES_MAX);
    codes->at[codes->count++] = error;
}

/* What follows from a route's row: who may call, what it is given, whom it asks. */
static void add_implied(const struct mu_route *route, struct mu_codes *codes)
{
    add(codes, MU_ERROR_UNAUTHORIZED); /* a wrong key is refused everywhere */
    add(codes, MU_ERROR_OVERLOADED);
    if (route->who != MU_ROUTE_ANYONE) {
        add(codes, MU_ERROR_FORBIDDEN);
    }
    if (route->limited) {
        add(codes, MU_ERROR_RATE_LIMITED);
    }
    if (route->where == MU_ROUTE_ADMIN) {
        add(codes, MU_ERROR_NOT_FOUND); /* on the other listener */
    }
    if (strchr(route->pattern, '{') != NULL) {
        add(codes, MU_ERROR_VALIDATION_FAILED);
        add(codes, MU_ERROR_NOT_FOUND); /* longer than an id can be */
    }
    if (mu_operation_query(route->id) != MU_SCHEMAS_COUNT) {
        add(codes, MU_ERROR_VALIDATION_FAILED);
    }
    if (mu_operation_has_body(route)) {
        add(codes, MU_ERROR_PAYLOAD_TOO_LARGE);
    }
    if (mu_operation_has_body(route) && !route->text) {
        add(codes, MU_ERROR_BAD_REQUEST);
        add(codes, MU_ERROR_VALIDATION_FAILED);
        add(codes, MU_ERROR_UNSUPPORTED_MEDIA_TYPE);
    }
    if (route->keyed) {
        add(codes, MU_ERROR_BAD_REQUEST);
        add(codes, MU_ERROR_IDEMPOTENCY_KEY_REUSED);
        add(codes, MU_ERROR_STORAGE_FULL);
    }
    if (!route->local) {
        add(codes, MU_ERROR_UNAVAILABLE);
        add(codes, MU_ERROR_EXPIRED);
        add(codes, MU_ERROR_STARTING);
        add(codes, MU_ERROR_UNSUPPORTED);
        add(codes, MU_ERROR_INTERNAL);
    }
}

static void add_own(const struct mu_route *route, struct mu_codes *codes)
{
    const char *text = refusals[route->id] == NULL ? "" : refusals[route->id];
    while (*text != '\0') {
        char name[64];
        size_t n = strcspn(text, " ");
        assert(n < sizeof name);
        (void)snprintf(name, sizeof name, "%.*s", (int)n, text);
        add(codes, mu_problem_by_name(name));
        text += n + (text[n] == ' ' ? 1 : 0);
    }
}

void mu_operation_codes(const struct mu_route *route, struct mu_codes *ret)
{
    ret->count = 0;
    add_own(route, ret);
    add_implied(route, ret);
}
