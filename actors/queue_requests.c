/* actors/queue_requests.c - TICKET_ADD and TICKET_LOOK. */
#include "actors/queue_shard.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { RETRY_AFTER_MS = 1000 };

static void refuse(struct queue_shard *shard, const struct mu_msg_envelope *request,
                   enum mu_error error, uint64_t retry_after_ms, const char *detail)
{
    struct mu_msg_error *answer = &shard->msg.error;
    shard->msg.op = MU_OP_ERROR;
    memset(answer, 0, sizeof *answer);
    answer->code = error;
    answer->retry_after_ms = retry_after_ms;
    (void)snprintf(answer->detail, sizeof answer->detail, "%s", detail);
    mu_outbox_reply(shard->out, request, &shard->msg);
    shard->counters.values[MU_COUNTER_REFUSED]++;
}

/* Whether some region is near enough for the mode. */
static bool reaches_any(const struct queue_shard *shard, const struct mu_msg_ticket_add *add,
                        const struct mu_mode *mode)
{
    if (add->latencies_count == 0) {
        return true; /* not measured: at home */
    }
    for (uint32_t i = 0; i < add->latencies_count; i++) {
        if (mu_config_region(shard->config, add->latencies[i].region) >= 0 &&
            (mode->latency_max_ms == 0 || add->latencies[i].ms <= mode->latency_max_ms)) {
            return true;
        }
    }
    return false;
}

/* Whether the request can be passed on; if not, it has been answered. */
static bool is_acceptable(struct queue_shard *shard, const struct mu_event *ev)
{
    const struct mu_msg_ticket_add *add = &ev->msg->ticket_add;
    const struct mu_msg_envelope *request = ev->envelope;
    int32_t mode = mu_config_mode(shard->config, add->mode);
    if (!mu_follow_serving(&shard->follow)) {
        refuse(shard, request, MU_ERROR_STARTING, 0, "The queue is starting.");
    } else if (mode < 0) {
        refuse(shard, request, MU_ERROR_GAME_MODE_NOT_FOUND, 0, "There is no such game mode.");
    } else if (mu_config_region(shard->config, add->region) != (int32_t)shard->region) {
        refuse(shard, request, MU_ERROR_REGION_NOT_SUPPORTED, 0, "This queue is another region's.");
    } else if (add->players_count < 1 || add->players_count > shard->config->modes[mode].team_max) {
        refuse(shard, request, MU_ERROR_VALIDATION_FAILED, 0,
               "The party does not fit into a team of this mode.");
    } else if (!reaches_any(shard, add, &shard->config->modes[mode])) {
        refuse(shard, request, MU_ERROR_HIGH_LATENCY, 0, "No region is near enough for this mode.");
    } else if (mu_slots_count(&shard->slots) - shard->foreign_count >=
                   shard->config->settings.tickets_max ||
               shard->forwards_free_count == 0) {
        refuse(shard, request, MU_ERROR_OVERLOADED, RETRY_AFTER_MS, "The queue is full.");
    } else {
        return true;
    }
    return false;
}

void mu_queue_request_add(struct queue_shard *shard, const struct mu_event *ev)
{
    if (!is_acceptable(shard, ev)) {
        return;
    }
    const struct mu_msg_envelope *request = ev->envelope;
    uint64_t budget_ms = request->budget_ms;
    if (budget_ms < 1 || budget_ms > shard->config->settings.request_budget_ms) {
        budget_ms = shard->config->settings.request_budget_ms;
    }
    struct mu_request forwarded = {
        .to = "store",
        .budget_ms = (uint32_t)budget_ms,
        .fence = shard->follow.epoch,
        .idempotency_key = request->idempotency_key[0] != '\0' ? request->idempotency_key : NULL,
        .trace = request->trace[0] != '\0' ? request->trace : NULL,
    };
    shard->msg.op = MU_OP_TICKET_ADD;
    shard->msg.ticket_add = ev->msg->ticket_add;
    memcpy(shard->msg.ticket_add.region, shard->config->regions[shard->region].name,
           sizeof shard->msg.ticket_add.region);
    uint64_t sequence = mu_outbox_request(shard->out, &forwarded, &shard->msg);
    uint32_t index = shard->forwards_free[--shard->forwards_free_count];
    shard->forwards[index] = (struct queue_forward){ .request = *request, .used = true };
    (void)mu_calls_add(shard->calls, sequence, ev->now_ms + (int64_t)budget_ms, QUEUE_CALL_ADD,
                       index);
}

