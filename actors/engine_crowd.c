/* actors/engine_crowd.c - the best match of one ticket when many play: many teams, everybody for
 * himself, or teams of no fixed size.
 *
 * For each of the best regions of the anchor: its neighbours by marginal surplus join as long as
 * the parties fit into teams, and whenever those who have joined could play, the match is priced.
 * Then the same around the best one, by what each would change of it, for the anchor may be at its
 * edge; and at last members are exchanged for the next best.  Teams are made when it is known who
 * plays: the price goes by how even they can be. */
#include "actors/engine_pool.h"

#include <math.h>
#include <string.h>

enum {
    GATHERED_MIN = 192, /* neighbours looked at; or four times a match, if that is more */
    REGIONS_TRIED = 3,
    CENTRES_TRIED = 3,
    EXCHANGED_MAX = 24, /* of those who have not joined, that members are exchanged for */
    EXCHANGE_ROUNDS = 2,
};

struct crowd {
    uint32_t count;
    uint32_t players;
    uint32_t region;
    double fairness;                        /* as estimated before there are teams */
    double quality;                         /* but for latency */
    double surplus;                         /* a player: quality less bid, times what is left */
    uint16_t members[MU_MATCH_PLAYERS_MAX]; /* indices into pool->neighbours, [0]: the anchor */
};

struct search {
    struct mu_pool *pool;
    int64_t now_ms;
    uint32_t region;
    double centre;    /* of the match that is looked for, points */
    double quality;   /* of the one that was found, or 0: none yet; but for latency */
    double spread;    /* its loss of worth for each points^2 of its players' squared distances */
    double uneven;    /* and for each of struct joined's uneven */
    uint32_t without; /* parties of so many players do not join; 0: all may */
    uint32_t order_count;
    uint16_t order[MU_POOL_NEIGHBOURS_MAX]; /* indices: the best first */
};

/* What is known of those who have joined. */
struct joined {
    struct mu_parties parties;
    double
        uneven[3]; /* the variance of teams' sums: [0] - 2 mean [1] + mean^2 [2]; see count_in() */
    double sum;
    double squares;
    double variance;   /* of ratings' doubt */
    double nearness;   /* sum over its players, times what is left of their time */
    double bids;       /* likewise */
    int64_t oldest_ms; /* of their since_ms */
    int64_t low;       /* lowest rating, without bonus */
    int64_t high;
    int64_t low_min; /* the lowest that all accept */
    int64_t high_max;
};

/* The players of a team. */
static double team_size(const struct search *search)
{
    return search->pool->rules->for_all ? 1 : search->pool->sizes.team_max;
}

/* What the quality of a crowd is made of. */
struct shape {
    double mean;
    double variance; /* of its players' ratings */
    double sums;     /* the variance of its teams' sums, as it will be */
    double wider;    /* by so much that counts for less: doubt about ratings widens performance */
};

static void shape_of(const struct search *search, const struct joined *joined, double players,
                     struct shape *ret)
{
    const struct mu_rules *rules = search->pool->rules;
    const struct mu_objective *objective = &rules->objective;
    double mean = joined->sum / players;
    ret->mean = mean;
    ret->variance = fmax(joined->squares / players - mean * mean, 0);
    ret->sums = ret->variance;
    if (!rules->for_all) {
        double sums =
            joined->uneven[0] - 2 * mean * joined->uneven[1] + mean * mean * joined->uneven[2];
        ret->sums = fmax(sums, 0) * team_size(search) / players;
    }
    ret->wider = 1 + objective->uncertainty * joined->variance /
                         (objective->beta * objective->beta * players);
}

static void price(const struct search *search, const struct joined *joined, struct crowd *crowd)
{
    const struct mu_objective *objective = &search->pool->rules->objective;
    double players = crowd->players;
    struct shape shape;
    shape_of(search, joined, players, &shape);
    double imbalance =
        mu_quality_imbalance_crowd(objective, sqrt(shape.sums / shape.wider), team_size(search));
    crowd->region = search->region;
    crowd->fairness = mu_quality_fairness(objective, imbalance);
    crowd->quality = crowd->fairness * mu_quality_closeness(objective, shape.variance) *
                     mu_quality_fullness(objective, players, search->pool->sizes.players_max);
    crowd->surplus = (crowd->quality * joined->nearness - joined->bids) / players;
}

