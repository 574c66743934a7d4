#include "core/follow.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/config.h"

enum {
    BUDGET_MS = 5000,  /* of each request; it is repeated long before */
    SIGNS_OF_LIFE = 3, /* that an owner gives while it must not be silent, at least */
};

/* To be heard often enough to keep the partition is an owner's own business. */
static int64_t poll_ms(const struct mu_config *config)
{
    int64_t ms = (int64_t)config->settings.takeover_ms / SIGNS_OF_LIFE;
    return ms < MU_FOLLOW_POLL_MS ? ms : MU_FOLLOW_POLL_MS;
}

static void init(struct mu_follow *follow, uint64_t incarnation, const char *partition)
{
    *follow = (struct mu_follow){ .incarnation = incarnation, .retry_ms = MU_NEVER };
    (void)snprintf(follow->partition, sizeof follow->partition, "%s", partition);
}

void mu_follow_init(struct mu_follow *follow, const struct mu_actor_env *env)
{
    init(follow, env->incarnation, env->partition);
    follow->poll_ms = poll_ms(env->config);
    follow->takeover_ms = (int64_t)env->config->settings.takeover_ms;
    (void)snprintf(follow->holder, sizeof follow->holder, "%s", env->name == NULL ? "" : env->name);
}

void mu_follow_init_reader(struct mu_follow *follow, const struct mu_actor_env *env,
                           const char *partition)
{
    init(follow, env->incarnation, partition);
    follow->state = MU_FOLLOW_CATCH_UP;
    follow->poll_ms = MU_FOLLOW_READ_MS;
    follow->seq = UINT64_MAX;
}

bool mu_follow_serving(const struct mu_follow *follow)
{
    return follow->state == MU_FOLLOW_SERVING;
}

uint64_t mu_follow_epoch(const struct mu_follow *follow)
{
    return follow->unsure ? 0 : follow->epoch;
}

enum mu_life mu_follow_life(const struct mu_follow *follow)
{
    switch (follow->state) {
    case MU_FOLLOW_EPOCH:
    case MU_FOLLOW_SCAN:
    case MU_FOLLOW_CATCH_UP: break;
    case MU_FOLLOW_STANDBY: return MU_LIFE_STANDBY;
    case MU_FOLLOW_SERVING: return MU_LIFE_SERVING;
    case MU_FOLLOW_RELEASE:
    case MU_FOLLOW_RELEASED: return MU_LIFE_DRAINING;
    }
    return MU_LIFE_STARTING;
}

bool mu_follow_released(const struct mu_follow *follow)
{
    return follow->state == MU_FOLLOW_RELEASED;
}

int64_t mu_follow_deadline(const struct mu_follow *follow)
{
    return follow->retry_ms;
}

void mu_follow_doubt(struct mu_follow *follow, const struct mu_event *ev)
{
    if (follow->asked == 0 && follow->state != MU_FOLLOW_RELEASED) { /* what was is not ours now */
        follow->retry_ms = ev->now_ms;
    }
}

/* Sends the request of the present state, and forgets the one before it. */
static void ask(struct mu_follow *follow, const struct mu_event *ev, struct mu_outbox *out)
{
    struct mu_request request = {
        .to = "store",
        .budget_ms = BUDGET_MS,
        .fence = follow->epoch,
    };
    struct mu_msg msg; /* an initialiser would zero all of the union, over 100 KB */
    switch (follow->state) {
    case MU_FOLLOW_EPOCH:
    case MU_FOLLOW_STANDBY:
        msg.op = MU_OP_EPOCH_TAKE;
        msg.epoch_take = (struct mu_msg_epoch_take){ .incarnation = follow->incarnation };
        memcpy(msg.epoch_take.partition, follow->partition, sizeof follow->partition);
        memcpy(msg.epoch_take.holder, follow->holder, sizeof follow->holder);
        break;
    case MU_FOLLOW_SCAN:
        msg.op = MU_OP_FOLLOW_SCAN;
        memcpy(msg.follow_scan.partition, follow->partition, sizeof follow->partition);
        memcpy(msg.follow_scan.after, follow->after, sizeof follow->after);
        break;
    case MU_FOLLOW_CATCH_UP:
    case MU_FOLLOW_SERVING:
        msg.op = MU_OP_FOLLOW_SINCE;
        msg.follow_since = (struct mu_msg_follow_since){ .seq = follow->seq };
        memcpy(msg.follow_since.partition, follow->partition, sizeof follow->partition);
        break;
    case MU_FOLLOW_RELEASE:
        msg.op = MU_OP_EPOCH_RELEASE;
        memcpy(msg.epoch_release.partition, follow->partition, sizeof follow->partition);
        break;
    case MU_FOLLOW_RELEASED: assert(false); return; /* its retry_ms never comes */
    }
    follow->asked = mu_outbox_request(out, &request, &msg);
    follow->asked_ms = ev->now_ms;
    follow->retry_ms = ev->now_ms + MU_FOLLOW_RETRY_MS;
}

