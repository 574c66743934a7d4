/* core/rng.h - random numbers that a seed repeats: splitmix64.
 *
 * For ids, jitter, hash keys, tie-breaks and the simulator.  Not for secrets: whoever sees an
 * output can compute the next; tokens and keys come from libsodium in the hosts.
 *
 * Source: Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators"; the
 * constants are variant 13 of Stafford's mixers, as in the authors' reference program. */
#ifndef MU_CORE_RNG_H
#define MU_CORE_RNG_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

/* State; any value is a good seed.  Copy it with `=` to fork a stream that repeats. */
struct mu_rng {
    uint64_t state; /* written by mu_rng_next() only */
};

/* The next 64 bits.  O(1). */
static inline uint64_t mu_rng_next(struct mu_rng *rng)
{
    uint64_t z = (rng->state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* A number in 0..bound-1, each equally likely.  bound > 0 (asserted).  O(1) expected, as less
 * than one draw in two is thrown away, and for small bounds about one in 2^64 / bound. */
static inline uint64_t mu_rng_below(struct mu_rng *rng, uint64_t bound)
{
    assert(bound > 0);
    /* 2^64 mod bound: the draws below it are what would make the low results likelier. */
    uint64_t surplus = (0u - bound) % bound;
    for (;;) {
        uint64_t draw = mu_rng_next(rng);
        if (draw >= surplus) {
            return draw % bound;
        }
    }
}

/* True in `ppm` of a million calls; 0: never, 1000000 and above: always. */
static inline bool mu_rng_chance_ppm(struct mu_rng *rng, uint32_t ppm)
{
    return mu_rng_below(rng, 1000000u) < ppm;
}

#endif /* MU_CORE_RNG_H */
