/* actors/queue_assign.c - which slice is whose.
 *
 * A slice stays where it is: a move costs a snapshot, and what its matcher has learnt of it.  It
 * moves when its matcher is silent, drains, or does not take it; and when another matcher has so
 * much less to do that the move makes them more equal.  A slice weighs more the more tickets it
 * has.  Those of other shards count as well, as far as matchers say how many they have; as all
 * shards see the same and do the same, each does its part only.
 *
 * A matcher that has not taken anything yet gets one slice at a time: it may be of another
 * configuration, and then takes none. */
#include <assert.h>
#include <string.h>

#include "actors/queue_shard.h"

enum {
    WEIGHT = 16,            /* of a slice, */
    WEIGHT_TICKETS = 64,    /* and one more for so many tickets, */
    WEIGHT_MORE_MAX = 64,   /* up to so much */
    SHY_MS = 10000,         /* a matcher that did not take a slice comes after others for so long */
    BALANCE_MS = 5000,      /* between two looks whether a slice should move, when nobody came */
    BALANCE_SOON_MS = 1000, /* the same, where chance has decided */
    HEARD_MS = 400,         /* until all matchers have said again how many slices they have */
};

/* What each matcher has to do. */
struct loads {
    uint32_t slices[MU_QUEUE_MATCHERS_MAX]; /* of this shard */
    uint32_t own[MU_QUEUE_MATCHERS_MAX];    /* weight of these */
    uint32_t moved[MU_QUEUE_MATCHERS_MAX];  /* weight that other shards are thought to take away, */
    uint32_t gained[MU_QUEUE_MATCHERS_MAX]; /* and to bring */
};

static uint32_t weight_of(const struct queue_slice *slice)
{
    uint32_t more = slice->tickets / WEIGHT_TICKETS;
    return WEIGHT + (more < WEIGHT_MORE_MAX ? more : WEIGHT_MORE_MAX);
}

static void weigh(const struct queue_shard *shard, struct loads *ret)
{
    *ret = (struct loads){ .slices = { 0 } };
    for (uint32_t i = 0; i < shard->config->modes_count; i++) {
        const struct queue_pool *pool = &shard->pools[i];
        for (uint32_t k = 0; k < pool->edges.slices; k++) {
            uint32_t matcher = pool->slices[k].matcher;
            if (matcher != MU_QUEUE_NOBODY) {
                ret->slices[matcher]++;
                ret->own[matcher] += weight_of(&pool->slices[k]);
            }
        }
    }
}

static uint32_t load_of(const struct queue_shard *shard, const struct loads *loads, uint32_t index)
{
    uint32_t others = shard->matchers[index].others * WEIGHT + loads->gained[index];
    return loads->own[index] + (others > loads->moved[index] ? others - loads->moved[index] : 0);
}

/* Whether another slice may go to it. */
static bool takes_more(const struct queue_shard *shard, const struct loads *loads, uint32_t index)
{
    const struct queue_matcher *matcher = &shard->matchers[index];
    return mu_queue_matcher_usable(matcher) && shard->now_ms >= matcher->shy_until_ms &&
           (matcher->proven || loads->slices[index] == 0);
}

/* For those that are equal otherwise: each shard has an order of its own (FNV-1a), so that not all
 * choose the same. */
static uint64_t order_of(const struct queue_shard *shard, uint32_t index)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ shard->incarnation;
    for (const char *c = shard->matchers[index].instance; *c != '\0'; c++) {
        hash = (hash ^ (uint8_t)*c) * UINT64_C(1099511628211);
    }
    return hash;
}

/* Whether a slice goes rather to a than to b. */
static bool is_freer(const struct queue_shard *shard, const struct loads *loads, uint32_t a,
                     uint32_t b)
{
    bool a_takes = takes_more(shard, loads, a);
    bool b_takes = takes_more(shard, loads, b);
    if (a_takes != b_takes) {
        return a_takes;
    }
    uint32_t a_load = load_of(shard, loads, a);
    uint32_t b_load = load_of(shard, loads, b);
    if (a_load != b_load) {
        return a_load < b_load;
    }
    uint32_t a_busy = shard->matchers[a].busy_permille;
    uint32_t b_busy = shard->matchers[b].busy_permille;
    return a_busy != b_busy ? a_busy < b_busy : order_of(shard, a) < order_of(shard, b);
}

/* The freest of those that do not drain; MU_QUEUE_NOBODY: there is none. */
static uint32_t freest(const struct queue_shard *shard, const struct loads *loads)
{
    uint32_t best = MU_QUEUE_NOBODY;
    for (uint32_t i = 0; i < MU_QUEUE_MATCHERS_MAX; i++) {
        const struct queue_matcher *matcher = &shard->matchers[i];
        if (mu_queue_matcher_usable(matcher) &&
            (best == MU_QUEUE_NOBODY || is_freer(shard, loads, i, best))) {
            best = i;
        }
    }
    return best;
}

/* Takes it from a matcher that does not follow. */
static void take_away(struct queue_shard *shard, struct queue_slice *slice)
{
    struct queue_matcher *matcher = &shard->matchers[slice->matcher];
    mu_outbox_note(shard->out, "pool %s/%u: its matcher is silent -> another one",
                   shard->config->modes[slice->pool].name, slice->number);
    matcher->shy_until_ms = shard->now_ms + SHY_MS;
    matcher->proven = false;
    mu_queue_slice_end(shard, slice);
}

