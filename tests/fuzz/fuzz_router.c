/* Any sequence of frames from several peers, with time, full pipes and lost connections between
 * them: no assertion of the router fails, its invariants hold after each, and it only ever sends
 * well-formed frames to connections that exist.  Input: commands of one byte and what they need. */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/router.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PEERS = 8, BODY_MAX = 3000 };

/* What is left of the input. */
struct input {
    const uint8_t *at;
    size_t left;
};

struct network {
    bool open[PEERS]; /* the router knows the connection */
    bool full[PEERS];
    bool lost[PEERS];
    struct mu_decoder *decoder;
    struct mu_msg *scratch;
};

static uint32_t take(struct input *input)
{
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->at++;
}

static struct mu_slice take_bytes(struct input *input, size_t bytes)
{
    bytes = bytes < input->left ? bytes : input->left;
    struct mu_slice slice = { input->at, (uint32_t)bytes };
    input->at += bytes;
    input->left -= bytes;
    return slice;
}

static int sink(void *context, uint32_t peer, struct mu_slice header, struct mu_slice body)
{
    struct network *network = context;
    assert(peer < PEERS && network->open[peer]);
    int r =
        mu_msg_decode(network->decoder, MU_OP_ENVELOPE, header.data, header.size, network->scratch);
    assert(r == 0 && header.size <= MU_HEADER_MAX && body.size <= MU_BODY_MAX);
    const struct mu_msg_envelope *envelope = &network->scratch->envelope;
    assert(envelope->source[0] == '#');
    assert(envelope->frame != MU_FRAME_REQUEST || envelope->budget_ms > 0);
    return network->lost[peer] ? -EHOSTUNREACH : network->full[peer] ? -EAGAIN : 0;
}

static void gone(void *context, uint32_t peer)
{
    struct network *network = context;
    assert(peer < PEERS && network->open[peer]);
    network->open[peer] = false;
    network->lost[peer] = false;
    network->full[peer] = false;
}

static const char *pick_name(uint32_t byte)
{
    static const char *const names[] = {
        "store",
        "matcher",
        "gateway",
        "queue/eu",
        "queue/us",
        "lobby/0",
        "*gateway",
        "*matcher",
        "*nobody",
        "player/a",
        "player/b",
        "",
        "#0000000000000001",
        "#0000000000000002",
        "#00",
        "player/",
        "a/b/c",
        "nobody",
        "queue",
        "lobby",
    };
    return names[byte % (sizeof names / sizeof names[0])];
}

/* One of the frames that a well-behaved peer sends. */
static void fill_body(struct input *input, uint32_t kind, struct mu_msg *ret)
{
    ret->op = MU_OP_PING;
    ret->ping.nonce = 1;
    if (kind == 0) {
        ret->op = MU_OP_HELLO;
        ret->hello = (struct mu_msg_hello){ .version_min = 1, .version_max = 1 };
        (void)snprintf(ret->hello.service, sizeof ret->hello.service, "%.31s",
                       pick_name(take(input)));
        (void)snprintf(ret->hello.partition, sizeof ret->hello.partition, "%s",
                       pick_name(take(input)));
        ret->hello.epoch = take(input) % 8;
        ret->hello.credit = take(input) % 8;
    } else if (kind == 1) {
        ret->op = MU_OP_CREDIT;
        ret->credit.granted_total = take(input) % 4 == 0 ? UINT64_MAX : take(input);
    } else if (kind == 2) {
        ret->op = MU_OP_PRESENCE;
        uint32_t what = take(input);
        ret->presence.reset = what % 8 == 0;
        ret->presence.joined_count = what / 8 % 4;
        ret->presence.left_count = what / 32 % 2;
        for (uint32_t i = 0; i < ret->presence.joined_count; i++) {
            (void)snprintf(ret->presence.joined[i].id, sizeof ret->presence.joined[i].id, "%c",
                           (char)('a' + take(input) % 16));
        }
        (void)snprintf(ret->presence.left[0].id, sizeof ret->presence.left[0].id, "a");
    } else if (kind == 3) {
        ret->op = MU_OP_BYE;
        ret->bye.reason[0] = '\0';
    }
}

