/* gateway/metrics.c - /metrics: the counters of the whole cluster, in Prometheus' text format
 * (version 0.0.4), from what every process last said of itself. */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/gateway_state.h"

/* Text that is being written; what does not fit is left out, whole lines at a time. */
struct text {
    char *to;
    size_t size;
    size_t used;
};

static void put(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text->to + text->used, text->size - text->used, format, args);
    va_end(args);
    assert(n >= 0);
    if ((size_t)n < text->size - text->used) {
        text->used += (size_t)n;
    }
}

/* A label's value: \ " and newlines escaped; what is not printable ASCII becomes '?'. */
static const char *label(const char *value, char ret[2 * MU_ADDRESS_MAX + 1])
{
    size_t used = 0;
    for (size_t i = 0; value[i] != '\0' && i < MU_ADDRESS_MAX; i++) {
        if (value[i] == '\\' || value[i] == '"') {
            ret[used++] = '\\';
        }
        bool printable = value[i] >= 0x20 && value[i] < 0x7F;
        ret[used++] = '?';
        if (printable) {
            ret[used - 1] = value[i];
        }
    }
    ret[used] = '\0';
    return ret;
}

static void put_process_labels(struct text *text, const struct mu_msg_stats *stats,
                               const char *instance)
{
    char kind[2 * MU_ADDRESS_MAX + 1];
    char partition[2 * MU_ADDRESS_MAX + 1];
    char name[2 * MU_ADDRESS_MAX + 1];
    put(text, "kind=\"%s\",partition=\"%s\",instance_id=\"%s\"", label(stats->kind, kind),
        label(stats->partition, partition), label(instance, name));
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
static void put_counter(struct text *text, const struct mu_gateway *gw,
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
                put(text, "# HELP %s %s.\n# TYPE %s %s\n", name, info->doc, name,
                    info->gauge != 0 ? "gauge" : "counter");
                headed = true;
            }
            put(text, "%s{", name);
            put_process_labels(text, stats, instance);
            put(text, "} %.15g\n", (double)stats->counters[i].value * factor);
        }
    }
}

/* What is told of one queue. */
enum queue_value {
    QUEUE_TICKETS,
    QUEUE_PLAYERS,
    QUEUE_MATCHES,
    QUEUE_MATCHED,
    QUEUE_OLDEST,
    QUEUE_WAIT,
    QUEUE_SPREAD,
    QUEUE_VALUES_COUNT
};

static const struct {
    const char *name;
    const char *type;
    const char *doc;
} queue_values[] = {
    [QUEUE_TICKETS] = { "muster_queue_tickets", "gauge", "Tickets that wait." },
    [QUEUE_PLAYERS] = { "muster_queue_players", "gauge", "Players that wait." },
    [QUEUE_MATCHES] = { "muster_queue_matches_total", "counter",
                        "Matches formed since the shard started." },
    [QUEUE_MATCHED] = { "muster_queue_matched_players_total", "counter", "Players in them." },
    [QUEUE_OLDEST] = { "muster_queue_oldest_seconds", "gauge",
                       "For how long the oldest ticket has waited." },
    [QUEUE_WAIT] = { "muster_queue_wait_seconds", "summary",
                     "For how long the last matched tickets had waited." },
    [QUEUE_SPREAD] = { "muster_queue_rating_spread", "gauge",
                       "Mean standard deviation of ratings in the last matches, points." },
};

static void put_queue_line(struct text *text, enum queue_value which, const char *quantile,
                           const struct mu_msg_pool_stats *pool, double value)
{
    char mode[2 * MU_ADDRESS_MAX + 1];
    char region[2 * MU_ADDRESS_MAX + 1];
    put(text, "%s{mode=\"%s\",region=\"%s\"%s} %.15g\n", queue_values[which].name,
        label(pool->mode, mode), label(pool->region, region), quantile, value);
}

