/* tests/unit/store_engine.h - an engine under test, and short hands for what the cases do. */
#ifndef MU_TESTS_UNIT_STORE_ENGINE_H
#define MU_TESTS_UNIT_STORE_ENGINE_H

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "core/store.h"
#include "tests/unit/store_folder.h"

struct store_engine {
    const char *name;
    bool on_disk;
    uint64_t overlay_bytes;
    struct store_folder folder;
    struct mu_store *store;
};

/* Collects a scan as text. */
struct store_listing {
    char text[4096]; /* "key=value " of each record */
    uint32_t stop_after;
    uint32_t count;
};

extern struct mu_rng store_rng; /* seeded by main() */

/* cmocka's: opens a new store; destroys it. */
int store_setup(void **state);
int store_teardown(void **state);

/* Kills the process that owns the store, as far as the store can tell, and opens it again. */
void store_crash(struct store_engine *engine);

struct mu_slice store_text(const char *s);

/* The player table; each asserts that it went well. */
void store_put(struct store_engine *engine, const char *key, const char *value);
void store_del(struct store_engine *engine, const char *key);
void store_commit(struct store_engine *engine);
void store_expect(struct store_engine *engine, const char *key, const char *value);
void store_expect_none(struct store_engine *engine, const char *key);

/* Moves everything from the journal to the tables. */
void store_settle(struct store_engine *engine);

struct mu_slice store_get(struct store_engine *engine, enum mu_table table, struct mu_slice key);

/* A mu_store_scan_fn; context is a struct store_listing. */
bool store_list(void *context, struct mu_slice key, struct mu_slice value);

/* Expects `wanted` from a scan of the player table, as "key=value " in turn. */
void store_expect_scan(struct store_engine *engine, const char *prefix, const char *after,
                       uint32_t limit, const char *wanted);

/* Fills the player table on all layers:
 * "a1" "a2" in the tables, "a3" "b1" journaled, "b2" staged, "a0" removed. */
void store_fill_layers(struct store_engine *engine);

/* Bytes that follow from `seed`. */
void store_fill(uint8_t *ret, uint32_t size, uint64_t seed);

/* The parts of the suite.  Each returns the number of cases that failed. */
int store_run_records(struct store_engine *engine);
int store_run_scans(struct store_engine *engine);
int store_run_port(struct store_engine *engine);
int store_run_histories(struct store_engine *engine);
int store_run_memory_faults(struct store_engine *engine);

#define STORE_CASE(name)                                                                           \
    cmocka_unit_test_prestate_setup_teardown(test_##name, store_setup, store_teardown, engine)

#endif /* MU_TESTS_UNIT_STORE_ENGINE_H */
