/* core/bus.c - registration, liveness, credit, and what comes in. */
#include "core/bus_state.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/address.h"

enum { DEDUPE_SENDERS = 256 };

static uint64_t hash_name(const char *name)
{
    struct mu_rng rng = { .state = 0 };
    for (const char *c = name; *c != '\0'; c++) {
        rng.state = mu_rng_next(&rng) ^ (uint8_t)*c;
    }
    return mu_rng_next(&rng);
}

static void copy(char *ret, size_t ret_bytes, const char *text)
{
    int n = snprintf(ret, ret_bytes, "%s", text);
    assert(n >= 0 && (size_t)n < ret_bytes);
}

struct mu_bus *mu_bus_create(const struct mu_bus_options *options)
{
    assert(options->brokers_count >= 1 && options->brokers_count <= MU_BUS_BROKERS_MAX);
    assert(options->credit >= 1 && options->credit <= MU_BUS_CREDIT_MAX);
    assert(options->incarnation != 0);
    assert(options->heartbeat_ms > 0 && options->missed_max > 0);
    struct mu_bus *bus = calloc(1, sizeof *bus);
    if (bus == NULL) {
        return NULL;
    }
    copy(bus->service, sizeof bus->service, options->service);
    copy(bus->partition, sizeof bus->partition, options->partition);
    copy(bus->build, sizeof bus->build, options->build);
    mu_address_instance(options->incarnation, bus->instance);
    bus->incarnation = options->incarnation;
    bus->rng.state = options->seed;
    bus->credit = options->credit;
    bus->heartbeat_ms = options->heartbeat_ms;
    bus->missed_max = options->missed_max;
    bus->links_count = options->brokers_count;
    bus->emit = options->emit;
    bus->context = options->context;
    bus->ticked_ms = INT64_MIN;
    bus->presence_ms = INT64_MIN;
    bus->look_ms = INT64_MIN;
    for (uint32_t i = 0; i < bus->links_count; i++) {
        bus->links[i].name_hash = hash_name(options->brokers[i]);
        bus->links[i].reopen_ms = INT64_MIN;
        bus->links[i].backoff_ms = MU_BUS_REOPEN_MS;
    }
    bus->dedupe = mu_dedupe_create(DEDUPE_SENDERS, mu_rng_next(&bus->rng));
    bus->held = mu_ring_create(MU_BUS_HELD_MAX, MU_BUS_HELD_BYTES);
    bus->decoder = mu_decoder_create();
    bus->in = calloc(1, sizeof *bus->in);
    bus->control = calloc(1, sizeof *bus->control);
    bus->out = calloc(1, sizeof *bus->out);
    if (bus->dedupe == NULL || bus->held == NULL || bus->decoder == NULL || bus->in == NULL ||
        bus->control == NULL || bus->out == NULL) {
        mu_bus_destroy(bus);
        return NULL;
    }
    bus->out->op = MU_OP_ENVELOPE;
    return bus;
}

void mu_bus_destroy(struct mu_bus *bus)
{
    if (bus != NULL) {
        mu_dedupe_destroy(bus->dedupe);
        mu_ring_destroy(bus->held);
        mu_decoder_destroy(bus->decoder);
        free(bus->in);
        free(bus->control);
        free(bus->out);
        free(bus);
    }
}

/* The broker is gone: open it again after the back-off, counted from the last opening. */
static void drop_link(struct mu_bus *bus, struct mu_bus_link *link)
{
    uint64_t half = link->backoff_ms / 2;
    int64_t wait_ms = (int64_t)(half + mu_rng_below(&bus->rng, half + 1));
    link->state = MU_BUS_LINK_DOWN;
    link->blocked = false;
    link->hello_due = false;
    link->hello_open = false;
    link->reopen_ms = link->opened_ms + wait_ms;
    link->backoff_ms *= 2;
    if (link->backoff_ms > MU_BUS_REOPEN_MAX_MS) {
        link->backoff_ms = MU_BUS_REOPEN_MAX_MS;
    }
}

