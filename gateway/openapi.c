/* gateway/openapi.c - /openapi.json: every route as OpenAPI 3.1. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/documents.h"
#include "gateway/operations.h"
#include "gateway/present.h"
#include "gateway/schema.h"

#define ANSWERS_MAX 4 /* of one route */

/* Refusals. */

static void put_retry_after(struct mu_json_writer *writer)
{
    mu_json_key(writer, "headers");
    mu_json_object_begin(writer);
    mu_json_key(writer, "Retry-After");
    mu_json_object_begin(writer);
    mu_put_text(writer, "description", "Seconds to wait before asking again.");
    mu_json_key(writer, "schema");
    mu_json_object_begin(writer);
    mu_put_text(writer, "type", "integer");
    mu_json_object_end(writer);
    mu_json_object_end(writer);
    mu_json_object_end(writer);
}

/* The description of a status: the sentences of its codes. */
static void put_titles(struct mu_json_writer *writer, const struct mu_codes *codes, int status)
{
    char text[2048] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < codes->count; i++) {
        const struct mu_error_info *info = mu_error_info(codes->at[i]);
        if (info->status == status) {
            int n =
                snprintf(text + used, sizeof text - used, "%s%s", used > 0 ? " " : "", info->title);
            assert(n > 0 && (size_t)n < sizeof text - used);
            used += (size_t)n;
        }
    }
    mu_put_text(writer, "description", text);
}

/* content: a refusal with one of the codes of a status. */
static void put_problem(struct mu_json_writer *writer, const struct mu_codes *codes, int status)
{
    mu_json_key(writer, "application/problem+json");
    mu_json_object_begin(writer);
    mu_json_key(writer, "schema");
    mu_json_object_begin(writer);
    mu_json_key(writer, "allOf");
    mu_json_array_begin(writer);
    mu_schema_refer(writer, MU_SCHEMA_Problem);
    mu_json_object_begin(writer);
    mu_put_text(writer, "type", "object");
    mu_json_key(writer, "properties");
    mu_json_object_begin(writer);
    mu_json_key(writer, "code");
    mu_json_object_begin(writer);
    mu_json_key(writer, "enum");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < codes->count; i++) {
        if (mu_error_info(codes->at[i])->status == status) {
            mu_json_string(writer, mu_error_info(codes->at[i])->name);
        }
    }
    mu_json_array_end(writer);
    mu_json_object_end(writer);
    mu_json_object_end(writer);
    mu_json_object_end(writer);
    mu_json_array_end(writer);
    mu_json_object_end(writer);
    mu_json_object_end(writer);
}

/* Answers. */

static void put_answer(struct mu_json_writer *writer, enum mu_schema_id answer)
{
    bool text = answer == MU_SCHEMAS_COUNT;
    mu_json_key(writer, text ? "text/plain" : "application/json");
    mu_json_object_begin(writer);
    mu_json_key(writer, "schema");
    if (text) {
        mu_json_object_begin(writer);
        mu_put_text(writer, "type", "string");
        mu_json_object_end(writer);
    } else {
        mu_schema_refer(writer, answer);
    }
    mu_json_object_end(writer);
}

/* One status of a route: an answer (NULL: none), refusals, or (503 of /readyz) both. */
static void put_status(struct mu_json_writer *writer, const struct mu_answer *answer,
                       const struct mu_codes *codes, int status)
{
    bool refused = false;
    char key[16];
    for (uint32_t i = 0; i < codes->count; i++) {
        refused = refused || mu_error_info(codes->at[i])->status == status;
    }
    (void)snprintf(key, sizeof key, "%d", status);
    mu_json_key(writer, key);
    mu_json_object_begin(writer);
    if (answer != NULL) {
        mu_put_text(writer, "description", answer->when);
    } else {
        put_titles(writer, codes, status);
    }
    if (refused && (status == 429 || status == 503)) {
        put_retry_after(writer);
    }
    mu_json_key(writer, "content");
    mu_json_object_begin(writer);
    if (answer != NULL) {
        put_answer(writer, answer->schema);
    }
    if (refused) {
        put_problem(writer, codes, status);
    }
    mu_json_object_end(writer);
    mu_json_object_end(writer);
}

