/* The store actor under random requests, repeats, faults of the disk and restarts: the records
 * agree after every commit, repeats get the same bytes, and each result counts once. */
#include <inttypes.h>
#include <string.h>

#include "core/key.h"
#include "storage/mem.h"
#include "tests/unit/store_world.h"

enum { PLAYERS = 14, KNOWN = 24, STEPS = 1200, ANSWER_BYTES = 64 * 1024 };

/* The last ids of a kind that were seen. */
struct known {
    uint32_t count;
    char ids[KNOWN][MU_ID_MAX + 1];
};

struct soak {
    struct world *world;
    struct mu_rng rng;
    char players[PLAYERS][MU_ID_MAX + 1];
    struct known tickets, matches, lobbies, servers;
    uint64_t answers[32]; /* definite answers by kind of request, for the final look */
    uint64_t keys;
    uint8_t first[ANSWER_BYTES]; /* answer of the last keyed request */
};

static const char *const regions[] = { "eu-west-1", "us-east-1" };
static const char *const modes[] = { "ranked", "team_match", "casual", "tournament" };

static uint64_t below(struct soak *soak, uint64_t bound)
{
    return mu_rng_below(&soak->rng, bound);
}

static void learn(struct known *known, const char *id)
{
    memcpy(known->ids[known->count++ % KNOWN], id, MU_ID_MAX + 1);
}

static void pick(struct soak *soak, const struct known *known, char ret[MU_ID_MAX + 1])
{
    uint32_t count = known->count < KNOWN ? known->count : KNOWN;
    (void)snprintf(ret, MU_ID_MAX + 1, "%s", count == 0 ? "none" : known->ids[below(soak, count)]);
}

static void pick_player(struct soak *soak, char ret[MU_ID_MAX + 1])
{
    memcpy(ret, soak->players[below(soak, PLAYERS)], MU_ID_MAX + 1);
}

/* What a random player is engaged with, if it is of that kind; else anything known. */
static void pick_engaged(struct soak *soak, enum mu_engaged kind, const struct known *known,
                         char ret[MU_ID_MAX + 1])
{
    char player[MU_ID_MAX + 1];
    for (int i = 0; i < 4; i++) {
        pick_player(soak, player);
        struct mu_msg get = world_player_get(player);
        const struct mu_msg_player *found = &world_ask(soak->world, &get)->player;
        if (found->engaged == kind) {
            memcpy(ret, found->engagement, MU_ID_MAX + 1);
            return;
        }
    }
    pick(soak, known, ret);
}

static void pick_match(struct soak *soak, char ret[MU_ID_MAX + 1])
{
    pick_engaged(soak, MU_ENGAGED_MATCH, &soak->matches, ret);
}

static void pick_lobby(struct soak *soak, char ret[MU_ID_MAX + 1])
{
    pick_engaged(soak, MU_ENGAGED_LOBBY, &soak->lobbies, ret);
}

static void learn_answer(struct soak *soak)
{
    const struct mu_msg *reply = &soak->world->reply;
    if (reply->op == MU_OP_TICKET) {
        learn(&soak->tickets, reply->ticket.id);
    } else if (reply->op == MU_OP_LOBBY) {
        learn(&soak->lobbies, reply->lobby.id);
    } else if (reply->op == MU_OP_MATCH_COMMITTED && reply->match_committed.committed) {
        char lobby[MU_ID_MAX + 1];
        learn(&soak->matches, reply->match_committed.match);
        assert_int_equal(mu_id_with_prefix(reply->match_committed.match, MU_ID_PREFIX_LOBBY, lobby),
                         0);
        learn(&soak->lobbies, lobby);
    } else if (reply->op == MU_OP_MATCH) {
        learn(&soak->matches, reply->match.id);
    }
}

static bool definite(const struct mu_msg *reply)
{
    if (reply->op != MU_OP_ERROR) {
        return true;
    }
    int status = mu_error_info((uint32_t)reply->error.code)->status;
    assert_int_not_equal(reply->error.code, MU_ERROR_INTERNAL);
    return status < 500 && reply->error.code != MU_ERROR_FENCED;
}

