/* actors/store_match.c - matches: read, allocate, update. */
#include "actors/store_keeper.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "actors/token.h"
#include "core/placement.h"

bool mu_match_alive(enum mu_match_state state)
{
    return state == MU_MATCH_FORMED || state == MU_MATCH_ALLOCATING || state == MU_MATCH_LIVE;
}

uint32_t mu_match_unit(const struct mu_msg_match *match, uint32_t player)
{
    return match->teams == 1 ? player : (uint32_t)match->players[player].team;
}

int32_t mu_keeper_match_player(const struct mu_keeper *keeper, const char *player)
{
    const struct mu_msg_match *match = &keeper->match->match;
    for (uint32_t i = 0; i < match->players_count; i++) {
        if (strcmp(match->players[i].id, player) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

void mu_keeper_put_match(struct mu_keeper *keeper, enum mu_match_state state)
{
    struct mu_msg_match *match = &keeper->match->match;
    uint64_t lobbies = keeper->config->settings.lobbies;
    bool was_alive = mu_match_alive(match->state);
    uint32_t from = mu_placement_id(mu_placement_match(match), lobbies);
    match->state = state;
    match->version++;
    keeper->match->op = MU_OP_MATCH;
    mu_rows_put_id(&keeper->rows, MU_TABLE_MATCH, match->id, keeper->match);
    uint32_t to = mu_placement_id(mu_placement_match(match), lobbies);
    if (was_alive && from != to) { /* it goes to where its server is at home */
        mu_keeper_changed(keeper, (int32_t)from, MU_TABLE_MATCH, match->id, true, false);
        was_alive = false;
    }
    mu_keeper_changed(keeper, (int32_t)to, MU_TABLE_MATCH, match->id, was_alive,
                      mu_match_alive(state));
}

int mu_keeper_get_match(struct mu_keeper *keeper, const char *id)
{
    int r = mu_rows_get_id(&keeper->rows, MU_TABLE_MATCH, id, keeper->match);
    if (r == -ENOENT) {
        return mu_keeper_refuse(keeper, MU_ERROR_MATCH_NOT_FOUND, "%s", id);
    }
    return r;
}

int mu_keeper_match_get(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    int r = mu_keeper_get_match(keeper, msg->match_get.id);
    return r != 0 ? r : mu_keeper_answer(keeper, keeper->match);
}

void mu_keeper_begin_match(struct mu_keeper *keeper, const char *id, const struct mu_mode *mode,
                           const char *region)
{
    struct mu_msg_match *match = &keeper->match->match;
    match->version = 0; /* put makes it 1 */
    match->state = MU_MATCH_NONE;
    match->custom = false;
    match->rated = mode->rated;
    match->teams = mode->teams;
    match->players_count = 0;
    match->reach_count = 0;
    match->team_names_count = 0;
    match->rules = 0;
    match->quality = 0;
    match->server = (struct mu_msg_game_server){ 0 };
    match->created_ms = mu_keeper_wall(keeper);
    match->accept_by_ms = 0;
    match->started_ms = 0;
    match->ended_ms = 0;
    match->reason = MU_REASON_NONE;
    match->draw = false;
    match->ranking_count = 0;
    match->result_hash[0] = '\0';
    match->backfill[0] = '\0';
    (void)snprintf(match->id, sizeof match->id, "%s", id);
    (void)snprintf(match->mode, sizeof match->mode, "%s", mode->name);
    (void)snprintf(match->region, sizeof match->region, "%s", region);
}

/* Allocate. */

bool mu_keeper_server_fits(const struct mu_keeper *keeper, const char *mode)
{
    const struct mu_msg_server *server = &keeper->server->server;
    bool plays = server->modes_count == 0;
    for (uint32_t i = 0; i < server->modes_count; i++) {
        plays = plays || strcmp(server->modes[i].id, mode) == 0;
    }
    return plays && server->state == MU_SERVER_READY && server->used < server->slots;
}

void mu_keeper_go_live(struct mu_keeper *keeper)
{
    struct mu_msg_match *match = &keeper->match->match;
    struct mu_msg_server *server = &keeper->server->server;
    assert(server->used < server->slots);
    server->used++;
    mu_keeper_put_server(keeper, server->state);

    struct mu_msg_game_server *place = &match->server;
    *place = (struct mu_msg_game_server){ .port = server->port };
    memcpy(place->id, server->id, sizeof place->id);
    memcpy(place->ip, server->ip, sizeof place->ip);
    memcpy(place->region, server->region, sizeof place->region);
    match->started_ms = mu_keeper_wall(keeper);
    mu_keeper_put_match(keeper, MU_MATCH_LIVE);

    struct mu_msg_event *event = mu_keeper_match_event(keeper, MU_EVENT_MATCH_STARTED);
    event->server = *place;
    for (uint32_t i = 0; i < match->players_count; i++) {
        struct mu_seat *seat = &keeper->seats[i];
        event->team = mu_match_unit(match, i);
        int r = mu_token_make(server->key_hash, match->id, seat->id, event->join_token);
        assert(r == 0); /* SERVER_REGISTER takes no other key hashes */
        (void)r;
        seat->engagement.misses = 0;
        mu_keeper_event(keeper, seat);
        mu_keeper_put_seat(keeper, seat);
    }
}

int mu_keeper_match_allocate(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_match_allocate *request = &msg->match_allocate;
    int r = mu_keeper_check_lobby_fence(keeper, request->match);
    if (r == 0) {
        r = mu_keeper_get_match(keeper, request->match);
    }
    if (r != 0) {
        return r;
    }
    const struct mu_msg_match *match = &keeper->match->match;
    if (match->state != MU_MATCH_ALLOCATING) {
        mu_outbox_note(keeper->out, "match does not wait for a server -> as it is");
        return mu_keeper_answer(keeper, keeper->match);
    }
    r = mu_keeper_get_server(keeper, request->server);
    if (r != 0) {
        return r;
    }
    if (!mu_keeper_server_fits(keeper, match->mode)) {
        return mu_keeper_refuse(keeper, MU_ERROR_NO_SLOT, "%s", request->server);
    }
    r = mu_keeper_get_match_seats(keeper, true);
    if (r != 0) {
        return r;
    }
    mu_keeper_go_live(keeper);
    return mu_keeper_answer(keeper, keeper->match);
}

/* Update. */

static bool status_valid(const char *status)
{
    return status[0] != '\0' && status[strspn(status, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_")] == '\0';
}

static int apply_update(struct mu_keeper *keeper, const struct mu_msg_match_update *request)
{
    struct mu_msg_match *match = &keeper->match->match;
    for (uint32_t i = 0; i < request->scores_count; i++) {
        int32_t at = mu_keeper_match_player(keeper, request->scores[i].id);
        if (at < 0) {
            return mu_keeper_refuse(keeper, MU_ERROR_NOT_IN_MATCH, "%s", request->scores[i].id);
        }
        match->players[at].score = request->scores[i].score;
    }
    for (uint32_t i = 0; i < request->statuses_count; i++) {
        const struct mu_msg_player_status *status = &request->statuses[i];
        int32_t at = mu_keeper_match_player(keeper, status->id);
        if (at < 0) {
            return mu_keeper_refuse(keeper, MU_ERROR_NOT_IN_MATCH, "%s", status->id);
        }
        if (!status_valid(status->status)) {
            return mu_keeper_refuse(keeper, MU_ERROR_VALIDATION_FAILED, "status of %s", status->id);
        }
        if (match->players[at].freed && strcmp(status->status, MU_STATUS_LEFT) != 0) {
            return mu_keeper_refuse(keeper, MU_ERROR_NOT_IN_MATCH, "%s left for good", status->id);
        }
        memcpy(match->players[at].status, status->status, sizeof match->players[at].status);
    }
    return 0;
}

int mu_keeper_match_update(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_match_update *request = &msg->match_update;
    int r = mu_keeper_get_match(keeper, request->match);
    if (r == 0) {
        r = mu_keeper_get_match_server(keeper, request->key_hash);
    }
    if (r != 0) {
        return r;
    }
    if (keeper->match->match.state != MU_MATCH_LIVE) {
        return mu_keeper_refuse(keeper, MU_ERROR_MATCH_NOT_LIVE, "%s", request->match);
    }
    r = apply_update(keeper, request); /* in memory only, as long as it may refuse */
    if (r != 0) {
        return r;
    }
    mu_keeper_put_match(keeper, MU_MATCH_LIVE);
    return mu_keeper_answer(keeper, keeper->match);
}
