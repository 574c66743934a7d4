/* actors/lobby_servers.c - game servers: which are alive, which one is chosen. */
#include "actors/lobby_state.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/id.h"
#include "core/placement.h"

static int64_t silence_ms(const struct mu_lobby *lobby)
{
    return (int64_t)lobby->config->settings.server_silence_ms;
}

/* How many partitions after ours the server is at home. */
static uint32_t distance_to(const struct mu_lobby *lobby, const char *id)
{
    uint32_t lobbies = (uint32_t)lobby->config->settings.lobbies;
    return (mu_placement_id(id, lobbies) + lobbies - lobby->index) % lobbies;
}

/* What the store says. */

/* The slot of the server `id`, made when it is new; MU_SLOT_NONE: there is no room. */
static uint32_t server_named(struct mu_lobby *lobby, const char *id)
{
    uint32_t slot = mu_map_get(lobby->servers_map, id);
    if (slot != MU_MAP_NONE) {
        return slot;
    }
    if (mu_slots_full(&lobby->servers_slots)) {
        mu_lobby_overflow(lobby, "server");
        return MU_SLOT_NONE;
    }
    slot = mu_slots_take(&lobby->servers_slots);
    if (mu_map_put(lobby->servers_map, id, slot) != 0) {
        mu_slots_give(&lobby->servers_slots, slot);
        return MU_SLOT_NONE;
    }
    struct mu_lobby_server *server = &lobby->servers[slot];
    *server = (struct mu_lobby_server){
        .state = MU_SERVER_NONE,
        .distance = distance_to(lobby, id),
        .region = -1,
        .call = MU_CALL_NONE,
        .first = MU_SLOT_NONE,
        .last = MU_SLOT_NONE,
    };
    (void)snprintf(server->id, sizeof server->id, "%s", id);
    return slot;
}

/* Frees the slot when neither the server nor a match nor a request needs it. */
static void settle(struct mu_lobby *lobby, uint32_t slot)
{
    struct mu_lobby_server *server = &lobby->servers[slot];
    if (server->state == MU_SERVER_NONE && server->first == MU_SLOT_NONE && server->pending == 0 &&
        server->call == MU_CALL_NONE) {
        (void)mu_map_remove(lobby->servers_map, server->id);
        mu_slots_give(&lobby->servers_slots, slot);
    }
}

/* It is no longer alive: only its matches are kept, for SESSIONS when it comes back. */
static void lose(struct mu_lobby *lobby, uint32_t slot)
{
    lobby->servers[slot].state = MU_SERVER_NONE;
    (void)mu_heap_remove(lobby->servers_heap, slot);
    settle(lobby, slot);
}

/* Its home alone hears it, and judges its silence. */
static void heard(struct mu_lobby *lobby, uint32_t slot)
{
    if (lobby->servers[slot].distance == 0) {
        mu_heap_set(lobby->servers_heap, slot, lobby->event->now_ms + silence_ms(lobby));
    }
}

static void copy_record(struct mu_lobby *lobby, struct mu_lobby_server *server,
                        const struct mu_msg_server *record)
{
    server->version = record->version;
    server->state = record->state;
    server->region = mu_config_region(lobby->config, record->region);
    server->slots = (uint32_t)record->slots;
    server->used = (uint32_t)record->used;
    server->modes_all = record->modes_count == 0;
    server->modes = 0;
    for (uint32_t i = 0; i < record->modes_count; i++) {
        int32_t mode = mu_config_mode(lobby->config, record->modes[i].id);
        server->modes |= mode >= 0 ? UINT32_C(1) << mode : 0;
    }
    memcpy(server->key_hash, record->key_hash, sizeof server->key_hash);
}

