/* actors/facts.c - symbols, and what a block of facts says; see actors/facts.h. */
#include "actors/facts.h"

#include <assert.h>
#include <sodium.h>

#include "actors/facts_layout.h"

static_assert(crypto_shorthash_BYTES == 8, "a symbol is a short hash");

uint64_t mu_symbol(const char *text, size_t size)
{
    /* Never another key: symbols travel between processes, and rule sets hold them. */
    static const unsigned char key[crypto_shorthash_KEYBYTES] = "muster symbols.";
    unsigned char hash[crypto_shorthash_BYTES];
    crypto_shorthash(hash, (const unsigned char *)text, size, key);
    uint64_t symbol = 0;
    for (uint32_t i = 0; i < sizeof hash; i++) {
        symbol |= (uint64_t)hash[i] << (8 * i);
    }
    return symbol != 0 ? symbol : 1;
}

uint64_t mu_facts_id(const struct mu_facts *facts, uint32_t player)
{
    assert(player < facts->players_count);
    return mu_facts_ids(facts)[player];
}

double mu_facts_rating(const struct mu_facts *facts, uint32_t player)
{
    assert(player < facts->players_count);
    return mu_facts_ratings(facts)[player];
}

double mu_facts_deviation(const struct mu_facts *facts, uint32_t player)
{
    assert(player < facts->players_count);
    return mu_facts_deviations(facts)[player];
}

uint16_t mu_facts_latency(const struct mu_facts *facts, uint32_t player, uint32_t region)
{
    assert(player < facts->players_count && region < facts->regions_count);
    return mu_facts_latencies(facts, player)[region];
}

uint32_t mu_facts_team(const struct mu_facts *facts, uint32_t player)
{
    assert(player < facts->players_count);
    const uint8_t *teams = mu_facts_at(facts, mu_facts_at_teams(facts));
    return teams[player] == MU_FACTS_TEAM_NONE ? MU_RULES_NONE : teams[player];
}

void mu_facts_seat(struct mu_facts *facts, uint32_t player, uint32_t team)
{
    assert(player < facts->players_count && team < MU_TEAMS_MAX);
    void *bytes = facts;
    ((uint8_t *)bytes)[mu_facts_at_teams(facts) + player] = (uint8_t)team;
}

double mu_facts_number(const struct mu_facts *facts, uint32_t player, uint32_t attribute)
{
    assert(player < facts->players_count && attribute < facts->attributes_count);
    assert(mu_facts_type(facts, attribute) == MU_ATTRIBUTE_NUMBER);
    return mu_facts_slot(facts, player, attribute)->number;
}

const uint64_t *mu_facts_symbols(const struct mu_facts *facts, uint32_t player, uint32_t attribute,
                                 uint32_t *ret_count, const double **numbers)
{
    assert(player < facts->players_count && attribute < facts->attributes_count);
    enum mu_attribute_type type = mu_facts_type(facts, attribute);
    assert(type != MU_ATTRIBUTE_NUMBER);
    const union mu_facts_slot *slot = mu_facts_slot(facts, player, attribute);
    if (numbers != NULL) {
        *numbers = NULL;
    }
    if (type == MU_ATTRIBUTE_STRING) {
        *ret_count = 1;
        return &slot->symbol;
    }
    const uint64_t *symbols = mu_facts_at(facts, slot->list.offset);
    if (numbers != NULL && type == MU_ATTRIBUTE_MAP) {
        *numbers = mu_facts_at(facts, slot->list.offset + 16 * (size_t)slot->list.count);
    }
    *ret_count = slot->list.count;
    return symbols;
}
