/* tools/outcome.h - the matches that somebody formed from a workload, as a list and as a file.
 *
 * The file (format mm-outcome/1) is a header line
 *   {"type":"outcome","format":"mm-outcome/1","workload":name,"matcher":...,"version":...,
 *    "rules":{mode:hash},"seed":n}
 * then, by time, {"type":"match","t":seconds,"m":mode,"region":index,"teams":[[ticket ids],...]}.
 * A ticket whose players span teams stands there once for each of them. */
#ifndef MU_TOOLS_OUTCOME_H
#define MU_TOOLS_OUTCOME_H

#include "tools/workload.h"

/* A ticket on a team; one whose players span teams has a seat on each, its players in order. */
struct mu_outcome_seat {
    uint32_t ticket;  /* index into the workload; UINT32_MAX: the file named one that is unknown */
    uint32_t team;    /* 0..teams_count-1, ascending within a match */
    uint32_t first;   /* of its players on this team */
    uint32_t players; /* so many */
};

struct mu_outcome_match {
    double at_s;
    uint32_t mode;   /* index; UINT32_MAX: unknown */
    uint32_t region; /* index; any value */
    uint32_t teams_count;
    uint32_t seats; /* of outcome->seats: the first */
    uint32_t seats_count;
};

struct mu_outcome_list {
    char matcher[64]; /* who formed them */
    uint32_t matches_count;
    struct mu_outcome_match *matches; /* [matches_count] */
    uint32_t seats_count;
    struct mu_outcome_seat *seats; /* [seats_count] */
    uint32_t matches_capacity;
    uint32_t seats_capacity;
};

void mu_outcome_init(struct mu_outcome_list *outcome, const char *matcher);
void mu_outcome_release(struct mu_outcome_list *outcome);

/* Appends a match with its seats [match->seats_count]; match->seats is set.  Returns 0 or
 * -ENOMEM. */
int mu_outcome_append(struct mu_outcome_list *outcome, const struct mu_outcome_match *match,
                      const struct mu_outcome_seat *seats);

/* Sorts by time; equal times by mode, then as they were appended. */
void mu_outcome_sort(struct mu_outcome_list *outcome);

/* What stands in a file's header, beside the outcome. */
struct mu_outcome_origin {
    const char *version;
    uint64_t seed;
    uint64_t rules[MU_MODES_MAX]; /* hash by mode; 0: that mode was not played */
};

/* Writes the file.  Returns 0, -EIO or -ENOMEM. */
int mu_outcome_write(const struct mu_outcome_list *outcome, const struct mu_workload *workload,
                     const struct mu_outcome_origin *origin, FILE *file);

/* Whether the first line of a file is the header of an outcome. */
bool mu_outcome_is(const char *path);

/* Reads an outcome.  Form is checked here: the first fault of each line is written to `faults` as
 * "FILE:LINE: what"; whether the matches are valid is for mu_score().
 *
 * ret  to be released, also after faults
 *
 * Returns the number of faults, or -ENOMEM. */
int mu_outcome_read(FILE *file, const char *path, FILE *faults, const struct mu_workload *workload,
                    struct mu_outcome_list *ret);

/* Opens and reads; what is wrong is told on stderr.  Returns 0 or an exit code. */
int mu_outcome_load(const char *path, const struct mu_workload *workload,
                    struct mu_outcome_list *ret);

#endif /* MU_TOOLS_OUTCOME_H */
