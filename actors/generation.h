/* actors/generation.h - which life of the store this is: 0 at first, a new one with each restore.
 *
 * A restored store does not know what became of its partitions after the backup was made: shards
 * of the life before may still run, with epochs that the backup has never heard of.  So a restore
 * raises every epoch far above what they can have, and forgets who the owners were.  It takes the
 * time as a lower bound, because the same backup may be restored twice: nobody takes a partition
 * once a second for years.  Partitions without a record begin at the generation. */
#ifndef MU_ACTORS_GENERATION_H
#define MU_ACTORS_GENERATION_H

#include <stdint.h>

#include "core/store.h"

#define MU_GENERATION_STEP           1000 /* an epoch grows by at least so much */
#define MU_GENERATION_PARTITIONS_MAX 128  /* MU_STORE_PARTITIONS_MAX; more: -E2BIG */

/* What a renewal did. */
struct mu_generation {
    uint64_t former;
    uint64_t now;
    uint32_t partitions; /* epochs that were raised */
};

/* Reads the generation; 0 when none was written.  Returns 0, -EBADMSG or -errno of the store. */
int mu_generation_get(struct mu_store *store, uint64_t *ret);

/* Begins a new generation: max(former + MU_GENERATION_STEP, utc_s), and as epoch of each partition
 * max(its epoch + MU_GENERATION_STEP, generation), owned by nobody.  Only stages: commit it.
 *
 * utc_s  UTC now, seconds since 1970
 *
 * Returns 0, -EBADMSG (damaged), -E2BIG, -ENOMEM or -errno of the store. */
int mu_generation_renew(struct mu_store *store, uint64_t utc_s, struct mu_generation *ret);

#endif /* MU_ACTORS_GENERATION_H */
