/* tests/unit/vector_world.h - the rules and tickets of a vector as the engine sees them.  What is
 * wrong with them fails the test. */
#ifndef MU_TESTS_UNIT_VECTOR_WORLD_H
#define MU_TESTS_UNIT_VECTOR_WORLD_H

#include "actors/engine.h"
#include "tests/unit/vector_file.h"

/* Compiles the rules of a case, on top of the first mode of the configuration; to be released with
 * mu_rulebook_release(). */
void vector_book(const struct vector_case *vector, const struct mu_config *config,
                 struct mu_rulebook *ret);

/* Makes a ticket of a case, which waits from its time on; its worst round trips are those of its
 * players, or 20 ms everywhere when nobody says any.
 *
 * number     of those that share its name, from 1; 0: it has the name for itself
 * ret_facts  its facts, to be freed
 *
 * Returns whether its details can be read; only one that is `refused` may have others. */
bool vector_ticket_make(const struct vector_ticket *vector, uint32_t number,
                        const struct mu_config *config, const struct mu_rulebook *book,
                        struct mu_engine_ticket *ret, struct mu_facts **ret_facts);

#endif /* MU_TESTS_UNIT_VECTOR_WORLD_H */
