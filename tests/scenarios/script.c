#include "script.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/parse.h"

enum { FILE_MAX = 1024 * 1024, INDENT = 4 };

/* All bytes of a file, owned by the caller; NULL with errno set: EFBIG above FILE_MAX. */
static char *slurp(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return NULL;
    }
    char *text = calloc(1, FILE_MAX + 1);
    assert(text != NULL);
    size_t n = fread(text, 1, FILE_MAX, file);
    int error = ferror(file) != 0 ? EIO : n == FILE_MAX ? EFBIG : 0;
    (void)fclose(file); /* it was only read */
    if (error != 0) {
        free(text);
        errno = error;
        return NULL;
    }
    return text;
}

static uint32_t count_lines(const char *text)
{
    uint32_t count = 1;
    for (; *text != '\0'; text++) {
        count += *text == '\n';
    }
    return count;
}

/* Where the trace begins, or `count`. */
static uint32_t find_trace(char *const *lines, uint32_t count)
{
    uint32_t i = 0;
    while (i < count && strcmp(lines[i], "trace {") != 0) {
        i++;
    }
    return i;
}

/* Takes the lines behind "trace {" as the expected ones, up to "}". */
static int take_trace(struct script *script, char **lines, uint32_t count)
{
    script->expected = lines;
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(lines[i], "}") == 0) {
            script->expected_count = i;
            return 0;
        }
        size_t blank = strspn(lines[i], " ");
        lines[i] += blank < INDENT ? blank : INDENT;
    }
    return -EBADMSG;
}

int script_read(const char *path, struct script *ret)
{
    int r = 0;
    char *text = slurp(path);
    if (text == NULL) {
        return -errno;
    }
    struct script script = { .text = text };
    script.lines = calloc(count_lines(text), sizeof *script.lines);
    assert(script.lines != NULL);
    uint32_t count = 0;
    for (char *at = text; *at != '\0';) {
        char *end = at + strcspn(at, "\n");
        script.lines[count++] = at;
        at = *end == '\0' ? end : end + 1;
        *end = '\0';
    }
    uint32_t trace = find_trace(script.lines, count);
    script.lines_count = trace;
    if (trace < count) {
        r = take_trace(&script, script.lines + trace + 1, count - trace - 1);
    }
    while (script.lines_count > 0 && script.lines[script.lines_count - 1][0] == '\0') {
        script.lines_count--;
    }
    if (r != 0) {
        script_release(&script);
        return r;
    }
    *ret = script;
    return 0;
}

void script_release(struct script *script)
{
    free(script->lines);
    free(script->text);
}

int script_write(const struct script *script, const char *path, char *const *trace,
                 uint32_t trace_count)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return -errno;
    }
    for (uint32_t i = 0; i < script->lines_count; i++) {
        (void)fprintf(file, "%s\n", script->lines[i]);
    }
    (void)fputs("\ntrace {\n", file);
    for (uint32_t i = 0; i < trace_count; i++) {
        (void)fprintf(file, "%*s%s\n", INDENT, "", trace[i]);
    }
    (void)fputs("}\n", file);
    int r = ferror(file) != 0 ? -EIO : 0;
    return fclose(file) != 0 && r == 0 ? -errno : r;
}

uint32_t script_line(const struct script *script, uint32_t at, char *ret)
{
    size_t used = 0;
    uint32_t taken = 0;
    do {
        const char *line = script->lines[at + taken++];
        line += taken > 1 ? strspn(line, " ") - 1 : 0; /* one space stays between them */
        size_t n = strlen(line);
        if (used + n > SCRIPT_LINE_MAX) {
            return 0;
        }
        memcpy(ret + used, line, n + 1);
        used += n;
    } while (at + taken < script->lines_count && script->lines[at + taken][0] == ' ');
    return taken;
}

/* Takes one word from *at, in place, and moves *at behind it. */
static char *take_word(char **at)
{
    char *from = *at;
    char *word = from;
    char *to = from;
    if (*from == '{') {
        *at = from + strlen(from);
        return word;
    }
    bool quoted = false;
    for (; *from != '\0' && (quoted || *from != ' '); from++) {
        if (*from == '"') {
            quoted = !quoted;
        } else {
            *to++ = *from;
        }
    }
    *at = *from == '\0' ? from : from + 1;
    *to = '\0';
    return word;
}

bool script_words(const char *line, struct words *ret)
{
    int n = snprintf(ret->line, sizeof ret->line, "%s", line);
    ret->count = 0;
    if (n < 0 || (size_t)n >= sizeof ret->line) {
        return false;
    }
    char *at = ret->line + strspn(ret->line, " ");
    while (*at != '\0' && *at != '#') {
        if (ret->count == SCRIPT_WORDS_MAX) {
            return false;
        }
        ret->at[ret->count++] = take_word(&at);
        at += strspn(at, " ");
    }
    return true;
}

static bool name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static uint32_t find(const struct variables *variables, const char *name)
{
    uint32_t i = 0;
    while (i < variables->count && strcmp(variables->at[i].name, name) != 0) {
        i++;
    }
    return i;
}

const char *variable_get(const struct variables *variables, const char *name)
{
    uint32_t i = find(variables, name);
    return i < variables->count ? variables->at[i].value : NULL;
}

bool variable_set(struct variables *variables, const char *name, const char *value)
{
    uint32_t i = find(variables, name);
    if (i == SCRIPT_VARIABLES_MAX || strlen(name) > SCRIPT_NAME_MAX ||
        strlen(value) > SCRIPT_VALUE_MAX) {
        return false;
    }
    variables->count += i == variables->count;
    (void)snprintf(variables->at[i].name, sizeof variables->at[i].name, "%s", name);
    (void)snprintf(variables->at[i].value, sizeof variables->at[i].value, "%s", value);
    return true;
}

/* Reads the name behind a '$' into ret [SCRIPT_NAME_MAX + 1]; returns its bytes, 0: none. */
static size_t read_name(const char *text, char *ret)
{
    size_t n = 0;
    while (n < SCRIPT_NAME_MAX && name_byte(text[n])) {
        ret[n] = text[n];
        n++;
    }
    ret[n] = '\0';
    return n;
}

bool variable_expand(const struct variables *variables, const char *text, char *ret,
                     uint32_t ret_bytes)
{
    uint32_t used = 0;
    char name[SCRIPT_NAME_MAX + 1];
    while (*text != '\0') {
        const char *from = text;
        size_t n = 1;
        if (*text == '$') {
            size_t taken = read_name(text + 1, name);
            from = variable_get(variables, name);
            if (taken == 0 || from == NULL) {
                (void)snprintf(ret, ret_bytes, "$%s has no value", name);
                return false;
            }
            text += taken;
            n = strlen(from);
        }
        if (used + n >= ret_bytes) {
            (void)snprintf(ret, ret_bytes, "it is too long");
            return false;
        }
        memcpy(ret + used, from, n);
        used += (uint32_t)n;
        text++;
    }
    ret[used] = '\0';
    return true;
}
