/* tests/unit/router_peers.h - the peers of a router, played by a test: what they say and get. */
#ifndef MU_TESTS_UNIT_ROUTER_PEERS_H
#define MU_TESTS_UNIT_ROUTER_PEERS_H

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "broker/router.h"
#include "core/address.h"

enum { PEERS = 32, FRAMES_MAX = 4096, HEARTBEAT = 500, QUEUE = 64 };

/* One frame that the router sent. */
struct frame {
    uint32_t peer;
    struct mu_msg_envelope envelope;
    const uint8_t *body_data; /* as handed over; not to be read later */
    uint32_t body_bytes;
    uint8_t body[128];
};

static struct mu_rng rng;
static struct mu_decoder *decoder;
static struct mu_msg *scratch;
static struct frame *frames; /* [FRAMES_MAX] */
static uint32_t frames_count;
static bool full[PEERS];
static bool unreachable[PEERS];
static uint32_t forgotten[PEERS];
static uint64_t sequences[PEERS];
static const struct mu_identity *identities[PEERS]; /* with keys: who each connection is */
static uint32_t marks[PEERS];                       /* of its key */
static char noted[200];                             /* the last note */

static inline int sink(void *context, uint32_t peer, struct mu_slice header, struct mu_slice body)
{
    assert_ptr_equal(context, &rng);
    assert_true(peer < PEERS);
    if (full[peer] || unreachable[peer]) {
        return full[peer] ? -EAGAIN : -EHOSTUNREACH;
    }
    assert_true(frames_count < FRAMES_MAX);
    struct frame *frame = &frames[frames_count++];
    assert_int_equal(mu_msg_decode(decoder, MU_OP_ENVELOPE, header.data, header.size, scratch), 0);
    frame->peer = peer;
    frame->envelope = scratch->envelope;
    frame->body_data = body.data;
    frame->body_bytes = body.size;
    memcpy(frame->body, body.data, body.size < sizeof frame->body ? body.size : sizeof frame->body);
    return 0;
}

static inline void gone(void *context, uint32_t peer)
{
    assert_ptr_equal(context, &rng);
    forgotten[peer]++;
}

static inline void note(void *context, uint32_t peer, const char *text)
{
    assert_ptr_equal(context, &rng);
    assert_true(peer < PEERS);
    (void)snprintf(noted, sizeof noted, "%s", text);
}

static inline struct mu_router *create_with(bool keys)
{
    struct mu_router_options options = {
        .incarnation = 9,
        .seed = mu_rng_next(&rng),
        .name = "broker-1",
        .build = "1.2.3",
        .peers_max = PEERS,
        .destinations_max = 8,
        .players_max = 100,
        .queue_messages = QUEUE,
        .queue_bytes = 128 * 1024,
        .heartbeat_ms = HEARTBEAT,
        .missed_max = 4,
        .keys = keys,
        .sink = sink,
        .gone = gone,
        .note = note,
        .context = &rng,
    };
    struct mu_router *router = mu_router_create(&options);
    assert_non_null(router);
    frames_count = 0;
    memset(full, 0, sizeof full);
    memset(unreachable, 0, sizeof unreachable);
    memset(forgotten, 0, sizeof forgotten);
    memset(identities, 0, sizeof identities);
    memset(marks, 0, sizeof marks);
    noted[0] = '\0';
    return router;
}

static inline struct mu_router *create(void)
{
    return create_with(false);
}

/* A process's incarnation is its peer number + 100. */
static inline uint64_t incarnation_of(uint32_t peer)
{
    return 100 + peer;
}

static inline void deliver(struct mu_router *router, uint32_t peer, int64_t now_ms,
                           const struct mu_msg_envelope *envelope, struct mu_slice body)
{
    static struct mu_msg msg;
    uint8_t header[MU_HEADER_MAX];
    msg.op = MU_OP_ENVELOPE;
    msg.envelope = *envelope;
    int64_t size = mu_msg_encode(&msg, header, sizeof header);
    assert_true(size > 0);
    if (identities[peer] != NULL) {
        mu_router_identify(router, peer, identities[peer], marks[peer]);
    }
    mu_router_receive(router, peer, now_ms, (struct mu_slice){ header, (uint32_t)size }, body);
    mu_router_check(router);
}

static inline void control_as(struct mu_router *router, uint32_t peer, int64_t now_ms,
                              uint64_t incarnation, const struct mu_msg *body)
{
    uint8_t bytes[2048];
    int64_t size = mu_msg_encode(body, bytes, sizeof bytes);
    assert_true(size > 0);
    struct mu_msg_envelope envelope = {
        .version = 1, .frame = MU_FRAME_CONTROL, .op = body->op, .incarnation = incarnation
    };
    deliver(router, peer, now_ms, &envelope, (struct mu_slice){ bytes, (uint32_t)size });
}

/* Shows that it heard HELLO_OK, by a PING whose PONG does not stand in frames. */
static inline void ping_as(struct mu_router *router, uint32_t peer, int64_t now_ms,
                           uint64_t incarnation)
{
    static struct mu_msg msg;
    msg.op = MU_OP_PING;
    msg.ping.nonce = 1;
    control_as(router, peer, now_ms, incarnation, &msg);
    frames_count -= frames_count > 0 && frames[frames_count - 1].envelope.op == MU_OP_PONG;
}

