/* gateway/metrics.c - /metrics: the counters of the whole cluster, in Prometheus' text format
 * (version 0.0.4), from what every process last said of itself. */
#include <stdio.h>
#include <string.h>

#include "gateway/gateway_state.h"
#include "gateway/metrics_text.h"

static void put_process_labels(struct mu_metrics_text *text, const struct mu_msg_stats *stats,
                               const char *instance)
{
    char kind[2 * MU_ADDRESS_MAX + 1];
    char partition[2 * MU_ADDRESS_MAX + 1];
    char name[2 * MU_ADDRESS_MAX + 1];
    mu_metrics_put(text, "kind=\"%s\",partition=\"%s\",instance_id=\"%s\"",
                   mu_metrics_label(stats->kind, kind),
                   mu_metrics_label(stats->partition, partition), mu_metrics_label(instance, name));
}

/* Everybody's STATS, with its own as the first. */
struct fleet_walk {
    const struct mu_gateway *gw;
    const struct mu_msg_stats *own;
    uint32_t next; /* 0: own */
};

static const struct mu_msg_stats *walk(struct fleet_walk *at, const char **ret_instance)
{
    if (at->next == 0) {
        at->next = 1;
        *ret_instance = at->gw->instance;
        return at->own;
    }
    while (at->next <= MU_FLEET_MAX) {
        const struct mu_fleet_member *member =
            mu_fleet_at(at->gw->fleet, at->next++ - 1, at->gw->turn.now_ms);
        if (member != NULL) {
            *ret_instance = member->instance;
            return &member->stats;
        }
    }
    return NULL;
}

/* The name under which a counter is shown: Prometheus wants seconds, and _total on what grows.
 * Returns by what its values are to be multiplied. */
static double metric_name(const struct mu_counter_info *info, char ret[64])
{
    const char *ms = strstr(info->name, "_ms");
    const char *suffix = info->gauge != 0 ? "" : "_total";
    if (ms == NULL) {
        (void)snprintf(ret, 64, "muster_%s%s", info->name, suffix);
        return 1.0;
    }
    (void)snprintf(ret, 64, "muster_%.*s_seconds%s%s", (int)(ms - info->name), info->name, ms + 3,
                   suffix);
    return 1e-3;
}

/* One counter of everybody who has it. */
static void put_counter(struct mu_metrics_text *text, const struct mu_gateway *gw,
                        const struct mu_msg_stats *own, uint32_t counter)
{
    const struct mu_counter_info *info = mu_counter_info(counter);
    struct fleet_walk at = { .gw = gw, .own = own };
    const char *instance = "";
    char name[64];
    bool headed = false;
    double factor = metric_name(info, name);
    for (const struct mu_msg_stats *stats; (stats = walk(&at, &instance)) != NULL;) {
        for (uint32_t i = 0; i < stats->counters_count; i++) {
            if (stats->counters[i].counter != counter) {
                continue;
            }
            if (!headed) {
                mu_metrics_put(text, "# HELP %s %s.\n# TYPE %s %s\n", name, info->doc, name,
                               info->gauge != 0 ? "gauge" : "counter");
                headed = true;
            }
            mu_metrics_put(text, "%s{", name);
            put_process_labels(text, stats, instance);
            mu_metrics_put(text, "} %.15g\n", (double)stats->counters[i].value * factor);
        }
    }
}

/* Ready and uptime of every process. */
static void put_processes(struct mu_metrics_text *text, const struct mu_gateway *gw,
                          const struct mu_msg_stats *own)
{
    const char *instance = "";
    const struct mu_msg_stats *stats;
    mu_metrics_put(text, "# HELP muster_ready Whether the process does its work.\n"
                         "# TYPE muster_ready gauge\n");
    for (struct fleet_walk at = { .gw = gw, .own = own }; (stats = walk(&at, &instance)) != NULL;) {
        mu_metrics_put(text, "muster_ready{");
        put_process_labels(text, stats, instance);
        mu_metrics_put(text, "} %d\n", stats->ready ? 1 : 0);
    }
    mu_metrics_put(text, "# HELP muster_uptime_seconds For how long the process has run.\n"
                         "# TYPE muster_uptime_seconds gauge\n");
    for (struct fleet_walk at = { .gw = gw, .own = own }; (stats = walk(&at, &instance)) != NULL;) {
        mu_metrics_put(text, "muster_uptime_seconds{");
        put_process_labels(text, stats, instance);
        mu_metrics_put(text, "} %.15g\n", (double)stats->uptime_ms / 1e3);
    }
}

size_t mu_metrics_write(const struct mu_gateway *gw, char *ret, size_t ret_size)
{
    ret[0] = '\0';
    struct mu_metrics_text text = { .to = ret, .size = ret_size };
    struct mu_msg_stats own;
    mu_gateway_stats(gw, &own);
    put_processes(&text, gw, &own);
    for (uint32_t counter = 1; counter < MU_COUNTER_END; counter++) {
        if (mu_counter_info(counter) != NULL) {
            put_counter(&text, gw, &own, counter);
        }
    }
    mu_metrics_queues(&text, gw);
    return text.used;
}
