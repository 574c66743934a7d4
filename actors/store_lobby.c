/* actors/store_lobby.c - custom lobbies: create, read, join, leave. */
#include "actors/store_keeper.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/placement.h"

enum {
    CODE_BYTES = 6,   /* of a join code */
    CODE_TRIES = 16,  /* with 2^30 codes even a million lobbies need two of them rarely */
    PLAYERS_MIN = 2,  /* of a lobby, and its default */
    PLAYERS_MAX = 16, /* of a lobby */
    PLAYERS_USUAL = 10,
};

void mu_keeper_put_lobby(struct mu_keeper *keeper, enum mu_lobby_state state)
{
    struct mu_msg_lobby *lobby = &keeper->lobby->lobby;
    bool was_open = lobby->state == MU_LOBBY_OPEN;
    bool is_open = state == MU_LOBBY_OPEN;
    lobby->state = state;
    lobby->version++;
    keeper->lobby->op = MU_OP_LOBBY;
    mu_rows_put_id(&keeper->rows, MU_TABLE_LOBBY, lobby->id, keeper->lobby);
    struct mu_key code;
    mu_rows_key_text(&code, lobby->join_code);
    if (is_open && !was_open) {
        struct mu_key value; /* the id's characters, as in a key */
        mu_rows_key_text(&value, lobby->id);
        mu_rows_put_bytes(&keeper->rows, MU_TABLE_JOIN_CODE, &code, mu_key_slice(&value));
    }
    if (was_open && !is_open) {
        mu_rows_del(&keeper->rows, MU_TABLE_JOIN_CODE, &code);
    }
    uint32_t home = mu_placement_id(lobby->id, keeper->config->settings.lobbies);
    mu_keeper_changed(keeper, (int32_t)home, MU_TABLE_LOBBY, lobby->id, was_open, is_open);
}

int mu_keeper_get_open_lobby(struct mu_keeper *keeper, const char *id)
{
    int r = mu_rows_get_id(&keeper->rows, MU_TABLE_LOBBY, id, keeper->lobby);
    if (r == -ENOENT || (r == 0 && keeper->lobby->lobby.state == MU_LOBBY_CLOSED)) {
        return mu_keeper_refuse(keeper, MU_ERROR_LOBBY_NOT_FOUND, "%s", id);
    }
    if (r == 0 && keeper->lobby->lobby.state != MU_LOBBY_OPEN) {
        return mu_keeper_refuse_engaged(keeper, MU_ERROR_LOBBY_NOT_OPEN, MU_ENGAGED_MATCH,
                                        keeper->lobby->lobby.match);
    }
    return r;
}

