/* The lobby actor's custom lobbies: create, join, start, and passwords. */
#include "tests/unit/lobby_host.h"

#include <errno.h>
#include <string.h>

#include "actors/password.h"
#include "core/counters.h"

static struct lobby_host host;
static uint64_t seed;

#define ROOM     "lob_01AAAAAAAAAAAAAAAAAAAAAAAA"
#define ROOM_B   "lob_01BBBBBBBBBBBBBBBBBBBBBBBB"
#define SERVER_A "srv_01AAAAAAAAAAAAAAAAAAAAAAAA"
#define SERVER_B "srv_01BBBBBBBBBBBBBBBBBBBBBBBB"

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

static void push_server(const char *id, uint64_t used)
{
    (void)lobby_host_server(&host, id, 1, "eu-west-1", (struct lobby_host_load){ 4, used });
    lobby_host_push_record(&host);
}

/* Create. */

static struct mu_msg_lobby_create *create(const char *mode, const char *region,
                                          const char *password)
{
    host.msg.op = MU_OP_LOBBY_CREATE;
    host.msg.lobby_create = (struct mu_msg_lobby_create){ .players_max = 4, .players_min = 2 };
    copy_id(host.msg.lobby_create.host, LOBBY_HOST_PLAYER);
    copy_id(host.msg.lobby_create.mode, mode);
    copy_id(host.msg.lobby_create.region, region);
    (void)snprintf(host.msg.lobby_create.password, sizeof host.msg.lobby_create.password, "%s",
                   password);
    return &host.msg.lobby_create;
}

static void test_create(void **state)
{
    (void)state;
    /* A hash that a client sends is not one of ours. */
    (void)snprintf(create("duel", "eu-west", "")->password_hash, 128, "argon2id:1:8:00:00");
    struct mu_msg_envelope request = lobby_host_request(&host, "key-1");
    const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_LOBBY_CREATE, 0);
    assert_non_null(asked);
    assert_string_equal(asked->destination, "store");
    assert_string_equal(asked->idempotency_key, "key-1");
    assert_int_equal(asked->fence, LOBBY_HOST_EPOCH);
    assert_string_equal(host.got.lobby_create.region, "eu-west-1");
    assert_string_equal(host.got.lobby_create.password_hash, "");
    (void)lobby_host_room(&host, ROOM, 1, "", 1);
    lobby_host_answer_record(&host, asked);
    const struct mu_msg_envelope *answered = lobby_host_find(&host, MU_OP_LOBBY, 0);
    assert_non_null(answered);
    assert_int_equal(answered->answers_sequence, request.sequence);
    assert_string_equal(host.got.lobby.id, ROOM);
    /* An answer may be one that the store remembers: only the log makes a lobby appear. */
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_LOBBIES), 0);
    lobby_host_push_record(&host);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_LOBBIES), 1);
}

static void test_create_password(void **state)
{
    (void)state;
    char first[MU_PASSWORD_TEXT_MAX + 1];
    (void)create("duel", "", "hunter22");
    (void)lobby_host_request(&host, "key-1");
    assert_non_null(lobby_host_find(&host, MU_OP_LOBBY_CREATE, 0));
    assert_string_equal(host.got.lobby_create.password, "");
    assert_string_equal(host.got.lobby_create.region, "");
    memcpy(first, host.got.lobby_create.password_hash, sizeof first);
    assert_int_equal(mu_password_verify("hunter22", first), 1);
    (void)create("duel", "", "hunter22");
    (void)lobby_host_request(&host, "key-2");
    assert_non_null(lobby_host_find(&host, MU_OP_LOBBY_CREATE, 1));
    assert_string_not_equal(host.got.lobby_create.password_hash, first); /* another salt */
}

