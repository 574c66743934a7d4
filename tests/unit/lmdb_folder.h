/* tests/unit/lmdb_folder.h - opens stores on disk for test_lmdb.c and test_lmdb_damage.c. */
#ifndef MU_TESTS_UNIT_LMDB_FOLDER_H
#define MU_TESTS_UNIT_LMDB_FOLDER_H

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "storage/lmdb.h"
#include "tests/unit/store_folder.h"
#include "tests/unit/store_history.h"

/* A small overlay and short slices, so that journal and tables both see use. */
static inline struct mu_lmdb_options lmdb_options_for(const char *folder)
{
    return (struct mu_lmdb_options){
        .folder = folder,
        .overlay_bytes = 64 * 1024,
        .slice_ms = 1,
        .any_filesystem = true,
    };
}

static inline struct mu_store *lmdb_open_with(const struct mu_lmdb_options *options)
{
    char error[MU_LMDB_ERROR_MAX];
    struct mu_store *store = NULL;
    int r = mu_lmdb_open(options, &store, error, sizeof error);
    if (r != 0) {
        print_error("open: %s\n", error);
    }
    assert_int_equal(r, 0);
    return store;
}

static inline struct mu_store *lmdb_open_folder(const char *folder)
{
    struct mu_lmdb_options options = lmdb_options_for(folder);
    return lmdb_open_with(&options);
}

/* Expects that opening fails with `r` and words that hold `words`. */
static inline void lmdb_expect_refusal(const struct mu_lmdb_options *options, int r,
                                       const char *words)
{
    char error[MU_LMDB_ERROR_MAX] = "";
    struct mu_store *store = NULL;
    assert_int_equal(mu_lmdb_open(options, &store, error, sizeof error), r);
    assert_null(store);
    if (strstr(error, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error, words);
    }
}

/* Commits batches from..to. */
static inline void lmdb_write_batches(struct mu_store *store, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i <= to; i++) {
        history_write(store, i);
        assert_int_equal(store->ops->commit(store), 0);
    }
}

/* Applies all of the journal. */
static inline void lmdb_settle(struct mu_store *store)
{
    while (store->ops->work(store, 100)) {}
}

/* Writes that are journaled and not applied. */
static inline uint64_t lmdb_behind(struct mu_store *store)
{
    struct mu_store_stats stats;
    store->ops->stats(store, &stats);
    return stats.journal_behind;
}

#endif /* MU_TESTS_UNIT_LMDB_FOLDER_H */
