/* gateway/handle_matches.c - /v1/matches. */
#include "gateway/handlers.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/bounds.h"
#include "gateway/gateway_state.h"
#include "gateway/present.h"

static_assert(MU_TEAM_TEXT_MAX == 15, "as MU_BOUND_TEAM says");

/* Steps of a result. */
enum step {
    STEP_MATCH, /* the match is asked for: how many teams has it? */
    STEP_END,
};

/* The match of the path, as an id that a message takes. */
static void match_of(const struct mu_exchange *x, char ret[MU_ID_MAX + 1])
{
    memcpy(ret, x->params[0], MU_ID_MAX);
    ret[MU_ID_MAX] = '\0';
}

static void answer_match(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "MATCH");
    mu_json_key(writer, "match");
    mu_present_match(writer, &msg->match);
    mu_answer_end(gw, x, 200);
}

void mu_handle_match_get(struct mu_gateway *gw, struct mu_exchange *x,
                         const struct mu_http_request *request)
{
    (void)request;
    gw->msg.op = MU_OP_MATCH_GET;
    match_of(x, gw->msg.match_get.id);
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_MATCH);
}

void mu_done_match_get(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    answer_match(gw, x, msg);
}

static void read_scores(struct mu_fields *updates, struct mu_msg_match_update *ask)
{
    uint32_t list = 0;
    uint32_t i = 0;
    if (!mu_field_array(updates, "scores", MU_OPTIONAL, MU_MATCH_PLAYERS_MAX, &list)) {
        return;
    }
    const struct mu_json_node *nodes = updates->json->nodes;
    for (uint32_t at = nodes[list].first; at != MU_JSON_NONE; at = nodes[at].next, i++) {
        struct mu_fields item;
        struct mu_msg_player_score *score = &ask->scores[i];
        int64_t points = 0;
        *score = (struct mu_msg_player_score){ .score = 0 };
        (void)mu_fields_item(updates, "scores", i, at, &item);
        (void)mu_field_id(&item, "playerId", MU_REQUIRED, score->id);
        (void)mu_field_rounded(&item, "score", MU_REQUIRED, (struct mu_range)MU_BOUND_SCORE,
                               &points);
        score->score = points;
    }
    ask->scores_count = i;
}

static void read_statuses(struct mu_fields *updates, struct mu_msg_match_update *ask)
{
    static const struct mu_text_rule status_rule = MU_BOUND_STATUS;
    uint32_t list = 0;
    uint32_t i = 0;
    if (!mu_field_array(updates, "playerStatus", MU_OPTIONAL, MU_MATCH_PLAYERS_MAX, &list)) {
        return;
    }
    const struct mu_json_node *nodes = updates->json->nodes;
    for (uint32_t at = nodes[list].first; at != MU_JSON_NONE; at = nodes[at].next, i++) {
        struct mu_fields item;
        struct mu_msg_player_status *status = &ask->statuses[i];
        *status = (struct mu_msg_player_status){ .status = "" };
        (void)mu_fields_item(updates, "playerStatus", i, at, &item);
        (void)mu_field_id(&item, "playerId", MU_REQUIRED, status->id);
        (void)mu_field_text(&item, "status", MU_REQUIRED, &status_rule, status->status);
    }
    ask->statuses_count = i;
}

void mu_handle_match_update(struct mu_gateway *gw, struct mu_exchange *x,
                            const struct mu_http_request *request)
{
    struct mu_msg_match_update *ask = &gw->msg.match_update;
    struct mu_fields updates;
    (void)request;
    gw->msg.op = MU_OP_MATCH_UPDATE;
    match_of(x, ask->match);
    memcpy(ask->key_hash, x->caller.key_hash, sizeof ask->key_hash);
    ask->scores_count = 0;
    ask->statuses_count = 0;
    if (mu_field_object(&gw->fields, "updates", MU_REQUIRED, &updates)) {
        read_scores(&updates, ask);
        read_statuses(&updates, ask);
    }
    if (gw->faults.count > 0) {
        mu_refuse_faults(gw, x);
    } else {
        (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_MATCH);
    }
}

