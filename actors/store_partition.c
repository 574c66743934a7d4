/* actors/store_partition.c - the partitions: what lives in them, what changed.
 *
 * An object that changed is logged once a batch, at its end, with a number of the partition's
 * own: so the log has no gaps, and a push carries each object once, as it is then. */
#include "actors/store_keeper.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "actors/generation.h"
#include "core/address.h"
#include "core/placement.h"

enum { TRIM_MAX = 4 }; /* old log entries removed for each new one, to reach a lowered limit */

int32_t mu_keeper_partition(const struct mu_keeper *keeper, const char *name)
{
    for (uint32_t i = 0; i < keeper->partitions_count; i++) {
        if (strcmp(keeper->partitions[i].name, name) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

int32_t mu_keeper_queue(const struct mu_keeper *keeper, const char *region)
{
    char name[MU_ADDRESS_MAX + 1];
    mu_address_queue(region, name);
    return mu_keeper_partition(keeper, name);
}

static struct mu_partition *add_partition(struct mu_keeper *keeper, const char *name)
{
    assert(keeper->partitions_count < MU_STORE_PARTITIONS_MAX);
    struct mu_partition *partition = &keeper->partitions[keeper->partitions_count++];
    *partition = (struct mu_partition){ .epoch = { .epoch = keeper->generation, .log_first = 1 } };
    (void)snprintf(partition->name, sizeof partition->name, "%s", name);
    return partition;
}

/* The result of a scan over the epoch table. */
struct load {
    struct mu_keeper *keeper;
    int error;
};

static bool load_partition(void *context, struct mu_slice key, struct mu_slice value)
{
    struct load *load = context;
    struct mu_keeper *keeper = load->keeper;
    struct mu_rows *rows = &keeper->rows;
    struct mu_key_reader reader = { key };
    char name[MU_ADDRESS_MAX + 1];
    if (mu_key_take_last_text(&reader, sizeof name, name) != 0 ||
        mu_msg_decode(rows->decoder, MU_OP_EPOCH, value.data, value.size, rows->small) != 0) {
        load->error = mu_rows_damage(rows);
        return false;
    }
    int32_t known = mu_keeper_partition(keeper, name);
    if (known < 0 && keeper->partitions_count == MU_STORE_PARTITIONS_MAX) {
        load->error = -E2BIG;
        return false;
    }
    struct mu_partition *partition =
        known < 0 ? add_partition(keeper, name) : &keeper->partitions[known];
    partition->epoch = rows->small->epoch;
    if (partition->epoch.log_first == 0) {
        partition->epoch.log_first = 1;
    }
    return true;
}

static_assert(MU_REGIONS_MAX + MU_LOBBIES_MAX <= MU_STORE_PARTITIONS_MAX, "all have their place");

int mu_keeper_load_partitions(struct mu_keeper *keeper)
{
    const struct mu_config *config = keeper->config;
    int found = mu_generation_get(keeper->rows.store, &keeper->generation);
    if (found != 0) {
        return found;
    }
    char name[MU_ADDRESS_MAX + 1];
    for (uint32_t i = 0; i < config->settings.lobbies; i++) {
        mu_address_lobby(i, name);
        (void)add_partition(keeper, name);
        assert(keeper->partitions_count == i + 1); /* found by its index alone */
    }
    for (uint32_t i = 0; i < config->regions_count; i++) {
        mu_address_queue(config->regions[i].name, name);
        (void)add_partition(keeper, name);
    }
    struct load load = { .keeper = keeper };
    struct mu_store *store = keeper->rows.store;
    const struct mu_store_range range = { .table = MU_TABLE_EPOCH };
    int64_t r = store->ops->scan(store, &range, load_partition, &load);
    return r < 0 ? (int)r : load.error;
}

static void trim_log(struct mu_keeper *keeper, struct mu_partition *partition)
{
    struct mu_msg_epoch *epoch = &partition->epoch;
    uint64_t keep = keeper->config->settings.log_keep;
    for (uint32_t i = 0; i < TRIM_MAX && epoch->log_seq - epoch->log_first >= keep; i++) {
        struct mu_key key;
        mu_rows_key_numbered(&key, partition->name, epoch->log_first++);
        mu_rows_del(&keeper->rows, MU_TABLE_LOG, &key);
    }
}

/* Writes the log entries of all touched objects, and gives them their numbers. */
static void log_touched(struct mu_keeper *keeper)
{
    struct mu_msg *record = keeper->rows.small;
    for (uint32_t i = 0; i < keeper->touched_count; i++) {
        struct mu_touched *touched = &keeper->touched[i];
        struct mu_partition *partition = &keeper->partitions[touched->partition];
        touched->seq = ++partition->epoch.log_seq;
        record->op = MU_OP_LOG;
        record->log = (struct mu_msg_log){ .table = touched->table };
        memcpy(record->log.id, touched->id, sizeof record->log.id);
        struct mu_key key;
        mu_rows_key_numbered(&key, partition->name, touched->seq);
        mu_rows_put(&keeper->rows, MU_TABLE_LOG, &key, record);
        trim_log(keeper, partition);
        partition->dirty = true;
    }
}

/* What an object is known by: a rule set changes in several partitions at once. */
static void touched_key(uint32_t partition, const char *id, char ret[MU_ID_MAX + 2])
{
    ret[0] = (char)(partition + 1); /* never the NUL */
    (void)snprintf(ret + 1, MU_ID_MAX + 1, "%s", id);
}
static_assert(MU_STORE_PARTITIONS_MAX < UINT8_MAX, "a partition fits into a byte");

static void forget_touched(struct mu_keeper *keeper)
{
    for (uint32_t i = 0; i < keeper->touched_count; i++) {
        char key[MU_ID_MAX + 2];
        touched_key(keeper->touched[i].partition, keeper->touched[i].id, key);
        (void)mu_map_remove(keeper->touched_by_id, key); /* it is there */
    }
    keeper->touched_count = 0;
}

static void touch(struct mu_keeper *keeper, uint32_t partition, enum mu_table table, const char *id)
{
    char key[MU_ID_MAX + 2];
    touched_key(partition, id, key);
    if (mu_map_get(keeper->touched_by_id, key) != MU_MAP_NONE) {
        return;
    }
    if (keeper->touched_count == MU_STORE_TOUCHED_MAX) {
        /* More than is pushed at once: into the log with it; the followers will ask. */
        log_touched(keeper);
        forget_touched(keeper);
    }
    struct mu_touched *touched = &keeper->touched[keeper->touched_count];
    *touched = (struct mu_touched){ .partition = partition, .table = table };
    (void)snprintf(touched->id, sizeof touched->id, "%s", id);
    int r = mu_map_put(keeper->touched_by_id, key, keeper->touched_count);
    assert(r == 0);
    (void)r;
    keeper->touched_count++;
}

void mu_keeper_changed(struct mu_keeper *keeper, int32_t partition, enum mu_table table,
                       const char *id, bool was_live, bool is_live)
{
    assert(partition >= 0 && (uint32_t)partition < keeper->partitions_count);
    if (was_live != is_live) {
        struct mu_key key;
        mu_rows_key_pair(&key, keeper->partitions[partition].name, id);
        uint8_t kind = (uint8_t)table;
        if (is_live) {
            mu_rows_put_bytes(&keeper->rows, MU_TABLE_LIVE, &key, (struct mu_slice){ &kind, 1 });
        } else {
            mu_rows_del(&keeper->rows, MU_TABLE_LIVE, &key);
        }
    }
    touch(keeper, (uint32_t)partition, table, id);
}

static void put_epochs(struct mu_keeper *keeper)
{
    struct mu_msg *record = keeper->rows.small;
    for (uint32_t i = 0; i < keeper->partitions_count; i++) {
        struct mu_partition *partition = &keeper->partitions[i];
        if (partition->dirty) {
            partition->dirty = false;
            record->op = MU_OP_EPOCH;
            record->epoch = partition->epoch;
            mu_rows_put_id(&keeper->rows, MU_TABLE_EPOCH, partition->name, record);
        }
    }
}

int mu_keeper_flush(struct mu_keeper *keeper)
{
    struct mu_rows *rows = &keeper->rows;
    log_touched(keeper);
    put_epochs(keeper);
    forget_touched(keeper);
    mu_rows_begin(rows);
    return rows->error != 0 ? rows->error : rows->store->ops->commit(rows->store);
}

int mu_keeper_batch_end(struct mu_keeper *keeper)
{
    struct mu_rows *rows = &keeper->rows;
    log_touched(keeper);
    put_epochs(keeper);
    if (rows->error != 0) {
        return rows->error;
    }
    mu_rows_begin(rows);
    int r = mu_keeper_push(keeper);
    if (r != 0) {
        return r;
    }
    forget_touched(keeper);
    return rows->store->ops->commit(rows->store);
}
