/* core/histogram.h - the bounds of what is counted by size, the same in shards and on /metrics.
 *
 * Bucket i counts values up to bound i that are above bound i - 1; the last one counts the rest. */
#ifndef MU_CORE_HISTOGRAM_H
#define MU_CORE_HISTOGRAM_H

#include <stdint.h>

#define MU_WAIT_BUCKETS    12
#define MU_QUALITY_BUCKETS 10

/* Seconds that a matched ticket had waited: [MU_WAIT_BUCKETS - 1]. */
extern const double mu_wait_bounds[MU_WAIT_BUCKETS - 1];

/* Quality of a match, 0..1: [MU_QUALITY_BUCKETS - 1]. */
extern const double mu_quality_bounds[MU_QUALITY_BUCKETS - 1];

/* The bucket of a value: 0..bounds_count.  O(bounds_count). */
uint32_t mu_histogram_bucket(const double *bounds, uint32_t bounds_count, double value);

#endif /* MU_CORE_HISTOGRAM_H */