static void send_control(struct mu_router *router, struct input *input, struct mu_msg *msg,
                         uint32_t peer, int64_t now_ms)
{
    uint8_t header[MU_HEADER_MAX];
    uint8_t body[1024];
    fill_body(input, take(input) % 5, msg);
    enum mu_op op = msg->op;
    int64_t body_bytes = mu_msg_encode(msg, body, sizeof body);
    msg->op = MU_OP_ENVELOPE;
    msg->envelope = (struct mu_msg_envelope){
        .version = 1, .frame = MU_FRAME_CONTROL, .op = op, .incarnation = peer / 2 + 1
    };
    int64_t header_bytes = mu_msg_encode(msg, header, sizeof header);
    assert(body_bytes > 0 && header_bytes > 0);
    mu_router_receive(router, peer, now_ms, (struct mu_slice){ header, (uint32_t)header_bytes },
                      (struct mu_slice){ body, (uint32_t)body_bytes });
}

static void send_message(struct mu_router *router, struct input *input, struct mu_msg *msg,
                         uint32_t peer, int64_t now_ms)
{
    static const uint8_t body[BODY_MAX];
    uint8_t header[MU_HEADER_MAX];
    uint32_t what = take(input);
    msg->op = MU_OP_ENVELOPE;
    msg->envelope = (struct mu_msg_envelope){
        .version = 1,
        .frame = (enum mu_frame)(1 + what % 3),
        .op = MU_OP_TICKET_GET,
        .incarnation = peer / 2 + 1,
        .sequence = 7,
        .budget_ms = what / 3 % 16 * 20,
    };
    (void)snprintf(msg->envelope.destination, sizeof msg->envelope.destination, "%s",
                   pick_name(take(input)));
    int64_t header_bytes = mu_msg_encode(msg, header, sizeof header);
    assert(header_bytes > 0);
    mu_router_receive(router, peer, now_ms, (struct mu_slice){ header, (uint32_t)header_bytes },
                      (struct mu_slice){ body, take(input) * BODY_MAX / 256 });
}

/* One command.  Returns the time after it. */
static int64_t command(struct mu_router *router, struct network *network, struct input *input,
                       struct mu_msg *msg, int64_t now_ms)
{
    uint32_t what = take(input);
    uint32_t peer = what % PEERS;
    struct mu_slice header;
    switch (what / PEERS % 8) {
    case 0:
        header = take_bytes(input, take(input));
        network->open[peer] = true;
        mu_router_receive(router, peer, now_ms, header, take_bytes(input, take(input)));
        break;
    case 1:
    case 2:
        network->open[peer] = true;
        send_control(router, input, msg, peer, now_ms);
        break;
    case 3:
    case 4:
        network->open[peer] = true;
        send_message(router, input, msg, peer, now_ms);
        break;
    case 5:
        now_ms += (int64_t)take(input) * 8;
        mu_router_tick(router, now_ms);
        break;
    case 6:
        network->full[peer] = !network->full[peer];
        network->lost[peer] = network->open[peer] && take(input) % 8 == 0;
        break;
    case 7:
        if (take(input) % 2 == 0) {
            mu_router_lost(router, peer, now_ms);
        } else {
            network->open[peer] = true;
            mu_router_garbage(router, peer, now_ms);
        }
        break;
    default: break;
    }
    return now_ms;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mu_msg msg;
    static struct mu_msg scratch;
    struct network network = { .scratch = &scratch };
    struct input input = { data, size };
    struct mu_router_options options = {
        .incarnation = 99,
        .seed = 1,
        .peers_max = PEERS,
        .destinations_max = 4,
        .players_max = 8,
        .queue_messages = 8,
        .queue_bytes = 8192,
        .heartbeat_ms = 100,
        .missed_max = 4,
        .sink = sink,
        .gone = gone,
        .context = &network,
    };
    network.decoder = mu_decoder_create();
    struct mu_router *router = mu_router_create(&options);
    assert(router != NULL && network.decoder != NULL);
    int64_t now_ms = 1000;
    while (input.left > 0) {
        now_ms = command(router, &network, &input, &msg, now_ms);
        mu_router_check(router);
        for (uint32_t i = 0; i < PEERS; i++) {
            network.lost[i] = network.lost[i] && network.open[i];
        }
    }
    mu_router_bye(router, "stopping");
    mu_router_check(router);
    mu_router_destroy(router);
    mu_decoder_destroy(network.decoder);
    return 0;
}
