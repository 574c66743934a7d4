#include "gateway/attributes.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/bounds.h"
#include "gateway/json_tree.h"

static_assert(MU_TICKET_DETAILS_MAX + 1 == sizeof((struct mu_msg_ticket_add *)NULL)->details,
              "details fit into the message");
static_assert(MU_PARTY_MAX ==
                  sizeof((struct mu_msg_ticket_add *)NULL)->players / sizeof(struct mu_msg_id),
              "a party fits into the message");

/* Adds a fault of value `node`, under `name` of *fields. */
static void fault(struct mu_fields *fields, const char *name, const char *detail)
{
    mu_fields_fault(fields, name, MU_ERROR_VALIDATION_FAILED, "%s", detail);
}

/* Checks a list of strings, or a map of numbers. */
static void check_items(struct mu_fields *map, uint32_t node)
{
    const struct mu_json_node *nodes = map->json->nodes;
    const struct mu_json_node *held = &nodes[node];
    bool list = held->type == MU_JSON_ARRAY;
    struct mu_fields items;
    uint32_t index = 0;
    if (held->count > MU_ATTRIBUTE_ITEMS_MAX) {
        mu_fields_fault(map, held->key, MU_ERROR_VALIDATION_FAILED,
                        "must have at most %d items, has %u", MU_ATTRIBUTE_ITEMS_MAX, held->count);
        return;
    }
    mu_fields_below(map, held->key, node, &items);
    for (uint32_t at = held->first; at != MU_JSON_NONE; at = nodes[at].next) {
        char number[16];
        (void)snprintf(number, sizeof number, "%u", index++);
        if (list &&
            (nodes[at].type != MU_JSON_STRING || strlen(nodes[at].text) > MU_ATTRIBUTE_TEXT_MAX)) {
            fault(&items, number, "must be a string of at most 255 bytes");
        } else if (!list && strlen(nodes[at].key) > MU_ATTRIBUTE_NAME_MAX) {
            fault(&items, nodes[at].key, "must have a name of at most 63 bytes");
        } else if (!list && nodes[at].type != MU_JSON_INTEGER && nodes[at].type != MU_JSON_REAL) {
            fault(&items, nodes[at].key, "must be a number");
        }
    }
}
static_assert(MU_ATTRIBUTE_TEXT_MAX == 255 && MU_ATTRIBUTE_NAME_MAX == 63, "as the faults say");

static void check_attribute(struct mu_fields *map, uint32_t node)
{
    const struct mu_json_node *value = &map->json->nodes[node];
    size_t name_bytes = strlen(value->key);
    if (name_bytes < 1 || name_bytes > MU_ATTRIBUTE_NAME_MAX) {
        fault(map, value->key, "must have a name of 1 to 63 bytes");
    }
    switch (value->type) {
    case MU_JSON_INTEGER:
    case MU_JSON_REAL: return;
    case MU_JSON_STRING:
        if (strlen(value->text) > MU_ATTRIBUTE_TEXT_MAX) {
            fault(map, value->key, "must have at most 255 bytes");
        }
        return;
    case MU_JSON_ARRAY:
    case MU_JSON_OBJECT: check_items(map, node); return;
    case MU_JSON_NULL:
    case MU_JSON_FALSE:
    case MU_JSON_TRUE: break;
    }
    fault(map, value->key, "must be a number, a string, a list of strings or a map of numbers");
}

static void read_attributes(struct mu_fields *player, uint32_t *ret)
{
    struct mu_fields map;
    if (!mu_field_object(player, "attributes", MU_OPTIONAL, &map)) {
        return;
    }
    const struct mu_json_node *nodes = map.json->nodes;
    if (nodes[map.node].count > MU_ATTRIBUTES_MAX) {
        mu_fields_fault(player, "attributes", MU_ERROR_VALIDATION_FAILED,
                        "must be at most %d, are %u", MU_ATTRIBUTES_MAX, nodes[map.node].count);
        return;
    }
    for (uint32_t at = nodes[map.node].first; at != MU_JSON_NONE; at = nodes[at].next) {
        check_attribute(&map, at);
    }
    *ret = map.node;
}

