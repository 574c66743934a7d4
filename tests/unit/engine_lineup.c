/* tests/unit/engine_lineup.c - see engine_lineup.h. */
#include "tests/unit/engine_lineup.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NEARLY 1e-6

#define PEOPLE                                                                                     \
    "\"playerAttributes\": [{\"name\": \"skill\", \"type\": \"number\", \"default\": 0},"          \
    "  {\"name\": \"side\", \"type\": \"string\", \"default\": \"hunter\"}],"

/* Words. */

static int64_t newest_ms(const struct lineup *lineup)
{
    int64_t age_ms = INT64_MAX;
    for (uint32_t i = 0; i < lineup->count; i++) {
        int64_t own_ms = lineup->now_ms - lineup->tickets[i]->since_ms;
        age_ms = own_ms < age_ms ? own_ms : age_ms;
    }
    return age_ms;
}

static int64_t oldest_ms(const struct lineup *lineup)
{
    int64_t age_ms = 0;
    for (uint32_t i = 0; i < lineup->count; i++) {
        int64_t own_ms = lineup->now_ms - lineup->tickets[i]->since_ms;
        age_ms = own_ms > age_ms ? own_ms : age_ms;
    }
    return age_ms;
}

static double party_skill(const struct lineup_ticket *ticket)
{
    double sum = 0;
    for (uint32_t i = 0; i < ticket->count; i++) {
        sum += ticket->players[i].skill;
    }
    return sum / ticket->count;
}

static uint32_t team_size(const struct lineup *lineup, uint32_t team)
{
    uint32_t players = 0;
    for (uint32_t i = 0; i < lineup->count; i++) {
        for (uint32_t k = 0; k < lineup->tickets[i]->count; k++) {
            players += lineup->teams[i][k] == team;
        }
    }
    return players;
}

static double team_skill(const struct lineup *lineup, uint32_t team)
{
    double sum = 0;
    for (uint32_t i = 0; i < lineup->count; i++) {
        for (uint32_t k = 0; k < lineup->tickets[i]->count; k++) {
            sum += lineup->teams[i][k] == team ? party_skill(lineup->tickets[i]) : 0;
        }
    }
    return sum / team_size(lineup, team);
}

static bool is_split(const struct lineup *lineup, uint32_t i)
{
    for (uint32_t k = 1; k < lineup->tickets[i]->count; k++) {
        if (lineup->teams[i][k] != lineup->teams[i][0]) {
            return true;
        }
    }
    return false;
}

static bool nobody_is_split(const struct lineup *lineup)
{
    for (uint32_t i = 0; i < lineup->count; i++) {
        if (is_split(lineup, i)) {
            return false;
        }
    }
    return true;
}

static bool sizes_within(const struct lineup *lineup, uint32_t teams, uint32_t min, uint32_t max)
{
    for (uint32_t i = 0; i < LINEUP_TEAMS_MAX; i++) {
        uint32_t players = team_size(lineup, i);
        if (i < teams ? players < min || players > max : players > 0) {
            return false;
        }
    }
    return true;
}

static double skill_range(const struct lineup *lineup)
{
    double low = HUGE_VAL;
    double high = -HUGE_VAL;
    for (uint32_t i = 0; i < lineup->count; i++) {
        low = fmin(low, party_skill(lineup->tickets[i]));
        high = fmax(high, party_skill(lineup->tickets[i]));
    }
    return high - low;
}

/* Kinds. */

static bool even_holds(const struct lineup *lineup)
{
    double a = team_skill(lineup, 0);
    double b = team_skill(lineup, 1);
    uint32_t size = team_size(lineup, 0);
    double all = (a + b) / 2; /* they are as many */
    double most = newest_ms(lineup) >= 5000 ? 8 : 4;
    return nobody_is_split(lineup) && sizes_within(lineup, 2, 2, 4) &&
           size == team_size(lineup, 1) && fabs(a - all) <= most + NEARLY &&
           fabs(b - all) <= most + NEARLY;
}

static bool band_holds(const struct lineup *lineup)
{
    double most = newest_ms(lineup) >= 8000 ? 10 : 5;
    for (uint32_t i = 0; i < lineup->count; i++) {
        if (lineup_reach(lineup->tickets[i], lineup->region) > 100) {
            return false;
        }
    }
    return nobody_is_split(lineup) && sizes_within(lineup, 2, 2, 3) &&
           skill_range(lineup) <= most + NEARLY;
}