/* Sends a request as the world would: the commit may fail, the answer get lost, the store crash,
 * and the sender asks again. */
static void send(struct soak *soak, const struct mu_msg *msg, const char *partition, bool keyed)
{
    struct world *world = soak->world;
    char key[32];
    (void)snprintf(key, sizeof key, "key-%" PRIu64, soak->keys++);
    struct world_with with = { .key = keyed ? key : NULL };
    if (partition != NULL) {
        with.fence = world_fence(world, partition);
    }
    if (below(soak, 20) == 0) {
        mu_mem_fail_next_commit(world->store,
                                below(soak, 2) == 0 ? MU_MEM_FAULT_LOST : MU_MEM_FAULT_DURABLE);
        assert_int_equal(world_step(world, msg, with), 0);
        (void)world_batch_end(world); /* 0: nothing was written, and the fault still waits */
        world_restart(world, false);
    } else if (below(soak, 30) == 0) {
        assert_int_equal(world_step(world, msg, with), 0);
        world_restart(world, below(soak, 2) == 0); /* killed in the middle of a batch */
    }
    (void)world_ask_with(world, msg, with);
    bool first_definite = definite(&world->reply);
    uint32_t size = world->reply_size;
    assert_true(size <= ANSWER_BYTES);
    memcpy(soak->first, world->reply_bytes, size);
    learn_answer(soak);
    soak->answers[first_definite && world->reply.op != MU_OP_ERROR ? 1 : 0]++;
    if (keyed && first_definite && below(soak, 3) == 0) {
        world->wall_ms += (int64_t)below(soak, 1000);
        (void)world_ask_with(world, msg, with);
        assert_int_equal(world->reply_size, size);
        assert_memory_equal(world->reply_bytes, soak->first, size);
        assert_int_equal(world->changes_count + world->events_count, 0);
    }
}

/* Requests. */

static void add_ticket(struct soak *soak)
{
    struct mu_msg msg = { .op = MU_OP_TICKET_ADD };
    char partition[MU_ADDRESS_MAX + 1];
    const char *region = regions[below(soak, 2)];
    const char *mode = modes[below(soak, 4)];
    msg.ticket_add = (struct mu_msg_ticket_add){ .players_count = 1 };
    if (mode == modes[1] || mode == modes[2]) {
        msg.ticket_add.players_count += (uint32_t)below(soak, 2);
    }
    (void)snprintf(msg.ticket_add.mode, sizeof msg.ticket_add.mode, "%s", mode);
    (void)snprintf(msg.ticket_add.region, sizeof msg.ticket_add.region, "%s", region);
    (void)snprintf(partition, sizeof partition, "queue/%s", region);
    for (uint32_t i = 0; i < msg.ticket_add.players_count; i++) {
        pick_player(soak, msg.ticket_add.players[i].id);
    }
    send(soak, &msg, partition, true);
}

static void cancel_ticket(struct soak *soak)
{
    struct mu_msg msg = { .op = MU_OP_TICKET_CANCEL };
    msg.ticket_cancel = (struct mu_msg_ticket_cancel){ .player = "" };
    if (below(soak, 2) == 0) {
        pick(soak, &soak->tickets, msg.ticket_cancel.ticket);
    } else {
        pick_player(soak, msg.ticket_cancel.player);
    }
    send(soak, &msg, NULL, true);
}

static void expire_ticket(struct soak *soak)
{
    struct mu_msg msg = { .op = MU_OP_TICKET_EXPIRE };
    msg.ticket_expire = (struct mu_msg_ticket_expire){ .version = 1 };
    pick(soak, &soak->tickets, msg.ticket_expire.ticket);
    struct mu_msg get = world_ticket_get(msg.ticket_expire.ticket);
    (void)world_ask(soak->world, &get);
    if (soak->world->reply.op == MU_OP_TICKET) {
        char partition[MU_ADDRESS_MAX + 1];
        (void)snprintf(partition, sizeof partition, "queue/%s", soak->world->reply.ticket.region);
        send(soak, &msg, partition, false);
    }
}

