/* actors/queue_tickets.c - the tickets: own ones as the log says, foreign ones as offered. */
#include "actors/queue_shard.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/store.h"

enum {
    DUE_MAX = 512,          /* deadlines of one step */
    EXPIRE_AGAIN_MS = 1000, /* when the store did not want to */
    ORPHAN_WAIT_MS = 1000,  /* tickets of modes that are gone have waited long enough */
};

uint32_t mu_queue_ticket_find(const struct queue_shard *shard, const char *id)
{
    uint32_t slot = mu_slots_get(&shard->slots, id);
    return slot == MU_SLOT_NONE || shard->tickets[slot].gone ? MU_SLOT_NONE : slot;
}

bool mu_queue_ticket_free(const struct queue_ticket *ticket)
{
    return ticket->commit == MU_SLOT_NONE && !ticket->expiring && !ticket->gone;
}

/* Room. */

static int grow(struct queue_shard *shard)
{
    uint32_t old_count = shard->slots.capacity;
    uint32_t count = mu_slots_capacity_next(&shard->slots);
    if (count == old_count) {
        return -ENOBUFS;
    }
    struct mu_heap *due = mu_heap_create(count);
    struct queue_ticket *tickets = realloc(shard->tickets, count * sizeof *tickets);
    if (tickets != NULL) {
        memset(tickets + old_count, 0, (count - old_count) * sizeof *tickets);
        shard->tickets = tickets;
    }
    if (due == NULL || tickets == NULL ||
        mu_slots_grow(&shard->slots, tickets[0].facts.id, sizeof tickets[0]) != 0) {
        mu_heap_destroy(due);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < old_count; i++) {
        if (mu_heap_has(shard->due, i)) {
            mu_heap_set(due, i, tickets[i].due_ms);
        }
    }
    mu_heap_destroy(shard->due);
    shard->due = due;
    return 0;
}

/* Pools. */

static void link_ticket(struct queue_shard *shard, uint32_t slot)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    struct queue_pool *pool = &shard->pools[ticket->pool];
    ticket->next = MU_SLOT_NONE;
    ticket->prev = pool->tail;
    if (pool->tail == MU_SLOT_NONE) {
        pool->head = slot;
    } else {
        shard->tickets[pool->tail].next = slot;
    }
    pool->tail = slot;
    if (pool->state == QUEUE_POOL_SENDING && pool->cursor == MU_SLOT_NONE) {
        pool->cursor = slot;
    }
    if (ticket->foreign) {
        shard->foreign_count++;
        return;
    }
    pool->tickets++;
    pool->players += ticket->facts.players;
    ticket->age_bucket = mu_ages_bucket(&pool->ages, ticket->facts.since_ms, shard->now_ms);
    mu_ages_add(&pool->ages, ticket->age_bucket);
}

static void unlink_ticket(struct queue_shard *shard, uint32_t slot)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    struct queue_pool *pool = &shard->pools[ticket->pool];
    if (pool->cursor == slot) {
        pool->cursor = ticket->next;
    }
    if (ticket->prev == MU_SLOT_NONE) {
        pool->head = ticket->next;
    } else {
        shard->tickets[ticket->prev].next = ticket->next;
    }
    if (ticket->next == MU_SLOT_NONE) {
        pool->tail = ticket->prev;
    } else {
        shard->tickets[ticket->next].prev = ticket->prev;
    }
    ticket->next = MU_SLOT_NONE;
    ticket->prev = MU_SLOT_NONE;
    if (ticket->foreign) {
        shard->foreign_count--;
        return;
    }
    pool->tickets--;
    pool->players -= ticket->facts.players;
    mu_ages_remove(&pool->ages, ticket->age_bucket);
}

/* Coming and going. */

void mu_queue_ticket_schedule(struct queue_shard *shard, uint32_t slot)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    if (!mu_queue_ticket_free(ticket)) {
        (void)mu_heap_remove(shard->due, slot);
        return;
    }
    if (!ticket->foreign) {
        ticket->due_ms = ticket->facts.since_ms + (int64_t)ticket->wait_max_ms;
        if (ticket->spill_ms < ticket->due_ms) {
            ticket->due_ms = ticket->spill_ms;
        }
    }
    mu_heap_set(shard->due, slot, ticket->due_ms);
}

