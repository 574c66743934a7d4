/* actors/engine_match.c - which tickets to try, in which order; which matches to make.
 *
 * A match can newly be worth forming only for a ticket that has come, or whose moment has.  These
 * are tried as anchors in the order of service, a batch at a time; of what a batch proposes, the
 * best is made first, and whoever loses a member to it is tried again at once.  In a queue without
 * reservations a batch is one match, and those near its anchor who are served before it are asked
 * first: so it is the oldest anchor's, whoever made it possible. */
#include "actors/engine_pool.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/actor.h"

enum {
    ELDERS_MAX = 8,         /* asked before a younger ticket gets its match */
    ELDERS_LOOKS_MAX = 256, /* tickets looked at for them, and as many backfills */
    COMPOSE_FAILURES_MAX = 16,
};
static_assert(COMPOSE_FAILURES_MAX > 1 + ELDERS_MAX, "each call gets beyond one anchor");

/* Tickets that are tried in vain in one call, by generator: so that no call takes much longer than
 * 20 ms. */
static const uint32_t failures_max[] = {
    [MU_GENERATE_PAIR] = 4096,
    [MU_GENERATE_GROUP] = 256,
    [MU_GENERATE_CROWD] = 64,
    [MU_GENERATE_COMPOSE] = COMPOSE_FAILURES_MAX,
};

/* Order. */

/* Sorts [count] tickets of pool->due, the first to be served last: a stable merge sort from below,
 * no recursion, no allocation. */
static void sort_run(struct mu_pool *pool, uint32_t *due, uint32_t count)
{
    for (uint32_t width = 1; width < count; width *= 2) {
        for (uint32_t start = 0; start < count; start += 2 * width) {
            uint32_t a = start;
            uint32_t a_end = start + width < count ? start + width : count;
            uint32_t b = a_end;
            uint32_t b_end = a_end + width < count ? a_end + width : count;
            for (uint32_t i = start; i < b_end; i++) {
                bool take_b =
                    a == a_end || (b < b_end && mu_pool_chooses_before(pool, due[a], due[b]));
                pool->spare[i] = take_b ? due[b++] : due[a++];
            }
        }
        memcpy(due, pool->spare, count * sizeof *due);
    }
}

/* Merges [kept] sorted tickets with those behind them, sorted as well, up to [count].  Returns the
 * index from which on they stand elsewhere. */
static uint32_t merge_runs(struct mu_pool *pool, uint32_t *due, uint32_t kept, uint32_t count)
{
    uint32_t a = kept;
    uint32_t b = count - kept;
    memcpy(pool->spare, due + kept, b * sizeof *due);
    while (b > 0) {
        bool take_a = a > 0 && mu_pool_chooses_before(pool, due[a - 1], pool->spare[b - 1]);
        due[a + b - 1] = take_a ? due[a - 1] : pool->spare[b - 1];
        a -= take_a ? 1 : 0;
        b -= take_a ? 0 : 1;
    }
    return a;
}

/* Sorts pool->due from `from` on, the first to be served last.  Those that are in order already, as
 * a former call has left them, are merged with the others only: O(n + k log k) for k others. */
static void sort_due(struct mu_pool *pool, uint32_t from)
{
    uint32_t *due = pool->due + from;
    uint32_t count = pool->due_count - from;
    uint32_t kept = count > 0 ? 1 : 0;
    while (kept < count && mu_pool_chooses_before(pool, due[kept], due[kept - 1])) {
        kept++;
    }
    if (kept < count) {
        sort_run(pool, due + kept, count - kept);
        kept = merge_runs(pool, due, kept, count);
    }
    for (uint32_t i = kept; i < count; i++) {
        pool->hot[due[i]].due_at = from + i;
    }
}

/* Whether proposal a is made before b: those that are served first by age, the others by
 * surplus. */
