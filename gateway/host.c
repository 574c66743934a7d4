#include "gateway/host.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>
#include <sodium.h>
#include <zmq.h>

#include "core/dealer.h"
#include "core/notify.h"
#include "gateway/gateway.h"
#include "gateway/jwks.h"
#include "gateway/transport.h"

enum {
    DRAIN_MAX = 512,   /* messages of one broker taken before clients have their turn */
    WAIT_MAX_MS = 250, /* longest sleep: a signal may come just before it */
    WATCHDOG_MS = 1000,
};

struct host {
    const struct mu_gateway_options *options;
    struct mu_gateway *gateway;
    struct mu_transport *transport;
    struct mu_outbox *out;
    struct mu_bus *bus;
    struct mu_dealer *dealer;
    struct mu_decoder *decoder;
    struct mu_msg *msg;                       /* body at hand */
    struct event *events[MU_BUS_BROKERS_MAX]; /* of the brokers' sockets; NULL: none */
    struct mu_counters transport_counters;    /* as the gateway shows them */
    uint64_t incarnation;
    int64_t watchdog_ms;
    struct mu_jwks *jwks; /* keys of players' tokens; NULL: none */
    int64_t jwks_ms;      /* next look at them */
    bool ready;           /* told so */
    bool stopping;        /* *stop was seen */
};

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    int r = clock_gettime(clock, &now);
    assert(r == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t now_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

/* Logs the notes and hands the outbox to the bus. */
static void flush(struct host *host)
{
    struct mu_outbox *out = host->out;
    struct mu_log *log = host->options->log;
    int64_t now = now_ms();
    for (uint32_t i = 0; i < out->notes_count; i++) {
        mu_log_line(log, out->warnings[i] ? MU_LOG_WARN : MU_LOG_DEBUG, NULL,
                    out->warnings[i] ? "warning" : "note", "note=\"%s\"", out->notes[i]);
    }
    for (uint32_t i = 0; i < out->count; i++) {
        const struct mu_outbox_entry *entry = &out->entries[i];
        struct mu_slice body = { out->bytes + entry->offset, entry->size };
        if (mu_bus_send(host->bus, now, &entry->envelope, body) != 0) {
            mu_log_line(log, MU_LOG_WARN, entry->envelope.trace,
                        "message dropped: no broker takes it", "op=%u to=%s",
                        (unsigned)entry->envelope.op, entry->envelope.destination);
        }
    }
    mu_outbox_clear(out);
}

/* What the next call into the gateway is given; makes room in the outbox for it. */
static struct mu_turn begin(struct host *host)
{
    if (mu_outbox_full(host->out)) {
        flush(host);
    }
    mu_transport_export(host->transport, &host->transport_counters);
    return (struct mu_turn){
        .now_ms = now_ms(),
        .wall_ms = clock_ms(CLOCK_REALTIME),
        .out = host->out,
    };
}

static void on_request(void *context, const struct mu_http_request *request)
{
    struct host *host = context;
    struct mu_turn turn = begin(host);
    mu_gateway_request(host->gateway, &turn, request);
}

static void on_request_gone(void *context, uint64_t id)
{
    struct host *host = context;
    mu_gateway_request_gone(host->gateway, id);
}

static bool on_socket_open(void *context, uint64_t socket, const struct mu_http_request *upgrade)
{
    struct host *host = context;
    struct mu_turn turn = begin(host);
    return mu_gateway_socket_open(host->gateway, &turn, socket, upgrade);
}

static void on_socket_text(void *context, uint64_t socket, const char *text, size_t text_bytes)
{
    struct host *host = context;
    struct mu_turn turn = begin(host);
    struct mu_slice slice = { (const uint8_t *)text, (uint32_t)text_bytes };
    mu_gateway_socket_text(host->gateway, &turn, socket, slice);
}

static void on_socket_closed(void *context, uint64_t socket)
{
    struct host *host = context;
    struct mu_turn turn = begin(host);
    mu_gateway_socket_closed(host->gateway, &turn, socket);
}

static void on_secret(void *context, uint8_t *ret, size_t bytes)
{
    (void)context;
    randombytes_buf(ret, bytes);
}

/* Only wakes the loop: the sockets are drained in each turn. */
static void on_broker(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)context;
}

