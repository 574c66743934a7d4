/* actors/engine_group.c - the best match of one ticket when a match is two teams of a few players.
 *
 * For each of the best regions of the anchor: its neighbours by marginal surplus fill a match, in
 * such a way that the parties can still make two equal teams; then members are exchanged for the
 * next best as long as that helps.  Then the same around what came out, by what each would change
 * of it, for the anchor may be at its edge.  Matches of four players, and of any number where few
 * wait, are few enough to try all. */
#include "actors/engine_pool.h"

#include <math.h>
#include <string.h>

enum {
    GATHERED_MAX = 160, /* neighbours looked at */
    WANTED_MAX = 40,    /* of them, the best */
    TRIED_MAX = 12,     /* of those, that members are exchanged for */
    TRIED_FEW = 9,      /* of those, that all sets are made of */
    REGIONS_TRIED = 3,
    CENTRES_TRIED = 3,
    EXCHANGE_ROUNDS = 4,
    PLAYERS_FEW = 4, /* of a match: all sets are tried, however many wait */
};

/* A set of tickets, and what it is worth. */
struct set {
    uint32_t count;
    uint32_t players;
    uint32_t region;
    double quality;  /* but for latency */
    double nearness; /* sum over its players, times what is left of their time */
    double variance; /* of their ratings, points^2 */
    double surplus;  /* sum over its players of quality less bid, likewise */
    uint32_t code;   /* bit i: member i is on team 1 */
    const struct mu_neighbour *members[MU_GROUP_PLAYERS_MAX]; /* [0]: the anchor */
};

struct search {
    struct mu_pool *pool;
    int64_t now_ms;
    uint32_t region;
    double centre;  /* of the match that is looked for, points */
    double quality; /* of the one that was found, or 0: none yet; but for latency */
    double slope;   /* its loss of worth for each points^2 of its players' squared distances */
    uint32_t wanted_count;
    const struct mu_neighbour *wanted[WANTED_MAX]; /* the best first */
};

static const float *nearness_of(const struct search *search, const struct mu_neighbour *neighbour)
{
    return mu_pool_nearness(search->pool, neighbour->slot);
}

/* Splits and prices a set.  Returns whether its surplus is above `least`; only then the results
 * are complete. */
static bool price(const struct search *search, struct set *set, double least)
{
    const struct mu_objective *objective = &search->pool->rules->objective;
    struct mu_part parts[MU_GROUP_PLAYERS_MAX];
    double sum = 0;
    double squares = 0;
    double nearness = 0;
    double bids = 0;
    double variance = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        const struct mu_neighbour *member = set->members[i];
        sum += member->sum;
        squares += member->squares;
        double share = member->left * member->players;
        nearness += (double)nearness_of(search, member)[search->region] * share;
        bids += member->bid * share;
        parts[i] = (struct mu_part){ .players = member->players, .sum = member->sum };
        variance += member->variance;
    }
    double players = set->players;
    double mean = sum / players;
    double spread = fmax(squares / players - mean * mean, 0);
    double quality = mu_quality_closeness(objective, spread);
    if (quality * nearness - bids <= least) {
        return false;
    }
    double difference = mu_split_two(parts, set->count, set->players / 2, &set->code);
    if (isinf(difference)) {
        return false;
    }
    quality *= mu_quality_fairness(objective,
                                   mu_quality_imbalance(objective, difference, players, variance));
    set->quality = quality;
    set->region = search->region;
    set->nearness = nearness;
    set->variance = spread;
    set->surplus = quality * nearness - bids;
    return set->surplus > least;
}

/* Whether the ticket and all of the set but member `but` accept each other's ratings. */
static bool is_accepted(const struct search *search, const struct set *set,
                        const struct mu_neighbour *neighbour, uint32_t but)
{
    const struct mu_pool *pool = search->pool;
    bool accepted = true;
    for (uint32_t i = 0; i < set->count && accepted && pool->rules->window.used; i++) {
        accepted = i == but ||
                   mu_pool_accept(pool, neighbour->slot, set->members[i]->slot, search->now_ms);
    }
    return accepted;
}

/* A player's marginal surplus: in a match spread around the centre; or, when one was found, in the
 * place of somebody in it, to whose quality his rating adds in first order. */
