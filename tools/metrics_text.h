/* tools/metrics_text.h - reads Prometheus' text format, as much of it as /metrics writes. */
#ifndef MU_TOOLS_METRICS_TEXT_H
#define MU_TOOLS_METRICS_TEXT_H

#include <stdbool.h>

#define MU_SAMPLE_LABELS_MAX 6
#define MU_SAMPLE_TEXT_MAX   63 /* bytes of a name or a label's value */

/* One line. */
struct mu_sample {
    char name[MU_SAMPLE_TEXT_MAX + 1];
    double value;
    unsigned labels_count;
    struct {
        char name[MU_SAMPLE_TEXT_MAX + 1];
        char value[MU_SAMPLE_TEXT_MAX + 1]; /* escapes taken out */
    } labels[MU_SAMPLE_LABELS_MAX];
};

/* Reads the next sample at *text and moves *text behind it; comments, and lines that are not
 * understood, are skipped.  False: there is none. */
bool mu_sample_next(const char **text, struct mu_sample *ret);

/* A label's value, or "". */
const char *mu_sample_label(const struct mu_sample *sample, const char *name);

#endif /* MU_TOOLS_METRICS_TEXT_H */
