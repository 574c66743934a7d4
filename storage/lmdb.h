/* storage/lmdb.h - the store on LMDB: the production engine.
 *
 * Journal first, apply later.  put and del go to a memtable (the overlay) and to the batch;
 * commit() appends the batch to the journal table, in one LMDB transaction, and that alone makes
 * it durable.  Later the overlay is sealed and moved into the tables in slices of ascending keys;
 * when a sealed overlay is through, its journal records are dropped.  Reads merge both over the
 * tables.  Opening replays the journal into the overlay: what a slice had already moved is moved
 * again, which changes nothing.
 *
 * Why: a journal append costs two syncs whatever the batch; scattered updates cost a page each.
 * Sorting a large overlay makes neighbours share pages (tests/bench/bench_store.c).
 *
 * work() moves slices while the store is idle.  When writes come faster than that, commit() moves
 * some too: nothing until the overlay is half full; then it is sealed, and each commit owes twice
 * as many steps as it wrote, paid in slices that take about `slice_ms`.  Only when the new part
 * alone is above `overlay_bytes` is the whole debt paid at once, however long it takes.
 *
 * Rules kept (each was measured or read to bite): default flags only, no duplicate keys, one
 * process under its own flock, a sparse map set once, no fork, no long reader, refusal of file
 * systems that do not keep promises, a check of every page before LMDB sees the file.
 *
 * After commit() or work() failed the store answers -EIO to all: end the process.  Room is asked
 * for at the first write of a batch only: a batch is refused whole (-ENOSPC) or taken whole.  Only
 * a batch above MU_LMDB_BATCH_BYTES_MAX, or the end of memory, refuses a write in its middle, and
 * then commit() answers -ENOSPC as well. */
#ifndef MU_STORAGE_LMDB_H
#define MU_STORAGE_LMDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/store.h"

#define MU_LMDB_MAP_BYTES_DEFAULT     (64ull << 30) /* address space; the file grows as needed */
#define MU_LMDB_OVERLAY_BYTES_DEFAULT (64ull << 20) /* memory of journaled writes */
#define MU_LMDB_SLICE_MS_DEFAULT      5
#define MU_LMDB_BATCH_BYTES_MAX       (64ull << 20) /* of one commit, as journaled */
#define MU_LMDB_ERROR_MAX             256           /* bytes for an error text */

/* All zero but `folder` is good for production. */
struct mu_lmdb_options {
    const char *folder;     /* created if missing; its parent must exist */
    uint64_t map_bytes;     /* 0: the default.  The store is full at 95 % of it */
    uint64_t overlay_bytes; /* 0: the default.  Sealed at half of it; 1.5 times it at most */
    uint32_t slice_ms;      /* 0: the default.  For how long a slice may hold a commit up */
    bool any_filesystem;    /* do not refuse overlay, NFS, tmpfs and the like: for tests */
    bool skip_verify;       /* do not check pages and records at open: for benchmarks */
};

/* Opens the store, verifies it in full (~0.5 us a record) and replays the journal.
 * ret_error  [error_size] one line that says what went wrong and what to do, when it fails
 *
 * Returns 0; -EBUSY another process has it; -ENOTSUP file system; -EBADMSG damaged;
 * -EPROTONOSUPPORT written by a newer version; or -errno. */
int mu_lmdb_open(const struct mu_lmdb_options *options, struct mu_store **ret, char *ret_error,
                 size_t error_size);

#endif /* MU_STORAGE_LMDB_H */
