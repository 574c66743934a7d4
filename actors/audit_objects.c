/* actors/audit_objects.c - tickets, matches, lobbies and servers against what refers to them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "actors/audit_private.h"
#include "core/address.h"
#include "core/placement.h"

/* The players of an object that lives are engaged with it. */
static int expect_engaged(struct mu_audit *audit, const char *player, enum mu_engaged kind,
                          const char *id)
{
    int r = mu_audit_need(audit, MU_TABLE_ENGAGEMENT, player, id);
    const struct mu_msg_engagement *engagement = &audit->other->engagement;
    if (r == 0 && (engagement->kind != kind || strcmp(engagement->id, id) != 0)) {
        r = mu_audit_fault(audit, "%s has %s, who is engaged with %s", id, player,
                           engagement->id[0] != '\0' ? engagement->id : "nothing");
    }
    return r;
}

/* Whether a player of a ticket is in the match: with it, or with another one when he left and came
 * back by a backfill. */
static bool is_in(const struct mu_msg_match *match, const char *player)
{
    bool found = false;
    for (uint32_t i = 0; i < match->players_count; i++) {
        found = found || strcmp(match->players[i].id, player) == 0;
    }
    return found;
}

static int check_ticket(struct mu_audit *audit)
{
    const struct mu_msg_ticket *ticket = &audit->record->ticket;
    bool queued = ticket->state == MU_TICKET_QUEUED;
    bool matched = ticket->state == MU_TICKET_MATCHED;
    char partition[MU_ADDRESS_MAX + 1];
    mu_address_queue(ticket->region, partition);
    int r = mu_audit_expect_id(audit, ticket->id);
    if (r == 0) {
        r = mu_audit_expect_live(audit, partition, ticket->id, queued);
    }
    for (uint32_t i = 0; queued && i < ticket->players_count && r == 0; i++) {
        r = expect_engaged(audit, ticket->players[i].id, MU_ENGAGED_TICKET, ticket->id);
    }
    if (r == 0 && matched != (ticket->match[0] != '\0')) {
        r = mu_audit_fault(audit, "%s: its state and its match disagree", ticket->id);
    }
    if (r != 0 || !matched) {
        return r;
    }
    r = mu_audit_need(audit, MU_TABLE_MATCH, ticket->match, ticket->id);
    uint32_t found = 0;
    for (uint32_t i = 0; r == 0 && i < ticket->players_count; i++) {
        found += is_in(&audit->other->match, ticket->players[i].id) ? 1 : 0;
    }
    if (r == 0 && found != ticket->players_count) {
        r = mu_audit_fault(audit, "%s is not whole in %s", ticket->id, ticket->match);
    }
    return r;
}

int mu_audit_tickets(struct mu_audit *audit)
{
    const struct mu_key everything = { 0 };
    return mu_audit_each(audit, MU_TABLE_TICKET, &everything, check_ticket);
}

/* Matches. */

static int check_match_player(struct mu_audit *audit, const struct mu_msg_match *match,
                              uint32_t index)
{
    const struct mu_msg_match_player *player = &match->players[index];
    bool alive = match->state == MU_MATCH_FORMED || match->state == MU_MATCH_ALLOCATING ||
                 match->state == MU_MATCH_LIVE;
    for (uint32_t i = 0; i < index; i++) {
        if (strcmp(match->players[i].id, player->id) == 0) {
            return mu_audit_fault(audit, "%s has %s twice", match->id, player->id);
        }
    }
    if (player->freed && match->state != MU_MATCH_LIVE && match->state != MU_MATCH_ENDED &&
        match->state != MU_MATCH_EXPIRED) {
        return mu_audit_fault(audit, "%s lost %s before it was played", match->id, player->id);
    }
    int r = alive && !player->freed ? expect_engaged(audit, player->id, MU_ENGAGED_MATCH, match->id)
                                    : 0;
    if (r == 0 && player->ticket[0] != '\0' && match->state != MU_MATCH_ABORTED) {
        r = mu_audit_need(audit, MU_TABLE_TICKET, player->ticket, match->id);
        if (r == 0 && (audit->other->ticket.state != MU_TICKET_MATCHED ||
                       strcmp(audit->other->ticket.match, match->id) != 0)) {
            r = mu_audit_fault(audit, "%s has %s, which is not matched with it", match->id,
                               player->ticket);
        }
    }
    struct mu_key key;
    mu_rows_key_pair(&key, player->id, match->id);
    return r != 0 ? r
                  : mu_audit_expect(audit, MU_TABLE_HISTORY, &key, match->state == MU_MATCH_ENDED,
                                    match->id);
}

/* Notes that a LIVE match uses a slot of the server. */
static int note_used(struct mu_audit *audit, const char *server)
{
    if (audit->used_count == audit->used_capacity) {
        size_t capacity = audit->used_capacity * 2 + 64;
        struct mu_msg_id *grown = realloc(audit->used, capacity * sizeof *grown);
        if (grown == NULL) {
            return -ENOMEM;
        }
        audit->used = grown;
        audit->used_capacity = capacity;
    }
    memcpy(audit->used[audit->used_count++].id, server, sizeof audit->used[0].id);
    return 0;
}