/* Takes what one broker has for us.  Returns how many messages. */
static uint32_t drain(struct host *host, uint32_t broker)
{
    for (uint32_t i = 0; i < DRAIN_MAX; i++) {
        struct mu_slice header;
        struct mu_slice body;
        int got = mu_dealer_receive(host->dealer, broker, &header, &body);
        if (got == 0) {
            return i;
        }
        if (got < 0) {
            mu_bus_garbage(host->bus);
            continue;
        }
        const struct mu_msg_envelope *envelope =
            mu_bus_receive(host->bus, broker, now_ms(), header, body);
        if (envelope == NULL) {
            continue;
        }
        if (mu_msg_decode(host->decoder, (uint32_t)envelope->op, body.data, body.size, host->msg) !=
            0) {
            mu_bus_garbage(host->bus);
            continue;
        }
        /* The envelope dies with the next call on the bus, and making room is one. */
        struct mu_msg_envelope copy = *envelope;
        struct mu_turn turn = begin(host);
        mu_gateway_message(host->gateway, &turn, &copy, host->msg);
    }
    return DRAIN_MAX;
}

static void unwatch(struct host *host, uint32_t broker)
{
    if (host->events[broker] != NULL) {
        event_free(host->events[broker]);
        host->events[broker] = NULL;
    }
}

/* Watches the file descriptor of a broker's socket.  Returns 0 or -errno. */
static int watch(struct host *host, uint32_t broker)
{
    int fd = -1;
    size_t bytes = sizeof fd;
    void *socket = mu_dealer_socket(host->dealer, broker);
    if (zmq_getsockopt(socket, ZMQ_FD, &fd, &bytes) != 0) {
        return -errno;
    }
    /* Edge-triggered, as the descriptor stays readable until ZMQ_EVENTS is looked at: libevent
     * would call on_broker() for ever without leaving a loop that is not to wait. */
    host->events[broker] = event_new(mu_transport_base(host->transport), fd,
                                     EV_READ | EV_PERSIST | EV_ET, on_broker, host);
    if (host->events[broker] == NULL || event_add(host->events[broker], NULL) != 0) {
        return -ENOMEM;
    }
    return 0;
}

/* Opens the sockets in the mask anew. */
static int reopen(struct host *host, uint32_t mask)
{
    int r = 0;
    for (uint32_t i = 0; i < host->options->brokers_count; i++) {
        if ((mask & 1u << i) != 0) {
            unwatch(host, i); /* before its descriptor is closed */
        }
    }
    mu_dealer_explain(host->dealer, mask, host->bus, host->options->log);
    r = mu_dealer_reopen(host->dealer, mask);
    for (uint32_t i = 0; i < host->options->brokers_count && r == 0; i++) {
        if ((mask & 1u << i) != 0) {
            r = watch(host, i);
        }
    }
    return r;
}

static int tend_bus(struct host *host)
{
    int64_t now = now_ms();
    if (mu_bus_presence_wanted(host->bus)) {
        mu_gateway_announce(host->gateway);
    }
    mu_bus_handled(host->bus);
    uint32_t mask = mu_bus_tick(host->bus, now);
    if (mask != 0) {
        mu_log_line(host->options->log, host->ready ? MU_LOG_WARN : MU_LOG_DEBUG, NULL,
                    "connecting to brokers", "mask=%u", mask);
        int r = reopen(host, mask);
        if (r != 0) {
            return r;
        }
    }
    mu_dealer_tell_away(host->dealer, host->bus, now, host->options->log);
    mu_gateway_set_brokers(host->gateway, mu_bus_registered_mask(host->bus));
    if (!host->ready && mu_bus_ready(host->bus)) {
        host->ready = true;
        (void)mu_notify("READY=1"); /* for the supervisor only */
        mu_log_line(host->options->log, MU_LOG_INFO, NULL, "ready", "incarnation=%016" PRIx64,
                    host->incarnation);
    }
    if (host->jwks != NULL && now >= host->jwks_ms) {
        host->jwks_ms = now + MU_JWKS_MS;
        (void)mu_jwks_look(host->jwks); /* it logs what it finds */
    }
    if (now >= host->watchdog_ms) {
        host->watchdog_ms = now + WATCHDOG_MS;
        (void)mu_notify_alive(host->ready); /* a supervisor that is deaf restarts us */
    }
    return 0;
}

