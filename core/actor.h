/* core/actor.h - the one interface every actor implements.
 *
 * An actor is a deterministic state machine: the same seed and the same sequence of events give
 * the same outputs, byte for byte.  It reads no clock, socket, file, environment or global.  All
 * it learns arrives in an event; all it does to the world is an outbox entry (or, for the store
 * actor, a write to its store port).  Two hosts run it: actors/host.c (ZeroMQ, real time) and
 * tests/sim (seeded, virtual time).
 *
 * What the transport may do to messages: lose, repeat, delay and reorder them; never corrupt
 * them.  Handlers are therefore idempotent. */
#ifndef MU_CORE_ACTOR_H
#define MU_CORE_ACTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/outbox.h"
#include "wire/msg.h"

#define MU_NEVER INT64_MAX /* deadline(): no timer is armed */

struct mu_config;
struct mu_store;

enum mu_event_type {
    MU_EV_START,     /* first event after create(); nothing else is set */
    MU_EV_MESSAGE,   /* `envelope` and `msg` are set */
    MU_EV_TIMER,     /* now_ms >= the deadline() that was last returned */
    MU_EV_BATCH_END, /* input is drained: make state durable; then the outbox leaves */
    MU_EV_DRAIN,     /* begin nothing new, hand over what you have; once at most */
    MU_EV_STOP,      /* last event before destroy() */
};

/* One input.  Borrowed: valid until step() returns; copy what you keep. */
struct mu_event {
    enum mu_event_type type;
    int64_t now_ms;  /* monotonic, ms; never goes back while running */
    int64_t wall_ms; /* UTC, ms since 1970; may jump; only stored and shown */
    const struct mu_msg_envelope *envelope; /* source is what the broker verified */
    const struct mu_msg *msg;               /* decoded and within wire/messages.def */
};

/* What an actor is made with.  The pointers outlive the actor. */
struct mu_actor_env {
    const char *partition;          /* what it owns, as "queue/eu-west-1"; "" for none */
    const char *name;               /* of this process, the same after a restart; NULL: none */
    uint64_t seed;                  /* for ids, jitter and hash seeds */
    uint64_t incarnation;           /* of this process: random, never 0 */
    const struct mu_config *config; /* of the cluster */
    struct mu_store *store;         /* the store actor's port; else NULL */
};

/* Every instance starts with this header. */
struct mu_actor {
    const struct mu_actor_ops *ops;
};

struct mu_actor_ops {
    const char *kind; /* "queue", "matcher", "lobby", "store": also its service name */

    /* Returns 0 and sets *ret, or -errno and leaves *ret alone. */
    int (*create)(const struct mu_actor_env *env, struct mu_actor **ret);

    /* Handles one event, appending to `out` (never NULL, never kept).  A peer's bad input is
     * answered or counted, and is never an error here.
     * Returns 0, or -errno when the actor cannot go on (disk error, damaged store, fenced:
     * -ESTALE): the host drops `out`, logs, and ends the process. */
    int (*step)(struct mu_actor *a, const struct mu_event *ev, struct mu_outbox *out);

    /* When to send the next MU_EV_TIMER: a now_ms value, or MU_NEVER. */
    int64_t (*deadline)(const struct mu_actor *a);

    /* Fills *ret with what it shows of itself; the host sends it to all gateways each second. */
    void (*stats)(const struct mu_actor *a, int64_t now_ms, struct mu_msg_stats *ret);

    /* Epoch of the owned partition, for HELLO; 0 while it has none. */
    uint64_t (*epoch)(const struct mu_actor *a);

    /* How far it is, for STATS: STARTING, STANDBY while another process owns its partition,
     * SERVING, or DRAINING. */
    enum mu_life (*life)(const struct mu_actor *a);

    /* Whether nothing is left to hand over.  Asked after MU_EV_DRAIN: the actor is stepped on until
     * it says so, or the host's patience is over; then comes MU_EV_STOP. */
    bool (*drained)(const struct mu_actor *a);

    /* Checks every internal invariant by assert(); O(n); tests call it after each batch. */
    void (*check)(const struct mu_actor *a);

    void (*destroy)(struct mu_actor *a); /* NULL is a no-op */
};

#endif /* MU_CORE_ACTOR_H */
