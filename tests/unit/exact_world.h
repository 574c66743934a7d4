/* tests/unit/exact_world.h - small pools of tickets that wait, what the engine forms of them, and
 * what a match is worth by the formulas of docs/MATCHING.md, written anew. */
#ifndef MU_TESTS_UNIT_EXACT_WORLD_H
#define MU_TESTS_UNIT_EXACT_WORLD_H

#include <math.h>
#include <string.h>

#include "actors/engine.h"
#include "actors/explain.h"
#include "actors/rules_compile.h"
#include "core/actor.h"
#include "tests/unit/unit.h"

enum {
    TICKETS_MAX = 12,
    PARTY_MAX = 5,
    TEAMS_MAX = 3,
    WAIT_COST_MS = 240000,
    BEFORE_MAX = 80, /* tickets that came and went before */
};

#define EXACT 1e-6 /* a player: nearness and reservations are floats */

#define SIZES(teams_n, least, most)                                                                \
    .teams = (teams_n), .teams_min = (teams_n), .team_min = (least), .team_max = (most),           \
    .window_points = 300, .window_per_second = 10, .window_max = 2900, .latency_max_ms = 200,      \
    .wait_max_ms = 600000, .wait_cost_ms = WAIT_COST_MS, .serve_first_ms = 480000

struct kind {
    struct mu_mode mode;
    uint32_t players_min; /* of a pool */
    uint32_t players_max;
    uint32_t party_max;
    bool best;  /* the first match is the best that there is, always */
    bool crowd; /* some may be missed */
    double off; /* of the engine's surplus: of a party it knows the mean rating only */
};

static const struct kind kinds[] = {
    { { .name = "duel", SIZES(2, 1, 1) }, 2, 12, 1, .best = true, .off = EXACT },
    { { .name = "twos", SIZES(2, 2, 2) }, 4, 10, 2, .off = EXACT },
    { { .name = "threes", SIZES(2, 3, 3) }, 6, 12, 3, .off = EXACT },
    { { .name = "fives", SIZES(2, 5, 5) }, 10, 12, 5, .off = EXACT },
    { { .name = "fives+", SIZES(2, 5, 5) }, 10, 20, 5, .off = EXACT },
    { { .name = "free", SIZES(1, 4, 4) }, 4, 10, 1, .crowd = true, .off = EXACT },
    { { .name = "few", SIZES(1, 2, 5), .fill_ms = 5000 }, 2, 10, 3, .crowd = true, .off = 0.1 },
    { { .name = "pairs", SIZES(3, 2, 2) }, 6, 10, 2, .crowd = true, .off = EXACT },
};

static struct mu_rng rng;
static uint32_t ids;

struct waiting {
    struct mu_engine_ticket ticket;
    double ratings[PARTY_MAX]; /* with bonus */
    double variances[PARTY_MAX];
    double bid;
    double left;
    double nearness[MU_REGIONS_MAX]; /* 0: it cannot play there */
};

/* A match, by the tickets in it: bit i of set is tickets[i]. */
struct formed {
    uint32_t set;
    uint32_t region;
    uint8_t teams[TICKETS_MAX]; /* of tickets[i] */
    double surplus;             /* a player, as the engine says */
};

static struct {
    const struct kind *kind;
    struct mu_config config;
    struct mu_rulebook book;
    const struct mu_objective *objective;
    struct mu_pool *pool;
    struct mu_candidate *candidate;
    int64_t now_ms;
    uint32_t count;
    struct waiting tickets[TICKETS_MAX];
    uint32_t formed_count;
    struct formed formed[TICKETS_MAX];
} world;

static inline uint32_t below(uint32_t bound)
{
    return (uint32_t)mu_rng_below(&rng, bound);
}

/* Formulas. */

struct side {
    double players;
    double sum;
    double variance;
};

static inline double mean_unevenness(const struct side *sides, uint32_t count)
{
    const struct mu_objective *objective = world.objective;
    double sum = 0;
    uint32_t pairs = 0;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = i + 1; k < count; k++) {
            double variance =
                objective->beta * objective->beta * (sides[i].players + sides[k].players) +
                objective->uncertainty * (sides[i].variance + sides[k].variance);
            sum += fabs(erf((sides[i].sum - sides[k].sum) / sqrt(2 * variance)));
            pairs++;
        }
    }
    return sum / pairs;
}

/* Of the tickets of a set on these teams; everybody for himself: each player is a team. */
static inline double unevenness(uint32_t set, const uint8_t *teams)
{
    struct side sides[TICKETS_MAX] = { { 0 } };
    bool alone = world.kind->mode.teams == 1;
    uint32_t count = 0;
    for (uint32_t i = 0; i < world.count; i++) {
        const struct waiting *waiting = &world.tickets[i];
        for (uint32_t k = 0; (set >> i & 1) != 0 && k < waiting->ticket.players; k++) {
            struct side *side = &sides[alone ? count : teams[i]];
            side->players++;
            side->sum += waiting->ratings[k];
            side->variance += waiting->variances[k];
            count++;
        }
    }
    return mean_unevenness(sides, alone ? count : world.kind->mode.teams);
}

