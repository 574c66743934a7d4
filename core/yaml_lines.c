#include "core/yaml_lines.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

struct node {
    uint32_t line;
    char path[MU_YAML_PATH_MAX + 1];
};

struct mu_yaml_lines {
    uint32_t count;
    struct node nodes[MU_YAML_NODES_MAX];
};

/* One mapping or sequence that is open. */
struct level {
    bool mapping;
    bool has_key;                    /* mapping: the value of the last key is next */
    size_t key_line;                 /* mapping: of the last key, from 0 */
    uint32_t index;                  /* sequence: of the next entry */
    char path[MU_YAML_PATH_MAX + 1]; /* of the mapping or sequence itself */
    char next[MU_YAML_PATH_MAX + 1]; /* of the value that is next */
};

struct walk {
    struct mu_yaml_lines *lines;
    struct mu_yaml_fault *fault;
    uint32_t depth;
    uint32_t documents;
    struct level levels[MU_YAML_DEPTH_MAX];
};

static int refuse(struct walk *walk, size_t line, const char *where, const char *what)
{
    walk->fault->line = (uint32_t)line + 1;
    (void)snprintf(walk->fault->where, sizeof walk->fault->where, "%s", where);
    (void)snprintf(walk->fault->what, sizeof walk->fault->what, "%s", what);
    return -EINVAL;
}

/* Refuses bytes that would garble a terminal or a log line. */
static bool printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

uint32_t mu_yaml_lines_find(const struct mu_yaml_lines *lines, const char *path)
{
    for (uint32_t i = 0; i < lines->count; i++) {
        if (strcmp(lines->nodes[i].path, path) == 0) {
            return lines->nodes[i].line;
        }
    }
    return 0;
}

uint32_t mu_yaml_lines_near(const struct mu_yaml_lines *lines, const char *path)
{
    char near[MU_YAML_PATH_MAX + 1];
    (void)snprintf(near, sizeof near, "%s", path);
    for (;;) {
        uint32_t line = lines != NULL ? mu_yaml_lines_find(lines, near) : 0;
        size_t length = strlen(near);
        if (line > 0 || length == 0) {
            return line;
        }
        while (length > 0 && near[length - 1] != '.' && near[length - 1] != '[') {
            length--;
        }
        near[length > 0 ? length - 1 : 0] = '\0';
    }
}

static int take_key(struct walk *walk, struct level *level, const yaml_event_t *event)
{
    size_t line = event->start_mark.line;
    if (event->type != YAML_SCALAR_EVENT) {
        return refuse(walk, line, level->path, "a field's name must be plain text");
    }
    const char *key = (const char *)event->data.scalar.value;
    size_t bytes = event->data.scalar.length;
    if (bytes == 0 || bytes != strlen(key) || !printable(key)) {
        return refuse(walk, line, level->path, "a field's name is empty or holds control bytes");
    }
    const char *dot = level->path[0] == '\0' ? "" : ".";
    size_t path_bytes = strlen(level->path);
    if (path_bytes + strlen(dot) + bytes > MU_YAML_PATH_MAX) {
        return refuse(walk, line, level->path, "a field's name is too long");
    }
    memcpy(level->next, level->path, path_bytes);
    (void)snprintf(level->next + path_bytes, sizeof level->next - path_bytes, "%s%s", dot, key);
    uint32_t before = mu_yaml_lines_find(walk->lines, level->next);
    if (before > 0) {
        char what[64];
        (void)snprintf(what, sizeof what, "is given twice, first on line %u", before);
        return refuse(walk, line, level->next, what);
    }
    level->has_key = true;
    level->key_line = line;
    return 0;
}

/* Enters the value that begins with `event` into the index. */
static int take_value(struct walk *walk, const yaml_event_t *event, char ret_path[])
{
    ret_path[0] = '\0';
    size_t line = event->start_mark.line;
    if (walk->depth > 0) {
        struct level *level = &walk->levels[walk->depth - 1];
        if (level->mapping) {
            line = level->key_line;
        } else {
            size_t room = sizeof level->next;
            size_t path_bytes = strlen(level->path);
            memcpy(level->next, level->path, path_bytes);
            int n = snprintf(level->next + path_bytes, room - path_bytes, "[%u]", level->index);
            if (n < 0 || (size_t)n >= room - path_bytes) {
                return refuse(walk, line, level->path, "is nested too deeply");
            }
            level->index++;
        }
        level->has_key = false;
        memcpy(ret_path, level->next, sizeof level->next);
    }
    if (walk->lines->count == MU_YAML_NODES_MAX) {
        return refuse(walk, line, ret_path, "is one value too many");
    }
    struct node *node = &walk->lines->nodes[walk->lines->count++];
    node->line = (uint32_t)line + 1;
    memcpy(node->path, ret_path, sizeof node->path);
    return 0;
}

