/* tests/scenarios/trace.h - what happened, in lines that do not change from run to run.
 *
 * Ids become names: a player's or server's is the name that the scenario gave it, others are
 * numbered as they appear (tkt_1, mch_2; a match and its lobby share their number).  Times are
 * seconds since the start (+21s); secrets and trace ids are left out. */
#ifndef MU_TESTS_SCENARIOS_TRACE_H
#define MU_TESTS_SCENARIOS_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/json.h"
#include "wire/msg.h"

#define TRACE_LINES_MAX 2000
#define TRACE_NAMES_MAX 200
#define TRACE_LINE_MAX  4000 /* bytes; what is longer is cut */

/* What an id is called. */
struct trace_name {
    char id[MU_ID_MAX + 1];
    char name[MU_ID_MAX + 1];
};

struct trace {
    int64_t wall_ms; /* UTC at the start */
    uint32_t lines_count;
    uint32_t names_count;
    uint32_t numbers[2];          /* used so far: of tickets, of matches and lobbies */
    char *lines[TRACE_LINES_MAX]; /* owned */
    struct trace_name names[TRACE_NAMES_MAX];
};

void trace_release(struct trace *trace);

/* Adds a line: the second of virtual time, then the text with ids and times made names. */
void trace_add(struct trace *trace, int64_t wall_ms, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* From now on the id is shown by this name. */
void trace_call(struct trace *trace, const char *id, const char *name);

/* Writes an object's members as `a=1 b={c=x}` into ret [ret_bytes], without those that say
 * nothing (null, "", secrets), and without `skip` (NULL: none) at the top. */
void trace_show(const struct mu_json *json, const char *skip, char *ret, uint32_t ret_bytes);

/* Writes every value as a line "path=value", path as queueData.ticketId or players.0.team. */
void trace_flatten(const struct mu_json *json, char *ret, uint32_t ret_bytes);

/* Prints what differs: "-" expected, "+" happened.  Returns whether anything does. */
bool trace_differs(char *const *expected, uint32_t expected_count, char *const *lines,
                   uint32_t count);

#endif /* MU_TESTS_SCENARIOS_TRACE_H */
