/* broker/router.c - the entry points: frames in, time, and the router's own life. */
#include "broker/router_state.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/address.h"

enum {
    BLOCKED_LIVES = 10, /* silent lives after which a blocked peer is forgotten */
    STARVED_BEATS = 2,  /* heartbeats without credit after which the counts are doubted */
    STATS_BYTES = 4096, /* of an encoded STATS without pools */
};

static bool create_destinations(struct mu_router *router)
{
    const struct mu_router_options *options = &router->options;
    for (uint32_t i = 0; i < options->destinations_max; i++) {
        router->destinations[i].queue = mu_queue_create(
            options->queue_messages, options->queue_bytes, options->peers_max, MU_ROUTER_SHARE);
        if (router->destinations[i].queue == NULL) {
            return false;
        }
    }
    return true;
}

struct mu_router *mu_router_create(const struct mu_router_options *options)
{
    assert(options->incarnation != 0);
    assert(options->peers_max >= 1 && options->peers_max <= MU_ROUTER_PEERS_MAX);
    assert(options->destinations_max >= 1 &&
           options->destinations_max <= MU_ROUTER_DESTINATIONS_MAX);
    assert(options->queue_messages >= 4 && options->queue_messages <= MU_ROUTER_QUEUE_MAX);
    assert(options->queue_bytes >= 4096 && options->queue_bytes <= MU_ROUTER_QUEUE_BYTES);
    assert(options->heartbeat_ms > 0 && options->missed_max > 0);
    struct mu_router *router = calloc(1, sizeof *router);
    if (router == NULL) {
        return NULL;
    }
    router->options = *options;
    router->rng.state = options->seed;
    router->life_ms = (int64_t)options->heartbeat_ms * options->missed_max;
    router->started_ms = INT64_MIN;
    mu_address_instance(options->incarnation, router->instance);
    router->peers = calloc(options->peers_max, sizeof *router->peers);
    router->destinations = calloc(options->destinations_max, sizeof *router->destinations);
    router->instances =
        mu_map_create(options->peers_max, MU_ADDRESS_MAX, mu_rng_next(&router->rng));
    router->names =
        mu_map_create(options->destinations_max, MU_ADDRESS_MAX, mu_rng_next(&router->rng));
    router->presence = mu_presence_create(options->players_max, mu_rng_next(&router->rng));
    router->decoder = mu_decoder_create();
    router->in = calloc(1, sizeof *router->in);
    router->control = calloc(1, sizeof *router->control);
    router->out = calloc(1, sizeof *router->out);
    if (router->peers == NULL || router->destinations == NULL || router->instances == NULL ||
        router->names == NULL || router->presence == NULL || router->decoder == NULL ||
        router->in == NULL || router->control == NULL || router->out == NULL ||
        !create_destinations(router)) {
        mu_router_destroy(router);
        return NULL;
    }
    router->out->op = MU_OP_ENVELOPE;
    return router;
}

void mu_router_destroy(struct mu_router *router)
{
    if (router == NULL) {
        return;
    }
    for (uint32_t i = 0; router->destinations != NULL && i < router->options.destinations_max;
         i++) {
        mu_queue_destroy(router->destinations[i].queue);
    }
    free(router->destinations);
    free(router->peers);
    mu_map_destroy(router->instances);
    mu_map_destroy(router->names);
    mu_presence_destroy(router->presence);
    mu_decoder_destroy(router->decoder);
    free(router->in);
    free(router->control);
    free(router->out);
    free(router);
}

/* Begins a call: after an own pause, nobody else's silence in that time counts. */
static void begin(struct mu_router *router, int64_t now_ms)
{
    if (router->started_ms == INT64_MIN) {
        router->started_ms = now_ms;
        router->scan_ms = now_ms;
        router->stats_ms = now_ms + MU_ROUTER_STATS_MS;
    } else if (now_ms - router->called_ms > MU_ROUTER_STALL_MS) {
        int64_t pause_ms = now_ms - router->called_ms;
        for (uint32_t i = 0; i < router->peers_used; i++) {
            router->peers[i].heard_ms += pause_ms;
            router->peers[i].credit_ms += pause_ms;
        }
    }
    router->called_ms = now_ms;
}

