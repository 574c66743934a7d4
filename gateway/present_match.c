/* gateway/present_match.c - matches and their results as JSON. */
#include "gateway/present.h"

#include <string.h>

#include "core/id.h"

void mu_present_game_server(struct mu_json_writer *writer, const struct mu_msg_game_server *server)
{
    if (server->id[0] == '\0') {
        mu_json_null(writer);
        return;
    }
    mu_json_object_begin(writer);
    mu_put_text(writer, "serverId", server->id);
    mu_put_text(writer, "ip", server->ip);
    mu_put_u64(writer, "port", server->port);
    mu_put_text(writer, "region", server->region);
    mu_json_object_end(writer);
}

/* What a player of a match does: as the server reported, else from the match itself. */
static const char *player_status(const struct mu_msg_match *match,
                                 const struct mu_msg_match_player *player)
{
    if (player->status[0] != '\0') {
        return player->status;
    }
    switch (match->state) {
    case MU_MATCH_NONE:
    case MU_MATCH_FORMED: return mu_enum_text(mu_accept_texts, player->accept);
    case MU_MATCH_ALLOCATING: return "ACCEPTED";
    case MU_MATCH_LIVE: return "IN_MATCH";
    case MU_MATCH_ENDED: return "FINISHED";
    case MU_MATCH_ABORTED:
    case MU_MATCH_EXPIRED: return "CANCELLED";
    }
    return "";
}

static void put_player(struct mu_json_writer *writer, const struct mu_msg_match *match, uint32_t i)
{
    const struct mu_msg_match_player *player = &match->players[i];
    char team[MU_TEAM_TEXT_MAX + 1];
    /* Without teams everybody is his own: results name him by his place in the list. */
    mu_team_text(match->teams == 1 ? i : player->team, team);
    mu_json_object_begin(writer);
    mu_put_text(writer, "playerId", player->id);
    mu_put_text(writer, "username", player->username);
    mu_put_i64(writer, "skillRating", player->rating);
    mu_put_text(writer, "team", team);
    if (player->team < match->team_names_count) {
        mu_put_text(writer, "teamName", match->team_names[player->team].text);
    }
    if (player->role[0] != '\0') {
        mu_put_text(writer, "role", player->role);
    }
    mu_put_i64(writer, "score", player->score);
    mu_put_text(writer, "status", player_status(match, player));
    if (player->freed) {
        mu_put_bool(writer, "freed", true);
    }
    if (match->state == MU_MATCH_ENDED) {
        mu_put_text(writer, "result", mu_enum_text(mu_outcome_texts, player->outcome));
        mu_put_i64(writer, "ratingAfter", player->rating_after);
    }
    mu_json_object_end(writer);
}

/* "TEAM_B", "DRAW", or empty while nobody has won. */
static void winner_of(const struct mu_msg_match *match, char ret[MU_TEAM_TEXT_MAX + 1])
{
    ret[0] = '\0';
    if (match->state != MU_MATCH_ENDED) {
        return;
    }
    if (match->draw) {
        memcpy(ret, "DRAW", sizeof "DRAW");
        return;
    }
    for (uint32_t i = 0; i < match->ranking_count; i++) {
        if (match->ranking[i].rank == 1) {
            mu_team_text(match->ranking[i].team, ret);
            return;
        }
    }
}

static void put_ranking(struct mu_json_writer *writer, const struct mu_msg_match *match)
{
    mu_json_key(writer, "ranking");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < match->ranking_count; i++) {
        char team[MU_TEAM_TEXT_MAX + 1];
        mu_team_text(match->ranking[i].team, team);
        mu_json_object_begin(writer);
        mu_put_text(writer, "team", team);
        mu_put_u64(writer, "rank", match->ranking[i].rank);
        mu_json_object_end(writer);
    }
    mu_json_array_end(writer);
}

