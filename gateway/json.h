/* gateway/json.h - a JSON document as a flat array of nodes: bounded, read-only, pure to read.
 *
 * gateway/json.c parses with jansson (strict: no duplicate keys, valid UTF-8, exact integers)
 * and flattens; the pure gateway walks the nodes and never sees the library. */
#ifndef MU_GATEWAY_JSON_H
#define MU_GATEWAY_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MU_JSON_DEPTH_MAX 16          /* levels of nesting, API.md 4 */
#define MU_JSON_NODES_MAX 4096        /* values in one document */
#define MU_JSON_TEXT_MAX  (64 * 1024) /* bytes of all keys and strings, each with its NUL */
#define MU_JSON_NONE      UINT32_MAX  /* no such node */

enum mu_json_type {
    MU_JSON_NULL,
    MU_JSON_FALSE,
    MU_JSON_TRUE,
    MU_JSON_INTEGER,
    MU_JSON_REAL,
    MU_JSON_STRING,
    MU_JSON_ARRAY,
    MU_JSON_OBJECT,
};

struct mu_json_node {
    enum mu_json_type type;
    const char *key;  /* inside an object; else NULL; never holds U+0000 */
    const char *text; /* STRING: NUL-terminated UTF-8 without U+0000 */
    int64_t integer;  /* INTEGER */
    double real;      /* REAL, and INTEGER converted; finite */
    uint32_t first;   /* ARRAY, OBJECT: first child, or MU_JSON_NONE */
    uint32_t next;    /* next sibling, or MU_JSON_NONE */
    uint32_t count;   /* ARRAY, OBJECT: children */
};

/* Node 0 is the root.  Holds its own storage; reused from request to request. */
struct mu_json {
    uint32_t count;
    uint32_t text_used;
    struct mu_json_node nodes[MU_JSON_NODES_MAX];
    char text[MU_JSON_TEXT_MAX];
};

/* Why a text was refused. */
struct mu_json_error {
    int line;   /* from 1 */
    int column; /* from 1 */
    char detail[160];
};

/* Parses `size` bytes into *ret.  Any JSON value may be the root.
 * Returns 0, -EBADMSG (malformed), or -E2BIG (deeper or larger than the bounds above);
 * on failure *ret is unusable and *error says what, where. */
int mu_json_parse(const char *bytes, size_t size, struct mu_json *ret, struct mu_json_error *error);

/* The child of object `node` called `key`, or MU_JSON_NONE.  O(children). */
uint32_t mu_json_member(const struct mu_json *json, uint32_t node, const char *key);

#endif /* MU_GATEWAY_JSON_H */
