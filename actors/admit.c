/* actors/admit.c - whether a ticket can ever match; see actors/admit.h.
 *
 * The ticket is put on each team of each shape, alone, at each age at which the rules change.  What
 * stands against it every time is what keeps it out. */
#include "actors/admit.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define DAY_MS 86400000 /* no ticket waits longer, see maxWaitSeconds */

/* What stands against the ticket, every time or once. */
struct against {
    bool room;
    bool roles;
    bool region;
    uint64_t rules; /* bit i */
};

struct check {
    const struct mu_rulebook *book;
    const struct mu_config *config;
    const struct mu_engine_ticket *ticket;
    struct mu_entrant entrant;
    struct mu_candidate *candidate;
    uint32_t tries_left;
    int64_t skipped_ms;    /* ages above it were not all looked at; MU_NEVER: all were */
    struct against always; /* each time that the whole ticket was put on a team */
    struct mu_admit_fault *fault;
};

/* Writes why, and says so. */
__attribute__((format(printf, 2, 3))) static bool refuse(struct mu_admit_fault *fault,
                                                         const char *format, ...)
{
    va_list list;
    if (fault != NULL) {
        va_start(list, format);
        (void)vsnprintf(fault->what, sizeof fault->what, format, list); /* may be cut off */
        va_end(list);
    }
    return false;
}

/* Sizes. */

/* The most players that a team has at any age. */
static uint32_t team_largest(const struct mu_rules *rules, uint32_t team)
{
    const struct mu_limit *limit = &rules->teams[team].players_max;
    uint32_t most = mu_team_max(rules, team, 0);
    for (uint32_t i = 0; i <= limit->steps_count; i++) {
        int64_t age_ms = i < limit->steps_count ? limit->steps[i].at_ms : DAY_MS;
        uint32_t players = mu_team_max(rules, team, age_ms);
        most = players > most ? players : most;
    }
    return most;
}

/* The largest party that a shape takes. */
static uint32_t party_largest(const struct mu_rules *rules)
{
    bool spans = rules->parties != MU_PARTY_ONE_TEAM;
    uint32_t most = 0;
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        uint32_t players = team_largest(rules, i);
        most = spans ? most + players : players > most ? players : most;
    }
    return most < rules->party_max ? most : rules->party_max;
}

static bool check_size(const struct check *check)
{
    const struct mu_engine_ticket *ticket = check->ticket;
    uint32_t most = 0;
    if (ticket->backfill) {
        most = MU_MATCH_PLAYERS_MAX;
    }
    for (uint32_t i = 0; i < check->book->shapes_count && !ticket->backfill; i++) {
        uint32_t players = party_largest(check->book->shapes[i]);
        most = players > most ? players : most;
    }
    if (ticket->players < 1) {
        return refuse(check->fault, "the ticket has no players");
    }
    return ticket->players <= most ||
           refuse(check->fault,
                  "a party of %" PRIu32 " is too large: this queue takes %" PRIu32 " at most",
                  ticket->players, most);
}

/* The facts that the rules need are those of this ticket. */
static bool check_facts(const struct check *check)
{
    const struct mu_facts *facts = check->ticket->facts;
    bool needed = check->book->shapes[0]->needs != 0 || check->ticket->backfill;
    if (needed && facts == NULL) {
        return refuse(check->fault, "the ticket has no details, which the rules need");
    }
    return facts == NULL || facts->players_count == check->ticket->players ||
           refuse(check->fault, "details are of %" PRIu32 " players, the ticket has %" PRIu32,
                  facts->players_count, check->ticket->players);
}

/* Regions. */

static bool check_regions(const struct check *check)
{
    const uint16_t *reach_ms = check->ticket->reach_ms;
    uint32_t bound_ms = check->book->shapes[0]->latency_max_ms;
    uint32_t nearest = MU_REGIONS_MAX;
    for (uint32_t i = 0; i < check->config->regions_count; i++) {
        bool nearer = nearest == MU_REGIONS_MAX || reach_ms[i] < reach_ms[nearest];
        nearest = reach_ms[i] != MU_REACH_NONE && nearer ? i : nearest;
    }
    if (nearest == MU_REGIONS_MAX) {
        return refuse(check->fault, "no region has a latency of all of its players");
    }
    return bound_ms == 0 || reach_ms[nearest] <= bound_ms ||
           refuse(check->fault,
                  "no region is within %" PRIu32 " ms: the nearest, %s, is %" PRIu16 " ms away",
                  bound_ms, check->config->regions[nearest].name, reach_ms[nearest]);
}

