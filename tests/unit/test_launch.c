/* tests/unit/test_launch.c - how a program starts: what its command line, its environment and the
 * configuration file say together.  Runs in the root of the sources. */
#include "core/launch.h"

#include "tests/unit/unit.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct mu_launch *launch;

/* The environment of one test: variables that are set now are taken out after it. */
static const char *const variables[] = { "MUSTER_CONFIG",      "MUSTER_NAME", "MUSTER_LOG",
                                         "MUSTER_BROKERS",     "MUSTER_DATA", "MUSTER_ELO_K",
                                         "MUSTER_EVENTS_KEEP", "MUSTER_ELOK", "MUSTER_PORT_1" };

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        (void)unsetenv(variables[i]); /* the names are good */
    }
    launch = mu_launch_create("actor", "1.2.3");
    return launch == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    mu_launch_destroy(launch);
    return 0;
}

static void set(const char *name, const char *value)
{
    assert_int_equal(setenv(name, value, 1), 0);
}

/* Parses up to seven words, as if for the first time, then loads the configuration. */
static int start_words(const char *const *words)
{
    static char texts[8][128];
    char *argv[9] = { texts[0] };
    int argc = 1;
    launch->config_path = launch->name = launch->log_level = NULL;
    launch->key = NULL;
    launch->settings.count = launch->brokers.count = launch->broker_keys.count = 0;
    for (; words[argc - 1] != NULL; argc++) {
        assert_true(argc < 8);
        (void)snprintf(texts[argc], sizeof texts[argc], "%s", words[argc - 1]);
        argv[argc] = texts[argc];
    }
    const struct mu_option options[] = {
        MU_LAUNCH_BROKER_OPTIONS(launch),
        MU_LAUNCH_OPTIONS(launch),
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "actor", .arguments = "", .text = "", .options = options
    };
    int code = mu_launch_parse(launch, &manual, argc, argv, NULL);
    return code == MU_OPTIONS_GO ? mu_launch_configure(launch, NULL) : code;
}

#define START(...) start_words((const char *const[]){ __VA_ARGS__ })

static void test_precedence(void **state)
{
    char name[MU_PROCESS_NAME_MAX + 1];
    (void)state;
    set("MUSTER_CONFIG", "tests/unit/config/cluster.yaml");
    assert_int_equal(START(NULL), MU_OPTIONS_GO);
    assert_int_equal(launch->config.settings.elo_k, 24);
    set("MUSTER_ELO_K", "30");
    set("MUSTER_EVENTS_KEEP", "9");
    set("MUSTER_NAME", "environment");
    assert_int_equal(START("--set", "elo_k=31", "--set=elo_k=32", NULL), MU_OPTIONS_GO);
    assert_int_equal(launch->config.settings.elo_k, 32);
    assert_int_equal(launch->config.settings.events_keep, 9);
    assert_int_equal(launch->config.settings.cooldown_ms, 15000);
    mu_launch_name(launch, "matcher", name);
    assert_string_equal(name, "environment");
    assert_int_equal(START("--name", "flag/1", "--config", "muster.yaml", NULL), MU_OPTIONS_GO);
    mu_launch_name(launch, "matcher", name);
    assert_string_equal(name, "flag/1");
    assert_int_equal(launch->config.cluster.brokers_count, 0);
}

/* Each time as one process would have it: brokers of the command line, of the environment, of the
 * file; and those of the environment only for who connects. */
static void test_brokers(void **state)
{
    const char *brokers[MU_CLUSTER_BROKERS_MAX];
    struct mu_dealer_keys keys = { .own = NULL };
    uint32_t count = 0;
    (void)state;
    launch->connects = true;
    assert_int_equal(START(NULL), MU_OPTIONS_GO);
    assert_int_equal(mu_launch_brokers(launch, NULL, brokers, &count, &keys), MU_EXIT_USAGE);
    set("MUSTER_CONFIG", "tests/unit/config/cluster.yaml");
    assert_int_equal(START(NULL), MU_OPTIONS_GO);
    assert_int_equal(mu_launch_brokers(launch, NULL, brokers, &count, &keys), MU_OPTIONS_GO);
    assert_int_equal(count, 2);
    assert_string_equal(brokers[1], "tcp://127.0.0.1:5571");
    set("MUSTER_BROKERS", "ipc://x,ipc://y,tcp://127.0.0.1:5571");
    assert_int_equal(START(NULL), MU_OPTIONS_GO);
    assert_int_equal(mu_launch_brokers(launch, NULL, brokers, &count, &keys), MU_OPTIONS_GO);
    assert_int_equal(count, 3);
    assert_string_equal(brokers[0], "ipc://x");
    assert_string_equal(launch->config.cluster.brokers[2].name, "b");
    assert_int_equal(START("--broker", "ipc://z", NULL), MU_OPTIONS_GO);
    assert_int_equal(mu_launch_brokers(launch, NULL, brokers, &count, &keys), MU_OPTIONS_GO);
    assert_int_equal(count, 1);
    assert_string_equal(brokers[0], "ipc://z");
    assert_null(keys.own);
    launch->connects = false;
    assert_int_equal(START(NULL), MU_OPTIONS_GO);
    assert_int_equal(launch->config.cluster.brokers_count, 2);
}

