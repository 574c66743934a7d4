/* actors/lobby_tables.c - the lobby actor's tables: made at once, given back at once. */
#include "actors/lobby_state.h"

#include <stdlib.h>

/* Makes an array of `capacity` items, and its slots. */
static bool make_table(uint32_t capacity, size_t item_bytes, struct mu_slots *slots, void **array)
{
    *array = calloc(capacity, item_bytes); /* untouched pages cost nothing */
    return *array != NULL && mu_slots_init(slots, capacity) == 0;
}

bool mu_lobby_tables_make(struct mu_lobby *lobby, uint64_t seed)
{
    void *rooms = NULL;
    void *matches = NULL;
    void *servers = NULL;
    void *people = NULL;
    void *forwards = NULL;
    void *tries = NULL;
    bool made = true;
    made &= make_table(MU_LOBBY_ROOMS_MAX, sizeof *lobby->rooms, &lobby->rooms_slots, &rooms);
    made &=
        make_table(MU_LOBBY_MATCHES_MAX, sizeof *lobby->matches, &lobby->matches_slots, &matches);
    made &=
        make_table(MU_LOBBY_SERVERS_MAX, sizeof *lobby->servers, &lobby->servers_slots, &servers);
    made &= make_table(MU_LOBBY_PEOPLE_MAX, sizeof *lobby->people, &lobby->people_slots, &people);
    made &= make_table(MU_LOBBY_FORWARDS_MAX, sizeof *lobby->forwards, &lobby->forwards_slots,
                       &forwards);
    made &= make_table(MU_LOBBY_TRIES_MAX, sizeof *lobby->tries, &lobby->tries_slots, &tries);
    lobby->rooms = rooms;
    lobby->matches = matches;
    lobby->servers = servers;
    lobby->people = people;
    lobby->forwards = forwards;
    lobby->tries = tries;
    lobby->rooms_map = mu_map_create(MU_LOBBY_ROOMS_MAX, MU_ID_MAX, seed);
    lobby->matches_map = mu_map_create(MU_LOBBY_MATCHES_MAX, MU_ID_MAX, seed);
    lobby->servers_map = mu_map_create(MU_LOBBY_SERVERS_MAX, MU_ID_MAX, seed);
    lobby->people_map = mu_map_create(MU_LOBBY_PEOPLE_MAX, MU_ID_MAX, seed);
    lobby->tries_map = mu_map_create(MU_LOBBY_TRIES_MAX, 2 * MU_ID_MAX + 1, seed);
    lobby->matches_heap = mu_heap_create(MU_LOBBY_MATCHES_MAX);
    lobby->servers_heap = mu_heap_create(MU_LOBBY_SERVERS_MAX);
    lobby->people_heap = mu_heap_create(MU_LOBBY_PEOPLE_MAX);
    lobby->tries_heap = mu_heap_create(MU_LOBBY_TRIES_MAX);
    lobby->own = mu_calls_create(MU_LOBBY_OWN_MAX, seed);
    lobby->forwards_calls = mu_calls_create(MU_LOBBY_FORWARDS_MAX, seed);
    lobby->decoder = mu_decoder_create();
    lobby->message = calloc(1, sizeof *lobby->message);
    lobby->record = calloc(1, sizeof *lobby->record);
    return made && lobby->rooms_map != NULL && lobby->matches_map != NULL &&
           lobby->servers_map != NULL && lobby->people_map != NULL && lobby->tries_map != NULL &&
           lobby->matches_heap != NULL && lobby->servers_heap != NULL &&
           lobby->people_heap != NULL && lobby->tries_heap != NULL && lobby->own != NULL &&
           lobby->forwards_calls != NULL && lobby->decoder != NULL && lobby->message != NULL &&
           lobby->record != NULL;
}

void mu_lobby_tables_release(struct mu_lobby *lobby)
{
    struct mu_map *maps[] = { lobby->rooms_map, lobby->matches_map, lobby->servers_map,
                              lobby->people_map, lobby->tries_map };
    struct mu_heap *heaps[] = { lobby->matches_heap, lobby->servers_heap, lobby->people_heap,
                                lobby->tries_heap };
    struct mu_slots *slots[] = { &lobby->rooms_slots,    &lobby->matches_slots,
                                 &lobby->servers_slots,  &lobby->people_slots,
                                 &lobby->forwards_slots, &lobby->tries_slots };
    void *arrays[] = { lobby->rooms,    lobby->matches, lobby->servers, lobby->people,
                       lobby->forwards, lobby->tries,   lobby->message, lobby->record };
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        mu_map_destroy(maps[i]);
    }
    for (size_t i = 0; i < sizeof heaps / sizeof heaps[0]; i++) {
        mu_heap_destroy(heaps[i]);
    }
    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        mu_slots_release(slots[i]);
    }
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        free(arrays[i]);
    }
    mu_calls_destroy(lobby->own);
    mu_calls_destroy(lobby->forwards_calls);
    mu_decoder_destroy(lobby->decoder);
}