/* Takes queued tickets of one mode from what is known, as a shard with a bad memory would. */
static void commit_match(struct soak *soak)
{
    const char *mode = modes[below(soak, 4)];
    const struct mu_mode *rules =
        &soak->world->config.modes[mu_config_mode(&soak->world->config, mode)];
    struct mu_msg msg = { .op = MU_OP_MATCH_COMMIT };
    struct mu_msg_match_commit *commit = &msg.match_commit;
    *commit = (struct mu_msg_match_commit){ .shard = "queue/eu-west-1", .region = "eu-west-1" };
    (void)snprintf(commit->mode, sizeof commit->mode, "%s", mode);
    uint32_t filled[2] = { 0 };
    uint32_t count = soak->tickets.count < KNOWN ? soak->tickets.count : KNOWN;
    for (uint32_t i = 0; i < count; i++) {
        struct mu_msg get = world_ticket_get(soak->tickets.ids[i]);
        const struct mu_msg_ticket *ticket = &world_ask(soak->world, &get)->ticket;
        uint32_t team = rules->teams > 1 && filled[0] >= rules->team_max ? 1 : 0;
        bool known = soak->world->reply.op != MU_OP_TICKET || strcmp(ticket->mode, mode) != 0 ||
                     filled[team] + ticket->players_count > rules->team_max ||
                     (ticket->state != MU_TICKET_QUEUED && below(soak, 8) != 0);
        for (uint32_t j = 0; j < commit->tickets_count && !known; j++) {
            known = strcmp(commit->tickets[j].id, ticket->id) == 0;
        }
        if (!known) {
            struct mu_msg_ticket_ref *ref = &commit->tickets[commit->tickets_count++];
            *ref = (struct mu_msg_ticket_ref){ .team = team, .version = ticket->version };
            memcpy(ref->id, ticket->id, sizeof ref->id);
            ref->version -= below(soak, 12) == 0 ? 1 : 0;
            filled[team] += ticket->players_count;
        }
    }
    mu_id_make(&soak->world->ids, MU_ID_PREFIX_MATCH, soak->world->wall_ms, commit->match);
    send(soak, &msg, "queue/eu-west-1", false);
}

static void ready(struct soak *soak)
{
    struct mu_msg msg = { .op = MU_OP_LOBBY_READY };
    msg.lobby_ready = (struct mu_msg_lobby_ready){ .accept = MU_ACCEPT_ACCEPTED };
    if (below(soak, 3) == 0) {
        pick_lobby(soak, msg.lobby_ready.lobby);
    } else {
        pick_match(soak, msg.lobby_ready.lobby);
        (void)mu_id_with_prefix(msg.lobby_ready.lobby, MU_ID_PREFIX_LOBBY, msg.lobby_ready.lobby);
    }
    if (below(soak, 12) == 0) {
        msg.lobby_ready.accept = below(soak, 2) == 0 ? MU_ACCEPT_DECLINED : MU_ACCEPT_PENDING;
    }
    /* Everybody in turn: a match with many is else never accepted. */
    struct mu_msg get = { .op = MU_OP_LOBBY_GET };
    memcpy(get.lobby_get.id, msg.lobby_ready.lobby, MU_ID_MAX + 1);
    (void)world_ask(soak->world, &get);
    if (soak->world->reply.op != MU_OP_LOBBY) {
        return;
    }
    const struct mu_msg_lobby lobby = soak->world->reply.lobby;
    for (uint32_t i = 0; i < lobby.members_count; i++) {
        memcpy(msg.lobby_ready.player, lobby.members[i].id, MU_ID_MAX + 1);
        send(soak, &msg, NULL, below(soak, 2) == 0);
        msg.lobby_ready.accept = MU_ACCEPT_ACCEPTED;
    }
    pick_player(soak, msg.lobby_ready.player); /* and somebody who may be a stranger */
    send(soak, &msg, NULL, true);
}

static void allocate(struct soak *soak)
{
    struct mu_msg msg = { .op = MU_OP_MATCH_ALLOCATE };
    msg.match_allocate = (struct mu_msg_match_allocate){ .server = "" };
    pick_match(soak, msg.match_allocate.match);
    pick(soak, &soak->servers, msg.match_allocate.server);
    send(soak, &msg, "lobby/0", false);
}

