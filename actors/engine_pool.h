/* actors/engine_pool.h - inside the engine: what its files share.  Others use actors/engine.h.
 *
 * A waiting ticket is a member of one bucket: those with its number of players and its rating, as
 * a list, the longest waiting first.  For each number of players a bitmap says which buckets hold
 * somebody, so the next rating up or down is found in a few words.
 *
 *   engine.c          the pool: tickets in and out
 *   engine_walk.c     a ticket's neighbours, nearest first
 *   engine_form.c     the match of one ticket
 *   engine_match.c    which tickets to try, in which order, and when next
 *   engine_compose.c  parties into teams of the right sizes
 *   engine_split.c    who plays with whom, evenly */
#ifndef MU_ACTORS_ENGINE_POOL_H
#define MU_ACTORS_ENGINE_POOL_H

#include <assert.h>

#include "actors/engine.h"
#include "actors/engine_slots.h"
#include "core/heap.h"

enum {
    MU_POOL_RATINGS = MU_RATING_MAX - MU_RATING_MIN + 1,
    MU_POOL_WORDS = (MU_POOL_RATINGS + 63) / 64,
    MU_POOL_CAPACITY_FIRST = 256,
    MU_POOL_CANDIDATES_MAX = 4 * MU_MATCH_PLAYERS_MAX,
    MU_WALK_STREAMS_MAX = 2 * MU_TICKET_PLAYERS_MAX,
};
static_assert(MU_POOL_CANDIDATES_MAX >= MU_POOL_NEIGHBOURS_MAX, "small modes look at so many");

enum mu_hot_state {
    MU_HOT_FREE,    /* the slot is not in use */
    MU_HOT_WAITING, /* in a bucket */
    MU_HOT_IDLE,    /* can never match */
    MU_HOT_TAKEN,   /* proposed */
};

/* What is read while neighbours are looked at. */
struct mu_hot {
    int64_t since_ms;
    uint32_t next;       /* in its bucket, or MU_SLOT_NONE */
    uint32_t prev;       /* in its bucket, or MU_SLOT_NONE */
    uint32_t regions;    /* bit i: reaches region i within the mode's bound */
    uint32_t changed_at; /* its place in pool->changed, or MU_SLOT_NONE */
    int16_t rating;
    uint8_t players;
    uint8_t priority;
    uint8_t state;   /* enum mu_hot_state */
    bool considered; /* it and its neighbours have been marked since it changed */
    bool anchor;     /* marked: it is in pool->anchors */
};
static_assert(sizeof(struct mu_hot) <= 64, "one cache line");

/* The rest. */
struct mu_cold {
    char id[MU_ID_MAX + 1]; /* "": the slot is not in use */
    uint64_t version;
    uint16_t reach_ms[MU_REGIONS_MAX];
};

/* A ticket to be tried. */
struct mu_anchor {
    int64_t key; /* mu_pool_key() */
    uint32_t slot;
};

struct mu_bucket {
    uint32_t head; /* the longest waiting, or MU_SLOT_NONE */
    uint32_t tail;
};

/* A neighbour within both windows. */
struct mu_candidate {
    uint32_t slot;
    int32_t rating;
    int32_t low;  /* the lowest rating it accepts */
    int32_t high; /* the highest */
    uint32_t players;
};

struct mu_pool {
    const struct mu_config *config;
    const struct mu_mode *mode;
    uint32_t mode_index;
    uint32_t players_min; /* of a match */
    uint32_t players_max; /* of a match */
    uint32_t sizes_count; /* parties of 1..sizes_count can play */
    uint32_t neighbours_max;
    bool pair;              /* a match is two single players */
    bool parked;            /* the parties' sizes can make no match: wait for another one */
    uint32_t waiting_count; /* tickets in buckets */
    uint32_t size_counts[MU_TICKET_PLAYERS_MAX + 1]; /* of them, by number of players */
    uint32_t taken_count;
    struct mu_slots slots;   /* id -> slot */
    struct mu_hot *hot;      /* [slots.capacity] */
    struct mu_cold *cold;    /* [slots.capacity] */
    struct mu_heap *moments; /* of waiting tickets: when to try again; of taken: when to free */
    uint32_t *changed;       /* [slots.capacity]: tickets whose neighbours must be looked at */
    uint32_t changed_count;
    struct mu_anchor *anchors; /* [slots.capacity]: to be tried, from anchors_next on */
    struct mu_anchor *spare;   /* [slots.capacity]: for sorting */
    uint32_t anchors_count;
    uint32_t anchors_next;
    struct mu_bucket (*buckets)[MU_POOL_RATINGS];            /* [sizes_count] */
    uint64_t occupied[MU_TICKET_PLAYERS_MAX][MU_POOL_WORDS]; /* bit: that bucket holds somebody */
    struct mu_candidate candidates[MU_POOL_CANDIDATES_MAX];  /* scratch of one attempt */
    struct mu_engine_ticket tickets[MU_MATCH_PLAYERS_MAX];   /* of `match` */
    struct mu_engine_match match;                            /* as emitted */
};

