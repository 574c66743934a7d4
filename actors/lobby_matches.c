/* actors/lobby_matches.c - from formed to live: accept deadlines, allocation, expiry. */
#include "actors/lobby_state.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/placement.h"

enum {
    ACCEPT_MS = 30000, /* for a mode that this configuration does not have */
    PLACE_MAX = 1024,  /* matches given a server in one batch end; the others in the next */
};

static_assert(PLACE_MAX < MU_OUTBOX_STEP_ENTRIES, "placing fits into a batch end");
static_assert(MU_MODES_MAX <= 32, "a server's modes are bits of a uint32_t");

static bool is_waiting(enum mu_match_state state)
{
    return state == MU_MATCH_FORMED || state == MU_MATCH_ALLOCATING;
}

static const struct mu_mode *mode_of(const struct mu_lobby *lobby,
                                     const struct mu_lobby_match *match)
{
    return match->mode >= 0 ? &lobby->config->modes[match->mode] : NULL;
}

/* The list of those that need a server. */

static void wait_remove(struct mu_lobby *lobby, uint32_t slot)
{
    struct mu_lobby_match *match = &lobby->matches[slot];
    if (!match->waiting) {
        return;
    }
    uint32_t *before = match->previous != MU_SLOT_NONE ? &lobby->matches[match->previous].next
                                                       : &lobby->waiting_first;
    uint32_t *behind =
        match->next != MU_SLOT_NONE ? &lobby->matches[match->next].previous : &lobby->waiting_last;
    *before = match->next;
    *behind = match->previous;
    match->waiting = false;
}

/* Longest waiting first; those that were refused a server come back to their old place, which is
 * near the front. */
static void wait_insert(struct mu_lobby *lobby, uint32_t slot)
{
    struct mu_lobby_match *match = &lobby->matches[slot];
    assert(!match->waiting && match->server == MU_SLOT_NONE);
    uint32_t before = lobby->waiting_last;
    if (lobby->waiting_first != MU_SLOT_NONE &&
        match->since_ms < lobby->matches[lobby->waiting_first].since_ms) {
        before = MU_SLOT_NONE;
    }
    while (before != MU_SLOT_NONE && lobby->matches[before].since_ms > match->since_ms) {
        before = lobby->matches[before].previous;
    }
    uint32_t behind = before != MU_SLOT_NONE ? lobby->matches[before].next : lobby->waiting_first;
    match->previous = before;
    match->next = behind;
    *(before != MU_SLOT_NONE ? &lobby->matches[before].next : &lobby->waiting_first) = slot;
    *(behind != MU_SLOT_NONE ? &lobby->matches[behind].previous : &lobby->waiting_last) = slot;
    match->waiting = true;
    lobby->place = true;
}

/* Asking the store. */

/* Sends what match->asked says, for the first time or again. */
static void ask(struct mu_lobby *lobby, uint32_t slot)
{
    struct mu_lobby_match *match = &lobby->matches[slot];
    struct mu_msg *msg = lobby->message;
    msg->op = match->asked;
    if (match->asked == MU_OP_MATCH_ABORT) {
        msg->match_abort = (struct mu_msg_match_abort){ .reason = match->reason };
        memcpy(msg->match_abort.match, match->id, sizeof match->id);
    } else {
        msg->match_allocate = (struct mu_msg_match_allocate){ .match = "" };
        memcpy(msg->match_allocate.match, match->id, sizeof match->id);
        memcpy(msg->match_allocate.server, lobby->servers[match->reserved].id, sizeof match->id);
    }
    match->call = mu_lobby_ask(lobby, match->call, MU_LOBBY_OWN_MATCH, slot, NULL);
}

static void look_again(struct mu_lobby *lobby, uint32_t slot)
{
    mu_heap_set(lobby->matches_heap, slot, lobby->event->now_ms + MU_LOBBY_RETRY_MS);
}

static void dissolve(struct mu_lobby *lobby, uint32_t slot, enum mu_reason reason)
{
    struct mu_lobby_match *match = &lobby->matches[slot];
    look_again(lobby, slot);
    if (match->call != MU_CALL_NONE || mu_calls_full(lobby->own)) {
        return;
    }
    wait_remove(lobby, slot);
    match->asked = MU_OP_MATCH_ABORT;
    match->reason = reason;
    mu_outbox_note(lobby->out, "match %s: %s -> dissolve it", match->id,
                   mu_enum_text(mu_reason_texts, reason));
    ask(lobby, slot);
}

/* What the store says. */

static int64_t accept_ms(const struct mu_lobby *lobby, const struct mu_lobby_match *match)
{
    const struct mu_mode *mode = mode_of(lobby, match);
    return mode != NULL ? (int64_t)mode->accept_ms : ACCEPT_MS;
}

