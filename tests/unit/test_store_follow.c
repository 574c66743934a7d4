/* The store actor: epochs, snapshots, change logs, pushes; and the players' event logs. */
#include <string.h>

#include "core/follow.h"
#include "core/key.h"
#include "storage/mem.h"
#include "tests/unit/store_world.h"

static uint64_t seed;
static const char queue[] = "queue/eu-west-1";

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

static void take(struct world *world, const char *partition, uint64_t incarnation)
{
    struct mu_msg msg = { .op = MU_OP_EPOCH_TAKE };
    msg.epoch_take = (struct mu_msg_epoch_take){ .incarnation = incarnation };
    (void)snprintf(msg.epoch_take.partition, sizeof msg.epoch_take.partition, "%s", partition);
    (void)world_ask(world, &msg);
}

static const struct mu_msg_changes *since(struct world *world, uint64_t seq, uint64_t fence)
{
    struct mu_msg msg = { .op = MU_OP_FOLLOW_SINCE };
    msg.follow_since = (struct mu_msg_follow_since){ .seq = seq };
    memcpy(msg.follow_since.partition, queue, sizeof queue);
    return &world_ask_with(world, &msg, (struct world_with){ .fence = fence })->changes;
}

static const struct mu_msg_changes *scan(struct world *world, const char *after)
{
    struct mu_msg msg = { .op = MU_OP_FOLLOW_SCAN };
    msg.follow_scan = (struct mu_msg_follow_scan){ .after = "" };
    memcpy(msg.follow_scan.partition, queue, sizeof queue);
    (void)snprintf(msg.follow_scan.after, sizeof msg.follow_scan.after, "%s", after);
    return &world_ask(world, &msg)->changes;
}

static void test_epoch(void **state)
{
    struct world *world = *state;
    take(world, queue, 11);
    world_expect(world, MU_OP_EPOCH);
    assert_int_equal(world->reply.epoch.epoch, 1);
    assert_int_equal(world->reply.epoch.incarnation, 11);
    take(world, queue, 11); /* asked again: the same */
    assert_int_equal(world->reply.epoch.epoch, 1);
    take(world, queue, 12);
    assert_int_equal(world->reply.epoch.epoch, 2);
    take(world, queue, 11); /* a late repeat of the former owner changes nothing */
    world_expect_error(world, MU_ERROR_FENCED);
    world_restart(world, false);
    take(world, queue, 12);
    assert_int_equal(world->reply.epoch.epoch, 2);
    take(world, "lobby/0", 12);
    assert_int_equal(world->reply.epoch.epoch, 1);
    take(world, "queue/mars", 12);
    world_expect_error(world, MU_ERROR_NOT_FOUND);
    (void)since(world, 0, 1); /* a stale follower learns it when it asks */
    world_expect_error(world, MU_ERROR_FENCED);
    (void)since(world, 0, 2);
    world_expect(world, MU_OP_CHANGES);
}

static void enqueue_many(struct world *world, int count, char (*tickets)[MU_ID_MAX + 1])
{
    for (int i = 0; i < count; i++) {
        char name[24];
        char player[1][MU_ID_MAX + 1];
        (void)snprintf(name, sizeof name, "player%d", i);
        world_register(world, name, player[0]);
        world_enqueue(world, "ranked", "eu-west-1", 1, player, tickets[i]);
        assert_int_equal(world->changes_count, 1);
        assert_string_equal(world->changes[0].id, tickets[i]);
        assert_int_equal(world->changes[0].seq, i + 1);
        assert_int_equal(world->head, i + 1);
    }
}

static void cancel(struct world *world, const char *ticket)
{
    struct mu_msg msg = { .op = MU_OP_TICKET_CANCEL };
    msg.ticket_cancel = (struct mu_msg_ticket_cancel){ .player = "" };
    memcpy(msg.ticket_cancel.ticket, ticket, MU_ID_MAX + 1);
    (void)world_ask(world, &msg);
    world_expect(world, MU_OP_TICKET);
}

