/* tests/bench/peers_simple.c - first come first served, the replaced system, Open Match's. */
#include <math.h>

#include "tests/bench/peers_private.h"

/* Takes tickets in the order of the list while they fit.  Returns whether the match is full. */
static bool take(struct mu_peer *peer, const uint32_t *tickets, uint32_t count,
                 struct mu_peer_match *match)
{
    match->count = 0;
    match->players = 0;
    for (uint32_t i = 0; i < count && match->players < peer->players; i++) {
        const struct mu_peer_ticket *ticket = &peer->tickets[tickets[i]];
        if (match->players + ticket->players <= peer->players) {
            mu_peer_put(peer, match, tickets[i], 0);
        }
    }
    return match->players == peer->players;
}

int64_t mu_peer_fifo(struct mu_peer *peer, struct mu_peer_queue *queue, int64_t now_ms)
{
    struct mu_peer_match match;
    for (;;) {
        if (!take(peer, queue->tickets, queue->count, &match)) {
            return now_ms + 1000;
        }
        if (!mu_peer_deal(peer, &match)) {
            /* The parties do not make teams: small ones do. */
            for (uint32_t i = 0; i < queue->count; i++) {
                peer->scratch[i] = queue->tickets[i];
                peer->tickets[queue->tickets[i]].key = peer->tickets[queue->tickets[i]].players;
            }
            mu_peer_sort(peer, peer->scratch, queue->count);
            if (!take(peer, peer->scratch, queue->count, &match) || !mu_peer_deal(peer, &match)) {
                return now_ms + 1000;
            }
        }
        mu_peer_emit(peer, queue, &match, -1);
        mu_peer_tidy(peer, queue);
    }
}

#define WIDEN_S      30 /* the band is widened so often */
#define WIDEN_POINTS 50
#define WIDEN_MAX    5
#define WIDEN_REGION 2 /* so often widened it plays in any region */

static uint32_t widened(const struct mu_peer_ticket *ticket, int64_t now_ms)
{
    int64_t steps = (now_ms - ticket->at_ms) / (WIDEN_S * 1000);
    return (uint32_t)(steps > WIDEN_MAX ? WIDEN_MAX : steps);
}

/* It built no teams: players fill the first, then the second, as they stand in its list. */
static bool fill_in_order(struct mu_peer *peer, struct mu_peer_match *match)
{
    uint32_t room[MU_TEAMS_MAX] = { 0 };
    for (uint32_t i = 0; i < peer->teams; i++) {
        room[i] = peer->size;
    }
    for (uint32_t i = 0; i < match->count; i++) {
        peer->tickets[match->tickets[i]].key = -(double)peer->tickets[match->tickets[i]].players;
    }
    mu_peer_sort(peer, match->tickets, match->count);
    for (uint32_t i = 0; i < match->count; i++) {
        uint32_t players = peer->tickets[match->tickets[i]].players;
        uint32_t team = 0;
        while (team < peer->teams && room[team] < players) {
            team++;
        }
        if (team == peer->teams) {
            return false;
        }
        match->teams[i] = team;
        room[team] -= players;
    }
    return true;
}

int64_t mu_peer_first_fit(struct mu_peer *peer, struct mu_peer_queue *queue, int64_t now_ms)
{
    uint32_t count = mu_peer_by_rating(peer, queue);
    double diff = peer->values[0];
    for (uint32_t i = 0; i < count; i++) {
        const struct mu_peer_ticket *first = &peer->tickets[peer->scratch[i]];
        struct mu_peer_match match = { .count = 0 };
        if (!first->waiting) {
            continue;
        }
        uint32_t steps = widened(first, now_ms);
        mu_peer_put(peer, &match, peer->scratch[i], 0);
        for (uint32_t k = 0; k < count && match.players < peer->players; k++) {
            const struct mu_peer_ticket *other = &peer->tickets[peer->scratch[k]];
            if (k != i && other->waiting && match.players + other->players <= peer->players &&
                fabs(first->rating - other->rating) <= diff + WIDEN_POINTS * steps &&
                (first->best == other->best || steps >= WIDEN_REGION)) {
                mu_peer_put(peer, &match, peer->scratch[k], 0);
            }
        }
        if (match.players == peer->players && fill_in_order(peer, &match)) {
            mu_peer_emit(peer, queue, &match, -1);
        }
    }
    return now_ms + (int64_t)(peer->values[1] * 1000);
}

