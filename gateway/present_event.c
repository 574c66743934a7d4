/* gateway/present_event.c - events to players as JSON: WebSocket messages and event lists. */
#include "gateway/present.h"

#include "core/id.h"

static void put_person(struct mu_json_writer *writer, const struct mu_msg_event_player *player,
                       bool with_team)
{
    char team[MU_TEAM_TEXT_MAX + 1];
    mu_json_object_begin(writer);
    mu_put_text(writer, "playerId", player->id);
    mu_put_text(writer, "username", player->username);
    mu_put_i64(writer, "skillRating", player->rating);
    if (with_team) {
        mu_team_text(player->team, team);
        mu_put_text(writer, "team", team);
    }
    mu_json_object_end(writer);
}

static void put_players(struct mu_json_writer *writer, const struct mu_msg_event *event)
{
    mu_json_key(writer, "players");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < event->players_count; i++) {
        put_person(writer, &event->players[i], true);
    }
    mu_json_array_end(writer);
}

static void put_found(struct mu_json_writer *writer, const struct mu_msg_event *event)
{
    mu_put_text(writer, "lobbyId", event->lobby);
    mu_put_text(writer, "matchId", event->match);
    mu_put_text(writer, "gameMode", event->mode);
    put_players(writer, event);
    mu_put_time(writer, "acceptBy", event->accept_by_ms);
}

static void put_cancelled(struct mu_json_writer *writer, const struct mu_msg_event *event)
{
    mu_put_text(writer, "lobbyId", event->lobby);
    mu_put_text(writer, "matchId", event->match);
    mu_put_text(writer, "reason", mu_enum_text(mu_reason_texts, event->reason));
    mu_put_bool(writer, "requeued", event->requeued);
    mu_put_text_or_null(writer, "ticketId", event->ticket);
}

static void put_started(struct mu_json_writer *writer, const struct mu_msg_event *event)
{
    char team[MU_TEAM_TEXT_MAX + 1];
    mu_team_text(event->team, team);
    mu_put_text(writer, "matchId", event->match);
    mu_put_text_or_null(writer, "lobbyId", event->lobby);
    mu_put_text(writer, "gameMode", event->mode);
    mu_put_text(writer, "team", team);
    mu_json_key(writer, "gameServer");
    mu_present_game_server(writer, &event->server);
    mu_put_text(writer, "joinToken", event->join_token);
    put_players(writer, event);
}

static void put_ended(struct mu_json_writer *writer, const struct mu_msg_event *event)
{
    mu_put_text(writer, "matchId", event->match);
    mu_put_text(writer, "result", mu_enum_text(mu_outcome_texts, event->outcome));
    mu_json_key(writer, "rating");
    mu_json_object_begin(writer);
    mu_put_i64(writer, "before", event->rating_before);
    mu_put_i64(writer, "after", event->rating_after);
    mu_json_object_end(writer);
}

static void put_body(struct mu_json_writer *writer, const struct mu_msg_event *event)
{
    switch (event->kind) {
    case MU_EVENT_MATCH_FOUND: put_found(writer, event); break;
    case MU_EVENT_READY_UPDATE:
        mu_put_text(writer, "lobbyId", event->lobby);
        mu_put_u64(writer, "ready", event->ready);
        mu_put_u64(writer, "total", event->total);
        break;
    case MU_EVENT_MATCH_CANCELLED: put_cancelled(writer, event); break;
    case MU_EVENT_PLAYER_JOINED:
        mu_json_key(writer, "player");
        put_person(writer, &event->subject, false);
        mu_put_text(writer, "lobbyId", event->lobby);
        break;
    case MU_EVENT_PLAYER_LEFT:
        mu_put_text(writer, "playerId", event->subject.id);
        mu_put_text_or_null(writer, "newHost", event->new_host);
        mu_put_text(writer, "lobbyId", event->lobby);
        mu_put_text(writer, "reason", mu_enum_text(mu_reason_texts, event->reason));
        break;
    case MU_EVENT_LOBBY_CLOSED:
        mu_put_text(writer, "lobbyId", event->lobby);
        mu_put_text(writer, "reason", mu_enum_text(mu_reason_texts, event->reason));
        break;
    case MU_EVENT_MATCH_STARTED: put_started(writer, event); break;
    case MU_EVENT_MATCH_ENDED: put_ended(writer, event); break;
    case MU_EVENT_QUEUE_STATUS:
    case MU_EVENT_TICKET_EXPIRED:
        mu_put_text(writer, "ticketId", event->ticket);
        mu_put_text_or_null(writer, "gameMode", event->mode);
        break;
    }
}

void mu_present_event(struct mu_json_writer *writer, const struct mu_msg_event *event)
{
    mu_json_object_begin(writer);
    mu_put_text(writer, "type", mu_enum_text(mu_event_kind_texts, event->kind));
    mu_put_u64(writer, "seq", event->seq);
    mu_put_time(writer, "at", event->at_ms);
    put_body(writer, event);
    mu_json_object_end(writer);
}
