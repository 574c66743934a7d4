/* The text of /metrics: labels, and what happens when there is no more room. */
#include "gateway/metrics_text.h"

#include <string.h>

#include "tests/unit/unit.h"

static void test_labels(void **state)
{
    char ret[MU_METRICS_LABEL_MAX + 1];
    (void)state;
    assert_string_equal(mu_metrics_label("plain", ret), "plain");
    assert_string_equal(mu_metrics_label("a\\b\"c", ret), "a\\\\b\\\"c");
    assert_string_equal(mu_metrics_label("a\nb", ret), "a?b");
    /* Two rules that differ are two series. */
    assert_string_equal(mu_metrics_label("\xE9\x80\x9F\xE5\xBA\xA6", ret),
                        "\xE9\x80\x9F\xE5\xBA\xA6");
}

/* A line that is put together of parts is there as a whole, or not at all. */
static void test_whole_lines(void **state)
{
    char to[32];
    (void)state;
    for (size_t size = 1; size <= sizeof to; size++) {
        struct mu_metrics_text text = { .to = to, .size = size };
        to[0] = '\0';
        mu_metrics_put(&text, "a{");
        mu_metrics_put(&text, "kind=\"b\"");
        mu_metrics_put(&text, "} %d\n", 1);
        mu_metrics_put(&text, "c{} %d\n", 2);
        size_t first = strlen("a{kind=\"b\"} 1\n");
        size_t both = first + strlen("c{} 2\n");
        assert_int_equal(text.used, size > both ? both : size > first ? first : 0);
        assert_int_equal(strlen(to), text.used);
        assert_memory_equal(to, "a{kind=\"b\"} 1\nc{} 2\n", text.used);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_whole_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
