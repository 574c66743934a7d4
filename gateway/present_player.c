/* gateway/present_player.c - players and their tickets as JSON. */
#include "gateway/present.h"

#include <math.h>

#include "core/id.h"

/* What a player does, from his engagement. */
static const char *status_text(enum mu_engaged engaged)
{
    switch (engaged) {
    case MU_ENGAGED_NONE: return "IDLE";
    case MU_ENGAGED_LOBBY: return "IN_LOBBY";
    case MU_ENGAGED_TICKET: return "IN_QUEUE";
    case MU_ENGAGED_MATCH: return "IN_MATCH";
    }
    return "IDLE";
}

/* Share of matches won, 0..1 with four digits; 0 without matches. */
static double win_rate(const struct mu_msg_player *player, uint64_t matches)
{
    return matches == 0 ? 0.0 : round((double)player->wins / (double)matches * 1e4) / 1e4;
}

void mu_present_player(struct mu_json_writer *writer, const struct mu_msg_player *player)
{
    uint64_t matches = player->wins + player->losses + player->draws;
    mu_json_object_begin(writer);
    mu_put_text(writer, "playerId", player->id);
    mu_put_text(writer, "username", player->username);
    mu_put_i64(writer, "skillRating", player->rating);
    mu_put_text(writer, "tier", mu_tier_text(player->rating));
    mu_put_u64(writer, "wins", player->wins);
    mu_put_u64(writer, "losses", player->losses);
    mu_put_u64(writer, "draws", player->draws);
    mu_json_key(writer, "winRate");
    mu_json_real(writer, win_rate(player, matches));
    mu_put_u64(writer, "matchesPlayed", matches);
    mu_put_text(writer, "region", player->region);
    mu_put_text(writer, "status", status_text(player->engaged));
    mu_put_text_or_null(writer, "engagementId", player->engagement);
    mu_put_i64(writer, "currentStreak", player->streak);
    mu_put_u64(writer, "maxStreak", player->streak_max);
    mu_put_text_or_null(writer, "preferredGameMode", player->mode);
    mu_json_key(writer, "maxAcceptableLatency");
    if (player->latency_max_ms == 0) {
        mu_json_null(writer);
    } else {
        mu_json_u64(writer, player->latency_max_ms);
    }
    mu_put_json(writer, "preferences", player->preferences);
    mu_put_time(writer, "createdAt", player->created_ms);
    mu_put_time(writer, "updatedAt", player->updated_ms);
    mu_json_object_end(writer);
}

void mu_present_queue(struct mu_json_writer *writer, const struct mu_queue_view *view)
{
    const struct mu_msg_ticket *ticket = view->ticket;
    uint64_t until_ms = ticket->ended_ms != 0 ? ticket->ended_ms : (uint64_t)view->wall_ms;
    uint64_t waited_ms = until_ms > ticket->enqueued_ms ? until_ms - ticket->enqueued_ms : 0;
    char lobby[MU_ID_MAX + 1] = "";
    mu_put_text(writer, "playerId", view->player);
    mu_put_text(writer, "gameMode", ticket->mode);
    mu_put_text(writer, "region", ticket->region);
    mu_put_text(writer, "ticketId", ticket->id);
    mu_put_text(writer, "status", mu_enum_text(mu_ticket_state_texts, ticket->state));
    if (ticket->state == MU_TICKET_QUEUED) {
        mu_put_u64(writer, "estimatedWaitTime", (view->estimate_ms + 999) / 1000);
        mu_put_u64(writer, "queuePosition", view->position);
    }
    mu_put_u64(writer, "waitedSeconds", waited_ms / 1000);
    mu_put_time(writer, "queuedAt", ticket->enqueued_ms);
    mu_put_u64(writer, "maxWaitTime", ticket->wait_max_ms / 1000);
    if (ticket->state == MU_TICKET_MATCHED) {
        mu_put_text(writer, "matchId", ticket->match);
        (void)mu_id_with_prefix(ticket->match, MU_ID_PREFIX_LOBBY, lobby);
        mu_put_text_or_null(writer, "lobbyId", lobby);
    }
}