static void abort_match(struct soak *soak)
{
    struct mu_msg msg = { .op = MU_OP_MATCH_ABORT };
    msg.match_abort = (struct mu_msg_match_abort){ .reason = (enum mu_reason)(MU_REASON_DECLINED +
                                                                              below(soak, 5)) };
    pick_match(soak, msg.match_abort.match);
    send(soak, &msg, "lobby/0", false);
}

static void end_match(struct soak *soak)
{
    struct mu_msg msg = { .op = MU_OP_MATCH_GET };
    msg.match_get = (struct mu_msg_match_get){ .id = "" };
    pick_match(soak, msg.match_get.id);
    (void)world_ask(soak->world, &msg);
    if (soak->world->reply.op != MU_OP_MATCH) {
        return;
    }
    const struct mu_msg_match match = soak->world->reply.match;
    msg.op = MU_OP_MATCH_END;
    struct mu_msg_match_end *end = &msg.match_end;
    *end = (struct mu_msg_match_end){ .key_hash = "" };
    memcpy(end->match, match.id, sizeof end->match);
    end->ranking_count = match.teams == 1 ? match.players_count : (uint32_t)match.teams;
    for (uint32_t i = 0; i < end->ranking_count; i++) {
        end->ranking[i] = (struct mu_msg_team_rank){ .team = i, .rank = 1 + below(soak, 3) };
    }
    if (below(soak, 5) == 0) {
        memcpy(end->leavers[end->leavers_count++].id, match.players[0].id, MU_ID_MAX + 1);
    }
    send(soak, &msg, NULL, below(soak, 2) == 0);
}

static void use_lobby(struct soak *soak)
{
    struct mu_msg msg = { .op = MU_OP_LOBBY_CREATE };
    switch (below(soak, 4)) {
    case 0:
        msg.lobby_create = (struct mu_msg_lobby_create){ .players_max = 4 };
        (void)snprintf(msg.lobby_create.mode, sizeof msg.lobby_create.mode, "%s",
                       modes[below(soak, 4)]);
        pick_player(soak, msg.lobby_create.host);
        break;
    case 1:
        msg.op = MU_OP_LOBBY_JOIN;
        msg.lobby_join = (struct mu_msg_lobby_join){ .password = "" };
        pick_lobby(soak, msg.lobby_join.lobby);
        pick_player(soak, msg.lobby_join.player);
        break;
    case 2:
        msg.op = MU_OP_LOBBY_LEAVE;
        msg.lobby_leave = (struct mu_msg_lobby_leave){ .reason = (enum mu_reason)(MU_REASON_LEFT +
                                                                                  below(soak, 3)) };
        pick_lobby(soak, msg.lobby_leave.lobby);
        pick_player(soak, msg.lobby_leave.player);
        break;
    default:
        msg.op = MU_OP_LOBBY_START;
        msg.lobby_start = (struct mu_msg_lobby_start){ .server = "" };
        pick_lobby(soak, msg.lobby_start.lobby);
        pick(soak, &soak->servers, msg.lobby_start.server);
        struct mu_msg get = { .op = MU_OP_LOBBY_GET };
        memcpy(get.lobby_get.id, msg.lobby_start.lobby, MU_ID_MAX + 1);
        (void)world_ask(soak->world, &get);
        if (soak->world->reply.op == MU_OP_LOBBY) {
            memcpy(msg.lobby_start.player, soak->world->reply.lobby.host, MU_ID_MAX + 1);
        }
        break;
    }
    send(soak, &msg, "lobby/0", true);
}

static void use_server(struct soak *soak)
{
    struct mu_msg msg = { .op = MU_OP_SERVER_STATE };
    msg.server_state_set = (struct mu_msg_server_state_set){
        .state = below(soak, 4) > 0 ? MU_SERVER_READY
                                    : (enum mu_server_state)(MU_SERVER_READY + below(soak, 3))
    };
    pick(soak, &soak->servers, msg.server_state_set.server);
    send(soak, &msg, NULL, true);
}

