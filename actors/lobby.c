/* actors/lobby.c - events, dispatch, and what the other actors/lobby_*.c share. */
#include "actors/lobby.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/lobby_state.h"
#include "core/placement.h"
#include "core/store.h"

enum { OWN_BUDGET_MS = 5 * MU_LOBBY_RETRY_MS };

bool mu_lobby_definite(uint64_t error)
{
    int status = mu_error_info((uint32_t)error)->status;
    return status >= 400 && status < 500 && status != 425 && status != 429;
}

void mu_lobby_key(const struct mu_lobby *lobby, uint64_t serial, char ret[MU_ADDRESS_MAX + 1])
{
    (void)snprintf(ret, MU_ADDRESS_MAX + 1, "lobby-%016" PRIx64 "-%" PRIu64, lobby->env.incarnation,
                   serial);
}

uint32_t mu_lobby_ask(struct mu_lobby *lobby, uint32_t call, enum mu_lobby_own kind, uint32_t slot,
                      const char *key)
{
    const struct mu_request request = {
        .to = "store",
        .budget_ms = OWN_BUDGET_MS,
        .fence = lobby->follow.epoch,
        .idempotency_key = key,
    };
    uint64_t sequence = mu_outbox_request(lobby->out, &request, lobby->message);
    int64_t retry_ms = lobby->event->now_ms + MU_LOBBY_RETRY_MS;
    if (call == MU_CALL_NONE) {
        return mu_calls_add(lobby->own, sequence, retry_ms, kind, slot);
    }
    mu_calls_again(lobby->own, call, sequence, retry_ms);
    return call;
}

void mu_lobby_refuse(struct mu_lobby *lobby, const struct mu_msg_envelope *request,
                     enum mu_error error, int64_t retry_ms, const char *detail)
{
    lobby->counters.values[MU_COUNTER_REFUSED]++;
    lobby->message->op = MU_OP_ERROR;
    lobby->message->error = (struct mu_msg_error){
        .code = error,
        .retry_after_ms = retry_ms > 0 ? (uint64_t)retry_ms : 0,
    };
    (void)snprintf(lobby->message->error.detail, sizeof lobby->message->error.detail, "%s", detail);
    mu_outbox_note(lobby->out, "refused %s: %s", mu_error_info(error)->name, detail);
    mu_outbox_reply(lobby->out, request, lobby->message);
}

bool mu_lobby_owns(const struct mu_lobby *lobby, const char *id)
{
    return mu_placement_id(id, lobby->config->settings.lobbies) == lobby->index;
}

bool mu_lobby_elsewhere(struct mu_lobby *lobby, const char *id)
{
    if (mu_lobby_owns(lobby, id)) {
        return false;
    }
    mu_lobby_refuse(lobby, lobby->event->envelope, MU_ERROR_UNAVAILABLE, MU_LOBBY_RETRY_MS,
                    "another lobby partition has it: do the configurations differ?");
    return true;
}

void mu_lobby_overflow(struct mu_lobby *lobby, const char *what)
{
    mu_outbox_note(lobby->out, "no room for another %s: scan anew when there is", what);
    lobby->overflowed = true;
}

/* One object changed: its record as of now, or none. */
static void changed(void *owner, const struct mu_msg_change *change, const struct mu_event *ev,
                    struct mu_outbox *out)
{
    struct mu_lobby *lobby = owner;
    (void)ev;
    static const enum mu_op records[MU_TABLE_END] = {
        [MU_TABLE_LOBBY] = MU_OP_LOBBY,
        [MU_TABLE_MATCH] = MU_OP_MATCH,
        [MU_TABLE_SERVER] = MU_OP_SERVER,
    };
    enum mu_op op = change->table < MU_TABLE_END ? records[change->table] : MU_OP_NONE;
    bool absent = change->record.size == 0;
    if (op == MU_OP_NONE || (!absent && mu_msg_decode(lobby->decoder, op, change->record.data,
                                                      change->record.size, lobby->record) != 0)) {
        lobby->counters.values[MU_COUNTER_DAMAGED]++;
        mu_outbox_note(out, "change of %s does not decode: left out", change->id);
        return;
    }
    if (op == MU_OP_LOBBY) {
        absent ? mu_lobby_room_absent(lobby, change->id)
               : mu_lobby_room_changed(lobby, &lobby->record->lobby);
    } else if (op == MU_OP_MATCH) {
        absent ? mu_lobby_match_absent(lobby, change->id)
               : mu_lobby_match_changed(lobby, &lobby->record->match);
    } else {
        absent ? mu_lobby_server_absent(lobby, change->id)
               : mu_lobby_server_changed(lobby, &lobby->record->server);
    }
}