void mu_present_match(struct mu_json_writer *writer, const struct mu_msg_match *match)
{
    char lobby[MU_ID_MAX + 1] = "";
    char winner[MU_TEAM_TEXT_MAX + 1];
    (void)mu_id_with_prefix(match->id, MU_ID_PREFIX_LOBBY, lobby);
    winner_of(match, winner);
    mu_json_object_begin(writer);
    mu_put_text(writer, "matchId", match->id);
    mu_put_text_or_null(writer, "lobbyId", lobby);
    mu_put_text(writer, "gameMode", match->mode);
    mu_put_text(writer, "region", match->region);
    mu_put_text(writer, "status", mu_enum_text(mu_match_state_texts, match->state));
    mu_put_bool(writer, "custom", match->custom);
    mu_put_bool(writer, "rated", match->rated);
    if (match->backfill[0] != '\0') {
        mu_put_text(writer, "backfillId", match->backfill);
    }
    if (match->rules != 0) {
        mu_put_u64(writer, "rulesVersion", match->rules);
    }
    mu_json_key(writer, "players");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < match->players_count; i++) {
        put_player(writer, match, i);
    }
    mu_json_array_end(writer);
    mu_json_key(writer, "quality");
    mu_json_real(writer, match->quality);
    mu_json_key(writer, "gameServer");
    mu_present_game_server(writer, &match->server);
    mu_put_time(writer, "createdAt", match->created_ms);
    mu_put_time(writer, "acceptBy", match->state == MU_MATCH_FORMED ? match->accept_by_ms : 0);
    mu_put_time(writer, "startedAt", match->started_ms);
    mu_put_time(writer, "endedAt", match->ended_ms);
    if (match->state == MU_MATCH_ABORTED || match->state == MU_MATCH_EXPIRED) {
        mu_put_text(writer, "reason", mu_enum_text(mu_reason_texts, match->reason));
    }
    mu_put_text_or_null(writer, "winningTeam", winner);
    if (match->state == MU_MATCH_ENDED) {
        put_ranking(writer, match);
    }
    mu_json_key(writer, "duration");
    if (match->started_ms != 0 && match->ended_ms >= match->started_ms) {
        mu_json_u64(writer, (match->ended_ms - match->started_ms) / 1000);
    } else {
        mu_json_null(writer);
    }
    mu_json_object_end(writer);
}

static void put_ids(struct mu_json_writer *writer, const char *key,
                    const struct mu_msg_match_ended *ended, enum mu_outcome outcome)
{
    mu_json_key(writer, key);
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < ended->changes_count; i++) {
        if (ended->changes[i].outcome == outcome) {
            mu_json_string(writer, ended->changes[i].id);
        }
    }
    mu_json_array_end(writer);
}

void mu_present_results(struct mu_json_writer *writer, const struct mu_msg_match_ended *ended)
{
    char winner[MU_TEAM_TEXT_MAX + 1] = "DRAW";
    if (!ended->draw) {
        mu_team_text(ended->winning_team, winner);
    }
    mu_json_object_begin(writer);
    mu_put_text(writer, "matchId", ended->match);
    mu_put_text(writer, "winningTeam", winner);
    mu_put_u64(writer, "duration", ended->duration_ms / 1000);
    put_ids(writer, "winners", ended, MU_OUTCOME_WIN);
    put_ids(writer, "losers", ended, MU_OUTCOME_LOSS);
    mu_json_key(writer, "ratings");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < ended->changes_count; i++) {
        const struct mu_msg_rating_change *change = &ended->changes[i];
        mu_json_object_begin(writer);
        mu_put_text(writer, "playerId", change->id);
        mu_put_i64(writer, "before", change->before);
        mu_put_i64(writer, "after", change->after);
        mu_put_i64(writer, "change", change->after - change->before);
        mu_put_text(writer, "result", mu_enum_text(mu_outcome_texts, change->outcome));
        mu_json_object_end(writer);
    }
    mu_json_array_end(writer);
    mu_json_object_end(writer);
}
