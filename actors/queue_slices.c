/* actors/queue_slices.c - what the matcher of a slice is to hear.
 *
 *   IDLE -> ASKING   it has been given to a matcher: an empty POOL_SYNC
 *   -> SENDING       the matcher has answered: the snapshot, in chunks
 *   -> READY         changes; an empty POOL_SYNC when there are none
 *
 * A matcher that asks for it begins a new generation, and so does one that is given the slice in
 * place of another: whatever is still on its way of the old one is ignored. */
#include <assert.h>
#include <string.h>

#include "actors/queue_shard.h"

/* Messages. */

/* Moves those that are to be sent next into the message: as many tickets as it takes, and one
 * backfill. */
static void put_joins(struct queue_shard *shard, struct queue_slice *slice,
                      struct mu_msg_pool_sync *sync)
{
    const struct queue_pool *pool = &shard->pools[slice->pool];
    uint32_t left = 0;
    for (uint32_t i = 0; i < slice->joins_count; i++) {
        uint32_t slot = slice->joins[i];
        if (!shard->tickets[slot].base.backfill) {
            struct mu_msg_pool_ticket *join = &sync->joins[sync->joins_count++];
            mu_queue_ticket_tell(shard, slot, join);
            if (pool->book.shapes[0]->needs == 0) {
                join->details = (struct mu_slice){ NULL, 0 }; /* nobody would read them */
            }
        } else if (sync->backfills_count == 0) {
            mu_queue_backfill_tell(shard, slot, &sync->backfills[sync->backfills_count++]);
        } else {
            slice->joins[left++] = slot;
        }
    }
    slice->joins_count = left;
}

/* Begins the next message of a generation: nothing has changed. */
static struct mu_msg_pool_sync *begin_sync(struct queue_shard *shard, struct queue_slice *slice)
{
    struct mu_msg_pool_sync *sync = &shard->msg.pool_sync;
    shard->msg.op = MU_OP_POOL_SYNC;
    memcpy(sync->mode, shard->config->modes[slice->pool].name, sizeof sync->mode);
    sync->slice = slice->number;
    sync->generation = slice->generation;
    sync->seq = ++slice->seq;
    sync->config_hash = shard->config->hash;
    sync->ready = false;
    sync->over = false;
    sync->joins_count = 0;
    sync->backfills_count = 0;
    sync->leaves_count = 0;
    sync->quits_count = 0;
    sync->rules_version = shard->pools[slice->pool].rules_version;
    sync->rules = (struct mu_slice){ NULL, 0 };
    slice->sent_ms = shard->now_ms;
    return sync;
}

static void send(struct queue_shard *shard, const struct queue_slice *slice)
{
    assert(slice->matcher < MU_QUEUE_MATCHERS_MAX);
    mu_outbox_event(shard->out, shard->matchers[slice->matcher].instance, &shard->msg);
}

/* Sends what has gathered, but of backfills one only; or nothing but a sign of life. */
static void send_sync(struct queue_shard *shard, struct queue_slice *slice, bool ready)
{
    static_assert(sizeof(struct mu_msg_id) == MU_ID_MAX + 1, "ids are copied as they are");
    const struct queue_pool *pool = &shard->pools[slice->pool];
    struct mu_msg_pool_sync *sync = begin_sync(shard, slice);
    put_joins(shard, slice, sync);
    sync->ready = ready && slice->joins_count == 0;
    sync->leaves_count = slice->leaves_count;
    memcpy(sync->leaves, slice->leaves, slice->leaves_count * sizeof slice->leaves[0]);
    sync->quits_count = slice->quits_count;
    memcpy(sync->quits, slice->quits, slice->quits_count * sizeof slice->quits[0]);
    if (slice->seq == 1) {
        sync->rules = (struct mu_slice){ pool->rules_text, pool->rules_bytes };
    }
    send(shard, slice);
    slice->leaves_count = 0;
    slice->quits_count = 0;
}

/* Joins and leaves. */

struct queue_slice *mu_queue_slice_of(struct queue_shard *shard, uint32_t slot, uint32_t pool)
{
    const struct queue_place *place = mu_queue_place(&shard->tickets[slot], pool);
    assert(place != NULL && place->slice < shard->pools[pool].edges.slices);
    return &shard->pools[pool].slices[place->slice];
}

