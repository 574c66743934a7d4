#include "gateway/session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/map.h"
#include "gateway/idtable.h"

struct mu_sessions {
    uint32_t capacity;
    uint32_t count;
    uint32_t free;            /* first free slot */
    struct mu_session *slots; /* [capacity] */
    struct mu_idtable *by_socket;
    struct mu_map *by_player; /* to the slot of his first socket */
};

struct mu_sessions *mu_sessions_create(uint32_t capacity, uint64_t seed)
{
    assert(capacity > 0);
    struct mu_sessions *sessions = calloc(1, sizeof *sessions);
    if (sessions == NULL) {
        return NULL;
    }
    sessions->capacity = capacity;
    sessions->slots = calloc(capacity, sizeof *sessions->slots);
    sessions->by_socket = mu_idtable_create(capacity);
    sessions->by_player = mu_map_create(capacity, MU_ID_MAX, seed);
    if (sessions->slots == NULL || sessions->by_socket == NULL || sessions->by_player == NULL) {
        mu_sessions_destroy(sessions);
        return NULL;
    }
    for (uint32_t i = 0; i < capacity; i++) {
        sessions->slots[i].next = i + 1 < capacity ? i + 1 : MU_SESSION_NONE;
    }
    return sessions;
}

void mu_sessions_destroy(struct mu_sessions *sessions)
{
    if (sessions != NULL) {
        free(sessions->slots);
        mu_idtable_destroy(sessions->by_socket);
        mu_map_destroy(sessions->by_player);
        free(sessions);
    }
}

uint32_t mu_sessions_count(const struct mu_sessions *sessions)
{
    return sessions->count;
}

uint32_t mu_sessions_capacity(const struct mu_sessions *sessions)
{
    return sessions->capacity;
}

static uint32_t index_of(const struct mu_sessions *sessions, const struct mu_session *session)
{
    return (uint32_t)(session - sessions->slots);
}

struct mu_session *mu_sessions_open(struct mu_sessions *sessions, uint64_t socket)
{
    assert(socket > 0);
    assert(mu_idtable_get(sessions->by_socket, socket) == MU_IDTABLE_NONE);
    uint32_t i = sessions->free;
    if (i == MU_SESSION_NONE) {
        return NULL;
    }
    struct mu_session *session = &sessions->slots[i];
    sessions->free = session->next;
    sessions->count++;
    *session = (struct mu_session){
        .socket = socket,
        .next = MU_SESSION_NONE,
        .previous = MU_SESSION_NONE,
    };
    mu_idtable_put(sessions->by_socket, socket, i);
    return session;
}

struct mu_session *mu_sessions_find(struct mu_sessions *sessions, uint64_t socket)
{
    uint32_t i = mu_idtable_get(sessions->by_socket, socket);
    return i == MU_IDTABLE_NONE ? NULL : &sessions->slots[i];
}

struct mu_session *mu_sessions_at(struct mu_sessions *sessions, uint32_t i)
{
    assert(i < sessions->capacity);
    return sessions->slots[i].socket == 0 ? NULL : &sessions->slots[i];
}

struct mu_session *mu_sessions_of(struct mu_sessions *sessions, const char *player)
{
    uint32_t i = mu_map_get(sessions->by_player, player);
    return i == MU_MAP_NONE ? NULL : &sessions->slots[i];
}

struct mu_session *mu_sessions_next(struct mu_sessions *sessions, const struct mu_session *s)
{
    return s->next == MU_SESSION_NONE ? NULL : &sessions->slots[s->next];
}

bool mu_sessions_bind(struct mu_sessions *sessions, struct mu_session *session, const char *player)
{
    assert(session->player[0] == '\0');
    assert(player[0] != '\0');
    uint32_t i = index_of(sessions, session);
    uint32_t first = mu_map_get(sessions->by_player, player);
    (void)snprintf(session->player, sizeof session->player, "%s", player);
    session->previous = MU_SESSION_NONE;
    session->next = first == MU_MAP_NONE ? MU_SESSION_NONE : first;
    if (first != MU_MAP_NONE) {
        sessions->slots[first].previous = i;
    }
    /* There is room: at most one key for each slot. */
    int r = mu_map_put(sessions->by_player, player, i);
    assert(r == 0);
    return first == MU_MAP_NONE;
}

bool mu_sessions_unbind(struct mu_sessions *sessions, struct mu_session *session)
{
    if (session->player[0] == '\0') {
        return false;
    }
    bool last = session->previous == MU_SESSION_NONE && session->next == MU_SESSION_NONE;
    if (session->next != MU_SESSION_NONE) {
        sessions->slots[session->next].previous = session->previous;
    }
    if (session->previous != MU_SESSION_NONE) {
        sessions->slots[session->previous].next = session->next;
    } else if (session->next != MU_SESSION_NONE) {
        (void)mu_map_put(sessions->by_player, session->player, session->next); /* replaces */
    } else {
        (void)mu_map_remove(sessions->by_player, session->player);
    }
    session->player[0] = '\0';
    session->next = MU_SESSION_NONE;
    session->previous = MU_SESSION_NONE;
    session->asking = false;
    session->synced = false;
    session->last_seq = 0;
    session->seen_seq = 0;
    return last;
}

void mu_sessions_close(struct mu_sessions *sessions, struct mu_session *session)
{
    assert(session->player[0] == '\0');
    (void)mu_idtable_remove(sessions->by_socket, session->socket);
    session->socket = 0;
    session->next = sessions->free;
    sessions->free = index_of(sessions, session);
    sessions->count--;
}

void mu_sessions_check(const struct mu_sessions *sessions)
{
    uint32_t used = 0;
    uint32_t bound_first = 0;
    for (uint32_t i = 0; i < sessions->capacity; i++) {
        const struct mu_session *s = &sessions->slots[i];
        if (s->socket == 0) {
            continue;
        }
        used++;
        assert(mu_idtable_get(sessions->by_socket, s->socket) == i);
        assert(s->pending <= MU_SESSION_PENDING_MAX + 1);
        if (s->player[0] == '\0') {
            assert(s->next == MU_SESSION_NONE && s->previous == MU_SESSION_NONE);
            continue;
        }
        if (s->previous == MU_SESSION_NONE) {
            bound_first++;
            assert(mu_map_get(sessions->by_player, s->player) == i);
        } else {
            assert(sessions->slots[s->previous].next == i);
        }
        if (s->next != MU_SESSION_NONE) {
            assert(strcmp(sessions->slots[s->next].player, s->player) == 0);
            assert(sessions->slots[s->next].previous == i);
        }
    }
    assert(used == sessions->count);
    assert(mu_idtable_count(sessions->by_socket) == used);
    assert(mu_map_count(sessions->by_player) == bound_first);
    mu_idtable_check(sessions->by_socket);
}
