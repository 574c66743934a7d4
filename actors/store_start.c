/* actors/store_start.c - ready, not ready, declined; and the start of a custom lobby. */
#include "actors/store_keeper.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int answer_readied(struct mu_keeper *keeper, const char *lobby, uint32_t ready,
                          uint32_t total)
{
    struct mu_msg_lobby_readied *answer = &keeper->reply->lobby_readied;
    keeper->reply->op = MU_OP_LOBBY_READIED;
    *answer = (struct mu_msg_lobby_readied){ .ready = ready, .total = total };
    (void)snprintf(answer->lobby, sizeof answer->lobby, "%s", lobby);
    return mu_keeper_answer(keeper, keeper->reply);
}

/* Tells all whose seats are in keeper->seats how many are ready. */
static void tell_ready(struct mu_keeper *keeper, struct mu_msg_event *event, uint32_t ready,
                       uint32_t total)
{
    event->ready = ready;
    event->total = total;
    for (uint32_t i = 0; i < keeper->seats_count; i++) {
        mu_keeper_event(keeper, &keeper->seats[i]);
        mu_keeper_put_seat(keeper, &keeper->seats[i]);
    }
}

/* A custom lobby. */

static int ready_member(struct mu_keeper *keeper, const struct mu_msg_lobby_ready *request)
{
    struct mu_msg_lobby *lobby = &keeper->lobby->lobby;
    int32_t index = mu_keeper_member(keeper, request->player);
    if (index < 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_NOT_IN_LOBBY, "%s", request->player);
    }
    int r = mu_keeper_get_member_seats(keeper);
    if (r != 0) {
        return r;
    }
    struct mu_msg_lobby_member *member = &lobby->members[index];
    bool wanted = request->accept == MU_ACCEPT_ACCEPTED;
    bool changed = member->ready != wanted;
    member->ready = wanted;
    uint32_t ready = 0;
    for (uint32_t i = 0; i < lobby->members_count; i++) {
        ready += lobby->members[i].ready ? 1 : 0;
    }
    if (changed) {
        mu_keeper_put_lobby(keeper, MU_LOBBY_OPEN);
        tell_ready(keeper, mu_keeper_lobby_event(keeper, MU_EVENT_READY_UPDATE), ready,
                   lobby->members_count);
    }
    return answer_readied(keeper, lobby->id, ready, lobby->members_count);
}

/* A formed match. */

static uint32_t count_accepted(const struct mu_msg_match *match)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < match->players_count; i++) {
        count += match->players[i].accept == MU_ACCEPT_ACCEPTED ? 1 : 0;
    }
    return count;
}

/* Whether everybody is told of this change.  In a large match only when another sixteenth has
 * accepted: 200 times 200 messages would help nobody. */
static bool worth_telling(uint32_t before, uint32_t after, uint32_t total)
{
    return total <= MU_STORE_READY_UPDATE_MAX ||
           before * MU_STORE_READY_UPDATE_MAX / total != after * MU_STORE_READY_UPDATE_MAX / total;
}

static int accept_match(struct mu_keeper *keeper, const struct mu_msg_lobby_ready *request,
                        uint32_t index)
{
    struct mu_msg_match *match = &keeper->match->match;
    uint32_t before = count_accepted(match);
    if (request->accept != MU_ACCEPT_DECLINED) {
        int r = mu_keeper_get_match_seats(keeper, true);
        if (r != 0) {
            return r;
        }
    }
    match->players[index].accept = request->accept;
    uint32_t after = count_accepted(match);
    uint32_t total = match->players_count;
    if (request->accept == MU_ACCEPT_DECLINED) {
        int r = mu_keeper_dissolve(keeper, MU_REASON_DECLINED);
        return r != 0 ? r : answer_readied(keeper, request->lobby, after, total);
    }
    mu_keeper_put_match(keeper, after == total ? MU_MATCH_ALLOCATING : MU_MATCH_FORMED);
    if (worth_telling(before, after, total)) {
        tell_ready(keeper, mu_keeper_match_event(keeper, MU_EVENT_READY_UPDATE), after, total);
    }
    return answer_readied(keeper, request->lobby, after, total);
}

