/* tests/unit/compose_kinds.h - pools of many kinds for the composer's tests: rule sets, and
 * tickets at random. */
#ifndef MU_TESTS_UNIT_COMPOSE_KINDS_H
#define MU_TESTS_UNIT_COMPOSE_KINDS_H

#include "core/rng.h"
#include "tests/unit/compose_world.h"

static struct mu_rng rng;

/* A kind of pool: a document, and what its tickets are like. */
struct kind {
    const char *name;
    uint32_t party_max;
    uint32_t tickets_max; /* that every way can be tried of */
    int64_t age_max_ms;
    const char *document;
};

#define EVEN_RULES                                                                                 \
    "\"playerAttributes\": [{\"name\": \"skill\", \"type\": \"number\", \"default\": 0}],"         \
    "\"rules\": [{\"name\": \"near\", \"type\": \"distance\", \"maxDistance\": 4,"                 \
    "  \"measurements\": [\"avg(teams[*].players.attributes[skill])\"],"                           \
    "  \"referenceValue\": \"avg(flatten(teams[*].players.attributes[skill]))\"},"                 \
    " {\"name\": \"equal\", \"type\": \"distance\", \"maxDistance\": 0,"                           \
    "  \"measurements\": [\"max(count(teams[*].players))\"],"                                      \
    "  \"referenceValue\": \"min(count(teams[*].players))\"}]"
#define EVEN_STEPS                                                                                 \
    ",\"expansions\": [{\"target\": \"rules[near].maxDistance\","                                  \
    "  \"steps\": [{\"waitTimeSeconds\": 5, \"value\": 8}]}]"

