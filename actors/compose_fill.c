/* actors/compose_fill.c - a first filling: teams below their minimum first, among them the one with
 * the most open slots, then the one with the most open slots. */
#include "actors/compose_private.h"

#include <math.h>
#include <string.h>

enum { TEAMS_TRIED_MAX = 12 }; /* of one entrant: one that so many refuse is wanted nowhere */

/* Which teams have been tried. */
struct tried {
    uint64_t teams[(MU_TEAMS_MAX + 63) / 64];
    uint64_t empty; /* bit: an empty team of that class */
};

void mu_compose_bounds(struct mu_composer *composer)
{
    int64_t age_ms = mu_candidate_age(composer->candidate);
    if (composer->bounds_known && composer->bounds_age_ms == age_ms) {
        return;
    }
    composer->bounds_known = true;
    composer->bounds_age_ms = age_ms;
    for (uint32_t i = 0; i < composer->rules->teams_count; i++) {
        composer->team_min[i] = (uint16_t)mu_team_min(composer->rules, i, age_ms);
        composer->team_max[i] = (uint16_t)mu_team_max(composer->rules, i, age_ms);
    }
}

/* Slots that team i has left, 0 when it has too many. */
static uint32_t open_slots(const struct mu_composer *composer, uint32_t i)
{
    uint32_t players = mu_candidate_team_players(composer->candidate, i);
    return composer->team_max[i] > players ? composer->team_max[i] - players : 0;
}

static bool skipped(const struct mu_composer *composer, uint32_t entrant, uint32_t team,
                    const struct tried *tried)
{
    uint64_t class_bit = UINT64_C(1) << composer->class_of[team];
    if ((composer->fits[entrant] & class_bit) == 0 ||
        (tried->teams[team / 64] >> (team % 64) & 1) != 0) {
        return true;
    }
    return (tried->empty & class_bit) != 0 &&
           composer->class_of[team] < MU_COMPOSE_CLASSES_MAX - 1 &&
           mu_candidate_team_players(composer->candidate, team) == 0;
}

/* The team to be tried next for so many players, or MU_RULES_NONE. */
static uint32_t choose(const struct mu_composer *composer, uint32_t entrant, uint32_t players,
                       const struct tried *tried)
{
    uint32_t best = MU_RULES_NONE;
    uint32_t best_open = 0;
    bool best_below = false;
    for (uint32_t i = 0; i < composer->teams_open; i++) {
        uint32_t open = open_slots(composer, i);
        if (open < players || skipped(composer, entrant, i, tried)) {
            continue;
        }
        bool below = mu_candidate_team_players(composer->candidate, i) < composer->team_min[i];
        if (best == MU_RULES_NONE || (below && !best_below) ||
            (below == best_below && open > best_open)) {
            best = i;
            best_open = open;
            best_below = below;
        }
    }
    return best;
}

bool mu_compose_place(struct mu_composer *composer, uint32_t entrant, uint32_t player)
{
    const struct mu_entrant *who = mu_compose_entrant(composer, entrant);
    uint32_t players = player == MU_RULES_NONE ? who->players : 1;
    if (who->backfill) {
        return mu_compose_add(composer, entrant, MU_RULES_NONE, MU_RULES_NONE);
    }
    struct tried tried;
    memset(&tried, 0, sizeof tried);
    mu_compose_bounds(composer);
    for (uint32_t i = 0; i < TEAMS_TRIED_MAX; i++) {
        uint32_t team = choose(composer, entrant, players, &tried);
        if (team == MU_RULES_NONE) {
            return false;
        }
        if (mu_compose_add(composer, entrant, player, team)) {
            return true;
        }
        tried.teams[team / 64] |= UINT64_C(1) << (team % 64);
        if (mu_candidate_team_players(composer->candidate, team) == 0) {
            tried.empty |= UINT64_C(1) << composer->class_of[team];
        }
    }
    return false;
}

/* Whether a team that may be filled has room for so many. */
static bool has_room(struct mu_composer *composer, uint32_t players)
{
    mu_compose_bounds(composer);
    for (uint32_t i = 0; i < composer->teams_open; i++) {
        if (open_slots(composer, i) >= players) {
            return true;
        }
    }
    return false;
}

/* Whether the match would be larger with so many than is preferred at its age. */
static bool is_enough(const struct mu_composer *composer, uint32_t players)
{
    double all = mu_candidate_players(composer->candidate) + (double)players;
    return all > mu_limit_at(&composer->rules->prefer, mu_candidate_age(composer->candidate));
}

