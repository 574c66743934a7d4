#include "actors/matcher.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/roster.h"
#include "actors/rules_compile.h"
#include "core/config.h"
#include "core/counters.h"
#include "core/map.h"

enum {
    KEY_MAX = MU_ADDRESS_MAX + 1 + MU_ID_MAX, /* shard, '/', mode */
    MATCHES_MAX = 64,                         /* of one PROPOSALS */
    TICKETS_MAX = 512,                        /* of one PROPOSALS */
};
static_assert(KEY_MAX <= MU_MAP_KEY_MAX, "a pool's key is a map key");
static_assert(TICKETS_MAX >= MU_MATCH_PLAYERS_MAX, "the largest match fits into one message");

/* One pool of one shard. */
struct lease {
    char key[KEY_MAX + 1]; /* "": not in use */
    char shard[MU_ADDRESS_MAX + 1];
    uint32_t mode;       /* index */
    uint64_t generation; /* of the shard's assignment */
    uint64_t seq;        /* last POOL_SYNC that was applied */
    bool ready;          /* the snapshot is complete */
    bool resync;         /* something is missing: wait for a new generation */
    bool ack_due;        /* in this batch */
    int64_t heard_ms;    /* last POOL_SYNC */
    struct mu_rulebook book;
    uint64_t rules_version; /* of the book */
    struct mu_pool *pool;   /* NULL before the first generation */
};

struct matcher {
    struct mu_actor actor;
    const struct mu_config *config;
    uint64_t seed;
    int64_t started_ms;
    int64_t now_ms;        /* of the last event */
    struct mu_map *by_key; /* lease key -> index */
    struct lease leases[MU_MATCHER_POOLS_MAX];
    uint32_t leases_count; /* in use: 0..leases_end */
    uint32_t leases_end;   /* one above the highest in use */
    struct mu_counters counters;
    uint32_t messages_left;   /* PROPOSALS that this batch may still send */
    struct lease *current;    /* while it proposes */
    struct mu_outbox *out;    /* while it proposes */
    struct mu_blocks *blocks; /* of a roster that is being read */
    struct mu_facts *facts;   /* [MU_FACTS_BYTES_MAX] of the ticket that is being read */
    struct mu_msg msg;        /* scratch: PROPOSALS being filled, then any */
};

static struct matcher *matcher_of(struct mu_actor *actor)
{
    return (struct matcher *)actor;
}

static const struct matcher *matcher_of_const(const struct mu_actor *actor)
{
    return (const struct matcher *)actor;
}

/* Leases. */

static void lease_key(const char *shard, const char *mode, char ret[KEY_MAX + 1])
{
    int n = snprintf(ret, KEY_MAX + 1, "%s/%s", shard, mode);
    assert(n > 0 && n <= KEY_MAX);
}

static void lease_end(struct matcher *matcher, struct lease *lease)
{
    (void)mu_map_remove(matcher->by_key, lease->key);
    mu_pool_destroy(lease->pool);
    mu_rulebook_release(&lease->book);
    *lease = (struct lease){ .key = "" };
    matcher->leases_count--;
    while (matcher->leases_end > 0 && matcher->leases[matcher->leases_end - 1].key[0] == '\0') {
        matcher->leases_end--;
    }
}

static struct lease *lease_begin(struct matcher *matcher, const char *key, const char *shard,
                                 uint32_t mode)
{
    if (matcher->leases_count == MU_MATCHER_POOLS_MAX) {
        return NULL;
    }
    uint32_t index = 0;
    while (matcher->leases[index].key[0] != '\0') {
        index++;
    }
    struct lease *lease = &matcher->leases[index];
    *lease = (struct lease){ .mode = mode };
    (void)snprintf(lease->key, sizeof lease->key, "%s", key);
    (void)snprintf(lease->shard, sizeof lease->shard, "%s", shard);
    int r = mu_map_put(matcher->by_key, key, index);
    assert(r == 0);
    matcher->leases_count++;
    if (index >= matcher->leases_end) {
        matcher->leases_end = index + 1;
    }
    return lease;
}

/* Makes the book and the pool of a generation: anew when the rules are others than before.
 * Returns whether it could. */
