/* actors/lobby_state.h - the lobby actor's memory, shared by actors/lobby*.c and nobody else.
 *
 * Four tables of what the store holds (rooms, matches, servers) and what gateways say (people),
 * each an array with a map from id to slot; two sets of calls (own decisions, clients' requests
 * that are passed on).  Everything here is a copy or a hint: see actors/lobby.h. */
#ifndef MU_ACTORS_LOBBY_STATE_H
#define MU_ACTORS_LOBBY_STATE_H

#include "actors/lobby.h"
#include "actors/lobby_slots.h"
#include "actors/password.h"
#include "core/calls.h"
#include "core/config.h"
#include "core/counters.h"
#include "core/follow.h"
#include "core/heap.h"
#include "core/map.h"
#include "core/rng.h"

#define MU_LOBBY_MEMBERS_MAX 16 /* of a custom lobby, as in wire/messages.def */

/* An open custom lobby. */
struct mu_lobby_room {
    char id[MU_ID_MAX + 1];
    uint64_t version;
    uint64_t generation; /* of the snapshot that had it last */
    char mode[MU_ID_MAX + 1];
    char region[MU_ID_MAX + 1];
    char password_hash[MU_PASSWORD_TEXT_MAX + 1]; /* empty: none */
    uint32_t members_count;
    uint32_t members[MU_LOBBY_MEMBERS_MAX]; /* people; MU_SLOT_NONE: there was no room */
};

/* A match that waits or is played. */
struct mu_lobby_match {
    char id[MU_ID_MAX + 1];
    uint64_t version;
    uint64_t generation;
    enum mu_match_state state;      /* FORMED, ALLOCATING or LIVE */
    int32_t mode;                   /* index in the configuration, or -1 */
    int32_t region;                 /* likewise */
    uint16_t reach[MU_REGIONS_MAX]; /* worst round trip + 1, ms; 0: not to be played there */
    int64_t since_ms;               /* when it was first seen in this state */
    int64_t expire_ms;              /* LIVE: when it has lasted too long */
    enum mu_op asked;               /* what `call` is: MATCH_ABORT or MATCH_ALLOCATE */
    enum mu_reason reason;          /* of the MATCH_ABORT */
    uint32_t call;                  /* own request under way, or MU_CALL_NONE */
    uint32_t reserved;              /* server whose slot the MATCH_ALLOCATE asks for, or none */
    uint32_t server;                /* LIVE: where, or none */
    bool waiting;                   /* in the list of those that need a server */
    uint32_t previous;              /* in that list, or in that of its server */
    uint32_t next;
};

/* A game server that is alive, or one that still has matches. */
struct mu_lobby_server {
    char id[MU_ID_MAX + 1];
    char key_hash[65];
    uint64_t version;
    uint64_t generation;
    enum mu_server_state state; /* READY, DRAINING; else NONE: known by its matches alone */
    uint32_t distance;          /* partitions from here to its home; 0: at home here */
    int32_t region;             /* index, or -1 */
    bool modes_all;
    uint32_t modes;   /* bit i: plays mode i */
    uint32_t slots;   /* as the store has it */
    uint32_t used;    /* likewise */
    uint32_t pending; /* requests under way that would use one more */
    int64_t avoid_ms; /* gets no match before */
    uint64_t serial;  /* of the decision that it is gone, for its key */
    uint32_t call;    /* SERVER_STATE under way, or MU_CALL_NONE */
    uint32_t first;   /* of its live matches, oldest id first */
    uint32_t last;
};

/* A player who is connected, or a member of an open lobby, or both. */
struct mu_lobby_person {
    char id[MU_ID_MAX + 1];
    uint64_t gateways;           /* bit i: connected to gateway i */
    bool seen;                   /* was connected since this was made */
    uint32_t room;               /* the open lobby, or none */
    uint32_t call;               /* LOBBY_LEAVE under way, or MU_CALL_NONE */
    uint64_t serial;             /* of the decision that he is gone, for its key */
    char leaving[MU_ID_MAX + 1]; /* the lobby he is then to leave */
};

