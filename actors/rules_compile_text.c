/* actors/rules_compile_text.c - a document's text into values.
 *
 * Comments become spaces, so that places stay what they are, and nesting is bounded by a scan that
 * does not recurse, for jansson does. */
#include "actors/rules_compile_read.h"

#include <stdlib.h>
#include <string.h>

/* A place in the text. */
struct scan {
    char *text; /* [size], comments are blanked in it */
    size_t size;
    size_t at;
    uint32_t line;  /* from 1 */
    size_t line_at; /* where the line begins */
    uint32_t depth;
};

static const struct mu_place whole = { .text = "" };

static uint32_t column(const struct scan *scan)
{
    return (uint32_t)(scan->at - scan->line_at) + 1;
}

static void newline(struct scan *scan)
{
    scan->line++;
    scan->line_at = scan->at + 1;
}

static bool opens(const struct scan *scan, char second)
{
    return scan->text[scan->at] == '/' && scan->at + 1 < scan->size &&
           scan->text[scan->at + 1] == second;
}

/* From a quote to the closing one, or to the end: what is wrong in a string is jansson's to say. */
static void pass_string(struct scan *scan)
{
    for (scan->at++; scan->at < scan->size && scan->text[scan->at] != '"'; scan->at++) {
        if (scan->text[scan->at] == '\\' && scan->at + 1 < scan->size)
            scan->at++;
        if (scan->text[scan->at] == '\n')
            newline(scan);
    }
}

/* Stops on its last character: the loop steps over it. */
static void blank_line_comment(struct scan *scan)
{
    while (scan->at + 1 < scan->size && scan->text[scan->at + 1] != '\n')
        scan->text[scan->at++] = ' ';
    scan->text[scan->at] = ' ';
}

static bool blank_comment(struct mu_reader *reader, struct scan *scan)
{
    uint32_t line = scan->line;
    uint32_t first = column(scan);
    scan->text[scan->at++] = ' ';
    scan->text[scan->at++] = ' ';
    for (; scan->at + 1 < scan->size; scan->at++) {
        if (scan->text[scan->at] == '*' && scan->text[scan->at + 1] == '/') {
            scan->text[scan->at++] = ' ';
            scan->text[scan->at] = ' ';
            return true;
        }
        if (scan->text[scan->at] == '\n') {
            newline(scan);
        } else {
            scan->text[scan->at] = ' ';
        }
    }
    mu_read_fault(reader, &whole,
                  "fails at line %u, column %u: a comment that begins here does not end", line,
                  first);
    return false;
}

/* Blanks comments.  Returns false after a fault. */
static bool prepare(struct mu_reader *reader, struct scan *scan)
{
    for (; scan->at < scan->size; scan->at++) {
        switch (scan->text[scan->at]) {
        case '"': pass_string(scan); break;
        case '\n': newline(scan); break;
        case '\0': /* jansson takes one behind a number for the end */
            mu_read_fault(reader, &whole, "fails at line %u, column %u: a NUL byte", scan->line,
                          column(scan));
            return false;
        case '/':
            if (opens(scan, '/')) {
                blank_line_comment(scan);
            } else if (opens(scan, '*') && !blank_comment(reader, scan)) {
                return false;
            }
            break;
        case '[':
        case '{':
            if (++scan->depth > MU_RULES_DEPTH_MAX) {
                mu_read_fault(reader, &whole,
                              "fails at line %u, column %u: is nested more than %d levels deep",
                              scan->line, column(scan), MU_RULES_DEPTH_MAX);
                return false;
            }
            break;
        case ']':
        case '}': scan->depth -= scan->depth > 0; break;
        default: break;
        }
    }
    return true;
}

static json_t *parse(struct mu_reader *reader, const char *text, size_t size)
{
    json_error_t error = { 0 };
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
    if (root == NULL) {
        bool twice = json_error_code(&error) == json_error_duplicate_key;
        mu_read_fault(reader, &whole, "fails at line %d, column %d: %s%s", error.line,
                      error.column > 0 ? error.column : 1, error.text,
                      twice ? ": an object has each key once; write a second object" : "");
    }
    return root;
}

json_t *mu_read_text(struct mu_reader *reader, const char *text, size_t size)
{
    if (size > MU_RULES_TEXT_MAX) {
        mu_read_fault(reader, &whole, "has %zu bytes, at most %d are taken", size,
                      MU_RULES_TEXT_MAX);
        return NULL;
    }
    struct scan scan = { .size = size, .line = 1 };
    scan.text = calloc(1, size + 1);
    if (scan.text == NULL) {
        reader->out_of_memory = true;
        return NULL;
    }
    if (size > 0)
        memcpy(scan.text, text, size);
    json_t *root = prepare(reader, &scan) ? parse(reader, scan.text, size) : NULL;
    free(scan.text);
    return root;
}
