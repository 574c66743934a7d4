/* tests/unit/test_bus.c - what a bus takes in, and how it stays registered. */
#include "core/bus.h"

#include "tests/unit/bus_brokers.h"

static void test_delivers_once(void **state)
{
    (void)state;
    struct mu_bus *bus = create(2, 16);
    connect_all(bus, 2, 0);
    struct mu_msg_envelope request = from_peer(MU_FRAME_REQUEST);
    const struct mu_msg_envelope *got = deliver(bus, 0, 1, &request, NULL);
    assert_non_null(got);
    assert_int_equal(got->sequence, request.sequence);
    assert_null(deliver(bus, 0, 2, &request, NULL));
    assert_null(deliver(bus, 1, 2, &request, NULL)); /* a repeat by another way */
    assert_int_equal(mu_bus_counters(bus)->values[MU_COUNTER_FRAMES_REPEATED], 2);

    struct mu_msg_envelope reply = from_peer(MU_FRAME_REPLY);
    reply.answers_incarnation = OWN - 1;
    assert_null(deliver(bus, 0, 3, &reply, NULL));
    assert_int_equal(mu_bus_counters(bus)->values[MU_COUNTER_REPLIES_LATE], 1);
    reply = from_peer(MU_FRAME_REPLY);
    reply.answers_incarnation = OWN;
    assert_non_null(deliver(bus, 0, 3, &reply, NULL));
    assert_int_equal(mu_bus_counters(bus)->values[MU_COUNTER_MESSAGES_IN], 2);
    mu_bus_check(bus);
    mu_bus_destroy(bus);
}

static void test_does_not_begin_what_is_too_late(void **state)
{
    (void)state;
    struct mu_bus *bus = create(1, 16);
    connect_all(bus, 1, 0);
    struct mu_msg_envelope request = from_peer(MU_FRAME_REQUEST);
    request.budget_ms = 0;
    assert_null(deliver(bus, 0, 1, &request, NULL));
    assert_int_equal(frames_count, 1);
    const struct mu_msg_envelope *answer = &frames[0].envelope;
    assert_int_equal(answer->frame, MU_FRAME_REPLY);
    assert_int_equal(answer->answers_incarnation, PEER);
    assert_int_equal(answer->answers_sequence, request.sequence);
    assert_string_equal(answer->destination, request.source);
    assert_int_equal(
        mu_msg_decode(decoder, MU_OP_ERROR, frames[0].body, frames[0].body_bytes, scratch), 0);
    assert_int_equal(scratch->error.code, MU_ERROR_EXPIRED);
    mu_bus_destroy(bus);
}

static void test_drops_garbage(void **state)
{
    (void)state;
    struct mu_bus *bus = create(1, 16);
    connect_all(bus, 1, 0);
    for (uint32_t i = 0; i < 5000; i++) {
        uint8_t noise[96];
        uint32_t size = (uint32_t)mu_rng_below(&rng, sizeof noise + 1);
        for (uint32_t k = 0; k < size; k++) {
            noise[k] = (uint8_t)mu_rng_next(&rng);
        }
        assert_null(mu_bus_receive(bus, 0, 1, (struct mu_slice){ noise, size },
                                   (struct mu_slice){ noise, size }));
    }
    struct mu_msg_envelope future = from_peer(MU_FRAME_EVENT);
    future.version = 2;
    assert_null(deliver(bus, 0, 1, &future, NULL));
    struct mu_msg_envelope odd = from_peer(MU_FRAME_CONTROL); /* not a control op */
    assert_null(deliver(bus, 0, 1, &odd, NULL));
    mu_bus_garbage(bus);
    assert_int_equal(mu_bus_counters(bus)->values[MU_COUNTER_FRAMES_BAD], 5003);
    assert_int_equal(frames_count, 0);
    mu_bus_check(bus);
    mu_bus_destroy(bus);
}

