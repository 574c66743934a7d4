/* gateway/linger.c - the end of a connection. */
#include "gateway/linger.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "gateway/json_write.h"
#include "wire/msg.h"

#define ANSWER_MAX 1024 /* bytes of an error answer of our own */
#define BODY_MAX   640  /* bytes of its body */

struct phrase {
    int status;
    const char *phrase;
    uint32_t error; /* of wire/errors.def, when the transport itself refuses with it; else 0 */
};

/* Statuses that the gateway or the transport answers with. */
static const struct phrase phrases[] = {
    { 200, "OK", 0 },
    { 201, "Created", 0 },
    { 202, "Accepted", 0 },
    { 204, "No Content", 0 },
    { 304, "Not Modified", 0 },
    { 400, "Bad Request", MU_ERROR_BAD_REQUEST },
    { 401, "Unauthorized", 0 },
    { 403, "Forbidden", 0 },
    { 404, "Not Found", 0 },
    { 405, "Method Not Allowed", 0 },
    { 408, "Request Timeout", 0 },
    { 409, "Conflict", 0 },
    { 410, "Gone", 0 },
    { 411, "Length Required", 0 },
    { 412, "Precondition Failed", 0 },
    { 413, "Content Too Large", MU_ERROR_PAYLOAD_TOO_LARGE },
    { 414, "URI Too Long", MU_ERROR_URI_TOO_LONG },
    { 415, "Unsupported Media Type", 0 },
    { 417, "Expectation Failed", MU_ERROR_EXPECTATION_FAILED },
    { 421, "Misdirected Request", 0 },
    { 422, "Unprocessable Content", 0 },
    { 425, "Too Early", 0 },
    { 426, "Upgrade Required", MU_ERROR_UPGRADE_REQUIRED },
    { 428, "Precondition Required", 0 },
    { 429, "Too Many Requests", MU_ERROR_TOO_MANY_CONNECTIONS },
    { 431, "Request Header Fields Too Large", MU_ERROR_HEADERS_TOO_LARGE },
    { 500, "Internal Server Error", 0 },
    { 501, "Not Implemented", MU_ERROR_NOT_IMPLEMENTED },
    { 502, "Bad Gateway", 0 },
    { 503, "Service Unavailable", MU_ERROR_OVERLOADED },
    { 504, "Gateway Timeout", MU_ERROR_TIMEOUT },
    { 505, "HTTP Version Not Supported", MU_ERROR_HTTP_VERSION_NOT_SUPPORTED },
};

static const struct phrase *phrase_of(int status)
{
    static const struct phrase unknown = { 0, "Unknown", 0 };
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        if (phrases[i].status == status)
            return &phrases[i];
    }
    return &unknown;
}

const char *mu_linger_phrase(int status)
{
    return phrase_of(status)->phrase;
}

/* The problem details of RFC 9457, with message and error for older clients. */
static size_t problem_body(const struct mu_error_info *info, const char *detail, char *ret,
                           size_t ret_size)
{
    char type[96];
    (void)snprintf(type, sizeof type, "/problems/%s", info->name); /* names are short */
    struct mu_json_writer writer;
    mu_json_writer_init(&writer, ret, ret_size);
    mu_json_object_begin(&writer);
    mu_json_key(&writer, "type");
    mu_json_string(&writer, type);
    mu_json_key(&writer, "title");
    mu_json_string(&writer, info->title);
    mu_json_key(&writer, "status");
    mu_json_i64(&writer, info->status);
    mu_json_key(&writer, "detail");
    mu_json_string(&writer, detail);
    mu_json_key(&writer, "code");
    mu_json_string(&writer, info->name);
    mu_json_key(&writer, "message");
    mu_json_string(&writer, detail);
    mu_json_key(&writer, "error");
    mu_json_string(&writer, info->title);
    mu_json_object_end(&writer);
    assert(!writer.overflow);
    return writer.used;
}

