/* tests/unit/store_records.c - conformance of the stores: single records, durability, borrowing. */
#include "tests/unit/store_engine.h"

static void test_empty_store_has_nothing(void **state)
{
    store_expect_none(*state, "a");
    store_expect_scan(*state, "", "", 0, "");
}

static void test_a_put_is_seen_before_commit(void **state)
{
    store_put(*state, "a", "1");
    store_expect(*state, "a", "1");
    store_expect_scan(*state, "", "", 0, "a=1 ");
}

static void test_a_put_is_seen_after_commit(void **state)
{
    store_put(*state, "a", "1");
    store_commit(*state);
    store_expect(*state, "a", "1");
    store_settle(*state);
    store_expect(*state, "a", "1");
}

static void test_empty_value(void **state)
{
    store_put(*state, "a", "");
    store_expect(*state, "a", "");
    store_commit(*state);
    store_settle(*state);
    store_expect(*state, "a", "");
    store_crash(*state);
    store_expect(*state, "a", "");
    store_expect_scan(*state, "", "", 0, "a= ");
}

static void test_largest_key_and_value(void **state)
{
    struct store_engine *engine = *state;
    struct mu_store *s = engine->store;
    static uint8_t value[MU_STORE_VALUE_MAX];
    uint8_t key[MU_STORE_KEY_MAX];
    store_fill(value, sizeof value, mu_rng_next(&store_rng));
    store_fill(key, sizeof key, mu_rng_next(&store_rng));
    struct mu_slice key_slice = { key, sizeof key };
    struct mu_slice value_slice = { value, sizeof value };
    assert_int_equal(s->ops->put(s, MU_TABLE_MATCH, key_slice, value_slice), 0);
    for (int round = 0; round < 4; round++) {
        struct mu_slice found = store_get(engine, MU_TABLE_MATCH, key_slice);
        assert_int_equal(found.size, sizeof value);
        assert_memory_equal(found.data, value, sizeof value);
        if (round == 0) {
            store_commit(engine);
        } else if (round == 1) {
            store_settle(engine);
        } else {
            store_crash(engine);
        }
    }
}

static void test_one_byte_keys(void **state)
{
    struct store_engine *engine = *state;
    struct mu_store *s = engine->store;
    for (int i = 255; i >= 0; i--) {
        uint8_t byte = (uint8_t)i;
        struct mu_slice slice = { &byte, 1 };
        assert_int_equal(s->ops->put(s, MU_TABLE_EVENT, slice, slice), 0);
    }
    store_commit(engine);
    store_settle(engine);
    store_crash(engine);
    for (int i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;
        struct mu_slice found = store_get(engine, MU_TABLE_EVENT, (struct mu_slice){ &byte, 1 });
        assert_int_equal(found.size, 1);
        assert_int_equal(found.data[0], byte);
    }
}

static void test_overwrite_with_other_sizes(void **state)
{
    static const char *values[] = { "short", "", "quite a bit longer than before", "mid size" };
    for (int i = 0; i < 16; i++) {
        store_put(*state, "a", values[i % 4]);
        store_expect(*state, "a", values[i % 4]);
        if (i % 3 == 0) {
            store_commit(*state);
        }
        if (i % 5 == 0) {
            store_settle(*state);
        }
    }
}

static void test_del_hides_at_once(void **state)
{
    store_put(*state, "a", "1");
    store_commit(*state);
    store_settle(*state);
    store_del(*state, "a");
    store_expect_none(*state, "a");
    store_commit(*state);
    store_expect_none(*state, "a");
    store_settle(*state);
    store_expect_none(*state, "a");
}

static void test_del_of_nothing_is_nothing(void **state)
{
    store_del(*state, "a");
    store_expect_none(*state, "a");
    store_commit(*state);
    store_settle(*state);
    store_crash(*state);
    store_expect_none(*state, "a");
}

static void test_put_after_del(void **state)
{
    store_put(*state, "a", "1");
    store_commit(*state);
    store_settle(*state);
    store_del(*state, "a");
    store_put(*state, "a", "2");
    store_expect(*state, "a", "2");
    store_commit(*state);
    store_crash(*state);
    store_expect(*state, "a", "2");
}