static void test_grants_credit_after_the_work(void **state)
{
    (void)state;
    struct mu_bus *bus = create(1, 8);
    connect_all(bus, 1, 0);
    for (uint32_t i = 0; i < 5; i++) {
        struct mu_msg_envelope event = from_peer(MU_FRAME_EVENT);
        assert_non_null(deliver(bus, 0, 1, &event, NULL));
    }
    (void)mu_bus_tick(bus, 1);
    assert_int_equal(count_of(MU_OP_CREDIT), 0); /* received is not handled */
    mu_bus_handled(bus);
    (void)mu_bus_tick(bus, 1);
    assert_int_equal(count_of(MU_OP_CREDIT), 1);
    assert_int_equal(
        mu_msg_decode(decoder, MU_OP_CREDIT, frames[0].body, frames[0].body_bytes, scratch), 0);
    assert_int_equal(scratch->credit.granted_total, 5 + 8);
    (void)mu_bus_tick(bus, 2);
    assert_int_equal(count_of(MU_OP_CREDIT), 1); /* once */
    mu_bus_check(bus);
    mu_bus_destroy(bus);
}

/* HELLO is repeated now and then, and starts the counts of credit anew on both sides. */
static void test_refreshes_its_registration(void **state)
{
    (void)state;
    struct mu_bus *bus = create(1, 8);
    connect_all(bus, 1, 0);
    for (uint32_t i = 0; i < 5; i++) {
        struct mu_msg_envelope event = from_peer(MU_FRAME_EVENT);
        assert_non_null(deliver(bus, 0, 1, &event, NULL));
    }
    mu_bus_handled(bus);
    int64_t now_ms = 1;
    uint32_t turns = 0;
    assert_int_equal(mu_bus_tick(bus, now_ms), 0);
    while (count_of(MU_OP_HELLO) == 0) { /* woken up by nothing but its own deadline */
        pong(bus, 0, now_ms, (uint64_t)now_ms);
        int64_t next_ms = mu_bus_deadline(bus);
        now_ms = next_ms > now_ms ? next_ms : now_ms;
        assert_int_equal(mu_bus_tick(bus, now_ms), 0);
        turns++;
        assert_true(turns < 100);
    }
    assert_int_equal(now_ms, MU_BUS_REFRESH_BEATS * HEARTBEAT);
    hello_ok(bus, 0, now_ms);
    assert_true(mu_bus_registered(bus, 0));
    frames_count = 0;
    for (uint32_t i = 0; i < 3; i++) {
        struct mu_msg_envelope event = from_peer(MU_FRAME_EVENT);
        assert_non_null(deliver(bus, 0, now_ms, &event, NULL));
    }
    mu_bus_handled(bus);
    (void)mu_bus_tick(bus, now_ms);
    assert_int_equal(count_of(MU_OP_CREDIT), 1);
    const struct frame *frame = &frames[frames_count - 1];
    assert_int_equal(mu_msg_decode(decoder, MU_OP_CREDIT, frame->body, frame->body_bytes, scratch),
                     0);
    assert_int_equal(scratch->credit.granted_total, 3 + 8);
    mu_bus_destroy(bus);
}

