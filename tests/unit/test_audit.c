/* The audit finds what it is for: any record that is taken away or put in its wrong place. */
#include <errno.h>
#include <string.h>

#include "actors/audit.h"
#include "core/address.h"
#include "core/key.h"
#include "core/placement.h"
#include "storage/mem.h"
#include "tests/unit/store_world.h"

static uint64_t seed;

enum { PLAYERS = 7 };

#define DOCUMENT                                                                                   \
    "{\"name\": \"duel\", \"ruleLanguageVersion\": \"1.0\", \"teams\": ["                          \
    "{\"name\": \"red\", \"minPlayers\": 1, \"maxPlayers\": 1}, "                                  \
    "{\"name\": \"blue\", \"minPlayers\": 1, \"maxPlayers\": 1}]}"

/* A world in which every table holds something. */
static struct world *full_world(uint64_t lobbies)
{
    struct world *world = world_create(seed);
    world->config.settings.lobbies = lobbies;
    world_restart(world, false);
    char players[PLAYERS][MU_ID_MAX + 1];
    char id[MU_ID_MAX + 1];
    char server[MU_ID_MAX + 1];
    for (int i = 0; i < PLAYERS; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "player%d", i);
        world_register(world, name, players[i]);
    }
    world_server(world, "eu-west-1", 4, server);
    world->config.modes[mu_config_mode(&world->config, "ranked")].accept_ms = 0;
    for (uint32_t i = 0; i < lobbies; i++) { /* every partition has an owner */
        char partition[MU_ADDRESS_MAX + 1];
        mu_address_lobby(i, partition);
        (void)world_fence(world, partition);
    }
    for (int i = 0; i < 4; i += 2) { /* a match that has ended, and one that is played */
        world_form(world, "ranked", "eu-west-1", 2, players + i, id);
        struct mu_msg msg = { .op = MU_OP_MATCH_ALLOCATE };
        memcpy(msg.match_allocate.match, id, sizeof id);
        memcpy(msg.match_allocate.server, server, sizeof server);
        (void)world_ask(world, &msg);
        if (i == 0) {
            msg.op = MU_OP_MATCH_END;
            msg.match_end = (struct mu_msg_match_end){ .ranking_count = 2 };
            memcpy(msg.match_end.match, id, sizeof id);
            msg.match_end.ranking[0] = (struct mu_msg_team_rank){ .team = 0, .rank = 1 };
            msg.match_end.ranking[1] = (struct mu_msg_team_rank){ .team = 1, .rank = 2 };
            (void)world_ask(world, &msg);
            world_expect(world, MU_OP_MATCH_ENDED);
        } else {
            msg.op = MU_OP_BACKFILL_ADD;
            msg.backfill_add = (struct mu_msg_backfill_add){ .leavers_count = 1 };
            memcpy(msg.backfill_add.match, id, sizeof id);
            memcpy(msg.backfill_add.leavers[0].id, players[3], sizeof players[3]);
            (void)world_ask(world, &msg);
            world_expect(world, MU_OP_BACKFILL);
        }
    }
    world_enqueue(world, "team_match", "us-east-1", 2, players + 4, id);
    struct mu_msg msg = { .op = MU_OP_LOBBY_CREATE };
    msg.lobby_create = (struct mu_msg_lobby_create){ .mode = "casual" };
    memcpy(msg.lobby_create.host, players[6], MU_ID_MAX + 1);
    (void)world_ask_with(world, &msg, (struct world_with){ .key = "l" });
    world_expect(world, MU_OP_LOBBY);
    static const char *const documents[] = { DOCUMENT, DOCUMENT " // new" };
    for (uint32_t i = 0; i < world->config.regions_count; i++) { /* every queue is followed */
        char partition[MU_ADDRESS_MAX + 1];
        mu_address_queue(world->config.regions[i].name, partition);
        (void)world_fence(world, partition);
    }
    for (int i = 0; i < 2; i++) {
        msg.op = MU_OP_RULES_PUT;
        msg.rules_put = (struct mu_msg_rules_put){
            .name = "ranked",
            .text = { (const uint8_t *)documents[i], (uint32_t)strlen(documents[i]) },
        };
        (void)world_ask(world, &msg);
        world_expect(world, MU_OP_RULESET);
    }
    return world;
}

/* The n-th record of a table, copied. */
struct pick {
    uint32_t skip;
    bool found;
    struct mu_key key;
    uint32_t value_size;
    uint8_t value[8192];
};

static bool pick_record(void *context, struct mu_slice key, struct mu_slice value)
{
    struct pick *pick = context;
    if (pick->skip > 0) {
        pick->skip--;
        return true;
    }
    assert_true(value.size <= sizeof pick->value);
    pick->found = true;
    pick->key.size = key.size;
    memcpy(pick->key.bytes, key.data, key.size);
    pick->value_size = value.size;
    if (value.size > 0) {
        memcpy(pick->value, value.data, value.size);
    }
    return false;
}

static void pick_nth(struct world *world, enum mu_table table, uint32_t n, struct pick *pick)
{
    const struct mu_store_range range = { .table = table };
    pick->skip = n;
    pick->found = false;
    assert_true(world->store->ops->scan(world->store, &range, pick_record, pick) >= 0);
}

static void expect_fault(struct world *world, enum mu_table table, uint32_t n, const char *what)
{
    char error[256];
    if (mu_store_audit(world->store, error, sizeof error) != -EBADMSG || error[0] == '\0') {
        fail_msg("table %d record %u %s: not found out", (int)table, n, what);
    }
    mu_mem_crash(world->store, false); /* takes the damage back */
    assert_int_equal(mu_store_audit(world->store, error, sizeof error), 0);
    assert_string_equal(error, "");
}

