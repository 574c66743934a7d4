/* actors/facts_layout.h - inside of a block of facts: what is where.  For facts*.c, and for
 * candidate*.c, which read many of them.
 *
 *   struct mu_facts
 *   uint64_t ids[players]             symbols
 *   double ratings[players]
 *   double deviations[players]
 *   union mu_facts_slot slots[players][attributes]
 *   struct mu_facts_list parties[attributes][2]   STRINGS and MAP: all have, any has
 *   uint16_t latencies[players][regions]
 *   uint8_t teams[players]
 *   uint8_t types[attributes]         enum mu_attribute_type
 *   lists, each on 8 bytes
 *
 * A player's list is [count] symbols in their order, [count] symbols ascending (the same, of a
 * MAP), and of a MAP [count] numbers beside them.  A party's list is ascending only. */
#ifndef MU_ACTORS_FACTS_LAYOUT_H
#define MU_ACTORS_FACTS_LAYOUT_H

#include <assert.h>

#include "actors/facts.h"

#define MU_FACTS_TEAM_NONE UINT8_MAX
static_assert(MU_TEAMS_MAX < MU_FACTS_TEAM_NONE, "a team fits into a byte");

struct mu_facts_list {
    uint32_t offset; /* bytes from the beginning of the block */
    uint32_t count;
};

union mu_facts_slot {
    double number;             /* NUMBER */
    uint64_t symbol;           /* STRING */
    struct mu_facts_list list; /* STRINGS, MAP */
};
static_assert(sizeof(union mu_facts_slot) == 8, "an array of them has no holes");
static_assert(sizeof(struct mu_facts) % 8 == 0, "what follows is on 8 bytes");

/* Where the arrays begin, bytes. */
static inline size_t mu_facts_at_ratings(const struct mu_facts *facts)
{
    return sizeof *facts + 8 * (size_t)facts->players_count;
}

static inline size_t mu_facts_at_slots(const struct mu_facts *facts)
{
    return sizeof *facts + 24 * (size_t)facts->players_count;
}

static inline size_t mu_facts_at_parties(const struct mu_facts *facts)
{
    return mu_facts_at_slots(facts) + 8 * (size_t)facts->players_count * facts->attributes_count;
}

static inline size_t mu_facts_at_latencies(const struct mu_facts *facts)
{
    return mu_facts_at_parties(facts) + 16 * (size_t)facts->attributes_count;
}

static inline size_t mu_facts_at_teams(const struct mu_facts *facts)
{
    return mu_facts_at_latencies(facts) + 2 * (size_t)facts->players_count * facts->regions_count;
}

static inline size_t mu_facts_at_types(const struct mu_facts *facts)
{
    return mu_facts_at_teams(facts) + facts->players_count;
}

static inline size_t mu_facts_at_lists(const struct mu_facts *facts)
{
    return (mu_facts_at_types(facts) + facts->attributes_count + 7) / 8 * 8;
}

static inline const void *mu_facts_at(const struct mu_facts *facts, size_t offset)
{
    return (const char *)facts + offset;
}

/* [players] each. */
static inline const uint64_t *mu_facts_ids(const struct mu_facts *facts)
{
    return mu_facts_at(facts, sizeof *facts);
}

static inline const double *mu_facts_ratings(const struct mu_facts *facts)
{
    return mu_facts_at(facts, mu_facts_at_ratings(facts));
}

static inline const double *mu_facts_deviations(const struct mu_facts *facts)
{
    return mu_facts_ratings(facts) + facts->players_count;
}

static inline const union mu_facts_slot *mu_facts_slot(const struct mu_facts *facts,
                                                       uint32_t player, uint32_t attribute)
{
    const union mu_facts_slot *slots = mu_facts_at(facts, mu_facts_at_slots(facts));
    return &slots[(size_t)player * facts->attributes_count + attribute];
}

/* [regions] of a player, ms or MU_LATENCY_NONE. */
static inline const uint16_t *mu_facts_latencies(const struct mu_facts *facts, uint32_t player)
{
    const uint16_t *latencies = mu_facts_at(facts, mu_facts_at_latencies(facts));
    return &latencies[(size_t)player * facts->regions_count];
}

static inline enum mu_attribute_type mu_facts_type(const struct mu_facts *facts, uint32_t attribute)
{
    const uint8_t *types = mu_facts_at(facts, mu_facts_at_types(facts));
    return (enum mu_attribute_type)types[attribute];
}

/* The symbols of a player's STRINGS or MAP, ascending. */
static inline const uint64_t *mu_facts_set(const struct mu_facts *facts, uint32_t player,
                                           uint32_t attribute, uint32_t *ret_count)
{
    struct mu_facts_list list = mu_facts_slot(facts, player, attribute)->list;
    *ret_count = list.count;
    return (const uint64_t *)mu_facts_at(facts, list.offset) + list.count;
}

/* The symbols that all (or any) of a party's players have, ascending. */
static inline const uint64_t *mu_facts_party_set(const struct mu_facts *facts, uint32_t attribute,
                                                 bool all, uint32_t *ret_count)
{
    const struct mu_facts_list *parties = mu_facts_at(facts, mu_facts_at_parties(facts));
    struct mu_facts_list list = parties[2 * (size_t)attribute + (all ? 0 : 1)];
    *ret_count = list.count;
    return mu_facts_at(facts, list.offset);
}

#endif /* MU_ACTORS_FACTS_LAYOUT_H */