static int ready_match(struct mu_keeper *keeper, const struct mu_msg_lobby_ready *request)
{
    const struct mu_msg_match *match = &keeper->match->match;
    int32_t index = mu_keeper_match_player(keeper, request->player);
    if (index < 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_NOT_IN_MATCH, "%s", request->player);
    }
    bool same = match->players[index].accept == request->accept;
    bool over = match->state == MU_MATCH_ABORTED && match->reason == MU_REASON_DECLINED;
    if (match->state == MU_MATCH_FORMED && !same) {
        return accept_match(keeper, request, (uint32_t)index);
    }
    /* The last one's acceptance ended the asking, a refusal the match: said again, they are
     * answered again.  Where nobody was asked, everybody counts as having accepted. */
    bool accepted = request->accept == MU_ACCEPT_ACCEPTED &&
                    (match->state == MU_MATCH_ALLOCATING || match->state == MU_MATCH_LIVE);
    bool declined = over && same && request->accept == MU_ACCEPT_DECLINED;
    if (match->state == MU_MATCH_FORMED || accepted || declined) {
        uint32_t ready = accepted ? match->players_count : count_accepted(match);
        return answer_readied(keeper, request->lobby, ready, match->players_count);
    }
    return mu_keeper_refuse(keeper, MU_ERROR_NOT_ACCEPTING, "%s", match->id);
}

int mu_keeper_lobby_ready(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_lobby_ready *request = &msg->lobby_ready;
    char match[MU_ID_MAX + 1];
    int r = mu_rows_get_id(&keeper->rows, MU_TABLE_LOBBY, request->lobby, keeper->lobby);
    if (r == 0) {
        r = mu_keeper_get_open_lobby(keeper, request->lobby);
        return r != 0 ? r : ready_member(keeper, request);
    }
    if (r == -ENOENT && mu_id_valid(request->lobby, MU_ID_PREFIX_LOBBY) &&
        mu_id_with_prefix(request->lobby, MU_ID_PREFIX_MATCH, match) == 0) {
        r = mu_rows_get_id(&keeper->rows, MU_TABLE_MATCH, match, keeper->match);
        if (r == 0) {
            return ready_match(keeper, request);
        }
    }
    if (r == -ENOENT) {
        return mu_keeper_refuse(keeper, MU_ERROR_LOBBY_NOT_FOUND, "%s", request->lobby);
    }
    return r;
}

/* Start. */

/* Refuses when there are too few, or when not all but the host are ready. */
static int check_ready(struct mu_keeper *keeper)
{
    const struct mu_msg_lobby *lobby = &keeper->lobby->lobby;
    char waiting[sizeof keeper->reply->error.detail] = "";
    size_t used = 0;
    bool all = true;
    for (uint32_t i = 0; i < lobby->members_count; i++) {
        const struct mu_msg_lobby_member *member = &lobby->members[i];
        if (member->ready || strcmp(member->id, lobby->host) == 0) {
            continue;
        }
        all = false;
        size_t length = strlen(member->id);
        if (used + 1 + length < sizeof waiting) { /* whole ids only; the lobby shows the rest */
            used += (size_t)snprintf(waiting + used, sizeof waiting - used, "%s%s",
                                     used > 0 ? "," : "", member->id);
        }
    }
    if (lobby->members_count < lobby->players_min || !all) {
        return mu_keeper_refuse(keeper, MU_ERROR_INSUFFICIENT_PLAYERS, "%s", waiting);
    }
    return 0;
}

/* Reads the server that the lobby actor chose.  Whatever is wrong with it, the answer is "ask
 * again": it will choose another. */
static int get_chosen_server(struct mu_keeper *keeper, const char *server)
{
    int r = mu_rows_get_id(&keeper->rows, MU_TABLE_SERVER, server, keeper->server);
    if (r == -ENOENT || (r == 0 && !mu_keeper_server_fits(keeper, keeper->lobby->lobby.mode))) {
        return mu_keeper_refuse(keeper, MU_ERROR_NO_SERVER, "%s", server);
    }
    return r;
}