size_t mu_linger_problem(int status, const char *detail, bool head, char *ret, size_t ret_size)
{
    const struct phrase *phrase = phrase_of(status);
    const struct mu_error_info *info = mu_error_info(phrase->error);
    assert(phrase->error != 0 && info->status == status);
    char body[BODY_MAX];
    size_t body_bytes = problem_body(info, detail, body, sizeof body);
    const char *more = "";
    if (status == 426) {
        more = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    } else if (status == 503 || status == 429) {
        more = "Retry-After: 1\r\n";
    }
    int n = snprintf(ret, ret_size,
                     "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\n"
                     "Content-Length: %zu\r\nCache-Control: no-store\r\n%s"
                     "Connection: close%s\r\n\r\n%.*s",
                     status, phrase->phrase, body_bytes, more, status == 426 ? ", Upgrade" : "",
                     head ? 0 : (int)body_bytes, body);
    return n > 0 && (size_t)n < ret_size ? (size_t)n : 0;
}

struct mu_connection *mu_linger_connection(struct bufferevent *stream)
{
    void *argument = NULL;
    bufferevent_getcb(stream, NULL, NULL, NULL, &argument);
    return argument;
}

static void drop_input(struct bufferevent *stream)
{
    struct evbuffer *input = bufferevent_get_input(stream);
    (void)evbuffer_drain(input, evbuffer_get_length(input)); /* fails only when frozen */
}

static void on_read(struct bufferevent *stream, void *argument)
{
    (void)argument;
    drop_input(stream);
}

static void on_written(struct bufferevent *stream, void *argument)
{
    (void)argument;
    const struct mu_connection *connection = mu_linger_connection(stream);
    if (connection->ended) {
        mu_http_close(connection);
    } else {
        (void)shutdown(bufferevent_getfd(stream), SHUT_WR); /* fails only if already closed */
    }
}

static void on_event(struct bufferevent *stream, short what, void *argument)
{
    (void)argument;
    struct mu_connection *connection = mu_linger_connection(stream);
    size_t unsent = evbuffer_get_length(bufferevent_get_output(stream));
    bool half_closed = (what & BEV_EVENT_EOF) != 0 && (what & BEV_EVENT_READING) != 0;
    /* A client that has sent its end may still be reading. */
    connection->ended = true;
    if (!half_closed || unsent == 0)
        mu_http_close(connection);
}

void mu_linger_begin(struct mu_connection *connection)
{
    assert(connection->state != MU_CONNECTION_FREE && connection->state != MU_CONNECTION_LINGER);
    struct bufferevent *stream = connection->stream;
    connection->state = MU_CONNECTION_LINGER;
    connection->request = NULL; /* evhttp frees it with the connection */
    mu_connections_arm(connection->transport->connections, connection, MU_DEADLINE_LINGER,
                       mu_transport_now());
    bufferevent_setcb(stream, on_read, on_written, on_event, connection);
    drop_input(stream);
    bufferevent_enable(stream, EV_READ | EV_WRITE);
    if (evbuffer_get_length(bufferevent_get_output(stream)) == 0)
        on_written(stream, connection);
}

void mu_linger_refuse(struct mu_connection *connection, int status, const char *detail)
{
    char answer[ANSWER_MAX];
    size_t bytes = mu_linger_problem(status, detail, connection->scan.head, answer, sizeof answer);
    assert(bytes > 0);
    struct evbuffer *output = bufferevent_get_output(connection->stream);
    connection->ours = true;
    /* bufferevents freeze the front of their output, which only they take from. */
    (void)evbuffer_unfreeze(output, 1);
    (void)evbuffer_drain(output, evbuffer_get_length(output));
    (void)evbuffer_freeze(output, 1);
    (void)evbuffer_add(output, answer, bytes); /* without memory the client sees a bare close */
    connection->transport->counters.requests_refused++;
    mu_linger_begin(connection);
}
