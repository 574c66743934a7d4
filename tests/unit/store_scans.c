/* tests/unit/store_scans.c - conformance of the stores: scans over all layers. */
#include "tests/unit/store_engine.h"

static void test_scan_merges_all_layers(void **state)
{
    store_fill_layers(*state);
    store_expect_scan(*state, "", "", 0, "a1=1 a2=2 a3=3 b1=4 b2=5 ");
    store_commit(*state);
    store_expect_scan(*state, "", "", 0, "a1=1 a2=2 a3=3 b1=4 b2=5 ");
    store_settle(*state);
    store_expect_scan(*state, "", "", 0, "a1=1 a2=2 a3=3 b1=4 b2=5 ");
    store_crash(*state);
    store_expect_scan(*state, "", "", 0, "a1=1 a2=2 a3=3 b1=4 b2=5 ");
}

static void test_scan_of_a_prefix(void **state)
{
    store_fill_layers(*state);
    store_expect_scan(*state, "a", "", 0, "a1=1 a2=2 a3=3 ");
    store_expect_scan(*state, "b", "", 0, "b1=4 b2=5 ");
    store_expect_scan(*state, "b2", "", 0, "b2=5 ");
    store_expect_scan(*state, "c", "", 0, "");
    store_expect_scan(*state, "A", "", 0, "");
    store_expect_scan(*state, "a11", "", 0, "");
}

static void test_scan_after_a_key(void **state)
{
    store_fill_layers(*state);
    store_expect_scan(*state, "", "a1", 0, "a2=2 a3=3 b1=4 b2=5 ");
    store_expect_scan(*state, "", "a3", 0, "b1=4 b2=5 ");
    store_expect_scan(*state, "", "b2", 0, "");
    store_expect_scan(*state, "", "a", 0, "a1=1 a2=2 a3=3 b1=4 b2=5 ");
}

static void test_scan_after_a_key_that_is_not_there(void **state)
{
    store_fill_layers(*state);
    store_expect_scan(*state, "", "a0", 0, "a1=1 a2=2 a3=3 b1=4 b2=5 ");
    store_expect_scan(*state, "", "a22", 0, "a3=3 b1=4 b2=5 ");
    store_expect_scan(*state, "", "zz", 0, "");
}

static void test_scan_of_a_prefix_after_a_key(void **state)
{
    store_fill_layers(*state);
    store_expect_scan(*state, "a", "a2", 0, "a3=3 ");
    store_expect_scan(*state, "a", "a3", 0, "");
    store_expect_scan(*state, "b", "b1", 0, "b2=5 ");
}

static void test_scan_after_a_key_below_the_prefix(void **state)
{
    store_fill_layers(*state);
    store_expect_scan(*state, "b", "a2", 0, "b1=4 b2=5 ");
}

static void test_scan_after_a_key_above_the_prefix(void **state)
{
    store_fill_layers(*state);
    store_expect_scan(*state, "a", "b1", 0, "");
}

static void test_scan_after_the_prefix_itself(void **state)
{
    store_put(*state, "p", "0");
    store_put(*state, "p1", "1");
    store_expect_scan(*state, "p", "", 0, "p=0 p1=1 ");
    store_expect_scan(*state, "p", "p", 0, "p1=1 ");
}

static void test_scan_with_a_limit(void **state)
{
    store_fill_layers(*state);
    store_expect_scan(*state, "", "", 1, "a1=1 ");
    store_expect_scan(*state, "", "", 4, "a1=1 a2=2 a3=3 b1=4 ");
    store_expect_scan(*state, "", "", 5, "a1=1 a2=2 a3=3 b1=4 b2=5 ");
    store_expect_scan(*state, "", "", 6, "a1=1 a2=2 a3=3 b1=4 b2=5 ");
    store_expect_scan(*state, "b", "", 1, "b1=4 ");
    store_expect_scan(*state, "", "a2", 2, "a3=3 b1=4 ");
}

static void test_scan_ends_when_told(void **state)
{
    struct store_engine *engine = *state;
    store_fill_layers(engine);
    struct mu_store *s = engine->store;
    struct store_listing listing = { .stop_after = 3 };
    struct mu_store_range range = { .table = MU_TABLE_PLAYER };
    assert_int_equal(s->ops->scan(s, &range, store_list, &listing), 3);
    assert_string_equal(listing.text, "a1=1 a2=2 a3=3 ");
    store_expect_scan(engine, "", "", 2, "a1=1 a2=2 ");
}