/* Fills a TICKET_ADDED's position and estimate; the ticket need not be known yet. */
static void fill_place(struct queue_shard *shard, struct mu_msg_ticket_added *added)
{
    int32_t mode = mu_config_mode(shard->config, added->ticket.mode);
    uint32_t slot = mu_queue_ticket_find(shard, added->ticket.id);
    added->position = 1;
    added->estimate_ms = 0;
    added->rules = 0;
    if (mode < 0) {
        return;
    }
    struct queue_pool *pool = &shard->pools[mode];
    added->estimate_ms = mu_queue_stats_estimate(pool);
    added->rules = pool->rules_version;
    if (slot == MU_SLOT_NONE) {
        added->position = (uint64_t)pool->tickets + 1; /* about to come from the log */
    } else {
        added->position =
            (uint64_t)mu_ages_before(&pool->ages, shard->tickets[slot].age_bucket, shard->now_ms) +
            1;
    }
}

void mu_queue_request_answered(struct queue_shard *shard, uint64_t user,
                               const struct mu_msg *answer)
{
    uint32_t index = (uint32_t)user;
    struct queue_forward *forward = &shard->forwards[index];
    assert(forward->used);
    forward->used = false;
    shard->forwards_free[shard->forwards_free_count++] = index;
    if (answer == NULL) {
        return; /* whoever asked has given up as well, or asks again */
    }
    if (answer->op != MU_OP_TICKET) {
        mu_outbox_reply(shard->out, &forward->request, answer);
        shard->counters.values[MU_COUNTER_REFUSED]++;
        return;
    }
    struct mu_msg_ticket_added *added = &shard->msg.ticket_added;
    shard->msg.op = MU_OP_TICKET_ADDED;
    added->ticket = answer->ticket;
    fill_place(shard, added);
    mu_outbox_reply(shard->out, &forward->request, &shard->msg);
    shard->counters.values[MU_COUNTER_TICKETS_ADDED]++;
    if (mu_queue_ticket_find(shard, answer->ticket.id) == MU_SLOT_NONE &&
        shard->doubt_ms == MU_NEVER) {
        shard->doubt_ms = shard->now_ms + MU_QUEUE_DOUBT_MS;
        memcpy(shard->doubted, answer->ticket.id, sizeof shard->doubted);
    }
}

void mu_queue_request_look(struct queue_shard *shard, const struct mu_event *ev)
{
    if (!mu_follow_serving(&shard->follow)) {
        refuse(shard, ev->envelope, MU_ERROR_STARTING, 0, "The queue is starting.");
        return;
    }
    uint32_t slot = mu_queue_ticket_find(shard, ev->msg->ticket_look.ticket);
    if (slot == MU_SLOT_NONE || shard->tickets[slot].foreign ||
        shard->tickets[slot].pool >= shard->config->modes_count) {
        refuse(shard, ev->envelope, MU_ERROR_TICKET_NOT_FOUND, 0, "It does not wait here.");
        return;
    }
    const struct queue_ticket *ticket = &shard->tickets[slot];
    struct mu_msg_ticket_added *added = &shard->msg.ticket_added;
    shard->msg.op = MU_OP_TICKET_ADDED;
    memset(added, 0, sizeof *added);
    memcpy(added->ticket.id, ticket->facts.id, sizeof added->ticket.id);
    memcpy(added->ticket.mode, shard->config->modes[ticket->pool].name, sizeof added->ticket.mode);
    memcpy(added->ticket.region, shard->config->regions[shard->region].name,
           sizeof added->ticket.region);
    added->ticket.version = ticket->facts.version;
    added->ticket.state = MU_TICKET_QUEUED;
    added->ticket.enqueued_ms = (uint64_t)ticket->enqueued_ms;
    added->ticket.wait_max_ms = ticket->wait_max_ms;
    added->ticket.priority = ticket->facts.priority;
    fill_place(shard, added);
    mu_outbox_reply(shard->out, ev->envelope, &shard->msg);
}
