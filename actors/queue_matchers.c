/* actors/queue_matchers.c - the matchers that say that they are here.
 *
 * Each says so to all shards every MU_MATCHER_HERE_MS; what it says of its slices is a sign of life
 * too.  The table is small: it is looked through. */
#include <assert.h>
#include <string.h>

#include "actors/queue_shard.h"

enum { FORGOTTEN_MS = 60000 }; /* of silence: then a matcher is as if it had never been */
static_assert((int)FORGOTTEN_MS > MU_QUEUE_SILENCE_MS_MAX, "it is silent first");

void mu_queue_matchers_init(struct queue_shard *shard)
{
    memset(shard->matchers, 0, sizeof shard->matchers);
    shard->balance_ms = MU_NEVER;
}

/* The index of an instance, or MU_QUEUE_NOBODY. */
static uint32_t find(const struct queue_shard *shard, const char *instance)
{
    for (uint32_t i = 0; i < MU_QUEUE_MATCHERS_MAX; i++) {
        if (instance[0] != '\0' && strcmp(shard->matchers[i].instance, instance) == 0) {
            return i;
        }
    }
    return MU_QUEUE_NOBODY;
}

/* Slices of this shard that a matcher has. */
static uint32_t slices_of(const struct queue_shard *shard, uint32_t matcher)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < shard->config->modes_count; i++) {
        const struct queue_pool *pool = &shard->pools[i];
        for (uint32_t k = 0; k < pool->edges.slices; k++) {
            count += pool->slices[k].matcher == matcher;
        }
    }
    return count;
}

/* A place for one more: free, or of the one that has been silent for longest; or
 * MU_QUEUE_NOBODY. */
static uint32_t place(const struct queue_shard *shard)
{
    uint32_t best = MU_QUEUE_NOBODY;
    for (uint32_t i = 0; i < MU_QUEUE_MATCHERS_MAX; i++) {
        const struct queue_matcher *matcher = &shard->matchers[i];
        if (matcher->instance[0] == '\0') {
            return i;
        }
        if (matcher->silent &&
            (best == MU_QUEUE_NOBODY || matcher->heard_ms < shard->matchers[best].heard_ms)) {
            best = i;
        }
    }
    return best;
}

static uint32_t add(struct queue_shard *shard, const char *instance)
{
    uint32_t index = place(shard);
    if (index == MU_QUEUE_NOBODY) {
        mu_outbox_note(shard->out, "matcher %s: too many -> ignored", instance);
        return index;
    }
    shard->matchers[index] = (struct queue_matcher){ .silence_ms = MU_QUEUE_SILENCE_MS };
    memcpy(shard->matchers[index].instance, instance, strnlen(instance, MU_ADDRESS_MAX));
    return index;
}

/* It was not gone: it is slow, or cut off now and then.  To take its slices again and again would
 * cost more than to wait a little longer. */
static void come_back(struct queue_matcher *matcher)
{
    int64_t longer_ms = 2 * matcher->silence_ms;
    matcher->silent = false;
    matcher->proven = false;
    matcher->silence_ms = longer_ms < MU_QUEUE_SILENCE_MS_MAX ? longer_ms : MU_QUEUE_SILENCE_MS_MAX;
}

void mu_queue_matcher_here(struct queue_shard *shard, const struct mu_event *ev)
{
    const struct mu_msg_matcher_here *here = &ev->msg->matcher_here;
    uint32_t index = find(shard, ev->envelope->source);
    bool fresh = index == MU_QUEUE_NOBODY || shard->matchers[index].silent;
    if (index == MU_QUEUE_NOBODY && !here->draining) {
        index = add(shard, ev->envelope->source);
    } else if (index != MU_QUEUE_NOBODY && fresh) {
        come_back(&shard->matchers[index]);
    }
    if (index == MU_QUEUE_NOBODY) {
        return;
    }
    struct queue_matcher *matcher = &shard->matchers[index];
    uint32_t own = slices_of(shard, index);
    bool leaves = here->draining && !matcher->draining;
    matcher->heard_ms = ev->now_ms;
    matcher->others = here->slices > own ? (uint32_t)here->slices - own : 0;
    matcher->busy_permille = (uint32_t)here->busy_permille;
    matcher->draining = matcher->draining || here->draining;
    if (fresh || leaves) {
        mu_outbox_note(shard->out, "matcher %s %s", matcher->instance,
                       leaves ? "hands over" : "is here");
        mu_queue_pools_recut(shard);
        mu_queue_assign_soon(shard, false);
    }
}

static void fall_silent(struct queue_shard *shard, uint32_t index)
{
    struct queue_matcher *matcher = &shard->matchers[index];
    mu_outbox_note(shard->out, "matcher %s is silent", matcher->instance);
    for (uint32_t k = 0; k < shard->config->modes_count; k++) {
        struct queue_pool *pool = &shard->pools[k];
        for (uint32_t n = 0; n < pool->edges.slices; n++) {
            if (pool->slices[n].matcher == index) {
                mu_queue_slice_end(shard, &pool->slices[n]);
            }
        }
    }
    matcher->silent = true;
    matcher->others = 0;
}

/* When something is due of a matcher. */
static int64_t due_of(const struct queue_matcher *matcher)
{
    if (matcher->instance[0] == '\0') {
        return MU_NEVER;
    }
    return matcher->heard_ms + (matcher->silent ? FORGOTTEN_MS : matcher->silence_ms);
}

void mu_queue_matchers_tick(struct queue_shard *shard)
{
    for (uint32_t i = 0; i < MU_QUEUE_MATCHERS_MAX; i++) {
        struct queue_matcher *matcher = &shard->matchers[i];
        if (due_of(matcher) <= shard->now_ms && !matcher->silent) {
            fall_silent(shard, i);
        }
        if (due_of(matcher) <= shard->now_ms) {
            matcher->instance[0] = '\0';
        }
    }
}

int64_t mu_queue_matchers_deadline(const struct queue_shard *shard)
{
    int64_t earliest = MU_NEVER;
    for (uint32_t i = 0; i < MU_QUEUE_MATCHERS_MAX; i++) {
        int64_t due_ms = due_of(&shard->matchers[i]);
        earliest = due_ms < earliest ? due_ms : earliest;
    }
    return earliest;
}

uint32_t mu_queue_matchers_usable(const struct queue_shard *shard)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < MU_QUEUE_MATCHERS_MAX; i++) {
        count += mu_queue_matcher_usable(&shard->matchers[i]);
    }
    return count;
}

uint32_t mu_queue_matchers_working(const struct queue_shard *shard)
{
    static_assert(MU_QUEUE_MATCHERS_MAX <= 64, "a bit for each");
    uint64_t work = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < shard->config->modes_count; i++) {
        const struct queue_pool *pool = &shard->pools[i];
        for (uint32_t k = 0; k < pool->edges.slices; k++) {
            work |=
                mu_queue_slice_lives(&pool->slices[k]) ? UINT64_C(1) << pool->slices[k].matcher : 0;
        }
    }
    for (; work != 0; work &= work - 1) {
        count++;
    }
    return count;
}
