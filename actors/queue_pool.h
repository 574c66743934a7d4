/* actors/queue_pool.h - inside the queue shard: each mode's pool of tickets, the slices that it is
 * cut into, and the matchers that have them.
 *
 *   queue_places.c    a ticket's places in the pools of the modes that it waits for
 *   queue_slices.c    what the matcher of a slice is to hear: a snapshot, then what changes
 *   queue_cut.c       how many slices a pool has; its edges move
 *   queue_travel.c    tickets that wait long see every slice
 *   queue_matchers.c  the matchers that say that they are here
 *   queue_assign.c    which slice is whose
 *   queue_edges.h     where the edges stand
 *
 * A ticket is in one slice of each of its pools, and each slice is a pool of its own to the matcher
 * that has it.  Slices are for speed: what crosses on its way, a ticket that moves and a match that
 * is proposed with it, is judged by what the shard knows of the tickets alone.
 *
 * Memory: 128 bytes a ticket for its four places; 140 KB a pool, and 11 KB for each slice that it
 * has had at once.  A message is a ticket's join or leave, 64 or 256 to a POOL_SYNC; nothing passes
 * over all tickets of a pool, nor over those of other slices. */
#ifndef MU_ACTORS_QUEUE_POOL_H
#define MU_ACTORS_QUEUE_POOL_H

#include "actors/queue.h"
#include "actors/queue_ages.h"
#include "actors/queue_edges.h"
#include "actors/rules.h"
#include "core/histogram.h"

struct queue_shard;

enum {
    MU_QUEUE_JOINS_MAX = 64,      /* of one POOL_SYNC */
    MU_QUEUE_LEAVES_MAX = 256,    /* of one POOL_SYNC */
    MU_QUEUE_QUITS_MAX = 64,      /* of one POOL_SYNC */
    MU_QUEUE_WAITS_MAX = 256,     /* recent waits, for the estimate */
    MU_QUEUE_SPREADS_MAX = 64,    /* recent matches */
    MU_QUEUE_TRAVELLERS_MAX = 64, /* tickets of a pool that travel together */
    MU_QUEUE_AHEAD_MAX = 32,      /* POOL_SYNCs of a slice that may wait for an acknowledgement
                                     before more is sent that can wait */
};
#define MU_QUEUE_NOBODY UINT32_MAX /* no matcher */

/* A ticket in one pool. */
struct queue_place {
    uint64_t told;       /* generation in which its slice's matcher heard that it is free; 0: not */
    uint32_t next;       /* in the pool's order of turns to travel, or MU_SLOT_NONE */
    uint32_t prev;       /* the same, backwards */
    uint32_t cell_next;  /* in its cell, in order of coming, or MU_SLOT_NONE */
    uint32_t cell_prev;  /* the same, backwards */
    uint16_t cell;       /* by its rating: actors/queue_edges.h */
    uint16_t age_bucket; /* own: in the pool's ages */
    uint8_t pool;        /* index */
    uint8_t slice;       /* number, in the pool */
    bool travels;        /* it is not where its cell is */
};

enum queue_slice_state {
    QUEUE_SLICE_IDLE,    /* nobody has it */
    QUEUE_SLICE_ASKING,  /* the first POOL_SYNC is out */
    QUEUE_SLICE_SENDING, /* the snapshot is being sent */
    QUEUE_SLICE_READY,   /* changes are being sent */
};

/* A run of cells of a pool, and who matches the tickets in it. */
struct queue_slice {
    uint32_t pool;    /* index */
    uint32_t number;  /* in the pool, from the lowest ratings */
    uint32_t tickets; /* in it, of all kinds */
    enum queue_slice_state state;
    uint32_t matcher;                   /* index; MU_QUEUE_NOBODY while IDLE */
    uint64_t generation;                /* of its assignments: never the same twice */
    uint64_t seq;                       /* last POOL_SYNC sent */
    uint64_t acked_seq;                 /* last one acknowledged */
    int64_t sent_ms;                    /* when the last one was sent */
    int64_t heard_ms;                   /* when its matcher was heard of it last */
    uint32_t cursor_cell;               /* SENDING: where the snapshot is */
    uint32_t cursor;                    /* SENDING: its next ticket; MU_SLOT_NONE: the next cell */
    uint32_t joins[MU_QUEUE_JOINS_MAX]; /* slots to be sent */
    uint32_t joins_count;
    char leaves[MU_QUEUE_LEAVES_MAX][MU_ID_MAX + 1]; /* ids to be sent */
    uint32_t leaves_count;
    char quits[MU_QUEUE_QUITS_MAX][MU_ID_MAX + 1]; /* ids to be sent */
    uint32_t quits_count;
};

/* The tickets of one cell. */
struct queue_cell {
    uint32_t head; /* the first to come, or MU_SLOT_NONE */
    uint32_t tail;
};

