/* actors/queue_matchers.c - each mode's pool, and the matcher that has it.
 *
 *   IDLE -> ASKING   an empty POOL_SYNC goes to any matcher with credit, or to the last one
 *   -> SENDING       it has answered: the snapshot goes to that instance, in chunks
 *   -> READY         changes go there; an empty POOL_SYNC when there are none
 *
 * Silence, or a matcher that asks for it, begins a new generation: whatever is still on its way
 * from the old one is ignored. */
#include "actors/queue_shard.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "actors/rules_compile.h"

enum {
    SNAPSHOTS_AHEAD_MAX = 32,  /* chunks that may wait for an acknowledgement */
    SNAPSHOTS_BATCH_MAX = 128, /* chunks of all pools in one batch */
};

int mu_queue_pool_init(struct queue_shard *shard, uint32_t index)
{
    struct queue_pool *pool = &shard->pools[index];
    pool->head = MU_SLOT_NONE;
    pool->tail = MU_SLOT_NONE;
    pool->cursor = MU_SLOT_NONE;
    bool orphans = index == shard->config->modes_count;
    uint32_t longest_ms = 1; /* a ticket stays for the most patient of its modes */
    for (uint32_t i = 0; i < shard->config->modes_count; i++) {
        uint32_t wait_max_ms = shard->config->modes[i].wait_max_ms;
        longest_ms = wait_max_ms > longest_ms ? wait_max_ms : longest_ms;
    }
    mu_ages_init(&pool->ages, longest_ms);
    return orphans ? 0
                   : mu_rules_of_queue(shard->config, index, (struct mu_slice){ NULL, 0 }, 0,
                                       &pool->book);
}

/* What the matcher is to hear. */

/* Moves those that are to be sent next into the message: as many tickets as it takes, and one
 * backfill. */
static void put_joins(struct queue_shard *shard, uint32_t index, struct mu_msg_pool_sync *sync)
{
    struct queue_pool *pool = &shard->pools[index];
    uint32_t left = 0;
    sync->joins_count = 0;
    sync->backfills_count = 0;
    for (uint32_t i = 0; i < pool->joins_count; i++) {
        uint32_t slot = pool->joins[i];
        if (!shard->tickets[slot].base.backfill) {
            struct mu_msg_pool_ticket *join = &sync->joins[sync->joins_count++];
            mu_queue_ticket_tell(shard, slot, join);
            if (pool->book.shapes[0]->needs == 0) {
                join->details = (struct mu_slice){ NULL, 0 }; /* nobody would read them */
            }
        } else if (sync->backfills_count == 0) {
            mu_queue_backfill_tell(shard, slot, &sync->backfills[sync->backfills_count++]);
        } else {
            pool->joins[left++] = slot;
        }
    }
    pool->joins_count = left;
}

/* Sends what has gathered, but of backfills one only; or nothing but a sign of life. */
static void send_sync(struct queue_shard *shard, uint32_t index, bool ready)
{
    struct queue_pool *pool = &shard->pools[index];
    struct mu_msg_pool_sync *sync = &shard->msg.pool_sync;
    shard->msg.op = MU_OP_POOL_SYNC;
    memcpy(sync->mode, shard->config->modes[index].name, sizeof sync->mode);
    sync->generation = pool->generation;
    sync->seq = ++pool->seq;
    sync->config_hash = shard->config->hash;
    put_joins(shard, index, sync);
    sync->ready = ready && pool->joins_count == 0;
    sync->leaves_count = pool->leaves_count;
    memcpy(sync->leaves, pool->leaves, pool->leaves_count * sizeof pool->leaves[0]);
    sync->quits_count = pool->quits_count;
    memcpy(sync->quits, pool->quits, pool->quits_count * sizeof pool->quits[0]);
    sync->rules_version = pool->rules_version;
    sync->rules = (struct mu_slice){ NULL, 0 };
    if (pool->seq == 1) {
        sync->rules = (struct mu_slice){ pool->rules_text, pool->rules_bytes };
    }
    mu_outbox_event(shard->out, pool->matcher[0] != '\0' ? pool->matcher : "matcher", &shard->msg);
    pool->leaves_count = 0;
    pool->quits_count = 0;
    pool->sent_ms = shard->now_ms;
}

static_assert(sizeof(struct mu_msg_id) == MU_ID_MAX + 1, "ids are copied as they are");

static void add_join(struct queue_shard *shard, uint32_t index, uint32_t slot)
{
    struct queue_pool *pool = &shard->pools[index];
    if (pool->joins_count == MU_QUEUE_JOINS_MAX) {
        send_sync(shard, index, pool->state == QUEUE_POOL_READY);
    }
    pool->joins[pool->joins_count++] = slot;
    mu_queue_place(&shard->tickets[slot], index)->told = pool->generation;
}

/* Takes a join back that was not sent yet. */
static void forget_join(struct queue_pool *pool, uint32_t slot)
{
    for (uint32_t i = 0; i < pool->joins_count; i++) {
        if (pool->joins[i] == slot) {
            pool->joins[i] = pool->joins[--pool->joins_count];
            return;
        }
    }
}

