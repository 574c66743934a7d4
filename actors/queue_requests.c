/* actors/queue_requests.c - TICKET_ADD and TICKET_LOOK. */
#include "actors/queue_shard.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { RETRY_AFTER_MS = 1000 };

static_assert(sizeof((struct mu_msg_ticket_add *)NULL)->refusal == MU_QUEUE_WHY_MAX + 1,
              "why a ticket is refused fits into the message");

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

/* Whether a ticket may be asked for in a mode; if not, that has been answered.
 *
 * ret  why it can never match; as it is when it can.  Rules change: whether it was taken before,
 *      when there were others, only the store knows, by its idempotency key. */
static bool fits_mode(struct queue_shard *shard, const struct mu_event *ev, const char *name,
                      char ret[MU_QUEUE_WHY_MAX + 1])
{
    const struct mu_msg_ticket_add *add = &ev->msg->ticket_add;
    int32_t mode = mu_config_mode(shard->config, name);
    if (mode < 0) {
        refuse(shard, ev->envelope, MU_ERROR_GAME_MODE_NOT_FOUND, 0, "There is no such game mode.");
        return false;
    }
    if (!reaches_any(shard, add, &shard->config->modes[mode])) {
        refuse(shard, ev->envelope, MU_ERROR_HIGH_LATENCY, 0,
               "No region is near enough for this mode.");
        return false;
    }
    if (mu_queue_admits(shard, add, (uint32_t)mode, ret)) {
        return true;
    }
    if (ev->envelope->idempotency_key[0] == '\0') {
        refuse(shard, ev->envelope, MU_ERROR_VALIDATION_FAILED, 0, ret);
        return false;
    }
    return true;
}

/* Whether the request can be passed on; if not, it has been answered.
 *
 * ret  what the store is to refuse it with, unless it knows its key; as it is: it is good */
static bool is_acceptable(struct queue_shard *shard, const struct mu_event *ev,
                          char ret[MU_QUEUE_WHY_MAX + 1])
{
    const struct mu_msg_ticket_add *add = &ev->msg->ticket_add;
    const struct mu_msg_envelope *request = ev->envelope;
    if (mu_queue_closed(shard) != NULL) {
        refuse(shard, request, MU_ERROR_STARTING, 0, mu_queue_closed(shard));
    } else if (mu_config_region(shard->config, add->region) != (int32_t)shard->region) {
        refuse(shard, request, MU_ERROR_REGION_NOT_SUPPORTED, 0, "This queue is another region's.");
    } else if (mu_slots_count(&shard->slots) - shard->foreign_count >=
                   shard->config->settings.tickets_max ||
               shard->forwards_free_count == 0) {
        refuse(shard, request, MU_ERROR_OVERLOADED, RETRY_AFTER_MS, "The queue is full.");
    } else {
        bool fits = true;
        for (uint32_t i = 0; i <= add->others_count && fits; i++) {
            fits = fits_mode(shard, ev, i == 0 ? add->mode : add->others[i - 1].id, ret);
        }
        return fits;
    }
    return false;
}

void mu_queue_forward_begin(struct queue_shard *shard, const struct mu_msg_envelope *request,
                            uint64_t sequence, int64_t budget_ms, enum queue_call kind)
{
    assert(shard->forwards_free_count > 0);
    uint32_t index = shard->forwards_free[--shard->forwards_free_count];
    shard->forwards[index] = (struct queue_forward){ .request = *request, .used = true };
    (void)mu_calls_add(shard->calls, sequence, shard->now_ms + budget_ms, kind, index);
}

void mu_queue_forward_end(struct queue_shard *shard, uint64_t user, struct mu_msg_envelope *ret)
{
    uint32_t index = (uint32_t)user;
    struct queue_forward *forward = &shard->forwards[index];
    assert(forward->used);
    *ret = forward->request;
    forward->used = false;
    shard->forwards_free[shard->forwards_free_count++] = index;
}