static const struct kind kinds[] = {
    { "even", 1, 8, 10000,
      "{\"teams\": [{\"name\": \"t\", \"minPlayers\": 2, \"maxPlayers\": 4, \"quantity\": "
      "2}]," EVEN_RULES EVEN_STEPS "}" },
    { "even parties", 3, 6, 10000,
      "{\"teams\": [{\"name\": \"t\", \"minPlayers\": 2, \"maxPlayers\": 5, \"quantity\": "
      "2}]," EVEN_RULES EVEN_STEPS "}" },
    { "three even", 2, 6, 10000,
      "{\"teams\": [{\"name\": \"t\", \"minPlayers\": 1, \"maxPlayers\": 2, \"quantity\": "
      "3}]," EVEN_RULES EVEN_STEPS "}" },
    { "spanning", 3, 4, 10000,
      "{\"parties\": \"may_span\","
      "\"teams\": [{\"name\": \"t\", \"minPlayers\": 2, \"maxPlayers\": 3, \"quantity\": "
      "2}]," EVEN_RULES "}" },
    { "oldest", 2, 7, 10000,
      "{\"algorithm\": {\"expansionAgeSelection\": \"oldest\"},"
      "\"playerAttributes\": [{\"name\": \"skill\", \"type\": \"number\", \"default\": 0}],"
      "\"teams\": [{\"name\": \"t\", \"minPlayers\": 2, \"maxPlayers\": 3, \"quantity\": 2}],"
      "\"rules\": [{\"name\": \"near\", \"type\": \"batchDistance\", \"batchAttribute\": \"skill\","
      "  \"maxDistance\": 5}],"
      "\"expansions\": [{\"target\": \"rules[near].maxDistance\","
      "  \"steps\": [{\"waitTimeSeconds\": 3, \"value\": 10}, {\"waitTimeSeconds\": 8, \"value\": "
      "15}]},"
      " {\"target\": \"teams[t].minPlayers\", \"steps\": [{\"waitTimeSeconds\": 6, \"value\": "
      "1}]}]}" },
    { "sizes", 2, 7, 10000,
      "{\"playerAttributes\": [{\"name\": \"skill\", \"type\": \"number\", \"default\": 0}],"
      "\"teams\": [{\"name\": \"a\", \"minPlayers\": 2, \"maxPlayers\": 2},"
      "  {\"name\": \"b\", \"minPlayers\": 3, \"maxPlayers\": 3}],"
      "\"rules\": [{\"name\": \"near\", \"type\": \"batchDistance\", \"batchAttribute\": \"skill\","
      "  \"maxDistance\": 8}],"
      "\"expansions\": [{\"target\": \"teams[a].maxPlayers\","
      "  \"steps\": [{\"waitTimeSeconds\": 4, \"value\": 3}]},"
      " {\"target\": \"teams[b].minPlayers\", \"steps\": [{\"waitTimeSeconds\": 6, \"value\": "
      "1}]}]}" },
    { "monster", 2, 8, 0,
      "{\"playerAttributes\": [{\"name\": \"wants\", \"type\": \"number\", \"default\": 0},"
      "  {\"name\": \"skill\", \"type\": \"number\", \"default\": 0}],"
      "\"teams\": [{\"name\": \"hunters\", \"minPlayers\": 3, \"maxPlayers\": 4},"
      "  {\"name\": \"monster\", \"minPlayers\": 1, \"maxPlayers\": 1}],"
      "\"rules\": [{\"name\": \"wants\", \"type\": \"comparison\", \"operation\": \"=\","
      "  \"referenceValue\": 1, \"measurements\": [\"teams[monster].players.attributes[wants]\"]},"
      " {\"name\": \"wants not\", \"type\": \"comparison\", \"operation\": \"=\","
      "  \"referenceValue\": 0, \"measurements\": [\"teams[hunters].players.attributes[wants]\"]},"
      " {\"name\": \"strong\", \"type\": \"comparison\", \"operation\": \">=\","
      "  \"measurements\": [\"avg(teams[monster].players.attributes[skill])\"],"
      "  \"referenceValue\": \"max(teams[hunters].players.attributes[skill])\"}]}" },
    { "blocks", 2, 8, 0,
      "{\"playerAttributes\": [{\"name\": \"blockList\", \"type\": \"string_list\", \"default\": "
      "[]}],"
      "\"teams\": [{\"name\": \"t\", \"minPlayers\": 2, \"maxPlayers\": 2, \"quantity\": 2}],"
      "\"rules\": [{\"type\": \"blockList\"}]}" },
    { "kinds", 2, 8, 0,
      "{\"playerAttributes\": [{\"name\": \"kind\", \"type\": \"string\", \"default\": \"a\"}],"
      "\"teams\": [{\"name\": \"red\", \"minPlayers\": 2, \"maxPlayers\": 3},"
      "  {\"name\": \"blue\", \"minPlayers\": 2, \"maxPlayers\": 3}],"
      "\"rules\": [{\"name\": \"some\", \"type\": \"collection\", \"operation\": \"contains\","
      "  \"minCount\": 1, \"measurements\": [\"teams[red].players.attributes[kind]\"],"
      "  \"referenceValue\": \"b\"},"
      " {\"name\": \"few\", \"type\": \"collection\", \"operation\": \"contains\", \"maxCount\": 2,"
      "  \"measurements\": [\"flatten(teams[*].players.attributes[kind])\"], \"referenceValue\": "
      "\"b\"},"
      " {\"name\": \"none\", \"type\": \"collection\", \"operation\": \"contains\", \"maxCount\": "
      "0,"
      "  \"measurements\": [\"teams[blue].players.attributes[kind]\"], \"referenceValue\": "
      "\"c\"}]}" },
    { "maps", 1, 8, 0,
      "{\"playerAttributes\": [{\"name\": \"maps\", \"type\": \"string_list\"}],"
      "\"teams\": [{\"name\": \"t\", \"minPlayers\": 2, \"maxPlayers\": 3, \"quantity\": 2}],"
      "\"rules\": [{\"name\": \"map\", \"type\": \"collection\", \"operation\": \"intersection\","
      "  \"minCount\": 1, \"measurements\": [\"flatten(teams[*].players.attributes[maps])\"]}]}" },
    { "latency", 2, 8, 10000,
      "{\"teams\": [{\"name\": \"t\", \"minPlayers\": 2, \"maxPlayers\": 3, \"quantity\": 2}],"
      "\"rules\": [{\"name\": \"fast\", \"type\": \"latency\", \"maxLatency\": 90,"
      "  \"maxDistance\": 45, \"distanceReference\": \"avg\"}],"
      "\"expansions\": [{\"target\": \"rules[fast].maxLatency\","
      "  \"steps\": [{\"waitTimeSeconds\": 5, \"value\": 120}]}]}" },
    { "roles", 2, 8, 0,
      "{\"playerAttributes\": [{\"name\": \"roles\", \"type\": \"string_list\"}],"
      "\"roles\": {\"attribute\": \"roles\", \"quotas\": {\"a\": 1, \"b\": 1, \"c\": {\"min\": "
      "0}}},"
      "\"teams\": [{\"name\": \"t\", \"minPlayers\": 2, \"maxPlayers\": 3, \"quantity\": 2}]}" },
    { "compound", 1, 8, 0,
      "{\"playerAttributes\": [{\"name\": \"skill\", \"type\": \"number\", \"default\": 0},"
      "  {\"name\": \"wants\", \"type\": \"number\", \"default\": 0}],"
      "\"teams\": [{\"name\": \"t\", \"minPlayers\": 2, \"maxPlayers\": 3, \"quantity\": 2}],"
      "\"rules\": [{\"name\": \"low\", \"type\": \"comparison\", \"operation\": \"<\","
      "  \"referenceValue\": 10, \"measurements\": "
      "[\"max(flatten(teams[*].players.attributes[skill]))\"]},"
      " {\"name\": \"high\", \"type\": \"comparison\", \"operation\": \">\", \"referenceValue\": 8,"
      "  \"measurements\": [\"min(flatten(teams[*].players.attributes[skill]))\"]},"
      " {\"name\": \"wants\", \"type\": \"comparison\", \"operation\": \">=\", \"referenceValue\": "
      "2,"
      "  \"measurements\": [\"sum(flatten(teams[*].players.attributes[wants]))\"]},"
      " {\"name\": \"all\", \"type\": \"compound\", \"statement\": \"and(xor(low, high), "
      "wants)\"}]}" },
    { "missing teams", 2, 6, 0,
      "{\"teams\": [{\"name\": \"t\", \"minPlayers\": 2, \"maxPlayers\": 3, \"quantity\": 4,"
      "  \"minQuantity\": 2}]}" },
};