static bool lease_prepare(struct matcher *matcher, struct lease *lease,
                          const struct mu_msg_pool_sync *sync, struct mu_outbox *out)
{
    if (lease->pool != NULL && lease->rules_version == sync->rules_version) {
        mu_pool_clear(lease->pool);
        return true;
    }
    struct mu_rulebook book;
    if (mu_rules_of_queue(matcher->config, lease->mode, sync->rules, sync->rules_version, &book) !=
        0) {
        mu_outbox_note(out, "pool %s: rule set version %llu is not understood", lease->key,
                       (unsigned long long)sync->rules_version);
        return false;
    }
    mu_pool_destroy(lease->pool);
    mu_rulebook_release(&lease->book);
    uint64_t tickets_max = 2 * matcher->config->settings.tickets_max; /* own and foreign */
    if (tickets_max > MU_POOL_CAPACITY_MAX) {
        tickets_max = MU_POOL_CAPACITY_MAX;
    }
    lease->book = book;
    lease->rules_version = sync->rules_version;
    lease->pool =
        mu_pool_create(matcher->config, &lease->book, (uint32_t)tickets_max, matcher->seed);
    return lease->pool != NULL;
}

/* What shards say. */

/* Reads a ticket, with facts when the rules need them.  Returns 0 or -errno. */
static int read_ticket(struct matcher *matcher, const struct mu_rules *rules,
                       const struct mu_msg_pool_ticket *told, struct mu_engine_ticket *ret)
{
    struct mu_roster *roster = mu_roster_of_told(matcher->blocks, told);
    if (roster == NULL) {
        return -EINVAL;
    }
    int r = 0;
    mu_told_read(told, matcher->now_ms, ret);
    mu_roster_rate(roster, &rules->objective, ret);
    if (rules->needs != 0) {
        r = mu_roster_facts(roster, rules, matcher->config, NULL, matcher->facts,
                            MU_FACTS_BYTES_MAX);
        ret->facts = matcher->facts;
    }
    mu_roster_give(matcher->blocks, roster);
    return r;
}

static void apply(struct matcher *matcher, struct lease *lease, const struct mu_msg_pool_sync *sync,
                  struct mu_outbox *out)
{
    for (uint32_t i = 0; i < sync->leaves_count; i++) {
        (void)mu_pool_remove(lease->pool, sync->leaves[i].id, MU_LEAVE_ELSEWHERE, matcher->now_ms);
    }
    for (uint32_t i = 0; i < sync->quits_count; i++) {
        (void)mu_pool_remove(lease->pool, sync->quits[i].id, MU_LEAVE_GAVE_UP, matcher->now_ms);
    }
    for (uint32_t i = 0; i < sync->joins_count; i++) {
        struct mu_engine_ticket ticket;
        int r = read_ticket(matcher, lease->book.shapes[0], &sync->joins[i], &ticket);
        r = r != 0 ? r : mu_pool_add(lease->pool, &ticket, matcher->now_ms);
        if (r != 0) { /* it can never match under these rules */
            mu_outbox_note(out, "ticket %s not taken: %d", sync->joins[i].id, r);
        }
    }
    lease->seq = sync->seq;
    lease->ready = sync->ready;
}

/* Begins a generation, when this is its first message; else what came before is missing. */
static void take_generation(struct matcher *matcher, struct lease *lease,
                            const struct mu_msg_pool_sync *sync, struct mu_outbox *out)
{
    lease->generation = sync->generation;
    lease->seq = 0;
    lease->ready = false;
    lease->resync = sync->seq != 1;
    if (lease->resync) {
        return;
    }
    if (lease_prepare(matcher, lease, sync, out)) {
        apply(matcher, lease, sync, out);
    } else {
        lease->resync = true;
        lease->ack_due = false; /* unacknowledged, it goes to another matcher */
    }
}

static void take_sync(struct matcher *matcher, const struct mu_event *ev, struct mu_outbox *out)
{
    const struct mu_msg_pool_sync *sync = &ev->msg->pool_sync;
    const char *shard = ev->envelope->source;
    int32_t mode = mu_config_mode(matcher->config, sync->mode);
    if (mode < 0 || sync->config_hash != matcher->config->hash) {
        mu_outbox_note(out, "pool %s of another configuration -> not taken", sync->mode);
        return; /* unacknowledged, it goes to another matcher */
    }
    char key[KEY_MAX + 1];
    lease_key(shard, sync->mode, key);
    uint32_t index = mu_map_get(matcher->by_key, key);
    struct lease *lease = NULL;
    if (index != MU_MAP_NONE) {
        lease = &matcher->leases[index];
    } else {
        lease = lease_begin(matcher, key, shard, (uint32_t)mode);
    }
    if (lease == NULL) {
        mu_outbox_note(out, "pool %s not taken: too many", key);
        return;
    }
    if (sync->generation < lease->generation) {
        return; /* late */
    }
    lease->heard_ms = ev->now_ms;
    lease->ack_due = true;
    if (sync->generation > lease->generation) {
        take_generation(matcher, lease, sync, out);
    } else if (!lease->resync && sync->seq == lease->seq + 1) {
        apply(matcher, lease, sync, out);
    } else if (sync->seq > lease->seq) {
        lease->resync = true;
    }
    if (lease->resync) {
        lease->ready = false;
    }
}

