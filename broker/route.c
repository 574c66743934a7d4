/* broker/route.c - where a message goes, what waits, and who is told when it does not get there. */
#include "broker/router_state.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/address.h"

static void count(struct mu_router *router, enum mu_counter counter)
{
    router->counters.values[counter]++;
}

static struct mu_slice encode(const struct mu_msg *msg, uint8_t buf[MU_HEADER_MAX])
{
    int64_t size = mu_msg_encode(msg, buf, MU_HEADER_MAX);
    assert(size > 0);
    return (struct mu_slice){ buf, (uint32_t)size };
}

/* Hands a message to a peer, counting it against its credit.  Returns what the sink said. */
static int hand(struct mu_router *router, uint32_t i, struct mu_slice header, struct mu_slice body)
{
    struct mu_peer *peer = &router->peers[i];
    int r = -EHOSTUNREACH;
    if (!peer->gone) {
        r = router->options.sink(router->options.context, i, header, body);
    }
    if (r == 0) {
        peer->sent++;
        count(router, MU_COUNTER_ROUTED);
    } else if (r == -EAGAIN) {
        peer->full = true;
    } else if (!peer->gone) {
        mu_registry_drop(router, i);
    }
    return r;
}

/* Sends a control frame about `destination`, "" for none.  Returns what the sink said. */
static int control(struct mu_router *router, uint32_t peer, const char *destination,
                   const struct mu_msg *body)
{
    uint8_t header[MU_HEADER_MAX];
    uint8_t bytes[MU_HEADER_MAX];
    struct mu_peer *at = &router->peers[peer];
    struct mu_msg_envelope *envelope = &router->out->envelope;
    *envelope = (struct mu_msg_envelope){
        .version = 1,
        .frame = MU_FRAME_CONTROL,
        .op = body->op,
        .incarnation = router->options.incarnation,
    };
    memcpy(envelope->source, router->instance, sizeof router->instance);
    (void)snprintf(envelope->destination, sizeof envelope->destination, "%s", destination);
    int r = router->options.sink(router->options.context, peer, encode(router->out, header),
                                 encode(body, bytes));
    if (r != 0 && r != -EAGAIN && !at->gone) {
        mu_registry_drop(router, peer);
    }
    return r;
}

int mu_route_control(struct mu_router *router, uint32_t peer, const struct mu_msg *body)
{
    return control(router, peer, "", body);
}

/* Tells a sender that what it sent a service, partition or instance to is not here.  Lost: the next
 * message that goes astray brings it again. */
static void tell_absent(struct mu_router *router, uint32_t sender,
                        const struct mu_msg_envelope *envelope)
{
    const struct mu_peer *peer = &router->peers[sender];
    enum mu_address_kind kind = mu_address_kind(envelope->destination);
    bool one =
        kind == MU_ADDRESS_SERVICE || kind == MU_ADDRESS_PARTITION || kind == MU_ADDRESS_INSTANCE;
    if (one && peer->state == MU_PEER_REGISTERED && !peer->gone &&
        peer->incarnation == envelope->incarnation) {
        router->control->op = MU_OP_ERROR;
        router->control->error = (struct mu_msg_error){ .code = MU_ERROR_UNAVAILABLE };
        (void)control(router, sender, envelope->destination, router->control);
    }
}

/* Answers `request`, which came from peer `i`, with ERROR.  Others than requests get none. */
static void refuse(struct mu_router *router, uint32_t i, const struct mu_msg_envelope *request,
                   enum mu_error error, const char *detail)
{
    const struct mu_peer *peer = &router->peers[i];
    if (request->frame != MU_FRAME_REQUEST || peer->state != MU_PEER_REGISTERED || peer->gone ||
        peer->incarnation != request->incarnation) {
        return;
    }
    uint8_t header[MU_HEADER_MAX];
    uint8_t bytes[MU_HEADER_MAX];
    struct mu_msg_error *body = &router->control->error;
    router->control->op = MU_OP_ERROR;
    *body = (struct mu_msg_error){
        .code = error,
        .retry_after_ms = error == MU_ERROR_OVERLOADED ? MU_ROUTER_RETRY_AFTER_MS : 0,
    };
    (void)snprintf(body->detail, sizeof body->detail, "%s: %s", request->destination, detail);
    struct mu_msg_envelope reply = {
        .version = 1,
        .frame = MU_FRAME_REPLY,
        .op = MU_OP_ERROR,
        .incarnation = router->options.incarnation,
        .sequence = ++router->sequence,
        .answers_incarnation = request->incarnation,
        .answers_sequence = request->sequence,
    };
    memcpy(reply.source, router->instance, sizeof reply.source);
    memcpy(reply.destination, peer->instance, sizeof reply.destination);
    memcpy(reply.trace, request->trace, sizeof reply.trace);
    router->out->envelope = reply;
    count(router, MU_COUNTER_REFUSED);
    if (hand(router, i, encode(router->out, header), encode(router->control, bytes)) == -EAGAIN) {
        count(router, MU_COUNTER_PIPES_FULL);
    }
}