struct mu_lobby_gateway {
    uint64_t incarnation; /* 0: not in use */
    int64_t heard_ms;
};

/* What a call of lobby->own is about; `user` is the slot. */
enum mu_lobby_own {
    MU_LOBBY_OWN_MATCH,
    MU_LOBBY_OWN_SERVER,
    MU_LOBBY_OWN_PERSON,
};

enum mu_lobby_step {
    MU_LOBBY_STEP_CREATE,
    MU_LOBBY_STEP_JOIN_LOOK, /* LOBBY_GET is out: the lobby was not in the cache */
    MU_LOBBY_STEP_JOIN,
    MU_LOBBY_STEP_START_LOOK,
    MU_LOBBY_STEP_START,
    MU_LOBBY_STEP_BEAT, /* SERVER_STATE is out: a server that was gone is heard */
};

/* A client's request that waits for the store. */
struct mu_lobby_forward {
    enum mu_lobby_step step;
    struct mu_msg_envelope envelope; /* of the request */
    int64_t deadline_ms;             /* when its budget is used up */
    char subject[MU_ID_MAX + 1];     /* lobby; BEAT: server */
    char player[MU_ID_MAX + 1];
    char password[MU_PASSWORD_MAX + 1]; /* JOIN_LOOK; wiped when it was used */
    char mode[MU_ID_MAX + 1];           /* START: what is to be played, and where */
    char region[MU_ID_MAX + 1];
    uint32_t server; /* START: reserved, or none */
    uint32_t tries;  /* START: servers asked so far */
    uint32_t call;
};

/* Wrong passwords of one player for one lobby. */
struct mu_lobby_try {
    char key[2 * MU_ID_MAX + 2]; /* player, '/', lobby */
    uint32_t count;
    int64_t until_ms; /* when they are forgotten */
};

struct mu_lobby {
    struct mu_actor base;
    struct mu_actor_env env;
    const struct mu_config *config;
    uint32_t index;    /* of the own partition among the configuration's */
    struct mu_rng rng; /* of salts */
    uint64_t serial;   /* of the last own decision */
    bool draining;     /* MU_EV_DRAIN came: nothing new is begun */
    int64_t started_ms;
    struct mu_follow follow;
    uint64_t generation; /* counts snapshots */
    bool overflowed;     /* something found no room: scan anew when there is */
    struct mu_counters counters;

    const struct mu_event *event; /* of the step */
    struct mu_outbox *out;        /* likewise */
    struct mu_msg *message;       /* what is being sent */
    struct mu_msg *record;        /* what a change holds */
    struct mu_decoder *decoder;

    struct mu_slots rooms_slots;
    struct mu_lobby_room *rooms; /* [MU_LOBBY_ROOMS_MAX] */
    struct mu_map *rooms_map;

    struct mu_slots matches_slots;
    struct mu_lobby_match *matches; /* [MU_LOBBY_MATCHES_MAX] */
    struct mu_map *matches_map;
    struct mu_heap *matches_heap; /* when to look at a match */
    uint32_t matches_live;
    uint32_t waiting_first; /* matches that need a server, longest first */
    uint32_t waiting_last;
    bool place;       /* something changed: try them at the end of the batch */
    int64_t place_ms; /* or when this has come */

    struct mu_slots servers_slots;
    struct mu_lobby_server *servers; /* [MU_LOBBY_SERVERS_MAX] */
    struct mu_map *servers_map;
    struct mu_heap *servers_heap; /* when silence is too long */

    struct mu_slots people_slots;
    struct mu_lobby_person *people; /* [MU_LOBBY_PEOPLE_MAX] */
    struct mu_map *people_map;
    struct mu_heap *people_heap; /* when grace ends */
    struct mu_lobby_gateway gateways[MU_LOBBY_GATEWAYS_MAX];

    struct mu_calls *own;

    struct mu_slots forwards_slots;
    struct mu_lobby_forward *forwards; /* [MU_LOBBY_FORWARDS_MAX] */
    struct mu_calls *forwards_calls;

