/* tests/bench/peers_teiserver.c - Teiserver: the first of all ways to make two teams whose
 * predicted result is within a band around a draw. */
#include <math.h>

#include "tests/bench/peers_private.h"

#define TICKETS_MAX 14    /* the oldest; more are too many ways, as its documentation warns */
#define WAYS_MAX    20000 /* looked at in one search */
#define BETA        200.0

/* Parameters band, every, apart. */

/* Walks all choices of tickets that make a team, in the order of the list. */
struct choice {
    uint32_t allowed; /* bit i: ticket i may be chosen */
    uint32_t depth;
    uint32_t stack[TICKETS_MAX]; /* ascending */
    uint32_t players;
    bool begun;
};

/* The next choice with exactly a team's players.  Returns whether there is one. */
static bool next_choice(const struct mu_peer *peer, const uint32_t *tickets, uint32_t count,
                        struct choice *choice)
{
    uint32_t i = 0;
    if (choice->begun) {
        i = choice->stack[--choice->depth];
        choice->players -= peer->tickets[tickets[i]].players;
        i++;
    }
    choice->begun = true;
    for (;;) {
        for (; i < count; i++) {
            uint32_t players = peer->tickets[tickets[i]].players;
            if ((choice->allowed >> i & 1) == 0 || choice->players + players > peer->size) {
                continue;
            }
            choice->stack[choice->depth++] = i;
            choice->players += players;
            if (choice->players == peer->size) {
                return true;
            }
        }
        if (choice->depth == 0) {
            return false;
        }
        i = choice->stack[--choice->depth];
        choice->players -= peer->tickets[tickets[i]].players;
        i++;
    }
}

/* Adds a chosen team's rating and variance. */
static void add_team(const struct mu_peer *peer, const uint32_t *tickets,
                     const struct choice *choice, double sign, double *gap, double *variance)
{
    for (uint32_t i = 0; i < choice->depth; i++) {
        const struct mu_peer_ticket *ticket = &peer->tickets[tickets[choice->stack[i]]];
        *gap += sign * ticket->sum;
        *variance += ticket->players * ticket->deviation * ticket->deviation;
    }
}

static void put_team(struct mu_peer *peer, const uint32_t *tickets, const struct choice *choice,
                     uint32_t team, struct mu_peer_match *match)
{
    for (uint32_t i = 0; i < choice->depth; i++) {
        mu_peer_put(peer, match, tickets[choice->stack[i]], team);
    }
}

/* The first way that is even enough among the tickets [count].  Returns whether there is one. */
static bool search(struct mu_peer *peer, const uint32_t *tickets, uint32_t count,
                   struct mu_peer_match *match)
{
    struct choice first = { .allowed = (1u << count) - 1 };
    uint32_t ways = 0;
    match->count = 0;
    match->players = 0;
    while (next_choice(peer, tickets, count, &first)) {
        struct choice second = { .allowed = first.allowed };
        for (uint32_t i = 0; i < first.depth; i++) {
            second.allowed &= ~(1u << first.stack[i]);
        }
        while (next_choice(peer, tickets, count, &second)) {
            double gap = 0;
            double variance = 2 * BETA * BETA;
            add_team(peer, tickets, &first, 1, &gap, &variance);
            add_team(peer, tickets, &second, -1, &gap, &variance);
            if (fabs(mu_peer_phi(gap / sqrt(variance)) - 0.5) <= peer->values[0]) {
                put_team(peer, tickets, &first, 0, match);
                put_team(peer, tickets, &second, 1, match);
                return true;
            }
            if (++ways > WAYS_MAX) {
                return false;
            }
        }
    }
    return false;
}

/* Pairs are few ways: all waiting tickets are looked at. */
static void play_pairs(struct mu_peer *peer, struct mu_peer_queue *queue)
{
    for (uint32_t i = 0; i < queue->count; i++) {
        const struct mu_peer_ticket *a = &peer->tickets[queue->tickets[i]];
        for (uint32_t k = i + 1; a->waiting && k < queue->count; k++) {
            const struct mu_peer_ticket *b = &peer->tickets[queue->tickets[k]];
            double variance =
                2 * BETA * BETA + a->deviation * a->deviation + b->deviation * b->deviation;
            double chance = mu_peer_phi((a->rating - b->rating) / sqrt(variance));
            if (b->waiting && fabs(chance - 0.5) <= peer->values[0]) {
                struct mu_peer_match match = { .count = 0 };
                mu_peer_put(peer, &match, queue->tickets[i], 0);
                mu_peer_put(peer, &match, queue->tickets[k], 1);
                mu_peer_emit(peer, queue, &match, -1);
            }
        }
    }
}

int64_t mu_peer_teiserver(struct mu_peer *peer, struct mu_peer_queue *queue, int64_t now_ms)
{
    if (peer->players == 2) {
        play_pairs(peer, queue);
        return now_ms + (int64_t)(peer->values[1] * 1000);
    }
    for (;;) {
        struct mu_peer_match match;
        uint32_t count = queue->count < TICKETS_MAX ? queue->count : TICKETS_MAX;
        if (!search(peer, queue->tickets, count, &match)) {
            return now_ms + (int64_t)(peer->values[1] * 1000);
        }
        mu_peer_emit(peer, queue, &match, -1);
        mu_peer_tidy(peer, queue);
    }
}
