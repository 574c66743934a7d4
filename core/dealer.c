#include "core/dealer.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "core/endpoint.h"
#include "wire/msg.h"

/* Clean exit: how long the last frames may take to leave, ms. */
enum { LINGER_MS = 200 };

/* A broker that has not registered us for so long is told of, ms: longer than its restart takes. */
enum { AWAY_MS = 2000 };

enum { NOT_LOOKED = -1 };

struct mu_dealer {
    void *zmq;
    const struct mu_dealer_keys *keys;
    uint32_t count;
    void *sockets[MU_DEALER_BROKERS_MAX]; /* NULL: not open */
    void *events[MU_DEALER_BROKERS_MAX];  /* what their handshakes came to */
    uint64_t opened;                      /* sockets so far: names the endpoints of events */
    char endpoints[MU_DEALER_BROKERS_MAX][MU_ENDPOINT_MAX + 1];
    int64_t away_ms[MU_DEALER_BROKERS_MAX]; /* since when each has not registered us; NOT_LOOKED */
    bool told_away[MU_DEALER_BROKERS_MAX];
    bool got; /* header and body hold a message */
    zmq_msg_t header;
    zmq_msg_t body;
};

struct mu_dealer *mu_dealer_create(const char *const *endpoints, uint32_t count,
                                   const struct mu_dealer_keys *keys)
{
    assert(count >= 1 && count <= MU_DEALER_BROKERS_MAX);
    struct mu_dealer *dealer = calloc(1, sizeof *dealer);
    if (dealer == NULL) {
        return NULL;
    }
    dealer->count = count;
    dealer->keys = keys;
    for (uint32_t i = 0; i < count; i++) {
        assert(mu_endpoint_fault(endpoints[i], keys->own != NULL) == NULL);
        (void)snprintf(dealer->endpoints[i], sizeof dealer->endpoints[i], "%s", endpoints[i]);
        dealer->away_ms[i] = NOT_LOOKED;
    }
    dealer->zmq = zmq_ctx_new();
    if (dealer->zmq == NULL) {
        free(dealer);
        return NULL;
    }
    return dealer;
}

static void release_message(struct mu_dealer *dealer)
{
    if (dealer->got) {
        (void)zmq_msg_close(&dealer->header); /* fails only on what is no message */
        (void)zmq_msg_close(&dealer->body);
        dealer->got = false;
    }
}

static void close_socket(struct mu_dealer *dealer, uint32_t broker, int linger_ms)
{
    if (dealer->events[broker] != NULL) {
        (void)zmq_close(dealer->events[broker]); /* fails only on what is no socket */
        dealer->events[broker] = NULL;
    }
    if (dealer->sockets[broker] != NULL) {
        (void)zmq_setsockopt(dealer->sockets[broker], ZMQ_LINGER, &linger_ms, sizeof linger_ms);
        (void)zmq_close(dealer->sockets[broker]); /* fails only on what is no socket */
        dealer->sockets[broker] = NULL;
    }
}

void mu_dealer_destroy(struct mu_dealer *dealer)
{
    if (dealer == NULL) {
        return;
    }
    release_message(dealer);
    for (uint32_t i = 0; i < dealer->count; i++) {
        close_socket(dealer, i, LINGER_MS);
    }
    while (zmq_ctx_term(dealer->zmq) != 0 && errno == EINTR) {}
    free(dealer);
}

/* Proves to the broker who we are, and makes it prove that it has the secret of its public key. */
static int set_keys(void *socket, const struct mu_key_pair *own,
                    const uint8_t broker[MU_PUBLIC_KEY_BYTES])
{
    if (zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, broker, MU_PUBLIC_KEY_BYTES) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, own->public_key, MU_PUBLIC_KEY_BYTES) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, own->secret_key, MU_SECRET_KEY_BYTES) != 0) {
        return -errno;
    }
    return 0;
}

static int set(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0 ? 0 : -errno;
}