static void test_scan_and_since(void **state)
{
    struct world *world = *state;
    static char tickets[150][MU_ID_MAX + 1];
    enqueue_many(world, 150, tickets);
    char after[MU_ID_MAX + 1] = "";
    uint32_t seen = 0;
    bool more = true;
    while (more) {
        const struct mu_msg_changes *changes = scan(world, after);
        assert_true(changes->snapshot);
        assert_int_equal(changes->head, 150);
        more = changes->more;
        for (uint32_t i = 0; i < changes->changes_count; i++) {
            assert_string_equal(changes->changes[i].id, tickets[seen++]); /* ids ascend */
            assert_true(changes->changes[i].record.size > 0);
            memcpy(after, changes->changes[i].id, sizeof after);
        }
    }
    assert_int_equal(seen, 150);
    cancel(world, tickets[0]);
    assert_int_equal(scan(world, "")->changes_count, 64);
    assert_string_equal(world->reply.changes.changes[0].id, tickets[1]); /* it is gone */

    uint64_t seq = 0;
    more = true;
    while (more) {
        const struct mu_msg_changes *changes = since(world, seq, 0);
        assert_false(changes->snapshot || changes->forgotten);
        more = changes->more;
        for (uint32_t i = 0; i < changes->changes_count; i++) {
            assert_int_equal(changes->changes[i].seq, ++seq);
        }
    }
    assert_int_equal(seq, 151);
    struct mu_msg ticket;
    const struct mu_msg_change *last = &world->reply.changes.changes[151 - 128 - 1];
    assert_int_equal(
        mu_msg_decode(world->decoder, MU_OP_TICKET, last->record.data, last->record.size, &ticket),
        0);
    assert_string_equal(ticket.ticket.id, tickets[0]);
    assert_int_equal(ticket.ticket.state, MU_TICKET_CANCELLED);
    assert_int_equal(since(world, 151, 0)->changes_count, 0);
    assert_false(world->reply.changes.more);
    assert_true(since(world, 152, 0)->forgotten); /* a future: of a store before its restore */
    assert_int_equal(world->reply.changes.head, 151);
    struct mu_msg msg = { .op = MU_OP_FOLLOW_SCAN };
    msg.follow_scan = (struct mu_msg_follow_scan){ .partition = "queue/mars" };
    (void)world_ask(world, &msg);
    world_expect_error(world, MU_ERROR_NOT_FOUND);
}

/* One who reads along without owning the partition. */
struct reader {
    struct mu_follow follow;
    struct mu_outbox *out;
    uint32_t seen; /* changes, the snapshot's too */
    char last[MU_ID_MAX + 1];
};

static void read_change(void *owner, const struct mu_msg_change *object, const struct mu_event *ev,
                        struct mu_outbox *out)
{
    struct reader *reader = owner;
    (void)ev;
    (void)out;
    reader->seen++;
    memcpy(reader->last, object->id, sizeof reader->last);
}

/* Asks the store what the reader wants to know, until it knows all. */
static void read_along(struct world *world, struct reader *reader, enum mu_event_type first)
{
    struct mu_msg request;
    struct mu_event event = { .type = first, .now_ms = world->now_ms };
    mu_follow_tick(&reader->follow, &event, reader->out);
    for (uint32_t i = 0; i < 100 && reader->out->count > 0; i++) {
        const struct mu_outbox_entry entry = reader->out->entries[0];
        assert_int_equal(reader->out->count, 1);
        assert_int_equal(entry.envelope.fence, 0);
        assert_int_not_equal(entry.envelope.op, MU_OP_EPOCH_TAKE);
        assert_int_equal(mu_msg_decode(world->decoder, (uint32_t)entry.envelope.op,
                                       reader->out->bytes + entry.offset, entry.size, &request),
                         0);
        mu_outbox_clear(reader->out);
        const struct mu_msg_envelope envelope = {
            .frame = MU_FRAME_REPLY,
            .answers_incarnation = entry.envelope.incarnation,
            .answers_sequence = entry.envelope.sequence,
        };
        event.type = MU_EV_MESSAGE;
        event.envelope = &envelope;
        event.msg = world_ask(world, &request);
        assert_int_equal(
            mu_follow_message(&reader->follow, &event, reader->out, read_change, reader), 1);
    }
    assert_true(mu_follow_serving(&reader->follow));
}

