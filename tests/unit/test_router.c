/* tests/unit/test_router.c - the routing core: registration, routing, credit, refusals. */
#include "broker/router.h"

#include "tests/unit/router_peers.h"

static void test_asks_who_and_registers(void **state)
{
    (void)state;
    struct mu_router *router = create();
    (void)send_as(router, 1, 0, MU_FRAME_REQUEST, "store");
    assert_int_equal(frames_count, 1);
    assert_int_equal(last()->envelope.op, MU_OP_WHO);
    (void)send_as(router, 1, 1, MU_FRAME_REQUEST, "store");
    assert_int_equal(frames_count, 1); /* not for each frame */
    hello(router, 1, 2, "gateway", 16);
    assert_int_equal(last()->envelope.op, MU_OP_HELLO_OK);
    assert_int_equal(counter(router, MU_COUNTER_PEERS), 1);
    uint64_t sequence = send_as(router, 1, 3, MU_FRAME_REQUEST, "store");
    expect_error(1, sequence, MU_ERROR_UNAVAILABLE);
    struct mu_msg_hello odd = { .service = "a/b", .credit = 1 };
    hello_as(router, 2, 4, 102, &odd);
    assert_int_equal(last()->envelope.op, MU_OP_BYE);
    assert_int_equal(forgotten[2], 1);
    mu_router_destroy(router);
}

static void test_routes_request_and_reply(void **state)
{
    (void)state;
    struct mu_router *router = create();
    hello(router, 1, 0, "gateway", 16);
    hello(router, 2, 0, "store", 16);
    uint64_t sequence = send_as(router, 1, 1, MU_FRAME_REQUEST, "store");
    assert_int_equal(last()->peer, 2);
    assert_string_equal(last()->envelope.source, "#0000000000000065"); /* not what it said */
    assert_int_equal(last()->envelope.sequence, sequence);
    assert_int_equal(last()->envelope.budget_ms, 1000);
    assert_ptr_equal(last()->body_data, body.data); /* untouched, not copied */
    (void)send_as(router, 2, 2, MU_FRAME_REPLY, "#0000000000000065");
    assert_int_equal(last()->peer, 1);
    uint32_t before = frames_count;
    (void)send_as(router, 2, 2, MU_FRAME_REPLY, "#00000000000000ff"); /* nobody: dropped */
    assert_int_equal(frames_count, before + 1); /* but its sender is told: elsewhere it may be */
    assert_string_equal(last()->envelope.destination, "#00000000000000ff");
    (void)send_as(router, 2, 2, MU_FRAME_EVENT, "lobby/0");
    assert_int_equal(frames_count, before + 2);
    assert_int_equal(last()->peer, 2);
    assert_int_equal(last()->envelope.frame, MU_FRAME_CONTROL);
    assert_int_equal(last()->envelope.op, MU_OP_ERROR);
    assert_string_equal(last()->envelope.destination, "lobby/0");
    (void)send_as(router, 2, 2, MU_FRAME_EVENT, "*lobby");
    (void)send_as(router, 2, 2, MU_FRAME_EVENT, "player/ply_1");
    assert_int_equal(frames_count, before + 2); /* of those nobody is sure that they are anywhere */
    assert_int_equal(counter(router, MU_COUNTER_UNROUTABLE), 4);
    static const char *const odd[] = { "*gateway", "player/ply_1", "", "//", "a b" };
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        sequence = send_as(router, 1, 3, MU_FRAME_REQUEST, odd[i]);
        expect_error(1, sequence, MU_ERROR_BAD_REQUEST);
    }
    mu_router_destroy(router);
}

