/* tests/sim/check_owner.c - one owner at a time: whom the store gives a partition to, and that it
 * takes nothing from a former owner after that. */
#include <inttypes.h>
#include <string.h>

#include "checks_state.h"

enum { HANDOVER_MS = 1000 }; /* for what is under way, and until who stands by asks again */

void checks_started(struct sim *sim, const struct node *node)
{
    struct checks *checks = sim->checks;
    for (uint32_t i = 0; i < checks->partitions_count; i++) {
        if (strcmp(checks->partitions[i], node->partition) == 0) {
            checks->lives[checks->lives_count++ % LIVES_MAX] =
                (struct owner_life){ .incarnation = node->life, .partition = i };
        }
    }
}

void checks_asked(struct sim *sim, const struct mu_msg_envelope *envelope)
{
    struct checks *checks = sim->checks;
    bool owns = envelope->fence != 0 || envelope->op == MU_OP_EPOCH_TAKE;
    if (envelope->op == MU_OP_LOBBY_CREATE) {
        return; /* any lobby actor may: what it makes is in no partition yet */
    }
    if (envelope->op == MU_OP_LOBBY_GET ||
        checks_read(checks, MU_TABLE_IDEMPOTENCY, MU_OP_IDEMPOTENCY, envelope->idempotency_key)) {
        return; /* to read changes nothing, nor to ask again what was taken before */
    }
    for (uint32_t i = 0; i < LIVES_MAX && owns; i++) {
        if (checks->lives[i].incarnation == envelope->incarnation && envelope->incarnation != 0) {
            checks->asked[checks->asked_count++ % ASKED_MAX] = (struct owner_asked){
                .incarnation = envelope->incarnation,
                .sequence = envelope->sequence,
                .fence = envelope->fence,
                .partition = checks->lives[i].partition,
            };
            return;
        }
    }
}

static const struct owner_asked *find(const struct checks *checks,
                                      const struct mu_msg_envelope *answer)
{
    for (uint32_t i = 0; i < ASKED_MAX; i++) {
        const struct owner_asked *asked = &checks->asked[i];
        if (asked->sequence != 0 && asked->incarnation == answer->answers_incarnation &&
            asked->sequence == answer->answers_sequence) {
            return asked;
        }
    }
    return NULL;
}

/* The partition goes to who asked, or is his already. */
static void check_grant(struct checks *checks, const struct owner_asked *asked,
                        const struct mu_msg_epoch *epoch)
{
    const char *name = checks->partitions[asked->partition];
    struct owner_grant *grant = &checks->grants[asked->partition];
    if (epoch->epoch < grant->epoch ||
        (epoch->epoch == grant->epoch && epoch->incarnation != grant->incarnation)) {
        sim_fail(checks->sim, "%s: epoch %" PRIu64 " is given to a second process, at %" PRIu64,
                 name, epoch->epoch, grant->epoch);
    }
    if (epoch->epoch > grant->epoch) {
        *grant = (struct owner_grant){
            .epoch = epoch->epoch,
            .incarnation = epoch->incarnation,
            .at_ms = checks->sim->now_ms,
            .late = grant->late + (checks->sim->now_ms >= checks->sim->strict_ms ? 1 : 0),
        };
    }
}

void checks_answered(struct sim *sim, const struct mu_msg_envelope *answer, struct mu_slice body)
{
    struct checks *checks = sim->checks;
    const struct owner_asked *asked = NULL;
    if (answer->frame == MU_FRAME_REPLY && answer->op != MU_OP_ERROR) {
        asked = find(checks, answer);
    }
    if (asked == NULL) {
        return;
    }
    uint64_t epoch = checks->grants[asked->partition].epoch;
    if (asked->fence != 0 && asked->fence < epoch) {
        sim_fail(sim, "%s: the store took %s under epoch %" PRIu64 " after it gave %" PRIu64,
                 checks->partitions[asked->partition], mu_msg_layout((uint32_t)answer->op)->name,
                 asked->fence, epoch);
    }
    if (answer->op == MU_OP_EPOCH && asked->fence == 0 &&
        mu_msg_decode(checks->decoder, MU_OP_EPOCH, body.data, body.size, &checks->record) == 0) {
        check_grant(checks, asked, &checks->record.epoch);
    }
}

/* An owner that was asked to end, and had time for it, did not leave his partition alone. */
static void check_handover(struct sim *sim, const struct owner_grant *grant, const char *name)
{
    bool asked = sim->handover_ms > 0 && strcmp(sim->drilled, name) == 0 &&
                 sim->config.settings.drain_ms >= HANDOVER_MS;
    if (asked &&
        (grant->at_ms < sim->handover_ms || grant->at_ms > sim->handover_ms + HANDOVER_MS)) {
        sim_fail(sim, "%s was not handed over", name);
    }
}

/* One process serves each partition, all others stand by; and it was given away in the strict time
 * only where its owner was disturbed. */
void checks_owners(struct sim *sim)
{
    const struct checks *checks = sim->checks;
    for (uint32_t p = 0; p < checks->partitions_count; p++) {
        uint32_t serving = 0;
        for (uint32_t i = 0; i < sim->nodes_count; i++) {
            const struct node *node = &sim->nodes[i];
            if (!node->up || strcmp(node->partition, checks->partitions[p]) != 0) {
                continue;
            }
            enum mu_life life = node->ops->life(node->actor);
            serving += life == MU_LIFE_SERVING;
            if (life != MU_LIFE_SERVING && life != MU_LIFE_STANDBY) {
                sim_fail(sim, "%s is %s after the calm", node->name,
                         mu_enum_text(mu_life_texts, life));
            }
        }
        if (serving != 1) {
            sim_fail(sim, "%u processes serve %s", serving, checks->partitions[p]);
        }
        check_handover(sim, &checks->grants[p], checks->partitions[p]);
        uint64_t most = strcmp(sim->drilled, checks->partitions[p]) == 0 ? 1 : 0;
        if (checks->grants[p].late > most) {
            sim_fail(sim, "%s changed hands %" PRIu64 " times in the calm", checks->partitions[p],
                     checks->grants[p].late);
        }
    }
}
