#include "tests/unit/store_world.h"

#include <string.h>

#include "actors/audit.h"
#include "core/address.h"
#include "core/placement.h"
#include "storage/mem.h"

static void start(struct world *world)
{
    const struct mu_actor_env env = {
        .partition = "",
        .seed = world->seed,
        .incarnation = world->seed + 1,
        .config = &world->config,
        .store = world->store,
    };
    world->seed += 1000003;
    assert_int_equal(mu_store_actor_ops.create(&env, &world->actor), 0);
    const struct mu_event ev = { .type = MU_EV_START,
                                 .now_ms = world->now_ms,
                                 .wall_ms = world->wall_ms };
    assert_int_equal(mu_store_actor_ops.step(world->actor, &ev, world->out), 0);
}

struct world *world_create(uint64_t seed)
{
    return world_create_on(mu_mem_create(), seed);
}

static uint64_t worlds; /* so far */

struct world *world_create_on(struct mu_store *store, uint64_t seed)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->store = store;
    world->out = mu_outbox_create(77);
    world->decoder = mu_decoder_create();
    world->reply_bytes = malloc(MU_BODY_MAX);
    world->events = calloc(WORLD_EVENTS_MAX, sizeof *world->events);
    world->changes = calloc(WORLD_CHANGES_MAX, sizeof *world->changes);
    assert_true(world->store != NULL && world->out != NULL && world->decoder != NULL);
    assert_true(world->reply_bytes != NULL && world->events != NULL);
    mu_config_default(&world->config);
    world->now_ms = 1000;
    world->wall_ms = 1800000000000;
    world->seed = seed;
    world->ids.rng.state = seed;
    world->lives = 1000 * ++worlds;
    start(world);
    return world;
}

void world_destroy(struct world *world)
{
    world->actor->ops->destroy(world->actor);
    world->store->ops->destroy(world->store);
    mu_outbox_destroy(world->out);
    mu_decoder_destroy(world->decoder);
    free(world->reply_bytes);
    free(world->events);
    free(world->changes);
    free(world);
}

void world_restart(struct world *world, bool keep_staged)
{
    world->actor->ops->destroy(world->actor);
    mu_mem_crash(world->store, keep_staged);
    mu_outbox_clear(world->out);
    start(world);
}

/* Who sends it: who asks for a partition, its owner, or anybody. */
static uint64_t sender_of(const struct world *world, const struct mu_msg *msg, uint64_t fence)
{
    if (msg->op == MU_OP_EPOCH_TAKE) {
        return msg->epoch_take.incarnation;
    }
    return fence == 0 ? 5 : world->owners[fence % WORLD_OWNERS];
}

int world_step(struct world *world, const struct mu_msg *msg, struct world_with with)
{
    struct mu_msg_envelope envelope = {
        .version = 1,
        .frame = MU_FRAME_REQUEST,
        .op = msg->op,
        .source = "#00000000000000aa",
        .destination = "store",
        .incarnation = sender_of(world, msg, with.fence),
        .sequence = ++world->sequence,
        .budget_ms = 1000,
        .fence = with.fence,
    };
    if (with.key != NULL) {
        (void)snprintf(envelope.idempotency_key, sizeof envelope.idempotency_key, "%s", with.key);
    }
    const struct mu_event ev = {
        .type = MU_EV_MESSAGE,
        .now_ms = world->now_ms,
        .wall_ms = world->wall_ms,
        .envelope = &envelope,
        .msg = msg,
    };
    return world->actor->ops->step(world->actor, &ev, world->out);
}

static void take_changes(struct world *world, const struct mu_msg_changes *changes)
{
    world->head = changes->head;
    for (uint32_t i = 0; i < changes->changes_count; i++) {
        assert_true(world->changes_count < WORLD_CHANGES_MAX);
        struct world_change *change = &world->changes[world->changes_count++];
        memcpy(change->partition, changes->partition, sizeof change->partition);
        memcpy(change->id, changes->changes[i].id, sizeof change->id);
        change->seq = changes->changes[i].seq;
        change->table = changes->changes[i].table;
        change->found = changes->changes[i].record.size > 0;
    }
}

static void take_entry(struct world *world, const struct mu_outbox_entry *entry)
{
    const uint8_t *bytes = world->out->bytes + entry->offset;
    struct mu_msg *msg = &world->reply;
    if (entry->envelope.frame == MU_FRAME_REPLY) {
        world->replies_count++;
        memcpy(world->reply_bytes, bytes, entry->size);
        world->reply_size = entry->size;
        return; /* decoded last: BYTES point into reply_bytes */
    }
    assert_int_equal(entry->envelope.frame, MU_FRAME_EVENT);
    assert_int_equal(
        mu_msg_decode(world->decoder, (uint32_t)entry->envelope.op, bytes, entry->size, msg), 0);
    if (msg->op == MU_OP_CHANGES) {
        assert_string_equal(entry->envelope.destination, msg->changes.partition);
        take_changes(world, &msg->changes);
        return;
    }
    assert_int_equal(msg->op, MU_OP_EVENT);
    assert_true(world->events_count < WORLD_EVENTS_MAX);
    char to[MU_ADDRESS_MAX + 1];
    mu_address_player(msg->event.player, to);
    assert_string_equal(entry->envelope.destination, to);
    world->events[world->events_count++] = msg->event;
}

