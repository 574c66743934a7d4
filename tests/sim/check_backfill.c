/* tests/sim/check_backfill.c - backfills: what must hold of them, and of who plays on. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "checks_state.h"

enum {
    LEASE_LATE_MS = 10000
}; /* a lease that is over ends so much later at most, when all is calm */

void checks_kept(struct checks *checks, const struct mu_msg_match *match, struct object *known)
{
    assert(match->players_count <= ROWS_MAX);
    for (uint32_t i = 0; i < match->players_count; i++) {
        const struct mu_msg_match_player *player = &match->players[i];
        uint32_t index = (uint32_t)(checks_object(checks, player->id) - checks->objects);
        bool kept =
            i >= known->rows || (known->row_player[i] == index &&
                                 (known->row_freed[i] || known->row_team[i] == player->team));
        if (!kept) {
            sim_fail(checks->sim, "match %s: %s stands where another did, or changed his team",
                     match->id, player->id);
        }
        known->row_player[i] = index;
        known->row_team[i] = (uint8_t)player->team;
        known->row_freed[i] = player->freed;
    }
    if (match->players_count < known->rows) {
        sim_fail(checks->sim, "match %s has lost players", match->id);
    }
    known->rows = match->players_count;
}

void checks_backfill_changed(struct checks *checks, const struct mu_msg_backfill *backfill)
{
    struct sim *sim = checks->sim;
    struct object *known = checks_object(checks, backfill->id);
    const struct object *match = checks_object(checks, backfill->match);
    bool queued = backfill->state == MU_BACKFILL_QUEUED;
    if (known->state > MU_BACKFILL_QUEUED && known->state != (uint32_t)backfill->state) {
        sim_fail(sim, "backfill %s left its final state %u for %u", backfill->id, known->state,
                 (unsigned)backfill->state);
    }
    if (backfill->version < known->version) {
        sim_fail(sim, "backfill %s went back to version %" PRIu64, backfill->id, backfill->version);
    }
    known->state = backfill->state;
    known->version = backfill->version;
    (void)snprintf(known->match, sizeof known->match, "%s", backfill->match);
    if (queued && match->state != MU_MATCH_LIVE) {
        sim_fail(sim, "backfill %s of match %s, which is not played", backfill->id,
                 backfill->match);
    }
}

void checks_backfill(struct sim *sim, const char *match, const char *backfill, const char *state)
{
    struct checks *checks = sim->checks;
    if (!checks_read(checks, MU_TABLE_BACKFILL, MU_OP_BACKFILL, backfill) ||
        strcmp(checks->record.backfill.match, match) != 0 ||
        (strcmp(state, "SEARCHING") != 0 &&
         strcmp(state, mu_enum_text(mu_backfill_state_texts, checks->record.backfill.state)) !=
             0)) {
        sim_fail(sim, "a server was told that backfill %s is %s, which is not durable", backfill,
                 state);
    }
}

void checks_lease(struct checks *checks, const struct object *known)
{
    const struct mu_msg_backfill *backfill = &checks->record.backfill;
    if (checks_read(checks, MU_TABLE_BACKFILL, MU_OP_BACKFILL, known->id) &&
        backfill->state == MU_BACKFILL_QUEUED &&
        (int64_t)backfill->lease_until_ms + LEASE_LATE_MS < sim_wall(checks->sim)) {
        sim_fail(checks->sim, "backfill %s is not renewed, and has not expired", known->id);
    }
}
