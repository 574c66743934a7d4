/* The store actor: matches from acceptance to their server, dissolved or expired. */
#include <string.h>

#include "actors/token.h"
#include "tests/unit/store_world.h"

static uint64_t seed;
static const char queue[] = "queue/eu-west-1";
static const char key_hash[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

enum { PLAYERS = 4 };

struct fixture {
    struct world *world;
    char players[PLAYERS][MU_ID_MAX + 1];
    char match[MU_ID_MAX + 1];
    char lobby[MU_ID_MAX + 1];
    char server[MU_ID_MAX + 1];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->world = world_create(seed);
    for (int i = 0; i < PLAYERS; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "player%d", i);
        world_register(f->world, name, f->players[i]);
    }
    world_server(f->world, "eu-west-1", 2, f->server);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    world_destroy(f->world);
    free(f);
    return 0;
}

static void form(struct fixture *f)
{
    world_form(f->world, "team_match", "eu-west-1", PLAYERS, f->players, f->match);
    assert_int_equal(mu_id_with_prefix(f->match, MU_ID_PREFIX_LOBBY, f->lobby), 0);
}

static void ready(struct fixture *f, const char *player, enum mu_accept accept)
{
    struct mu_msg msg = { .op = MU_OP_LOBBY_READY };
    msg.lobby_ready = (struct mu_msg_lobby_ready){ .accept = accept };
    memcpy(msg.lobby_ready.lobby, f->lobby, sizeof f->lobby);
    (void)snprintf(msg.lobby_ready.player, sizeof msg.lobby_ready.player, "%s", player);
    (void)world_ask(f->world, &msg);
}

static void expect_readied(struct fixture *f, uint64_t count)
{
    world_expect(f->world, MU_OP_LOBBY_READIED);
    assert_int_equal(f->world->reply.lobby_readied.ready, count);
    assert_int_equal(f->world->reply.lobby_readied.total, PLAYERS);
}

static void ready_all(struct fixture *f)
{
    for (int i = 0; i < PLAYERS; i++) {
        ready(f, f->players[i], MU_ACCEPT_ACCEPTED);
    }
}

static void allocate(struct fixture *f, const char *server)
{
    struct mu_msg msg = { .op = MU_OP_MATCH_ALLOCATE };
    msg.match_allocate = (struct mu_msg_match_allocate){ .server = "" };
    memcpy(msg.match_allocate.match, f->match, sizeof f->match);
    (void)snprintf(msg.match_allocate.server, sizeof msg.match_allocate.server, "%s", server);
    (void)world_ask_with(f->world, &msg,
                         (struct world_with){ .fence = world_fence(f->world, "lobby/0") });
}

static void abort_match(struct fixture *f, enum mu_reason reason)
{
    struct mu_msg msg = { .op = MU_OP_MATCH_ABORT };
    msg.match_abort = (struct mu_msg_match_abort){ .reason = reason };
    memcpy(msg.match_abort.match, f->match, sizeof f->match);
    (void)world_ask_with(f->world, &msg,
                         (struct world_with){ .fence = world_fence(f->world, "lobby/0") });
}

static void expect_match(struct fixture *f, enum mu_match_state wanted)
{
    struct mu_msg msg = world_match_get(f->match);
    (void)world_ask(f->world, &msg);
    world_expect(f->world, MU_OP_MATCH);
    assert_int_equal(f->world->reply.match.state, wanted);
}

static void expect_engaged(struct fixture *f, int player, enum mu_engaged kind)
{
    struct mu_msg msg = world_player_get(f->players[player]);
    (void)world_ask(f->world, &msg);
    assert_int_equal(f->world->reply.player.engaged, kind);
}

static const struct mu_msg_server *get_server(struct fixture *f)
{
    struct mu_msg msg = { .op = MU_OP_SERVER_STATE };
    msg.server_state_set = (struct mu_msg_server_state_set){ .state = MU_SERVER_READY };
    memcpy(msg.server_state_set.server, f->server, sizeof f->server);
    (void)world_ask(f->world, &msg);
    world_expect(f->world, MU_OP_SERVER);
    return &f->world->reply.server;
}

