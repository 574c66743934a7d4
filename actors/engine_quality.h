/* actors/engine_quality.h - how good a match is, but for latency: fairness, closeness, fullness.
 *
 * The formulas are those of struct mu_objective (actors/rules.h); docs/MATCHING.md 1.  Ratings are
 * effective ones: with the party bonus. */
#ifndef MU_ACTORS_ENGINE_QUALITY_H
#define MU_ACTORS_ENGINE_QUALITY_H

#include "actors/rules.h"

/* |2 * win probability - 1| of two teams.
 *
 * difference  of the sums of their players' ratings, points
 * players     of both
 * variance    sum of both's squared deviations, points^2 */
double mu_quality_imbalance(const struct mu_objective *objective, double difference, double players,
                            double variance);

/* The mean of that over all pairs of many teams of `size` players, whose sums are normally
 * distributed with this standard deviation: (2 / pi) atan(deviation / (beta * sqrt(size))). */
double mu_quality_imbalance_crowd(const struct mu_objective *objective, double deviation,
                                  double size);

/* Both factors of quality, 0..1: fairness from the imbalance, closeness from the variance of all
 * players' ratings (points^2). */
double mu_quality_fairness(const struct mu_objective *objective, double imbalance);
double mu_quality_closeness(const struct mu_objective *objective, double variance);

/* The factor for `players` of `players_full`. */
double mu_quality_fullness(const struct mu_objective *objective, double players,
                           double players_full);

/* By what share quality falls for each points^2 more of variance: -d ln closeness / d variance. */
double mu_quality_closeness_slope(const struct mu_objective *objective, double variance);

/* The same of fairness, when the sums of many teams of `size` players have that variance. */
double mu_quality_fairness_slope(const struct mu_objective *objective, double variance,
                                 double size);

/* Round trip -> latency quality, 0.02..1: the best that somebody has, however bad, is a reference
 * that others are divided by. */
double mu_quality_latency(const struct mu_objective *objective, uint32_t reach_ms);

enum { MU_AFFINITY_POINTS = 3000 }; /* beyond it is as bad as at it */

/* What a match will probably be like for two whose ratings are so far apart, latency aside. */
struct mu_affinity {
    float at[MU_AFFINITY_POINTS + 1]; /* by points; falling */
};

/* teams  that play, 1: everybody for himself; size: players of a team */
void mu_affinity_init(struct mu_affinity *affinity, const struct mu_objective *objective,
                      uint32_t teams, uint32_t size);

static inline double mu_affinity_at(const struct mu_affinity *affinity, double points)
{
    double distance = points < 0 ? -points : points;
    return (double)
        affinity->at[distance < MU_AFFINITY_POINTS ? (uint32_t)distance : MU_AFFINITY_POINTS];
}

#endif /* MU_ACTORS_ENGINE_QUALITY_H */
