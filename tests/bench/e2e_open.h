/* tests/bench/e2e_open.h - open-loop queueing over WebSockets: tickets at a fixed rate, whatever
 * the cluster does, and for how long after the second of two both players know of their match.
 *
 * Each ticket has an intended moment (Poisson, from a seed), and latencies count from it, not from
 * when it was sent: a generator that is held up by what it measures hides the worst of it. */
#ifndef MU_TESTS_BENCH_E2E_OPEN_H
#define MU_TESTS_BENCH_E2E_OPEN_H

#include <stdint.h>

#include "tests/bench/e2e_closed.h"

struct mu_open_plan {
    uint16_t port;
    uint32_t tickets; /* even: all can be matched */
    double rate;      /* tickets a second */
    uint64_t seed;
};

struct mu_open {
    struct mu_samples both_us;  /* from the later ticket of a match to both are notified */
    struct mu_samples order_us; /* from the 2n-th ticket to the n-th match is known to both: no
                                   choice of partners can make that shorter */
    struct mu_samples ack_us;   /* from a ticket to its QUEUE_STATUS */
    struct mu_samples late_us;  /* how late the generator sent */
    uint32_t acked;
    uint32_t refused;  /* answered with an ERROR, or the connection was lost */
    uint32_t notified; /* players that got MATCH_FOUND */
    uint32_t matches;  /* that both players know of */
    uint32_t lost;     /* players whose ticket was acknowledged and who heard of no match */
    uint32_t untold;   /* of the lost: those that are in a match, and were not told */
    uint32_t doubled;  /* players that heard of two matches, or of one twice; matches of three */
    double seconds;    /* from the first intended moment to the last notification */
};

void mu_open_init(struct mu_open *open, uint32_t tickets);
void mu_open_release(struct mu_open *open);

/* A run that has opened its sockets, and bound each to a player. */
struct mu_open_run;

/* Takes the next plan->tickets players.  NULL after saying why on stderr. */
struct mu_open_run *mu_open_begin(const struct mu_open_plan *plan, struct mu_players *players);

/* Sends the tickets and waits until all have heard, or 10 s after the last. */
void mu_open_go(struct mu_open_run *run, struct mu_open *ret);

/* Closes the sockets.  NULL is a no-op. */
void mu_open_end(struct mu_open_run *run);

#endif /* MU_TESTS_BENCH_E2E_OPEN_H */
