/* actors/engine_legal.c - whether a proposed match may be made; see actors/engine.h. */
#include "actors/engine.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float no_nearness[MU_REGIONS_MAX]; /* legality does not ask for it */

const char *mu_engine_fault_text(enum mu_engine_fault fault)
{
    switch (fault) {
    case MU_ENGINE_LEGAL: return "legal";
    case MU_ENGINE_TEAMS: return "teams";
    case MU_ENGINE_FILL: return "fill";
    case MU_ENGINE_WINDOW: return "window";
    case MU_ENGINE_REGION: return "region";
    case MU_ENGINE_TICKET: return "ticket";
    case MU_ENGINE_RULE: return "rule";
    case MU_ENGINE_ROLES: return "roles";
    case MU_ENGINE_PARTY: return "party";
    case MU_ENGINE_BACKFILL: return "backfill";
    }
    return "?";
}

struct name {
    const char *id;
};

static int by_id(const void *a, const void *b)
{
    const struct name *x = a;
    const struct name *y = b;
    return strcmp(x->id, y->id);
}

static bool has_twice(const struct mu_engine_member *members, uint32_t count)
{
    struct name names[MU_MATCH_PLAYERS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        names[i].id = members[i].ticket->id;
    }
    qsort(names, count, sizeof names[0], by_id);
    for (uint32_t i = 1; i < count; i++) {
        if (strcmp(names[i].id, names[i - 1].id) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether a ticket is possible in itself. */
static bool is_possible(const struct mu_rules *rules, const struct mu_engine_ticket *ticket)
{
    uint32_t players_max = ticket->backfill ? MU_MATCH_PLAYERS_MAX : MU_TICKET_PLAYERS_MAX;
    if (ticket->players < 1 || ticket->players > players_max || !isfinite(ticket->sum) ||
        !isfinite(ticket->squares) || !isfinite(ticket->variance)) {
        return false;
    }
    if (ticket->facts == NULL) {
        return rules->needs == 0 && !ticket->backfill;
    }
    return ticket->facts->players_count == ticket->players;
}

/* Whether a member's teams exist; those of a backfill stand in its facts. */
static bool has_teams(const struct mu_rules *rules, const struct mu_engine_member *member)
{
    if (member->ticket->backfill || member->team != MU_TEAM_SPAN) {
        return member->ticket->backfill || member->team < rules->teams_count;
    }
    for (uint32_t i = 0; i < member->ticket->players; i++) {
        if (member->teams[i] >= rules->teams_count) {
            return false;
        }
    }
    return true;
}

/* Puts a member into the candidate, player by player when it spans teams.  Returns whether that was
 * possible at all. */
static bool put(struct mu_candidate *candidate, const struct mu_engine_member *member,
                const struct mu_entrant *entrant)
{
    if (member->ticket->backfill || member->team != MU_TEAM_SPAN) {
        return mu_candidate_put(candidate, entrant, MU_RULES_NONE, member->team);
    }
    for (uint32_t i = 0; i < entrant->players; i++) {
        if (!mu_candidate_put(candidate, entrant, i, member->teams[i])) {
            return false;
        }
    }
    return true;
}

/* The first hard rule that stands by itself and is broken. */
static uint32_t broken_rule(const struct mu_rules *rules, uint64_t broken, int64_t age_ms)
{
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        if ((broken >> i & 1) != 0 && mu_rule_stands(rules, i, age_ms)) {
            return i;
        }
    }
    return MU_RULES_NONE;
}

static enum mu_engine_fault fault_of(const struct mu_verdict *verdict, uint32_t region,
                                     uint32_t rule)
{
    if (!verdict->sizes) {
        return MU_ENGINE_TEAMS;
    }
    if (!verdict->fill) {
        return MU_ENGINE_FILL;
    }
    if (!verdict->window) {
        return MU_ENGINE_WINDOW;
    }
    if (!verdict->parties) {
        return MU_ENGINE_PARTY;
    }
    if (!verdict->backfill) {
        return MU_ENGINE_BACKFILL;
    }
    if (!verdict->roles) {
        return MU_ENGINE_ROLES;
    }
    if (rule != MU_RULES_NONE) {
        return MU_ENGINE_RULE;
    }
    return (verdict->regions >> region & 1) != 0 ? MU_ENGINE_LEGAL : MU_ENGINE_REGION;
}

/* What can be said of each member by itself, and of the region. */
static enum mu_engine_fault check_members(const struct mu_rules *rules,
                                          const struct mu_engine_member *members, uint32_t count,
                                          bool region_known)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!is_possible(rules, members[i].ticket)) {
            return MU_ENGINE_TICKET;
        }
        if (!has_teams(rules, &members[i])) {
            return MU_ENGINE_TEAMS;
        }
    }
    if (has_twice(members, count)) {
        return MU_ENGINE_TICKET;
    }
    return region_known ? MU_ENGINE_LEGAL : MU_ENGINE_REGION;
}

struct mu_entrant mu_engine_entrant(const struct mu_engine_ticket *ticket)
{
    return (struct mu_entrant){
        .since_ms = ticket->since_ms,
        .players = ticket->players,
        .rating = ticket->rating,
        .backfill = ticket->backfill,
        .sum = ticket->sum,
        .squares = ticket->squares,
        .variance = ticket->variance,
        .reach_ms = ticket->reach_ms,
        .nearness = no_nearness,
        .facts = ticket->facts,
    };
}

/* NOLINTNEXTLINE(readability-function-size): eight parameters, each of them another thing */
enum mu_engine_fault mu_engine_legal(const struct mu_rules *rules, const struct mu_config *config,
                                     const struct mu_engine_member *members, uint32_t count,
                                     uint32_t region, int64_t now_ms,
                                     struct mu_candidate *candidate, uint32_t *ret_rule)
{
    assert(count <= MU_MATCH_PLAYERS_MAX);
    struct mu_entrant entrants[MU_MATCH_PLAYERS_MAX];
    struct mu_verdict verdict;
    enum mu_engine_fault fault =
        check_members(rules, members, count, region < config->regions_count);
    if (fault != MU_ENGINE_LEGAL) {
        return fault;
    }
    mu_candidate_begin(candidate, rules, config->regions_count, now_ms);
    for (uint32_t i = 0; i < count; i++) {
        entrants[i] = mu_engine_entrant(members[i].ticket);
        if (!put(candidate, &members[i], &entrants[i])) {
            return MU_ENGINE_TEAMS;
        }
    }
    mu_candidate_judge(candidate, &verdict);
    uint32_t rule = broken_rule(rules, verdict.broken, mu_candidate_age(candidate));
    fault = fault_of(&verdict, region, rule);
    if (fault == MU_ENGINE_RULE && ret_rule != NULL) {
        *ret_rule = rule;
    }
    assert(fault != MU_ENGINE_LEGAL || verdict.legal);
    return fault;
}
