/* actors/engine_blocks.h - memory for facts: blocks of any size that come and go with tickets.
 *
 * A block is of one of a few sizes; one that is given back is used again for the next of its size.
 * Memory comes from the system in slabs and goes back all at once, so a pool whose tickets come and
 * go allocates nothing once it has been as full as it gets. */
#ifndef MU_ACTORS_ENGINE_BLOCKS_H
#define MU_ACTORS_ENGINE_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#define MU_BLOCK_BYTES_MIN 128
#define MU_BLOCK_BYTES_MAX (512 * 1024)

struct mu_blocks;

/* Returns NULL when out of memory. */
struct mu_blocks *mu_blocks_create(void);
void mu_blocks_destroy(struct mu_blocks *blocks); /* NULL is a no-op; all blocks are gone */

/* A block of at least `bytes`, 1..MU_BLOCK_BYTES_MAX (asserted), aligned for anything; NULL when
 * out of memory.  O(1). */
void *mu_blocks_take(struct mu_blocks *blocks, size_t bytes);

/* Gives back a block that was taken with the same `bytes`.  O(1). */
void mu_blocks_give(struct mu_blocks *blocks, void *block, size_t bytes);

/* Blocks that are in use. */
uint32_t mu_blocks_count(const struct mu_blocks *blocks);

/* Bytes that the system gave. */
size_t mu_blocks_bytes(const struct mu_blocks *blocks);

#endif /* MU_ACTORS_ENGINE_BLOCKS_H */