static void put_responses(struct mu_json_writer *writer, const struct mu_route *route)
{
    struct mu_codes codes;
    struct mu_answer answers[ANSWERS_MAX];
    bool told[600] = { false }; /* by status */
    uint32_t count = 0;
    mu_operation_codes(route, &codes);
    for (uint32_t i = 0; i < codes.count; i++) {
        told[mu_error_info(codes.at[i])->status] = true;
    }
    while (count < ANSWERS_MAX && mu_operation_answer(route->id, count, &answers[count])) {
        told[answers[count++].status] = true;
    }
    mu_json_key(writer, "responses");
    mu_json_object_begin(writer);
    for (int status = 200; status < 600; status++) {
        const struct mu_answer *answer = NULL;
        for (uint32_t i = 0; i < count; i++) {
            answer = answers[i].status == status ? &answers[i] : answer;
        }
        if (told[status]) {
            put_status(writer, answer, &codes, status);
        }
    }
    mu_json_object_end(writer);
}

/* What is asked. */

static void put_path_parameters(struct mu_json_writer *writer, const char *pattern)
{
    for (const char *at = strchr(pattern, '{'); at != NULL; at = strchr(at + 1, '{')) {
        char name[64];
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(at + 1, "}"), at + 1);
        mu_json_object_begin(writer);
        mu_put_text(writer, "name", name);
        mu_put_text(writer, "in", "path");
        mu_put_bool(writer, "required", true);
        mu_put_text(writer, "description", "As the service gave or configured it.");
        mu_json_key(writer, "schema");
        mu_schema_of_id(writer);
        mu_json_object_end(writer);
    }
}

static void put_header_reference(struct mu_json_writer *writer, const char *name)
{
    char path[96];
    (void)snprintf(path, sizeof path, "#/components/parameters/%s", name);
    mu_json_object_begin(writer);
    mu_put_text(writer, "$ref", path);
    mu_json_object_end(writer);
}

static void put_parameters(struct mu_json_writer *writer, const struct mu_route *route)
{
    enum mu_schema_id query = mu_operation_query(route->id);
    mu_json_key(writer, "parameters");
    mu_json_array_begin(writer);
    put_path_parameters(writer, route->pattern);
    if (query != MU_SCHEMAS_COUNT) {
        mu_schema_queries(writer, query);
    }
    if (route->keyed) {
        put_header_reference(writer, "IdempotencyKey");
    }
    put_header_reference(writer, "Traceparent");
    mu_json_array_end(writer);
}

static void put_body(struct mu_json_writer *writer, const struct mu_route *route)
{
    enum mu_schema_id body = mu_operation_body(route->id);
    if (body == MU_SCHEMAS_COUNT && !route->text) {
        return;
    }
    mu_json_key(writer, "requestBody");
    mu_json_object_begin(writer);
    mu_put_text(writer, "description",
                route->text ? "A rule set's document; any type is taken as it is."
                            : mu_schema_doc(body));
    mu_put_bool(writer, "required", true);
    mu_json_key(writer, "content");
    mu_json_object_begin(writer);
    mu_json_key(writer, route->text ? "*/*" : "application/json");
    mu_json_object_begin(writer);
    mu_json_key(writer, "schema");
    if (route->text) {
        mu_json_object_begin(writer);
        mu_put_text(writer, "type", "string");
        mu_json_object_end(writer);
    } else {
        mu_schema_refer(writer, body);
    }
    mu_json_object_end(writer);
    mu_json_object_end(writer);
    mu_json_object_end(writer);
}

