/* actors/queue_ages.h - how many tickets have waited longer than one: its place in the queue.
 *
 * Counts by the time at which they began to wait, in buckets of 1/8192 of the longest waiting
 * time, as a Fenwick tree over a ring.  Exact to a bucket; O(log buckets); no allocation. */
#ifndef MU_ACTORS_QUEUE_AGES_H
#define MU_ACTORS_QUEUE_AGES_H

#include <stdint.h>

#define MU_AGES_BUCKETS 16384 /* of the ring: twice the longest waiting time */

struct mu_ages {
    int64_t grain_ms;                   /* width of a bucket */
    uint32_t count;                     /* in all buckets */
    uint32_t sums[MU_AGES_BUCKETS + 1]; /* Fenwick tree, from 1 */
};

/* wait_max_ms: the longest waiting time, > 0 (asserted). */
void mu_ages_init(struct mu_ages *ages, uint32_t wait_max_ms);

/* The bucket of a ticket that began to wait at since_ms; ages above the longest count as it. */
uint32_t mu_ages_bucket(const struct mu_ages *ages, int64_t since_ms, int64_t now_ms);

/* One more, or one less, in a bucket. */
void mu_ages_add(struct mu_ages *ages, uint32_t bucket);
void mu_ages_remove(struct mu_ages *ages, uint32_t bucket);

/* How many are in earlier buckets. */
uint32_t mu_ages_before(const struct mu_ages *ages, uint32_t bucket, int64_t now_ms);

/* When the longest waiting one began, to a bucket; now_ms when there is none. */
int64_t mu_ages_oldest(const struct mu_ages *ages, int64_t now_ms);

#endif /* MU_ACTORS_QUEUE_AGES_H */
