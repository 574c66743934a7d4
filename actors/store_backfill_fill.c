/* actors/store_backfill_fill.c - a MATCH_COMMIT that names a backfill: its tickets join the match,
 * if all is as the shard saw it.  Teams are kept, nobody is asked to accept. */
#include "actors/store_keeper.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "actors/token.h"

/* Players who come, by index into the match. */
struct joining {
    uint32_t count;
    uint32_t at[MU_MATCH_PLAYERS_MAX]; /* keeper->seats are theirs, in this order */
};

/* Answers that it cannot be done: the tickets that changed are named already, and the backfill is
 * when it did. */
static int conflict(struct mu_keeper *keeper, const struct mu_msg_match_commit *request, bool known)
{
    struct mu_msg_match_committed *answer = &keeper->reply->match_committed;
    const struct mu_msg_backfill *backfill = &keeper->backfill->backfill;
    bool queued = known && backfill->state == MU_BACKFILL_QUEUED;
    bool changed = !queued || backfill->version != request->backfill_version;
    if (changed && answer->conflicts_count < MU_MATCH_PLAYERS_MAX) {
        struct mu_msg_ticket_ref *ref = &answer->conflicts[answer->conflicts_count++];
        *ref = (struct mu_msg_ticket_ref){ .version = known ? backfill->version : 0 };
        memcpy(ref->id, request->backfill, sizeof ref->id);
        ref->state = queued ? MU_TICKET_QUEUED : known ? MU_TICKET_CANCELLED : MU_TICKET_NONE;
    }
    mu_outbox_note(keeper->out, "backfill: something changed -> conflict");
    answer->committed = false;
    keeper->counters.values[MU_COUNTER_COMMIT_CONFLICTS]++;
    return mu_keeper_answer(keeper, keeper->reply);
}

/* Refuses what is no match of a mode without a rule set, as for new matches; but a team whose
 * players have all left may stay empty where not all need play. */
static int check_mode(struct mu_keeper *keeper, const struct mu_mode *mode,
                      const uint32_t counts[MU_TEAMS_MAX], uint32_t teams)
{
    uint32_t playing = 0;
    for (uint32_t team = 0; team < teams; team++) {
        if (counts[team] == 0 && mode->teams_min < mode->teams) {
            continue;
        }
        if (counts[team] < mode->team_min || counts[team] > mode->team_max) {
            return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "team %u has %u players", team,
                                    counts[team]);
        }
        playing++;
    }
    if (playing < mode->teams_min || teams > mode->teams) {
        return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "%u of %u teams", playing, teams);
    }
    return 0;
}

/* Counts those who play and those who come by team; refuses what no match can be.  Teams that are
 * new go on where the match's end. */
static int count_teams(struct mu_keeper *keeper, const struct mu_msg_match_commit *request,
                       const struct mu_mode *mode, uint32_t *ret_teams)
{
    const struct mu_msg_match *match = &keeper->match->match;
    uint32_t counts[MU_TEAMS_MAX] = { 0 };
    uint32_t total = 0;
    for (uint32_t i = 0; i < match->players_count; i++) {
        counts[match->players[i].team] += match->players[i].freed ? 0 : 1;
    }
    for (uint32_t i = 0; i < request->tickets_count; i++) {
        int r = mu_keeper_commit_count(keeper, request, i, counts);
        if (r != 0) {
            return r;
        }
        total += keeper->tickets[i].players_count;
    }
    uint32_t teams = (uint32_t)match->teams;
    while (teams < MU_TEAMS_MAX && counts[teams] > 0) {
        teams++;
    }
    for (uint32_t team = teams; team < MU_TEAMS_MAX; team++) {
        if (counts[team] > 0) {
            return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "there is no team %u", team);
        }
    }
    if (total == 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "nobody would come");
    }
    *ret_teams = teams;
    return request->rules == 0 ? check_mode(keeper, mode, counts, teams) : 0;
}

