/* actors/queue_offer.c - offers to neighbour regions, and theirs. */
#include "actors/queue_shard.h"

#include <assert.h>
#include <string.h>

#include "core/address.h"

/* Regions other than the own one in which it may play, as bits. */
static uint32_t neighbours_of(const struct queue_shard *shard, const struct queue_ticket *ticket)
{
    uint32_t regions = 0;
    for (uint32_t i = 0; i < shard->config->regions_count; i++) {
        if (i != shard->region && ticket->base.reach_ms[i] != MU_REACH_NONE) {
            regions |= UINT32_C(1) << i;
        }
    }
    return regions;
}

int64_t mu_queue_offer_first(const struct queue_shard *shard, const struct queue_ticket *ticket)
{
    uint32_t spill_ms = 0;
    for (uint32_t i = 0; i < ticket->places_count; i++) {
        uint32_t pool = ticket->places[i].pool;
        uint32_t ms = pool < shard->config->modes_count ? shard->config->modes[pool].spill_ms : 0;
        spill_ms = ms > 0 && (spill_ms == 0 || ms < spill_ms) ? ms : spill_ms;
    }
    if (spill_ms == 0 || neighbours_of(shard, ticket) == 0) {
        return MU_NEVER;
    }
    return ticket->base.since_ms + (int64_t)spill_ms;
}

/* Offers it in each of its modes that spills, or takes it back. */
static void append(struct queue_shard *shard, const struct queue_ticket *ticket, uint32_t region,
                   bool withdrawn)
{
    for (uint32_t i = 0; i < ticket->places_count; i++) {
        uint32_t pool = ticket->places[i].pool;
        if (pool == shard->config->modes_count || shard->config->modes[pool].spill_ms == 0) {
            continue;
        }
        if (shard->offers_count == MU_QUEUE_OFFERS_MAX) {
            mu_queue_offers_flush(shard);
        }
        struct queue_offer *offer = &shard->offers[shard->offers_count++];
        *offer = (struct queue_offer){ .region = region, .pool = pool, .withdrawn = withdrawn };
        memcpy(offer->id, ticket->base.id, sizeof offer->id);
    }
}

void mu_queue_offer_next(struct queue_shard *shard, uint32_t slot)
{
    struct queue_ticket *ticket = &shard->tickets[slot];
    uint32_t left = neighbours_of(shard, ticket);
    uint32_t count = 0;
    for (uint32_t bits = left; bits != 0; bits &= bits - 1) {
        count++;
    }
    assert(count > 0 && !ticket->foreign);
    uint32_t region = 0;
    for (uint32_t turn = ticket->offers % count + 1; turn > 0; turn--) {
        region = MU_REGIONS_MAX;
        for (uint32_t i = 0; i < MU_REGIONS_MAX; i++) {
            if ((left >> i & 1) != 0 &&
                (region == MU_REGIONS_MAX ||
                 ticket->base.reach_ms[i] < ticket->base.reach_ms[region])) {
                region = i;
            }
        }
        left &= ~(UINT32_C(1) << region);
    }
    append(shard, ticket, region, false);
    ticket->offers++;
    ticket->offered |= UINT32_C(1) << region;
    ticket->spill_ms = shard->now_ms + (int64_t)shard->config->settings.spill_again_ms;
    mu_queue_ticket_schedule(shard, slot);
    shard->counters.values[MU_COUNTER_OFFERS]++;
}

void mu_queue_offer_withdraw(struct queue_shard *shard, const struct queue_ticket *ticket)
{
    for (uint32_t region = 0; region < MU_REGIONS_MAX; region++) {
        if ((ticket->offered >> region & 1) != 0) {
            append(shard, ticket, region, true);
        }
    }
}

/* Fills an OFFER with what is meant for the same neighbour and mode as the first entry, and takes
 * it out of the list. */