static void registered(struct mu_bus *bus, struct mu_bus_link *link, int64_t now_ms)
{
    if (link->state != MU_BUS_LINK_REGISTERED) {
        bus->presence_wanted = true;
        link->proved_ms = now_ms;
    }
    link->state = MU_BUS_LINK_REGISTERED;
    link->pinged_ms = INT64_MIN; /* at once: it waits for a sign that we heard it */
    link->backoff_ms = MU_BUS_REOPEN_MS;
    link->hello_open = false;
    link->received = 0;
    link->handled = 0;
    link->granted = bus->credit;
    if (bus->control->hello_ok.heartbeat_ms > 0) {
        bus->heartbeat_ms = (int64_t)bus->control->hello_ok.heartbeat_ms;
    }
}

static void said_goodbye(struct mu_bus *bus, struct mu_bus_link *link)
{
    if (strcmp(bus->control->bye.reason, "superseded") == 0) {
        bus->superseded = true;
    }
    link->goodbye = true;
    copy(link->reason, sizeof link->reason, bus->control->bye.reason);
    drop_link(bus, link);
}

const char *mu_bus_goodbye(struct mu_bus *bus, uint32_t broker)
{
    assert(broker < bus->links_count);
    struct mu_bus_link *link = &bus->links[broker];
    bool goodbye = link->goodbye;
    link->goodbye = false;
    return goodbye ? link->reason : NULL;
}

/* What left at the nonce's time was answered. */
static void proved(struct mu_bus_link *link, int64_t now_ms, uint64_t nonce)
{
    int64_t sent_ms = nonce <= INT64_MAX ? (int64_t)nonce : INT64_MAX;
    if (sent_ms > link->proved_ms && sent_ms <= now_ms) {
        link->proved_ms = sent_ms;
    }
}

static void asked_who(const struct mu_bus *bus, struct mu_bus_link *link, int64_t now_ms)
{
    /* It may ask so once for each frame that it got: one HELLO at a time will do. */
    link->hello_due = !link->hello_open || now_ms - link->greeted_ms >= bus->heartbeat_ms / 4;
    if (link->state == MU_BUS_LINK_REGISTERED) {
        link->state = MU_BUS_LINK_GREETED;
    }
}

static void receive_control(struct mu_bus *bus, uint32_t broker, int64_t now_ms, uint32_t op,
                            struct mu_slice body)
{
    struct mu_bus_link *link = &bus->links[broker];
    bool known = op == MU_OP_HELLO_OK || op == MU_OP_WHO || op == MU_OP_PING || op == MU_OP_PONG ||
                 op == MU_OP_BYE || op == MU_OP_ERROR;
    if (!known || mu_msg_decode(bus->decoder, op, body.data, body.size, bus->control) != 0) {
        bus->counters.values[MU_COUNTER_FRAMES_BAD]++;
        return;
    }
    if (link->state == MU_BUS_LINK_DOWN) {
        return;
    }
    if (op == MU_OP_HELLO_OK) {
        registered(bus, link, now_ms);
    } else if (op == MU_OP_WHO) {
        asked_who(bus, link, now_ms);
    } else if (op == MU_OP_PING) {
        bus->control->op = MU_OP_PONG; /* the nonce has the same place */
        bus->control->pong.nonce = bus->control->ping.nonce;
        (void)mu_bus_control(bus, broker, bus->control); /* lost: the broker pings again */
    } else if (op == MU_OP_PONG) {
        proved(link, now_ms, bus->control->pong.nonce);
    } else if (op == MU_OP_ERROR) {
        mu_bus_note_absent(bus, broker, now_ms, bus->in->envelope.destination);
    } else {
        said_goodbye(bus, link);
    }
}