/* Whether a broker's socket has something for us; the last call on the sockets before a sleep. */
static bool input_waits(const struct host *host)
{
    bool waits = false;
    for (uint32_t i = 0; i < host->options->brokers_count; i++) {
        int events = 0;
        size_t bytes = sizeof events;
        void *socket = mu_dealer_socket(host->dealer, i);
        if (socket != NULL && zmq_getsockopt(socket, ZMQ_EVENTS, &events, &bytes) == 0) {
            waits = waits || (events & ZMQ_POLLIN) != 0;
        }
    }
    return waits;
}

static int64_t wait_ms(const struct host *host)
{
    int64_t now = now_ms();
    int64_t wake = mu_gateway_deadline(host->gateway);
    int64_t bus = mu_bus_deadline(host->bus);
    wake = bus < wake ? bus : wake;
    if (wake <= now || input_waits(host)) {
        return 0;
    }
    return wake - now < WAIT_MAX_MS ? wake - now : WAIT_MAX_MS;
}

/* One turn of the loop. */
static int turn(struct host *host)
{
    for (uint32_t i = 0; i < host->options->brokers_count; i++) {
        (void)drain(host, i); /* what is left keeps the loop from sleeping */
    }
    if (mu_gateway_deadline(host->gateway) <= now_ms()) {
        struct mu_turn at = begin(host);
        mu_gateway_tick(host->gateway, &at);
    }
    flush(host);
    int r = tend_bus(host);
    if (r == 0) {
        r = mu_transport_run_once(host->transport, wait_ms(host));
    }
    flush(host);
    return r;
}

static void begin_stop(struct host *host, uint32_t patience_ms)
{
    host->stopping = true;
    mu_gateway_drain(host->gateway);
    mu_transport_stop(host->transport, patience_ms);
    (void)mu_notify("STOPPING=1");
    mu_log_line(host->options->log, MU_LOG_INFO, NULL, "draining", "connections=%u",
                mu_transport_connections(host->transport));
}

static int run(struct host *host)
{
    int r = 0;
    mu_log_line(host->options->log, MU_LOG_INFO, NULL, "listening",
                "address=%s port=%u admin_port=%u mode=%s name=%s", host->options->address,
                mu_transport_port(host->transport), mu_transport_admin_port(host->transport),
                mu_gateway_open(host->gateway) ? "open" : "keys", host->options->name);
    while (r == 0 && !(host->stopping && mu_transport_drained(host->transport))) {
        uint32_t patience_ms = 0;
        bool asked = mu_gateway_drain_asked(host->gateway, &patience_ms);
        if ((*host->options->stop != 0 || asked) && !host->stopping) {
            begin_stop(host, patience_ms);
        }
        r = turn(host);
    }
    mu_bus_bye(host->bus, "stopping");
    if (r != 0) {
        mu_log_line(host->options->log, MU_LOG_ERROR, NULL, "cannot go on", "error=\"%s\"",
                    zmq_strerror(-r));
        return MU_GATEWAY_EXIT_IO;
    }
    return MU_GATEWAY_EXIT_OK;
}

static int create_bus(struct host *host)
{
    const struct mu_gateway_options *options = host->options;
    struct mu_bus_options bus = {
        .service = "gateway",
        .partition = "",
        .build = options->build,
        .incarnation = host->incarnation,
        .credit = MU_GATEWAY_CREDIT,
        .heartbeat_ms = (uint32_t)options->config->settings.heartbeat_ms,
        .missed_max = (uint32_t)options->config->settings.heartbeats_missed_max,
        .brokers_count = options->brokers_count,
        .emit = mu_dealer_emit,
    };
    randombytes_buf(&bus.seed, sizeof bus.seed);
    memcpy(bus.brokers, options->brokers, sizeof bus.brokers);
    host->dealer = mu_dealer_create(options->brokers, options->brokers_count, &options->keys);
    bus.context = host->dealer;
    host->bus = host->dealer == NULL ? NULL : mu_bus_create(&bus);
    return host->bus == NULL ? -ENOMEM : 0;
}

