/* core/bus_send.c - the outgoing half of the bus: which broker, and what to do when none takes. */
#include "core/bus_state.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/address.h"

/* A message that no broker took yet, followed by its body. */
struct held {
    int64_t since_ms;
    int64_t until_ms; /* dropped then */
    uint32_t body_bytes;
    struct mu_msg_envelope envelope; /* budget as of since_ms */
};

static_assert(sizeof(struct held) + MU_BODY_MAX <= MU_BUS_HELD_BYTES, "any body can be held");

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const char *destination)
{
    uint64_t hash = 0xCBF29CE484222325u;
    for (const char *c = destination; *c != '\0'; c++) {
        hash = (hash ^ (uint8_t)*c) * 0x100000001B3u;
    }
    return hash;
}

/* Source: Thaler, Ravishankar 1996, "A Name-Based Mapping Scheme for Rendezvous". */
static uint64_t weight(uint64_t hash, uint64_t name_hash)
{
    struct mu_rng rng = { .state = hash ^ name_hash };
    return mu_rng_next(&rng);
}

static void note_absent(struct mu_bus *bus, uint32_t broker, int64_t now_ms, uint64_t hash)
{
    bus->absent[bus->absent_next] = (struct mu_bus_absent){
        .hash = hash,
        .broker = broker,
        .until_ms = now_ms + mu_bus_life_ms(bus),
    };
    bus->absent_next = (bus->absent_next + 1) % MU_BUS_ABSENT_MAX;
}

void mu_bus_note_absent(struct mu_bus *bus, uint32_t broker, int64_t now_ms,
                        const char *destination)
{
    note_absent(bus, broker, now_ms, hash_of(destination));
}

void mu_bus_note_answer(struct mu_bus *bus, const struct mu_msg_envelope *envelope)
{
    struct mu_bus_asked *asked = &bus->asked[envelope->answers_sequence % MU_BUS_ASKED_MAX];
    if (asked->sequence == envelope->answers_sequence) {
        asked->sequence = 0;
    }
}

void mu_bus_look_for_answers(struct mu_bus *bus, int64_t now_ms)
{
    for (uint32_t i = 0; i < MU_BUS_ASKED_MAX && bus->links_count > 1; i++) {
        struct mu_bus_asked *asked = &bus->asked[i];
        if (asked->sequence != 0 &&
            now_ms - asked->at_ms > MU_BUS_SUSPECT_BEATS * bus->heartbeat_ms) {
            note_absent(bus, asked->broker, now_ms, asked->hash);
            asked->sequence = 0;
        }
    }
}

static bool is_absent(const struct mu_bus *bus, uint32_t broker, int64_t now_ms, uint64_t hash)
{
    for (uint32_t i = 0; i < MU_BUS_ABSENT_MAX; i++) {
        const struct mu_bus_absent *absent = &bus->absent[i];
        if (absent->hash == hash && absent->broker == broker && absent->until_ms > now_ms) {
            return true;
        }
    }
    return false;
}

/* A destination, as the brokers are chosen for it. */
struct target {
    int64_t now_ms;
    uint64_t hash; /* of its name */
    uint32_t home; /* broker by which its last message came; none: MU_DEDUPE_NO_WAY */
};

static struct target target_of(const struct mu_bus *bus, int64_t now_ms, const char *destination)
{
    struct target target = { .now_ms = now_ms, .home = MU_DEDUPE_NO_WAY };
    if (bus->links_count > 1) {
        target.hash = hash_of(destination);
    }
    if (bus->links_count > 1 && destination[0] == '#') {
        target.home = mu_dedupe_way(bus->dedupe, mu_address_incarnation(destination));
    }
    return target;
}

/* What speaks for a broker: that it did not say that it lacks the destination, that it answered
 * lately, and that an instance uses it itself. */
static uint32_t rank(const struct mu_bus *bus, uint32_t broker, const struct target *target)
{
    int64_t silent_ms = target->now_ms - bus->links[broker].proved_ms;
    return (is_absent(bus, broker, target->now_ms, target->hash) ? 0u : 4u) +
           (silent_ms <= MU_BUS_SUSPECT_BEATS * bus->heartbeat_ms ? 2u : 0u) +
           (target->home == broker ? 1u : 0u);
}

/* The registered broker of highest rank, then weight, that is not in the mask `tried`;
 * links_count: none. */
