/* actors/store_server.c - game servers: register, drain, lose, take back. */
#include "actors/store_keeper.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "actors/token.h"

static bool server_live(enum mu_server_state state)
{
    return state == MU_SERVER_READY || state == MU_SERVER_DRAINING;
}

void mu_keeper_put_server(struct mu_keeper *keeper, enum mu_server_state state)
{
    struct mu_msg_server *server = &keeper->server->server;
    bool was_live = server_live(server->state);
    server->state = state;
    server->version++;
    keeper->server->op = MU_OP_SERVER;
    mu_rows_put_id(&keeper->rows, MU_TABLE_SERVER, server->id, keeper->server);
    for (int32_t i = 0; i < (int32_t)keeper->config->settings.lobbies; i++) {
        /* Whoever gives servers to matches must know them all. */
        mu_keeper_changed(keeper, i, MU_TABLE_SERVER, server->id, was_live, server_live(state));
    }
}

int mu_keeper_get_server(struct mu_keeper *keeper, const char *id)
{
    int r = mu_rows_get_id(&keeper->rows, MU_TABLE_SERVER, id, keeper->server);
    if (r == -ENOENT) {
        return mu_keeper_refuse(keeper, MU_ERROR_SERVER_NOT_FOUND, "%s", id);
    }
    return r;
}

/* Whether the caller knows the server's key; an empty hash is a trusted caller's. */
static int check_key(struct mu_keeper *keeper, const char *key_hash)
{
    const char *own = keeper->server->server.key_hash;
    if (key_hash[0] == '\0' ||
        (strlen(key_hash) == strlen(own) && sodium_memcmp(key_hash, own, strlen(own)) == 0)) {
        return 0;
    }
    return mu_keeper_refuse(keeper, MU_ERROR_FORBIDDEN, "not with this server's key");
}

int mu_keeper_get_match_server(struct mu_keeper *keeper, const char *key_hash)
{
    const char *server = keeper->match->match.server.id;
    if (server[0] == '\0' && keeper->match->match.state != MU_MATCH_LIVE) {
        return key_hash[0] == '\0'
                   ? 0
                   : mu_keeper_refuse(keeper, MU_ERROR_FORBIDDEN, "the match has no server");
    }
    int r = mu_rows_need_id(&keeper->rows, MU_TABLE_SERVER, server, keeper->server);
    return r != 0 ? r : check_key(keeper, key_hash);
}

void mu_keeper_free_slot(struct mu_keeper *keeper)
{
    struct mu_msg_server *server = &keeper->server->server;
    server->used -= server->used > 0 ? 1 : 0;
    mu_keeper_put_server(keeper, server->state);
}

static int check_register(struct mu_keeper *keeper, const struct mu_msg_server_register *request)
{
    char token[MU_TOKEN_BYTES + 1];
    const char *fault = request->ip[0] == '\0' ? "ip is missing"
                        : request->port == 0   ? "port is missing"
                        : request->slots == 0  ? "slots must be at least 1"
                        : mu_token_make(request->key_hash, "", "", token) != 0
                            ? "key hash is not 64 hex digits"
                            : NULL;
    if (fault != NULL) {
        return mu_keeper_refuse(keeper, MU_ERROR_VALIDATION_FAILED, "%s", fault);
    }
    for (uint32_t i = 0; i < request->modes_count; i++) {
        if (mu_config_mode(keeper->config, request->modes[i].id) < 0) {
            return mu_keeper_refuse(keeper, MU_ERROR_GAME_MODE_NOT_FOUND, "%s",
                                    request->modes[i].id);
        }
    }
    return 0;
}

int mu_keeper_server_register(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_server_register *request = &msg->server_register;
    const char *region = mu_keeper_region(keeper, request->region);
    if (region == NULL) {
        return mu_keeper_refuse(keeper, MU_ERROR_REGION_NOT_SUPPORTED, "%s", request->region);
    }
    int r = check_register(keeper, request);
    if (r != 0) {
        return r;
    }
    uint64_t now = mu_keeper_wall(keeper);
    struct mu_msg_server *server = &keeper->server->server;
    *server = (struct mu_msg_server){
        .port = request->port,
        .slots = request->slots,
        .modes_count = request->modes_count,
        .created_ms = now,
    };
    mu_id_make(&keeper->ids, MU_ID_PREFIX_SERVER, (int64_t)now, server->id);
    memcpy(server->ip, request->ip, sizeof server->ip);
    (void)snprintf(server->region, sizeof server->region, "%s", region);
    memcpy(server->key_hash, request->key_hash, sizeof server->key_hash);
    memcpy(server->modes, request->modes, sizeof server->modes);
    mu_keeper_put_server(keeper, MU_SERVER_READY);
    return mu_keeper_answer(keeper, keeper->server);
}

int mu_keeper_server_state(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_server_state_set *request = &msg->server_state_set;
    if (request->state == MU_SERVER_NONE) {
        return mu_keeper_refuse(keeper, MU_ERROR_VALIDATION_FAILED, "no state is named");
    }
    int r = mu_keeper_check_lobby_fence(keeper, request->server);
    if (r == 0) {
        r = mu_keeper_get_server(keeper, request->server);
    }
    if (r == 0) {
        r = check_key(keeper, request->key_hash);
    }
    if (r != 0) {
        return r;
    }
    if (keeper->server->server.state != request->state) {
        mu_keeper_put_server(keeper, request->state);
    }
    return mu_keeper_answer(keeper, keeper->server);
}
