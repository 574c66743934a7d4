/* actors/candidate.c - units of a match in the making, in and out; see actors/candidate.h. */
#include "actors/candidate.h"

#include <stdlib.h>
#include <string.h>

#include "actors/candidate_tally.h"
#include "actors/candidate_value.h"

struct mu_candidate *mu_candidate_create(void)
{
    /* Most of both is room for the largest rule sets: pages that are never touched cost nothing. */
    struct mu_candidate *candidate = calloc(1, sizeof *candidate);
    struct mu_scratch *scratch = calloc(1, sizeof *scratch);
    if (candidate == NULL || scratch == NULL) {
        free(candidate);
        free(scratch);
        return NULL;
    }
    candidate->scratch = scratch;
    return candidate;
}

void mu_candidate_destroy(struct mu_candidate *candidate)
{
    if (candidate != NULL) {
        free(candidate->scratch);
        free(candidate);
    }
}

/* What was found out of the units is no longer so. */
static void changed(struct mu_candidate *candidate)
{
    candidate->scratch->seats_known = false;
    candidate->scratch->known = 0;
}

void mu_candidate_begin(struct mu_candidate *candidate, const struct mu_rules *rules,
                        uint32_t regions_count, int64_t now_ms)
{
    assert(regions_count <= MU_REGIONS_MAX);
    assert(rules->teams_count >= 1 && rules->teams_count <= MU_TEAMS_MAX);
    candidate->rules = rules;
    candidate->regions_count = regions_count;
    candidate->now_ms = now_ms;
    candidate->units_count = 0;
    candidate->roles = false;
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        candidate->teams[i] = (struct mu_team_tally){ .players = 0 };
    }
    changed(candidate);
    mu_tally_prepare(candidate);
    mu_tally_totals(candidate);
    for (uint32_t i = 0; i < rules->teams_count && rules->roles_attribute != MU_RULES_NONE; i++) {
        candidate->roles = candidate->roles || rules->teams[i].quotas_count > 0;
        mu_candidate_roles_update(candidate, i);
    }
}

int64_t mu_candidate_age(const struct mu_candidate *candidate)
{
    if (candidate->units_count == 0) {
        return 0;
    }
    return candidate->rules->oldest_age ? candidate->totals.age_max : candidate->totals.age_min;
}

/* What a new unit changes, before it does. */
static void keep_undo(struct mu_candidate *candidate, const struct mu_unit *unit)
{
    struct mu_undo *undo = &candidate->scratch->undo;
    undo->totals = candidate->totals;
    if (candidate->latencies != 0) {
        memcpy(undo->latency, candidate->latency, sizeof undo->latency);
    }
    if (unit->team == MU_RULES_NONE) {
        return; /* its teams are made from scratch */
    }
    size_t count = candidate->sources_count;
    undo->team = candidate->teams[unit->team];
    memcpy(undo->cells, &candidate->cells[unit->team * count], count * sizeof undo->cells[0]);
}

/* Takes the last unit back. */
static void take_back(struct mu_candidate *candidate)
{
    const struct mu_undo *undo = &candidate->scratch->undo;
    const struct mu_unit *unit = &candidate->units[candidate->units_count - 1];
    candidate->units_count--;
    candidate->totals = undo->totals;
    if (candidate->latencies != 0) {
        memcpy(candidate->latency, undo->latency, sizeof undo->latency);
    }
    if (unit->team != MU_RULES_NONE) {
        size_t count = candidate->sources_count;
        candidate->teams[unit->team] = undo->team;
        memcpy(&candidate->cells[unit->team * count], undo->cells, count * sizeof undo->cells[0]);
        changed(candidate);
        return;
    }
    for (uint32_t i = 0; i < candidate->rules->teams_count; i++) {
        mu_tally_team(candidate, i);
    }
    changed(candidate);
    for (uint32_t i = 0; i < candidate->rules->teams_count && candidate->roles; i++) {
        mu_candidate_roles_update(candidate, i);
    }
}

/* Whether the band of ratings, a region and the number of backfills allow a unit; more units could
 * not mend that. */
