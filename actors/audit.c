#include "actors/audit.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/audit_private.h"
#include "actors/placed.h"

int mu_audit_fault(struct mu_audit *audit, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(audit->error, audit->error_bytes, format, args);
    va_end(args);
    return -EBADMSG;
}

int mu_audit_need(struct mu_audit *audit, enum mu_table table, const char *id, const char *from)
{
    int r = mu_rows_get_id(&audit->rows, table, id, audit->other);
    if (r == -ENOENT) {
        return mu_audit_fault(audit, "%s refers to %s, which is not there", from, id);
    }
    return r == -EBADMSG ? mu_audit_fault(audit, "%s is damaged", id) : r;
}

int mu_audit_expect(struct mu_audit *audit, enum mu_table table, const struct mu_key *key,
                    bool expected, const char *from)
{
    int r = mu_rows_has(&audit->rows, table, key);
    if (r < 0 || (r == 1) == expected) {
        return r < 0 ? r : 0;
    }
    return mu_audit_fault(audit, "%s: table %d %s", from, (int)table,
                          expected ? "has no record of it" : "has a record of it still");
}

int mu_audit_expect_key(struct mu_audit *audit, const struct mu_key *key, const char *from)
{
    if (key->size == audit->key.size && memcmp(key->bytes, audit->key.bytes, key->size) == 0) {
        return 0;
    }
    return mu_audit_fault(audit, "%s stands under another's key", from);
}

int mu_audit_expect_id(struct mu_audit *audit, const char *id)
{
    struct mu_key key;
    mu_rows_key_text(&key, id);
    return mu_audit_expect_key(audit, &key, id);
}

int mu_audit_expect_live(struct mu_audit *audit, const char *partition, const char *id, bool live)
{
    struct mu_key key;
    mu_rows_key_pair(&key, partition, id);
    return mu_audit_expect(audit, MU_TABLE_LIVE, &key, live, id);
}

/* Walking. */

/* The record that a scan stopped at. */
struct found {
    struct mu_audit *audit;
    enum mu_op op;
    bool damaged;
};

static bool take_record(void *context, struct mu_slice key, struct mu_slice value)
{
    struct found *found = context;
    struct mu_audit *audit = found->audit;
    audit->key.size = key.size;
    memcpy(audit->key.bytes, key.data, key.size);
    if (found->op != MU_OP_NONE) {
        found->damaged = mu_msg_decode(audit->rows.decoder, found->op, value.data, value.size,
                                       audit->record) != 0;
    } else {
        found->damaged = value.size > sizeof audit->small_value;
        audit->value = (struct mu_slice){ audit->small_value, found->damaged ? 0 : value.size };
        if (audit->value.size > 0) {
            memcpy(audit->small_value, value.data, value.size);
        }
    }
    return false;
}

int mu_audit_each(struct mu_audit *audit, enum mu_table table, const struct mu_key *prefix,
                  mu_audit_fn *check)
{
    struct mu_store *store = audit->rows.store;
    struct mu_key after = { 0 };
    for (;;) {
        /* One at a time: a check looks things up, which a scan's callback may not. */
        struct found found = { .audit = audit, .op = mu_rows_op(table) };
        const struct mu_store_range range = {
            .table = table,
            .prefix = mu_key_slice(prefix),
            .after = mu_key_slice(&after),
            .limit = 1,
        };
        int64_t n = store->ops->scan(store, &range, take_record, &found);
        if (n == -EBADMSG || found.damaged) {
            return mu_audit_fault(audit, "table %d has a damaged record", (int)table);
        }
        if (n <= 0) {
            return (int)n;
        }
        after = audit->key;
        int r = check(audit);
        if (r != 0) {
            return r;
        }
    }
}

/* Players. */

static bool ticket_lists(const struct mu_msg_ticket *ticket, const char *player)
{
    bool listed = false;
    for (uint32_t i = 0; i < ticket->players_count; i++) {
        listed = listed || strcmp(ticket->players[i].id, player) == 0;
    }
    return listed && ticket->state == MU_TICKET_QUEUED;
}

