/* The store actor: players, idempotency, room, crashes, what it refuses to everybody. */
#include <string.h>

#include "actors/audit.h"
#include "core/counters.h"
#include "core/id.h"
#include "core/key.h"
#include "storage/mem.h"
#include "tests/unit/store_world.h"

static uint64_t seed;

static int setup(void **state)
{
    *state = world_create(seed);
    return 0;
}

static int teardown(void **state)
{
    world_destroy(*state);
    return 0;
}

static struct mu_msg register_msg(const char *username)
{
    struct mu_msg msg = { .op = MU_OP_PLAYER_REGISTER };
    msg.player_register = (struct mu_msg_player_register){
        .region = "eu-west", /* an alias */
        .mode = "ranked",
        .latency_max_ms = 120,
        .preferences = "{\"a\":1}",
    };
    (void)snprintf(msg.player_register.username, sizeof msg.player_register.username, "%s",
                   username);
    return msg;
}

static void test_register(void **state)
{
    struct world *world = *state;
    struct mu_msg msg = register_msg("Ada L");
    const struct mu_msg_player *player = &world_ask(world, &msg)->player;
    world_expect(world, MU_OP_PLAYER);
    assert_true(mu_id_valid(player->id, MU_ID_PREFIX_PLAYER));
    assert_string_equal(player->username, "Ada L");
    assert_string_equal(player->region, "eu-west-1");
    assert_string_equal(player->mode, "ranked");
    assert_string_equal(player->preferences, "{\"a\":1}");
    assert_int_equal(player->rating, 1200);
    assert_int_equal(player->latency_max_ms, 120);
    assert_int_equal(player->created_ms, world->wall_ms);
    assert_int_equal(player->engaged, MU_ENGAGED_NONE);

    struct mu_msg same = register_msg("aDA l"); /* names are unique without case */
    (void)world_ask(world, &same);
    world_expect_error(world, MU_ERROR_USERNAME_TAKEN);
    struct mu_msg nowhere = register_msg("Bob");
    memcpy(nowhere.player_register.region, "mars", 5);
    (void)world_ask(world, &nowhere);
    world_expect_error(world, MU_ERROR_REGION_NOT_SUPPORTED);
    struct mu_msg modeless = register_msg("Bob");
    memcpy(modeless.player_register.mode, "chess", 6);
    (void)world_ask(world, &modeless);
    world_expect_error(world, MU_ERROR_GAME_MODE_NOT_FOUND);
    struct mu_msg nameless = register_msg("ab");
    (void)world_ask(world, &nameless);
    world_expect_error(world, MU_ERROR_VALIDATION_FAILED);
}

static void test_get(void **state)
{
    struct world *world = *state;
    char ada[MU_ID_MAX + 1];
    world_register(world, "ada", ada);
    struct mu_msg msg = world_player_get(ada);
    (void)world_ask(world, &msg);
    world_expect(world, MU_OP_PLAYER);
    assert_string_equal(world->reply.player.username, "ada");
    msg = world_player_get("ply_01JD6Z9C3E8Q4VWB2M5T7RXKPA");
    (void)world_ask(world, &msg);
    world_expect_error(world, MU_ERROR_PLAYER_NOT_FOUND);
    msg = world_player_get("");
    (void)world_ask(world, &msg);
    world_expect_error(world, MU_ERROR_PLAYER_NOT_FOUND);
}

static struct mu_msg update_msg(const char *id, const char *username)
{
    struct mu_msg msg = { .op = MU_OP_PLAYER_UPDATE };
    msg.player_update = (struct mu_msg_player_update){ .region = "" };
    (void)snprintf(msg.player_update.id, sizeof msg.player_update.id, "%s", id);
    (void)snprintf(msg.player_update.username, sizeof msg.player_update.username, "%s", username);
    return msg;
}

