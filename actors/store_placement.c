/* actors/store_placement.c - the lobby partitions: whose fence counts, and what moves when the
 * configuration has another number of them than the store had when it ran last. */
#include "actors/store_keeper.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "actors/placed.h"
#include "core/placement.h"

enum {
    PAGE_MAX = 256,    /* live entries of one scan */
    MOVED_MAX = 16384, /* entries written between two commits: some MB of the journal */
};

int mu_keeper_check_lobby_fence(struct mu_keeper *keeper, const char *id)
{
    if (keeper->event->envelope->fence == 0) {
        return 0;
    }
    uint32_t home = mu_placement_id(id, keeper->config->settings.lobbies);
    return mu_keeper_check_fence(keeper, (int32_t)home);
}

/* Live entries that were read: collected first, because a scan may not call the store. */
struct page {
    struct mu_keeper *keeper;
    struct mu_key after; /* the last key */
    uint32_t count;
    struct {
        char partition[MU_ADDRESS_MAX + 1];
        enum mu_table table;
        char id[MU_ID_MAX + 1];
    } items[PAGE_MAX];
};

static bool collect(void *context, struct mu_slice key, struct mu_slice value)
{
    struct page *page = context;
    struct mu_key_reader reader = { key };
    page->after.size = key.size;
    memcpy(page->after.bytes, key.data, key.size);
    if (mu_key_take_text(&reader, MU_ADDRESS_MAX + 1, page->items[page->count].partition) != 0 ||
        mu_key_take_last_text(&reader, MU_ID_MAX + 1, page->items[page->count].id) != 0 ||
        value.size != 1) {
        (void)mu_rows_damage(&page->keeper->rows);
        return true; /* the others are still good */
    }
    page->items[page->count].table = (enum mu_table)value.data[0];
    return ++page->count < PAGE_MAX;
}

/* Reads the next entries of all lobby partitions, former ones too.  Returns 0 or -errno. */
static int read_page(struct mu_keeper *keeper, struct page *page)
{
    struct mu_store *store = keeper->rows.store;
    struct mu_key prefix;
    mu_rows_key_text(&prefix, "lobby/");
    const struct mu_key after = page->after; /* collect() moves it on */
    const struct mu_store_range range = {
        .table = MU_TABLE_LIVE,
        .prefix = mu_key_slice(&prefix),
        .after = mu_key_slice(&after),
    };
    page->count = 0;
    int64_t n = store->ops->scan(store, &range, collect, page);
    if (n == -EBADMSG) {
        return mu_rows_damage(&keeper->rows);
    }
    return n < 0 ? (int)n : 0;
}

/* A server is live in every partition: from lobby/0 it is entered where it is missing, and taken
 * out of partitions that are no more.  Returns how many entries were written, or -errno. */
static int place_server(struct mu_keeper *keeper, int32_t from, const char *id)
{
    int32_t lobbies = (int32_t)keeper->config->settings.lobbies;
    bool missing[MU_LOBBIES_MAX] = { false };
    int moved = 0;
    for (int32_t i = 1; i < lobbies && from == 0; i++) {
        struct mu_key key;
        mu_rows_key_pair(&key, keeper->partitions[i].name, id);
        int r = mu_rows_has(&keeper->rows, MU_TABLE_LIVE, &key);
        if (r < 0) {
            return r;
        }
        missing[i] = r == 0;
    }
    for (int32_t i = 1; i < lobbies; i++) {
        if (missing[i]) {
            mu_keeper_changed(keeper, i, MU_TABLE_SERVER, id, false, true);
            moved++;
        }
    }
    if (from >= lobbies) {
        mu_keeper_changed(keeper, from, MU_TABLE_SERVER, id, true, false);
        moved++;
    }
    return moved;
}

/* Moves one live object to where it lives now.  Returns how many entries were written, -EBADMSG
 * when it is damaged and stays where it is, or another -errno. */
static int place(struct mu_keeper *keeper, const char *partition, enum mu_table table,
                 const char *id)
{
    uint64_t lobbies = keeper->config->settings.lobbies;
    int32_t from = mu_keeper_partition(keeper, partition);
    uint32_t to = 0;
    int r = from < 0 ? mu_rows_damage(&keeper->rows) : 0; /* each has its epoch since its first */
    mu_rows_begin(&keeper->rows);
    if (r == 0 && table == MU_TABLE_SERVER) {
        return place_server(keeper, from, id);
    }
    if (r == 0 && table == MU_TABLE_MATCH) {
        r = mu_rows_need_id(&keeper->rows, table, id, keeper->match);
        to = r == 0 ? mu_placement_id(mu_placement_match(&keeper->match->match), lobbies) : 0;
    } else if (r == 0 && table == MU_TABLE_LOBBY) {
        to = mu_placement_id(id, lobbies);
    } else if (r == 0) {
        r = mu_rows_damage(&keeper->rows);
    }
    if (r != 0 || (int32_t)to == from) {
        return r;
    }
    mu_keeper_changed(keeper, from, table, id, true, false);
    mu_keeper_changed(keeper, (int32_t)to, table, id, false, true);
    return 2;
}

/* Returns how many entries were written, or -errno. */
static int place_page(struct mu_keeper *keeper, const struct page *page)
{
    int moved = 0;
    for (uint32_t i = 0; i < page->count; i++) {
        int r = place(keeper, page->items[i].partition, page->items[i].table, page->items[i].id);
        if (r < 0 && r != -EBADMSG) {
            return r;
        }
        moved += r > 0 ? r : 0;
    }
    return moved;
}

int mu_keeper_place_all(struct mu_keeper *keeper)
{
    uint64_t lobbies = keeper->config->settings.lobbies;
    uint64_t former = 0;
    int r = mu_placed_get(keeper->rows.store, &former);
    if (r != 0 || former == lobbies) {
        return r;
    }
    struct page page = { .keeper = keeper };
    int moved = 0;
    mu_rows_begin(&keeper->rows);
    mu_placed_put(&keeper->rows, MU_PLACED_MOVING);
    do {
        r = read_page(keeper, &page);
        if (r == 0) {
            r = place_page(keeper, &page);
        }
        moved += r > 0 ? r : 0;
        if (r >= 0 && moved > MOVED_MAX) {
            r = mu_keeper_flush(keeper);
            moved = 0;
        }
    } while (r >= 0 && page.count == PAGE_MAX);
    if (r < 0) {
        return r;
    }
    mu_placed_put(&keeper->rows, lobbies);
    mu_outbox_note(keeper->out, "%llu lobby partitions, %llu before -> all moved",
                   (unsigned long long)lobbies, (unsigned long long)former);
    return keeper->rows.error;
}
