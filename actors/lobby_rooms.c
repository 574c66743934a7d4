/* actors/lobby_rooms.c - custom lobbies: create, join, start. */
#include "actors/lobby_state.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* What the store says. */

static void set_members(struct mu_lobby *lobby, uint32_t slot, const struct mu_msg_lobby *record)
{
    struct mu_lobby_room *room = &lobby->rooms[slot];
    uint32_t before[MU_LOBBY_MEMBERS_MAX];
    uint32_t before_count = room->members_count;
    memcpy(before, room->members, sizeof before);
    for (uint32_t i = 0; i < before_count; i++) {
        if (before[i] != MU_SLOT_NONE && lobby->people[before[i]].room == slot) {
            lobby->people[before[i]].room = MU_SLOT_NONE;
        }
    }
    room->members_count = record != NULL ? record->members_count : 0;
    for (uint32_t i = 0; i < room->members_count; i++) {
        room->members[i] = mu_lobby_member_enter(lobby, record->members[i].id, slot);
    }
    for (uint32_t i = 0; i < before_count; i++) {
        if (before[i] != MU_SLOT_NONE) {
            mu_lobby_person_settle(lobby, before[i]);
        }
    }
}

static void forget(struct mu_lobby *lobby, uint32_t slot)
{
    set_members(lobby, slot, NULL);
    (void)mu_map_remove(lobby->rooms_map, lobby->rooms[slot].id);
    mu_slots_give(&lobby->rooms_slots, slot);
}

static uint32_t enter(struct mu_lobby *lobby, const char *id)
{
    if (mu_slots_full(&lobby->rooms_slots)) {
        mu_lobby_overflow(lobby, "lobby");
        return MU_SLOT_NONE;
    }
    uint32_t slot = mu_slots_take(&lobby->rooms_slots);
    if (mu_map_put(lobby->rooms_map, id, slot) != 0) {
        mu_slots_give(&lobby->rooms_slots, slot);
        return MU_SLOT_NONE;
    }
    lobby->rooms[slot] = (struct mu_lobby_room){ .version = 0 };
    (void)snprintf(lobby->rooms[slot].id, sizeof lobby->rooms[slot].id, "%s", id);
    return slot;
}

/* A formed match is shown as an open lobby too, with its match. */
static bool is_open(const struct mu_msg_lobby *record)
{
    return record->state == MU_LOBBY_OPEN && record->match[0] == '\0';
}

void mu_lobby_room_changed(struct mu_lobby *lobby, const struct mu_msg_lobby *record)
{
    bool wanted = is_open(record) && mu_lobby_owns(lobby, record->id);
    uint32_t slot = mu_map_get(lobby->rooms_map, record->id);
    if (slot == MU_MAP_NONE) {
        slot = wanted ? enter(lobby, record->id) : MU_SLOT_NONE;
        if (slot == MU_SLOT_NONE) {
            return;
        }
    }
    struct mu_lobby_room *room = &lobby->rooms[slot];
    room->generation = lobby->generation;
    if (record->version <= room->version) {
        return;
    }
    if (!wanted) {
        forget(lobby, slot);
        return;
    }
    room->version = record->version;
    memcpy(room->mode, record->mode, sizeof room->mode);
    memcpy(room->region, record->region, sizeof room->region);
    memcpy(room->password_hash, record->password_hash, sizeof room->password_hash);
    set_members(lobby, slot, record);
}

void mu_lobby_room_absent(struct mu_lobby *lobby, const char *id)
{
    uint32_t slot = mu_map_get(lobby->rooms_map, id);
    if (slot != MU_MAP_NONE) {
        forget(lobby, slot);
    }
}

void mu_lobby_rooms_sweep(struct mu_lobby *lobby)
{
    for (uint32_t i = 0; i < lobby->rooms_slots.used; i++) {
        if (mu_slots_busy(&lobby->rooms_slots, i) &&
            lobby->rooms[i].generation != lobby->generation) {
            forget(lobby, i);
        }
    }
}

