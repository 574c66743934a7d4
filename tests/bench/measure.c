#include "tests/bench/measure.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SPINS       60     /* pieces of work */
#define SPIN_ROUNDS 400000 /* of one piece: about 1 ms */
#define SLEEPS      100

int64_t mu_bench_now_ns(void)
{
    struct timespec now;
    int r = clock_gettime(CLOCK_MONOTONIC, &now);
    assert(r == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void mu_bench_pause_ms(int64_t ms)
{
    const struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
    (void)nanosleep(&time, NULL); /* cut short: the caller asks again */
}

void mu_samples_init(struct mu_samples *samples, size_t capacity)
{
    *samples = (struct mu_samples){ .capacity = capacity };
    samples->values = calloc(capacity, sizeof samples->values[0]);
    if (samples->values == NULL) {
        (void)fprintf(stderr, "bench: out of memory\n");
        exit(1);
    }
}

void mu_samples_release(struct mu_samples *samples)
{
    free(samples->values);
    *samples = (struct mu_samples){ .values = NULL };
}

void mu_samples_add(struct mu_samples *samples, double value)
{
    if (samples->count < samples->capacity) {
        samples->values[samples->count++] = value;
    } else {
        samples->dropped++;
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

void mu_samples_sort(struct mu_samples *samples)
{
    qsort(samples->values, samples->count, sizeof samples->values[0], compare_doubles);
}

double mu_samples_at(const struct mu_samples *samples, double quantile)
{
    assert(quantile >= 0 && quantile <= 1);
    if (samples->count == 0) {
        return 0;
    }
    size_t rank = (size_t)(quantile * (double)samples->count);
    return samples->values[rank < samples->count ? rank : samples->count - 1];
}

double mu_bench_median(double *values, size_t count)
{
    assert(count >= 1);
    qsort(values, count, sizeof values[0], compare_doubles);
    return values[count / 2];
}

static void spin(struct mu_samples *samples)
{
    volatile uint64_t sink = 1;
    int64_t begin_ns = mu_bench_now_ns();
    uint64_t x = sink;
    for (uint32_t i = 0; i < SPIN_ROUNDS; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
    }
    sink = x;
    mu_samples_add(samples, (double)(mu_bench_now_ns() - begin_ns));
}

static void sleep_once(struct mu_samples *samples)
{
    static const struct timespec millisecond = { .tv_nsec = 1000000 };
    int64_t begin_ns = mu_bench_now_ns();
    (void)nanosleep(&millisecond, NULL); /* interrupted: one short sample */
    mu_samples_add(samples, (double)(mu_bench_now_ns() - begin_ns - 1000000) / 1e3);
}

void mu_noise_probe(struct mu_noise *ret)
{
    struct mu_samples spins;
    struct mu_samples sleeps;
    mu_samples_init(&spins, SPINS);
    mu_samples_init(&sleeps, SLEEPS);
    for (int i = 0; i < SPINS; i++) {
        spin(&spins);
    }
    for (int i = 0; i < SLEEPS; i++) {
        sleep_once(&sleeps);
    }
    mu_samples_sort(&spins);
    mu_samples_sort(&sleeps);
    ret->spin_ratio = mu_samples_at(&spins, 0.5) / mu_samples_at(&spins, 0);
    ret->late_p50_us = mu_samples_at(&sleeps, 0.5);
    ret->late_p99_us = mu_samples_at(&sleeps, 0.99);
    mu_samples_release(&spins);
    mu_samples_release(&sleeps);
}

/* The number that `text` begins with, spaces before it left out.  Returns what stands behind it. */
static const char *take_number(const char *text, uint64_t *ret)
{
    text += strspn(text, " ");
    for (*ret = 0; *text >= '0' && *text <= '9'; text++) {
        *ret = *ret * 10 + (uint64_t)(*text - '0');
    }
    return text;
}

static double seconds_of(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

void mu_noise_mark(struct mu_noise_mark *ret)
{
    *ret = (struct mu_noise_mark){ .total = 0 };
    static const int who[] = { RUSAGE_SELF, RUSAGE_CHILDREN };
    for (size_t i = 0; i < 2; i++) {
        struct rusage usage;
        if (getrusage(who[i], &usage) == 0) {
            ret->own_s += seconds_of(&usage.ru_utime) + seconds_of(&usage.ru_stime);
        }
    }
    FILE *file = fopen("/proc/stat", "r");
    if (file == NULL) {
        return; /* without it there is nothing to say about others */
    }
    uint64_t ticks[8] = { 0 }; /* proc(5): user nice system idle iowait irq softirq steal */
    char line[256];
    if (fgets(line, sizeof line, file) != NULL) {
        const char *at = line + strcspn(line, " ");
        for (int i = 0; i < 8; i++) {
            at = take_number(at, &ticks[i]);
            ret->total += ticks[i];
        }
    }
    (void)fclose(file); /* only read */
    ret->busy = ret->total - ticks[3] - ticks[4] - ticks[7];
    ret->steal = ticks[7];
}

void mu_noise_between(const struct mu_noise_mark *from, const struct mu_noise_mark *to,
                      double own_s, struct mu_noise *ret)
{
    double total = (double)(to->total - from->total);
    double per_second = (double)sysconf(_SC_CLK_TCK);
    double own = (to->own_s - from->own_s + own_s) * per_second;
    double foreign = (double)(to->busy - from->busy) - own;
    ret->foreign_pct = total <= 0 || foreign < 0 ? 0 : 100 * foreign / total;
    ret->steal_pct = total <= 0 ? 0 : 100 * (double)(to->steal - from->steal) / total;
}

static double worse(double a, double b)
{
    return a > b ? a : b;
}

void mu_noise_worse(struct mu_noise *noise, const struct mu_noise *other)
{
    noise->spin_ratio = worse(noise->spin_ratio, other->spin_ratio);
    noise->late_p50_us = worse(noise->late_p50_us, other->late_p50_us);
    noise->late_p99_us = worse(noise->late_p99_us, other->late_p99_us);
    noise->foreign_pct = worse(noise->foreign_pct, other->foreign_pct);
    noise->steal_pct = worse(noise->steal_pct, other->steal_pct);
}

bool mu_noise_valid(const struct mu_noise *noise)
{
    return noise->spin_ratio <= MU_NOISE_SPIN_MAX && noise->late_p50_us <= MU_NOISE_LATE_P50_MAX &&
           noise->foreign_pct <= MU_NOISE_FOREIGN_MAX && noise->steal_pct <= MU_NOISE_STEAL_MAX;
}

void mu_noise_print(const struct mu_noise *noise)
{
    (void)printf("{\"valid\":%s,\"spin_ratio\":%.3f,\"late_p50_us\":%.0f,\"late_p99_us\":%.0f,"
                 "\"foreign_pct\":%.1f,\"steal_pct\":%.1f}",
                 mu_noise_valid(noise) ? "true" : "false", noise->spin_ratio, noise->late_p50_us,
                 noise->late_p99_us, noise->foreign_pct, noise->steal_pct);
}

uint64_t mu_measure_digits(const char *text)
{
    uint64_t value = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        value = value * 10 + (uint64_t)(*text - '0');
    }
    return value;
}
