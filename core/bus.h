/* core/bus.h - one process's end of the bus: what an actor says to brokers and hears from them.
 *
 * Pure: the host owns the sockets (or the simulator its network) and calls in; the bus answers
 * through `emit`.  It registers with every broker (HELLO), keeps the connections alive (PING),
 * picks a broker for each message, holds back what no broker takes for a while, grants credit, and
 * drops repeats, late replies and garbage.
 *
 * Which broker: of those that registered this process, rather one that does not seem to lack the
 * destination (it did not say so, and requests that went there by it were answered), one that
 * answered lately, and for an instance the one that it used itself; by rendezvous hash of the
 * destination among equals.  Nothing is repeated here: what is lost or refused its originator sends
 * again, and then another broker is asked.  Events for a player or for all of a service, which
 * nobody would send again, go by every broker; who gets them twice drops the second.
 *
 * A broker is alive as long as it answers PINGs: by frames that come, and come only one way, it is
 * not.  Nobody is routed to before it has shown the broker that it hears it.
 *
 * A host's loop turn:
 *
 *     for each frame of each broker:  envelope = mu_bus_receive(...); if not NULL: decode, step
 *     batch end; for each outbox entry: mu_bus_send(...)
 *     mu_bus_set_epoch(...); mu_bus_handled(...); reopen = mu_bus_tick(...)
 *     sleep until mu_bus_deadline(), input, or output room of a broker that is mu_bus_blocked()
 *
 * Control frames (PING, CREDIT, PRESENCE to brokers) and answers made by the bus itself have
 * sequence 0: they are not numbered, and never dropped as repeats.  HELLOs have numbers of their
 * own, by which a broker knows a late one. */
#ifndef MU_CORE_BUS_H
#define MU_CORE_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/counters.h"
#include "wire/msg.h"

#define MU_BUS_BROKERS_MAX   3                   /* of a cluster */
#define MU_BUS_NAME_MAX      255                 /* bytes of a broker's endpoint */
#define MU_BUS_CREDIT_MAX    1000000             /* messages of a window */
#define MU_BUS_HELD_MAX      1024                /* messages held back, all brokers together */
#define MU_BUS_HELD_BYTES    (16u * 1024 * 1024) /* of them; untouched pages cost nothing */
#define MU_BUS_REFRESH_BEATS 20   /* heartbeats between two HELLOs while all is well */
#define MU_BUS_REOPEN_MS     100  /* first back-off of a broker that is gone */
#define MU_BUS_REOPEN_MAX_MS 2000 /* longest */
#define MU_BUS_RETRY_MS      10   /* before a refused frame is tried again by time */

/* Destination of events for the brokers themselves (PRESENCE): a copy goes to each that is
 * registered, as a control frame.  Never held back. */
#define MU_BUS_TO_BROKERS "*broker"

/* Hands one message of two frames to a broker's socket.  Must not block, must not call the bus.
 * Returns 0 when it took both, else -EAGAIN (no room, or no connection yet). */
typedef int mu_bus_emit_fn(void *context, uint32_t broker, struct mu_slice header,
                           struct mu_slice body);

struct mu_bus_options {
    const char *service;    /* "queue", "gateway", ...; copied */
    const char *partition;  /* owned, as "queue/eu-west-1"; "" for none; copied */
    const char *build;      /* software version; copied */
    uint64_t incarnation;   /* of this process: random, never 0 */
    uint64_t seed;          /* of jitter and hashes */
    uint32_t credit;        /* window, messages: 1..MU_BUS_CREDIT_MAX; matcher 4, others 256 */
    uint32_t heartbeat_ms;  /* between two PINGs; until a broker says otherwise */
    uint32_t missed_max;    /* heartbeats without an answer: the broker is gone */
    uint32_t brokers_count; /* 1..MU_BUS_BROKERS_MAX */
    const char *brokers[MU_BUS_BROKERS_MAX]; /* endpoints; as names in the hash, so that all
                                                processes agree whatever their order; copied */
    mu_bus_emit_fn *emit;
    void *context; /* of emit */
};