static bool match_lists(const struct mu_msg_match *match, const char *player)
{
    bool listed = false;
    for (uint32_t i = 0; i < match->players_count; i++) {
        listed = listed || (!match->players[i].freed && strcmp(match->players[i].id, player) == 0);
    }
    return listed && (match->state == MU_MATCH_FORMED || match->state == MU_MATCH_ALLOCATING ||
                      match->state == MU_MATCH_LIVE);
}

static bool lobby_lists(const struct mu_msg_lobby *lobby, const char *player)
{
    bool listed = false;
    for (uint32_t i = 0; i < lobby->members_count; i++) {
        listed = listed || strcmp(lobby->members[i].id, player) == 0;
    }
    return listed && lobby->state == MU_LOBBY_OPEN;
}

/* Whether what the player is engaged with has him. */
static int check_engaged(struct mu_audit *audit, const char *player,
                         const struct mu_msg_engagement *engagement)
{
    bool listed = false;
    int r = 0;
    switch (engagement->kind) {
    case MU_ENGAGED_NONE: listed = engagement->id[0] == '\0'; break;
    case MU_ENGAGED_LOBBY:
        r = mu_audit_need(audit, MU_TABLE_LOBBY, engagement->id, player);
        listed = r == 0 && lobby_lists(&audit->other->lobby, player);
        break;
    case MU_ENGAGED_TICKET:
        r = mu_audit_need(audit, MU_TABLE_TICKET, engagement->id, player);
        listed = r == 0 && ticket_lists(&audit->other->ticket, player);
        break;
    case MU_ENGAGED_MATCH:
        r = mu_audit_need(audit, MU_TABLE_MATCH, engagement->id, player);
        listed = r == 0 && match_lists(&audit->other->match, player);
        break;
    }
    return r != 0 || listed ? r
                            : mu_audit_fault(audit, "%s is engaged with %s, which has him not",
                                             player, engagement->id);
}

static int check_player(struct mu_audit *audit)
{
    const struct mu_msg_player *player = &audit->record->player;
    struct mu_key key;
    int r = mu_audit_expect_id(audit, player->id);
    mu_rows_key_rating(&key, player->rating, player->id);
    if (r == 0) {
        r = mu_audit_expect(audit, MU_TABLE_RATING, &key, true, player->id);
    }
    mu_rows_key_username(&key, player->username);
    if (r == 0) {
        r = mu_audit_expect(audit, MU_TABLE_USERNAME, &key, true, player->id);
    }
    mu_rows_key_text(&key, player->id);
    if (r == 0) {
        r = mu_audit_expect(audit, MU_TABLE_ENGAGEMENT, &key, true, player->id);
    }
    return r;
}

/* The key of the record must be one id: copies it to ret. */
static int key_id(struct mu_audit *audit, char ret[MU_ID_MAX + 1])
{
    struct mu_key_reader reader = { mu_key_slice(&audit->key) };
    return mu_key_take_last_text(&reader, MU_ID_MAX + 1, ret) == 0
               ? 0
               : mu_audit_fault(audit, "a key is no id");
}

static int check_engagement(struct mu_audit *audit)
{
    const struct mu_msg_engagement engagement = audit->record->engagement;
    char player[MU_ID_MAX + 1];
    int r = key_id(audit, player);
    if (r == 0) {
        r = mu_audit_need(audit, MU_TABLE_PLAYER, player, "an engagement");
    }
    if (r == 0) {
        r = check_engaged(audit, player, &engagement);
    }
    if (r != 0 || engagement.event_seq == 0) {
        return r;
    }
    struct mu_key key; /* the log's ends: both there, nothing beyond */
    mu_rows_key_numbered(&key, player, engagement.event_seq);
    r = mu_audit_expect(audit, MU_TABLE_EVENT, &key, true, player);
    mu_rows_key_numbered(&key, player, engagement.event_first > 0 ? engagement.event_first : 1);
    if (r == 0) {
        r = mu_audit_expect(audit, MU_TABLE_EVENT, &key, true, player);
    }
    return r;
}

