/* core/calls.h - requests that wait for their answers, with retry.
 *
 * An actor that asks another one keeps the request's sequence here, with a word of its own, and
 * finds it again when the answer comes, or when it is time to ask again.  It never gives up by
 * itself: a timeout means "unknown", so an originator asks again until the answer is definite,
 * and a middle hop removes the call at its deadline and lets the originator ask again.
 *
 * Capacity is fixed at creation; all operations are O(log capacity). */
#ifndef MU_CORE_CALLS_H
#define MU_CORE_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/msg.h"

#define MU_CALL_NONE UINT32_MAX

/* One pending call.  The owner may read all and write `user` and `kind`. */
struct mu_call {
    uint64_t sequence; /* of the last attempt, from mu_outbox_request() */
    int64_t retry_ms;  /* now_ms at which to act: ask again, or forget */
    uint32_t attempts; /* made so far, from 1 */
    uint32_t kind;     /* the owner's: what sort of call */
    uint64_t user;     /* the owner's: slot, pointer-sized word or the like */
};

struct mu_calls;

/* seed is for the hash.  NULL when out of memory. */
struct mu_calls *mu_calls_create(uint32_t capacity, uint64_t seed);
void mu_calls_destroy(struct mu_calls *calls);

uint32_t mu_calls_count(const struct mu_calls *calls);
bool mu_calls_full(const struct mu_calls *calls);

/* Adds a call that was just sent.  Must not be full (asserted).  Returns its handle: valid until
 * it is removed. */
uint32_t mu_calls_add(struct mu_calls *calls, uint64_t sequence, int64_t retry_ms, uint32_t kind,
                      uint64_t user);

/* The call behind a handle. */
struct mu_call *mu_calls_at(struct mu_calls *calls, uint32_t handle);

/* The call whose last attempt this reply answers; MU_CALL_NONE for a late, repeated or foreign
 * one. */
uint32_t mu_calls_find(const struct mu_calls *calls, uint64_t incarnation,
                       const struct mu_msg_envelope *reply);

/* Records another attempt: its new sequence, and when to act next.  The former sequence is
 * forgotten: an answer to it is late and is dropped (the new attempt gets the same answer). */
void mu_calls_again(struct mu_calls *calls, uint32_t handle, uint64_t sequence, int64_t retry_ms);

void mu_calls_remove(struct mu_calls *calls, uint32_t handle);

/* The earliest retry_ms, or MU_NEVER (core/actor.h); and the handle of a call that is due at
 * now_ms, or MU_CALL_NONE. */
int64_t mu_calls_deadline(const struct mu_calls *calls);
uint32_t mu_calls_due(const struct mu_calls *calls, int64_t now_ms);

#endif /* MU_CORE_CALLS_H */
