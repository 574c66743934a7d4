/* tools/simulate.c - `muster simulate`: what the matching engine would make of a workload. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/config_yaml.h"
#include "core/options.h"
#include "tools/command.h"
#include "tools/rules_file.h"
#include "tools/simulation.h"

#define JSON_BYTES (256 * 1024)

struct values {
    const char *workload;
    const char *generate;
    const char *rules;
    const char *mode;
    const char *config;
    const char *set;
    const char *out;
    const char *plot;
    uint64_t seed;
    bool compare;
    bool json;
};

/* Everything of one call. */
struct call {
    struct values values;
    struct mu_workload workload;
    struct mu_config *config;                     /* that is played by; NULL: the header is */
    uint32_t modes;                               /* bit i: mode i is played */
    struct mu_workload_mode shapes[MU_MODES_MAX]; /* of the workload, as read */
    struct mu_simulation *runs;                   /* [2] */
};

static int say(int code, const char *what, const char *which)
{
    (void)fprintf(stderr, "muster simulate: %s%s\n", what, which);
    return code;
}

static int generate(const struct values *values)
{
    struct mu_workload workload;
    int r = mu_workload_make(values->generate, values->seed, &workload);
    if (r == -EINVAL) {
        return say(MU_EXIT_USAGE, "kinds are peak, diurnal, thin, busy and small, not ",
                   values->generate);
    }
    if (r != 0) {
        return say(1, "out of memory", "");
    }
    FILE *file = values->out == NULL ? stdout : fopen(values->out, "w");
    if (file == NULL) {
        r = say(MU_EXIT_UNAVAILABLE, "cannot write ", values->out);
    } else {
        r = mu_workload_write(&workload, file) != 0 || fflush(file) != 0
                ? say(MU_EXIT_UNAVAILABLE, "cannot write the workload", "")
                : 0;
        if (file != stdout && fclose(file) != 0) {
            r = MU_EXIT_UNAVAILABLE;
        }
    }
    mu_workload_release(&workload);
    return r;
}

/* Loads the configuration; without --config the built-in one.  Returns 0 or an exit code, as all
 * below. */
static int load_config(struct call *call)
{
    char error[MU_CONFIG_ERROR_MAX];
    call->config = calloc(1, sizeof *call->config);
    if (call->config == NULL) {
        return say(1, "out of memory", "");
    }
    if (mu_config_load(call->values.config, call->config, error, sizeof error) != 0) {
        (void)fprintf(stderr, "%s\n", error);
        return MU_EXIT_CONFIG;
    }
    return 0;
}

/* All tickets wait for one mode of the configuration, which the workload does not have. */
static int use_mode(struct call *call, const char *name)
{
    if (mu_config_mode(call->config, name) < 0) {
        return say(MU_EXIT_USAGE, "neither the workload nor the configuration has a mode ", name);
    }
    call->workload.modes_count = 1;
    mu_workload_mode_init(&call->workload.modes[0], name, 0, 0, 0);
    for (uint32_t i = 0; i < call->workload.tickets_count; i++) {
        call->workload.tickets[i].mode = 0;
    }
    call->modes = 1;
    return 0;
}

static bool is_played(const struct call *call, uint32_t mode)
{
    return (call->modes >> mode & 1) != 0 && mu_workload_players(&call->workload, mode) > 0;
}

/* Whether the configuration has the modes that are played. */
static int check_config(const struct call *call)
{
    for (uint32_t i = 0; i < call->workload.modes_count; i++) {
        const char *name = call->workload.modes[i].name;
        if (is_played(call, i) && mu_config_mode(call->config, name) < 0) {
            return say(MU_EXIT_USAGE, "the configuration has no mode ", name);
        }
    }
    return 0;
}

/* Decides which modes are played, and whether by the configuration. */
static int choose_modes(struct call *call)
{
    const struct values *values = &call->values;
    uint32_t count = call->workload.modes_count;
    int32_t mode = values->mode == NULL ? -1 : mu_workload_mode(&call->workload, values->mode);
    bool other = values->mode != NULL && mode < 0;
    int code = 0;
    if (values->mode == NULL && values->rules != NULL && count > 1) {
        return say(MU_EXIT_USAGE,
                   "the workload has several modes: say for which the rules are, "
                   "with --mode",
                   "");
    }
    call->modes = mode >= 0 ? 1u << mode : count == 32 ? UINT32_MAX : (1u << count) - 1;
    if (values->config != NULL || other) {
        code = load_config(call);
    }
    if (code == 0 && other) {
        code = use_mode(call, values->mode);
    }
    return code == 0 && call->config != NULL ? check_config(call) : code;
}

