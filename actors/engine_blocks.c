#include "actors/engine_blocks.h"

#include <assert.h>
#include <stdlib.h>

enum {
    CLASSES = 25, /* 128, 192, 256, 384 ... 512 K: never more than half as much again */
    SLAB_BYTES = 64 * 1024,
};

/* The first bytes of a block that nobody has. */
struct spare {
    struct spare *next;
};

/* The head of what the system gave; blocks follow. */
struct slab {
    _Alignas(max_align_t) struct slab *next;
};

struct mu_blocks {
    struct spare *spares[CLASSES];
    struct slab *slabs;
    uint32_t count;
    size_t bytes;
};

static size_t bytes_of(uint32_t class)
{
    size_t base = (size_t)MU_BLOCK_BYTES_MIN << (class / 2);
    return class % 2 == 0 ? base : base + base / 2;
}

static uint32_t class_of(size_t bytes)
{
    assert(bytes >= 1 && bytes <= MU_BLOCK_BYTES_MAX);
    uint32_t class = 0;
    while (bytes_of(class) < bytes) {
        class ++;
    }
    assert(class < CLASSES);
    return class;
}

struct mu_blocks *mu_blocks_create(void)
{
    return calloc(1, sizeof(struct mu_blocks));
}

void mu_blocks_destroy(struct mu_blocks *blocks)
{
    if (blocks == NULL) {
        return;
    }
    while (blocks->slabs != NULL) {
        struct slab *next = blocks->slabs->next;
        free(blocks->slabs);
        blocks->slabs = next;
    }
    free(blocks);
}

static int refill(struct mu_blocks *blocks, uint32_t class)
{
    size_t each = bytes_of(class);
    size_t count = each < SLAB_BYTES ? SLAB_BYTES / each : 1;
    size_t bytes = sizeof(struct slab) + count * each;
    struct slab *slab = malloc(bytes);
    if (slab == NULL) {
        return -1;
    }
    slab->next = blocks->slabs;
    blocks->slabs = slab;
    blocks->bytes += bytes;
    char *first = (char *)(slab + 1);
    for (size_t i = count; i > 0; i--) {
        struct spare *spare = (void *)(first + (i - 1) * each);
        spare->next = blocks->spares[class];
        blocks->spares[class] = spare;
    }
    return 0;
}

void *mu_blocks_take(struct mu_blocks *blocks, size_t bytes)
{
    uint32_t class = class_of(bytes);
    if (blocks->spares[class] == NULL && refill(blocks, class) != 0) {
        return NULL;
    }
    struct spare *spare = blocks->spares[class];
    blocks->spares[class] = spare->next;
    blocks->count++;
    return spare;
}

void mu_blocks_give(struct mu_blocks *blocks, void *block, size_t bytes)
{
    assert(block != NULL && blocks->count > 0);
    uint32_t class = class_of(bytes);
    struct spare *spare = block;
    spare->next = blocks->spares[class];
    blocks->spares[class] = spare;
    blocks->count--;
}

uint32_t mu_blocks_count(const struct mu_blocks *blocks)
{
    return blocks->count;
}

size_t mu_blocks_bytes(const struct mu_blocks *blocks)
{
    return blocks->bytes;
}
