#include "tools/recorder.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/address.h"
#include "core/follow.h"
#include "core/placement.h"
#include "core/store.h"

#define PARTITIONS_MAX (MU_REGIONS_MAX + MU_LOBBIES_MAX)
#define LOOK_MS        100 /* between two looks at whether to stop */

enum state {
    STATE_JOIN,
    STATE_RECORD,
    STATE_FINISH,
};

struct partition {
    struct mu_follow follow;
    bool served;     /* it was known to its end once */
    int64_t look_ms; /* wall time of the last answer behind which there was nothing more */
    int64_t safe_ms; /* the one before: what happened until then stood in the last answer */
};

struct recorder {
    struct mu_actor base;
    const struct mu_config *config;
    struct mu_recorder_job *job;
    enum state state;
    int64_t heard_ms;   /* now_ms of the last word from the store */
    int64_t tick_ms;    /* now_ms of the next look around */
    int64_t flush_ms;   /* now_ms of the next write */
    int64_t end_ms;     /* FINISH: wall time until which it is recorded */
    int64_t give_up_ms; /* FINISH: now_ms */
    struct mu_decoder *decoder;
    struct mu_msg *record; /* scratch */
    uint32_t partitions_count;
    struct partition partitions[PARTITIONS_MAX];
};

static struct recorder *recorder_of(struct mu_actor *actor)
{
    return (struct recorder *)(void *)actor; /* the base comes first */
}

static const struct recorder *recorder_of_const(const struct mu_actor *actor)
{
    return (const struct recorder *)(const void *)actor; /* the base comes first */
}

static void destroy(struct mu_actor *actor)
{
    if (actor != NULL) {
        struct recorder *recorder = recorder_of(actor);
        mu_decoder_destroy(recorder->decoder);
        free(recorder->record);
        free(recorder);
    }
}

static int create(const struct mu_actor_env *env, struct mu_actor **ret)
{
    const struct mu_recorder_config *given = (const struct mu_recorder_config *)(const void *)
                                                 env->config; /* as the host's owner has it */
    struct recorder *recorder = calloc(1, sizeof *recorder);
    if (recorder == NULL) {
        return -ENOMEM;
    }
    recorder->base.ops = &mu_recorder_ops;
    recorder->config = env->config;
    recorder->job = given->job;
    recorder->decoder = mu_decoder_create();
    recorder->record = malloc(sizeof *recorder->record);
    recorder->partitions_count =
        (uint32_t)env->config->settings.lobbies + env->config->regions_count;
    for (uint32_t i = 0; i < recorder->partitions_count; i++) {
        char name[MU_ADDRESS_MAX + 1];
        if (i < env->config->settings.lobbies) { /* where matches are */
            mu_address_lobby(i, name);
        } else {
            mu_address_queue(env->config->regions[i - env->config->settings.lobbies].name, name);
        }
        mu_follow_init_reader(&recorder->partitions[i].follow, env, name);
    }
    if (recorder->decoder == NULL || recorder->record == NULL) {
        destroy(&recorder->base);
        return -ENOMEM;
    }
    *ret = &recorder->base;
    return 0;
}

static void note_failure(struct recorder *recorder, int r)
{
    if (r != 0 && recorder->job->failed == 0) {
        recorder->job->failed = r;
        recorder->job->ended = 1;
    }
}

static void give_up(struct recorder *recorder, const char *problem, const char *which)
{
    (void)snprintf(recorder->job->problem, sizeof recorder->job->problem, "%s%s", problem, which);
    recorder->job->ended = 1;
}

/* Whether the record of a change is there and decodes. */
static bool read_record(struct recorder *recorder, const struct mu_msg_change *object,
                        enum mu_op op, struct mu_outbox *out)
{
    if (object->record.size == 0) {
        return false;
    }
    if (mu_msg_decode(recorder->decoder, op, object->record.data, object->record.size,
                      recorder->record) == 0) {
        return true;
    }
    mu_outbox_note(out, "record of %s does not decode -> ignored", object->id);
    return false;
}

