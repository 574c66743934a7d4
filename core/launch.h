/* core/launch.h - how each program of a cluster starts: its command line, the environment, the
 * configuration file, its log and its signals.  Host code, for mains.
 *
 *     struct mu_launch *launch = mu_launch_create("broker", MU_VERSION);
 *     const struct mu_option options[] = { MU_LAUNCH_OPTIONS(launch), ..., { .name = NULL } };
 *     int code = mu_launch_parse(launch, &manual, argc, argv);
 *     code = code == MU_OPTIONS_GO ? mu_launch_configure(launch, NULL) : code;
 *
 * For every value the command line stands above the environment (core/environment.h), that above
 * the file, that above the default.  Secrets come from files alone. */
#ifndef MU_CORE_LAUNCH_H
#define MU_CORE_LAUNCH_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "core/config_origins.h"
#include "core/dealer_keys.h"
#include "core/environment.h"
#include "core/log.h"
#include "core/options.h"

#define MU_PROCESS_NAME_MAX 63 /* bytes of a process's name, NUL not counted */
#define MU_KEY_PATH_MAX     (MU_CLUSTER_PATH_MAX + MU_PROCESS_NAME_MAX + 5) /* bytes */

struct mu_launch_state;

struct mu_launch {
    const char *config_path;           /* --config, else of the environment; NULL: none */
    const char *name;                  /* --name, else of the environment; NULL: none */
    const char *log_level;             /* --log, as text */
    const char *key;                   /* --key, a file; NULL: as configured */
    struct mu_option_list brokers;     /* --broker; empty: as configured */
    struct mu_option_list broker_keys; /* --broker-key; empty: as configured */
    struct mu_option_list settings;    /* --set, NAME=VALUE each */
    bool connects;     /* to brokers, so MUSTER_BROKERS is meant for it; before mu_launch_parse() */
    bool checks_start; /* mu_launch_configure() tells what programs would refuse, too */
    bool die_with_parent;              /* --die-with-parent */
    bool version;                      /* --version */
    struct mu_environment environment; /* mu_launch_parse() */
    struct mu_config config;           /* mu_launch_configure() */
    struct mu_log *log;                /* mu_launch_open_log() */
    struct mu_launch_state *state;     /* its own */
};

/* Which configuration holds, for whoever reads it. */
#define MU_LAUNCH_CONFIG_OPTIONS(launch)                                                           \
    { "config", "FILE", "the cluster's file, the same for all (default: built in)",                \
      .ret_text = &(launch)->config_path },                                                        \
    {                                                                                              \
        "set", "NAME=VALUE", "a setting, in the place of the file's; may be repeated",             \
            .ret_list = &(launch)->settings                                                        \
    }

/* What every program takes. */
#define MU_LAUNCH_OPTIONS(launch)                                                                  \
    MU_LAUNCH_CONFIG_OPTIONS(launch),                                                              \
        { "name", "NAME", "which process this is, the same after a restart",                       \
          .ret_text = &(launch)->name },                                                           \
        { "log", "LEVEL", "error, warn, info or debug (default: info)",                            \
          .ret_text = &(launch)->log_level },                                                      \
        { "log-level", "LEVEL", "the same", .ret_text = &(launch)->log_level },                    \
        { "die-with-parent", NULL, "end when the process that started this one ends",              \
          .ret_flag = &(launch)->die_with_parent },                                                \
    {                                                                                              \
        "version", NULL, "print the version", .ret_flag = &(launch)->version                       \
    }

/* What those take that speak on the bus. */
#define MU_LAUNCH_KEY_OPTION(launch)                                                               \
    {                                                                                              \
        "key", "FILE", "its own key (muster keygen), in the place of cluster.keys/NAME.key",       \
            .ret_text = &(launch)->key                                                             \
    }

