/* actors/placed.h - for how many lobby partitions the records of a store are placed.
 *
 * The configuration says how many there are to be; this, in META, how many there were when the
 * store ran last.  When they differ the store moves what lives elsewhere now (store_placement.c);
 * the audit, which knows no configuration, goes by this. */
#ifndef MU_ACTORS_PLACED_H
#define MU_ACTORS_PLACED_H

#include <stdint.h>

#include "actors/store_rows.h"

#define MU_PLACED_MOVING 0 /* a move has begun and not ended: each object is in some partition */

/* ret  1..MU_LOBBIES_MAX, or MU_PLACED_MOVING; 1 when nothing is written, as of versions that knew
 *      one partition only
 *
 * Returns 0, -EBADMSG when the record is damaged, or another -errno of the store. */
int mu_placed_get(struct mu_store *store, uint64_t *ret);

void mu_placed_put(struct mu_rows *rows, uint64_t lobbies);

#endif /* MU_ACTORS_PLACED_H */
