#include "actors/queue_ages.h"

#include <assert.h>
#include <string.h>

static_assert((MU_AGES_BUCKETS & (MU_AGES_BUCKETS - 1)) == 0, "a ring of a power of two");

void mu_ages_init(struct mu_ages *ages, uint32_t wait_max_ms)
{
    assert(wait_max_ms > 0);
    memset(ages, 0, sizeof *ages);
    ages->grain_ms = 1 + wait_max_ms / (MU_AGES_BUCKETS / 2);
}

/* Which bucket a time is in, on a line without end. */
static int64_t line(const struct mu_ages *ages, int64_t at_ms)
{
    int64_t grain = ages->grain_ms;
    return at_ms >= 0 ? at_ms / grain : -((-at_ms + grain - 1) / grain);
}

uint32_t mu_ages_bucket(const struct mu_ages *ages, int64_t since_ms, int64_t now_ms)
{
    int64_t newest = line(ages, now_ms);
    int64_t oldest = newest - MU_AGES_BUCKETS / 2;
    int64_t at = line(ages, since_ms);
    at = at > newest ? newest : at;
    at = at < oldest ? oldest : at;
    return (uint32_t)at & (MU_AGES_BUCKETS - 1);
}

static void add(struct mu_ages *ages, uint32_t bucket, uint32_t change)
{
    assert(bucket < MU_AGES_BUCKETS);
    for (uint32_t i = bucket + 1; i <= MU_AGES_BUCKETS; i += i & (0u - i)) {
        ages->sums[i] += change;
    }
}

void mu_ages_add(struct mu_ages *ages, uint32_t bucket)
{
    add(ages, bucket, 1);
    ages->count++;
}

void mu_ages_remove(struct mu_ages *ages, uint32_t bucket)
{
    assert(ages->count > 0);
    add(ages, bucket, UINT32_MAX); /* -1, modulo 2^32 */
    ages->count--;
}

/* How many are in the ring's buckets 0..bucket-1. */
static uint32_t below(const struct mu_ages *ages, uint32_t bucket)
{
    uint32_t sum = 0;
    for (uint32_t i = bucket; i > 0; i -= i & (0u - i)) {
        sum += ages->sums[i];
    }
    return sum;
}

uint32_t mu_ages_before(const struct mu_ages *ages, uint32_t bucket, int64_t now_ms)
{
    uint32_t newest = (uint32_t)line(ages, now_ms) & (MU_AGES_BUCKETS - 1);
    uint32_t oldest = (newest + 1) & (MU_AGES_BUCKETS - 1);
    if (bucket >= oldest) {
        return below(ages, bucket) - below(ages, oldest);
    }
    return ages->count - below(ages, oldest) + below(ages, bucket);
}

/* The bucket of the nth in the ring, n from 1. */
static uint32_t bucket_of_nth(const struct mu_ages *ages, uint32_t nth)
{
    uint32_t at = 0;
    uint32_t left = nth;
    for (uint32_t step = MU_AGES_BUCKETS; step > 0; step /= 2) {
        if (at + step <= MU_AGES_BUCKETS && ages->sums[at + step] < left) {
            at += step;
            left -= ages->sums[at];
        }
    }
    assert(at < MU_AGES_BUCKETS);
    return at;
}

int64_t mu_ages_oldest(const struct mu_ages *ages, int64_t now_ms)
{
    if (ages->count == 0) {
        return now_ms;
    }
    int64_t newest = line(ages, now_ms);
    uint32_t newest_bucket = (uint32_t)newest & (MU_AGES_BUCKETS - 1);
    uint32_t before = below(ages, (newest_bucket + 1) & (MU_AGES_BUCKETS - 1));
    uint32_t oldest = bucket_of_nth(ages, before < ages->count ? before + 1 : 1);
    uint32_t distance = (newest_bucket - oldest) & (MU_AGES_BUCKETS - 1);
    int64_t since_ms = (newest - (int64_t)distance) * ages->grain_ms;
    return since_ms < now_ms ? since_ms : now_ms;
}