int32_t mu_keeper_member(const struct mu_keeper *keeper, const char *player)
{
    const struct mu_msg_lobby *lobby = &keeper->lobby->lobby;
    for (uint32_t i = 0; i < lobby->members_count; i++) {
        if (strcmp(lobby->members[i].id, player) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

static void add_member(struct mu_keeper *keeper, const struct mu_msg_player *player)
{
    struct mu_msg_lobby *lobby = &keeper->lobby->lobby;
    struct mu_msg_lobby_member *member = &lobby->members[lobby->members_count++];
    *member = (struct mu_msg_lobby_member){ .rating = player->rating,
                                            .joined_ms = mu_keeper_wall(keeper) };
    memcpy(member->id, player->id, sizeof member->id);
    memcpy(member->username, player->username, sizeof member->username);
}

/* Makes a code that no open lobby has: 0, UNAVAILABLE or -errno. */
static int make_code(struct mu_keeper *keeper, char ret[CODE_BYTES + 1])
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* Crockford's 32 */
    for (uint32_t i = 0; i < CODE_TRIES; i++) {
        uint64_t draw = mu_rng_next(&keeper->codes);
        for (uint32_t j = 0; j < CODE_BYTES; j++) {
            ret[j] = digits[draw >> (5 * j) & 31];
        }
        ret[CODE_BYTES] = '\0';
        struct mu_key key;
        mu_rows_key_text(&key, ret);
        int r = mu_rows_has(&keeper->rows, MU_TABLE_JOIN_CODE, &key);
        if (r <= 0) {
            return r;
        }
    }
    return mu_keeper_refuse(keeper, MU_ERROR_UNAVAILABLE, "no join code is free");
}

/* Fills keeper->lobby but for its host. */
static void begin_lobby(struct mu_keeper *keeper, const struct mu_msg_lobby_create *request,
                        const struct mu_msg_player *host, const char *region)
{
    uint64_t now = mu_keeper_wall(keeper);
    struct mu_msg_lobby *lobby = &keeper->lobby->lobby;
    *lobby = (struct mu_msg_lobby){
        .is_private = request->is_private,
        .players_max = request->players_max == 0 ? PLAYERS_USUAL : request->players_max,
        .players_min = request->players_min == 0 ? PLAYERS_MIN : request->players_min,
        .created_ms = now,
    };
    mu_id_make(&keeper->ids, MU_ID_PREFIX_LOBBY, (int64_t)now, lobby->id);
    if (request->name[0] != '\0') {
        memcpy(lobby->name, request->name, sizeof lobby->name);
    } else {
        (void)snprintf(lobby->name, sizeof lobby->name, "%s's lobby", host->username);
    }
    memcpy(lobby->mode, request->mode, sizeof lobby->mode);
    (void)snprintf(lobby->region, sizeof lobby->region, "%s", region);
    memcpy(lobby->host, host->id, sizeof lobby->host);
    memcpy(lobby->password_hash, request->password_hash, sizeof lobby->password_hash);
    memcpy(lobby->settings, request->settings, sizeof lobby->settings);
    memcpy(lobby->custom_rules, request->custom_rules, sizeof lobby->custom_rules);
}

int mu_keeper_lobby_create(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_lobby_create *request = &msg->lobby_create;
    uint64_t players_max = request->players_max == 0 ? PLAYERS_USUAL : request->players_max;
    /* No fence: nothing is decided on what the lobby actor knows, and what is to be has no
     * partition yet. */
    if (mu_config_mode(keeper->config, request->mode) < 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_GAME_MODE_NOT_FOUND, "%s", request->mode);
    }
    if (players_max < PLAYERS_MIN || players_max > PLAYERS_MAX || request->players_min == 1 ||
        request->players_min > players_max) {
        return mu_keeper_refuse(keeper, MU_ERROR_VALIDATION_FAILED, "a lobby has 2 to 16 players");
    }
    struct mu_msg_player *host = &keeper->players[0];
    struct mu_seat *seat = &keeper->seats[0];
    char code[CODE_BYTES + 1];
    int r = mu_keeper_get_free_player(keeper, request->host, host, seat);
    if (r == 0) {
        r = make_code(keeper, code);
    }
    if (r != 0) {
        return r;
    }
    const char *wanted = request->region[0] != '\0' ? request->region : host->region;
    const char *region = mu_keeper_region(keeper, wanted);
    if (region == NULL) {
        return mu_keeper_refuse(keeper, MU_ERROR_REGION_NOT_SUPPORTED, "%s", wanted);
    }
    begin_lobby(keeper, request, host, region);
    memcpy(keeper->lobby->lobby.join_code, code, sizeof code);
    add_member(keeper, host);
    mu_keeper_put_lobby(keeper, MU_LOBBY_OPEN);
    mu_seat_engage(seat, MU_ENGAGED_LOBBY, keeper->lobby->lobby.id);
    mu_keeper_put_seat(keeper, seat);
    return mu_keeper_answer(keeper, keeper->lobby);
}

/* Shows a match as the lobby that its players were told of; MATCH_FOUND names it. */
static void show_match(struct mu_keeper *keeper)
{
    const struct mu_msg_match *match = &keeper->match->match;
    struct mu_msg_lobby *lobby = &keeper->lobby->lobby;
    keeper->lobby->op = MU_OP_LOBBY;
    *lobby = (struct mu_msg_lobby){
        .version = match->version,
        .state = match->state == MU_MATCH_FORMED ? MU_LOBBY_OPEN
                 : mu_match_alive(match->state)  ? MU_LOBBY_STARTED
                                                 : MU_LOBBY_CLOSED,
        .is_private = true,
        .players_max = match->players_count,
        .players_min = match->players_count,
        .members_count = match->players_count,
        .created_ms = match->created_ms,
    };
    (void)mu_id_with_prefix(match->id, MU_ID_PREFIX_LOBBY, lobby->id); /* was checked */
    memcpy(lobby->mode, match->mode, sizeof lobby->mode);
    memcpy(lobby->region, match->region, sizeof lobby->region);
    memcpy(lobby->match, match->id, sizeof lobby->match);
    memcpy(lobby->host, match->players[0].id, sizeof lobby->host);
    for (uint32_t i = 0; i < match->players_count; i++) {
        struct mu_msg_lobby_member *member = &lobby->members[i];
        *member = (struct mu_msg_lobby_member){
            .rating = match->players[i].rating,
            .ready = match->players[i].accept == MU_ACCEPT_ACCEPTED,
            .joined_ms = match->created_ms,
        };
        memcpy(member->id, match->players[i].id, sizeof member->id);
        memcpy(member->username, match->players[i].username, sizeof member->username);
    }
}

int mu_keeper_lobby_get(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const char *id = msg->lobby_get.id;
    int r = mu_rows_get_id(&keeper->rows, MU_TABLE_LOBBY, id, keeper->lobby);
    char match[MU_ID_MAX + 1];
    if (r == -ENOENT && mu_id_valid(id, MU_ID_PREFIX_LOBBY) &&
        mu_id_with_prefix(id, MU_ID_PREFIX_MATCH, match) == 0) {
        r = mu_rows_get_id(&keeper->rows, MU_TABLE_MATCH, match, keeper->match);
        if (r == 0 && keeper->match->match.players_count > PLAYERS_MAX) {
            r = -ENOENT; /* too many for a lobby: there is GET /matches */
        }
        if (r == 0) {
            show_match(keeper);
        }
    }
    if (r == -ENOENT) {
        return mu_keeper_refuse(keeper, MU_ERROR_LOBBY_NOT_FOUND, "%s", id);
    }
    return r != 0 ? r : mu_keeper_answer(keeper, keeper->lobby);
}

/* Tells the members, whose seats are read, in keeper->seats[0..count - 1]; writes the seats. */
static void tell_members(struct mu_keeper *keeper, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        mu_keeper_event(keeper, &keeper->seats[i]);
        mu_keeper_put_seat(keeper, &keeper->seats[i]);
    }
}