/* Backfills. */

/* Whether all of its players are on teams of a shape, and one of those has a free place. */
static bool has_place(const struct mu_rules *rules, const struct mu_engine_ticket *ticket,
                      uint32_t *ret_player)
{
    uint32_t players[MU_TEAMS_MAX] = { 0 };
    for (uint32_t i = 0; i < ticket->players; i++) {
        uint32_t team = mu_facts_team(ticket->facts, i);
        *ret_player = i;
        if (team == MU_RULES_NONE || team >= rules->teams_count) {
            return false;
        }
        players[team]++;
    }
    *ret_player = MU_RULES_NONE;
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        if (players[i] < team_largest(rules, i)) {
            return ticket->players < MU_MATCH_PLAYERS_MAX;
        }
    }
    return false;
}

static bool check_backfill(const struct check *check)
{
    uint32_t lost = MU_RULES_NONE; /* a player without a team */
    for (uint32_t i = 0; i < check->book->shapes_count; i++) {
        uint32_t player = MU_RULES_NONE;
        if (has_place(check->book->shapes[i], check->ticket, &player)) {
            return true;
        }
        lost = player == MU_RULES_NONE ? lost : player;
    }
    if (lost != MU_RULES_NONE) {
        return refuse(check->fault,
                      "player %" PRIu32 " of the backfill is on no team of this queue", lost + 1);
    }
    return refuse(check->fault, "all teams of the backfill are full");
}

/* Rules. */

/* Whether a team is no different from one before it when all are empty. */
static bool is_again(const struct mu_rules *rules, uint32_t team)
{
    return rules->teams[team].like != team;
}

static void note(struct against *ret, const struct mu_standing *standing)
{
    ret->room = ret->room && !standing->room;
    ret->roles = ret->roles && !standing->roles;
    ret->region = ret->region && standing->regions == 0;
    ret->rules &= standing->broken;
}

/* Whether the whole ticket can stand on that team, alone. */
static bool stands_on(struct check *check, const struct mu_rules *rules, uint32_t team,
                      int64_t age_ms, struct mu_standing *ret)
{
    struct mu_candidate *candidate = check->candidate;
    mu_candidate_begin(candidate, rules, check->config->regions_count,
                       check->entrant.since_ms + age_ms);
    *ret = (struct mu_standing){ .room = false, .roles = true, .regions = 1 };
    return mu_candidate_put(candidate, &check->entrant, MU_RULES_NONE, team) &&
           mu_candidate_stands(candidate, ret);
}

/* The first team from `from` on that a player may try: of those that are alike and empty, one is
 * enough. */
static uint32_t next_team(const struct check *check, const struct mu_rules *rules, uint32_t from)
{
    for (uint32_t team = from; team < rules->teams_count; team++) {
        uint32_t same = 0;
        while (same < team && (rules->teams[same].like != rules->teams[team].like ||
                               mu_candidate_team_players(check->candidate, same) > 0)) {
            same++;
        }
        if (same == team || mu_candidate_team_players(check->candidate, team) > 0) {
            return team;
        }
    }
    return rules->teams_count;
}

/* Whether the players, all placed, may stay so: a policy may want that they are a whole match. */
static bool is_placed(const struct check *check, const struct mu_rules *rules)
{
    struct mu_verdict verdict;
    if (rules->parties == MU_PARTY_MAY_SPAN) {
        return true;
    }
    mu_candidate_judge(check->candidate, &verdict);
    return verdict.legal;
}

/* Whether the ticket's players can stand on several teams, each for himself: tries all ways. */
static bool spreads(struct check *check, const struct mu_rules *rules, int64_t age_ms)
{
    uint32_t from[MU_TICKET_PLAYERS_MAX + 1] = {
        0
    }; /* of each player: the team to be tried next */
    uint32_t placed = 0;
    mu_candidate_begin(check->candidate, rules, check->config->regions_count,
                       check->entrant.since_ms + age_ms);
    while (check->tries_left > 0) {
        uint32_t team = next_team(check, rules, from[placed]);
        if (team < rules->teams_count) {
            check->tries_left--;
            from[placed] = team + 1;
            if (!mu_candidate_add(check->candidate, &check->entrant, placed, team)) {
                continue;
            }
            from[++placed] = 0;
            if (placed < check->entrant.players) {
                continue;
            }
            if (is_placed(check, rules)) {
                return true;
            }
        } else if (placed == 0) {
            return false;
        }
        placed--;
        mu_candidate_remove(check->candidate, placed);
    }
    return true; /* in doubt */
}