/* Whether a is the better match: by surplus; where nobody waits for a better one, the larger. */
static bool is_better(const struct search *search, const struct crowd *a, const struct crowd *b)
{
    if (!search->pool->rules->objective.waits && a->players != b->players) {
        return a->players > b->players;
    }
    return a->surplus > b->surplus;
}

/* Whether those who have joined could play as they are. */
static bool is_playable(const struct search *search, const struct joined *joined, uint32_t players)
{
    const struct mu_sizes *sizes = &search->pool->sizes;
    struct mu_plan plan;
    if (players < sizes->players_min) {
        return false;
    }
    if (players < sizes->players_max &&
        search->now_ms - joined->oldest_ms < search->pool->rules->fill_ms) {
        return false;
    }
    return search->pool->rules->for_all || mu_pack_evenly(sizes, &joined->parties, players, &plan);
}

/* Whether the neighbour can join: there is room, and all accept each other's ratings. */
static bool can_join(const struct search *search, const struct joined *joined,
                     const struct mu_neighbour *neighbour, uint32_t players)
{
    const struct mu_pool *pool = search->pool;
    const struct mu_sizes *sizes = &pool->sizes;
    const struct mu_hot *hot = &pool->hot[neighbour->slot];
    if (players + neighbour->players > sizes->players_max) {
        return false;
    }
    if (pool->rules->window.used && players > 0) {
        int64_t window = mu_pool_window(pool, hot, search->now_ms);
        if (hot->rating < joined->low_min || hot->rating > joined->high_max ||
            hot->rating - window > joined->low || hot->rating + window < joined->high) {
            return false;
        }
    }
    if (pool->rules->for_all || neighbour->players == 1) {
        return true; /* one player fits wherever there is a place */
    }
    struct mu_plan plan;
    struct mu_parties parties = joined->parties;
    uint8_t rooms[MU_TEAMS_MAX];
    memset(rooms, (int)sizes->team_max, sizes->teams_max);
    parties.count[neighbour->players]++;
    return mu_pack(&parties, rooms, sizes->teams_max, &plan);
}

/* By how much a party of so many counts in the variance of the teams' sums, before there are teams:
 * the sum of a full party is its team's, whatever others do; a smaller party is evened out by those
 * beside it, the better the more places are left.  So each party counts with (its sum - what is
 * expected)^2 * ((n - 1) / (size - 1))^2. */
static double unevenness(const struct search *search, double players)
{
    double team = search->pool->sizes.team_max;
    double share = team > 1 ? (players - 1) / (team - 1) : 1;
    return share * share;
}

/* Counts a neighbour among those who have joined, or with sign -1 no longer. */
static void count_in(const struct search *search, struct joined *joined,
                     const struct mu_neighbour *neighbour, double sign)
{
    double size = neighbour->players;
    double share = neighbour->left * size;
    double weight = unevenness(search, size);
    double nearness = (double)mu_pool_nearness(search->pool, neighbour->slot)[search->region];
    joined->uneven[0] += sign * weight * neighbour->sum * neighbour->sum;
    joined->uneven[1] += sign * weight * neighbour->sum * size;
    joined->uneven[2] += sign * weight * size * size;
    joined->sum += sign * neighbour->sum;
    joined->squares += sign * neighbour->squares;
    joined->nearness += sign * nearness * share;
    joined->variance += sign * neighbour->variance;
    joined->bids += sign * neighbour->bid * share;
}