static inline uint32_t below(uint32_t count)
{
    return (uint32_t)mu_rng_below(&rng, count);
}

/* One player's object. */
static inline int spell_player(char *ret, size_t size, uint32_t tickets)
{
    static const char *const letters[] = { "\"a\"",        "\"b\"",        "\"c\"",
                                           "\"a\", \"b\"", "\"b\", \"c\"", "\"a\", \"b\", \"c\"" };
    static const char *const single[] = { "a", "a", "a", "b", "c" };
    static const char *const latencies[] = { "\"eu-west\": ", "\"us-east\": 80, \"eu-west\": ",
                                             "\"us-east\": ", "\"eu-west\": 70, \"us-east\": ",
                                             "\"us-east\": 100, \"us-west\": " };
    char latency[64];
    char blocks[64] = "";
    (void)snprintf(latency, sizeof latency, "%s%u", latencies[below(5)], 20 + below(110));
    if (below(3) == 0) {
        (void)snprintf(blocks, sizeof blocks, "\"p%u\", \"p%u\"", below(tickets),
                       100 + below(tickets));
    }
    return snprintf(ret, size,
                    "{\"attributes\": {\"skill\": %u, \"wants\": %u, \"kind\": \"%s\","
                    " \"maps\": [%s], \"roles\": [%s], \"blockList\": [%s]},"
                    " \"latencies\": {%s}}",
                    below(20), below(4) == 0 ? 1 : 0, single[below(5)], letters[below(6)],
                    letters[below(6)], blocks, latency);
}

/* Tickets of that kind, as they come. */
static inline void fill_world(const struct kind *kind, uint32_t tickets, int64_t now_ms)
{
    char details[4096];
    world_clear();
    for (uint32_t i = 0; i < tickets; i++) {
        uint32_t players = 1 + (below(2) == 0 ? below(kind->party_max) : 0);
        size_t used = 0;
        for (uint32_t k = 0; k < players; k++) {
            used +=
                (size_t)snprintf(details + used, sizeof details - used, "%s", k == 0 ? "[" : ",");
            used += (size_t)spell_player(details + used, sizeof details - used, tickets);
        }
        (void)snprintf(details + used, sizeof details - used, "]");
        int64_t age_ms = kind->age_max_ms == 0 ? 0 : below((uint32_t)kind->age_max_ms);
        (void)world_add(players, 1000 + (int32_t)below(400), now_ms - age_ms, details);
    }
}

#endif /* MU_TESTS_UNIT_COMPOSE_KINDS_H */
