/* broker/router_state.h - what router.c, registry.c and route.c share; nobody else includes it. */
#ifndef MU_BROKER_ROUTER_STATE_H
#define MU_BROKER_ROUTER_STATE_H

#include "broker/router.h"

#include <stdbool.h>

#include "broker/presence.h"
#include "broker/queue.h"
#include "core/map.h"
#include "core/rng.h"

#define MU_ROUTER_NONE UINT32_MAX /* no peer, no destination */

enum mu_peer_state {
    MU_PEER_FREE,       /* the number is not in use */
    MU_PEER_NEW,        /* has not said HELLO */
    MU_PEER_REGISTERED, /* messages are routed from and to it */
    MU_PEER_BLOCKED,    /* sent garbage: ignored until it is silent for long */
};

/* One connection. */
struct mu_peer {
    enum mu_peer_state state;
    const struct mu_identity *who; /* whose key it proved; NULL: there are no keys */
    uint32_t mark;                 /* of that key */
    bool gone;                     /* to be forgotten at the end of this call */
    bool full;                     /* refused a message since it was last heard */
    uint32_t garbage;              /* bad frames */
    int64_t heard_ms;              /* last frame from it */
    int64_t pinged_ms;             /* last PING to it */
    int64_t who_ms;                /* last WHO to it */
    struct mu_msg_hello hello;     /* while it has to show that it heard our answer */
    bool greeted;                  /* so it is */
    uint64_t hellos;               /* number of its last HELLO; 0: has none */
    /* from HELLO: */
    uint64_t incarnation;
    char instance[MU_ADDRESS_MAX + 1]; /* its address */
    uint32_t service;                  /* destination */
    uint32_t partition;                /* destination that it owns, or MU_ROUTER_NONE */
    uint64_t epoch;                    /* of the partition it announced */
    uint32_t next_member;              /* of the same service, or MU_ROUTER_NONE */
    uint64_t sent;                     /* messages since HELLO */
    uint64_t granted;                  /* of them it allows */
    uint64_t window;                   /* credit of its HELLO: the most ever outstanding */
    int64_t credit_ms;                 /* when its credit last changed for the better */
    uint64_t served;                   /* number of the last choice that fell on it */
};

/* A service or partition that somebody serves. */
struct mu_destination {
    bool used;
    char name[MU_ADDRESS_MAX + 1];
    uint32_t first_member;  /* service: peers in order of registration */
    uint32_t owner;         /* partition: its owner */
    struct mu_queue *queue; /* what waits for credit */
};

struct mu_router {
    struct mu_router_options options;
    char instance[MU_ADDRESS_MAX + 1]; /* own address */
    int64_t life_ms;                   /* silence after which a peer is forgotten */
    struct mu_rng rng;
    uint64_t sequence;                   /* of own messages */
    uint64_t choices;                    /* of service members, so far */
    int64_t started_ms;                  /* INT64_MIN: not yet called */
    int64_t called_ms;                   /* last call */
    int64_t scan_ms;                     /* next look at all peers */
    int64_t sweep_ms;                    /* next look for expired requests, if any waits */
    int64_t stats_ms;                    /* next STATS */
    uint32_t peers_used;                 /* numbers below it were used at some time */
    uint32_t registered;                 /* peers in that state */
    uint32_t waiting;                    /* messages in all queues */
    bool reap;                           /* some peer is gone */
    struct mu_peer *peers;               /* [peers_max] */
    struct mu_destination *destinations; /* [destinations_max] */
    struct mu_map *instances;            /* instance address -> peer */
    struct mu_map *names;                /* service or partition -> destination */
    struct mu_presence *presence;
    struct mu_counters counters;
    struct mu_decoder *decoder;
    struct mu_msg *in;      /* envelope of the message at hand */
    struct mu_msg *control; /* body of a control frame, in or out */
    struct mu_msg *out;     /* envelope made here */
};

/* registry.c: who is there. */

/* Takes the HELLO in router->control from `peer`, whose envelope is router->in; answers it.  Who is
 * new is entered later: */
void mu_registry_hello(struct mu_router *router, uint32_t peer, int64_t now_ms);

/* Enters a peer that was greeted, and has shown now that it hears us. */
void mu_registry_enter(struct mu_router *router, uint32_t peer, int64_t now_ms);

/* Tells a peer to go. */
void mu_registry_bye(struct mu_router *router, uint32_t peer, const char *reason);

/* Counts that a peer was refused something, and tells the host why. */
void mu_registry_note(struct mu_router *router, uint32_t peer, enum mu_counter counter,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Ignores a peer from now on. */
void mu_registry_block(struct mu_router *router, uint32_t peer);

/* Marks a peer as gone; mu_registry_reap() forgets it. */
void mu_registry_drop(struct mu_router *router, uint32_t peer);

/* Forgets all peers that are gone. */
void mu_registry_reap(struct mu_router *router);

/* Asserts the invariants of peers and destinations. */
void mu_registry_check(const struct mu_router *router);

/* route.c: what goes where. */

/* Forwards the message whose envelope is router->in, from a registered peer. */
void mu_route_message(struct mu_router *router, uint32_t peer, int64_t now_ms,
                      struct mu_slice body);

/* Hands what waits for `peer` to it, as far as its credit goes. */
void mu_route_drain(struct mu_router *router, uint32_t peer, int64_t now_ms);

/* Empties the queue of a destination that nobody serves any more. */
void mu_route_flush(struct mu_router *router, struct mu_destination *destination);

/* Answers the requests whose budget ran out in a queue. */
void mu_route_expire(struct mu_router *router, int64_t now_ms);

/* Sends a control frame.  Returns what the sink said. */
int mu_route_control(struct mu_router *router, uint32_t peer, const struct mu_msg *body);

/* Sends an event of the router itself to every member of a service. */
void mu_route_broadcast(struct mu_router *router, const char *service, enum mu_op op,
                        struct mu_slice body);

#endif /* MU_BROKER_ROUTER_STATE_H */
