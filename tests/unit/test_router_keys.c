/* tests/unit/test_router_keys.c - with keys nobody is, or does, more than his key allows. */
#include "broker/router.h"

#include "tests/unit/router_peers.h"

static const struct mu_identity store = { .name = "store-1", .role = MU_PEER_ROLE_STORE };
static const struct mu_identity gateway = { .name = "gateway-1", .role = MU_PEER_ROLE_GATEWAY };
static const struct mu_identity matcher = { .name = "matcher-1", .role = MU_PEER_ROLE_MATCHER };
static const struct mu_identity spare = { .name = "gateway-2", .role = MU_PEER_ROLE_GATEWAY };
static const struct mu_identity eu = { .name = "queue-eu",
                                       .role = MU_PEER_ROLE_QUEUE,
                                       .partitions_count = 1,
                                       .partitions = { "queue/eu" } };

/* The last frame tells `peer` goodbye for this reason. */
static void expect_bye(uint32_t peer, const char *reason)
{
    const struct frame *frame = last();
    assert_int_equal(frame->peer, peer);
    assert_int_equal(frame->envelope.op, MU_OP_BYE);
    assert_int_equal(mu_msg_decode(decoder, MU_OP_BYE, frame->body, frame->body_bytes, scratch), 0);
    assert_string_equal(scratch->bye.reason, reason);
    assert_int_equal(forgotten[peer], 1);
}

static void test_registers_only_its_role(void **state)
{
    (void)state;
    struct mu_router *router = create_with(true);
    identities[1] = &gateway;
    hello(router, 1, 0, "store", 16);
    expect_bye(1, "the key is not for this service");
    assert_string_equal(noted, "a gateway may not register as store");
    hello(router, 1, 1, "gateway", 16);
    assert_int_equal(last()->envelope.op, MU_OP_HELLO_OK);
    assert_int_equal(counter(router, MU_COUNTER_IMPOSTORS), 1);
    identities[2] = &eu;
    hello_partition(router, 2, 2, "queue/us", 7);
    expect_bye(2, "the key is not for this partition");
    hello_partition(router, 2, 3, "queue/eu", 7);
    assert_int_equal(last()->envelope.op, MU_OP_HELLO_OK);
    identities[3] = &matcher; /* of its role, but roles without partitions own none */
    struct mu_msg_hello said = { .service = "matcher", .credit = 1, .epoch = 9 };
    (void)snprintf(said.partition, sizeof said.partition, "queue/eu");
    hello_as(router, 3, 4, incarnation_of(3), &said);
    expect_bye(3, "the key is not for this partition");
    assert_int_equal(counter(router, MU_COUNTER_IMPOSTORS), 3);
    mu_router_destroy(router);
}

static void test_sends_only_what_its_role_may(void **state)
{
    (void)state;
    struct mu_router *router = create_with(true);
    identities[1] = &gateway;
    identities[2] = &store;
    identities[3] = &matcher;
    hello(router, 1, 0, "gateway", 16);
    hello(router, 2, 0, "store", 16);
    hello(router, 3, 0, "matcher", 16);
    (void)send_op(router, 1, 1, MU_FRAME_REQUEST, MU_OP_TICKET_GET, "store");
    assert_int_equal(last()->peer, 2);
    uint64_t sequence = send_op(router, 3, 1, MU_FRAME_REQUEST, MU_OP_TICKET_GET, "store");
    expect_error(3, sequence, MU_ERROR_FORBIDDEN);
    assert_string_equal(scratch->error.detail,
                        "store: a matcher may not send TICKET_GET as a request");
    uint32_t before = frames_count; /* events and replies are dropped without an answer */
    (void)send_op(router, 3, 1, MU_FRAME_EVENT, MU_OP_CHANGES, "*gateway");
    (void)send_op(router, 3, 1, MU_FRAME_REPLY, MU_OP_TICKET, "#0000000000000065");
    (void)send_op(router, 3, 1, MU_FRAME_EVENT, 65535, "*gateway");
    assert_int_equal(frames_count, before);
    assert_int_equal(counter(router, MU_COUNTER_FORBIDDEN), 4);
    (void)send_op(router, 3, 2, MU_FRAME_EVENT, MU_OP_STATS, "*gateway");
    assert_int_equal(frames_count, before + 1);
    assert_string_equal(last()->envelope.source, "#0000000000000067"); /* not "#liar" */
    mu_router_destroy(router);
}

static void test_nobody_takes_an_incarnation(void **state)
{
    (void)state;
    struct mu_router *router = create_with(true);
    struct mu_msg_hello said = { .service = "gateway", .credit = 16 };
    identities[1] = &gateway;
    identities[2] = &spare;
    identities[3] = &gateway;
    hello(router, 1, 0, "gateway", 16);
    hello(router, 2, 0, "gateway", 16);
    hello_as(router, 2, 1, incarnation_of(1), &said);
    expect_bye(2, "the incarnation is that of another key");
    assert_string_equal(noted, "#0000000000000065 is the incarnation of gateway-1");
    assert_int_equal(forgotten[1], 0);
    assert_int_equal(counter(router, MU_COUNTER_IMPOSTORS), 1);
    assert_int_equal(counter(router, MU_COUNTER_PEERS), 1);
    hello_as(router, 3, 2, incarnation_of(1), &said); /* its own, by a new connection */
    assert_int_equal(last()->envelope.op, MU_OP_HELLO_OK);
    assert_int_equal(forgotten[1], 1);
    mu_router_destroy(router);
}

