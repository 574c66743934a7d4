/* tests/unit/lobby_host.h - a host for one lobby actor, in which the test itself plays the store
 * and the gateways.
 *
 * Every step is followed by BATCH_END and the actor's own check(); what it sends is kept in order
 * until lobby_host_forget().  FOLLOW_SINCE polls are answered by the host: "nothing new". */
#ifndef MU_TESTS_UNIT_LOBBY_HOST_H
#define MU_TESTS_UNIT_LOBBY_HOST_H

#include "tests/unit/unit.h"

#include "actors/lobby.h"
#include "core/config.h"
#include "core/store.h"

#define LOBBY_HOST_SENT_MAX 16384
#define LOBBY_HOST_EPOCH    7
#define LOBBY_HOST_SELF     0xfeed

#define LOBBY_HOST_PLAYER "ply_01AAAAAAAAAAAAAAAAAAAAAAAA"
#define LOBBY_HOST_GUEST  "ply_01BBBBBBBBBBBBBBBBBBBBBBBB"

/* How full a server is. */
struct lobby_host_load {
    uint64_t slots;
    uint64_t used;
};

/* One message that the lobby sent. */
struct lobby_host_sent {
    struct mu_msg_envelope envelope;
    uint32_t offset;
    uint32_t size;
};

struct lobby_host {
    struct mu_config config;
    char partition[MU_ADDRESS_MAX + 1];
    struct mu_actor *lobby;
    struct mu_outbox *out;
    struct mu_decoder *decoder;
    int64_t now_ms;
    int64_t wall_ms;
    uint64_t seq;      /* of the partition's log */
    uint64_t sequence; /* of the peers' messages */
    uint32_t sent_count;
    struct lobby_host_sent sent[LOBBY_HOST_SENT_MAX];
    uint8_t bytes[8 * 1024 * 1024];
    uint32_t bytes_used;
    uint8_t encoded[256 * 1024]; /* records of changes */
    struct mu_msg msg;           /* what is being given to the lobby */
    struct mu_msg record;        /* a LOBBY, MATCH or SERVER that is being pushed or answered */
    struct mu_msg got;           /* what lobby_host_find() decoded */
    int result;                  /* of the last step */
};

/* Makes the lobby with the default configuration; not started. */
void lobby_host_create(struct lobby_host *host, uint64_t seed);

/* The same for the lobby partition `index` of so many. */
void lobby_host_create_in(struct lobby_host *host, uint64_t seed, uint32_t index, uint64_t lobbies);
void lobby_host_destroy(struct lobby_host *host);

/* START or another event without a message. */
void lobby_host_tell(struct lobby_host *host, enum mu_event_type type);

/* START, and the epoch.  Then the snapshot (LOBBY, MATCH and SERVER records): the lobby serves. */
void lobby_host_boot(struct lobby_host *host);
void lobby_host_snapshot(struct lobby_host *host, const struct mu_msg *records[], uint32_t count);

/* Gives the lobby host->msg as an event of gateway `from`, or as a request of a gateway. */
void lobby_host_event(struct lobby_host *host, uint64_t from);
struct mu_msg_envelope lobby_host_request(struct lobby_host *host, const char *key);

/* Answers a message that the lobby sent with host->msg; or with an error. */
void lobby_host_answer(struct lobby_host *host, const struct mu_msg_envelope *request);
void lobby_host_error(struct lobby_host *host, const struct mu_msg_envelope *request,
                      enum mu_error error);

/* Pushes one changed object. */
void lobby_host_push(struct lobby_host *host, enum mu_table table, const char *id,
                     const struct mu_msg *record);

/* The same with host->record. */
void lobby_host_push_record(struct lobby_host *host);
void lobby_host_answer_record(struct lobby_host *host, const struct mu_msg_envelope *request);

/* Make host->record a match of ranked in us-east-1; a server that is ready for anything; an open
 * lobby of LOBBY_HOST_PLAYER and, when members is 2, LOBBY_HOST_GUEST. */
struct mu_msg_match *lobby_host_match(struct lobby_host *host, const char *id, uint64_t version,
                                      enum mu_match_state state);
struct mu_msg_server *lobby_host_server(struct lobby_host *host, const char *id, uint64_t version,
                                        const char *region, struct lobby_host_load load);
struct mu_msg_lobby *lobby_host_room(struct lobby_host *host, const char *id, uint64_t version,
                                     const char *password, uint32_t members);

/* Gives the lobby a SERVER_BEAT. */
void lobby_host_beat(struct lobby_host *host, const char *server, const char *key_hash);

/* The code of the only ERROR that was sent (the test fails unless there is one); forgets all. */
uint64_t lobby_host_refusal(struct lobby_host *host);

/* Lets time pass, with every TIMER in it. */
void lobby_host_wait(struct lobby_host *host, int64_t ms);

/* The nth (from 0) message of operation `op` that was sent and not forgotten, decoded into
 * host->got; or NULL. */
const struct mu_msg_envelope *lobby_host_find(struct lobby_host *host, enum mu_op op, uint32_t nth);
uint32_t lobby_host_count(const struct lobby_host *host, enum mu_op op);
void lobby_host_forget(struct lobby_host *host);

/* One of the lobby's counters, MU_COUNTER_... */
uint64_t lobby_host_counter(struct lobby_host *host, uint32_t counter);

#endif /* MU_TESTS_UNIT_LOBBY_HOST_H */