/* What those take that connect to brokers. */
#define MU_LAUNCH_BROKER_OPTIONS(launch)                                                           \
    { "broker", "ENDPOINT", "of a broker to connect to; up to three, in the file's place",         \
      .ret_list = &(launch)->brokers },                                                            \
        MU_LAUNCH_KEY_OPTION(launch),                                                              \
    {                                                                                              \
        "broker-key", "KEY", "a broker's public key; once for each, in the brokers' order",        \
            .ret_list = &(launch)->broker_keys                                                     \
    }

/* program  as in `muster broker`; borrowed
 * version  of the software; borrowed
 *
 * NULL when out of memory. */
struct mu_launch *mu_launch_create(const char *program, const char *version);
void mu_launch_destroy(struct mu_launch *launch); /* the log, too; NULL is a no-op */

/* Reads the environment, then the command line.  Mistakes are told on stderr.
 *
 * manual         with the options above among its own
 * ret_arguments  as of mu_options_parse()
 *
 * Returns MU_OPTIONS_GO, or the exit code with which to end: 0 after --help or --version,
 * MU_EXIT_USAGE, MU_EXIT_CONFIG for the environment. */
int mu_launch_parse(struct mu_launch *launch, const struct mu_manual *manual, int argc, char **argv,
                    const char **ret_arguments);

/* Loads the file of config_path, with what the environment and the command line say.  Faults are
 * told on stderr.  May be called again.
 *
 * ret_origins  where the values come from, borrowing from the launch; to be released by the caller,
 *              before the next call; or NULL
 *
 * Returns MU_OPTIONS_GO, or the exit code: MU_EXIT_CONFIG; MU_EXIT_USAGE for a --set without
 * "=". */
int mu_launch_configure(struct mu_launch *launch, struct mu_config_origins *ret_origins);

/* Opens the log, and warns in it of variables that are not known.
 *
 * actor  as of mu_log_create()
 *
 * Returns MU_OPTIONS_GO, or the exit code. */
int mu_launch_open_log(struct mu_launch *launch, const char *actor);

/* The file of this process's own key: of --key, or NAME.key in the folder cluster.keys.
 *
 * name  of the process, as the configuration has it; NULL: it has none
 * ret   [MU_KEY_PATH_MAX + 1]; empty: it has no key
 *
 * Returns MU_OPTIONS_GO, or the exit code after it said why on stderr. */
int mu_launch_key_path(const struct mu_launch *launch, const char *name, char *ret);

/* The endpoints of the brokers to connect to, of which there must be one at least, and the keys
 * with which they are spoken to.
 *
 * name      as of mu_launch_key_path()
 * ret       [MU_CLUSTER_BROKERS_MAX], borrowed from the launch; without mu_endpoint_fault()
 * ret_keys  to be released by the caller
 *
 * Returns MU_OPTIONS_GO, or the exit code after it said why on stderr. */
int mu_launch_brokers(const struct mu_launch *launch, const char *name, const char **ret,
                      uint32_t *ret_count, struct mu_dealer_keys *ret_keys);

/* The name of this process: what it was given, or its host's name, a slash and `part`
 * ("matcher", "queue/eu-west-1").  A host's name that is too long is cut.
 *
 * ret  [MU_PROCESS_NAME_MAX + 1] */
void mu_launch_name(const struct mu_launch *launch, const char *part, char *ret);

/* The machine's name; borrowed. */
const char *mu_launch_host(const struct mu_launch *launch);

/* Says on stderr what is wrong, as "muster broker: " and the text. */
void mu_launch_tell(const struct mu_launch *launch, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Sets the signals up: SIGTERM and SIGINT set the flag that is returned to 1, and to 2 when they
 * come again; SIGPIPE does nothing, nor does SIGHUP until who can load something anew takes it, and
 * with --die-with-parent the end of the parent is a SIGTERM. */
const volatile sig_atomic_t *mu_launch_signals(const struct mu_launch *launch);

#endif /* MU_CORE_LAUNCH_H */
