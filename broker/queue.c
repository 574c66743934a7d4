#include "broker/queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/ring.h"

/* What one sender has waiting. */
struct held {
    uint32_t messages;
    uint32_t bytes;
};

struct mu_queue {
    uint32_t messages_max;
    uint32_t bytes_max;
    uint32_t senders_max;
    uint32_t share;
    uint32_t count; /* messages that are not done */
    struct mu_ring
        *ring;         /* of struct mu_queued, each followed by its body; the oldest is not done */
    struct held *held; /* [senders_max] */
};

struct mu_queue *mu_queue_create(uint32_t messages, uint32_t bytes, uint32_t senders,
                                 uint32_t share)
{
    assert(share >= 1 && senders >= 1);
    struct mu_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL) {
        return NULL;
    }
    *queue = (struct mu_queue){
        .messages_max = messages,
        .bytes_max = bytes,
        .senders_max = senders,
        .share = share,
        .ring = mu_ring_create(messages, bytes),
        .held = calloc(senders, sizeof *queue->held),
    };
    if (queue->ring == NULL || queue->held == NULL) {
        mu_queue_destroy(queue);
        return NULL;
    }
    return queue;
}

void mu_queue_destroy(struct mu_queue *queue)
{
    if (queue != NULL) {
        mu_ring_destroy(queue->ring);
        free(queue->held);
        free(queue);
    }
}

static uint32_t record_bytes(uint32_t body_bytes)
{
    return (uint32_t)sizeof(struct mu_queued) + body_bytes;
}

int mu_queue_push(struct mu_queue *queue, int64_t now_ms, uint32_t sender,
                  const struct mu_msg_envelope *envelope, struct mu_slice body)
{
    assert(sender < queue->senders_max);
    assert(body.size <= MU_BODY_MAX);
    struct held *held = &queue->held[sender];
    uint32_t bytes = record_bytes(body.size);
    if (held->messages > 0 && (held->messages >= queue->messages_max / queue->share ||
                               held->bytes + bytes > queue->bytes_max / queue->share)) {
        return -ENOBUFS;
    }
    struct mu_queued *queued = mu_ring_push(queue->ring, bytes);
    if (queued == NULL) {
        return -ENOBUFS;
    }
    *queued = (struct mu_queued){
        .since_ms = now_ms,
        .sender = sender,
        .body_bytes = body.size,
        .envelope = *envelope,
    };
    if (body.size > 0) {
        memcpy(queued + 1, body.data, body.size);
    }
    held->messages++;
    held->bytes += bytes;
    queue->count++;
    return 0;
}

const struct mu_queued *mu_queue_first(const struct mu_queue *queue)
{
    return queue->count > 0 ? mu_ring_at(queue->ring, 0) : NULL;
}

struct mu_slice mu_queue_body(const struct mu_queued *queued)
{
    return (struct mu_slice){ (const uint8_t *)(queued + 1), queued->body_bytes };
}

static void finish(struct mu_queue *queue, struct mu_queued *queued)
{
    struct held *held = &queue->held[queued->sender];
    assert(queued->done == 0 && held->messages > 0 && queue->count > 0);
    queued->done = 1;
    held->messages--;
    held->bytes -= record_bytes(queued->body_bytes);
    queue->count--;
}

/* Frees what is done at the front, so that the oldest record is one that waits. */
static void trim(struct mu_queue *queue)
{
    while (mu_ring_count(queue->ring) > 0) {
        const struct mu_queued *queued = mu_ring_at(queue->ring, 0);
        if (queued->done == 0) {
            return;
        }
        mu_ring_pop(queue->ring);
    }
}

void mu_queue_pop(struct mu_queue *queue)
{
    finish(queue, mu_ring_at(queue->ring, 0));
    trim(queue);
}

uint32_t mu_queue_count(const struct mu_queue *queue)
{
    return queue->count;
}

uint64_t mu_queued_budget(const struct mu_queued *queued, int64_t now_ms)
{
    uint64_t used_ms = now_ms > queued->since_ms ? (uint64_t)(now_ms - queued->since_ms) : 0;
    return queued->envelope.budget_ms > used_ms ? queued->envelope.budget_ms - used_ms : 0;
}

void mu_queue_expire(struct mu_queue *queue, int64_t now_ms, mu_queue_expired_fn *expired,
                     void *context)
{
    for (uint32_t i = 0; i < mu_ring_count(queue->ring); i++) {
        struct mu_queued *queued = mu_ring_at(queue->ring, i);
        if (queued->done == 0 && queued->envelope.frame == MU_FRAME_REQUEST &&
            mu_queued_budget(queued, now_ms) == 0) {
            expired(context, queued);
            finish(queue, queued);
        }
    }
    trim(queue);
}

void mu_queue_check(const struct mu_queue *queue)
{
    uint32_t waiting = 0;
    uint64_t held = 0;
    mu_ring_check(queue->ring);
    for (uint32_t i = 0; i < mu_ring_count(queue->ring); i++) {
        const struct mu_queued *queued = mu_ring_at(queue->ring, i);
        assert(queued->sender < queue->senders_max);
        assert(i > 0 || queued->done == 0);
        waiting += queued->done == 0;
    }
    for (uint32_t i = 0; i < queue->senders_max; i++) {
        held += queue->held[i].messages;
        assert((queue->held[i].messages == 0) == (queue->held[i].bytes == 0));
    }
    assert(waiting == queue->count && held == queue->count);
}
