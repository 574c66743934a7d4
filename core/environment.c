#include "core/environment.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/nearest.h"

/* Short names are near to many that have nothing to do with us: HOME to NAME. */
enum { SUFFIX_BYTES_MAX = MU_NEAREST_BYTES_MAX, SHORT_BYTES = 6 };

static const char prefix[] = "MUSTER_";

/* Writes the name of a setting's variable, without the prefix. */
static void suffix_of(const char *setting, char ret[SUFFIX_BYTES_MAX + 1])
{
    size_t i = 0;
    for (; setting[i] != '\0' && i < SUFFIX_BYTES_MAX; i++) {
        char c = setting[i];
        ret[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    ret[i] = '\0';
}

/* Keeps the value of a variable of ours.  Returns whether it is one. */
static bool take(struct mu_environment *environment, const char *suffix, const char *value)
{
    char own[SUFFIX_BYTES_MAX + 1];
    const char *kept = value[0] == '\0' ? NULL : value;
#define VARIABLE(field, SUFFIX, doc)                                                               \
    if (strcmp(suffix, #SUFFIX) == 0) {                                                            \
        environment->field = kept;                                                                 \
        return true;                                                                               \
    }
#include "core/environment.def"
#undef VARIABLE
#define SETTING(name, default_value, min, max, unit, doc)                                          \
    suffix_of(#name, own);                                                                         \
    if (strcmp(suffix, own) == 0) {                                                                \
        environment->settings.name = kept;                                                         \
        return true;                                                                               \
    }
#include "core/settings.def"
#undef SETTING
    return false;
}

/* Writes the name, without the prefix, that was meant by one that is not known, or "".  Names are
 * compared in small letters, as settings are written: so capitals hide no other slip. */
static void guess(const char *suffix, char ret[SUFFIX_BYTES_MAX + 1])
{
    char typed[SUFFIX_BYTES_MAX + 1];
    size_t bytes = strnlen(suffix, SUFFIX_BYTES_MAX);
    for (size_t i = 0; i < bytes; i++) {
        typed[i] = suffix[i] >= 'A' && suffix[i] <= 'Z' ? (char)(suffix[i] - 'A' + 'a') : suffix[i];
    }
    typed[bytes] = '\0';
    struct mu_nearest nearest = { .typed = typed };
#define VARIABLE(field, SUFFIX, doc) mu_nearest_offer(&nearest, #field);
#include "core/environment.def"
#undef VARIABLE
#define SETTING(setting, default_value, min, max, unit, doc) mu_nearest_offer(&nearest, #setting);
#include "core/settings.def"
#undef SETTING
    bool slip = nearest.name != NULL && (nearest.letters <= 1 || bytes >= SHORT_BYTES);
    suffix_of(slip ? nearest.name : "", ret);
}

/* Appends to a text what fits in it. */
static void append(char *text, size_t text_size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void append(char *text, size_t text_size, const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text + used, text_size - used, format, args);
    va_end(args);
}

int mu_environment_read(char *const *variables, struct mu_environment *ret, char *error,
                        size_t error_size)
{
    assert(error_size > 0);
    *ret = (struct mu_environment){ .unknown = "" };
    error[0] = '\0';
    for (; *variables != NULL; variables++) {
        const char *equals = strchr(*variables, '=');
        if (equals == NULL || strncmp(*variables, prefix, sizeof prefix - 1) != 0) {
            continue;
        }
        char suffix[2 * SUFFIX_BYTES_MAX]; /* the rest of a longer one tells nobody anything */
        char meant[SUFFIX_BYTES_MAX + 1];
        const char *begin = *variables + sizeof prefix - 1;
        (void)snprintf(suffix, sizeof suffix, "%.*s", (int)(equals - begin), begin);
        if (take(ret, suffix, equals + 1)) {
            continue;
        }
        guess(suffix, meant);
        if (meant[0] != '\0') {
            append(error, error_size,
                   "%senvironment MUSTER_%s: is not known; did you mean MUSTER_%s?",
                   error[0] == '\0' ? "" : "\n", suffix, meant);
        } else {
            append(ret->unknown, sizeof ret->unknown, "%sMUSTER_%s",
                   ret->unknown[0] == '\0' ? "" : ", ", suffix);
        }
    }
    return error[0] == '\0' ? 0 : -EINVAL;
}
