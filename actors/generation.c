#include "actors/generation.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "actors/store.h"
#include "actors/store_rows.h"

static_assert(MU_GENERATION_PARTITIONS_MAX == MU_STORE_PARTITIONS_MAX, "all have their place");

static struct mu_key generation_key(void)
{
    struct mu_key key;
    mu_key_begin(&key);
    mu_key_last_text(&key, "generation");
    return key;
}

int mu_generation_get(struct mu_store *store, uint64_t *ret)
{
    const struct mu_key key = generation_key();
    struct mu_slice value;
    int r = store->ops->get(store, MU_TABLE_META, mu_key_slice(&key), &value);
    if (r == -ENOENT) {
        *ret = 0;
        return 0;
    }
    struct mu_key_reader reader = { value };
    uint64_t generation = 0;
    if (r == 0 && (mu_key_take_u64(&reader, &generation) != 0 || !mu_key_at_end(&reader))) {
        r = -EBADMSG;
    }
    if (r == 0) {
        *ret = generation;
    }
    return r;
}

/* The epochs, collected by a scan. */
struct epochs {
    struct mu_rows rows;
    uint32_t count;
    int error;
    struct mu_key keys[MU_GENERATION_PARTITIONS_MAX];
    struct mu_msg_epoch records[MU_GENERATION_PARTITIONS_MAX];
};

static bool collect(void *context, struct mu_slice key, struct mu_slice value)
{
    struct epochs *epochs = context;
    struct mu_rows *rows = &epochs->rows;
    if (epochs->count == MU_GENERATION_PARTITIONS_MAX) {
        epochs->error = -E2BIG;
    } else if (mu_msg_decode(rows->decoder, MU_OP_EPOCH, value.data, value.size, rows->small) !=
               0) {
        epochs->error = -EBADMSG;
    } else {
        struct mu_key *copy = &epochs->keys[epochs->count];
        copy->size = key.size;
        memcpy(copy->bytes, key.data, key.size);
        epochs->records[epochs->count++] = rows->small->epoch;
    }
    return epochs->error == 0;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Stages the generation and what follows from it. */
static int write_all(struct epochs *epochs, uint64_t generation)
{
    struct mu_rows *rows = &epochs->rows;
    struct mu_key value;
    mu_key_begin(&value);
    mu_key_u64(&value, generation);
    const struct mu_key key = generation_key();
    mu_rows_put_bytes(rows, MU_TABLE_META, &key, mu_key_slice(&value));
    for (uint32_t i = 0; i < epochs->count; i++) {
        struct mu_msg *record = rows->small;
        record->op = MU_OP_EPOCH;
        record->epoch = epochs->records[i];
        record->epoch.epoch = larger(record->epoch.epoch + MU_GENERATION_STEP, generation);
        /* A late EPOCH_TAKE of the last owner must not make him the owner again. */
        if (record->epoch.incarnation != 0) {
            record->epoch.former = record->epoch.incarnation;
        }
        record->epoch.incarnation = 0;
        mu_rows_put(rows, MU_TABLE_EPOCH, &epochs->keys[i], record);
    }
    return rows->error;
}

int mu_generation_renew(struct mu_store *store, uint64_t utc_s, struct mu_generation *ret)
{
    struct mu_generation done = { 0 };
    struct epochs *epochs = calloc(1, sizeof *epochs);
    if (epochs == NULL) {
        return -ENOMEM;
    }
    int r = mu_rows_init(&epochs->rows, store);
    if (r != 0) {
        free(epochs);
        return r;
    }
    const struct mu_store_range all = { .table = MU_TABLE_EPOCH };
    r = mu_generation_get(store, &done.former);
    if (r == 0) {
        int64_t n = store->ops->scan(store, &all, collect, epochs);
        r = n < 0 ? (int)n : epochs->error;
    }
    if (r == 0) {
        done.now = larger(done.former + MU_GENERATION_STEP, utc_s);
        done.partitions = epochs->count;
        r = write_all(epochs, done.now);
    }
    mu_rows_release(&epochs->rows);
    free(epochs);
    if (r == 0) {
        *ret = done;
    }
    return r;
}
