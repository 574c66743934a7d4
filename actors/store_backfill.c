/* actors/store_backfill.c - backfills: players are wanted for the open places of a match that is
 * played.  How they are found is the queue's; who has come is store_backfill_fill.c's.
 *
 * While a backfill is QUEUED its match is LIVE and names it, and its players are those of the match
 * that are not freed: only BACKFILL_ADD frees any.  So whoever sees it as it was seen before also
 * sees the teams as they were. */
#include "actors/store_keeper.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "actors/backfill_details.h"

enum {
    LEASE_DEFAULT_MS = 60000,
    LEASE_MIN_MS = 1000,
    DETAILS_MAX = 65535, /* bytes, of BACKFILL */
};

/* Reading and writing. */

/* Writes keeper->backfill in its new state: record, LIVE, log. */
static void put_backfill(struct mu_keeper *keeper, enum mu_backfill_state state)
{
    struct mu_msg_backfill *backfill = &keeper->backfill->backfill;
    bool was_live = backfill->state == MU_BACKFILL_QUEUED;
    bool created = backfill->created;
    backfill->state = state;
    backfill->created = false;
    keeper->backfill->op = MU_OP_BACKFILL;
    mu_rows_put_id(&keeper->rows, MU_TABLE_BACKFILL, backfill->id, keeper->backfill);
    mu_keeper_changed(keeper, mu_keeper_queue(keeper, backfill->region), MU_TABLE_BACKFILL,
                      backfill->id, was_live, state == MU_BACKFILL_QUEUED);
    backfill->created = created;
}

/* Answers with keeper->backfill, but for what only matchers read. */
static int answer_backfill(struct mu_keeper *keeper)
{
    keeper->backfill->backfill.details[0] = '\0';
    return mu_keeper_answer(keeper, keeper->backfill);
}

int mu_keeper_get_backfill(struct mu_keeper *keeper, const char *id)
{
    int r = mu_rows_get_id(&keeper->rows, MU_TABLE_BACKFILL, id, keeper->backfill);
    if (r == 0 && mu_keeper_queue(keeper, keeper->backfill->backfill.region) < 0) {
        r = mu_rows_damage(&keeper->rows);
    }
    return r;
}

int mu_keeper_get_match_backfill(struct mu_keeper *keeper)
{
    const struct mu_msg_match *match = &keeper->match->match;
    if (match->backfill[0] == '\0') {
        return 0;
    }
    int r = mu_keeper_get_backfill(keeper, match->backfill);
    const struct mu_msg_backfill *backfill = &keeper->backfill->backfill;
    if (r == -ENOENT || (r == 0 && (backfill->state != MU_BACKFILL_QUEUED ||
                                    strcmp(backfill->match, match->id) != 0))) {
        r = mu_rows_damage(&keeper->rows);
    }
    return r;
}

void mu_keeper_end_match_backfill(struct mu_keeper *keeper, enum mu_backfill_state state)
{
    struct mu_msg_match *match = &keeper->match->match;
    struct mu_msg_backfill *backfill = &keeper->backfill->backfill;
    if (match->backfill[0] == '\0') {
        return;
    }
    assert(strcmp(match->backfill, backfill->id) == 0);
    match->backfill[0] = '\0';
    backfill->ended_ms = mu_keeper_wall(keeper);
    backfill->version++;
    put_backfill(keeper, state);
}

/* Add. */

/* A backfill that is being made, or made anew. */
struct plan {
    struct mu_slice said[MU_MATCH_PLAYERS_MAX]; /* by player of the match; size 0: nothing */
    struct mu_slice details;                    /* in keeper->bytes */
};

/* What the request says of players, by their index in the match. */
static int read_said(struct mu_keeper *keeper, const struct mu_msg_backfill_add *request,
                     struct plan *plan)
{
    struct mu_details_reader reader = { .text = request->details };
    for (uint32_t i = 0; i < request->players_count; i++) {
        const char *id = request->players[i].id;
        int32_t at = mu_keeper_match_player(keeper, id);
        if (at < 0) {
            return mu_keeper_refuse(keeper, MU_ERROR_NOT_IN_MATCH, "%s", id);
        }
        if (plan->said[at].size > 0) {
            return mu_keeper_refuse(keeper, MU_ERROR_VALIDATION_FAILED, "%s comes twice", id);
        }
        if (!mu_details_next(&reader, &plan->said[at])) {
            return mu_keeper_refuse(keeper, MU_ERROR_VALIDATION_FAILED, "nothing is said of %s",
                                    id);
        }
    }
    struct mu_slice more;
    if (mu_details_next(&reader, &more) || reader.malformed) {
        return mu_keeper_refuse(keeper, MU_ERROR_VALIDATION_FAILED,
                                "details are not an object for each player");
    }
    return 0;
}

