/* actors/queue_shard.h - inside the queue shard: what its files share.
 *
 *   queue.c           events and dispatch
 *   queue_tickets.c   the tickets: own ones as the log says, foreign ones as they are offered
 *   queue_requests.c  TICKET_ADD and TICKET_LOOK
 *   queue_matchers.c  each mode's pool, and the matcher that has it
 *   queue_commit.c    proposals and commits
 *   queue_rules.c     the modes' rule sets
 *   queue_offer.c     offers to neighbour regions, and theirs
 *   queue_stats.c     how it goes */
#ifndef MU_ACTORS_QUEUE_SHARD_H
#define MU_ACTORS_QUEUE_SHARD_H

#include "actors/engine.h"
#include "actors/engine_slots.h"
#include "actors/queue.h"
#include "actors/queue_ages.h"
#include "core/calls.h"
#include "core/config.h"
#include "core/counters.h"
#include "core/follow.h"
#include "core/heap.h"
#include "core/id.h"

enum {
    MU_QUEUE_POOLS_MAX = MU_MODES_MAX + 1, /* the last one: tickets of modes that are gone */
    MU_QUEUE_JOINS_MAX = 64,               /* of one POOL_SYNC */
    MU_QUEUE_LEAVES_MAX = 256,             /* of one POOL_SYNC */
    MU_QUEUE_WAITS_MAX = 256,              /* recent waits, for the estimate */
    MU_QUEUE_SPREADS_MAX = 64,             /* recent matches */
    MU_QUEUE_OFFERS_MAX = 256,             /* of one batch before they are sent */
    MU_QUEUE_CAPACITY_FIRST = 1024,        /* tickets */
};

/* One ticket that waits. */
struct queue_ticket {
    struct mu_engine_ticket facts;
    uint64_t commit_version; /* in the commit */
    uint64_t told;           /* generation in which the matcher heard that it is free; 0: not */
    int64_t enqueued_ms;     /* wall; own tickets */
    int64_t due_ms;          /* next deadline: expiry, offer, or (foreign) forgotten */
    int64_t spill_ms;        /* own: when to offer it next; MU_NEVER */
    uint32_t wait_max_ms;    /* own */
    uint32_t next;           /* in its pool, or MU_SLOT_NONE */
    uint32_t prev;           /* in its pool, or MU_SLOT_NONE */
    uint32_t commit;         /* index of its commit, or MU_SLOT_NONE */
    uint32_t commit_next;    /* next ticket of that commit, or MU_SLOT_NONE */
    uint32_t unique;         /* tells it from a former one in the same slot */
    uint32_t offered;        /* own: bit i: region i has heard of it */
    uint32_t offers;         /* own: how often it was offered */
    uint32_t scan;           /* own: last snapshot it was in */
    uint32_t age_bucket;     /* own: in its pool's ages */
    uint8_t pool;            /* index */
    uint8_t team;            /* in the commit */
    bool foreign;            /* another region's */
    bool expiring;           /* TICKET_EXPIRE is out */
    bool gone;               /* removed already, but in a commit that is not definite */
};

enum queue_pool_state {
    QUEUE_POOL_IDLE,    /* nobody has it: ask at ask_ms */
    QUEUE_POOL_ASKING,  /* the first POOL_SYNC is out */
    QUEUE_POOL_SENDING, /* the snapshot is being sent */
    QUEUE_POOL_READY,   /* changes are being sent */
};

/* The tickets of one mode, and who matches them. */
struct queue_pool {
    uint32_t head; /* first ticket, or MU_SLOT_NONE; in order of coming */
    uint32_t tail;
    uint32_t tickets; /* own */
    uint32_t players; /* own */
    struct mu_ages ages;
    enum queue_pool_state state;
    char matcher[MU_ADDRESS_MAX + 1]; /* instance; "": any */
    uint64_t generation;
    uint64_t seq;                       /* last POOL_SYNC sent */
    uint64_t acked_seq;                 /* last one acknowledged */
    int64_t sent_ms;                    /* when the last one was sent */
    int64_t heard_ms;                   /* when the matcher was heard last */
    uint32_t cursor;                    /* SENDING: the next ticket of the snapshot */
    uint32_t joins[MU_QUEUE_JOINS_MAX]; /* slots to be sent */
    uint32_t joins_count;
    char leaves[MU_QUEUE_LEAVES_MAX][MU_ID_MAX + 1]; /* ids to be sent */
    uint32_t leaves_count;
    uint64_t matches; /* committed */
    uint64_t matched_players;
    uint32_t waits_ms[MU_QUEUE_WAITS_MAX]; /* ring */
    uint64_t waits_count;                  /* ever */
    uint32_t estimate_ms;                  /* median of the ring, a while ago */
    uint64_t estimate_count;               /* waits_count then */
    double spreads[MU_QUEUE_SPREADS_MAX];  /* ring */
    uint64_t rules_version;                /* of the rule set that holds; 0: there is none */
    uint8_t *rules_text;                   /* owned: [rules_bytes] its document; NULL */
    uint32_t rules_bytes;
    uint32_t rules_scan; /* last snapshot it was in */
};