/* usable: whether there is anybody to give it to */
static void settle_slice(struct queue_shard *shard, struct queue_slice *slice, bool usable)
{
    int64_t patience_ms = mu_queue_slice_patience(shard, slice);
    if (slice->state != QUEUE_SLICE_IDLE && shard->now_ms - slice->heard_ms >= patience_ms) {
        take_away(shard, slice);
    }
    if (slice->state != QUEUE_SLICE_IDLE && !shard->matchers[slice->matcher].draining) {
        return;
    }
    if (!usable) {
        mu_queue_slice_end(shard, slice); /* who drains has nobody to hand over to: it may end */
        return;
    }
    struct loads loads;
    weigh(shard, &loads);
    mu_queue_slice_assign(shard, slice, freest(shard, &loads));
}

/* The heaviest slice of a matcher of at most that weight; or NULL. */
static struct queue_slice *slice_to_move(struct queue_shard *shard, uint32_t from, uint32_t most)
{
    struct queue_slice *best = NULL;
    for (uint32_t i = 0; i < shard->config->modes_count; i++) {
        struct queue_pool *pool = &shard->pools[i];
        for (uint32_t k = 0; k < pool->edges.slices; k++) {
            struct queue_slice *slice = &pool->slices[k];
            if (slice->matcher == from && weight_of(slice) <= most &&
                (best == NULL || weight_of(slice) > weight_of(best))) {
                best = slice;
            }
        }
    }
    return best;
}

/* What is to be done by all: for each part of it that this shard moves, the others move theirs. */
struct share {
    uint64_t own;
    uint64_t all;
};

static struct share share_of(const struct queue_shard *shard, const struct loads *loads)
{
    struct share share = { 0, 0 };
    for (uint32_t i = 0; i < MU_QUEUE_MATCHERS_MAX; i++) {
        if (mu_queue_matcher_usable(&shard->matchers[i])) {
            share.own += loads->own[i];
            share.all += load_of(shard, loads, i);
        }
    }
    return share;
}

/* Moves one slice from the matcher with the most to do to the freest, if that makes them more
 * equal: when all shards do the same, or by chance, so that about as many do as is needed.
 *
 * loads  as they will be when all have done their part, from one call to the next
 * again  becomes whether to look again soon what chance has made of it
 *
 * Returns whether there may be more to do now. */
static bool even_out(struct queue_shard *shard, struct loads *loads, bool *again)
{
    uint32_t to = freest(shard, loads);
    uint32_t from = MU_QUEUE_NOBODY;
    for (uint32_t i = 0; i < MU_QUEUE_MATCHERS_MAX; i++) {
        if (loads->slices[i] > 0 &&
            (from == MU_QUEUE_NOBODY || load_of(shard, loads, i) > load_of(shard, loads, from))) {
            from = i;
        }
    }
    if (to == MU_QUEUE_NOBODY || from == MU_QUEUE_NOBODY || !takes_more(shard, loads, to) ||
        load_of(shard, loads, from) <= load_of(shard, loads, to)) {
        return false;
    }
    uint32_t more = load_of(shard, loads, from) - load_of(shard, loads, to);
    struct queue_slice *slice = slice_to_move(shard, from, more / 2);
    if (slice == NULL) {
        return false;
    }
    uint64_t weight = weight_of(slice);
    struct share share = share_of(shard, loads);
    uint64_t moved = weight * share.all / share.own; /* by all shards */
    bool sure = 2 * moved <= more;
    *again = !sure;
    if (!sure && mu_rng_below(&shard->dice, 2 * moved) >= more) {
        return false;
    }
    mu_queue_slice_assign(shard, slice, to);
    loads->slices[from]--;
    loads->slices[to]++;
    loads->own[from] -= (uint32_t)weight;
    loads->own[to] += (uint32_t)weight;
    loads->moved[from] += (uint32_t)(moved - weight);
    loads->gained[to] += (uint32_t)(moved - weight);
    return sure;
}

void mu_queue_assign(struct queue_shard *shard)
{
    uint32_t usable = mu_queue_matchers_usable(shard);
    for (uint32_t i = 0; i < shard->config->modes_count; i++) {
        for (uint32_t k = 0; k < shard->pools[i].edges.slices; k++) {
            settle_slice(shard, &shard->pools[i].slices[k], usable > 0);
        }
    }
    if (shard->now_ms < shard->balance_ms) {
        return;
    }
    struct loads loads;
    weigh(shard, &loads);
    bool again = false;
    uint32_t moves_max = shard->config->modes_count * MU_SLICES_MAX;
    for (uint32_t i = 0; i < moves_max && even_out(shard, &loads, &again); i++) {}
    shard->balance_ms =
        usable > 1 ? shard->now_ms + (again ? BALANCE_SOON_MS : BALANCE_MS) : MU_NEVER;
}

void mu_queue_assign_soon(struct queue_shard *shard, bool proven)
{
    bool alone = true; /* no other shard moves its slices now as well */
    for (uint32_t i = 0; i < MU_QUEUE_MATCHERS_MAX; i++) {
        alone = alone &&
                (!mu_queue_matcher_usable(&shard->matchers[i]) || shard->matchers[i].others == 0);
    }
    int64_t at_ms = shard->now_ms + (proven && !alone ? HEARD_MS : 0);
    shard->balance_ms = at_ms < shard->balance_ms ? at_ms : shard->balance_ms;
}

int64_t mu_queue_assign_deadline(const struct queue_shard *shard)
{
    return shard->balance_ms;
}
