/* actors/store_follow.c - what followers are told: snapshots, changes since a number, pushes. */
#include "actors/store_keeper.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    CHANGES_MAX = 64,                 /* of one CHANGES */
    PUSH_BYTES_MAX = 6 * 1024 * 1024, /* records pushed at one batch end; then followers ask */
    PUSH_MESSAGES_MAX = 1024,         /* CHANGES of one batch end */
};

static_assert(PUSH_BYTES_MAX + MU_STORE_PAGES_BYTES <= (int)MU_OUTBOX_STEP_BYTES,
              "a batch end stays within its share of the outbox");
static_assert(PUSH_MESSAGES_MAX + MU_STORE_PARTITIONS_MAX <= MU_OUTBOX_STEP_ENTRIES,
              "a batch end stays within its share of the outbox");

/* CHANGES that are being put together in keeper->reply, their records in keeper->pages. */
struct page {
    struct mu_keeper *keeper;
    uint32_t used; /* bytes of keeper->pages */
};

static struct mu_msg_changes *begin_page(struct page *page, struct mu_keeper *keeper,
                                         const struct mu_partition *partition)
{
    struct mu_msg_changes *changes = &keeper->reply->changes;
    *page = (struct page){ .keeper = keeper };
    keeper->reply->op = MU_OP_CHANGES;
    changes->snapshot = false;
    changes->more = false;
    changes->forgotten = false;
    changes->head = partition->epoch.log_seq;
    changes->changes_count = 0;
    memcpy(changes->partition, partition->name, sizeof changes->partition);
    return changes;
}

/* Appends an object as it is now; one that is not there or is damaged goes without a record.
 * Returns 0, -ENOBUFS when the page is full, or another -errno of the store. */
static int append_change(struct page *page, uint64_t seq, enum mu_table table, const char *id)
{
    struct mu_keeper *keeper = page->keeper;
    struct mu_rows *rows = &keeper->rows;
    struct mu_msg_changes *changes = &keeper->reply->changes;
    if (changes->changes_count == CHANGES_MAX) {
        return -ENOBUFS;
    }
    struct mu_key key;
    struct mu_slice value = { NULL, 0 };
    mu_rows_key_text(&key, id);
    int r = key.size == 0 ? -ENOENT
                          : rows->store->ops->get(rows->store, table, mu_key_slice(&key), &value);
    if (r == -EBADMSG) {
        (void)mu_rows_damage(rows);
    } else if (r != 0 && r != -ENOENT) {
        return r;
    }
    uint32_t size = r == 0 ? value.size : 0;
    if (size > MU_STORE_PAGES_BYTES - page->used) {
        return -ENOBUFS;
    }
    struct mu_msg_change *change = &changes->changes[changes->changes_count++];
    *change = (struct mu_msg_change){ .seq = seq, .table = table };
    (void)snprintf(change->id, sizeof change->id, "%s", id);
    change->record = (struct mu_slice){ keeper->pages + page->used, size };
    if (size > 0) {
        memcpy(keeper->pages + page->used, value.data, size);
        page->used += size;
    }
    return 0;
}

/* Objects named by LIVE or LOG entries: collected first, because a scan may not call the store. */
struct refs {
    struct mu_keeper *keeper;
    uint32_t count;
    struct {
        uint64_t seq;
        enum mu_table table;
        char id[MU_ID_MAX + 1];
    } items[CHANGES_MAX];
};

static bool table_followed(uint64_t table)
{
    return table == MU_TABLE_TICKET || table == MU_TABLE_LOBBY || table == MU_TABLE_MATCH ||
           table == MU_TABLE_SERVER || table == MU_TABLE_RULESET || table == MU_TABLE_BACKFILL;
}