static void test_put_and_del_in_one_batch(void **state)
{
    store_put(*state, "a", "1");
    store_del(*state, "a");
    store_commit(*state);
    store_expect_none(*state, "a");
    store_crash(*state);
    store_expect_none(*state, "a");
}

static void test_tables_are_apart(void **state)
{
    struct store_engine *engine = *state;
    struct mu_store *s = engine->store;
    for (unsigned table = 1; table < MU_TABLE_END; table++) {
        uint8_t value = (uint8_t)table;
        assert_int_equal(
            s->ops->put(s, (enum mu_table)table, store_text("key"), (struct mu_slice){ &value, 1 }),
            0);
    }
    assert_int_equal(s->ops->del(s, MU_TABLE_LOBBY, store_text("key")), 0);
    store_commit(engine);
    store_settle(engine);
    store_crash(engine);
    s = engine->store;
    for (unsigned table = 1; table < MU_TABLE_END; table++) {
        struct mu_slice found;
        int r = s->ops->get(s, (enum mu_table)table, store_text("key"), &found);
        assert_int_equal(r, table == MU_TABLE_LOBBY ? -ENOENT : 0);
        if (r == 0) {
            assert_int_equal(found.data[0], table);
        }
    }
}

static void test_a_key_that_begins_another(void **state)
{
    store_put(*state, "ab", "2");
    store_put(*state, "abc", "3");
    store_put(*state, "a", "1");
    store_commit(*state);
    store_del(*state, "ab");
    store_expect(*state, "a", "1");
    store_expect_none(*state, "ab");
    store_expect(*state, "abc", "3");
    store_settle(*state);
    store_expect_scan(*state, "a", "", 0, "a=1 abc=3 ");
}

static void test_keys_with_zero_bytes(void **state)
{
    struct store_engine *engine = *state;
    struct mu_store *s = engine->store;
    const uint8_t key[3] = { 'a', 0, 0 };
    for (uint32_t size = 1; size <= 3; size++) {
        struct mu_slice slice = { key, size };
        assert_int_equal(s->ops->put(s, MU_TABLE_LOG, slice, slice), 0);
    }
    store_commit(engine);
    store_settle(engine);
    for (uint32_t size = 1; size <= 3; size++) {
        assert_int_equal(store_get(engine, MU_TABLE_LOG, (struct mu_slice){ key, size }).size,
                         size);
    }
}

/* Durability */

static void test_commit_of_nothing(void **state)
{
    struct store_engine *engine = *state;
    struct mu_store_stats before;
    struct mu_store_stats after;
    engine->store->ops->stats(engine->store, &before);
    store_commit(engine);
    store_commit(engine);
    engine->store->ops->stats(engine->store, &after);
    assert_int_equal(before.commits, after.commits);
}

static void test_crash_drops_a_staged_put(void **state)
{
    store_put(*state, "a", "1");
    store_crash(*state);
    store_expect_none(*state, "a");
}

static void test_crash_drops_a_staged_overwrite(void **state)
{
    store_put(*state, "a", "1");
    store_commit(*state);
    store_put(*state, "a", "2");
    store_put(*state, "a", "a much longer third value");
    store_crash(*state);
    store_expect(*state, "a", "1");
}

static void test_crash_drops_a_staged_del(void **state)
{
    store_put(*state, "a", "1");
    store_commit(*state);
    store_del(*state, "a");
    store_crash(*state);
    store_expect(*state, "a", "1");
}

static void test_crash_drops_a_mixed_batch(void **state)
{
    store_put(*state, "a", "1");
    store_put(*state, "b", "1");
    store_commit(*state);
    store_settle(*state);
    store_del(*state, "a");
    store_put(*state, "c", "2");
    store_put(*state, "b", "2");
    store_put(*state, "a", "2");
    store_del(*state, "b");
    store_del(*state, "c");
    store_put(*state, "c", "3");
    store_crash(*state);
    store_expect_scan(*state, "", "", 0, "a=1 b=1 ");
}

static void test_crash_keeps_the_committed(void **state)
{
    store_put(*state, "a", "1");
    store_del(*state, "b");
    store_commit(*state);
    store_crash(*state);
    store_expect(*state, "a", "1");
    store_crash(*state);
    store_crash(*state);
    store_expect_scan(*state, "", "", 0, "a=1 ");
}

