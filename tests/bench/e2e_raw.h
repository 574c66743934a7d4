/* tests/bench/e2e_raw.h - what the disk and the sockets can do at most, for comparison: bare LMDB,
 * bare pwrite and fdatasync, a bare ZeroMQ echo between two processes. */
#ifndef MU_TESTS_BENCH_E2E_RAW_H
#define MU_TESTS_BENCH_E2E_RAW_H

#include <stdint.h>

#include "tests/bench/measure.h"

#define MU_RAW_RECORD_BYTES 600  /* about what one enqueue writes: ticket, lock, answer, change */
#define MU_RAW_GROUP_MAX    1024 /* records of one commit */

struct mu_raw;

enum mu_raw_way {
    MU_RAW_LMDB, /* one transaction that appends the records to one table */
    MU_RAW_FILE, /* one pwrite of the same bytes to the end of a file, and fdatasync */
};

/* Makes its files below `folder`, which must exist, and starts the other end of the echo; call it
 * before any other use of ZeroMQ in this process.  NULL after saying why on stderr. */
struct mu_raw *mu_raw_create(const char *folder);

/* Ends the other process; removes the files.  NULL is a no-op. */
void mu_raw_destroy(struct mu_raw *raw);

/* Commits `group` records (1..MU_RAW_GROUP_MAX, asserted) again and again for that long.
 *
 * ret_us  each commit's microseconds are added; NULL: not wanted
 *
 * Returns records a second; ends the program when the disk fails. */
double mu_raw_commits(struct mu_raw *raw, enum mu_raw_way way, uint32_t group, int64_t for_ns,
                      struct mu_samples *ret_us);

/* One message of 128 bytes there and back, for that long; adds each round trip's microseconds. */
void mu_raw_echo(struct mu_raw *raw, int64_t for_ns, struct mu_samples *ret_us);

#endif /* MU_TESTS_BENCH_E2E_RAW_H */