void mu_follow_tick(struct mu_follow *follow, const struct mu_event *ev, struct mu_outbox *out)
{
    if (follow->epoch > 0 && ev->now_ms - follow->sure_ms >= follow->takeover_ms) {
        follow->unsure = true;
    }
    if (ev->type == MU_EV_START || follow->retry_ms <= ev->now_ms) {
        ask(follow, ev, out);
    }
}

void mu_follow_scan_anew(struct mu_follow *follow, const struct mu_event *ev)
{
    assert(follow->state == MU_FOLLOW_SERVING);
    follow->state = MU_FOLLOW_SCAN;
    follow->after[0] = '\0';
    follow->asked = 0; /* an answer that is on its way is of no use */
    follow->retry_ms = ev->now_ms;
}

/* Nothing is asked any more, and no answer is waited for. */
static void end(struct mu_follow *follow)
{
    follow->state = MU_FOLLOW_RELEASED;
    follow->asked = 0;
    follow->retry_ms = MU_NEVER;
}

void mu_follow_release(struct mu_follow *follow, const struct mu_event *ev, struct mu_outbox *out)
{
    if (follow->state == MU_FOLLOW_RELEASE || follow->state == MU_FOLLOW_RELEASED) {
        return;
    }
    if (follow->epoch == 0) {
        end(follow);
        return;
    }
    follow->state = MU_FOLLOW_RELEASE;
    ask(follow, ev, out);
}

static int take_epoch(struct mu_follow *follow, const struct mu_event *ev, struct mu_outbox *out)
{
    const struct mu_msg_epoch *epoch = &ev->msg->epoch;
    if (follow->state == MU_FOLLOW_RELEASE) {
        end(follow);
        return 1;
    }
    if (follow->state != MU_FOLLOW_EPOCH && follow->state != MU_FOLLOW_STANDBY) {
        return 1;
    }
    if (epoch->incarnation != follow->incarnation) {
        return -ESTALE;
    }
    follow->epoch = epoch->epoch;
    follow->sure_ms = follow->asked_ms;
    follow->seq = epoch->log_seq;
    follow->state = MU_FOLLOW_SCAN;
    follow->after[0] = '\0';
    ask(follow, ev, out);
    return 1;
}

static void take_snapshot(struct mu_follow *follow, const struct mu_event *ev,
                          struct mu_outbox *out, mu_follow_fn *changed, void *owner)
{
    const struct mu_msg_changes *changes = &ev->msg->changes;
    for (uint32_t i = 0; i < changes->changes_count; i++) {
        changed(owner, &changes->changes[i], ev, out);
    }
    if (changes->changes_count > 0) {
        memcpy(follow->after, changes->changes[changes->changes_count - 1].id,
               sizeof follow->after);
    }
    if (!changes->more) {
        follow->state = MU_FOLLOW_CATCH_UP;
    }
    ask(follow, ev, out);
}

/* Applies what is next in the log, skips what is known, and says whether something is missing
 * between. */
