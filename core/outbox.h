/* core/outbox.h - what an actor wants done, in order; released at the end of a batch.
 *
 * Invariants: count <= MU_OUTBOX_ENTRIES_MAX; every entry's bytes lie in [0, bytes_used) of the
 * arena; an entry is complete once it is counted.  The host begins no further step once
 * mu_outbox_full(), and one step appends at most MU_OUTBOX_STEP_ENTRIES entries and
 * MU_OUTBOX_STEP_BYTES bytes (asserted by running out). */
#ifndef MU_CORE_OUTBOX_H
#define MU_CORE_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/msg.h"

#define MU_OUTBOX_ENTRIES_MAX  8192                /* messages between two batch ends */
#define MU_OUTBOX_STEP_ENTRIES 2048                /* of one step or batch end */
#define MU_OUTBOX_BYTES_MAX    (24u * 1024 * 1024) /* encoded bodies between two batch ends */
#define MU_OUTBOX_STEP_BYTES   (8u * 1024 * 1024)  /* of one step or batch end */
#define MU_OUTBOX_NOTES_MAX    64                  /* further notes of a batch are dropped */
#define MU_OUTBOX_NOTE_MAX     159                 /* bytes of a note, NUL not counted */

/* One message that waits to leave.  The envelope's source is filled in by the bus. */
struct mu_outbox_entry {
    struct mu_msg_envelope envelope;
    uint32_t offset; /* of its body in the arena */
    uint32_t size;   /* bytes of its body */
};

struct mu_outbox {
    uint64_t incarnation; /* of the sender */
    uint64_t sequence;    /* of the last message; goes on over batches */
    uint32_t count;
    uint32_t bytes_used;
    uint32_t notes_count;
    struct mu_outbox_entry *entries;    /* [MU_OUTBOX_ENTRIES_MAX] */
    uint8_t *bytes;                     /* [MU_OUTBOX_BYTES_MAX] */
    bool warnings[MU_OUTBOX_NOTES_MAX]; /* of the notes: which are logged as warnings */
    char notes[MU_OUTBOX_NOTES_MAX][MU_OUTBOX_NOTE_MAX + 1];
};

/* What a request carries beside its body. */
struct mu_request {
    const char *to;              /* destination: core/address.h */
    uint32_t budget_ms;          /* for how long the answer is wanted; > 0 */
    uint64_t fence;              /* own epoch; 0: none */
    const char *idempotency_key; /* NULL: none */
    const char *trace;           /* W3C traceparent; NULL: none */
};

struct mu_outbox *mu_outbox_create(uint64_t incarnation); /* NULL when out of memory */
void mu_outbox_destroy(struct mu_outbox *out);

/* Forgets entries and notes; sequence goes on. */
void mu_outbox_clear(struct mu_outbox *out);

/* True when the batch must end before another step. */
bool mu_outbox_full(const struct mu_outbox *out);

/* Appends a request.  Returns its sequence: the answer's answers_sequence.  To ask again, append
 * it again: the key or the body's own id makes it the same request. */
uint64_t mu_outbox_request(struct mu_outbox *out, const struct mu_request *request,
                           const struct mu_msg *msg);

/* Answers the request whose envelope is given.  Events are not answered: then it does nothing. */
void mu_outbox_reply(struct mu_outbox *out, const struct mu_msg_envelope *request,
                     const struct mu_msg *msg);

/* Answers with ERROR.  `format` says what exactly (never secrets, never more than 255 bytes). */
void mu_outbox_error(struct mu_outbox *out, const struct mu_msg_envelope *request,
                     enum mu_error error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Appends an event: nobody answers.  `to` may be all of a service or a player. */
void mu_outbox_event(struct mu_outbox *out, const char *to, const struct mu_msg *msg);

/* Says why, in one line: "ticket known -> ignored".  The live host logs it at debug level, the
 * simulator prints it in the trace, a test can demand it. */
void mu_outbox_note(struct mu_outbox *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same for what a person should hear of: logged as a warning. */
void mu_outbox_warn(struct mu_outbox *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif /* MU_CORE_OUTBOX_H */
