/* Any bytes as a ticket's details: refused with a plain text, or facts that are in their block, all
 * of which can be read, and which come out the same again, in just as much room. */
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "actors/facts.h"

enum { PLAYERS = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void set_up(struct mu_rules *rules, struct mu_config *config)
{
    mu_config_default(config);
    rules->teams_count = 2;
    rules->attributes_count = 4;
    for (uint32_t i = 0; i < 4; i++) {
        struct mu_attribute *attribute = &rules->attributes[i];
        (void)snprintf(attribute->name, sizeof attribute->name, "%c", 'a' + (int)i);
        attribute->type = (enum mu_attribute_type)i;
        attribute->has_default = true;
        attribute->symbols_count = i == 0 ? 0 : 1;
        attribute->symbols[0] = 1;
    }
    (void)snprintf(rules->teams[0].name, sizeof rules->teams[0].name, "x");
    (void)snprintf(rules->teams[1].name, sizeof rules->teams[1].name, "y");
}

/* Symbols of a list: in the block, none of them 0, each once. */
static void check_list(const struct mu_facts *facts, uint32_t player, uint32_t attribute)
{
    const double *numbers = NULL;
    uint32_t count = 0;
    const uint64_t *symbols = mu_facts_symbols(facts, player, attribute, &count, &numbers);
    const char *begin = (const char *)facts;
    assert((const char *)symbols >= begin);
    assert((const char *)(symbols + count) <= begin + facts->bytes);
    assert(count <= MU_FACTS_STRINGS_MAX && (attribute != 1 || count == 1));
    assert((numbers != NULL) == (attribute == 3));
    for (uint32_t i = 0; i < count; i++) {
        assert(symbols[i] != 0);
        assert(attribute != 3 || (fabs(numbers[i]) <= MU_FACTS_NUMBER_MAX));
        assert(attribute != 3 || i == 0 || symbols[i - 1] < symbols[i]);
        for (uint32_t j = 0; j < i; j++) {
            assert(symbols[j] != symbols[i]);
        }
    }
}

static void check_facts(const struct mu_facts *facts, const struct mu_config *config)
{
    assert(facts->players_count == PLAYERS && facts->bytes <= MU_FACTS_BYTES_MAX);
    for (uint32_t i = 0; i < PLAYERS; i++) {
        assert(mu_facts_id(facts, i) != 0);
        assert(mu_facts_rating(facts, i) == 1500 && mu_facts_deviation(facts, i) == 50);
        assert(mu_facts_team(facts, i) < 2 || mu_facts_team(facts, i) == MU_RULES_NONE);
        assert(fabs(mu_facts_number(facts, i, 0)) <= MU_FACTS_NUMBER_MAX);
        for (uint32_t j = 0; j < config->regions_count; j++) {
            (void)mu_facts_latency(facts, i, j); /* any value is one */
        }
        for (uint32_t j = 1; j < 4; j++) {
            check_list(facts, i, j);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mu_rules rules;
    static struct mu_config config;
    static uint64_t block[MU_FACTS_BYTES_MAX / 8];
    static uint64_t again[MU_FACTS_BYTES_MAX / 8];
    const struct mu_facts_player players[PLAYERS] = { { "a", 1500, 50 },
                                                      { "b", 1500, 50 },
                                                      { "c", 1500, 50 } };
    if (rules.teams_count == 0) {
        set_up(&rules, &config);
    }
    struct mu_facts_fault fault = { .player = MU_RULES_NONE };
    void *at = block;
    const char *details = (const char *)data;
    int r =
        mu_facts_read(&rules, &config, players, PLAYERS, details, size, &fault, at, sizeof block);
    if (r != 0) {
        assert(r == -EINVAL && fault.player < PLAYERS && fault.what[0] != '\0');
        for (const char *text = fault.what; *text != '\0'; text++) {
            assert(*text >= 0x20 && *text < 0x7f);
        }
        return 0;
    }
    const struct mu_facts *facts = at;
    check_facts(facts, &config);
    at = again;
    r = mu_facts_read(&rules, &config, players, PLAYERS, details, size, NULL, at, facts->bytes - 8);
    assert(r == -ENOBUFS);
    r = mu_facts_read(&rules, &config, players, PLAYERS, details, size, NULL, at, facts->bytes);
    assert(r == 0 && memcmp(block, again, facts->bytes) == 0);
    return 0;
}
