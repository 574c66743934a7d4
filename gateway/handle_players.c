/* gateway/handle_players.c - /v1/players. */
#include "gateway/handlers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/parse.h"
#include "gateway/bounds.h"
#include "gateway/gateway_state.h"
#include "gateway/present.h"

#define EVENTS_PER_PAGE 8    /* that EVENTS_END holds */
#define TOKEN_S_DEFAULT 3600 /* seconds for which a player's token is good */

static const struct mu_text_rule username_rule = MU_BOUND_USERNAME;

static void answer_player(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg,
                          int status, const char *message)
{
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "PLAYER");
    if (message != NULL) {
        mu_put_text(writer, "message", message);
    }
    mu_json_key(writer, "player");
    mu_present_player(writer, &msg->player);
    mu_answer_end(gw, x, status);
}

void mu_handle_player_register(struct mu_gateway *gw, struct mu_exchange *x,
                               const struct mu_http_request *request)
{
    struct mu_fields *fields = &gw->fields;
    struct mu_msg_player_register *ask = &gw->msg.player_register;
    int64_t latency_ms = 0;
    (void)request;
    gw->msg.op = MU_OP_PLAYER_REGISTER;
    *ask = (struct mu_msg_player_register){ .preferences = "{}" };
    (void)mu_field_text(fields, "username", MU_REQUIRED, &username_rule, ask->username);
    (void)mu_field_region(fields, "region", MU_REQUIRED, gw->config, ask->region);
    (void)mu_field_mode(fields, "preferredGameMode", MU_OPTIONAL, gw->config, ask->mode);
    (void)mu_field_rounded(fields, "maxAcceptableLatency", MU_OPTIONAL,
                           (struct mu_range)MU_BOUND_LATENCY_MS, &latency_ms);
    (void)mu_field_object_text(fields, "preferences", MU_OPTIONAL, ask->preferences);
    ask->latency_max_ms = (uint64_t)latency_ms;
    if (gw->faults.count > 0) {
        mu_refuse_faults(gw, x);
    } else {
        (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_PLAYER);
    }
}

void mu_done_player_register(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    answer_player(gw, x, msg, 201, "Player registered.");
}

void mu_handle_player_get(struct mu_gateway *gw, struct mu_exchange *x,
                          const struct mu_http_request *request)
{
    (void)request;
    gw->msg.op = MU_OP_PLAYER_GET;
    memcpy(gw->msg.player_get.id, x->player, sizeof gw->msg.player_get.id);
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_PLAYER);
}

void mu_done_player_get(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    answer_player(gw, x, msg, 200, NULL);
}

void mu_handle_player_update(struct mu_gateway *gw, struct mu_exchange *x,
                             const struct mu_http_request *request)
{
    struct mu_fields *fields = &gw->fields;
    struct mu_msg_player_update *ask = &gw->msg.player_update;
    (void)request;
    gw->msg.op = MU_OP_PLAYER_UPDATE;
    *ask = (struct mu_msg_player_update){ .id = "" };
    memcpy(ask->id, x->player, sizeof ask->id);
    (void)mu_field_text(fields, "username", MU_OPTIONAL, &username_rule, ask->username);
    (void)mu_field_region(fields, "region", MU_OPTIONAL, gw->config, ask->region);
    (void)mu_field_object_text(fields, "preferences", MU_OPTIONAL, ask->preferences);
    if (gw->faults.count > 0) {
        mu_refuse_faults(gw, x);
    } else {
        (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_PLAYER);
    }
}

void mu_done_player_update(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    answer_player(gw, x, msg, 200, NULL);
}

