#include "actors/matcher.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/matcher_state.h"
#include "actors/rules_compile.h"

enum { WORK_MS = 6500 }; /* looks and steps that take about a millisecond */

static struct matcher *matcher_of(struct mu_actor *actor)
{
    return (struct matcher *)actor;
}

static const struct matcher *matcher_of_const(const struct mu_actor *actor)
{
    return (const struct matcher *)actor;
}

/* Proposing. */

static uint64_t work_of(const struct lease *lease)
{
    struct mu_pool_work work;
    mu_pool_work(lease->pool, &work);
    return work.looks + work.steps;
}

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
    if (proposals->matches_count == MU_MATCHER_MATCHES_MAX ||
        proposals->tickets_count + match->count > MU_MATCHER_TICKETS_MAX) {
        send_proposals(matcher);
    }
    for (uint32_t i = 0; i < match->count; i++) {
        const struct mu_engine_member *member = &match->members[i];
        bool sits = member->ticket->backfill; /* its match says where */
        bool spans = member->team == MU_TEAM_SPAN && !sits;
        struct mu_msg_proposed *proposed = &proposals->tickets[proposals->tickets_count++];
        memcpy(proposed->id, member->ticket->id, sizeof proposed->id);
        proposed->version = member->ticket->version;
        proposed->match = proposals->matches_count;
        proposed->team = sits ? 0 : spans ? member->teams[0] : member->team;
        proposed->seats = 0;
        for (uint32_t j = 0; spans && j < member->ticket->players; j++) {
            proposed->seats |= (uint64_t)(member->teams[j] + 1) << (8 * j);
        }
    }
    proposals->matches[proposals->matches_count++] = (struct mu_msg_proposal){
        .region = match->region, .quality = match->quality, .shape = match->shape
    };
    matcher->counters.values[MU_COUNTER_PROPOSED]++;
    return matcher->messages_left > 1 && /* the last one is for what is being filled */
           work_of(matcher->current) < matcher->work_end;
}

static void match_lease(struct matcher *matcher, struct lease *lease, struct mu_outbox *out)
{
    struct mu_msg_proposals *proposals = &matcher->msg.proposals;
    matcher->msg.op = MU_OP_PROPOSALS;
    memcpy(proposals->mode, matcher->config->modes[lease->mode].name, sizeof proposals->mode);
    proposals->slice = lease->slice;
    proposals->generation = lease->generation;
    proposals->seq = lease->seq;
    proposals->matches_count = 0;
    proposals->tickets_count = 0;
    matcher->current = lease;
    uint32_t count = mu_pool_count(lease->pool); /* which each call may pass over once */
    matcher->work_end =
        work_of(lease) + (count > MU_MATCHER_WORK_MAX ? count : MU_MATCHER_WORK_MAX);
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
    ack->slice = lease->slice;
    ack->generation = lease->generation;
    ack->seq = lease->seq;
    ack->resync = lease->resync;
    mu_outbox_event(out, lease->shard, &matcher->msg);
    matcher->counters.values[MU_COUNTER_RESYNCS] += lease->resync;
    lease->ack_due = false;
}

/* Says to all shards that it is here, and how busy it is: by what it has looked at, as it knows no
 * clock but that of its events. */
static void say_here(struct matcher *matcher, struct mu_outbox *out)
{
    struct mu_msg_matcher_here *here = &matcher->msg.matcher_here;
    int64_t passed_ms = matcher->now_ms - matcher->here_last_ms;
    uint64_t could = (uint64_t)(passed_ms > 0 ? passed_ms : 1) * WORK_MS;
    matcher->msg.op = MU_OP_MATCHER_HERE;
    here->draining = matcher->draining;
    here->slices = matcher->leases_count;
    here->busy_permille = matcher->work < could ? 1000 * matcher->work / could : 1000;
    mu_outbox_event(out, "*queue", &matcher->msg);
    matcher->work = 0;
    matcher->here_last_ms = matcher->now_ms;
    matcher->here_ms = matcher->now_ms + MU_MATCHER_HERE_MS;
}

/* For how long a shard may be silent about a slice.  Who drains has heard that it is over, unless
 * that was lost. */
static int64_t silence_of(const struct matcher *matcher)
{
    return matcher->draining ? MU_MATCHER_DRAIN_SILENCE_MS : MU_MATCHER_SILENCE_MS;
}