void mu_lobby_room_learn(struct mu_lobby *lobby, const struct mu_msg_lobby *record)
{
    if (mu_map_get(lobby->rooms_map, record->id) != MU_MAP_NONE) {
        mu_lobby_room_changed(lobby, record);
    }
}

/* Passes the answer on as it came. */
static void answer_lobby(struct mu_lobby *lobby, uint32_t forward)
{
    if (lobby->event->msg->op == MU_OP_LOBBY) {
        mu_lobby_room_learn(lobby, &lobby->event->msg->lobby);
    }
    mu_lobby_forward_answer(lobby, forward);
}

/* Create. */

/* What is wrong with the request, or MU_OK. */
static enum mu_error check_create(const struct mu_lobby *lobby,
                                  const struct mu_msg_lobby_create *create, const char **ret)
{
    size_t password_bytes = strlen(create->password);
    if (mu_config_mode(lobby->config, create->mode) < 0) {
        *ret = "no such game mode";
        return MU_ERROR_GAME_MODE_NOT_FOUND;
    }
    if (create->region[0] != '\0' && mu_config_region(lobby->config, create->region) < 0) {
        *ret = "no such region";
        return MU_ERROR_REGION_NOT_SUPPORTED;
    }
    if (password_bytes > 0 && password_bytes < MU_PASSWORD_MIN) {
        *ret = "a password has 4 to 64 bytes";
        return MU_ERROR_VALIDATION_FAILED;
    }
    if (lobby->rooms_slots.count + MU_LOBBY_FORWARDS_MAX > MU_LOBBY_ROOMS_MAX) {
        *ret = "too many lobbies are open";
        return MU_ERROR_OVERLOADED;
    }
    return MU_OK;
}

/* Replaces the password by its hash.  Returns MU_OK or the error to answer with. */
static enum mu_error hash_password(struct mu_lobby *lobby, struct mu_msg_lobby_create *create,
                                   int64_t *ret_retry_ms)
{
    const struct mu_settings *settings = &lobby->config->settings;
    uint8_t salt[MU_PASSWORD_SALT_BYTES];
    create->password_hash[0] = '\0';
    if (create->password[0] == '\0') {
        return MU_OK;
    }
    if (!mu_lobby_may_hash(lobby, ret_retry_ms)) {
        return MU_ERROR_OVERLOADED;
    }
    for (size_t i = 0; i < sizeof salt; i++) {
        salt[i] = (uint8_t)(mu_rng_next(&lobby->rng) >> 32);
    }
    const struct mu_password_cost cost = {
        .passes = (uint32_t)settings->password_passes,
        .kib = (uint32_t)settings->password_memory_kib,
    };
    int r = mu_password_hash(create->password, salt, cost, create->password_hash);
    sodium_memzero(create->password, sizeof create->password);
    return r == 0 ? MU_OK : MU_ERROR_UNAVAILABLE;
}

void mu_lobby_room_create(struct mu_lobby *lobby)
{
    const struct mu_msg_envelope *envelope = lobby->event->envelope;
    const char *detail = "";
    enum mu_error error = check_create(lobby, &lobby->event->msg->lobby_create, &detail);
    if (error != MU_OK) {
        mu_lobby_refuse(lobby, envelope, error,
                        error == MU_ERROR_OVERLOADED ? MU_LOBBY_RETRY_MS : 0, detail);
        return;
    }
    uint32_t forward = mu_lobby_forward_begin(lobby, MU_LOBBY_STEP_CREATE);
    if (forward == MU_SLOT_NONE) {
        return;
    }
    struct mu_msg_lobby_create *create = &lobby->message->lobby_create;
    int64_t retry_ms = 0;
    *create = lobby->event->msg->lobby_create;
    int32_t region = mu_config_region(lobby->config, create->region);
    if (region >= 0) { /* an alias becomes the name */
        memcpy(create->region, lobby->config->regions[region].name, sizeof create->region);
    }
    error = hash_password(lobby, create, &retry_ms);
    if (error != MU_OK) {
        mu_lobby_forward_refuse(lobby, forward, error, retry_ms, "no password can be hashed now");
        return;
    }
    lobby->message->op = MU_OP_LOBBY_CREATE;
    mu_lobby_forward_send(lobby, forward, true);
}

