/* broker/main.c - muster-broker: its command line and which broker of the cluster it is. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

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
    "any that is free, and the log says which.\n"
    "\n"
    "With a key of its own (NAME.key in cluster.keys, or --key) it lets in only who is\n"
    "listed in the peers file (cluster.peers, or --peers), encrypted, and as what stands\n"
    "there: docs/KEYS.md.  Without, everybody who can connect is trusted: so only this\n"
    "host is served then.  The peers file is read again when it changes.\n"
    "\n"
    "Environment: MUSTER_CONFIG, MUSTER_NAME, MUSTER_LOG, MUSTER_BIND (as --bind),\n"
    "MUSTER_KEYS, MUSTER_PEERS and MUSTER_<SETTING>.  The command line stands above it, and it "
    "above the file.\n"
    "SIGTERM and SIGINT say goodbye to all and end it; SIGHUP reads the peers file now.\n"
    "Exit codes: 0 ended by signal; 64 wrong command line; 69 cannot listen there;\n"
    "74 the socket broke; 78 wrong configuration, environment, endpoint, key or list of\n"
    "peers, or strangers cannot be kept out.\n";

static volatile sig_atomic_t reread; /* the peers file */

static void on_hangup(int signal)
{
    (void)signal;
    reread = 1;
}

/* What the command line says. */
struct command {
    const char *bind;
    const char *peers;
};

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
    mu_launch_tell(launch, "where to listen is not known: give --bind ENDPOINT, or MUSTER_BIND, or "
                           "cluster.brokers in the file of --config");
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
    return MU_OPTIONS_GO;
}

/* Whether a broker's key is the one that all others expect of it, if the configuration has one.
 * Returns MU_OPTIONS_GO, or the exit code after it said both. */
static int compare_key(const struct mu_launch *launch, const struct mu_key_pair *key,
                       const char *path)
{
    const struct mu_config_cluster *cluster = &launch->config.cluster;
    char own[MU_PUBLIC_KEY_HEX + 1];
    int index = mu_cluster_pick_broker(cluster, launch->name, mu_launch_host(launch));
    if (index < 0 || cluster->brokers[index].key[0] == '\0') {
        return MU_OPTIONS_GO;
    }
    mu_public_key_print(key->public_key, own);
    if (strcmp(own, cluster->brokers[index].key) == 0) {
        return MU_OPTIONS_GO;
    }
    mu_launch_tell(launch,
                   "its key is not the one that the others expect, so that nobody would get in:\n"
                   "%s is of %s,\nand cluster.brokers[%d].key of %s is %s",
                   path, own, index, cluster->brokers[index].name, cluster->brokers[index].key);
    return MU_EXIT_CONFIG;
}

/* Reads its own key, if it has one, and finds the list of peers that goes with it.
 * Returns MU_OPTIONS_GO, or the exit code after it said why. */
static int load_key(const struct mu_launch *launch, const char *name, const char **peers,
                    struct mu_key_pair **ret)
{
    char path[MU_KEY_PATH_MAX + 1];
    char error[MU_KEY_PAIR_ERROR_MAX];
    int code = mu_launch_key_path(launch, name, path);
    if (code != MU_OPTIONS_GO) {
        return code;
    }
    const char *listed = launch->config.cluster.peers;
    *peers = *peers != NULL ? *peers : listed[0] != '\0' ? listed : NULL;
    if ((path[0] != '\0') != (*peers != NULL)) {
        mu_launch_tell(launch, "a key (--key, cluster.keys) and a list of peers (--peers, "
                               "cluster.peers) go together");
        return MU_EXIT_CONFIG;
    }
    if (path[0] != '\0' && mu_key_pair_read(path, ret, error) != 0) {
        mu_launch_tell(launch, "%s", error);
        return MU_EXIT_CONFIG;
    }
    return *ret == NULL ? MU_OPTIONS_GO : compare_key(launch, *ret, path);
}

static int serve(struct mu_launch *launch, struct mu_broker_options *options)
{
    const char *fault = mu_endpoint_fault(options->bind, options->key != NULL);
    const struct sigaction action = { .sa_handler = on_hangup };
    if (fault != NULL) {
        mu_launch_tell(launch, "cannot listen on %s: %s", options->bind, fault);
        return MU_EXIT_CONFIG;
    }
    options->config = &launch->config;
    options->log = launch->log;
    options->stop = mu_launch_signals(launch);
    options->reread = &reread;
    (void)sigaction(SIGHUP, &action, NULL); /* cannot fail for it */
    return mu_broker_run(options);
}

static int run(struct mu_launch *launch, const struct command *command)
{
    char name[MU_PROCESS_NAME_MAX + 1];
    struct mu_key_pair *key = NULL;
    struct mu_broker_options options = {
        .bind = command->bind, .name = name, .build = MU_VERSION, .peers = command->peers
    };
    int code = mu_launch_configure(launch, NULL);
    options.bind = options.bind != NULL ? options.bind : launch->environment.bind;
    code = code == MU_OPTIONS_GO ? place(launch, &options.bind, name) : code;
    code = code == MU_OPTIONS_GO ? mu_launch_open_log(launch, "broker") : code;
    code = code == MU_OPTIONS_GO ? load_key(launch, name, &options.peers, &key) : code;
    options.key = key;
    code = code == MU_OPTIONS_GO ? serve(launch, &options) : code;
    mu_key_pair_destroy(key);
    return code;
}

int main(int argc, char **argv)
{
    struct mu_launch *launch = mu_launch_create("broker", MU_VERSION);
    struct command command = { .bind = NULL };
    if (launch == NULL) {
        return MU_EXIT_UNAVAILABLE;
    }
    const struct mu_option options[] = {
        { "bind", "ENDPOINT", "where to listen, in the place of the file's",
          .ret_text = &command.bind },
        MU_LAUNCH_KEY_OPTION(launch),
        { "peers", "FILE", "who is let in, and as what, in the place of cluster.peers",
          .ret_text = &command.peers },
        MU_LAUNCH_OPTIONS(launch),
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "broker", .arguments = "[OPTION ...]", .text = text, .options = options
    };
    int code = mu_launch_parse(launch, &manual, argc, argv, NULL);
    code = code == MU_OPTIONS_GO ? run(launch, &command) : code;
    mu_launch_destroy(launch);
    return code;
}
