/* tools/configs.c - `muster config`: checks configuration files, or prints what holds. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/config_print.h"
#include "core/launch.h"
#include "tools/command.h"

#define FILES_MAX 64 /* to be checked at once */

/* Returns the exit code. */
static int check(struct mu_launch *launch, const char *const *paths)
{
    int code = 0;
    for (uint32_t i = 0; i == 0 || (i < FILES_MAX && paths[i] != NULL); i++) {
        launch->config_path = paths[i] != NULL ? paths[i] : launch->config_path;
        struct mu_config_origins origins;
        int r = mu_launch_configure(launch, &origins);
        if (r == MU_OPTIONS_GO) {
            if (origins.lines != NULL && mu_yaml_lines_count(origins.lines) == 0) {
                (void)fprintf(stderr,
                              "%s: warning: says nothing, so the defaults hold: was it cut "
                              "off?\n",
                              launch->config_path);
            }
            mu_config_origins_release(&origins);
            (void)printf("%s: good, hash %016" PRIx64 "\n",
                         launch->config_path == NULL ? "the defaults" : launch->config_path,
                         launch->config.hash);
        } else {
            code = r;
        }
    }
    return code;
}

/* Returns the exit code. */
static int print(struct mu_launch *launch, bool origin)
{
    struct mu_config_origins origins;
    int r = mu_launch_configure(launch, &origins);
    if (r != MU_OPTIONS_GO) {
        return r;
    }
    mu_config_print(stdout, &launch->config, origin ? &origins : NULL);
    mu_config_origins_release(&origins);
    return 0;
}

static int run(struct mu_launch *launch, int argc, char **argv)
{
    bool origin = false;
    const struct mu_option options[] = {
        MU_LAUNCH_CONFIG_OPTIONS(launch),
        { "origin", NULL, "print: say behind each value where it comes from", .ret_flag = &origin },
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "config",
        .arguments = "check [FILE ...] | print [--config FILE] [--origin]",
        .text =
            "check: reads configuration files and tells every fault that they have, and what of\n"
            "a cluster programs would refuse when they start.\n"
            "print: prints all that holds, defaults included, as such a file.\n"
            "Without FILE: that of MUSTER_CONFIG, or the defaults.  As for a program that\n"
            "starts here, --set stands above the environment (MUSTER_<SETTING>,\n"
            "MUSTER_BROKERS, ...), that above the file, that above the defaults.\n"
            "Exit code 78: there are faults.\n",
        .options = options,
        .arguments_min = 1,
        .arguments_max = 1 + FILES_MAX,
    };
    const char *arguments[1 + FILES_MAX + 1] = { NULL };
    launch->connects = true;
    int code = mu_launch_parse(launch, &manual, argc, argv, arguments);
    if (code != MU_OPTIONS_GO) {
        return code;
    }
    if (launch->environment.unknown[0] != '\0') {
        mu_launch_tell(launch, "environment: %s: not known", launch->environment.unknown);
    }
    if (strcmp(arguments[0], "check") == 0 && !origin) {
        launch->checks_start = true;
        return check(launch, &arguments[1]);
    }
    if (strcmp(arguments[0], "print") == 0 && arguments[1] == NULL) {
        return print(launch, origin);
    }
    mu_options_print(&manual, stderr);
    return MU_EXIT_USAGE;
}

int mu_command_config(int argc, char **argv)
{
    struct mu_launch *launch = mu_launch_create("config", MU_VERSION);
    int code = launch == NULL ? 1 : run(launch, argc, argv);
    mu_launch_destroy(launch);
    return fflush(stdout) != 0 && code == 0 ? 1 : code;
}
