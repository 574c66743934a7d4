/* tests/bench/bench_store.c - durable match results a second, against what the disk allows.
 *
 * A result is one new match record (300 bytes, ascending key) and two player records (200 bytes)
 * replaced at random.  Four ways to make a group of them durable take turns within one run:
 *   muster     the LMDB engine: journaled, then (outside of "acked", inside of "applied") moved
 *   journal    bare LMDB, one appended record of the same bytes a result, nothing else
 *   scattered  bare LMDB, the match appended and both players put in the same transaction
 *   floor      pwrite of the same bytes to the end of a file, and fdatasync
 * Each figure is the median of five slots.  Prints Markdown.
 *
 *     bench_store [--quick] [--players N] [--folder PATH]
 *
 * Defaults: 200,000 players (--quick: 100,000); $TMPDIR or /tmp, which must be on a real disk. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/parse.h"
#include "core/rng.h"
#include "storage/bytes.h"
#include "storage/lmdb.h"
#include "tests/unit/store_folder.h"

#define ROUNDS       5
#define MATCH_BYTES  300
#define PLAYER_BYTES 200
#define RESULT_BYTES (MATCH_BYTES + 2 * PLAYER_BYTES + 60) /* with keys */
#define KEY_BYTES    16
#define COMMITS_MAX  200000 /* samples of one slot */

enum way { WAY_MUSTER, WAY_JOURNAL, WAY_SCATTERED, WAY_FLOOR, WAY_COUNT };

static const uint32_t groups[] = { 1, 16, 64, 256 };
#define GROUPS_COUNT (sizeof groups / sizeof groups[0])

/* What one slot measured. */
struct slot {
    double acked_per_second;
    double applied_per_second; /* muster only: until everything is in its table */
    double p50_ms;             /* of a commit */
    double p99_ms;
};

struct bench {
    struct mu_rng rng;
    uint32_t players;
    int64_t slot_us;
    uint64_t match_next; /* number of the next match, of all ways */
    struct mu_store *store;
    MDB_env *env;
    MDB_dbi matches;
    MDB_dbi player_table;
    MDB_dbi journal;
    int file;
    off_t file_bytes;
    double *samples; /* [COMMITS_MAX] ms */
    uint8_t filler[64 * 1024];
};

static void must(bool fine, const char *what)
{
    if (!fine) {
        (void)fprintf(stderr, "bench_store: %s failed\n", what);
        exit(1);
    }
}