const struct mu_msg_envelope *mu_bus_receive(struct mu_bus *bus, uint32_t broker, int64_t now_ms,
                                             struct mu_slice header, struct mu_slice body)
{
    assert(broker < bus->links_count);
    struct mu_bus_link *link = &bus->links[broker];
    const struct mu_msg_envelope *envelope = &bus->in->envelope;
    if (header.size > MU_HEADER_MAX || body.size > MU_BODY_MAX ||
        mu_msg_decode(bus->decoder, MU_OP_ENVELOPE, header.data, header.size, bus->in) != 0 ||
        envelope->version != 1) {
        bus->counters.values[MU_COUNTER_FRAMES_BAD]++;
        return NULL;
    }
    if (envelope->frame == MU_FRAME_CONTROL) {
        receive_control(bus, broker, now_ms, (uint32_t)envelope->op, body);
        return NULL;
    }
    link->received++;
    if (mu_dedupe_seen(bus->dedupe, broker, envelope->incarnation, envelope->sequence)) {
        bus->counters.values[MU_COUNTER_FRAMES_REPEATED]++;
        return NULL;
    }
    if (envelope->frame == MU_FRAME_REPLY && envelope->answers_incarnation != bus->incarnation) {
        bus->counters.values[MU_COUNTER_REPLIES_LATE]++;
        return NULL;
    }
    if (envelope->frame == MU_FRAME_REPLY) {
        mu_bus_note_answer(bus, envelope);
    }
    if (envelope->frame == MU_FRAME_REQUEST && envelope->budget_ms == 0) {
        bus->counters.values[MU_COUNTER_REQUESTS_EXPIRED]++;
        if (!bus->closing && envelope->source[0] != '\0') {
            mu_bus_refuse(bus, now_ms, envelope, MU_ERROR_EXPIRED, "arrived too late");
        }
        return NULL;
    }
    bus->counters.values[MU_COUNTER_MESSAGES_IN]++;
    return envelope;
}

void mu_bus_garbage(struct mu_bus *bus)
{
    bus->counters.values[MU_COUNTER_FRAMES_BAD]++;
}

void mu_bus_set_epoch(struct mu_bus *bus, uint64_t epoch)
{
    if (epoch > bus->epoch || (epoch == 0 && bus->epoch > 0)) {
        bus->epoch = epoch;
        for (uint32_t i = 0; i < bus->links_count; i++) {
            bus->links[i].hello_due = bus->links[i].state != MU_BUS_LINK_DOWN;
        }
    }
}

void mu_bus_handled(struct mu_bus *bus)
{
    for (uint32_t i = 0; i < bus->links_count; i++) {
        bus->links[i].handled = bus->links[i].received;
    }
}

static void say_hello(struct mu_bus *bus, uint32_t broker, int64_t now_ms)
{
    struct mu_bus_link *link = &bus->links[broker];
    bus->control->op = MU_OP_HELLO;
    bus->control->hello = (struct mu_msg_hello){
        .version_min = 1,
        .version_max = 1,
        .epoch = bus->epoch,
        .credit = bus->credit,
    };
    copy(bus->control->hello.service, sizeof bus->control->hello.service, bus->service);
    copy(bus->control->hello.partition, sizeof bus->control->hello.partition, bus->partition);
    copy(bus->control->hello.build, sizeof bus->control->hello.build, bus->build);
    if (mu_bus_control(bus, broker, bus->control) != 0) {
        return;
    }
    link->hello_due = false;
    link->hello_open = true;
    link->greeted_ms = now_ms;
    if (link->state == MU_BUS_LINK_OPENING) {
        link->state = MU_BUS_LINK_GREETED;
        link->proved_ms = now_ms;
    }
}

/* Whether enough was handled that telling is worth a frame. */
static bool credit_due(const struct mu_bus *bus, const struct mu_bus_link *link)
{
    return link->state == MU_BUS_LINK_REGISTERED && !link->hello_open &&
           link->handled + bus->credit - link->granted >= (bus->credit + 3) / 4;
}

