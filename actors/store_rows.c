#include "actors/store_rows.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int mu_rows_init(struct mu_rows *rows, struct mu_store *store)
{
    *rows = (struct mu_rows){ .store = store };
    rows->decoder = mu_decoder_create();
    rows->small = calloc(1, sizeof *rows->small);
    rows->bytes = malloc(MU_STORE_VALUE_MAX);
    if (rows->decoder == NULL || rows->small == NULL || rows->bytes == NULL) {
        mu_rows_release(rows);
        return -ENOMEM;
    }
    return 0;
}

void mu_rows_release(struct mu_rows *rows)
{
    mu_decoder_destroy(rows->decoder);
    free(rows->small);
    free(rows->bytes);
    *rows = (struct mu_rows){ 0 };
}

void mu_rows_begin(struct mu_rows *rows)
{
    rows->wrote = false;
}

enum mu_op mu_rows_op(enum mu_table table)
{
    switch (table) {
    case MU_TABLE_EPOCH: return MU_OP_EPOCH;
    case MU_TABLE_PLAYER: return MU_OP_PLAYER;
    case MU_TABLE_ENGAGEMENT: return MU_OP_ENGAGEMENT;
    case MU_TABLE_TICKET: return MU_OP_TICKET;
    case MU_TABLE_LOBBY: return MU_OP_LOBBY;
    case MU_TABLE_MATCH: return MU_OP_MATCH;
    case MU_TABLE_HISTORY: return MU_OP_HISTORY;
    case MU_TABLE_EVENT: return MU_OP_EVENT;
    case MU_TABLE_SERVER: return MU_OP_SERVER;
    case MU_TABLE_LOG: return MU_OP_LOG;
    case MU_TABLE_IDEMPOTENCY: return MU_OP_IDEMPOTENCY;
    case MU_TABLE_RULESET:
    case MU_TABLE_RULESET_VERSION: return MU_OP_RULESET;
    case MU_TABLE_BACKFILL: return MU_OP_BACKFILL;
    case MU_TABLE_META:
    case MU_TABLE_USERNAME:
    case MU_TABLE_RATING:
    case MU_TABLE_JOIN_CODE:
    case MU_TABLE_LIVE:
    case MU_TABLE_IDEMPOTENCY_AGE:
    case MU_TABLE_END: break;
    }
    return MU_OP_NONE;
}

int mu_rows_damage(struct mu_rows *rows)
{
    rows->damaged++;
    return -EBADMSG;
}

int mu_rows_get(struct mu_rows *rows, enum mu_table table, const struct mu_key *key,
                struct mu_msg *ret)
{
    assert(!rows->wrote);
    assert(mu_rows_op(table) != MU_OP_NONE);
    struct mu_slice value;
    int r = rows->store->ops->get(rows->store, table, mu_key_slice(key), &value);
    if (r == 0 &&
        mu_msg_decode(rows->decoder, mu_rows_op(table), value.data, value.size, ret) != 0) {
        r = -EBADMSG;
    }
    return r == -EBADMSG ? mu_rows_damage(rows) : r;
}

int mu_rows_get_id(struct mu_rows *rows, enum mu_table table, const char *id, struct mu_msg *ret)
{
    if (id[0] == '\0') {
        return -ENOENT; /* a key has at least one byte */
    }
    struct mu_key key;
    mu_rows_key_text(&key, id);
    return mu_rows_get(rows, table, &key, ret);
}

int mu_rows_need_id(struct mu_rows *rows, enum mu_table table, const char *id, struct mu_msg *ret)
{
    int r = mu_rows_get_id(rows, table, id, ret);
    return r == -ENOENT ? mu_rows_damage(rows) : r;
}

int mu_rows_get_player(struct mu_rows *rows, const char *id, struct mu_msg_player *ret)
{
    int r = mu_rows_get_id(rows, MU_TABLE_PLAYER, id, rows->small);
    if (r == 0) {
        *ret = rows->small->player;
    }
    return r;
}

int mu_rows_need_engagement(struct mu_rows *rows, const char *player, struct mu_msg_engagement *ret)
{
    int r = mu_rows_need_id(rows, MU_TABLE_ENGAGEMENT, player, rows->small);
    if (r == 0) {
        *ret = rows->small->engagement;
    }
    return r;
}