/* Puts it into some team; opens the next one that need not play when those before are full. */
static bool put_open(struct mu_composer *composer, uint32_t entrant)
{
    uint32_t players =
        mu_compose_spans(composer, entrant) ? 1 : mu_compose_entrant(composer, entrant)->players;
    if (has_room(composer, players)) {
        return mu_compose_put(composer, entrant, MU_RULES_NONE);
    }
    if (composer->teams_open >= composer->rules->teams_count) {
        return false;
    }
    composer->teams_open++;
    if (mu_compose_put(composer, entrant, MU_RULES_NONE)) {
        return true;
    }
    composer->teams_open--;
    return false;
}

void mu_compose_fill(struct mu_composer *composer, uint32_t tries_max)
{
    uint32_t passes = composer->rules->oldest_age ? 2 : 1; /* an old one may let in others */
    uint32_t tries = 0;
    for (uint32_t pass = 0; pass < passes; pass++) {
        for (uint32_t i = 0; i < composer->request->count; i++) {
            uint32_t entrant = composer->wanted[i];
            if (composer->in[entrant] || !composer->usable[entrant] ||
                is_enough(composer, mu_compose_entrant(composer, entrant)->players)) {
                continue;
            }
            if (tries++ >= tries_max || mu_compose_spent(composer) ||
                (!has_room(composer, 1) && composer->teams_open >= composer->rules->teams_count)) {
                return;
            }
            (void)put_open(composer, entrant);
        }
    }
}

/* A team that is too small, among those that play, or MU_RULES_NONE. */
static uint32_t too_small(struct mu_composer *composer)
{
    mu_compose_bounds(composer);
    for (uint32_t i = composer->teams_open; i > 0; i--) {
        if (mu_candidate_team_players(composer->candidate, i - 1) < composer->team_min[i - 1]) {
            return i - 1;
        }
    }
    return MU_RULES_NONE;
}

/* Moves units from teams that can spare them into one that is too small.  Returns whether it is
 * large enough then. */
static bool borrow(struct mu_composer *composer, uint32_t team)
{
    const struct mu_candidate *candidate = composer->candidate;
    for (uint32_t i = 0; i < mu_candidate_count(candidate); i++) {
        uint32_t players = mu_candidate_team_players(candidate, team);
        if (players >= composer->team_min[team]) {
            return true;
        }
        uint32_t from = mu_candidate_team(candidate, i);
        uint32_t own = mu_compose_unit_players(composer, i);
        if (mu_compose_fixed(composer, i) || from == team ||
            mu_candidate_team_players(candidate, from) < composer->team_min[from] + own ||
            players + own > composer->team_max[team]) {
            continue;
        }
        composer->steps++;
        mu_candidate_move(composer->candidate, i, team);
        if (isinf(mu_compose_violation(composer))) {
            composer->steps++;
            mu_candidate_move(composer->candidate, i, from);
        }
    }
    return mu_candidate_team_players(candidate, team) >= composer->team_min[team];
}

/* Takes out all that stand on a team, but for the anchor and a backfill. */
static void empty(struct mu_composer *composer, uint32_t team)
{
    struct mu_compose_place place;
    for (uint32_t i = mu_candidate_count(composer->candidate); i > 0; i--) {
        /* Taking one that spans takes units elsewhere too: the index may be past the end. */
        if (i <= mu_candidate_count(composer->candidate) &&
            mu_candidate_team(composer->candidate, i - 1) == team && composer->units[i - 1] != 0 &&
            !mu_compose_fixed(composer, i - 1)) {
            mu_compose_take(composer, composer->units[i - 1], &place);
        }
    }
}

void mu_compose_trim(struct mu_composer *composer)
{
    for (uint32_t i = 0; i < composer->rules->teams_count; i++) {
        uint32_t team = too_small(composer);
        if (team == MU_RULES_NONE || composer->teams_open <= composer->rules->teams_min) {
            return;
        }
        if (borrow(composer, team)) {
            continue;
        }
        empty(composer, team);
        uint32_t last = composer->teams_open - 1;
        if (mu_candidate_team_players(composer->candidate, team) > 0) {
            return;
        }
        for (uint32_t k = 0; team != last && k < mu_candidate_count(composer->candidate); k++) {
            if (mu_candidate_team(composer->candidate, k) == last) {
                composer->steps++;
                mu_candidate_move(composer->candidate, k, team);
            }
        }
        composer->teams_open--;
    }
}
