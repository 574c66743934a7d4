/* actors/password.h - a lobby's password, as a hash that can be stored.
 *
 * argon2id with a salt that the caller gives (from its seed: a salt must differ, not be secret),
 * encoded with its parameters in front, so that they may change later:
 *
 *     argon2id:PASSES:KIB:SALT:HASH        salt and hash in lower-case hex
 *
 * Pure but for the memory that argon2id works in, which it allocates and frees itself.  With the
 * defaults of core/settings.def (8 MiB, 2 passes) one takes about 10 ms. */
#ifndef MU_ACTORS_PASSWORD_H
#define MU_ACTORS_PASSWORD_H

#include <stdint.h>

#define MU_PASSWORD_MIN        4       /* bytes of a password */
#define MU_PASSWORD_MAX        64      /* bytes of a password */
#define MU_PASSWORD_SALT_BYTES 16      /* of a salt */
#define MU_PASSWORD_TEXT_MAX   127     /* bytes of the encoded hash, NUL not counted */
#define MU_PASSWORD_PASSES_MAX 10      /* as in core/settings.def */
#define MU_PASSWORD_KIB_MIN    8       /* likewise; argon2id needs no less */
#define MU_PASSWORD_KIB_MAX    1048576 /* likewise */

/* How costly a hash is made. */
struct mu_password_cost {
    uint32_t passes; /* 1..MU_PASSWORD_PASSES_MAX (asserted) */
    uint32_t kib;    /* of memory, MU_PASSWORD_KIB_MIN..MU_PASSWORD_KIB_MAX (asserted) */
};

/* Hashes `password` (any string).  Returns 0, or -ENOMEM. */
int mu_password_hash(const char *password, const uint8_t salt[MU_PASSWORD_SALT_BYTES],
                     struct mu_password_cost cost, char ret[MU_PASSWORD_TEXT_MAX + 1]);

/* Compares `password` with what mu_password_hash() made, in a time that does not tell how far
 * they agree.  Returns 1: it is the one; 0: it is not; -EBADMSG: `hash` is malformed or asks for
 * more than the bounds above; -ENOMEM. */
int mu_password_verify(const char *password, const char *hash);

#endif /* MU_ACTORS_PASSWORD_H */