static uint32_t choose(const struct mu_bus *bus, const struct target *target, uint32_t tried)
{
    uint32_t best = bus->links_count;
    uint32_t best_rank = 0;
    uint64_t best_weight = 0;
    for (uint32_t i = 0; i < bus->links_count; i++) {
        if (bus->links[i].state != MU_BUS_LINK_REGISTERED || (tried & 1u << i) != 0) {
            continue;
        }
        if (bus->links_count == 1) {
            return i;
        }
        uint32_t own_rank = rank(bus, i, target);
        uint64_t own_weight = weight(target->hash, bus->links[i].name_hash);
        if (best == bus->links_count || own_rank > best_rank ||
            (own_rank == best_rank && own_weight > best_weight)) {
            best = i;
            best_rank = own_rank;
            best_weight = own_weight;
        }
    }
    return best;
}

static int emit(struct mu_bus *bus, uint32_t broker, struct mu_slice header, struct mu_slice body)
{
    struct mu_bus_link *link = &bus->links[broker];
    link->blocked = bus->emit(bus->context, broker, header, body) != 0;
    return link->blocked ? -EAGAIN : 0;
}

static struct mu_slice encode_header(struct mu_bus *bus, uint8_t buf[MU_HEADER_MAX])
{
    int64_t size = mu_msg_encode(bus->out, buf, MU_HEADER_MAX);
    assert(size > 0);
    return (struct mu_slice){ buf, (uint32_t)size };
}

/* Watches for the answer to a request, if there is a slot. */
static void note_request(struct mu_bus *bus, const struct mu_msg_envelope *envelope,
                         const struct target *target, uint32_t broker)
{
    struct mu_bus_asked *asked = &bus->asked[envelope->sequence % MU_BUS_ASKED_MAX];
    if (envelope->frame == MU_FRAME_REQUEST && asked->sequence == 0) {
        *asked = (struct mu_bus_asked){
            .sequence = envelope->sequence,
            .hash = target->hash,
            .broker = broker,
            .at_ms = target->now_ms,
        };
    }
}

/* Whether the message goes by every broker: nobody would send it again. */
static bool goes_by_all(const struct mu_bus *bus, const struct mu_msg_envelope *envelope)
{
    static const char player[] = "player/";
    const char *to = envelope->destination;
    return bus->links_count > 1 && envelope->frame == MU_FRAME_EVENT &&
           (to[0] == '*' || strncmp(to, player, sizeof player - 1) == 0);
}

/* Offers the message to the brokers in order of preference, until one takes it, or to all.
 * Returns 0 or -EAGAIN. */
static int offer(struct mu_bus *bus, int64_t now_ms, const struct mu_msg_envelope *envelope,
                 struct mu_slice body)
{
    uint8_t buf[MU_HEADER_MAX];
    struct mu_slice header = { NULL, 0 };
    bool all = goes_by_all(bus, envelope);
    bool taken = false;
    const struct target target = target_of(bus, now_ms, envelope->destination);
    uint32_t tried = 0;
    uint32_t broker;
    while ((all || !taken) && (broker = choose(bus, &target, tried)) != bus->links_count) {
        if (header.size == 0) {
            bus->out->envelope = *envelope;
            header = encode_header(bus, buf);
        }
        if (emit(bus, broker, header, body) == 0) {
            bus->counters.values[MU_COUNTER_MESSAGES_OUT]++;
            note_request(bus, envelope, &target, broker);
            taken = true;
        }
        tried |= 1u << broker;
    }
    return taken ? 0 : -EAGAIN;
}

static int hold(struct mu_bus *bus, int64_t now_ms, const struct mu_msg_envelope *envelope,
                struct mu_slice body)
{
    struct held *held = NULL;
    if (mu_ring_count(bus->held) < MU_BUS_HELD_MAX) {
        held = mu_ring_push(bus->held, (uint32_t)sizeof *held + body.size);
    }
    if (held == NULL) {
        bus->counters.values[MU_COUNTER_SENDS_FAILED]++;
        return -ENOBUFS;
    }
    int64_t life_ms = mu_bus_life_ms(bus);
    if (envelope->frame == MU_FRAME_REQUEST) {
        life_ms = (int64_t)envelope->budget_ms;
    }
    *held = (struct held){
        .since_ms = now_ms,
        .until_ms = now_ms + life_ms,
        .body_bytes = body.size,
        .envelope = *envelope,
    };
    if (body.size > 0) {
        memcpy(held + 1, body.data, body.size);
    }
    return 0;
}

