/* actors/queue_backfill.c - backfills in the shard: tickets that only a match can be made with.
 *
 * One is known from the log, as own tickets are, and stands in the pool of its match's mode.  It is
 * not counted among those who wait, nor offered to a neighbour: the match is played here.  Its
 * lease is counted from when the shard heard of it, so that no clock but its own is asked. */
#include "actors/queue_shard.h"

#include <assert.h>
#include <string.h>

/* Reads a record, all but its roster; in doubt, where the pool of modes that are gone is. */
static void read_backfill(const struct queue_shard *shard, const struct mu_msg_backfill *record,
                          struct queue_ticket *ret)
{
    int64_t age_ms = shard->wall_ms - (int64_t)record->created_ms;
    int32_t mode = mu_config_mode(shard->config, record->mode);
    memset(ret, 0, sizeof *ret);
    memcpy(ret->base.id, record->id, sizeof ret->base.id);
    ret->base.version = record->version;
    ret->base.since_ms = shard->now_ms - (age_ms > 0 ? age_ms : 0);
    ret->base.players = record->players_count;
    ret->base.backfill = true;
    for (uint32_t i = 0; i < MU_REGIONS_MAX; i++) {
        ret->base.reach_ms[i] = i == shard->region ? 0 : MU_REACH_NONE;
    }
    ret->enqueued_ms = (int64_t)record->created_ms;
    ret->lease_until_ms = record->lease_until_ms;
    ret->due_ms = shard->now_ms + (int64_t)record->lease_ms;
    ret->places[0].pool = (uint8_t)(mode >= 0 ? (uint32_t)mode : shard->pools_count - 1);
    ret->places_count = 1;
}

/* Takes over what has changed: only its lease, or who plays. */
static void update(struct queue_shard *shard, uint32_t slot, const struct queue_ticket *fresh)
{
    struct queue_ticket *backfill = &shard->tickets[slot];
    bool renewed = fresh->lease_until_ms != backfill->lease_until_ms;
    bool changed = fresh->base.version > backfill->base.version;
    backfill->scan = shard->scan;
    if (!changed && !renewed) {
        mu_roster_give(shard->blocks, fresh->roster);
        return;
    }
    backfill->lease_until_ms = fresh->lease_until_ms;
    backfill->due_ms = fresh->due_ms;
    if (changed) {
        mu_roster_give(shard->blocks, backfill->roster);
        backfill->roster = fresh->roster;
        backfill->base = fresh->base;
        if (backfill->gone) {
            backfill->gone = false;
            mu_queue_places_link(shard, slot);
        }
    } else {
        mu_roster_give(shard->blocks, fresh->roster);
    }
    mu_queue_ticket_schedule(shard, slot);
    if (changed && mu_queue_ticket_free(backfill)) {
        mu_queue_pools_join(shard, slot);
    }
}

static void changed_queued(struct queue_shard *shard, const struct mu_msg_backfill *record)
{
    struct queue_ticket fresh;
    read_backfill(shard, record, &fresh);
    fresh.roster = mu_roster_of_backfill(shard->blocks, record);
    if (fresh.roster == NULL) {
        mu_outbox_note(shard->out, "backfill %s: its players make no sense -> ignored", record->id);
        return;
    }
    uint32_t slot = mu_slots_get(&shard->slots, record->id);
    if (slot != MU_SLOT_NONE) {
        update(shard, slot, &fresh);
    } else if (mu_queue_ticket_add(shard, &fresh) == MU_SLOT_NONE) {
        mu_roster_give(shard->blocks, fresh.roster);
        mu_outbox_note(shard->out, "backfill %s: no room -> ignored", record->id);
    }
}

void mu_queue_backfill_changed(struct queue_shard *shard, const struct mu_msg_change *change)
{
    uint32_t slot = mu_queue_ticket_find(shard, change->id);
    if (change->record.size == 0) {
        if (slot != MU_SLOT_NONE) {
            mu_queue_ticket_remove(shard, slot, false);
        }
        return;
    }
    const struct mu_msg_backfill *record = &shard->record.backfill;
    if (mu_msg_decode(shard->decoder, MU_OP_BACKFILL, change->record.data, change->record.size,
                      &shard->record) != 0) {
        mu_outbox_note(shard->out, "backfill %s: its record does not decode -> ignored",
                       change->id);
        return;
    }
    if (record->state == MU_BACKFILL_QUEUED) {
        changed_queued(shard, record);
    } else if (slot != MU_SLOT_NONE && record->version >= shard->tickets[slot].base.version) {
        mu_queue_ticket_remove(shard, slot, false);
    }
}

void mu_queue_backfill_tell(const struct queue_shard *shard, uint32_t slot,
                            struct mu_msg_pool_backfill *ret)
{
    const struct queue_ticket *backfill = &shard->tickets[slot];
    assert(backfill->base.backfill);
    mu_told_write_backfill(&backfill->base, backfill->roster, shard->now_ms, ret);
}

void mu_queue_backfill_expire(struct queue_shard *shard, const struct queue_ticket *backfill)
{
    struct mu_msg_backfill_expire *msg = &shard->msg.backfill_expire;
    assert(backfill->base.backfill);
    shard->msg.op = MU_OP_BACKFILL_EXPIRE;
    memcpy(msg->id, backfill->base.id, sizeof msg->id);
    msg->lease_until_ms = backfill->lease_until_ms;
}

bool mu_queue_backfill_expired(struct queue_shard *shard, uint32_t slot,
                               const struct mu_msg *answer)
{
    struct queue_ticket *backfill = &shard->tickets[slot];
    bool over = (answer->op == MU_OP_BACKFILL && answer->backfill.state != MU_BACKFILL_QUEUED) ||
                (answer->op == MU_OP_ERROR && answer->error.code == MU_ERROR_BACKFILL_NOT_FOUND);
    if (over) {
        mu_queue_ticket_remove(shard, slot, false);
    } else if (answer->op == MU_OP_BACKFILL &&
               answer->backfill.lease_until_ms != backfill->lease_until_ms) {
        backfill->lease_until_ms = answer->backfill.lease_until_ms; /* the log is still to come */
        backfill->due_ms = shard->now_ms + (int64_t)answer->backfill.lease_ms;
    }
    return over;
}

void mu_queue_backfill_adopt(struct queue_shard *shard, uint32_t slot,
                             const struct mu_msg_ticket_ref *truth)
{
    const struct queue_ticket *backfill = &shard->tickets[slot];
    assert(backfill->base.backfill);
    if (truth->state == MU_TICKET_NONE || truth->version > backfill->base.version ||
        truth->state != MU_TICKET_QUEUED) {
        mu_queue_ticket_remove(shard, slot, false);
    }
}
