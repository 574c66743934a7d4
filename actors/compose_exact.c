/* actors/compose_exact.c - every way there is, when neighbours are few.
 *
 * Each unit in turn goes on each team, or stays out; no two ways that differ only in which of two
 * like teams is which.  The ticket whose age is that of the match comes before the others, so that
 * limits do not change on the way, and what breaks a lasting rule need not be gone on with. */
#include "actors/compose_private.h"

#include <math.h>
#include <string.h>

enum {
    UNITS_MAX = 12,    /* tried in every way */
    WAYS_MAX = 6561,   /* 8 units for two teams, whether or not they differ */
    STEPS_MAX = 24000, /* all the same: a bound on time */
};

/* One unit, and what is being tried with it. */
struct level {
    uint32_t entrant;
    uint32_t player; /* MU_RULES_NONE: all of it */
    uint32_t choice; /* team; teams_count: out; above: everything has been tried */
    bool placed;
};

struct ways {
    struct level levels[UNITS_MAX];
    uint32_t count;
    uint32_t remaining[UNITS_MAX + 1]; /* [i]: players of levels[i] and after */
};

/* One more unit: how many ways there are with so many of the first teams in use, where teams are no
 * different from each other; else in all, at [0]. */
static void add_unit(const struct mu_composer *composer, double ways[UNITS_MAX + 1])
{
    uint32_t teams = composer->rules->teams_count;
    if (composer->classes_count > 1 || composer->backfill != MU_RULES_NONE) {
        ways[0] *= teams + 1.0;
        return;
    }
    for (uint32_t used = UNITS_MAX; used > 0; used--) {
        ways[used] *= used + 1.0; /* out, or with others */
        ways[used] += used <= teams ? ways[used - 1] : 0;
    }
}

bool mu_compose_few(const struct mu_composer *composer, bool want)
{
    double ways[UNITS_MAX + 1] = { 1 };
    uint32_t units = 0;
    for (uint32_t i = 0; i < composer->request->count; i++) {
        if (!composer->usable[i] && i != 0) {
            continue;
        }
        const struct mu_entrant *entrant = mu_compose_entrant(composer, i);
        uint32_t own = mu_compose_spans(composer, i) ? entrant->players : 1;
        units += own;
        if (entrant->backfill || units > UNITS_MAX) {
            return false;
        }
        for (uint32_t k = 0; k < own; k++) {
            add_unit(composer, ways);
        }
    }
    double all = 0;
    for (uint32_t i = 0; i <= UNITS_MAX; i++) {
        all += ways[i];
    }
    return all <= WAYS_MAX || want;
}

/* Sets up the levels: the youngest first, or the oldest. */
static void set_up(const struct mu_composer *composer, struct ways *ways)
{
    uint16_t order[UNITS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < composer->request->count; i++) {
        uint32_t entrant = composer->wanted[i];
        if (entrant != 0 && !composer->usable[entrant]) {
            continue;
        }
        int64_t since = mu_compose_entrant(composer, entrant)->since_ms;
        uint32_t at = count++;
        for (; at > 0; at--) {
            int64_t other = mu_compose_entrant(composer, order[at - 1])->since_ms;
            if (composer->rules->oldest_age ? other <= since : other >= since) {
                break;
            }
            order[at] = order[at - 1];
        }
        order[at] = (uint16_t)entrant;
    }
    ways->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool apart = mu_compose_spans(composer, order[i]);
        uint32_t own = apart ? mu_compose_entrant(composer, order[i])->players : 1;
        for (uint32_t k = 0; k < own; k++) {
            ways->levels[ways->count++] =
                (struct level){ .entrant = order[i], .player = apart ? k : MU_RULES_NONE };
        }
    }
    ways->remaining[ways->count] = 0;
    for (uint32_t i = ways->count; i > 0; i--) {
        const struct level *level = &ways->levels[i - 1];
        const struct mu_entrant *entrant = mu_compose_entrant(composer, level->entrant);
        ways->remaining[i - 1] =
            ways->remaining[i] + (level->player == MU_RULES_NONE ? entrant->players : 1);
    }
}

