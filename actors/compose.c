/* actors/compose.c - the match of one ticket: which attempts are made, and the best of all.
 *
 * An attempt begins with the anchor on some team, and looks for more among some of the neighbours:
 * all; those that have waited for so long that limits have widened for them (a younger one would
 * narrow them for everybody); those that may play in one region; when nothing is found, those that
 * have a part of a compound rule in common, such as all who are on the same side of an xor.  The
 * first attempt that leaves nothing to be wished for is the last. */
#include "actors/compose_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/actor.h"

enum {
    EFFORT_LARGE = 4 * MU_COMPOSE_EFFORT, /* of matches with so many tickets to be put in */
    CUTS_MAX = 4,                         /* ages from which on neighbours are looked at */
    CUT_AGES_MAX = 256,   /* ages at which some limit changes, looked at to choose those */
    ANCHOR_TEAMS_MAX = 8, /* teams that differ, tried with the anchor */
    BACKFILLS_MAX = 2,    /* tried with an anchor that is none */
    ANCHOR_REGIONS_MAX = 3,
    TEAMS_MORE_MAX = 4, /* numbers of teams, above the least, that are tried */
    PARTS_MAX = 8,      /* of compounds, that are tried one by one and two by two */
};

struct mu_composer *mu_composer_create(void)
{
    return calloc(1, sizeof(struct mu_composer));
}

void mu_composer_destroy(struct mu_composer *composer)
{
    free(composer);
}

/* Gives each kind of team a number; all beyond the last share it. */
static void set_classes(struct mu_composer *composer)
{
    const struct mu_rules *rules = composer->rules;
    composer->classes_count = 0;
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        uint32_t like = rules->teams[i].like;
        assert(like <= i);
        if (like < i) {
            composer->class_of[i] = composer->class_of[like];
            continue;
        }
        if (composer->classes_count < MU_COMPOSE_CLASSES_MAX) {
            composer->class_first[composer->classes_count++] = (uint8_t)i;
        }
        composer->class_of[i] = (uint8_t)(composer->classes_count - 1);
    }
}

void mu_compose_begin(struct mu_composer *composer, const struct mu_compose_request *request,
                      struct mu_candidate *candidate)
{
    assert(request->count >= 1 && request->count <= MU_COMPOSE_ENTRANTS_MAX);
    assert(request->regions_count >= 1 && request->regions_count <= MU_REGIONS_MAX);
    assert(request->effort <= MU_COMPOSE_EFFORT_MAX);
    composer->request = request;
    composer->rules = request->rules;
    composer->candidate = candidate;
    composer->steps = 0;
    composer->steps_max = request->effort;
    if (request->effort == 0) {
        composer->steps_max = request->rules->large ? EFFORT_LARGE : MU_COMPOSE_EFFORT;
    }
    composer->lasting = 0;
    for (uint32_t i = 0; i < request->rules->rules_count; i++) {
        const struct mu_rule *rule = &request->rules->rules[i];
        if (rule->lasting && !rule->child && rule->weight <= 0) {
            composer->lasting |= UINT64_C(1) << i;
        }
    }
    composer->players_all = 0;
    composer->parties = false;
    for (uint32_t i = 0; i < request->count; i++) {
        composer->players_all += request->entrants[i]->players;
        composer->parties |= request->entrants[i]->players > 1;
        composer->in[i] = false;
        composer->eligible[i] = true;
        composer->usable[i] = true;
        composer->fits[i] = UINT64_MAX;
    }
    composer->apart = false;
    composer->complete = false;
    composer->teams_first = composer->rules->teams_min;
    composer->backfill = MU_RULES_NONE;
    composer->elsewhere = false;
    composer->regions_known = false;
    composer->best.count = 0;
    mu_candidate_begin(candidate, composer->rules, request->regions_count, request->now_ms);
    set_classes(composer);
    mu_compose_order(composer);
    mu_compose_clear(composer);
}

bool mu_compose_ideal(const struct mu_composer *composer)
{
    const struct mu_compose_score *score = &composer->best.score;
    if (composer->best.count == 0 || composer->elsewhere) {
        return false;
    }
    if (composer->request->reservations != NULL) {
        return score->worth > 0;
    }
    uint32_t most = mu_rules_players_max(composer->rules, mu_compose_age_max(composer));
    return score->size >= 0 &&
           (score->size <= 0 || score->players >= most || score->players >= composer->players_all);
}

