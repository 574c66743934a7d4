/* storage/range.h - keys in order, and where a scan begins and ends; shared by the engines. */
#ifndef MU_STORAGE_RANGE_H
#define MU_STORAGE_RANGE_H

#include <stdbool.h>
#include <string.h>

#include "core/store.h"

/* Below, equal, above as < 0, 0, > 0: by bytes, a prefix before what it begins. */
static inline int mu_range_compare(struct mu_slice a, struct mu_slice b)
{
    uint32_t size = a.size < b.size ? a.size : b.size;
    int order = size == 0 ? 0 : memcmp(a.data, b.data, size);
    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

/* Where to begin: the first key >= *ret_from, or > *ret_from when it returns true. */
static inline bool mu_range_start(const struct mu_store_range *range, struct mu_slice *ret_from)
{
    bool after = range->after.size > 0 && mu_range_compare(range->after, range->prefix) >= 0;
    *ret_from = after ? range->after : range->prefix;
    return after;
}

/* Whether `key`, which is not below the start, is still within the range. */
static inline bool mu_range_holds(const struct mu_store_range *range, struct mu_slice key)
{
    return key.size >= range->prefix.size &&
           (range->prefix.size == 0 ||
            memcmp(key.data, range->prefix.data, range->prefix.size) == 0);
}

static inline bool mu_range_table_known(enum mu_table table)
{
    return (unsigned)table >= 1 && (unsigned)table < MU_TABLE_END;
}

#endif /* MU_STORAGE_RANGE_H */