/* Messages that the peer still may be sent; <= 0: none. */
static int64_t credit_left(const struct mu_peer *peer)
{
    return (int64_t)(peer->granted - peer->sent);
}

static bool can_take(const struct mu_peer *peer)
{
    return !peer->gone && !peer->full && credit_left(peer) > 0;
}

/* The receiver of a destination's next message: the member with the most credit left, among
 * equals the one chosen longest ago; or the owner.  MU_ROUTER_NONE when nobody has credit. */
static uint32_t choose(const struct mu_router *router, const struct mu_destination *destination)
{
    if (destination->owner != MU_ROUTER_NONE) {
        return can_take(&router->peers[destination->owner]) ? destination->owner : MU_ROUTER_NONE;
    }
    uint32_t best = MU_ROUTER_NONE;
    for (uint32_t i = destination->first_member; i != MU_ROUTER_NONE;
         i = router->peers[i].next_member) {
        const struct mu_peer *peer = &router->peers[i];
        if (!can_take(peer)) {
            continue;
        }
        const struct mu_peer *other = best == MU_ROUTER_NONE ? NULL : &router->peers[best];
        if (other == NULL || credit_left(peer) > credit_left(other) ||
            (credit_left(peer) == credit_left(other) && peer->served < other->served)) {
            best = i;
        }
    }
    return best;
}

static void enqueue(struct mu_router *router, uint32_t sender, struct mu_destination *destination,
                    int64_t now_ms, struct mu_slice body)
{
    const struct mu_msg_envelope *envelope = &router->in->envelope;
    if (mu_queue_push(destination->queue, now_ms, sender, envelope, body) != 0) {
        count(router, MU_COUNTER_OVERLOADED);
        refuse(router, sender, envelope, MU_ERROR_OVERLOADED, "too much waits");
        return;
    }
    if (router->waiting++ == 0) {
        router->sweep_ms = now_ms + MU_ROUTER_SWEEP_MS;
    }
}

/* To a service or partition: at once when somebody has credit and nothing waits, else queued. */
static void to_destination(struct mu_router *router, uint32_t sender,
                           struct mu_destination *destination, int64_t now_ms, struct mu_slice body)
{
    uint8_t buf[MU_HEADER_MAX];
    uint32_t to = MU_ROUTER_NONE;
    if (mu_queue_count(destination->queue) == 0) {
        to = choose(router, destination);
    }
    if (to != MU_ROUTER_NONE) {
        struct mu_slice header = encode(router->in, buf);
        do {
            router->peers[to].served = ++router->choices;
            if (hand(router, to, header, body) == 0) {
                return;
            }
            to = choose(router, destination); /* that one is full or gone now */
        } while (to != MU_ROUTER_NONE);
    }
    enqueue(router, sender, destination, now_ms, body);
}

static void to_nobody(struct mu_router *router, uint32_t sender, enum mu_error error,
                      const char *detail)
{
    count(router, MU_COUNTER_UNROUTABLE);
    tell_absent(router, sender, &router->in->envelope);
    refuse(router, sender, &router->in->envelope, error, detail);
}

/* Straight to one peer, credit or not: answers must not wait behind requests. */
static void to_peer(struct mu_router *router, uint32_t sender, uint32_t to, struct mu_slice header,
                    struct mu_slice body)
{
    int r = hand(router, to, header, body);
    if (r == -EAGAIN) {
        count(router, MU_COUNTER_PIPES_FULL);
        refuse(router, sender, &router->in->envelope, MU_ERROR_OVERLOADED, "does not read");
    } else if (r != 0) {
        to_nobody(router, sender, MU_ERROR_UNAVAILABLE, "is gone");
    }
}

