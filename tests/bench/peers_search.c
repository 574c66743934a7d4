/* tests/bench/peers_search.c - Nakama and FlexMatch: one ticket looks for others. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "tests/bench/peers_private.h"

/* Nakama: parameters win, every, lat. */

#define COMBINATIONS_MAX 512 /* half-made matches of one search */

static bool near_each(const struct mu_peer *peer, uint32_t a, uint32_t b)
{
    const struct mu_peer_ticket *x = &peer->tickets[a];
    const struct mu_peer_ticket *y = &peer->tickets[b];
    double lat = peer->values[2];
    if (fabs(x->rating - y->rating) > peer->values[0]) {
        return false;
    }
    if (lat <= 0) {
        return x->best == y->best;
    }
    for (uint32_t i = 0; i < peer->workload->regions_count; i++) {
        if (x->rtt[i] <= lat && y->rtt[i] <= lat) {
            return true;
        }
    }
    return false;
}

static bool near_all(const struct mu_peer *peer, const struct mu_peer_match *match, uint32_t ticket)
{
    for (uint32_t i = 0; i < match->count; i++) {
        if (!near_each(peer, match->tickets[i], ticket)) {
            return false;
        }
    }
    return true;
}

/* The first half-made match that takes the ticket, or a new one; NULL: there is no room for it. */
static struct mu_peer_match *combine(struct mu_peer *peer, struct mu_peer_match *combinations,
                                     uint32_t *count, uint32_t anchor, uint32_t ticket)
{
    uint32_t players = peer->tickets[ticket].players;
    for (uint32_t i = 0; i < *count; i++) {
        if (combinations[i].players + players <= peer->players &&
            near_all(peer, &combinations[i], ticket)) {
            mu_peer_put(peer, &combinations[i], ticket, 0);
            return &combinations[i];
        }
    }
    if (*count == COMBINATIONS_MAX || peer->tickets[anchor].players + players > peer->players) {
        return NULL;
    }
    struct mu_peer_match *fresh = &combinations[(*count)++];
    fresh->count = 0;
    fresh->players = 0;
    mu_peer_put(peer, fresh, anchor, 0);
    mu_peer_put(peer, fresh, ticket, 0);
    return fresh;
}

/* The search of one ticket: hits from the oldest on. */
static void search(struct mu_peer *peer, struct mu_peer_queue *queue, uint32_t anchor,
                   struct mu_peer_match *combinations)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < queue->count; i++) {
        uint32_t hit = queue->tickets[i];
        if (hit == anchor || !peer->tickets[hit].waiting || !near_each(peer, anchor, hit)) {
            continue;
        }
        struct mu_peer_match *match = combine(peer, combinations, &count, anchor, hit);
        struct mu_peer_match dealt;
        if (match == NULL || match->players != peer->players) {
            continue;
        }
        dealt = *match;
        if (mu_peer_deal(peer, &dealt)) {
            mu_peer_emit(peer, queue, &dealt, -1);
            return;
        }
    }
}

int64_t mu_peer_nakama(struct mu_peer *peer, struct mu_peer_queue *queue, int64_t now_ms)
{
    struct mu_peer_match *combinations = malloc(COMBINATIONS_MAX * sizeof *combinations);
    uint32_t count = 0;
    if (combinations == NULL) {
        peer->r = -ENOMEM;
        return now_ms + 1;
    }
    for (uint32_t i = 0; i < queue->count; i++) {
        if (peer->tickets[queue->tickets[i]].active) {
            peer->scratch[count++] = queue->tickets[i];
        }
    }
    /* It walks a hash map: in no order. */
    mu_peer_shuffle(peer, peer->scratch, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t anchor = peer->scratch[i];
        if (peer->tickets[anchor].waiting) {
            /* A ticket with one size of match looks once; later others may find it. */
            peer->tickets[anchor].active = false;
            search(peer, queue, anchor, combinations);
        }
    }
    free(combinations);
    return now_ms + (int64_t)(peer->values[1] * 1000);
}

/* FlexMatch: parameters scale, newest, multi, presort. */

#define BATCH 50

/* Rules as the examples of its documentation have them: rating distance and latency, in steps. */
static const struct step {
    double after_s;
    double points;
    double rtt_ms;
} steps[] = {
    { 0, 100, 80 }, { 10, 200, 110 }, { 20, 350, 150 }, { 40, 600, 200 }, { 60, 1000, 250 },
};

/* A match that grows around an anchor. */
struct growth {
    struct mu_peer_match match;
    double low;
    double high;
    double age_s;
    double rtt[MU_REGIONS_MAX]; /* the worst of its tickets */
    double sums[MU_TEAMS_MAX];
    uint32_t room[MU_TEAMS_MAX];
};

static struct step limits(const struct mu_peer *peer, double age_s)
{
    struct step ret = steps[0];
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        ret = age_s >= steps[i].after_s ? steps[i] : ret;
    }
    ret.points *= peer->values[0];
    return ret;
}

/* The team with the lowest mean that has room, or peer->teams. */
static uint32_t lowest_team(const struct mu_peer *peer, const struct growth *growth,
                            uint32_t players)
{
    uint32_t best = peer->teams;
    double least = INFINITY;
    for (uint32_t i = 0; i < peer->teams; i++) {
        uint32_t filled = peer->size - growth->room[i];
        double mean = filled == 0 ? 0 : growth->sums[i] / filled;
        if (growth->room[i] >= players && mean < least) {
            least = mean;
            best = i;
        }
    }
    return best;
}

