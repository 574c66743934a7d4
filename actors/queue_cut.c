/* actors/queue_cut.c - how many slices a pool has; its edges move, and those who travel go on.
 *
 * A pool has as many slices as there are matchers, but none so small that its tickets would miss
 * the others': see slice_tickets_min.  New slices begin empty, those that are given up end so, and
 * what is between moves as edges do.
 *
 * Time goes in rounds.  In each the edges are aimed anew, a little above the parts of equal count
 * or a little below them by turns; when they are there, those who have waited long visit one slice
 * after the other (queue_travel.c), while nothing else moves.
 *
 * Costs, of a pool of n tickets in k slices: a round takes (k + 1) * STOP_MS and moves some
 * (k - 1) * 2 * MU_EDGES_BAND tickets at most, and k times the travellers; one more or one less
 * slice moves n / 2 tickets, at most MOVES_MAX a batch, and no faster than matchers follow.  Each
 * is a leave and a join, one message for 64 of them. */
#include <assert.h>

#include "actors/queue_shard.h"

enum {
    STOP_MS = 500,             /* that those who travel are in a slice */
    LATE_MAX = 20,             /* stops for which a round waits for its edges */
    CROWDED_MS = 5000,         /* more slices than matchers: a matcher may come back */
    MOVES_MAX = 256,           /* tickets of a pool in one batch */
    PLAYERS_LARGE = 16,        /* a match of more needs slices that are larger by as much */
    SNAPSHOTS_BATCH_MAX = 128, /* chunks of snapshots of all pools in one batch */
};

/* How many. */

/* What a slice has at least when it is made. */
static uint64_t least_of(const struct queue_shard *shard, const struct queue_pool *pool)
{
    uint64_t players = mu_rules_players_max(pool->book.shapes[0], 0);
    uint64_t least = shard->config->settings.slice_tickets_min;
    return players > PLAYERS_LARGE ? least * players / PLAYERS_LARGE : least;
}

/* How many slices a pool should have, 1..MU_SLICES_MAX; those that it has are kept until they are
 * twice as small, or have been too many for the matchers for a while. */
static uint32_t wanted_of(const struct queue_shard *shard, struct queue_pool *pool, uint32_t usable)
{
    uint64_t least = least_of(shard, pool);
    uint64_t count = pool->edges.count;
    uint64_t now = pool->slices_wanted;
    uint64_t wanted = count / least;
    if (wanted < now) {
        wanted = 2 * count >= now * least ? now : wanted > 1 ? wanted : 1;
    }
    uint64_t most = usable < MU_SLICES_MAX ? usable : MU_SLICES_MAX;
    if (now <= most) {
        pool->crowded_ms = MU_NEVER;
    } else if (pool->crowded_ms == MU_NEVER) {
        pool->crowded_ms = shard->now_ms;
    }
    if (now > most && shard->now_ms < pool->crowded_ms + CROWDED_MS) {
        most = now;
    }
    most = most > 1 ? most : 1;
    return (uint32_t)(wanted < most ? wanted : most);
}

static void grow(struct queue_shard *shard, uint32_t index)
{
    struct queue_pool *pool = &shard->pools[index];
    uint32_t number = pool->edges.slices;
    struct queue_slice *slice = &pool->slices[number];
    mu_edges_grow(&pool->edges);
    assert(slice->tickets == 0);
    *slice = (struct queue_slice){
        .pool = index,
        .number = number,
        .matcher = MU_QUEUE_NOBODY,
        .cursor = MU_SLOT_NONE,
        .generation = slice->generation, /* goes on: the same is never given twice */
    };
    mu_outbox_note(shard->out, "pool %s: %u slices", shard->config->modes[index].name, number + 1);
}

/* Gives up the highest slices, as far as they are empty. */
static void shrink(struct queue_shard *shard, uint32_t index)
{
    struct queue_pool *pool = &shard->pools[index];
    while (pool->edges.slices > pool->slices_wanted && mu_edges_shrink(&pool->edges)) {
        mu_queue_slice_end(shard, &pool->slices[pool->edges.slices]);
        mu_outbox_note(shard->out, "pool %s: %u slices", shard->config->modes[index].name,
                       pool->edges.slices);
    }
}

/* Rounds. */

static void begin_round(struct queue_shard *shard, uint32_t index, uint32_t wanted)
{
    struct queue_pool *pool = &shard->pools[index];
    mu_queue_travel_end(shard, index);
    while (pool->edges.slices < wanted) {
        grow(shard, index);
    }
    pool->slices_wanted = wanted;
    pool->stop = wanted;
    pool->up = !pool->up;
    pool->stops_late = 0;
    mu_edges_aim(&pool->edges, wanted, pool->up);
    shrink(shard, index);
    pool->stop_ms = pool->edges.slices > 1 ? shard->now_ms + STOP_MS : MU_NEVER;
}

/* Those who travel go on; or the edges are not there yet, or the round is over. */
static void go_on(struct queue_shard *shard, uint32_t index, uint32_t usable)
{
    struct queue_pool *pool = &shard->pools[index];
    bool home = pool->stop == pool->slices_wanted;
    bool last = home ? pool->slices_wanted == 1 : pool->stop + 1 == pool->slices_wanted;
    pool->stop_ms = shard->now_ms + STOP_MS;
    if (home && !mu_edges_settled(&pool->edges) && pool->stops_late < LATE_MAX) {
        pool->stops_late++;
    } else if (last) {
        begin_round(shard, index, wanted_of(shard, pool, usable));
    } else if (home) {
        mu_queue_travel_begin(shard, index);
    } else {
        mu_queue_travel_to(shard, index, pool->stop + 1);
    }
}

