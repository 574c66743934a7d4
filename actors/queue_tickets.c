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
        mu_slots_grow(&shard->slots, tickets[0].base.id, sizeof tickets[0]) != 0) {
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

/* Coming and going. */

void mu_queue_ticket_schedule(struct queue_shard *shard, uint32_t slot)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    if (!mu_queue_ticket_free(ticket)) {
        (void)mu_heap_remove(shard->due, slot);
        return;
    }
    if (mu_queue_counts(ticket)) {
        ticket->due_ms = ticket->base.since_ms + (int64_t)ticket->wait_max_ms;
        if (ticket->spill_ms < ticket->due_ms) {
            ticket->due_ms = ticket->spill_ms;
        }
    }
    mu_heap_set(shard->due, slot, ticket->due_ms);
}

uint32_t mu_queue_ticket_add(struct queue_shard *shard, const struct queue_ticket *ticket)
{
    assert(mu_slots_get(&shard->slots, ticket->base.id) == MU_SLOT_NONE);
    assert(ticket->places_count > 0 && ticket->roster != NULL);
    if (mu_slots_count(&shard->slots) == shard->slots.capacity && grow(shard) != 0) {
        return MU_SLOT_NONE;
    }
    uint32_t slot = mu_slots_put(&shard->slots, ticket->base.id);
    if (slot == MU_SLOT_NONE) {
        return MU_SLOT_NONE; /* an empty id */
    }
    struct queue_ticket *mine = &shard->tickets[slot];
    *mine = *ticket;
    mine->unique = ++shard->unique;
    mine->commit = MU_SLOT_NONE;
    mine->commit_next = MU_SLOT_NONE;
    mine->scan = shard->scan;
    mine->spill_ms = mu_queue_counts(mine) ? mu_queue_offer_first(shard, mine) : MU_NEVER;
    mu_queue_places_link(shard, slot);
    mu_queue_ticket_schedule(shard, slot);
    mu_queue_pools_join(shard, slot);
    return slot;
}

void mu_queue_ticket_bury(struct queue_shard *shard, uint32_t slot)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    assert(ticket->gone && ticket->commit == MU_SLOT_NONE);
    mu_slots_remove(&shard->slots, ticket->base.id);
    mu_roster_give(shard->blocks, ticket->roster);
    ticket->roster = NULL;
    ticket->base.id[0] = '\0';
}

void mu_queue_ticket_remove(struct queue_shard *shard, uint32_t slot, bool quits)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    assert(!ticket->gone);
    mu_queue_pools_leave(shard, slot, quits);
    mu_queue_offer_withdraw(shard, ticket);
    mu_queue_places_unlink(shard, slot);
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
    mu_queue_ticket_remove(shard, slot, state != MU_TICKET_MATCHED);
}

/* The log. */

/* Where it may play: within its players' bound; the modes' are the rules'. */
static void read_reach(const struct queue_shard *shard, const struct mu_msg_ticket *record,
                       struct mu_engine_ticket *ret)
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
        if (region >= 0 && (record->latency_max_ms == 0 || latency->ms <= record->latency_max_ms)) {
            ret->reach_ms[region] = (uint16_t)latency->ms;
        }
    }
}

/* The ticket's places, in the order in which it names the modes: those that there are. */
static void read_places(const struct queue_shard *shard, const struct mu_msg_ticket *record,
                        struct queue_ticket *ret)
{
    uint32_t longest_ms = 0;
    for (uint32_t i = 0; i <= record->others_count; i++) {
        int32_t mode =
            mu_config_mode(shard->config, i == 0 ? record->mode : record->others[i - 1].id);
        if (mode >= 0 && mu_queue_place(ret, (uint32_t)mode) == NULL) {
            uint32_t wait_max_ms = shard->config->modes[mode].wait_max_ms;
            ret->places[ret->places_count++] = (struct queue_place){ .pool = (uint8_t)mode };
            longest_ms = wait_max_ms > longest_ms ? wait_max_ms : longest_ms;
        }
    }
    if (ret->places_count == 0) {
        ret->places[0] = (struct queue_place){ .pool = (uint8_t)(shard->pools_count - 1) };
        ret->places_count = 1;
        ret->wait_max_ms = ORPHAN_WAIT_MS;
        return;
    }
    bool bounded = record->wait_max_ms > 0 && record->wait_max_ms < longest_ms;
    ret->wait_max_ms = bounded ? (uint32_t)record->wait_max_ms : longest_ms;
}