static bool collect_live(void *context, struct mu_slice key, struct mu_slice value)
{
    struct refs *refs = context;
    struct mu_key_reader reader = { key };
    char partition[MU_ADDRESS_MAX + 1];
    char id[MU_ID_MAX + 1];
    if (mu_key_take_text(&reader, sizeof partition, partition) != 0 ||
        mu_key_take_last_text(&reader, sizeof id, id) != 0 || value.size != 1 ||
        !table_followed(value.data[0])) {
        (void)mu_rows_damage(&refs->keeper->rows);
        return true; /* the others are still good */
    }
    refs->items[refs->count].seq = 0;
    refs->items[refs->count].table = (enum mu_table)value.data[0];
    memcpy(refs->items[refs->count].id, id, sizeof id);
    return ++refs->count < CHANGES_MAX;
}

static bool collect_log(void *context, struct mu_slice key, struct mu_slice value)
{
    struct refs *refs = context;
    struct mu_rows *rows = &refs->keeper->rows;
    struct mu_key_reader reader = { key };
    char partition[MU_ADDRESS_MAX + 1];
    uint64_t seq = 0;
    if (mu_key_take_text(&reader, sizeof partition, partition) != 0 ||
        mu_key_take_u64(&reader, &seq) != 0 ||
        mu_msg_decode(rows->decoder, MU_OP_LOG, value.data, value.size, rows->small) != 0 ||
        !table_followed(rows->small->log.table)) {
        (void)mu_rows_damage(rows);
        return false; /* the follower scans anew rather than miss one */
    }
    refs->items[refs->count].seq = seq;
    refs->items[refs->count].table = (enum mu_table)rows->small->log.table;
    memcpy(refs->items[refs->count].id, rows->small->log.id, MU_ID_MAX + 1);
    return ++refs->count < CHANGES_MAX;
}

/* The partition of a follower's request, whose fence must be good if it has one. */
static int follower(struct mu_keeper *keeper, const char *name, int32_t *ret)
{
    *ret = mu_keeper_partition(keeper, name);
    if (*ret < 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_NOT_FOUND, "there is no partition %s", name);
    }
    return keeper->event->envelope->fence == 0 ? 0 : mu_keeper_check_fence(keeper, *ret);
}

/* Puts the collected objects on a page; `more` when they do not all fit. */
static int append_refs(struct page *page, const struct refs *refs)
{
    struct mu_msg_changes *changes = &page->keeper->reply->changes;
    int r = 0;
    for (uint32_t i = 0; i < refs->count && r == 0; i++) {
        r = append_change(page, refs->items[i].seq, refs->items[i].table, refs->items[i].id);
    }
    if (r == -ENOBUFS) {
        changes->more = true;
        r = 0;
    }
    return r;
}

int mu_keeper_follow_scan(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_follow_scan *request = &msg->follow_scan;
    int32_t partition = -1;
    int r = follower(keeper, request->partition, &partition);
    if (r != 0) {
        return r;
    }
    struct mu_key prefix;
    struct mu_key after;
    mu_rows_key_prefix(&prefix, request->partition);
    mu_rows_key_pair(&after, request->partition, request->after);
    const struct mu_store_range range = {
        .table = MU_TABLE_LIVE,
        .prefix = mu_key_slice(&prefix),
        .after = mu_key_slice(&after),
    };
    struct refs refs;
    refs.keeper = keeper;
    refs.count = 0;
    struct mu_store *store = keeper->rows.store;
    int64_t n = store->ops->scan(store, &range, collect_live, &refs);
    if (n < 0) {
        return n == -EBADMSG ? mu_rows_damage(&keeper->rows) : (int)n;
    }
    struct page page;
    struct mu_msg_changes *changes = begin_page(&page, keeper, &keeper->partitions[partition]);
    changes->snapshot = true;
    changes->more = refs.count == CHANGES_MAX;
    r = append_refs(&page, &refs);
    return r != 0 ? r : mu_keeper_answer(keeper, keeper->reply);
}

