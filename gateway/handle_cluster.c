/* gateway/handle_cluster.c - /v1/admin/cluster: the processes of the cluster, its partitions and
 * queues, as each process last said of itself. */
#include "gateway/handlers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/address.h"
#include "core/placement.h"
#include "gateway/gateway_state.h"
#include "gateway/present.h"

#define BUILDS_MAX 8 /* told of; a cluster has one, or two during an upgrade */

/* One process, of the fleet or this gateway itself. */
struct process {
    const char *instance;
    const struct mu_msg_stats *stats;
    int64_t age_ms; /* since it was heard */
    uint32_t slot;  /* in the fleet; MU_FLEET_MAX: this gateway */
};

struct processes {
    uint32_t count;
    struct process at[MU_FLEET_MAX + 1];
};

static int compare(const struct process *a, const struct process *b)
{
    int r = strcmp(a->stats->kind, b->stats->kind);
    r = r != 0 ? r : strcmp(a->stats->partition, b->stats->partition);
    r = r != 0 ? r : strcmp(a->stats->name, b->stats->name);
    return r != 0 ? r : strcmp(a->instance, b->instance);
}

/* Adds one where it belongs: by kind, partition, name, instance. */
static void insert(struct processes *list, struct process process)
{
    uint32_t i = list->count++;
    for (; i > 0 && compare(&list->at[i - 1], &process) > 0; i--) {
        list->at[i] = list->at[i - 1];
    }
    list->at[i] = process;
}

/* The configuration by which the others are judged: the store's, of several the one heard last; of
 * this gateway while no store says. */
static uint64_t reference_of(const struct processes *list, const struct mu_gateway *gw)
{
    const struct process *store = NULL;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct process *process = &list->at[i];
        if (strcmp(process->stats->kind, "store") == 0 && process->stats->config_hash != 0 &&
            (store == NULL || process->age_ms < store->age_ms)) {
            store = process;
        }
    }
    return store != NULL ? store->stats->config_hash : gw->config->hash;
}

/* Whether it runs by another configuration; a former version, and a broker, does not say. */
static bool differs(const struct process *process, uint64_t reference)
{
    uint64_t hash = process->stats->config_hash;
    return hash != 0 && hash != reference;
}

/* own  STATS of this gateway, filled here; lives as long as the list */
static void list_processes(const struct mu_gateway *gw, struct mu_msg_stats *own,
                           struct processes *ret)
{
    int64_t now_ms = gw->turn.now_ms;
    mu_gateway_stats(gw, own);
    ret->count = 0;
    insert(ret, (struct process){ gw->instance, own, 0, MU_FLEET_MAX });
    for (uint32_t i = 0; i < MU_FLEET_MAX; i++) {
        const struct mu_fleet_member *member = mu_fleet_at(gw->fleet, i, now_ms);
        if (member != NULL) {
            insert(ret, (struct process){ member->instance, &member->stats,
                                          now_ms - member->heard_ms, i });
        }
    }
}

/* How far it is; a former version says only whether it is ready. */
static enum mu_life life_of(const struct mu_msg_stats *stats)
{
    if (stats->state != MU_LIFE_UNKNOWN) {
        return stats->state;
    }
    return stats->ready ? MU_LIFE_SERVING : MU_LIFE_STARTING;
}

static uint64_t counter_of(const struct mu_msg_stats *stats, enum mu_counter counter)
{
    for (uint32_t i = 0; i < stats->counters_count; i++) {
        if (stats->counters[i].counter == counter) {
            return stats->counters[i].value;
        }
    }
    return 0;
}