static void test_missing(void **state)
{
    struct world *world = full_world(*(const uint64_t *)*state);
    struct pick *pick = calloc(1, sizeof *pick);
    uint32_t tables = 0;
    for (int table = MU_TABLE_EPOCH; table < MU_TABLE_END; table++) {
        uint32_t n = 0;
        for (pick_nth(world, (enum mu_table)table, n, pick); pick->found;
             pick_nth(world, (enum mu_table)table, ++n, pick)) {
            assert_int_equal(world->store->ops->del(world->store, (enum mu_table)table,
                                                    mu_key_slice(&pick->key)),
                             0);
            expect_fault(world, (enum mu_table)table, n, "taken away");
        }
        tables += n > 0 ? 1 : 0;
    }
    assert_int_equal(tables, MU_TABLE_END - MU_TABLE_EPOCH); /* all of them */
    free(pick);
    world_destroy(world);
}

/* Each record under a key that no other has: what it says and where it stands disagree, or it is
 * one too many. */
static void test_misplaced(void **state)
{
    struct world *world = full_world(*(const uint64_t *)*state);
    struct pick *pick = calloc(1, sizeof *pick);
    for (int i = MU_TABLE_EPOCH + 1; i < MU_TABLE_END; i++) {
        const enum mu_table table = (enum mu_table)i;
        pick_nth(world, table, 0, pick);
        assert_true(pick->found);
        pick->key.bytes[pick->key.size - 1] ^= 0x5a;
        assert_int_equal(world->store->ops->put(world->store, table, mu_key_slice(&pick->key),
                                                (struct mu_slice){ pick->value, pick->value_size }),
                         0);
        expect_fault(world, table, 0, "misplaced");
    }
    free(pick);
    world_destroy(world);
}

/* Engagements exchanged between two players: each is locked by what the other is in. */
static void test_exchanged(void **state)
{
    (void)state;
    struct world *world = full_world(1);
    struct pick *first = calloc(1, sizeof *first);
    struct pick *other = calloc(1, sizeof *other);
    pick_nth(world, MU_TABLE_ENGAGEMENT, 2, first); /* in the match that is played */
    pick_nth(world, MU_TABLE_ENGAGEMENT, 4, other); /* in the queue */
    const struct mu_slice first_value = { first->value, first->value_size };
    const struct mu_slice other_value = { other->value, other->value_size };
    assert_int_equal(world->store->ops->put(world->store, MU_TABLE_ENGAGEMENT,
                                            mu_key_slice(&first->key), other_value),
                     0);
    assert_int_equal(world->store->ops->put(world->store, MU_TABLE_ENGAGEMENT,
                                            mu_key_slice(&other->key), first_value),
                     0);
    expect_fault(world, MU_TABLE_ENGAGEMENT, 2, "exchanged");
    free(first);
    free(other);
    world_destroy(world);
}

/* Each object that is live in a lobby partition: in one more of them, and in another instead. */
static void test_in_another_lobby(void **state)
{
    (void)state;
    struct world *world = full_world(3);
    struct pick *pick = calloc(1, sizeof *pick);
    uint32_t found = 0;
    for (uint32_t n = 0;; n++) {
        pick_nth(world, MU_TABLE_LIVE, n, pick);
        if (!pick->found || memcmp(pick->key.bytes, "lobby/", 6) != 0) {
            break;
        }
        struct mu_key other = pick->key;
        other.bytes[6] = other.bytes[6] == '2' ? '0' : (uint8_t)(other.bytes[6] + 1);
        const struct mu_slice value = { pick->value, pick->value_size };
        const struct mu_store_ops *ops = world->store->ops;
        if (pick->value[0] == MU_TABLE_SERVER) {
            other.bytes[6] = '3'; /* in all that there are, and in no more */
        }
        assert_int_equal(ops->put(world->store, MU_TABLE_LIVE, mu_key_slice(&other), value), 0);
        expect_fault(world, MU_TABLE_LIVE, n, "is live twice");
        assert_int_equal(ops->put(world->store, MU_TABLE_LIVE, mu_key_slice(&other), value), 0);
        assert_int_equal(ops->del(world->store, MU_TABLE_LIVE, mu_key_slice(&pick->key)), 0);
        expect_fault(world, MU_TABLE_LIVE, n, "is live elsewhere");
        found++;
    }
    assert_int_equal(found, 3 + 1 + 1); /* a server, a match, a lobby */
    free(pick);
    world_destroy(world);
}

/* The number that the records are placed for is another, or none that can be. */
static void test_wrong_number(void **state)
{
    static const uint8_t numbers[][8] = { { [7] = 2 }, { [7] = 17 }, { [0] = 1 } };
    (void)state;
    struct world *world = full_world(3);
    const struct mu_slice key = { (const uint8_t *)"lobbies", 7 };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const struct mu_slice value = { numbers[i], sizeof numbers[i] };
        assert_int_equal(world->store->ops->put(world->store, MU_TABLE_META, key, value), 0);
        expect_fault(world, MU_TABLE_META, (uint32_t)i, "says another number");
    }
    const struct mu_slice half = { numbers[0], 4 };
    assert_int_equal(world->store->ops->put(world->store, MU_TABLE_META, key, half), 0);
    expect_fault(world, MU_TABLE_META, 9, "is no number");
    world_destroy(world);
}

int main(int argc, char **argv)
{
    static uint64_t one = 1;
    static uint64_t three = 3;
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_missing, &one),
        cmocka_unit_test_prestate(test_missing, &three),
        cmocka_unit_test_prestate(test_misplaced, &one),
        cmocka_unit_test_prestate(test_misplaced, &three),
        cmocka_unit_test(test_in_another_lobby),
        cmocka_unit_test(test_wrong_number),
        cmocka_unit_test(test_exchanged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