/* The tickets of one mode, and who matches them. */
struct queue_pool {
    uint32_t head;    /* the next to travel, or MU_SLOT_NONE */
    uint32_t tail;    /* who came, or travelled, last */
    uint32_t tickets; /* own */
    uint32_t players; /* own */
    struct mu_ages ages;
    struct mu_edges edges;                   /* of all its tickets */
    struct queue_cell cells[MU_EDGES_CELLS]; /* of all its tickets */
    uint32_t passing[MU_SLICES_MAX + 1]; /* by edge: the next ticket of the cell that it passes */
    struct queue_slice *slices; /* owned: [MU_SLICES_MAX], of which edges.slices are in use */
    uint32_t slices_wanted;     /* 1..edges.slices: those above are given up */
    int64_t crowded_ms;         /* since when it has had more slices than matchers; MU_NEVER */
    int64_t stop_ms;            /* when the travellers go on; MU_NEVER: there is one slice */
    uint32_t stop;              /* slice that they are in; slices_wanted: at home */
    uint32_t stops_late;        /* how often this round has waited for the edges */
    bool up;                    /* the edges' last aim */
    bool moves;                 /* more is to be moved than one batch may */
    bool recut;                 /* a new round is due: the number of matchers has changed */
    uint32_t travellers[MU_QUEUE_TRAVELLERS_MAX]; /* slots */
    uint32_t travellers_count;
    uint64_t matches; /* committed */
    uint64_t matched_players;
    uint32_t waits_ms[MU_QUEUE_WAITS_MAX];  /* ring */
    uint64_t waits_count;                   /* ever */
    uint32_t estimate_ms;                   /* median of the ring, a while ago */
    uint64_t estimate_count;                /* waits_count then */
    double spreads[MU_QUEUE_SPREADS_MAX];   /* ring */
    uint64_t waits[MU_WAIT_BUCKETS];        /* tickets matched, ever */
    double wait_sum;                        /* s */
    uint64_t qualities[MU_QUALITY_BUCKETS]; /* matches, ever */
    double quality_sum;
    struct mu_rulebook book; /* what matches are judged by */
    uint64_t rules_version;  /* of the rule set that holds; 0: there is none */
    uint8_t *rules_text;     /* owned: [rules_bytes] its document; NULL */
    uint32_t rules_bytes;
    uint32_t rules_scan; /* last snapshot it was in */
};

/* A matcher that has said that it is here. */
struct queue_matcher {
    char instance[MU_ADDRESS_MAX + 1]; /* "": not in use */
    int64_t heard_ms;
    int64_t silence_ms;   /* for how long it may say nothing: more each time it was only slow */
    int64_t shy_until_ms; /* it has not taken what it was given: others come first until then */
    uint32_t others;      /* slices that it says it has, but for ours */
    uint32_t busy_permille;
    bool proven;   /* it has taken something */
    bool draining; /* nothing more is for it */
    bool silent;   /* for longer than that: it is not here, but may come back */
};

/* queue_places.c. */

/* Returns 0 or -ENOMEM. */
int mu_queue_pool_init(struct queue_shard *shard, uint32_t index);
void mu_queue_pool_release(struct queue_pool *pool);

/* A ticket's place in a pool, or NULL: it does not wait there. */
struct queue_ticket;
struct queue_place *mu_queue_place(struct queue_ticket *ticket, uint32_t pool);

/* Puts a ticket with its roster into its pools, at home and as the last, or takes it out of them.
 * A matcher that knows it from elsewhere hears that it leaves. */
void mu_queue_places_link(struct queue_shard *shard, uint32_t slot);
void mu_queue_places_unlink(struct queue_shard *shard, uint32_t slot);

/* Takes it into one more pool.  Returns false when it has MU_QUEUE_PLACES_MAX already. */
bool mu_queue_places_add(struct queue_shard *shard, uint32_t slot, uint32_t pool);

/* It has had its turn to travel: it is the last in the order of them. */
void mu_queue_place_last(struct queue_shard *shard, uint32_t slot, uint32_t pool);

/* Asserts every invariant of a pool.  Returns how many are in it.  O(tickets + cells). */
uint32_t mu_queue_pool_check(const struct queue_shard *shard, uint32_t index);

/* queue_slices.c. */

/* The slice that a ticket of the pool is in. */
struct queue_slice *mu_queue_slice_of(struct queue_shard *shard, uint32_t slot, uint32_t pool);

/* Whether a matcher has it and follows. */
static inline bool mu_queue_slice_lives(const struct queue_slice *slice)
{
    return slice->state == QUEUE_SLICE_READY || slice->state == QUEUE_SLICE_SENDING;
}

/* Whether more may be sent to its matcher now that can wait. */
static inline bool mu_queue_slice_keeps_up(const struct queue_slice *slice)
{
    return slice->seq - slice->acked_seq < MU_QUEUE_AHEAD_MAX;
}

