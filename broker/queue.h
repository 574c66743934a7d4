/* broker/queue.h - messages that wait for one destination's credit: bounded, first in first out.
 *
 * Bounded thrice: by messages, by bytes, and by a share of both for each sender, so that one that
 * floods is refused while the others still get in.  A sender always may have one message waiting,
 * however large. */
#ifndef MU_BROKER_QUEUE_H
#define MU_BROKER_QUEUE_H

#include <stdint.h>

#include "wire/msg.h"

/* One waiting message. */
struct mu_queued {
    int64_t since_ms; /* when it came */
    uint32_t sender;  /* peer number */
    uint32_t body_bytes;
    uint32_t done;                   /* 1: taken out of the middle; never shown */
    struct mu_msg_envelope envelope; /* as it came, source verified */
};

struct mu_queue;

/* messages  at most, 1..2^20;  bytes: at most, envelopes included
 * senders   sender numbers are below it
 * share     a sender may hold one part of `share`; >= 1
 *
 * NULL when out of memory.  All memory is taken here; pages are touched as they are needed. */
struct mu_queue *mu_queue_create(uint32_t messages, uint32_t bytes, uint32_t senders,
                                 uint32_t share);
void mu_queue_destroy(struct mu_queue *queue); /* NULL is a no-op */

/* Appends a copy.  Returns 0, or -ENOBUFS when the queue, or the sender's share of it, is full.
 * O(1). */
int mu_queue_push(struct mu_queue *queue, int64_t now_ms, uint32_t sender,
                  const struct mu_msg_envelope *envelope, struct mu_slice body);

/* The oldest message, or NULL.  Valid until it is popped. */
const struct mu_queued *mu_queue_first(const struct mu_queue *queue);
struct mu_slice mu_queue_body(const struct mu_queued *queued);

/* Removes the oldest (asserted that there is one). */
void mu_queue_pop(struct mu_queue *queue);

/* Messages that wait. */
uint32_t mu_queue_count(const struct mu_queue *queue);

/* What to do with an expired request.  Must not touch the queue. */
typedef void mu_queue_expired_fn(void *context, const struct mu_queued *queued);

/* Takes out each request whose budget is used up at now_ms.  O(messages). */
void mu_queue_expire(struct mu_queue *queue, int64_t now_ms, mu_queue_expired_fn *expired,
                     void *context);

/* What is left of a request's budget, ms; 0: used up. */
uint64_t mu_queued_budget(const struct mu_queued *queued, int64_t now_ms);

/* Asserts every invariant.  O(messages + senders). */
void mu_queue_check(const struct mu_queue *queue);

#endif /* MU_BROKER_QUEUE_H */
