/* actors/lobby_check.c - every invariant of the lobby actor's memory. */
#include "actors/lobby_state.h"

#include <assert.h>
#include <string.h>

static void check_waiting(const struct mu_lobby *lobby)
{
    uint32_t listed = 0;
    uint32_t before = MU_SLOT_NONE;
    for (uint32_t i = lobby->waiting_first; i != MU_SLOT_NONE; i = lobby->matches[i].next) {
        const struct mu_lobby_match *match = &lobby->matches[i];
        assert(mu_slots_busy(&lobby->matches_slots, i));
        assert(match->waiting && match->previous == before);
        assert(match->state == MU_MATCH_ALLOCATING);
        assert(match->call == MU_CALL_NONE);
        assert(before == MU_SLOT_NONE || lobby->matches[before].since_ms <= match->since_ms);
        before = i;
        listed++;
    }
    assert(lobby->waiting_last == before);
    for (uint32_t i = 0; i < lobby->matches_slots.used; i++) {
        listed -= mu_slots_busy(&lobby->matches_slots, i) && lobby->matches[i].waiting ? 1 : 0;
    }
    assert(listed == 0);
}

static void check_matches(const struct mu_lobby *lobby)
{
    uint32_t live = 0;
    for (uint32_t i = 0; i < lobby->matches_slots.used; i++) {
        const struct mu_lobby_match *match = &lobby->matches[i];
        if (!mu_slots_busy(&lobby->matches_slots, i)) {
            continue;
        }
        assert(mu_map_get(lobby->matches_map, match->id) == i);
        assert(match->state == MU_MATCH_LIVE || mu_lobby_owns(lobby, match->id));
        assert(mu_heap_has(lobby->matches_heap, i)); /* no match is ever forgotten */
        assert(match->state == MU_MATCH_FORMED || match->state == MU_MATCH_ALLOCATING ||
               match->state == MU_MATCH_LIVE);
        live += match->state == MU_MATCH_LIVE ? 1 : 0;
        assert(match->server == MU_SLOT_NONE || match->state == MU_MATCH_LIVE);
        assert(match->reserved == MU_SLOT_NONE ||
               mu_slots_busy(&lobby->servers_slots, match->reserved));
        assert(match->reserved == MU_SLOT_NONE || match->call != MU_CALL_NONE);
        if (match->call != MU_CALL_NONE) {
            const struct mu_call *call = mu_calls_at(lobby->own, match->call);
            assert(call->kind == MU_LOBBY_OWN_MATCH);
            assert(call->user == i);
        }
    }
    assert(lobby->matches_live == live);
    assert(mu_map_count(lobby->matches_map) == lobby->matches_slots.count);
    assert(mu_heap_count(lobby->matches_heap) == lobby->matches_slots.count);
    check_waiting(lobby);
}

/* Requests under way that would use a slot of the server. */
static uint32_t count_pending(const struct mu_lobby *lobby, uint32_t server)
{
    uint32_t pending = 0;
    for (uint32_t i = 0; i < lobby->matches_slots.used; i++) {
        pending +=
            mu_slots_busy(&lobby->matches_slots, i) && lobby->matches[i].reserved == server ? 1 : 0;
    }
    for (uint32_t i = 0; i < lobby->forwards_slots.used; i++) {
        pending +=
            mu_slots_busy(&lobby->forwards_slots, i) && lobby->forwards[i].server == server ? 1 : 0;
    }
    return pending;
}