void mu_queue_request_add(struct queue_shard *shard, const struct mu_event *ev)
{
    char refusal[MU_QUEUE_WHY_MAX + 1] = "";
    if (!is_acceptable(shard, ev, refusal)) {
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
    memcpy(shard->msg.ticket_add.refusal, refusal, sizeof refusal);
    uint64_t sequence = mu_outbox_request(shard->out, &forwarded, &shard->msg);
    mu_queue_forward_begin(shard, request, sequence, (int64_t)budget_ms, QUEUE_CALL_ADD);
}

/* Fills a TICKET_ADDED's position in the first of its modes, and the shortest estimate of them; the
 * ticket need not be known yet. */
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
    added->rules = pool->rules_version;
    added->estimate_ms = mu_queue_stats_estimate(pool);
    for (uint32_t i = 0; i < added->ticket.others_count; i++) {
        int32_t other = mu_config_mode(shard->config, added->ticket.others[i].id);
        uint32_t ms = other < 0 ? 0 : mu_queue_stats_estimate(&shard->pools[other]);
        bool sooner = ms > 0 && (added->estimate_ms == 0 || ms < added->estimate_ms);
        added->estimate_ms = sooner ? ms : added->estimate_ms;
    }
    const struct queue_place *place =
        slot == MU_SLOT_NONE ? NULL : mu_queue_place(&shard->tickets[slot], (uint32_t)mode);
    if (place == NULL) {
        added->position = (uint64_t)pool->tickets + 1; /* about to come from the log */
    } else {
        added->position =
            (uint64_t)mu_ages_before(&pool->ages, place->age_bucket, shard->now_ms) + 1;
    }
}

void mu_queue_request_answered(struct queue_shard *shard, uint64_t user,
                               const struct mu_msg *answer)
{
    struct mu_msg_envelope request;
    mu_queue_forward_end(shard, user, &request);
    if (answer == NULL) {
        return; /* whoever asked has given up as well, or asks again */
    }
    if (answer->op != MU_OP_TICKET) {
        mu_outbox_reply(shard->out, &request, answer);
        shard->counters.values[MU_COUNTER_REFUSED]++;
        return;
    }
    struct mu_msg_ticket_added *added = &shard->msg.ticket_added;
    shard->msg.op = MU_OP_TICKET_ADDED;
    added->ticket = answer->ticket;
    fill_place(shard, added);
    mu_outbox_reply(shard->out, &request, &shard->msg);
    shard->counters.values[MU_COUNTER_TICKETS_ADDED]++;
    if (mu_queue_ticket_find(shard, answer->ticket.id) == MU_SLOT_NONE &&
        shard->doubt_ms == MU_NEVER) {
        shard->doubt_ms = shard->now_ms + MU_QUEUE_DOUBT_MS;
        memcpy(shard->doubted, answer->ticket.id, sizeof shard->doubted);
    }
}

void mu_queue_request_look(struct queue_shard *shard, const struct mu_event *ev)
{
    if (mu_queue_closed(shard) != NULL) {
        refuse(shard, ev->envelope, MU_ERROR_STARTING, 0, mu_queue_closed(shard));
        return;
    }
    uint32_t slot = mu_queue_ticket_find(shard, ev->msg->ticket_look.ticket);
    if (slot == MU_SLOT_NONE || !mu_queue_counts(&shard->tickets[slot]) ||
        shard->tickets[slot].places[0].pool >= shard->config->modes_count) {
        refuse(shard, ev->envelope, MU_ERROR_TICKET_NOT_FOUND, 0, "It does not wait here.");
        return;
    }
    const struct queue_ticket *ticket = &shard->tickets[slot];
    struct mu_msg_ticket_added *added = &shard->msg.ticket_added;
    shard->msg.op = MU_OP_TICKET_ADDED;
    memset(added, 0, sizeof *added);
    memcpy(added->ticket.id, ticket->base.id, sizeof added->ticket.id);
    memcpy(added->ticket.mode, shard->config->modes[ticket->places[0].pool].name,
           sizeof added->ticket.mode);
    added->ticket.others_count = ticket->places_count - 1;
    for (uint32_t i = 1; i < ticket->places_count; i++) {
        memcpy(added->ticket.others[i - 1].id, shard->config->modes[ticket->places[i].pool].name,
               sizeof added->ticket.others[0].id);
    }
    memcpy(added->ticket.region, shard->config->regions[shard->region].name,
           sizeof added->ticket.region);
    added->ticket.version = ticket->base.version;
    added->ticket.state = MU_TICKET_QUEUED;
    added->ticket.enqueued_ms = (uint64_t)ticket->enqueued_ms;
    added->ticket.wait_max_ms = ticket->wait_max_ms;
    added->ticket.priority = ticket->base.priority;
    fill_place(shard, added);
    mu_outbox_reply(shard->out, ev->envelope, &shard->msg);
}