/* mu_follow_fn */
static void changed(void *owner, const struct mu_msg_change *object, const struct mu_event *ev,
                    struct mu_outbox *out)
{
    struct recorder *recorder = owner;
    struct mu_recording *recording = recorder->job->recording;
    const struct mu_msg *record = recorder->record;
    if (object->table == MU_TABLE_TICKET && object->record.size == 0) {
        mu_recording_gone(recording, object->id, ev->wall_ms);
    } else if (object->table == MU_TABLE_TICKET &&
               read_record(recorder, object, MU_OP_TICKET, out)) {
        note_failure(recorder, mu_recording_ticket(recording, &record->ticket, ev->wall_ms));
    } else if (object->table == MU_TABLE_MATCH && read_record(recorder, object, MU_OP_MATCH, out)) {
        note_failure(recorder, mu_recording_match(recording, &record->match));
    } else if (object->table == MU_TABLE_RULESET && object->record.size == 0) {
        note_failure(recorder, mu_recording_rules(recording, object->id, NULL));
    } else if (object->table == MU_TABLE_RULESET &&
               read_record(recorder, object, MU_OP_RULESET, out)) {
        note_failure(recorder, mu_recording_rules(recording, object->id, &record->ruleset));
    }
}

/* Wall time until which everything is known. */
static int64_t safe_of(const struct recorder *recorder)
{
    int64_t ret = INT64_MAX;
    for (uint32_t i = 0; i < recorder->partitions_count; i++) {
        int64_t safe_ms = recorder->partitions[i].safe_ms - MU_RECORDER_MARGIN_MS;
        ret = safe_ms < ret ? safe_ms : ret;
    }
    return ret;
}

static bool all_served(const struct recorder *recorder)
{
    for (uint32_t i = 0; i < recorder->partitions_count; i++) {
        if (!recorder->partitions[i].served) {
            return false;
        }
    }
    return true;
}

static void begin(struct recorder *recorder, const struct mu_event *ev)
{
    struct mu_recorder_job *job = recorder->job;
    recorder->state = STATE_RECORD;
    job->begun = true;
    job->start_ms = ev->wall_ms;
    note_failure(recorder, mu_recording_begin(job->recording, ev->wall_ms));
    if (job->failed == 0) {
        (void)printf("recording\n");
        (void)fflush(stdout); /* whoever started us waits for it; a closed stdout is his affair */
    }
}

/* What a message did to the partition whose it was. */
static void look(struct recorder *recorder, struct partition *partition,
                 enum mu_follow_state before, const struct mu_event *ev)
{
    const struct mu_follow *follow = &partition->follow;
    recorder->heard_ms = ev->now_ms;
    if (partition->served && before != MU_FOLLOW_SCAN && follow->state == MU_FOLLOW_SCAN) {
        recorder->job->gaps++;
    }
    if (mu_follow_serving(follow) && follow->asked == 0) {
        partition->served = true;
        partition->safe_ms = partition->look_ms;
        partition->look_ms = ev->wall_ms;
    }
}

static void take_message(struct recorder *recorder, const struct mu_event *ev,
                         struct mu_outbox *out)
{
    for (uint32_t i = 0; i < recorder->partitions_count; i++) {
        struct partition *partition = &recorder->partitions[i];
        struct mu_follow *follow = &partition->follow;
        enum mu_follow_state before = follow->state;
        bool answers = ev->envelope->frame == MU_FRAME_REPLY && follow->asked != 0 &&
                       ev->envelope->answers_sequence == follow->asked;
        if (!answers) {
            continue;
        }
        if (ev->msg->op == MU_OP_ERROR && ev->msg->error.code == MU_ERROR_NOT_FOUND) {
            give_up(recorder, "the cluster has other regions or lobbies than the configuration: ",
                    ev->msg->error.detail);
            return;
        }
        /* Never fenced: a reader has no epoch. */
        if (mu_follow_message(follow, ev, out, changed, recorder) != 0 &&
            ev->msg->op != MU_OP_ERROR) {
            look(recorder, partition, before, ev);
        }
        break;
    }
    if (recorder->state == STATE_JOIN && all_served(recorder)) {
        begin(recorder, ev);
    }
}

static void flush_files(struct recorder *recorder)
{
    note_failure(recorder, mu_record_file_flush(recorder->job->tickets));
    if (recorder->job->matches != NULL) {
        note_failure(recorder, mu_record_file_flush(recorder->job->matches));
    }
}

static void finish(struct recorder *recorder, const struct mu_event *ev)
{
    recorder->state = STATE_FINISH;
    recorder->end_ms = ev->wall_ms;
    recorder->give_up_ms = ev->now_ms + MU_RECORDER_FINISH_MS;
    if (recorder->job->duration_ms > 0 &&
        recorder->end_ms > recorder->job->start_ms + recorder->job->duration_ms) {
        recorder->end_ms = recorder->job->start_ms + recorder->job->duration_ms;
    }
}

/* Writes the rest. */
static void end(struct recorder *recorder, int64_t safe_ms)
{
    struct mu_recorder_job *job = recorder->job;
    int64_t known_ms = safe_ms < recorder->end_ms ? safe_ms : recorder->end_ms;
    job->end_ms = known_ms > job->start_ms ? known_ms : job->start_ms;
    job->missing_ms = recorder->end_ms - job->end_ms;
    note_failure(recorder, mu_recording_end(job->recording, job->end_ms));
    flush_files(recorder);
    job->ended = 1;
}

