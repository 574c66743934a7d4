/* core/ring.h - a bounded first-in first-out queue of records of any size, in one piece of memory.
 *
 * A record is contiguous, aligned for any type, and stays where it is until it is popped.  When the
 * ring runs empty it starts again at its beginning, so a queue that is mostly empty touches few
 * pages however large its bound.
 *
 * Invariant: no allocation after create.  All operations are O(1). */
#ifndef MU_CORE_RING_H
#define MU_CORE_RING_H

#include <stdint.h>

#define MU_RING_ALIGN 16 /* bytes; records take a multiple of it */

struct mu_ring;

/* records_max  1..2^20 (asserted)
 * bytes_max    of all records, each rounded up to MU_RING_ALIGN; 64..2^30 (asserted)
 *
 * NULL when out of memory. */
struct mu_ring *mu_ring_create(uint32_t records_max, uint32_t bytes_max);
void mu_ring_destroy(struct mu_ring *ring); /* NULL is a no-op */

/* Appends a record of `size` bytes (> 0), whose content is not defined yet.
 * Returns it, or NULL when there is no room. */
void *mu_ring_push(struct mu_ring *ring, uint32_t size);

/* Records in the ring; record `i` counted from the oldest (i < count, asserted). */
uint32_t mu_ring_count(const struct mu_ring *ring);
void *mu_ring_at(const struct mu_ring *ring, uint32_t i);

/* Removes the oldest (asserted that there is one). */
void mu_ring_pop(struct mu_ring *ring);

/* Asserts every invariant.  O(records). */
void mu_ring_check(const struct mu_ring *ring);

#endif /* MU_CORE_RING_H */
