/* tests/unit/test_gateway_ws.c - WebSockets through the pure gateway: binding, events in order,
 * resuming, actions, rates. */
#include "tests/unit/rig.h"

#include <string.h>

#include "gateway/access.h"

#define PLAYER "ply_01ARYZ6S41TSV4RRFFQ69G5FAV"
#define OTHER  "ply_01ARYZ6S41TSV4RRFFQ69G5FAW"
#define TICKET "tkt_01ARYZ6S41TSV4RRFFQ69G5FAV"
#define LOBBY  "lob_01ARYZ6S41TSV4RRFFQ69G5FAV"
#define MATCH  "mch_01ARYZ6S41TSV4RRFFQ69G5FAV"

static uint64_t seed;

/* What was sent last, counted from the end. */
static const char *last(struct rig *rig, uint32_t from_last)
{
    assert_true(rig->sends > from_last);
    return rig->send_text[(rig->sends - 1 - from_last) % RIG_SENDS_MAX];
}

static void expect_error(struct rig *rig, const char *code)
{
    rig_socket_json(rig, 0);
    rig_expect_text(rig, "type", "ERROR");
    rig_expect_text(rig, "code", code);
}

/* Pushes event `seq` to a player. */
static void push(struct rig *rig, const char *player, uint64_t seq)
{
    struct mu_msg_envelope envelope = {
        .version = 1, .frame = MU_FRAME_EVENT, .op = MU_OP_EVENT, .source = "#1"
    };
    rig->answer.op = MU_OP_EVENT;
    rig->answer.event =
        (struct mu_msg_event){ .seq = seq, .kind = MU_EVENT_LOBBY_CLOSED, .lobby = LOBBY };
    (void)snprintf(rig->answer.event.player, sizeof rig->answer.event.player, "%s", player);
    rig_message(rig, &envelope);
}

/* Answers message `i` with the events first..last, of a log that ends at `newest`. */
static void answer_events(struct rig *rig, uint32_t i, uint64_t first, uint64_t last_seq,
                          uint64_t newest)
{
    struct mu_msg_events_end *end = &rig->answer.events_end;
    rig->answer.op = MU_OP_EVENTS_END;
    end->events_count = 0;
    for (uint64_t seq = first; seq <= last_seq; seq++) {
        end->events[end->events_count++] =
            (struct mu_msg_event){ .seq = seq, .kind = MU_EVENT_LOBBY_CLOSED, .lobby = LOBBY };
    }
    end->last = last_seq;
    end->newest = newest;
    rig_answer(rig, i);
}

/* Checks that the last messages were the events first..last, in order. */
static void expect_events(struct rig *rig, uint64_t first, uint64_t last_seq)
{
    for (uint64_t seq = first; seq <= last_seq; seq++) {
        rig_socket_json(rig, (uint32_t)(last_seq - seq));
        rig_expect_text(rig, "type", "LOBBY_CLOSED");
        rig_expect_number(rig, "seq", (double)seq);
    }
}

/* Opens a socket and binds it; the log ends at `newest`. */
static uint64_t bound(struct rig *rig, uint64_t newest)
{
    uint64_t socket = rig_open(rig);
    rig_text(rig, socket, "{\"action\":\"REGISTER\",\"playerId\":\"" PLAYER "\"}");
    answer_events(rig, rig_count(rig) - 1, 1, 0, newest);
    return socket;
}

