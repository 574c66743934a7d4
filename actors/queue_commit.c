/* actors/queue_commit.c - proposals are checked, and committed in the store. */
#include "actors/queue_shard.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

/* The request. */

static uint64_t send_commit(struct queue_shard *shard, const struct queue_commit *commit)
{
    struct mu_request request = {
        .to = "store",
        .budget_ms = MU_QUEUE_RETRY_MS_MAX,
        .fence = shard->follow.epoch,
    };
    struct mu_msg_match_commit *msg = &shard->msg.match_commit;
    shard->msg.op = MU_OP_MATCH_COMMIT;
    memcpy(msg->match, commit->match, sizeof msg->match);
    memcpy(msg->mode, shard->config->modes[commit->pool].name, sizeof msg->mode);
    memcpy(msg->region, shard->config->regions[commit->region].name, sizeof msg->region);
    memcpy(msg->shard, shard->partition, sizeof msg->shard);
    msg->quality = commit->quality;
    msg->regions = commit->regions;
    msg->rules = commit->rules;
    msg->tickets_count = 0;
    msg->backfill[0] = '\0';
    msg->backfill_version = 0;
    for (uint32_t slot = commit->first; slot != MU_SLOT_NONE;
         slot = shard->tickets[slot].commit_next) {
        const struct queue_ticket *ticket = &shard->tickets[slot];
        if (ticket->base.backfill) {
            memcpy(msg->backfill, ticket->base.id, sizeof msg->backfill);
            msg->backfill_version = ticket->commit_version;
            continue;
        }
        struct mu_msg_ticket_ref *ref = &msg->tickets[msg->tickets_count++];
        memcpy(ref->id, ticket->base.id, sizeof ref->id);
        ref->version = ticket->commit_version;
        ref->team = ticket->team;
        ref->state = MU_TICKET_NONE;
        ref->seats = ticket->seats;
        ref->roles = ticket->roles;
    }
    assert(msg->tickets_count + (msg->backfill[0] != '\0') == commit->count);
    msg->team_names_count = 0;
    msg->roles_count = 0;
    if (commit->names != NULL) {
        const struct queue_names *names = commit->names;
        msg->team_names_count = names->teams_count;
        msg->roles_count = names->roles_count;
        memcpy(msg->team_names, names->names, names->teams_count * sizeof names->names[0]);
        memcpy(msg->roles, names->names + names->teams_count,
               names->roles_count * sizeof names->names[0]);
    }
    return mu_outbox_request(shard->out, &request, &shard->msg);
}

uint64_t mu_queue_commit_again(struct queue_shard *shard, uint64_t user)
{
    assert(user < MU_QUEUE_COMMITS_MAX && shard->commits[user].match[0] != '\0');
    return send_commit(shard, &shard->commits[user]);
}

/* Proposals. */

/* Whether all its tickets are as the matcher thinks. */
static bool is_fresh(const struct queue_shard *shard, struct queue_proposed *proposed)
{
    if (proposed->count == 0 || proposed->count > MU_MATCH_PLAYERS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < proposed->count; i++) {
        uint32_t slot = mu_queue_ticket_find(shard, proposed->tickets[i].id);
        if (slot == MU_SLOT_NONE) {
            return false;
        }
        struct queue_ticket *ticket = &shard->tickets[slot];
        if (mu_queue_place(ticket, proposed->pool) == NULL || !mu_queue_ticket_free(ticket) ||
            ticket->base.version != proposed->tickets[i].version) {
            return false;
        }
        proposed->slots[i] = slot;
    }
    return true;
}

/* Tells the matcher what is true of each ticket: free again, or not to be had.  One that has moved
 * to another slice meanwhile leaves the one that it was proposed from. */
static void reject(struct queue_shard *shard, const struct queue_proposed *proposed,
                   struct queue_slice *slice)
{
    for (uint32_t i = 0; i < proposed->count; i++) {
        uint32_t slot = mu_queue_ticket_find(shard, proposed->tickets[i].id);
        if (slot != MU_SLOT_NONE && mu_queue_ticket_free(&shard->tickets[slot]) &&
            mu_queue_place(&shard->tickets[slot], proposed->pool) != NULL &&
            mu_queue_slice_of(shard, slot, proposed->pool) == slice) {
            mu_queue_pool_join(shard, slot, proposed->pool);
        } else {
            mu_queue_slice_leave(shard, slice, proposed->tickets[i].id);
        }
    }
}

static void commit(struct queue_shard *shard, const struct queue_proposed *proposed)
{
    uint32_t index = shard->commits_free[--shard->commits_free_count];
    struct queue_commit *made = &shard->commits[index];
    double quality = proposed->proposal->quality;
    *made = (struct queue_commit){
        .pool = proposed->pool,
        .region = (uint32_t)proposed->proposal->region,
        .first = MU_SLOT_NONE,
        .count = proposed->count,
        .quality = quality < 0   ? 0
                   : quality > 1 ? 1
                                 : quality,
    };
    if (!mu_queue_seat(shard, proposed, made)) {
        shard->failed = -ENOMEM;
    }
    mu_id_make(&shard->ids, MU_ID_PREFIX_MATCH, shard->wall_ms, made->match);
    for (uint32_t i = proposed->count; i > 0; i--) {
        uint32_t slot = proposed->slots[i - 1];
        struct queue_ticket *ticket = &shard->tickets[slot];
        mu_queue_pools_leave(shard, slot, false);
        ticket->commit = index;
        ticket->commit_next = made->first;
        ticket->commit_version = ticket->base.version;
        made->first = slot;
        mu_queue_ticket_schedule(shard, slot);
    }
    uint64_t sequence = send_commit(shard, made);
    (void)mu_calls_add(shard->calls, sequence, shard->now_ms + MU_QUEUE_RETRY_MS, QUEUE_CALL_COMMIT,
                       index);
}

