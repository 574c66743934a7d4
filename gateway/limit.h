/* gateway/limit.h - token buckets by key, in a bounded table.
 *
 * A bucket holds `quota` tokens and refills evenly over `window_ms`.  Kept as one number a key
 * (the generic cell rate algorithm: the time at which the bucket would be full again).  A table
 * that is full forgets the key that was used longest ago: memory is bounded, and what an attacker
 * with many addresses gains is a fresh bucket for others.
 *
 * Pure; no allocation after create; every operation O(1). */
#ifndef MU_GATEWAY_LIMIT_H
#define MU_GATEWAY_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define MU_LIMIT_KEY_MAX   47       /* bytes of a key: an address or an id */
#define MU_LIMIT_QUOTA_MAX 10000000 /* tokens */

struct mu_limit;

/* What a bucket says, for the RateLimit fields. */
struct mu_limit_state {
    uint64_t quota;    /* tokens of a full bucket; 0: there is no limit */
    int64_t window_ms; /* in which an empty one fills */
    uint64_t left;     /* whole tokens now */
    int64_t wait_ms;   /* refused: for how long until there is one; else 0 */
    int64_t full_ms;   /* for how long until it is full */
};

/* keys_max  keys that are remembered, at least 1
 * quota     1..MU_LIMIT_QUOTA_MAX; 0: everything is allowed and nothing is kept
 * window_ms 1000..86400000
 * NULL when out of memory. */
struct mu_limit *mu_limit_create(uint32_t keys_max, uint64_t quota, int64_t window_ms,
                                 uint64_t seed);
void mu_limit_destroy(struct mu_limit *limit); /* NULL is a no-op */

/* Takes one token of `key`'s bucket.  Returns whether there was one.
 *
 * key     1..MU_LIMIT_KEY_MAX bytes (asserted)
 * now_ms  never goes back */
bool mu_limit_take(struct mu_limit *limit, const char *key, int64_t now_ms,
                   struct mu_limit_state *ret);

/* Whether mu_limit_take() would find none; takes nothing.  As mu_limit_take(). */
bool mu_limit_spent(const struct mu_limit *limit, const char *key, int64_t now_ms);

/* The bucket alone, for owners that keep it beside their own things (a WebSocket).
 * `full_ns` is all of its state, 0 at first.  As mu_limit_take(). */
bool mu_bucket_take(int64_t *full_ns, uint64_t quota, int64_t window_ms, int64_t now_ms,
                    struct mu_limit_state *ret);

/* The key of an address: IPv4 as it is, IPv6 its /64 (RFC 6177: one site), IPv4 inside IPv6 as
 * IPv4, anything else as it is, cut to fit. */
void mu_limit_address_key(const char *address, char ret[MU_LIMIT_KEY_MAX + 1]);

uint32_t mu_limit_count(const struct mu_limit *limit); /* keys remembered */
void mu_limit_check(const struct mu_limit *limit);     /* asserts the invariants; O(keys) */

#endif /* MU_GATEWAY_LIMIT_H */
