/* tests/unit/test_connection.c - the table of connections against a model, and its limits. */
#include "gateway/connection.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#define SLOTS 64

static struct mu_rng rng;
static const int64_t durations[MU_DEADLINE_COUNT] = { 10, 60, 50, 30, 20, 15 };

static void make_address(uint8_t *ret, uint8_t last)
{
    memset(ret, 0, 16);
    memset(ret + 10, 0xff, 2);
    ret[12] = 10;
    ret[15] = last;
}

static void test_ids(void **state)
{
    uint8_t address[16];
    struct mu_connection *connection, *again;
    struct mu_connections *table = mu_connections_create(2, 2, 7, durations);
    (void)state;
    make_address(address, 1);
    assert_null(mu_connections_find(table, 0));
    assert_int_equal(mu_connections_add(table, address, true, &connection), 0);
    uint64_t first = mu_connections_issue(connection);
    assert_ptr_equal(mu_connections_find(table, first), connection);
    uint64_t second = mu_connections_issue(connection);
    assert_null(mu_connections_find(table, first));
    assert_ptr_equal(mu_connections_find(table, second), connection);
    mu_connections_remove(table, connection);
    assert_null(mu_connections_find(table, second));
    assert_int_equal(mu_connections_add(table, address, true, &again), 0);
    assert_ptr_equal(again, connection); /* the same slot, and yet */
    assert_null(mu_connections_find(table, second));
    uint64_t third = mu_connections_issue(again);
    assert_true(third != first && third != second);
    assert_null(mu_connections_find(table, third | MU_CONNECTION_SLOTS_MAX >> 1)); /* no slot */
    mu_connections_destroy(table);
    mu_connections_destroy(NULL);
}

static void test_limits(void **state)
{
    uint8_t address[16];
    struct mu_connection *connection, *taken[SLOTS];
    struct mu_connections *table = mu_connections_create(SLOTS, 3, 7, durations);
    (void)state;
    make_address(address, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mu_connections_add(table, address, true, &taken[i]), 0);
    }
    assert_int_equal(mu_connections_add(table, address, true, &connection), -EDQUOT);
    assert_int_equal(mu_connections_add(table, address, false, &taken[3]), 0);
    mu_connections_remove(table, taken[0]);
    assert_int_equal(mu_connections_add(table, address, true, &taken[0]), 0);
    /* Of one IPv6 /64 together; the next /64 is another. */
    static const uint8_t ipv6[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1 };
    memcpy(address, ipv6, sizeof ipv6);
    for (int i = 4; i < 7; i++) {
        address[15] = (uint8_t)i;
        assert_int_equal(mu_connections_add(table, address, true, &taken[i]), 0);
    }
    assert_int_equal(mu_connections_add(table, address, true, &connection), -EDQUOT);
    address[7]++;
    assert_int_equal(mu_connections_add(table, address, true, &taken[7]), 0);
    for (uint8_t i = 8; i < SLOTS; i++) {
        make_address(address, i);
        assert_int_equal(mu_connections_add(table, address, true, &taken[i]), 0);
    }
    make_address(address, 200);
    assert_int_equal(mu_connections_add(table, address, true, &connection), -ENOSPC);
    mu_connections_check(table);
    for (int i = 0; i < SLOTS; i++) {
        mu_connections_remove(table, taken[i]);
    }
    assert_int_equal(mu_connections_count(table), 0);
    mu_connections_check(table);
    mu_connections_destroy(table);
}

/* Random steps beside a plain model of what is due. */
static void test_against_a_model(void **state)
{
    int64_t due_ms[SLOTS] = { 0 }, now_ms = 0;
    bool used[SLOTS] = { false };
    struct mu_connections *table = mu_connections_create(SLOTS, 5, mu_rng_next(&rng), durations);
    (void)state;
    for (int round = 0; round < 30000; round++) {
        uint32_t slot = (uint32_t)mu_rng_below(&rng, SLOTS);
        struct mu_connection *connection = mu_connections_at(table, slot);
        now_ms += (int64_t)mu_rng_below(&rng, 3);
        if (!used[slot]) {
            uint8_t address[16];
            make_address(address, (uint8_t)mu_rng_below(&rng, 20));
            if (mu_connections_add(table, address, true, &connection) == 0) {
                used[connection->slot] = true;
                due_ms[connection->slot] = INT64_MAX;
            }
        } else if (mu_rng_chance_ppm(&rng, 200000)) {
            mu_connections_remove(table, connection);
            used[slot] = false;
        } else {
            enum mu_deadline kind = (enum mu_deadline)mu_rng_below(&rng, MU_DEADLINE_COUNT + 1);
            mu_connections_arm(table, connection, kind, now_ms);
            due_ms[slot] = kind == MU_DEADLINE_COUNT ? INT64_MAX : now_ms + durations[kind];
        }
        while ((connection = mu_connections_due(table, now_ms)) != NULL) {
            assert_true(used[connection->slot] && due_ms[connection->slot] <= now_ms);
            mu_connections_arm(table, connection, MU_DEADLINE_COUNT, now_ms);
            due_ms[connection->slot] = INT64_MAX;
        }
        for (int i = 0; i < SLOTS; i++) {
            assert_true(!used[i] || due_ms[i] > now_ms);
        }
        if (round % 16 == 0) {
            mu_connections_check(table);
        }
    }
    mu_connections_destroy(table);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_against_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
