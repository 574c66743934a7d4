#include "broker/host.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <zmq.h>

#include "broker/router.h"
#include "core/endpoint.h"
#include "core/map.h"
#include "core/notify.h"

enum {
    EXIT_UNAVAILABLE = 69,
    EXIT_IO = 74,
    DRAIN_MAX = 256, /* messages read before time is looked at again */
    HWM = 4096,      /* messages in a pipe, each way */
    ID_MAX = 63,     /* bytes of a routing id; ZeroMQ's own have 5 */
    LINGER_MS = 200, /* clean exit: for the last BYE to leave */
    WATCHDOG_MS = 1000,
};

/* One connection: the peer number of the router is its index. */
struct connection {
    uint8_t id[ID_MAX];
    uint8_t id_bytes; /* 0: free */
};

struct host {
    const struct mu_broker_options *options;
    void *zmq;
    void *socket;
    struct mu_router *router;
    struct mu_map *ids; /* routing id as hex -> connection */
    uint32_t free_count;
    uint32_t *free_list;            /* [MU_ROUTER_PEERS_MAX], of which free_count are free */
    struct connection *connections; /* [MU_ROUTER_PEERS_MAX] */
    uint32_t last;                  /* connection of the last message */
    zmq_msg_t *body;                /* of the message at hand, or NULL */
    int error;                      /* the socket broke: -errno */
};

