/* tests/unit/jwt_text.h - writes tokens, for tests whose keys take the signature "good". */
#ifndef MU_TESTS_UNIT_JWT_TEXT_H
#define MU_TESTS_UNIT_JWT_TEXT_H

#include <string.h>

#include <sodium.h>

#include "gateway/jwt.h"

#define JWT_HEADER "{\"alg\":\"ES256\",\"kid\":\"game\"}"

/* Joins header, payload and signature to a token.  ret: [MU_JWT_MAX + 1] */
static inline void jwt_write(const char *header, const char *payload, const char *signature,
                             char *ret)
{
    const char *const parts[] = { header, payload, signature };
    size_t used = 0;
    for (size_t i = 0; i < 3; i++) {
        (void)sodium_bin2base64(ret + used, MU_JWT_MAX - used, (const uint8_t *)parts[i],
                                strlen(parts[i]), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        used += strlen(ret + used);
        ret[used++] = i < 2 ? '.' : '\0';
    }
}

/* mu_jwt_keys.verify: of key "game", which is for ES256. */
static inline bool jwt_verify(void *context, const struct mu_jwt_signature *signature)
{
    (void)context;
    return strcmp(signature->kid, "game") == 0 && signature->algorithm == MU_JWT_ES256 &&
           signature->bytes.size == 4 && memcmp(signature->bytes.data, "good", 4) == 0;
}

#endif /* MU_TESTS_UNIT_JWT_TEXT_H */