static void test_scan_stays_in_its_table(void **state)
{
    struct store_engine *engine = *state;
    struct mu_store *s = engine->store;
    store_put(engine, "m", "1");
    assert_int_equal(s->ops->put(s, MU_TABLE_EPOCH, store_text("z"), store_text("0")), 0);
    assert_int_equal(s->ops->put(s, MU_TABLE_USERNAME, store_text("a"), store_text("2")), 0);
    store_expect_scan(engine, "", "", 0, "m=1 ");
    store_commit(engine);
    store_settle(engine);
    store_expect_scan(engine, "", "", 0, "m=1 ");
    store_expect_scan(engine, "", "m", 0, "");
}

static void test_scan_when_all_is_removed(void **state)
{
    store_fill_layers(*state);
    store_commit(*state);
    store_settle(*state);
    static const char *keys[] = { "a1", "a2", "a3", "b1", "b2" };
    for (int i = 0; i < 5; i++) {
        store_del(*state, keys[i]);
    }
    store_expect_scan(*state, "", "", 0, "");
    store_expect_scan(*state, "", "", 1, "");
    store_commit(*state);
    store_expect_scan(*state, "a", "", 0, "");
    store_settle(*state);
    store_expect_scan(*state, "", "", 0, "");
    store_crash(*state);
    store_expect_scan(*state, "", "", 0, "");
}

static void test_scan_of_highest_bytes(void **state)
{
    struct store_engine *engine = *state;
    struct mu_store *s = engine->store;
    const uint8_t high[3] = { 0xFF, 0xFF, 0xFF };
    for (uint32_t size = 1; size <= 3; size++) {
        assert_int_equal(
            s->ops->put(s, MU_TABLE_PLAYER, (struct mu_slice){ high, size }, store_text("v")), 0);
    }
    store_put(engine, "a", "v");
    store_commit(engine);
    for (uint32_t size = 1; size <= 3; size++) {
        struct store_listing listing = { .stop_after = 0 };
        struct mu_store_range range = { .table = MU_TABLE_PLAYER, .prefix = { high, size } };
        assert_int_equal(s->ops->scan(s, &range, store_list, &listing), 4 - size);
    }
}

static void test_paging_sees_each_record_once(void **state)
{
    struct store_engine *engine = *state;
    for (int i = 0; i < 500; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%s%03d", i % 3 == 0 ? "x" : "y", i);
        store_put(engine, key, "v");
        if (i == 200) {
            store_commit(engine);
            store_settle(engine);
        }
        if (i == 350) {
            store_commit(engine);
        }
    }
    char after[16] = "";
    uint32_t seen = 0;
    for (;;) {
        struct store_listing page = { .stop_after = 0 };
        struct mu_store *s = engine->store;
        struct mu_store_range range = { MU_TABLE_PLAYER, store_text("y"), store_text(after), 7 };
        int64_t n = s->ops->scan(s, &range, store_list, &page);
        seen += (uint32_t)n;
        if (n == 0) {
            break;
        }
        assert_true(strcmp(page.text, after) > 0);
        memcpy(after, page.text + strlen(page.text) - 7, 4);
    }
    assert_int_equal(seen, 333);
}

int store_run_scans(struct store_engine *engine)
{
    const struct CMUnitTest tests[] = {
        STORE_CASE(scan_merges_all_layers),
        STORE_CASE(scan_of_a_prefix),
        STORE_CASE(scan_after_a_key),
        STORE_CASE(scan_after_a_key_that_is_not_there),
        STORE_CASE(scan_of_a_prefix_after_a_key),
        STORE_CASE(scan_after_a_key_below_the_prefix),
        STORE_CASE(scan_after_a_key_above_the_prefix),
        STORE_CASE(scan_after_the_prefix_itself),
        STORE_CASE(scan_with_a_limit),
        STORE_CASE(scan_ends_when_told),
        STORE_CASE(scan_stays_in_its_table),
        STORE_CASE(scan_when_all_is_removed),
        STORE_CASE(scan_of_highest_bytes),
        STORE_CASE(paging_sees_each_record_once),
    };
    print_message("scans: %s\n", engine->name);
    return cmocka_run_group_tests_name(engine->name, tests, NULL, NULL);
}
