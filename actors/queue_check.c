/* actors/queue_check.c - whether a proposed match may be made, and who sits where in it. */
#include "actors/queue_shard.h"

#include <assert.h>
#include <string.h>

enum {
    SEAT_BITS = 8,     /* of one player, in TICKET_REF.seats and roles */
    SEAT_MASK = 0xFF,  /* team or role, plus 1 */
    TEAM_NONE = 0xFFF, /* does not play */
};

/* The rules that a proposal says it keeps; or NULL. */
static const struct mu_rules *rules_of(const struct queue_shard *shard,
                                       const struct queue_proposed *proposed)
{
    const struct mu_rulebook *book = &shard->pools[proposed->pool].book;
    uint64_t shape = proposed->proposal->shape;
    return shape < book->shapes_count ? book->shapes[shape] : NULL;
}

/* Where a ticket's players are said to sit.  Returns false for seats that make no sense. */
static bool read_seats(const struct mu_msg_proposed *from, const struct mu_engine_ticket *ticket,
                       struct mu_engine_member *ret)
{
    uint32_t players = ticket->players;
    ret->team = (uint32_t)from->team;
    if (from->seats == 0) {
        return true;
    }
    if (ticket->backfill || players > MU_TICKET_PLAYERS_MAX) {
        return false; /* its match says where they sit */
    }
    ret->team = MU_TEAM_SPAN;
    for (uint32_t i = 0; i < players; i++) {
        uint32_t seat = (uint32_t)(from->seats >> (SEAT_BITS * i)) & SEAT_MASK;
        if (seat == 0) {
            return false;
        }
        ret->teams[i] = (uint8_t)(seat - 1);
    }
    return players == MU_TICKET_PLAYERS_MAX || from->seats >> (SEAT_BITS * players) == 0;
}

/* Reads what the rules ask of a ticket behind the facts of those before. */
static bool read_facts(struct queue_shard *shard, const struct mu_rules *rules, uint32_t slot,
                       size_t *used, struct mu_engine_ticket *view)
{
    const struct mu_roster *roster = shard->tickets[slot].roster;
    struct mu_facts *facts = (struct mu_facts *)(void *)(shard->facts + *used);
    if (mu_roster_facts(roster, rules, shard->config, NULL, facts, MU_QUEUE_FACTS_BYTES - *used) !=
        0) {
        return false;
    }
    *used += facts->bytes;
    view->facts = facts;
    return true;
}

/* Whether a match has numbers for its own teams and all that may be new to it; those that the rules
 * do not know keep theirs. */
static bool has_numbers(const struct mu_roster *roster, const struct mu_rules *rules)
{
    uint32_t teams = rules->teams_count;
    for (uint32_t i = 0; i < roster->teams_count; i++) {
        teams += mu_roster_team(roster, rules, i) == MU_RULES_NONE ? 1 : 0;
    }
    return teams <= MU_TEAMS_MAX;
}

bool mu_queue_proposal_legal(struct queue_shard *shard, struct queue_proposed *proposed)
{
    const struct mu_rules *rules = rules_of(shard, proposed);
    enum mu_engine_fault fault = rules == NULL ? MU_ENGINE_TEAMS : MU_ENGINE_LEGAL;
    uint32_t rule = MU_RULES_NONE;
    size_t used = 0;
    for (uint32_t i = 0; i < proposed->count && fault == MU_ENGINE_LEGAL; i++) {
        struct mu_engine_ticket *view = &shard->views[i];
        mu_queue_ticket_view(shard, proposed->slots[i], proposed->pool, view);
        proposed->members[i].ticket = view;
        if (!read_seats(&proposed->tickets[i], view, &proposed->members[i]) ||
            (view->backfill && !has_numbers(shard->tickets[proposed->slots[i]].roster, rules))) {
            fault = MU_ENGINE_TEAMS;
        } else if ((rules->needs != 0 || view->backfill) &&
                   !read_facts(shard, rules, proposed->slots[i], &used, view)) {
            fault = MU_ENGINE_TICKET;
        }
    }
    if (fault == MU_ENGINE_LEGAL) {
        fault = mu_engine_legal(rules, shard->config, proposed->members, proposed->count,
                                (uint32_t)proposed->proposal->region, shard->now_ms,
                                shard->candidate, &rule);
    }
    if (fault != MU_ENGINE_LEGAL) {
        mu_outbox_note(shard->out, "proposal against the rules: %s%s%s -> refused",
                       mu_engine_fault_text(fault), rule == MU_RULES_NONE ? "" : " ",
                       rule == MU_RULES_NONE ? "" : rules->rules[rule].name);
    }
    return fault == MU_ENGINE_LEGAL;
}

