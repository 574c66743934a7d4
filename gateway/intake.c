/* gateway/intake.c - a request or a handshake from the transport: who, how often, what; and then
 * to its handler. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/cors.h"
#include "gateway/gateway_state.h"
#include "gateway/handlers.h"

bool mu_gateway_parse(struct mu_gateway *gw, struct mu_exchange *x, struct mu_slice body)
{
    static const char empty[] = "{}";
    struct mu_json_error error;
    const char *text = body.size == 0 ? empty : (const char *)body.data;
    size_t bytes = body.size == 0 ? sizeof empty - 1 : body.size;
    gw->faults.count = 0;
    if (mu_json_parse(text, bytes, &gw->json, &error) != 0) {
        char detail[256];
        (void)snprintf(detail, sizeof detail, "The JSON is malformed: line %d, column %d: %s",
                       error.line, error.column, error.detail);
        mu_refuse(gw, x, MU_ERROR_BAD_REQUEST, detail);
        return false;
    }
    gw->client_body = body;
    mu_fields_init(&gw->fields, &gw->json, &gw->faults);
    return true;
}

/* Writes `bytes` random bytes of `rng` as hex digits. */
static void hex_of(struct mu_rng *rng, size_t bytes, char *ret)
{
    for (size_t i = 0; i < bytes; i += 8) {
        (void)snprintf(ret + 2 * i, 17, "%016" PRIx64, mu_rng_next(rng) | 1u); /* never all 0 */
    }
}

static bool hex_digits(const char *text, size_t from, size_t to)
{
    return strspn(text + from, "0123456789abcdef") >= to - from;
}

/* W3C Trace Context: version 00, or a later one that begins like it; ids must not be zero. */
static bool trace_valid(const char *text)
{
    return strlen(text) == MU_EXCHANGE_TRACE && hex_digits(text, 0, 2) &&
           strncmp(text, "ff", 2) != 0 && text[2] == '-' && hex_digits(text, 3, 35) &&
           text[35] == '-' && hex_digits(text, 36, 52) && text[52] == '-' &&
           hex_digits(text, 53, 55) && strspn(text + 3, "0") < 32 && strspn(text + 36, "0") < 16;
}

static void set_trace(struct mu_gateway *gw, struct mu_exchange *x, const char *given)
{
    if (trace_valid(given)) {
        memcpy(x->trace, given, sizeof x->trace);
        return;
    }
    char trace_id[33];
    char span_id[17];
    hex_of(&gw->rng, 16, trace_id);
    hex_of(&gw->rng, 8, span_id);
    (void)snprintf(x->trace, sizeof x->trace, "00-%s-%s-01", trace_id, span_id);
}

/* Opens the exchange of a request; NULL: refused, as too much waits. */
static struct mu_exchange *open_request(struct mu_gateway *gw,
                                        const struct mu_http_request *request)
{
    struct mu_exchange *x = mu_exchange_open(gw);
    if (x == NULL) {
        static const char body[] =
            "{\"type\":\"/problems/OVERLOADED\",\"title\":\"Too much waits already.\","
            "\"status\":503,\"code\":\"OVERLOADED\",\"detail\":\"Too much waits already.\","
            "\"message\":\"Too much waits already.\",\"error\":\"Too much waits already.\"}";
        struct mu_http_reply reply = { .status = 503, .body = body, .body_bytes = sizeof body - 1 };
        mu_reply_header(&reply, "Content-Type", "application/problem+json");
        mu_reply_header(&reply, "Retry-After", "1");
        mu_count(gw, MU_COUNTER_HTTP_ERRORS);
        gw->edge.reply(gw->edge.context, request->id, &reply);
        return NULL;
    }
    x->request = request->id;
    mu_idtable_put(gw->by_request, request->id, (uint32_t)(x - gw->exchanges));
    if (strlen(request->origin) < sizeof x->origin) {
        memcpy(x->origin, request->origin, strlen(request->origin) + 1);
    }
    set_trace(gw, x, request->traceparent);
    return x;
}

