/* tests/unit/test_store_placement.c - several lobby partitions: what is live in which, whose fence
 * counts, and what moves when their number changes. */
#include <errno.h>
#include <string.h>

#include "actors/audit.h"
#include "actors/placed.h"
#include "core/placement.h"
#include "storage/mem.h"
#include "tests/unit/store_world.h"

static uint64_t seed;

enum { PLAYERS = 24, SERVERS = 6, PLAYED = 4 };

struct fixture {
    struct world *world;
    char players[PLAYERS][MU_ID_MAX + 1];
    char servers[SERVERS][MU_ID_MAX + 1];
    char match[MU_ID_MAX + 1];
};

/* Starts the store anew with so many lobby partitions. */
static void restart_with(struct fixture *f, uint64_t lobbies)
{
    f->world->config.settings.lobbies = lobbies;
    world_restart(f->world, false);
    memset(f->world->epochs, 0, sizeof f->world->epochs);
    assert_int_equal(world_batch_end(f->world), 0);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->world = world_create(seed);
    f->world->config.modes[mu_config_mode(&f->world->config, "duel")].accept_ms = 0;
    restart_with(f, 3);
    for (int i = 0; i < PLAYERS; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "player%d", i);
        world_register(f->world, name, f->players[i]);
    }
    uint32_t homes[3] = { 0 };
    for (int i = 0; i < SERVERS;) { /* as many at home in each: those beyond are not looked at */
        world_server(f->world, "eu-west-1", 8, f->servers[i]);
        uint32_t at = mu_placement_id(f->servers[i], 3);
        i += homes[at]++ < SERVERS / 3 ? 1 : 0;
    }
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

static uint32_t home(const struct fixture *f, const char *id)
{
    return mu_placement_id(id, f->world->config.settings.lobbies);
}

/* The partitions, as bits, whose owners were told of the object by the last batch. */
static uint32_t told(const struct fixture *f, const char *id)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < MU_LOBBIES_MAX; i++) {
        char name[MU_ADDRESS_MAX + 1];
        mu_address_lobby(i, name);
        bits |= world_pushed(f->world, name, id) ? UINT32_C(1) << i : 0;
    }
    return bits;
}

/* The partitions, as bits, in whose snapshot the object is. */
static uint32_t live(struct fixture *f, const char *id)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < MU_LOBBIES_MAX; i++) {
        struct mu_msg msg = { .op = MU_OP_FOLLOW_SCAN };
        msg.follow_scan = (struct mu_msg_follow_scan){ .after = "" };
        mu_address_lobby(i, msg.follow_scan.partition);
        const struct mu_msg *reply = world_ask(f->world, &msg);
        if (reply->op != MU_OP_CHANGES) {
            assert_true(i >= f->world->config.settings.lobbies); /* one that never was */
            continue;
        }
        assert_false(reply->changes.more);
        for (uint32_t j = 0; j < reply->changes.changes_count; j++) {
            bits |= strcmp(reply->changes.changes[j].id, id) == 0 ? UINT32_C(1) << i : 0;
        }
    }
    return bits;
}

static uint64_t fence_of(struct fixture *f, const char *id)
{
    char name[MU_ADDRESS_MAX + 1];
    mu_address_lobby(home(f, id), name);
    return world_fence(f->world, name);
}

static void create(struct fixture *f, int host, char ret[MU_ID_MAX + 1])
{
    struct mu_msg msg = { .op = MU_OP_LOBBY_CREATE };
    msg.lobby_create = (struct mu_msg_lobby_create){
        .mode = "duel", .region = "eu-west-1", .players_max = 2, .settings = "{}"
    };
    memcpy(msg.lobby_create.host, f->players[host], MU_ID_MAX + 1);
    (void)world_ask(f->world, &msg);
    world_expect(f->world, MU_OP_LOBBY);
    memcpy(ret, f->world->reply.lobby.id, MU_ID_MAX + 1);
}

static void join(struct fixture *f, const char *lobby, int player, uint64_t fence)
{
    struct mu_msg msg = { .op = MU_OP_LOBBY_JOIN };
    msg.lobby_join = (struct mu_msg_lobby_join){ .password = "" };
    (void)snprintf(msg.lobby_join.lobby, sizeof msg.lobby_join.lobby, "%s", lobby);
    memcpy(msg.lobby_join.player, f->players[player], MU_ID_MAX + 1);
    (void)world_ask_with(f->world, &msg, (struct world_with){ .fence = fence });
}

