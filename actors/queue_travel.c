/* actors/queue_travel.c - tickets that wait long visit each slice of their pool, all together. */
#include <assert.h>

#include "actors/queue_shard.h"

enum {
    LOOKS_MAX = 256,   /* tickets looked at for those who travel next */
    AGE_MS_MIN = 1000, /* nobody travels who has waited less */
    AGE_MS = 5000,     /* who has waited so long may, in a queue without reservations */
};

/* From which age on a ticket may travel: when any legal match will do.  Earlier it would ask for
 * less where it is a stranger than at home, and take those away who have better partners: from 5 s
 * on, that cost 1v1 up to 1.8 points of its score (docs/MATCHING.md 8). */
static int64_t age_ms(const struct queue_pool *pool)
{
    const struct mu_objective *objective = &pool->book.shapes[0]->objective;
    int64_t age = objective->waits ? objective->first_ms : AGE_MS;
    return age > AGE_MS_MIN ? age : AGE_MS_MIN;
}

void mu_queue_travel_begin(struct queue_shard *shard, uint32_t index)
{
    struct queue_pool *pool = &shard->pools[index];
    uint32_t slot = pool->head;
    uint32_t last = pool->tail; /* behind it are those who have just had their turn */
    bool more = slot != MU_SLOT_NONE;
    assert(pool->travellers_count == 0);
    pool->stop = 0;
    for (uint32_t i = 0; i < LOOKS_MAX && more; i++) {
        struct queue_place *place = mu_queue_place(&shard->tickets[slot], index);
        uint32_t next = place->next;
        more = slot != last && pool->travellers_count + 1 < MU_QUEUE_TRAVELLERS_MAX;
        if (shard->now_ms - shard->tickets[slot].base.since_ms >= age_ms(pool)) {
            mu_queue_place_last(shard, slot, index);
            mu_queue_slice_move(shard, slot, index, 0);
            place->travels = true;
            pool->travellers[pool->travellers_count++] = slot;
        }
        slot = next;
    }
}

void mu_queue_travel_to(struct queue_shard *shard, uint32_t index, uint32_t slice)
{
    struct queue_pool *pool = &shard->pools[index];
    pool->stop = slice;
    for (uint32_t i = 0; i < pool->travellers_count; i++) {
        mu_queue_slice_move(shard, pool->travellers[i], index, slice);
    }
}

void mu_queue_travel_end(struct queue_shard *shard, uint32_t index)
{
    struct queue_pool *pool = &shard->pools[index];
    for (uint32_t i = 0; i < pool->travellers_count; i++) {
        uint32_t slot = pool->travellers[i];
        struct queue_place *place = mu_queue_place(&shard->tickets[slot], index);
        place->travels = false;
        mu_queue_slice_move(shard, slot, index, mu_edges_slice(&pool->edges, place->cell));
    }
    pool->travellers_count = 0;
    pool->stop = pool->slices_wanted;
}

void mu_queue_travel_forget(struct queue_shard *shard, uint32_t slot, uint32_t index)
{
    struct queue_pool *pool = &shard->pools[index];
    uint32_t at = 0;
    while (at < pool->travellers_count && pool->travellers[at] != slot) {
        at++;
    }
    assert(at < pool->travellers_count);
    pool->travellers[at] = pool->travellers[--pool->travellers_count];
    mu_queue_place(&shard->tickets[slot], index)->travels = false;
}