/* Credentials: any one of them will do. */
static void put_security(struct mu_json_writer *writer, enum mu_route_who who)
{
    mu_json_key(writer, "security");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; who != MU_ROUTE_ANYONE && i < MU_OPERATION_ROLES; i++) {
        if (mu_operation_role_may(i, who)) {
            mu_json_object_begin(writer);
            mu_json_key(writer, mu_operation_role(i));
            mu_json_array_begin(writer);
            mu_json_array_end(writer);
            mu_json_object_end(writer);
        }
    }
    mu_json_array_end(writer);
}

/* The part of the API that a route belongs to: "players" of "/v1/players/...". */
static void tag_of(const struct mu_route *route, char ret[32])
{
    const char *name = strncmp(route->pattern, "/v1/", 4) == 0 ? route->pattern + 4 : "service";
    (void)snprintf(ret, 32, "%.*s", (int)strcspn(name, "/"), name);
}

static void put_operation(struct mu_json_writer *writer, const struct mu_route *route)
{
    static const char *const methods[] = {
        [MU_HTTP_GET] = "get",         [MU_HTTP_HEAD] = "head",   [MU_HTTP_POST] = "post",
        [MU_HTTP_PUT] = "put",         [MU_HTTP_PATCH] = "patch", [MU_HTTP_DELETE] = "delete",
        [MU_HTTP_OPTIONS] = "options",
    };
    static const char *const names[] = {
#define ROUTE(method, pattern, name, where, who, rate, key, doc) #name,
#define LOCAL                                                    ROUTE
#include "gateway/routes.def"
#undef ROUTE
#undef LOCAL
    };
    char tag[32];
    tag_of(route, tag);
    mu_json_key(writer, methods[route->method]);
    mu_json_object_begin(writer);
    mu_put_text(writer, "operationId", names[route->id]);
    mu_put_text(writer, "summary", route->doc);
    mu_put_text(
        writer, "description",
        route->where == MU_ROUTE_ADMIN
            ? "On the admin listener; without keys on both."
            : (route->where == MU_ROUTE_BOTH ? "On both listeners." : "On the public listener."));
    mu_json_key(writer, "tags");
    mu_json_array_begin(writer);
    mu_json_string(writer, tag);
    mu_json_array_end(writer);
    put_security(writer, route->who);
    put_parameters(writer, route);
    put_body(writer, route);
    put_responses(writer, route);
    mu_json_object_end(writer);
}

static void put_paths(struct mu_json_writer *writer)
{
    mu_json_key(writer, "paths");
    mu_json_object_begin(writer);
    for (uint32_t i = 0; i < MU_ROUTES_COUNT; i++) {
        const struct mu_route *first = mu_route_at((enum mu_route_id)i);
        bool seen = false;
        for (uint32_t k = 0; k < i; k++) {
            seen = seen || strcmp(mu_route_at((enum mu_route_id)k)->pattern, first->pattern) == 0;
        }
        if (seen) {
            continue;
        }
        mu_json_key(writer, first->pattern);
        mu_json_object_begin(writer);
        for (uint32_t k = i; k < MU_ROUTES_COUNT; k++) {
            const struct mu_route *route = mu_route_at((enum mu_route_id)k);
            if (strcmp(route->pattern, first->pattern) == 0) {
                put_operation(writer, route);
            }
        }
        mu_json_object_end(writer);
    }
    mu_json_object_end(writer);
}

/* The rest. */

static void put_info(struct mu_json_writer *writer)
{
    mu_json_key(writer, "info");
    mu_json_object_begin(writer);
    mu_put_text(writer, "title", "Muster");
    mu_put_text(writer, "version", MU_VERSION);
    mu_put_text(writer, "summary", "Matchmaking: players, queues, lobbies, matches, game servers.");
    mu_put_text(
        writer, "description",
        "Times are UTC (RFC 3339), ids are strings. In requests null counts as absent. HEAD is "
        "answered as GET, OPTIONS with 204 and Allow, another method with 405. What the transport "
        "refuses before it is a request (framing, sizes, time) is a Problem without traceId. "
        "Answers carry traceparent, and RateLimit and RateLimit-Policy where calls are counted. "
        "Without configured keys (Muster-Mode: open) no credentials are asked for, on loopback "
        "only. The WebSocket, /v1/ws, is described by /asyncapi.json.");
    mu_json_key(writer, "license");
    mu_json_object_begin(writer);
    mu_put_text(writer, "name", "Apache-2.0");
    mu_put_text(writer, "identifier", "Apache-2.0");
    mu_json_object_end(writer);
    mu_json_object_end(writer);
    mu_json_key(writer, "servers");
    mu_json_array_begin(writer);
    mu_json_object_begin(writer);
    mu_put_text(writer, "url", "/");
    mu_put_text(writer, "description", "The gateway that this document comes from.");
    mu_json_object_end(writer);
    mu_json_array_end(writer);
}