/* Proposing. */

static void send_proposals(struct matcher *matcher)
{
    struct mu_msg_proposals *proposals = &matcher->msg.proposals;
    if (proposals->matches_count > 0) {
        mu_outbox_event(matcher->out, matcher->current->shard, &matcher->msg);
        matcher->messages_left--;
        proposals->matches_count = 0;
        proposals->tickets_count = 0;
    }
}

static bool propose(void *owner, const struct mu_engine_match *match)
{
    struct matcher *matcher = owner;
    struct mu_msg_proposals *proposals = &matcher->msg.proposals;
    if (proposals->matches_count == MATCHES_MAX ||
        proposals->tickets_count + match->count > TICKETS_MAX) {
        send_proposals(matcher);
    }
    for (uint32_t i = 0; i < match->count; i++) {
        const struct mu_engine_member *member = &match->members[i];
        bool spans = member->team == MU_TEAM_SPAN;
        struct mu_msg_proposed *proposed = &proposals->tickets[proposals->tickets_count++];
        memcpy(proposed->id, member->ticket->id, sizeof proposed->id);
        proposed->version = member->ticket->version;
        proposed->match = proposals->matches_count;
        proposed->team = spans ? member->teams[0] : member->team;
        proposed->seats = 0;
        for (uint32_t j = 0; spans && j < member->ticket->players; j++) {
            proposed->seats |= (uint64_t)(member->teams[j] + 1) << (8 * j);
        }
    }
    proposals->matches[proposals->matches_count++] = (struct mu_msg_proposal){
        .region = match->region, .quality = match->quality, .shape = match->shape
    };
    matcher->counters.values[MU_COUNTER_PROPOSED]++;
    return matcher->messages_left > 1; /* the last one is for what is being filled */
}

static void match_lease(struct matcher *matcher, struct lease *lease, struct mu_outbox *out)
{
    struct mu_msg_proposals *proposals = &matcher->msg.proposals;
    matcher->msg.op = MU_OP_PROPOSALS;
    memcpy(proposals->mode, matcher->config->modes[lease->mode].name, sizeof proposals->mode);
    proposals->generation = lease->generation;
    proposals->seq = lease->seq;
    proposals->matches_count = 0;
    proposals->tickets_count = 0;
    matcher->current = lease;
    matcher->out = out;
    (void)mu_pool_match(lease->pool, matcher->now_ms, propose, matcher);
    send_proposals(matcher);
    matcher->current = NULL;
    matcher->out = NULL;
}

static void acknowledge(struct matcher *matcher, struct lease *lease, struct mu_outbox *out)
{
    struct mu_msg_pool_ack *ack = &matcher->msg.pool_ack;
    matcher->msg.op = MU_OP_POOL_ACK;
    memcpy(ack->mode, matcher->config->modes[lease->mode].name, sizeof ack->mode);
    ack->generation = lease->generation;
    ack->seq = lease->seq;
    ack->resync = lease->resync;
    mu_outbox_event(out, lease->shard, &matcher->msg);
    matcher->counters.values[MU_COUNTER_RESYNCS] += lease->resync;
    lease->ack_due = false;
}

static void end_batch(struct matcher *matcher, struct mu_outbox *out)
{
    matcher->messages_left = MU_MATCHER_BATCH_MAX;
    for (uint32_t i = 0; i < matcher->leases_end; i++) {
        struct lease *lease = &matcher->leases[i];
        if (lease->key[0] == '\0') {
            continue;
        }
        if (lease->ack_due) {
            acknowledge(matcher, lease, out);
        }
        if (matcher->now_ms - lease->heard_ms >= MU_MATCHER_SILENCE_MS) {
            mu_outbox_note(out, "pool %s is silent -> forgotten", lease->key);
            lease_end(matcher, lease);
        } else if (lease->ready && matcher->messages_left > 1 &&
                   mu_pool_next_moment(lease->pool) <= matcher->now_ms) {
            match_lease(matcher, lease, out);
        }
    }
}

/* The actor. */