static int check_event(struct mu_audit *audit)
{
    const struct mu_msg_event *event = &audit->record->event;
    struct mu_key own;
    mu_rows_key_numbered(&own, event->player, event->seq);
    int r = mu_audit_expect_key(audit, &own, event->player);
    if (r == 0) {
        r = mu_audit_need(audit, MU_TABLE_ENGAGEMENT, event->player, "an event");
    }
    const struct mu_msg_engagement *engagement = &audit->other->engagement;
    if (r == 0 && (event->seq > engagement->event_seq || event->seq < engagement->event_first)) {
        r = mu_audit_fault(audit, "%s has an event outside of his log", event->player);
    }
    uint64_t first = engagement->event_first > 0 ? engagement->event_first : 1;
    if (r == 0 && event->seq > first) { /* no holes */
        struct mu_key key;
        mu_rows_key_numbered(&key, event->player, event->seq - 1);
        r = mu_audit_expect(audit, MU_TABLE_EVENT, &key, true, event->player);
    }
    return r;
}

static int check_username(struct mu_audit *audit)
{
    char player[MU_ID_MAX + 1];
    struct mu_key_reader reader = { audit->value };
    if (mu_key_take_last_text(&reader, sizeof player, player) != 0) {
        return mu_audit_fault(audit, "a user name belongs to no id");
    }
    int r = mu_audit_need(audit, MU_TABLE_PLAYER, player, "a user name");
    if (r == 0) {
        struct mu_key key;
        mu_rows_key_username(&key, audit->other->player.username);
        r = mu_audit_expect_key(audit, &key, player);
    }
    return r;
}

static int check_rating(struct mu_audit *audit)
{
    struct mu_key_reader reader = { mu_key_slice(&audit->key) };
    uint16_t rating = 0;
    char player[MU_ID_MAX + 1];
    if (mu_key_take_u16(&reader, &rating) != 0 ||
        mu_key_take_last_text(&reader, sizeof player, player) != 0) {
        return mu_audit_fault(audit, "a rating's key is malformed");
    }
    int r = mu_audit_need(audit, MU_TABLE_PLAYER, player, "a rating");
    if (r == 0 && audit->other->player.rating != rating) {
        r = mu_audit_fault(audit, "%s has another rating", player);
    }
    return r;
}

static int check_history(struct mu_audit *audit)
{
    const struct mu_msg_history *history = &audit->record->history;
    struct mu_key_reader reader = { mu_key_slice(&audit->key) };
    char player[MU_ID_MAX + 1];
    if (mu_key_take_text(&reader, sizeof player, player) != 0) {
        return mu_audit_fault(audit, "a history's key is malformed");
    }
    struct mu_key own;
    mu_rows_key_pair(&own, player, history->match);
    int r = mu_audit_expect_key(audit, &own, history->match);
    if (r == 0) {
        r = mu_audit_need(audit, MU_TABLE_MATCH, history->match, "a history");
    }
    const struct mu_msg_match *match = &audit->other->match;
    bool played = false;
    for (uint32_t i = 0; r == 0 && i < match->players_count; i++) {
        played = played || strcmp(match->players[i].id, player) == 0;
    }
    if (r == 0 && (!played || match->state != MU_MATCH_ENDED)) {
        r = mu_audit_fault(audit, "%s has a history of %s, which is not so", player,
                           history->match);
    }
    return r;
}

/* Epochs, idempotency. */

static int check_epoch(struct mu_audit *audit)
{
    const struct mu_msg_epoch epoch = audit->record->epoch;
    struct mu_key_reader reader = { mu_key_slice(&audit->key) };
    char partition[MU_ADDRESS_MAX + 1];
    if (mu_key_take_last_text(&reader, sizeof partition, partition) != 0) {
        return mu_audit_fault(audit, "an epoch's key is malformed");
    }
    uint64_t first = epoch.log_first > 0 ? epoch.log_first : 1;
    int r = 0;
    for (uint64_t seq = first; seq <= epoch.log_seq && r == 0; seq++) {
        struct mu_key key;
        mu_rows_key_numbered(&key, partition, seq);
        r = mu_audit_expect(audit, MU_TABLE_LOG, &key, true, partition);
    }
    return r;
}

