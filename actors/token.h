/* actors/token.h - join tokens: how a player proves to a game server that he belongs there.
 *
 * token = hex(BLAKE2b-256(key = BLAKE2b-256(server's key), message = "match_id:player_id")).
 * Muster keeps only the hash of a server's key, which is the token's key; the server computes it
 * from its own key and so checks a token without asking anybody. */
#ifndef MU_ACTORS_TOKEN_H
#define MU_ACTORS_TOKEN_H

#include "wire/msg.h"

#define MU_TOKEN_BYTES 64 /* hex digits of a token or of a key's hash */

/* Makes a token.
 *
 * key_hash  hex BLAKE2b-256 of the server's key: MU_TOKEN_BYTES lower or upper case digits
 * ret       the token in lower case, and a NUL
 *
 * Returns 0, or -EINVAL when key_hash is no such hash; then *ret is untouched. */
int mu_token_make(const char *key_hash, const char *match, const char *player,
                  char ret[MU_TOKEN_BYTES + 1]);

/* Hex BLAKE2b-256 of any bytes, and a NUL: key hashes, result hashes. */
void mu_token_hash(const void *bytes, size_t size, char ret[MU_TOKEN_BYTES + 1]);

#endif /* MU_ACTORS_TOKEN_H */