uint32_t mu_queue_ticket_add(struct queue_shard *shard, const struct queue_ticket *ticket)
{
    assert(mu_slots_get(&shard->slots, ticket->facts.id) == MU_SLOT_NONE);
    assert(ticket->pool < shard->pools_count);
    if (mu_slots_count(&shard->slots) == shard->slots.capacity && grow(shard) != 0) {
        return MU_SLOT_NONE;
    }
    uint32_t slot = mu_slots_put(&shard->slots, ticket->facts.id);
    if (slot == MU_SLOT_NONE) {
        return MU_SLOT_NONE; /* an empty id */
    }
    struct queue_ticket *mine = &shard->tickets[slot];
    *mine = *ticket;
    mine->unique = ++shard->unique;
    mine->commit = MU_SLOT_NONE;
    mine->commit_next = MU_SLOT_NONE;
    mine->scan = shard->scan;
    mine->spill_ms = mine->foreign ? MU_NEVER : mu_queue_offer_first(shard, mine);
    link_ticket(shard, slot);
    mu_queue_ticket_schedule(shard, slot);
    mu_queue_pool_join(shard, slot);
    return slot;
}

void mu_queue_ticket_tell(const struct queue_shard *shard, uint32_t slot,
                          struct mu_msg_pool_ticket *ret)
{
    mu_engine_ticket_to(&shard->tickets[slot].facts, shard->now_ms, ret);
    ret->members_count = 0;
    ret->details = (struct mu_slice){ NULL, 0 };
}

void mu_queue_ticket_bury(struct queue_shard *shard, uint32_t slot)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    assert(ticket->gone && ticket->commit == MU_SLOT_NONE);
    mu_slots_remove(&shard->slots, ticket->facts.id);
    ticket->facts.id[0] = '\0';
}

void mu_queue_ticket_remove(struct queue_shard *shard, uint32_t slot)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    assert(!ticket->gone);
    mu_queue_pool_leave(shard, slot);
    mu_queue_offer_withdraw(shard, ticket);
    unlink_ticket(shard, slot);
    (void)mu_heap_remove(shard->due, slot);
    ticket->gone = true;
    if (ticket->commit == MU_SLOT_NONE) {
        mu_queue_ticket_bury(shard, slot);
    }
}

/* Removes an own ticket for a reason that is counted. */
static void remove_ended(struct queue_shard *shard, uint32_t slot, enum mu_ticket_state state)
{
    shard->counters.values[MU_COUNTER_TICKETS_CANCELLED] += state == MU_TICKET_CANCELLED;
    shard->counters.values[MU_COUNTER_TICKETS_EXPIRED] += state == MU_TICKET_EXPIRED;
    mu_queue_ticket_remove(shard, slot);
}

/* The log. */

/* Where it may play: within the mode's bound and its players'. */
static void read_reach(const struct queue_shard *shard, const struct mu_msg_ticket *record,
                       uint32_t bound_ms, struct mu_engine_ticket *ret)
{
    for (uint32_t i = 0; i < MU_REGIONS_MAX; i++) {
        ret->reach_ms[i] = MU_REACH_NONE;
    }
    if (record->latencies_count == 0) {
        ret->reach_ms[shard->region] = 0; /* not measured: at home */
    }
    for (uint32_t i = 0; i < record->latencies_count; i++) {
        const struct mu_msg_latency *latency = &record->latencies[i];
        int32_t region = mu_config_region(shard->config, latency->region);
        if (region >= 0 && (bound_ms == 0 || latency->ms <= bound_ms) &&
            (record->latency_max_ms == 0 || latency->ms <= record->latency_max_ms)) {
            ret->reach_ms[region] = (uint16_t)latency->ms;
        }
    }
}

