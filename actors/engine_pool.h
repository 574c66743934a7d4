/* actors/engine_pool.h - inside the engine: what its files share.  Others use actors/engine.h.
 *
 * A waiting ticket is a member of one bucket: those with its number of players and its rating, as
 * a list, the longest waiting first.  For each number of players (a shelf) a bitmap says which
 * buckets hold somebody, so the next rating up or down is found in a few words.
 *
 *   engine.c          the pool: tickets in and out
 *   engine_index.c    buckets, and a ticket's neighbours, nearest first
 *   engine_due.c      tickets that are to be tried, and their reservations
 *   engine_blocks.c   memory for facts
 *   engine_quality.c  how good a match is
 *   engine_reserve.c  what waiting is worth
 *   engine_moment.c   when to try a ticket again
 *   engine_match.c    which tickets to try, in which order; which matches to make
 *   engine_form.c     the best match of one ticket: its neighbours, and then one of
 *     engine_pair.c     two players
 *     engine_group.c    two teams
 *     engine_crowd.c    many teams, or everybody for himself, or teams of no fixed size
 *     engine_compose.c  whatever a document's rules ask for, with compose.c
 *   engine_pack.c     parties into teams of the right sizes
 *   engine_split.c    who plays with whom, evenly */
#ifndef MU_ACTORS_ENGINE_POOL_H
#define MU_ACTORS_ENGINE_POOL_H

#include <assert.h>

#include "actors/engine.h"
#include "actors/engine_blocks.h"
#include "actors/engine_quality.h"
#include "actors/engine_reserve.h"
#include "actors/engine_slots.h"
#include "core/heap.h"

enum {
    MU_POOL_RATINGS = MU_RATING_MAX - MU_RATING_MIN + 1,
    MU_POOL_WORDS = (MU_POOL_RATINGS + 63) / 64,
    MU_POOL_CAPACITY_FIRST = 256,
    MU_POOL_SIZES_MAX = MU_TICKET_PLAYERS_MAX,
    MU_POOL_NEIGHBOURS_MAX = 4 * MU_MATCH_PLAYERS_MAX, /* looked at for one match */
    MU_POOL_PROPOSALS_MAX = 64,                        /* compared with each other */
    MU_GROUP_PLAYERS_MAX = 16,                         /* of two teams that are split exactly */
    MU_SPLIT_SIDES_MAX = 8,                            /* whose unevenness is not estimated */
    MU_WALK_STREAMS_MAX = 2 * MU_POOL_SIZES_MAX,
};

enum mu_hot_state {
    MU_HOT_FREE,    /* the slot is not in use */
    MU_HOT_WAITING, /* in a bucket */
    MU_HOT_IDLE,    /* can never match */
    MU_HOT_TAKEN,   /* proposed */
};

/* What is read while neighbours are looked at. */
struct mu_hot {
    int64_t since_ms;
    double mean;       /* effective rating of its players, points */
    uint32_t next;     /* in its bucket, or MU_SLOT_NONE */
    uint32_t prev;     /* in its bucket, or MU_SLOT_NONE */
    uint32_t regions;  /* bit i: reaches region i within the mode's bound */
    uint32_t due_at;   /* its place in pool->due, or MU_SLOT_NONE */
    uint32_t tried;    /* pool->calls when it was an anchor last; 0: never */
    float reserve;     /* reservation when it came, quality */
    float predicted;   /* quality less wait, as estimated; NAN: not estimated yet */
    float expected_ms; /* wait, as estimated; 0: not known */
    int32_t rating;    /* mean of its players, points, without party bonus: for windows */
    int16_t index;     /* of its bucket: mean as whole points above MU_RATING_MIN, in range */
    uint8_t players;
    uint8_t priority;
    uint8_t shelf; /* of the index: its players; 0: a backfill */
    uint8_t state; /* enum mu_hot_state */
};
static_assert(sizeof(struct mu_hot) <= 64, "one cache line");

/* The rest; with pool->reach_ms and pool->nearness. */
struct mu_cold {
    char id[MU_ID_MAX + 1]; /* "": the slot is not in use */
    uint64_t version;
    double sum;
    double squares;
    double variance;
    struct mu_facts *facts; /* a block, or NULL */
};

