/* gateway/jwt.h - the tokens of a studio's own identity service: JSON Web Tokens (RFC 7519), signed
 * with HS256, RS256 or ES256 (RFC 7515), as RFC 8725 says to take them.
 *
 * Whoever holds one is the player that `sub` names, until `exp`.  The signature is looked at first,
 * by a key that the token may only choose by its `kid`: a key is for one algorithm, and a token
 * whose header names another one is refused; so is `none`, and any `crit`.  Then `exp` (must be
 * there), `nbf`, `iss` and `aud` are compared.  Nothing is remembered between two calls.
 *
 * Pure: keys and their arithmetic are behind struct mu_jwt_keys; the time comes with the call. */
#ifndef MU_GATEWAY_JWT_H
#define MU_GATEWAY_JWT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "gateway/json.h"
#include "wire/slice.h"

#define MU_JWT_MAX       4096  /* bytes of a token */
#define MU_JWT_KID_MAX   64    /* bytes of a key's id */
#define MU_JWT_LEEWAY_MS 30000 /* by which our clock and the identity service's may differ */
#define MU_JWT_UNTIL_S   INT64_C(253402300799) /* the latest `exp` and `nbf`: in the year 9999 */

enum mu_jwt_algorithm { MU_JWT_HS256, MU_JWT_RS256, MU_JWT_ES256 };

/* A signature that is claimed. */
struct mu_jwt_signature {
    const char *kid; /* of the key; "": the only one there is */
    enum mu_jwt_algorithm algorithm;
    struct mu_slice text; /* what is signed */
    struct mu_slice bytes;
};

/* The keys: gateway/jwks.h in the process. */
struct mu_jwt_keys {
    void *context;
    /* Whether there is that key, for that algorithm, and the signature is right. */
    bool (*verify)(void *context, const struct mu_jwt_signature *signature);
};

/* What it takes to judge a token; borrowed for its life. */
struct mu_jwt {
    const struct mu_config_jwt *rules; /* issuer and audience */
    struct mu_jwt_keys keys;
    struct mu_json *json; /* scratch of a call */
};

/* Who a token is about. */
struct mu_jwt_claims {
    char player[MU_ID_MAX + 1];
    int64_t until_ms; /* UTC; from then on it is refused: `exp` and the leeway */
};

/* Whether a text may be a token: three parts of base64url with dots between, not too long. */
bool mu_jwt_formed(const char *token);

/* Judges a token.
 *
 * wall_ms  UTC
 * ret      untouched unless it is good
 *
 * Returns NULL: it is good; or what is wrong, a sentence for whoever sent it. */
const char *mu_jwt_judge(const struct mu_jwt *jwt, const char *token, int64_t wall_ms,
                         struct mu_jwt_claims *ret);

#endif /* MU_GATEWAY_JWT_H */
