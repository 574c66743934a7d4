/* actors/audit_backfill.c - backfills against their matches. */
#include <string.h>

#include "actors/audit_private.h"
#include "core/address.h"

/* One that is QUEUED: its match is played and names it, and its players are those who play. */
static int check_queued(struct mu_audit *audit, const struct mu_msg_backfill *backfill)
{
    const struct mu_msg_match *match = &audit->other->match;
    if (match->state != MU_MATCH_LIVE || strcmp(match->backfill, backfill->id) != 0) {
        return mu_audit_fault(audit, "%s is queued, and %s does not know it, or is over",
                              backfill->id, match->id);
    }
    uint32_t at = 0;
    bool same = true;
    for (uint32_t i = 0; i < match->players_count && same; i++) {
        const struct mu_msg_match_player *player = &match->players[i];
        if (!player->freed) {
            same = at < backfill->players_count && backfill->players[at].team == player->team &&
                   strcmp(backfill->players[at].id, player->id) == 0;
            at++;
        }
    }
    return same && at == backfill->players_count
               ? 0
               : mu_audit_fault(audit, "%s has others than play in %s", backfill->id, match->id);
}

/* One that is FILLED: all who came are in its match. */
static int check_filled(struct mu_audit *audit, const struct mu_msg_backfill *backfill)
{
    const struct mu_msg_match *match = &audit->other->match;
    for (uint32_t i = 0; i < backfill->joined_count; i++) {
        bool found = false;
        for (uint32_t j = 0; j < match->players_count && !found; j++) {
            found = strcmp(match->players[j].id, backfill->joined[i].id) == 0;
        }
        if (!found) {
            return mu_audit_fault(audit, "%s brought %s, who is not in %s", backfill->id,
                                  backfill->joined[i].id, match->id);
        }
    }
    return 0;
}

static int check_backfill(struct mu_audit *audit)
{
    const struct mu_msg_backfill *backfill = &audit->record->backfill;
    bool queued = backfill->state == MU_BACKFILL_QUEUED;
    char partition[MU_ADDRESS_MAX + 1];
    mu_address_queue(backfill->region, partition);
    int r = mu_audit_expect_id(audit, backfill->id);
    if (r == 0) {
        r = mu_audit_expect_live(audit, partition, backfill->id, queued);
    }
    if (r == 0) {
        r = mu_audit_need(audit, MU_TABLE_MATCH, backfill->match, backfill->id);
    }
    if (r == 0 && queued) {
        r = check_queued(audit, backfill);
    }
    if (r == 0 && backfill->state == MU_BACKFILL_FILLED) {
        r = check_filled(audit, backfill);
    }
    return r;
}

int mu_audit_backfills(struct mu_audit *audit)
{
    const struct mu_key everything = { 0 };
    return mu_audit_each(audit, MU_TABLE_BACKFILL, &everything, check_backfill);
}
