#include "core/launch.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/config_yaml.h"
#include "core/endpoint.h"

extern char **environ; /* POSIX has it in no header */

/* So much can stand above the file: all settings twice, brokers, three paths. */
enum {
    SETTINGS_COUNT = sizeof(struct mu_settings) / sizeof(uint64_t),
    BROKERS_TEXT_MAX = 4 * (MU_ENDPOINT_MAX + 1),
    OVERRIDES_MAX = SETTINGS_COUNT + MU_OPTION_LIST_MAX + MU_OPTION_LIST_MAX + 3,
    WORD_MAX = 95,
};

struct word {
    char text[WORD_MAX + 1];
};

struct mu_launch_state {
    const char *program;
    const char *version;
    char host[MU_PROCESS_NAME_MAX + 1];
    char brokers_text[BROKERS_TEXT_MAX + 1]; /* of the environment, cut at its commas */
    uint32_t overrides_count;
    struct mu_config_override overrides[OVERRIDES_MAX];
    struct word paths[OVERRIDES_MAX];   /* of the override at that index, unless it is constant */
    struct word origins[OVERRIDES_MAX]; /* likewise */
};

/* The one writable global of the mains: signal handlers have nothing else to write to. */
static volatile sig_atomic_t stop;

/* The first signal asks for an orderly end, the second for one at once. */
static void on_signal(int signal)
{
    (void)signal;
    stop = stop == 0 ? 1 : 2;
}

void mu_launch_tell(const struct mu_launch *launch, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fprintf(stderr, "muster %s: ", launch->state->program);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
}

/* What a process's name may hold: it travels in messages and stands in logs. */
static bool name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("_.-/", c) != NULL;
}

/* Returns MU_OPTIONS_GO, or the exit code after it said why. */
static int check_name(const struct mu_launch *launch)
{
    const char *name = launch->name;
    size_t bytes = 0;
    while (name[bytes] != '\0' && name_byte(name[bytes])) {
        bytes++;
    }
    if (name[bytes] == '\0' && bytes >= 1 && bytes <= MU_PROCESS_NAME_MAX) {
        return MU_OPTIONS_GO;
    }
    mu_launch_tell(launch, "a name has 1 to %d letters, digits, _ . - or /: not \"%s\"",
                   MU_PROCESS_NAME_MAX, name);
    return MU_EXIT_USAGE;
}

struct mu_launch *mu_launch_create(const char *program, const char *version)
{
    struct mu_launch *launch = calloc(1, sizeof *launch);
    struct mu_launch_state *state = calloc(1, sizeof *state);
    if (launch == NULL || state == NULL) {
        free(launch);
        free(state);
        return NULL;
    }
    state->program = program;
    state->version = version;
    if (gethostname(state->host, sizeof state->host - 1) != 0 || state->host[0] == '\0') {
        (void)snprintf(state->host, sizeof state->host, "localhost"); /* longer, or none at all */
    }
    for (char *c = state->host; *c != '\0'; c++) {
        if (!name_byte(*c)) {
            *c = '-';
        }
    }
    launch->state = state;
    return launch;
}

void mu_launch_destroy(struct mu_launch *launch)
{
    if (launch == NULL) {
        return;
    }
    mu_log_destroy(launch->log);
    free(launch->state);
    free(launch);
}

int mu_launch_parse(struct mu_launch *launch, const struct mu_manual *manual, int argc, char **argv,
                    const char **ret_arguments)
{
    struct mu_environment *environment = &launch->environment;
    char error[MU_CONFIG_ERROR_MAX];
    int code = mu_options_parse(manual, argc, argv, ret_arguments);
    if (code != MU_OPTIONS_GO) {
        return code;
    }
    if (launch->version) {
        return printf("muster-%s %s\n", launch->state->program, launch->state->version) > 0
                   ? 0
                   : MU_EXIT_UNAVAILABLE;
    }
    if (mu_environment_read(environ, environment, error, sizeof error) != 0) {
        (void)fprintf(stderr, "%s\n", error);
        return MU_EXIT_CONFIG;
    }
    launch->config_path = launch->config_path != NULL ? launch->config_path : environment->config;
    launch->name = launch->name != NULL ? launch->name : environment->name;
    return launch->name == NULL ? MU_OPTIONS_GO : check_name(launch);
}

/* Puts a value above the file; path and origin are constant. */
static void add(struct mu_launch_state *state, const char *path, const char *value,
                const char *origin)
{
    if (value != NULL) {
        assert(state->overrides_count < OVERRIDES_MAX);
        state->overrides[state->overrides_count++] =
            (struct mu_config_override){ .path = path, .value = value, .origin = origin };
    }
}

