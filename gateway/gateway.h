/* gateway/gateway.h - the pure core of the edge: HTTP and WebSocket in, bus messages out.
 *
 * A deterministic state machine, as an actor is (core/actor.h), but with two sides: clients call
 * in through mu_gateway_request() and mu_gateway_socket_*(), answers and events of the bus through
 * mu_gateway_message(); it answers clients through struct mu_edge at once, and actors through the
 * outbox of the turn.  Two hosts run it: gateway/host.c and the simulator.
 *
 * It keeps nothing that matters: pending requests, who is connected, rate buckets and what the
 * actors last said of themselves.  Everything is bounded at creation; no allocation after it.
 *
 * A client's request is sent again, under one idempotency key, until the answer is definite or
 * its budget (settings.request_budget_ms) is used up; then the client is told 503 UNAVAILABLE. */
#ifndef MU_GATEWAY_GATEWAY_H
#define MU_GATEWAY_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/actor.h"
#include "core/counters.h"
#include "gateway/edge.h"
#include "gateway/jwt.h"

#define MU_GATEWAY_EXCHANGES_MAX 8192 /* requests that wait for an answer; more: 503 OVERLOADED */
#define MU_GATEWAY_CREDIT        4096 /* messages that it takes before granting more */

struct mu_gateway;

/* Where unpredictable bytes come from: keys of servers, idempotency keys.  libsodium in the
 * process, a seeded stream in the simulator. */
struct mu_secrets {
    void *context;
    void (*fill)(void *context, uint8_t *ret, size_t bytes);
};

/* What holds for one call: the time, and where messages for the bus go. */
struct mu_turn {
    int64_t now_ms;        /* monotonic; never goes back */
    int64_t wall_ms;       /* UTC */
    struct mu_outbox *out; /* the host begins no call once mu_outbox_full() */
};

/* env      partition "" and store NULL; config is borrowed for the gateway's life
 * edge     copied; may be called from within every function below
 * secrets  copied
 * NULL when out of memory. */
struct mu_gateway *mu_gateway_create(const struct mu_actor_env *env, const struct mu_edge *edge,
                                     const struct mu_secrets *secrets);
void mu_gateway_destroy(struct mu_gateway *gw); /* NULL is a no-op */

/* A request came: it is answered through edge.reply, now or in a later call. */
void mu_gateway_request(struct mu_gateway *gw, const struct mu_turn *turn,
                        const struct mu_http_request *request);

/* The client of a pending request is gone; unknown ids are ignored. */
void mu_gateway_request_gone(struct mu_gateway *gw, uint64_t id);

/* A WebSocket handshake.  True: the socket is open, under the number `socket`.  False: it is
 * refused, and upgrade->id was answered through edge.reply. */
bool mu_gateway_socket_open(struct mu_gateway *gw, const struct mu_turn *turn, uint64_t socket,
                            const struct mu_http_request *upgrade);

/* A text message of an open socket. */
void mu_gateway_socket_text(struct mu_gateway *gw, const struct mu_turn *turn, uint64_t socket,
                            struct mu_slice text);

/* An open socket is gone. */
void mu_gateway_socket_closed(struct mu_gateway *gw, const struct mu_turn *turn, uint64_t socket);

/* A reply or an event of the bus. */
void mu_gateway_message(struct mu_gateway *gw, const struct mu_turn *turn,
                        const struct mu_msg_envelope *envelope, const struct mu_msg *msg);

/* Does what is due; call when mu_gateway_deadline() is past.  A bounded amount: what is left is
 * due at once. */
void mu_gateway_tick(struct mu_gateway *gw, const struct mu_turn *turn);

/* When to call mu_gateway_tick() next, in now_ms. */
int64_t mu_gateway_deadline(const struct mu_gateway *gw);

/* A broker has forgotten who is connected here (mu_bus_presence_wanted()): it is told again, by
 * the next ticks. */
void mu_gateway_announce(struct mu_gateway *gw);

/* Whose signatures players' tokens may have; config->jwt must say which tokens are taken
 * (asserted).  Copied; without it no such tokens are taken. */
void mu_gateway_set_jwt_keys(struct mu_gateway *gw, const struct mu_jwt_keys *keys);

/* Counters of the process's bus, shown with its own; borrowed for the gateway's life; or NULL. */
void mu_gateway_set_bus(struct mu_gateway *gw, const struct mu_counters *bus);

/* The same of its transport (mu_transport_export()). */
void mu_gateway_set_transport(struct mu_gateway *gw, const struct mu_counters *transport);

/* Which brokers have registered the process: bit i for broker i of the bus; told in STATS. */
void mu_gateway_set_brokers(struct mu_gateway *gw, uint32_t brokers);

/* Whether the bus asked it to end (DRAIN); the host then stops as if told by a signal.
 * ret_patience_ms  how long that may take; 0: the host's own; untouched when false */
bool mu_gateway_drain_asked(const struct mu_gateway *gw, uint32_t *ret_patience_ms);

/* Draining: /readyz answers 503 from now on. */
void mu_gateway_drain(struct mu_gateway *gw);

/* Whether everybody is trusted, as no keys are configured: the host then serves loopback only. */
bool mu_gateway_open(const struct mu_gateway *gw);

/* Its own counters, and what waits. */
const struct mu_counters *mu_gateway_counters(const struct mu_gateway *gw);
uint32_t mu_gateway_pending(const struct mu_gateway *gw);

/* Asserts every invariant; O(n). */
void mu_gateway_check(const struct mu_gateway *gw);

#endif /* MU_GATEWAY_GATEWAY_H */
