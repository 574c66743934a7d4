/* gateway/present_backfill.c - backfills as JSON. */
#include "gateway/present.h"

static void put_player(struct mu_json_writer *writer, const struct mu_msg_backfill *backfill,
                       uint32_t i)
{
    const struct mu_msg_backfill_player *player = &backfill->players[i];
    mu_json_object_begin(writer);
    mu_put_text(writer, "playerId", player->id);
    mu_put_i64(writer, "skillRating", player->rating);
    if (backfill->teams > 1) { /* else everybody is his own, numbered by the match */
        char team[MU_TEAM_TEXT_MAX + 1];
        mu_team_text(player->team, team);
        mu_put_text(writer, "team", team);
    }
    if (player->team < backfill->team_names_count) {
        mu_put_text(writer, "teamName", backfill->team_names[player->team].text);
    }
    mu_json_object_end(writer);
}

void mu_present_backfill(struct mu_json_writer *writer, const struct mu_msg_backfill *backfill)
{
    bool queued = backfill->state == MU_BACKFILL_QUEUED;
    mu_json_object_begin(writer);
    mu_put_text(writer, "backfillId", backfill->id);
    mu_put_text(writer, "matchId", backfill->match);
    mu_put_text(writer, "gameMode", backfill->mode);
    mu_put_text(writer, "region", backfill->region);
    mu_put_text(writer, "status", mu_enum_text(mu_backfill_state_texts, backfill->state));
    mu_json_key(writer, "players");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < backfill->players_count; i++) {
        put_player(writer, backfill, i);
    }
    mu_json_array_end(writer);
    mu_json_key(writer, "joined");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < backfill->joined_count; i++) {
        mu_json_string(writer, backfill->joined[i].id);
    }
    mu_json_array_end(writer);
    mu_put_u64(writer, "leaseSeconds", backfill->lease_ms / 1000);
    mu_put_time(writer, "leaseUntil", queued ? backfill->lease_until_ms : 0);
    mu_put_time(writer, "createdAt", backfill->created_ms);
    mu_put_time(writer, "endedAt", backfill->ended_ms);
    mu_json_object_end(writer);
}