static inline uint32_t players_of(uint32_t set)
{
    uint32_t players = 0;
    for (uint32_t i = 0; i < world.count; i++) {
        players += (set >> i & 1) != 0 ? world.tickets[i].ticket.players : 0;
    }
    return players;
}

/* But for latency, on teams that are so uneven. */
static inline double quality_of(uint32_t set, double uneven)
{
    const struct mu_objective *objective = world.objective;
    const struct mu_mode *mode = &world.kind->mode;
    double players = players_of(set);
    double mean = 0;
    double variance = 0;
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < world.count; i++) {
            const struct waiting *waiting = &world.tickets[i];
            for (uint32_t k = 0; (set >> i & 1) != 0 && k < waiting->ticket.players; k++) {
                double away = waiting->ratings[k] - mean;
                variance += pass == 1 ? away * away / players : 0;
                mean += pass == 0 ? waiting->ratings[k] / players : 0;
            }
        }
        mean = pass == 0 ? mean : 0;
    }
    double spread = objective->spread * objective->spread;
    return pow(1 - objective->imbalance_weight * uneven, objective->fairness) *
           pow(1 / (1 + variance / spread), objective->closeness) *
           pow(players / (mode->teams * mode->team_max), objective->fullness);
}

/* A player, of a match of that quality but for latency. */
static inline double surplus(uint32_t set, uint32_t region, double quality)
{
    double sum = 0;
    for (uint32_t i = 0; i < world.count; i++) {
        const struct waiting *waiting = &world.tickets[i];
        double share = waiting->ticket.players * waiting->left;
        if ((set >> i & 1) != 0) {
            sum += share * (quality * waiting->nearness[region] - waiting->bid);
        }
    }
    return sum / players_of(set);
}

/* Reads what each ticket asks for, and where it is how near. */
static inline void read_tickets(void)
{
    const struct mu_objective *objective = world.objective;
    for (uint32_t i = 0; i < world.count; i++) {
        struct waiting *waiting = &world.tickets[i];
        const struct mu_engine_ticket *ticket = &waiting->ticket;
        struct mu_explanation explanation;
        double best = 0;
        assert_true(mu_pool_explain(world.pool, ticket->id, world.now_ms, &explanation));
        assert_true(explanation.waits && explanation.first_ms > 0);
        waiting->bid = explanation.reserve;
        double age_ms = (double)(world.now_ms - ticket->since_ms) + 1000.0 * ticket->priority;
        waiting->left = fmax(1 - age_ms / objective->wait_ms, 0.2);
        for (uint32_t pass = 0; pass < 2; pass++) {
            for (uint32_t k = 0; k < world.config.regions_count; k++) {
                double ms = ticket->reach_ms[k];
                bool reaches = ms <= world.kind->mode.latency_max_ms;
                double latency = fmin((260 - ms) / 220, 1);
                best = reaches && pass == 0 ? fmax(best, latency) : best;
                waiting->nearness[k] = reaches ? pow(latency / best, objective->nearness) : 0;
            }
        }
    }
}

/* A pool. */

static inline void make_ticket(struct waiting *ret, uint32_t players, int32_t spread,
                               int64_t age_ms)
{
    int32_t ratings[PARTY_MAX];
    int32_t deviations[PARTY_MAX];
    int32_t rating = 1500 - spread / 2 + (int32_t)below((uint32_t)spread + 1);
    *ret = (struct waiting){ .bid = 0 };
    for (uint32_t i = 0; i < players; i++) {
        ratings[i] = rating + (int32_t)below(100);
        deviations[i] = (int32_t)below(100);
        ret->ratings[i] = ratings[i] + (players == 1 ? 0 : 15.0 * (players - 1));
        ret->variances[i] = deviations[i] * deviations[i];
    }
    struct mu_engine_ticket *ticket = &ret->ticket;
    ticket->version = 1;
    ticket->since_ms = world.now_ms - age_ms;
    ticket->priority = below(10) == 0 ? below(20) : 0;
    ticket->players = players;
    mu_engine_ticket_rate(ticket, world.objective, ratings, deviations, players);
    (void)snprintf(ticket->id, sizeof ticket->id, "tkt_%08u", ++ids);
    uint32_t home = below(world.config.regions_count);
    for (uint32_t i = 0; i < MU_REGIONS_MAX; i++) {
        ticket->reach_ms[i] = i < world.config.regions_count && below(3) > 0
                                  ? (uint16_t)(20 + below(200))
                                  : MU_REACH_NONE;
    }
    ticket->reach_ms[home] = (uint16_t)(20 + below(60));
}