/* The brokers of the environment, with commas between. */
static void add_brokers(struct mu_launch_state *state, const char *text)
{
    uint32_t count = 0;
    (void)snprintf(state->brokers_text, sizeof state->brokers_text, "%s", text);
    for (char *at = state->brokers_text; at != NULL && count < MU_OPTION_LIST_MAX; count++) {
        char *comma = strchr(at, ',');
        if (comma != NULL) {
            *comma = '\0';
        }
        add(state, "cluster.brokers", at, "environment MUSTER_BROKERS");
        at = comma != NULL ? comma + 1 : NULL;
    }
}

/* Puts a setting of the environment above the file. */
static void add_variable(struct mu_launch_state *state, const char *name, const char *value)
{
    if (value != NULL) {
        uint32_t i = state->overrides_count;
        char *origin = state->origins[i].text;
        char variable[MU_ENVIRONMENT_NAME_MAX + 1];
        mu_environment_name(name, variable);
        (void)snprintf(origin, WORD_MAX + 1, "environment %s", variable);
        (void)snprintf(state->paths[i].text, WORD_MAX + 1, "settings.%s", name);
        add(state, state->paths[i].text, value, origin);
    }
}

/* Puts a "NAME=VALUE" above the file.  Returns MU_OPTIONS_GO or MU_EXIT_USAGE. */
static int add_set(struct mu_launch *launch, const char *text)
{
    struct mu_launch_state *state = launch->state;
    uint32_t i = state->overrides_count;
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        mu_launch_tell(launch, "--set is written NAME=VALUE, as --set elo_k=24, not %s", text);
        return MU_EXIT_USAGE;
    }
    int bytes = (int)(equals - text < WORD_MAX / 2 ? equals - text : WORD_MAX / 2);
    (void)snprintf(state->paths[i].text, WORD_MAX + 1, "settings.%.*s", bytes, text);
    (void)snprintf(state->origins[i].text, WORD_MAX + 1, "--set %.*s", bytes, text);
    add(state, state->paths[i].text, equals + 1, state->origins[i].text);
    return MU_OPTIONS_GO;
}

int mu_launch_configure(struct mu_launch *launch, struct mu_config_origins *ret_origins)
{
    struct mu_launch_state *state = launch->state;
    const struct mu_environment *environment = &launch->environment;
    char error[MU_CONFIG_ERROR_MAX];
    state->overrides_count = 0;
#define SETTING(name, default_value, min, max, unit, doc)                                          \
    add_variable(state, #name, environment->settings.name);
#include "core/settings.def"
#undef SETTING
    for (uint32_t i = 0; i < launch->brokers.count; i++) { /* only who connects has the option */
        add(state, "cluster.brokers", launch->brokers.items[i], "--broker");
    }
    if (launch->connects && launch->brokers.count == 0 && environment->brokers != NULL) {
        add_brokers(state, environment->brokers);
    }
    add(state, "cluster.store.data", environment->data, "environment MUSTER_DATA");
    add(state, "cluster.keys", environment->keys, "environment MUSTER_KEYS");
    add(state, "cluster.peers", environment->peers, "environment MUSTER_PEERS");
    for (uint32_t i = 0; i < launch->settings.count; i++) {
        int code = add_set(launch, launch->settings.items[i]);
        if (code != MU_OPTIONS_GO) {
            return code;
        }
    }
    const struct mu_config_sources sources = {
        .path = launch->config_path,
        .overrides = state->overrides,
        .overrides_count = state->overrides_count,
        .start = launch->checks_start,
    };
    if (mu_config_load_sources(&sources, &launch->config, ret_origins, error, sizeof error) != 0) {
        (void)fprintf(stderr, "%s\n", error);
        return MU_EXIT_CONFIG;
    }
    return MU_OPTIONS_GO;
}

int mu_launch_open_log(struct mu_launch *launch, const char *actor)
{
    const char *given = launch->environment.log;
    const char *text = launch->log_level != NULL ? launch->log_level
                       : given != NULL           ? given
                                                 : "info";
    enum mu_log_level level;
    if (mu_log_parse_level(text, &level) != 0) {
        mu_launch_tell(launch, "there is no log level %s: it is error, warn, info or debug", text);
        return launch->log_level != NULL ? MU_EXIT_USAGE : MU_EXIT_CONFIG;
    }
    launch->log = mu_log_create(actor, level);
    if (launch->log == NULL) {
        return MU_EXIT_UNAVAILABLE;
    }
    if (launch->environment.unknown[0] != '\0') {
        mu_log_line(launch->log, MU_LOG_WARN, NULL, "environment variables that are not known",
                    "names=\"%s\"", launch->environment.unknown);
    }
    return MU_OPTIONS_GO;
}

int mu_launch_key_path(const struct mu_launch *launch, const char *name, char *ret)
{
    const char *folder = launch->config.cluster.keys;
    const char *path = launch->key;
    ret[0] = '\0';
    if (path == NULL && folder[0] == '\0') {
        return MU_OPTIONS_GO;
    }
    if (path == NULL && (name == NULL || strchr(name, '/') != NULL)) {
        mu_launch_tell(launch,
                       "which of the keys in %s is its own? give --name NAME, without a slash, or "
                       "--key FILE",
                       folder);
        return MU_EXIT_USAGE;
    }
    int n = path != NULL ? snprintf(ret, MU_KEY_PATH_MAX + 1, "%s", path)
                         : snprintf(ret, MU_KEY_PATH_MAX + 1, "%s/%s.key", folder, name);
    if (n < 0 || n > MU_KEY_PATH_MAX) {
        mu_launch_tell(launch, "the path of --key is longer than %d bytes", MU_KEY_PATH_MAX);
        return MU_EXIT_USAGE;
    }
    return MU_OPTIONS_GO;
}

/* Whether all brokers of the configuration have their public key there. */
static bool brokers_have_keys(const struct mu_config_cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->brokers_count; i++) {
        if (cluster->brokers[i].key[0] == '\0') {
            return false;
        }
    }
    return true;
}

