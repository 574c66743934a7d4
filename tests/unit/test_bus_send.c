/* tests/unit/test_bus_send.c - what a bus sends: by which broker, when, and what it holds back. */
#include "core/bus.h"

#include "tests/unit/bus_brokers.h"

static void test_registers_and_sends(void **state)
{
    (void)state;
    struct mu_bus *bus = create(1, 16);
    struct mu_msg_envelope early = to("store", 1, 5000);
    assert_int_equal(mu_bus_send(bus, 90, &early, body), 0); /* held: nobody is there yet */
    connect_all(bus, 1, 100);
    assert_true(mu_bus_presence_wanted(bus));
    assert_false(mu_bus_presence_wanted(bus));
    assert_int_equal(mu_bus_tick(bus, 150), 0);
    assert_int_equal(frames_count, 1);
    assert_int_equal(frames[0].envelope.sequence, 1);
    assert_int_equal(frames[0].envelope.budget_ms, 4990); /* 10 ms were used up here */
    assert_string_equal(frames[0].envelope.source, "#000000000000004d");
    struct mu_msg_envelope next = to("store", 2, 5000);
    assert_int_equal(mu_bus_send(bus, 150, &next, body), 0);
    assert_int_equal(frames_count, 2);
    assert_int_equal(frames[1].envelope.budget_ms, 5000);
    assert_memory_equal(frames[1].body, body.data, body.size);
    mu_bus_set_epoch(bus, 9);
    assert_true(mu_bus_deadline(bus) <= 150);
    frames_count = 0;
    (void)mu_bus_tick(bus, 151);
    assert_int_equal(count_of(MU_OP_HELLO), 1);
    assert_int_equal(
        mu_msg_decode(decoder, MU_OP_HELLO, frames[0].body, frames[0].body_bytes, scratch), 0);
    assert_int_equal(scratch->hello.epoch, 9);
    assert_string_equal(scratch->hello.partition, "queue/eu");
    assert_int_equal(frames[0].envelope.sequence, 2); /* the second HELLO */
    mu_bus_set_epoch(bus, 8);                         /* older */
    hello_ok(bus, 0, 152);
    (void)mu_bus_tick(bus, 153);
    assert_int_equal(count_of(MU_OP_HELLO), 1);
    frames_count = 0;
    mu_bus_set_epoch(bus, 0); /* it is no longer sure of its partition */
    (void)mu_bus_tick(bus, 154);
    assert_int_equal(
        mu_msg_decode(decoder, MU_OP_HELLO, frames[0].body, frames[0].body_bytes, scratch), 0);
    assert_int_equal(scratch->hello.epoch, 0);
    mu_bus_set_epoch(bus, 9);
    (void)mu_bus_tick(bus, 155);
    assert_int_equal(count_of(MU_OP_HELLO), 2);
    mu_bus_check(bus);
    mu_bus_destroy(bus);
}

/* Every destination keeps its broker; when one is gone only its share moves. */
static void test_spreads_and_falls_over(void **state)
{
    enum { NAMES = 300 };
    uint32_t at[NAMES];
    uint32_t share[MU_BUS_BROKERS_MAX] = { 0 };
    (void)state;
    struct mu_bus *bus = create(3, 16);
    connect_all(bus, 3, 0);
    for (uint32_t i = 0; i < NAMES; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "queue/r%u", i);
        struct mu_msg_envelope request = to(name, i + 1, 1000);
        assert_int_equal(mu_bus_send(bus, 0, &request, body), 0);
        at[i] = frames[frames_count - 1].broker;
        share[at[i]]++;
    }
    assert_true(share[0] > 60 && share[1] > 60 && share[2] > 60);
    refuse[1] = true; /* its pipe is full: others take over at once */
    frames_count = 0;
    for (uint32_t i = 0; i < NAMES; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "queue/r%u", i);
        struct mu_msg_envelope request = to(name, NAMES + i + 1, 1000);
        assert_int_equal(mu_bus_send(bus, 0, &request, body), 0);
        uint32_t now_at = frames[frames_count - 1].broker;
        assert_true(at[i] == 1 ? now_at != 1 : now_at == at[i]);
    }
    assert_int_equal(frames_count, NAMES);
    assert_true(mu_bus_blocked(bus, 1));
    mu_bus_destroy(bus);
}

/* The broker by which a message to `destination` leaves; each call is another message. */
static uint32_t way_to(struct mu_bus *bus, int64_t now_ms, const char *destination)
{
    static uint64_t sequence = 100000;
    struct mu_msg_envelope request = to(destination, ++sequence, 1000);
    assert_int_equal(mu_bus_send(bus, now_ms, &request, body), 0);
    return frames[frames_count - 1].broker;
}