static void test_create_refused(void **state)
{
    (void)state;
    (void)create("chess", "", "");
    (void)lobby_host_request(&host, "");
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_GAME_MODE_NOT_FOUND);
    (void)create("duel", "mars", "");
    (void)lobby_host_request(&host, "");
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_REGION_NOT_SUPPORTED);
    (void)create("duel", "", "abc");
    (void)lobby_host_request(&host, "");
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_VALIDATION_FAILED);
    (void)create("duel", "", "");
    (void)lobby_host_request(&host, "");
    const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_LOBBY_CREATE, 0);
    assert_non_null(asked);
    host.msg.op = MU_OP_ERROR; /* goes back as it came */
    host.msg.error =
        (struct mu_msg_error){ .code = MU_ERROR_PLAYER_IN_MATCH, .engaged = MU_ENGAGED_MATCH };
    copy_id(host.msg.error.subject, "mch_1");
    lobby_host_answer(&host, asked);
    assert_non_null(lobby_host_find(&host, MU_OP_ERROR, 0));
    assert_string_equal(host.got.error.subject, "mch_1");
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_PLAYER_IN_MATCH);
}

/* Join. */

static void join(const char *id, const char *password)
{
    host.msg.op = MU_OP_LOBBY_JOIN;
    host.msg.lobby_join = (struct mu_msg_lobby_join){ .lobby = "" };
    copy_id(host.msg.lobby_join.lobby, id);
    copy_id(host.msg.lobby_join.player, LOBBY_HOST_GUEST);
    (void)snprintf(host.msg.lobby_join.password, sizeof host.msg.lobby_join.password, "%s",
                   password);
    (void)lobby_host_request(&host, "join-key");
}

static void test_join(void **state)
{
    (void)state;
    (void)lobby_host_room(&host, ROOM, 1, "hunter22", 1);
    lobby_host_push_record(&host);
    join(ROOM, "hunter22");
    const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_LOBBY_JOIN, 0);
    assert_non_null(asked);
    assert_string_equal(host.got.lobby_join.player, LOBBY_HOST_GUEST);
    assert_string_equal(host.got.lobby_join.password, "");
    assert_string_equal(asked->idempotency_key, "join-key");
    (void)lobby_host_room(&host, ROOM, 2, "hunter22", 2);
    lobby_host_answer_record(&host, asked);
    assert_non_null(lobby_host_find(&host, MU_OP_LOBBY, 0));
    assert_int_equal(host.got.lobby.members_count, 2);
}

static void test_wrong_password(void **state)
{
    (void)state;
    (void)lobby_host_room(&host, ROOM, 1, "hunter22", 1);
    lobby_host_push_record(&host);
    join(ROOM, "");
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_WRONG_PASSWORD);
    for (uint32_t i = 0; i < MU_LOBBY_PASSWORD_TRIES; i++) {
        join(ROOM, "hunter23");
        assert_int_equal(lobby_host_refusal(&host), MU_ERROR_WRONG_PASSWORD);
        lobby_host_wait(&host, 100);
    }
    join(ROOM, "hunter22"); /* even the right one must wait now */
    assert_non_null(lobby_host_find(&host, MU_OP_ERROR, 0));
    assert_int_equal(host.got.error.retry_after_ms, 60000 - 500);
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_RATE_LIMITED);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_RATE_LIMITED), 1);
    lobby_host_wait(&host, 60000 - 501);
    join(ROOM, "hunter22");
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_RATE_LIMITED);
    lobby_host_wait(&host, 1);
    lobby_host_forget(&host);
    join(ROOM, "hunter22");
    assert_int_equal(lobby_host_count(&host, MU_OP_LOBBY_JOIN), 1);
}

/* Hashing is bounded for all together: it must not stop the actor. */
static void test_hashes_bounded(void **state)
{
    (void)state;
    uint32_t overloaded = 0;
    (void)lobby_host_room(&host, ROOM, 1, "hunter22", 1);
    lobby_host_push_record(&host);
    for (uint32_t i = 0; i < 12; i++) {
        lobby_host_forget(&host);
        join(ROOM, "hunter22");
        overloaded += lobby_host_count(&host, MU_OP_ERROR);
    }
    assert_int_equal(overloaded, 12 - MU_LOBBY_HASH_BURST_MS / MU_LOBBY_HASH_EVERY_MS);
    assert_non_null(lobby_host_find(&host, MU_OP_ERROR, 0));
    assert_int_equal(host.got.error.retry_after_ms, MU_LOBBY_HASH_BURST_MS);
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_OVERLOADED);
    lobby_host_wait(&host, MU_LOBBY_HASH_EVERY_MS);
    join(ROOM, "hunter22");
    assert_int_equal(lobby_host_count(&host, MU_OP_ERROR), 0);
}