/* Seating. */

/* Teams and names of one match, as they are found out. */
struct seating {
    const struct mu_rules *rules;
    uint32_t teams_count;                 /* that play */
    uint32_t team[MU_TEAMS_MAX];          /* of the rules' team: in the match, or TEAM_NONE */
    uint32_t roles[MU_MATCH_PLAYERS_MAX]; /* of each player: of his team's quotas */
    uint32_t players_count;               /* seated */
    struct mu_msg_name *names;            /* scratch: teams, then roles */
    uint32_t roles_count;                 /* names of roles */
};

static uint32_t team_of(const struct mu_engine_member *member, uint32_t player)
{
    return member->team == MU_TEAM_SPAN ? member->teams[player] : member->team;
}

static void write_name(struct mu_msg_name *ret, const char *name)
{
    static_assert(sizeof ret->text == MU_RULES_NAME_MAX + 1, "a name of the rules is one of ours");
    memcpy(ret->text, name, sizeof ret->text);
}

static void number_team(struct seating *seating, uint32_t team)
{
    if (seating->team[team] == TEAM_NONE) {
        write_name(&seating->names[seating->teams_count], seating->rules->teams[team].name);
        seating->team[team] = seating->teams_count++;
    }
}

/* Keeps the numbers of the teams of a match that is played, and their names, or those that the
 * rules have for them. */
static void keep_teams(const struct mu_roster *roster, struct seating *seating)
{
    for (uint32_t i = 0; i < roster->teams_count; i++) {
        static const char nameless[MU_RULES_NAME_MAX + 1] = "";
        const char *name = mu_roster_team_name(roster, i);
        uint32_t team = mu_roster_team(roster, seating->rules, i);
        if (team != MU_RULES_NONE) {
            seating->team[team] = i;
            name = name != NULL ? name : seating->rules->teams[team].name;
        }
        write_name(&seating->names[i], name != NULL ? name : nameless);
    }
    seating->teams_count = roster->teams_count;
}

/* Numbers the teams that play: in the rules' order where teams have names, else that of the ticket
 * that has waited longest first. */
static void number_teams(const struct queue_shard *shard, const struct queue_proposed *proposed,
                         struct seating *seating)
{
    bool plays[MU_TEAMS_MAX] = { false };
    bool named = seating->rules->version != 0;
    for (uint32_t i = 0; i < MU_TEAMS_MAX; i++) {
        seating->team[i] = TEAM_NONE;
    }
    for (uint32_t i = 0; i < proposed->count; i++) {
        if (proposed->members[i].ticket->backfill) {
            keep_teams(shard->tickets[proposed->slots[i]].roster, seating);
        }
    }
    for (uint32_t i = 0; i < proposed->count; i++) {
        uint32_t players = proposed->members[i].ticket->backfill
                               ? 0 /* their teams are numbered */
                               : proposed->members[i].ticket->players;
        for (uint32_t k = 0; k < players; k++) {
            uint32_t team = team_of(&proposed->members[i], k);
            plays[team] = true;
            if (!named) {
                number_team(seating, team);
            }
        }
    }
    for (uint32_t i = 0; i < seating->rules->teams_count && named; i++) {
        if (plays[i]) {
            number_team(seating, i);
        }
    }
}

