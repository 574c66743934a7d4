#include "gateway/exchange.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/outbox.h"
#include "gateway/gateway_state.h"

#define ATTEMPTS_PER_BUDGET 4 /* a silent actor is asked so often */
#define ATTEMPT_MS_MIN      50
#define BACK_OFF_MS         25 /* first, when an actor says: ask again; doubles */
#define BACK_OFF_DOUBLINGS  5

static uint32_t index_of(const struct mu_gateway *gw, const struct mu_exchange *x)
{
    return (uint32_t)(x - gw->exchanges);
}

struct mu_exchange *mu_exchange_open(struct mu_gateway *gw)
{
    uint32_t i = gw->exchanges_free;
    if (i == MU_EXCHANGE_NONE) {
        return NULL;
    }
    struct mu_exchange *x = &gw->exchanges[i];
    gw->exchanges_free = x->next_free;
    gw->exchanges_count++;
    memset(x, 0, sizeof *x);
    x->used = true;
    x->call = MU_CALL_NONE;
    x->sent.block = MU_EXCHANGE_NONE;
    x->body.block = MU_EXCHANGE_NONE;
    x->caller.key = -1;
    x->deadline_ms = gw->turn.now_ms + (int64_t)gw->config->settings.request_budget_ms;
    return x;
}

/* Forgets what was kept. */
static void drop(struct mu_gateway *gw, struct mu_kept *kept)
{
    if (kept->block != MU_EXCHANGE_NONE) {
        assert(gw->blocks_free_count < MU_EXCHANGE_BLOCKS);
        gw->blocks_free[gw->blocks_free_count++] = kept->block;
        kept->block = MU_EXCHANGE_NONE;
    }
    kept->size = 0;
}

/* Keeps a copy of `bytes`; false when it is too much, or no block is free. */
static bool keep(struct mu_gateway *gw, struct mu_kept *kept, struct mu_slice bytes)
{
    drop(gw, kept);
    uint8_t *to = kept->small;
    if (bytes.size > MU_EXCHANGE_SMALL) {
        if (bytes.size > MU_EXCHANGE_BLOCK || gw->blocks_free_count == 0) {
            return false;
        }
        kept->block = gw->blocks_free[--gw->blocks_free_count];
        to = gw->blocks + (size_t)kept->block * MU_EXCHANGE_BLOCK;
    }
    kept->size = bytes.size;
    if (bytes.size > 0) {
        memcpy(to, bytes.data, bytes.size);
    }
    return true;
}

struct mu_slice mu_exchange_kept(const struct mu_gateway *gw, const struct mu_kept *kept)
{
    const uint8_t *data = kept->block == MU_EXCHANGE_NONE
                              ? kept->small
                              : gw->blocks + (size_t)kept->block * MU_EXCHANGE_BLOCK;
    return (struct mu_slice){ .data = data, .size = kept->size };
}

void mu_exchange_close(struct mu_gateway *gw, struct mu_exchange *x)
{
    assert(x->used);
    if (x->call != MU_CALL_NONE) {
        mu_calls_remove(gw->calls, x->call);
    }
    if (x->action == MU_ACTION_NONE) {
        (void)mu_idtable_remove(gw->by_request, x->request);
    } else {
        struct mu_session *session = mu_sessions_find(gw->sessions, x->socket);
        if (session != NULL) {
            assert(session->pending > 0);
            session->pending--;
        }
    }
    drop(gw, &x->sent);
    drop(gw, &x->body);
    x->used = false;
    x->next_free = gw->exchanges_free;
    gw->exchanges_free = index_of(gw, x);
    gw->exchanges_count--;
}

/* When to act if no answer comes. */
static int64_t retry_ms(const struct mu_gateway *gw, const struct mu_exchange *x)
{
    int64_t attempt = (int64_t)gw->config->settings.request_budget_ms / ATTEMPTS_PER_BUDGET;
    int64_t at = gw->turn.now_ms + (attempt < ATTEMPT_MS_MIN ? ATTEMPT_MS_MIN : attempt);
    return at < x->deadline_ms ? at : x->deadline_ms;
}

/* Puts the request into the outbox, and its sequence and next time into the calls. */
static void send_request(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    int64_t left = x->deadline_ms - gw->turn.now_ms;
    struct mu_request request = {
        .to = x->to,
        .budget_ms = left > 0 ? (uint32_t)left : 1,
        .idempotency_key = x->idempotency_key[0] == '\0' ? NULL : x->idempotency_key,
        .trace = x->trace[0] == '\0' ? NULL : x->trace,
    };
    uint64_t sequence = mu_outbox_request(gw->turn.out, &request, msg);
    if (x->call == MU_CALL_NONE) {
        x->call = mu_calls_add(gw->calls, sequence, retry_ms(gw, x), msg->op, index_of(gw, x));
    } else {
        mu_calls_again(gw->calls, x->call, sequence, retry_ms(gw, x));
        mu_calls_at(gw->calls, x->call)->kind = msg->op; /* a later step asks something else */
    }
}

