/* The store actor: tickets and the commit of matches. */
#include <string.h>

#include "core/id.h"
#include "tests/unit/store_world.h"

static uint64_t seed;
static const char queue[] = "queue/eu-west-1";

enum { PLAYERS = 8 };

struct fixture {
    struct world *world;
    char players[PLAYERS][MU_ID_MAX + 1];
    struct mu_id_source ids;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->world = world_create(seed);
    f->ids.rng.state = seed;
    for (int i = 0; i < PLAYERS; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "player%d", i);
        world_register(f->world, name, f->players[i]);
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

static struct mu_msg add_msg(struct fixture *f, const char *mode, uint32_t count)
{
    struct mu_msg msg = { .op = MU_OP_TICKET_ADD };
    msg.ticket_add = (struct mu_msg_ticket_add){ .region = "eu-west-1", .players_count = count };
    (void)snprintf(msg.ticket_add.mode, sizeof msg.ticket_add.mode, "%s", mode);
    for (uint32_t i = 0; i < count; i++) {
        memcpy(msg.ticket_add.players[i].id, f->players[i], MU_ID_MAX + 1);
    }
    return msg;
}

static struct world_with fenced(struct fixture *f, const char *partition)
{
    return (struct world_with){ .fence = world_fence(f->world, partition) };
}

static void expect_engaged(struct fixture *f, int player, enum mu_engaged kind, const char *id)
{
    struct mu_msg msg = world_player_get(f->players[player]);
    (void)world_ask(f->world, &msg);
    assert_int_equal(f->world->reply.player.engaged, kind);
    assert_string_equal(f->world->reply.player.engagement, id);
}

static void test_add(void **state)
{
    struct fixture *f = *state;
    struct mu_msg msg = add_msg(f, "team_match", 2);
    msg.ticket_add.latencies_count = 2;
    msg.ticket_add.latencies[0] = (struct mu_msg_latency){ .region = "eu-west", .ms = 20 };
    msg.ticket_add.latencies[1] = (struct mu_msg_latency){ .region = "us-east-1", .ms = 90 };
    msg.ticket_add.wait_max_ms = 5000;
    (void)snprintf(msg.ticket_add.details, sizeof msg.ticket_add.details,
                   "[{\"attributes\":{\"x\":1}},{}]");
    (void)world_ask_with(f->world, &msg, fenced(f, queue));
    world_expect(f->world, MU_OP_TICKET);
    struct mu_msg_ticket ticket = f->world->reply.ticket;
    assert_string_equal(ticket.details, msg.ticket_add.details);
    assert_int_equal(ticket.players[1].deviation, 350); /* has played nothing yet */
    assert_true(mu_id_valid(ticket.id, MU_ID_PREFIX_TICKET));
    assert_int_equal(ticket.version, 1);
    assert_int_equal(ticket.state, MU_TICKET_QUEUED);
    assert_string_equal(ticket.region, "eu-west-1");
    assert_int_equal(ticket.players_count, 2);
    assert_string_equal(ticket.players[1].username, "player1");
    assert_int_equal(ticket.players[1].rating, 1200);
    assert_string_equal(ticket.latencies[0].region, "eu-west-1");
    assert_int_equal(ticket.enqueued_ms, f->world->wall_ms);
    assert_int_equal(ticket.wait_max_ms, 5000);
    assert_true(world_pushed(f->world, queue, ticket.id));
    expect_engaged(f, 0, MU_ENGAGED_TICKET, ticket.id);
    expect_engaged(f, 1, MU_ENGAGED_TICKET, ticket.id);

    struct mu_msg again = add_msg(f, "ranked", 1);
    (void)world_ask_with(f->world, &again, fenced(f, queue));
    world_expect_error(f->world, MU_ERROR_PLAYER_ALREADY_IN_QUEUE);
    assert_int_equal(f->world->reply.error.engaged, MU_ENGAGED_TICKET);
    assert_string_equal(f->world->reply.error.subject, ticket.id);
    world_restart(f->world, false);
    struct mu_msg get = world_ticket_get(ticket.id);
    (void)world_ask(f->world, &get);
    assert_int_equal(f->world->reply.ticket.state, MU_TICKET_QUEUED);
}

static void refuse_add(struct fixture *f, const struct mu_msg *msg, enum mu_error error)
{
    (void)world_ask_with(f->world, msg, fenced(f, queue));
    world_expect_error(f->world, error);
    assert_int_equal(f->world->changes_count, 0);
}

static void test_add_refused(void **state)
{
    struct fixture *f = *state;
    struct mu_msg msg = add_msg(f, "ranked", 1);
    (void)world_ask(f->world, &msg); /* no fence */
    world_expect_error(f->world, MU_ERROR_FENCED);
    (void)world_fence(f->world, queue);
    uint64_t newer = world_epoch(f->world, queue);
    (void)world_ask_with(f->world, &msg, fenced(f, queue)); /* an old one */
    world_expect_error(f->world, MU_ERROR_FENCED);
    (void)world_ask_with(f->world, &msg, (struct world_with){ .fence = newer + 1 });
    world_expect_error(f->world, MU_ERROR_FENCED);
    memset(f->world->epochs, 0, sizeof f->world->epochs); /* to be taken anew */
    msg = add_msg(f, "chess", 1);
    refuse_add(f, &msg, MU_ERROR_GAME_MODE_NOT_FOUND);
    msg = add_msg(f, "ranked", 1);
    memcpy(msg.ticket_add.region, "mars", 5);
    refuse_add(f, &msg, MU_ERROR_REGION_NOT_SUPPORTED);
    msg = add_msg(f, "ranked", 1);
    msg.ticket_add.others_count = 1;
    memcpy(msg.ticket_add.others[0].id, "ranked", 7); /* the same twice */
    refuse_add(f, &msg, MU_ERROR_VALIDATION_FAILED);
    memcpy(msg.ticket_add.others[0].id, "chess", 6);
    refuse_add(f, &msg, MU_ERROR_GAME_MODE_NOT_FOUND);
    msg = add_msg(f, "ranked", 0);
    refuse_add(f, &msg, MU_ERROR_VALIDATION_FAILED);
    msg = add_msg(f, "team_match", 2);
    memcpy(msg.ticket_add.players[1].id, f->players[0], MU_ID_MAX + 1);
    refuse_add(f, &msg, MU_ERROR_VALIDATION_FAILED); /* the same twice */
    msg = add_msg(f, "team_match", 2);
    memcpy(msg.ticket_add.players[1].id, "ply_nobody", 11);
    refuse_add(f, &msg, MU_ERROR_PLAYER_NOT_FOUND);
    expect_engaged(f, 0, MU_ENGAGED_NONE, ""); /* the first of the party is still free */
    msg = add_msg(f, "ranked", 1);
    msg.ticket_add.latencies_count = 1;
    msg.ticket_add.latencies[0] = (struct mu_msg_latency){ .region = "mars", .ms = 20 };
    refuse_add(f, &msg, MU_ERROR_REGION_NOT_SUPPORTED);
}

/* The queue's rules have changed: what was taken under a key stays taken, and what was refused
 * stays refused. */
static void test_add_refused_by_rules(void **state)
{
    struct fixture *f = *state;
    struct mu_msg good = add_msg(f, "team_match", 2);
    struct mu_msg bad = good;
    struct world_with with = fenced(f, queue);
    (void)snprintf(bad.ticket_add.refusal, sizeof bad.ticket_add.refusal, "It can never match.");
    with.key = "k1";
    (void)world_ask_with(f->world, &bad, with);
    world_expect_error(f->world, MU_ERROR_VALIDATION_FAILED);
    assert_string_equal(f->world->reply.error.detail, "It can never match.");
    expect_engaged(f, 0, MU_ENGAGED_NONE, "");
    (void)world_ask_with(f->world, &good, with);
    world_expect_error(f->world, MU_ERROR_VALIDATION_FAILED);
    with.key = "k2";
    (void)world_ask_with(f->world, &good, with);
    world_expect(f->world, MU_OP_TICKET);
    char ticket[MU_ID_MAX + 1];
    memcpy(ticket, f->world->reply.ticket.id, sizeof ticket);
    (void)world_ask_with(f->world, &bad, with);
    world_expect(f->world, MU_OP_TICKET);
    assert_string_equal(f->world->reply.ticket.id, ticket);
}

static void test_add_latency(void **state)
{
    struct fixture *f = *state;
    struct mu_msg msg = { .op = MU_OP_PLAYER_REGISTER };
    msg.player_register = (struct mu_msg_player_register){ .username = "picky",
                                                           .region = "eu-west-1",
                                                           .latency_max_ms = 50 };
    (void)world_ask(f->world, &msg);
    memcpy(f->players[0], f->world->reply.player.id, MU_ID_MAX + 1);
    msg = add_msg(f, "team_match", 2);
    msg.ticket_add.latencies_count = 2;
    msg.ticket_add.latencies[0] = (struct mu_msg_latency){ .region = "eu-west-1", .ms = 51 };
    msg.ticket_add.latencies[1] = (struct mu_msg_latency){ .region = "us-east-1", .ms = 90 };
    refuse_add(f, &msg, MU_ERROR_HIGH_LATENCY);
    msg.ticket_add.latencies[0].ms = 50;
    (void)world_ask_with(f->world, &msg, fenced(f, queue));
    world_expect(f->world, MU_OP_TICKET);
    assert_int_equal(f->world->reply.ticket.latency_max_ms, 50);
    assert_int_equal(f->world->reply.ticket.latencies_count, 2);
}

static struct mu_msg cancel_msg(const char *player, const char *ticket)
{
    struct mu_msg msg = { .op = MU_OP_TICKET_CANCEL };
    msg.ticket_cancel = (struct mu_msg_ticket_cancel){ .player = "" };
    (void)snprintf(msg.ticket_cancel.player, sizeof msg.ticket_cancel.player, "%s", player);
    (void)snprintf(msg.ticket_cancel.ticket, sizeof msg.ticket_cancel.ticket, "%s", ticket);
    return msg;
}

static void test_cancel(void **state)
{
    struct fixture *f = *state;
    char ticket[MU_ID_MAX + 1];
    world_enqueue(f->world, "team_match", "eu-west-1", 2, f->players, ticket);
    struct mu_msg msg = cancel_msg(f->players[2], ticket); /* not his */
    (void)world_ask(f->world, &msg);
    world_expect_error(f->world, MU_ERROR_TICKET_NOT_FOUND);
    msg = cancel_msg(f->players[1], "");
    (void)world_ask(f->world, &msg);
    world_expect(f->world, MU_OP_TICKET);
    assert_int_equal(f->world->reply.ticket.state, MU_TICKET_CANCELLED);
    assert_int_equal(f->world->reply.ticket.version, 2);
    assert_int_equal(f->world->reply.ticket.ended_ms, f->world->wall_ms);
    assert_true(world_pushed(f->world, queue, ticket));
    expect_engaged(f, 0, MU_ENGAGED_NONE, ""); /* the whole party leaves */
    (void)world_ask(f->world, &msg);
    world_expect_error(f->world, MU_ERROR_PLAYER_NOT_IN_QUEUE);
    msg = cancel_msg("", ticket);
    (void)world_ask(f->world, &msg);
    world_expect(f->world, MU_OP_TICKET); /* by its id: the same answer */
    assert_int_equal(f->world->reply.ticket.version, 2);
    msg = cancel_msg("nobody", "");
    (void)world_ask(f->world, &msg);
    world_expect_error(f->world, MU_ERROR_PLAYER_NOT_FOUND);
    msg = cancel_msg("", "");
    (void)world_ask(f->world, &msg);
    world_expect_error(f->world, MU_ERROR_PLAYER_NOT_FOUND);
    msg = cancel_msg("", "tkt_none");
    (void)world_ask(f->world, &msg);
    world_expect_error(f->world, MU_ERROR_TICKET_NOT_FOUND);
}

static void test_expire(void **state)
{
    struct fixture *f = *state;
    char ticket[MU_ID_MAX + 1];
    world_enqueue(f->world, "ranked", "eu-west-1", 1, f->players, ticket);
    struct mu_msg msg = { .op = MU_OP_TICKET_EXPIRE };
    msg.ticket_expire = (struct mu_msg_ticket_expire){ .version = 7 };
    memcpy(msg.ticket_expire.ticket, ticket, sizeof ticket);
    (void)world_ask(f->world, &msg);
    world_expect_error(f->world, MU_ERROR_FENCED);
    (void)world_ask_with(f->world, &msg, fenced(f, queue)); /* another version: the truth */
    world_expect(f->world, MU_OP_TICKET);
    assert_int_equal(f->world->reply.ticket.state, MU_TICKET_QUEUED);
    msg.ticket_expire.version = 1;
    for (int i = 0; i < 2; i++) { /* twice: the same */
        (void)world_ask_with(f->world, &msg, fenced(f, queue));
        assert_int_equal(f->world->reply.ticket.state, MU_TICKET_EXPIRED);
        assert_int_equal(f->world->reply.ticket.version, 2);
        const struct mu_msg_event *event = NULL;
        uint32_t count = world_events(f->world, f->players[0], MU_EVENT_TICKET_EXPIRED, &event);
        assert_int_equal(count, i == 0);
        if (count > 0) {
            assert_string_equal(event->ticket, ticket);
            assert_int_equal(event->seq, 1);
        }
    }
    expect_engaged(f, 0, MU_ENGAGED_NONE, "");
    memcpy(msg.ticket_expire.ticket, "tkt_none", 9);
    (void)world_ask_with(f->world, &msg, fenced(f, queue));
    world_expect_error(f->world, MU_ERROR_TICKET_NOT_FOUND);
}

/* Commit. */

static struct mu_msg commit_msg(struct fixture *f, const char *mode)
{
    struct mu_msg msg = { .op = MU_OP_MATCH_COMMIT };
    msg.match_commit = (struct mu_msg_match_commit){ .region = "eu-west-1",
                                                     .shard = "queue/eu-west-1",
                                                     .quality = 0.5 };
    (void)snprintf(msg.match_commit.mode, sizeof msg.match_commit.mode, "%s", mode);
    mu_id_make(&f->ids, MU_ID_PREFIX_MATCH, f->world->wall_ms, msg.match_commit.match);
    return msg;
}

static void put_ticket(struct mu_msg *msg, const char *ticket, uint64_t version, uint64_t team)
{
    struct mu_msg_match_commit *commit = &msg->match_commit;
    struct mu_msg_ticket_ref *ref = &commit->tickets[commit->tickets_count++];
    *ref = (struct mu_msg_ticket_ref){ .version = version, .team = team };
    (void)snprintf(ref->id, sizeof ref->id, "%s", ticket);
}

static void test_commit(void **state)
{
    struct fixture *f = *state;
    char party[MU_ID_MAX + 1];
    char solo[2][MU_ID_MAX + 1];
    world_enqueue(f->world, "team_match", "eu-west-1", 2, f->players, party);
    world_enqueue(f->world, "team_match", "eu-west-1", 1, f->players + 2, solo[0]);
    world_enqueue(f->world, "team_match", "us-east-1", 1, f->players + 3, solo[1]);
    struct mu_msg msg = commit_msg(f, "team_match");
    put_ticket(&msg, solo[0], 1, 1);
    put_ticket(&msg, party, 1, 0);
    put_ticket(&msg, solo[1], 1, 1); /* from a neighbour region */
    (void)world_ask_with(f->world, &msg, fenced(f, queue));
    world_expect(f->world, MU_OP_MATCH_COMMITTED);
    assert_true(f->world->reply.match_committed.committed);
    assert_true(world_pushed(f->world, queue, party));
    assert_true(world_pushed(f->world, "queue/us-east-1", solo[1]));
    assert_true(world_pushed(f->world, "lobby/0", msg.match_commit.match));
    char lobby[MU_ID_MAX + 1];
    assert_int_equal(mu_id_with_prefix(msg.match_commit.match, MU_ID_PREFIX_LOBBY, lobby), 0);
    for (int i = 0; i < 4; i++) {
        const struct mu_msg_event *event = NULL;
        assert_int_equal(world_events(f->world, f->players[i], MU_EVENT_MATCH_FOUND, &event), 1);
        assert_string_equal(event->lobby, lobby);
        assert_int_equal(event->players_count, 4);
        assert_int_equal(event->accept_by_ms, f->world->wall_ms + 20000);
    }
    const struct mu_msg first = msg;
    msg = world_match_get(msg.match_commit.match);
    const struct mu_msg_match *match = &world_ask(f->world, &msg)->match;
    assert_int_equal(match->state, MU_MATCH_FORMED);
    assert_int_equal(match->players_count, 4);
    assert_string_equal(match->players[0].id, f->players[0]); /* in team order */
    assert_string_equal(match->players[2].id, f->players[2]);
    assert_int_equal(match->players[2].team, 1);
    assert_string_equal(match->players[3].ticket, solo[1]);
    assert_true(match->rated);
    for (int i = 0; i < 4; i++) {
        expect_engaged(f, i, MU_ENGAGED_MATCH, first.match_commit.match);
    }
    msg = cancel_msg(f->players[1], ""); /* the match won the race */
    (void)world_ask(f->world, &msg);
    world_expect_error(f->world, MU_ERROR_TICKET_MATCHED);
    assert_int_equal(f->world->reply.error.engaged, MU_ENGAGED_MATCH);
    assert_string_equal(f->world->reply.error.subject, first.match_commit.match);
    msg = world_ticket_get("");
    memcpy(msg.ticket_get.player, f->players[1], MU_ID_MAX + 1);
    (void)world_ask(f->world, &msg);
    assert_string_equal(f->world->reply.ticket.id, party);
    assert_int_equal(f->world->reply.ticket.state, MU_TICKET_MATCHED);

    (void)world_ask_with(f->world, &first, fenced(f, queue)); /* the same again */
    assert_true(f->world->reply.match_committed.committed);
    assert_int_equal(f->world->events_count, 0);
    assert_int_equal(f->world->changes_count, 0);

    msg = commit_msg(f, "team_match"); /* the same tickets for another match */
    put_ticket(&msg, solo[0], 1, 1);
    put_ticket(&msg, party, 1, 0);
    put_ticket(&msg, "tkt_none", 1, 1);
    (void)world_ask_with(f->world, &msg, fenced(f, queue));
    const struct mu_msg_match_committed *answer = &f->world->reply.match_committed;
    assert_false(answer->committed);
    assert_int_equal(answer->conflicts_count, 3);
    assert_string_equal(answer->conflicts[0].id, solo[0]);
    assert_int_equal(answer->conflicts[0].state, MU_TICKET_MATCHED);
    assert_int_equal(answer->conflicts[0].version, 2);
    assert_int_equal(answer->conflicts[2].state, MU_TICKET_NONE);
    struct mu_msg get = world_match_get(msg.match_commit.match);
    (void)world_ask(f->world, &get);
    world_expect_error(f->world, MU_ERROR_MATCH_NOT_FOUND);
}

static void refuse_commit(struct fixture *f, const struct mu_msg *msg, enum mu_error error)
{
    (void)world_ask_with(f->world, msg, fenced(f, queue));
    world_expect_error(f->world, error);
}

static void test_commit_refused(void **state)
{
    struct fixture *f = *state;
    char a[MU_ID_MAX + 1];
    char b[MU_ID_MAX + 1];
    char c[MU_ID_MAX + 1];
    world_enqueue(f->world, "ranked", "eu-west-1", 1, f->players, a);
    world_enqueue(f->world, "ranked", "eu-west-1", 1, f->players + 1, b);
    world_enqueue(f->world, "duel", "eu-west-1", 1, f->players + 2, c);
    struct mu_msg msg = commit_msg(f, "ranked");
    put_ticket(&msg, a, 1, 0);
    put_ticket(&msg, b, 1, 1);
    (void)world_ask(f->world, &msg);
    world_expect_error(f->world, MU_ERROR_FENCED);
    struct mu_msg bad = msg;
    memcpy(bad.match_commit.shard, "lobby/0", 8);
    (void)world_ask_with(f->world, &bad, fenced(f, "lobby/0"));
    world_expect_error(f->world, MU_ERROR_FENCED);
    bad = msg;
    bad.match_commit.match[0] = 'x';
    refuse_commit(f, &bad, MU_ERROR_BAD_REQUEST);
    bad = msg;
    memcpy(bad.match_commit.mode, "chess", 6);
    refuse_commit(f, &bad, MU_ERROR_GAME_MODE_NOT_FOUND);
    bad = msg;
    memcpy(bad.match_commit.region, "mars", 5);
    refuse_commit(f, &bad, MU_ERROR_REGION_NOT_SUPPORTED);
    bad = msg;
    bad.match_commit.tickets[1].team = 0; /* two against nobody */
    refuse_commit(f, &bad, MU_ERROR_BAD_REQUEST);
    bad.match_commit.tickets[1].team = 2;
    refuse_commit(f, &bad, MU_ERROR_BAD_REQUEST);
    bad = msg;
    memcpy(bad.match_commit.tickets[1].id, a, sizeof a);
    refuse_commit(f, &bad, MU_ERROR_BAD_REQUEST);
    bad = msg;
    memcpy(bad.match_commit.tickets[1].id, c, sizeof c); /* of another mode */
    refuse_commit(f, &bad, MU_ERROR_BAD_REQUEST);
    bad = msg;
    bad.match_commit.tickets_count = 0;
    refuse_commit(f, &bad, MU_ERROR_BAD_REQUEST);
    bad = msg;
    bad.match_commit.tickets[0].version = 2; /* not as it is */
    (void)world_ask_with(f->world, &bad, fenced(f, queue));
    assert_int_equal(f->world->reply.match_committed.conflicts_count, 1);
    assert_int_equal(f->world->reply.match_committed.conflicts[0].version, 1);
    assert_int_equal(f->world->reply.match_committed.conflicts[0].state, MU_TICKET_QUEUED);
    for (int i = 0; i < 3; i++) {
        struct mu_msg get = world_player_get(f->players[i]);
        (void)world_ask(f->world, &get);
        assert_int_equal(f->world->reply.player.engaged, MU_ENGAGED_TICKET);
    }
    (void)world_ask_with(f->world, &msg, fenced(f, queue));
    assert_true(f->world->reply.match_committed.committed);
}

static void test_commit_without_acceptance(void **state)
{
    struct fixture *f = *state;
    char a[MU_ID_MAX + 1];
    char b[MU_ID_MAX + 1];
    f->world->config.modes[mu_config_mode(&f->world->config, "ranked")].accept_ms = 0;
    world_enqueue(f->world, "ranked", "eu-west-1", 1, f->players, a);
    world_enqueue(f->world, "ranked", "eu-west-1", 1, f->players + 1, b);
    struct mu_msg msg = commit_msg(f, "ranked");
    put_ticket(&msg, a, 1, 0);
    put_ticket(&msg, b, 1, 1);
    (void)world_ask_with(f->world, &msg, fenced(f, queue));
    const struct mu_msg_event *event = NULL;
    assert_int_equal(world_events(f->world, f->players[0], MU_EVENT_MATCH_FOUND, &event), 1);
    assert_int_equal(event->accept_by_ms, 0);
    struct mu_msg get = world_match_get(msg.match_commit.match);
    (void)world_ask(f->world, &get);
    assert_int_equal(f->world->reply.match.state, MU_MATCH_ALLOCATING);
}

/* 200 solos in a free-for-all: every player is there once, nothing overflows. */
static void test_commit_large(void **state)
{
    struct fixture *f = *state;
    struct mu_mode *mode = &f->world->config.modes[mu_config_mode(&f->world->config, "casual")];
    mode->team_max = 200;
    mode->team_min = 200;
    struct mu_msg *msg = calloc(1, sizeof *msg);
    *msg = commit_msg(f, "casual");
    for (int i = 0; i < 200; i++) {
        char name[24];
        char player[1][MU_ID_MAX + 1];
        char ticket[MU_ID_MAX + 1];
        (void)snprintf(name, sizeof name, "crowd%d", i);
        world_register(f->world, name, player[0]);
        world_enqueue(f->world, "casual", "eu-west-1", 1, player, ticket);
        put_ticket(msg, ticket, 1, 0);
    }
    (void)world_ask_with(f->world, msg, fenced(f, queue));
    assert_true(f->world->reply.match_committed.committed);
    assert_int_equal(f->world->events_count, 200);
    assert_int_equal(f->world->events[199].players_count, 200);
    assert_int_equal(f->world->changes_count, 201);
    free(msg);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_add),          TEST(test_add_refused),    TEST(test_add_refused_by_rules),
        TEST(test_add_latency),  TEST(test_cancel),         TEST(test_expire),
        TEST(test_commit),       TEST(test_commit_refused), TEST(test_commit_without_acceptance),
        TEST(test_commit_large),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
