#include "broker/presence.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/map.h"
#include "wire/msg.h"

struct player {
    char id[MU_ID_MAX + 1];
    uint32_t count; /* gateways; 0: the slot is free */
    uint16_t peers[MU_PRESENCE_GATEWAYS];
    bool fresh[MU_PRESENCE_GATEWAYS]; /* announced since that gateway's last reset */
    uint32_t next_free;               /* free slots are chained; MU_MAP_NONE ends */
};

struct mu_presence {
    uint32_t players_max;
    uint32_t used;          /* slots 0..used-1 were used at some time */
    uint32_t first_free;    /* of them, or MU_MAP_NONE */
    struct mu_map *map;     /* id -> slot */
    struct player *players; /* [players_max] */
};

struct mu_presence *mu_presence_create(uint32_t players_max, uint64_t seed)
{
    struct mu_presence *presence = calloc(1, sizeof *presence);
    if (presence == NULL) {
        return NULL;
    }
    *presence = (struct mu_presence){
        .players_max = players_max,
        .first_free = MU_MAP_NONE,
        .map = mu_map_create(players_max, MU_ID_MAX, seed),
        .players = calloc(players_max, sizeof *presence->players),
    };
    if (presence->map == NULL || presence->players == NULL) {
        mu_presence_destroy(presence);
        return NULL;
    }
    return presence;
}

void mu_presence_destroy(struct mu_presence *presence)
{
    if (presence != NULL) {
        mu_map_destroy(presence->map);
        free(presence->players);
        free(presence);
    }
}

/* The player's slot, made when he is new; MU_MAP_NONE when the map is full. */
static uint32_t slot_for(struct mu_presence *presence, const char *id)
{
    uint32_t slot = mu_map_get(presence->map, id);
    if (slot != MU_MAP_NONE) {
        return slot;
    }
    slot = presence->first_free != MU_MAP_NONE ? presence->first_free : presence->used;
    if (slot == presence->players_max || mu_map_put(presence->map, id, slot) != 0) {
        return MU_MAP_NONE;
    }
    struct player *player = &presence->players[slot];
    if (slot == presence->first_free) {
        presence->first_free = player->next_free;
    } else {
        presence->used++;
    }
    *player = (struct player){ .next_free = MU_MAP_NONE };
    (void)snprintf(player->id, sizeof player->id, "%s", id); /* the map took it: it fits */
    return slot;
}

/* Takes entry i of a player's gateways out, and frees his slot with the last one. */
static void take_out(struct mu_presence *presence, uint32_t slot, uint32_t i)
{
    struct player *player = &presence->players[slot];
    assert(i < player->count);
    player->count--;
    memmove(&player->peers[i], &player->peers[i + 1],
            (player->count - i) * sizeof player->peers[0]);
    memmove(&player->fresh[i], &player->fresh[i + 1],
            (player->count - i) * sizeof player->fresh[0]);
    if (player->count == 0) {
        (void)mu_map_remove(presence->map, player->id);
        player->next_free = presence->first_free;
        presence->first_free = slot;
    }
}

static uint32_t find_peer(const struct player *player, uint32_t peer)
{
    uint32_t i = 0;
    while (i < player->count && player->peers[i] != peer) {
        i++;
    }
    return i;
}

int mu_presence_join(struct mu_presence *presence, const char *player, uint32_t peer)
{
    assert(peer < MU_PRESENCE_PEERS);
    if (player[0] == '\0') {
        return -EINVAL;
    }
    uint32_t slot = slot_for(presence, player);
    if (slot == MU_MAP_NONE) {
        return -ENOBUFS;
    }
    struct player *at = &presence->players[slot];
    uint32_t known = find_peer(at, peer);
    if (known < at->count) {
        at->fresh[known] = true;
        return 0;
    }
    if (at->count == MU_PRESENCE_GATEWAYS) {
        take_out(presence, slot, 0);
    }
    at->peers[at->count] = (uint16_t)peer;
    at->fresh[at->count++] = true;
    return 0;
}

void mu_presence_leave(struct mu_presence *presence, const char *player, uint32_t peer)
{
    uint32_t slot = mu_map_get(presence->map, player);
    if (slot == MU_MAP_NONE) {
        return;
    }
    uint32_t i = find_peer(&presence->players[slot], peer);
    if (i < presence->players[slot].count) {
        take_out(presence, slot, i);
    }
}

void mu_presence_forget(struct mu_presence *presence, uint32_t peer)
{
    for (uint32_t slot = 0; slot < presence->used; slot++) {
        uint32_t i = find_peer(&presence->players[slot], peer);
        if (i < presence->players[slot].count) {
            take_out(presence, slot, i);
        }
    }
}

void mu_presence_reset(struct mu_presence *presence, uint32_t peer)
{
    for (uint32_t slot = 0; slot < presence->used; slot++) {
        struct player *player = &presence->players[slot];
        uint32_t i = find_peer(player, peer);
        if (i < player->count && !player->fresh[i]) {
            take_out(presence, slot, i);
        } else if (i < player->count) {
            player->fresh[i] = false;
        }
    }
}

uint32_t mu_presence_find(const struct mu_presence *presence, const char *player,
                          uint32_t ret_peers[MU_PRESENCE_GATEWAYS])
{
    uint32_t slot = mu_map_get(presence->map, player);
    if (slot == MU_MAP_NONE) {
        return 0;
    }
    const struct player *at = &presence->players[slot];
    for (uint32_t i = 0; i < at->count; i++) {
        ret_peers[i] = at->peers[i];
    }
    return at->count;
}

uint32_t mu_presence_count(const struct mu_presence *presence)
{
    return mu_map_count(presence->map);
}

void mu_presence_check(const struct mu_presence *presence)
{
    uint32_t present = 0;
    uint32_t free_slots = 0;
    for (uint32_t slot = 0; slot < presence->used; slot++) {
        const struct player *player = &presence->players[slot];
        assert(player->count <= MU_PRESENCE_GATEWAYS);
        if (player->count > 0) {
            assert(mu_map_get(presence->map, player->id) == slot);
            present++;
        }
    }
    for (uint32_t slot = presence->first_free; slot != MU_MAP_NONE;
         slot = presence->players[slot].next_free) {
        assert(presence->players[slot].count == 0);
        free_slots++;
        assert(free_slots <= presence->used);
    }
    assert(present == mu_map_count(presence->map));
    assert(present + free_slots == presence->used);
}