static bool is_better(const struct mu_pool *pool, const struct mu_proposal *a,
                      const struct mu_proposal *b)
{
    if (a->rank != b->rank) {
        return a->rank < b->rank;
    }
    if (a->first != b->first) {
        return a->first;
    }
    if (!a->first && a->surplus != b->surplus) {
        return a->surplus > b->surplus;
    }
    if (a->key != b->key) {
        return a->key < b->key;
    }
    return strcmp(pool->cold[a->anchor].id, pool->cold[b->anchor].id) < 0;
}

static void sort_proposals(struct mu_pool *pool)
{
    for (uint32_t i = 0; i < pool->proposals_count; i++) {
        uint32_t at = i;
        while (at > 0 &&
               is_better(pool, &pool->proposals[i], &pool->proposals[pool->order[at - 1]])) {
            pool->order[at] = pool->order[at - 1];
            at--;
        }
        pool->order[at] = i;
    }
}

/* Making a match. */

/* Puts the members into the order of service, with their players' teams. */
static void sort_members(const struct mu_pool *pool, struct mu_proposal *proposal)
{
    uint32_t seats[MU_MATCH_PLAYERS_MAX]; /* where the seats of each begin */
    uint8_t sorted[MU_MATCH_PLAYERS_MAX];
    uint32_t players = 0;
    for (uint32_t i = 0; i < proposal->count; i++) {
        uint32_t slot = proposal->slots[i];
        uint32_t at = i;
        while (at > 0 && mu_pool_before(pool, slot, proposal->slots[at - 1])) {
            proposal->slots[at] = proposal->slots[at - 1];
            seats[at] = seats[at - 1];
            at--;
        }
        proposal->slots[at] = slot;
        seats[at] = players;
        players += pool->hot[slot].players;
    }
    assert(players == proposal->players);
    players = 0;
    for (uint32_t i = 0; i < proposal->count; i++) {
        uint32_t own = pool->hot[proposal->slots[i]].players;
        memcpy(sorted + players, proposal->seats + seats[i], own);
        players += own;
    }
    memcpy(proposal->seats, sorted, players);
}

/* Fills pool->match from a proposal. */
static void describe(struct mu_pool *pool, struct mu_proposal *proposal)
{
    struct mu_engine_match *match = &pool->match;
    const uint8_t *seats = proposal->seats;
    double nearness = 0;
    sort_members(pool, proposal);
    for (uint32_t i = 0; i < proposal->count; i++) {
        uint32_t slot = proposal->slots[i];
        uint32_t players = pool->hot[slot].players;
        mu_pool_read(pool, slot, &pool->tickets[i]);
        struct mu_engine_member *member = &match->members[i];
        *member = (struct mu_engine_member){ .ticket = &pool->tickets[i], .team = seats[0] };
        for (uint32_t k = 0; k < players && players <= MU_TICKET_PLAYERS_MAX; k++) {
            member->teams[k] = seats[k];
            member->team = seats[k] == seats[0] ? member->team : MU_TEAM_SPAN;
        }
        seats += players;
        nearness += (double)mu_pool_nearness(pool, slot)[proposal->region] * players;
    }
    match->count = proposal->count;
    match->region = proposal->region;
    match->shape = proposal->shape;
    match->quality = fmin(proposal->quality * nearness / (double)proposal->players, 1);
    match->surplus = pool->reserve == NULL ? 0 : (double)proposal->surplus * 1e-9;
}

static void take(struct mu_pool *pool, uint32_t slot, int64_t now_ms)
{
    struct mu_hot *hot = &pool->hot[slot];
    mu_pool_unlink(pool, slot);
    mu_pool_undue(pool, slot);
    hot->state = MU_HOT_TAKEN;
    pool->taken_count++;
    mu_heap_set(pool->moments, slot, now_ms + MU_POOL_TAKEN_MS);
}

static void learn(struct mu_pool *pool, const struct mu_proposal *proposal, int64_t now_ms)
{
    for (uint32_t i = 0; i < proposal->count; i++) {
        uint32_t slot = proposal->slots[i];
        double nearness = (double)mu_pool_nearness(pool, slot)[proposal->region];
        mu_pool_learn(pool, slot, proposal->quality * nearness, now_ms);
    }
}

