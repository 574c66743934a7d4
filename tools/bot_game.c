#include "tools/bot_game.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/rng.h"

/* FNV-1a, 64 bits: spreads names and ids well enough to seed a generator. */
static struct mu_rng seeded_by(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text != '\0'; text++) {
        hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    }
    return (struct mu_rng){ .state = hash };
}

/* Above 0 and below 1. */
static double uniform(struct mu_rng *rng)
{
    return ((double)(mu_rng_next(rng) >> 12) + 0.5) / (double)(UINT64_C(1) << 52);
}

double mu_bot_skill(const char *username)
{
    if (strncmp(username, MU_BOT_PREFIX, strlen(MU_BOT_PREFIX)) != 0) {
        return 1200.0;
    }
    struct mu_rng rng = seeded_by(username);
    /* The sum of four uniform numbers is nearly normal, with variance 4/12. */
    double sum = uniform(&rng) + uniform(&rng) + uniform(&rng) + uniform(&rng);
    return 1200.0 + (sum - 2.0) * 520.0;
}

void mu_bot_play(const char *match, const double *strength, uint32_t teams, uint32_t *ret_rank)
{
    double shown[MU_BOT_TEAMS_MAX];
    assert(teams >= 1 && teams <= MU_BOT_TEAMS_MAX);
    struct mu_rng rng = seeded_by(match);
    bool draw = teams == 2 && mu_rng_chance_ppm(&rng, MU_BOT_DRAW_PPM);
    for (uint32_t i = 0; i < teams; i++) {
        /* The difference of two Gumbel variables is logistic: with this scale the better team
         * wins as often as Elo's formula says. */
        shown[i] = strength[i] - 400.0 / log(10.0) * log(-log(uniform(&rng)));
    }
    for (uint32_t i = 0; i < teams; i++) {
        ret_rank[i] = 1;
        for (uint32_t k = 0; k < teams && !draw; k++) {
            if (shown[k] > shown[i] || (shown[k] == shown[i] && k < i)) {
                ret_rank[i]++;
            }
        }
    }
}
