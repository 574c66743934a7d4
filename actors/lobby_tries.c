/* actors/lobby_tries.c - how often passwords are tried, and how much is spent on it. */
#include "actors/lobby_state.h"

#include <assert.h>
#include <stdio.h>

bool mu_lobby_may_hash(struct mu_lobby *lobby, int64_t *ret_retry_ms)
{
    int64_t now_ms = lobby->event->now_ms;
    int64_t from_ms = lobby->hash_ms > now_ms ? lobby->hash_ms : now_ms;
    if (from_ms + MU_LOBBY_HASH_EVERY_MS > now_ms + MU_LOBBY_HASH_BURST_MS) {
        *ret_retry_ms = from_ms - now_ms;
        return false;
    }
    lobby->hash_ms = from_ms + MU_LOBBY_HASH_EVERY_MS;
    return true;
}

static void forget(struct mu_lobby *lobby, uint32_t slot)
{
    (void)mu_heap_remove(lobby->tries_heap, slot);
    (void)mu_map_remove(lobby->tries_map, lobby->tries[slot].key);
    mu_slots_give(&lobby->tries_slots, slot);
}

static void forget_due(struct mu_lobby *lobby)
{
    uint32_t slot = mu_heap_first(lobby->tries_heap);
    while (slot != MU_HEAP_NONE && mu_heap_deadline(lobby->tries_heap) <= lobby->event->now_ms) {
        forget(lobby, slot);
        slot = mu_heap_first(lobby->tries_heap);
    }
}

static void count_wrong(struct mu_lobby *lobby, const char *key)
{
    uint32_t slot = mu_map_get(lobby->tries_map, key);
    if (slot == MU_MAP_NONE) {
        slot = mu_slots_take(&lobby->tries_slots);
        struct mu_lobby_try *entry = &lobby->tries[slot];
        (void)snprintf(entry->key, sizeof entry->key, "%s", key);
        entry->count = 0;
        int r = mu_map_put(lobby->tries_map, key, slot);
        assert(r == 0);
        (void)r;
        entry->until_ms = lobby->event->now_ms + MU_LOBBY_PASSWORD_MS;
        mu_heap_set(lobby->tries_heap, slot, entry->until_ms);
    }
    lobby->tries[slot].count++;
}

enum mu_error mu_lobby_try_password(struct mu_lobby *lobby, const struct mu_lobby_forward *forward,
                                    const char *hash, int64_t *ret_retry_ms)
{
    *ret_retry_ms = 0;
    if (hash[0] == '\0') {
        return MU_OK;
    }
    if (forward->password[0] == '\0') {
        return MU_ERROR_WRONG_PASSWORD;
    }
    char key[sizeof lobby->tries[0].key];
    (void)snprintf(key, sizeof key, "%s/%s", forward->player, forward->subject);
    forget_due(lobby);
    uint32_t slot = mu_map_get(lobby->tries_map, key);
    if (slot != MU_MAP_NONE ? lobby->tries[slot].count >= MU_LOBBY_PASSWORD_TRIES
                            : mu_slots_full(&lobby->tries_slots)) {
        lobby->counters.values[MU_COUNTER_RATE_LIMITED]++;
        int64_t until_ms =
            slot != MU_MAP_NONE ? lobby->tries[slot].until_ms : mu_heap_deadline(lobby->tries_heap);
        *ret_retry_ms = until_ms - lobby->event->now_ms;
        return MU_ERROR_RATE_LIMITED;
    }
    if (!mu_lobby_may_hash(lobby, ret_retry_ms)) {
        return MU_ERROR_OVERLOADED;
    }
    int r = mu_password_verify(forward->password, hash);
    if (r < 0) {
        return r == -ENOMEM ? MU_ERROR_UNAVAILABLE : MU_ERROR_INTERNAL;
    }
    if (r == 0) {
        count_wrong(lobby, key);
        return MU_ERROR_WRONG_PASSWORD;
    }
    if (slot != MU_MAP_NONE) {
        forget(lobby, slot);
    }
    return MU_OK;
}
