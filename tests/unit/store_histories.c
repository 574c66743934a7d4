/* tests/unit/store_histories.c - conformance of the stores: random histories against a model. */
#include "tests/unit/store_engine.h"

#define MODEL_KEYS   96
#define MODEL_TABLES 3

struct model_record {
    bool there;
    uint32_t size;
    uint64_t seed;
};

struct model {
    struct model_record records[MODEL_TABLES][MODEL_KEYS];
};

static const enum mu_table model_tables[MODEL_TABLES] = { MU_TABLE_EPOCH, MU_TABLE_PLAYER,
                                                          MU_TABLE_IDEMPOTENCY_AGE };

/* Keys of several lengths, some of which begin others, in ascending order of i. */
static struct mu_slice model_key(uint32_t i, uint8_t ret[8])
{
    ret[0] = (uint8_t)('a' + i / 24);
    ret[1] = (uint8_t)(i % 24 / 4);
    ret[2] = 0;
    ret[3] = (uint8_t)i;
    uint32_t size = i % 24 > 0 ? 2 : 1;
    size += i % 4 > 0 ? 1 : 0;
    size += i % 4 > 1 ? 1 : 0;
    return (struct mu_slice){ ret, size };
}

struct model_scan {
    const struct model *model;
    uint32_t table;
    uint32_t next; /* model index that is due */
    uint32_t end;
};

static void model_compare(const struct model_record *record, struct mu_slice value)
{
    static uint8_t wanted[6000];
    assert_true(record->there);
    assert_int_equal(value.size, record->size);
    store_fill(wanted, record->size, record->seed);
    if (value.size > 0) {
        assert_memory_equal(value.data, wanted, value.size);
    }
}

static void model_skip(struct model_scan *scan)
{
    while (scan->next < scan->end && !scan->model->records[scan->table][scan->next].there) {
        scan->next++;
    }
}

static bool model_visit(void *context, struct mu_slice key, struct mu_slice value)
{
    struct model_scan *scan = context;
    uint8_t bytes[8];
    model_skip(scan);
    assert_true(scan->next < scan->end);
    struct mu_slice wanted = model_key(scan->next, bytes);
    assert_int_equal(key.size, wanted.size);
    assert_memory_equal(key.data, wanted.data, key.size);
    model_compare(&scan->model->records[scan->table][scan->next], value);
    scan->next++;
    return true;
}

/* Compares one table, from a random place, with the model. */
static void model_check_scan(struct store_engine *engine, const struct model *model, uint32_t table)
{
    uint8_t bytes[8];
    uint8_t prefix = (uint8_t)('a' + mu_rng_below(&store_rng, 4));
    bool whole = mu_rng_below(&store_rng, 2) == 0;
    uint32_t from = (uint32_t)mu_rng_below(&store_rng, MODEL_KEYS);
    struct model_scan scan = { model, table, from + 1, MODEL_KEYS };
    struct mu_store_range range = { .table = model_tables[table], .after = model_key(from, bytes) };
    if (!whole) {
        uint32_t begin = (uint32_t)(prefix - 'a') * 24;
        range.prefix = (struct mu_slice){ &prefix, 1 };
        scan.end = begin + 24;
        scan.next = from + 1 > begin ? from + 1 : begin;
    }
    struct mu_store *s = engine->store;
    assert_true(s->ops->scan(s, &range, model_visit, &scan) >= 0);
    model_skip(&scan);
    assert_true(scan.next >= scan.end);
}

static void model_write(struct store_engine *engine, struct model *model)
{
    static uint8_t value[6000];
    uint8_t bytes[8];
    uint32_t table = (uint32_t)mu_rng_below(&store_rng, MODEL_TABLES);
    uint32_t i = (uint32_t)mu_rng_below(&store_rng, MODEL_KEYS);
    struct model_record *record = &model->records[table][i];
    struct mu_store *s = engine->store;
    struct mu_slice key = model_key(i, bytes);
    if (mu_rng_below(&store_rng, 3) == 0) {
        record->there = false;
        assert_int_equal(s->ops->del(s, model_tables[table], key), 0);
        return;
    }
    uint64_t size_max = mu_rng_below(&store_rng, 10) == 0 ? sizeof value : 60;
    record->there = true;
    record->size = (uint32_t)mu_rng_below(&store_rng, size_max);
    record->seed = mu_rng_next(&store_rng);
    store_fill(value, record->size, record->seed);
    assert_int_equal(
        s->ops->put(s, model_tables[table], key, (struct mu_slice){ value, record->size }), 0);
}

static void model_check_get(struct store_engine *engine, const struct model *model)
{
    uint8_t bytes[8];
    uint32_t table = (uint32_t)mu_rng_below(&store_rng, MODEL_TABLES);
    uint32_t i = (uint32_t)mu_rng_below(&store_rng, MODEL_KEYS);
    struct mu_slice value;
    struct mu_store *s = engine->store;
    int r = s->ops->get(s, model_tables[table], model_key(i, bytes), &value);
    const struct model_record *record = &model->records[table][i];
    assert_int_equal(r, record->there ? 0 : -ENOENT);
    if (r == 0) {
        model_compare(record, value);
    }
}

static void run_history(struct store_engine *engine, int steps)
{
    static struct model now;
    static struct model committed;
    memset(&now, 0, sizeof now);
    memset(&committed, 0, sizeof committed);
    for (int i = 0; i < steps; i++) {
        uint64_t dice = mu_rng_below(&store_rng, 1000);
        if (dice < 500) {
            model_write(engine, &now);
        } else if (dice < 850) {
            model_check_get(engine, &now);
        } else if (dice < 900) {
            model_check_scan(engine, &now, (uint32_t)mu_rng_below(&store_rng, MODEL_TABLES));
        } else if (dice < 960) {
            store_commit(engine);
            committed = now;
        } else if (dice < 985) {
            (void)engine->store->ops->work(engine->store, (int64_t)mu_rng_below(&store_rng, 3));
        } else if (dice < 990) {
            assert_int_equal(engine->store->ops->verify(engine->store), 0);
        } else {
            store_crash(engine);
            now = committed;
        }
    }
}

static void test_random_histories(void **state)
{
    run_history(*state, 8000);
}

static void test_random_histories_with_many_crashes(void **state)
{
    struct store_engine *engine = *state;
    static struct model now;
    memset(&now, 0, sizeof now);
    for (int i = 0; i < 80; i++) {
        for (uint64_t n = mu_rng_below(&store_rng, 12) + 1; n > 0; n--) {
            model_write(engine, &now);
        }
        store_commit(engine);
        struct model staged = now;
        for (uint64_t n = mu_rng_below(&store_rng, 4); n > 0; n--) {
            model_write(engine, &staged);
        }
        store_crash(engine);
        for (uint32_t table = 0; table < MODEL_TABLES; table++) {
            model_check_scan(engine, &now, table);
        }
        for (int n = 0; n < 20; n++) {
            model_check_get(engine, &now);
        }
    }
}

int store_run_histories(struct store_engine *engine)
{
    const struct CMUnitTest tests[] = {
        STORE_CASE(random_histories),
        STORE_CASE(random_histories_with_many_crashes),
    };
    print_message("histories: %s\n", engine->name);
    return cmocka_run_group_tests_name(engine->name, tests, NULL, NULL);
}
