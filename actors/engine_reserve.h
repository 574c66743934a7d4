/* actors/engine_reserve.h - what waiting is worth to a ticket that comes: its reservation.
 *
 * The rule is that of optimal stopping: of the players who came lately, the best fraction is worth
 * waiting for that makes the mean quality with them, less the price of the wait for so few,
 * highest. With q_1 >= q_2 >= ... the qualities that the ticket would probably have with recent
 * arrivals,
 *
 *   predicted = max over k of  mean(q_1..q_k) - wait_k / wait_ms
 *   wait_k    = gamma * players still needed * time of the sample / players among the first k
 *
 * Others want the same players, so that is too much: for each range of ratings the values that
 * tickets got are kept beside the predicted ones, and their ratio corrects it.  And a ticket that
 * waits is of use to those who come, so it asks for delta of the rest to 1 besides.
 *
 * Source: McCall 1970, "Economics of information and job search"; docs/MATCHING.md has the
 * measurements.  Costs: an estimate is O(sample * regions), about 2 us; when more than a thousand
 * come each second, tickets that are nearly alike share one. */
#ifndef MU_ACTORS_ENGINE_RESERVE_H
#define MU_ACTORS_ENGINE_RESERVE_H

#include "actors/engine_quality.h"

struct mu_reserve;

/* rules, affinity  outlive it
 * players_max      of a match: when it is full
 * Returns NULL when out of memory. */
struct mu_reserve *mu_reserve_create(const struct mu_objective *objective,
                                     const struct mu_affinity *affinity, uint32_t regions_count,
                                     uint32_t players_max);
void mu_reserve_destroy(struct mu_reserve *reserve); /* NULL is a no-op */

/* Forgets everything. */
void mu_reserve_clear(struct mu_reserve *reserve);

/* Who comes. */
struct mu_arrival {
    int64_t since_ms;
    uint32_t number; /* the caller's, to know it again; with since_ms it is unique */
    uint32_t players;
    double mean;           /* effective rating, points */
    const float *nearness; /* [regions_count] */
};

/* Counts one who has come at its since_ms, which may be long ago.  O(1) when arrivals come in
 * order. */
void mu_reserve_arrive(struct mu_reserve *reserve, const struct mu_arrival *arrival);

struct mu_reservation {
    float value;       /* quality */
    float predicted;   /* before correction; 0: nobody to judge by */
    float expected_ms; /* wait; 0: not known */
};

/* Estimates for one who has been counted. */
void mu_reserve_estimate(struct mu_reserve *reserve, const struct mu_arrival *arrival,
                         int64_t now_ms, struct mu_reservation *ret);

/* Learns how it came out for one of that rating: quality less wait / wait_ms. */
void mu_reserve_learn(struct mu_reserve *reserve, double mean, double predicted, double realised);

#endif /* MU_ACTORS_ENGINE_RESERVE_H */