/* Matchers: the most credit first, equals in turn; then the queue; then OVERLOADED. */
static void test_credit_bounds_what_is_out(void **state)
{
    uint32_t got[PEERS] = { 0 };
    (void)state;
    struct mu_router *router = create();
    hello(router, 1, 0, "gateway", 16);
    hello(router, 2, 0, "matcher", 2);
    hello(router, 3, 0, "matcher", 4);
    frames_count = 0;
    for (uint32_t i = 0; i < 6; i++) {
        (void)send_as(router, 1, 1, MU_FRAME_REQUEST, "matcher");
        got[last()->peer]++;
    }
    assert_int_equal(got[2], 2);
    assert_int_equal(got[3], 4);
    assert_int_equal(frames[0].peer, 3);
    assert_int_equal(frames[1].peer, 3); /* then both have 2 left, and 2 was never served */
    assert_int_equal(frames[2].peer, 2);
    assert_int_equal(frames[3].peer, 3);
    frames_count = 0;
    for (uint32_t i = 0; i < QUEUE / MU_ROUTER_SHARE; i++) {
        (void)send_as(router, 1, 100, MU_FRAME_REQUEST, "matcher");
    }
    assert_int_equal(frames_count, 0);
    assert_int_equal(counter(router, MU_COUNTER_QUEUED), QUEUE / MU_ROUTER_SHARE);
    uint64_t sequence = send_as(router, 1, 100, MU_FRAME_REQUEST, "matcher");
    expect_error(1, sequence, MU_ERROR_OVERLOADED); /* its share is used up */
    hello(router, 4, 100, "lobby", 16);
    frames_count = 0;
    (void)send_as(router, 4, 100, MU_FRAME_EVENT, "matcher"); /* another one still gets in */
    assert_int_equal(counter(router, MU_COUNTER_QUEUED), QUEUE / MU_ROUTER_SHARE + 1);
    credit(router, 2, 400, 2 + 2);
    assert_int_equal(frames_count, 2);
    assert_int_equal(last()->peer, 2);
    assert_int_equal(last()->envelope.budget_ms, 700); /* 300 of 1000 went in the queue */
    credit(router, 2, 400, 3);                         /* an older grant */
    assert_int_equal(frames_count, 2);
    credit(router, 2, 400, 1000000); /* of a time before its HELLO: at most its window */
    assert_int_equal(frames_count, 4);
    mu_router_destroy(router);
}

static void test_expires_what_waits(void **state)
{
    (void)state;
    struct mu_router *router = create();
    hello(router, 1, 0, "gateway", 16);
    hello(router, 2, 0, "store", 0);
    uint64_t sequence = send_as(router, 1, 10, MU_FRAME_REQUEST, "store");
    (void)send_as(router, 1, 10, MU_FRAME_EVENT, "store");
    frames_count = 0;
    for (int64_t now_ms = 10; now_ms < 1010; now_ms += 10) {
        credit(router, 1, now_ms, 0); /* a sign of life */
        if (mu_router_deadline(router) <= now_ms) {
            mu_router_tick(router, now_ms);
        }
    }
    uint32_t errors = 0;
    for (uint32_t i = 0; i < frames_count; i++) {
        errors += frames[i].envelope.op == MU_OP_ERROR;
    }
    assert_int_equal(errors, 0);
    mu_router_tick(router, 1060);
    expect_error(1, sequence, MU_ERROR_EXPIRED);
    assert_int_equal(counter(router, MU_COUNTER_QUEUED), 1); /* the event stays */
    mu_router_check(router);
    hello(router, 2, 1070, "store", 1);
    assert_int_equal(last()->envelope.frame, MU_FRAME_EVENT);
    mu_router_destroy(router);
}

/* A number that went to another process does not get the answers of the former one. */
static void test_tells_only_who_asked(void **state)
{
    (void)state;
    struct mu_router *router = create();
    hello(router, 1, 0, "gateway", 16);
    hello(router, 2, 0, "store", 0);
    (void)send_as(router, 1, 0, MU_FRAME_REQUEST, "store");
    mu_router_lost(router, 1, 1);
    struct mu_msg_hello said = { .service = "gateway", .credit = 4 };
    hello_as(router, 1, 2, 4711, &said);
    frames_count = 0;
    mu_router_lost(router, 2, 3);
    assert_int_equal(frames_count, 0);
    assert_int_equal(counter(router, MU_COUNTER_QUEUED), 0);
    assert_int_equal(counter(router, MU_COUNTER_UNROUTABLE), 1);
    mu_router_destroy(router);
}