static bool span_holds(const struct lineup *lineup)
{
    return sizes_within(lineup, 2, 2, 3) && skill_range(lineup) <= 9 + NEARLY;
}

static bool alone_holds(const struct lineup *lineup)
{
    return (lineup->count == 1 || nobody_is_split(lineup)) && sizes_within(lineup, 2, 2, 2);
}

static bool hunt_holds(const struct lineup *lineup)
{
    uint32_t least = newest_ms(lineup) >= 6000 ? 2 : 3;
    for (uint32_t i = 0; i < lineup->count; i++) {
        for (uint32_t k = 0; k < lineup->tickets[i]->count; k++) {
            if (lineup->tickets[i]->players[k].monster != (lineup->teams[i][k] == 1)) {
                return false;
            }
        }
    }
    uint32_t hunters = team_size(lineup, 0);
    return nobody_is_split(lineup) && hunters >= least && hunters <= 3 &&
           team_size(lineup, 1) == 1 && sizes_within(lineup, 2, 1, 3);
}

static bool squads_hold(const struct lineup *lineup)
{
    uint32_t playing = 0;
    for (uint32_t i = 0; i < 3; i++) {
        playing += team_size(lineup, i) > 0;
    }
    return nobody_is_split(lineup) && playing >= 2 && sizes_within(lineup, 3, 0, 2);
}

static bool all_hold(const struct lineup *lineup)
{
    uint32_t players = team_size(lineup, 0);
    return sizes_within(lineup, 1, 3, 6) && (players == 6 || oldest_ms(lineup) >= 5000);
}

static bool near_holds(const struct lineup *lineup)
{
    uint32_t most = newest_ms(lineup) >= 10000 ? 100 : 60;
    for (uint32_t i = 0; i < lineup->count; i++) {
        for (uint32_t k = 0; k < lineup->tickets[i]->count; k++) {
            if (lineup->tickets[i]->players[k].latency_ms[lineup->region] > most) {
                return false;
            }
        }
    }
    return nobody_is_split(lineup) && sizes_within(lineup, 2, 1, 2);
}

static bool shapes_hold(const struct lineup *lineup)
{
    return nobody_is_split(lineup) &&
           (sizes_within(lineup, 2, 3, 3) || sizes_within(lineup, 2, 2, 2));
}

