/* core/heap.c - a binary heap in an array, and for each slot where in that array it stands. */
#include "core/heap.h"

#include <assert.h>
#include <stdlib.h>

struct item {
    int64_t deadline_ms;
    uint32_t slot;
};

struct mu_heap {
    uint32_t capacity;   /* as created */
    uint32_t count;      /* 0..capacity */
    struct item *items;  /* [capacity], the first `count` in heap order */
    uint32_t *positions; /* [capacity]: of slot i in items, or MU_HEAP_NONE */
};

static bool before(const struct item *a, const struct item *b)
{
    if (a->deadline_ms != b->deadline_ms) {
        return a->deadline_ms < b->deadline_ms;
    }
    return a->slot < b->slot;
}

static void place(struct mu_heap *heap, uint32_t position, struct item item)
{
    heap->items[position] = item;
    heap->positions[item.slot] = position;
}

/* Puts `item` where it belongs on the way from `position` to the root. */
static void sift_up(struct mu_heap *heap, uint32_t position, struct item item)
{
    while (position > 0) {
        uint32_t parent = (position - 1) / 2;
        if (!before(&item, &heap->items[parent])) {
            break;
        }
        place(heap, position, heap->items[parent]);
        position = parent;
    }
    place(heap, position, item);
}

/* Puts `item` where it belongs on the way from `position` to the leaves. */
static void sift_down(struct mu_heap *heap, uint32_t position, struct item item)
{
    for (;;) {
        uint32_t child = 2 * position + 1;
        if (child >= heap->count) {
            break;
        }
        if (child + 1 < heap->count && before(&heap->items[child + 1], &heap->items[child])) {
            child++;
        }
        if (!before(&heap->items[child], &item)) {
            break;
        }
        place(heap, position, heap->items[child]);
        position = child;
    }
    place(heap, position, item);
}

/* Puts `item` at `position`, whose old item is gone, or further up or down. */
static void settle(struct mu_heap *heap, uint32_t position, struct item item)
{
    if (position > 0 && before(&item, &heap->items[(position - 1) / 2])) {
        sift_up(heap, position, item);
    } else {
        sift_down(heap, position, item);
    }
}

struct mu_heap *mu_heap_create(uint32_t capacity)
{
    assert(capacity >= 1 && capacity <= MU_HEAP_CAPACITY_MAX);
    struct mu_heap *heap = calloc(1, sizeof *heap);
    if (heap == NULL) {
        return NULL;
    }
    heap->capacity = capacity;
    heap->items = calloc(capacity, sizeof *heap->items);
    heap->positions = calloc(capacity, sizeof *heap->positions);
    if (heap->items == NULL || heap->positions == NULL) {
        mu_heap_destroy(heap);
        return NULL;
    }
    mu_heap_clear(heap);
    return heap;
}

void mu_heap_destroy(struct mu_heap *heap)
{
    if (heap == NULL) {
        return;
    }
    free(heap->items);
    free(heap->positions);
    free(heap);
}

void mu_heap_clear(struct mu_heap *heap)
{
    for (uint32_t i = 0; i < heap->capacity; i++) {
        heap->positions[i] = MU_HEAP_NONE;
    }
    heap->count = 0;
}

void mu_heap_set(struct mu_heap *heap, uint32_t slot, int64_t deadline_ms)
{
    assert(slot < heap->capacity);
    struct item item = { .deadline_ms = deadline_ms, .slot = slot };
    if (heap->positions[slot] == MU_HEAP_NONE) {
        assert(heap->count < heap->capacity);
        sift_up(heap, heap->count++, item);
    } else {
        settle(heap, heap->positions[slot], item);
    }
}

bool mu_heap_remove(struct mu_heap *heap, uint32_t slot)
{
    assert(slot < heap->capacity);
    uint32_t position = heap->positions[slot];
    if (position == MU_HEAP_NONE) {
        return false;
    }
    assert(heap->count > 0 && heap->items[position].slot == slot);
    heap->positions[slot] = MU_HEAP_NONE;
    struct item last = heap->items[--heap->count];
    if (last.slot != slot) {
        settle(heap, position, last);
    }
    return true;
}

bool mu_heap_has(const struct mu_heap *heap, uint32_t slot)
{
    assert(slot < heap->capacity);
    return heap->positions[slot] != MU_HEAP_NONE;
}

int64_t mu_heap_deadline(const struct mu_heap *heap)
{
    return heap->count == 0 ? MU_HEAP_NEVER : heap->items[0].deadline_ms;
}

uint32_t mu_heap_first(const struct mu_heap *heap)
{
    return heap->count == 0 ? MU_HEAP_NONE : heap->items[0].slot;
}

uint32_t mu_heap_pop_due(struct mu_heap *heap, int64_t now_ms)
{
    uint32_t slot = mu_heap_first(heap);
    if (slot == MU_HEAP_NONE || heap->items[0].deadline_ms > now_ms) {
        return MU_HEAP_NONE;
    }
    (void)mu_heap_remove(heap, slot); /* it is there: it is the first */
    return slot;
}

uint32_t mu_heap_count(const struct mu_heap *heap)
{
    return heap->count;
}

void mu_heap_check(const struct mu_heap *heap)
{
    uint32_t held = 0;
    assert(heap->count <= heap->capacity);
    for (uint32_t i = 0; i < heap->count; i++) {
        assert(heap->items[i].slot < heap->capacity);
        assert(heap->positions[heap->items[i].slot] == i);
        assert(i == 0 || before(&heap->items[(i - 1) / 2], &heap->items[i]));
    }
    for (uint32_t slot = 0; slot < heap->capacity; slot++) {
        held += heap->positions[slot] != MU_HEAP_NONE;
    }
    assert(held == heap->count);
}
