/* tests/unit/queue_world.h - a queue shard on its own: the test plays the store, the matcher, the
 * gateway and a neighbour. */
#ifndef MU_TESTS_UNIT_QUEUE_WORLD_H
#define MU_TESTS_UNIT_QUEUE_WORLD_H

#include "actors/engine.h"
#include "actors/queue.h"
#include "core/counters.h"
#include "core/store.h"
#include "tests/unit/queue_rig.h"

static struct mu_rng rng;
static struct rig rig;
static uint64_t log_seq;    /* of the partition, as the test's store has it */
static uint64_t pool_seq;   /* last POOL_SYNC that the test's matcher saw */
static uint64_t generation; /* of it */
static uint8_t record_bytes[65536];
static struct mu_msg record_msg;
static struct mu_msg_stats shown;

enum { EPOCH = 5, MATCHER_MODES = 6 };
static const char matcher[] = "#00000000000000aa";

/* The store. */

static inline struct mu_msg_ticket ticket_of(const char *id, const char *mode, int64_t rating,
                                             int64_t age_ms)
{
    struct mu_msg_ticket ticket = {
        .version = 1,
        .state = MU_TICKET_QUEUED,
        .players_count = 1,
        .latencies_count = 2,
        .latencies = { { "eu-west-1", 30 }, { "us-east-1", 90 } },
        .enqueued_ms = (uint64_t)(rig.wall_ms - age_ms),
    };
    ticket.players[0].rating = rating;
    (void)snprintf(ticket.id, sizeof ticket.id, "%s", id);
    (void)snprintf(ticket.mode, sizeof ticket.mode, "%s", mode);
    (void)snprintf(ticket.region, sizeof ticket.region, "eu-west-1");
    return ticket;
}

static inline void changes_begin(bool snapshot)
{
    memset(&rig.msg.changes, 0, sizeof rig.msg.changes);
    rig.msg.op = MU_OP_CHANGES;
    rig.msg.changes.snapshot = snapshot;
    rig.msg.changes.head = log_seq;
    (void)snprintf(rig.msg.changes.partition, sizeof rig.msg.changes.partition, "queue/eu-west-1");
}

/* One change a message, so that one buffer for its record will do. */
static inline void changes_add(const struct mu_msg_ticket *ticket)
{
    struct mu_msg_change *change = &rig.msg.changes.changes[0];
    record_msg.op = MU_OP_TICKET;
    record_msg.ticket = *ticket;
    int64_t size = mu_msg_encode(&record_msg, record_bytes, sizeof record_bytes);
    assert_true(size > 0);
    rig.msg.changes.changes_count = 1;
    memset(change, 0, sizeof *change);
    change->seq = rig.msg.changes.snapshot ? 0 : log_seq;
    change->table = MU_TABLE_TICKET;
    memcpy(change->id, ticket->id, sizeof change->id);
    change->record = (struct mu_slice){ record_bytes, (uint32_t)size };
}

/* The store commits a change of a ticket and pushes it. */
static inline void push(const struct mu_msg_ticket *ticket)
{
    log_seq++;
    changes_begin(false);
    changes_add(ticket);
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, "#57", 0), 0);
}

static inline uint64_t asked(enum mu_op op)
{
    assert_true(rig_find(&rig, op, 0));
    assert_string_equal(rig.envelope->destination, "store");
    return rig.envelope->sequence;
}

/* Answers what the follower asks until it serves. */
static inline void serve(void)
{
    assert_int_equal(rig_event(&rig, MU_EV_START), 0);
    uint64_t sequence = asked(MU_OP_EPOCH_TAKE);
    rig.msg.op = MU_OP_EPOCH;
    rig.msg.epoch =
        (struct mu_msg_epoch){ .epoch = EPOCH, .log_seq = log_seq, .incarnation = RIG_INCARNATION };
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    sequence = asked(MU_OP_FOLLOW_SCAN);
    changes_begin(true);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    sequence = asked(MU_OP_FOLLOW_SINCE);
    changes_begin(false);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    rig_clear(&rig);
}

/* The matcher. */

/* One says that it is here. */
static inline void here_from(const char *source, uint64_t slices, bool draining)
{
    memset(&rig.msg.matcher_here, 0, sizeof rig.msg.matcher_here);
    rig.msg.op = MU_OP_MATCHER_HERE;
    rig.msg.matcher_here.slices = slices;
    rig.msg.matcher_here.draining = draining;
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, source, 0), 0);
}

static inline void ack(const char *mode, uint64_t of_generation, uint64_t seq, bool resync)
{
    memset(&rig.msg.pool_ack, 0, sizeof rig.msg.pool_ack);
    rig.msg.op = MU_OP_POOL_ACK;
    rig.msg.pool_ack.generation = of_generation;
    rig.msg.pool_ack.seq = seq;
    rig.msg.pool_ack.resync = resync;
    (void)snprintf(rig.msg.pool_ack.mode, sizeof rig.msg.pool_ack.mode, "%s", mode);
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, matcher, 0), 0);
}

