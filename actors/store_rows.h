/* actors/store_rows.h - typed records over the store port.
 *
 * Used by the store actor for mini-transactions: first all reads (the compares), then all writes.
 * A read behind a write of the same mini-transaction is asserted against: a damaged record must
 * be found before anything is staged.  A write that fails is remembered in `error` and makes the
 * later ones do nothing: the caller looks once, at the end, and gives up the whole batch. */
#ifndef MU_ACTORS_STORE_ROWS_H
#define MU_ACTORS_STORE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/key.h"
#include "core/store.h"
#include "wire/msg.h"

struct mu_rows {
    struct mu_store *store;     /* borrowed */
    struct mu_decoder *decoder; /* owned */
    struct mu_msg *small;       /* owned: a small record on its way in or out */
    uint8_t *bytes;             /* owned: [MU_STORE_VALUE_MAX], one encoded record */
    uint64_t damaged;           /* records found damaged since the start */
    int error;                  /* of the first write that failed, -errno; 0: none */
    bool wrote;                 /* in this mini-transaction */
};

/* Returns 0 or -ENOMEM. */
int mu_rows_init(struct mu_rows *rows, struct mu_store *store);
void mu_rows_release(struct mu_rows *rows);

/* A mini-transaction begins: reads are allowed again. */
void mu_rows_begin(struct mu_rows *rows);

/* Reads a record into *ret, as the message that core/tables.def names for the table (asserted to
 * have one).  BYTES fields of *ret live until the next call on the store.
 * Returns 0; -ENOENT; -EBADMSG when it is damaged (counted); or another -errno of the store. */
int mu_rows_get(struct mu_rows *rows, enum mu_table table, const struct mu_key *key,
                struct mu_msg *ret);

/* The same, under a key that is one id from outside: any string. */
int mu_rows_get_id(struct mu_rows *rows, enum mu_table table, const char *id, struct mu_msg *ret);

/* The same, but somebody refers to it: a record that is not there is damage, -EBADMSG. */
int mu_rows_need_id(struct mu_rows *rows, enum mu_table table, const char *id, struct mu_msg *ret);

/* Two that are read often, copied out of the scratch message. */
int mu_rows_get_player(struct mu_rows *rows, const char *id, struct mu_msg_player *ret);
int mu_rows_need_engagement(struct mu_rows *rows, const char *player,
                            struct mu_msg_engagement *ret);

/* Whether there is a record: 1, 0 or -errno. */
int mu_rows_has(struct mu_rows *rows, enum mu_table table, const struct mu_key *key);

/* Counts a contradiction between records.  Returns -EBADMSG. */
int mu_rows_damage(struct mu_rows *rows);

/* Writes. */
void mu_rows_put(struct mu_rows *rows, enum mu_table table, const struct mu_key *key,
                 const struct mu_msg *record);
void mu_rows_put_id(struct mu_rows *rows, enum mu_table table, const char *id,
                    const struct mu_msg *record);
void mu_rows_put_player(struct mu_rows *rows, const struct mu_msg_player *player);
void mu_rows_put_engagement(struct mu_rows *rows, const char *player,
                            const struct mu_msg_engagement *engagement);
void mu_rows_put_bytes(struct mu_rows *rows, enum mu_table table, const struct mu_key *key,
                       struct mu_slice value);
void mu_rows_del(struct mu_rows *rows, enum mu_table table, const struct mu_key *key);

/* Keys of the tables that are more than one id. */
void mu_rows_key_username(struct mu_key *ret, const char *username); /* folds A-Z */
void mu_rows_key_rating(struct mu_key *ret, int64_t rating, const char *player);
void mu_rows_key_pair(struct mu_key *ret, const char *first, const char *last);
void mu_rows_key_numbered(struct mu_key *ret, const char *first, uint64_t number);
void mu_rows_key_text(struct mu_key *ret, const char *text);

/* The keys that begin with `first` and a zero byte. */
void mu_rows_key_prefix(struct mu_key *ret, const char *first);

/* The message that a table's records are, or MU_OP_NONE. */
enum mu_op mu_rows_op(enum mu_table table);

#endif /* MU_ACTORS_STORE_ROWS_H */
