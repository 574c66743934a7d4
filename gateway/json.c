/* gateway/json.c - parses with jansson and flattens into an array of nodes.
 *
 * Before jansson sees a text, an iterative scan bounds depth and size, for jansson recurses and
 * allocates for every value. */
#include "gateway/json.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

/* A container whose children are being flattened. */
struct level {
    json_t *container;
    void *member;  /* object: jansson's iterator at the next member */
    size_t index;  /* array: the next element */
    uint32_t node; /* the container's own node */
    uint32_t last; /* the child flattened last, or MU_JSON_NONE */
};

/* A place in the text. */
struct place {
    int line, column; /* from 1 */
    int depth;
    uint32_t values; /* at least as many values as the text holds so far, roughly */
};

static int fail(struct mu_json_error *error, int r, int line, int column, const char *detail)
{
    error->line = line;
    error->column = column;
    size_t i = 0;
    /* jansson quotes the text near a fault; what is not plain ASCII would need escapes, or could
     * be cut in the middle of a character. */
    for (; detail[i] != '\0' && i + 1 < sizeof error->detail; i++)
        error->detail[i] = (char)(detail[i] >= 0x20 && detail[i] < 0x7f ? detail[i] : '?');
    error->detail[i] = '\0';
    return r;
}

/* Passes over a string, from behind its quote to its closing quote. */
static size_t pass_string(const char *bytes, size_t i, size_t size, struct place *place)
{
    for (; i < size && bytes[i] != '"'; i++) {
        if (bytes[i] == '\\') {
            i++;
            place->column++;
        }
        place->column++;
    }
    return i;
}

/* Refuses what is too deep or has too many values, and NUL outside of strings.  Says nothing about
 * the rest: of what is not JSON it may refuse too little, never anything that is. */
static int bound(const char *bytes, size_t size, struct mu_json_error *error)
{
    struct place place = { .line = 1, .column = 0, .values = 1 };
    for (size_t i = 0; i < size; i++) {
        place.column++;
        switch (bytes[i]) {
        case '"':
            i = pass_string(bytes, i + 1, size, &place);
            place.column++;
            break;
        case '[':
        case '{':
            if (++place.depth > MU_JSON_DEPTH_MAX)
                return fail(error, -E2BIG, place.line, place.column, "nested too deeply");
            place.values++;
            break;
        case '\0': /* jansson takes one behind a number for the end */
            return fail(error, -EBADMSG, place.line, place.column, "a NUL byte");
        case ']':
        case '}': place.depth--; break;
        case ',': place.values++; break;
        case '\n':
            place.line++;
            place.column = 0;
            break;
        default: break;
        }
        /* A comma or bracket comes with at most one value each, so twice the bound is far from
         * any document that fits; the exact count is taken when flattening. */
        if (place.values > 2 * MU_JSON_NODES_MAX)
            return fail(error, -E2BIG, place.line, place.column, "too many values");
    }
    return 0;
}

/* Copies a string into the text area; NULL when it is full. */
static const char *keep(struct mu_json *json, const char *text, size_t bytes)
{
    if (bytes + 1 > sizeof json->text - json->text_used)
        return NULL;
    char *copy = json->text + json->text_used;
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    json->text_used += (uint32_t)bytes + 1;
    return copy;
}

static void set_number(struct mu_json_node *node, const json_t *value)
{
    if (json_is_integer(value)) {
        node->type = MU_JSON_INTEGER;
        node->integer = json_integer_value(value);
        node->real = (double)node->integer;
    } else {
        node->type = MU_JSON_REAL;
        node->real = json_real_value(value);
    }
}

