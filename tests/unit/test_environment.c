/* tests/unit/test_environment.c - which variables are taken, which are slips, which are others'. */
#include "core/environment.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

static struct mu_environment environment;
static char error[1024];

/* Reads up to seven variables. */
static int read_them(const char *const *variables)
{
    static char texts[8][128];
    char *list[9] = { NULL };
    for (uint32_t i = 0; variables[i] != NULL; i++) {
        assert_true(i < 8);
        (void)snprintf(texts[i], sizeof texts[i], "%s", variables[i]);
        list[i] = texts[i];
    }
    return mu_environment_read(list, &environment, error, sizeof error);
}

static void test_ours_are_taken(void **state)
{
    const char *const variables[] = { "PATH=/bin",          "MUSTER_CONFIG=/etc/muster/m.yaml",
                                      "MUSTER_NAME=edge=1", "MUSTER_HEARTBEAT_MS=250",
                                      "MUSTER_LOG=",        "MUSTERING=1",
                                      "MUSTER_ELO_K=",      NULL };
    (void)state;
    assert_int_equal(read_them(variables), 0);
    assert_string_equal(error, "");
    assert_string_equal(environment.unknown, "");
    assert_string_equal(environment.config, "/etc/muster/m.yaml");
    assert_string_equal(environment.name, "edge=1");
    assert_string_equal(environment.settings.heartbeat_ms, "250");
    assert_null(environment.log); /* set to nothing: not set */
    assert_null(environment.settings.elo_k);
    assert_null(environment.brokers);
}

/* Each setting and each variable of the tables has its name. */
static void test_every_name(void **state)
{
    char name[64];
    (void)state;
#define VARIABLE(field, doc)                                                                       \
    {                                                                                              \
        mu_environment_name(#field, name);                                                         \
        (void)snprintf(name + strlen(name), sizeof name - strlen(name), "=x");                     \
        const char *const one[] = { name, NULL };                                                  \
        assert_int_equal(read_them(one), 0);                                                       \
        assert_string_equal(environment.field, "x");                                               \
    }
#include "core/environment.def"
#undef VARIABLE
#define SETTING(setting, default_value, min, max, unit, doc)                                       \
    {                                                                                              \
        mu_environment_name(#setting, name);                                                       \
        (void)snprintf(name + strlen(name), sizeof name - strlen(name), "=5");                     \
        const char *const one[] = { name, NULL };                                                  \
        assert_int_equal(read_them(one), 0);                                                       \
        assert_string_equal(environment.settings.setting, "5");                                    \
    }
#include "core/settings.def"
#undef SETTING
}

/* Slips end the start, all at once; a value is never shown: it may be a secret. */
static void test_slips_are_refused(void **state)
{
    const char *const variables[] = { "MUSTER_HEARTBEATMS=250", "MUSTER_KEY=s3cret",
                                      "MUSTER_elo_k=1",         "MUSTER_BROKER=ipc://x",
                                      "MUSTER_CONFGI=x",        NULL };
    (void)state;
    assert_int_equal(read_them(variables), -EINVAL);
    assert_string_equal(
        error, "environment MUSTER_HEARTBEATMS: is not known; did you mean MUSTER_HEARTBEAT_MS?\n"
               "environment MUSTER_KEY: is not known; did you mean MUSTER_KEYS?\n"
               "environment MUSTER_elo_k: is not known; did you mean MUSTER_ELO_K?\n"
               "environment MUSTER_BROKER: is not known; did you mean MUSTER_BROKERS?\n"
               "environment MUSTER_CONFGI: is not known; did you mean MUSTER_CONFIG?");
}

/* Names of others are only told of, also those that are near a short one of ours. */
static void test_others_do_no_harm(void **state)
{
    const char *const variables[] = { "MUSTER_PORT_8080_TCP=tcp://10.0.0.1:8080",
                                      "MUSTER_SERVICE_HOST=10.0.0.1",
                                      "MUSTER_HOME=/x",
                                      "MUSTER_PORT=1",
                                      "MUSTER_=1",
                                      "MUSTER_BUILD=b",
                                      NULL };
    (void)state;
    assert_int_equal(read_them(variables), 0);
    assert_string_equal(environment.unknown,
                        "MUSTER_PORT_8080_TCP, MUSTER_SERVICE_HOST, MUSTER_HOME, MUSTER_PORT, "
                        "MUSTER_, MUSTER_BUILD");
}

/* However many and long they are. */
static void test_bounds(void **state)
{
    enum { COUNT = 300 };
    static char texts[COUNT][300];
    char *list[COUNT + 1] = { NULL };
    (void)state;
    for (uint32_t i = 0; i < COUNT; i++) {
        memset(texts[i], 'x', sizeof texts[i] - 1);
        (void)snprintf(texts[i], sizeof texts[i], "MUSTER_%s%u", i % 2 == 0 ? "ELO_" : "OTHER_", i);
        texts[i][strlen(texts[i])] = i % 3 == 0 ? 'x' : '=';
        list[i] = texts[i];
    }
    char small[64];
    assert_int_equal(mu_environment_read(list, &environment, small, sizeof small), -EINVAL);
    assert_int_equal(strlen(small), sizeof small - 1);
    assert_true(strlen(environment.unknown) <= MU_ENVIRONMENT_TEXT_MAX);
    list[0] = NULL;
    assert_int_equal(mu_environment_read(list, &environment, small, 1), 0);
    assert_string_equal(small, "");
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ours_are_taken),
        cmocka_unit_test(test_every_name),
        cmocka_unit_test(test_slips_are_refused),
        cmocka_unit_test(test_others_do_no_harm),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