void mu_handle_player_rate(struct mu_gateway *gw, struct mu_exchange *x,
                           const struct mu_http_request *request)
{
    static const struct mu_text_rule result_rule = { 1, 8, MU_CHARSET_WORD };
    struct mu_fields *fields = &gw->fields;
    struct mu_msg_player_rate *ask = &gw->msg.player_rate;
    char result[9] = "";
    int64_t rating = 100;
    (void)request;
    gw->msg.op = MU_OP_PLAYER_RATE;
    *ask = (struct mu_msg_player_rate){ .outcome = MU_OUTCOME_NONE };
    memcpy(ask->id, x->player, sizeof ask->id);
    if (mu_field_text(fields, "matchResult", MU_REQUIRED, &result_rule, result)) {
        ask->outcome = strcmp(result, "win") == 0    ? MU_OUTCOME_WIN
                       : strcmp(result, "loss") == 0 ? MU_OUTCOME_LOSS
                       : strcmp(result, "draw") == 0 ? MU_OUTCOME_DRAW
                                                     : MU_OUTCOME_NONE;
        if (ask->outcome == MU_OUTCOME_NONE) {
            mu_fields_fault(fields, "matchResult", MU_ERROR_VALIDATION_FAILED,
                            "must be win, loss or draw");
        }
    }
    if (mu_field_integer(fields, "opponentRating", MU_REQUIRED,
                         (struct mu_range){ -1000000, 1000000 }, &rating) &&
        (rating < MU_BOUND_RATING_MIN || rating > MU_BOUND_RATING_MAX)) {
        mu_fields_fault(fields, "opponentRating", MU_ERROR_INVALID_SKILL_RANGE, "must be %d to %d",
                        MU_BOUND_RATING_MIN, MU_BOUND_RATING_MAX);
    }
    ask->opponent_rating = rating;
    if (gw->faults.count > 0) {
        mu_refuse_faults(gw, x);
    } else {
        (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_PLAYER);
    }
}

void mu_done_player_rate(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    answer_player(gw, x, msg, 200, "Result counted.");
}

void mu_handle_events_get(struct mu_gateway *gw, struct mu_exchange *x,
                          const struct mu_http_request *request)
{
    struct mu_msg_events_get *ask = &gw->msg.events_get;
    uint64_t limit = EVENTS_PER_PAGE;
    gw->msg.op = MU_OP_EVENTS_GET;
    *ask = (struct mu_msg_events_get){ .after = 0 };
    memcpy(ask->player, x->player, sizeof ask->player);
    bool ok = mu_field_query(&gw->fields, request->query, "since", INT64_MAX, &ask->after);
    ok = mu_field_query(&gw->fields, request->query, "limit", MU_BOUND_EVENTS_MAX, &limit) && ok;
    if (!ok) {
        mu_refuse_faults(gw, x);
        return;
    }
    ask->limit = limit == 0 || limit > EVENTS_PER_PAGE ? EVENTS_PER_PAGE : limit;
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_EVENTS_END);
}

void mu_done_events_get(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    const struct mu_msg_events_end *end = &msg->events_end;
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "EVENTS");
    mu_json_key(writer, "events");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < end->events_count; i++) {
        mu_present_event(writer, &end->events[i]);
    }
    mu_json_array_end(writer);
    mu_put_u64(writer, "lastSeq", end->last);
    mu_put_u64(writer, "newestSeq", end->newest);
    mu_answer_end(gw, x, 200);
}

void mu_handle_token_make(struct mu_gateway *gw, struct mu_exchange *x,
                          const struct mu_http_request *request)
{
    int64_t seconds = TOKEN_S_DEFAULT;
    char token[MU_ACCESS_KEY_MAX + 1];
    (void)request;
    (void)mu_field_integer(&gw->fields, "expiresIn", MU_OPTIONAL, (struct mu_range)MU_BOUND_TOKEN_S,
                           &seconds);
    if (gw->faults.count > 0) {
        mu_refuse_faults(gw, x);
        return;
    }
    int64_t until_s = gw->turn.wall_ms / 1000 + seconds;
    mu_access_player_token(gw->config, &x->caller, x->player, until_s, token);
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "TOKEN");
    mu_put_text(writer, "playerId", x->player);
    mu_put_text(writer, "token", token);
    mu_put_time(writer, "expiresAt", (uint64_t)until_s * 1000);
    mu_answer_end(gw, x, 201);
}