static int open_level(struct walk *walk, const yaml_event_t *event, const char *path)
{
    if (walk->depth == MU_YAML_DEPTH_MAX) {
        return refuse(walk, event->start_mark.line, path, "is nested too deeply");
    }
    struct level *level = &walk->levels[walk->depth++];
    *level = (struct level){ .mapping = event->type == YAML_MAPPING_START_EVENT };
    (void)snprintf(level->path, sizeof level->path, "%s", path);
    return 0;
}

/* Handles a scalar or the start of a mapping or sequence. */
static int take_node(struct walk *walk, const yaml_event_t *event, bool decorated)
{
    size_t line = event->start_mark.line;
    struct level *level = walk->depth > 0 ? &walk->levels[walk->depth - 1] : NULL;
    if (decorated) {
        return refuse(walk, line, level != NULL ? level->path : "",
                      "anchors (&), aliases (*) and tags (!) are not taken");
    }
    if (level != NULL && level->mapping && !level->has_key) {
        return take_key(walk, level, event);
    }
    char path[MU_YAML_PATH_MAX + 1];
    int r = take_value(walk, event, path);
    if (r == 0 && event->type != YAML_SCALAR_EVENT) {
        r = open_level(walk, event, path);
    }
    if (r == 0 && event->type == YAML_SCALAR_EVENT &&
        (event->data.scalar.length != strlen((const char *)event->data.scalar.value) ||
         !printable((const char *)event->data.scalar.value))) {
        r = refuse(walk, line, path, "holds control bytes");
    }
    return r;
}

/* Handles one event.  Returns 1 at the end of the text, 0 to go on, or -EINVAL. */
static int take_event(struct walk *walk, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT: return 0;
    case YAML_STREAM_END_EVENT: return 1;
    case YAML_DOCUMENT_START_EVENT:
        if (++walk->documents > 1) {
            return refuse(walk, event->start_mark.line, "", "only one document is taken");
        }
        return 0;
    case YAML_ALIAS_EVENT: return take_node(walk, event, true);
    case YAML_SCALAR_EVENT:
        return take_node(walk, event,
                         event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL);
    case YAML_SEQUENCE_START_EVENT:
        return take_node(walk, event,
                         event->data.sequence_start.anchor != NULL ||
                             event->data.sequence_start.tag != NULL);
    case YAML_MAPPING_START_EVENT:
        return take_node(walk, event,
                         event->data.mapping_start.anchor != NULL ||
                             event->data.mapping_start.tag != NULL);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        assert(walk->depth > 0);
        walk->depth--;
        return 0;
    }
    return 0;
}

static int walk_events(struct walk *walk, yaml_parser_t *parser)
{
    for (;;) {
        yaml_event_t event;
        if (yaml_parser_parse(parser, &event) == 0) {
            if (parser->error == YAML_MEMORY_ERROR) {
                return -ENOMEM;
            }
            const char *problem = parser->problem != NULL ? parser->problem : "is not YAML";
            return refuse(walk, parser->problem_mark.line, "", problem);
        }
        int r = take_event(walk, &event);
        yaml_event_delete(&event);
        if (r != 0) {
            return r < 0 ? r : 0;
        }
    }
}

int mu_yaml_lines_create(const uint8_t *text, size_t bytes, struct mu_yaml_lines **ret,
                         struct mu_yaml_fault *ret_fault)
{
    struct walk walk = { .fault = ret_fault };
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) {
        return -ENOMEM;
    }
    walk.lines = calloc(1, sizeof *walk.lines);
    if (walk.lines == NULL) {
        yaml_parser_delete(&parser);
        return -ENOMEM;
    }
    yaml_parser_set_input_string(&parser, text, bytes);
    int r = walk_events(&walk, &parser);
    yaml_parser_delete(&parser);
    if (r != 0) {
        mu_yaml_lines_destroy(walk.lines);
        return r;
    }
    *ret = walk.lines;
    return 0;
}

void mu_yaml_lines_destroy(struct mu_yaml_lines *lines)
{
    free(lines);
}

uint32_t mu_yaml_lines_count(const struct mu_yaml_lines *lines)
{
    return lines->count;
}