/* Not even when nobody has it: a key's incarnations begin with the key's mark. */
static void test_an_incarnation_bears_its_key(void **state)
{
    (void)state;
    struct mu_router *router = create_with(true);
    struct mu_msg_hello said = { .service = "gateway", .credit = 16 };
    const uint64_t own = (uint64_t)7 << 32 | incarnation_of(2);
    identities[2] = &spare;
    marks[2] = 7;
    hello_as(router, 2, 0, incarnation_of(1), &said);
    expect_bye(2, "the incarnation is that of another key");
    assert_string_equal(noted, "0000000000000065 is no incarnation of this key");
    assert_int_equal(counter(router, MU_COUNTER_IMPOSTORS), 1);
    hello_as(router, 2, 1, own, &said);
    assert_int_equal(last()->envelope.op, MU_OP_HELLO_OK);
    mu_router_destroy(router);
}

/* Whoever asks for a partition may own it; what is no such request is forbidden as well. */
static void test_asks_only_for_its_partitions(void **state)
{
    static struct mu_msg msg = { .op = MU_OP_EPOCH_TAKE, .epoch_take = { .holder = "eu" } };
    static const char *const asked[] = { "queue/us", "lobby/0", "queue/eu" };
    static const struct mu_msg_envelope request = { .frame = MU_FRAME_REQUEST,
                                                    .op = MU_OP_EPOCH_TAKE,
                                                    .destination = "store" };
    (void)state;
    struct mu_router *router = create_with(true);
    identities[1] = &eu;
    identities[2] = &store;
    hello(router, 1, 0, "queue", 16);
    hello(router, 2, 0, "store", 16);
    for (uint32_t i = 0; i < 3; i++) {
        uint8_t bytes[256];
        (void)snprintf(msg.epoch_take.partition, sizeof msg.epoch_take.partition, "%s", asked[i]);
        int64_t size = mu_msg_encode(&msg, bytes, sizeof bytes);
        assert_true(size > 0);
        uint64_t sequence =
            send_body(router, 1, 1, &request, (struct mu_slice){ bytes, (uint32_t)size });
        if (i < 2) {
            expect_error(1, sequence, MU_ERROR_FORBIDDEN);
            assert_string_equal(scratch->error.detail, "store: the key is not for this partition");
        }
    }
    assert_int_equal(last()->peer, 2);
    assert_int_equal(last()->envelope.op, MU_OP_EPOCH_TAKE);
    uint64_t sequence = send_op(router, 1, 1, MU_FRAME_REQUEST, MU_OP_EPOCH_TAKE, "store");
    expect_error(1, sequence, MU_ERROR_FORBIDDEN);
    assert_int_equal(counter(router, MU_COUNTER_FORBIDDEN), 3);
    mu_router_destroy(router);
}

/* Whoever shows first that it hears the broker has the incarnation; the other one is refused. */
static void test_nobody_takes_one_in_between(void **state)
{
    static struct mu_msg msg = {
        .op = MU_OP_HELLO,
        .hello = { .version_min = 1, .version_max = 1, .service = "gateway", .credit = 16 },
    };
    (void)state;
    struct mu_router *router = create_with(true);
    identities[1] = &gateway;
    identities[2] = &spare;
    control_as(router, 2, 0, incarnation_of(1), &msg); /* nobody has it yet */
    assert_int_equal(last()->envelope.op, MU_OP_HELLO_OK);
    hello(router, 1, 0, "gateway", 16);
    ping_as(router, 2, 1, incarnation_of(1));
    expect_bye(2, "the incarnation is that of another key");
    assert_int_equal(forgotten[1], 0);
    assert_int_equal(counter(router, MU_COUNTER_PEERS), 1);
    mu_router_destroy(router);
}

/* The host cuts off a revoked key by mu_router_lost(): nothing of it is left. */
static void test_revoked_holds_nothing(void **state)
{
    (void)state;
    struct mu_router *router = create_with(true);
    identities[1] = &gateway;
    identities[2] = &eu;
    hello(router, 1, 0, "gateway", 16);
    hello_partition(router, 2, 0, "queue/eu", 5);
    (void)send_as(router, 1, 1, MU_FRAME_REQUEST, "queue/eu");
    assert_int_equal(last()->peer, 2);
    mu_router_lost(router, 2, 2);
    mu_router_check(router);
    assert_int_equal(forgotten[2], 1);
    uint64_t sequence = send_as(router, 1, 3, MU_FRAME_REQUEST, "queue/eu");
    expect_error(1, sequence, MU_ERROR_UNAVAILABLE);
    identities[2] = &matcher; /* the number is free for somebody else */
    hello(router, 2, 4, "matcher", 1);
    assert_int_equal(last()->envelope.op, MU_OP_HELLO_OK);
    mu_router_count(router, MU_COUNTER_REVOKED);
    assert_int_equal(counter(router, MU_COUNTER_REVOKED), 1);
    mu_router_destroy(router);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registers_only_its_role),
        cmocka_unit_test(test_sends_only_what_its_role_may),
        cmocka_unit_test(test_nobody_takes_an_incarnation),
        cmocka_unit_test(test_nobody_takes_one_in_between),
        cmocka_unit_test(test_an_incarnation_bears_its_key),
        cmocka_unit_test(test_asks_only_for_its_partitions),
        cmocka_unit_test(test_revoked_holds_nothing),
    };
    return RUN(argc, argv, tests);
}
