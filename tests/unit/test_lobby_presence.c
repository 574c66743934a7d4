/* The lobby actor's presence: members of custom lobbies who are no longer connected. */
#include "tests/unit/lobby_host.h"

#include <string.h>

static struct lobby_host host;
static uint64_t seed;

#define ROOM "lob_01AAAAAAAAAAAAAAAAAAAAAAAA"

enum { GATEWAY_A = 0xa1, GATEWAY_B = 0xb1 };

static int setup(void **state)
{
    (void)state;
    lobby_host_create(&host, seed);
    lobby_host_boot(&host);
    lobby_host_snapshot(&host, NULL, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lobby_host_destroy(&host);
    return 0;
}

static void copy_id(char ret[MU_ID_MAX + 1], const char *id)
{
    (void)snprintf(ret, MU_ID_MAX + 1, "%s", id);
}

static void presence(uint64_t gateway, bool reset, const char *joined, const char *left)
{
    host.msg.op = MU_OP_PRESENCE;
    host.msg.presence.reset = reset;
    host.msg.presence.joined_count = joined != NULL ? 1 : 0;
    host.msg.presence.left_count = left != NULL ? 1 : 0;
    copy_id(host.msg.presence.joined[0].id, joined != NULL ? joined : "");
    copy_id(host.msg.presence.left[0].id, left != NULL ? left : "");
    lobby_host_event(&host, gateway);
    assert_int_equal(host.result, 0);
}

/* Lets time pass while a gateway says each five seconds that it is there. */
static void wait_with(uint64_t gateway, int64_t ms, const char *connected)
{
    for (; ms > MU_LOBBY_GATEWAY_BEAT_MS; ms -= MU_LOBBY_GATEWAY_BEAT_MS) {
        lobby_host_wait(&host, MU_LOBBY_GATEWAY_BEAT_MS);
        presence(gateway, true, connected, NULL);
    }
    lobby_host_wait(&host, ms);
}

static void test_disconnected(void **state)
{
    (void)state;
    (void)lobby_host_room(&host, ROOM, 1, "", 2);
    lobby_host_push_record(&host);
    presence(GATEWAY_A, false, LOBBY_HOST_PLAYER, NULL);
    presence(GATEWAY_A, false, NULL, LOBBY_HOST_PLAYER);
    presence(GATEWAY_A, false, NULL, LOBBY_HOST_GUEST); /* who never connected, as far as we know */
    lobby_host_wait(&host, 9999);
    assert_int_equal(lobby_host_count(&host, MU_OP_LOBBY_LEAVE), 0);
    lobby_host_wait(&host, 1);
    const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_LOBBY_LEAVE, 0);
    assert_non_null(asked);
    assert_string_equal(host.got.lobby_leave.player, LOBBY_HOST_PLAYER);
    assert_string_equal(host.got.lobby_leave.lobby, ROOM);
    assert_int_equal(host.got.lobby_leave.reason, MU_REASON_DISCONNECTED);
    char key[128];
    memcpy(key, asked->idempotency_key, sizeof key);
    assert_true(strlen(key) > 10);
    lobby_host_error(&host, asked, MU_ERROR_STARTING);
    lobby_host_wait(&host, 1000);
    asked = lobby_host_find(&host, MU_OP_LOBBY_LEAVE, 1);
    assert_non_null(asked);
    assert_string_equal(asked->idempotency_key, key); /* he may have come back in between */
    lobby_host_room(&host, ROOM, 2, "", 2)->members_count = 1;
    copy_id(host.record.lobby.members[0].id, LOBBY_HOST_GUEST);
    lobby_host_answer_record(&host, asked);
    lobby_host_wait(&host, 60000);
    assert_int_equal(lobby_host_count(&host, MU_OP_LOBBY_LEAVE), 2);

    /* The next time it is another decision. */
    (void)lobby_host_room(&host, ROOM, 3, "", 2);
    lobby_host_push_record(&host);
    presence(GATEWAY_A, false, LOBBY_HOST_PLAYER, NULL);
    presence(GATEWAY_A, false, NULL, LOBBY_HOST_PLAYER);
    lobby_host_wait(&host, 10000);
    asked = lobby_host_find(&host, MU_OP_LOBBY_LEAVE, 2);
    assert_non_null(asked);
    assert_string_not_equal(asked->idempotency_key, key);
}