static void test_update(void **state)
{
    struct world *world = *state;
    char ada[MU_ID_MAX + 1];
    char bob[MU_ID_MAX + 1];
    world_register(world, "ada", ada);
    world_register(world, "bob", bob);
    struct mu_msg msg = update_msg(ada, "BOB");
    (void)world_ask(world, &msg);
    world_expect_error(world, MU_ERROR_USERNAME_TAKEN);
    msg = update_msg(ada, "ADA"); /* his own name, other capitals */
    (void)world_ask(world, &msg);
    world_expect(world, MU_OP_PLAYER);
    assert_string_equal(world->reply.player.username, "ADA");
    msg = update_msg(ada, "eve");
    memcpy(msg.player_update.region, "us-east", 8);
    memcpy(msg.player_update.preferences, "{\"b\":2}", 8);
    world->wall_ms += 5;
    (void)world_ask(world, &msg);
    assert_string_equal(world->reply.player.username, "eve");
    assert_string_equal(world->reply.player.region, "us-east-1");
    assert_string_equal(world->reply.player.preferences, "{\"b\":2}");
    assert_int_equal(world->reply.player.updated_ms, world->wall_ms);
    msg = update_msg(bob, "ada"); /* the old name is free again */
    (void)world_ask(world, &msg);
    world_expect(world, MU_OP_PLAYER);
    msg = update_msg(bob, "");
    memcpy(msg.player_update.region, "mars", 5);
    (void)world_ask(world, &msg);
    world_expect_error(world, MU_ERROR_REGION_NOT_SUPPORTED);
    msg = update_msg(bob, "x");
    (void)world_ask(world, &msg);
    world_expect_error(world, MU_ERROR_VALIDATION_FAILED);
    msg = update_msg("nobody", "x");
    (void)world_ask(world, &msg);
    world_expect_error(world, MU_ERROR_PLAYER_NOT_FOUND);
}

static struct mu_msg rate_msg(const char *id, enum mu_outcome outcome, int64_t opponent)
{
    struct mu_msg msg = { .op = MU_OP_PLAYER_RATE };
    msg.player_rate =
        (struct mu_msg_player_rate){ .outcome = outcome, .opponent_rating = opponent };
    (void)snprintf(msg.player_rate.id, sizeof msg.player_rate.id, "%s", id);
    return msg;
}

static void test_rate(void **state)
{
    struct world *world = *state;
    char ada[MU_ID_MAX + 1];
    world_register(world, "ada", ada);
    const struct {
        enum mu_outcome outcome;
        int64_t opponent, rating, streak, streak_max;
    } steps[] = {
        { MU_OUTCOME_WIN, 1200, 1216, 1, 1 },   { MU_OUTCOME_WIN, 1216, 1232, 2, 2 },
        { MU_OUTCOME_LOSS, 1232, 1216, -1, 2 }, { MU_OUTCOME_LOSS, 1216, 1200, -2, 2 },
        { MU_OUTCOME_DRAW, 1200, 1200, 0, 2 },  { MU_OUTCOME_WIN, 3000, 1232, 1, 2 },
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct mu_msg msg = rate_msg(ada, steps[i].outcome, steps[i].opponent);
        (void)world_ask(world, &msg);
        world_expect(world, MU_OP_PLAYER);
        assert_int_equal(world->reply.player.rating, steps[i].rating);
        assert_int_equal(world->reply.player.streak, steps[i].streak);
        assert_int_equal(world->reply.player.streak_max, steps[i].streak_max);
    }
    assert_int_equal(world->reply.player.wins, 3);
    assert_int_equal(world->reply.player.losses, 2);
    assert_int_equal(world->reply.player.draws, 1);
    struct mu_msg msg = rate_msg(ada, MU_OUTCOME_NONE, 1200);
    (void)world_ask(world, &msg);
    world_expect_error(world, MU_ERROR_VALIDATION_FAILED);
    msg = rate_msg("nobody", MU_OUTCOME_WIN, 1200);
    (void)world_ask(world, &msg);
    world_expect_error(world, MU_ERROR_PLAYER_NOT_FOUND);
}

static void test_idempotency(void **state)
{
    struct world *world = *state;
    char ada[MU_ID_MAX + 1];
    world_register(world, "ada", ada);
    struct mu_msg win = rate_msg(ada, MU_OUTCOME_WIN, 1200);
    (void)world_ask_with(world, &win, (struct world_with){ .key = "k1" });
    assert_int_equal(world->reply.player.rating, 1216);
    for (int i = 0; i < 3; i++) {
        (void)world_ask_with(world, &win, (struct world_with){ .key = "k1" });
        world_expect(world, MU_OP_PLAYER);
        assert_int_equal(world->reply.player.rating, 1216); /* the same answer, no effect */
    }
    world_restart(world, false); /* a restart remembers */
    (void)world_ask_with(world, &win, (struct world_with){ .key = "k1" });
    assert_int_equal(world->reply.player.wins, 1);

    struct mu_msg other = rate_msg(ada, MU_OUTCOME_LOSS, 1200);
    (void)world_ask_with(world, &other, (struct world_with){ .key = "k1" });
    world_expect_error(world, MU_ERROR_IDEMPOTENCY_KEY_REUSED);
    struct mu_msg other_op = world_ticket_get(ada);
    other_op.op = MU_OP_TICKET_CANCEL; /* same body, other operation */
    (void)world_ask_with(world, &other_op, (struct world_with){ .key = "k1" });
    world_expect_error(world, MU_ERROR_IDEMPOTENCY_KEY_REUSED);

    /* A refusal is remembered: what was refused must not take effect later. */
    struct mu_msg bob = register_msg("ada");
    (void)world_ask_with(world, &bob, (struct world_with){ .key = "k2" });
    world_expect_error(world, MU_ERROR_USERNAME_TAKEN);
    struct mu_msg rename = update_msg(ada, "eve");
    (void)world_ask(world, &rename);
    (void)world_ask_with(world, &bob, (struct world_with){ .key = "k2" });
    world_expect_error(world, MU_ERROR_USERNAME_TAKEN);
    (void)world_ask_with(world, &bob, (struct world_with){ .key = "k3" });
    world_expect(world, MU_OP_PLAYER);
}