static void handle(struct queue_shard *shard, struct queue_proposed *proposed,
                   struct queue_slice *slice)
{
    if (!is_fresh(shard, proposed)) {
        shard->counters.values[MU_COUNTER_PROPOSALS_STALE]++;
        reject(shard, proposed, slice);
        return;
    }
    if (!mu_queue_proposal_legal(shard, proposed)) {
        shard->counters.values[MU_COUNTER_PROPOSALS_ILLEGAL]++;
        reject(shard, proposed, slice);
        return;
    }
    if (shard->commits_free_count == 0) {
        return; /* the matcher proposes it again when it has heard nothing for a while */
    }
    commit(shard, proposed);
}

void mu_queue_commit_proposals(struct queue_shard *shard, const struct mu_event *ev)
{
    const struct mu_msg_proposals *proposals = &ev->msg->proposals;
    struct queue_slice *slice = mu_queue_slice_trusted(shard, ev);
    if (shard->draining || slice == NULL) {
        shard->counters.values[MU_COUNTER_PROPOSALS_STALE] += proposals->matches_count;
        return;
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < proposals->matches_count; i++) {
        struct queue_proposed proposed = {
            .pool = slice->pool,
            .proposal = &proposals->matches[i],
            .tickets = &proposals->tickets[at],
        };
        while (at < proposals->tickets_count && proposals->tickets[at].match == i) {
            at++;
            proposed.count++;
        }
        handle(shard, &proposed, slice);
    }
}

/* Answers. */

/* Makes the tickets of a commit free again, or buries those that have gone meanwhile. */
static void release(struct queue_shard *shard, struct queue_commit *done)
{
    uint32_t slot = done->first;
    while (slot != MU_SLOT_NONE) {
        struct queue_ticket *ticket = &shard->tickets[slot];
        uint32_t next = ticket->commit_next;
        ticket->commit = MU_SLOT_NONE;
        ticket->commit_next = MU_SLOT_NONE;
        if (ticket->gone) {
            mu_queue_ticket_bury(shard, slot);
        } else {
            mu_queue_ticket_schedule(shard, slot);
            mu_queue_pools_join(shard, slot);
        }
        slot = next;
    }
    mu_queue_names_give(shard, done);
    done->match[0] = '\0';
    shard->commits_free[shard->commits_free_count++] = (uint32_t)(done - shard->commits);
}

/* Takes the matched tickets out, but those that the log says are queued again. */
static void succeed(struct queue_shard *shard, struct queue_commit *done)
{
    struct queue_pool *pool = &shard->pools[done->pool];
    double players = 0;
    double sum = 0;
    double squares = 0;
    for (uint32_t slot = done->first; slot != MU_SLOT_NONE;
         slot = shard->tickets[slot].commit_next) {
        struct queue_ticket *ticket = &shard->tickets[slot];
        double n = ticket->base.backfill ? 0 : (double)ticket->base.players;
        double rating = (double)ticket->base.rating;
        players += n;
        sum += n * rating;
        squares += n * rating * rating;
        if (!ticket->base.backfill) {
            mu_queue_stats_waited(pool, shard->now_ms - ticket->base.since_ms);
        }
        if (!ticket->gone && ticket->base.version == ticket->commit_version) {
            mu_queue_ticket_remove(shard, slot, false);
        }
    }
    double mean = sum / players;
    mu_queue_stats_matched(pool, (uint32_t)players, sqrt(fmax(squares / players - mean * mean, 0)),
                           done->quality);
    shard->counters.values[MU_COUNTER_MATCHES_COMMITTED]++;
}

/* Adopts what the store says of tickets that have changed. */
static void adopt(struct queue_shard *shard, const struct mu_msg_match_committed *answer)
{
    for (uint32_t i = 0; i < answer->conflicts_count; i++) {
        const struct mu_msg_ticket_ref *truth = &answer->conflicts[i];
        uint32_t slot = mu_queue_ticket_find(shard, truth->id);
        if (slot == MU_SLOT_NONE) {
            continue;
        }
        struct queue_ticket *ticket = &shard->tickets[slot];
        if (ticket->base.backfill) {
            mu_queue_backfill_adopt(shard, slot, truth);
            continue;
        }
        bool unknown = truth->state == MU_TICKET_NONE;
        if (!unknown && truth->version < ticket->base.version) {
            continue; /* the log was faster */
        }
        if (truth->state != MU_TICKET_QUEUED || ticket->foreign) {
            mu_queue_ticket_remove(shard, slot, false);
        } else {
            ticket->base.version = truth->version;
        }
    }
}

void mu_queue_commit_answered(struct queue_shard *shard, uint64_t user, const struct mu_msg *answer)
{
    assert(user < MU_QUEUE_COMMITS_MAX);
    struct queue_commit *done = &shard->commits[user];
    assert(done->match[0] != '\0');
    if (answer->op == MU_OP_MATCH_COMMITTED && answer->match_committed.committed) {
        succeed(shard, done);
    } else {
        shard->counters.values[MU_COUNTER_COMMIT_CONFLICTS]++;
        if (answer->op == MU_OP_MATCH_COMMITTED) {
            adopt(shard, &answer->match_committed);
        }
        if (answer->op != MU_OP_MATCH_COMMITTED || answer->match_committed.conflicts_count == 0) {
            mu_outbox_note(shard->out, "match %s refused -> ask for the log", done->match);
            struct mu_event now = { .type = MU_EV_TIMER, .now_ms = shard->now_ms };
            mu_follow_doubt(&shard->follow, &now);
        }
    }
    release(shard, done);
}
