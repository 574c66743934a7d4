/* gateway/metrics_text.h - inside of /metrics: the text that is being written.
 *
 *   metrics.c         processes and their counters
 *   metrics_queues.c  queues, their histograms, and the rules of rule sets */
#ifndef MU_GATEWAY_METRICS_TEXT_H
#define MU_GATEWAY_METRICS_TEXT_H

#include <stddef.h>

#include "core/address.h"

#define MU_METRICS_LABEL_MAX (2 * MU_ADDRESS_MAX) /* bytes of a label's value, escaped */

struct mu_gateway;

/* It ends before the first line that does not fit. */
struct mu_metrics_text {
    char *to;    /* [size], ended by NUL */
    size_t size; /* > 0; used + 1 once something did not fit */
    size_t used;
};

/* Appends a line, or a part of one. */
void mu_metrics_put(struct mu_metrics_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A label's value: \ and " escaped; control characters become '?'.  value: UTF-8.  Returns ret. */
const char *mu_metrics_label(const char *value, char ret[MU_METRICS_LABEL_MAX + 1]);

/* Everything about queues. */
void mu_metrics_queues(struct mu_metrics_text *text, const struct mu_gateway *gw);

#endif /* MU_GATEWAY_METRICS_TEXT_H */