/* Sets the deadline of a match by its state, and lets it wait for a server if it needs one. */
static void arm(struct mu_lobby *lobby, uint32_t slot)
{
    struct mu_lobby_match *match = &lobby->matches[slot];
    const struct mu_settings *settings = &lobby->config->settings;
    int64_t deadline = match->expire_ms;
    if (match->state == MU_MATCH_FORMED) {
        deadline = match->since_ms + accept_ms(lobby, match);
    } else if (match->state == MU_MATCH_ALLOCATING) {
        if (match->call == MU_CALL_NONE && !match->waiting) {
            wait_insert(lobby, slot);
        }
        int64_t give_up = match->since_ms + (int64_t)settings->server_give_up_ms;
        int64_t widen = match->since_ms + (int64_t)settings->server_wait_ms;
        deadline = lobby->event->now_ms < widen && widen < give_up ? widen : give_up;
    }
    mu_heap_set(lobby->matches_heap, slot, deadline);
}

static uint32_t enter(struct mu_lobby *lobby, const char *id)
{
    if (mu_slots_full(&lobby->matches_slots)) {
        mu_lobby_overflow(lobby, "match");
        return MU_SLOT_NONE;
    }
    uint32_t slot = mu_slots_take(&lobby->matches_slots);
    if (mu_map_put(lobby->matches_map, id, slot) != 0) {
        mu_slots_give(&lobby->matches_slots, slot); /* an empty id: a record that means nothing */
        return MU_SLOT_NONE;
    }
    struct mu_lobby_match *match = &lobby->matches[slot];
    *match = (struct mu_lobby_match){
        .state = MU_MATCH_NONE,
        .call = MU_CALL_NONE,
        .reserved = MU_SLOT_NONE,
        .server = MU_SLOT_NONE,
    };
    (void)snprintf(match->id, sizeof match->id, "%s", id);
    return slot;
}

static void forget(struct mu_lobby *lobby, uint32_t slot)
{
    struct mu_lobby_match *match = &lobby->matches[slot];
    wait_remove(lobby, slot);
    mu_lobby_server_unlink(lobby, slot);
    if (match->call != MU_CALL_NONE) {
        mu_calls_remove(lobby->own, match->call);
    }
    mu_lobby_server_unreserve(lobby, &match->reserved, false);
    lobby->matches_live -= match->state == MU_MATCH_LIVE ? 1 : 0;
    (void)mu_heap_remove(lobby->matches_heap, slot);
    (void)mu_map_remove(lobby->matches_map, match->id);
    mu_slots_give(&lobby->matches_slots, slot);
}

static void enter_state(struct mu_lobby *lobby, struct mu_lobby_match *match,
                        const struct mu_msg_match *record)
{
    int64_t now_ms = lobby->event->now_ms;
    lobby->matches_live -= match->state == MU_MATCH_LIVE ? 1 : 0;
    lobby->matches_live += record->state == MU_MATCH_LIVE ? 1 : 0;
    match->state = record->state;
    match->since_ms = now_ms;
    if (record->state == MU_MATCH_LIVE) {
        int64_t left_ms = (int64_t)lobby->config->settings.match_duration_max_ms;
        int64_t wall_ms = lobby->event->wall_ms;
        /* Only how long it has lasted already is read from the wall clock: a start of ours must
         * not give it all its time again. */
        if (wall_ms > 0 && (uint64_t)wall_ms > record->started_ms) {
            uint64_t age_ms = (uint64_t)wall_ms - record->started_ms;
            left_ms -= age_ms < (uint64_t)left_ms ? (int64_t)age_ms : left_ms;
        }
        match->expire_ms = now_ms + left_ms;
    }
}

void mu_lobby_match_changed(struct mu_lobby *lobby, const struct mu_msg_match *record)
{
    bool wanted = (is_waiting(record->state) || record->state == MU_MATCH_LIVE) &&
                  mu_lobby_owns(lobby, mu_placement_match(record));
    uint32_t slot = mu_map_get(lobby->matches_map, record->id);
    if (slot == MU_MAP_NONE) {
        slot = wanted ? enter(lobby, record->id) : MU_SLOT_NONE;
        if (slot == MU_SLOT_NONE) {
            return;
        }
    }
    struct mu_lobby_match *match = &lobby->matches[slot];
    match->generation = lobby->generation;
    if (record->version <= match->version) {
        return;
    }
    if (!wanted) {
        forget(lobby, slot);
        return;
    }
    wait_remove(lobby, slot);
    mu_lobby_server_unlink(lobby, slot);
    match->version = record->version;
    match->mode = mu_config_mode(lobby->config, record->mode);
    match->region = mu_config_region(lobby->config, record->region);
    memset(match->reach, 0, sizeof match->reach);
    for (uint32_t i = 0; i < record->reach_count; i++) {
        match->reach[record->reach[i].region] = (uint16_t)(record->reach[i].ms + 1);
    }
    if (match->state != record->state) {
        enter_state(lobby, match, record);
    }
    if (match->state == MU_MATCH_LIVE) {
        mu_lobby_server_link(lobby, record->server.id, slot);
    }
    arm(lobby, slot);
}

