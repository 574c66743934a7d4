#include "broker/host.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <zmq.h>

#include "broker/connections.h"
#include "broker/proof.h"
#include "broker/router.h"
#include "broker/socket.h"
#include "broker/watch.h"
#include "broker/zap.h"
#include "core/endpoint.h"
#include "core/notify.h"

enum {
    EXIT_UNAVAILABLE = 69,
    EXIT_IO = 74,
    EXIT_CONFIG = 78,
    DRAIN_MAX = 256, /* messages read before time is looked at again */
    LINGER_MS = 200, /* clean exit: for the last BYE to leave */
    WATCHDOG_MS = 1000,
};

struct host {
    const struct mu_broker_options *options;
    void *zmq;
    void *socket;
    struct mu_router *router;
    struct mu_connections *connections; /* the router's peer numbers are theirs */
    struct mu_watch *watch;             /* with keys: who is let in; else NULL */
    struct mu_zap *zap;                 /* with keys: lets in; else NULL */
    const uint8_t *guest;               /* let in while the proof goes on; else NULL */
    int64_t watch_ms;                   /* next look at the list */
    zmq_msg_t *body;                    /* of the message at hand, or NULL */
    int error;                          /* the socket broke: -errno */
};

static int64_t now_ms(void)
{
    struct timespec now;
    int r = clock_gettime(CLOCK_MONOTONIC, &now);
    assert(r == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Says who a new connection is, by the key that it proved.  Returns false when that key is not, or
 * no longer, listed. */
static bool identify(struct host *host, uint32_t peer, const char *key_text)
{
    uint8_t key[MU_PUBLIC_KEY_BYTES];
    struct mu_connection *connection = mu_connections_at(host->connections, peer);
    if (mu_public_key_parse(key_text, key) != 0) {
        return false;
    }
    const struct mu_listed_peer *listed = mu_peers_find(mu_watch_peers(host->watch), key);
    if (listed == NULL) {
        return false;
    }
    memcpy(connection->key, key, sizeof key);
    (void)snprintf(connection->key_text, sizeof connection->key_text, "%s", key_text);
    connection->who = listed->who;
    mu_router_identify(host->router, peer, &connection->who, mu_public_key_mark(key));
    mu_log_line(host->options->log, MU_LOG_INFO, NULL, "peer connected",
                "connection=%s peer=%s role=%s", connection->text, connection->who.name,
                mu_peer_role_name(connection->who.role));
    return true;
}

/* The connection that a message came by, made when it is new.  MU_CONNECTIONS_NONE when there is no
 * room, or its key is not listed.
 *
 * id        its routing id
 * key_text  with keys: the key that it proved, as libzmq says for this very message */
static uint32_t connection_of(struct host *host, zmq_msg_t *id, const char *key_text, int64_t now)
{
    const uint8_t *bytes = zmq_msg_data(id);
    size_t size = zmq_msg_size(id);
    bool keys = host->watch != NULL;
    uint32_t found = mu_connections_find(host->connections, bytes, size);
    if (keys && key_text == NULL) {
        return MU_CONNECTIONS_NONE; /* cannot be; and if it were, it would be nobody's */
    }
    if (found != MU_CONNECTIONS_NONE && keys &&
        strcmp(mu_connections_at(host->connections, found)->key_text, key_text) != 0) {
        mu_router_lost(host->router, found, now); /* somebody else has taken the routing id */
        found = MU_CONNECTIONS_NONE;
    }
    if (found != MU_CONNECTIONS_NONE) {
        return found;
    }
    found = mu_connections_add(host->connections, bytes, size);
    if (found == MU_CONNECTIONS_NONE) {
        mu_log_line(host->options->log, MU_LOG_WARN, NULL, "too many connections", "connections=%d",
                    MU_ROUTER_PEERS_MAX);
    } else if (keys && !identify(host, found, key_text)) {
        mu_connections_remove(host->connections, found);
        mu_router_count(host->router, MU_COUNTER_REVOKED);
        mu_log_line(host->options->log, MU_LOG_WARN, NULL, "message under a revoked key dropped",
                    "key=%s", key_text);
        found = MU_CONNECTIONS_NONE;
    }
    return found;
}

/* mu_router_gone_fn */
static void forget(void *context, uint32_t peer)
{
    struct host *host = context;
    const struct mu_connection *connection = mu_connections_at(host->connections, peer);
    mu_log_line(host->options->log, MU_LOG_INFO, NULL, "peer gone", "connection=%s peer=%s",
                connection->text, connection->who.name);
    mu_connections_remove(host->connections, peer);
}

/* mu_router_note_fn */
static void refused(void *context, uint32_t peer, const char *note)
{
    struct host *host = context;
    const struct mu_connection *connection = mu_connections_at(host->connections, peer);
    mu_log_line(host->options->log, MU_LOG_WARN, NULL, "peer refused",
                "connection=%s peer=%s reason=\"%s\"", connection->text, connection->who.name,
                note);
}

/* mu_zap_judge_fn */
static bool judge(void *context, const uint8_t key[MU_PUBLIC_KEY_BYTES], const char *address)
{
    struct host *host = context;
    if (host->guest != NULL && memcmp(host->guest, key, MU_PUBLIC_KEY_BYTES) == 0) {
        return true;
    }
    if (mu_peers_find(mu_watch_peers(host->watch), key) != NULL) {
        return true;
    }
    if (host->guest == NULL) { /* else it is our own stranger */
        char text[MU_PUBLIC_KEY_HEX + 1];
        mu_public_key_print(key, text);
        mu_router_count(host->router, MU_COUNTER_KEYS_REFUSED);
        mu_log_line(host->options->log, MU_LOG_WARN, NULL, "unknown key refused",
                    "address=%s key=%s", address, text);
    }
    return false;
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
    const struct mu_connection *connection = mu_connections_at(host->connections, peer);
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

/* Proves that who is not listed is refused; takes the handler into service.  Returns NULL, or what
 * is wrong. */
static const char *prove(struct host *host)
{
    const struct mu_key_pair *key = host->options->key;
    struct mu_key_pair *stranger = mu_key_pair_create();
    struct mu_key_pair *guest = mu_key_pair_create();
    const char *fault = "out of memory";
    if (stranger != NULL && guest != NULL) {
        fault = mu_proof_closed(host->zmq, key);
    }
    if (fault == NULL) {
        host->zap = mu_zap_create(host->zmq, judge, host);
        fault = host->zap == NULL ? "out of memory" : NULL;
    }
    if (fault == NULL) {
        host->guest = guest->public_key;
        fault = mu_proof_handler(host->zmq, key, host->zap, stranger, guest);
        host->guest = NULL;
    }
    mu_key_pair_destroy(stranger);
    mu_key_pair_destroy(guest);
    return fault;
}

/* With keys: reads who is let in, and proves that nobody else is.  Returns 0 or the exit code. */
static int guard(struct host *host)
{
    if (host->options->key == NULL) {
        return 0;
    }
    if (mu_watch_create(host->options->peers, host->options->log, &host->watch) != 0) {
        return EXIT_CONFIG; /* the log says why */
    }
    const char *fault = prove(host);
    if (fault != NULL) {
        mu_log_line(host->options->log, MU_LOG_ERROR, NULL, "cannot keep strangers out",
                    "error=\"%s\"", fault);
        return EXIT_CONFIG;
    }
    mu_log_line(host->options->log, MU_LOG_INFO, NULL, "unknown keys are refused", "peers=%u",
                mu_watch_peers(host->watch)->count);
    return 0;
}

/* Makes the socket and listens.  Returns 0 or -errno. */
static int listen_on(struct host *host)
{
    const char *bind = host->options->bind;
    char endpoint[MU_ENDPOINT_MAX + 1];
    bool ipv6 = strchr(bind, '[') != NULL;
    int r = mu_broker_socket_create(host->zmq, host->options->key, ipv6, &host->socket);
    r = r == 0 ? mu_broker_socket_bind(host->socket, bind, endpoint) : r;
    if (r == 0) {
        mu_log_line(host->options->log, MU_LOG_INFO, NULL, "listening",
                    "endpoint=%s name=%s keys=%s", endpoint, host->options->name,
                    host->options->key != NULL ? "yes" : "no");
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
        .name = host->options->name,
        .build = host->options->build,
        .peers_max = MU_ROUTER_PEERS_MAX,
        .destinations_max = MU_ROUTER_DESTINATIONS_MAX,
        .players_max = MU_ROUTER_PLAYERS_MAX,
        .queue_messages = MU_ROUTER_QUEUE_MAX,
        .queue_bytes = MU_ROUTER_QUEUE_BYTES,
        .heartbeat_ms = (uint32_t)settings->heartbeat_ms,
        .missed_max = (uint32_t)settings->heartbeats_missed_max,
        .keys = host->options->key != NULL,
        .sink = emit,
        .gone = forget,
        .note = refused,
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
    host->connections = mu_connections_create(MU_ROUTER_PEERS_MAX, seed);
    host->zmq = zmq_ctx_new();
    if (host->router == NULL || host->connections == NULL || host->zmq == NULL) {
        return false;
    }
    (void)zmq_ctx_set(host->zmq, ZMQ_MAX_SOCKETS, 16); /* fails only on negative numbers */
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
        /* The frame of the routing id has no properties: the next one has. */
        const char *key_text = host->watch == NULL ? NULL : zmq_msg_gets(&frames[1], "User-Id");
        uint32_t peer = connection_of(host, &frames[0], key_text, now);
        if (peer != MU_CONNECTIONS_NONE && count != 3) {
            mu_router_garbage(host->router, peer, now);
        } else if (peer != MU_CONNECTIONS_NONE) {
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
    zmq_pollitem_t items[] = {
        { .socket = host->socket, .events = ZMQ_POLLIN },
        { .socket = host->zap == NULL ? NULL : mu_zap_socket(host->zap), .events = ZMQ_POLLIN },
    };
    int count = host->zap == NULL ? 1 : 2;
    return zmq_poll(items, count, (long)wait_ms) >= 0 || errno == EINTR ? 0 : -errno;
}

/* Cuts off who is no longer listed, or as something else: in both cases nothing of what he was
 * holds any more.  libzmq cannot drop a connection; so what a revoked key still sends is dropped
 * message by message, and who is listed still says HELLO anew. */
static void recheck(struct host *host, int64_t now)
{
    const struct mu_peers *peers = mu_watch_peers(host->watch);
    for (uint32_t i = 0; i < MU_ROUTER_PEERS_MAX; i++) {
        const struct mu_connection *connection = mu_connections_at(host->connections, i);
        if (connection->id_bytes == 0) {
            continue;
        }
        const struct mu_listed_peer *listed = mu_peers_find(peers, connection->key);
        if (listed == NULL || !mu_identity_equal(&listed->who, &connection->who)) {
            mu_log_line(host->options->log, MU_LOG_WARN, NULL,
                        listed == NULL ? "peer revoked" : "peer changed", "connection=%s peer=%s",
                        connection->text, connection->who.name);
            mu_router_lost(host->router, i, now);
        }
    }
}

/* With keys: answers who knocks, and looks at the list when it is time, or asked to.
 * Returns 0 or -errno. */
static int tend_keys(struct host *host, int64_t now)
{
    volatile sig_atomic_t *reread = host->options->reread;
    bool asked = reread != NULL && *reread != 0;
    if (host->watch == NULL) {
        return 0;
    }
    if (asked || now >= host->watch_ms) {
        if (asked) {
            *reread = 0;
        }
        host->watch_ms = now + MU_WATCH_MS;
        if (mu_watch_look(host->watch)) {
            recheck(host, now);
        }
    }
    int answered = mu_zap_turn(host->zap);
    return answered < 0 ? answered : 0;
}

static int run(struct host *host)
{
    int64_t watchdog_ms = now_ms();
    while (*host->options->stop == 0) {
        int64_t now = now_ms();
        int r = tend_keys(host, now);
        r = r == 0 ? 1 : r;
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
            (void)mu_notify_alive(true); /* a supervisor that is deaf restarts us */
            watchdog_ms = now + WATCHDOG_MS;
        }
    }
    (void)mu_notify("STOPPING=1"); /* for show only */
    mu_router_bye(host->router, "stopping");
    (void)mu_broker_socket_set(host->socket, ZMQ_LINGER,
                               LINGER_MS); /* else peers notice by silence */
    return 0;
}

static void release(struct host *host)
{
    mu_router_destroy(host->router);
    mu_connections_destroy(host->connections);
    mu_watch_destroy(host->watch);
    mu_zap_destroy(host->zap);
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
    assert((options->key == NULL) == (options->peers == NULL));
    assert(mu_endpoint_fault(options->bind, options->key != NULL) == NULL);
    if (!create_tables(&host)) {
        mu_log_line(options->log, MU_LOG_ERROR, NULL, "cannot start", "error=\"out of memory\"");
        release(&host);
        return code;
    }
    code = guard(&host);
    if (code == 0) {
        code = EXIT_UNAVAILABLE;
        int r = listen_on(&host);
        if (r != 0) {
            mu_log_line(options->log, MU_LOG_ERROR, NULL, "cannot listen",
                        "endpoint=%s error=\"%s\"", options->bind, mu_broker_bind_fault(r));
        } else {
            (void)mu_notify("READY=1"); /* for the supervisor only */
            code = run(&host);
        }
    }
    release(&host);
    return code;
}
