/* actors/store_keeper.h - what the files of the store actor share; nobody else includes it.
 *
 * A handler is given a request, reads and compares, then either refuses or writes, and sets the
 * answer.  It returns 0 when it has answered; MU_REFUSED when the answer is an error; -EBADMSG
 * when a record is damaged (and then it must not have written); or another -errno of the store.
 * Helpers that may refuse return the same, and the handler passes on whatever is not 0. */
#ifndef MU_ACTORS_STORE_KEEPER_H
#define MU_ACTORS_STORE_KEEPER_H

#include "actors/store.h"
#include "actors/store_rows.h"
#include "core/config.h"
#include "core/counters.h"
#include "core/id.h"
#include "core/map.h"

#define MU_REFUSED           1             /* the request is answered with an error */
#define MU_STORE_PAGES_BYTES (1024 * 1024) /* records of one CHANGES, together */
#define MU_STATUS_LEFT       "LEFT"        /* what a server reports of a player who has left */

/* A player whose engagement or event log changes.  Read with the compares, written with the
 * rest: mu_keeper_event() counts in `engagement`, mu_keeper_put_seat() writes it. */
struct mu_seat {
    char id[MU_ID_MAX + 1];
    struct mu_msg_engagement engagement;
};

/* A followed partition; in memory what the epoch table holds, or will at the batch's end. */
struct mu_partition {
    char name[MU_ADDRESS_MAX + 1];
    struct mu_msg_epoch epoch;
    bool dirty;       /* the record must be written at the batch's end */
    bool released;    /* its owner has said that it ends; in memory only */
    int64_t heard_ms; /* now_ms of the owner's last request, or of START; in memory only */
};

/* An object that changed in this batch: one log entry, however often. */
struct mu_touched {
    uint32_t partition; /* index */
    enum mu_table table;
    char id[MU_ID_MAX + 1];
    uint64_t seq; /* in the log; 0 until the batch's end */
};

/* The backup that was begun last.  The engine writes it; the actor asks how it stands. */
struct mu_keeper_backup {
    bool begun;                               /* at least once */
    bool running;                             /* the engine has not said that it ended */
    bool waits;                               /* somebody waits for the answer */
    struct mu_msg_envelope asker;             /* he */
    int64_t answer_ms;                        /* now_ms at which he is told that it takes longer */
    int64_t poll_ms;                          /* now_ms of the next look, while running */
    int64_t begun_ms;                         /* now_ms */
    int result;                               /* of the engine, once it is not running */
    struct mu_msg_backup state;               /* the answer */
    char asked[MU_STORE_BACKUP_NAME_MAX + 1]; /* the name that was asked for; may be empty */
    char key[sizeof((struct mu_msg_envelope *)NULL)->idempotency_key]; /* of who began it */
};

struct mu_keeper {
    struct mu_actor base;
    const struct mu_config *config;
    struct mu_rows rows;
    struct mu_id_source ids;
    struct mu_rng codes; /* of lobbies */
    struct mu_counters counters;
    bool started;
    int64_t started_ms;    /* now_ms of START */
    int64_t sweep_ms;      /* now_ms of the next sweep; MU_NEVER before START */
    int64_t asked_ms;      /* now_ms of the last request of anybody */
    int64_t clock_now_ms;  /* now_ms and ... */
    int64_t clock_wall_ms; /* ... wall_ms of the first event with a wall time; 0: none yet */

    struct mu_keeper_backup backup;

    /* Of the step that runs. */
    const struct mu_event *event;
    struct mu_outbox *out;
    const struct mu_msg *answer; /* set by the handler: one of the messages below */
    bool later;                  /* set by the handler instead: it answers at a TIMER */

    /* Scratch: valid within one mini-transaction. */
    struct mu_msg *reply; /* small answers and errors */
    struct mu_msg *ticket;
    struct mu_msg *match;
    struct mu_msg *lobby;
    struct mu_msg *server;
    struct mu_msg *backfill;
    struct mu_msg *note; /* the EVENT that is sent */
    uint32_t seats_count;
    struct mu_seat seats[MU_MATCH_PLAYERS_MAX];
    struct mu_msg_player players[MU_MATCH_PLAYERS_MAX];
    uint32_t tickets_count;
    struct mu_msg_ticket tickets[MU_MATCH_PLAYERS_MAX];
    uint8_t *bytes; /* [MU_STORE_VALUE_MAX]: a request or an answer, encoded */
    uint8_t *pages; /* records that wait to be encoded in one CHANGES */

