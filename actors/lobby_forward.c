/* actors/lobby_forward.c - clients' requests that are passed on to the store.
 *
 * A middle hop: each is sent once (a LOBBY_START once a server), its answer goes back as it came,
 * and when none comes in the request's time it is forgotten: the gateway asks again, or says so. */
#include "actors/lobby_state.h"

#include <assert.h>
#include <sodium.h>

uint32_t mu_lobby_forward_begin(struct mu_lobby *lobby, enum mu_lobby_step step)
{
    const struct mu_msg_envelope *envelope = lobby->event->envelope;
    if (mu_slots_full(&lobby->forwards_slots)) {
        mu_lobby_refuse(lobby, envelope, MU_ERROR_OVERLOADED, MU_LOBBY_RETRY_MS,
                        "too many requests wait for the store");
        return MU_SLOT_NONE;
    }
    uint32_t slot = mu_slots_take(&lobby->forwards_slots);
    lobby->forwards[slot] = (struct mu_lobby_forward){
        .step = step,
        .envelope = *envelope,
        .deadline_ms = lobby->event->now_ms + (int64_t)envelope->budget_ms,
        .server = MU_SLOT_NONE,
        .call = MU_CALL_NONE,
    };
    return slot;
}

void mu_lobby_forward_end(struct mu_lobby *lobby, uint32_t slot)
{
    struct mu_lobby_forward *forward = &lobby->forwards[slot];
    if (forward->call != MU_CALL_NONE) {
        mu_calls_remove(lobby->forwards_calls, forward->call);
    }
    mu_lobby_server_unreserve(lobby, &forward->server, false);
    sodium_memzero(forward->password, sizeof forward->password);
    mu_slots_give(&lobby->forwards_slots, slot);
}

void mu_lobby_forward_send(struct mu_lobby *lobby, uint32_t slot, bool keyed)
{
    struct mu_lobby_forward *forward = &lobby->forwards[slot];
    int64_t left_ms = forward->deadline_ms - lobby->event->now_ms;
    if (left_ms <= 0) {
        mu_lobby_forward_end(lobby, slot);
        return;
    }
    const struct mu_request request = {
        .to = "store",
        .budget_ms = (uint32_t)left_ms,
        .fence = lobby->follow.epoch,
        .idempotency_key = keyed ? forward->envelope.idempotency_key : NULL,
        .trace = forward->envelope.trace,
    };
    uint64_t sequence = mu_outbox_request(lobby->out, &request, lobby->message);
    if (forward->call == MU_CALL_NONE) {
        forward->call =
            mu_calls_add(lobby->forwards_calls, sequence, forward->deadline_ms, 0, slot);
    } else {
        mu_calls_again(lobby->forwards_calls, forward->call, sequence, forward->deadline_ms);
    }
}

void mu_lobby_forward_answer(struct mu_lobby *lobby, uint32_t slot)
{
    mu_outbox_reply(lobby->out, &lobby->forwards[slot].envelope, lobby->event->msg);
    mu_lobby_forward_end(lobby, slot);
}

void mu_lobby_forward_refuse(struct mu_lobby *lobby, uint32_t slot, enum mu_error error,
                             int64_t retry_ms, const char *detail)
{
    mu_lobby_refuse(lobby, &lobby->forwards[slot].envelope, error, retry_ms, detail);
    mu_lobby_forward_end(lobby, slot);
}

void mu_lobby_forwards_due(struct mu_lobby *lobby)
{
    for (;;) {
        uint32_t handle = mu_calls_due(lobby->forwards_calls, lobby->event->now_ms);
        if (handle == MU_CALL_NONE) {
            return;
        }
        uint32_t slot = (uint32_t)mu_calls_at(lobby->forwards_calls, handle)->user;
        assert(lobby->forwards[slot].call == handle);
        lobby->counters.values[MU_COUNTER_REQUESTS_EXPIRED]++;
        mu_outbox_note(lobby->out, "the store did not answer in time -> request forgotten");
        mu_lobby_forward_end(lobby, slot);
    }
}