void mu_lobby_match_absent(struct mu_lobby *lobby, const char *id)
{
    uint32_t slot = mu_map_get(lobby->matches_map, id);
    if (slot != MU_MAP_NONE) {
        forget(lobby, slot);
    }
}

void mu_lobby_matches_sweep(struct mu_lobby *lobby)
{
    for (uint32_t i = 0; i < lobby->matches_slots.used; i++) {
        if (mu_slots_busy(&lobby->matches_slots, i) &&
            lobby->matches[i].generation != lobby->generation) {
            forget(lobby, i);
        }
    }
}

/* Answers, repeats and deadlines. */

void mu_lobby_match_answer(struct mu_lobby *lobby, uint32_t slot)
{
    struct mu_lobby_match *match = &lobby->matches[slot];
    const struct mu_msg *msg = lobby->event->msg;
    match->call = MU_CALL_NONE;
    if (msg->op == MU_OP_MATCH && strcmp(msg->match.id, match->id) == 0) {
        if (match->asked == MU_OP_MATCH_ABORT && msg->match.state == MU_MATCH_ABORTED) {
            lobby->counters.values[MU_COUNTER_MATCHES_ABORTED]++;
        }
        mu_lobby_server_unreserve(lobby, &match->reserved, false);
        uint64_t version = match->version;
        mu_lobby_match_changed(lobby, &msg->match);
        if (mu_slots_busy(&lobby->matches_slots, slot) && match->version == version) {
            wait_remove(lobby, slot); /* nothing new, or known already by the log */
            look_again(lobby, slot);
        }
        return;
    }
    uint64_t error = msg->op == MU_OP_ERROR ? msg->error.code : MU_ERROR_INTERNAL;
    bool refused = match->asked == MU_OP_MATCH_ALLOCATE &&
                   (error == MU_ERROR_NO_SLOT || error == MU_ERROR_SERVER_NOT_FOUND ||
                    error == MU_ERROR_CONFLICT);
    mu_outbox_note(lobby->out, "match %s: %s -> %s", match->id,
                   mu_error_info((uint32_t)error)->name,
                   refused ? "choose another server" : "learn what it is");
    mu_lobby_server_unreserve(lobby, &match->reserved, refused);
    if (refused) {
        arm(lobby, slot);
        return;
    }
    /* We know something wrong of it: not the same again before the store has told. */
    look_again(lobby, slot);
    mu_follow_doubt(&lobby->follow, lobby->event);
}

void mu_lobby_match_again(struct mu_lobby *lobby, uint32_t slot)
{
    struct mu_lobby_match *match = &lobby->matches[slot];
    bool needed = match->asked == MU_OP_MATCH_ALLOCATE      ? match->state == MU_MATCH_ALLOCATING
                  : match->reason == MU_REASON_NOT_ACCEPTED ? match->state == MU_MATCH_FORMED
                  : match->reason == MU_REASON_NO_SERVER    ? match->state == MU_MATCH_ALLOCATING
                                                            : match->state == MU_MATCH_LIVE;
    if (needed) {
        ask(lobby, slot);
        return;
    }
    mu_calls_remove(lobby->own, match->call);
    match->call = MU_CALL_NONE;
    mu_lobby_server_unreserve(lobby, &match->reserved, false);
    arm(lobby, slot);
}

/* It may have been set too early: to look again, or by what it was before. */
static void due(struct mu_lobby *lobby, uint32_t slot)
{
    struct mu_lobby_match *match = &lobby->matches[slot];
    int64_t now_ms = lobby->event->now_ms;
    int64_t give_up = match->since_ms + (int64_t)lobby->config->settings.server_give_up_ms;
    if (match->state == MU_MATCH_FORMED && now_ms >= match->since_ms + accept_ms(lobby, match)) {
        dissolve(lobby, slot, MU_REASON_NOT_ACCEPTED);
    } else if (match->state == MU_MATCH_LIVE && now_ms >= match->expire_ms) {
        dissolve(lobby, slot, MU_REASON_NO_RESULT);
    } else if (match->state == MU_MATCH_ALLOCATING && now_ms >= give_up) {
        dissolve(lobby, slot, MU_REASON_NO_SERVER);
    } else {
        arm(lobby, slot);
        lobby->place = true; /* it may be that other regions will do now */
    }
}