    struct mu_slots tries_slots;
    struct mu_lobby_try *tries; /* [MU_LOBBY_TRIES_MAX] */
    struct mu_map *tries_map;
    struct mu_heap *tries_heap; /* when they are forgotten */
    int64_t hash_ms;            /* up to when hashing is spoken for */
};

/* lobby.c: what all use. */

/* Whether an error is the last word (wire/errors.def). */
bool mu_lobby_definite(uint64_t error);

/* Sends lobby->message to the store as an own request of `kind` and `slot`: a new call when
 * `call` is MU_CALL_NONE (there must be room), else once more.  key: empty for none.
 * Returns the call's handle. */
uint32_t mu_lobby_ask(struct mu_lobby *lobby, uint32_t call, enum mu_lobby_own kind, uint32_t slot,
                      const char *key);

/* The idempotency key of own decision `serial`. */
void mu_lobby_key(const struct mu_lobby *lobby, uint64_t serial, char ret[MU_ADDRESS_MAX + 1]);

/* Answers a request with ERROR.  retry_ms: 0 for no hint. */
void mu_lobby_refuse(struct mu_lobby *lobby, const struct mu_msg_envelope *request,
                     enum mu_error error, int64_t retry_ms, const char *detail);

/* Notes that something found no room in its table. */
void mu_lobby_overflow(struct mu_lobby *lobby, const char *what);

/* Whether what is placed by this id is in our partition (core/placement.h). */
bool mu_lobby_owns(const struct mu_lobby *lobby, const char *id);

/* Refuses the request, and says so, when its object is in another partition: we and the gateway
 * have different configurations.  The store would take us for a former owner: we would end. */
bool mu_lobby_elsewhere(struct mu_lobby *lobby, const char *id);

/* lobby_tables.c. */

/* Takes all memory of the tables, the calls and what they need.  Returns false when there is too
 * little: release it all the same. */
bool mu_lobby_tables_make(struct mu_lobby *lobby, uint64_t seed);
void mu_lobby_tables_release(struct mu_lobby *lobby);

/* lobby_matches.c. */

void mu_lobby_match_changed(struct mu_lobby *lobby, const struct mu_msg_match *record);
void mu_lobby_match_absent(struct mu_lobby *lobby, const char *id);
void mu_lobby_matches_sweep(struct mu_lobby *lobby); /* forgets what the snapshot did not have */
void mu_lobby_matches_due(struct mu_lobby *lobby);
void mu_lobby_match_answer(struct mu_lobby *lobby, uint32_t slot);
void mu_lobby_match_again(struct mu_lobby *lobby, uint32_t slot);
void mu_lobby_place(struct mu_lobby *lobby); /* gives servers to the matches that wait for one */

/* lobby_servers.c. */

void mu_lobby_server_changed(struct mu_lobby *lobby, const struct mu_msg_server *record);
void mu_lobby_server_absent(struct mu_lobby *lobby, const char *id);
void mu_lobby_servers_sweep(struct mu_lobby *lobby);
void mu_lobby_servers_due(struct mu_lobby *lobby);
void mu_lobby_server_answer(struct mu_lobby *lobby, uint32_t slot);
void mu_lobby_server_again(struct mu_lobby *lobby, uint32_t slot);
void mu_lobby_beat(struct mu_lobby *lobby);
void mu_lobby_beat_answer(struct mu_lobby *lobby, uint32_t forward);

/* Whether the server has a slot that may be given away now. */
bool mu_lobby_server_free(const struct mu_lobby *lobby, uint32_t slot);
bool mu_lobby_server_plays(const struct mu_lobby_server *server, int32_t mode);

/* The least loaded server of `region` that plays `mode`, or MU_SLOT_NONE.  O(servers). */
uint32_t mu_lobby_server_choose(const struct mu_lobby *lobby, int32_t region, int32_t mode);

void mu_lobby_server_reserve(struct mu_lobby *lobby, uint32_t slot);
/* Ends the reservation of *slot and sets it to MU_SLOT_NONE; avoid: it has refused. */
void mu_lobby_server_unreserve(struct mu_lobby *lobby, uint32_t *slot, bool avoid);

