/* tests/unit/test_log.c - what the log writes to stderr, read back through a pipe. */
#include "core/log.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int pipe_out;   /* where the test reads */
static int old_stderr; /* put back after each test */

static int capture(void **state)
{
    int ends[2];
    (void)state;
    if (pipe(ends) != 0) {
        return -1;
    }
    old_stderr = dup(STDERR_FILENO);
    pipe_out = ends[0];
    int r = old_stderr >= 0 && dup2(ends[1], STDERR_FILENO) >= 0 &&
                    fcntl(pipe_out, F_SETFL, O_NONBLOCK) == 0
                ? 0
                : -1;
    (void)close(ends[1]);
    return r;
}

static int restore(void **state)
{
    (void)state;
    int r = dup2(old_stderr, STDERR_FILENO) >= 0 ? 0 : -1;
    (void)close(old_stderr);
    (void)close(pipe_out);
    return r;
}

/* All that was written since the last call. */
static const char *written(void)
{
    static char text[65536];
    size_t used = 0;
    ssize_t n;
    while ((n = read(pipe_out, text + used, sizeof text - 1 - used)) > 0) {
        used += (size_t)n;
    }
    text[used] = '\0';
    return text;
}

static uint32_t lines_of(const char *text)
{
    uint32_t lines = 0;
    for (; *text != '\0'; text++) {
        lines += *text == '\n';
    }
    return lines;
}

static void test_writes_one_line(void **state)
{
    (void)state;
    struct mu_log *log = mu_log_create("queue/eu", MU_LOG_INFO);
    assert_non_null(log);
    mu_log_line(log, MU_LOG_WARN, "00-ab-cd-01", "broker gone", "endpoint=%s tries=%d", "ipc://x",
                3);
    const char *text = written();
    assert_memory_equal(text, "time=2", 6);
    assert_non_null(strstr(text, "Z level=warn actor=queue/eu trace=00-ab-cd-01 event=\"broker "
                                 "gone\" endpoint=ipc://x tries=3\n"));
    mu_log_line(log, MU_LOG_DEBUG, NULL, "detail", "a=1");
    assert_string_equal(written(), "");
    assert_true(mu_log_wanted(log, MU_LOG_ERROR));
    assert_false(mu_log_wanted(log, MU_LOG_DEBUG));
    mu_log_destroy(log);
    mu_log_destroy(NULL);
}

/* Nobody forges a second line, and a long one is cut, still one line. */
static void test_escapes_and_cuts(void **state)
{
    static char text[4000];
    (void)state;
    struct mu_log *log = mu_log_create("a\nb", MU_LOG_DEBUG);
    assert_non_null(log);
    mu_log_line(log, MU_LOG_INFO, "x\ny", "event", "name=\"%s\"",
                "a\nlevel=error\x1b[31m\\ \xc3\xa4");
    const char *got = written();
    assert_int_equal(lines_of(got), 1);
    assert_non_null(strstr(got, "name=\"a\\x0alevel=error\\x1b[31m\\x5c \xc3\xa4\"\n"));
    memset(text, 'x', sizeof text - 1);
    mu_log_line(log, MU_LOG_INFO, NULL, "long", "name=%s", text);
    mu_log_line(log, MU_LOG_INFO, text, "long trace", "a=%d", 1);
    got = written();
    assert_int_equal(lines_of(got), 2);
    assert_true(strlen(got) <= 2 * MU_LOG_LINE_MAX);
    mu_log_destroy(log);
}

static void test_holds_repeats_back(void **state)
{
    static const char event[] = "the same again";
    (void)state;
    struct mu_log *log = mu_log_create("a", MU_LOG_INFO);
    assert_non_null(log);
    uint32_t lines = 0;
    for (uint32_t i = 0; i < 300; i++) {
        mu_log_line(log, MU_LOG_INFO, NULL, event, "i=%u", (unsigned)i);
        lines += lines_of(written());
    }
    assert_true(lines >= MU_LOG_RATE && lines <= 3 * MU_LOG_RATE); /* a second may have ended */
    mu_log_line(log, MU_LOG_INFO, NULL, "another", "i=%d", 1);
    assert_int_equal(lines_of(written()), 1);
    mu_log_destroy(log);
}

/* The journal gets priorities, and nobody else does. */
static void test_tells_the_journal_the_priority(void **state)
{
    static const struct {
        enum mu_log_level level;
        const char *priority;
    } levels[] = {
        { MU_LOG_ERROR, "<3>time=2" },
        { MU_LOG_WARN, "<4>time=2" },
        { MU_LOG_INFO, "<6>time=2" },
        { MU_LOG_DEBUG, "<7>time=2" },
    };
    struct stat stat;
    char stream[64];
    (void)state;
    assert_int_equal(fstat(STDERR_FILENO, &stat), 0);
    (void)snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)stat.st_dev,
                   (uintmax_t)stat.st_ino);
    assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
    struct mu_log *log = mu_log_create("a", MU_LOG_DEBUG);
    assert_non_null(log);
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        mu_log_line(log, levels[i].level, NULL, levels[i].priority, "i=%d", 1);
        assert_memory_equal(written(), levels[i].priority, strlen(levels[i].priority));
    }
    mu_log_destroy(log);
    (void)snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)stat.st_dev,
                   (uintmax_t)stat.st_ino + 1);
    assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
    log = mu_log_create("a", MU_LOG_DEBUG);
    assert_non_null(log);
    mu_log_line(log, MU_LOG_ERROR, NULL, "elsewhere", "i=%d", 1);
    assert_memory_equal(written(), "time=2", 6);
    mu_log_destroy(log);
    assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
}

static void test_reads_levels(void **state)
{
    enum mu_log_level level = MU_LOG_WARN;
    (void)state;
    assert_int_equal(mu_log_parse_level("loud", &level), -EINVAL);
    assert_int_equal(level, MU_LOG_WARN);
    assert_int_equal(mu_log_parse_level("debug", &level), 0);
    assert_int_equal(level, MU_LOG_DEBUG);
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_writes_one_line, capture, restore),
        cmocka_unit_test_setup_teardown(test_escapes_and_cuts, capture, restore),
        cmocka_unit_test_setup_teardown(test_holds_repeats_back, capture, restore),
        cmocka_unit_test_setup_teardown(test_tells_the_journal_the_priority, capture, restore),
        cmocka_unit_test(test_reads_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
