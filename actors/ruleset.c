#include "actors/ruleset.h"

#include <stdbool.h>
#include <stddef.h>

enum { DEPTH_MAX = 64 }; /* brackets that are open at a time */

/* The text behind a comment that begins at `at`; its size when the comment does not end. */
static uint32_t skip_comment(struct mu_slice text, uint32_t at)
{
    bool line = text.data[at + 1] == '/';
    at += 2;
    while (at < text.size) {
        if (line && text.data[at] == '\n') {
            return at + 1;
        }
        if (!line && at + 1 < text.size && text.data[at] == '*' && text.data[at + 1] == '/') {
            return at + 2;
        }
        at++;
    }
    return line ? at : text.size + 1;
}

/* The text behind a string that begins at `at`; beyond the end when it does not end. */
static uint32_t skip_string(struct mu_slice text, uint32_t at)
{
    for (at++; at < text.size; at++) {
        if (text.data[at] == '"') {
            return at + 1;
        }
        at += text.data[at] == '\\' ? 1 : 0;
    }
    return text.size + 1;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

const char *mu_ruleset_outline(struct mu_slice text)
{
    uint8_t open[DEPTH_MAX];
    uint32_t depth = 0;
    bool done = false;
    uint32_t at = 0;
    while (at < text.size) {
        uint8_t byte = text.data[at];
        bool comment = byte == '/' && at + 1 < text.size &&
                       (text.data[at + 1] == '/' || text.data[at + 1] == '*');
        if (comment) {
            at = skip_comment(text, at);
            continue;
        }
        if (is_blank(byte)) {
            at++;
            continue;
        }
        if (done || (depth == 0 && byte != '{')) {
            return done ? "has something behind the object" : "must be an object";
        }
        if (byte == '"') {
            at = skip_string(text, at);
            continue;
        }
        if (byte == '{' || byte == '[') {
            if (depth == DEPTH_MAX) {
                return "is nested too deeply";
            }
            open[depth++] = byte;
        } else if (byte == '}' || byte == ']') {
            if (open[--depth] != (byte == '}' ? '{' : '[')) {
                return "has a bracket that closes another kind";
            }
            done = depth == 0;
        }
        at++;
    }
    if (at > text.size) {
        return "has a string or a comment without end";
    }
    return done ? NULL : depth > 0 ? "has a bracket that nothing closes" : "must be an object";
}
