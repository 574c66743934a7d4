/* tests/unit/test_notify.c - what a supervisor hears, on a socket of the test's own. */
#include "core/notify.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Listens on an abstract address of its own, and names it in the environment. */
static int listen_here(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char name[64];
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    int length = snprintf(name, sizeof name, "@muster-test-%ld", (long)getpid());
    memcpy(address.sun_path + 1, name + 1, (size_t)length - 1);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    return fd;
}

static void expect(int fd, const char *state)
{
    char got[256];
    ssize_t n = recv(fd, got, sizeof got - 1, 0);
    assert_true(n >= 0);
    got[n] = '\0';
    assert_string_equal(got, state);
}

static void test_tells_the_supervisor(void **state)
{
    (void)state;
    int fd = listen_here();
    assert_int_equal(mu_notify("READY=1"), 0);
    expect(fd, "READY=1");
    assert_int_equal(mu_notify_alive(true), 0);
    expect(fd, "WATCHDOG=1");
    assert_int_equal(close(fd), 0);
    assert_int_equal(mu_notify("READY=1"), -ECONNREFUSED);
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
}

/* Whoever waits for another host is not to be ended for it. */
static void test_asks_for_time_until_it_is_ready(void **state)
{
    (void)state;
    int fd = listen_here();
    assert_int_equal(mu_notify_alive(false), 0);
    expect(fd, "WATCHDOG=1\nEXTEND_TIMEOUT_USEC=30000000");
    assert_int_equal(close(fd), 0);
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
}

static void test_is_silent_without_one(void **state)
{
    (void)state;
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    assert_int_equal(mu_notify("READY=1"), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", "relative", 1), 0);
    assert_int_equal(mu_notify("READY=1"), -EINVAL);
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tells_the_supervisor),
        cmocka_unit_test(test_asks_for_time_until_it_is_ready),
        cmocka_unit_test(test_is_silent_without_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