/* Sets the idempotency key of a request that changes something.  False: refused. */
static bool set_key(struct mu_gateway *gw, struct mu_exchange *x, const char *given)
{
    char sent[256];
    size_t n = strlen(given);
    if (n == 0) {
        uint8_t bytes[16];
        gw->secrets.fill(gw->secrets.context, bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes; i++) {
            (void)snprintf(sent + 2 * i, 3, "%02x", bytes[i]);
        }
        mu_access_idempotency(&x->caller, sent, x->idempotency_key);
        return true;
    }
    bool printable = n < sizeof sent;
    for (size_t i = 0; i < n && printable; i++) {
        printable = given[i] >= 0x20 && given[i] < 0x7F;
    }
    if (!printable) {
        mu_refuse(gw, x, MU_ERROR_BAD_REQUEST,
                  "Idempotency-Key must have 1 to 255 printable ASCII characters.");
        return false;
    }
    (void)snprintf(sent, sizeof sent, "%s", given);
    mu_access_idempotency(&x->caller, sent, x->idempotency_key);
    return true;
}

/* Who calls, how often, and from which page.  False: refused. */
static bool admit(struct mu_gateway *gw, struct mu_exchange *x,
                  const struct mu_http_request *request, bool limited)
{
    char address[MU_LIMIT_KEY_MAX + 1];
    mu_limit_address_key(request->address, address);
    const char *fault = mu_gateway_identify(gw, address, request->authorization, &x->caller);
    if (limited && !x->caller.trusted &&
        !mu_limit_take(gw->by_address, address, gw->turn.now_ms, &x->limits[0])) {
        mu_refuse_rate(gw, x, x->limits[0].wait_ms);
        return false;
    }
    if (fault != NULL) {
        mu_gateway_refuse_caller(gw, x, address, fault);
        return false;
    }
    bool changes = request->method != MU_HTTP_GET && request->method != MU_HTTP_HEAD &&
                   request->method != MU_HTTP_OPTIONS;
    if (gw->open && changes && !mu_cors_allows(gw->config, request->origin)) {
        mu_refuse(gw, x, MU_ERROR_FORBIDDEN, "This page's origin may not call.");
        return false;
    }
    return true;
}

/* Reads the body into gw->fields.  False: refused. */
static bool read_body(struct mu_gateway *gw, struct mu_exchange *x,
                      const struct mu_http_request *request)
{
    static const char json[] = "application/json";
    struct mu_slice body = { .data = request->body, .size = (uint32_t)request->body_bytes };
    const char *type = request->content_type;
    const char *end = strlen(type) >= sizeof json - 1 ? type + sizeof json - 1 : "";
    bool is_json = strncasecmp(type, json, sizeof json - 1) == 0 &&
                   (end[0] == '\0' || end[0] == ';' || end[0] == ' ');
    if (request->body_bytes > MU_HTTP_BODY_MAX) {
        mu_refuse(gw, x, MU_ERROR_PAYLOAD_TOO_LARGE, NULL);
        return false;
    }
    if (request->body_bytes > 0 && type[0] != '\0' && !is_json) {
        mu_refuse(gw, x, MU_ERROR_UNSUPPORTED_MEDIA_TYPE, NULL);
        return false;
    }
    return mu_gateway_parse(gw, x, body);
}

/* Takes the body as it is; its handler reads it from gw->client_body.  False: refused. */
static bool take_text(struct mu_gateway *gw, struct mu_exchange *x,
                      const struct mu_http_request *request)
{
    if (request->body_bytes > MU_HTTP_BODY_MAX) {
        mu_refuse(gw, x, MU_ERROR_PAYLOAD_TOO_LARGE, NULL);
        return false;
    }
    gw->client_body =
        (struct mu_slice){ .data = request->body, .size = (uint32_t)request->body_bytes };
    return true;
}

/* The ids in the path; one called playerId says for whom the caller acts.  False: refused. */
static bool read_path(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_routed *routed)
{
    char player[MU_ID_MAX + 1];
    memcpy(x->params, routed->params, sizeof x->params);
    for (uint32_t i = 0; i < routed->params_count; i++) {
        if (!mu_client_id_valid(x->params[i])) {
            mu_refuse(gw, x, MU_ERROR_VALIDATION_FAILED,
                      "An id in the path must have 1 to 64 of A-Z a-z 0-9 _ . -");
            return false;
        }
    }
    if (!mu_access_match(&x->caller, routed->route, x->params[0])) {
        mu_refuse(gw, x, MU_ERROR_FORBIDDEN, "The token is for the reports of one match.");
        return false;
    }
    if (strstr(routed->route->pattern, "{playerId}") == NULL) {
        return true;
    }
    (void)snprintf(player, sizeof player, "%.*s", MU_ID_MAX, x->params[0]);
    return mu_exchange_act_for(gw, x, player);
}

