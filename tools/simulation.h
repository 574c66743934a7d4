/* tools/simulation.h - one run of our engine over a workload: rules made, replayed, scored. */
#ifndef MU_TOOLS_SIMULATION_H
#define MU_TOOLS_SIMULATION_H

#include "tools/replay_rules.h"
#include "tools/score.h"

#define MU_SIMULATION_NEVER_SHOWN 20

struct mu_simulation {
    char label[64];
    struct mu_outcome_list outcome;
    struct mu_outcome_origin origin;
    struct mu_score score;
    uint32_t never_count; /* tickets that cannot match under any circumstances */
    char never[MU_SIMULATION_NEVER_SHOWN][288]; /* "ticket 7: a party of 6 is ..." */
    uint32_t illegal;                           /* proposals that a shard would have refused */
    char fault[96];                             /* of the first */
};

/* Runs it.
 *
 * modes     bit i: mode i is played
 * progress  may be NULL
 * ret       to be released with mu_simulation_release(), also on failure
 *
 * The workload's modes may be reshaped (replay_rules.h).  Returns 0 or an exit code; what is wrong
 * was told on stderr. */
int mu_simulation_run(struct mu_workload *workload, uint32_t modes,
                      const struct mu_rules_source *source, uint64_t seed, FILE *progress,
                      struct mu_simulation *ret);
void mu_simulation_release(struct mu_simulation *simulation);

/* Writes what is to be said beside the table: tickets that can never match, illegal proposals. */
void mu_simulation_remarks(const struct mu_simulation *simulation, FILE *file);

/* Plots the distributions of waits, imbalance and rating spread of one or two runs.  Returns 0 or
 * an exit code. */
int mu_simulation_plot(const struct mu_workload *workload, const struct mu_simulation *runs,
                       uint32_t count, const char *path);

/* Prints two runs side by side, with differences. */
void mu_simulation_compare(const struct mu_workload *workload, const struct mu_simulation *a,
                           const struct mu_simulation *b, FILE *file);

#endif /* MU_TOOLS_SIMULATION_H */