/* Whether the match's list has room for all who come: those who left stay in it. */
static bool has_rows(const struct mu_keeper *keeper)
{
    uint32_t rows = keeper->match->match.players_count;
    for (uint32_t i = 0; i < keeper->tickets_count; i++) {
        const struct mu_msg_ticket *ticket = &keeper->tickets[i];
        for (uint32_t j = 0; j < ticket->players_count; j++) {
            rows += mu_keeper_match_player(keeper, ticket->players[j].id) < 0 ? 1 : 0;
        }
    }
    return rows <= MU_MATCH_PLAYERS_MAX;
}

/* The row of a player who comes: a new one, or that which he left. */
static struct mu_msg_match_player *take_row(struct mu_keeper *keeper, const char *player,
                                            struct joining *joining)
{
    struct mu_msg_match *match = &keeper->match->match;
    int32_t known = mu_keeper_match_player(keeper, player);
    if (known >= 0 && !match->players[known].freed) {
        return NULL;
    }
    uint32_t at = known >= 0 ? (uint32_t)known : match->players_count++;
    joining->at[joining->count++] = at;
    return &match->players[at];
}

/* Enters the tickets' players into the match, in memory, and reads their seats. */
static int seat_players(struct mu_keeper *keeper, const struct mu_msg_match_commit *request,
                        struct joining *joining)
{
    for (uint32_t i = 0; i < keeper->tickets_count; i++) {
        const struct mu_msg_ticket *ticket = &keeper->tickets[i];
        const struct mu_msg_ticket_ref *ref = &request->tickets[i];
        for (uint32_t j = 0; j < ticket->players_count; j++) {
            const struct mu_msg_ticket_player *from = &ticket->players[j];
            int r = mu_keeper_get_seat_in(keeper, from->id, MU_ENGAGED_TICKET, ticket->id,
                                          &keeper->seats[joining->count]);
            if (r != 0) {
                return r;
            }
            struct mu_msg_match_player *player = take_row(keeper, from->id, joining);
            if (player == NULL) {
                return mu_rows_damage(&keeper->rows); /* engaged with a ticket, and playing */
            }
            uint32_t role = mu_commit_role(ref, j);
            *player = (struct mu_msg_match_player){ .rating = from->rating,
                                                    .team = mu_commit_team(ref, j),
                                                    .accept = MU_ACCEPT_ACCEPTED };
            memcpy(player->id, from->id, sizeof player->id);
            memcpy(player->username, from->username, sizeof player->username);
            memcpy(player->ticket, ticket->id, sizeof player->ticket);
            if (role != UINT32_MAX) {
                memcpy(player->role, request->roles[role].text, sizeof player->role);
            }
        }
    }
    keeper->seats_count = joining->count;
    return 0;
}

/* Takes over the rule set that the match keeps now, and the names of teams that are new. */
static int name_teams(struct mu_keeper *keeper, const struct mu_msg_match_commit *request,
                      uint32_t teams)
{
    struct mu_msg_match *match = &keeper->match->match;
    uint32_t known = match->team_names_count;
    uint32_t names = request->team_names_count;
    bool same = names == teams || (names == 0 && (known == 0 || known == teams));
    for (uint32_t i = 0; same && names > 0 && i < known; i++) {
        same = strcmp(match->team_names[i].text, request->team_names[i].text) == 0;
    }
    if (!same) {
        return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "the teams have other names");
    }
    match->teams = teams;
    match->rules = request->rules;
    if (names > 0) {
        match->team_names_count = names;
        memcpy(match->team_names, request->team_names, names * sizeof match->team_names[0]);
    }
    return 0;
}