static bool apply(struct mu_follow *follow, const struct mu_event *ev, struct mu_outbox *out,
                  mu_follow_fn *changed, void *owner)
{
    const struct mu_msg_changes *changes = &ev->msg->changes;
    for (uint32_t i = 0; i < changes->changes_count; i++) {
        const struct mu_msg_change *change = &changes->changes[i];
        if (change->seq <= follow->seq) {
            continue;
        }
        if (change->seq != follow->seq + 1) {
            return false;
        }
        changed(owner, change, ev, out);
        follow->seq = change->seq;
    }
    return changes->head <= follow->seq;
}

static void take_answer(struct mu_follow *follow, const struct mu_event *ev, struct mu_outbox *out,
                        mu_follow_fn *changed, void *owner)
{
    const struct mu_msg_changes *changes = &ev->msg->changes;
    follow->asked = 0;
    if (changes->forgotten) {
        follow->state = MU_FOLLOW_SCAN;
        follow->seq = changes->head;
        follow->after[0] = '\0';
        ask(follow, ev, out);
        return;
    }
    bool complete = apply(follow, ev, out, changed, owner);
    if (complete && !changes->more) {
        follow->state = MU_FOLLOW_SERVING;
        follow->retry_ms = ev->now_ms + follow->poll_ms;
    } else {
        ask(follow, ev, out);
    }
}

static void take_push(struct mu_follow *follow, const struct mu_event *ev, struct mu_outbox *out,
                      mu_follow_fn *changed, void *owner)
{
    bool follows = follow->state == MU_FOLLOW_CATCH_UP || follow->state == MU_FOLLOW_SERVING;
    if (!follows || apply(follow, ev, out, changed, owner)) {
        return; /* if not, the scan and the catching up that come bring it anyway */
    }
    if (follow->asked == 0) {
        mu_outbox_note(out, "gap in the log behind %llu -> ask", (unsigned long long)follow->seq);
        ask(follow, ev, out);
    }
}

static bool is_answer(const struct mu_follow *follow, const struct mu_msg_envelope *envelope)
{
    return envelope->frame == MU_FRAME_REPLY && follow->asked != 0 &&
           envelope->answers_incarnation == follow->incarnation &&
           envelope->answers_sequence == follow->asked;
}

static int take_error(struct mu_follow *follow, const struct mu_event *ev, struct mu_outbox *out)
{
    uint64_t error = ev->msg->error.code;
    if (follow->state == MU_FOLLOW_RELEASE) {
        if (error == MU_ERROR_FENCED || error == MU_ERROR_UNSUPPORTED) {
            end(follow); /* another process has it; or the store is older, and silence has to do */
        }
        return 1;
    }
    if (error == MU_ERROR_FENCED) {
        return -ESTALE;
    }
    if (error == MU_ERROR_OWNED) {
        if (follow->state != MU_FOLLOW_STANDBY) {
            mu_outbox_note(out, "%s -> standby", ev->msg->error.detail);
        }
        follow->state = MU_FOLLOW_STANDBY;
        follow->asked = 0;
        follow->retry_ms = ev->now_ms + MU_FOLLOW_STANDBY_MS;
    }
    return 1; /* asked again when retry_ms has come */
}

int mu_follow_message(struct mu_follow *follow, const struct mu_event *ev, struct mu_outbox *out,
                      mu_follow_fn *changed, void *owner)
{
    const struct mu_msg *msg = ev->msg;
    bool answer = is_answer(follow, ev->envelope);
    if (msg->op == MU_OP_CHANGES && strcmp(msg->changes.partition, follow->partition) == 0) {
        if (ev->envelope->frame == MU_FRAME_EVENT) {
            take_push(follow, ev, out, changed, owner);
        } else if (answer && msg->changes.snapshot == (follow->state == MU_FOLLOW_SCAN)) {
            follow->sure_ms = follow->asked_ms;
            follow->unsure = false;
            if (msg->changes.snapshot) {
                take_snapshot(follow, ev, out, changed, owner);
            } else {
                take_answer(follow, ev, out, changed, owner);
            }
        }
        return 1;
    }
    if (msg->op == MU_OP_EPOCH && answer) {
        return take_epoch(follow, ev, out);
    }
    if (msg->op == MU_OP_ERROR && answer) {
        return take_error(follow, ev, out);
    }
    return 0;
}
