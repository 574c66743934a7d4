/* gateway/idtable.h - from the transport's 64-bit ids to slot numbers; bounded, no allocation
 * after create, O(1) expected.  Ids are made by us, not by clients: the hash needs no secret. */
#ifndef MU_GATEWAY_IDTABLE_H
#define MU_GATEWAY_IDTABLE_H

#include <stdint.h>

#define MU_IDTABLE_NONE UINT32_MAX

struct mu_idtable;

/* For slots 0..slots_max-1, each with at most one id.  NULL when out of memory. */
struct mu_idtable *mu_idtable_create(uint32_t slots_max);
void mu_idtable_destroy(struct mu_idtable *table); /* NULL is a no-op */

/* Gives a slot that has none an id that is not there (both asserted in check only). */
void mu_idtable_put(struct mu_idtable *table, uint64_t id, uint32_t slot);

/* The slot of an id, or MU_IDTABLE_NONE. */
uint32_t mu_idtable_get(const struct mu_idtable *table, uint64_t id);

/* Takes an id out.  Returns its slot, or MU_IDTABLE_NONE. */
uint32_t mu_idtable_remove(struct mu_idtable *table, uint64_t id);

uint32_t mu_idtable_count(const struct mu_idtable *table);
void mu_idtable_check(const struct mu_idtable *table); /* asserts the invariants; O(slots) */

#endif /* MU_GATEWAY_IDTABLE_H */