static void say_absent(struct mu_bus *bus, uint32_t broker, int64_t now_ms, const char *destination)
{
    static struct mu_msg msg = { .op = MU_OP_ERROR };
    struct mu_msg_envelope envelope = {
        .version = 1, .frame = MU_FRAME_CONTROL, .op = MU_OP_ERROR, .incarnation = 1000 + broker
    };
    (void)snprintf(envelope.destination, sizeof envelope.destination, "%s", destination);
    msg.error.code = MU_ERROR_UNAVAILABLE;
    assert_null(deliver(bus, broker, now_ms, &envelope, &msg));
}

/* A broker that lacks a destination is not asked for it as long as another may have it. */
static void test_asks_another_broker(void **state)
{
    (void)state;
    struct mu_bus *bus = create(2, 16);
    connect_all(bus, 2, 0);
    uint32_t first = way_to(bus, 0, "queue/eu");
    uint32_t other_first = way_to(bus, 0, "store");
    say_absent(bus, first, 10, "queue/eu");
    assert_int_equal(way_to(bus, 10, "queue/eu"), 1 - first);
    assert_int_equal(way_to(bus, 10, "store"), other_first);
    say_absent(bus, 1 - first, 20, "queue/eu"); /* nobody has it: as if nothing had been said */
    assert_int_equal(way_to(bus, 20, "queue/eu"), first);
    pong(bus, 0, 900, 900);
    pong(bus, 1, 900, 900);
    say_absent(bus, first, 900, "queue/eu");
    assert_int_equal(way_to(bus, 10 + 4 * HEARTBEAT, "queue/eu"), first); /* both, still */
    assert_int_equal(way_to(bus, 20 + 4 * HEARTBEAT, "queue/eu"), 1 - first);
    pong(bus, 0, 2900, 2900);
    pong(bus, 1, 2900, 2900);
    assert_int_equal(way_to(bus, 900 + 4 * HEARTBEAT, "queue/eu"), first); /* not for ever */
    mu_bus_destroy(bus);
}

/* Nor one by which requests to a destination are not answered, whoever is to blame for it. */
static void test_asks_another_broker_after_silence(void **state)
{
    (void)state;
    int64_t silence_ms = 2 * HEARTBEAT + 1;
    struct mu_bus *bus = create(2, 16);
    connect_all(bus, 2, 0);
    uint32_t first = way_to(bus, 0, "store");
    uint64_t sequence = frames[frames_count - 1].envelope.sequence;
    struct mu_msg_envelope reply = from_peer(MU_FRAME_REPLY);
    reply.answers_incarnation = OWN;
    reply.answers_sequence = sequence;
    assert_non_null(deliver(bus, first, 10, &reply, NULL));
    for (int64_t now_ms = 0; now_ms <= 3 * HEARTBEAT; now_ms += HEARTBEAT / 2) {
        (void)mu_bus_tick(bus, now_ms);
        pong(bus, 0, now_ms, (uint64_t)now_ms);
        pong(bus, 1, now_ms, (uint64_t)now_ms);
    }
    assert_int_equal(way_to(bus, 3 * HEARTBEAT, "store"), first); /* this one stays open */
    int64_t asked_ms = 3 * HEARTBEAT;
    (void)mu_bus_tick(bus, asked_ms + silence_ms - 1);
    pong(bus, 0, asked_ms + silence_ms, (uint64_t)(asked_ms + silence_ms));
    pong(bus, 1, asked_ms + silence_ms, (uint64_t)(asked_ms + silence_ms));
    assert_int_equal(way_to(bus, asked_ms + silence_ms - 1, "store"), first);
    (void)mu_bus_tick(bus, asked_ms + silence_ms + HEARTBEAT / 2);
    assert_int_equal(way_to(bus, asked_ms + silence_ms + HEARTBEAT / 2, "store"), 1 - first);
    mu_bus_destroy(bus);
}

/* One that owes an answer for a while is asked after those that do not. */
static void test_avoids_a_silent_broker(void **state)
{
    (void)state;
    struct mu_bus *bus = create(2, 16);
    connect_all(bus, 2, 0);
    uint32_t first = way_to(bus, 0, "queue/eu");
    pong(bus, 1 - first, 2 * HEARTBEAT, 2 * HEARTBEAT);
    assert_int_equal(way_to(bus, 2 * HEARTBEAT, "queue/eu"), first);
    assert_int_equal(way_to(bus, 2 * HEARTBEAT + 1, "queue/eu"), 1 - first);
    pong(bus, first, 2 * HEARTBEAT + 2, 1);
    assert_int_equal(way_to(bus, 2 * HEARTBEAT + 1, "queue/eu"), first);
    mu_bus_destroy(bus);
}

/* An instance is reached by the broker that it uses. */
static void test_answers_by_the_same_broker(void **state)
{
    (void)state;
    char peer[MU_ADDRESS_MAX + 1];
    struct mu_bus *bus = create(2, 16);
    connect_all(bus, 2, 0);
    mu_address_instance(PEER, peer);
    for (uint32_t i = 0; i < 6; i++) {
        struct mu_msg_envelope request = from_peer(MU_FRAME_REQUEST);
        assert_non_null(deliver(bus, i % 2, 1, &request, NULL));
        assert_null(deliver(bus, 1 - i % 2, 1, &request, NULL)); /* a repeat says nothing */
        assert_int_equal(way_to(bus, 1, peer), i % 2);
    }
    say_absent(bus, 1, 1, peer);
    assert_int_equal(way_to(bus, 1, peer), 0);
    mu_bus_destroy(bus);
}

