/* tests/unit/queue_rig.h - one actor on its own: events in, outbox entries out, decoded.
 *
 * For the unit tests of the queue shard and the matcher; the simulator is where they meet the
 * real store and broker. */
#ifndef MU_TESTS_UNIT_QUEUE_RIG_H
#define MU_TESTS_UNIT_QUEUE_RIG_H

#include <string.h>

#include "core/actor.h"
#include "core/config.h"
#include "tests/unit/unit.h"

#define RIG_INCARNATION 0xA11CEu

struct rig {
    struct mu_config config;
    struct mu_actor *actor;
    struct mu_outbox *out;
    struct mu_decoder *decoder;
    struct mu_msg msg; /* the last entry that was decoded, or what is being sent */
    const struct mu_msg_envelope *envelope; /* of the last entry that was decoded */
    int64_t now_ms;
    int64_t wall_ms;
    uint64_t peer_sequence; /* of messages sent to the actor */
};

/* configure: changes the default configuration; or NULL. */
static inline void rig_begin_with(struct rig *rig, const struct mu_actor_ops *ops,
                                  const char *partition, void (*configure)(struct mu_config *))
{
    memset(rig, 0, sizeof *rig);
    mu_config_default(&rig->config);
    for (uint32_t i = 0; i < rig->config.modes_count; i++) {
        rig->config.modes[i].wait_cost_ms = 0; /* every legal match at once */
    }
    if (configure != NULL) {
        configure(&rig->config);
    }
    struct mu_actor_env env = {
        .partition = partition,
        .seed = 42,
        .incarnation = RIG_INCARNATION,
        .config = &rig->config,
    };
    rig->now_ms = 1000000;
    rig->wall_ms = INT64_C(1700000000000);
    rig->out = mu_outbox_create(RIG_INCARNATION);
    rig->decoder = mu_decoder_create();
    assert_non_null(rig->out);
    assert_non_null(rig->decoder);
    assert_int_equal(ops->create(&env, &rig->actor), 0);
}

static inline void rig_begin(struct rig *rig, const struct mu_actor_ops *ops, const char *partition)
{
    rig_begin_with(rig, ops, partition, NULL);
}

static inline void rig_end(struct rig *rig)
{
    rig->actor->ops->check(rig->actor);
    rig->actor->ops->destroy(rig->actor);
    mu_outbox_destroy(rig->out);
    mu_decoder_destroy(rig->decoder);
}

static inline int rig_event(struct rig *rig, enum mu_event_type type)
{
    struct mu_event ev = { .type = type, .now_ms = rig->now_ms, .wall_ms = rig->wall_ms };
    return rig->actor->ops->step(rig->actor, &ev, rig->out);
}

/* Hands rig->msg to the actor.  answers: sequence of the request it replies to, or 0. */
static inline int rig_send(struct rig *rig, enum mu_frame frame, const char *source,
                           uint64_t answers)
{
    struct mu_msg_envelope envelope = {
        .version = 1,
        .frame = frame,
        .op = rig->msg.op,
        .incarnation = 77,
        .sequence = ++rig->peer_sequence,
        .answers_incarnation = answers != 0 ? RIG_INCARNATION : 0,
        .answers_sequence = answers,
        .budget_ms = frame == MU_FRAME_REQUEST ? 5000 : 0,
        .idempotency_key = "key-1",
    };
    (void)snprintf(envelope.source, sizeof envelope.source, "%s", source);
    struct mu_event ev = {
        .type = MU_EV_MESSAGE,
        .now_ms = rig->now_ms,
        .wall_ms = rig->wall_ms,
        .envelope = &envelope,
        .msg = &rig->msg,
    };
    return rig->actor->ops->step(rig->actor, &ev, rig->out);
}

/* Ends the batch; its entries can be looked at until rig_clear(). */
static inline void rig_batch_end(struct rig *rig)
{
    assert_int_equal(rig_event(rig, MU_EV_BATCH_END), 0);
    rig->actor->ops->check(rig->actor);
}

static inline void rig_clear(struct rig *rig)
{
    mu_outbox_clear(rig->out);
}

/* Lets time pass to the next deadlines, one by one, with a batch for each. */
static inline void rig_advance(struct rig *rig, int64_t ms)
{
    int64_t until = rig->now_ms + ms;
    for (uint32_t i = 0; i < 10000; i++) {
        int64_t due = rig->actor->ops->deadline(rig->actor);
        if (due > until) {
            rig->wall_ms += until - rig->now_ms;
            rig->now_ms = until;
            return;
        }
        if (due > rig->now_ms) {
            rig->wall_ms += due - rig->now_ms;
            rig->now_ms = due;
        }
        assert_int_equal(rig_event(rig, MU_EV_TIMER), 0);
        rig_batch_end(rig);
    }
    fail_msg("the deadline does not move");
}

/* Decodes the nth entry (from 0) of that operation into rig->msg.  Returns whether there is one. */
static inline bool rig_find(struct rig *rig, enum mu_op op, uint32_t nth)
{
    for (uint32_t i = 0; i < rig->out->count; i++) {
        const struct mu_outbox_entry *entry = &rig->out->entries[i];
        if (entry->envelope.op == op && nth-- == 0) {
            assert_int_equal(mu_msg_decode(rig->decoder, op, rig->out->bytes + entry->offset,
                                           entry->size, &rig->msg),
                             0);
            rig->envelope = &entry->envelope;
            return true;
        }
    }
    return false;
}

static inline uint32_t rig_count(const struct rig *rig, enum mu_op op)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < rig->out->count; i++) {
        count += rig->out->entries[i].envelope.op == op;
    }
    return count;
}

#endif /* MU_TESTS_UNIT_QUEUE_RIG_H */
