#include "core/options.h"

#include <assert.h>
#include <string.h>

#include "core/nearest.h"
#include "core/parse.h"

void mu_options_print(const struct mu_manual *manual, FILE *file)
{
    (void)fprintf(file, "usage: muster %s %s\n\n%s", manual->name, manual->arguments, manual->text);
    if (manual->options[0].name != NULL) {
        (void)fprintf(file, "\n");
    }
    for (const struct mu_option *option = manual->options; option->name != NULL; option++) {
        char left[48];
        (void)snprintf(left, sizeof left, "--%s%s%s", option->name,
                       option->value == NULL ? "" : " ",
                       option->value == NULL ? "" : option->value);
        (void)fprintf(file, "  %-22s %s\n", left, option->doc);
    }
}

/* The option whose name is the first `n` characters of `name`, or NULL. */
static const struct mu_option *option_of(const struct mu_manual *manual, const char *name, size_t n)
{
    for (const struct mu_option *option = manual->options; option->name != NULL; option++) {
        if (strlen(option->name) == n && memcmp(option->name, name, n) == 0) {
            return option;
        }
    }
    return NULL;
}

static int wrong(const struct mu_manual *manual, const char *what, const char *which)
{
    (void)fprintf(stderr, "muster %s: %s%s; see muster %s --help\n", manual->name, what, which,
                  manual->name);
    return MU_EXIT_USAGE;
}

static int unknown(const struct mu_manual *manual, const char *name, size_t n)
{
    char typed[MU_NEAREST_BYTES_MAX + 1];
    (void)snprintf(typed, sizeof typed, "%.*s", (int)n, name);
    struct mu_nearest nearest = { .typed = typed };
    for (const struct mu_option *option = manual->options; option->name != NULL; option++) {
        mu_nearest_offer(&nearest, option->name);
    }
    (void)fprintf(stderr, "muster %s: unknown option --%s%s%s; see muster %s --help\n",
                  manual->name, typed, nearest.name == NULL ? "" : ", did you mean --",
                  nearest.name == NULL ? "" : nearest.name, manual->name);
    return MU_EXIT_USAGE;
}

static int set(const struct mu_manual *manual, const struct mu_option *option, const char *value)
{
    assert((option->ret_text != NULL) + (option->ret_number != NULL) + (option->ret_flag != NULL) +
               (option->ret_list != NULL) ==
           1);
    if (option->ret_flag != NULL) {
        *option->ret_flag = true;
    } else if (option->ret_text != NULL) {
        *option->ret_text = value;
    } else if (option->ret_list != NULL && option->ret_list->count == MU_OPTION_LIST_MAX) {
        return wrong(manual, "is given too often: --", option->name);
    } else if (option->ret_list != NULL) {
        option->ret_list->items[option->ret_list->count++] = value;
    } else if (mu_parse_u64(value, option->min, option->max, option->ret_number) != 0) {
        (void)fprintf(stderr, "muster %s: --%s must be a number, %llu to %llu\n", manual->name,
                      option->name, (unsigned long long)option->min,
                      (unsigned long long)option->max);
        return MU_EXIT_USAGE;
    }
    return MU_OPTIONS_GO;
}

/* Takes the option at argv[*i], and its value, which may be the next argument. */
static int take(const struct mu_manual *manual, int argc, char **argv, int *i)
{
    const char *name = argv[*i] + 2;
    size_t n = strcspn(name, "=");
    const struct mu_option *option = option_of(manual, name, n);
    if (option == NULL) {
        return unknown(manual, name, n);
    }
    const char *value = name[n] == '=' ? name + n + 1 : NULL;
    if (option->ret_flag != NULL && value != NULL) {
        return wrong(manual, "takes no value: --", option->name);
    }
    if (option->ret_flag == NULL && value == NULL) {
        if (*i + 1 >= argc) {
            return wrong(manual, "needs a value: --", option->name);
        }
        value = argv[++*i];
    }
    return set(manual, option, value);
}

int mu_options_parse(const struct mu_manual *manual, int argc, char **argv,
                     const char **ret_arguments)
{
    uint32_t count = 0;
    bool options = true;
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];
        if (options && strcmp(argument, "--") == 0) {
            options = false;
        } else if (options && (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0)) {
            mu_options_print(manual, stdout);
            return 0;
        } else if (options && strncmp(argument, "--", 2) == 0) {
            int r = take(manual, argc, argv, &i);
            if (r != MU_OPTIONS_GO) {
                return r;
            }
        } else if (count == manual->arguments_max) {
            return wrong(manual, "unexpected argument ", argument);
        } else {
            ret_arguments[count++] = argument;
        }
    }
    if (count < manual->arguments_min) {
        return wrong(manual, "an argument is missing: ", manual->arguments);
    }
    return MU_OPTIONS_GO;
}
