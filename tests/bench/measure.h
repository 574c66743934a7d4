/* tests/bench/measure.h - what the benchmarks share: a clock, quantiles, and the noise guard.
 *
 * A machine that others use, or a virtual one whose host is busy, gives figures that say nothing.
 * The guard looks for that before, after and during a case: how much slower than the best a fixed
 * piece of work runs, how late a short sleep ends, and how much of the processors went to others
 * or was stolen.  A case that was disturbed is INVALID; its figures are not compared. */
#ifndef MU_TESTS_BENCH_MEASURE_H
#define MU_TESTS_BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Monotonic clock, ns. */
int64_t mu_bench_now_ns(void);

/* Sleeps between two looks at something; a signal cuts it short. */
void mu_bench_pause_ms(int64_t ms);

/* A list of measured values that grows up to its capacity; more are counted but not kept. */
struct mu_samples {
    double *values; /* [capacity] */
    size_t capacity;
    size_t count;   /* kept */
    size_t dropped; /* beyond the capacity */
};

/* Ends the program when there is no memory: a benchmark cannot go on. */
void mu_samples_init(struct mu_samples *samples, size_t capacity);
void mu_samples_release(struct mu_samples *samples);
void mu_samples_add(struct mu_samples *samples, double value);

/* Sorts; mu_samples_at() needs it. */
void mu_samples_sort(struct mu_samples *samples);

/* The value that `quantile` (0..1) of the sorted values do not exceed (nearest rank); 0 when
 * there are none. */
double mu_samples_at(const struct mu_samples *samples, double quantile);

/* Median of values[count], count >= 1 (asserted), which is sorted by this. */
double mu_bench_median(double *values, size_t count);

/* What the guard saw. */
struct mu_noise {
    double spin_ratio;  /* median / fastest of a fixed piece of work; 1.0 is quiet */
    double late_p50_us; /* a sleep of 1 ms ended so much too late */
    double late_p99_us;
    double foreign_pct; /* of all processors' time: used by processes that are not ours */
    double steal_pct;   /* of all processors' time: taken by the host of a virtual machine */
};

/* The limits beyond which a case is INVALID. */
#define MU_NOISE_SPIN_MAX     1.25
#define MU_NOISE_LATE_P50_MAX 1000.0 /* us: the clock tick decides when sleepers wake */
#define MU_NOISE_FOREIGN_MAX  10.0   /* % */
#define MU_NOISE_STEAL_MAX    2.0    /* % */

/* Counts of /proc/stat and of our own use, to compare two moments. */
struct mu_noise_mark {
    uint64_t total; /* ticks of all processors */
    uint64_t busy;  /* ticks that were not idle or waiting for a disk */
    uint64_t steal;
    double own_s; /* seconds used by us and by our children that have ended */
};

/* Spins and sleeps for about 0.2 s; sets the first three fields. */
void mu_noise_probe(struct mu_noise *ret);

/* Children that still run are not in it: the caller adds their seconds. */
void mu_noise_mark(struct mu_noise_mark *ret);

/* Sets the last two fields.
 *
 * own_s  seconds used between the marks by children that still run */
void mu_noise_between(const struct mu_noise_mark *from, const struct mu_noise_mark *to,
                      double own_s, struct mu_noise *ret);

/* Keeps the worse of each field. */
void mu_noise_worse(struct mu_noise *noise, const struct mu_noise *other);

/* Whether it was quiet enough. */
bool mu_noise_valid(const struct mu_noise *noise);

/* "{"valid":true,"spin_ratio":1.02,...}" on stdout, without a newline. */
void mu_noise_print(const struct mu_noise *noise);

/* The decimal digits at the start of `text` as a number; 0 when there are none. */
uint64_t mu_measure_digits(const char *text);

#endif /* MU_TESTS_BENCH_MEASURE_H */