void mu_lobby_create_answer(struct mu_lobby *lobby, uint32_t forward)
{
    answer_lobby(lobby, forward);
}

/* Join. */

/* Asks the store what the lobby is: it may have ended, and the join be a repeat of one that is
 * known by its key; or it is so new that the log has not told of it. */
static void look(struct mu_lobby *lobby, uint32_t forward)
{
    lobby->message->op = MU_OP_LOBBY_GET;
    lobby->message->lobby_get = (struct mu_msg_lobby_get){ .id = "" };
    memcpy(lobby->message->lobby_get.id, lobby->forwards[forward].subject, MU_ID_MAX + 1);
    mu_lobby_forward_send(lobby, forward, false);
}

static void send_join(struct mu_lobby *lobby, uint32_t slot)
{
    struct mu_lobby_forward *forward = &lobby->forwards[slot];
    struct mu_msg_lobby_join *join = &lobby->message->lobby_join;
    sodium_memzero(forward->password, sizeof forward->password);
    forward->step = MU_LOBBY_STEP_JOIN;
    lobby->message->op = MU_OP_LOBBY_JOIN;
    *join = (struct mu_msg_lobby_join){ .password = "" };
    memcpy(join->lobby, forward->subject, sizeof join->lobby);
    memcpy(join->player, forward->player, sizeof join->player);
    mu_lobby_forward_send(lobby, slot, true);
}

static void join_with(struct mu_lobby *lobby, uint32_t forward, const char *password_hash)
{
    int64_t retry_ms = 0;
    enum mu_error error =
        mu_lobby_try_password(lobby, &lobby->forwards[forward], password_hash, &retry_ms);
    if (error != MU_OK) {
        mu_lobby_forward_refuse(lobby, forward, error, retry_ms,
                                error == MU_ERROR_WRONG_PASSWORD ? "the password is wrong"
                                : error == MU_ERROR_RATE_LIMITED
                                    ? "too many wrong passwords"
                                    : "no password can be checked now");
        return;
    }
    send_join(lobby, forward);
}

void mu_lobby_room_join(struct mu_lobby *lobby)
{
    const struct mu_msg_lobby_join *join = &lobby->event->msg->lobby_join;
    if (mu_lobby_elsewhere(lobby, join->lobby)) {
        return;
    }
    uint32_t room = mu_map_get(lobby->rooms_map, join->lobby);
    enum mu_lobby_step step = room != MU_MAP_NONE ? MU_LOBBY_STEP_JOIN : MU_LOBBY_STEP_JOIN_LOOK;
    uint32_t slot = mu_lobby_forward_begin(lobby, step);
    if (slot == MU_SLOT_NONE) {
        return;
    }
    struct mu_lobby_forward *forward = &lobby->forwards[slot];
    memcpy(forward->subject, join->lobby, sizeof forward->subject);
    memcpy(forward->player, join->player, sizeof forward->player);
    memcpy(forward->password, join->password, sizeof forward->password);
    if (room != MU_MAP_NONE) {
        join_with(lobby, slot, lobby->rooms[room].password_hash);
    } else {
        look(lobby, slot);
    }
}

void mu_lobby_join_looked(struct mu_lobby *lobby, uint32_t forward)
{
    const struct mu_msg *msg = lobby->event->msg;
    if (msg->op != MU_OP_LOBBY) {
        mu_lobby_forward_answer(lobby, forward);
    } else if (is_open(&msg->lobby)) {
        join_with(lobby, forward, msg->lobby.password_hash);
    } else {
        send_join(lobby, forward); /* refused, or answered as the first time */
    }
}

void mu_lobby_join_answer(struct mu_lobby *lobby, uint32_t forward)
{
    answer_lobby(lobby, forward);
}

/* Start. */

