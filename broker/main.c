/* broker/main.c - muster-broker: its command line and signals. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/host.h"
#include "core/config_yaml.h"
#include "core/endpoint.h"

enum { USAGE = 64, UNAVAILABLE = 69, CONFIG = 78 };

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
    (void)signal;
    stop = 1;
}

static const char manual[] =
    "muster-broker - carries the messages of a Muster cluster\n"
    "\n"
    "usage: muster-broker --bind ENDPOINT [--config FILE] [--log LEVEL]\n"
    "\n"
    "Gateways, shards, matchers, lobby and store connect to it; it routes what they send each\n"
    "other.  It keeps nothing on disk and may be killed at any time; a cluster may have up to\n"
    "three, which know nothing of each other.\n"
    "\n"
    "options:\n"
    "  --bind ENDPOINT   where to listen: tcp://127.0.0.1:7600, tcp://[::1]:7600 or ipc:///run/x;\n"
    "                    port * means any that is free, and the log says which.  Only this host\n"
    "                    can be served: the bus is neither encrypted nor authenticated yet\n"
    "  --config FILE     the cluster's configuration, the same for all (default: built in)\n"
    "  --log LEVEL       error, warn, info or debug (default: info)\n"
    "  -h, --help        this text\n"
    "  --version         the version\n"
    "\n"
    "signals: SIGTERM and SIGINT say goodbye to all and end it.\n"
    "exit codes: 0 ended by signal; 64 wrong command line; 69 cannot listen there; 74 the socket\n"
    "broke; 78 wrong configuration or endpoint.\n";

/* What the command line says. */
struct command {
    const char *bind;
    const char *config;
    enum mu_log_level log;
};

static int usage(const char *complaint, const char *what)
{
    (void)fprintf(stderr, "muster-broker: %s%s; try --help\n", complaint, what);
    return USAGE;
}

/* Returns -1 to go on, or the exit code. */
static int parse(int argc, char **argv, struct command *ret)
{
    static const struct option options[] = {
        { "bind", required_argument, NULL, 'b' },
        { "config", required_argument, NULL, 'c' },
        { "log", required_argument, NULL, 'l' },
        { "log-level", required_argument, NULL, 'l' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'v' },
        { NULL, 0, NULL, 0 },
    };
    int option;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 'b': ret->bind = optarg; break;
        case 'c': ret->config = optarg; break;
        case 'l':
            if (mu_log_parse_level(optarg, &ret->log) != 0) {
                return usage("there is no log level ", optarg);
            }
            break;
        case 'h': return fputs(manual, stdout) >= 0 ? 0 : UNAVAILABLE;
        case 'v': return puts("muster-broker " MU_VERSION) >= 0 ? 0 : UNAVAILABLE;
        default: return usage("wrong option", "");
        }
    }
    if (optind < argc) {
        return usage("takes no argument ", argv[optind]);
    }
    return ret->bind == NULL ? usage("--bind is needed", "") : -1;
}

static void catch_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    (void)sigaction(SIGTERM, &action, NULL); /* cannot fail for these */
    (void)sigaction(SIGINT, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
}

int main(int argc, char **argv)
{
    struct command command = { .log = MU_LOG_INFO };
    int code = parse(argc, argv, &command);
    if (code >= 0) {
        return code;
    }
    const char *fault = mu_endpoint_fault(command.bind);
    if (fault != NULL) {
        (void)fprintf(stderr, "muster-broker: --bind %s: %s\n", command.bind, fault);
        return CONFIG;
    }
    struct mu_config *config = calloc(1, sizeof *config);
    struct mu_log *log = mu_log_create("broker", command.log);
    char error[MU_CONFIG_ERROR_MAX];
    if (config == NULL || log == NULL) {
        code = UNAVAILABLE;
    } else if (mu_config_load(command.config, config, error, sizeof error) != 0) {
        (void)fprintf(stderr, "%s\n", error);
        code = CONFIG;
    } else {
        catch_signals();
        const struct mu_broker_options options = {
            .bind = command.bind,
            .build = MU_VERSION,
            .config = config,
            .log = log,
            .stop = &stop,
        };
        code = mu_broker_run(&options);
    }
    mu_log_destroy(log);
    free(config);
    return code;
}
