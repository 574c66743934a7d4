/* actors/engine_compose.c - the best match of one ticket under the rules of a document, and what a
 * backfill gets: neighbours are handed to the composer (actors/compose.h), shape by shape. */
#include "actors/engine_pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "actors/compose.h"
#include "core/actor.h"

enum {
    WANTED_MIN = 128,    /* neighbours; or four times a match, if that is more */
    FILTERED_MAX = 2048, /* looked at for them, in a pool that has more */
};
static_assert((int)MU_POOL_NEIGHBOURS_MAX <= (int)MU_COMPOSE_ENTRANTS_MAX, "the composer has room");

struct mu_desk {
    struct mu_composer *composer;
    struct mu_candidate *candidate;
    uint32_t count;
    uint32_t slots[MU_POOL_NEIGHBOURS_MAX];
    struct mu_entrant entrants[MU_POOL_NEIGHBOURS_MAX];
    const struct mu_entrant *order[MU_POOL_NEIGHBOURS_MAX];
    double reservations[MU_POOL_NEIGHBOURS_MAX];
};

struct mu_desk *mu_desk_create(void)
{
    struct mu_desk *desk = calloc(1, sizeof *desk);
    if (desk == NULL) {
        return NULL;
    }
    desk->composer = mu_composer_create();
    desk->candidate = mu_candidate_create();
    if (desk->composer == NULL || desk->candidate == NULL) {
        mu_desk_destroy(desk);
        return NULL;
    }
    return desk;
}

void mu_desk_destroy(struct mu_desk *desk)
{
    if (desk != NULL) {
        mu_composer_destroy(desk->composer);
        mu_candidate_destroy(desk->candidate);
        free(desk);
    }
}

struct mu_candidate *mu_desk_candidate(const struct mu_pool *pool)
{
    return pool->desk->candidate;
}

const struct mu_rule_count *mu_pool_rule_counts(const struct mu_pool *pool)
{
    return mu_candidate_rule_counts(pool->desk->candidate);
}

static struct mu_entrant entrant_of(const struct mu_pool *pool, uint32_t slot)
{
    const struct mu_hot *hot = &pool->hot[slot];
    const struct mu_cold *cold = &pool->cold[slot];
    return (struct mu_entrant){
        .since_ms = hot->since_ms,
        .players = hot->players,
        .rating = hot->rating,
        .backfill = hot->shelf == 0,
        .sum = cold->sum,
        .squares = cold->squares,
        .variance = cold->variance,
        .reach_ms = pool->reach_ms + (size_t)slot * pool->regions_count,
        .nearness = mu_pool_nearness(pool, slot),
        .facts = cold->facts,
    };
}

/* All of a ticket, or one player, when they may be on several teams. */
static uint32_t unit_of(const struct mu_rules *rules, const struct mu_entrant *entrant)
{
    bool spans = rules->parties == MU_PARTY_MAY_SPAN && !entrant->backfill && entrant->players > 1;
    return spans ? 0 : MU_RULES_NONE;
}

/* Whether both can stand in one match, on some teams, as old as they are now; or older, where a
 * third one may make them so. */
static bool can_meet(struct mu_pool *pool, const struct mu_entrant *anchor,
                     const struct mu_entrant *other, int64_t now_ms)
{
    struct mu_candidate *candidate = pool->desk->candidate;
    if (pool->rules->oldest_age) {
        return true;
    }
    for (uint32_t shape = 0; shape < pool->book->shapes_count; shape++) {
        const struct mu_rules *rules = pool->book->shapes[shape];
        for (uint32_t i = 0; i < rules->teams_count; i++) {
            if (rules->teams[i].like != i && i != rules->teams[i].like + 1) {
                continue; /* no different from others that are tried */
            }
            mu_candidate_begin(candidate, rules, pool->regions_count, now_ms);
            bool stands = mu_candidate_add(candidate, anchor, unit_of(rules, anchor), i);
            for (uint32_t k = 0; stands && k < rules->teams_count; k++) {
                if (mu_candidate_add(candidate, other, unit_of(rules, other), k)) {
                    return true;
                }
            }
        }
    }
    return false;
}

bool mu_desk_can_meet(struct mu_pool *pool, uint32_t a, uint32_t b, int64_t now_ms)
{
    struct mu_entrant one = entrant_of(pool, a);
    struct mu_entrant other = entrant_of(pool, b);
    return can_meet(pool, &one, &other, now_ms);
}

/* Hands the anchor and its neighbours to the composer's desk: the nearest, or in a queue without
 * reservations those who have waited longest of the nearest. */
