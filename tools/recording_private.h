/* tools/recording_private.h - what the files of a recording share; nobody else includes it. */
#ifndef MU_TOOLS_RECORDING_PRIVATE_H
#define MU_TOOLS_RECORDING_PRIVATE_H

#include "core/heap.h"
#include "core/map.h"
#include "tools/recording.h"
#include "tools/recording_line.h"

#define MU_STAY_NONE     UINT32_MAX
#define MU_STAY_KNOWN_MS 1000 /* a ticket is known so much longer than a match can name it */

enum mu_stay_stage {
    MU_STAY_FREE,
    MU_STAY_WAITS,
    MU_STAY_MATCHED,
    MU_STAY_LEFT,
};

/* One stay of a ticket in the queue.  Its line is held until it is settled and it is its turn. */
struct mu_stay {
    char id[MU_ID_MAX + 1];    /* of the ticket */
    char match[MU_ID_MAX + 1]; /* that ended it; empty: none yet, or not known */
    struct mu_recording_name name;
    uint64_t version;   /* of the record that was seen last */
    uint64_t stay;      /* it came back so often */
    uint32_t newer;     /* stay of the same ticket; MU_STAY_NONE: it is the newest */
    uint32_t older;     /* stay of the same ticket; MU_STAY_NONE */
    uint32_t next_free; /* MU_STAY_FREE */
    enum mu_stay_stage stage;
    uint32_t mode;       /* index: that it stands under */
    uint32_t players;    /* so many */
    bool several;        /* it waits for several modes, and which it will be is not known */
    bool settled;        /* patience_ms is final */
    bool written;        /* its line is */
    int64_t at_ms;       /* arrival, since the beginning */
    int64_t deadline_ms; /* wall time until which it may wait */
    int64_t ended_ms;    /* wall time; not while it waits */
    int64_t patience_ms; /* settled */
    char *head;          /* [head_bytes] of its line; NULL: written */
    size_t head_bytes;
};

/* One player of a match that is held back. */
struct mu_held_seat {
    char ticket[MU_ID_MAX + 1];
    uint32_t team;
};

struct mu_held_match {
    char id[MU_ID_MAX + 1];
    int64_t at_ms;   /* since the beginning */
    uint32_t mode;   /* index */
    uint32_t region; /* index */
    uint32_t seats_count;
    struct mu_held_seat seats[]; /* in team order */
};

struct mu_recording {
    struct mu_recording_options options;
    struct mu_recording_rules rules[MU_MODES_MAX];
    struct mu_recording_counts counts;
    bool begun;
    int64_t start_ms;   /* wall time */
    int64_t horizon_ms; /* since the beginning: at_ms of the last line */
    int64_t safe_ms;    /* wall time until which all is known */
    int64_t duration_at;
    uint64_t number; /* of the last ticket */
    uint64_t bytes;  /* of lines that are held */

    struct mu_stay *slots;  /* [MU_RECORDING_TICKETS_MAX] */
    uint32_t slots_end;     /* used so far */
    uint32_t slots_free;    /* first of those that are free again; MU_STAY_NONE */
    struct mu_map *tickets; /* id -> newest stay */
    struct mu_heap *order;  /* slots whose lines are held, by at_ms */
    struct mu_heap *old;    /* slots whose lines are written, by when they can be forgotten */

    struct mu_held_match **matches; /* [MU_RECORDING_MATCHES_MAX]; NULL: free */
    struct mu_heap *matches_order;  /* by at_ms */
    int64_t match_ms;               /* at_ms of the last match that was written */
    struct mu_map *seen;            /* matches -> place in the ring */
    char (*ring)[MU_ID_MAX + 1];    /* [MU_RECORDING_SEEN_MAX] */
    uint32_t ring_next;
    int64_t *ring_ms;   /* [MU_RECORDING_SEEN_MAX]: when they were formed, wall time */
    int64_t evicted_ms; /* the latest of those that the ring forgot; what is older was seen */

    struct mu_json *json; /* scratch */
    char *line;           /* [MU_RECORDING_LINE_MAX] scratch */
};

/* Ends the line in recording->line and hands it over.  Returns 0 or -errno. */
int mu_recording_hand_over(const struct mu_recording *recording, struct mu_json_writer *writer,
                           mu_recording_write_fn *write, void *context);

/* In recording_tickets.c. */

/* Forgets a stay, whose line was written or is not wanted. */
void mu_recording_forget(struct mu_recording *recording, uint32_t index);

/* Sets the patience: until then (wall time); or for as long as it might have waited, and at least
 * until seen_ms, when it still did. */
void mu_recording_settle(struct mu_stay *stay, int64_t start_ms, int64_t until_ms);
void mu_recording_settle_at_most(struct mu_stay *stay, int64_t start_ms, int64_t seen_ms);

/* Writes the line of a stay that is settled and whose turn it is (asserted).  Returns 0 or
 * -errno. */
int mu_recording_write_line(struct mu_recording *recording, uint32_t index);

/* In recording_matches.c. */

/* Takes the first match that is held out, ties its tickets to it, and writes it if all of them are
 * known.  Returns 0 or -errno. */
int mu_recording_write_match(struct mu_recording *recording);

#endif /* MU_TOOLS_RECORDING_PRIVATE_H */
