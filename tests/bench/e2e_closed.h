/* tests/bench/e2e_closed.h - closed-loop HTTP: so many clients, each of which asks, waits for the
 * answer, and asks again. */
#ifndef MU_TESTS_BENCH_E2E_CLOSED_H
#define MU_TESTS_BENCH_E2E_CLOSED_H

#include <stdint.h>

#include "tests/bench/measure.h"

#define MU_E2E_ID_BYTES 32 /* of a player id, with its NUL */

/* Players that were registered, in order. */
struct mu_players {
    char (*ids)[MU_E2E_ID_BYTES]; /* [capacity] */
    uint32_t capacity;
    uint32_t count;  /* registered */
    uint32_t queued; /* the first so many have been queued */
};

/* What a closed loop did. */
struct mu_closed {
    uint32_t done;   /* answered 201 */
    uint32_t failed; /* answered otherwise, or not at all */
    double seconds;
    struct mu_samples us; /* the caller's: each answer's time; may be of no capacity */
};

struct mu_closed_links;

/* Opens `clients` connections to 127.0.0.1:port; kept open for many loops.  NULL after saying why
 * on stderr. */
struct mu_closed_links *mu_closed_open(uint16_t port, uint32_t clients);
void mu_closed_close(struct mu_closed_links *closed);

/* Registers players until there are `count`, all of the default rating. */
void mu_closed_register(struct mu_closed_links *closed, struct mu_players *players, uint32_t count,
                        struct mu_closed *ret);

/* Queues registered players, the next first, for that long or until none is left. */
void mu_closed_enqueue(struct mu_closed_links *closed, struct mu_players *players, int64_t for_ns,
                       struct mu_closed *ret);

#endif /* MU_TESTS_BENCH_E2E_CLOSED_H */
