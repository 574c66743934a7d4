/* core/log.h - the log of a process: one line an event, key=value, to stderr.
 *
 *     time=2026-11-23T06:40:00.123Z level=warn actor=queue/eu-west-1 trace=00-4bf9...-01
 *         event="broker gone" endpoint=tcp://127.0.0.1:7600
 *
 * Under systemd, where stderr is the journal's stream ($JOURNAL_STREAM, systemd.exec(5)), each line
 * begins with its priority, "<4>", which the journal takes off again: journalctl -p warning works.
 *
 * Host code.  Pure code writes notes instead, which its host logs.  A line is written with one
 * write(2); control bytes, quotes and backslashes in values are escaped, so nobody can forge a
 * second line.  An event that repeats is shown RATE times a second; how many more there were
 * stands in the next one (repeated=N).  No player names, tokens or bodies above debug. */
#ifndef MU_CORE_LOG_H
#define MU_CORE_LOG_H

#include <stdbool.h>

#define MU_LOG_LINE_MAX 1024 /* bytes of a line; longer ones are cut */
#define MU_LOG_RATE     10   /* lines of one event in a second */

enum mu_log_level {
    MU_LOG_ERROR,
    MU_LOG_WARN,
    MU_LOG_INFO,
    MU_LOG_DEBUG,
};

struct mu_log;

/* Looks once where stderr goes.
 *
 * actor  what the lines carry, as "broker" or "queue/eu-west-1"; copied, cut at 63 bytes
 * NULL when out of memory. */
struct mu_log *mu_log_create(const char *actor, enum mu_log_level level);
void mu_log_destroy(struct mu_log *log); /* NULL is a no-op */

/* Whether lines of that level are written: ask before computing what is only logged. */
bool mu_log_wanted(const struct mu_log *log, enum mu_log_level level);

/* Writes one line, unless its level is not wanted or it repeats too often.
 *
 * trace   W3C traceparent; NULL or empty: none
 * event   what happened, a string constant: its address tells repeats
 * format  "key=%s other=%d"; a value that may hold spaces is written key=\"%s\"
 *
 * Never fails: a log that cannot be written is dropped. */
void mu_log_line(struct mu_log *log, enum mu_log_level level, const char *trace, const char *event,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Reads "error", "warn", "info" or "debug".  Returns 0 or -EINVAL. */
int mu_log_parse_level(const char *text, enum mu_log_level *ret);

#endif /* MU_CORE_LOG_H */