/* The nth POOL_SYNC of that mode in the outbox. */
static inline bool find_sync(const char *mode, uint32_t nth)
{
    for (uint32_t i = 0; rig_find(&rig, MU_OP_POOL_SYNC, i); i++) {
        if (strcmp(rig.msg.pool_sync.mode, mode) == 0 && nth-- == 0) {
            return true;
        }
    }
    return false;
}

/* The matcher comes, and acknowledges every pool that it is given, until all are ready. */
static inline void assign_all(void)
{
    here_from(matcher, 0, false);
    rig_batch_end(&rig);
    assert_int_equal(rig_count(&rig, MU_OP_POOL_SYNC), MATCHER_MODES);
    for (uint32_t i = 0; i < MATCHER_MODES; i++) {
        const char *mode = rig.config.modes[i].name;
        assert_true(find_sync(mode, 0));
        assert_string_equal(rig.envelope->destination, matcher);
        assert_int_equal(rig.msg.pool_sync.slice, 0);
        assert_int_equal(rig.msg.pool_sync.seq, 1);
        assert_false(rig.msg.pool_sync.ready);
        assert_true(rig.msg.pool_sync.config_hash == rig.config.hash);
        generation = rig.msg.pool_sync.generation;
        ack(mode, generation, 1, false);
    }
    rig_clear(&rig);
    rig_batch_end(&rig);
    for (uint32_t i = 0; i < MATCHER_MODES; i++) {
        assert_true(find_sync(rig.config.modes[i].name, 0));
        assert_string_equal(rig.envelope->destination, matcher);
        assert_int_equal(rig.msg.pool_sync.seq, 2);
        assert_true(rig.msg.pool_sync.ready);
    }
    pool_seq = 2;
    rig_clear(&rig);
}

/* Time passes while the matcher is here and acknowledges; the outbox keeps the last part of it. */
static inline void advance_acknowledging(int64_t ms)
{
    while (ms > 0) {
        int64_t part = ms < 400 ? ms : 400;
        rig_clear(&rig);
        rig_advance(&rig, part);
        ms -= part;
        for (uint32_t i = 0; find_sync("ranked", i); i++) {
            pool_seq = rig.msg.pool_sync.seq;
        }
        ack("ranked", generation, pool_seq, false);
        here_from(matcher, MATCHER_MODES, false);
    }
}

static inline void propose_begin(const char *mode, uint64_t region)
{
    memset(&rig.msg.proposals, 0, sizeof rig.msg.proposals);
    rig.msg.op = MU_OP_PROPOSALS;
    (void)snprintf(rig.msg.proposals.mode, sizeof rig.msg.proposals.mode, "%s", mode);
    rig.msg.proposals.generation = generation;
    rig.msg.proposals.seq = pool_seq;
    rig.msg.proposals.matches_count = 1;
    rig.msg.proposals.matches[0] = (struct mu_msg_proposal){ .region = region, .quality = 0.9 };
}

static inline void propose_ticket(const char *id, uint64_t version, uint64_t team)
{
    struct mu_msg_proposed *proposed =
        &rig.msg.proposals.tickets[rig.msg.proposals.tickets_count++];
    *proposed = (struct mu_msg_proposed){ .version = version, .team = team };
    (void)snprintf(proposed->id, sizeof proposed->id, "%s", id);
}

static inline void propose_pair(const char *a, const char *b)
{
    propose_begin("ranked", 2);
    propose_ticket(a, 1, 0);
    propose_ticket(b, 1, 1);
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, matcher, 0), 0);
    rig_batch_end(&rig);
}

/* Helpers. */

static inline void begin(void)
{
    log_seq = 10;
    rig_begin(&rig, &mu_queue_ops, "queue/eu-west-1");
    serve();
    assign_all();
}

static inline uint64_t counter(uint32_t id)
{
    rig.actor->ops->stats(rig.actor, rig.now_ms, &shown);
    for (uint32_t i = 0; i < shown.counters_count; i++) {
        if (shown.counters[i].counter == id) {
            return shown.counters[i].value;
        }
    }
    return 0;
}

