/* The store actor: backfills, but for the tickets that join by one. */
#include "actors/backfill_details.h"
#include "tests/unit/backfill_world.h"

static void test_add(void **state)
{
    struct fixture *f = *state;
    struct world *world = f->world;
    const struct mu_msg_backfill *backfill = add(f, 2);
    assert_true(mu_id_valid(backfill->id, MU_ID_PREFIX_BACKFILL));
    assert_true(backfill->created);
    assert_int_equal(backfill->version, 1);
    assert_int_equal(backfill->state, MU_BACKFILL_QUEUED);
    assert_string_equal(backfill->match, f->match);
    assert_string_equal(backfill->mode, "team_match");
    assert_string_equal(backfill->region, "eu-west-1");
    assert_int_equal(backfill->lease_until_ms, world->wall_ms + 30000);
    assert_int_equal(backfill->players_count, 3);
    assert_string_equal(backfill->players[0].id, f->players[0]);
    assert_int_equal(backfill->players[0].team, 0);
    assert_int_equal(backfill->players[0].rating, 1200);
    assert_true(backfill->players[0].deviation > 0);
    assert_string_equal(backfill->players[1].id, f->players[1]);
    assert_int_equal(backfill->players[1].team, 1);
    assert_string_equal(backfill->players[2].id, f->players[3]);
    assert_true(world_pushed(world, queue, f->backfill));
    assert_true(world_pushed(world, "lobby/0", f->match));
    const struct mu_msg_match *match = get_match(f);
    assert_string_equal(match->backfill, f->backfill);
    assert_int_equal(match->players_count, 4); /* he stays in the result */
    uint32_t freed = 0;
    for (uint32_t i = 0; i < 4; i++) {
        bool left = strcmp(match->players[i].id, f->players[2]) == 0;
        assert_int_equal(match->players[i].freed, left);
        assert_string_equal(match->players[i].status, left ? "LEFT" : "");
        freed += left;
    }
    assert_int_equal(freed, 1);
    expect_engaged(f, 2, MU_ENGAGED_NONE);
    expect_engaged(f, 0, MU_ENGAGED_MATCH);

    world->wall_ms += 10000; /* again: the same one, of whom plays now */
    backfill = add(f, 1);
    assert_false(backfill->created);
    assert_int_equal(backfill->version, 2);
    assert_int_equal(backfill->players_count, 2);
    assert_int_equal(backfill->lease_until_ms, world->wall_ms + 30000);
    assert_int_equal(backfill->created_ms, world->wall_ms - 10000);
    assert_string_equal(get_match(f)->backfill, f->backfill);
    world_restart(world, false);
    assert_int_equal(get(f)->players_count, 2);
}

static void test_reported(void **state)
{
    struct fixture *f = *state;
    struct mu_msg update = { .op = MU_OP_MATCH_UPDATE };
    update.match_update = (struct mu_msg_match_update){ .statuses_count = 1 };
    memcpy(update.match_update.match, f->match, sizeof f->match);
    memcpy(update.match_update.statuses[0].id, f->players[3], MU_ID_MAX + 1);
    (void)snprintf(update.match_update.statuses[0].status, 24, "LEFT");
    (void)world_ask(f->world, &update);
    world_expect(f->world, MU_OP_MATCH);
    expect_engaged(f, 3, MU_ENGAGED_MATCH); /* nobody was asked for in his place */
    assert_int_equal(add(f, -1)->players_count, 3);
    expect_engaged(f, 3, MU_ENGAGED_NONE);
    (void)snprintf(update.match_update.statuses[0].status, 24, "CONNECTED");
    (void)world_ask(f->world, &update);
    world_expect_error(f->world, MU_ERROR_NOT_IN_MATCH);
    (void)snprintf(update.match_update.statuses[0].status, 24, "LEFT");
    (void)world_ask(f->world, &update);
    world_expect(f->world, MU_OP_MATCH);
}

static void expect_refused(struct fixture *f, const struct mu_msg *msg, enum mu_error error)
{
    (void)world_ask(f->world, msg);
    world_expect_error(f->world, error);
    assert_string_equal(get_match(f)->backfill, "");
    expect_engaged(f, 2, MU_ENGAGED_MATCH);
}

