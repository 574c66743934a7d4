/* actors/compose_mend.c - from a filling towards legal.
 *
 * A descent of the violation in which each step is the best of its kind, cheap kinds first:
 * exchange or move units between teams; add somebody; replace one by another; put one in who
 * displaces others; leave one out and fill up.  When no step helps, the descent is begun again
 * without one of those that are in, a few times. */
#include "actors/compose_private.h"

#include <math.h>

enum {
    PAIRS_ENOUGH = 200, /* exchanges looked at once one has been found that helps */
    NEWCOMERS_MAX = 16, /* tried as ones who displace others */
    RESTARTS_MAX = 6,   /* descents without one of those that are in */
};

#define GAIN_MIN 1e-9 /* a violation that is smaller by less is not smaller */

/* An exchange of units a and b, or a move of unit a when b is MU_RULES_NONE. */
struct shift {
    uint32_t a;
    uint32_t b;
    uint32_t team; /* where a goes, when it moves */
};

/* Applies it.  Returns what takes it back. */
static struct shift apply(struct mu_composer *composer, struct shift shift)
{
    struct shift back = shift;
    composer->steps++;
    if (shift.b != MU_RULES_NONE) {
        mu_candidate_exchange(composer->candidate, shift.a, shift.b);
    } else {
        back.team = mu_candidate_team(composer->candidate, shift.a);
        mu_candidate_move(composer->candidate, shift.a, shift.team);
    }
    return back;
}

/* The violation after it; takes it back. */
static double try_shift(struct mu_composer *composer, struct shift shift)
{
    struct shift back = apply(composer, shift);
    double violation = mu_compose_violation(composer);
    (void)apply(composer, back);
    return violation;
}

struct search {
    struct shift best;
    double violation; /* after it; or that of the state */
    uint32_t looked;
    bool found;
};

static void consider(struct mu_composer *composer, struct search *search, struct shift shift)
{
    double violation = try_shift(composer, shift);
    search->looked++;
    if (violation < search->violation - GAIN_MIN) {
        search->violation = violation;
        search->best = shift;
        search->found = true;
    }
}

static bool enough(const struct mu_composer *composer, const struct search *search)
{
    return mu_compose_spent(composer) || search->violation <= 0 ||
           (search->found && search->looked >= PAIRS_ENOUGH);
}

/* Looks at everything that can be done with unit a. */
static void consider_unit(struct mu_composer *composer, struct search *search, uint32_t a)
{
    const struct mu_candidate *candidate = composer->candidate;
    uint32_t team = mu_candidate_team(candidate, a);
    uint32_t count = mu_candidate_count(candidate);
    const struct mu_entrant *who = mu_candidate_entrant(candidate, a);
    uint32_t players = mu_candidate_player(candidate, a) == MU_RULES_NONE ? who->players : 1;
    mu_compose_bounds(composer);
    for (uint32_t i = 0; i < composer->teams_open && !enough(composer, search); i++) {
        if (i != team &&
            mu_candidate_team_players(candidate, i) + players <= composer->team_max[i]) {
            consider(composer, search, (struct shift){ a, MU_RULES_NONE, i });
        }
    }
    for (uint32_t b = a + 1; b < count && !enough(composer, search); b++) {
        if (mu_candidate_team(candidate, b) != team && !mu_compose_fixed(composer, b)) {
            consider(composer, search, (struct shift){ a, b, 0 });
        }
    }
}

/* Makes a shift for good, if the state after it can be made again.  Returns whether it is made. */
static bool make(struct mu_composer *composer, struct shift shift)
{
    struct mu_compose_score score = { .violation = 0 };
    if (composer->rules->roles_attribute == MU_RULES_NONE) {
        (void)apply(composer, shift);
        return true;
    }
    mu_compose_keep(composer, &score, &composer->shifted[0]);
    (void)apply(composer, shift);
    mu_compose_keep(composer, &score, &composer->shifted[1]);
    if (mu_compose_restore(composer, &composer->shifted[1])) {
        return true;
    }
    mu_compose_return(composer, &composer->shifted[0]);
    return false;
}

double mu_compose_shuffle(struct mu_composer *composer, double violation)
{
    uint32_t count = mu_candidate_count(composer->candidate);
    for (;;) {
        struct search search = { .violation = violation };
        for (uint32_t a = 0; a < count && !enough(composer, &search); a++) {
            if (!mu_compose_fixed(composer, a)) {
                consider_unit(composer, &search, a);
            }
        }
        if (!search.found || !make(composer, search.best)) {
            return violation;
        }
        violation = search.violation;
        if (violation <= 0 || mu_compose_spent(composer)) {
            return violation;
        }
    }
}