const struct lineup_kind lineup_kinds[] = {
    { "even", 2, 3, 7, false,
      PEOPLE
      "\"teams\": [{\"name\": \"t\", \"minPlayers\": 2, \"maxPlayers\": 4, \"quantity\": 2}],"
      "\"rules\": [{\"type\": \"blockList\"}, {\"name\": \"near\", \"type\": \"distance\","
      "  \"maxDistance\": 4, \"measurements\": [\"avg(teams[*].players.attributes[skill])\"],"
      "  \"referenceValue\": \"avg(flatten(teams[*].players.attributes[skill]))\"},"
      " {\"name\": \"equal\", \"type\": \"comparison\", \"operation\": \"=\","
      "  \"measurements\": [\"count(teams[t_1].players)\"],"
      "  \"referenceValue\": \"count(teams[t_2].players)\"}],"
      "\"expansions\": [{\"target\": \"rules[near].maxDistance\","
      "  \"steps\": [{\"waitTimeSeconds\": 5, \"value\": 8}]}]}",
      even_holds },
    { "band", 2, 3, 7, false,
      PEOPLE
      "\"maxLatency\": 100, \"teams\": [{\"name\": \"red\", \"minPlayers\": 2, \"maxPlayers\":"
      " 3}, {\"name\": \"blue\", \"minPlayers\": 2, \"maxPlayers\": 3}],"
      "\"rules\": [{\"type\": \"blockList\"}, {\"name\": \"near\", \"type\": \"batchDistance\","
      "  \"batchAttribute\": \"skill\", \"maxDistance\": 5}],"
      "\"expansions\": [{\"target\": \"rules[near].maxDistance\","
      "  \"steps\": [{\"waitTimeSeconds\": 8, \"value\": 10}]}]}",
      band_holds },
    { "span", 2, 3, 4, true,
      PEOPLE
      "\"parties\": \"may_span\", \"teams\": [{\"name\": \"t\", \"minPlayers\": 2,"
      "  \"maxPlayers\": 3, \"quantity\": 2}],"
      "\"rules\": [{\"type\": \"blockList\"}, {\"name\": \"near\", \"type\": \"batchDistance\","
      "  \"batchAttribute\": \"skill\", \"maxDistance\": 9}]}",
      span_holds },
    { "alone", 2, 4, 5, true,
      PEOPLE "\"parties\": \"self_contained\", \"teams\": [{\"name\": \"t\", \"minPlayers\": 2,"
             "  \"maxPlayers\": 2, \"quantity\": 2}], \"rules\": [{\"type\": \"blockList\"}]}",
      alone_holds },
    { "hunt", 2, 3, 7, false,
      PEOPLE
      "\"teams\": [{\"name\": \"hunters\", \"minPlayers\": 3, \"maxPlayers\": 3},"
      "  {\"name\": \"monster\", \"minPlayers\": 1, \"maxPlayers\": 1}],"
      "\"rules\": [{\"type\": \"blockList\"}, {\"name\": \"one\", \"type\": \"comparison\","
      "  \"operation\": \"=\", \"measurements\": [\"teams[monster].players.attributes[side]\"],"
      "  \"referenceValue\": \"monster\"}, {\"name\": \"none\", \"type\": \"comparison\","
      "  \"operation\": \"!=\", \"measurements\": [\"teams[hunters].players.attributes[side]\"],"
      "  \"referenceValue\": \"monster\"}],"
      "\"expansions\": [{\"target\": \"teams[hunters].minPlayers\","
      "  \"steps\": [{\"waitTimeSeconds\": 6, \"value\": 2}]}]}",
      hunt_holds },
    { "squads", 3, 2, 6, false,
      PEOPLE "\"teams\": [{\"name\": \"squad\", \"minPlayers\": 1, \"maxPlayers\": 2,"
             "  \"quantity\": 3, \"minQuantity\": 2}], \"rules\": [{\"type\": \"blockList\"}]}",
      squads_hold },
    { "all", 1, 2, 8, false,
      PEOPLE "\"freeForAll\": true, \"fillSeconds\": 5, \"teams\": [{\"name\": \"all\","
             "  \"minPlayers\": 3, \"maxPlayers\": 6}], \"rules\": [{\"type\": \"blockList\"}]}",
      all_hold },
    { "near", 2, 2, 7, false,
      PEOPLE
      "\"teams\": [{\"name\": \"t\", \"minPlayers\": 1, \"maxPlayers\": 2, \"quantity\": 2}],"
      "\"rules\": [{\"type\": \"blockList\"}, {\"name\": \"fast\", \"type\": \"latency\","
      "  \"maxLatency\": 60, \"partyAggregation\": \"max\"}],"
      "\"expansions\": [{\"target\": \"rules[fast].maxLatency\","
      "  \"steps\": [{\"waitTimeSeconds\": 10, \"value\": 100}]}]}",
      near_holds },
    { "shapes", 2, 3, 7, false,
      PEOPLE "\"shapes\": [{\"teams\": [{\"name\": \"t\", \"minPlayers\": 3, \"maxPlayers\": 3,"
             "  \"quantity\": 2}]}, {\"teams\": [{\"name\": \"t\", \"minPlayers\": 2,"
             "  \"maxPlayers\": 2, \"quantity\": 2}]}], \"rules\": [{\"type\": \"blockList\"}]}",
      shapes_hold },
};
const uint32_t lineup_kinds_count = sizeof lineup_kinds / sizeof lineup_kinds[0];

/* Everybody's. */

uint32_t lineup_reach(const struct lineup_ticket *ticket, uint32_t region)
{
    uint32_t worst = 0;
    for (uint32_t i = 0; i < ticket->count; i++) {
        uint32_t ms = ticket->players[i].latency_ms[region];
        worst = ms > worst ? ms : worst;
    }
    return worst;
}