static void test_the_higher_epoch_owns(void **state)
{
    (void)state;
    struct mu_router *router = create();
    hello(router, 1, 0, "gateway", 16);
    hello_partition(router, 2, 0, "queue/eu", 0); /* stands by: the owner may be elsewhere */
    expect_error(1, send_as(router, 1, 1, MU_FRAME_REQUEST, "queue/eu"), MU_ERROR_UNAVAILABLE);
    hello_partition(router, 2, 2, "queue/eu", 5);
    hello_partition(router, 3, 3, "queue/eu", 0); /* starting: neither owner nor loser */
    assert_int_equal(last()->envelope.op, MU_OP_HELLO_OK);
    (void)send_as(router, 1, 3, MU_FRAME_REQUEST, "queue/eu");
    assert_int_equal(last()->peer, 2);
    frames_count = 0;
    hello_partition(router, 3, 4, "queue/eu", 6);
    assert_int_equal(frames[0].peer, 2);
    assert_int_equal(frames[0].envelope.op, MU_OP_BYE);
    assert_int_equal(
        mu_msg_decode(decoder, MU_OP_BYE, frames[0].body, frames[0].body_bytes, scratch), 0);
    assert_string_equal(scratch->bye.reason, "superseded");
    assert_int_equal(forgotten[2], 1);
    (void)send_as(router, 1, 5, MU_FRAME_REQUEST, "queue/eu");
    assert_int_equal(last()->peer, 3);
    hello_partition(router, 5, 5, "queue/eu", 6); /* an equal: who was first stays */
    assert_int_equal(last()->envelope.op, MU_OP_HELLO_OK);
    (void)send_as(router, 1, 5, MU_FRAME_REQUEST, "queue/eu");
    assert_int_equal(last()->peer, 3);
    hello_partition(router, 4, 6, "queue/eu", 5); /* a zombie comes back */
    assert_int_equal(last()->peer, 4);
    assert_int_equal(last()->envelope.op, MU_OP_BYE);
    (void)send_as(router, 1, 7, MU_FRAME_REQUEST, "queue/eu");
    assert_int_equal(last()->peer, 3);
    hello_partition(router, 3, 8, "queue/eu", 0); /* it is no longer sure that it owns it */
    expect_error(1, send_as(router, 1, 8, MU_FRAME_REQUEST, "queue/eu"), MU_ERROR_UNAVAILABLE);
    mu_router_destroy(router);
}

/* One that stands by is sent nothing of the partition, also while nobody has it. */
static void test_a_standby_has_no_claim(void **state)
{
    (void)state;
    struct mu_router *router = create();
    hello(router, 1, 0, "gateway", 16);
    hello_partition(router, 2, 0, "queue/eu", 5);
    hello_partition(router, 3, 1, "queue/eu", 0);
    (void)send_as(router, 1, 2, MU_FRAME_REQUEST, "queue/eu");
    assert_int_equal(last()->peer, 2);
    mu_router_lost(router, 2, 3);
    hello_partition(router, 3, 5, "queue/eu", 0);
    uint64_t sequence = send_as(router, 1, 6, MU_FRAME_REQUEST, "queue/eu");
    expect_error(1, sequence, MU_ERROR_UNAVAILABLE); /* gateways ask again for that */
    frames_count = 0;
    hello_partition(router, 4, 7, "queue/eu", 5); /* the owner, on another connection */
    assert_int_equal(frames_count, 1);
    assert_int_equal(last()->envelope.op, MU_OP_HELLO_OK);
    assert_int_equal(forgotten[3], 0); /* who stood by is not sent away */
    (void)send_as(router, 1, 8, MU_FRAME_REQUEST, "queue/eu");
    assert_int_equal(last()->peer, 4);
    hello_partition(router, 3, 9, "queue/eu", 6); /* it takes over: the owner before is told */
    (void)send_as(router, 1, 10, MU_FRAME_REQUEST, "queue/eu");
    assert_int_equal(last()->peer, 3);
    assert_int_equal(forgotten[4], 1);
    mu_router_destroy(router);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asks_who_and_registers),
        cmocka_unit_test(test_routes_request_and_reply),
        cmocka_unit_test(test_credit_bounds_what_is_out),
        cmocka_unit_test(test_expires_what_waits),
        cmocka_unit_test(test_tells_only_who_asked),
        cmocka_unit_test(test_the_higher_epoch_owns),
        cmocka_unit_test(test_a_standby_has_no_claim),
    };
    return RUN(argc, argv, tests);
}