void mu_queue_pool_join(struct queue_shard *shard, uint32_t slot, uint32_t index)
{
    struct queue_pool *pool = &shard->pools[index];
    assert(mu_queue_ticket_free(&shard->tickets[slot]));
    if (pool->state == QUEUE_POOL_READY || pool->state == QUEUE_POOL_SENDING) {
        forget_join(pool, slot);
        add_join(shard, index, slot);
    }
}

void mu_queue_pools_join(struct queue_shard *shard, uint32_t slot)
{
    const struct queue_ticket *ticket = &shard->tickets[slot];
    for (uint32_t i = 0; i < ticket->places_count; i++) {
        mu_queue_pool_join(shard, slot, ticket->places[i].pool);
    }
}

void mu_queue_pool_leave_unknown(struct queue_shard *shard, uint32_t index, const char *id)
{
    struct queue_pool *pool = &shard->pools[index];
    if (pool->state != QUEUE_POOL_READY && pool->state != QUEUE_POOL_SENDING) {
        return;
    }
    if (pool->leaves_count == MU_QUEUE_LEAVES_MAX) {
        send_sync(shard, index, pool->state == QUEUE_POOL_READY);
    }
    memcpy(pool->leaves[pool->leaves_count++], id, sizeof pool->leaves[0]);
}

static void add_quit(struct queue_shard *shard, uint32_t index, const char *id)
{
    struct queue_pool *pool = &shard->pools[index];
    if (pool->quits_count == MU_QUEUE_QUITS_MAX) {
        send_sync(shard, index, pool->state == QUEUE_POOL_READY);
    }
    memcpy(pool->quits[pool->quits_count++], id, sizeof pool->quits[0]);
}

void mu_queue_pools_leave(struct queue_shard *shard, uint32_t slot, bool quits)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    for (uint32_t i = 0; i < ticket->places_count; i++) {
        struct queue_place *place = &ticket->places[i];
        struct queue_pool *pool = &shard->pools[place->pool];
        if (place->told != 0 && place->told == pool->generation) {
            forget_join(pool, slot);
            if (quits) {
                add_quit(shard, place->pool, ticket->base.id);
            } else {
                mu_queue_pool_leave_unknown(shard, place->pool, ticket->base.id);
            }
        }
        place->told = 0;
    }
}

/* Assignment. */

/* Begins a new generation with `matcher`; "" is any. */
static void assign(struct queue_shard *shard, uint32_t index, const char *matcher)
{
    struct queue_pool *pool = &shard->pools[index];
    size_t bytes = strnlen(matcher, MU_ADDRESS_MAX);
    memmove(pool->matcher, matcher, bytes); /* it may be the same */
    pool->matcher[bytes] = '\0';
    pool->state = QUEUE_POOL_ASKING;
    pool->generation++;
    pool->seq = 0;
    pool->acked_seq = 0;
    pool->joins_count = 0;
    pool->leaves_count = 0;
    pool->quits_count = 0;
    pool->cursor = MU_SLOT_NONE;
    pool->heard_ms = shard->now_ms;
    send_sync(shard, index, false);
}

void mu_queue_pool_restart(struct queue_shard *shard, uint32_t index)
{
    const struct queue_pool *pool = &shard->pools[index];
    if (pool->state != QUEUE_POOL_IDLE) {
        assign(shard, index, pool->matcher);
    }
}

void mu_queue_pool_ack(struct queue_shard *shard, const struct mu_event *ev)
{
    const struct mu_msg_pool_ack *ack = &ev->msg->pool_ack;
    int32_t index = mu_config_mode(shard->config, ack->mode);
    if (index < 0) {
        return;
    }
    struct queue_pool *pool = &shard->pools[index];
    if (pool->state == QUEUE_POOL_IDLE || ack->generation != pool->generation ||
        ack->seq > pool->seq) {
        return; /* late */
    }
    if (pool->matcher[0] != '\0' && strcmp(pool->matcher, ev->envelope->source) != 0) {
        return; /* another one's: the first that answered has it */
    }
    if (ack->resync) {
        mu_outbox_note(shard->out, "pool %s: the matcher asks for a snapshot", ack->mode);
        shard->counters.values[MU_COUNTER_RESYNCS]++;
        assign(shard, (uint32_t)index, pool->matcher);
        return;
    }
    pool->heard_ms = ev->now_ms;
    pool->acked_seq = ack->seq > pool->acked_seq ? ack->seq : pool->acked_seq;
    if (pool->state == QUEUE_POOL_ASKING) {
        (void)snprintf(pool->matcher, sizeof pool->matcher, "%s", ev->envelope->source);
        pool->state = QUEUE_POOL_SENDING;
        pool->cursor = pool->head;
    }
}

bool mu_queue_pool_trusts(const struct queue_pool *pool, const char *source, uint64_t generation)
{
    return pool->state == QUEUE_POOL_READY && pool->generation == generation &&
           strcmp(pool->matcher, source) == 0;
}