/* Makes the match of keeper->lobby: same ULID, teams dealt by the order of joining. */
static void make_match(struct mu_keeper *keeper, const struct mu_mode *mode, const char *id)
{
    const struct mu_msg_lobby *lobby = &keeper->lobby->lobby;
    struct mu_msg_match *match = &keeper->match->match;
    mu_keeper_begin_match(keeper, id, mode, lobby->region);
    match->custom = true;
    match->teams = mode->teams < lobby->members_count ? mode->teams : lobby->members_count;
    for (uint32_t i = 0; i < lobby->members_count; i++) {
        /* In team order: first all of team 0, which are the members 0, teams, 2 * teams ... */
        for (uint32_t at = i; i < match->teams && at < lobby->members_count;
             at += (uint32_t)match->teams) {
            const struct mu_msg_lobby_member *member = &lobby->members[at];
            struct mu_msg_match_player *player = &match->players[match->players_count];
            *player = (struct mu_msg_match_player){
                .rating = member->rating,
                .team = i,
                .accept = MU_ACCEPT_ACCEPTED,
            };
            memcpy(player->id, member->id, sizeof player->id);
            memcpy(player->username, member->username, sizeof player->username);
            match->players_count++;
        }
    }
    assert(match->players_count == lobby->members_count);
}

/* Reads the members' seats, in the order of the match's players. */
static int get_player_seats(struct mu_keeper *keeper)
{
    const struct mu_msg_match *match = &keeper->match->match;
    keeper->seats_count = match->players_count;
    for (uint32_t i = 0; i < match->players_count; i++) {
        int r = mu_keeper_get_seat_in(keeper, match->players[i].id, MU_ENGAGED_LOBBY,
                                      keeper->lobby->lobby.id, &keeper->seats[i]);
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

static int start_lobby(struct mu_keeper *keeper, const struct mu_msg_lobby_start *request)
{
    struct mu_msg_lobby *lobby = &keeper->lobby->lobby;
    int32_t mode = mu_config_mode(keeper->config, lobby->mode);
    if (mode < 0) { /* it was taken out of the configuration */
        return mu_keeper_refuse(keeper, MU_ERROR_GAME_MODE_NOT_FOUND, "%s", lobby->mode);
    }
    if (strcmp(request->player, lobby->host) != 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_NOT_HOST, "%s", request->player);
    }
    int r = check_ready(keeper);
    if (r == 0) {
        r = get_chosen_server(keeper, request->server);
    }
    if (r != 0) {
        return r;
    }
    char id[MU_ID_MAX + 1];
    if (mu_id_with_prefix(lobby->id, MU_ID_PREFIX_MATCH, id) != 0) {
        return mu_rows_damage(&keeper->rows);
    }
    make_match(keeper, &keeper->config->modes[mode], id);
    r = get_player_seats(keeper);
    if (r != 0) {
        return r;
    }
    memcpy(lobby->match, id, sizeof lobby->match);
    mu_keeper_put_lobby(keeper, MU_LOBBY_STARTED);
    for (uint32_t i = 0; i < keeper->seats_count; i++) {
        mu_seat_engage(&keeper->seats[i], MU_ENGAGED_MATCH, id);
    }
    mu_keeper_go_live(keeper);
    return mu_keeper_answer(keeper, keeper->match);
}

int mu_keeper_lobby_start(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_lobby_start *request = &msg->lobby_start;
    int r = mu_keeper_check_lobby_fence(keeper, request->lobby);
    if (r == 0) {
        r = mu_rows_get_id(&keeper->rows, MU_TABLE_LOBBY, request->lobby, keeper->lobby);
    }
    const struct mu_msg_lobby *lobby = &keeper->lobby->lobby;
    if (r == 0 && lobby->state == MU_LOBBY_STARTED && strcmp(request->player, lobby->host) == 0) {
        mu_outbox_note(keeper->out, "lobby has started -> its match");
        r = mu_rows_need_id(&keeper->rows, MU_TABLE_MATCH, lobby->match, keeper->match);
        return r != 0 ? r : mu_keeper_answer(keeper, keeper->match);
    }
    if (r == 0 || r == -ENOENT) {
        r = mu_keeper_get_open_lobby(keeper, request->lobby);
    }
    return r != 0 ? r : start_lobby(keeper, request);
}
