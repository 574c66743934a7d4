/* tests/unit/test_store.c - the conformance suite of core/store.h, run on every engine.
 *
 * Engines: memory; LMDB as in production; LMDB with so small an overlay that nearly every commit
 * seals it and moves a slice.  The cases are in store_records.c, store_scans.c, store_port.c and
 * store_histories.c; an engine that passes them all may stand behind the port. */
#include "tests/unit/store_engine.h"

int main(int argc, char **argv)
{
    store_rng.state = unit_seed(argc, argv);
    struct store_engine engines[] = {
        { .name = "mem" },
        { .name = "lmdb", .on_disk = true },
        { .name = "lmdb, small overlay", .on_disk = true, .overlay_bytes = 2048 },
    };
    int failed = store_run_memory_faults(&engines[0]);
    for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++) {
        failed += store_run_records(&engines[i]);
        failed += store_run_scans(&engines[i]);
        failed += store_run_port(&engines[i]);
        failed += store_run_histories(&engines[i]);
    }
    return failed;
}
