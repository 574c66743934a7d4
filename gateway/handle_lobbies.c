/* gateway/handle_lobbies.c - /v1/lobbies. */
#include "gateway/handlers.h"

#include <string.h>

#include "core/id.h"
#include "core/placement.h"
#include "gateway/bounds.h"
#include "gateway/gateway_state.h"
#include "gateway/present.h"

static const struct mu_text_rule name_rule = MU_BOUND_LOBBY_NAME;
static const struct mu_text_rule password_rule = MU_BOUND_PASSWORD;

enum step {
    STEP_LOBBY, /* a custom lobby is asked for */
    STEP_MATCH, /* there is none: perhaps it is the ready check of a match */
};

/* The lobby of the path, as an id that a message takes. */
static void lobby_of(const struct mu_exchange *x, char ret[MU_ID_MAX + 1])
{
    memcpy(ret, x->params[0], MU_ID_MAX);
    ret[MU_ID_MAX] = '\0';
}

/* Asks the lobby actor in whose partition the id is. */
static void ask_lobby(struct mu_gateway *gw, struct mu_exchange *x, const char *id,
                      enum mu_op expects)
{
    char to[MU_ADDRESS_MAX + 1];
    mu_address_lobby(mu_placement_id(id, gw->config->settings.lobbies), to);
    (void)mu_exchange_ask(gw, x, to, &gw->msg, expects);
}

/* Reads the acting player, field `name`; false: refused. */
static bool read_actor(struct mu_gateway *gw, struct mu_exchange *x, const char *name)
{
    char player[MU_ID_MAX + 1] = "";
    (void)mu_field_id(&gw->fields, name, MU_REQUIRED, player);
    if (gw->faults.count > 0) {
        mu_refuse_faults(gw, x);
        return false;
    }
    return mu_exchange_act_for(gw, x, player);
}

static void answer_lobby(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg,
                         int status, const char *message)
{
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "LOBBY");
    if (message != NULL) {
        mu_put_text(writer, "message", message);
    }
    mu_json_key(writer, "lobby");
    mu_present_lobby(writer, &msg->lobby);
    mu_answer_end(gw, x, status);
}

static void read_create(struct mu_gateway *gw, struct mu_msg_lobby_create *ask)
{
    static const struct mu_range players_range = MU_BOUND_LOBBY_SIZE;
    struct mu_fields *fields = &gw->fields;
    int64_t players_max = 10;
    int64_t players_min = 2;
    *ask = (struct mu_msg_lobby_create){ .settings = "{}", .custom_rules = "{}" };
    (void)mu_field_mode(fields, "gameMode", MU_REQUIRED, gw->config, ask->mode);
    (void)mu_field_text(fields, "name", MU_OPTIONAL, &name_rule, ask->name);
    (void)mu_field_region(fields, "region", MU_OPTIONAL, gw->config, ask->region);
    (void)mu_field_integer(fields, "maxPlayers", MU_OPTIONAL, players_range, &players_max);
    (void)mu_field_integer(fields, "minPlayers", MU_OPTIONAL, players_range, &players_min);
    if (players_min > players_max) {
        mu_fields_fault(fields, "minPlayers", MU_ERROR_VALIDATION_FAILED,
                        "must be at most maxPlayers");
    }
    (void)mu_field_bool(fields, "isPrivate", MU_OPTIONAL, &ask->is_private);
    (void)mu_field_text(fields, "password", MU_OPTIONAL, &password_rule, ask->password);
    (void)mu_field_object_text(fields, "settings", MU_OPTIONAL, ask->settings);
    (void)mu_field_object_text(fields, "customRules", MU_OPTIONAL, ask->custom_rules);
    ask->players_max = (uint64_t)players_max;
    ask->players_min = (uint64_t)players_min;
}

void mu_handle_lobby_create(struct mu_gateway *gw, struct mu_exchange *x,
                            const struct mu_http_request *request)
{
    (void)request;
    gw->msg.op = MU_OP_LOBBY_CREATE;
    read_create(gw, &gw->msg.lobby_create);
    if (read_actor(gw, x, "hostPlayerId")) {
        memcpy(gw->msg.lobby_create.host, x->player, sizeof gw->msg.lobby_create.host);
        /* The lobby has no id yet, so any partition will do; the same one for each repeat. */
        ask_lobby(gw, x, x->player, MU_OP_LOBBY);
    }
}