/* Whether the header says enough to play by. */
static int check_shapes(const struct call *call)
{
    for (uint32_t i = 0; i < call->workload.modes_count; i++) {
        const struct mu_workload_mode *mode = &call->workload.modes[i];
        if (!is_played(call, i)) {
            continue;
        }
        if (mode->teams == 0) {
            return say(MU_EXIT_USAGE,
                       "the header has no shape of a mode; give --rules, or --mode of the "
                       "configuration, for ",
                       mode->name);
        }
        if (mode->players_max != mode->teams * mode->team_max) {
            return say(MU_EXIT_USAGE,
                       "the header does not say which team is how large; give --rules for ",
                       mode->name);
        }
    }
    return 0;
}

/* Runs the engine with settings, and with a document over the rules of the modes. */
static int run(struct call *call, const char *rules, const char *settings,
               struct mu_simulation *ret)
{
    struct mu_rules_source source = { .config = call->config, .path = rules };
    char *text = NULL;
    int code = 0;
    memcpy(call->workload.modes, call->shapes, sizeof call->shapes);
    if (settings != NULL &&
        mu_overrides_parse(settings, "muster simulate", &source.overrides) != 0) {
        return MU_EXIT_USAGE;
    }
    if (rules != NULL) {
        code = mu_rules_file_read(rules, &text, &source.text_bytes);
        source.text = text;
    } else if (call->config == NULL) {
        code = check_shapes(call);
    }
    if (code == 0) {
        FILE *progress = isatty(STDERR_FILENO) != 0 ? stderr : NULL;
        code = mu_simulation_run(&call->workload, call->modes, &source, call->values.seed, progress,
                                 ret);
        if (code == 1) {
            code = say(1, "out of memory", "");
        }
    }
    free(text);
    return code;
}

static int write_outcome(const struct call *call, const struct mu_simulation *run)
{
    FILE *file = fopen(call->values.out, "w");
    if (file == NULL) {
        return say(MU_EXIT_UNAVAILABLE, "cannot write ", call->values.out);
    }
    int r = mu_outcome_write(&run->outcome, &call->workload, &run->origin, file);
    if (fclose(file) != 0 || r != 0) {
        return say(MU_EXIT_UNAVAILABLE, "cannot write ", call->values.out);
    }
    return 0;
}

static int print_json(const struct call *call, const struct mu_simulation *run)
{
    struct mu_json_writer writer;
    char *buffer = malloc(JSON_BYTES);
    if (buffer == NULL) {
        return 1;
    }
    mu_json_writer_init(&writer, buffer, JSON_BYTES);
    mu_score_json(&call->workload, &run->score, &writer);
    bool good = mu_json_complete(&writer) &&
                fwrite(buffer, 1, writer.used, stdout) == writer.used && fputc('\n', stdout) != EOF;
    free(buffer);
    return good ? 0 : 1;
}

static int simulate(struct call *call)
{
    struct mu_simulation *simulation = &call->runs[0];
    int code = run(call, call->values.rules, call->values.set, simulation);
    if (code == 0 && call->values.json) {
        code = print_json(call, simulation);
    } else if (code == 0) {
        mu_score_print(&call->workload, &simulation->score, stdout);
    }
    if (code == 0) {
        mu_simulation_remarks(simulation, call->values.json ? stderr : stdout);
    }
    if (code == 0 && call->values.out != NULL) {
        code = write_outcome(call, simulation);
    }
    if (code == 0 && call->values.plot != NULL) {
        code = mu_simulation_plot(&call->workload, simulation, 1, call->values.plot);
    }
    /* A match that breaks its own rules, or that could not have been: our fault, not the user's. */
    return code == 0 && (simulation->illegal > 0 || simulation->score.errors > 0) ? 1 : code;
}

/* One side of a comparison: an outcome, a rule set, settings, or "default". */
static int run_side(struct call *call, const char *what, struct mu_simulation *ret)
{
    int code = 0;
    assert(what != NULL);
    if (strcmp(what, "default") == 0) {
        code = run(call, call->values.rules, call->values.set, ret);
    } else if (strchr(what, '=') != NULL) {
        code = run(call, call->values.rules, what, ret);
    } else if (!mu_outcome_is(what)) {
        code = run(call, what, call->values.set, ret);
    } else {
        memcpy(call->workload.modes, call->shapes, sizeof call->shapes);
        code = mu_outcome_load(what, &call->workload, &ret->outcome);
        if (code == 0 && mu_score(&call->workload, &ret->outcome, call->modes, &ret->score) != 0) {
            code = say(1, "out of memory", "");
        }
    }
    (void)snprintf(ret->label, sizeof ret->label, "%s", what);
    return code;
}

