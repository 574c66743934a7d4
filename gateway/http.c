/* gateway/http.c - requests from evhttp up to the handler, and answers down. */
#include "gateway/http.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "gateway/handshake.h"
#include "gateway/linger.h"
#include "gateway/websocket.h"

#define BEHIND_MAX 65536 /* bytes behind a request: while it is pending, more is refused */
#define PIECES_MAX 8     /* pieces of an input buffer looked at in one go */

/* A header that goes up to the gateway, and the const char * in struct mu_http_request for it. */
struct wanted {
    const char *name;
    size_t offset;
};

static const struct wanted wanted_headers[] = {
    { "Authorization", offsetof(struct mu_http_request, authorization) },
    { "Content-Type", offsetof(struct mu_http_request, content_type) },
    { "Idempotency-Key", offsetof(struct mu_http_request, idempotency_key) },
    { "Origin", offsetof(struct mu_http_request, origin) },
    { "traceparent", offsetof(struct mu_http_request, traceparent) },
    { "Access-Control-Request-Method", offsetof(struct mu_http_request, request_method) },
};

/* Shows the scanner the last `size` bytes of the input buffer. */
static void scan_tail(struct mu_connection *connection, struct evbuffer *input, size_t size)
{
    size_t start = evbuffer_get_length(input) - size;
    while (size > 0) {
        struct evbuffer_ptr position;
        struct evbuffer_iovec pieces[PIECES_MAX];
        if (evbuffer_ptr_set(input, &position, start, EVBUFFER_PTR_SET) != 0)
            return;
        int n = evbuffer_peek(input, (ev_ssize_t)size, &position, pieces, PIECES_MAX);
        assert(n > 0); /* the bytes are there: the length said so */
        for (int i = 0; i < n && i < PIECES_MAX && size > 0; i++) {
            size_t bytes = pieces[i].iov_len < size ? pieces[i].iov_len : size;
            size_t own = mu_http_scan_feed(&connection->scan, pieces[i].iov_base, bytes);
            connection->unscanned += bytes - own;
            start += bytes;
            size -= bytes;
        }
    }
    if (connection->scan.state == MU_HTTP_SCAN_BAD)
        mu_transport_mark(connection, MU_DIRTY_CHECK);
}

static void request_begins(struct mu_connection *connection)
{
    connection->state = MU_CONNECTION_READING;
    mu_connections_arm(connection->transport->connections, connection, MU_DEADLINE_REQUEST,
                       mu_transport_now());
}

/* Bytes came into the input buffer; evhttp reads them after this. */
static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *argument)
{
    if (info->n_added == 0)
        return;
    struct mu_connection *connection = argument;
    if (connection->state == MU_CONNECTION_IDLE)
        request_begins(connection);
    scan_tail(connection, input, info->n_added);
    if (connection->unscanned <= BEHIND_MAX)
        return;
    /* While it writes, evhttp reads on to see the client's end, without any bound; when it turns
     * to the next request it enables reading again. */
    if (connection->state == MU_CONNECTION_SENDING)
        (void)bufferevent_disable(connection->stream, EV_READ);
    if (connection->state == MU_CONNECTION_PENDING)
        mu_transport_mark(connection, MU_DIRTY_CHECK);
}

/* Bytes went into the output buffer: if the answer is not ours, evhttp speaks by itself. */
static void on_output(struct evbuffer *output, const struct evbuffer_cb_info *info, void *argument)
{
    (void)output;
    struct mu_connection *connection = argument;
    if (info->n_added > 0 && !connection->ours)
        mu_transport_mark(connection, MU_DIRTY_CHECK);
}

static void scan_restart(struct mu_connection *connection)
{
    const struct mu_transport_options *options = &connection->transport->options;
    mu_http_scan_init(&connection->scan, options->header_bytes_max, options->body_bytes_max);
    connection->unscanned = 0;
}

bool mu_http_watch(struct mu_connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->stream);
    struct evbuffer *output = bufferevent_get_output(connection->stream);
    connection->input_watch = evbuffer_add_cb(input, on_input, connection);
    connection->output_watch = evbuffer_add_cb(output, on_output, connection);
    scan_restart(connection);
    request_begins(connection);
    return connection->input_watch != NULL && connection->output_watch != NULL;
}

void mu_http_unwatch(struct mu_connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->stream);
    struct evbuffer *output = bufferevent_get_output(connection->stream);
    if (connection->input_watch != NULL)
        (void)evbuffer_remove_cb_entry(input, connection->input_watch); /* it is there */
    if (connection->output_watch != NULL)
        (void)evbuffer_remove_cb_entry(output, connection->output_watch);
    connection->input_watch = NULL;
    connection->output_watch = NULL;
}

/* True when the output holds an answer of evhttp's own; 100 Continue is none. */
static bool evhttp_spoke(struct evbuffer *output)
{
    char line[16];
    /* bufferevents freeze the front of their output, and then it cannot be copied from. */
    (void)evbuffer_unfreeze(output, 1);
    ev_ssize_t n = evbuffer_copyout(output, line, sizeof line);
    (void)evbuffer_freeze(output, 1);
    return n == (ev_ssize_t)sizeof line && memcmp(line + 8, " 100", 4) != 0;
}