/* Sending. */

/* Sends the next chunks of the snapshot; the last one makes the pool ready. */
static void send_snapshot(struct queue_shard *shard, uint32_t index)
{
    struct queue_pool *pool = &shard->pools[index];
    while (pool->state == QUEUE_POOL_SENDING && shard->snapshots_left > 0 &&
           pool->seq - pool->acked_seq < SNAPSHOTS_AHEAD_MAX && mu_queue_may_send(shard)) {
        while (pool->cursor != MU_SLOT_NONE && pool->joins_count < MU_QUEUE_JOINS_MAX) {
            uint32_t slot = pool->cursor;
            const struct queue_place *place = mu_queue_place(&shard->tickets[slot], index);
            pool->cursor = place->next;
            if (mu_queue_ticket_free(&shard->tickets[slot]) && place->told != pool->generation) {
                add_join(shard, index, slot);
            }
        }
        if (pool->cursor == MU_SLOT_NONE) {
            pool->state = QUEUE_POOL_READY;
        }
        send_sync(shard, index, pool->state == QUEUE_POOL_READY);
        shard->snapshots_left--;
    }
}

/* Whether the matcher is to hear of something. */
static bool has_gathered(const struct queue_pool *pool)
{
    return pool->joins_count > 0 || pool->leaves_count > 0 || pool->quits_count > 0;
}

static void flush_pool(struct queue_shard *shard, uint32_t index)
{
    struct queue_pool *pool = &shard->pools[index];
    switch (pool->state) {
    case QUEUE_POOL_IDLE: assign(shard, index, ""); return;
    case QUEUE_POOL_ASKING:
        if (shard->now_ms - pool->heard_ms >= MU_QUEUE_ASK_MS) {
            assign(shard, index, "");
        }
        return;
    case QUEUE_POOL_SENDING:
    case QUEUE_POOL_READY: break;
    }
    if (shard->now_ms - pool->heard_ms >= MU_QUEUE_SILENCE_MS) {
        mu_outbox_note(shard->out, "pool %s: its matcher is silent -> another one",
                       shard->config->modes[index].name);
        assign(shard, index, "");
        return;
    }
    if (pool->state == QUEUE_POOL_SENDING) {
        send_snapshot(shard, index);
    }
    while (has_gathered(pool) && mu_queue_may_send(shard)) {
        send_sync(shard, index, pool->state == QUEUE_POOL_READY);
    }
    if (!has_gathered(pool) && shard->now_ms - pool->sent_ms >= MU_QUEUE_KEEPALIVE_MS) {
        send_sync(shard, index, pool->state == QUEUE_POOL_READY);
    }
}

void mu_queue_pools_flush(struct queue_shard *shard)
{
    if (!shard->served) {
        return;
    }
    shard->snapshots_left = SNAPSHOTS_BATCH_MAX;
    for (uint32_t i = 0; i < shard->config->modes_count; i++) {
        flush_pool(shard, i);
    }
}

static int64_t pool_deadline(const struct queue_shard *shard, const struct queue_pool *pool)
{
    if (has_gathered(pool)) {
        return shard->now_ms; /* it was more than one batch may send */
    }
    switch (pool->state) {
    case QUEUE_POOL_IDLE: return shard->now_ms;
    case QUEUE_POOL_ASKING: return pool->heard_ms + MU_QUEUE_ASK_MS;
    case QUEUE_POOL_SENDING:
        if (pool->seq - pool->acked_seq < SNAPSHOTS_AHEAD_MAX) {
            return shard->now_ms;
        }
        break;
    case QUEUE_POOL_READY: break;
    }
    int64_t silent_ms = pool->heard_ms + MU_QUEUE_SILENCE_MS;
    int64_t sign_ms = pool->sent_ms + MU_QUEUE_KEEPALIVE_MS;
    return silent_ms < sign_ms ? silent_ms : sign_ms;
}

int64_t mu_queue_pools_deadline(const struct queue_shard *shard)
{
    int64_t earliest = MU_NEVER;
    for (uint32_t i = 0; shard->served && i < shard->config->modes_count; i++) {
        int64_t due = pool_deadline(shard, &shard->pools[i]);
        earliest = due < earliest ? due : earliest;
    }
    return earliest;
}

uint32_t mu_queue_pools_matchers(const struct queue_shard *shard)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < shard->config->modes_count; i++) {
        const struct queue_pool *pool = &shard->pools[i];
        bool counts = pool->state == QUEUE_POOL_READY || pool->state == QUEUE_POOL_SENDING;
        for (uint32_t j = 0; counts && j < i; j++) {
            const struct queue_pool *other = &shard->pools[j];
            counts = !((other->state == QUEUE_POOL_READY || other->state == QUEUE_POOL_SENDING) &&
                       strcmp(other->matcher, pool->matcher) == 0);
        }
        count += counts;
    }
    return count;
}
