#include "actors/rating.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

static int64_t moved(int64_t rating, double surplus, uint64_t k)
{
    double after = floor((double)rating + (double)k * surplus + 0.5);
    if (after < MU_RATING_MIN) {
        return MU_RATING_MIN;
    }
    return after > MU_RATING_MAX ? MU_RATING_MAX : (int64_t)after;
}

double mu_rating_expected(double rating, double opponent)
{
    return 1.0 / (1.0 + pow(10.0, (opponent - rating) / 400.0));
}

int64_t mu_rating_update(int64_t rating, double opponent, double score, uint64_t k)
{
    return moved(rating, score - mu_rating_expected((double)rating, opponent), k);
}

/* What a team is to the others. */
struct opponent {
    double rating;  /* sum of its players, then their average */
    uint32_t count; /* players; 0: not in the match */
    uint32_t rank;
};

static double surplus_of(const struct mu_rated *player, const struct opponent *teams)
{
    double score = 0;
    double expected = 0;
    uint32_t others = 0;
    for (uint32_t team = 0; team < MU_TEAMS_MAX; team++) {
        if (team == player->team || teams[team].count == 0) {
            continue;
        }
        others++;
        expected += mu_rating_expected((double)player->rating, teams[team].rating);
        if (!player->left && player->rank <= teams[team].rank) {
            score += player->rank < teams[team].rank ? 1.0 : 0.5;
        }
    }
    return others == 0 ? 0 : (score - expected) / others;
}

void mu_rating_match(struct mu_rated *players, uint32_t count, uint64_t k)
{
    assert(count >= 1 && count <= MU_MATCH_PLAYERS_MAX);
    struct opponent teams[MU_TEAMS_MAX] = { 0 };
    for (uint32_t i = 0; i < count; i++) {
        assert(players[i].team < MU_TEAMS_MAX);
        struct opponent *team = &teams[players[i].team];
        team->rating += (double)players[i].rating;
        team->rank = players[i].rank;
        team->count++;
    }
    for (uint32_t i = 0; i < MU_TEAMS_MAX; i++) {
        if (teams[i].count > 0) {
            teams[i].rating /= teams[i].count;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        players[i].after = moved(players[i].rating, surplus_of(&players[i], teams), k);
    }
}

uint64_t mu_rating_deviation(uint64_t games)
{
    double deviation = 350.0 / sqrt(1.0 + (double)games);
    return (uint64_t)floor((deviation < 60.0 ? 60.0 : deviation) + 0.5);
}

const char *mu_rating_tier(int64_t rating)
{
    static const struct {
        int64_t below;
        const char *name;
    } tiers[] = {
        { 800, "BRONZE" },    { 1200, "SILVER" },  { 1600, "GOLD" },
        { 2000, "PLATINUM" }, { 2400, "DIAMOND" },
    };
    for (size_t i = 0; i < sizeof tiers / sizeof tiers[0]; i++) {
        if (rating < tiers[i].below) {
            return tiers[i].name;
        }
    }
    return "MASTER";
}
