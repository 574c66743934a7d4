#include "actors/host.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <zmq.h>

#include "core/dealer.h"
#include "core/notify.h"
#include "core/store.h"

enum {
    DRAIN_MAX = 512,       /* messages stepped before the batch ends */
    STATS_MS = 1000,       /* between two STATS, and two signs of life to the supervisor */
    STATS_EARLY_MS = 3000, /* for so long they are sent more often: others wait to hear of us */
    STATS_SOON_MS = 50,    /* between two of those */
    WAIT_MAX_MS = 250,     /* longest sleep: a signal may come just before it */
    STORE_SLICE_MS = 2,    /* of background work at a time */
    STORE_OVERDUE_MS = 50, /* without an idle moment: it gets its slice all the same */
};

struct host {
    const struct mu_host_options *options;
    struct mu_actor *actor;
    struct mu_outbox *out;
    struct mu_bus *bus;
    struct mu_dealer *dealer;
    struct mu_decoder *decoder;
    struct mu_msg *msg; /* body at hand */
    uint64_t incarnation;
    int64_t started_ms;
    int64_t stats_ms;  /* next STATS */
    int64_t worked_ms; /* last background work of the store */
    int64_t end_ms;   /* when the patience with its draining is over; MU_NEVER: it does not drain */
    uint64_t step_ms; /* longest step since the last STATS */
    bool stepped;     /* something was stepped since the last end of a batch */
    bool ready;       /* told so */
    uint64_t other;   /* configuration that was warned of last; 0: none */
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

static void log_notes(struct host *host, const struct mu_msg_envelope *envelope)
{
    struct mu_outbox *out = host->out;
    const char *trace = envelope == NULL ? NULL : envelope->trace;
    for (uint32_t i = 0; i < out->notes_count; i++) {
        mu_log_line(host->options->log, out->warnings[i] ? MU_LOG_WARN : MU_LOG_DEBUG, trace,
                    out->warnings[i] ? "warning" : "note", "note=\"%s\"", out->notes[i]);
    }
    out->notes_count = 0;
}

static void set_name(const struct host *host, char ret[MU_ADDRESS_MAX + 1])
{
    (void)snprintf(ret, MU_ADDRESS_MAX + 1, "%s", host->options->name);
}

/* Returns what the actor returned. */
static int step(struct host *host, enum mu_event_type type, const struct mu_msg_envelope *envelope)
{
    const struct mu_event event = {
        .type = type,
        .now_ms = now_ms(),
        .wall_ms = clock_ms(CLOCK_REALTIME),
        .envelope = envelope,
        .msg = envelope == NULL ? NULL : host->msg,
    };
    int r = host->actor->ops->step(host->actor, &event, host->out);
    uint64_t took_ms = (uint64_t)(now_ms() - event.now_ms);
    host->step_ms = took_ms > host->step_ms ? took_ms : host->step_ms;
    host->stepped = true;
    log_notes(host, envelope);
    return r;
}

static bool draining(const struct host *host)
{
    return host->end_ms != MU_NEVER;
}

/* Asks the actor to hand over what it has, within patience_ms.  Returns what it returned. */
static int begin_drain(struct host *host, uint64_t patience_ms)
{
    int64_t now = now_ms();
    int64_t end_ms = now + (int64_t)patience_ms;
    bool first = !draining(host);
    host->end_ms = end_ms < host->end_ms ? end_ms : host->end_ms;
    if (!first) {
        return 0;
    }
    host->stats_ms = now; /* everybody is to see it */
    (void)mu_notify("STOPPING=1");
    mu_log_line(host->options->log, MU_LOG_INFO, NULL, "draining", "patience_ms=%" PRIu64,
                patience_ms);
    return step(host, MU_EV_DRAIN, NULL);
}

/* Takes a DRAIN. */
static int take_drain(struct host *host, const struct mu_msg_envelope *envelope)
{
    uint64_t patience_ms = host->msg->drain.patience_ms;
    host->msg->op = MU_OP_DRAINING;
    memset(&host->msg->draining, 0, sizeof host->msg->draining);
    set_name(host, host->msg->draining.name);
    mu_outbox_reply(host->out, envelope, host->msg);
    return begin_drain(host,
                       patience_ms > 0 ? patience_ms : host->options->config->settings.drain_ms);
}

/* Warns of a shard whose pools the actor refuses, as they are of another configuration: once for
 * each that it has, as it offers them again and again. */
static void look_at_configuration(struct host *host, const struct mu_msg_envelope *envelope)
{
    const struct mu_msg_pool_sync *sync = &host->msg->pool_sync;
    uint64_t own = host->options->config->hash;
    if (envelope->op != MU_OP_POOL_SYNC || sync->config_hash == own ||
        sync->config_hash == host->other) {
        return;
    }
    host->other = sync->config_hash;
    mu_log_line(
        host->options->log, MU_LOG_WARN, NULL, "another configuration: its pools are refused",
        "shard=%s hash=%016" PRIx64 " own=%016" PRIx64, envelope->source, sync->config_hash, own);
}

/* Steps what one broker has for us.  Adds to *ret_count how many messages that were. */
static int drain(struct host *host, uint32_t broker, uint32_t *ret_count)
{
    for (uint32_t i = 0; i < DRAIN_MAX && !mu_outbox_full(host->out); i++) {
        struct mu_slice header;
        struct mu_slice body;
        int got = mu_dealer_receive(host->dealer, broker, &header, &body);
        if (got == 0) {
            return 0;
        }
        ++*ret_count;
        if (got < 0) {
            mu_bus_garbage(host->bus);
            continue;
        }
        const struct mu_msg_envelope *envelope =
            mu_bus_receive(host->bus, broker, now_ms(), header, body);
        if (envelope == NULL) {
            continue;
        }
        int r =
            mu_msg_decode(host->decoder, (uint32_t)envelope->op, body.data, body.size, host->msg);
        if (r != 0) {
            mu_bus_garbage(host->bus);
            mu_outbox_error(host->out, envelope,
                            r == -ENOTSUP ? MU_ERROR_UNSUPPORTED : MU_ERROR_BAD_REQUEST,
                            "message %u", (unsigned)envelope->op);
            continue;
        }
        look_at_configuration(host, envelope);
        bool drain = envelope->op == MU_OP_DRAIN && envelope->frame == MU_FRAME_REQUEST;
        r = drain ? take_drain(host, envelope) : step(host, MU_EV_MESSAGE, envelope);
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

static void add_count(struct mu_msg_stats *stats, enum mu_counter counter, uint64_t value)
{
    if (stats->counters_count < sizeof stats->counters / sizeof stats->counters[0]) {
        stats->counters[stats->counters_count++] =
            (struct mu_msg_count){ .counter = counter, .value = value };
    }
}

static void append_stats(struct host *host, int64_t now)
{
    struct mu_msg_stats *stats = &host->msg->stats;
    host->msg->op = MU_OP_STATS;
    memset(stats, 0, sizeof *stats);
    host->actor->ops->stats(host->actor, now, stats);
    stats->uptime_ms = (uint64_t)(now - host->started_ms);
    stats->epoch = host->actor->ops->epoch(host->actor);
    stats->state = draining(host) ? MU_LIFE_DRAINING : host->actor->ops->life(host->actor);
    stats->config_hash = host->options->config->hash;
    set_name(host, stats->name);
    (void)snprintf(stats->build, sizeof stats->build, "%s", host->options->build);
    for (uint32_t i = 0; i < host->options->brokers_count; i++) {
        stats->brokers |= (uint64_t)mu_bus_registered(host->bus, i) << i;
    }
    mu_counters_export(mu_bus_counters(host->bus), stats);
    add_count(stats, MU_COUNTER_STEP_MS_MAX, host->step_ms);
    host->step_ms = 0;
    mu_outbox_event(host->out, "*gateway", host->msg);
}

/* Hands the outbox to the bus. */
static void flush(struct host *host)
{
    struct mu_outbox *out = host->out;
    int64_t now = now_ms();
    for (uint32_t i = 0; i < out->count; i++) {
        const struct mu_outbox_entry *entry = &out->entries[i];
        struct mu_slice body = { out->bytes + entry->offset, entry->size };
        if (mu_bus_send(host->bus, now, &entry->envelope, body) != 0) {
            mu_log_line(host->options->log, MU_LOG_WARN, entry->envelope.trace,
                        "message dropped: no broker takes it", "op=%u to=%s",
                        (unsigned)entry->envelope.op, entry->envelope.destination);
        }
    }
    mu_outbox_clear(out);
}

/* Ends the batch: durable first, then out. */
static int end_batch(struct host *host)
{
    int r = 0;
    if (host->stepped) {
        r = step(host, MU_EV_BATCH_END, NULL);
        host->stepped = false;
    }
    if (r == 0) {
        flush(host);
        mu_bus_handled(host->bus);
    }
    return r;
}

static void tell_when_ready(struct host *host)
{
    uint64_t epoch = host->actor->ops->epoch(host->actor);
    bool owns = host->options->partition[0] == '\0' || epoch > 0;
    bool stands_by = host->actor->ops->life(host->actor) == MU_LIFE_STANDBY; /* that is its work */
    if (!host->ready && (owns || stands_by) && mu_bus_ready(host->bus)) {
        host->ready = true;
        (void)mu_notify("READY=1"); /* for the supervisor only */
        mu_log_line(host->options->log, MU_LOG_INFO, NULL, "ready",
                    "incarnation=%016" PRIx64 " epoch=%" PRIu64 " name=%s", host->incarnation,
                    epoch, host->options->name);
    }
}

/* Looks after the bus.  Returns 0, -ESTALE, or -errno of a socket. */
static int tend_bus(struct host *host, int64_t now)
{
    mu_bus_set_epoch(host->bus, host->actor->ops->epoch(host->actor));
    uint32_t reopen = mu_bus_tick(host->bus, now);
    if (reopen != 0) {
        mu_log_line(host->options->log, host->ready ? MU_LOG_WARN : MU_LOG_DEBUG, NULL,
                    "connecting to brokers", "mask=%u", reopen);
        mu_dealer_explain(host->dealer, reopen, host->bus, host->options->log);
        int r = mu_dealer_reopen(host->dealer, reopen);
        if (r != 0) {
            return r;
        }
    }
    mu_dealer_tell_away(host->dealer, host->bus, now, host->options->log);
    tell_when_ready(host);
    return mu_bus_superseded(host->bus) ? -ESTALE : 0;
}

static int64_t wake_ms(const struct host *host)
{
    int64_t wake = mu_bus_deadline(host->bus);
    int64_t timer = host->actor->ops->deadline(host->actor);
    wake = timer < wake ? timer : wake;
    wake = host->end_ms < wake ? host->end_ms : wake;
    return host->stats_ms < wake ? host->stats_ms : wake;
}

/* Waits for input, for room where something waits for it, or until it is time. */
static int wait_for_input(struct host *host)
{
    zmq_pollitem_t items[MU_BUS_BROKERS_MAX];
    int count = 0;
    for (uint32_t i = 0; i < host->options->brokers_count; i++) {
        void *socket = mu_dealer_socket(host->dealer, i);
        if (socket != NULL) {
            bool blocked = mu_bus_blocked(host->bus, i);
            items[count++] = (zmq_pollitem_t){
                .socket = socket,
                .events = (short)(ZMQ_POLLIN | (blocked ? ZMQ_POLLOUT : 0)),
            };
        }
    }
    int64_t wake = wake_ms(host);
    int64_t now = now_ms();
    int64_t wait_ms = wake <= now ? 0 : wake - now > WAIT_MAX_MS ? WAIT_MAX_MS : wake - now;
    return zmq_poll(items, count, (long)wait_ms) >= 0 || errno == EINTR ? 0 : -errno;
}

/* Background work of the store, when idle or overdue.  Returns whether more is left. */
static bool work(struct host *host, bool idle)
{
    struct mu_store *store = host->options->store;
    int64_t now = now_ms();
    if (store == NULL || (!idle && now - host->worked_ms < STORE_OVERDUE_MS)) {
        return false;
    }
    bool more = store->ops->work(store, STORE_SLICE_MS);
    host->worked_ms = now_ms();
    return more;
}

/* One turn of the loop. */
static int turn(struct host *host)
{
    uint32_t count = 0;
    int r = 0;
    for (uint32_t i = 0; i < host->options->brokers_count && r == 0; i++) {
        r = drain(host, i, &count);
    }
    int64_t now = now_ms();
    if (r == 0 && host->actor->ops->deadline(host->actor) <= now && !mu_outbox_full(host->out)) {
        r = step(host, MU_EV_TIMER, NULL);
    }
    if (r == 0) {
        r = end_batch(host);
    }
    if (r != 0) {
        return r;
    }
    if (now >= host->stats_ms) {
        host->stats_ms = now + (now - host->started_ms < STATS_EARLY_MS ? STATS_SOON_MS : STATS_MS);
        (void)mu_notify_alive(host->ready); /* a supervisor that is deaf restarts us */
        if (mu_bus_ready(host->bus)) {
            append_stats(host, now);
            flush(host);
        }
    }
    r = tend_bus(host, now_ms());
    bool more = work(host, count == 0);
    if (r == 0 && count == 0 && !more) {
        r = wait_for_input(host);
    }
    return r;
}

/* Says who has the partition now, as far as that was said, and how that comes. */
static void tell_stale(const struct host *host)
{
    const struct mu_msg *msg = host->msg; /* what was stepped last */
    bool fenced = msg->op == MU_OP_ERROR && msg->error.code == MU_ERROR_FENCED;
    mu_log_line(
        host->options->log, MU_LOG_WARN, NULL, "another owner has taken over",
        "name=%s said=\"%s\" causes=\"two living processes of one --name, or this one stood "
        "still or was cut off for takeover_ms\"",
        host->options->name, fenced ? msg->error.detail : "a broker knows one with a higher epoch");
}

static int exit_code(struct host *host, int r)
{
    if (r == 0) {
        return MU_HOST_EXIT_OK;
    }
    if (r == -ESTALE) {
        tell_stale(host);
        return MU_HOST_EXIT_AGAIN;
    }
    mu_log_line(host->options->log, MU_LOG_ERROR, NULL, "cannot go on", "error=\"%s\"",
                zmq_strerror(-r));
    return MU_HOST_EXIT_IO;
}

/* Whether it is time to end, as it was asked to. */
static bool ended(const struct host *host)
{
    return *host->options->stop > 1 ||
           (draining(host) && (host->actor->ops->drained(host->actor) || now_ms() >= host->end_ms));
}

static int run(struct host *host)
{
    int r = step(host, MU_EV_START, NULL);
    if (r == 0) {
        r = end_batch(host);
    }
    while (r == 0 && !ended(host)) {
        bool asked = *host->options->stop != 0 && !draining(host);
        r = asked ? begin_drain(host, host->options->config->settings.drain_ms) : turn(host);
    }
    if (r == -ESTALE && draining(host)) {
        r = 0; /* another process has it already */
        mu_outbox_clear(host->out);
    }
    if (r == 0) {
        r = step(host, MU_EV_STOP, NULL);
        r = r == 0 ? end_batch(host) : r;
        mu_bus_bye(host->bus, "stopping");
    }
    return exit_code(host, r);
}

/* Messages that a broker may send before it is told that some were handled.  A matcher's say how
 * busy it is, so few; the store's feed its group commit. */
static uint32_t credit_of(const struct mu_actor_ops *ops)
{
    if (strcmp(ops->kind, "matcher") == 0) {
        return 64;
    }
    return strcmp(ops->kind, "store") == 0 ? 1024 : 512;
}

static bool create_bus(struct host *host, uint64_t seed)
{
    const struct mu_host_options *options = host->options;
    struct mu_bus_options bus = {
        .service = options->ops->kind,
        .partition = options->partition,
        .build = options->build,
        .incarnation = host->incarnation,
        .seed = seed,
        .credit = credit_of(options->ops),
        .heartbeat_ms = (uint32_t)options->config->settings.heartbeat_ms,
        .missed_max = (uint32_t)options->config->settings.heartbeats_missed_max,
        .brokers_count = options->brokers_count,
        .emit = mu_dealer_emit,
    };
    memcpy(bus.brokers, options->brokers, sizeof bus.brokers);
    host->dealer = mu_dealer_create(options->brokers, options->brokers_count, &options->keys);
    bus.context = host->dealer;
    host->bus = host->dealer == NULL ? NULL : mu_bus_create(&bus);
    return host->bus != NULL;
}

/* Returns 0 or -errno. */
static int create(struct host *host)
{
    uint64_t random[3];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        return -EIO;
    }
    const struct mu_key_pair *own = host->options->keys.own;
    host->incarnation = mu_public_key_incarnation(own == NULL ? NULL : own->public_key, random[0]);
    host->started_ms = now_ms();
    host->stats_ms = host->started_ms;
    host->end_ms = MU_NEVER;
    host->out = mu_outbox_create(host->incarnation);
    host->decoder = mu_decoder_create();
    host->msg = calloc(1, sizeof *host->msg);
    if (host->out == NULL || host->decoder == NULL || host->msg == NULL ||
        !create_bus(host, random[1])) {
        return -ENOMEM;
    }
    const struct mu_actor_env env = {
        .partition = host->options->partition,
        .name = host->options->name,
        .seed = random[2],
        .incarnation = host->incarnation,
        .config = host->options->config,
        .store = host->options->store,
    };
    return host->options->ops->create(&env, &host->actor);
}

int mu_host_run(const struct mu_host_options *options)
{
    struct host host = { .options = options };
    int r = create(&host);
    int code = MU_HOST_EXIT_UNAVAILABLE;
    if (r == 0) {
        code = run(&host);
    } else {
        mu_log_line(options->log, MU_LOG_ERROR, NULL, "cannot start", "error=\"%s\"",
                    zmq_strerror(-r));
    }
    options->ops->destroy(host.actor);
    mu_bus_destroy(host.bus);
    mu_dealer_destroy(host.dealer);
    mu_decoder_destroy(host.decoder);
    mu_outbox_destroy(host.out);
    free(host.msg);
    return code;
}