static void test_crash_after_every_commit(void **state)
{
    char wanted[1024] = "";
    for (int i = 0; i < 30; i++) {
        char key[8];
        (void)snprintf(key, sizeof key, "k%02d", i);
        store_put(*state, key, "v");
        store_commit(*state);
        size_t used = strlen(wanted);
        (void)snprintf(wanted + used, sizeof wanted - used, "%s=v ", key);
        store_put(*state, "not committed", "x");
        store_crash(*state);
        store_expect_scan(*state, "", "", 0, wanted);
    }
}

static void test_writes_after_a_crash_are_kept(void **state)
{
    for (int i = 0; i < 5; i++) {
        store_put(*state, "lost", "x");
        store_crash(*state);
        store_put(*state, "kept", "y");
        store_commit(*state);
    }
    store_crash(*state);
    store_expect_scan(*state, "", "", 0, "kept=y ");
}

/* Some records, larger together than a journal chunk: all or nothing. */
static void test_a_large_batch(void **state)
{
    struct store_engine *engine = *state;
    static uint8_t value[50000];
    store_fill(value, sizeof value, 7);
    for (uint32_t i = 0; i < 60; i++) {
        uint8_t key[2] = { (uint8_t)(i / 7), (uint8_t)i };
        struct mu_store *s = engine->store;
        assert_int_equal(s->ops->put(s, MU_TABLE_MATCH, (struct mu_slice){ key, 2 },
                                     (struct mu_slice){ value, 800 * i }),
                         0);
    }
    store_commit(engine);
    store_crash(engine);
    store_settle(engine);
    for (uint32_t i = 0; i < 60; i++) {
        uint8_t key[2] = { (uint8_t)(i / 7), (uint8_t)i };
        struct mu_slice found = store_get(engine, MU_TABLE_MATCH, (struct mu_slice){ key, 2 });
        assert_int_equal(found.size, 800 * i);
        assert_memory_equal(found.data, value, found.size);
    }
    assert_int_equal(engine->store->ops->verify(engine->store), 0);
}

static void test_a_batch_above_the_limit_is_refused_whole(void **state)
{
    struct store_engine *engine = *state;
    struct mu_store *s = engine->store;
    static uint8_t value[MU_STORE_VALUE_MAX];
    store_put(engine, "before", "1");
    store_commit(engine);
    int r = 0;
    uint32_t i = 0;
    for (; r == 0 && i < 1000; i++) {
        uint8_t key[4] = { (uint8_t)(i >> 8), (uint8_t)i };
        r = s->ops->put(s, MU_TABLE_MATCH, (struct mu_slice){ key, 4 },
                        (struct mu_slice){ value, sizeof value });
    }
    assert_int_equal(r, -ENOSPC);
    assert_true(i > 500);
    assert_int_equal(s->ops->put(s, MU_TABLE_MATCH, store_text("x"), store_text("y")), -ENOSPC);
    assert_int_equal(s->ops->commit(s), -ENOSPC);
    assert_int_equal(s->ops->commit(s), -EIO);
    store_crash(engine);
    store_expect(engine, "before", "1");
    struct store_listing listing = { .stop_after = 0 };
    s = engine->store;
    struct mu_store_range range = { .table = MU_TABLE_MATCH };
    assert_int_equal(s->ops->scan(s, &range, store_list, &listing), 0);
}

/* Borrowing */

static void test_put_copies_its_slices(void **state)
{
    struct store_engine *engine = *state;
    struct mu_store *s = engine->store;
    char key[] = "key";
    char value[] = "value";
    assert_int_equal(s->ops->put(s, MU_TABLE_PLAYER, store_text(key), store_text(value)), 0);
    key[0] = 'X';
    value[0] = 'X';
    store_expect(engine, "key", "value");
    store_commit(engine);
    store_crash(engine);
    store_expect(engine, "key", "value");
}

