/* tests/unit/store_history.h - a history of numbered batches that any process can write and any
 * other can check: batch i always writes the same. */
#ifndef MU_TESTS_UNIT_STORE_HISTORY_H
#define MU_TESTS_UNIT_STORE_HISTORY_H

#include <stdint.h>

#include "core/store.h"

#define HISTORY_KEYS 300

/* What each key holds after some batches: the batch that wrote it last, 0 for none. */
struct history {
    uint64_t written[HISTORY_KEYS];
};

/* Stages batch `number` (from 1): some keys put, some removed, one key with the number. */
void history_write(struct mu_store *store, uint64_t number);

/* Applies batch `number` to the model. */
void history_apply(struct history *history, uint64_t number);

/* The number of the last batch in the store, 0 for none; -EBADMSG and the like as they are. */
int64_t history_last(struct mu_store *store);

/* Compares all of the store with batches 1..last.
 * Returns 0, 1 when something differs, or the store's -errno. */
int history_compare(struct mu_store *store, uint64_t last);

#endif /* MU_TESTS_UNIT_STORE_HISTORY_H */