/* Lets the follower have the message; as mu_follow_message(). */
static int follow(struct mu_lobby *lobby)
{
    enum mu_follow_state before = lobby->follow.state;
    int r = mu_follow_message(&lobby->follow, lobby->event, lobby->out, changed, lobby);
    enum mu_follow_state after = lobby->follow.state;
    if (r > 0 && before != MU_FOLLOW_SCAN && after == MU_FOLLOW_SCAN) {
        lobby->generation++;
    }
    if (r > 0 && before == MU_FOLLOW_SCAN && after != MU_FOLLOW_SCAN) {
        mu_lobby_matches_sweep(lobby);
        mu_lobby_servers_sweep(lobby);
        mu_lobby_rooms_sweep(lobby);
    }
    if (r > 0 && before != MU_FOLLOW_SERVING && after == MU_FOLLOW_SERVING) {
        lobby->place = true;
        mu_outbox_note(lobby->out, "caught up: %u rooms, %u matches, %u servers -> serving",
                       lobby->rooms_slots.count, lobby->matches_slots.count,
                       lobby->servers_slots.count);
    }
    return r;
}

static void take_request(struct mu_lobby *lobby)
{
    static const struct {
        enum mu_op op;
        void (*handle)(struct mu_lobby *lobby);
    } routes[] = {
        { MU_OP_SERVER_BEAT, mu_lobby_beat },
        { MU_OP_LOBBY_JOIN, mu_lobby_room_join },
        { MU_OP_LOBBY_CREATE, mu_lobby_room_create },
        { MU_OP_LOBBY_START, mu_lobby_room_start },
    };
    const struct mu_msg_envelope *envelope = lobby->event->envelope;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (lobby->event->msg->op == routes[i].op) {
            if (lobby->draining || !mu_follow_serving(&lobby->follow)) {
                mu_lobby_refuse(lobby, envelope, MU_ERROR_STARTING, MU_FOLLOW_RETRY_MS,
                                lobby->draining ? "the lobby service is being handed over"
                                                : "the lobby service is catching up");
            } else if (envelope->budget_ms == 0) {
                lobby->counters.values[MU_COUNTER_REQUESTS_EXPIRED]++;
                mu_lobby_refuse(lobby, envelope, MU_ERROR_EXPIRED, 0, "no time was left");
            } else {
                routes[i].handle(lobby);
            }
            return;
        }
    }
    mu_lobby_refuse(lobby, envelope, MU_ERROR_UNSUPPORTED, 0, "the lobby does not serve this");
}

static void take_own_answer(struct mu_lobby *lobby, uint32_t handle)
{
    const struct mu_call *call = mu_calls_at(lobby->own, handle);
    const struct mu_msg *msg = lobby->event->msg;
    if (msg->op == MU_OP_ERROR && !mu_lobby_definite(msg->error.code)) {
        return; /* asked again when it is due */
    }
    enum mu_lobby_own kind = call->kind;
    uint32_t slot = (uint32_t)call->user;
    mu_calls_remove(lobby->own, handle);
    switch (kind) {
    case MU_LOBBY_OWN_MATCH: mu_lobby_match_answer(lobby, slot); break;
    case MU_LOBBY_OWN_SERVER: mu_lobby_server_answer(lobby, slot); break;
    case MU_LOBBY_OWN_PERSON: mu_lobby_person_answer(lobby, slot); break;
    }
}

static void take_forward_answer(struct mu_lobby *lobby, uint32_t handle)
{
    uint32_t slot = (uint32_t)mu_calls_at(lobby->forwards_calls, handle)->user;
    switch (lobby->forwards[slot].step) {
    case MU_LOBBY_STEP_CREATE: mu_lobby_create_answer(lobby, slot); break;
    case MU_LOBBY_STEP_JOIN_LOOK: mu_lobby_join_looked(lobby, slot); break;
    case MU_LOBBY_STEP_JOIN: mu_lobby_join_answer(lobby, slot); break;
    case MU_LOBBY_STEP_START_LOOK: mu_lobby_start_looked(lobby, slot); break;
    case MU_LOBBY_STEP_START: mu_lobby_start_answer(lobby, slot); break;
    case MU_LOBBY_STEP_BEAT: mu_lobby_beat_answer(lobby, slot); break;
    }
}

