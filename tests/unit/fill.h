/* tests/unit/fill.h - a message filled from its table: every field, every list, known values. */
#ifndef MU_TESTS_UNIT_FILL_H
#define MU_TESTS_UNIT_FILL_H

#include "core/rng.h"
#include "wire/msg.h"

/* Fills *ret with an example of `op`.  With rng NULL the example is always the same (golden
 * bytes); else values and counts are drawn within the table's bounds, lists up to items_max. */
void fill(enum mu_op op, struct mu_rng *rng, uint32_t items_max, struct mu_msg *ret);

/* Calls `each` for every message of the table, by ascending id. */
void fill_each(void (*each)(enum mu_op op, void *context), void *context);

#endif /* MU_TESTS_UNIT_FILL_H */
