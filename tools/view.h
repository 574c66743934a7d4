/* tools/view.h - what a cluster says of itself on /metrics, as numbers to show.  Pure. */
#ifndef MU_TOOLS_VIEW_H
#define MU_TOOLS_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/metrics_text.h"

#define MU_VIEW_QUEUES_MAX 1024 /* 32 modes in 32 regions */
#define MU_VIEW_RATE_MS    5000 /* rates are over about so long */

struct mu_view_queue {
    char region[MU_SAMPLE_TEXT_MAX + 1];
    char mode[MU_SAMPLE_TEXT_MAX + 1];
    bool seen;             /* in the newest text */
    double tickets;        /* waiting */
    double players;        /* waiting */
    double matches;        /* since the shard started */
    double matches_before; /* in the text before */
    double per_second;     /* matches */
    double oldest_s;       /* the oldest ticket has waited */
    double wait_s[3];      /* of the last matched: median, 90 %, 99 % */
    double spread;         /* points */
};

struct mu_view {
    int64_t at_ms; /* of the newest text; 0: none yet */
    uint32_t queues_count;
    struct mu_view_queue queues[MU_VIEW_QUEUES_MAX]; /* by region, then mode */
    double servers;
    double lobbies;
    double matches_waiting;
    double matches_live;
    double matches_ended;
    double sockets;
    double registered; /* players, since the store started */
};

/* Takes a new text. */
void mu_view_take(struct mu_view *view, const char *text, int64_t now_ms);

/* All queues together: sums; of waits, the mean of medians and of 90 %s by matches, and the longest
 * 99 %; of spreads, the mean. */
void mu_view_total(const struct mu_view *view, struct mu_view_queue *ret);

#endif /* MU_TOOLS_VIEW_H */