static void test_key_reused_in_one_batch(void **state)
{
    struct world *world = *state;
    char ada[MU_ID_MAX + 1];
    world_register(world, "ada", ada);
    struct mu_msg win = rate_msg(ada, MU_OUTCOME_WIN, 1200);
    const struct world_with with = { .key = "k" };
    assert_int_equal(world_step(world, &win, with), 0);
    assert_int_equal(world_step(world, &win, with), 0);
    assert_int_equal(world_batch_end(world), 0);
    assert_int_equal(world->replies_count, 2);
    assert_int_equal(world->reply.player.wins, 1);
}

static void test_idempotency_is_forgotten(void **state)
{
    struct world *world = *state;
    char ada[MU_ID_MAX + 1];
    char key[32];
    world->config.settings.idempotency_keep_ms = 60000;
    world_register(world, "ada", ada);
    struct mu_msg win = rate_msg(ada, MU_OUTCOME_DRAW, 1200);
    for (int i = 0; i < 3 * MU_STORE_SWEEP_MAX / 2; i++) {
        (void)snprintf(key, sizeof key, "key-%d", i);
        assert_int_equal(world_step(world, &win, (struct world_with){ .key = key }), 0);
    }
    assert_int_equal(world_batch_end(world), 0);
    uint64_t before = mu_mem_count(world->store);
    world_advance(world, 59000);
    assert_int_equal(mu_mem_count(world->store), before);
    world->wall_ms += 86400000; /* the clock jumps: nothing is forgotten for that */
    world_advance(world, 900);
    assert_int_equal(mu_mem_count(world->store), before);
    world_advance(world, 2100 + MU_STORE_SWEEP_SOON_MS);
    assert_int_equal(mu_mem_count(world->store), before - 2 * 3 * MU_STORE_SWEEP_MAX / 2);
    (void)world_ask_with(world, &win, (struct world_with){ .key = "key-0" });
    assert_int_equal(world->reply.player.draws, 3 * MU_STORE_SWEEP_MAX / 2 + 1);
}

static void test_room(void **state)
{
    struct world *world = *state;
    char ada[MU_ID_MAX + 1];
    char ticket[MU_ID_MAX + 1];
    world_register(world, "ada", ada);
    world_enqueue(world, "ranked", "eu-west-1", 1, &ada, ticket);
    mu_mem_set_room(world->store, MU_STORE_ROOM_LOW);
    struct mu_msg bob = register_msg("bob");
    (void)world_ask_with(world, &bob, (struct world_with){ .key = "r" });
    world_expect_error(world, MU_ERROR_STORAGE_FULL);
    struct mu_msg cancel = { .op = MU_OP_TICKET_CANCEL };
    cancel.ticket_cancel = (struct mu_msg_ticket_cancel){ .ticket = "" };
    memcpy(cancel.ticket_cancel.ticket, ticket, sizeof ticket);
    (void)world_ask_with(world, &cancel, (struct world_with){ .key = "c" });
    world_expect(world, MU_OP_TICKET); /* what ends is taken */
    mu_mem_set_room(world->store, MU_STORE_ROOM_NONE);
    (void)world_ask_with(world, &cancel, (struct world_with){ .key = "c" });
    world_expect(world, MU_OP_TICKET); /* known: an answer costs no room */
    struct mu_msg rename = update_msg(ada, "eve");
    (void)world_ask(world, &rename);
    world_expect_error(world, MU_ERROR_STORAGE_FULL);
    struct mu_msg get = world_player_get(ada);
    (void)world_ask(world, &get);
    world_expect(world, MU_OP_PLAYER);
    world_advance(world, 5000); /* the sweep leaves a full store alone */
    mu_mem_set_room(world->store, MU_STORE_ROOM_OK);
    (void)world_ask_with(world, &bob, (struct world_with){ .key = "r" });
    world_expect(world, MU_OP_PLAYER); /* "ask again" was not remembered */
}

