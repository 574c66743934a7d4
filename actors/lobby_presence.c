/* actors/lobby_presence.c - who is connected, and members of lobbies who no longer are.
 *
 * A hint, kept in memory alone: a member who was never seen connected is left alone. */
#include "actors/lobby_state.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static_assert(MU_LOBBY_GATEWAYS_MAX <= 64, "gateways are bits of a uint64_t");

/* People. */

static uint32_t person_named(struct mu_lobby *lobby, const char *id)
{
    uint32_t slot = mu_map_get(lobby->people_map, id);
    if (slot != MU_MAP_NONE) {
        return slot;
    }
    if (mu_slots_full(&lobby->people_slots)) {
        mu_outbox_note(lobby->out, "too many people: %s is not watched", id);
        return MU_SLOT_NONE;
    }
    slot = mu_slots_take(&lobby->people_slots);
    if (mu_map_put(lobby->people_map, id, slot) != 0) {
        mu_slots_give(&lobby->people_slots, slot);
        return MU_SLOT_NONE;
    }
    struct mu_lobby_person *person = &lobby->people[slot];
    *person = (struct mu_lobby_person){ .room = MU_SLOT_NONE, .call = MU_CALL_NONE };
    (void)snprintf(person->id, sizeof person->id, "%s", id);
    return slot;
}

void mu_lobby_person_settle(struct mu_lobby *lobby, uint32_t slot)
{
    struct mu_lobby_person *person = &lobby->people[slot];
    if (!mu_slots_busy(&lobby->people_slots, slot) || person->room != MU_SLOT_NONE) {
        return;
    }
    (void)mu_heap_remove(lobby->people_heap, slot);
    if (person->gateways == 0 && person->call == MU_CALL_NONE) {
        (void)mu_map_remove(lobby->people_map, person->id);
        mu_slots_give(&lobby->people_slots, slot);
    }
}

uint32_t mu_lobby_member_enter(struct mu_lobby *lobby, const char *player, uint32_t room)
{
    uint32_t slot = person_named(lobby, player);
    if (slot != MU_SLOT_NONE) {
        lobby->people[slot].room = room;
    }
    return slot;
}

static void joined(struct mu_lobby *lobby, const char *player, uint32_t gateway)
{
    uint32_t slot = person_named(lobby, player);
    if (slot != MU_SLOT_NONE) {
        lobby->people[slot].gateways |= UINT64_C(1) << gateway;
        lobby->people[slot].seen = true;
        (void)mu_heap_remove(lobby->people_heap, slot);
    }
}

static void left(struct mu_lobby *lobby, uint32_t slot, uint32_t gateway, int64_t grace_ms)
{
    struct mu_lobby_person *person = &lobby->people[slot];
    uint64_t before = person->gateways;
    person->gateways &= ~(UINT64_C(1) << gateway);
    if (before == 0 || person->gateways != 0) {
        return;
    }
    if (person->room != MU_SLOT_NONE) {
        mu_heap_set(lobby->people_heap, slot, lobby->event->now_ms + grace_ms);
    }
    mu_lobby_person_settle(lobby, slot);
}

/* Gateways. */

static int64_t grace_ms(const struct mu_lobby *lobby)
{
    return (int64_t)lobby->config->settings.lobby_grace_ms;
}

/* Forgets all that a gateway has said.  Its players may be about to be said again, and a message
 * of that be lost: however short the grace is, they have until after the next one.  O(people). */
static void clear(struct mu_lobby *lobby, uint32_t gateway)
{
    int64_t grace = grace_ms(lobby);
    grace = grace < MU_LOBBY_RESET_GRACE_MS ? MU_LOBBY_RESET_GRACE_MS : grace;
    uint64_t bit = UINT64_C(1) << gateway;
    for (uint32_t i = 0; i < lobby->people_slots.used; i++) {
        if (mu_slots_busy(&lobby->people_slots, i) && (lobby->people[i].gateways & bit) != 0) {
            left(lobby, i, gateway, grace);
        }
    }
}

/* The gateway that sent the event; a new one takes a free place, or that of the quietest. */
static uint32_t gateway_of(struct mu_lobby *lobby, uint64_t incarnation)
{
    uint32_t quietest = 0;
    for (uint32_t i = 0; i < MU_LOBBY_GATEWAYS_MAX; i++) {
        if (lobby->gateways[i].incarnation == incarnation) {
            return i;
        }
        bool unused = lobby->gateways[i].incarnation == 0;
        if (lobby->gateways[quietest].incarnation != 0 &&
            (unused || lobby->gateways[i].heard_ms < lobby->gateways[quietest].heard_ms)) {
            quietest = i;
        }
    }
    if (lobby->gateways[quietest].incarnation != 0) {
        mu_outbox_note(lobby->out, "too many gateways: the quietest is forgotten");
        clear(lobby, quietest);
    }
    lobby->gateways[quietest] = (struct mu_lobby_gateway){ .incarnation = incarnation };
    return quietest;
}

