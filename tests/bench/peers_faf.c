/* tests/bench/peers_faf.c - FAF: stable marriage of pairs, teams from rating neighbours, and a
 * timer that lets matches pile up to a few a wave. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/peers_private.h"

#define BETA2      (240.0 * 240.0)
#define PAIRS_ALL  30   /* fewer tickets than that are all compared */
#define LIST_MAX   64   /* of one ticket's possible opponents */
#define PARTY_PULL 5000 /* points a player: large parties are split up first */
#define SCALE      250.0
#define PEAK       1200.0 /* of the distribution of ratings */
#define PEAK_SCALE 1250.0

/* Parameters popmax, desired, minq, apart. */
enum { POPMAX, DESIRED, MINQ };

/* A possible match, and the wishes of a ticket. */
struct game {
    double quality;
    uint32_t order;
    struct mu_peer_match match;
};

struct wish {
    double quality;
    uint32_t ticket; /* place in the list of tickets */
};

struct wishes {
    uint32_t count;
    uint32_t length;            /* as it was at first */
    int32_t partner;            /* place, or -1 */
    struct wish list[LIST_MAX]; /* ascending by quality */
};

/* The quality of TrueSkill for a pair (Herbrich, Minka, Graepel 2007). */
static double pair_quality(const struct mu_peer_ticket *a, const struct mu_peer_ticket *b)
{
    double variance = 2 * BETA2 + a->deviation * a->deviation + b->deviation * b->deviation;
    double gap = a->rating - b->rating;
    return sqrt(2 * BETA2 / variance) * exp(-gap * gap / (2 * variance));
}

static double threshold(const struct mu_peer_ticket *ticket)
{
    double step = ticket->rating >= 2000 ? 0.15 : ticket->deviation >= 250 ? 0.1 : 0.05;
    double most = ticket->rating >= 2000 ? 0.3 : ticket->deviation >= 250 ? 0.6 : 0.25;
    double value = 0.8 * pair_quality(ticket, ticket) - fmin(ticket->attempts * step, most);
    return value > 0 ? value : 0;
}

static void wish(struct wishes *wishes, double quality, uint32_t ticket)
{
    if (wishes->count == LIST_MAX) {
        return;
    }
    uint32_t at = wishes->count++;
    while (at > 0 && wishes->list[at - 1].quality > quality) {
        wishes->list[at] = wishes->list[at - 1];
        at--;
    }
    wishes->list[at] = (struct wish){ .quality = quality, .ticket = ticket };
    wishes->length = wishes->count;
}

/* Each proposes to the best that is left on his list, who takes the better one. */
static void marry(const struct mu_peer *peer, const uint32_t *tickets, uint32_t count,
                  struct wishes *all)
{
    uint32_t rounds = 0;
    for (uint32_t i = 0; i < count; i++) {
        rounds = all[i].length > rounds ? all[i].length : rounds;
    }
    for (uint32_t round = 0; round < rounds; round++) {
        for (uint32_t i = 0; i < count; i++) {
            if (all[i].partner >= 0 || all[i].count == 0) {
                continue;
            }
            struct wish best = all[i].list[--all[i].count];
            struct wishes *other = &all[best.ticket];
            if (other->partner >= 0) {
                const struct mu_peer_ticket *rival = &peer->tickets[tickets[other->partner]];
                if (best.quality <= pair_quality(&peer->tickets[tickets[best.ticket]], rival)) {
                    continue;
                }
                all[other->partner].partner = -1;
            }
            other->partner = (int32_t)i;
            all[i].partner = (int32_t)best.ticket;
        }
    }
}

static void play_pairs(struct mu_peer *peer, struct mu_peer_queue *queue)
{
    uint32_t count = mu_peer_by_rating(peer, queue);
    uint32_t reach = count;
    struct wishes *all = calloc(count + 1, sizeof *all);
    if (all == NULL) {
        peer->r = -ENOMEM;
        return;
    }
    if (count >= PAIRS_ALL) {
        reach = (uint32_t)log2(count) / 2;
    }
    for (uint32_t i = 0; i < count; i++) {
        all[i].partner = -1;
    }
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = i + 1; k < count && k <= i + reach; k++) {
            const struct mu_peer_ticket *a = &peer->tickets[peer->scratch[i]];
            const struct mu_peer_ticket *b = &peer->tickets[peer->scratch[k]];
            double quality = pair_quality(a, b);
            if (quality >= threshold(a) && quality >= threshold(b)) {
                wish(&all[i], quality, k);
                wish(&all[k], quality, i);
            }
        }
    }
    marry(peer, peer->scratch, count, all);
    for (uint32_t i = 0; i < count; i++) {
        if (all[i].partner > (int32_t)i) {
            struct mu_peer_match match = { .count = 0 };
            mu_peer_put(peer, &match, peer->scratch[i], 0);
            mu_peer_put(peer, &match, peer->scratch[all[i].partner], 1);
            mu_peer_emit(peer, queue, &match, -1);
        }
    }
    free(all);
}

