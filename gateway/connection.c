/* gateway/connection.c - the table of client connections. */
#include "gateway/connection.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOT_BITS 20 /* of an id; the 44 above them outlast 10 years at 50,000 requests/s */
#define KEY_BYTES 16

static_assert(MU_CONNECTION_SLOTS_MAX == 1u << SLOT_BITS, "an id holds every slot");

/* An address with at least one connection. */
struct peer {
    uint8_t key[KEY_BYTES]; /* address, IPv6 cut to its /64 */
    uint32_t count;         /* connections, >= 1 while in use */
    uint32_t next;          /* in the hash chain or the free list */
};

struct deadline_list {
    uint32_t first, last; /* slots, or MU_CONNECTION_NONE */
    int64_t duration_ms;
};

struct mu_connections {
    uint32_t slots;
    uint32_t count;
    uint32_t per_address;
    uint32_t chains_mask; /* chains - 1, chains being a power of two */
    uint64_t seed;
    uint32_t slot_free; /* first free slot */
    uint32_t peer_free; /* first free peer */
    struct deadline_list deadlines[MU_DEADLINE_COUNT];
    struct mu_connection *connections; /* [slots] */
    struct peer *peers;                /* [slots] */
    uint32_t *chains;                  /* [chains_mask + 1] first peer of each hash */
};

static void fill_free_lists(struct mu_connections *table)
{
    for (uint32_t i = 0; i < table->slots; i++) {
        uint32_t next = i + 1 < table->slots ? i + 1 : MU_CONNECTION_NONE;
        table->connections[i].slot = i;
        table->connections[i].next = next;
        table->connections[i].deadline = MU_DEADLINE_COUNT;
        table->peers[i].next = next;
    }
    for (uint32_t i = 0; i <= table->chains_mask; i++)
        table->chains[i] = MU_CONNECTION_NONE;
}

struct mu_connections *mu_connections_create(uint32_t slots, uint32_t per_address, uint64_t seed,
                                             const int64_t *duration_ms)
{
    assert(slots >= 1 && slots <= MU_CONNECTION_SLOTS_MAX);
    assert(per_address >= 1);
    struct mu_connections *table = calloc(1, sizeof *table);
    if (table == NULL)
        return NULL;
    uint32_t chains = 1;
    while (chains < slots)
        chains *= 2;
    table->slots = slots;
    table->per_address = per_address;
    table->chains_mask = chains - 1;
    table->seed = seed;
    table->connections = calloc(slots, sizeof *table->connections);
    table->peers = calloc(slots, sizeof *table->peers);
    table->chains = calloc(chains, sizeof *table->chains);
    if (table->connections == NULL || table->peers == NULL || table->chains == NULL) {
        mu_connections_destroy(table);
        return NULL;
    }
    fill_free_lists(table);
    for (int i = 0; i < MU_DEADLINE_COUNT; i++) {
        assert(duration_ms[i] >= 1);
        table->deadlines[i] = (struct deadline_list){ .first = MU_CONNECTION_NONE,
                                                      .last = MU_CONNECTION_NONE,
                                                      .duration_ms = duration_ms[i] };
    }
    return table;
}

void mu_connections_destroy(struct mu_connections *table)
{
    if (table == NULL)
        return;
    free(table->connections);
    free(table->peers);
    free(table->chains);
    free(table);
}

/* One IPv4 address, or one IPv6 /64: what one customer of a provider is given. */
static void key_of(const uint8_t *address, uint8_t *ret)
{
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    bool ipv4 = memcmp(address, mapped, sizeof mapped) == 0;
    memset(ret, 0, KEY_BYTES);
    memcpy(ret, address, ipv4 ? KEY_BYTES : KEY_BYTES / 2);
}

/* The chain of a key: two multiply-and-fold rounds keyed by the seed. */
static uint32_t chain_of(const struct mu_connections *table, const uint8_t *key)
{
    uint64_t high, low;
    memcpy(&high, key, sizeof high);
    memcpy(&low, key + sizeof high, sizeof low);
    uint64_t hash = (high ^ table->seed) * UINT64_C(0x9e3779b97f4a7c15);
    hash = ((hash ^ (hash >> 32)) + low + table->seed) * UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(hash >> 32) & table->chains_mask;
}

/* Counts one more connection of the key; -EDQUOT when it has its share. */
static int peer_add(struct mu_connections *table, const uint8_t *key, uint32_t *ret)
{
    uint32_t *chain = &table->chains[chain_of(table, key)];
    for (uint32_t i = *chain; i != MU_CONNECTION_NONE; i = table->peers[i].next) {
        if (memcmp(table->peers[i].key, key, KEY_BYTES) != 0)
            continue;
        if (table->peers[i].count >= table->per_address)
            return -EDQUOT;
        table->peers[i].count++;
        *ret = i;
        return 0;
    }
    /* There are as many peers as slots, so one is free whenever a slot is. */
    uint32_t i = table->peer_free;
    assert(i != MU_CONNECTION_NONE);
    struct peer *peer = &table->peers[i];
    table->peer_free = peer->next;
    memcpy(peer->key, key, KEY_BYTES);
    peer->count = 1;
    peer->next = *chain;
    *chain = i;
    *ret = i;
    return 0;
}

static void peer_drop(struct mu_connections *table, uint32_t index)
{
    struct peer *peer = &table->peers[index];
    assert(peer->count >= 1);
    if (--peer->count > 0)
        return;
    uint32_t *link = &table->chains[chain_of(table, peer->key)];
    while (*link != index)
        link = &table->peers[*link].next;
    *link = peer->next;
    peer->next = table->peer_free;
    table->peer_free = index;
}

