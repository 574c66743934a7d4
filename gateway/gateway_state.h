/* gateway/gateway_state.h - all that the gateway keeps; inside of the gateway. */
#ifndef MU_GATEWAY_GATEWAY_STATE_H
#define MU_GATEWAY_GATEWAY_STATE_H

#include "core/config.h"
#include "core/rng.h"
#include "gateway/exchange.h"
#include "gateway/fleet.h"
#include "gateway/gateway.h"
#include "gateway/idtable.h"
#include "gateway/limit.h"
#include "gateway/session.h"

#ifndef MU_VERSION
#define MU_VERSION "0.1.0"
#endif

#define MU_GATEWAY_TEXT_MAX    (2 * 1024 * 1024) /* bytes of an answer; /metrics is the longest */
#define MU_GATEWAY_LIMIT_KEYS  65536             /* addresses and players with a rate bucket */
#define MU_GATEWAY_BEAT_MS     1000              /* between two STATS of its own */
#define MU_GATEWAY_ANNOUNCE_MS 5000              /* between two announcements of who is here */
#define MU_GATEWAY_LOOK_MS     100               /* between two looks for lost events ... */
#define MU_GATEWAY_LOOK_ALL_MS 8000              /* ... which go over all sockets in so long */
#define MU_GATEWAY_HURRY_MS    1000 /* ... or, after a restart of store or broker, in so long */
#define MU_GATEWAY_STRANGER_MS 5000 /* a socket may stay without credentials */

struct mu_gateway {
    const struct mu_config *config;
    struct mu_edge edge;
    struct mu_secrets secrets;
    uint64_t incarnation;
    char instance[MU_ADDRESS_MAX + 1]; /* own address */
    char name[MU_ADDRESS_MAX + 1];     /* of the process, for people; empty: it has none */
    struct mu_rng rng;                 /* jitter and trace ids; no secrets */
    bool open;                         /* no keys: everybody is trusted */
    bool draining;
    bool drain_asked;           /* by DRAIN, for the host */
    uint32_t drain_patience_ms; /* of it; 0: the host's own */
    uint32_t brokers;           /* bit i: registered with broker i */
    bool started;               /* started_ms is set */
    struct mu_turn turn;        /* of the call that is under way */
    int64_t started_ms;         /* now_ms of the first call */
    int64_t heard_ms;           /* now_ms of the last message of the bus; < 0: none yet */
    int64_t beat_ms;            /* when to send STATS */
    int64_t announce_ms;        /* when to begin an announcement */
    uint32_t announce_next;     /* session slot to go on at, or MU_SESSION_NONE */

    int64_t look_ms;    /* when to look for lost events */
    uint32_t look_next; /* session slot to look at */
    int64_t hurry_ms;   /* until then all sockets are looked at in MU_GATEWAY_HURRY_MS */
    char store[MU_ADDRESS_MAX + 1]; /* the instance that last said it is the store */

    struct mu_calls *calls;        /* user: index of the exchange */
    struct mu_exchange *exchanges; /* [MU_GATEWAY_EXCHANGES_MAX] */
    struct mu_idtable *by_request; /* HTTP exchanges by request id */
    uint32_t exchanges_free;       /* first free slot */
    uint32_t exchanges_count;      /* in use */
    uint8_t *blocks;               /* [MU_EXCHANGE_BLOCKS][MU_EXCHANGE_BLOCK] */
    uint32_t blocks_free[MU_EXCHANGE_BLOCKS];
    uint32_t blocks_free_count;

    struct mu_sessions *sessions;
    struct mu_limit *by_address;
    struct mu_limit *by_player;
    struct mu_limit *by_failure; /* wrong credentials, by address */
    struct mu_jwt jwt;           /* of mu_gateway_set_jwt_keys() */
    struct mu_json token;        /* its scratch */
    struct mu_fleet *fleet;
    struct mu_counters counters;
    const struct mu_counters *bus;       /* NULL: none */
    const struct mu_counters *transport; /* NULL: none */

    /* Scratch, one call long. */
    struct mu_decoder *decoder;
    struct mu_json json;          /* the client's document */
    struct mu_fields fields;      /* its root */
    struct mu_faults faults;      /* found in it */
    struct mu_slice client_body;  /* its bytes */
    struct mu_msg msg;            /* what is asked of an actor */
    struct mu_json_writer writer; /* of the answer, into text */
    char text[MU_GATEWAY_TEXT_MAX];
};

/* Every call from outside begins here: notes the time and the outbox. */
void mu_gateway_begin(struct mu_gateway *gw, const struct mu_turn *turn);

/* Parses the client's JSON (empty: an empty object) into json, fields and faults.
 * False: it is malformed, and the exchange was refused. */
bool mu_gateway_parse(struct mu_gateway *gw, struct mu_exchange *x, struct mu_slice body);

/* Hands an answer of the bus to the exchange's handler; an ERROR is dealt with, unless the
 * handler wants it. */
void mu_gateway_answered(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg);

/* Reads an Authorization field that came from an address (mu_limit_address_key()).  Returns NULL,
 * or what is wrong, for mu_gateway_refuse_caller(); ret is untouched then. */
const char *mu_gateway_identify(struct mu_gateway *gw, const char *address,
                                const char *authorization, struct mu_caller *ret);

/* Refuses the exchange for wrong credentials: counted, logged and limited by address. */
void mu_gateway_refuse_caller(struct mu_gateway *gw, struct mu_exchange *x, const char *address,
                              const char *fault);

/* WebSocket actions (gateway/actions.c). */
void mu_actions_text(struct mu_gateway *gw, struct mu_session *session, struct mu_slice text);
void mu_actions_answered(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg);
void mu_actions_failed(struct mu_gateway *gw, struct mu_exchange *x);
void mu_actions_event(struct mu_gateway *gw, const struct mu_msg_event *event);

/* Asks the store for what a socket may have missed: a push can be lost, and nothing after it
 * shows the gap. */
void mu_actions_look(struct mu_gateway *gw, struct mu_session *session);

void mu_actions_unbind(struct mu_gateway *gw, struct mu_session *session);

/* Tells brokers and lobby of up to 256 players who came or went; `reset` forgets what was said
 * before.  Ids as they stand in gw->msg.presence. */
void mu_gateway_presence(struct mu_gateway *gw);

/* The texts of /metrics and /readyz. */
size_t mu_metrics_write(const struct mu_gateway *gw, char *ret, size_t ret_size);
int mu_health_write(struct mu_gateway *gw, struct mu_json_writer *writer); /* HTTP status */

/* Fills STATS of the gateway itself. */
void mu_gateway_stats(const struct mu_gateway *gw, struct mu_msg_stats *ret);

static inline void mu_count(struct mu_gateway *gw, enum mu_counter counter)
{
    gw->counters.values[counter]++;
}

#endif /* MU_GATEWAY_GATEWAY_STATE_H */
