/* tests/unit/test_router_life.c - the routing core: presence, garbage, silence, full pipes, and
 * those who come again. */
#include "broker/router.h"

#include "tests/unit/router_peers.h"

static void test_presence_and_broadcast(void **state)
{
    static struct mu_msg msg;
    (void)state;
    struct mu_router *router = create();
    hello(router, 1, 0, "gateway", 16);
    hello(router, 2, 0, "gateway", 16);
    hello(router, 3, 0, "store", 16);
    msg.op = MU_OP_PRESENCE;
    msg.presence.joined_count = 1;
    (void)snprintf(msg.presence.joined[0].id, sizeof msg.presence.joined[0].id, "ply_1");
    control_as(router, 1, 0, 101, &msg);
    control_as(router, 2, 0, 102, &msg);
    frames_count = 0;
    (void)send_as(router, 3, 1, MU_FRAME_EVENT, "player/ply_1");
    assert_int_equal(frames_count, 2);
    assert_int_equal(frames[0].peer, 1);
    assert_int_equal(frames[1].peer, 2);
    (void)send_as(router, 3, 1, MU_FRAME_EVENT, "player/ply_2");
    assert_int_equal(frames_count, 2);
    (void)send_as(router, 3, 1, MU_FRAME_EVENT, "*gateway");
    assert_int_equal(frames_count, 4);
    (void)send_as(router, 1, 1, MU_FRAME_EVENT, "*gateway"); /* not to itself */
    assert_int_equal(frames_count, 5);
    msg.presence.reset = true;
    msg.presence.joined_count = 0;
    control_as(router, 1, 2, 101, &msg);
    control_as(router, 1, 2, 101, &msg); /* not in a whole announcement: gone */
    mu_router_lost(router, 2, 2);
    mu_router_check(router);
    assert_int_equal(forgotten[2], 1);
    assert_int_equal(counter(router, MU_COUNTER_PRESENT), 0);
    control_as(router, 3, 2, 103, &msg); /* only gateways may say who is there */
    assert_int_equal(counter(router, MU_COUNTER_FRAMES_BAD), 1);
    mu_router_destroy(router);
}

static void test_ignores_who_sends_garbage(void **state)
{
    (void)state;
    struct mu_router *router = create();
    hello(router, 1, 0, "gateway", 16);
    hello(router, 2, 0, "store", 16);
    frames_count = 0;
    mu_router_garbage(router, 1, 1);
    mu_router_receive(router, 1, 1, (struct mu_slice){ (const uint8_t *)"\xc1", 1 }, body);
    (void)send_as(router, 1, 1, MU_FRAME_REQUEST, "store");
    assert_int_equal(frames_count, 1); /* two are forgiven */
    mu_router_receive(router, 1, 1, (struct mu_slice){ NULL, 0 }, (struct mu_slice){ NULL, 0 });
    mu_router_check(router);
    (void)send_as(router, 1, 1, MU_FRAME_REQUEST, "store");
    hello(router, 1, 1, "gateway", 16);
    assert_int_equal(frames_count, 1);
    assert_int_equal(counter(router, MU_COUNTER_BLOCKED), 1);
    assert_int_equal(counter(router, MU_COUNTER_PEERS), 1);
    mu_router_destroy(router);
}

static void test_pings_and_forgets_the_silent(void **state)
{
    (void)state;
    struct mu_router *router = create();
    hello(router, 1, 0, "gateway", 16);
    hello(router, 2, 0, "store", 0);
    uint64_t sequence = send_as(router, 1, 0, MU_FRAME_REQUEST, "store");
    frames_count = 0;
    uint32_t pings = 0;
    for (int64_t now_ms = 1; now_ms <= 2600; now_ms++) {
        if (now_ms % 300 == 0) {
            credit(router, 1, now_ms, 0);
        }
        if (mu_router_deadline(router) <= now_ms) {
            mu_router_tick(router, now_ms);
        }
    }
    for (uint32_t i = 0; i < frames_count; i++) {
        pings += frames[i].envelope.op == MU_OP_PING;
        assert_true(frames[i].envelope.op != MU_OP_PING || frames[i].peer == 2);
    }
    assert_true(pings >= 2 && pings <= 4);
    assert_int_equal(forgotten[1], 0);
    assert_int_equal(forgotten[2], 1);
    assert_int_equal(counter(router, MU_COUNTER_EVICTED), 1);
    bool told = false;
    for (uint32_t i = 0; i < frames_count; i++) {
        told = told || (frames[i].peer == 1 && frames[i].envelope.op == MU_OP_ERROR &&
                        frames[i].envelope.answers_sequence == sequence);
    }
    assert_true(told);
    mu_router_destroy(router);
}

/* After an own pause nobody is blamed for it. */
static void test_own_stall_evicts_nobody(void **state)
{
    (void)state;
    struct mu_router *router = create();
    hello(router, 1, 0, "gateway", 16);
    hello(router, 2, 0, "store", 16);
    mu_router_tick(router, 60000);
    mu_router_check(router);
    assert_int_equal(counter(router, MU_COUNTER_PEERS), 2);
    assert_int_equal(forgotten[1] + forgotten[2], 0);
    mu_router_destroy(router);
}

