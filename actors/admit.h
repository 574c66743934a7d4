/* actors/admit.h - whether a ticket can ever match, as far as it alone decides.
 *
 * The queue shard asks it when a ticket comes, so that a player who could only wait in vain is told
 * at once what is wrong; `muster simulate` asks it of each ticket of a workload.  Details that
 * cannot be read at all are told by mu_facts_read() before that.
 *
 * Never in doubt against a ticket: one is refused only when in no shape of the queue, on no team
 * and at no age a match can be with it, whoever else may come.  What is looked at:
 *   - its party is larger than any team takes, or than the party policy does
 *   - no region is within the queue's bound on round trips
 *   - it breaks a rule by itself that more players cannot mend (struct mu_rule, lasting)
 *   - its players have no roles that go together on a team
 *   - a backfill has a player on a team that there is not, or no free place
 * Rules that others can mend, such as averages, decide nothing here: most tickets that wait in vain
 * wait for somebody who does not come. */
#ifndef MU_ACTORS_ADMIT_H
#define MU_ACTORS_ADMIT_H

#include "actors/engine.h"

#define MU_ADMIT_AGES_MAX  64 /* changes of a rule set's limits that are looked at, and their end */
#define MU_ADMIT_TRIES_MAX 2048 /* of team, age and shape; who needs more is admitted */

/* Why a ticket can never match. */
struct mu_admit_fault {
    char what[224]; /* "a party of 6 is too large: the teams of this queue take 5 at most" */
};

/* Asks it.
 *
 * book     its rules; the ticket's facts were read with them
 * ticket   any values; facts as mu_facts_read() made them, or NULL
 * scratch  is empty or not; means nothing afterwards
 * fault    may be NULL; written only when it returns false
 *
 * Returns whether it can match.  No allocation.  Without rules that last it costs O(teams); else
 * O(rules * its players) for a ticket that is welcome when it is new, which is nearly all, and at
 * most MU_ADMIT_TRIES_MAX times that. */
bool mu_admit(const struct mu_rulebook *book, const struct mu_config *config,
              const struct mu_engine_ticket *ticket, struct mu_candidate *scratch,
              struct mu_admit_fault *fault);

#endif /* MU_ACTORS_ADMIT_H */