/* What the order of service goes by: earlier is served first; equal ones by id. */
static inline int64_t mu_pool_key(const struct mu_hot *hot)
{
    return hot->since_ms - 1000 * (int64_t)hot->priority;
}

/* Whether ticket a is served before b, which is another one. */
bool mu_pool_before(const struct mu_pool *pool, uint32_t a, uint32_t b);

/* Puts a waiting ticket into its bucket, or takes it out. */
void mu_pool_link(struct mu_pool *pool, uint32_t slot);
void mu_pool_unlink(struct mu_pool *pool, uint32_t slot);

/* Notes that this ticket's neighbours must be looked at. */
void mu_pool_change(struct mu_pool *pool, uint32_t slot);

/* Notes that they have been. */
void mu_pool_unchange(struct mu_pool *pool, uint32_t slot);

/* The first occupied rating index at or above / at or below `from`, or -1. */
int32_t mu_pool_up(const struct mu_pool *pool, uint32_t size, int32_t from);
int32_t mu_pool_down(const struct mu_pool *pool, uint32_t size, int32_t from);

/* engine_walk.c. */

/* One direction of one party size. */
struct mu_walk_stream {
    uint32_t slot;     /* the next to be given, or MU_SLOT_NONE */
    uint32_t size;     /* players */
    int32_t distance;  /* of slot, points */
    int32_t direction; /* 1 up, with the own rating; -1 down */
};

/* A ticket's neighbours: by distance, then in the order of service. */
struct mu_walk {
    const struct mu_pool *pool;
    uint32_t anchor;
    uint32_t regions;     /* neighbours must reach one of these */
    int32_t distance_max; /* points */
    int64_t now_ms;       /* neighbours must accept the distance now; MU_NEVER: need not */
    uint32_t visits_left; /* bound on tickets looked at */
    uint32_t streams_count;
    struct mu_walk_stream streams[MU_WALK_STREAMS_MAX];
};

/* Begins a walk around `anchor`.  O(party sizes). */
void mu_walk_begin(struct mu_walk *walk, const struct mu_pool *pool, uint32_t anchor,
                   uint32_t regions, int64_t distance_max, int64_t now_ms);

/* The next neighbour, or MU_SLOT_NONE. */
uint32_t mu_walk_next(struct mu_walk *walk);

/* engine_compose.c. */

/* How many parties of each size, indexed by players; [0] is not used. */
struct mu_parties {
    uint16_t count[MU_TICKET_PLAYERS_MAX + 1];
};

/* The parties of each team. */
struct mu_plan {
    struct mu_parties teams[MU_TEAMS_MAX];
};

/* Packs all parties into `teams` teams of at most team_max players, large parties first.
 * Returns whether it found how; it may miss a way that exists. O(parties). */
bool mu_compose_pack(const struct mu_parties *parties, uint32_t teams, uint32_t team_max,
                     struct mu_plan *ret);

/* The teams that mu_compose_fill is to make. */
struct mu_fill {
    uint32_t teams;    /* 1..MU_TEAMS_MAX */
    uint32_t team_min; /* players of each, up to team_max */
    uint32_t team_max; /* at least team_min */
    uint32_t must;     /* players of a party that must be among them, or 0 */
};

/* Chooses parties for the teams of `fill`.
 * Tries every way until *steps (counted down) is used up.  Returns whether it found one. */
bool mu_compose_fill(const struct mu_parties *parties, const struct mu_fill *fill, uint32_t *steps,
                     struct mu_plan *ret);

/* engine_split.c. */

/* Gives each member a team, so that the teams have parties as in `plan` (or, for few tickets and
 * two teams, any legal sizes that are as even) and means as equal as possible. */
void mu_engine_split(const struct mu_mode *mode, const struct mu_plan *plan,
                     struct mu_engine_member *members, uint32_t count);

/* engine_form.c. */

/* Looks for the match of ticket `anchor` at now_ms.  Returns whether there is one; then the first
 * ret_count of ret are its tickets, in no order, and *plan says the teams' parties. */
bool mu_pool_form(struct mu_pool *pool, uint32_t anchor, int64_t now_ms, struct mu_plan *plan,
                  uint32_t ret[MU_MATCH_PLAYERS_MAX], uint32_t *ret_count);

#endif /* MU_ACTORS_ENGINE_POOL_H */