static void add_join(struct queue_shard *shard, struct queue_slice *slice, uint32_t slot)
{
    if (slice->joins_count == MU_QUEUE_JOINS_MAX) {
        send_sync(shard, slice, slice->state == QUEUE_SLICE_READY);
    }
    slice->joins[slice->joins_count++] = slot;
    mu_queue_place(&shard->tickets[slot], slice->pool)->told = slice->generation;
}

/* Takes a join back that was not sent yet. */
static void forget_join(struct queue_slice *slice, uint32_t slot)
{
    for (uint32_t i = 0; i < slice->joins_count; i++) {
        if (slice->joins[i] == slot) {
            slice->joins[i] = slice->joins[--slice->joins_count];
            return;
        }
    }
}

void mu_queue_pool_join(struct queue_shard *shard, uint32_t slot, uint32_t index)
{
    struct queue_slice *slice = mu_queue_slice_of(shard, slot, index);
    assert(mu_queue_ticket_free(&shard->tickets[slot]));
    if (mu_queue_slice_lives(slice)) {
        forget_join(slice, slot);
        add_join(shard, slice, slot);
    }
}

void mu_queue_pools_join(struct queue_shard *shard, uint32_t slot)
{
    const struct queue_ticket *ticket = &shard->tickets[slot];
    for (uint32_t i = 0; i < ticket->places_count; i++) {
        mu_queue_pool_join(shard, slot, ticket->places[i].pool);
    }
}

void mu_queue_slice_leave(struct queue_shard *shard, struct queue_slice *slice, const char *id)
{
    if (!mu_queue_slice_lives(slice)) {
        return;
    }
    if (slice->leaves_count == MU_QUEUE_LEAVES_MAX) {
        send_sync(shard, slice, slice->state == QUEUE_SLICE_READY);
    }
    memcpy(slice->leaves[slice->leaves_count++], id, sizeof slice->leaves[0]);
}

static void add_quit(struct queue_shard *shard, struct queue_slice *slice, const char *id)
{
    if (slice->quits_count == MU_QUEUE_QUITS_MAX) {
        send_sync(shard, slice, slice->state == QUEUE_SLICE_READY);
    }
    memcpy(slice->quits[slice->quits_count++], id, sizeof slice->quits[0]);
}

/* What the slice's matcher knows of a ticket is true no more. */
static void take_back(struct queue_shard *shard, uint32_t slot, struct queue_place *place,
                      bool quits)
{
    struct queue_slice *slice = &shard->pools[place->pool].slices[place->slice];
    const char *id = shard->tickets[slot].base.id;
    if (place->told != 0 && place->told == slice->generation) {
        forget_join(slice, slot);
        if (quits) {
            add_quit(shard, slice, id);
        } else {
            mu_queue_slice_leave(shard, slice, id);
        }
    }
    place->told = 0;
}

void mu_queue_pools_leave(struct queue_shard *shard, uint32_t slot, bool quits)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    for (uint32_t i = 0; i < ticket->places_count; i++) {
        take_back(shard, slot, &ticket->places[i], quits);
    }
}

void mu_queue_slice_forget(struct queue_shard *shard, uint32_t slot, struct queue_place *place)
{
    take_back(shard, slot, place, false);
}

void mu_queue_slice_move(struct queue_shard *shard, uint32_t slot, uint32_t index, uint32_t to)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    struct queue_place *place = mu_queue_place(ticket, index);
    struct queue_slice *slices = shard->pools[index].slices;
    assert(to < shard->pools[index].edges.slices && slices[place->slice].tickets > 0);
    if (place->slice == to) {
        return;
    }
    take_back(shard, slot, place, false);
    slices[place->slice].tickets--;
    slices[to].tickets++;
    place->slice = (uint8_t)to;
    if (mu_queue_ticket_free(ticket)) {
        mu_queue_pool_join(shard, slot, index);
    }
    shard->counters.values[MU_COUNTER_TICKETS_MOVED]++;
}

/* Whose it is. */

/* Nothing that was to be said of it is said any more. */
static void drop_all(struct queue_slice *slice)
{
    slice->seq = 0;
    slice->acked_seq = 0;
    slice->joins_count = 0;
    slice->leaves_count = 0;
    slice->quits_count = 0;
    slice->cursor = MU_SLOT_NONE;
}

void mu_queue_slice_end(struct queue_shard *shard, struct queue_slice *slice)
{
    if (slice->state == QUEUE_SLICE_IDLE) {
        return;
    }
    begin_sync(shard, slice)->over = true;
    send(shard, slice);
    drop_all(slice);
    slice->state = QUEUE_SLICE_IDLE;
    slice->matcher = MU_QUEUE_NOBODY;
    slice->generation++;
}

