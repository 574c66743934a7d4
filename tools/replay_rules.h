/* tools/replay_rules.h - the rules under which a mode of a workload is replayed.
 *
 * Either the configuration's mode of the same name plays, as the queue shards would play it: its
 * teams, window, latency bound, waits and objective.  Or the workload's header does, which knows
 * the teams' sizes only; the objective is then what it calls a good match (its "score").  Over
 * either a rule-set document may stand; over all of them single settings. */
#ifndef MU_TOOLS_REPLAY_RULES_H
#define MU_TOOLS_REPLAY_RULES_H

#include "actors/rules_compile.h"
#include "tools/workload.h"

#define MU_OVERRIDES_MAX 32

/* A setting of the objective: "delta=0.4". */
struct mu_override {
    uint32_t field; /* index of the table of settings */
    double value;
};

struct mu_overrides {
    uint32_t count;
    struct mu_override list[MU_OVERRIDES_MAX];
};

/* Where the rules of a replay come from. */
struct mu_rules_source {
    const struct mu_config *config; /* borrowed; NULL: the header plays */
    const char *path;               /* of a document, for messages; NULL: none */
    const char *text;               /* [text_bytes] of it */
    size_t text_bytes;
    struct mu_overrides overrides;
};

/* Rules that are ready. */
struct mu_replay_rules {
    struct mu_config config; /* the workload's regions, and one mode */
    struct mu_rulebook book;
    uint64_t hash; /* of everything that matters: equal rules, equal hash */
};

/* Parses "name=value,name=value" and appends.  Returns 0, or -EINVAL with what is wrong on stderr
 * (`command` names who says it). */
int mu_overrides_parse(const char *text, const char *command, struct mu_overrides *ret);

/* The names of all settings with a space before each, for messages and manuals. */
void mu_overrides_names(char *ret, size_t ret_bytes);

/* Makes the rules of a mode.
 *
 * workload  the mode's shape, when it comes from elsewhere than the header, is written into it, so
 *           that the scorer knows it; and what is a good match, when the header does not say it
 * ret       to be released with mu_replay_rules_release(), also on failure; on the heap: it is
 *           large
 *
 * Returns 0, or an exit code after telling on stderr what is wrong: MU_EXIT_USAGE when the
 * configuration has no such mode; MU_EXIT_DATA with every fault of a document as "FILE: POINTER:
 * what". */
int mu_replay_rules_make(struct mu_workload *workload, uint32_t mode,
                         const struct mu_rules_source *source, struct mu_replay_rules *ret);
void mu_replay_rules_release(struct mu_replay_rules *rules);

#endif /* MU_TOOLS_REPLAY_RULES_H */