struct mu_bucket {
    uint32_t head; /* the longest waiting, or MU_SLOT_NONE */
    uint32_t tail;
};

/* A match that could be made. */
struct mu_proposal {
    int64_t surplus;  /* a player, 1e-9 of quality; what proposals are compared by */
    int64_t key;      /* mu_pool_key() of its anchor */
    uint32_t anchor;  /* slot */
    int32_t rank;     /* of its anchor: mu_pool_rank() */
    bool first;       /* its anchor is served before others of that rank */
    uint32_t region;  /* index */
    uint32_t shape;   /* index into the rule book */
    uint32_t count;   /* tickets */
    uint32_t players; /* of all of them */
    double quality;   /* but for latency */
    uint32_t slots[MU_MATCH_PLAYERS_MAX];
    uint8_t seats[MU_MATCH_PLAYERS_MAX]; /* team of each player, tickets in the order of slots */
};

/* A neighbour, as the generators see it. */
struct mu_neighbour {
    uint32_t slot;
    uint32_t players;
    double mean;     /* points */
    double sum;      /* points */
    double squares;  /* points^2 */
    double variance; /* points^2 */
    double bid;      /* reservation now */
    double left;     /* of its time: mu_pool_left() */
    double gain;     /* a player's marginal surplus */
};

/* What a queue without document rules asks of the sizes. */
struct mu_sizes {
    uint32_t teams_min; /* teams that play */
    uint32_t teams_max;
    uint32_t team_min; /* players of a team */
    uint32_t team_max;
    uint32_t players_min; /* of a match */
    uint32_t players_max;
};

enum mu_generator { MU_GENERATE_PAIR, MU_GENERATE_GROUP, MU_GENERATE_CROWD, MU_GENERATE_COMPOSE };

struct mu_pool {
    const struct mu_config *config;
    const struct mu_rulebook *book;
    const struct mu_rules *rules; /* of its first shape */
    enum mu_generator generator;
    struct mu_sizes sizes;
    uint32_t regions_count;
    uint32_t sizes_count;     /* parties of 1..sizes_count can play */
    uint32_t waiting_count;   /* tickets in buckets */
    uint32_t backfills_count; /* of them */
    uint32_t players_count;   /* of the others */
    uint32_t taken_count;
    uint32_t asleep_count;   /* at most so many of those that wait have not been tried in this
                              * call of mu_pool_match(), and are not due */
    uint32_t calls;          /* of mu_pool_match(), this one too; never 0 in one */
    struct mu_slots slots;   /* id -> slot */
    struct mu_hot *hot;      /* [slots.capacity] */
    struct mu_cold *cold;    /* [slots.capacity] */
    uint16_t *reach_ms;      /* [slots.capacity][regions_count] */
    float *nearness;         /* [slots.capacity][regions_count] */
    struct mu_heap *moments; /* of waiting tickets: when to try again; of taken: when to free */
    uint32_t *due;           /* [slots.capacity]: to be tried, the next one last; MU_SLOT_NONE: gap,
                              * never the last */
    uint32_t *spare;         /* [slots.capacity]: for sorting */
    uint32_t due_count;      /* with gaps */
    struct mu_bucket (*buckets)[MU_POOL_RATINGS];            /* [1 + sizes_count], by shelf */
    uint64_t occupied[1 + MU_POOL_SIZES_MAX][MU_POOL_WORDS]; /* bit: that bucket holds somebody */
    struct mu_blocks *blocks;                                /* of facts */
    struct mu_affinity affinity;                             /* of two ratings */
    struct mu_reserve *reserve;                              /* NULL: no reservations */
    uint32_t batch; /* proposals compared with each other now: fewer when most of them want the same
                     * tickets, for then only the first is made and the others were for nothing */
    uint32_t proposals_count;
    uint32_t order[MU_POOL_PROPOSALS_MAX]; /* of proposals, the best first */
    struct mu_proposal proposals[MU_POOL_PROPOSALS_MAX];
    struct mu_desk *desk;
    struct mu_pool_work *work; /* counted also by those who only read the pool */
    uint32_t neighbours_count;
    struct mu_neighbour neighbours[MU_POOL_NEIGHBOURS_MAX]; /* of one attempt; [0]: the anchor */
    struct mu_engine_ticket tickets[MU_MATCH_PLAYERS_MAX];  /* of `match` */
    struct mu_engine_match match;                           /* as emitted */
};

