/* tests/unit/edge_client.c - a transport with a small handler, and raw sockets. */
#include "tests/unit/edge_client.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char *const method_names[] = { "GET",   "HEAD",   "POST",   "PUT",
                                            "PATCH", "DELETE", "OPTIONS" };

int64_t edge_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void reply(struct edge_server *server, uint64_t id, int status, const char *body,
                  size_t bytes)
{
    const struct mu_edge *edge = mu_transport_edge(server->transport);
    const struct mu_http_reply answer = {
        .status = status,
        .headers_count = 2,
        .headers = { { "Content-Type", status < 400 ? "text/plain" : "application/problem+json" },
                     { "X-Test", "yes" } },
        .body = body,
        .body_bytes = bytes,
    };
    edge->reply(edge->context, id, &answer);
}

void edge_answer(struct edge_server *server, uint64_t id, const char *body)
{
    reply(server, id, 200, body, strlen(body));
}

static void on_big(struct edge_server *server, const struct mu_http_request *request)
{
    uint64_t size = 0;
    assert_int_equal(mu_parse_u64(request->query, 0, 64 * 1024 * 1024, &size), 0);
    char *body = malloc(size + 1);
    assert_non_null(body);
    memset(body, 'b', size);
    reply(server, request->id, 200, body, size);
    free(body);
}

