/* core/heap.h - a fixed-capacity set of deadlines, one a slot, the earliest first.
 *
 * An actor with many deadlines keeps one heap beside its array: slot i of the array has at most
 * one deadline here, which can be moved or removed by slot number.  Equal deadlines come out by
 * ascending slot, so the order never depends on the history.
 *
 * Invariant: no allocation after create. */
#ifndef MU_CORE_HEAP_H
#define MU_CORE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#define MU_HEAP_CAPACITY_MAX (1u << 28) /* slots of one heap */
#define MU_HEAP_NONE         UINT32_MAX /* "no slot"; not a slot number */
#define MU_HEAP_NEVER        INT64_MAX  /* deadline of an empty heap */

struct mu_heap;

/* capacity: slots are 0..capacity-1; 1..MU_HEAP_CAPACITY_MAX (asserted).
 * Returns the heap, or NULL when memory is short.  Takes capacity * 20 bytes. */
struct mu_heap *mu_heap_create(uint32_t capacity);

/* NULL is a no-op. */
void mu_heap_destroy(struct mu_heap *heap);

/* Makes the heap empty.  O(capacity). */
void mu_heap_clear(struct mu_heap *heap);

/* Gives `slot` (< capacity, asserted) the deadline, in place of the one it had.  O(log n). */
void mu_heap_set(struct mu_heap *heap, uint32_t slot, int64_t deadline_ms);

/* Takes the deadline of `slot` (< capacity, asserted) away.  Returns whether it had one.
 * O(log n). */
bool mu_heap_remove(struct mu_heap *heap, uint32_t slot);

/* Whether `slot` (< capacity, asserted) has a deadline.  O(1). */
bool mu_heap_has(const struct mu_heap *heap, uint32_t slot);

/* The earliest deadline, ms, or MU_HEAP_NEVER when there is none.  O(1). */
int64_t mu_heap_deadline(const struct mu_heap *heap);

/* The slot of the earliest deadline, or MU_HEAP_NONE.  O(1). */
uint32_t mu_heap_first(const struct mu_heap *heap);

/* Removes and returns the first slot whose deadline is at or before now_ms, or MU_HEAP_NONE when
 * none is due.  O(log n). */
uint32_t mu_heap_pop_due(struct mu_heap *heap, int64_t now_ms);

/* Slots that have a deadline, 0..capacity. */
uint32_t mu_heap_count(const struct mu_heap *heap);

/* Asserts every invariant.  O(capacity); for tests. */
void mu_heap_check(const struct mu_heap *heap);

#endif /* MU_CORE_HEAP_H */
