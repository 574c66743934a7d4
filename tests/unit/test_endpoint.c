/* tests/unit/test_endpoint.c - only what stays on this host is an endpoint. */
#include "core/endpoint.h"

#include "tests/unit/unit.h"

#include <string.h>

static void test_takes_loopback_and_ipc(void **state)
{
    static const char *const good[] = {
        "tcp://127.0.0.1:7600", "tcp://127.0.0.1:*", "tcp://127.255.3.4:0",
        "tcp://[::1]:7600",     "tcp://[::1]:*",     "ipc:///run/muster/broker",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_null(mu_endpoint_fault(good[i], false));
    }
}

static void test_refuses_the_rest(void **state)
{
    static const char *const bad[] = {
        "",
        "tcp://",
        "tcp://*:7600",
        "tcp://0.0.0.0:7600",
        "tcp://10.0.0.1:7600",
        "tcp://localhost:7600",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:99999",
        "tcp://127.0.0.1:",
        "tcp://127.0.0:7600",
        "tcp://127.0.0.1.example.org:7600",
        "tcp://127.0.0.256:7600",
        "tcp://127.0.0.1.1:7600",
        "tcp://[::]:7600",
        "tcp://eth0:7600",
        "ipc://",
        "inproc://a",
        "udp://127.0.0.1:7600",
        "127.0.0.1:7600",
        "tcp://127.0.0.1:7600;tcp://10.0.0.1:1",
    };
    char text[MU_ENDPOINT_MAX + 2];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_non_null(mu_endpoint_fault(bad[i], false));
    }
    memset(text, 'a', sizeof text);
    memcpy(text, "ipc://", 6);
    text[MU_ENDPOINT_MAX + 1] = '\0';
    assert_non_null(mu_endpoint_fault(text, false));
    text[6 + 108] = '\0';
    assert_non_null(mu_endpoint_fault(text, false));
    text[6 + 107] = '\0';
    assert_null(mu_endpoint_fault(text, false));
}

/* With keys any address will do, as long as it is one. */
static void test_keys_open_it_to_other_hosts(void **state)
{
    static const char *const good[] = {
        "tcp://10.0.0.7:7600", "tcp://0.0.0.0:*",      "tcp://[fd00::7]:7600",
        "tcp://[::]:7600",     "tcp://127.0.0.1:7600", "ipc:///run/a",
    };
    static const char *const bad[] = {
        "tcp://broker-a:7600", "tcp://localhost:7600",   "tcp://eth0:7600", "tcp://*:7600",
        "tcp://10.0.0:7600",   "tcp://[fe80::1%eth0]:1", "tcp://10.0.0.7",  "inproc://a",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_null(mu_endpoint_fault(good[i], true));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_non_null(mu_endpoint_fault(bad[i], true));
    }
    const char *fault = mu_endpoint_fault("tcp://10.0.0.7:7600", false);
    assert_non_null(strstr(fault, "make keys")); /* what to do */
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_loopback_and_ipc),
        cmocka_unit_test(test_refuses_the_rest),
        cmocka_unit_test(test_keys_open_it_to_other_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
