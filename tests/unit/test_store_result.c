/* The store actor: results count once, and what they do to ratings. */
#include <string.h>

#include "actors/token.h"
#include "tests/unit/store_world.h"

static uint64_t seed;
static const char key_hash[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

enum { PLAYERS = 8 };

struct fixture {
    struct world *world;
    char players[PLAYERS][MU_ID_MAX + 1];
    char match[MU_ID_MAX + 1];
    char server[MU_ID_MAX + 1];
};

static int setup(void **state)
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

static void send_to_lobby(struct fixture *f, const struct mu_msg *msg)
{
    (void)world_ask_with(f->world, msg,
                         (struct world_with){ .fence = world_fence(f->world, "lobby/0") });
    world_expect(f->world, MU_OP_MATCH);
}

static void play(struct fixture *f, const char *mode, uint32_t count)
{
    world_form(f->world, mode, "eu-west-1", count, f->players, f->match);
    struct mu_msg msg = { .op = MU_OP_MATCH_ALLOCATE };
    memcpy(msg.match_allocate.match, f->match, sizeof f->match);
    memcpy(msg.match_allocate.server, f->server, sizeof f->server);
    send_to_lobby(f, &msg);
    assert_int_equal(f->world->reply.match.state, MU_MATCH_LIVE);
}

/* A report: `ranks` of the teams from 0, as digits. */
static struct mu_msg end_msg(struct fixture *f, const char *ranks)
{
    struct mu_msg msg = { .op = MU_OP_MATCH_END };
    msg.match_end = (struct mu_msg_match_end){ .ranking_count = (uint32_t)strlen(ranks) };
    memcpy(msg.match_end.match, f->match, sizeof f->match);
    for (uint32_t i = 0; i < msg.match_end.ranking_count; i++) {
        msg.match_end.ranking[i].team = i;
        msg.match_end.ranking[i].rank = (uint64_t)(ranks[i] - '0');
    }
    return msg;
}

static void add_leaver(struct mu_msg *msg, const char *player)
{
    struct mu_msg_match_end *end = &msg->match_end;
    (void)snprintf(end->leavers[end->leavers_count].id, MU_ID_MAX + 1, "%s", player);
    end->leavers_count++;
}

static const struct mu_msg_player *get_player(struct fixture *f, int player)
{
    struct mu_msg msg = world_player_get(f->players[player]);
    return &world_ask(f->world, &msg)->player;
}

static void expect_change(struct fixture *f, uint32_t index, int64_t before, int64_t after,
                          enum mu_outcome outcome)
{
    const struct mu_msg_rating_change *change = &f->world->reply.match_ended.changes[index];
    assert_int_equal(change->before, before);
    assert_int_equal(change->after, after);
    assert_int_equal(change->outcome, outcome);
}

static void test_win(void **state)
{
    struct fixture *f = *state;
    play(f, "ranked", 2);
    f->world->wall_ms += 60000;
    struct mu_msg msg = end_msg(f, "21");
    memcpy(msg.match_end.key_hash, key_hash, sizeof key_hash);
    (void)world_ask(f->world, &msg);
    world_expect(f->world, MU_OP_MATCH_ENDED);
    assert_int_equal(f->world->reply.match_ended.winning_team, 1);
    assert_false(f->world->reply.match_ended.draw);
    assert_int_equal(f->world->reply.match_ended.duration_ms, 60000);
    assert_int_equal(f->world->reply.match_ended.changes_count, 2);
    expect_change(f, 0, 1200, 1184, MU_OUTCOME_LOSS);
    expect_change(f, 1, 1200, 1216, MU_OUTCOME_WIN);
    const struct mu_msg_event *event = NULL;
    assert_int_equal(world_events(f->world, f->players[1], MU_EVENT_MATCH_ENDED, &event), 1);
    assert_int_equal(event->outcome, MU_OUTCOME_WIN);
    assert_int_equal(event->rating_before, 1200);
    assert_int_equal(event->rating_after, 1216);
    assert_true(world_pushed(f->world, "lobby/0", f->match));
    assert_true(world_pushed(f->world, "lobby/0", f->server));
    const struct mu_msg_match_ended first = f->world->reply.match_ended;

    f->world->wall_ms += 5000;
    world_restart(f->world, false);
    (void)world_ask(f->world, &msg); /* the same again: the same answer, to the byte */
    world_expect(f->world, MU_OP_MATCH_ENDED);
    assert_int_equal(f->world->events_count, 0);
    assert_int_equal(f->world->reply.match_ended.duration_ms, first.duration_ms);
    expect_change(f, 0, 1200, 1184, MU_OUTCOME_LOSS);
    expect_change(f, 1, 1200, 1216, MU_OUTCOME_WIN);
    msg.match_end.ranking[0].rank = 9; /* says the same with other numbers */
    msg.match_end.ranking[1].rank = 3;
    (void)world_ask(f->world, &msg);
    world_expect(f->world, MU_OP_MATCH_ENDED);
    struct mu_msg other = end_msg(f, "12");
    (void)world_ask(f->world, &other);
    world_expect_error(f->world, MU_ERROR_RESULT_CONFLICT);
    other = end_msg(f, "21");
    add_leaver(&other, f->players[0]);
    (void)world_ask(f->world, &other);
    world_expect_error(f->world, MU_ERROR_RESULT_CONFLICT);

    const struct mu_msg_player *player = get_player(f, 1);
    assert_int_equal(player->rating, 1216);
    assert_int_equal(player->wins, 1);
    assert_int_equal(player->streak, 1);
    assert_int_equal(player->engaged, MU_ENGAGED_NONE);
    assert_int_equal(get_player(f, 0)->losses, 1);
    struct mu_msg get = world_match_get(f->match);
    const struct mu_msg_match *match = &world_ask(f->world, &get)->match;
    assert_int_equal(match->state, MU_MATCH_ENDED);
    assert_int_equal(match->ranking[0].team, 1);
    assert_int_equal(match->players[0].rating_after, 1184);
    play(f, "ranked", 2); /* both are free for the next one */
}

static void test_refused(void **state)
{
    struct fixture *f = *state;
    world_form(f->world, "ranked", "eu-west-1", 2, f->players, f->match);
    struct mu_msg msg = end_msg(f, "12");
    (void)world_ask(f->world, &msg); /* no server yet */
    world_expect_error(f->world, MU_ERROR_MATCH_NOT_LIVE);
    struct mu_msg cancel = { .op = MU_OP_MATCH_ABORT };
    cancel.match_abort.reason = MU_REASON_NO_SERVER;
    memcpy(cancel.match_abort.match, f->match, sizeof f->match);
    send_to_lobby(f, &cancel);
    (void)world_ask(f->world, &msg);
    world_expect_error(f->world, MU_ERROR_MATCH_NOT_LIVE);
    for (int i = 0; i < 2; i++) {
        cancel.op = MU_OP_TICKET_CANCEL;
        cancel.ticket_cancel = (struct mu_msg_ticket_cancel){ .ticket = "" };
        memcpy(cancel.ticket_cancel.player, f->players[i], MU_ID_MAX + 1);
        (void)world_ask(f->world, &cancel);
    }
    play(f, "ranked", 2);
    msg = end_msg(f, "12");
    memcpy(msg.match_end.key_hash, "0011", 5);
    (void)world_ask(f->world, &msg);
    world_expect_error(f->world, MU_ERROR_FORBIDDEN);
    const char *const bad[] = { "", "1", "123", "10", "1\x2f" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        msg = end_msg(f, bad[i]);
        if (i + 1 == sizeof bad / sizeof bad[0]) {
            msg.match_end.ranking[1] = (struct mu_msg_team_rank){ .team = 0, .rank = 2 };
        }
        (void)world_ask(f->world, &msg);
        world_expect_error(f->world, MU_ERROR_VALIDATION_FAILED);
    }
    msg = end_msg(f, "12");
    msg.match_end.ranking[1].team = 2;
    (void)world_ask(f->world, &msg);
    world_expect_error(f->world, MU_ERROR_VALIDATION_FAILED);
    msg = end_msg(f, "12");
    add_leaver(&msg, f->players[5]);
    (void)world_ask(f->world, &msg);
    world_expect_error(f->world, MU_ERROR_NOT_IN_MATCH);
    memcpy(msg.match_end.match, "mch_none", 9);
    (void)world_ask(f->world, &msg);
    world_expect_error(f->world, MU_ERROR_MATCH_NOT_FOUND);
    assert_int_equal(get_player(f, 0)->rating, 1200);
    assert_int_equal(get_player(f, 0)->engaged, MU_ENGAGED_MATCH);
}

static void test_draw_and_leaver(void **state)
{
    struct fixture *f = *state;
    play(f, "team_match", 4);
    struct mu_msg msg = end_msg(f, "11");
    add_leaver(&msg, f->players[0]);
    (void)world_ask(f->world, &msg);
    assert_true(f->world->reply.match_ended.draw);
    expect_change(f, 0, 1200, 1184, MU_OUTCOME_LOSS); /* who leaves loses */
    expect_change(f, 1, 1200, 1200, MU_OUTCOME_DRAW);
    expect_change(f, 2, 1200, 1200, MU_OUTCOME_DRAW);
    assert_int_equal(get_player(f, 2)->draws, 1);
    assert_int_equal(get_player(f, 0)->losses, 1);
}

static void test_free_for_all(void **state)
{
    struct fixture *f = *state;
    play(f, "tournament", 8); /* rated, no teams: players are ranked, by their index */
    struct mu_msg msg = end_msg(f, "12345678");
    (void)world_ask(f->world, &msg);
    world_expect(f->world, MU_OP_MATCH_ENDED);
    expect_change(f, 0, 1200, 1216, MU_OUTCOME_WIN);
    expect_change(f, 1, 1200, 1211, MU_OUTCOME_LOSS); /* beat six of seven */
    expect_change(f, 7, 1200, 1184, MU_OUTCOME_LOSS);
    assert_int_equal(f->world->reply.match_ended.teams, 1);
    assert_int_equal(f->world->reply.match_ended.winning_team, 0);
}

static void test_unrated(void **state)
{
    struct fixture *f = *state;
    play(f, "casual", 3);
    struct mu_msg msg = end_msg(f, "213");
    (void)world_ask(f->world, &msg);
    expect_change(f, 0, 1200, 1200, MU_OUTCOME_LOSS);
    expect_change(f, 1, 1200, 1200, MU_OUTCOME_WIN);
    assert_int_equal(f->world->reply.match_ended.winning_team, 1);
    assert_int_equal(get_player(f, 1)->wins, 1);
}

static void test_late_result(void **state)
{
    struct fixture *f = *state;
    play(f, "ranked", 2);
    char late[MU_ID_MAX + 1];
    memcpy(late, f->match, sizeof late);
    struct mu_msg expire = { .op = MU_OP_MATCH_ABORT };
    expire.match_abort.reason = MU_REASON_NO_RESULT;
    memcpy(expire.match_abort.match, late, sizeof late);
    f->world->wall_ms += 7200000;
    send_to_lobby(f, &expire);
    f->world->wall_ms += 1000;
    play(f, "ranked", 2); /* they play on meanwhile */
    struct mu_msg msg = end_msg(f, "12");
    memcpy(msg.match_end.match, late, sizeof late);
    for (int i = 0; i < 2; i++) {
        (void)world_ask(f->world, &msg);
        world_expect(f->world, MU_OP_MATCH_ENDED);
        assert_int_equal(f->world->reply.match_ended.duration_ms, 7200000);
        expect_change(f, 0, 1200, 1216, MU_OUTCOME_WIN);
    }
    const struct mu_msg_player *player = get_player(f, 0);
    assert_int_equal(player->engaged, MU_ENGAGED_MATCH); /* the other match goes on */
    assert_string_equal(player->engagement, f->match);
    assert_int_equal(player->rating, 1216);
    msg = end_msg(f, "12");
    (void)world_ask(f->world, &msg);
    expect_change(f, 0, 1216, 1231, MU_OUTCOME_WIN);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_win),          TEST(test_refused), TEST(test_draw_and_leaver),
        TEST(test_free_for_all), TEST(test_unrated), TEST(test_late_result),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
