/* tests/bench/peers_waves.c - lichess: pairs in waves, each a maximum-weight matching.
 *
 * The cost of a pair is its rating gap, less for who has missed waves (the lesser of both); pairs
 * above a limit that grows with the rating are not made.  Parameters wave (s), size (a wave begins
 * early when so many wait), scale (of the limit), rtt (points a ms in the best region: it has one
 * site, and so no such term), apart. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "tests/bench/blossom.h"
#include "tests/bench/peers_private.h"

#define MISS_POINTS  12 /* a wave */
#define MISS_MAX     460
#define LIMIT_MIN    100.0    /* points */
#define LIMIT_RATING 15.0     /* and a fifteenth of the rating */
#define MATES_FIRST  100000.0 /* more pairs before better ones */
#define FINE         16       /* parts of a point that are told apart */

enum { WAVE, SIZE, SCALE, RTT };

static double missed(const struct mu_peer_ticket *ticket)
{
    return fmin(MISS_POINTS * (double)ticket->attempts, MISS_MAX);
}

/* What a pair is worth, 0: it is not made. */
static int64_t worth(const struct mu_peer *peer, const struct mu_peer_ticket *a,
                     const struct mu_peer_ticket *b)
{
    double rtt = INFINITY;
    double limit = fmax(LIMIT_MIN, fmax(a->rating, b->rating) / LIMIT_RATING) * peer->values[SCALE];
    for (uint32_t i = 0; i < peer->workload->regions_count; i++) {
        rtt = fmin(rtt, (a->rtt[i] + b->rtt[i]) / 2);
    }
    double cost = fabs(a->rating - b->rating) - fmin(missed(a), missed(b));
    cost += peer->values[RTT] * rtt;
    return cost > limit ? 0 : (int64_t)((MATES_FIRST - cost) * FINE);
}

int64_t mu_peer_waves(struct mu_peer *peer, struct mu_peer_queue *queue, int64_t now_ms)
{
    int64_t next_ms = now_ms + (int64_t)(peer->values[WAVE] * 1000);
    uint32_t count =
        queue->count < MU_BLOSSOM_VERTICES_MAX ? queue->count : MU_BLOSSOM_VERTICES_MAX;
    int64_t *weights = calloc((size_t)count * count + 1, sizeof *weights);
    int32_t partners[MU_BLOSSOM_VERTICES_MAX];
    for (uint32_t i = 0; weights != NULL && i < count; i++) {
        const struct mu_peer_ticket *a = &peer->tickets[queue->tickets[i]];
        for (uint32_t k = i + 1; k < count; k++) {
            weights[i * count + k] = worth(peer, a, &peer->tickets[queue->tickets[k]]);
            weights[k * count + i] = weights[i * count + k];
        }
    }
    if (weights == NULL || mu_blossom_match(count, weights, partners) < 0) {
        peer->r = -ENOMEM;
        free(weights);
        return next_ms;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (partners[i] > (int32_t)i) {
            struct mu_peer_match match = { .count = 0 };
            mu_peer_put(peer, &match, queue->tickets[i], 0);
            mu_peer_put(peer, &match, queue->tickets[partners[i]], 1);
            mu_peer_emit(peer, queue, &match, -1);
        } else if (partners[i] < 0) {
            peer->tickets[queue->tickets[i]].attempts++;
        }
    }
    free(weights);
    return next_ms;
}
