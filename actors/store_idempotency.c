/* actors/store_idempotency.c - the same key gets the same answer, and takes effect once.
 *
 * The answer is stored with the effect, in the same commit, refusals too: a late repeat of a
 * refused request must not take effect later.  Answers that say "ask again" are not stored. */
#include "actors/store_keeper.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

/* The request without what hops fill in differently on each try: the salt of a password's hash,
 * the server that the lobby happens to choose, what the queue's rules say now.  Borrowed: *msg
 * itself, or keeper->reply. */
static const struct mu_msg *canonical(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    struct mu_msg *copy = keeper->reply;
    if (msg->op == MU_OP_LOBBY_CREATE) {
        copy->op = msg->op;
        copy->lobby_create = msg->lobby_create;
        copy->lobby_create.password_hash[0] = '\0';
        return copy;
    }
    if (msg->op == MU_OP_LOBBY_START) {
        copy->op = msg->op;
        copy->lobby_start = msg->lobby_start;
        copy->lobby_start.server[0] = '\0';
        return copy;
    }
    if (msg->op == MU_OP_TICKET_ADD && msg->ticket_add.refusal[0] != '\0') {
        copy->op = msg->op;
        copy->ticket_add = msg->ticket_add;
        copy->ticket_add.refusal[0] = '\0';
        return copy;
    }
    return msg;
}

/* Hash of operation and body: BLAKE2b, so that nobody can make two requests look alike. */
static int hash_request(struct mu_keeper *keeper, const struct mu_msg *msg, uint64_t *ret)
{
    uint8_t *bytes = keeper->bytes;
    bytes[0] = (uint8_t)((uint32_t)msg->op >> 8);
    bytes[1] = (uint8_t)msg->op;
    int64_t size = mu_msg_encode(canonical(keeper, msg), bytes + 2, MU_STORE_VALUE_MAX - 2);
    if (size < 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_PAYLOAD_TOO_LARGE, "too large to be remembered");
    }
    unsigned char digest[crypto_generichash_BYTES_MIN];
    int r = crypto_generichash(digest, sizeof digest, bytes, (unsigned long long)size + 2, NULL, 0);
    assert(r == 0);
    uint64_t hash = 0;
    for (uint32_t i = 0; i < sizeof hash; i++) {
        hash = hash << 8 | digest[i];
    }
    *ret = hash;
    return 0;
}

int mu_keeper_replay(struct mu_keeper *keeper, const struct mu_msg *msg, uint64_t *ret_hash)
{
    struct mu_rows *rows = &keeper->rows;
    int r = hash_request(keeper, msg, ret_hash);
    if (r != 0) {
        return r;
    }
    r = mu_rows_get_id(rows, MU_TABLE_IDEMPOTENCY, keeper->event->envelope->idempotency_key,
                       rows->small);
    if (r != 0) {
        return r == -ENOENT ? 0 : r;
    }
    const struct mu_msg_idempotency *record = &rows->small->idempotency;
    if (record->request_hash != *ret_hash) {
        return mu_keeper_refuse(keeper, MU_ERROR_IDEMPOTENCY_KEY_REUSED,
                                "the key belongs to another request");
    }
    if (mu_msg_decode(rows->decoder, (uint32_t)record->op, record->answer.data, record->answer.size,
                      keeper->reply) != 0) {
        return mu_rows_damage(rows);
    }
    keeper->counters.values[MU_COUNTER_REPLAYED]++;
    mu_outbox_note(keeper->out, "key known -> same answer");
    (void)mu_keeper_answer(keeper, keeper->reply);
    return MU_REFUSED;
}

/* Whether the answer will be the same for ever. */
static bool definite(const struct mu_msg *answer)
{
    if (answer->op != MU_OP_ERROR) {
        return true;
    }
    uint32_t code = (uint32_t)answer->error.code;
    int status = mu_error_info(code)->status;
    return status >= 400 && status < 500 && status != 425 && status != 429 &&
           code != MU_ERROR_FENCED; /* says something of the hop, not of the request */
}