void mu_bus_flush(struct mu_bus *bus, int64_t now_ms)
{
    while (mu_ring_count(bus->held) > 0) {
        const struct held *held = mu_ring_at(bus->held, 0);
        if (now_ms >= held->until_ms) {
            bus->counters.values[MU_COUNTER_SENDS_FAILED]++;
            mu_ring_pop(bus->held);
            continue;
        }
        struct mu_msg_envelope envelope = held->envelope;
        if (envelope.frame == MU_FRAME_REQUEST) {
            envelope.budget_ms -= (uint64_t)(now_ms - held->since_ms);
        }
        struct mu_slice body = { (const uint8_t *)(held + 1), held->body_bytes };
        if (offer(bus, now_ms, &envelope, body) != 0) {
            return;
        }
        mu_ring_pop(bus->held);
    }
}

int64_t mu_bus_held_deadline(const struct mu_bus *bus)
{
    if (mu_ring_count(bus->held) == 0) {
        return INT64_MAX;
    }
    const struct held *held = mu_ring_at(bus->held, 0);
    return mu_bus_ready(bus) ? bus->ticked_ms + MU_BUS_RETRY_MS : held->until_ms;
}

/* A copy to each broker.  One that has no room gets it by another announcement, later. */
static void send_to_brokers(struct mu_bus *bus, const struct mu_msg_envelope *envelope,
                            struct mu_slice body)
{
    uint8_t buf[MU_HEADER_MAX];
    bus->out->envelope = *envelope;
    bus->out->envelope.frame = MU_FRAME_CONTROL;
    bus->out->envelope.sequence = 0;
    bus->out->envelope.destination[0] = '\0';
    struct mu_slice header = encode_header(bus, buf);
    for (uint32_t i = 0; i < bus->links_count; i++) {
        if (bus->links[i].state == MU_BUS_LINK_REGISTERED && emit(bus, i, header, body) != 0) {
            bus->presence_wanted = true;
        }
    }
}

int mu_bus_send(struct mu_bus *bus, int64_t now_ms, const struct mu_msg_envelope *envelope,
                struct mu_slice body)
{
    assert(!bus->closing);
    assert(body.size <= MU_BODY_MAX);
    struct mu_msg_envelope full = *envelope;
    memcpy(full.source, bus->instance, sizeof full.source);
    if (strcmp(envelope->destination, MU_BUS_TO_BROKERS) == 0) {
        send_to_brokers(bus, &full, body);
        return 0;
    }
    /* What is held goes first, so that no message overtakes an older one here. */
    if (mu_ring_count(bus->held) > 0 || offer(bus, now_ms, &full, body) != 0) {
        return hold(bus, now_ms, &full, body);
    }
    return 0;
}

int mu_bus_control(struct mu_bus *bus, uint32_t broker, const struct mu_msg *body)
{
    uint8_t header[MU_HEADER_MAX];
    uint8_t bytes[MU_HEADER_MAX];
    int64_t size = mu_msg_encode(body, bytes, sizeof bytes);
    assert(size > 0);
    bus->out->envelope = (struct mu_msg_envelope){
        .version = 1,
        .frame = MU_FRAME_CONTROL,
        .op = body->op,
        .incarnation = bus->incarnation,
        .sequence = body->op == MU_OP_HELLO ? ++bus->hellos : 0,
    };
    memcpy(bus->out->envelope.source, bus->instance, sizeof bus->instance);
    return emit(bus, broker, encode_header(bus, header),
                (struct mu_slice){ bytes, (uint32_t)size });
}

void mu_bus_refuse(struct mu_bus *bus, int64_t now_ms, const struct mu_msg_envelope *request,
                   enum mu_error error, const char *detail)
{
    uint8_t bytes[MU_HEADER_MAX];
    bus->control->op = MU_OP_ERROR;
    bus->control->error = (struct mu_msg_error){ .code = error };
    (void)snprintf(bus->control->error.detail, sizeof bus->control->error.detail, "%s", detail);
    int64_t size = mu_msg_encode(bus->control, bytes, sizeof bytes);
    assert(size > 0);
    struct mu_msg_envelope reply = {
        .version = 1,
        .frame = MU_FRAME_REPLY,
        .op = MU_OP_ERROR,
        .incarnation = bus->incarnation,
        .answers_incarnation = request->incarnation,
        .answers_sequence = request->sequence,
    };
    memcpy(reply.destination, request->source, sizeof reply.destination);
    memcpy(reply.trace, request->trace, sizeof reply.trace);
    (void)mu_bus_send(bus, now_ms, &reply, (struct mu_slice){ bytes, (uint32_t)size });
}
