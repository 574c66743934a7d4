/* tests/unit/test_room.c - a store that runs out of space, through the store actor: new work is
 * refused early, what ends work is taken as long as possible, and all is well again once there is
 * room. */
#include "tests/unit/lmdb_folder.h"

#include <sched.h>

#include "tests/unit/played.h"

#define MAP_BYTES (2u * 1024 * 1024)

static struct mu_rng rng;
static struct store_folder folder;

struct full {
    struct world *world;
    struct played played;
};

static int setup(void **state)
{
    struct full *full = calloc(1, sizeof *full);
    assert_non_null(full);
    store_folder_create(&folder);
    const struct mu_lmdb_options options = {
        .folder = folder.path,
        .map_bytes = MAP_BYTES,
        .any_filesystem = true,
    };
    struct mu_store *store = lmdb_open_with(&options);
    full->world = world_create_on(store, mu_rng_next(&rng));
    played_make(full->world);
    played_find(full->world, &full->played);
    lmdb_settle(store);
    *state = full;
    return 0;
}

static int teardown(void **state)
{
    struct full *full = *state;
    assert_int_equal(full->world->store->ops->verify(full->world->store), 0);
    world_destroy(full->world);
    free(full);
    store_folder_remove(&folder);
    return 0;
}

static enum mu_store_room room(struct full *full)
{
    return full->world->store->ops->room(full->world->store);
}

/* Writes the same record again and again, unapplied, until the journal fills the map so far. */
static void fill_up(struct full *full, enum mu_store_room until)
{
    static const uint8_t value[8192];
    struct mu_store *store = full->world->store;
    const struct mu_slice key = { (const uint8_t *)"filler", 6 };
    while (room(full) < until) {
        assert_int_equal(
            store->ops->put(store, MU_TABLE_META, key, (struct mu_slice){ value, sizeof value }),
            0);
        assert_int_equal(store->ops->commit(store), 0);
    }
    assert_int_equal(room(full), until);
}

/* The journal is applied, as a host does when idle: its pages are free again. */
static void make_room(struct full *full)
{
    lmdb_settle(full->world->store);
    while (room(full) != MU_STORE_ROOM_OK) { /* an answer holds for a second */
        (void)sched_yield();
    }
}

static void ask(struct full *full, struct mu_msg msg, uint64_t fence)
{
    (void)world_ask_with(full->world, &msg, (struct world_with){ .fence = fence });
}

static void expect_full(struct full *full, struct mu_msg msg, const char *partition)
{
    ask(full, msg, partition == NULL ? 0 : full->world->epochs[0]);
    world_expect_error(full->world, MU_ERROR_STORAGE_FULL);
}

static struct mu_msg ticket_add(const struct full *full)
{
    struct mu_msg msg = { .op = MU_OP_TICKET_ADD };
    msg.ticket_add =
        (struct mu_msg_ticket_add){ .players_count = 1, .mode = "ranked", .region = "eu-west-1" };
    memcpy(msg.ticket_add.players[0].id, full->played.players[9], MU_ID_MAX + 1);
    return msg;
}

static struct mu_msg lobby_create(const struct full *full)
{
    struct mu_msg msg = { .op = MU_OP_LOBBY_CREATE };
    msg.lobby_create = (struct mu_msg_lobby_create){
        .mode = "team_match", .players_max = 4, .players_min = 2, .settings = "{}"
    };
    memcpy(msg.lobby_create.host, full->played.players[9], MU_ID_MAX + 1);
    return msg;
}

static struct mu_msg server_register(void)
{
    struct mu_msg msg = { .op = MU_OP_SERVER_REGISTER };
    msg.server_register = (struct mu_msg_server_register){
        .ip = "192.0.2.9", .port = 7000, .slots = 1, .region = "eu-west-1"
    };
    return msg;
}

static void expect_new_work_refused(struct full *full)
{
    struct mu_msg backup = { .op = MU_OP_STORE_BACKUP };
    (void)snprintf(backup.store_backup.name, sizeof backup.store_backup.name, "now");
    expect_full(full, played_register("one-more"), NULL);
    expect_full(full, ticket_add(full), NULL);
    expect_full(full, lobby_create(full), "lobby/0");
    expect_full(full, server_register(), NULL);
    expect_full(full, backup, NULL);
}