/* Whether the ranked POOL_SYNCs in the outbox say join or leave of that id. */
static inline bool sync_has(const char *id, bool join)
{
    for (uint32_t i = 0; find_sync("ranked", i); i++) {
        const struct mu_msg_pool_sync *sync = &rig.msg.pool_sync;
        for (uint32_t k = 0; join && k < sync->joins_count; k++) {
            if (strcmp(sync->joins[k].id, id) == 0) {
                return true;
            }
        }
        for (uint32_t k = 0; !join && k < sync->leaves_count; k++) {
            if (strcmp(sync->leaves[k].id, id) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Whether the ranked POOL_SYNCs in the outbox say that it has ended without a match. */
static inline bool sync_quits(const char *id)
{
    for (uint32_t i = 0; find_sync("ranked", i); i++) {
        for (uint32_t k = 0; k < rig.msg.pool_sync.quits_count; k++) {
            if (strcmp(rig.msg.pool_sync.quits[k].id, id) == 0) {
                return true;
            }
        }
    }
    return false;
}

static inline void push_ranked(const char *id, int64_t rating, int64_t age_ms)
{
    struct mu_msg_ticket ticket = ticket_of(id, "ranked", rating, age_ms);
    push(&ticket);
}

/* Two ranked tickets that can play, known to the matcher. */
static inline void push_two(void)
{
    push_ranked("tkt_a", 1000, 0);
    push_ranked("tkt_b", 1050, 0);
    rig_batch_end(&rig);
    assert_true(sync_has("tkt_a", true) && sync_has("tkt_b", true));
}

static inline void answer_commit(uint64_t sequence, bool committed)
{
    memset(&rig.msg.match_committed, 0, sizeof rig.msg.match_committed);
    rig.msg.op = MU_OP_MATCH_COMMITTED;
    rig.msg.match_committed.committed = committed;
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    rig_batch_end(&rig);
}

static inline void look(const char *id)
{
    rig_clear(&rig);
    memset(&rig.msg.ticket_look, 0, sizeof rig.msg.ticket_look);
    rig.msg.op = MU_OP_TICKET_LOOK;
    (void)snprintf(rig.msg.ticket_look.ticket, sizeof rig.msg.ticket_look.ticket, "%s", id);
    assert_int_equal(rig_send(&rig, MU_FRAME_REQUEST, "#6a7e", 0), 0);
}

static inline bool is_known(const char *id)
{
    look(id);
    return rig_find(&rig, MU_OP_TICKET_ADDED, 0);
}

static inline void add_begin(const char *mode, const char *region)
{
    struct mu_msg_ticket_add *add = &rig.msg.ticket_add;
    memset(add, 0, sizeof *add);
    rig.msg.op = MU_OP_TICKET_ADD;
    add->players_count = 1;
    (void)snprintf(add->players[0].id, sizeof add->players[0].id, "ply_1");
    (void)snprintf(add->mode, sizeof add->mode, "%s", mode);
    (void)snprintf(add->region, sizeof add->region, "%s", region);
}

static inline uint64_t add_refused(void)
{
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_REQUEST, "#6a7e", 0), 0);
    assert_int_equal(rig_count(&rig, MU_OP_TICKET_ADD), 0);
    assert_true(rig_find(&rig, MU_OP_ERROR, 0));
    assert_string_equal(rig.envelope->destination, "#6a7e");
    return rig.msg.error.code;
}

/* A neighbour. */

static inline bool offer_has(const char *region, const char *id, bool withdrawn)
{
    for (uint32_t i = 0; rig_find(&rig, MU_OP_OFFER, i); i++) {
        const struct mu_msg_offer *offer = &rig.msg.offer;
        if (strcmp(rig.envelope->destination, region) != 0) {
            continue;
        }
        for (uint32_t k = 0; !withdrawn && k < offer->tickets_count; k++) {
            if (strcmp(offer->tickets[k].id, id) == 0) {
                return true;
            }
        }
        for (uint32_t k = 0; withdrawn && k < offer->withdrawn_count; k++) {
            if (strcmp(offer->withdrawn[k].id, id) == 0) {
                return true;
            }
        }
    }
    return false;
}

static inline void offer_begin(void)
{
    memset(&rig.msg.offer, 0, sizeof rig.msg.offer);
    rig.msg.op = MU_OP_OFFER;
    (void)snprintf(rig.msg.offer.mode, sizeof rig.msg.offer.mode, "ranked");
}

static inline void offer_ticket(const char *id, int64_t rating, uint64_t version)
{
    struct mu_msg_pool_ticket *ticket = &rig.msg.offer.tickets[rig.msg.offer.tickets_count++];
    memset(ticket, 0, sizeof *ticket);
    (void)snprintf(ticket->id, sizeof ticket->id, "%s", id);
    ticket->version = version;
    ticket->players = 1;
    ticket->rating = rating;
    ticket->waited_ms = 12000;
    ticket->reach_count = 2;
    ticket->reach[0] = (struct mu_msg_reach){ .region = 0, .ms = 30 };
    ticket->reach[1] = (struct mu_msg_reach){ .region = 2, .ms = 100 };
}

static inline void offer_send(void)
{
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, "#be", 0), 0);
    rig_batch_end(&rig);
}

#endif /* MU_TESTS_UNIT_QUEUE_WORLD_H */
