/* actors/main.c - muster-actor: its command line, its signals, and the store's engine. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "actors/host.h"
#include "actors/lobby.h"
#include "actors/matcher.h"
#include "actors/queue.h"
#include "actors/store.h"
#include "core/address.h"
#include "core/config_yaml.h"
#include "core/dealer_keys.h"
#include "storage/lmdb.h"

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
    (void)signal;
    stop = 1;
}

static const char manual[] =
    "muster-actor - runs one part of a Muster cluster\n"
    "\n"
    "usage: muster-actor --kind KIND --broker ENDPOINT... [--key FILE --broker-key KEY...]\n"
    "                    [--partition NAME] [--data FOLDER] [--log LEVEL]\n"
    "                    [--die-with-parent] [--any-filesystem]\n"
    "\n"
    "kinds:\n"
    "  store             keeps everything, on disk; needs --data; one a cluster\n"
    "  queue             owns the tickets of a region; needs --partition queue/REGION\n"
    "  lobby             custom lobbies, acceptance, game servers; one a cluster (lobby/0)\n"
    "  matcher           proposes matches; start as many as there is work for\n"
    "\n"
    "options:\n"
    "  --broker ENDPOINT tcp://127.0.0.1:PORT, tcp://[::1]:PORT or ipc://PATH; up to three times,\n"
    "                    once for each broker of the cluster; with a key also of other hosts,\n"
    "                    as tcp://10.0.0.7:7600\n"
    "  --key FILE        its own key, of muster keygen\n"
    "  --broker-key KEY  a broker's public key, 64 hex digits; once for each --broker, in that "
    "order\n"
    "  --partition NAME  what it owns, as queue/eu-west-1\n"
    "  --data FOLDER     store: where its files are; created if missing\n"
    "  --any-filesystem  store: takes file systems, too, that may lose what was written when the\n"
    "                    power fails (overlay, tmpfs, NFS, ...): for development\n"
    "  --config FILE     the cluster's configuration, the same for all (default: built in)\n"
    "  --log LEVEL       error, warn, info or debug (default: info)\n"
    "  --die-with-parent end when the process that started this one ends\n"
    "  -h, --help        this text\n"
    "  --version         the version\n"
    "\n"
    "It waits for its brokers as long as it takes.  SIGTERM and SIGINT end it in order.\n"
    "exit codes: 0 ended by signal; 64 wrong command line; 69 out of memory or alike; 74 the "
    "store\n"
    "or a socket failed; 75 another owner has taken over, or has the store: start again; 78 wrong\n"
    "configuration, endpoint or store folder.\n";

/* What the command line says. */
struct command {
    const struct mu_actor_ops *ops;
    const char *partition;
    const char *data;
    const char *config;
    enum mu_log_level log;
    bool die_with_parent;
    bool any_filesystem;
    const char *key;
    uint32_t brokers_count;
    const char *brokers[MU_BUS_BROKERS_MAX];
    uint32_t broker_keys_count;
    const char *broker_keys[MU_BUS_BROKERS_MAX];
};

static int usage(const char *complaint, const char *what)
{
    (void)fprintf(stderr, "muster-actor: %s%s; try --help\n", complaint, what);
    return MU_HOST_EXIT_USAGE;
}

static const struct mu_actor_ops *find_kind(const char *kind)
{
    const struct mu_actor_ops *const kinds[] = { &mu_queue_ops, &mu_matcher_ops, &mu_lobby_ops,
                                                 &mu_store_actor_ops };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i]->kind, kind) == 0) {
            return kinds[i];
        }
    }
    return NULL;
}

/* Takes one option.  Returns -1 to go on, or the exit code. */
static int take(int option, struct command *command)
{
    switch (option) {
    case 'k':
        command->ops = find_kind(optarg);
        return command->ops == NULL ? usage("there is no kind ", optarg) : -1;
    case 'b':
        if (command->brokers_count == MU_BUS_BROKERS_MAX) {
            return usage("at most three brokers", "");
        }
        command->brokers[command->brokers_count++] = optarg;
        return -1;
    case 'K':
        if (command->broker_keys_count == MU_BUS_BROKERS_MAX) {
            return usage("at most three brokers", "");
        }
        command->broker_keys[command->broker_keys_count++] = optarg;
        return -1;
    case 'i': command->key = optarg; return -1;
    case 'l':
        return mu_log_parse_level(optarg, &command->log) != 0
                   ? usage("there is no log level ", optarg)
                   : -1;
    case 'p': command->partition = optarg; return -1;
    case 'd': command->data = optarg; return -1;
    case 'c': command->config = optarg; return -1;
    case 'w': command->die_with_parent = true; return -1;
    case 'a': command->any_filesystem = true; return -1;
    case 'h': return fputs(manual, stdout) >= 0 ? 0 : MU_HOST_EXIT_UNAVAILABLE;
    case 'v': return puts("muster-actor " MU_VERSION) >= 0 ? 0 : MU_HOST_EXIT_UNAVAILABLE;
    default: return usage("wrong option", "");
    }
}

static int parse(int argc, char **argv, struct command *ret)
{
    static const struct option options[] = {
        { "kind", required_argument, NULL, 'k' },
        { "broker", required_argument, NULL, 'b' },
        { "key", required_argument, NULL, 'i' },
        { "broker-key", required_argument, NULL, 'K' },
        { "partition", required_argument, NULL, 'p' },
        { "data", required_argument, NULL, 'd' },
        { "config", required_argument, NULL, 'c' },
        { "log", required_argument, NULL, 'l' },
        { "log-level", required_argument, NULL, 'l' },
        { "die-with-parent", no_argument, NULL, 'w' },
        { "any-filesystem", no_argument, NULL, 'a' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'v' },
        { NULL, 0, NULL, 0 },
    };
    int option;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        int code = take(option, ret);
        if (code >= 0) {
            return code;
        }
    }
    if (optind < argc) {
        return usage("takes no argument ", argv[optind]);
    }
    if (ret->ops == NULL || ret->brokers_count == 0) {
        return usage(ret->ops == NULL ? "--kind is needed" : "--broker is needed", "");
    }
    return -1;
}

