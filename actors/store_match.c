/* actors/store_match.c - matches: commit, read, allocate, update. */
#include "actors/store_keeper.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "actors/token.h"

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
    bool was_alive = mu_match_alive(match->state);
    match->state = state;
    match->version++;
    keeper->match->op = MU_OP_MATCH;
    mu_rows_put_id(&keeper->rows, MU_TABLE_MATCH, match->id, keeper->match);
    mu_keeper_changed(keeper, MU_LOBBY_PARTITION, MU_TABLE_MATCH, match->id, was_alive,
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

/* Commit. */

static struct mu_msg_match_committed *begin_committed(struct mu_keeper *keeper, const char *match)
{
    struct mu_msg_match_committed *answer = &keeper->reply->match_committed;
    keeper->reply->op = MU_OP_MATCH_COMMITTED;
    answer->committed = true;
    answer->conflicts_count = 0;
    (void)snprintf(answer->match, sizeof answer->match, "%s", match);
    return answer;
}

/* Reads the tickets into keeper->tickets, and those that are not as the shard saw them into the
 * answer's conflicts.  Returns 0, MU_REFUSED for a request that no state could satisfy, or
 * -errno. */
static int compare_tickets(struct mu_keeper *keeper, const struct mu_msg_match_commit *request)
{
    struct mu_msg_match_committed *answer = begin_committed(keeper, request->match);
    keeper->tickets_count = request->tickets_count;
    for (uint32_t i = 0; i < request->tickets_count; i++) {
        const struct mu_msg_ticket_ref *seen = &request->tickets[i];
        int r = mu_keeper_get_ticket(keeper, seen->id);
        if (r != 0 && r != -ENOENT) {
            return r;
        }
        const struct mu_msg_ticket *ticket = &keeper->ticket->ticket;
        if (r == 0 && ticket->state == MU_TICKET_QUEUED && ticket->version == seen->version) {
            if (strcmp(ticket->mode, request->mode) != 0) {
                return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "%s is for another mode",
                                        seen->id);
            }
            keeper->tickets[i] = *ticket;
            continue;
        }
        struct mu_msg_ticket_ref *conflict = &answer->conflicts[answer->conflicts_count++];
        *conflict = (struct mu_msg_ticket_ref){ .team = seen->team };
        memcpy(conflict->id, seen->id, sizeof conflict->id);
        if (r == 0) {
            conflict->version = ticket->version;
            conflict->state = ticket->state;
        }
    }
    return 0;
}

/* The team of one of a ticket's players; UINT32_MAX when a party's seats do not name one. */
static uint32_t seat_team(const struct mu_msg_ticket_ref *ref, uint32_t player)
{
    if (ref->seats == 0) {
        return (uint32_t)ref->team;
    }
    return (uint32_t)(ref->seats >> (8 * player) & 0xFF) - 1;
}
static_assert(sizeof((struct mu_msg_ticket *)NULL)->players <=
                  8 * sizeof(struct mu_msg_ticket_player),
              "seats have 8 bits for each player");

/* Counts a ticket's players; refuses teams that the mode does not have. */
static int count_ticket(struct mu_keeper *keeper, const struct mu_msg_ticket_ref *ref,
                        uint32_t players, uint32_t teams, uint32_t counts[MU_TEAMS_MAX])
{
    if (players < 8 && ref->seats >> (8 * players) != 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "%s has %u players, and seats more",
                                ref->id, players);
    }
    for (uint32_t i = 0; i < players; i++) {
        uint32_t team = seat_team(ref, i);
        if (team >= teams) {
            return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "there is no team %u", team);
        }
        counts[team]++;
    }
    return 0;
}