static uint32_t outside_next(const struct mu_composer *composer, uint32_t from)
{
    uint32_t i = from;
    while (i < composer->request->count &&
           (composer->in[composer->wanted[i]] || !composer->usable[composer->wanted[i]])) {
        i++;
    }
    return i;
}

/* The violation with the entrant put into the team (MU_RULES_NONE: any), INFINITY when it does not
 * go in; it is out again. */
static double try_put(struct mu_composer *composer, uint32_t entrant, uint32_t team)
{
    struct mu_compose_place place;
    if (!mu_compose_put(composer, entrant, team)) {
        return HUGE_VAL;
    }
    double violation = mu_compose_violation(composer);
    mu_compose_take(composer, entrant, &place);
    return violation;
}

/* Adds the one that helps most.  Returns what is left of the violation. */
static double add_one(struct mu_composer *composer, double violation)
{
    uint32_t best = MU_RULES_NONE;
    uint32_t best_team = 0;
    double least = violation - GAIN_MIN;
    uint32_t at = 0;
    for (uint32_t i = 0; i < MU_COMPOSE_NEAR_MAX && !mu_compose_spent(composer); i++) {
        at = outside_next(composer, at);
        if (at >= composer->request->count) {
            break;
        }
        uint32_t entrant = composer->wanted[at++];
        for (uint32_t k = 0; k < composer->classes_count; k++) {
            uint32_t team = composer->classes_count == 1 ? MU_RULES_NONE : composer->class_first[k];
            double with = try_put(composer, entrant, team);
            if (with < least) {
                best = entrant;
                best_team = team;
                least = with;
            }
        }
    }
    if (best == MU_RULES_NONE || !mu_compose_put(composer, best, best_team)) {
        return violation;
    }
    return least;
}

/* The entrant at place i of those that are in, the least wanted first, or MU_RULES_NONE; never the
 * anchor, nor a backfill. */
static uint32_t inside(const struct mu_composer *composer, uint32_t i)
{
    for (uint32_t rank = composer->request->count - 1; rank > 0; rank--) {
        uint32_t entrant = composer->wanted[rank];
        if (composer->in[entrant] && !mu_compose_entrant(composer, entrant)->backfill && i-- == 0) {
            return entrant;
        }
    }
    return MU_RULES_NONE;
}

/* Replaces one by another where that helps.  Returns what is left of the violation. */
static double replace_one(struct mu_composer *composer, double violation)
{
    for (uint32_t i = 0; !mu_compose_spent(composer); i++) {
        uint32_t old = inside(composer, i);
        if (old == MU_RULES_NONE) {
            break;
        }
        struct mu_compose_place place;
        uint32_t best = MU_RULES_NONE;
        double least = violation - GAIN_MIN;
        uint32_t at = 0;
        mu_compose_take(composer, old, &place);
        for (uint32_t k = 0; k < MU_COMPOSE_NEAR_MAX && !mu_compose_spent(composer); k++) {
            at = outside_next(composer, at);
            if (at >= composer->request->count) {
                break;
            }
            uint32_t entrant = composer->wanted[at++];
            double with = entrant == old ? HUGE_VAL : try_put(composer, entrant, place.teams[0]);
            if (with < least) {
                best = entrant;
                least = with;
            }
        }
        if (best != MU_RULES_NONE && mu_compose_put(composer, best, place.teams[0])) {
            return least;
        }
        mu_compose_untake(composer, &place);
    }
    return violation;
}

/* Makes room for a newcomer in the team: takes out the least wanted that stand there. */
static bool displace(struct mu_composer *composer, uint32_t newcomer, uint32_t team)
{
    struct mu_compose_place place;
    for (uint32_t rank = composer->request->count - 1; rank > 0; rank--) {
        uint32_t count = mu_candidate_count(composer->candidate);
        uint32_t entrant = composer->wanted[rank];
        bool there = false;
        for (uint32_t i = 0; i < count && composer->in[entrant] && !there; i++) {
            there = composer->units[i] == entrant && !mu_compose_fixed(composer, i) &&
                    mu_candidate_team(composer->candidate, i) == team;
        }
        if (!there) {
            continue;
        }
        mu_compose_take(composer, entrant, &place);
        if (mu_compose_put(composer, newcomer, team)) {
            return true;
        }
    }
    return false;
}

