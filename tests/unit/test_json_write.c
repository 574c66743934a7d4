/* tests/unit/test_json_write.c - documents written, cut short, and read back. */
#include "gateway/json_write.h"

#include "tests/unit/unit.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "gateway/json.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct mu_rng rng;
static struct mu_json json;

/* A document with everything in it. */
static void write_all(struct mu_json_writer *writer)
{
    mu_json_object_begin(writer);
    mu_json_key(writer, "id");
    mu_json_string(writer, "tkt_1");
    mu_json_key(writer, "n");
    mu_json_i64(writer, INT64_MIN);
    mu_json_key(writer, "u");
    mu_json_u64(writer, UINT64_MAX);
    mu_json_key(writer, "r");
    mu_json_real(writer, 0.1);
    mu_json_key(writer, "list");
    mu_json_array_begin(writer);
    mu_json_bool(writer, true);
    mu_json_bool(writer, false);
    mu_json_null(writer);
    mu_json_object_begin(writer);
    mu_json_object_end(writer);
    mu_json_array_begin(writer);
    mu_json_array_end(writer);
    mu_json_raw(writer, "{\"x\":1}", 7);
    mu_json_array_end(writer);
    mu_json_key(writer, "");
    mu_json_string_n(writer, "a\0b", 3);
    mu_json_object_end(writer);
}

static const char all[] =
    "{\"id\":\"tkt_1\",\"n\":-9223372036854775808,\"u\":18446744073709551615,\"r\":0.1,"
    "\"list\":[true,false,null,{},[],{\"x\":1}],\"\":\"a\\u0000b\"}";

static void test_a_document(void **state)
{
    char buffer[512];
    struct mu_json_writer writer;
    (void)state;
    mu_json_writer_init(&writer, buffer, sizeof buffer);
    assert_false(mu_json_complete(&writer));
    write_all(&writer);
    assert_true(mu_json_complete(&writer));
    assert_int_equal(writer.used, sizeof all - 1);
    assert_memory_equal(buffer, all, sizeof all - 1);
}

/* In a buffer of any size: either whole, or overflow and not a byte beyond. */
static void test_every_size(void **state)
{
    char buffer[sizeof all + 8];
    struct mu_json_writer writer;
    (void)state;
    for (size_t size = 0; size < sizeof all + 4; size++) {
        memset(buffer, '#', sizeof buffer);
        mu_json_writer_init(&writer, buffer, size);
        write_all(&writer);
        assert_true(writer.overflow == (size < sizeof all - 1));
        assert_true(mu_json_complete(&writer) != writer.overflow);
        assert_true(writer.used <= size);
        for (size_t i = size; i < sizeof buffer; i++) {
            assert_int_equal(buffer[i], '#');
        }
    }
}

static void test_strings(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "", "\"\"" },
        { "a b", "\"a b\"" },
        { "\"\\/", "\"\\\"\\\\/\"" },
        { "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
        { "\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\"" },
        { "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
        { "\xff", "\"\xef\xbf\xbd\"" },
        { "a\x80z", "\"a\xef\xbf\xbdz\"" },
        { "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xe0\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xf0\x80\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xf5\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xc3", "\"\xef\xbf\xbd\"" },
        { "\xc3(", "\"\xef\xbf\xbd(\"" },
        { "\xed\x9f\xbf\xee\x80\x80", "\"\xed\x9f\xbf\xee\x80\x80\"" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char buffer[128];
        struct mu_json_writer writer;
        mu_json_writer_init(&writer, buffer, sizeof buffer);
        mu_json_string(&writer, rows[i].text);
        assert_true(mu_json_complete(&writer));
        assert_int_equal(writer.used, strlen(rows[i].want));
        assert_memory_equal(buffer, rows[i].want, writer.used);
    }
}

static void test_numbers(void **state)
{
    static const struct {
        double value;
        const char *want;
    } rows[] = {
        { 0.0, "0" },
        { 1.0, "1" },
        { -1.5, "-1.5" },
        { 0.1, "0.1" },
        { 0.1 + 0.2, "0.3" },
        { 1e21, "1e+21" },
        { 1e-7, "1e-07" },
        { 100000.0, "100000" },
        { 1.0 / 3.0, "0.333333333333333" },
        { HUGE_VAL, "null" },
        { -HUGE_VAL, "null" },
        { (double)NAN, "null" },
        { 1200.0, "1200" },
        { 25.000001, "25.000001" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char buffer[64];
        struct mu_json_writer writer;
        mu_json_writer_init(&writer, buffer, sizeof buffer);
        mu_json_real(&writer, rows[i].value);
        assert_int_equal(writer.used, strlen(rows[i].want));
        assert_memory_equal(buffer, rows[i].want, writer.used);
    }
    static const int64_t integers[] = { 0, 1, -1, 9, 10, INT64_MAX, INT64_MIN };
    for (size_t i = 0; i < COUNT(integers); i++) {
        char buffer[32], want[32];
        struct mu_json_writer writer;
        mu_json_writer_init(&writer, buffer, sizeof buffer);
        mu_json_i64(&writer, integers[i]);
        (void)snprintf(want, sizeof want, "%lld", (long long)integers[i]);
        assert_int_equal(writer.used, strlen(want));
        assert_memory_equal(buffer, want, writer.used);
    }
}

/* Whatever bytes go in, what comes out is read back; and valid strings come back unchanged. */
static void test_read_back(void **state)
{
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char input[64], buffer[512];
        struct mu_json_writer writer;
        struct mu_json_error error;
        size_t size = (size_t)mu_rng_below(&rng, sizeof input);
        bool ascii = mu_rng_chance_ppm(&rng, 500000);
        for (size_t i = 0; i < size; i++) {
            input[i] = (char)(1 + mu_rng_below(&rng, ascii ? 127 : 255));
        }
        double real = ldexp((double)mu_rng_below(&rng, 1u << 30), (int)mu_rng_below(&rng, 80) - 60);
        mu_json_writer_init(&writer, buffer, sizeof buffer);
        mu_json_array_begin(&writer);
        mu_json_string_n(&writer, input, size);
        mu_json_real(&writer, real);
        mu_json_i64(&writer, (int64_t)mu_rng_next(&rng));
        mu_json_array_end(&writer);
        assert_true(mu_json_complete(&writer));
        assert_int_equal(mu_json_parse(buffer, writer.used, &json, &error), 0);
        if (ascii) {
            assert_int_equal(strlen(json.nodes[1].text), size);
            assert_memory_equal(json.nodes[1].text, input, size);
        }
        assert_true(fabs(json.nodes[2].real - real) <= fabs(real) * 1e-14);
    }
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_document), cmocka_unit_test(test_every_size),
        cmocka_unit_test(test_strings),    cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
