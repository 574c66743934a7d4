/* tests/unit/test_fields.c - a client's JSON into checked values, all faults at once. */
#include "gateway/fields.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "core/config.h"

static struct mu_json json;
static struct mu_faults faults;
static struct mu_fields fields;
static struct mu_config config;

static void read(const char *text)
{
    struct mu_json_error error;
    assert_int_equal(mu_json_parse(text, strlen(text), &json, &error), 0);
    faults.count = 0;
    mu_fields_init(&fields, &json, &faults);
}

static void expect_fault(uint32_t i, enum mu_error code, const char *pointer, const char *detail)
{
    assert_true(i < faults.count);
    assert_int_equal(faults.at[i].code, code);
    assert_string_equal(faults.at[i].pointer, pointer);
    assert_string_equal(faults.at[i].detail, detail);
}

static void test_reads_what_is_right(void **state)
{
    static const struct mu_text_rule rule = { 3, 30, MU_CHARSET_USERNAME };
    char text[31] = "";
    char id[MU_ID_MAX + 1] = "";
    char region[MU_ID_MAX + 1] = "";
    char mode[MU_ID_MAX + 1] = "";
    int64_t number = 0;
    bool flag = false;
    (void)state;
    read("{\"name\":\"The Fox_1.-\",\"id\":\"ply_1\",\"region\":\"eu-west\",\"mode\":\"duel\","
         "\"n\":45.0,\"r\":45.5,\"b\":true,\"more\":[{}],\"none\":null}");
    assert_true(mu_field_text(&fields, "name", MU_REQUIRED, &rule, text));
    assert_string_equal(text, "The Fox_1.-");
    assert_true(mu_field_id(&fields, "id", MU_REQUIRED, id));
    assert_true(mu_field_region(&fields, "region", MU_REQUIRED, &config, region));
    assert_string_equal(region, "eu-west-1");
    assert_true(mu_field_mode(&fields, "mode", MU_REQUIRED, &config, mode));
    assert_true(mu_field_integer(&fields, "n", MU_REQUIRED, (struct mu_range){ 45, 45 }, &number));
    assert_int_equal(number, 45);
    assert_true(mu_field_rounded(&fields, "r", MU_REQUIRED, (struct mu_range){ 0, 46 }, &number));
    assert_int_equal(number, 46);
    assert_true(mu_field_bool(&fields, "b", MU_REQUIRED, &flag));
    assert_true(flag);
    assert_false(mu_field_bool(&fields, "none", MU_OPTIONAL, &flag));
    assert_false(mu_field_bool(&fields, "absent", MU_OPTIONAL, &flag));
    assert_int_equal(faults.count, 0);
}