static int compare(struct call *call, const char *const sides[2])
{
    for (uint32_t i = 0; i < 2; i++) {
        int code = run_side(call, sides[i], &call->runs[i]);
        if (code != 0) {
            return code;
        }
    }
    mu_simulation_compare(&call->workload, &call->runs[0], &call->runs[1], stdout);
    for (uint32_t i = 0; i < 2; i++) {
        mu_simulation_remarks(&call->runs[i], stdout);
    }
    return call->values.plot == NULL
               ? 0
               : mu_simulation_plot(&call->workload, call->runs, 2, call->values.plot);
}

static int go(struct call *call, const char *const sides[2])
{
    const struct values *values = &call->values;
    if (values->generate != NULL) {
        return generate(values);
    }
    if (values->workload == NULL) {
        return say(MU_EXIT_USAGE, "needs --workload FILE (or --generate KIND to make one)", "");
    }
    if (values->compare != (sides[0] != NULL) || values->compare != (sides[1] != NULL)) {
        return say(MU_EXIT_USAGE, "--compare takes two sides, and only --compare does", "");
    }
    int code = mu_workload_load(values->workload, &call->workload);
    if (code == 0 && call->workload.tickets_count == 0) {
        code = say(MU_EXIT_DATA, "there are no tickets in ", values->workload);
    }
    if (code == 0) {
        code = choose_modes(call);
    }
    if (code == 0) {
        memcpy(call->shapes, call->workload.modes, sizeof call->shapes);
        code = values->compare ? compare(call, sides) : simulate(call);
    }
    return code;
}

int mu_command_simulate(int argc, char **argv)
{
    struct call call = { .values = { .seed = 1 } };
    struct values *v = &call.values;
    const struct mu_option options[] = {
        { "workload", "FILE", "the tickets, as lines of JSON", .ret_text = &v->workload },
        { "config", "FILE", "play by the configuration's modes of the same names",
          .ret_text = &v->config },
        { "rules", "FILE", "the rule set of the mode", .ret_text = &v->rules },
        { "mode", "NAME", "only this mode; if the workload has no such one, all tickets in it",
          .ret_text = &v->mode },
        { "set", "LIST", "settings of the objective, as delta=0.4,eta=0.3", .ret_text = &v->set },
        { "compare", NULL, "show the sides A and B and their differences",
          .ret_flag = &v->compare },
        { "out", "FILE", "write every match", .ret_text = &v->out },
        { "plot", "FILE", "write the distributions as SVG", .ret_text = &v->plot },
        { "json", NULL, "all figures as JSON instead of the table", .ret_flag = &v->json },
        { "generate", "KIND", "make a workload: peak, diurnal, thin, busy, small",
          .ret_text = &v->generate },
        { "seed", "N", "of what is random (1)", .ret_number = &v->seed, .max = INT64_MAX },
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "simulate",
        .arguments = "--workload FILE [OPTION ...] [--compare A B]",
        .text = "Plays tickets to the matching engine in virtual time, and says how long players "
                "wait\n"
                "and how good their matches are.  The same input gives the same output.\n\n"
                "Without --config the workload's header says how large teams are, and nothing "
                "else\n"
                "holds.  With it a mode's rating window, latency bound and waits hold as in a "
                "cluster,\n"
                "and with --rules what the rule set says instead.  docs/SIMULATE.md explains.\n\n"
                "A and B are each: a rule set's file, an outcome's file (--out), settings\n"
                "(delta=0.4,eta=0.3), or the word default for what holds without them.\n\n"
                "Columns: wait in s, with those who gave up, and of the 5 % with the highest "
                "rating;\n"
                "unev.: 0 even, 1 decided; lost%: matches with a favourite of 65 %; spread of "
                "the\n"
                "ratings in a match; round trip; fill; score 0..100.  docs/QUALITY.md explains.\n",
        .options = options,
        .arguments_max = 2,
    };
    const char *sides[2] = { NULL, NULL };
    int code = mu_options_parse(&manual, argc, argv, sides);
    if (code != MU_OPTIONS_GO) {
        return code;
    }
    call.runs = calloc(2, sizeof call.runs[0]);
    code = call.runs == NULL ? 1 : go(&call, sides);
    for (uint32_t i = 0; call.runs != NULL && i < 2; i++) {
        mu_simulation_release(&call.runs[i]);
    }
    mu_workload_release(&call.workload);
    free(call.config);
    free(call.runs);
    return code == 0 && fflush(stdout) != 0 ? 1 : code;
}
