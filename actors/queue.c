#include "actors/queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "actors/queue_shard.h"

enum {
    CALLS_DUE_MAX = 512, /* calls repeated in one step */
    OWN_SLACK = 65536,   /* tickets that come back while the queue is full */
    CALLS_MAX = MU_QUEUE_FORWARDS_MAX + MU_QUEUE_COMMITS_MAX + MU_QUEUE_EXPIRIES_MAX,
};
static_assert(MU_MODES_MAX <= 64, "every pool is shown in STATS");

static struct queue_shard *shard_of(struct mu_actor *actor)
{
    return (struct queue_shard *)actor;
}

static const struct queue_shard *shard_of_const(const struct mu_actor *actor)
{
    return (const struct queue_shard *)actor;
}

/* Life. */

static void destroy(struct mu_actor *actor)
{
    struct queue_shard *shard = shard_of(actor);
    if (shard == NULL) {
        return;
    }
    mu_decoder_destroy(shard->decoder);
    mu_slots_release(&shard->slots);
    free(shard->tickets);
    mu_blocks_destroy(shard->blocks);
    mu_candidate_destroy(shard->candidate);
    free(shard->facts);
    mu_heap_destroy(shard->due);
    mu_calls_destroy(shard->calls);
    free(shard->commits);
    free(shard->commits_free);
    free(shard->forwards);
    free(shard->forwards_free);
    for (uint32_t i = 0; i < shard->pools_count; i++) {
        mu_queue_pool_release(&shard->pools[i]);
    }
    free(shard);
}

static int allocate(struct queue_shard *shard, uint64_t seed)
{
    uint64_t most = 2 * shard->config->settings.tickets_max + OWN_SLACK; /* own and foreign */
    uint32_t first = MU_QUEUE_CAPACITY_FIRST;
    int r = mu_slots_init(&shard->slots, first, most > first ? (uint32_t)most : first, seed);
    if (r != 0) {
        return r;
    }
    shard->decoder = mu_decoder_create();
    shard->tickets = calloc(first, sizeof *shard->tickets);
    shard->blocks = mu_blocks_create();
    shard->candidate = mu_candidate_create();
    shard->facts = malloc(MU_QUEUE_FACTS_BYTES);
    shard->due = mu_heap_create(first);
    shard->calls = mu_calls_create(CALLS_MAX, seed);
    shard->commits = calloc(MU_QUEUE_COMMITS_MAX, sizeof *shard->commits);
    shard->commits_free = calloc(MU_QUEUE_COMMITS_MAX, sizeof *shard->commits_free);
    shard->forwards = calloc(MU_QUEUE_FORWARDS_MAX, sizeof *shard->forwards);
    shard->forwards_free = calloc(MU_QUEUE_FORWARDS_MAX, sizeof *shard->forwards_free);
    if (shard->decoder == NULL || shard->tickets == NULL || shard->blocks == NULL ||
        shard->candidate == NULL || shard->facts == NULL || shard->due == NULL ||
        shard->calls == NULL || shard->commits == NULL || shard->commits_free == NULL ||
        shard->forwards == NULL || shard->forwards_free == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < MU_QUEUE_COMMITS_MAX; i++) {
        shard->commits_free[i] = MU_QUEUE_COMMITS_MAX - 1 - i;
    }
    for (uint32_t i = 0; i < MU_QUEUE_FORWARDS_MAX; i++) {
        shard->forwards_free[i] = MU_QUEUE_FORWARDS_MAX - 1 - i;
    }
    shard->commits_free_count = MU_QUEUE_COMMITS_MAX;
    shard->forwards_free_count = MU_QUEUE_FORWARDS_MAX;
    return 0;
}