/* Puts a live match into the list of the server `id`, and takes it out again. */
void mu_lobby_server_link(struct mu_lobby *lobby, const char *id, uint32_t match);
void mu_lobby_server_unlink(struct mu_lobby *lobby, uint32_t match);

/* lobby_rooms.c. */

void mu_lobby_room_changed(struct mu_lobby *lobby, const struct mu_msg_lobby *record);
/* The same, of a room that is known already: for answers, which may be old ones that the store
 * remembers, and must not make a lobby appear that has ended. */
void mu_lobby_room_learn(struct mu_lobby *lobby, const struct mu_msg_lobby *record);
void mu_lobby_room_absent(struct mu_lobby *lobby, const char *id);
void mu_lobby_rooms_sweep(struct mu_lobby *lobby);
void mu_lobby_room_create(struct mu_lobby *lobby);
void mu_lobby_room_join(struct mu_lobby *lobby);
void mu_lobby_room_start(struct mu_lobby *lobby);
void mu_lobby_create_answer(struct mu_lobby *lobby, uint32_t forward);
void mu_lobby_join_answer(struct mu_lobby *lobby, uint32_t forward);
void mu_lobby_join_looked(struct mu_lobby *lobby, uint32_t forward);
void mu_lobby_start_answer(struct mu_lobby *lobby, uint32_t slot);
void mu_lobby_start_looked(struct mu_lobby *lobby, uint32_t forward);

/* lobby_tries.c. */

/* Compares a password with a lobby's.  Returns MU_OK, or the error to answer with; *ret_retry_ms
 * is then the hint.  Counts what is wrong, and how much is hashed. */
enum mu_error mu_lobby_try_password(struct mu_lobby *lobby, const struct mu_lobby_forward *forward,
                                    const char *hash, int64_t *ret_retry_ms);

/* Whether one more password may be hashed now; then it counts.  Else *ret_retry_ms is set. */
bool mu_lobby_may_hash(struct mu_lobby *lobby, int64_t *ret_retry_ms);

/* lobby_forward.c. */

/* Keeps the request of this step.  Returns its slot, or MU_SLOT_NONE when it was refused. */
uint32_t mu_lobby_forward_begin(struct mu_lobby *lobby, enum mu_lobby_step step);

/* Sends lobby->message to the store for it; keyed: with the client's idempotency key.  When its
 * time is up, forgets it instead. */
void mu_lobby_forward_send(struct mu_lobby *lobby, uint32_t slot, bool keyed);

/* Answer it, with the message of this step or an error, and forget it. */
void mu_lobby_forward_answer(struct mu_lobby *lobby, uint32_t slot);
void mu_lobby_forward_refuse(struct mu_lobby *lobby, uint32_t slot, enum mu_error error,
                             int64_t retry_ms, const char *detail);
void mu_lobby_forward_end(struct mu_lobby *lobby, uint32_t slot);
void mu_lobby_forwards_due(struct mu_lobby *lobby);

/* lobby_presence.c. */

void mu_lobby_presence(struct mu_lobby *lobby);
void mu_lobby_gateways_due(struct mu_lobby *lobby);
int64_t mu_lobby_gateways_deadline(const struct mu_lobby *lobby);
void mu_lobby_people_due(struct mu_lobby *lobby);
void mu_lobby_person_answer(struct mu_lobby *lobby, uint32_t slot);
void mu_lobby_person_again(struct mu_lobby *lobby, uint32_t slot);

/* Makes `player` a member of `room`.  Returns his slot, or MU_SLOT_NONE when there is no room. */
uint32_t mu_lobby_member_enter(struct mu_lobby *lobby, const char *player, uint32_t room);
/* Forgets him when he is no member and not connected. */
void mu_lobby_person_settle(struct mu_lobby *lobby, uint32_t slot);

/* lobby_check.c. */

void mu_lobby_check(const struct mu_actor *actor);

#endif /* MU_ACTORS_LOBBY_STATE_H */