/* A lobby that the log has not told of, or that has ended: the store is asked first. */
static void test_join_unknown(void **state)
{
    (void)state;
    join(ROOM, "wrong one");
    const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_LOBBY_GET, 0);
    assert_non_null(asked);
    assert_string_equal(asked->idempotency_key, ""); /* it is the join's */
    (void)lobby_host_room(&host, ROOM, 1, "hunter22", 1);
    lobby_host_answer_record(&host, asked);
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_WRONG_PASSWORD);

    join(ROOM, "hunter22");
    (void)lobby_host_room(&host, ROOM, 1, "hunter22", 1);
    lobby_host_answer_record(&host, lobby_host_find(&host, MU_OP_LOBBY_GET, 0));
    assert_int_equal(lobby_host_count(&host, MU_OP_LOBBY_JOIN), 1);

    lobby_host_forget(&host);
    join(ROOM, "wrong one"); /* ended: whatever it is, the store says what came of the join */
    lobby_host_room(&host, ROOM, 2, "hunter22", 2)->state = MU_LOBBY_STARTED;
    lobby_host_answer_record(&host, lobby_host_find(&host, MU_OP_LOBBY_GET, 0));
    assert_int_equal(lobby_host_count(&host, MU_OP_LOBBY_JOIN), 1);

    lobby_host_forget(&host);
    join(ROOM_B, "");
    const struct mu_msg_envelope *looked = lobby_host_find(&host, MU_OP_LOBBY_GET, 0);
    lobby_host_error(&host, looked, MU_ERROR_LOBBY_NOT_FOUND);
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_LOBBY_NOT_FOUND);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_LOBBIES), 0);
}

/* A formed match is shown as a lobby; it is none of ours. */
static void test_join_match(void **state)
{
    (void)state;
    join(ROOM, "");
    memcpy(lobby_host_room(&host, ROOM, 1, "", 2)->match, "mch_1", 6);
    lobby_host_answer_record(&host, lobby_host_find(&host, MU_OP_LOBBY_GET, 0));
    assert_int_equal(lobby_host_count(&host, MU_OP_LOBBY_JOIN), 1); /* which refuses it */
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_LOBBIES), 0);
}

/* No answer in time: forgotten, and a late one is nobody's. */
static void test_no_answer(void **state)
{
    (void)state;
    (void)lobby_host_room(&host, ROOM, 1, "", 1);
    lobby_host_push_record(&host);
    join(ROOM, "");
    lobby_host_wait(&host, 5000);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_REQUESTS_EXPIRED), 1);
    (void)lobby_host_room(&host, ROOM, 2, "", 2);
    lobby_host_answer_record(&host, lobby_host_find(&host, MU_OP_LOBBY_JOIN, 0));
    assert_int_equal(lobby_host_count(&host, MU_OP_LOBBY), 0);
}

static void test_fenced(void **state)
{
    (void)state;
    (void)lobby_host_room(&host, ROOM, 1, "", 1);
    lobby_host_push_record(&host);
    join(ROOM, "");
    lobby_host_error(&host, lobby_host_find(&host, MU_OP_LOBBY_JOIN, 0), MU_ERROR_FENCED);
    assert_int_equal(host.result, -ESTALE);
}

/* Start. */

static void start(const char *id)
{
    host.msg.op = MU_OP_LOBBY_START;
    host.msg.lobby_start = (struct mu_msg_lobby_start){ .server = "" };
    copy_id(host.msg.lobby_start.lobby, id);
    copy_id(host.msg.lobby_start.player, LOBBY_HOST_PLAYER);
    (void)lobby_host_request(&host, "start-key");
}