/* Sends LOBBY_START with the server that is reserved for it, or without one. */
static void send_start(struct mu_lobby *lobby, uint32_t slot)
{
    struct mu_lobby_forward *forward = &lobby->forwards[slot];
    struct mu_msg_lobby_start *start = &lobby->message->lobby_start;
    forward->step = MU_LOBBY_STEP_START;
    lobby->message->op = MU_OP_LOBBY_START;
    *start = (struct mu_msg_lobby_start){ .server = "" };
    memcpy(start->lobby, forward->subject, sizeof start->lobby);
    memcpy(start->player, forward->player, sizeof start->player);
    if (forward->server != MU_SLOT_NONE) {
        memcpy(start->server, lobby->servers[forward->server].id, sizeof start->server);
    }
    mu_lobby_forward_send(lobby, slot, true);
}

/* Chooses a server and asks for it. */
static void start_somewhere(struct mu_lobby *lobby, uint32_t slot)
{
    struct mu_lobby_forward *forward = &lobby->forwards[slot];
    uint32_t server = MU_SLOT_NONE;
    if (forward->tries < MU_LOBBY_START_TRIES) {
        server = mu_lobby_server_choose(lobby, mu_config_region(lobby->config, forward->region),
                                        mu_config_mode(lobby->config, forward->mode));
    }
    if (server != MU_SLOT_NONE) {
        forward->tries++;
        mu_lobby_server_reserve(lobby, server);
        forward->server = server;
        send_start(lobby, slot);
    } else if (forward->tries == 0) {
        send_start(lobby, slot); /* it may not start at all: that is said before NO_SERVER */
    } else {
        mu_lobby_forward_refuse(lobby, slot, MU_ERROR_NO_SERVER, MU_LOBBY_RETRY_MS,
                                "no game server of this region is free for this mode");
    }
}

void mu_lobby_room_start(struct mu_lobby *lobby)
{
    const struct mu_msg_lobby_start *start = &lobby->event->msg->lobby_start;
    if (mu_lobby_elsewhere(lobby, start->lobby)) {
        return;
    }
    uint32_t room = mu_map_get(lobby->rooms_map, start->lobby);
    enum mu_lobby_step step = room != MU_MAP_NONE ? MU_LOBBY_STEP_START : MU_LOBBY_STEP_START_LOOK;
    uint32_t slot = mu_lobby_forward_begin(lobby, step);
    if (slot == MU_SLOT_NONE) {
        return;
    }
    struct mu_lobby_forward *forward = &lobby->forwards[slot];
    memcpy(forward->subject, start->lobby, sizeof forward->subject);
    memcpy(forward->player, start->player, sizeof forward->player);
    if (room == MU_MAP_NONE) {
        look(lobby, slot);
        return;
    }
    memcpy(forward->mode, lobby->rooms[room].mode, sizeof forward->mode);
    memcpy(forward->region, lobby->rooms[room].region, sizeof forward->region);
    start_somewhere(lobby, slot);
}

void mu_lobby_start_looked(struct mu_lobby *lobby, uint32_t forward)
{
    const struct mu_msg_lobby *record = &lobby->event->msg->lobby;
    if (lobby->event->msg->op != MU_OP_LOBBY) {
        mu_lobby_forward_answer(lobby, forward);
    } else if (is_open(record)) {
        memcpy(lobby->forwards[forward].mode, record->mode, sizeof record->mode);
        memcpy(lobby->forwards[forward].region, record->region, sizeof record->region);
        start_somewhere(lobby, forward);
    } else {
        send_start(lobby, forward);
    }
}

void mu_lobby_start_answer(struct mu_lobby *lobby, uint32_t slot)
{
    struct mu_lobby_forward *forward = &lobby->forwards[slot];
    const struct mu_msg *msg = lobby->event->msg;
    uint64_t error = msg->op == MU_OP_ERROR ? msg->error.code : MU_OK;
    bool refused = forward->server != MU_SLOT_NONE && error == MU_ERROR_NO_SERVER;
    if (refused) {
        mu_outbox_note(lobby->out, "lobby %s: the server refused -> choose another one",
                       forward->subject);
        mu_lobby_server_unreserve(lobby, &forward->server, true);
        start_somewhere(lobby, slot);
        return;
    }
    mu_lobby_forward_answer(lobby, slot); /* the log brings the match: this may be an old answer */
}