static void put_pool(struct text *text, enum queue_value which,
                     const struct mu_msg_pool_stats *pool)
{
    switch (which) {
    case QUEUE_TICKETS: put_queue_line(text, which, "", pool, (double)pool->tickets); break;
    case QUEUE_PLAYERS: put_queue_line(text, which, "", pool, (double)pool->players); break;
    case QUEUE_MATCHES: put_queue_line(text, which, "", pool, (double)pool->matches); break;
    case QUEUE_MATCHED: put_queue_line(text, which, "", pool, (double)pool->matched_players); break;
    case QUEUE_OLDEST: put_queue_line(text, which, "", pool, (double)pool->oldest_ms / 1e3); break;
    case QUEUE_WAIT:
        put_queue_line(text, which, ",quantile=\"0.5\"", pool, (double)pool->wait_p50_ms / 1e3);
        put_queue_line(text, which, ",quantile=\"0.9\"", pool, (double)pool->wait_p90_ms / 1e3);
        put_queue_line(text, which, ",quantile=\"0.99\"", pool, (double)pool->wait_p99_ms / 1e3);
        break;
    case QUEUE_SPREAD: put_queue_line(text, which, "", pool, pool->spread); break;
    case QUEUE_VALUES_COUNT: break;
    }
}

static void put_queues(struct text *text, const struct mu_gateway *gw)
{
    bool speaks[MU_FLEET_MAX];
    bool any = false;
    for (uint32_t i = 0; i < MU_FLEET_MAX; i++) {
        speaks[i] = mu_fleet_speaks(gw->fleet, i, gw->turn.now_ms);
        any = any || speaks[i];
    }
    for (uint32_t which = 0; any && which < QUEUE_VALUES_COUNT; which++) {
        put(text, "# HELP %s %s\n# TYPE %s %s\n", queue_values[which].name, queue_values[which].doc,
            queue_values[which].name, queue_values[which].type);
        for (uint32_t i = 0; i < MU_FLEET_MAX; i++) {
            if (!speaks[i]) {
                continue;
            }
            const struct mu_msg_stats *stats = &mu_fleet_at(gw->fleet, i, gw->turn.now_ms)->stats;
            for (uint32_t p = 0; p < stats->pools_count; p++) {
                put_pool(text, (enum queue_value)which, &stats->pools[p]);
            }
        }
    }
}

/* Ready and uptime of every process. */
static void put_processes(struct text *text, const struct mu_gateway *gw,
                          const struct mu_msg_stats *own)
{
    const char *instance = "";
    const struct mu_msg_stats *stats;
    put(text, "# HELP muster_ready Whether the process does its work.\n"
              "# TYPE muster_ready gauge\n");
    for (struct fleet_walk at = { .gw = gw, .own = own }; (stats = walk(&at, &instance)) != NULL;) {
        put(text, "muster_ready{");
        put_process_labels(text, stats, instance);
        put(text, "} %d\n", stats->ready ? 1 : 0);
    }
    put(text, "# HELP muster_uptime_seconds For how long the process has run.\n"
              "# TYPE muster_uptime_seconds gauge\n");
    for (struct fleet_walk at = { .gw = gw, .own = own }; (stats = walk(&at, &instance)) != NULL;) {
        put(text, "muster_uptime_seconds{");
        put_process_labels(text, stats, instance);
        put(text, "} %.15g\n", (double)stats->uptime_ms / 1e3);
    }
}

size_t mu_metrics_write(const struct mu_gateway *gw, char *ret, size_t ret_size)
{
    ret[0] = '\0';
    struct text text = { .to = ret, .size = ret_size };
    struct mu_msg_stats own;
    mu_gateway_stats(gw, &own);
    put_processes(&text, gw, &own);
    for (uint32_t counter = 1; counter < MU_COUNTER_END; counter++) {
        if (mu_counter_info(counter) != NULL) {
            put_counter(&text, gw, &own, counter);
        }
    }
    put_queues(&text, gw);
    return text.used;
}