static void test_start(void **state)
{
    (void)state;
    (void)lobby_host_room(&host, ROOM, 1, "", 2);
    lobby_host_push_record(&host);
    start(ROOM);
    const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_LOBBY_START, 0);
    assert_non_null(asked); /* without a server: the store knows whether there is worse */
    assert_string_equal(host.got.lobby_start.server, "");
    lobby_host_error(&host, asked, MU_ERROR_NOT_HOST);
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_NOT_HOST);
    start(ROOM);
    asked = lobby_host_find(&host, MU_OP_LOBBY_START, 0);
    assert_non_null(asked);
    lobby_host_error(&host, asked, MU_ERROR_NO_SERVER);
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_NO_SERVER);
    push_server(SERVER_A, 0);
    push_server(SERVER_B, 1);
    start(ROOM);
    asked = lobby_host_find(&host, MU_OP_LOBBY_START, 0);
    assert_non_null(asked);
    assert_string_equal(host.got.lobby_start.server, SERVER_A);
    assert_string_equal(asked->idempotency_key, "start-key");
    lobby_host_error(&host, asked, MU_ERROR_NO_SERVER); /* of this server: there is another */
    asked = lobby_host_find(&host, MU_OP_LOBBY_START, 1);
    assert_non_null(asked);
    assert_string_equal(host.got.lobby_start.server, SERVER_B);
    assert_string_equal(asked->idempotency_key, "start-key");
    assert_int_equal(lobby_host_count(&host, MU_OP_ERROR), 0);
    host.record.op = MU_OP_MATCH;
    host.record.match =
        (struct mu_msg_match){ .version = 1, .state = MU_MATCH_LIVE, .custom = true };
    copy_id(host.record.match.id, "mch_01AAAAAAAAAAAAAAAAAAAAAAAA");
    lobby_host_answer_record(&host, asked);
    assert_int_equal(lobby_host_count(&host, MU_OP_MATCH), 1);
}

static void test_start_refused(void **state)
{
    (void)state;
    push_server(SERVER_A, 0);
    push_server(SERVER_B, 0);
    start(ROOM_B); /* unknown here: looked up, then started */
    (void)lobby_host_room(&host, ROOM_B, 1, "", 2);
    lobby_host_answer_record(&host, lobby_host_find(&host, MU_OP_LOBBY_GET, 0));
    for (uint32_t i = 0; i < 2; i++) {
        const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_LOBBY_START, i);
        assert_non_null(asked);
        lobby_host_error(&host, asked, MU_ERROR_NO_SERVER);
    }
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_NO_SERVER); /* both have refused */

    lobby_host_wait(&host, 2000);
    lobby_host_forget(&host);
    start(ROOM_B);
    (void)lobby_host_room(&host, ROOM_B, 1, "", 2);
    lobby_host_answer_record(&host, lobby_host_find(&host, MU_OP_LOBBY_GET, 0));
    const struct mu_msg_envelope *asked = lobby_host_find(&host, MU_OP_LOBBY_START, 0);
    assert_non_null(asked);
    lobby_host_error(&host, asked, MU_ERROR_NOT_HOST);
    assert_int_equal(lobby_host_refusal(&host), MU_ERROR_NOT_HOST);

    start(ROOM_B); /* it has started: the store knows with what */
    lobby_host_room(&host, ROOM_B, 2, "", 2)->state = MU_LOBBY_STARTED;
    lobby_host_answer_record(&host, lobby_host_find(&host, MU_OP_LOBBY_GET, 0));
    assert_non_null(lobby_host_find(&host, MU_OP_LOBBY_START, 0));
    assert_string_equal(host.got.lobby_start.server, "");
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_create),       TEST(test_create_password), TEST(test_create_refused),
        TEST(test_join),         TEST(test_wrong_password),  TEST(test_hashes_bounded),
        TEST(test_join_unknown), TEST(test_join_match),      TEST(test_no_answer),
        TEST(test_fenced),       TEST(test_start),           TEST(test_start_refused),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