void mu_queue_slice_assign(struct queue_shard *shard, struct queue_slice *slice, uint32_t matcher)
{
    assert(matcher < MU_QUEUE_MATCHERS_MAX && shard->matchers[matcher].instance[0] != '\0');
    if (slice->matcher != matcher) {
        mu_queue_slice_end(shard, slice);
        shard->counters.values[MU_COUNTER_SLICES_ASSIGNED]++;
    }
    drop_all(slice);
    slice->matcher = matcher;
    slice->state = QUEUE_SLICE_ASKING;
    slice->generation++;
    slice->heard_ms = shard->now_ms;
    send_sync(shard, slice, false);
}

void mu_queue_pool_restart(struct queue_shard *shard, uint32_t index)
{
    struct queue_pool *pool = &shard->pools[index];
    for (uint32_t i = 0; i < pool->edges.slices; i++) {
        if (pool->slices[i].state != QUEUE_SLICE_IDLE) {
            mu_queue_slice_assign(shard, &pool->slices[i], pool->slices[i].matcher);
        }
    }
}

/* The slice of that mode and number that the sender has, of that generation; or NULL. */
static struct queue_slice *slice_of_sender(struct queue_shard *shard, const struct mu_event *ev,
                                           const char *mode, uint64_t number, uint64_t generation)
{
    int32_t index = mu_config_mode(shard->config, mode);
    if (index < 0 || number >= shard->pools[index].edges.slices) {
        return NULL;
    }
    struct queue_slice *slice = &shard->pools[index].slices[number];
    bool has = slice->state != QUEUE_SLICE_IDLE && slice->generation == generation &&
               strcmp(shard->matchers[slice->matcher].instance, ev->envelope->source) == 0;
    if (!has) {
        return NULL;
    }
    shard->matchers[slice->matcher].heard_ms = shard->now_ms;
    return slice;
}

/* Those who travel are not where the snapshot looks for them. */
static void join_travellers(struct queue_shard *shard, struct queue_slice *slice)
{
    const struct queue_pool *pool = &shard->pools[slice->pool];
    for (uint32_t i = 0; i < pool->travellers_count && pool->stop == slice->number; i++) {
        if (mu_queue_ticket_free(&shard->tickets[pool->travellers[i]])) {
            add_join(shard, slice, pool->travellers[i]);
        }
    }
}

void mu_queue_slice_ack(struct queue_shard *shard, const struct mu_event *ev)
{
    const struct mu_msg_pool_ack *ack = &ev->msg->pool_ack;
    struct queue_slice *slice = slice_of_sender(shard, ev, ack->mode, ack->slice, ack->generation);
    if (slice == NULL || ack->seq > slice->seq) {
        return; /* late */
    }
    if (ack->resync) {
        mu_outbox_note(shard->out, "pool %s/%u: the matcher asks for a snapshot", ack->mode,
                       slice->number);
        shard->counters.values[MU_COUNTER_RESYNCS]++;
        mu_queue_slice_assign(shard, slice, slice->matcher);
        return;
    }
    struct queue_matcher *matcher = &shard->matchers[slice->matcher];
    if (!matcher->proven) {
        mu_queue_assign_soon(shard, true);
    }
    matcher->proven = true;
    matcher->shy_until_ms = 0;
    slice->heard_ms = ev->now_ms;
    slice->acked_seq = ack->seq > slice->acked_seq ? ack->seq : slice->acked_seq;
    if (slice->state == QUEUE_SLICE_ASKING) {
        uint32_t end;
        slice->state = QUEUE_SLICE_SENDING;
        mu_edges_range(&shard->pools[slice->pool].edges, slice->number, &slice->cursor_cell, &end);
        slice->cursor = slice->cursor_cell < end
                            ? shard->pools[slice->pool].cells[slice->cursor_cell].head
                            : MU_SLOT_NONE;
        join_travellers(shard, slice);
    }
}

struct queue_slice *mu_queue_slice_trusted(struct queue_shard *shard, const struct mu_event *ev)
{
    const struct mu_msg_proposals *proposals = &ev->msg->proposals;
    struct queue_slice *slice =
        slice_of_sender(shard, ev, proposals->mode, proposals->slice, proposals->generation);
    return slice != NULL && slice->state == QUEUE_SLICE_READY ? slice : NULL;
}

