/* actors/compose_improve.c - from a legal state towards the best: by exchanges between teams,
 * then by additions, replacements and omissions, as long as some step makes it better; and in the
 * end once more without each of those that are in, as the best one may not be on the way. */
#include "actors/compose_private.h"

enum {
    POLISH_STEPS = 1500, /* for what comes of leaving one out */
    OUTSIDE_MAX = 24,    /* neighbours that are tried in place of another */
    GROW_MAX = 16,       /* neighbours that are tried beside the others */
};

static bool is_better(struct mu_composer *composer, struct mu_compose_score *ret)
{
    mu_compose_rate(composer, ret);
    return mu_compose_better(ret, &composer->here.score);
}

/* Exchanges the units a and b if that is better.  Returns whether it was. */
static bool exchange(struct mu_composer *composer, uint32_t a, uint32_t b)
{
    struct mu_compose_score score;
    composer->steps++;
    mu_candidate_exchange(composer->candidate, a, b);
    if (is_better(composer, &score)) {
        mu_compose_keep(composer, &score, &composer->here);
        return true;
    }
    composer->steps++;
    mu_candidate_exchange(composer->candidate, a, b);
    return false;
}

static bool move(struct mu_composer *composer, uint32_t unit, uint32_t team)
{
    struct mu_compose_score score;
    uint32_t old = mu_candidate_team(composer->candidate, unit);
    composer->steps++;
    mu_candidate_move(composer->candidate, unit, team);
    if (is_better(composer, &score)) {
        mu_compose_keep(composer, &score, &composer->here);
        return true;
    }
    composer->steps++;
    mu_candidate_move(composer->candidate, unit, old);
    return false;
}

/* One pass over the pairs of units, and over the units that other teams have room for. */
static bool shuffle(struct mu_composer *composer)
{
    bool changed = false;
    uint32_t count = mu_candidate_count(composer->candidate);
    for (uint32_t a = 0; a < count; a++) {
        if (mu_compose_fixed(composer, a)) {
            continue;
        }
        mu_compose_bounds(composer);
        for (uint32_t i = 0; i < composer->teams_open && !mu_compose_spent(composer); i++) {
            uint32_t players = mu_compose_unit_players(composer, a);
            if (i != mu_candidate_team(composer->candidate, a) &&
                mu_candidate_team_players(composer->candidate, i) + players <=
                    composer->team_max[i]) {
                changed = move(composer, a, i) || changed;
            }
        }
        for (uint32_t b = a + 1; b < count && !mu_compose_spent(composer); b++) {
            if (mu_candidate_team(composer->candidate, a) !=
                    mu_candidate_team(composer->candidate, b) &&
                !mu_compose_fixed(composer, b)) {
                changed = exchange(composer, a, b) || changed;
            }
        }
    }
    return changed;
}

/* Adds the first neighbour with whom it is better.  Returns whether there was one. */
static bool grow(struct mu_composer *composer)
{
    struct mu_compose_score score;
    struct mu_compose_place place;
    uint32_t tries = 0;
    for (uint32_t i = 1; i < composer->request->count && tries < GROW_MAX; i++) {
        uint32_t entrant = composer->wanted[i];
        if (composer->in[entrant] || !composer->usable[entrant]) {
            continue;
        }
        tries++;
        if (mu_compose_spent(composer) || !mu_compose_put(composer, entrant, MU_RULES_NONE)) {
            continue;
        }
        if (is_better(composer, &score)) {
            mu_compose_keep(composer, &score, &composer->here);
            return true;
        }
        mu_compose_take(composer, entrant, &place);
    }
    return false;
}

/* Adds to every team at once, as rules on sizes may demand.  Returns whether it is better. */
static bool grow_all(struct mu_composer *composer)
{
    struct mu_compose_score score;
    uint32_t before = mu_candidate_count(composer->candidate);
    uint32_t enough = before + composer->teams_open;
    uint32_t tries = 0;
    for (uint32_t i = 1; i < composer->request->count && tries < MU_COMPOSE_NEAR_MAX; i++) {
        uint32_t entrant = composer->wanted[i];
        if (composer->in[entrant] || !composer->usable[entrant]) {
            continue;
        }
        tries++;
        if (mu_compose_spent(composer) || mu_candidate_count(composer->candidate) >= enough) {
            break;
        }
        if (mu_compose_put(composer, entrant, MU_RULES_NONE) && is_better(composer, &score)) {
            mu_compose_keep(composer, &score, &composer->here);
            return true;
        }
    }
    if (mu_candidate_count(composer->candidate) == before) {
        return false;
    }
    (void)mu_compose_shuffle(composer, mu_compose_violation(composer));
    if (is_better(composer, &score)) {
        mu_compose_keep(composer, &score, &composer->here);
        return true;
    }
    mu_compose_return(composer, &composer->here);
    return false;
}

