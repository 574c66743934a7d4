/* tests/scenarios/script.h - a scenario file as text: its lines, its words, its expected trace. */
#ifndef MU_TESTS_SCENARIOS_SCRIPT_H
#define MU_TESTS_SCENARIOS_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#define SCRIPT_WORDS_MAX     24   /* of a line */
#define SCRIPT_LINE_MAX      1500 /* bytes of a line, variables replaced */
#define SCRIPT_VARIABLES_MAX 64
#define SCRIPT_NAME_MAX      31 /* bytes of the name of a variable, client or node */
#define SCRIPT_VALUE_MAX     255

/* A file: what is to be done, and behind it "trace {" ... "}". */
struct script {
    char *text;           /* owned; the lines point into it */
    char **lines;         /* [lines_count] what is to be done; line 0 is the file's first */
    char **expected;      /* [expected_count] the trace, without its indent */
    uint32_t lines_count; /* up to the trace, blank lines at the end left out */
    uint32_t expected_count;
};

/* Reads a file whole.  Returns 0, or -errno; -EBADMSG: its trace has no end. */
int script_read(const char *path, struct script *ret);
void script_release(struct script *script);

/* Writes the file anew, with this trace.  Returns 0, or -errno. */
int script_write(const struct script *script, const char *path, char *const *trace,
                 uint32_t trace_count);

/* Writes line `at`, and behind it those that go on with it, as they begin with a space, into ret
 * [SCRIPT_LINE_MAX + 1].  Returns how many lines that are; 0: too long. */
uint32_t script_line(const struct script *script, uint32_t at, char *ret);

/* A line's words; they point into `line`. */
struct words {
    uint32_t count;
    char *at[SCRIPT_WORDS_MAX];
    char line[SCRIPT_LINE_MAX + 1];
};

/* Cuts a line into words at its spaces.  "..." is (part of) one word, without the quotes; one
 * that begins with '{' is JSON and goes to the end of the line; one that begins with '#' ends
 * the line.  False: too long, or too many. */
bool script_words(const char *line, struct words *ret);

/* Names for what the cluster answered: "$ticket". */
struct variables {
    uint32_t count;
    struct {
        char name[SCRIPT_NAME_MAX + 1];
        char value[SCRIPT_VALUE_MAX + 1];
    } at[SCRIPT_VARIABLES_MAX];
};

/* The value of a variable, or NULL.  Sets one, anew or for the first time; false: no room. */
const char *variable_get(const struct variables *variables, const char *name);
bool variable_set(struct variables *variables, const char *name, const char *value);

/* Writes `text` with every $name replaced by its value into ret [ret_bytes]; false: ret says what
 * is wrong. */
bool variable_expand(const struct variables *variables, const char *text, char *ret,
                     uint32_t ret_bytes);

#endif /* MU_TESTS_SCENARIOS_SCRIPT_H */
