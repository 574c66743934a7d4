/* broker/main.c - muster-broker: its command line and which broker of the cluster it is. */
#include <errno.h>
#include <stdio.h>

#include "broker/host.h"
#include "core/endpoint.h"
#include "core/launch.h"

static const char text[] =
    "Carries the messages of a cluster: gateways, shards, matchers, lobby and store\n"
    "connect to it, and it routes what they send each other.  It keeps nothing on\n"
    "disk and may be killed at any time; a cluster may have up to three, which know\n"
    "nothing of each other.\n"
    "\n"
    "It listens as the configuration says of the broker called NAME; without a name\n"
    "that is the only one there, or the one that is called as this host.  An endpoint\n"
    "is written tcp://127.0.0.1:7600, tcp://[::1]:7600 or ipc:///run/x; port * means\n"
    "any that is free, and the log says which.  Only this host can be served: the bus\n"
    "is neither encrypted nor authenticated yet.\n"
    "\n"
    "Environment: MUSTER_CONFIG, MUSTER_NAME, MUSTER_LOG, MUSTER_LISTEN (as --bind),\n"
    "and MUSTER_<SETTING>.  The command line stands above it, and it above the file.\n"
    "SIGTERM and SIGINT say goodbye to all and end it.\n"
    "Exit codes: 0 ended by signal; 64 wrong command line; 69 cannot listen there;\n"
    "74 the socket broke; 78 wrong configuration, environment or endpoint.\n";

/* Says why nothing tells where to listen.  Returns the exit code. */
static int tell_lost(const struct mu_launch *launch, int why)
{
    if (why == -ESRCH) {
        mu_launch_tell(launch,
                       "the configuration has several brokers, and none is called %s as "
                       "this host is: say with --name which of them this is",
                       mu_launch_host(launch));
        return MU_EXIT_USAGE;
    }
    if (launch->name != NULL) {
        mu_launch_tell(launch,
                       "the configuration has no broker %s: add it to cluster.brokers, or "
                       "give --bind ENDPOINT",
                       launch->name);
        return MU_EXIT_CONFIG;
    }
    mu_launch_tell(launch, "where to listen is not known: give --bind ENDPOINT, or cluster.brokers "
                           "in the file of --config");
    return MU_EXIT_USAGE;
}

/* Finds where to listen, unless that was said, and what this broker is called.  Returns
 * MU_OPTIONS_GO, or the exit code after it said why. */
static int place(const struct mu_launch *launch, const char **bind, char *ret_name)
{
    const struct mu_config_cluster *cluster = &launch->config.cluster;
    int index = mu_cluster_pick_broker(cluster, launch->name, mu_launch_host(launch));
    mu_launch_name(launch, "broker", ret_name);
    if (index >= 0) {
        const struct mu_cluster_broker *broker = &cluster->brokers[index];
        const char *entry = broker->bind[0] != '\0' ? broker->bind : broker->endpoint;
        *bind = *bind != NULL ? *bind : entry;
        (void)snprintf(ret_name, MU_PROCESS_NAME_MAX + 1, "%s", broker->name);
    }
    if (*bind == NULL) {
        return tell_lost(launch, index);
    }
    const char *fault = mu_endpoint_fault(*bind);
    if (fault != NULL) {
        mu_launch_tell(launch, "cannot listen on %s: %s", *bind, fault);
        return MU_EXIT_CONFIG;
    }
    return MU_OPTIONS_GO;
}

static int run(struct mu_launch *launch, const char *bind)
{
    char name[MU_PROCESS_NAME_MAX + 1];
    int code = mu_launch_configure(launch, NULL);
    bind = bind != NULL ? bind : launch->environment.listen;
    code = code == MU_OPTIONS_GO ? place(launch, &bind, name) : code;
    code = code == MU_OPTIONS_GO ? mu_launch_open_log(launch, "broker") : code;
    if (code != MU_OPTIONS_GO) {
        return code;
    }
    const struct mu_broker_options options = {
        .bind = bind,
        .name = name,
        .config = &launch->config,
        .log = launch->log,
        .stop = mu_launch_signals(launch),
    };
    return mu_broker_run(&options);
}

int main(int argc, char **argv)
{
    struct mu_launch *launch = mu_launch_create("broker", MU_VERSION);
    const char *bind = NULL;
    if (launch == NULL) {
        return MU_EXIT_UNAVAILABLE;
    }
    const struct mu_option options[] = {
        { "bind", "ENDPOINT", "where to listen, in the place of the file's", .ret_text = &bind },
        MU_LAUNCH_OPTIONS(launch),
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "broker", .arguments = "[OPTION ...]", .text = text, .options = options
    };
    int code = mu_launch_parse(launch, &manual, argc, argv, NULL);
    code = code == MU_OPTIONS_GO ? run(launch, bind) : code;
    mu_launch_destroy(launch);
    return code;
}