static void lay_out(struct mu_pool *pool, uint32_t anchor, int64_t now_ms)
{
    struct mu_desk *desk = pool->desk;
    uint32_t wanted = 4 * pool->sizes.players_max;
    wanted = wanted > WANTED_MIN ? wanted : WANTED_MIN;
    wanted = wanted < MU_POOL_NEIGHBOURS_MAX ? wanted : MU_POOL_NEIGHBOURS_MAX;
    bool filtered = pool->waiting_count > wanted;
    uint32_t looks_left = FILTERED_MAX;
    struct mu_walk walk;
    mu_walk_begin(&walk, pool, anchor, mu_pool_reach(pool), false);
    desk->slots[0] = anchor;
    desk->entrants[0] = entrant_of(pool, anchor);
    desk->count = 1;
    while (desk->count < wanted && looks_left > 0) {
        uint32_t slot = mu_walk_next(&walk);
        if (slot == MU_SLOT_NONE) {
            break;
        }
        looks_left--;
        struct mu_entrant entrant = entrant_of(pool, slot);
        if (filtered && !can_meet(pool, &desk->entrants[0], &entrant, now_ms)) {
            continue;
        }
        uint32_t at = desk->count++;
        while (pool->reserve == NULL && at > 1 && mu_pool_before(pool, slot, desk->slots[at - 1])) {
            desk->slots[at] = desk->slots[at - 1];
            desk->entrants[at] = desk->entrants[at - 1];
            at--;
        }
        desk->slots[at] = slot;
        desk->entrants[at] = entrant;
    }
    for (uint32_t i = 0; i < desk->count; i++) {
        desk->order[i] = &desk->entrants[i];
        desk->reservations[i] = mu_pool_bid(pool, &pool->hot[desk->slots[i]], now_ms);
    }
}

/* Seats the players of unit `unit`, of the ticket whose seats begin at `first`. */
static void seat_unit(const struct mu_candidate *candidate, uint32_t unit, uint8_t *first)
{
    const struct mu_entrant *entrant = mu_candidate_entrant(candidate, unit);
    uint32_t player = mu_candidate_player(candidate, unit);
    for (uint32_t i = 0; i < entrant->players; i++) {
        if (entrant->backfill) {
            first[i] = (uint8_t)mu_facts_team(entrant->facts, i);
        } else if (player == MU_RULES_NONE || player == i) {
            first[i] = (uint8_t)mu_candidate_team(candidate, unit);
        }
    }
}

/* Takes over what was composed. */
static void take_over(const struct mu_desk *desk, const struct mu_compose_result *result,
                      struct mu_proposal *ret)
{
    uint16_t seats_of[MU_POOL_NEIGHBOURS_MAX]; /* where each entrant's begin, + 1; 0: not in it */
    memset(seats_of, 0, desk->count * sizeof seats_of[0]);
    ret->count = 0;
    ret->players = 0;
    for (uint32_t i = 0; i < result->count; i++) {
        uint32_t entrant = result->entrants[i];
        if (seats_of[entrant] == 0) {
            seats_of[entrant] = (uint16_t)(ret->players + 1);
            ret->slots[ret->count++] = desk->slots[entrant];
            ret->players += desk->entrants[entrant].players;
            assert(ret->players <= MU_MATCH_PLAYERS_MAX);
        }
        seat_unit(desk->candidate, i, ret->seats + seats_of[entrant] - 1);
    }
    assert(ret->players == result->players);
    ret->region = result->region;
}

enum mu_found mu_form_composed(struct mu_pool *pool, int64_t now_ms, uint32_t effort,
                               struct mu_proposal *ret, int64_t *moment)
{
    struct mu_desk *desk = pool->desk;
    enum mu_found found = MU_FOUND_NONE;
    lay_out(pool, ret->anchor, now_ms);
    for (uint32_t shape = 0; shape < pool->book->shapes_count && found != MU_FOUND_MATCH; shape++) {
        const struct mu_compose_request request = {
            .rules = pool->book->shapes[shape],
            .regions_count = pool->regions_count,
            .now_ms = now_ms,
            .entrants = desk->order,
            .reservations = pool->reserve == NULL ? NULL : desk->reservations,
            .count = desk->count,
            .any = true,
            .effort = effort,
        };
        struct mu_compose_result result;
        bool composed = mu_compose(desk->composer, &request, desk->candidate, &result);
        pool->work->steps += result.steps;
        if (!composed) {
            continue;
        }
        take_over(desk, &result, ret);
        ret->shape = shape;
        ret->quality = mu_candidate_quality(desk->candidate);
        double worth = result.quality * result.players;
        double bids = worth - result.surplus * result.players;
        found = mu_form_weigh(pool, now_ms, worth, bids, ret, moment);
    }
    return found;
}