void mu_http_check(struct mu_connection *connection)
{
    /* Nobody pipelines that much while he waits.  Just not to read on would not do: a reset would
     * then go unseen, and turn the loop without end. */
    if (connection->state == MU_CONNECTION_PENDING && connection->unscanned > BEHIND_MAX) {
        connection->transport->counters.requests_refused++;
        mu_http_close(connection);
        return;
    }
    bool reading =
        connection->state == MU_CONNECTION_READING || connection->state == MU_CONNECTION_IDLE;
    if (!reading)
        return;
    if (connection->scan.state == MU_HTTP_SCAN_BAD) {
        mu_linger_refuse(connection, connection->scan.status, connection->scan.detail);
        return;
    }
    /* What the scanner let pass and evhttp refuses, such as a strange scheme in the target. */
    if (evhttp_spoke(bufferevent_get_output(connection->stream)))
        mu_linger_refuse(connection, 400, "The request is malformed.");
}

/* The method, or false for one that the scanner refuses anyway. */
static bool read_method(const struct evhttp_request *request, enum mu_http_method *ret)
{
    switch ((int)evhttp_request_get_command(request)) {
    case EVHTTP_REQ_GET: *ret = MU_HTTP_GET; return true;
    case EVHTTP_REQ_HEAD: *ret = MU_HTTP_HEAD; return true;
    case EVHTTP_REQ_POST: *ret = MU_HTTP_POST; return true;
    case EVHTTP_REQ_PUT: *ret = MU_HTTP_PUT; return true;
    case EVHTTP_REQ_PATCH: *ret = MU_HTTP_PATCH; return true;
    case EVHTTP_REQ_DELETE: *ret = MU_HTTP_DELETE; return true;
    case EVHTTP_REQ_OPTIONS: *ret = MU_HTTP_OPTIONS; return true;
    default: return false;
    }
}

/* Splits the target by hand: evhttp's own parser takes "//a/b" for a host and a path. */
static bool read_target(struct mu_transport *transport, const char *target,
                        struct mu_http_request *ret)
{
    bool plain = strncasecmp(target, "http://", 7) == 0;
    if (plain || strncasecmp(target, "https://", 8) == 0) {
        target += plain ? 7 : 8;
        target += strcspn(target, "/?");
    }
    size_t path_bytes = strcspn(target, "?");
    if (*target != '/' || path_bytes > transport->options.header_bytes_max)
        return false;
    memcpy(transport->path, target, path_bytes);
    transport->path[path_bytes] = '\0';
    ret->path = transport->path;
    ret->query = target[path_bytes] == '?' ? target + path_bytes + 1 : "";
    return true;
}

/* Picks the wanted headers.  False when one of them came twice: which of two is meant is not
 * ours to guess. */
static bool read_headers(struct evhttp_request *request, struct mu_http_request *ret)
{
    size_t count = sizeof wanted_headers / sizeof *wanted_headers;
    const char *values[sizeof wanted_headers / sizeof *wanted_headers] = { 0 };
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    for (const struct evkeyval *h = headers->tqh_first; h != NULL; h = h->next.tqe_next) {
        for (size_t i = 0; i < count; i++) {
            if (strcasecmp(h->key, wanted_headers[i].name) != 0)
                continue;
            if (values[i] != NULL)
                return false;
            values[i] = h->value;
        }
    }
    for (size_t i = 0; i < count; i++) {
        const char *value = values[i] != NULL ? values[i] : "";
        memcpy((char *)ret + wanted_headers[i].offset, &value, sizeof value);
    }
    return true;
}

static bool read_body(struct evhttp_request *request, struct mu_http_request *ret)
{
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    ret->body_bytes = evbuffer_get_length(body);
    ret->body = ret->body_bytes > 0 ? evbuffer_pullup(body, -1) : (const uint8_t *)"";
    return ret->body != NULL;
}

/* NULL when the request may go up; else why not. */
static const char *read_request(struct mu_connection *connection, struct evhttp_request *request,
                                struct mu_http_request *ret)
{
    /* Both parsers must have come to the same end of the same request. */
    size_t behind = evbuffer_get_length(bufferevent_get_input(connection->stream));
    if (connection->scan.state != MU_HTTP_SCAN_DONE || connection->unscanned != behind)
        return "The request is malformed.";
    if (!read_method(request, &ret->method))
        return "The method is malformed.";
    if (!read_target(connection->transport, evhttp_request_get_uri(request), ret))
        return "The path must begin with a slash.";
    if (!read_headers(request, ret))
        return "A header was given more than once.";
    if (!read_body(request, ret))
        return "The body cannot be read.";
    return NULL;
}

static void on_pending_event(struct bufferevent *stream, short what, void *argument)
{
    (void)what; /* end or error, and no difference */
    (void)argument;
    mu_http_close(mu_linger_connection(stream));
}

