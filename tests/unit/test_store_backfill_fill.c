/* The store actor: tickets join a match by its backfill. */
#include "actors/token.h"
#include "tests/unit/backfill_world.h"

/* A match of two named teams of a rule set: `count` players, dealt to them. */
static void make_named(struct fixture *f, uint32_t count, char (*players)[MU_ID_MAX + 1])
{
    struct world *world = f->world;
    struct mu_msg *msg = calloc(1, sizeof *msg);
    struct mu_msg_match_commit *made = &msg->match_commit;
    msg->op = MU_OP_MATCH_COMMIT;
    *made = (struct mu_msg_match_commit){
        .mode = "casual",
        .region = "eu-west-1",
        .shard = "queue/eu-west-1",
        .tickets_count = count,
        .rules = 3,
        .team_names_count = 2,
        .team_names = { { "red" }, { "blue" } },
    };
    mu_id_make(&world->ids, MU_ID_PREFIX_MATCH, world->wall_ms, made->match);
    for (uint32_t i = 0; i < count; i++) {
        world_enqueue(world, "casual", "eu-west-1", 1, players + i, made->tickets[i].id);
        made->tickets[i].version = 1;
        made->tickets[i].team = i % 2;
    }
    assert_true(commit(f, msg)->committed);
    memcpy(f->match, made->match, sizeof f->match);
    msg->op = MU_OP_MATCH_ALLOCATE;
    memcpy(msg->match_allocate.match, f->match, sizeof f->match);
    memcpy(msg->match_allocate.server, f->server, sizeof f->server);
    (void)world_ask_with(world, msg, (struct world_with){ .fence = world_fence(world, "lobby/0") });
    assert_int_equal(world->reply.match.state, MU_MATCH_LIVE);
    free(msg);
}

static void test_fill(void **state)
{
    struct fixture *f = *state;
    struct world *world = f->world;
    (void)add(f, 2);
    struct mu_msg msg = fill_msg(f, 5, 0);
    const struct mu_msg first = msg;
    assert_true(commit(f, &msg)->committed);
    const struct mu_msg_event *event = NULL;
    assert_int_equal(world_events(world, f->players[5], MU_EVENT_MATCH_STARTED, &event), 1);
    assert_string_equal(event->match, f->match);
    assert_string_equal(event->server.id, f->server);
    assert_int_equal(event->team, 0);
    assert_int_equal(event->players_count, 4); /* without him who left */
    char token[MU_TOKEN_BYTES + 1];
    assert_int_equal(mu_token_make(key_hash, f->match, f->players[5], token), 0);
    assert_string_equal(event->join_token, token);
    assert_int_equal(world->events_count, 1);
    assert_true(world_pushed(world, queue, f->backfill));
    const struct mu_msg_backfill *backfill = get(f);
    assert_int_equal(backfill->state, MU_BACKFILL_FILLED);
    assert_int_equal(backfill->joined_count, 1);
    assert_string_equal(backfill->joined[0].id, f->players[5]);
    const struct mu_msg_match *match = get_match(f);
    assert_string_equal(match->backfill, "");
    assert_int_equal(match->state, MU_MATCH_LIVE);
    assert_int_equal(match->players_count, 5);
    assert_string_equal(match->players[4].id, f->players[5]);
    assert_int_equal(match->players[4].team, 0);
    assert_int_equal(match->players[4].accept, MU_ACCEPT_ACCEPTED);
    expect_engaged(f, 5, MU_ENGAGED_MATCH);
    struct mu_msg ask = world_ticket_get(first.match_commit.tickets[0].id);
    const struct mu_msg_ticket *ticket = &world_ask(world, &ask)->ticket;
    assert_int_equal(ticket->state, MU_TICKET_MATCHED);
    assert_string_equal(ticket->match, f->match);

    world_restart(world, false);
    assert_true(commit(f, &first)->committed); /* late repeat */
    assert_int_equal(world->events_count, 0);
    msg = first; /* another one of the same backfill */
    mu_id_make(&world->ids, MU_ID_PREFIX_MATCH, world->wall_ms, msg.match_commit.match);
    const struct mu_msg_match_committed *answer = commit(f, &msg);
    assert_false(answer->committed);
    assert_int_equal(answer->conflicts_count, 2);
    assert_int_equal(answer->conflicts[0].state, MU_TICKET_MATCHED);
    assert_string_equal(answer->conflicts[1].id, f->backfill);
    assert_int_equal(answer->conflicts[1].state, MU_TICKET_CANCELLED);

    struct mu_msg end = end_msg(f);
    (void)world_ask(world, &end);
    world_expect(world, MU_OP_MATCH_ENDED);
    const struct mu_msg_match_ended *ended = &world->reply.match_ended;
    assert_int_equal(ended->changes_count, 5);
    for (uint32_t i = 0; i < 5; i++) { /* he who left has lost, though his team has won */
        bool left = strcmp(ended->changes[i].id, f->players[2]) == 0;
        bool winner = !left && (strcmp(ended->changes[i].id, f->players[0]) == 0 ||
                                strcmp(ended->changes[i].id, f->players[5]) == 0);
        assert_int_equal(ended->changes[i].outcome, winner ? MU_OUTCOME_WIN : MU_OUTCOME_LOSS);
    }
}

