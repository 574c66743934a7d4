/* actors/queue_shard.h - inside the queue shard: what its files share.
 *
 *   queue.c           events and dispatch
 *   queue_tickets.c   the tickets: own ones as the log says, foreign ones as they are offered
 *   queue_backfill.c  the backfills, which stand among the tickets
 *   queue_requests.c  TICKET_ADD and TICKET_LOOK
 *   queue_admit.c     whether a ticket can ever match
 *   queue_explain.c   why a ticket still waits
 *   queue_pool.h      each mode's pool, cut into slices, and the matchers that have them
 *   queue_check.c     whether a proposed match may be made, and who sits where
 *   queue_commit.c    proposals and commits
 *   queue_rules.c     the modes' rule sets
 *   queue_offer.c     offers to neighbour regions, and theirs
 *   queue_stats.c     how it goes */
#ifndef MU_ACTORS_QUEUE_SHARD_H
#define MU_ACTORS_QUEUE_SHARD_H

#include "actors/engine.h"
#include "actors/engine_slots.h"
#include "actors/queue.h"
#include "actors/queue_pool.h"
#include "actors/roster.h"
#include "core/calls.h"
#include "core/config.h"
#include "core/counters.h"
#include "core/follow.h"
#include "core/heap.h"
#include "core/id.h"

enum {
    MU_QUEUE_POOLS_MAX = MU_MODES_MAX + 1, /* the last one: tickets of modes that are gone */
    MU_QUEUE_PLACES_MAX = 4,               /* modes that one ticket waits for */
    MU_QUEUE_MATCHERS_MAX = 64,            /* that are known; more are not */
    MU_QUEUE_OFFERS_MAX = 256,             /* of one batch before they are sent */
    MU_QUEUE_CAPACITY_FIRST = 1024,        /* tickets */
    MU_QUEUE_WHY_MAX = 255,                /* bytes of why a ticket is refused */
    MU_QUEUE_FACTS_BYTES = 1 << 24,        /* facts of one match; address space, hardly touched */
    MU_QUEUE_SEND_BYTES = 4 << 20,         /* of one step: then what can wait is left to the next */
};

/* One ticket that waits. */
struct queue_ticket {
    struct mu_engine_ticket base; /* as every pool sees it; sums and facts are each pool's own */
    struct mu_roster *roster;     /* its players; a block of shard->blocks */
    struct queue_place places[MU_QUEUE_PLACES_MAX];
    uint64_t commit_version; /* in the commit */
    uint64_t seats;          /* in the commit, as in TICKET_REF */
    uint64_t roles;          /* in the commit, as in TICKET_REF */
    int64_t enqueued_ms;     /* wall; own tickets */
    uint64_t lease_until_ms; /* a backfill: as its record says, wall */
    int64_t due_ms;       /* next deadline: expiry, offer, (foreign) forgotten, or end of lease */
    int64_t spill_ms;     /* own: when to offer it next; MU_NEVER */
    uint32_t wait_max_ms; /* own */
    uint32_t commit;      /* index of its commit, or MU_SLOT_NONE */
    uint32_t commit_next; /* next ticket of that commit, or MU_SLOT_NONE */
    uint32_t unique;      /* tells it from a former one in the same slot */
    uint32_t offered;     /* own: bit i: region i has heard of it */
    uint32_t offers;      /* own: how often it was offered */
    uint32_t scan;        /* own: last snapshot it was in */
    uint8_t places_count; /* 1..MU_QUEUE_PLACES_MAX */
    uint8_t team;         /* in the commit */
    bool foreign;         /* another region's */
    bool expiring;        /* TICKET_EXPIRE is out */
    bool gone;            /* removed already, but in a commit that is not definite */
};

/* A match on its way into the store. */
struct queue_commit {
    char match[MU_ID_MAX + 1]; /* "": not in use */
    uint32_t pool;
    uint32_t region;
    uint32_t first; /* ticket */
    uint32_t count;
    uint64_t rules;            /* version of the rule set that it keeps; 0: the mode's own */
    uint32_t regions;          /* bits: where a rule set lets all play; 0: it was not asked */
    struct queue_names *names; /* a block of shard->blocks; NULL: there are none */
    double quality;
};

/* What a rule set calls the teams and roles of one match: teams first. */
struct queue_names {
    uint32_t teams_count;
    uint32_t roles_count;
    struct mu_msg_name names[];
};