/* Counts the players of each team; refuses what is no match of that mode. */
static int check_teams(struct mu_keeper *keeper, const struct mu_msg_match_commit *request,
                       const struct mu_mode *mode, uint32_t counts[MU_TEAMS_MAX])
{
    for (uint32_t i = 0; i < request->tickets_count; i++) {
        int r = count_ticket(keeper, &request->tickets[i], keeper->tickets[i].players_count,
                             mode->teams, counts);
        if (r != 0) {
            return r;
        }
    }
    uint32_t total = 0;
    for (uint32_t team = 0; team < mode->teams; team++) {
        total += counts[team];
        if (counts[team] < mode->team_min || counts[team] > mode->team_max) {
            return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "team %u has %u players", team,
                                    counts[team]);
        }
    }
    if (total > MU_MATCH_PLAYERS_MAX) {
        return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "%u players", total);
    }
    return 0;
}

/* Fills the match's players, in team order, and their seats beside them. */
static int seat_players(struct mu_keeper *keeper, const struct mu_msg_match_commit *request,
                        const uint32_t counts[MU_TEAMS_MAX])
{
    struct mu_msg_match *match = &keeper->match->match;
    uint32_t next[MU_TEAMS_MAX];
    uint32_t total = 0;
    for (uint32_t team = 0; team < match->teams; team++) {
        next[team] = total;
        total += counts[team];
    }
    for (uint32_t i = 0; i < keeper->tickets_count; i++) {
        const struct mu_msg_ticket *ticket = &keeper->tickets[i];
        for (uint32_t j = 0; j < ticket->players_count; j++) {
            uint32_t team = seat_team(&request->tickets[i], j);
            uint32_t at = next[team]++;
            const struct mu_msg_ticket_player *from = &ticket->players[j];
            struct mu_msg_match_player *player = &match->players[at];
            *player = (struct mu_msg_match_player){ .rating = from->rating, .team = team };
            memcpy(player->id, from->id, sizeof player->id);
            memcpy(player->username, from->username, sizeof player->username);
            memcpy(player->ticket, ticket->id, sizeof player->ticket);
            int r = mu_keeper_get_seat_in(keeper, from->id, MU_ENGAGED_TICKET, ticket->id,
                                          &keeper->seats[at]);
            if (r != 0) {
                return r;
            }
        }
    }
    match->players_count = total;
    keeper->seats_count = total;
    return 0;
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
    (void)snprintf(match->id, sizeof match->id, "%s", id);
    (void)snprintf(match->mode, sizeof match->mode, "%s", mode->name);
    (void)snprintf(match->region, sizeof match->region, "%s", region);
}

/* The round trip of a ticket to a region, ms; or -1 when it may not play there. */
static int64_t ticket_reach(const struct mu_msg_ticket *ticket, const char *region,
                            const struct mu_mode *mode)
{
    if (ticket->latencies_count == 0) {
        return strcmp(ticket->region, region) == 0 ? 0 : -1;
    }
    for (uint32_t i = 0; i < ticket->latencies_count; i++) {
        const struct mu_msg_latency *latency = &ticket->latencies[i];
        if (strcmp(latency->region, region) == 0) {
            bool far = (ticket->latency_max_ms > 0 && latency->ms > ticket->latency_max_ms) ||
                       (mode->latency_max_ms > 0 && latency->ms > mode->latency_max_ms);
            return far ? -1 : (int64_t)latency->ms;
        }
    }
    return -1;
}

/* Where all tickets may play, each with the worst round trip: for a server in another region. */
static void find_reach(struct mu_keeper *keeper, const struct mu_mode *mode)
{
    struct mu_msg_match *match = &keeper->match->match;
    match->reach_count = 0;
    for (uint32_t region = 0; region < keeper->config->regions_count; region++) {
        int64_t worst = 0;
        for (uint32_t i = 0; i < keeper->tickets_count && worst >= 0; i++) {
            int64_t ms =
                ticket_reach(&keeper->tickets[i], keeper->config->regions[region].name, mode);
            worst = ms < 0 || ms > worst ? ms : worst;
        }
        if (worst >= 0) {
            match->reach[match->reach_count++] =
                (struct mu_msg_reach){ .region = region, .ms = (uint64_t)worst };
        }
    }
}

