/* tests/unit/test_json.c - texts into nodes, and what is refused. */
#include "gateway/json.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct mu_rng rng;
static struct mu_json json; /* large, so not on the stack */
static char text[MU_JSON_TEXT_MAX + 4096];

static int parse(const char *bytes, size_t size)
{
    struct mu_json_error error = { 0 };
    int r = mu_json_parse(bytes, size, &json, &error);
    if (r == 0) {
        return 0;
    }
    assert_true(r == -EBADMSG || r == -E2BIG);
    assert_true(error.line >= 1 && error.column >= 1);
    assert_true(error.detail[0] != '\0');
    for (const char *c = error.detail; *c != '\0'; c++) {
        assert_in_range(*c, 0x20, 0x7e);
    }
    return r;
}

static void test_a_document(void **state)
{
    static const char document[] = "{\"queue\":\"duel\",\"players\":[{\"id\":\"p1\",\"ping\":-12},"
                                   "{}],\"x\":1.5e2,\"t\":true,\"f\":false,\"n\":null}";
    (void)state;
    assert_int_equal(parse(document, strlen(document)), 0);
    assert_int_equal(json.count, 11);
    const struct mu_json_node *root = &json.nodes[0];
    assert_int_equal(root->type, MU_JSON_OBJECT);
    assert_int_equal(root->count, 6);
    assert_null(root->key);
    assert_int_equal(root->next, MU_JSON_NONE);

    const struct mu_json_node *queue = &json.nodes[mu_json_member(&json, 0, "queue")];
    assert_int_equal(queue->type, MU_JSON_STRING);
    assert_string_equal(queue->key, "queue");
    assert_string_equal(queue->text, "duel");
    assert_int_equal(root->first, queue - json.nodes);

    const struct mu_json_node *players = &json.nodes[mu_json_member(&json, 0, "players")];
    assert_int_equal(players->type, MU_JSON_ARRAY);
    assert_int_equal(players->count, 2);
    uint32_t ping = mu_json_member(&json, players->first, "ping");
    assert_int_equal(json.nodes[ping].type, MU_JSON_INTEGER);
    assert_true(json.nodes[ping].integer == -12 && json.nodes[ping].real <= -12.0);
    uint32_t empty = json.nodes[players->first].next;
    assert_int_equal(json.nodes[empty].type, MU_JSON_OBJECT);
    assert_int_equal(json.nodes[empty].first, MU_JSON_NONE);
    assert_int_equal(json.nodes[empty].next, MU_JSON_NONE);
    assert_int_equal(mu_json_member(&json, empty, "id"), MU_JSON_NONE);

    const struct mu_json_node *x = &json.nodes[mu_json_member(&json, 0, "x")];
    assert_int_equal(x->type, MU_JSON_REAL);
    assert_true(fabs(x->real - 150.0) < 1e-9);
    assert_int_equal(json.nodes[mu_json_member(&json, 0, "t")].type, MU_JSON_TRUE);
    assert_int_equal(json.nodes[mu_json_member(&json, 0, "f")].type, MU_JSON_FALSE);
    assert_int_equal(json.nodes[mu_json_member(&json, 0, "n")].type, MU_JSON_NULL);
    assert_int_equal(mu_json_member(&json, 0, "missing"), MU_JSON_NONE);
    assert_int_equal(mu_json_member(&json, 0, "QUEUE"), MU_JSON_NONE);
}

static const struct {
    const char *text;
    int r;
} rows[] = {
    { "{}", 0 },
    { "[]", 0 },
    { " \t\r\n1 ", 0 },
    { "null", 0 },
    { "\"\"", 0 },
    { "0", 0 },
    { "-0", 0 },
    { "1e400", -EBADMSG },
    { "9223372036854775807", 0 },
    { "-9223372036854775808", 0 },
    { "9223372036854775808", -EBADMSG },
    { "{\"a\":1,\"b\":2}", 0 },
    { "{\"a\":1,\"a\":2}", -EBADMSG },
    { "{\"a\":1,\"\\u0061\":2}", -EBADMSG },
    { "{\"\":1}", 0 },
    { "", -EBADMSG },
    { " ", -EBADMSG },
    { "{", -EBADMSG },
    { "}", -EBADMSG },
    { "[1,]", -EBADMSG },
    { "[1 2]", -EBADMSG },
    { "[,1]", -EBADMSG },
    { "{\"a\"}", -EBADMSG },
    { "{\"a\":}", -EBADMSG },
    { "{a:1}", -EBADMSG },
    { "{'a':1}", -EBADMSG },
    { "{\"a\":1,}", -EBADMSG },
    { "1 2", -EBADMSG },
    { "{} {}", -EBADMSG },
    { "[1]]", -EBADMSG },
    { "01", -EBADMSG },
    { "+1", -EBADMSG },
    { ".5", -EBADMSG },
    { "1.", -EBADMSG },
    { "1e", -EBADMSG },
    { "0x1", -EBADMSG },
    { "NaN", -EBADMSG },
    { "Infinity", -EBADMSG },
    { "True", -EBADMSG },
    { "nul", -EBADMSG },
    { "// x\n1", -EBADMSG },
    { "\"\n\"", -EBADMSG },
    { "\"\t\"", -EBADMSG },
    { "\"\\x\"", -EBADMSG },
    { "\"\\u12\"", -EBADMSG },
    { "\"\\ud800\"", -EBADMSG },
    { "\"\\ud800\\u0041\"", -EBADMSG },
    { "\"\\udc00\"", -EBADMSG },
    { "\"\\u0000\"", -EBADMSG },
    { "{\"a\\u0000b\":1}", -EBADMSG },
    { "\"abc", -EBADMSG },
    { "\"abc\\", -EBADMSG },
    { "\"\xff\"", -EBADMSG },
    { "\"\xc0\xaf\"", -EBADMSG },
    { "\"\xed\xa0\x80\"", -EBADMSG },
    { "\"\xf4\x90\x80\x80\"", -EBADMSG },
    { "\"\xe2\x82\"", -EBADMSG },
    { "\xef\xbb\xbf{}", -EBADMSG },
    { "\"\\ud83d\\ude00 \xf0\x9f\x98\x80\"", 0 },
    { "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", 0 },
    { "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", -E2BIG },
    { "[[[[[[[[[[[[[[[[{\"a\":1}]]]]]]]]]]]]]]]]", -E2BIG },
    { "[\"[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[\"]", 0 },
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int r = parse(rows[i].text, strlen(rows[i].text));
        if (r != rows[i].r) {
            fail_msg("'%s': %d for %d", rows[i].text, r, rows[i].r);
        }
    }
    assert_int_equal(parse("\"a\0b\"", 5), -EBADMSG);
    assert_int_equal(parse("1\0", 2), -EBADMSG);
}