void mu_lobby_presence(struct mu_lobby *lobby)
{
    const struct mu_msg_presence *presence = &lobby->event->msg->presence;
    uint64_t incarnation = lobby->event->envelope->incarnation;
    if (incarnation == 0) {
        return;
    }
    uint32_t index = gateway_of(lobby, incarnation);
    lobby->gateways[index].heard_ms = lobby->event->now_ms;
    if (presence->reset) {
        clear(lobby, index);
    }
    for (uint32_t i = 0; i < presence->left_count; i++) {
        uint32_t slot = mu_map_get(lobby->people_map, presence->left[i].id);
        if (slot != MU_MAP_NONE) {
            left(lobby, slot, index, grace_ms(lobby));
        }
    }
    for (uint32_t i = 0; i < presence->joined_count; i++) {
        joined(lobby, presence->joined[i].id, index);
    }
}

int64_t mu_lobby_gateways_deadline(const struct mu_lobby *lobby)
{
    int64_t deadline = MU_NEVER;
    for (uint32_t i = 0; i < MU_LOBBY_GATEWAYS_MAX; i++) {
        const struct mu_lobby_gateway *gateway = &lobby->gateways[i];
        int64_t silent_ms = gateway->heard_ms + MU_LOBBY_GATEWAY_SILENCE_MS;
        if (gateway->incarnation != 0 && silent_ms < deadline) {
            deadline = silent_ms;
        }
    }
    return deadline;
}

void mu_lobby_gateways_due(struct mu_lobby *lobby)
{
    for (uint32_t i = 0; i < MU_LOBBY_GATEWAYS_MAX; i++) {
        struct mu_lobby_gateway *gateway = &lobby->gateways[i];
        if (gateway->incarnation != 0 &&
            gateway->heard_ms + MU_LOBBY_GATEWAY_SILENCE_MS <= lobby->event->now_ms) {
            mu_outbox_note(lobby->out, "a gateway is silent: its players are disconnected");
            clear(lobby, i);
            *gateway = (struct mu_lobby_gateway){ .incarnation = 0 };
        }
    }
}

/* Members whose grace has ended. */

void mu_lobby_people_due(struct mu_lobby *lobby)
{
    while (!mu_outbox_full(lobby->out)) {
        uint32_t slot = mu_heap_pop_due(lobby->people_heap, lobby->event->now_ms);
        if (slot == MU_HEAP_NONE) {
            return;
        }
        struct mu_lobby_person *person = &lobby->people[slot];
        assert(person->room != MU_SLOT_NONE && person->gateways == 0 && person->seen);
        if (person->call != MU_CALL_NONE || mu_calls_full(lobby->own)) {
            mu_heap_set(lobby->people_heap, slot, lobby->event->now_ms + MU_LOBBY_RETRY_MS);
            continue;
        }
        mu_outbox_note(lobby->out, "%s is disconnected -> out of lobby %s", person->id,
                       lobby->rooms[person->room].id);
        memcpy(person->leaving, lobby->rooms[person->room].id, sizeof person->leaving);
        person->serial = ++lobby->serial;
        mu_lobby_person_again(lobby, slot);
    }
}

void mu_lobby_person_again(struct mu_lobby *lobby, uint32_t slot)
{
    struct mu_lobby_person *person = &lobby->people[slot];
    struct mu_msg_lobby_leave *leave = &lobby->message->lobby_leave;
    char key[MU_ADDRESS_MAX + 1];
    mu_lobby_key(lobby, person->serial, key);
    lobby->message->op = MU_OP_LOBBY_LEAVE;
    *leave = (struct mu_msg_lobby_leave){ .reason = MU_REASON_DISCONNECTED };
    memcpy(leave->lobby, person->leaving, sizeof leave->lobby);
    memcpy(leave->player, person->id, sizeof leave->player);
    person->call = mu_lobby_ask(lobby, person->call, MU_LOBBY_OWN_PERSON, slot, key);
}

void mu_lobby_person_answer(struct mu_lobby *lobby, uint32_t slot)
{
    const struct mu_msg *msg = lobby->event->msg;
    lobby->people[slot].call = MU_CALL_NONE;
    if (msg->op == MU_OP_LOBBY) {
        mu_lobby_room_learn(lobby, &msg->lobby);
    } else {
        mu_follow_doubt(&lobby->follow, lobby->event);
    }
    mu_lobby_person_settle(lobby, slot);
}