/* reference  configuration of the store */
static void put_process(struct mu_json_writer *writer, const struct process *process,
                        uint64_t reference)
{
    const struct mu_msg_stats *stats = process->stats;
    char hash[17] = "";
    if (stats->config_hash != 0) {
        (void)snprintf(hash, sizeof hash, "%016" PRIx64, stats->config_hash);
    }
    mu_json_object_begin(writer);
    mu_put_text(writer, "kind", stats->kind);
    mu_put_text_or_null(writer, "name", stats->name);
    mu_put_text(writer, "instance", process->instance);
    mu_put_text_or_null(writer, "partition", stats->partition);
    mu_put_text(writer, "state", mu_enum_text(mu_life_texts, life_of(stats)));
    mu_put_bool(writer, "ready", stats->ready);
    mu_put_u64(writer, "epoch", stats->epoch);
    mu_put_text_or_null(writer, "build", stats->build);
    mu_put_text_or_null(writer, "configuration", hash);
    mu_put_bool(writer, "otherConfiguration", differs(process, reference));
    mu_put_i64(writer, "heartbeatAgeMs", process->age_ms);
    mu_put_u64(writer, "uptimeMs", stats->uptime_ms);
    mu_json_key(writer, "brokers");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < 8; i++) {
        if ((stats->brokers & 1u << i) != 0) {
            mu_json_u64(writer, i);
        }
    }
    mu_json_array_end(writer);
    mu_put_u64(writer, "messagesIn",
               counter_of(stats, MU_COUNTER_MESSAGES_IN) + counter_of(stats, MU_COUNTER_ROUTED));
    mu_put_u64(writer, "messagesOut",
               counter_of(stats, MU_COUNTER_MESSAGES_OUT) + counter_of(stats, MU_COUNTER_ROUTED));
    mu_put_u64(writer, "stepMsMax", counter_of(stats, MU_COUNTER_STEP_MS_MAX));
    mu_json_object_end(writer);
}

/* The software versions that run: more than one during an upgrade only. */
static void put_builds(struct mu_json_writer *writer, const struct processes *list)
{
    const char *builds[BUILDS_MAX];
    uint32_t counts[BUILDS_MAX] = { 0 };
    uint32_t n = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        const char *build = list->at[i].stats->build;
        uint32_t k = 0;
        while (k < n && strcmp(builds[k], build) != 0) {
            k++;
        }
        if (k == BUILDS_MAX) {
            continue;
        }
        if (k == n) {
            builds[n++] = build;
        }
        counts[k]++;
    }
    mu_json_key(writer, "builds");
    mu_json_array_begin(writer);
    for (uint32_t k = 0; k < n; k++) {
        mu_json_object_begin(writer);
        mu_put_text_or_null(writer, "build", builds[k]);
        mu_put_u64(writer, "processes", counts[k]);
        mu_json_object_end(writer);
    }
    mu_json_array_end(writer);
    mu_put_bool(writer, "mixedBuilds", n > 1);
}

/* Who has a partition: of several that say so, the one with the highest epoch; NULL: nobody that is
 * alive.  ret_standbys: how many stand by. */
static const struct process *owner_of(const struct processes *list, const char *partition,
                                      uint32_t *ret_standbys)
{
    const struct process *owner = NULL;
    *ret_standbys = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct process *process = &list->at[i];
        enum mu_life life = life_of(process->stats);
        if (strcmp(process->stats->partition, partition) != 0 ||
            process->age_ms > MU_FLEET_FRESH_MS) {
            continue;
        }
        *ret_standbys += life == MU_LIFE_STANDBY;
        bool owns = process->stats->ready && (life == MU_LIFE_SERVING || life == MU_LIFE_DRAINING);
        if (owns && (owner == NULL || process->stats->epoch > owner->stats->epoch)) {
            owner = process;
        }
    }
    return owner;
}

static void put_partition(struct mu_json_writer *writer, const struct processes *list,
                          const char *partition)
{
    uint32_t standbys = 0;
    const struct process *owner = owner_of(list, partition, &standbys);
    mu_json_object_begin(writer);
    mu_put_text(writer, "partition", partition);
    mu_put_text_or_null(writer, "owner", owner == NULL ? "" : owner->stats->name);
    mu_put_text_or_null(writer, "instance", owner == NULL ? "" : owner->instance);
    mu_put_u64(writer, "epoch", owner == NULL ? 0 : owner->stats->epoch);
    mu_put_u64(writer, "standbys", standbys);
    mu_json_object_end(writer);
}

static void put_partitions(struct mu_json_writer *writer, const struct mu_config *config,
                           const struct processes *list)
{
    char partition[MU_ADDRESS_MAX + 1];
    mu_json_key(writer, "partitions");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < config->settings.lobbies; i++) {
        mu_address_lobby(i, partition);
        put_partition(writer, list, partition);
    }
    for (uint32_t i = 0; i < config->regions_count; i++) {
        mu_address_queue(config->regions[i].name, partition);
        put_partition(writer, list, partition);
    }
    mu_json_array_end(writer);
}

