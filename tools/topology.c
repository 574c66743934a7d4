#include "tools/topology.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

/* Copies a text.  A name may come from anybody on the bus: nothing of it moves the cursor. */
static struct mu_topology_text text_of(const json_t *object, const char *key)
{
    struct mu_topology_text text = { .text = "" };
    const char *value = json_string_value(json_object_get(object, key));
    (void)snprintf(text.text, sizeof text.text, "%s", value == NULL ? "" : value);
    for (char *c = text.text; *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte < 0x20 || byte >= 0x7F) {
            *c = '?';
        }
    }
    return text;
}

static int64_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static bool bool_of(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

/* How many items of the array `key` there are, `max` at most; *ret is the array. */
static uint32_t items_of(const json_t *object, const char *key, uint32_t max, const json_t **ret)
{
    *ret = json_object_get(object, key);
    size_t count = json_array_size(*ret);
    return count < max ? (uint32_t)count : max;
}

static void read_process(const json_t *from, struct mu_topology_process *ret)
{
    const json_t *brokers;
    uint32_t count = items_of(from, "brokers", 8, &brokers);
    *ret = (struct mu_topology_process){
        .kind = text_of(from, "kind"),
        .name = text_of(from, "name"),
        .instance = text_of(from, "instance"),
        .partition = text_of(from, "partition"),
        .state = text_of(from, "state"),
        .build = text_of(from, "build"),
        .configuration = text_of(from, "configuration"),
        .other_configuration = bool_of(from, "otherConfiguration"),
        .ready = bool_of(from, "ready"),
        .epoch = number_of(from, "epoch"),
        .age_ms = number_of(from, "heartbeatAgeMs"),
        .uptime_ms = number_of(from, "uptimeMs"),
        .messages_in = number_of(from, "messagesIn"),
        .messages_out = number_of(from, "messagesOut"),
        .step_ms_max = number_of(from, "stepMsMax"),
    };
    for (uint32_t i = 0; i < count; i++) {
        int64_t broker = json_integer_value(json_array_get(brokers, i));
        ret->brokers |= broker >= 0 && broker < 32 ? 1u << broker : 0;
    }
}

static void read_queue(const json_t *from, struct mu_topology_queue *ret)
{
    *ret = (struct mu_topology_queue){
        .region = text_of(from, "region"),
        .mode = text_of(from, "gameMode"),
        .tickets = number_of(from, "tickets"),
        .players = number_of(from, "players"),
        .slices = number_of(from, "slices"),
        .oldest_ms = number_of(from, "oldestMs"),
        .matches = number_of(from, "matches"),
        .wait_p50_ms = number_of(from, "waitP50Ms"),
        .wait_p99_ms = number_of(from, "waitP99Ms"),
    };
}

static void read_partition(const json_t *from, struct mu_topology_partition *ret)
{
    *ret = (struct mu_topology_partition){
        .partition = text_of(from, "partition"),
        .owner = text_of(from, "owner"),
        .instance = text_of(from, "instance"),
        .epoch = number_of(from, "epoch"),
        .standbys = number_of(from, "standbys"),
    };
}

static void read_lists(const json_t *root, struct mu_topology *ret)
{
    const json_t *list;
    ret->failing_count = items_of(root, "failing", MU_TOPOLOGY_LIST_MAX, &list);
    for (uint32_t i = 0; i < ret->failing_count; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        (void)snprintf(ret->failing[i].text, sizeof ret->failing[i].text, "%s",
                       name == NULL ? "" : name);
    }
    ret->builds_count = items_of(root, "builds", MU_TOPOLOGY_LIST_MAX, &list);
    for (uint32_t i = 0; i < ret->builds_count; i++) {
        const json_t *build = json_array_get(list, i);
        struct mu_topology_text name = text_of(build, "build");
        (void)snprintf(ret->builds[i].text, sizeof ret->builds[i].text, "%.40s (%" PRId64 ")",
                       name.text[0] == '\0' ? "not known" : name.text,
                       number_of(build, "processes"));
    }
    ret->processes_count = items_of(root, "processes", MU_TOPOLOGY_PROCESSES_MAX, &list);
    for (uint32_t i = 0; i < ret->processes_count; i++) {
        read_process(json_array_get(list, i), &ret->processes[i]);
    }
    ret->partitions_count = items_of(root, "partitions", MU_TOPOLOGY_PARTITIONS_MAX, &list);
    for (uint32_t i = 0; i < ret->partitions_count; i++) {
        read_partition(json_array_get(list, i), &ret->partitions[i]);
    }
    ret->queues_count = items_of(root, "queues", MU_TOPOLOGY_QUEUES_MAX, &list);
    for (uint32_t i = 0; i < ret->queues_count; i++) {
        read_queue(json_array_get(list, i), &ret->queues[i]);
    }
}

int mu_topology_read(const char *json, size_t bytes, int64_t now_ms, struct mu_topology *ret)
{
    json_error_t error;
    json_t *root = json_loadb(json, bytes, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EBADMSG;
    }
    const json_t *totals = json_object_get(root, "totals");
    bool object = json_is_object(root);
    memset(ret, 0, sizeof *ret);
    ret->at_ms = now_ms;
    ret->ready = strcmp(text_of(root, "status").text, "ready") == 0;
    ret->mixed = bool_of(root, "mixedBuilds");
    ret->totals = (struct mu_topology_totals){
        .tickets_added = number_of(totals, "ticketsAdded"),
        .matches_waiting = number_of(totals, "matchesWaiting"),
        .matches_live = number_of(totals, "matchesLive"),
        .matches_ended = number_of(totals, "matchesEnded"),
        .servers = number_of(totals, "servers"),
        .lobbies = number_of(totals, "lobbies"),
        .sockets = number_of(totals, "sockets"),
        .http_requests = number_of(totals, "httpRequests"),
    };
    read_lists(root, ret);
    json_decref(root);
    return object ? 0 : -EBADMSG;
}

/* How fast a counter grew; one that is lower than before began again at 0. */
static double rate(int64_t before, int64_t now, int64_t passed_ms)
{
    int64_t grown = now < before ? now : now - before;
    return passed_ms <= 0 ? 0 : (double)grown * 1000.0 / (double)passed_ms;
}

/* The same of a sum over processes, of which one may be gone. */
static double sum_rate(int64_t before, int64_t now, int64_t passed_ms)
{
    return now < before ? 0 : rate(before, now, passed_ms);
}

static bool same(const struct mu_topology_text *a, const struct mu_topology_text *b)
{
    return strcmp(a->text, b->text) == 0;
}

void mu_topology_rates(const struct mu_topology *before, struct mu_topology *now)
{
    int64_t passed_ms = now->at_ms - before->at_ms;
    struct mu_topology_totals *totals = &now->totals;
    now->rated = true;
    for (uint32_t i = 0; i < now->processes_count; i++) {
        struct mu_topology_process *process = &now->processes[i];
        int64_t in = process->messages_in;
        int64_t out = process->messages_out;
        for (uint32_t k = 0; k < before->processes_count; k++) {
            if (same(&before->processes[k].instance, &process->instance)) {
                in = before->processes[k].messages_in;
                out = before->processes[k].messages_out;
                break;
            }
        }
        process->in_per_s = rate(in, process->messages_in, passed_ms);
        process->out_per_s = rate(out, process->messages_out, passed_ms);
    }
    totals->matches_per_s = 0;
    for (uint32_t i = 0; i < now->queues_count; i++) {
        struct mu_topology_queue *queue = &now->queues[i];
        int64_t matches = queue->matches;
        for (uint32_t k = 0; k < before->queues_count; k++) {
            if (same(&before->queues[k].region, &queue->region) &&
                same(&before->queues[k].mode, &queue->mode)) {
                matches = before->queues[k].matches;
                break;
            }
        }
        queue->per_s = rate(matches, queue->matches, passed_ms);
        totals->matches_per_s += queue->per_s;
    }
    totals->tickets_per_s =
        sum_rate(before->totals.tickets_added, totals->tickets_added, passed_ms);
    totals->requests_per_s =
        sum_rate(before->totals.http_requests, totals->http_requests, passed_ms);
}
