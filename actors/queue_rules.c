/* actors/queue_rules.c - the modes' rule sets, as the partition's log says. */
#include "actors/queue_shard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "actors/rules_compile.h"

/* From now on the pool is judged by this document, or (version 0) by its mode alone.
 *
 * Returns 0; -EINVAL when this software does not understand it: then nothing changes; -ENOMEM. */
static int adopt(struct queue_shard *shard, uint32_t mode, struct mu_slice text, uint64_t version)
{
    struct queue_pool *pool = &shard->pools[mode];
    struct mu_rulebook book;
    uint8_t *copy = malloc(text.size > 0 ? text.size : 1);
    int r = copy == NULL ? -ENOMEM : mu_rules_of_queue(shard->config, mode, text, version, &book);
    if (r != 0) {
        free(copy);
        return r;
    }
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    mu_rulebook_release(&pool->book);
    free(pool->rules_text);
    pool->book = book;
    pool->rules_text = copy;
    pool->rules_bytes = text.size;
    pool->rules_version = version;
    mu_queue_pool_restart(shard, mode);
    return 0;
}

/* Back to the mode's own rules, if it has others. */
static void forget(struct queue_shard *shard, uint32_t mode)
{
    const struct mu_slice none = { NULL, 0 };
    if (shard->pools[mode].rules_version != 0 && adopt(shard, mode, none, 0) != 0) {
        shard->failed = -ENOMEM;
    }
}

void mu_queue_rules_changed(struct queue_shard *shard, const struct mu_msg_change *change)
{
    int32_t mode = mu_config_mode(shard->config, change->id);
    if (mode < 0) {
        return; /* a mode that is gone */
    }
    if (change->record.size == 0) {
        forget(shard, (uint32_t)mode);
        return;
    }
    if (mu_msg_decode(shard->decoder, MU_OP_RULESET, change->record.data, change->record.size,
                      &shard->record) != 0) {
        mu_outbox_note(shard->out, "rule set %s: its record does not decode -> ignored",
                       change->id);
        return;
    }
    const struct mu_msg_ruleset *ruleset = &shard->record.ruleset;
    struct queue_pool *pool = &shard->pools[mode];
    pool->rules_scan = shard->scan;
    if (ruleset->version == pool->rules_version) {
        return; /* a version never changes */
    }
    int r = adopt(shard, (uint32_t)mode, ruleset->text, ruleset->version);
    if (r == -ENOMEM) {
        shard->failed = r;
        return;
    }
    mu_outbox_note(shard->out,
                   r == 0 ? "rule set %s: version %llu holds"
                          : "rule set %s: version %llu is not understood -> as before",
                   change->id, (unsigned long long)ruleset->version);
}

void mu_queue_rules_scan_end(struct queue_shard *shard)
{
    for (uint32_t i = 0; i < shard->config->modes_count; i++) {
        if (shard->pools[i].rules_scan != shard->scan) {
            forget(shard, i); /* the store was restored from a time before it */
        }
    }
}