static void read_latencies(struct mu_fields *player, const struct mu_config *config,
                           struct mu_party *party, uint32_t index)
{
    static const struct mu_range range = MU_BOUND_LATENCY_MS;
    struct mu_fields map;
    if (!mu_field_object(player, "latencies", MU_OPTIONAL, &map)) {
        return;
    }
    const struct mu_json_node *nodes = map.json->nodes;
    for (uint32_t at = nodes[map.node].first; at != MU_JSON_NONE; at = nodes[at].next) {
        int32_t region = mu_config_region(config, nodes[at].key);
        int64_t ms = 0;
        if (region < 0) {
            mu_fields_fault(&map, nodes[at].key, MU_ERROR_REGION_NOT_SUPPORTED, "is no region");
        } else if (mu_field_rounded(&map, nodes[at].key, MU_OPTIONAL, range, &ms)) {
            party->latency_ms[index][region] = (int32_t)ms;
            party->measured[index] = true;
        }
    }
}

void mu_party_read(struct mu_fields *player, const struct mu_config *config, struct mu_party *party)
{
    assert(party->count < MU_PARTY_MAX);
    uint32_t index = party->count++;
    party->attributes[index] = MU_JSON_NONE;
    party->measured[index] = false;
    for (uint32_t i = 0; i < MU_REGIONS_MAX; i++) {
        party->latency_ms[index][i] = MU_LATENCY_NOT_MEASURED;
    }
    read_attributes(player, &party->attributes[index]);
    read_latencies(player, config, party, index);
}

/* The worst of the players, or MU_LATENCY_NOT_MEASURED when one of them does not report it. */
static int32_t worst_latency(const struct mu_party *party, uint32_t region)
{
    int32_t worst = 0;
    for (uint32_t i = 0; i < party->count; i++) {
        int32_t ms = party->latency_ms[i][region];
        if (ms == MU_LATENCY_NOT_MEASURED) {
            return MU_LATENCY_NOT_MEASURED;
        }
        worst = ms > worst ? ms : worst;
    }
    return worst;
}

void mu_party_latencies(struct mu_fields *fields, const struct mu_config *config,
                        const struct mu_party *party, struct mu_msg_ticket_add *ret)
{
    uint32_t measured = 0;
    ret->latencies_count = 0;
    for (uint32_t i = 0; i < party->count; i++) {
        measured += party->measured[i] ? 1 : 0;
    }
    if (measured == 0) {
        return; /* not measured: at home */
    }
    for (uint32_t i = 0; i < config->regions_count; i++) {
        int32_t ms = worst_latency(party, i);
        if (ms != MU_LATENCY_NOT_MEASURED) {
            struct mu_msg_latency *latency = &ret->latencies[ret->latencies_count++];
            *latency = (struct mu_msg_latency){ .ms = (uint64_t)ms };
            memcpy(latency->region, config->regions[i].name, sizeof latency->region);
        }
    }
    if (measured < party->count) {
        fault(fields, "players", "must report latencies all of them, or none of them");
    } else if (ret->latencies_count == 0) {
        fault(fields, "players", "must have a region to which all of them report a latency");
    }
}

static void write_latencies(struct mu_json_writer *writer, const struct mu_config *config,
                            const int32_t *latency_ms)
{
    mu_json_key(writer, "latencies");
    mu_json_object_begin(writer);
    for (uint32_t i = 0; i < config->regions_count; i++) {
        if (latency_ms[i] != MU_LATENCY_NOT_MEASURED) {
            mu_json_key(writer, config->regions[i].name);
            mu_json_i64(writer, latency_ms[i]);
        }
    }
    mu_json_object_end(writer);
}

void mu_party_details(struct mu_fields *fields, const struct mu_config *config,
                      const struct mu_party *party, char ret[MU_TICKET_DETAILS_MAX + 1])
{
    struct mu_json_writer writer;
    bool any = false;
    mu_json_writer_init(&writer, ret, MU_TICKET_DETAILS_MAX);
    mu_json_array_begin(&writer);
    for (uint32_t i = 0; i < party->count; i++) {
        mu_json_object_begin(&writer);
        if (party->attributes[i] != MU_JSON_NONE) {
            mu_json_key(&writer, "attributes");
            mu_json_tree_write(&writer, fields->json, party->attributes[i]);
        }
        if (party->measured[i]) {
            write_latencies(&writer, config, party->latency_ms[i]);
        }
        mu_json_object_end(&writer);
        any = any || party->attributes[i] != MU_JSON_NONE || party->measured[i];
    }
    mu_json_array_end(&writer);
    if (writer.overflow) {
        mu_fields_fault(fields, "players", MU_ERROR_VALIDATION_FAILED,
                        "must have at most %d bytes of attributes and latencies together",
                        MU_TICKET_DETAILS_MAX);
    }
    ret[any && !writer.overflow ? writer.used : 0] = '\0';
}