/* Appends a node for the value, without its children.  False when something is full. */
static bool append(struct mu_json *json, const json_t *value, const char *key)
{
    if (json->count >= MU_JSON_NODES_MAX)
        return false;
    struct mu_json_node *node = &json->nodes[json->count];
    *node = (struct mu_json_node){ .first = MU_JSON_NONE, .next = MU_JSON_NONE };
    if (key != NULL) {
        node->key = keep(json, key, strlen(key));
        if (node->key == NULL)
            return false;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT: node->type = MU_JSON_OBJECT; break;
    case JSON_ARRAY: node->type = MU_JSON_ARRAY; break;
    case JSON_STRING:
        node->type = MU_JSON_STRING;
        node->text = keep(json, json_string_value(value), json_string_length(value));
        if (node->text == NULL)
            return false;
        break;
    case JSON_INTEGER:
    case JSON_REAL: set_number(node, value); break;
    case JSON_TRUE: node->type = MU_JSON_TRUE; break;
    case JSON_FALSE: node->type = MU_JSON_FALSE; break;
    case JSON_NULL: node->type = MU_JSON_NULL; break;
    }
    json->count++;
    return true;
}

static struct level enter(json_t *container, uint32_t node)
{
    return (struct level){ .container = container,
                           .member = json_is_object(container) ? json_object_iter(container) : NULL,
                           .node = node,
                           .last = MU_JSON_NONE };
}

/* The next child of a level and its key, or NULL. */
static json_t *step(struct level *level, const char **ret_key)
{
    *ret_key = NULL;
    if (!json_is_object(level->container))
        return json_array_get(level->container, level->index++);
    if (level->member == NULL)
        return NULL;
    json_t *value = json_object_iter_value(level->member);
    *ret_key = json_object_iter_key(level->member);
    level->member = json_object_iter_next(level->container, level->member);
    return value;
}

/* Ties the newest node to the level's container. */
static void tie(struct mu_json *json, struct level *level)
{
    uint32_t node = json->count - 1;
    if (level->last == MU_JSON_NONE) {
        json->nodes[level->node].first = node;
    } else {
        json->nodes[level->last].next = node;
    }
    level->last = node;
    json->nodes[level->node].count++;
}

static bool is_container(const json_t *value)
{
    return json_is_object(value) || json_is_array(value);
}

/* Depth first, so that a container comes before its children.  False when something is full. */
static bool flatten(json_t *root, struct mu_json *json)
{
    struct level levels[MU_JSON_DEPTH_MAX];
    int depth = 0;
    if (!append(json, root, NULL))
        return false;
    if (is_container(root))
        levels[depth++] = enter(root, 0);
    while (depth > 0) {
        struct level *level = &levels[depth - 1];
        const char *key;
        json_t *value = step(level, &key);
        if (value == NULL) {
            depth--;
            continue;
        }
        if (!append(json, value, key))
            return false;
        tie(json, level);
        if (!is_container(value))
            continue;
        assert(depth < MU_JSON_DEPTH_MAX); /* bound() counted */
        levels[depth++] = enter(value, json->count - 1);
    }
    return true;
}

int mu_json_parse(const char *bytes, size_t size, struct mu_json *ret, struct mu_json_error *error)
{
    int r = bound(bytes, size, error);
    if (r != 0)
        return r;
    json_error_t fault;
    json_t *root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
    if (root == NULL) {
        int line = fault.line > 0 ? fault.line : 1;
        int column = fault.column > 0 ? fault.column : 1;
        return fail(error, -EBADMSG, line, column, fault.text);
    }
    ret->count = 0;
    ret->text_used = 0;
    bool fits = flatten(root, ret);
    json_decref(root);
    return fits ? 0 : fail(error, -E2BIG, 1, 1, "too many values or too much text");
}

uint32_t mu_json_member(const struct mu_json *json, uint32_t node, const char *key)
{
    assert(node < json->count && json->nodes[node].type == MU_JSON_OBJECT);
    uint32_t child = json->nodes[node].first;
    while (child != MU_JSON_NONE && strcmp(json->nodes[child].key, key) != 0)
        child = json->nodes[child].next;
    return child;
}