static void join(struct mu_peer *peer, struct growth *growth, uint32_t index, uint32_t team)
{
    const struct mu_peer_ticket *ticket = &peer->tickets[index];
    mu_peer_put(peer, &growth->match, index, team);
    growth->room[team] -= ticket->players;
    growth->sums[team] += ticket->sum;
    growth->low = fmin(growth->low, ticket->rating);
    growth->high = fmax(growth->high, ticket->rating);
    for (uint32_t i = 0; i < peer->workload->regions_count; i++) {
        growth->rtt[i] = fmax(growth->rtt[i], ticket->rtt[i]);
    }
}

/* Takes a ticket in if every rule still holds. */
static void consider(struct mu_peer *peer, struct growth *growth, uint32_t index, int64_t now_ms)
{
    const struct mu_peer_ticket *ticket = &peer->tickets[index];
    double age_s = (double)(now_ms - ticket->at_ms) / 1000;
    bool newest = peer->values[1] > 0;
    age_s = newest == (age_s < growth->age_s) ? age_s : growth->age_s;
    struct step limit = limits(peer, age_s);
    double nearest = INFINITY;
    if (growth->match.players + ticket->players > peer->players ||
        fmax(growth->high, ticket->rating) - fmin(growth->low, ticket->rating) > limit.points) {
        return;
    }
    for (uint32_t i = 0; i < peer->workload->regions_count; i++) {
        nearest = fmin(nearest, fmax(growth->rtt[i], ticket->rtt[i]));
    }
    uint32_t team = lowest_team(peer, growth, ticket->players);
    if (nearest <= limit.rtt_ms && team < peer->teams) {
        join(peer, growth, index, team);
        growth->age_s = age_s;
    }
}

/* The region with the least round trip in all, among those that the rule allows. */
static uint32_t allowed_region(const struct mu_peer *peer, const struct growth *growth)
{
    uint32_t best = 0;
    double least = INFINITY;
    double rtt_max = limits(peer, growth->age_s).rtt_ms;
    for (uint32_t region = 0; region < peer->workload->regions_count; region++) {
        double sum = growth->rtt[region] > rtt_max ? 1e6 : 0;
        for (uint32_t i = 0; i < growth->match.count; i++) {
            const struct mu_peer_ticket *ticket = &peer->tickets[growth->match.tickets[i]];
            sum += ticket->players * ticket->rtt[region];
        }
        if (sum < least) {
            least = sum;
            best = region;
        }
    }
    return best;
}

/* Grows a match around the first ticket of a batch [count], which is by age.  Returns whether it
 * is full; *ret_fair says whether its teams are even enough to be played. */
static bool grow(struct mu_peer *peer, uint32_t *batch, uint32_t count, int64_t now_ms,
                 struct growth *growth, bool *ret_fair)
{
    const struct mu_peer_ticket *anchor = &peer->tickets[batch[0]];
    uint32_t others[BATCH];
    *growth = (struct growth){
        .low = anchor->rating,
        .high = anchor->rating,
        .age_s = (double)(now_ms - anchor->at_ms) / 1000,
    };
    for (uint32_t i = 0; i < peer->teams; i++) {
        growth->room[i] = peer->size;
    }
    join(peer, growth, batch[0], 0);
    for (uint32_t i = 1; i < count; i++) {
        others[i - 1] = batch[i];
        peer->tickets[batch[i]].key = fabs(peer->tickets[batch[i]].rating - anchor->rating);
    }
    mu_peer_sort(peer, others, count - 1);
    for (uint32_t i = 0; i + 1 < count && growth->match.players < peer->players; i++) {
        consider(peer, growth, others[i], now_ms);
    }
    double apart = fabs(growth->sums[0] - growth->sums[1]) / peer->size;
    *ret_fair = peer->teams != 2 || apart <= 0.5 * limits(peer, growth->age_s).points;
    return growth->match.players == peer->players;
}

/* Works a batch off: the oldest ticket is the anchor; when it finds nothing the batch is done, or
 * (multi) the next one is. */
static void match_batch(struct mu_peer *peer, struct mu_peer_queue *queue, uint32_t *batch,
                        uint32_t count, int64_t now_ms)
{
    uint32_t first = 0;
    while (first < count) {
        struct growth growth;
        bool fair;
        if (!grow(peer, batch + first, count - first, now_ms, &growth, &fair)) {
            if (peer->values[2] <= 0) {
                return;
            }
            first++;
        } else if (!fair) {
            first++;
        } else {
            uint32_t left = 0;
            mu_peer_emit(peer, queue, &growth.match, (int32_t)allowed_region(peer, &growth));
            for (uint32_t i = first; i < count; i++) {
                if (peer->tickets[batch[i]].waiting) {
                    batch[left++] = batch[i];
                }
            }
            count = left;
            first = 0;
        }
    }
}

int64_t mu_peer_flex(struct mu_peer *peer, struct mu_peer_queue *queue, int64_t now_ms)
{
    uint32_t count = queue->count;
    for (uint32_t i = 0; i < count; i++) {
        const struct mu_peer_ticket *ticket = &peer->tickets[queue->tickets[i]];
        peer->scratch[i] = queue->tickets[i];
        peer->tickets[queue->tickets[i]].key = 1e5 * ticket->best + ticket->rating;
    }
    mu_peer_shuffle(peer, peer->scratch, count);
    if (peer->values[3] > 0) {
        mu_peer_sort(peer, peer->scratch, count);
    }
    for (uint32_t from = 0; from < count; from += BATCH) {
        uint32_t batch[BATCH];
        uint32_t n = count - from < BATCH ? count - from : BATCH;
        for (uint32_t i = 0; i < n; i++) {
            batch[i] = peer->scratch[from + i];
            peer->tickets[batch[i]].key = (double)peer->tickets[batch[i]].at_ms;
        }
        mu_peer_sort(peer, batch, n);
        match_batch(peer, queue, batch, n, now_ms);
    }
    return now_ms + 1000;
}
