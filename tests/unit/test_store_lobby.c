/* The store actor: custom lobbies, from creation to the match, and servers. */
#include <string.h>

#include "tests/unit/store_world.h"

static uint64_t seed;

enum { PLAYERS = 5 };

struct fixture {
    struct world *world;
    char players[PLAYERS][MU_ID_MAX + 1];
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
    world_server(f->world, "eu-west-1", 1, f->server);
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

static void ask(struct fixture *f, const struct mu_msg *msg)
{
    (void)world_ask_with(f->world, msg,
                         (struct world_with){ .fence = world_fence(f->world, "lobby/0") });
}

static struct mu_msg create_msg(struct fixture *f, int host)
{
    struct mu_msg msg = { .op = MU_OP_LOBBY_CREATE };
    msg.lobby_create = (struct mu_msg_lobby_create){
        .mode = "team_match", .players_max = 4, .players_min = 2, .settings = "{}"
    };
    memcpy(msg.lobby_create.host, f->players[host], MU_ID_MAX + 1);
    return msg;
}

static void create(struct fixture *f)
{
    struct mu_msg msg = create_msg(f, 0);
    ask(f, &msg);
    world_expect(f->world, MU_OP_LOBBY);
    memcpy(f->lobby, f->world->reply.lobby.id, MU_ID_MAX + 1);
}

static struct mu_msg join_msg(struct fixture *f, const char *player)
{
    struct mu_msg msg = { .op = MU_OP_LOBBY_JOIN };
    msg.lobby_join = (struct mu_msg_lobby_join){ .password = "" };
    memcpy(msg.lobby_join.lobby, f->lobby, MU_ID_MAX + 1);
    (void)snprintf(msg.lobby_join.player, sizeof msg.lobby_join.player, "%s", player);
    return msg;
}

static void join(struct fixture *f, int player)
{
    struct mu_msg msg = join_msg(f, f->players[player]);
    ask(f, &msg);
    world_expect(f->world, MU_OP_LOBBY);
}

static void leave(struct fixture *f, const char *player, enum mu_reason reason)
{
    struct mu_msg msg = { .op = MU_OP_LOBBY_LEAVE };
    msg.lobby_leave = (struct mu_msg_lobby_leave){ .reason = reason };
    memcpy(msg.lobby_leave.lobby, f->lobby, MU_ID_MAX + 1);
    (void)snprintf(msg.lobby_leave.player, sizeof msg.lobby_leave.player, "%s", player);
    (void)world_ask(f->world, &msg);
}

static void ready(struct fixture *f, const char *player, enum mu_accept accept)
{
    struct mu_msg msg = { .op = MU_OP_LOBBY_READY };
    msg.lobby_ready = (struct mu_msg_lobby_ready){ .accept = accept };
    memcpy(msg.lobby_ready.lobby, f->lobby, MU_ID_MAX + 1);
    (void)snprintf(msg.lobby_ready.player, sizeof msg.lobby_ready.player, "%s", player);
    (void)world_ask(f->world, &msg);
}

static void start(struct fixture *f, int player, const char *server)
{
    struct mu_msg msg = { .op = MU_OP_LOBBY_START };
    msg.lobby_start = (struct mu_msg_lobby_start){ .server = "" };
    memcpy(msg.lobby_start.lobby, f->lobby, MU_ID_MAX + 1);
    memcpy(msg.lobby_start.player, f->players[player], MU_ID_MAX + 1);
    (void)snprintf(msg.lobby_start.server, sizeof msg.lobby_start.server, "%s", server);
    ask(f, &msg);
}

static void get(struct fixture *f)
{
    struct mu_msg msg = { .op = MU_OP_LOBBY_GET };
    memcpy(msg.lobby_get.id, f->lobby, MU_ID_MAX + 1);
    (void)world_ask(f->world, &msg);
}

static void test_create(void **state)
{
    struct fixture *f = *state;
    create(f);
    const struct mu_msg_lobby *lobby = &f->world->reply.lobby;
    assert_true(mu_id_valid(lobby->id, MU_ID_PREFIX_LOBBY));
    assert_string_equal(lobby->name, "player0's lobby");
    assert_string_equal(lobby->region, "eu-west-1");
    assert_string_equal(lobby->host, f->players[0]);
    assert_int_equal(strlen(lobby->join_code), 6);
    assert_int_equal(lobby->members_count, 1);
    assert_int_equal(lobby->state, MU_LOBBY_OPEN);
    assert_true(world_pushed(f->world, "lobby/0", f->lobby));
    struct mu_msg msg = create_msg(f, 0);
    ask(f, &msg);
    world_expect_error(f->world, MU_ERROR_PLAYER_IN_LOBBY);
    assert_string_equal(f->world->reply.error.subject, f->lobby);
    msg = create_msg(f, 2); /* no partition's yet: any lobby actor may ask for it */
    (void)world_ask_with(f->world, &msg, (struct world_with){ .fence = 99 });
    world_expect(f->world, MU_OP_LOBBY);
    msg = create_msg(f, 1);
    memcpy(msg.lobby_create.mode, "chess", 6);
    ask(f, &msg);
    world_expect_error(f->world, MU_ERROR_GAME_MODE_NOT_FOUND);
    msg = create_msg(f, 1);
    msg.lobby_create.players_min = 5;
    ask(f, &msg);
    world_expect_error(f->world, MU_ERROR_VALIDATION_FAILED);
    msg = create_msg(f, 1);
    memcpy(msg.lobby_create.region, "mars", 5);
    ask(f, &msg);
    world_expect_error(f->world, MU_ERROR_REGION_NOT_SUPPORTED);
    memcpy(msg.lobby_create.host, "ply_nobody", 11);
    ask(f, &msg);
    world_expect_error(f->world, MU_ERROR_PLAYER_NOT_FOUND);
}

static void test_create_again(void **state)
{
    struct fixture *f = *state;
    struct mu_msg msg = create_msg(f, 0);
    struct world_with with = { .key = "c", .fence = world_fence(f->world, "lobby/0") };
    memcpy(msg.lobby_create.password_hash, "salt1", 6);
    (void)world_ask_with(f->world, &msg, with);
    world_expect(f->world, MU_OP_LOBBY);
    memcpy(f->lobby, f->world->reply.lobby.id, MU_ID_MAX + 1);
    memcpy(msg.lobby_create.password_hash, "salt2", 6); /* another salt: the same request */
    (void)world_ask_with(f->world, &msg, with);
    world_expect(f->world, MU_OP_LOBBY);
    assert_string_equal(f->world->reply.lobby.id, f->lobby);
    assert_string_equal(f->world->reply.lobby.password_hash, "salt1");
    struct mu_msg join = join_msg(f, f->players[1]);
    (void)world_ask(f->world, &join); /* around the lobby actor, which checks passwords */
    world_expect_error(f->world, MU_ERROR_WRONG_PASSWORD);
    ask(f, &join);
    world_expect(f->world, MU_OP_LOBBY);
}

static void test_join(void **state)
{
    struct fixture *f = *state;
    create(f);
    join(f, 1);
    const struct mu_msg_event *event = NULL;
    assert_int_equal(world_events(f->world, f->players[0], MU_EVENT_PLAYER_JOINED, &event), 1);
    assert_string_equal(event->subject.username, "player1");
    assert_string_equal(event->lobby, f->lobby);
    assert_int_equal(f->world->events_count, 1);
    join(f, 1); /* twice: the same lobby */
    assert_int_equal(f->world->reply.lobby.members_count, 2);
    assert_int_equal(f->world->events_count, 0);
    join(f, 2);
    join(f, 3);
    struct mu_msg msg = join_msg(f, f->players[4]);
    ask(f, &msg);
    world_expect_error(f->world, MU_ERROR_LOBBY_FULL);
    char ticket[MU_ID_MAX + 1];
    world_enqueue(f->world, "ranked", "eu-west-1", 1, f->players + 4, ticket);
    ask(f, &msg);
    world_expect_error(f->world, MU_ERROR_PLAYER_ALREADY_IN_QUEUE);
    memcpy(msg.lobby_join.lobby, "lob_none", 9);
    ask(f, &msg);
    world_expect_error(f->world, MU_ERROR_LOBBY_NOT_FOUND);
    msg = join_msg(f, "ply_nobody");
    ask(f, &msg);
    world_expect_error(f->world, MU_ERROR_PLAYER_NOT_FOUND);
}

static void test_leave(void **state)
{
    struct fixture *f = *state;
    create(f);
    join(f, 1);
    join(f, 2);
    leave(f, f->players[3], MU_REASON_LEFT);
    world_expect_error(f->world, MU_ERROR_NOT_IN_LOBBY);
    leave(f, f->players[0], MU_REASON_LEFT); /* the host: the longest-standing follows */
    world_expect(f->world, MU_OP_LOBBY);
    assert_string_equal(f->world->reply.lobby.host, f->players[1]);
    assert_int_equal(f->world->reply.lobby.members_count, 2);
    const struct mu_msg_event *event = NULL;
    assert_int_equal(world_events(f->world, f->players[2], MU_EVENT_PLAYER_LEFT, &event), 1);
    assert_string_equal(event->subject.id, f->players[0]);
    assert_string_equal(event->new_host, f->players[1]);
    assert_int_equal(world_events(f->world, f->players[0], MU_EVENT_PLAYER_LEFT, &event), 0);
    leave(f, f->players[2], MU_REASON_KICKED); /* he is told */
    assert_int_equal(world_events(f->world, f->players[2], MU_EVENT_PLAYER_LEFT, &event), 1);
    assert_int_equal(event->reason, MU_REASON_KICKED);
    leave(f, f->players[1], MU_REASON_LEFT);
    assert_int_equal(f->world->reply.lobby.state, MU_LOBBY_CLOSED);
    assert_int_equal(world_events(f->world, f->players[1], MU_EVENT_LOBBY_CLOSED, &event), 1);
    assert_int_equal(event->reason, MU_REASON_EMPTY);
    leave(f, f->players[1], MU_REASON_LEFT);
    world_expect_error(f->world, MU_ERROR_LOBBY_NOT_FOUND);
    get(f);
    world_expect(f->world, MU_OP_LOBBY);
    assert_int_equal(f->world->reply.lobby.state, MU_LOBBY_CLOSED);
    struct mu_msg msg = join_msg(f, f->players[1]);
    ask(f, &msg);
    world_expect_error(f->world, MU_ERROR_LOBBY_NOT_FOUND);
}

static void test_ready(void **state)
{
    struct fixture *f = *state;
    create(f);
    join(f, 1);
    ready(f, f->players[1], MU_ACCEPT_ACCEPTED);
    world_expect(f->world, MU_OP_LOBBY_READIED);
    assert_int_equal(f->world->reply.lobby_readied.ready, 1);
    assert_int_equal(f->world->reply.lobby_readied.total, 2);
    const struct mu_msg_event *event = NULL;
    assert_int_equal(world_events(f->world, f->players[0], MU_EVENT_READY_UPDATE, &event), 1);
    assert_int_equal(event->ready, 1);
    ready(f, f->players[1], MU_ACCEPT_ACCEPTED);
    assert_int_equal(f->world->events_count, 0);
    ready(f, f->players[1], MU_ACCEPT_PENDING);
    assert_int_equal(f->world->reply.lobby_readied.ready, 0);
    ready(f, f->players[2], MU_ACCEPT_ACCEPTED);
    world_expect_error(f->world, MU_ERROR_NOT_IN_LOBBY);
}

static void test_start(void **state)
{
    struct fixture *f = *state;
    create(f);
    start(f, 0, f->server);
    world_expect_error(f->world, MU_ERROR_INSUFFICIENT_PLAYERS);
    assert_string_equal(f->world->reply.error.detail, "");
    join(f, 1);
    join(f, 2);
    ready(f, f->players[1], MU_ACCEPT_ACCEPTED);
    start(f, 0, f->server);
    world_expect_error(f->world, MU_ERROR_INSUFFICIENT_PLAYERS);
    assert_string_equal(f->world->reply.error.detail, f->players[2]);
    ready(f, f->players[2], MU_ACCEPT_ACCEPTED);
    start(f, 1, f->server);
    world_expect_error(f->world, MU_ERROR_NOT_HOST);
    start(f, 0, "srv_none");
    world_expect_error(f->world, MU_ERROR_NO_SERVER);
    start(f, 0, f->server);
    world_expect(f->world, MU_OP_MATCH);
    const struct mu_msg_match *match = &f->world->reply.match;
    assert_int_equal(match->state, MU_MATCH_LIVE);
    assert_true(match->custom);
    assert_int_equal(match->players_count, 3);
    assert_string_equal(match->players[1].id, f->players[2]); /* dealt: 0 and 2 against 1 */
    assert_int_equal(match->players[1].team, 0);
    assert_int_equal(match->players[2].team, 1);
    char id[MU_ID_MAX + 1];
    assert_int_equal(mu_id_with_prefix(f->lobby, MU_ID_PREFIX_MATCH, id), 0);
    assert_string_equal(match->id, id);
    const struct mu_msg_event *event = NULL;
    assert_int_equal(world_events(f->world, f->players[2], MU_EVENT_MATCH_STARTED, &event), 1);
    assert_int_equal(strlen(event->join_token), 64);
    assert_string_equal(event->lobby, f->lobby);
    assert_true(world_pushed(f->world, "lobby/0", f->lobby));
    start(f, 0, f->server); /* again: its match */
    world_expect(f->world, MU_OP_MATCH);
    assert_string_equal(f->world->reply.match.id, id);
    assert_int_equal(f->world->events_count, 0);
    leave(f, f->players[1], MU_REASON_LEFT);
    world_expect_error(f->world, MU_ERROR_LOBBY_NOT_OPEN);
    ready(f, f->players[1], MU_ACCEPT_ACCEPTED);
    world_expect_error(f->world, MU_ERROR_LOBBY_NOT_OPEN);
    struct mu_msg end = { .op = MU_OP_MATCH_END };
    end.match_end = (struct mu_msg_match_end){ .ranking_count = 2 };
    memcpy(end.match_end.match, id, sizeof id);
    end.match_end.ranking[0] = (struct mu_msg_team_rank){ .team = 0, .rank = 1 };
    end.match_end.ranking[1] = (struct mu_msg_team_rank){ .team = 1, .rank = 2 };
    (void)world_ask(f->world, &end);
    world_expect(f->world, MU_OP_MATCH_ENDED);
    create(f); /* free again */
}

static void test_start_key_and_server(void **state)
{
    struct fixture *f = *state;
    create(f);
    join(f, 1);
    ready(f, f->players[1], MU_ACCEPT_ACCEPTED);
    struct mu_msg msg = { .op = MU_OP_LOBBY_START };
    msg.lobby_start = (struct mu_msg_lobby_start){ .server = "srv_none" };
    memcpy(msg.lobby_start.lobby, f->lobby, MU_ID_MAX + 1);
    memcpy(msg.lobby_start.player, f->players[0], MU_ID_MAX + 1);
    const struct world_with with = { .key = "s", .fence = world_fence(f->world, "lobby/0") };
    (void)world_ask_with(f->world, &msg, with);
    world_expect_error(f->world, MU_ERROR_NO_SERVER);
    memcpy(msg.lobby_start.server, f->server, sizeof f->server); /* the next try, same key */
    (void)world_ask_with(f->world, &msg, with);
    world_expect(f->world, MU_OP_MATCH);
    memcpy(msg.lobby_start.server, "srv_none", 9);
    (void)world_ask_with(f->world, &msg, with);
    world_expect(f->world, MU_OP_MATCH);
    assert_string_equal(f->world->reply.match.server.id, f->server);
}

static void test_lobby_of_a_match(void **state)
{
    struct fixture *f = *state;
    char match[MU_ID_MAX + 1];
    world_form(f->world, "ranked", "eu-west-1", 2, f->players, match);
    assert_int_equal(mu_id_with_prefix(match, MU_ID_PREFIX_LOBBY, f->lobby), 0);
    ready(f, f->players[1], MU_ACCEPT_ACCEPTED);
    get(f);
    world_expect(f->world, MU_OP_LOBBY);
    const struct mu_msg_lobby *lobby = &f->world->reply.lobby;
    assert_string_equal(lobby->id, f->lobby);
    assert_string_equal(lobby->match, match);
    assert_int_equal(lobby->state, MU_LOBBY_OPEN);
    assert_int_equal(lobby->members_count, 2);
    assert_false(lobby->members[0].ready);
    assert_true(lobby->members[1].ready);
    memcpy(f->lobby, "lob_none", 9);
    get(f);
    world_expect_error(f->world, MU_ERROR_LOBBY_NOT_FOUND);
}

static void server_state(struct fixture *f, const char *hash, enum mu_server_state wanted)
{
    struct mu_msg msg = { .op = MU_OP_SERVER_STATE };
    msg.server_state_set = (struct mu_msg_server_state_set){ .state = wanted };
    memcpy(msg.server_state_set.server, f->server, MU_ID_MAX + 1);
    (void)snprintf(msg.server_state_set.key_hash, sizeof msg.server_state_set.key_hash, "%s", hash);
    (void)world_ask(f->world, &msg);
}

static void test_server(void **state)
{
    struct fixture *f = *state;
    struct mu_msg msg = { .op = MU_OP_SERVER_REGISTER };
    const struct mu_msg_server_register good = {
        .ip = "192.0.2.9",
        .port = 7,
        .slots = 2,
        .region = "us-east",
        .modes_count = 1,
        .modes = { { .id = "duel" } },
        .key_hash = "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff",
    };
    msg.server_register = good;
    (void)world_ask(f->world, &msg);
    world_expect(f->world, MU_OP_SERVER);
    assert_string_equal(f->world->reply.server.region, "us-east-1");
    assert_int_equal(f->world->reply.server.state, MU_SERVER_READY);
    assert_true(world_pushed(f->world, "lobby/0", f->world->reply.server.id));
    for (int i = 0; i < 6; i++) {
        msg.server_register = good;
        struct mu_msg_server_register *bad = &msg.server_register;
        enum mu_error error = MU_ERROR_VALIDATION_FAILED;
        switch (i) {
        case 0: bad->ip[0] = '\0'; break;
        case 1: bad->port = 0; break;
        case 2: bad->slots = 0; break;
        case 3: bad->key_hash[5] = 'x'; break;
        case 4:
            memcpy(bad->region, "mars", 5);
            error = MU_ERROR_REGION_NOT_SUPPORTED;
            break;
        default:
            memcpy(bad->modes[0].id, "chess", 6);
            error = MU_ERROR_GAME_MODE_NOT_FOUND;
            break;
        }
        (void)world_ask(f->world, &msg);
        world_expect_error(f->world, error);
    }
    server_state(f, good.key_hash, MU_SERVER_GONE); /* capitals differ: another text */
    world_expect_error(f->world, MU_ERROR_FORBIDDEN);
    server_state(f, "", MU_SERVER_NONE);
    world_expect_error(f->world, MU_ERROR_VALIDATION_FAILED);
    server_state(f, "", MU_SERVER_GONE);
    assert_int_equal(f->world->reply.server.state, MU_SERVER_GONE);
    assert_true(world_pushed(f->world, "lobby/0", f->server));
    server_state(f, "", MU_SERVER_GONE);
    assert_int_equal(f->world->changes_count, 0);
    server_state(f, "", MU_SERVER_READY);
    assert_int_equal(f->world->reply.server.version, 3);
    memcpy(f->server, "srv_none", 9);
    server_state(f, "", MU_SERVER_READY);
    world_expect_error(f->world, MU_ERROR_SERVER_NOT_FOUND);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_create),
        TEST(test_create_again),
        TEST(test_join),
        TEST(test_leave),
        TEST(test_ready),
        TEST(test_start),
        TEST(test_start_key_and_server),
        TEST(test_lobby_of_a_match),
        TEST(test_server),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