/* What the order of service goes by: earlier is served first; equal ones by id. */
static inline int64_t mu_pool_key(const struct mu_hot *hot)
{
    return hot->since_ms - 1000 * (int64_t)hot->priority;
}

/* 0; less for a backfill that is served before all others, more for one that is served after. */
int32_t mu_pool_rank(const struct mu_pool *pool, uint32_t slot);

/* Whether ticket a is served before b, which is another one. */
bool mu_pool_before(const struct mu_pool *pool, uint32_t a, uint32_t b);

/* Whether a chooses its match before b: by rank; as sortByAttributes of the rules says, of a party
 * by the mean of numbers and by the first string; else as it is served. */
bool mu_pool_chooses_before(const struct mu_pool *pool, uint32_t a, uint32_t b);

/* Copies the ticket of a slot that is in use; its facts are borrowed. */
void mu_pool_read(const struct mu_pool *pool, uint32_t slot, struct mu_engine_ticket *ret);

/* How the sample of arrivals sees a ticket. */
struct mu_arrival mu_pool_arrival(const struct mu_pool *pool, uint32_t slot);

static inline const float *mu_pool_nearness(const struct mu_pool *pool, uint32_t slot)
{
    return pool->nearness + (size_t)slot * pool->regions_count;
}

/* engine_due.c: the tickets that are to be tried. */

/* Notes that this waiting ticket is to be tried; nothing when that is noted already. */
void mu_pool_due(struct mu_pool *pool, uint32_t slot);

/* Takes that back; nothing when it is not noted. */
void mu_pool_undue(struct mu_pool *pool, uint32_t slot);

/* Closes the gaps that mu_pool_undue() left; afterwards pool->due is [due_count] slots. */
void mu_pool_compact_due(struct mu_pool *pool);

/* Gives reservations to those of pool->due (compact) that are new, and makes the backfills due that
 * may need them. */
void mu_pool_receive_due(struct mu_pool *pool, int64_t now_ms);

/* Learns from a ticket that leaves at now_ms into a match of that quality for it, 0: into none. */
void mu_pool_learn(struct mu_pool *pool, uint32_t slot, double quality, int64_t now_ms);

/* engine_index.c. */

/* Puts a waiting ticket into its bucket, or takes it out. */
void mu_pool_link(struct mu_pool *pool, uint32_t slot);
void mu_pool_unlink(struct mu_pool *pool, uint32_t slot);

/* Asserts what holds of buckets.  Returns how many are in them. */
uint32_t mu_pool_check_buckets(const struct mu_pool *pool);

/* One direction of one party size. */
struct mu_walk_stream {
    uint32_t slot; /* the next to be given, or MU_SLOT_NONE */
    uint32_t shelf;
    int32_t distance;  /* of slot, points */
    int32_t direction; /* 1 up, with the own rating; -1 down */
};

/* A ticket's neighbours: by distance, then in the order of service. */
struct mu_walk {
    const struct mu_pool *pool;
    uint32_t anchor;
    uint32_t regions;     /* neighbours must reach one of these */
    int32_t distance_max; /* points */
    uint32_t visits_left; /* bound on tickets looked at */
    uint32_t streams_count;
    struct mu_walk_stream streams[MU_WALK_STREAMS_MAX];
};

/* Begins a walk around `anchor`, by index: among the backfills, or all others.  O(party sizes). */
void mu_walk_begin(struct mu_walk *walk, const struct mu_pool *pool, uint32_t anchor,
                   int32_t distance_max, bool backfills);

/* The same, of those who reach one of `regions`. */
void mu_walk_begin_in(struct mu_walk *walk, const struct mu_pool *pool, uint32_t anchor,
                      int32_t distance_max, bool backfills, uint32_t regions);