/* Puts the best neighbour in place of `old`, or nobody.  Returns whether that is better. */
static bool replace(struct mu_composer *composer, uint32_t old)
{
    struct mu_compose_score score;
    struct mu_compose_place was;
    struct mu_compose_place place;
    bool changed = false;
    uint32_t tries = 0;
    mu_compose_take(composer, old, &was);
    if (is_better(composer, &score)) {
        mu_compose_keep(composer, &score, &composer->here);
        changed = true;
    }
    for (uint32_t i = 1; i < composer->request->count && tries < OUTSIDE_MAX; i++) {
        uint32_t entrant = composer->wanted[i];
        if (entrant == old || composer->in[entrant] || !composer->usable[entrant]) {
            continue;
        }
        tries++;
        if (mu_compose_spent(composer) || !mu_compose_put(composer, entrant, was.teams[0])) {
            continue;
        }
        if (is_better(composer, &score)) {
            mu_compose_keep(composer, &score, &composer->here);
            changed = true;
        }
        mu_compose_take(composer, entrant, &place);
    }
    if (changed) {
        mu_compose_return(composer, &composer->here);
    } else {
        mu_compose_untake(composer, &was);
    }
    return changed;
}

static bool replace_any(struct mu_composer *composer)
{
    bool changed = false;
    for (uint32_t i = composer->request->count - 1; i > 0 && !mu_compose_spent(composer); i--) {
        uint32_t entrant = composer->wanted[i];
        if (composer->in[entrant] && !mu_compose_entrant(composer, entrant)->backfill) {
            changed = replace(composer, entrant) || changed;
        }
    }
    return changed;
}

void mu_compose_improve(struct mu_composer *composer)
{
    /* Who sorts neighbours wants the first ones, not those with whom the ratings are nearer. */
    bool choosy = composer->request->reservations != NULL || !composer->sorted;
    assert(composer->here.score.legal);
    bool changed = true;
    while (changed && !mu_compose_spent(composer)) {
        changed = shuffle(composer);
        changed = grow(composer) || changed;
        changed = grow_all(composer) || changed;
        changed = (choosy && replace_any(composer)) || changed;
    }
}

/* From the state of the attempt without that one: filled up, mended if need be, and improved. */
static void leave_out(struct mu_composer *composer, uint32_t entrant)
{
    struct mu_compose_score score;
    struct mu_compose_place place;
    mu_compose_take(composer, entrant, &place);
    composer->usable[entrant] = false;
    mu_compose_fill(composer, OUTSIDE_MAX);
    mu_compose_trim(composer);
    mu_compose_rate(composer, &score);
    if (!score.legal && mu_compose_mend(composer)) {
        mu_compose_rate(composer, &score);
    }
    composer->usable[entrant] = true;
    if (!score.legal) {
        return;
    }
    mu_compose_keep(composer, &score, &composer->here);
    mu_compose_improve(composer);
    if (mu_compose_better(&composer->here.score, &composer->best.score)) {
        composer->best = composer->here;
    }
}

void mu_compose_polish(struct mu_composer *composer)
{
    uint32_t steps_max = composer->steps_max;
    if (composer->best.count == 0 || composer->complete || composer->rules->large ||
        mu_compose_spent(composer)) {
        return;
    }
    if (steps_max - composer->steps > POLISH_STEPS) {
        composer->steps_max = composer->steps + POLISH_STEPS;
    }
    for (uint32_t i = 0; i < composer->request->count; i++) {
        composer->fits[i] = UINT64_MAX;
        composer->usable[i] = !mu_compose_entrant(composer, i)->backfill;
    }
    for (uint32_t rank = composer->request->count - 1; rank > 0; rank--) {
        uint32_t entrant = composer->wanted[rank];
        if (mu_compose_spent(composer)) {
            break;
        }
        mu_compose_return(composer, &composer->best);
        if (composer->in[entrant] && composer->usable[entrant]) {
            leave_out(composer, entrant);
        }
    }
    composer->steps_max = steps_max;
}