/* A match on its way into the store. */
struct queue_commit {
    char match[MU_ID_MAX + 1]; /* "": not in use */
    uint32_t pool;
    uint32_t region;
    uint32_t first; /* ticket */
    uint32_t count;
    double quality;
};

/* A TICKET_ADD on its way into the store. */
struct queue_forward {
    struct mu_msg_envelope request; /* what the answer needs of it */
    bool used;
};

/* A ticket to be offered, or taken back. */
struct queue_offer {
    uint32_t region;
    uint32_t pool;
    bool withdrawn;
    char id[MU_ID_MAX + 1];
};

enum queue_call { QUEUE_CALL_ADD, QUEUE_CALL_COMMIT, QUEUE_CALL_EXPIRE };

struct queue_shard {
    struct mu_actor actor;
    const struct mu_config *config;
    uint64_t incarnation;
    uint32_t region; /* own, index */
    char partition[MU_ADDRESS_MAX + 1];
    int64_t started_ms;
    int64_t now_ms;        /* of the last event */
    int64_t wall_ms;       /* of the last event */
    struct mu_outbox *out; /* of the event being handled; else NULL */
    struct mu_decoder *decoder;
    struct mu_follow follow;
    bool served;      /* has known all its tickets once */
    int failed;       /* -errno: cannot go on; else 0 */
    uint32_t scan;    /* number of the snapshot */
    int64_t doubt_ms; /* when to ask for the log because a ticket is missing; MU_NEVER */
    char doubted[MU_ID_MAX + 1];
    struct mu_id_source ids;
    struct mu_slots slots;
    struct queue_ticket *tickets; /* [slots.capacity] */
    struct mu_heap *due;          /* slot -> due_ms */
    uint32_t foreign_count;
    uint32_t unique;      /* last given */
    uint32_t pools_count; /* modes + 1 */
    struct queue_pool pools[MU_QUEUE_POOLS_MAX];
    struct mu_calls *calls;
    struct queue_commit *commits; /* [MU_QUEUE_COMMITS_MAX] */
    uint32_t *commits_free;       /* [MU_QUEUE_COMMITS_MAX] */
    uint32_t commits_free_count;
    struct queue_forward *forwards; /* [MU_QUEUE_FORWARDS_MAX] */
    uint32_t *forwards_free;        /* [MU_QUEUE_FORWARDS_MAX] */
    uint32_t forwards_free_count;
    uint32_t expiries_count; /* TICKET_EXPIREs that are out */
    struct queue_offer offers[MU_QUEUE_OFFERS_MAX];
    uint32_t offers_count;
    uint32_t snapshots_left; /* POOL_SYNCs of snapshots that this batch may still send */
    struct mu_counters counters;
    struct mu_msg msg;    /* scratch: what is being sent */
    struct mu_msg record; /* scratch: a decoded record */
};

/* queue_tickets.c. */

/* The slot of a known ticket that is not gone, or MU_SLOT_NONE. */
uint32_t mu_queue_ticket_find(const struct queue_shard *shard, const char *id);

/* Whether it may be matched now: not in a commit, not expiring, not gone. */
bool mu_queue_ticket_free(const struct queue_ticket *ticket);

/* The log says that an object of the partition is so now; a mu_follow_fn. */
void mu_queue_ticket_changed(void *owner, const struct mu_msg_change *change,
                             const struct mu_event *ev, struct mu_outbox *out);

/* Begins or ends a snapshot of the partition; tickets that were not in it are removed. */
void mu_queue_tickets_scan_begin(struct queue_shard *shard);
void mu_queue_tickets_scan_end(struct queue_shard *shard);

/* Adds a ticket whose facts, pool and foreign fields are set; returns its slot, or MU_SLOT_NONE
 * when there is no more room. */
uint32_t mu_queue_ticket_add(struct queue_shard *shard, const struct queue_ticket *ticket);

/* Removes it: from its pool, its matcher and the neighbours.  In a commit it stays, as gone. */
void mu_queue_ticket_remove(struct queue_shard *shard, uint32_t slot);