static void on_request(void *context, const struct mu_http_request *request)
{
    struct edge_server *server = context;
    server->requests++;
    assert_true(request->path[0] == '/');
    assert_string_equal(request->address, "127.0.0.1");
    if (strcmp(request->path, "/hold") == 0) {
        server->held_id = request->id;
        return;
    }
    if (strcmp(request->path, "/big") == 0) {
        on_big(server, request);
        return;
    }
    if (strcmp(request->path, "/missing") == 0) {
        reply(server, request->id, 404, "{}", 2);
        return;
    }
    if (strcmp(request->path, "/nothing") == 0) {
        reply(server, request->id, 204, "", 0);
        return;
    }
    char line[2048];
    int n = snprintf(line, sizeof line, "%s %s?%s %zu:%.*s auth=%s type=%s key=%s origin=%s%s\n",
                     method_names[request->method], request->path, request->query,
                     request->body_bytes, request->body_bytes < 64 ? (int)request->body_bytes : 64,
                     (const char *)request->body, request->authorization, request->content_type,
                     request->idempotency_key, request->origin, request->admin ? " admin" : "");
    size_t bytes = (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    reply(server, request->id, 200, line, bytes);
    /* A second answer to the same request must be dropped. */
    reply(server, request->id, 200, "again", 5);
}

static void on_request_gone(void *context, uint64_t id)
{
    struct edge_server *server = context;
    server->gone++;
    server->gone_id = id;
}

static bool on_socket_open(void *context, uint64_t socket, const struct mu_http_request *upgrade)
{
    struct edge_server *server = context;
    const struct mu_edge *edge = mu_transport_edge(server->transport);
    assert_true(socket == upgrade->id);
    if (strcmp(upgrade->query, "refuse") == 0) {
        reply(server, socket, 403, "{}", 2);
        return false;
    }
    if (strcmp(upgrade->query, "hold") == 0) {
        server->held_id = socket;
        return false;
    }
    server->opened++;
    server->socket = socket;
    if (strcmp(upgrade->query, "welcome") == 0 || strcmp(upgrade->query, "goodbye") == 0) {
        edge->send(edge->context, socket, "hello", 5);
    }
    if (strcmp(upgrade->query, "goodbye") == 0) {
        edge->close(edge->context, socket, 4001, "bye");
        edge->close(edge->context, socket, 4002, "twice");
        edge->send(edge->context, socket, "too late", 8);
    }
    return true;
}

/* The number that `text` begins with, spaces before it left out; asserted to be short. */
static size_t number_at(const char *text)
{
    text += strspn(text, " ");
    size_t digits = strspn(text, "0123456789");
    char number[20] = "";
    uint64_t value = 0;
    assert_in_range(digits, 1, sizeof number - 1);
    memcpy(number, text, digits);
    assert_int_equal(mu_parse_u64(number, 0, SIZE_MAX, &value), 0);
    return (size_t)value;
}

static void on_socket_text(void *context, uint64_t socket, const char *text, size_t text_bytes)
{
    struct edge_server *server = context;
    const struct mu_edge *edge = mu_transport_edge(server->transport);
    server->texts++;
    server->text_bytes = text_bytes;
    assert_true(text[text_bytes] == '\0');
    if (strncmp(text, "close ", 6) == 0) {
        edge->close(edge->context, socket, (int)number_at(text + 6), "asked");
        edge->send(edge->context, socket, "too late", 8);
    } else if (strcmp(text, "twice") == 0) {
        edge->send(edge->context, socket, "one", 3);
        edge->send(edge->context, socket, "two", 3);
    } else if (strcmp(text, "spam") == 0) {
        static const char filler[4096];
        for (int i = 0; i < 1000; i++) {
            edge->send(edge->context, socket, filler, sizeof filler);
        }
    } else if (!server->mute) {
        edge->send(edge->context, socket, text, text_bytes);
    }
}

static void on_socket_closed(void *context, uint64_t socket)
{
    struct edge_server *server = context;
    server->closed++;
    server->closed_socket = socket;
}

void edge_options(struct mu_transport_options *options)
{
    mu_transport_options_init(options);
    options->linger_ms = 1000;
    options->drain_ms = 2000;
}

static struct mu_transport_handler handler_for(struct edge_server *server)
{
    return (struct mu_transport_handler){ .context = server,
                                          .request = on_request,
                                          .request_gone = on_request_gone,
                                          .socket_open = on_socket_open,
                                          .socket_text = on_socket_text,
                                          .socket_closed = on_socket_closed };
}

void edge_start(struct edge_server *server, const struct mu_transport_options *options)
{
    *server = (struct edge_server){ 0 };
    const struct mu_transport_handler handler = handler_for(server);
    assert_int_equal(mu_transport_create(options, &handler, &server->transport), 0);
    assert_true(mu_transport_port(server->transport) != 0);
}

int edge_try(const struct mu_transport_options *options, struct mu_transport **ret)
{
    const struct mu_transport_handler handler = handler_for(NULL);
    return mu_transport_create(options, &handler, ret);
}

void edge_end(struct edge_server *server)
{
    mu_transport_check(server->transport);
    mu_transport_destroy(server->transport);
    server->transport = NULL;
}

void edge_connect(struct edge_client *client, uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *client = (struct edge_client){ .fd = socket(AF_INET, SOCK_STREAM, 0) };
    client->received = malloc(EDGE_RECEIVED_MAX + 1);
    assert_non_null(client->received);
    client->received[0] = '\0';
    assert_true(client->fd >= 0);
    /* The backlog takes the connection; no turn of the loop is needed. */
    assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(fcntl(client->fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
}

void edge_disconnect(struct edge_client *client)
{
    (void)close(client->fd);
    free(client->received);
    client->fd = -1;
    client->received = NULL;
}

static void receive(struct edge_client *client)
{
    while (!client->ended) {
        size_t room = EDGE_RECEIVED_MAX - client->used;
        assert_true(room > 0);
        ssize_t n = recv(client->fd, client->received + client->used, room, 0);
        if (n > 0) {
            client->used += (size_t)n;
            client->received[client->used] = '\0';
        } else if (n == 0 || errno != EAGAIN) {
            client->ended = true;
        } else {
            return;
        }
    }
}

void edge_turn(struct edge_server *server, struct edge_client *client, int64_t wait_ms)
{
    assert_int_equal(mu_transport_run_once(server->transport, wait_ms), 0);
    receive(client);
}

bool edge_send(struct edge_server *server, struct edge_client *client, const char *bytes,
               size_t size)
{
    int64_t end_ms = edge_now() + EDGE_WAIT_MS;
    while (size > 0 && !client->ended) {
        ssize_t n = send(client->fd, bytes, size, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) {
            return false;
        }
        if (n > 0) {
            bytes += n;
            size -= (size_t)n;
        }
        edge_turn(server, client, 0);
        assert_true(edge_now() < end_ms);
    }
    return size == 0;
}

void edge_until_end(struct edge_server *server, struct edge_client *client)
{
    int64_t end_ms = edge_now() + EDGE_WAIT_MS;
    while (!client->ended) {
        edge_turn(server, client, 5);
        assert_true(edge_now() < end_ms);
    }
}

void edge_until(struct edge_server *server, struct edge_client *client, const char *text)
{
    int64_t end_ms = edge_now() + EDGE_WAIT_MS;
    while (strstr(client->received, text) == NULL) {
        edge_turn(server, client, 5);
        if (edge_now() >= end_ms || client->ended) {
            receive(client);
            if (strstr(client->received, text) != NULL) {
                return;
            }
            fail_msg("waited for '%s', got '%s'", text, client->received);
        }
    }
}

/* Bytes of the body that the headers announce. */
static size_t announced(const char *head, size_t head_bytes)
{
    static const char name[] = "\r\nContent-Length:";
    for (size_t i = 0; i + sizeof name - 1 < head_bytes; i++) {
        if (strncasecmp(head + i, name, sizeof name - 1) == 0) {
            return number_at(head + i + sizeof name - 1);
        }
    }
    return 0;
}

int edge_statuses(const struct edge_client *client, bool head, char *ret, size_t ret_size,
                  size_t *ret_rest)
{
    size_t at = 0, out = 0;
    int count = 0;
    ret[0] = '\0';
    while (at < client->used) {
        const char *start = client->received + at;
        const char *end = strstr(start, "\r\n\r\n");
        if (strncmp(start, "HTTP/1.", 7) != 0 || end == NULL) {
            (void)snprintf(ret + out, ret_size - out, "%s?", count > 0 ? " " : "");
            break;
        }
        size_t head_bytes = (size_t)(end - start) + 4;
        size_t body_bytes = head ? 0 : announced(start, head_bytes);
        if (at + head_bytes + body_bytes > client->used) {
            break;
        }
        at += head_bytes + body_bytes;
        if (strncmp(start + 9, "100", 3) == 0) {
            continue;
        }
        out +=
            (size_t)snprintf(ret + out, ret_size - out, "%s%.3s", count > 0 ? " " : "", start + 9);
        assert(out < ret_size);
        count++;
        if (strncmp(start + 9, "101", 3) == 0) {
            break;
        }
    }
    *ret_rest = at;
    return count;
}

void edge_text(struct edge_server *server, struct edge_client *client, const char *text)
{
    assert_true(edge_send(server, client, text, strlen(text)));
}

/* Turns the loop until *number is `value`. */
void edge_until_number(struct edge_server *server, const uint32_t *number, uint32_t value)
{
    int64_t end_ms = edge_now() + EDGE_WAIT_MS;
    while (*number != value) {
        assert_int_equal(mu_transport_run_once(server->transport, 5), 0);
        assert_true(edge_now() < end_ms);
    }
}

void edge_until_connections(struct edge_server *server, uint32_t count)
{
    int64_t end_ms = edge_now() + EDGE_WAIT_MS;
    while (mu_transport_connections(server->transport) != count) {
        assert_int_equal(mu_transport_run_once(server->transport, 5), 0);
        assert_true(edge_now() < end_ms);
    }
}

void edge_reset(struct edge_client *client)
{
    const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
    assert_int_equal(setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
}

void edge_start_plain(struct edge_server *server)
{
    struct mu_transport_options options;
    edge_options(&options);
    edge_start(server, &options);
}