static void grant(struct mu_bus *bus, uint32_t broker)
{
    struct mu_bus_link *link = &bus->links[broker];
    uint64_t total = link->handled + bus->credit;
    bus->control->op = MU_OP_CREDIT;
    bus->control->credit = (struct mu_msg_credit){ .granted_total = total };
    if (mu_bus_control(bus, broker, bus->control) == 0) {
        link->granted = total;
    }
}

/* When a link that is greeted or registered has to do something for its life. */
static int64_t beat_ms(const struct mu_bus *bus, const struct mu_bus_link *link)
{
    int64_t ping_ms = INT64_MAX;
    if (link->state == MU_BUS_LINK_REGISTERED) {
        ping_ms = link->pinged_ms == INT64_MIN ? INT64_MIN : link->pinged_ms + bus->heartbeat_ms;
    }
    int64_t hello_ms = link->greeted_ms + bus->heartbeat_ms;
    if (!link->hello_open) {
        hello_ms = link->greeted_ms + bus->heartbeat_ms * MU_BUS_REFRESH_BEATS;
    }
    return ping_ms < hello_ms ? ping_ms : hello_ms;
}

/* Returns whether the host has to open the connection now. */
static bool tick_link(struct mu_bus *bus, uint32_t broker, int64_t now_ms)
{
    struct mu_bus_link *link = &bus->links[broker];
    if (link->state != MU_BUS_LINK_DOWN && now_ms - link->proved_ms > mu_bus_life_ms(bus)) {
        drop_link(bus, link);
    }
    if (link->state == MU_BUS_LINK_DOWN) {
        if (now_ms < link->reopen_ms) {
            return false;
        }
        link->state = MU_BUS_LINK_OPENING;
        link->opened_ms = now_ms;
        link->proved_ms = now_ms;
        link->hello_due = false;
        return true; /* HELLO leaves with the next tick, when the socket is there */
    }
    if (link->state == MU_BUS_LINK_OPENING || link->hello_due ||
        now_ms - link->greeted_ms >=
            bus->heartbeat_ms * (link->hello_open ? 1 : MU_BUS_REFRESH_BEATS)) {
        say_hello(bus, broker, now_ms);
    }
    if (link->state == MU_BUS_LINK_REGISTERED &&
        (link->pinged_ms == INT64_MIN || now_ms - link->pinged_ms >= bus->heartbeat_ms)) {
        bus->control->op = MU_OP_PING;
        bus->control->ping = (struct mu_msg_ping){ .nonce = (uint64_t)now_ms };
        (void)mu_bus_control(bus, broker, bus->control); /* refused: silence decides */
        link->pinged_ms = now_ms;
    }
    if (credit_due(bus, link)) {
        grant(bus, broker);
    }
    return false;
}

uint32_t mu_bus_tick(struct mu_bus *bus, int64_t now_ms)
{
    uint32_t reopen = 0;
    if (bus->closing) {
        return 0;
    }
    /* Who has slept himself cannot say that others were silent: ask once more. */
    bool stalled = bus->ticked_ms != INT64_MIN && now_ms - bus->ticked_ms > mu_bus_life_ms(bus) / 2;
    for (uint32_t i = 0; i < bus->links_count; i++) {
        struct mu_bus_link *link = &bus->links[i];
        link->blocked = false; /* until something is refused again */
        if (stalled && link->proved_ms < now_ms - bus->heartbeat_ms) {
            link->proved_ms = now_ms - bus->heartbeat_ms;
        }
        reopen |= tick_link(bus, i, now_ms) ? 1u << i : 0;
    }
    bus->ticked_ms = now_ms;
    if (!stalled && now_ms >= bus->look_ms) {
        mu_bus_look_for_answers(bus, now_ms);
        bus->look_ms = now_ms + bus->heartbeat_ms / 2;
    }
    mu_bus_flush(bus, now_ms);
    return reopen;
}

