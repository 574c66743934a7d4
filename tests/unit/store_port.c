/* tests/unit/store_port.c - conformance of the stores: the rest of the port, what it asserts. */
#include "tests/unit/store_engine.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_work_comes_to_an_end(void **state)
{
    struct store_engine *engine = *state;
    for (int i = 0; i < 3000; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%d", (i * 7919) % 3000);
        store_put(engine, key, "some value");
        if (i % 100 == 99) {
            store_commit(engine);
        }
    }
    store_settle(engine);
    struct mu_store_stats stats;
    engine->store->ops->stats(engine->store, &stats);
    assert_int_equal(stats.journal_behind, 0);
    assert_false(engine->store->ops->work(engine->store, 10));
    assert_int_equal(engine->store->ops->verify(engine->store), 0);
    struct store_listing listing = { .stop_after = 100 };
    struct mu_store_range range = { .table = MU_TABLE_PLAYER, .limit = 0 };
    assert_int_equal(engine->store->ops->scan(engine->store, &range, store_list, &listing), 100);
}

static void test_work_does_not_commit(void **state)
{
    store_put(*state, "a", "1");
    store_commit(*state);
    store_put(*state, "a", "2");
    store_put(*state, "b", "2");
    store_settle(*state);
    store_expect_scan(*state, "", "", 0, "a=2 b=2 ");
    store_crash(*state);
    store_expect_scan(*state, "", "", 0, "a=1 ");
}

static void test_stats_count(void **state)
{
    struct store_engine *engine = *state;
    struct mu_store_stats stats;
    store_put(engine, "a", "1");
    store_put(engine, "b", "1");
    store_del(engine, "c");
    store_commit(engine);
    store_put(engine, "d", "1");
    store_commit(engine);
    store_expect(engine, "a", "1");
    store_expect_none(engine, "x");
    store_expect_scan(engine, "", "", 0, "a=1 b=1 d=1 ");
    engine->store->ops->stats(engine->store, &stats);
    assert_int_equal(stats.commits, 2);
    assert_int_equal(stats.writes, 4);
    assert_int_equal(stats.reads, 5);
    assert_true(stats.bytes_used > 0);
}

static void test_verify_of_a_sound_store(void **state)
{
    struct store_engine *engine = *state;
    assert_int_equal(engine->store->ops->verify(engine->store), 0);
    store_fill_layers(engine);
    assert_int_equal(engine->store->ops->verify(engine->store), 0);
    store_commit(engine);
    assert_int_equal(engine->store->ops->verify(engine->store), 0);
    store_settle(engine);
    store_crash(engine);
    assert_int_equal(engine->store->ops->verify(engine->store), 0);
}

static void test_room_of_a_new_store(void **state)
{
    struct store_engine *engine = *state;
    /* A nearly full disk under the test's folder would make this say otherwise. */
    assert_int_not_equal(engine->store->ops->room(engine->store), MU_STORE_ROOM_NONE);
}

static void test_name_and_destroy_of_null(void **state)
{
    struct store_engine *engine = *state;
    assert_string_equal(engine->store->ops->name, engine->on_disk ? "lmdb" : "mem");
    engine->store->ops->destroy(NULL);
}

/* What is our own mistake must stop the process: expects that `number` aborts a child. */
static void expect_abort(struct store_engine *engine, int number)
{
    static uint8_t bytes[MU_STORE_VALUE_MAX + 1];
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit none = { 0, 0 };
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)close(STDERR_FILENO);
        (void)signal(SIGABRT, SIG_DFL);
        struct mu_store *s = engine->store;
        struct mu_slice good = { bytes, 1 };
        struct mu_slice found;
        switch (number) {
        case 0: (void)s->ops->put(s, MU_TABLE_PLAYER, (struct mu_slice){ bytes, 0 }, good); break;
        case 1: (void)s->ops->put(s, MU_TABLE_PLAYER, (struct mu_slice){ bytes, 251 }, good); break;
        case 2:
            (void)s->ops->put(s, MU_TABLE_PLAYER, good, (struct mu_slice){ bytes, sizeof bytes });
            break;
        case 3: (void)s->ops->put(s, MU_TABLE_END, good, good); break;
        case 4: (void)s->ops->del(s, MU_TABLE_PLAYER, (struct mu_slice){ bytes, 0 }); break;
        case 5: (void)s->ops->get(s, (enum mu_table)0, good, &found); break;
        default:
            (void)s->ops->get(s, MU_TABLE_PLAYER, (struct mu_slice){ bytes, 251 }, &found);
            break;
        }
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void test_limits_are_asserted(void **state)
{
    for (int i = 0; i <= 6; i++) {
        expect_abort(*state, i);
    }
    store_put(*state, "still", "fine");
    store_expect(*state, "still", "fine");
}

int store_run_port(struct store_engine *engine)
{
    const struct CMUnitTest tests[] = {
        STORE_CASE(work_comes_to_an_end), STORE_CASE(work_does_not_commit),
        STORE_CASE(stats_count),          STORE_CASE(verify_of_a_sound_store),
        STORE_CASE(room_of_a_new_store),  STORE_CASE(name_and_destroy_of_null),
        STORE_CASE(limits_are_asserted),
    };
    print_message("port: %s\n", engine->name);
    return cmocka_run_group_tests_name(engine->name, tests, NULL, NULL);
}