static void test_a_full_pipe_holds_up_nobody_else(void **state)
{
    (void)state;
    struct mu_router *router = create();
    hello(router, 1, 0, "gateway", 16);
    hello(router, 2, 0, "matcher", 16);
    hello(router, 3, 0, "matcher", 8);
    full[2] = true;
    frames_count = 0;
    (void)send_as(router, 1, 1, MU_FRAME_REQUEST, "matcher");
    assert_int_equal(last()->peer, 3);
    full[3] = true;
    uint64_t sequence = send_as(router, 1, 1, MU_FRAME_REQUEST, "#0000000000000067");
    expect_error(1, sequence, MU_ERROR_OVERLOADED);
    (void)send_as(router, 1, 1, MU_FRAME_REQUEST, "matcher");
    assert_int_equal(counter(router, MU_COUNTER_QUEUED), 1);
    full[2] = false;
    mu_router_tick(router, 1 + MU_ROUTER_SWEEP_MS);
    assert_int_equal(last()->peer, 2);
    assert_int_equal(counter(router, MU_COUNTER_QUEUED), 0);
    unreachable[2] = true;
    unreachable[3] = true;
    full[3] = false;
    sequence = send_as(router, 1, 60, MU_FRAME_REQUEST, "matcher");
    assert_int_equal(forgotten[2], 1);
    mu_router_tick(router, 120);
    expect_error(1, sequence, MU_ERROR_UNAVAILABLE);
    mu_router_check(router);
    mu_router_destroy(router);
}

/* Messages lost on the way: the counts of both sides drift until the broker asks WHO. */
static void test_a_starved_peer_is_asked(void **state)
{
    (void)state;
    struct mu_router *router = create();
    hello(router, 1, 0, "gateway", 16);
    hello(router, 2, 0, "store", 2);
    (void)send_as(router, 1, 0, MU_FRAME_EVENT, "store");
    (void)send_as(router, 1, 0, MU_FRAME_EVENT, "store");
    (void)send_as(router, 1, 0, MU_FRAME_EVENT, "store");
    frames_count = 0;
    uint32_t asked = 0;
    for (int64_t now_ms = 0; now_ms < 1500; now_ms += 50) {
        credit(router, 2, now_ms, 0);
        mu_router_tick(router, now_ms);
    }
    for (uint32_t i = 0; i < frames_count; i++) {
        asked += frames[i].envelope.op == MU_OP_WHO && frames[i].peer == 2;
    }
    assert_int_equal(asked, 1);
    hello(router, 2, 1500, "store", 2);
    assert_int_equal(last()->envelope.op, MU_OP_TICKET_GET);
    mu_router_destroy(router);
}

static void test_a_process_that_comes_again(void **state)
{
    (void)state;
    struct mu_router *router = create();
    hello(router, 1, 0, "gateway", 16);
    struct mu_msg_hello said = { .service = "store", .credit = 4 };
    hello_as(router, 2, 0, 555, &said);
    hello_as(router, 3, 1, 555, &said); /* a new connection of the same process */
    assert_int_equal(forgotten[2], 1);
    (void)send_as(router, 1, 2, MU_FRAME_REQUEST, "store");
    assert_int_equal(last()->peer, 3);
    static struct mu_msg msg;
    msg.op = MU_OP_BYE;
    msg.bye = (struct mu_msg_bye){ .reason = "stopping" };
    control_as(router, 3, 3, 555, &msg);
    assert_int_equal(forgotten[3], 1);
    uint64_t sequence = send_as(router, 1, 4, MU_FRAME_REQUEST, "store");
    expect_error(1, sequence, MU_ERROR_UNAVAILABLE);
    hello(router, 3, 5, "store", 1); /* the number is free for another */
    hello(router, 3, 5, "lobby", 1); /* who changes his service leaves the old one */
    sequence = send_as(router, 1, 6, MU_FRAME_REQUEST, "store");
    expect_error(1, sequence, MU_ERROR_UNAVAILABLE);
    mu_router_bye(router, "stopping");
    assert_int_equal(last()->envelope.op, MU_OP_BYE);
    mu_router_destroy(router);
    mu_router_destroy(NULL);
}

