/* actors/main.c - muster-actor: its command line, and the store's engine. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/host.h"
#include "actors/lobby.h"
#include "actors/matcher.h"
#include "actors/queue.h"
#include "actors/store.h"
#include "core/address.h"
#include "core/launch.h"
#include "core/placement.h"
#include "storage/lmdb.h"

static const char text[] =
    "Runs one part of a cluster.  KIND is one of\n"
    "  store     keeps everything, on disk; one a cluster\n"
    "  queue     owns the tickets of a region; needs --partition queue/REGION\n"
    "  lobby     custom lobbies, acceptance, game servers; needs --partition lobby/K\n"
    "            when the configuration has several: one process for each\n"
    "  matcher   proposes matches; start as many as there is work for\n"
    "\n"
    "The brokers, their keys, and the store's folder, are those of the configuration;\n"
    "its own key is NAME.key in the folder cluster.keys.  Without keys only brokers on\n"
    "this host can be spoken to (docs/KEYS.md).  NAME is\n"
    "what people read, and tells an owner that comes back from one that takes over;\n"
    "without it HOST/KIND or HOST/PARTITION stands for it, so two of the same on one\n"
    "host need names.\n"
    "\n"
    "Environment: MUSTER_CONFIG, MUSTER_NAME, MUSTER_LOG, MUSTER_BROKERS (endpoints\n"
    "with commas between), MUSTER_KEYS, MUSTER_DATA (the store's folder), and\n"
    "MUSTER_<SETTING>.\n"
    "The command line stands above it, and it above the file.  STATE_DIRECTORY, which\n"
    "systemd sets, is the store's folder where none of them names one.\n"
    "It waits for its brokers as long as it takes.  SIGTERM and SIGINT end it in\n"
    "order: it hands over what it has, for drain_ms at most; a second one ends it at\n"
    "once.  SIGHUP does nothing.\n"
    "Exit codes: 0 ended by signal; 64 wrong command line; 69 out of memory or alike;\n"
    "74 the store or a socket failed; 75 another owner has taken over, or has the\n"
    "store: start again; 78 wrong configuration, environment, endpoint or store\n"
    "folder.\n";

/* What the command line says. */
struct command {
    const char *kind;
    const char *partition;
    const char *data;
    bool any_filesystem;
    const struct mu_actor_ops *ops; /* of that kind */
};

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

static int usage(const struct mu_launch *launch, const char *complaint, const char *what)
{
    mu_launch_tell(launch, "%s%s; try --help", complaint, what);
    return MU_EXIT_USAGE;
}

/* Fills in what follows from the kind.  Returns MU_OPTIONS_GO, or the exit code. */
static int complete(const struct mu_launch *launch, struct command *command)
{
    if (command->kind == NULL) {
        return usage(launch, "--kind is needed", "");
    }
    command->ops = find_kind(command->kind);
    if (command->ops == NULL) {
        return usage(launch, "there is no kind ", command->kind);
    }
    bool queue = command->ops == &mu_queue_ops;
    bool lobby = command->ops == &mu_lobby_ops;
    if (command->data != NULL && command->ops != &mu_store_actor_ops) {
        return usage(launch, "--data is for a store only", "");
    }
    if (command->partition == NULL) {
        command->partition = "";
    }
    bool owns = command->partition[0] != '\0';
    if (owns ? !queue && !lobby : queue) { /* a lobby's may follow from the configuration */
        return usage(
            launch, owns ? "--partition is for queue and lobby only" : "--partition is needed", "");
    }
    size_t length = strlen(command->kind);
    if (owns && (mu_address_kind(command->partition) != MU_ADDRESS_PARTITION ||
                 strncmp(command->partition, command->kind, length) != 0 ||
                 command->partition[length] != '/')) {
        return usage(launch, "the partition is written KIND/NAME, not ", command->partition);
    }
    return MU_OPTIONS_GO;
}

/* Whether the configuration has the partition; the only lobby need not be named.  Returns
 * MU_OPTIONS_GO, or the exit code. */
static int check_partition(const struct mu_launch *launch, struct command *command)
{
    const struct mu_config *config = &launch->config;
    unsigned long long lobbies = config->settings.lobbies;
    if (command->ops == &mu_queue_ops &&
        mu_config_region(config, strchr(command->partition, '/') + 1) < 0) {
        mu_launch_tell(launch, "--partition %s: the configuration has no such region",
                       command->partition);
        return MU_EXIT_CONFIG;
    }
    if (command->ops != &mu_lobby_ops) {
        return MU_OPTIONS_GO;
    }
    if (command->partition[0] == '\0' && lobbies > 1) {
        return usage(launch, "--partition is needed: the configuration has several lobbies", "");
    }
    if (command->partition[0] == '\0') {
        command->partition = "lobby/0";
    }
    int32_t index = mu_placement_index(command->partition);
    if (index < 0 || (unsigned long long)index >= lobbies) {
        mu_launch_tell(launch, "--partition %s: the configuration has lobby/0%s%.0llu only",
                       command->partition, lobbies == 1 ? "" : " to lobby/", lobbies - 1);
        return MU_EXIT_CONFIG;
    }
    return MU_OPTIONS_GO;
}