static void form(struct fixture *f, int first)
{
    world_form(f->world, "duel", "eu-west-1", 2, f->players + first, f->match);
}

static void allocate(struct fixture *f, const char *server, uint64_t fence)
{
    struct mu_msg msg = { .op = MU_OP_MATCH_ALLOCATE };
    msg.match_allocate = (struct mu_msg_match_allocate){ .server = "" };
    memcpy(msg.match_allocate.match, f->match, sizeof f->match);
    (void)snprintf(msg.match_allocate.server, sizeof msg.match_allocate.server, "%s", server);
    (void)world_ask_with(f->world, &msg, (struct world_with){ .fence = fence });
}

static void abort_match(struct fixture *f, enum mu_reason reason, uint64_t fence)
{
    struct mu_msg msg = { .op = MU_OP_MATCH_ABORT };
    msg.match_abort = (struct mu_msg_match_abort){ .reason = reason };
    memcpy(msg.match_abort.match, f->match, sizeof f->match);
    (void)world_ask_with(f->world, &msg, (struct world_with){ .fence = fence });
}

static void end(struct fixture *f)
{
    struct mu_msg msg = { .op = MU_OP_MATCH_END };
    msg.match_end = (struct mu_msg_match_end){ .ranking_count = 2 };
    memcpy(msg.match_end.match, f->match, sizeof f->match);
    msg.match_end.ranking[0] = (struct mu_msg_team_rank){ .team = 0, .rank = 1 };
    msg.match_end.ranking[1] = (struct mu_msg_team_rank){ .team = 1, .rank = 2 };
    (void)world_ask(f->world, &msg);
    world_expect(f->world, MU_OP_MATCH_ENDED);
}

static void set_server(struct fixture *f, const char *server, enum mu_server_state wanted,
                       uint64_t fence)
{
    struct mu_msg msg = { .op = MU_OP_SERVER_STATE };
    msg.server_state_set = (struct mu_msg_server_state_set){ .state = wanted };
    (void)snprintf(msg.server_state_set.server, MU_ID_MAX + 1, "%s", server);
    (void)world_ask_with(f->world, &msg, (struct world_with){ .fence = fence });
}

/* A server that is at home where the id is, or elsewhere. */
static const char *server_near(const struct fixture *f, const char *id, bool near)
{
    for (int i = 0; i < SERVERS; i++) {
        if ((home(f, f->servers[i]) == home(f, id)) == near) {
            return f->servers[i];
        }
    }
    fail_msg("no server is %s", near ? "near" : "far");
    return NULL;
}

static void test_lobbies(void **state)
{
    struct fixture *f = *state;
    uint32_t seen = 0;
    for (int i = 0; i < PLAYERS; i += 2) {
        char lobby[MU_ID_MAX + 1];
        create(f, i, lobby);
        uint32_t bit = UINT32_C(1) << home(f, lobby);
        assert_int_equal(told(f, lobby), bit);
        assert_int_equal(live(f, lobby), bit);
        join(f, lobby, i + 1, fence_of(f, lobby));
        world_expect(f->world, MU_OP_LOBBY);
        assert_int_equal(told(f, lobby), bit);
        seen |= bit;
    }
    assert_int_equal(seen, 7);
}

static void test_servers_are_everywhere(void **state)
{
    struct fixture *f = *state;
    char server[MU_ID_MAX + 1];
    world_server(f->world, "us-east-1", 1, server);
    assert_int_equal(told(f, server), 7);
    assert_int_equal(live(f, server), 7);
    set_server(f, server, MU_SERVER_GONE, fence_of(f, server));
    world_expect(f->world, MU_OP_SERVER);
    assert_int_equal(told(f, server), 7);
    assert_int_equal(live(f, server), 0);
}

