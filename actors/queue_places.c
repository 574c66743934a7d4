/* actors/queue_places.c - a ticket's places in the pools of the modes that it waits for.
 *
 * Two lists run through the tickets of a pool: all of them by turns to travel, and those of each
 * cell, so that a slice's tickets are found without the others'. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "actors/queue_shard.h"
#include "actors/rules_compile.h"

static_assert(MU_AGES_BUCKETS <= UINT16_MAX + 1 && MU_EDGES_CELLS <= UINT16_MAX, "they fit");

int mu_queue_pool_init(struct queue_shard *shard, uint32_t index)
{
    struct queue_pool *pool = &shard->pools[index];
    pool->head = MU_SLOT_NONE;
    pool->tail = MU_SLOT_NONE;
    for (uint32_t i = 0; i < MU_EDGES_CELLS; i++) {
        pool->cells[i] = (struct queue_cell){ .head = MU_SLOT_NONE, .tail = MU_SLOT_NONE };
    }
    for (uint32_t i = 0; i <= MU_SLICES_MAX; i++) {
        pool->passing[i] = MU_SLOT_NONE;
    }
    mu_edges_init(&pool->edges);
    pool->slices_wanted = 1;
    pool->crowded_ms = MU_NEVER;
    pool->stop_ms = MU_NEVER;
    pool->stop = 1;
    bool orphans = index == shard->config->modes_count;
    uint32_t longest_ms = 1; /* a ticket stays for the most patient of its modes */
    for (uint32_t i = 0; i < shard->config->modes_count; i++) {
        uint32_t wait_max_ms = shard->config->modes[i].wait_max_ms;
        longest_ms = wait_max_ms > longest_ms ? wait_max_ms : longest_ms;
    }
    mu_ages_init(&pool->ages, longest_ms);
    pool->slices = calloc(MU_SLICES_MAX, sizeof *pool->slices); /* mostly never touched */
    if (pool->slices == NULL) {
        return -ENOMEM;
    }
    pool->slices[0] = (struct queue_slice){
        .pool = index,
        .matcher = MU_QUEUE_NOBODY,
        .cursor = MU_SLOT_NONE,
    };
    return orphans ? 0
                   : mu_rules_of_queue(shard->config, index, (struct mu_slice){ NULL, 0 }, 0,
                                       &pool->book);
}

void mu_queue_pool_release(struct queue_pool *pool)
{
    free(pool->slices);
    free(pool->rules_text);
    mu_rulebook_release(&pool->book);
}

struct queue_place *mu_queue_place(struct queue_ticket *ticket, uint32_t pool)
{
    for (uint32_t i = 0; i < ticket->places_count; i++) {
        if (ticket->places[i].pool == pool) {
            return &ticket->places[i];
        }
    }
    return NULL;
}

/* The order of turns. */

static void link_turn(struct queue_shard *shard, uint32_t slot, struct queue_place *place)
{
    struct queue_pool *pool = &shard->pools[place->pool];
    place->next = MU_SLOT_NONE;
    place->prev = pool->tail;
    if (pool->tail == MU_SLOT_NONE) {
        pool->head = slot;
    } else {
        mu_queue_place(&shard->tickets[pool->tail], place->pool)->next = slot;
    }
    pool->tail = slot;
}

static void unlink_turn(struct queue_shard *shard, struct queue_place *place)
{
    struct queue_pool *pool = &shard->pools[place->pool];
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
}

void mu_queue_place_last(struct queue_shard *shard, uint32_t slot, uint32_t pool)
{
    struct queue_place *place = mu_queue_place(&shard->tickets[slot], pool);
    unlink_turn(shard, place);
    link_turn(shard, slot, place);
}

/* Cells. */

static void link_cell(struct queue_shard *shard, uint32_t slot, struct queue_place *place)
{
    struct queue_cell *cell = &shard->pools[place->pool].cells[place->cell];
    place->cell_next = MU_SLOT_NONE;
    place->cell_prev = cell->tail;
    if (cell->tail == MU_SLOT_NONE) {
        cell->head = slot;
    } else {
        mu_queue_place(&shard->tickets[cell->tail], place->pool)->cell_next = slot;
    }
    cell->tail = slot;
}

static void unlink_cell(struct queue_shard *shard, uint32_t slot, struct queue_place *place)
{
    struct queue_pool *pool = &shard->pools[place->pool];
    struct queue_cell *cell = &pool->cells[place->cell];
    for (uint32_t i = 0; i < pool->edges.slices; i++) { /* who stands on it goes on */
        if (pool->slices[i].cursor == slot) {
            pool->slices[i].cursor = place->cell_next;
        }
        if (pool->passing[i] == slot) {
            pool->passing[i] = place->cell_next;
        }
    }
    if (place->cell_prev == MU_SLOT_NONE) {
        cell->head = place->cell_next;
    } else {
        mu_queue_place(&shard->tickets[place->cell_prev], place->pool)->cell_next =
            place->cell_next;
    }
    if (place->cell_next == MU_SLOT_NONE) {
        cell->tail = place->cell_prev;
    } else {
        mu_queue_place(&shard->tickets[place->cell_next], place->pool)->cell_prev =
            place->cell_prev;
    }
}

/* Places. */