static void read_ticket(const struct queue_shard *shard, const struct mu_msg_ticket *record,
                        struct queue_ticket *ret)
{
    int32_t mode = mu_config_mode(shard->config, record->mode);
    int64_t age_ms = shard->wall_ms - (int64_t)record->enqueued_ms;
    int64_t sum = 0;
    memset(ret, 0, sizeof *ret);
    for (uint32_t i = 0; i < record->players_count; i++) {
        sum += record->players[i].rating;
    }
    memcpy(ret->facts.id, record->id, sizeof ret->facts.id);
    ret->facts.version = record->version;
    ret->facts.since_ms = shard->now_ms - (age_ms > 0 ? age_ms : 0);
    ret->facts.players = record->players_count;
    ret->facts.rating = record->players_count > 0 ? (int32_t)(sum / record->players_count) : 0;
    ret->facts.priority = (uint32_t)record->priority;
    ret->enqueued_ms = (int64_t)record->enqueued_ms;
    if (mode < 0) {
        ret->pool = (uint8_t)(shard->pools_count - 1);
        ret->wait_max_ms = ORPHAN_WAIT_MS;
        read_reach(shard, record, 0, &ret->facts);
        return;
    }
    const struct mu_mode *rules = &shard->config->modes[mode];
    bool bounded = record->wait_max_ms > 0 && record->wait_max_ms < rules->wait_max_ms;
    ret->pool = (uint8_t)mode;
    ret->wait_max_ms = bounded ? (uint32_t)record->wait_max_ms : rules->wait_max_ms;
    read_reach(shard, record, rules->latency_max_ms, &ret->facts);
}

/* Takes over what has changed in a ticket that is still queued, or is again. */
static void update(struct queue_shard *shard, uint32_t slot, const struct queue_ticket *fresh)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    if (!ticket->gone) {
        unlink_ticket(shard, slot);
    }
    ticket->gone = false;
    ticket->facts = fresh->facts;
    ticket->enqueued_ms = fresh->enqueued_ms;
    ticket->wait_max_ms = fresh->wait_max_ms;
    link_ticket(shard, slot);
    mu_queue_ticket_schedule(shard, slot);
    if (mu_queue_ticket_free(ticket)) {
        mu_queue_pool_join(shard, slot);
    }
}

static void changed_queued(struct queue_shard *shard, const struct mu_msg_ticket *record,
                           struct mu_outbox *out)
{
    struct queue_ticket fresh;
    read_ticket(shard, record, &fresh);
    uint32_t slot = mu_slots_get(&shard->slots, record->id);
    if (slot == MU_SLOT_NONE) {
        slot = mu_queue_ticket_add(shard, &fresh);
        if (slot == MU_SLOT_NONE) {
            mu_outbox_note(out, "ticket %s: no room", record->id);
            shard->failed = -ENOMEM; /* a ticket of ours would be forgotten */
        }
        return;
    }
    struct queue_ticket *ticket = &shard->tickets[slot];
    if (ticket->foreign) {
        mu_outbox_note(out, "ticket %s is own, and was offered -> left to its offer", record->id);
        return;
    }
    ticket->scan = shard->scan;
    if (record->version > ticket->facts.version ||
        (record->version == ticket->facts.version &&
         record->priority != ticket->facts.priority)) { /* a conflict told the version only */
        update(shard, slot, &fresh);
    }
}

void mu_queue_ticket_changed(void *owner, const struct mu_msg_change *change,
                             const struct mu_event *ev, struct mu_outbox *out)
{
    struct queue_shard *shard = owner;
    assert(shard->now_ms == ev->now_ms);
    if (change->table == MU_TABLE_RULESET) {
        mu_queue_rules_changed(shard, change);
        return;
    }
    if (change->table != MU_TABLE_TICKET) {
        return;
    }
    uint32_t slot = mu_queue_ticket_find(shard, change->id);
    if (change->record.size == 0) {
        if (slot != MU_SLOT_NONE) {
            mu_queue_ticket_remove(shard, slot);
        }
        return;
    }
    if (mu_msg_decode(shard->decoder, MU_OP_TICKET, change->record.data, change->record.size,
                      &shard->record) != 0) {
        mu_outbox_note(out, "ticket %s: its record does not decode -> ignored", change->id);
        return;
    }
    const struct mu_msg_ticket *record = &shard->record.ticket;
    if (record->state == MU_TICKET_QUEUED) {
        changed_queued(shard, record, out);
    } else if (slot != MU_SLOT_NONE && record->version >= shard->tickets[slot].facts.version) {
        remove_ended(shard, slot, record->state);
    }
}

void mu_queue_tickets_scan_begin(struct queue_shard *shard)
{
    shard->scan++;
}

void mu_queue_tickets_scan_end(struct queue_shard *shard)
{
    for (uint32_t i = 0; i < shard->slots.capacity; i++) {
        const struct queue_ticket *ticket = &shard->tickets[i];
        if (ticket->facts.id[0] != '\0' && !ticket->foreign && !ticket->gone &&
            ticket->scan != shard->scan) {
            mu_queue_ticket_remove(shard, i);
        }
    }
    mu_queue_rules_scan_end(shard);
}

