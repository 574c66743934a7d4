#include "core/calls.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/actor.h"
#include "core/heap.h"
#include "core/map.h"

enum { SEQUENCE_TEXT_BYTES = 16 }; /* a sequence as hex digits: the map's key */

struct mu_calls {
    uint32_t capacity;
    uint32_t free_count;
    uint32_t *free;        /* [capacity] handles that are not in use */
    struct mu_call *slots; /* [capacity]; sequence 0: not in use */
    struct mu_map *by_sequence;
    struct mu_heap *retries;
};

static const char *key_of(uint64_t sequence, char ret[SEQUENCE_TEXT_BYTES + 1])
{
    (void)snprintf(ret, SEQUENCE_TEXT_BYTES + 1, "%016" PRIx64, sequence);
    return ret;
}

struct mu_calls *mu_calls_create(uint32_t capacity, uint64_t seed)
{
    assert(capacity > 0);
    struct mu_calls *calls = calloc(1, sizeof *calls);
    if (calls == NULL) {
        return NULL;
    }
    calls->capacity = capacity;
    calls->free = calloc(capacity, sizeof *calls->free);
    calls->slots = calloc(capacity, sizeof *calls->slots);
    calls->by_sequence = mu_map_create(capacity, SEQUENCE_TEXT_BYTES, seed);
    calls->retries = mu_heap_create(capacity);
    if (calls->free == NULL || calls->slots == NULL || calls->by_sequence == NULL ||
        calls->retries == NULL) {
        mu_calls_destroy(calls);
        return NULL;
    }
    for (uint32_t i = 0; i < capacity; i++) {
        calls->free[i] = capacity - 1 - i; /* handle 0 is taken first */
    }
    calls->free_count = capacity;
    return calls;
}

void mu_calls_destroy(struct mu_calls *calls)
{
    if (calls != NULL) {
        free(calls->free);
        free(calls->slots);
        mu_map_destroy(calls->by_sequence);
        mu_heap_destroy(calls->retries);
        free(calls);
    }
}

uint32_t mu_calls_count(const struct mu_calls *calls)
{
    return calls->capacity - calls->free_count;
}

bool mu_calls_full(const struct mu_calls *calls)
{
    return calls->free_count == 0;
}

uint32_t mu_calls_add(struct mu_calls *calls, uint64_t sequence, int64_t retry_ms, uint32_t kind,
                      uint64_t user)
{
    assert(sequence != 0);
    assert(calls->free_count > 0);
    uint32_t handle = calls->free[--calls->free_count];
    calls->slots[handle] = (struct mu_call){
        .sequence = sequence,
        .retry_ms = retry_ms,
        .attempts = 1,
        .kind = kind,
        .user = user,
    };
    char key[SEQUENCE_TEXT_BYTES + 1];
    (void)mu_map_put(calls->by_sequence, key_of(sequence, key), handle);
    mu_heap_set(calls->retries, handle, retry_ms);
    return handle;
}

struct mu_call *mu_calls_at(struct mu_calls *calls, uint32_t handle)
{
    assert(handle < calls->capacity && calls->slots[handle].sequence != 0);
    return &calls->slots[handle];
}

uint32_t mu_calls_find(const struct mu_calls *calls, uint64_t incarnation,
                       const struct mu_msg_envelope *reply)
{
    if (reply->frame != MU_FRAME_REPLY || reply->answers_incarnation != incarnation) {
        return MU_CALL_NONE;
    }
    char key[SEQUENCE_TEXT_BYTES + 1];
    return mu_map_get(calls->by_sequence, key_of(reply->answers_sequence, key));
}

void mu_calls_again(struct mu_calls *calls, uint32_t handle, uint64_t sequence, int64_t retry_ms)
{
    struct mu_call *call = mu_calls_at(calls, handle);
    char key[SEQUENCE_TEXT_BYTES + 1];
    (void)mu_map_remove(calls->by_sequence, key_of(call->sequence, key));
    call->sequence = sequence;
    call->retry_ms = retry_ms;
    call->attempts++;
    (void)mu_map_put(calls->by_sequence, key_of(sequence, key), handle);
    mu_heap_set(calls->retries, handle, retry_ms);
}

void mu_calls_remove(struct mu_calls *calls, uint32_t handle)
{
    struct mu_call *call = mu_calls_at(calls, handle);
    char key[SEQUENCE_TEXT_BYTES + 1];
    (void)mu_map_remove(calls->by_sequence, key_of(call->sequence, key));
    (void)mu_heap_remove(calls->retries, handle);
    call->sequence = 0;
    calls->free[calls->free_count++] = handle;
}

int64_t mu_calls_deadline(const struct mu_calls *calls)
{
    static_assert(MU_NEVER == MU_HEAP_NEVER, "an empty heap never comes due");
    return mu_heap_deadline(calls->retries);
}

uint32_t mu_calls_due(const struct mu_calls *calls, int64_t now_ms)
{
    static_assert(MU_CALL_NONE == MU_HEAP_NONE, "no call is no slot");
    return mu_heap_deadline(calls->retries) <= now_ms ? mu_heap_first(calls->retries)
                                                      : MU_CALL_NONE;
}
