/* storage/lmdb_private.h - what lmdb.c and lmdb_apply.c share; nobody else includes it. */
#ifndef MU_STORAGE_LMDB_PRIVATE_H
#define MU_STORAGE_LMDB_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/store.h"
#include "storage/copy.h"
#include "storage/disk.h"
#include "storage/journal.h"
#include "storage/memtable.h"
#include "storage/place.h"

struct mu_lmdb {
    struct mu_store base;
    struct mu_place place;
    struct mu_disk *disk;
    struct mu_copy copy;           /* the backup that was begun last */
    struct mu_memtable *active;    /* writes since the last seal, staged ones included */
    struct mu_memtable *sealed;    /* what is being moved to the tables; wholly journaled */
    uint64_t sealed_last;          /* its newest journal record; dropped when `sealed` is empty */
    struct mu_journal_batch batch; /* the staged writes */
    uint64_t overlay_bytes;        /* limit of `active` */
    int64_t slice_us;
    uint64_t debt;           /* entries that commits still owe to the tables */
    double entry_us;         /* moving average cost of applying one entry */
    bool refused;            /* a write in the middle of this batch was refused */
    bool failed;             /* dead: a write to disk failed */
    bool stuck;              /* the map is too full to apply; the journal goes on */
    uint64_t room_bytes_max; /* ask again after as many */
    uint64_t room_bytes;     /* journaled since `room` was found out */
    int64_t room_us;         /* when `room` was found out */
    enum mu_store_room room;
    struct mu_store_stats stats;
};

/* Moves what keeps the overlay bounded, after `writes` more were journaled. */
void mu_lmdb_keep_pace(struct mu_lmdb *lmdb, size_t writes);

/* work() of the port. */
bool mu_lmdb_work(struct mu_store *store, int64_t budget_ms);

/* room() of the port. */
enum mu_store_room mu_lmdb_room(struct mu_store *store);

int64_t mu_lmdb_clock_us(void); /* monotonic */

#endif /* MU_STORAGE_LMDB_PRIVATE_H */