/* Deadlines. */

static uint64_t send_expire(struct queue_shard *shard, const struct queue_ticket *ticket)
{
    struct mu_request request = {
        .to = "store",
        .budget_ms = MU_QUEUE_RETRY_MS_MAX,
        .fence = shard->follow.epoch,
    };
    shard->msg.op = MU_OP_TICKET_EXPIRE;
    memcpy(shard->msg.ticket_expire.ticket, ticket->facts.id,
           sizeof shard->msg.ticket_expire.ticket);
    shard->msg.ticket_expire.version = ticket->facts.version;
    return mu_outbox_request(shard->out, &request, &shard->msg);
}

static void expire(struct queue_shard *shard, uint32_t slot)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    if (shard->expiries_count == MU_QUEUE_EXPIRIES_MAX) {
        ticket->due_ms = shard->now_ms + EXPIRE_AGAIN_MS;
        mu_heap_set(shard->due, slot, ticket->due_ms);
        return;
    }
    mu_queue_pool_leave(shard, slot);
    ticket->expiring = true;
    mu_queue_ticket_schedule(shard, slot);
    uint64_t sequence = send_expire(shard, ticket);
    (void)mu_calls_add(shard->calls, sequence, shard->now_ms + MU_QUEUE_RETRY_MS, QUEUE_CALL_EXPIRE,
                       (uint64_t)ticket->unique << 32 | slot);
    shard->expiries_count++;
}

/* The ticket that an expiry was about, or MU_SLOT_NONE when it is gone meanwhile. */
static uint32_t expiring_slot(const struct queue_shard *shard, uint64_t user)
{
    uint32_t slot = (uint32_t)user;
    const struct queue_ticket *ticket = &shard->tickets[slot];
    bool same = ticket->facts.id[0] != '\0' && ticket->unique == (uint32_t)(user >> 32);
    return same && ticket->expiring && !ticket->gone ? slot : MU_SLOT_NONE;
}

void mu_queue_ticket_expired(struct queue_shard *shard, uint64_t user, const struct mu_msg *answer)
{
    assert(shard->expiries_count > 0);
    shard->expiries_count--;
    uint32_t slot = expiring_slot(shard, user);
    if (slot == MU_SLOT_NONE) {
        return;
    }
    struct queue_ticket *ticket = &shard->tickets[slot];
    ticket->expiring = false;
    if (answer->op == MU_OP_TICKET && answer->ticket.state != MU_TICKET_QUEUED) {
        remove_ended(shard, slot, answer->ticket.state);
        return;
    }
    if (answer->op == MU_OP_ERROR && answer->error.code == MU_ERROR_TICKET_NOT_FOUND) {
        mu_queue_ticket_remove(shard, slot);
        return;
    }
    if (answer->op == MU_OP_TICKET && answer->ticket.version > ticket->facts.version) {
        ticket->facts.version = answer->ticket.version; /* requeued: too late for it all the same */
    }
    mu_queue_pool_join(shard, slot);
    ticket->due_ms = shard->now_ms + EXPIRE_AGAIN_MS;
    mu_heap_set(shard->due, slot, ticket->due_ms);
}

uint64_t mu_queue_ticket_expire_again(struct queue_shard *shard, uint64_t user)
{
    uint32_t slot = expiring_slot(shard, user);
    if (slot == MU_SLOT_NONE) {
        assert(shard->expiries_count > 0);
        shard->expiries_count--;
        return 0;
    }
    return send_expire(shard, &shard->tickets[slot]);
}

void mu_queue_tickets_due(struct queue_shard *shard)
{
    for (uint32_t i = 0; i < DUE_MAX; i++) {
        uint32_t slot = mu_heap_pop_due(shard->due, shard->now_ms);
        if (slot == MU_HEAP_NONE) {
            return;
        }
        struct queue_ticket *ticket = &shard->tickets[slot];
        assert(mu_queue_ticket_free(ticket));
        if (ticket->foreign) {
            mu_queue_ticket_remove(shard, slot);
        } else if (shard->now_ms >= ticket->facts.since_ms + (int64_t)ticket->wait_max_ms) {
            expire(shard, slot);
        } else {
            mu_queue_offer_next(shard, slot);
        }
    }
}
