/* tests/sim/sim.h - a whole cluster in one process, in virtual time, under seeded faults.
 *
 * The very object code of production: brokers' router, bus, store actor (on the memory engine),
 * shards, matchers, lobby actor and the gateways' pure part; and players and game servers that
 * speak JSON to the gateways.  One seed gives one history.  First faults happen, then a calm
 * tail heals everything; safety is checked after every durable commit (checks.c), liveness at
 * the end (liveness.c). */
#ifndef MU_TESTS_SIM_SIM_H
#define MU_TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "agenda.h"
#include "broker/peers.h"
#include "core/actor.h"
#include "core/bus.h"
#include "core/config.h"
#include "core/public_key.h"
#include "core/rng.h"
#include "core/store.h"

#define SIM_NODES_MAX   24                     /* processes but for the brokers */
#define SIM_BROKERS_MAX MU_BUS_BROKERS_MAX     /* they do not know each other */
#define SIM_HOSTS_MAX   5                      /* machines that nodes and brokers live on */
#define SIM_CLIENTS_MAX 48                     /* players and game servers */
#define SIM_CONNECTIONS 256                    /* peer numbers of a broker */
#define SIM_WALL_MS     INT64_C(1790000000000) /* UTC at virtual time 0 */
#define SIM_BUILD       "sim"
#define SIM_CHECK_EVERY 64 /* turns of a node between two checks of its invariants */
#define SIM_NOBODY      UINT32_MAX

/* Which faults a seed has, and how strong: drawn anew for each (swarm). */
struct faults {
    uint32_t drop_ppm;     /* of a packet on the bus */
    uint32_t repeat_ppm;   /* of a packet on the bus */
    uint32_t delay_max_ms; /* of a packet on the bus */
    uint32_t cut_ppm;      /* each 100 ms, for each node: its links are cut for a while */
    uint32_t way_ppm;      /* each 100 ms, for each link: one way or both are cut for a while */
    uint32_t slow_ppm;     /* each 100 ms, for each link: one way is slow for a while */
    uint32_t part_ppm;     /* each 100 ms, for each host: others do not reach it, or it them */
    uint32_t crash_ppm;    /* each 100 ms, for each host: all on it dies at once */
    uint32_t kill_ppm;     /* each 100 ms, for each node and broker */
    uint32_t drain_ppm;    /* each 100 ms, for each node: it is asked to end */
    uint32_t pause_ppm;    /* each 100 ms, for each node and broker: it stands still for a while */
    uint32_t commit_ppm;   /* each 100 ms: the next commit reports an error */
    uint32_t clock_ppm;    /* each 100 ms: the wall clock steps by up to an hour */
    uint32_t client_ppm;   /* each client request or answer is lost */
    uint32_t socket_ppm;   /* each 100 ms, for each client: its WebSocket is cut */
    uint32_t garbage_ppm;  /* each 100 ms: a peer sends bytes that mean nothing */
};

/* One way of a link, or out of a host, or into it. */
struct way {
    int64_t cut_until_ms;
    bool stalls; /* while it is cut: packets arrive when it is over; else they are lost */
    int64_t slow_until_ms;
    uint32_t slow_ms; /* a packet takes so much longer */
};

enum direction { DOWN, UP, DIRECTIONS }; /* to the node; to the broker */

/* Between a node and a broker. */
struct link {
    uint32_t connection; /* the node's peer number at the broker, or SIM_NOBODY */
    uint64_t life;       /* of the broker when it was made; 0: it was down */
    struct way ways[DIRECTIONS];
};

/* A machine. */
struct host {
    struct way in;
    struct way out;
};

