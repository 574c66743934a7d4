#include "tests/unit/lobby_host.h"

#include <assert.h>
#include <string.h>

#include "actors/password.h"
#include "core/placement.h"

void lobby_host_create(struct lobby_host *host, uint64_t seed)
{
    lobby_host_create_in(host, seed, 0, 1);
}

void lobby_host_create_in(struct lobby_host *host, uint64_t seed, uint32_t index, uint64_t lobbies)
{
    memset(host, 0, sizeof *host);
    host->now_ms = 1000;
    host->wall_ms = INT64_C(1700000000000);
    mu_config_default(&host->config);
    host->config.settings.password_memory_kib = 8; /* the tests are not about its cost */
    host->config.settings.password_passes = 1;
    host->config.settings.lobbies = lobbies;
    mu_address_lobby(index, host->partition);
    host->out = mu_outbox_create(LOBBY_HOST_SELF);
    host->decoder = mu_decoder_create();
    assert_non_null(host->out);
    assert_non_null(host->decoder);
    const struct mu_actor_env env = {
        .partition = host->partition,
        .seed = seed,
        .incarnation = LOBBY_HOST_SELF,
        .config = &host->config,
    };
    assert_int_equal(mu_lobby_ops.create(&env, &host->lobby), 0);
}

void lobby_host_destroy(struct lobby_host *host)
{
    host->lobby->ops->destroy(host->lobby);
    mu_outbox_destroy(host->out);
    mu_decoder_destroy(host->decoder);
}

/* Keeps what was sent and empties the outbox. */
static void collect(struct lobby_host *host)
{
    for (uint32_t i = 0; i < host->out->count; i++) {
        const struct mu_outbox_entry *entry = &host->out->entries[i];
        assert_true(host->sent_count < LOBBY_HOST_SENT_MAX);
        assert_true(host->bytes_used + entry->size <= sizeof host->bytes);
        host->sent[host->sent_count++] = (struct lobby_host_sent){
            .envelope = entry->envelope,
            .offset = host->bytes_used,
            .size = entry->size,
        };
        memcpy(host->bytes + host->bytes_used, host->out->bytes + entry->offset, entry->size);
        host->bytes_used += entry->size;
    }
    mu_outbox_clear(host->out);
}

static void step(struct lobby_host *host, const struct mu_event *ev)
{
    host->result = host->lobby->ops->step(host->lobby, ev, host->out);
    if (host->result == 0) {
        const struct mu_event end = { .type = MU_EV_BATCH_END,
                                      .now_ms = host->now_ms,
                                      .wall_ms = host->wall_ms };
        host->result = host->lobby->ops->step(host->lobby, &end, host->out);
        host->lobby->ops->check(host->lobby);
    }
    collect(host);
}

static void give(struct lobby_host *host, struct mu_msg_envelope *envelope)
{
    envelope->version = 1;
    envelope->op = host->msg.op;
    envelope->sequence = ++host->sequence;
    const struct mu_event ev = {
        .type = MU_EV_MESSAGE,
        .now_ms = host->now_ms,
        .wall_ms = host->wall_ms,
        .envelope = envelope,
        .msg = &host->msg,
    };
    step(host, &ev);
}

void lobby_host_event(struct lobby_host *host, uint64_t from)
{
    struct mu_msg_envelope envelope = { .frame = MU_FRAME_EVENT, .incarnation = from };
    give(host, &envelope);
}

struct mu_msg_envelope lobby_host_request(struct lobby_host *host, const char *key)
{
    struct mu_msg_envelope envelope = {
        .frame = MU_FRAME_REQUEST,
        .source = "#00000000000000aa",
        .incarnation = 0xaa,
        .budget_ms = 5000,
    };
    (void)snprintf(envelope.idempotency_key, sizeof envelope.idempotency_key, "%s", key);
    give(host, &envelope);
    return envelope;
}

void lobby_host_answer(struct lobby_host *host, const struct mu_msg_envelope *request)
{
    struct mu_msg_envelope envelope = {
        .frame = MU_FRAME_REPLY,
        .source = "#00000000000000bb",
        .incarnation = 0xbb,
        .answers_incarnation = request->incarnation,
        .answers_sequence = request->sequence,
    };
    give(host, &envelope);
}

void lobby_host_error(struct lobby_host *host, const struct mu_msg_envelope *request,
                      enum mu_error error)
{
    host->msg.op = MU_OP_ERROR;
    host->msg.error = (struct mu_msg_error){ .code = error };
    lobby_host_answer(host, request);
}

static void begin_changes(struct lobby_host *host, bool snapshot)
{
    host->msg.op = MU_OP_CHANGES;
    host->msg.changes.snapshot = snapshot;
    host->msg.changes.more = false;
    host->msg.changes.forgotten = false;
    host->msg.changes.head = host->seq;
    host->msg.changes.changes_count = 0;
    memcpy(host->msg.changes.partition, host->partition, sizeof host->partition);
}

