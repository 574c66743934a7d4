/* core/nearest.h - which of the names that there are was meant by one that there is not.  Pure. */
#ifndef MU_CORE_NEAREST_H
#define MU_CORE_NEAREST_H

#include <stdint.h>

#define MU_NEAREST_BYTES_MAX 40 /* of a name, for the comparison; longer ones are compared so far */

/* The search for the nearest name: begin with { .typed = NAME }, then offer each that there is. */
struct mu_nearest {
    const char *typed; /* what a person wrote; borrowed */
    const char *name;  /* the nearest so far, the first of equals; borrowed; NULL: none is near */
    uint32_t letters;  /* to insert, remove or replace in it, at most 2 */
};

/* Takes `name` if it is nearer than what there was, and near enough to be a slip of the hand: two
 * letters, or one when the shorter of the two names has less than 3.
 * O(length^2), no allocation. */
void mu_nearest_offer(struct mu_nearest *nearest, const char *name);

#endif /* MU_CORE_NEAREST_H */
