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
static volatile sig_atomic_t reread; /* the peers file */

static void on_signal(int signal)
{
    if (signal == SIGHUP) {
        reread = 1;
    } else {
        stop = 1;
    }
}

static const char manual[] =
    "muster-broker - carries the messages of a Muster cluster\n"
    "\n"
    "usage: muster-broker --bind ENDPOINT [--key FILE --peers FILE] [--config FILE]\n"
    "                     [--log LEVEL]\n"
    "\n"
    "Gateways, shards, matchers, lobby and store connect to it; it routes what they send each\n"
    "other.  It keeps nothing on disk and may be killed at any time; a cluster may have up to\n"
    "three, which know nothing of each other.\n"
    "\n"
    "options:\n"
    "  --bind ENDPOINT   where to listen: tcp://127.0.0.1:7600, tcp://[::1]:7600 or ipc:///run/x;\n"
    "                    port * means any that is free, and the log says which; with keys any\n"
    "                    address of this host, as tcp://10.0.0.7:7600 or tcp://0.0.0.0:7600\n"
    "  --key FILE        its own key, of muster keygen: the bus is encrypted, and only who is "
    "listed\n"
    "                    is let in.  Without, everybody who can connect is trusted: so only this\n"
    "                    host can be served\n"
    "  --peers FILE      who is let in, and as what (muster peers); read again when it changes\n"
    "  --config FILE     the cluster's configuration, the same for all (default: built in)\n"
    "  --log LEVEL       error, warn, info or debug (default: info)\n"
    "  -h, --help        this text\n"
    "  --version         the version\n"
    "\n"
    "signals: SIGTERM and SIGINT say goodbye to all and end it; SIGHUP reads the peers file now.\n"
    "exit codes: 0 ended by signal; 64 wrong command line; 69 cannot listen there; 74 the socket\n"
    "broke; 78 wrong configuration or endpoint.\n";

/* What the command line says. */
struct command {
    const char *bind;
    const char *key;
    const char *peers;
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
        { "key", required_argument, NULL, 'k' },
        { "peers", required_argument, NULL, 'p' },
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
        case 'k': ret->key = optarg; break;
        case 'p': ret->peers = optarg; break;
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
    if ((ret->key == NULL) != (ret->peers == NULL)) {
        return usage("--key and --peers go together", "");
    }
    return ret->bind == NULL ? usage("--bind is needed", "") : -1;
}

static void catch_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    (void)sigaction(SIGTERM, &action, NULL); /* cannot fail for these */
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
}

/* Returns the exit code. */
static int run(const struct command *command, const struct mu_config *config, struct mu_log *log)
{
    struct mu_key_pair *key = NULL;
    char error[MU_KEY_PAIR_ERROR_MAX];
    if (command->key != NULL && mu_key_pair_read(command->key, &key, error) != 0) {
        (void)fprintf(stderr, "muster-broker: %s\n", error);
        return CONFIG;
    }
    catch_signals();
    const struct mu_broker_options options = {
        .bind = command->bind,
        .key = key,
        .peers = command->peers,
        .reread = &reread,
        .config = config,
        .log = log,
        .stop = &stop,
    };
    int code = mu_broker_run(&options);
    mu_key_pair_destroy(key);
    return code;
}

int main(int argc, char **argv)
{
    struct command command = { .log = MU_LOG_INFO };
    int code = parse(argc, argv, &command);
    if (code >= 0) {
        return code;
    }
    const char *fault = mu_endpoint_fault(command.bind, command.key != NULL);
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
        code = run(&command, config, log);
    }
    mu_log_destroy(log);
    free(config);
    return code;
}