/* Notes that a frame came from `peer`, which may be a new one. */
static struct mu_peer *heard(struct mu_router *router, uint32_t i, int64_t now_ms)
{
    assert(i < router->options.peers_max);
    struct mu_peer *peer = &router->peers[i];
    assert((peer->who != NULL) == router->options.keys);
    if (peer->state == MU_PEER_FREE) {
        *peer = (struct mu_peer){
            .state = MU_PEER_NEW,
            .who = peer->who,
            .mark = peer->mark,
            .pinged_ms = now_ms,
            .who_ms = now_ms - router->life_ms,
            .partition = MU_ROUTER_NONE,
            .next_member = MU_ROUTER_NONE,
        };
        if (i >= router->peers_used) {
            router->peers_used = i + 1;
        }
    }
    peer->heard_ms = now_ms;
    return peer;
}

static void count_garbage(struct mu_router *router, uint32_t i)
{
    struct mu_peer *peer = &router->peers[i];
    router->counters.values[MU_COUNTER_FRAMES_BAD]++;
    peer->garbage++;
    if (peer->garbage < MU_ROUTER_GARBAGE_MAX) {
        return;
    }
    router->counters.values[MU_COUNTER_BLOCKED]++;
    mu_registry_block(router, i);
}

static void say_who(struct mu_router *router, uint32_t i, int64_t now_ms)
{
    /* A restarted broker gets many frames at once from each peer; one WHO does for them. */
    if (now_ms - router->peers[i].who_ms < router->options.heartbeat_ms / 4) {
        return;
    }
    router->peers[i].who_ms = now_ms;
    router->control->op = MU_OP_WHO;
    router->control->who = (struct mu_msg_who){ .reserved = 0 };
    (void)mu_route_control(router, i, router->control); /* lost: its next frame asks again */
}

static void take_credit(struct mu_router *router, uint32_t i, int64_t now_ms)
{
    struct mu_peer *peer = &router->peers[i];
    uint64_t total = router->control->credit.granted_total;
    uint64_t most = peer->sent + peer->window; /* more is of a time before its last HELLO */
    total = total < most ? total : most;
    if (total > peer->granted) {
        peer->granted = total;
        peer->credit_ms = now_ms;
        mu_route_drain(router, i, now_ms);
    }
}

static void take_presence(struct mu_router *router, uint32_t i)
{
    const struct mu_msg_presence *presence = &router->control->presence;
    if (presence->reset) {
        mu_presence_reset(router->presence, i);
    }
    for (uint32_t p = 0; p < presence->left_count; p++) {
        mu_presence_leave(router->presence, presence->left[p].id, i);
    }
    for (uint32_t p = 0; p < presence->joined_count; p++) {
        if (mu_presence_join(router->presence, presence->joined[p].id, i) != 0) {
            router->counters.values[MU_COUNTER_OVERLOADED]++;
        }
    }
}

static bool is_gateway(const struct mu_router *router, const struct mu_peer *peer)
{
    return strcmp(router->destinations[peer->service].name, "gateway") == 0;
}

static void receive_control(struct mu_router *router, uint32_t i, int64_t now_ms,
                            struct mu_slice body)
{
    struct mu_peer *peer = &router->peers[i];
    uint32_t op = (uint32_t)router->in->envelope.op;
    bool registered = peer->state == MU_PEER_REGISTERED;
    bool known = op == MU_OP_HELLO || op == MU_OP_PING || op == MU_OP_PONG || op == MU_OP_CREDIT ||
                 op == MU_OP_BYE ||
                 (op == MU_OP_PRESENCE && (!registered || is_gateway(router, peer)));
    known = known && (peer->who == NULL || mu_peer_role_may(peer->who->role, op, MU_FRAME_CONTROL));
    if (!known || mu_msg_decode(router->decoder, op, body.data, body.size, router->control) != 0) {
        count_garbage(router, i);
    } else if (op == MU_OP_HELLO) {
        mu_registry_hello(router, i, now_ms);
    } else if (op == MU_OP_BYE) {
        mu_registry_drop(router, i);
    } else if (!registered) {
        say_who(router, i, now_ms);
    } else if (op == MU_OP_PING) {
        router->control->op = MU_OP_PONG; /* the nonce has the same place */
        router->control->pong.nonce = router->control->ping.nonce;
        (void)mu_route_control(router, i, router->control); /* lost: it pings again */
    } else if (op == MU_OP_CREDIT) {
        take_credit(router, i, now_ms);
    } else if (op == MU_OP_PRESENCE) {
        take_presence(router, i);
    }
}

