/* actors/store_rules.c - rule sets: a mode's document, its versions, and which of them holds.
 *
 * RULESET has the version that holds, RULESET_VERSION every one that was ever made; a version never
 * changes.  The one that holds is a live object of every queue partition, under the mode's name:
 * shards learn of a change in the order of their logs, and of all rule sets with their snapshot. */
#include "actors/store_keeper.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "actors/rules_compile.h"
#include "actors/token.h"

enum {
    FAULTS_MAX = 64,   /* of one RULES_REFUSED */
    RULESETS_MAX = 64, /* names that ever had one: the modes of now, and former ones */
};

/* Checking a document. */

/* Finds the faults of a document.
 *
 * mode  index: what the document does not say
 * ret   [FAULTS_MAX]: the first ones
 *
 * Returns how many there are, 0: it is good; or -ENOMEM. */
static int check_document(const struct mu_config *config, uint32_t mode, struct mu_slice text,
                          struct mu_msg_fault *ret)
{
    struct mu_rulebook base;
    struct mu_rulebook book;
    struct mu_rules_fault faults[FAULTS_MAX];
    int r = mu_rules_from_mode(config, mode, &base);
    if (r != 0) {
        return r;
    }
    int count = mu_rules_compile((const char *)text.data, text.size, base.shapes[0], 1, faults,
                                 FAULTS_MAX, &book);
    mu_rulebook_release(&base);
    if (count == 0) {
        mu_rulebook_release(&book);
    }
    for (int i = 0; i < count && i < FAULTS_MAX; i++) {
        memcpy(ret[i].pointer, faults[i].pointer, sizeof ret[i].pointer);
        memcpy(ret[i].detail, faults[i].what, sizeof ret[i].detail);
    }
    return count;
}
static_assert(sizeof((struct mu_rules_fault *)NULL)->pointer ==
                      sizeof((struct mu_msg_fault *)NULL)->pointer &&
                  sizeof((struct mu_rules_fault *)NULL)->what ==
                      sizeof((struct mu_msg_fault *)NULL)->detail,
              "a fault is told as it was found");

/* Reading. */

/* Reads the version that holds; its text is borrowed until the next call on the store.
 * Returns 1, 0: the mode has no rule set, or -errno. */
static int get_active(struct mu_keeper *keeper, const char *name, struct mu_msg_ruleset *ret)
{
    int r = mu_rows_get_id(&keeper->rows, MU_TABLE_RULESET, name, keeper->rows.small);
    if (r == 0) {
        *ret = keeper->rows.small->ruleset;
    }
    return r == 0 ? 1 : r == -ENOENT ? 0 : r;
}

static int refuse_unknown(struct mu_keeper *keeper, const char *name, uint64_t version)
{
    if (version == 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_RULESET_NOT_FOUND, "%s", name);
    }
    return mu_keeper_refuse(keeper, MU_ERROR_RULESET_NOT_FOUND, "%s has no version %llu", name,
                            (unsigned long long)version);
}

/* Reads a version into keeper->reply, with what the active one says of all; its text as above. */
static int get_version(struct mu_keeper *keeper, const char *name, uint64_t version)
{
    struct mu_msg_ruleset active = { .name = "" };
    int r = get_active(keeper, name, &active);
    if (r <= 0) {
        return r < 0 ? r : refuse_unknown(keeper, name, 0);
    }
    struct mu_key key;
    mu_rows_key_numbered(&key, name, version == 0 ? active.version : version);
    r = mu_rows_get(&keeper->rows, MU_TABLE_RULESET_VERSION, &key, keeper->reply);
    if (r == -ENOENT) {
        return version == 0 || version <= active.newest ? mu_rows_damage(&keeper->rows)
                                                        : refuse_unknown(keeper, name, version);
    }
    keeper->reply->ruleset.active = active.version;
    keeper->reply->ruleset.newest = active.newest;
    return r;
}

int mu_keeper_rules_get(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    int r = get_version(keeper, msg->rules_get.name, msg->rules_get.version);
    return r != 0 ? r : mu_keeper_answer(keeper, keeper->reply);
}