#define PUBLIC "2fe57da347cd62431528daac5fbb290730fff684afc4cfc2ed90995f58cb3b74"

/* Writes a configuration of one broker on another host. */
static void write_config(const char *path, const char *key, const char *folder)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fprintf(file,
                  "cluster:\n  brokers:\n    - {name: a, endpoint: \"tcp://10.77.0.1:5570\"%s%s}\n",
                  key[0] != '\0' ? ", key: " : "", key);
    if (folder[0] != '\0') {
        (void)fprintf(file, "  keys: %s\n", folder);
    }
    assert_int_equal(fclose(file), 0);
}

/* What the keys of a process called `name` come to. */
static int load_keys(const char *name, struct mu_dealer_keys *ret)
{
    const char *brokers[MU_CLUSTER_BROKERS_MAX];
    uint32_t count = 0;
    mu_dealer_keys_release(ret);
    return mu_launch_brokers(launch, name, brokers, &count, ret);
}

/* Own key: of the command line, or by its name in the folder of the file; the brokers' likewise. */
static void test_keys(void **state)
{
    char made[] = "muster-launch-XXXXXX";
    char here[1024];
    char folder[sizeof here + sizeof made];
    char config[64];
    char path[64];
    char text[MU_PUBLIC_KEY_HEX + 1];
    struct mu_dealer_keys keys = { .own = NULL };
    (void)state;
    assert_non_null(mkdtemp(made));
    assert_non_null(getcwd(here, sizeof here));
    (void)snprintf(folder, sizeof folder, "%s/%s", here, made);
    (void)snprintf(config, sizeof config, "%s/c.yaml", made);
    (void)snprintf(path, sizeof path, "%s/m-1.key", made);
    struct mu_key_pair *pair = mu_key_pair_create();
    assert_int_equal(mu_key_pair_write(pair, "m-1", path), 0);
    write_config(config, PUBLIC, folder);
    assert_int_equal(START("--config", config, NULL), MU_OPTIONS_GO);
    assert_int_equal(load_keys(NULL, &keys), MU_EXIT_USAGE);   /* which is its own? */
    assert_int_equal(load_keys("../m", &keys), MU_EXIT_USAGE); /* a name, not a path */
    assert_int_equal(load_keys("m-2", &keys), MU_EXIT_CONFIG); /* has none */
    assert_int_equal(load_keys("m-1", &keys), MU_OPTIONS_GO);
    assert_memory_equal(keys.own->public_key, pair->public_key, MU_PUBLIC_KEY_BYTES);
    mu_public_key_print(keys.brokers[0], text);
    assert_string_equal(text, PUBLIC);
    write_config(config, "", folder); /* the broker's is not known */
    assert_int_equal(START("--config", config, NULL), MU_OPTIONS_GO);
    assert_int_equal(load_keys("m-1", &keys), MU_EXIT_CONFIG);
    assert_int_equal(START("--config", config, "--broker-key", PUBLIC, NULL), MU_OPTIONS_GO);
    assert_int_equal(load_keys("m-1", &keys), MU_OPTIONS_GO);
    write_config(config, PUBLIC, ""); /* it has none itself */
    assert_int_equal(START("--config", config, NULL), MU_OPTIONS_GO);
    assert_int_equal(load_keys("m-1", &keys), MU_EXIT_CONFIG);
    assert_int_equal(START("--config", config, "--key", path, NULL), MU_OPTIONS_GO);
    assert_int_equal(load_keys(NULL, &keys), MU_OPTIONS_GO);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(load_keys(NULL, &keys), MU_EXIT_CONFIG);
    mu_key_pair_destroy(pair);
    assert_int_equal(unlink(config), 0);
    assert_int_equal(rmdir(made), 0);
}

