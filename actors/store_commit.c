/* actors/store_commit.c - MATCH_COMMIT: tickets become a match, if all is as the shard saw it. */
#include "actors/store_keeper.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct mu_msg_match_committed *mu_keeper_commit_begin(struct mu_keeper *keeper, const char *match)
{
    struct mu_msg_match_committed *answer = &keeper->reply->match_committed;
    keeper->reply->op = MU_OP_MATCH_COMMITTED;
    answer->committed = true;
    answer->conflicts_count = 0;
    (void)snprintf(answer->match, sizeof answer->match, "%s", match);
    return answer;
}

static bool waits_for(const struct mu_msg_ticket *ticket, const char *mode)
{
    bool waits = strcmp(ticket->mode, mode) == 0;
    for (uint32_t i = 0; i < ticket->others_count; i++) {
        waits = waits || strcmp(ticket->others[i].id, mode) == 0;
    }
    return waits;
}

int mu_keeper_commit_compare(struct mu_keeper *keeper, const struct mu_msg_match_commit *request)
{
    struct mu_msg_match_committed *answer = mu_keeper_commit_begin(keeper, request->match);
    keeper->tickets_count = request->tickets_count;
    for (uint32_t i = 0; i < request->tickets_count; i++) {
        const struct mu_msg_ticket_ref *seen = &request->tickets[i];
        int r = mu_keeper_get_ticket(keeper, seen->id);
        if (r != 0 && r != -ENOENT) {
            return r;
        }
        const struct mu_msg_ticket *ticket = &keeper->ticket->ticket;
        if (r == 0 && ticket->state == MU_TICKET_QUEUED && ticket->version == seen->version) {
            if (!waits_for(ticket, request->mode)) {
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

uint32_t mu_commit_team(const struct mu_msg_ticket_ref *ref, uint32_t player)
{
    if (ref->seats == 0) {
        return (uint32_t)ref->team;
    }
    return (uint32_t)(ref->seats >> (8 * player) & 0xFF) - 1;
}
static_assert(sizeof((struct mu_msg_ticket *)NULL)->players <=
                  8 * sizeof(struct mu_msg_ticket_player),
              "seats have 8 bits for each player");

uint32_t mu_commit_role(const struct mu_msg_ticket_ref *ref, uint32_t player)
{
    return (uint32_t)(ref->roles >> (8 * player) & 0xFF) - 1;
}

int mu_keeper_commit_count(struct mu_keeper *keeper, const struct mu_msg_match_commit *request,
                           uint32_t index, uint32_t counts[MU_TEAMS_MAX])
{
    const struct mu_msg_ticket_ref *ref = &request->tickets[index];
    uint32_t players = keeper->tickets[index].players_count;
    if (players < 8 && (ref->seats | ref->roles) >> (8 * players) != 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "%s has %u players, and seats more",
                                ref->id, players);
    }
    for (uint32_t i = 0; i < players; i++) {
        uint32_t team = mu_commit_team(ref, i);
        uint32_t role = mu_commit_role(ref, i);
        if (team >= MU_TEAMS_MAX) {
            return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "there is no team %u", team);
        }
        if (role != UINT32_MAX && role >= request->roles_count) {
            return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "there is no role %u", role);
        }
        counts[team]++;
    }
    return 0;
}

/* Refuses what is no match of a mode without a rule set; what a rule set says is checked by the
 * queue alone. */
static int check_mode(struct mu_keeper *keeper, const struct mu_mode *mode,
                      const uint32_t counts[MU_TEAMS_MAX], uint32_t teams)
{
    if (teams < mode->teams_min || teams > mode->teams) {
        return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "%u teams", teams);
    }
    for (uint32_t team = 0; team < teams; team++) {
        if (counts[team] < mode->team_min || counts[team] > mode->team_max) {
            return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "team %u has %u players", team,
                                    counts[team]);
        }
    }
    return 0;
}