int mu_rows_has(struct mu_rows *rows, enum mu_table table, const struct mu_key *key)
{
    assert(!rows->wrote);
    struct mu_slice value;
    int r = rows->store->ops->get(rows->store, table, mu_key_slice(key), &value);
    if (r == -EBADMSG) {
        return mu_rows_damage(rows);
    }
    return r == 0 ? 1 : r == -ENOENT ? 0 : r;
}

void mu_rows_put_bytes(struct mu_rows *rows, enum mu_table table, const struct mu_key *key,
                       struct mu_slice value)
{
    rows->wrote = true;
    if (rows->error == 0) {
        rows->error = rows->store->ops->put(rows->store, table, mu_key_slice(key), value);
    }
}

void mu_rows_put(struct mu_rows *rows, enum mu_table table, const struct mu_key *key,
                 const struct mu_msg *record)
{
    assert(record->op == mu_rows_op(table));
    int64_t size = mu_msg_encode(record, rows->bytes, MU_STORE_VALUE_MAX);
    assert(size > 0); /* every record of wire/messages.def fits, an answer's own limit included */
    mu_rows_put_bytes(rows, table, key, (struct mu_slice){ rows->bytes, (uint32_t)size });
}

void mu_rows_put_id(struct mu_rows *rows, enum mu_table table, const char *id,
                    const struct mu_msg *record)
{
    struct mu_key key;
    mu_rows_key_text(&key, id);
    mu_rows_put(rows, table, &key, record);
}

void mu_rows_put_player(struct mu_rows *rows, const struct mu_msg_player *player)
{
    rows->small->op = MU_OP_PLAYER;
    rows->small->player = *player;
    rows->small->player.engaged = MU_ENGAGED_NONE; /* the engagement table alone knows */
    rows->small->player.engagement[0] = '\0';
    mu_rows_put_id(rows, MU_TABLE_PLAYER, player->id, rows->small);
}

void mu_rows_put_engagement(struct mu_rows *rows, const char *player,
                            const struct mu_msg_engagement *engagement)
{
    rows->small->op = MU_OP_ENGAGEMENT;
    rows->small->engagement = *engagement;
    mu_rows_put_id(rows, MU_TABLE_ENGAGEMENT, player, rows->small);
}

void mu_rows_del(struct mu_rows *rows, enum mu_table table, const struct mu_key *key)
{
    rows->wrote = true;
    if (rows->error == 0) {
        rows->error = rows->store->ops->del(rows->store, table, mu_key_slice(key));
    }
}

void mu_rows_key_username(struct mu_key *ret, const char *username)
{
    char folded[MU_ID_MAX + 1];
    size_t length = strlen(username);
    assert(length < sizeof folded);
    for (size_t i = 0; i <= length; i++) {
        folded[i] = username[i];
        if (folded[i] >= 'A' && folded[i] <= 'Z') {
            folded[i] = (char)(folded[i] - 'A' + 'a');
        }
    }
    mu_rows_key_text(ret, folded);
}

void mu_rows_key_rating(struct mu_key *ret, int64_t rating, const char *player)
{
    assert(rating >= 0 && rating <= UINT16_MAX);
    mu_key_begin(ret);
    mu_key_u16(ret, (uint16_t)rating);
    mu_key_last_text(ret, player);
}

void mu_rows_key_pair(struct mu_key *ret, const char *first, const char *last)
{
    mu_key_begin(ret);
    mu_key_text(ret, first);
    mu_key_last_text(ret, last);
}

void mu_rows_key_numbered(struct mu_key *ret, const char *first, uint64_t number)
{
    mu_key_begin(ret);
    mu_key_text(ret, first);
    mu_key_u64(ret, number);
}

void mu_rows_key_text(struct mu_key *ret, const char *text)
{
    mu_key_begin(ret);
    mu_key_last_text(ret, text);
}

void mu_rows_key_prefix(struct mu_key *ret, const char *first)
{
    mu_key_begin(ret);
    mu_key_text(ret, first);
}