static void test_accept(void **state)
{
    struct fixture *f = *state;
    form(f);
    ready(f, f->players[1], MU_ACCEPT_ACCEPTED);
    expect_readied(f, 1);
    const struct mu_msg_event *event = NULL;
    assert_int_equal(world_events(f->world, f->players[3], MU_EVENT_READY_UPDATE, &event), 1);
    assert_int_equal(event->ready, 1);
    assert_int_equal(event->total, PLAYERS);
    assert_int_equal(event->seq, 2);
    ready(f, f->players[1], MU_ACCEPT_ACCEPTED); /* twice: the same, and nobody is told */
    expect_readied(f, 1);
    assert_int_equal(f->world->events_count, 0);
    ready(f, f->players[1], MU_ACCEPT_PENDING);
    expect_readied(f, 0);
    ready(f, "ply_nobody", MU_ACCEPT_ACCEPTED);
    world_expect_error(f->world, MU_ERROR_NOT_IN_MATCH);
    ready_all(f);
    expect_readied(f, PLAYERS);
    expect_match(f, MU_MATCH_ALLOCATING);
    ready(f, f->players[0], MU_ACCEPT_ACCEPTED); /* late repeat */
    expect_readied(f, PLAYERS);
    ready(f, f->players[0], MU_ACCEPT_DECLINED);
    world_expect_error(f->world, MU_ERROR_NOT_ACCEPTING);
    expect_match(f, MU_MATCH_ALLOCATING);
    memcpy(f->lobby, "lob_01JD6Z9C3E8Q4VWB2M5T7RXKPA", 31);
    ready(f, f->players[0], MU_ACCEPT_ACCEPTED);
    world_expect_error(f->world, MU_ERROR_LOBBY_NOT_FOUND);
}

/* A party of two against two solos. */
static void form_with_party(struct fixture *f, char party[MU_ID_MAX + 1],
                            char (*solo)[MU_ID_MAX + 1])
{
    struct world *world = f->world;
    world_enqueue(world, "team_match", "eu-west-1", 2, f->players, party);
    world_enqueue(world, "team_match", "eu-west-1", 1, f->players + 2, solo[0]);
    world_enqueue(world, "team_match", "eu-west-1", 1, f->players + 3, solo[1]);
    struct mu_msg msg = { .op = MU_OP_MATCH_COMMIT };
    msg.match_commit = (struct mu_msg_match_commit){
        .mode = "team_match", .region = "eu-west-1", .shard = "queue/eu-west-1", .tickets_count = 3
    };
    mu_id_make(&world->ids, MU_ID_PREFIX_MATCH, world->wall_ms, msg.match_commit.match);
    memcpy(msg.match_commit.tickets[0].id, party, MU_ID_MAX + 1);
    memcpy(msg.match_commit.tickets[1].id, solo[0], MU_ID_MAX + 1);
    memcpy(msg.match_commit.tickets[2].id, solo[1], MU_ID_MAX + 1);
    for (uint32_t i = 0; i < 3; i++) {
        msg.match_commit.tickets[i].version = 1;
        msg.match_commit.tickets[i].team = i > 0;
    }
    (void)world_ask_with(world, &msg, (struct world_with){ .fence = world_fence(world, queue) });
    memcpy(f->match, msg.match_commit.match, sizeof f->match);
    assert_int_equal(mu_id_with_prefix(f->match, MU_ID_PREFIX_LOBBY, f->lobby), 0);
}

static void add_again(struct fixture *f, int player)
{
    struct mu_msg add = { .op = MU_OP_TICKET_ADD };
    add.ticket_add = (struct mu_msg_ticket_add){ .mode = "team_match",
                                                 .region = "eu-west-1",
                                                 .players_count = 1 };
    memcpy(add.ticket_add.players[0].id, f->players[player], MU_ID_MAX + 1);
    (void)world_ask_with(f->world, &add,
                         (struct world_with){ .fence = world_fence(f->world, queue) });
}