/* Has libzmq tell what the handshake comes to: else a key that is refused looks like a broker that
 * is away.  The endpoint is always another one, because libzmq frees them late. */
static int watch_handshake(struct mu_dealer *dealer, uint32_t broker)
{
    char endpoint[64];
    (void)snprintf(endpoint, sizeof endpoint, "inproc://dealer-%" PRIu64, ++dealer->opened);
    if (zmq_socket_monitor(dealer->sockets[broker], endpoint,
                           ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                               ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                               ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) != 0) {
        return -errno;
    }
    dealer->events[broker] = zmq_socket(dealer->zmq, ZMQ_PAIR);
    if (dealer->events[broker] == NULL) {
        return -errno;
    }
    int r = set(dealer->events[broker], ZMQ_LINGER, 0);
    return r == 0 && zmq_connect(dealer->events[broker], endpoint) != 0 ? -errno : r;
}

static int set_up(void *socket)
{
    static const struct {
        int option;
        int value;
    } options[] = {
        { ZMQ_IMMEDIATE, 1 },
        { ZMQ_LINGER, 0 },
        { ZMQ_SNDHWM, MU_DEALER_HWM },
        { ZMQ_RCVHWM, MU_DEALER_HWM },
        { ZMQ_RECONNECT_IVL, 100 },
        { ZMQ_RECONNECT_IVL_MAX, 2000 },
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

/* Opens the socket of a broker, which is made already.  Returns 0 or -errno. */
static int open_socket(struct mu_dealer *dealer, uint32_t broker)
{
    void *socket = dealer->sockets[broker];
    const char *endpoint = dealer->endpoints[broker];
    const struct mu_dealer_keys *keys = dealer->keys;
    int r = set_up(socket);
    if (r == 0 && keys->own != NULL) {
        r = set_keys(socket, keys->own, keys->brokers[broker]);
    }
    r = r == 0 ? watch_handshake(dealer, broker) : r;
    /* Only where it is written: else the socket's addresses are shown as ::ffff:127.0.0.1. */
    r = r == 0 ? set(socket, ZMQ_IPV6, strchr(endpoint, '[') != NULL) : r;
    return r == 0 && zmq_connect(socket, endpoint) != 0 ? -errno : r;
}

int mu_dealer_reopen(struct mu_dealer *dealer, uint32_t mask)
{
    for (uint32_t i = 0; i < dealer->count; i++) {
        if ((mask & 1u << i) == 0) {
            continue;
        }
        close_socket(dealer, i, 0); /* what it still holds is stale */
        dealer->sockets[i] = zmq_socket(dealer->zmq, ZMQ_DEALER);
        if (dealer->sockets[i] == NULL) {
            return -errno;
        }
        int r = open_socket(dealer, i);
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

/* The last thing that is known of a broker's handshakes: an event of libzmq, or 0. */
static uint16_t last_event(void *events)
{
    uint16_t last = 0;
    uint8_t frame[6]; /* event, 16 bits; value, 32 bits */
    while (events != NULL && zmq_recv(events, frame, sizeof frame, ZMQ_DONTWAIT) >= 0) {
        memcpy(&last, frame, sizeof last);
        (void)zmq_recv(events, NULL, 0, ZMQ_DONTWAIT); /* the endpoint, which we know */
    }
    return last;
}

void mu_dealer_explain(struct mu_dealer *dealer, uint32_t mask, struct mu_bus *bus,
                       struct mu_log *log)
{
    for (uint32_t i = 0; i < dealer->count; i++) {
        if ((mask & 1u << i) == 0) {
            continue;
        }
        const char *reason = mu_bus_goodbye(bus, i);
        uint16_t event = last_event(dealer->events[i]);
        if (reason == NULL && event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
            reason = "our key is not among its peers";
        } else if (reason == NULL && event != 0 && event != ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            reason = dealer->keys->own == NULL
                         ? "the handshake failed: it has keys, and we have none"
                         : "the handshake failed: it has no keys, or --broker-key is not its key";
        }
        if (reason != NULL) {
            mu_log_line(log, MU_LOG_WARN, NULL, "broker does not serve us",
                        "broker=%s reason=\"%s\"", dealer->endpoints[i], reason);
        }
    }
}

void mu_dealer_tell_away(struct mu_dealer *dealer, const struct mu_bus *bus, int64_t now_ms,
                         struct mu_log *log)
{
    for (uint32_t i = 0; i < dealer->count; i++) {
        bool there = mu_bus_registered(bus, i);
        int64_t since_ms = dealer->away_ms[i] == NOT_LOOKED ? now_ms : dealer->away_ms[i];
        bool told = dealer->told_away[i];
        dealer->away_ms[i] = there ? now_ms : since_ms;
        if (there && told) {
            mu_log_line(log, MU_LOG_INFO, NULL, "broker reached", "broker=%s",
                        dealer->endpoints[i]);
        } else if (!there && !told && now_ms - since_ms >= AWAY_MS) {
            mu_log_line(log, MU_LOG_WARN, NULL, "broker not reached", "broker=%s for_ms=%" PRId64,
                        dealer->endpoints[i], now_ms - since_ms);
            told = true;
        }
        dealer->told_away[i] = told && !there;
    }
}

/* Sends one frame.  Returns 0 or -errno. */
static int send_frame(void *socket, struct mu_slice frame, int flags)
{
    int n;
    do {
        n = zmq_send(socket, frame.size > 0 ? frame.data : NULL, frame.size, flags | ZMQ_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

int mu_dealer_emit(void *context, uint32_t broker, struct mu_slice header, struct mu_slice body)
{
    const struct mu_dealer *dealer = context;
    assert(broker < dealer->count);
    void *socket = dealer->sockets[broker];
    if (socket == NULL || send_frame(socket, header, ZMQ_SNDMORE) != 0) {
        return -EAGAIN;
    }
    /* A pipe that took the first frame of a message takes the others; if it is gone in between,
     * so is the message. */
    return send_frame(socket, body, 0) == 0 ? 0 : -EAGAIN;
}

static int receive_frame(void *socket, zmq_msg_t *ret)
{
    int n;
    do {
        n = zmq_msg_recv(ret, socket, ZMQ_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

/* Drops what is left of a message whose last frame read was *frame. */
static void skip_rest(void *socket, zmq_msg_t *frame)
{
    while (zmq_msg_more(frame) && receive_frame(socket, frame) == 0) {}
}

int mu_dealer_receive(struct mu_dealer *dealer, uint32_t broker, struct mu_slice *ret_header,
                      struct mu_slice *ret_body)
{
    assert(broker < dealer->count);
    void *socket = dealer->sockets[broker];
    release_message(dealer);
    if (socket == NULL) {
        return 0;
    }
    (void)zmq_msg_init(&dealer->header); /* cannot fail */
    (void)zmq_msg_init(&dealer->body);
    dealer->got = true;
    if (receive_frame(socket, &dealer->header) != 0) {
        return 0;
    }
    if (!zmq_msg_more(&dealer->header) || receive_frame(socket, &dealer->body) != 0 ||
        zmq_msg_more(&dealer->body)) {
        if (zmq_msg_more(&dealer->header)) {
            skip_rest(socket, &dealer->body);
        }
        return -EBADMSG;
    }
    *ret_header =
        (struct mu_slice){ zmq_msg_data(&dealer->header), (uint32_t)zmq_msg_size(&dealer->header) };
    *ret_body =
        (struct mu_slice){ zmq_msg_data(&dealer->body), (uint32_t)zmq_msg_size(&dealer->body) };
    return 1;
}

void *mu_dealer_socket(const struct mu_dealer *dealer, uint32_t broker)
{
    assert(broker < dealer->count);
    return dealer->sockets[broker];
}
