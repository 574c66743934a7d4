/* tools/muster.c - `muster`, the one command that people type: finds the subcommand. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "core/nearest.h"
#include "core/options.h"
#include "tools/command.h"
#include "tools/process.h"

static const struct {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv); /* NULL: runs `program` */
    const char *program;
} commands[] = {
    { "dev", "run a whole cluster on this machine", mu_command_dev, NULL },
    { "bots", "let players and game servers play by themselves", mu_command_bots, NULL },
    { "status", "show all processes, partitions and queues of a cluster", mu_command_status, NULL },
    { "top", "show how a cluster works, live", mu_command_top, NULL },
    { "drain", "have a process of a cluster hand over and end", mu_command_drain, NULL },
    { "config", "check a configuration, or print what holds", mu_command_config, NULL },
    { "simulate", "replay tickets through the matching engine", mu_command_simulate, NULL },
    { "record", "record what a running cluster matches, for simulate", mu_command_record, NULL },
    { "rules", "check, list, compare, apply, roll back rule sets", mu_command_rules, NULL },
    { "ticket", "show a ticket, and why it still waits", mu_command_ticket, NULL },
    { "key", "make an API key", mu_command_key, NULL },
    { "keygen", "make the key of a broker, actor or gateway", mu_command_keygen, NULL },
    { "peers", "list, add, rotate, revoke keys that brokers let in", mu_command_peers, NULL },
    { "backup", "write a backup of a running cluster", mu_command_backup, NULL },
    { "restore", "make a store from a backup", mu_command_restore, NULL },
    { "verify", "check a stopped store for damage and contradictions", mu_command_verify, NULL },
    { "dump", "print the records of a stopped store as JSON", mu_command_dump, NULL },
    { "broker", "run a broker (muster-broker)", NULL, "muster-broker" },
    { "actor", "run a store, shard, matcher or lobby (muster-actor)", NULL, "muster-actor" },
    { "gateway", "run a gateway (muster-gateway)", NULL, "muster-gateway" },
};

#define COMMANDS_COUNT (sizeof commands / sizeof commands[0])

static void print_commands(FILE *file)
{
    (void)fprintf(file, "usage: muster COMMAND [ARGUMENT ...]\n\n"
                        "Muster matches players.  Begin with: muster dev --bots 50\n\n");
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        (void)fprintf(file, "  %-8s  %s\n", commands[i].name, commands[i].summary);
    }
    (void)fprintf(file, "\n  muster help COMMAND   how it is used\n"
                        "  muster --version      which version this is\n");
}

/* The nearest name when it is near enough to be a slip, or NULL. */
static const char *nearest(const char *name)
{
    struct mu_nearest nearest = { .typed = name };
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        mu_nearest_offer(&nearest, commands[i].name);
    }
    return nearest.name;
}

static int run_program(const char *program, char **argv)
{
    char path[MU_PATH_BYTES];
    if (mu_process_beside(program, path) == 0) {
        (void)execv(path, argv);
    }
    (void)fprintf(stderr, "muster: cannot run %s: it must be beside muster\n", program);
    return MU_EXIT_UNAVAILABLE;
}

/* argv[0] is the name of the subcommand. */
static int run(int argc, char **argv)
{
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        if (strcmp(commands[i].name, argv[0]) != 0) {
            continue;
        }
        return commands[i].run != NULL ? commands[i].run(argc, argv)
                                       : run_program(commands[i].program, argv);
    }
    const char *near = nearest(argv[0]);
    (void)fprintf(stderr, "muster: there is no command '%s'%s%s%s; see muster help\n", argv[0],
                  near == NULL ? "" : "; did you mean '", near == NULL ? "" : near,
                  near == NULL ? "" : "'?");
    return MU_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    char help[] = "--help";
    const char *first = argc > 1 ? argv[1] : "";
    if (sodium_init() < 0) {
        (void)fprintf(stderr, "muster: the system gives no random numbers\n");
        return MU_EXIT_UNAVAILABLE;
    }
    if (argc < 2) {
        print_commands(stderr);
        return MU_EXIT_USAGE;
    }
    if (strcmp(first, "--version") == 0 || strcmp(first, "version") == 0) {
        return printf("muster %s\n", MU_VERSION) < 0 ? 1 : 0;
    }
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 ||
        (strcmp(first, "help") == 0 && argc == 2)) {
        print_commands(stdout);
        return fflush(stdout) == 0 ? 0 : 1;
    }
    if (strcmp(first, "help") == 0) {
        char *arguments[] = { argv[2], help, NULL };
        return run(2, arguments);
    }
    return run(argc - 1, argv + 1);
}
