/* tools/restoration.h - makes the folder of a store from a backup. */
#ifndef MU_TOOLS_RESTORATION_H
#define MU_TOOLS_RESTORATION_H

#include <stddef.h>
#include <stdint.h>

#include "actors/generation.h"

#define MU_RESTORATION_ERROR_MAX 512 /* bytes for an error text */

/* What was done. */
struct mu_restoration {
    uint64_t bytes;                  /* of the copy */
    uint64_t players;                /* in it */
    uint64_t matches;                /* in it */
    struct mu_generation generation; /* begun */
};

/* Copies backup/data.mdb, checks every page, record and digest, then that no record contradicts
 * another (actors/audit.h), begins a new generation, and only then gives the folder its name: what
 * is called `target` is whole and durable.
 *
 * backup  a folder that holds data.mdb: a backup, or the folder of a store that is stopped
 * target  must be missing, or an empty folder; its parent must exist.  `target`.part is used
 *         meanwhile, and what an earlier try left there is removed
 * utc_s   UTC now, seconds
 * error   [MU_RESTORATION_ERROR_MAX] what is wrong, and what to do, when it fails
 *
 * Returns 0; -EBADMSG the backup is damaged; -EPROTONOSUPPORT it is of a newer version;
 * -ENOTEMPTY the target; or -errno.  On failure `target` is as it was. */
int mu_restore(const char *backup, const char *target, uint64_t utc_s, struct mu_restoration *ret,
               char *error);

#endif /* MU_TOOLS_RESTORATION_H */