static int64_t now_ms(void)
{
    struct timespec now;
    int r = clock_gettime(CLOCK_MONOTONIC, &now);
    assert(r == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void hex(const uint8_t *id, size_t id_bytes, char ret[MU_MAP_KEY_MAX + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < id_bytes; i++) {
        ret[2 * i] = digits[id[i] >> 4];
        ret[2 * i + 1] = digits[id[i] & 15];
    }
    ret[2 * id_bytes] = '\0';
}

static_assert(2 * ID_MAX <= MU_MAP_KEY_MAX, "any id can be a key");

/* The connection of a routing id, made when it is new; MU_MAP_NONE when there is no room. */
static uint32_t connection_of(struct host *host, const uint8_t *id, size_t id_bytes)
{
    const struct connection *last = &host->connections[host->last];
    if (id_bytes > 0 && last->id_bytes == id_bytes && memcmp(last->id, id, id_bytes) == 0) {
        return host->last;
    }
    char key[MU_MAP_KEY_MAX + 1];
    if (id_bytes == 0 || id_bytes > ID_MAX) {
        return MU_MAP_NONE;
    }
    hex(id, id_bytes, key);
    uint32_t found = mu_map_get(host->ids, key);
    if (found == MU_MAP_NONE) {
        if (host->free_count == 0) {
            return MU_MAP_NONE;
        }
        found = host->free_list[--host->free_count];
        int r = mu_map_put(host->ids, key, found);
        assert(r == 0); /* as many keys fit as there are connections */
        struct connection *connection = &host->connections[found];
        connection->id_bytes = (uint8_t)id_bytes;
        memcpy(connection->id, id, id_bytes);
    }
    host->last = found;
    return found;
}

/* mu_router_gone_fn */
static void forget(void *context, uint32_t peer)
{
    struct host *host = context;
    struct connection *connection = &host->connections[peer];
    char key[MU_MAP_KEY_MAX + 1];
    assert(connection->id_bytes > 0);
    hex(connection->id, connection->id_bytes, key);
    (void)mu_map_remove(host->ids, key);
    connection->id_bytes = 0;
    host->free_list[host->free_count++] = peer;
    mu_log_line(host->options->log, MU_LOG_INFO, NULL, "peer gone", "connection=%s", key);
}

static int send_bytes(void *socket, const void *data, size_t size, int flags)
{
    int n;
    do {
        n = zmq_send(socket, size > 0 ? data : NULL, size, flags | ZMQ_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

/* Sends the body of the message at hand by reference instead of copying it. */
static int forward_body(struct host *host)
{
    zmq_msg_t copy;
    int r;
    (void)zmq_msg_init(&copy); /* cannot fail */
    if (zmq_msg_copy(&copy, host->body) != 0) {
        return -errno;
    }
    do {
        r = zmq_msg_send(&copy, host->socket, ZMQ_DONTWAIT);
    } while (r < 0 && errno == EINTR);
    if (r < 0) {
        r = -errno;
        (void)zmq_msg_close(&copy);
        return r;
    }
    return 0;
}

/* mu_router_sink_fn */
static int emit(void *context, uint32_t peer, struct mu_slice header, struct mu_slice body)
{
    struct host *host = context;
    const struct connection *connection = &host->connections[peer];
    assert(connection->id_bytes > 0);
    /* Whether there is such a peer, and room, is decided by the first frame: the others follow. */
    int r = send_bytes(host->socket, connection->id, connection->id_bytes, ZMQ_SNDMORE);
    if (r == -EAGAIN || r == -EHOSTUNREACH) {
        return r;
    }
    if (r == 0) {
        r = send_bytes(host->socket, header.data, header.size, ZMQ_SNDMORE);
    }
    if (r == 0 && host->body != NULL && body.size > 0 && body.data == zmq_msg_data(host->body)) {
        r = forward_body(host);
    } else if (r == 0) {
        r = send_bytes(host->socket, body.data, body.size, 0);
    }
    if (r != 0) {
        host->error = r;
    }
    return r == 0 ? 0 : -EHOSTUNREACH;
}

static int set(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0 ? 0 : -errno;
}

static int set_up(void *socket)
{
    static const struct {
        int option;
        int value;
    } options[] = {
        { ZMQ_ROUTER_MANDATORY, 1 },
        { ZMQ_LINGER, 0 },
        { ZMQ_SNDHWM, HWM },
        { ZMQ_RCVHWM, HWM },
        { ZMQ_BACKLOG, 1024 },
        { ZMQ_HANDSHAKE_IVL, 3000 },
        { ZMQ_HEARTBEAT_IVL, 1000 },
        { ZMQ_HEARTBEAT_TIMEOUT, 3000 },
        { ZMQ_HEARTBEAT_TTL, 4000 },
        { ZMQ_TCP_KEEPALIVE, 1 },
        { ZMQ_TCP_KEEPALIVE_IDLE, 15 },
        { ZMQ_TCP_KEEPALIVE_INTVL, 5 },
        { ZMQ_TCP_KEEPALIVE_CNT, 3 },
    };
    int64_t message_max = MU_BODY_MAX + MU_HEADER_MAX;
    if (zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &message_max, sizeof message_max) != 0) {
        return -errno;
    }
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        int r = set(socket, options[i].option, options[i].value);
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

/* Makes the socket and listens.  Returns 0 or -errno. */
static int listen_on(struct host *host)
{
    char endpoint[MU_ENDPOINT_MAX + 1];
    size_t endpoint_bytes = sizeof endpoint;
    host->zmq = zmq_ctx_new();
    if (host->zmq == NULL) {
        return -errno;
    }
    (void)zmq_ctx_set(host->zmq, ZMQ_MAX_SOCKETS, 16); /* fails only on negative numbers */
    host->socket = zmq_socket(host->zmq, ZMQ_ROUTER);
    if (host->socket == NULL) {
        return -errno;
    }
    int r = set_up(host->socket);
    /* Only where it is written: else the endpoint is shown as [::ffff:127.0.0.1]. */
    r = r == 0 ? set(host->socket, ZMQ_IPV6, strchr(host->options->bind, '[') != NULL) : r;
    if (r == 0 && zmq_bind(host->socket, host->options->bind) != 0) {
        r = -errno;
    }
    if (r == 0 && zmq_getsockopt(host->socket, ZMQ_LAST_ENDPOINT, endpoint, &endpoint_bytes) != 0) {
        r = -errno;
    }
    if (r == 0) {
        mu_log_line(host->options->log, MU_LOG_INFO, NULL, "listening", "endpoint=%s name=%s",
                    endpoint, host->options->name);
        if (host->options->listening != NULL) {
            host->options->listening(host->options->context, endpoint);
        }
    }
    return r;
}

static struct mu_router *create_router(struct host *host)
{
    uint64_t random[2];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        return NULL;
    }
    const struct mu_settings *settings = &host->options->config->settings;
    const struct mu_router_options options = {
        .incarnation = random[0] | 1,
        .seed = random[1],
        .peers_max = MU_ROUTER_PEERS_MAX,
        .destinations_max = MU_ROUTER_DESTINATIONS_MAX,
        .players_max = MU_ROUTER_PLAYERS_MAX,
        .queue_messages = MU_ROUTER_QUEUE_MAX,
        .queue_bytes = MU_ROUTER_QUEUE_BYTES,
        .heartbeat_ms = (uint32_t)settings->heartbeat_ms,
        .missed_max = (uint32_t)settings->heartbeats_missed_max,
        .sink = emit,
        .gone = forget,
        .context = host,
    };
    return mu_router_create(&options);
}

static bool create_tables(struct host *host)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
        return false;
    }
    host->router = create_router(host);
    host->ids = mu_map_create(MU_ROUTER_PEERS_MAX, MU_MAP_KEY_MAX, seed);
    host->free_list = calloc(MU_ROUTER_PEERS_MAX, sizeof *host->free_list);
    host->connections = calloc(MU_ROUTER_PEERS_MAX, sizeof *host->connections);
    if (host->router == NULL || host->ids == NULL || host->free_list == NULL ||
        host->connections == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < MU_ROUTER_PEERS_MAX; i++) {
        host->free_list[host->free_count++] = MU_ROUTER_PEERS_MAX - 1 - i;
    }
    return true;
}

/* Reads one frame; *ret is initialised.  Returns 0, -EAGAIN, or another -errno. */
static int read_frame(struct host *host, zmq_msg_t *ret)
{
    int n;
    do {
        n = zmq_msg_recv(ret, host->socket, ZMQ_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

/* Reads the frames of a message into frames[3]; any more are dropped.  Returns how many there
 * were, or -errno; -EAGAIN when no message is there. */
static int read_message(struct host *host, zmq_msg_t *frames)
{
    int count = 0;
    bool more = true;
    while (more) {
        int r = read_frame(host, &frames[count < 3 ? count : 2]);
        if (r != 0) {
            return r; /* frames of a message come together: only the first can be missing */
        }
        more = zmq_msg_more(&frames[count < 3 ? count : 2]) != 0;
        count++;
    }
    return count;
}

/* Handles one message.  Returns 1, 0 when there is none, or -errno. */
static int turn_message(struct host *host, int64_t now)
{
    zmq_msg_t frames[3];
    for (size_t i = 0; i < 3; i++) {
        (void)zmq_msg_init(&frames[i]); /* cannot fail */
    }
    int count = read_message(host, frames);
    if (count > 0) {
        uint32_t peer = connection_of(host, zmq_msg_data(&frames[0]), zmq_msg_size(&frames[0]));
        if (peer == MU_MAP_NONE) {
            mu_log_line(host->options->log, MU_LOG_WARN, NULL, "too many connections",
                        "connections=%d", MU_ROUTER_PEERS_MAX);
        } else if (count != 3) {
            mu_router_garbage(host->router, peer, now);
        } else {
            struct mu_slice header = { zmq_msg_data(&frames[1]),
                                       (uint32_t)zmq_msg_size(&frames[1]) };
            struct mu_slice body = { zmq_msg_data(&frames[2]), (uint32_t)zmq_msg_size(&frames[2]) };
            host->body = &frames[2];
            mu_router_receive(host->router, peer, now, header, body);
            host->body = NULL;
        }
    }
    for (size_t i = 0; i < 3; i++) {
        (void)zmq_msg_close(&frames[i]); /* fails only on what is no message */
    }
    return count > 0 ? 1 : count == -EAGAIN ? 0 : count;
}

/* Waits for input until `deadline`.  Returns 0 or -errno. */
static int wait_until(struct host *host, int64_t deadline)
{
    int64_t wait_ms = deadline - now_ms();
    wait_ms = wait_ms < 0 ? 0 : wait_ms > WATCHDOG_MS ? WATCHDOG_MS : wait_ms;
    zmq_pollitem_t item = { .socket = host->socket, .events = ZMQ_POLLIN };
    return zmq_poll(&item, 1, (long)wait_ms) >= 0 || errno == EINTR ? 0 : -errno;
}

static int run(struct host *host)
{
    int64_t watchdog_ms = now_ms();
    while (*host->options->stop == 0) {
        int64_t now = now_ms();
        int r = 1;
        uint32_t handled = 0;
        while (r > 0 && handled < DRAIN_MAX) {
            r = turn_message(host, now);
            handled += r > 0;
        }
        if (r >= 0 && mu_router_deadline(host->router) <= now) {
            mu_router_tick(host->router, now);
        }
        if (r == 0 && handled == 0) {
            r = wait_until(host, mu_router_deadline(host->router));
        }
        r = host->error != 0 ? host->error : r;
        if (r < 0) {
            mu_log_line(host->options->log, MU_LOG_ERROR, NULL, "socket broke", "error=\"%s\"",
                        zmq_strerror(-r));
            return EXIT_IO;
        }
        if (now >= watchdog_ms) {
            (void)mu_notify("WATCHDOG=1"); /* a supervisor that is deaf restarts us */
            watchdog_ms = now + WATCHDOG_MS;
        }
    }
    (void)mu_notify("STOPPING=1"); /* for show only */
    mu_router_bye(host->router, "stopping");
    (void)set(host->socket, ZMQ_LINGER, LINGER_MS); /* else peers notice by silence */
    return 0;
}

static void release(struct host *host)
{
    mu_router_destroy(host->router);
    mu_map_destroy(host->ids);
    free(host->free_list);
    free(host->connections);
    if (host->socket != NULL) {
        (void)zmq_close(host->socket); /* fails only on what is no socket */
    }
    if (host->zmq != NULL) {
        while (zmq_ctx_term(host->zmq) != 0 && errno == EINTR) {}
    }
}

int mu_broker_run(const struct mu_broker_options *options)
{
    struct host host = { .options = options };
    int code = EXIT_UNAVAILABLE;
    if (!create_tables(&host)) {
        mu_log_line(options->log, MU_LOG_ERROR, NULL, "cannot start", "error=\"out of memory\"");
    } else {
        int r = listen_on(&host);
        if (r != 0) {
            mu_log_line(options->log, MU_LOG_ERROR, NULL, "cannot listen",
                        "endpoint=%s error=\"%s\"", options->bind, zmq_strerror(-r));
        } else {
            (void)mu_notify("READY=1"); /* for the supervisor only */
            code = run(&host);
        }
    }
    release(&host);
    return code;
}
