/* core/key_pair.h - the CURVE key of a process: its public and its secret half, and their file.
 *
 *     # Muster: the key of store-1. Who has this file is store-1: keep it secret.
 *     public 64 hex digits
 *     secret 64 hex digits
 *
 * Secrets stand in files only, never on a command line or in the environment, and in memory that is
 * locked, fenced and wiped (sodium_malloc).  libzmq keeps a copy of its own, which we cannot wipe.
 * Host code. */
#ifndef MU_CORE_KEY_PAIR_H
#define MU_CORE_KEY_PAIR_H

#include <stddef.h>
#include <stdint.h>

#include "core/public_key.h"

#define MU_SECRET_KEY_BYTES   32
#define MU_KEY_PAIR_ERROR_MAX 512 /* bytes that hold the longest error text */

struct mu_key_pair {
    uint8_t public_key[MU_PUBLIC_KEY_BYTES];
    uint8_t *secret_key; /* [MU_SECRET_KEY_BYTES], read only */
};

/* Makes a new, random one.  NULL when out of memory, or of random numbers. */
struct mu_key_pair *mu_key_pair_create(void);

/* Wipes it.  NULL is a no-op. */
void mu_key_pair_destroy(struct mu_key_pair *pair);

/* Reads a file that mu_key_pair_write() wrote.
 *
 * ret    to be destroyed by the caller; untouched on failure
 * error  [MU_KEY_PAIR_ERROR_MAX] what is wrong, with the path, in one line
 *
 * Returns 0; -EPERM: others than its owner may read it (group root may, if it is root's: so
 * systemd's credentials are); -EBADMSG: it holds something else; -ENOMEM; or what open(2) said. */
int mu_key_pair_read(const char *path, struct mu_key_pair **ret, char error[MU_KEY_PAIR_ERROR_MAX]);

/* Writes it to a new file for its owner only, durably.  `name`: for the reader.
 * Returns 0; -EEXIST: there is such a file, and it stays; or -errno. */
int mu_key_pair_write(const struct mu_key_pair *pair, const char *name, const char *path);

#endif /* MU_CORE_KEY_PAIR_H */