static void test_readers_fence_nobody(void **state)
{
    struct world *world = *state;
    static char tickets[150][MU_ID_MAX + 1];
    struct reader readers[2];
    enqueue_many(world, 150, tickets);
    take(world, queue, 11);
    uint64_t epoch = world->reply.epoch.epoch;
    for (uint32_t i = 0; i < 2; i++) {
        const struct mu_actor_env env = { .partition = "", .incarnation = 21 + i };
        readers[i] = (struct reader){ .out = mu_outbox_create(env.incarnation) };
        assert_non_null(readers[i].out);
        mu_follow_init_reader(&readers[i].follow, &env, queue);
        read_along(world, &readers[i], MU_EV_START);
        assert_int_equal(readers[i].seen, 150);
        assert_int_equal(readers[i].follow.epoch, 0);
    }
    cancel(world, tickets[7]);
    cancel(world, tickets[9]);
    world_advance(world, MU_FOLLOW_READ_MS);
    for (uint32_t i = 0; i < 2; i++) {
        read_along(world, &readers[i], MU_EV_TIMER);
        assert_int_equal(readers[i].seen, 152);
        assert_string_equal(readers[i].last, tickets[9]);
        mu_outbox_destroy(readers[i].out);
    }
    (void)since(world, 152, epoch); /* the owner has its epoch still */
    world_expect(world, MU_OP_CHANGES);
}

static void test_one_entry_a_batch(void **state)
{
    struct world *world = *state;
    static char tickets[3][MU_ID_MAX + 1];
    enqueue_many(world, 3, tickets);
    struct mu_msg msg = { .op = MU_OP_TICKET_CANCEL };
    for (int i = 0; i < 6; i++) { /* each ticket twice in a batch */
        msg.ticket_cancel = (struct mu_msg_ticket_cancel){ .player = "" };
        memcpy(msg.ticket_cancel.ticket, tickets[i % 3], MU_ID_MAX + 1);
        assert_int_equal(world_step(world, &msg, (struct world_with){ 0 }), 0);
    }
    assert_int_equal(world_batch_end(world), 0);
    assert_int_equal(world->replies_count, 6);
    assert_int_equal(world->changes_count, 3);
    assert_int_equal(world->head, 6);
    world_restart(world, false);
    assert_int_equal(since(world, 3, 0)->changes_count, 3);
}

static void test_log_is_trimmed(void **state)
{
    struct world *world = *state;
    static char tickets[40][MU_ID_MAX + 1];
    world->config.settings.log_keep = 16;
    enqueue_many(world, 40, tickets);
    assert_true(since(world, 0, 0)->forgotten);
    assert_true(since(world, 23, 0)->forgotten);
    assert_false(since(world, 24, 0)->forgotten);
    assert_int_equal(world->reply.changes.changes_count, 16);
    world->config.settings.log_keep = 1000; /* more room does not bring back what is gone */
    world_restart(world, false);
    assert_true(since(world, 23, 0)->forgotten);
    world->config.settings.log_keep = 8; /* less: it is reached step by step */
    for (int i = 0; i < 4; i++) {
        cancel(world, tickets[i]);
    }
    assert_true(since(world, 35, 0)->forgotten);
    assert_false(since(world, 36, 0)->forgotten);
    assert_int_equal(world->reply.changes.changes_count, 8);
}

static void test_damaged_log(void **state)
{
    struct world *world = *state;
    static char tickets[5][MU_ID_MAX + 1];
    enqueue_many(world, 5, tickets);
    struct mu_key key;
    mu_key_begin(&key);
    mu_key_text(&key, queue);
    mu_key_u64(&key, 3);
    assert_int_equal(world->store->ops->del(world->store, MU_TABLE_LOG, mu_key_slice(&key)), 0);
    struct mu_msg msg = { .op = MU_OP_FOLLOW_SINCE };
    msg.follow_since = (struct mu_msg_follow_since){ .seq = 2 };
    memcpy(msg.follow_since.partition, queue, sizeof queue);
    assert_int_equal(world_step(world, &msg, (struct world_with){ 0 }), 0);
    assert_int_equal(mu_msg_decode(world->decoder, MU_OP_CHANGES, world->out->bytes,
                                   world->out->entries[0].size, &world->reply),
                     0);
    assert_true(world->reply.changes.forgotten); /* rather a new snapshot than a gap */
}