static bool fits(const struct mu_candidate *candidate, const struct mu_unit *unit)
{
    const struct mu_totals *totals = &candidate->totals;
    if ((totals->regions & unit->regions) == 0 ||
        totals->backfills + (unit->entrant->backfill ? 1 : 0) > 1) {
        return false;
    }
    if (!candidate->rules->window.used) {
        return true;
    }
    int64_t rating = unit->entrant->rating;
    int64_t low_max = unit->low > totals->low_max ? unit->low : totals->low_max;
    int64_t high_min = unit->high < totals->high_min ? unit->high : totals->high_min;
    return rating >= low_max && rating <= high_min && totals->rating_min >= low_max &&
           totals->rating_max <= high_min;
}

/* Whether every player of a backfill is on a team that there is. */
static bool has_seats(const struct mu_candidate *candidate, const struct mu_entrant *entrant)
{
    assert(entrant->facts != NULL);
    for (uint32_t i = 0; i < entrant->players; i++) {
        uint32_t team = mu_facts_team(entrant->facts, i);
        if (team == MU_RULES_NONE || team >= candidate->rules->teams_count) {
            return false;
        }
    }
    return true;
}

/* Whether a team has room, and its roles for all of its players: those that are lacking may still
 * come, one with each free place. */
static bool has_room(const struct mu_candidate *candidate, uint32_t team, int64_t age_ms)
{
    const struct mu_team_tally *tally = &candidate->teams[team];
    uint32_t max = mu_team_max(candidate->rules, team, age_ms);
    return tally->players <= max && tally->unplaced == 0 && tally->unfilled <= max - tally->players;
}

/* Whether the last unit may stay. */
static bool may_stay(struct mu_candidate *candidate)
{
    const struct mu_rules *rules = candidate->rules;
    int64_t age_ms = mu_candidate_age(candidate);
    uint32_t only = candidate->units[candidate->units_count - 1].team;
    uint32_t first = only == MU_RULES_NONE ? 0 : only;
    uint32_t last = only == MU_RULES_NONE ? rules->teams_count : only + 1;
    for (uint32_t i = first; i < last; i++) {
        if (candidate->teams[i].players > 0 && !has_room(candidate, i, age_ms)) {
            return false;
        }
    }
    uint32_t regions = candidate->totals.regions;
    for (uint64_t rest = candidate->lasting; rest != 0; rest &= rest - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(rest);
        const struct mu_rule *rule = &rules->rules[i];
        if (age_ms >= rule->optional_after_ms) {
            continue;
        }
        if (mu_candidate_excess(candidate, i, age_ms) > 0) {
            candidate->counts[i].failed++;
            return false;
        }
        candidate->counts[i].passed++;
        if (rule->type == MU_RULE_LATENCY) {
            regions &= mu_candidate_latency_regions(candidate, rule, age_ms);
        }
    }
    return regions != 0;
}

/* Writes the next unit, which does not count yet.  Returns whether there is room for it. */
static bool prepare(struct mu_candidate *candidate, const struct mu_entrant *entrant,
                    uint32_t player, uint32_t team)
{
    assert(entrant->players >= 1 && entrant->players <= MU_MATCH_PLAYERS_MAX);
    assert(player == MU_RULES_NONE || (player < entrant->players && !entrant->backfill));
    assert(entrant->backfill || team < candidate->rules->teams_count);
    assert(entrant->facts == NULL || entrant->facts->players_count == entrant->players);
    struct mu_unit *unit = &candidate->units[candidate->units_count];
    uint32_t players = player == MU_RULES_NONE ? entrant->players : 1;
    if (candidate->totals.players + players > MU_MATCH_PLAYERS_MAX ||
        (entrant->backfill && !has_seats(candidate, entrant))) {
        return false;
    }
    *unit = (struct mu_unit){ .entrant = entrant, .player = player, .team = team };
    mu_tally_unit(candidate, unit);
    if (entrant->backfill) {
        unit->team = MU_RULES_NONE;
    }
    return true;
}

/* Makes the unit that was prepared count. */
static void enter(struct mu_candidate *candidate)
{
    const struct mu_unit *unit = &candidate->units[candidate->units_count];
    if (unit->team != MU_RULES_NONE && candidate->sources_count > 0) {
        /* A party's player counts with what the whole party has. */
        mu_tally_numbers(
            candidate, unit->entrant->facts, MU_RULES_NONE,
            &candidate->numbers[(size_t)candidate->units_count * candidate->sources_count]);
    }
    candidate->units_count++;
    mu_tally_add(candidate);
    changed(candidate);
    for (uint32_t i = 0; i < candidate->rules->teams_count && candidate->roles; i++) {
        if (unit->team == MU_RULES_NONE || i == unit->team) {
            mu_candidate_roles_update(candidate, i);
        }
    }
}

