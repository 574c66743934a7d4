#include "tools/metrics_text.h"

#include <stdlib.h>
#include <string.h>

/* Takes characters up to one of `ends` into ret.  False: too long, or the line ends first. */
static bool take(const char **at, const char *ends, char ret[MU_SAMPLE_TEXT_MAX + 1])
{
    size_t n = strcspn(*at, ends);
    if (n > MU_SAMPLE_TEXT_MAX || (*at)[n] == '\0' || (*at)[n] == '\n') {
        return false;
    }
    memcpy(ret, *at, n);
    ret[n] = '\0';
    *at += n;
    return true;
}

/* Takes "...", with \\ \" and \n inside. */
static bool take_quoted(const char **at, char ret[MU_SAMPLE_TEXT_MAX + 1])
{
    size_t used = 0;
    if (**at != '"') {
        return false;
    }
    for (const char *p = *at + 1; *p != '\0' && *p != '\n' && used <= MU_SAMPLE_TEXT_MAX; p++) {
        if (*p == '"') {
            ret[used] = '\0';
            *at = p + 1;
            return true;
        }
        if (*p == '\\' && p[1] != '\0') {
            p++;
        }
        ret[used++] = *p;
    }
    return false;
}

static bool read_line(const char *at, struct mu_sample *ret)
{
    *ret = (struct mu_sample){ .labels_count = 0 };
    if (*at == '#' || !take(&at, "{ \n", ret->name) || ret->name[0] == '\0') {
        return false;
    }
    if (*at == '{') {
        at++;
        while (*at != '}') {
            unsigned i = ret->labels_count;
            if (i == MU_SAMPLE_LABELS_MAX || !take(&at, "=\n", ret->labels[i].name)) {
                return false;
            }
            at++;
            if (!take_quoted(&at, ret->labels[i].value)) {
                return false;
            }
            ret->labels_count++;
            at += *at == ',' ? 1 : 0;
        }
        at++;
    }
    char *end = NULL;
    ret->value = strtod(at, &end);
    return end != at && (*end == '\n' || *end == '\0' || *end == ' ');
}

bool mu_sample_next(const char **text, struct mu_sample *ret)
{
    while (**text != '\0') {
        const char *line = *text;
        *text += strcspn(line, "\n");
        *text += **text == '\n' ? 1 : 0;
        if (read_line(line, ret)) {
            return true;
        }
    }
    return false;
}

const char *mu_sample_label(const struct mu_sample *sample, const char *name)
{
    for (unsigned i = 0; i < sample->labels_count; i++) {
        if (strcmp(sample->labels[i].name, name) == 0) {
            return sample->labels[i].value;
        }
    }
    return "";
}
