/* actors/matcher_leases.c - the slices of pools that a matcher has, as shards tell of them. */
#include "actors/matcher_state.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "actors/rules_compile.h"

static void lease_key(const char *shard, const char *mode, uint64_t slice,
                      char ret[MU_MATCHER_KEY_MAX + 1])
{
    int n = snprintf(ret, MU_MATCHER_KEY_MAX + 1, "%s/%s/%u", shard, mode, (unsigned)slice);
    assert(n > 0 && n <= MU_MATCHER_KEY_MAX);
}

void mu_matcher_lease_end(struct matcher *matcher, struct lease *lease)
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

struct lease *mu_matcher_lease(struct matcher *matcher, const char *shard, const char *mode,
                               uint64_t slice)
{
    char key[MU_MATCHER_KEY_MAX + 1];
    lease_key(shard, mode, slice, key);
    uint32_t index = mu_map_get(matcher->by_key, key);
    return index == MU_MAP_NONE ? NULL : &matcher->leases[index];
}

static struct lease *lease_begin(struct matcher *matcher, const char *key, const char *shard,
                                 uint32_t mode, uint32_t slice)
{
    if (matcher->leases_count == MU_MATCHER_POOLS_MAX) {
        return NULL;
    }
    uint32_t index = 0;
    while (matcher->leases[index].key[0] != '\0') {
        index++;
    }
    struct lease *lease = &matcher->leases[index];
    *lease = (struct lease){ .mode = mode, .slice = slice };
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

/* Reads a backfill with its facts: they say who is on which team. */
static int read_backfill(struct matcher *matcher, const struct mu_rules *rules,
                         const struct mu_msg_pool_backfill *told, struct mu_engine_ticket *ret)
{
    struct mu_roster *roster = mu_roster_of_told_backfill(matcher->blocks, told);
    if (roster == NULL) {
        return -EINVAL;
    }
    mu_told_read_backfill(told, matcher->now_ms, ret);
    mu_roster_rate(roster, &rules->objective, ret);
    int r =
        mu_roster_facts(roster, rules, matcher->config, NULL, matcher->facts, MU_FACTS_BYTES_MAX);
    ret->facts = matcher->facts;
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
    for (uint32_t i = 0; i < sync->backfills_count; i++) {
        struct mu_engine_ticket backfill;
        int r = read_backfill(matcher, lease->book.shapes[0], &sync->backfills[i], &backfill);
        r = r != 0 ? r : mu_pool_add(lease->pool, &backfill, matcher->now_ms);
        if (r != 0) {
            mu_outbox_note(out, "backfill %s not taken: %d", sync->backfills[i].id, r);
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

void mu_matcher_take_sync(struct matcher *matcher, const struct mu_event *ev, struct mu_outbox *out)
{
    const struct mu_msg_pool_sync *sync = &ev->msg->pool_sync;
    const char *shard = ev->envelope->source;
    int32_t mode = mu_config_mode(matcher->config, sync->mode);
    if (mode < 0 || sync->config_hash != matcher->config->hash) {
        mu_outbox_note(out, "pool %s of another configuration -> not taken", sync->mode);
        return; /* unacknowledged, it goes to another matcher */
    }
    if (sync->generation == 0) { /* a lease has none yet */
        mu_outbox_note(out, "pool %s has no generation -> not taken", sync->mode);
        return;
    }
    char key[MU_MATCHER_KEY_MAX + 1];
    lease_key(shard, sync->mode, sync->slice, key);
    struct lease *lease = mu_matcher_lease(matcher, shard, sync->mode, sync->slice);
    if (sync->over) {
        if (lease != NULL && sync->generation >= lease->generation) {
            mu_matcher_lease_end(matcher, lease);
        }
        return;
    }
    if (lease == NULL) {
        lease = lease_begin(matcher, key, shard, (uint32_t)mode, (uint32_t)sync->slice);
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