/* Reads the keys of this process and of its brokers.  Returns MU_OPTIONS_GO, or the exit code. */
static int load_keys(const struct mu_launch *launch, const char *name, const char *const *brokers,
                     struct mu_dealer_keys *ret)
{
    const struct mu_config_cluster *cluster = &launch->config.cluster;
    const char *broker_keys[MU_CLUSTER_BROKERS_MAX];
    char path[MU_KEY_PATH_MAX + 1];
    char error[MU_KEY_PAIR_ERROR_MAX];
    int code = mu_launch_key_path(launch, name, path);
    struct mu_dealer_words words = {
        .file = path[0] != '\0' ? path : NULL,
        .brokers_count = cluster->brokers_count,
        .brokers = brokers,
        .broker_keys_count = launch->broker_keys.count,
        .broker_keys = launch->broker_keys.items,
    };
    if (words.broker_keys_count == 0 && brokers_have_keys(cluster)) {
        for (uint32_t i = 0; i < cluster->brokers_count; i++) {
            broker_keys[i] = cluster->brokers[i].key;
        }
        words.broker_keys_count = cluster->brokers_count;
        words.broker_keys = broker_keys;
    }
    if (code == MU_OPTIONS_GO && mu_dealer_keys_load(&words, ret, error) != 0) {
        mu_launch_tell(launch, "%s", error);
        return MU_EXIT_CONFIG;
    }
    return code;
}

int mu_launch_brokers(const struct mu_launch *launch, const char *name, const char **ret,
                      uint32_t *ret_count, struct mu_dealer_keys *ret_keys)
{
    const struct mu_config_cluster *cluster = &launch->config.cluster;
    if (cluster->brokers_count == 0) {
        mu_launch_tell(launch, "no broker is known: give --broker ENDPOINT, or MUSTER_BROKERS, or "
                               "cluster.brokers in the file of --config");
        return MU_EXIT_USAGE;
    }
    for (uint32_t i = 0; i < cluster->brokers_count; i++) {
        ret[i] = cluster->brokers[i].endpoint;
    }
    *ret_count = cluster->brokers_count;
    return load_keys(launch, name, ret, ret_keys);
}

void mu_launch_name(const struct mu_launch *launch, const char *part, char *ret)
{
    if (launch->name != NULL) {
        (void)snprintf(ret, MU_PROCESS_NAME_MAX + 1, "%s", launch->name);
        return;
    }
    size_t part_bytes = strnlen(part, MU_PROCESS_NAME_MAX - 1);
    int host_bytes = (int)(MU_PROCESS_NAME_MAX - 1 - part_bytes);
    (void)snprintf(ret, MU_PROCESS_NAME_MAX + 1, "%.*s/%s", host_bytes, launch->state->host, part);
}

const char *mu_launch_host(const struct mu_launch *launch)
{
    return launch->state->host;
}

const volatile sig_atomic_t *mu_launch_signals(const struct mu_launch *launch)
{
    struct sigaction action = { .sa_handler = on_signal };
    (void)sigaction(SIGTERM, &action, NULL); /* cannot fail for these */
    (void)sigaction(SIGINT, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL); /* "reload": its default would lose what it has */
    if (launch->die_with_parent) {
        pid_t parent = getppid();
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* fails only on what is no signal */
        if (getppid() != parent) {
            stop = 1; /* it ended just before */
        }
    }
    return &stop;
}