/* More objects in one batch than are pushed: all are logged, the follower finds them. */
static void test_more_than_is_pushed(void **state)
{
    struct world *world = *state;
    enum { COUNT = MU_STORE_TOUCHED_MAX + 10 };
    struct mu_msg msg = { .op = MU_OP_SERVER_REGISTER };
    msg.server_register = (struct mu_msg_server_register){
        .ip = "192.0.2.7",
        .port = 7777,
        .slots = 1,
        .region = "eu-west-1",
        .key_hash = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    };
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(world_step(world, &msg, (struct world_with){ 0 }), 0);
        mu_outbox_clear(world->out);
    }
    assert_int_equal(world_batch_end(world), 0);
    assert_int_equal(world->changes_count, 10);
    assert_int_equal(world->changes[0].seq, MU_STORE_TOUCHED_MAX + 1); /* a gap that is seen */
    assert_int_equal(world->head, COUNT);
    take(world, "lobby/0", 5);
    assert_int_equal(world->reply.epoch.log_seq, COUNT);
}

/* Events. */

static const struct mu_msg_events_end *events(struct world *world, const char *player,
                                              uint64_t after, uint64_t limit)
{
    struct mu_msg msg = { .op = MU_OP_EVENTS_GET };
    msg.events_get = (struct mu_msg_events_get){ .after = after, .limit = limit };
    (void)snprintf(msg.events_get.player, sizeof msg.events_get.player, "%s", player);
    return &world_ask(world, &msg)->events_end;
}

static void test_events(void **state)
{
    struct world *world = *state;
    char host[MU_ID_MAX + 1];
    char guest[MU_ID_MAX + 1];
    world->config.settings.events_keep = 20;
    world_register(world, "host", host);
    world_register(world, "guest", guest);
    assert_int_equal(events(world, host, 0, 0)->newest, 0);
    struct mu_msg msg = { .op = MU_OP_LOBBY_CREATE };
    msg.lobby_create = (struct mu_msg_lobby_create){ .mode = "casual" };
    memcpy(msg.lobby_create.host, host, sizeof host);
    (void)world_ask(world, &msg);
    world_expect(world, MU_OP_LOBBY);
    char lobby[MU_ID_MAX + 1];
    memcpy(lobby, world->reply.lobby.id, sizeof lobby);
    for (int i = 0; i < 15; i++) { /* the host is told of each coming and going */
        msg.op = MU_OP_LOBBY_JOIN;
        msg.lobby_join = (struct mu_msg_lobby_join){ .password = "" };
        memcpy(msg.lobby_join.lobby, lobby, sizeof lobby);
        memcpy(msg.lobby_join.player, guest, sizeof guest);
        (void)world_ask(world, &msg);
        world_expect(world, MU_OP_LOBBY);
        assert_int_equal(world->events[0].seq, 2 * i + 1);
        msg.op = MU_OP_LOBBY_LEAVE;
        msg.lobby_leave = (struct mu_msg_lobby_leave){ .reason = MU_REASON_LEFT };
        memcpy(msg.lobby_leave.lobby, lobby, sizeof lobby);
        memcpy(msg.lobby_leave.player, guest, sizeof guest);
        (void)world_ask(world, &msg);
    }
    const struct mu_msg_events_end *page = events(world, host, 0, 0);
    assert_int_equal(page->newest, 30);
    assert_int_equal(page->events_count, MU_STORE_EVENTS_PAGE);
    assert_int_equal(page->events[0].seq, 11); /* the last 20 are kept */
    assert_int_equal(page->events[0].kind, MU_EVENT_PLAYER_JOINED);
    assert_string_equal(page->events[0].subject.id, guest);
    assert_int_equal(page->last, 18);
    page = events(world, host, 18, 3);
    assert_int_equal(page->events_count, 3);
    assert_int_equal(page->events[2].seq, 21);
    page = events(world, host, 29, 64);
    assert_int_equal(page->events_count, 1);
    page = events(world, host, 30, 64);
    assert_int_equal(page->events_count, 0);
    assert_int_equal(page->last, 30);
    assert_int_equal(events(world, guest, 0, 0)->newest, 0);
    (void)events(world, "ply_nobody", 0, 0);
    world_expect_error(world, MU_ERROR_PLAYER_NOT_FOUND);
    (void)events(world, "", 0, 0);
    world_expect_error(world, MU_ERROR_PLAYER_NOT_FOUND);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_epoch),
        TEST(test_scan_and_since),
        TEST(test_readers_fence_nobody),
        TEST(test_one_entry_a_batch),
        TEST(test_log_is_trimmed),
        TEST(test_damaged_log),
        TEST(test_more_than_is_pushed),
        TEST(test_events),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