static int take_message(struct mu_lobby *lobby)
{
    const struct mu_msg_envelope *envelope = lobby->event->envelope;
    const struct mu_msg *msg = lobby->event->msg;
    if (envelope->frame == MU_FRAME_REQUEST) {
        take_request(lobby);
        return 0;
    }
    int r = follow(lobby);
    if (r != 0) {
        return r < 0 ? r : 0;
    }
    if (envelope->frame == MU_FRAME_EVENT) {
        if (msg->op == MU_OP_PRESENCE) {
            mu_lobby_presence(lobby);
        }
        return 0;
    }
    uint64_t incarnation = lobby->env.incarnation;
    uint32_t own = mu_calls_find(lobby->own, incarnation, envelope);
    uint32_t forward = mu_calls_find(lobby->forwards_calls, incarnation, envelope);
    bool ours = own != MU_CALL_NONE || forward != MU_CALL_NONE;
    if (ours && msg->op == MU_OP_ERROR && msg->error.code == MU_ERROR_FENCED) {
        return -ESTALE;
    }
    if (own != MU_CALL_NONE) {
        take_own_answer(lobby, own);
    } else if (forward != MU_CALL_NONE) {
        take_forward_answer(lobby, forward);
    }
    return 0;
}

/* Repeats own requests that got no definite answer. */
static void own_due(struct mu_lobby *lobby)
{
    for (;;) {
        uint32_t handle = mu_calls_due(lobby->own, lobby->event->now_ms);
        if (handle == MU_CALL_NONE || mu_outbox_full(lobby->out)) {
            return;
        }
        const struct mu_call *call = mu_calls_at(lobby->own, handle);
        uint32_t slot = (uint32_t)call->user;
        switch ((enum mu_lobby_own)call->kind) {
        case MU_LOBBY_OWN_MATCH: mu_lobby_match_again(lobby, slot); break;
        case MU_LOBBY_OWN_SERVER: mu_lobby_server_again(lobby, slot); break;
        case MU_LOBBY_OWN_PERSON: mu_lobby_person_again(lobby, slot); break;
        }
    }
}

static void take_timer(struct mu_lobby *lobby)
{
    mu_follow_tick(&lobby->follow, lobby->event, lobby->out);
    mu_lobby_forwards_due(lobby);
    if (!mu_follow_serving(&lobby->follow)) {
        return; /* what is due may be long settled: wait for what the store has */
    }
    own_due(lobby);
    if (lobby->draining) {
        return;
    }
    mu_lobby_matches_due(lobby);
    mu_lobby_servers_due(lobby);
    mu_lobby_gateways_due(lobby);
    mu_lobby_people_due(lobby);
    if (lobby->place_ms <= lobby->event->now_ms) {
        lobby->place = true;
    }
}

/* Gives the partition back once nothing is under way: what there is is in the store. */
static void hand_over(struct mu_lobby *lobby)
{
    if (lobby->draining && mu_calls_count(lobby->own) == 0 && lobby->forwards_slots.count == 0) {
        mu_follow_release(&lobby->follow, lobby->event, lobby->out);
    }
}

/* After a time without room for something: learn anew what there is. */
static void scan_anew(struct mu_lobby *lobby)
{
    const struct mu_slots *tables[] = { &lobby->rooms_slots, &lobby->matches_slots,
                                        &lobby->servers_slots };
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (tables[i]->count > tables[i]->capacity / 4 * 3) {
            return;
        }
    }
    lobby->overflowed = false;
    lobby->generation++;
    mu_follow_scan_anew(&lobby->follow, lobby->event);
}

static int lobby_step(struct mu_actor *actor, const struct mu_event *ev, struct mu_outbox *out)
{
    struct mu_lobby *lobby = (struct mu_lobby *)actor;
    lobby->event = ev;
    lobby->out = out;
    int r = 0;
    switch (ev->type) {
    case MU_EV_START:
        lobby->started_ms = ev->now_ms;
        mu_follow_tick(&lobby->follow, ev, out);
        break;
    case MU_EV_MESSAGE: r = take_message(lobby); break;
    case MU_EV_TIMER: take_timer(lobby); break;
    case MU_EV_BATCH_END:
        if (mu_follow_serving(&lobby->follow) && !lobby->draining) {
            mu_lobby_place(lobby);
            if (lobby->overflowed) {
                scan_anew(lobby);
            }
        }
        break;
    case MU_EV_DRAIN: lobby->draining = true; break;
    case MU_EV_STOP: break;
    }
    hand_over(lobby);
    lobby->event = NULL;
    lobby->out = NULL;
    return r;
}