void mu_lobby_server_changed(struct mu_lobby *lobby, const struct mu_msg_server *record)
{
    bool alive = record->state == MU_SERVER_READY || record->state == MU_SERVER_DRAINING;
    uint32_t slot = mu_map_get(lobby->servers_map, record->id);
    if (slot == MU_MAP_NONE) {
        slot = alive ? server_named(lobby, record->id) : MU_SLOT_NONE;
        if (slot == MU_SLOT_NONE) {
            return;
        }
    }
    struct mu_lobby_server *server = &lobby->servers[slot];
    server->generation = lobby->generation;
    if (record->version <= server->version) {
        return;
    }
    if (!alive) {
        server->version = record->version;
        lose(lobby, slot);
        return;
    }
    if (server->state == MU_SERVER_NONE) {
        heard(lobby, slot); /* new, back, or we are: one period of silence to be heard */
    }
    copy_record(lobby, server, record);
    lobby->place = true;
}

void mu_lobby_server_absent(struct mu_lobby *lobby, const char *id)
{
    uint32_t slot = mu_map_get(lobby->servers_map, id);
    if (slot != MU_MAP_NONE) {
        lose(lobby, slot);
    }
}

void mu_lobby_servers_sweep(struct mu_lobby *lobby)
{
    for (uint32_t i = 0; i < lobby->servers_slots.used; i++) {
        if (mu_slots_busy(&lobby->servers_slots, i) && lobby->servers[i].state != MU_SERVER_NONE &&
            lobby->servers[i].generation != lobby->generation) {
            lose(lobby, i);
        }
    }
}

/* Its matches. */

void mu_lobby_server_link(struct mu_lobby *lobby, const char *id, uint32_t match)
{
    uint32_t slot = id[0] != '\0' ? server_named(lobby, id) : MU_SLOT_NONE;
    if (slot == MU_SLOT_NONE) {
        return;
    }
    struct mu_lobby_server *server = &lobby->servers[slot];
    struct mu_lobby_match *entry = &lobby->matches[match];
    /* By id, so by age; nearly always it is the newest. */
    uint32_t before = server->last;
    while (before != MU_SLOT_NONE && strcmp(lobby->matches[before].id, entry->id) > 0) {
        before = lobby->matches[before].previous;
    }
    uint32_t behind = before != MU_SLOT_NONE ? lobby->matches[before].next : server->first;
    entry->server = slot;
    entry->previous = before;
    entry->next = behind;
    *(before != MU_SLOT_NONE ? &lobby->matches[before].next : &server->first) = match;
    *(behind != MU_SLOT_NONE ? &lobby->matches[behind].previous : &server->last) = match;
}

void mu_lobby_server_unlink(struct mu_lobby *lobby, uint32_t match)
{
    struct mu_lobby_match *entry = &lobby->matches[match];
    if (entry->server == MU_SLOT_NONE) {
        return;
    }
    uint32_t slot = entry->server;
    struct mu_lobby_server *server = &lobby->servers[slot];
    uint32_t *before =
        entry->previous != MU_SLOT_NONE ? &lobby->matches[entry->previous].next : &server->first;
    uint32_t *behind =
        entry->next != MU_SLOT_NONE ? &lobby->matches[entry->next].previous : &server->last;
    *before = entry->next;
    *behind = entry->previous;
    entry->server = MU_SLOT_NONE;
    settle(lobby, slot);
}

/* Choosing. */

bool mu_lobby_server_free(const struct mu_lobby *lobby, uint32_t slot)
{
    const struct mu_lobby_server *server = &lobby->servers[slot];
    return server->state == MU_SERVER_READY && server->region >= 0 &&
           server->call == MU_CALL_NONE && server->avoid_ms <= lobby->event->now_ms &&
           server->used + server->pending < server->slots;
}

bool mu_lobby_server_plays(const struct mu_lobby_server *server, int32_t mode)
{
    return server->modes_all || (mode >= 0 && (server->modes >> mode & 1) != 0);
}

/* Whether a is the better choice: the smaller share in use, then the nearer home, so that
 * partitions that choose at the same time choose differently, then the smaller id. */