void mu_keeper_remember(struct mu_keeper *keeper, uint64_t hash)
{
    if (!definite(keeper->answer)) {
        return;
    }
    int64_t size = mu_msg_encode(keeper->answer, keeper->bytes, MU_STORE_VALUE_MAX);
    assert(size > 0);
    uint64_t now = mu_keeper_wall(keeper);
    const char *name = keeper->event->envelope->idempotency_key;
    struct mu_msg *record = keeper->rows.small;
    assert(record != keeper->answer);
    record->op = MU_OP_IDEMPOTENCY;
    record->idempotency = (struct mu_msg_idempotency){
        .request_hash = hash,
        .op = keeper->answer->op,
        .answer = { keeper->bytes, (uint32_t)size },
        .at_ms = now,
    };
    mu_rows_put_id(&keeper->rows, MU_TABLE_IDEMPOTENCY, name, record);
    struct mu_key key;
    mu_key_begin(&key);
    mu_key_u64(&key, now);
    mu_key_last_text(&key, name);
    mu_rows_put_bytes(&keeper->rows, MU_TABLE_IDEMPOTENCY_AGE, &key, (struct mu_slice){ NULL, 0 });
}

/* Keys that are old enough, collected by a scan: their bytes, one behind the other in
 * keeper->bytes, each with its size in front. */
struct old {
    uint8_t *bytes;
    uint32_t used;
    uint32_t count;
    uint64_t before_ms;
    bool damaged;
};

static bool collect_old(void *context, struct mu_slice key, struct mu_slice value)
{
    struct old *old = context;
    struct mu_key_reader reader = { key };
    uint64_t at_ms = 0;
    (void)value; /* empty */
    if (mu_key_take_u64(&reader, &at_ms) != 0 || mu_key_at_end(&reader)) {
        old->damaged = true;
        return false;
    }
    if (at_ms >= old->before_ms) {
        return false;
    }
    old->bytes[old->used++] = (uint8_t)key.size;
    memcpy(old->bytes + old->used, key.data, key.size);
    old->used += key.size;
    old->count++;
    return true;
}

static_assert(MU_STORE_SWEEP_MAX * (MU_STORE_KEY_MAX + 1) <= MU_STORE_VALUE_MAX,
              "the keys of a sweep fit into keeper->bytes");
static_assert(MU_STORE_KEY_MAX <= UINT8_MAX, "a key's size fits into a byte");

/* Wall time as far as it can be trusted: a clock that was set forward while the store ran must
 * not make it forget what clients may still repeat. */
static uint64_t steady_wall(const struct mu_keeper *keeper)
{
    int64_t steady = keeper->clock_wall_ms + (keeper->event->now_ms - keeper->clock_now_ms);
    int64_t wall = keeper->event->wall_ms < steady ? keeper->event->wall_ms : steady;
    return keeper->clock_wall_ms == 0 || wall < 0 ? 0 : (uint64_t)wall;
}

int mu_keeper_sweep(struct mu_keeper *keeper)
{
    struct mu_rows *rows = &keeper->rows;
    struct mu_store *store = rows->store;
    uint64_t keep_ms = keeper->config->settings.idempotency_keep_ms;
    uint64_t now = steady_wall(keeper);
    keeper->sweep_ms = keeper->event->now_ms + MU_STORE_SWEEP_MS;
    if (now <= keep_ms || store->ops->room(store) == MU_STORE_ROOM_NONE) {
        return 0;
    }
    struct old old = { .bytes = keeper->bytes, .before_ms = now - keep_ms };
    const struct mu_store_range range = { .table = MU_TABLE_IDEMPOTENCY_AGE,
                                          .limit = MU_STORE_SWEEP_MAX };
    int64_t r = store->ops->scan(store, &range, collect_old, &old);
    if (r == -EBADMSG || old.damaged) {
        (void)mu_rows_damage(rows); /* what is behind it stays: more is kept than need be */
    } else if (r < 0) {
        return (int)r;
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < old.count; i++) {
        struct mu_key key = { .size = old.bytes[at] };
        memcpy(key.bytes, old.bytes + at + 1, key.size);
        at += 1 + key.size;
        mu_rows_del(rows, MU_TABLE_IDEMPOTENCY_AGE, &key);
        key.size -= (uint32_t)sizeof(uint64_t); /* the rest is the idempotency key itself */
        memmove(key.bytes, key.bytes + sizeof(uint64_t), key.size);
        mu_rows_del(rows, MU_TABLE_IDEMPOTENCY, &key);
    }
    if (old.count == MU_STORE_SWEEP_MAX) {
        keeper->sweep_ms = keeper->event->now_ms + MU_STORE_SWEEP_SOON_MS;
    }
    return rows->error;
}