/* Puts in one who displaces others, who may go elsewhere, where that helps. */
static double displace_one(struct mu_composer *composer, double violation)
{
    uint32_t at = 0;
    struct mu_compose_score score = { .violation = violation };
    mu_compose_keep(composer, &score, &composer->trial);
    for (uint32_t i = 0; i < NEWCOMERS_MAX; i++) {
        at = outside_next(composer, at);
        if (at >= composer->request->count) {
            return violation;
        }
        uint32_t entrant = composer->wanted[at++];
        for (uint32_t team = 0; team < composer->teams_open; team++) {
            if (mu_compose_spent(composer)) {
                return violation;
            }
            if ((composer->fits[entrant] >> composer->class_of[team] & 1) == 0) {
                continue;
            }
            if (displace(composer, entrant, team)) {
                mu_compose_fill(composer, MU_COMPOSE_NEAR_MAX);
                double with = mu_compose_violation(composer);
                if (with < violation - GAIN_MIN) {
                    return with;
                }
            }
            mu_compose_return(composer, &composer->trial);
        }
    }
    return violation;
}

/* Leaves out the one without whom, and with whoever comes in instead, it is nearest to legal. */
static double omit_one(struct mu_composer *composer, double violation)
{
    struct mu_compose_place place;
    uint32_t best = MU_RULES_NONE;
    double least = violation - GAIN_MIN;
    struct mu_compose_score score = { .violation = violation };
    mu_compose_keep(composer, &score, &composer->trial);
    for (uint32_t i = 0; least > 0 && !mu_compose_spent(composer); i++) {
        uint32_t entrant = inside(composer, i);
        if (entrant == MU_RULES_NONE) {
            break;
        }
        mu_compose_take(composer, entrant, &place);
        double with = mu_compose_violation(composer);
        if (with >= least) {
            composer->usable[entrant] = false;
            mu_compose_fill(composer, MU_COMPOSE_NEAR_MAX);
            composer->usable[entrant] = true;
            with = mu_compose_violation(composer);
        }
        if (with < least) {
            best = entrant;
            least = with;
            mu_compose_keep(composer, &score, &composer->omitted);
        }
        mu_compose_return(composer, &composer->trial);
    }
    if (best == MU_RULES_NONE) {
        return violation;
    }
    mu_compose_return(composer, &composer->omitted);
    return least;
}

typedef double step_fn(struct mu_composer *composer, double violation);

/* Descends as far as steps lead.  Each kind goes on while it helps: to exchange all pairs of a
 * large match again after each one who is replaced would use up the effort. */
static double descend(struct mu_composer *composer, double violation)
{
    static step_fn *const steps[] = { mu_compose_shuffle, add_one, replace_one, displace_one,
                                      omit_one };
    uint32_t kinds = sizeof steps / sizeof steps[0];
    uint32_t vain = 0; /* kinds since the last one that helped */
    for (uint32_t i = 0; vain < kinds && violation > 0 && !mu_compose_spent(composer);) {
        double left = steps[i](composer, violation);
        if (left < violation) {
            violation = left;
            vain = 0;
        } else {
            vain++;
            i = (i + 1) % kinds;
        }
    }
    return violation;
}

bool mu_compose_mend(struct mu_composer *composer)
{
    struct mu_compose_place place;
    double violation = mu_compose_violation(composer);
    struct mu_compose_score score = { .violation = violation };
    mu_compose_keep(composer, &score, &composer->mended);
    if (isinf(violation) || !mu_compose_restore(composer, &composer->mended)) {
        return false; /* one who was older, and let in others, is missing; or roles are */
    }
    violation = descend(composer, violation);
    score.violation = violation;
    mu_compose_keep(composer, &score, &composer->mended);
    for (uint32_t i = 0; i < RESTARTS_MAX && violation > 0 && !mu_compose_spent(composer); i++) {
        uint32_t without = inside(composer, i);
        if (without == MU_RULES_NONE) {
            break;
        }
        mu_compose_take(composer, without, &place);
        composer->usable[without] = false;
        mu_compose_fill(composer, MU_COMPOSE_NEAR_MAX);
        score.violation = mu_compose_violation(composer);
        if (!isinf(score.violation)) { /* else he was the oldest, who let in others */
            score.violation = descend(composer, score.violation);
        }
        composer->usable[without] = true;
        if (score.violation < violation - GAIN_MIN) {
            violation = score.violation;
            mu_compose_keep(composer, &score, &composer->mended);
            i = UINT32_MAX; /* from the nearer state, all over again */
        } else {
            mu_compose_return(composer, &composer->mended);
        }
    }
    return violation <= 0;
}