/* One proposed match, looked up. */
struct queue_proposed {
    uint32_t pool;
    const struct mu_msg_proposal *proposal;
    const struct mu_msg_proposed *tickets; /* [count] */
    uint32_t count;
    uint32_t slots[MU_MATCH_PLAYERS_MAX];
    struct mu_engine_member members[MU_MATCH_PLAYERS_MAX];
};

/* A request that was passed on: TICKET_ADD to the store, TICKET_EXPLAIN to a matcher. */
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

enum queue_call { QUEUE_CALL_ADD, QUEUE_CALL_COMMIT, QUEUE_CALL_EXPIRE, QUEUE_CALL_EXPLAIN };

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
    uint32_t out_bytes;    /* that were in it before the event */
    struct mu_decoder *decoder;
    struct mu_follow follow;
    bool served;      /* has known all its tickets once */
    bool draining;    /* MU_EV_DRAIN came: nothing new is begun */
    int failed;       /* -errno: cannot go on; else 0 */
    uint32_t scan;    /* number of the snapshot */
    int64_t doubt_ms; /* when to ask for the log because a ticket is missing; MU_NEVER */
    char doubted[MU_ID_MAX + 1];
    struct mu_id_source ids;
    struct mu_slots slots;
    struct queue_ticket *tickets;   /* [slots.capacity] */
    struct mu_blocks *blocks;       /* of their rosters */
    struct mu_candidate *candidate; /* scratch: the match being checked */
    uint8_t *facts;                 /* scratch: [MU_QUEUE_FACTS_BYTES] of the match being checked */
    struct mu_engine_ticket views[MU_MATCH_PLAYERS_MAX]; /* scratch: its tickets */
    struct mu_msg_name names[2 * MU_MATCH_PLAYERS_MAX];  /* scratch: its names */
    struct mu_heap *due;                                 /* slot -> due_ms */
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
    uint32_t explains_count; /* POOL_EXPLAINs that are out */
    struct queue_offer offers[MU_QUEUE_OFFERS_MAX];
    uint32_t offers_count;
    struct queue_matcher matchers[MU_QUEUE_MATCHERS_MAX];
    struct mu_rng dice;      /* for what not all shards should do */
    int64_t balance_ms;      /* when to look again whether each has its share */
    uint32_t snapshots_left; /* POOL_SYNCs of snapshots that this batch may still send */
    struct mu_counters counters;
    struct mu_msg msg;    /* scratch: what is being sent */
    struct mu_msg record; /* scratch: a decoded record */
};

/* Whether this step may go on with what can be done in the next one as well.  What one message of a
 * shard holds goes beyond the bound once more: tickets and backfills bring up to 64 KiB each. */
static inline bool mu_queue_may_send(const struct queue_shard *shard)
{
    return shard->out->bytes_used - shard->out_bytes < MU_QUEUE_SEND_BYTES;
}

/* Why no request is taken now, for a person; NULL: they are. */
static inline const char *mu_queue_closed(const struct queue_shard *shard)
{
    if (shard->draining) {
        return "The queue is being handed over.";
    }
    return mu_follow_serving(&shard->follow) ? NULL : "The queue is starting.";
}

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

/* Adds a ticket whose base, roster, places and foreign fields are set; returns its slot, or
 * MU_SLOT_NONE when there is no more room: the roster is the caller's then. */
uint32_t mu_queue_ticket_add(struct queue_shard *shard, const struct queue_ticket *ticket);

/* Removes it: from its pools, their matchers and the neighbours.  In a commit it stays, as gone.
 * quits: it has ended without a match. */
void mu_queue_ticket_remove(struct queue_shard *shard, uint32_t slot, bool quits);

/* Reads a record with at least one player; all but its roster. */
void mu_queue_ticket_read(const struct queue_shard *shard, const struct mu_msg_ticket *record,
                          struct queue_ticket *ret);

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

/* queue_backfill.c. */

/* The log says that a backfill is so now. */
void mu_queue_backfill_changed(struct queue_shard *shard, const struct mu_msg_change *change);

/* What a matcher is told of one; borrows from its roster. */
void mu_queue_backfill_tell(const struct queue_shard *shard, uint32_t slot,
                            struct mu_msg_pool_backfill *ret);

/* Writes a BACKFILL_EXPIRE into shard->msg. */
void mu_queue_backfill_expire(struct queue_shard *shard, const struct queue_ticket *backfill);

/* The store's answer to that.  Returns whether it is over, and removed. */
bool mu_queue_backfill_expired(struct queue_shard *shard, uint32_t slot,
                               const struct mu_msg *answer);

