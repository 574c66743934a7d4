/* gateway/main.c - muster-gateway: its command line and its signals. */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/config_yaml.h"
#include "core/dealer_keys.h"
#include "core/parse.h"
#include "gateway/host.h"

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
    (void)signal;
    stop = 1;
}

static const char manual[] =
    "muster-gateway - the HTTP and WebSocket edge of a Muster cluster\n"
    "\n"
    "usage: muster-gateway --broker ENDPOINT... [--key FILE --broker-key KEY...]\n"
    "                      [--address IP] [--port PORT]\n"
    "                      [--admin-port PORT] [--config FILE] [--log LEVEL]\n"
    "\n"
    "options:\n"
    "  --broker ENDPOINT   tcp://127.0.0.1:PORT, tcp://[::1]:PORT or ipc://PATH; up to three\n"
    "                      times, once for each broker of the cluster; with a key also of other\n"
    "                      hosts, as tcp://10.0.0.7:7600\n"
    "  --key FILE          its own key, of muster keygen\n"
    "  --broker-key KEY    a broker's public key, 64 hex digits; once for each --broker, in order\n"
    "  --address IP        to listen on (default: 127.0.0.1); others than this machine's own\n"
    "                      only when the configuration has keys\n"
    "  --port PORT         of the API (default: 8080); 0: any that is free\n"
    "  --admin-port PORT   of health and metrics, on 127.0.0.1; 0: any that is free\n"
    "                      (default: no such listener)\n"
    "  --config FILE       the cluster's configuration, the same for all (default: built in)\n"
    "  --log LEVEL         error, warn, info or debug (default: info)\n"
    "  --die-with-parent   end when the process that started this one ends\n"
    "  -h, --help          this text\n"
    "  --version           the version\n"
    "\n"
    "SIGTERM and SIGINT drain it: it takes no new connections, answers what is pending, and ends\n"
    "within ten seconds.\n"
    "exit codes: 0 ended by signal; 64 wrong command line; 69 out of memory, or the address is\n"
    "taken; 74 a socket failed; 78 wrong configuration, endpoint or address.\n";

/* What the command line says. */
struct command {
    const char *address;
    const char *config;
    enum mu_log_level log;
    bool die_with_parent;
    bool admin;
    uint16_t port;
    uint16_t admin_port;
    const char *key;
    uint32_t brokers_count;
    const char *brokers[MU_BUS_BROKERS_MAX];
    uint32_t broker_keys_count;
    const char *broker_keys[MU_BUS_BROKERS_MAX];
};

static int usage(const char *complaint, const char *what)
{
    (void)fprintf(stderr, "muster-gateway: %s%s; try --help\n", complaint, what);
    return MU_GATEWAY_EXIT_USAGE;
}

/* Takes a port.  Returns -1 to go on, or the exit code. */
static int take_port(const char *text, uint16_t *ret)
{
    uint64_t port = 0;
    if (mu_parse_u64(text, 0, UINT16_MAX, &port) != 0) {
        return usage("a port is 0 to 65535, not ", text);
    }
    *ret = (uint16_t)port;
    return -1;
}

/* Takes one of up to three.  Returns -1 to go on, or the exit code. */
static int take_broker(const char *text, const char **list, uint32_t *count)
{
    if (*count == MU_BUS_BROKERS_MAX) {
        return usage("at most three brokers", "");
    }
    list[(*count)++] = text;
    return -1;
}

/* Takes one option.  Returns -1 to go on, or the exit code. */
static int take(int option, struct command *command)
{
    switch (option) {
    case 'b': return take_broker(optarg, command->brokers, &command->brokers_count);
    case 'K': return take_broker(optarg, command->broker_keys, &command->broker_keys_count);
    case 'i': command->key = optarg; return -1;
    case 'a': command->address = optarg; return -1;
    case 'p': return take_port(optarg, &command->port);
    case 'm': command->admin = true; return take_port(optarg, &command->admin_port);
    case 'c': command->config = optarg; return -1;
    case 'l':
        return mu_log_parse_level(optarg, &command->log) != 0
                   ? usage("there is no log level ", optarg)
                   : -1;
    case 'w': command->die_with_parent = true; return -1;
    case 'h': return fputs(manual, stdout) >= 0 ? 0 : MU_GATEWAY_EXIT_UNAVAILABLE;
    case 'v': return puts("muster-gateway " MU_VERSION) >= 0 ? 0 : MU_GATEWAY_EXIT_UNAVAILABLE;
    default: return usage("wrong option", "");
    }
}

static int parse(int argc, char **argv, struct command *ret)
{
    static const struct option options[] = {
        { "broker", required_argument, NULL, 'b' },
        { "key", required_argument, NULL, 'i' },
        { "broker-key", required_argument, NULL, 'K' },
        { "address", required_argument, NULL, 'a' },
        { "port", required_argument, NULL, 'p' },
        { "admin-port", required_argument, NULL, 'm' },
        { "config", required_argument, NULL, 'c' },
        { "log", required_argument, NULL, 'l' },
        { "log-level", required_argument, NULL, 'l' },
        { "die-with-parent", no_argument, NULL, 'w' },
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
    return ret->brokers_count == 0 ? usage("--broker is needed", "") : -1;
}

/* Returns -1, or the exit code. */
static int load_config(const struct command *command, struct mu_config *ret)
{
    char error[MU_CONFIG_ERROR_MAX];
    if (mu_config_load(command->config, ret, error, sizeof error) != 0) {
        (void)fprintf(stderr, "%s\n", error);
        return MU_GATEWAY_EXIT_CONFIG;
    }
    if (ret->keys_count == 0 && !mu_gateway_loopback(command->address)) {
        (void)fprintf(stderr,
                      "muster-gateway: --address %s: without keys in the configuration everybody "
                      "is\ntrusted, so only 127.0.0.1 or ::1 may be listened on\n",
                      command->address);
        return MU_GATEWAY_EXIT_CONFIG;
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
        (void)fprintf(stderr, "muster-gateway: %s\n", error);
        return MU_GATEWAY_EXIT_CONFIG;
    }
    return -1;
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

int main(int argc, char **argv)
{
    struct command command = { .address = "127.0.0.1", .port = 8080, .log = MU_LOG_INFO };
    int code = parse(argc, argv, &command);
    if (code >= 0) {
        return code;
    }
    struct mu_config *config = calloc(1, sizeof *config);
    struct mu_log *log = mu_log_create("gateway", command.log);
    code =
        config == NULL || log == NULL ? MU_GATEWAY_EXIT_UNAVAILABLE : load_config(&command, config);
    if (code < 0) {
        struct mu_gateway_options options = {
            .config = config,
            .log = log,
            .stop = &stop,
            .build = MU_VERSION,
            .address = command.address,
            .admin_address = command.admin ? "127.0.0.1" : NULL,
            .port = command.port,
            .admin_port = command.admin_port,
            .brokers_count = command.brokers_count,
        };
        memcpy(options.brokers, command.brokers, sizeof options.brokers);
        set_up_signals(command.die_with_parent);
        code = load_keys(&command, &options.keys);
        code = code < 0 ? mu_gateway_run(&options) : code;
        mu_dealer_keys_release(&options.keys);
    }
    mu_log_destroy(log);
    free(config);
    return code;
}