/* Whether the ticket can stand in a shape at that age. */
static bool stands_at(struct check *check, const struct mu_rules *rules, int64_t age_ms)
{
    struct mu_standing standing;
    uint32_t teams_count = check->entrant.backfill ? 1 : rules->teams_count;
    for (uint32_t team = 0; team < teams_count; team++) {
        if (is_again(rules, team)) {
            continue;
        }
        if (check->tries_left == 0 || stands_on(check, rules, team, age_ms, &standing)) {
            return true;
        }
        check->tries_left--;
        note(&check->always, &standing);
    }
    return !check->entrant.backfill && check->entrant.players > 1 &&
           rules->parties != MU_PARTY_ONE_TEAM && spreads(check, rules, age_ms);
}

/* Whether the ticket can stand in a shape at any age. */
static bool stands_in(struct check *check, const struct mu_rules *rules)
{
    int64_t age_ms = 0;
    for (uint32_t i = 0; i < MU_ADMIT_AGES_MAX && age_ms <= DAY_MS; i++) {
        if (stands_at(check, rules, age_ms)) {
            return true;
        }
        int64_t next_ms = mu_rules_next(rules, age_ms);
        if (i + 1 == MU_ADMIT_AGES_MAX && next_ms <= DAY_MS) {
            check->skipped_ms = age_ms < check->skipped_ms ? age_ms : check->skipped_ms;
            return stands_at(check, rules, DAY_MS);
        }
        age_ms = next_ms;
    }
    return false;
}

/* Whether a limit has no steps above an age, so that it moves one way, if at all. */
static bool is_steady(const struct mu_limit *limit, int64_t age_ms)
{
    return limit->steps_count == 0 || limit->steps[limit->steps_count - 1].at_ms <= age_ms;
}

/* Whether a rule that is broken at an age and in the end is broken in between. */
static bool stays_broken(const struct mu_rule *rule, int64_t age_ms)
{
    const struct mu_limit *limits[] = { &rule->min, &rule->max, &rule->distance };
    uint32_t moving = 0;
    for (uint32_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (!is_steady(limits[i], age_ms)) {
            return false;
        }
        moving += mu_limit_next(limits[i], age_ms) != MU_NEVER ? 1 : 0;
    }
    return rule->type != MU_RULE_COMPOUND && moving <= 1 &&
           mu_limit_next(&rule->reference_number, age_ms) == MU_NEVER;
}

/* The first player who has told no latency at all, or MU_RULES_NONE. */
static uint32_t find_silent(const struct check *check)
{
    for (uint32_t i = 0; i < check->ticket->players; i++) {
        bool silent = true;
        for (uint32_t k = 0; k < check->config->regions_count; k++) {
            silent = silent && mu_facts_latency(check->ticket->facts, i, k) == MU_LATENCY_NONE;
        }
        if (silent) {
            return i;
        }
    }
    return MU_RULES_NONE;
}

/* Says that a latency rule leaves no region. */
static bool refuse_latency(const struct check *check, const struct mu_rule *rule)
{
    uint32_t silent = find_silent(check);
    if (silent != MU_RULES_NONE) {
        return refuse(check->fault,
                      "rule \"%s\" asks for latencies, and player %" PRIu32 " brings none",
                      rule->name, silent + 1);
    }
    return refuse(check->fault,
                  "rule \"%s\": no region is near enough for %s, however long the ticket waits",
                  rule->name, check->ticket->players > 1 ? "the party" : "the player");
}

/* Says which rule it is. */
static bool refuse_rule(const struct check *check, const struct mu_rules *rules, uint32_t index)
{
    const struct mu_rule *rule = &rules->rules[index];
    const struct mu_expression *measure = &rule->measures[0];
    char about[MU_RULES_NAME_MAX + 16] = "";
    if (rule->type == MU_RULE_LATENCY) {
        return refuse_latency(check, rule);
    }
    if (rule->measures_count > 0 && measure->kind == MU_EXPRESSION_PLAYERS &&
        measure->property == MU_PROPERTY_ATTRIBUTE) {
        (void)snprintf(about, sizeof about, " (attribute %s)",
                       rules->attributes[measure->attribute].name);
    }
    return refuse(check->fault,
                  "rule \"%s\"%s: %s breaks it alone, on every team and however long it waits",
                  rule->name, about, check->ticket->players > 1 ? "the party" : "the player");
}