/* From the partition of its own id to that of its server, whether that is another or the same. */
static void test_match_moves_to_its_server(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 2; i++) {
        form(f, 2 * i);
        uint32_t own = UINT32_C(1) << home(f, f->match);
        const char *server = server_near(f, f->match, i == 1);
        uint32_t there = UINT32_C(1) << home(f, server);
        assert_int_equal(told(f, f->match), own);
        assert_int_equal(live(f, f->match), own);
        allocate(f, server, fence_of(f, f->match));
        assert_int_equal(f->world->reply.match.state, MU_MATCH_LIVE);
        assert_int_equal(told(f, f->match), own | there);
        assert_int_equal(told(f, server), 7);
        assert_int_equal(live(f, f->match), there);
        end(f);
        assert_int_equal(told(f, f->match), there);
        assert_int_equal(live(f, f->match), 0);
    }
}

/* A result that comes late is told where the match was. */
static void test_late_result(void **state)
{
    struct fixture *f = *state;
    form(f, 0);
    const char *server = server_near(f, f->match, false);
    allocate(f, server, fence_of(f, f->match));
    abort_match(f, MU_REASON_NO_RESULT, fence_of(f, server));
    assert_int_equal(f->world->reply.match.state, MU_MATCH_EXPIRED);
    end(f);
    assert_int_equal(told(f, f->match), UINT32_C(1) << home(f, server));
    assert_int_equal(live(f, f->match), 0);
}

static void test_started_lobby(void **state)
{
    struct fixture *f = *state;
    char lobby[MU_ID_MAX + 1];
    create(f, 0, lobby);
    join(f, lobby, 1, 0);
    struct mu_msg msg = { .op = MU_OP_LOBBY_READY };
    msg.lobby_ready = (struct mu_msg_lobby_ready){ .accept = MU_ACCEPT_ACCEPTED };
    memcpy(msg.lobby_ready.lobby, lobby, sizeof lobby);
    memcpy(msg.lobby_ready.player, f->players[1], MU_ID_MAX + 1);
    (void)world_ask(f->world, &msg);
    const char *server = server_near(f, lobby, false);
    msg.op = MU_OP_LOBBY_START;
    msg.lobby_start = (struct mu_msg_lobby_start){ .server = "" };
    memcpy(msg.lobby_start.lobby, lobby, sizeof lobby);
    memcpy(msg.lobby_start.player, f->players[0], MU_ID_MAX + 1);
    memcpy(msg.lobby_start.server, server, MU_ID_MAX + 1);
    (void)world_ask_with(f->world, &msg, (struct world_with){ .fence = fence_of(f, server) + 1 });
    world_expect_error(f->world, MU_ERROR_FENCED);
    (void)world_ask_with(f->world, &msg, (struct world_with){ .fence = fence_of(f, lobby) });
    world_expect(f->world, MU_OP_MATCH);
    memcpy(f->match, f->world->reply.match.id, sizeof f->match);
    assert_int_equal(told(f, lobby), UINT32_C(1) << home(f, lobby));
    assert_int_equal(told(f, f->match), UINT32_C(1) << home(f, server));
    assert_int_equal(live(f, lobby), 0);
    assert_int_equal(live(f, f->match), UINT32_C(1) << home(f, server));
}

/* Gives each partition another epoch, so that one cannot pass for the other. */
static void spread_epochs(struct fixture *f)
{
    for (uint32_t i = 0; i < 3; i++) {
        char name[MU_ADDRESS_MAX + 1];
        mu_address_lobby(i, name);
        for (uint32_t takes = 0; takes <= 3 * i; takes++) {
            f->world->epochs[i] = world_epoch(f->world, name);
        }
    }
}

