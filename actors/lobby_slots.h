/* actors/lobby_slots.h - which slots of an array are in use.
 *
 * Slots that were given back are taken again, last one first; `used` bounds a walk over the array.
 * Invariant: no allocation after init. */
#ifndef MU_ACTORS_LOBBY_SLOTS_H
#define MU_ACTORS_LOBBY_SLOTS_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define MU_SLOT_NONE UINT32_MAX       /* no slot; in `next`: the last free one */
#define MU_SLOT_BUSY (UINT32_MAX - 1) /* in `next`: in use */

struct mu_slots {
    uint32_t capacity;
    uint32_t used;  /* slots below it were in use at some time */
    uint32_t count; /* in use now */
    uint32_t free;  /* first of those given back */
    uint32_t *next; /* [capacity] */
};

/* Returns 0 or -ENOMEM. */
static inline int mu_slots_init(struct mu_slots *slots, uint32_t capacity)
{
    *slots = (struct mu_slots){ .capacity = capacity, .free = MU_SLOT_NONE };
    slots->next = calloc(capacity, sizeof *slots->next);
    return slots->next != NULL ? 0 : -ENOMEM;
}

static inline void mu_slots_release(struct mu_slots *slots)
{
    free(slots->next);
}

static inline bool mu_slots_full(const struct mu_slots *slots)
{
    return slots->count == slots->capacity;
}

static inline bool mu_slots_busy(const struct mu_slots *slots, uint32_t slot)
{
    return slot < slots->used && slots->next[slot] == MU_SLOT_BUSY;
}

/* Takes a slot; there must be one (asserted). */
static inline uint32_t mu_slots_take(struct mu_slots *slots)
{
    assert(!mu_slots_full(slots));
    uint32_t slot = slots->free;
    if (slot != MU_SLOT_NONE) {
        slots->free = slots->next[slot];
    } else {
        slot = slots->used++;
    }
    slots->next[slot] = MU_SLOT_BUSY;
    slots->count++;
    return slot;
}

static inline void mu_slots_give(struct mu_slots *slots, uint32_t slot)
{
    assert(mu_slots_busy(slots, slot));
    slots->next[slot] = slots->free;
    slots->free = slot;
    slots->count--;
}

#endif /* MU_ACTORS_LOBBY_SLOTS_H */