static void put_queue(struct mu_json_writer *writer, const struct mu_msg_pool_stats *pool)
{
    mu_json_object_begin(writer);
    mu_put_text(writer, "region", pool->region);
    mu_put_text(writer, "gameMode", pool->mode);
    mu_put_u64(writer, "tickets", pool->tickets);
    mu_put_u64(writer, "players", pool->players);
    mu_put_u64(writer, "slices", pool->slices);
    mu_put_u64(writer, "oldestMs", pool->oldest_ms);
    mu_put_u64(writer, "matches", pool->matches);
    mu_put_u64(writer, "waitP50Ms", pool->wait_p50_ms);
    mu_put_u64(writer, "waitP99Ms", pool->wait_p99_ms);
    mu_put_u64(writer, "rulesVersion", pool->rules);
    mu_json_object_end(writer);
}

/* The queues of a region's shard, in order of the configuration, which bounds their number. */
static void put_region(struct mu_json_writer *writer, const struct mu_config *config,
                       const struct mu_msg_stats *stats, const char *region)
{
    for (uint32_t i = 0; i < config->modes_count; i++) {
        for (uint32_t k = 0; k < stats->pools_count; k++) {
            const struct mu_msg_pool_stats *pool = &stats->pools[k];
            if (strcmp(pool->mode, config->modes[i].name) == 0 &&
                strcmp(pool->region, region) == 0) {
                put_queue(writer, pool);
                break;
            }
        }
    }
}

static void put_queues(struct mu_json_writer *writer, const struct mu_gateway *gw,
                       const struct processes *list)
{
    char partition[MU_ADDRESS_MAX + 1];
    mu_json_key(writer, "queues");
    mu_json_array_begin(writer);
    for (uint32_t r = 0; r < gw->config->regions_count; r++) {
        const char *region = gw->config->regions[r].name;
        mu_address_queue(region, partition);
        for (uint32_t i = 0; i < list->count; i++) {
            const struct process *process = &list->at[i];
            if (process->slot < MU_FLEET_MAX && strcmp(process->stats->partition, partition) == 0 &&
                mu_fleet_speaks(gw->fleet, process->slot, gw->turn.now_ms)) {
                put_region(writer, gw->config, process->stats, region);
                break;
            }
        }
    }
    mu_json_array_end(writer);
}

/* What only sums over all processes say. */
static void put_totals(struct mu_json_writer *writer, const struct processes *list)
{
    static const struct {
        const char *key;
        const char *kind; /* of those that count it: some is counted on its way, too */
        enum mu_counter counter;
    } totals[] = {
        { "ticketsAdded", "store", MU_COUNTER_TICKETS_ADDED },
        { "matchesWaiting", "lobby", MU_COUNTER_MATCHES_WAITING },
        { "matchesLive", "lobby", MU_COUNTER_MATCHES_LIVE },
        { "matchesEnded", "store", MU_COUNTER_MATCHES_ENDED },
        { "servers", "lobby", MU_COUNTER_SERVERS },
        { "lobbies", "lobby", MU_COUNTER_LOBBIES },
        { "sockets", "gateway", MU_COUNTER_SOCKETS },
        { "httpRequests", "gateway", MU_COUNTER_HTTP_REQUESTS },
    };
    mu_json_key(writer, "totals");
    mu_json_object_begin(writer);
    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++) {
        uint64_t sum = 0;
        for (uint32_t k = 0; k < list->count; k++) {
            const struct mu_msg_stats *stats = list->at[k].stats;
            /* Who stands by knows of the same lobbies and matches as the owner. */
            bool counts =
                strcmp(stats->kind, totals[i].kind) == 0 && life_of(stats) != MU_LIFE_STANDBY;
            sum += counts ? counter_of(stats, totals[i].counter) : 0;
        }
        mu_put_u64(writer, totals[i].key, sum);
    }
    mu_json_object_end(writer);
}

void mu_handle_cluster_get(struct mu_gateway *gw, struct mu_exchange *x,
                           const struct mu_http_request *request)
{
    struct processes list;
    struct mu_msg_stats own;
    (void)request;
    list_processes(gw, &own, &list);
    uint64_t reference = reference_of(&list, gw);
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "");
    (void)mu_health_write(gw, writer); /* whether it is ready stands in the answer */
    mu_put_time(writer, "at", (uint64_t)gw->turn.wall_ms);
    mu_put_text(writer, "gateway", gw->instance);
    put_builds(writer, &list);
    mu_json_key(writer, "processes");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < list.count; i++) {
        put_process(writer, &list.at[i], reference);
    }
    mu_json_array_end(writer);
    put_partitions(writer, gw->config, &list);
    put_queues(writer, gw, &list);
    put_totals(writer, &list);
    mu_answer_end(gw, x, 200);
}