int mu_connections_add(struct mu_connections *table, const uint8_t *address, bool limited,
                       struct mu_connection **ret)
{
    if (table->slot_free == MU_CONNECTION_NONE)
        return -ENOSPC;
    uint32_t peer = MU_CONNECTION_NONE;
    if (limited) {
        uint8_t key[KEY_BYTES];
        key_of(address, key);
        int r = peer_add(table, key, &peer);
        if (r != 0)
            return r;
    }
    struct mu_connection *connection = &table->connections[table->slot_free];
    assert(connection->state == MU_CONNECTION_FREE);
    table->slot_free = connection->next;
    table->count++;
    *connection = (struct mu_connection){ .slot = connection->slot,
                                          .previous = MU_CONNECTION_NONE,
                                          .next = MU_CONNECTION_NONE,
                                          .peer = peer,
                                          .generation = connection->generation,
                                          .deadline = MU_DEADLINE_COUNT,
                                          .state = MU_CONNECTION_READING,
                                          .dirty_listed = connection->dirty_listed,
                                          .dirty_next = connection->dirty_next };
    *ret = connection;
    return 0;
}

static void disarm(struct mu_connections *table, struct mu_connection *connection)
{
    if (connection->deadline == MU_DEADLINE_COUNT)
        return;
    struct deadline_list *list = &table->deadlines[connection->deadline];
    if (connection->previous == MU_CONNECTION_NONE) {
        list->first = connection->next;
    } else {
        table->connections[connection->previous].next = connection->next;
    }
    if (connection->next == MU_CONNECTION_NONE) {
        list->last = connection->previous;
    } else {
        table->connections[connection->next].previous = connection->previous;
    }
    connection->deadline = MU_DEADLINE_COUNT;
}

void mu_connections_remove(struct mu_connections *table, struct mu_connection *connection)
{
    assert(connection->state != MU_CONNECTION_FREE);
    disarm(table, connection);
    if (connection->peer != MU_CONNECTION_NONE)
        peer_drop(table, connection->peer);
    connection->state = MU_CONNECTION_FREE;
    connection->dirty = 0;
    connection->generation++;
    connection->next = table->slot_free;
    table->slot_free = connection->slot;
    assert(table->count > 0);
    table->count--;
}

uint64_t mu_connections_issue(struct mu_connection *connection)
{
    connection->generation++;
    return mu_connections_id(connection);
}

uint64_t mu_connections_id(const struct mu_connection *connection)
{
    return connection->generation << SLOT_BITS | connection->slot;
}

struct mu_connection *mu_connections_find(struct mu_connections *table, uint64_t id)
{
    uint32_t slot = (uint32_t)id & (MU_CONNECTION_SLOTS_MAX - 1);
    if (slot >= table->slots)
        return NULL;
    struct mu_connection *connection = &table->connections[slot];
    bool current = connection->state != MU_CONNECTION_FREE && mu_connections_id(connection) == id;
    return current ? connection : NULL;
}

struct mu_connection *mu_connections_at(struct mu_connections *table, uint32_t slot)
{
    assert(slot < table->slots);
    return &table->connections[slot];
}

uint32_t mu_connections_slots(const struct mu_connections *table)
{
    return table->slots;
}

uint32_t mu_connections_count(const struct mu_connections *table)
{
    return table->count;
}

void mu_connections_arm(struct mu_connections *table, struct mu_connection *connection,
                        enum mu_deadline kind, int64_t now_ms)
{
    assert(connection->state != MU_CONNECTION_FREE);
    disarm(table, connection);
    if (kind == MU_DEADLINE_COUNT)
        return;
    struct deadline_list *list = &table->deadlines[kind];
    connection->deadline = kind;
    connection->deadline_ms = now_ms + list->duration_ms;
    connection->previous = list->last;
    connection->next = MU_CONNECTION_NONE;
    if (list->last == MU_CONNECTION_NONE) {
        list->first = connection->slot;
    } else {
        table->connections[list->last].next = connection->slot;
    }
    list->last = connection->slot;
}

struct mu_connection *mu_connections_due(struct mu_connections *table, int64_t now_ms)
{
    for (int i = 0; i < MU_DEADLINE_COUNT; i++) {
        uint32_t first = table->deadlines[i].first;
        if (first != MU_CONNECTION_NONE && table->connections[first].deadline_ms <= now_ms)
            return &table->connections[first];
    }
    return NULL;
}

void mu_connections_check(const struct mu_connections *table)
{
    uint32_t used = 0, limited = 0, armed = 0, counted = 0, listed = 0;
    for (uint32_t i = 0; i < table->slots; i++) {
        const struct mu_connection *connection = &table->connections[i];
        assert(connection->slot == i);
        if (connection->state == MU_CONNECTION_FREE)
            continue;
        used++;
        if (connection->peer != MU_CONNECTION_NONE)
            limited++;
        if (connection->deadline != MU_DEADLINE_COUNT)
            armed++;
    }
    assert(used == table->count);
    for (uint32_t i = 0; i <= table->chains_mask; i++) {
        for (uint32_t p = table->chains[i]; p != MU_CONNECTION_NONE; p = table->peers[p].next) {
            assert(table->peers[p].count >= 1 && table->peers[p].count <= table->per_address);
            counted += table->peers[p].count;
        }
    }
    assert(counted == limited);
    for (int i = 0; i < MU_DEADLINE_COUNT; i++) {
        uint32_t previous = MU_CONNECTION_NONE;
        for (uint32_t c = table->deadlines[i].first; c != MU_CONNECTION_NONE; listed++) {
            assert(table->connections[c].deadline == (enum mu_deadline)i);
            assert(table->connections[c].previous == previous);
            previous = c;
            c = table->connections[c].next;
        }
        assert(table->deadlines[i].last == previous);
    }
    assert(listed == armed);
}
