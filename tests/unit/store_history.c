/* tests/unit/store_history.c - batches that follow from their number. */
#include "tests/unit/store_history.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/rng.h"
#include "storage/bytes.h"

#define WRITES_PER_BATCH 9
#define VALUE_MAX        9000 /* some values need overflow pages */

static const uint8_t last_name[] = "last";

struct write {
    uint32_t key;
    bool removes;
};

static void writes_of(uint64_t number, struct write ret[WRITES_PER_BATCH])
{
    struct mu_rng stream = { number * 31 };
    for (int i = 0; i < WRITES_PER_BATCH; i++) {
        ret[i].key = (uint32_t)mu_rng_below(&stream, HISTORY_KEYS);
        ret[i].removes = mu_rng_below(&stream, 4) == 0;
    }
}

static struct mu_slice key_of(uint32_t key, uint8_t ret[8])
{
    static const uint8_t prefix[4] = { 'k', 'e', 'y', '_' };
    memcpy(ret, prefix, sizeof prefix);
    mu_bytes_put32(ret + 4, key);
    return (struct mu_slice){ ret, 8 };
}

/* The value that batch `number` gives to `key`. */
static struct mu_slice value_of(uint64_t number, uint32_t key, uint8_t ret[VALUE_MAX])
{
    struct mu_rng stream = { number << 16 | key };
    uint64_t limit = mu_rng_below(&stream, 24) == 0 ? VALUE_MAX : 120;
    uint32_t size = (uint32_t)mu_rng_below(&stream, limit);
    for (uint32_t i = 0; i < size; i++) {
        ret[i] = (uint8_t)mu_rng_next(&stream);
    }
    return (struct mu_slice){ ret, size };
}

/* Keys alternate between two tables. */
static enum mu_table table_of(uint32_t key)
{
    return key % 2 == 0 ? MU_TABLE_PLAYER : MU_TABLE_HISTORY;
}

void history_write(struct mu_store *store, uint64_t number)
{
    static uint8_t value[VALUE_MAX];
    uint8_t key[8];
    struct write writes[WRITES_PER_BATCH];
    writes_of(number, writes);
    for (int i = 0; i < WRITES_PER_BATCH; i++) {
        enum mu_table table = table_of(writes[i].key);
        struct mu_slice slice = key_of(writes[i].key, key);
        int r = writes[i].removes
                    ? store->ops->del(store, table, slice)
                    : store->ops->put(store, table, slice, value_of(number, writes[i].key, value));
        assert(r == 0);
        (void)r;
    }
    mu_bytes_put64(key, number);
    int r = store->ops->put(store, MU_TABLE_META, (struct mu_slice){ last_name, 4 },
                            (struct mu_slice){ key, 8 });
    assert(r == 0);
    (void)r;
}

void history_apply(struct history *history, uint64_t number)
{
    struct write writes[WRITES_PER_BATCH];
    writes_of(number, writes);
    for (int i = 0; i < WRITES_PER_BATCH; i++) {
        history->written[writes[i].key] = writes[i].removes ? 0 : number;
    }
}

int64_t history_last(struct mu_store *store)
{
    struct mu_slice value;
    int r = store->ops->get(store, MU_TABLE_META, (struct mu_slice){ last_name, 4 }, &value);
    if (r == -ENOENT) {
        return 0;
    }
    return r != 0 || value.size != 8 ? -EBADMSG : (int64_t)mu_bytes_get64(value.data);
}

static int compare_key(struct mu_store *store, const struct history *history, uint32_t key)
{
    static uint8_t bytes[VALUE_MAX];
    uint8_t name[8];
    struct mu_slice found;
    int r = store->ops->get(store, table_of(key), key_of(key, name), &found);
    if (r == -ENOENT) {
        return history->written[key] == 0 ? 0 : 1;
    }
    if (r != 0) {
        return r;
    }
    struct mu_slice wanted = value_of(history->written[key], key, bytes);
    bool same = history->written[key] != 0 && found.size == wanted.size &&
                (found.size == 0 || memcmp(found.data, wanted.data, found.size) == 0);
    return same ? 0 : 1;
}

struct listing {
    const struct history *history;
    enum mu_table table;
    uint32_t next;
    int different;
};

static bool list(void *context, struct mu_slice key, struct mu_slice value)
{
    static uint8_t bytes[VALUE_MAX];
    struct listing *listing = context;
    uint8_t name[8];
    while (listing->next < HISTORY_KEYS && (table_of(listing->next) != listing->table ||
                                            listing->history->written[listing->next] == 0)) {
        listing->next++;
    }
    struct mu_slice due = key_of(listing->next, name);
    bool same = listing->next < HISTORY_KEYS && key.size == due.size &&
                memcmp(key.data, due.data, due.size) == 0;
    if (same) {
        struct mu_slice wanted =
            value_of(listing->history->written[listing->next], listing->next, bytes);
        same = value.size == wanted.size &&
               (value.size == 0 || memcmp(value.data, wanted.data, value.size) == 0);
    }
    listing->different = same ? listing->different : 1;
    listing->next++;
    return same;
}

int history_compare(struct mu_store *store, uint64_t last)
{
    struct history history = { { 0 } };
    static const enum mu_table tables[] = { MU_TABLE_PLAYER, MU_TABLE_HISTORY };
    uint32_t there[2] = { 0, 0 };
    for (uint64_t i = 1; i <= last; i++) {
        history_apply(&history, i);
    }
    for (uint32_t key = 0; key < HISTORY_KEYS; key++) {
        int r = compare_key(store, &history, key);
        if (r != 0) {
            return r;
        }
        there[key % 2] += history.written[key] != 0;
    }
    for (int i = 0; i < 2; i++) {
        struct listing listing = { .history = &history, .table = tables[i] };
        struct mu_store_range range = { .table = tables[i] };
        int64_t n = store->ops->scan(store, &range, list, &listing);
        if (n < 0) {
            return (int)n;
        }
        if (listing.different != 0 || n != there[i]) {
            return 1;
        }
    }
    return 0;
}