static int step(struct mu_actor *actor, const struct mu_event *ev, struct mu_outbox *out)
{
    struct matcher *matcher = matcher_of(actor);
    matcher->now_ms = ev->now_ms;
    switch (ev->type) {
    case MU_EV_START: matcher->started_ms = ev->now_ms; break;
    case MU_EV_MESSAGE:
        if (ev->msg->op == MU_OP_POOL_SYNC) {
            take_sync(matcher, ev, out);
        } else if (ev->envelope->frame == MU_FRAME_REQUEST) {
            mu_outbox_error(out, ev->envelope, MU_ERROR_UNSUPPORTED, "A matcher answers nothing.");
        }
        break;
    case MU_EV_BATCH_END: end_batch(matcher, out); break;
    case MU_EV_TIMER: break; /* the batch end that follows does the work */
    case MU_EV_STOP: break;
    }
    return 0;
}

static int64_t deadline(const struct mu_actor *actor)
{
    const struct matcher *matcher = matcher_of_const(actor);
    int64_t earliest = MU_NEVER;
    for (uint32_t i = 0; i < matcher->leases_end; i++) {
        const struct lease *lease = &matcher->leases[i];
        if (lease->key[0] == '\0') {
            continue;
        }
        int64_t due = lease->heard_ms + MU_MATCHER_SILENCE_MS;
        if (lease->ready && mu_pool_next_moment(lease->pool) < due) {
            due = mu_pool_next_moment(lease->pool);
        }
        earliest = due < earliest ? due : earliest;
    }
    return earliest < matcher->now_ms ? matcher->now_ms : earliest;
}

static void stats(const struct mu_actor *actor, int64_t now_ms, struct mu_msg_stats *ret)
{
    const struct matcher *matcher = matcher_of_const(actor);
    struct mu_counters counters = matcher->counters;
    for (uint32_t i = 0; i < matcher->leases_end; i++) {
        if (matcher->leases[i].key[0] != '\0') {
            counters.values[MU_COUNTER_POOLS]++;
            if (matcher->leases[i].pool != NULL) {
                counters.values[MU_COUNTER_POOL_TICKETS] += mu_pool_count(matcher->leases[i].pool);
            }
        }
    }
    ret->partition[0] = '\0';
    ret->counters_count = 0;
    ret->pools_count = 0;
    (void)snprintf(ret->kind, sizeof ret->kind, "%s", mu_matcher_ops.kind);
    ret->ready = true;
    ret->uptime_ms = (uint64_t)(now_ms - matcher->started_ms);
    mu_counters_export(&counters, ret);
}

static uint64_t epoch(const struct mu_actor *actor)
{
    (void)actor; /* owns no partition */
    return 0;
}

static void check(const struct mu_actor *actor)
{
    const struct matcher *matcher = matcher_of_const(actor);
    uint32_t used = 0;
    for (uint32_t i = 0; i < MU_MATCHER_POOLS_MAX; i++) {
        const struct lease *lease = &matcher->leases[i];
        if (lease->key[0] == '\0') {
            assert(lease->pool == NULL);
            continue;
        }
        used++;
        assert(i < matcher->leases_end);
        assert(mu_map_get(matcher->by_key, lease->key) == i);
        assert(!(lease->ready && lease->resync));
        assert(lease->pool != NULL || !lease->ready);
        if (lease->pool != NULL) {
            mu_pool_check(lease->pool);
        }
    }
    assert(used == matcher->leases_count);
    mu_map_check(matcher->by_key);
}

static void destroy(struct mu_actor *actor)
{
    struct matcher *matcher = matcher_of(actor);
    if (matcher == NULL) {
        return;
    }
    for (uint32_t i = 0; i < MU_MATCHER_POOLS_MAX; i++) {
        mu_pool_destroy(matcher->leases[i].pool);
        mu_rulebook_release(&matcher->leases[i].book);
    }
    free(matcher->facts);
    mu_blocks_destroy(matcher->blocks);
    mu_map_destroy(matcher->by_key);
    free(matcher);
}

static int create(const struct mu_actor_env *env, struct mu_actor **ret)
{
    struct matcher *matcher = calloc(1, sizeof *matcher);
    if (matcher == NULL) {
        return -ENOMEM;
    }
    matcher->actor.ops = &mu_matcher_ops;
    matcher->config = env->config;
    matcher->seed = env->seed;
    matcher->by_key = mu_map_create(MU_MATCHER_POOLS_MAX, KEY_MAX, env->seed);
    matcher->blocks = mu_blocks_create();
    matcher->facts = malloc(MU_FACTS_BYTES_MAX);
    if (matcher->by_key == NULL || matcher->blocks == NULL || matcher->facts == NULL) {
        destroy(&matcher->actor);
        return -ENOMEM;
    }
    *ret = &matcher->actor;
    return 0;
}

const struct mu_actor_ops mu_matcher_ops = {
    .kind = "matcher",
    .create = create,
    .step = step,
    .deadline = deadline,
    .stats = stats,
    .epoch = epoch,
    .check = check,
    .destroy = destroy,
};