static void handle(struct mu_gateway *gw, struct mu_exchange *x,
                   const struct mu_http_request *request)
{
    static mu_handle_fn *const handlers[] = {
#define ROUTE(method, pattern, name, where, who, rate, key, doc) mu_handle_##name,
#define LOCAL                                                    ROUTE
#include "gateway/routes.def"
#undef ROUTE
#undef LOCAL
    };
    handlers[x->route->id](gw, x, request);
}

static void request_found(struct mu_gateway *gw, struct mu_exchange *x,
                          const struct mu_http_request *request, const struct mu_routed *routed)
{
    x->route = routed->route;
    enum mu_error error = mu_access_allows(&x->caller, routed->route->who);
    if (error != MU_OK) {
        mu_refuse(gw, x, error, NULL);
        return;
    }
    if (routed->route->keyed && !set_key(gw, x, request->idempotency_key)) {
        return;
    }
    if (!read_path(gw, x, routed)) {
        return;
    }
    bool has_body = routed->route->method != MU_HTTP_GET && routed->route->method != MU_HTTP_DELETE;
    struct mu_http_request bodiless = *request;
    if (!has_body) {
        bodiless.body_bytes = 0; /* a GET's body means nothing (RFC 9110, 9.3.1) */
    }
    if (routed->route->text ? take_text(gw, x, request) : read_body(gw, x, &bodiless)) {
        handle(gw, x, request);
    }
}

void mu_gateway_request(struct mu_gateway *gw, const struct mu_turn *turn,
                        const struct mu_http_request *request)
{
    struct mu_routed routed;
    mu_gateway_begin(gw, turn);
    mu_count(gw, MU_COUNTER_HTTP_REQUESTS);
    struct mu_exchange *x = open_request(gw, request);
    if (x == NULL) {
        return;
    }
    enum mu_route_result result =
        mu_route_find(request->method, request->path, request->admin, gw->open, &routed);
    bool limited = result != MU_ROUTE_FOUND || routed.route->limited;
    if (result == MU_ROUTE_OPTIONS) { /* browsers send it without credentials */
        mu_answer_options(gw, x, routed.allow, request->request_method[0] != '\0');
        return;
    }
    if (!admit(gw, x, request, limited)) {
        return;
    }
    switch (result) {
    case MU_ROUTE_FOUND: request_found(gw, x, request, &routed); break;
    case MU_ROUTE_NOT_FOUND: mu_refuse(gw, x, MU_ERROR_NOT_FOUND, NULL); break;
    case MU_ROUTE_NOT_ALLOWED: mu_refuse_method(gw, x, routed.allow); break;
    case MU_ROUTE_OPTIONS: assert(false); break;
    }
}

bool mu_gateway_socket_open(struct mu_gateway *gw, const struct mu_turn *turn, uint64_t socket,
                            const struct mu_http_request *upgrade)
{
    mu_gateway_begin(gw, turn);
    mu_count(gw, MU_COUNTER_HTTP_REQUESTS);
    struct mu_exchange *x = open_request(gw, upgrade);
    if (x == NULL || !admit(gw, x, upgrade, true)) {
        return false;
    }
    /* CORS does not guard WebSockets: the server has to look (RFC 6455, 10.2). */
    if (!mu_cors_allows(gw->config, upgrade->origin)) {
        mu_refuse(gw, x, MU_ERROR_FORBIDDEN, "This page's origin may not call.");
        return false;
    }
    struct mu_session *session = mu_sessions_open(gw->sessions, socket);
    if (session == NULL) {
        mu_refuse(gw, x, MU_ERROR_OVERLOADED, "Too many connections.");
        return false;
    }
    session->caller = x->caller;
    mu_limit_address_key(upgrade->address, session->address);
    session->opened_ms = turn->now_ms;
    mu_exchange_close(gw, x);
    return true;
}
