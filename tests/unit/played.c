#include "tests/unit/played.h"

#include <string.h>

#include "actors/store_rows.h"

static void player_name(int player, char ret[24])
{
    (void)snprintf(ret, 24, "played-%d", player);
}

struct mu_msg played_cancel(const struct played *played)
{
    struct mu_msg msg = { .op = MU_OP_TICKET_CANCEL };
    msg.ticket_cancel = (struct mu_msg_ticket_cancel){ .player = "" };
    memcpy(msg.ticket_cancel.ticket, played->ticket, MU_ID_MAX + 1);
    return msg;
}

struct mu_msg played_leave(const struct played *played, int player)
{
    struct mu_msg msg = { .op = MU_OP_LOBBY_LEAVE };
    msg.lobby_leave = (struct mu_msg_lobby_leave){ .reason = MU_REASON_LEFT };
    memcpy(msg.lobby_leave.lobby, played->lobby, MU_ID_MAX + 1);
    memcpy(msg.lobby_leave.player, played->players[player], MU_ID_MAX + 1);
    return msg;
}

struct mu_msg played_end(const char *match)
{
    struct mu_msg msg = { .op = MU_OP_MATCH_END };
    msg.match_end = (struct mu_msg_match_end){
        .ranking_count = 2,
        .ranking = { { .team = 0, .rank = 2 }, { .team = 1, .rank = 1 } },
    };
    (void)snprintf(msg.match_end.match, sizeof msg.match_end.match, "%s", match);
    return msg;
}

struct mu_msg played_ready(const char *match, const char *player)
{
    struct mu_msg msg = { .op = MU_OP_LOBBY_READY };
    msg.lobby_ready = (struct mu_msg_lobby_ready){ .accept = MU_ACCEPT_ACCEPTED };
    assert_int_equal(mu_id_with_prefix(match, MU_ID_PREFIX_LOBBY, msg.lobby_ready.lobby), 0);
    (void)snprintf(msg.lobby_ready.player, sizeof msg.lobby_ready.player, "%s", player);
    return msg;
}

struct mu_msg played_register(const char *username)
{
    struct mu_msg msg = { .op = MU_OP_PLAYER_REGISTER };
    msg.player_register = (struct mu_msg_player_register){ .region = "eu-west-1" };
    (void)snprintf(msg.player_register.username, sizeof msg.player_register.username, "%s",
                   username);
    return msg;
}

static void ask(struct world *world, struct mu_msg msg, enum mu_op wanted)
{
    (void)world_ask(world, &msg);
    world_expect(world, wanted);
}

/* Forms a match of two, has both accept, and gives it the server. */
static void play(struct world *world, char (*players)[MU_ID_MAX + 1], const char *server,
                 char ret[MU_ID_MAX + 1])
{
    struct mu_msg msg = { .op = MU_OP_MATCH_ALLOCATE };
    world_form(world, "ranked", "eu-west-1", 2, players, ret);
    ask(world, played_ready(ret, players[0]), MU_OP_LOBBY_READIED);
    ask(world, played_ready(ret, players[1]), MU_OP_LOBBY_READIED);
    msg.match_allocate = (struct mu_msg_match_allocate){ .server = "" };
    memcpy(msg.match_allocate.match, ret, MU_ID_MAX + 1);
    (void)snprintf(msg.match_allocate.server, sizeof msg.match_allocate.server, "%s", server);
    (void)world_ask_with(world, &msg,
                         (struct world_with){ .fence = world_fence(world, "lobby/0") });
    world_expect(world, MU_OP_MATCH);
    assert_int_equal(world->reply.match.state, MU_MATCH_LIVE);
}

/* Opens a lobby for players[0], and has players[1] join. */
static void open_lobby(struct world *world, char (*players)[MU_ID_MAX + 1])
{
    const struct world_with with = { .fence = world_fence(world, "lobby/0") };
    struct mu_msg msg = { .op = MU_OP_LOBBY_CREATE };
    msg.lobby_create = (struct mu_msg_lobby_create){
        .mode = "team_match", .players_max = 4, .players_min = 2, .settings = "{}"
    };
    memcpy(msg.lobby_create.host, players[0], MU_ID_MAX + 1);
    (void)world_ask_with(world, &msg, with);
    world_expect(world, MU_OP_LOBBY);
    msg = (struct mu_msg){ .op = MU_OP_LOBBY_JOIN };
    memcpy(msg.lobby_join.lobby, world->reply.lobby.id, MU_ID_MAX + 1);
    memcpy(msg.lobby_join.player, players[1], MU_ID_MAX + 1);
    (void)world_ask_with(world, &msg, with);
    world_expect(world, MU_OP_LOBBY);
}

