/* tests/unit/test_id.c - ids: form, order, what is refused. */
#include "core/id.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

static struct mu_rng rng;

/* Expected digits worked out by hand: 2^48 - 1 ms is 7ZZZZZZZZZ (3 bits, then nine times 5). */
static void test_has_the_ulid_form(void **state)
{
    struct mu_id_source source = { .rng = rng };
    char id[MU_ID_MAX + 1];
    (void)state;
    mu_id_make(&source, MU_ID_PREFIX_MATCH, 32, id);
    assert_int_equal(strlen(id), 30);
    assert_memory_equal(id, "mch_0000000010", 14);
    mu_id_make(&source, MU_ID_PREFIX_PLAYER, 1469918176385, id);
    assert_memory_equal(id, "ply_01ARYZ6S41", 14); /* the specification's own example */
    mu_id_make(&source, MU_ID_PREFIX_PLAYER, INT64_MAX, id);
    assert_memory_equal(id, "ply_7ZZZZZZZZZ", 14);

    struct mu_id_source negative = { .rng = rng };
    mu_id_make(&negative, MU_ID_PREFIX_TICKET, -5, id);
    assert_memory_equal(id, "tkt_0000000000", 14);
    assert_true(mu_id_valid(id, MU_ID_PREFIX_TICKET));
}

/* Whatever the clock does, also backwards. */
static void test_ascends_strictly(void **state)
{
    struct mu_id_source source = { .rng = rng };
    char last[MU_ID_MAX + 1] = "";
    int64_t wall_ms = 1700000000000;
    (void)state;
    for (uint32_t i = 0; i < 100000; i++) {
        char id[MU_ID_MAX + 1];
        wall_ms += (int64_t)mu_rng_below(&rng, 5) - 2;
        mu_id_make(&source, MU_ID_PREFIX_TICKET, wall_ms, id);
        assert_true(mu_id_valid(id, MU_ID_PREFIX_TICKET));
        assert_true(strcmp(last, id) < 0);
        memcpy(last, id, sizeof last);
    }
}

static void test_carries_when_random_bits_run_out(void **state)
{
    const uint64_t half_max = (UINT64_C(1) << 40) - 1;
    char before[MU_ID_MAX + 1];
    char after[MU_ID_MAX + 1];
    struct mu_id_source source = { .rng = rng, .last_ms = 1000, .random_low = half_max };
    (void)state;
    mu_id_make(&source, MU_ID_PREFIX_LOBBY, 1000, before);
    assert_true(source.random_high == 1 && source.random_low <= half_max);
    assert_int_equal(source.last_ms, 1000);
    source.random_low = half_max;
    source.random_high = half_max;
    mu_id_make(&source, MU_ID_PREFIX_LOBBY, 1000, after);
    assert_int_equal(source.last_ms, 1001);
    assert_true(source.random_high == 0);
    assert_true(strcmp(before, after) < 0);
}

static void test_same_seed_same_ids(void **state)
{
    struct mu_id_source a = { .rng = rng };
    struct mu_id_source b = { .rng = rng };
    struct mu_id_source other = { .rng = { .state = rng.state + 1 } };
    char id_a[MU_ID_MAX + 1];
    char id_b[MU_ID_MAX + 1];
    (void)state;
    mu_id_make(&a, MU_ID_PREFIX_SERVER, 5, id_a);
    mu_id_make(&b, MU_ID_PREFIX_SERVER, 5, id_b);
    assert_string_equal(id_a, id_b);
    mu_id_make(&other, MU_ID_PREFIX_SERVER, 5, id_b);
    assert_string_not_equal(id_a, id_b);
}

static void test_refuses_what_is_no_id(void **state)
{
    static const char *const bad[] = {
        "",
        "mch_",
        "mch",
        "mch_01ARYZ6S41TSV4RRFFQ69G5FA",   /* one short */
        "mch_01ARYZ6S41TSV4RRFFQ69G5FAVX", /* one long */
        "mch_01ARYZ6S41TSV4RRFFQ69G5FAv",  /* lower case */
        "mch_01ARYZ6S41TSV4RRFFQ69G5FAU",  /* no digit */
        "mch_81ARYZ6S41TSV4RRFFQ69G5FAV",  /* above 128 bits */
        "lob_01ARYZ6S41TSV4RRFFQ69G5FAV",  /* another thing */
        "mch-01ARYZ6S41TSV4RRFFQ69G5FAV",
        "mch_01ARYZ6S41 SV4RRFFQ69G5FAV",
    };
    (void)state;
    assert_true(mu_id_valid("mch_01ARYZ6S41TSV4RRFFQ69G5FAV", MU_ID_PREFIX_MATCH));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(mu_id_valid(bad[i], MU_ID_PREFIX_MATCH));
    }
}

static void test_changes_the_prefix(void **state)
{
    char id[MU_ID_MAX + 1] = "mch_01ARYZ6S41TSV4RRFFQ69G5FAV";
    char ret[MU_ID_MAX + 1] = "kept";
    (void)state;
    assert_int_equal(mu_id_with_prefix("mch_01ARYZ6S41", MU_ID_PREFIX_LOBBY, ret), -EINVAL);
    assert_int_equal(mu_id_with_prefix("", MU_ID_PREFIX_LOBBY, ret), -EINVAL);
    assert_string_equal(ret, "kept");
    assert_int_equal(mu_id_with_prefix(id, MU_ID_PREFIX_LOBBY, ret), 0);
    assert_string_equal(ret, "lob_01ARYZ6S41TSV4RRFFQ69G5FAV");
    assert_int_equal(mu_id_with_prefix(id, MU_ID_PREFIX_LOBBY, id), 0);
    assert_string_equal(id, ret);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_has_the_ulid_form),
        cmocka_unit_test(test_ascends_strictly),
        cmocka_unit_test(test_carries_when_random_bits_run_out),
        cmocka_unit_test(test_same_seed_same_ids),
        cmocka_unit_test(test_refuses_what_is_no_id),
        cmocka_unit_test(test_changes_the_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
