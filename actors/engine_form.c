/* actors/engine_form.c - the match of one ticket.
 *
 * For each region that the ticket reaches, the nearest first: take its neighbours by distance as
 * long as all accept each other and the parties still fit into the teams.  When that gets stuck,
 * go through the intervals of ratings around the ticket: all tickets that accept both ends of one
 * accept each other, so any choice among them is legal, and only party sizes are left to solve. */
#include "actors/engine_pool.h"

#include "core/actor.h"

enum {
    FILL_STEPS = 4096,        /* of one search for a composition */
    INTERVAL_STEPS = 1 << 18, /* tickets looked at in the intervals of one attempt */
};

/* One attempt for one region. */
struct attempt {
    struct mu_pool *pool;
    uint32_t anchor;
    int64_t now_ms;
    bool partial;              /* the anchor has waited long enough for a match that is not full */
    uint32_t candidates_count; /* of pool->candidates; [0] is the anchor, then by distance */
    struct mu_plan *plan;      /* out */
    uint32_t *slots;           /* out, [MU_MATCH_PLAYERS_MAX] */
    uint32_t slots_count;
};

/* Those that were taken so far, and what they all accept. */
struct group {
    struct mu_parties parties;
    uint32_t players;
    int32_t low;      /* lowest rating in it */
    int32_t high;     /* highest rating in it */
    int32_t low_min;  /* the lowest rating that all accept */
    int32_t high_max; /* the highest */
};

static struct mu_candidate candidate_of(const struct attempt *attempt, uint32_t slot)
{
    const struct mu_hot *hot = &attempt->pool->hot[slot];
    int64_t window = mu_engine_window(attempt->pool->mode, attempt->now_ms - hot->since_ms);
    window = window < MU_POOL_RATINGS ? window : MU_POOL_RATINGS;
    return (struct mu_candidate){
        .slot = slot,
        .rating = hot->rating,
        .low = hot->rating - (int32_t)window,
        .high = hot->rating + (int32_t)window,
        .players = hot->players,
    };
}

/* Whether the candidate accepts all of the group, they accept it, and it fits in. */
static bool fits(const struct attempt *attempt, const struct group *group,
                 const struct mu_candidate *candidate)
{
    const struct mu_mode *mode = attempt->pool->mode;
    if (candidate->rating < group->low_min || candidate->rating > group->high_max ||
        candidate->low > group->low || candidate->high < group->high ||
        group->players + candidate->players > attempt->pool->players_max) {
        return false;
    }
    if (candidate->players == 1 || mode->teams == 1) {
        return true; /* one more player fits wherever there is a place */
    }
    struct mu_parties parties = group->parties;
    parties.count[candidate->players]++;
    return mu_compose_pack(&parties, mode->teams, mode->team_max, attempt->plan);
}

static void join(struct attempt *attempt, struct group *group, const struct mu_candidate *candidate)
{
    group->parties.count[candidate->players]++;
    group->players += candidate->players;
    group->low = candidate->rating < group->low ? candidate->rating : group->low;
    group->high = candidate->rating > group->high ? candidate->rating : group->high;
    group->low_min = candidate->low > group->low_min ? candidate->low : group->low_min;
    group->high_max = candidate->high < group->high_max ? candidate->high : group->high_max;
    attempt->slots[attempt->slots_count++] = candidate->slot;
}

/* Finds teams of these parties: full ones; or, for a partial match, the largest of equal size, or
 * of any legal sizes. */