/* Watches for the client to leave while its request is pending.
 *
 * evhttp neither reads then nor tells.  Its own callbacks must not see what is read, for it exits
 * the process on pipelined bytes in that state; so they are replaced until the answer, when
 * evhttp sets them again.  An event for EV_CLOSED would miss a reset: epoll reports an error
 * then, which libevent does not tell as a close, and the loop turns without end. */
static void watch_pending(struct mu_connection *connection)
{
    bufferevent_setcb(connection->stream, NULL, NULL, on_pending_event, connection);
    (void)bufferevent_enable(connection->stream, EV_READ); /* without it, pending_ms is left */
}

static struct mu_connection *connection_of(struct mu_transport *transport,
                                           struct evhttp_request *request)
{
    struct evhttp_connection *http = evhttp_request_get_connection(request);
    int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(http));
    assert(fd >= 0 && (uint32_t)fd < transport->fds); /* _admit came first */
    uint32_t slot = transport->slots_by_fd[fd];
    return mu_connections_at(transport->connections, slot);
}

void mu_http_on_request(struct evhttp_request *request, void *argument)
{
    struct mu_http_server *server = argument;
    struct mu_transport *transport = server->transport;
    struct mu_connection *connection = connection_of(transport, request);
    assert(connection->state == MU_CONNECTION_READING);
    if (connection->scan.state == MU_HTTP_SCAN_BAD) {
        mu_linger_refuse(connection, connection->scan.status, connection->scan.detail);
        return;
    }
    struct mu_http_request up = { .admin = connection->admin, .address = connection->address };
    const char *fault = read_request(connection, request, &up);
    if (fault != NULL) {
        mu_linger_refuse(connection, 400, fault);
        return;
    }
    up.id = mu_connections_issue(connection);
    connection->state = MU_CONNECTION_PENDING;
    connection->request = request;
    mu_connections_arm(transport->connections, connection, MU_DEADLINE_PENDING, mu_transport_now());
    if (mu_websocket_offered(connection, &up)) {
        mu_websocket_handshake(connection, &up);
    } else {
        transport->counters.requests++;
        transport->handler.request(transport->handler.context, &up);
    }
    if (connection->state == MU_CONNECTION_PENDING)
        watch_pending(connection);
}

/* The answer is with the kernel.  evhttp takes the next request now. */
static void on_complete(struct evhttp_request *request, void *argument)
{
    (void)request;
    struct mu_connection *connection = argument;
    struct evbuffer *input = bufferevent_get_input(connection->stream);
    size_t behind = evbuffer_get_length(input);
    assert(connection->state == MU_CONNECTION_SENDING);
    connection->request = NULL;
    connection->ours = false;
    connection->state = MU_CONNECTION_IDLE;
    mu_connections_arm(connection->transport->connections, connection, MU_DEADLINE_IDLE,
                       mu_transport_now());
    scan_restart(connection);
    if (behind == 0)
        return;
    request_begins(connection); /* pipelined */
    scan_tail(connection, input, behind);
}

static void add_length(struct evkeyvalq *headers, size_t bytes)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%zu", bytes); /* 20 digits at most */
    (void)evhttp_add_header(headers, "Content-Length", text);
}

/* Whether the client wants the connection closed: RFC 9112, 9.6.  evhttp sees it only when it is
 * all that the first line of that name says. */
static bool wants_close(struct evhttp_request *request)
{
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    for (const struct evkeyval *h = headers->tqh_first; h != NULL; h = h->next.tqe_next) {
        if (strcasecmp(h->key, "Connection") == 0 && mu_handshake_has(h->value, "close"))
            return true;
    }
    return false;
}

void mu_http_reply(struct mu_connection *connection, const struct mu_http_reply *reply)
{
    assert(connection->state == MU_CONNECTION_PENDING && connection->request != NULL);
    assert(reply->headers_count <= MU_HTTP_REPLY_HEADERS_MAX);
    assert(reply->status >= 200 && reply->status <= 599);
    struct mu_transport *transport = connection->transport;
    struct evhttp_request *request = connection->request;
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    /* Without memory for a header the client gets an answer without it. */
    for (uint32_t i = 0; i < reply->headers_count; i++)
        (void)evhttp_add_header(headers, reply->headers[i].name, reply->headers[i].value);
    bool bodiless = reply->status == 204 || reply->status == 304;
    if (transport->stopping || wants_close(request))
        (void)evhttp_add_header(headers, "Connection", "close");
    /* evhttp gives a length to neither HEAD nor HTTP/1.0, and would send HEAD the body. */
    if (!bodiless)
        add_length(headers, reply->body_bytes);
    if (!bodiless && !connection->scan.head) {
        (void)evbuffer_add(evhttp_request_get_output_buffer(request), reply->body,
                           reply->body_bytes);
    }
    connection->state = MU_CONNECTION_SENDING;
    connection->ours = true;
    mu_connections_arm(transport->connections, connection, MU_DEADLINE_SEND, mu_transport_now());
    evhttp_request_set_on_complete_cb(request, on_complete, connection);
    evhttp_send_reply(request, reply->status, mu_linger_phrase(reply->status), NULL);
}
