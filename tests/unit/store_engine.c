/* tests/unit/store_engine.c - opens, kills and asks the engine under test. */
#include "tests/unit/store_engine.h"

#include "storage/lmdb.h"
#include "storage/mem.h"

struct mu_rng store_rng;

static void engine_open(struct store_engine *engine)
{
    if (!engine->on_disk) {
        engine->store = mu_mem_create();
        assert_non_null(engine->store);
        return;
    }
    char error[MU_LMDB_ERROR_MAX];
    struct mu_lmdb_options options = {
        .folder = engine->folder.path,
        .overlay_bytes = engine->overlay_bytes,
        .slice_ms = 1,
        .any_filesystem = true,
    };
    int r = mu_lmdb_open(&options, &engine->store, error, sizeof error);
    if (r != 0) {
        print_error("open: %s\n", error);
    }
    assert_int_equal(r, 0);
}

void store_crash(struct store_engine *engine)
{
    if (!engine->on_disk) {
        mu_mem_crash(engine->store, false);
        return;
    }
    engine->store->ops->destroy(engine->store);
    engine_open(engine);
}

int store_setup(void **state)
{
    struct store_engine *engine = *state;
    if (engine->on_disk) {
        store_folder_create(&engine->folder);
    }
    engine_open(engine);
    return 0;
}

int store_teardown(void **state)
{
    struct store_engine *engine = *state;
    engine->store->ops->destroy(engine->store);
    engine->store = NULL;
    if (engine->on_disk) {
        store_folder_remove(&engine->folder);
    }
    return 0;
}

struct mu_slice store_text(const char *s)
{
    return (struct mu_slice){ (const uint8_t *)s, (uint32_t)strlen(s) };
}

void store_put(struct store_engine *engine, const char *key, const char *value)
{
    struct mu_store *s = engine->store;
    assert_int_equal(s->ops->put(s, MU_TABLE_PLAYER, store_text(key), store_text(value)), 0);
}

void store_del(struct store_engine *engine, const char *key)
{
    struct mu_store *s = engine->store;
    assert_int_equal(s->ops->del(s, MU_TABLE_PLAYER, store_text(key)), 0);
}

void store_commit(struct store_engine *engine)
{
    assert_int_equal(engine->store->ops->commit(engine->store), 0);
}

void store_settle(struct store_engine *engine)
{
    int rounds = 0;
    while (engine->store->ops->work(engine->store, 1000)) {
        assert_true(++rounds < 1000);
    }
}

struct mu_slice store_get(struct store_engine *engine, enum mu_table table, struct mu_slice key)
{
    struct mu_slice value = { NULL, 0 };
    struct mu_store *s = engine->store;
    assert_int_equal(s->ops->get(s, table, key, &value), 0);
    return value;
}

void store_expect(struct store_engine *engine, const char *key, const char *value)
{
    struct mu_slice found = store_get(engine, MU_TABLE_PLAYER, store_text(key));
    assert_int_equal(found.size, strlen(value));
    if (found.size > 0) {
        assert_memory_equal(found.data, value, found.size);
    }
}

void store_expect_none(struct store_engine *engine, const char *key)
{
    struct mu_slice untouched = { (const uint8_t *)"x", 1 };
    struct mu_store *s = engine->store;
    assert_int_equal(s->ops->get(s, MU_TABLE_PLAYER, store_text(key), &untouched), -ENOENT);
    assert_int_equal(untouched.size, 1);
}

bool store_list(void *context, struct mu_slice key, struct mu_slice value)
{
    struct store_listing *listing = context;
    size_t used = strlen(listing->text);
    (void)snprintf(listing->text + used, sizeof listing->text - used, "%.*s=%.*s ", (int)key.size,
                   (const char *)key.data, (int)value.size, (const char *)value.data);
    return ++listing->count != listing->stop_after;
}

void store_expect_scan(struct store_engine *engine, const char *prefix, const char *after,
                       uint32_t limit, const char *wanted)
{
    struct store_listing listing = { .stop_after = 0 };
    struct mu_store *s = engine->store;
    struct mu_store_range range = { MU_TABLE_PLAYER, store_text(prefix), store_text(after), limit };
    int64_t n = s->ops->scan(s, &range, store_list, &listing);
    assert_string_equal(listing.text, wanted);
    assert_int_equal(n, listing.count);
}

void store_fill(uint8_t *ret, uint32_t size, uint64_t seed)
{
    struct mu_rng stream = { seed };
    for (uint32_t i = 0; i < size; i++) {
        ret[i] = (uint8_t)mu_rng_next(&stream);
    }
}

void store_fill_layers(struct store_engine *engine)
{
    store_put(engine, "a0", "x");
    store_put(engine, "a1", "1");
    store_put(engine, "a2", "old");
    store_commit(engine);
    store_settle(engine);
    store_put(engine, "a3", "3");
    store_put(engine, "b1", "old");
    store_put(engine, "a2", "2");
    store_commit(engine);
    store_put(engine, "b2", "5");
    store_put(engine, "b1", "4");
    store_del(engine, "a0");
}