/* Whether somebody of a does not want to meet somebody of b. */
static bool blocks(const struct lineup_ticket *a, const struct lineup_ticket *b)
{
    for (uint32_t i = 0; i < a->count; i++) {
        for (uint32_t k = 0; k < b->count; k++) {
            if ((a->players[i].blocks >> ((b->number + k) % 64) & 1) != 0) {
                return true;
            }
        }
    }
    return false;
}

bool lineup_holds(const struct lineup_kind *kind, const struct lineup *lineup)
{
    assert(lineup->count <= LINEUP_TICKETS_MAX);
    for (uint32_t i = 0; i < lineup->count; i++) {
        if (lineup->region >= LINEUP_REGIONS ||
            lineup_reach(lineup->tickets[i], lineup->region) == LINEUP_NOWHERE) {
            return false;
        }
        for (uint32_t k = 0; k < lineup->count; k++) {
            if (blocks(lineup->tickets[i], lineup->tickets[k]) ||
                (i != k && lineup->tickets[i] == lineup->tickets[k])) {
                return false;
            }
        }
    }
    return kind->holds(lineup);
}

static uint32_t below(struct mu_rng *rng, uint32_t count)
{
    return (uint32_t)mu_rng_below(rng, count);
}

void lineup_make(struct mu_rng *rng, const struct lineup_kind *kind, uint32_t number,
                 struct lineup_ticket *ret)
{
    *ret = (struct lineup_ticket){ .number = number };
    ret->count = below(rng, 2) == 0 ? 1 : 1 + below(rng, kind->party_max);
    bool monster = below(rng, 3) == 0;
    for (uint32_t i = 0; i < ret->count; i++) {
        struct lineup_player *player = &ret->players[i];
        player->skill = below(rng, 20);
        player->monster = monster;
        player->blocks = below(rng, 3) == 0 ? UINT64_C(1) << below(rng, 64) : 0;
        /* Who blocks one of his own party could never play. */
        for (uint32_t k = 0; k < ret->count; k++) {
            player->blocks &= ~(UINT64_C(1) << ((number + k) % 64));
        }
        for (uint32_t k = 0; k < LINEUP_REGIONS; k++) {
            player->latency_ms[k] = below(rng, 3) == 0 ? LINEUP_NOWHERE : 20 + below(rng, 100);
        }
        player->latency_ms[number % LINEUP_REGIONS] = 20 + below(rng, 100); /* somewhere */
    }
}

void lineup_player_id(uint32_t number, char *ret, size_t size)
{
    /* Players whose numbers differ by 64 are one: so few are known by the bits of `blocks`. */
    (void)snprintf(ret, size, "player%u", (unsigned)(number % 64));
}

void lineup_spell(const struct lineup_ticket *ticket, char *ret, size_t size)
{
    static const char *const regions[LINEUP_REGIONS] = { "us-east", "us-west", "eu-west" };
    size_t used = 0;
    for (uint32_t i = 0; i < ticket->count; i++) {
        const struct lineup_player *player = &ticket->players[i];
        const char *comma = "";
        used += (size_t)snprintf(ret + used, size - used,
                                 "%s{\"attributes\": {\"skill\": %u, \"side\": \"%s\","
                                 " \"blockList\": [",
                                 i == 0 ? "[" : ", ", (unsigned)player->skill,
                                 player->monster ? "monster" : "hunter");
        for (uint32_t k = 0; k < 64; k++) {
            char id[32];
            lineup_player_id(k, id, sizeof id);
            if ((player->blocks >> k & 1) != 0) {
                used += (size_t)snprintf(ret + used, size - used, "%s\"%s\"", comma, id);
                comma = ", ";
            }
        }
        used += (size_t)snprintf(ret + used, size - used, "]}, \"latencies\": {");
        comma = "";
        for (uint32_t k = 0; k < LINEUP_REGIONS; k++) {
            if (player->latency_ms[k] != LINEUP_NOWHERE) {
                used += (size_t)snprintf(ret + used, size - used, "%s\"%s\": %u", comma, regions[k],
                                         (unsigned)player->latency_ms[k]);
                comma = ", ";
            }
        }
        used += (size_t)snprintf(ret + used, size - used, "}}");
        assert(used < size);
    }
    (void)snprintf(ret + used, size - used, "]");
}