static int64_t now_us(void)
{
    struct timespec now;
    must(clock_gettime(CLOCK_MONOTONIC, &now) == 0, "clock");
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Player i's key: spread over the table, and so in random order. */
static void player_key(uint64_t i, uint8_t ret[KEY_BYTES])
{
    static const uint8_t prefix[4] = { 'p', 'l', 'y', '_' };
    struct mu_rng stream = { i };
    memcpy(ret, prefix, sizeof prefix);
    mu_bytes_put64(ret + 4, mu_rng_next(&stream));
    mu_bytes_put32(ret + 12, (uint32_t)i);
}

static void match_key(uint64_t i, uint8_t ret[KEY_BYTES])
{
    static const uint8_t prefix[8] = { 'm', 'c', 'h', '_', '0', '0', '0', '0' };
    memcpy(ret, prefix, sizeof prefix);
    mu_bytes_put64(ret + 8, i);
}

/* Bytes that differ from call to call. */
static const uint8_t *value(struct bench *bench)
{
    return bench->filler + mu_rng_below(&bench->rng, sizeof bench->filler - RESULT_BYTES);
}

/* The ways.  Each commits one group. */

static void muster_put(struct bench *bench, enum mu_table table, const uint8_t *key, uint32_t size)
{
    struct mu_store *s = bench->store;
    int r = s->ops->put(s, table, (struct mu_slice){ key, KEY_BYTES },
                        (struct mu_slice){ value(bench), size });
    must(r == 0, "put");
}

static void commit_muster(struct bench *bench, uint32_t group)
{
    uint8_t key[KEY_BYTES];
    for (uint32_t i = 0; i < group; i++) {
        match_key(bench->match_next++, key);
        muster_put(bench, MU_TABLE_MATCH, key, MATCH_BYTES);
        for (int k = 0; k < 2; k++) {
            player_key(mu_rng_below(&bench->rng, bench->players), key);
            struct mu_slice old;
            int r = bench->store->ops->get(bench->store, MU_TABLE_PLAYER,
                                           (struct mu_slice){ key, KEY_BYTES }, &old);
            must(r == 0 && old.size == PLAYER_BYTES, "get");
            muster_put(bench, MU_TABLE_PLAYER, key, PLAYER_BYTES);
        }
    }
    must(bench->store->ops->commit(bench->store) == 0, "commit");
}

static void raw_put(struct bench *bench, MDB_txn *txn, MDB_dbi table, const uint8_t *key,
                    uint32_t size)
{
    uint8_t bytes[KEY_BYTES]; /* LMDB takes a mutable pointer */
    memcpy(bytes, key, sizeof bytes);
    MDB_val key_val = { KEY_BYTES, bytes };
    MDB_val val = { size, NULL };
    unsigned flags = MDB_RESERVE | (table == bench->player_table ? 0 : MDB_APPEND);
    must(mdb_put(txn, table, &key_val, &val, flags) == 0, "mdb_put");
    memcpy(val.mv_data, value(bench), size);
}

static void commit_journal(struct bench *bench, uint32_t group)
{
    MDB_txn *txn = NULL;
    uint8_t key[KEY_BYTES];
    must(mdb_txn_begin(bench->env, NULL, 0, &txn) == 0, "mdb_txn_begin");
    for (uint32_t i = 0; i < group; i++) {
        match_key(bench->match_next++, key);
        raw_put(bench, txn, bench->journal, key, RESULT_BYTES);
    }
    must(mdb_txn_commit(txn) == 0, "mdb_txn_commit");
}

static void commit_scattered(struct bench *bench, uint32_t group)
{
    MDB_txn *txn = NULL;
    uint8_t key[KEY_BYTES];
    must(mdb_txn_begin(bench->env, NULL, 0, &txn) == 0, "mdb_txn_begin");
    for (uint32_t i = 0; i < group; i++) {
        match_key(bench->match_next++, key);
        raw_put(bench, txn, bench->matches, key, MATCH_BYTES);
        for (int k = 0; k < 2; k++) {
            player_key(mu_rng_below(&bench->rng, bench->players), key);
            MDB_val key_val = { KEY_BYTES, key };
            MDB_val old;
            must(mdb_get(txn, bench->player_table, &key_val, &old) == 0, "mdb_get");
            raw_put(bench, txn, bench->player_table, key, PLAYER_BYTES);
        }
    }
    must(mdb_txn_commit(txn) == 0, "mdb_txn_commit");
}

static void commit_floor(struct bench *bench, uint32_t group)
{
    static uint8_t bytes[256 * RESULT_BYTES];
    size_t size = (size_t)group * RESULT_BYTES;
    for (uint32_t i = 0; i < group; i++) {
        memcpy(bytes + (size_t)i * RESULT_BYTES, value(bench), RESULT_BYTES);
    }
    must(pwrite(bench->file, bytes, size, bench->file_bytes) == (ssize_t)size, "pwrite");
    must(fdatasync(bench->file) == 0, "fdatasync");
    bench->file_bytes += (off_t)size;
}

static void commit_group(struct bench *bench, enum way way, uint32_t group)
{
    switch (way) {
    case WAY_MUSTER: commit_muster(bench, group); break;
    case WAY_JOURNAL: commit_journal(bench, group); break;
    case WAY_SCATTERED: commit_scattered(bench, group); break;
    case WAY_FLOOR: commit_floor(bench, group); break;
    case WAY_COUNT: assert(false);
    }
}

static void drain(struct bench *bench)
{
    while (bench->store->ops->work(bench->store, 1000)) {}
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct slot run_slot(struct bench *bench, enum way way, uint32_t group)
{
    uint32_t commits = 0;
    int64_t begin_us = now_us();
    int64_t end_us = begin_us;
    while (end_us - begin_us < bench->slot_us && commits < COMMITS_MAX) {
        int64_t before_us = end_us;
        commit_group(bench, way, group);
        end_us = now_us();
        bench->samples[commits++] = (double)(end_us - before_us) / 1000;
    }
    struct slot slot = { 0 };
    double results = (double)commits * group;
    slot.acked_per_second = results * 1e6 / (double)(end_us - begin_us);
    if (way == WAY_MUSTER) {
        drain(bench);
        slot.applied_per_second = results * 1e6 / (double)(now_us() - begin_us);
    }
    qsort(bench->samples, commits, sizeof bench->samples[0], compare_doubles);
    slot.p50_ms = bench->samples[commits / 2];
    slot.p99_ms = bench->samples[commits - 1 - commits / 100];
    return slot;
}

static double median(const double values[ROUNDS])
{
    double sorted[ROUNDS];
    memcpy(sorted, values, sizeof sorted);
    qsort(sorted, ROUNDS, sizeof sorted[0], compare_doubles);
    return sorted[ROUNDS / 2];
}

/* The median over the rounds of the double at `offset` of each slot. */
static double median_of(const struct slot slots[ROUNDS], size_t offset)
{
    double values[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        memcpy(&values[i], (const char *)&slots[i] + offset, sizeof values[i]);
    }
    return median(values);
}

static void print_group(uint32_t group, const struct slot slots[WAY_COUNT][ROUNDS])
{
    double rate[WAY_COUNT];
    for (int way = 0; way < WAY_COUNT; way++) {
        rate[way] = median_of(slots[way], offsetof(struct slot, acked_per_second));
    }
    double applied = median_of(slots[WAY_MUSTER], offsetof(struct slot, applied_per_second));
    (void)printf("| %" PRIu32 " | %.0f | %.2f | %.2f | %.0f | %.0f | %.0f | %.0f | %.2f | %.2f | "
                 "%.2f | %.2f |\n",
                 group, rate[WAY_MUSTER],
                 median_of(slots[WAY_MUSTER], offsetof(struct slot, p50_ms)),
                 median_of(slots[WAY_MUSTER], offsetof(struct slot, p99_ms)), applied,
                 rate[WAY_JOURNAL], rate[WAY_SCATTERED], rate[WAY_FLOOR],
                 rate[WAY_MUSTER] / rate[WAY_JOURNAL], rate[WAY_MUSTER] / rate[WAY_FLOOR],
                 rate[WAY_MUSTER] / rate[WAY_SCATTERED], applied / rate[WAY_SCATTERED]);
}

/* A long run at one group size, in which the overlay fills and is applied under load. */
static void print_sustained(struct bench *bench, uint32_t group, int64_t seconds)
{
    int64_t slot_us = bench->slot_us;
    bench->slot_us = seconds * 1000000;
    struct slot slot = run_slot(bench, WAY_MUSTER, group);
    bench->slot_us = slot_us;
    (void)printf("\nSustained for %" PRId64 " s at %" PRIu32 " a commit: %.0f results/s acked, "
                 "commit p50 %.2f ms, p99 %.2f ms; %.0f/s until all is applied.\n",
                 seconds, group, slot.acked_per_second, slot.p50_ms, slot.p99_ms,
                 slot.applied_per_second);
}

/* Setting up */

static void open_muster(struct bench *bench, const char *folder)
{
    char error[MU_LMDB_ERROR_MAX] = "";
    struct mu_lmdb_options options = { .folder = folder };
    int r = mu_lmdb_open(&options, &bench->store, error, sizeof error);
    if (r != 0) {
        (void)fprintf(stderr, "bench_store: %s\n", error);
        exit(1);
    }
    uint8_t key[KEY_BYTES];
    for (uint32_t i = 0; i < bench->players; i++) {
        player_key(i, key);
        muster_put(bench, MU_TABLE_PLAYER, key, PLAYER_BYTES);
        if (i % 10000 == 9999) {
            must(bench->store->ops->commit(bench->store) == 0, "commit");
        }
    }
    must(bench->store->ops->commit(bench->store) == 0, "commit");
    drain(bench);
}

static void open_raw(struct bench *bench, const char *folder)
{
    must(mkdir(folder, 0700) == 0, "mkdir");
    must(mdb_env_create(&bench->env) == 0, "mdb_env_create");
    must(mdb_env_set_mapsize(bench->env, MU_LMDB_MAP_BYTES_DEFAULT) == 0, "mdb_env_set_mapsize");
    must(mdb_env_set_maxdbs(bench->env, 3) == 0, "mdb_env_set_maxdbs");
    must(mdb_env_open(bench->env, folder, 0, 0600) == 0, "mdb_env_open");
    MDB_txn *txn = NULL;
    must(mdb_txn_begin(bench->env, NULL, 0, &txn) == 0, "mdb_txn_begin");
    must(mdb_dbi_open(txn, "match", MDB_CREATE, &bench->matches) == 0, "mdb_dbi_open");
    must(mdb_dbi_open(txn, "player", MDB_CREATE, &bench->player_table) == 0, "mdb_dbi_open");
    must(mdb_dbi_open(txn, "journal", MDB_CREATE, &bench->journal) == 0, "mdb_dbi_open");
    uint8_t key[KEY_BYTES];
    for (uint32_t i = 0; i < bench->players; i++) {
        player_key(i, key);
        raw_put(bench, txn, bench->player_table, key, PLAYER_BYTES);
    }
    must(mdb_txn_commit(txn) == 0, "mdb_txn_commit");
}

static void measure(struct bench *bench)
{
    static struct slot slots[WAY_COUNT][ROUNDS];
    (void)printf("Results/s made durable, %" PRIu32 " players; a result = 1 match (300 B) + 2 "
                 "players (200 B); medians of %d.\n\n"
                 "| a commit | muster acked | p50 ms | p99 ms | muster applied | LMDB journal | "
                 "LMDB scattered | pwrite+fdatasync | acked / journal | acked / floor | "
                 "acked / scattered | applied / scattered |\n"
                 "|---|---|---|---|---|---|---|---|---|---|---|---|\n",
                 bench->players, ROUNDS);
    for (size_t i = 0; i < GROUPS_COUNT; i++) {
        for (int round = 0; round < ROUNDS; round++) {
            for (enum way way = 0; way < WAY_COUNT; way++) {
                slots[way][round] = run_slot(bench, way, groups[i]);
            }
        }
        print_group(groups[i], (const struct slot(*)[ROUNDS])slots);
    }
}

int main(int argc, char **argv)
{
    bool quick = false;
    uint64_t players = 0;
    for (int i = 1; i < argc; i++) {
        bool last = i + 1 == argc;
        if (strcmp(argv[i], "--quick") == 0) {
            quick = true;
        } else if (strcmp(argv[i], "--folder") == 0 && !last) {
            must(setenv("TMPDIR", argv[++i], 1) == 0, "setenv");
        } else if (strcmp(argv[i], "--players") != 0 || last ||
                   mu_parse_u64(argv[++i], 1, 10000000, &players) != 0) {
            (void)fprintf(stderr, "usage: %s [--quick] [--players N] [--folder PATH]\n", argv[0]);
            return 64;
        }
    }
    static struct bench bench;
    bench.rng.state = 1;
    bench.players = players != 0 ? (uint32_t)players : quick ? 100000 : 200000;
    bench.slot_us = quick ? 50000 : 400000;
    bench.samples = calloc(COMMITS_MAX, sizeof bench.samples[0]);
    must(bench.samples != NULL, "calloc");
    for (size_t i = 0; i < sizeof bench.filler; i++) {
        bench.filler[i] = (uint8_t)mu_rng_next(&bench.rng);
    }
    struct store_folder muster;
    struct store_folder raw;
    char path[STORE_FOLDER_MAX + 16];
    store_folder_create(&muster);
    store_folder_create(&raw);
    open_muster(&bench, muster.path);
    (void)snprintf(path, sizeof path, "%s/raw", raw.path);
    open_raw(&bench, path);
    char file[STORE_FOLDER_MAX + 16];
    (void)snprintf(file, sizeof file, "%s/floor", raw.path);
    bench.file = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    must(bench.file >= 0, "open");
    measure(&bench);
    print_sustained(&bench, 64, quick ? 1 : 10);
    bench.store->ops->destroy(bench.store);
    mdb_env_close(bench.env);
    must(close(bench.file) == 0, "close");
    store_folder_remove_path(path);
    store_folder_remove(&raw);
    store_folder_remove(&muster);
    free(bench.samples);
    return 0;
}
