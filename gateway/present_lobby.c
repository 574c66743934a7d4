/* gateway/present_lobby.c - lobbies and game servers as JSON. */
#include "gateway/present.h"

#include <string.h>

#include "core/id.h"

static void put_members(struct mu_json_writer *writer, const struct mu_msg_lobby *lobby)
{
    mu_json_key(writer, "players");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < lobby->members_count; i++) {
        const struct mu_msg_lobby_member *member = &lobby->members[i];
        mu_json_object_begin(writer);
        mu_put_text(writer, "playerId", member->id);
        mu_put_text(writer, "username", member->username);
        mu_put_i64(writer, "skillRating", member->rating);
        mu_put_bool(writer, "isHost", strcmp(member->id, lobby->host) == 0);
        mu_put_bool(writer, "isReady", member->ready);
        mu_put_time(writer, "joinedAt", member->joined_ms);
        mu_json_object_end(writer);
    }
    mu_json_array_end(writer);
}

void mu_present_lobby(struct mu_json_writer *writer, const struct mu_msg_lobby *lobby)
{
    mu_json_object_begin(writer);
    mu_put_text(writer, "lobbyId", lobby->id);
    mu_put_text(writer, "joinCode", lobby->join_code);
    mu_put_text(writer, "name", lobby->name);
    mu_put_text(writer, "gameMode", lobby->mode);
    mu_put_text(writer, "region", lobby->region);
    mu_put_text(writer, "status", mu_enum_text(mu_lobby_state_texts, lobby->state));
    mu_put_text(writer, "hostPlayerId", lobby->host);
    mu_put_u64(writer, "maxPlayers", lobby->players_max);
    mu_put_u64(writer, "minPlayers", lobby->players_min);
    mu_put_u64(writer, "currentPlayers", lobby->members_count);
    mu_put_bool(writer, "isPrivate", lobby->is_private);
    mu_put_bool(writer, "hasPassword", lobby->password_hash[0] != '\0');
    put_members(writer, lobby);
    mu_put_json(writer, "settings", lobby->settings);
    mu_put_json(writer, "customRules", lobby->custom_rules);
    mu_put_text_or_null(writer, "matchId", lobby->match);
    mu_put_time(writer, "createdAt", lobby->created_ms);
    mu_json_object_end(writer);
}

void mu_present_ready_check(struct mu_json_writer *writer, const struct mu_msg_match *match)
{
    char lobby[MU_ID_MAX + 1] = "";
    uint64_t ready = 0;
    (void)mu_id_with_prefix(match->id, MU_ID_PREFIX_LOBBY, lobby);
    mu_json_object_begin(writer);
    mu_put_text(writer, "lobbyId", lobby);
    mu_put_text(writer, "gameMode", match->mode);
    mu_put_text(writer, "region", match->region);
    mu_put_text(writer, "status", mu_enum_text(mu_match_state_texts, match->state));
    mu_put_u64(writer, "currentPlayers", match->players_count);
    mu_json_key(writer, "players");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < match->players_count; i++) {
        const struct mu_msg_match_player *player = &match->players[i];
        bool accepted = player->accept == MU_ACCEPT_ACCEPTED;
        ready += accepted ? 1u : 0u;
        mu_json_object_begin(writer);
        mu_put_text(writer, "playerId", player->id);
        mu_put_text(writer, "username", player->username);
        mu_put_i64(writer, "skillRating", player->rating);
        mu_put_bool(writer, "isReady", accepted);
        mu_json_object_end(writer);
    }
    mu_json_array_end(writer);
    mu_put_u64(writer, "ready", ready);
    mu_put_u64(writer, "total", match->players_count);
    mu_put_text(writer, "matchId", match->id);
    mu_put_time(writer, "acceptBy", match->accept_by_ms);
    mu_put_time(writer, "createdAt", match->created_ms);
    mu_json_object_end(writer);
}

void mu_present_server(struct mu_json_writer *writer, const struct mu_msg_server *server)
{
    mu_json_object_begin(writer);
    mu_put_text(writer, "serverId", server->id);
    mu_put_text(writer, "status", mu_enum_text(mu_server_state_texts, server->state));
    mu_put_text(writer, "ip", server->ip);
    mu_put_u64(writer, "port", server->port);
    mu_put_text(writer, "region", server->region);
    mu_put_u64(writer, "slots", server->slots);
    mu_put_u64(writer, "used", server->used);
    mu_json_key(writer, "gameModes");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < server->modes_count; i++) {
        mu_json_string(writer, server->modes[i].id);
    }
    mu_json_array_end(writer);
    mu_put_time(writer, "createdAt", server->created_ms);
    mu_json_object_end(writer);
}