int mu_keeper_follow_since(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_follow_since *request = &msg->follow_since;
    int32_t at = -1;
    int r = follower(keeper, request->partition, &at);
    if (r != 0) {
        return r;
    }
    const struct mu_partition *partition = &keeper->partitions[at];
    const struct mu_msg_epoch *epoch = &partition->epoch;
    struct page page;
    struct mu_msg_changes *changes = begin_page(&page, keeper, partition);
    if (request->seq == epoch->log_seq) {
        return mu_keeper_answer(keeper, keeper->reply);
    }
    if (request->seq > epoch->log_seq || request->seq + 1 < epoch->log_first) {
        changes->forgotten = true; /* trimmed, or of a store before it was restored */
        return mu_keeper_answer(keeper, keeper->reply);
    }
    struct mu_key prefix;
    struct mu_key after;
    mu_rows_key_prefix(&prefix, request->partition);
    mu_rows_key_numbered(&after, request->partition, request->seq);
    const struct mu_store_range range = {
        .table = MU_TABLE_LOG,
        .prefix = mu_key_slice(&prefix),
        .after = mu_key_slice(&after),
    };
    struct refs refs;
    refs.keeper = keeper;
    refs.count = 0;
    struct mu_store *store = keeper->rows.store;
    int64_t n = store->ops->scan(store, &range, collect_log, &refs);
    if (n < 0 && n != -EBADMSG) {
        return (int)n;
    }
    if (n == -EBADMSG) {
        (void)mu_rows_damage(&keeper->rows);
    }
    /* Nothing next: that entry is damaged or lost. */
    if (refs.count == 0 || refs.items[0].seq != request->seq + 1) {
        changes->forgotten = true;
        return mu_keeper_answer(keeper, keeper->reply);
    }
    changes->more = refs.items[refs.count - 1].seq < epoch->log_seq;
    r = append_refs(&page, &refs);
    return r != 0 ? r : mu_keeper_answer(keeper, keeper->reply);
}

/* How much of the outbox a batch end has used. */
struct push {
    uint32_t bytes;
    uint32_t messages;
};

/* Sends the page; its head is its last change, so that the follower does not ask for the pages
 * that are on their way behind it. */
static void send_page(struct page *page, struct push *push)
{
    struct mu_msg_changes *changes = &page->keeper->reply->changes;
    if (changes->changes_count > 0) {
        changes->head = changes->changes[changes->changes_count - 1].seq;
        mu_outbox_event(page->keeper->out, changes->partition, page->keeper->reply);
        push->bytes += page->used;
        push->messages++;
    }
}

static int push_partition(struct mu_keeper *keeper, uint32_t partition, struct push *push)
{
    struct page page;
    (void)begin_page(&page, keeper, &keeper->partitions[partition]);
    for (uint32_t i = 0; i < keeper->touched_count; i++) {
        const struct mu_touched *touched = &keeper->touched[i];
        if (touched->partition != partition) {
            continue;
        }
        if (push->bytes + page.used > PUSH_BYTES_MAX || push->messages >= PUSH_MESSAGES_MAX) {
            break; /* the follower sees the gap with the next push, or within a second */
        }
        int r = append_change(&page, touched->seq, touched->table, touched->id);
        if (r == -ENOBUFS) {
            send_page(&page, push);
            (void)begin_page(&page, keeper, &keeper->partitions[partition]);
            r = append_change(&page, touched->seq, touched->table, touched->id);
        }
        if (r != 0) {
            return r;
        }
    }
    send_page(&page, push);
    return 0;
}

int mu_keeper_push(struct mu_keeper *keeper)
{
    bool changed[MU_STORE_PARTITIONS_MAX] = { false };
    for (uint32_t i = 0; i < keeper->touched_count; i++) {
        changed[keeper->touched[i].partition] = true;
    }
    struct push push = { 0 };
    for (uint32_t i = 0; i < keeper->partitions_count; i++) {
        int r = changed[i] ? push_partition(keeper, i, &push) : 0;
        if (r != 0) {
            return r;
        }
    }
    return 0;
}