static int check_match(struct mu_audit *audit)
{
    const struct mu_msg_match *match = &audit->record->match;
    bool placed = match->state == MU_MATCH_LIVE || match->state == MU_MATCH_ENDED ||
                  match->state == MU_MATCH_EXPIRED;
    bool alive = match->state == MU_MATCH_FORMED || match->state == MU_MATCH_ALLOCATING ||
                 match->state == MU_MATCH_LIVE;
    int r = mu_audit_expect_id(audit, match->id);
    if (r == 0) {
        r = mu_audit_expect_live_lobby(audit, mu_placement_match(match), match->id, alive);
    }
    for (uint32_t i = 0; i < match->players_count && r == 0; i++) {
        r = check_match_player(audit, match, i);
    }
    if (r == 0 && placed) {
        r = mu_audit_need(audit, MU_TABLE_SERVER, match->server.id, match->id);
    }
    if (r == 0 && match->state == MU_MATCH_LIVE) {
        r = note_used(audit, match->server.id);
    }
    if (r == 0 && match->backfill[0] != '\0') {
        r = mu_audit_need(audit, MU_TABLE_BACKFILL, match->backfill, match->id);
        if (r == 0 && (audit->other->backfill.state != MU_BACKFILL_QUEUED ||
                       strcmp(audit->other->backfill.match, match->id) != 0)) {
            r = mu_audit_fault(audit, "%s has %s, which is over", match->id, match->backfill);
        }
    }
    if (r == 0 && !placed && match->server.id[0] != '\0') {
        r = mu_audit_fault(audit, "%s has a server before it is played", match->id);
    }
    return r;
}

int mu_audit_matches(struct mu_audit *audit)
{
    const struct mu_key everything = { 0 };
    return mu_audit_each(audit, MU_TABLE_MATCH, &everything, check_match);
}

/* Lobbies. */

static int check_lobby(struct mu_audit *audit)
{
    const struct mu_msg_lobby *lobby = &audit->record->lobby;
    bool open = lobby->state == MU_LOBBY_OPEN;
    bool host = false;
    int r = mu_audit_expect_id(audit, lobby->id);
    if (r == 0) {
        r = mu_audit_expect_live_lobby(audit, lobby->id, lobby->id, open);
    }
    for (uint32_t i = 0; i < lobby->members_count && r == 0; i++) {
        host = host || strcmp(lobby->members[i].id, lobby->host) == 0;
        for (uint32_t j = 0; j < i && r == 0; j++) {
            if (strcmp(lobby->members[i].id, lobby->members[j].id) == 0) {
                r = mu_audit_fault(audit, "%s has %s twice", lobby->id, lobby->members[i].id);
            }
        }
        if (r == 0 && open) {
            r = expect_engaged(audit, lobby->members[i].id, MU_ENGAGED_LOBBY, lobby->id);
        }
    }
    if (r == 0 && open && (!host || lobby->members_count > lobby->players_max)) {
        r = mu_audit_fault(audit, "%s has no host, or too many members", lobby->id);
    }
    struct mu_key key;
    mu_rows_key_text(&key, lobby->join_code);
    if (r == 0 && open) { /* a closed lobby's code may be another's by now */
        r = mu_audit_expect(audit, MU_TABLE_JOIN_CODE, &key, true, lobby->id);
    }
    if (r == 0 && lobby->state == MU_LOBBY_STARTED) {
        r = mu_audit_need(audit, MU_TABLE_MATCH, lobby->match, lobby->id);
    }
    return r;
}

static int check_join_code(struct mu_audit *audit)
{
    char lobby[MU_ID_MAX + 1];
    struct mu_key_reader reader = { audit->value };
    if (mu_key_take_last_text(&reader, sizeof lobby, lobby) != 0) {
        return mu_audit_fault(audit, "a join code names no lobby");
    }
    int r = mu_audit_need(audit, MU_TABLE_LOBBY, lobby, "a join code");
    const struct mu_msg_lobby *record = &audit->other->lobby;
    if (r == 0 && (record->state != MU_LOBBY_OPEN || strlen(record->join_code) != audit->key.size ||
                   memcmp(record->join_code, audit->key.bytes, audit->key.size) != 0)) {
        r = mu_audit_fault(audit, "%s has another join code, or none", lobby);
    }
    return r;
}

int mu_audit_lobbies(struct mu_audit *audit)
{
    const struct mu_key everything = { 0 };
    int r = mu_audit_each(audit, MU_TABLE_LOBBY, &everything, check_lobby);
    return r != 0 ? r : mu_audit_each(audit, MU_TABLE_JOIN_CODE, &everything, check_join_code);
}

/* Servers. */

static int compare_ids(const void *a, const void *b)
{
    return strcmp(((const struct mu_msg_id *)a)->id, ((const struct mu_msg_id *)b)->id);
}

/* How many LIVE matches the server has; `used` is sorted. */
static uint64_t count_used(const struct mu_audit *audit, const char *server)
{
    size_t low = 0;
    size_t high = audit->used_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(audit->used[middle].id, server) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    uint64_t count = 0;
    while (low + count < audit->used_count && strcmp(audit->used[low + count].id, server) == 0) {
        count++;
    }
    return count;
}

static int check_server(struct mu_audit *audit)
{
    const struct mu_msg_server *server = &audit->record->server;
    bool live = server->state == MU_SERVER_READY || server->state == MU_SERVER_DRAINING;
    int r = mu_audit_expect_id(audit, server->id);
    if (r == 0) {
        r = mu_audit_expect_live_server(audit, server->id, live);
    }
    if (r != 0) {
        return r;
    }
    uint64_t used = count_used(audit, server->id);
    if (used != server->used) {
        return mu_audit_fault(audit, "%s says %llu matches and has %llu", server->id,
                              (unsigned long long)server->used, (unsigned long long)used);
    }
    return 0;
}

/* Behind mu_audit_matches(), which has counted. */
int mu_audit_servers(struct mu_audit *audit)
{
    const struct mu_key everything = { 0 };
    if (audit->used_count > 0) {
        qsort(audit->used, audit->used_count, sizeof audit->used[0], compare_ids);
    }
    return mu_audit_each(audit, MU_TABLE_SERVER, &everything, check_server);
}