/* The next neighbour, or MU_SLOT_NONE. */
uint32_t mu_walk_next(struct mu_walk *walk);

/* engine_moment.c. */

/* The reservation of a ticket at that time. */
double mu_pool_bid(const struct mu_pool *pool, const struct mu_hot *hot, int64_t at_ms);

/* What is left of the time in which a match is worth something to the ticket: 1 when it comes, 0.2
 * from 0.8 wait_ms on.  Quality and reservation count times this in a surplus: the quality of a
 * match is worth less to a player the longer he has waited for it.  1 in a queue without
 * reservations. */
double mu_pool_left(const struct mu_pool *pool, const struct mu_hot *hot, int64_t at_ms);

/* How far from its own rating a ticket accepts others at that time, points. */
int64_t mu_pool_window(const struct mu_pool *pool, const struct mu_hot *hot, int64_t at_ms);

/* The time from which on its window reaches so far, or MU_NEVER. */
int64_t mu_pool_window_opens(const struct mu_pool *pool, const struct mu_hot *hot,
                             int64_t distance);

/* Whether both tickets accept each other's ratings at that time. */
bool mu_pool_accept(const struct mu_pool *pool, uint32_t a, uint32_t b, int64_t at_ms);

/* The first time above now_ms at which a limit changes for that ticket, so that matches with it may
 * become legal, or MU_NEVER.  A window, which always opens, counts now and then. */
int64_t mu_pool_opens(const struct mu_pool *pool, const struct mu_hot *hot, int64_t now_ms);

/* How far apart in the index two can be that accept each other at some time. */
int32_t mu_pool_reach(const struct mu_pool *pool);

/* Whether it has waited so long that it is served first. */
bool mu_pool_is_first(const struct mu_pool *pool, const struct mu_hot *hot, int64_t at_ms);

/* The first time above now_ms at which the reservations of these tickets, each times its players,
 * together fall below `worth`, or MU_NEVER.  O(count * kinks between now and then). */
int64_t mu_pool_crossing(const struct mu_pool *pool, const uint32_t *slots, uint32_t count,
                         double worth, int64_t now_ms);

/* The same, with each reservation times what is left at now_ms of its ticket's time, as `worth`
 * must be: nearly the first time, for less is left by then. */
int64_t mu_pool_crossing_left(const struct mu_pool *pool, const uint32_t *slots, uint32_t count,
                              double worth, int64_t now_ms);

/* engine_form.c. */

/* Looks for the best match of waiting ticket `anchor`.  Returns whether there is one that is worth
 * forming, in *ret; if not, *moment is when to try again, or MU_NEVER. */
bool mu_pool_form(struct mu_pool *pool, uint32_t anchor, int64_t now_ms, struct mu_proposal *ret,
                  int64_t *moment);

/* What a generator finds out. */
enum mu_found {
    MU_FOUND_NONE,  /* no match is legal, of those looked at */
    MU_FOUND_EARLY, /* the best one is not worth forming yet; *moment: when it is */
    MU_FOUND_MATCH,
};

/* The generators, each for its kind.  What they are given of *ret: anchor, first, shape.  *moment
 * is only ever made earlier. */
enum mu_found mu_form_pair(struct mu_pool *pool, int64_t now_ms, struct mu_proposal *ret,
                           int64_t *moment);
enum mu_found mu_form_group(struct mu_pool *pool, int64_t now_ms, struct mu_proposal *ret,
                            int64_t *moment);
enum mu_found mu_form_crowd(struct mu_pool *pool, int64_t now_ms, struct mu_proposal *ret,
                            int64_t *moment);

/* Writes the anchor and its nearest neighbours to pool->neighbours, and their number to
 * neighbours_count: at most `wanted` (up to MU_POOL_NEIGHBOURS_MAX) in all. */
void mu_form_gather(struct mu_pool *pool, uint32_t anchor, int64_t now_ms, uint32_t wanted);

