#include "core/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 64, /* whose rate is watched */
    TEXT_MAX = 512,  /* of the formatted values, before they are escaped */
};

/* How often one event was written lately. */
struct rate {
    const char *event; /* NULL: free */
    int64_t second;    /* of the count */
    uint32_t count;
    uint32_t left_out; /* since the last one written */
};

struct mu_log {
    char actor[64];
    enum mu_log_level level;
    bool journal;  /* stderr is the journal's stream: lines begin with their priority */
    uint32_t next; /* slot of `rates` to be reused next */
    struct rate rates[EVENTS_MAX];
};

static const char *const level_names[] = { "error", "warn", "info", "debug" };

/* Priorities of sd-daemon(3), which are syslog(3)'s, by level. */
static const char *const level_priorities[] = { "<3>", "<4>", "<6>", "<7>" };

/* Whether stderr still is what systemd connected to the journal: not after a redirection. */
static bool goes_to_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM"); /* "DEVICE:INODE" */
    struct stat stat;
    char text[64];
    if (stream == NULL || fstat(STDERR_FILENO, &stat) != 0) {
        return false;
    }
    (void)snprintf(text, sizeof text, "%ju:%ju", (uintmax_t)stat.st_dev, (uintmax_t)stat.st_ino);
    return strcmp(stream, text) == 0;
}

struct mu_log *mu_log_create(const char *actor, enum mu_log_level level)
{
    struct mu_log *log = calloc(1, sizeof *log);
    if (log != NULL) {
        (void)snprintf(log->actor, sizeof log->actor, "%s", actor);
        log->level = level;
        log->journal = goes_to_journal();
    }
    return log;
}

void mu_log_destroy(struct mu_log *log)
{
    free(log);
}

bool mu_log_wanted(const struct mu_log *log, enum mu_log_level level)
{
    return level <= log->level;
}

int mu_log_parse_level(const char *text, enum mu_log_level *ret)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *ret = (enum mu_log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}

/* The rate of an event; one that is new takes the place of the oldest. */
static struct rate *rate_of(struct mu_log *log, const char *event)
{
    for (uint32_t i = 0; i < EVENTS_MAX; i++) {
        if (log->rates[i].event == event) {
            return &log->rates[i];
        }
    }
    struct rate *rate = &log->rates[log->next];
    log->next = (log->next + 1) % EVENTS_MAX;
    *rate = (struct rate){ .event = event };
    return rate;
}

/* Counts the event.  Returns whether it may be written. */
static bool allow(struct rate *rate, int64_t second)
{
    if (rate->second != second) {
        rate->second = second;
        rate->count = 0;
    }
    if (rate->count == MU_LOG_RATE) {
        rate->left_out++;
        return false;
    }
    rate->count++;
    return true;
}

/* A line that grows up to its bound; the last byte is kept for the newline. */
struct line {
    char text[MU_LOG_LINE_MAX];
    size_t used;
};

static void put(struct line *line, const char *text)
{
    size_t length = strlen(text);
    size_t room = sizeof line->text - 1 - line->used;
    length = length < room ? length : room;
    memcpy(line->text + line->used, text, length);
    line->used += length;
}

/* Bytes above 126 pass: they are UTF-8 from decoded strings. */
static void put_escaped(struct line *line, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte >= 0x20 && byte != 0x7F && byte != '\\') {
            put(line, (const char[]){ *c, '\0' });
        } else {
            char code[8];
            (void)snprintf(code, sizeof code, "\\x%02x", byte);
            put(line, code);
        }
    }
}

static void put_time(struct line *line, const struct timespec *now)
{
    struct tm utc;
    char text[40];
    if (gmtime_r(&now->tv_sec, &utc) != NULL && strftime(text, sizeof text, "%FT%T", &utc) > 0) {
        put(line, "time=");
        put(line, text);
        (void)snprintf(text, sizeof text, ".%03ldZ ", now->tv_nsec / 1000000);
        put(line, text);
    }
}

void mu_log_line(struct mu_log *log, enum mu_log_level level, const char *trace, const char *event,
                 const char *format, ...)
{
    struct timespec now;
    struct line line = { .used = 0 };
    char text[TEXT_MAX];
    if (!mu_log_wanted(log, level) || clock_gettime(CLOCK_REALTIME, &now) != 0) {
        return;
    }
    struct rate *rate = rate_of(log, event);
    if (!allow(rate, (int64_t)now.tv_sec)) {
        return;
    }
    put(&line, log->journal ? level_priorities[level] : "");
    put_time(&line, &now);
    put(&line, "level=");
    put(&line, level_names[level]);
    put(&line, " actor=");
    put_escaped(&line, log->actor);
    if (trace != NULL && trace[0] != '\0') {
        put(&line, " trace=");
        put_escaped(&line, trace);
    }
    put(&line, " event=\"");
    put_escaped(&line, event);
    put(&line, "\"");
    if (rate->left_out > 0) {
        (void)snprintf(text, sizeof text, " repeated=%" PRIu32, rate->left_out);
        put(&line, text);
        rate->left_out = 0;
    }
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0) {
        put(&line, " ");
        put_escaped(&line, text);
    }
    line.text[line.used++] = '\n';
    ssize_t written = write(STDERR_FILENO, line.text, line.used);
    (void)written; /* there is nowhere else to say so */
}