static bool better(const struct mu_lobby_server *a, const struct mu_lobby_server *b)
{
    uint64_t share_a = (uint64_t)(a->used + a->pending) * b->slots;
    uint64_t share_b = (uint64_t)(b->used + b->pending) * a->slots;
    if (share_a != share_b || a->distance != b->distance) {
        return share_a != share_b ? share_a < share_b : a->distance < b->distance;
    }
    return strcmp(a->id, b->id) < 0;
}

uint32_t mu_lobby_server_choose(const struct mu_lobby *lobby, int32_t region, int32_t mode)
{
    uint32_t best = MU_SLOT_NONE;
    for (uint32_t i = 0; i < lobby->servers_slots.used; i++) {
        const struct mu_lobby_server *server = &lobby->servers[i];
        if (mu_slots_busy(&lobby->servers_slots, i) && server->region == region &&
            mu_lobby_server_free(lobby, i) && mu_lobby_server_plays(server, mode) &&
            (best == MU_SLOT_NONE || better(server, &lobby->servers[best]))) {
            best = i;
        }
    }
    return best;
}

void mu_lobby_server_reserve(struct mu_lobby *lobby, uint32_t slot)
{
    lobby->servers[slot].pending++;
}

void mu_lobby_server_unreserve(struct mu_lobby *lobby, uint32_t *slot, bool avoid)
{
    if (*slot == MU_SLOT_NONE) {
        return;
    }
    struct mu_lobby_server *server = &lobby->servers[*slot];
    assert(server->pending > 0);
    server->pending--;
    if (avoid) {
        server->avoid_ms = lobby->event->now_ms + MU_LOBBY_AVOID_MS;
        mu_follow_doubt(&lobby->follow, lobby->event);
    }
    lobby->place = true;
    settle(lobby, *slot);
    *slot = MU_SLOT_NONE;
}

/* Heartbeats. */

/* Answers SERVER_BEAT: what the server is to play. */
static void answer_sessions(struct mu_lobby *lobby, uint32_t slot,
                            const struct mu_msg_envelope *request)
{
    const struct mu_lobby_server *server = &lobby->servers[slot];
    struct mu_msg_sessions *sessions = &lobby->message->sessions;
    const uint32_t max = sizeof sessions->matches / sizeof sessions->matches[0];
    lobby->message->op = MU_OP_SESSIONS;
    memcpy(sessions->server, server->id, sizeof sessions->server);
    sessions->heartbeat_ms = lobby->config->settings.server_silence_ms;
    sessions->matches_count = 0;
    uint32_t match = server->first;
    while (match != MU_SLOT_NONE && sessions->matches_count < max) {
        memcpy(sessions->matches[sessions->matches_count++].id, lobby->matches[match].id,
               MU_ID_MAX + 1);
        match = lobby->matches[match].next;
    }
    mu_outbox_reply(lobby->out, request, lobby->message);
}

static void set_state(struct mu_lobby *lobby, const char *server, const char *key_hash,
                      enum mu_server_state state)
{
    struct mu_msg_server_state_set *set = &lobby->message->server_state_set;
    lobby->message->op = MU_OP_SERVER_STATE;
    *set = (struct mu_msg_server_state_set){ .state = state };
    (void)snprintf(set->server, sizeof set->server, "%s", server);
    (void)snprintf(set->key_hash, sizeof set->key_hash, "%s", key_hash);
}

