/* storage/mem.c - one memtable with all writes applied, and a list that undoes the staged ones. */
#include "storage/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "storage/memtable.h"
#include "storage/range.h"

/* How to take one staged write back. */
struct undo {
    uint8_t table;
    uint16_t key_size;   /* bytes */
    uint32_t value_size; /* bytes */
    bool existed;        /* the key had the value that follows */
    uint8_t *bytes;      /* owned: key, then value */
};

struct mu_mem {
    struct mu_store base;
    struct mu_memtable *map; /* committed and staged; no tombstones */
    struct undo *undos;      /* [undos_count] staged writes, oldest first */
    size_t undos_count;
    size_t undos_capacity;
    size_t staged_bytes; /* keys and values of the staged writes */
    bool refused;        /* a write in the middle of this batch was refused */
    bool failed;         /* a commit failed: dead until mu_mem_crash() */
    enum mu_mem_fault fault;
    enum mu_store_room room;
    mu_mem_commit_fn *hook;
    void *hook_context;
    struct mu_store_stats stats;
};

static struct mu_mem *self(struct mu_store *store)
{
    assert(store != NULL);
    return (struct mu_mem *)store;
}

static int mem_get(struct mu_store *store, enum mu_table table, struct mu_slice key,
                   struct mu_slice *ret)
{
    struct mu_mem *mem = self(store);
    assert(mu_range_table_known(table));
    assert(key.size >= 1 && key.size <= MU_STORE_KEY_MAX);
    if (mem->failed)
        return -EIO;
    mem->stats.reads++;
    const struct mu_memtable_entry *entry = mu_memtable_find(mem->map, (uint8_t)table, key);
    if (entry == NULL)
        return -ENOENT;
    *ret = mu_memtable_value(entry);
    return 0;
}

/* Whether one more write of `bytes` may be staged: 0, -ENOSPC or -EIO. */
static int admit(struct mu_mem *mem, size_t bytes)
{
    if (mem->failed)
        return -EIO;
    if (mem->refused)
        return -ENOSPC;
    if (mem->undos_count == 0 && mem->room == MU_STORE_ROOM_NONE)
        return -ENOSPC;
    if (mem->staged_bytes + bytes > MU_MEM_BATCH_BYTES_MAX) {
        mem->refused = true;
        return -ENOSPC;
    }
    return 0;
}

/* Remembers what (table, key) holds now. */
static int remember(struct mu_mem *mem, uint8_t table, struct mu_slice key)
{
    if (mem->undos_count == mem->undos_capacity) {
        size_t capacity = mem->undos_capacity * 2 + 64;
        struct undo *grown = realloc(mem->undos, capacity * sizeof *grown);
        if (grown == NULL)
            return -ENOSPC;
        mem->undos = grown;
        mem->undos_capacity = capacity;
    }
    const struct mu_memtable_entry *entry = mu_memtable_find(mem->map, table, key);
    struct mu_slice value = { NULL, 0 };
    if (entry != NULL)
        value = mu_memtable_value(entry);
    uint8_t *bytes = malloc(key.size + value.size);
    if (bytes == NULL)
        return -ENOSPC;
    memcpy(bytes, key.data, key.size);
    if (value.size > 0)
        memcpy(bytes + key.size, value.data, value.size);
    mem->undos[mem->undos_count++] = (struct undo){
        .table = table,
        .key_size = (uint16_t)key.size,
        .value_size = value.size,
        .existed = entry != NULL,
        .bytes = bytes,
    };
    return 0;
}

/* Takes the newest staged write back. */
static void undo_last(struct mu_mem *mem)
{
    assert(mem->undos_count > 0);
    struct undo *undo = &mem->undos[--mem->undos_count];
    struct mu_slice key = { undo->bytes, undo->key_size };
    struct mu_slice value = { undo->bytes + undo->key_size, undo->value_size };
    if (undo->existed) {
        int r = mu_memtable_set(mem->map, undo->table, key, value);
        assert(r == 0);
        (void)r;
    } else {
        (void)mu_memtable_remove(mem->map, undo->table, key);
    }
    free(undo->bytes);
}

static int mem_put(struct mu_store *store, enum mu_table table, struct mu_slice key,
                   struct mu_slice value)
{
    struct mu_mem *mem = self(store);
    assert(mu_range_table_known(table));
    assert(key.size >= 1 && key.size <= MU_STORE_KEY_MAX);
    assert(value.size <= MU_STORE_VALUE_MAX);
    int r = admit(mem, key.size + value.size);
    if (r != 0)
        return r;
    r = remember(mem, (uint8_t)table, key);
    if (r == 0 && mu_memtable_set(mem->map, (uint8_t)table, key, value) != 0) {
        undo_last(mem);
        r = -ENOSPC;
    }
    if (r != 0) {
        mem->refused = mem->undos_count > 0;
        return r;
    }
    mem->staged_bytes += key.size + value.size;
    mem->stats.writes++;
    return 0;
}

static int mem_del(struct mu_store *store, enum mu_table table, struct mu_slice key)
{
    struct mu_mem *mem = self(store);
    assert(mu_range_table_known(table));
    assert(key.size >= 1 && key.size <= MU_STORE_KEY_MAX);
    int r = admit(mem, key.size);
    if (r != 0)
        return r;
    r = remember(mem, (uint8_t)table, key);
    if (r != 0) {
        mem->refused = mem->undos_count > 0;
        return r;
    }
    (void)mu_memtable_remove(mem->map, (uint8_t)table, key);
    mem->staged_bytes += key.size;
    mem->stats.writes++;
    return 0;
}