bool mu_exchange_ask(struct mu_gateway *gw, struct mu_exchange *x, const char *to,
                     const struct mu_msg *msg, enum mu_op expects)
{
    struct mu_outbox *out = gw->turn.out;
    (void)snprintf(x->to, sizeof x->to, "%s", to);
    x->expects = expects;
    send_request(gw, x, msg);
    const struct mu_outbox_entry *entry = &out->entries[out->count - 1];
    struct mu_slice bytes = { .data = out->bytes + entry->offset, .size = entry->size };
    if (!keep(gw, &x->sent, bytes)) {
        mu_refuse(gw, x, MU_ERROR_OVERLOADED, "Too many large requests wait already.");
        return false;
    }
    return true;
}

void mu_exchange_ask_later(struct mu_gateway *gw, struct mu_exchange *x, uint64_t error)
{
    const struct mu_call *call = mu_calls_at(gw->calls, x->call);
    uint32_t doublings = x->refusals;
    uint64_t back_off = (uint64_t)BACK_OFF_MS
                        << (doublings < BACK_OFF_DOUBLINGS ? doublings : BACK_OFF_DOUBLINGS);
    /* Half of it random, so that many who were refused together do not come back together. */
    int64_t at = gw->turn.now_ms + (int64_t)(back_off / 2 + mu_rng_below(&gw->rng, back_off));
    x->last_error = error;
    if (x->refusals < UINT8_MAX) {
        x->refusals++;
    }
    mu_calls_again(gw->calls, x->call, call->sequence, at < x->deadline_ms ? at : x->deadline_ms);
}

void mu_exchange_due(struct mu_gateway *gw, struct mu_exchange *x)
{
    if (x->action != MU_ACTION_NONE && mu_sessions_find(gw->sessions, x->socket) == NULL) {
        mu_exchange_close(gw, x); /* nobody waits any more */
        return;
    }
    if (gw->turn.now_ms >= x->deadline_ms) {
        char detail[96];
        (void)snprintf(detail, sizeof detail, "No answer in time; the last one was %s.",
                       x->last_error == 0 ? "none" : mu_error_info((uint32_t)x->last_error)->name);
        mu_refuse(gw, x, MU_ERROR_UNAVAILABLE, detail);
        return;
    }
    if (x->errors_wanted == MU_ERRORS_ALL) {
        gw->msg.op = MU_OP_ERROR;
        gw->msg.error = (struct mu_msg_error){ .code = MU_ERROR_UNAVAILABLE };
        mu_gateway_answered(gw, x, &gw->msg);
        return;
    }
    struct mu_slice sent = mu_exchange_kept(gw, &x->sent);
    const struct mu_call *call = mu_calls_at(gw->calls, x->call);
    assert(call->user == index_of(gw, x));
    uint32_t op = (uint32_t)call->kind;
    int r = mu_msg_decode(gw->decoder, op, sent.data, sent.size, &gw->msg);
    assert(r == 0); /* we encoded it */
    gw->msg.op = (enum mu_op)op;
    send_request(gw, x, &gw->msg);
}

bool mu_exchange_keep_body(struct mu_gateway *gw, struct mu_exchange *x, struct mu_slice body)
{
    if (!keep(gw, &x->body, body)) {
        mu_refuse(gw, x, MU_ERROR_OVERLOADED, "Too many large requests wait already.");
        return false;
    }
    return true;
}

bool mu_exchange_act_for(struct mu_gateway *gw, struct mu_exchange *x, const char *player)
{
    (void)snprintf(x->player, sizeof x->player, "%s", player);
    if (!mu_access_player(&x->caller, player)) {
        mu_refuse(gw, x, MU_ERROR_FORBIDDEN, "A player may act only for himself.");
        return false;
    }
    if (x->caller.trusted || x->action != MU_ACTION_NONE) {
        return true; /* a WebSocket has a limit of its own */
    }
    if (!mu_limit_take(gw->by_player, x->player, gw->turn.now_ms, &x->limits[1])) {
        mu_refuse_rate(gw, x, x->limits[1].wait_ms);
        return false;
    }
    return true;
}
