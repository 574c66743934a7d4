#include "gateway/idtable.h"

#include <assert.h>
#include <stdlib.h>

/* Chains: heads[bucket] -> slot -> next[slot] -> ... */
struct mu_idtable {
    uint32_t slots_max;
    uint32_t buckets_mask;
    uint32_t count;
    uint32_t *heads; /* [buckets_mask + 1] */
    uint32_t *next;  /* [slots_max] */
    uint64_t *ids;   /* [slots_max] */
};

struct mu_idtable *mu_idtable_create(uint32_t slots_max)
{
    assert(slots_max > 0 && slots_max <= 1u << 28);
    struct mu_idtable *table = calloc(1, sizeof *table);
    if (table == NULL) {
        return NULL;
    }
    uint32_t buckets = 16;
    while (buckets < slots_max) {
        buckets *= 2;
    }
    table->slots_max = slots_max;
    table->buckets_mask = buckets - 1;
    table->heads = calloc(buckets, sizeof *table->heads);
    table->next = calloc(slots_max, sizeof *table->next);
    table->ids = calloc(slots_max, sizeof *table->ids);
    if (table->heads == NULL || table->next == NULL || table->ids == NULL) {
        mu_idtable_destroy(table);
        return NULL;
    }
    for (uint32_t i = 0; i < buckets; i++) {
        table->heads[i] = MU_IDTABLE_NONE;
    }
    return table;
}

void mu_idtable_destroy(struct mu_idtable *table)
{
    if (table != NULL) {
        free(table->heads);
        free(table->next);
        free(table->ids);
        free(table);
    }
}

static uint32_t bucket_of(const struct mu_idtable *table, uint64_t id)
{
    /* Fibonacci hashing: 2^64 divided by the golden ratio (Knuth, TAOCP 3, 6.4). */
    return (uint32_t)((id * 0x9E3779B97F4A7C15u) >> 32) & table->buckets_mask;
}

void mu_idtable_put(struct mu_idtable *table, uint64_t id, uint32_t slot)
{
    assert(slot < table->slots_max);
    assert(table->count < table->slots_max);
    uint32_t *head = &table->heads[bucket_of(table, id)];
    table->ids[slot] = id;
    table->next[slot] = *head;
    *head = slot;
    table->count++;
}

uint32_t mu_idtable_get(const struct mu_idtable *table, uint64_t id)
{
    uint32_t slot = table->heads[bucket_of(table, id)];
    while (slot != MU_IDTABLE_NONE && table->ids[slot] != id) {
        slot = table->next[slot];
    }
    return slot;
}

uint32_t mu_idtable_remove(struct mu_idtable *table, uint64_t id)
{
    uint32_t *link = &table->heads[bucket_of(table, id)];
    while (*link != MU_IDTABLE_NONE && table->ids[*link] != id) {
        link = &table->next[*link];
    }
    uint32_t slot = *link;
    if (slot != MU_IDTABLE_NONE) {
        *link = table->next[slot];
        table->count--;
    }
    return slot;
}

uint32_t mu_idtable_count(const struct mu_idtable *table)
{
    return table->count;
}

void mu_idtable_check(const struct mu_idtable *table)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i <= table->buckets_mask; i++) {
        for (uint32_t s = table->heads[i]; s != MU_IDTABLE_NONE; s = table->next[s]) {
            assert(s < table->slots_max);
            assert(bucket_of(table, table->ids[s]) == i);
            n++;
            assert(n <= table->count);
        }
    }
    assert(n == table->count);
}
