/* core/store.h - the port behind which every storage engine lives.
 *
 * A store is an ordered map from (table, key) to bytes.  Its one user is the store actor, which
 * reads, decides and writes without anybody in between: so a handler that reads (compare) and
 * then writes (put, del) is a mini-transaction.  Writes are seen by later reads at once and are
 * made durable together by commit(), all or none: the group commit of DESIGN 3.3 and 8.
 *
 * Engines: storage/mem.h (simulator; crashes on demand), storage/lmdb.h (production).  Both pass
 * tests/unit/test_store.c, the conformance suite.
 *
 * Invariants every engine keeps:
 *   - after commit() returned 0, every write before it survives kill -9 and power loss;
 *   - after a crash the content is that of some commit, at least the last one acknowledged;
 *   - a record that was damaged on disk is never returned: -EBADMSG instead;
 *   - after a commit (or work) that failed every call answers -EIO: only destroy is left. */
#ifndef MU_CORE_STORE_H
#define MU_CORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/slice.h"

#define MU_STORE_KEY_MAX         250          /* bytes of a key, at least 1 */
#define MU_STORE_VALUE_MAX       (128 * 1024) /* bytes of a value, may be 0 */
#define MU_STORE_BACKUP_NAME_MAX 63           /* bytes of a backup's name */

enum mu_table {
#define TABLE(id, NAME, name, doc) MU_TABLE_##NAME = (id),
#include "core/tables.def"
#undef TABLE
    MU_TABLE_END /* one above the last */
};

/* How much work the store may still take; derived from disk and map, not from load. */
enum mu_store_room {
    MU_STORE_ROOM_OK,
    MU_STORE_ROOM_LOW,  /* refuse what adds (players, tickets, lobbies); take what ends */
    MU_STORE_ROOM_NONE, /* refuse every write */
};

/* One record handed to a scan.  Borrowed until the callback returns.
 * Returns true to go on, false to end the scan. */
typedef bool mu_store_scan_fn(void *context, struct mu_slice key, struct mu_slice value);

/* What to scan: keys that start with `prefix` and are greater than `after` (both may be empty:
 * all keys, from the first), ascending, at most `limit` of them (0: no limit). */
struct mu_store_range {
    enum mu_table table;
    struct mu_slice prefix;
    struct mu_slice after;
    uint32_t limit;
};

/* Counts since the engine was opened; see core/counters.def for the exported names. */
struct mu_store_stats {
    uint64_t commits;        /* durable commits */
    uint64_t writes;         /* puts and dels */
    uint64_t reads;          /* gets and scanned records */
    uint64_t journal_behind; /* journaled writes that are not yet applied to their tables */
    uint64_t bytes_used;     /* of the file, or of memory */
};

struct mu_store;

struct mu_store_ops {
    const char *name; /* "mem", "lmdb" */

    /* The value under `key`, as of all writes so far.  *ret is borrowed until the next call on
     * this store.  Returns 0, -ENOENT, or -EBADMSG when the record is damaged. */
    int (*get)(struct mu_store *s, enum mu_table table, struct mu_slice key, struct mu_slice *ret);

    /* Stages a write; copies both slices.  Returns 0, or -ENOSPC and stages nothing. */
    int (*put)(struct mu_store *s, enum mu_table table, struct mu_slice key, struct mu_slice value);

    /* Stages a removal; of an absent key it does nothing.  Returns 0 or -ENOSPC. */
    int (*del)(struct mu_store *s, enum mu_table table, struct mu_slice key);

    /* Calls `visit` for each record of `range`, as of all writes so far.  The callback must not
     * call the store.  Returns the number visited, or -EBADMSG at a damaged record. */
    int64_t (*scan)(struct mu_store *s, const struct mu_store_range *range, mu_store_scan_fn *visit,
                    void *context);

    /* Makes every staged write durable, atomically; nothing staged: no disk is touched.
     * Returns 0.  On any error the outcome is unknown: send no reply, end the process
     * (research: LMDB can report EIO and be durable). */
    int (*commit)(struct mu_store *s);

    /* Background work (journal -> tables) for at most `budget_ms`; called when idle.
     * Returns true while more is left.  Errors end the process at the next commit. */
    bool (*work)(struct mu_store *s, int64_t budget_ms);

    enum mu_store_room (*room)(struct mu_store *s);
    void (*stats)(const struct mu_store *s, struct mu_store_stats *ret);

    /* Checks each record, count and digest.  O(records).  Returns 0 or -EBADMSG. */
    int (*verify)(struct mu_store *s);

    /* Begins to write a consistent copy of the committed content, of now or a little later, to the
     * new folder backups/`name` beside the store's files.  Commits go on meanwhile.
     *
     * name  1..MU_STORE_BACKUP_NAME_MAX of [A-Za-z0-9_.-], not beginning with '.'; may come from
     *       outside
     *
     * Returns 0 when begun; -EINVAL not such a name; -EBUSY another is being written; -EEXIST there
     * is one of that name; -ENOSPC the disk is short of space, or would be; -ENOTSUP (memory
     * engine); or -errno. */
    int (*backup)(struct mu_store *s, const char *name);

    /* How the backup that was begun last stands: -EINPROGRESS; 0 when it is durable, and then
     * *ret_bytes is its size; -ENOENT none was begun since the store was opened; or the -errno that
     * it failed with: then nothing of it is left. */
    int (*backup_poll)(struct mu_store *s, uint64_t *ret_bytes);

    void (*destroy)(struct mu_store *s); /* NULL is a no-op; drops what was not committed */
};

/* Every engine starts with this header. */
struct mu_store {
    const struct mu_store_ops *ops;
};

#endif /* MU_CORE_STORE_H */
