/* actors/compose_units.c - the state of an attempt: entrants in and out, and how good it is. */
#include "actors/compose_private.h"

#include <math.h>
#include <string.h>

#define SAME_WORTH     1e-9  /* a difference that is none */
#define SAME_VIOLATION 1e-12 /* a difference that is none */

bool mu_compose_spans(const struct mu_composer *composer, uint32_t entrant)
{
    const struct mu_entrant *who = mu_compose_entrant(composer, entrant);
    if (who->players < 2 || who->backfill) {
        return false;
    }
    return composer->rules->parties == MU_PARTY_MAY_SPAN || (composer->apart && entrant == 0);
}

bool mu_compose_fixed(const struct mu_composer *composer, uint32_t unit)
{
    return mu_compose_entrant(composer, composer->units[unit])->backfill;
}

uint32_t mu_compose_unit_players(const struct mu_composer *composer, uint32_t unit)
{
    bool whole = mu_candidate_player(composer->candidate, unit) == MU_RULES_NONE;
    return whole ? mu_candidate_entrant(composer->candidate, unit)->players : 1;
}

void mu_compose_clear(struct mu_composer *composer)
{
    const struct mu_compose_request *request = composer->request;
    uint32_t count = mu_candidate_count(composer->candidate);
    for (uint32_t i = 0; i < count; i++) {
        composer->in[composer->units[i]] = false;
    }
    composer->steps++;
    composer->bounds_known = false;
    composer->teams_open = composer->teams_first;
    mu_candidate_begin(composer->candidate, composer->rules, request->regions_count,
                       request->now_ms);
}

/* Whether the age is another than before, and a team is too large at it. */
static bool is_crowded(struct mu_composer *composer)
{
    if (composer->bounds_known &&
        composer->bounds_age_ms == mu_candidate_age(composer->candidate)) {
        return false;
    }
    mu_compose_bounds(composer);
    for (uint32_t i = 0; i < composer->rules->teams_count; i++) {
        if (mu_candidate_team_players(composer->candidate, i) > composer->team_max[i]) {
            return true;
        }
    }
    return false;
}

bool mu_compose_add(struct mu_composer *composer, uint32_t entrant, uint32_t player, uint32_t team)
{
    uint32_t count = mu_candidate_count(composer->candidate);
    if (count >= MU_MATCH_PLAYERS_MAX) {
        return false;
    }
    composer->steps++;
    if (!mu_candidate_add(composer->candidate, mu_compose_entrant(composer, entrant), player,
                          team)) {
        return false;
    }
    if (is_crowded(composer)) {
        mu_candidate_remove(composer->candidate, count);
        return false;
    }
    composer->units[count] = (uint16_t)entrant;
    composer->in[entrant] = true;
    if (team != MU_RULES_NONE && team >= composer->teams_open) {
        composer->teams_open = team + 1;
    }
    return true;
}

void mu_compose_remove(struct mu_composer *composer, uint32_t unit)
{
    uint32_t last = mu_candidate_count(composer->candidate) - 1;
    uint32_t entrant = composer->units[unit];
    composer->steps++;
    mu_candidate_remove(composer->candidate, unit);
    composer->units[unit] = composer->units[last];
    bool others = false;
    for (uint32_t i = 0; i < last && mu_compose_spans(composer, entrant) && !others; i++) {
        others = composer->units[i] == entrant;
    }
    composer->in[entrant] = others;
}

static bool put_apart(struct mu_composer *composer, uint32_t entrant, uint32_t team)
{
    uint32_t players = mu_compose_entrant(composer, entrant)->players;
    for (uint32_t i = 0; i < players; i++) {
        bool done = i == 0 && team != MU_RULES_NONE && mu_compose_add(composer, entrant, i, team);
        if (!done && !mu_compose_place(composer, entrant, i)) {
            for (uint32_t k = i; k > 0; k--) {
                mu_compose_remove(composer, mu_candidate_count(composer->candidate) - 1);
            }
            return false;
        }
        composer->in[entrant] = true;
    }
    return true;
}

