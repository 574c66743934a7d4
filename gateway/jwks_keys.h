/* gateway/jwks_keys.h - a JSON Web Key Set, read into keys that verify.  Host code (OpenSSL). */
#ifndef MU_GATEWAY_JWKS_KEYS_H
#define MU_GATEWAY_JWKS_KEYS_H

#include <openssl/evp.h>

#include "gateway/jwks.h"

#define MU_JWKS_SECRET_MIN 32  /* bytes of an HS256 secret: as many as its hash */
#define MU_JWKS_SECRET_MAX 256 /* bytes */

struct mu_jwks_key {
    char kid[MU_JWT_KID_MAX + 1]; /* empty: it has none, and is the only key */
    enum mu_jwt_algorithm algorithm;
    EVP_PKEY *public_key; /* RS256, ES256; owned */
    size_t secret_bytes;  /* HS256 */
    uint8_t secret[MU_JWKS_SECRET_MAX];
};

struct mu_jwks_keys {
    uint32_t count;
    struct mu_jwks_key keys[MU_JWKS_KEYS_MAX];
};

/* Reads a key set.
 *
 * name   of the file, for the error text
 * ret    untouched on failure; else to be released
 * error  [MU_JWKS_ERROR_MAX] every fault, one a line, "jwks.json: keys[0].n: ..."; never what a key
 *        holds
 *
 * Returns 0, -EINVAL or -ENOMEM. */
int mu_jwks_keys_parse(const char *name, const uint8_t *bytes, size_t size,
                       struct mu_jwks_keys *ret, char *error);
void mu_jwks_keys_release(struct mu_jwks_keys *keys);

/* Whether one of the keys made the signature. */
bool mu_jwks_keys_verify(const struct mu_jwks_keys *keys, const struct mu_jwt_signature *signature);

#endif /* MU_GATEWAY_JWKS_KEYS_H */