/* Attempts with the anchor on each kind of team. */
static void try_teams(struct mu_composer *composer)
{
    if (mu_compose_entrant(composer, 0)->backfill || composer->rules->large) {
        mu_compose_attempt(composer, MU_RULES_NONE);
        return;
    }
    for (uint32_t i = 0; i < composer->classes_count && i < ANCHOR_TEAMS_MAX; i++) {
        if (mu_compose_ideal(composer) || mu_compose_spent(composer)) {
            return;
        }
        mu_compose_attempt(composer, composer->class_first[i]);
    }
}

/* The anchor's best region of those, or MU_REGIONS_MAX. */
static uint32_t best_region(const struct mu_composer *composer, uint32_t regions)
{
    const struct mu_entrant *anchor = mu_compose_entrant(composer, 0);
    bool populous =
        composer->rules->large && !mu_rules_fastest(composer->rules, mu_compose_age_max(composer));
    uint32_t best = MU_REGIONS_MAX;
    double best_worth = 0;
    for (uint32_t i = 0; i < composer->request->regions_count; i++) {
        if ((regions >> i & 1) == 0) {
            continue;
        }
        double worth = (double)anchor->nearness[i];
        if (composer->rules->large) {
            worth = -(double)anchor->reach_ms[i];
        }
        for (uint32_t k = 0; k < composer->request->count && populous; k++) {
            bool there = (composer->regions[k] >> i & 1) != 0;
            worth += there ? UINT16_MAX * (double)mu_compose_entrant(composer, k)->players : 0;
        }
        if (best == MU_REGIONS_MAX || worth > best_worth) {
            best = i;
            best_worth = worth;
        }
    }
    return best;
}

/* Lets in only those who may play in the region.  Returns whether they are fewer. */
static bool confine(struct mu_composer *composer, const bool *all, uint32_t region)
{
    bool fewer = false;
    for (uint32_t i = 1; i < composer->request->count; i++) {
        composer->eligible[i] = all[i] && (composer->regions[i] >> region & 1) != 0;
        fewer |= composer->eligible[i] != all[i];
    }
    return fewer;
}

/* Attempts with those only who may play where the anchor would rather play. */
static void try_confined(struct mu_composer *composer)
{
    bool all[MU_COMPOSE_ENTRANTS_MAX];
    size_t bytes = composer->request->count * sizeof all[0];
    bool large = composer->rules->large;
    uint32_t regions = composer->regions[0];
    memcpy(all, composer->eligible, bytes);
    for (uint32_t tries = 0; tries < ANCHOR_REGIONS_MAX && regions != 0; tries++) {
        uint32_t region = best_region(composer, regions);
        regions &= ~(UINT32_C(1) << region);
        /* A match that is good but for being elsewhere is compared with one in the best region. */
        composer->elsewhere = tries == 0 && !large && composer->best.score.region != region;
        if (mu_compose_ideal(composer) || mu_compose_spent(composer)) {
            break;
        }
        if (confine(composer, all, region) || large) {
            try_teams(composer);
        }
        composer->elsewhere = false;
        if (large && composer->best.count > 0) {
            break;
        }
    }
    composer->elsewhere = false;
    memcpy(composer->eligible, all, bytes);
}

/* Attempts with all, and in single regions: the first neighbours may leave a region that the others
 * cannot play in, or that is bad. */
static void try_regions(struct mu_composer *composer)
{
    if (!composer->rules->large) {
        try_teams(composer);
    }
    mu_compose_regions(composer);
    if (!mu_compose_spent(composer)) {
        try_confined(composer);
    }
}

/* Entrants that have waited for age_ms. */
static uint32_t count_older(const struct mu_composer *composer, int64_t age_ms)
{
    const struct mu_compose_request *request = composer->request;
    uint32_t count = 0;
    for (uint32_t i = 0; i < request->count; i++) {
        count += request->now_ms - request->entrants[i]->since_ms >= age_ms ? 1 : 0;
    }
    return count;
}

/* Chooses ages from which on neighbours are looked at: 0 first, then the oldest at which a limit
 * changes for fewer than all.  Returns how many. */
