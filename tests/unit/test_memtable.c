/* tests/unit/test_memtable.c - the ordered map against an array of all keys it may have. */
#include "storage/memtable.h"

#include "tests/unit/unit.h"

#include <string.h>

#define KEYS 2000 /* enough for some dozen blocks */

static struct mu_rng rng;

enum kind { GONE, THERE, BURIED };

struct model {
    enum kind kinds[KEYS];
    uint8_t values[KEYS]; /* size and content */
    size_t count;
};

/* Key i, of table 1 or 2; ascending with i. */
static uint8_t key_of(uint32_t i, uint8_t ret[4], struct mu_slice *ret_key)
{
    uint32_t n = i % (KEYS / 2);
    ret[0] = (uint8_t)(n >> 8);
    ret[1] = (uint8_t)n;
    *ret_key = (struct mu_slice){ ret, 2 };
    return (uint8_t)(1 + i / (KEYS / 2));
}

static struct mu_slice value_of(uint8_t seed, uint8_t ret[256])
{
    memset(ret, seed, seed);
    return (struct mu_slice){ ret, seed };
}

static void change(struct mu_memtable *memtable, struct model *model)
{
    uint8_t bytes[4];
    uint8_t value[256];
    struct mu_slice key;
    uint32_t i = (uint32_t)mu_rng_below(&rng, KEYS);
    uint8_t table = key_of(i, bytes, &key);
    bool was = model->kinds[i] != GONE;
    switch (mu_rng_below(&rng, 5)) {
    case 0:
        assert_int_equal(mu_memtable_remove(memtable, table, key), was);
        model->kinds[i] = GONE;
        model->count -= was;
        break;
    case 1:
        assert_int_equal(mu_memtable_bury(memtable, table, key), 0);
        model->kinds[i] = BURIED;
        model->count += !was;
        break;
    default:
        model->values[i] = (uint8_t)mu_rng_next(&rng);
        model->kinds[i] = THERE;
        model->count += !was;
        assert_int_equal(mu_memtable_set(memtable, table, key, value_of(model->values[i], value)),
                         0);
        break;
    }
    assert_int_equal(mu_memtable_count(memtable), model->count);
}

static void compare_entry(const struct mu_memtable_entry *entry, const struct model *model,
                          uint32_t i)
{
    uint8_t bytes[4];
    uint8_t value[256];
    struct mu_slice key;
    assert_int_equal(entry->table, key_of(i, bytes, &key));
    assert_int_equal(entry->key_size, key.size);
    assert_memory_equal(mu_memtable_key(entry).data, key.data, key.size);
    assert_int_equal(entry->buried, model->kinds[i] == BURIED);
    struct mu_slice wanted = value_of(model->values[i], value);
    if (!entry->buried) {
        assert_int_equal(entry->value_size, wanted.size);
        if (wanted.size > 0) {
            assert_memory_equal(mu_memtable_value(entry).data, wanted.data, wanted.size);
        }
    }
}

/* Walks from key `from` to the end. */
static void compare_walk(const struct mu_memtable *memtable, const struct model *model,
                         uint32_t from, bool after)
{
    uint8_t bytes[4];
    struct mu_slice key;
    uint8_t table = key_of(from, bytes, &key);
    struct mu_memtable_place place = mu_memtable_seek(memtable, table, key, after);
    for (uint32_t i = from + after; i < KEYS; i++) {
        if (model->kinds[i] == GONE) {
            continue;
        }
        const struct mu_memtable_entry *entry = mu_memtable_at(memtable, place);
        assert_non_null(entry);
        compare_entry(entry, model, i);
        place = mu_memtable_next(memtable, place);
    }
    assert_null(mu_memtable_at(memtable, place));
}

static void compare_find(const struct mu_memtable *memtable, const struct model *model)
{
    uint8_t bytes[4];
    struct mu_slice key;
    uint32_t i = (uint32_t)mu_rng_below(&rng, KEYS);
    uint8_t table = key_of(i, bytes, &key);
    const struct mu_memtable_entry *entry = mu_memtable_find(memtable, table, key);
    assert_int_equal(entry != NULL, model->kinds[i] != GONE);
    if (entry != NULL) {
        compare_entry(entry, model, i);
    }
}

static void remove_first(struct mu_memtable *memtable, struct model *model, size_t count)
{
    mu_memtable_remove_first(memtable, count);
    for (uint32_t i = 0; i < KEYS && count > 0; i++) {
        if (model->kinds[i] != GONE) {
            model->kinds[i] = GONE;
            model->count--;
            count--;
        }
    }
    assert_int_equal(mu_memtable_count(memtable), model->count);
}

static void test_behaves_like_an_array(void **state)
{
    static struct model model;
    (void)state;
    memset(&model, 0, sizeof model);
    struct mu_memtable *memtable = mu_memtable_create();
    assert_non_null(memtable);
    for (int step = 0; step < 60000; step++) {
        change(memtable, &model);
        compare_find(memtable, &model);
        if (step % 500 == 0) {
            mu_memtable_check(memtable);
            compare_walk(memtable, &model, (uint32_t)mu_rng_below(&rng, KEYS), step % 1000 == 0);
        }
        if (step % 7000 == 6999) {
            remove_first(memtable, &model, mu_rng_below(&rng, 2500));
            mu_memtable_check(memtable);
            compare_walk(memtable, &model, 0, false);
        }
    }
    mu_memtable_destroy(memtable);
}

static void test_ascending_and_descending_keys(void **state)
{
    static struct model model;
    (void)state;
    for (int down = 0; down < 2; down++) {
        memset(&model, 0, sizeof model);
        struct mu_memtable *memtable = mu_memtable_create();
        for (uint32_t n = 0; n < KEYS; n++) {
            uint8_t bytes[4];
            struct mu_slice key;
            uint32_t i = down == 1 ? KEYS - 1 - n : n;
            uint8_t table = key_of(i, bytes, &key);
            model.kinds[i] = THERE;
            assert_int_equal(mu_memtable_set(memtable, table, key, (struct mu_slice){ NULL, 0 }),
                             0);
        }
        mu_memtable_check(memtable);
        compare_walk(memtable, &model, 0, false);
        mu_memtable_remove_first(memtable, KEYS + 1);
        assert_int_equal(mu_memtable_count(memtable), 0);
        assert_int_equal(mu_memtable_bytes(memtable), 0);
        mu_memtable_check(memtable);
        mu_memtable_destroy(memtable);
    }
    mu_memtable_destroy(NULL);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_behaves_like_an_array),
        cmocka_unit_test(test_ascending_and_descending_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
