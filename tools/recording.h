/* tools/recording.h - what happens in a live cluster, as a workload and an outcome to replay.
 *
 * Takes tickets and matches as their records change, writes a workload (tools/workload.h) and, if
 * wanted, an outcome (tools/outcome.h).  Pure but for what it is given to write with.  The rules:
 *
 * modes  in the header; the sizes of teams, and what is a good match, are of the rule set that
 *        holds when the recording begins, else of the mode
 * t      when the ticket was enqueued, in seconds since the recording began; 0 for those that
 *        waited then.  Lines stand in the order of t.
 * id     numbers from 1; with keep_ids the cluster's
 * m      its mode; of several modes the one in which it was matched, else the first that is
 *        recorded
 * rtt    of the regions where it may play (within its own bound), else null; one that was not
 *        measured has 0 at home.  `players` are there when the ticket brought details.
 * pat    cancelled, expired or gone: until then.  Matched, or waiting at the end: for how long it
 *        might have waited at most (its maximum; longer, if it did wait longer), as nobody knows
 *        when its players would have given up, and the matcher never sees it.
 *
 * A ticket that comes back from a match that was not accepted is a new arrival from then on (id
 * with a letter behind it, or the next number), for a ticket can be in one match only.  A match
 * counts when it is formed, accepted or not; those of custom lobbies do not.
 *
 * As `pat` is known late, a ticket's line is held back until its end is known, and those that came
 * after it too.  What is held is bounded: at the bound the oldest line is written as if it waited
 * to the end, which is counted.  A ticket that becomes known too late for its place is moved to the
 * present one, which is counted as well. */
#ifndef MU_TOOLS_RECORDING_H
#define MU_TOOLS_RECORDING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "tools/pseudonym.h"

#define MU_RECORDING_TICKETS_MAX 131072              /* known at a time */
#define MU_RECORDING_MATCHES_MAX 8192                /* held back */
#define MU_RECORDING_BYTES_MAX   (64u * 1024 * 1024) /* of tickets' lines that are held back */
#define MU_RECORDING_SEEN_MAX    65536               /* matches whose repeats are known */
#define MU_RECORDING_LINE_MAX    (64u * 1024)        /* bytes of a line */
#define MU_RECORDING_DURATION    12                  /* bytes of its number in the header */

/* Takes one line with its '\n'.  Returns 0 or -errno, with which the call that wrote fails. */
typedef int mu_recording_write_fn(void *context, const char *line, size_t size);

struct mu_recording_options {
    const struct mu_config *config; /* of the cluster; borrowed */
    uint32_t modes;                 /* bit i: mode i is recorded; not 0 */
    struct mu_pseudonyms names;     /* off: ids are kept, also those of tickets */
    const char *name;               /* of the workload; borrowed */
    const char *version;            /* of the cluster's software; borrowed */
    mu_recording_write_fn *write_ticket;
    void *tickets;                      /* context of write_ticket */
    mu_recording_write_fn *write_match; /* NULL: no outcome is wanted */
    void *matches;                      /* context of write_match */
};

/* Of one mode, as written. */
struct mu_recording_mode {
    uint64_t tickets;
    uint64_t players;
    uint64_t matched; /* tickets */
    uint64_t left;    /* tickets: cancelled, expired or gone */
    uint64_t waiting; /* tickets: at the end, or when their lines had to be written */
    uint64_t matches;
};

struct mu_recording_counts {
    struct mu_recording_mode modes[MU_MODES_MAX];
    uint64_t returned;   /* tickets that came back from a match */
    uint64_t late;       /* tickets that were moved to a later t */
    uint64_t cut;        /* tickets whose end could not be waited for */
    uint64_t unknown;    /* tickets of modes that the configuration does not have */
    uint64_t incomplete; /* matches left out: a ticket of theirs is not known */
    uint64_t rules;      /* times that a rule set changed */
};

struct mu_recording;

/* NULL when out of memory.  Takes about 50 MB when it is full, little before. */
struct mu_recording *mu_recording_create(const struct mu_recording_options *options);
void mu_recording_destroy(struct mu_recording *recording); /* NULL is a no-op */

/* A rule set holds (NULL: none does any more); before the beginning its text is read, too.
 * Returns 0 or -ENOMEM. */
int mu_recording_rules(struct mu_recording *recording, const char *mode,
                       const struct mu_msg_ruleset *ruleset);

/* Begins: what waits now, waits at t = 0; what changed before is forgotten.  Writes the headers.
 * Returns 0 or -errno of a write. */
int mu_recording_begin(struct mu_recording *recording, int64_t wall_ms);

/* A ticket's record as it is now; repeats are known by its version.  Before the beginning it is
 * remembered if it waits.
 *
 * wall_ms  when this was learned: the time of arrival of one that came back
 *
 * Returns 0, -errno of a write (at the bound lines are written), or -ENOMEM. */
int mu_recording_ticket(struct mu_recording *recording, const struct mu_msg_ticket *ticket,
                        int64_t wall_ms);

/* A ticket whose record is not there any more. */
void mu_recording_gone(struct mu_recording *recording, const char *ticket, int64_t wall_ms);

/* A match's record as it is now; those before the beginning, and repeats, are passed over.
 * Returns 0, -errno of a write, or -ENOMEM. */
int mu_recording_match(struct mu_recording *recording, const struct mu_msg_match *match);

/* Writes what can be: everything that happened until safe_ms is known.
 * Returns 0 or -errno of a write. */
int mu_recording_advance(struct mu_recording *recording, int64_t safe_ms);

/* Writes the rest; what happened after end_ms is left out.  Returns 0 or -errno of a write. */
int mu_recording_end(struct mu_recording *recording, int64_t end_ms);

/* Where in the workload the number of the header's "duration" stands: MU_RECORDING_DURATION bytes,
 * a 0 with spaces before it, which the owner may replace at the end; so a recording that was not
 * ended can be read too. */
int64_t mu_recording_duration_at(const struct mu_recording *recording);

const struct mu_recording_counts *mu_recording_counts(const struct mu_recording *recording);

/* Asserts every invariant.  O(tickets). */
void mu_recording_check(const struct mu_recording *recording);

#endif /* MU_TOOLS_RECORDING_H */