static void new_epoch(struct soak *soak)
{
    static const char *const partitions[] = { "lobby/0", "queue/eu-west-1", "queue/us-east-1" };
    const char *partition = partitions[below(soak, 3)];
    (void)world_fence(soak->world, partition);
    (void)world_epoch(soak->world, partition); /* whoever has the old one is fenced now */
    struct mu_msg msg = { .op = MU_OP_MATCH_ABORT };
    msg.match_abort = (struct mu_msg_match_abort){ .reason = MU_REASON_NO_RESULT };
    pick_match(soak, msg.match_abort.match);
    if (partition == partitions[0]) {
        send(soak, &msg, partition, false);
        world_expect_error(soak->world, MU_ERROR_FENCED);
    }
    memset(soak->world->epochs, 0, sizeof soak->world->epochs);
}

/* What must hold in the end. */

struct fold {
    struct mu_decoder *decoder;
    struct mu_msg *msg;
    int64_t change;
    uint64_t count;
};

static bool fold_history(void *context, struct mu_slice key, struct mu_slice value)
{
    struct fold *fold = context;
    (void)key;
    assert_int_equal(mu_msg_decode(fold->decoder, MU_OP_HISTORY, value.data, value.size, fold->msg),
                     0);
    fold->change += fold->msg->history.after - fold->msg->history.before;
    fold->count++;
    return true;
}

static uint64_t check_players(struct soak *soak)
{
    struct world *world = soak->world;
    struct mu_msg *msg = calloc(1, sizeof *msg);
    uint64_t results = 0;
    for (int i = 0; i < PLAYERS; i++) {
        struct fold fold = { .decoder = world->decoder, .msg = msg };
        struct mu_key key;
        mu_key_begin(&key);
        mu_key_text(&key, soak->players[i]);
        const struct mu_store_range range = { .table = MU_TABLE_HISTORY,
                                              .prefix = mu_key_slice(&key) };
        assert_true(world->store->ops->scan(world->store, &range, fold_history, &fold) >= 0);
        struct mu_msg get = world_player_get(soak->players[i]);
        const struct mu_msg_player *player = &world_ask(world, &get)->player;
        assert_int_equal(player->rating, 1200 + fold.change); /* each result once */
        assert_int_equal(player->wins + player->losses + player->draws, fold.count);
        results += fold.count;
    }
    free(msg);
    return results;
}

static uint64_t seed;

static void test_soak(void **state)
{
    (void)state;
    static void (*const requests[])(struct soak *) = {
        add_ticket,   add_ticket,   add_ticket,   cancel_ticket, expire_ticket,
        commit_match, commit_match, commit_match, ready,         ready,
        allocate,     allocate,     abort_match,  end_match,     end_match,
        use_lobby,    use_lobby,    use_lobby,    use_server,    new_epoch,
    };
    struct soak *soak = calloc(1, sizeof *soak);
    soak->world = world_create(seed);
    soak->rng.state = seed;
    soak->world->config.settings.cooldown_ms = 500;
    soak->world->config.settings.cooldown_max_ms = 2000;
    soak->world->config.settings.events_keep = 16;
    soak->world->config.settings.log_keep = 300;
    soak->world->config.settings.idempotency_keep_ms = 3000;
    struct mu_config *config = &soak->world->config;
    struct mu_mode *tournament = &config->modes[mu_config_mode(config, "tournament")];
    tournament->team_min = 3;
    tournament->team_max = 5;
    tournament->accept_ms = 0;
    for (int i = 0; i < PLAYERS; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "player%d", i);
        world_register(soak->world, name, soak->players[i]);
    }
    for (int i = 0; i < 3; i++) {
        char server[MU_ID_MAX + 1];
        world_server(soak->world, regions[i % 2], 2, server);
        learn(&soak->servers, server);
    }
    for (int i = 0; i < STEPS; i++) {
        requests[below(soak, sizeof requests / sizeof requests[0])](soak);
        world_advance(soak->world, (int64_t)below(soak, 100));
    }
    uint64_t results = check_players(soak);
    (void)fprintf(stderr, "soak: %" PRIu64 " done, %" PRIu64 " refused, %" PRIu64 " results\n",
                  soak->answers[1], soak->answers[0], results);
    assert_true(results > 8);
    world_destroy(soak->world);
    free(soak);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_soak) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
