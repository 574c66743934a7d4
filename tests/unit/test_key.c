/* tests/unit/test_key.c - keys sort as their parts do, and read back what was built. */
#include "core/key.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

static struct mu_rng rng;

/* Order of an ordered store: bytes, then length. */
static int compare(struct mu_slice a, struct mu_slice b)
{
    uint32_t least = a.size < b.size ? a.size : b.size;
    int r = memcmp(a.data, b.data, least);
    return r != 0 ? r : (a.size > b.size) - (a.size < b.size);
}

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void build(struct mu_key *key, const char *text, uint64_t number)
{
    mu_key_begin(key);
    mu_key_text(key, text);
    mu_key_u64(key, number);
}

/* Any two (text, number) pairs sort alike as pairs and as keys. */
static void test_keys_sort_like_their_parts(void **state)
{
    static const char *const texts[] = { "", "a", "ab", "a-b", "b", "\xC3\xA9", "z" };
    (void)state;
    for (uint32_t i = 0; i < 20000; i++) {
        struct mu_key keys[2];
        const char *text[2];
        uint64_t number[2];
        for (uint32_t k = 0; k < 2; k++) {
            text[k] = texts[mu_rng_below(&rng, sizeof texts / sizeof texts[0])];
            number[k] = mu_rng_next(&rng) >> mu_rng_below(&rng, 64);
            build(&keys[k], text[k], number[k]);
        }
        int expected = sign(strcmp(text[0], text[1]));
        if (expected == 0) {
            expected = (number[0] > number[1]) - (number[0] < number[1]);
        }
        assert_int_equal(sign(compare(mu_key_slice(&keys[0]), mu_key_slice(&keys[1]))), expected);
    }
}

static void test_bytes_are_the_documented_ones(void **state)
{
    struct mu_key key;
    (void)state;
    mu_key_begin(&key);
    mu_key_u16(&key, 1500);
    mu_key_text(&key, "ab");
    mu_key_u64(&key, 258);
    mu_key_last_text(&key, "cd");
    struct mu_slice slice = mu_key_slice(&key);
    assert_int_equal(slice.size, 15);
    assert_memory_equal(slice.data,
                        "\x05\xDC"
                        "ab\0"
                        "\0\0\0\0\0\0\x01\x02"
                        "cd",
                        15);
}

static void test_reads_back(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        struct mu_key key;
        uint16_t rating = (uint16_t)mu_rng_next(&rng);
        uint64_t seq = mu_rng_next(&rng);
        mu_key_begin(&key);
        mu_key_u16(&key, rating);
        mu_key_text(&key, i % 2 == 0 ? "ply_x" : "");
        mu_key_u64(&key, seq);
        mu_key_last_text(&key, i % 3 == 0 ? "" : "last");

        struct mu_key_reader reader = { mu_key_slice(&key) };
        uint16_t rating_read = 0;
        uint64_t seq_read = 0;
        char text[8];
        assert_int_equal(mu_key_take_u16(&reader, &rating_read), 0);
        assert_int_equal(rating_read, rating);
        assert_int_equal(mu_key_take_text(&reader, sizeof text, text), 0);
        assert_string_equal(text, i % 2 == 0 ? "ply_x" : "");
        assert_int_equal(mu_key_take_u64(&reader, &seq_read), 0);
        assert_true(seq_read == seq);
        assert_int_equal(mu_key_take_last_text(&reader, sizeof text, text), 0);
        assert_string_equal(text, i % 3 == 0 ? "" : "last");
        assert_true(mu_key_at_end(&reader));
    }
}

static void test_reader_refuses_and_stays(void **state)
{
    static const uint8_t bytes[] = { 'a', 'b', 'c', 0, 'd' };
    struct mu_key_reader reader = { { .data = bytes, .size = sizeof bytes } };
    struct mu_key_reader empty = { { .data = NULL, .size = 0 } };
    char text[4] = "old";
    uint64_t number = 7;
    uint16_t small = 7;
    (void)state;
    assert_int_equal(mu_key_take_u64(&reader, &number), -EBADMSG);       /* too short */
    assert_int_equal(mu_key_take_text(&reader, 3, text), -EBADMSG);      /* too long */
    assert_int_equal(mu_key_take_last_text(&reader, 4, text), -EBADMSG); /* zero inside */
    assert_int_equal(mu_key_take_u16(&empty, &small), -EBADMSG);
    assert_int_equal(mu_key_take_text(&empty, sizeof text, text), -EBADMSG);
    assert_string_equal(text, "old");
    assert_true(number == 7 && small == 7);
    assert_int_equal(reader.left.size, sizeof bytes);

    assert_int_equal(mu_key_take_text(&reader, sizeof text, text), 0);
    assert_string_equal(text, "abc");
    assert_int_equal(mu_key_take_text(&reader, sizeof text, text), -EBADMSG); /* no zero byte */
    assert_false(mu_key_at_end(&reader));
    assert_int_equal(mu_key_take_last_text(&reader, 1, text), -EBADMSG);
    assert_int_equal(mu_key_take_last_text(&reader, 2, text), 0);
    assert_string_equal(text, "d");
    assert_int_equal(mu_key_take_last_text(&empty, sizeof text, text), 0); /* empty last text */
    assert_string_equal(text, "");
}

static void test_holds_the_longest_key(void **state)
{
    struct mu_key key;
    char text[MU_STORE_KEY_MAX + 1];
    (void)state;
    memset(text, 'k', MU_STORE_KEY_MAX);
    text[MU_STORE_KEY_MAX] = '\0';
    mu_key_begin(&key);
    mu_key_last_text(&key, text);
    assert_int_equal(mu_key_slice(&key).size, MU_STORE_KEY_MAX);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_sort_like_their_parts),
        cmocka_unit_test(test_bytes_are_the_documented_ones),
        cmocka_unit_test(test_reads_back),
        cmocka_unit_test(test_reader_refuses_and_stays),
        cmocka_unit_test(test_holds_the_longest_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