void mu_queue_ticket_read(const struct queue_shard *shard, const struct mu_msg_ticket *record,
                          struct queue_ticket *ret)
{
    int64_t age_ms = shard->wall_ms - (int64_t)record->enqueued_ms;
    int64_t sum = 0;
    memset(ret, 0, sizeof *ret);
    for (uint32_t i = 0; i < record->players_count; i++) {
        sum += record->players[i].rating;
    }
    memcpy(ret->base.id, record->id, sizeof ret->base.id);
    ret->base.version = record->version;
    ret->base.since_ms = shard->now_ms - (age_ms > 0 ? age_ms : 0);
    ret->base.players = record->players_count;
    ret->base.rating = (int32_t)(sum / record->players_count);
    ret->base.priority = (uint32_t)record->priority;
    ret->enqueued_ms = (int64_t)record->enqueued_ms;
    read_reach(shard, record, &ret->base);
    read_places(shard, record, ret);
}
static_assert(sizeof((struct mu_msg_ticket *)NULL)->others / sizeof(struct mu_msg_id) + 1 ==
                  MU_QUEUE_PLACES_MAX,
              "a ticket has a place for each of its modes");

/* Takes over what has changed in a ticket that is still queued, or is again; its players and modes
 * never change. */
static void update(struct queue_shard *shard, uint32_t slot, const struct queue_ticket *fresh)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    if (!ticket->gone) {
        mu_queue_places_unlink(shard, slot);
    }
    ticket->gone = false;
    ticket->base = fresh->base;
    ticket->enqueued_ms = fresh->enqueued_ms;
    ticket->wait_max_ms = fresh->wait_max_ms;
    mu_queue_places_link(shard, slot);
    mu_queue_ticket_schedule(shard, slot);
    if (mu_queue_ticket_free(ticket)) {
        mu_queue_pools_join(shard, slot);
    }
}

static void add_queued(struct queue_shard *shard, const struct mu_msg_ticket *record,
                       struct queue_ticket *fresh)
{
    fresh->roster = mu_roster_of_record(shard->blocks, record);
    if (fresh->roster == NULL || mu_queue_ticket_add(shard, fresh) == MU_SLOT_NONE) {
        mu_roster_give(shard->blocks, fresh->roster);
        mu_outbox_note(shard->out, "ticket %s: no room", record->id);
        shard->failed = -ENOMEM; /* a ticket of ours would be forgotten */
    }
}