void played_make(struct world *world)
{
    char players[PLAYED_PLAYERS][MU_ID_MAX + 1];
    char server[MU_ID_MAX + 1];
    char id[MU_ID_MAX + 1];
    for (int i = 0; i < PLAYED_PLAYERS; i++) {
        char name[24];
        player_name(i, name);
        struct mu_msg msg = played_register(name);
        (void)world_ask_with(world, &msg, (struct world_with){ .key = name });
        world_expect(world, MU_OP_PLAYER);
        memcpy(players[i], world->reply.player.id, MU_ID_MAX + 1);
    }
    world_server(world, "eu-west-1", 2, server);
    play(world, players, server, id);
    ask(world, played_end(id), MU_OP_MATCH_ENDED);
    play(world, players + 2, server, id);
    world_form(world, "ranked", "eu-west-1", 2, players + 4, id);
    ask(world, played_ready(id, players[4]), MU_OP_LOBBY_READIED);
    world_enqueue(world, "ranked", "eu-west-1", 1, players + 6, id);
    open_lobby(world, players + 7);
}

/* Finds a player by his name; he is then world->reply.player. */
static const struct mu_msg_player *find_player(struct world *world, int player)
{
    struct mu_store *store = world->store;
    struct mu_slice id;
    struct mu_key key;
    char name[24];
    char text[MU_ID_MAX + 1];
    player_name(player, name);
    mu_rows_key_username(&key, name);
    assert_int_equal(store->ops->get(store, MU_TABLE_USERNAME, mu_key_slice(&key), &id), 0);
    assert_true(id.size > 0 && id.size <= MU_ID_MAX);
    memcpy(text, id.data, id.size);
    text[id.size] = '\0';
    ask(world, world_player_get(text), MU_OP_PLAYER);
    assert_string_equal(world->reply.player.username, name);
    return &world->reply.player;
}

void played_find(struct world *world, struct played *ret)
{
    static const enum mu_engaged engaged[PLAYED_PLAYERS] = {
        MU_ENGAGED_NONE,  MU_ENGAGED_NONE,   MU_ENGAGED_MATCH, MU_ENGAGED_MATCH, MU_ENGAGED_MATCH,
        MU_ENGAGED_MATCH, MU_ENGAGED_TICKET, MU_ENGAGED_LOBBY, MU_ENGAGED_LOBBY, MU_ENGAGED_NONE,
    };
    char *const things[PLAYED_PLAYERS] = { NULL,        NULL,        ret->live,   ret->live,
                                           ret->formed, ret->formed, ret->ticket, ret->lobby,
                                           ret->lobby,  NULL };
    for (int i = 0; i < PLAYED_PLAYERS; i++) {
        const struct mu_msg_player *player = find_player(world, i);
        memcpy(ret->players[i], player->id, MU_ID_MAX + 1);
        assert_int_equal(player->engaged, engaged[i]);
        assert_int_equal(player->rating, i == 0 ? 1184 : i == 1 ? 1216 : 1200);
        assert_int_equal(player->wins, i == 1);
        assert_int_equal(player->losses, i == 0);
        if (things[i] != NULL) {
            memcpy(things[i], player->engagement, MU_ID_MAX + 1);
        }
    }
    ask(world, world_match_get(ret->live), MU_OP_MATCH);
    assert_int_equal(world->reply.match.state, MU_MATCH_LIVE);
    assert_string_equal(world->reply.match.server.ip, "192.0.2.7");
    ask(world, world_match_get(ret->formed), MU_OP_MATCH);
    assert_int_equal(world->reply.match.state, MU_MATCH_FORMED);
    ask(world, world_ticket_get(ret->ticket), MU_OP_TICKET);
    assert_int_equal(world->reply.ticket.state, MU_TICKET_QUEUED);
    struct mu_msg msg = { .op = MU_OP_EVENTS_GET };
    msg.events_get = (struct mu_msg_events_get){ .limit = 64 };
    memcpy(msg.events_get.player, ret->players[1], MU_ID_MAX + 1);
    ask(world, msg, MU_OP_EVENTS_END);
    assert_true(world->reply.events_end.newest >= 3); /* found, started, ended */
}

void played_go_on(struct world *world, const struct played *played)
{
    char id[MU_ID_MAX + 1];
    char player[MU_ID_MAX + 1];
    char both[2][MU_ID_MAX + 1];
    ask(world, played_cancel(played), MU_OP_TICKET);
    assert_int_equal(world->reply.ticket.state, MU_TICKET_CANCELLED);
    ask(world, played_ready(played->formed, played->players[5]), MU_OP_LOBBY_READIED);
    assert_int_equal(world->reply.lobby_readied.ready, 2);
    ask(world, played_end(played->live), MU_OP_MATCH_ENDED);
    assert_int_equal(world->reply.match_ended.winning_team, 1);
    ask(world, played_leave(played, 7), MU_OP_LOBBY);
    assert_string_equal(world->reply.lobby.host, played->players[8]);
    world_register(world, "a-new-one", player);
    memcpy(both[0], player, sizeof player);
    memcpy(both[1], played->players[9], sizeof player);
    world_form(world, "ranked", "eu-west-1", 2, both, id);
}
