/* storage/mem.h - the store in memory, for the simulator: it crashes on demand.
 *
 * It keeps one map with all writes applied and a list of what would undo those since the last
 * commit: so commit, crash and reopen cost the staged batch, not the content.
 *
 * As the port says, a commit that fails leaves the store in doubt: every later call but
 * mu_mem_crash(), the knobs and destroy answers -EIO (room: NONE, work: nothing to do).
 *
 * Room is asked for at the first write of a batch only: a batch is refused whole (-ENOSPC) or
 * taken whole, so that no handler is cut in half.  Only a batch above MU_MEM_BATCH_BYTES_MAX, or
 * the end of memory, refuses a write in its middle; commit() then answers -ENOSPC too. */
#ifndef MU_STORAGE_MEM_H
#define MU_STORAGE_MEM_H

#include <stdbool.h>

#include "core/store.h"

#define MU_MEM_BATCH_BYTES_MAX (64 * 1024 * 1024) /* keys and values staged for one commit */

/* What the next commit does. */
enum mu_mem_fault {
    MU_MEM_FAULT_NONE,
    MU_MEM_FAULT_LOST,    /* -EIO; nothing became durable */
    MU_MEM_FAULT_DURABLE, /* -EIO; and yet everything became durable */
};

/* Called after each commit that became durable, even one that then reports a fault; it may read
 * the store, not write. */
typedef void mu_mem_commit_fn(void *context, struct mu_store *store);

/* Returns an empty store, or NULL when there is no memory. */
struct mu_store *mu_mem_create(void);

/* Sets who is called after each durable commit; NULL: nobody. */
void mu_mem_set_commit_hook(struct mu_store *store, mu_mem_commit_fn *hook, void *context);

/* Arms a fault for the next commit that has something to write. */
void mu_mem_fail_next_commit(struct mu_store *store, enum mu_mem_fault fault);

/* What room() answers from now on; with NONE every batch is refused with -ENOSPC. */
void mu_mem_set_room(struct mu_store *store, enum mu_store_room room);

/* Kills the process that owned the store and opens it again: the content is that of the last
 * durable commit; with `keep_staged` the staged writes, if no commit failed, are durable too, as
 * when the crash came after the disk write and before the answer (the hook is called).
 * Disarms the fault, mends the store; room and hook stay.  O(staged writes). */
void mu_mem_crash(struct mu_store *store, bool keep_staged);

/* The number of records, staged writes included. */
uint64_t mu_mem_count(const struct mu_store *store);

#endif /* MU_STORAGE_MEM_H */