static void put_tags(struct mu_json_writer *writer)
{
    mu_json_key(writer, "tags");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < MU_ROUTES_COUNT; i++) {
        char tag[32];
        char other[32];
        char text[64];
        bool seen = false;
        tag_of(mu_route_at((enum mu_route_id)i), tag);
        for (uint32_t k = 0; k < i && !seen; k++) {
            tag_of(mu_route_at((enum mu_route_id)k), other);
            seen = strcmp(tag, other) == 0;
        }
        if (seen) {
            continue;
        }
        bool service = strcmp(tag, "service") == 0;
        (void)snprintf(text, sizeof text, "%s%s.", service ? "Beside /v1" : "Below /v1/",
                       service ? "" : tag);
        mu_json_object_begin(writer);
        mu_put_text(writer, "name", tag);
        mu_put_text(writer, "description", text);
        mu_json_object_end(writer);
    }
    mu_json_array_end(writer);
}

static void put_header_parameter(struct mu_json_writer *writer, const char *key, const char *name,
                                 const char *doc, const char *pattern)
{
    mu_json_key(writer, key);
    mu_json_object_begin(writer);
    mu_put_text(writer, "name", name);
    mu_put_text(writer, "in", "header");
    mu_put_text(writer, "description", doc);
    mu_json_key(writer, "schema");
    mu_json_object_begin(writer);
    mu_put_text(writer, "type", "string");
    mu_put_text(writer, "pattern", pattern);
    mu_json_object_end(writer);
    mu_json_object_end(writer);
}

static void put_components(struct mu_json_writer *writer)
{
    bool wanted[MU_SCHEMAS_COUNT] = { [MU_SCHEMA_Problem] = true };
    for (uint32_t i = 0; i < MU_ROUTES_COUNT; i++) {
        enum mu_schema_id body = mu_operation_body((enum mu_route_id)i);
        struct mu_answer answer;
        for (uint32_t n = 0; mu_operation_answer((enum mu_route_id)i, n, &answer); n++) {
            if (answer.schema != MU_SCHEMAS_COUNT) {
                wanted[answer.schema] = true;
            }
        }
        if (body != MU_SCHEMAS_COUNT) {
            wanted[body] = true;
        }
    }
    mu_json_key(writer, "components");
    mu_json_object_begin(writer);
    mu_operation_schemes(writer);
    mu_json_key(writer, "parameters");
    mu_json_object_begin(writer);
    put_header_parameter(writer, "IdempotencyKey", "Idempotency-Key",
                         "The same key with the same request is answered the same, and done once.",
                         "^[ -~]{1,255}$");
    put_header_parameter(writer, "Traceparent", "traceparent",
                         "W3C Trace Context; one is made when it is absent.",
                         "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$");
    mu_json_object_end(writer);
    mu_json_key(writer, "schemas");
    mu_json_object_begin(writer);
    mu_schemas_write(writer, wanted);
    mu_json_object_end(writer);
    mu_json_object_end(writer);
}

void mu_openapi_write(struct mu_json_writer *writer)
{
    mu_json_object_begin(writer);
    mu_put_text(writer, "openapi", "3.1.0");
    put_info(writer);
    put_tags(writer);
    put_paths(writer);
    put_components(writer);
    mu_json_object_end(writer);
}