/* Who says HELLO and never anything else does not hear us: nobody is sent there. */
static void test_the_deaf_are_not_there(void **state)
{
    (void)state;
    static struct mu_msg msg;
    struct mu_router *router = create();
    hello(router, 1, 0, "gateway", 16);
    msg.op = MU_OP_HELLO;
    msg.hello = (struct mu_msg_hello){ .version_min = 1,
                                       .version_max = 1,
                                       .service = "queue",
                                       .partition = "queue/eu",
                                       .epoch = 3,
                                       .credit = 4 };
    for (int64_t now_ms = 0; now_ms < 3000; now_ms += 500) {
        control_as(router, 2, now_ms, 102, &msg);
        assert_int_equal(last()->envelope.op, MU_OP_HELLO_OK);
        uint64_t sequence = send_as(router, 1, now_ms, MU_FRAME_REQUEST, "queue/eu");
        expect_error(1, sequence, MU_ERROR_UNAVAILABLE);
    }
    ping_as(router, 2, 3000, 102);
    (void)send_as(router, 1, 3000, MU_FRAME_REQUEST, "queue/eu");
    assert_int_equal(last()->peer, 2);
    control_as(router, 3, 3001, 102, &msg); /* it does not hear us any more, and tries anew */
    assert_int_equal(forgotten[2], 1);
    expect_error(1, send_as(router, 1, 3001, MU_FRAME_REQUEST, "queue/eu"), MU_ERROR_UNAVAILABLE);
    mu_router_destroy(router);
}

/* HELLOs have numbers: a late one does not undo what a later one said. */
static void test_a_late_hello_says_nothing(void **state)
{
    (void)state;
    static const uint64_t epochs[] = { 0, 7, 0, 0 };
    static const uint64_t numbers[] = { 1, 2, 1, 3 };
    struct mu_router *router = create();
    hello(router, 1, 0, "gateway", 16);
    for (uint32_t i = 0; i < 4; i++) {
        static struct mu_msg msg;
        uint8_t bytes[256];
        msg.op = MU_OP_HELLO;
        msg.hello = (struct mu_msg_hello){ .version_min = 1,
                                           .version_max = 1,
                                           .service = "queue",
                                           .partition = "queue/eu",
                                           .epoch = epochs[i],
                                           .credit = 4 };
        struct mu_msg_envelope envelope = { .version = 1,
                                            .frame = MU_FRAME_CONTROL,
                                            .op = MU_OP_HELLO,
                                            .incarnation = 102,
                                            .sequence = numbers[i] };
        uint32_t size = (uint32_t)mu_msg_encode(&msg, bytes, sizeof bytes);
        deliver(router, 2, i, &envelope, (struct mu_slice){ bytes, size });
        ping_as(router, 2, i, 102);
        uint64_t sequence = send_as(router, 1, i, MU_FRAME_REQUEST, "queue/eu");
        if (i == 1 || i == 2) {
            assert_int_equal(last()->peer, 2);
        } else {
            expect_error(1, sequence, MU_ERROR_UNAVAILABLE);
        }
    }
    mu_router_destroy(router);
}

static void test_tells_the_gateways_how_it_is(void **state)
{
    (void)state;
    struct mu_router *router = create();
    hello(router, 1, 0, "gateway", 16);
    hello(router, 2, 0, "store", 16);
    frames_count = 0;
    mu_router_tick(router, MU_ROUTER_STATS_MS);
    uint32_t told = 0;
    for (uint32_t i = 0; i < frames_count; i++) {
        if (frames[i].envelope.op == MU_OP_STATS) {
            assert_int_equal(frames[i].peer, 1);
            assert_int_equal(
                mu_msg_decode(decoder, MU_OP_STATS, frames[i].body, frames[i].body_bytes, scratch),
                0);
            assert_string_equal(scratch->stats.kind, "broker");
            assert_string_equal(scratch->stats.name, "broker-1");
            assert_string_equal(scratch->stats.build, "1.2.3");
            assert_int_equal(scratch->stats.state, MU_LIFE_SERVING);
            told++;
        }
    }
    assert_int_equal(told, 1);
    mu_router_destroy(router);
}

static void test_too_many_services(void **state)
{
    (void)state;
    struct mu_router *router = create();
    for (uint32_t i = 0; i < 8; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "s%u", i);
        hello(router, i, 0, name, 1);
        assert_int_equal(last()->envelope.op, MU_OP_HELLO_OK);
    }
    hello(router, 8, 0, "s8", 1);
    assert_int_equal(last()->envelope.op, MU_OP_BYE);
    hello_partition(router, 9, 0, "queue/x", 1);
    assert_int_equal(last()->envelope.op, MU_OP_BYE);
    mu_router_lost(router, 0, 1);
    hello(router, 8, 1, "s8", 1);
    assert_int_equal(last()->envelope.op, MU_OP_HELLO_OK);
    mu_router_destroy(router);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presence_and_broadcast),
        cmocka_unit_test(test_ignores_who_sends_garbage),
        cmocka_unit_test(test_pings_and_forgets_the_silent),
        cmocka_unit_test(test_own_stall_evicts_nobody),
        cmocka_unit_test(test_a_full_pipe_holds_up_nobody_else),
        cmocka_unit_test(test_a_starved_peer_is_asked),
        cmocka_unit_test(test_a_process_that_comes_again),
        cmocka_unit_test(test_the_deaf_are_not_there),
        cmocka_unit_test(test_a_late_hello_says_nothing),
        cmocka_unit_test(test_tells_the_gateways_how_it_is),
        cmocka_unit_test(test_too_many_services),
    };
    return RUN(argc, argv, tests);
}