int world_batch_end(struct world *world)
{
    const struct mu_event ev = { .type = MU_EV_BATCH_END,
                                 .now_ms = world->now_ms,
                                 .wall_ms = world->wall_ms };
    int r = world->actor->ops->step(world->actor, &ev, world->out);
    if (r != 0) {
        mu_outbox_clear(world->out);
        return r;
    }
    world->replies_count = 0;
    world->events_count = 0;
    world->changes_count = 0;
    uint64_t op = MU_OP_NONE;
    for (uint32_t i = 0; i < world->out->count; i++) {
        const struct mu_outbox_entry *entry = &world->out->entries[i];
        take_entry(world, entry);
        op = entry->envelope.frame == MU_FRAME_REPLY ? entry->envelope.op : op;
    }
    world->notes[0] = '\0';
    for (uint32_t i = 0; i < world->out->notes_count; i++) {
        size_t used = strlen(world->notes);
        (void)snprintf(world->notes + used, sizeof world->notes - used, "%s\n",
                       world->out->notes[i]);
    }
    mu_outbox_clear(world->out);
    if (op != MU_OP_NONE) {
        assert_int_equal(mu_msg_decode(world->decoder, (uint32_t)op, world->reply_bytes,
                                       world->reply_size, &world->reply),
                         0);
    }
    if (op == MU_OP_EPOCH) {
        const struct mu_msg_epoch *epoch = &world->reply.epoch;
        world->owners[epoch->epoch % WORLD_OWNERS] = epoch->incarnation;
    }
    char error[256];
    if (mu_store_audit(world->store, error, sizeof error) != 0) {
        fail_msg("audit: %s", error);
    }
    return 0;
}

const struct mu_msg *world_ask_with(struct world *world, const struct mu_msg *msg,
                                    struct world_with with)
{
    assert_int_equal(world_step(world, msg, with), 0);
    assert_int_equal(world_batch_end(world), 0);
    assert_int_equal(world->replies_count, 1);
    if (world->sequence % 16 == 0) { /* it audits once more */
        world->actor->ops->check(world->actor);
    }
    return &world->reply;
}

const struct mu_msg *world_ask(struct world *world, const struct mu_msg *msg)
{
    return world_ask_with(world, msg, (struct world_with){ 0 });
}

void world_advance(struct world *world, int64_t ms)
{
    int64_t until = world->now_ms + ms;
    int64_t due = world->actor->ops->deadline(world->actor);
    while (due <= until) {
        world->wall_ms += due > world->now_ms ? due - world->now_ms : 0;
        world->now_ms = due > world->now_ms ? due : world->now_ms;
        const struct mu_event ev = { .type = MU_EV_TIMER,
                                     .now_ms = world->now_ms,
                                     .wall_ms = world->wall_ms };
        assert_int_equal(world->actor->ops->step(world->actor, &ev, world->out), 0);
        assert_int_equal(world_batch_end(world), 0);
        int64_t next = world->actor->ops->deadline(world->actor);
        assert_true(next > world->now_ms);
        due = next;
    }
    world->wall_ms += until - world->now_ms;
    world->now_ms = until;
}

void world_expect(struct world *world, enum mu_op op)
{
    if (world->reply.op != op) {
        char text[512];
        mu_msg_print(&world->reply, text, sizeof text);
        fail_msg("wanted %s, got %s", mu_msg_layout(op)->name, text);
    }
}

void world_expect_error(struct world *world, enum mu_error error)
{
    world_expect(world, MU_OP_ERROR);
    assert_string_equal(mu_error_info((uint32_t)world->reply.error.code)->name,
                        mu_error_info(error)->name);
}

uint32_t world_events(struct world *world, const char *player, enum mu_event_kind kind,
                      const struct mu_msg_event **ret)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->events_count; i++) {
        const struct mu_msg_event *event = &world->events[i];
        if (event->kind == kind && strcmp(event->player, player) == 0) {
            *ret = event;
            count++;
        }
    }
    return count;
}

bool world_pushed(struct world *world, const char *partition, const char *id)
{
    for (uint32_t i = 0; i < world->changes_count; i++) {
        if (strcmp(world->changes[i].partition, partition) == 0 &&
            strcmp(world->changes[i].id, id) == 0) {
            assert_true(world->changes[i].found);
            return true;
        }
    }
    return false;
}

void world_register(struct world *world, const char *username, char ret[MU_ID_MAX + 1])
{
    struct mu_msg msg = { .op = MU_OP_PLAYER_REGISTER };
    msg.player_register = (struct mu_msg_player_register){ .region = "eu-west-1" };
    (void)snprintf(msg.player_register.username, sizeof msg.player_register.username, "%s",
                   username);
    (void)world_ask(world, &msg);
    world_expect(world, MU_OP_PLAYER);
    memcpy(ret, world->reply.player.id, MU_ID_MAX + 1);
}