static int create(const struct mu_actor_env *env, struct mu_actor **ret)
{
    static const char prefix[] = "queue/";
    if (strncmp(env->partition, prefix, sizeof prefix - 1) != 0) {
        return -EINVAL;
    }
    int32_t region = mu_config_region(env->config, env->partition + sizeof prefix - 1);
    if (region < 0) {
        return -EINVAL;
    }
    struct queue_shard *shard = calloc(1, sizeof *shard);
    if (shard == NULL) {
        return -ENOMEM;
    }
    shard->actor.ops = &mu_queue_ops;
    shard->config = env->config;
    shard->incarnation = env->incarnation;
    shard->region = (uint32_t)region;
    shard->doubt_ms = MU_NEVER;
    shard->ids.rng.state = env->seed;
    shard->dice.state = env->seed ^ env->incarnation;
    mu_follow_init(&shard->follow, env);
    memcpy(shard->partition, shard->follow.partition, sizeof shard->partition);
    shard->pools_count = env->config->modes_count + 1;
    mu_queue_matchers_init(shard);
    int r = 0;
    for (uint32_t i = 0; i < shard->pools_count && r == 0; i++) {
        r = mu_queue_pool_init(shard, i);
    }
    r = r == 0 ? allocate(shard, env->seed) : r;
    if (r != 0) {
        destroy(&shard->actor);
        return r;
    }
    *ret = &shard->actor;
    return 0;
}

/* Messages. */

/* Whether this answer settles a request of ours; others are asked again in time. */
static bool is_definite(const struct mu_msg *answer)
{
    if (answer->op != MU_OP_ERROR) {
        return true;
    }
    int status = mu_error_info((uint32_t)answer->error.code)->status;
    return status >= 400 && status < 500 && status != 425 && status != 429;
}

static int take_reply(struct queue_shard *shard, const struct mu_event *ev)
{
    uint32_t handle = mu_calls_find(shard->calls, shard->incarnation, ev->envelope);
    if (handle == MU_CALL_NONE) {
        return 0; /* late, or repeated */
    }
    const struct mu_call *call = mu_calls_at(shard->calls, handle);
    enum queue_call kind = (enum queue_call)call->kind;
    uint64_t user = call->user;
    if (kind != QUEUE_CALL_EXPLAIN && /* the others are the store's to answer */
        ev->msg->op == MU_OP_ERROR && ev->msg->error.code == MU_ERROR_FENCED) {
        mu_outbox_note(shard->out, "%s has another owner -> end", shard->partition);
        return -ESTALE;
    }
    bool asks_again = kind == QUEUE_CALL_COMMIT || kind == QUEUE_CALL_EXPIRE;
    if (asks_again && !is_definite(ev->msg)) {
        return 0;
    }
    mu_calls_remove(shard->calls, handle);
    switch (kind) {
    case QUEUE_CALL_ADD: mu_queue_request_answered(shard, user, ev->msg); break;
    case QUEUE_CALL_COMMIT: mu_queue_commit_answered(shard, user, ev->msg); break;
    case QUEUE_CALL_EXPIRE: mu_queue_ticket_expired(shard, user, ev->msg); break;
    case QUEUE_CALL_EXPLAIN: mu_queue_explained(shard, user, ev->msg); break;
    }
    return 0;
}

static void take_request(struct queue_shard *shard, const struct mu_event *ev)
{
    if (ev->msg->op == MU_OP_TICKET_ADD) {
        mu_queue_request_add(shard, ev);
    } else if (ev->msg->op == MU_OP_TICKET_LOOK) {
        mu_queue_request_look(shard, ev);
    } else if (ev->msg->op == MU_OP_TICKET_EXPLAIN) {
        mu_queue_explain(shard, ev);
    } else {
        mu_outbox_error(shard->out, ev->envelope, MU_ERROR_UNSUPPORTED,
                        "A queue does not know operation %u.", (unsigned)ev->msg->op);
    }
}

