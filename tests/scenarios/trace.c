#include "trace.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/id.h"

enum {
    ID_BYTES = MU_ID_PREFIX_BYTES + MU_ID_ULID_BYTES,
    TIME_BYTES = 24, /* 2026-09-21T13:46:40.123Z */
    CONTEXT = 2,     /* lines around a difference */
};

/* Text of bounded size that is written piece by piece; what does not fit is cut. */
struct text {
    char *at;
    uint32_t bytes;
    uint32_t used;
};

static void put(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text->at + text->used, text->bytes - text->used, format, args);
    va_end(args);
    assert(n >= 0);
    uint32_t room = text->bytes - 1 - text->used;
    text->used += (uint32_t)n < room ? (uint32_t)n : room;
}

void trace_release(struct trace *trace)
{
    for (uint32_t i = 0; i < trace->lines_count; i++) {
        free(trace->lines[i]);
    }
    trace->lines_count = 0;
}

void trace_call(struct trace *trace, const char *id, const char *name)
{
    assert(trace->names_count < TRACE_NAMES_MAX);
    struct trace_name *to = &trace->names[trace->names_count++];
    (void)snprintf(to->id, sizeof to->id, "%.*s", MU_ID_MAX, id);
    (void)snprintf(to->name, sizeof to->name, "%.*s", MU_ID_MAX, name);
}

static const char *find_name(const struct trace *trace, const char *id)
{
    for (uint32_t i = 0; i < trace->names_count; i++) {
        if (strcmp(trace->names[i].id, id) == 0) {
            return trace->names[i].name;
        }
    }
    return NULL;
}

/* What the id is called; one that is seen for the first time gets the next number. */
static const char *name_of(struct trace *trace, const char *id)
{
    const char *known = find_name(trace, id);
    if (known != NULL) {
        return known;
    }
    char match[MU_ID_MAX + 1];
    char lobby[MU_ID_MAX + 1];
    char name[MU_ID_MAX + 1];
    bool both = mu_id_valid(id, MU_ID_PREFIX_MATCH) || mu_id_valid(id, MU_ID_PREFIX_LOBBY);
    uint32_t number = ++trace->numbers[both];
    if (!both) {
        (void)snprintf(name, sizeof name, "%.*s%" PRIu32, MU_ID_PREFIX_BYTES, id, number);
        trace_call(trace, id, name);
        return find_name(trace, id);
    }
    (void)mu_id_with_prefix(id, MU_ID_PREFIX_MATCH, match);
    (void)mu_id_with_prefix(id, MU_ID_PREFIX_LOBBY, lobby);
    (void)snprintf(name, sizeof name, "mch_%" PRIu32, number);
    trace_call(trace, match, name);
    (void)snprintf(name, sizeof name, "lob_%" PRIu32, number);
    trace_call(trace, lobby, name);
    return find_name(trace, id);
}

/* Whether an id begins here; copies it. */
static bool id_here(const char *text, char ret[MU_ID_MAX + 1])
{
    static const char *const prefixes[] = { MU_ID_PREFIX_PLAYER, MU_ID_PREFIX_TICKET,
                                            MU_ID_PREFIX_LOBBY,  MU_ID_PREFIX_MATCH,
                                            MU_ID_PREFIX_SERVER, MU_ID_PREFIX_BACKFILL };
    (void)snprintf(ret, MU_ID_MAX + 1, "%.*s", ID_BYTES, text);
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (mu_id_valid(ret, prefixes[i])) {
            return true;
        }
    }
    return false;
}

/* Whether a time of day in UTC begins here; writes its distance from the start, in seconds. */
static bool time_here(const struct trace *trace, const char *text, int64_t *ret_s)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    int64_t fields[7] = { 0 };
    uint32_t field = 0;
    for (uint32_t i = 0; i < TIME_BYTES; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == 'd' ? !digit : text[i] != form[i]) {
            return false;
        }
        if (digit) {
            fields[field] = 10 * fields[field] + (text[i] - '0');
        } else {
            field++;
        }
    }
    /* Days since 1970 of the Gregorian calendar: years begin in March, so that leap days end
     * them (Howard Hinnant, "chrono-compatible low-level date algorithms", days_from_civil). */
    int64_t year = fields[0] - (fields[1] <= 2);
    int64_t era = year / 400;
    int64_t of_era = year - 400 * era;
    int64_t of_year = (153 * (fields[1] + (fields[1] > 2 ? -3 : 9)) + 2) / 5 + fields[2] - 1;
    int64_t days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
    int64_t ms = ((days * 24 + fields[3]) * 60 + fields[4]) * 60000 + fields[5] * 1000 + fields[6];
    *ret_s = (ms - trace->wall_ms) / 1000;
    return true;
}

void trace_add(struct trace *trace, int64_t wall_ms, const char *format, ...)
{
    char raw[TRACE_LINE_MAX + 1];
    char line[TRACE_LINE_MAX + 1];
    char id[MU_ID_MAX + 1];
    struct text text = { line, sizeof line, 0 };
    int64_t at_s;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    assert(trace->lines_count < TRACE_LINES_MAX);
    put(&text, "%4" PRId64 " ", (wall_ms - trace->wall_ms) / 1000);
    for (const char *at = raw; *at != '\0';) {
        if (id_here(at, id)) {
            put(&text, "%s", name_of(trace, id));
            at += ID_BYTES;
        } else if (time_here(trace, at, &at_s)) {
            put(&text, "+%" PRId64 "s", at_s);
            at += TIME_BYTES;
        } else {
            put(&text, "%c", *at++);
        }
    }
    while (text.used > 0 && line[text.used - 1] == ' ') {
        line[--text.used] = '\0';
    }
    trace->lines[trace->lines_count] = strdup(line);
    assert(trace->lines[trace->lines_count] != NULL);
    trace->lines_count++;
}