/* The number of a role's name in the match, a new one when it is the first of it. */
static uint32_t number_role(struct seating *seating, const struct mu_quota *quota)
{
    struct mu_msg_name *names = seating->names + seating->teams_count;
    for (uint32_t i = 0; i < seating->roles_count; i++) {
        if (strcmp(names[i].text, quota->name) == 0) {
            return i;
        }
    }
    write_name(&names[seating->roles_count], quota->name);
    return seating->roles_count++;
}

static void seat_ticket(struct seating *seating, const struct mu_engine_member *member,
                        struct queue_ticket *ticket)
{
    const struct mu_rules *rules = seating->rules;
    if (member->ticket->backfill) {
        seating->players_count += member->ticket->players; /* they sit, and have their roles */
        return;
    }
    bool spans = false;
    uint64_t seats = 0;
    ticket->team = (uint8_t)seating->team[team_of(member, 0)];
    ticket->roles = 0;
    for (uint32_t i = 0; i < member->ticket->players; i++) {
        uint32_t team = team_of(member, i);
        uint32_t role = seating->roles[seating->players_count++];
        seats |= (uint64_t)(seating->team[team] + 1) << (SEAT_BITS * i);
        spans = spans || seating->team[team] != ticket->team;
        if (role != MU_RULES_NONE) {
            uint64_t number = number_role(seating, &rules->teams[team].quotas[role]);
            ticket->roles |= (number + 1) << (SEAT_BITS * i);
        }
    }
    ticket->seats = spans ? seats : 0;
}

/* Keeps the names beside the commit; a mode without a document has none. */
static bool keep_names(struct queue_shard *shard, const struct seating *seating,
                       struct queue_commit *commit)
{
    uint32_t teams_count = seating->rules->for_all ? 0 : seating->teams_count;
    commit->names = NULL;
    if (seating->rules->version == 0 || teams_count + seating->roles_count == 0) {
        return true;
    }
    size_t count = teams_count + seating->roles_count;
    size_t bytes = sizeof(struct queue_names) + count * sizeof(struct mu_msg_name);
    commit->names = mu_blocks_take(shard->blocks, bytes);
    if (commit->names == NULL) {
        return false;
    }
    const struct mu_msg_name *from =
        teams_count == 0 ? seating->names + seating->teams_count : seating->names;
    commit->names->teams_count = teams_count;
    commit->names->roles_count = seating->roles_count;
    memcpy(commit->names->names, from, count * sizeof *from);
    return true;
}

bool mu_queue_seat(struct queue_shard *shard, const struct queue_proposed *proposed,
                   struct queue_commit *commit)
{
    struct seating seating = { .rules = rules_of(shard, proposed), .names = shard->names };
    assert(seating.rules != NULL);
    number_teams(shard, proposed, &seating);
    if (seating.rules->roles_attribute != MU_RULES_NONE) {
        mu_candidate_roles(shard->candidate, seating.roles);
    } else {
        for (uint32_t i = 0; i < MU_MATCH_PLAYERS_MAX; i++) {
            seating.roles[i] = MU_RULES_NONE;
        }
    }
    commit->regions = 0;
    commit->rules = seating.rules->version;
    if (seating.rules->version != 0) {
        struct mu_verdict verdict;
        mu_candidate_judge(shard->candidate, &verdict);
        commit->regions = verdict.regions;
    }
    for (uint32_t i = 0; i < proposed->count; i++) {
        seat_ticket(&seating, &proposed->members[i], &shard->tickets[proposed->slots[i]]);
    }
    return keep_names(shard, &seating, commit);
}

void mu_queue_names_give(struct queue_shard *shard, struct queue_commit *commit)
{
    if (commit->names != NULL) {
        size_t count = commit->names->teams_count + commit->names->roles_count;
        mu_blocks_give(shard->blocks, commit->names,
                       sizeof(struct queue_names) + count * sizeof(struct mu_msg_name));
        commit->names = NULL;
    }
}
