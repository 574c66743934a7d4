/* tools/recording_line.h - the lines of a recording: headers, tickets, matches.  Pure. */
#ifndef MU_TOOLS_RECORDING_LINE_H
#define MU_TOOLS_RECORDING_LINE_H

#include "actors/rules.h"
#include "tools/recording.h"
#include "tools/workload.h"

/* Which rule set holds for a mode, and what the rules ask of a match. */
struct mu_recording_rules {
    uint64_t version; /* 0: none */
    char hash[65];
    struct mu_workload_mode shape; /* of a match; its objective is the next one */
    struct mu_objective objective;
};

/* How a ticket is named in the files. */
struct mu_recording_name {
    uint64_t number;        /* from 1 */
    char id[MU_ID_MAX + 1]; /* empty: the number is its name */
};

/* The name of a ticket's stay in the queue: the first, or the one after `stay` matches that were
 * not accepted. */
void mu_recording_name(const struct mu_recording_options *options, uint64_t number, const char *id,
                       uint64_t stay, struct mu_recording_name *ret);
void mu_recording_put_name(struct mu_json_writer *writer, const struct mu_recording_name *name);

/* Writes the header of the workload.
 *
 * rules            [MU_MODES_MAX]
 * started_ms       UTC; it is told only where ids are kept
 * ret_duration_at  where the duration's number begins */
void mu_recording_put_header(struct mu_json_writer *writer,
                             const struct mu_recording_options *options,
                             const struct mu_recording_rules *rules, int64_t started_ms,
                             int64_t *ret_duration_at);

/* Writes the header of the outcome. */
void mu_recording_put_outcome(struct mu_json_writer *writer,
                              const struct mu_recording_options *options,
                              const struct mu_recording_rules *rules);

/* Writes a ticket's line but for its end: what is known when it arrives.
 *
 * json  scratch for its details */
void mu_recording_put_ticket(struct mu_json_writer *writer,
                             const struct mu_recording_options *options,
                             const struct mu_msg_ticket *ticket,
                             const struct mu_recording_name *name, int64_t at_ms,
                             struct mu_json *json);

/* Writes that end into `ret`, with a '\n'.  Returns its bytes. */
size_t mu_recording_put_end(const char *mode, int64_t patience_ms, char ret[128]);

#endif /* MU_TOOLS_RECORDING_LINE_H */