static void test_decline(void **state)
{
    struct fixture *f = *state;
    struct world *world = f->world;
    char party[MU_ID_MAX + 1];
    char solo[2][MU_ID_MAX + 1];
    form_with_party(f, party, solo);
    int64_t enqueued_ms = world->wall_ms;
    world->wall_ms += 3000;
    ready(f, f->players[0], MU_ACCEPT_ACCEPTED);
    ready(f, f->players[1], MU_ACCEPT_DECLINED); /* his party goes with him */
    expect_readied(f, 1);
    const struct mu_msg_event *event = NULL;
    assert_int_equal(world_events(world, f->players[0], MU_EVENT_MATCH_CANCELLED, &event), 1);
    assert_false(event->requeued);
    assert_int_equal(world_events(world, f->players[3], MU_EVENT_MATCH_CANCELLED, &event), 1);
    assert_true(event->requeued);
    assert_string_equal(event->ticket, solo[1]);
    assert_int_equal(event->reason, MU_REASON_DECLINED);
    assert_true(world_pushed(world, queue, solo[1]));
    assert_true(world_pushed(world, queue, party));
    ready(f, f->players[1], MU_ACCEPT_DECLINED); /* again: the same answer */
    expect_readied(f, 1);
    ready(f, f->players[2], MU_ACCEPT_ACCEPTED);
    world_expect_error(world, MU_ERROR_NOT_ACCEPTING);
    expect_match(f, MU_MATCH_ABORTED);
    expect_engaged(f, 0, MU_ENGAGED_NONE);
    expect_engaged(f, 1, MU_ENGAGED_NONE);
    expect_engaged(f, 2, MU_ENGAGED_TICKET); /* he had not declined */
    struct mu_msg msg = world_ticket_get(solo[1]);
    const struct mu_msg_ticket *ticket = &world_ask(world, &msg)->ticket;
    assert_int_equal(ticket->state, MU_TICKET_QUEUED);
    assert_int_equal(ticket->enqueued_ms, enqueued_ms); /* the age is kept */
    assert_int_equal(ticket->priority, 1);
    assert_int_equal(ticket->version, 3);
    assert_string_equal(ticket->match, "");
    msg = world_ticket_get(party);
    (void)world_ask(world, &msg);
    assert_int_equal(world->reply.ticket.state, MU_TICKET_CANCELLED);

    /* Only the one who declined waits. */
    add_again(f, 1);
    world_expect_error(world, MU_ERROR_COOLDOWN);
    assert_int_equal(world->reply.error.retry_after_ms, 15000);
    add_again(f, 0);
    world_expect(world, MU_OP_TICKET);
    world->wall_ms += 15000;
    add_again(f, 1);
    world_expect(world, MU_OP_TICKET);
}

static void cancel(struct fixture *f, const char *player)
{
    struct mu_msg msg = { .op = MU_OP_TICKET_CANCEL };
    msg.ticket_cancel = (struct mu_msg_ticket_cancel){ .ticket = "" };
    memcpy(msg.ticket_cancel.player, player, MU_ID_MAX + 1);
    (void)world_ask(f->world, &msg);
}

static void test_not_accepted(void **state)
{
    struct fixture *f = *state;
    const int64_t cooldowns[] = { 15000, 30000, 60000 };
    for (int round = 0; round < 3; round++) {
        form(f);
        ready(f, f->players[0], MU_ACCEPT_ACCEPTED);
        ready(f, f->players[1], MU_ACCEPT_ACCEPTED);
        ready(f, f->players[2], MU_ACCEPT_ACCEPTED);
        abort_match(f, MU_REASON_NOT_ACCEPTED);
        world_expect(f->world, MU_OP_MATCH);
        assert_int_equal(f->world->reply.match.state, MU_MATCH_ABORTED);
        assert_int_equal(f->world->reply.match.reason, MU_REASON_NOT_ACCEPTED);
        expect_engaged(f, 0, MU_ENGAGED_TICKET);
        expect_engaged(f, 3, MU_ENGAGED_NONE);
        for (int i = 0; i < 3; i++) {
            cancel(f, f->players[i]);
        }
        f->world->wall_ms += cooldowns[round] - 1; /* it grows with every miss */
        struct mu_msg add = { .op = MU_OP_TICKET_ADD };
        add.ticket_add = (struct mu_msg_ticket_add){ .mode = "ranked",
                                                     .region = "eu-west-1",
                                                     .players_count = 1 };
        memcpy(add.ticket_add.players[0].id, f->players[3], MU_ID_MAX + 1);
        (void)world_ask_with(f->world, &add,
                             (struct world_with){ .fence = world_fence(f->world, queue) });
        world_expect_error(f->world, MU_ERROR_COOLDOWN);
        assert_int_equal(f->world->reply.error.retry_after_ms, 1);
        f->world->wall_ms += 1;
    }
    abort_match(f, MU_REASON_NO_SERVER); /* dissolved already: as it is */
    assert_int_equal(f->world->reply.match.reason, MU_REASON_NOT_ACCEPTED);
    form(f);
    ready_all(f);
    abort_match(f, MU_REASON_NOT_ACCEPTED); /* too late: all have accepted */
    assert_int_equal(f->world->reply.match.state, MU_MATCH_ALLOCATING);
    abort_match(f, MU_REASON_NO_RESULT);
    assert_int_equal(f->world->reply.match.state, MU_MATCH_ALLOCATING);
    abort_match(f, MU_REASON_KICKED);
    world_expect_error(f->world, MU_ERROR_VALIDATION_FAILED);
    abort_match(f, MU_REASON_NO_SERVER);
    assert_int_equal(f->world->reply.match.state, MU_MATCH_ABORTED);
    for (int i = 0; i < PLAYERS; i++) {
        expect_engaged(f, i, MU_ENGAGED_TICKET);
    }
}

