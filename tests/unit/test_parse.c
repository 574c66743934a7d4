/* tests/unit/test_parse.c - tables of what is accepted, refused, and out of range. */
#include "core/parse.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct mu_rng rng;

static void test_u64(void **state)
{
    static const struct {
        const char *text;
        uint64_t min, max;
        int r;
        uint64_t value;
    } rows[] = {
        { "0", 0, 10, 0, 0 },
        { "10", 0, 10, 0, 10 },
        { "18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX },
        { "18446744073709551616", 0, UINT64_MAX, -ERANGE, 0 },
        { "99999999999999999999999999", 0, UINT64_MAX, -ERANGE, 0 },
        { "99999999999999999999999999x", 0, UINT64_MAX, -EINVAL, 0 },
        { "11", 0, 10, -ERANGE, 0 },
        { "4", 5, 10, -ERANGE, 0 },
        { "", 0, 10, -EINVAL, 0 },
        { "-1", 0, 10, -EINVAL, 0 },
        { "+1", 0, 10, -EINVAL, 0 },
        { " 1", 0, 10, -EINVAL, 0 },
        { "1 ", 0, 10, -EINVAL, 0 },
        { "01", 0, 10, -EINVAL, 0 },
        { "00", 0, 10, -EINVAL, 0 },
        { "0x1", 0, 10, -EINVAL, 0 },
        { "1e1", 0, 10, -EINVAL, 0 },
        { "1.0", 0, 10, -EINVAL, 0 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t ret = 424242;
        assert_int_equal(mu_parse_u64(rows[i].text, rows[i].min, rows[i].max, &ret), rows[i].r);
        assert_true(ret == (rows[i].r == 0 ? rows[i].value : 424242));
    }
}

static void test_i64(void **state)
{
    static const struct {
        const char *text;
        int64_t min, max;
        int r;
        int64_t value;
    } rows[] = {
        { "-20", -20, 7, 0, -20 },
        { "0", -20, 7, 0, 0 },
        { "7", -20, 7, 0, 7 },
        { "-9223372036854775808", INT64_MIN, INT64_MAX, 0, INT64_MIN },
        { "9223372036854775807", INT64_MIN, INT64_MAX, 0, INT64_MAX },
        { "-9223372036854775809", INT64_MIN, INT64_MAX, -ERANGE, 0 },
        { "9223372036854775808", INT64_MIN, INT64_MAX, -ERANGE, 0 },
        { "-99999999999999999999", INT64_MIN, INT64_MAX, -ERANGE, 0 },
        { "-21", -20, 7, -ERANGE, 0 },
        { "8", -20, 7, -ERANGE, 0 },
        { "-0", -20, 7, -EINVAL, 0 },
        { "--1", -20, 7, -EINVAL, 0 },
        { "-", -20, 7, -EINVAL, 0 },
        { "", -20, 7, -EINVAL, 0 },
        { "-07", -20, 7, -EINVAL, 0 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ret = 424242;
        assert_int_equal(mu_parse_i64(rows[i].text, rows[i].min, rows[i].max, &ret), rows[i].r);
        assert_true(ret == (rows[i].r == 0 ? rows[i].value : 424242));
    }
}

/* What snprintf writes is read back, for numbers of every length. */
static void test_numbers_round_trip(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 10000; i++) {
        char text[32];
        uint64_t number = mu_rng_next(&rng) >> mu_rng_below(&rng, 64);
        uint64_t unsigned_read = 0;
        int64_t signed_read = 0;
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)number);
        assert_int_equal(mu_parse_u64(text, 0, UINT64_MAX, &unsigned_read), 0);
        assert_true(unsigned_read == number);
        (void)snprintf(text, sizeof text, "%lld", (long long)number);
        assert_int_equal(mu_parse_i64(text, INT64_MIN, INT64_MAX, &signed_read), 0);
        assert_true(signed_read == (int64_t)number);
    }
}