/* Edges. */

/* Whether tickets may move: not from one who matches them to one who does not, and not faster than
 * both can follow. */
static bool may_move(const struct queue_slice *from, const struct queue_slice *to)
{
    return !mu_queue_slice_lives(from) ||
           (to->state == QUEUE_SLICE_READY && mu_queue_slice_keeps_up(to) &&
            mu_queue_slice_keeps_up(from));
}

/* Moves the tickets of a cell that changes hands, at most *left, and counts them there.  Returns
 * whether all have. */
static bool move_cell(struct queue_shard *shard, uint32_t index, uint32_t *cursor,
                      const struct mu_passage *passage, uint32_t *left)
{
    while (*cursor != MU_SLOT_NONE && *left > 0) {
        uint32_t slot = *cursor;
        const struct queue_place *place = mu_queue_place(&shard->tickets[slot], index);
        *cursor = place->cell_next;
        if (place->slice == passage->from && !place->travels) {
            mu_queue_slice_move(shard, slot, index, passage->to);
            --*left;
        }
    }
    return *cursor == MU_SLOT_NONE;
}

/* Moves an edge towards its goal. */
static void move_edge(struct queue_shard *shard, uint32_t index, uint32_t edge, uint32_t *left)
{
    struct queue_pool *pool = &shard->pools[index];
    struct mu_passage passage;
    while (*left > 0 && mu_queue_may_send(shard) && mu_edges_next(&pool->edges, edge, &passage) &&
           may_move(&pool->slices[passage.from], &pool->slices[passage.to])) {
        if (mu_edges_begin(&pool->edges, edge)) {
            pool->passing[edge] = pool->cells[passage.cell].head;
        }
        if (!move_cell(shard, index, &pool->passing[edge], &passage, left)) {
            return;
        }
        mu_edges_pass(&pool->edges, edge);
    }
}

/* Those that go up make room for each other from above, those that go down from below. */
static void move_edges(struct queue_shard *shard, uint32_t index)
{
    struct queue_pool *pool = &shard->pools[index];
    uint32_t left = MOVES_MAX;
    for (uint32_t i = pool->edges.slices - 1; i >= 1; i--) {
        move_edge(shard, index, i, &left);
    }
    for (uint32_t i = 1; i < pool->edges.slices; i++) {
        move_edge(shard, index, i, &left);
    }
    pool->moves = left == 0;
    shrink(shard, index);
}

/* Pools. */

void mu_queue_pools_recut(struct queue_shard *shard)
{
    for (uint32_t i = 0; i < shard->config->modes_count; i++) {
        shard->pools[i].recut = true;
    }
}

static void cut(struct queue_shard *shard, uint32_t index, uint32_t usable)
{
    struct queue_pool *pool = &shard->pools[index];
    if (pool->recut || pool->stop_ms == MU_NEVER) {
        uint32_t wanted = wanted_of(shard, pool, usable);
        pool->recut = false;
        if (wanted > 1 || pool->edges.slices > 1) {
            begin_round(shard, index, wanted);
        }
    } else if (shard->now_ms >= pool->stop_ms) {
        go_on(shard, index, usable);
    }
    if (pool->edges.slices > 1) {
        move_edges(shard, index);
    }
}

/* The partition is handed over: no match is made here any more. */
static void end_all(struct queue_shard *shard)
{
    for (uint32_t i = 0; i < shard->config->modes_count; i++) {
        for (uint32_t k = 0; k < shard->pools[i].edges.slices; k++) {
            mu_queue_slice_end(shard, &shard->pools[i].slices[k]);
        }
    }
}

void mu_queue_pools_flush(struct queue_shard *shard)
{
    if (!shard->served) {
        return;
    }
    if (shard->draining) {
        end_all(shard);
        return;
    }
    shard->snapshots_left = SNAPSHOTS_BATCH_MAX;
    mu_queue_matchers_tick(shard);
    uint32_t usable = mu_queue_matchers_usable(shard);
    for (uint32_t i = 0; i < shard->config->modes_count; i++) {
        cut(shard, i, usable);
    }
    mu_queue_assign(shard);
    for (uint32_t i = 0; i < shard->config->modes_count; i++) {
        for (uint32_t k = 0; k < shard->pools[i].edges.slices; k++) {
            mu_queue_slice_flush(shard, &shard->pools[i].slices[k]);
        }
    }
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t mu_queue_pools_deadline(const struct queue_shard *shard)
{
    if (!shard->served || shard->draining) {
        return MU_NEVER;
    }
    int64_t earliest = sooner(mu_queue_matchers_deadline(shard), mu_queue_assign_deadline(shard));
    for (uint32_t i = 0; i < shard->config->modes_count; i++) {
        const struct queue_pool *pool = &shard->pools[i];
        earliest = sooner(earliest, pool->moves ? shard->now_ms : pool->stop_ms);
        for (uint32_t k = 0; k < pool->edges.slices; k++) {
            earliest = sooner(earliest, mu_queue_slice_deadline(shard, &pool->slices[k]));
        }
    }
    return earliest;
}