static void test_refused(void **state)
{
    struct fixture *f = *state;
    struct mu_msg msg = add_msg(f, -1);
    expect_refused(f, &msg, MU_ERROR_MATCH_FULL);
    msg = add_msg(f, 5);
    expect_refused(f, &msg, MU_ERROR_NOT_IN_MATCH);
    msg = add_msg(f, 2);
    memcpy(msg.backfill_add.key_hash, key_hash, sizeof key_hash);
    msg.backfill_add.key_hash[0] = 'f';
    expect_refused(f, &msg, MU_ERROR_FORBIDDEN);
    msg = add_msg(f, 2);
    msg.backfill_add.players_count = 1;
    memcpy(msg.backfill_add.players[0].id, f->players[0], MU_ID_MAX + 1);
    expect_refused(f, &msg, MU_ERROR_VALIDATION_FAILED); /* nothing is said of him */
    static const char two[] = "[{}, {}]";
    msg.backfill_add.details = (struct mu_slice){ (const uint8_t *)two, sizeof two - 1 };
    expect_refused(f, &msg, MU_ERROR_VALIDATION_FAILED);
    static const char broken[] = "[{]";
    msg.backfill_add.details = (struct mu_slice){ (const uint8_t *)broken, sizeof broken - 1 };
    expect_refused(f, &msg, MU_ERROR_VALIDATION_FAILED);
    msg = add_msg(f, 0);
    for (int i = 0; i < 4; i++) {
        memcpy(msg.backfill_add.leavers[i].id, f->players[i], MU_ID_MAX + 1);
    }
    msg.backfill_add.leavers_count = 4;
    expect_refused(f, &msg, MU_ERROR_INSUFFICIENT_PLAYERS);
    static const char said[] = "[{}, {}]";
    msg = add_msg(f, 2);
    msg.backfill_add.players_count = 2;
    memcpy(msg.backfill_add.players[0].id, f->players[0], MU_ID_MAX + 1);
    memcpy(msg.backfill_add.players[1].id, f->players[0], MU_ID_MAX + 1);
    msg.backfill_add.details = (struct mu_slice){ (const uint8_t *)said, sizeof said - 1 };
    expect_refused(f, &msg, MU_ERROR_VALIDATION_FAILED); /* he comes twice */
    static char large[65536]; /* that of one: with the others' it is too much */
    (void)snprintf(large, sizeof large, "[{\"attributes\":{\"a\":\"%0*d\"}}]", 65508, 0);
    msg.backfill_add.players_count = 1;
    msg.backfill_add.details = (struct mu_slice){ (const uint8_t *)large, (uint32_t)strlen(large) };
    expect_refused(f, &msg, MU_ERROR_PAYLOAD_TOO_LARGE);
    memcpy(f->match, "mch_01JD6Z9C3E8Q4VWB2M5T7RXKPA", 31);
    msg = add_msg(f, -1);
    (void)world_ask(f->world, &msg);
    world_expect_error(f->world, MU_ERROR_MATCH_NOT_FOUND);
    memcpy(f->backfill, "bkf_01JD6Z9C3E8Q4VWB2M5T7RXKPA", 31);
    msg = (struct mu_msg){ .op = MU_OP_BACKFILL_CANCEL };
    memcpy(msg.backfill_cancel.id, f->backfill, sizeof f->backfill);
    (void)world_ask(f->world, &msg);
    world_expect_error(f->world, MU_ERROR_BACKFILL_NOT_FOUND);
}

