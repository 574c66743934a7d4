/* gateway/access.h - who calls, and what he may do.
 *
 *   mu_<id>_<secret>                    a key of the configuration: backend or operator
 *   mu_srv_<key id>.<nonce>.<mac>       a game server's own key, made when it registers
 *   mu_ply_<key id>.<player>.<s>.<mac>  a player's token until second <s> of UTC
 *   mu_mat_<key id>.<match>.<mac>       for reports of one match, told to its game server
 *   a JSON Web Token                    a player's, of the studio's own service (gateway/jwt.h)
 *
 * The configuration holds only the BLAKE2b-256 of a secret.  Keys of servers and players are made
 * from nothing but that hash (keyed BLAKE2b), so that every gateway knows them without asking,
 * and that they die with the key of whoever made them.  Without configured keys (open mode) all
 * callers are trusted, and a key needs only the right form; the gateway then serves loopback.
 *
 * Pure: hashes are functions of their input. */
#ifndef MU_GATEWAY_ACCESS_H
#define MU_GATEWAY_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "gateway/jwt.h"
#include "gateway/routes.h"

#define MU_ACCESS_HASH_HEX  64  /* characters of a BLAKE2b-256 in hex */
#define MU_ACCESS_NONCE_HEX 32  /* characters of a nonce */
#define MU_ACCESS_KEY_MAX   191 /* bytes of a key or token of ours */

/* Who calls. */
struct mu_caller {
    enum mu_role role; /* NONE: no credentials */
    bool trusted;      /* not throttled: a configured key, a server's, or open mode */
    int32_t key;       /* index of the configured key that it has or that made its own; -1: none */
    int64_t until_ms;  /* UTC: from then on he has to show another token; 0: for ever */
    char player[MU_ID_MAX + 1];            /* PLAYER: who */
    char key_hash[MU_ACCESS_HASH_HEX + 1]; /* SERVER: of its key; else empty */
    char match[MU_ID_MAX + 1]; /* SERVER: the only one that it speaks for; empty: all of its own */
};

/* Whether everybody is trusted: neither keys nor tokens are configured. */
bool mu_access_open(const struct mu_config *config);

/* Reads an Authorization field ("" for none).
 *
 * jwt  of config->jwt; NULL: only keys and tokens of ours are taken
 *
 * Returns NULL, or for anything but a key that is right a sentence for the caller, without any
 * part of the key; ret is untouched then. */
const char *mu_access_identify(const struct mu_config *config, const struct mu_jwt *jwt,
                               const char *authorization, int64_t wall_ms, struct mu_caller *ret);

/* Whether the caller may call a route.  Returns MU_OK, UNAUTHORIZED (say who you are) or
 * FORBIDDEN. */
enum mu_error mu_access_allows(const struct mu_caller *caller, enum mu_route_who who);

/* Whether the caller may act for `player`: a player only for himself. */
bool mu_access_player(const struct mu_caller *caller, const char *player);

/* Whether the caller may call a route whose first parameter is `param` ("": it has none): who shows
 * the token of a match, only what is below that match, and what everybody may. */
bool mu_access_match(const struct mu_caller *caller, const struct mu_route *route,
                     const char *param);

/* Makes the token with which `match` (an id) may be reported, for whoever beats for its server. */
void mu_access_match_token(const struct mu_config *config, const struct mu_caller *caller,
                           const char *match, char ret[MU_ACCESS_KEY_MAX + 1]);

/* Makes the key of a server that `caller` registers.  Same nonce, same key.
 *
 * nonce     MU_ACCESS_NONCE_HEX lower-case hex digits (asserted)
 * ret_key   [MU_ACCESS_KEY_MAX + 1], for the server; shown once
 * ret_hash  hex, for the store */
void mu_access_server_key(const struct mu_config *config, const struct mu_caller *caller,
                          const char *nonce, char ret_key[MU_ACCESS_KEY_MAX + 1],
                          char ret_hash[MU_ACCESS_HASH_HEX + 1]);

/* Makes a token for `player` (an id) that is good until `until_s`, seconds of UTC. */
void mu_access_player_token(const struct mu_config *config, const struct mu_caller *caller,
                            const char *player, int64_t until_s, char ret[MU_ACCESS_KEY_MAX + 1]);

/* BLAKE2b-256 of a text, in hex. */
void mu_access_hash(const char *text, char ret[MU_ACCESS_HASH_HEX + 1]);

/* The idempotency key that travels on the bus: a hash of the caller and of what he sent, so that
 * two callers never share one. */
void mu_access_idempotency(const struct mu_caller *caller, const char *sent,
                           char ret[MU_ACCESS_HASH_HEX + 1]);

#endif /* MU_GATEWAY_ACCESS_H */
