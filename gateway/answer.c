/* gateway/answer.c - how an exchange ends: the answer, its headers, or a problem. */
#include "gateway/exchange.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cors.h"
#include "gateway/gateway_state.h"
#include "gateway/present.h"
#include "gateway/problem.h"

#define CONTENT_JSON    "application/json"
#define CONTENT_PROBLEM "application/problem+json"

/* Texts that headers borrow until they are sent. */
struct header_texts {
    char policy[96];
    char left[96];
    char retry_after[24];
};

/* What an HTTP answer has beside its body. */
struct ending {
    int status;
    const char *content_type; /* NULL: no body */
    const char *allow;        /* NULL: none */
    bool preflight;           /* allow is for CORS too */
    uint64_t retry_after_ms;  /* 0: none */
};

static uint64_t seconds_up(uint64_t ms)
{
    return (ms + 999) / 1000;
}

/* The fields of draft-ietf-httpapi-ratelimit-headers-10. */
static void add_limits(const struct mu_exchange *x, struct header_texts *texts,
                       struct mu_http_reply *reply)
{
    static const char *const names[] = { "ip", "player" };
    size_t policy = 0;
    size_t left = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct mu_limit_state *limit = &x->limits[i];
        if (limit->quota == 0) {
            continue;
        }
        policy += (size_t)snprintf(texts->policy + policy, sizeof texts->policy - policy,
                                   "%s\"%s\";q=%" PRIu64 ";w=%" PRIu64, policy == 0 ? "" : ", ",
                                   names[i], limit->quota, seconds_up((uint64_t)limit->window_ms));
        left += (size_t)snprintf(texts->left + left, sizeof texts->left - left,
                                 "%s\"%s\";r=%" PRIu64 ";t=%" PRIu64, left == 0 ? "" : ", ",
                                 names[i], limit->left, seconds_up((uint64_t)limit->full_ms));
    }
    if (policy > 0) {
        mu_reply_header(reply, "RateLimit-Policy", texts->policy);
        mu_reply_header(reply, "RateLimit", texts->left);
    }
}

static void send_http(struct mu_gateway *gw, struct mu_exchange *x, const struct ending *ending,
                      const char *body, size_t body_bytes)
{
    struct header_texts texts;
    struct mu_http_reply reply = {
        .status = ending->status,
        .body = body,
        .body_bytes = body_bytes,
    };
    if (ending->content_type != NULL) {
        mu_reply_header(&reply, "Content-Type", ending->content_type);
    }
    mu_reply_header(&reply, "Cache-Control", "no-store");
    mu_reply_header(&reply, "X-Content-Type-Options", "nosniff");
    if (gw->open) {
        mu_reply_header(&reply, "Muster-Mode", "open");
    }
    if (x->trace[0] != '\0') {
        mu_reply_header(&reply, "traceparent", x->trace);
    }
    mu_cors_headers(gw->config, x->origin, ending->preflight ? ending->allow : NULL, &reply);
    add_limits(x, &texts, &reply);
    if (ending->allow != NULL) {
        mu_reply_header(&reply, "Allow", ending->allow);
    }
    if (ending->status == 401) {
        mu_reply_header(&reply, "WWW-Authenticate", "Bearer");
    }
    if (ending->retry_after_ms > 0) {
        (void)snprintf(texts.retry_after, sizeof texts.retry_after, "%" PRIu64,
                       seconds_up(ending->retry_after_ms));
        mu_reply_header(&reply, "Retry-After", texts.retry_after);
    }
    if (ending->status >= 400) {
        mu_count(gw, MU_COUNTER_HTTP_ERRORS);
    }
    uint64_t id = x->request;
    mu_exchange_close(gw, x); /* its texts stay until the slot is taken again: not in this call */
    gw->edge.reply(gw->edge.context, id, &reply);
}

/* Sends what the writer holds to the exchange's socket, if it is still there. */
static void send_socket(struct mu_gateway *gw, struct mu_exchange *x)
{
    const struct mu_session *session = mu_sessions_find(gw->sessions, x->socket);
    if (session != NULL && !session->closing) {
        gw->edge.send(gw->edge.context, x->socket, gw->text, gw->writer.used);
    }
    mu_exchange_close(gw, x);
}

struct mu_json_writer *mu_answer_begin(struct mu_gateway *gw, struct mu_exchange *x,
                                       const char *type)
{
    mu_json_writer_init(&gw->writer, gw->text, sizeof gw->text);
    mu_json_object_begin(&gw->writer);
    if (x->action != MU_ACTION_NONE) {
        mu_put_text(&gw->writer, "type", type);
        if (x->tag[0] != '\0') {
            mu_put_text(&gw->writer, "re", x->tag);
        }
    }
    return &gw->writer;
}

void mu_answer_end(struct mu_gateway *gw, struct mu_exchange *x, int status)
{
    mu_json_object_end(&gw->writer);
    assert(mu_json_complete(&gw->writer)); /* every record fits the text many times over */
    if (x->action != MU_ACTION_NONE) {
        send_socket(gw, x);
        return;
    }
    struct ending ending = { .status = status, .content_type = CONTENT_JSON };
    send_http(gw, x, &ending, gw->text, gw->writer.used);
}