static double gain_of(const struct search *search, const struct mu_neighbour *neighbour)
{
    const struct mu_pool *pool = search->pool;
    double nearness = (double)nearness_of(search, neighbour)[search->region];
    if (search->quality <= 0) {
        double affinity = mu_affinity_at(&pool->affinity, neighbour->mean - search->centre);
        return (affinity * nearness - neighbour->bid) * neighbour->left;
    }
    double players = neighbour->players;
    double centre = search->centre;
    double distances = neighbour->squares - 2 * centre * neighbour->sum + players * centre * centre;
    return (search->quality * nearness - neighbour->bid) * neighbour->left -
           search->slope * distances / players;
}

/* The best first; equal ones: the nearest. */
static void rank(struct search *search)
{
    const struct mu_pool *pool = search->pool;
    uint32_t region = search->region;
    search->wanted_count = 0;
    for (uint32_t i = 1; i < pool->neighbours_count; i++) {
        struct mu_neighbour *neighbour = &search->pool->neighbours[i];
        if ((pool->hot[neighbour->slot].regions >> region & 1) == 0) {
            continue;
        }
        neighbour->gain = gain_of(search, neighbour);
        uint32_t at = search->wanted_count;
        if (at == WANTED_MAX) {
            if (search->wanted[at - 1]->gain >= neighbour->gain) {
                continue;
            }
            at--;
        } else {
            search->wanted_count++;
        }
        while (at > 0 && search->wanted[at - 1]->gain < neighbour->gain) {
            search->wanted[at] = search->wanted[at - 1];
            at--;
        }
        search->wanted[at] = neighbour;
    }
}

/* Makes a set of the anchor and those of the wanted whose bits are in `code`.  Returns whether it
 * fills a match. */
static bool take(const struct search *search, uint32_t code, struct set *ret)
{
    uint32_t full = search->pool->sizes.players_max;
    ret->count = 1;
    ret->members[0] = &search->pool->neighbours[0];
    ret->players = ret->members[0]->players;
    for (uint32_t i = 0; code >> i != 0; i++) {
        if ((code >> i & 1) == 0) {
            continue;
        }
        ret->players += search->wanted[i]->players;
        if (ret->players > full || !is_accepted(search, ret, search->wanted[i], MU_SLOT_NONE)) {
            return false;
        }
        ret->members[ret->count++] = search->wanted[i];
    }
    return ret->players == full;
}

/* All sets of the anchor and the best few. */
static void try_all(const struct search *search, struct set *best)
{
    uint8_t players[1 << TRIED_FEW]; /* of the wanted whose bits are in the index */
    uint32_t tried = search->wanted_count < TRIED_FEW ? search->wanted_count : TRIED_FEW;
    uint32_t needed = search->pool->sizes.players_max - search->pool->neighbours[0].players;
    players[0] = 0;
    for (uint32_t i = 0; i < tried; i++) {
        uint32_t bit = UINT32_C(1) << i;
        for (uint32_t code = bit; code < 2 * bit; code++) {
            struct set set;
            players[code] = (uint8_t)(players[code - bit] + search->wanted[i]->players);
            if (players[code] == needed && take(search, code, &set) &&
                price(search, &set, best->surplus)) {
                *best = set;
            }
        }
    }
}

/* Whether a team of `size` can be made of parties whose possible sums are `sums`, of `players`
 * altogether, with a second one not above `size`. */
static bool can_split(uint64_t sums, uint32_t players, uint32_t size)
{
    uint32_t least = players > size ? players - size : 0;
    for (uint32_t i = least; i <= size; i++) {
        if ((sums >> i & 1) != 0) {
            return true;
        }
    }
    return false;
}