/* A peer that was greeted is entered with the first other frame: who says HELLO again and again,
 * as one that cannot hear us does, is not there for anybody. */
static void enter_when_heard(struct mu_router *router, uint32_t i, int64_t now_ms)
{
    const struct mu_peer *peer = &router->peers[i];
    const struct mu_msg_envelope *envelope = &router->in->envelope;
    bool hello = envelope->frame == MU_FRAME_CONTROL && envelope->op == MU_OP_HELLO;
    if (peer->state == MU_PEER_NEW && peer->greeted && !hello &&
        envelope->incarnation == peer->incarnation) {
        mu_registry_enter(router, i, now_ms);
    }
}

static void receive(struct mu_router *router, uint32_t i, int64_t now_ms, struct mu_slice header,
                    struct mu_slice body)
{
    struct mu_peer *peer = &router->peers[i];
    struct mu_msg_envelope *envelope = &router->in->envelope;
    if (header.size > MU_HEADER_MAX || body.size > MU_BODY_MAX ||
        mu_msg_decode(router->decoder, MU_OP_ENVELOPE, header.data, header.size, router->in) != 0 ||
        envelope->version != 1) {
        count_garbage(router, i);
        return;
    }
    enter_when_heard(router, i, now_ms);
    if (peer->gone) {
        return; /* it was told to go */
    }
    if (envelope->frame == MU_FRAME_CONTROL) {
        receive_control(router, i, now_ms, body);
    } else if (peer->state != MU_PEER_REGISTERED) {
        say_who(router, i, now_ms);
    } else if (envelope->incarnation != peer->incarnation) {
        count_garbage(router, i);
    } else {
        mu_route_message(router, i, now_ms, body);
    }
}

void mu_router_identify(struct mu_router *router, uint32_t peer, const struct mu_identity *who,
                        uint32_t mark)
{
    assert(router->options.keys && peer < router->options.peers_max);
    struct mu_peer *at = &router->peers[peer];
    assert(at->state == MU_PEER_FREE || mu_identity_equal(at->who, who));
    at->who = who;
    at->mark = mark;
}

void mu_router_receive(struct mu_router *router, uint32_t peer, int64_t now_ms,
                       struct mu_slice header, struct mu_slice body)
{
    begin(router, now_ms);
    struct mu_peer *at = heard(router, peer, now_ms);
    if (at->state == MU_PEER_BLOCKED) {
        return;
    }
    if (at->full) { /* who speaks may read again */
        at->full = false;
        mu_route_drain(router, peer, now_ms);
    }
    receive(router, peer, now_ms, header, body);
    mu_registry_reap(router);
}

void mu_router_garbage(struct mu_router *router, uint32_t peer, int64_t now_ms)
{
    begin(router, now_ms);
    if (heard(router, peer, now_ms)->state != MU_PEER_BLOCKED) {
        count_garbage(router, peer);
    }
    mu_registry_reap(router);
}

void mu_router_lost(struct mu_router *router, uint32_t peer, int64_t now_ms)
{
    begin(router, now_ms);
    assert(peer < router->options.peers_max);
    if (router->peers[peer].state != MU_PEER_FREE) {
        mu_registry_drop(router, peer);
    }
    mu_registry_reap(router);
}

void mu_router_count(struct mu_router *router, enum mu_counter counter)
{
    router->counters.values[counter]++;
}

static void scan_peer(struct mu_router *router, uint32_t i, int64_t now_ms)
{
    struct mu_peer *peer = &router->peers[i];
    int64_t silent_ms = now_ms - peer->heard_ms;
    int64_t life_ms = router->life_ms * (peer->state == MU_PEER_BLOCKED ? BLOCKED_LIVES : 1);
    if (silent_ms > life_ms) {
        router->counters.values[MU_COUNTER_EVICTED]++;
        mu_registry_drop(router, i);
        return;
    }
    if (peer->state != MU_PEER_REGISTERED) {
        return;
    }
    int64_t beat_ms = router->options.heartbeat_ms;
    if (silent_ms >= beat_ms && now_ms - peer->pinged_ms >= beat_ms) {
        peer->pinged_ms = now_ms;
        router->control->op = MU_OP_PING;
        router->control->ping = (struct mu_msg_ping){ .nonce = (uint64_t)now_ms };
        (void)mu_route_control(router, i, router->control); /* refused: silence decides */
    }
    /* Messages that were lost on the way were counted here and never there: start anew. */
    if (peer->granted <= peer->sent && now_ms - peer->credit_ms >= STARVED_BEATS * beat_ms) {
        peer->credit_ms = now_ms;
        say_who(router, i, now_ms);
    }
}

