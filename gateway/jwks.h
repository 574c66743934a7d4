/* gateway/jwks.h - the keys that sign players' tokens: a JSON Web Key Set (RFC 7517) in a file.
 *
 *     {"keys": [{"kty": "RSA", "kid": "2026-11", "alg": "RS256", "n": "...", "e": "AQAB"},
 *               {"kty": "EC", "kid": "game", "alg": "ES256", "crv": "P-256",
 *                "x": "...", "y": "..."},
 *               {"kty": "oct", "kid": "lab", "alg": "HS256", "k": "..."}]}
 *
 * Each key says its `alg`, which fits its kty, and is used for nothing else.  Refused: RSA below
 * 2048 bits, points that are not on the curve, secrets below 256 bits, private keys (whoever can
 * read the file could then make tokens), and more than one key when one has no `kid`.
 *
 * The file is looked at again every second; its content decides.  One that is gone or has faults
 * changes nothing: the last good keys stay, and the log says so, once for each content, and never
 * what is in a key.  Host code (OpenSSL; the file; the log). */
#ifndef MU_GATEWAY_JWKS_H
#define MU_GATEWAY_JWKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/log.h"
#include "gateway/jwt.h"

#define MU_JWKS_KEYS_MAX  16
#define MU_JWKS_BYTES_MAX (64 * 1024) /* of the file */
#define MU_JWKS_ERROR_MAX 4096        /* bytes that hold the longest error text */
#define MU_JWKS_MS        1000        /* between two looks at the file */

struct mu_jwks;

/* Reads the file at `path` (borrowed, as the log) for the first time.
 *
 * Returns 0; -EINVAL: it has faults, which are in the log; or -errno. */
int mu_jwks_create(const char *path, struct mu_log *log, struct mu_jwks **ret);
void mu_jwks_destroy(struct mu_jwks *jwks); /* NULL is a no-op */

/* Looks at the file.  Returns whether other keys are in force now. */
bool mu_jwks_look(struct mu_jwks *jwks);

/* How many keys are in force. */
uint32_t mu_jwks_count(const struct mu_jwks *jwks);

/* mu_jwt_keys.verify with a struct mu_jwks as context.  About 0.1 ms at most (ES256). */
bool mu_jwks_verify(void *context, const struct mu_jwt_signature *signature);

#endif /* MU_GATEWAY_JWKS_H */