static void join(const struct search *search, struct joined *joined, struct crowd *crowd,
                 uint32_t index)
{
    const struct mu_pool *pool = search->pool;
    const struct mu_neighbour *neighbour = &pool->neighbours[index];
    const struct mu_hot *hot = &pool->hot[neighbour->slot];
    int64_t window = mu_pool_window(pool, hot, search->now_ms);
    bool alone = crowd->count == 0;
    count_in(search, joined, neighbour, 1);
    joined->parties.count[neighbour->players]++;
    joined->oldest_ms =
        alone || hot->since_ms < joined->oldest_ms ? hot->since_ms : joined->oldest_ms;
    joined->low = alone || hot->rating < joined->low ? hot->rating : joined->low;
    joined->high = alone || hot->rating > joined->high ? hot->rating : joined->high;
    joined->low_min =
        alone || hot->rating - window > joined->low_min ? hot->rating - window : joined->low_min;
    joined->high_max =
        alone || hot->rating + window < joined->high_max ? hot->rating + window : joined->high_max;
    crowd->members[crowd->count++] = (uint16_t)index;
    crowd->players += neighbour->players;
}

/* A player's marginal surplus: in a match spread around the centre; or, when one was found, in the
 * place of somebody in it, to whose quality his rating adds in first order. */
static double gain_of(const struct search *search, const struct mu_neighbour *neighbour)
{
    const struct mu_pool *pool = search->pool;
    double nearness = (double)mu_pool_nearness(pool, neighbour->slot)[search->region];
    if (search->quality <= 0) {
        double affinity = mu_affinity_at(&pool->affinity, neighbour->mean - search->centre);
        return (affinity * nearness - neighbour->bid) * neighbour->left;
    }
    double players = neighbour->players;
    double centre = search->centre;
    double distances = neighbour->squares - 2 * centre * neighbour->sum + players * centre * centre;
    double excess = neighbour->sum - players * centre;
    double uneven = unevenness(search, players) * excess * excess;
    return (search->quality * nearness - neighbour->bid) * neighbour->left -
           (search->spread * distances + search->uneven * uneven) / players;
}

/* Puts the neighbours who reach the region into order, the highest gain first: a merge sort. */
static void rank(struct search *search)
{
    struct mu_pool *pool = search->pool;
    uint16_t spare[MU_POOL_NEIGHBOURS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 1; i < pool->neighbours_count; i++) {
        struct mu_neighbour *neighbour = &pool->neighbours[i];
        if ((pool->hot[neighbour->slot].regions >> search->region & 1) != 0) {
            neighbour->gain = gain_of(search, neighbour);
            search->order[count++] = (uint16_t)i;
        }
    }
    for (uint32_t width = 1; width < count; width *= 2) {
        for (uint32_t from = 0; from < count; from += 2 * width) {
            uint32_t a = from;
            uint32_t a_end = from + width < count ? from + width : count;
            uint32_t b = a_end;
            uint32_t b_end = a_end + width < count ? a_end + width : count;
            for (uint32_t i = from; i < b_end; i++) {
                bool take_b =
                    a == a_end || (b < b_end && pool->neighbours[search->order[b]].gain >
                                                    pool->neighbours[search->order[a]].gain);
                spare[i] = take_b ? search->order[b++] : search->order[a++];
            }
        }
        memcpy(search->order, spare, count * sizeof spare[0]);
    }
    search->order_count = count;
}

/* Lets neighbours join, and keeps the best of the matches on the way.  Returns whether that is
 * better than *best was. */
static bool grow(struct search *search, struct crowd *best)
{
    const struct mu_pool *pool = search->pool;
    struct crowd crowd = { .count = 0 };
    struct joined joined = { .sum = 0 };
    bool better = false;
    rank(search);
    for (uint32_t i = 0; i <= search->order_count; i++) {
        uint32_t index = i == 0 ? 0 : search->order[i - 1];
        const struct mu_neighbour *next = &pool->neighbours[index];
        if ((i > 0 && next->players == search->without) ||
            !can_join(search, &joined, next, crowd.players)) {
            continue;
        }
        join(search, &joined, &crowd, index);
        if (is_playable(search, &joined, crowd.players)) {
            price(search, &joined, &crowd);
            if (is_better(search, &crowd, best)) {
                *best = crowd;
                better = true;
            }
        }
        if (crowd.players == pool->sizes.players_max) {
            break;
        }
    }
    return better;
}