static void test_a_borrowed_value_under_another_key(void **state)
{
    struct store_engine *engine = *state;
    store_put(engine, "a", "the value");
    for (int round = 0; round < 3; round++) {
        struct mu_store *s = engine->store;
        struct mu_slice value = store_get(engine, MU_TABLE_PLAYER, store_text("a"));
        assert_int_equal(s->ops->put(s, MU_TABLE_PLAYER, store_text("b"), value), 0);
        store_expect(engine, "b", "the value");
        store_commit(engine);
        store_settle(engine);
        if (round == 1) {
            store_crash(engine);
        }
    }
}

static void test_a_borrowed_value_under_its_own_key(void **state)
{
    struct store_engine *engine = *state;
    store_put(engine, "a", "the value");
    for (int round = 0; round < 4; round++) {
        struct mu_store *s = engine->store;
        struct mu_slice value = store_get(engine, MU_TABLE_PLAYER, store_text("a"));
        if (round == 3) {
            value = (struct mu_slice){ value.data + 4, value.size - 4 };
        }
        assert_int_equal(s->ops->put(s, MU_TABLE_PLAYER, store_text("a"), value), 0);
        store_expect(engine, "a", round == 3 ? "value" : "the value");
        if (round == 1) {
            store_commit(engine);
            store_settle(engine);
        }
    }
}

static void test_a_borrowed_value_as_the_key_of_a_del(void **state)
{
    struct store_engine *engine = *state;
    store_put(engine, "name", "player");
    store_put(engine, "player", "1");
    store_put(engine, "self", "self");
    store_commit(engine);
    struct mu_store *s = engine->store;
    struct mu_slice key = store_get(engine, MU_TABLE_PLAYER, store_text("name"));
    assert_int_equal(s->ops->del(s, MU_TABLE_PLAYER, key), 0);
    key = store_get(engine, MU_TABLE_PLAYER, store_text("self"));
    assert_int_equal(s->ops->del(s, MU_TABLE_PLAYER, key), 0);
    store_expect_scan(engine, "", "", 0, "name=player ");
    store_commit(engine);
    store_crash(engine);
    store_expect_scan(engine, "", "", 0, "name=player ");
}

static void test_a_value_stands_until_the_next_call(void **state)
{
    struct store_engine *engine = *state;
    for (int i = 0; i < 200; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "key%d", i);
        store_put(engine, key, key);
        if (i % 40 == 0) {
            store_commit(engine);
        }
        struct mu_slice value = store_get(engine, MU_TABLE_PLAYER, store_text(key));
        char copy[16] = "";
        memcpy(copy, value.data, value.size);
        assert_string_equal(copy, key);
    }
}

int store_run_records(struct store_engine *engine)
{
    const struct CMUnitTest tests[] = {
        STORE_CASE(empty_store_has_nothing),
        STORE_CASE(a_put_is_seen_before_commit),
        STORE_CASE(a_put_is_seen_after_commit),
        STORE_CASE(empty_value),
        STORE_CASE(largest_key_and_value),
        STORE_CASE(one_byte_keys),
        STORE_CASE(overwrite_with_other_sizes),
        STORE_CASE(del_hides_at_once),
        STORE_CASE(del_of_nothing_is_nothing),
        STORE_CASE(put_after_del),
        STORE_CASE(put_and_del_in_one_batch),
        STORE_CASE(tables_are_apart),
        STORE_CASE(a_key_that_begins_another),
        STORE_CASE(keys_with_zero_bytes),
        STORE_CASE(commit_of_nothing),
        STORE_CASE(crash_drops_a_staged_put),
        STORE_CASE(crash_drops_a_staged_overwrite),
        STORE_CASE(crash_drops_a_staged_del),
        STORE_CASE(crash_drops_a_mixed_batch),
        STORE_CASE(crash_keeps_the_committed),
        STORE_CASE(crash_after_every_commit),
        STORE_CASE(writes_after_a_crash_are_kept),
        STORE_CASE(a_large_batch),
        STORE_CASE(a_batch_above_the_limit_is_refused_whole),
        STORE_CASE(put_copies_its_slices),
        STORE_CASE(a_borrowed_value_under_another_key),
        STORE_CASE(a_borrowed_value_under_its_own_key),
        STORE_CASE(a_borrowed_value_as_the_key_of_a_del),
        STORE_CASE(a_value_stands_until_the_next_call),
    };
    print_message("records: %s\n", engine->name);
    return cmocka_run_group_tests_name(engine->name, tests, NULL, NULL);
}