/* What counts as its rating: of those who play in a backfill's match, their mean. */
static int64_t rating_of(const struct queue_shard *shard, uint32_t slot, uint32_t pool)
{
    const struct queue_ticket *ticket = &shard->tickets[slot];
    if (!ticket->base.backfill || pool == shard->config->modes_count) {
        return ticket->base.rating;
    }
    struct mu_engine_ticket view;
    mu_queue_ticket_view(shard, slot, pool, &view);
    return view.rating;
}

static void link_place(struct queue_shard *shard, uint32_t slot, struct queue_place *place)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    struct queue_pool *pool = &shard->pools[place->pool];
    place->cell = (uint16_t)mu_edges_cell(rating_of(shard, slot, place->pool), ticket->unique);
    link_turn(shard, slot, place);
    link_cell(shard, slot, place);
    mu_edges_add(&pool->edges, place->cell);
    uint32_t home = mu_edges_slice(&pool->edges, place->cell);
    pool->slices[home].tickets++;
    if (place->slice != home) {
        mu_queue_slice_forget(shard, slot, place);
        place->slice = (uint8_t)home;
    }
    if (mu_queue_counts(ticket)) {
        pool->tickets++;
        pool->players += ticket->base.players;
        place->age_bucket =
            (uint16_t)mu_ages_bucket(&pool->ages, ticket->base.since_ms, shard->now_ms);
        mu_ages_add(&pool->ages, place->age_bucket);
    }
}

static void unlink_place(struct queue_shard *shard, uint32_t slot, struct queue_place *place)
{
    const struct queue_ticket *ticket = &shard->tickets[slot];
    struct queue_pool *pool = &shard->pools[place->pool];
    if (place->travels) {
        mu_queue_travel_forget(shard, slot, place->pool);
    }
    unlink_turn(shard, place);
    unlink_cell(shard, slot, place);
    mu_edges_remove(&pool->edges, place->cell);
    assert(pool->slices[place->slice].tickets > 0);
    pool->slices[place->slice].tickets--;
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

/* Invariants. */

/* Whether a ticket of that cell may be in that slice: in the cell's, or in the one that gives it up
 * now. */
static bool may_be_in(const struct mu_edges *edges, uint32_t cell, uint32_t slice)
{
    uint32_t first;
    uint32_t end;
    mu_edges_range(edges, slice, &first, &end);
    return cell >= first && cell < end;
}

static void check_slices(const struct queue_pool *pool, const uint32_t in_slice[MU_SLICES_MAX])
{
    uint32_t travelling = pool->stop < pool->slices_wanted ? pool->travellers_count : 0;
    assert(travelling == pool->travellers_count);
    for (uint32_t i = 0; i < pool->edges.slices; i++) {
        const struct queue_slice *slice = &pool->slices[i];
        assert(slice->number == i && slice->tickets == in_slice[i]);
        assert((slice->matcher == MU_QUEUE_NOBODY) == (slice->state == QUEUE_SLICE_IDLE));
        assert(slice->acked_seq <= slice->seq);
        assert(slice->state != QUEUE_SLICE_IDLE ||
               slice->joins_count + slice->leaves_count + slice->quits_count == 0);
    }
    assert(pool->slices_wanted >= 1 && pool->slices_wanted <= pool->edges.slices);
}

static void check_cells(const struct queue_shard *shard, uint32_t index)
{
    const struct queue_pool *pool = &shard->pools[index];
    for (uint32_t i = 0; i < MU_EDGES_CELLS; i++) {
        uint32_t count = 0;
        uint32_t prev = MU_SLOT_NONE;
        for (uint32_t slot = pool->cells[i].head; slot != MU_SLOT_NONE; count++) {
            const struct queue_place *place = mu_queue_place(&shard->tickets[slot], index);
            assert(place != NULL && place->cell == i && place->cell_prev == prev);
            assert(count < pool->edges.counts[i]);
            prev = slot;
            slot = place->cell_next;
        }
        assert(count == pool->edges.counts[i] && pool->cells[i].tail == prev);
    }
}

uint32_t mu_queue_pool_check(const struct queue_shard *shard, uint32_t index)
{
    const struct queue_pool *pool = &shard->pools[index];
    uint32_t in_slice[MU_SLICES_MAX] = { 0 };
    uint32_t members = 0;
    uint32_t own = 0;
    uint32_t players = 0;
    uint32_t travelling = 0;
    uint32_t prev = MU_SLOT_NONE;
    mu_edges_check(&pool->edges);
    for (uint32_t slot = pool->head; slot != MU_SLOT_NONE;) {
        const struct queue_ticket *ticket = &shard->tickets[slot];
        const struct queue_place *place = mu_queue_place(&shard->tickets[slot], index);
        assert(place != NULL && place->prev == prev && !ticket->gone);
        assert(place->slice < pool->edges.slices);
        assert(place->travels ? place->slice == pool->stop
                              : may_be_in(&pool->edges, place->cell, place->slice));
        in_slice[place->slice]++;
        travelling += place->travels;
        members++;
        if (mu_queue_counts(ticket)) {
            own++;
            players += ticket->base.players;
        }
        prev = slot;
        slot = place->next;
        assert(members <= shard->slots.capacity);
    }
    assert(pool->tail == prev && pool->edges.count == members);
    assert(pool->tickets == own && pool->players == players && pool->ages.count == own);
    assert(travelling == pool->travellers_count);
    check_slices(pool, in_slice);
    check_cells(shard, index);
    return members;
}