void mu_done_lobby_create(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    answer_lobby(gw, x, msg, 201, "Lobby created.");
}

void mu_handle_lobby_get(struct mu_gateway *gw, struct mu_exchange *x,
                         const struct mu_http_request *request)
{
    (void)request;
    x->step = STEP_LOBBY;
    x->errors_wanted = MU_ERRORS_DEFINITE;
    gw->msg.op = MU_OP_LOBBY_GET;
    lobby_of(x, gw->msg.lobby_get.id);
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_LOBBY);
}

void mu_done_lobby_get(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    char lobby[MU_ID_MAX + 1];
    char match[MU_ID_MAX + 1];
    lobby_of(x, lobby);
    if (x->step == STEP_MATCH && msg->op == MU_OP_MATCH) {
        struct mu_json_writer *writer = mu_answer_begin(gw, x, "LOBBY");
        mu_json_key(writer, "lobby");
        mu_present_ready_check(writer, &msg->match);
        mu_answer_end(gw, x, 200);
    } else if (x->step == STEP_MATCH) {
        mu_refuse(gw, x, MU_ERROR_LOBBY_NOT_FOUND, NULL);
    } else if (msg->op == MU_OP_LOBBY) {
        answer_lobby(gw, x, msg, 200, NULL);
    } else if (msg->error.code == MU_ERROR_LOBBY_NOT_FOUND &&
               mu_id_with_prefix(lobby, MU_ID_PREFIX_MATCH, match) == 0) {
        x->step = STEP_MATCH;
        gw->msg.op = MU_OP_MATCH_GET;
        memcpy(gw->msg.match_get.id, match, sizeof match);
        (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_MATCH);
    } else {
        mu_refuse_as(gw, x, &msg->error);
    }
}

void mu_handle_lobby_join(struct mu_gateway *gw, struct mu_exchange *x,
                          const struct mu_http_request *request)
{
    /* Any wrong password is answered 403: 4-64 bytes bind whoever sets one. */
    static const struct mu_text_rule given_rule = MU_BOUND_PASSWORD_TRY;
    struct mu_msg_lobby_join *ask = &gw->msg.lobby_join;
    (void)request;
    gw->msg.op = MU_OP_LOBBY_JOIN;
    *ask = (struct mu_msg_lobby_join){ .player = "" };
    lobby_of(x, ask->lobby);
    (void)mu_field_text(&gw->fields, "password", MU_OPTIONAL, &given_rule, ask->password);
    if (read_actor(gw, x, "playerId")) {
        memcpy(ask->player, x->player, sizeof ask->player);
        ask_lobby(gw, x, ask->lobby, MU_OP_LOBBY);
    }
}

void mu_done_lobby_join(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    answer_lobby(gw, x, msg, 200, "Joined the lobby.");
}

void mu_handle_lobby_leave(struct mu_gateway *gw, struct mu_exchange *x,
                           const struct mu_http_request *request)
{
    struct mu_msg_lobby_leave *ask = &gw->msg.lobby_leave;
    (void)request;
    if (!read_actor(gw, x, "playerId")) {
        return;
    }
    gw->msg.op = MU_OP_LOBBY_LEAVE;
    *ask = (struct mu_msg_lobby_leave){ .reason = MU_REASON_LEFT };
    lobby_of(x, ask->lobby);
    memcpy(ask->player, x->player, sizeof ask->player);
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_LOBBY);
}

void mu_done_lobby_leave(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    answer_lobby(gw, x, msg, 200, "Left the lobby.");
}

void mu_handle_lobby_start(struct mu_gateway *gw, struct mu_exchange *x,
                           const struct mu_http_request *request)
{
    struct mu_msg_lobby_start *ask = &gw->msg.lobby_start;
    (void)request;
    if (!read_actor(gw, x, "playerId")) {
        return;
    }
    gw->msg.op = MU_OP_LOBBY_START;
    *ask = (struct mu_msg_lobby_start){ .server = "" };
    lobby_of(x, ask->lobby);
    memcpy(ask->player, x->player, sizeof ask->player);
    ask_lobby(gw, x, ask->lobby, MU_OP_MATCH);
}

void mu_done_lobby_start(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "MATCH");
    mu_put_text(writer, "message", "Match started.");
    mu_json_key(writer, "match");
    mu_present_match(writer, &msg->match);
    mu_answer_end(gw, x, 200);
}
