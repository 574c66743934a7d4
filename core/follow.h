/* core/follow.h - how an owner of a partition, or a mere reader, keeps up with the store.
 *
 * The pure half of a follower: it takes an epoch, asks for the snapshot and for what came after,
 * and hands each changed object to its owner, oldest change first, nothing missing.  States:
 *
 *   EPOCH    EPOCH_TAKE is out            -> SCAN with the epoch's log_seq as head
 *                                         -> STANDBY when another process has it
 *   STANDBY  EPOCH_TAKE again and again   -> SCAN once the owner is silent, or hands it over
 *   SCAN     FOLLOW_SCAN pages            -> CATCH_UP
 *   CATCH_UP FOLLOW_SINCE until no more   -> SERVING
 *   SERVING  pushes; FOLLOW_SINCE on a gap and each second
 *   RELEASE  EPOCH_RELEASE is out         -> RELEASED
 *   RELEASED nothing more
 *
 * `forgotten` in an answer sends it back to SCAN.  Every request is repeated until answered.
 *
 * One that stands by knows nothing of the partition: to scan 100000 tickets takes less than a
 * second, and a copy that is kept up would make the store read every change twice, and actors act
 * on silence that is not theirs to hear (docs/decisions/009-standbys.md).
 *
 * A reader takes no epoch, so it fences nobody, and any number of them may read along.  It begins
 * in CATCH_UP, behind a seq that no log has: the store says `forgotten` and the head, and the rest
 * is as above.  Nothing is pushed to it; it learns of changes MU_FOLLOW_READ_MS late, an object
 * that changed several times meanwhile as it is then. */
#ifndef MU_CORE_FOLLOW_H
#define MU_CORE_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/actor.h"

#define MU_FOLLOW_POLL_MS    1000 /* most between two FOLLOW_SINCE while all is well */
#define MU_FOLLOW_READ_MS    250  /* the same, of a reader */
#define MU_FOLLOW_RETRY_MS   300  /* before a request is repeated */
#define MU_FOLLOW_STANDBY_MS 250  /* between two EPOCH_TAKE of one that stands by */

enum mu_follow_state {
    MU_FOLLOW_EPOCH,
    MU_FOLLOW_STANDBY,
    MU_FOLLOW_SCAN,
    MU_FOLLOW_CATCH_UP,
    MU_FOLLOW_SERVING,
    MU_FOLLOW_RELEASE,
    MU_FOLLOW_RELEASED,
};

struct mu_follow {
    char partition[MU_ADDRESS_MAX + 1];
    char holder[MU_ADDRESS_MAX + 1]; /* own name; empty: none */
    uint64_t incarnation;            /* own */
    enum mu_follow_state state;
    int64_t poll_ms;           /* between two FOLLOW_SINCE while all is well */
    int64_t takeover_ms;       /* for which the store lets an owner be silent */
    int64_t asked_ms;          /* when the request that is out left */
    int64_t sure_ms;           /* when the last request left that the owner was answered */
    bool unsure;               /* that is too long ago */
    uint64_t epoch;            /* 0 until taken; a reader's stays 0 */
    uint64_t seq;              /* last change that was applied */
    char after[MU_ID_MAX + 1]; /* SCAN: last id */
    uint64_t asked;            /* sequence of the request that is out; 0: none */
    int64_t retry_ms;          /* when to ask (again) */
};

/* One object changed.  `change` as in CHANGES; the record is decoded by the owner. */
typedef void mu_follow_fn(void *owner, const struct mu_msg_change *change,
                          const struct mu_event *ev, struct mu_outbox *out);

/* Owns env->partition, under env->name: a process of the same name gives way to it at once. */
void mu_follow_init(struct mu_follow *follow, const struct mu_actor_env *env);

/* Follows `partition` without owning it.  Has the incarnation of its process, of which all other
 * sequences differ. */
void mu_follow_init_reader(struct mu_follow *follow, const struct mu_actor_env *env,
                           const char *partition);

/* True while it owns the partition, or reads along, and knows every object of it. */
bool mu_follow_serving(const struct mu_follow *follow);

/* The epoch under which it owns the partition; 0 while it has none, and while the store has not
 * answered it for so long that another process may have taken over: then requests had better go
 * there.  Nothing else follows from it, the store compares epochs anyway. */
uint64_t mu_follow_epoch(const struct mu_follow *follow);

/* How far an owner is. */
enum mu_life mu_follow_life(const struct mu_follow *follow);

/* Call on START and TIMER: asks what is due. */
void mu_follow_tick(struct mu_follow *follow, const struct mu_event *ev, struct mu_outbox *out);

/* Call for EPOCH, CHANGES, and for ERROR answers.  Returns 1 when the message was the
 * follower's, 0 when not, -ESTALE when somebody else owns the partition now: end the actor. */
int mu_follow_message(struct mu_follow *follow, const struct mu_event *ev, struct mu_outbox *out,
                      mu_follow_fn *changed, void *owner);

/* Learns anew what there is, at the next tick; what changes meanwhile is learnt as well.  Must be
 * serving (asserted). */
void mu_follow_scan_anew(struct mu_follow *follow, const struct mu_event *ev);

/* Gives the partition back, for another process to take at once; every request that goes under its
 * epoch must have been answered.  Called again it does nothing. */
void mu_follow_release(struct mu_follow *follow, const struct mu_event *ev, struct mu_outbox *out);

/* True once it is given back, or another process has it: nothing is owned any more. */
bool mu_follow_released(const struct mu_follow *follow);

/* After a doubt (an answer that was lost, a conflict): ask at once. */
void mu_follow_doubt(struct mu_follow *follow, const struct mu_event *ev);

int64_t mu_follow_deadline(const struct mu_follow *follow);

#endif /* MU_CORE_FOLLOW_H */