struct mu_bus;

/* Nothing is sent before the first tick.  NULL when out of memory. */
struct mu_bus *mu_bus_create(const struct mu_bus_options *options);
void mu_bus_destroy(struct mu_bus *bus); /* NULL is a no-op */

/* Takes one message of two frames from `broker` (index into options.brokers).
 *
 * Returns the envelope when it is for the actor: op and source are what the broker verified, the
 * body still has to be decoded; valid until the next call on the bus.  Returns NULL when the bus
 * dealt with it: control, garbage, a repeat, a late reply, or a request whose budget is used up
 * (answered EXPIRED, not begun).  O(header), plus the body of control frames. */
const struct mu_msg_envelope *mu_bus_receive(struct mu_bus *bus, uint32_t broker, int64_t now_ms,
                                             struct mu_slice header, struct mu_slice body);

/* A message of other than two frames came, or a body that did not decode: counted. */
void mu_bus_garbage(struct mu_bus *bus);

/* Sends a message of an outbox: `envelope` as the outbox filled it; the source is added here.
 *
 * Returns 0 when a broker took it or it is held back to be tried again (until its budget, or for
 * events and replies the life of a silent broker, is over).  Returns -ENOBUFS and counts
 * SENDS_FAILED when too much is held back already. */
int mu_bus_send(struct mu_bus *bus, int64_t now_ms, const struct mu_msg_envelope *envelope,
                struct mu_slice body);

/* Epoch of the owned partition, as actor->ops->epoch() says; a new one is announced by the next
 * tick.  0: the partition is not (or no longer) owned, and nothing for it is routed here. */
void mu_bus_set_epoch(struct mu_bus *bus, uint64_t epoch);

/* Call after each batch: all that was received so far has been handled, so grant that much. */
void mu_bus_handled(struct mu_bus *bus);

/* Does what is due: HELLO, PING, CREDIT, held messages, expiry.  Call once per loop turn.
 *
 * Returns a bit mask (1 << broker) of those to which the host must close the connection, without
 * linger, and open a new one, now: they are gone.  Back-off is included. */
uint32_t mu_bus_tick(struct mu_bus *bus, int64_t now_ms);

/* When the next tick is due, now_ms or before when at once. */
int64_t mu_bus_deadline(const struct mu_bus *bus);

/* Whether something waits for output room at `broker`: poll for it too. */
bool mu_bus_blocked(const struct mu_bus *bus, uint32_t broker);

/* Whether `broker` has registered this process; whether any has. */
bool mu_bus_registered(const struct mu_bus *bus, uint32_t broker);
bool mu_bus_ready(const struct mu_bus *bus);

/* All that have: bit i for broker i. */
uint32_t mu_bus_registered_mask(const struct mu_bus *bus);

/* Whether a broker forgot (or never knew) what this process announced beside HELLO, since the
 * last call: a gateway then sends its PRESENCE again, with reset, to MU_BUS_TO_BROKERS. */
bool mu_bus_presence_wanted(struct mu_bus *bus);

/* Whether a broker said that a newer owner has this partition: end the process (exit 75). */
bool mu_bus_superseded(const struct mu_bus *bus);

/* Why `broker` last said goodbye, once: NULL when it has not since this was asked.  Borrowed until
 * the next call. */
const char *mu_bus_goodbye(struct mu_bus *bus, uint32_t broker);

/* Says goodbye to all brokers; nothing may be sent after. */
void mu_bus_bye(struct mu_bus *bus, const char *reason);

/* Its counters, to be added to the actor's in STATS; the host adds STEP_MS_MAX. */
const struct mu_counters *mu_bus_counters(const struct mu_bus *bus);

/* Asserts every invariant. */
void mu_bus_check(const struct mu_bus *bus);

#endif /* MU_CORE_BUS_H */