void mu_done_match_update(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    answer_match(gw, x, msg);
}

/* Teams that a result ranks: without teams, every player. */
static uint32_t teams_of(const struct mu_msg_match *match)
{
    return match->teams == 1 ? match->players_count : (uint32_t)match->teams;
}

/* The team that an item of ranking[] names, by `team` or by `playerId`; false: a fault.
 * `match` NULL: only the form is checked. */
static bool ranked_team(struct mu_fields *item, const struct mu_msg_match *match, uint32_t *ret)
{
    static const struct mu_text_rule team_rule = MU_BOUND_TEAM;
    char text[MU_TEAM_TEXT_MAX + 1];
    char player[MU_ID_MAX + 1];
    if (mu_field_id(item, "playerId", MU_OPTIONAL, player)) {
        *ret = 0;
        for (uint32_t i = 0; match != NULL && match->teams == 1; i++) {
            if (i == match->players_count) {
                break;
            }
            if (strcmp(match->players[i].id, player) == 0) {
                *ret = i;
                return true;
            }
        }
        if (match != NULL) {
            mu_fields_fault(item, "playerId", MU_ERROR_VALIDATION_FAILED,
                            "must be a player of a match without teams");
        }
        return match == NULL;
    }
    if (!mu_field_text(item, "team", MU_REQUIRED, &team_rule, text)) {
        return false;
    }
    if (mu_team_parse(text, ret) != 0 || *ret == MU_TEAM_DRAW ||
        (match != NULL && *ret >= teams_of(match))) {
        mu_fields_fault(item, "team", MU_ERROR_VALIDATION_FAILED, "must be a team of the match");
        return false;
    }
    return true;
}

/* ranking[{team or playerId, rank}] */
static void read_ranking(struct mu_fields *fields, uint32_t list, const struct mu_msg_match *match,
                         struct mu_msg_match_end *ask)
{
    bool seen[MU_TEAMS_MAX] = { false };
    uint32_t i = 0;
    const struct mu_json_node *nodes = fields->json->nodes;
    ask->ranking_count = 0;
    for (uint32_t at = nodes[list].first; at != MU_JSON_NONE; at = nodes[at].next, i++) {
        struct mu_fields item;
        uint32_t team = 0;
        int64_t rank = 1;
        if (!mu_fields_item(fields, "ranking", i, at, &item)) {
            continue;
        }
        bool ok = ranked_team(&item, match, &team);
        ok = mu_field_integer(&item, "rank", MU_REQUIRED, (struct mu_range)MU_BOUND_RANK, &rank) &&
             ok;
        if (ok && match != NULL && seen[team]) {
            mu_fields_fault(&item, "", MU_ERROR_VALIDATION_FAILED, "names a team again");
        } else if (ok && match != NULL) {
            seen[team] = true;
            ask->ranking[ask->ranking_count++] =
                (struct mu_msg_team_rank){ .team = team, .rank = (uint64_t)rank };
        }
    }
    if (match != NULL && fields->faults->count == 0 && ask->ranking_count != teams_of(match)) {
        mu_fields_fault(fields, "ranking", MU_ERROR_VALIDATION_FAILED,
                        "must name every one of the %u teams", teams_of(match));
    }
}

/* winningTeam: TEAM_x is first, the others are second; DRAW: all are first. */
static void read_winner(struct mu_fields *fields, const struct mu_msg_match *match,
                        struct mu_msg_match_end *ask)
{
    static const struct mu_text_rule team_rule = MU_BOUND_TEAM;
    char text[MU_TEAM_TEXT_MAX + 1];
    uint32_t winner = 0;
    if (!mu_field_text(fields, "winningTeam", MU_REQUIRED, &team_rule, text)) {
        return;
    }
    if (mu_team_parse(text, &winner) != 0 ||
        (match != NULL && winner != MU_TEAM_DRAW && winner >= teams_of(match))) {
        mu_fields_fault(fields, "winningTeam", MU_ERROR_VALIDATION_FAILED,
                        "must be DRAW or a team of the match, as TEAM_A");
        return;
    }
    ask->ranking_count = match == NULL ? 0 : teams_of(match);
    for (uint32_t i = 0; i < ask->ranking_count; i++) {
        ask->ranking[i] = (struct mu_msg_team_rank){
            .team = i,
            .rank = winner == MU_TEAM_DRAW || winner == i ? 1 : 2,
        };
    }
}