static int take_message(struct queue_shard *shard, const struct mu_event *ev)
{
    enum mu_follow_state before = shard->follow.state;
    int r = mu_follow_message(&shard->follow, ev, shard->out, mu_queue_ticket_changed, shard);
    if (r < 0) {
        return r;
    }
    if (before != MU_FOLLOW_SCAN && shard->follow.state == MU_FOLLOW_SCAN) {
        mu_queue_tickets_scan_begin(shard);
    }
    if (before == MU_FOLLOW_SCAN && shard->follow.state != MU_FOLLOW_SCAN) {
        mu_queue_tickets_scan_end(shard);
    }
    shard->served = shard->served || mu_follow_serving(&shard->follow);
    if (r > 0) {
        return 0;
    }
    switch (ev->envelope->frame) {
    case MU_FRAME_REPLY: return take_reply(shard, ev);
    case MU_FRAME_REQUEST: take_request(shard, ev); return 0;
    case MU_FRAME_EVENT:
        if (ev->msg->op == MU_OP_MATCHER_HERE) {
            mu_queue_matcher_here(shard, ev);
        } else if (ev->msg->op == MU_OP_POOL_ACK) {
            mu_queue_slice_ack(shard, ev);
        } else if (ev->msg->op == MU_OP_PROPOSALS) {
            mu_queue_commit_proposals(shard, ev);
        } else if (ev->msg->op == MU_OP_OFFER) {
            mu_queue_offer_taken(shard, ev);
        }
        return 0;
    case MU_FRAME_CONTROL: return 0;
    }
    return 0;
}

/* Time. */

static int64_t retry_after(uint32_t attempts)
{
    int64_t ms = MU_QUEUE_RETRY_MS;
    for (uint32_t i = 1; i < attempts && ms < MU_QUEUE_RETRY_MS_MAX; i++) {
        ms *= 2;
    }
    return ms < MU_QUEUE_RETRY_MS_MAX ? ms : MU_QUEUE_RETRY_MS_MAX;
}

static void repeat_calls(struct queue_shard *shard)
{
    for (uint32_t i = 0; i < CALLS_DUE_MAX && mu_queue_may_send(shard); i++) {
        uint32_t handle = mu_calls_due(shard->calls, shard->now_ms);
        if (handle == MU_CALL_NONE) {
            return;
        }
        const struct mu_call *call = mu_calls_at(shard->calls, handle);
        uint64_t user = call->user;
        uint32_t attempts = call->attempts + 1;
        uint64_t sequence = 0;
        switch ((enum queue_call)call->kind) {
        case QUEUE_CALL_ADD: mu_queue_request_answered(shard, user, NULL); break;
        case QUEUE_CALL_COMMIT: sequence = mu_queue_commit_again(shard, user); break;
        case QUEUE_CALL_EXPIRE: sequence = mu_queue_ticket_expire_again(shard, user); break;
        case QUEUE_CALL_EXPLAIN: mu_queue_explained(shard, user, NULL); break;
        }
        if (sequence == 0) {
            mu_calls_remove(shard->calls, handle);
        } else {
            mu_calls_again(shard->calls, handle, sequence, shard->now_ms + retry_after(attempts));
        }
    }
}

static void tick(struct queue_shard *shard, const struct mu_event *ev)
{
    if (ev->now_ms >= shard->doubt_ms) {
        if (mu_queue_ticket_find(shard, shard->doubted) == MU_SLOT_NONE) {
            mu_follow_doubt(&shard->follow, ev);
        }
        shard->doubt_ms = MU_NEVER;
    }
    mu_follow_tick(&shard->follow, ev, shard->out);
    repeat_calls(shard);
    if (!shard->draining) {
        mu_queue_tickets_due(shard);
    }
}

/* Gives the partition back once nothing is under way: what waits is in the store. */
static void hand_over(struct queue_shard *shard, const struct mu_event *ev)
{
    if (shard->draining && mu_calls_count(shard->calls) == 0) {
        mu_follow_release(&shard->follow, ev, shard->out);
    }
}

static int step(struct mu_actor *actor, const struct mu_event *ev, struct mu_outbox *out)
{
    struct queue_shard *shard = shard_of(actor);
    int r = 0;
    shard->now_ms = ev->now_ms;
    shard->wall_ms = ev->wall_ms;
    shard->out = out;
    shard->out_bytes = out->bytes_used;
    switch (ev->type) {
    case MU_EV_START:
        shard->started_ms = ev->now_ms;
        mu_follow_tick(&shard->follow, ev, out);
        break;
    case MU_EV_MESSAGE: r = take_message(shard, ev); break;
    case MU_EV_TIMER: tick(shard, ev); break;
    case MU_EV_BATCH_END:
        mu_queue_offers_flush(shard);
        mu_queue_pools_flush(shard);
        break;
    case MU_EV_DRAIN: shard->draining = true; break;
    case MU_EV_STOP: break;
    }
    hand_over(shard, ev);
    shard->out = NULL;
    return r != 0 ? r : shard->failed;
}