/* Sets of tickets with their difference, for Karmarkar and Karp's method: two sides each. */
struct halves {
    double difference;
    bool used;
    uint64_t sides[2]; /* bit i: ticket i of the match */
};

/* Differencing: the two largest go to opposite sides (Karmarkar and Karp 1982).  Returns the
 * tickets of one side. */
static uint64_t difference(const struct mu_peer *peer, const struct mu_peer_match *match)
{
    struct halves heap[2 * MU_MATCH_PLAYERS_MAX];
    uint32_t count = match->count;
    for (uint32_t i = 0; i < count; i++) {
        const struct mu_peer_ticket *ticket = &peer->tickets[match->tickets[i]];
        heap[i] = (struct halves){
            .difference = PARTY_PULL * (double)ticket->players + ticket->sum,
            .sides = { (uint64_t)1 << i, 0 },
        };
    }
    for (uint32_t left = match->count; left > 1; left--) {
        uint32_t first = count;
        uint32_t second = count;
        for (uint32_t i = 0; i < count; i++) {
            if (heap[i].used) {
                continue;
            }
            if (first == count || heap[i].difference > heap[first].difference) {
                second = first;
                first = i;
            } else if (second == count || heap[i].difference > heap[second].difference) {
                second = i;
            }
        }
        const struct halves a = heap[first];
        const struct halves b = heap[second];
        heap[first].used = true;
        heap[second].used = true;
        heap[count++] = (struct halves){
            .difference = a.difference - b.difference,
            .sides = { a.sides[0] | b.sides[1], a.sides[1] | b.sides[0] },
        };
    }
    return heap[count - 1].sides[0];
}

/* Who joins a party that lacks one: whose mean with it is nearest to that of all. */
static uint64_t complete(const struct mu_peer *peer, const struct mu_peer_match *match,
                         uint32_t party)
{
    const struct mu_peer_ticket *near = &peer->tickets[match->tickets[party]];
    uint32_t best = match->count;
    double least = INFINITY;
    double mean = 0;
    for (uint32_t i = 0; i < match->count; i++) {
        mean += peer->tickets[match->tickets[i]].sum / match->players;
    }
    for (uint32_t i = 0; i < match->count; i++) {
        const struct mu_peer_ticket *one = &peer->tickets[match->tickets[i]];
        double gap = fabs(mean - (near->sum + one->sum) / (near->players + 1));
        if (one->players == 1 && gap < least) {
            least = gap;
            best = i;
        }
    }
    return best == match->count ? 0 : (uint64_t)1 << party | (uint64_t)1 << best;
}

/* Two teams of the tickets.  Returns whether both are full. */
static bool split(const struct mu_peer *peer, struct mu_peer_match *match)
{
    uint64_t side = 0;
    uint32_t full = match->count;
    uint32_t near = match->count;
    uint32_t players = 0;
    if (match->count < 2) {
        return false;
    }
    for (uint32_t i = 0; i < match->count; i++) {
        full = peer->tickets[match->tickets[i]].players == peer->size ? i : full;
        near = peer->tickets[match->tickets[i]].players == peer->size - 1 ? i : near;
    }
    if (full < match->count) {
        side = (uint64_t)1 << full;
    } else if (near < match->count && peer->size > 2) {
        side = complete(peer, match, near);
    } else {
        side = difference(peer, match);
    }
    for (uint32_t i = 0; i < match->count; i++) {
        match->teams[i] = (side >> i & 1) != 0 ? 0 : 1;
        players += match->teams[i] == 0 ? peer->tickets[match->tickets[i]].players : 0;
    }
    return players == peer->size;
}

/* Neighbours by rating, in turn below and above, until a match is full. */
static bool gather(struct mu_peer *peer, uint32_t count, uint32_t at, struct mu_peer_match *match)
{
    uint32_t below = at;
    uint32_t above = at + 1;
    match->count = 0;
    match->players = 0;
    mu_peer_put(peer, match, peer->scratch[at], 0);
    for (bool down = true; match->players < peer->players && (below > 0 || above < count);
         down = !down) {
        uint32_t next = UINT32_MAX;
        if (down && below > 0) {
            next = peer->scratch[--below];
        } else if (!down && above < count) {
            next = peer->scratch[above++];
        }
        if (next != UINT32_MAX && match->players + peer->tickets[next].players <= peer->players) {
            mu_peer_put(peer, match, next, 0);
        }
    }
    return match->players == peer->players;
}