static bool is_free(const struct mu_pool *pool, const struct mu_proposal *proposal)
{
    for (uint32_t i = 0; i < proposal->count; i++) {
        if (pool->hot[proposal->slots[i]].state != MU_HOT_WAITING) {
            return false;
        }
    }
    return true;
}

/* Makes a match of a proposal.  Returns whether to go on. */
static bool make(struct mu_pool *pool, struct mu_proposal *proposal, int64_t now_ms,
                 mu_pool_emit_fn *emit, void *owner)
{
    describe(pool, proposal);
    if (pool->reserve != NULL) {
        learn(pool, proposal, now_ms);
    }
    for (uint32_t i = 0; i < proposal->count; i++) {
        take(pool, proposal->slots[i], now_ms);
    }
    return emit(owner, &pool->match);
}

/* Makes the proposals that do not exclude each other, the best first; the anchors of the others,
 * and of those that come after the owner's stop, are due again, before the rest, as they were.
 * Returns whether to go on. */
static bool settle(struct mu_pool *pool, int64_t now_ms, mu_pool_emit_fn *emit, void *owner,
                   uint32_t *matches)
{
    bool on = true;
    uint32_t before = *matches;
    sort_proposals(pool);
    for (uint32_t i = 0; i < pool->proposals_count && on; i++) {
        struct mu_proposal *proposal = &pool->proposals[pool->order[i]];
        if (is_free(pool, proposal)) {
            on = make(pool, proposal, now_ms, emit, owner);
            (*matches)++;
        }
    }
    uint32_t made = *matches - before;
    if (made == pool->proposals_count && pool->batch < MU_POOL_PROPOSALS_MAX) {
        pool->batch *= 2;
    } else if (on && 4 * made < pool->proposals_count) {
        pool->batch /= 2;
    }
    if (pool->due_count + pool->proposals_count > pool->slots.capacity) {
        mu_pool_compact_due(pool); /* now, so that nothing moves while they are put back */
    }
    uint32_t from = pool->due_count;
    for (uint32_t i = 0; i < pool->proposals_count; i++) {
        uint32_t anchor = pool->proposals[i].anchor;
        if (pool->hot[anchor].state == MU_HOT_WAITING) {
            mu_pool_due(pool, anchor);
        }
    }
    pool->proposals_count = 0;
    sort_due(pool, from);
    return on;
}

static void wake(struct mu_pool *pool, int64_t now_ms)
{
    for (;;) {
        uint32_t slot = mu_heap_pop_due(pool->moments, now_ms);
        if (slot == MU_HEAP_NONE) {
            return;
        }
        if (pool->hot[slot].state == MU_HOT_TAKEN) {
            pool->taken_count--;
            pool->hot[slot].state = MU_HOT_WAITING;
            mu_pool_link(pool, slot);
        }
        mu_pool_due(pool, slot);
    }
}

/* Elders. */

/* Those that wait near `slot`, are served before it, and have not been tried in this call: the
 * first of them, in the order of service.  Returns how many, in ret. */
static uint32_t find_elders(struct mu_pool *pool, uint32_t slot, int64_t now_ms,
                            uint32_t ret[ELDERS_MAX])
{
    uint32_t count = 0;
    for (uint32_t kind = 0; kind < 2; kind++) {
        struct mu_walk walk;
        mu_walk_begin(&walk, pool, slot, mu_pool_reach(pool), kind == 1);
        for (uint32_t looks = 0; looks < ELDERS_LOOKS_MAX; looks++) {
            uint32_t other = mu_walk_next(&walk);
            if (other == MU_SLOT_NONE) {
                break;
            }
            if (pool->hot[other].tried == pool->calls ||
                !mu_pool_chooses_before(pool, other, slot) ||
                !mu_pool_accept(pool, other, slot, now_ms)) {
                continue;
            }
            if ((count == ELDERS_MAX && mu_pool_chooses_before(pool, ret[count - 1], other)) ||
                (pool->generator == MU_GENERATE_COMPOSE &&
                 !mu_desk_can_meet(pool, other, slot, now_ms))) {
                continue;
            }
            uint32_t at = count < ELDERS_MAX ? count++ : ELDERS_MAX;
            for (; at > 0 && mu_pool_chooses_before(pool, other, ret[at - 1]); at--) {
                if (at < ELDERS_MAX) {
                    ret[at] = ret[at - 1];
                }
            }
            if (at < ELDERS_MAX) {
                ret[at] = other;
            }
        }
    }
    return count;
}