/* Frees, in memory, those who have left: their seats into keeper->seats. */
static int free_leavers(struct mu_keeper *keeper, const struct mu_msg_backfill_add *request)
{
    struct mu_msg_match *match = &keeper->match->match;
    for (uint32_t i = 0; i < request->leavers_count; i++) {
        int32_t at = mu_keeper_match_player(keeper, request->leavers[i].id);
        if (at < 0) {
            return mu_keeper_refuse(keeper, MU_ERROR_NOT_IN_MATCH, "%s", request->leavers[i].id);
        }
        (void)snprintf(match->players[at].status, sizeof match->players[at].status, "%s",
                       MU_STATUS_LEFT);
    }
    keeper->seats_count = 0;
    for (uint32_t i = 0; i < match->players_count; i++) {
        struct mu_msg_match_player *player = &match->players[i];
        if (player->freed || strcmp(player->status, MU_STATUS_LEFT) != 0) {
            continue;
        }
        player->freed = true;
        int r = mu_keeper_get_seat_in(keeper, player->id, MU_ENGAGED_MATCH, match->id,
                                      &keeper->seats[keeper->seats_count++]);
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

/* What a player came with: his deviation and his object, of his ticket.  The object lives until
 * the next ticket is read. */
static int read_came(struct mu_keeper *keeper, const struct mu_msg_match_player *player,
                     uint64_t *ret_deviation, struct mu_slice *ret)
{
    *ret_deviation = 0;
    *ret = mu_details_object((struct mu_slice){ NULL, 0 }, 0);
    if (player->ticket[0] == '\0') {
        return 0; /* from a lobby */
    }
    int r = mu_keeper_need_ticket(keeper, player->ticket);
    const struct mu_msg_ticket *ticket = &keeper->ticket->ticket;
    for (uint32_t i = 0; r == 0 && i < ticket->players_count; i++) {
        if (strcmp(ticket->players[i].id, player->id) == 0) {
            *ret_deviation = ticket->players[i].deviation;
            *ret = mu_details_object((struct mu_slice){ (const uint8_t *)ticket->details,
                                                        (uint32_t)strlen(ticket->details) },
                                     i);
            return ret->size > 0 ? 0 : mu_rows_damage(&keeper->rows);
        }
    }
    return r != 0 ? r : mu_rows_damage(&keeper->rows);
}

/* Appends to the plan's details.  Returns whether there was room. */
static bool append(struct mu_keeper *keeper, struct plan *plan, const void *bytes, uint32_t size)
{
    static_assert(DETAILS_MAX <= MU_STORE_VALUE_MAX, "the scratch is large enough");
    if (size > DETAILS_MAX - plan->details.size) {
        return false;
    }
    memcpy(keeper->bytes + plan->details.size, bytes, size);
    plan->details.size += size;
    return true;
}

/* Makes the roster: who plays, and what each of them brought or, if anything was said of him, what
 * that is. */
static int make_roster(struct mu_keeper *keeper, struct plan *plan)
{
    const struct mu_msg_match *match = &keeper->match->match;
    struct mu_msg_backfill *backfill = &keeper->backfill->backfill;
    bool any = false;
    bool room = true;
    plan->details = (struct mu_slice){ keeper->bytes, 0 };
    backfill->players_count = 0;
    for (uint32_t i = 0; i < match->players_count && room; i++) {
        const struct mu_msg_match_player *from = &match->players[i];
        if (from->freed) {
            continue;
        }
        struct mu_slice object;
        struct mu_msg_backfill_player *player = &backfill->players[backfill->players_count++];
        *player = (struct mu_msg_backfill_player){ .rating = from->rating, .team = from->team };
        memcpy(player->id, from->id, sizeof player->id);
        int r = read_came(keeper, from, &player->deviation, &object);
        if (r != 0) {
            return r;
        }
        object = plan->said[i].size > 0 ? plan->said[i] : object;
        any = any || object.size > sizeof "{}" - 1;
        room = append(keeper, plan, backfill->players_count == 1 ? "[" : ",", 1) &&
               append(keeper, plan, object.data, object.size);
    }
    if (backfill->players_count == 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_INSUFFICIENT_PLAYERS, "nobody plays any more");
    }
    if (!room || !append(keeper, plan, "]", 1)) {
        return mu_keeper_refuse(keeper, MU_ERROR_PAYLOAD_TOO_LARGE,
                                "the players' attributes have more than %d bytes", DETAILS_MAX);
    }
    memcpy(backfill->details, keeper->bytes, plan->details.size);
    backfill->details[any ? plan->details.size : 0] = '\0';
    return 0;
}

/* Refuses a match without an open place; with a rule set, the queue knows whether there is one. */
static int check_open(struct mu_keeper *keeper, const struct mu_mode *mode)
{
    uint32_t players_count = keeper->backfill->backfill.players_count;
    if (keeper->match->match.players_count == MU_MATCH_PLAYERS_MAX) {
        return mu_keeper_refuse(keeper, MU_ERROR_MATCH_FULL, "it has had %u players",
                                MU_MATCH_PLAYERS_MAX);
    }
    int r = mu_rows_get_id(&keeper->rows, MU_TABLE_RULESET, mode->name, keeper->rows.small);
    if (r == -ENOENT && keeper->match->match.rules == 0 &&
        players_count >= mu_mode_players_max(mode)) {
        return mu_keeper_refuse(keeper, MU_ERROR_MATCH_FULL, "%u play, at most %u may",
                                players_count, mu_mode_players_max(mode));
    }
    return r == -ENOENT ? 0 : r;
}

/* Begins a new backfill of keeper->match in keeper->backfill, without a roster. */
static void begin_backfill(struct mu_keeper *keeper, const char *region)
{
    struct mu_msg_backfill *backfill = &keeper->backfill->backfill;
    const struct mu_msg_match *match = &keeper->match->match;
    uint64_t now = mu_keeper_wall(keeper);
    mu_id_make(&keeper->ids, MU_ID_PREFIX_BACKFILL, (int64_t)now, backfill->id);
    backfill->version = 0; /* put makes it 1 */
    backfill->state = MU_BACKFILL_NONE;
    memcpy(backfill->match, match->id, sizeof backfill->match);
    memcpy(backfill->mode, match->mode, sizeof backfill->mode);
    (void)snprintf(backfill->region, sizeof backfill->region, "%s", region);
    backfill->created_ms = now;
    backfill->ended_ms = 0;
    backfill->joined_count = 0;
    backfill->commit[0] = '\0';
    backfill->created = true;
}

/* Writes the backfill with its match, and frees the seats of those who left. */
static void write_backfill(struct mu_keeper *keeper, uint64_t lease_ms)
{
    struct mu_msg_backfill *backfill = &keeper->backfill->backfill;
    struct mu_msg_match *match = &keeper->match->match;
    backfill->teams = match->teams;
    backfill->team_names_count = match->team_names_count;
    memcpy(backfill->team_names, match->team_names,
           match->team_names_count * sizeof match->team_names[0]);
    backfill->lease_ms = lease_ms == 0             ? LEASE_DEFAULT_MS
                         : lease_ms < LEASE_MIN_MS ? LEASE_MIN_MS
                                                   : lease_ms;
    backfill->lease_until_ms = mu_keeper_wall(keeper) + backfill->lease_ms;
    backfill->version++;
    memcpy(match->backfill, backfill->id, sizeof match->backfill);
    mu_keeper_put_match(keeper, MU_MATCH_LIVE);
    for (uint32_t i = 0; i < keeper->seats_count; i++) {
        mu_seat_engage(&keeper->seats[i], MU_ENGAGED_NONE, "");
        mu_keeper_put_seat(keeper, &keeper->seats[i]);
    }
    put_backfill(keeper, MU_BACKFILL_QUEUED);
}

/* The match, its server, and the backfill that it has. */
static int get_all(struct mu_keeper *keeper, const char *id, const char *key_hash)
{
    int r = mu_keeper_get_match(keeper, id);
    if (r == 0) {
        r = mu_keeper_get_match_server(keeper, key_hash);
    }
    return r != 0 ? r : mu_keeper_get_match_backfill(keeper);
}

int mu_keeper_backfill_add(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_backfill_add *request = &msg->backfill_add;
    int r = get_all(keeper, request->match, request->key_hash);
    if (r != 0) {
        return r;
    }
    const struct mu_msg_match *match = &keeper->match->match;
    if (match->state != MU_MATCH_LIVE) {
        return mu_keeper_refuse(keeper, MU_ERROR_MATCH_NOT_LIVE, "%s", request->match);
    }
    int32_t mode = mu_config_mode(keeper->config, match->mode);
    const char *region = mu_keeper_region(keeper, match->server.region);
    if (mode < 0 || region == NULL) {
        return mu_keeper_refuse(
            keeper, mode < 0 ? MU_ERROR_GAME_MODE_NOT_FOUND : MU_ERROR_REGION_NOT_SUPPORTED, "%s",
            mode < 0 ? match->mode : match->server.region);
    }
    struct plan plan = { .details = { NULL, 0 } };
    if (match->backfill[0] == '\0') {
        begin_backfill(keeper, region);
    }
    r = read_said(keeper, request, &plan);
    r = r != 0 ? r : free_leavers(keeper, request);
    r = r != 0 ? r : make_roster(keeper, &plan);
    r = r != 0 ? r : check_open(keeper, &keeper->config->modes[mode]);
    if (r != 0) {
        return r;
    }
    write_backfill(keeper, request->lease_ms);
    return answer_backfill(keeper);
}

/* Read, renew, cancel, expire. */

/* Reads a backfill, its match, and whether the caller is the match's server. */
static int find(struct mu_keeper *keeper, const char *id, const char *key_hash)
{
    int r = mu_keeper_get_backfill(keeper, id);
    if (r == -ENOENT) {
        return mu_keeper_refuse(keeper, MU_ERROR_BACKFILL_NOT_FOUND, "%s", id);
    }
    if (r == 0) {
        r = mu_rows_need_id(&keeper->rows, MU_TABLE_MATCH, keeper->backfill->backfill.match,
                            keeper->match);
    }
    const struct mu_msg_backfill *backfill = &keeper->backfill->backfill;
    if (r == 0 && backfill->state == MU_BACKFILL_QUEUED &&
        strcmp(keeper->match->match.backfill, backfill->id) != 0) {
        r = mu_rows_damage(&keeper->rows);
    }
    return r != 0 ? r : mu_keeper_get_match_server(keeper, key_hash);
}

/* Takes keeper->backfill, QUEUED, out for good. */
static void end(struct mu_keeper *keeper, enum mu_backfill_state state)
{
    mu_keeper_end_match_backfill(keeper, state);
    mu_keeper_put_match(keeper, MU_MATCH_LIVE);
}

int mu_keeper_backfill_get(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    int r = find(keeper, msg->backfill_get.id, msg->backfill_get.key_hash);
    return r != 0 ? r : answer_backfill(keeper);
}

int mu_keeper_backfill_renew(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    int r = find(keeper, msg->backfill_renew.id, msg->backfill_renew.key_hash);
    if (r != 0) {
        return r;
    }
    struct mu_msg_backfill *backfill = &keeper->backfill->backfill;
    uint64_t until_ms = mu_keeper_wall(keeper) + backfill->lease_ms;
    if (backfill->state == MU_BACKFILL_QUEUED && until_ms > backfill->lease_until_ms) {
        backfill->lease_until_ms = until_ms;
        put_backfill(keeper, MU_BACKFILL_QUEUED);
    }
    return answer_backfill(keeper);
}

int mu_keeper_backfill_cancel(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    int r = find(keeper, msg->backfill_cancel.id, msg->backfill_cancel.key_hash);
    if (r != 0) {
        return r;
    }
    if (keeper->backfill->backfill.state == MU_BACKFILL_QUEUED) {
        end(keeper, MU_BACKFILL_CANCELLED);
    }
    return answer_backfill(keeper); /* over already: its end is the answer */
}

int mu_keeper_backfill_expire(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_backfill_expire *request = &msg->backfill_expire;
    int r = find(keeper, request->id, "");
    if (r != 0) {
        return r;
    }
    const struct mu_msg_backfill *backfill = &keeper->backfill->backfill;
    r = mu_keeper_check_fence(keeper, mu_keeper_queue(keeper, backfill->region));
    if (r != 0) {
        return r;
    }
    if (backfill->state == MU_BACKFILL_QUEUED &&
        backfill->lease_until_ms == request->lease_until_ms) {
        end(keeper, MU_BACKFILL_EXPIRED);
    } else {
        mu_outbox_note(keeper->out, "backfill changed meanwhile -> not expired");
    }
    return answer_backfill(keeper);
}