static void test_binds_a_player(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    uint64_t socket = rig_open(rig);
    rig_text(rig, socket, "{\"action\":\"REGISTER\",\"playerId\":\"" PLAYER "\",\"id\":\"r1\"}");
    assert_int_equal(rig_count(rig), 3); /* present first, then the log */
    assert_string_equal(rig_sent(rig, 0)->destination, "*broker");
    assert_int_equal(rig->msg.presence.joined_count, 1);
    assert_string_equal(rig->msg.presence.joined[0].id, PLAYER);
    assert_false(rig->msg.presence.reset);
    assert_string_equal(rig_sent(rig, 1)->destination, "*lobby");
    assert_int_equal(rig_sent(rig, 2)->op, MU_OP_EVENTS_GET);
    answer_events(rig, 2, 1, 0, 7);
    assert_string_equal(last(rig, 0),
                        "{\"type\":\"REGISTERED\",\"re\":\"r1\",\"playerId\":\"" PLAYER
                        "\",\"lastSeq\":7}");
    push(rig, PLAYER, 8);
    expect_events(rig, 8, 8);
    push(rig, PLAYER, 8); /* again: once is enough */
    push(rig, PLAYER, 7);
    push(rig, OTHER, 9);
    assert_int_equal(rig->sends, 2);

    uint64_t second = bound(rig, 8); /* another device: no news for the brokers */
    push(rig, PLAYER, 9);
    assert_int_equal(rig->sends, 5);
    rig_clear(rig);
    struct mu_turn turn = rig_turn(rig);
    mu_gateway_socket_closed(rig->gw, &turn, socket);
    assert_int_equal(rig_count(rig), 0);
    push(rig, PLAYER, 10);
    assert_int_equal(rig->sends, 6);
    assert_int_equal(rig->send_socket[5], second);
    mu_gateway_socket_closed(rig->gw, &turn, second);
    assert_int_equal(rig_count(rig), 2);
    (void)rig_sent(rig, 0);
    assert_int_equal(rig->msg.presence.left_count, 1);
    assert_int_equal(rig->msg.presence.joined_count, 0);
    push(rig, PLAYER, 11);
    assert_int_equal(rig->sends, 6);
    rig_destroy(rig);
}

static void test_does_not_bind_whom_nobody_knows(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    uint64_t socket = rig_open(rig);
    rig_text(rig, socket, "{\"action\":\"REGISTER\",\"playerId\":\"" PLAYER "\"}");
    rig_answer_error(rig, 2, MU_ERROR_PLAYER_NOT_FOUND, "");
    expect_error(rig, "PLAYER_NOT_FOUND");
    assert_int_equal(rig_count(rig), 2); /* he left again */
    (void)rig_sent(rig, 0);
    assert_int_equal(rig->msg.presence.left_count, 1);
    push(rig, PLAYER, 1);
    assert_int_equal(rig->sends, 1);
    rig_text(rig, socket, "{\"action\":\"READY\",\"lobbyId\":\"" LOBBY "\"}");
    expect_error(rig, "VALIDATION_FAILED");
    rig_text(rig, socket, "{\"action\":\"REGISTER\"}");
    expect_error(rig, "VALIDATION_FAILED");
    rig_destroy(rig);
}

static void test_resumes_in_order(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    uint64_t socket = rig_open(rig);
    rig_text(rig, socket, "{\"action\":\"REGISTER\",\"playerId\":\"" PLAYER "\",\"since\":3}");
    (void)rig_sent(rig, 2);
    assert_int_equal(rig->msg.events_get.after, 3);
    push(rig, PLAYER, 15); /* newer than the page that is on its way: must wait */
    assert_int_equal(rig->sends, 0);
    answer_events(rig, 2, 4, 11, 14);
    rig_socket_json(rig, 8);
    rig_expect_text(rig, "type", "REGISTERED");
    expect_events(rig, 4, 11);
    (void)rig_asked(rig, MU_OP_EVENTS_GET, "store");
    assert_int_equal(rig->msg.events_get.after, 11);
    push(rig, PLAYER, 12); /* just the next one: may go at once */
    expect_events(rig, 12, 12);
    answer_events(rig, 0, 12, 14, 14);
    expect_events(rig, 12, 14);
    (void)rig_asked(rig, MU_OP_EVENTS_GET, "store"); /* for 15, which it has heard of */
    answer_events(rig, 0, 15, 15, 15);
    expect_events(rig, 4, 15);
    assert_int_equal(rig->sends, 13);
    assert_int_equal(rig_count(rig), 0);
    assert_int_equal(mu_gateway_pending(rig->gw), 0);
    rig_destroy(rig);
}

