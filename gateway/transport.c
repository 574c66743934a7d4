/* gateway/transport.c - HTTP/1.1 and WebSocket on one libevent loop: creation, the loop itself,
 * deadlines, and the functions that the gateway answers through. */
#include "gateway/transport.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/util.h>

#include "core/counters.h"
#include "gateway/http.h"
#include "gateway/http_accept.h"
#include "gateway/linger.h"
#include "gateway/transport_state.h"
#include "gateway/websocket.h"

#define TICK_MS_MAX        250 /* between two looks at the deadlines */
#define TICK_MS_MIN        5
#define TICKS_PER_DEADLINE 8 /* of the shortest one: how late it may be noticed */

int64_t mu_transport_now(void)
{
    struct timespec now;
    int r = clock_gettime(CLOCK_MONOTONIC, &now);
    assert(r == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void mu_transport_poke(struct mu_transport *transport)
{
    event_active(transport->dirty, 0, 0);
}

void mu_transport_mark(struct mu_connection *connection, uint32_t bit)
{
    struct mu_transport *transport = connection->transport;
    connection->dirty |= bit;
    if (connection->dirty_listed)
        return;
    connection->dirty_listed = true;
    connection->dirty_next = transport->dirty_first;
    transport->dirty_first = connection->slot;
    mu_transport_poke(transport);
}

static void tell_closed(struct mu_connection *connection)
{
    const struct mu_transport_handler *handler = &connection->transport->handler;
    if (!connection->owes_closed)
        return;
    connection->owes_closed = false;
    handler->socket_closed(handler->context, mu_connections_id(connection));
}

/* What must not be done deeper in the stack: inside of evhttp, wslay or the edge's functions. */
static void on_dirty(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct mu_transport *transport = argument;
    mu_http_admit(transport);
    while (transport->dirty_first != MU_CONNECTION_NONE) {
        struct mu_connection *connection =
            mu_connections_at(transport->connections, transport->dirty_first);
        uint32_t dirty = connection->dirty;
        transport->dirty_first = connection->dirty_next;
        connection->dirty_listed = false;
        connection->dirty = 0;
        if (connection->state == MU_CONNECTION_FREE)
            continue;
        if ((dirty & MU_DIRTY_CLOSED) != 0)
            tell_closed(connection);
        if ((dirty & MU_DIRTY_CHECK) != 0)
            mu_http_check(connection);
        if ((dirty & MU_DIRTY_READ) != 0)
            mu_websocket_read(connection);
    }
}

/* The handler took too long: tell both sides. */
static void give_up(struct mu_connection *connection)
{
    const struct mu_transport_handler *handler = &connection->transport->handler;
    uint64_t id = mu_connections_id(connection);
    mu_linger_refuse(connection, 504, "The answer took too long.");
    handler->request_gone(handler->context, id);
}

static void expire(struct mu_connection *connection)
{
    struct mu_transport *transport = connection->transport;
    switch (connection->deadline) {
    case MU_DEADLINE_REQUEST:
    case MU_DEADLINE_SEND:
        transport->counters.timeouts++;
        mu_http_close(connection);
        break;
    case MU_DEADLINE_IDLE:
    case MU_DEADLINE_LINGER: mu_http_close(connection); break;
    case MU_DEADLINE_PENDING:
        transport->counters.timeouts++;
        give_up(connection);
        break;
    case MU_DEADLINE_PING: mu_websocket_ping(connection); break;
    case MU_DEADLINE_COUNT: assert(false); break;
    }
}

static void close_all(struct mu_transport *transport)
{
    uint32_t slots = mu_connections_slots(transport->connections);
    for (uint32_t i = 0; i < slots && mu_connections_count(transport->connections) > 0; i++) {
        struct mu_connection *connection = mu_connections_at(transport->connections, i);
        if (connection->state != MU_CONNECTION_FREE)
            mu_http_close(connection);
    }
}

static void on_tick(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct mu_transport *transport = argument;
    int64_t now_ms = mu_transport_now();
    struct mu_connection *connection;
    while ((connection = mu_connections_due(transport->connections, now_ms)) != NULL)
        expire(connection);
    if (transport->stopping && now_ms >= transport->drain_due_ms)
        close_all(transport);
    if (transport->stopping)
        return;
    mu_http_listen_resume(&transport->public_server);
    mu_http_listen_resume(&transport->admin_server);
}

static void on_wake(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    (void)argument; /* all it does is end the wait */
}

/* -- struct mu_edge -- */

static void edge_reply(void *context, uint64_t id, const struct mu_http_reply *reply)
{
    struct mu_transport *transport = context;
    struct mu_connection *connection = mu_connections_find(transport->connections, id);
    if (connection != NULL && connection->state == MU_CONNECTION_PENDING) {
        mu_http_reply(connection, reply);
    } else {
        transport->counters.replies_dropped++;
    }
}

static void edge_send(void *context, uint64_t socket, const char *text, size_t text_bytes)
{
    struct mu_transport *transport = context;
    struct mu_connection *connection = mu_connections_find(transport->connections, socket);
    if (connection != NULL) {
        mu_websocket_send(connection, text, text_bytes);
    } else {
        transport->counters.sends_dropped++;
    }
}

static void edge_close(void *context, uint64_t socket, int code, const char *reason)
{
    struct mu_transport *transport = context;
    struct mu_connection *connection = mu_connections_find(transport->connections, socket);
    if (connection != NULL)
        mu_websocket_close(connection, code, reason);
}

/* -- creation -- */

void mu_transport_options_init(struct mu_transport_options *options)
{
    *options = (struct mu_transport_options){
        .address = "127.0.0.1",
        .backlog = 1024,
        .connections_max = 20000,
        .per_address_max = 1024,
        .header_bytes_max = MU_HTTP_HEADERS_MAX,
        .body_bytes_max = MU_HTTP_BODY_MAX,
        .unread_bytes_max = MU_WS_UNREAD_MAX,
        .request_ms = 10000,
        .idle_ms = 60000,
        .pending_ms = 60000,
        .send_ms = 30000,
        .linger_ms = 2000,
        .ping_ms = 20000,
        .pong_ms = 40000,
        .drain_ms = 10000,
    };
}

static bool options_valid(const struct mu_transport_options *options)
{
    uint32_t slots_max = MU_CONNECTION_SLOTS_MAX - MU_TRANSPORT_ADMIN_CONNECTIONS;
    bool counts = options->backlog > 0 && options->connections_max >= 1 &&
                  options->connections_max <= slots_max && options->per_address_max >= 1;
    bool sizes = options->header_bytes_max >= 1 &&
                 options->header_bytes_max <= MU_HTTP_HEADERS_MAX &&
                 options->body_bytes_max <= MU_HTTP_BODY_MAX && options->unread_bytes_max > 0;
    bool times = options->request_ms > 0 && options->idle_ms > 0 && options->pending_ms > 0 &&
                 options->send_ms > 0 && options->linger_ms > 0 && options->ping_ms > 0 &&
                 options->pong_ms > 0 && options->drain_ms > 0;
    return options->address != NULL && counts && sizes && times;
}

static struct event_base *create_base(void)
{
    struct event_config *config = event_config_new();
    if (config == NULL)
        return NULL;
    struct event_base *base = NULL;
    if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
        base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

/* The tick follows the shortest deadline. */
static int create_events(struct mu_transport *transport, const int64_t *duration_ms)
{
    int64_t tick_ms = TICK_MS_MAX;
    for (int i = 0; i < MU_DEADLINE_COUNT; i++) {
        if (duration_ms[i] / TICKS_PER_DEADLINE < tick_ms)
            tick_ms = duration_ms[i] / TICKS_PER_DEADLINE;
    }
    if (tick_ms < TICK_MS_MIN)
        tick_ms = TICK_MS_MIN;
    const struct timeval tick = { .tv_usec = (suseconds_t)tick_ms * 1000 };
    transport->tick = event_new(transport->base, -1, EV_PERSIST, on_tick, transport);
    transport->dirty = event_new(transport->base, -1, 0, on_dirty, transport);
    transport->wake = event_new(transport->base, -1, 0, on_wake, transport);
    bool made = transport->tick != NULL && transport->dirty != NULL && transport->wake != NULL;
    return made && event_add(transport->tick, &tick) == 0 ? 0 : -ENOMEM;
}

static int create_tables(struct mu_transport *transport)
{
    const struct mu_transport_options *options = &transport->options;
    const int64_t duration_ms[MU_DEADLINE_COUNT] = {
        [MU_DEADLINE_REQUEST] = options->request_ms, [MU_DEADLINE_IDLE] = options->idle_ms,
        [MU_DEADLINE_PENDING] = options->pending_ms, [MU_DEADLINE_SEND] = options->send_ms,
        [MU_DEADLINE_LINGER] = options->linger_ms,   [MU_DEADLINE_PING] = options->ping_ms,
    };
    uint64_t seed;
    evutil_secure_rng_get_bytes(&seed, sizeof seed);
    transport->base = create_base();
    transport->path = calloc(options->header_bytes_max + 1, 1);
    transport->connections =
        mu_connections_create(options->connections_max + MU_TRANSPORT_ADMIN_CONNECTIONS,
                              options->per_address_max, seed, duration_ms);
    if (transport->base == NULL || transport->path == NULL || transport->connections == NULL)
        return -ENOMEM;
    int r = create_events(transport, duration_ms);
    return r == 0 ? mu_websocket_init(transport) : r;
}

static int listen_both(struct mu_transport *transport)
{
    const struct mu_transport_options *options = &transport->options;
    transport->public_server.transport = transport;
    transport->admin_server.transport = transport;
    transport->admin_server.admin = true;
    int r = mu_http_listen(&transport->public_server, options->address, options->port);
    if (r != 0 || options->admin_address == NULL)
        return r;
    return mu_http_listen(&transport->admin_server, options->admin_address, options->admin_port);
}

int mu_transport_create(const struct mu_transport_options *options,
                        const struct mu_transport_handler *handler, struct mu_transport **ret)
{
    if (!options_valid(options))
        return -EINVAL;
    assert(handler->request != NULL && handler->request_gone != NULL);
    assert(handler->socket_open != NULL && handler->socket_text != NULL &&
           handler->socket_closed != NULL);
    struct mu_transport *transport = calloc(1, sizeof *transport);
    if (transport == NULL)
        return -ENOMEM;
    transport->options = *options;
    transport->handler = *handler;
    transport->edge = (struct mu_edge){
        .context = transport, .reply = edge_reply, .send = edge_send, .close = edge_close
    };
    transport->dirty_first = MU_CONNECTION_NONE;
    int r = create_tables(transport);
    if (r == 0)
        r = listen_both(transport);
    transport->options.address = NULL; /* they were borrowed */
    transport->options.admin_address = NULL;
    if (r != 0) {
        mu_transport_destroy(transport);
        return r;
    }
    const struct sigaction ignore = { .sa_handler = SIG_IGN };
    r = sigaction(SIGPIPE, &ignore, NULL);
    assert(r == 0);
    *ret = transport;
    return 0;
}

void mu_transport_destroy(struct mu_transport *transport)
{
    if (transport == NULL)
        return;
    transport->destroying = true;
    if (transport->connections != NULL)
        close_all(transport);
    mu_http_server_release(&transport->public_server);
    mu_http_server_release(&transport->admin_server);
    mu_websocket_release(transport);
    if (transport->tick != NULL)
        event_free(transport->tick);
    if (transport->dirty != NULL)
        event_free(transport->dirty);
    if (transport->wake != NULL)
        event_free(transport->wake);
    if (transport->base != NULL)
        event_base_free(transport->base); /* runs what closes the fds */
    mu_connections_destroy(transport->connections);
    free(transport->slots_by_fd);
    free(transport->path);
    free(transport);
}

const struct mu_edge *mu_transport_edge(const struct mu_transport *transport)
{
    return &transport->edge;
}

struct event_base *mu_transport_base(const struct mu_transport *transport)
{
    return transport->base;
}

uint16_t mu_transport_port(const struct mu_transport *transport)
{
    return transport->public_server.port;
}

uint16_t mu_transport_admin_port(const struct mu_transport *transport)
{
    return transport->admin_server.port;
}

/* -- running and stopping -- */

int mu_transport_run_once(struct mu_transport *transport, int64_t wait_ms)
{
    if (wait_ms > 0) {
        const struct timeval wait = { .tv_sec = (time_t)(wait_ms / 1000),
                                      .tv_usec = (suseconds_t)(wait_ms % 1000) * 1000 };
        (void)event_add(transport->wake, &wait); /* without it the tick ends the wait */
    }
    int r = event_base_loop(transport->base, EVLOOP_ONCE | (wait_ms == 0 ? EVLOOP_NONBLOCK : 0));
    if (wait_ms > 0)
        (void)event_del(transport->wake); /* cannot fail for a timer */
    return r < 0 ? -EIO : 0;
}

/* True for a connection on which no byte of a request has come. */
static bool resting(const struct mu_connection *connection)
{
    return connection->state == MU_CONNECTION_IDLE ||
           (connection->state == MU_CONNECTION_READING && mu_http_scan_empty(&connection->scan));
}

void mu_transport_stop(struct mu_transport *transport, uint32_t patience_ms)
{
    if (transport->stopping)
        return;
    transport->stopping = true;
    transport->drain_due_ms =
        mu_transport_now() + (patience_ms > 0 ? patience_ms : transport->options.drain_ms);
    mu_http_listen_stop(&transport->public_server);
    mu_http_listen_stop(&transport->admin_server);
    uint32_t slots = mu_connections_slots(transport->connections);
    for (uint32_t i = 0; i < slots; i++) {
        struct mu_connection *connection = mu_connections_at(transport->connections, i);
        if (connection->state == MU_CONNECTION_SOCKET) {
            mu_websocket_close(connection, 1001, "the gateway is stopping");
        } else if (resting(connection)) {
            mu_http_close(connection);
        }
    }
}

bool mu_transport_drained(const struct mu_transport *transport)
{
    return transport->stopping && mu_connections_count(transport->connections) == 0;
}

uint32_t mu_transport_connections(const struct mu_transport *transport)
{
    return mu_connections_count(transport->connections);
}

const struct mu_transport_counters *mu_transport_counters(const struct mu_transport *transport)
{
    return &transport->counters;
}

void mu_transport_export(const struct mu_transport *transport, struct mu_counters *ret)
{
    const struct mu_transport_counters *counters = &transport->counters;
    ret->values[MU_COUNTER_CONNECTIONS] = mu_connections_count(transport->connections);
    ret->values[MU_COUNTER_ACCEPTED] = counters->accepted;
    ret->values[MU_COUNTER_CONNECTIONS_REFUSED] =
        counters->refused_total + counters->refused_address;
    ret->values[MU_COUNTER_CONNECTIONS_CUT] = counters->timeouts;
    ret->values[MU_COUNTER_REQUESTS_REFUSED] = counters->requests_refused;
    ret->values[MU_COUNTER_REQUESTS_GONE] = counters->requests_gone;
    ret->values[MU_COUNTER_SOCKETS_OPENED] = counters->sockets_opened;
    ret->values[MU_COUNTER_SOCKETS_FAULTY] = counters->sockets_faulty;
    ret->values[MU_COUNTER_SOCKETS_SLOW] = counters->sockets_slow;
    ret->values[MU_COUNTER_SOCKETS_DEAD] = counters->sockets_dead;
}

void mu_transport_check(const struct mu_transport *transport)
{
    mu_connections_check(transport->connections);
}