/* Finds the store's folder: the command line's, else the configuration's, else the one that the
 * supervisor made for it (StateDirectory= of systemd).  Returns MU_OPTIONS_GO, or the exit code. */
static int find_data(const struct mu_launch *launch, struct command *command)
{
    const char *configured = launch->config.cluster.store_data;
    const char *state = getenv("STATE_DIRECTORY");
    if (command->data == NULL) {
        command->data = configured[0] != '\0' ? configured : state;
    }
    return command->data != NULL && command->data[0] != '\0'
               ? MU_OPTIONS_GO
               : usage(launch,
                       "where the store's files are is not known: give --data FOLDER, or "
                       "cluster.store.data in the file of --config",
                       "");
}

/* Loads the configuration, and looks for what the kind needs of it.  Returns MU_OPTIONS_GO, or the
 * exit code. */
static int configure(struct mu_launch *launch, struct command *command)
{
    int code = mu_launch_configure(launch, NULL);
    code = code == MU_OPTIONS_GO ? check_partition(launch, command) : code;
    bool store = command->ops == &mu_store_actor_ops;
    return code == MU_OPTIONS_GO && store ? find_data(launch, command) : code;
}

/* Opens the store's engine, if it is the store.  Returns MU_OPTIONS_GO, or the exit code. */
static int open_store(const struct command *command, struct mu_log *log, struct mu_store **ret)
{
    char error[MU_LMDB_ERROR_MAX];
    const struct mu_lmdb_options options = {
        .folder = command->data,
        .any_filesystem = command->any_filesystem,
    };
    if (command->data == NULL) {
        return MU_OPTIONS_GO;
    }
    int r = mu_lmdb_open(&options, ret, error, sizeof error);
    if (r == 0) {
        return MU_OPTIONS_GO;
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

static int run(struct mu_launch *launch, struct command *command)
{
    char name[MU_PROCESS_NAME_MAX + 1];
    struct mu_host_options options = { .build = MU_VERSION, .name = name };
    const char *part = command->partition[0] != '\0' ? command->partition : command->kind;
    int code = mu_launch_open_log(launch, part);
    code = code == MU_OPTIONS_GO ? mu_launch_brokers(launch, launch->name, options.brokers,
                                                     &options.brokers_count, &options.keys)
                                 : code;
    if (code != MU_OPTIONS_GO) {
        return code;
    }
    mu_launch_name(launch, part, name);
    options.ops = command->ops;
    options.partition = command->partition;
    options.config = &launch->config;
    options.log = launch->log;
    options.stop = mu_launch_signals(launch);
    code = open_store(command, launch->log, &options.store);
    code = code == MU_OPTIONS_GO ? mu_host_run(&options) : code;
    if (options.store != NULL) {
        options.store->ops->destroy(options.store);
    }
    mu_dealer_keys_release(&options.keys);
    return code;
}

int main(int argc, char **argv)
{
    struct mu_launch *launch = mu_launch_create("actor", MU_VERSION);
    struct command command = { .kind = NULL };
    if (launch == NULL) {
        return MU_EXIT_UNAVAILABLE;
    }
    launch->connects = true;
    const struct mu_option options[] = {
        { "kind", "KIND", "store, queue, lobby or matcher", .ret_text = &command.kind },
        { "partition", "NAME", "what it owns, as queue/eu-west-1", .ret_text = &command.partition },
        { "data", "FOLDER", "store: where its files are; created if missing",
          .ret_text = &command.data },
        { "any-filesystem", NULL, "store: also file systems that may lose what was written",
          .ret_flag = &command.any_filesystem },
        MU_LAUNCH_BROKER_OPTIONS(launch),
        MU_LAUNCH_OPTIONS(launch),
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "actor", .arguments = "--kind KIND [OPTION ...]", .text = text, .options = options
    };
    int code = mu_launch_parse(launch, &manual, argc, argv, NULL);
    code = code == MU_OPTIONS_GO ? complete(launch, &command) : code;
    code = code == MU_OPTIONS_GO ? configure(launch, &command) : code;
    code = code == MU_OPTIONS_GO ? run(launch, &command) : code;
    mu_launch_destroy(launch);
    return code;
}