/* Sending. */

static bool has_gathered(const struct queue_slice *slice)
{
    return slice->joins_count > 0 || slice->leaves_count > 0 || slice->quits_count > 0;
}

/* The next ticket of the snapshot, or MU_SLOT_NONE: that was all. */
static uint32_t next_of_snapshot(const struct queue_shard *shard, struct queue_slice *slice)
{
    const struct queue_pool *pool = &shard->pools[slice->pool];
    uint32_t first;
    uint32_t end;
    mu_edges_range(&pool->edges, slice->number, &first, &end);
    while (slice->cursor == MU_SLOT_NONE) {
        if (slice->cursor_cell + 1 >= end) {
            return MU_SLOT_NONE;
        }
        slice->cursor = pool->cells[++slice->cursor_cell].head;
    }
    uint32_t slot = slice->cursor;
    slice->cursor = mu_queue_place(&shard->tickets[slot], slice->pool)->cell_next;
    return slot;
}

/* Sends the next chunks of the snapshot; the last one makes the slice ready. */
static void send_snapshot(struct queue_shard *shard, struct queue_slice *slice)
{
    while (slice->state == QUEUE_SLICE_SENDING && shard->snapshots_left > 0 &&
           mu_queue_slice_keeps_up(slice) && mu_queue_may_send(shard)) {
        uint32_t slot = 0;
        while (slot != MU_SLOT_NONE && slice->joins_count < MU_QUEUE_JOINS_MAX) {
            slot = next_of_snapshot(shard, slice);
            if (slot == MU_SLOT_NONE) {
                slice->state = QUEUE_SLICE_READY;
                break;
            }
            const struct queue_place *place = mu_queue_place(&shard->tickets[slot], slice->pool);
            if (place->slice == slice->number && place->told != slice->generation &&
                mu_queue_ticket_free(&shard->tickets[slot])) {
                add_join(shard, slice, slot);
            }
        }
        send_sync(shard, slice, slice->state == QUEUE_SLICE_READY);
        shard->snapshots_left--;
    }
}

void mu_queue_slice_flush(struct queue_shard *shard, struct queue_slice *slice)
{
    bool sign = shard->now_ms - slice->sent_ms >= MU_QUEUE_KEEPALIVE_MS;
    if (slice->state == QUEUE_SLICE_ASKING && sign) {
        slice->seq = 0; /* the same again: it may have been lost */
        send_sync(shard, slice, false);
    }
    if (!mu_queue_slice_lives(slice)) {
        return;
    }
    send_snapshot(shard, slice);
    while (has_gathered(slice) && mu_queue_may_send(shard)) {
        send_sync(shard, slice, slice->state == QUEUE_SLICE_READY);
    }
    if (!has_gathered(slice) && shard->now_ms - slice->sent_ms >= MU_QUEUE_KEEPALIVE_MS) {
        send_sync(shard, slice, slice->state == QUEUE_SLICE_READY);
    }
}

int64_t mu_queue_slice_patience(const struct queue_shard *shard, const struct queue_slice *slice)
{
    if (slice->state == QUEUE_SLICE_IDLE) {
        return MU_NEVER;
    }
    int64_t silence_ms = shard->matchers[slice->matcher].silence_ms;
    return slice->state == QUEUE_SLICE_ASKING ? silence_ms * MU_QUEUE_ASK_MS / MU_QUEUE_SILENCE_MS
                                              : silence_ms;
}

int64_t mu_queue_slice_deadline(const struct queue_shard *shard, const struct queue_slice *slice)
{
    int64_t patience_ms = mu_queue_slice_patience(shard, slice);
    switch (slice->state) {
    case QUEUE_SLICE_IDLE: return MU_NEVER;
    case QUEUE_SLICE_ASKING: break;
    case QUEUE_SLICE_SENDING:
        if (mu_queue_slice_keeps_up(slice)) {
            return shard->now_ms;
        }
        break;
    case QUEUE_SLICE_READY: break;
    }
    if (has_gathered(slice)) {
        return shard->now_ms; /* it was more than one batch may send */
    }
    int64_t silent_ms = slice->heard_ms + patience_ms;
    int64_t sign_ms = slice->sent_ms + MU_QUEUE_KEEPALIVE_MS;
    return silent_ms < sign_ms ? silent_ms : sign_ms;
}