static void test_back_in_time(void **state)
{
    (void)state;
    presence(GATEWAY_A, false, LOBBY_HOST_PLAYER, NULL); /* before the lobby is known */
    (void)lobby_host_room(&host, ROOM, 1, "", 2);
    lobby_host_push_record(&host);
    presence(GATEWAY_A, false, NULL, LOBBY_HOST_PLAYER);
    lobby_host_wait(&host, 9000);
    presence(GATEWAY_B, false, LOBBY_HOST_PLAYER, NULL);
    wait_with(GATEWAY_B, 60000, LOBBY_HOST_PLAYER);
    presence(GATEWAY_A, false, LOBBY_HOST_PLAYER, NULL);
    presence(GATEWAY_B, false, NULL, LOBBY_HOST_PLAYER); /* still on the other one */
    wait_with(GATEWAY_A, 60000, LOBBY_HOST_PLAYER);
    assert_int_equal(lobby_host_count(&host, MU_OP_LOBBY_LEAVE), 0);
    presence(GATEWAY_A, false, NULL, LOBBY_HOST_PLAYER);
    lobby_host_wait(&host, 5000);
    lobby_host_room(&host, ROOM, 2, "", 2)->state = MU_LOBBY_CLOSED; /* nothing is left to leave */
    lobby_host_push_record(&host);
    lobby_host_wait(&host, 60000);
    assert_int_equal(lobby_host_count(&host, MU_OP_LOBBY_LEAVE), 0);
}

static void test_gateway_reset(void **state)
{
    (void)state;
    (void)lobby_host_room(&host, ROOM, 1, "", 2);
    lobby_host_push_record(&host);
    presence(GATEWAY_A, true, LOBBY_HOST_PLAYER, NULL);
    presence(GATEWAY_A, false, LOBBY_HOST_GUEST, NULL);
    lobby_host_wait(&host, 1000);
    presence(GATEWAY_A, true, LOBBY_HOST_PLAYER, NULL); /* the guest's message was lost */
    lobby_host_wait(&host, 5000);
    presence(GATEWAY_A, true, LOBBY_HOST_PLAYER, NULL);
    presence(GATEWAY_A, false, LOBBY_HOST_GUEST, NULL);
    wait_with(GATEWAY_A, 4000, LOBBY_HOST_PLAYER);
    presence(GATEWAY_A, true, LOBBY_HOST_PLAYER, NULL); /* now he is really gone */
    wait_with(GATEWAY_A, MU_LOBBY_RESET_GRACE_MS - 1, LOBBY_HOST_PLAYER);
    assert_int_equal(lobby_host_count(&host, MU_OP_LOBBY_LEAVE), 0);
    lobby_host_wait(&host, 1);
    assert_int_equal(lobby_host_count(&host, MU_OP_LOBBY_LEAVE), 1);
    assert_non_null(lobby_host_find(&host, MU_OP_LOBBY_LEAVE, 0));
    assert_string_equal(host.got.lobby_leave.player, LOBBY_HOST_GUEST);
}

/* A gateway that is killed says nothing. */
static void test_gateway_silent(void **state)
{
    (void)state;
    (void)lobby_host_room(&host, ROOM, 1, "", 2);
    lobby_host_push_record(&host);
    presence(GATEWAY_A, true, LOBBY_HOST_PLAYER, NULL);
    presence(GATEWAY_B, true, LOBBY_HOST_GUEST, NULL);
    wait_with(GATEWAY_B, MU_LOBBY_GATEWAY_SILENCE_MS, LOBBY_HOST_GUEST);
    wait_with(GATEWAY_B, MU_LOBBY_RESET_GRACE_MS - 1, LOBBY_HOST_GUEST);
    assert_int_equal(lobby_host_count(&host, MU_OP_LOBBY_LEAVE), 0);
    lobby_host_wait(&host, 1);
    assert_int_equal(lobby_host_count(&host, MU_OP_LOBBY_LEAVE), 1);
    assert_non_null(lobby_host_find(&host, MU_OP_LOBBY_LEAVE, 0));
    assert_string_equal(host.got.lobby_leave.player, LOBBY_HOST_PLAYER);
}

/* More gateways than there is room for: the quietest is forgotten. */
static void test_many_gateways(void **state)
{
    (void)state;
    (void)lobby_host_room(&host, ROOM, 1, "", 2);
    lobby_host_push_record(&host);
    presence(GATEWAY_A, true, LOBBY_HOST_PLAYER, NULL);
    for (uint32_t i = 0; i < 3 * MU_LOBBY_GATEWAYS_MAX; i++) {
        lobby_host_wait(&host, 1);
        presence(0x1000 + i, true, LOBBY_HOST_GUEST, NULL);
    }
    lobby_host_wait(&host, MU_LOBBY_RESET_GRACE_MS);
    assert_int_equal(lobby_host_count(&host, MU_OP_LOBBY_LEAVE), 1);
    assert_non_null(lobby_host_find(&host, MU_OP_LOBBY_LEAVE, 0));
    assert_string_equal(host.got.lobby_leave.player, LOBBY_HOST_PLAYER);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_disconnected),   TEST(test_back_in_time),  TEST(test_gateway_reset),
        TEST(test_gateway_silent), TEST(test_many_gateways),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
