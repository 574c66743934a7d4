/* tests/unit/slices_world.h - a queue shard and matchers that come and go, each the very actor; the
 * test plays the store, and the way between them, on which messages may be lost. */
#ifndef MU_TESTS_UNIT_SLICES_WORLD_H
#define MU_TESTS_UNIT_SLICES_WORLD_H

#include "actors/matcher_state.h"
#include "actors/queue_shard.h"
#include "core/parse.h"
#include "tests/unit/queue_world.h"

enum { WORKERS_MAX = 8, TICKETS_MAX = 4096, PENDING_MAX = 1024, TURN_MS = 10, RANKED = 1 };

/* What the store knows of a ticket, whose id is its index. */
struct kept {
    uint64_t version; /* 0: there is none */
    uint32_t players;
    int64_t rating;
    int64_t enqueued_ms;
    enum mu_ticket_state state;
};

struct worker {
    struct rig rig;
    uint32_t life; /* a process that starts is another one */
    bool up;
    bool lost; /* nothing reaches it, and it reaches nobody */
};

/* A commit that waits for its answer. */
struct pending {
    uint64_t sequence;
    struct mu_msg_match_commit commit;
};

static struct kept kept[TICKETS_MAX];
static uint32_t kept_count;
static struct worker workers[WORKERS_MAX];
static struct pending pending[PENDING_MAX];
static uint32_t pending_count;
static uint32_t loss_ppm; /* of a message */
static uint32_t matched;  /* tickets */
static const char shard_name[] = "#000000000000abcd";

static inline struct queue_shard *the_shard(void)
{
    return (struct queue_shard *)(void *)rig.actor;
}

static inline struct queue_pool *the_pool(void)
{
    return &the_shard()->pools[RANKED];
}

static inline void worker_name(uint32_t number, char ret[MU_ADDRESS_MAX + 1])
{
    (void)snprintf(ret, MU_ADDRESS_MAX + 1, "#%08x%08x", workers[number].life, number + 1);
}

/* The store. */

static inline void push_kept(uint32_t index)
{
    char id[MU_ID_MAX + 1];
    (void)snprintf(id, sizeof id, "tkt_%u", index);
    struct mu_msg_ticket ticket = ticket_of(id, rig.config.modes[RANKED].name, kept[index].rating,
                                            rig.wall_ms - kept[index].enqueued_ms);
    ticket.version = kept[index].version;
    ticket.state = kept[index].state;
    ticket.players_count = kept[index].players;
    for (uint32_t i = 0; i < kept[index].players; i++) {
        ticket.players[i].rating = kept[index].rating;
        (void)snprintf(ticket.players[i].id, sizeof ticket.players[i].id, "ply_%u_%u", index, i);
    }
    push(&ticket);
}

static inline uint32_t keep_ticket(int64_t rating, uint32_t players)
{
    assert_true(kept_count < TICKETS_MAX);
    kept[kept_count] = (struct kept){
        .version = 1,
        .players = players,
        .rating = rating,
        .enqueued_ms = rig.wall_ms,
        .state = MU_TICKET_QUEUED,
    };
    push_kept(kept_count);
    return kept_count++;
}

static inline void cancel_ticket(uint32_t index)
{
    if (kept[index].state == MU_TICKET_QUEUED) {
        kept[index].state = MU_TICKET_CANCELLED;
        kept[index].version++;
        push_kept(index);
    }
}

/* The index of a ticket, of its id. */
static inline uint32_t index_of(const char *id)
{
    uint64_t index = 0;
    assert_int_equal(mu_parse_u64(id + 4, 0, kept_count, &index), 0);
    return (uint32_t)index;
}

static inline void answer_one(const struct pending *one)
{
    static struct mu_msg_match_committed answer;
    memset(&answer, 0, sizeof answer);
    memcpy(answer.match, one->commit.match, sizeof answer.match);
    for (uint32_t i = 0; i < one->commit.tickets_count; i++) {
        const struct mu_msg_ticket_ref *ref = &one->commit.tickets[i];
        struct kept *ticket = &kept[index_of(ref->id)];
        if (ticket->state != MU_TICKET_QUEUED || ticket->version != ref->version) {
            struct mu_msg_ticket_ref *truth = &answer.conflicts[answer.conflicts_count++];
            *truth = *ref;
            truth->version = ticket->version;
            truth->state = ticket->state;
        }
    }
    answer.committed = answer.conflicts_count == 0;
    for (uint32_t i = 0; answer.committed && i < one->commit.tickets_count; i++) {
        struct kept *ticket = &kept[index_of(one->commit.tickets[i].id)];
        ticket->state = MU_TICKET_MATCHED;
        ticket->version++;
        matched++;
    }
    rig.msg.op = MU_OP_MATCH_COMMITTED;
    rig.msg.match_committed = answer;
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", one->sequence), 0);
    for (uint32_t i = 0; answer.committed && i < one->commit.tickets_count; i++) {
        push_kept(index_of(one->commit.tickets[i].id));
    }
}

static inline void answer_commits(void)
{
    for (uint32_t i = 0; i < pending_count; i++) {
        answer_one(&pending[i]);
    }
    pending_count = 0;
}

/* The way between them. */

static inline bool loses(void)
{
    return mu_rng_chance_ppm(&rng, loss_ppm);
}

static inline struct worker *worker_of(const char *destination)
{
    char name[MU_ADDRESS_MAX + 1];
    for (uint32_t i = 0; i < WORKERS_MAX; i++) {
        worker_name(i, name);
        if (workers[i].up && !workers[i].lost && strcmp(name, destination) == 0) {
            return &workers[i];
        }
    }
    return NULL;
}

