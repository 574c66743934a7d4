/* tests/sim/check_rules.h - what the simulator's own rule sets say, once more and in another way.
 *
 * Players put rule sets of some kinds (rules.def); here each kind is judged by a few lines of its
 * own, which know nothing of the rule language or the engine.  A document says in a comment of
 * which kind it is; of others nothing is said. */
#ifndef MU_TESTS_SIM_CHECK_RULES_H
#define MU_TESTS_SIM_CHECK_RULES_H

#include <stdbool.h>

#include "sim.h"

enum rules_kind {
#define KIND(name, document) RULES_##name,
#include "rules.def"
#undef KIND
    RULES_KINDS,
};

/* What a document begins with; the number of its kind follows. */
#define RULES_COMMENT "{ // kind "

/* Judges a match that was just formed by the version of the rule set that it names; sim_fail() when
 * it keeps it not.
 *
 * decoder  not sim->decoder, whose last message somebody may still read */
void check_rules_match(struct sim *sim, struct mu_decoder *decoder,
                       const struct mu_msg_match *match);

/* Whether two solo tickets that wait in a mode and the same region are a match by the rule set that
 * holds, at their highest age; false as well when nothing can be said. */
bool check_rules_pair(struct sim *sim, struct mu_decoder *decoder, const char *mode,
                      const char *const tickets[2]);

/* The version of a mode's rule set that holds in the store; 0: there is none. */
uint64_t check_rules_version(struct sim *sim, struct mu_decoder *decoder, const char *mode);

#endif /* MU_TESTS_SIM_CHECK_RULES_H */