bool mu_compose_put(struct mu_composer *composer, uint32_t entrant, uint32_t team)
{
    assert(!composer->in[entrant]);
    if (mu_compose_spans(composer, entrant)) {
        return put_apart(composer, entrant, team);
    }
    if (team == MU_RULES_NONE) {
        return mu_compose_place(composer, entrant, MU_RULES_NONE);
    }
    return mu_compose_add(composer, entrant, MU_RULES_NONE, team);
}

void mu_compose_take(struct mu_composer *composer, uint32_t entrant, struct mu_compose_place *ret)
{
    assert(composer->in[entrant]);
    ret->entrant = entrant;
    ret->count = 0;
    for (uint32_t i = mu_candidate_count(composer->candidate); i > 0; i--) {
        uint32_t unit = i - 1;
        if (composer->units[unit] != entrant) {
            continue;
        }
        assert(ret->count < MU_TICKET_PLAYERS_MAX);
        ret->players[ret->count] = mu_candidate_player(composer->candidate, unit);
        ret->teams[ret->count] = mu_candidate_team(composer->candidate, unit);
        ret->count++;
        mu_compose_remove(composer, unit);
    }
}

void mu_compose_untake(struct mu_composer *composer, const struct mu_compose_place *place)
{
    for (uint32_t i = 0; i < place->count; i++) {
        bool back = mu_compose_add(composer, place->entrant, place->players[i], place->teams[i]);
        assert(back);
    }
}

/* Whether no team has more players than it may. */
static bool has_room(struct mu_composer *composer)
{
    mu_compose_bounds(composer);
    for (uint32_t i = 0; i < composer->rules->teams_count; i++) {
        if (mu_candidate_team_players(composer->candidate, i) > composer->team_max[i]) {
            return false;
        }
    }
    return true;
}

/* Whether a state with this verdict can be made again, unit by unit.  A unit that is newer, or the
 * oldest one that leaves, makes the match younger: then roles of other teams may lack, or no region
 * be left, though neither was asked of it. */
static bool is_clean(struct mu_composer *composer, const struct mu_verdict *verdict)
{
    if ((verdict->broken & composer->lasting) != 0 || (!verdict->sizes && !has_room(composer))) {
        return false;
    }
    if (composer->rules->roles_attribute == MU_RULES_NONE && verdict->regions != 0) {
        return true;
    }
    struct mu_standing standing;
    (void)mu_candidate_stands(composer->candidate, &standing);
    return standing.roles && standing.regions != 0;
}

double mu_compose_violation(struct mu_composer *composer)
{
    struct mu_verdict verdict;
    composer->steps++;
    mu_candidate_judge(composer->candidate, &verdict);
    if (verdict.legal) {
        return 0;
    }
    return is_clean(composer, &verdict) ? verdict.violation : HUGE_VAL;
}

/* The mean over its players of nearness, and of what they would rather wait for. */
static void means(const struct mu_composer *composer, uint32_t region, double *ret_nearness,
                  double *ret_reservation)
{
    const struct mu_candidate *candidate = composer->candidate;
    const double *reservations = composer->request->reservations;
    double nearness = 0;
    double reservation = 0;
    uint32_t count = mu_candidate_count(candidate);
    for (uint32_t i = 0; i < count; i++) {
        const struct mu_entrant *entrant = mu_candidate_entrant(candidate, i);
        double players = mu_compose_unit_players(composer, i);
        nearness += players * (double)entrant->nearness[region];
        if (reservations != NULL) {
            reservation += players * reservations[composer->units[i]];
        }
    }
    double players = (double)mu_candidate_players(candidate);
    *ret_nearness = nearness / players;
    *ret_reservation = reservation / players;
}