int mu_keeper_rules_list(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    struct mu_msg_rules_listed *listed = &keeper->reply->rules_listed;
    (void)msg;
    keeper->reply->op = MU_OP_RULES_LISTED;
    listed->rulesets_count = 0;
    for (uint32_t i = 0; i < keeper->config->modes_count; i++) {
        struct mu_msg_ruleset *ruleset = &listed->rulesets[listed->rulesets_count];
        int r = get_active(keeper, keeper->config->modes[i].name, ruleset);
        if (r < 0) {
            return r;
        }
        ruleset->text = (struct mu_slice){ NULL, 0 };
        listed->rulesets_count += r == 1 ? 1 : 0;
    }
    return mu_keeper_answer(keeper, keeper->reply);
}
static_assert(MU_MODES_MAX <= sizeof((struct mu_msg_rules_listed *)NULL)->rulesets /
                                  sizeof(struct mu_msg_ruleset),
              "every mode's rule set fits into RULES_LISTED");

/* Partitions. */

static bool is_queue(const struct mu_partition *partition)
{
    return strncmp(partition->name, "queue/", 6) == 0;
}

/* Whether the rule set is live in the partition: 1, 0 or -errno. */
static int is_live(struct mu_keeper *keeper, const struct mu_partition *partition, const char *name)
{
    struct mu_key key;
    mu_rows_key_pair(&key, partition->name, name);
    return mu_rows_has(&keeper->rows, MU_TABLE_LIVE, &key);
}

/* Names of rule sets, as a scan finds them. */
struct names {
    uint32_t count;
    bool damaged;
    char at[RULESETS_MAX][MU_ID_MAX + 1];
};

static bool collect_name(void *context, struct mu_slice key, struct mu_slice value)
{
    struct names *names = context;
    struct mu_key_reader reader = { key };
    (void)value;
    if (mu_key_take_last_text(&reader, MU_ID_MAX + 1, names->at[names->count]) != 0) {
        names->damaged = true;
        return true;
    }
    return ++names->count < RULESETS_MAX;
}

static int get_names(struct mu_keeper *keeper, struct names *ret)
{
    struct mu_store *store = keeper->rows.store;
    const struct mu_store_range range = { .table = MU_TABLE_RULESET };
    ret->count = 0;
    ret->damaged = false;
    int64_t n = store->ops->scan(store, &range, collect_name, ret);
    if (n == -EBADMSG || ret->damaged) {
        return mu_rows_damage(&keeper->rows);
    }
    return n < 0 ? (int)n : 0;
}

int mu_keeper_rules_join(struct mu_keeper *keeper, int32_t partition)
{
    const struct mu_partition *joined = &keeper->partitions[partition];
    bool missing[RULESETS_MAX] = { false };
    struct names names;
    if (!is_queue(joined)) {
        return 0;
    }
    int r = get_names(keeper, &names);
    for (uint32_t i = 0; i < names.count && r >= 0; i++) {
        r = is_live(keeper, joined, names.at[i]);
        missing[i] = r == 0;
    }
    if (r < 0) {
        return r;
    }
    for (uint32_t i = 0; i < names.count; i++) {
        if (missing[i]) {
            mu_keeper_changed(keeper, partition, MU_TABLE_RULESET, names.at[i], false, true);
        }
    }
    return 0;
}

/* Changing. */

/* Notes in which partitions the rule set is live.  Returns 0 or -errno. */
static int get_live(struct mu_keeper *keeper, const char *name, bool ret[MU_STORE_PARTITIONS_MAX])
{
    for (uint32_t i = 0; i < keeper->partitions_count; i++) {
        if (is_queue(&keeper->partitions[i])) {
            int r = is_live(keeper, &keeper->partitions[i], name);
            if (r < 0) {
                return r;
            }
            ret[i] = r == 1;
        }
    }
    return 0;
}

/* Makes keeper->reply the version that holds, for every queue, and the answer (without text). */
static int activate(struct mu_keeper *keeper, const bool live[MU_STORE_PARTITIONS_MAX])
{
    struct mu_msg_ruleset *ruleset = &keeper->reply->ruleset;
    bool created = ruleset->created;
    assert(ruleset->version >= 1 && ruleset->version <= ruleset->newest);
    ruleset->active = ruleset->version;
    ruleset->created = false;
    mu_rows_put_id(&keeper->rows, MU_TABLE_RULESET, ruleset->name, keeper->reply);
    for (uint32_t i = 0; i < keeper->partitions_count; i++) {
        if (is_queue(&keeper->partitions[i])) {
            mu_keeper_changed(keeper, (int32_t)i, MU_TABLE_RULESET, ruleset->name, live[i], true);
        }
    }
    keeper->counters.values[MU_COUNTER_RULESETS_CHANGED]++;
    ruleset->created = created;
    ruleset->text = (struct mu_slice){ NULL, 0 };
    return mu_keeper_answer(keeper, keeper->reply);
}

