/* tests/unit/compose_world.h - what the composer's tests share: a rule set from a document, and
 * entrants from the JSON that tickets bring. */
#ifndef MU_TESTS_UNIT_COMPOSE_WORLD_H
#define MU_TESTS_UNIT_COMPOSE_WORLD_H

#include <string.h>

#include "actors/compose.h"
#include "actors/rules_compile.h"
#include "tests/unit/unit.h"

enum { WORLD_ENTRANTS_MAX = MU_COMPOSE_ENTRANTS_MAX, WORLD_NAME_MAX = 15 };

struct world_entrant {
    char name[WORLD_NAME_MAX + 1];
    struct mu_entrant entrant;
    uint16_t reach_ms[MU_REGIONS_MAX];
    float nearness[MU_REGIONS_MAX];
    struct mu_facts *facts; /* the entrant's */
};

struct compose_world {
    struct mu_config config;
    struct mu_rulebook book;
    struct mu_composer *composer;
    struct mu_candidate *candidate;
    uint32_t count;
    struct world_entrant tickets[WORLD_ENTRANTS_MAX];
    const struct mu_entrant *pointers[WORLD_ENTRANTS_MAX];
    struct mu_compose_result result;
};

static struct compose_world world;

static inline void world_rules(const char *document)
{
    struct mu_rules_fault faults[4];
    struct mu_rulebook mode;
    mu_rulebook_release(&world.book);
    assert_int_equal(mu_rules_from_mode(&world.config, 0, &mode), 0);
    int count =
        mu_rules_compile(document, strlen(document), mode.shapes[0], 1, faults, 4, &world.book);
    if (count != 0) {
        fail_msg("%s %s", count > 0 ? faults[0].pointer : "", count > 0 ? faults[0].what : "");
    }
    mu_rulebook_release(&mode);
}

static inline void world_clear(void)
{
    for (uint32_t i = 0; i < world.count; i++) {
        free(world.tickets[i].facts);
    }
    world.count = 0;
}

static inline int world_setup(void **state)
{
    (void)state;
    mu_config_default(&world.config);
    world.composer = mu_composer_create();
    world.candidate = mu_candidate_create();
    return world.composer == NULL || world.candidate == NULL ? -1 : 0;
}

static inline int world_teardown(void **state)
{
    (void)state;
    world_clear();
    mu_rulebook_release(&world.book);
    mu_composer_destroy(world.composer);
    mu_candidate_destroy(world.candidate);
    return 0;
}

/* The block of facts, copied. */
static inline struct mu_facts *world_facts(const char *name, uint32_t players, int32_t rating,
                                           const char *details)
{
    static uint64_t block[MU_FACTS_BYTES_MAX / 8];
    struct mu_facts *facts = (struct mu_facts *)(void *)block;
    struct mu_facts_player list[MU_MATCH_PLAYERS_MAX];
    struct mu_facts_fault fault = { 0 };
    char ids[MU_MATCH_PLAYERS_MAX][WORLD_NAME_MAX + 8];
    for (uint32_t i = 0; i < players; i++) {
        (void)snprintf(ids[i], sizeof ids[i], players == 1 ? "%s" : "%s.%u", name, i + 1);
        list[i] = (struct mu_facts_player){ .id = ids[i], .rating = rating };
    }
    int r = mu_facts_read(world.book.shapes[0], &world.config, list, players, details,
                          strlen(details), &fault, facts, sizeof block);
    if (r != 0) {
        fail_msg("%s: %d %s in %s", name, r, fault.what, details);
    }
    struct mu_facts *copy = malloc(facts->bytes);
    assert_non_null(copy);
    memcpy(copy, facts, facts->bytes);
    return copy;
}

/* Adds an entrant, called by the number of those before.  details: "" or an array of an object for
 * each player.  Who says no latency plays everywhere at 20 ms. */
static inline struct world_entrant *world_add(uint32_t players, int32_t rating, int64_t since_ms,
                                              const char *details)
{
    assert_true(world.count < WORLD_ENTRANTS_MAX);
    struct world_entrant *ticket = &world.tickets[world.count];
    memset(ticket, 0, sizeof *ticket);
    (void)snprintf(ticket->name, sizeof ticket->name, "p%u", world.count);
    struct mu_facts *facts = world_facts(ticket->name, players, rating, details);
    ticket->facts = facts;
    bool said = false;
    for (uint32_t k = 0; k < world.config.regions_count; k++) {
        for (uint32_t i = 0; i < players; i++) {
            uint16_t ms = mu_facts_latency(facts, i, k);
            ticket->reach_ms[k] = ms > ticket->reach_ms[k] ? ms : ticket->reach_ms[k];
            said = said || ms != MU_LATENCY_NONE;
        }
    }
    for (uint32_t k = 0; k < world.config.regions_count; k++) {
        ticket->reach_ms[k] = said ? ticket->reach_ms[k] : 20;
        float worth = (260.0F - (float)ticket->reach_ms[k]) / 220.0F;
        ticket->nearness[k] = worth < 0 ? 0 : worth > 1 ? 1 : worth;
    }
    ticket->entrant = (struct mu_entrant){
        .since_ms = since_ms,
        .players = players,
        .rating = rating,
        .sum = (double)rating * players,
        .squares = (double)rating * rating * players,
        .reach_ms = ticket->reach_ms,
        .nearness = ticket->nearness,
        .facts = facts,
    };
    world.pointers[world.count++] = &ticket->entrant;
    return ticket;
}

/* Looks for the match of the first entrant, with the others in order. */
static inline bool world_compose(int64_t now_ms, const double *reservations)
{
    struct mu_compose_request request = {
        .rules = world.book.shapes[0],
        .regions_count = world.config.regions_count,
        .now_ms = now_ms,
        .entrants = world.pointers,
        .reservations = reservations,
        .count = world.count,
    };
    return mu_compose(world.composer, &request, world.candidate, &world.result);
}

#endif /* MU_TESTS_UNIT_COMPOSE_WORLD_H */