static void expect_reads(struct full *full)
{
    ask(full, world_player_get(full->played.players[6]), 0);
    world_expect(full->world, MU_OP_PLAYER);
    ask(full, world_match_get(full->played.live), 0);
    world_expect(full->world, MU_OP_MATCH);
}

static void test_low_takes_what_ends_work(void **state)
{
    struct full *full = *state;
    fill_up(full, MU_STORE_ROOM_LOW);
    expect_new_work_refused(full);
    expect_reads(full);
    ask(full, played_cancel(&full->played), 0);
    world_expect(full->world, MU_OP_TICKET);
    ask(full, played_end(full->played.live), 0);
    world_expect(full->world, MU_OP_MATCH_ENDED);
    ask(full, played_leave(&full->played, 8), 0);
    world_expect(full->world, MU_OP_LOBBY);
    ask(full, played_ready(full->played.formed, full->played.players[5]), 0);
    world_expect(full->world, MU_OP_LOBBY_READIED);
    assert_int_equal(room(full), MU_STORE_ROOM_LOW);
    make_room(full);
    ask(full, played_register("one-more"), 0);
    world_expect(full->world, MU_OP_PLAYER);
}

static void test_none_takes_nothing_and_recovers(void **state)
{
    struct full *full = *state;
    fill_up(full, MU_STORE_ROOM_NONE);
    expect_new_work_refused(full);
    expect_full(full, played_cancel(&full->played), NULL);
    expect_full(full, played_end(full->played.live), NULL);
    expect_full(full, played_leave(&full->played, 8), NULL);
    expect_full(full, played_ready(full->played.formed, full->played.players[5]), NULL);
    expect_reads(full);
    world_advance(full->world, 5000); /* the sweeper leaves it alone, too */
    make_room(full);
    played_go_on(full->world, &full->played); /* nothing of what was refused took effect */
}

/* A refusal is not remembered: the same request, with its key, is served once there is room. */
static void test_a_refusal_is_not_for_ever(void **state)
{
    struct full *full = *state;
    const struct mu_msg msg = played_register("one-more");
    const struct world_with with = { .key = "register-one-more" };
    fill_up(full, MU_STORE_ROOM_LOW);
    (void)world_ask_with(full->world, &msg, with);
    world_expect_error(full->world, MU_ERROR_STORAGE_FULL);
    /* What was answered before is answered so again, without room. */
    const struct mu_msg before = played_register("played-0");
    (void)world_ask_with(full->world, &before, (struct world_with){ .key = "played-0" });
    world_expect(full->world, MU_OP_PLAYER);
    assert_string_equal(full->world->reply.player.id, full->played.players[0]);
    make_room(full);
    (void)world_ask_with(full->world, &msg, with);
    world_expect(full->world, MU_OP_PLAYER);
}

/* Real work until it is refused: no commit fails on the way, and all of it is there. */
static void test_fills_up_with_work(void **state)
{
    struct full *full = *state;
    struct world *world = full->world;
    uint32_t count = 0;
    world->reply.op = MU_OP_PLAYER;
    while (world->reply.op == MU_OP_PLAYER) { /* many a batch: each batch is audited */
        for (int i = 0; i < 64; i++) {
            char name[24];
            (void)snprintf(name, sizeof name, "filler-%u", count++);
            const struct mu_msg msg = played_register(name);
            assert_int_equal(world_step(world, &msg, (struct world_with){ .key = NULL }), 0);
        }
        assert_int_equal(world_batch_end(world), 0);
        assert_true(count < 100000);
    }
    print_message("%u players were asked to come in\n", count);
    world_expect_error(world, MU_ERROR_STORAGE_FULL);
    assert_true(count > 100);
    ask(full, played_cancel(&full->played), 0);
    world_expect(world, MU_OP_TICKET);
    world_destroy(world);
    full->world = world_create_on(lmdb_open_folder(folder.path), mu_rng_next(&rng)); /* 64 GiB */
    ask(full, played_register("one-more"), 0);
    world_expect(full->world, MU_OP_PLAYER);
    ask(full, played_register("filler-0"), 0);
    world_expect_error(full->world, MU_ERROR_USERNAME_TAKEN);
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        CASE(low_takes_what_ends_work),
        CASE(none_takes_nothing_and_recovers),
        CASE(a_refusal_is_not_for_ever),
        CASE(fills_up_with_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
