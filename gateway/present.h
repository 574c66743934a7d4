/* gateway/present.h - records as the JSON of API.md: camelCase, RFC 3339 times, derived values.
 *
 * Each function writes one value (an object, after mu_json_key()), or members into an object that
 * is open, as it says.  Nothing here shows a password, its hash, or a server's key. */
#ifndef MU_GATEWAY_PRESENT_H
#define MU_GATEWAY_PRESENT_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/json_write.h"
#include "wire/msg.h"

#define MU_TIME_TEXT_MAX 24 /* "2026-11-23T06:24:00.000Z" */
#define MU_TEAM_TEXT_MAX 15 /* "TEAM_A", "TEAM_27" */
#define MU_TEAM_DRAW     UINT32_MAX

/* UTC, ms, as RFC 3339.  Times beyond the year 9999 are shown as its end. */
void mu_time_text(uint64_t wall_ms, char ret[MU_TIME_TEXT_MAX + 1]);

/* "TEAM_A".. for 0..25, then "TEAM_27"... */
void mu_team_text(uint64_t team, char ret[MU_TEAM_TEXT_MAX + 1]);

/* The team of "TEAM_A".."TEAM_Z", "TEAM_27".., or MU_TEAM_DRAW of "DRAW".
 * Returns 0 or -EINVAL. */
int mu_team_parse(const char *text, uint32_t *ret);

/* BRONZE < 800 <= SILVER < 1200 <= GOLD < 1600 <= PLATINUM < 2000 <= DIAMOND < 2400 <= MASTER */
const char *mu_tier_text(int64_t rating);

/* Members of an object that is open. */
void mu_put_text(struct mu_json_writer *writer, const char *key, const char *value);
void mu_put_text_or_null(struct mu_json_writer *writer, const char *key, const char *value);
void mu_put_i64(struct mu_json_writer *writer, const char *key, int64_t value);
void mu_put_u64(struct mu_json_writer *writer, const char *key, uint64_t value);
void mu_put_bool(struct mu_json_writer *writer, const char *key, bool value);
void mu_put_time(struct mu_json_writer *writer, const char *key, uint64_t wall_ms); /* 0: null */
void mu_put_json(struct mu_json_writer *writer, const char *key, const char *object_text);

/* Objects. */
void mu_present_player(struct mu_json_writer *writer, const struct mu_msg_player *player);
void mu_present_lobby(struct mu_json_writer *writer, const struct mu_msg_lobby *lobby);
void mu_present_match(struct mu_json_writer *writer, const struct mu_msg_match *match);
void mu_present_server(struct mu_json_writer *writer, const struct mu_msg_server *server);
void mu_present_game_server(struct mu_json_writer *writer, const struct mu_msg_game_server *server);
void mu_present_backfill(struct mu_json_writer *writer, const struct mu_msg_backfill *backfill);
void mu_present_event(struct mu_json_writer *writer, const struct mu_msg_event *event);

/* The ready check of a formed match, as the lobby that MATCH_FOUND named. */
void mu_present_ready_check(struct mu_json_writer *writer, const struct mu_msg_match *match);

/* results{} of a match; `match` as it ended. */
void mu_present_results(struct mu_json_writer *writer, const struct mu_msg_match_ended *ended);

/* A ticket as one of its players sees it. */
struct mu_queue_view {
    const struct mu_msg_ticket *ticket;
    const char *player;   /* who asks */
    uint64_t position;    /* from 1; 0: not known */
    uint64_t estimate_ms; /* 0: not known */
    int64_t wall_ms;      /* now */
};

/* Members of queueData. */
void mu_present_queue(struct mu_json_writer *writer, const struct mu_queue_view *view);

/* A ticket of part 2. */
struct mu_ticket_view {
    const struct mu_msg_ticket *ticket;
    const struct mu_msg_ticket_added *place; /* its place in the queue; NULL: not known */
    enum mu_match_state match;               /* of its match; NONE: none, or not known */
    int64_t wall_ms;                         /* now */
};

/* An object. */
void mu_present_ticket(struct mu_json_writer *writer, const struct mu_ticket_view *view);
void mu_present_explanation(struct mu_json_writer *writer, const struct mu_msg_explanation *from);

#endif /* MU_GATEWAY_PRESENT_H */