static void test_too_many_brokers(void **state)
{
    (void)state;
    launch->connects = true;
    set("MUSTER_BROKERS", "ipc://1,ipc://2,ipc://3,ipc://4");
    assert_int_equal(START(NULL), MU_EXIT_CONFIG);
    set("MUSTER_BROKERS", "ipc://1,,ipc://3");
    assert_int_equal(START(NULL), MU_EXIT_CONFIG);
}

static void test_refused(void **state)
{
    (void)state;
    assert_int_equal(START("--set", "elo_k", NULL), MU_EXIT_USAGE);
    assert_int_equal(START("--set", "=3", NULL), MU_EXIT_USAGE);
    assert_int_equal(START("--set", "elo=3", NULL), MU_EXIT_CONFIG);
    assert_int_equal(START("--set", "elo_k=0", NULL), MU_EXIT_CONFIG);
    assert_int_equal(START("--config", "absent.yaml", NULL), MU_EXIT_CONFIG);
    assert_int_equal(START("--name", "a b", NULL), MU_EXIT_USAGE);
    assert_int_equal(START("--name", "", NULL), MU_EXIT_USAGE);
    assert_int_equal(
        START("--name", "0123456789012345678901234567890123456789012345678901234567891234", NULL),
        MU_EXIT_USAGE);
    assert_int_equal(
        START("--name", "012345678901234567890123456789012345678901234567890123456789123", NULL),
        MU_OPTIONS_GO);
    assert_int_equal(START("--versoin", NULL), MU_EXIT_USAGE);
    assert_int_equal(START("--version", NULL), 0);
}

static void test_variables_are_looked_at(void **state)
{
    (void)state;
    set("MUSTER_PORT_1", "x");
    assert_int_equal(START(NULL), MU_OPTIONS_GO);
    assert_non_null(strstr(launch->environment.unknown, "MUSTER_PORT_1"));
    set("MUSTER_ELOK", "5");
    assert_int_equal(START(NULL), MU_EXIT_CONFIG);
}

static void test_log_levels(void **state)
{
    (void)state;
    set("MUSTER_LOG", "error");
    assert_int_equal(START(NULL), MU_OPTIONS_GO);
    assert_int_equal(mu_launch_open_log(launch, "test"), MU_OPTIONS_GO);
    assert_false(mu_log_wanted(launch->log, MU_LOG_WARN));
    mu_log_destroy(launch->log);
    launch->log = NULL;
    assert_int_equal(START("--log", "debug", NULL), MU_OPTIONS_GO);
    assert_int_equal(mu_launch_open_log(launch, "test"), MU_OPTIONS_GO);
    assert_true(mu_log_wanted(launch->log, MU_LOG_DEBUG));
    mu_log_destroy(launch->log);
    launch->log = NULL;
    assert_int_equal(START("--log", "loud", NULL), MU_OPTIONS_GO);
    assert_int_equal(mu_launch_open_log(launch, "test"), MU_EXIT_USAGE);
    set("MUSTER_LOG", "loud");
    assert_int_equal(START(NULL), MU_OPTIONS_GO);
    assert_int_equal(mu_launch_open_log(launch, "test"), MU_EXIT_CONFIG);
}

/* Without a name it is the host's, and fits, whole behind the slash. */
static void test_default_name(void **state)
{
    char name[MU_PROCESS_NAME_MAX + 1];
    char long_part[MU_PROCESS_NAME_MAX + 1];
    (void)state;
    assert_int_equal(START(NULL), MU_OPTIONS_GO);
    mu_launch_name(launch, "queue/eu-west-1", name);
    const char *slash = strchr(name, '/');
    assert_non_null(slash);
    assert_string_equal(slash, "/queue/eu-west-1");
    assert_memory_equal(name, mu_launch_host(launch), (size_t)(slash - name));
    assert_true(slash > name);
    memset(long_part, 'p', sizeof long_part - 1);
    memcpy(long_part, "queue/", 6);
    long_part[sizeof long_part - 1] = '\0';
    mu_launch_name(launch, long_part, name);
    assert_int_equal(strlen(name), MU_PROCESS_NAME_MAX);
    assert_memory_equal(name, "/queue/ppp", 10);
}

static void test_signals_set_the_flag(void **state)
{
    (void)state;
    assert_int_equal(START(NULL), MU_OPTIONS_GO);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const volatile sig_atomic_t *stop = mu_launch_signals(launch);
        int before = *stop;
        (void)raise(SIGPIPE); /* would end it */
        (void)raise(SIGHUP);  /* likewise */
        (void)raise(SIGTERM);
        _exit(before == 0 && *stop == 1 ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_precedence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_brokers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_many_brokers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_variables_are_looked_at, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_log_levels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_default_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_signals_set_the_flag, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
