/* broker/router.h - the broker's routing core: frames of many peers in, frames to peers out.
 *
 * Pure and bounded: the process around it (broker/host.c) has the socket, the simulator its
 * network; both give each connection a peer number and hand over what arrives.  The router keeps
 * no durable state: whom it does not know it asks WHO, and the answer (HELLO) is the whole of a
 * broker's restart.
 *
 *   HELLO      announces service, partition (the higher epoch wins, the loser gets BYE
 *              "superseded"; epoch 0 claims nothing) and credit; a second HELLO refreshes them.
 *              A peer is entered with its first other frame, by which it shows that it hears us
 *   service    to the member with the most credit left, among equals the one served longest ago
 *   partition  to its owner
 *   instance   to that process; *service (events only) to all others of a service
 *   player     (events only) to the gateways that announced him; PRESENCE comes as a control frame
 *
 * Messages to a service or partition use up its receiver's credit and wait in a bounded queue while
 * there is none; all others go at once, are counted against credit, but never wait.  Nobody may
 * fill more than a quarter of a queue.  Only requests are refused with an answer: OVERLOADED,
 * UNAVAILABLE, EXPIRED; events and replies that reach nobody are dropped and counted.  Whoever sent
 * a service, partition or instance something that is not here is told so by a control frame (ERROR,
 * whose destination is the missing one): by another broker it may get there.
 *
 * A silent peer is pinged and then forgotten: a hint for routing, nothing else follows from it.
 *
 * With keys (mu_router_options.keys) the host says who each connection is, by the key that it
 * proved, and a peer may no more than its role (broker/roles.def): register that service, own and
 * ask for the partitions that are its own, send the role's messages; and nobody gets an incarnation
 * that has not his key's mark, or is registered under another name.  Without keys everybody who can
 * connect is trusted with everything: so core/endpoint.h lets only this host connect. */
#ifndef MU_BROKER_ROUTER_H
#define MU_BROKER_ROUTER_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/peers.h"
#include "core/counters.h"
#include "wire/msg.h"

#define MU_ROUTER_PEERS_MAX        1024               /* connections */
#define MU_ROUTER_DESTINATIONS_MAX 128                /* services and partitions */
#define MU_ROUTER_PLAYERS_MAX      1000000            /* players in the presence map */
#define MU_ROUTER_QUEUE_MAX        1024               /* messages that wait for one destination */
#define MU_ROUTER_QUEUE_BYTES      (8u * 1024 * 1024) /* of them; untouched pages cost nothing */
#define MU_ROUTER_SHARE            4                  /* a sender holds at most 1/4 of a queue */
#define MU_ROUTER_GARBAGE_MAX      3                  /* bad frames before a peer is ignored */
#define MU_ROUTER_STALL_MS         1000               /* own pause after which nobody is evicted */
#define MU_ROUTER_STATS_MS         1000               /* between two STATS to the gateways */
#define MU_ROUTER_SWEEP_MS         50                 /* between two looks for expired requests */
#define MU_ROUTER_RETRY_AFTER_MS   200                /* hint of OVERLOADED */

/* Hands one message of two frames to a peer.  Must not block, must not call the router.  `body`
 * is the very slice given to mu_router_receive() when it is forwarded at once: a host that knows
 * its memory need not copy it.
 *
 * Returns 0; -EAGAIN: its pipe is full; -EHOSTUNREACH: there is no such peer any more. */
typedef int mu_router_sink_fn(void *context, uint32_t peer, struct mu_slice header,
                              struct mu_slice body);

/* Says that the router has forgotten `peer`: its number may be given to another connection. */
typedef void mu_router_gone_fn(void *context, uint32_t peer);

/* Says why a peer was refused something, in one line for the log. */
typedef void mu_router_note_fn(void *context, uint32_t peer, const char *note);

struct mu_router_options {
    uint64_t incarnation;      /* of this broker: random, never 0 */
    uint64_t seed;             /* of jitter and hashes */
    const char *name;          /* of the process, told in STATS; NULL: none; borrowed */
    const char *build;         /* software version, likewise */
    uint32_t peers_max;        /* 1..MU_ROUTER_PEERS_MAX; peer numbers are below it */
    uint32_t destinations_max; /* 1..MU_ROUTER_DESTINATIONS_MAX */
    uint32_t players_max;      /* 1..: presence map; 100 bytes each when used */
    uint32_t queue_messages;   /* 4..MU_ROUTER_QUEUE_MAX */
    uint32_t queue_bytes;      /* 4096..MU_ROUTER_QUEUE_BYTES; bounds what can wait at all */
    uint32_t heartbeat_ms;     /* of silence before a PING; told in HELLO_OK */
    uint32_t missed_max;       /* heartbeats without a sign of life: forgotten */
    bool keys;                 /* every connection is identified before its first message */
    mu_router_sink_fn *sink;
    mu_router_gone_fn *gone;
    mu_router_note_fn *note; /* or NULL */
    void *context;           /* of these */
};

struct mu_router;

/* NULL when out of memory.  All memory is taken here. */
struct mu_router *mu_router_create(const struct mu_router_options *options);
void mu_router_destroy(struct mu_router *router); /* NULL is a no-op */

/* With keys only: says who `peer` is, before its first message is handed over, and the mark of the
 * key that it proved (mu_public_key_mark()).  `who` is borrowed
 * until gone() was called for it.  Saying the same again changes nothing; who is somebody else is
 * another connection: mu_router_lost() comes before. */
void mu_router_identify(struct mu_router *router, uint32_t peer, const struct mu_identity *who,
                        uint32_t mark);

/* Takes one message of two frames from `peer` (< peers_max; identified if there are keys;
 * asserted).  A number that is not in use is a new connection.  O(members of the destination). */
void mu_router_receive(struct mu_router *router, uint32_t peer, int64_t now_ms,
                       struct mu_slice header, struct mu_slice body);

/* `peer` sent a message of other than two frames. */
void mu_router_garbage(struct mu_router *router, uint32_t peer, int64_t now_ms);

/* The host knows that `peer` is gone: as if evicted; gone() is called. */
void mu_router_lost(struct mu_router *router, uint32_t peer, int64_t now_ms);

/* Counts what only the host can see. */
void mu_router_count(struct mu_router *router, enum mu_counter counter);

/* Does what is due: pings, evictions, expired requests, STATS.  Call once per loop turn. */
void mu_router_tick(struct mu_router *router, int64_t now_ms);

/* When the next tick is due. */
int64_t mu_router_deadline(const struct mu_router *router);

/* Tells every peer BYE: the broker is about to end. */
void mu_router_bye(struct mu_router *router, const char *reason);

/* Its counters and gauges as of now; borrowed until the next call. */
const struct mu_counters *mu_router_counters(struct mu_router *router);

/* Asserts every invariant.  O(peers + players + queued messages). */
void mu_router_check(const struct mu_router *router);

#endif /* MU_BROKER_ROUTER_H */