static uint32_t choose_cuts(const struct mu_composer *composer, int64_t ret[CUTS_MAX])
{
    uint32_t count = 1;
    uint32_t before = composer->request->count;
    int64_t age_max = mu_compose_age_max(composer);
    ret[0] = INT64_MIN;
    int64_t age = mu_rules_next(composer->rules, 0);
    for (uint32_t i = 0; i < CUT_AGES_MAX && !composer->rules->oldest_age; i++) {
        if (age > age_max) {
            break;
        }
        uint32_t older = count_older(composer, age);
        if (older < before) {
            /* The last ones are kept: at the greatest ages limits are widest. */
            if (count == CUTS_MAX) {
                memmove(&ret[1], &ret[2], (CUTS_MAX - 2) * sizeof ret[0]);
                count--;
            }
            ret[count++] = age;
            before = older;
        }
        age = mu_rules_next(composer->rules, age);
    }
    return count;
}

/* Attempts with all, and with those only for whom limits have widened. */
static void try_cuts(struct mu_composer *composer)
{
    const struct mu_compose_request *request = composer->request;
    int64_t cuts[CUTS_MAX];
    uint32_t count = choose_cuts(composer, cuts);
    for (uint32_t k = 0; k < count && !mu_compose_ideal(composer) && !mu_compose_spent(composer);
         k++) {
        for (uint32_t i = 0; i < request->count; i++) {
            const struct mu_entrant *entrant = request->entrants[i];
            composer->eligible[i] =
                (!entrant->backfill || i == composer->backfill) &&
                (cuts[k] == INT64_MIN || request->now_ms - entrant->since_ms >= cuts[k]);
            composer->usable[i] = composer->eligible[i];
        }
        try_regions(composer);
        if (k > 0) {
            continue;
        }
        for (uint32_t i = 0; i < request->count; i++) {
            composer->usable[i] = composer->eligible[i];
        }
        if (mu_compose_few(composer, composer->best.count == 0)) {
            mu_compose_exact(composer);
            return;
        }
    }
}

/* The rules that hard compounds are made of.  Returns how many. */
static uint32_t find_parts(const struct mu_composer *composer, uint32_t ret[PARTS_MAX])
{
    const struct mu_rules *rules = composer->rules;
    uint32_t count = 0;
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        bool stands = mu_rule_stands(rules, i, mu_compose_age_max(composer));
        for (uint32_t k = 0; stands && k < rules->rules[i].ops_count; k++) {
            const struct mu_logic_op *op = &rules->rules[i].ops[k];
            uint32_t at = 0;
            while (at < count && ret[at] != op->operand) {
                at++;
            }
            if (op->logic == MU_LOGIC_RULE && at == count && count < PARTS_MAX) {
                ret[count++] = op->operand;
            }
        }
    }
    return count;
}

/* Lets in only those who break, beside the anchor, all the rules of `broken`, and of `kept` none.
 * Returns whether they are fewer. */
static bool sort_out(struct mu_composer *composer, const bool *all, uint64_t broken, uint64_t kept)
{
    bool fewer = false;
    for (uint32_t i = 1; i < composer->request->count; i++) {
        composer->eligible[i] =
            all[i] && (composer->breaks[i] & broken) == broken && (composer->breaks[i] & kept) == 0;
        fewer |= composer->eligible[i] != all[i];
    }
    return fewer;
}

/* Attempts with those for whom a part of a compound is true, or false; or two parts are.  From a
 * mixture of both no single step leads on: when too much holds, nothing is nearer to less of it. */
static void try_parts(struct mu_composer *composer)
{
    bool all[MU_COMPOSE_ENTRANTS_MAX];
    uint32_t parts[PARTS_MAX];
    uint32_t count = find_parts(composer, parts);
    if (count == 0 || composer->best.count > 0 || composer->rules->large) {
        return;
    }
    for (uint32_t i = 0; i < composer->request->count; i++) {
        composer->eligible[i] = !mu_compose_entrant(composer, i)->backfill;
    }
    mu_compose_breaks(composer);
    memcpy(all, composer->eligible, composer->request->count * sizeof all[0]);
    for (uint32_t pair = 0; pair < 4 * count * count; pair++) {
        uint64_t a = UINT64_C(1) << parts[pair / 4 % count]; /* with itself first */
        uint64_t b = UINT64_C(1) << parts[(pair / 4 % count + pair / 4 / count) % count];
        uint64_t broken = ((pair & 1) != 0 ? a : 0) | ((pair & 2) != 0 ? b : 0);
        uint64_t kept = ((pair & 1) != 0 ? 0 : a) | ((pair & 2) != 0 ? 0 : b);
        if (composer->best.count > 0 || mu_compose_spent(composer)) {
            return;
        }
        if ((broken & kept) == 0 && sort_out(composer, all, broken, kept)) {
            try_teams(composer);
        }
    }
}