static void gather(struct queue_shard *shard, struct mu_msg_offer *msg)
{
    static_assert(MU_QUEUE_OFFERS_MAX <= 256, "withdrawals of a batch fit into one OFFER");
    uint32_t region = shard->offers[0].region;
    uint32_t pool = shard->offers[0].pool;
    uint32_t kept = 0;
    msg->tickets_count = 0;
    msg->withdrawn_count = 0;
    memcpy(msg->mode, shard->config->modes[pool].name, sizeof msg->mode);
    for (uint32_t i = 0; i < shard->offers_count; i++) {
        const struct queue_offer *offer = &shard->offers[i];
        bool same = offer->region == region && offer->pool == pool;
        if (!same || (!offer->withdrawn && msg->tickets_count == 64)) {
            shard->offers[kept++] = *offer;
            continue;
        }
        if (offer->withdrawn) {
            memcpy(msg->withdrawn[msg->withdrawn_count++].id, offer->id, sizeof offer->id);
            continue;
        }
        uint32_t slot = mu_queue_ticket_find(shard, offer->id);
        if (slot != MU_SLOT_NONE && mu_queue_ticket_free(&shard->tickets[slot])) {
            mu_queue_ticket_tell(shard, slot, &msg->tickets[msg->tickets_count++]);
        }
    }
    shard->offers_count = kept;
}

void mu_queue_offers_flush(struct queue_shard *shard)
{
    while (shard->offers_count > 0) {
        char to[MU_ADDRESS_MAX + 1];
        mu_address_queue(shard->config->regions[shard->offers[0].region].name, to);
        shard->msg.op = MU_OP_OFFER;
        gather(shard, &shard->msg.offer);
        if (shard->msg.offer.tickets_count + shard->msg.offer.withdrawn_count > 0) {
            mu_outbox_event(shard->out, to, &shard->msg);
        }
    }
}

/* Theirs. */

/* Takes in a ticket that is new here. */
static void take_new(struct queue_shard *shard, uint32_t mode, const struct mu_msg_pool_ticket *msg,
                     const struct mu_engine_ticket *base, int64_t due_ms)
{
    if (base->reach_ms[shard->region] == MU_REACH_NONE ||
        shard->foreign_count >= shard->config->settings.tickets_max) {
        return;
    }
    struct queue_ticket fresh = {
        .base = *base,
        .roster = mu_roster_of_told(shard->blocks, msg),
        .places[0].pool = (uint8_t)mode,
        .places_count = 1,
        .foreign = true,
        .due_ms = due_ms,
    };
    if (fresh.roster == NULL || mu_queue_ticket_add(shard, &fresh) == MU_SLOT_NONE) {
        mu_roster_give(shard->blocks, fresh.roster); /* no room: it stays where it is at home */
    }
}

static void take_one(struct queue_shard *shard, uint32_t mode, const struct mu_msg_pool_ticket *msg)
{
    struct mu_engine_ticket base;
    mu_told_read(msg, shard->now_ms, &base);
    base.rating = (int32_t)msg->rating;
    int64_t due_ms = shard->now_ms + (int64_t)shard->config->settings.spill_again_ms * 5 / 2;
    uint32_t slot = mu_slots_get(&shard->slots, msg->id);
    if (slot == MU_SLOT_NONE) {
        take_new(shard, mode, msg, &base, due_ms);
        return;
    }
    struct queue_ticket *ticket = &shard->tickets[slot];
    if (!ticket->foreign || !mu_queue_ticket_free(ticket)) {
        return; /* own, or spoken of when its commit is definite */
    }
    if (ticket->base.players != base.players) {
        return; /* its players never change: its neighbour is mistaken */
    }
    ticket->due_ms = due_ms;
    mu_queue_ticket_schedule(shard, slot);
    if (ticket->base.version != base.version) {
        ticket->base = base;
        mu_queue_pools_join(shard, slot);
    }
    if (mu_queue_place(ticket, mode) == NULL && mu_queue_places_add(shard, slot, mode)) {
        mu_queue_pool_join(shard, slot, mode);
    }
}

void mu_queue_offer_taken(struct queue_shard *shard, const struct mu_event *ev)
{
    const struct mu_msg_offer *offer = &ev->msg->offer;
    int32_t mode = mu_config_mode(shard->config, offer->mode);
    if (mode < 0 || !shard->served) {
        return; /* it is offered again */
    }
    for (uint32_t i = 0; i < offer->tickets_count; i++) {
        take_one(shard, (uint32_t)mode, &offer->tickets[i]);
    }
    for (uint32_t i = 0; i < offer->withdrawn_count; i++) {
        uint32_t slot = mu_queue_ticket_find(shard, offer->withdrawn[i].id);
        if (slot != MU_SLOT_NONE && shard->tickets[slot].foreign) {
            mu_queue_ticket_remove(shard, slot, false);
        }
    }
}