static int64_t lobby_deadline(const struct mu_actor *actor)
{
    const struct mu_lobby *lobby = (const struct mu_lobby *)actor;
    int64_t deadline = mu_follow_deadline(&lobby->follow);
    const int64_t others[] = {
        mu_calls_deadline(lobby->forwards_calls),
        /* The rest waits until the store has been caught up with, and ... */
        mu_calls_deadline(lobby->own),
        /* ... the rest of that is not begun any more when it drains: see take_timer(). */
        mu_heap_deadline(lobby->matches_heap),
        mu_heap_deadline(lobby->servers_heap),
        mu_heap_deadline(lobby->people_heap),
        mu_lobby_gateways_deadline(lobby),
        lobby->place_ms,
    };
    size_t count = 1;
    if (mu_follow_serving(&lobby->follow)) {
        count = lobby->draining ? 2 : sizeof others / sizeof others[0];
    }
    for (size_t i = 0; i < count; i++) {
        deadline = others[i] < deadline ? others[i] : deadline;
    }
    return deadline;
}

static void lobby_stats(const struct mu_actor *actor, int64_t now_ms, struct mu_msg_stats *ret)
{
    const struct mu_lobby *lobby = (const struct mu_lobby *)actor;
    struct mu_counters counters = lobby->counters;
    uint64_t servers = 0;
    uint64_t slots_free = 0;
    for (uint32_t i = 0; i < lobby->servers_slots.used; i++) {
        const struct mu_lobby_server *server = &lobby->servers[i];
        if (mu_slots_busy(&lobby->servers_slots, i) && server->state != MU_SERVER_NONE &&
            server->distance == 0) { /* each server is counted at its home */
            servers++;
            bool open = server->state == MU_SERVER_READY && server->used < server->slots;
            slots_free += open ? server->slots - server->used : 0;
        }
    }
    counters.values[MU_COUNTER_LOBBIES] = lobby->rooms_slots.count;
    counters.values[MU_COUNTER_MATCHES_WAITING] = lobby->matches_slots.count - lobby->matches_live;
    counters.values[MU_COUNTER_MATCHES_LIVE] = lobby->matches_live;
    counters.values[MU_COUNTER_SERVERS] = servers;
    counters.values[MU_COUNTER_SERVER_SLOTS_FREE] = slots_free;
    *ret = (struct mu_msg_stats){
        .kind = "lobby",
        .ready = mu_follow_serving(&lobby->follow) && !lobby->draining,
    };
    (void)snprintf(ret->partition, sizeof ret->partition, "%s", lobby->env.partition);
    ret->uptime_ms = now_ms > lobby->started_ms ? (uint64_t)(now_ms - lobby->started_ms) : 0;
    mu_counters_export(&counters, ret);
}

static uint64_t lobby_epoch(const struct mu_actor *actor)
{
    return mu_follow_epoch(&((const struct mu_lobby *)actor)->follow);
}

static enum mu_life lobby_life(const struct mu_actor *actor)
{
    const struct mu_lobby *lobby = (const struct mu_lobby *)actor;
    return lobby->draining ? MU_LIFE_DRAINING : mu_follow_life(&lobby->follow);
}

static bool lobby_drained(const struct mu_actor *actor)
{
    return mu_follow_released(&((const struct mu_lobby *)actor)->follow);
}

static void lobby_destroy(struct mu_actor *actor)
{
    struct mu_lobby *lobby = (struct mu_lobby *)actor;
    if (lobby != NULL) {
        mu_lobby_tables_release(lobby);
        free(lobby);
    }
}

static int lobby_create(const struct mu_actor_env *env, struct mu_actor **ret)
{
    int32_t index = mu_placement_index(env->partition);
    assert(index >= 0 && (uint64_t)index < env->config->settings.lobbies);
    struct mu_lobby *lobby = calloc(1, sizeof *lobby);
    if (lobby == NULL) {
        return -ENOMEM;
    }
    lobby->index = (uint32_t)index;
    lobby->base.ops = &mu_lobby_ops;
    lobby->env = *env;
    lobby->config = env->config;
    lobby->rng.state = env->seed;
    lobby->waiting_first = MU_SLOT_NONE;
    lobby->waiting_last = MU_SLOT_NONE;
    lobby->place_ms = MU_NEVER;
    mu_follow_init(&lobby->follow, env);
    if (!mu_lobby_tables_make(lobby, env->seed)) {
        lobby_destroy(&lobby->base);
        return -ENOMEM;
    }
    *ret = &lobby->base;
    return 0;
}

const struct mu_actor_ops mu_lobby_ops = {
    .kind = "lobby",
    .create = lobby_create,
    .step = lobby_step,
    .deadline = lobby_deadline,
    .stats = lobby_stats,
    .epoch = lobby_epoch,
    .life = lobby_life,
    .drained = lobby_drained,
    .check = mu_lobby_check,
    .destroy = lobby_destroy,
};