static void look_around(struct recorder *recorder, const struct mu_event *ev)
{
    struct mu_recorder_job *job = recorder->job;
    int64_t safe_ms = safe_of(recorder);
    bool asked = *job->asked != 0;
    recorder->tick_ms = ev->now_ms + LOOK_MS;
    switch (recorder->state) {
    case STATE_JOIN:
        if (asked) {
            give_up(recorder, "it was stopped before it had begun", "");
        } else if (ev->now_ms - recorder->heard_ms >= MU_RECORDER_JOIN_MS) {
            give_up(recorder, "no answer from a store through the broker", "");
        }
        return;
    case STATE_RECORD:
        note_failure(recorder, mu_recording_advance(job->recording, safe_ms));
        if (asked || (job->duration_ms > 0 && ev->wall_ms - job->start_ms >= job->duration_ms)) {
            finish(recorder, ev);
        }
        break;
    case STATE_FINISH:
        if (safe_ms >= recorder->end_ms || ev->now_ms >= recorder->give_up_ms) {
            end(recorder, safe_ms);
        }
        break;
    }
    if (recorder->flush_ms <= ev->now_ms) {
        recorder->flush_ms = ev->now_ms + MU_RECORDER_FLUSH_MS;
        flush_files(recorder);
    }
}

static int step(struct mu_actor *actor, const struct mu_event *ev, struct mu_outbox *out)
{
    struct recorder *recorder = recorder_of(actor);
    if (recorder->job->ended != 0) {
        return 0;
    }
    switch (ev->type) {
    case MU_EV_START:
        recorder->heard_ms = ev->now_ms;
        recorder->tick_ms = ev->now_ms;
        for (uint32_t i = 0; i < recorder->partitions_count; i++) {
            mu_follow_tick(&recorder->partitions[i].follow, ev, out);
        }
        break;
    case MU_EV_MESSAGE: take_message(recorder, ev, out); break;
    case MU_EV_TIMER:
        for (uint32_t i = 0; i < recorder->partitions_count; i++) {
            mu_follow_tick(&recorder->partitions[i].follow, ev, out);
        }
        if (recorder->tick_ms <= ev->now_ms) {
            look_around(recorder, ev);
        }
        break;
    case MU_EV_BATCH_END:
    case MU_EV_DRAIN:
    case MU_EV_STOP: break;
    }
    return 0;
}

static int64_t deadline(const struct mu_actor *actor)
{
    const struct recorder *recorder = recorder_of_const(actor);
    int64_t ret = recorder->tick_ms;
    for (uint32_t i = 0; i < recorder->partitions_count; i++) {
        int64_t due_ms = mu_follow_deadline(&recorder->partitions[i].follow);
        ret = due_ms < ret ? due_ms : ret;
    }
    return ret;
}

static void stats(const struct mu_actor *actor, int64_t now_ms, struct mu_msg_stats *ret)
{
    const struct recorder *recorder = recorder_of_const(actor);
    (void)now_ms; /* the host says how long it has run */
    (void)snprintf(ret->kind, sizeof ret->kind, "%s", mu_recorder_ops.kind);
    ret->ready = recorder->state == STATE_RECORD;
}

static uint64_t epoch(const struct mu_actor *actor)
{
    (void)actor;
    return 0;
}

static enum mu_life life(const struct mu_actor *actor)
{
    bool records = recorder_of_const(actor)->state == STATE_RECORD;
    return records ? MU_LIFE_SERVING : MU_LIFE_STARTING;
}

static bool drained(const struct mu_actor *actor)
{
    (void)actor; /* what it has is in its files */
    return true;
}

static void check(const struct mu_actor *actor)
{
    const struct recorder *recorder = recorder_of_const(actor);
    assert(recorder->partitions_count <= PARTITIONS_MAX);
    for (uint32_t i = 0; i < recorder->partitions_count; i++) {
        assert(recorder->partitions[i].safe_ms <= recorder->partitions[i].look_ms);
        assert(recorder->partitions[i].follow.epoch == 0);
    }
    mu_recording_check(recorder->job->recording);
}

const struct mu_actor_ops mu_recorder_ops = {
    .kind = "tool",
    .create = create,
    .step = step,
    .deadline = deadline,
    .stats = stats,
    .epoch = epoch,
    .life = life,
    .drained = drained,
    .check = check,
    .destroy = destroy,
};
