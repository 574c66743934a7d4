/* gateway/http_accept.c - listeners, and a connection's way into and out of the table.
 *
 * evhttp 2.1 has no limit on connections and gives no hook between accept and reading.  So: our
 * bufferevent callback notes the new stream, and before the loop turns, mu_http_admit() finds
 * evhttp's connection as the argument of the stream's callbacks, counts it, and keeps it or
 * turns it away. */
#include "gateway/http_accept.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "gateway/http.h"
#include "gateway/linger.h"
#include "gateway/websocket.h"

#define HEADER_MARGIN 1024 /* evhttp's own bound above ours, so that ours speaks first */

/* Gives evhttp the stream for a connection that it just accepted. */
static struct bufferevent *make_stream(struct event_base *base, void *argument)
{
    struct mu_http_server *server = argument;
    struct mu_transport *transport = server->transport;
    struct bufferevent *stream = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (stream == NULL)
        return NULL; /* evhttp tries by itself and fails, too */
    assert(transport->arrivals_count < MU_ARRIVALS_MAX);
    /* A reference of our own: evhttp frees its own when it runs out of memory. */
    bufferevent_incref(stream);
    transport->arrivals[transport->arrivals_count++] =
        (struct mu_arrival){ .stream = stream, .server = server };
    transport->counters.accepted++;
    if (transport->arrivals_count == MU_ARRIVALS_MAX) {
        /* libevent's accept loop ends when its listener is disabled; _admit enables it. */
        if (transport->public_server.listener != NULL)
            (void)evconnlistener_disable(transport->public_server.listener);
        if (transport->admin_server.listener != NULL)
            (void)evconnlistener_disable(transport->admin_server.listener);
    }
    mu_transport_poke(transport);
    return stream;
}

/* accept() failed, most likely for want of file descriptors: stay off until the next tick,
 * else the loop would spin on the readable listener. */
static void on_accept_error(struct evconnlistener *listener, void *argument)
{
    (void)argument;
    (void)evconnlistener_disable(listener);
}

static int bind_listener(struct mu_http_server *server, const struct sockaddr *address,
                         socklen_t address_bytes)
{
    struct mu_transport *transport = server->transport;
    unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;
    errno = 0;
    struct evconnlistener *listener =
        evconnlistener_new_bind(transport->base, NULL, NULL, flags, transport->options.backlog,
                                address, (int)address_bytes);
    if (listener == NULL)
        return errno != 0 ? -errno : -ENOMEM;
    /* Inherited by what is accepted.  Without it an answer in two writes waits 40 ms for the
     * client's delayed acknowledgement. */
    int on = 1;
    int fd = evconnlistener_get_fd(listener);
    struct sockaddr_storage bound;
    socklen_t bound_bytes = sizeof bound;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &bound_bytes) != 0) {
        int r = -errno;
        evconnlistener_free(listener);
        return r;
    }
    server->bound = evhttp_bind_listener(server->http, listener);
    if (server->bound == NULL) {
        evconnlistener_free(listener);
        return -ENOMEM;
    }
    evconnlistener_set_error_cb(listener, on_accept_error);
    server->listener = listener;
    /* The port is at the same place in both families' structs. */
    static_assert(offsetof(struct sockaddr_in, sin_port) ==
                      offsetof(struct sockaddr_in6, sin6_port),
                  "one way to read the port");
    struct sockaddr_in in;
    memcpy(&in, &bound, sizeof in);
    server->port = ntohs(in.sin_port);
    return 0;
}

int mu_http_listen(struct mu_http_server *server, const char *address, uint16_t port)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    bool ipv4 = inet_pton(AF_INET, address, &in.sin_addr) == 1;
    if (!ipv4 && inet_pton(AF_INET6, address, &in6.sin6_addr) != 1)
        return -EINVAL;
    const struct mu_transport_options *options = &server->transport->options;
    server->http = evhttp_new(server->transport->base);
    if (server->http == NULL)
        return -ENOMEM;
    evhttp_set_bevcb(server->http, make_stream, server);
    evhttp_set_gencb(server->http, mu_http_on_request, server);
    evhttp_set_default_content_type(server->http, NULL);
    evhttp_set_max_headers_size(server->http, options->header_bytes_max + HEADER_MARGIN);
    evhttp_set_max_body_size(server->http, options->body_bytes_max);
    evhttp_set_allowed_methods(server->http, UINT16_MAX); /* the scanner decides */
    int r = ipv4 ? bind_listener(server, (const struct sockaddr *)&in, sizeof in)
                 : bind_listener(server, (const struct sockaddr *)&in6, sizeof in6);
    if (r == 0)
        return 0;
    mu_http_server_release(server);
    return r;
}

void mu_http_listen_stop(struct mu_http_server *server)
{
    if (server->listener == NULL)
        return;
    evhttp_del_accept_socket(server->http, server->bound); /* closes it, too */
    server->listener = NULL;
}

void mu_http_server_release(struct mu_http_server *server)
{
    if (server->http != NULL)
        evhttp_free(server->http);
    server->http = NULL;
    server->listener = NULL;
}

void mu_http_listen_resume(struct mu_http_server *server)
{
    if (server->listener != NULL)
        (void)evconnlistener_enable(server->listener);
}

