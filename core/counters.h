/* core/counters.h - counters as an array, indexed by core/counters.def. */
#ifndef MU_CORE_COUNTERS_H
#define MU_CORE_COUNTERS_H

#include <stdint.h>

#include "wire/msg.h"

enum mu_counter {
#define COUNTER(id, NAME, name, KIND, doc) MU_COUNTER_##NAME = (id),
#include "core/counters.def"
#undef COUNTER
    MU_COUNTER_END /* one above the last */
};

/* Indexed by enum mu_counter. */
struct mu_counters {
    uint64_t values[MU_COUNTER_END];
};

/* Appends every counter of *counters that is not zero to stats->counters. */
void mu_counters_export(const struct mu_counters *counters, struct mu_msg_stats *stats);

/* What the table says of one counter. */
struct mu_counter_info {
    const char *name; /* without prefix and _total */
    const char *doc;
    int gauge; /* 1: moves, 0: only grows */
};
const struct mu_counter_info *mu_counter_info(uint32_t counter); /* NULL: no such counter */

#endif /* MU_CORE_COUNTERS_H */