static void check_servers(const struct mu_lobby *lobby)
{
    for (uint32_t i = 0; i < lobby->servers_slots.used; i++) {
        const struct mu_lobby_server *server = &lobby->servers[i];
        if (!mu_slots_busy(&lobby->servers_slots, i)) {
            assert(!mu_heap_has(lobby->servers_heap, i));
            continue;
        }
        assert(mu_map_get(lobby->servers_map, server->id) == i);
        bool alive = server->state != MU_SERVER_NONE;
        bool home = server->distance == 0;
        /* A living server is waited for, or is being declared gone; by its home alone. */
        assert(mu_heap_has(lobby->servers_heap, i)
                   ? alive && home
                   : !alive || !home || server->call != MU_CALL_NONE);
        assert(home || (server->call == MU_CALL_NONE && server->first == MU_SLOT_NONE));
        assert(alive || server->first != MU_SLOT_NONE || server->pending > 0 ||
               server->call != MU_CALL_NONE);
        assert(server->pending == count_pending(lobby, i));
        uint32_t before = MU_SLOT_NONE;
        for (uint32_t k = server->first; k != MU_SLOT_NONE; k = lobby->matches[k].next) {
            assert(lobby->matches[k].server == i);
            assert(lobby->matches[k].previous == before);
            assert(before == MU_SLOT_NONE ||
                   strcmp(lobby->matches[before].id, lobby->matches[k].id) < 0);
            before = k;
        }
        assert(server->last == before);
    }
    assert(mu_map_count(lobby->servers_map) == lobby->servers_slots.count);
}

static void check_people(const struct mu_lobby *lobby)
{
    for (uint32_t i = 0; i < lobby->people_slots.used; i++) {
        const struct mu_lobby_person *person = &lobby->people[i];
        if (!mu_slots_busy(&lobby->people_slots, i)) {
            assert(!mu_heap_has(lobby->people_heap, i));
            continue;
        }
        assert(mu_map_get(lobby->people_map, person->id) == i);
        assert(person->gateways != 0 || person->room != MU_SLOT_NONE ||
               person->call != MU_CALL_NONE);
        assert(person->gateways == 0 || person->seen);
        assert(!mu_heap_has(lobby->people_heap, i) ||
               (person->gateways == 0 && person->room != MU_SLOT_NONE && person->seen));
        assert(person->room == MU_SLOT_NONE || mu_slots_busy(&lobby->rooms_slots, person->room));
    }
    assert(mu_map_count(lobby->people_map) == lobby->people_slots.count);
    for (uint32_t i = 0; i < lobby->rooms_slots.used; i++) {
        const struct mu_lobby_room *room = &lobby->rooms[i];
        if (!mu_slots_busy(&lobby->rooms_slots, i)) {
            continue;
        }
        assert(mu_map_get(lobby->rooms_map, room->id) == i);
        assert(mu_lobby_owns(lobby, room->id));
        assert(room->members_count <= MU_LOBBY_MEMBERS_MAX);
    }
    assert(mu_map_count(lobby->rooms_map) == lobby->rooms_slots.count);
}

static void check_forwards(const struct mu_lobby *lobby)
{
    for (uint32_t i = 0; i < lobby->forwards_slots.used; i++) {
        const struct mu_lobby_forward *forward = &lobby->forwards[i];
        if (!mu_slots_busy(&lobby->forwards_slots, i)) {
            assert(forward->password[0] == '\0'); /* wiped */
            continue;
        }
        assert(forward->call != MU_CALL_NONE);
        assert(mu_calls_at(lobby->forwards_calls, forward->call)->user == i);
        assert(forward->server == MU_SLOT_NONE || forward->step == MU_LOBBY_STEP_START);
        assert(forward->password[0] == '\0' || forward->step == MU_LOBBY_STEP_JOIN_LOOK);
    }
    assert(mu_calls_count(lobby->forwards_calls) == lobby->forwards_slots.count);
    assert(mu_map_count(lobby->tries_map) == lobby->tries_slots.count);
    assert(mu_heap_count(lobby->tries_heap) == lobby->tries_slots.count);
}

void mu_lobby_check(const struct mu_actor *actor)
{
    const struct mu_lobby *lobby = (const struct mu_lobby *)actor;
    check_matches(lobby);
    check_servers(lobby);
    check_people(lobby);
    check_forwards(lobby);
}