static bool fill(const struct attempt *attempt, const struct mu_parties *parties)
{
    const struct mu_mode *mode = attempt->pool->mode;
    uint32_t must = attempt->pool->hot[attempt->anchor].players;
    uint32_t lowest = attempt->partial && mode->teams > 1 ? mode->team_min : mode->team_max;
    for (uint32_t size = mode->team_max; size >= lowest; size--) {
        const struct mu_fill even = { mode->teams, size, size, must };
        uint32_t steps = FILL_STEPS;
        if (mu_compose_fill(parties, &even, &steps, attempt->plan)) {
            return true;
        }
    }
    const struct mu_fill any = { mode->teams, mode->team_min, mode->team_max, must };
    uint32_t steps = FILL_STEPS;
    return attempt->partial && mode->team_min < mode->team_max &&
           mu_compose_fill(parties, &any, &steps, attempt->plan);
}

/* Takes the parties of the plan from the candidates that accept the interval, the nearest
 * first. */
static void take_planned(struct attempt *attempt, int32_t low, int32_t high)
{
    struct mu_parties wanted = { { 0 } };
    for (uint32_t i = 0; i < attempt->pool->mode->teams; i++) {
        for (uint32_t size = 1; size <= MU_TICKET_PLAYERS_MAX; size++) {
            wanted.count[size] =
                (uint16_t)(wanted.count[size] + attempt->plan->teams[i].count[size]);
        }
    }
    attempt->slots_count = 0;
    for (uint32_t i = 0; i < attempt->candidates_count; i++) {
        const struct mu_candidate *candidate = &attempt->pool->candidates[i];
        if (candidate->rating >= low && candidate->rating <= high && candidate->low <= low &&
            candidate->high >= high && wanted.count[candidate->players] > 0) {
            wanted.count[candidate->players]--;
            attempt->slots[attempt->slots_count++] = candidate->slot;
        }
    }
}

/* Collects the neighbours in `region`, and takes each that fits.  Returns whether the match is
 * full; then the plan holds. */
static bool grow(struct attempt *attempt, uint32_t region, struct group *group)
{
    struct mu_pool *pool = attempt->pool;
    struct mu_candidate anchor = candidate_of(attempt, attempt->anchor);
    *group = (struct group){
        .low = anchor.rating,
        .high = anchor.rating,
        .low_min = anchor.low,
        .high_max = anchor.high,
    };
    attempt->slots_count = 0;
    attempt->candidates_count = 1;
    pool->candidates[0] = anchor;
    join(attempt, group, &anchor);
    struct mu_walk walk;
    mu_walk_begin(&walk, pool, attempt->anchor, UINT32_C(1) << region, anchor.high - anchor.rating,
                  attempt->now_ms);
    while (group->players < pool->players_max && attempt->candidates_count < pool->neighbours_max) {
        uint32_t slot = mu_walk_next(&walk);
        if (slot == MU_SLOT_NONE) {
            break;
        }
        struct mu_candidate candidate = candidate_of(attempt, slot);
        pool->candidates[attempt->candidates_count++] = candidate;
        if (fits(attempt, group, &candidate)) {
            join(attempt, group, &candidate);
        }
    }
    return group->players == pool->players_max &&
           mu_compose_pack(&group->parties, pool->mode->teams, pool->mode->team_max, attempt->plan);
}

/* Counts the parties that accept both ends.  Returns their players. */
static uint32_t count_between(const struct attempt *attempt, int32_t low, int32_t high,
                              struct mu_parties *ret)
{
    uint32_t players = 0;
    *ret = (struct mu_parties){ { 0 } };
    for (uint32_t i = 0; i < attempt->candidates_count; i++) {
        const struct mu_candidate *candidate = &attempt->pool->candidates[i];
        if (candidate->rating >= low && candidate->rating <= high && candidate->low <= low &&
            candidate->high >= high) {
            ret->count[candidate->players]++;
            players += candidate->players;
        }
    }
    return players;
}

/* Goes through the intervals whose ends are the ratings of two candidates that accept each other
 * and the anchor between them, those with a near lower end first. */