/* One process: an actor, or a gateway when ops is NULL. */
struct node {
    struct sim *sim;
    char name[MU_ADDRESS_MAX + 1]; /* "queue/eu", "matcher-1", "gateway-0" */
    char partition[MU_ADDRESS_MAX + 1];
    struct mu_identity who; /* as its key says to the broker */
    uint8_t key[MU_PUBLIC_KEY_BYTES];
    const struct mu_actor_ops *ops;
    struct mu_actor *actor;
    struct mu_gateway *gateway;
    struct mu_bus *bus;
    struct mu_outbox *out;
    bool up;
    bool turn_due;  /* a turn stands in the agenda */
    bool draining;  /* it hands over what it has, and ends; stays until it starts again */
    int64_t end_ms; /* draining: when it ends all the same */
    uint64_t life;  /* incarnation while up */
    uint32_t host;  /* where it lives */
    struct link links[SIM_BROKERS_MAX];
    int64_t back_ms;        /* while down: when it starts again */
    int64_t cut_until_ms;   /* its links carry nothing */
    int64_t still_until_ms; /* paused */
    int64_t last_turn_ms;
    int64_t stats_ms; /* when it next tells the gateways how it goes */
    uint32_t deaths;  /* in a row, for the back-off */
};

/* A broker's process. */
struct broker {
    struct sim *sim;
    char name[16];                         /* "broker" when there is one, else "broker-0" */
    uint32_t host;                         /* where it lives */
    struct mu_router *router;              /* NULL while it is down */
    uint64_t life;                         /* incarnation of the last router */
    bool silent;                           /* while down: those connected to it are not told */
    int64_t back_ms;                       /* while down: when it starts again */
    int64_t still_until_ms;                /* paused */
    uint32_t connections[SIM_CONNECTIONS]; /* node index, or SIM_NOBODY when free */
};

struct client; /* client.h */
struct checks; /* checks.h */

/* What a program makes of the world: who is in it, and who looks on. */
struct sim_plan {
    bool steady; /* no dice: sim_below() answers 0, so all ways take their shortest time */
    void (*configure)(struct sim *sim); /* fills sim->config, sealed */
    void (*populate)(struct sim *sim);  /* adds the nodes and the first clients */
    /* Whether a packet between the node and a broker gets lost; or NULL. */
    bool (*loses)(struct sim *sim, const struct node *node, enum direction direction,
                  struct mu_slice header);
    void (*noted)(struct sim *sim, const struct node *node, const char *note); /* or NULL */
};

struct sim {
    const struct sim_plan *plan;
    uint64_t seed;
    struct mu_rng rng;
    struct agenda agenda;
    int64_t now_ms;
    int64_t wall_skew_ms;
    int64_t faults_until_ms;
    int64_t strict_ms;  /* who asks from then on must be answered for good, and at once */
    int64_t excused_ms; /* but for who asked before that */
    int64_t end_ms;
    char drilled[MU_ADDRESS_MAX + 1]; /* partition whose owner was disturbed in the strict time */
    int64_t handover_ms;              /* when he was asked to hand it over; 0: he was not */
    struct faults faults;
    struct mu_config config;
    struct mu_store *store;
    struct mu_decoder *decoder;
    struct mu_msg scratch; /* the message being handled */
    struct node nodes[SIM_NODES_MAX];
    uint32_t nodes_count;
    struct broker brokers[SIM_BROKERS_MAX];
    uint32_t brokers_count;
    struct host hosts[SIM_HOSTS_MAX];
    uint32_t hosts_count;
    struct client *clients[SIM_CLIENTS_MAX];
    uint32_t clients_count;
    struct checks *checks;
    char board[MU_ID_MAX + 1]; /* a lobby that players may join; "" for none */
    uint64_t next_socket;      /* and request ids: unique in the world */
    uint64_t hash;             /* of all that happened */
    uint64_t events;           /* how much happened */
    uint64_t kills;
    uint64_t drops;
    bool trace;
    char bad[256]; /* the first violation; "" while there is none */
};

/* Runs `seed` to its end.  Returns true when nothing was violated; sim->bad says what. */
bool sim_run(struct sim *sim, uint64_t seed, bool trace);

