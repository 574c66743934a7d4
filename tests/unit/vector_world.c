/* tests/unit/vector_world.c - rules and tickets of vectors; see vector_world.h. */
#include "tests/unit/vector_world.h"

#include <string.h>

#include "actors/rules_compile.h"
#include "tests/unit/unit.h"

void vector_book(const struct vector_case *vector, const struct mu_config *config,
                 struct mu_rulebook *ret)
{
    struct mu_rules_fault faults[8];
    struct mu_rulebook mode;
    assert_int_equal(mu_rules_from_mode(config, 0, &mode), 0);
    int count =
        mu_rules_compile(vector->rules, strlen(vector->rules), mode.shapes[0], 1, faults, 8, ret);
    if (count != 0) {
        fail_msg("line %u: case %s: %s %s", (unsigned)vector->line, vector->words,
                 count > 0 ? faults[0].pointer : "", count > 0 ? faults[0].what : "");
    }
    mu_rulebook_release(&mode);
}

/* The details of all players of a ticket. */
static void spell_details(const struct vector_ticket *ticket, char *ret, size_t ret_bytes)
{
    if (ticket->details[0] == '[' || ticket->details[0] == '\0') {
        (void)snprintf(ret, ret_bytes, "%s", ticket->details);
        return;
    }
    size_t used = 0;
    for (uint32_t i = 0; i < ticket->players; i++) {
        used += (size_t)snprintf(ret + used, ret_bytes - used, "%s%s", i == 0 ? "[" : ",",
                                 ticket->details);
        assert_true(used < ret_bytes);
    }
    (void)snprintf(ret + used, ret_bytes - used, "]");
}

/* Reads the facts of a ticket.  Returns whether they can be read. */
static bool read_facts(const struct vector_ticket *vector, const char *id,
                       const struct mu_config *config, const struct mu_rules *rules,
                       struct mu_facts **ret)
{
    static char details[65536];
    static char ids[MU_MATCH_PLAYERS_MAX][MU_ID_MAX + 8];
    static uint64_t block[MU_FACTS_BYTES_MAX / 8];
    struct mu_facts_player players[MU_MATCH_PLAYERS_MAX];
    struct mu_facts_fault fault = { 0 };
    struct mu_facts *facts = (struct mu_facts *)(void *)block;
    spell_details(vector, details, sizeof details);
    for (uint32_t i = 0; i < vector->players; i++) {
        (void)snprintf(ids[i], sizeof ids[i], vector->players == 1 ? "%s" : "%s.%u", id,
                       (unsigned)i + 1);
        players[i] = (struct mu_facts_player){ .id = ids[i], .rating = vector->rating };
    }
    int r = mu_facts_read(rules, config, players, vector->players, details, strlen(details), &fault,
                          facts, sizeof block);
    if (r != 0) {
        if (!vector->refused) {
            fail_msg("ticket %s: %d %s", id, r, fault.what);
        }
        return false;
    }
    *ret = malloc(facts->bytes);
    assert_non_null(*ret);
    memcpy(*ret, facts, facts->bytes);
    return true;
}

/* The worst round trip of its players; 20 ms everywhere when nobody says any. */
static void read_reach(const struct mu_config *config, struct mu_engine_ticket *ticket)
{
    bool said = false;
    for (uint32_t k = 0; k < config->regions_count; k++) {
        for (uint32_t i = 0; i < ticket->players; i++) {
            uint16_t ms = mu_facts_latency(ticket->facts, i, k);
            ticket->reach_ms[k] = ms > ticket->reach_ms[k] ? ms : ticket->reach_ms[k];
            said = said || ms != MU_LATENCY_NONE;
        }
    }
    for (uint32_t k = 0; k < config->regions_count && !said; k++) {
        ticket->reach_ms[k] = 20;
    }
}

bool vector_ticket_make(const struct vector_ticket *vector, uint32_t number,
                        const struct mu_config *config, const struct mu_rulebook *book,
                        struct mu_engine_ticket *ret, struct mu_facts **ret_facts)
{
    int32_t ratings[MU_MATCH_PLAYERS_MAX];
    static const int32_t deviations[MU_MATCH_PLAYERS_MAX];
    *ret = (struct mu_engine_ticket){
        .version = 1,
        .since_ms = vector->at_ms,
        .players = vector->players,
        .backfill = vector->backfill,
    };
    (void)snprintf(ret->id, sizeof ret->id, number == 0 ? "%s" : "%s%u", vector->name,
                   (unsigned)number);
    if (!read_facts(vector, ret->id, config, book->shapes[0], ret_facts)) {
        return false;
    }
    ret->facts = *ret_facts;
    read_reach(config, ret);
    for (uint32_t i = 0; i < vector->players; i++) {
        ratings[i] = vector->rating;
    }
    mu_engine_ticket_rate(ret, &book->shapes[0]->objective, ratings, deviations, vector->players);
    return true;
}
