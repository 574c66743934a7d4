#include "core/environment.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/nearest.h"

/* Short names are near to many that have nothing to do with us: HOME to NAME. */
enum { SHORT_BYTES = 6 };

static const char prefix[] = "MUSTER_";

static_assert(MU_NEAREST_BYTES_MAX + sizeof prefix <= MU_ENVIRONMENT_NAME_MAX + 1,
              "every name that is looked for fits");

void mu_environment_name(const char *field, char ret[MU_ENVIRONMENT_NAME_MAX + 1])
{
    (void)snprintf(ret, MU_ENVIRONMENT_NAME_MAX + 1, "%s%s", prefix, field);
    for (char *c = ret; *c != '\0'; c++) {
        if (*c >= 'a' && *c <= 'z') {
            *c = (char)(*c - 'a' + 'A');
        }
    }
}

/* Keeps the value of a variable of ours.  Returns whether it is one. */
static bool take(struct mu_environment *environment, const char *name, const char *value)
{
    char own[MU_ENVIRONMENT_NAME_MAX + 1];
    const char *kept = value[0] == '\0' ? NULL : value;
#define VARIABLE(field, doc)                                                                       \
    mu_environment_name(#field, own);                                                              \
    if (strcmp(name, own) == 0) {                                                                  \
        environment->field = kept;                                                                 \
        return true;                                                                               \
    }
#include "core/environment.def"
#undef VARIABLE
#define SETTING(setting, default_value, min, max, unit, doc)                                       \
    mu_environment_name(#setting, own);                                                            \
    if (strcmp(name, own) == 0) {                                                                  \
        environment->settings.setting = kept;                                                      \
        return true;                                                                               \
    }
#include "core/settings.def"
#undef SETTING
    return false;
}

/* The field or setting that was meant by a name that is not known, without its prefix; or NULL.
 * Names are compared in small letters, as settings are written: so capitals hide no other slip. */
static const char *guess(const char *suffix)
{
    char typed[MU_NEAREST_BYTES_MAX + 1];
    size_t bytes = strnlen(suffix, MU_NEAREST_BYTES_MAX);
    memcpy(typed, suffix, bytes);
    typed[bytes] = '\0';
    for (char *c = typed; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z') {
            *c = (char)(*c - 'A' + 'a');
        }
    }
    struct mu_nearest nearest = { .typed = typed };
#define VARIABLE(field, doc) mu_nearest_offer(&nearest, #field);
#include "core/environment.def"
#undef VARIABLE
#define SETTING(setting, default_value, min, max, unit, doc) mu_nearest_offer(&nearest, #setting);
#include "core/settings.def"
#undef SETTING
    return nearest.letters <= 1 || bytes >= SHORT_BYTES ? nearest.name : NULL;
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
        char name[2 * MU_ENVIRONMENT_NAME_MAX]; /* the rest of a longer one tells nobody more */
        (void)snprintf(name, sizeof name, "%.*s", (int)(equals - *variables), *variables);
        if (take(ret, name, equals + 1)) {
            continue;
        }
        const char *meant = guess(name + sizeof prefix - 1);
        if (meant == NULL) {
            append(ret->unknown, sizeof ret->unknown, "%s%s", ret->unknown[0] == '\0' ? "" : ", ",
                   name);
            continue;
        }
        char own[MU_ENVIRONMENT_NAME_MAX + 1];
        mu_environment_name(meant, own);
        append(error, error_size, "%senvironment %s: is not known; did you mean %s?",
               error[0] == '\0' ? "" : "\n", name, own);
    }
    return error[0] == '\0' ? 0 : -EINVAL;
}