static void test_conflicts(void **state)
{
    struct fixture *f = *state;
    (void)add(f, 2);
    struct mu_msg msg = fill_msg(f, 5, 0);
    (void)add(f, -1); /* the roster was made anew */
    const struct mu_msg_match_committed *answer = commit(f, &msg);
    assert_false(answer->committed);
    assert_int_equal(answer->conflicts_count, 1);
    assert_string_equal(answer->conflicts[0].id, f->backfill);
    assert_int_equal(answer->conflicts[0].version, 2);
    assert_int_equal(answer->conflicts[0].state, MU_TICKET_QUEUED);
    msg.match_commit.backfill_version = 2;
    msg.match_commit.tickets[0].version = 9;
    answer = commit(f, &msg);
    assert_false(answer->committed);
    assert_int_equal(answer->conflicts_count, 1);
    assert_string_equal(answer->conflicts[0].id, msg.match_commit.tickets[0].id);
    msg.match_commit.tickets[0].version = 1;
    msg.match_commit.tickets[0].team = 1; /* which is full */
    (void)world_ask_with(f->world, &msg, (struct world_with){ .fence = 99 });
    world_expect_error(f->world, MU_ERROR_FENCED);
    (void)world_ask_with(f->world, &msg,
                         (struct world_with){ .fence = world_fence(f->world, queue) });
    world_expect_error(f->world, MU_ERROR_BAD_REQUEST);
    msg.match_commit.tickets[0].team = 3;
    (void)world_ask_with(f->world, &msg,
                         (struct world_with){ .fence = world_fence(f->world, queue) });
    world_expect_error(f->world, MU_ERROR_BAD_REQUEST);
    memcpy(msg.match_commit.backfill, "bkf_01JD6Z9C3E8Q4VWB2M5T7RXKPA", 31);
    answer = commit(f, &msg);
    assert_false(answer->committed);
    assert_int_equal(answer->conflicts[0].state, MU_TICKET_NONE);
    assert_int_equal(get_match(f)->players_count, 4);
    expect_engaged(f, 5, MU_ENGAGED_TICKET);
}

/* He who left queues again, and comes back into the same match: into his own row. */
static void test_back(void **state)
{
    struct fixture *f = *state;
    (void)add(f, 2);
    struct mu_msg msg = fill_msg(f, 2, 0);
    assert_true(commit(f, &msg)->committed);
    const struct mu_msg_match *match = get_match(f);
    assert_int_equal(match->players_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_false(match->players[i].freed);
        assert_string_equal(match->players[i].status, "");
        if (strcmp(match->players[i].id, f->players[2]) == 0) {
            assert_string_equal(match->players[i].ticket, msg.match_commit.tickets[0].id);
        }
    }
    expect_engaged(f, 2, MU_ENGAGED_MATCH);
    struct mu_msg end = end_msg(f);
    (void)world_ask(f->world, &end);
    world_expect(f->world, MU_OP_MATCH_ENDED);
    assert_int_equal(f->world->reply.match_ended.changes_count, 4);
    expect_engaged(f, 2, MU_ENGAGED_NONE);
}