/* Writes the match with those who came, and tells them where it is played. */
static void write_all(struct mu_keeper *keeper, const struct mu_msg_match_commit *request,
                      const struct joining *joining)
{
    struct mu_msg_match *match = &keeper->match->match;
    struct mu_msg_backfill *backfill = &keeper->backfill->backfill;
    memcpy(backfill->commit, request->match, sizeof backfill->commit);
    backfill->joined_count = joining->count;
    for (uint32_t i = 0; i < joining->count; i++) {
        memcpy(backfill->joined[i].id, keeper->seats[i].id, sizeof backfill->joined[i].id);
    }
    mu_keeper_end_match_backfill(keeper, MU_BACKFILL_FILLED);
    mu_keeper_put_match(keeper, MU_MATCH_LIVE);
    for (uint32_t i = 0; i < keeper->tickets_count; i++) {
        struct mu_msg_ticket *ticket = &keeper->tickets[i];
        memcpy(ticket->match, match->id, sizeof ticket->match);
        ticket->ended_ms = backfill->ended_ms;
        mu_keeper_put_ticket(keeper, ticket, MU_TICKET_MATCHED);
    }
    struct mu_msg_event *event = mu_keeper_match_event(keeper, MU_EVENT_MATCH_STARTED);
    event->server = match->server;
    for (uint32_t i = 0; i < joining->count; i++) {
        struct mu_seat *seat = &keeper->seats[i];
        event->team = mu_match_unit(match, joining->at[i]);
        int r =
            mu_token_make(keeper->server->server.key_hash, match->id, seat->id, event->join_token);
        assert(r == 0); /* SERVER_REGISTER takes no other key hashes */
        (void)r;
        seat->engagement.misses = 0;
        mu_seat_engage(seat, MU_ENGAGED_MATCH, match->id);
        mu_keeper_event(keeper, seat);
        mu_keeper_put_seat(keeper, seat);
    }
}

/* Reads the match of a backfill that is as the shard saw it, and its server. */
static int get_match(struct mu_keeper *keeper, const struct mu_msg_match_commit *request)
{
    const struct mu_msg_backfill *backfill = &keeper->backfill->backfill;
    int r = mu_rows_need_id(&keeper->rows, MU_TABLE_MATCH, backfill->match, keeper->match);
    const struct mu_msg_match *match = &keeper->match->match;
    if (r == 0 && (match->state != MU_MATCH_LIVE || strcmp(match->backfill, backfill->id) != 0)) {
        r = mu_rows_damage(&keeper->rows);
    }
    if (r == 0 && strcmp(match->mode, request->mode) != 0) {
        r = mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "%s is for another mode", backfill->id);
    }
    return r != 0 ? r : mu_keeper_get_match_server(keeper, "");
}

int mu_keeper_backfill_fill(struct mu_keeper *keeper, const struct mu_msg_match_commit *request,
                            const struct mu_mode *mode)
{
    const struct mu_msg_backfill *backfill = &keeper->backfill->backfill;
    int r = mu_keeper_get_backfill(keeper, request->backfill);
    if (r != 0 && r != -ENOENT) {
        return r;
    }
    bool known = r == 0;
    if (known && backfill->state == MU_BACKFILL_FILLED &&
        strcmp(backfill->commit, request->match) == 0) {
        mu_outbox_note(keeper->out, "backfill filled -> committed before");
        (void)mu_keeper_commit_begin(keeper, request->match);
        return mu_keeper_answer(keeper, keeper->reply);
    }
    r = mu_keeper_commit_compare(keeper, request);
    if (r != 0) {
        return r;
    }
    if (!known || backfill->state != MU_BACKFILL_QUEUED ||
        backfill->version != request->backfill_version ||
        keeper->reply->match_committed.conflicts_count > 0) {
        return conflict(keeper, request, known);
    }
    struct joining joining = { .count = 0 };
    uint32_t teams = 0;
    r = get_match(keeper, request);
    if (r == 0 && !has_rows(keeper)) { /* nor would it later: the tickets are for others */
        mu_keeper_end_match_backfill(keeper, MU_BACKFILL_CANCELLED);
        mu_keeper_put_match(keeper, MU_MATCH_LIVE);
        return conflict(keeper, request, true);
    }
    r = r != 0 ? r : count_teams(keeper, request, mode, &teams);
    r = r != 0 ? r : seat_players(keeper, request, &joining);
    r = r != 0 ? r : name_teams(keeper, request, teams);
    if (r != 0) {
        return r;
    }
    write_all(keeper, request, &joining);
    return mu_keeper_answer(keeper, keeper->reply);
}