/* Tickets that came before, in the pool or in a match that was just formed. */
struct before {
    uint32_t count;
    char ids[BEFORE_MAX][MU_ID_MAX + 1];
    uint32_t gone_count;
    char gone[BEFORE_MAX][MU_ID_MAX + 1];
};

static inline bool note(void *owner, const struct mu_engine_match *match)
{
    struct before *before = owner;
    for (uint32_t i = 0; i < match->count; i++) {
        memcpy(before->gone[before->gone_count++], match->members[i].ticket->id, MU_ID_MAX + 1);
    }
    return true;
}

/* Lets others come, be matched and go, from whom reservations learn. */
static inline void live_before(int32_t spread)
{
    static struct before before;
    before.count = below(BEFORE_MAX);
    for (uint32_t i = 0; i < before.count; i++) {
        struct waiting waiting;
        world.now_ms += below(15000);
        make_ticket(&waiting, 1 + below(world.kind->party_max), spread, 0);
        memcpy(before.ids[i], waiting.ticket.id, sizeof before.ids[i]);
        assert_int_equal(mu_pool_add(world.pool, &waiting.ticket, world.now_ms), 0);
        before.gone_count = 0;
        (void)mu_pool_match(world.pool, world.now_ms, note, &before);
        for (uint32_t k = 0; k < before.gone_count; k++) {
            (void)mu_pool_remove(world.pool, before.gone[k], MU_LEAVE_MATCHED, world.now_ms);
        }
    }
    for (uint32_t i = 0; i < before.count; i++) {
        (void)mu_pool_remove(world.pool, before.ids[i], MU_LEAVE_GAVE_UP, world.now_ms);
    }
    assert_int_equal(mu_pool_count(world.pool), 0);
}

static inline bool keep(void *owner, const struct mu_engine_match *match)
{
    (void)owner;
    assert_true(world.formed_count < TICKETS_MAX);
    struct formed *formed = &world.formed[world.formed_count++];
    *formed = (struct formed){ .region = match->region, .surplus = match->surplus };
    for (uint32_t i = 0; i < match->count; i++) {
        uint32_t at = 0;
        while (at < world.count &&
               strcmp(world.tickets[at].ticket.id, match->members[i].ticket->id) != 0) {
            at++;
        }
        assert_true(at < world.count && (formed->set >> at & 1) == 0);
        formed->set |= UINT32_C(1) << at;
        formed->teams[at] = (uint8_t)match->members[i].team;
    }
    return true;
}

static inline void begin(const struct kind *kind, int32_t spread)
{
    world.kind = kind;
    world.now_ms = 1000000;
    world.count = 0;
    world.formed_count = 0;
    mu_config_default(&world.config);
    world.config.modes_count = 1;
    world.config.modes[0] = kind->mode;
    assert_int_equal(mu_rules_from_mode(&world.config, 0, &world.book), 0);
    world.objective = &world.book.shapes[0]->objective;
    world.pool = mu_pool_create(&world.config, &world.book, 1000, 7);
    world.candidate = mu_candidate_create();
    assert_non_null(world.pool);
    assert_non_null(world.candidate);
    if (below(2) == 0) {
        live_before(spread);
    }
}

static inline void end(void)
{
    mu_pool_check(world.pool);
    mu_pool_destroy(world.pool);
    mu_candidate_destroy(world.candidate);
    mu_rulebook_release(&world.book);
}

/* Makes a pool, and lets the engine form what it finds worth it. */
static inline void play(const struct kind *kind)
{
    int32_t spread = 100 + (int32_t)below(900);
    uint32_t age_max_ms = 1 + below(2) * below(WAIT_COST_MS);
    begin(kind, spread);
    uint32_t players = kind->players_min + below(kind->players_max - kind->players_min + 1);
    bool parties = below(2) == 0;
    while (players > 0 && world.count < TICKETS_MAX) {
        struct waiting *waiting = &world.tickets[world.count++];
        uint32_t most = players < kind->party_max ? players : kind->party_max;
        uint32_t own = parties ? 1 + below(most) : 1;
        make_ticket(waiting, own, spread, below(age_max_ms));
        assert_int_equal(mu_pool_add(world.pool, &waiting->ticket, world.now_ms), 0);
        players -= own;
    }
    do {
        (void)mu_pool_match(world.pool, world.now_ms, keep, NULL);
    } while (mu_pool_next_moment(world.pool) == INT64_MIN);
    read_tickets();
}

#endif /* MU_TESTS_UNIT_EXACT_WORLD_H */
