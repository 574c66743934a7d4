/* actors/store_epoch.c - who owns a partition, and when another process may take it over.
 *
 * What is safe is decided by the epoch alone, which is durable and compared with each request.  The
 * rest is there so that two processes do not push each other out for ever: an owner that is heard
 * keeps its partition, and who asks for it meanwhile is told to stand by.  That part is in memory,
 * and may read a clock. */
#include "actors/store_keeper.h"

#include <assert.h>
#include <string.h>

#include "core/follow.h"

/* Without any request for so long it was the store, or all of its brokers, that was away: that an
 * owner was silent says nothing then.  One that stands by asks more often. */
enum { DEAF_MS = 1000 };
static_assert(MU_FOLLOW_STANDBY_MS < DEAF_MS, "who stands by keeps the store awake");

void mu_keeper_owners_heard(struct mu_keeper *keeper)
{
    for (uint32_t i = 0; i < keeper->partitions_count; i++) {
        keeper->partitions[i].heard_ms = keeper->event->now_ms;
    }
}

void mu_keeper_listen(struct mu_keeper *keeper)
{
    int64_t now_ms = keeper->event->now_ms;
    if (now_ms - keeper->asked_ms > DEAF_MS) {
        mu_keeper_owners_heard(keeper);
    }
    keeper->asked_ms = now_ms;
}

/* Who has a partition, for people. */
static const char *holder_of(const struct mu_partition *partition)
{
    const char *holder = partition->epoch.holder;
    return holder[0] != '\0' ? holder : "a process without a name";
}

static int refuse_fence(struct mu_keeper *keeper, const struct mu_partition *partition)
{
    uint64_t fence = keeper->event->envelope->fence;
    uint64_t epoch = partition == NULL ? 0 : partition->epoch.epoch;
    const char *holder = epoch == 0 ? "nobody" : holder_of(partition);
    if (epoch != 0 && fence == epoch) {
        return mu_keeper_refuse(keeper, MU_ERROR_FENCED, "epoch %llu is another process's: %s",
                                (unsigned long long)epoch, holder);
    }
    return mu_keeper_refuse(keeper, MU_ERROR_FENCED,
                            "epoch %llu, the partition is at %llu and with %s",
                            (unsigned long long)fence, (unsigned long long)epoch, holder);
}

int mu_keeper_check_fence(struct mu_keeper *keeper, int32_t partition)
{
    const struct mu_msg_envelope *envelope = keeper->event->envelope;
    struct mu_partition *at = partition < 0 ? NULL : &keeper->partitions[partition];
    bool owns = at != NULL && envelope->fence == at->epoch.epoch &&
                envelope->incarnation == at->epoch.incarnation;
    if (!owns || envelope->fence == 0) {
        return refuse_fence(keeper, at);
    }
    at->heard_ms = keeper->event->now_ms;
    return 0;
}

/* For how long the partition is still its owner's alone, whoever else asks; 0: not any more. */
static int64_t owned_ms(const struct mu_keeper *keeper, const struct mu_partition *partition,
                        const struct mu_msg_epoch_take *request)
{
    const struct mu_msg_epoch *epoch = &partition->epoch;
    bool restarts = strcmp(request->holder, epoch->holder) == 0;
    if (epoch->incarnation == 0 || partition->released || request->holder[0] == '\0' || restarts) {
        return 0;
    }
    int64_t until_ms = partition->heard_ms + (int64_t)keeper->config->settings.takeover_ms;
    return until_ms > keeper->event->now_ms ? until_ms - keeper->event->now_ms : 0;
}

/* Refuses it to a process that is to stand by. */
static int refuse_owned(struct mu_keeper *keeper, const struct mu_partition *partition,
                        int64_t left_ms)
{
    int r = mu_keeper_refuse(keeper, MU_ERROR_OWNED, "%s is with %s", partition->name,
                             holder_of(partition));
    keeper->reply->error.retry_after_ms = (uint64_t)left_ms;
    return r;
}

int mu_keeper_epoch_take(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_epoch_take *request = &msg->epoch_take;
    int32_t at = mu_keeper_partition(keeper, request->partition);
    if (at < 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_NOT_FOUND, "there is no partition %s",
                                request->partition);
    }
    if (request->incarnation != keeper->event->envelope->incarnation) {
        return mu_keeper_refuse(keeper, MU_ERROR_BAD_REQUEST,
                                "the incarnation is not the sender's");
    }
    struct mu_partition *partition = &keeper->partitions[at];
    struct mu_msg_epoch *epoch = &partition->epoch;
    if (epoch->epoch > 0 && epoch->former == request->incarnation && request->incarnation != 0) {
        /* A late repeat from the owner before: it must not push out the one after it. */
        return mu_keeper_refuse(keeper, MU_ERROR_FENCED, "%s is with %s", partition->name,
                                holder_of(partition));
    }
    bool owner = epoch->epoch > 0 && epoch->incarnation == request->incarnation;
    int64_t left_ms = owner ? 0 : owned_ms(keeper, partition, request);
    if (left_ms > 0) {
        return refuse_owned(keeper, partition, left_ms);
    }
    int r = mu_keeper_rules_join(keeper, at);
    if (r != 0) {
        return r;
    }
    if (!owner) {
        if (epoch->incarnation != 0) { /* else nobody's since a restore, which named the former */
            epoch->former = epoch->incarnation;
        }
        epoch->incarnation = request->incarnation;
        memcpy(epoch->holder, request->holder, sizeof epoch->holder);
        epoch->epoch++;
        partition->dirty = true;
        partition->released = false;
    }
    partition->heard_ms = keeper->event->now_ms;
    keeper->reply->op = MU_OP_EPOCH;
    keeper->reply->epoch = *epoch;
    return mu_keeper_answer(keeper, keeper->reply);
}

int mu_keeper_epoch_release(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const char *name = msg->epoch_release.partition;
    int32_t at = mu_keeper_partition(keeper, name);
    if (at < 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_NOT_FOUND, "there is no partition %s", name);
    }
    int r = mu_keeper_check_fence(keeper, at); /* a late one is not to release the next owner */
    if (r != 0) {
        return r;
    }
    keeper->partitions[at].released = true;
    keeper->reply->op = MU_OP_EPOCH;
    keeper->reply->epoch = keeper->partitions[at].epoch;
    return mu_keeper_answer(keeper, keeper->reply);
}
