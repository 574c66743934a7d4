/* actors/store_events.c - the players' seats: what each is engaged with, and his event log. */
#include "actors/store_keeper.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/address.h"

enum { TRIM_MAX = 4 }; /* old events removed for each new one, so that a lowered limit is reached */

static_assert(offsetof(struct mu_msg_event, players) + 200 * sizeof(struct mu_msg_event_player) ==
                  sizeof(struct mu_msg_event),
              "begin_event() clears what is before the players, and nothing is behind them");

int mu_keeper_get_seat(struct mu_keeper *keeper, const char *player, struct mu_seat *ret)
{
    int r = mu_rows_need_engagement(&keeper->rows, player, &ret->engagement);
    if (r == 0) {
        (void)snprintf(ret->id, sizeof ret->id, "%s", player);
    }
    return r;
}

int mu_keeper_get_seat_in(struct mu_keeper *keeper, const char *player, enum mu_engaged kind,
                          const char *id, struct mu_seat *ret)
{
    int r = mu_keeper_get_seat(keeper, player, ret);
    if (r == 0 && (ret->engagement.kind != kind || strcmp(ret->engagement.id, id) != 0)) {
        r = mu_rows_damage(&keeper->rows);
    }
    return r;
}

int mu_keeper_get_match_seats(struct mu_keeper *keeper, bool engaged)
{
    const struct mu_msg_match *match = &keeper->match->match;
    int r = 0;
    keeper->seats_count = match->players_count;
    for (uint32_t i = 0; i < match->players_count && r == 0; i++) {
        const char *player = match->players[i].id;
        struct mu_seat *seat = &keeper->seats[i];
        r = engaged && !match->players[i].freed
                ? mu_keeper_get_seat_in(keeper, player, MU_ENGAGED_MATCH, match->id, seat)
                : mu_keeper_get_seat(keeper, player, seat);
    }
    return r;
}

int mu_keeper_get_member_seats(struct mu_keeper *keeper)
{
    const struct mu_msg_lobby *lobby = &keeper->lobby->lobby;
    int r = 0;
    keeper->seats_count = lobby->members_count;
    for (uint32_t i = 0; i < lobby->members_count && r == 0; i++) {
        r = mu_keeper_get_seat_in(keeper, lobby->members[i].id, MU_ENGAGED_LOBBY, lobby->id,
                                  &keeper->seats[i]);
    }
    return r;
}

void mu_seat_engage(struct mu_seat *seat, enum mu_engaged kind, const char *id)
{
    assert((kind == MU_ENGAGED_NONE) == (id[0] == '\0'));
    seat->engagement.kind = kind;
    (void)snprintf(seat->engagement.id, sizeof seat->engagement.id, "%s", id);
}

void mu_keeper_put_seat(struct mu_keeper *keeper, const struct mu_seat *seat)
{
    mu_rows_put_engagement(&keeper->rows, seat->id, &seat->engagement);
}

static struct mu_msg_event *begin_event(struct mu_keeper *keeper, enum mu_event_kind kind)
{
    struct mu_msg_event *event = &keeper->note->event;
    keeper->note->op = MU_OP_EVENT;
    /* All but the items of `players`, the last field: they count for nothing. */
    memset(event, 0, offsetof(struct mu_msg_event, players));
    event->kind = kind;
    event->at_ms = mu_keeper_wall(keeper);
    return event;
}

static bool lists_players(enum mu_event_kind kind)
{
    return kind == MU_EVENT_MATCH_FOUND || kind == MU_EVENT_MATCH_STARTED;
}

static void list_players(struct mu_msg_event *event, const struct mu_msg_match *match)
{
    event->players_count = 0;
    for (uint32_t i = 0; i < match->players_count; i++) {
        const struct mu_msg_match_player *player = &match->players[i];
        if (player->freed) {
            continue;
        }
        struct mu_msg_event_player *seen = &event->players[event->players_count++];
        memcpy(seen->id, player->id, sizeof seen->id);
        memcpy(seen->username, player->username, sizeof seen->username);
        seen->rating = player->rating;
        seen->team = mu_match_unit(match, i);
    }
}

struct mu_msg_event *mu_keeper_match_event(struct mu_keeper *keeper, enum mu_event_kind kind)
{
    const struct mu_msg_match *match = &keeper->match->match;
    struct mu_msg_event *event = begin_event(keeper, kind);
    (void)snprintf(event->match, sizeof event->match, "%s", match->id);
    (void)snprintf(event->mode, sizeof event->mode, "%s", match->mode);
    (void)mu_id_with_prefix(match->id, MU_ID_PREFIX_LOBBY, event->lobby); /* was checked */
    if (lists_players(kind)) {
        list_players(event, match);
    }
    return event;
}

struct mu_msg_event *mu_keeper_lobby_event(struct mu_keeper *keeper, enum mu_event_kind kind)
{
    const struct mu_msg_lobby *lobby = &keeper->lobby->lobby;
    struct mu_msg_event *event = begin_event(keeper, kind);
    (void)snprintf(event->lobby, sizeof event->lobby, "%s", lobby->id);
    (void)snprintf(event->mode, sizeof event->mode, "%s", lobby->mode);
    return event;
}

