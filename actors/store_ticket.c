/* actors/store_ticket.c - tickets: add, read, cancel, expire. */
#include "actors/store_keeper.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "actors/rating.h"

void mu_keeper_put_ticket(struct mu_keeper *keeper, struct mu_msg_ticket *ticket,
                          enum mu_ticket_state state)
{
    bool was_live = ticket->state == MU_TICKET_QUEUED;
    ticket->state = state;
    ticket->version++;
    struct mu_msg *record = keeper->ticket;
    record->op = MU_OP_TICKET;
    if (ticket != &record->ticket) {
        record->ticket = *ticket;
    }
    mu_rows_put_id(&keeper->rows, MU_TABLE_TICKET, ticket->id, record);
    mu_keeper_changed(keeper, mu_keeper_queue(keeper, ticket->region), MU_TABLE_TICKET, ticket->id,
                      was_live, state == MU_TICKET_QUEUED);
}

int mu_keeper_get_ticket(struct mu_keeper *keeper, const char *id)
{
    int r = mu_rows_get_id(&keeper->rows, MU_TABLE_TICKET, id, keeper->ticket);
    if (r == 0 && mu_keeper_queue(keeper, keeper->ticket->ticket.region) < 0) {
        r = mu_rows_damage(&keeper->rows);
    }
    return r;
}

int mu_keeper_need_ticket(struct mu_keeper *keeper, const char *id)
{
    int r = mu_keeper_get_ticket(keeper, id);
    return r == -ENOENT ? mu_rows_damage(&keeper->rows) : r;
}

/* Add. */

/* Reads the players into keeper->players and seats; each must be there, once, and free. */
static int get_party(struct mu_keeper *keeper, const struct mu_msg_ticket_add *request)
{
    uint64_t now = mu_keeper_wall(keeper);
    for (uint32_t i = 0; i < request->players_count; i++) {
        const char *id = request->players[i].id;
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(request->players[j].id, id) == 0) {
                return mu_keeper_refuse(keeper, MU_ERROR_VALIDATION_FAILED, "%s comes twice", id);
            }
        }
        int r = mu_keeper_get_free_player(keeper, id, &keeper->players[i], &keeper->seats[i]);
        if (r != 0) {
            return r;
        }
        uint64_t until = keeper->seats[i].engagement.cooldown_until_ms;
        if (until > now) {
            const uint64_t day_ms = 86400000;
            (void)mu_keeper_refuse(keeper, MU_ERROR_COOLDOWN, "%s must wait", id);
            keeper->reply->error.retry_after_ms = until - now < day_ms ? until - now : day_ms;
            return MU_REFUSED;
        }
    }
    return 0;
}

/* The highest latency that all players accept; 0: no bound. */
static uint64_t party_latency_max(const struct mu_keeper *keeper, uint32_t players_count)
{
    uint64_t bound = 0;
    for (uint32_t i = 0; i < players_count; i++) {
        uint64_t own = keeper->players[i].latency_max_ms;
        if (own > 0 && (bound == 0 || own < bound)) {
            bound = own;
        }
    }
    return bound;
}

/* Copies the latencies, with the regions' own names; refuses when none is within `bound`. */
static int take_latencies(struct mu_keeper *keeper, const struct mu_msg_ticket_add *request,
                          uint64_t bound, struct mu_msg_ticket *ticket)
{
    bool within = request->latencies_count == 0 || bound == 0;
    for (uint32_t i = 0; i < request->latencies_count; i++) {
        const struct mu_msg_latency *latency = &request->latencies[i];
        const char *region = mu_keeper_region(keeper, latency->region);
        if (region == NULL) {
            return mu_keeper_refuse(keeper, MU_ERROR_REGION_NOT_SUPPORTED, "%s", latency->region);
        }
        within = within || latency->ms <= bound;
        ticket->latencies[i] = (struct mu_msg_latency){ .ms = latency->ms };
        (void)snprintf(ticket->latencies[i].region, sizeof ticket->latencies[i].region, "%s",
                       region);
    }
    if (!within) {
        return mu_keeper_refuse(keeper, MU_ERROR_HIGH_LATENCY, "above %llu ms everywhere",
                                (unsigned long long)bound);
    }
    ticket->latencies_count = request->latencies_count;
    return 0;
}

/* Checks the modes that it names; *ret_wait_ms: the longest wait of any of them. */
static int check_modes(struct mu_keeper *keeper, const struct mu_msg_ticket_add *request,
                       uint64_t *ret_wait_ms)
{
    *ret_wait_ms = 0;
    for (uint32_t i = 0; i <= request->others_count; i++) {
        const char *name = i == 0 ? request->mode : request->others[i - 1].id;
        int32_t mode = mu_config_mode(keeper->config, name);
        if (mode < 0) {
            return mu_keeper_refuse(keeper, MU_ERROR_GAME_MODE_NOT_FOUND, "%s", name);
        }
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(k == 0 ? request->mode : request->others[k - 1].id, name) == 0) {
                return mu_keeper_refuse(keeper, MU_ERROR_VALIDATION_FAILED, "%s comes twice", name);
            }
        }
        uint64_t wait_ms = keeper->config->modes[mode].wait_max_ms;
        *ret_wait_ms = wait_ms > *ret_wait_ms ? wait_ms : *ret_wait_ms;
    }
    return 0;
}

