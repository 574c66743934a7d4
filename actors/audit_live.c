/* actors/audit_live.c - what is live against the partition that it is in. */
#include <errno.h>
#include <string.h>

#include "actors/audit_private.h"
#include "actors/placed.h"
#include "core/address.h"
#include "core/placement.h"

/* In how many of the first `count` lobby partitions the object is live; or -errno. */
static int count_live(struct mu_audit *audit, const char *id, uint32_t count)
{
    int found = 0;
    for (uint32_t i = 0; i < count; i++) {
        char partition[MU_ADDRESS_MAX + 1];
        struct mu_key key;
        mu_address_lobby(i, partition);
        mu_rows_key_pair(&key, partition, id);
        int r = mu_rows_has(&audit->rows, MU_TABLE_LIVE, &key);
        if (r < 0) {
            return r;
        }
        found += r;
    }
    return found;
}

int mu_audit_expect_live_lobby(struct mu_audit *audit, const char *home, const char *id, bool live)
{
    if (audit->lobbies != MU_PLACED_MOVING) {
        char partition[MU_ADDRESS_MAX + 1];
        mu_address_lobby(mu_placement_id(home, audit->lobbies), partition);
        return mu_audit_expect_live(audit, partition, id, live); /* in no other: check_live() */
    }
    int found = count_live(audit, id, MU_LOBBIES_MAX);
    if (found < 0 || found == (live ? 1 : 0)) {
        return found < 0 ? found : 0;
    }
    return mu_audit_fault(audit, "%s is live in %d partitions", id, found);
}

int mu_audit_expect_live_server(struct mu_audit *audit, const char *id, bool live)
{
    bool moving = audit->lobbies == MU_PLACED_MOVING;
    int all = moving ? MU_LOBBIES_MAX : (int)audit->lobbies;
    int found = count_live(audit, id, (uint32_t)all);
    if (found < 0 || found == (live ? all : 0) || (moving && live && found > 0)) {
        return found < 0 ? found : 0;
    }
    return mu_audit_fault(audit, "%s is live in %d of %d partitions", id, found, all);
}

/* Whether audit->other, an object of that table, may be live in the partition. */
static bool belongs(const struct mu_audit *audit, enum mu_table table, const char *id,
                    const char *partition)
{
    char expected[MU_ADDRESS_MAX + 1];
    int32_t lobby = mu_placement_index(partition);
    bool moving = audit->lobbies == MU_PLACED_MOVING && lobby >= 0;
    if (table == MU_TABLE_TICKET || table == MU_TABLE_BACKFILL) {
        mu_address_queue(table == MU_TABLE_TICKET ? audit->other->ticket.region
                                                  : audit->other->backfill.region,
                         expected);
        return strcmp(partition, expected) == 0;
    }
    if (table == MU_TABLE_RULESET) {
        return strncmp(partition, "queue/", 6) == 0;
    }
    if (table == MU_TABLE_SERVER || moving) {
        return moving || (lobby >= 0 && (uint64_t)lobby < audit->lobbies);
    }
    const char *home = table == MU_TABLE_MATCH ? mu_placement_match(&audit->other->match) : id;
    return lobby == (int32_t)mu_placement_id(home, audit->lobbies);
}

/* Each LIVE entry names an object of the table and the partition it says; that the object lives
 * has been checked with the object. */
static int check_live(struct mu_audit *audit)
{
    struct mu_key_reader reader = { mu_key_slice(&audit->key) };
    char partition[MU_ADDRESS_MAX + 1];
    char id[MU_ID_MAX + 1];
    if (mu_key_take_text(&reader, sizeof partition, partition) != 0 ||
        mu_key_take_last_text(&reader, sizeof id, id) != 0 || audit->value.size != 1) {
        return mu_audit_fault(audit, "a live entry is malformed");
    }
    enum mu_table table = (enum mu_table)audit->value.data[0];
    if (table != MU_TABLE_TICKET && table != MU_TABLE_MATCH && table != MU_TABLE_LOBBY &&
        table != MU_TABLE_SERVER && table != MU_TABLE_RULESET && table != MU_TABLE_BACKFILL) {
        return mu_audit_fault(audit, "%s is live in table %d", id, (int)table);
    }
    int r = mu_audit_need(audit, table, id, partition);
    if (r != 0) {
        return r;
    }
    return belongs(audit, table, id, partition)
               ? 0
               : mu_audit_fault(audit, "%s is live in %s", id, partition);
}

int mu_audit_live(struct mu_audit *audit)
{
    const struct mu_key everything = { 0 };
    return mu_audit_each(audit, MU_TABLE_LIVE, &everything, check_live);
}
