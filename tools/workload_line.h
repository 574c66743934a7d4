/* tools/workload_line.h - inside the reader of workloads: one line, its faults, a ticket of it. */
#ifndef MU_TOOLS_WORKLOAD_LINE_H
#define MU_TOOLS_WORKLOAD_LINE_H

#include "core/map.h"
#include "gateway/json.h"
#include "tools/workload.h"

#define MU_WORKLOAD_IDS_FIRST 1024 /* tickets' ids that fit at first; it doubles */

struct mu_line {
    const char *path;
    FILE *faults;
    uint32_t number; /* from 1 */
    uint32_t faults_count;
    struct mu_json *json; /* the line */
    struct mu_map *ids;   /* id -> index of the ticket */
    uint32_t ids_capacity;
};

/* Writes "FILE:LINE: what". */
void mu_line_fault(struct mu_line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Values with a name for the message; what is wrong is a fault, and ret untouched. */
bool mu_line_number(struct mu_line *line, uint32_t node, const char *name, double min, double max,
                    double *ret);
bool mu_line_whole(struct mu_line *line, uint32_t node, const char *name, uint32_t max,
                   uint32_t *ret); /* 1..max */
bool mu_line_name(struct mu_line *line, uint32_t node, const char *name, char ret[MU_ID_MAX + 1]);
bool mu_line_is(struct mu_line *line, uint32_t node, enum mu_json_type type, const char *name);

/* Reads the line as a ticket and appends it.  Returns 0, also after faults; or -ENOMEM. */
int mu_line_ticket(struct mu_line *line, struct mu_workload *workload);

/* Tickets without patience wait to the end of the replay: sets that, once the end is known. */
void mu_line_patience(struct mu_workload *workload);

#endif /* MU_TOOLS_WORKLOAD_LINE_H */
