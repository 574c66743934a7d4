/* tests/unit/backfill_world.h - a match of two against two that is played, for the tests of
 * backfills in the store actor. */
#ifndef MU_TESTS_UNIT_BACKFILL_WORLD_H
#define MU_TESTS_UNIT_BACKFILL_WORLD_H

#include <string.h>

#include "tests/unit/store_world.h"

static uint64_t seed;
static const char queue[] = "queue/eu-west-1";
static const char key_hash[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

enum { PLAYERS = 8 };

struct fixture {
    struct world *world;
    char players[PLAYERS][MU_ID_MAX + 1]; /* 0..3 play, 0 and 2 on team 0 */
    char match[MU_ID_MAX + 1];
    char server[MU_ID_MAX + 1];
    char backfill[MU_ID_MAX + 1];
};

static inline void make_live(struct fixture *f)
{
    struct world *world = f->world;
    world_form(world, "team_match", "eu-west-1", 4, f->players, f->match);
    struct mu_msg msg = { .op = MU_OP_MATCH_ALLOCATE };
    memcpy(msg.match_allocate.match, f->match, sizeof f->match);
    memcpy(msg.match_allocate.server, f->server, sizeof f->server);
    (void)world_ask_with(world, &msg,
                         (struct world_with){ .fence = world_fence(world, "lobby/0") });
    world_expect(world, MU_OP_MATCH);
    assert_int_equal(world->reply.match.state, MU_MATCH_LIVE);
}

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->world = world_create(seed);
    for (int i = 0; i < PLAYERS; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "player%d", i);
        world_register(f->world, name, f->players[i]);
    }
    for (uint32_t i = 0; i < f->world->config.modes_count; i++) {
        f->world->config.modes[i].accept_ms = 0; /* acceptance is tested elsewhere */
    }
    world_server(f->world, "eu-west-1", 100, f->server);
    make_live(f);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    world_destroy(f->world);
    free(f);
    return 0;
}

static inline struct mu_msg add_msg(struct fixture *f, int leaver)
{
    struct mu_msg msg = { .op = MU_OP_BACKFILL_ADD };
    msg.backfill_add = (struct mu_msg_backfill_add){ .lease_ms = 30000 };
    memcpy(msg.backfill_add.match, f->match, sizeof f->match);
    if (leaver >= 0) {
        msg.backfill_add.leavers_count = 1;
        memcpy(msg.backfill_add.leavers[0].id, f->players[leaver], MU_ID_MAX + 1);
    }
    return msg;
}

/* Asks for players in the place of one; his number, or -1. */
static inline const struct mu_msg_backfill *add(struct fixture *f, int leaver)
{
    struct mu_msg msg = add_msg(f, leaver);
    (void)world_ask(f->world, &msg);
    world_expect(f->world, MU_OP_BACKFILL);
    memcpy(f->backfill, f->world->reply.backfill.id, sizeof f->backfill);
    return &f->world->reply.backfill;
}

static inline const struct mu_msg_backfill *get(struct fixture *f)
{
    struct mu_msg msg = { .op = MU_OP_BACKFILL_GET };
    memcpy(msg.backfill_get.id, f->backfill, sizeof f->backfill);
    (void)world_ask(f->world, &msg);
    world_expect(f->world, MU_OP_BACKFILL);
    return &f->world->reply.backfill;
}

static inline const struct mu_msg_match *get_match(struct fixture *f)
{
    struct mu_msg msg = world_match_get(f->match);
    (void)world_ask(f->world, &msg);
    world_expect(f->world, MU_OP_MATCH);
    return &f->world->reply.match;
}

static inline void expect_engaged(struct fixture *f, int player, enum mu_engaged kind)
{
    struct mu_msg msg = world_player_get(f->players[player]);
    assert_int_equal(world_ask(f->world, &msg)->player.engaged, kind);
}

/* A commit of one player's ticket, for the backfill as it is now. */
static inline struct mu_msg fill_msg(struct fixture *f, int player, uint64_t team)
{
    struct world *world = f->world;
    struct mu_msg msg = { .op = MU_OP_MATCH_COMMIT };
    struct mu_msg_match_commit *commit = &msg.match_commit;
    uint64_t version = get(f)->version;
    *commit = (struct mu_msg_match_commit){
        .mode = "team_match", .region = "eu-west-1", .shard = "queue/eu-west-1", .tickets_count = 1
    };
    commit->backfill_version = version;
    memcpy(commit->backfill, f->backfill, sizeof f->backfill);
    mu_id_make(&world->ids, MU_ID_PREFIX_MATCH, world->wall_ms, commit->match);
    world_enqueue(world, "team_match", "eu-west-1", 1, f->players + player, commit->tickets[0].id);
    commit->tickets[0].version = 1;
    commit->tickets[0].team = team;
    return msg;
}

static inline const struct mu_msg_match_committed *commit(struct fixture *f,
                                                          const struct mu_msg *msg)
{
    struct world_with with = { .fence = world_fence(f->world, queue) };
    (void)world_ask_with(f->world, msg, with);
    world_expect(f->world, MU_OP_MATCH_COMMITTED);
    return &f->world->reply.match_committed;
}

static inline struct mu_msg end_msg(struct fixture *f)
{
    struct mu_msg msg = { .op = MU_OP_MATCH_END };
    msg.match_end = (struct mu_msg_match_end){ .ranking_count = 2 };
    memcpy(msg.match_end.match, f->match, sizeof f->match);
    msg.match_end.ranking[0] = (struct mu_msg_team_rank){ .team = 0, .rank = 1 };
    msg.match_end.ranking[1] = (struct mu_msg_team_rank){ .team = 1, .rank = 2 };
    return msg;
}

#endif /* MU_TESTS_UNIT_BACKFILL_WORLD_H */
