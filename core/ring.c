#include "core/ring.h"

#include <assert.h>
#include <stdlib.h>

enum { RECORDS_MAX = 1 << 20 };

struct place {
    uint32_t offset; /* of the record, bytes */
    uint32_t size;   /* rounded up */
};

struct mu_ring {
    uint32_t records_max;
    uint32_t bytes_max;
    uint32_t first; /* index of the oldest in `places` */
    uint32_t count;
    uint32_t tail;        /* offset behind the newest record */
    struct place *places; /* [records_max], circular */
    uint8_t *bytes;       /* [bytes_max] */
};

struct mu_ring *mu_ring_create(uint32_t records_max, uint32_t bytes_max)
{
    assert(records_max >= 1 && records_max <= RECORDS_MAX);
    assert(bytes_max >= 64 && bytes_max <= 1u << 30);
    struct mu_ring *ring = calloc(1, sizeof *ring);
    if (ring == NULL) {
        return NULL;
    }
    ring->records_max = records_max;
    ring->bytes_max = bytes_max / MU_RING_ALIGN * MU_RING_ALIGN;
    ring->places = calloc(records_max, sizeof *ring->places);
    ring->bytes = malloc(bytes_max);
    if (ring->places == NULL || ring->bytes == NULL) {
        mu_ring_destroy(ring);
        return NULL;
    }
    return ring;
}

void mu_ring_destroy(struct mu_ring *ring)
{
    if (ring != NULL) {
        free(ring->places);
        free(ring->bytes);
        free(ring);
    }
}

static struct place *place_at(const struct mu_ring *ring, uint32_t i)
{
    uint32_t at = ring->first + i;
    return &ring->places[at < ring->records_max ? at : at - ring->records_max];
}

/* Where `size` bytes fit behind the newest record, or bytes_max when nowhere. */
static uint32_t find_room(const struct mu_ring *ring, uint32_t size)
{
    if (ring->count == 0) {
        return size <= ring->bytes_max ? 0 : ring->bytes_max;
    }
    uint32_t head = place_at(ring, 0)->offset;
    if (ring->tail > head) { /* used: head..tail */
        if (size <= ring->bytes_max - ring->tail) {
            return ring->tail;
        }
        return size <= head ? 0 : ring->bytes_max;
    }
    return size <= head - ring->tail ? ring->tail : ring->bytes_max;
}

void *mu_ring_push(struct mu_ring *ring, uint32_t size)
{
    assert(size > 0);
    if (ring->count == ring->records_max || size > ring->bytes_max) {
        return NULL;
    }
    uint32_t rounded = (size + MU_RING_ALIGN - 1) / MU_RING_ALIGN * MU_RING_ALIGN;
    uint32_t offset = find_room(ring, rounded);
    if (offset == ring->bytes_max) {
        return NULL;
    }
    *place_at(ring, ring->count) = (struct place){ .offset = offset, .size = rounded };
    ring->count++;
    ring->tail = offset + rounded;
    return ring->bytes + offset;
}

uint32_t mu_ring_count(const struct mu_ring *ring)
{
    return ring->count;
}

void *mu_ring_at(const struct mu_ring *ring, uint32_t i)
{
    assert(i < ring->count);
    return ring->bytes + place_at(ring, i)->offset;
}

void mu_ring_pop(struct mu_ring *ring)
{
    assert(ring->count > 0);
    ring->first = ring->first + 1 < ring->records_max ? ring->first + 1 : 0;
    ring->count--;
}

void mu_ring_check(const struct mu_ring *ring)
{
    uint32_t wraps = 0;
    assert(ring->count <= ring->records_max && ring->first < ring->records_max);
    for (uint32_t i = 0; i < ring->count; i++) {
        const struct place *place = place_at(ring, i);
        assert(place->size > 0 && place->offset % MU_RING_ALIGN == 0);
        assert(place->offset + place->size <= ring->bytes_max);
        if (i > 0) {
            const struct place *before = place_at(ring, i - 1);
            assert(place->offset == before->offset + before->size || place->offset == 0);
            wraps += place->offset == 0;
        }
    }
    assert(wraps <= 1);
    if (ring->count > 0 && wraps == 1) {
        assert(ring->tail <= place_at(ring, 0)->offset);
    }
}