static void test_values(void **state)
{
    (void)state;
    assert_int_equal(parse("9007199254740993", 16), 0); /* 2^53 + 1: doubles cannot */
    assert_true(json.nodes[0].integer == INT64_C(9007199254740993));
    assert_int_equal(parse("\"\\ud83d\\ude00\\u00e9\\n\\/\"", 24), 0);
    assert_string_equal(json.nodes[0].text, "\xf0\x9f\x98\x80\xc3\xa9\n/");
    assert_int_equal(parse("-0.5", 4), 0);
    assert_true(json.nodes[0].type == MU_JSON_REAL && json.nodes[0].real < -0.4);
}

static void test_where_it_went_wrong(void **state)
{
    struct mu_json_error error;
    static const char document[] = "{\n  \"a\": 1,\n  \"b\": oops\n}";
    (void)state;
    assert_int_equal(mu_json_parse(document, strlen(document), &json, &error), -EBADMSG);
    assert_int_equal(error.line, 3);
    assert_in_range(error.column, 8, 12);
    assert_non_null(strstr(error.detail, "oops"));
    assert_int_equal(mu_json_parse("[\n[[[[[[[[[[[[[[[[", 18, &json, &error), -E2BIG);
    assert_int_equal(error.line, 2);
    assert_int_equal(error.column, 16);
}

/* "[1,1,...]" with `count` elements; returns its size. */
static size_t array_of(uint32_t count)
{
    size_t used = 0;
    text[used++] = '[';
    for (uint32_t i = 0; i < count; i++) {
        text[used++] = '1';
        text[used++] = i + 1 < count ? ',' : ']';
    }
    return used;
}

static void test_bounds(void **state)
{
    (void)state;
    assert_int_equal(parse(text, array_of(MU_JSON_NODES_MAX - 1)), 0);
    assert_int_equal(json.count, MU_JSON_NODES_MAX);
    assert_int_equal(parse(text, array_of(MU_JSON_NODES_MAX)), -E2BIG);
    assert_int_equal(parse(text, array_of(3 * MU_JSON_NODES_MAX)), -E2BIG);
    memset(text, 'x', sizeof text);
    text[0] = '"';
    text[MU_JSON_TEXT_MAX] = '"'; /* MAX - 1 bytes and a NUL: just fits */
    assert_int_equal(parse(text, MU_JSON_TEXT_MAX + 1), 0);
    assert_int_equal(json.text_used, MU_JSON_TEXT_MAX);
    text[MU_JSON_TEXT_MAX] = 'x';
    text[MU_JSON_TEXT_MAX + 1] = '"';
    assert_int_equal(parse(text, MU_JSON_TEXT_MAX + 2), -E2BIG);
    memset(text, '[', sizeof text);
    assert_int_equal(parse(text, sizeof text), -E2BIG);
    for (size_t i = 0; i < sizeof text; i += 5) {
        memcpy(text + i, "{\"a\":", sizeof text - i < 5 ? sizeof text - i : 5);
    }
    assert_int_equal(parse(text, sizeof text), -E2BIG);
}

/* Every node but the root is somebody's child, behind its parent, and counted there. */
static void check_links(void)
{
    uint32_t linked = 0;
    for (uint32_t node = 0; node < json.count; node++) {
        uint32_t children = 0;
        for (uint32_t i = json.nodes[node].first; i != MU_JSON_NONE; i = json.nodes[i].next) {
            assert_true(i > node && i < json.count);
            children++;
        }
        assert_int_equal(children, json.nodes[node].count);
        linked += children;
    }
    assert_int_equal(linked, json.count - 1);
}

static void test_damaged_documents(void **state)
{
    static const char seed[] = "{\"a\":[1,2.5,-3e2,{\"b\":\"\\u00e9\xc3\xa9\",\"c\":null}],\"d\":"
                               "{\"e\":[[],{},true,false]},\"f\":\"\\\\\\\"\"}";
    uint32_t good = 0;
    (void)state;
    for (int round = 0; round < 50000; round++) {
        size_t size = sizeof seed - 1;
        memcpy(text, seed, size);
        for (uint64_t i = mu_rng_below(&rng, 3); i > 0; i--) {
            text[mu_rng_below(&rng, size)] = seed[mu_rng_below(&rng, size)];
        }
        if (mu_rng_chance_ppm(&rng, 100000)) {
            size = (size_t)mu_rng_below(&rng, size);
        }
        if (parse(text, size) == 0) {
            good++;
            check_links();
        }
    }
    assert_true(good > 10000);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_document), cmocka_unit_test(test_table),
        cmocka_unit_test(test_values),     cmocka_unit_test(test_where_it_went_wrong),
        cmocka_unit_test(test_bounds),     cmocka_unit_test(test_damaged_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