static void test_duration(void **state)
{
    static const struct {
        const char *text;
        int r;
        int64_t ms;
    } rows[] = {
        { "500ms", 0, 500 },
        { "20s", 0, 20000 },
        { "2m", 0, 120000 },
        { "3h", 0, 10800000 },
        { "1d", 0, 86400000 },
        { "0s", 0, 0 },
        { "86400001ms", -ERANGE, 0 },
        { "2d", -ERANGE, 0 },
        { "99999999999999999999s", -ERANGE, 0 },
        { "9223372036854775807d", -ERANGE, 0 },
        { "20", -EINVAL, 0 },
        { "s", -EINVAL, 0 },
        { "", -EINVAL, 0 },
        { "20 s", -EINVAL, 0 },
        { "1.5s", -EINVAL, 0 },
        { "-1s", -EINVAL, 0 },
        { "020s", -EINVAL, 0 },
        { "1m30s", -EINVAL, 0 },
        { "5sec", -EINVAL, 0 },
        { "5S", -EINVAL, 0 },
        { "99999999999999999999x", -EINVAL, 0 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ret = 424242;
        assert_int_equal(mu_parse_duration(rows[i].text, 0, 86400000, &ret), rows[i].r);
        assert_true(ret == (rows[i].r == 0 ? rows[i].ms : 424242));
    }
    int64_t ms = 0;
    assert_int_equal(mu_parse_duration("9ms", 10, 20, &ms), -ERANGE);
}

static void test_host_port(void **state)
{
    static const struct {
        const char *text;
        int r;
        const char *host;
        uint16_t port;
    } rows[] = {
        { "127.0.0.1:8080", 0, "127.0.0.1", 8080 },
        { "queue-1.example.org:0", 0, "queue-1.example.org", 0 },
        { "[::1]:65535", 0, "::1", 65535 },
        { "[fe80::1%eth0]:1", 0, "fe80::1%eth0", 1 },
        { "*:8080", 0, "*", 8080 },
        { "host:65536", -ERANGE, "", 0 },
        { "host", -EINVAL, "", 0 },
        { "host:", -EINVAL, "", 0 },
        { ":80", -EINVAL, "", 0 },
        { "", -EINVAL, "", 0 },
        { "::1:80", -EINVAL, "", 0 },
        { "[::1]", -EINVAL, "", 0 },
        { "[::1:80", -EINVAL, "", 0 },
        { "[]:80", -EINVAL, "", 0 },
        { "[host]:80", -EINVAL, "", 0 },
        { "a b:80", -EINVAL, "", 0 },
        { "a/b:80", -EINVAL, "", 0 },
        { "**:80", -EINVAL, "", 0 },
        { "[*]:80", -EINVAL, "", 0 },
        { "host:080", -EINVAL, "", 0 },
        { "host:80x", -EINVAL, "", 0 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char host[MU_HOST_MAX + 1] = "old";
        uint16_t port = 4242;
        assert_int_equal(mu_parse_host_port(rows[i].text, host, &port), rows[i].r);
        assert_string_equal(host, rows[i].r == 0 ? rows[i].host : "old");
        assert_int_equal(port, rows[i].r == 0 ? rows[i].port : 4242);
    }
}

static void test_host_port_length(void **state)
{
    char text[MU_HOST_MAX + 8];
    char host[MU_HOST_MAX + 1] = "old";
    uint16_t port = 0;
    (void)state;
    memset(text, 'h', sizeof text);
    memcpy(text + MU_HOST_MAX, ":80", 4);
    assert_int_equal(mu_parse_host_port(text, host, &port), 0);
    assert_int_equal(strlen(host), MU_HOST_MAX);
    memset(text, 'h', sizeof text);
    memcpy(text + MU_HOST_MAX + 1, ":80", 4);
    assert_int_equal(mu_parse_host_port(text, host, &port), -ENAMETOOLONG);
}

static void test_path_segment(void **state)
{
    static const struct {
        const char *raw;
        int r;
        const char *text;
    } rows[] = {
        { "", 0, "" },
        { "plain", 0, "plain" },
        { "a%20b", 0, "a b" },
        { "%41%c3%a9", 0, "A\xC3\xA9" },
        { "a+b", 0, "a+b" },
        { "%2F..%2f", 0, "/../" },
        { "%25%32%35", 0, "%25" }, /* decoded once */
        { "12345678", 0, "12345678" },
        { "123456789", -ENAMETOOLONG, NULL },
        { "%", -EINVAL, NULL },
        { "%4", -EINVAL, NULL },
        { "%4g", -EINVAL, NULL },
        { "%-1", -EINVAL, NULL },
        { "a%00b", -EINVAL, NULL },
        { "a%0Ab", -EINVAL, NULL },
        { "a\tb", -EINVAL, NULL },
        { "%7f", -EINVAL, NULL },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[9] = "old";
        size_t raw_bytes = strlen(rows[i].raw);
        assert_int_equal(mu_parse_path_segment(rows[i].raw, raw_bytes, sizeof text, text),
                         rows[i].r);
        assert_string_equal(text, rows[i].r == 0 ? rows[i].text : "old");
    }
    char text[9] = "old";
    assert_int_equal(mu_parse_path_segment("ab%20cd", 2, sizeof text, text), 0);
    assert_string_equal(text, "ab"); /* the rest was not its own */
    assert_int_equal(mu_parse_path_segment("ab%20cd", 4, sizeof text, text), -EINVAL);
}

static void test_query(void **state)
{
    static const struct {
        const char *query, *name;
        int r;
        const char *text;
    } rows[] = {
        { "since=12&wait=25s", "since", 0, "12" },
        { "since=12&wait=25s", "wait", 0, "25s" },
        { "since=12&wait=25s", "wai", -ENOENT, NULL },
        { "since=12&wait=25s", "waits", -ENOENT, NULL },
        { "", "a", -ENOENT, NULL },
        { "a", "a", 0, "" },
        { "a=", "a", 0, "" },
        { "b&a&c", "a", 0, "" },
        { "&&a=1&", "a", 0, "1" },
        { "a=b=c", "a", 0, "b=c" },
        { "a=x+y%2B", "a", 0, "x y+" },
        { "%61=1", "a", 0, "1" },
        { "a=1&a=1", "a", -EINVAL, NULL },
        { "a=1&%61=1", "a", -EINVAL, NULL },
        { "a=%zz", "a", -EINVAL, NULL },
        { "a=%00", "a", -EINVAL, NULL },
        { "b=%zz&a=1", "a", 0, "1" }, /* not ours to judge */
        { "%zz=1&a=1", "a", 0, "1" },
        { "a=12345678", "a", 0, "12345678" },
        { "a=123456789", "a", -ENAMETOOLONG, NULL },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[9] = "old";
        int r = mu_parse_query(rows[i].query, rows[i].name, sizeof text, text);
        assert_int_equal(r, rows[i].r);
        assert_string_equal(text, r == 0 ? rows[i].text : "old");
    }
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_u64),
        cmocka_unit_test(test_i64),
        cmocka_unit_test(test_numbers_round_trip),
        cmocka_unit_test(test_duration),
        cmocka_unit_test(test_host_port),
        cmocka_unit_test(test_host_port_length),
        cmocka_unit_test(test_path_segment),
        cmocka_unit_test(test_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