static void test_failed_commit(void **state)
{
    struct world *world = *state;
    char ada[MU_ID_MAX + 1];
    world_register(world, "ada", ada);
    struct mu_msg win = rate_msg(ada, MU_OUTCOME_WIN, 1200);
    const enum mu_mem_fault faults[] = { MU_MEM_FAULT_LOST, MU_MEM_FAULT_DURABLE };
    for (size_t i = 0; i < 2; i++) {
        char key[8];
        (void)snprintf(key, sizeof key, "f%zu", i);
        mu_mem_fail_next_commit(world->store, faults[i]);
        assert_int_equal(world_step(world, &win, (struct world_with){ .key = key }), 0);
        assert_true(world_batch_end(world) < 0);
        world_restart(world, false);
        (void)world_ask_with(world, &win, (struct world_with){ .key = key });
        world_expect(world, MU_OP_PLAYER); /* lost or durable: it counts once */
        assert_int_equal(world->reply.player.wins, i + 1);
    }
}

static bool take_first(void *context, struct mu_slice key, struct mu_slice value)
{
    struct mu_key *ret = context;
    (void)value;
    ret->size = key.size;
    memcpy(ret->bytes, key.data, key.size);
    return false;
}

static void test_damage(void **state)
{
    struct world *world = *state;
    char ada[MU_ID_MAX + 1];
    world_register(world, "ada", ada);
    struct mu_key key;
    const struct mu_store_range range = { .table = MU_TABLE_ENGAGEMENT, .limit = 1 };
    assert_int_equal(world->store->ops->scan(world->store, &range, take_first, &key), 1);
    const uint8_t garbage[] = { 0xc1, 0 };
    assert_int_equal(world->store->ops->put(world->store, MU_TABLE_ENGAGEMENT, mu_key_slice(&key),
                                            (struct mu_slice){ garbage, 2 }),
                     0);
    char error[128];
    assert_int_not_equal(mu_store_audit(world->store, error, sizeof error), 0);
    struct mu_msg rate = rate_msg(ada, MU_OUTCOME_WIN, 1200);
    uint64_t before = mu_mem_count(world->store);
    assert_int_equal(world_step(world, &rate, (struct world_with){ .key = "d" }), 0);
    assert_int_equal(world->out->count, 1);
    assert_int_equal(mu_msg_decode(world->decoder, (uint32_t)world->out->entries[0].envelope.op,
                                   world->out->bytes, world->out->entries[0].size, &world->reply),
                     0);
    world_expect_error(world, MU_ERROR_INTERNAL);
    assert_int_equal(mu_mem_count(world->store), before);
    struct mu_msg_stats stats;
    world->actor->ops->stats(world->actor, world->now_ms + 5, &stats);
    assert_string_equal(stats.kind, "store");
    assert_int_equal(stats.uptime_ms, 5);
    uint64_t damaged = 0;
    for (uint32_t i = 0; i < stats.counters_count; i++) {
        if (stats.counters[i].counter == MU_COUNTER_DAMAGED) {
            damaged = stats.counters[i].value;
        }
    }
    assert_int_equal(damaged, 1);
}

static void test_refused_to_everybody(void **state)
{
    struct world *world = *state;
    struct mu_msg msg = { .op = MU_OP_SERVER_BEAT };
    msg.server_beat = (struct mu_msg_server_beat){ .server = "" };
    (void)world_ask(world, &msg);
    world_expect_error(world, MU_ERROR_UNSUPPORTED);

    struct mu_msg get = world_player_get("x");
    struct mu_msg_envelope envelope = { .version = 1,
                                        .frame = MU_FRAME_REQUEST,
                                        .op = get.op,
                                        .source = "gateway",
                                        .destination = "store" };
    const struct mu_event ev = { .type = MU_EV_MESSAGE,
                                 .now_ms = world->now_ms,
                                 .wall_ms = world->wall_ms,
                                 .envelope = &envelope,
                                 .msg = &get };
    assert_int_equal(world->actor->ops->step(world->actor, &ev, world->out), 0);
    assert_int_equal(world_batch_end(world), 0);
    world_expect_error(world, MU_ERROR_EXPIRED); /* no budget is left */
    envelope.frame = MU_FRAME_EVENT;
    assert_int_equal(world->actor->ops->step(world->actor, &ev, world->out), 0);
    assert_int_equal(world_batch_end(world), 0);
    assert_int_equal(world->replies_count, 0);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_register),
        TEST(test_get),
        TEST(test_update),
        TEST(test_rate),
        TEST(test_idempotency),
        TEST(test_key_reused_in_one_batch),
        TEST(test_idempotency_is_forgotten),
        TEST(test_room),
        TEST(test_failed_commit),
        TEST(test_damage),
        TEST(test_refused_to_everybody),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