static int check_log(struct mu_audit *audit)
{
    struct mu_key_reader reader = { mu_key_slice(&audit->key) };
    char partition[MU_ADDRESS_MAX + 1];
    uint64_t seq = 0;
    if (mu_key_take_text(&reader, sizeof partition, partition) != 0 ||
        mu_key_take_u64(&reader, &seq) != 0) {
        return mu_audit_fault(audit, "a log's key is malformed");
    }
    int r = mu_audit_need(audit, MU_TABLE_EPOCH, partition, "a log");
    if (r == 0 && (seq > audit->other->epoch.log_seq || seq < audit->other->epoch.log_first)) {
        r = mu_audit_fault(audit, "%s has a change outside of its log", partition);
    }
    return r;
}

static void age_key(struct mu_key *ret, uint64_t at_ms, const struct mu_key *name)
{
    mu_key_begin(ret);
    mu_key_u64(ret, at_ms);
    assert(ret->size + name->size <= MU_STORE_KEY_MAX);
    memcpy(ret->bytes + ret->size, name->bytes, name->size);
    ret->size += name->size;
}

static int check_idempotency(struct mu_audit *audit)
{
    struct mu_key key;
    if (audit->key.size > MU_STORE_KEY_MAX - sizeof(uint64_t)) {
        return mu_audit_fault(audit, "an idempotency key is too long");
    }
    age_key(&key, audit->record->idempotency.at_ms, &audit->key);
    return mu_audit_expect(audit, MU_TABLE_IDEMPOTENCY_AGE, &key, true, "idempotency");
}

static int check_age(struct mu_audit *audit)
{
    struct mu_key key = { .size = 0 };
    if (audit->key.size <= sizeof(uint64_t)) {
        return mu_audit_fault(audit, "an age's key is malformed");
    }
    key.size = audit->key.size - (uint32_t)sizeof(uint64_t);
    memcpy(key.bytes, audit->key.bytes + sizeof(uint64_t), key.size);
    return mu_audit_expect(audit, MU_TABLE_IDEMPOTENCY, &key, true, "age");
}

static int audit_all(struct mu_audit *audit)
{
    static const struct {
        enum mu_table table;
        mu_audit_fn *check;
    } walks[] = {
        { MU_TABLE_PLAYER, check_player },
        { MU_TABLE_ENGAGEMENT, check_engagement },
        { MU_TABLE_USERNAME, check_username },
        { MU_TABLE_RATING, check_rating },
        { MU_TABLE_EVENT, check_event },
        { MU_TABLE_HISTORY, check_history },
        { MU_TABLE_EPOCH, check_epoch },
        { MU_TABLE_LOG, check_log },
        { MU_TABLE_IDEMPOTENCY, check_idempotency },
        { MU_TABLE_IDEMPOTENCY_AGE, check_age },
    };
    static mu_audit_fn *const objects[] = { mu_audit_tickets,  mu_audit_matches, mu_audit_lobbies,
                                            mu_audit_servers,  mu_audit_live,    mu_audit_rules,
                                            mu_audit_backfills };
    const struct mu_key everything = { 0 };
    int r = mu_placed_get(audit->rows.store, &audit->lobbies);
    if (r == -EBADMSG) {
        r = mu_audit_fault(audit, "the number of lobby partitions is damaged");
    }
    for (size_t i = 0; i < sizeof walks / sizeof walks[0] && r == 0; i++) {
        r = mu_audit_each(audit, walks[i].table, &everything, walks[i].check);
    }
    for (size_t i = 0; i < sizeof objects / sizeof objects[0] && r == 0; i++) {
        r = objects[i](audit);
    }
    return r;
}

int mu_store_audit(struct mu_store *store, char *error, size_t error_bytes)
{
    assert(error_bytes > 0);
    error[0] = '\0';
    struct mu_audit audit = { .error = error, .error_bytes = error_bytes };
    int r = mu_rows_init(&audit.rows, store);
    if (r != 0) {
        return r;
    }
    audit.record = calloc(1, sizeof *audit.record);
    audit.other = calloc(1, sizeof *audit.other);
    r = audit.record == NULL || audit.other == NULL ? -ENOMEM : audit_all(&audit);
    free(audit.record);
    free(audit.other);
    free(audit.used);
    free(audit.queues);
    mu_rows_release(&audit.rows);
    return r;
}