static uint32_t index_of(const struct world *world, const char *partition)
{
    int32_t index = mu_placement_index(partition);
    if (index < 0) {
        int32_t region = mu_config_region(&world->config, partition + strlen("queue/"));
        assert_in_range(region, 0, 6);
        index = MU_LOBBIES_MAX + region;
    }
    return (uint32_t)index;
}

/* Owners of different partitions with the same epoch are the same process. */
uint64_t world_epoch(struct world *world, const char *partition)
{
    struct mu_msg msg = { .op = MU_OP_EPOCH_TAKE };
    uint64_t takes = ++world->takes[index_of(world, partition)];
    msg.epoch_take = (struct mu_msg_epoch_take){ .incarnation = world->lives + takes };
    (void)snprintf(msg.epoch_take.partition, sizeof msg.epoch_take.partition, "%s", partition);
    (void)world_ask(world, &msg);
    world_expect(world, MU_OP_EPOCH);
    return world->reply.epoch.epoch;
}

uint64_t world_fence(struct world *world, const char *partition)
{
    uint32_t index = index_of(world, partition);
    if (world->epochs[index] == 0) {
        world->epochs[index] = world_epoch(world, partition);
    }
    return world->epochs[index];
}

void world_enqueue(struct world *world, const char *mode, const char *region, uint32_t count,
                   char (*players)[MU_ID_MAX + 1], char ret[MU_ID_MAX + 1])
{
    struct mu_msg msg = { .op = MU_OP_TICKET_ADD };
    char partition[MU_ADDRESS_MAX + 1];
    mu_address_queue(region, partition);
    struct world_with with = { .fence = world_fence(world, partition) };
    msg.ticket_add = (struct mu_msg_ticket_add){ .players_count = count };
    (void)snprintf(msg.ticket_add.mode, sizeof msg.ticket_add.mode, "%s", mode);
    (void)snprintf(msg.ticket_add.region, sizeof msg.ticket_add.region, "%s", region);
    for (uint32_t i = 0; i < count; i++) {
        memcpy(msg.ticket_add.players[i].id, players[i], MU_ID_MAX + 1);
    }
    (void)world_ask_with(world, &msg, with);
    world_expect(world, MU_OP_TICKET);
    memcpy(ret, world->reply.ticket.id, MU_ID_MAX + 1);
}

void world_form(struct world *world, const char *mode, const char *region, uint32_t count,
                char (*players)[MU_ID_MAX + 1], char ret[MU_ID_MAX + 1])
{
    struct mu_msg msg = { .op = MU_OP_MATCH_COMMIT };
    struct mu_msg_match_commit *commit = &msg.match_commit;
    *commit = (struct mu_msg_match_commit){ .quality = 0.9, .tickets_count = count };
    uint32_t teams = world->config.modes[mu_config_mode(&world->config, mode)].teams;
    for (uint32_t i = 0; i < count; i++) {
        world_enqueue(world, mode, region, 1, players + i, commit->tickets[i].id);
        commit->tickets[i].version = 1;
        commit->tickets[i].team = i % teams;
    }
    mu_id_make(&world->ids, MU_ID_PREFIX_MATCH, world->wall_ms, commit->match);
    (void)snprintf(commit->mode, sizeof commit->mode, "%s", mode);
    (void)snprintf(commit->region, sizeof commit->region, "%s", region);
    mu_address_queue(region, commit->shard);
    memcpy(ret, commit->match, sizeof commit->match);
    struct world_with with = { .fence = world_fence(world, commit->shard) };
    (void)world_ask_with(world, &msg, with);
    world_expect(world, MU_OP_MATCH_COMMITTED);
    assert_true(world->reply.match_committed.committed);
}

void world_server(struct world *world, const char *region, uint32_t slots, char ret[MU_ID_MAX + 1])
{
    struct mu_msg msg = { .op = MU_OP_SERVER_REGISTER };
    msg.server_register = (struct mu_msg_server_register){
        .ip = "192.0.2.7",
        .port = 7777,
        .slots = slots,
        .key_hash = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    };
    (void)snprintf(msg.server_register.region, sizeof msg.server_register.region, "%s", region);
    (void)world_ask(world, &msg);
    world_expect(world, MU_OP_SERVER);
    memcpy(ret, world->reply.server.id, MU_ID_MAX + 1);
}

struct mu_msg world_player_get(const char *id)
{
    struct mu_msg msg = { .op = MU_OP_PLAYER_GET };
    (void)snprintf(msg.player_get.id, sizeof msg.player_get.id, "%s", id);
    return msg;
}

struct mu_msg world_ticket_get(const char *id)
{
    struct mu_msg msg = { .op = MU_OP_TICKET_GET };
    (void)snprintf(msg.ticket_get.ticket, sizeof msg.ticket_get.ticket, "%s", id);
    return msg;
}

struct mu_msg world_match_get(const char *id)
{
    struct mu_msg msg = { .op = MU_OP_MATCH_GET };
    (void)snprintf(msg.match_get.id, sizeof msg.match_get.id, "%s", id);
    return msg;
}