/* Whether the team is empty, and so is one before it that is no different. */
static bool is_repetition(const struct mu_composer *composer, uint32_t team)
{
    if (mu_candidate_team_players(composer->candidate, team) > 0) {
        return false;
    }
    for (uint32_t i = composer->rules->teams[team].like; i < team; i++) {
        if (composer->rules->teams[i].like == composer->rules->teams[team].like &&
            mu_candidate_team_players(composer->candidate, i) == 0) {
            return true;
        }
    }
    return false;
}

/* Rates the state, when all of each ticket is in it, and the anchor is. */
static void rate(struct mu_composer *composer, const struct ways *ways, uint32_t i)
{
    struct mu_compose_score score;
    bool whole = i + 1 == ways->count || ways->levels[i + 1].player == MU_RULES_NONE ||
                 ways->levels[i + 1].player == 0;
    uint32_t players = mu_candidate_players(composer->candidate);
    if (!whole || !composer->in[0] ||
        players < mu_rules_players_min(composer->rules, mu_candidate_age(composer->candidate))) {
        return;
    }
    mu_compose_rate(composer, &score);
    if (score.legal &&
        (composer->best.count == 0 || mu_compose_better(&score, &composer->best.score))) {
        mu_compose_keep(composer, &score, &composer->best);
    }
}

/* Whether nothing that is better can come of the levels from i on. */
static bool is_hopeless(const struct mu_composer *composer, const struct ways *ways, uint32_t i)
{
    uint32_t players = mu_candidate_players(composer->candidate) + ways->remaining[i];
    if (mu_candidate_count(composer->candidate) > 0 &&
        players < mu_rules_players_min(composer->rules, mu_candidate_age(composer->candidate))) {
        return true;
    }
    return composer->request->reservations == NULL && isinf(composer->rules->prefer.value) &&
           composer->rules->prefer.steps_count == 0 && composer->best.count > 0 &&
           players < composer->best.score.players;
}

/* Makes the next choice of a level.  Returns whether there was one. */
static bool choose(struct mu_composer *composer, struct ways *ways, uint32_t i)
{
    struct level *level = &ways->levels[i];
    const struct level *before =
        level->player == MU_RULES_NONE || level->player == 0 ? NULL : &ways->levels[i - 1];
    uint32_t teams = composer->rules->teams_count;
    for (; level->choice < teams; level->choice++) {
        if (before != NULL && !before->placed) {
            level->choice = teams; /* not without the rest of his party */
            break;
        }
        if (!is_repetition(composer, level->choice) &&
            mu_compose_add(composer, level->entrant, level->player, level->choice)) {
            level->placed = true;
            level->choice++;
            rate(composer, ways, i);
            return true;
        }
    }
    if (level->choice > teams || level->entrant == 0 || (before != NULL && before->placed)) {
        return false;
    }
    level->choice++;
    return true;
}

void mu_compose_exact(struct mu_composer *composer)
{
    struct ways ways = { .count = 0 };
    uint32_t steps_max = composer->steps_max;
    uint32_t effort = composer->request->effort;
    composer->steps_max = composer->steps;
    composer->steps_max += effort > 0 && 2 * effort < STEPS_MAX ? 2 * effort : STEPS_MAX;
    set_up(composer, &ways);
    mu_compose_clear(composer);
    uint32_t i = 0;
    for (;;) {
        struct level *level = &ways.levels[i];
        if (level->placed) {
            level->placed = false;
            mu_compose_remove(composer, mu_candidate_count(composer->candidate) - 1);
        }
        if (mu_compose_spent(composer)) {
            break;
        }
        if (choose(composer, &ways, i)) {
            if (i + 1 < ways.count && !is_hopeless(composer, &ways, i + 1)) {
                i++;
                ways.levels[i].choice = 0;
                ways.levels[i].placed = false;
            }
            continue;
        }
        if (i == 0) {
            break;
        }
        i--;
    }
    composer->complete = composer->best.count > 0 && !mu_compose_spent(composer);
    composer->steps_max = steps_max;
}