/* Whether `in` may take the place of member `but`: all accept each other's ratings, and the match,
 * when it is not full, has somebody who has waited long enough for that. */
static bool accepts(const struct search *search, const struct crowd *crowd, uint32_t but,
                    uint32_t in)
{
    const struct mu_pool *pool = search->pool;
    bool partial = crowd->players < pool->sizes.players_max && pool->rules->fill_ms > 0;
    uint32_t slot = pool->neighbours[in].slot;
    int64_t oldest_ms = pool->hot[slot].since_ms;
    if (!pool->rules->window.used && !partial) {
        return true;
    }
    for (uint32_t i = 0; i < crowd->count; i++) {
        uint32_t other = pool->neighbours[crowd->members[i]].slot;
        if (i == but) {
            continue;
        }
        if (!mu_pool_accept(pool, slot, other, search->now_ms)) {
            return false;
        }
        int64_t since_ms = pool->hot[other].since_ms;
        oldest_ms = since_ms < oldest_ms ? since_ms : oldest_ms;
    }
    return !partial || search->now_ms - oldest_ms >= pool->rules->fill_ms;
}

/* The member whose exchange for `in` raises the price most, or 0: none does. */
static uint32_t worst_for(const struct search *search, const struct crowd *best,
                          const struct joined *joined, uint32_t in, struct crowd *ret)
{
    const struct mu_neighbour *all = search->pool->neighbours;
    double least = best->surplus + 1e-9;
    uint32_t worst = 0;
    for (uint32_t k = 1; k < best->count; k++) {
        const struct mu_neighbour *out = &all[best->members[k]];
        if (out->players != all[in].players) {
            continue;
        }
        struct joined other = *joined;
        count_in(search, &other, out, -1);
        count_in(search, &other, &all[in], 1);
        struct crowd priced; /* its head only */
        priced.players = best->players;
        price(search, &other, &priced);
        if (priced.surplus > least && accepts(search, best, k, in)) {
            least = priced.surplus;
            worst = k;
            ret->surplus = priced.surplus;
            ret->quality = priced.quality;
            ret->fairness = priced.fairness;
        }
    }
    return worst;
}

/* Exchanges members for those who have not joined, while the price rises. */
static void exchange(const struct search *search, struct crowd *best)
{
    const struct mu_pool *pool = search->pool;
    struct crowd rejoined = { .count = 0 };
    struct joined joined = { .sum = 0 };
    bool is_in[MU_POOL_NEIGHBOURS_MAX] = { false };
    uint16_t rest[EXCHANGED_MAX];
    uint32_t rest_count = 0;
    for (uint32_t i = 0; i < best->count; i++) {
        is_in[best->members[i]] = true;
        join(search, &joined, &rejoined, best->members[i]);
    }
    for (uint32_t i = 0; i < search->order_count && rest_count < EXCHANGED_MAX; i++) {
        if (!is_in[search->order[i]]) {
            rest[rest_count++] = search->order[i];
        }
    }
    bool improved = true;
    for (uint32_t round = 0; round < EXCHANGE_ROUNDS && improved; round++) {
        improved = false;
        for (uint32_t i = 0; i < rest_count; i++) {
            uint32_t worst = worst_for(search, best, &joined, rest[i], best);
            if (worst > 0) {
                uint16_t out = best->members[worst];
                count_in(search, &joined, &pool->neighbours[out], -1);
                count_in(search, &joined, &pool->neighbours[rest[i]], 1);
                best->members[worst] = rest[i];
                rest[i] = out;
                improved = true;
            }
        }
    }
}

/* Looks around a crowd from now on. */
static void centre_on(struct search *search, const struct crowd *crowd)
{
    const struct mu_objective *objective = &search->pool->rules->objective;
    struct joined joined = { .sum = 0 };
    struct shape shape;
    double players = crowd->players;
    double size = team_size(search);
    for (uint32_t i = 0; i < crowd->count; i++) {
        count_in(search, &joined, &search->pool->neighbours[crowd->members[i]], 1);
    }
    shape_of(search, &joined, players, &shape);
    double worth = crowd->quality * joined.nearness;
    double uneven =
        worth / shape.wider * mu_quality_fairness_slope(objective, shape.sums / shape.wider, size);
    search->centre = shape.mean;
    search->quality = crowd->quality;
    search->spread = worth * mu_quality_closeness_slope(objective, shape.variance) / players;
    search->uneven = uneven * size / players;
    if (search->pool->rules->for_all) {
        search->spread += search->uneven;
        search->uneven = 0;
    }
}