static void read_leavers(struct mu_fields *fields, struct mu_msg_match_end *ask)
{
    uint32_t list = 0;
    ask->leavers_count = 0;
    if (!mu_field_array(fields, "leavers", MU_OPTIONAL, MU_MATCH_PLAYERS_MAX, &list)) {
        return;
    }
    const struct mu_json_node *nodes = fields->json->nodes;
    for (uint32_t at = nodes[list].first; at != MU_JSON_NONE; at = nodes[at].next) {
        struct mu_msg_id *leaver = &ask->leavers[ask->leavers_count++];
        *leaver = (struct mu_msg_id){ .id = "" };
        if (nodes[at].type != MU_JSON_STRING || !mu_client_id_valid(nodes[at].text)) {
            mu_fields_fault(fields, "leavers", MU_ERROR_VALIDATION_FAILED, "must be player ids");
            return;
        }
        (void)snprintf(leaver->id, sizeof leaver->id, "%.*s", MU_ID_MAX, nodes[at].text);
    }
}

/* Reads a result into gw->msg; `match` NULL: only its form. */
static void read_result(struct mu_gateway *gw, struct mu_exchange *x,
                        const struct mu_msg_match *match)
{
    struct mu_msg_match_end *ask = &gw->msg.match_end;
    uint32_t list = 0;
    gw->msg.op = MU_OP_MATCH_END;
    match_of(x, ask->match);
    memcpy(ask->key_hash, x->caller.key_hash, sizeof ask->key_hash);
    uint32_t ranking = mu_json_member(&gw->json, 0, "ranking");
    if (ranking == MU_JSON_NONE || gw->json.nodes[ranking].type == MU_JSON_NULL) {
        read_winner(&gw->fields, match, ask);
    } else if (mu_field_array(&gw->fields, "ranking", MU_REQUIRED, MU_TEAMS_MAX, &list)) {
        read_ranking(&gw->fields, list, match, ask);
    }
    read_leavers(&gw->fields, ask);
}

void mu_handle_match_end(struct mu_gateway *gw, struct mu_exchange *x,
                         const struct mu_http_request *request)
{
    (void)request;
    if (gw->fields.node != MU_JSON_NONE) {
        read_result(gw, x, NULL);
    }
    if (gw->faults.count > 0) {
        mu_refuse_faults(gw, x);
    } else if (mu_exchange_keep_body(gw, x, gw->client_body)) {
        x->step = STEP_MATCH;
        gw->msg.op = MU_OP_MATCH_GET;
        match_of(x, gw->msg.match_get.id);
        (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_MATCH);
    }
}

static void answer_results(struct mu_gateway *gw, struct mu_exchange *x,
                           const struct mu_msg_match_ended *ended)
{
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "MATCH_ENDED");
    mu_put_text(writer, "message", "Match ended.");
    mu_json_key(writer, "results");
    mu_present_results(writer, ended);
    mu_answer_end(gw, x, 200);
}

void mu_done_match_end(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    if (x->step == STEP_END) {
        answer_results(gw, x, &msg->match_ended);
        return;
    }
    if (!mu_gateway_parse(gw, x, mu_exchange_kept(gw, &x->body))) {
        return;
    }
    read_result(gw, x, &msg->match);
    if (gw->faults.count > 0) {
        mu_refuse_faults(gw, x);
        return;
    }
    x->step = STEP_END;
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_MATCH_ENDED);
}