bool mu_candidate_add(struct mu_candidate *candidate, const struct mu_entrant *entrant,
                      uint32_t player, uint32_t team)
{
    const struct mu_unit *unit = &candidate->units[candidate->units_count];
    if (!prepare(candidate, entrant, player, team) || !fits(candidate, unit)) {
        return false;
    }
    keep_undo(candidate, unit);
    enter(candidate);
    if (may_stay(candidate)) {
        return true;
    }
    take_back(candidate);
    return false;
}

bool mu_candidate_put(struct mu_candidate *candidate, const struct mu_entrant *entrant,
                      uint32_t player, uint32_t team)
{
    if (!prepare(candidate, entrant, player, team)) {
        return false;
    }
    enter(candidate);
    return true;
}

/* Makes two teams (or one, twice) again after their units have changed: first how many there are of
 * both, for roles go by where everybody sits. */
static void renew(struct mu_candidate *candidate, uint32_t a, uint32_t b)
{
    mu_tally_team(candidate, a);
    if (b != a) {
        mu_tally_team(candidate, b);
    }
    if (!candidate->roles) {
        return;
    }
    mu_candidate_roles_update(candidate, a);
    if (b != a) {
        mu_candidate_roles_update(candidate, b);
    }
}

void mu_candidate_remove(struct mu_candidate *candidate, uint32_t unit)
{
    assert(unit < candidate->units_count);
    uint32_t team = candidate->units[unit].team;
    uint32_t last = --candidate->units_count;
    size_t count = candidate->sources_count;
    if (unit != last) {
        candidate->units[unit] = candidate->units[last];
        memcpy(&candidate->numbers[unit * count], &candidate->numbers[last * count],
               count * sizeof candidate->numbers[0]);
    }
    changed(candidate);
    mu_tally_totals(candidate);
    if (team != MU_RULES_NONE) {
        renew(candidate, team, team);
        return;
    }
    for (uint32_t i = 0; i < candidate->rules->teams_count; i++) {
        mu_tally_team(candidate, i);
    }
    for (uint32_t i = 0; i < candidate->rules->teams_count && candidate->roles; i++) {
        mu_candidate_roles_update(candidate, i);
    }
}

void mu_candidate_move(struct mu_candidate *candidate, uint32_t unit, uint32_t team)
{
    assert(unit < candidate->units_count && team < candidate->rules->teams_count);
    uint32_t from = candidate->units[unit].team;
    assert(from != MU_RULES_NONE);
    candidate->units[unit].team = team;
    changed(candidate);
    renew(candidate, from, team);
}

void mu_candidate_exchange(struct mu_candidate *candidate, uint32_t a, uint32_t b)
{
    assert(a < candidate->units_count && b < candidate->units_count);
    uint32_t team_a = candidate->units[a].team;
    uint32_t team_b = candidate->units[b].team;
    assert(team_a != MU_RULES_NONE && team_b != MU_RULES_NONE);
    candidate->units[a].team = team_b;
    candidate->units[b].team = team_a;
    changed(candidate);
    renew(candidate, team_a, team_b);
}

const struct mu_rule_count *mu_candidate_rule_counts(const struct mu_candidate *candidate)
{
    return candidate->counts;
}

uint32_t mu_candidate_count(const struct mu_candidate *candidate)
{
    return candidate->units_count;
}

uint32_t mu_candidate_players(const struct mu_candidate *candidate)
{
    return candidate->totals.players;
}

uint32_t mu_candidate_team_players(const struct mu_candidate *candidate, uint32_t team)
{
    assert(team < candidate->rules->teams_count);
    return candidate->teams[team].players;
}

uint32_t mu_candidate_team(const struct mu_candidate *candidate, uint32_t unit)
{
    assert(unit < candidate->units_count);
    return candidate->units[unit].team;
}

const struct mu_entrant *mu_candidate_entrant(const struct mu_candidate *candidate, uint32_t unit)
{
    assert(unit < candidate->units_count);
    return candidate->units[unit].entrant;
}

uint32_t mu_candidate_player(const struct mu_candidate *candidate, uint32_t unit)
{
    assert(unit < candidate->units_count);
    return candidate->units[unit].player;
}
