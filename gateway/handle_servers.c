/* gateway/handle_servers.c - /v1/servers. */
#include "gateway/handlers.h"

#include <stdio.h>
#include <string.h>

#include "core/placement.h"
#include "gateway/bounds.h"
#include "gateway/gateway_state.h"
#include "gateway/present.h"

/* The server of the path, as an id that a message takes. */
static void server_of(const struct mu_exchange *x, char ret[MU_ID_MAX + 1])
{
    memcpy(ret, x->params[0], MU_ID_MAX);
    ret[MU_ID_MAX] = '\0';
}

/* The key for a server that registers.  It comes from the exchange's idempotency key, so that
 * the same request again is given the same key, by any gateway. */
static void make_key(const struct mu_gateway *gw, const struct mu_exchange *x,
                     char ret_key[MU_ACCESS_KEY_MAX + 1], char ret_hash[MU_ACCESS_HASH_HEX + 1])
{
    char seed[MU_ACCESS_HASH_HEX + 16];
    char hash[MU_ACCESS_HASH_HEX + 1];
    char nonce[MU_ACCESS_NONCE_HEX + 1];
    (void)snprintf(seed, sizeof seed, "server/%s", x->idempotency_key);
    mu_access_hash(seed, hash);
    (void)snprintf(nonce, sizeof nonce, "%.*s", MU_ACCESS_NONCE_HEX, hash);
    mu_access_server_key(gw->config, &x->caller, nonce, ret_key, ret_hash);
}

static void read_modes(struct mu_gateway *gw, struct mu_msg_server_register *ask)
{
    uint32_t list = 0;
    if (!mu_field_array(&gw->fields, "gameModes", MU_OPTIONAL, MU_BOUND_MODES_MAX, &list)) {
        return;
    }
    const struct mu_json_node *nodes = gw->json.nodes;
    for (uint32_t at = nodes[list].first; at != MU_JSON_NONE; at = nodes[at].next) {
        int32_t mode =
            nodes[at].type == MU_JSON_STRING ? mu_config_mode(gw->config, nodes[at].text) : -1;
        if (mode < 0) {
            mu_fields_fault(&gw->fields, "gameModes", MU_ERROR_GAME_MODE_NOT_FOUND,
                            "must be names of game modes");
            return;
        }
        struct mu_msg_id *to = &ask->modes[ask->modes_count++];
        memcpy(to->id, gw->config->modes[mode].name, sizeof to->id);
    }
}

void mu_handle_server_register(struct mu_gateway *gw, struct mu_exchange *x,
                               const struct mu_http_request *request)
{
    static const struct mu_text_rule ip_rule = MU_BOUND_HOST;
    struct mu_msg_server_register *ask = &gw->msg.server_register;
    char key[MU_ACCESS_KEY_MAX + 1];
    int64_t port = 1;
    int64_t slots = 1;
    (void)request;
    gw->msg.op = MU_OP_SERVER_REGISTER;
    *ask = (struct mu_msg_server_register){ .modes_count = 0 };
    (void)mu_field_text(&gw->fields, "ip", MU_REQUIRED, &ip_rule, ask->ip);
    (void)mu_field_integer(&gw->fields, "port", MU_REQUIRED, (struct mu_range)MU_BOUND_PORT, &port);
    (void)mu_field_region(&gw->fields, "region", MU_REQUIRED, gw->config, ask->region);
    (void)mu_field_integer(&gw->fields, "slots", MU_OPTIONAL, (struct mu_range)MU_BOUND_SLOTS,
                           &slots);
    read_modes(gw, ask);
    if (gw->faults.count > 0) {
        mu_refuse_faults(gw, x);
        return;
    }
    ask->port = (uint64_t)port;
    ask->slots = (uint64_t)slots;
    make_key(gw, x, key, ask->key_hash);
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_SERVER);
}

void mu_done_server_register(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    char key[MU_ACCESS_KEY_MAX + 1];
    char hash[MU_ACCESS_HASH_HEX + 1];
    make_key(gw, x, key, hash);
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "SERVER");
    mu_put_text(writer, "message", "Server registered.");
    mu_json_key(writer, "server");
    mu_present_server(writer, &msg->server);
    mu_put_text(writer, "serverKey", key);
    mu_answer_end(gw, x, 201);
}

void mu_handle_server_beat(struct mu_gateway *gw, struct mu_exchange *x,
                           const struct mu_http_request *request)
{
    struct mu_msg_server_beat *ask = &gw->msg.server_beat;
    (void)request;
    gw->msg.op = MU_OP_SERVER_BEAT;
    server_of(x, ask->server);
    memcpy(ask->key_hash, x->caller.key_hash, sizeof ask->key_hash);
    char home[MU_ADDRESS_MAX + 1];
    mu_address_lobby(mu_placement_id(ask->server, gw->config->settings.lobbies), home);
    (void)mu_exchange_ask(gw, x, home, &gw->msg, MU_OP_SESSIONS);
}

void mu_done_server_beat(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    const struct mu_msg_sessions *sessions = &msg->sessions;
    /* Three beats within the time that it may stay silent, so that two may be lost. */
    uint64_t beat_s = sessions->heartbeat_ms / 3000;
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "SESSIONS");
    mu_put_text(writer, "serverId", sessions->server);
    mu_json_key(writer, "sessions");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < sessions->matches_count; i++) {
        char token[MU_ACCESS_KEY_MAX + 1];
        mu_access_match_token(gw->config, &x->caller, sessions->matches[i].id, token);
        mu_json_object_begin(writer);
        mu_put_text(writer, "matchId", sessions->matches[i].id);
        mu_put_text(writer, "matchToken", token);
        mu_json_object_end(writer);
    }
    mu_json_array_end(writer);
    mu_put_u64(writer, "heartbeatSeconds", beat_s == 0 ? 1 : beat_s);
    mu_answer_end(gw, x, 200);
}

static void ask_state(struct mu_gateway *gw, struct mu_exchange *x, enum mu_server_state state)
{
    struct mu_msg_server_state_set *ask = &gw->msg.server_state_set;
    gw->msg.op = MU_OP_SERVER_STATE;
    ask->state = state;
    server_of(x, ask->server);
    memcpy(ask->key_hash, x->caller.key_hash, sizeof ask->key_hash);
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_SERVER);
}

static void answer_server(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg,
                          const char *message)
{
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "SERVER");
    mu_put_text(writer, "message", message);
    mu_json_key(writer, "server");
    mu_present_server(writer, &msg->server);
    mu_answer_end(gw, x, 200);
}

void mu_handle_server_drain(struct mu_gateway *gw, struct mu_exchange *x,
                            const struct mu_http_request *request)
{
    (void)request;
    ask_state(gw, x, MU_SERVER_DRAINING);
}

void mu_done_server_drain(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    answer_server(gw, x, msg, "Server drains.");
}

void mu_handle_server_delete(struct mu_gateway *gw, struct mu_exchange *x,
                             const struct mu_http_request *request)
{
    (void)request;
    ask_state(gw, x, MU_SERVER_GONE);
}

void mu_done_server_delete(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    answer_server(gw, x, msg, "Server removed.");
}