static inline void read_entry(struct rig *from, const struct mu_outbox_entry *entry,
                              struct mu_msg *ret)
{
    assert_int_equal(mu_msg_decode(from->decoder, (uint32_t)entry->envelope.op,
                                   from->out->bytes + entry->offset, entry->size, ret),
                     0);
}

static inline void deliver_shard(void)
{
    for (uint32_t i = 0; i < rig.out->count; i++) {
        const struct mu_outbox_entry *entry = &rig.out->entries[i];
        struct worker *worker = worker_of(entry->envelope.destination);
        if (worker != NULL && !loses()) {
            read_entry(&rig, entry, &worker->rig.msg);
            assert_int_equal(rig_send(&worker->rig, MU_FRAME_EVENT, shard_name, 0), 0);
        } else if (entry->envelope.op == MU_OP_MATCH_COMMIT && pending_count < PENDING_MAX) {
            read_entry(&rig, entry, &rig.msg);
            pending[pending_count].sequence = entry->envelope.sequence;
            pending[pending_count++].commit = rig.msg.match_commit;
        }
    }
    rig_clear(&rig);
}

static inline void deliver_worker(uint32_t number)
{
    struct rig *from = &workers[number].rig;
    char name[MU_ADDRESS_MAX + 1];
    worker_name(number, name);
    for (uint32_t i = 0; i < from->out->count; i++) {
        if (!workers[number].lost && !loses()) {
            read_entry(from, &from->out->entries[i], &rig.msg);
            assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, name, 0), 0);
        }
    }
    rig_clear(from);
}

static inline void turn_of(struct rig *one)
{
    if (one->actor->ops->deadline(one->actor) <= one->now_ms) {
        assert_int_equal(rig_event(one, MU_EV_TIMER), 0);
    }
    assert_int_equal(rig_event(one, MU_EV_BATCH_END), 0);
}

/* Time passes, a turn of each at a time; all that is sent arrives in the same turn. */
static inline void pass(int64_t ms)
{
    for (int64_t passed = 0; passed < ms; passed += TURN_MS) {
        turn_of(&rig);
        deliver_shard();
        for (uint32_t i = 0; i < WORKERS_MAX; i++) {
            if (workers[i].up) {
                turn_of(&workers[i].rig);
                deliver_worker(i);
                workers[i].rig.now_ms += TURN_MS;
            }
        }
        answer_commits();
        deliver_shard();
        rig.now_ms += TURN_MS;
        rig.wall_ms += TURN_MS;
    }
    rig.actor->ops->check(rig.actor);
}

/* Matchers. */

static void (*world_configure)(struct mu_config *);

static inline void worker_start(uint32_t number)
{
    struct worker *worker = &workers[number];
    assert_false(worker->up);
    rig_begin_with(&worker->rig, &mu_matcher_ops, "", world_configure);
    worker->rig.now_ms = rig.now_ms;
    worker->up = true;
    worker->lost = false;
    worker->life++;
    assert_int_equal(rig_event(&worker->rig, MU_EV_START), 0);
}

static inline void worker_kill(uint32_t number)
{
    assert_true(workers[number].up);
    rig_end(&workers[number].rig);
    workers[number].up = false;
}

static inline uint32_t worker_leases(uint32_t number)
{
    return ((const struct matcher *)(void *)workers[number].rig.actor)->leases_count;
}

/* The world. */

static inline void world_begin(void (*configure)(struct mu_config *))
{
    log_seq = 10;
    kept_count = 0;
    pending_count = 0;
    loss_ppm = 0;
    matched = 0;
    world_configure = configure;
    rig_begin_with(&rig, &mu_queue_ops, "queue/eu-west-1", configure);
    serve();
}

static inline void world_end(void)
{
    for (uint32_t i = 0; i < WORKERS_MAX; i++) {
        if (workers[i].up) {
            worker_kill(i);
        }
    }
    rig_end(&rig);
}

/* What the matcher of a slice has of it. */
static inline const struct lease *lease_of(const struct queue_slice *slice)
{
    assert_int_equal(slice->state, QUEUE_SLICE_READY);
    const struct worker *worker = worker_of(the_shard()->matchers[slice->matcher].instance);
    if (worker == NULL) {
        fail_msg("slice %u is with nobody", slice->number);
        abort(); /* not reached, which compilers do not know */
    }
    const struct lease *lease =
        mu_matcher_lease((struct matcher *)(void *)worker->rig.actor, shard_name,
                         rig.config.modes[RANKED].name, slice->number);
    if (lease == NULL) {
        fail_msg("slice %u is not known to its matcher", slice->number);
        abort();
    }
    return lease;
}

/* Whether each slice is matched, and its matcher knows the tickets in it that can be had, and no
 * others. */
static inline void check_views(void)
{
    struct queue_shard *shard = the_shard();
    const struct queue_pool *pool = the_pool();
    uint32_t in_slice[MU_SLICES_MAX] = { 0 };
    rig.actor->ops->check(rig.actor);
    for (uint32_t slot = pool->head; slot != MU_SLOT_NONE;) {
        struct queue_ticket *ticket = &shard->tickets[slot];
        const struct queue_place *place = mu_queue_place(ticket, RANKED);
        if (mu_queue_ticket_free(ticket)) {
            const struct lease *lease = lease_of(&pool->slices[place->slice]);
            assert_true(mu_pool_find(lease->pool, ticket->base.id, NULL));
            in_slice[place->slice]++;
        }
        slot = place->next;
    }
    for (uint32_t i = 0; i < pool->edges.slices; i++) {
        const struct lease *lease = lease_of(&pool->slices[i]);
        assert_true(lease->ready);
        assert_int_equal(mu_pool_count(lease->pool), in_slice[i]);
    }
}

#endif /* MU_TESTS_UNIT_SLICES_WORLD_H */