static void make_ticket(struct mu_keeper *keeper, const struct mu_msg_ticket_add *request,
                        uint64_t wait_max_ms, const char *region)
{
    struct mu_msg_ticket *ticket = &keeper->ticket->ticket;
    uint64_t now = mu_keeper_wall(keeper);
    uint64_t wait = request->wait_max_ms;
    ticket->version = 0; /* put makes it 1 */
    ticket->state = MU_TICKET_NONE;
    ticket->enqueued_ms = now;
    ticket->wait_max_ms = wait == 0 || wait > wait_max_ms ? wait_max_ms : wait;
    ticket->priority = 0;
    ticket->match[0] = '\0';
    ticket->ended_ms = 0;
    mu_id_make(&keeper->ids, MU_ID_PREFIX_TICKET, (int64_t)now, ticket->id);
    memcpy(ticket->mode, request->mode, sizeof ticket->mode);
    ticket->others_count = request->others_count;
    memcpy(ticket->others, request->others, sizeof ticket->others);
    (void)snprintf(ticket->region, sizeof ticket->region, "%s", region);
    ticket->players_count = request->players_count;
    for (uint32_t i = 0; i < request->players_count; i++) {
        const struct mu_msg_player *player = &keeper->players[i];
        struct mu_msg_ticket_player *member = &ticket->players[i];
        memcpy(member->id, player->id, sizeof member->id);
        memcpy(member->username, player->username, sizeof member->username);
        member->rating = player->rating;
        member->deviation = mu_rating_deviation(player->wins + player->losses + player->draws);
    }
    memcpy(ticket->details, request->details, sizeof ticket->details);
}

int mu_keeper_ticket_add(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_ticket_add *request = &msg->ticket_add;
    const char *region = mu_keeper_region(keeper, request->region);
    if (region == NULL) {
        return mu_keeper_refuse(keeper, MU_ERROR_REGION_NOT_SUPPORTED, "%s", request->region);
    }
    int r = mu_keeper_check_fence(keeper, mu_keeper_queue(keeper, region));
    if (r != 0) {
        return r;
    }
    if (request->refusal[0] != '\0') {
        return mu_keeper_refuse(keeper, MU_ERROR_VALIDATION_FAILED, "%s", request->refusal);
    }
    uint64_t wait_max_ms;
    r = check_modes(keeper, request, &wait_max_ms);
    if (r != 0) {
        return r;
    }
    if (request->players_count == 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_VALIDATION_FAILED, "nobody would wait");
    }
    struct mu_msg_ticket *ticket = &keeper->ticket->ticket;
    r = get_party(keeper, request);
    if (r == 0) {
        ticket->latency_max_ms = party_latency_max(keeper, request->players_count);
        r = take_latencies(keeper, request, ticket->latency_max_ms, ticket);
    }
    if (r != 0) {
        return r;
    }
    make_ticket(keeper, request, wait_max_ms, region);
    mu_keeper_put_ticket(keeper, ticket, MU_TICKET_QUEUED);
    for (uint32_t i = 0; i < request->players_count; i++) {
        mu_seat_engage(&keeper->seats[i], MU_ENGAGED_TICKET, ticket->id);
        mu_keeper_put_seat(keeper, &keeper->seats[i]);
    }
    keeper->counters.values[MU_COUNTER_TICKETS_ADDED]++;
    return mu_keeper_answer(keeper, keeper->ticket);
}

/* Read, cancel, expire. */

static bool ticket_has(const struct mu_msg_ticket *ticket, const char *player)
{
    for (uint32_t i = 0; i < ticket->players_count; i++) {
        if (strcmp(ticket->players[i].id, player) == 0) {
            return true;
        }
    }
    return false;
}

/* Reads the ticket with which a player came into the match he is in. */
static int find_matched(struct mu_keeper *keeper, const char *player, const char *match)
{
    int r = mu_rows_need_id(&keeper->rows, MU_TABLE_MATCH, match, keeper->match);
    if (r != 0) {
        return r;
    }
    int32_t index = mu_keeper_match_player(keeper, player);
    if (index < 0) {
        return mu_rows_damage(&keeper->rows);
    }
    const char *ticket = keeper->match->match.players[index].ticket;
    if (ticket[0] == '\0') {
        return mu_keeper_refuse(keeper, MU_ERROR_PLAYER_NOT_IN_QUEUE, "%s came from a lobby",
                                player);
    }
    return mu_keeper_need_ticket(keeper, ticket);
}