static void test_fills_gaps(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    (void)bound(rig, 5);
    push(rig, PLAYER, 8);
    push(rig, PLAYER, 9);
    assert_int_equal(rig->sends, 1);
    (void)rig_asked(rig, MU_OP_EVENTS_GET, "store");
    assert_int_equal(rig->msg.events_get.after, 5);
    answer_events(rig, 0, 6, 9, 9);
    expect_events(rig, 6, 9);
    push(rig, PLAYER, 10);
    expect_events(rig, 6, 10);

    push(rig, PLAYER, 13); /* the log has lost what is older: what it has is sent */
    answer_events(rig, 0, 12, 13, 13);
    expect_events(rig, 12, 13);

    push(rig, PLAYER, 20); /* the store was set back: an empty page ends the search */
    answer_events(rig, 0, 1, 0, 20);
    assert_int_equal(rig_count(rig), 0);
    assert_int_equal(mu_gateway_pending(rig->gw), 0);

    push(rig, PLAYER, 21); /* the store is away for longer than a budget, then back */
    rig_clear(rig);
    rig_pass(rig, 5100);
    assert_int_equal(mu_gateway_pending(rig->gw), 1);
    uint32_t i = 0;
    for (uint32_t n = 0; n < rig_count(rig); n++) {
        i = rig_sent(rig, n)->op == MU_OP_EVENTS_GET ? n : i;
    }
    answer_events(rig, i, 14, 21, 21);
    expect_events(rig, 14, 21);
    rig_destroy(rig);
}

/* Whatever is lost, repeated or swapped, each socket gets each event once and in order. */
static void test_events_survive_chaos(void **state)
{
    struct rig *rig = rig_create(seed, false);
    struct mu_rng rng = { .state = seed };
    uint64_t newest = 0;
    uint32_t checked = 1;
    uint64_t expected = 1;
    (void)state;
    (void)bound(rig, 0);
    for (int round = 0; round < 3000; round++) {
        uint64_t dice = mu_rng_below(&rng, 10);
        if (dice < 5) {
            newest++;
            if (dice > 0) { /* else it is lost */
                push(rig, PLAYER, newest);
            }
        } else if (dice < 7 && newest > 0) {
            push(rig, PLAYER, 1 + mu_rng_below(&rng, newest));
        } else if (rig_count(rig) > 0) {
            (void)rig_sent(rig, rig_count(rig) - 1);
            uint64_t after = rig->msg.events_get.after;
            uint64_t end = after + 8 < newest ? after + 8 : newest;
            answer_events(rig, rig_count(rig) - 1, after + 1, end, newest);
        }
        for (; checked < rig->sends; checked++, expected++) {
            rig_socket_json(rig, rig->sends - 1 - checked);
            rig_expect_number(rig, "seq", (double)expected);
        }
    }
    assert_true(expected > 100);
    rig_destroy(rig);
}

static void test_acts(void **state)
{
    static const struct {
        const char *action;
        enum mu_accept accept;
    } answers[] = { { "READY", MU_ACCEPT_ACCEPTED },
                    { "UNREADY", MU_ACCEPT_PENDING },
                    { "DECLINE", MU_ACCEPT_DECLINED } };
    struct rig *rig = rig_create(seed, false);
    char text[256];
    (void)state;
    uint64_t socket = bound(rig, 0);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        (void)snprintf(text, sizeof text,
                       "{\"action\":\"%s\",\"lobbyId\":\"" LOBBY "\",\"playerId\":\"" PLAYER "\"}",
                       answers[i].action);
        rig_text(rig, socket, text);
        const struct mu_msg_envelope *envelope = rig_asked(rig, MU_OP_LOBBY_READY, "store");
        assert_int_equal(strlen(envelope->idempotency_key), 32);
        assert_int_equal(rig->msg.lobby_ready.accept, answers[i].accept);
        assert_string_equal(rig->msg.lobby_ready.player, PLAYER);
        rig->answer.op = MU_OP_LOBBY_READIED;
        rig->answer.lobby_readied = (struct mu_msg_lobby_readied){ LOBBY, 1, 2 };
        rig_answer(rig, 0);
        rig_socket_json(rig, 0);
        rig_expect_text(rig, "type", "ACK");
        rig_expect_text(rig, "action", answers[i].action);
        rig_expect_number(rig, "total", 2);
    }
    rig_text(rig, socket, "{\"action\":\"PING\"}");
    assert_string_equal(last(rig, 0), "{\"type\":\"PONG\"}");
    rig_text(rig, socket,
             "{\"action\":\"JOIN_QUEUE\",\"gameMode\":\"duel\",\"region\":\"us-east\"}");
    (void)rig_asked(rig, MU_OP_TICKET_ADD, "queue/us-east-1");
    assert_string_equal(rig->msg.ticket_add.players[0].id, PLAYER);
    rig->answer.op = MU_OP_TICKET_ADDED;
    rig->answer.ticket_added = (struct mu_msg_ticket_added){
        .ticket = { .id = TICKET, .state = MU_TICKET_QUEUED, .mode = "duel" }, .position = 1
    };
    rig_answer(rig, 0);
    rig_socket_json(rig, 0);
    rig_expect_text(rig, "type", "QUEUE_STATUS");
    rig_expect_text(rig, "ticketId", TICKET);
    rig_expect_text(rig, "status", "SEARCHING");
    rig_text(rig, socket, "{\"action\":\"LEAVE_QUEUE\"}");
    (void)rig_asked(rig, MU_OP_TICKET_CANCEL, "store");
    rig_answer_error(rig, 0, MU_ERROR_PLAYER_NOT_IN_QUEUE, "");
    expect_error(rig, "PLAYER_NOT_IN_QUEUE");
    rig_text(rig, socket, "{\"action\":\"JOIN_QUEUE\",\"gameMode\":\"duel\"}"); /* at home */
    (void)rig_asked(rig, MU_OP_PLAYER_GET, "store");
    rig->answer.op = MU_OP_PLAYER;
    rig->answer.player = (struct mu_msg_player){ .id = PLAYER, .region = "eu-west-1" };
    rig_answer(rig, 0);
    (void)rig_asked(rig, MU_OP_TICKET_ADD, "queue/eu-west-1");
    struct mu_turn turn = rig_turn(rig);
    mu_gateway_socket_closed(rig->gw, &turn, socket); /* he did not wait */
    rig_pass(rig, 6000);
    assert_int_equal(mu_gateway_pending(rig->gw), 0);
    rig_destroy(rig);
}