static int64_t link_deadline(const struct mu_bus *bus, const struct mu_bus_link *link)
{
    switch (link->state) {
    case MU_BUS_LINK_DOWN: return link->reopen_ms;
    case MU_BUS_LINK_OPENING: return link->blocked ? bus->ticked_ms + MU_BUS_RETRY_MS : INT64_MIN;
    case MU_BUS_LINK_GREETED:
    case MU_BUS_LINK_REGISTERED: break;
    }
    if (link->hello_due || credit_due(bus, link)) {
        return link->blocked ? bus->ticked_ms + MU_BUS_RETRY_MS : INT64_MIN;
    }
    int64_t life_ms = link->proved_ms + mu_bus_life_ms(bus) + 1;
    int64_t next_ms = beat_ms(bus, link);
    return next_ms < life_ms ? next_ms : life_ms;
}

int64_t mu_bus_deadline(const struct mu_bus *bus)
{
    if (bus->closing) {
        return INT64_MAX;
    }
    int64_t deadline_ms = mu_bus_held_deadline(bus);
    for (uint32_t i = 0; i < bus->links_count; i++) {
        int64_t own_ms = link_deadline(bus, &bus->links[i]);
        deadline_ms = own_ms < deadline_ms ? own_ms : deadline_ms;
    }
    return deadline_ms;
}

bool mu_bus_blocked(const struct mu_bus *bus, uint32_t broker)
{
    assert(broker < bus->links_count);
    return bus->links[broker].blocked;
}

bool mu_bus_registered(const struct mu_bus *bus, uint32_t broker)
{
    assert(broker < bus->links_count);
    return bus->links[broker].state == MU_BUS_LINK_REGISTERED;
}

bool mu_bus_ready(const struct mu_bus *bus)
{
    return mu_bus_registered_mask(bus) != 0;
}

uint32_t mu_bus_registered_mask(const struct mu_bus *bus)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < bus->links_count; i++) {
        mask |= mu_bus_registered(bus, i) ? 1u << i : 0u;
    }
    return mask;
}

bool mu_bus_presence_wanted(struct mu_bus *bus)
{
    /* A broker without room would ask in every loop turn: once a heartbeat is enough. */
    bool wanted = bus->presence_wanted && (bus->presence_ms == INT64_MIN ||
                                           bus->ticked_ms - bus->presence_ms >= bus->heartbeat_ms);
    if (wanted) {
        bus->presence_wanted = false;
        bus->presence_ms = bus->ticked_ms;
    }
    return wanted;
}

bool mu_bus_superseded(const struct mu_bus *bus)
{
    return bus->superseded;
}

void mu_bus_bye(struct mu_bus *bus, const char *reason)
{
    bus->control->op = MU_OP_BYE;
    bus->control->bye = (struct mu_msg_bye){ .reason = "" };
    copy(bus->control->bye.reason, sizeof bus->control->bye.reason, reason);
    for (uint32_t i = 0; i < bus->links_count; i++) {
        if (bus->links[i].state == MU_BUS_LINK_REGISTERED) {
            (void)mu_bus_control(bus, i, bus->control); /* else silence says it */
        }
        bus->links[i].state = MU_BUS_LINK_DOWN;
    }
    bus->closing = true;
}

const struct mu_counters *mu_bus_counters(const struct mu_bus *bus)
{
    return &bus->counters;
}

void mu_bus_check(const struct mu_bus *bus)
{
    for (uint32_t i = 0; i < bus->links_count; i++) {
        const struct mu_bus_link *link = &bus->links[i];
        assert(link->handled <= link->received);
        assert(link->granted <= link->handled + bus->credit || !mu_bus_registered(bus, i));
        assert(link->backoff_ms >= MU_BUS_REOPEN_MS && link->backoff_ms <= MU_BUS_REOPEN_MAX_MS);
        assert(!(link->state == MU_BUS_LINK_DOWN && link->blocked) || bus->closing);
    }
    assert(mu_ring_count(bus->held) <= MU_BUS_HELD_MAX);
    mu_ring_check(bus->held);
    mu_dedupe_check(bus->dedupe);
}