static void test_tells_all_faults_with_pointers(void **state)
{
    static const struct mu_text_rule rule = { 3, 30, MU_CHARSET_USERNAME };
    char text[MU_OBJECT_TEXT_MAX + 1] = "kept";
    int64_t number = 7;
    bool flag = true;
    struct mu_fields inner;
    (void)state;
    read("{\"a\":\"ab\",\"b\":\" ab\",\"c\":7,\"d\":1.5,\"e\":11,\"f\":\"x\",\"g\":\"y\",\"h\":[],"
         "\"m~/n\":{\"k\":\"no\"},\"r\":\"mars\",\"q\":\"chess\",\"null\":null}");
    assert_false(mu_field_text(&fields, "a", MU_REQUIRED, &rule, text));
    assert_false(mu_field_text(&fields, "b", MU_REQUIRED, &rule, text));
    assert_false(mu_field_text(&fields, "c", MU_REQUIRED, &rule, text));
    assert_false(mu_field_integer(&fields, "d", MU_OPTIONAL, (struct mu_range){ 0, 9 }, &number));
    assert_false(mu_field_integer(&fields, "e", MU_OPTIONAL, (struct mu_range){ 0, 9 }, &number));
    assert_false(mu_field_integer(&fields, "f", MU_OPTIONAL, (struct mu_range){ 0, 9 }, &number));
    assert_false(mu_field_bool(&fields, "g", MU_OPTIONAL, &flag));
    assert_false(mu_field_object_text(&fields, "h", MU_OPTIONAL, text));
    assert_true(mu_field_object(&fields, "m~/n", MU_OPTIONAL, &inner));
    assert_false(mu_field_bool(&inner, "k", MU_OPTIONAL, &flag));
    assert_false(mu_field_region(&fields, "r", MU_OPTIONAL, &config, text));
    assert_false(mu_field_mode(&fields, "q", MU_OPTIONAL, &config, text));
    assert_false(mu_field_bool(&fields, "null", MU_REQUIRED, &flag));
    assert_int_equal(faults.count, 12);
    expect_fault(0, MU_ERROR_VALIDATION_FAILED, "/a", "must have 3 to 30 bytes, has 2");
    expect_fault(1, MU_ERROR_VALIDATION_FAILED, "/b",
                 "may hold letters, digits, _ . - and spaces inside");
    expect_fault(2, MU_ERROR_VALIDATION_FAILED, "/c", "must be a string");
    expect_fault(3, MU_ERROR_VALIDATION_FAILED, "/d", "must be a whole number");
    expect_fault(4, MU_ERROR_VALIDATION_FAILED, "/e", "must be 0 to 9");
    expect_fault(5, MU_ERROR_VALIDATION_FAILED, "/f", "must be a number");
    expect_fault(6, MU_ERROR_VALIDATION_FAILED, "/g", "must be true or false");
    expect_fault(7, MU_ERROR_VALIDATION_FAILED, "/h", "must be an object");
    expect_fault(8, MU_ERROR_VALIDATION_FAILED, "/m~0~1n/k", "must be true or false");
    expect_fault(9, MU_ERROR_REGION_NOT_SUPPORTED, "/r", "is no region: \"mars\"");
    expect_fault(10, MU_ERROR_GAME_MODE_NOT_FOUND, "/q", "is no game mode: \"chess\"");
    expect_fault(11, MU_ERROR_VALIDATION_FAILED, "/null", "is required");
    assert_string_equal(text, "kept");
    assert_int_equal(number, 7);
    assert_true(flag);
}

static void test_wants_an_object(void **state)
{
    bool flag;
    (void)state;
    read("[1]");
    assert_false(mu_field_bool(&fields, "a", MU_REQUIRED, &flag));
    assert_int_equal(faults.count, 1);
    expect_fault(0, MU_ERROR_BAD_REQUEST, "", "must be an object");
}

static void test_keeps_objects_as_text(void **state)
{
    char text[MU_OBJECT_TEXT_MAX + 1];
    static char large[3 * MU_OBJECT_TEXT_MAX];
    (void)state;
    read("{ \"o\" : { \"a\" : [ 1, -2.5, \"x\\n\\u00e9\", true, false, null, [], {} ], \"b\" : { "
         "\"c\" "
         ": [ [ { \"d\" : 0 } ] ] } }, \"empty\" : {} }");
    assert_true(mu_field_object_text(&fields, "o", MU_REQUIRED, text));
    assert_string_equal(text, "{\"a\":[1,-2.5,\"x\\n\xC3\xA9\",true,false,null,[],{}],"
                              "\"b\":{\"c\":[[{\"d\":0}]]}}");
    assert_true(mu_field_object_text(&fields, "empty", MU_REQUIRED, text));
    assert_string_equal(text, "{}");

    int n = snprintf(large, sizeof large, "{\"o\":{\"k\":\"%0*d\"}}", MU_OBJECT_TEXT_MAX - 8, 0);
    assert_true(n > 0);
    read(large);
    assert_true(mu_field_object_text(&fields, "o", MU_REQUIRED, text));
    assert_int_equal(strlen(text), MU_OBJECT_TEXT_MAX);
    (void)snprintf(large, sizeof large, "{\"o\":{\"k\":\"%0*d\"}}", MU_OBJECT_TEXT_MAX - 7, 0);
    read(large);
    assert_false(mu_field_object_text(&fields, "o", MU_REQUIRED, text));
    assert_int_equal(faults.count, 1);
}