/* JSON as text. */

/* Members that differ from run to run, or say what another one says.  `problem`: at the top of
 * one, where status and message only repeat the answer's status and `detail`. */
static bool hidden(const struct mu_json_node *node, bool problem)
{
    if (problem && (strcmp(node->key, "status") == 0 || strcmp(node->key, "message") == 0)) {
        return true;
    }
    static const char *const names[] = { "at",    "traceId", "joinToken", "serverKey",
                                         "error", "title",   "joinCode",  "username" };
    for (size_t i = 0; node->key != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(node->key, names[i]) == 0) {
            return true;
        }
    }
    bool empty = (node->type == MU_JSON_ARRAY || node->type == MU_JSON_OBJECT) && node->count == 0;
    return node->type == MU_JSON_NULL || (node->type == MU_JSON_STRING && node->text[0] == '\0') ||
           (empty && node->key != NULL);
}

static void put_scalar(struct text *text, const struct mu_json_node *node, bool quote)
{
    switch (node->type) {
    case MU_JSON_NULL: put(text, "null"); break;
    case MU_JSON_FALSE: put(text, "false"); break;
    case MU_JSON_TRUE: put(text, "true"); break;
    case MU_JSON_INTEGER: put(text, "%" PRId64, node->integer); break;
    case MU_JSON_REAL: put(text, "%.3f", node->real); break;
    case MU_JSON_STRING:
        quote = quote && strpbrk(node->text, " {}[]=\"") != NULL;
        put(text, quote ? "\"%s\"" : "%s", node->text);
        break;
    case MU_JSON_ARRAY:
    case MU_JSON_OBJECT: put(text, "%u", node->count); break; /* trace_flatten()'s: how many */
    }
}

/* An open container while its children are visited; documents are MU_JSON_DEPTH_MAX deep. */
struct level {
    uint32_t next; /* child to visit */
    uint32_t index;
    uint32_t path; /* bytes of the path up to here */
    bool first;
    char close;
};

void trace_show(const struct mu_json *json, const char *skip, char *ret, uint32_t ret_bytes)
{
    struct level levels[MU_JSON_DEPTH_MAX + 1] = { { .next = json->nodes[0].first,
                                                     .first = true } };
    struct text text = { ret, ret_bytes, 0 };
    uint32_t depth = 1;
    bool problem = mu_json_member(json, 0, "code") != MU_JSON_NONE;
    ret[0] = '\0';
    while (depth > 0) {
        struct level *level = &levels[depth - 1];
        if (level->next == MU_JSON_NONE) {
            put(&text, "%.1s", &level->close);
            depth--;
            continue;
        }
        const struct mu_json_node *node = &json->nodes[level->next];
        level->next = node->next;
        bool skipped =
            depth == 1 && skip != NULL && node->key != NULL && strcmp(node->key, skip) == 0;
        if (skipped || hidden(node, depth == 1 && problem)) {
            continue;
        }
        put(&text, "%s%s%s", level->first ? "" : " ", node->key != NULL ? node->key : "",
            node->key != NULL ? "=" : "");
        level->first = false;
        if (node->type == MU_JSON_ARRAY || node->type == MU_JSON_OBJECT) {
            bool array = node->type == MU_JSON_ARRAY;
            put(&text, "%c", array ? '[' : '{');
            levels[depth++] =
                (struct level){ .next = node->first, .first = true, .close = array ? ']' : '}' };
        } else {
            put_scalar(&text, node, true);
        }
    }
}

void trace_flatten(const struct mu_json *json, char *ret, uint32_t ret_bytes)
{
    struct level levels[MU_JSON_DEPTH_MAX + 1] = { { .next = json->nodes[0].first } };
    struct text text = { ret, ret_bytes, 0 };
    char path[512] = "";
    uint32_t depth = 1;
    ret[0] = '\0';
    while (depth > 0) {
        struct level *level = &levels[depth - 1];
        if (level->next == MU_JSON_NONE) {
            depth--;
            continue;
        }
        const struct mu_json_node *node = &json->nodes[level->next];
        level->next = node->next;
        struct text name = { path, sizeof path, level->path };
        put(&name, "%s", level->path > 0 ? "." : "");
        if (node->key != NULL) {
            put(&name, "%s", node->key);
        } else {
            put(&name, "%" PRIu32, level->index++);
        }
        put(&text, "%s=", path);
        put_scalar(&text, node, false);
        put(&text, "\n");
        if (node->type == MU_JSON_ARRAY || node->type == MU_JSON_OBJECT) {
            levels[depth++] = (struct level){ .next = node->first, .path = name.used };
        }
    }
}

/* Comparing. */

static void print_lines(const char *sign, char *const *lines, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        (void)printf("  %s %s\n", sign, lines[i]);
    }
}

bool trace_differs(char *const *expected, uint32_t expected_count, char *const *lines,
                   uint32_t count)
{
    uint32_t least = expected_count < count ? expected_count : count;
    uint32_t head = 0;
    while (head < least && strcmp(expected[head], lines[head]) == 0) {
        head++;
    }
    if (head == expected_count && head == count) {
        return false;
    }
    uint32_t tail = 0;
    while (tail < least - head &&
           strcmp(expected[expected_count - 1 - tail], lines[count - 1 - tail]) == 0) {
        tail++;
    }
    uint32_t after = tail < CONTEXT ? tail : CONTEXT;
    print_lines(" ", lines, head > CONTEXT ? head - CONTEXT : 0, head);
    print_lines("-", expected, head, expected_count - tail);
    print_lines("+", lines, head, count - tail);
    print_lines(" ", lines, count - tail, count - tail + after);
    return true;
}