static void set_subject(struct mu_msg_event *event, const struct mu_msg_lobby_member *member)
{
    event->subject = (struct mu_msg_event_player){ .rating = member->rating };
    memcpy(event->subject.id, member->id, sizeof event->subject.id);
    memcpy(event->subject.username, member->username, sizeof event->subject.username);
}

int mu_keeper_lobby_join(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_lobby_join *request = &msg->lobby_join;
    struct mu_msg_lobby *lobby = &keeper->lobby->lobby;
    int r = mu_keeper_check_lobby_fence(keeper, request->lobby);
    if (r == 0) {
        r = mu_keeper_get_open_lobby(keeper, request->lobby);
    }
    if (r != 0) {
        return r;
    }
    if (mu_keeper_member(keeper, request->player) >= 0) {
        return mu_keeper_answer(keeper, keeper->lobby);
    }
    if (lobby->password_hash[0] != '\0' && keeper->event->envelope->fence == 0) {
        /* Passwords are checked by the lobby actor; who comes around it has shown none. */
        return mu_keeper_refuse(keeper, MU_ERROR_WRONG_PASSWORD, "not through the lobby");
    }
    struct mu_msg_player *player = &keeper->players[0];
    struct mu_seat seat;
    r = mu_keeper_get_free_player(keeper, request->player, player, &seat);
    if (r == 0 && lobby->members_count >= lobby->players_max) {
        r = mu_keeper_refuse(keeper, MU_ERROR_LOBBY_FULL, "%s", lobby->id);
    }
    if (r == 0) {
        r = mu_keeper_get_member_seats(keeper);
    }
    if (r != 0) {
        return r;
    }
    uint32_t others_count = lobby->members_count;
    add_member(keeper, player);
    mu_keeper_put_lobby(keeper, MU_LOBBY_OPEN);
    mu_seat_engage(&seat, MU_ENGAGED_LOBBY, lobby->id);
    mu_keeper_put_seat(keeper, &seat);
    struct mu_msg_event *event = mu_keeper_lobby_event(keeper, MU_EVENT_PLAYER_JOINED);
    set_subject(event, &lobby->members[others_count]);
    tell_members(keeper, others_count);
    return mu_keeper_answer(keeper, keeper->lobby);
}

/* Takes members[index] and seats[index] out; the ones behind move up. */
static void remove_member(struct mu_keeper *keeper, uint32_t index)
{
    struct mu_msg_lobby *lobby = &keeper->lobby->lobby;
    uint32_t behind = lobby->members_count - index - 1;
    memmove(&lobby->members[index], &lobby->members[index + 1], behind * sizeof lobby->members[0]);
    memmove(&keeper->seats[index], &keeper->seats[index + 1], behind * sizeof keeper->seats[0]);
    lobby->members_count--;
    keeper->seats_count--;
}

int mu_keeper_lobby_leave(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_lobby_leave *request = &msg->lobby_leave;
    struct mu_msg_lobby *lobby = &keeper->lobby->lobby;
    int r = mu_keeper_check_lobby_fence(keeper, request->lobby);
    if (r == 0) {
        r = mu_keeper_get_open_lobby(keeper, request->lobby);
    }
    if (r != 0) {
        return r;
    }
    int32_t index = mu_keeper_member(keeper, request->player);
    if (index < 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_NOT_IN_LOBBY, "%s", request->player);
    }
    r = mu_keeper_get_member_seats(keeper);
    if (r != 0) {
        return r;
    }
    const struct mu_msg_lobby_member member = lobby->members[index];
    struct mu_seat seat = keeper->seats[index];
    remove_member(keeper, (uint32_t)index);
    bool empty = lobby->members_count == 0;
    if (!empty) {
        memcpy(lobby->host, lobby->members[0].id, sizeof lobby->host);
    }
    mu_keeper_put_lobby(keeper, empty ? MU_LOBBY_CLOSED : MU_LOBBY_OPEN);
    struct mu_msg_event *event =
        mu_keeper_lobby_event(keeper, empty ? MU_EVENT_LOBBY_CLOSED : MU_EVENT_PLAYER_LEFT);
    event->reason = empty ? MU_REASON_EMPTY : request->reason;
    if (!empty) {
        set_subject(event, &member);
        memcpy(event->new_host, lobby->host, sizeof event->new_host);
    }
    mu_seat_engage(&seat, MU_ENGAGED_NONE, "");
    if (empty || request->reason == MU_REASON_KICKED || request->reason == MU_REASON_DISCONNECTED) {
        mu_keeper_event(keeper, &seat); /* it was not his own wish: he must learn of it */
    }
    mu_keeper_put_seat(keeper, &seat);
    tell_members(keeper, lobby->members_count);
    return mu_keeper_answer(keeper, keeper->lobby);
}
