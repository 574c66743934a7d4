/* tests/unit/store_faults.c - conformance of the stores: the memory engine's faults on demand. */
#include "tests/unit/store_engine.h"

#include "storage/mem.h"

static void test_a_lost_commit(void **state)
{
    struct store_engine *engine = *state;
    struct mu_store *s = engine->store;
    store_put(engine, "a", "1");
    store_commit(engine);
    mu_mem_fail_next_commit(s, MU_MEM_FAULT_LOST);
    store_commit(engine); /* nothing is staged: the fault stays armed */
    store_put(engine, "a", "2");
    assert_int_equal(s->ops->commit(s), -EIO);
    struct mu_slice value;
    assert_int_equal(s->ops->get(s, MU_TABLE_PLAYER, store_text("a"), &value), -EIO);
    assert_int_equal(s->ops->put(s, MU_TABLE_PLAYER, store_text("a"), store_text("3")), -EIO);
    assert_int_equal(s->ops->room(s), MU_STORE_ROOM_NONE);
    mu_mem_crash(s, true); /* a commit that was lost cannot be kept any more */
    store_expect(engine, "a", "1");
}

static void test_a_failed_commit_that_was_durable(void **state)
{
    struct store_engine *engine = *state;
    struct mu_store *s = engine->store;
    store_put(engine, "a", "1");
    mu_mem_fail_next_commit(s, MU_MEM_FAULT_DURABLE);
    assert_int_equal(s->ops->commit(s), -EIO);
    assert_int_equal(s->ops->commit(s), -EIO);
    store_crash(engine);
    store_expect(engine, "a", "1");
    store_put(engine, "a", "2");
    store_commit(engine);
    store_expect(engine, "a", "2");
}

static void test_a_crash_that_keeps_the_staged(void **state)
{
    struct store_engine *engine = *state;
    store_put(engine, "a", "1");
    store_del(engine, "b");
    mu_mem_crash(engine->store, true);
    store_expect(engine, "a", "1");
    mu_mem_crash(engine->store, false);
    store_expect(engine, "a", "1");
}

static void count_commit(void *context, struct mu_store *store)
{
    struct mu_slice value;
    assert_int_equal(store->ops->get(store, MU_TABLE_PLAYER, store_text("a"), &value), 0);
    ++*(int *)context;
}

static void test_the_commit_hook(void **state)
{
    struct store_engine *engine = *state;
    struct mu_store *s = engine->store;
    int calls = 0;
    mu_mem_set_commit_hook(s, count_commit, &calls);
    store_commit(engine);
    assert_int_equal(calls, 0);
    store_put(engine, "a", "1");
    store_commit(engine);
    assert_int_equal(calls, 1);
    store_put(engine, "a", "2");
    mu_mem_fail_next_commit(s, MU_MEM_FAULT_LOST);
    assert_int_equal(s->ops->commit(s), -EIO);
    store_crash(engine);
    assert_int_equal(calls, 1);
    store_put(engine, "a", "3");
    mu_mem_fail_next_commit(s, MU_MEM_FAULT_DURABLE);
    assert_int_equal(s->ops->commit(s), -EIO);
    store_crash(engine);
    assert_int_equal(calls, 2);
    store_put(engine, "a", "4");
    mu_mem_crash(s, true);
    assert_int_equal(calls, 3);
    mu_mem_set_commit_hook(s, NULL, NULL);
    store_put(engine, "a", "5");
    store_commit(engine);
    assert_int_equal(calls, 3);
    assert_int_equal(mu_mem_count(s), 1);
}

static void test_room_on_demand(void **state)
{
    struct store_engine *engine = *state;
    struct mu_store *s = engine->store;
    mu_mem_set_room(s, MU_STORE_ROOM_LOW);
    assert_int_equal(s->ops->room(s), MU_STORE_ROOM_LOW);
    store_put(engine, "a", "1");
    mu_mem_set_room(s, MU_STORE_ROOM_NONE);
    store_put(engine, "b", "1"); /* a batch that was begun is taken whole */
    store_commit(engine);
    assert_int_equal(s->ops->put(s, MU_TABLE_PLAYER, store_text("c"), store_text("1")), -ENOSPC);
    assert_int_equal(s->ops->del(s, MU_TABLE_PLAYER, store_text("a")), -ENOSPC);
    store_commit(engine); /* nothing was staged, nothing is wrong */
    mu_mem_set_room(s, MU_STORE_ROOM_OK);
    store_put(engine, "c", "1");
    store_commit(engine);
    store_expect_scan(engine, "", "", 0, "a=1 b=1 c=1 ");
}

static void test_no_backup_of_memory(void **state)
{
    struct store_engine *engine = *state;
    assert_int_equal(engine->store->ops->backup(engine->store, "nowhere"), -ENOTSUP);
}

int store_run_memory_faults(struct store_engine *engine)
{
    const struct CMUnitTest tests[] = {
        STORE_CASE(a_lost_commit),   STORE_CASE(a_failed_commit_that_was_durable),
        STORE_CASE(the_commit_hook), STORE_CASE(a_crash_that_keeps_the_staged),
        STORE_CASE(room_on_demand),  STORE_CASE(no_backup_of_memory),
    };
    print_message("faults: %s\n", engine->name);
    return cmocka_run_group_tests_name(engine->name, tests, NULL, NULL);
}