static void test_names(void **state)
{
    struct fixture *f = *state;
    char *free_ones = f->players[4]; /* 4..6 play, 7 comes */
    make_named(f, 3, (char(*)[MU_ID_MAX + 1])(void *)free_ones);
    const struct mu_msg_backfill *backfill = add(f, -1); /* nobody left: it began with room */
    assert_int_equal(backfill->teams, 2);
    assert_int_equal(backfill->team_names_count, 2);
    assert_string_equal(backfill->team_names[1].text, "blue");
    assert_int_equal(backfill->players_count, 3);
    struct mu_msg msg = fill_msg(f, 7, 2);
    struct mu_msg_match_commit *made = &msg.match_commit;
    (void)snprintf(made->mode, sizeof made->mode, "casual");
    made->rules = 4;
    made->roles_count = 1;
    (void)snprintf(made->roles[0].text, 64, "healer");
    made->tickets[0].roles = 1;
    struct world_with with = { .fence = world_fence(f->world, queue) };
    (void)world_ask_with(f->world, &msg, with);
    world_expect_error(f->world, MU_ERROR_BAD_REQUEST); /* the ticket is for another mode */
    struct mu_msg cancel = { .op = MU_OP_TICKET_CANCEL };
    memcpy(cancel.ticket_cancel.player, f->players[7], MU_ID_MAX + 1);
    (void)world_ask(f->world, &cancel);
    world_enqueue(f->world, "casual", "eu-west-1", 1, f->players + 7, made->tickets[0].id);
    (void)world_ask_with(f->world, &msg, with);
    world_expect_error(f->world, MU_ERROR_BAD_REQUEST); /* the third team has no name */
    made->team_names_count = 3;
    (void)snprintf(made->team_names[0].text, 64, "red");
    (void)snprintf(made->team_names[1].text, 64, "green");
    (void)snprintf(made->team_names[2].text, 64, "gold");
    (void)world_ask_with(f->world, &msg, with);
    world_expect_error(f->world, MU_ERROR_BAD_REQUEST); /* the second has another one */
    (void)snprintf(made->team_names[1].text, 64, "blue");
    assert_true(commit(f, &msg)->committed);
    const struct mu_msg_match *match = get_match(f);
    assert_int_equal(match->teams, 3);
    assert_int_equal(match->rules, 4);
    assert_int_equal(match->team_names_count, 3);
    assert_string_equal(match->team_names[2].text, "gold");
    assert_int_equal(match->players[3].team, 2);
    assert_string_equal(match->players[3].role, "healer");
}

/* A match whose list is full: those who left stay in it. */
static void test_rows(void **state)
{
    enum { MOST = 199 };
    static char players[MOST][MU_ID_MAX + 1];
    struct fixture *f = *state;
    struct world *world = f->world;
    for (uint32_t i = 0; i < MOST; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "crowd%u", i);
        world_register(world, name, players[i]);
    }
    make_named(f, MOST, players);
    struct mu_msg *msg = calloc(1, sizeof *msg);
    msg->op = MU_OP_BACKFILL_ADD;
    memcpy(msg->backfill_add.match, f->match, sizeof f->match);
    msg->backfill_add.leavers_count = 2;
    memcpy(msg->backfill_add.leavers[0].id, players[0], sizeof players[0]);
    memcpy(msg->backfill_add.leavers[1].id, players[1], sizeof players[1]);
    (void)world_ask(world, msg);
    world_expect(world, MU_OP_BACKFILL);
    assert_int_equal(world->reply.backfill.players_count, MOST - 2);
    memcpy(f->backfill, world->reply.backfill.id, sizeof f->backfill);

    struct mu_msg fill = fill_msg(f, 4, 0); /* a party of two, and one row is left */
    (void)snprintf(fill.match_commit.mode, sizeof fill.match_commit.mode, "casual");
    fill.match_commit.rules = 3;
    world_enqueue(world, "casual", "eu-west-1", 2, f->players + 5, fill.match_commit.tickets[0].id);
    const struct mu_msg_match_committed *answer = commit(f, &fill);
    assert_false(answer->committed);
    assert_int_equal(answer->conflicts_count, 1);
    assert_string_equal(answer->conflicts[0].id, f->backfill);
    assert_int_equal(answer->conflicts[0].state, MU_TICKET_CANCELLED);
    assert_int_equal(get(f)->state, MU_BACKFILL_CANCELLED);
    msg->backfill_add.leavers_count = 0;
    (void)world_ask(world, msg); /* one by himself fits */
    world_expect(world, MU_OP_BACKFILL);
    memcpy(f->backfill, world->reply.backfill.id, sizeof f->backfill);
    memcpy(fill.match_commit.backfill, f->backfill, sizeof f->backfill);
    world_enqueue(world, "casual", "eu-west-1", 1, f->players + 7, fill.match_commit.tickets[0].id);
    fill.match_commit.team_names_count = 2;
    (void)snprintf(fill.match_commit.team_names[0].text, 64, "red");
    (void)snprintf(fill.match_commit.team_names[1].text, 64, "blue");
    assert_true(commit(f, &fill)->committed);
    (void)world_ask(world, msg); /* and nobody else */
    world_expect_error(world, MU_ERROR_MATCH_FULL);
    free(msg);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_fill), TEST(test_conflicts), TEST(test_back), TEST(test_names), TEST(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