/* Says HELLO, and when it is answered by HELLO_OK, shows that it heard that. */
static inline void hello_as(struct mu_router *router, uint32_t peer, int64_t now_ms,
                            uint64_t incarnation, const struct mu_msg_hello *hello)
{
    static struct mu_msg msg;
    uint32_t before = frames_count;
    msg.op = MU_OP_HELLO;
    msg.hello = *hello;
    msg.hello.version_min = 1;
    msg.hello.version_max = 1;
    control_as(router, peer, now_ms, incarnation, &msg);
    if (frames_count > before && frames[before].envelope.op == MU_OP_HELLO_OK) {
        ping_as(router, peer, now_ms, incarnation);
    }
}

static inline void hello(struct mu_router *router, uint32_t peer, int64_t now_ms,
                         const char *service, uint32_t credit)
{
    struct mu_msg_hello said = { .credit = credit };
    (void)snprintf(said.service, sizeof said.service, "%s", service);
    hello_as(router, peer, now_ms, incarnation_of(peer), &said);
}

static inline void hello_partition(struct mu_router *router, uint32_t peer, int64_t now_ms,
                                   const char *partition, uint64_t epoch)
{
    struct mu_msg_hello said = { .service = "queue", .credit = 16, .epoch = epoch };
    (void)snprintf(said.partition, sizeof said.partition, "%s", partition);
    hello_as(router, peer, now_ms, incarnation_of(peer), &said);
}

static inline void credit(struct mu_router *router, uint32_t peer, int64_t now_ms, uint64_t total)
{
    static struct mu_msg msg;
    msg.op = MU_OP_CREDIT;
    msg.credit.granted_total = total;
    control_as(router, peer, now_ms, incarnation_of(peer), &msg);
}

static const struct mu_slice body = { (const uint8_t *)"\x91\xa1x", 3 };

/* A message from `peer`, of which `said` tells frame, op and destination; returns its sequence. */
static inline uint64_t send_body(struct mu_router *router, uint32_t peer, int64_t now_ms,
                                 const struct mu_msg_envelope *said, struct mu_slice bytes)
{
    struct mu_msg_envelope envelope = *said;
    envelope.version = 1;
    (void)snprintf(envelope.source, sizeof envelope.source, "#liar");
    envelope.incarnation = incarnation_of(peer);
    envelope.sequence = ++sequences[peer];
    envelope.budget_ms = said->frame == MU_FRAME_REQUEST ? 1000 : 0;
    deliver(router, peer, now_ms, &envelope, bytes);
    return envelope.sequence;
}

static inline uint64_t send_op(struct mu_router *router, uint32_t peer, int64_t now_ms,
                               enum mu_frame frame, uint32_t op, const char *destination)
{
    struct mu_msg_envelope said = { .frame = frame, .op = op };
    (void)snprintf(said.destination, sizeof said.destination, "%s", destination);
    return send_body(router, peer, now_ms, &said, body);
}

static inline uint64_t send_as(struct mu_router *router, uint32_t peer, int64_t now_ms,
                               enum mu_frame frame, const char *destination)
{
    return send_op(router, peer, now_ms, frame, MU_OP_TICKET_GET, destination);
}

static inline struct frame *last(void)
{
    assert_true(frames_count > 0);
    return &frames[frames_count - 1];
}

/* The last frame answers (peer, sequence) with this error. */
static inline void expect_error(uint32_t peer, uint64_t sequence, enum mu_error error)
{
    const struct frame *frame = last();
    assert_int_equal(frame->peer, peer);
    assert_int_equal(frame->envelope.frame, MU_FRAME_REPLY);
    assert_int_equal(frame->envelope.op, MU_OP_ERROR);
    assert_int_equal(frame->envelope.answers_incarnation, incarnation_of(peer));
    assert_int_equal(frame->envelope.answers_sequence, sequence);
    assert_int_equal(mu_msg_decode(decoder, MU_OP_ERROR, frame->body, frame->body_bytes, scratch),
                     0);
    assert_int_equal(scratch->error.code, error);
    assert_int_equal(scratch->error.retry_after_ms > 0, error == MU_ERROR_OVERLOADED);
}

static inline uint64_t counter(struct mu_router *router, enum mu_counter which)
{
    return mu_router_counters(router)->values[which];
}

/* Makes what all tests of the program use, runs them, and frees it. */
#define RUN(argc, argv, tests)                                                                     \
    (set_up(argc, argv) != 0 ? 1 : tear_down(cmocka_run_group_tests(tests, NULL, NULL)))

static inline int set_up(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    decoder = mu_decoder_create();
    frames = calloc(FRAMES_MAX, sizeof *frames);
    scratch = calloc(1, sizeof *scratch);
    return decoder == NULL || frames == NULL || scratch == NULL ? -ENOMEM : 0;
}

static inline int tear_down(int result)
{
    mu_decoder_destroy(decoder);
    free(frames);
    free(scratch);
    return result;
}

#endif /* MU_TESTS_UNIT_ROUTER_PEERS_H */