static int64_t mem_scan(struct mu_store *store, const struct mu_store_range *range,
                        mu_store_scan_fn *visit, void *context)
{
    struct mu_mem *mem = self(store);
    assert(mu_range_table_known(range->table));
    if (mem->failed)
        return -EIO;
    struct mu_slice from;
    bool after = mu_range_start(range, &from);
    struct mu_memtable_place place = mu_memtable_seek(mem->map, (uint8_t)range->table, from, after);
    int64_t visited = 0;
    bool more = true;
    while (more && (range->limit == 0 || visited < range->limit)) {
        const struct mu_memtable_entry *entry = mu_memtable_at(mem->map, place);
        if (entry == NULL || entry->table != (uint8_t)range->table ||
            !mu_range_holds(range, mu_memtable_key(entry)))
            break;
        more = visit(context, mu_memtable_key(entry), mu_memtable_value(entry));
        visited++;
        place = mu_memtable_next(mem->map, place);
    }
    mem->stats.reads += (uint64_t)visited;
    return visited;
}

/* The staged writes are durable now. */
static void settle(struct mu_mem *mem)
{
    for (size_t i = 0; i < mem->undos_count; i++)
        free(mem->undos[i].bytes);
    mem->undos_count = 0;
    mem->staged_bytes = 0;
    mem->stats.commits++;
    if (mem->hook != NULL)
        mem->hook(mem->hook_context, &mem->base);
}

static int mem_commit(struct mu_store *store)
{
    struct mu_mem *mem = self(store);
    if (mem->failed)
        return -EIO;
    if (mem->refused) {
        mem->failed = true;
        return -ENOSPC;
    }
    if (mem->undos_count == 0)
        return 0;
    enum mu_mem_fault fault = mem->fault;
    mem->fault = MU_MEM_FAULT_NONE;
    if (fault != MU_MEM_FAULT_LOST)
        settle(mem);
    mem->failed = fault != MU_MEM_FAULT_NONE;
    return mem->failed ? -EIO : 0;
}

static bool mem_work(struct mu_store *store, int64_t budget_ms)
{
    (void)store; /* nothing is applied later: there is no disk */
    (void)budget_ms;
    return false;
}

static enum mu_store_room mem_room(struct mu_store *store)
{
    struct mu_mem *mem = self(store);
    return mem->failed ? MU_STORE_ROOM_NONE : mem->room;
}

static void mem_stats(const struct mu_store *store, struct mu_store_stats *ret)
{
    const struct mu_mem *mem = (const struct mu_mem *)store;
    *ret = mem->stats;
    ret->bytes_used = mu_memtable_bytes(mem->map);
}

static int mem_verify(struct mu_store *store)
{
    struct mu_mem *mem = self(store);
    if (mem->failed)
        return -EIO;
    mu_memtable_check(mem->map);
    return 0;
}

static int mem_backup(struct mu_store *store, const char *name)
{
    (void)store;
    (void)name;
    return -ENOTSUP;
}

static int mem_backup_poll(struct mu_store *store, uint64_t *ret_bytes)
{
    (void)store;
    (void)ret_bytes;
    return -ENOENT;
}

static void mem_destroy(struct mu_store *store)
{
    if (store == NULL)
        return;
    struct mu_mem *mem = self(store);
    for (size_t i = 0; i < mem->undos_count; i++)
        free(mem->undos[i].bytes);
    free(mem->undos);
    mu_memtable_destroy(mem->map);
    free(mem);
}

static const struct mu_store_ops mem_ops = {
    .name = "mem",
    .get = mem_get,
    .put = mem_put,
    .del = mem_del,
    .scan = mem_scan,
    .commit = mem_commit,
    .work = mem_work,
    .room = mem_room,
    .stats = mem_stats,
    .verify = mem_verify,
    .backup = mem_backup,
    .backup_poll = mem_backup_poll,
    .destroy = mem_destroy,
};

struct mu_store *mu_mem_create(void)
{
    struct mu_mem *mem = calloc(1, sizeof *mem);
    if (mem == NULL)
        return NULL;
    mem->base.ops = &mem_ops;
    mem->map = mu_memtable_create();
    if (mem->map == NULL) {
        free(mem);
        return NULL;
    }
    return &mem->base;
}

void mu_mem_set_commit_hook(struct mu_store *store, mu_mem_commit_fn *hook, void *context)
{
    self(store)->hook = hook;
    self(store)->hook_context = context;
}

void mu_mem_fail_next_commit(struct mu_store *store, enum mu_mem_fault fault)
{
    self(store)->fault = fault;
}

void mu_mem_set_room(struct mu_store *store, enum mu_store_room room)
{
    self(store)->room = room;
}

void mu_mem_crash(struct mu_store *store, bool keep_staged)
{
    struct mu_mem *mem = self(store);
    bool keep = keep_staged && !mem->failed && !mem->refused && mem->undos_count > 0;
    mem->failed = false;
    mem->refused = false;
    mem->fault = MU_MEM_FAULT_NONE;
    if (keep)
        settle(mem);
    while (mem->undos_count > 0)
        undo_last(mem);
    mem->staged_bytes = 0;
}

uint64_t mu_mem_count(const struct mu_store *store)
{
    return mu_memtable_count(((const struct mu_mem *)store)->map);
}
