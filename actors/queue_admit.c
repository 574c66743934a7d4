/* actors/queue_admit.c - whether a ticket that is asked for can ever match. */
#include "actors/queue_shard.h"

#include <stdio.h>
#include <string.h>

#include "actors/admit.h"

enum { RATING_ANY = 1200 };

/* Whether some rule reads ratings: those of a ticket that is asked for are not known here. */
static bool reads_ratings(const struct mu_rules *rules)
{
    bool reads = false;
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        const struct mu_rule *rule = &rules->rules[i];
        for (uint32_t k = 0; k < rule->measures_count; k++) {
            reads = reads || rule->measures[k].property == MU_PROPERTY_RATING ||
                    rule->measures[k].property == MU_PROPERTY_DEVIATION;
        }
    }
    return reads;
}

/* The record that the store would make of it, as far as rules ask. */
static void make_record(const struct mu_msg_ticket_add *add, int64_t wall_ms,
                        struct mu_msg_ticket *ret)
{
    memset(ret, 0, sizeof *ret);
    memcpy(ret->id, "new", sizeof "new");
    memcpy(ret->mode, add->mode, sizeof ret->mode);
    ret->enqueued_ms = (uint64_t)wall_ms;
    ret->players_count = add->players_count;
    for (uint32_t i = 0; i < add->players_count; i++) {
        memcpy(ret->players[i].id, add->players[i].id, sizeof ret->players[i].id);
        ret->players[i].rating = RATING_ANY;
    }
    ret->latencies_count = add->latencies_count;
    memcpy(ret->latencies, add->latencies, sizeof ret->latencies);
    memcpy(ret->details, add->details, sizeof ret->details);
}

/* Reads its facts and asks the rules.  Writes why not into ret. */
static bool ask(struct queue_shard *shard, const struct mu_rulebook *book,
                const struct mu_roster *roster, struct mu_engine_ticket *ticket,
                char ret[MU_QUEUE_WHY_MAX + 1])
{
    const struct mu_rules *rules = book->shapes[0];
    struct mu_facts *facts = (struct mu_facts *)(void *)shard->facts;
    struct mu_facts_fault unreadable;
    struct mu_admit_fault fault;
    mu_roster_rate(roster, &rules->objective, ticket);
    if (rules->needs != 0) {
        if (mu_roster_facts(roster, rules, shard->config, &unreadable, facts,
                            MU_QUEUE_FACTS_BYTES) != 0) {
            (void)snprintf(ret, MU_QUEUE_WHY_MAX + 1, "Player %u: %s.", unreadable.player + 1,
                           unreadable.what);
            return false;
        }
        ticket->facts = facts;
    }
    if (reads_ratings(rules) || mu_admit(book, shard->config, ticket, shard->candidate, &fault)) {
        return true;
    }
    (void)snprintf(ret, MU_QUEUE_WHY_MAX + 1, "It can never match: %s.", fault.what);
    return false;
}

bool mu_queue_admits(struct queue_shard *shard, const struct mu_msg_ticket_add *add, uint32_t mode,
                     char ret[MU_QUEUE_WHY_MAX + 1])
{
    struct queue_ticket fresh;
    struct mu_msg_ticket *record = &shard->record.ticket;
    make_record(add, shard->wall_ms, record);
    struct mu_roster *roster = mu_roster_of_record(shard->blocks, record);
    if (roster == NULL) {
        (void)snprintf(ret, MU_QUEUE_WHY_MAX + 1, "A ticket has 1 to %d players.",
                       MU_TICKET_PLAYERS_MAX);
        return false;
    }
    mu_queue_ticket_read(shard, record, &fresh);
    bool can = ask(shard, &shard->pools[mode].book, roster, &fresh.base, ret);
    mu_roster_give(shard->blocks, roster);
    return can;
}