/* Its measure of a match of two teams. */
static double team_quality(const struct mu_peer *peer, const struct mu_peer_match *match)
{
    double sums[2] = { 0, 0 };
    double time_bonus = 0;
    double rare_bonus = 0;
    double mean = 0;
    double squares = 0;
    for (uint32_t i = 0; i < match->count; i++) {
        const struct mu_peer_ticket *ticket = &peer->tickets[match->tickets[i]];
        double share = (double)ticket->players / peer->size;
        sums[match->teams[i]] += ticket->sum;
        time_bonus += fmin(ticket->attempts * 0.01 * share, 0.2 * share);
        rare_bonus += pow((ticket->rating - PEAK) / PEAK_SCALE, 4) * share;
        mean += ticket->rating / match->count;
    }
    for (uint32_t i = 0; i < match->count; i++) {
        double gap = peer->tickets[match->tickets[i]].rating - mean;
        squares += gap * gap / match->count;
    }
    double uneven = (sums[0] - sums[1]) / SCALE;
    return 1 - sqrt(uneven * uneven + squares / (SCALE * SCALE)) + time_bonus + fmin(rare_bonus, 1);
}

/* Of a match of many teams, for which it has no queue: the same without the teams' difference. */
static double crowd_quality(const struct mu_peer *peer, const struct mu_peer_match *match)
{
    double time_bonus = 0;
    double mean = 0;
    double squares = 0;
    for (uint32_t i = 0; i < match->count; i++) {
        const struct mu_peer_ticket *ticket = &peer->tickets[match->tickets[i]];
        time_bonus += fmin(ticket->attempts * 0.01, 0.2) * ticket->players / peer->size;
        mean += ticket->sum / match->players;
    }
    for (uint32_t i = 0; i < match->count; i++) {
        const struct mu_peer_ticket *ticket = &peer->tickets[match->tickets[i]];
        squares +=
            ticket->players * (ticket->rating - mean) * (ticket->rating - mean) / match->players;
    }
    return 1 - sqrt(squares) / SCALE + time_bonus;
}

static int by_quality(const void *a, const void *b)
{
    const struct game *x = a;
    const struct game *y = b;
    if (x->quality < y->quality || x->quality > y->quality) {
        return x->quality > y->quality ? -1 : 1;
    }
    return x->order < y->order ? -1 : x->order > y->order;
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

static void play_teams(struct mu_peer *peer, struct mu_peer_queue *queue)
{
    uint32_t count = mu_peer_by_rating(peer, queue);
    uint32_t games_count = 0;
    struct game *games = malloc((count + 1) * sizeof *games);
    if (games == NULL) {
        peer->r = -ENOMEM;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct game *game = &games[games_count];
        bool two = peer->teams == 2;
        if (!gather(peer, count, i, &game->match) ||
            !(two ? split(peer, &game->match) : mu_peer_deal(peer, &game->match))) {
            continue;
        }
        game->order = i;
        game->quality = two ? team_quality(peer, &game->match) : crowd_quality(peer, &game->match);
        games_count += game->quality >= peer->values[MINQ] ? 1 : 0;
    }
    qsort(games, games_count, sizeof games[0], by_quality);
    for (uint32_t i = 0; i < games_count; i++) {
        if (all_wait(peer, &games[i].match)) {
            mu_peer_emit(peer, queue, &games[i].match, -1);
        }
    }
    free(games);
}

/* The time in which as many players come as the wanted number of matches has. */
static int64_t next_pop(struct mu_peer *peer, struct mu_peer_queue *queue, double players,
                        int64_t now_ms)
{
    double sum_players = 0;
    double sum_s = 0;
    double next_s = peer->values[POPMAX];
    if (queue->pops == MU_PEER_POPS) {
        queue->pops--;
        memmove(queue->pop_players, queue->pop_players + 1, queue->pops * sizeof(double));
        memmove(queue->pop_s, queue->pop_s + 1, queue->pops * sizeof(double));
    }
    queue->pop_players[queue->pops] = players;
    queue->pop_s[queue->pops++] = (double)(now_ms - queue->last_ms) / 1000;
    queue->last_ms = now_ms;
    for (uint32_t i = 0; i < queue->pops; i++) {
        sum_players += queue->pop_players[i];
        sum_s += queue->pop_s[i];
    }
    if (sum_players > 0) {
        next_s = fmin(next_s, peer->values[DESIRED] * peer->players * sum_s / sum_players);
    }
    return now_ms + (int64_t)(1000 * fmax(1, next_s));
}

int64_t mu_peer_faf(struct mu_peer *peer, struct mu_peer_queue *queue, int64_t now_ms)
{
    int64_t first_ms = (int64_t)(peer->values[POPMAX] * 500);
    uint32_t players = 0;
    if (now_ms < first_ms) {
        return first_ms;
    }
    for (uint32_t i = 0; i < queue->count; i++) {
        players += peer->tickets[queue->tickets[i]].players;
    }
    if (players >= peer->players && peer->players == 2) {
        play_pairs(peer, queue);
    } else if (players >= peer->players) {
        play_teams(peer, queue);
    }
    mu_peer_tidy(peer, queue);
    for (uint32_t i = 0; i < queue->count; i++) {
        peer->tickets[queue->tickets[i]].attempts++;
    }
    return next_pop(peer, queue, players, now_ms);
}