    uint64_t generation; /* of the store: the epoch of a partition that nobody has taken yet */
    uint32_t partitions_count;
    struct mu_partition partitions[MU_STORE_PARTITIONS_MAX];
    uint32_t touched_count;
    struct mu_touched touched[MU_STORE_TOUCHED_MAX];
    struct mu_map *touched_by_id; /* partition and id -> index into touched */
};

typedef int mu_keeper_fn(struct mu_keeper *keeper, const struct mu_msg *msg);

/* Store.c. */

/* UTC now, never negative. */
uint64_t mu_keeper_wall(const struct mu_keeper *keeper);

/* Sets the answer to an ERROR.  Returns MU_REFUSED. */
int mu_keeper_refuse(struct mu_keeper *keeper, enum mu_error error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, naming what the player is engaged with. */
int mu_keeper_refuse_engaged(struct mu_keeper *keeper, enum mu_error error, enum mu_engaged engaged,
                             const char *subject);

/* Sets the answer; it must live until the step ends. */
int mu_keeper_answer(struct mu_keeper *keeper, const struct mu_msg *answer);

/* What a negative or refused result of a helper means for the handler: see above. */
static inline int mu_keeper_end(int r)
{
    return r == MU_REFUSED ? 0 : r;
}

/* In store_events.c. */

/* Reads a player's seat.  The player must exist: 0, -EBADMSG or another -errno. */
int mu_keeper_get_seat(struct mu_keeper *keeper, const char *player, struct mu_seat *ret);

/* Reads a seat that must be engaged as said, else the records contradict each other: -EBADMSG. */
int mu_keeper_get_seat_in(struct mu_keeper *keeper, const char *player, enum mu_engaged kind,
                          const char *id, struct mu_seat *ret);

/* Fills keeper->seats, in order, with all players of keeper->match, each engaged in it (asserted
 * by -EBADMSG) when `engaged`, but those that are freed. */
int mu_keeper_get_match_seats(struct mu_keeper *keeper, bool engaged);

/* Changes the engagement in memory. */
void mu_seat_engage(struct mu_seat *seat, enum mu_engaged kind, const char *id);

void mu_keeper_put_seat(struct mu_keeper *keeper, const struct mu_seat *seat);

/* Begin an event in keeper->note: about keeper->match (MATCH_FOUND and MATCH_STARTED list its
 * players), about keeper->lobby, or about a ticket. */
struct mu_msg_event *mu_keeper_match_event(struct mu_keeper *keeper, enum mu_event_kind kind);
struct mu_msg_event *mu_keeper_lobby_event(struct mu_keeper *keeper, enum mu_event_kind kind);
struct mu_msg_event *mu_keeper_ticket_event(struct mu_keeper *keeper, enum mu_event_kind kind,
                                            const struct mu_msg_ticket *ticket);

/* Appends keeper->note to the player's log, and sends it.  Put the seat afterwards. */
void mu_keeper_event(struct mu_keeper *keeper, struct mu_seat *seat);

/* In store_epoch.c. */

/* FENCED unless the request carries the epoch of the partition (an index); else its owner has been
 * heard. */
int mu_keeper_check_fence(struct mu_keeper *keeper, int32_t partition);

/* Call for each request, before it is handled: notices that the store was away itself. */
void mu_keeper_listen(struct mu_keeper *keeper);

/* All owners count as heard now. */
void mu_keeper_owners_heard(struct mu_keeper *keeper);

/* In store_partition.c, store_follow.c. */

int mu_keeper_load_partitions(struct mu_keeper *keeper);

/* Index of a partition by its name or of a region's queue, or -1.  A lobby partition of the
 * configuration has the index of core/placement.h. */
int32_t mu_keeper_partition(const struct mu_keeper *keeper, const char *name);
int32_t mu_keeper_queue(const struct mu_keeper *keeper, const char *region);

/* An object changed: keeps LIVE, and has it logged and pushed at the batch's end. */
void mu_keeper_changed(struct mu_keeper *keeper, int32_t partition, enum mu_table table,
                       const char *id, bool was_live, bool is_live);

/* Logs what was touched, pushes it, commits. */
int mu_keeper_batch_end(struct mu_keeper *keeper);

/* The same without pushing, within a step that writes more than a commit should hold. */
int mu_keeper_flush(struct mu_keeper *keeper);

/* Appends CHANGES with the touched objects, as they are now, for their partitions' owners. */
int mu_keeper_push(struct mu_keeper *keeper);

/* In store_placement.c. */

/* FENCED unless the request carries no fence at all, or the epoch of the lobby partition of `id`:
 * a custom lobby, a server, or a match that waits; of one that is played, its server. */
int mu_keeper_check_lobby_fence(struct mu_keeper *keeper, const char *id);

/* Moves what is live in the lobby partitions, when their number is another than it was; once, at
 * START.  Returns 0 or -errno.  O(live objects), or O(1) when the number is the same. */
int mu_keeper_place_all(struct mu_keeper *keeper);

/* In store_idempotency.c. */

/* Looks the request's key up.  1: answered; 0: the request is new, *ret_hash is set; -errno. */
int mu_keeper_replay(struct mu_keeper *keeper, const struct mu_msg *msg, uint64_t *ret_hash);

/* Stores keeper->answer under the request's key, if it is definite. */
void mu_keeper_remember(struct mu_keeper *keeper, uint64_t hash);

/* Forgets old keys.  Returns 0 or -errno. */
int mu_keeper_sweep(struct mu_keeper *keeper);

/* In store_backup.c. */

/* When to look after the backup that is being written; MU_NEVER: there is none. */
int64_t mu_keeper_backup_deadline(const struct mu_keeper *keeper);

/* Looks after it: answers who waits, once it has ended or he should wait no longer. */
void mu_keeper_backup_tend(struct mu_keeper *keeper);

/* In store_rules.c. */

/* Somebody is about to follow the partition: a queue's knows all rule sets from now on (its region
 * may be newer than they are).  Reads and then writes.  Returns 0 or -errno. */
int mu_keeper_rules_join(struct mu_keeper *keeper, int32_t partition);

/* Helpers of more than one handler. */

/* The region's own name, for a name or an alias; NULL: there is none (store_player.c). */
const char *mu_keeper_region(const struct mu_keeper *keeper, const char *name);

/* Read a ticket into keeper->ticket (store_ticket.c): 0, -ENOENT (get only) or another -errno. */
int mu_keeper_get_ticket(struct mu_keeper *keeper, const char *id);
int mu_keeper_need_ticket(struct mu_keeper *keeper, const char *id);

/* Writes a ticket in its new state: version, record, LIVE, log (store_ticket.c).  Afterwards it is
 * in keeper->ticket too. */
void mu_keeper_put_ticket(struct mu_keeper *keeper, struct mu_msg_ticket *ticket,
                          enum mu_ticket_state state);

/* Writes keeper->match in its new state: version, record, LIVE, log (store_match.c). */
void mu_keeper_put_match(struct mu_keeper *keeper, enum mu_match_state state);

/* Begins a match in keeper->match, without players or state (store_match.c). */
void mu_keeper_begin_match(struct mu_keeper *keeper, const char *id, const struct mu_mode *mode,
                           const char *region);

/* Whether FORMED, ALLOCATING or LIVE. */
bool mu_match_alive(enum mu_match_state state);

/* The unit that a result ranks, of a player by his index: his team, or himself where everybody
 * plays for himself.  Events and results name it alike, so that it can be reported. */
uint32_t mu_match_unit(const struct mu_msg_match *match, uint32_t player);

/* In store_commit.c: parts of a MATCH_COMMIT, for new matches and for backfills. */

/* Begins the answer in keeper->reply: committed, without conflicts. */
struct mu_msg_match_committed *mu_keeper_commit_begin(struct mu_keeper *keeper, const char *match);

/* Reads the tickets into keeper->tickets, and those that are not as the shard saw them into the
 * answer's conflicts.  Returns 0, MU_REFUSED for a request that no state could satisfy, or
 * -errno. */
int mu_keeper_commit_compare(struct mu_keeper *keeper, const struct mu_msg_match_commit *request);

/* The team of one of a ticket's players; UINT32_MAX when a party's seats do not name one.  His
 * role, from 0; UINT32_MAX: none. */
uint32_t mu_commit_team(const struct mu_msg_ticket_ref *ref, uint32_t player);
uint32_t mu_commit_role(const struct mu_msg_ticket_ref *ref, uint32_t player);

/* Counts a ticket's players by team; refuses seats and roles that there are not. */
int mu_keeper_commit_count(struct mu_keeper *keeper, const struct mu_msg_match_commit *request,
                           uint32_t index, uint32_t counts[MU_TEAMS_MAX]);

/* In store_backfill_fill.c: a MATCH_COMMIT that names a backfill, of a mode that there is. */
int mu_keeper_backfill_fill(struct mu_keeper *keeper, const struct mu_msg_match_commit *request,
                            const struct mu_mode *mode);

/* In store_backfill.c. */

/* Reads a backfill into keeper->backfill: 0, -ENOENT or another -errno. */
int mu_keeper_get_backfill(struct mu_keeper *keeper, const char *id);

/* Reads the backfill of keeper->match, which must be as the match says, into keeper->backfill.
 * Returns 0, also when it has none, or -errno. */
int mu_keeper_get_match_backfill(struct mu_keeper *keeper);

/* Ends the backfill of keeper->match, if it has one, which has been read; put the match
 * afterwards. */
void mu_keeper_end_match_backfill(struct mu_keeper *keeper, enum mu_backfill_state state);

/* Index of a player in keeper->match, or -1. */
int32_t mu_keeper_match_player(const struct mu_keeper *keeper, const char *player);

/* Reads a match into keeper->match: 0, MATCH_NOT_FOUND or -errno (store_match.c). */
int mu_keeper_get_match(struct mu_keeper *keeper, const char *id);

/* Whether keeper->server is READY, plays the mode and has a free slot (store_match.c). */
bool mu_keeper_server_fits(const struct mu_keeper *keeper, const char *mode);

/* Takes a slot of keeper->server, makes keeper->match LIVE there and tells its players, whose
 * seats are keeper->seats, already engaged in it (store_match.c).  Writes all of them. */
void mu_keeper_go_live(struct mu_keeper *keeper);

/* Dissolves keeper->match, FORMED or ALLOCATING: reads, compares, writes (store_dissolve.c). */
int mu_keeper_dissolve(struct mu_keeper *keeper, enum mu_reason reason);

/* Reads the server of keeper->match, if it has one, into keeper->server, and checks the caller's
 * key hash against it; empty: trusted (store_server.c).  0, FORBIDDEN or -errno. */
int mu_keeper_get_match_server(struct mu_keeper *keeper, const char *key_hash);

/* Reads a server into keeper->server: 0, SERVER_NOT_FOUND or -errno (store_server.c). */
int mu_keeper_get_server(struct mu_keeper *keeper, const char *id);

/* Gives a slot of keeper->server back, and writes it (store_server.c). */
void mu_keeper_free_slot(struct mu_keeper *keeper);

/* Writes keeper->server in its new state: version, record, LIVE, log (store_server.c). */
void mu_keeper_put_server(struct mu_keeper *keeper, enum mu_server_state state);

/* Writes keeper->lobby in its new state: version, record, LIVE, log (store_lobby.c). */
void mu_keeper_put_lobby(struct mu_keeper *keeper, enum mu_lobby_state state);

/* Reads a custom lobby, which must be OPEN, into keeper->lobby (store_lobby.c). */
int mu_keeper_get_open_lobby(struct mu_keeper *keeper, const char *id);

/* Index of a member of keeper->lobby, or -1. */
int32_t mu_keeper_member(const struct mu_keeper *keeper, const char *player);

/* Fills keeper->seats, in order, with the members of keeper->lobby. */
int mu_keeper_get_member_seats(struct mu_keeper *keeper);

/* Reads a player and his seat for something that needs him free: PLAYER_NOT_FOUND or the
 * engagement is refused (store_player.c). */
int mu_keeper_get_free_player(struct mu_keeper *keeper, const char *id,
                              struct mu_msg_player *ret_player, struct mu_seat *ret_seat);

/* Counts an outcome, sets the new rating and its index, and writes the player. */
void mu_keeper_put_result(struct mu_keeper *keeper, struct mu_msg_player *player,
                          enum mu_outcome outcome, int64_t rating);

/* One function a request. */

mu_keeper_fn mu_keeper_player_register, mu_keeper_player_get, mu_keeper_player_update,
    mu_keeper_player_rate, mu_keeper_events_get;
mu_keeper_fn mu_keeper_ticket_add, mu_keeper_ticket_get, mu_keeper_ticket_cancel,
    mu_keeper_ticket_expire;
mu_keeper_fn mu_keeper_match_commit, mu_keeper_match_get, mu_keeper_match_allocate,
    mu_keeper_match_abort, mu_keeper_match_update, mu_keeper_match_end;
mu_keeper_fn mu_keeper_lobby_create, mu_keeper_lobby_get, mu_keeper_lobby_join,
    mu_keeper_lobby_leave, mu_keeper_lobby_ready, mu_keeper_lobby_start;
mu_keeper_fn mu_keeper_server_register, mu_keeper_server_state;
mu_keeper_fn mu_keeper_epoch_take, mu_keeper_epoch_release, mu_keeper_follow_scan,
    mu_keeper_follow_since;
mu_keeper_fn mu_keeper_store_backup;
mu_keeper_fn mu_keeper_rules_put, mu_keeper_rules_get, mu_keeper_rules_list,
    mu_keeper_rules_activate;
mu_keeper_fn mu_keeper_backfill_add, mu_keeper_backfill_get, mu_keeper_backfill_renew,
    mu_keeper_backfill_cancel, mu_keeper_backfill_expire;

#endif /* MU_ACTORS_STORE_KEEPER_H */