/* The best crowd in search->region, if it is better than *best. */
static void try_region(struct search *search, struct crowd *best)
{
    const struct mu_pool *pool = search->pool;
    struct crowd own = { .surplus = -HUGE_VAL };
    search->centre = pool->neighbours[0].mean;
    search->quality = 0;
    search->without = 0;
    bool found = grow(search, &own);
    while (!found && search->without < pool->sizes_count && !pool->rules->for_all) {
        search->without++; /* the best may be of sizes that do not add up */
        found = grow(search, &own);
    }
    for (uint32_t i = 1; i < CENTRES_TRIED && found; i++) {
        centre_on(search, &own);
        found = grow(search, &own);
    }
    if (own.count > 0) {
        exchange(search, &own);
    }
    if (own.count > 0 && is_better(search, &own, best)) {
        *best = own;
    }
}

/* Puts everybody on a team.  Few teams are not as even as is estimated of many: of them it is
 * counted. */
static void seat(const struct mu_pool *pool, const struct crowd *crowd, struct mu_proposal *ret)
{
    struct mu_part parts[MU_MATCH_PLAYERS_MAX];
    struct mu_parties parties = { { 0 } };
    struct mu_plan plan;
    uint8_t teams[MU_MATCH_PLAYERS_MAX] = { 0 };
    ret->count = crowd->count;
    ret->players = 0;
    for (uint32_t i = 0; i < crowd->count; i++) {
        const struct mu_neighbour *member = &pool->neighbours[crowd->members[i]];
        parts[i] = (struct mu_part){
            .players = member->players,
            .sum = member->sum,
            .variance = member->variance,
        };
        parties.count[member->players]++;
        ret->slots[i] = member->slot;
    }
    if (!pool->rules->for_all) {
        bool packed = mu_pack_evenly(&pool->sizes, &parties, crowd->players, &plan);
        assert(packed);
        mu_split_many(parts, crowd->count, &plan, teams);
    }
    for (uint32_t i = 0; i < crowd->count; i++) {
        memset(ret->seats + ret->players, teams[i], parts[i].players);
        ret->players += parts[i].players;
    }
    ret->quality = crowd->quality;
    uint32_t sides_max = pool->rules->for_all ? pool->sizes.players_max : pool->sizes.teams_max;
    if (sides_max <= MU_SPLIT_SIDES_MAX && crowd->fairness > 0) {
        const struct mu_objective *objective = &pool->rules->objective;
        double imbalance =
            mu_split_imbalance(objective, parts, crowd->count, pool->rules->for_all ? NULL : teams);
        ret->quality *= mu_quality_fairness(objective, imbalance) / crowd->fairness;
    }
}

enum mu_found mu_form_crowd(struct mu_pool *pool, int64_t now_ms, struct mu_proposal *ret,
                            int64_t *moment)
{
    struct search search = { .pool = pool, .now_ms = now_ms };
    struct crowd best = { .surplus = -HUGE_VAL };
    uint32_t left = pool->hot[ret->anchor].regions;
    uint32_t wanted = 4 * pool->sizes.players_max;
    mu_form_gather(pool, ret->anchor, now_ms, wanted > GATHERED_MIN ? wanted : GATHERED_MIN);
    for (uint32_t i = 0; i < REGIONS_TRIED && left != 0; i++) {
        search.region = mu_form_region(pool, ret->anchor, &left);
        try_region(&search, &best);
    }
    if (best.count == 0) {
        return MU_FOUND_NONE;
    }
    seat(pool, &best, ret);
    ret->region = best.region;
    return mu_form_price(pool, now_ms, ret, moment);
}
