/* tools/configs.c - `muster config`: checks a configuration file, or prints what holds. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config_yaml.h"
#include "core/options.h"
#include "tools/command.h"

static void print_regions(const struct mu_config *config)
{
    (void)printf("regions:\n");
    for (uint32_t i = 0; i < config->regions_count; i++) {
        const struct mu_region *region = &config->regions[i];
        (void)printf("  - name: %s\n    aliases: [", region->name);
        for (uint32_t k = 0; k < region->aliases_count; k++) {
            (void)printf("%s%s", k == 0 ? "" : ", ", region->aliases[k]);
        }
        (void)printf("]\n");
    }
}

static void print_modes(const struct mu_config *config)
{
    (void)printf("modes:\n");
    for (uint32_t i = 0; i < config->modes_count; i++) {
        const struct mu_mode *mode = &config->modes[i];
        (void)printf("  - name: %s\n    rated: %s\n", mode->name, mode->rated ? "true" : "false");
        const struct {
            const char *name;
            uint32_t value;
        } numbers[] = {
            { "teams", mode->teams },
            { "teams_min", mode->teams_min },
            { "team_min", mode->team_min },
            { "team_max", mode->team_max },
            { "accept_ms", mode->accept_ms },
            { "window_points", mode->window_points },
            { "window_per_second", mode->window_per_second },
            { "window_max", mode->window_max },
            { "latency_max_ms", mode->latency_max_ms },
            { "fill_ms", mode->fill_ms },
            { "spill_ms", mode->spill_ms },
            { "wait_max_ms", mode->wait_max_ms },
            { "wait_cost_ms", mode->wait_cost_ms },
            { "serve_first_ms", mode->serve_first_ms },
        };
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
            (void)printf("    %s: %" PRIu32 "\n", numbers[k].name, numbers[k].value);
        }
    }
}

/* Everything that holds, in the form in which it is read.  Hashes of keys are public enough for
 * a file, and so for this. */
static void print_all(const struct mu_config *config)
{
    print_regions(config);
    print_modes(config);
    (void)printf("origins: [");
    for (uint32_t i = 0; i < config->origins_count; i++) {
        (void)printf("%s\"%s\"", i == 0 ? "" : ", ", config->origins[i]);
    }
    (void)printf("]\nkeys:%s\n", config->keys_count == 0 ? " []" : "");
    for (uint32_t i = 0; i < config->keys_count; i++) {
        (void)printf("  - {id: %s, role: %s, hash: %s}\n", config->keys[i].id,
                     config->keys[i].role == MU_ROLE_OPERATOR ? "operator" : "backend",
                     config->keys[i].hash);
    }
    (void)printf("settings:\n");
#define SETTING(name, default_value, min, max, unit, doc)                                          \
    (void)printf("  " #name ": %" PRIu64 "\n", config->settings.name);
#include "core/settings.def"
#undef SETTING
}

int mu_command_config(int argc, char **argv)
{
    const struct mu_option options[] = { { .name = NULL } };
    const struct mu_manual manual = {
        .name = "config",
        .arguments = "check|print [FILE]",
        .text = "check: reads a configuration file and tells every fault that it has.\n"
                "print: prints all that holds, defaults included, as such a file.\n"
                "Without FILE: the defaults.  Exit code 78: it has faults.\n",
        .options = options,
        .arguments_min = 1,
        .arguments_max = 2,
    };
    const char *arguments[2] = { NULL, NULL };
    char error[MU_CONFIG_ERROR_MAX];
    int r = mu_options_parse(&manual, argc, argv, arguments);
    if (r != MU_OPTIONS_GO) {
        return r;
    }
    bool print = strcmp(arguments[0], "print") == 0;
    if (!print && strcmp(arguments[0], "check") != 0) {
        mu_options_print(&manual, stderr);
        return MU_EXIT_USAGE;
    }
    struct mu_config *config = calloc(1, sizeof *config);
    if (config == NULL) {
        return 1;
    }
    r = mu_config_load(arguments[1], config, error, sizeof error) == 0 ? 0 : MU_EXIT_CONFIG;
    if (r != 0) {
        (void)fprintf(stderr, "%s\n", error);
    } else if (print) {
        print_all(config);
    } else {
        (void)printf("%s: good, hash %016" PRIx64 "\n",
                     arguments[1] == NULL ? "the defaults" : arguments[1], config->hash);
    }
    free(config);
    return r == 0 && fflush(stdout) != 0 ? 1 : r;
}