static void test_allocate(void **state)
{
    struct fixture *f = *state;
    form(f);
    allocate(f, f->server); /* not accepted yet: as it is */
    assert_int_equal(f->world->reply.match.state, MU_MATCH_FORMED);
    ready_all(f);
    allocate(f, "srv_none");
    world_expect_error(f->world, MU_ERROR_SERVER_NOT_FOUND);
    allocate(f, f->server);
    world_expect(f->world, MU_OP_MATCH);
    assert_int_equal(f->world->reply.match.state, MU_MATCH_LIVE);
    assert_string_equal(f->world->reply.match.server.id, f->server);
    assert_int_equal(f->world->reply.match.server.port, 7777);
    assert_int_equal(f->world->reply.match.started_ms, f->world->wall_ms);
    char token[MU_TOKEN_BYTES + 1];
    for (int i = 0; i < PLAYERS; i++) {
        const struct mu_msg_event *event = NULL;
        assert_int_equal(world_events(f->world, f->players[i], MU_EVENT_MATCH_STARTED, &event), 1);
        assert_int_equal(mu_token_make(key_hash, f->match, f->players[i], token), 0);
        assert_string_equal(event->join_token, token);
        assert_int_equal(event->team, i % 2);
        assert_string_equal(event->server.ip, "192.0.2.7");
        assert_int_equal(event->players_count, PLAYERS);
    }
    assert_true(world_pushed(f->world, "lobby/0", f->server));
    allocate(f, f->server); /* again: as it is, no second slot */
    assert_int_equal(f->world->reply.match.state, MU_MATCH_LIVE);
    assert_int_equal(f->world->events_count, 0);
    assert_int_equal(get_server(f)->used, 1);
    (void)world_epoch(f->world, "lobby/0");
    allocate(f, f->server);
    world_expect_error(f->world, MU_ERROR_FENCED);
    memcpy(f->match, "mch_01JD6Z9C3E8Q4VWB2M5T7RXKPA", 31);
    f->world->epochs[0] = 0;
    allocate(f, f->server);
    world_expect_error(f->world, MU_ERROR_MATCH_NOT_FOUND);
}

static void test_slots(void **state)
{
    struct fixture *f = *state;
    struct mu_msg msg = { .op = MU_OP_SERVER_REGISTER };
    msg.server_register = (struct mu_msg_server_register){
        .ip = "192.0.2.8", .port = 1, .slots = 1, .region = "eu-west-1", .modes_count = 1
    };
    memcpy(msg.server_register.key_hash, key_hash, sizeof key_hash);
    memcpy(msg.server_register.modes[0].id, "ranked", 7);
    (void)world_ask(f->world, &msg);
    char other[MU_ID_MAX + 1];
    memcpy(other, f->world->reply.server.id, sizeof other);
    form(f);
    ready_all(f);
    allocate(f, other); /* it does not play this mode */
    world_expect_error(f->world, MU_ERROR_NO_SLOT);
    char pair[2][MU_ID_MAX + 1];
    world_register(f->world, "eve", pair[0]);
    world_register(f->world, "dan", pair[1]);
    char first[MU_ID_MAX + 1];
    memcpy(first, f->match, sizeof first);
    struct mu_mode *ranked = &f->world->config.modes[mu_config_mode(&f->world->config, "ranked")];
    ranked->accept_ms = 0;
    world_form(f->world, "ranked", "eu-west-1", 2, pair, f->match);
    allocate(f, other);
    assert_int_equal(f->world->reply.match.state, MU_MATCH_LIVE);
    char third[2][MU_ID_MAX + 1];
    world_register(f->world, "fay", third[0]);
    world_register(f->world, "gus", third[1]);
    world_form(f->world, "ranked", "eu-west-1", 2, third, f->match);
    allocate(f, other); /* full */
    world_expect_error(f->world, MU_ERROR_NO_SLOT);
    msg.op = MU_OP_SERVER_STATE;
    msg.server_state_set = (struct mu_msg_server_state_set){ .state = MU_SERVER_DRAINING };
    memcpy(msg.server_state_set.server, f->server, sizeof f->server);
    (void)world_ask(f->world, &msg);
    allocate(f, f->server); /* draining */
    world_expect_error(f->world, MU_ERROR_NO_SLOT);
}

