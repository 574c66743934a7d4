#include "core/histogram.h"

const double mu_wait_bounds[MU_WAIT_BUCKETS - 1] = { 1, 2, 5, 10, 20, 30, 60, 120, 180, 300, 600 };

const double mu_quality_bounds[MU_QUALITY_BUCKETS - 1] = { 0.1, 0.2, 0.3, 0.4, 0.5,
                                                           0.6, 0.7, 0.8, 0.9 };

uint32_t mu_histogram_bucket(const double *bounds, uint32_t bounds_count, double value)
{
    uint32_t i = 0;
    while (i < bounds_count && !(value <= bounds[i])) {
        i++;
    }
    return i;
}
