/* actors/compose_attempt.c - one attempt: with the anchor on some team, and those that are
 * eligible. */
#include "actors/compose_private.h"

/* Takes the state of the attempt, which is legal, as the best if it is. */
static void offer(struct mu_composer *composer)
{
    if (composer->best.count == 0 ||
        mu_compose_better(&composer->here.score, &composer->best.score)) {
        composer->best = composer->here;
    }
}

/* Lets what comes use half of the steps that are left, so that other attempts have their turn.
 * Returns the bound before. */
static uint32_t halve(struct mu_composer *composer)
{
    uint32_t steps_max = composer->steps_max;
    uint32_t left = steps_max > composer->steps ? steps_max - composer->steps : 0;
    composer->steps_max = composer->steps + left / 2;
    return steps_max;
}

/* If the state is legal, makes the best of it.  Returns whether it is. */
static bool settle(struct mu_composer *composer)
{
    struct mu_compose_score score;
    if (composer->rules->large) {
        mu_compose_even(composer);
    }
    mu_compose_rate(composer, &score);
    if (!score.legal) {
        return false;
    }
    mu_compose_keep(composer, &score, &composer->here);
    if (!composer->rules->large) {
        uint32_t steps_max = halve(composer);
        mu_compose_improve(composer);
        composer->steps_max = steps_max;
    }
    offer(composer);
    return true;
}

/* Puts the anchor in, alone but for the backfill of the attempt, whose seats make like teams
 * different. */
static bool start(struct mu_composer *composer, uint32_t team)
{
    mu_compose_clear(composer);
    if (composer->backfill == MU_RULES_NONE || composer->backfill == 0) {
        return mu_compose_put(composer, 0, team);
    }
    if (!mu_compose_put(composer, composer->backfill, MU_RULES_NONE)) {
        return false;
    }
    bool in = team == MU_RULES_NONE && mu_compose_put(composer, 0, team);
    for (uint32_t i = team; i < composer->rules->teams_count && !in; i++) {
        in = composer->class_of[i] == composer->class_of[team] && mu_compose_put(composer, 0, i);
    }
    return in;
}

static bool has_sizes(struct mu_composer *composer)
{
    mu_compose_bounds(composer);
    for (uint32_t i = 0; i < composer->teams_open; i++) {
        uint32_t players = mu_candidate_team_players(composer->candidate, i);
        if (players < composer->team_min[i] || players > composer->team_max[i]) {
            return false;
        }
    }
    return true;
}

/* Fills up, and looks whether that is a match. */
static bool fill(struct mu_composer *composer)
{
    mu_compose_fill(composer, UINT32_MAX);
    mu_compose_trim(composer);
    return settle(composer);
}

/* A match that lacks players may be larger when the sizes of parties decide who is in it. */
static void enlarge(struct mu_composer *composer, uint32_t team)
{
    if (composer->parties && !mu_compose_ideal(composer) && start(composer, team) &&
        mu_compose_plan(composer)) {
        (void)fill(composer);
    }
}

void mu_compose_attempt(struct mu_composer *composer, uint32_t team)
{
    for (uint32_t i = 0; i < composer->request->count; i++) {
        composer->fits[i] = UINT64_MAX;
        composer->usable[i] = composer->eligible[i];
    }
    if (!start(composer, team)) {
        return;
    }
    if (fill(composer)) {
        enlarge(composer, team);
        return;
    }
    (void)start(composer, team);
    /* Who does not go with the anchor alone may with an older one, when that one's age counts. */
    if (!composer->rules->oldest_age) {
        mu_compose_survey(composer);
    }
    if (mu_compose_short(composer) || fill(composer)) {
        return;
    }
    if (composer->parties && !has_sizes(composer) && start(composer, team) &&
        mu_compose_plan(composer) && fill(composer)) {
        return;
    }
    if (composer->rules->large) {
        return; /* no rule is on teams: there is nothing to be mended */
    }
    uint32_t steps_max = halve(composer);
    bool legal = mu_compose_mend(composer);
    composer->steps_max = steps_max;
    if (legal) {
        (void)settle(composer);
    }
}