/* Attempts without a backfill and with one; the rules say which are preferred. */
static void try_backfills(struct mu_composer *composer)
{
    const struct mu_compose_request *request = composer->request;
    bool before = composer->rules->backfill == MU_BACKFILL_HIGH;
    composer->backfill = request->entrants[0]->backfill ? 0 : MU_RULES_NONE;
    if (composer->backfill == 0 || !before) {
        try_cuts(composer);
    }
    uint32_t tries = composer->backfill == 0 ? BACKFILLS_MAX : 0;
    for (uint32_t i = 1; i < request->count && tries < BACKFILLS_MAX; i++) {
        if (request->entrants[i]->backfill && composer->best.count == 0) {
            tries++;
            composer->backfill = i;
            try_cuts(composer);
        }
    }
    if (composer->backfill != 0 && before && composer->best.count == 0) {
        composer->backfill = MU_RULES_NONE;
        try_cuts(composer);
    }
}

/* Where teams may stay away, attempts with more of them: a filling begins the next one only when
 * those before are full, and two full ones beside a small one are less even than three. */
static void try_more_teams(struct mu_composer *composer)
{
    const struct mu_rules *rules = composer->rules;
    if (rules->large || composer->complete || composer->best.count == 0) {
        return;
    }
    for (uint32_t i = 0; i < composer->request->count; i++) {
        composer->eligible[i] =
            !mu_compose_entrant(composer, i)->backfill || i == composer->backfill;
    }
    uint32_t tries = 0;
    for (uint32_t teams = rules->teams_count; teams > rules->teams_min; teams--) {
        uint32_t least = teams * mu_team_min(rules, 0, mu_compose_age_max(composer));
        if (least > composer->players_all || tries == TEAMS_MORE_MAX ||
            mu_compose_spent(composer)) {
            continue;
        }
        tries++;
        composer->teams_first = teams;
        mu_compose_attempt(composer, composer->backfill == 0 ? MU_RULES_NONE : 0);
    }
    composer->teams_first = rules->teams_min;
}

/* A full party that plays all of a match by itself. */
static void try_alone(struct mu_composer *composer)
{
    const struct mu_entrant *anchor = mu_compose_entrant(composer, 0);
    if (composer->rules->parties != MU_PARTY_SELF_CONTAINED || anchor->backfill ||
        anchor->players < 2 || composer->best.count > 0) {
        return;
    }
    memset(composer->eligible, 0, composer->request->count * sizeof composer->eligible[0]);
    composer->apart = true;
    composer->backfill = MU_RULES_NONE;
    try_teams(composer);
    composer->apart = false;
}

static void describe(const struct mu_composer *composer, struct mu_compose_result *ret)
{
    const struct mu_compose_score *score = &composer->best.score;
    ret->region = score->region;
    ret->quality = score->quality;
    ret->surplus = composer->request->reservations == NULL ? 0 : score->worth;
    ret->players = score->players;
    ret->count = mu_candidate_count(composer->candidate);
    memcpy(ret->entrants, composer->units, ret->count * sizeof ret->entrants[0]);
}

bool mu_compose(struct mu_composer *composer, const struct mu_compose_request *request,
                struct mu_candidate *ret, struct mu_compose_result *result)
{
    mu_compose_begin(composer, request, ret);
    if (composer->players_all >=
        mu_rules_players_min(composer->rules, mu_compose_age_max(composer))) {
        try_backfills(composer);
        if (!request->entrants[0]->backfill) {
            composer->backfill = MU_RULES_NONE;
            try_parts(composer);
        }
        try_alone(composer);
    }
    try_more_teams(composer);
    mu_compose_polish(composer);
    bool found = composer->best.count > 0 &&
                 (request->reservations == NULL || request->any || composer->best.score.worth > 0);
    if (found) {
        mu_compose_return(composer, &composer->best);
        describe(composer, result);
    }
    result->steps = composer->steps;
    return found;
}