/* Fills in what follows from the kind.  Returns -1, or the exit code. */
static int complete(struct command *command)
{
    bool store = command->ops == &mu_store_actor_ops;
    bool queue = command->ops == &mu_queue_ops;
    bool lobby = command->ops == &mu_lobby_ops;
    if (store != (command->data != NULL)) {
        return usage(store ? "a store needs --data" : "--data is for a store only", "");
    }
    if (command->partition == NULL && lobby) {
        command->partition = "lobby/0";
    }
    if (command->partition == NULL) {
        command->partition = "";
    }
    bool owns = command->partition[0] != '\0';
    if (owns != (queue || lobby)) {
        return usage(owns ? "--partition is for queue and lobby only" : "--partition is needed",
                     "");
    }
    size_t length = strlen(command->ops->kind);
    if (owns && (mu_address_kind(command->partition) != MU_ADDRESS_PARTITION ||
                 strncmp(command->partition, command->ops->kind, length) != 0 ||
                 command->partition[length] != '/')) {
        return usage("the partition is written KIND/NAME, not ", command->partition);
    }
    return -1;
}

/* Returns -1, or the exit code. */
static int load_keys(const struct command *command, struct mu_dealer_keys *ret)
{
    const struct mu_dealer_words words = {
        .file = command->key,
        .brokers_count = command->brokers_count,
        .brokers = command->brokers,
        .broker_keys_count = command->broker_keys_count,
        .broker_keys = command->broker_keys,
    };
    char error[MU_KEY_PAIR_ERROR_MAX];
    if (mu_dealer_keys_load(&words, ret, error) != 0) {
        (void)fprintf(stderr, "muster-actor: %s\n", error);
        return MU_HOST_EXIT_CONFIG;
    }
    return -1;
}

/* Returns -1, or the exit code. */
static int load_config(const struct command *command, struct mu_config *ret)
{
    char error[MU_CONFIG_ERROR_MAX];
    if (mu_config_load(command->config, ret, error, sizeof error) != 0) {
        (void)fprintf(stderr, "%s\n", error);
        return MU_HOST_EXIT_CONFIG;
    }
    const char *region = strchr(command->partition, '/');
    if (command->ops == &mu_queue_ops && mu_config_region(ret, region + 1) < 0) {
        (void)fprintf(stderr,
                      "muster-actor: --partition %s: the configuration has no such region\n",
                      command->partition);
        return MU_HOST_EXIT_CONFIG;
    }
    return -1;
}

static int open_store(const struct command *command, struct mu_log *log, struct mu_store **ret)
{
    char error[MU_LMDB_ERROR_MAX];
    const struct mu_lmdb_options options = {
        .folder = command->data,
        .any_filesystem = command->any_filesystem,
    };
    if (command->data == NULL) {
        return -1;
    }
    int r = mu_lmdb_open(&options, ret, error, sizeof error);
    if (r == 0) {
        return -1;
    }
    mu_log_line(log, MU_LOG_ERROR, NULL, "cannot open the store", "folder=\"%s\" error=\"%s\"",
                command->data, error);
    switch (r) {
    case -EBUSY: return MU_HOST_EXIT_AGAIN;
    case -ENOTSUP:
    case -EPROTONOSUPPORT:
    case -EACCES:
    case -ENOENT: return MU_HOST_EXIT_CONFIG;
    default: return MU_HOST_EXIT_IO;
    }
}

static void set_up_signals(bool die_with_parent)
{
    struct sigaction action = { .sa_handler = on_signal };
    (void)sigaction(SIGTERM, &action, NULL); /* cannot fail for these */
    (void)sigaction(SIGINT, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
    if (die_with_parent) {
        pid_t parent = getppid();
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* fails only on what is no signal */
        if (getppid() != parent) {
            stop = 1; /* it ended just before */
        }
    }
}

static int run(const struct command *command, struct mu_log *log, const struct mu_config *config)
{
    struct mu_host_options options = {
        .ops = command->ops,
        .partition = command->partition,
        .build = MU_VERSION,
        .config = config,
        .log = log,
        .stop = &stop,
        .brokers_count = command->brokers_count,
    };
    memcpy(options.brokers, command->brokers, sizeof options.brokers);
    set_up_signals(command->die_with_parent);
    int code = load_keys(command, &options.keys);
    code = code < 0 ? open_store(command, log, &options.store) : code;
    if (code < 0) {
        code = mu_host_run(&options);
    }
    mu_dealer_keys_release(&options.keys);
    if (options.store != NULL) {
        options.store->ops->destroy(options.store);
    }
    return code;
}

int main(int argc, char **argv)
{
    struct command command = { .log = MU_LOG_INFO };
    int code = parse(argc, argv, &command);
    code = code < 0 ? complete(&command) : code;
    if (code >= 0) {
        return code;
    }
    const char *name = command.partition[0] != '\0' ? command.partition : command.ops->kind;
    struct mu_config *config = calloc(1, sizeof *config);
    struct mu_log *log = mu_log_create(name, command.log);
    code = config == NULL || log == NULL ? MU_HOST_EXIT_UNAVAILABLE : load_config(&command, config);
    if (code < 0) {
        code = run(&command, log, config);
    }
    mu_log_destroy(log);
    free(config);
    return code;
}