static void test_fences(void **state)
{
    struct fixture *f = *state;
    char lobby[MU_ID_MAX + 1];
    spread_epochs(f);
    create(f, 2, lobby);
    const char *far = server_near(f, lobby, false);
    join(f, lobby, 3, fence_of(f, far)); /* of a partition, but not of the lobby's */
    world_expect_error(f->world, MU_ERROR_FENCED);
    join(f, lobby, 3, fence_of(f, lobby));
    world_expect(f->world, MU_OP_LOBBY);

    form(f, 0);
    far = server_near(f, f->match, false);
    uint64_t own = fence_of(f, f->match);
    uint64_t there = fence_of(f, far);
    allocate(f, far, there);
    world_expect_error(f->world, MU_ERROR_FENCED);
    allocate(f, far, own);
    assert_int_equal(f->world->reply.match.state, MU_MATCH_LIVE);
    /* Who had it may not know yet that it is played, and is not to end for that. */
    allocate(f, far, own);
    assert_int_equal(f->world->reply.match.state, MU_MATCH_LIVE);
    abort_match(f, MU_REASON_NO_SERVER, own);
    assert_int_equal(f->world->reply.match.state, MU_MATCH_LIVE);
    abort_match(f, MU_REASON_NO_RESULT, own);
    world_expect_error(f->world, MU_ERROR_FENCED);
    abort_match(f, MU_REASON_SERVER_LOST, own);
    world_expect_error(f->world, MU_ERROR_FENCED);
    set_server(f, far, MU_SERVER_GONE, own);
    world_expect_error(f->world, MU_ERROR_FENCED);
    set_server(f, far, MU_SERVER_GONE, there);
    world_expect(f->world, MU_OP_SERVER);
    abort_match(f, MU_REASON_NO_RESULT, there);
    assert_int_equal(f->world->reply.match.state, MU_MATCH_EXPIRED);
}

/* Lobbies, matches of every state, and servers that are and are not: where they must be. */
struct population {
    char lobbies[PLAYED][MU_ID_MAX + 1];
    char waiting[PLAYED][MU_ID_MAX + 1];
    char played[PLAYED][MU_ID_MAX + 1];
    const char *on[PLAYED]; /* server of each that is played */
};

static void populate(struct fixture *f, struct population *ret)
{
    for (int i = 0; i < PLAYED; i++) {
        create(f, i, ret->lobbies[i]);
        form(f, PLAYED + 2 * i);
        memcpy(ret->waiting[i], f->match, sizeof f->match);
        form(f, 3 * PLAYED + 2 * i);
        memcpy(ret->played[i], f->match, sizeof f->match);
        ret->on[i] = f->servers[i];
        allocate(f, ret->on[i], 0);
        assert_int_equal(f->world->reply.match.state, MU_MATCH_LIVE);
    }
    set_server(f, f->servers[SERVERS - 1], MU_SERVER_GONE, 0);
}

static void expect_population(struct fixture *f, const struct population *p)
{
    uint32_t everywhere = (UINT32_C(1) << f->world->config.settings.lobbies) - 1;
    for (int i = 0; i < PLAYED; i++) {
        assert_int_equal(live(f, p->lobbies[i]), UINT32_C(1) << home(f, p->lobbies[i]));
        assert_int_equal(live(f, p->waiting[i]), UINT32_C(1) << home(f, p->waiting[i]));
        assert_int_equal(live(f, p->played[i]), UINT32_C(1) << home(f, p->on[i]));
    }
    for (int i = 0; i < SERVERS; i++) {
        assert_int_equal(live(f, f->servers[i]), i < SERVERS - 1 ? everywhere : 0);
    }
}

static void test_number_changes(void **state)
{
    static const uint64_t numbers[] = { 1, 4, 2, MU_LOBBIES_MAX, 3, 1, 2 };
    struct fixture *f = *state;
    struct population *population = calloc(1, sizeof *population);
    populate(f, population);
    expect_population(f, population);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        restart_with(f, numbers[i]);
        expect_population(f, population);
    }
    /* All go on where they are now. */
    memcpy(f->match, population->waiting[0], sizeof f->match);
    allocate(f, f->servers[0], fence_of(f, f->match));
    assert_int_equal(f->world->reply.match.state, MU_MATCH_LIVE);
    memcpy(f->match, population->played[1], sizeof f->match);
    abort_match(f, MU_REASON_NO_RESULT, fence_of(f, population->on[1]));
    assert_int_equal(f->world->reply.match.state, MU_MATCH_EXPIRED);
    free(population);
}

/* Who followed through the restart is told what came and what went. */
static void test_moves_are_logged(void **state)
{
    struct fixture *f = *state;
    char lobby[MU_ID_MAX + 1] = "";
    for (int i = 0; lobby[0] == '\0' || home(f, lobby) == 0; i++) {
        create(f, i, lobby); /* until one is not in lobby/0 */
    }
    uint32_t from = home(f, lobby);
    f->world->config.settings.lobbies = 1;
    world_restart(f->world, false);
    assert_int_equal(world_batch_end(f->world), 0);
    assert_int_equal(told(f, lobby), UINT32_C(1) << from | 1);
    assert_int_equal(live(f, lobby), 1);
}