/* Fills a match with the best that fit.  Returns whether it is full; `rest` are the next best. */
static bool fill(const struct search *search, struct set *set, const struct mu_neighbour **rest,
                 uint32_t *rest_count)
{
    uint32_t full = search->pool->sizes.players_max;
    uint32_t size = search->pool->sizes.team_max;
    uint64_t sums = 1 | UINT64_C(1) << set->players;
    *rest_count = 0;
    for (uint32_t i = 0; i < search->wanted_count; i++) {
        const struct mu_neighbour *next = search->wanted[i];
        uint64_t more = sums | sums << next->players;
        uint32_t players = set->players + next->players;
        if (players <= full && can_split(more, players, size) &&
            is_accepted(search, set, next, MU_SLOT_NONE)) {
            set->members[set->count++] = next;
            set->players = players;
            sums = more;
        } else if (*rest_count < TRIED_MAX) {
            rest[(*rest_count)++] = next;
        } else if (set->players == full) {
            break;
        }
    }
    return set->players == full;
}

/* Exchanges members for those of `rest` while that helps. */
static void exchange(const struct search *search, struct set *best,
                     const struct mu_neighbour **rest, uint32_t rest_count)
{
    bool improved = true;
    for (uint32_t round = 0; round < EXCHANGE_ROUNDS && improved; round++) {
        improved = false;
        for (uint32_t i = 0; i < rest_count; i++) {
            for (uint32_t k = 1; k < best->count; k++) {
                if (best->members[k]->players != rest[i]->players ||
                    !is_accepted(search, best, rest[i], k)) {
                    continue;
                }
                struct set set = *best;
                set.members[k] = rest[i];
                if (price(search, &set, best->surplus + 1e-9)) {
                    rest[i] = best->members[k];
                    *best = set;
                    improved = true;
                    break;
                }
            }
        }
    }
}

/* Looks around a set from now on. */
static void centre_on(struct search *search, const struct set *set)
{
    const struct mu_objective *objective = &search->pool->rules->objective;
    double sum = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        sum += set->members[i]->sum;
    }
    search->centre = sum / set->players;
    search->quality = set->quality;
    search->slope = set->nearness * set->quality *
                    mu_quality_closeness_slope(objective, set->variance) / set->players;
}

/* The best set in search->region, if it is better than *best. */
static void try_region(struct search *search, struct set *best)
{
    const struct mu_neighbour *rest[TRIED_MAX];
    uint32_t rest_count;
    const struct mu_neighbour *anchor = &search->pool->neighbours[0];
    struct set own = { .surplus = -HUGE_VAL };
    search->centre = anchor->mean;
    search->quality = 0;
    rank(search);
    if (search->pool->sizes.players_max <= PLAYERS_FEW || search->wanted_count <= TRIED_FEW) {
        try_all(search, best);
        return;
    }
    for (uint32_t i = 0; i < CENTRES_TRIED; i++) {
        struct set set = { .count = 1, .players = anchor->players, .members = { anchor } };
        if (!fill(search, &set, rest, &rest_count) || !price(search, &set, -HUGE_VAL)) {
            break;
        }
        exchange(search, &set, rest, rest_count);
        if (set.surplus <= own.surplus) {
            break;
        }
        own = set;
        centre_on(search, &own);
        rank(search);
    }
    if (own.count == 0) {
        try_all(search, best); /* parties that do not add up, when the best come first */
    }
    if (own.surplus > best->surplus) {
        *best = own;
    }
}

enum mu_found mu_form_group(struct mu_pool *pool, int64_t now_ms, struct mu_proposal *ret,
                            int64_t *moment)
{
    assert(pool->sizes.players_max <= MU_GROUP_PLAYERS_MAX);
    struct search search = { .pool = pool, .now_ms = now_ms };
    struct set best = { .surplus = -HUGE_VAL };
    uint32_t left = pool->hot[ret->anchor].regions;
    mu_form_gather(pool, ret->anchor, now_ms, GATHERED_MAX);
    for (uint32_t i = 0; i < REGIONS_TRIED && left != 0; i++) {
        search.region = mu_form_region(pool, ret->anchor, &left);
        try_region(&search, &best);
    }
    if (best.count == 0) {
        return MU_FOUND_NONE;
    }
    ret->count = best.count;
    ret->players = 0;
    for (uint32_t i = 0; i < best.count; i++) {
        ret->slots[i] = best.members[i]->slot;
        memset(ret->seats + ret->players, (int)(best.code >> i & 1), best.members[i]->players);
        ret->players += best.members[i]->players;
    }
    ret->region = best.region;
    ret->quality = best.quality;
    return mu_form_price(pool, now_ms, ret, moment);
}
