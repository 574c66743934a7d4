/* actors/engine_compose.c - parties into teams of the right sizes; only sizes matter here. */
#include "actors/engine_pool.h"

#include <string.h>

bool mu_compose_pack(const struct mu_parties *parties, uint32_t teams, uint32_t team_max,
                     struct mu_plan *ret)
{
    assert(teams >= 1 && teams <= MU_TEAMS_MAX);
    uint32_t used[MU_TEAMS_MAX] = { 0 };
    memset(ret, 0, teams * sizeof ret->teams[0]);
    for (uint32_t size = MU_TICKET_PLAYERS_MAX; size >= 1; size--) {
        uint32_t left = parties->count[size];
        for (uint32_t i = 0; i < teams && left > 0; i++) {
            uint32_t fit = (team_max - used[i]) / size;
            fit = fit < left ? fit : left;
            ret->teams[i].count[size] = (uint16_t)fit;
            used[i] += fit * size;
            left -= fit;
        }
        if (left > 0) {
            return false;
        }
    }
    return true;
}

/* One decision of the search: how many parties of one size one team gets. */
struct decision {
    int32_t taken; /* now being tried; counted down */
    int32_t least; /* fewer will not do */
    uint32_t room; /* players that the team still takes, before this decision */
};

/* Levels go through the teams, and in each through the sizes, the largest first. */
static uint32_t size_of_level(uint32_t level)
{
    return MU_TICKET_PLAYERS_MAX - level % MU_TICKET_PLAYERS_MAX;
}

/* Players in the parties of at most `size` players. */
static uint32_t players_upto(const struct mu_parties *left, uint32_t size)
{
    uint32_t players = 0;
    for (uint32_t i = 1; i <= size; i++) {
        players += i * left->count[i];
    }
    return players;
}

/* Sets up a decision whose room is known: the most first.  `slack`: places that may stay empty. */
static void decide(struct decision *decision, const struct mu_parties *left, uint32_t level,
                   uint32_t slack, uint32_t must)
{
    uint32_t size = size_of_level(level);
    uint32_t most = decision->room / size;
    most = most < left->count[size] ? most : left->count[size];
    decision->taken = (int32_t)most;
    decision->least = level < MU_TICKET_PLAYERS_MAX && size == must ? 1 : 0;
    if (size == 1 && decision->room > slack) {
        int32_t needed = (int32_t)(decision->room - slack);
        decision->least = needed > decision->least ? needed : decision->least;
    }
    if (decision->room > slack && players_upto(left, size) < decision->room - slack) {
        decision->least = decision->taken + 1; /* cannot be filled from here */
    }
}

bool mu_compose_fill(const struct mu_parties *parties, const struct mu_fill *fill, uint32_t *steps,
                     struct mu_plan *ret)
{
    assert(fill->teams >= 1 && fill->teams <= MU_TEAMS_MAX);
    assert(fill->team_min <= fill->team_max && fill->must <= MU_TICKET_PLAYERS_MAX);
    struct decision decisions[MU_TEAMS_MAX * MU_TICKET_PLAYERS_MAX];
    struct mu_parties left = *parties;
    uint32_t levels = fill->teams * MU_TICKET_PLAYERS_MAX;
    uint32_t level = 0;
    bool fresh = true;
    while (level < levels) {
        if (*steps == 0) {
            return false;
        }
        (*steps)--;
        struct decision *now = &decisions[level];
        uint32_t size = size_of_level(level);
        if (fresh) {
            now->room = size == MU_TICKET_PLAYERS_MAX
                            ? fill->team_max
                            : now[-1].room - (uint32_t)now[-1].taken * (size + 1);
            decide(now, &left, level, fill->team_max - fill->team_min, fill->must);
        } else {
            left.count[size] = (uint16_t)(left.count[size] + now->taken);
            now->taken--;
        }
        if (now->taken < now->least) {
            if (level == 0) {
                return false;
            }
            level--;
            fresh = false;
            continue;
        }
        left.count[size] = (uint16_t)(left.count[size] - now->taken);
        level++;
        fresh = true;
    }
    for (uint32_t i = 0; i < levels; i++) {
        ret->teams[i / MU_TICKET_PLAYERS_MAX].count[size_of_level(i)] =
            (uint16_t)decisions[i].taken;
    }
    return true;
}