/* What nobody would send again goes by every broker. */
static void test_tells_all_by_all(void **state)
{
    static const char *const names[] = { "*gateway", "player/ply_1", "queue/eu", "#1" };
    (void)state;
    struct mu_bus *bus = create(3, 16);
    connect_all(bus, 3, 0);
    for (uint32_t i = 0; i < 4; i++) {
        frames_count = 0;
        struct mu_msg_envelope event = to(names[i], i + 1, 0);
        assert_int_equal(mu_bus_send(bus, 0, &event, body), 0);
        assert_int_equal(frames_count, i < 2 ? 3 : 1);
    }
    refuse[0] = true;
    refuse[2] = true;
    frames_count = 0;
    struct mu_msg_envelope event = to(names[0], 5, 0);
    assert_int_equal(mu_bus_send(bus, 0, &event, body), 0);
    assert_int_equal(frames_count, 1); /* one will do */
    refuse[1] = true;
    event.sequence++;
    assert_int_equal(mu_bus_send(bus, 0, &event, body), 0);
    assert_int_equal(frames_count, 1);
    memset(refuse, 0, sizeof refuse);
    frames_count = 0;
    (void)mu_bus_tick(bus, 1);
    assert_int_equal(count_of(MU_OP_TICKET_GET), 3); /* it was held */
    mu_bus_check(bus);
    mu_bus_destroy(bus);
}

static void test_holds_back_up_to_a_bound(void **state)
{
    (void)state;
    struct mu_bus *bus = create(1, 16);
    connect_all(bus, 1, 0);
    refuse[0] = true;
    for (uint32_t i = 1; i <= MU_BUS_HELD_MAX; i++) {
        struct mu_msg_envelope request = to("store", i, i % 2 == 0 ? 5000 : 100);
        assert_int_equal(mu_bus_send(bus, 0, &request, body), 0);
    }
    struct mu_msg_envelope more = to("store", MU_BUS_HELD_MAX + 1, 5000);
    assert_int_equal(mu_bus_send(bus, 0, &more, body), -ENOBUFS);
    assert_int_equal(mu_bus_counters(bus)->values[MU_COUNTER_SENDS_FAILED], 1);
    assert_true(mu_bus_deadline(bus) <= MU_BUS_RETRY_MS);
    refuse[0] = false;
    assert_int_equal(mu_bus_send(bus, 0, &more, body), -ENOBUFS); /* none overtakes */
    assert_int_equal(frames_count, 0);
    (void)mu_bus_tick(bus, 100); /* the odd ones are too late by now */
    assert_int_equal(frames_count, MU_BUS_HELD_MAX / 2);
    for (uint32_t i = 0; i < frames_count; i++) {
        assert_int_equal(frames[i].envelope.sequence, 2 * (i + 1));
        assert_int_equal(frames[i].envelope.budget_ms, 4900);
    }
    assert_false(mu_bus_blocked(bus, 0));
    mu_bus_check(bus);
    mu_bus_destroy(bus);
}

static void test_presence_goes_to_all_brokers(void **state)
{
    (void)state;
    struct mu_bus *bus = create(3, 8);
    connect_all(bus, 3, 0);
    (void)mu_bus_presence_wanted(bus);
    struct mu_msg_envelope event = to(MU_BUS_TO_BROKERS, 5, 0);
    event.op = MU_OP_PRESENCE;
    refuse[2] = true;
    assert_int_equal(mu_bus_send(bus, 0, &event, body), 0);
    assert_int_equal(frames_count, 2);
    assert_int_equal(frames[1].envelope.frame, MU_FRAME_CONTROL);
    assert_int_equal(frames[1].envelope.sequence, 0);
    (void)mu_bus_tick(bus, HEARTBEAT);
    assert_true(mu_bus_presence_wanted(bus)); /* one did not hear it */
    frames_count = 0;
    mu_bus_bye(bus, "stopping");
    assert_int_equal(count_of(MU_OP_BYE), 2);
    assert_int_equal(mu_bus_tick(bus, 99999), 0);
    mu_bus_check(bus);
    mu_bus_destroy(bus);
    mu_bus_destroy(NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registers_and_sends),
        cmocka_unit_test(test_spreads_and_falls_over),
        cmocka_unit_test(test_asks_another_broker),
        cmocka_unit_test(test_asks_another_broker_after_silence),
        cmocka_unit_test(test_avoids_a_silent_broker),
        cmocka_unit_test(test_answers_by_the_same_broker),
        cmocka_unit_test(test_tells_all_by_all),
        cmocka_unit_test(test_holds_back_up_to_a_bound),
        cmocka_unit_test(test_presence_goes_to_all_brokers),
    };
    return RUN(argc, argv, tests);
}