static void to_instance(struct mu_router *router, uint32_t sender, struct mu_slice body)
{
    uint8_t buf[MU_HEADER_MAX];
    uint32_t to = mu_map_get(router->instances, router->in->envelope.destination);
    if (to == MU_MAP_NONE) {
        to_nobody(router, sender, MU_ERROR_UNAVAILABLE, "is not here");
        return;
    }
    to_peer(router, sender, to, encode(router->in, buf), body);
}

/* To all members of a service but the sender. */
static void to_all(struct mu_router *router, uint32_t sender, struct mu_slice body)
{
    uint8_t buf[MU_HEADER_MAX];
    uint32_t service = mu_map_get(router->names, router->in->envelope.destination + 1);
    if (service == MU_MAP_NONE) {
        to_nobody(router, sender, MU_ERROR_UNAVAILABLE, "nobody");
        return;
    }
    struct mu_slice header = encode(router->in, buf);
    for (uint32_t i = router->destinations[service].first_member; i != MU_ROUTER_NONE;
         i = router->peers[i].next_member) {
        if (i != sender) {
            to_peer(router, sender, i, header, body);
        }
    }
}

static void to_player(struct mu_router *router, uint32_t sender, struct mu_slice body)
{
    uint8_t buf[MU_HEADER_MAX];
    uint32_t gateways[MU_PRESENCE_GATEWAYS];
    const char *player = router->in->envelope.destination + strlen("player/");
    uint32_t gateways_count = mu_presence_find(router->presence, player, gateways);
    if (gateways_count == 0) {
        to_nobody(router, sender, MU_ERROR_UNAVAILABLE, "not connected");
        return;
    }
    struct mu_slice header = encode(router->in, buf);
    for (uint32_t i = 0; i < gateways_count; i++) {
        to_peer(router, sender, gateways[i], header, body);
    }
}

/* Whether it asks for a partition that its key may not own.  What only an owner may do needs no
 * look here: the store compares the epoch's incarnation with the sender's. */
static bool grasps(struct mu_router *router, const struct mu_identity *who, uint32_t op,
                   struct mu_slice body)
{
    struct mu_msg *msg = router->control;
    return op == MU_OP_EPOCH_TAKE &&
           (mu_msg_decode(router->decoder, op, body.data, body.size, msg) != 0 ||
            !mu_identity_may_own(who, msg->epoch_take.partition));
}

/* Refuses or drops what the sender's key does not allow. */
static bool is_forbidden(struct mu_router *router, uint32_t peer,
                         const struct mu_msg_envelope *envelope, struct mu_slice body)
{
    const struct mu_identity *who = router->peers[peer].who;
    uint32_t op = (uint32_t)envelope->op;
    char what[96];
    if (who == NULL) {
        return false;
    }
    if (!mu_peer_role_may(who->role, op, envelope->frame)) {
        const struct mu_layout *layout = mu_msg_layout((enum mu_op)op);
        (void)snprintf(what, sizeof what, "a %s may not send %s as a %s",
                       mu_peer_role_name(who->role), layout == NULL ? "this" : layout->name,
                       mu_enum_text(mu_frame_texts, envelope->frame));
    } else if (grasps(router, who, op, body)) {
        (void)snprintf(what, sizeof what, "the key is not for this partition");
    } else {
        return false;
    }
    mu_registry_note(router, peer, MU_COUNTER_FORBIDDEN, "%s", what);
    refuse(router, peer, envelope, MU_ERROR_FORBIDDEN, what);
    return true;
}

void mu_route_message(struct mu_router *router, uint32_t peer, int64_t now_ms, struct mu_slice body)
{
    struct mu_msg_envelope *envelope = &router->in->envelope;
    const char *destination = envelope->destination;
    memcpy(envelope->source, router->peers[peer].instance, sizeof envelope->source);
    if (is_forbidden(router, peer, envelope, body)) {
        return;
    }
    if (envelope->frame == MU_FRAME_REQUEST && envelope->budget_ms == 0) {
        count(router, MU_COUNTER_REQUESTS_EXPIRED);
        refuse(router, peer, envelope, MU_ERROR_EXPIRED, "too late");
        return;
    }
    bool event = envelope->frame == MU_FRAME_EVENT;
    if (destination[0] == '#') {
        to_instance(router, peer, body);
    } else if (destination[0] == '*' && event) {
        to_all(router, peer, body);
    } else if (strncmp(destination, "player/", strlen("player/")) == 0 && event) {
        to_player(router, peer, body);
    } else {
        uint32_t found = mu_map_get(router->names, destination);
        if (found != MU_MAP_NONE) {
            to_destination(router, peer, &router->destinations[found], now_ms, body);
        } else if (mu_address_kind(destination) == MU_ADDRESS_SERVICE ||
                   mu_address_kind(destination) == MU_ADDRESS_PARTITION) {
            to_nobody(router, peer, MU_ERROR_UNAVAILABLE, "nobody serves it");
        } else {
            to_nobody(router, peer, MU_ERROR_BAD_REQUEST, "not for requests");
        }
    }
}