/* A ticket can be had: new, or again.  Tells the matchers of its pools, or of one of them. */
void mu_queue_pools_join(struct queue_shard *shard, uint32_t slot);
void mu_queue_pool_join(struct queue_shard *shard, uint32_t slot, uint32_t index);

/* A ticket cannot be had any more; quits: it has ended without a match.  Tells the matchers. */
void mu_queue_pools_leave(struct queue_shard *shard, uint32_t slot, bool quits);

/* Tells the matcher of the slice that a ticket is in, if it knows it, that it is not to be had
 * there. */
void mu_queue_slice_forget(struct queue_shard *shard, uint32_t slot, struct queue_place *place);

/* A ticket moves to another slice of its pool.  Tells both matchers.  O(1). */
void mu_queue_slice_move(struct queue_shard *shard, uint32_t slot, uint32_t index, uint32_t to);

/* The slice's matcher speaks of a ticket that is not in it. */
void mu_queue_slice_leave(struct queue_shard *shard, struct queue_slice *slice, const char *id);

/* Gives it to a matcher, whatever was before: a new generation.  The former matcher hears that it
 * is over, if that is another one. */
void mu_queue_slice_assign(struct queue_shard *shard, struct queue_slice *slice, uint32_t matcher);

/* Takes it from its matcher, who hears of it. */
void mu_queue_slice_end(struct queue_shard *shard, struct queue_slice *slice);

void mu_queue_slice_ack(struct queue_shard *shard, const struct mu_event *ev);

/* The slice that a PROPOSALS is about, or NULL when its sender has it not, or not any more. */
struct queue_slice *mu_queue_slice_trusted(struct queue_shard *shard, const struct mu_event *ev);

/* The pool's rules have changed: its matchers begin anew. */
void mu_queue_pool_restart(struct queue_shard *shard, uint32_t index);

/* For how long its matcher may say nothing of it; MU_NEVER while it has none. */
int64_t mu_queue_slice_patience(const struct queue_shard *shard, const struct queue_slice *slice);

/* Sends what is due of one slice: snapshot, changes, signs of life. */
void mu_queue_slice_flush(struct queue_shard *shard, struct queue_slice *slice);
int64_t mu_queue_slice_deadline(const struct queue_shard *shard, const struct queue_slice *slice);

/* queue_cut.c. */

/* All that is due of all pools: in how many slices, whose, and what their matchers are to hear. */
void mu_queue_pools_flush(struct queue_shard *shard);
int64_t mu_queue_pools_deadline(const struct queue_shard *shard);

/* The number of matchers has changed: pools are cut anew at once. */
void mu_queue_pools_recut(struct queue_shard *shard);

/* queue_travel.c: those who have waited so long that any legal match will do visit each slice in
 * turn, all together, so that nobody is kept from anybody by an edge: they meet each that stays at
 * home, and all others like them.  They do so by turns, at most MU_QUEUE_TRAVELLERS_MAX at once. */

/* Chooses who travels next, and takes them to slice 0.  O(tickets looked at): some hundred. */
void mu_queue_travel_begin(struct queue_shard *shard, uint32_t index);

/* Takes them to another slice; or home. */
void mu_queue_travel_to(struct queue_shard *shard, uint32_t index, uint32_t slice);
void mu_queue_travel_end(struct queue_shard *shard, uint32_t index);

/* A ticket that travels is taken out of the pool. */
void mu_queue_travel_forget(struct queue_shard *shard, uint32_t slot, uint32_t index);

/* queue_matchers.c. */

void mu_queue_matchers_init(struct queue_shard *shard);

/* A matcher says that it is here. */
void mu_queue_matcher_here(struct queue_shard *shard, const struct mu_event *ev);

/* Takes the slices of those that have been silent for too long, and forgets them in time. */
void mu_queue_matchers_tick(struct queue_shard *shard);
int64_t mu_queue_matchers_deadline(const struct queue_shard *shard);

/* Whether slices may be given to it. */
static inline bool mu_queue_matcher_usable(const struct queue_matcher *matcher)
{
    return matcher->instance[0] != '\0' && !matcher->draining && !matcher->silent;
}

/* Those that slices are shared by. */
uint32_t mu_queue_matchers_usable(const struct queue_shard *shard);

/* Different matchers that have a slice. */
uint32_t mu_queue_matchers_working(const struct queue_shard *shard);

/* queue_assign.c. */

/* Sees to it that each slice has a matcher, and each matcher its share. */
void mu_queue_assign(struct queue_shard *shard);

/* A matcher has come, or (proven) has taken its first slice: it is to have its share soon. */
void mu_queue_assign_soon(struct queue_shard *shard, bool proven);

int64_t mu_queue_assign_deadline(const struct queue_shard *shard);

#endif /* MU_ACTORS_QUEUE_POOL_H */
