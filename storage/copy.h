/* storage/copy.h - hot backups: copies of data.mdb, written by a thread while commits go on.
 *
 *   backups/NAME/data.mdb   a whole and durable copy
 *   backups/.part           one that is being written, or was when the process ended
 *
 * A thread because LMDB copies a file in one call, which takes as long as the disk needs: some
 * seconds a GB, with the reading back.  It shares nothing with its owner but LMDB's own locks and
 * the result below.  While it reads its snapshot no page is used again, so the store's file grows
 * by what is written meanwhile. */
#ifndef MU_STORAGE_COPY_H
#define MU_STORAGE_COPY_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct mu_disk;

struct mu_copy {
    const struct mu_disk *disk; /* of the copy under way, borrowed */
    pthread_t thread;
    bool begun;            /* at least once; `result` is set */
    bool joinable;         /* the thread was not yet waited for */
    atomic_int result;     /* -EINPROGRESS until the thread has ended, then 0 or -errno */
    uint64_t bytes;        /* of the copy; written by the thread before `result` */
    char folder[PATH_MAX]; /* of all backups */
    char part[PATH_MAX];   /* of the one under way */
    char path[PATH_MAX];   /* what it becomes */
};

/* store_folder  of the store; nothing is created in it yet.  Returns 0 or -ENAMETOOLONG. */
int mu_copy_init(struct mu_copy *copy, const char *store_folder);

/* Waits for the copy under way.  All zero is fine. */
void mu_copy_release(struct mu_copy *copy);

/* Whether a copy of that name can be begun: 0, -EINVAL, -EBUSY or -EEXIST (core/store.h). */
int mu_copy_check(const struct mu_copy *copy, const char *name);

/* Begins a copy whose name was checked; removes what is left of one that was never finished.
 * Returns 0 or -errno. */
int mu_copy_begin(struct mu_copy *copy, const struct mu_disk *disk, const char *name);

/* backup_poll() of the port. */
int mu_copy_poll(struct mu_copy *copy, uint64_t *ret_bytes);

#endif /* MU_STORAGE_COPY_H */
