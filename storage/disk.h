/* storage/disk.h - the tables on disk: the one file pair that knows lmdb.h.
 *
 * One LMDB table per table of core/tables.def, one for the journal and one for the engine's state:
 * the numbers of the journal, and for each table how many records it has and the XOR of their
 * hashes.  The state is written in every transaction, with the transaction's own number, so that
 * what was written is what is verified, and an old page is known for what it is.
 *
 * Not thread-safe; one process, one opener (storage/place.h sees to that).  Reads go through one
 * read transaction that is given up before each write transaction, so it never pins old pages.
 * Errors are -errno; LMDB's own are mapped: map full -ENOSPC, damage -EBADMSG, the rest -EIO. */
#ifndef MU_STORAGE_DISK_H
#define MU_STORAGE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/store.h"

struct mu_disk;

/* A record as a scan meets it: not yet checked.  Borrowed until the next call. */
struct mu_disk_record {
    struct mu_slice key;
    struct mu_slice record; /* for mu_record_open() */
};

/* Opens the data file in `folder`, and creates what is not there.  Checks the schema and the
 * state record, not the tables: that is mu_disk_verify().
 * ret_error  [error_size] what went wrong and what to do, when it fails. */
int mu_disk_open(const char *folder, uint64_t map_bytes, struct mu_disk **ret, char *ret_error,
                 size_t error_size);
void mu_disk_close(struct mu_disk *disk); /* NULL is a no-op; aborts what is open */

/* The journal holds the numbers first..last; it is empty when first > last. */
uint64_t mu_disk_journal_first(const struct mu_disk *disk);
uint64_t mu_disk_journal_last(const struct mu_disk *disk);

/* Reads.  None may be called while a write transaction is open. */

/* The checked value of a record.  Borrowed until the next write transaction or scan.
 * Returns 0, -ENOENT, -EBADMSG, -EIO. */
int mu_disk_get(struct mu_disk *disk, uint8_t table, struct mu_slice key, struct mu_slice *ret);

/* The checked payload of one journal record.  Returns 0 or -EBADMSG (it must be there). */
int mu_disk_journal_get(struct mu_disk *disk, uint64_t number, struct mu_slice *ret);

/* Begins a scan at the first key >= `from` (> with `after`); one scan at a time.
 * Returns 0 and a record, or -ENOENT at the end; _end() must follow in each case. */
int mu_disk_scan_begin(struct mu_disk *disk, uint8_t table, struct mu_slice from, bool after,
                       struct mu_disk_record *ret);
int mu_disk_scan_next(struct mu_disk *disk, struct mu_disk_record *ret);
void mu_disk_scan_end(struct mu_disk *disk);

/* Writes.  begin, any of the middle ones, then commit or abort.  After an error of the middle ones
 * only abort is allowed.  An error of commit leaves the outcome unknown: close. */
int mu_disk_begin(struct mu_disk *disk);
int mu_disk_put(struct mu_disk *disk, uint8_t table, struct mu_slice key, struct mu_slice value);
int mu_disk_remove(struct mu_disk *disk, uint8_t table, struct mu_slice key);
int mu_disk_journal_append(struct mu_disk *disk, struct mu_slice payload);
/* Removes the oldest journal record.  -ENOENT when the journal is empty. */
int mu_disk_journal_drop(struct mu_disk *disk);
int mu_disk_commit(struct mu_disk *disk);
void mu_disk_abort(struct mu_disk *disk);

/* Reads everything and compares it with the state.  ~80 ns a record.
 * Returns 0 or -EBADMSG, with words. */
int mu_disk_verify(struct mu_disk *disk, char *ret_error, size_t error_size);

/* Writes a compacted copy of the committed content into the empty folder `path`.  The one function
 * that another thread may run beside the others: it has a read transaction of its own. */
int mu_disk_copy(const struct mu_disk *disk, const char *path);

/* Bytes of the map in use (free pages are not) and its size. */
void mu_disk_usage(struct mu_disk *disk, uint64_t *ret_used, uint64_t *ret_map);

#endif /* MU_STORAGE_DISK_H */