/* The same by hand: makes the world of `plan` (which outlives it), peaceful and without end; lets
 * the next thing happen that is due before until_ms (false: there is none); ends it. */
void sim_init(struct sim *sim, uint64_t seed, bool trace, const struct sim_plan *plan);
bool sim_step(struct sim *sim, int64_t until_ms);
void sim_release(struct sim *sim);

/* Adds a process that is down, and starts within half a second.  `ops` NULL: a gateway. */
struct node *sim_add_node(struct sim *sim, const struct mu_actor_ops *ops, const char *name,
                          const char *partition);

/* True while faults happen; while players begin new things: then, and around the drill. */
bool sim_faulty(const struct sim *sim);
bool sim_busy(const struct sim *sim);
int64_t sim_wall(const struct sim *sim);
int64_t sim_since(const struct sim *sim, int64_t at_ms); /* the same, as the trace writes it */

/* Whether very many want the same, so that one queue is cut into slices: a quarter of the seeds. */
bool sim_hot(const struct sim *sim);

bool sim_chance(struct sim *sim, uint32_t ppm);
uint32_t sim_below(struct sim *sim, uint32_t n);
uint32_t sim_random(struct sim *sim, uint32_t n); /* the same, and random in a steady world too */

/* Records a violation (the first counts), with the format's text. */
void sim_fail(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints a line of the trace, when it is on. */
void sim_trace(const struct sim *sim, const char *who, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds bytes to the hash of the history. */
void sim_mix(struct sim *sim, const void *bytes, size_t size);

/* node.c */
void node_start(struct sim *sim, struct node *node);
void node_die(struct sim *sim, struct node *node, const char *why);
/* As SIGTERM: an actor that is up hands over what it has, for settings.drain_ms at most; then it
 * ends, and is started again as one that has died. */
void node_drain(struct sim *sim, struct node *node);
void node_turn(struct sim *sim, struct node *node);
void node_turn_soon(struct sim *sim, struct node *node);
int64_t node_deadline(const struct sim *sim, const struct node *node);
void node_receive(struct sim *sim, struct item *item); /* a packet that is due arrives */

/* hub.c: the brokers, and the connections to them.  `index` is the broker's. */
void hub_create(struct sim *sim, uint32_t count); /* they start at once; while all nodes are down */
void hub_start(struct sim *sim, struct broker *broker);
void hub_die(struct sim *sim, struct broker *broker);
void hub_tick(struct sim *sim, struct broker *broker);
int64_t hub_deadline(const struct broker *broker);
void hub_connect(struct sim *sim, struct node *node, uint32_t index);
void hub_disconnect(struct sim *sim, struct node *node, uint32_t index);
int hub_send(struct sim *sim, struct node *node, uint32_t index, struct mu_slice header,
             struct mu_slice body);
void hub_receive(struct sim *sim, struct item *item); /* a packet that is due arrives */
void hub_garbage(struct sim *sim);

/* net.c: the network between nodes and brokers */
void net_post(struct sim *sim, struct node *node, uint32_t index, enum direction direction,
              const struct mu_slice packet[2]);
void net_heal(struct sim *sim); /* all ways carry, at their usual speed */

/* gate.c: gateway nodes and the network between them and the clients */
struct mu_gateway *gate_create(struct sim *sim, struct node *node);
void gate_destroy(struct sim *sim, struct node *node);
void gate_event(struct sim *sim, struct node *node, const struct mu_msg_envelope *envelope,
                const struct mu_msg *msg);
void gate_tick(struct sim *sim, struct node *node);
int64_t gate_deadline(const struct node *node);

/* chaos.c */
void chaos_draw(struct sim *sim);
void chaos_schedule(struct sim *sim);
void chaos_end(struct sim *sim);

/* drill.c */
void drill(struct sim *sim);

#endif /* MU_TESTS_SIM_SIM_H */
