/* tests/unit/bus_brokers.h - the brokers of a bus, played by a test: what they say and get. */
#ifndef MU_TESTS_UNIT_BUS_BROKERS_H
#define MU_TESTS_UNIT_BUS_BROKERS_H

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "core/address.h"
#include "core/bus.h"

enum { OWN = 77, PEER = 88, FRAMES_MAX = 4096, HEARTBEAT = 500 };

/* One frame that the bus sent. */
struct frame {
    uint32_t broker;
    struct mu_msg_envelope envelope;
    uint32_t body_bytes;
    uint8_t body[64];
};

static struct mu_rng rng;
static struct mu_decoder *decoder;
static struct frame *frames; /* [FRAMES_MAX] */
static uint32_t frames_count;
static bool refuse[MU_BUS_BROKERS_MAX];
static struct mu_msg *scratch;
static uint64_t peer_sequence;

static inline int emit(void *context, uint32_t broker, struct mu_slice header, struct mu_slice body)
{
    assert_ptr_equal(context, &rng);
    if (refuse[broker]) {
        return -EAGAIN;
    }
    assert_true(frames_count < FRAMES_MAX);
    struct frame *frame = &frames[frames_count++];
    assert_int_equal(mu_msg_decode(decoder, MU_OP_ENVELOPE, header.data, header.size, scratch), 0);
    frame->broker = broker;
    frame->envelope = scratch->envelope;
    frame->body_bytes = body.size;
    memcpy(frame->body, body.data, body.size < sizeof frame->body ? body.size : sizeof frame->body);
    return 0;
}

static inline struct mu_bus *create(uint32_t brokers, uint32_t credit)
{
    struct mu_bus_options options = {
        .service = "queue",
        .partition = "queue/eu",
        .build = "test",
        .incarnation = OWN,
        .seed = mu_rng_next(&rng),
        .credit = credit,
        .heartbeat_ms = HEARTBEAT,
        .missed_max = 4,
        .brokers_count = brokers,
        .brokers = { "tcp://a:1", "tcp://b:1", "tcp://c:1" },
        .emit = emit,
        .context = &rng,
    };
    struct mu_bus *bus = mu_bus_create(&options);
    assert_non_null(bus);
    frames_count = 0;
    memset(refuse, 0, sizeof refuse);
    return bus;
}

static inline const struct mu_msg_envelope *deliver(struct mu_bus *bus, uint32_t broker,
                                                    int64_t now_ms,
                                                    const struct mu_msg_envelope *envelope,
                                                    const struct mu_msg *body)
{
    uint8_t header[MU_HEADER_MAX];
    uint8_t bytes[1024];
    static struct mu_msg msg;
    msg.op = MU_OP_ENVELOPE;
    msg.envelope = *envelope;
    int64_t header_bytes = mu_msg_encode(&msg, header, sizeof header);
    int64_t body_bytes = body == NULL ? 0 : mu_msg_encode(body, bytes, sizeof bytes);
    assert_true(header_bytes > 0 && body_bytes >= 0);
    return mu_bus_receive(bus, broker, now_ms, (struct mu_slice){ header, (uint32_t)header_bytes },
                          (struct mu_slice){ bytes, (uint32_t)body_bytes });
}

static inline void control(struct mu_bus *bus, uint32_t broker, int64_t now_ms,
                           const struct mu_msg *body)
{
    struct mu_msg_envelope envelope = {
        .version = 1, .frame = MU_FRAME_CONTROL, .op = body->op, .incarnation = 1000 + broker
    };
    assert_null(deliver(bus, broker, now_ms, &envelope, body));
    mu_bus_check(bus);
}

static inline void hello_ok(struct mu_bus *bus, uint32_t broker, int64_t now_ms)
{
    static struct mu_msg msg;
    msg = (struct mu_msg){ .op = MU_OP_HELLO_OK };
    msg.hello_ok = (struct mu_msg_hello_ok){ .version = 1, .heartbeat_ms = HEARTBEAT };
    control(bus, broker, now_ms, &msg);
}

static inline void pong(struct mu_bus *bus, uint32_t broker, int64_t now_ms, uint64_t nonce)
{
    static struct mu_msg msg;
    msg.op = MU_OP_PONG;
    msg.pong = (struct mu_msg_pong){ .nonce = nonce };
    control(bus, broker, now_ms, &msg);
}

static inline struct mu_msg_envelope from_peer(enum mu_frame frame)
{
    struct mu_msg_envelope envelope = {
        .version = 1,
        .frame = frame,
        .op = MU_OP_TICKET_GET,
        .incarnation = PEER,
        .sequence = ++peer_sequence,
        .budget_ms = frame == MU_FRAME_REQUEST ? 1000 : 0,
    };
    mu_address_instance(PEER, envelope.source);
    (void)snprintf(envelope.destination, sizeof envelope.destination, "queue/eu");
    return envelope;
}

static inline uint32_t count_of(enum mu_op op)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < frames_count; i++) {
        n += frames[i].envelope.op == op;
    }
    return n;
}

/* Opens and registers with every broker at now_ms. */
static inline void connect_all(struct mu_bus *bus, uint32_t brokers, int64_t now_ms)
{
    assert_int_equal(mu_bus_tick(bus, now_ms), (1u << brokers) - 1);
    assert_int_equal(frames_count, 0); /* nothing before the host opened the sockets */
    assert_int_equal(mu_bus_tick(bus, now_ms), 0);
    assert_int_equal(count_of(MU_OP_HELLO), brokers);
    assert_false(mu_bus_ready(bus));
    for (uint32_t i = 0; i < brokers; i++) {
        hello_ok(bus, i, now_ms);
        assert_true(mu_bus_registered(bus, i));
    }
    assert_true(mu_bus_ready(bus));
    frames_count = 0;
    (void)mu_bus_tick(bus, now_ms); /* shows each that it was heard, and sends what was held */
    uint32_t others = 0;
    for (uint32_t i = 0; i < frames_count; i++) {
        if (frames[i].envelope.op != MU_OP_PING) {
            frames[others++] = frames[i];
        }
    }
    assert_int_equal(frames_count - others, brokers);
    frames_count = others;
}

static inline struct mu_msg_envelope to(const char *destination, uint64_t sequence,
                                        uint32_t budget_ms)
{
    struct mu_msg_envelope envelope = {
        .version = 1,
        .frame = budget_ms > 0 ? MU_FRAME_REQUEST : MU_FRAME_EVENT,
        .op = MU_OP_TICKET_GET,
        .incarnation = OWN,
        .sequence = sequence,
        .budget_ms = budget_ms,
    };
    (void)snprintf(envelope.destination, sizeof envelope.destination, "%s", destination);
    return envelope;
}

static const struct mu_slice body = { (const uint8_t *)"\x91\xa0", 2 };

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

#endif /* MU_TESTS_UNIT_BUS_BROKERS_H */