/* Reads the ticket that is named, or the one of a player, into keeper->ticket. */
static int find_ticket(struct mu_keeper *keeper, const char *player, const char *ticket)
{
    if (ticket[0] != '\0') {
        int r = mu_keeper_get_ticket(keeper, ticket);
        bool his = r == 0 && (player[0] == '\0' || ticket_has(&keeper->ticket->ticket, player));
        if (r == -ENOENT || (r == 0 && !his)) {
            r = mu_keeper_refuse(keeper, MU_ERROR_TICKET_NOT_FOUND, "%s", ticket);
        }
        return r;
    }
    struct mu_msg *small = keeper->rows.small;
    int r = mu_rows_get_id(&keeper->rows, MU_TABLE_ENGAGEMENT, player, small);
    if (r == -ENOENT) {
        return mu_keeper_refuse(keeper, MU_ERROR_PLAYER_NOT_FOUND, "%s", player);
    }
    if (r != 0) {
        return r;
    }
    const struct mu_msg_engagement engagement = small->engagement;
    switch (engagement.kind) {
    case MU_ENGAGED_NONE:
    case MU_ENGAGED_LOBBY: break;
    case MU_ENGAGED_TICKET: return mu_keeper_need_ticket(keeper, engagement.id);
    case MU_ENGAGED_MATCH: return find_matched(keeper, player, engagement.id);
    }
    return mu_keeper_refuse(keeper, MU_ERROR_PLAYER_NOT_IN_QUEUE, "%s", player);
}

int mu_keeper_ticket_get(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    int r = find_ticket(keeper, msg->ticket_get.player, msg->ticket_get.ticket);
    return r != 0 ? r : mu_keeper_answer(keeper, keeper->ticket);
}

/* Takes keeper->ticket, QUEUED, out for good, with the seats of its players freed. */
static int end_ticket(struct mu_keeper *keeper, enum mu_ticket_state state)
{
    struct mu_msg_ticket *ticket = &keeper->ticket->ticket;
    assert(ticket->state == MU_TICKET_QUEUED);
    for (uint32_t i = 0; i < ticket->players_count; i++) {
        int r = mu_keeper_get_seat_in(keeper, ticket->players[i].id, MU_ENGAGED_TICKET, ticket->id,
                                      &keeper->seats[i]);
        if (r != 0) {
            return r;
        }
    }
    ticket->ended_ms = mu_keeper_wall(keeper);
    mu_keeper_put_ticket(keeper, ticket, state);
    if (state == MU_TICKET_EXPIRED) {
        (void)mu_keeper_ticket_event(keeper, MU_EVENT_TICKET_EXPIRED, ticket);
    }
    for (uint32_t i = 0; i < ticket->players_count; i++) {
        mu_seat_engage(&keeper->seats[i], MU_ENGAGED_NONE, "");
        if (state == MU_TICKET_EXPIRED) {
            mu_keeper_event(keeper, &keeper->seats[i]);
        }
        mu_keeper_put_seat(keeper, &keeper->seats[i]);
    }
    return mu_keeper_answer(keeper, keeper->ticket);
}

int mu_keeper_ticket_cancel(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    int r = find_ticket(keeper, msg->ticket_cancel.player, msg->ticket_cancel.ticket);
    if (r != 0) {
        return r;
    }
    const struct mu_msg_ticket *ticket = &keeper->ticket->ticket;
    switch (ticket->state) {
    case MU_TICKET_QUEUED:
        r = end_ticket(keeper, MU_TICKET_CANCELLED);
        if (r == 0) {
            keeper->counters.values[MU_COUNTER_TICKETS_CANCELLED]++;
        }
        return r;
    case MU_TICKET_MATCHED:
        return mu_keeper_refuse_engaged(keeper, MU_ERROR_TICKET_MATCHED, MU_ENGAGED_MATCH,
                                        ticket->match);
    case MU_TICKET_NONE:
    case MU_TICKET_CANCELLED:
    case MU_TICKET_EXPIRED: break; /* over already: its end is the answer */
    }
    return mu_keeper_answer(keeper, keeper->ticket);
}

int mu_keeper_ticket_expire(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_ticket_expire *request = &msg->ticket_expire;
    int r = mu_keeper_get_ticket(keeper, request->ticket);
    if (r == -ENOENT) {
        return mu_keeper_refuse(keeper, MU_ERROR_TICKET_NOT_FOUND, "%s", request->ticket);
    }
    if (r != 0) {
        return r;
    }
    const struct mu_msg_ticket *ticket = &keeper->ticket->ticket;
    r = mu_keeper_check_fence(keeper, mu_keeper_queue(keeper, ticket->region));
    if (r != 0) {
        return r;
    }
    if (ticket->state != MU_TICKET_QUEUED || ticket->version != request->version) {
        mu_outbox_note(keeper->out, "ticket changed meanwhile -> not expired");
        return mu_keeper_answer(keeper, keeper->ticket);
    }
    r = end_ticket(keeper, MU_TICKET_EXPIRED);
    if (r == 0) {
        keeper->counters.values[MU_COUNTER_TICKETS_EXPIRED]++;
    }
    return r;
}