/* Looks at all peers; the jitter keeps several brokers from doing so in step. */
static void scan(struct mu_router *router, int64_t now_ms)
{
    for (uint32_t i = 0; i < router->peers_used; i++) {
        if (router->peers[i].state != MU_PEER_FREE) {
            scan_peer(router, i, now_ms);
        }
    }
    int64_t half_ms = (router->options.heartbeat_ms + 1) / 2;
    int64_t jitter_ms = (int64_t)mu_rng_below(&router->rng, (uint64_t)half_ms / 4 + 1);
    router->scan_ms = now_ms + half_ms - jitter_ms;
}

/* Expires what waited too long, and tries those again who had no room. */
static void sweep(struct mu_router *router, int64_t now_ms)
{
    mu_route_expire(router, now_ms);
    for (uint32_t i = 0; i < router->peers_used; i++) {
        struct mu_peer *peer = &router->peers[i];
        if (peer->full && peer->state == MU_PEER_REGISTERED && !peer->gone) {
            peer->full = false;
            mu_route_drain(router, i, now_ms);
        }
    }
    router->sweep_ms = now_ms + MU_ROUTER_SWEEP_MS;
}

static const char *text_of(const char *text)
{
    return text == NULL ? "" : text;
}

static void send_stats(struct mu_router *router, int64_t now_ms)
{
    uint8_t bytes[STATS_BYTES];
    struct mu_msg_stats *stats = &router->control->stats;
    router->control->op = MU_OP_STATS;
    memset(stats, 0, sizeof *stats);
    (void)snprintf(stats->kind, sizeof stats->kind, "broker");
    (void)snprintf(stats->name, sizeof stats->name, "%s", text_of(router->options.name));
    (void)snprintf(stats->build, sizeof stats->build, "%s", text_of(router->options.build));
    stats->ready = true;
    stats->state = MU_LIFE_SERVING;
    stats->uptime_ms = (uint64_t)(now_ms - router->started_ms);
    mu_counters_export(mu_router_counters(router), stats);
    int64_t size = mu_msg_encode(router->control, bytes, sizeof bytes);
    assert(size > 0);
    mu_route_broadcast(router, "gateway", MU_OP_STATS, (struct mu_slice){ bytes, (uint32_t)size });
    router->stats_ms = now_ms + MU_ROUTER_STATS_MS;
}

void mu_router_tick(struct mu_router *router, int64_t now_ms)
{
    begin(router, now_ms);
    if (now_ms >= router->scan_ms) {
        scan(router, now_ms);
    }
    if (router->waiting > 0 && now_ms >= router->sweep_ms) {
        sweep(router, now_ms);
    }
    if (now_ms >= router->stats_ms) {
        send_stats(router, now_ms);
    }
    mu_registry_reap(router);
}

int64_t mu_router_deadline(const struct mu_router *router)
{
    if (router->started_ms == INT64_MIN) {
        return INT64_MIN;
    }
    int64_t deadline_ms = router->scan_ms < router->stats_ms ? router->scan_ms : router->stats_ms;
    if (router->waiting > 0 && router->sweep_ms < deadline_ms) {
        deadline_ms = router->sweep_ms;
    }
    return deadline_ms;
}

void mu_router_bye(struct mu_router *router, const char *reason)
{
    for (uint32_t i = 0; i < router->peers_used; i++) {
        if (router->peers[i].state == MU_PEER_REGISTERED) {
            mu_registry_bye(router, i, reason);
        }
    }
    mu_registry_reap(router);
}

const struct mu_counters *mu_router_counters(struct mu_router *router)
{
    router->counters.values[MU_COUNTER_QUEUED] = router->waiting;
    router->counters.values[MU_COUNTER_PEERS] = router->registered;
    router->counters.values[MU_COUNTER_PRESENT] = mu_presence_count(router->presence);
    return &router->counters;
}

void mu_router_check(const struct mu_router *router)
{
    assert(!router->reap);
    mu_registry_check(router);
    mu_map_check(router->instances);
    mu_map_check(router->names);
    mu_presence_check(router->presence);
}