/* The region where the ticket is best off, of those in *left, which must not be 0; takes it out. */
uint32_t mu_form_region(const struct mu_pool *pool, uint32_t slot, uint32_t *left);

/* Sets what the match in *ret is compared by, from its quality, region and members, and says
 * whether it is worth forming.  moment: see mu_form_pair(). */
enum mu_found mu_form_price(const struct mu_pool *pool, int64_t now_ms, struct mu_proposal *ret,
                            int64_t *moment);

/* The same for a match whose members do not all have that quality; what is left of their time does
 * not count.
 *
 * worth   sum over its players of quality
 * bids    and of their reservations
 * moment  see mu_form_pair() */
enum mu_found mu_form_weigh(const struct mu_pool *pool, int64_t now_ms, double worth, double bids,
                            struct mu_proposal *ret, int64_t *moment);

/* engine_compose.c. */

/* The composer with what it is given and what it gives. */
struct mu_desk;

/* Returns NULL when out of memory. */
struct mu_desk *mu_desk_create(void);
void mu_desk_destroy(struct mu_desk *desk); /* NULL is a no-op */

/* Scratch for candidates, while nothing is formed. */
struct mu_candidate *mu_desk_candidate(const struct mu_pool *pool);

/* Whether two waiting tickets can stand in one match, on some teams, as old as they are now; as far
 * as the two of them can say. */
bool mu_desk_can_meet(struct mu_pool *pool, uint32_t a, uint32_t b, int64_t now_ms);

/* The generator for any rules.
 *
 * effort  see struct mu_compose_request */
enum mu_found mu_form_composed(struct mu_pool *pool, int64_t now_ms, uint32_t effort,
                               struct mu_proposal *ret, int64_t *moment);

/* engine_pack.c. */

/* How many parties of each size, by players; [0] is not used. */
struct mu_parties {
    uint8_t count[MU_TICKET_PLAYERS_MAX + 1];
};

/* The parties of each team. */
struct mu_plan {
    uint32_t teams_count;
    struct mu_parties teams[MU_TEAMS_MAX];
};

/* Packs all parties into [teams] teams with rooms[i] places.  Returns whether it found how, in
 * ret->teams; it may miss a way that exists.  O(teams * sizes). */
bool mu_pack(const struct mu_parties *parties, const uint8_t *rooms, uint32_t teams,
             struct mu_plan *ret);

/* Packs parties of so many players into as many teams as may be, of sizes that are equal; or differ
 * by one, where that is the only way.  Returns whether it found how. */
bool mu_pack_evenly(const struct mu_sizes *sizes, const struct mu_parties *parties,
                    uint32_t players, struct mu_plan *ret);

/* engine_split.c. */

/* A party that is to be put on a team. */
struct mu_part {
    uint32_t players;
    double sum;      /* of their ratings, points */
    double variance; /* sum of their squared deviations, points^2; mu_split_two() does not ask */
};

/* Puts [count] parts, 1..MU_GROUP_PLAYERS_MAX, of 2 * size players on two teams of `size`.  Returns
 * the least difference of the teams' sums, with bit i of *ret_code: part i is on team 1; or
 * INFINITY when the sizes do not allow it.  O(2^count): 1 us for ten. */
double mu_split_two(const struct mu_part *parts, uint32_t count, uint32_t size, uint32_t *ret_code);

/* Gives each of [count] parts, 1..MU_MATCH_PLAYERS_MAX, a team, so that teams have parts as in the
 * plan and means as equal as it finds: the strongest to the weakest team, then exchanges.
 * O(count^2). */
void mu_split_many(const struct mu_part *parts, uint32_t count, const struct mu_plan *plan,
                   uint8_t *ret_teams);

/* The mean of mu_quality_imbalance() over all pairs of teams that play, 0 when it is only one; or
 * of players, when teams is NULL: then each has the mean rating of his party.  MU_SPLIT_SIDES_MAX
 * teams or players at most.  O(sides^2). */
double mu_split_imbalance(const struct mu_objective *objective, const struct mu_part *parts,
                          uint32_t count, const uint8_t *teams);

#endif /* MU_ACTORS_ENGINE_POOL_H */