void mu_compose_rate(struct mu_composer *composer, struct mu_compose_score *ret)
{
    struct mu_verdict verdict;
    memset(ret, 0, sizeof *ret);
    composer->steps++;
    mu_candidate_judge(composer->candidate, &verdict);
    ret->legal = verdict.legal;
    ret->violation = verdict.legal ? 0 : verdict.violation;
    ret->players = mu_candidate_players(composer->candidate);
    uint32_t count = mu_candidate_count(composer->candidate);
    for (uint32_t i = 0; i < count; i++) {
        ret->order +=
            (double)composer->rank[composer->units[i]] * mu_compose_unit_players(composer, i);
    }
    if (!ret->legal) {
        return;
    }
    double nearness;
    double reservation;
    ret->region = mu_candidate_region(composer->candidate, verdict.regions);
    means(composer, ret->region, &nearness, &reservation);
    ret->quality = mu_candidate_quality(composer->candidate) * nearness;
    ret->worth = ret->quality - reservation;
    if (composer->request->reservations == NULL) {
        double prefer =
            mu_limit_at(&composer->rules->prefer, mu_candidate_age(composer->candidate));
        ret->size = isinf(prefer) ? ret->players : -fabs((double)ret->players - prefer);
    }
}

bool mu_compose_better(const struct mu_compose_score *a, const struct mu_compose_score *b)
{
    if (a->legal != b->legal) {
        return a->legal;
    }
    if (!a->legal) {
        return a->violation < b->violation - SAME_VIOLATION;
    }
    if (a->size > b->size || a->size < b->size) {
        return a->size > b->size;
    }
    if (fabs(a->worth - b->worth) > SAME_WORTH) {
        return a->worth > b->worth;
    }
    return a->order < b->order;
}

void mu_compose_keep(const struct mu_composer *composer, const struct mu_compose_score *score,
                     struct mu_compose_kept *ret)
{
    const struct mu_candidate *candidate = composer->candidate;
    ret->score = *score;
    ret->count = mu_candidate_count(candidate);
    for (uint32_t i = 0; i < ret->count; i++) {
        uint32_t player = mu_candidate_player(candidate, i);
        ret->entrants[i] = composer->units[i];
        ret->players[i] = player == MU_RULES_NONE ? MU_COMPOSE_WHOLE : (uint16_t)player;
        ret->teams[i] = (uint16_t)mu_candidate_team(candidate, i); /* a backfill's: UINT16_MAX */
    }
}

/* The unit whose age is that of the match: with it in first, no limit changes on the way, and
 * lasting rules that hold at the end hold from the beginning. */
static uint32_t age_of(const struct mu_composer *composer, const struct mu_compose_kept *kept)
{
    uint32_t first = 0;
    for (uint32_t i = 1; i < kept->count; i++) {
        int64_t since = mu_compose_entrant(composer, kept->entrants[i])->since_ms;
        int64_t best = mu_compose_entrant(composer, kept->entrants[first])->since_ms;
        if (composer->rules->oldest_age ? since < best : since > best) {
            first = i;
        }
    }
    return first;
}

bool mu_compose_restore(struct mu_composer *composer, const struct mu_compose_kept *kept)
{
    mu_compose_clear(composer);
    uint32_t first = kept->count == 0 ? 0 : age_of(composer, kept);
    for (uint32_t i = 0; i < kept->count; i++) {
        uint32_t unit = i == 0 ? first : i <= first ? i - 1 : i;
        bool seated = mu_compose_entrant(composer, kept->entrants[unit])->backfill;
        uint32_t player =
            kept->players[unit] == MU_COMPOSE_WHOLE ? MU_RULES_NONE : kept->players[unit];
        if (!mu_compose_add(composer, kept->entrants[unit], player,
                            seated ? MU_RULES_NONE : kept->teams[unit])) {
            return false;
        }
    }
    return true;
}

void mu_compose_return(struct mu_composer *composer, const struct mu_compose_kept *kept)
{
    bool back = mu_compose_restore(composer, kept);
    assert(back);
}
