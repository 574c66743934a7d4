/* actors/engine_split.c - who plays with whom: teams as even as possible, parties whole. */
#include "actors/engine_pool.h"

#include <math.h>

enum { PASSES_MAX = 8 }; /* over all pairs of parts */

/* Goes through all splits by the Gray code, so that each differs from the one before in one part;
 * part 0 stays on team 0. */
double mu_split_two(const struct mu_part *parts, uint32_t count, uint32_t size, uint32_t *ret_code)
{
    assert(count >= 1 && count <= MU_GROUP_PLAYERS_MAX);
    double total = 0;
    for (uint32_t i = 0; i < count; i++) {
        total += parts[i].sum;
    }
    double sum = 0; /* of team 1 */
    uint32_t players = 0;
    double best = HUGE_VAL;
    for (uint32_t i = 1; i < UINT32_C(1) << (count - 1); i++) {
        uint32_t code = i ^ (i >> 1);
        uint32_t flipped = 0;
        while ((i >> flipped & 1) == 0) {
            flipped++;
        }
        const struct mu_part *part = &parts[flipped + 1];
        if ((code >> flipped & 1) != 0) {
            sum += part->sum;
            players += part->players;
        } else {
            sum -= part->sum;
            players -= part->players;
        }
        double difference = fabs(total - 2 * sum);
        if (players == size && difference < best) {
            best = difference;
            *ret_code = code << 1;
        }
    }
    return best;
}

/* Sums of many teams while they are being made. */
struct tally {
    double mean; /* of all players */
    double sum[MU_TEAMS_MAX];
    double size[MU_TEAMS_MAX];
};

/* How far a team's sum is from what its size should have. */
static double excess(const struct tally *tally, uint32_t team)
{
    return tally->sum[team] - tally->size[team] * tally->mean;
}

/* Deals the parts of each size, the highest sum to the weakest team that the plan has one for. */
static void deal(const struct mu_part *parts, uint32_t count, struct mu_plan *left,
                 struct tally *tally, uint8_t *ret_teams)
{
    for (uint32_t dealt = 0; dealt < count; dealt++) {
        uint32_t next = count;
        for (uint32_t i = 0; i < count; i++) {
            if (ret_teams[i] == UINT8_MAX &&
                (next == count || parts[i].players > parts[next].players ||
                 (parts[i].players == parts[next].players && parts[i].sum > parts[next].sum))) {
                next = i;
            }
        }
        uint32_t players = parts[next].players;
        uint32_t to = MU_TEAMS_MAX;
        for (uint32_t i = 0; i < left->teams_count; i++) {
            if (left->teams[i].count[players] > 0 &&
                (to == MU_TEAMS_MAX || excess(tally, i) < excess(tally, to))) {
                to = i;
            }
        }
        assert(to < MU_TEAMS_MAX);
        left->teams[to].count[players]--;
        ret_teams[next] = (uint8_t)to;
        tally->sum[to] += parts[next].sum;
        tally->size[to] += players;
    }
}

/* By how much the squared excesses fall when parts a and b change teams. */
static double gain(const struct tally *tally, double move, uint32_t team_a, uint32_t team_b)
{
    double in_a = excess(tally, team_a);
    double in_b = excess(tally, team_b);
    return in_a * in_a + in_b * in_b - (in_a + move) * (in_a + move) -
           (in_b - move) * (in_b - move);
}

/* Exchanges parts of equal size while that makes the teams more even. */
static void even_out(const struct mu_part *parts, uint32_t count, struct tally *tally,
                     uint8_t *teams)
{
    bool moved = true;
    for (uint32_t pass = 0; pass < PASSES_MAX && moved; pass++) {
        moved = false;
        for (uint32_t i = 0; i < count; i++) {
            for (uint32_t k = i + 1; k < count; k++) {
                double move = parts[k].sum - parts[i].sum;
                if (teams[i] == teams[k] || parts[i].players != parts[k].players ||
                    gain(tally, move, teams[i], teams[k]) <= 1e-6) {
                    continue;
                }
                tally->sum[teams[i]] += move;
                tally->sum[teams[k]] -= move;
                uint8_t team = teams[i];
                teams[i] = teams[k];
                teams[k] = team;
                moved = true;
            }
        }
    }
}

void mu_split_many(const struct mu_part *parts, uint32_t count, const struct mu_plan *plan,
                   uint8_t *ret_teams)
{
    assert(count >= 1 && count <= MU_MATCH_PLAYERS_MAX);
    struct mu_plan left = *plan;
    struct tally tally = { .mean = 0 };
    double players = 0;
    for (uint32_t i = 0; i < count; i++) {
        tally.mean += parts[i].sum;
        players += parts[i].players;
        ret_teams[i] = UINT8_MAX;
    }
    tally.mean /= players;
    deal(parts, count, &left, &tally, ret_teams);
    even_out(parts, count, &tally, ret_teams);
}

double mu_split_imbalance(const struct mu_objective *objective, const struct mu_part *parts,
                          uint32_t count, const uint8_t *teams)
{
    struct mu_part sides[MU_SPLIT_SIDES_MAX] = { { 0 } };
    uint32_t sides_count = 0;
    uint32_t pairs = 0;
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        double players = parts[i].players;
        for (uint32_t k = 0; k < parts[i].players; k++) {
            uint32_t at = teams == NULL ? sides_count : teams[i];
            assert(at < MU_SPLIT_SIDES_MAX);
            sides[at].players++;
            sides[at].sum += parts[i].sum / players;
            sides[at].variance += parts[i].variance / players;
            sides_count = at >= sides_count ? at + 1 : sides_count;
        }
    }
    for (uint32_t i = 0; i < sides_count; i++) {
        for (uint32_t k = i + 1; k < sides_count; k++) {
            if (sides[i].players > 0 && sides[k].players > 0) {
                sum += mu_quality_imbalance(objective, sides[i].sum - sides[k].sum,
                                            (double)sides[i].players + (double)sides[k].players,
                                            sides[i].variance + sides[k].variance);
                pairs++;
            }
        }
    }
    return pairs == 0 ? 0 : sum / pairs;
}
