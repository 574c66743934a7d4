/* gateway/present_ticket.c - tickets of part 2 as JSON. */
#include "gateway/present.h"

#include "core/id.h"

/* A ticket that is matched is as its match is. */
static const char *matched_text(enum mu_match_state match)
{
    switch (match) {
    case MU_MATCH_FORMED: return "REQUIRES_ACCEPTANCE";
    case MU_MATCH_ALLOCATING: return "PLACING";
    case MU_MATCH_LIVE:
    case MU_MATCH_ENDED:
    case MU_MATCH_EXPIRED: return "COMPLETED";
    case MU_MATCH_NONE:
    case MU_MATCH_ABORTED: break;
    }
    return mu_enum_text(mu_ticket_state_texts, MU_TICKET_MATCHED);
}

static void put_players(struct mu_json_writer *writer, const struct mu_msg_ticket *ticket)
{
    mu_json_key(writer, "players");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < ticket->players_count; i++) {
        const struct mu_msg_ticket_player *player = &ticket->players[i];
        mu_json_object_begin(writer);
        mu_put_text(writer, "playerId", player->id);
        mu_put_text(writer, "username", player->username);
        mu_put_i64(writer, "skillRating", player->rating);
        mu_put_u64(writer, "ratingDeviation", player->deviation);
        mu_json_object_end(writer);
    }
    mu_json_array_end(writer);
}

static void put_match(struct mu_json_writer *writer, const struct mu_msg_ticket *ticket)
{
    char lobby[MU_ID_MAX + 1] = "";
    mu_put_text(writer, "matchId", ticket->match);
    (void)mu_id_with_prefix(ticket->match, MU_ID_PREFIX_LOBBY, lobby);
    mu_put_text_or_null(writer, "lobbyId", lobby);
}

void mu_present_ticket(struct mu_json_writer *writer, const struct mu_ticket_view *view)
{
    const struct mu_msg_ticket *ticket = view->ticket;
    bool matched = ticket->state == MU_TICKET_MATCHED;
    uint64_t until_ms = ticket->ended_ms != 0 ? ticket->ended_ms : (uint64_t)view->wall_ms;
    uint64_t waited_ms = until_ms > ticket->enqueued_ms ? until_ms - ticket->enqueued_ms : 0;
    mu_json_object_begin(writer);
    mu_put_text(writer, "ticketId", ticket->id);
    mu_put_text(writer, "status",
                matched ? matched_text(view->match)
                        : mu_enum_text(mu_ticket_state_texts, ticket->state));
    mu_json_key(writer, "queues");
    mu_json_array_begin(writer);
    mu_json_string(writer, ticket->mode);
    for (uint32_t i = 0; i < ticket->others_count; i++) {
        mu_json_string(writer, ticket->others[i].id);
    }
    mu_json_array_end(writer);
    mu_put_text(writer, "region", ticket->region);
    put_players(writer, ticket);
    mu_put_time(writer, "queuedAt", ticket->enqueued_ms);
    mu_put_u64(writer, "waitedSeconds", waited_ms / 1000);
    mu_put_u64(writer, "maxWaitSeconds", ticket->wait_max_ms / 1000);
    mu_put_u64(writer, "priority", ticket->priority);
    if (view->place != NULL) {
        mu_put_u64(writer, "queuePosition", view->place->position);
        mu_put_u64(writer, "estimatedWaitSeconds", (view->place->estimate_ms + 999) / 1000);
        mu_put_u64(writer, "rulesVersion", view->place->rules);
    }
    if (matched) {
        put_match(writer, ticket);
    }
    mu_json_object_end(writer);
}
