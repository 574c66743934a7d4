#include "tools/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_queues(const void *a, const void *b)
{
    const struct mu_view_queue *x = a;
    const struct mu_view_queue *y = b;
    int r = strcmp(x->region, y->region);
    return r != 0 ? r : strcmp(x->mode, y->mode);
}

/* The queue of a sample; a new one when it is not known; NULL when there is no room. */
static struct mu_view_queue *queue_of(struct mu_view *view, const struct mu_sample *sample)
{
    const char *region = mu_sample_label(sample, "region");
    const char *mode = mu_sample_label(sample, "mode");
    for (uint32_t i = 0; i < view->queues_count; i++) {
        struct mu_view_queue *queue = &view->queues[i];
        if (strcmp(queue->region, region) == 0 && strcmp(queue->mode, mode) == 0) {
            return queue;
        }
    }
    if (view->queues_count == MU_VIEW_QUEUES_MAX) {
        return NULL;
    }
    struct mu_view_queue *queue = &view->queues[view->queues_count++];
    *queue = (struct mu_view_queue){ .matches_before = -1 };
    (void)snprintf(queue->region, sizeof queue->region, "%s", region);
    (void)snprintf(queue->mode, sizeof queue->mode, "%s", mode);
    return queue;
}

static void take_queue(struct mu_view *view, const struct mu_sample *sample)
{
    struct mu_view_queue *queue = queue_of(view, sample);
    const char *what = sample->name + strlen("muster_queue_");
    if (queue == NULL) {
        return;
    }
    queue->seen = true;
    if (strcmp(what, "tickets") == 0) {
        queue->tickets = sample->value;
    } else if (strcmp(what, "players") == 0) {
        queue->players = sample->value;
    } else if (strcmp(what, "matches_total") == 0) {
        queue->matches = sample->value;
    } else if (strcmp(what, "oldest_seconds") == 0) {
        queue->oldest_s = sample->value;
    } else if (strcmp(what, "rating_spread") == 0) {
        queue->spread = sample->value;
    } else if (strcmp(what, "wait_seconds") == 0) {
        const char *quantile = mu_sample_label(sample, "quantile");
        queue->wait_s[strcmp(quantile, "0.5") == 0   ? 0
                      : strcmp(quantile, "0.9") == 0 ? 1
                                                     : 2] = sample->value;
    }
}

/* Counters and gauges of which the sum over all processes is shown. */
static double *sum_of(struct mu_view *view, const char *name)
{
    const struct {
        const char *name;
        double *sum;
    } sums[] = {
        { "muster_servers", &view->servers },
        { "muster_lobbies", &view->lobbies },
        { "muster_matches_waiting", &view->matches_waiting },
        { "muster_matches_live", &view->matches_live },
        { "muster_matches_ended_total", &view->matches_ended },
        { "muster_sockets", &view->sockets },
        { "muster_players_registered_total", &view->registered },
    };
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
        if (strcmp(sums[i].name, name) == 0) {
            return sums[i].sum;
        }
    }
    return NULL;
}

static void begin(struct mu_view *view)
{
    view->servers = 0;
    view->lobbies = 0;
    view->matches_waiting = 0;
    view->matches_live = 0;
    view->matches_ended = 0;
    view->sockets = 0;
    view->registered = 0;
    for (uint32_t i = 0; i < view->queues_count; i++) {
        view->queues[i].seen = false;
    }
}

/* Moves the rates towards what happened since the text before. */
static void end(struct mu_view *view, int64_t passed_ms)
{
    double weight = passed_ms <= 0 ? 0 : (double)passed_ms / MU_VIEW_RATE_MS;
    weight = weight > 1 ? 1 : weight;
    for (uint32_t i = 0; i < view->queues_count; i++) {
        struct mu_view_queue *queue = &view->queues[i];
        /* A shard that started again counts from 0. */
        double before = queue->matches_before > queue->matches ? 0 : queue->matches_before;
        if (queue->matches_before >= 0 && passed_ms > 0) {
            double now = (queue->matches - before) * 1000.0 / (double)passed_ms;
            queue->per_second += weight * (now - queue->per_second);
        }
        queue->matches_before = queue->matches;
        if (!queue->seen) {
            queue->tickets = 0;
            queue->players = 0;
        }
    }
    qsort(view->queues, view->queues_count, sizeof view->queues[0], compare_queues);
}

void mu_view_take(struct mu_view *view, const char *text, int64_t now_ms)
{
    struct mu_sample sample;
    begin(view);
    while (mu_sample_next(&text, &sample)) {
        double *sum = sum_of(view, sample.name);
        if (sum != NULL) {
            *sum += sample.value;
        } else if (strncmp(sample.name, "muster_queue_", strlen("muster_queue_")) == 0) {
            take_queue(view, &sample);
        }
    }
    end(view, view->at_ms == 0 ? 0 : now_ms - view->at_ms);
    view->at_ms = now_ms;
}

void mu_view_total(const struct mu_view *view, struct mu_view_queue *ret)
{
    *ret = (struct mu_view_queue){ .seen = true };
    double spreads = 0;
    for (uint32_t i = 0; i < view->queues_count; i++) {
        const struct mu_view_queue *queue = &view->queues[i];
        ret->tickets += queue->tickets;
        ret->players += queue->players;
        ret->matches += queue->matches;
        ret->per_second += queue->per_second;
        ret->oldest_s = queue->oldest_s > ret->oldest_s ? queue->oldest_s : ret->oldest_s;
        if (queue->matches <= 0) {
            continue;
        }
        for (uint32_t k = 0; k < 2; k++) {
            ret->wait_s[k] += queue->wait_s[k] * queue->matches;
        }
        ret->wait_s[2] = queue->wait_s[2] > ret->wait_s[2] ? queue->wait_s[2] : ret->wait_s[2];
        ret->spread += queue->spread;
        spreads += 1;
    }
    if (spreads > 0) {
        ret->spread /= spreads;
        ret->wait_s[0] /= ret->matches;
        ret->wait_s[1] /= ret->matches;
    }
}