/* Says for each team what keeps the ticket off it, in the end. */
static bool refuse_teams(struct check *check, const struct mu_rules *rules)
{
    char teams[sizeof check->fault->what] = "";
    size_t used = 0;
    uint32_t teams_count = check->entrant.backfill ? 0 : rules->teams_count;
    for (uint32_t i = 0; i < teams_count && used < sizeof teams; i++) {
        struct mu_standing standing;
        if (is_again(rules, i) || stands_on(check, rules, i, DAY_MS, &standing)) {
            continue;
        }
        const char *what = !standing.room ? "size" : !standing.roles ? "roles" : "regions";
        char rule[MU_RULES_NAME_MAX + 8];
        if (standing.broken != 0) {
            (void)snprintf(rule, sizeof rule, "rule \"%s\"",
                           rules->rules[__builtin_ctzll(standing.broken)].name);
            what = rule;
        }
        int size = snprintf(teams + used, sizeof teams - used, "%s %s (%s)", used > 0 ? "," : ":",
                            rules->teams[i].name, what);
        used += size > 0 ? (size_t)size : 0;
    }
    return refuse(check->fault, "no team takes it, however long it waits%s", teams);
}

/* Says what keeps the ticket out of every shape. */
static bool refuse_standing(struct check *check)
{
    const struct mu_rules *rules = check->book->shapes[0];
    uint64_t broken = check->always.rules;
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        if ((broken >> i & 1) != 0 && check->skipped_ms != MU_NEVER &&
            !stays_broken(&rules->rules[i], check->skipped_ms)) {
            broken &= ~(UINT64_C(1) << i);
        }
    }
    bool spans = rules->parties != MU_PARTY_ONE_TEAM && check->entrant.players > 1;
    if (check->skipped_ms != MU_NEVER && (broken == 0 || spans)) {
        return true; /* in doubt */
    }
    if (broken != 0) {
        return refuse_rule(check, rules, (uint32_t)__builtin_ctzll(broken));
    }
    if (check->always.room && !check->entrant.backfill) {
        return refuse(check->fault, "a party of %" PRIu32 " is too large for every team",
                      check->ticket->players);
    }
    if (check->always.roles) {
        return refuse(check->fault, "its players cannot have roles that go together on any team");
    }
    if (check->always.region) {
        return refuse(check->fault, "the rules leave no region that all of its players reach");
    }
    return refuse_teams(check, rules);
}

/* Whether anything of the rules can be broken by a ticket alone. */
static bool can_break(const struct mu_rules *rules)
{
    bool can = false;
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        can = can || (rules->rules[i].lasting && mu_rule_stands(rules, i, 0));
    }
    return can || rules->roles_attribute != MU_RULES_NONE || rules->parties != MU_PARTY_ONE_TEAM;
}

bool mu_admit(const struct mu_rulebook *book, const struct mu_config *config,
              const struct mu_engine_ticket *ticket, struct mu_candidate *scratch,
              struct mu_admit_fault *fault)
{
    assert(book->shapes_count >= 1 && book->shapes_count <= MU_RULES_SHAPES_MAX);
    struct check check = {
        .book = book,
        .config = config,
        .ticket = ticket,
        .entrant = mu_engine_entrant(ticket),
        .candidate = scratch,
        .tries_left = MU_ADMIT_TRIES_MAX,
        .skipped_ms = MU_NEVER,
        .always = { .room = true, .roles = true, .region = true, .rules = UINT64_MAX },
        .fault = fault,
    };
    if (!check_size(&check) || !check_facts(&check) || !check_regions(&check) ||
        (ticket->backfill && !check_backfill(&check))) {
        return false;
    }
    if (!can_break(book->shapes[0]) && !ticket->backfill) {
        return true;
    }
    for (uint32_t i = 0; i < book->shapes_count; i++) {
        if (stands_in(&check, book->shapes[i])) {
            return true;
        }
    }
    return refuse_standing(&check);
}