static enum mu_table table_of(const struct mu_msg *record)
{
    return record->op == MU_OP_LOBBY   ? MU_TABLE_LOBBY
           : record->op == MU_OP_MATCH ? MU_TABLE_MATCH
                                       : MU_TABLE_SERVER;
}

static const char *id_of(const struct mu_msg *record)
{
    return record->op == MU_OP_LOBBY   ? record->lobby.id
           : record->op == MU_OP_MATCH ? record->match.id
                                       : record->server.id;
}

/* Adds a change; *used counts the bytes of host->record. */
static void add_change(struct lobby_host *host, uint64_t seq, enum mu_table table, const char *id,
                       const struct mu_msg *record, uint32_t *used)
{
    struct mu_msg_change *change = &host->msg.changes.changes[host->msg.changes.changes_count++];
    int64_t size = 0;
    if (record != NULL) {
        size = mu_msg_encode(record, host->encoded + *used, sizeof host->encoded - *used);
        assert_true(size > 0);
    }
    *change = (struct mu_msg_change){
        .seq = seq,
        .table = table,
        .record = { host->encoded + *used, (uint32_t)size },
    };
    (void)snprintf(change->id, sizeof change->id, "%s", id);
    *used += (uint32_t)size;
}

void lobby_host_push(struct lobby_host *host, enum mu_table table, const char *id,
                     const struct mu_msg *record)
{
    uint32_t used = 0;
    host->seq++;
    begin_changes(host, false);
    add_change(host, host->seq, table, id, record, &used);
    lobby_host_event(host, 0xbb);
}

void lobby_host_snapshot(struct lobby_host *host, const struct mu_msg *records[], uint32_t count)
{
    const struct mu_msg_envelope *asked = lobby_host_find(host, MU_OP_FOLLOW_SCAN, 0);
    assert_non_null(asked);
    uint32_t used = 0;
    begin_changes(host, true);
    for (uint32_t i = 0; i < count; i++) {
        add_change(host, 0, table_of(records[i]), id_of(records[i]), records[i], &used);
    }
    lobby_host_answer(host, asked);
    asked = lobby_host_find(host, MU_OP_FOLLOW_SINCE, 0);
    assert_non_null(asked);
    begin_changes(host, false);
    lobby_host_answer(host, asked);
    lobby_host_forget(host);
}

void lobby_host_tell(struct lobby_host *host, enum mu_event_type type)
{
    const struct mu_event event = { .type = type,
                                    .now_ms = host->now_ms,
                                    .wall_ms = host->wall_ms };
    step(host, &event);
}

void lobby_host_boot(struct lobby_host *host)
{
    lobby_host_tell(host, MU_EV_START);
    const struct mu_msg_envelope *asked = lobby_host_find(host, MU_OP_EPOCH_TAKE, 0);
    assert_non_null(asked);
    assert_string_equal(host->got.epoch_take.partition, host->partition);
    host->msg.op = MU_OP_EPOCH;
    host->msg.epoch = (struct mu_msg_epoch){
        .epoch = LOBBY_HOST_EPOCH,
        .log_seq = host->seq,
        .incarnation = LOBBY_HOST_SELF,
    };
    lobby_host_answer(host, asked);
}

/* Answers a poll of the log, if the last step sent one. */
static void answer_poll(struct lobby_host *host, uint32_t before)
{
    for (uint32_t i = before; i < host->sent_count; i++) {
        if (host->sent[i].envelope.op == MU_OP_FOLLOW_SINCE) {
            const struct mu_msg_envelope asked = host->sent[i].envelope;
            host->sent[i].envelope.op = MU_OP_NONE; /* answered: not shown to the test */
            begin_changes(host, false);
            lobby_host_answer(host, &asked);
            return;
        }
    }
}

void lobby_host_wait(struct lobby_host *host, int64_t ms)
{
    int64_t until = host->now_ms + ms;
    for (;;) {
        int64_t deadline = host->lobby->ops->deadline(host->lobby);
        if (deadline > until) {
            break;
        }
        int64_t passed = deadline > host->now_ms ? deadline - host->now_ms : 0;
        host->now_ms += passed;
        host->wall_ms += passed;
        uint32_t before = host->sent_count;
        lobby_host_tell(host, MU_EV_TIMER);
        assert_int_equal(host->result, 0);
        answer_poll(host, before);
        /* A timer that is due again at once would spin. */
        assert_true(host->lobby->ops->deadline(host->lobby) > host->now_ms ||
                    host->sent_count > before);
    }
    host->wall_ms += until - host->now_ms;
    host->now_ms = until;
}