/* Refuses a document with its faults. */
static int refuse_faults(struct mu_keeper *keeper, int count)
{
    keeper->reply->op = MU_OP_RULES_REFUSED;
    keeper->reply->rules_refused.faults_count = (uint32_t)(count < FAULTS_MAX ? count : FAULTS_MAX);
    keeper->counters.values[MU_COUNTER_REFUSED]++;
    mu_outbox_note(keeper->out, "rule set with %d faults -> refused", count);
    return mu_keeper_answer(keeper, keeper->reply);
}

static bool same_text(struct mu_slice a, struct mu_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Makes the version after `active` (version 0: the first) of keeper->reply's name and text. */
static int make_version(struct mu_keeper *keeper, const struct mu_msg_ruleset *active,
                        const bool live[MU_STORE_PARTITIONS_MAX])
{
    struct mu_msg_ruleset *ruleset = &keeper->reply->ruleset;
    struct mu_key key;
    ruleset->version = active->newest + 1;
    mu_token_hash(ruleset->text.data, ruleset->text.size, ruleset->hash);
    ruleset->created_ms = mu_keeper_wall(keeper);
    mu_rows_key_numbered(&key, ruleset->name, ruleset->version);
    mu_rows_put(&keeper->rows, MU_TABLE_RULESET_VERSION, &key, keeper->reply);
    ruleset->newest = ruleset->version;
    ruleset->created = true;
    return activate(keeper, live);
}

int mu_keeper_rules_put(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_rules_put *request = &msg->rules_put;
    bool live[MU_STORE_PARTITIONS_MAX] = { false };
    struct mu_msg_ruleset active = { .name = "" };
    int32_t mode = mu_config_mode(keeper->config, request->name);
    if (mode < 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_GAME_MODE_NOT_FOUND, "%s", request->name);
    }
    int faults = check_document(keeper->config, (uint32_t)mode, request->text,
                                keeper->reply->rules_refused.faults);
    if (faults != 0) {
        return faults < 0 ? faults : refuse_faults(keeper, faults);
    }
    struct names names;
    int r = get_names(keeper, &names);
    if (r == 0) {
        r = get_live(keeper, request->name, live);
    }
    if (r == 0) {
        r = get_active(keeper, request->name, &active);
    }
    if (r < 0) {
        return r;
    }
    if (r == 0 && names.count == RULESETS_MAX) {
        return mu_keeper_refuse(keeper, MU_ERROR_CONFLICT, "%d modes have had rule sets already",
                                RULESETS_MAX);
    }
    keeper->reply->op = MU_OP_RULESET;
    if (r == 1 && same_text(active.text, request->text)) {
        mu_outbox_note(keeper->out, "rule set as it is -> no new version");
        keeper->reply->ruleset = active;
        keeper->reply->ruleset.text = (struct mu_slice){ NULL, 0 };
        return mu_keeper_answer(keeper, keeper->reply);
    }
    keeper->reply->ruleset = (struct mu_msg_ruleset){ .text = request->text };
    memcpy(keeper->reply->ruleset.name, request->name, sizeof request->name);
    return make_version(keeper, &active, live);
}

int mu_keeper_rules_activate(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_rules_activate *request = &msg->rules_activate;
    bool live[MU_STORE_PARTITIONS_MAX] = { false };
    if (request->version == 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_VALIDATION_FAILED, "versions begin at 1");
    }
    int r = get_live(keeper, request->name, live); /* first: the version's text is borrowed */
    if (r == 0) {
        r = get_version(keeper, request->name, request->version);
    }
    if (r != 0) {
        return r;
    }
    struct mu_msg_ruleset *ruleset = &keeper->reply->ruleset;
    if (ruleset->active == ruleset->version) {
        mu_outbox_note(keeper->out, "that version holds already -> as it is");
        ruleset->text = (struct mu_slice){ NULL, 0 };
        return mu_keeper_answer(keeper, keeper->reply);
    }
    return activate(keeper, live);
}
