/* actors/store_backup.c - has the engine write a backup, and answers when it is durable.
 *
 * One is written at a time.  Who asks again, with the same name and idempotency key, takes the
 * place of who asked before.  When half of his time is over he is told that it takes longer, and
 * asks again. */
#include "actors/store_keeper.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/store.h"

static_assert(sizeof((struct mu_msg_store_backup *)NULL)->name == MU_STORE_BACKUP_NAME_MAX + 1,
              "a name that travels is one that the engine takes");

/* Why a backup cannot be begun, as an answer. */
static int refuse(struct mu_keeper *keeper, int r, const char *name)
{
    switch (-r) {
    case EINVAL:
        return mu_keeper_refuse(keeper, MU_ERROR_VALIDATION_FAILED,
                                "a backup's name is of letters, digits, _ . -");
    case EBUSY:
        return mu_keeper_refuse(keeper, MU_ERROR_CONFLICT, "backup %s is being written",
                                keeper->backup.state.name);
    case EEXIST:
        return mu_keeper_refuse(keeper, MU_ERROR_CONFLICT, "there is a backup %s already", name);
    case ENOSPC:
        return mu_keeper_refuse(keeper, MU_ERROR_STORAGE_FULL,
                                "the disk has no room for a backup and for new work");
    case ENOTSUP:
        return mu_keeper_refuse(keeper, MU_ERROR_UNSUPPORTED, "this store writes no backups");
    case EBADMSG:
        return mu_keeper_refuse(keeper, MU_ERROR_BACKUP_FAILED,
                                "the copy is damaged: check the store with muster verify");
    default: return mu_keeper_refuse(keeper, MU_ERROR_BACKUP_FAILED, "system error %d", -r);
    }
}

/* Sets the answer to how the backup stands. */
static int answer_state(struct mu_keeper *keeper)
{
    struct mu_keeper_backup *backup = &keeper->backup;
    if (!backup->running && backup->result != 0) {
        return refuse(keeper, backup->result, backup->state.name);
    }
    if (backup->running) {
        backup->state.took_ms = (uint64_t)(keeper->event->now_ms - backup->begun_ms);
    }
    keeper->reply->op = MU_OP_BACKUP;
    keeper->reply->backup = backup->state;
    return mu_keeper_answer(keeper, keeper->reply);
}

/* Whether the request is the one that began the last backup, once more. */
static bool repeats(const struct mu_keeper *keeper, const char *name)
{
    const struct mu_keeper_backup *backup = &keeper->backup;
    return backup->begun && strcmp(backup->asked, name) == 0 &&
           strcmp(backup->key, keeper->event->envelope->idempotency_key) == 0;
}

/* Keeps who asks until the backup has ended. */
static int answer_later(struct mu_keeper *keeper)
{
    struct mu_keeper_backup *backup = &keeper->backup;
    backup->waits = true;
    backup->asker = *keeper->event->envelope;
    backup->answer_ms = keeper->event->now_ms + (int64_t)(backup->asker.budget_ms / 2);
    keeper->later = true;
    return 0;
}

int mu_keeper_store_backup(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    struct mu_keeper_backup *backup = &keeper->backup;
    struct mu_store *store = keeper->rows.store;
    const char *asked = msg->store_backup.name;
    if (repeats(keeper, asked)) {
        return backup->running ? answer_later(keeper) : answer_state(keeper);
    }
    char made[MU_ID_MAX + 1];
    mu_id_make(&keeper->ids, MU_ID_PREFIX_BACKUP, keeper->event->wall_ms, made);
    const char *name = asked[0] != '\0' ? asked : made;
    int r = backup->running ? -EBUSY : store->ops->backup(store, name);
    if (r != 0) {
        return refuse(keeper, r, name);
    }
    *backup = (struct mu_keeper_backup){
        .begun = true,
        .running = true,
        .begun_ms = keeper->event->now_ms,
        .poll_ms = keeper->event->now_ms + MU_STORE_BACKUP_POLL_MS,
    };
    memcpy(backup->key, keeper->event->envelope->idempotency_key, sizeof backup->key);
    (void)snprintf(backup->state.name, sizeof backup->state.name, "%s", name);
    (void)snprintf(backup->asked, sizeof backup->asked, "%s", asked);
    mu_outbox_note(keeper->out, "backup %s begun", name);
    return answer_later(keeper);
}

int64_t mu_keeper_backup_deadline(const struct mu_keeper *keeper)
{
    return keeper->backup.running ? keeper->backup.poll_ms : MU_NEVER;
}

void mu_keeper_backup_tend(struct mu_keeper *keeper)
{
    struct mu_keeper_backup *backup = &keeper->backup;
    struct mu_store *store = keeper->rows.store;
    int64_t now_ms = keeper->event->now_ms;
    uint64_t bytes = 0;
    int r = store->ops->backup_poll(store, &bytes);
    backup->poll_ms = now_ms + MU_STORE_BACKUP_POLL_MS;
    if (r != -EINPROGRESS) {
        backup->running = false;
        backup->result = r;
        backup->state.complete = r == 0;
        backup->state.bytes = bytes;
        backup->state.took_ms = (uint64_t)(now_ms - backup->begun_ms);
        keeper->counters.values[r == 0 ? MU_COUNTER_BACKUPS : MU_COUNTER_BACKUPS_FAILED]++;
        mu_outbox_note(keeper->out, "backup %s: %d", backup->state.name, r);
    }
    if (backup->waits && (!backup->running || now_ms >= backup->answer_ms)) {
        backup->waits = false;
        keeper->answer = NULL;
        (void)answer_state(keeper); /* an error is an answer, too */
        mu_outbox_reply(keeper->out, &backup->asker, keeper->answer);
    }
}
