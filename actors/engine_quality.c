#include "actors/engine_quality.h"

#include <assert.h>
#include <math.h>

/* x^exponent, without pow() for what is usual. */
static double power(double x, double exponent)
{
    return exponent == 1.0 ? x : pow(x, exponent);
}

double mu_quality_imbalance(const struct mu_objective *objective, double difference, double players,
                            double variance)
{
    double scale = 2 * (objective->beta * objective->beta * players +
                        objective->uncertainty * variance); /* 2: erf is of x / sqrt(2) */
    return erf(fabs(difference) / sqrt(scale));
}

static const double two_by_pi = 0.63661977236758134308;

double mu_quality_imbalance_crowd(const struct mu_objective *objective, double deviation,
                                  double size)
{
    return two_by_pi * atan(deviation / (objective->beta * sqrt(size)));
}

double mu_quality_fairness(const struct mu_objective *objective, double imbalance)
{
    return power(1 - objective->imbalance_weight * imbalance, objective->fairness);
}

double mu_quality_closeness(const struct mu_objective *objective, double variance)
{
    double scale = objective->spread * objective->spread;
    return power(1 / (1 + variance / scale), objective->closeness);
}

double mu_quality_closeness_slope(const struct mu_objective *objective, double variance)
{
    return objective->closeness / (objective->spread * objective->spread + variance);
}

/* Of atan(sqrt(variance) / scale); it has no end at 0, so that no less than a point counts. */
double mu_quality_fairness_slope(const struct mu_objective *objective, double variance, double size)
{
    double deviation = sqrt(fmax(variance, 1));
    double scale = objective->beta * sqrt(size);
    double weight = objective->imbalance_weight;
    double rest = 1 - weight * mu_quality_imbalance_crowd(objective, deviation, size);
    double slope = two_by_pi * scale / (scale * scale + variance) / (2 * deviation);
    return objective->fairness * weight * slope / fmax(rest, 1e-9);
}

double mu_quality_fullness(const struct mu_objective *objective, double players,
                           double players_full)
{
    return players >= players_full ? 1 : power(players / players_full, objective->fullness);
}

double mu_quality_latency(const struct mu_objective *objective, uint32_t reach_ms)
{
    double range = objective->latency_bad_ms - objective->latency_good_ms;
    double quality = (objective->latency_bad_ms - (double)reach_ms) / range;
    return fmin(fmax(quality, 0.02), 1);
}

/* The others of a match are taken to be spread evenly between the two: a standard deviation of
 * 1 / sqrt(3) of the distance, half of it when there are only the two.  Teams' sums spread less
 * than their players, for they are evened out: 0.6 of what chance would give (measured). */
void mu_affinity_init(struct mu_affinity *affinity, const struct mu_objective *objective,
                      uint32_t teams, uint32_t size)
{
    const double even = 0.57735026918962576451;
    const double evened = 0.6;
    assert(teams >= 1 && size >= 1);
    for (uint32_t i = 0; i <= MU_AFFINITY_POINTS; i++) {
        double distance = i;
        double deviation = (teams == 2 && size == 1 ? 0.5 : even) * distance;
        double imbalance = 0; /* two teams of several come out even */
        if (teams == 2 && size == 1) {
            imbalance = mu_quality_imbalance(objective, distance, 2, 0);
        } else if (teams != 2) {
            double sums = teams == 1 || size == 1 ? deviation : deviation * evened * (double)size;
            imbalance = mu_quality_imbalance_crowd(objective, sums, teams == 1 ? 1 : (double)size);
        }
        affinity->at[i] = (float)(mu_quality_fairness(objective, imbalance) *
                                  mu_quality_closeness(objective, deviation * deviation));
    }
}
