/* actors/queue_rules.c - the modes' rule sets, as the partition's log says. */
#include "actors/queue_shard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Copies the text of a document, in place of the one before. */
static int keep_text(struct queue_pool *pool, struct mu_slice text)
{
    uint8_t *copy = malloc(text.size > 0 ? text.size : 1);
    if (copy == NULL) {
        return -ENOMEM;
    }
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    free(pool->rules_text);
    pool->rules_text = copy;
    pool->rules_bytes = text.size;
    return 0;
}

static void forget(struct queue_pool *pool)
{
    free(pool->rules_text);
    pool->rules_text = NULL;
    pool->rules_bytes = 0;
    pool->rules_version = 0;
}

void mu_queue_rules_changed(struct queue_shard *shard, const struct mu_msg_change *change)
{
    int32_t mode = mu_config_mode(shard->config, change->id);
    if (mode < 0) {
        return; /* a mode that is gone */
    }
    struct queue_pool *pool = &shard->pools[mode];
    if (change->record.size == 0) {
        forget(pool);
        return;
    }
    if (mu_msg_decode(shard->decoder, MU_OP_RULESET, change->record.data, change->record.size,
                      &shard->record) != 0) {
        mu_outbox_note(shard->out, "rule set %s: its record does not decode -> ignored",
                       change->id);
        return;
    }
    const struct mu_msg_ruleset *ruleset = &shard->record.ruleset;
    pool->rules_scan = shard->scan;
    if (ruleset->version == pool->rules_version) {
        return; /* a version never changes */
    }
    if (keep_text(pool, ruleset->text) != 0) {
        shard->failed = -ENOMEM;
        return;
    }
    pool->rules_version = ruleset->version;
    mu_outbox_note(shard->out, "rule set %s: version %llu holds", change->id,
                   (unsigned long long)ruleset->version);
}

void mu_queue_rules_scan_end(struct queue_shard *shard)
{
    for (uint32_t i = 0; i < shard->config->modes_count; i++) {
        struct queue_pool *pool = &shard->pools[i];
        if (pool->rules_version != 0 && pool->rules_scan != shard->scan) {
            forget(pool); /* the store was restored from a time before it */
        }
    }
}

void mu_queue_rules_release(struct queue_shard *shard)
{
    for (uint32_t i = 0; i < shard->pools_count; i++) {
        forget(&shard->pools[i]);
    }
}
