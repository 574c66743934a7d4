/* actors/engine_pack.c - parties into teams of given sizes; only sizes matter here. */
#include "actors/engine_pool.h"

#include <string.h>

/* The largest first, each into the first team that has room: exact for teams of three and fewer. */
bool mu_pack(const struct mu_parties *parties, const uint8_t *rooms, uint32_t teams,
             struct mu_plan *ret)
{
    assert(teams >= 1 && teams <= MU_TEAMS_MAX);
    uint8_t left[MU_TEAMS_MAX];
    memcpy(left, rooms, teams);
    memset(ret->teams, 0, teams * sizeof ret->teams[0]);
    for (uint32_t size = MU_TICKET_PLAYERS_MAX; size >= 1; size--) {
        uint32_t count = parties->count[size];
        for (uint32_t i = 0; i < teams && count > 0; i++) {
            uint32_t fit = left[i] / size;
            fit = fit < count ? fit : count;
            ret->teams[i].count[size] = (uint8_t)fit;
            left[i] = (uint8_t)(left[i] - fit * size);
            count -= fit;
        }
        if (count > 0) {
            return false;
        }
    }
    return true;
}

/* Into so many teams of sizes that differ by one at most. */
static bool pack_teams(const struct mu_sizes *sizes, const struct mu_parties *parties,
                       uint32_t players, uint32_t teams, struct mu_plan *ret)
{
    uint32_t size = players / teams;
    uint32_t more = players % teams; /* teams that have one more */
    uint8_t rooms[MU_TEAMS_MAX];
    if (size < sizes->team_min || size + (more > 0) > sizes->team_max) {
        return false;
    }
    for (uint32_t i = 0; i < teams; i++) {
        rooms[i] = (uint8_t)(size + (i < more));
    }
    ret->teams_count = teams;
    return mu_pack(parties, rooms, teams, ret);
}

bool mu_pack_evenly(const struct mu_sizes *sizes, const struct mu_parties *parties,
                    uint32_t players, struct mu_plan *ret)
{
    for (uint32_t pass = 0; pass < 2; pass++) { /* nobody is one short, if that can be */
        for (uint32_t teams = sizes->teams_max; teams > 0 && teams >= sizes->teams_min; teams--) {
            if ((players % teams == 0) == (pass == 0) &&
                pack_teams(sizes, parties, players, teams, ret)) {
                return true;
            }
        }
    }
    return false;
}