/* The window of tickets that begins at `first`, all of that best region.  Returns whether it makes
 * a match. */
static bool window_at(struct mu_peer *peer, uint32_t first, uint32_t count, uint32_t region,
                      struct mu_peer_match *match)
{
    double low = peer->tickets[peer->scratch[first]].rating;
    match->count = 0;
    match->players = 0;
    for (uint32_t i = first; i < count && match->players < peer->players; i++) {
        const struct mu_peer_ticket *ticket = &peer->tickets[peer->scratch[i]];
        if (ticket->rating - low >= peer->values[0]) {
            break;
        }
        if (ticket->best == region && match->players + ticket->players <= peer->players) {
            mu_peer_put(peer, match, peer->scratch[i], 0);
        }
    }
    return match->players == peer->players;
}

/* The variance of a window's ratings: what the evaluator goes by. */
static double variance(const struct mu_peer *peer, const struct mu_peer_match *match)
{
    double mean = 0;
    double sum = 0;
    for (uint32_t i = 0; i < match->count; i++) {
        mean += peer->tickets[match->tickets[i]].sum / match->players;
    }
    for (uint32_t i = 0; i < match->count; i++) {
        const struct mu_peer_ticket *ticket = &peer->tickets[match->tickets[i]];
        sum += ticket->players * (ticket->rating - mean) * (ticket->rating - mean);
    }
    return sum;
}

static bool all_wait(const struct mu_peer *peer, const struct mu_peer_match *match)
{
    for (uint32_t i = 0; i < match->count; i++) {
        if (!peer->tickets[match->tickets[i]].waiting) {
            return false;
        }
    }
    return true;
}

/* Accepts windows from the best on; one that has lost a ticket to a better one is dropped. */
static void evaluate(struct mu_peer *peer, struct mu_peer_queue *queue, uint32_t count,
                     uint32_t region)
{
    struct mu_peer_match match;
    uint32_t windows = 0;
    uint32_t *starts = queue->tickets; /* the caller puts the list back in order */
    for (uint32_t i = 0; i < count; i++) {
        struct mu_peer_ticket *ticket = &peer->tickets[peer->scratch[i]];
        if (ticket->best == region && window_at(peer, i, count, region, &match)) {
            ticket->key = variance(peer, &match);
            starts[windows++] = peer->scratch[i];
        }
    }
    mu_peer_sort(peer, starts, windows);
    for (uint32_t i = 0; i < windows; i++) {
        uint32_t at = 0;
        while (peer->scratch[at] != starts[i]) {
            at++;
        }
        if (window_at(peer, at, count, region, &match) && all_wait(peer, &match) &&
            mu_peer_deal(peer, &match)) {
            mu_peer_emit(peer, queue, &match, (int32_t)region);
        }
    }
}

int64_t mu_peer_open_match(struct mu_peer *peer, struct mu_peer_queue *queue, int64_t now_ms)
{
    uint32_t count = mu_peer_by_rating(peer, queue);
    for (uint32_t region = 0; region < peer->workload->regions_count; region++) {
        evaluate(peer, queue, count, region);
    }
    for (uint32_t i = 0; i < count; i++) {
        queue->tickets[i] = peer->scratch[i];
        peer->tickets[queue->tickets[i]].key = (double)peer->tickets[queue->tickets[i]].at_ms;
    }
    mu_peer_sort(peer, queue->tickets, count);
    return now_ms + (int64_t)(peer->values[1] * 1000);
}