const struct mu_msg_envelope *lobby_host_find(struct lobby_host *host, enum mu_op op, uint32_t nth)
{
    for (uint32_t i = 0; i < host->sent_count; i++) {
        const struct lobby_host_sent *sent = &host->sent[i];
        if (sent->envelope.op == op && nth-- == 0) {
            assert_int_equal(mu_msg_decode(host->decoder, op, host->bytes + sent->offset,
                                           sent->size, &host->got),
                             0);
            return &sent->envelope;
        }
    }
    return NULL;
}

uint32_t lobby_host_count(const struct lobby_host *host, enum mu_op op)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < host->sent_count; i++) {
        count += host->sent[i].envelope.op == op ? 1 : 0;
    }
    return count;
}

void lobby_host_forget(struct lobby_host *host)
{
    host->sent_count = 0;
    host->bytes_used = 0;
}

uint64_t lobby_host_counter(struct lobby_host *host, uint32_t counter)
{
    static struct mu_msg_stats stats;
    host->lobby->ops->stats(host->lobby, host->now_ms, &stats);
    for (uint32_t i = 0; i < stats.counters_count; i++) {
        if (stats.counters[i].counter == counter) {
            return stats.counters[i].value;
        }
    }
    return 0;
}

void lobby_host_push_record(struct lobby_host *host)
{
    lobby_host_push(host, table_of(&host->record), id_of(&host->record), &host->record);
    assert_int_equal(host->result, 0);
}

void lobby_host_answer_record(struct lobby_host *host, const struct mu_msg_envelope *request)
{
    host->msg = host->record;
    lobby_host_answer(host, request);
}

static void copy_id(char ret[MU_ID_MAX + 1], const char *id)
{
    (void)snprintf(ret, MU_ID_MAX + 1, "%s", id);
}

struct mu_msg_match *lobby_host_match(struct lobby_host *host, const char *id, uint64_t version,
                                      enum mu_match_state state)
{
    struct mu_msg_match *match = &host->record.match;
    host->record.op = MU_OP_MATCH;
    *match = (struct mu_msg_match){ .version = version, .state = state, .teams = 2 };
    copy_id(match->id, id);
    copy_id(match->mode, "ranked");
    copy_id(match->region, "us-east-1");
    if (state == MU_MATCH_LIVE) {
        match->started_ms = (uint64_t)host->wall_ms;
    }
    return match;
}

struct mu_msg_server *lobby_host_server(struct lobby_host *host, const char *id, uint64_t version,
                                        const char *region, struct lobby_host_load load)
{
    struct mu_msg_server *server = &host->record.server;
    host->record.op = MU_OP_SERVER;
    *server = (struct mu_msg_server){
        .version = version,
        .state = MU_SERVER_READY,
        .ip = "192.0.2.1",
        .port = 7777,
        .slots = load.slots,
        .used = load.used,
    };
    copy_id(server->id, id);
    copy_id(server->region, region);
    (void)snprintf(server->key_hash, sizeof server->key_hash, "%064d", 1);
    return server;
}

struct mu_msg_lobby *lobby_host_room(struct lobby_host *host, const char *id, uint64_t version,
                                     const char *password, uint32_t members)
{
    static const uint8_t salt[MU_PASSWORD_SALT_BYTES] = { 1 };
    static const char *const players[] = { LOBBY_HOST_PLAYER, LOBBY_HOST_GUEST };
    const struct mu_password_cost cheap = { .passes = 1, .kib = MU_PASSWORD_KIB_MIN };
    struct mu_msg_lobby *room = &host->record.lobby;
    assert(members <= sizeof players / sizeof players[0]);
    host->record.op = MU_OP_LOBBY;
    *room = (struct mu_msg_lobby){ .version = version, .state = MU_LOBBY_OPEN };
    copy_id(room->id, id);
    copy_id(room->mode, "duel");
    copy_id(room->region, "eu-west-1");
    copy_id(room->host, LOBBY_HOST_PLAYER);
    if (password[0] != '\0') {
        assert_int_equal(mu_password_hash(password, salt, cheap, room->password_hash), 0);
    }
    room->members_count = members;
    for (uint32_t i = 0; i < members; i++) {
        room->members[i] = (struct mu_msg_lobby_member){ .rating = 1200 };
        copy_id(room->members[i].id, players[i]);
    }
    return room;
}

void lobby_host_beat(struct lobby_host *host, const char *server, const char *key_hash)
{
    struct mu_msg_server_beat *beat = &host->msg.server_beat;
    host->msg.op = MU_OP_SERVER_BEAT;
    *beat = (struct mu_msg_server_beat){ .server = "" };
    copy_id(beat->server, server);
    (void)snprintf(beat->key_hash, sizeof beat->key_hash, "%s", key_hash);
    (void)lobby_host_request(host, "");
}

uint64_t lobby_host_refusal(struct lobby_host *host)
{
    assert_int_equal(lobby_host_count(host, MU_OP_ERROR), 1);
    assert_non_null(lobby_host_find(host, MU_OP_ERROR, 0));
    uint64_t code = host->got.error.code;
    lobby_host_forget(host);
    return code;
}
