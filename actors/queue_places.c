/* actors/queue_places.c - a ticket's places in the pools of the modes that it waits for. */
#include "actors/queue_shard.h"

#include <assert.h>
#include <string.h>

struct queue_place *mu_queue_place(struct queue_ticket *ticket, uint32_t pool)
{
    for (uint32_t i = 0; i < ticket->places_count; i++) {
        if (ticket->places[i].pool == pool) {
            return &ticket->places[i];
        }
    }
    return NULL;
}

static void link_place(struct queue_shard *shard, uint32_t slot, struct queue_place *place)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    struct queue_pool *pool = &shard->pools[place->pool];
    place->next = MU_SLOT_NONE;
    place->prev = pool->tail;
    if (pool->tail == MU_SLOT_NONE) {
        pool->head = slot;
    } else {
        mu_queue_place(&shard->tickets[pool->tail], place->pool)->next = slot;
    }
    pool->tail = slot;
    if (pool->state == QUEUE_POOL_SENDING && pool->cursor == MU_SLOT_NONE) {
        pool->cursor = slot;
    }
    if (mu_queue_counts(ticket)) {
        pool->tickets++;
        pool->players += ticket->base.players;
        place->age_bucket = mu_ages_bucket(&pool->ages, ticket->base.since_ms, shard->now_ms);
        mu_ages_add(&pool->ages, place->age_bucket);
    }
}

static void unlink_place(struct queue_shard *shard, uint32_t slot, struct queue_place *place)
{
    const struct queue_ticket *ticket = &shard->tickets[slot];
    struct queue_pool *pool = &shard->pools[place->pool];
    if (pool->cursor == slot) {
        pool->cursor = place->next;
    }
    if (place->prev == MU_SLOT_NONE) {
        pool->head = place->next;
    } else {
        mu_queue_place(&shard->tickets[place->prev], place->pool)->next = place->next;
    }
    if (place->next == MU_SLOT_NONE) {
        pool->tail = place->prev;
    } else {
        mu_queue_place(&shard->tickets[place->next], place->pool)->prev = place->prev;
    }
    place->next = MU_SLOT_NONE;
    place->prev = MU_SLOT_NONE;
    if (mu_queue_counts(ticket)) {
        pool->tickets--;
        pool->players -= ticket->base.players;
        mu_ages_remove(&pool->ages, place->age_bucket);
    }
}

void mu_queue_places_link(struct queue_shard *shard, uint32_t slot)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    for (uint32_t i = 0; i < ticket->places_count; i++) {
        link_place(shard, slot, &ticket->places[i]);
    }
    shard->foreign_count += ticket->foreign;
}

void mu_queue_places_unlink(struct queue_shard *shard, uint32_t slot)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    for (uint32_t i = 0; i < ticket->places_count; i++) {
        unlink_place(shard, slot, &ticket->places[i]);
    }
    shard->foreign_count -= ticket->foreign;
}

bool mu_queue_places_add(struct queue_shard *shard, uint32_t slot, uint32_t pool)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    assert(!ticket->gone && pool < shard->pools_count && mu_queue_place(ticket, pool) == NULL);
    if (ticket->places_count == MU_QUEUE_PLACES_MAX) {
        return false;
    }
    struct queue_place *place = &ticket->places[ticket->places_count++];
    *place = (struct queue_place){ .pool = (uint8_t)pool };
    link_place(shard, slot, place);
    return true;
}

void mu_queue_ticket_view(const struct queue_shard *shard, uint32_t slot, uint32_t pool,
                          struct mu_engine_ticket *ret)
{
    const struct queue_ticket *ticket = &shard->tickets[slot];
    *ret = ticket->base;
    mu_roster_rate(ticket->roster, &shard->pools[pool].book.shapes[0]->objective, ret);
}

void mu_queue_ticket_tell(const struct queue_shard *shard, uint32_t slot,
                          struct mu_msg_pool_ticket *ret)
{
    const struct queue_ticket *ticket = &shard->tickets[slot];
    mu_told_write(&ticket->base, ticket->roster, shard->now_ms, ret);
}