static int create_transport(struct host *host)
{
    const struct mu_gateway_options *options = host->options;
    const struct mu_settings *settings = &options->config->settings;
    struct mu_transport_options transport;
    mu_transport_options_init(&transport);
    transport.address = options->address;
    transport.port = options->port;
    transport.admin_address = options->admin_address;
    transport.admin_port = options->admin_port;
    transport.connections_max = (uint32_t)settings->connections_max;
    transport.per_address_max = (uint32_t)settings->connections_per_address_max;
    const struct mu_transport_handler handler = {
        .context = host,
        .request = on_request,
        .request_gone = on_request_gone,
        .socket_open = on_socket_open,
        .socket_text = on_socket_text,
        .socket_closed = on_socket_closed,
    };
    return mu_transport_create(&transport, &handler, &host->transport);
}

/* Reads the keys of players' tokens, if there are such.  Returns 0 or -errno. */
static int create_jwks(struct host *host)
{
    const struct mu_config_jwt *jwt = &host->options->config->jwt;
    if (jwt->keys[0] == '\0') {
        return 0;
    }
    int r = mu_jwks_create(jwt->keys, host->options->log, &host->jwks);
    if (r == 0) {
        const struct mu_jwt_keys keys = { .context = host->jwks, .verify = mu_jwks_verify };
        mu_gateway_set_jwt_keys(host->gateway, &keys);
        mu_log_line(host->options->log, MU_LOG_INFO, NULL, "token keys read", "keys=%u",
                    mu_jwks_count(host->jwks));
    }
    return r;
}

/* Returns 0 or -errno. */
static int create(struct host *host)
{
    uint64_t seed;
    uint64_t random;
    const struct mu_key_pair *own = host->options->keys.own;
    if (sodium_init() < 0) {
        return -EIO;
    }
    randombytes_buf(&random, sizeof random);
    randombytes_buf(&seed, sizeof seed);
    host->incarnation = mu_public_key_incarnation(own == NULL ? NULL : own->public_key, random);
    host->out = mu_outbox_create(host->incarnation);
    host->decoder = mu_decoder_create();
    host->msg = calloc(1, sizeof *host->msg);
    int r = host->out == NULL || host->decoder == NULL || host->msg == NULL ? -ENOMEM : 0;
    r = r == 0 ? create_bus(host) : r;
    r = r == 0 ? create_transport(host) : r;
    if (r != 0) {
        return r;
    }
    const struct mu_actor_env env = {
        .partition = "",
        .name = host->options->name,
        .seed = seed,
        .incarnation = host->incarnation,
        .config = host->options->config,
    };
    const struct mu_secrets secrets = { .context = host, .fill = on_secret };
    host->gateway = mu_gateway_create(&env, mu_transport_edge(host->transport), &secrets);
    if (host->gateway == NULL) {
        return -ENOMEM;
    }
    mu_gateway_set_bus(host->gateway, mu_bus_counters(host->bus));
    mu_gateway_set_transport(host->gateway, &host->transport_counters);
    return create_jwks(host);
}

int mu_gateway_run(const struct mu_gateway_options *options)
{
    struct host host = { .options = options };
    int code = MU_GATEWAY_EXIT_UNAVAILABLE;
    int r = create(&host);
    if (r == 0) {
        code = run(&host);
    } else {
        mu_log_line(options->log, MU_LOG_ERROR, NULL, "cannot start",
                    "address=%s port=%u error=\"%s\"", options->address, options->port,
                    zmq_strerror(-r));
    }
    for (uint32_t i = 0; i < options->brokers_count; i++) {
        unwatch(&host, i);
    }
    mu_transport_destroy(host.transport);
    mu_gateway_destroy(host.gateway);
    mu_jwks_destroy(host.jwks);
    mu_bus_destroy(host.bus);
    mu_dealer_destroy(host.dealer);
    mu_decoder_destroy(host.decoder);
    mu_outbox_destroy(host.out);
    free(host.msg);
    return code;
}