static void test_same_number_costs_nothing(void **state)
{
    struct fixture *f = *state;
    struct mu_store_stats before = { 0 };
    struct mu_store_stats after = { 0 };
    f->world->store->ops->stats(f->world->store, &before);
    restart_with(f, 3);
    f->world->store->ops->stats(f->world->store, &after);
    assert_int_equal(before.writes, after.writes);
    assert_int_equal(before.commits, after.commits);
}

/* A step and its batch end, without the audit of all records. */
static void hurry(struct world *world, const struct mu_msg *msg)
{
    const struct mu_event ev = { .type = MU_EV_BATCH_END,
                                 .now_ms = world->now_ms,
                                 .wall_ms = world->wall_ms };
    assert_int_equal(world_step(world, msg, (struct world_with){ 0 }), 0);
    assert_int_equal(world->actor->ops->step(world->actor, &ev, world->out), 0);
    const struct mu_outbox_entry *entry = &world->out->entries[0];
    assert_int_equal(entry->envelope.frame, MU_FRAME_REPLY);
    assert_int_equal(mu_msg_decode(world->decoder, (uint32_t)entry->envelope.op,
                                   world->out->bytes + entry->offset, entry->size, &world->reply),
                     0);
    assert_int_not_equal(world->reply.op, MU_OP_ERROR);
    mu_outbox_clear(world->out);
}

static void expect_sound(struct fixture *f)
{
    char error[256];
    if (mu_store_audit(f->world->store, error, sizeof error) != 0) {
        fail_msg("audit: %s", error);
    }
}

/* More than one commit holds: killed in the middle, the store goes on with it at its next start;
 * and what it has by then is sound. */
static void test_killed_while_moving(void **state)
{
    enum { MANY = 10000 };
    static const enum mu_mem_fault faults[] = { MU_MEM_FAULT_LOST, MU_MEM_FAULT_DURABLE };
    struct fixture *f = *state;
    struct world *world = f->world;
    struct mu_msg msg;
    for (int i = 0; i < MANY; i++) {
        msg.op = MU_OP_PLAYER_REGISTER;
        msg.player_register = (struct mu_msg_player_register){ .region = "eu-west-1" };
        (void)snprintf(msg.player_register.username, sizeof msg.player_register.username, "crowd%d",
                       i);
        hurry(world, &msg);
        msg.op = MU_OP_LOBBY_CREATE;
        msg.lobby_create = (struct mu_msg_lobby_create){ .mode = "duel", .settings = "{}" };
        memcpy(msg.lobby_create.host, world->reply.player.id, MU_ID_MAX + 1);
        hurry(world, &msg);
    }
    expect_sound(f);
    uint64_t lobbies = MU_LOBBIES_MAX;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++, lobbies = 1) {
        const struct mu_event ev = { .type = MU_EV_START,
                                     .now_ms = world->now_ms,
                                     .wall_ms = world->wall_ms };
        const struct mu_actor_env env = {
            .partition = "", .incarnation = 5, .config = &world->config, .store = world->store
        };
        world->config.settings.lobbies = lobbies;
        world->actor->ops->destroy(world->actor);
        mu_mem_crash(world->store, false);
        mu_mem_fail_next_commit(world->store, faults[i]);
        assert_int_equal(mu_store_actor_ops.create(&env, &world->actor), 0);
        assert_int_equal(mu_store_actor_ops.step(world->actor, &ev, world->out), -EIO);
        mu_mem_crash(world->store, false);
        uint64_t placed = 99;
        assert_int_equal(mu_placed_get(world->store, &placed), 0);
        assert_int_equal(placed, faults[i] == MU_MEM_FAULT_LOST ? 3 : MU_PLACED_MOVING);
        expect_sound(f);
        restart_with(f, lobbies); /* audits */
    }
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_lobbies),
        TEST(test_servers_are_everywhere),
        TEST(test_match_moves_to_its_server),
        TEST(test_late_result),
        TEST(test_started_lobby),
        TEST(test_fences),
        TEST(test_number_changes),
        TEST(test_moves_are_logged),
        TEST(test_same_number_costs_nothing),
        TEST(test_killed_while_moving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
