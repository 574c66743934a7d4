/* actors/audit_private.h - what the files of the audit share. */
#ifndef MU_ACTORS_AUDIT_PRIVATE_H
#define MU_ACTORS_AUDIT_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/store_rows.h"

/* A queue's partition that somebody follows. */
struct mu_audit_queue {
    char name[MU_ADDRESS_MAX + 1];
};

/* One walk over the store. */
struct mu_audit {
    struct mu_rows rows;
    struct mu_msg *record; /* the one that is looked at */
    struct mu_msg *other;  /* what it refers to */
    struct mu_key key;     /* of the record */
    struct mu_slice value; /* of the record, while its check runs, when it is no message */
    uint8_t small_value[MU_STORE_KEY_MAX]; /* where `value` is */
    struct mu_msg_id *used;                /* owned: [used_count] the server of each LIVE match */
    size_t used_count;
    size_t used_capacity;
    struct mu_audit_queue *queues; /* owned: [queues_count] */
    uint32_t queues_count;
    uint64_t lobbies; /* partitions that the records are placed for, or MU_PLACED_MOVING */
    char *error;      /* [error_bytes] */
    size_t error_bytes;
};

/* Checks audit->record under audit->key.  Returns 0 or -errno. */
typedef int mu_audit_fn(struct mu_audit *audit);

/* Says what is wrong.  Returns -EBADMSG. */
int mu_audit_fault(struct mu_audit *audit, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Reads what is referred to into audit->other; that it is not there is a fault. */
int mu_audit_need(struct mu_audit *audit, enum mu_table table, const char *id, const char *from);

/* A fault unless there is (or is not) a record under the key. */
int mu_audit_expect(struct mu_audit *audit, enum mu_table table, const struct mu_key *key,
                    bool expected, const char *from);

/* A fault unless the record stands under that key, or under that id. */
int mu_audit_expect_key(struct mu_audit *audit, const struct mu_key *key, const char *from);
int mu_audit_expect_id(struct mu_audit *audit, const char *id);

/* A fault unless LIVE has the object exactly when it should. */
int mu_audit_expect_live(struct mu_audit *audit, const char *partition, const char *id, bool live);

/* The same for an object of a lobby partition, that of the id `home`; while objects are being
 * moved, any one of them. */
int mu_audit_expect_live_lobby(struct mu_audit *audit, const char *home, const char *id, bool live);

/* The same for a server, which is live in all of them; while objects are being moved, in one at
 * least. */
int mu_audit_expect_live_server(struct mu_audit *audit, const char *id, bool live);

/* Runs `check` on each record of the table whose key begins with `prefix` (an empty key: all). */
int mu_audit_each(struct mu_audit *audit, enum mu_table table, const struct mu_key *prefix,
                  mu_audit_fn *check);

/* The checks of audit_objects.c. */
int mu_audit_tickets(struct mu_audit *audit);
int mu_audit_matches(struct mu_audit *audit);
int mu_audit_lobbies(struct mu_audit *audit);
int mu_audit_servers(struct mu_audit *audit);

/* That of audit_live.c: each LIVE entry against its object. */
int mu_audit_live(struct mu_audit *audit);

/* The checks of audit_rules.c. */
int mu_audit_rules(struct mu_audit *audit);

/* The checks of audit_backfill.c. */
int mu_audit_backfills(struct mu_audit *audit);

#endif /* MU_ACTORS_AUDIT_PRIVATE_H */