void mu_lobby_beat(struct mu_lobby *lobby)
{
    const struct mu_msg_server_beat *beat = &lobby->event->msg->server_beat;
    const struct mu_msg_envelope *request = lobby->event->envelope;
    if (mu_lobby_elsewhere(lobby, beat->server)) {
        return;
    }
    uint32_t slot = mu_map_get(lobby->servers_map, beat->server);
    if (slot != MU_MAP_NONE && lobby->servers[slot].state != MU_SERVER_NONE) {
        if (beat->key_hash[0] != '\0' &&
            strcmp(beat->key_hash, lobby->servers[slot].key_hash) != 0) {
            mu_lobby_refuse(lobby, request, MU_ERROR_FORBIDDEN, 0, "the key is another server's");
            return;
        }
        heard(lobby, slot);
        answer_sessions(lobby, slot, request);
        return;
    }
    if (!mu_id_valid(beat->server, MU_ID_PREFIX_SERVER)) {
        mu_lobby_refuse(lobby, request, MU_ERROR_SERVER_NOT_FOUND, 0, "no such server");
        return;
    }
    /* Gone, or never there: the store knows, and checks the key. */
    uint32_t forward = mu_lobby_forward_begin(lobby, MU_LOBBY_STEP_BEAT);
    if (forward != MU_SLOT_NONE) {
        set_state(lobby, beat->server, beat->key_hash, MU_SERVER_READY);
        mu_lobby_forward_send(lobby, forward, false);
    }
}

void mu_lobby_beat_answer(struct mu_lobby *lobby, uint32_t forward)
{
    const struct mu_msg *msg = lobby->event->msg;
    if (msg->op != MU_OP_SERVER) {
        mu_lobby_forward_answer(lobby, forward);
        return;
    }
    mu_lobby_server_changed(lobby, &msg->server);
    uint32_t slot = mu_map_get(lobby->servers_map, msg->server.id);
    if (slot == MU_MAP_NONE) {
        mu_lobby_forward_refuse(lobby, forward, MU_ERROR_OVERLOADED, MU_LOBBY_RETRY_MS,
                                "too many game servers");
        return;
    }
    if (lobby->servers[slot].state != MU_SERVER_NONE) {
        heard(lobby, slot);
    }
    mu_outbox_note(lobby->out, "server %s is heard again", msg->server.id);
    answer_sessions(lobby, slot, &lobby->forwards[forward].envelope);
    mu_lobby_forward_end(lobby, forward);
}

void mu_lobby_servers_due(struct mu_lobby *lobby)
{
    while (!mu_outbox_full(lobby->out)) {
        uint32_t slot = mu_heap_pop_due(lobby->servers_heap, lobby->event->now_ms);
        if (slot == MU_HEAP_NONE) {
            return;
        }
        struct mu_lobby_server *server = &lobby->servers[slot];
        assert(server->state != MU_SERVER_NONE);
        if (server->call != MU_CALL_NONE || mu_calls_full(lobby->own)) {
            mu_heap_set(lobby->servers_heap, slot, lobby->event->now_ms + MU_LOBBY_RETRY_MS);
            continue;
        }
        mu_outbox_note(lobby->out, "server %s is silent -> gone", server->id);
        server->serial = ++lobby->serial;
        mu_lobby_server_again(lobby, slot);
    }
}

void mu_lobby_server_again(struct mu_lobby *lobby, uint32_t slot)
{
    struct mu_lobby_server *server = &lobby->servers[slot];
    char key[MU_ADDRESS_MAX + 1];
    mu_lobby_key(lobby, server->serial, key);
    set_state(lobby, server->id, "", MU_SERVER_GONE);
    server->call = mu_lobby_ask(lobby, server->call, MU_LOBBY_OWN_SERVER, slot, key);
}

void mu_lobby_server_answer(struct mu_lobby *lobby, uint32_t slot)
{
    struct mu_lobby_server *server = &lobby->servers[slot];
    const struct mu_msg *msg = lobby->event->msg;
    server->call = MU_CALL_NONE;
    if (msg->op == MU_OP_SERVER && strcmp(msg->server.id, server->id) == 0) {
        mu_lobby_server_changed(lobby, &msg->server);
    } else {
        mu_follow_doubt(&lobby->follow, lobby->event);
    }
    if (!mu_slots_busy(&lobby->servers_slots, slot)) {
        return;
    }
    if (server->state != MU_SERVER_NONE && !mu_heap_has(lobby->servers_heap, slot)) {
        heard(lobby, slot); /* it was not to be gone: it has another period */
    }
    settle(lobby, slot);
}
