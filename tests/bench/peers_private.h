/* tests/bench/peers_private.h - what the peers share: tickets, queues, teams, regions. */
#ifndef MU_TESTS_BENCH_PEERS_PRIVATE_H
#define MU_TESTS_BENCH_PEERS_PRIVATE_H

#include "core/rng.h"
#include "tests/bench/peers.h"

#define MU_PEER_POPS 5 /* that a wave timer looks back at */

/* A ticket, under its index in the workload. */
struct mu_peer_ticket {
    bool waiting;
    bool active; /* nakama: not looked for yet */
    uint32_t players;
    double sum;        /* of the ratings, party bonus included */
    double rating;     /* mean */
    double deviation;  /* mean */
    const double *rtt; /* [regions] ms */
    uint32_t best;     /* region */
    int64_t at_ms;
    uint32_t attempts; /* waves that left it over */
    double key;        /* scratch of a sort */
};

/* Tickets that may play together: all, or those of one best region. */
struct mu_peer_queue {
    int32_t region; /* where matches are; -1: where it is best for the players */
    uint32_t count;
    uint32_t *tickets; /* [count] by arrival, also some that are gone: mu_peer_tidy() */
    int64_t next_ms;   /* its next turn */
    int64_t last_ms;   /* faf: its last turn */
    uint32_t pops;     /* faf: of the next two that are set, at most MU_PEER_POPS */
    double pop_players[MU_PEER_POPS];
    double pop_s[MU_PEER_POPS];
};

struct mu_peer {
    const struct mu_workload *workload;
    const struct mu_workload_mode *shape;
    uint32_t kind;
    uint32_t mode;
    uint32_t teams;
    uint32_t size;    /* players of a team */
    uint32_t players; /* of a full match */
    double values[MU_PEER_PARAMETERS_MAX];
    struct mu_rng rng;
    struct mu_peer_ticket *tickets; /* [workload tickets] */
    uint32_t *scratch;              /* [workload tickets] */
    uint32_t *scratch2;             /* [workload tickets] */
    uint32_t queues_count;
    struct mu_peer_queue queues[MU_REGIONS_MAX];
    struct mu_replay *replay; /* during a turn */
    int r;                    /* of a turn: 0 or -ENOMEM */
};

/* A match that is being made: tickets, each with its team. */
struct mu_peer_match {
    uint32_t count;
    uint32_t players;
    uint32_t tickets[MU_MATCH_PLAYERS_MAX];
    uint32_t teams[MU_MATCH_PLAYERS_MAX];
};

/* A turn: forms matches, says when the next turn is. */
typedef int64_t mu_peer_turn_fn(struct mu_peer *peer, struct mu_peer_queue *queue, int64_t now_ms);

mu_peer_turn_fn mu_peer_fifo, mu_peer_first_fit, mu_peer_open_match, mu_peer_nakama, mu_peer_flex,
    mu_peer_faf, mu_peer_teiserver, mu_peer_waves;

/* Forgets who is gone; the others keep their order. */
void mu_peer_tidy(struct mu_peer *peer, struct mu_peer_queue *queue);

/* Sorts tickets by their key, ascending; equal ones keep their order. */
void mu_peer_sort(struct mu_peer *peer, uint32_t *tickets, uint32_t count);

/* The waiting tickets of a queue by rating, in peer->scratch.  Returns how many. */
uint32_t mu_peer_by_rating(struct mu_peer *peer, struct mu_peer_queue *queue);

void mu_peer_shuffle(struct mu_peer *peer, uint32_t *tickets, uint32_t count);

static inline void mu_peer_put(struct mu_peer *peer, struct mu_peer_match *match, uint32_t ticket,
                               uint32_t team)
{
    match->tickets[match->count] = ticket;
    match->teams[match->count++] = team;
    match->players += peer->tickets[ticket].players;
}

/* Gives each ticket a team: large parties first, then by rating, always to the team with the least
 * rating that has room.  Returns whether they fit. */
bool mu_peer_deal(struct mu_peer *peer, struct mu_peer_match *match);

/* The region that is best for those tickets. */
uint32_t mu_peer_region(const struct mu_peer *peer, const struct mu_peer_match *match);

/* Emits it, in the queue's region or, if it has none, in `region` (-1: the best). */
void mu_peer_emit(struct mu_peer *peer, struct mu_peer_queue *queue,
                  const struct mu_peer_match *match, int32_t region);

/* Probability that a normal value is at most x. */
double mu_peer_phi(double x);

#endif /* MU_TESTS_BENCH_PEERS_PRIVATE_H */