static void test_refuses_other_messages(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    uint64_t socket = bound(rig, 0);
    rig_text(rig, socket, "{\"action\":\"DANCE\",\"id\":\"7\"}");
    expect_error(rig, "UNKNOWN_ACTION");
    rig_expect_text(rig, "re", "7");
    rig_text(rig, socket, "{\"action\":");
    expect_error(rig, "BAD_REQUEST");
    rig_text(rig, socket, "[]");
    expect_error(rig, "BAD_REQUEST");
    rig_text(rig, socket, "{}");
    expect_error(rig, "VALIDATION_FAILED");
    rig_text(rig, socket, "{\"action\":\"READY\",\"lobbyId\":\"a b\"}");
    expect_error(rig, "VALIDATION_FAILED");
    rig_text(rig, socket,
             "{\"action\":\"READY\",\"lobbyId\":\"" LOBBY "\",\"playerId\":\"" OTHER "\"}");
    expect_error(rig, "FORBIDDEN");
    rig_clear(rig);
    for (int i = 0; i < 32; i++) {
        rig_text(rig, socket, "{\"action\":\"LEAVE_QUEUE\"}");
        rig_clear(rig);
    }
    rig_text(rig, socket, "{\"action\":\"LEAVE_QUEUE\"}");
    expect_error(rig, "OVERLOADED");
    assert_int_equal(rig->close_code, 0);
    rig_destroy(rig);
}

static void test_warns_once_then_closes(void **state)
{
    struct rig *rig = rig_create(seed, true);
    (void)state;
    uint64_t socket = rig_open(rig);
    for (int i = 0; i < 10; i++) {
        rig_text(rig, socket, "{\"action\":\"PING\"}");
        assert_string_equal(last(rig, 0), "{\"type\":\"PONG\"}");
    }
    rig_text(rig, socket, "{\"action\":\"PING\"}");
    expect_error(rig, "RATE_LIMITED");
    assert_int_equal(rig->close_code, 0);
    rig_text(rig, socket, "{\"action\":\"PING\"}");
    assert_int_equal(rig->close_code, 4029);
    assert_int_equal(rig->close_socket, socket);
    uint32_t sends = rig->sends;
    rig_text(rig, socket, "{\"action\":\"PING\"}");
    assert_int_equal(rig->sends, sends);
    rig_destroy(rig);
}