/* A match that is over ends its backfill; whoever left it and queues again is not touched. */
static void test_match_ends(void **state)
{
    struct fixture *f = *state;
    struct world *world = f->world;
    char ticket[MU_ID_MAX + 1];
    (void)add(f, 2);
    world_enqueue(world, "team_match", "eu-west-1", 1, f->players + 2, ticket);
    struct mu_msg msg = fill_msg(f, 5, 0);
    struct mu_msg abort = { .op = MU_OP_MATCH_ABORT };
    abort.match_abort.reason = MU_REASON_NO_RESULT;
    memcpy(abort.match_abort.match, f->match, sizeof f->match);
    (void)world_ask_with(world, &abort,
                         (struct world_with){ .fence = world_fence(world, "lobby/0") });
    world_expect(world, MU_OP_MATCH);
    assert_int_equal(world->reply.match.state, MU_MATCH_EXPIRED);
    assert_true(world_pushed(world, queue, f->backfill));
    assert_int_equal(world_events(world, f->players[2], MU_EVENT_MATCH_CANCELLED, NULL), 0);
    assert_int_equal(get(f)->state, MU_BACKFILL_ENDED);
    assert_false(commit(f, &msg)->committed);
    expect_engaged(f, 2, MU_ENGAGED_TICKET);
    expect_engaged(f, 0, MU_ENGAGED_NONE);
    msg = add_msg(f, -1);
    (void)world_ask(world, &msg);
    world_expect_error(world, MU_ERROR_MATCH_NOT_LIVE);
    struct mu_msg end = end_msg(f); /* late, and counts */
    (void)world_ask(world, &end);
    world_expect(world, MU_OP_MATCH_ENDED);
    expect_engaged(f, 2, MU_ENGAGED_TICKET);
}

static void send_expire(struct fixture *f, uint64_t lease_until_ms)
{
    struct mu_msg msg = { .op = MU_OP_BACKFILL_EXPIRE };
    msg.backfill_expire.lease_until_ms = lease_until_ms;
    memcpy(msg.backfill_expire.id, f->backfill, sizeof f->backfill);
    (void)world_ask_with(f->world, &msg,
                         (struct world_with){ .fence = world_fence(f->world, queue) });
    world_expect(f->world, MU_OP_BACKFILL);
}

static void test_lease(void **state)
{
    struct fixture *f = *state;
    struct world *world = f->world;
    uint64_t until_ms = add(f, 2)->lease_until_ms;
    world->wall_ms += 20000;
    struct mu_msg renew = { .op = MU_OP_BACKFILL_RENEW };
    memcpy(renew.backfill_renew.id, f->backfill, sizeof f->backfill);
    memcpy(renew.backfill_renew.key_hash, key_hash, sizeof key_hash);
    (void)world_ask(world, &renew);
    world_expect(world, MU_OP_BACKFILL);
    assert_int_equal(world->reply.backfill.lease_until_ms, until_ms + 20000);
    assert_int_equal(world->reply.backfill.version, 1); /* a match that is on its way still holds */
    assert_true(world_pushed(world, queue, f->backfill));
    send_expire(f, until_ms); /* it has been renewed meanwhile */
    assert_int_equal(world->reply.backfill.state, MU_BACKFILL_QUEUED);
    send_expire(f, until_ms + 20000);
    assert_int_equal(world->reply.backfill.state, MU_BACKFILL_EXPIRED);
    assert_string_equal(get_match(f)->backfill, "");
    (void)world_ask(world, &renew); /* too late: so it ended */
    world_expect(world, MU_OP_BACKFILL);
    assert_int_equal(world->reply.backfill.state, MU_BACKFILL_EXPIRED);
    char former[MU_ID_MAX + 1];
    memcpy(former, f->backfill, sizeof former);
    (void)add(f, -1); /* a new one; his place is open still */
    assert_string_not_equal(former, f->backfill);
    struct mu_msg cancel = { .op = MU_OP_BACKFILL_CANCEL };
    memcpy(cancel.backfill_cancel.id, f->backfill, sizeof f->backfill);
    for (int i = 0; i < 2; i++) {
        (void)world_ask(world, &cancel);
        world_expect(world, MU_OP_BACKFILL);
        assert_int_equal(world->reply.backfill.state, MU_BACKFILL_CANCELLED);
        assert_int_equal(world->reply.backfill.version, 2);
    }
    assert_string_equal(get_match(f)->backfill, "");
}

