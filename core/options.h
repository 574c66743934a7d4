/* core/options.h - command lines as tables: one entry an option, for parsing and for --help.
 *
 *     static struct values { const char *data; uint64_t bots; bool quiet; } values;   (a local)
 *     const struct mu_option options[] = {
 *         { "data", "DIR", "where everything is kept", .ret_text = &values.data },
 *         { "bots", "N", "players that play", .ret_number = &values.bots, .max = 5000 },
 *         { "quiet", NULL, "no table", .ret_flag = &values.quiet },
 *         { 0 },
 *     };
 *
 * Forms: --name VALUE, --name=VALUE, --flag; -- ends the options; -h and --help print the
 * manual. */
#ifndef MU_CORE_OPTIONS_H
#define MU_CORE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define MU_EXIT_USAGE       64 /* sysexits.h: wrong command line */
#define MU_EXIT_DATA        65 /* what was checked is wrong */
#define MU_EXIT_UNAVAILABLE 69 /* something that is needed is not there */
#define MU_EXIT_CONFIG      78 /* the configuration is wrong */

#define MU_OPTION_LIST_MAX 32 /* times that an option may be given */

#define MU_OPTIONS_GO (-1) /* mu_options_parse(): parsed, go on */

/* The values of an option that may be given several times, in their order; borrowed. */
struct mu_option_list {
    uint32_t count;
    const char *items[MU_OPTION_LIST_MAX];
};

/* One option.  Exactly one of the ret_ fields is set; what is not given keeps its value. */
struct mu_option {
    const char *name;  /* without "--"; NULL ends the table */
    const char *value; /* what stands for the value in the manual; NULL: a flag */
    const char *doc;   /* one line */
    const char **ret_text;
    uint64_t *ret_number; /* min..max */
    bool *ret_flag;
    struct mu_option_list *ret_list;
    uint64_t min;
    uint64_t max;
};

/* One command's manual. */
struct mu_manual {
    const char *name;      /* "dev": as in `muster dev` */
    const char *arguments; /* "[OPTION ...] FILE" */
    const char *text;      /* what it does, lines of at most 80 characters, each with '\n' */
    const struct mu_option *options;
    uint32_t arguments_min; /* positional arguments */
    uint32_t arguments_max;
};

/* Parses argv[1..].  Mistakes are told on stderr, the manual on stdout.
 *
 * ret_arguments  [manual->arguments_max]: the positional ones, borrowed; others untouched
 *
 * Returns MU_OPTIONS_GO, or the exit code with which to end: 0 after --help, MU_EXIT_USAGE. */
int mu_options_parse(const struct mu_manual *manual, int argc, char **argv,
                     const char **ret_arguments);

/* Prints the manual. */
void mu_options_print(const struct mu_manual *manual, FILE *file);

#endif /* MU_CORE_OPTIONS_H */
