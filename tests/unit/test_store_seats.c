/* The store actor: parties whose players are on several teams. */
#include <string.h>

#include "core/id.h"
#include "tests/unit/store_world.h"

static uint64_t seed;

enum { PLAYERS = 4 };

/* A party of two and two alone, and a commit of all four with that seat of the party. */
struct fixture {
    struct world *world;
    char players[PLAYERS][MU_ID_MAX + 1];
    char party[MU_ID_MAX + 1];
    struct mu_msg commit;
};

static void add_ticket(struct fixture *f, const char *id, uint64_t team)
{
    struct mu_msg_match_commit *commit = &f->commit.match_commit;
    struct mu_msg_ticket_ref *ref = &commit->tickets[commit->tickets_count++];
    *ref = (struct mu_msg_ticket_ref){ .version = 1, .team = team };
    memcpy(ref->id, id, sizeof ref->id);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct mu_id_source ids = { .rng = { .state = seed } };
    char solo[MU_ID_MAX + 1];
    f->world = world_create(seed);
    for (int i = 0; i < PLAYERS; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "player%d", i);
        world_register(f->world, name, f->players[i]);
    }
    f->commit.op = MU_OP_MATCH_COMMIT;
    f->commit.match_commit = (struct mu_msg_match_commit){ .mode = "team_match",
                                                           .region = "eu-west-1",
                                                           .shard = "queue/eu-west-1" };
    mu_id_make(&ids, MU_ID_PREFIX_MATCH, f->world->wall_ms, f->commit.match_commit.match);
    world_enqueue(f->world, "team_match", "eu-west-1", 2, f->players, f->party);
    add_ticket(f, f->party, 0);
    for (uint64_t i = 0; i < 2; i++) {
        world_enqueue(f->world, "team_match", "eu-west-1", 1, f->players + 2 + i, solo);
        add_ticket(f, solo, i);
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

static void commit(struct fixture *f, uint64_t seats)
{
    f->commit.match_commit.tickets[0].seats = seats;
    (void)world_ask_with(f->world, &f->commit,
                         (struct world_with){ .fence = world_fence(f->world, "queue/eu-west-1") });
}

static void test_both_sides(void **state)
{
    struct fixture *f = *state;
    commit(f, 0x0102); /* the first on team 1, the second on team 0 */
    world_expect(f->world, MU_OP_MATCH_COMMITTED);
    assert_true(f->world->reply.match_committed.committed);
    struct mu_msg msg = world_match_get(f->commit.match_commit.match);
    const struct mu_msg_match *match = &world_ask(f->world, &msg)->match;
    assert_int_equal(match->players_count, 4);
    assert_string_equal(match->players[0].id, f->players[1]); /* in team order */
    assert_int_equal(match->players[0].team, 0);
    assert_string_equal(match->players[2].id, f->players[0]);
    assert_int_equal(match->players[2].team, 1);
    assert_string_equal(match->players[2].ticket, f->party);
    msg.op = MU_OP_MATCH_ABORT; /* the party comes back whole */
    msg.match_abort = (struct mu_msg_match_abort){ .reason = MU_REASON_NO_SERVER };
    memcpy(msg.match_abort.match, f->commit.match_commit.match, MU_ID_MAX + 1);
    (void)world_ask(f->world, &msg);
    for (int i = 0; i < 2; i++) {
        msg = world_player_get(f->players[i]);
        (void)world_ask(f->world, &msg);
        assert_int_equal(f->world->reply.player.engaged, MU_ENGAGED_TICKET);
        assert_string_equal(f->world->reply.player.engagement, f->party);
    }
}

static void test_refused(void **state)
{
    struct fixture *f = *state;
    static const uint64_t bad[] = {
        0x0001,              /* the second has no seat */
        0x0100,              /* the first has none */
        0x0301,              /* there is no third team */
        0x010201,            /* there is no third player */
        0x0101,              /* three against one */
        0x0100000000000102u, /* nor an eighth */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        commit(f, bad[i]);
        world_expect_error(f->world, MU_ERROR_BAD_REQUEST);
        assert_int_equal(f->world->changes_count, 0);
    }
    commit(f, 0); /* nobody of them was touched; without seats it is three against one */
    world_expect_error(f->world, MU_ERROR_BAD_REQUEST);
    commit(f, 0x0201);
    world_expect(f->world, MU_OP_MATCH_COMMITTED);
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = { CASE(both_sides), CASE(refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
