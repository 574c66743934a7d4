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
    assert_int_equal(frames[0].envelope.budget_ms, 4940); /* 60 ms were used up here */
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
    mu_bus_set_epoch(bus, 8); /* older */
    hello_ok(bus, 0, 152);
    (void)mu_bus_tick(bus, 153);
    assert_int_equal(count_of(MU_OP_HELLO), 1);
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
        cmocka_unit_test(test_holds_back_up_to_a_bound),
        cmocka_unit_test(test_presence_goes_to_all_brokers),
    };
    return RUN(argc, argv, tests);
}
