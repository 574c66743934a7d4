/* actors/audit_rules.c - rule sets against their versions, and against what is live. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "actors/audit_private.h"
#include "actors/token.h"

/* Reads a version (its text borrowed until the next read) into audit->other. */
static int need_version(struct mu_audit *audit, const char *name, uint64_t version)
{
    struct mu_key key;
    mu_rows_key_numbered(&key, name, version);
    int r = mu_rows_get(&audit->rows, MU_TABLE_RULESET_VERSION, &key, audit->other);
    if (r == -ENOENT || r == -EBADMSG) {
        return mu_audit_fault(audit, "rule set %s: version %llu %s", name,
                              (unsigned long long)version,
                              r == -ENOENT ? "is not there" : "is damaged");
    }
    return r;
}

/* The text in audit->other, just read, has the hash that it says, and so does `ruleset`. */
static int expect_hash(struct mu_audit *audit, const struct mu_msg_ruleset *ruleset)
{
    char hash[MU_TOKEN_BYTES + 1];
    const struct mu_msg_ruleset *read = &audit->other->ruleset;
    mu_token_hash(read->text.data, read->text.size, hash);
    if (strcmp(hash, read->hash) != 0 || strcmp(hash, ruleset->hash) != 0) {
        return mu_audit_fault(audit, "rule set %s: version %llu has another hash", ruleset->name,
                              (unsigned long long)ruleset->version);
    }
    return 0;
}

static int check_ruleset(struct mu_audit *audit)
{
    const struct mu_msg_ruleset ruleset = audit->record->ruleset;
    int r = mu_audit_expect_id(audit, ruleset.name);
    if (r == 0 && (ruleset.version == 0 || ruleset.active != ruleset.version ||
                   ruleset.newest < ruleset.version)) {
        r = mu_audit_fault(audit, "rule set %s: its versions disagree", ruleset.name);
    }
    if (r == 0) {
        r = mu_audit_need(audit, MU_TABLE_RULESET, ruleset.name, "a rule set");
    }
    if (r == 0) {
        r = expect_hash(audit, &ruleset);
    }
    if (r == 0) {
        r = need_version(audit, ruleset.name, ruleset.version);
    }
    if (r == 0 && strcmp(audit->other->ruleset.hash, ruleset.hash) != 0) {
        r = mu_audit_fault(audit, "rule set %s is not as its version %llu", ruleset.name,
                           (unsigned long long)ruleset.version);
    }
    for (uint32_t i = 0; i < audit->queues_count && r == 0; i++) {
        r = mu_audit_expect_live(audit, audit->queues[i].name, ruleset.name, true);
    }
    struct mu_key beyond;
    mu_rows_key_numbered(&beyond, ruleset.name, ruleset.newest + 1);
    return r != 0 ? r
                  : mu_audit_expect(audit, MU_TABLE_RULESET_VERSION, &beyond, false, ruleset.name);
}

static int check_version(struct mu_audit *audit)
{
    const struct mu_msg_ruleset ruleset = audit->record->ruleset;
    struct mu_key own;
    mu_rows_key_numbered(&own, ruleset.name, ruleset.version);
    int r = mu_audit_expect_key(audit, &own, ruleset.name);
    if (r == 0) {
        r = need_version(audit, ruleset.name, ruleset.version);
    }
    if (r == 0) {
        r = expect_hash(audit, &ruleset);
    }
    if (r == 0 && ruleset.version > 1) { /* no holes */
        r = need_version(audit, ruleset.name, ruleset.version - 1);
    }
    if (r == 0) {
        r = mu_audit_need(audit, MU_TABLE_RULESET, ruleset.name, "a version of a rule set");
    }
    if (r == 0 && ruleset.version > audit->other->ruleset.newest) {
        r = mu_audit_fault(audit, "rule set %s has a version after its newest", ruleset.name);
    }
    return r;
}

/* Notes a queue's partition that somebody follows: every rule set is live in it. */
static int note_queue(struct mu_audit *audit)
{
    struct mu_key_reader reader = { mu_key_slice(&audit->key) };
    char name[MU_ADDRESS_MAX + 1];
    if (mu_key_take_last_text(&reader, sizeof name, name) != 0) {
        return mu_audit_fault(audit, "an epoch's key is malformed");
    }
    if (strncmp(name, "queue/", 6) != 0 || audit->record->epoch.incarnation == 0) {
        return 0;
    }
    struct mu_audit_queue *grown =
        realloc(audit->queues, (audit->queues_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return -ENOMEM;
    }
    audit->queues = grown;
    memcpy(audit->queues[audit->queues_count++].name, name, sizeof name);
    return 0;
}

int mu_audit_rules(struct mu_audit *audit)
{
    const struct mu_key everything = { 0 };
    int r = mu_audit_each(audit, MU_TABLE_EPOCH, &everything, note_queue);
    if (r == 0) {
        r = mu_audit_each(audit, MU_TABLE_RULESET, &everything, check_ruleset);
    }
    return r != 0 ? r : mu_audit_each(audit, MU_TABLE_RULESET_VERSION, &everything, check_version);
}
