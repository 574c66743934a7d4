#include "broker/connections.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/map.h"

static_assert(2 * MU_ROUTING_ID_MAX <= MU_MAP_KEY_MAX, "any id can be a key");
static_assert(MU_CONNECTIONS_NONE == MU_MAP_NONE, "what is not found is none");

struct mu_connections {
    uint32_t max;
    uint32_t last; /* found last: most messages come in runs */
    uint32_t free_count;
    uint32_t *free_list;         /* [max], of which free_count are free */
    struct mu_connection *table; /* [max] */
    struct mu_map *ids;          /* routing id as hex -> number */
};

struct mu_connections *mu_connections_create(uint32_t max, uint64_t seed)
{
    assert(max >= 1);
    struct mu_connections *connections = calloc(1, sizeof *connections);
    if (connections == NULL) {
        return NULL;
    }
    connections->max = max;
    connections->free_list = calloc(max, sizeof *connections->free_list);
    connections->table = calloc(max, sizeof *connections->table);
    connections->ids = mu_map_create(max, MU_MAP_KEY_MAX, seed);
    if (connections->free_list == NULL || connections->table == NULL || connections->ids == NULL) {
        mu_connections_destroy(connections);
        return NULL;
    }
    for (uint32_t i = 0; i < max; i++) {
        connections->free_list[connections->free_count++] = max - 1 - i;
    }
    return connections;
}

void mu_connections_destroy(struct mu_connections *connections)
{
    if (connections != NULL) {
        mu_map_destroy(connections->ids);
        free(connections->table);
        free(connections->free_list);
        free(connections);
    }
}

static void hex(const uint8_t *id, size_t id_bytes, char ret[2 * MU_ROUTING_ID_MAX + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < id_bytes; i++) {
        ret[2 * i] = digits[id[i] >> 4];
        ret[2 * i + 1] = digits[id[i] & 15];
    }
    ret[2 * id_bytes] = '\0';
}

uint32_t mu_connections_find(struct mu_connections *connections, const uint8_t *id, size_t id_bytes)
{
    const struct mu_connection *last = &connections->table[connections->last];
    char text[2 * MU_ROUTING_ID_MAX + 1];
    if (id_bytes == 0 || id_bytes > MU_ROUTING_ID_MAX) {
        return MU_CONNECTIONS_NONE;
    }
    if (last->id_bytes == id_bytes && memcmp(last->id, id, id_bytes) == 0) {
        return connections->last;
    }
    hex(id, id_bytes, text);
    uint32_t found = mu_map_get(connections->ids, text);
    if (found != MU_MAP_NONE) {
        connections->last = found;
    }
    return found;
}

uint32_t mu_connections_add(struct mu_connections *connections, const uint8_t *id, size_t id_bytes)
{
    if (id_bytes == 0 || id_bytes > MU_ROUTING_ID_MAX || connections->free_count == 0) {
        return MU_CONNECTIONS_NONE;
    }
    uint32_t number = connections->free_list[--connections->free_count];
    struct mu_connection *connection = &connections->table[number];
    *connection = (struct mu_connection){ .id_bytes = (uint8_t)id_bytes };
    memcpy(connection->id, id, id_bytes);
    hex(id, id_bytes, connection->text);
    int r = mu_map_put(connections->ids, connection->text, number);
    assert(r == 0); /* as many keys fit as there are connections */
    connections->last = number;
    return number;
}

void mu_connections_remove(struct mu_connections *connections, uint32_t number)
{
    struct mu_connection *connection = mu_connections_at(connections, number);
    assert(connection->id_bytes > 0);
    uint32_t was = mu_map_remove(connections->ids, connection->text);
    assert(was == number);
    connection->id_bytes = 0;
    connections->free_list[connections->free_count++] = number;
}

struct mu_connection *mu_connections_at(struct mu_connections *connections, uint32_t number)
{
    assert(number < connections->max);
    return &connections->table[number];
}