static void test_pings_and_gives_up(void **state)
{
    (void)state;
    struct mu_bus *bus = create(1, 8);
    connect_all(bus, 1, 0);
    static struct mu_msg msg;
    for (int64_t now_ms = 100; now_ms <= 1900; now_ms += 100) {
        assert_int_equal(mu_bus_tick(bus, now_ms), 0);
    }
    assert_int_equal(count_of(MU_OP_PING), 3); /* at 500, 1000, 1500 */
    pong(bus, 0, 1950, 500);
    pong(bus, 0, 1950, 0);          /* a late one */
    pong(bus, 0, 1950, 1951);       /* of no PING of ours */
    pong(bus, 0, 1950, UINT64_MAX); /* as well */
    frames_count = 0;
    int64_t reopened_ms = 0;
    for (int64_t now_ms = 2000; now_ms <= 5000 && reopened_ms == 0; now_ms += 50) {
        struct mu_msg_envelope event = from_peer(MU_FRAME_EVENT);
        assert_non_null(deliver(bus, 0, now_ms, &event, NULL)); /* it speaks, and does not hear */
        reopened_ms = mu_bus_tick(bus, now_ms) != 0 ? now_ms : 0;
    }
    assert_true(reopened_ms > 500 + 4 * HEARTBEAT && reopened_ms <= 500 + 5 * HEARTBEAT);
    assert_false(mu_bus_ready(bus));
    msg.op = MU_OP_PING;
    msg.ping = (struct mu_msg_ping){ .nonce = 12345 };
    frames_count = 0;
    control(bus, 0, reopened_ms, &msg);
    assert_int_equal(count_of(MU_OP_PONG), 1);
    mu_bus_destroy(bus);
}

/* A bus that slept itself does not blame the broker for the silence. */
static void test_own_stall_is_not_the_brokers_silence(void **state)
{
    (void)state;
    struct mu_bus *bus = create(1, 8);
    connect_all(bus, 1, 0);
    assert_int_equal(mu_bus_tick(bus, 60000), 0);
    assert_int_equal(count_of(MU_OP_PING), 1);
    assert_true(mu_bus_ready(bus));
    assert_int_equal(mu_bus_registered_mask(bus), 1u << 0);
    mu_bus_destroy(bus);
}

static void test_backs_off(void **state)
{
    (void)state;
    struct mu_bus *bus = create(1, 8);
    uint32_t opened = 0;
    for (int64_t now_ms = 0; now_ms < 60000; now_ms += 10) {
        opened += mu_bus_tick(bus, now_ms) != 0; /* HELLO leaves, and is never answered */
    }
    assert_true(opened >= 20 && opened <= 32); /* each 2 s, the life of a silent broker */
    mu_bus_check(bus);
    mu_bus_destroy(bus);
}

static void test_answers_who_and_obeys_bye(void **state)
{
    (void)state;
    static struct mu_msg msg;
    struct mu_bus *bus = create(2, 8);
    connect_all(bus, 2, 0);
    (void)mu_bus_presence_wanted(bus);
    msg.op = MU_OP_WHO;
    msg.who = (struct mu_msg_who){ 0 };
    control(bus, 0, 1000, &msg);
    control(bus, 0, 1000, &msg);
    assert_false(mu_bus_registered(bus, 0));
    (void)mu_bus_tick(bus, 1000);
    control(bus, 0, 1001, &msg); /* one more that was under way */
    (void)mu_bus_tick(bus, 1001);
    assert_int_equal(count_of(MU_OP_HELLO), 1);
    hello_ok(bus, 0, 1002);
    assert_true(mu_bus_presence_wanted(bus));
    msg.op = MU_OP_BYE;
    msg.bye = (struct mu_msg_bye){ .reason = "stopping" };
    control(bus, 0, 1003, &msg);
    assert_false(mu_bus_registered(bus, 0));
    assert_false(mu_bus_superseded(bus));
    (void)snprintf(msg.bye.reason, sizeof msg.bye.reason, "superseded");
    control(bus, 1, 1004, &msg);
    assert_true(mu_bus_superseded(bus));
    mu_bus_check(bus);
    mu_bus_destroy(bus);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delivers_once),
        cmocka_unit_test(test_does_not_begin_what_is_too_late),
        cmocka_unit_test(test_drops_garbage),
        cmocka_unit_test(test_grants_credit_after_the_work),
        cmocka_unit_test(test_refreshes_its_registration),
        cmocka_unit_test(test_pings_and_gives_up),
        cmocka_unit_test(test_own_stall_is_not_the_brokers_silence),
        cmocka_unit_test(test_backs_off),
        cmocka_unit_test(test_answers_who_and_obeys_bye),
    };
    return RUN(argc, argv, tests);
}