static void test_walks_arrays(void **state)
{
    struct mu_fields item;
    uint32_t list = 0;
    char id[MU_ID_MAX + 1];
    (void)state;
    read("{\"l\":[{\"id\":\"a\"},7,{\"id\":\"\"}],\"n\":{}}");
    assert_false(mu_field_array(&fields, "n", MU_REQUIRED, 3, &list));
    assert_false(mu_field_array(&fields, "l", MU_REQUIRED, 2, &list));
    assert_true(mu_field_array(&fields, "l", MU_REQUIRED, 3, &list));
    uint32_t at = json.nodes[list].first;
    assert_true(mu_fields_item(&fields, "l", 0, at, &item));
    assert_true(mu_field_id(&item, "id", MU_REQUIRED, id));
    at = json.nodes[at].next;
    assert_false(mu_fields_item(&fields, "l", 1, at, &item));
    assert_false(mu_field_id(&item, "id", MU_REQUIRED, id));
    at = json.nodes[at].next;
    assert_true(mu_fields_item(&fields, "l", 2, at, &item));
    assert_false(mu_field_id(&item, "id", MU_REQUIRED, id));
    assert_int_equal(faults.count, 4);
    expect_fault(0, MU_ERROR_VALIDATION_FAILED, "/n", "must be an array");
    expect_fault(1, MU_ERROR_VALIDATION_FAILED, "/l", "must have at most 2 items, has 3");
    expect_fault(2, MU_ERROR_VALIDATION_FAILED, "/l/1", "must be an object");
    expect_fault(3, MU_ERROR_VALIDATION_FAILED, "/l/2/id", "must have 1 to 64 bytes, has 0");
}

static void test_stays_within_its_bounds(void **state)
{
    char text[4096] = "{";
    char id[MU_ID_MAX + 1];
    bool flag;
    size_t used = 1;
    (void)state;
    for (int i = 0; i < 40; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "\"k%d\":1,", i);
    }
    (void)snprintf(text + used, sizeof text - used, "\"long\":\"%064d\",\"%0300d\":1}", 0, 0);
    read(text);
    assert_true(mu_field_id(&fields, "long", MU_REQUIRED, id));
    assert_int_equal(strlen(id), MU_ID_MAX); /* which is longer than any id of ours */
    char key[301];
    (void)snprintf(key, sizeof key, "%0300d", 0);
    assert_false(mu_field_bool(&fields, key, MU_OPTIONAL, &flag));
    assert_int_equal(strlen(faults.at[0].pointer), MU_POINTER_MAX);
    for (int i = 0; i < 40; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        assert_false(mu_field_bool(&fields, key, MU_OPTIONAL, &flag));
    }
    assert_int_equal(faults.count, MU_FAULTS_MAX);
}

static void test_refuses_what_it_does_not_know(void **state)
{
    static const char *const known[] = { "a", "b" };
    (void)state;
    read("{\"a\":1,\"x/y\":{\"z\":1},\"b\":null,\"A\":2}");
    mu_fields_only(&fields, known, 2);
    assert_int_equal(faults.count, 2);
    expect_fault(0, MU_ERROR_VALIDATION_FAILED, "/x~1y", "is not a field of this request");
    expect_fault(1, MU_ERROR_VALIDATION_FAILED, "/A", "is not a field of this request");
    struct mu_fields below;
    mu_fields_below(&fields, "x/y", mu_json_member(&json, 0, "x/y"), &below);
    mu_fields_only(&below, known, 2);
    expect_fault(2, MU_ERROR_VALIDATION_FAILED, "/x~1y/z", "is not a field of this request");
    read("[1]");
    mu_fields_only(&fields, known, 2);
    assert_int_equal(faults.count, 1); /* that it is no object is told once */
}

static void test_reads_the_query(void **state)
{
    uint64_t number = 7;
    (void)state;
    read("{}");
    assert_true(mu_field_query(&fields, "b=2", "a", 10, &number));
    assert_int_equal(number, 7);
    assert_true(mu_field_query(&fields, "a=10&b=2", "a", 10, &number));
    assert_int_equal(number, 10);
    static const char *const bad[] = { "a=11", "a=", "a=x", "a=-1", "a=1&a=2" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(mu_field_query(&fields, bad[i], "a", 10, &number));
        assert_int_equal(faults.count, i + 1);
    }
    assert_int_equal(number, 10);
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    mu_config_default(&config);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_is_right),
        cmocka_unit_test(test_tells_all_faults_with_pointers),
        cmocka_unit_test(test_wants_an_object),
        cmocka_unit_test(test_keeps_objects_as_text),
        cmocka_unit_test(test_walks_arrays),
        cmocka_unit_test(test_stays_within_its_bounds),
        cmocka_unit_test(test_refuses_what_it_does_not_know),
        cmocka_unit_test(test_reads_the_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