static void end_batch(struct matcher *matcher, struct mu_outbox *out)
{
    uint32_t end = matcher->leases_end;
    uint32_t first = matcher->turn < end ? matcher->turn : 0;
    uint64_t work = 0;
    bool waits = false;
    int64_t silence_ms = silence_of(matcher);
    matcher->messages_left = MU_MATCHER_BATCH_MAX;
    matcher->turn = 0;
    for (uint32_t n = 0; n < end; n++) {
        uint32_t i = (first + n) % end;
        struct lease *lease = &matcher->leases[i];
        if (lease->key[0] == '\0') {
            continue;
        }
        if (lease->ack_due) {
            acknowledge(matcher, lease, out);
        }
        if (matcher->now_ms - lease->heard_ms >= silence_ms) {
            mu_outbox_note(out, "pool %s is silent -> forgotten", lease->key);
            mu_matcher_lease_end(matcher, lease);
        } else if (lease->ready && mu_pool_next_moment(lease->pool) <= matcher->now_ms) {
            if (matcher->messages_left > 1 && work < MU_MATCHER_WORK_MAX) {
                uint64_t before = work_of(lease);
                match_lease(matcher, lease, out);
                work += work_of(lease) - before;
            } else if (!waits) {
                waits = true;
                matcher->turn = i;
            }
        }
    }
    matcher->work += work;
    if (matcher->now_ms >= matcher->here_ms) {
        say_here(matcher, out);
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
            mu_matcher_take_sync(matcher, ev, out);
        } else if (ev->msg->op == MU_OP_POOL_EXPLAIN && ev->envelope->frame == MU_FRAME_REQUEST) {
            mu_matcher_explain(matcher, ev, out);
        } else if (ev->envelope->frame == MU_FRAME_REQUEST) {
            mu_outbox_error(out, ev->envelope, MU_ERROR_UNSUPPORTED,
                            "A matcher does not know operation %u.", (unsigned)ev->msg->op);
        }
        break;
    case MU_EV_BATCH_END: end_batch(matcher, out); break;
    case MU_EV_DRAIN:
        matcher->draining = true;
        matcher->here_ms = ev->now_ms; /* its shards hear of it at once */
        break;
    case MU_EV_TIMER: break; /* the batch end that follows does the work */
    case MU_EV_STOP: break;
    }
    return 0;
}

static int64_t deadline(const struct mu_actor *actor)
{
    const struct matcher *matcher = matcher_of_const(actor);
    int64_t earliest = matcher->here_ms;
    for (uint32_t i = 0; i < matcher->leases_end; i++) {
        const struct lease *lease = &matcher->leases[i];
        if (lease->key[0] == '\0') {
            continue;
        }
        int64_t due = lease->heard_ms + silence_of(matcher);
        if (lease->ready && mu_pool_next_moment(lease->pool) < due) {
            due = mu_pool_next_moment(lease->pool);
        }
        earliest = due < earliest ? due : earliest;
    }
    return earliest < matcher->now_ms ? matcher->now_ms : earliest;
}

/* Adds what a pool counted of its rules, by mode and name. */
static void add_rules(const struct matcher *matcher, const struct lease *lease,
                      struct mu_msg_stats *ret)
{
    const struct mu_rules *rules = lease->book.shapes[0];
    const struct mu_rule_count *counts = mu_pool_rule_counts(lease->pool);
    const char *mode = matcher->config->modes[lease->mode].name;
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        uint32_t at = 0;
        while (at < ret->rules_count && (strcmp(ret->rules[at].mode, mode) != 0 ||
                                         strcmp(ret->rules[at].rule, rules->rules[i].name) != 0)) {
            at++;
        }
        if (at == ret->rules_count) {
            if (at == sizeof ret->rules / sizeof ret->rules[0]) {
                return;
            }
            ret->rules[at] = (struct mu_msg_rule_stats){ .passed = 0 };
            memcpy(ret->rules[at].mode, mode, sizeof ret->rules[at].mode);
            memcpy(ret->rules[at].rule, rules->rules[i].name, sizeof ret->rules[at].rule);
            ret->rules_count++;
        }
        ret->rules[at].passed += counts[i].passed;
        ret->rules[at].failed += counts[i].failed;
    }
}

static void stats(const struct mu_actor *actor, int64_t now_ms, struct mu_msg_stats *ret)
{
    const struct matcher *matcher = matcher_of_const(actor);
    struct mu_counters counters = matcher->counters;
    ret->rules_count = 0;
    for (uint32_t i = 0; i < matcher->leases_end; i++) {
        if (matcher->leases[i].key[0] != '\0') {
            counters.values[MU_COUNTER_POOLS]++;
            if (matcher->leases[i].pool != NULL) {
                counters.values[MU_COUNTER_POOL_TICKETS] += mu_pool_count(matcher->leases[i].pool);
                add_rules(matcher, &matcher->leases[i], ret);
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

static enum mu_life life(const struct mu_actor *actor)
{
    return matcher_of_const(actor)->draining ? MU_LIFE_DRAINING : MU_LIFE_SERVING;
}

static bool drained(const struct mu_actor *actor)
{
    return matcher_of_const(actor)->leases_count == 0;
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
    matcher->by_key = mu_map_create(MU_MATCHER_POOLS_MAX, MU_MATCHER_KEY_MAX, env->seed);
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
    .life = life,
    .drained = drained,
    .check = check,
    .destroy = destroy,
};
