/* gateway/main.c - muster-gateway: its command line and which gateway of the cluster it is. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/endpoint.h"
#include "core/launch.h"
#include "core/parse.h"
#include "gateway/access.h"
#include "gateway/host.h"

enum { NO_PORT = UINT16_MAX + 1 };

static const char text[] =
    "The HTTP and WebSocket edge of a cluster: all that clients meet.\n"
    "\n"
    "It listens as the configuration says of the gateway called NAME; without a name\n"
    "that is the only one there, or the one that is called as this host; without any\n"
    "on 127.0.0.1:8080.  Other addresses than this machine's own only when the\n"
    "configuration has keys.  Port 0 means any that is free, and the log says which.\n"
    "Its own key is NAME.key in the folder cluster.keys; without keys only brokers on\n"
    "this host can be spoken to (docs/KEYS.md).\n"
    "\n"
    "Environment: MUSTER_CONFIG, MUSTER_NAME, MUSTER_LOG, MUSTER_BROKERS (endpoints\n"
    "with commas between), MUSTER_KEYS, MUSTER_LISTEN and MUSTER_ADMIN (ADDRESS:PORT each), and\n"
    "MUSTER_<SETTING>.  The command line stands above it, and it above the file.\n"
    "SIGTERM and SIGINT drain it: it takes no new connections, answers what is\n"
    "pending, and ends within ten seconds.\n"
    "Exit codes: 0 ended by signal; 64 wrong command line; 69 out of memory, or the\n"
    "address is taken; 74 a socket failed; 78 wrong configuration, environment,\n"
    "endpoint or address.\n";

/* What the command line says. */
struct command {
    const char *address;
    uint64_t port;       /* NO_PORT: not given */
    uint64_t admin_port; /* likewise */
};

/* Where it listens. */
struct place {
    char name[MU_PROCESS_NAME_MAX + 1];
    char address[MU_HOST_MAX + 1];
    char admin_address[MU_HOST_MAX + 1]; /* empty: no such listener */
    uint16_t port;
    uint16_t admin_port;
};

/* Says why nothing tells where to listen.  Returns the exit code. */
static int tell_lost(const struct mu_launch *launch, int why)
{
    if (why == -ESRCH) {
        mu_launch_tell(launch,
                       "the configuration has several gateways, and none is called %s as this "
                       "host is: say with --name which of them this is",
                       mu_launch_host(launch));
        return MU_EXIT_USAGE;
    }
    mu_launch_tell(launch,
                   "the configuration has no gateway %s: add it to cluster.gateways, or give "
                   "--port PORT",
                   launch->name);
    return MU_EXIT_CONFIG;
}

/* Takes an "ADDRESS:PORT" of the environment, which the configuration's check has not seen. */
static int take_variable(const struct mu_launch *launch, const char *variable, const char *value,
                         char *ret_address, uint16_t *ret_port)
{
    if (value == NULL || mu_listen_parse(value, ret_address, ret_port) == 0) {
        return MU_OPTIONS_GO;
    }
    mu_launch_tell(launch, "environment %s: is written ADDRESS:PORT, as 10.77.0.3:8080, not %s",
                   variable, value);
    return MU_EXIT_CONFIG;
}

/* Finds where to listen: the file's entry, then the environment, then the command line.  Returns
 * MU_OPTIONS_GO, or the exit code after it said why. */
static int find_place(const struct mu_launch *launch, const struct command *command,
                      struct place *ret)
{
    const struct mu_config_cluster *cluster = &launch->config.cluster;
    const struct mu_environment *environment = &launch->environment;
    int index = mu_cluster_pick_gateway(cluster, launch->name, mu_launch_host(launch));
    bool said = command->port != NO_PORT || environment->listen != NULL;
    *ret = (struct place){ .address = "127.0.0.1", .port = 8080 };
    mu_launch_name(launch, "gateway", ret->name);
    if (index >= 0) {
        const struct mu_cluster_gateway *gateway = &cluster->gateways[index];
        (void)snprintf(ret->name, sizeof ret->name, "%s", gateway->name);
        (void)mu_listen_parse(gateway->listen, ret->address, &ret->port); /* was checked */
        (void)mu_listen_parse(gateway->admin, ret->admin_address, &ret->admin_port); /* or empty */
    } else if (!said && cluster->gateways_count > 0) {
        return tell_lost(launch, index);
    }
    int code =
        take_variable(launch, "MUSTER_LISTEN", environment->listen, ret->address, &ret->port);
    code = code == MU_OPTIONS_GO ? take_variable(launch, "MUSTER_ADMIN", environment->admin,
                                                 ret->admin_address, &ret->admin_port)
                                 : code;
    if (command->address != NULL) {
        (void)snprintf(ret->address, sizeof ret->address, "%s", command->address);
    }
    if (command->port != NO_PORT) {
        ret->port = (uint16_t)command->port;
    }
    if (command->admin_port != NO_PORT) {
        (void)snprintf(ret->admin_address, sizeof ret->admin_address, "127.0.0.1");
        ret->admin_port = (uint16_t)command->admin_port;
    }
    return code;
}

static int run(struct mu_launch *launch, const struct command *command)
{
    struct place place;
    struct mu_gateway_options options = { .build = MU_VERSION };
    int code = mu_launch_configure(launch, NULL);
    code = code == MU_OPTIONS_GO ? find_place(launch, command, &place) : code;
    code = code == MU_OPTIONS_GO ? mu_launch_open_log(launch, "gateway") : code;
    if (code != MU_OPTIONS_GO) {
        return code;
    }
    if (mu_access_open(&launch->config) && !mu_address_loopback(place.address)) {
        mu_launch_tell(launch,
                       "cannot listen on %s: " MU_CLUSTER_API_KEYS_HOW " in the file of --config",
                       place.address);
        return MU_EXIT_CONFIG;
    }
    code = mu_launch_brokers(launch, place.name, options.brokers, &options.brokers_count,
                             &options.keys);
    if (code != MU_OPTIONS_GO) {
        return code;
    }
    options.config = &launch->config;
    options.log = launch->log;
    options.stop = mu_launch_signals(launch);
    options.name = place.name;
    options.address = place.address;
    options.admin_address = place.admin_address[0] != '\0' ? place.admin_address : NULL;
    options.port = place.port;
    options.admin_port = place.admin_port;
    code = mu_gateway_run(&options);
    mu_dealer_keys_release(&options.keys);
    return code;
}

int main(int argc, char **argv)
{
    struct mu_launch *launch = mu_launch_create("gateway", MU_VERSION);
    struct command command = { .port = NO_PORT, .admin_port = NO_PORT };
    if (launch == NULL) {
        return MU_EXIT_UNAVAILABLE;
    }
    launch->connects = true;
    const struct mu_option options[] = {
        MU_LAUNCH_BROKER_OPTIONS(launch),
        { "address", "IP", "to listen on, in the place of the file's",
          .ret_text = &command.address },
        { "port", "PORT", "of the API, in the place of the file's", .ret_number = &command.port,
          .max = UINT16_MAX },
        { "admin-port", "PORT", "of health and metrics, on 127.0.0.1",
          .ret_number = &command.admin_port, .max = UINT16_MAX },
        MU_LAUNCH_OPTIONS(launch),
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "gateway", .arguments = "[OPTION ...]", .text = text, .options = options
    };
    int code = mu_launch_parse(launch, &manual, argc, argv, NULL);
    code = code == MU_OPTIONS_GO ? run(launch, &command) : code;
    mu_launch_destroy(launch);
    return code;
}