void mu_answer_text(struct mu_gateway *gw, struct mu_exchange *x, const char *content_type,
                    const char *text, size_t bytes)
{
    struct ending ending = { .status = 200, .content_type = content_type };
    send_http(gw, x, &ending, text, bytes);
}

void mu_answer_options(struct mu_gateway *gw, struct mu_exchange *x, const char *allow,
                       bool preflight)
{
    struct ending ending = { .status = 204, .allow = allow, .preflight = preflight };
    send_http(gw, x, &ending, "", 0);
}

/* Ends the exchange with a problem. */
static void refuse(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_problem *problem,
                   const char *allow)
{
    const struct mu_error_info *info = mu_error_info(problem->error);
    if (x->action == MU_ACTION_RESUME) {
        mu_actions_failed(gw, x); /* nobody asked, nobody is told */
        return;
    }
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "ERROR");
    if (x->action == MU_ACTION_NONE) {
        char type[64];
        (void)snprintf(type, sizeof type, "/problems/%s", info->name);
        mu_put_text(writer, "type", type);
    }
    mu_problem_members(writer, problem);
    mu_json_object_end(writer);
    assert(mu_json_complete(writer));
    if (x->action != MU_ACTION_NONE) {
        bool asked = x->action == MU_ACTION_REGISTER && x->call != MU_CALL_NONE;
        uint64_t socket = x->socket;
        send_socket(gw, x);
        struct mu_session *session = asked ? mu_sessions_find(gw->sessions, socket) : NULL;
        if (session != NULL) {
            session->asking = false;
            if (info->status < 500) {
                mu_actions_unbind(gw, session); /* there is no such player */
            }
        }
        return;
    }
    struct ending ending = {
        .status = info->status,
        .content_type = CONTENT_PROBLEM,
        .allow = allow,
        .retry_after_ms = problem->retry_after_ms,
    };
    send_http(gw, x, &ending, gw->text, writer->used);
}

void mu_refuse(struct mu_gateway *gw, struct mu_exchange *x, enum mu_error error,
               const char *detail)
{
    struct mu_problem problem = {
        .error = error,
        .detail = detail,
        .trace = x->trace,
        .retry_after_ms = mu_error_info(error)->status == 503 ? 1000 : 0,
    };
    refuse(gw, x, &problem, NULL);
}

void mu_refuse_faults(struct mu_gateway *gw, struct mu_exchange *x)
{
    assert(gw->faults.count > 0);
    char detail[MU_POINTER_MAX + 160];
    const struct mu_fault *first = &gw->faults.at[0];
    if (gw->faults.count == 1) {
        (void)snprintf(detail, sizeof detail, "%s %s",
                       first->pointer[0] == '\0' ? "The body" : first->pointer, first->detail);
    } else {
        (void)snprintf(detail, sizeof detail, "%u fields are wrong: see errors.", gw->faults.count);
    }
    struct mu_problem problem = {
        .error = mu_problem_of_faults(&gw->faults),
        .detail = detail,
        .trace = x->trace,
        .faults = &gw->faults,
    };
    refuse(gw, x, &problem, NULL);
}

void mu_refuse_as(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg_error *refusal)
{
    struct mu_problem problem = {
        .error = (uint32_t)refusal->code,
        .detail = refusal->detail,
        .trace = x->trace,
        .refusal = refusal,
        .retry_after_ms = refusal->retry_after_ms,
    };
    int status = mu_error_info(problem.error)->status;
    if (problem.retry_after_ms == 0 && (status == 503 || status == 429)) {
        problem.retry_after_ms = 1000;
    }
    refuse(gw, x, &problem, NULL);
}

void mu_refuse_rules(struct mu_gateway *gw, struct mu_exchange *x,
                     const struct mu_msg_rules_refused *refused)
{
    char detail[sizeof refused->faults[0].pointer + sizeof refused->faults[0].detail];
    if (refused->faults_count == 1) {
        const struct mu_msg_fault *only = &refused->faults[0];
        (void)snprintf(detail, sizeof detail, "%s %s",
                       only->pointer[0] == '\0' ? "The document" : only->pointer, only->detail);
    } else {
        (void)snprintf(detail, sizeof detail, "%u things are wrong: see errors.",
                       refused->faults_count);
    }
    struct mu_problem problem = {
        .error = MU_ERROR_RULESET_INVALID,
        .detail = detail,
        .trace = x->trace,
        .rules = refused,
    };
    refuse(gw, x, &problem, NULL);
}

void mu_refuse_method(struct mu_gateway *gw, struct mu_exchange *x, const char *allow)
{
    struct mu_problem problem = { .error = MU_ERROR_METHOD_NOT_ALLOWED, .trace = x->trace };
    refuse(gw, x, &problem, allow);
}

void mu_refuse_rate(struct mu_gateway *gw, struct mu_exchange *x, int64_t wait_ms)
{
    struct mu_problem problem = {
        .error = MU_ERROR_RATE_LIMITED,
        .trace = x->trace,
        .retry_after_ms = wait_ms > 0 ? (uint64_t)wait_ms : 1,
    };
    mu_count(gw, MU_COUNTER_RATE_LIMITED);
    refuse(gw, x, &problem, NULL);
}