static void changed_queued(struct queue_shard *shard, const struct mu_msg_ticket *record,
                           struct mu_outbox *out)
{
    struct queue_ticket fresh;
    mu_queue_ticket_read(shard, record, &fresh);
    uint32_t slot = mu_slots_get(&shard->slots, record->id);
    if (slot == MU_SLOT_NONE) {
        add_queued(shard, record, &fresh);
        return;
    }
    struct queue_ticket *ticket = &shard->tickets[slot];
    if (ticket->foreign) {
        mu_outbox_note(out, "ticket %s is own, and was offered -> left to its offer", record->id);
        return;
    }
    ticket->scan = shard->scan;
    if (record->version > ticket->base.version ||
        (record->version == ticket->base.version &&
         record->priority != ticket->base.priority)) { /* a conflict told the version only */
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
    if (change->table == MU_TABLE_BACKFILL) {
        mu_queue_backfill_changed(shard, change);
        return;
    }
    if (change->table != MU_TABLE_TICKET) {
        return;
    }
    uint32_t slot = mu_queue_ticket_find(shard, change->id);
    if (change->record.size == 0) {
        if (slot != MU_SLOT_NONE) {
            mu_queue_ticket_remove(shard, slot, false);
        }
        return;
    }
    if (mu_msg_decode(shard->decoder, MU_OP_TICKET, change->record.data, change->record.size,
                      &shard->record) != 0 ||
        shard->record.ticket.players_count == 0) {
        mu_outbox_note(out, "ticket %s: its record does not decode -> ignored", change->id);
        return;
    }
    const struct mu_msg_ticket *record = &shard->record.ticket;
    if (record->state == MU_TICKET_QUEUED) {
        changed_queued(shard, record, out);
    } else if (slot != MU_SLOT_NONE && record->version >= shard->tickets[slot].base.version) {
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
        if (ticket->base.id[0] != '\0' && !ticket->foreign && !ticket->gone &&
            ticket->scan != shard->scan) {
            mu_queue_ticket_remove(shard, i, false);
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
    if (ticket->base.backfill) {
        mu_queue_backfill_expire(shard, ticket);
        return mu_outbox_request(shard->out, &request, &shard->msg);
    }
    shard->msg.op = MU_OP_TICKET_EXPIRE;
    memcpy(shard->msg.ticket_expire.ticket, ticket->base.id,
           sizeof shard->msg.ticket_expire.ticket);
    shard->msg.ticket_expire.version = ticket->base.version;
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
    mu_queue_pools_leave(shard, slot, !ticket->base.backfill); /* or it joins again */
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
    bool same = ticket->base.id[0] != '\0' && ticket->unique == (uint32_t)(user >> 32);
    return same && ticket->expiring && !ticket->gone ? slot : MU_SLOT_NONE;
}

/* It is to be had again; but its time is over, or nearly so. */
static void join_again(struct queue_shard *shard, uint32_t slot)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    mu_queue_pools_join(shard, slot);
    if (ticket->due_ms < shard->now_ms + EXPIRE_AGAIN_MS || !ticket->base.backfill) {
        ticket->due_ms = shard->now_ms + EXPIRE_AGAIN_MS;
    }
    mu_heap_set(shard->due, slot, ticket->due_ms);
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
    if (ticket->base.backfill) {
        if (!mu_queue_backfill_expired(shard, slot, answer)) {
            join_again(shard, slot);
        }
        return;
    }
    if (answer->op == MU_OP_TICKET && answer->ticket.state != MU_TICKET_QUEUED) {
        remove_ended(shard, slot, answer->ticket.state);
        return;
    }
    if (answer->op == MU_OP_ERROR && answer->error.code == MU_ERROR_TICKET_NOT_FOUND) {
        mu_queue_ticket_remove(shard, slot, false);
        return;
    }
    if (answer->op == MU_OP_TICKET && answer->ticket.version > ticket->base.version) {
        ticket->base.version = answer->ticket.version; /* requeued: too late for it all the same */
    }
    join_again(shard, slot);
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
    for (uint32_t i = 0; i < DUE_MAX && mu_queue_may_send(shard); i++) {
        uint32_t slot = mu_heap_pop_due(shard->due, shard->now_ms);
        if (slot == MU_HEAP_NONE) {
            return;
        }
        struct queue_ticket *ticket = &shard->tickets[slot];
        assert(mu_queue_ticket_free(ticket));
        if (ticket->foreign) {
            mu_queue_ticket_remove(shard, slot, false);
        } else if (ticket->base.backfill ||
                   shard->now_ms >= ticket->base.since_ms + (int64_t)ticket->wait_max_ms) {
            expire(shard, slot);
        } else {
            mu_queue_offer_next(shard, slot);
        }
    }
}