static void update(struct fixture *f, const char *hash, const char *player, const char *status)
{
    struct mu_msg msg = { .op = MU_OP_MATCH_UPDATE };
    msg.match_update = (struct mu_msg_match_update){ .scores_count = 1, .statuses_count = 1 };
    memcpy(msg.match_update.match, f->match, sizeof f->match);
    (void)snprintf(msg.match_update.key_hash, sizeof msg.match_update.key_hash, "%s", hash);
    memcpy(msg.match_update.scores[0].id, f->players[2], MU_ID_MAX + 1);
    msg.match_update.scores[0].score = -7;
    (void)snprintf(msg.match_update.statuses[0].id, sizeof msg.match_update.statuses[0].id, "%s",
                   player);
    (void)snprintf(msg.match_update.statuses[0].status, sizeof msg.match_update.statuses[0].status,
                   "%s", status);
    (void)world_ask(f->world, &msg);
}

static void test_update(void **state)
{
    struct fixture *f = *state;
    form(f);
    update(f, "", f->players[0], "LEFT");
    world_expect_error(f->world, MU_ERROR_MATCH_NOT_LIVE);
    update(f, key_hash, f->players[0], "LEFT");
    world_expect_error(f->world, MU_ERROR_FORBIDDEN);
    ready_all(f);
    allocate(f, f->server);
    update(f, "00", f->players[0], "LEFT");
    world_expect_error(f->world, MU_ERROR_FORBIDDEN);
    update(f, key_hash, "ply_nobody", "LEFT");
    world_expect_error(f->world, MU_ERROR_NOT_IN_MATCH);
    update(f, key_hash, f->players[0], "left");
    world_expect_error(f->world, MU_ERROR_VALIDATION_FAILED);
    expect_match(f, MU_MATCH_LIVE);
    uint64_t version = f->world->reply.match.version;
    for (uint32_t i = 0; i < PLAYERS; i++) { /* what was refused has changed nothing */
        assert_int_equal(f->world->reply.match.players[i].score, 0);
    }
    update(f, key_hash, f->players[0], "LEFT");
    world_expect(f->world, MU_OP_MATCH);
    assert_int_equal(f->world->reply.match.version, version + 1);
    assert_string_equal(f->world->reply.match.players[0].status, "LEFT");
    assert_int_equal(f->world->reply.match.players[1].score, -7); /* player 2: team order */
    update(f, "", f->players[0], "BACK_AGAIN");                   /* a trusted backend */
    world_expect(f->world, MU_OP_MATCH);
}

static void test_expire(void **state)
{
    struct fixture *f = *state;
    const enum mu_reason reasons[] = { MU_REASON_NO_RESULT, MU_REASON_SERVER_LOST };
    for (size_t i = 0; i < 2; i++) {
        form(f);
        ready_all(f);
        allocate(f, f->server);
        abort_match(f, MU_REASON_NO_SERVER); /* it plays: as it is */
        assert_int_equal(f->world->reply.match.state, MU_MATCH_LIVE);
        abort_match(f, reasons[i]);
        assert_int_equal(f->world->reply.match.state, MU_MATCH_EXPIRED);
        assert_int_equal(f->world->reply.match.reason, reasons[i]);
        const struct mu_msg_event *event = NULL;
        assert_int_equal(world_events(f->world, f->players[0], MU_EVENT_MATCH_CANCELLED, &event),
                         1);
        assert_int_equal(event->reason, reasons[i]);
        abort_match(f, reasons[i]);
        assert_int_equal(f->world->events_count, 0);
        expect_engaged(f, 0, MU_ENGAGED_NONE);
        assert_int_equal(get_server(f)->used, 0);
        world_restart(f->world, false);
    }
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_accept), TEST(test_decline), TEST(test_not_accepted), TEST(test_allocate),
        TEST(test_slots),  TEST(test_update),  TEST(test_expire),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