/* Who sleeps because there was nothing for it may now choose before a younger one does: with
 * whoever came, or has waited long enough.  Makes such ones due, before `slot`, for which there is
 * a match. Returns whether there are any. */
static bool rouse_elders(struct mu_pool *pool, uint32_t slot, int64_t now_ms)
{
    uint32_t elders[ELDERS_MAX];
    uint32_t count = pool->asleep_count == 0 ? 0 : find_elders(pool, slot, now_ms, elders);
    if (count == 0) {
        return false;
    }
    if (pool->due_count + count + 1 > pool->slots.capacity) {
        mu_pool_compact_due(pool); /* now, so that nothing moves while they are put there */
    }
    uint32_t from = pool->due_count;
    mu_pool_due(pool, slot);
    for (uint32_t i = 0; i < count; i++) {
        mu_pool_due(pool, elders[i]);
    }
    sort_due(pool, from);
    return true;
}

/* Tries a batch of due tickets: of those that are served first, one, as what it takes is not there
 * for the next.  Returns how many in vain. */
static uint32_t propose(struct mu_pool *pool, int64_t now_ms)
{
    uint32_t failures = 0;
    bool roused = pool->reserve != NULL; /* who waits for a good match does not mind the order */
    while (pool->due_count > 0 && pool->proposals_count < pool->batch &&
           failures < failures_max[pool->generator]) {
        uint32_t slot = pool->due[pool->due_count - 1];
        mu_pool_undue(pool, slot);
        int64_t moment = MU_NEVER;
        pool->work->anchors++;
        if (mu_pool_form(pool, slot, now_ms, &pool->proposals[pool->proposals_count], &moment)) {
            if (!roused && rouse_elders(pool, slot, now_ms)) {
                roused = true;
                continue;
            }
            pool->proposals_count++;
            if (pool->proposals[pool->proposals_count - 1].first) {
                break;
            }
            continue;
        }
        failures++;
        assert(moment > now_ms);
        if (moment == MU_NEVER) {
            (void)mu_heap_remove(pool->moments, slot);
        } else {
            mu_heap_set(pool->moments, slot, moment);
        }
    }
    return failures;
}

uint32_t mu_pool_match(struct mu_pool *pool, int64_t now_ms, mu_pool_emit_fn *emit, void *owner)
{
    uint32_t matches = 0;
    uint32_t failures = 0;
    bool on = true;
    pool->calls += pool->calls == UINT32_MAX ? 2 : 1;
    pool->batch = MU_POOL_PROPOSALS_MAX;
    wake(pool, now_ms);
    mu_pool_compact_due(pool);
    mu_pool_receive_due(pool, now_ms);
    pool->asleep_count = pool->waiting_count - pool->due_count;
    sort_due(pool, 0);
    while (on && pool->due_count > 0 && failures < failures_max[pool->generator]) {
        failures += propose(pool, now_ms);
        on = settle(pool, now_ms, emit, owner, &matches);
    }
    return matches;
}

int64_t mu_pool_next_moment(const struct mu_pool *pool)
{
    return pool->due_count > 0 ? INT64_MIN : mu_heap_deadline(pool->moments);
}

void mu_pool_work(const struct mu_pool *pool, struct mu_pool_work *ret)
{
    *ret = *pool->work;
}

size_t mu_pool_bytes(const struct mu_pool *pool)
{
    size_t each = sizeof *pool->hot + sizeof *pool->cold + sizeof *pool->due + sizeof *pool->spare +
                  pool->regions_count * (sizeof(uint16_t) + sizeof(float));
    return pool->slots.capacity * each + mu_blocks_bytes(pool->blocks);
}
