/* gateway/metrics_queues.c - queues on /metrics: what shards and matchers said of them. */
#include <inttypes.h>
#include <stdio.h>

#include "core/histogram.h"
#include "gateway/gateway_state.h"
#include "gateway/metrics_text.h"

/* What is told of one queue. */
enum queue_value {
    QUEUE_TICKETS,
    QUEUE_PLAYERS,
    QUEUE_MATCHES,
    QUEUE_MATCHED,
    QUEUE_OLDEST,
    QUEUE_WAIT,
    QUEUE_SPREAD,
    QUEUE_WAITS,
    QUEUE_QUALITY,
    QUEUE_RULES,
    QUEUE_SLICES,
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
    [QUEUE_WAITS] = { "muster_queue_waited_seconds", "histogram",
                      "For how long matched tickets had waited." },
    [QUEUE_QUALITY] = { "muster_queue_quality", "histogram",
                        "Quality of matches, 0 bad to 1 perfect." },
    [QUEUE_RULES] = { "muster_queue_rules_version", "gauge",
                      "Version of the rule set that the shard knows; 0: the configuration's." },
    [QUEUE_SLICES] = { "muster_queue_slices", "gauge",
                       "Parts that are matched by themselves; 0: no matcher has it." },
};

static void put_queue_line(struct mu_metrics_text *text, enum queue_value which,
                           const char *quantile, const struct mu_msg_pool_stats *pool, double value)
{
    char mode[MU_METRICS_LABEL_MAX + 1];
    char region[MU_METRICS_LABEL_MAX + 1];
    mu_metrics_put(text, "%s{mode=\"%s\",region=\"%s\"%s} %.15g\n", queue_values[which].name,
                   mu_metrics_label(pool->mode, mode), mu_metrics_label(pool->region, region),
                   quantile, value);
}

struct histogram {
    const struct mu_msg_bucket *buckets; /* [bounds_count + 1] */
    const double *bounds;                /* [bounds_count] */
    uint32_t bounds_count;
    double sum;
};

/* The buckets of one queue, each with all below it, as Prometheus counts. */
static void put_histogram(struct mu_metrics_text *text, enum queue_value which,
                          const struct mu_msg_pool_stats *pool, const struct histogram *from)
{
    char mode[MU_METRICS_LABEL_MAX + 1];
    char region[MU_METRICS_LABEL_MAX + 1];
    const char *name = queue_values[which].name;
    uint64_t below = 0;
    (void)mu_metrics_label(pool->mode, mode);
    (void)mu_metrics_label(pool->region, region);
    for (uint32_t i = 0; i < from->bounds_count; i++) {
        below += from->buckets[i].count;
        mu_metrics_put(text, "%s_bucket{mode=\"%s\",region=\"%s\",le=\"%g\"} %" PRIu64 "\n", name,
                       mode, region, from->bounds[i], below);
    }
    below += from->buckets[from->bounds_count].count;
    mu_metrics_put(text, "%s_bucket{mode=\"%s\",region=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name,
                   mode, region, below);
    mu_metrics_put(text, "%s_sum{mode=\"%s\",region=\"%s\"} %.15g\n", name, mode, region,
                   from->sum);
    mu_metrics_put(text, "%s_count{mode=\"%s\",region=\"%s\"} %" PRIu64 "\n", name, mode, region,
                   below);
}

static void put_pool(struct mu_metrics_text *text, enum queue_value which,
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
    case QUEUE_WAITS:
        if (pool->waits_count == MU_WAIT_BUCKETS) { /* a former version sends none */
            put_histogram(text, which, pool,
                          &(struct histogram){ pool->waits, mu_wait_bounds, MU_WAIT_BUCKETS - 1,
                                               pool->wait_sum });
        }
        break;
    case QUEUE_QUALITY:
        if (pool->qualities_count == MU_QUALITY_BUCKETS) {
            put_histogram(text, which, pool,
                          &(struct histogram){ pool->qualities, mu_quality_bounds,
                                               MU_QUALITY_BUCKETS - 1, pool->quality_sum });
        }
        break;
    case QUEUE_RULES: put_queue_line(text, which, "", pool, (double)pool->rules); break;
    case QUEUE_SLICES: put_queue_line(text, which, "", pool, (double)pool->slices); break;
    case QUEUE_VALUES_COUNT: break;
    }
}

/* What matchers counted of rules: passed, then failed. */
static void put_rules(struct mu_metrics_text *text, const struct mu_gateway *gw)
{
    static const char name[] = "muster_rule_evaluations_total";
    bool headed = false;
    for (uint32_t i = 0; i < MU_FLEET_MAX; i++) {
        const struct mu_fleet_member *member = mu_fleet_at(gw->fleet, i, gw->turn.now_ms);
        for (uint32_t k = 0; member != NULL && k < member->stats.rules_count; k++) {
            const struct mu_msg_rule_stats *rule = &member->stats.rules[k];
            char mode[MU_METRICS_LABEL_MAX + 1];
            char label[MU_METRICS_LABEL_MAX + 1];
            char instance[MU_METRICS_LABEL_MAX + 1];
            if (!headed) {
                mu_metrics_put(text,
                               "# HELP %s How often a rule of a rule set was asked of tickets and "
                               "matches.\n# TYPE %s counter\n",
                               name, name);
                headed = true;
            }
            (void)mu_metrics_label(rule->mode, mode);
            (void)mu_metrics_label(rule->rule, label);
            (void)mu_metrics_label(member->instance, instance);
            for (int failed = 0; failed < 2; failed++) {
                mu_metrics_put(text,
                               "%s{mode=\"%s\",rule=\"%s\",instance_id=\"%s\",result=\"%s\"} "
                               "%" PRIu64 "\n",
                               name, mode, label, instance, failed != 0 ? "failed" : "passed",
                               failed != 0 ? rule->failed : rule->passed);
            }
        }
    }
}

void mu_metrics_queues(struct mu_metrics_text *text, const struct mu_gateway *gw)
{
    bool speaks[MU_FLEET_MAX];
    bool any = false;
    for (uint32_t i = 0; i < MU_FLEET_MAX; i++) {
        speaks[i] = mu_fleet_speaks(gw->fleet, i, gw->turn.now_ms);
        any = any || speaks[i];
    }
    for (uint32_t which = 0; any && which < QUEUE_VALUES_COUNT; which++) {
        mu_metrics_put(text, "# HELP %s %s\n# TYPE %s %s\n", queue_values[which].name,
                       queue_values[which].doc, queue_values[which].name, queue_values[which].type);
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
    put_rules(text, gw);
}