/* Writes the new match, and what it does to tickets and players. */
static void form_match(struct mu_keeper *keeper, const struct mu_mode *mode)
{
    struct mu_msg_match *match = &keeper->match->match;
    find_reach(keeper, mode);
    if (mode->accept_ms > 0) {
        match->accept_by_ms = match->created_ms + mode->accept_ms;
    }
    mu_keeper_put_match(keeper, mode->accept_ms > 0 ? MU_MATCH_FORMED : MU_MATCH_ALLOCATING);
    for (uint32_t i = 0; i < keeper->tickets_count; i++) {
        struct mu_msg_ticket *ticket = &keeper->tickets[i];
        memcpy(ticket->match, match->id, sizeof ticket->match);
        ticket->ended_ms = match->created_ms;
        mu_keeper_put_ticket(keeper, ticket, MU_TICKET_MATCHED);
    }
    mu_keeper_match_event(keeper, MU_EVENT_MATCH_FOUND)->accept_by_ms = match->accept_by_ms;
    for (uint32_t i = 0; i < keeper->seats_count; i++) {
        struct mu_seat *seat = &keeper->seats[i];
        mu_seat_engage(seat, MU_ENGAGED_MATCH, match->id);
        mu_keeper_event(keeper, seat);
        mu_keeper_put_seat(keeper, seat);
    }
    keeper->counters.values[MU_COUNTER_MATCHES_COMMITTED]++;
}

/* What does not depend on the state: ids, mode, region, nothing twice. */
static int check_commit(struct mu_keeper *keeper, const struct mu_msg_match_commit *request,
                        const struct mu_mode **ret_mode)
{
    int32_t mode = mu_config_mode(keeper->config, request->mode);
    if (!mu_id_valid(request->match, MU_ID_PREFIX_MATCH)) {
        return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "no match id");
    }
    if (mode < 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_GAME_MODE_NOT_FOUND, "%s", request->mode);
    }
    if (mu_keeper_region(keeper, request->region) == NULL) {
        return mu_keeper_refuse(keeper, MU_ERROR_REGION_NOT_SUPPORTED, "%s", request->region);
    }
    for (uint32_t i = 0; i < request->tickets_count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(request->tickets[j].id, request->tickets[i].id) == 0) {
                return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "%s comes twice",
                                        request->tickets[i].id);
            }
        }
    }
    *ret_mode = &keeper->config->modes[mode];
    return 0;
}

int mu_keeper_match_commit(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_match_commit *request = &msg->match_commit;
    const struct mu_mode *mode = NULL;
    bool queue = strncmp(request->shard, "queue/", 6) == 0;
    int r = mu_keeper_check_fence(keeper, queue ? mu_keeper_partition(keeper, request->shard) : -1);
    if (r == 0) {
        r = check_commit(keeper, request, &mode);
    }
    if (r != 0) {
        return r;
    }
    r = mu_rows_get_id(&keeper->rows, MU_TABLE_MATCH, request->match, keeper->match);
    if (r == 0) {
        mu_outbox_note(keeper->out, "match known -> committed before");
        (void)begin_committed(keeper, request->match);
        return mu_keeper_answer(keeper, keeper->reply);
    }
    r = r == -ENOENT ? compare_tickets(keeper, request) : r;
    if (r != 0) {
        return r;
    }
    if (keeper->reply->match_committed.conflicts_count > 0) {
        mu_outbox_note(keeper->out, "a ticket changed -> conflict");
        keeper->reply->match_committed.committed = false;
        keeper->counters.values[MU_COUNTER_COMMIT_CONFLICTS]++;
        return mu_keeper_answer(keeper, keeper->reply);
    }
    uint32_t counts[MU_TEAMS_MAX] = { 0 };
    assert(mode != NULL);
    mu_keeper_begin_match(keeper, request->match, mode, mu_keeper_region(keeper, request->region));
    keeper->match->match.quality = request->quality;
    r = check_teams(keeper, request, mode, counts);
    if (r == 0) {
        r = seat_players(keeper, request, counts);
    }
    if (r != 0) {
        return r;
    }
    form_match(keeper, mode);
    return mu_keeper_answer(keeper, keeper->reply);
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
    int r = mu_keeper_check_lobby_fence(keeper);
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