static int64_t deadline(const struct mu_actor *actor)
{
    const struct queue_shard *shard = shard_of_const(actor);
    int64_t dues[] = {
        mu_follow_deadline(&shard->follow),
        mu_calls_deadline(shard->calls),
        mu_queue_pools_deadline(shard),
        shard->doubt_ms,
        shard->draining ? MU_NEVER : mu_heap_deadline(shard->due),
    };
    int64_t earliest = MU_NEVER;
    for (uint32_t i = 0; i < sizeof dues / sizeof dues[0]; i++) {
        earliest = dues[i] < earliest ? dues[i] : earliest;
    }
    return earliest < shard->now_ms ? shard->now_ms : earliest;
}

static void stats(const struct mu_actor *actor, int64_t now_ms, struct mu_msg_stats *ret)
{
    mu_queue_stats_fill(shard_of_const(actor), now_ms, ret);
}

static uint64_t epoch(const struct mu_actor *actor)
{
    return mu_follow_epoch(&shard_of_const(actor)->follow);
}

static enum mu_life life(const struct mu_actor *actor)
{
    const struct queue_shard *shard = shard_of_const(actor);
    return shard->draining ? MU_LIFE_DRAINING : mu_follow_life(&shard->follow);
}

static bool drained(const struct mu_actor *actor)
{
    return mu_follow_released(&shard_of_const(actor)->follow);
}

/* Invariants. */

static void check_ticket(const struct queue_shard *shard, uint32_t slot)
{
    const struct queue_ticket *ticket = &shard->tickets[slot];
    assert(mu_slots_get(&shard->slots, ticket->base.id) == slot);
    assert(!ticket->gone || ticket->commit != MU_SLOT_NONE);
    assert(mu_heap_has(shard->due, slot) == mu_queue_ticket_free(ticket));
    assert(!(ticket->foreign && ticket->expiring));
    if (ticket->commit != MU_SLOT_NONE) {
        const struct queue_commit *made = &shard->commits[ticket->commit];
        assert(made->match[0] != '\0');
        for (uint32_t i = 0; i < ticket->places_count; i++) {
            assert(ticket->places[i].told == 0);
        }
    }
}

static void check(const struct mu_actor *actor)
{
    const struct queue_shard *shard = shard_of_const(actor);
    uint32_t present = 0;
    uint32_t places = 0; /* of tickets that are not gone */
    uint32_t committing = 0;
    mu_slots_check(&shard->slots);
    mu_heap_check(shard->due);
    for (uint32_t i = 0; i < shard->slots.capacity; i++) {
        if (shard->tickets[i].base.id[0] != '\0') {
            check_ticket(shard, i);
            places += shard->tickets[i].gone ? 0 : shard->tickets[i].places_count;
            committing += shard->tickets[i].commit != MU_SLOT_NONE;
            present++;
        }
    }
    assert(present == mu_slots_count(&shard->slots));
    uint32_t members = 0;
    for (uint32_t i = 0; i < shard->pools_count; i++) {
        members += mu_queue_pool_check(shard, i);
    }
    assert(members == places);
    uint32_t in_commits = 0;
    uint32_t names = 0;
    for (uint32_t i = 0; i < MU_QUEUE_COMMITS_MAX; i++) {
        in_commits += shard->commits[i].match[0] != '\0' ? shard->commits[i].count : 0;
        names += shard->commits[i].names != NULL;
    }
    assert(mu_blocks_count(shard->blocks) == present + names);
    assert(in_commits == committing);
    assert(shard->offers_count <= MU_QUEUE_OFFERS_MAX);
    assert(mu_calls_count(shard->calls) == MU_QUEUE_COMMITS_MAX - shard->commits_free_count +
                                               MU_QUEUE_FORWARDS_MAX - shard->forwards_free_count +
                                               shard->expiries_count);
}

const struct mu_actor_ops mu_queue_ops = {
    .kind = "queue",
    .create = create,
    .step = step,
    .deadline = deadline,
    .stats = stats,
    .epoch = epoch,
    .life = life,
    .drained = drained,
    .check = check,
    .destroy = destroy,
};