/* The record with its details, which no answer shows. */
static void expect_details(struct fixture *f, const char *expected)
{
    struct mu_msg msg = { .op = MU_OP_FOLLOW_SCAN };
    (void)snprintf(msg.follow_scan.partition, sizeof msg.follow_scan.partition, "%s", queue);
    const struct mu_msg *answer = world_ask(f->world, &msg);
    assert_int_equal(answer->op, MU_OP_CHANGES);
    assert_int_equal(answer->changes.changes_count, 1);
    struct mu_msg *record = calloc(1, sizeof *record);
    const struct mu_slice bytes = answer->changes.changes[0].record;
    assert_int_equal(
        mu_msg_decode(f->world->decoder, MU_OP_BACKFILL, bytes.data, bytes.size, record), 0);
    assert_string_equal(record->backfill.details, expected);
    free(record);
}

static void test_details(void **state)
{
    struct fixture *f = *state;
    struct world *world = f->world;
    (void)add(f, 2);
    expect_details(f, "");
    struct mu_msg ticket = { .op = MU_OP_TICKET_ADD };
    ticket.ticket_add = (struct mu_msg_ticket_add){
        .mode = "team_match",
        .region = "eu-west-1",
        .players_count = 1,
        .details = "[{\"attributes\":{\"map\":\"}],\\\"\",\"x\":[1]}}]",
    };
    memcpy(ticket.ticket_add.players[0].id, f->players[5], MU_ID_MAX + 1);
    (void)world_ask_with(world, &ticket, (struct world_with){ .fence = world_fence(world, queue) });
    world_expect(world, MU_OP_TICKET);
    char id[MU_ID_MAX + 1];
    memcpy(id, world->reply.ticket.id, sizeof id);
    struct mu_msg msg = fill_msg(f, 6, 0); /* player 6 is left waiting */
    memcpy(msg.match_commit.tickets[0].id, id, sizeof id);
    assert_true(commit(f, &msg)->committed);
    struct mu_msg cancel = { .op = MU_OP_TICKET_CANCEL };
    memcpy(cancel.ticket_cancel.player, f->players[6], MU_ID_MAX + 1);
    (void)world_ask(world, &cancel);

    msg = add_msg(f, 3);
    static const char said[] = " [ {\"latencies\":{\"eu-west-1\":7}} ] ";
    msg.backfill_add.players_count = 1;
    memcpy(msg.backfill_add.players[0].id, f->players[1], MU_ID_MAX + 1);
    msg.backfill_add.details = (struct mu_slice){ (const uint8_t *)said, sizeof said - 1 };
    (void)world_ask(world, &msg);
    world_expect(world, MU_OP_BACKFILL);
    assert_int_equal(world->reply.backfill.players_count, 3);
    assert_string_equal(world->reply.backfill.details, "");
    expect_details(f, "[{},{\"latencies\":{\"eu-west-1\":7}},"
                      "{\"attributes\":{\"map\":\"}],\\\"\",\"x\":[1]}}]");
}

static void test_reader(void **state)
{
    static const struct {
        const char *text;
        uint32_t count;
        bool malformed;
    } cases[] = {
        { "", 0, false },
        { "[]", 0, false },
        { "[{}]", 1, false },
        { " [ { } , {} ] ", 2, false },
        { "[{\"a\":[{}]}]", 1, false },
        { "[{\"a\":\"\\\\\"},{}]", 2, false },
        { "{}", 0, true },
        { "[1]", 0, true },
        { "[{},]", 1, true },
        { "[{}", 1, true },
        { "[{}]x", 1, true },
        { "[{},{\"a\":\"", 1, true },
        { "[{\"a\\", 0, true },
        { "[", 0, true },
        { "[,{}]", 0, true },
        { "[{}{}]", 1, true },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mu_details_reader reader = {
            .text = { (const uint8_t *)cases[i].text, (uint32_t)strlen(cases[i].text) },
        };
        struct mu_slice object;
        uint32_t count = 0;
        while (mu_details_next(&reader, &object)) {
            assert_int_equal(object.data[0], '{');
            assert_int_equal(object.data[object.size - 1], '}');
            count++;
        }
        assert_int_equal(count, cases[i].count);
        assert_int_equal(reader.malformed, cases[i].malformed);
    }
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_add),
        TEST(test_reported),
        TEST(test_refused),
        TEST(test_match_ends),
        TEST(test_lease),
        TEST(test_details),
        cmocka_unit_test(test_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