/* Counts the players and teams; refuses what is no match of any rules, or not of the mode's. */
static int check_teams(struct mu_keeper *keeper, const struct mu_msg_match_commit *request,
                       const struct mu_mode *mode, uint32_t counts[MU_TEAMS_MAX])
{
    struct mu_msg_match *match = &keeper->match->match;
    uint32_t total = 0;
    uint32_t teams = 0;
    for (uint32_t i = 0; i < request->tickets_count; i++) {
        int r = mu_keeper_commit_count(keeper, request, i, counts);
        if (r != 0) {
            return r;
        }
    }
    for (uint32_t team = 0; team < MU_TEAMS_MAX; team++) {
        total += counts[team];
        teams = counts[team] > 0 ? team + 1 : teams;
    }
    for (uint32_t team = 0; team < teams; team++) {
        if (counts[team] == 0) {
            return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "team %u has no players", team);
        }
    }
    if (total == 0 || total > MU_MATCH_PLAYERS_MAX) {
        return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "%u players", total);
    }
    if (request->team_names_count != 0 && request->team_names_count != teams) {
        return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST, "%u names for %u teams",
                                request->team_names_count, teams);
    }
    match->teams = teams;
    return request->rules == 0 ? check_mode(keeper, mode, counts, teams) : 0;
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
            uint32_t team = mu_commit_team(&request->tickets[i], j);
            uint32_t at = next[team]++;
            const struct mu_msg_ticket_player *from = &ticket->players[j];
            struct mu_msg_match_player *player = &match->players[at];
            *player = (struct mu_msg_match_player){ .rating = from->rating, .team = team };
            memcpy(player->id, from->id, sizeof player->id);
            memcpy(player->username, from->username, sizeof player->username);
            memcpy(player->ticket, ticket->id, sizeof player->ticket);
            uint32_t role = mu_commit_role(&request->tickets[i], j);
            if (role != UINT32_MAX) {
                memcpy(player->role, request->roles[role].text, sizeof player->role);
            }
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

/* Where all tickets may play, each with the worst round trip, of `regions` as bits: for a server in
 * another region. */
static void find_reach(struct mu_keeper *keeper, const struct mu_mode *mode, uint32_t regions)
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
        if (worst >= 0 && (regions >> region & 1) != 0) {
            match->reach[match->reach_count++] =
                (struct mu_msg_reach){ .region = region, .ms = (uint64_t)worst };
        }
    }
}

/* Writes the new match, and what it does to tickets and players. */
static void form_match(struct mu_keeper *keeper, const struct mu_mode *mode, uint32_t regions)
{
    struct mu_msg_match *match = &keeper->match->match;
    find_reach(keeper, mode, regions);
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
    if (request->backfill[0] != '\0') {
        return mu_keeper_backfill_fill(keeper, request, mode);
    }
    r = mu_rows_get_id(&keeper->rows, MU_TABLE_MATCH, request->match, keeper->match);
    if (r == 0) {
        mu_outbox_note(keeper->out, "match known -> committed before");
        (void)mu_keeper_commit_begin(keeper, request->match);
        return mu_keeper_answer(keeper, keeper->reply);
    }
    r = r == -ENOENT ? mu_keeper_commit_compare(keeper, request) : r;
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
    struct mu_msg_match *match = &keeper->match->match;
    match->quality = request->quality;
    match->team_names_count = request->team_names_count;
    memcpy(match->team_names, request->team_names,
           request->team_names_count * sizeof match->team_names[0]);
    match->rules = request->rules;
    r = check_teams(keeper, request, mode, counts);
    if (r == 0) {
        r = seat_players(keeper, request, counts);
    }
    if (r != 0) {
        return r;
    }
    form_match(keeper, mode, request->regions == 0 ? UINT32_MAX : (uint32_t)request->regions);
    return mu_keeper_answer(keeper, keeper->reply);
}