/* What a matcher or a neighbour is told of a ticket. */
void mu_queue_ticket_tell(const struct queue_shard *shard, uint32_t slot,
                          struct mu_msg_pool_ticket *ret);

/* Frees the slot of a gone ticket that is in no commit any more. */
void mu_queue_ticket_bury(struct queue_shard *shard, uint32_t slot);

/* Sets its deadline anew. */
void mu_queue_ticket_schedule(struct queue_shard *shard, uint32_t slot);

/* Acts on deadlines that have come. */
void mu_queue_tickets_due(struct queue_shard *shard);

/* The store's answer to TICKET_EXPIRE; `user` as given to core/calls.h. */
void mu_queue_ticket_expired(struct queue_shard *shard, uint64_t user, const struct mu_msg *answer);

/* It is time to ask again: returns the request's new sequence, or 0 to give the call up. */
uint64_t mu_queue_ticket_expire_again(struct queue_shard *shard, uint64_t user);

/* queue_requests.c. */

void mu_queue_request_add(struct queue_shard *shard, const struct mu_event *ev);
void mu_queue_request_look(struct queue_shard *shard, const struct mu_event *ev);

/* The store has answered a TICKET_ADD; or NULL: it has not, and nobody waits any more. */
void mu_queue_request_answered(struct queue_shard *shard, uint64_t user,
                               const struct mu_msg *answer);

/* queue_matchers.c. */

void mu_queue_pool_init(struct queue_shard *shard, uint32_t index);

/* A ticket can be had: new, or again.  Tells the matcher. */
void mu_queue_pool_join(struct queue_shard *shard, uint32_t slot);

/* A ticket cannot be had any more.  Tells the matcher. */
void mu_queue_pool_leave(struct queue_shard *shard, uint32_t slot);

/* The matcher speaks of a ticket that does not exist. */
void mu_queue_pool_leave_unknown(struct queue_shard *shard, uint32_t index, const char *id);

void mu_queue_pool_ack(struct queue_shard *shard, const struct mu_event *ev);

/* Whether a proposal comes from the matcher that has this generation of the pool. */
bool mu_queue_pool_trusts(const struct queue_pool *pool, const char *source, uint64_t generation);

/* Sends what is due: assignments, snapshots, changes, signs of life. */
void mu_queue_pools_flush(struct queue_shard *shard);

int64_t mu_queue_pools_deadline(const struct queue_shard *shard);

/* Different matchers that have a pool. */
uint32_t mu_queue_pools_matchers(const struct queue_shard *shard);

/* queue_commit.c. */

void mu_queue_commit_proposals(struct queue_shard *shard, const struct mu_event *ev);

/* The store has answered a MATCH_COMMIT definitely. */
void mu_queue_commit_answered(struct queue_shard *shard, uint64_t user,
                              const struct mu_msg *answer);

/* Sends it again; returns the request's sequence. */
uint64_t mu_queue_commit_again(struct queue_shard *shard, uint64_t user);

/* queue_rules.c. */

/* The log says that a rule set is so now. */
void mu_queue_rules_changed(struct queue_shard *shard, const struct mu_msg_change *change);

/* A snapshot has ended: rule sets that were not in it are forgotten. */
void mu_queue_rules_scan_end(struct queue_shard *shard);

void mu_queue_rules_release(struct queue_shard *shard);

/* queue_offer.c. */

/* When an own ticket is to be offered first, or MU_NEVER. */
int64_t mu_queue_offer_first(const struct queue_shard *shard, const struct queue_ticket *ticket);

/* Offers it to the next neighbour. */
void mu_queue_offer_next(struct queue_shard *shard, uint32_t slot);

/* Takes it back from all that have heard of it. */
void mu_queue_offer_withdraw(struct queue_shard *shard, const struct queue_ticket *ticket);

/* A neighbour offers, or takes back. */
void mu_queue_offer_taken(struct queue_shard *shard, const struct mu_event *ev);

void mu_queue_offers_flush(struct queue_shard *shard);

/* queue_stats.c. */

/* A ticket was matched after that time; a match of that spread was made. */
void mu_queue_stats_waited(struct queue_pool *pool, int64_t waited_ms);
void mu_queue_stats_matched(struct queue_pool *pool, uint32_t players, double spread);

/* For how long a new ticket will probably wait, ms; 0: not known. */
uint32_t mu_queue_stats_estimate(struct queue_pool *pool);

void mu_queue_stats_fill(const struct queue_shard *shard, int64_t now_ms, struct mu_msg_stats *ret);

#endif /* MU_ACTORS_QUEUE_SHARD_H */
