#include "gateway/access.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/parse.h"
#include "gateway/fields.h"

#define SECRET_MIN    8 /* characters of a secret */
#define OWN_PREFIX    "mu_"
#define SERVER_PREFIX "mu_srv_"
#define PLAYER_PREFIX "mu_ply_"
#define MATCH_PREFIX  "mu_mat_"
#define MATCH_PATTERN "/v1/matches/{matchId}"
#define UNTIL_S_MAX   INT64_C(253402300799) /* the end of year 9999 */

static const char secret_charset[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

/* In open mode. */
static const struct mu_caller everybody = {
    .role = MU_ROLE_OPERATOR,
    .trusted = true,
    .key = -1,
};

static void hash_keyed(const char *key, const char *text, char ret[MU_ACCESS_HASH_HEX + 1])
{
    uint8_t hash[32];
    size_t key_bytes = strlen(key);
    assert(key_bytes <= crypto_generichash_KEYBYTES_MAX);
    int r = crypto_generichash(hash, sizeof hash, (const uint8_t *)text, strlen(text),
                               key_bytes == 0 ? NULL : (const uint8_t *)key, key_bytes);
    assert(r == 0);
    (void)sodium_bin2hex(ret, MU_ACCESS_HASH_HEX + 1, hash, sizeof hash);
}

void mu_access_hash(const char *text, char ret[MU_ACCESS_HASH_HEX + 1])
{
    hash_keyed("", text, ret);
}

bool mu_access_open(const struct mu_config *config)
{
    return config->keys_count == 0 && config->jwt.keys[0] == '\0';
}

/* The hash under which servers' and players' keys of a caller are made. */
static const char *maker_hash(const struct mu_config *config, int32_t key)
{
    return key < 0 ? "" : config->keys[key].hash;
}

static const char *maker_id(const struct mu_config *config, int32_t key)
{
    return key < 0 ? "open" : config->keys[key].id;
}

static bool same_hash(const char *a, const char *b)
{
    return strlen(a) == MU_ACCESS_HASH_HEX && strlen(b) == MU_ACCESS_HASH_HEX &&
           sodium_memcmp(a, b, MU_ACCESS_HASH_HEX) == 0;
}

/* Takes what is behind the last '.' off `text`; NULL when there is no '.'. */
static char *take_last(char *text)
{
    char *dot = strrchr(text, '.');
    if (dot == NULL) {
        return NULL;
    }
    *dot = '\0';
    return dot + 1;
}

/* Whether `mac` is what the key called `maker` makes of `key` (all before the mac). */
static bool made_by(const struct mu_config *config, const char *maker, const char *key,
                    const char *mac, int32_t *ret)
{
    char expected[MU_ACCESS_HASH_HEX + 1];
    if (mu_access_open(config)) {
        hash_keyed("", key, expected);
        *ret = -1;
        return same_hash(mac, expected);
    }
    for (uint32_t i = 0; i < config->keys_count; i++) {
        hash_keyed(config->keys[i].hash, key, expected);
        if (strcmp(config->keys[i].id, maker) == 0 && same_hash(mac, expected)) {
            *ret = (int32_t)i;
            return true;
        }
    }
    return false;
}

static bool identify_server(const struct mu_config *config, const char *key, struct mu_caller *ret)
{
    char text[MU_ACCESS_KEY_MAX + 1];
    char signed_part[MU_ACCESS_KEY_MAX + 1];
    (void)snprintf(text, sizeof text, "%s", key);
    char *mac = take_last(text);
    memcpy(signed_part, text, sizeof signed_part);
    char *nonce = mac == NULL ? NULL : take_last(text);
    struct mu_caller caller = { .role = MU_ROLE_SERVER, .trusted = true };
    if (nonce == NULL || strlen(nonce) != MU_ACCESS_NONCE_HEX ||
        !made_by(config, text + strlen(SERVER_PREFIX), signed_part, mac, &caller.key)) {
        return false;
    }
    mu_access_hash(key, caller.key_hash);
    *ret = caller;
    return true;
}

static bool identify_player(const struct mu_config *config, const char *key, int64_t wall_ms,
                            struct mu_caller *ret)
{
    char text[MU_ACCESS_KEY_MAX + 1];
    char signed_part[MU_ACCESS_KEY_MAX + 1];
    (void)snprintf(text, sizeof text, "%s", key);
    char *mac = take_last(text);
    memcpy(signed_part, text, sizeof signed_part);
    char *until = mac == NULL ? NULL : take_last(text);
    char *player = until == NULL ? NULL : take_last(text);
    uint64_t until_s = 0;
    struct mu_caller caller = { .role = MU_ROLE_PLAYER, .trusted = mu_access_open(config) };
    if (player == NULL || !mu_client_id_valid(player) || strlen(player) > MU_ID_MAX ||
        mu_parse_u64(until, 0, UNTIL_S_MAX, &until_s) != 0 || (int64_t)until_s * 1000 <= wall_ms ||
        !made_by(config, text + strlen(PLAYER_PREFIX), signed_part, mac, &caller.key)) {
        return false;
    }
    caller.until_ms = (int64_t)until_s * 1000;
    (void)snprintf(caller.player, sizeof caller.player, "%s", player);
    *ret = caller;
    return true;
}

/* The store need not compare whose match it is: the token was made for who plays it. */
static bool identify_match(const struct mu_config *config, const char *key, struct mu_caller *ret)
{
    char text[MU_ACCESS_KEY_MAX + 1];
    char signed_part[MU_ACCESS_KEY_MAX + 1];
    (void)snprintf(text, sizeof text, "%s", key);
    char *mac = take_last(text);
    memcpy(signed_part, text, sizeof signed_part);
    char *match = mac == NULL ? NULL : take_last(text);
    struct mu_caller caller = { .role = MU_ROLE_SERVER, .trusted = true };
    if (match == NULL || !mu_client_id_valid(match) || strlen(match) > MU_ID_MAX ||
        !made_by(config, text + strlen(MATCH_PREFIX), signed_part, mac, &caller.key)) {
        return false;
    }
    (void)snprintf(caller.match, sizeof caller.match, "%s", match);
    *ret = caller;
    return true;
}

/* A key of the configuration. */
static bool identify_key(const struct mu_config *config, const char *key, struct mu_caller *ret)
{
    for (uint32_t i = 0; i < config->keys_count; i++) {
        const char *id = config->keys[i].id;
        const char *rest = key + strlen("mu_");
        size_t n = strlen(id);
        char hash[MU_ACCESS_HASH_HEX + 1];
        if (strncmp(rest, id, n) != 0 || rest[n] != '_') {
            continue;
        }
        mu_access_hash(rest + n + 1, hash);
        if (same_hash(hash, config->keys[i].hash)) {
            *ret = (struct mu_caller){
                .role = config->keys[i].role,
                .trusted = true,
                .key = (int32_t)i,
            };
            return true;
        }
    }
    return false;
}

/* Whether a key has the form mu_<id>_<secret>. */
static bool well_formed(const char *key)
{
    size_t n = strlen(key);
    if (n > MU_ACCESS_KEY_MAX || strncmp(key, OWN_PREFIX, 3) != 0 ||
        strspn(key, secret_charset) != n) {
        return false;
    }
    const char *behind_id = strchr(key + 3, '_');
    return behind_id != NULL && behind_id > key + 3 && strlen(behind_id + 1) >= SECRET_MIN;
}

/* A key or token of ours. */
static bool identify_own(const struct mu_config *config, const char *key, int64_t wall_ms,
                         struct mu_caller *ret)
{
    if (!well_formed(key)) {
        return false;
    }
    bool open = mu_access_open(config);
    if (!open && identify_key(config, key, ret)) {
        return true;
    }
    if (strncmp(key, SERVER_PREFIX, strlen(SERVER_PREFIX)) == 0) {
        return identify_server(config, key, ret);
    }
    if (strncmp(key, PLAYER_PREFIX, strlen(PLAYER_PREFIX)) == 0) {
        return identify_player(config, key, wall_ms, ret);
    }
    if (strncmp(key, MATCH_PREFIX, strlen(MATCH_PREFIX)) == 0) {
        return identify_match(config, key, ret);
    }
    if (open) {
        *ret = everybody;
    }
    return open;
}

static const char *identify_token(const struct mu_jwt *jwt, const char *token, int64_t wall_ms,
                                  struct mu_caller *ret)
{
    struct mu_jwt_claims claims;
    const char *fault = mu_jwt_judge(jwt, token, wall_ms, &claims);
    if (fault == NULL) {
        *ret = (struct mu_caller){ .role = MU_ROLE_PLAYER, .key = -1, .until_ms = claims.until_ms };
        memcpy(ret->player, claims.player, sizeof ret->player);
    }
    return fault;
}

const char *mu_access_identify(const struct mu_config *config, const struct mu_jwt *jwt,
                               const char *authorization, int64_t wall_ms, struct mu_caller *ret)
{
    static const char scheme[] = "Bearer ";
    static const struct mu_caller nobody = { .role = MU_ROLE_NONE, .key = -1 };
    if (authorization[0] == '\0') {
        *ret = mu_access_open(config) ? everybody : nobody;
        return NULL;
    }
    if (strncasecmp(authorization, scheme, strlen(scheme)) != 0) {
        return "Authorization must be Bearer and a key or token.";
    }
    const char *key = authorization + strlen(scheme);
    if (jwt != NULL && strncmp(key, OWN_PREFIX, strlen(OWN_PREFIX)) != 0) {
        return identify_token(jwt, key, wall_ms, ret);
    }
    return identify_own(config, key, wall_ms, ret) ? NULL
                                                   : "The key is not one that is known here.";
}

enum mu_error mu_access_allows(const struct mu_caller *caller, enum mu_route_who who)
{
    bool backend = caller->role == MU_ROLE_BACKEND || caller->role == MU_ROLE_OPERATOR;
    bool allowed = false;
    switch (who) {
    case MU_ROUTE_ANYONE: return MU_OK;
    case MU_ROUTE_EVERYONE: allowed = caller->role != MU_ROLE_NONE; break;
    case MU_ROUTE_CLIENTS: allowed = backend || caller->role == MU_ROLE_PLAYER; break;
    case MU_ROUTE_SERVERS: allowed = backend || caller->role == MU_ROLE_SERVER; break;
    case MU_ROUTE_BACKENDS: allowed = backend; break;
    case MU_ROUTE_OPERATORS: allowed = caller->role == MU_ROLE_OPERATOR; break;
    }
    if (allowed) {
        return MU_OK;
    }
    return caller->role == MU_ROLE_NONE ? MU_ERROR_UNAUTHORIZED : MU_ERROR_FORBIDDEN;
}

bool mu_access_player(const struct mu_caller *caller, const char *player)
{
    return caller->role != MU_ROLE_PLAYER || strcmp(caller->player, player) == 0;
}

bool mu_access_match(const struct mu_caller *caller, const struct mu_route *route,
                     const char *param)
{
    bool below = strncmp(route->pattern, MATCH_PATTERN, strlen(MATCH_PATTERN)) == 0;
    return caller->match[0] == '\0' || route->who == MU_ROUTE_ANYONE ||
           (below && strcmp(caller->match, param) == 0);
}

void mu_access_match_token(const struct mu_config *config, const struct mu_caller *caller,
                           const char *match, char ret[MU_ACCESS_KEY_MAX + 1])
{
    char mac[MU_ACCESS_HASH_HEX + 1];
    char key[MU_ACCESS_KEY_MAX + 1];
    assert(strlen(match) <= MU_ID_MAX);
    (void)snprintf(key, sizeof key, MATCH_PREFIX "%s.%s", maker_id(config, caller->key), match);
    hash_keyed(maker_hash(config, caller->key), key, mac);
    (void)snprintf(ret, MU_ACCESS_KEY_MAX + 1, "%.110s.%s", key, mac);
}

void mu_access_server_key(const struct mu_config *config, const struct mu_caller *caller,
                          const char *nonce, char ret_key[MU_ACCESS_KEY_MAX + 1],
                          char ret_hash[MU_ACCESS_HASH_HEX + 1])
{
    char mac[MU_ACCESS_HASH_HEX + 1];
    char key[MU_ACCESS_KEY_MAX + 1];
    assert(strlen(nonce) == MU_ACCESS_NONCE_HEX);
    (void)snprintf(key, sizeof key, SERVER_PREFIX "%s.%s", maker_id(config, caller->key), nonce);
    hash_keyed(maker_hash(config, caller->key), key, mac);
    (void)snprintf(ret_key, MU_ACCESS_KEY_MAX + 1, "%.110s.%s", key, mac);
    mu_access_hash(ret_key, ret_hash);
}

void mu_access_player_token(const struct mu_config *config, const struct mu_caller *caller,
                            const char *player, int64_t until_s, char ret[MU_ACCESS_KEY_MAX + 1])
{
    char mac[MU_ACCESS_HASH_HEX + 1];
    char key[MU_ACCESS_KEY_MAX + 1];
    assert(strlen(player) <= MU_ID_MAX && until_s >= 0 && until_s <= UNTIL_S_MAX);
    (void)snprintf(key, sizeof key, PLAYER_PREFIX "%s.%s.%lld", maker_id(config, caller->key),
                   player, (long long)until_s);
    hash_keyed(maker_hash(config, caller->key), key, mac);
    (void)snprintf(ret, MU_ACCESS_KEY_MAX + 1, "%.110s.%s", key, mac);
}

void mu_access_idempotency(const struct mu_caller *caller, const char *sent,
                           char ret[MU_ACCESS_HASH_HEX + 1])
{
    char text[512];
    (void)snprintf(text, sizeof text, "%d/%d/%s/%s/%s", (int)caller->role, caller->key,
                   caller->player, caller->match[0] != '\0' ? caller->match : caller->key_hash,
                   sent);
    assert(strlen(sent) <= 255);
    mu_access_hash(text, ret);
}