static void test_wants_credentials(void **state)
{
    struct rig *rig = rig_create(seed, true);
    char token[MU_ACCESS_KEY_MAX + 1];
    char text[400];
    struct mu_caller shop = { .role = MU_ROLE_BACKEND, .trusted = true, .key = 0 };
    (void)state;
    mu_access_player_token(&rig->config, &shop, PLAYER, RIG_WALL_MS / 1000 + 60, token);
    uint64_t socket = rig_open(rig);
    rig_text(rig, socket, "{\"action\":\"REGISTER\",\"playerId\":\"" PLAYER "\"}");
    expect_error(rig, "UNAUTHORIZED");
    (void)snprintf(text, sizeof text,
                   "{\"action\":\"REGISTER\",\"playerId\":\"" OTHER "\",\"token\":\"%s\"}", token);
    rig_text(rig, socket, text);
    expect_error(rig, "FORBIDDEN");
    (void)snprintf(text, sizeof text,
                   "{\"action\":\"REGISTER\",\"playerId\":\"" PLAYER "\",\"token\":\"%sx\"}",
                   token);
    rig_text(rig, socket, text);
    expect_error(rig, "UNAUTHORIZED");
    assert_int_equal(rig_count(rig), 0);
    (void)snprintf(text, sizeof text,
                   "{\"action\":\"REGISTER\",\"playerId\":\"" PLAYER "\",\"token\":\"%s\"}", token);
    rig_text(rig, socket, text);
    answer_events(rig, 2, 1, 0, 0);
    rig_socket_json(rig, 0);
    rig_expect_text(rig, "type", "REGISTERED");

    uint64_t stranger = rig_open(rig);
    rig_pass(rig, 4000);
    assert_int_equal(rig->close_code, 0);
    rig_pass(rig, 2000);
    assert_int_equal(rig->close_code, 4001);
    assert_int_equal(rig->close_socket, stranger);

    struct mu_http_request upgrade = rig_request(rig, MU_HTTP_GET, "/v1/ws", NULL);
    struct mu_turn turn = rig_turn(rig);
    upgrade.origin = "https://evil.example";
    assert_false(mu_gateway_socket_open(rig->gw, &turn, upgrade.id, &upgrade));
    rig_expect_status(rig, 403, "FORBIDDEN");
    upgrade.id = 1001;
    upgrade.origin = "https://game.example";
    upgrade.authorization = "Bearer mu_shop_wrong-secret";
    assert_false(mu_gateway_socket_open(rig->gw, &turn, upgrade.id, &upgrade));
    rig_expect_status(rig, 401, "UNAUTHORIZED");
    upgrade.id = 1002;
    upgrade.authorization = "Bearer " RIG_BACKEND_KEY;
    assert_true(mu_gateway_socket_open(rig->gw, &turn, upgrade.id, &upgrade));
    rig_destroy(rig);
}

static void test_announces_who_is_here(void **state)
{
    struct rig *rig = rig_create(seed, false);
    (void)state;
    for (int i = 0; i < 600; i++) {
        char text[128];
        uint64_t socket = rig_open(rig);
        (void)snprintf(text, sizeof text, "{\"action\":\"REGISTER\",\"playerId\":\"ply_%d\"}", i);
        rig_text(rig, socket, text);
        answer_events(rig, 2, 1, 0, 0);
    }
    rig_clear(rig);
    mu_gateway_announce(rig->gw);
    assert_true(mu_gateway_deadline(rig->gw) <= rig->now_ms);
    rig_pass(rig, 0);
    uint32_t told = 0;
    uint32_t resets = 0;
    for (uint32_t i = 0; i < rig_count(rig); i++) {
        if (strcmp(rig_sent(rig, i)->destination, "*broker") == 0) {
            assert_int_equal(rig->msg.presence.reset, told == 0);
            resets += rig->msg.presence.reset ? 1u : 0u;
            told += rig->msg.presence.joined_count;
        }
    }
    assert_int_equal(told, 600);
    assert_int_equal(resets, 1);
    rig_destroy(rig);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binds_a_player),
        cmocka_unit_test(test_does_not_bind_whom_nobody_knows),
        cmocka_unit_test(test_resumes_in_order),
        cmocka_unit_test(test_fills_gaps),
        cmocka_unit_test(test_events_survive_chaos),
        cmocka_unit_test(test_acts),
        cmocka_unit_test(test_refuses_other_messages),
        cmocka_unit_test(test_warns_once_then_closes),
        cmocka_unit_test(test_wants_credentials),
        cmocka_unit_test(test_announces_who_is_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