static void expired(void *context, const struct mu_queued *queued)
{
    struct mu_router *router = context;
    router->waiting--;
    count(router, MU_COUNTER_REQUESTS_EXPIRED);
    refuse(router, queued->sender, &queued->envelope, MU_ERROR_EXPIRED, "waited too long");
}

void mu_route_expire(struct mu_router *router, int64_t now_ms)
{
    for (uint32_t i = 0; i < router->options.destinations_max && router->waiting > 0; i++) {
        if (router->destinations[i].used) {
            mu_queue_expire(router->destinations[i].queue, now_ms, expired, router);
        }
    }
}

/* Hands a destination's oldest message to `peer`.  Returns false when it did not take it. */
static bool serve(struct mu_router *router, uint32_t peer, struct mu_queue *queue, int64_t now_ms)
{
    uint8_t buf[MU_HEADER_MAX];
    const struct mu_queued *queued = mu_queue_first(queue);
    router->out->envelope = queued->envelope;
    if (queued->envelope.frame == MU_FRAME_REQUEST) {
        router->out->envelope.budget_ms = mu_queued_budget(queued, now_ms);
        if (router->out->envelope.budget_ms == 0) {
            expired(router, queued);
            mu_queue_pop(queue);
            return true;
        }
    }
    if (hand(router, peer, encode(router->out, buf), mu_queue_body(queued)) != 0) {
        return false;
    }
    router->peers[peer].served = ++router->choices;
    router->waiting--;
    mu_queue_pop(queue);
    return true;
}

static void drain(struct mu_router *router, uint32_t peer, uint32_t destination, int64_t now_ms)
{
    struct mu_queue *queue = router->destinations[destination].queue;
    while (mu_queue_count(queue) > 0 && can_take(&router->peers[peer]) &&
           serve(router, peer, queue, now_ms)) {}
}

void mu_route_drain(struct mu_router *router, uint32_t peer, int64_t now_ms)
{
    const struct mu_peer *at = &router->peers[peer];
    if (router->waiting > 0) {
        drain(router, peer, at->service, now_ms);
    }
    if (router->waiting > 0 && at->partition != MU_ROUTER_NONE) {
        drain(router, peer, at->partition, now_ms);
    }
}

void mu_route_flush(struct mu_router *router, struct mu_destination *destination)
{
    while (mu_queue_count(destination->queue) > 0) {
        const struct mu_queued *queued = mu_queue_first(destination->queue);
        count(router, MU_COUNTER_UNROUTABLE);
        tell_absent(router, queued->sender, &queued->envelope);
        refuse(router, queued->sender, &queued->envelope, MU_ERROR_UNAVAILABLE,
               "nobody serves it any more");
        router->waiting--;
        mu_queue_pop(destination->queue);
    }
}

void mu_route_broadcast(struct mu_router *router, const char *service, enum mu_op op,
                        struct mu_slice body)
{
    uint8_t buf[MU_HEADER_MAX];
    uint32_t found = mu_map_get(router->names, service);
    if (found == MU_MAP_NONE) {
        return;
    }
    router->out->envelope = (struct mu_msg_envelope){
        .version = 1,
        .frame = MU_FRAME_EVENT,
        .op = op,
        .incarnation = router->options.incarnation,
        .sequence = ++router->sequence,
    };
    memcpy(router->out->envelope.source, router->instance, sizeof router->instance);
    (void)snprintf(router->out->envelope.destination, sizeof router->out->envelope.destination,
                   "*%s", service);
    struct mu_slice header = encode(router->out, buf);
    for (uint32_t i = router->destinations[found].first_member; i != MU_ROUTER_NONE;
         i = router->peers[i].next_member) {
        if (hand(router, i, header, body) == -EAGAIN) {
            count(router, MU_COUNTER_PIPES_FULL);
        }
    }
}