static bool sweep(struct attempt *attempt, uint32_t needed)
{
    const struct mu_candidate *all = attempt->pool->candidates;
    int32_t own = all[0].rating;
    uint32_t steps = INTERVAL_STEPS;
    for (uint32_t i = 0; i < attempt->candidates_count; i++) {
        if (all[i].rating > own || all[i].high < own) {
            continue;
        }
        for (uint32_t j = 0; j < attempt->candidates_count; j++) {
            if (all[j].rating < own || all[j].low > all[i].rating || all[i].high < all[j].rating) {
                continue;
            }
            if (steps < attempt->candidates_count) {
                return false;
            }
            steps -= attempt->candidates_count;
            struct mu_parties parties;
            if (count_between(attempt, all[i].rating, all[j].rating, &parties) < needed ||
                parties.count[all[0].players] == 0 || !fill(attempt, &parties)) {
                continue;
            }
            take_planned(attempt, all[i].rating, all[j].rating);
            return true;
        }
    }
    return false;
}

static bool form_in(struct attempt *attempt, uint32_t region)
{
    struct mu_pool *pool = attempt->pool;
    struct group group;
    if (grow(attempt, region, &group)) {
        return true;
    }
    uint32_t needed = attempt->partial ? pool->players_min : pool->players_max;
    if (attempt->partial && group.players >= needed && fill(attempt, &group.parties)) {
        take_planned(attempt, group.low, group.high);
        return true;
    }
    struct mu_parties all = { { 0 } };
    uint32_t players = 0;
    for (uint32_t i = 0; i < attempt->candidates_count; i++) {
        all.count[pool->candidates[i].players]++;
        players += pool->candidates[i].players;
    }
    /* When not even everybody together would do, no interval will. */
    return players >= needed && fill(attempt, &all) && sweep(attempt, needed);
}

static bool form_pair(struct attempt *attempt)
{
    struct mu_pool *pool = attempt->pool;
    const struct mu_hot *hot = &pool->hot[attempt->anchor];
    struct mu_walk walk;
    mu_walk_begin(&walk, pool, attempt->anchor, hot->regions,
                  mu_engine_window(pool->mode, attempt->now_ms - hot->since_ms), attempt->now_ms);
    uint32_t other = mu_walk_next(&walk);
    if (other == MU_SLOT_NONE) {
        return false;
    }
    attempt->slots[0] = attempt->anchor;
    attempt->slots[1] = other;
    attempt->slots_count = 2;
    attempt->plan->teams[0] = (struct mu_parties){ { 0, 1 } };
    attempt->plan->teams[1] = (struct mu_parties){ { 0, 1 } };
    return true;
}

bool mu_pool_form(struct mu_pool *pool, uint32_t anchor, int64_t now_ms, struct mu_plan *plan,
                  uint32_t ret[MU_MATCH_PLAYERS_MAX], uint32_t *ret_count)
{
    const struct mu_hot *hot = &pool->hot[anchor];
    assert(hot->state == MU_HOT_WAITING);
    struct attempt attempt = {
        .pool = pool,
        .anchor = anchor,
        .now_ms = now_ms,
        .partial = pool->mode->team_min < pool->mode->team_max &&
                   now_ms - hot->since_ms >= (int64_t)pool->mode->fill_ms,
        .plan = plan,
        .slots = ret,
    };
    bool formed = false;
    if (pool->pair) {
        formed = form_pair(&attempt);
    } else {
        uint32_t regions = hot->regions;
        while (regions != 0 && !formed) {
            uint32_t nearest = MU_REGIONS_MAX;
            for (uint32_t i = 0; i < MU_REGIONS_MAX; i++) {
                const uint16_t *reach = pool->cold[anchor].reach_ms;
                if ((regions >> i & 1) != 0 &&
                    (nearest == MU_REGIONS_MAX || reach[i] < reach[nearest])) {
                    nearest = i;
                }
            }
            regions &= ~(UINT32_C(1) << nearest);
            formed = form_in(&attempt, nearest);
        }
    }
    *ret_count = attempt.slots_count;
    return formed;
}
