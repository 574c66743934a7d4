/* actors/store_dissolve.c - matches that will not be played, or whose result never came. */
#include "actors/store_keeper.h"

#include <assert.h>
#include <string.h>

enum { PRIORITY_MAX = 100, MISSES_MAX = 255 };

/* Whether a player is the reason why his match is dissolved. */
static bool at_fault(const struct mu_msg_match_player *player, enum mu_reason reason)
{
    return (reason == MU_REASON_DECLINED && player->accept == MU_ACCEPT_DECLINED) ||
           (reason == MU_REASON_NOT_ACCEPTED && player->accept != MU_ACCEPT_ACCEPTED);
}

/* Whether the ticket goes back to the queue: nobody of it is at fault. */
static bool requeued(const struct mu_msg_match *match, const char *ticket, enum mu_reason reason)
{
    for (uint32_t i = 0; i < match->players_count; i++) {
        const struct mu_msg_match_player *player = &match->players[i];
        if (strcmp(player->ticket, ticket) == 0 && at_fault(player, reason)) {
            return false;
        }
    }
    return true;
}

/* Reads the match's tickets into keeper->tickets, in the order of their first players. */
static int get_match_tickets(struct mu_keeper *keeper)
{
    const struct mu_msg_match *match = &keeper->match->match;
    keeper->tickets_count = 0;
    for (uint32_t i = 0; i < match->players_count; i++) {
        const char *id = match->players[i].ticket;
        bool known = id[0] == '\0'; /* from a lobby: there is none */
        for (uint32_t j = 0; j < i && !known; j++) {
            known = strcmp(match->players[j].ticket, id) == 0;
        }
        if (known) {
            continue;
        }
        int r = mu_keeper_need_ticket(keeper, id);
        if (r != 0) {
            return r;
        }
        const struct mu_msg_ticket *ticket = &keeper->ticket->ticket;
        if (ticket->state != MU_TICKET_MATCHED || strcmp(ticket->match, match->id) != 0) {
            return mu_rows_damage(&keeper->rows);
        }
        keeper->tickets[keeper->tickets_count++] = *ticket;
    }
    return 0;
}

static void put_tickets(struct mu_keeper *keeper, enum mu_reason reason)
{
    const struct mu_msg_match *match = &keeper->match->match;
    for (uint32_t i = 0; i < keeper->tickets_count; i++) {
        struct mu_msg_ticket *ticket = &keeper->tickets[i];
        ticket->match[0] = '\0';
        if (requeued(match, ticket->id, reason)) {
            ticket->ended_ms = 0;
            ticket->priority += ticket->priority < PRIORITY_MAX ? 1 : 0;
            mu_keeper_put_ticket(keeper, ticket, MU_TICKET_QUEUED);
        } else {
            ticket->ended_ms = match->ended_ms;
            mu_keeper_put_ticket(keeper, ticket, MU_TICKET_CANCELLED);
        }
    }
}

/* A missed match more: he may not queue for a while, twice as long as the last time. */
static void punish(struct mu_keeper *keeper, struct mu_seat *seat)
{
    const struct mu_settings *settings = &keeper->config->settings;
    uint64_t cooldown_ms = settings->cooldown_ms;
    for (uint64_t i = 0; i < seat->engagement.misses && cooldown_ms < settings->cooldown_max_ms;
         i++) {
        cooldown_ms *= 2;
    }
    if (cooldown_ms > settings->cooldown_max_ms) {
        cooldown_ms = settings->cooldown_max_ms;
    }
    seat->engagement.misses += seat->engagement.misses < MISSES_MAX ? 1 : 0;
    seat->engagement.cooldown_until_ms = mu_keeper_wall(keeper) + cooldown_ms;
}

