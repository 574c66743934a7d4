/* tests/sim/checks_state.h - inside the checks: what their files share.
 *
 *   checks.c          tickets, matches, lobbies, totals; what was told
 *   check_backfill.c  backfills, and who plays on in a match that has had some
 *   check_owner.c     who owns a partition */
#ifndef MU_TESTS_SIM_CHECKS_STATE_H
#define MU_TESTS_SIM_CHECKS_STATE_H

#include "checks.h"
#include "core/map.h"

enum {
    OBJECTS_MAX = 8192,
    PARTITIONS_MAX = 8,
    AUDIT_EVERY = 64,
    ROWS_MAX = 48,    /* players of a match, those who left too */
    LIVES_MAX = 512,  /* processes that may own a partition, the latest */
    ASKED_MAX = 1024, /* requests of those that the store has not answered, the latest */
};

struct object {
    char id[MU_ID_MAX + 1];
    uint64_t version;
    uint32_t state;                /* of a ticket, match or lobby */
    char match[MU_ID_MAX + 1];     /* ticket: its match; player: his live match */
    bool acked;                    /* ticket: a client was told that it waits */
    bool cancel_acked;             /* ticket: a client was told that it is cancelled */
    uint64_t ended;                /* player: matches that ended with him in it */
    uint32_t rows;                 /* match: its players, as they stand there */
    uint32_t row_player[ROWS_MAX]; /* match: index of his object */
    uint8_t row_team[ROWS_MAX];
    bool row_freed[ROWS_MAX];
};

/* A process that may own a partition, or did. */
struct owner_life {
    uint64_t incarnation;
    uint32_t partition;
};

/* A request of one to the store. */
struct owner_asked {
    uint64_t incarnation;
    uint64_t sequence; /* 0: unused */
    uint64_t fence;    /* 0: it asks for the epoch */
    uint32_t partition;
};

/* What the store said last about whose a partition is. */
struct owner_grant {
    uint64_t epoch;
    uint64_t incarnation;
    int64_t at_ms; /* when it was said first */
    uint64_t late; /* times that it changed hands in the strict time */
};

struct checks {
    struct sim *sim;
    struct mu_decoder *decoder;
    struct mu_map *by_id;
    uint32_t count;
    struct object objects[OBJECTS_MAX];
    uint32_t partitions_count;
    char partitions[PARTITIONS_MAX][MU_ADDRESS_MAX + 1];
    uint64_t seqs[PARTITIONS_MAX];
    uint64_t epochs[PARTITIONS_MAX];
    struct owner_grant grants[PARTITIONS_MAX];
    uint64_t lives_count;
    struct owner_life lives[LIVES_MAX]; /* a ring */
    uint64_t asked_count;
    struct owner_asked asked[ASKED_MAX]; /* a ring */
    uint64_t commits;
    struct mu_msg record; /* scratch */
};

/* What is known of an object; a new one when there was none. */
struct object *checks_object(struct checks *checks, const char *id);

/* Reads a record by id into checks->record.  Returns false when there is none. */
bool checks_read(struct checks *checks, enum mu_table table, enum mu_op op, const char *id);

/* Who plays stays where he is; who left may come back, and others behind those who were there. */
void checks_kept(struct checks *checks, const struct mu_msg_match *match, struct object *known);

/* A backfill has changed: players are looked for while their match is played, and no longer. */
void checks_backfill_changed(struct checks *checks, const struct mu_msg_backfill *backfill);

/* At the end: nothing is looked for of which nobody has said for long that he wants it. */
void checks_lease(struct checks *checks, const struct object *known);

#endif /* MU_TESTS_SIM_CHECKS_STATE_H */