void mu_lobby_matches_due(struct mu_lobby *lobby)
{
    while (!mu_outbox_full(lobby->out)) {
        uint32_t slot = mu_heap_pop_due(lobby->matches_heap, lobby->event->now_ms);
        if (slot == MU_HEAP_NONE) {
            return;
        }
        due(lobby, slot);
    }
}

/* Placing. */

/* Free slots by region and mode; column 0 is for a mode that the configuration does not have. */
struct room {
    uint32_t free[MU_REGIONS_MAX][MU_MODES_MAX + 1];
};

static void count_room(const struct mu_lobby *lobby, uint32_t slot, bool add, struct room *room)
{
    const struct mu_lobby_server *server = &lobby->servers[slot];
    uint32_t slots = add ? server->slots - server->used - server->pending : 1;
    for (int32_t mode = -1; mode < (int32_t)lobby->config->modes_count; mode++) {
        if (mu_lobby_server_plays(server, mode)) {
            uint32_t *free = &room->free[server->region][mode + 1];
            *free = add ? *free + slots : *free - slots;
        }
    }
}

/* The region to look in: its own, or after a while the nearest that all reach and that has room.
 * -1: none now. */
static int32_t region_for(const struct mu_lobby *lobby, const struct mu_lobby_match *match,
                          const struct room *room)
{
    int32_t mode = match->mode;
    if (match->region >= 0 && room->free[match->region][mode + 1] > 0) {
        return match->region;
    }
    int64_t widen = match->since_ms + (int64_t)lobby->config->settings.server_wait_ms;
    if (lobby->event->now_ms < widen) {
        return -1;
    }
    uint32_t bound = mode >= 0 ? lobby->config->modes[mode].latency_max_ms : 0;
    int32_t best = -1;
    for (int32_t i = 0; i < (int32_t)lobby->config->regions_count; i++) {
        bool reached =
            match->reach[i] > 0 && (bound == 0 || (uint32_t)match->reach[i] - 1 <= bound);
        if (reached && room->free[i][mode + 1] > 0 &&
            (best < 0 || match->reach[i] < match->reach[best])) {
            best = i;
        }
    }
    return best;
}

/* Counts what is free, and sees to it that a server that is avoided is thought of when it no
 * longer is. */
static void survey(struct mu_lobby *lobby, struct room *room)
{
    int64_t now_ms = lobby->event->now_ms;
    memset(room, 0, sizeof *room);
    for (uint32_t i = 0; i < lobby->servers_slots.used; i++) {
        if (!mu_slots_busy(&lobby->servers_slots, i)) {
            continue;
        }
        int64_t avoid_ms = lobby->servers[i].avoid_ms;
        if (mu_lobby_server_free(lobby, i)) {
            count_room(lobby, i, true, room);
        } else if (avoid_ms > now_ms && avoid_ms < lobby->place_ms) {
            lobby->place_ms = avoid_ms;
        }
    }
}

void mu_lobby_place(struct mu_lobby *lobby)
{
    if (lobby->waiting_first == MU_SLOT_NONE) {
        lobby->place = false;
        lobby->place_ms = MU_NEVER;
    }
    if (!lobby->place) {
        return;
    }
    struct room room;
    lobby->place = false;
    lobby->place_ms = MU_NEVER;
    survey(lobby, &room);
    uint32_t placed = 0;
    uint32_t slot = lobby->waiting_first;
    while (slot != MU_SLOT_NONE && placed < PLACE_MAX && !mu_calls_full(lobby->own)) {
        struct mu_lobby_match *match = &lobby->matches[slot];
        uint32_t next = match->next;
        int32_t region = region_for(lobby, match, &room);
        if (region >= 0) {
            uint32_t server = mu_lobby_server_choose(lobby, region, match->mode);
            assert(server != MU_SLOT_NONE);
            count_room(lobby, server, false, &room);
            mu_lobby_server_reserve(lobby, server);
            wait_remove(lobby, slot);
            match->reserved = server;
            match->asked = MU_OP_MATCH_ALLOCATE;
            ask(lobby, slot);
            placed++;
        }
        slot = next;
    }
    if (slot != MU_SLOT_NONE) {
        lobby->place_ms = lobby->event->now_ms + (placed < PLACE_MAX ? MU_LOBBY_RETRY_MS : 0);
    }
}