/* What a conflict says of one.  Only its version is told: until the log says who plays now, it is
 * not known here. */
void mu_queue_backfill_adopt(struct queue_shard *shard, uint32_t slot,
                             const struct mu_msg_ticket_ref *truth);

/* queue_tickets.c, as others see them. */

/* Whether it is one of those who wait here. */
static inline bool mu_queue_counts(const struct queue_ticket *ticket)
{
    return !ticket->foreign && !ticket->base.backfill;
}

/* The ticket as the rules of a pool see it, without facts. */
void mu_queue_ticket_view(const struct queue_shard *shard, uint32_t slot, uint32_t pool,
                          struct mu_engine_ticket *ret);

/* What a matcher or a neighbour is told of it; borrows from its roster. */
void mu_queue_ticket_tell(const struct queue_shard *shard, uint32_t slot,
                          struct mu_msg_pool_ticket *ret);

/* queue_requests.c. */

void mu_queue_request_add(struct queue_shard *shard, const struct mu_event *ev);
void mu_queue_request_look(struct queue_shard *shard, const struct mu_event *ev);

/* The store has answered a TICKET_ADD; or NULL: it has not, and nobody waits any more. */
void mu_queue_request_answered(struct queue_shard *shard, uint64_t user,
                               const struct mu_msg *answer);

/* Keeps a request that was passed on as `sequence`, until it is answered or budget_ms are over.
 * There must be room (asserted). */
void mu_queue_forward_begin(struct queue_shard *shard, const struct mu_msg_envelope *request,
                            uint64_t sequence, int64_t budget_ms, enum queue_call kind);

/* It is answered, or given up; *ret is what the answer needs of it. */
void mu_queue_forward_end(struct queue_shard *shard, uint64_t user, struct mu_msg_envelope *ret);

/* queue_explain.c. */

void mu_queue_explain(struct queue_shard *shard, const struct mu_event *ev);

/* The matcher has answered; or NULL: it has not, and nobody waits any more. */
void mu_queue_explained(struct queue_shard *shard, uint64_t user, const struct mu_msg *answer);

/* queue_admit.c. */

/* Whether a ticket can ever match by a mode's rules; if not, ret says why not, for a person.  One
 * without players never can.  Rules over ratings are not asked: those are the store's. */
bool mu_queue_admits(struct queue_shard *shard, const struct mu_msg_ticket_add *add, uint32_t mode,
                     char ret[MU_QUEUE_WHY_MAX + 1]);

/* queue_commit.c. */

void mu_queue_commit_proposals(struct queue_shard *shard, const struct mu_event *ev);

/* The store has answered a MATCH_COMMIT definitely. */
void mu_queue_commit_answered(struct queue_shard *shard, uint64_t user,
                              const struct mu_msg *answer);

/* Sends it again; returns the request's sequence. */
uint64_t mu_queue_commit_again(struct queue_shard *shard, uint64_t user);

/* queue_check.c. */

/* Checks a proposal whose tickets have been looked up, against the pool's rules; fills its members.
 * Notes what is wrong.  O(its tickets), and their facts are read. */
bool mu_queue_proposal_legal(struct queue_shard *shard, struct queue_proposed *proposed);

/* Writes teams and roles of a proposal that has just been checked into its tickets, and names into
 * the commit; teams that do not play leave no gap.  Returns false when out of memory. */
bool mu_queue_seat(struct queue_shard *shard, const struct queue_proposed *proposed,
                   struct queue_commit *commit);

/* Gives the names of a commit back. */
void mu_queue_names_give(struct queue_shard *shard, struct queue_commit *commit);

/* queue_rules.c. */

/* The log says that a rule set is so now. */
void mu_queue_rules_changed(struct queue_shard *shard, const struct mu_msg_change *change);

/* A snapshot has ended: rule sets that were not in it are forgotten. */
void mu_queue_rules_scan_end(struct queue_shard *shard);

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

/* A ticket was matched after that time; a match of that spread and quality was made. */
void mu_queue_stats_waited(struct queue_pool *pool, int64_t waited_ms);
void mu_queue_stats_matched(struct queue_pool *pool, uint32_t players, double spread,
                            double quality);

/* For how long a new ticket will probably wait, ms; 0: not known. */
uint32_t mu_queue_stats_estimate(struct queue_pool *pool);

void mu_queue_stats_fill(const struct queue_shard *shard, int64_t now_ms, struct mu_msg_stats *ret);

#endif /* MU_ACTORS_QUEUE_SHARD_H */