int mu_keeper_dissolve(struct mu_keeper *keeper, enum mu_reason reason)
{
    struct mu_msg_match *match = &keeper->match->match;
    assert(match->state == MU_MATCH_FORMED || match->state == MU_MATCH_ALLOCATING);
    int r = mu_keeper_get_match_seats(keeper, true);
    if (r == 0) {
        r = get_match_tickets(keeper);
    }
    if (r != 0) {
        return r;
    }
    match->reason = reason;
    match->ended_ms = mu_keeper_wall(keeper);
    mu_keeper_put_match(keeper, MU_MATCH_ABORTED);
    put_tickets(keeper, reason);
    struct mu_msg_event *event = mu_keeper_match_event(keeper, MU_EVENT_MATCH_CANCELLED);
    event->reason = reason;
    for (uint32_t i = 0; i < match->players_count; i++) {
        const struct mu_msg_match_player *player = &match->players[i];
        struct mu_seat *seat = &keeper->seats[i];
        event->requeued = requeued(match, player->ticket, reason);
        memcpy(event->ticket, player->ticket, sizeof event->ticket);
        if (at_fault(player, reason)) {
            punish(keeper, seat);
        }
        if (event->requeued) {
            mu_seat_engage(seat, MU_ENGAGED_TICKET, player->ticket);
        } else {
            mu_seat_engage(seat, MU_ENGAGED_NONE, "");
        }
        mu_keeper_event(keeper, seat);
        mu_keeper_put_seat(keeper, seat);
    }
    keeper->counters.values[MU_COUNTER_MATCHES_ABORTED]++;
    return 0;
}

/* A match that was played ends without a result: its players are free.  The result may still
 * come, and then it counts. */
static int expire(struct mu_keeper *keeper, enum mu_reason reason)
{
    struct mu_msg_match *match = &keeper->match->match;
    assert(match->state == MU_MATCH_LIVE);
    int r = mu_keeper_get_match_seats(keeper, true);
    if (r == 0) {
        r = mu_keeper_get_match_server(keeper, "");
    }
    if (r == 0) {
        r = mu_keeper_get_match_backfill(keeper);
    }
    if (r != 0) {
        return r;
    }
    match->reason = reason;
    match->ended_ms = mu_keeper_wall(keeper);
    mu_keeper_end_match_backfill(keeper, MU_BACKFILL_ENDED);
    mu_keeper_put_match(keeper, MU_MATCH_EXPIRED);
    mu_keeper_free_slot(keeper);
    mu_keeper_match_event(keeper, MU_EVENT_MATCH_CANCELLED)->reason = reason;
    for (uint32_t i = 0; i < match->players_count; i++) {
        if (match->players[i].freed) {
            continue; /* he is elsewhere */
        }
        mu_seat_engage(&keeper->seats[i], MU_ENGAGED_NONE, "");
        mu_keeper_event(keeper, &keeper->seats[i]);
        mu_keeper_put_seat(keeper, &keeper->seats[i]);
    }
    return 0;
}

int mu_keeper_match_abort(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_match_abort *request = &msg->match_abort;
    int r = mu_keeper_get_match(keeper, request->match);
    if (r == 0) {
        const char *server = keeper->match->match.server.id;
        /* Who waits for a result looks after the server; who waits for players, or for a server,
         * after the match, and may not know yet that it is played. */
        bool played = server[0] != '\0' && (request->reason == MU_REASON_NO_RESULT ||
                                            request->reason == MU_REASON_SERVER_LOST);
        r = mu_keeper_check_lobby_fence(keeper, played ? server : request->match);
    }
    if (r != 0) {
        return r;
    }
    enum mu_match_state state = keeper->match->match.state;
    bool formed = state == MU_MATCH_FORMED;
    bool waits = formed || state == MU_MATCH_ALLOCATING;
    switch (request->reason) {
    case MU_REASON_DECLINED:
    case MU_REASON_NOT_ACCEPTED:
        r = formed ? mu_keeper_dissolve(keeper, request->reason) : 0;
        break;
    case MU_REASON_NO_SERVER: r = waits ? mu_keeper_dissolve(keeper, request->reason) : 0; break;
    case MU_REASON_SERVER_LOST:
        r = waits                    ? mu_keeper_dissolve(keeper, request->reason)
            : state == MU_MATCH_LIVE ? expire(keeper, request->reason)
                                     : 0;
        break;
    case MU_REASON_NO_RESULT:
        r = state == MU_MATCH_LIVE ? expire(keeper, request->reason) : 0;
        break;
    case MU_REASON_NONE:
    case MU_REASON_LEFT:
    case MU_REASON_KICKED:
    case MU_REASON_DISCONNECTED:
    case MU_REASON_EMPTY:
        return mu_keeper_refuse(keeper, MU_ERROR_VALIDATION_FAILED, "no reason to abort");
    }
    if (r == 0 && keeper->match->match.state == state) {
        mu_outbox_note(keeper->out, "match has moved on -> as it is");
    }
    return r != 0 ? r : mu_keeper_answer(keeper, keeper->match);
}