/* The peer's address in 16 bytes, IPv4 mapped, and as text. */
static void read_address(const struct sockaddr *address, uint8_t *ret, char *ret_text,
                         size_t text_size)
{
    memset(ret, 0, 16);
    ret_text[0] = '\0';
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        memset(ret + 10, 0xff, 2);
        memcpy(ret + 12, &in.sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof in6);
        memcpy(ret, &in6.sin6_addr, 16);
    }
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    bool ipv4 = memcmp(ret, mapped, sizeof mapped) == 0;
    (void)inet_ntop(ipv4 ? AF_INET : AF_INET6, ipv4 ? ret + 12 : ret, ret_text,
                    (socklen_t)text_size); /* fits: the buffer is INET6_ADDRSTRLEN */
}

/* Makes slots_by_fd reach fd.  Doubles, so it is rare. */
static bool reach_fd(struct mu_transport *transport, uint32_t fd)
{
    if (fd < transport->fds)
        return true;
    uint32_t fds = transport->fds == 0 ? 64 : transport->fds;
    while (fds <= fd)
        fds *= 2;
    uint32_t *grown = realloc(transport->slots_by_fd, fds * sizeof *grown);
    if (grown == NULL)
        return false;
    for (uint32_t i = transport->fds; i < fds; i++)
        grown[i] = MU_CONNECTION_NONE;
    transport->slots_by_fd = grown;
    transport->fds = fds;
    return true;
}

/* evhttp's connection is being freed. */
static void on_released(struct evhttp_connection *http, void *argument)
{
    struct mu_connection *connection = argument;
    struct mu_transport *transport = connection->transport;
    assert(connection->http == http);
    transport->slots_by_fd[bufferevent_getfd(connection->stream)] = MU_CONNECTION_NONE;
    /* evhttp disowns a request that was with the user when its connection failed. */
    if (connection->request != NULL && evhttp_request_get_connection(connection->request) == NULL)
        evhttp_request_free(connection->request);
    mu_websocket_forget(connection);
    if (!connection->admin)
        transport->public_count--;
    uint64_t id = mu_connections_id(connection);
    bool pending = connection->state == MU_CONNECTION_PENDING;
    bool owes_closed = connection->owes_closed;
    mu_connections_remove(transport->connections, connection);
    if (transport->destroying)
        return;
    if (pending)
        transport->counters.requests_gone++;
    if (pending)
        transport->handler.request_gone(transport->handler.context, id);
    if (owes_closed)
        transport->handler.socket_closed(transport->handler.context, id);
}

/* Answers a connection that is not wanted with one try to write, and closes it. */
static void turn_away(struct mu_transport *transport, struct evhttp_connection *http, int r)
{
    char answer[1024];
    int status = r == -EDQUOT ? 429 : 503;
    const char *detail = r == -EDQUOT ? "Too many connections from this address."
                                      : "The gateway serves as many connections as it can.";
    size_t bytes = mu_linger_problem(status, detail, false, answer, sizeof answer);
    if (r == -EDQUOT) {
        transport->counters.refused_address++;
    } else {
        transport->counters.refused_total++;
    }
    int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(http));
    (void)send(fd, answer, bytes, MSG_NOSIGNAL | MSG_DONTWAIT); /* a courtesy */
    evhttp_connection_free(http);
}

static int take_slot(struct mu_transport *transport, bool admin, const uint8_t *address,
                     struct mu_connection **ret)
{
    uint32_t used = mu_connections_count(transport->connections);
    uint32_t admins = used - transport->public_count;
    if (admin && admins >= MU_TRANSPORT_ADMIN_CONNECTIONS)
        return -ENOSPC;
    if (!admin && transport->public_count >= transport->options.connections_max)
        return -ENOSPC;
    return mu_connections_add(transport->connections, address, !admin, ret);
}

/* Finds evhttp's connection of a new stream and binds it to a slot. */
static void admit_one(struct mu_transport *transport, const struct mu_arrival *arrival)
{
    void *argument = NULL;
    bufferevent_getcb(arrival->stream, NULL, NULL, NULL, &argument);
    struct evhttp_connection *http = argument;
    if (http == NULL)
        return; /* evhttp gave up on it */
    assert(evhttp_connection_get_bufferevent(http) == arrival->stream);
    int fd = bufferevent_getfd(arrival->stream);
    uint8_t address[16];
    char text[INET6_ADDRSTRLEN];
    read_address(evhttp_connection_get_addr(http), address, text, sizeof text);
    struct mu_connection *connection = NULL;
    int r = reach_fd(transport, (uint32_t)fd) ? 0 : -ENOMEM;
    if (r == 0)
        r = take_slot(transport, arrival->server->admin, address, &connection);
    if (r != 0) {
        turn_away(transport, http, r);
        return;
    }
    connection->transport = transport;
    connection->admin = arrival->server->admin;
    if (!connection->admin)
        transport->public_count++;
    connection->http = http;
    connection->stream = arrival->stream;
    static_assert(sizeof connection->address >= INET6_ADDRSTRLEN, "an address fits");
    memcpy(connection->address, text, sizeof text);
    transport->slots_by_fd[fd] = connection->slot;
    evhttp_connection_set_closecb(http, on_released, connection);
    if (!mu_http_watch(connection))
        mu_http_close(connection);
}

void mu_http_admit(struct mu_transport *transport)
{
    bool full = transport->arrivals_count == MU_ARRIVALS_MAX;
    for (uint32_t i = 0; i < transport->arrivals_count; i++) {
        struct bufferevent *stream = transport->arrivals[i].stream;
        admit_one(transport, &transport->arrivals[i]);
        bufferevent_decref(stream);
    }
    transport->arrivals_count = 0;
    if (!full || transport->stopping)
        return;
    mu_http_listen_resume(&transport->public_server);
    mu_http_listen_resume(&transport->admin_server);
}

void mu_http_close(const struct mu_connection *connection)
{
    evhttp_connection_free(connection->http);
}
