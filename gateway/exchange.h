/* gateway/exchange.h - one thing that a client asked, from the request to its answer.
 *
 * Inside of the gateway.  A handler (gateway/handlers.h) is given an exchange; it answers it at
 * once (mu_answer_*, mu_refuse_*) or asks an actor (mu_exchange_ask) and is called again with
 * the answer.  Each exchange is answered once; with that it is over and its slot is free. */
#ifndef MU_GATEWAY_EXCHANGE_H
#define MU_GATEWAY_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/calls.h"
#include "gateway/access.h"
#include "gateway/edge.h"
#include "gateway/fields.h"
#include "gateway/json_write.h"
#include "gateway/limit.h"
#include "gateway/routes.h"
#include "wire/msg.h"

#define MU_EXCHANGE_SMALL  512         /* bytes kept in the slot itself */
#define MU_EXCHANGE_BLOCK  (65 * 1024) /* bytes of a block, for what is larger: a body and more */
#define MU_EXCHANGE_BLOCKS 256         /* blocks; none free: 503 OVERLOADED */
#define MU_EXCHANGE_TRACE  55          /* bytes of a traceparent */
#define MU_EXCHANGE_TAG    64          /* bytes of a WebSocket message's own id */
#define MU_EXCHANGE_NONE   UINT32_MAX

struct mu_gateway;

/* What a WebSocket message asks for. */
enum mu_action {
    MU_ACTION_NONE, /* it is an HTTP request */
#define ACTION(NAME, name, doc) MU_ACTION_##NAME,
#include "gateway/actions.def"
#undef ACTION
    MU_ACTION_RESUME, /* nobody asked: the gateway fills a gap in a player's events */
};

/* Which ERROR answers a handler wants to see; the others end the exchange as problems. */
enum mu_errors_wanted {
    MU_ERRORS_NONE,
    MU_ERRORS_DEFINITE, /* those that asking again does not change */
    MU_ERRORS_ALL,      /* also "ask again", and silence: it can do without */
};

/* Bytes that an exchange keeps: in the slot, or in a block. */
struct mu_kept {
    uint32_t size;
    uint32_t block; /* index, or MU_EXCHANGE_NONE */
    uint8_t small[MU_EXCHANGE_SMALL];
};

struct mu_exchange {
    bool used;
    enum mu_errors_wanted errors_wanted;
    uint8_t step; /* the handler's own: where it is */
    uint8_t params_count;
    uint8_t refusals; /* answers that meant: ask again */
    uint16_t rounds;  /* pages of events that were asked for */
    enum mu_action action;
    uint64_t after;               /* events are asked for after this number */
    const struct mu_route *route; /* HTTP, once found; else NULL */
    uint64_t request;             /* HTTP: id at the transport */
    uint64_t socket;              /* WebSocket: its number */
    uint32_t next_free;           /* slot, while not used */
    uint32_t call;                /* handle in gw->calls, or MU_CALL_NONE */
    enum mu_op expects;           /* op of the answer */
    uint64_t last_error;          /* of the last answer that meant: ask again; 0: none */
    int64_t deadline_ms;          /* then the client is told 503 */
    struct mu_caller caller;
    struct mu_limit_state limits[2]; /* by address, by player; quota 0: not counted */
    char params[MU_ROUTE_PARAMS_MAX][MU_ROUTE_PARAM_MAX + 1]; /* of the path */
    char player[MU_ID_MAX + 1];                               /* whom it is about, once known */
    char to[MU_ADDRESS_MAX + 1];                              /* whom is asked */
    char idempotency_key[MU_ACCESS_HASH_HEX + 1];             /* empty: none */
    char trace[MU_EXCHANGE_TRACE + 1];
    char origin[256];              /* of a browser's page; empty: none */
    char tag[MU_EXCHANGE_TAG + 1]; /* WebSocket: the message's "id", for "re" */
    struct mu_kept sent;           /* the request, encoded, to send again */
    struct mu_kept body;           /* the client's JSON, when a later step needs it */
};

/* Takes a slot and sets its times; NULL when all are in use. */
struct mu_exchange *mu_exchange_open(struct mu_gateway *gw);

/* Frees the slot; the client hears nothing. */
void mu_exchange_close(struct mu_gateway *gw, struct mu_exchange *x);

/* Asks an actor.  `msg` is what to ask, `expects` the op of its answer.  On failure (no call or
 * block is free) the client is refused and false is returned. */
bool mu_exchange_ask(struct mu_gateway *gw, struct mu_exchange *x, const char *to,
                     const struct mu_msg *msg, enum mu_op expects);

/* Asks the same actor the same once more: the answer said to. */
void mu_exchange_ask_later(struct mu_gateway *gw, struct mu_exchange *x, uint64_t error);

/* The call is due: asks again, or gives up. */
void mu_exchange_due(struct mu_gateway *gw, struct mu_exchange *x);

/* Keeps the client's body for a later step; false: refused, as above. */
bool mu_exchange_keep_body(struct mu_gateway *gw, struct mu_exchange *x, struct mu_slice body);

/* The bytes that are kept. */
struct mu_slice mu_exchange_kept(const struct mu_gateway *gw, const struct mu_kept *kept);

/* Whether the caller may act for `player`, and the player's rate limit has room; takes from it
 * and notes him in x->player.  False: refused. */
bool mu_exchange_act_for(struct mu_gateway *gw, struct mu_exchange *x, const char *player);

/* Begins the answer: an object, for a WebSocket with `type` (and "re").  mu_answer_end() sends
 * it with the HTTP status, and closes the exchange. */
struct mu_json_writer *mu_answer_begin(struct mu_gateway *gw, struct mu_exchange *x,
                                       const char *type);
void mu_answer_end(struct mu_gateway *gw, struct mu_exchange *x, int status);

/* Answers with text that is not JSON. */
void mu_answer_text(struct mu_gateway *gw, struct mu_exchange *x, const char *content_type,
                    const char *text, size_t bytes);

/* Answers an OPTIONS request. */
void mu_answer_options(struct mu_gateway *gw, struct mu_exchange *x, const char *allow,
                       bool preflight);

/* Refuse, and close the exchange: with one of our own errors; with the faults in gw->faults; as an
 * actor refused; with the faults of a rule set; with 405; over a limit. */
void mu_refuse(struct mu_gateway *gw, struct mu_exchange *x, enum mu_error error,
               const char *detail);
void mu_refuse_faults(struct mu_gateway *gw, struct mu_exchange *x);
void mu_refuse_rules(struct mu_gateway *gw, struct mu_exchange *x,
                     const struct mu_msg_rules_refused *refused);
void mu_refuse_as(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg_error *refusal);
void mu_refuse_method(struct mu_gateway *gw, struct mu_exchange *x, const char *allow);
void mu_refuse_rate(struct mu_gateway *gw, struct mu_exchange *x, int64_t wait_ms);

#endif /* MU_GATEWAY_EXCHANGE_H */
