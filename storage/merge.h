/* storage/merge.h - one ordered view of two memtables and the tables on disk. */
#ifndef MU_STORAGE_MERGE_H
#define MU_STORAGE_MERGE_H

#include <stdint.h>

#include "core/store.h"
#include "storage/disk.h"
#include "storage/memtable.h"

/* What hides what: `newer` hides `older`, both hide `disk`; a tombstone hides and shows nothing. */
struct mu_merge_layers {
    const struct mu_memtable *newer;
    const struct mu_memtable *older;
    struct mu_disk *disk;
};

/* As scan() of core/store.h.  Also -EIO. */
int64_t mu_merge_scan(const struct mu_merge_layers *layers, const struct mu_store_range *range,
                      mu_store_scan_fn *visit, void *context);

#endif /* MU_STORAGE_MERGE_H */