struct mu_msg_event *mu_keeper_ticket_event(struct mu_keeper *keeper, enum mu_event_kind kind,
                                            const struct mu_msg_ticket *ticket)
{
    struct mu_msg_event *event = begin_event(keeper, kind);
    (void)snprintf(event->ticket, sizeof event->ticket, "%s", ticket->id);
    (void)snprintf(event->mode, sizeof event->mode, "%s", ticket->mode);
    return event;
}

static void trim(struct mu_keeper *keeper, struct mu_seat *seat)
{
    struct mu_msg_engagement *engagement = &seat->engagement;
    uint64_t keep = keeper->config->settings.events_keep;
    uint64_t first = engagement->event_first > 0 ? engagement->event_first : 1;
    for (uint32_t i = 0; i < TRIM_MAX && engagement->event_seq - first >= keep; i++) {
        struct mu_key key;
        mu_rows_key_numbered(&key, seat->id, first++);
        mu_rows_del(&keeper->rows, MU_TABLE_EVENT, &key);
    }
    engagement->event_first = first;
}

void mu_keeper_event(struct mu_keeper *keeper, struct mu_seat *seat)
{
    struct mu_msg_event *event = &keeper->note->event;
    memcpy(event->player, seat->id, sizeof event->player);
    event->seq = ++seat->engagement.event_seq;
    trim(keeper, seat);

    struct mu_key key;
    mu_rows_key_numbered(&key, seat->id, event->seq);
    uint32_t players_count = event->players_count;
    event->players_count = 0; /* sent, not stored: the match has them */
    mu_rows_put(&keeper->rows, MU_TABLE_EVENT, &key, keeper->note);
    event->players_count = players_count;

    char to[MU_ADDRESS_MAX + 1];
    mu_address_player(seat->id, to);
    mu_outbox_event(keeper->out, to, keeper->note);
}

/* Where a scan puts the events it finds. */
struct events_page {
    struct mu_keeper *keeper;
    bool damaged;
};

static bool collect_event(void *context, struct mu_slice key, struct mu_slice value)
{
    struct events_page *page = context;
    struct mu_rows *rows = &page->keeper->rows;
    struct mu_msg_events_end *ret = &page->keeper->reply->events_end;
    (void)key; /* the record names player and seq */
    if (mu_msg_decode(rows->decoder, MU_OP_EVENT, value.data, value.size, rows->small) != 0) {
        page->damaged = true;
        return false;
    }
    ret->last = rows->small->event.seq;
    ret->events[ret->events_count++] = rows->small->event;
    return true;
}

/* A stored event leaves its match's players to the match, and is shown with them all the same. */
static int add_players(struct mu_keeper *keeper, struct mu_msg_event *event)
{
    if (!lists_players(event->kind)) {
        return 0;
    }
    int r = mu_rows_need_id(&keeper->rows, MU_TABLE_MATCH, event->match, keeper->match);
    if (r == 0) {
        list_players(event, &keeper->match->match);
    }
    return r;
}

int mu_keeper_events_get(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_events_get *request = &msg->events_get;
    struct mu_rows *rows = &keeper->rows;
    int r = mu_rows_get_id(rows, MU_TABLE_ENGAGEMENT, request->player, rows->small);
    if (r == -ENOENT) {
        return mu_keeper_refuse(keeper, MU_ERROR_PLAYER_NOT_FOUND, "%s", request->player);
    }
    if (r != 0) {
        return r;
    }
    struct mu_msg_events_end *ret = &keeper->reply->events_end;
    keeper->reply->op = MU_OP_EVENTS_END;
    ret->last = request->after;
    ret->newest = rows->small->engagement.event_seq;
    ret->events_count = 0;

    struct mu_key prefix;
    struct mu_key after;
    mu_rows_key_prefix(&prefix, request->player);
    mu_rows_key_numbered(&after, request->player, request->after);
    struct mu_store_range range = {
        .table = MU_TABLE_EVENT,
        .prefix = mu_key_slice(&prefix),
        .after = mu_key_slice(&after),
        .limit = MU_STORE_EVENTS_PAGE,
    };
    if (request->limit > 0 && request->limit < MU_STORE_EVENTS_PAGE) {
        range.limit = (uint32_t)request->limit;
    }
    struct events_page page = { .keeper = keeper };
    int64_t n = rows->store->ops->scan(rows->store, &range, collect_event, &page);
    if (n == -EBADMSG || page.damaged) {
        return mu_rows_damage(rows);
    }
    int64_t failed = n < 0 ? n : 0;
    for (uint32_t i = 0; i < ret->events_count && failed == 0; i++) {
        failed = add_players(keeper, &ret->events[i]);
    }
    return failed != 0 ? (int)failed : mu_keeper_answer(keeper, keeper->reply);
}
