#include "core/counters.h"

#include <stddef.h>

enum { COUNTER = 0, GAUGE = 1 };

void mu_counters_export(const struct mu_counters *counters, struct mu_msg_stats *stats)
{
    const uint32_t max = sizeof stats->counters / sizeof stats->counters[0];
    for (uint32_t i = 0; i < MU_COUNTER_END && stats->counters_count < max; i++) {
        if (counters->values[i] != 0) {
            stats->counters[stats->counters_count++] =
                (struct mu_msg_count){ .counter = i, .value = counters->values[i] };
        }
    }
}

const struct mu_counter_info *mu_counter_info(uint32_t counter)
{
    switch (counter) {
#define COUNTER(id, NAME, name, KIND, doc)                                                         \
    case (id): {                                                                                   \
        static const struct mu_counter_info info = { #name, doc, KIND };                           \
        return &info;                                                                              \
    }
#include "core/counters.def"
#undef COUNTER
    default: return NULL;
    }
}
