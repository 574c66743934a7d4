/* actors/queue_explain.c - why a ticket still waits: asked of the matcher that has its slice. */
#include "actors/queue_shard.h"

#include <assert.h>
#include <string.h>

enum { EXPLAIN_BUDGET_MS = 2000 };

/* The slice that the ticket which is asked about is in, or NULL: that has been answered. */
static const struct queue_slice *slice_of(struct queue_shard *shard, const struct mu_event *ev)
{
    const struct mu_msg_ticket_explain *ask = &ev->msg->ticket_explain;
    uint32_t slot = mu_queue_ticket_find(shard, ask->ticket);
    if (slot == MU_SLOT_NONE || !mu_queue_counts(&shard->tickets[slot]) ||
        shard->tickets[slot].places[0].pool >= shard->config->modes_count) {
        mu_outbox_error(shard->out, ev->envelope, MU_ERROR_TICKET_NOT_FOUND,
                        "It does not wait here.");
        return NULL;
    }
    struct queue_ticket *ticket = &shard->tickets[slot];
    uint32_t index = ticket->places[0].pool;
    if (ask->mode[0] != '\0') {
        int32_t mode = mu_config_mode(shard->config, ask->mode);
        if (mode < 0 || mu_queue_place(ticket, (uint32_t)mode) == NULL) {
            mu_outbox_error(shard->out, ev->envelope, MU_ERROR_GAME_MODE_NOT_FOUND,
                            "It does not wait for that game mode.");
            return NULL;
        }
        index = (uint32_t)mode;
    }
    const struct queue_slice *slice = mu_queue_slice_of(shard, slot, index);
    if (slice->state != QUEUE_SLICE_READY) {
        mu_outbox_error(shard->out, ev->envelope, MU_ERROR_UNAVAILABLE,
                        "No matcher has this queue at the moment.");
        return NULL;
    }
    return slice;
}

void mu_queue_explain(struct queue_shard *shard, const struct mu_event *ev)
{
    if (mu_queue_closed(shard) != NULL) {
        mu_outbox_error(shard->out, ev->envelope, MU_ERROR_STARTING, "%s", mu_queue_closed(shard));
        return;
    }
    if (shard->forwards_free_count == 0 || shard->explains_count == MU_QUEUE_EXPLAINS_MAX) {
        mu_outbox_error(shard->out, ev->envelope, MU_ERROR_OVERLOADED, "Too many ask at once.");
        return;
    }
    const struct queue_slice *slice = slice_of(shard, ev);
    if (slice == NULL) {
        return;
    }
    const struct mu_msg_envelope *request = ev->envelope;
    uint64_t left_ms = request->budget_ms;
    struct mu_request forwarded = {
        .to = shard->matchers[slice->matcher].instance,
        .budget_ms =
            left_ms >= 1 && left_ms < EXPLAIN_BUDGET_MS ? (uint32_t)left_ms : EXPLAIN_BUDGET_MS,
        .trace = request->trace[0] != '\0' ? request->trace : NULL,
    };
    struct mu_msg_pool_explain *ask = &shard->msg.pool_explain;
    shard->msg.op = MU_OP_POOL_EXPLAIN;
    memcpy(ask->ticket, ev->msg->ticket_explain.ticket, sizeof ask->ticket);
    memcpy(ask->mode, shard->config->modes[slice->pool].name, sizeof ask->mode);
    ask->slice = slice->number;
    uint64_t sequence = mu_outbox_request(shard->out, &forwarded, &shard->msg);
    mu_queue_forward_begin(shard, request, sequence, (int64_t)forwarded.budget_ms,
                           QUEUE_CALL_EXPLAIN);
    shard->explains_count++;
}

void mu_queue_explained(struct queue_shard *shard, uint64_t user, const struct mu_msg *answer)
{
    struct mu_msg_envelope request;
    mu_queue_forward_end(shard, user, &request);
    assert(shard->explains_count > 0);
    shard->explains_count--;
    if (answer != NULL) {
        mu_outbox_reply(shard->out, &request, answer);
    }
}
